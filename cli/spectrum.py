"""`vaedyn spectrum`: which beta and how many latents, for somebody's own data."""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from vaedyn.analysis import Analysis, analyse
from vaedyn.conventions import LOSSES, Convention
from vaedyn.datasets import spectrum_of
from vaedyn.errors import ParameterError
from vaedyn.noise import ESTIMATORS
from vaedyn.prediction import Prediction
from vaedyn.results import Source
from vaedyn.spectrum import Spectrum

from ..store import ResultStore
from ..store.tables import TableError, open_table
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add, option
from .output import number, plain, print_json, table

log = logging.getLogger("vaedyn.cli")
AT_ONCE = 32e6  # bytes of rows that are read together
MOST_ROWS = 25
CURVE = 41  # points of the rate-distortion curve
OWN = Convention("sum", 1.0)  # the model's: half of the squared error, and beta times KL


class ScaleType(click.ParamType):
    """A number, or ``standard``."""

    name = "scale"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NUMBER|standard"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | str:
        if value == "standard":
            return value
        try:
            return float(value)
        except ValueError:
            return self.fail(f"expected a number or 'standard', got {value!r}", param, ctx)


DATA = click.argument("place", metavar="DATA")
DATA_OPTIONS = [
    option(
        "Model",
        "--estimator",
        type=click.Choice([*ESTIMATORS]),
        default="likelihood",
        help="How the noise level eta is estimated.",
    ),
    option(
        "Model",
        "--spikes",
        type=click.IntRange(0),
        default=None,
        help="Number of signals.",
        show_default="all that stand out of the noise",
    ),
    option(
        "Model",
        "--latent",
        type=click.IntRange(1),
        default=None,
        help="Number of latents.",
        show_default="one for each signal",
    ),
]
CONVENTION_OPTIONS = [
    option(
        "Convention",
        "--loss",
        type=click.Choice(LOSSES),
        default=None,
        help="Your squared error is summed, or averaged, over the entries of a sample.",
        show_default="the model's own, with a factor 1/2",
    ),
    option(
        "Convention",
        "--decoder-variance",
        type=float,
        default=None,
        help="Your squared error, summed if there is no --loss, is divided by twice this.",
        show_default="not divided",
    ),
    option(
        "Convention",
        "--scale",
        type=ScaleType(),
        default=1.0,
        help="What you multiply the data by, such as 0.00392157 for /255; 'standard' divides "
        "columns by their standard deviation.",
    ),
    option(
        "Convention",
        "--weight",
        type=float,
        default=None,
        help="A KL weight of your code, to be judged.",
        show_default="none",
    ),
]


class Data(NamedTuple):
    """What is known of somebody's data."""

    spectrum: Spectrum
    analysis: Analysis
    prediction: Prediction
    source: Source


def look(place: str, estimator: str, spikes: int | None, scale: float | str, **where: Any) -> Data:
    """Return the spectrum of a table, from the store if it is there, and what follows.

    Raises
    ------
    click.BadParameter
        When there is no table, or its entries or an option make no sense.
    """
    try:
        found = open_table(place)
        if found.note:
            log.warning(found.note)
        rows = max(1, int(AT_ONCE / (8 * found.columns)))
        spectrum, source = spectrum_of(
            lambda: found.blocks(rows),
            found.digest(),
            standardise=scale == "standard",
            store=ResultStore(where["store_path"], recompute=where["recompute"]),
        )
        analysis = analyse(spectrum, estimator, spikes)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error
    except ParameterError as error:
        if error.name in ("estimator", "spikes"):
            raise
        raise click.BadParameter(error.reason, param_hint="DATA") from error
    prediction = Prediction(analysis.rho, analysis.eta, analysis.dim)
    assert source is not None
    return Data(spectrum, analysis, prediction, source)


def convention_of(
    loss: str | None, decoder_variance: float | None, scale: float | str
) -> Convention | None:
    """Return the user's convention, or None where it is the model's own."""
    factor = 1.0 if isinstance(scale, str) else scale
    if loss is None and decoder_variance is None:
        return None if factor == 1 else replace(OWN, scale=factor)
    return Convention(loss or "sum", decoder_variance, factor)


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
@add(DATA_OPTIONS, CONVENTION_OPTIONS, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
def command(
    place: str,
    estimator: str,
    spikes: int | None,
    latent: int | None,
    loss: str | None,
    decoder_variance: float | None,
    scale: float | str,
    weight: float | None,
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
    data = look(place, estimator, spikes, scale, **where)
    for text in data.analysis.warnings:
        log.warning(text)
    count = latent or max(data.prediction.latents, 1)
    judged = None
    if weight is not None:
        judged = (convention or OWN).beta(weight, data.spectrum.dim)
    if as_json:
        print_json(describe(data, count, convention, judged))
        return
    print_spectrum(data, convention)
    if judged is not None:
        click.echo(verdict(data.prediction, count, float(judged), weight or 0.0))


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
    click.echo(
        f"{spectrum.samples} samples in {counted(analysis.dim, 'dimension')}, noise eta = "
        f"{number(analysis.eta)} ({analysis.estimator}{'; ' + others if others else ''})"
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


def verdict(prediction: Prediction, latents: int, beta: float, weight: float) -> str:
    """Return in words what a KL weight of the user's leads to."""
    active = int(prediction.active(beta, latents))
    text = (
        f"your KL weight {weight:g} is beta = {number(beta)} here: {active} of {latents} latents "
    )
    text += "are in use" if active else "are in use: the posterior collapses"
    if beta < prediction.eta and latents > prediction.latents:
        text += f", {active - prediction.latents} of them on noise"
    return text


def describe(
    data: Data, latents: int, convention: Convention | None, judged: float | None
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
        "eta": analysis.eta,
        "estimator": analysis.estimator,
        "alternatives": analysis.alternatives,
        "spikes": listed,
        "detectable_rho": plain(analysis.detectable),
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
        kl = prediction.kl_per_latent(judged, latents)
        active = int(prediction.active(judged, latents))
        result["judged"] = {"beta": judged, "active_units": active, "kl_per_latent": kl.tolist()}
    return result
