"""Newton's method for the fixed points of many models, one after the other."""

import numpy as np

from . import general
from .constants import Constants
from .jit import kernel, leaf

FOUND, SINGULAR = range(2)
FLAT = 1e-9  # of the largest pivot: below it other methods have to say what a step is


@leaf
def linearise(y, c, which, counts, work, matrix, slope):
    """Fill `matrix` (free, free) and `slope` (free,) with the drift over tau and its derivatives.

    Return the largest entry of the drift over tau. `work` are room for `general.of_sgd`, and two
    states (values,), of complex numbers.
    """
    room, shifted, out = work
    step, largest = 1e-100, 0.0
    matrix[:] = 0.0
    slope[:] = 0.0
    for i in range(y.size):
        shifted[i] = y[i]
    for j in range(y.size):
        shifted[j] = complex(y[j], step)
        general.of_sgd(shifted, c, room, out)
        shifted[j] = y[j]
        for i in range(y.size):
            matrix[which[i], which[j]] += out[i].imag / (step * c.lr * counts[which[i]])
    for i in range(y.size):
        rate = out[i].real / c.lr
        slope[which[i]] += rate / counts[which[i]]
        if not abs(rate) <= largest:  # nan, too
            largest = abs(rate)
    return largest


@leaf
def factorise(matrix, pivots):
    """Turn `matrix` (n, n) into its triangular factors; say whether it has an inverse.

    `pivots` (n,) are filled with the rows that were exchanged.
    """
    n = pivots.size
    least, most = np.inf, 0.0
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        pivots[k] = pivot
        size = abs(matrix[pivot, k])
        least, most = min(least, size), max(most, size)
        if not least > FLAT * most:
            return SINGULAR
        if pivot != k:
            for j in range(n):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
        for i in range(k + 1, n):
            share = matrix[i, k] / matrix[k, k]
            matrix[i, k] = share
            if share != 0.0:
                for j in range(k + 1, n):
                    matrix[i, j] -= share * matrix[k, j]
    return FOUND


@leaf
def substitute(matrix, pivots, x):
    """Turn `x` (n,) into the solution for the right-hand side `x`, by what `factorise` leaves."""
    n = x.size
    for k in range(n):
        pivot = pivots[k]
        x[k], x[pivot] = x[pivot], x[k]
    for k in range(n):
        for i in range(k + 1, n):
            x[i] -= matrix[i, k] * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= matrix[k, j] * x[j]
        x[k] /= matrix[k, k]


@kernel
def settle(y, c, which, counts, most, longest, tolerance, residual, status):
    """Move states `y` (n, values) to the fixed points next to them, as `fixedpoints.newton` does.

    Parameters
    ----------
    c : Constants
        Of n models.
    which : (values,)
        Which one of the independent order parameters each is.
    counts : (free,)
        How often each of these stands in a state.
    most : int
        Number of steps.
    longest : float
        Change of an order parameter in a step, relative to 1 and the largest one; inf for any.
    tolerance : float
        Of the drift over tau, with which a state is at rest.
    residual, status : (n,)
        Are filled with the largest drift over tau that is left, and with FOUND, or SINGULAR where
        the steps are not known.
    """
    models, values = y.shape
    latent, signal = c.latent, c.rho.shape[1]
    room = np.empty(general.scratch(latent, signal), np.complex128)
    rates = np.empty((general.RATES, latent))
    shifted, out = np.empty(values, np.complex128), np.empty(values, np.complex128)
    matrix, slope, mean = (
        np.empty((counts.size, counts.size)), np.empty(counts.size), np.empty(counts.size)
    )  # fmt: skip
    pivots = np.empty(counts.size, np.int64)
    for n in range(models):
        one = Constants(
            c.beta[n], c.rho[n], c.eta[n], c.lam[n], c.lr[n], latent, c.encoder[n], c.variances[n],
            c.batch[n], c.sampled[n],
        )  # fmt: skip
        mean[:] = 0.0
        for i in range(values):
            mean[which[i]] += y[n, i] / counts[which[i]]
        for i in range(values):
            y[n, i] = mean[which[i]]
        work = ((room, rates), shifted, out)
        status[n] = FOUND
        for made in range(most + 1):
            left = linearise(y[n], one, which, counts, work, matrix, slope)
            residual[n] = left
            if made == most or not left < np.inf or left < tolerance:
                break
            if factorise(matrix, pivots) == SINGULAR:
                status[n] = SINGULAR
                break
            substitute(matrix, pivots, slope)
            share = 1.0
            if longest < np.inf:
                change, size = 0.0, 1.0
                for i in range(values):
                    change, size = max(change, abs(slope[which[i]])), max(size, abs(y[n, i]))
                share = min(1.0, longest * size / max(change, 1e-300))
            change, size = 0.0, 1.0
            for i in range(values):
                before = y[n, i]
                y[n, i] = before - share * slope[which[i]]
                change, size = max(change, abs(y[n, i] - before)), max(size, abs(y[n, i]))
            if change <= 1e-15 * size:
                residual[n] = linearise(y[n], one, which, counts, work, matrix, slope)
                break
