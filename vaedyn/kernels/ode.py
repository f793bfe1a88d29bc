"""The closed ODE of the order parameters and its integrator.

The state is one flat array: m (M M*), d (M M*), Q, E, R (M M each), D (M).
All functions also run on complex numbers, which gives derivatives without
differences (`jacobian`).
"""

from math import tanh

import numpy as np

from .jit import fused, kernel

# kinds of schedules for `beta_at`
CONSTANT, TANH = range(2)


@kernel
def beta_at(t, kind, parameters):
    """Return the KL weight at time `t`; `parameters` starts with its end value."""
    if kind == TANH:
        return parameters[0] * tanh(parameters[1] * t)
    return parameters[0]


@fused
def multiply(out, at, a, left, b, right, rows, inner, columns, scale):
    """Add ``scale A B`` to ``out[at:]``, with A in ``a[left:]`` and B in ``b[right:]``."""
    for i in range(rows):
        for k in range(inner):
            factor = scale * a[left + i * inner + k]
            for j in range(columns):
                out[at + i * columns + j] += factor * b[right + k * columns + j]


@fused
def second_moment(out, at, a, left, b, right, rho, latent):
    """Add ``A diag(rho) B^T`` to ``out[at:]`` for two (latent, signal) matrices."""
    signal = rho.size
    for i in range(latent):
        for j in range(latent):
            total = out[at + i * latent + j]
            for k in range(signal):
                total += a[left + i * signal + k] * rho[k] * b[right + j * signal + k]
            out[at + i * latent + j] = total


@fused
def drift(y, beta, rho, eta, lam, lr, latent, work, out):
    """Write dy/dt of the order parameters into `out`.

    Matrices are addressed by their offset in a flat array: views would cost
    more than the arithmetic when there are few latents.

    Parameters
    ----------
    y, out : (values,)
    beta : float
    rho : (signal,) signal strengths
    work : (7 latent^2,) scratch space, of the type of `y`
    """
    signal = rho.size
    size = latent * latent
    m, d, Q = 0, latent * signal, 2 * latent * signal
    E, R, D = Q + size, Q + 2 * size, Q + 3 * size
    # S = cov(mu), A = cov(y, mu), Y = cov(y), K = Q + beta, B = S + D + lam,
    # AK = A K and G = A^T - S K = cov(mu, e)
    S, A, Y, K, B, AK, G = 0, size, 2 * size, 3 * size, 4 * size, 5 * size, 6 * size

    for i in range(size):
        work[S + i] = eta * y[E + i]
        work[A + i] = eta * y[R + i]
        work[Y + i] = eta * y[Q + i]
        work[K + i] = y[Q + i]
        work[AK + i] = 0.0
    second_moment(work, S, y, d, y, d, rho, latent)
    second_moment(work, A, y, m, y, d, rho, latent)
    second_moment(work, Y, y, m, y, m, rho, latent)
    for i in range(latent):
        work[K + i * latent + i] += beta
        for j in range(latent):
            work[B + i * latent + j] = work[S + i * latent + j]
            work[G + i * latent + j] = work[A + j * latent + i]
        work[B + i * latent + i] += y[D + i] + lam
    multiply(work, AK, work, A, work, K, latent, latent, latent, 1.0)
    multiply(work, G, work, S, work, K, latent, latent, latent, -1.0)

    for i in range(latent):
        for k in range(signal):
            at = i * signal + k
            out[m + at] = y[d + at] * (rho[k] + eta)
            out[d + at] = y[m + at] * (rho[k] + eta) - lam * y[d + at]
    for i in range(size):
        out[Q + i] = 0.0
        out[E + i] = work[Y + i] - work[AK + i]
        out[R + i] = work[S + i] + work[Y + i] - work[AK + i] - lam * y[R + i]
    multiply(out, d, work, K, out, m, latent, latent, signal, -1.0)  # out[m:] is d P so far
    multiply(out, m, work, B, y, m, latent, latent, signal, -1.0)
    multiply(out, Q, work, B, y, Q, latent, latent, latent, -1.0)
    multiply(out, R, work, B, y, R, latent, latent, latent, -1.0)
    multiply(out, E, work, K, work, G, latent, latent, latent, -1.0)  # cov(e)

    noise = lr * eta
    for i in range(size):
        out[R + i] += noise * work[G + i]
    for i in range(latent):
        for j in range(i + 1):
            at = i * latent + j
            ta = j * latent + i
            q = out[Q + at] + out[Q + ta] + work[A + at] + work[A + ta] + noise * work[S + at]
            out[Q + at] = q
            out[Q + ta] = q
            e = work[G + at] + work[G + ta] - 2.0 * lam * y[E + at] + noise * out[E + at]
            out[E + at] = e
            out[E + ta] = e
        q = y[Q + i * latent + i]
        out[D + i] = -0.5 * (q + beta - beta / y[D + i])
    for i in range(D + latent):
        out[i] *= lr


@kernel
def jacobian(y, beta, rho, eta, lam, lr, latent):
    """Return d drift_i / d y_j (values, values), exact to rounding (complex step)."""
    size = y.size
    step = 1e-100
    work = np.empty(7 * latent * latent, np.complex128)
    shifted = y.astype(np.complex128)
    out = np.empty(size, np.complex128)
    matrix = np.empty((size, size))
    for j in range(size):
        shifted[j] = complex(y[j], step)
        drift(shifted, beta, rho, eta, lam, lr, latent, work, out)
        shifted[j] = y[j]
        for i in range(size):
            matrix[i, j] = out[i].imag / step
    return matrix
