"""The ODE of many models at constant beta, one by one, by steps that stiffness does not limit.

The method is Rodas3, of order 3(2): Sandu, Verwer, Blom, Spee, Carmichael and Potra, Atmospheric
Environment 31 (1997). A step takes one Jacobian, and pays where a trajectory creeps.
"""

from math import sqrt

import numpy as np

from . import general
from .constants import Constants
from .courses import DIVERGED, DONE, STOPPED
from .jit import kernel, leaf
from .settle import SINGULAR, factorise, linearise, substitute

GAMMA = 0.5
LEAST, MOST = 0.2, 6.0  # by which the length of a step changes
FIRST = 0.1  # length of the first step, in units of 1/tau


@leaf
def rates(x, which, counts, c, work, out):
    """Write the drift over tau of the independent order parameters `x` into `out`, (free,) both."""
    room, y, slope = work
    for i in range(y.size):
        y[i] = x[which[i]]
    general.of_sgd(y, c, room, slope)
    out[:] = 0.0
    for i in range(y.size):
        out[which[i]] += slope[i].real / (c.lr * counts[which[i]])


@leaf
def advance(h, x, slope, matrix, pivots, which, counts, c, work, stages, middle, after):
    """Make a step from `x`, where the drift is `slope`; return whether its equations are solved.

    `matrix` is the Jacobian, and is lost. Fills `after`, and the error ``stages[3]``.
    """
    n = x.size
    for i in range(n):
        for j in range(n):
            matrix[i, j] = -matrix[i, j]
        matrix[i, i] += 1.0 / (GAMMA * h)
    if factorise(matrix, pivots) == SINGULAR:
        return False
    u, v, w, e = stages[0], stages[1], stages[2], stages[3]
    for i in range(n):
        u[i] = slope[i]
    substitute(matrix, pivots, u)
    for i in range(n):
        v[i] = slope[i] + 4.0 / h * u[i]
    substitute(matrix, pivots, v)
    for i in range(n):
        after[i] = x[i] + 2.0 * u[i]
    rates(after, which, counts, c, work, middle)
    for i in range(n):
        w[i] = middle[i] + (u[i] - v[i]) / h
    substitute(matrix, pivots, w)
    for i in range(n):
        after[i] += w[i]
    rates(after, which, counts, c, work, middle)
    for i in range(n):
        e[i] = middle[i] + (u[i] - v[i] - 8.0 / 3.0 * w[i]) / h
    substitute(matrix, pivots, e)
    for i in range(n):
        after[i] += e[i]
    return True


@kernel
def integrate(y, c, which, counts, shares, end, bounds, rtol, atol, most, stop, status, out):
    """Integrate all models to `end`, in units of 1/tau, by at most `most` steps each.

    Parameters
    ----------
    y : (n, values)
        The states at the start.
    c : Constants
        Of n models.
    which, counts
        See `vaedyn.kernels.settle.settle`.
    shares, bounds, stop, status, out
        See `vaedyn.kernels.courses.integrate`.
    """
    models, values = y.shape
    latent, signal, free = c.latent, c.rho.shape[1], counts.size
    work = (
        (
            np.empty(general.scratch(latent, signal), np.complex128),
            np.empty((general.RATES, latent)),
        ),
        np.empty(values, np.complex128),
        np.empty(values, np.complex128),
    )
    matrix, jacobian = np.empty((free, free)), np.empty((free, free))
    pivots, stages = np.empty(free, np.int64), np.empty((4, free))
    x, slope, middle, after, later = (
        np.empty(free), np.empty(free), np.empty(free), np.empty(free), np.empty(free)
    )  # fmt: skip
    whole = np.empty(values)
    for n in range(models):
        if stop[0] != 0:
            break
        one = Constants(
            c.beta[n], c.rho[n], c.eta[n], c.lam[n], c.lr[n], latent, c.encoder[n], c.variances[n],
            c.batch[n], c.sampled[n],
        )  # fmt: skip
        x[:] = 0.0
        for i in range(values):
            x[which[i]] += y[n, i] / counts[which[i]]
        t, h, saved, fresh = 0.0, FIRST, 0, True
        status[n] = STOPPED
        for _ in range(most):
            if fresh:
                for i in range(values):
                    whole[i] = x[which[i]]
                linearise(whole, one, which, counts, work, jacobian, slope)
                fresh = False
            final = t + 1.01 * h >= end
            if final:
                h = end - t
            for i in range(free):
                for j in range(free):
                    matrix[i, j] = jacobian[i, j]
            solved = advance(
                h, x, slope, matrix, pivots, which, counts, one, work, stages, middle, after
            )
            found, largest = 0.0, 0.0
            for i in range(values):
                at = which[i]
                size = max(abs(x[at]), abs(after[at]))
                found += (stages[3, at] / (atol + rtol * size)) ** 2
                largest = max(largest, size)
                if i >= values - latent and not after[at] > 0.0:
                    found = np.inf
            found = sqrt(found / values)
            if not (solved and found <= 1.0):
                h *= max(LEAST, 0.9 * found ** (-1 / 3)) if found < np.inf else LEAST
                if not h >= 1e-14 * max(t, 1e-3):
                    break
                continue
            reached = end if final else t + h
            if saved < shares.size and shares[saved] * end <= reached:
                rates(after, which, counts, one, work, later)
            while saved < shares.size and shares[saved] * end <= reached:
                s = (shares[saved] * end - t) / h  # the cubic with values and slopes of both ends
                for i in range(values):
                    at = which[i]
                    rise = after[at] - x[at]
                    out[n, saved, i] = x[at] + s * (
                        rise + (1 - s) * (
                            (1 - s) * (h * slope[at] - rise) - s * (h * later[at] - rise)
                        )
                    )  # fmt: skip
                saved += 1
            for i in range(free):
                x[i] = after[i]
            t, fresh = reached, True
            h *= min(MOST, max(LEAST, 0.9 * max(found, 1e-10) ** (-1 / 3)))
            if not largest < bounds[n]:
                status[n] = DIVERGED
                break
            if final:
                status[n] = DONE
                break
