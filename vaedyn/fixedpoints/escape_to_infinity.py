"""The condition that noise which a latent fits grows to infinity."""

from dataclasses import dataclass

import numpy as np

from ..kernels.constants import Constants
from .alone_at import selections
from .attractors import MARGINAL, Modes
from .conditions import Condition, kinds_of
from .single import Latent

BESIDE = (2e-3, 2e-4, 2e-5)  # distances at which the sides of an escape are looked at
MUCH = 5.0  # E of latents on much noise


@dataclass(frozen=True)
class Escape(Condition):
    """Noise that a latent fits grows to infinity: its E does, while Q stays at h / 2.

    The largest terms in E of dE/dt vanish where ``2 (K + lam / eta) = r h K^2``.
    """

    name = "escape"

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        # model: closed form, what is of the order of E
        K = c.beta + 0.5 * c.h
        gain, loss = c.encoder * c.h * K**2, 2 * (K + c.lam / c.eta)
        return [(gain - loss) / (gain + loss)]

    def rest(self, X: np.ndarray) -> np.ndarray:
        """Return -1 where a stable state with much noise is on one side only, else 1, (n,)."""
        across = np.array([self.slope(x)[1][0] for x in X])
        across = across / np.linalg.norm(across, axis=1, keepdims=True)
        differ = np.zeros(len(X), bool)
        for away in BESIDE:
            one, other = (self._fits_much(X + side * away * across) for side in (-1, 1))
            differ |= one != other
        return np.where(differ, -1.0, 1.0)

    def _fits_much(self, at: np.ndarray) -> np.ndarray:
        """Return where a state with much noise is stable, (n,)."""
        modes = Modes(self.box.constants(at))
        states = selections(self.box.params.latent, self.box.params.signal)
        found = np.zeros(len(at), bool)
        for state in states:
            spare = [kind for kind in kinds_of(state) if kind < 0]
            much = [modes.kinds[kind].E > MUCH for kind in spare]  # of sampled latents, any may
            found |= np.any(much, axis=0) & (modes.growth(*state) <= MARGINAL * modes.c.lr)
        rows, more = modes.with_more_noise()
        for learned, noise, spare in states if len(rows) else []:
            for k in range(1, noise + 1):
                growth = more.growth(learned, noise - k, spare, k)
                much = more.kinds[Modes.BEYOND].E > MUCH
                found[rows] |= much & (growth <= MARGINAL * more.c.lr)
        return found
