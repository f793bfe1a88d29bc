"""SGD on given data: the same steps as on drawn ones, for rows that come from a file."""

from math import sqrt

import numpy as np

from .jit import kernel, reordered
from .vector import dot


@reordered
def add(out, a, b):
    """Add ``a b`` to the vector `out`."""
    for j in range(out.size):
        out[j] += a * b[j]


@kernel
def advance(rows, betas, W, V, D, c, lam_V):
    """Make one step for each row of centred data.

    Parameters
    ----------
    rows : (steps, dim)
    betas : (steps,)
    W, V : (latent, dim), transposed weights, changed in place
    D : (latent,), changed in place
    c : Constants
        Of these, `lam`, the weight decay of W, and `lr` count.
    lam_V : float
        Weight decay of V.

    Returns
    -------
    int
        The number of steps made: all, unless an entry of D left (0, inf).
    """
    # model: step, on given rows
    latent, dim = W.shape
    mu, e = np.empty(latent), np.empty(latent)
    Q = np.empty((latent, latent))
    fresh = np.empty((latent, dim))
    scale = 1.0 / sqrt(dim)
    for step in range(rows.shape[0]):
        x, beta = rows[step], betas[step]
        for i in range(latent):
            mu[i] = scale * dot(V[i], x)
            e[i] = scale * dot(W[i], x)
            for j in range(i + 1):
                Q[i, j] = Q[j, i] = dot(W[i], W[j]) / dim
        for i in range(latent):
            e[i] -= beta * mu[i]
            for j in range(latent):
                e[i] -= Q[i, j] * mu[j]
        for i in range(latent):
            for j in range(dim):
                fresh[i, j] = W[i, j]
            add(fresh[i], -c.lr * (D[i] + c.lam) / dim, W[i])
            add(fresh[i], c.lr * scale * mu[i], x)
            for j in range(latent):
                add(fresh[i], -c.lr * mu[i] * mu[j] / dim, W[j])
        for i in range(latent):
            for j in range(dim):
                W[i, j] = fresh[i, j]
                V[i, j] *= 1.0 - c.lr * lam_V / dim
            add(V[i], c.lr * scale * e[i], x)
            D[i] -= c.lr / dim * 0.5 * (Q[i, i] + beta - beta / D[i])
            if not 0.0 < D[i] < np.inf:
                return step
    return rows.shape[0]
