"""Online SGD on the weight vectors themselves.

A step makes one pass over the weights: block by block, it brings them up to
date with the last data point, draws the next one and sums all that its gradient
needs. So every number is fetched from memory once in a step. Q = W^T W/N is
summed anew in every step and cannot drift away from the weights.

All vectors stand in one array, as rows: W (latent), V (latent), W* (signal) and
the last data point over sqrt(N). Indices are unsigned, since one that might be
negative keeps loops from becoming vectors.

Draws of one step, in order: M* normals (c), then N normals (n).

Where the noise is not white, `eta` of the constants is an array, the variance of every
coordinate, and `rho` is empty: signals are coordinates, too. S = cov(mu) and A = E[y mu^T]
then follow behind the order parameters.
"""

from math import sqrt

import numpy as np

from .coloured import covariances, draw
from .jit import kernel, leaf, reordered
from .layout import offsets
from .stream import as_float, normal, normals, ready

U = np.uint64
BLOCK = 512  # coordinates treated together, so that they stay in the nearest cache
# rows of the table with one column per latent: the coefficients of the update that is due, as in
# W <- SHRINK W + PUSH (x - sum BACK W) and V <- DECAY V + PULL x, and sums over coordinates
SHRINK, PUSH, BACK, DECAY, PULL, Y, MU, SQUARE = (U(i) for i in range(8))


@reordered
def dot(a, b):
    """Return the inner product of two vectors."""
    total = 0.0
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@leaf
def overlaps(W, V, D, teacher, out):
    """Write m, d, Q, E, R, D, one after the other, into the flat array `out`."""
    latent, dim = W.shape
    signal = teacher.shape[0]
    d, Q, E, R, at_D = offsets(latent, signal)
    for i in range(latent):
        for k in range(signal):
            out[i * signal + k] = dot(W[i], teacher[k]) / dim
            out[d + i * signal + k] = dot(V[i], teacher[k]) / dim
        for j in range(latent):
            out[Q + i * latent + j] = dot(W[i], W[j]) / dim
            out[E + i * latent + j] = dot(V[i], V[j]) / dim
            out[R + i * latent + j] = dot(W[i], V[j]) / dim
        out[at_D + i] = D[i]


@kernel
def stack(W, V, teacher):
    """Return the weights, W* and zeros as the rows of one array, each of which is a bit too long.

    Every row starts where a vector register likes it, and no two rows a multiple
    of 4096 bytes apart, since then writing one would hold up reading the other.
    """
    latent, dim = W.shape
    rows = np.zeros((2 * latent + teacher.shape[0] + 1, dim + (136 - dim) % 512))
    # element by element, since slices that may not fit take seconds more to compile
    for j in range(dim):
        for i in range(latent):
            rows[i, j] = W[i, j]
            rows[latent + i, j] = V[i, j]
        for k in range(len(teacher)):
            rows[2 * latent + k, j] = teacher[k, j]
    return rows


@reordered
def add(out, at, a, b, left, count):
    """Add ``a b`` to `out`, for `count` entries from ``out[at]`` and ``b[left]`` on."""
    for j in range(count):
        out[at + j] += a * b[left + j]


@reordered
def inner(a, left, right, count):
    """Return the inner product of `count` entries from ``a[left]`` and ``a[right]`` on."""
    total = 0.0
    for j in range(count):
        total += a[left + j] * a[right + j]
    return total


@reordered
def update(rows, w, v, x, residual, fresh, count, table, i):
    """Update a block of one latent's weights and add up its products with `fresh`."""
    shrink, push, decay, pull = table[SHRINK, i], table[PUSH, i], table[DECAY, i], table[PULL, i]
    y = mu = square = 0.0
    for j in range(count):
        wj = shrink * rows[w + j] + push * residual[j]
        vj = decay * rows[v + j] + pull * rows[x + j]
        rows[w + j] = wj
        rows[v + j] = vj
        y += wj * fresh[j]
        mu += vj * fresh[j]
        square += wj * wj
    table[Y, i] += y
    table[MU, i] += mu
    table[SQUARE, i] += square


@reordered
def block(rows, stride, x, residual, fresh, here, count, table, Q):
    """Bring `count` coordinates of all weights up to date with the last data point.

    Adds their products with the new one, `fresh`, and with each other to `table`
    and `Q`, and puts it in the place of the last one, row `x`.
    """
    latent = U(table.shape[1])
    x = x * stride + here
    for j in range(count):
        residual[j] = rows[x + j]
    for i in range(latent):
        add(residual, U(0), -table[BACK, i], rows, i * stride + here, count)
    for i in range(latent):
        w, v = i * stride + here, (latent + i) * stride + here
        update(rows, w, v, x, residual, fresh, count, table, i)
        for j in range(i):
            Q[i, j] += inner(rows, w, j * stride + here, count)
        Q[i, i] = table[SQUARE, i]
    for j in range(count):
        rows[x + j] = fresh[j]


@leaf
def nothing_due(table):
    """Make `table` that of an update which changes nothing, with all sums zero."""
    table[:] = 0.0
    table[SHRINK] = 1.0
    table[DECAY] = 1.0


@leaf
def settle(rows, residual, fresh, table, Q, W, V):
    """Update all weights with the last data point, and copy them to `W` and `V`."""
    latent, dim = W.shape
    stride, x = U(rows.shape[1]), U(rows.shape[0] - 1)
    flat = rows.reshape(rows.size)
    for here in range(U(0), U(dim), U(BLOCK)):
        count = min(U(dim) - here, U(BLOCK))
        block(flat, stride, x, residual, fresh, here, count, table, Q)
    nothing_due(table)
    for i in range(latent):
        for j in range(dim):
            W[i, j] = rows[i, j]
            V[i, j] = rows[latent + i, j]


@leaf
def sweep(stream, rows, dim, signals, noise, residual, fresh, table, Q):
    """Update all weights with the last data point, draw the next, and sum what its step needs."""
    signal = U(signals.size)
    stride, x = U(rows.shape[1]), U(rows.shape[0] - 1)
    flat = rows.reshape(rows.size)
    table[Y:] = 0.0
    Q[:] = 0.0
    for here in range(U(0), U(dim), U(BLOCK)):
        count = min(U(dim) - here, U(BLOCK))
        draw(stream, noise, here, fresh[:count])
        for k in range(signal):
            add(fresh, U(0), signals[k], flat, (x - signal + k) * stride + here, count)
        block(flat, stride, x, residual, fresh, here, count, table, Q)


@leaf
def learn(table, Q, D, beta, c, dim):
    """Turn the sums over coordinates into the update that is due; update D.

    Returns whether every encoder variance is still in (0, inf).
    """
    # model: step, on weights: what `update` multiplies and adds
    latent = D.size
    rate = c.lr / dim
    for i in range(latent):
        for j in range(i):
            Q[j, i] = Q[i, j]
    for i in range(latent):
        mu = table[MU, i]
        error = table[Y, i] - beta * mu
        for j in range(latent):
            error -= Q[i, j] / dim * table[MU, j]
        table[SHRINK, i] = 1.0 - rate * (D[i] + c.lam)
        table[PUSH, i] = c.lr * mu
        table[BACK, i] = mu / dim
        table[DECAY, i] = 1.0 - rate * c.lam
        table[PULL, i] = c.lr * error
        D[i] -= 0.5 * rate * (Q[i, i] / dim + beta - beta / D[i])
        if not 0.0 < D[i] < np.inf:
            return False
    return True


@kernel
def advance(stream, betas, save_after, W, V, D, teacher, c, out):
    """Make ``len(betas)`` SGD steps on the weights, in place.

    Parameters
    ----------
    stream : see `vaedyn.kernels.stream`
    betas : (steps,) KL weight of each step
    save_after : (saves,) ascending numbers of steps after which a row of `out` is written
    W, V : (latent, dim)
    D : (latent,)
    teacher : (signal, dim) transpose of W*
    c : Constants
        Without beta, of which `betas` are the values.
    out : (saves, values) order parameters, flat; see above for noise that is not white

    Returns
    -------
    int
        Number of steps made: fewer than asked for when an encoder variance left (0, inf).
    """
    latent, dim = W.shape
    rows = stack(W, V, teacher)
    noise = np.sqrt(c.eta / dim)
    signals = np.empty(c.rho.size)
    residual = np.empty(BLOCK)
    fresh = np.zeros(BLOCK)
    table = np.empty((8, latent))
    Q = np.empty((latent, latent))
    nothing_due(table)
    saved = 0
    for step in range(len(betas) + 1):
        save = saved < len(save_after) and save_after[saved] == step
        if save or step == len(betas):
            settle(rows, residual, fresh, table, Q, W, V)
        if save:
            overlaps(W, V, D, teacher, out[saved])
            covariances(W, V, c.eta, out[saved])
            saved += 1
        if step == len(betas):
            break
        normals(stream, 1.0 / dim, signals)
        for k in range(signals.size):
            signals[k] *= sqrt(c.rho[k])
        sweep(stream, rows, dim, signals, noise, residual, fresh, table, Q)
        if not learn(table, Q, D, betas[step], c, dim):
            return step
    return len(betas)


@reordered
def sweep_one(stream, at, w, v, x, teacher, here, count, push, pull, signal):
    """Do what `sweep` does to `count` coordinates, for one latent and one signal.

    The normals stand in ``stream[at:]``. Returns the sums w.x, v.x and w.w.
    """
    y = mu = square = 0.0
    for j in range(count):
        last = x[here + j]
        wj = w[here + j] + push * last
        vj = v[here + j] + pull * last
        new = as_float(stream[at + j]) + signal * teacher[here + j]
        w[here + j] = wj
        v[here + j] = vj
        x[here + j] = new
        y += wj * new
        mu += vj * new
        square += wj * wj
    return y, mu, square


@reordered
def blend(a, y, b, x, out):
    """Set `out` and `y` to ``a y + b x``."""
    for j in range(y.size):
        y[j] = a * y[j] + b * x[j]
        out[j] = y[j]


@kernel
def advance_one(stream, betas, save_after, W, V, D, teacher, c, out):
    """Do what `advance` does for one latent and one signal; the same draws make the same steps.

    A single loop over the coordinates, which has six multiplications left: the
    weights are kept as multiples, `scale_w` and `scale_v` times a row, so that
    shrinking them costs nothing, and data points as multiples of the noise.
    """
    # model: step, on the weights of one latent
    dim = W.shape[1]
    rows = stack(W, V, teacher)
    w, v, t, x = rows[0, :dim], rows[1, :dim], rows[2, :dim], rows[3, :dim]
    noise = sqrt(c.eta / dim)
    rate = c.lr / dim
    scale_w, scale_v, push, pull = 1.0, 1.0, 0.0, 0.0
    saved = 0
    for step in range(len(betas) + 1):
        if saved < len(save_after) and save_after[saved] == step:
            overlaps(W, V, D, teacher, out[saved])
            saved += 1
        if step == len(betas):
            break
        signal = sqrt(c.rho[0]) / sqrt(c.eta * dim) * normal(stream)
        y = mu = q = 0.0
        here = U(0)
        while here < U(dim):
            at, count = ready(stream, U(dim) - here)
            sums = sweep_one(stream, at, w, v, x, t, here, count, push, pull, signal)
            y += sums[0]
            mu += sums[1]
            q += sums[2]
            here += count
        y *= noise * scale_w
        mu *= noise * scale_v
        q *= scale_w * scale_w / dim
        beta = betas[step]
        scale_w *= 1.0 - rate * (D[0] + c.lam + mu * mu)
        scale_v *= 1.0 - rate * c.lam
        push = c.lr * mu * noise
        pull = c.lr * noise * (y - (beta + q) * mu)
        D[0] -= 0.5 * rate * (q + beta - beta / D[0])
        if not 0.0 < D[0] < np.inf:
            return step
        due = saved < len(save_after) and save_after[saved] == step + 1
        moderate = 1e-6 < abs(scale_w) < 1e6 and 1e-6 < abs(scale_v) < 1e6
        if due or not moderate or step + 1 == len(betas):
            blend(scale_w, w, push, x, W[0])
            blend(scale_v, v, pull, x, V[0])
            scale_w, scale_v, push, pull = 1.0, 1.0, 0.0, 0.0
        else:
            push /= scale_w
            pull /= scale_v
    return len(betas)
