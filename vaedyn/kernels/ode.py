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
from .product import blend, multiply

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
    A, S, C, G = U(0), size, U(2) * size, U(3) * size
    K, B = U(4) * size, U(5) * size
    dP, mP = U(6) * size, U(6) * size + d  # transposed

    for i in range(latent):
        for k in range(signal):
            at, ta = i * signal + k, k * latent + i
            work[dP + ta] = rho[k] * y[d + at]
            work[mP + ta] = -rho[k] * y[m + at]
            out[m + at] = -y[d + at] * (rho[k] + eta)
            out[d + at] = y[m + at] * (rho[k] + eta) - lam * y[d + at]
    blend(work, A, size, eta, y, R, 0.0, y, R)
    blend(work, S, size, eta, y, E, 0.0, y, E)
    blend(work, C, size, -eta, y, Q, 0.0, y, Q)
    blend(work, K, size, 1.0, y, Q, 0.0, y, Q)
    multiply(work, A, y, m, work, dP, U(2) * latent, signal, latent)  # S, too
    multiply(work, C, y, m, work, mP, latent, signal, latent)
    blend(work, B, size, -1.0, work, S, 0.0, work, S)
    for i in range(latent):
        work[K + i * latent + i] += beta
        work[B + i * latent + i] -= y[D + i] + lam
        for j in range(latent):
            work[G + i * latent + j] = -work[A + j * latent + i]
    multiply(work, C, work, A, work, K, U(2) * latent, latent, latent)  # G, too, from S

    multiply(out, d, work, K, out, m, latent, latent, signal)  # out[m:] is -d P so far
    blend(out, m, d, -1.0, out, m, 0.0, out, m)
    multiply(out, m, work, B, y, m, latent, latent, signal)

    # Q and E become symmetric sums below, so only halves of symmetric terms stand here
    noise = second(c) * eta
    half = 0.5 * noise
    blend(out, Q, size, 1.0, work, A, half, work, S)
    blend(out, R, size, 1.0, work, S, -1.0, work, C)
    blend(out, R, size, 1.0, out, R, -lam, y, R)
    blend(out, R, size, 1.0, out, R, -noise, work, G)
    blend(out, E, size, -1.0, work, G, -lam, y, E)
    blend(out, E, size, 1.0, out, E, -half, work, C)
    blend(work, G, size, half, work, G, 0.0, work, G)
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
    blend(out, m, D + latent, c.lr, out, m, 0.0, out, m)


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
