"""Training as people train: batches, momentum, three rates, sampled latents, and Adam.

Steps of `vaedyn.kernels.vector` and `vaedyn.kernels.rows` are those of plain SGD, which are
quicker. Here gradients are averaged over a batch, and an optimiser makes a step of them. A few
data points at a time are drawn, multiplied with all weights and added to the gradients, so that
a batch needs no room and weights are fetched from memory once for several points.

Draws of one step, in order, for each data point: M* normals (c), N normals (n) and, if latents
are sampled, M normals (xi). Where the noise is not white, signals are coordinates: there is no c.
"""

from math import exp, sqrt
from typing import Any, NamedTuple

import numpy as np

from .coloured import covariances, draw
from .jit import kernel, leaf, reordered
from .stream import normals
from .vector import dot, overlaps

GROUP = 4  # data points treated together
LEAST = 1e-75  # of what Adam divides by: second moments below its square count as 0


class Training(NamedTuple):
    """How steps are made of gradients, with numbers as of `vaedyn.Params`.

    Attributes
    ----------
    decoder, encoder, variances : float
        Learning rates of W, V and D (or, with Adam, log D).
    batch : int
    sampled, adam : bool
    momentum, first, second, epsilon : float
        Of SGD; of Adam, its decay rates of first and second moments.
    decay, encoder_decay : float
        Weight decay of W and of V.
    """

    decoder: float
    encoder: float
    variances: float
    batch: int
    sampled: bool
    adam: bool
    momentum: float
    first: float
    second: float
    epsilon: float
    decay: float
    encoder_decay: float

    @classmethod
    def of(cls, params: Any, encoder_decay: float | None = None) -> "Training":
        """Return what a `vaedyn.Params` says; the encoder's weight decay may be another."""
        values: tuple[Any, ...] = (
            *params.rates.tolist(), params.batch, params.sampled, params.adam, params.momentum,
            *params.adam_betas, params.adam_epsilon, params.lam,
            params.lam if encoder_decay is None else encoder_decay,
        )  # fmt: skip
        return cls(*values)


def memory(latent: int, dim: int, adam: bool) -> tuple[np.ndarray, ...]:
    """Return what an optimiser remembers at first.

    Velocities, or first moments, of W and V, (2 latent, dim), and second moments, if any; in
    (3, latent) both of D, and how many steps were made.
    """
    return (
        np.zeros((2 * latent, dim)), np.zeros((2 * latent, dim if adam else 0)),
        np.zeros((3, latent)),
    )  # fmt: skip


@reordered
def products(w, v, x):
    """Return w.x and v.x for each of four data points (4, dim)."""
    a, b, c, d = x[0], x[1], x[2], x[3]
    y0 = y1 = y2 = y3 = mu0 = mu1 = mu2 = mu3 = 0.0
    for j in range(w.size):
        y0 += w[j] * a[j]
        y1 += w[j] * b[j]
        y2 += w[j] * c[j]
        y3 += w[j] * d[j]
        mu0 += v[j] * a[j]
        mu1 += v[j] * b[j]
        mu2 += v[j] * c[j]
        mu3 += v[j] * d[j]
    return y0, y1, y2, y3, mu0, mu1, mu2, mu3


@reordered
def add(out, a, b):
    """Add ``a b`` to the vector `out`."""
    for j in range(out.size):
        out[j] += a * b[j]


@reordered
def add_four(out, a, rows):
    """Add ``sum_k a_k rows_k`` to the vector `out`, for four rows."""
    b, c, d, e = rows[0], rows[1], rows[2], rows[3]
    a0, a1, a2, a3 = a[0], a[1], a[2], a[3]
    for j in range(out.size):
        out[j] += a0 * b[j] + a1 * c[j] + a2 * d[j] + a3 * e[j]


@leaf
def add_rows(out, a, rows):
    """Add ``sum_k a_k rows_k`` to the vector `out`."""
    k = 0
    while k + GROUP <= len(a):
        add_four(out, a[k : k + GROUP], rows[k : k + GROUP])
        k += GROUP
    while k < len(a):
        add(out, a[k], rows[k])
        k += 1


@leaf
def begin(W, Q, squares, of_D, gradient):
    """Set the sums over a batch to zero, and Q to that of the weights."""
    latent, dim = W.shape
    squares[:] = 0.0
    of_D[:] = 0.0
    gradient[:] = 0.0
    for i in range(latent):
        for j in range(i + 1):
            Q[i, j] = Q[j, i] = dot(W[i], W[j]) / dim


@leaf
def learn_from(x, xi, W, V, D, Q, beta, how, table, squares, of_D, gradient):
    """Add to the sums over a batch what some data points (count, dim) over sqrt(N) give.

    `gradient` gets sum z x for W and sum e x for V, `squares` sum z z^T, and `of_D` what the
    gradient of D has of data, ``sum (y - Q z)_i xi_i``.
    """
    latent, count = D.size, len(x)
    Y, MU, Z, E = table[0], table[1], table[2], table[3]
    for i in range(latent):
        if count == GROUP:
            sums = products(W[i], V[i], x)
            Y[i, 0], Y[i, 1], Y[i, 2], Y[i, 3] = sums[0], sums[1], sums[2], sums[3]
            MU[i, 0], MU[i, 1], MU[i, 2], MU[i, 3] = sums[4], sums[5], sums[6], sums[7]
        else:
            for k in range(count):
                Y[i, k] = dot(W[i], x[k])
                MU[i, k] = dot(V[i], x[k])
    for k in range(count):
        for i in range(latent):
            Z[i, k] = MU[i, k]
            if how.sampled:
                Z[i, k] += sqrt(D[i]) * xi[k, i]
        for i in range(latent):
            error = Y[i, k]
            for j in range(latent):
                error -= Q[i, j] * Z[j, k]
                squares[i, j] += Z[i, k] * Z[j, k]
            of_D[i] += error * xi[k, i]
            E[i, k] = error - beta * MU[i, k]
    for i in range(latent):
        add_rows(gradient[i], Z[i, :count], x)
        add_rows(gradient[latent + i], E[i, :count], x)


@leaf
def complete(W, D, Q, beta, how, squares, of_D, gradient):
    """Turn the sums over a batch into gradients, those of W and V times -b; no weight decay."""
    # model: step, its gradients averaged over a batch
    latent, dim = W.shape
    for i in range(latent):
        if how.sampled:
            of_D[i] *= -0.5 / (how.batch * sqrt(D[i]))
        else:
            squares[i, i] += how.batch * D[i]
            of_D[i] = 0.5 * Q[i, i]
        of_D[i] += 0.5 * beta * (1.0 - 1.0 / D[i])
        for j in range(latent):
            squares[i, j] /= -dim
        add_rows(gradient[i], squares[i], W)


@reordered
def heavy_ball(w, scale, gradient, velocity, momentum, rate, decay):
    """Make a step of SGD along a row of weights, whose gradient is `scale` times `gradient`."""
    for j in range(w.size):
        u = momentum * velocity[j] + (scale * gradient[j] + decay * w[j])
        velocity[j] = u
        w[j] -= rate * u


@reordered
def adam(w, scale, gradient, first, second, how, rate, decay, one, two):
    """Make a step of AdamW along a row of weights, whose gradient is `scale` times `gradient`.

    `one` and `two` correct the bias of the moments.
    """
    of_first, of_second, epsilon = 1.0 - how.first, 1.0 - how.second, how.epsilon
    rate_one, root_two, shrink = rate / one, 1.0 / sqrt(two), 1.0 - decay
    for j in range(w.size):
        g = scale * gradient[j]
        m = how.first * first[j] + of_first * g
        v = how.second * second[j] + of_second * g * g
        first[j] = m
        second[j] = v
        w[j] = shrink * w[j] - rate_one * m / max(root_two * sqrt(v) + epsilon, LEAST)


@leaf
def step(W, V, first, second, small, D, how, of_D, gradient):
    """Change weights and D by what `complete` left; return whether D is still in (0, inf)."""
    # model: step, of the optimiser
    latent, dim = W.shape
    scale = -1.0 / how.batch
    if how.adam:  # of W/sqrt(N), V/sqrt(N) and log D, at rates over N
        small[2, 0] += 1.0
        one, two = 1.0 - how.first ** small[2, 0], 1.0 - how.second ** small[2, 0]
        root = sqrt(dim)
        to_W, to_V = how.decoder / dim, how.encoder / dim
        for i in range(latent):
            n = latent + i
            adam(
                W[i], root * scale, gradient[i], first[i], second[i], how, root * to_W,
                to_W * how.decay, one, two,
            )  # fmt: skip
            adam(
                V[i], root * scale, gradient[n], first[n], second[n], how, root * to_V,
                to_V * how.encoder_decay, one, two,
            )  # fmt: skip
            g = D[i] * of_D[i]
            small[0, i] = how.first * small[0, i] + (1.0 - how.first) * g
            small[1, i] = how.second * small[1, i] + (1.0 - how.second) * g * g
            move = small[0, i] / one / max(sqrt(small[1, i] / two) + how.epsilon, LEAST)
            D[i] *= exp(-how.variances / dim * move)
    else:
        p, to_W, to_V = how.momentum, how.decoder, how.encoder
        for i in range(latent):
            n = latent + i
            heavy_ball(W[i], scale, gradient[i], first[i], p, to_W, how.decay / dim)
            heavy_ball(V[i], scale, gradient[n], first[n], p, to_V, how.encoder_decay / dim)
            small[0, i] = p * small[0, i] + of_D[i]
            D[i] -= how.variances / dim * small[0, i]
    for i in range(latent):
        if not 0.0 < D[i] < np.inf:
            return False
    return True


@leaf
def copied(out, a, row):
    """Set the vector `out` to ``a row``."""
    for j in range(out.size):
        out[j] = a * row[j]


@kernel
def advance_on(stream, rows, betas, W, V, first, second, small, D, how):
    """Make ``len(betas)`` steps on rows of centred data, (steps how.batch, dim), in place.

    All others, and what is returned, are those of `advance`; only xi are drawn.
    """
    latent, dim = W.shape
    x, xi = np.empty((GROUP, dim)), np.zeros((GROUP, latent))
    table = np.empty((4, latent, GROUP))
    Q, squares = np.empty((latent, latent)), np.empty((latent, latent))
    of_D, gradient = np.empty(latent), np.empty((2 * latent, dim))
    taken = 0
    for at in range(len(betas)):
        begin(W, Q, squares, of_D, gradient)
        end = taken + how.batch
        while taken < end:
            count = min(end - taken, GROUP)
            for k in range(count):
                copied(x[k], 1.0 / sqrt(dim), rows[taken + k])
                if how.sampled:
                    normals(stream, 1.0, xi[k])
            learn_from(x[:count], xi, W, V, D, Q, betas[at], how, table, squares, of_D, gradient)
            taken += count
        complete(W, D, Q, betas[at], how, squares, of_D, gradient)
        if not step(W, V, first, second, small, D, how, of_D, gradient):
            return at
    return len(betas)


@kernel
def advance(stream, betas, save_after, W, V, first, second, small, D, teacher, c, how, out):
    """Make ``len(betas)`` steps on fresh data, in place.

    Parameters
    ----------
    stream, betas, save_after, W, V, D, teacher, c, out
        As of `vaedyn.kernels.vector.advance`; of `c`, `rho` and `eta` count.
    first, second, small
        See `memory`.
    how : Training

    Returns
    -------
    int
        Number of steps made: fewer than asked for when an encoder variance left (0, inf).
    """
    latent, dim = W.shape
    noise = np.sqrt(c.eta / dim)
    signals = np.empty(c.rho.size)
    x = np.zeros((GROUP, dim))
    xi = np.zeros((GROUP, latent))
    table = np.empty((4, latent, GROUP))
    Q, squares = np.empty((latent, latent)), np.empty((latent, latent))
    of_D, gradient = np.empty(latent), np.empty((2 * latent, dim))
    saved = 0
    for at in range(len(betas) + 1):
        if saved < len(save_after) and save_after[saved] == at:
            overlaps(W, V, D, teacher, out[saved])
            covariances(W, V, c.eta, out[saved])
            saved += 1
        if at == len(betas):
            break
        begin(W, Q, squares, of_D, gradient)
        left = how.batch
        while left > 0:
            count = min(left, GROUP)
            for k in range(count):
                normals(stream, 1.0 / dim, signals)
                draw(stream, noise, np.uint64(0), x[k])
                for i in range(signals.size):
                    add(x[k], sqrt(c.rho[i]) * signals[i], teacher[i])
                if how.sampled:
                    normals(stream, 1.0, xi[k])
            learn_from(x[:count], xi, W, V, D, Q, betas[at], how, table, squares, of_D, gradient)
            left -= count
        complete(W, D, Q, betas[at], how, squares, of_D, gradient)
        if not step(W, V, first, second, small, D, how, of_D, gradient):
            return at
    return len(betas)
