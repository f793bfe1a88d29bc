"""What simulations say of schedules: the gain of the best one, and the times that others take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError, ParameterError
from ..learning.simulate import only_ensemble, simulate
from ..learning.theory import theory
from ..model.params import Params
from ..model.progress import Asked, shows
from ..model.records import Store, Watch, unwatched
from ..model.results import Trajectory
from .adiabatic import delay
from .best_schedule import FAMILIES, Tuning
from .criterion import ELBO, EPS_G
from .time_to_converge import end_of_learning, fluctuation, measured, spread

SLOW = 3.0  # times that of constant beta, beyond which schedules are not simulated
LONGER = 1.5  # times the time of theory is simulated, as finite N may cost the gain
SAVED = 1401  # times saved by simulations
LASTS = 1.3  # times the time to converge at constant beta, until which courses are compared
DRAWN = 601  # times saved by theory
MEAN = {EPS_G: "eps_g", ELBO: "loss"}


class Confirmation(NamedTuple):
    """Results of simulations: mean times, the gain and its standard error."""

    constant: float
    annealed: float
    gain: float
    error: float


class Measured(NamedTuple):
    """The number of a schedule, the mean time to converge under it, and its standard error."""

    number: float
    time: float
    error: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The course of learning at constant beta and under the best schedule, in theory.

    Attributes
    ----------
    tuning : Tuning
    constant, best : Trajectory, leading axis (times,)
    ends : tuple of two floats
        The eps_g in which each of them ends.
    slow : (2,)
        Times that the first and the last schedule of the tuning would take if learning
        followed the fixed point of the present beta; empty for free schedules.
    """

    tuning: Tuning
    constant: Trajectory
    best: Trajectory
    ends: tuple[float, float]
    slow: np.ndarray


def compare(
    found: Tuning,
    longest: float | None = None,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
) -> Comparison:
    """Return how learning goes at constant beta and under the best schedule.

    Parameters
    ----------
    found : Tuning
    longest : float, optional
        Last time of both; 1.3 times that of constant beta unless it is given.
    rtol, atol : float
        Tolerances of the integration, see `vaedyn.theory`.
    store : ResultStore, optional

    Raises
    ------
    ParameterError
        When eps_g is not the criterion.
    ConvergenceError, DivergenceError
        When learning has no end.
    """
    if found.criterion != EPS_G:
        raise ParameterError("criterion", "courses are compared in eps_g: leave it out")
    longest = float(f"{LASTS * found.constant:.3g}") if longest is None else longest
    constant, best = (
        theory(
            _saving(DRAWN, found.params, spec, longest),
            rtol=rtol,
            atol=atol,
            store=store,
        )
        for spec in ("constant", found.spec)
    )
    make = FAMILIES[found.family]
    ends = [] if make is None else found.numbers[[0, -1]].tolist()
    return Comparison(
        tuning=found,
        constant=constant,
        best=best,
        ends=(end_of_learning(constant.params), end_of_learning(best.params)),
        slow=np.array([delay(found.params, make(x), found.tol) for x in ends if make]),
    )


def lasting(params: Params, spec: str, longest: float) -> Params:
    """Return the model to simulate under a schedule, up to a time, to see when it converges."""
    return _saving(SAVED, params, spec, longest)


def _saving(points: int, params: Params, spec: str, longest: float) -> Params:
    """Return the model under a schedule, up to a time; of few steps all are saved."""
    points = min(points, max(round(longest * params.dim) + 1, 2))
    return params.replace(anneal=spec, t_max=longest, points=points)


def arrivals(runs: Trajectory, tol: float, criterion: str = EPS_G) -> np.ndarray:
    """Return when the mean error of runs comes to stay within `tol` of its final value, resampled.

    See `vaedyn.annealing.time_to_converge.measured`, whose end is that of the model here.
    """
    end = end_of_learning(runs.params, criterion=criterion)
    return measured(runs, end, tol, criterion)


def confirm(
    found: Tuning,
    *,
    runs: int,
    seed: int = 0,
    jobs: int | None = None,
    store: Store | None = None,
    watch: Watch = unwatched,
) -> Confirmation:
    """Simulate constant beta and the best schedule, and measure the gain.

    Parameters
    ----------
    found : Tuning
    runs, seed, jobs, store
        See `vaedyn.simulate`; both ensembles have as many runs.
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of either simulation.

    Raises
    ------
    ConvergenceError
        When runs do not come to rest within the tolerance.
    """
    times, longest = [], float(f"{LONGER * found.constant:.4g}")
    for spec in ("constant", found.spec):
        at = lasting(found.params, spec, longest)
        with watch(f"simulate {spec.partition(':')[0]}") as progress:
            result = simulate(at, runs=runs, seed=seed, jobs=jobs, store=store, progress=progress)
        each = arrivals(result, found.tol, found.criterion)
        if np.isnan(spread(each)[0]):
            raise ConvergenceError(
                f"the mean {MEAN[found.criterion]} of {runs} runs does not stay within "
                f"{found.tol:g} of its final value; they differ by "
                f"{fluctuation(result, found.criterion):.2g}: raise --dim ({at.dim}) or --confirm"
            )
        times.append(each)
    gain, error = spread(times[0] / times[1])
    return Confirmation(spread(times[0])[0], spread(times[1])[0], gain, error)


def quick(found: Tuning, count: int) -> list[float]:
    """Return `count` numbers of schedules that are not too slow to be simulated, the best one last.

    There is none where every schedule takes more than 3 times as long as constant beta, or
    has no number, as free ones.
    """
    numbers = found.numbers[found.times < SLOW * found.constant]
    if count == 0 or not len(numbers):
        return []
    number = found.spec.partition(":")[2]
    best = [float(number)] if number else []
    others = np.geomspace(numbers[0], numbers[-1], count - len(best)).tolist()
    return [*(float(f"{x:.3g}") for x in others), *best]


@shows()
def simulated_times(
    found: Tuning,
    numbers: Sequence[float],
    *,
    store: Store | None = None,
    watch: Asked = unwatched,
    **ensemble: Any,
) -> list[Measured]:
    """Return the time to converge in simulations, under schedules of the family.

    Parameters
    ----------
    found : Tuning
        Of a family of schedules that have one number.
    numbers : sequence of float
        Of the schedules to simulate.
    store : ResultStore, optional
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of each simulation.
    **ensemble
        Further arguments of `vaedyn.simulate`: runs, seed, engine, jobs.

    Returns
    -------
    list of Measured
        Without those under which runs do not come to stay within the tolerance.
    """
    only_ensemble(simulated_times, ensemble)
    make = FAMILIES[found.family]
    assert make is not None
    points = []
    for x in numbers:
        spec = make(x).spec
        expected = max(found.constant, float(np.interp(x, found.numbers, found.times)))
        at = lasting(found.params, spec, float(f"{LONGER * expected:.3g}"))
        with watch(f"simulate {spec}") as progress:
            result = simulate(at, store=store, progress=progress, **ensemble)
        time, error = spread(arrivals(result, found.tol, found.criterion))
        if np.isfinite(time):
            points.append(Measured(x, time, error))
    return points
