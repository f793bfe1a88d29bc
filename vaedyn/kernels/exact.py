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

A step takes M* + 2M + 1 normals from the stream, the last of which proposes the chi-square.

What a step does is compiled for one run and for `Lanes` of them, which makes the same bits.
"""

from math import sqrt

import numpy as np

from .jit import part, strict, strict_kernel
from .lanes import fma, less, ratio
from .layout import offsets
from .stream import chi_square, normals

DRAWN = 64  # steps for which normals are drawn together


@strict
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
                q = fma(m[i, k], m[j, k], q)
                e = fma(d[i, k], d[j, k], e)
                r = fma(m[i, k], d[j, k], r)
            for a in range(F.shape[1]):
                q = fma(F[i, a], F[j, a], q)
                e = fma(F[latent + i, a], F[latent + j, a], e)
                r = fma(F[i, a], F[latent + j, a], r)
            out[Q + i * latent + j] = q
            out[E + i * latent + j] = e
            out[R + i * latent + j] = r
        out[at_D + i] = D[i]


@part
def triangularise(A, F):
    """Set the columns of `F` to the R factor of the columns of `A` (both stored as rows).

    Modified Gram-Schmidt; `A` (n, n + 1) is overwritten, `F` (n, n) keeps only
    F[j, i] with i <= j. A column that vanishes leaves a zero row.
    """
    size, rows = A.shape
    for j in range(size):
        square = 0.0
        for a in range(rows):
            square = fma(A[j, a], A[j, a], square)
        norm = sqrt(square)
        F[j, j] = norm
        for i in range(j + 1, size):
            dot = 0.0
            for a in range(rows):
                dot = fma(A[j, a], A[i, a], dot)
            slope = ratio(dot, square)
            F[i, j] = slope * norm
            for a in range(rows):
                A[i, a] = fma(-slope, A[j, a], A[i, a])


@part
def step(x, beta, m, d, F, D, c, rate, room):
    """Make one SGD step on the order parameters, in place.

    Parameters
    ----------
    x : (signal + 2 latent + 1,)
        A data point: along the signals, in the frame, and the square of what is left.
    rate : float
        ``c.lr / dim``.
    room : tuple of arrays
        For intermediate results: (signal,), (2 latent,), (latent,) twice and
        (2 latent, 2 latent + 1).

    Returns
    -------
    bool
        Whether the encoder variances of all runs are in (0, inf).
    """
    # model: step, on order parameters
    along, rest, y, mu, A = room
    latent, signal = m.shape
    far = sqrt(x[signal + 2 * latent])
    for i in range(latent):
        yi = mui = 0.0
        for k in range(signal):
            yi = fma(m[i, k], x[k], yi)
            mui = fma(d[i, k], x[k], mui)
        for a in range(i + 1):
            yi = fma(F[i, a], x[signal + a], yi)
        for a in range(latent + i + 1):
            mui = fma(F[latent + i, a], x[signal + a], mui)
        y[i] = yi
        mu[i] = mui
    # along = m^T mu and rest = F_W mu: the reconstruction W mu in both parts
    for k in range(signal):
        total = 0.0
        for i in range(latent):
            total = fma(m[i, k], mu[i], total)
        along[k] = total
    for a in range(2 * latent):
        total = 0.0
        for i in range(a, latent):
            total = fma(F[i, a], mu[i], total)
        rest[a] = total

    decay = 1.0 - rate * c.lam
    good = True
    for i in range(latent):
        e = fma(-beta, mu[i], y[i])
        q = 0.0
        for k in range(signal):
            e = fma(-m[i, k], along[k], e)
            q = fma(m[i, k], m[i, k], q)
        for a in range(i + 1):
            e = fma(-F[i, a], rest[a], e)
            q = fma(F[i, a], F[i, a], q)
        shrink = 1.0 - rate * (D[i] + c.lam)
        push = rate * mu[i]
        pull = rate * e
        for k in range(signal):
            m[i, k] = fma(shrink, m[i, k], push * (x[k] - along[k]))
            d[i, k] = fma(decay, d[i, k], pull * x[k])
        for a in range(2 * latent):
            A[i, a] = push * (x[signal + a] - rest[a])
            A[latent + i, a] = pull * x[signal + a]
        for a in range(i + 1):
            A[i, a] = fma(shrink, F[i, a], A[i, a])
        for a in range(latent + i + 1):
            A[latent + i, a] = fma(decay, F[latent + i, a], A[latent + i, a])
        A[i, 2 * latent] = push * far
        A[latent + i, 2 * latent] = pull * far
        D[i] = fma(-0.5 * rate, q + beta - beta / D[i], D[i])
        good = good and within(D[i])
    triangularise(A, F)
    return good


@part
def overlaps_one(m, d, f, g, h, D, out):
    """Do what `overlaps` does for one latent and one signal."""
    out[0], out[1], out[2] = m, d, fma(m, m, f * f)
    out[3], out[4], out[5] = fma(d, d, fma(g, g, h * h)), fma(m, d, f * g), D


@part
def within(D):
    """Return whether encoder variances are in (0, inf)."""
    return less(0.0, D) and less(D, np.inf)


@part
def step_one(x, beta, m, d, f, g, h, D, c, rate):
    """Do what `step` does for one latent and one signal, and return m, d, F and D.

    The same data point makes the same step, up to rounding. The columns of F are (f, 0), (g, h).
    """
    # model: step, on those of one latent and one signal
    decay = 1.0 - rate * c.lam
    xs, x0, x1, far2 = x

    mu = fma(d, xs, fma(g, x0, h * x1))
    q = fma(m, m, f * f)
    e = fma(-(beta + q), mu, fma(m, xs, f * x0))
    push = rate * mu
    pull = rate * e
    shrink = 1.0 - rate * (D + c.lam)
    # the two columns of the factor, before and after they are made triangular again
    a0 = fma(shrink, f, push * fma(-f, mu, x0))
    a1 = push * x1
    b0 = fma(decay, g, pull * x0)
    b1 = fma(decay, h, pull * x1)
    m = fma(shrink, m, push * fma(-m, mu, xs))
    d = fma(decay, d, pull * xs)
    D = fma(-0.5 * rate, q + beta - beta / D, D)
    square = fma(a0, a0, fma(a1, a1, push * push * far2))
    slope = ratio(fma(a0, b0, fma(a1, b1, push * pull * far2)), square)
    f = sqrt(square)
    g = slope * f
    b0 = fma(-slope, a0, b0)
    b1 = fma(-slope, a1, b1)
    b2 = fma(-slope, push, pull)
    h = sqrt(fma(b0, b0, fma(b1, b1, b2 * b2 * far2)))
    return m, d, f, g, h, D


@part
def finish(stream, dof, z, first):
    """Take of a stream what steps `first`, ... of the draws `z` would have taken from it."""
    for at in range(first, len(z)):
        chi_square(stream, dof, z[at, z.shape[1] - 1])


@strict_kernel
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
    latent, signal = m.shape
    rate = c.lr / dim
    noise = sqrt(c.eta)
    dof = dim - signal - 2 * latent
    deviations = np.empty(signal)
    for k in range(signal):
        deviations[k] = sqrt(c.rho[k] + c.eta)
    draws = np.empty((DRAWN, signal + 2 * latent + 1))
    ahead = draws[:0]
    x = np.empty(signal + 2 * latent + 1)
    room = (
        np.empty(signal), np.empty(2 * latent), np.empty(latent), np.empty(latent),
        np.empty((2 * latent, 2 * latent + 1)),
    )  # fmt: skip
    saved = 0
    for made in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == made:
            overlaps(m, d, F, D, out[saved])
            saved += 1
        if made == len(betas):
            break
        if made % DRAWN == 0:
            ahead = draws[: min(DRAWN, len(betas) - made)]
            normals(stream, 1.0, ahead.reshape(ahead.size))
        z = ahead[made % DRAWN]
        for k in range(signal):
            x[k] = deviations[k] * z[k]
        for k in range(signal, len(x) - 1):
            x[k] = noise * z[k]
        x[len(x) - 1] = c.eta * chi_square(stream, dof, z[len(x) - 1])
        if not step(x, betas[made], m, d, F, D, c, rate, room):
            finish(stream, dof, ahead, made % DRAWN + 1)
            return made
    return len(betas)


@strict_kernel
def advance_one(stream, betas, save_after, m, d, F, D, c, dim, out):
    """Do what `advance` does for one latent and one signal, with the state in registers."""
    mm, dd, f, g, h, DD = m[0, 0], d[0, 0], F[0, 0], F[1, 0], F[1, 1], D[0]
    rate = c.lr / dim
    noise = sqrt(c.eta)
    deviation = sqrt(c.rho[0] + c.eta)
    draws = np.empty((DRAWN, 4))
    ahead = draws[:0]
    made = len(betas)
    saved = 0
    for at in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == at:
            overlaps_one(mm, dd, f, g, h, DD, out[saved])
            saved += 1
        if at == len(betas):
            break
        if at % DRAWN == 0:
            ahead = draws[: min(DRAWN, len(betas) - at)]
            normals(stream, 1.0, ahead.reshape(ahead.size))
        z = ahead[at % DRAWN]
        x = deviation * z[0], noise * z[1], noise * z[2], c.eta * chi_square(stream, dim - 3, z[3])
        mm, dd, f, g, h, DD = step_one(x, betas[at], mm, dd, f, g, h, DD, c, rate)
        if not within(DD):
            finish(stream, dim - 3, ahead, at % DRAWN + 1)
            made = at
            break
    m[0, 0], d[0, 0], F[0, 0], F[1, 0], F[1, 1], D[0] = mm, dd, f, g, h, DD
    return made
