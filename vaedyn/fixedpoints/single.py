"""A latent that lives alone, on a signal or on background noise: the roots of one function of Q."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..kernels.constants import Constants

ALIVE = 1e-8  # a latent at a fixed point that has a smaller Q_ii has none: it has collapsed
FIRST_NODES = np.linspace(0, 1, 129) ** 3  # shares of a bound of Q between which a root is sought
FINER_NODES = np.linspace(0, 1, 17)  # shares of a cell of those, and then of a cell of these


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
        # model: closed form, S, A, Y, K and B of a single latent
        S = self.rho * self.d**2 + c.eta * self.E
        A = self.rho * self.m * self.d + c.eta * self.R
        Y = self.rho * self.m**2 + c.eta * self.Q
        return S, A, Y, self.Q + c.beta, S + self.D + c.lam


Finder = Callable[[Callable[[np.ndarray], np.ndarray], np.ndarray], np.ndarray]
"""Finds roots of a function of Q between 0 and a bound (n, 1): `first_rise` or `all_roots`."""


def signal_at(
    c: Constants, rho: np.ndarray, Q: np.ndarray, D: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return dE/dt at given Q and D on a signal, and p = rho m^2, d/m, E and R.

    See `vaedyn.kernels.alone.at_signal`; constants and `rho` are (n, 1).
    """
    from ..kernels import alone

    with np.errstate(invalid="ignore"):  # D of pairs may be infinite
        return alone.at_signal.py_func(c, c.h, rho, Q, D)


def noise_at(c: Constants, Q: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return -dR/dt at given Q and D on background noise, and E and R, nan where there are none.

    See `vaedyn.kernels.alone.at_noise`; constants are (n, 1).
    """
    from ..kernels import alone

    with np.errstate(all="ignore"):  # of any Q, be it as far as the bound of a search
        left, S, E, R = alone.at_noise.py_func(c, c.h, Q, D)
        there = (S > 0) | (c.sampled > 0)
    return np.where(there, left, np.nan), np.where(there, E, np.nan), np.where(there, R, np.nan)


def on_signal(
    c: Constants, rho: np.ndarray, find: Finder | None = None, latents: int = 1
) -> Latent:
    """Return a latent on signals of strengths `rho` (n,); nan where there is none.

    What is left of dE/dt rises through 0. `latents` in the same state may share the
    direction: together they are one, of the sum of their Q, whose D is that of the mean.
    Without `find` it is the one that `first_rise` finds.
    """
    # model: closed form, D from dD = 0
    one, strength = c.column(), rho[:, None]

    def variance(Q: np.ndarray) -> np.ndarray:
        return one.beta / (Q / latents + one.beta)

    top = furthest(strength + one.eta + one.h, one.beta)
    if find:
        Q = find(lambda Q: signal_at(one, strength, Q, variance(Q))[0], top)
    else:
        Q = _first_rise_on(c, rho, latents, top)
    return signal_latent(one, strength, Q, variance(Q))


def on_noise(c: Constants, find: Finder | None = None, latents: int = 1) -> Latent:
    """Return a latent on background noise, as `on_signal` does; nan where there is none.

    Where latents are sampled it is the one of least Q: noise that a latent fits and what is left
    of a collapsed one are the same, and change into one another smoothly.
    """
    # model: closed form, D from dD = 0
    one = c.column()

    def variance(Q: np.ndarray) -> np.ndarray:
        return one.beta / (Q / latents + one.beta)

    top = furthest(one.eta + one.h, one.beta)
    if find:
        Q = find(lambda Q: noise_at(one, Q, variance(Q))[0], top)
    else:
        Q = _first_rise_on(c, None, latents, top)
    return noise_latent(one, Q, variance(Q))


def _first_rise_on(
    c: Constants, rho: np.ndarray | None, latents: int, top: np.ndarray
) -> np.ndarray:
    """Return what `first_rise` finds on signals of strengths `rho` (n,), or on noise, (n, 1).

    It is the same to the last bit, but compiled: alone a row costs numpy as much as hundreds do.
    """
    from ..kernels import alone

    kind = alone.NOISE if rho is None else alone.SIGNAL
    strengths = np.zeros(len(top)) if rho is None else np.ascontiguousarray(rho)
    Q, nodes = np.empty(len(top)), (FIRST_NODES, FINER_NODES)
    one = c._replace(rho=strengths)
    alone.least_roots(one, c.h, strengths, kind, float(latents), top.ravel(), *nodes, Q)
    return Q[:, None]


def on_noise_beyond(c: Constants, least: Latent) -> Latent:
    """Return a sampled latent on noise of more than the `least` Q, past an unstable one."""
    first = least.Q[:, None]

    def find(function: Callable[[np.ndarray], np.ndarray], top: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):  # at the root that is divided out
            Q = first_rise(lambda Q: function(Q) / (Q - first), top)
        return np.where(Q / first > 1 + 1e-6, Q, np.nan)

    return on_noise(c, find)


def singles(c: Constants) -> tuple[list[Latent], list[Latent]]:
    """Return a latent on each of the signals, and those on background noise, by rising Q.

    They are those of `on_signal`, `on_noise` and, where latents are sampled,
    `on_noise_beyond`, at very many points: compiled.
    """
    from ..kernels import alone

    one, none = c.column(), np.zeros(len(c.eta))
    signals = []
    for strength in c.rho.T:
        rho = np.ascontiguousarray(strength)
        signals.append(signal_latent(one, rho[:, None], *_least(c, alone.SIGNAL, rho, none)))
    noise = [noise_latent(one, *_least(c, alone.NOISE, none, none))]
    if np.any(c.sampled):
        noise.append(beyond(c, noise[0]))
    return signals, noise


def beyond(c: Constants, least: Latent) -> Latent:
    """Return latents on noise of more than the `least` Q, as `on_noise_beyond` does; compiled."""
    from ..kernels import alone

    Q, D = _least(c, alone.BEYOND, np.zeros(len(c.eta)), least.Q)
    with np.errstate(invalid="ignore"):
        more = Q / least.Q[:, None] > 1 + 1e-6
    return noise_latent(c.column(), np.where(more, Q, np.nan), D)


def _least(
    c: Constants, kind: int, rho: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the least Q of latents of a kind, and their D, (n, 1) each."""
    from ..kernels import alone

    Q = np.empty(len(c.eta))
    alone.first_rises(c, rho, kind, first, furthest(rho + c.eta + c.h, c.beta), Q)
    one = c.column()
    return Q[:, None], one.beta / (Q[:, None] + one.beta)


def signal_latent(c: Constants, rho: np.ndarray, Q: np.ndarray, D: np.ndarray) -> Latent:
    """Return the latents (n,) at roots of `signal_at` (n, 1); nan where no weights are."""
    _, p, kappa, E, R = signal_at(c, rho, Q, D)
    with np.errstate(invalid="ignore"):
        there = (Q > ALIVE) & (p > ALIVE * rho) & (E > 0)
        m = np.sqrt(p / rho)
    parts = (rho, m, kappa * m, Q, E, R, D)
    return Latent(*(np.where(there, values, np.nan).ravel() for values in parts))


def noise_latent(c: Constants, Q: np.ndarray, D: np.ndarray) -> Latent:
    """Return the latents (n,) at roots of `noise_at` (n, 1); nan where no weights are."""
    _, E, R = noise_at(c, Q, D)
    least = np.where(c.sampled, 0, ALIVE)
    with np.errstate(invalid="ignore"):
        there = (least < Q) & (E > 0)
    Q, E, R, D = (np.where(there, values, np.nan).ravel() for values in (Q, E, R, D))
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
    found, rows = np.zeros(top.shape, bool), np.arange(len(top))[:, None]
    above = None
    for steps in (FIRST_NODES, *[FINER_NODES] * 13):
        nodes = low + width * steps
        f = function(nodes)
        f = np.where(np.isnan(f), -np.inf, f)
        above = f[:, :1] > 0 if above is None else above
        before = f[:, :-1]
        rises = (before <= 0) & (f[:, 1:] > 0) & (before > -np.inf)
        found |= rises.any(axis=1, keepdims=True)
        peak = (f.argmax(axis=1, keepdims=True) - 1).clip(0, len(steps) - 3)
        dips = (f[:, 1:-1] < f[:, :-2]) & (f[:, 1:-1] <= f[:, 2:])
        around = np.where(above, dips.argmax(axis=1, keepdims=True), peak)
        cell = np.where(found, rises.argmax(axis=1, keepdims=True), around)
        low, high = nodes[rows, cell], nodes[rows, cell + 2 - found]
        width = high - low
    return np.where(found, low + 0.5 * width, np.nan)


def all_roots(function: Callable[[np.ndarray], np.ndarray], top: np.ndarray) -> np.ndarray:
    """Return all roots of `function` (1, roots) between `ALIVE` and a quarter of `top` (1, 1).

    What lies beyond is on its way to infinity as the learning rate falls.
    """
    return roots_between(function, spread_nodes(top))


def spread_nodes(top: np.ndarray) -> np.ndarray:
    """Return the values of Q (nodes,) that `all_roots` looks at."""
    return np.geomspace(min(ALIVE, 1e-8 * top[0, 0]), 0.25 * top[0, 0], 5000)


def roots_between(function: Callable[[np.ndarray], np.ndarray], nodes: np.ndarray) -> np.ndarray:
    """Return the roots of `function` (1, roots) by rising Q, two at most between two nodes."""
    from scipy.optimize import minimize_scalar

    def value(Q: float) -> float:
        return float(function(np.array([[Q]]))[0, 0])

    crossed, tips, f = _marked(function, nodes)
    near = np.flatnonzero(crossed | tips)[:, None] + np.arange(-1, 2)
    near = np.unique(np.clip(near, 0, len(nodes) - 2))  # three roots may be close together
    finer = nodes[near, None] + np.diff(nodes)[near, None] * np.linspace(0, 1, 17)[:-1]
    nodes = np.union1d(nodes, finer)
    crossed, tips, f = _marked(function, nodes)
    tips[1:] &= ~crossed[:-1]
    found: list[Any] = []
    for i in np.flatnonzero(crossed | tips).tolist():
        if crossed[i]:
            found += _crossing(value, nodes[i], nodes[i + 1])
            continue
        side, ends = np.sign(f[i]), (nodes[i - 1], nodes[i + 1])
        tip: Any = minimize_scalar(
            lambda Q, side=side: side * value(Q), bounds=ends, method="bounded"
        )
        for end in ends:  # there are two roots between the nodes, or none
            if value(end) * value(tip.x) < 0:
                found += _crossing(value, end, tip.x)
    return np.array([sorted(found) or [np.nan]], float)


def _marked(
    function: Callable[[np.ndarray], np.ndarray], nodes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return whether (nodes - 1,) a root is after a node, or two may be around it, and values."""
    f = function(nodes[None])[0]
    size = np.abs(f)
    crossed = np.sign(f[:-1]) * np.sign(f[1:]) < 0
    tips = np.zeros_like(crossed)
    tips[1:] = (size[1:-1] > 0) & (size[1:-1] < np.minimum(size[:-2], size[2:])) & ~crossed[1:]
    return crossed, tips, f


def _crossing(value: Callable[[float], float], start: float, end: float) -> list[Any]:
    """Return the root between two points; none at a pole, around which there are no numbers."""
    from scipy.optimize import brentq

    try:
        return [brentq(value, start, end, xtol=1e-15 * min(start, end))]
    except ValueError:  # the signs differ, so it has met nan
        return []
