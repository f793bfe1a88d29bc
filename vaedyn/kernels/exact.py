"""The exact chain: SGD seen through its order parameters, at a cost that does not depend on N.

Split every weight vector into its part along the signal directions and a rest:
``W = W* m^T + sqrt(N) U F_W`` and ``V = W* d^T + sqrt(N) U F_V``, with ``U`` an
``N x 2M`` matrix of orthonormal columns orthogonal to ``W*``. A data point meets
the weights only through its coordinates along ``W*`` (variance rho_k + eta),
along ``U`` (variance eta) and the length of what is left (eta times chi-square
with N - M* - 2M degrees of freedom). All three are drawn directly; ``U`` itself
never appears. After a step the columns of ``F = [F_W F_V]`` have left the frame
by one dimension, and a Gram-Schmidt sweep turns them back into a ``2M x 2M``
upper triangle. Carrying this factor instead of the Gram matrix ``F^T F`` keeps
it positive semi-definite for ever, also for a latent that has collapsed.

A step takes M* + 2M normals and one chi-square from the stream.
"""

from math import sqrt

import numpy as np

from .jit import kernel, leaf
from .layout import offsets
from .stream import chi_square, normals

DRAWN = 64  # steps for which normals are drawn together


@leaf
def overlaps(m, d, F, D, out):
    """Write m, d, Q, E, R, D, one after the other, into the flat array `out`."""
    latent, signal = m.shape
    at_d, Q, E, R, at_D = offsets(latent, signal)
    for i in range(latent):
        for k in range(signal):
            out[i * signal + k] = m[i, k]
            out[at_d + i * signal + k] = d[i, k]
        for j in range(latent):
            q = e = r = 0.0
            for k in range(signal):
                q += m[i, k] * m[j, k]
                e += d[i, k] * d[j, k]
                r += m[i, k] * d[j, k]
            for a in range(F.shape[1]):
                q += F[i, a] * F[j, a]
                e += F[latent + i, a] * F[latent + j, a]
                r += F[i, a] * F[latent + j, a]
            out[Q + i * latent + j] = q
            out[E + i * latent + j] = e
            out[R + i * latent + j] = r
        out[at_D + i] = D[i]


@leaf
def triangularise(A, F):
    """Set the columns of `F` to the R factor of the columns of `A` (both stored as rows).

    Modified Gram-Schmidt; `A` (n, n + 1) is overwritten, `F` (n, n) keeps only
    F[j, i] with i <= j. A column that vanishes leaves a zero row.
    """
    size, rows = A.shape
    for j in range(size):
        square = 0.0
        for a in range(rows):
            square += A[j, a] * A[j, a]
        if square > 0.0:
            norm = sqrt(square)
            F[j, j] = norm
            for i in range(j + 1, size):
                dot = 0.0
                for a in range(rows):
                    dot += A[j, a] * A[i, a]
                F[i, j] = dot / norm
                dot /= square
                for a in range(rows):
                    A[i, a] -= dot * A[j, a]
        else:
            F[j, j] = 0.0
            for i in range(j + 1, size):
                F[i, j] = 0.0


@kernel
def advance(stream, betas, save_after, m, d, F, D, c, dim, out):
    """Make ``len(betas)`` SGD steps on the order parameters, in place.

    Parameters
    ----------
    stream : see `vaedyn.kernels.stream`
    betas : (steps,) KL weight of each step
    save_after : (saves,) ascending numbers of steps after which a row of `out` is written
    m, d : (latent, signal)
    F : (2 latent, 2 latent) column c of the triangle in ``F[c, :c + 1]``, W before V
    D : (latent,)
    c : Constants
        Without beta, of which `betas` are the values.
    out : (saves, values) order parameters, flat

    Returns
    -------
    int
        Number of steps made: fewer than asked for when an encoder variance left (0, inf).
    """
    # model: step, on order parameters
    latent, signal = m.shape
    rate = c.lr / dim
    noise = sqrt(c.eta)
    dof = dim - signal - 2 * latent
    draws = np.empty((DRAWN, signal + 2 * latent + 1))
    deviations = np.empty(signal)
    for k in range(signal):
        deviations[k] = sqrt(c.rho[k] + c.eta)
    xs = np.empty(signal)
    xi = np.empty(2 * latent)
    along = np.empty(signal)
    rest = np.empty(2 * latent)
    y = np.empty(latent)
    mu = np.empty(latent)
    A = np.empty((2 * latent, 2 * latent + 1))
    saved = 0
    while saved < len(save_after) and save_after[saved] == 0:
        overlaps(m, d, F, D, out[saved])
        saved += 1
    for step in range(len(betas)):
        beta = betas[step]
        if step % DRAWN == 0:
            ahead = draws[: min(DRAWN, len(betas) - step)]
            normals(stream, 1.0, ahead.reshape(ahead.size))
        z = draws[step % DRAWN]
        for k in range(signal):
            xs[k] = deviations[k] * z[k]
        for a in range(2 * latent):
            xi[a] = noise * z[signal + a]
        far = noise * sqrt(chi_square(stream, dof, z[signal + 2 * latent]))

        for i in range(latent):
            yi = mui = 0.0
            for k in range(signal):
                yi += m[i, k] * xs[k]
                mui += d[i, k] * xs[k]
            for a in range(i + 1):
                yi += F[i, a] * xi[a]
            for a in range(latent + i + 1):
                mui += F[latent + i, a] * xi[a]
            y[i] = yi
            mu[i] = mui
        # along = m^T mu and rest = F_W mu: the reconstruction W mu in both parts
        for k in range(signal):
            total = 0.0
            for i in range(latent):
                total += m[i, k] * mu[i]
            along[k] = total
        for a in range(2 * latent):
            total = 0.0
            for i in range(a, latent):
                total += F[i, a] * mu[i]
            rest[a] = total

        decay = 1.0 - rate * c.lam
        for i in range(latent):
            e = y[i] - beta * mu[i]
            q = 0.0
            for k in range(signal):
                e -= m[i, k] * along[k]
                q += m[i, k] * m[i, k]
            for a in range(i + 1):
                e -= F[i, a] * rest[a]
                q += F[i, a] * F[i, a]
            shrink = 1.0 - rate * (D[i] + c.lam)
            push = rate * mu[i]
            pull = rate * e
            for k in range(signal):
                m[i, k] = shrink * m[i, k] + push * (xs[k] - along[k])
                d[i, k] = decay * d[i, k] + pull * xs[k]
            for a in range(2 * latent):
                A[i, a] = push * (xi[a] - rest[a])
                A[latent + i, a] = pull * xi[a]
            for a in range(i + 1):
                A[i, a] += shrink * F[i, a]
            for a in range(latent + i + 1):
                A[latent + i, a] += decay * F[latent + i, a]
            A[i, 2 * latent] = push * far
            A[latent + i, 2 * latent] = pull * far
            D[i] -= 0.5 * rate * (q + beta - beta / D[i])
            if not 0.0 < D[i] < np.inf:
                return step
        triangularise(A, F)
        while saved < len(save_after) and save_after[saved] == step + 1:
            overlaps(m, d, F, D, out[saved])
            saved += 1
    return len(betas)


@kernel
def advance_one(stream, betas, save_after, m, d, F, D, c, dim, out):
    """Do what `advance` does for one latent and one signal, with the state in registers.

    The same draws make the same steps, up to rounding.
    """
    # model: step, on those of one latent and one signal
    rate = c.lr / dim
    noise = sqrt(c.eta)
    decay = 1.0 - rate * c.lam
    deviation = sqrt(c.rho[0] + c.eta)
    dof = dim - 3
    mm, dd, f, g, h, DD = m[0, 0], d[0, 0], F[0, 0], F[1, 0], F[1, 1], D[0]
    draws = np.empty((DRAWN, 4))
    made = len(betas)
    saved = 0
    for step in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == step:
            row = out[saved]
            row[0], row[1], row[2] = mm, dd, mm * mm + f * f
            row[3], row[4], row[5] = dd * dd + g * g + h * h, mm * dd + f * g, DD
            saved += 1
        if step == len(betas):
            break
        at = step % DRAWN
        if at == 0:
            ahead = draws[: min(DRAWN, len(betas) - step)]
            normals(stream, 1.0, ahead.reshape(ahead.size))
        xs = deviation * draws[at, 0]
        x0 = noise * draws[at, 1]
        x1 = noise * draws[at, 2]
        far = noise * sqrt(chi_square(stream, dof, draws[at, 3]))
        beta = betas[step]

        mu = dd * xs + (g * x0 + h * x1)
        q = mm * mm + f * f
        e = mm * xs + f * x0 - (beta + q) * mu
        push = rate * mu
        pull = rate * e
        shrink = 1.0 - rate * (DD + c.lam)
        # the two columns of the factor, before and after they are made triangular again
        a0 = shrink * f + push * (x0 - f * mu)
        a1 = push * x1
        a2 = push * far
        b0 = decay * g + pull * x0
        b1 = decay * h + pull * x1
        b2 = pull * far
        mm = shrink * mm + push * (xs - mm * mu)
        dd = decay * dd + pull * xs
        DD -= 0.5 * rate * (q + beta - beta / DD)
        square = a0 * a0 + (a1 * a1 + a2 * a2)
        slope = 0.0
        if square > 0.0:
            slope = (a0 * b0 + (a1 * b1 + a2 * b2)) / square
        f = sqrt(square)
        g = slope * f
        b0 -= slope * a0
        b1 -= slope * a1
        b2 -= slope * a2
        h = sqrt(b0 * b0 + (b1 * b1 + b2 * b2))
        if not 0.0 < DD < np.inf:
            made = step
            break
    m[0, 0], d[0, 0], F[0, 0], F[1, 0], F[1, 1], D[0] = mm, dd, f, g, h, DD
    return made
