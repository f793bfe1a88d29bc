"""Dormand and Prince's Runge-Kutta pair 5(4) for the ODE of the order parameters.

Tableau: Dormand and Prince, J. Comput. Appl. Math. 6 (1980). Step control with
a proportional-integral term, first step, stiffness test and the continuous
extension of order 4: Hairer, Norsett and Wanner, "Solving Ordinary
Differential Equations I", sections II.4 and II.6, and II, section IV.2.
"""

from math import sqrt

import numpy as np

from .constants import Constants
from .fluctuations import count, error_of, flow, norm, weight
from .jit import inlined, kernel, leaf, reordered
from .ode import U, beta_at
from .product import multiply

# status codes of `integrate`
DONE, PAUSED, STEP_TOO_SMALL, DIVERGED, VARIANCE_LOST = range(5)
# entries of its `record`
TIME, STEP, LAST_ERROR, REJECTED, SAVED, STEPS, EVALUATIONS, STIFF, LEAST, LENGTH = range(10)
ASIDE = 1e-9  # of a time: so much earlier is before it, so much later after it
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
def copy(source, target):
    """Set `target` to `source`, of the same length."""
    # ``target[:] = source`` could fail, and composing that message takes seconds to compile
    for i in range(source.size):
        target[i] = source[i]


@leaf
def combine(target, y, scale, weights, first, k, count):
    """Set `target` to ``y + scale sum_j weights[first + j] k[j]`` over `count` stages."""
    size = y.size
    for i in range(size):
        target[i] = 0.0
    multiply(target, U(0), weights, U(first), k, U(0), U(1), U(count), U(size))
    for i in range(size):
        target[i] = y[i] + scale * target[i]


@inlined
def advance(t, h, start, stop, y, k, kind, schedule, c, work, before, after):
    """Make one step from ``(t, y)`` with ``k[0]`` the drift there.

    beta(t) is taken as it is after the time `start` and before `stop`, where it may jump. It
    is not taken at these times themselves: where it is zero for an instant, D would change
    in times that are shorter than what can be told apart. Fills the stages ``k[1:]``,
    `after` with the state at ``t + h`` and `before` with the argument of the sixth stage,
    which stands at the same time.
    """
    for stage in range(1, 7):
        target = before if stage == 5 else after
        combine(target, y, h, STAGES, 6 * stage, k, stage)
        there = min(max(t + NODES[stage] * h, start * (1.0 + ASIDE)), stop * (1.0 - ASIDE))
        beta = beta_at(there, kind, schedule)
        flow(target, Constants(beta, *c[1:]), work, k[stage])


@leaf
def error_of_variances(error, y, after, first, last):
    """Return the largest relative error of D, entries `first` to `last`, in units of `SHARE`.

    It matters only where D is about to vanish, as beta passes through zero; it is infinite
    where a step would lead through D = 0.
    """
    most = 0.0
    for i in range(first, last):
        if not after[i] > 0.0:
            return np.inf
        most = max(most, abs(error[i]) / (SHARE * min(y[i], after[i])))
    return most


@leaf
def interpolate(theta, h, y, after, first, last, rest, out):
    """Write the state at the fraction `theta` of the step from `y` to `after` into `out`.

    `first` and `last` are the drifts at both ends, `rest` is ``h sum_j DENSE[j] k[j]``.
    """
    for i in range(y.size):
        rise = after[i] - y[i]
        start = h * first[i] - rise
        bend = rise - h * last[i] - start
        out[i] = y[i] + theta * (
            rise + (1.0 - theta) * (start + theta * (bend + (1.0 - theta) * rest[i]))
        )


@inlined
def first_step(t, y, k, kind, schedule, c, work, probe, rtol, atol):
    """Return a first step size from the sizes of the state, the drift and its change."""
    size = norm(y, y, y, rtol, atol, work)
    slope = norm(k[0], y, y, rtol, atol, work)
    h = 1e-6 if min(size, slope) < 1e-5 else 0.01 * size / slope
    for i in range(y.size):
        probe[i] = y[i] + h * k[0, i]
    flow(probe, Constants(beta_at(t + h, kind, schedule), *c[1:]), work, k[1])
    for i in range(y.size):
        probe[i] = k[1, i] - k[0, i]
    steepest = max(slope, norm(probe, y, y, rtol, atol, work) / h)
    if steepest <= 1e-15:
        return max(1e-6, 1e-3 * h)
    return min(100.0 * h, (0.01 / steepest) ** 0.2)


@reordered
def limited_by_stability(h, k, before, after, work):
    """Estimate whether ``h |lambda|`` has reached the edge of the stability region."""
    change = distance = 0.0
    for i in range(before.size):
        change += weight(work, i) * (k[6, i] - k[5, i]) ** 2
        distance += weight(work, i) * (after[i] - before[i]) ** 2
    return distance > 0.0 and h * sqrt(change / distance) > 3.25


@kernel
def integrate(y, times, stops, record, kind, schedule, c, work, rtol, atol, bound, most, out):
    """Integrate on towards ``times[-1]``, by at most `most` steps, accepted or not.

    Parameters
    ----------
    y : (values,) see `vaedyn.kernels.fluctuations.flow`; the start, and then the end
    times : (saves,) ascending, the first one being the start
    stops : (kinks,) ascending times in between that no step may cross
    record : (LENGTH,)
        Zeros at first, then where the integration stands: time reached, next
        step size, last error, whether the last step was rejected, rows of `out`
        filled, accepted steps, drifts computed, accepted steps limited by stability,
        least encoder variance after a step.
    kind, schedule : beta(t), see `vaedyn.kernels.ode.beta_at`; it stands for that of `c`
    c : Constants
    work : see `vaedyn.kernels.fluctuations.workspace`
    bound : order parameters that large have diverged
    out : (saves, values)

    Returns
    -------
    int
        Status: DONE, PAUSED (call again to go on), or why it stopped.
    """
    k = np.empty((7, y.size))
    before = np.empty(y.size)
    after = np.empty(y.size)
    error = np.empty(y.size)
    zeros = np.zeros(y.size)
    latent = c.latent
    size_of_state = count(y, work)
    end = times[-1]
    if record[STEP] == 0.0:
        record[TIME] = times[0]
        copy(y, out[0])
        record[SAVED] = 1
        record[LAST_ERROR] = 1e-4
        record[LEAST] = np.inf
    t = record[TIME]
    saved = int(record[SAVED])
    stop = 0
    while stop < stops.size and stops[stop] <= t:
        stop += 1
    start = stops[stop - 1] if stop > 0 else 0.0
    beta = beta_at(max(t, start * (1.0 + ASIDE)), kind, schedule)
    flow(y, Constants(beta, *c[1:]), work, k[0])
    record[EVALUATIONS] += 1
    if record[STEP] == 0.0:
        record[STEP] = first_step(t, y, k, kind, schedule, c, work, after, rtol, atol)
        record[EVALUATIONS] += 1
    h = record[STEP]
    made = 0
    usual, lost = h, 0.0
    while t < end:
        if not h >= 1e-14 * max(abs(t), 1e-3):  # nan, too
            return VARIANCE_LOST if lost == np.inf else STEP_TOO_SMALL
        if made == most:
            return PAUSED
        made += 1
        while stop < stops.size and stops[stop] <= t:
            stop += 1
        target = stops[stop] if stop < stops.size else end
        last = t + 1.01 * h >= target
        if last:
            usual, h = h, target - t
        limit = target if stop < stops.size else 2.0 * end
        start = stops[stop - 1] if stop > 0 else 0.0
        advance(t, h, start, limit, y, k, kind, schedule, c, work, before, after)
        record[EVALUATIONS] += 6
        combine(error, zeros, h, ERROR, 0, k, 7)
        lost = error_of_variances(error, y, after, size_of_state - latent, size_of_state)
        size = error_of(error, y, after, rtol, atol, c, work)
        if lost > size:  # size may be nan, and has to stay that
            size = lost
        if not size <= 1.0:
            factor = 0.2
            if size < np.inf:
                factor = max(0.2, 0.9 * size**-0.17)
            h *= factor
            record[STEP] = h
            record[REJECTED] = 1.0
            continue
        if limited_by_stability(h, k, before, after, work):
            record[STIFF] += 1
        reached = target if last else t + h
        if saved < times.size and times[saved] <= reached:
            combine(error, zeros, h, DENSE, 0, k, 7)
        while saved < times.size and times[saved] <= reached:
            interpolate((times[saved] - t) / h, h, y, after, k[0], k[6], error, out[saved])
            saved += 1
        t = reached
        copy(after, y)
        copy(k[6], k[0])
        if last and t < end:  # beta(t) may go on in another way
            beta = beta_at(t * (1.0 + ASIDE), kind, schedule)
            flow(y, Constants(beta, *c[1:]), work, k[0])
            record[EVALUATIONS] += 1
        size = max(size, 1e-10)
        factor = max(0.2, min(10.0, 0.9 * size**-0.17 * record[LAST_ERROR] ** 0.04))
        if record[REJECTED] == 1.0:
            factor = min(factor, 1.0)
        h = max(h * factor, usual) if last else h * factor
        record[REJECTED] = 0.0
        record[TIME] = t
        record[STEP] = h
        record[LAST_ERROR] = max(size, 1e-4)
        record[SAVED] = saved
        record[STEPS] += 1
        for i in range(size_of_state):
            if not abs(y[i]) < bound:
                return DIVERGED
        for i in range(size_of_state - latent, size_of_state):
            record[LEAST] = min(record[LEAST], y[i])
    return DONE
