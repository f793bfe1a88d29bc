"""The drift of the ODE under Adam, which divides gradients by the root of a running second moment.

For many dimensions all entries of a column of W have the same second moment, and so have those
of V: each latent has rates tau/sqrt(v) of its own, which `general.drift` takes. The mean of one
step is over a batch of b data points, and v follows it in kappa = -N log(beta2) units of time:

    dv/dt = kappa (target - v),   dw/dt = kappa (1 - w),   v/w where it is used,

w being Adam's correction of the bias. The target is what the square of a gradient is on average,
over coordinates, too: its variance, over b, and the square of its mean over data, which counts
where b is not small against N. Variances D are trained by their logarithms.

The state is that of `vaedyn.kernels.ode`, followed by v of W, V and log D (latent each) and w.
"""

from math import log

import numpy as np

from . import general
from .general import DECAY_V, DECAY_W, OF_D, OF_V, OF_W, RATES
from .jit import leaf
from .layout import offsets
from .ode import U

MOMENTS = 3  # of each latent: of the gradients of W, V and log D
FASTEST = 1e4  # rate at which log D comes to rest at most: no time is told apart beyond it
SHORTEST = 1e-100  # length of a column of W or V over sqrt(N) that counts


def workspace(latent, signal, dim, beta2, epsilon):
    """Return what `drift` needs: room, rates, and the constants N, kappa and epsilon of Adam."""
    room = np.empty(general.scratch.py_func(latent, signal) + MOMENTS * latent)
    return room, np.empty((RATES, latent)), float(dim), -dim * log(beta2), float(epsilon)


@leaf
def count(latent, signal):
    """Return how many numbers a state has."""
    return 2 * latent * signal + 3 * latent * latent + (1 + MOMENTS) * latent + 1


@leaf
def drift(y, c, work, out):
    """Write dy/dt under Adam into `out`; `work` as of `workspace`."""
    # model: drift, of running second moments
    room, _, dim, kappa, _ = work
    latent, signal = U(c.latent), U(c.rho.size)
    v = offsets(latent, signal)[4] + latent
    w = v + U(MOMENTS) * latent
    target = squares(y, c, dim, room)
    at_rates(y, c, work, y, v, y[w])
    general.drift(y, c, work[1], room, out)
    for i in range(U(MOMENTS) * latent):
        out[v + i] = kappa * (room[target + i] - y[v + i])
    out[w] = kappa * (1.0 - y[w])


@leaf
def settled(y, c, work, out):
    """Write dy/dt of order parameters alone into `out`, all second moments at their targets."""
    target = squares(y, c, work[2], work[0])
    at_rates(y, c, work, work[0], target, 1.0)
    general.drift(y, c, work[1], work[0], out)


@leaf
def norm(x, y, z, rtol, atol, c):
    """Return the root mean square of `x` in units of the tolerated error at `y` and `z`.

    `atol` is in units of the lengths of the weights whose product an order parameter is, and
    of v: Adam moves weights by as much, however small their gradients are, so that weights
    which have shrunk far below `atol` may grow again while v is remembered.
    """
    latent, signal = U(c.latent), U(c.rho.size)
    d, Q, E, R, D = offsets(latent, signal)
    v = D + latent
    total = 0.0
    for i in range(latent):
        W = length(y, z, Q + i * latent + i)
        V = length(y, z, E + i * latent + i)
        for k in range(signal):
            total += of_one(x, y, z, rtol, atol * W, i * signal + k)
            total += of_one(x, y, z, rtol, atol * V, d + i * signal + k)
        for j in range(latent):
            W2 = length(y, z, Q + j * latent + j)
            V2 = length(y, z, E + j * latent + j)
            total += of_one(x, y, z, rtol, atol * W * W2, Q + i * latent + j)
            total += of_one(x, y, z, rtol, atol * V * V2, E + i * latent + j)
            total += of_one(x, y, z, rtol, atol * W * V2, R + i * latent + j)
        total += of_one(x, y, z, rtol, atol, D + i)
        for at in (v + i, v + latent + i):
            total += of_one(x, y, z, rtol, atol * SHORTEST, at)
        total += of_one(x, y, z, rtol, atol, v + U(2) * latent + i)
    total += of_one(x, y, z, rtol, atol, v + U(MOMENTS) * latent)
    return np.sqrt(total / x.size)


@leaf
def length(y, z, at):
    """Return the root of the larger one of two squared lengths."""
    return max(np.sqrt(max(y[at], z[at], 0.0)), SHORTEST)


@leaf
def of_one(x, y, z, rtol, atol, at):
    """Return the square of one value of `x` in units of the tolerated error."""
    ratio = x[at] / (atol + rtol * max(abs(y[at]), abs(z[at])))
    return ratio * ratio


@leaf
def begin(y, c, work):
    """Set the second moments of a state, and the correction, as they are after the first step."""
    room, _, dim, kappa, _ = work
    latent, signal = U(c.latent), U(c.rho.size)
    v = offsets(latent, signal)[4] + latent
    first = 1.0 - np.exp(-kappa / dim)
    target = squares(y, c, dim, room)
    for i in range(U(MOMENTS) * latent):
        y[v + i] = first * room[target + i]
    y[v + U(MOMENTS) * latent] = first


@leaf
def at_rates(y, c, work, moments, at, correction):
    """Set the rates of each latent from second `moments`, which begin at `at`."""
    # model: drift, the rates of latents under Adam
    _, rates, dim, _, epsilon = work
    latent, signal = U(c.latent), U(c.rho.size)
    _, Q, _, _, D = offsets(latent, signal)
    of_W, of_V, of_D = c.lr, c.lr * c.encoder, c.lr * c.variances
    fastest = min(dim, FASTEST)
    for i in range(latent):
        rates[OF_W, i] = over_root(of_W, moments[at + i], correction, epsilon)
        rates[OF_V, i] = over_root(of_V, moments[at + latent + i], correction, epsilon)
        # log D moves by tau_D/N in a step at most, and does not get closer to where it rests:
        # in half of a step's time, however small gradients have become
        slope = 0.5 * y[D + i] * (y[Q + i * latent + i] + c.beta)  # of the gradient
        least = epsilon + of_D * slope / fastest
        rate = over_root(of_D, moments[at + U(2) * latent + i], correction, least)
        rates[OF_D, i] = rate * y[D + i] * y[D + i]
        rates[DECAY_W, i] = of_W * c.lam
        rates[DECAY_V, i] = of_V * c.lam


@leaf
def over_root(rate, moment, correction, epsilon):
    """Return a rate over the root of a second moment; 0 where nothing has moved."""
    root = epsilon
    if moment > 0.0:
        root = root + np.sqrt(moment / correction)
    return rate / root if root > 0.0 else 0.0


@leaf
def squares(y, c, dim, room):
    """Write the mean squares of the gradients of W, V and log D into `room`; return where.

    `general.moments` are written, too. With z = mu where latents are averaged over, a data
    point's gradient of a column of W is ``-r z_i`` up to a constant, with the residual
    ``r = x - W z/sqrt(N)``, and of one of V ``-x e_i``: by Isserlis' theorem the variance is
    the product of both variances, and the square of the mean of the product once more.
    """
    # model: drift, mean squares of the gradients
    general.moments(y, c, room)
    latent, signal = U(c.latent), U(c.rho.size)
    rho, eta, sampled, size = c.rho, c.eta, c.sampled, latent * latent
    m = U(0)
    d, Q, E, R, D = offsets(latent, signal)
    A, S, Y, K, B = U(0), size, U(2) * size, U(3) * size, U(4) * size
    Sn, Cn = U(6) * size, U(7) * size
    target = U(general.scratch(latent, signal))
    point = 0.0  # |x|^2/N and |r|^2/N, in excess of eta
    for k in range(signal):
        point += rho[k] / dim
    residual = point
    for i in range(latent):
        residual -= 2.0 * room[A + i * latent + i] / dim
        for j in range(latent):
            residual += y[Q + i * latent + j] * room[Sn + j * latent + i] / dim
    for i in range(latent):
        own = i * latent + i
        # squared lengths, over N, of the means of the gradients of W and V
        of_W, of_V = eta * eta * y[E + own], eta * eta * y[Q + own]
        along = room[A + own]  # the product of the former with W
        error = room[Y + own]  # the variance of y - Q z
        for j in range(latent):
            b, k = room[B + i * latent + j], room[K + i * latent + j]
            q = y[Q + i * latent + j]
            along -= b * q
            error -= 2.0 * room[A + i * latent + j] * q
            error += q * q * y[D + j]
            of_W -= 2.0 * eta * b * y[R + j * latent + i]
            of_V -= 2.0 * eta * eta * k * y[R + i * latent + j]
            for n in range(latent):
                of_W += b * room[B + i * latent + n] * y[Q + j * latent + n]
                of_V += eta * eta * k * room[K + i * latent + n] * y[E + j * latent + n]
                error += q * room[S + j * latent + n] * y[Q + i * latent + n]
        for k in range(signal):
            at_W, at_V = y[d + i * signal + k], y[m + i * signal + k]
            for j in range(latent):
                at_V -= room[K + i * latent + j] * y[d + j * signal + k]
            a, b = rho[k] * at_W, rho[k] * at_V
            rest_W, rest_V = a + 2.0 * eta * at_W, b + 2.0 * eta * y[m + i * signal + k]
            for j in range(latent):
                rest_W -= 2.0 * room[B + i * latent + j] * y[m + j * signal + k]
                rest_V -= 2.0 * eta * room[K + i * latent + j] * y[d + j * signal + k]
            of_W += a * rest_W
            of_V += b * rest_V
        # the part D of B is no product with z where latents are averaged over
        apart = (1.0 - sampled) * y[D + i]
        product = of_W + 2.0 * apart * along + apart * apart * y[Q + own]
        noise = (eta + residual) * room[Sn + own] + product / dim
        room[target + i] = noise / c.batch + of_W / dim
        noise = (eta + point) * room[Cn + own] + of_V / dim
        room[target + latent + i] = noise / c.batch + of_V / dim
        g = 0.5 * (y[D + i] * (y[Q + own] + c.beta) - c.beta)
        noise = 0.25 * y[D + i] * (error + y[Q + own] * y[Q + own] * y[D + i])
        room[target + U(2) * latent + i] = sampled * noise / c.batch + g * g
    return target
