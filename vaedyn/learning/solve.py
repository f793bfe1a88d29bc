"""The compiled integrator, called in pieces, and what may end it too soon."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..model.records import Progress
from ..model.schedule import Schedule

SECONDS_AT_ONCE = 0.05  # of one kernel call, so that an interrupt is soon heard
MOST_STEPS = 5_000_000
WATCHED = 300  # steps, after which it is seen what limits them
MOSTLY = 0.8  # of these limited by stability: the method changes, to one of more stages

if TYPE_CHECKING:
    from ..kernels.flows import Flow

log = logging.getLogger(__name__)


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

    Raises
    ------
    DivergenceError
        When the solution leaves every bound or an encoder variance reaches zero.
    ConvergenceError
        When it takes more than `most` steps.
    """
    from ..kernels import flows, rk45

    values = len(start)
    out = np.empty((len(times), values))
    record, rows = rk45.begin(start, times, out)
    y, fastest = rows[rk45.NOW, :values], np.zeros(values)
    what = _given(flow, schedule, beta)
    at_once = min(at_once, most, most if flow.stiff == flows.NEVER else WATCHED)
    # the last time, too, may be one at which beta is not smooth
    stops = schedule.kinks(float(np.nextafter(times[-1], np.inf)))
    # modes that have died limit steps most where there are many directions, or rates apart
    stiff_from = np.inf if flow.stiff == flows.NEVER else times[0]
    if flow.stiff == flows.AFTER_KINKS:
        stiff_from = max([*stops.tolist(), times[0]])
    limited, status = False, rk45.PAUSED
    while status == rk45.PAUSED:
        if limited:
            from ..kernels import rkc

            ahead = (1 - rk45.ASIDE) * stops[stops > record[rk45.TIME]]
            end = float(ahead[0]) if len(ahead) else times[-1]
            status = rkc.integrate(
                y, times, end, record, *what, rtol, atol, bound, 6 * at_once, fastest, out
            )
            if status == rk45.DONE and end < times[-1]:  # a kink, which the other method stops at
                limited, status = False, rk45.PAUSED
        else:
            made, stiff = record[rk45.STEPS], record[rk45.STIFF]
            status = rk45.integrate(
                values, times, stops, record, *what, rows, rtol, atol, bound, at_once, out
            )
            made, stiff = record[rk45.STEPS] - made, record[rk45.STIFF] - stiff
            limited = stiff > MOSTLY * made and record[rk45.TIME] > stiff_from
        if record[rk45.EVALUATIONS] >= 6 * most:
            break
        if progress:
            progress(float(record[rk45.TIME]), float(times[-1]))
    log.debug("integrated the ODE to t = %g in %d steps", record[rk45.TIME], record[rk45.STEPS])
    steps, evaluations, stiff = (int(record[i]) for i in (rk45.STEPS, rk45.EVALUATIONS, rk45.STIFF))
    t = float(record[rk45.TIME])
    if status in (rk45.DIVERGED, rk45.STEP_TOO_SMALL):
        where = f"the ODE diverges near t = {t:.6g} at learning rate {pace()}"
        raise DivergenceError(f"{where}: lower --lr")
    if status == rk45.VARIANCE_LOST:
        raise variance_lost(t, float(schedule(np.array(t), beta)), pace())
    if status == rk45.PAUSED:
        raise ConvergenceError(
            f"stopped at t = {t:.6g} after {steps} steps, the last of size "
            f"{record[rk45.STEP]:.3g}: raise --rtol ({rtol:g}) or shorten --t-max"
        )
    least = float(record[rk45.LEAST])
    return out, {
        "steps": steps, "evaluations": evaluations, "stiff": stiff, "least_variance": least,
    }  # fmt: skip


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
