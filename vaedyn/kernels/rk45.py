"""Dormand and Prince's Runge-Kutta pair 5(4) for the ODE of the order parameters.

Tableau: Dormand and Prince, J. Comput. Appl. Math. 6 (1980). Step control with
a proportional-integral term, first step, stiffness test and the continuous
extension of order 4: Hairer, Norsett and Wanner, "Solving Ordinary
Differential Equations I", sections II.4 and II.6, and II, section IV.2.
"""

from math import sqrt

import numpy as np

from .jit import leaf
from .ode import CONSTANT
from .padded import combine, copy, distance, excess, interpolate, length
from .pointers import NONE, evaluate, run

# status codes of `integrate`
DONE, PAUSED, STEP_TOO_SMALL, DIVERGED, VARIANCE_LOST = range(5)
# entries of its `record`
(
    TIME, STEP, LAST_ERROR, REJECTED, SAVED, STEPS, EVALUATIONS, STIFF, LEAST, REACH, LENGTH
) = range(11)  # fmt: skip
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
ONE, DIFFERENCE = np.ones(1), np.array([-1.0, 1.0])
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
    """Return the KL weight at the time `t`; the address `beta_at` matters where it changes."""
    return schedule[0] if kind == CONSTANT else evaluate(beta_at, (t, kind, schedule))


NOW, AFTER, BEFORE, ERRORS, ZEROS = range(7, ROWS)


@leaf
def advance(t, h, start, stop, rows, kind, schedule, calls, box):
    """Make one step from the time `t`, with a state in ``rows[7]`` and its drift in ``rows[0]``.

    beta(t) is taken as it is after the time `start` and before `stop`, where it may jump. It
    is not taken at these times themselves: where it is zero for an instant, D would change
    in times that are shorter than what can be told apart. Fills the stages ``rows[1:7]``,
    ``rows[8]`` with the state at ``t + h`` and ``rows[9]`` with the argument of the sixth stage,
    which stands at the same time. All have zeros behind their entries.
    """
    flow, beta_at, _ = calls
    for stage in range(1, 7):
        target = rows[9] if stage == 5 else rows[8]
        combine(target, rows[7], h, STAGES[stage], rows, stage)
        there = min(max(t + NODES[stage] * h, start * (1.0 + ASIDE)), stop * (1.0 - ASIDE))
        beta = weight(there, kind, schedule, beta_at)
        run(flow, (beta, target, box, rows[stage]))


@leaf
def integrate(
    values, times, stops, record, kind, schedule, calls, box, size, latent, rows, rtol, atol,
    bound, most, out,
):  # fmt: skip
    """Integrate on towards ``times[-1]``, by at most `most` steps, accepted or not.

    Parameters
    ----------
    values : how many numbers a state has, see `vaedyn.kernels.flows`
    times : (saves,) ascending, the first one being the start
    stops : (kinks,) ascending times in between that no step may cross
    record : (LENGTH,)
        Where the integration stands, see `begin`: time reached, next
        step size, last error, whether the last step was rejected, rows of `out`
        filled, accepted steps, drifts computed, accepted steps limited by stability,
        least encoder variance after a step, and the latest end that a step was tried towards:
        all is as it would be if the integration ended anywhere later.
    kind, schedule : beta(t), see `vaedyn.kernels.ode.beta_at`
    calls : addresses of the drift, of `beta_at` and of the norm of errors, see
        `vaedyn.kernels.flows`; `NONE` for a norm is the root mean square
    box : what these take besides the state
    size, latent : number of order parameters, which stand first in a state, and of latents
    rows : (ROWS, `vaedyn.kernels.padded.length` of values)
        Room, see `begin`; the state reached is ``rows[NOW]``.
    bound : order parameters that large have diverged
    out : (saves, values)

    Returns
    -------
    int
        Status: DONE, PAUSED (call again to go on), or why it stopped.
    """
    flow, beta_at, norm = calls
    now, after, before, error = rows[NOW], rows[AFTER], rows[BEFORE], rows[ERRORS]
    first, last = rows[0], rows[6]  # drifts at both ends of a step
    end = times[-1]
    t, h, least, reach = record[TIME], record[STEP], record[LEAST], record[REACH]
    error_before, rejected = record[LAST_ERROR], record[REJECTED]
    saved = np.int64(record[SAVED])
    stop = made = accepted = evaluations = stiff = 0
    status = DONE
    usual, lost, start, fresh = h, 0.0, 0.0, True
    while True:
        while stop < stops.size and stops[stop] <= t:
            start = stops[stop]
            stop += 1
        if fresh:  # at first, and where beta(t) may go on in another way
            later = start * (1.0 + ASIDE)
            beta = weight(t if t > later else later, kind, schedule, beta_at)
            run(flow, (beta, now, box, first))
            evaluations += 1
            fresh = False
        if h == 0.0:  # a first step from the sizes of the state, the drift and its change
            state = sqrt(excess(now, now, now, rtol, atol) / values)
            slope = sqrt(excess(first, now, now, rtol, atol) / values)
            h = 1e-6 if state < 1e-5 or slope < 1e-5 else 0.01 * state / slope
            combine(after, now, h, ONE, rows, 1)
            beta = weight(t + h, kind, schedule, beta_at)
            run(flow, (beta, after, box, rows[1]))
            evaluations += 1
            combine(error, rows[ZEROS], 1.0, DIFFERENCE, rows, 2)
            change = sqrt(excess(error, now, now, rtol, atol) / values) / h
            steepest = change if change > slope else slope
            if steepest <= 1e-15:
                h = 1e-3 * h if h > 1e-3 else 1e-6
            else:
                guess = (0.01 / steepest) ** 0.2
                h = guess if guess < 100.0 * h else 100.0 * h
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
        tried = t + 1.01 * h
        reach = max(reach, tried)
        final = tried >= target
        if final:
            usual, h = h, target - t
        limit = target if stop < stops.size else 2.0 * end
        advance(t, h, start, limit, rows, kind, schedule, calls, box)
        evaluations += 6
        combine(error, rows[ZEROS], h, ERROR, rows, 7)
        # the largest relative error of D in units of `SHARE` matters only where D is about to
        # vanish, as beta passes through zero; it is infinite where a step would lead through 0
        lost = 0.0
        for i in range(size - latent, size):
            smaller = min(now[i], after[i])
            share = abs(error[i]) / (SHARE * smaller) if after[i] > 0.0 else np.inf
            lost = max(lost, share)
        if norm == NONE:
            found = sqrt(excess(error, now, after, rtol, atol) / values)
        else:
            found = evaluate(norm, (error, now, after, rtol, atol, box))
        if lost > found:  # it may be nan, and has to stay that
            found = lost
        if not found <= 1.0:
            h *= max(0.2, 0.9 * found**-0.17) if found < np.inf else 0.2
            rejected = 1.0
            continue
        far = distance(after, before)
        if far > 0.0 and h * sqrt(distance(last, rows[5]) / far) > 3.25:
            stiff += 1  # h |lambda| is at the edge of the stability region
        reached = target if final else t + h
        if saved < times.size and times[saved] <= reached:
            combine(error, rows[ZEROS], h, DENSE, rows, 7)
        while saved < times.size and times[saved] <= reached:
            share = (times[saved] - t) / h
            interpolate(before, share, h, now, after, first, last, error)
            for i in range(values):
                out[saved, i] = before[i]
            saved += 1
        t = reached
        copy(after, now)
        copy(last, first)
        fresh = final and t < end
        found = max(found, 1e-10)
        factor = max(0.2, min(10.0, 0.9 * found**-0.17 * error_before**0.04))
        if rejected == 1.0:
            factor = min(factor, 1.0)
        h *= factor
        if final:
            h = max(h, usual)
        rejected = 0.0
        error_before = max(found, 1e-4)
        accepted += 1
        for i in range(size):
            if not abs(now[i]) < bound:
                status = DIVERGED
        if status == DIVERGED:
            break
        for i in range(size - latent, size):
            least = min(least, now[i])
    record[TIME], record[STEP], record[SAVED], record[LEAST] = t, h, saved, least
    record[LAST_ERROR], record[REJECTED], record[REACH] = error_before, rejected, reach
    record[STEPS] += accepted
    record[EVALUATIONS] += evaluations
    record[STIFF] += stiff
    return status


def begin(y, times, out):
    """Return the record, and the rows, of an integration that begins with the state `y`."""
    record, rows = np.zeros(LENGTH), np.zeros((ROWS, length(len(y))))
    record[TIME], record[SAVED], record[LAST_ERROR], record[LEAST] = times[0], 1, 1e-4, np.inf
    record[REACH] = times[0]
    rows[NOW, : len(y)] = out[0] = y
    return record, rows
