"""`vaedyn diagnose`: what the latents of a VAE in training say about it."""

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.data.collapse_monitor import CollapseMonitor
from vaedyn.data.convention import Convention
from vaedyn.data.report import Report
from vaedyn.errors import ParameterError
from vaedyn.listings import report as listed
from vaedyn.tables.arrays import named_arrays
from vaedyn.tables.table import TableError

from .complete import files
from .convention import check_judged
from .data import CONVENTION_OPTIONS, DATA_OPTIONS, looked, opened
from .epochs import EPOCHS_OPTION
from .losses import refuse_how
from .ondata import without_data
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add, option
from .output import plain, print_json, table
from .session import Session

log = logging.getLogger("vaedyn.cli")
SPECTRA = ("eigenvalues", "spectrum")
NUMBERS = ("beta", "weight", "dim")
ARRAYS = ("mu", "logvar", "data", "decoder", *SPECTRA, *NUMBERS)
FILE = click.argument("place", metavar="FILE", shell_complete=files)
ASKED = ("data", "how", "convention", "weight", "beta")


def _with_asked(function: Callable) -> Callable:
    """Hand what the latents are compared with over as one argument, `asked`."""

    @functools.wraps(function)
    def call(**options: Any) -> Any:
        asked = {name: options.pop(name) for name in ASKED}
        return function(asked=asked, **options)

    return call


DIAGNOSE_OPTIONS = [
    option(
        "Model",
        "--data",
        "data",
        default=None,
        shell_complete=files,
        help="Table that the VAE is trained on, as of `vaedyn spectrum`.",
        show_default="the data or eigenvalues in FILE",
    ),
    *DATA_OPTIONS,
    EPOCHS_OPTION,
    *CONVENTION_OPTIONS,
    _with_asked,
]


@click.command(
    "diagnose",
    cls=Command,
    examples=[
        "vaedyn diagnose latents.npz --data data.npy --beta 2",
        "vaedyn diagnose latents.npz --loss mean --weight 0.00025 --json",
    ],
)
@FILE
@add(DIAGNOSE_OPTIONS, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
def command(session: Session, place: str, asked: dict[str, Any]) -> None:
    """Show which latents of your own VAE are active, or should be.

    FILE is an .npz file with mu and logvar, what the encoder puts out for many rows: (rows,
    latents), or (latents) for variances that all rows share. It may also hold beta or weight;
    data, the table that the VAE is trained on, or eigenvalues (or spectrum), those of its
    covariance; dim, the number of columns; and decoder, its weights (columns, latents), which
    show the beta that is in force.

    The predicted KL is that of a linear VAE in the end. What each verdict means stands on the
    page about the collapse monitor.
    """
    found = diagnosed(session, place, **asked)
    if session.as_json:
        print_json(describe(found))
        return
    columns, rows, left, more = listed.table(found)
    table(columns, rows, left)
    if more:
        click.echo(f"and {more} more: see --json")
    for line in sentences(found):
        click.echo(line)


def diagnosed(
    session: Session,
    place: str,
    data: str | None,
    how: dict[str, Any],
    convention: Convention | None,
    weight: float | None,
    beta: float | None,
) -> Report:
    """Return the report on the latents in a file.

    Raises
    ------
    click.UsageError, ParameterError
        When the file is damaged or incomplete, or an option makes no sense.
    """
    check_judged(weight, beta)
    try:
        arrays = named_arrays(Path(place), ARRAYS)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="FILE") from error
    numbers = {name: _single(arrays[name], name) for name in NUMBERS if name in arrays}
    if weight is None and beta is None:
        weight, beta = numbers.get("weight"), numbers.get("beta")
        if weight is not None and beta is not None:
            raise _in_file("has both beta and weight: choose one by --beta or --weight")
        if weight is None and beta is None:
            raise click.UsageError("give --beta or --weight, or put one of them into FILE")
    for name in ("mu", "logvar"):
        if name not in arrays:
            raise _in_file(f"{place} has no array {name}")
    try:
        monitor = _monitor(session, place, arrays, numbers.get("dim"), data, how, convention)
        monitor.update(arrays["mu"], arrays["logvar"])
        return monitor.report(beta, weight=weight, decoder=arrays.get("decoder"))
    except ParameterError as error:
        if error.name not in ARRAYS:
            raise
        raise _in_file(f"{error.name} {error.reason}") from error


def _in_file(text: str) -> click.BadParameter:
    return click.BadParameter(text, param_hint="FILE")


def _single(array: np.ndarray, name: str) -> float:
    """Return the one number that an array holds."""
    if array.size != 1:
        raise _in_file(f"{name} must be a number, got shape {array.shape}")
    return float(array.ravel()[0])


def _monitor(
    session: Session,
    place: str,
    arrays: dict[str, np.ndarray],
    dim: float | None,
    data: str | None,
    how: dict[str, Any],
    convention: Convention | None,
) -> CollapseMonitor:
    """Return a monitor that knows the eigenvalues of the data."""
    inside = [name for name in ("data", *SPECTRA) if name in arrays]
    sources = [*(["--data"] if data is not None else []), *inside]
    if len(sources) != 1:
        which = f"got {' and '.join(sources)}" if sources else "got none"
        raise click.UsageError(
            f"give one of --data, or data or eigenvalues in FILE, for the prediction: {which}"
        )
    whole: Any = {"convention": convention, "dim": dim}
    if inside and inside[0] in SPECTRA:
        without_data()
        values = arrays[inside[0]]
        if values.ndim != 1:
            raise _in_file(f"{inside[0]} must have one axis, got shape {values.shape}")
        return CollapseMonitor(values, **whole)
    table_of = f"{place}:data" if data is None else data
    if convention is None or convention.kind == "gaussian":
        return CollapseMonitor(looked(session, table_of, **how), **whole)
    refuse_how(convention, how)
    try:
        return CollapseMonitor(opened(table_of), **whole)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error


def sentences(found: Report) -> list[str]:
    """Return the report in words."""
    notes = [f"note: {text}" for text in found.notes]
    return [*listed.summary(found), listed.verdict(found), *notes]


def describe(found: Report) -> dict[str, Any]:
    """Return the report as plain data."""
    force = found.in_force
    return {
        "command": "diagnose",
        "verdict": found.verdict,
        "advice": found.advice,
        "notes": list(found.notes),
        "beta": found.beta,
        "weight": found.weight,
        "rows": found.rows,
        "latent": len(found.order),
        "order": found.order.tolist(),
        "kl_per_latent": {
            "measured": plain(found.kl_per_latent),
            "predicted": None if found.predicted is None else plain(found.predicted),
        },
        "kl": {
            "measured": found.kl,
            "error": plain(found.kl_error),
            "predicted": found.predicted_kl,
        },
        "active_units": {
            "kl": found.active_kl,
            "variance": found.active_variance,
            "predicted": found.predicted_active,
        },
        "mean_variance": plain(found.mean_variance),
        "posterior_variance": plain(found.posterior_variance),
        "predicted_error": found.predicted_error,
        "off_centre": found.off_centre,
        "slowdown": found.slowdown,
        "in_force": force and {name: plain(value) for name, value in force._asdict().items()},
    }
