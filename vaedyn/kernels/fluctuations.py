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
"""

import numpy as np

from .jit import leaf, part
from .layout import offsets
from .ode import U, second
from .product import multiply
from .tangent import scratch as scratch_of_tangent
from .tangent import tangent

WIDE = 8  # directions are filled up to a multiple of it, which products are quickest at


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


@leaf
def width(free):
    """Return how many columns there are for so many directions."""
    return (free + WIDE - 1) // WIDE * WIDE


def room(latent, signal, sampled, free):
    """Return how many numbers `spread` needs for its intermediate results."""
    values, columns = 2 * latent * signal + 3 * latent**2 + latent, width.py_func(free)
    count, size = forms(latent, signal, sampled), signal + (3 if sampled else 2) * latent
    fields = 2 * values * columns + scratch_of_tangent.py_func(latent, signal, columns)
    return fields + size * (size + 3 * count) + count * (count + 4 * free)


@part
def spread(y, c, first, which, pairs, room, out):
    """Write dP/dt into the rows of `out` behind the order parameters.

    Parameters
    ----------
    y, out : (values + values^2,)
    c : Constants
    first, which : (free,), (values,)
        See `vaedyn.kernels.independent.free`.
    pairs : (free, 4)
        `products` of these.
    room : (numbers,)
    """
    size, free = U(which.size), U(first.size)
    columns = U(width(free))
    whole = size * columns
    X, change, rest = room[:whole], room[whole : U(2) * whole], room[U(2) * whole :]
    for i in range(size):
        for j in range(free):
            X[i * columns + j] = y[size + i * size + U(first[j])]
        for j in range(free, columns):
            X[i * columns + j] = 0.0
    tangent(y[:size], c, X, columns, rest, change)
    forms = rest[U(scratch_of_tangent(c.latent, c.rho.size, columns)) :]
    rates = X[: free * free].reshape(free, free)
    for i in range(free):
        for j in range(i + U(1)):
            rates[i, j] = change[U(first[i]) * columns + j] + change[U(first[j]) * columns + i]
    add_noise(y, c, pairs, forms, rates)
    for i in range(size):
        for j in range(size):
            high, low = max(which[i], which[j]), min(which[i], which[j])
            out[size + i * size + j] = rates[high, low]


@leaf
def add_noise(y, c, pairs, room, out):
    """Add the covariance of one step's increments to the lower triangle of `out` (free, free).

    They are sums of products `pairs` (free, 4) of gaussian forms.
    """
    sampled = c.sampled != 0.0
    size = c.rho.size + (3 if sampled else 2) * c.latent
    count = 2 * c.rho.size + (8 if sampled else 6) * c.latent + 1
    free, scale = len(pairs), c.lr * second(c)
    covariance = room[: count * count].reshape(count, count)
    tables = room[count * count : count * (count + 4 * free)].reshape(4, count, free)
    covariance_of_forms(y, c, size, room[count * (count + 4 * free) :], covariance)
    for form in range(count):
        for factor in range(4):
            for i in range(free):
                tables[factor, form, i] = covariance[form, pairs[i, factor]]
    for i in range(free):
        for one in (0, 2):
            p, q = pairs[i, one], pairs[i, one + 1]
            for j in range(i + 1):
                out[i, j] += scale * (
                    tables[0, p, j] * tables[1, q, j] + tables[1, p, j] * tables[0, q, j]
                    + tables[2, p, j] * tables[3, q, j] + tables[3, p, j] * tables[2, q, j]
                )  # fmt: skip


@leaf
def covariance_of_forms(y, c, size, room, out):
    """Write the covariance of all forms into `out`, (forms, forms), by that of `size` others."""
    count = len(out)
    both = count * size
    rows, base = room[:both].reshape(count, size), room[both : both + size * size]
    half, turned = room[both + size * size :], room[2 * both + size * size :]
    coefficients(y, c, rows)
    covariance_of_base(y, c, base.reshape(size, size))
    for i in range(count):
        for k in range(size):
            turned[k * count + i] = rows[i, k]
            half[i * size + k] = 0.0
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
