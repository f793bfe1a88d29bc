"""The drift of the ODE with a rate for every latent, apart in decoder, encoder and variances.

Latents may be sampled, too, which adds noise to steps. At equal rates and averaged latents it
is that of `vaedyn.kernels.ode`, which is quicker. Matrices are addressed by their offset in a
flat array, as there, and all functions run on complex numbers.
"""

import numpy as np

from .jit import kernel, leaf
from .layout import offsets
from .ode import U
from .product import multiply

# rows of the rates of latents: of W, V and D, and those at which W and V decay
OF_W, OF_V, OF_D, DECAY_W, DECAY_V = (U(i) for i in range(5))
RATES = 5


@leaf
def scratch(latent, signal):
    """Return how many numbers `drift` needs for its intermediate results."""
    return 10 * latent * latent + 2 * latent * signal


def workspace(latent, signal):
    """Return what `of_sgd` needs: room for intermediate results, and for rates."""
    return np.empty(scratch.py_func(latent, signal)), np.empty((RATES, latent))


@leaf
def of_sgd(y, c, work, out):
    """Write dy/dt under SGD into `out`; `work` as of `workspace`."""
    room, rates = work
    for i in range(rates.shape[1]):
        rates[OF_W, i] = c.lr
        rates[OF_V, i] = c.lr * c.encoder
        rates[OF_D, i] = c.lr * c.variances
        rates[DECAY_W, i] = c.lr * c.lam
        rates[DECAY_V, i] = c.lr * c.encoder * c.lam
    moments(y, c, room)
    drift(y, c, rates, room, out)


@leaf
def moments(y, c, room):
    """Write second moments of latents, and the noise of a step, into `room`.

    Matrices (latent, latent), one after the other: ``A = E[y mu^T]``, ``S = cov(mu)``,
    ``Y = cov(y)``, ``K = Q + beta``, ``B = S + D``, ``G = A - K S = cov(e, mu)``, and in W W,
    V V and W V, for one data point, ``Sn = E[z z^T]``, ``Cn = E[e e^T]``, ``Xn = E[z e^T]``;
    z is mu where latents are averaged over, and e the error that drives the encoder.
    """
    # model: drift, second moments and the noise of a step
    latent, signal = U(c.latent), U(c.rho.size)
    rho, eta, sampled = c.rho, c.eta, c.sampled
    size = latent * latent
    m = U(0)
    d, Q, E, R, D = offsets(latent, signal)
    A, S, Y, K, B = U(0), size, U(2) * size, U(3) * size, U(4) * size
    G, Sn, Cn, Xn = U(5) * size, U(6) * size, U(7) * size, U(8) * size
    T, dP = U(9) * size, U(10) * size
    mP = dP + d
    for i in range(latent):
        for k in range(signal):
            room[dP + k * latent + i] = rho[k] * y[d + i * signal + k]
            room[mP + k * latent + i] = rho[k] * y[m + i * signal + k]
    for i in range(size):
        room[A + i] = eta * y[R + i]
        room[S + i] = eta * y[E + i]
        room[Y + i] = eta * y[Q + i]
        room[K + i] = y[Q + i]
    multiply(room, A, y, m, room, dP, U(2) * latent, signal, latent)  # S, too
    multiply(room, Y, y, m, room, mP, latent, signal, latent)
    for i in range(size):
        room[B + i] = room[S + i]
        room[Sn + i] = room[S + i]
        room[T + i] = 0.0
        room[Cn + i] = room[Y + i]
    for i in range(latent):
        own = i * latent + i
        room[K + own] += c.beta
        room[B + own] += y[D + i]
        room[Sn + own] += sampled * y[D + i]
    multiply(room, T, room, K, room, S, latent, latent, latent)  # K S
    for i in range(size):
        room[G + i] = room[A + i] - room[T + i]
    for i in range(latent):  # Xn = A^T - S K = G^T, and T = -K, to subtract by adding
        for j in range(latent):
            ij = i * latent + j
            room[Xn + ij] = room[G + j * latent + i] - sampled * y[D + i] * y[Q + ij]
            room[T + ij] = -room[K + ij]
    # Cn = Y - A K - K (A^T - S K)
    for i in range(latent):
        for j in range(latent):
            total = room[Cn + i * latent + j]
            for n in range(latent):
                il, lj = i * latent + n, n * latent + j
                total -= room[A + il] * room[K + lj] + room[K + il] * room[G + j * latent + n]
                total += sampled * y[Q + il] * y[D + n] * y[Q + lj]
            room[Cn + i * latent + j] = total


@leaf
def drift(y, c, rates, room, out):
    """Write dy/dt into `out`, given `moments` and the `rates` (5, latent) of each latent."""
    # model: drift, of all order parameters at rates of each latent
    latent, signal = U(c.latent), U(c.rho.size)
    rho, eta, beta = c.rho, c.eta, c.beta
    size = latent * latent
    m = U(0)
    d, Q, E, R, D = offsets(latent, signal)
    A, S, Y, K, B = U(0), size, U(2) * size, U(3) * size, U(4) * size
    G, Sn, Cn, Xn = U(5) * size, U(6) * size, U(7) * size, U(8) * size
    noise = eta / c.batch
    for i in range(latent):
        of_W, of_V = rates[OF_W, i], rates[OF_V, i]
        for k in range(signal):
            at = i * signal + k
            w = (rho[k] + eta) * y[d + at]
            v = (rho[k] + eta) * y[m + at]
            for j in range(latent):
                w -= room[B + i * latent + j] * y[m + j * signal + k]
                v -= (rho[k] + eta) * room[K + i * latent + j] * y[d + j * signal + k]
            out[m + at] = of_W * w - rates[DECAY_W, i] * y[m + at]
            out[d + at] = of_V * v - rates[DECAY_V, i] * y[d + at]
        for j in range(latent):
            at = i * latent + j
            q = room[A + j * latent + i]
            r = room[S + at]
            t = room[Y + at]
            for n in range(latent):
                b = room[B + i * latent + n]
                q -= b * y[Q + n * latent + j]
                r -= b * y[R + n * latent + j]
                t -= room[A + i * latent + n] * room[K + n * latent + j]
            other = rates[OF_V, j]
            out[Q + at] = (of_W * q - rates[DECAY_W, i] * y[Q + at]
                           + 0.5 * of_W * rates[OF_W, j] * noise * room[Sn + at])  # fmt: skip
            out[E + at] = (of_V * room[G + at] - rates[DECAY_V, i] * y[E + at]
                           + 0.5 * of_V * other * noise * room[Cn + at])  # fmt: skip
            out[R + at] = (of_W * r + other * t
                           - (rates[DECAY_W, i] + rates[DECAY_V, j]) * y[R + at]
                           + of_W * other * noise * room[Xn + at])  # fmt: skip
    for i in range(latent):
        for j in range(i + U(1)):
            at, ta = i * latent + j, j * latent + i
            out[Q + at] += out[Q + ta]
            out[Q + ta] = out[Q + at]
            out[E + at] += out[E + ta]
            out[E + ta] = out[E + at]
        own = y[Q + i * latent + i]
        out[D + i] = -0.5 * rates[OF_D, i] * (own + beta - beta / y[D + i])


@kernel
def jacobian(y, c):
    """Return d `of_sgd`_i / d y_j (values, values), exact to rounding (complex step)."""
    size = y.size
    step = 1e-100
    work = (np.empty(scratch(c.latent, c.rho.size), np.complex128), np.empty((RATES, c.latent)))
    shifted = y.astype(np.complex128)
    out = np.empty(size, np.complex128)
    matrix = np.empty((size, size))
    for j in range(size):
        shifted[j] = complex(y[j], step)
        of_sgd(shifted, c, work, out)
        shifted[j] = y[j]
        for i in range(size):
            matrix[i, j] = out[i].imag / step
    return matrix
