"""`vaedyn anneal --export`: the schedule that was found, for your own code."""

from dataclasses import replace
from typing import Any

import click

from vaedyn import __version__
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.data.convention import Convention
from vaedyn.data.kl_schedule import KLSchedule
from vaedyn.data.warm_up import WarmUp
from vaedyn.model.checks import real

from .convention import only_gaussian
from .options import option
from .values import WholeNumber

FORMATS = ("python", "csv", "json")
EXPORT_OPTIONS = [
    option(
        "Output",
        "--export",
        type=click.Choice(FORMATS),
        default=None,
        help="Print the schedule alone, by step and in your KL weights: a Python function that "
        "needs nothing else, a table, or JSON.",
        show_default="none",
    ),
    option(
        "Convention",
        "--learning-rate",
        type=float,
        default=None,
        help="That of your optimiser, for --export: of SGD, or of Adam with --optimiser adam.",
        show_default="a step is one of the model",
    ),
    option(
        "Convention",
        "--rows",
        type=WholeNumber(1),
        default=None,
        help="Rows of your data, for --export: an epoch has rows/batch steps, rounded up.",
        show_default="those of --data",
    ),
]
ONLY_FOR = ("learning_rate", "rows")


def check_export(
    export: str | None, as_json: bool, convention: Convention | None, options: dict[str, Any]
) -> None:
    """Refuse what cannot be exported, before anything is computed.

    Raises
    ------
    click.UsageError
        When options need an export and there is none, or there are two kinds of output.
    ParameterError
        When the loss is none that a schedule is derived for, or the rate no rate.
    """
    if export and as_json:
        raise click.UsageError("--export and --json exclude each other: --export json is JSON, too")
    for name in ONLY_FOR:
        if options[name] is not None and not export:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --export")
    only_gaussian(convention, "a schedule")
    if options["learning_rate"] is not None:
        real("learning_rate", options["learning_rate"])


def print_export(
    export: str,
    found: Tuning | WarmUp,
    convention: Convention | None,
    learning_rate: float | None,
    rows: int | None,
    unit: float | None = None,
) -> None:
    """Print the schedule in one of `FORMATS`."""
    params = found.params
    if convention is not None and convention.kl == "mean":
        convention = replace(convention, latent=params.latent)
    if isinstance(found, WarmUp) and rows is None:
        rows = found.samples
    said = click.get_current_context().params["batch_size"]  # a part of `convention` if need be
    batch = params.batch if params.batch > 1 else said or 1
    schedule = KLSchedule.of(
        found, convention=convention, learning_rate=learning_rate, rows=rows,
        batch_size=None if rows is None else batch, unit=unit,
    )  # fmt: skip
    if export == "csv":
        click.echo(schedule.to_csv(), nl=False)
    elif export == "json":
        click.echo(schedule.to_json())
    else:
        click.echo(_about(found, schedule) + schedule.to_python(), nl=False)


def _about(found: Tuning | WarmUp, schedule: KLSchedule) -> str:
    """Return comments on where a schedule comes from and what it promises."""
    length = f"{schedule.steps:.0f} steps"
    if schedule.per_epoch is not None:
        length += f", {schedule.epochs:.3g} epochs"
    lines = [
        f"found by vaedyn {__version__} for a linear VAE: {found.spec}",
        f"warm-up: {length}; final KL weight {schedule.weight:.6g}",
        f"converges {found.gain:.3g} times as fast as at the final weight from the start"
        if found.spec != "constant"
        else f"no {found.family} warm-up converges sooner than the final weight from the start",
    ]
    return "".join(f"# {line}\n" for line in lines)
