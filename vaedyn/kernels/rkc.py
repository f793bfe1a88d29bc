"""The Runge-Kutta-Chebyshev method of order 2, for where fast modes that have died limit steps.

Its many stages do not raise the order but the stability: s of them let a step be 0.65 s^2 times
as long as one of Euler's method, where all fast modes decay without oscillation, as here.
Sommeijer, Shampine and Verwer, J. Comput. Appl. Math. 88 (1998).
"""

from math import ceil, sqrt

import numpy as np

from .constants import Constants
from .fluctuations import count, error_of, flow
from .jit import kernel, leaf, reordered
from .ode import beta_at
from .rk45 import (
    DIVERGED,
    DONE,
    EVALUATIONS,
    LEAST,
    PAUSED,
    SAVED,
    STEP,
    STEP_TOO_SMALL,
    STEPS,
    TIME,
    VARIANCE_LOST,
    copy,
)

DAMPING = 2 / 13
MOST_STAGES = 300
SAFE = 1.25  # times the estimated rate of the fastest mode
AGAIN = 20  # steps after which that is estimated again


@reordered
def length(x):
    """Return the Euclidean length of a vector."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * x[i]
    return sqrt(total)


@leaf
def fastest(y, slope, c, work, direction, probe, out):
    """Return the rate of the fastest mode, by the power method from `direction` on.

    `direction` becomes that mode. `slope` is the drift at `y`.
    """
    size = length(y)
    step = 1e-7 * max(size, 1e-10)
    rate = 0.0
    for _ in range(50):
        scale = length(direction)
        if not scale > 0.0:
            copy(slope, direction)
            scale = max(length(direction), 1e-300)
        for i in range(y.size):
            probe[i] = y[i] + step / scale * direction[i]
        flow(probe, c, work, out)
        for i in range(y.size):
            direction[i] = out[i] - slope[i]
        before, rate = rate, length(direction) / step
        if abs(rate - before) <= 0.02 * rate:
            break
    return rate


@leaf
def step_over(t, h, stages, y, k, kind, schedule, c, work, last, before, after, slope):
    """Set `after` to the state at ``t + h``, by `stages` stages; `k` is the drift at `y`.

    `last`, `before` and `slope` are room.
    """
    w0 = 1.0 + DAMPING / (stages * stages)
    # Chebyshev polynomials T at w0 and their first two derivatives, of degree j - 1 and j
    T0, T1, d0, d1, e0, e1 = 1.0, w0, 0.0, 1.0, 0.0, 0.0
    for _ in range(1, stages):
        T0, T1, d0, d1, e0, e1 = (
            T1, 2 * w0 * T1 - T0,
            d1, 2 * T1 + 2 * w0 * d1 - d0,
            e1, 4 * d1 + 2 * w0 * e1 - e0,
        )  # fmt: skip
    w1 = d1 / e1
    b0 = b1 = 1.0 / (4.0 * w0 * w0)
    a1 = 1.0 - b1 * w0
    first = b1 * w1
    at0, at1 = 0.0, first
    copy(y, before)
    for i in range(y.size):
        last[i] = y[i] + first * h * k[i]
    T0, T1, d0, d1, e0, e1 = 1.0, w0, 0.0, 1.0, 0.0, 0.0
    for _ in range(1, stages):
        flow(last, Constants(beta_at(t + at1 * h, kind, schedule), *c[1:]), work, slope)
        T0, T1, d0, d1, e0, e1 = (
            T1, 2 * w0 * T1 - T0,
            d1, 2 * T1 + 2 * w0 * d1 - d0,
            e1, 4 * d1 + 2 * w0 * e1 - e0,
        )  # fmt: skip
        b = e1 / (d1 * d1)
        mu, nu, fresh = 2 * b * w0 / b1, -b / b0, 2 * b * w1 / b1
        old = -a1 * fresh
        for i in range(y.size):
            after[i] = (
                (1.0 - mu - nu) * y[i] + mu * last[i] + nu * before[i]
                + h * (fresh * slope[i] + old * k[i])
            )  # fmt: skip
        copy(last, before)
        copy(after, last)
        at0, at1 = at1, mu * at1 + nu * at0 + fresh + old
        b0, b1, a1 = b1, b, 1.0 - b * T1


@kernel
def integrate(
    y, times, end, record, kind, schedule, c, work, rtol, atol, bound, most, direction, out
):  # fmt: skip
    """Integrate on towards `end`, by at most `most` evaluations of the drift or so.

    Parameters
    ----------
    y, times, record, kind, schedule, c, work, rtol, atol, bound, out
        As of `vaedyn.kernels.rk45.integrate`, from where this goes on.
    end : float
        Where to stop, at the last of `times` or before it; beta(t) has no kink until then.
    direction : (values,)
        The fastest mode, as far as it is known: zeros at first.

    Returns
    -------
    int
        Status: DONE, PAUSED (call again to go on), or why it stopped.
    """
    k, slope = np.empty(y.size), np.empty(y.size)
    last, before, after = np.empty(y.size), np.empty(y.size), np.empty(y.size)
    t, h = record[TIME], record[STEP]
    saved = int(record[SAVED])
    size_of_state = count(y, work)
    latent = c.latent
    made, since, rate = 0, AGAIN, 0.0
    lost = False
    flow(y, Constants(beta_at(t, kind, schedule), *c[1:]), work, k)
    made += 1
    while t < end:
        if not h >= 1e-14 * max(abs(t), 1e-3):  # nan, too
            return VARIANCE_LOST if lost else STEP_TOO_SMALL
        if made >= most:
            return PAUSED
        if since >= AGAIN:
            here = Constants(beta_at(t, kind, schedule), *c[1:])
            rate = SAFE * fastest(y, k, here, work, direction, after, slope)
            since = 0
            made += 10
        h = min(h, (MOST_STAGES**2 - 1) * 0.65 / max(rate, 1e-300))
        usual = h
        final = t + 1.01 * h >= end
        if final:
            h = end - t
        stages = max(2, ceil(sqrt(1.0 + h * rate / 0.65)))
        step_over(t, h, stages, y, k, kind, schedule, c, work, last, before, after, slope)
        flow(after, Constants(beta_at(t + h, kind, schedule), *c[1:]), work, slope)
        made += stages
        record[EVALUATIONS] += stages
        since += 1
        for i in range(y.size):
            last[i] = 0.8 * (y[i] - after[i]) + 0.4 * h * (k[i] + slope[i])
        size = error_of(last, y, after, rtol, atol, c, work)
        lost = False
        for i in range(size_of_state - latent, size_of_state):
            if not after[i] > 0.0:
                lost = size < np.inf
                size = np.inf
        if not size <= 1.0:
            h *= max(0.2, 0.8 * size ** (-1 / 3)) if size < np.inf else 0.2
            record[STEP] = h
            since = AGAIN
            continue
        reached = end if final else t + h
        while saved < times.size and times[saved] <= reached:
            x = (times[saved] - t) / h  # the cubic with the values and slopes of both ends
            for i in range(y.size):
                rise = after[i] - y[i]
                out[saved, i] = y[i] + x * (
                    rise + (1 - x) * ((1 - x) * (h * k[i] - rise) - x * (h * slope[i] - rise))
                )
            saved += 1
        t = reached
        copy(after, y)
        copy(slope, k)
        h = h * min(5.0, 0.8 * max(size, 1e-10) ** (-1 / 3))
        if final:
            h = max(h, usual)
        record[TIME], record[STEP], record[SAVED] = t, h, saved
        record[STEPS] += 1
        for i in range(size_of_state):
            if not abs(y[i]) < bound:
                return DIVERGED
        for i in range(size_of_state - latent, size_of_state):
            record[LEAST] = min(record[LEAST], y[i])
    return DONE
