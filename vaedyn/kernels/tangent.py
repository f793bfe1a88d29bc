"""The drift of the ODE, linearised along many directions at once.

A direction is a column: order parameter i of all of them is a row of ``X`` (values, columns),
so that every product of the drift becomes one of a small matrix and long rows. Rates are those
of SGD, apart in decoder, encoder and variances; latents may be sampled.
"""

from . import general
from .jit import leaf, part
from .layout import offsets
from .ode import U
from .product import multiply


@leaf
def scratch(latent, signal, columns):
    """Return how many numbers `tangent` needs for its intermediate results."""
    square = latent * latent
    matrices = general.scratch(latent, signal) + 6 * square + 4 * latent * signal
    return matrices + 6 * square * columns


@leaf
def add(out, at, X, first, factor, count):
    """Add `factor` times `count` numbers of `X` to those of `out`."""
    for i in range(count):
        out[at + i] += factor * X[first + i]


@leaf
def multiply_each(out, at, a, left, b, right, rows, inner, columns, times):
    """Add ``A B`` to `times` matrices `out` in turn, each with a matrix B of its own."""
    for i in range(U(times)):
        to, of = at + i * rows * columns, right + i * inner * columns
        multiply(out, to, a, left, b, of, rows, inner, columns)


@part
def tangent(y, c, X, columns, room, out):
    """Write the change of dy/dt along the directions `X` into `out`, (values, columns), flat.

    Q and E of each direction are symmetric. The rows of `out` that stand for their entries
    below the diagonal are left as they happen to be.
    """
    # model: linearisation, of the drift of all order parameters
    latent, signal, n = U(c.latent), U(c.rho.size), U(columns)
    rho, eta, sampled = c.rho, c.eta, c.sampled
    size, flat = latent * latent, latent * signal
    w, v, noise = c.lr, c.lr * c.encoder, eta / c.batch
    decay_w, decay_v = w * c.lam, v * c.lam
    own, other, mixed = w * w * noise, v * v * noise, w * v * noise
    m = U(0)
    d, Q, E, R, D = offsets(latent, signal)
    long, row = size * n, latent * n
    general.moments(y, c, room)
    A, S, K, Xn = U(0), size, U(3) * size, U(8) * size
    # matrices by which rows are multiplied
    to_W = U(general.scratch(c.latent, c.rho.size))
    to_R, of_Q, of_QE = to_W + size, to_W + U(2) * size, to_W + U(3) * size
    of_R, once, dP = to_W + U(4) * size, to_W + U(5) * size, to_W + U(6) * size
    mP, mT, dT = dP + flat, dP + U(2) * flat, dP + U(3) * flat
    # changes of A, S, Y, B, K S, and what is left of them
    dA = dP + U(4) * flat
    dS, dY, dB = dA + long, dA + U(2) * long, dA + U(3) * long
    KS, T = dA + U(4) * long, dA + U(5) * long
    for i in range(latent):
        for k in range(signal):
            at, turned = i * signal + k, k * latent + i
            room[dP + at] = rho[k] * y[d + at]
            room[mP + at] = rho[k] * y[m + at]
            room[mT + turned] = -w * y[m + at]
            room[dT + turned] = -y[d + at]
        for j in range(latent):
            at, turned = i * latent + j, j * latent + i
            variance = y[D + i] if i == j else 0.0
            one = 1.0 if i == j else 0.0
            room[to_W + at] = -w * (room[S + at] + variance) - decay_w * one
            room[to_R + at] = room[to_W + at] - decay_v * one
            room[of_Q + at] = -v * room[A + at] - mixed * (room[S + at] + sampled * variance)
            room[of_QE + at] = -v * room[S + at] - other * room[Xn + turned]
            room[of_R + at] = -w * y[R + turned]
    for i in range(dA, dA + U(6) * long):
        room[i] = 0.0
    for i in range(U(y.size) * n):
        out[i] = 0.0

    # S, Y and A: here in halves of symmetric matrices, or of A and of its transpose
    multiply_each(room, T, room, dP, X, d * n, latent, signal, n, latent)
    multiply_each(room, dY, room, mP, X, m * n, latent, signal, n, latent)
    multiply_each(room, dA, room, dP, X, m * n, latent, signal, n, latent)
    multiply_each(room, KS, room, mP, X, d * n, latent, signal, n, latent)
    for i in range(latent):
        for j in range(latent):
            at, turned = (i * latent + j) * n, (j * latent + i) * n
            for x in range(n):
                room[dS + at + x] = (
                    room[T + at + x] + room[T + turned + x] + eta * X[E * n + at + x]
                )
                room[dB + at + x] = room[dS + at + x]
                room[dA + at + x] += room[KS + turned + x] + eta * X[R * n + at + x]
                room[dY + at + x] += 0.5 * eta * X[Q * n + at + x]
        add(room, dB + i * (row + n), X, (D + i) * n, 1.0, n)
    for i in range(long):
        room[KS + i] = 0.0
        room[T + i] = 0.0
    multiply(room, KS, room, K, room, dS, latent, latent, row)

    multiply(out, m * n, room, to_W, X, m * n, latent, latent, signal * n)
    multiply_each(out, m * n, room, mT, room, dB, signal, latent, n, latent)
    multiply_each(out, d * n, room, dT, X, Q * n, signal, latent, n, latent)
    for i in range(size):
        room[once + i] = -room[K + i]
    multiply(out, d * n, room, once, X, d * n, latent, latent, signal * n)
    for i in range(latent):
        for k in range(signal):
            at = (i * signal + k) * n
            P = rho[k] + eta
            for x in range(n):
                out[m * n + at + x] += w * P * X[d * n + at + x]
                out[d * n + at + x] = (
                    v * P * (out[d * n + at + x] + X[m * n + at + x]) - decay_v * X[d * n + at + x]
                )

    # of Q and E, halves that are added to their transposes in the end
    for i in range(size):
        room[once + i] = -w * y[Q + i]
    multiply_each(out, Q * n, room, to_W, X, Q * n, latent, latent, n, latent)
    multiply_each(out, Q * n, room, once, room, dB, latent, latent, n, latent)
    add(out, Q * n, room, dA, w, long)
    add(out, Q * n, room, dS, 0.5 * own, long)
    for i in range(long):
        room[T + i] = room[dA + i] - 0.5 * room[KS + i]
    for i in range(size):
        room[once + i] = -other * room[K + i]
    multiply_each(out, E * n, room, once, room, T, latent, latent, n, latent)
    multiply_each(out, E * n, room, of_QE, X, Q * n, latent, latent, n, latent)
    for i in range(long):
        out[E * n + i] += (
            v * (room[dA + i] - room[KS + i]) + other * room[dY + i] - decay_v * X[E * n + i]
        )

    multiply(out, R * n, room, to_R, X, R * n, latent, latent, row)
    multiply(out, R * n, room, of_Q, X, Q * n, latent, latent, row)
    multiply_each(out, R * n, room, of_R, room, dB, latent, latent, n, latent)
    for i in range(size):
        room[once + i] = -v * room[K + i]
    multiply_each(out, R * n, room, once, room, dA, latent, latent, n, latent)
    for i in range(latent):
        for j in range(latent):
            at, turned = (i * latent + j) * n, (j * latent + i) * n
            for x in range(n):
                out[R * n + at + x] += (
                    w * room[dS + at + x] + v * (room[dY + at + x] + room[dY + turned + x])
                    + mixed * (room[dA + turned + x] - room[KS + turned + x])
                )  # fmt: skip

    if sampled != 0.0:
        for i in range(latent):
            add(out, Q * n + i * (row + n), X, (D + i) * n, 0.5 * own, n)
            for j in range(latent):
                at = (i * latent + j) * n
                add(out, R * n + at, X, (D + i) * n, -mixed * y[Q + i * latent + j], n)
                for k in range(latent):
                    both = y[Q + i * latent + k] * y[Q + j * latent + k]
                    add(out, E * n + at, X, (D + k) * n, 0.5 * other * both, n)
    for i in range(latent):
        for j in range(i):
            add(out, (Q + j * latent + i) * n, out, (Q + i * latent + j) * n, 1.0, n)
            add(out, (E + j * latent + i) * n, out, (E + i * latent + j) * n, 1.0, n)
        at = (i * latent + i) * n
        bend = c.beta / (y[D + i] * y[D + i])
        for x in range(n):
            out[Q * n + at + x] *= 2.0
            out[E * n + at + x] *= 2.0
            change = X[Q * n + at + x] + bend * X[(D + i) * n + x]
            out[(D + i) * n + x] = -0.5 * c.lr * c.variances * change
