"""The compiled integrator, called in pieces, and what may end it too soon."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..model.records import Progress
from ..model.schedule import Schedule

SECONDS_AT_ONCE = 0.05  # of one kernel call, so that an interrupt is soon heard
MOST_STEPS = 5_000_000
WATCHED = 300  # steps, after which it is seen what limits them
MOSTLY = 0.8  # of these limited by stability: the method changes, to one of more stages

OFTEN = 10  # marks in as many steps as one call makes
FEWEST = 4  # steps from mark to mark
MOST_MARKS = 64

if TYPE_CHECKING:
    from ..kernels.flows import Flow

log = logging.getLogger(__name__)
Read = Callable[[np.ndarray], np.ndarray]


class Mark(NamedTuple):
    """Where an integration was between two steps, and can go on to the same numbers.

    Attributes
    ----------
    time : float
    reach : float
        An integration that ends later makes the same steps up to here.
    record : (vaedyn.kernels.rk45.LENGTH,)
    state : (values,)
    """

    time: float
    reach: float
    record: np.ndarray
    state: np.ndarray


class Marks(list[Mark]):
    """Marks in ascending order of time, the first one of the start, `MOST_MARKS` at the most."""

    def before(self, time: float, end: float) -> Mark:
        """Return the last one before `time` on the way to `end`."""
        fit = [mark for mark in self[1:] if mark.time < time and mark.reach < end]
        return fit[-1] if fit else self[0]

    def add(self, record: np.ndarray, state: np.ndarray) -> None:
        """Keep a mark here, and fewer of the others when there are too many."""
        from ..kernels.rk45 import REACH, TIME

        if self and record[TIME] <= self[-1].time:
            return
        if len(self) >= MOST_MARKS:
            del self[1:-1:2]
        self.append(Mark(float(record[TIME]), float(record[REACH]), record.copy(), state.copy()))


def solve(
    flow: "Flow",
    start: np.ndarray,
    times: np.ndarray,
    schedule: Schedule,
    *,
    beta: float,
    pace: Callable[[], str],
    rtol: float,
    atol: float,
    bound: float,
    at_once: int,
    most: int = MOST_STEPS,
    progress: Progress | None = None,
    read: Read | None = None,
    marks: Marks | None = None,
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the states at `times` (times, values) from `start` at the first, and statistics.

    Parameters
    ----------
    flow : vaedyn.kernels.flows.Flow
        The drift.
    start : (values,)
    times : (times,)
        Ascending.
    schedule : Schedule
    beta : float
        Its end value.
    pace : callable
        Returns the learning rate, for messages.
    rtol, atol : float
        Tolerated error of a step, relative and absolute.
    bound : float
        An order parameter beyond it has diverged.
    at_once : int
        Number of steps that one call of the kernel makes.
    most : int
        Number of steps after which it gives up.
    progress : callable, optional
        Called as ``progress(done, total)`` with the time that is reached, and the last one.
    read : callable, optional
        Returns what is wanted of states (times, values), which comes instead of them: many
        states need much room.
    marks : Marks, optional
        Of the same integration to other times, from which it goes on, to the same numbers;
        `times` may begin later. Where steps are watched it begins at `start` again.

    Raises
    ------
    DivergenceError
        When the solution leaves every bound or an encoder variance reaches zero.
    ConvergenceError
        When it takes more than `most` steps.
    """
    from ..kernels import flows, rk45

    values, end, parts = len(start), float(times[-1]), []
    out = np.empty((len(times), values))
    record, rows = rk45.begin(start, times, out)
    y, fastest = rows[rk45.NOW, :values], np.zeros(values)
    what = _given(flow, schedule, beta)
    unwatched = flow.stiff == flows.NEVER
    if marks is not None:
        at_once = min(at_once, max(FEWEST, at_once // OFTEN)) if unwatched else at_once
        _go_on(marks, times, record, y)
    at_once = min(at_once, most, most if unwatched else WATCHED)
    # the last time, too, may be one at which beta is not smooth
    stops = schedule.kinks(float(np.nextafter(end, np.inf)))
    # modes that have died limit steps most where there are many directions, or rates apart
    stiff_from = np.inf if unwatched else float(record[rk45.TIME])
    if flow.stiff == flows.AFTER_KINKS:
        stiff_from = max([*stops.tolist(), stiff_from])
    limited, status = False, rk45.PAUSED
    while status == rk45.PAUSED:
        if limited:
            from ..kernels import rkc

            ahead = (1 - rk45.ASIDE) * stops[stops > record[rk45.TIME]]
            until = float(ahead[0]) if len(ahead) else end
            status = rkc.integrate(
                y, times, until, record, *what, rtol, atol, bound, 6 * at_once, fastest, out
            )
            if status == rk45.DONE and until < end:  # a kink, which the other method stops at
                limited, status = False, rk45.PAUSED
        else:
            made, stiff = record[rk45.STEPS], record[rk45.STIFF]
            status = rk45.integrate(
                values, times, stops, record, *what, rows, rtol, atol, bound, at_once, out
            )
            made, stiff = record[rk45.STEPS] - made, record[rk45.STIFF] - stiff
            limited = stiff > MOSTLY * made and record[rk45.TIME] > stiff_from
        if read:  # the same room serves again
            done = int(record[rk45.SAVED])
            parts.append(read(out[:done]))
            times, record[rk45.SAVED] = times[done:], 0
        if marks is not None and unwatched and status == rk45.PAUSED:
            marks.add(record, y)
        if record[rk45.EVALUATIONS] >= 6 * most:
            break
        if progress:
            progress(float(record[rk45.TIME]), end)
    log.debug("integrated the ODE to t = %g in %d steps", record[rk45.TIME], record[rk45.STEPS])
    if status != rk45.DONE:
        _check(status, record, schedule, beta, pace, rtol, None if read else (times, out))
    return np.concatenate(parts) if read else out, _statistics(record)


def _statistics(record: np.ndarray) -> dict[str, float]:
    """Return how many steps were made, and the least encoder variance after one."""
    from ..kernels import rk45

    found = record.tolist()
    return {
        "steps": int(found[rk45.STEPS]),
        "evaluations": int(found[rk45.EVALUATIONS]),
        "stiff": int(found[rk45.STIFF]),
        "least_variance": found[rk45.LEAST],
    }


def _go_on(marks: Marks, times: np.ndarray, record: np.ndarray, y: np.ndarray) -> None:
    """Begin at a mark before all `times`, or at the first one, of the start, which is made here."""
    from ..kernels.rk45 import SAVED

    if not marks:
        marks.add(record, y)
    mark = marks.before(float(times[0]), float(times[-1]))
    record[:], y[:] = mark.record, mark.state
    record[SAVED] = times[0] == mark.time  # only the start is saved by now


def _check(
    status: int,
    record: np.ndarray,
    schedule: Schedule,
    beta: float,
    pace: Callable[[], str],
    rtol: float,
    saved: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Raise what ended an integration too soon, with the times and states that were `saved`."""
    from ..kernels import rk45

    t = float(record[rk45.TIME])
    error = None
    if status in (rk45.DIVERGED, rk45.STEP_TOO_SMALL):
        where = f"the ODE diverges near t = {t:.6g} at learning rate {pace()}"
        error = DivergenceError(f"{where}: lower --lr")
    if status == rk45.VARIANCE_LOST:
        error = variance_lost(t, float(schedule(np.array(t), beta)), pace())
    if error:
        count = int(record[rk45.SAVED])
        error.reached = saved and (saved[0][:count], saved[1][:count])
        raise error
    if status == rk45.PAUSED:
        raise ConvergenceError(
            f"stopped at t = {t:.6g} after {int(record[rk45.STEPS])} steps, the last of size "
            f"{record[rk45.STEP]:.3g}: raise --rtol ({rtol:g}) or shorten --t-max"
        )


def _given(flow: "Flow", schedule: Schedule, beta: float) -> tuple[Any, ...]:
    """Return the drift, and the schedule with its end value, as both methods take them."""
    from ..kernels.flows import beta_address
    from ..kernels.pointers import NONE

    calls = flow.drift, beta_address() if schedule.code else NONE, flow.norm
    numbers = np.array([beta, *schedule.numbers])
    return schedule.code, numbers, calls, flow.box, flow.size, flow.latent


def passed(most: int, at_once: int) -> int:
    """Return after how many steps `solve` notices that there are more than `most`."""
    at_once = min(at_once, most)
    return -(-most // at_once) * at_once


def steps_in_a_while(seconds: float) -> int:
    """Return how many steps of `seconds` each take about `SECONDS_AT_ONCE`."""
    return max(1, int(SECONDS_AT_ONCE / seconds))


def variance_lost(t: float, beta: float, lr: float | str) -> DivergenceError:
    """Return the error for an encoder variance that has left (0, inf); `lr` may be a text."""
    shown = lr if isinstance(lr, str) else f"{lr:g}"
    if beta < 1e-6:
        return DivergenceError(
            f"an encoder variance D reached zero at t = {t:.6g}, where beta is {beta:.3g}: "
            "keep --beta, and its schedule --anneal, above zero"
        )
    return DivergenceError(
        f"learning diverges near t = {t:.6g} at learning rate {shown}: lower --lr"
    )
