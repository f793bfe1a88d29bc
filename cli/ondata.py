"""`vaedyn simulate --data`: training on the rows of a table."""

import logging
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from vaedyn.data.learn import FROM_DATA
from vaedyn.data.look import Look
from vaedyn.data.suited import check_settings
from vaedyn.data.watch import watch
from vaedyn.listings import training as listed

from .again import READING
from .complete import files
from .course import compared, compared_json
from .data import DATA_OPTIONS, looked, opened
from .epochs import EPOCHS_OPTION
from .options import SIMULATION, option
from .output import number, print_json, provenance, table
from .session import Session

log = logging.getLogger("vaedyn.cli")
WITHOUT = (*(name for name in SIMULATION if name != "seed"), "tol", "with_bands")
DATA_OPTION = option(
    "Model",
    "--data",
    "place",
    metavar="DATA",
    default=None,
    shell_complete=files,
    help="Learn the rows of this table instead, see `vaedyn spectrum`; they give N, M*, rho "
    "and eta.",
    show_default="drawn from the model",
)
ON_DATA = [DATA_OPTION, *DATA_OPTIONS, EPOCHS_OPTION]


def given(name: str) -> bool:
    """Return whether an option has been set by the user."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (None, ParameterSource.DEFAULT)


def typed(name: str) -> bool:
    """Return whether an option stands on the command line: others may be meant for elsewhere."""
    source = click.get_current_context().get_parameter_source(name)
    return source == ParameterSource.COMMANDLINE


def without_data() -> None:
    """Refuse options that go with data only.

    Raises
    ------
    click.UsageError
    """
    for name in ("standardise", "estimator", "spikes", "epochs", *READING):
        if typed(name):
            raise click.UsageError(f"--{name} goes with --data")


def prepare(
    session: Session,
    place: str,
    model: dict[str, Any],
    how: dict[str, Any],
    allowed: Sequence[str] = (),
) -> tuple[Look, dict[str, Any]]:
    """Look at a table, print warnings about it, and return what the user has set, too.

    `allowed` are options that make sense here, though not to one training.

    Raises
    ------
    click.UsageError
        When an option is given that the data decide.
    """
    for name in (*FROM_DATA, "samples"):
        if typed(name):
            raise click.UsageError(f"--{name} and data exclude each other: it is taken from them")
    for name in WITHOUT:
        if typed(name) and name not in allowed:
            option = name.replace("with_", "").replace("_", "-")
            raise click.UsageError(
                f"--{option} does not apply to training on data, which is one run"
            )
    settings = {
        name: value for name, value in model.items() if name not in FROM_DATA and given(name)
    }
    check_settings(opened(place).columns, **settings)
    return looked(session, place, **how), settings


def report(session: Session, found: Look, settings: dict[str, Any], seed: int) -> None:
    """Train on the data, and print what was predicted beside what has come of it."""
    seen = watch(found, seed=seed, store=session.store, watch=session.simulation, **settings)
    result = seen.training
    params, samples = result.params, found.spectrum.samples
    if result.passes > 1:
        log.info(
            "the %d rows were seen in %g passes, shuffled; predicted is where many passes end",
            samples,
            round(result.passes, 1),
        )
    else:
        log.info("%d of %d rows were used, drawn at random", params.steps * params.batch, samples)
    if result.slowed:
        log.info(result.slowed)
    if result.difference:
        log.warning(result.difference.text)
    unsure, best = found.analysis.no_floor, found.prediction.beta
    if session.as_json:
        kl = {"predicted": result.predicted.tolist(), "measured": result.measured.tolist()}
        print_json(
            {
                **provenance(result.trajectory, "simulate"),
                "passes": result.passes,
                "unit": found.rows.unit,
                "kl_per_latent": kl,
                "active_units": dict(zip(kl, result.active, strict=True)),
                "warnings": list(result.warnings),
                **compared_json(seen),
                "why": unsure and f"no beta is recommended, as {unsure}",
                "epochs": found.epochs,
                "recommended": None if unsure else {"beta": best},
            }
        )
        return
    compared(seen)
    table(*listed.table(result)[:2])
    if result.difference:
        click.echo("measured and predicted KL do not agree: the warning says why")
    if unsure and "beta" not in settings:
        click.echo(f"this beta is no recommendation: {unsure}")
    elif "beta" not in settings and number(best) != number(params.beta):
        click.echo(f"this beta is the noise level eta: recommended is beta = {number(best)}")
    click.echo(listed.WHEN)
    click.echo(listed.settings(result))
