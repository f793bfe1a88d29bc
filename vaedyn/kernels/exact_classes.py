"""The exact chain for noise in classes: `vaedyn.kernels.exact`, with a factor for each class.

The weights are ``W = W* m^T + sqrt(N) sum_c U_c F_W,c``, and V alike, where the columns of
``U_c`` lie in the directions of class c. A data point has variances s_k = rho_k + eta along
``W*`` and eta_c along ``U_c``, and eta_c times chi-square with n_c - 2M degrees of freedom is
the squared length of what is left in a class of n_c directions. A class of fewer than 2M has as
many columns as directions, and nothing is left.

A step takes M* normals, and 2M + 1 normals and one chi-square for each class.
"""

from math import sqrt

import numpy as np

from .exact import triangularise
from .jit import kernel, leaf
from .layout import offsets
from .stream import chi_square, normals


@leaf
def overlaps(m, d, F, D, s, etas, out):
    """Write m, d, Q, E, R, D, S and A, one after the other, into the flat array `out`."""
    # model: observable, second moments of mu and y from factors
    latent, signal = m.shape
    at_d, Q, E, R, at_D = offsets(latent, signal)
    S = at_D + latent
    A = S + latent * latent
    for i in range(latent):
        for k in range(signal):
            out[i * signal + k] = m[i, k]
            out[at_d + i * signal + k] = d[i, k]
        for j in range(latent):
            q = e = r = cov = cross = 0.0
            for k in range(signal):
                q += m[i, k] * m[j, k]
                e += d[i, k] * d[j, k]
                r += m[i, k] * d[j, k]
                cov += s[k] * d[i, k] * d[j, k]
                cross += s[k] * m[i, k] * d[j, k]
            for c in range(etas.size):
                for a in range(F.shape[2]):
                    q += F[c, i, a] * F[c, j, a]
                    e += F[c, latent + i, a] * F[c, latent + j, a]
                    r += F[c, i, a] * F[c, latent + j, a]
                    cov += etas[c] * F[c, latent + i, a] * F[c, latent + j, a]
                    cross += etas[c] * F[c, i, a] * F[c, latent + j, a]
            at = i * latent + j
            out[Q + at], out[E + at], out[R + at] = q, e, r
            out[S + at], out[A + at] = cov, cross
        out[at_D + i] = D[i]


@leaf
def look(m, d, F, D, xs, xi, y, mu):
    """Write what decoder and encoder see of a data point into `y` and `mu`."""
    latent, signal = m.shape
    for i in range(latent):
        yi = mui = 0.0
        for k in range(signal):
            yi += m[i, k] * xs[k]
            mui += d[i, k] * xs[k]
        for c in range(len(F)):
            for a in range(i + 1):
                yi += F[c, i, a] * xi[c, a]
            for a in range(latent + i + 1):
                mui += F[c, latent + i, a] * xi[c, a]
        y[i] = yi
        mu[i] = mui


@leaf
def errors(m, F, beta, y, mu, e, q):
    """Write y - (Q + beta) mu into `e` and the diagonal of Q into `q`."""
    latent, signal = m.shape
    for i in range(latent):
        e[i] = y[i] - beta * mu[i]
        q[i] = 0.0
    for k in range(signal):
        total = 0.0
        for i in range(latent):
            total += m[i, k] * mu[i]
        for i in range(latent):
            e[i] -= m[i, k] * total
            q[i] += m[i, k] * m[i, k]
    for c in range(len(F)):
        for a in range(latent):
            total = 0.0
            for i in range(a, latent):
                total += F[c, i, a] * mu[i]
            for i in range(a, latent):
                e[i] -= F[c, i, a] * total
                q[i] += F[c, i, a] * F[c, i, a]


@leaf
def learn_class(F, xi, far, mu, e, D, c, rate, A):
    """Update the factor of one class."""
    # model: step, on the weights in a class of directions
    latent = D.size
    decay = 1.0 - rate * c.lam
    for a in range(2 * latent):
        rest = 0.0
        for i in range(a, latent):
            rest += F[i, a] * mu[i]
        for i in range(latent):
            A[i, a] = (1.0 - rate * (D[i] + c.lam)) * F[i, a] + rate * mu[i] * (xi[a] - rest)
            A[latent + i, a] = decay * F[latent + i, a] + rate * e[i] * xi[a]
    for i in range(latent):
        A[i, 2 * latent] = rate * mu[i] * far
        A[latent + i, 2 * latent] = rate * e[i] * far
    triangularise(A, F)


@leaf
def learn_signals(m, d, D, xs, mu, e, c, rate):
    """Update the weights along signals."""
    # model: step, on the weights along signals
    latent, signal = m.shape
    for k in range(signal):
        along = 0.0
        for i in range(latent):
            along += m[i, k] * mu[i]
        for i in range(latent):
            m[i, k] = (1.0 - rate * (D[i] + c.lam)) * m[i, k] + rate * mu[i] * (xs[k] - along)
            d[i, k] = (1.0 - rate * c.lam) * d[i, k] + rate * e[i] * xs[k]


@kernel
def advance(stream, betas, save_after, m, d, F, D, c, etas, counts, dim, out):
    """Make ``len(betas)`` SGD steps on the order parameters, in place.

    Parameters
    ----------
    stream, betas, save_after, m, d, D, dim : see `vaedyn.kernels.exact.advance`
    F : (classes, 2 latent, 2 latent) a lower triangle for each class, W before V
    c : Constants
        Without beta, of which `betas` are the values; `eta` is the mean, of the signals' noise.
    etas, counts : (classes,) variance of each class, and the number of its directions
    out : (saves, values) order parameters, S and A, flat

    Returns
    -------
    int
        Number of steps made: fewer than asked for when an encoder variance left (0, inf).
    """
    # model: step, of the variances D for noise in classes
    latent, signal = m.shape
    rate = c.lr / dim
    s = c.rho + c.eta
    size = 2 * latent
    draws = np.empty(signal + etas.size * (size + 1))
    xs, xi = np.empty(signal), np.zeros((etas.size, size))
    far = np.empty(etas.size)
    y, mu, e, q = np.empty(latent), np.empty(latent), np.empty(latent), np.empty(latent)
    A = np.empty((size, size + 1))
    saved = 0
    for step in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == step:
            overlaps(m, d, F, D, s, etas, out[saved])
            saved += 1
        if step == len(betas):
            break
        normals(stream, 1.0, draws)
        for k in range(signal):
            xs[k] = sqrt(s[k]) * draws[k]
        for a in range(etas.size):
            at = signal + a * (size + 1)
            noise = sqrt(etas[a])
            for j in range(min(size, counts[a])):
                xi[a, j] = noise * draws[at + j]
            left = max(counts[a] - size, 0)
            far[a] = noise * sqrt(chi_square(stream, left, draws[at + size]))
        beta = betas[step]
        look(m, d, F, D, xs, xi, y, mu)
        errors(m, F, beta, y, mu, e, q)
        learn_signals(m, d, D, xs, mu, e, c, rate)
        for a in range(etas.size):
            learn_class(F[a], xi[a], far[a], mu, e, D, c, rate, A)
        for i in range(latent):
            D[i] -= 0.5 * rate * (q[i] + beta - beta / D[i])
            if not 0.0 < D[i] < np.inf:
                return step
    return len(betas)
