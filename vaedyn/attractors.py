"""The attracting fixed point at many values of the constants at once.

Where every latent lives on a direction of its own the fixed points are made of
three kinds of latents: on a signal, on background noise, collapsed. Each is a
root of one function of Q, and the Jacobian falls into blocks of at most 8 x 8,
so that all points of a grid are solved at once.
"""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

PHASES = (
    "collapsed", "learned", "partly learned", "noise-fitting", "entangled", "oscillating",
    "undecided", "diverging",
)  # fmt: skip
COLLAPSED, LEARNED, PARTLY, NOISE, ENTANGLED, OSCILLATING, UNDECIDED, DIVERGING = range(8)
ALIVE = 1e-8  # a latent with a smaller Q has collapsed
MARGINAL = 1e-8  # a growth rate below it, per tau, does not make a fixed point unstable
NODES = 128  # values of Q that a fixed point is looked for between


class Constants(NamedTuple):
    """Constants of the model at many points: (n,), `rho` (n, signals), the strongest first."""

    rho: np.ndarray
    eta: np.ndarray
    beta: np.ndarray
    lam: np.ndarray
    lr: np.ndarray

    def at(self, rows: np.ndarray) -> "Constants":
        return Constants(*(values[rows] for values in self))

    @property
    def h(self) -> np.ndarray:
        """The weight of the terms that a finite learning rate adds."""
        return self.lr * self.eta


class Latent(NamedTuple):
    """One latent at many points, (n,) each; rho = m = d = 0 where it is not on a signal."""

    rho: np.ndarray
    m: np.ndarray
    d: np.ndarray
    Q: np.ndarray
    E: np.ndarray
    R: np.ndarray
    D: np.ndarray

    def at(self, rows: np.ndarray) -> "Latent":
        return Latent(*(values[rows] for values in self))

    def moments(self, c: Constants) -> tuple[np.ndarray, ...]:
        """Return S, A, Y, K and B, (n,) each."""
        S = self.rho * self.d**2 + c.eta * self.E
        A = self.rho * self.m * self.d + c.eta * self.R
        Y = self.rho * self.m**2 + c.eta * self.Q
        return S, A, Y, self.Q + c.beta, S + self.D + c.lam


def attractors(c: Constants, latents: int) -> dict[str, np.ndarray]:
    """Return phase, eps_g, active and growth (n,) of the stable fixed point of lowest loss.

    ``stable`` is the number of fixed points that are; without one the phase is left
    undecided. Latents learn the strongest signals, as the lack of a stronger one always
    makes a latent on a weaker one unstable; the others fit noise or collapse.
    """
    n, signals = c.rho.shape
    modes = _Modes(c)
    best = np.full(n, np.inf)
    found = {
        "phase": np.full(n, UNDECIDED, np.int8),
        "eps_g": np.full(n, np.nan),
        "active": np.full(n, -1, np.int16),
        "growth": np.full(n, np.nan),
    }
    count = np.zeros(n, np.int16)
    most = min(latents, signals)
    for learned in range(most + 1):
        for noise in range(latents - learned + 1):
            growth = modes.growth(learned, noise, latents - learned - noise)
            loss, eps_g = modes.loss(learned, noise)
            stable = growth <= MARGINAL * c.lr
            count += stable
            better = stable & (loss < best)
            best[better] = loss[better]
            alone = COLLAPSED if learned == 0 else LEARNED if learned == most else PARTLY
            values = (NOISE if noise else alone, eps_g, learned + noise, growth)
            for name, value in zip(found, values, strict=True):
                found[name][better] = np.broadcast_to(value, n)[better]
    return {**found, "stable": count}


class _Modes:
    """The kinds of latents, and growth rates within and between them, each found once.

    A kind is the number of a signal, or one of the two below.
    """

    NOISE, COLLAPSED = -1, -2

    def __init__(self, c: Constants):
        self.c = c
        self.signals = c.rho.shape[1]
        zero = np.zeros(len(c.eta))
        self.kinds = {
            self.NOISE: on_noise(c),
            self.COLLAPSED: Latent(zero, zero, zero, zero, zero, zero, zero + 1),
        }
        self.kinds |= {k: on_signal(c, c.rho[:, k]) for k in range(self.signals)}
        self._known: dict[Any, np.ndarray] = {}

    def loss(self, learned: int, noise: int) -> tuple[np.ndarray, np.ndarray]:
        """Return distortion + beta KL and eps_g, (n,) each."""
        c = self.c
        loss, eps_g = np.zeros(len(c.eta)), c.rho.sum(axis=1)
        for kind in [*range(learned), *[self.NOISE] * noise]:
            one = self.kinds[kind]
            S, A, *_ = one.moments(c)
            loss = loss - A + 0.5 * one.Q * (S + one.D)
            loss = loss + 0.5 * c.beta * (S + one.D - np.log(one.D) - 1)
            loss = loss + 0.5 * c.lam * (one.Q + one.E)
            eps_g = eps_g - 2 * np.sqrt(one.rho) * one.m + one.Q
        return loss, eps_g

    def growth(self, learned: int, noise: int, collapsed: int) -> np.ndarray:
        """Return the largest growth rate (n,), or any positive one or inf where it is unstable."""
        kinds = [*range(learned), *[self.NOISE] * noise, *[self.COLLAPSED] * collapsed]
        top = np.full(len(self.c.eta), -np.inf)
        modes: list[tuple[Any, Callable[[np.ndarray], np.ndarray]]] = []
        for a in sorted(set(kinds)):
            modes.append(((a,), partial(self._own, a)))
            modes += [((a, "unlearned", k), partial(self._towards, a, k))
                      for k in range(learned, self.signals)]  # fmt: skip
        for a, b in sorted(set(combinations(sorted(kinds), 2))):
            modes.append(((a, b), partial(self._between, a, b)))
        for key, rate in modes:
            known = self._known.setdefault(key, np.full(len(top), np.nan))
            rows = top <= MARGINAL * self.c.lr
            todo = np.flatnonzero(rows & np.isnan(known))
            if len(todo):
                known[todo] = rate(todo)
            top[rows] = np.maximum(top[rows], known[rows])
        return top

    def _pick(self, kind: int, rows: np.ndarray) -> Latent:
        return self.kinds[kind].at(rows)

    def _equal(self, a: int, b: int) -> bool:
        """Whether turning one signal into the other is a symmetry, which moves at no rate."""
        return min(a, b) >= 0 and a != b and bool((self.c.rho[:, a] == self.c.rho[:, b]).all())

    def _own(self, a: int, rows: np.ndarray) -> np.ndarray:
        one, c = self._pick(a, rows), self.c.at(rows)
        missing = np.isnan(one.Q)
        J = own_jacobian(one, c)[:, (0 if a >= 0 else 2) :, (0 if a >= 0 else 2) :]
        return np.where(missing, np.inf, c.lr * largest(np.where(missing[:, None, None], 0, J)))

    def _towards(self, a: int, k: int, rows: np.ndarray) -> np.ndarray:
        """Return the growth rate of the overlaps of a latent with a signal nobody learns."""
        one, c = self._pick(a, rows), self.c.at(rows)
        *_, K, B = one.moments(c)
        P = c.rho[:, k] + c.eta
        decay = K * P + c.lam  # of the symmetric matrix [[-B, P], [P, -decay]]
        if self._equal(a, k):
            return -c.lr * (B + decay)
        return c.lr * 0.5 * (np.hypot(B - decay, 2 * P) - B - decay)

    def _between(self, a: int, b: int, rows: np.ndarray) -> np.ndarray:
        c = self.c.at(rows)
        J = cross_jacobian(self._pick(a, rows), self._pick(b, rows), c)
        kept = [*([0, 1] if b >= 0 else []), *([2, 3] if a >= 0 else []), 4, 5, 6, 7]
        return c.lr * largest(J[:, kept][:, :, kept], still=self._equal(a, b))


def largest(J: np.ndarray, still: bool = False) -> np.ndarray:
    """Return the largest real part of the eigenvalues of J (n, k, k), (n,).

    `still`: leave out the eigenvalue that is nearest to 0, of a symmetry.
    """
    values = np.linalg.eigvals(J)
    if still:
        values = np.take_along_axis(values, np.argsort(np.abs(values), axis=1)[:, 1:], axis=1)
    return values.real.max(axis=1)


def on_signal(c: Constants, rho: np.ndarray) -> Latent:
    """Return a latent on signals of strengths `rho` (n,); nan where there is none.

    dm/dt = dd/dt = 0 give S as a function of Q, dQ/dt = 0 then A, and
    dR/dt = 0 the power p = rho m^2; what is left of dE/dt rises through 0.
    """
    rho = rho[:, None]
    _, eta, beta, lam, lr = (values[..., None] for values in c)
    h, s = lr * eta, rho + eta

    def solve(Q):
        K = Q + beta
        kappa = s / (K * s + lam)  # d / m
        B = s * kappa
        S = B - beta / K - lam
        A = B * Q - 0.5 * h * S
        p = ((B + lam) * A / eta - S - eta * Q + A * K - h * (A - S * K)) / (
            1 + (B + lam) * kappa / eta
        )
        E = (S - kappa**2 * p) / eta
        left = 2 * (A - K * S - lam * E) + h * (p + eta * Q - 2 * A * K + K**2 * S)
        return left, p, kappa, E, (A - kappa * p) / eta

    Q = first_rise(lambda Q: solve(Q)[0], furthest(s + h, beta))
    _, p, kappa, E, R = solve(Q)
    with np.errstate(invalid="ignore"):
        there = (Q > ALIVE) & (p > ALIVE * rho) & (E > 0)
        m = np.sqrt(p / rho)
    parts = (rho, m, kappa * m, Q, E, R, beta / (Q + beta))
    return Latent(*(np.where(there, values, np.nan)[:, 0] for values in parts))


def on_noise(c: Constants) -> Latent:
    """Return a latent on background noise; nan where there is none.

    dQ/dt = 0 gives A as a function of Q and S, dE/dt = 0 then S, both in
    proportion to Q; what is left of -dR/dt rises through 0.
    """
    _, eta, beta, lam, lr = (values[..., None] for values in c)
    h = lr * eta

    def solve(Q):
        K = Q + beta
        D = beta / K
        under = 2 * (K + lam / eta) - h * K**2 - (2 * Q - h) * (1 - h * K)
        with np.errstate(divide="ignore", invalid="ignore"):
            S = (2 * (D + lam) * (1 - h * K) + h * eta) / np.where(under > 0, under, np.nan)
        A = S * (Q - 0.5 * h) + D + lam
        left = S - (S * Q + D + 2 * lam) * A / eta + eta - A * K + h * (A - S * K)
        return -left, Q * S / eta, Q * A / eta, D

    Q = first_rise(lambda Q: solve(Q)[0], furthest(eta + h, beta))
    _, E, R, D = solve(Q)
    with np.errstate(invalid="ignore"):
        there = (Q > ALIVE) & (E > 0)
    Q, E, R, D = (np.where(there, values, np.nan)[:, 0] for values in (Q, E, R, D))
    zero = np.zeros(len(Q))
    return Latent(zero, zero, zero, Q, E, R, D)


def furthest(scale: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return a bound of Q at stable fixed points: at finite rates it rises as beta falls."""
    return 16 * scale * (1 + scale / beta) ** (2 / 3)


def first_rise(function: Callable[[np.ndarray], np.ndarray], top: np.ndarray) -> np.ndarray:
    """Return where `function` first turns positive between 0 and `top` (n, 1); nan if nowhere.

    It is looked at on ever finer nodes: in the cell where it turns positive, or,
    where there is none yet, around its highest node, or its first dip if it
    is positive at 0; so no narrow peak or dip is missed.
    """
    low, width = np.zeros_like(top), top
    found = np.zeros(top.shape, bool)
    steps = np.linspace(0, 1, NODES + 1) ** 3
    above = None
    for count in (NODES, *[16] * 13):
        nodes = low + width * steps
        f = np.nan_to_num(function(nodes), nan=-np.inf, neginf=-np.inf)
        above = f[:, :1] > 0 if above is None else above
        rises = (f[:, :-1] <= 0) & (f[:, 1:] > 0) & (f[:, :-1] > -np.inf)
        found |= rises.any(axis=1, keepdims=True)
        peak = np.clip(f.argmax(axis=1, keepdims=True) - 1, 0, count - 2)
        dips = (f[:, 1:-1] < f[:, :-2]) & (f[:, 1:-1] <= f[:, 2:])
        around = np.where(above, dips.argmax(axis=1, keepdims=True), peak)
        cell = np.where(found, rises.argmax(axis=1, keepdims=True), around)
        low = np.take_along_axis(nodes, cell, axis=1)
        high = np.take_along_axis(nodes, np.where(found, cell + 1, cell + 2), axis=1)
        width, steps = high - low, np.linspace(0, 1, 17)
    return np.where(found, low + 0.5 * width, np.nan)


def own_jacobian(one: Latent, c: Constants) -> np.ndarray:
    """Return the Jacobian of one latent's dy/dt / tau in m, d, Q, E, R, D, (n, 6, 6)."""
    rho, m, d, Q, _, _, D = (values[:, None] for values in one)
    _, eta, beta, lam, lr = (values[..., None] for values in c)
    S, A, _, K, B = (values[:, None] for values in one.moments(c))
    h, P = lr * eta, rho + eta
    dm, dd, dQ, dE, dR, dD = np.eye(6)
    dS = 2 * rho * d * dd + eta * dE
    dA = rho * (m * dd + d * dm) + eta * dR
    dY = 2 * rho * m * dm + eta * dQ
    dB = dS + dD
    rows = [
        P * dd - B * dm - m * dB,
        P * dm - (K * P + lam) * dd - P * d * dQ,
        2 * dA - 2 * (Q * dB + B * dQ) + h * dS,
        2 * (dA - K * dS - S * dQ - lam * dE)
        + h * (dY - 2 * (K * dA + A * dQ) + K**2 * dS + 2 * K * S * dQ),
        dS - B * dR - one.R[:, None] * dB + dY - K * dA - A * dQ - lam * dR
        + h * (dA - K * dS - S * dQ),
        -0.5 * (dQ + beta / D**2 * dD),
    ]  # fmt: skip
    return np.stack(rows, axis=1)


def cross_jacobian(a: Latent, b: Latent, c: Constants) -> np.ndarray:
    """Return the Jacobian of dy/dt / tau in what two latents share, (n, 8, 8).

    In the order m_ab, d_ab, m_ba, d_ba, Q_ab, E_ab, R_ab, R_ba, where m_ab is
    the overlap of `a` with the signal of `b`.
    """
    _, eta, _, lam, lr = (values[..., None] for values in c)
    h = lr * eta
    rho, m, d, Q, _, R, _ = (values[:, None] for values in a)
    rho_, m_, d_, Q_, _, R_, _ = (values[:, None] for values in b)
    S, A, _, K, B = (values[:, None] for values in a.moments(c))
    S_, A_, _, K_, B_ = (values[:, None] for values in b.moments(c))
    P, P_ = rho + eta, rho_ + eta
    dm, dd, dm_, dd_, dQ, dE, dR, dR_ = np.eye(8)
    dS = rho * d * dd_ + rho_ * d_ * dd + eta * dE
    dA = rho * m * dd_ + rho_ * d_ * dm + eta * dR  # of A_ab
    dA_ = rho_ * m_ * dd + rho * d * dm_ + eta * dR_  # of A_ba
    dY = rho * m * dm_ + rho_ * m_ * dm + eta * dQ
    dC = dY - A * dQ - K_ * dA - K * dA_ - A_ * dQ + K * K_ * dS + (K_ * S_ + K * S) * dQ
    rows = [
        P_ * dd - B * dm - m_ * dS,
        P_ * (dm - K * dd - d_ * dQ) - lam * dd,
        P * dd_ - B_ * dm_ - m * dS,
        P * (dm_ - K_ * dd_ - d * dQ) - lam * dd_,
        dA + dA_ - (B + B_) * dQ - (Q + Q_) * dS + h * dS,
        dA + dA_ - (K + K_) * dS - (S + S_) * dQ - 2 * lam * dE + h * dC,
        dS - B * dR - R_ * dS + dY - A * dQ - K_ * dA - lam * dR + h * (dA_ - S * dQ - K_ * dS),
        dS - B_ * dR_ - R * dS + dY - A_ * dQ - K * dA_ - lam * dR_ + h * (dA - S_ * dQ - K * dS),
    ]
    return np.stack(rows, axis=1)
