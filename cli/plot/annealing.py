"""`vaedyn plot annealing`."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.annealing.best_schedule import FAMILIES, Tuning, best_schedule
from vaedyn.annealing.time_to_converge import end_of_learning, measured, spread
from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params

from ..advice import TOL
from ..anneal import FAMILY, FOUND, KNOTS, LONGER, SAVED
from ..options import JOBS, SEED, THEORY_OPTIONS, Command, option, with_model
from ..session import Session
from .picture import PICTURE, output_path, write

log = logging.getLogger("vaedyn.cli")
SLOW = 3.0  # times that of constant beta, beyond which schedules are not simulated

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
    where these do not come within --tol of the end, as N is too small, there is none.
    """
    scale = "linear" if FAMILIES[family] is None else "log"
    look.check(scale, scale)
    chosen = output_path("annealing", output, params, {"family": family, "tol": tol})
    numerics = {"rtol": rtol, "atol": atol, "store": session.store}
    with session.progress("anneal", "schedules") as progress:
        found = best_schedule(params, family, knots=knots, tol=tol, progress=progress, **numerics)
    end = float(f"{1.3 * found.constant:.3g}")
    constant, best = (
        theory(replace(params, anneal=spec, t_max=end, points=601), **numerics)
        for spec in ("constant", found.spec)
    )
    measured = _simulated(session, params, found, simulations, (runs, seed, jobs))

    from vaedyn.figures.annealing import annealing

    results = [("theory", constant), ("theory", best)]
    drawn = annealing(found, constant, best, measured, look)
    write(session, "annealing", drawn, chosen, results)


def _simulated(
    session: Session,
    params: Params,
    found: Tuning,
    count: int,
    ensemble: tuple[int, int, int | None],
) -> list[tuple[float, float, float]]:
    """Return number, time to converge and its error under some schedules that are not too slow."""
    make = FAMILIES[found.family]
    quick = found.numbers[found.times < SLOW * found.constant]
    if count == 0:
        return []
    if make is None:
        log.info("no markers: schedules of a free form are not simulated by this picture")
        return []
    if not len(quick):
        log.warning(
            "no markers: every schedule takes more than %g times as long as constant beta", SLOW
        )
        return []
    points, (runs, seed, jobs) = [], ensemble
    number = found.spec.partition(":")[2]
    best = [float(number)] if number else []
    chosen = np.geomspace(quick[0], quick[-1], count - len(best))
    for x in [*(float(f"{x:.3g}") for x in chosen), *best]:
        spec = make(x).spec
        expected = max(found.constant, float(np.interp(x, found.numbers, found.times)))
        longest = float(f"{LONGER * expected:.3g}")
        at = replace(params, anneal=spec, t_max=longest, points=SAVED)
        with session.progress(f"simulate {spec}", "steps") as progress:
            result = simulate(
                at, runs=runs, seed=seed, jobs=jobs, store=session.store, progress=progress
            )
        time, error = spread(measured(result, end_of_learning(at), found.tol))
        if np.isfinite(time):
            points.append((x, time, error))
    if len(points) < count:
        log.warning(
            "no marker for %d of %d schedules: under them simulations do not stay within %g of the "
            "final value at N = %d: raise --dim",
            count - len(points),
            count,
            found.tol,
            params.dim,
        )
    return points
