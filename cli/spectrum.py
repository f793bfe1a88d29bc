"""`vaedyn spectrum`: which beta and how many latents, for somebody's own data."""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.conventions import Convention
from vaedyn.prediction import Prediction

from .data import ACCURACY_OPTIONS, CONVENTION_OPTIONS, DATA, DATA_OPTIONS, Data, look
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add
from .output import number, plain, print_json, table

log = logging.getLogger("vaedyn.cli")
MOST_ROWS = 25
CURVE = 41  # points of the rate-distortion curve
OWN = Convention("sum", 1.0)  # the model's: half of the squared error, and beta times KL


def convention_of(
    loss: str | None, decoder_variance: float | None, scale: float
) -> Convention | None:
    """Return the user's convention, or None where it is the model's own."""
    if loss is None and decoder_variance is None:
        return None if scale == 1 else replace(OWN, scale=scale)
    return Convention(loss or "sum", decoder_variance, scale)


@click.command(
    "spectrum",
    cls=Command,
    examples=[
        "vaedyn spectrum data.npy",
        "vaedyn spectrum data.csv --loss mean --weight 0.00025",
        "vaedyn spectrum images.h5:/train/x --scale 0.00392157 --loss sum --json",
    ],
)
@DATA
@add(
    DATA_OPTIONS,
    CONVENTION_OPTIONS,
    ACCURACY_OPTIONS,
    STORE_OPTIONS,
    RECOMPUTE_OPTIONS,
    OUTPUT_OPTIONS,
)
def command(
    place: str,
    standardise: bool,
    estimator: str,
    spikes: int | None,
    latent: int | None,
    loss: str | None,
    decoder_variance: float | None,
    scale: float,
    weight: float | None,
    leading: int,
    passes: int,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Tell at which beta each latent collapses, for your data, and which beta to take.

    DATA is a table whose rows are samples: .npy, .npz, .csv, .txt or .h5, with
    ``file.h5:/path/to/dataset`` where there are several. Signals are the principal
    directions that stand out of the noise. A linear VAE loses one when beta
    reaches its variance, and fits noise when beta is below eta. With a convention
    of yours, such as --loss mean, KL weights are translated.
    """
    convention = convention_of(loss, decoder_variance, scale)
    if weight is not None:
        OWN.beta(weight, 1)  # refused before the data are read
    where = {"store_path": store_path, "recompute": recompute}
    data = look(place, standardise, estimator, spikes, leading, passes, **where)
    for text in data.analysis.warnings:
        log.warning(text)
    count = latent or max(data.prediction.latents, 1)
    judged = None
    if weight is not None:
        judged = (weight, (convention or OWN).beta(weight, data.spectrum.dim))
    if as_json:
        print_json(describe(data, count, convention, judged))
        return
    print_spectrum(data, convention)
    if judged is not None:
        click.echo(verdict(data.prediction, latent, *judged))


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _weight(convention: Convention | None, beta: float, dim: int) -> float | None:
    return None if convention is None else convention.weight(beta, dim)


def print_spectrum(data: Data, convention: Convention | None) -> None:
    """Print signals, thresholds and what is recommended."""
    spectrum, analysis, prediction = data.spectrum, data.analysis, data.prediction
    rows = []
    for k in range(min(len(analysis.rho), MOST_ROWS)):
        threshold = float(prediction.collapse[k])
        own = _weight(convention, threshold, spectrum.dim)
        rows.append(
            [
                str(k + 1),
                number(analysis.eigenvalue[k]),
                f"{number(analysis.rho[k])} +- {analysis.rho_error[k]:.2g}",
                number(threshold),
                *([number(own)] if own is not None else []),
            ]
        )
    heading = ["signal", "eigenvalue", "rho", "collapses at beta"]
    table([*heading, *(["KL weight"] if convention else [])], rows)
    if len(analysis.rho) > MOST_ROWS:
        click.echo(f"and {len(analysis.rho) - MOST_ROWS} more: see --json")
    others = ", ".join(f"{name} {number(eta)}" for name, eta in analysis.alternatives.items())
    others = others or "the other estimators need all eigenvalues"
    click.echo(
        f"{spectrum.samples} samples in {counted(analysis.dim, 'dimension')}, noise eta = "
        f"{number(analysis.eta)} ({analysis.estimator}; {others})"
    )
    own = _weight(convention, prediction.beta, spectrum.dim)
    words = f" (KL weight {number(own)})" if own is not None else ""
    click.echo(
        f"recommended: beta = {number(prediction.beta)}{words}, "
        f"{counted(prediction.latents, 'latent')}"
    )
    if analysis.without_noise is not None:
        click.echo(
            f"if there is no noise: beta below {number(analysis.without_noise)}, "
            f"{counted(analysis.dim, 'latent')}"
        )
    cost, kl = prediction.spare_cost(0.5 * prediction.beta)
    click.echo(
        f"each latent beyond that fits noise below it: at half of that beta it adds {number(cost)} "
        f"to eps_g and {number(kl)} nats"
    )


def verdict(prediction: Prediction, latent: int | None, weight: float, beta: float) -> str:
    """Return in words what a KL weight of the user's leads to; `latent` is None if not given."""
    text = f"your KL weight {weight:g} is beta = {number(beta)} here: "
    latents = latent or prediction.latents
    if not latents:
        ends = "fit noise" if beta < prediction.eta else "collapse"
        return f"{text}there is no signal, and any latent would {ends}"
    active = int(prediction.active(beta, latents))
    text += f"{active} of {counted(latents, 'latent')} {'is' if latents == 1 else 'are'} in use"
    if not active:
        text += ": the posterior collapses"
    elif active > prediction.latents:
        text += f", {active - prediction.latents} of them on noise"
    return text


def describe(
    data: Data,
    latents: int,
    convention: Convention | None,
    judged: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Return the result as plain data."""
    spectrum, analysis, prediction = data.spectrum, data.analysis, data.prediction
    dim = spectrum.dim
    steps = np.unique(np.concatenate([[0.0], prediction.variances(latents)]))
    top = 1.2 * steps[-1]
    betas = np.geomspace(0.2 * prediction.eta, top, CURVE) if top > 0 else np.array([])
    curve = zip(
        betas, prediction.rate(betas, latents), prediction.error(betas, latents), strict=True
    )
    columns = (analysis.eigenvalue, analysis.rho, analysis.rho_error, analysis.overlap)
    signals = zip(*columns, strict=True)
    listed = []
    for k, (eigenvalue, rho, error, overlap) in enumerate(signals):
        threshold = float(prediction.collapse[k])
        entry = {"eigenvalue": eigenvalue, "rho": rho, "rho_error": error, "overlap": overlap}
        entry = {name: plain(float(value)) for name, value in entry.items()}
        own = _weight(convention, threshold, dim)
        listed.append({**entry, "collapse_beta": threshold, "collapse_weight": own})
    result: dict[str, Any] = {
        "command": "spectrum",
        **asdict(data.source),
        "samples": spectrum.samples,
        "dim": dim,
        "directions": analysis.dim,
        "gamma": analysis.gamma,
        "eta": analysis.eta,
        "estimator": analysis.estimator,
        "alternatives": analysis.alternatives,
        "spikes": listed,
        "detectable_rho": plain(analysis.detectable),
        "bulk": {
            name: plain(getattr(analysis, name)) for name in ("edge", "distance", "spread", "tails")
        },
        "recommended": {
            "beta": prediction.beta,
            "latent": prediction.latents,
            "weight": _weight(convention, prediction.beta, dim),
        },
        "without_noise": analysis.without_noise
        and {"beta": analysis.without_noise, "latent": analysis.dim},
        "latent": latents,
        "active_units": [[float(b), int(prediction.active(b, latents))] for b in steps],
        "rate_distortion": [[float(x) for x in row] for row in curve],
        "warnings": list(analysis.warnings),
    }
    if judged is not None:
        active = int(prediction.active(judged[1], latents))
        result["judged"] = {
            "weight": judged[0],
            "beta": judged[1],
            "active_units": active,
            "on_noise": max(active - prediction.latents, 0),
            "kl_per_latent": prediction.kl_per_latent(judged[1], latents).tolist(),
        }
    return result
