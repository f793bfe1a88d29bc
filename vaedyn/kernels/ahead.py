"""SGD on weight vectors and data points that are drawn ahead, by products of matrices.

No data point depends on the weights. So up to DEPTH of them are drawn ahead, and one pass over the
coordinates sums all products of weights and data points that their steps need. These are made on
the products alone: they are linear in the weights, so that W and V stay combinations of what they
were and of the data points. A second pass writes these combinations down. Numbers are thus fetched
from memory twice in DEPTH steps, and all that is done with them are products of matrices.
Q = W^T W/N is summed anew in every pass and cannot drift away from the weights.

All vectors stand in one flat array, as rows of a multiple of WHOLE numbers, those behind the
coordinates zero: W (latent), V (latent), data points over sqrt(N) (DEPTH), W* (signal).
"""

import numpy as np

from .jit import inlined, kernel, leaf
from .tiles import PART, ROWS, WHOLE, combine, inner, mix

U = np.uint64
DEPTH = PART  # data points drawn ahead
ON_V, ON_W, OF_W = U(0), U(DEPTH), U(2 * DEPTH)  # columns of coefficients, see `begin`
BLOCK = 256  # coordinates treated together, so that they stay in the nearest cache


@leaf
def row_length(dim):
    """Return how long rows for `dim` coordinates are.

    A multiple of WHOLE, and no two rows a multiple of 4096 bytes apart, since then writing one
    would hold up reading the other.
    """
    return dim + (160 - dim) % 512


@leaf
def first_point(latent):
    """Return which row is the first data point: behind the weights, where a tile starts."""
    return 2 * latent + (-2 * latent) % ROWS


@kernel
def stack(W, V, teacher, behind):
    """Return a flat array whose rows are the weights and, from row `behind` on, W*; else zeros.

    The first starts where a line of the cache does.
    """
    latent, dim = W.shape
    stride = row_length(dim)
    memory = np.zeros((behind + len(teacher)) * stride + 8)
    skip = -(memory.ctypes.data // 8) % 8
    rows = memory[skip : memory.size - 8 + skip]
    # element by element, since slices that may not fit take seconds more to compile
    for j in range(dim):
        for i in range(latent):
            rows[i * stride + j] = W[i, j]
            rows[(latent + i) * stride + j] = V[i, j]
        for k in range(len(teacher)):
            rows[(behind + k) * stride + j] = teacher[k, j]
    return rows


@leaf
def unstack(rows, W, V):
    """Copy the weights from `rows` to `W` and `V`."""
    latent, dim = W.shape
    stride = row_length(dim)
    for i in range(latent):
        for j in range(dim):
            W[i, j] = rows[i * stride + j]
            V[i, j] = rows[(latent + i) * stride + j]


@leaf
def project(rows, dim, latent, points, signals, G):
    """Complete some data points by their signals, and sum all products that their steps need.

    Of `signals` (ahead, signal) a row is what a data point has of each signal. `G` gets inner
    products of rows, row by row, as far as they are those of two decoders, or of anything with a
    data point not before it.
    """
    stride, signal, side = U(row_length(dim)), U(signals.shape[1]), U(G.shape[1])
    latent, points, x = U(latent), U(points), U(first_point(latent))
    teacher = x + U(signals.shape[0])
    flat, G = signals.reshape(signals.size), G.reshape(G.size)
    G[:] = 0.0
    four = U(ROWS)
    for here in range(U(0), U(dim), U(BLOCK)):
        count = min(U(dim) - here + U(WHOLE - 1) & ~U(WHOLE - 1), U(BLOCK))
        combine(
            rows, x * stride + here, stride, flat, U(0), signal, rows, teacher * stride + here,
            stride, points, signal, count,
        )  # fmt: skip
        for i in range(U(0), x + points, four):
            for j in range(i, latent, four):
                inner(G, side, rows, here, i, j, stride, count)
            for j in range(x, x + points, four):
                if i < j + four:
                    inner(G, side, rows, here, i, j, stride, count)


@leaf
def settle(rows, dim, points, H, decay, room):
    """Write down the weights after steps on some data points, which `H` has; see `begin`."""
    latent, stride, points = U(len(H)), U(row_length(dim)), U(points)
    x = U(first_point(len(H))) * stride
    wide, H = U(H.shape[1]), H.reshape(H.size)
    block = U(BLOCK)
    for here in range(U(0), U(dim), block):
        count = min(U(dim) - here + U(WHOLE - 1) & ~U(WHOLE - 1), block)
        for i in range(latent):
            w, v = i * stride + here, (latent + i) * stride + here
            for j in range(count):
                room[i * block + j] = rows[w + j]
                rows[w + j] = 0.0
                rows[v + j] *= decay
        w, v, data = here, latent * stride + here, x + here
        combine(rows, w, stride, H, OF_W, wide, room, U(0), block, latent, latent, count)
        combine(rows, w, stride, H, ON_W, wide, rows, data, stride, latent, points, count)
        combine(rows, v, stride, H, ON_V, wide, rows, data, stride, latent, points, count)


@leaf
def begin(G, dim, H, Q):
    """Read off the products `G` what the first step needs.

    In every row of `H`, for one latent, stand coefficients: of data points in V, from ON_V on,
    and in W, from ON_W on, and of what was W, from OF_W on. Before the step on a data point its
    column has instead its product with the weights. V itself has only been shrunk.
    """
    latent = len(H)
    x = first_point(latent)
    for t in range(DEPTH):
        for s in range(t):
            G[x + t, x + s] = 0.0  # steps that have been made
    H[:] = 0.0
    for i in range(latent):
        H[i, int(OF_W) + i] = 1.0
        for j in range(i, latent):
            Q[i, j] = Q[j, i] = G[i, j] / dim
        for s in range(DEPTH):
            H[i, int(ON_V) + s] = G[latent + i, x + s]
            H[i, int(ON_W) + s] = G[i, x + s]


@inlined
def turn(Q, shrink, mu, p):
    """Set Q to ``S Q S + mu p^T + p mu^T``, with S the diagonal matrix `shrink`."""
    for i in range(U(len(Q))):
        keep, one, two = shrink[i], mu[i], p[i]
        for j in range(U(len(Q))):
            Q[i, j] = keep * shrink[j] * Q[i, j] + one * p[j] + two * mu[j]


@inlined
def learn(at, G, H, Q, D, beta, c, decay, dim, table):
    """Make a step on data point `at`, on products; update D.

    Returns whether every encoder variance is still in (0, inf).
    """
    # model: step, on weights that are combinations of others and of data points
    latent, wide, at = U(D.size), U(H.shape[1]), U(at)
    rate = c.lr / dim
    mu, y, error, shrink = table[0], table[1], table[2], table[3]
    p, back, work = table[4], table[5], table[6]
    x, side = U(first_point(D.size)), U(G.shape[1])
    products = (x + at) * side + x
    along = bend = 0.0
    for i in range(latent):
        mu[i], y[i] = H[i, ON_V + at], H[i, ON_W + at]
        along += mu[i] * y[i]
        back[i] = -rate * mu[i]
    valid = True
    for i in range(latent):
        total = 0.0
        for j in range(latent):
            total += Q[i, j] * mu[j]
        bend += mu[i] * total
        shrink[i] = 1.0 - rate * (D[i] + c.lam)
        error[i] = y[i] - beta * mu[i] - total
        p[i] = rate * shrink[i] * (y[i] - total)
        D[i] -= 0.5 * rate * (Q[i, i] + beta - beta / D[i])
        valid &= 0.0 < D[i] < np.inf
    half = 0.5 * rate * (rate * bend + c.lr * G[x + at, x + at]) - rate * rate * along
    for i in range(latent):
        p[i] += half * mu[i]
    turn(Q, shrink, mu, p)
    flat, g = H.reshape(H.size), G.reshape(G.size)
    mix(work, U(0), 0.0, back[0], flat, U(0), wide)
    combine(work, U(0), U(0), back, U(1), U(0), flat, wide, wide, U(1), latent - U(1), wide)
    mix(work, ON_W, 1.0, c.lr, g, products, U(DEPTH))
    for i in range(latent):
        mix(flat, i * wide + ON_V, decay, c.lr * error[i], g, products, U(DEPTH))
        mix(flat, i * wide + ON_W, shrink[i], mu[i], work, ON_W, wide - ON_W)
        H[i, ON_V + at], H[i, ON_W + at] = c.lr * error[i], c.lr * mu[i]
    return valid
