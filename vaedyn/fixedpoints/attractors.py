"""The attracting fixed point at many values of the constants at once.

Where every latent lives on a separate direction the fixed points are made of
three kinds of latents: on a signal, on background noise, collapsed. Each is a
root of one function of Q, and the Jacobian falls into blocks of at most 8 x 8,
so that all points of a grid are solved at once.
"""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.quantities import ACTIVE
from ..model.state import kl_per_latent
from .single import Latent, beyond, singles

PHASES = (
    "collapsed", "learned", "partly learned", "noise-fitting", "entangled", "oscillating",
    "undecided", "diverging",
)  # fmt: skip
COLLAPSED, LEARNED, PARTLY, NOISE, ENTANGLED, OSCILLATING, UNDECIDED, DIVERGING = range(8)
MARGINAL = 1e-8  # a growth rate below it, per tau, does not make a fixed point unstable


def attractors(c: Constants) -> dict[str, np.ndarray]:
    """Return phase, eps_g, active and growth (n,) of the stable fixed point of lowest loss.

    ``stable`` is the number of fixed points that are; without one the phase is left
    undecided. Latents learn the strongest signals, as the lack of a stronger one always
    makes a latent on a weaker one unstable; the others fit noise or collapse. Sampled
    latents always fit a little noise: they have collapsed up to `ACTIVE` nats. Between a fold and
    an escape to infinity others may fit more noise than the usual latent does.
    """
    n = len(c.eta)
    modes = Modes(c)
    found = {
        "phase": np.full(n, UNDECIDED, np.int8),
        "eps_g": np.full(n, np.nan),
        "active": np.full(n, -1, np.int16),
        "growth": np.full(n, np.nan),
    }
    found["stable"] = np.zeros(n, np.int16)
    found["loss"] = np.full(n, np.inf)
    modes.survey(found)
    rows, more = modes.with_more_noise()
    if len(rows):
        own = {name: values[rows] for name, values in found.items()}
        more.survey(own, beyond=True)
        for name, values in own.items():
            found[name][rows] = values
    del found["loss"]
    return found


class Modes:
    """The kinds of latents, and growth rates within and between them, each found once.

    A kind is the number of a signal, or one of the three below, of which the last is there only
    after `with_more_noise`. Latents of some `kinds` may be
    given, and growth rates that are `known` (n,), by blocks as in `growth`.
    """

    NOISE, COLLAPSED, BEYOND = -1, -2, -3

    def __init__(
        self,
        c: Constants,
        kinds: dict[int, Latent] | None = None,
        known: dict[Any, np.ndarray] | None = None,
    ):
        self.c = c
        self.signals = c.rho.shape[1]
        self.sampled = bool(np.any(c.sampled))
        self.kinds = dict(kinds or {})
        if len(self.kinds) < self.signals + 2:
            zero = np.zeros(len(c.eta))
            signals, (*collapsed, noise) = singles(c)
            collapsed = collapsed or [Latent(zero, zero, zero, zero, zero, zero, zero + 1)]
            found = {self.NOISE: noise, self.COLLAPSED: collapsed[0], **dict(enumerate(signals))}
            self.kinds = found | self.kinds
        self._known: dict[Any, np.ndarray] = dict(known or {})

    def survey(self, found: dict[str, np.ndarray], beyond: bool = False) -> None:
        """Put the stable states of lower loss than those in `found` in their place.

        `found` has what `attractors` returns and ``loss``, (n,) each. `beyond`: only states in
        which latents fit more noise than the usual one.
        """
        c, n, latents = self.c, len(self.c.eta), self.c.latent
        most = min(latents, self.signals)
        for learned in range(most + 1):
            alone = COLLAPSED if learned == 0 else LEARNED if learned == most else PARTLY
            for noise in range(latents - learned + 1):
                for more in range(beyond, (latents - learned - noise) * beyond + 1):
                    spare = latents - learned - noise - more
                    growth = self.growth(learned, noise, spare, more)
                    loss, eps_g = self.loss(learned, noise, more)
                    stable = growth <= MARGINAL * c.lr
                    found["stable"] += stable
                    better = stable & (loss < found["loss"])
                    fitting = self.fitting(noise, spare) + more
                    phase = np.where(fitting > 0, NOISE, alone)
                    values = {"phase": phase, "eps_g": eps_g, "active": learned + fitting}
                    for name, value in (values | {"growth": growth, "loss": loss}).items():
                        found[name][better] = np.broadcast_to(value, n)[better]

    def with_more_noise(self) -> tuple[np.ndarray, "Modes"]:
        """Return where a latent on noise has a further state of more Q, and the modes there."""
        more = None if self.sampled else beyond(self.c, self.kinds[self.NOISE])
        rows = np.flatnonzero([]) if more is None else np.flatnonzero(np.isfinite(more.Q))
        there = self.kinds | ({} if more is None else {self.BEYOND: more})
        return rows, Modes(self.c.at(rows), {kind: one.at(rows) for kind, one in there.items()})

    def fitting(self, noise: int, collapsed: int) -> np.ndarray:
        """Return how many latents without a signal fit noise, (n,)."""
        counts = {self.NOISE: noise, self.COLLAPSED: collapsed}
        if not self.sampled:
            return np.full(len(self.c.eta), noise)
        total = np.zeros(len(self.c.eta), int)
        for kind, count in counts.items():
            one = self.kinds[kind]
            total += count * (kl_of(one, self.c) > ACTIVE)
        return total

    def loss(self, learned: int, noise: int, beyond: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return distortion + beta KL and eps_g, (n,) each."""
        # model: closed form, the loss of single latents
        c = self.c
        loss, eps_g = np.zeros(len(c.eta)), c.rho.sum(axis=1)
        spare = [self.COLLAPSED] * (self.sampled * (c.latent - learned - noise))
        fitting = [self.NOISE] * noise + [self.BEYOND] * beyond
        for kind in [*range(learned), *fitting, *spare]:
            one = self.kinds[kind]
            S, A, *_ = one.moments(c)
            loss = loss - A + 0.5 * one.Q * (S + one.D)
            loss = loss + 0.5 * c.beta * (S + one.D - np.log(one.D) - 1)
            loss = loss + 0.5 * c.lam * (one.Q + one.E)
            eps_g = eps_g - 2 * np.sqrt(one.rho) * one.m + one.Q
        return loss, eps_g

    def growth(self, learned: int, noise: int, collapsed: int, beyond: int = 0) -> np.ndarray:
        """Return the largest growth rate (n,), or any positive one or inf where it is unstable."""
        spare = [self.COLLAPSED] * collapsed + [self.BEYOND] * beyond
        kinds = [*range(learned), *[self.NOISE] * noise, *spare]
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
        # model: linearisation, in m and d with a signal without a latent
        one, c = self._pick(a, rows), self.c.at(rows)
        *_, K, B = one.moments(c)
        P = c.rho[:, k] + c.eta
        decay = c.encoder * (K * P + c.lam)  # of [[-B, P], [encoder P, -decay]]
        if self._equal(a, k):
            return -c.lr * (B + decay)
        return c.lr * 0.5 * (np.hypot(B - decay, 2 * np.sqrt(c.encoder) * P) - B - decay)

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


def kl_of(one: Latent, c: Constants) -> np.ndarray:
    """Return the KL divergence of single latents from the prior in nats, (n,)."""
    return kl_per_latent(one.moments(c)[0][:, None, None], one.D[:, None])[:, 0]


def own_jacobian(one: Latent, c: Constants) -> np.ndarray:
    """Return the Jacobian of one latent's dy/dt / tau in m, d, Q, E, R, D, (n, 6, 6)."""
    # model: linearisation, of a single latent
    rho, m, d, Q, _, _, D = (values[:, None] for values in one)
    S, A, _, K, B = (values[:, None] for values in one.moments(c))
    c = c.column()
    eta, lam, h, r, z, P = c.eta, c.lam, c.h, c.encoder, c.sampled, rho + c.eta
    dm, dd, dQ, dE, dR, dD = np.eye(6)
    dS = 2 * rho * d * dd + eta * dE
    dA = rho * (m * dd + d * dm) + eta * dR
    dY = 2 * rho * m * dm + eta * dQ
    dB = dS + dD
    dC = dY - 2 * (K * dA + A * dQ) + K**2 * dS + 2 * K * S * dQ + z * (2 * Q * D * dQ + Q**2 * dD)
    rows = [
        P * dd - B * dm - m * dB,
        r * (P * dm - (K * P + lam) * dd - P * d * dQ),
        2 * dA - 2 * (Q * dB + B * dQ) + h * (dS + z * dD),
        r * (2 * (dA - K * dS - S * dQ - lam * dE) + r * h * dC),
        dS - B * dR - one.R[:, None] * dB + r * (dY - K * dA - A * dQ - lam * dR)
        + r * h * (dA - K * dS - S * dQ - z * (D * dQ + Q * dD)),
        -0.5 * c.variances * (dQ + c.beta / D**2 * dD),
    ]  # fmt: skip
    return np.stack(rows, axis=1)


def cross_jacobian(a: Latent, b: Latent, c: Constants) -> np.ndarray:
    """Return the Jacobian of dy/dt / tau in what two latents share, (n, 8, 8).

    In the order m_ab, d_ab, m_ba, d_ba, Q_ab, E_ab, R_ab, R_ba, where m_ab is
    the overlap of `a` with the signal of `b`.
    """
    # model: linearisation, of what two single latents share
    rho, m, d, Q, _, R, D = (values[:, None] for values in a)
    rho_, m_, d_, Q_, _, R_, D_ = (values[:, None] for values in b)
    S, A, _, K, B = (values[:, None] for values in a.moments(c))
    S_, A_, _, K_, B_ = (values[:, None] for values in b.moments(c))
    c = c.column()
    eta, lam, h, r, z = c.eta, c.lam, c.h, c.encoder, c.sampled
    P, P_ = rho + eta, rho_ + eta
    dm, dd, dm_, dd_, dQ, dE, dR, dR_ = np.eye(8)
    dS = rho * d * dd_ + rho_ * d_ * dd + eta * dE
    dA = rho * m * dd_ + rho_ * d_ * dm + eta * dR  # of A_ab
    dA_ = rho_ * m_ * dd + rho * d * dm_ + eta * dR_  # of A_ba
    dY = rho * m * dm_ + rho_ * m_ * dm + eta * dQ
    dC = dY - A * dQ - K_ * dA - K * dA_ - A_ * dQ + K * K_ * dS + (K_ * S_ + K * S) * dQ
    dC = dC + z * (Q * D + Q_ * D_) * dQ
    dX, dX_ = dA_ - S * dQ - K_ * dS - z * D * dQ, dA - S_ * dQ - K * dS - z * D_ * dQ
    rows = [
        P_ * dd - B * dm - m_ * dS,
        r * (P_ * (dm - K * dd - d_ * dQ) - lam * dd),
        P * dd_ - B_ * dm_ - m * dS,
        r * (P * (dm_ - K_ * dd_ - d * dQ) - lam * dd_),
        dA + dA_ - (B + B_) * dQ - (Q + Q_) * dS + h * dS,
        r * (dA + dA_ - (K + K_) * dS - (S + S_) * dQ - 2 * lam * dE + r * h * dC),
        dS - B * dR - R_ * dS + r * (dY - A * dQ - K_ * dA - lam * dR) + r * h * dX,
        dS - B_ * dR_ - R * dS + r * (dY - A_ * dQ - K * dA_ - lam * dR_) + r * h * dX_,
    ]
    return np.stack(rows, axis=1)
