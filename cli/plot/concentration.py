"""`vaedyn plot concentration`."""

import logging
from pathlib import Path
from typing import Any

import click

from vaedyn.learning.concentration import Spread, ensembles, spreads
from vaedyn.model.params import Params

from ..bands import cautions
from ..grids import Varied, VariedType
from ..model_options import with_model
from ..ondata import typed
from ..options import (
    RANDOM_START,
    SIMULATION_OPTIONS,
    Command,
    option,
)
from ..output import plain
from ..session import Session
from ..values import Numbers
from .picture import PICTURE, output_path, write

log = logging.getLogger("vaedyn.cli")

VARY_DIM = option(
    "Numerics",
    "--vary",
    type=VariedType(),
    default="dim=250,500,1000,2000,4000",
    help="The values of N.",
)


def dims_of(vary: Varied) -> list[int]:
    if vary.name != "dim":
        raise click.BadParameter(f"only dim can vary here, got {vary.name}", param_hint="--vary")
    if len(set(vary.values)) < 2:
        raise click.BadParameter("expected at least two values of dim", param_hint="--vary")
    return sorted(set(vary.values))


def named(dims: list[int], ensemble: dict[str, Any]) -> dict[str, Any]:
    """Return the options that stand in the name of a picture over N."""
    given = {name: x for name, x in ensemble.items() if name != "jobs" and x is not False}
    return {**given, "vary": dims} if typed("vary") else given


@click.command(
    "concentration",
    cls=Command,
    examples=[
        "vaedyn plot concentration --lr 0.05 --t-max 300 --init m=0.3,d=0.3,Q=1,E=1,R=0,D=1",
        "vaedyn plot concentration --vary dim=100,300,1000,3000 --runs 400 --at 10,100 -o fig.pdf",
    ],
)
@with_model(
    SIMULATION_OPTIONS,
    [
        RANDOM_START,
        VARY_DIM,
        option(
            "Numerics", "--at", type=Numbers(), default=None,
            help="Times at which the spread is shown, up to six.",
            show_default="a tenth, a third and all of --t-max",
        ),
        *PICTURE,
    ],
)  # fmt: skip
def command(
    session: Session,
    params: Params,
    vary: Varied,
    at: tuple[float, ...] | None,
    output: Path | None,
    look: Any,
    ensemble: dict[str, Any],
) -> None:
    """Draw the spread of runs against N: SGD approaches the ODE as 1/sqrt(N).

    The power of N that fits the runs is printed on stderr, and in JSON, with its
    standard error. All runs have the overlaps of the given --init; where it is gaussian,
    those that it has at --dim.
    """
    dims = dims_of(vary)
    times = at or tuple(float(f"{params.t_max / part:.3g}") for part in (10, 3, 1))
    if not 1 <= len(times) <= 6 or not all(0 < t <= params.t_max for t in times):
        raise click.BadParameter("expected up to six times up to --t-max", param_hint="--at")
    if ensemble["runs"] < 2:
        raise click.BadParameter("a spread needs at least 2 runs", param_hint="--runs")
    look.check("log", "log")
    output = output_path("concentration", output, params, {**named(dims, ensemble), "at": at})
    drawn = ensembles(params, dims, store=session.store, watch=session.simulation, **ensemble)
    for text in cautions(drawn[0][0], False):
        log.warning(f"at N = {dims[0]}, {text}")

    found = spreads(drawn, times)
    for each in found:
        power, error = each.power
        log.info("spread of %s at t = %g: N^(%.3f +- %.2g)", each.name, each.t, power, error)

    from vaedyn.figures.concentration import concentration as draw

    figure = draw(found, params, ensemble["runs"], look)
    records = [pair for b, sgd in drawn for pair in (("bands", b), ("simulate", sgd))]
    write(session, "concentration", figure, output, records, powers=[*map(_power, found)])


def _power(spread: Spread) -> dict[str, Any]:
    """Return the fitted power of N as plain data."""
    power, error = spread.power
    return {"name": spread.name, "t": spread.t, "power": plain(power), "error": plain(error)}
