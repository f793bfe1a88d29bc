"""One latent alone, on a signal or on background noise: roots of one function of its Q, of many.

The functions of a latent at given Q and D run on arrays, too, by their `py_func`.
"""

import numpy as np

from .constants import Constants
from .jit import kernel, leaf, part, strict_kernel
from .ode import second

SIGNAL, NOISE, BEYOND = range(3)  # where a latent is; at last with the root `first` divided out
NODES, PARTS, ROUNDS = 128, 16, 13  # of a search: cells at first, of a cell, and how often
WIDEST = 2  # rounds after which a cell is taken to have the root that is found in it


@leaf
def at_signal(c, h, rho, Q, D):
    """Return dE/dt at given Q and D on a signal, and p = rho m^2, d/m, E and R.

    dm/dt = dd/dt = 0 give S as a function of Q, dQ/dt = 0 then A, and
    dR/dt = 0 the power p. All of it is linear in D; `h` is that of `Constants`.
    """
    # model: closed form, from dm = dd = dQ = dR = 0
    eta, lam, r = c.eta, c.lam, c.encoder
    s, K, drawn = rho + eta, Q + c.beta, c.sampled * D
    kappa = s / (K * s + lam)  # d / m
    B = s * kappa
    S = B - D - lam
    A = B * Q - 0.5 * h * (S + drawn)
    decay = B + r * lam
    p = (decay * A / eta - S - r * eta * Q + r * A * K - r * h * (A - S * K - drawn * Q)) / (
        r + decay * kappa / eta
    )
    E = (S - kappa**2 * p) / eta
    C = p + eta * Q - 2 * A * K + K**2 * S + drawn * Q**2
    return 2 * (A - K * S - lam * E) + r * h * C, p, kappa, E, (A - kappa * p) / eta


@leaf
def at_noise(c, h, Q, D):
    """Return -dR/dt at given Q and D on background noise, and S, E and R.

    dQ/dt = 0 gives A as a function of Q and S, dE/dt = 0 then S. Where latents are averaged
    over, all of it is in proportion to Q, by which it is divided, and S must be positive.
    """
    # model: closed form, from dQ = dE = 0
    eta, lam, r = c.eta, c.lam, c.encoder
    K, drawn = Q + c.beta, c.sampled * D
    unit = c.sampled + (1.0 - c.sampled) * Q
    own = c.sampled * Q + (1.0 - c.sampled)  # Q itself in this unit
    under = 2 * (K + lam / eta) - r * h * K**2 - (2 * Q - h) * (1 - r * h * K)
    rest = (D + lam) * own - 0.5 * h * drawn
    S = (2 * rest * (1 - r * h * K) + r * h * (eta * own + drawn * Q**2)) / under
    A = S * (Q - 0.5 * h) + rest
    left = S - (S * unit + D + (1 + r) * lam) * A / eta + r * eta * own - r * A * K
    left = left + r * h * (A - S * K - drawn * Q)
    return -left, S, unit * S / eta, unit * A / eta


@leaf
def excess(c, h, rho, kind, first, Q):
    """Return what has to vanish, at the D of that Q; -inf where there is no number."""
    D = c.beta / (Q + c.beta)
    if kind == SIGNAL:
        found = at_signal(c, h, rho, Q, D)[0]
    else:
        found, S, _, _ = at_noise(c, h, Q, D)
        if not (S > 0.0 or c.sampled > 0.0):
            return -np.inf
        if kind == BEYOND:
            found /= Q - first
    return found if found == found else -np.inf


@leaf
def crossing(c, h, rho, kind, first, low, high, below, above):
    """Return the root between `low` and `high`, where the function is `below` <= 0 < `above`.

    By the Illinois method, and halving where it has not halved the distance in three steps.
    """
    kept, made, before = 0, 0, high - low
    while high - low > 1e-16 * high:
        half = made % 3 == 2 and high - low > 0.5 * before
        if made % 3 == 2:
            before = high - low
        made += 1
        share = below / (below - above)
        if half or not (0.0 < share < 1.0):
            share = 0.5
        Q = low + share * (high - low)
        if not low < Q < high:
            Q = low + 0.5 * (high - low)
            if not low < Q < high:
                break
        f = excess(c, h, rho, kind, first, Q)
        if f > 0.0:
            high, above = Q, f
            below = 0.5 * below if kept == 1 else below
            kept = 1
        else:
            low, below = Q, f
            above = 0.5 * above if kept == -1 else above
            kept = -1
    return low + 0.5 * (high - low)


@leaf
def first_rise(c, h, rho, kind, first, top, nodes, f):
    """Return where the function first turns positive between 0 and `top`; nan if nowhere.

    See `fixedpoints.single.first_rise`. `nodes` and `f` are room, (NODES + 1,).
    """
    low, width, cells = 0.0, top, NODES
    is_above = found = False
    for n in range(1 + ROUNDS):
        for i in range(cells + 1):
            share = i / cells
            nodes[i] = low + width * (share * share * share if n == 0 else share)
        for i in range(cells + 1):
            f[i] = excess(c, h, rho, kind, first, nodes[i])
        if n == 0:
            is_above = f[0] > 0.0
        at = -1
        for i in range(cells):
            if -np.inf < f[i] <= 0.0 < f[i + 1]:
                at = i
                break
        if at >= 0:
            found = True
            # further roots in the same cell show on finer nodes
            if n >= WIDEST:
                return crossing(c, h, rho, kind, first, nodes[at], nodes[at + 1], f[at], f[at + 1])
            low, width, cells = nodes[at], nodes[at + 1] - nodes[at], PARTS
            continue
        if found:  # by rounding no more
            return low
        at = 0
        if is_above:
            for i in range(cells - 1):
                if f[i + 1] < f[i] and f[i + 1] <= f[i + 2]:
                    at = i
                    break
        else:
            for i in range(1, cells + 1):
                if f[i] > f[at]:
                    at = i
            at = min(max(at - 1, 0), cells - 2)
        low, width, cells = nodes[at], nodes[at + 2] - nodes[at], PARTS
    return np.nan


@kernel
def first_rises(c, rho, kind, first, top, out):
    """Fill `out` (n,) with the least Q of a latent on signals of strengths `rho` (n,), or on noise.

    nan where there is none. `c` are Constants of n models, `first` and `top` (n,).
    """
    nodes, f = np.empty(NODES + 1), np.empty(NODES + 1)
    for n in range(out.size):
        one = Constants(
            c.beta[n], c.rho[n], c.eta[n], c.lam[n], c.lr[n], c.latent, c.encoder[n],
            c.variances[n], c.batch[n], c.sampled[n],
        )  # fmt: skip
        h = second(one) * one.eta
        out[n] = first_rise(one, h, rho[n], kind, first[n], top[n], nodes, f)


plain_signal, plain_noise = part(at_signal.py_func), part(at_noise.py_func)


@strict_kernel
def least_roots(c, h, rho, kind, latents, top, first, finer, out):
    """Fill `out` (n,) with what `fixedpoints.single.first_rise` returns, to the last bit.

    Of `latents` in the same state on signals of strengths `rho` (n,), or on noise. `c` are
    Constants of n models, `h` theirs and `top` (n,); `first` and `finer` are the shares of a
    bound, and of a cell, at which the function is looked at.
    """
    nodes, f = np.empty(first.size), np.empty(first.size)
    for n in range(out.size):
        one = Constants(
            c.beta[n], c.rho[n], c.eta[n], c.lam[n], c.lr[n], c.latent, c.encoder[n],
            c.variances[n], c.batch[n], c.sampled[n],
        )  # fmt: skip
        low, width, is_above, found = 0.0, top[n], False, False
        for turn in range(1 + ROUNDS):
            shares = first if turn == 0 else finer
            cells = shares.size - 1
            for i in range(cells + 1):
                Q = low + width * shares[i]
                D = one.beta / (Q / latents + one.beta)
                if kind == SIGNAL:
                    left, _, _, _, _ = plain_signal(one, h[n], rho[n], Q, D)
                else:
                    left, S, _, _ = plain_noise(one, h[n], Q, D)
                    if not (S > 0.0 or one.sampled > 0.0):
                        left = -np.inf
                nodes[i], f[i] = Q, left if left == left else -np.inf
            if turn == 0:
                is_above = f[0] > 0.0
            at = -1
            for i in range(cells):
                if -np.inf < f[i] <= 0.0 < f[i + 1]:
                    at, found = i, True
                    break
            if at < 0 and (found or is_above):
                at = 0
                for i in range(0 if found else cells - 1):
                    if f[i + 1] < f[i] and f[i + 1] <= f[i + 2]:
                        at = i
                        break
            elif at < 0:
                at = min(max(np.argmax(f[: cells + 1]) - 1, 0), cells - 2)
            low, width = nodes[at], nodes[at + 1 if found else at + 2] - nodes[at]
        out[n] = low + 0.5 * width if found else np.nan
