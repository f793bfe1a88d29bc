"""The closed ODE of the order parameters: beta(t), the drift and its Jacobian.

The state is one flat array, see `vaedyn.kernels.layout`.
All functions also run on complex numbers, which gives derivatives without
differences (`jacobian`).
"""

from math import cos, exp, floor, pi, tanh

import numpy as np

from . import constants
from .jit import kernel, leaf
from .layout import offsets
from .product import multiply

# kinds of schedules for `beta_at`, as `vaedyn.model.schedules` numbers them
CONSTANT, TANH, LINEAR, COSINE, SIGMOID, CYCLICAL, POINTS, DECAY = range(8)
U = np.uint64
second = leaf(constants.second)


@leaf
def beta_at(t, kind, p):
    """Return the KL weight at time `t`; `p` starts with its final value, see `model.schedules`."""
    if kind == TANH:
        return p[0] * tanh(p[1] * t)
    if kind == CYCLICAL:
        cycles = t / p[1]
        phase = max(cycles - floor(cycles * (1.0 + 1e-13)), 0.0)
        return p[0] * min(phase / p[2], 1.0)
    if kind == POINTS:
        return between(t, int(p[1]), p[2:])
    if kind == DECAY:
        return p[0] * (1.0 + (p[1] - 1.0) * exp(-t / p[2]))
    if kind == LINEAR:
        return p[0] * min(t / p[1], 1.0)
    if kind == COSINE:
        return p[0] * 0.5 * (1.0 - cos(pi * min(t / p[1], 1.0)))
    if kind == SIGMOID:
        return p[0] * 0.5 * (1.0 + tanh(5.0 * (min(t / p[1], 1.0) - 0.5)) / tanh(2.5))
    return p[0]


@leaf
def between(t, count, points):
    """Return the value at `t` between `count` ascending times and their values, from the right."""
    if t < points[0]:
        return points[count]
    low, high = 0, count  # the last time that is not later than t
    while high - low > 1:
        middle = (low + high) // 2
        if points[middle] <= t:
            low = middle
        else:
            high = middle
    if low == count - 1:
        return points[2 * count - 1]
    share = (t - points[low]) / (points[low + 1] - points[low])
    return points[count + low] + share * (points[count + low + 1] - points[count + low])


@leaf
def scratch(latent, signal):
    """Return how many numbers `drift` needs for its intermediate results."""
    return 6 * latent * latent + 2 * latent * signal


@leaf
def drift(y, c, work, out):
    """Write dy/dt of the order parameters into `out`.

    Matrices are addressed by their offset in a flat array: views would cost
    more than the arithmetic when there are few latents.

    Parameters
    ----------
    y, out : (values,)
    c : Constants
    work : (scratch(latent, signal),) of the type of `y`
    """
    # model: drift, of all order parameters
    # unsigned, since an index that might be negative keeps loops from becoming vectors
    latent, signal = U(c.latent), U(c.rho.size)
    beta, rho, eta, lam = c.beta, c.rho, c.eta, c.lam
    size = latent * latent
    m = U(0)
    d, Q, E, R, D = offsets(latent, signal)
    # A = cov(y, mu), S = cov(mu), K = Q + beta, B = -(S + D + lam), and, with signs that
    # let products be added up in place, C = A K - cov(y) and G = S K - A^T = -cov(mu, e)
    A, S, C = U(0), size, U(2) * size
    K, B, G = U(3) * size, U(4) * size, U(5) * size
    dP, mP = U(6) * size, U(6) * size + d  # transposed

    for i in range(latent):
        for k in range(signal):
            work[dP + k * latent + i] = rho[k] * y[d + i * signal + k]
            work[mP + k * latent + i] = -rho[k] * y[m + i * signal + k]
    # one short loop for each matrix: compilers make vectors of these only
    for i in range(size):
        work[A + i] = eta * y[R + i]
    for i in range(size):
        work[S + i] = eta * y[E + i]
    for i in range(size):
        work[C + i] = -eta * y[Q + i]
    for i in range(size):
        work[K + i] = y[Q + i]
    multiply(work, A, y, m, work, dP, U(2) * latent, signal, latent)  # S, too
    multiply(work, C, y, m, work, mP, latent, signal, latent)
    for i in range(size):
        work[B + i] = -work[S + i]
    for i in range(latent):
        work[K + i * latent + i] += beta
        work[B + i * latent + i] -= y[D + i] + lam
        for j in range(latent):
            work[G + i * latent + j] = -work[A + j * latent + i]
    multiply(work, C, work, A, work, K, latent, latent, latent)
    multiply(work, G, work, S, work, K, latent, latent, latent)

    for i in range(latent):
        for k in range(signal):
            at = i * signal + k
            out[m + at] = -y[d + at] * (rho[k] + eta)
            out[d + at] = y[m + at] * (rho[k] + eta) - lam * y[d + at]
    multiply(out, d, work, K, out, m, latent, latent, signal)  # out[m:] is -d P so far
    for i in range(d):
        out[i] = -out[i]
    multiply(out, m, work, B, y, m, latent, latent, signal)

    # Q and E become symmetric sums below, so only halves of symmetric terms stand here
    noise = second(c) * eta
    for i in range(size):
        out[Q + i] = work[A + i] + 0.5 * noise * work[S + i]
    for i in range(size):
        out[R + i] = work[S + i] - work[C + i] - lam * y[R + i] - noise * work[G + i]
    for i in range(size):
        out[E + i] = -work[G + i] - lam * y[E + i] - 0.5 * noise * work[C + i]
    for i in range(size):
        work[G + i] *= 0.5 * noise
    multiply(out, Q, work, B, y, Q, latent, latent, latent)
    multiply(out, R, work, B, y, R, latent, latent, latent)
    multiply(out, E, work, K, work, G, latent, latent, latent)
    for i in range(latent):
        for j in range(i + U(1)):
            at = i * latent + j
            ta = j * latent + i
            out[Q + at] += out[Q + ta]
            out[Q + ta] = out[Q + at]
            out[E + at] += out[E + ta]
            out[E + ta] = out[E + at]
        q = y[Q + i * latent + i]
        out[D + i] = -0.5 * (q + beta - beta / y[D + i])
    for i in range(D + latent):
        out[i] *= c.lr


@kernel
def jacobian(y, c):
    """Return d drift_i / d y_j (values, values), exact to rounding (complex step)."""
    size = y.size
    step = 1e-100
    work = np.empty(scratch(c.latent, c.rho.size), np.complex128)
    shifted = y.astype(np.complex128)
    out = np.empty(size, np.complex128)
    matrix = np.empty((size, size))
    for j in range(size):
        shifted[j] = complex(y[j], step)
        drift(shifted, c, work, out)
        shifted[j] = y[j]
        for i in range(size):
            matrix[i, j] = out[i].imag / step
    return matrix
