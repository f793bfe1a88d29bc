"""Fluctuations of SGD around the ODE, to leading order in 1/N.

With ``G = ODE + delta / sqrt(N)`` the covariance P of delta obeys
``dP/dt = J P + P J^T + B`` along the ODE: J is the Jacobian of the drift, B the
covariance of one step's increments, scaled by N. Every increment is the mean over a batch
of sums of products of linear forms in ``h = [W* W V]^T x / sqrt(N)`` and in the noise
``zeta = z - mu`` of latents that are sampled, all gaussian, so that B follows
from the covariance of these forms (Isserlis' theorem). With the rates tau of the decoder, v tau
of the encoder and r tau of its variances, batches of b, and ``g = y - Q z``, forms are, in
this order:

====  ======  ===================================  ============================================
u     (M*,)   W*^T x / sqrt(N)                     the data point along the signals
a     (M*,)   u - m^T z
z     (M,)    V^T x / sqrt(N) + zeta               latents; mu, without zeta, if averaged over
y     (M,)    W^T x / sqrt(N)
e     (M,)    v (g - beta mu)
b     (M,)    g + (tau/b) eta z / 2
c     (M,)    mu + (tau/b) eta e / 2
f     (M,)    mu - R^T z + (tau/b) eta e
x     (M,)    r zeta / (2 D)                       only if latents are sampled, and so is g
g     (M,)    y - Q z
zero  (1,)    0
====  ======  ===================================  ============================================

and increments ``N dm = tau z a``, ``N dd = tau e u``, ``N dQ = tau (z b + b z)``,
``N dE = tau (e c + c e)``, ``N dR = tau (z f + y e)`` (outer products) and, latent by latent,
``N dD = tau x g``, up to means and terms of lower order: all points of a batch move weights
independently. Averaged latents leave D without noise of its own.

Q, E and P are symmetric. A state goes on with the entries of P that are independent, see
`vaedyn.kernels.independent`.
"""

from math import sqrt

import numpy as np
from numba.extending import overload

from . import adam, classes, general
from .independent import free, weights
from .jit import LEAF, inlined, leaf, reordered
from .layout import offsets
from .ode import U, drift, scratch, second
from .product import multiply
from .tangent import scratch as scratch_of_tangent
from .tangent import tangent

WIDE = 8  # rows of P are filled up to a multiple of it, which products are quickest at


def forms(latent, signal, sampled=False):
    """Return how many linear forms there are."""
    return 2 * signal + (8 if sampled else 6) * latent + 1


def products(latent, signal, sampled=False):
    """Return the forms whose products are increments, (values, 4): ``0 * 1 + 2 * 3``."""
    # model: spread, the increments of a step as products of forms
    u, a = np.arange(signal), signal + np.arange(signal)
    z, y, e, b, c, f, *own = 2 * signal + np.arange(8 * latent).reshape(8, latent)
    zero = forms(latent, signal, sampled) - 1
    rows = [(z[i], a[k], zero, zero) for i in range(latent) for k in range(signal)]
    rows += [(e[i], u[k], zero, zero) for i in range(latent) for k in range(signal)]
    both = [(i, j) for i in range(latent) for j in range(latent)]
    rows += [(z[i], b[j], b[i], z[j]) for i, j in both]
    rows += [(e[i], c[j], c[i], e[j]) for i, j in both]
    rows += [(z[i], f[j], y[i], e[j]) for i, j in both]
    x, g = own if sampled else np.full((2, latent), zero)
    rows += [(x[i], g[i], zero, zero) for i in range(latent)]
    return np.array(rows, np.int64)


def workspace(c, spread):
    """Return what `flow` needs for its intermediate results; `spread` for states with P."""
    latent, signal, sampled = c.latent, c.signal, bool(c.sampled)
    work = (np.empty(scratch(latent, signal)),) if c.plain else general.workspace(latent, signal)
    if not spread:
        return work
    first, which = free(latent, signal)
    columns = -(-len(first) // WIDE) * WIDE
    fields = np.zeros(2 * len(which) * columns + scratch_of_tangent(latent, signal, columns))
    count, size = forms(latent, signal, sampled), signal + (3 if sampled else 2) * latent
    matrices = (
        np.empty((count, size)), np.empty((size, size)), np.empty((count, size)),
        np.empty((size, count)), np.empty((count, count)), np.empty((4, count, len(first))),
    )  # fmt: skip
    pairs = products(latent, signal, sampled)[first]
    return work, (fields, matrices), (first, which, pairs), weights(latent, signal)


def flow(y, c, work, out):
    """Write the time derivative of a state into `out`; for compiled callers.

    Parameters
    ----------
    y, out : (values,) or (values + entries,)
        Order parameters, see `vaedyn.kernels.ode`, perhaps followed by entries of P or by the
        second moments of `vaedyn.kernels.adam`; or those of `vaedyn.kernels.classes`.
    c : Constants
    work : see `workspace`, `classes.drift` or `adam.workspace`; its length tells which, once
        for all
    """
    raise NotImplementedError("for compiled callers")


@overload(flow, jit_options=LEAF)
def _flow(y, c, work, out):
    def plain(y, c, work, out):
        drift(y, c, work[0], out)

    def with_rates(y, c, work, out):
        general.of_sgd(y, c, work, out)

    def in_classes(y, c, work, out):
        classes.drift(y, c, work, out)

    def with_spread(y, c, work, out):
        flow(y, c, work[0], out)
        spread(y, c, work[1], work[2], out)

    def with_moments(y, c, work, out):
        adam.drift(y, c, work, out)

    return {1: plain, 2: with_rates, 3: in_classes, 4: with_spread, 5: with_moments}[len(work)]


def count(y, work):
    """Return how many order parameters a state has; for compiled callers."""
    raise NotImplementedError("for compiled callers")


@overload(count, jit_options=LEAF)
def _count(y, work):
    def alone(y, work):
        return y.size

    def with_spread(y, work):
        return work[2][1].size

    def with_moments(y, work):
        return y.size - adam.MOMENTS * work[1].shape[1] - 1

    return {4: with_spread, 5: with_moments}.get(len(work), alone)


def weight(work, i):
    """Return what an entry of a state counts, relative to others; for compiled callers."""
    raise NotImplementedError("for compiled callers")


@overload(weight, jit_options=LEAF)
def _weight(work, i):
    def same(work, i):
        return 1.0

    def with_spread(work, i):
        return work[3][i]

    return with_spread if len(work) == 4 else same


@reordered
def norm(x, y, z, rtol, atol, work):
    """Return the root mean square of `x` in units of the tolerated error at `y` and `z`."""
    total = 0.0
    for i in range(x.size):
        ratio = x[i] / (atol + rtol * max(abs(y[i]), abs(z[i])))
        total += weight(work, i) * ratio * ratio
    return sqrt(total / x.size)


def error_of(x, y, z, rtol, atol, c, work):
    """Return `norm`, or under Adam that of `vaedyn.kernels.adam`; for compiled callers."""
    raise NotImplementedError("for compiled callers")


@overload(error_of, jit_options=LEAF)
def _error_of(x, y, z, rtol, atol, c, work):
    def usual(x, y, z, rtol, atol, c, work):
        return norm(x, y, z, rtol, atol, work)

    def with_moments(x, y, z, rtol, atol, c, work):
        return adam.norm(x, y, z, rtol, atol, c)

    return with_moments if len(work) == 5 else usual


@inlined
def spread(y, c, room, layout, out):
    """Write dP/dt into `out` behind the order parameters; `room` and `layout` as in `workspace`."""
    fields, matrices = room
    first, which, pairs = layout
    size, free = U(which.size), U(first.size)
    columns = (free + U(WIDE - 1)) // U(WIDE) * U(WIDE)
    X, change = fields[: size * columns], fields[size * columns : U(2) * size * columns]
    for r in range(size):
        i = U(which[r])
        for j in range(free):
            high, low = max(i, j), min(i, j)
            X[r * columns + j] = y[size + high * (high + U(1)) // U(2) + low]
    tangent(y[:size], c, X, columns, fields[U(2) * size * columns :], change)
    at = size
    for i in range(free):
        for j in range(i + U(1)):
            out[at] = change[U(first[i]) * columns + j] + change[U(first[j]) * columns + i]
            at += U(1)
    covariance_of_forms(y, c, matrices, matrices[4])
    add_noise(matrices[4], pairs, c.lr * second(c), matrices[5], out[size:])


@leaf
def add_noise(covariance, pairs, scale, tables, out):
    """Add the covariance of sums of products `pairs` (free, 4) of forms, times `scale`, to `out`.

    That of gaussian forms is `covariance`; `out` has the lower triangle, row by row.
    """
    free = len(pairs)
    for form in range(len(covariance)):
        for factor in range(4):
            for i in range(free):
                tables[factor, form, i] = covariance[form, pairs[i, factor]]
    at = 0
    for i in range(free):
        for one in (0, 2):
            p, q = pairs[i, one], pairs[i, one + 1]
            for j in range(i + 1):
                out[at + j] += scale * (
                    tables[0, p, j] * tables[1, q, j] + tables[1, p, j] * tables[0, q, j]
                    + tables[2, p, j] * tables[3, q, j] + tables[3, p, j] * tables[2, q, j]
                )  # fmt: skip
        at += i + 1


@leaf
def covariance_of_forms(y, c, room, out):
    """Write the covariance of all forms into `out`, (forms, forms); `room` as in `workspace`."""
    rows, base, half, turned = room[0], room[1], room[2], room[3]
    count, size = rows.shape
    coefficients(y, c, rows)
    covariance_of_base(y, c, base)
    for i in range(count):
        for k in range(size):
            turned[k, i] = rows[i, k]
            half[i, k] = 0.0
        for j in range(count):
            out[i, j] = 0.0
    multiply(half, U(0), rows, U(0), base, U(0), U(count), U(size), U(size))
    multiply(out, U(0), half, U(0), turned, U(0), U(count), U(size), U(count))


@leaf
def coefficients(y, c, rows):
    """Write the coefficients of all forms in (u, y, mu), and in zeta if sampled, into `rows`."""
    # model: spread, the forms in u, y, mu and zeta
    latent, signal, noise = c.latent, c.rho.size, second(c) * c.eta
    of_V = noise * c.encoder
    _, Q, _, R, D = offsets(latent, signal)
    of_y, of_mu, of_zeta = signal, signal + latent, signal + 2 * latent
    u, a, z, yy = 0, signal, 2 * signal, 2 * signal + latent
    e, b, c_, f = yy + latent, yy + 2 * latent, yy + 3 * latent, yy + 4 * latent
    x, g = yy + 5 * latent, yy + 6 * latent
    rows[:] = 0.0
    for k in range(signal):
        rows[u + k, k] = 1.0
        rows[a + k, k] = 1.0
        for i in range(latent):
            rows[a + k, of_mu + i] = -y[i * signal + k]
    for i in range(latent):
        rows[z + i, of_mu + i] = 1.0
        rows[yy + i, of_y + i] = 1.0
        rows[e + i, of_y + i] = c.encoder
        rows[b + i, of_y + i] = 1.0
        rows[c_ + i, of_y + i] = 0.5 * of_V
        rows[f + i, of_y + i] = of_V
        for j in range(latent):
            own = 1.0 if i == j else 0.0
            q = y[Q + i * latent + j]
            k = q + c.beta * own
            rows[e + i, of_mu + j] = -c.encoder * k
            rows[b + i, of_mu + j] = 0.5 * noise * own - q
            rows[c_ + i, of_mu + j] = own - 0.5 * of_V * k
            rows[f + i, of_mu + j] = own - y[R + j * latent + i] - of_V * k
    if not c.sampled:
        return
    for i in range(latent):
        rows[z + i, of_zeta + i] = 1.0
        rows[x + i, of_zeta + i] = 0.5 * c.variances / y[D + i]
        rows[g + i, of_y + i] = 1.0
        for k in range(signal):
            rows[a + k, of_zeta + i] = -y[i * signal + k]
        for j in range(latent):
            q = y[Q + i * latent + j]
            rows[e + i, of_zeta + j] = -c.encoder * q
            rows[b + i, of_zeta + j] = rows[b + i, of_mu + j]
            rows[c_ + i, of_zeta + j] = -0.5 * of_V * q
            rows[f + i, of_zeta + j] = -y[R + j * latent + i] - of_V * q
            rows[g + i, of_mu + j] = -q
            rows[g + i, of_zeta + j] = -q


@leaf
def covariance_of_base(y, c, out):
    """Write the covariance of (u, y, mu), and of zeta if latents are sampled, into `out`."""
    # model: spread, the law of u, y, mu and zeta
    rho, eta, latent, signal = c.rho, c.eta, c.latent, c.rho.size
    d, Q, E, R, D = offsets(latent, signal)
    of_y, of_mu, of_zeta = signal, signal + latent, signal + 2 * latent
    for k in range(signal):
        for j in range(signal):
            out[k, j] = 0.0
        out[k, k] = rho[k] + eta
        for i in range(latent):
            out[of_y + i, k] = (rho[k] + eta) * y[i * signal + k]
            out[of_mu + i, k] = (rho[k] + eta) * y[d + i * signal + k]
            out[k, of_y + i] = out[of_y + i, k]
            out[k, of_mu + i] = out[of_mu + i, k]
    for i in range(latent):
        for j in range(latent):
            square = eta * y[Q + i * latent + j]
            cross = eta * y[R + i * latent + j]
            code = eta * y[E + i * latent + j]
            for k in range(signal):
                mi, mj = y[i * signal + k], y[j * signal + k]
                di, dj = y[d + i * signal + k], y[d + j * signal + k]
                square += rho[k] * mi * mj
                cross += rho[k] * mi * dj
                code += rho[k] * di * dj
            out[of_y + i, of_y + j] = square
            out[of_y + i, of_mu + j] = cross
            out[of_mu + j, of_y + i] = cross
            out[of_mu + i, of_mu + j] = code
    if not c.sampled:
        return
    for i in range(latent):
        for j in range(of_zeta + latent):
            out[of_zeta + i, j] = 0.0
            out[j, of_zeta + i] = 0.0
        out[of_zeta + i, of_zeta + i] = y[D + i]
