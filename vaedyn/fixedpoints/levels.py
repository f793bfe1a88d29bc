"""Conditions on what states of single latents have: a quantity of a value, or equal losses."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.constants import Constants
from .alone_at import COLLAPSED, NOISE
from .attractors import Modes, kl_of
from .conditions import Condition, Selection, kinds_of, of_least_loss
from .single import Latent


def measured(c: Constants, latents: dict[int, Latent], of: Selection, quantity: str) -> Any:
    """Return eps_g, kl, distortion or the loss of a state of single latents, (n,)."""
    modes = Modes(c, latents | {k: latents[min(latents)] for k in _lacking(c, latents)})
    learned, noise, spare = of
    if quantity in ("eps_g", "loss"):
        loss, eps_g = modes.loss(learned, noise)
        return eps_g if quantity == "eps_g" else loss
    total: Any = 0.0
    copies = {**dict.fromkeys(range(learned), 1), NOISE: noise, COLLAPSED: spare}
    for kind, count in copies.items():
        if count:
            total = total + count * kl_of(latents[kind], c)
    return total


def _lacking(c: Constants, latents: dict[int, Latent]) -> set[int]:
    """Return kinds that nothing asks for, whose latents need not be found."""
    return {NOISE, COLLAPSED, *range(c.rho.shape[1])} - latents.keys()


@dataclass(frozen=True)
class Level(Condition):
    """A quantity has a value at the state that attracts."""

    of: Selection
    quantity: str
    value: float
    name = "level"

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        found = measured(c, latents, self.of, self.quantity)
        return [np.real(found) - self.value]

    def among(self, rates: dict[Selection, np.ndarray], modes: Modes) -> np.ndarray:
        return of_least_loss([self.of], rates, modes)


@dataclass(frozen=True)
class EqualLoss(Condition):
    """Two states have the same loss."""

    one: Selection
    other: Selection
    name = "equal loss"

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        first, second = (measured(c, latents, of, "loss") for of in (self.one, self.other))
        return [np.real(first - second)]

    def among(self, rates: dict[Selection, np.ndarray], modes: Modes) -> np.ndarray:
        return of_least_loss([self.one, self.other], rates, modes)


class Awake(Level):
    """A sampled latent without a signal ceases to count as collapsed."""

    name = "awake"

    def among(self, rates: dict[Selection, np.ndarray], modes: Modes) -> np.ndarray:
        (kind,) = self.concerned
        own = [rate for state, rate in rates.items() if kind in kinds_of(state)]
        return np.min(own, axis=0)
