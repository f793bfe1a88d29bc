"""Online SGD on the weight vectors themselves.

Steps of several latents are made as `vaedyn.kernels.ahead` says, those of one in a single loop.

Draws of one step, in order: M* normals (c), then N normals (n).

Where the noise is not white, `eta` of the constants is an array, the variance of every
coordinate, and `rho` is empty: signals are coordinates, too. S = cov(mu) and A = E[y mu^T]
then follow behind the order parameters.
"""

from math import sqrt

import numpy as np

from .ahead import (
    BLOCK,
    DEPTH,
    OF_W,
    begin,
    first_point,
    learn,
    project,
    row_length,
    settle,
    stack,
    unstack,
)
from .coloured import covariances, draw
from .jit import kernel, leaf, reordered
from .layout import offsets
from .stream import as_float, normals, ready
from .tiles import ROWS, WHOLE, combine

U = np.uint64
LONG = 1 << 13  # coordinates; of more, with few latents, only ROWS data points are drawn ahead


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
    first = first_point(latent)
    ahead = DEPTH if dim <= LONG or 2 * latent >= DEPTH else ROWS
    rows, stride = stack(W, V, teacher, first + ahead), row_length(dim)
    noise = np.sqrt(c.eta / dim)
    signals = np.zeros((ahead, c.rho.size))
    side = first + DEPTH
    G, Q = np.empty((side, side)), np.empty((latent, latent))
    wide = int(OF_W) + latent + (-latent) % WHOLE
    H, table = np.empty((latent, wide)), np.zeros((7, wide))
    room = np.empty(latent * BLOCK)
    decay = 1.0 - c.lr / dim * c.lam
    saved = step = 0
    while True:
        if saved < len(save_after) and save_after[saved] == step:
            unstack(rows, W, V)
            overlaps(W, V, D, teacher, out[saved])
            covariances(W, V, c.eta, out[saved])
            saved += 1
        if step == len(betas):
            break
        points = min(ahead, len(betas) - step)
        if saved < len(save_after):
            points = min(points, save_after[saved] - step)
        for s in range(points):
            normals(stream, 1.0 / dim, signals[s])
            for k in range(c.rho.size):
                signals[s, k] *= sqrt(c.rho[k])
            x = (first + s) * stride
            draw(stream, noise, U(0), rows[x : x + dim])
        project(rows, dim, latent, points, signals, G)
        begin(G, dim, H, Q)
        for s in range(points):
            if not learn(s, G, H, Q, D, betas[step], c, decay, dim, table):
                return step
            step += 1
        settle(rows, dim, points, H, decay**points, room)
    unstack(rows, W, V)
    return len(betas)


@reordered
def sweep_one(stream, at, w, v, x, teacher, here, count, push, pull, signal):
    """Update `count` coordinates of one latent with the last data point, and draw the next.

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
    """Do what `advance` does for one latent and white noise; the same draws make the same steps.

    A single loop over the coordinates, which has six multiplications left: the
    weights are kept as multiples, `scale_w` and `scale_v` times a row, so that
    shrinking them costs nothing, and data points as multiples of the noise.
    """
    # model: step, on the weights of one latent
    dim = W.shape[1]
    signal = len(teacher)
    behind = 3 if signal == 1 else 4  # signals that are several make one vector together
    rows, stride = stack(W, V, teacher, behind), row_length(dim)
    w, v, x = rows[:dim], rows[stride : stride + dim], rows[2 * stride : 2 * stride + dim]
    t = rows[3 * stride : 4 * stride]
    signals = np.empty(signal)
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
        normals(stream, 1.0, signals)
        for k in range(signal):
            signals[k] *= sqrt(c.rho[k]) / sqrt(c.eta * dim)
        times = signals[0]
        if signal > 1:
            times = 1.0
            t[:] = 0.0
            combine(
                t, U(0), U(0), signals, U(0), U(0), rows, U(behind * stride), U(stride), U(1),
                U(signal), U(stride),
            )  # fmt: skip
        y = mu = q = 0.0
        here = U(0)
        while here < U(dim):
            at, count = ready(stream, U(dim) - here)
            sums = sweep_one(stream, at, w, v, x, t, here, count, push, pull, times)
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
