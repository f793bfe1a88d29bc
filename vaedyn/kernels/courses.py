"""The ODE of many models at constant beta, side by side in `Lanes`, up to where each ends.

The method is that of `rk45`, each model with steps of its own; as soon as one is done the next one
takes its place. L below is `TOGETHER`.
"""

from math import exp, log, sqrt

import numpy as np

from .jit import leaf, strict, strict_kernel
from .lanes import TOGETHER, abreast, flushing, fma, larger
from .layout import offsets
from .ode import U
from .rk45 import DENSE, ERROR, SHARE, STAGES

DONE, DIVERGED, STOPPED = range(3)  # what became of a model
NUMBERS = 8  # of a model, before the strengths of signals
ROOM = 7  # matrices (latent, latent) that a drift works in


@strict
def drift(y, c, latent, signal, room, out):
    """Write dy/dt of the order parameters into `out`, all of them numbers or `Lanes`.

    `c` are beta, eta, lam, the rates of decoder, encoder and variances, eta over the batch, 1 where
    latents are sampled and 0 elsewhere, and rho (signal). In `room` stand, as in `general`,
    A, S, Y, K, B, G and what of R, Q and E is to be added to its transpose.
    """
    # model: drift, of many models side by side
    beta, eta, lam, of_W, of_V, of_D, noise, drawn = (
        c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    )  # fmt: skip
    rho = U(NUMBERS)
    size = latent * latent
    d, Q, E, R, D = offsets(latent, signal)
    A, S, Y, K, B = U(0), size, U(2) * size, U(3) * size, U(4) * size
    G, T = U(5) * size, U(6) * size
    for i in range(latent):
        for j in range(latent):
            at = i * latent + j
            a, s, v = eta * y[R + at], eta * y[E + at], eta * y[Q + at]
            for k in range(signal):
                m_ik, d_ik = y[i * signal + k], y[d + i * signal + k]
                rho_m, rho_d = c[rho + k] * y[j * signal + k], c[rho + k] * y[d + j * signal + k]
                a, s, v = fma(m_ik, rho_d, a), fma(d_ik, rho_d, s), fma(m_ik, rho_m, v)
            room[A + at], room[S + at], room[Y + at] = a, s, v
            room[K + at], room[B + at] = y[Q + at], s
        own = i * latent + i
        room[K + own] = room[K + own] + beta
        room[B + own] = room[B + own] + y[D + i]
    for i in range(latent):
        for j in range(latent):
            g = room[A + i * latent + j]
            for n in range(latent):
                g = fma(-room[K + i * latent + n], room[S + n * latent + j], g)
            room[G + i * latent + j] = g
    for i in range(latent):
        for k in range(signal):
            at = i * signal + k
            power = c[rho + k] + eta
            w = fma(power, y[d + at], -lam * y[at])
            v = y[at]
            for j in range(latent):
                w = fma(-room[B + i * latent + j], y[j * signal + k], w)
                v = fma(-room[K + i * latent + j], y[d + j * signal + k], v)
            out[at] = of_W * w
            out[d + at] = of_V * fma(power, v, -lam * y[d + at])
        for j in range(latent):
            at, ta = i * latent + j, j * latent + i
            r, t = fma(-lam, y[R + at], room[S + at]), fma(-lam, y[R + at], room[Y + at])
            for n in range(latent):
                r = fma(-room[B + i * latent + n], y[R + n * latent + j], r)
                t = fma(-room[A + i * latent + n], room[K + n * latent + j], t)
            x = fma(-drawn * y[D + i], y[Q + at], room[G + ta])
            out[R + at] = fma(of_W, r, of_V * fma(of_W * noise, x, t))
    for i in range(latent):
        for j in range(latent):
            at = i * latent + j
            q = fma(-lam, y[Q + at], room[A + j * latent + i])
            for n in range(latent):
                q = fma(-room[B + i * latent + n], y[Q + n * latent + j], q)
            room[T + at] = q
    half = 0.5 * noise
    for i in range(latent):
        for j in range(i + U(1)):
            at, ta = i * latent + j, j * latent + i
            s = room[S + at]
            if i == j:
                s = fma(drawn, y[D + i], s)
            q = of_W * fma(noise * of_W, s, room[T + at] + room[T + ta])
            v = room[Y + at] + room[Y + ta]  # twice the noise in V V
            for n in range(latent):
                il, jl, lj, li = i * latent + n, j * latent + n, n * latent + j, n * latent + i
                v = fma(-room[A + il], room[K + lj], fma(-room[K + il], room[G + jl], v))
                v = fma(-room[A + jl], room[K + li], fma(-room[K + jl], room[G + il], v))
                v = fma(2.0 * drawn * y[Q + il], y[D + n] * y[Q + lj], v)
            e = fma(-lam, y[E + at] + y[E + ta], room[G + at] + room[G + ta])
            e = of_V * fma(half * of_V, v, e)
            out[Q + at], out[Q + ta] = q, q
            out[E + at], out[E + ta] = e, e
        own = y[Q + i * latent + i] + beta
        out[D + i] = -0.5 * of_D * (own - beta / y[D + i])


@leaf
def enter(y, numbers, cell, lane, now, c):
    """Put a model into its lane."""
    for i in range(now.shape[0]):
        now[i, lane] = y[cell, i]
    for i in range(c.shape[0]):
        c[i, lane] = numbers[cell, i]


@leaf
def save(theta, h, lane, now, after, k, row):
    """Write the state of a lane at the fraction `theta` of a step, as `rk45.interpolate` does."""
    for i in range(row.size):
        rise = after[i, lane] - now[i, lane]
        start = h * k[0, i, lane] - rise
        bend = rise - h * k[6, i, lane] - start
        rest = 0.0
        for j in range(7):
            rest += DENSE[j] * k[j, i, lane]
        row[i] = now[i, lane] + theta * (
            rise + (1.0 - theta) * (start + theta * (bend + (1.0 - theta) * (h * rest)))
        )


@strict_kernel
def integrate(y, numbers, latent, shares, ends, bounds, rtol, atol, most, stop, status, steps, out):
    """Integrate all models from 0 to their `ends` (n,), by at most `most` steps each.

    Parameters
    ----------
    y : (n, values)
        The states at the start.
    numbers : (n, NUMBERS + signal)
        See `drift`.
    latent : uint64
    shares : (saves,) ascending
        Fractions of the time to the end, at which states are saved; the last one is 1.
    bounds : (n,)
        Order parameters that large have diverged.
    stop : (1,)
        As soon as it is not zero, by another thread, all is left as it is.
    status : (n,)
        Is filled with DONE, DIVERGED, or STOPPED where there were not enough steps.
    steps : (n,)
        Is filled with the numbers of steps, accepted or not.
    out : (n, saves, values)
        Is filled with states, up to where a model diverges or stops.
    """
    count, values = y.shape
    signal = U(numbers.shape[1] - NUMBERS)
    now_, after_, c_ = (
        np.zeros((values, TOGETHER)), np.zeros((values, TOGETHER)),
        np.ones((numbers.shape[1], TOGETHER)),
    )  # fmt: skip
    now_[U(values) - latent :] = 1.0
    k_ = np.zeros((7, values, TOGETHER))
    now, after, c, k = abreast(now_), abreast(after_), abreast(c_), abreast(k_)
    room = abreast(np.zeros((ROOM * latent * latent, TOGETHER)))
    error_ = np.zeros((values, TOGETHER))
    error = abreast(error_)
    step_, sums_ = np.zeros((1, TOGETHER)), np.zeros((2, TOGETHER))
    step, sums = abreast(step_), abreast(sums_)
    t, h, usual, before = (
        np.zeros(TOGETHER), np.zeros(TOGETHER), np.zeros(TOGETHER), np.zeros(TOGETHER)
    )  # fmt: skip
    cells, made, saved = (
        np.full(TOGETHER, -1), np.zeros(TOGETHER, np.int64), np.zeros(TOGETHER, np.int64)
    )  # fmt: skip
    rejected, accepted, fresh = (
        np.zeros(TOGETHER, np.bool_), np.zeros(TOGETHER, np.bool_), np.zeros(TOGETHER, np.bool_)
    )  # fmt: skip
    first, before_this = shares[0], flushing(True)
    following = left = 0
    while True:
        any_fresh = False
        for lane in range(TOGETHER):
            if cells[lane] < 0 and following < count:
                enter(y, numbers, following, lane, now_, c_)
                cells[lane] = following
                t[lane], before[lane], made[lane], saved[lane] = 0.0, log(1e-4), 0, 0
                rejected[lane], fresh[lane], any_fresh = False, True, True
                following += 1
                left += 1
        if left == 0 or stop[0] != 0:
            break
        if any_fresh:  # a first step from the sizes of the state, the drift and its change
            drift(now, c, latent, signal, room, k[0])
            sums_[:] = 0.0
            for i in range(values):
                tolerated = fma(rtol, abs(now[i]), atol)
                a, b = now[i] / tolerated, k[0, i] / tolerated
                sums[0], sums[1] = fma(a, a, sums[0]), fma(b, b, sums[1])
            for lane in range(TOGETHER):
                step_[0, lane] = 0.0
                if fresh[lane]:
                    state, slope = sqrt(sums_[0, lane] / values), sqrt(sums_[1, lane] / values)
                    small = state < 1e-5 or slope < 1e-5
                    step_[0, lane] = 1e-6 if small else 0.01 * state / slope
                    before[lane] = slope
            for i in range(values):
                after[i] = fma(step[0], k[0, i], now[i])
            drift(after, c, latent, signal, room, k[1])
            sums_[:] = 0.0
            for i in range(values):
                a = (k[1, i] - k[0, i]) / fma(rtol, abs(now[i]), atol)
                sums[0] = fma(a, a, sums[0])
            for lane in range(TOGETHER):
                if fresh[lane]:
                    guess = step_[0, lane]
                    change = sqrt(sums_[0, lane] / values) / guess
                    steepest = max(change, before[lane])
                    if steepest <= 1e-15:
                        h[lane] = max(1e-3 * guess, 1e-6)
                    else:
                        h[lane] = min((0.01 / steepest) ** 0.2, 100.0 * guess)
                    before[lane], fresh[lane] = log(1e-4), False
        for lane in range(TOGETHER):
            step_[0, lane] = 0.0
            cell = cells[lane]
            if cell >= 0:
                usual[lane] = h[lane]
                if t[lane] + 1.01 * h[lane] >= ends[cell]:
                    h[lane] = ends[cell] - t[lane]
                step_[0, lane] = h[lane]
                made[lane] += 1
        for stage in range(1, 7):
            for i in range(values):
                total = STAGES[stage, 0] * k[0, i]
                for j in range(1, stage):
                    total = fma(STAGES[stage, j], k[j, i], total)
                after[i] = fma(step[0], total, now[i])
            drift(after, c, latent, signal, room, k[stage])
        sums_[:] = 0.0
        for i in range(values):
            total = ERROR[0] * k[0, i]
            for j in range(2, 7):
                total = fma(ERROR[j], k[j, i], total)
            error[i] = step[0] * total
            reach = larger(abs(now[i]), abs(after[i]))
            a = error[i] / fma(rtol, reach, atol)
            sums[0] = fma(a, a, sums[0])
            sums[1] = larger(sums[1], abs(after[i]))
        for lane in range(TOGETHER):
            cell = cells[lane]
            accepted[lane] = False
            if cell < 0:
                continue
            found = sqrt(sums_[0, lane] / values)
            for i in range(np.int64(values) - np.int64(latent), values):
                if after_[i, lane] > 0.0:
                    smaller = min(now_[i, lane], after_[i, lane])
                    share = abs(error_[i, lane]) / (SHARE * smaller)
                    found = share if share > found else found
                elif after_[i, lane] <= 0.0:
                    found = np.inf if found == found else found
            end = DONE - 1
            if not found <= 1.0:
                h[lane] *= max(0.2, 0.9 * exp(-0.17 * log(found))) if found < np.inf else 0.2
                rejected[lane] = True
            else:
                accepted[lane] = True
                final = t[lane] + 1.01 * usual[lane] >= ends[cell]
                then = ends[cell] if final else t[lane] + h[lane]
                if then >= first * ends[cell]:
                    while saved[lane] < shares.size and shares[saved[lane]] * ends[cell] <= then:
                        theta = (shares[saved[lane]] * ends[cell] - t[lane]) / h[lane]
                        save(theta, h[lane], lane, now_, after_, k_, out[cell, saved[lane]])
                        saved[lane] += 1
                t[lane] = then
                size = log(max(found, 1e-10))
                factor = max(0.2, min(10.0, 0.9 * exp(0.04 * before[lane] - 0.17 * size)))
                h[lane] *= min(factor, 1.0) if rejected[lane] else factor
                rejected[lane], before[lane] = False, max(size, log(1e-4))
                if not sums_[1, lane] < bounds[cell]:
                    end = DIVERGED
                elif final:
                    end = DONE
            if end < DONE:
                if not h[lane] >= 1e-14 * max(t[lane], 1e-3):
                    end = DIVERGED
                elif made[lane] == most:
                    end = STOPPED
            if end >= DONE:
                status[cell], steps[cell] = end, made[lane]
                cells[lane] = -1
                left -= 1
        for i in range(values):
            for lane in range(TOGETHER):
                now_[i, lane] = after_[i, lane] if accepted[lane] else now_[i, lane]
                k_[0, i, lane] = k_[6, i, lane] if accepted[lane] else k_[0, i, lane]
    flushing(before_this)
