"""Online SGD on the weight vectors themselves.

Weights are stored latent-major, one contiguous row per latent, so that the
loops over coordinates vectorise. Q = W^T W/N, which the gradient needs, is
summed anew in every step and so cannot drift away from the weights.

Draws of one step, in order: M* normals (c), then N normals (n).
"""

from math import sqrt

import numpy as np

from .jit import kernel, reordered
from .stream import normals


@reordered
def dot(a, b):
    """Return the inner product of two vectors."""
    total = 0.0
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@reordered
def blend(a, y, b, x):
    """Set ``y`` to ``a y + b x``."""
    for j in range(y.size):
        y[j] = a * y[j] + b * x[j]


@kernel
def overlaps(W, V, D, teacher, out):
    """Write m, d, Q, E, R, D, one after the other, into the flat array `out`."""
    latent, dim = W.shape
    signal = teacher.shape[0]
    full = latent * latent
    Q = 2 * latent * signal
    for i in range(latent):
        for k in range(signal):
            out[i * signal + k] = dot(W[i], teacher[k]) / dim
            out[(latent + i) * signal + k] = dot(V[i], teacher[k]) / dim
        for j in range(latent):
            out[Q + i * latent + j] = dot(W[i], W[j]) / dim
            out[Q + full + i * latent + j] = dot(V[i], V[j]) / dim
            out[Q + 2 * full + i * latent + j] = dot(W[i], V[j]) / dim
        out[Q + 3 * full + i] = D[i]


@kernel
def draw(stream, teacher, strengths, noise, amplitudes, x):
    """Fill `x` with one sample of the spiked covariance model, divided by sqrt(N)."""
    signal, dim = teacher.shape
    normals(stream, 1.0 / dim, amplitudes)
    normals(stream, noise / sqrt(dim), x)
    for k in range(signal):
        blend(1.0, x, strengths[k] * amplitudes[k], teacher[k])


@kernel
def step_along(x, W, V, D, Q, beta, lam, lr, mu, error, residual):
    """Make one SGD step with the sample ``sqrt(N) x``; update W, V, D and Q in place.

    Returns whether every encoder variance is still in (0, inf).
    """
    latent, dim = W.shape
    rate = lr / dim
    for i in range(latent):
        mu[i] = dot(V[i], x)
        error[i] = dot(W[i], x) - beta * mu[i]
    for i in range(latent):
        for j in range(latent):
            error[i] -= Q[i, j] * mu[j]

    residual[:] = x
    for i in range(latent):
        blend(1.0, residual, -mu[i] / dim, W[i])
    for i in range(latent):
        blend(1.0 - rate * (D[i] + lam), W[i], lr * mu[i], residual)
        blend(1.0 - rate * lam, V[i], lr * error[i], x)

    for i in range(latent):
        D[i] -= 0.5 * rate * (Q[i, i] + beta - beta / D[i])
        if not 0.0 < D[i] < np.inf:
            return False
    for i in range(latent):
        for j in range(i + 1):
            Q[i, j] = Q[j, i] = dot(W[i], W[j]) / dim
    return True


@kernel
def advance(stream, betas, save_after, W, V, D, teacher, strengths, eta, lam, lr, out):
    """Make ``len(betas)`` SGD steps on the weights, in place.

    Parameters
    ----------
    stream : see `vaedyn.kernels.stream`
    betas : (steps,) KL weight of each step
    save_after : (saves,) ascending numbers of steps after which a row of `out` is written
    W, V : (latent, dim)
    D : (latent,)
    teacher : (signal, dim) transpose of W*
    strengths : (signal,) sqrt(rho_k)
    out : (saves, values) order parameters, flat

    Returns
    -------
    int
        Number of steps made: fewer than asked for when an encoder variance left (0, inf).
    """
    latent, dim = W.shape
    noise = sqrt(eta)
    x = np.empty(dim)
    amplitudes = np.empty(len(strengths))
    residual = np.empty(dim)
    mu = np.empty(latent)
    error = np.empty(latent)
    Q = np.empty((latent, latent))
    for i in range(latent):
        for j in range(latent):
            Q[i, j] = dot(W[i], W[j]) / dim
    saved = 0
    while saved < len(save_after) and save_after[saved] == 0:
        overlaps(W, V, D, teacher, out[saved])
        saved += 1
    for step in range(len(betas)):
        draw(stream, teacher, strengths, noise, amplitudes, x)
        if not step_along(x, W, V, D, Q, betas[step], lam, lr, mu, error, residual):
            return step
        while saved < len(save_after) and save_after[saved] == step + 1:
            overlaps(W, V, D, teacher, out[saved])
            saved += 1
    return len(betas)
