"""The Runge-Kutta-Chebyshev method of order 2, for where fast modes that have died limit steps.

Its many stages do not raise the order but the stability: s of them let a step be 0.65 s^2 times
as long as one of Euler's method, where all fast modes decay without oscillation, as here.
Sommeijer, Shampine and Verwer, J. Comput. Appl. Math. 88 (1998).
"""

from math import ceil, sqrt

import numpy as np

from .jit import kernel, leaf, reordered
from .pointers import NONE, evaluate, run
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
    weight,
)

DAMPING = 2 / 13
MOST_STAGES = 300
SAFE = 1.25  # times the estimated rate of the fastest mode
AGAIN = 20  # steps after which that is estimated again


@leaf
def copy(source, target):
    """Set `target` to `source`, of the same length."""
    # ``target[:] = source`` could fail, and composing that message takes seconds to compile
    for i in range(source.size):
        target[i] = source[i]


@reordered
def length(x):
    """Return the Euclidean length of a vector."""
    total = 0.0
    for i in range(x.size):
        total += x[i] * x[i]
    return sqrt(total)


@leaf
def fastest(y, slope, beta, flow, box, direction, probe, out):
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
        run(flow, (beta, probe, box, out))
        for i in range(y.size):
            direction[i] = out[i] - slope[i]
        before, rate = rate, length(direction) / step
        if abs(rate - before) <= 0.02 * rate:
            break
    return rate


@leaf
def step_over(t, h, stages, y, k, kind, schedule, calls, box, last, before, after, slope):
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
        beta = weight(t + at1 * h, kind, schedule, calls[1])
        run(calls[0], (beta, last, box, slope))
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
    y, times, end, record, kind, schedule, calls, box, size, latent, rtol, atol, bound, most,
    direction, out,
):  # fmt: skip
    """Integrate on towards `end`, by at most `most` evaluations of the drift or so.

    Parameters
    ----------
    y, times, record, kind, schedule, calls, box, size, latent, rtol, atol, bound, out
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
    flow, beta_at, norm = calls
    made, since, rate = 0, AGAIN, 0.0
    lost = False
    run(flow, (weight(t, kind, schedule, beta_at), y, box, k))
    made += 1
    while t < end:
        if not h >= 1e-14 * max(abs(t), 1e-3):  # nan, too
            return VARIANCE_LOST if lost else STEP_TOO_SMALL
        if made >= most:
            return PAUSED
        if since >= AGAIN:
            beta = weight(t, kind, schedule, beta_at)
            rate = SAFE * fastest(y, k, beta, flow, box, direction, after, slope)
            since = 0
            made += 10
        h = min(h, (MOST_STAGES**2 - 1) * 0.65 / max(rate, 1e-300))
        usual = h
        final = t + 1.01 * h >= end
        if final:
            h = end - t
        stages = max(2, ceil(sqrt(1.0 + h * rate / 0.65)))
        step_over(t, h, stages, y, k, kind, schedule, calls, box, last, before, after, slope)
        run(flow, (weight(t + h, kind, schedule, beta_at), after, box, slope))
        made += stages
        record[EVALUATIONS] += stages
        since += 1
        for i in range(y.size):
            last[i] = 0.8 * (y[i] - after[i]) + 0.4 * h * (k[i] + slope[i])
        if norm == NONE:
            found = 0.0
            for i in range(y.size):
                found += (last[i] / (atol + rtol * max(abs(y[i]), abs(after[i])))) ** 2
            found = sqrt(found / y.size)
        else:
            found = evaluate(norm, (last, y, after, rtol, atol, box))
        lost = False
        for i in range(size - latent, size):
            if not after[i] > 0.0:
                lost = found < np.inf
                found = np.inf
        if not found <= 1.0:
            h *= max(0.2, 0.8 * found ** (-1 / 3)) if found < np.inf else 0.2
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
        h = h * min(5.0, 0.8 * max(found, 1e-10) ** (-1 / 3))
        if final:
            h = max(h, usual)
        record[TIME], record[STEP], record[SAVED] = t, h, saved
        record[STEPS] += 1
        for i in range(size):
            if not abs(y[i]) < bound:
                return DIVERGED
        for i in range(size - latent, size):
            record[LEAST] = min(record[LEAST], y[i])
    return DONE
