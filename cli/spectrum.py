"""`vaedyn spectrum`: which beta and how many latents, for users' own data."""

import shlex
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from vaedyn.data.convention import OWN, Convention
from vaedyn.data.judge import Judged, overview
from vaedyn.data.look import Look
from vaedyn.listings import look as listed
from vaedyn.listings.listing import counted
from vaedyn.listings.look import reason, weight_of
from vaedyn.model.command_line import words_of

from .again import READING
from .convention import check_judged, judged
from .data import ACCURACY_OPTIONS, CONVENTION_OPTIONS, DATA, DATA_OPTIONS, looked
from .epochs import EPOCHS_OPTION
from .losses import answer
from .ondata import typed
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add, option
from .output import number, plain, print_json, table
from .session import Session

HELDOUT = (
    *("columns", "missing", "standardise", "latent", "like", "loss", "decoder_variance"),
    *("reconstruction_weight", "kl", "batch_sum", "batch_size", "scale", "weight", "beta"),
)
"""Options that `vaedyn heldout` takes, too."""
LATENT = option(
    "Model",
    "--latent",
    type=click.IntRange(1),
    default=None,
    help="Latent dimension M: no more latents than this can be active.",
    show_default="as many as there are directions",
)


@click.command(
    "spectrum",
    cls=Command,
    examples=[
        "vaedyn spectrum data.npy",
        "vaedyn spectrum data.csv --loss mean --weight 0.00025",
        "vaedyn spectrum data.npy --epochs one",
        "vaedyn spectrum images.h5:/train/x --scale 0.00392157 --loss sum --json",
    ],
)
@DATA
@add(
    DATA_OPTIONS,
    [LATENT, EPOCHS_OPTION],
    CONVENTION_OPTIONS,
    ACCURACY_OPTIONS,
    STORE_OPTIONS,
    RECOMPUTE_OPTIONS,
    OUTPUT_OPTIONS,
)
def command(
    session: Session,
    place: str,
    how: dict[str, Any],
    latent: int | None,
    convention: Convention | None,
    weight: float | None,
    beta: float | None,
) -> None:
    """Show how many active units your data keep at each KL weight beta, and which to take, if any.

    DATA is a table whose rows are samples: text such as .csv or .csv.gz, .npy, .npz, .h5, .h5ad,
    .mat, .nc or .parquet, or - for standard input. FILE:NAME picks one of several arrays.

    A linear VAE that is trained on these rows has an active unit for each eigenvalue of their
    covariance above beta. KL is the sum of ln(eigenvalue/beta)/2 over the active units, and
    explained variance that of eigenvalue - beta, over the sum of all eigenvalues. For data that
    are signals in white noise, the beta with the least error on fresh data is recommended. For
    others no single beta is right: see `vaedyn heldout`.

    The options under Convention say what your loss is, and KL weights are then those of your
    code. For a --likelihood other than gaussian, thresholds of collapse are printed instead.
    """
    check_judged(weight, beta)
    if convention is not None and convention.kind != "gaussian":
        answer(session, place, convention, latent, weight, beta, how)
        return
    data = looked(session, place, **how)
    asked = judged(data, weight, beta, latent, convention)
    if session.as_json:
        print_json(describe(data, latent, convention, asked))
        return
    if data.analysis.no_floor is None and len(data.analysis.rho):
        print_signals(data, convention)
        if not how["standardise"]:
            for line in listed.alone(data):
                click.echo(line)
    click.echo("\n".join(listed.answer(data, convention)))
    if data.analysis.no_floor is not None:
        print_alternative(data)
    columns, rows, left, _ = listed.weights(data, latent, convention, asked)
    table(columns, rows, left)
    if asked is not None:
        click.echo(verdict(asked, latent, by_beta=beta is not None))


def print_signals(data: Look, convention: Convention | None) -> None:
    """Print signals in white noise, and where each is lost: on the rows, and on fresh data."""
    (columns, rows, _, more), lines = listed.signals(data, convention)
    table(columns, rows)
    if more:
        click.echo(f"and {more} more: see --json")
    click.echo("\n".join(lines))


def print_alternative(data: Look) -> None:
    """Print which command finds a beta where there is no floor, with the options that are set."""
    context = click.get_current_context()
    values = {name: context.meta.get(f"vaedyn.{name}") for name in READING} | context.params
    set_ = {name: values[name] for name in HELDOUT if typed(name)}
    words = ["vaedyn", "heldout", str(data.rows.origin["file"]), *words_of(set_)]
    click.echo(f"rows held out can choose a KL weight: {shlex.join(words)}")


def verdict(asked: Judged, latents: int | None, *, by_beta: bool = False) -> str:
    """Return in words what a KL weight of the user's leads to; `latents` is None if not given."""
    at, own = asked.row, f"beta is {number(asked.row.beta)}"
    given = f"KL weight {asked.weight:g} is beta = {number(at.beta)} here"
    text = f"your {own if by_beta else given}: "
    text += "" if at.exact else "at least "
    if latents:
        verb = "is" if 1 in (latents, at.active) else "are"
        text += f"{at.active} of {counted(latents, 'latent')} {verb} active"
    else:
        text += counted(at.active, "active unit")
    if not at.active:
        text += ": the posterior collapses"
    elif asked.on_noise:
        text += f", {asked.on_noise} of them on noise"
    return text


def describe(
    data: Look,
    latents: int | None,
    convention: Convention | None,
    yours: Judged | None = None,
) -> dict[str, Any]:
    """Return the result as plain data."""
    spectrum, analysis, prediction = data.spectrum, data.analysis, data.prediction
    dim = spectrum.dim
    jumps = np.unique(np.concatenate([[0.0], prediction.variances(latents)]))
    every = overview(data, latents=latents, convention=convention or OWN, yours=yours)
    result: dict[str, Any] = {
        "command": "spectrum",
        **(asdict(data.source) if data.source else {}),
        "epochs": data.epochs,
        "samples": spectrum.samples,
        "dim": dim,
        "directions": analysis.dim,
        "gamma": analysis.gamma,
        "eta": analysis.eta,
        "estimator": analysis.estimator,
        "alternatives": analysis.alternatives,
        "spikes": signals(data, convention),
        "groups": [group._asdict() for group in analysis.groups],
        "detectable_rho": plain(analysis.detectable),
        "bulk": {
            name: plain(getattr(analysis, name)) for name in ("edge", "distance", "spread", "tails")
        },
        "recommended": None
        if analysis.no_floor is not None
        else {
            "beta": prediction.beta,
            "latent": prediction.latents,
            "weight": weight_of(convention, prediction.beta, dim),
            "error": float(prediction.fresh_error(prediction.beta)),
            "error_at_eta": float(prediction.fresh_error(analysis.eta)),
        },
        "why": reason(data),
        "without_noise": data.without_noise
        and {"beta": data.without_noise, "latent": analysis.dim},
        "latent": latents or len(prediction.variances()),
        "active_units": [[float(b), int(prediction.active(b, latents))] for b in jumps],
        "table": [
            {"weight": line.weight if convention else None, **asdict(line.row), "mark": line.mark}
            for line in every
        ],
        "rate_distortion": prediction.rate_distortion(latents).tolist(),
        "warnings": list(analysis.warnings),
    }
    if yours is not None:
        at = yours.row
        result["judged"] = {
            "weight": yours.weight,
            "beta": at.beta,
            "active_units": at.active,
            "on_noise": yours.on_noise,
            "explained": at.explained,
            "kl": at.kl,
            "exact": at.exact,
            "kl_per_latent": prediction.kl_per_latent(at.beta, latents).tolist(),
        }
    return result


def signals(data: Look, convention: Convention | None) -> list[dict[str, Any]]:
    """Return what is known of each signal."""
    analysis = data.analysis
    columns = (analysis.eigenvalue, analysis.rho, analysis.rho_error, analysis.overlap)
    listed = []
    for k, (eigenvalue, rho, error, overlap) in enumerate(zip(*columns, strict=True)):
        rows, fresh = data.thresholds[k].tolist()
        entry = {"eigenvalue": eigenvalue, "rho": rho, "rho_error": error, "overlap": overlap}
        entry = {name: plain(float(value)) for name, value in entry.items()}
        for name, beta in (("", fresh), ("_rows", rows)):
            own = weight_of(convention, beta, data.spectrum.dim)
            entry |= {f"collapse_beta{name}": beta, f"collapse_weight{name}": own}
        grouped = any(group.first <= k <= group.last for group in analysis.groups)
        listed.append({**entry, "grouped": grouped})
    return listed
