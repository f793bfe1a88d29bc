"""`vaedyn plot annealing`."""

import logging
from pathlib import Path
from typing import Any

import click

from vaedyn.annealing.best_schedule import FAMILIES, Tuning, best_schedule
from vaedyn.annealing.confirm import SLOW, Measured, compare, quick, simulated_times
from vaedyn.model.params import Params

from ..advice import TOL
from ..anneal import FAMILY, FOUND, KNOTS
from ..model_options import with_model
from ..options import (
    JOBS,
    SEED,
    THEORY_OPTIONS,
    Command,
    option,
)
from ..session import Session
from .picture import PICTURE, output_path, write

log = logging.getLogger("vaedyn.cli")

SIMULATIONS = option(
    "Numerics",
    "--simulations",
    type=click.IntRange(0),
    default=6,
    help="Number of schedules that are simulated, too.",
)
RUNS = option(
    "Numerics", "--runs", type=click.IntRange(2), default=20, help="Runs under each of them."
)


@click.command(
    "annealing",
    cls=Command,
    examples=[
        "vaedyn plot annealing -o annealing.pdf",
        "vaedyn plot annealing --family linear --beta 1.5 --dim 5000",
    ],
)
@with_model(
    THEORY_OPTIONS,
    [FAMILY, KNOTS, TOL, SIMULATIONS, RUNS, SEED, JOBS, *PICTURE],
    without=FOUND,
)
def command(
    session: Session,
    params: Params,
    family: str,
    knots: int,
    tol: float,
    simulations: int,
    runs: int,
    seed: int,
    jobs: int | None,
    rtol: float,
    atol: float,
    output: Path | None,
    look: Any,
) -> None:
    """Draw how long learning takes by how fast beta rises, and how the error falls.

    Lines are theory, markers simulations with the standard error of their mean;
    where N is too small for them to stay within --tol of the final value, there is none.
    """
    scale = "linear" if FAMILIES[family] is None else "log"
    look.check(scale, scale)
    options = {"family": family, "knots": knots, "tol": tol, "simulations": simulations}
    options |= {"runs": runs, "seed": seed}
    chosen = output_path("annealing", output, params, options)
    numerics = {"rtol": rtol, "atol": atol, "store": session.store}
    with session.progress("anneal", "schedules") as progress:
        found = best_schedule(params, family, knots=knots, tol=tol, progress=progress, **numerics)
    compared = compare(found, **numerics)
    measured = markers(session, found, simulations, runs=runs, seed=seed, jobs=jobs)

    from vaedyn.figures.annealing import annealing

    results = [("theory", compared.constant), ("theory", compared.best)]
    write(session, "annealing", annealing(compared, measured, look), chosen, results)


def markers(session: Session, found: Tuning, count: int, **ensemble: Any) -> list[Measured]:
    """Return times to converge in simulations, and say why there are fewer than `count`."""
    if count == 0:
        return []
    if FAMILIES[found.family] is None:
        log.info("no markers: schedules of a free form are not simulated by this picture")
        return []
    numbers = quick(found, count)
    if not numbers:
        log.warning(
            "no markers: every schedule takes more than %g times as long as constant beta", SLOW
        )
        return []
    points = simulated_times(
        found, numbers, store=session.store, watch=session.simulation, **ensemble
    )
    if len(points) < count:
        log.warning(
            "no marker for %d of %d schedules: under them simulations do not stay within %g of the "
            "final value at N = %d: raise --dim",
            count - len(points),
            count,
            found.tol,
            found.params.dim,
        )
    return points
