"""Dormand and Prince's Runge-Kutta pair 5(4) for the ODE of the order parameters.

Tableau: Dormand and Prince, J. Comput. Appl. Math. 6 (1980). Step control with
a proportional-integral term, first step, stiffness test and the continuous
extension of order 4: Hairer, Norsett and Wanner, "Solving Ordinary
Differential Equations I", sections II.4 and II.6, and II, section IV.2.
"""

from math import sqrt

import numpy as np

from .jit import kernel, leaf
from .ode import CONSTANT
from .pointers import NONE, evaluate, run
from .product import combine

# status codes of `integrate`
DONE, PAUSED, STEP_TOO_SMALL, DIVERGED, VARIANCE_LOST = range(5)
# entries of its `record`
TIME, STEP, LAST_ERROR, REJECTED, SAVED, STEPS, EVALUATIONS, STIFF, LEAST, LENGTH = range(10)
ASIDE = 1e-9  # of a time: so much earlier is before it, so much later after it
ROWS = 12  # of the room that steps are made in: seven drifts, and five states
SHARE = 1e-3  # of an encoder variance: the largest error of a step in it

NODES = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
STAGES = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [1 / 5, 0, 0, 0, 0, 0],
        [3 / 40, 9 / 40, 0, 0, 0, 0],
        [44 / 45, -56 / 15, 32 / 9, 0, 0, 0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
)
ERROR = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
DENSE = np.array(
    [
        -12715105075 / 11282082432,
        0,
        87487479700 / 32700410799,
        -10690763975 / 1880347072,
        701980252875 / 199316789632,
        -1453857185 / 822651844,
        69997945 / 29380423,
    ]
)


@leaf
def weight(t, kind, schedule, beta_at):
    """Return the KL weight at the time `t`; `beta_at` is an address, unused where it is constant."""
    return schedule[0] if kind == CONSTANT else evaluate(beta_at, (t, kind, schedule))


@leaf
def advance(t, h, start, stop, rows, values, kind, schedule, calls, box):
    """Make one step from the time `t`, with a state in ``rows[7]`` and its drift in ``rows[0]``.

    beta(t) is taken as it is after the time `start` and before `stop`, where it may jump. It
    is not taken at these times themselves: where it is zero for an instant, D would change
    in times that are shorter than what can be told apart. Fills the stages ``rows[1:7]``,
    ``rows[8]`` with the state at ``t + h`` and ``rows[9]`` with the argument of the sixth stage,
    which stands at the same time. All have `values` entries, and zeros behind them.
    """
    flow, beta_at, _ = calls
    for stage in range(1, 7):
        target = rows[9] if stage == 5 else rows[8]
        combine(target, rows[7], h, STAGES[stage], rows, stage)
        there = min(max(t + NODES[stage] * h, start * (1.0 + ASIDE)), stop * (1.0 - ASIDE))
        beta = weight(there, kind, schedule, beta_at)
        run(flow, (beta, target[:values], box, rows[stage, :values]))


@leaf
def interpolate(theta, h, y, after, first, last, rest, out):
    """Write the state at the fraction `theta` of the step from `y` to `after` into `out`.

    `first` and `last` are the drifts at both ends, `rest` is ``h sum_j DENSE[j] k[j]``.
    """
    for i in range(out.size):
        rise = after[i] - y[i]
        start = h * first[i] - rise
        bend = rise - h * last[i] - start
        out[i] = y[i] + theta * (
            rise + (1.0 - theta) * (start + theta * (bend + (1.0 - theta) * rest[i]))
        )


@kernel
def integrate(
    y, times, stops, record, kind, schedule, calls, box, size, latent, rows, rtol, atol, bound,
    most, out,
):  # fmt: skip
    """Integrate on towards ``times[-1]``, by at most `most` steps, accepted or not.

    Parameters
    ----------
    y : (values,) see `vaedyn.kernels.flows`; the start, and then the end
    times : (saves,) ascending, the first one being the start
    stops : (kinks,) ascending times in between that no step may cross
    record : (LENGTH,)
        Zeros at first, then where the integration stands: time reached, next
        step size, last error, whether the last step was rejected, rows of `out`
        filled, accepted steps, drifts computed, accepted steps limited by stability,
        least encoder variance after a step.
    kind, schedule : beta(t), see `vaedyn.kernels.ode.beta_at`
    calls : addresses of the drift, of `beta_at` and of the norm of errors, see
        `vaedyn.kernels.flows`; `NONE` for a norm is the root mean square
    box : what these take besides the state
    size, latent : number of order parameters, which stand first in `y`, and of latents
    rows : (ROWS, `vaedyn.kernels.product.padded` values), zeros at first
    bound : order parameters that large have diverged
    out : (saves, values)

    Returns
    -------
    int
        Status: DONE, PAUSED (call again to go on), or why it stopped.
    """
    flow, beta_at, norm = calls
    values = y.size
    now, after, before, error, zeros = rows[7], rows[8], rows[9], rows[10], rows[11]
    for i in range(values):
        now[i] = y[i]
    end = times[-1]
    h = record[STEP]
    t = record[TIME]
    if h == 0.0:
        t = times[0]
        for i in range(values):
            out[0, i] = y[i]
        record[SAVED] = 1.0
        record[LAST_ERROR] = 1e-4
        record[LEAST] = np.inf
    saved = np.int64(record[SAVED])
    stop = made = 0
    status = DONE
    usual, lost, fresh = h, 0.0, True
    while True:
        while stop < stops.size and stops[stop] <= t:
            stop += 1
        start = stops[stop - 1] if stop > 0 else 0.0
        if fresh:  # at first, and where beta(t) may go on in another way
            beta = weight(max(t, start * (1.0 + ASIDE)), kind, schedule, beta_at)
            run(flow, (beta, now[:values], box, rows[0, :values]))
            record[EVALUATIONS] += 1
            fresh = False
        if h == 0.0:  # a first step from the sizes of the state, the drift and its change
            state = slope = change = 0.0
            for i in range(values):
                scale = atol + rtol * abs(now[i])
                state += (now[i] / scale) ** 2
                slope += (rows[0, i] / scale) ** 2
            state, slope = sqrt(state / values), sqrt(slope / values)
            h = 1e-6 if min(state, slope) < 1e-5 else 0.01 * state / slope
            for i in range(values):
                after[i] = now[i] + h * rows[0, i]
            beta = weight(t + h, kind, schedule, beta_at)
            run(flow, (beta, after[:values], box, rows[1, :values]))
            record[EVALUATIONS] += 1
            for i in range(values):
                change += ((rows[1, i] - rows[0, i]) / (atol + rtol * abs(now[i]))) ** 2
            steepest = max(slope, sqrt(change / values) / h)
            if steepest <= 1e-15:
                h = max(1e-6, 1e-3 * h)
            else:
                h = min(100.0 * h, (0.01 / steepest) ** 0.2)
            usual = h
        if not t < end:
            break
        if not h >= 1e-14 * max(abs(t), 1e-3):  # nan, too
            status = VARIANCE_LOST if lost == np.inf else STEP_TOO_SMALL
            break
        if made == most:
            status = PAUSED
            break
        made += 1
        target = stops[stop] if stop < stops.size else end
        last = t + 1.01 * h >= target
        if last:
            usual, h = h, target - t
        limit = target if stop < stops.size else 2.0 * end
        advance(t, h, start, limit, rows, values, kind, schedule, calls, box)
        record[EVALUATIONS] += 6
        combine(error, zeros, h, ERROR, rows, 7)
        # the largest relative error of D in units of `SHARE` matters only where D is about to
        # vanish, as beta passes through zero; it is infinite where a step would lead through 0
        lost = 0.0
        for i in range(size - latent, size):
            if not after[i] > 0.0:
                lost = np.inf
            lost = max(lost, abs(error[i]) / (SHARE * min(now[i], after[i])))
        total = change = distance = 0.0
        for i in range(values):
            total += (error[i] / (atol + rtol * max(abs(now[i]), abs(after[i])))) ** 2
            change += (rows[6, i] - rows[5, i]) ** 2
            distance += (after[i] - before[i]) ** 2
        found = sqrt(total / values)
        if norm != NONE:
            found = evaluate(
                norm, (error[:values], now[:values], after[:values], rtol, atol, box)
            )
        if lost > found:  # it may be nan, and has to stay that
            found = lost
        if not found <= 1.0:
            factor = 0.2
            if found < np.inf:
                factor = max(0.2, 0.9 * found**-0.17)
            h *= factor
            record[REJECTED] = 1.0
            continue
        if distance > 0.0 and h * sqrt(change / distance) > 3.25:
            record[STIFF] += 1  # h |lambda| is at the edge of the stability region
        reached = target if last else t + h
        if saved < times.size and times[saved] <= reached:
            combine(error, zeros, h, DENSE, rows, 7)
        while saved < times.size and times[saved] <= reached:
            theta = (times[saved] - t) / h
            interpolate(theta, h, now, after, rows[0], rows[6], error, out[saved])
            saved += 1
        t = reached
        for i in range(values):
            now[i] = after[i]
            rows[0, i] = rows[6, i]
        fresh = last and t < end
        found = max(found, 1e-10)
        factor = max(0.2, min(10.0, 0.9 * found**-0.17 * record[LAST_ERROR] ** 0.04))
        if record[REJECTED] == 1.0:
            factor = min(factor, 1.0)
        h = max(h * factor, usual) if last else h * factor
        record[REJECTED] = 0.0
        record[LAST_ERROR] = max(found, 1e-4)
        record[STEPS] += 1
        for i in range(size):
            if not abs(now[i]) < bound:
                status = DIVERGED
        if status == DIVERGED:
            break
        for i in range(size - latent, size):
            record[LEAST] = min(record[LEAST], now[i])
    for i in range(values):
        y[i] = now[i]
    record[TIME], record[STEP], record[SAVED] = t, h, saved
    return status
