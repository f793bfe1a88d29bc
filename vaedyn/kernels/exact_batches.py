"""The exact chain for batches, momentum, three rates and sampled latents, in any noise.

As in `vaedyn.kernels.exact`, of which this is the general case: weights are known by their
coordinates along ``W*`` and along a frame, one for each class of noise (white noise is a class
of all directions). With momentum the velocities U of W and V are carried, too. The columns of
``[W V U_W U_V]``, or of ``[W V]``, are `columns` vectors; the first 2M directions of a frame
hold W and V, and only these see a data point.

A batch changes weights by sums ``C x^T``, where the rows of C (2M, b) are z and e of its
points and x their coordinates.

- Along ``W*`` and where W and V lie, points are drawn, and so is the noise of sampled latents.
  All of it is gaussian, and z and e are linear in it, so that sums over a batch stay the same
  when its points are rotated into each other. A batch of more points than a point has such
  coordinates (`rows`) is therefore replaced by as many as these: the lower triangle that
  has the Wishart law of its sums of squares and products, by Bartlett's decomposition.
- In all other directions the coordinates of points are independent of C. With ``C = T O``, T
  (2M, r) a lower triangle or, for r = b < 2M, C itself, and r orthonormal rows O, the sums are
  ``T`` times r gaussian vectors: normals along the directions of velocities, and again
  Bartlett's triangle, by the remaining degrees of freedom, beyond the frame.

So neither N nor b enters the cost. A class of fewer directions than columns has all of its
directions for a frame, and weights are not made triangular there.

A step takes `rows` normals for each point, or a triangle of them; then, for each class, r for
each direction of velocities, and a triangle of r rows.
"""

from math import sqrt

import numpy as np

from . import exact, exact_classes
from .exact import triangularise
from .jit import kernel, leaf, reordered
from .stream import chi_square, normal, normals


@leaf
def draw(stream, batch, scales, X):
    """Draw the rows of `X` (rows, points), normals of deviations `scales`.

    Where a batch has more points than there are rows, the triangle in their place, whose
    upper half is left as it is.
    """
    rows, points = X.shape
    if batch <= rows:
        normals(stream, 1.0, X.reshape(X.size))
        for j in range(rows):
            for n in range(points):
                X[j, n] *= scales[j]
        return
    for j in range(rows):
        normals(stream, scales[j], X[j, :j])
        X[j, j] = scales[j] * sqrt(chi_square(stream, batch - j, normal(stream)))


@leaf
def copy(source, target):
    """Set `target` to as many of the first columns of `source`."""
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = source[i, j]


@leaf
def add(out, i, factor, X, j):
    """Add `factor` times row j of `X` to row i of `out`."""
    for n in range(X.shape[1]):
        out[i, n] += factor * X[j, n]


@reordered
def product(A, i, B, j):
    """Return the inner product of row i of `A` and row j of `B`."""
    total = 0.0
    for n in range(A.shape[1]):
        total += A[i, n] * B[j, n]
    return total


@leaf
def look(along, F, starts, X, seen):
    """Write what decoder and encoder see of the points, y above mu, to `seen` (2 latent, points).

    Row ``starts[c] + a`` of `X` is the coordinate in direction a of class c.
    """
    seen[:] = 0.0
    for i in range(len(seen)):
        for k in range(along.shape[1]):
            add(seen, i, along[i, k], X, k)
        for c in range(len(F)):
            for a in range(starts[c + 1] - starts[c]):
                add(seen, i, F[c, i, a], X, starts[c] + a)


@leaf
def gram(along, F, Q):
    """Write W^T W/N to `Q`."""
    latent = len(Q)
    for i in range(latent):
        for j in range(latent):
            total = 0.0
            for k in range(along.shape[1]):
                total += along[i, k] * along[j, k]
            for c in range(len(F)):
                for a in range(F.shape[2]):
                    total += F[c, i, a] * F[c, j, a]
            Q[i, j] = total


@leaf
def respond(seen, Q, D, beta, c, X, C, slopes):
    """Write z above e to `C` (2 latent, points), and the gradient of D to `slopes`.

    `seen` is overwritten. The noise of sampled latents is in the last rows of `X`.
    """
    # model: step, latents and errors of a batch, and the gradient of the variances D
    latent = D.size
    sampled = c.sampled != 0.0
    noise = len(X) - latent
    for i in range(latent):
        for n in range(X.shape[1]):
            C[i, n] = seen[latent + i, n]
        if sampled:
            add(C, i, sqrt(D[i]), X, noise + i)
    for i in range(latent):
        for j in range(latent):
            add(seen, i, -Q[i, j], C, j)
        if sampled:
            slopes[i] = 0.5 * beta * (1.0 - 1.0 / D[i])
            slopes[i] -= product(seen, i, X, noise + i) / (2.0 * sqrt(D[i]) * c.batch)
        else:
            slopes[i] = 0.5 * (Q[i, i] + beta - beta / D[i])
        for n in range(X.shape[1]):
            C[latent + i, n] = seen[i, n]
        add(C, latent + i, -beta, seen, latent + i)


@leaf
def collect(C, X, at, count, batch, pushes):
    """Write means over the batch of z and e times `count` coordinates to `pushes`."""
    for i in range(len(C)):
        for a in range(count):
            pushes[i, a] = product(C, i, X, at + a) / batch


@leaf
def collect_beyond(stream, T, noise, columns, count, batch, pushes):
    """Do it for directions that W and V do not see, the last of which are new ones.

    `count` is the number of all directions, of which the frame has `columns`.
    """
    size, rank = T.shape
    for a in range(size, columns):
        for r in range(rank):
            x = noise * normal(stream) / batch
            for i in range(size):
                pushes[i, a] += T[i, r] * x
    for r in range(rank):
        for s in range(r + 1):
            x = normal(stream)
            left = max(count - columns - s, 0)
            if s == r:
                x = sqrt(chi_square(stream, left, x))
            elif left == 0:
                x = 0.0
            x *= noise / batch
            for i in range(size):
                pushes[i, columns + s] += T[i, r] * x


@leaf
def descend(F, pushes, squares, decay, rates, momentum, A):
    """Write the coordinates of weights and velocities after the step, along all of `pushes`.

    Parameters
    ----------
    F : (columns, held)
        Coordinates before, zero beyond.
    pushes : (2 latent, coordinates)
    squares : (latent, latent)
        Mean of z z^T.
    decay, rates : (2 latent,)
    A : (columns, coordinates)
    """
    # model: step, weights and velocities of a batch
    latent = len(squares)
    size = 2 * latent
    for i in range(size):
        for a in range(pushes.shape[1]):
            held = a < F.shape[1]
            weight = 0.0
            gradient = -pushes[i, a]
            if held:
                weight = F[i, a]
                gradient += decay[i] * weight
                if i < latent:
                    for j in range(latent):
                        gradient += squares[i, j] * F[j, a]
            if len(F) > size:
                if held:
                    gradient += momentum * F[size + i, a]
                A[size + i, a] = gradient
            A[i, a] = weight - rates[i] * gradient


@kernel
def advance(
    stream, betas, save_after, along, F, speeds, D, c, etas, counts, momentum, dim, out
):  # fmt: skip
    """Make ``len(betas)`` steps of SGD on the order parameters, in place.

    Parameters
    ----------
    stream, betas, save_after, D, dim : see `vaedyn.kernels.exact.advance`
    along : (columns, signal)
        m above d; with momentum, those of velocities below. `columns` is 2 latent or 4 latent.
    F : (classes, columns, columns)
        A lower triangle for each class, in the same order.
    speeds : (latent,)
        Velocities of D.
    c : Constants
        Without beta, of which `betas` are the values; `eta` is the mean, of the signals' noise.
    etas, counts : (classes,) variance of each class, and the number of its directions
    momentum : float
    out : (saves, values) order parameters, flat; S and A behind them if there is room

    Returns
    -------
    int
        Number of steps made: fewer than asked for when an encoder variance left (0, inf).
    """
    # model: step, of the variances D with velocities
    latent = D.size
    columns, signal = along.shape
    size = 2 * latent
    rate = c.lr * (1.0 - momentum) / dim
    rates = np.empty(size)
    rates[:latent] = rate
    rates[latent:] = rate * c.encoder
    decay = np.full(size, c.lam)
    s = c.rho + c.eta

    starts = np.empty(etas.size + 1, np.int64)
    starts[0] = signal
    for k in range(etas.size):
        starts[k + 1] = starts[k] + (size if counts[k] >= columns else counts[k])
    rows = starts[etas.size] + (latent if c.sampled != 0.0 else 0)
    scales = np.ones(rows)
    for k in range(signal):
        scales[k] = sqrt(s[k])
    for k in range(etas.size):
        scales[starts[k] : starts[k + 1]] = sqrt(etas[k])

    points = int(min(c.batch, float(rows)))
    rank = min(points, size)
    X = np.zeros((rows, points))
    seen, C = np.empty((size, points)), np.empty((size, points))
    T = np.zeros((size, rank))
    Q, squares = np.empty((latent, latent)), np.empty((latent, latent))
    slopes = np.empty(latent)
    pushes, A = np.empty((size, columns + rank)), np.empty((columns, columns + rank))
    pushes_along, A_along = np.empty((size, signal)), np.empty((columns, signal))
    saved = 0
    for step in range(len(betas) + 1):
        while saved < len(save_after) and save_after[saved] == step:
            if out.shape[1] > size * signal + 3 * latent**2 + latent:
                exact_classes.overlaps(
                    along[:latent], along[latent:size], F, D, s, etas, out[saved]
                )
            else:
                exact.overlaps(along[:latent], along[latent:size], F[0], D, out[saved])
            saved += 1
        if step == len(betas):
            break
        draw(stream, c.batch, scales, X)
        look(along, F, starts, X, seen)
        gram(along, F, Q)
        respond(seen, Q, D, betas[step], c, X, C, slopes)
        for i in range(latent):
            if c.sampled == 0.0:
                decay[i] = c.lam + D[i]
            for j in range(latent):
                squares[i, j] = product(C, i, C, j) / c.batch

        collect(C, X, 0, signal, c.batch, pushes_along)
        descend(along, pushes_along, squares, decay, rates, momentum, A_along)
        copy(A_along, along)
        if points > size:
            copy(C, seen)
            triangularise(seen, T)
        else:
            copy(C, T)
        for k in range(etas.size):
            known = starts[k + 1] - starts[k]
            pushes[:] = 0.0
            collect(C, X, starts[k], known, c.batch, pushes)
            if counts[k] >= columns:
                noise = sqrt(etas[k])
                collect_beyond(stream, T, noise, columns, counts[k], c.batch, pushes)
            descend(F[k], pushes, squares, decay, rates, momentum, A)
            if counts[k] >= columns:
                triangularise(A, F[k])
            else:
                copy(A, F[k])
        for i in range(latent):
            speeds[i] = momentum * speeds[i] + slopes[i]
            D[i] -= rate * c.variances * speeds[i]
            if not 0.0 < D[i] < np.inf:
                return step
    return len(betas)
