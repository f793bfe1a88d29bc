"""How long learning takes: the time after which eps_g, or the loss, stays near its final value."""

import logging
from dataclasses import dataclass, field
from typing import Any, Unpack

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..fixedpoints.destination import LARGE, NEAR, destination
from ..learning.theory import integrate, tolerances
from ..model.asked import TRAINING, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, real
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Source, Store, kept, variable
from ..model.results import Trajectory
from ..model.schedule import Schedule
from ..model.state import count, pack
from .criterion import EPS_G, IN_WORDS, of_runs, of_states
from .error_in_time import ErrorInTime

GRID = 2000  # times at which the error is looked at
FINER = 64  # parts that the interval of the last crossing is cut into, twice
SETTLED = 0.1  # of the tolerance: so close to its final value, and for so long, the error stays
RESAMPLED = 200  # ensembles drawn from one
LONGEST = 1e6  # in units of 1/tau
NEARLY = 0.9  # of the tolerance: peaks of the error from there on are looked at closer
EXACT = 1e-11  # relative tolerance of that

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Convergence:
    """When the generalisation error of the ODE comes to stay near its final value.

    Attributes
    ----------
    t : float
        The first time after which it stays within `tol`; nan when that is unknown.
    eps_g : float
        That of the fixed point in which learning ends; nan when that is unknown.
    tol : float
    reason : str
        Why it is unknown.
    source : Source or None
        Its record, when it came through a store.
    """

    t: float
    eps_g: float
    tol: float
    reason: str = ""
    source: Source | None = field(default=None, compare=False)


@shows("time to converge")
def time_to_converge(
    params: Params | None = None,
    tol: float = 1e-3,
    *,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> Convergence:
    """Return the first time after which eps_g of the ODE stays within `tol` of its final value.

    It is a root on the dense output, whatever times are saved, and may lie beyond
    ``params.t_max``.

    Parameters
    ----------
    params : Params, optional
    tol : float
        Tolerated ``|eps_g(t) - eps_g(infinity)|``.
    rtol, atol : float
        Tolerances of the integration, see `vaedyn.theory`.
    store : ResultStore, optional
        Where to look for the result first, and to keep it.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with the time that
        an integration has reached, and where it ends; what has to be integrated further begins
        anew with a later end.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        When a tolerance is out of range.
    """
    params = params_of(time_to_converge, params, changes, derived=TRAINING).replace(points=2)
    tol = real("tol", tol)
    rtol, atol = tolerances(rtol, atol)

    def compute() -> Computed:
        t, end, reason = np.nan, np.nan, ""
        size = count(params.latent, params.signal)
        if size > LARGE:
            log.info("looking for the time from which eps_g of %d order parameters stays", size)
        try:
            t, end = last_crossing(
                params, params.schedule, tol, rtol=rtol, atol=atol, progress=progress
            )
        except (ConvergenceError, DivergenceError) as error:
            reason = str(error)
        return {
            "t": variable("time to converge, steps/N", np.array(t)),
            "eps_g": variable("generalisation error of the end", np.array(end)),
        }, {"reason": reason}

    record = {
        **params.to_dict(),
        "tol": tol,
        "rtol": rtol,
        "atol": atol,
        "numerics": NUMERICS["convergence"],
    }
    del record["points"]
    found = kept(store, "convergence", record, compute)
    t, end = (float(found.arrays[name]) for name in ("t", "eps_g"))
    return Convergence(t, end, tol, found.info["reason"], found.source)


def end_of_learning(
    params: Params, rtol: float = 1e-8, atol: float = 1e-10, criterion: str = EPS_G
) -> float:
    """Return eps_g, or the loss, of the fixed point in which learning ends after the schedule.

    Raises
    ------
    ConvergenceError, DivergenceError
        When that cannot be found.
    """
    schedule = params.schedule
    _check_that_it_ends(params, schedule, criterion)
    times = np.array([0.0, max(params.t_max, schedule.arrival())])
    start = pack(**params.overlaps())
    y = integrate(params, start, times, schedule, rtol=rtol, atol=atol)[0][-1]
    return float(of_states(params, destination(params, y, rtol)[None], criterion)[0])


def _check_that_it_ends(params: Params, schedule: Schedule, criterion: str) -> None:
    if params.beta == 0:
        raise ConvergenceError("at beta = 0 learning has no end: D shrinks for ever")
    if not np.isfinite(schedule.arrival()):
        what = IN_WORDS[criterion]
        raise ConvergenceError(f"under a {schedule.name} schedule {what} never comes to rest")


def last_crossing(
    params: Params,
    schedule: Schedule,
    tol: float,
    *,
    criterion: str = EPS_G,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    most: float | None = None,
    margin: float = 0.0,
    progress: Progress | None = None,
) -> tuple[float, float]:
    """Return the time after which eps_g, or the loss, stays near its final value, and that value.

    Parameters
    ----------
    params : Params
        The start, and the constants; its own schedule does not matter.
    schedule : Schedule
    tol : float
    criterion : {"eps_g", "elbo"}
    most : float, optional
        Where to give up; default: 10^6/tau.
    margin : float
        Share of `tol`: the error has not come to stay before it peaks that closely below
        `tol`, as the smallest change might lift such a peak beyond it.
    progress : callable, optional
        Called as ``progress(done, total)`` with the time that an integration has reached, and
        where it ends.

    Raises
    ------
    ConvergenceError
        When it takes longer.
    DivergenceError
        When learning diverges.
    """
    _check_that_it_ends(params, schedule, criterion)
    found = ErrorInTime(params, schedule, criterion, rtol=rtol, atol=atol, progress=progress)
    longest = most or LONGEST / params.rate
    horizon = min(max(params.t_max, 1.1 * schedule.arrival() + 10 / params.rate), longest)
    while True:
        # kinks are looked at as well: the error may leave its final value at once there
        times = np.union1d(np.linspace(0, horizon, GRID + 1), schedule.kinks(horizon))
        errors = found.at(times)
        y, last_ones = found.state, errors[-GRID // 10 :]
        # of many order parameters, the end takes as long to find as the whole course
        if len(y) <= LARGE or np.ptp(last_ones) < 2 * SETTLED * tol:
            # which of many fixed points learning ends in may depend on the schedule
            point = destination(params, y, rtol)
            end = float(of_states(params, point[None], criterion)[0])
            # close in the criterion alone is not enough: a saddle may have the same one
            there = np.abs(y - point).max() < NEAR * max(1.0, np.abs(point).max())
            if there and (np.abs(last_ones - end) < SETTLED * tol).all():
                break
        if horizon >= longest:
            raise ConvergenceError(
                f"{IN_WORDS[criterion]} is not within {tol:g} of its final value by t = {horizon:g}"
            )
        horizon = min(2 * horizon, longest)
    far = np.abs(errors - end)
    peaks = _peaks(far, tol)
    if len(peaks):
        exact: Any = {"rtol": min(rtol, EXACT), "atol": min(atol, 0.01 * EXACT)}
        found = ErrorInTime(params, schedule, criterion, **exact, progress=progress)
        between = [np.linspace(times[i - 1], times[i + 1], 2 * FINER + 1) for i in peaks]
        times = np.union1d(times, np.concatenate(between))
        far = np.abs(found.at(times) - end)
    last, level = _last_outside(far, tol, margin)
    if last < 0:
        return 0.0, end
    for _ in range(2):
        low, high = times[last : last + 2]
        times = np.linspace(low, high, FINER + 1)
        far = np.abs(found.at(times) - end)
        # both ends are as they were, up to the error of the integration
        last = max(np.flatnonzero(far[:-1] > level), default=0)
    # linear between the last two, which are 1/4096 of the first grid's distance apart
    return float(np.interp(-level, -far[last : last + 2], times[last : last + 2])), end


def _peaks(far: np.ndarray, tol: float) -> np.ndarray:
    """Return where the error `far` peaks closely below `tol`, and perhaps above in between."""
    middle = far[1:-1]
    near = (middle > NEARLY * tol) & (middle <= tol)
    return 1 + np.flatnonzero(near & (middle >= far[:-2]) & (middle >= far[2:]))


def _last_outside(far: np.ndarray, tol: float, margin: float) -> tuple[int, float]:
    """Return where the error is outside for the last time, -1 if never, and the level it crosses.

    That is `tol`, or less by `margin` where it peaks in between later on.
    """
    level = (1 - margin) * tol
    above = np.flatnonzero(far > level)
    if not len(above):
        return -1, tol
    last = int(above[-1])
    below = np.flatnonzero(far[:last] <= level)
    first = int(below[-1]) + 1 if len(below) else 0
    outside = first + np.flatnonzero(far[first : last + 1] > tol)
    if len(outside):
        return int(outside[-1]), tol
    return (last, level) if first else (-1, tol)


def measured(trajectory: Trajectory, end: float, tol: float, criterion: str = EPS_G) -> np.ndarray:
    """Return the time after which the mean error over runs stays within `tol` of `end`, resampled.

    The first entry (1 + RESAMPLED,) is that of the runs as they are, the others are
    those of as many runs drawn from them with replacement: their standard deviation
    is the statistical error (none for a single run). Between saved times the error
    is taken as linear; what leaves the band in the last tenth of the time has
    not converged, and is nan.
    """
    t, values = trajectory.t, of_runs(trajectory, criterion)
    runs = len(values)
    random = np.random.default_rng(0)
    weights = random.multinomial(runs, np.full(runs, 1 / runs), RESAMPLED) / runs
    weights = np.concatenate([np.full((1, runs), 1 / runs), weights])
    found = np.full(len(weights), np.nan)
    for n, weight in enumerate(weights):  # one by one: there may be millions of times
        distance = np.abs(weight @ values - end)
        outside = np.flatnonzero(distance > tol)
        if not len(outside):
            found[n] = 0.0
        elif t[outside[-1]] < 0.9 * t[-1]:
            i = int(outside[-1])
            found[n] = np.interp(-tol, -distance[i : i + 2], t[i : i + 2])
    return found


def spread(values: np.ndarray) -> tuple[float, float]:
    """Return the first value and the standard deviation of the others, that are resampled.

    Both are nan when the first is, or a tenth of the others.
    """
    others = values[1:][np.isfinite(values[1:])]
    if np.isnan(values[0]) or len(others) < 0.9 * (len(values) - 1):
        return np.nan, np.nan
    return float(values[0]), float(others.std())


def fluctuation(trajectory: Trajectory, criterion: str = EPS_G) -> float:
    """Return the standard deviation of eps_g over runs and the last tenth of the time."""
    last = max(len(trajectory.t) // 10, 1)
    return float(of_runs(trajectory, criterion)[:, -last:].std())
