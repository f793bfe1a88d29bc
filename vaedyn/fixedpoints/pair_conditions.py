"""Conditions of codimension one on fixed points in which latents live together in pairs.

They are those of `vaedyn.fixedpoints.conditions`, on blocks of `vaedyn.fixedpoints.pairs_at`: a
pair is one Q among the unknowns, as a latent alone is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..kernels.constants import Constants
from .alone_at import COLLAPSED, NOISE, Block
from .box import Box
from .conditions import Condition, Fold, Hopf, Loss
from .pair_modes import PairModes, State, kinds_in
from .pairs_at import BORN, OWN, Kind, Pair, bend, latents_at, left, living, null, spectrum
from .single import Latent


class _OfPairs:
    """What a condition on states with pairs has in place of one on latents alone.

    Attributes
    ----------
    states : those that it may be about: the most stable one counts
    """

    box: Box
    concerned: Any
    block: Block
    states: tuple[State, ...]
    name: str
    born = None

    @property
    def unknown(self) -> tuple[Any, ...]:
        sampled = self.box.params.sampled
        return tuple(each for kind in self.concerned for each in living(kind, sampled))

    def _by_kind(self, X: np.ndarray) -> list[tuple[Kind, np.ndarray]]:
        """Return each kind with its Q, (n, living)."""
        place = {name: i for i, name in enumerate(self.unknown)}
        own = [living(kind, self.box.params.sampled) for kind in self.concerned]
        chosen = [X[:, [place[name] for name in names]] for names in own]
        return list(zip(self.concerned, chosen, strict=True))

    def latents(self, X: np.ndarray) -> tuple[Constants, dict[Any, Latent], np.ndarray]:
        c = self.box.constants(X[:, -2:])
        found: dict[Any, Latent] = {}
        sizes = [np.ones((len(X), 0))]
        for kind, Q in self._by_kind(X):
            latents, positive = latents_at(c, kind, Q)
            found |= latents
            sizes.append(positive)
        return c, found, np.concatenate(sizes, axis=1)

    def values(self, X: np.ndarray) -> np.ndarray:
        c, latents, _ = self.latents(X)
        kinds = [(kind, Q) for kind, Q in self._by_kind(X) if Q.shape[1]]
        rest = [each for kind, Q in kinds for each in left(c, kind, Q)]
        condition: Any = self
        with np.errstate(all="ignore"):  # of states far from any fixed point
            return np.stack([*rest, *condition.left(X, c, latents)], axis=1)

    def own(self, c: Constants, latents: dict[Any, Latent]) -> np.ndarray:
        return spectrum(c, self.block, latents)

    def rest(self, X: np.ndarray) -> np.ndarray:
        c, latents, sizes = self.latents(X)
        real = {name: Latent(*(np.real(x) for x in one)) for name, one in latents.items()}
        condition: Any = self
        others = np.real(condition.others(X)).max(axis=1, initial=-np.inf)
        modes = PairModes(c, real, {self.block: others})
        least = np.min([modes.growth(state) for state in self.states], axis=0)
        return np.where((np.real(sizes) > -1e-9).all(axis=1), least, np.inf)

    def others_at(self, name: str, point: np.ndarray) -> list[tuple[Condition, np.ndarray]]:
        if name != "Bogdanov-Takens":
            return []
        if isinstance(self, Hopf):
            steady: Any = PairFold if folds(self.block, self.box) else PairLoss
            return [(on_block(steady, self.box, self.block, self.states), np.delete(point, -3))]
        turning = on_block(PairHopf, self.box, self.block, self.states)
        return [(turning, np.insert(point, -2, 0.0))]

    @property
    def label(self) -> str:
        """Which latents it is about, as a list of fixed points has them."""
        words = ", ".join(map(word_of, self.concerned))
        if "unlearned" in self.block:
            return f"{words} to signal {self.block[2] + 1}"
        born = self.block[0] == BORN or self.block == (COLLAPSED,)
        return words + " to noise" * (born and self.name == "loss")


@dataclass(frozen=True)
class PairLoss(_OfPairs, Loss):
    """A real eigenvalue of a block is zero."""

    states: tuple[State, ...] = ()


@dataclass(frozen=True)
class PairHopf(_OfPairs, Hopf):
    """A block has a pair of imaginary eigenvalues."""

    states: tuple[State, ...] = ()

    def lyapunov(self, X: np.ndarray) -> np.ndarray:
        """Return nan, (n, 2): the first Lyapunov coefficient is not derived for pairs."""
        return np.full((len(X), 2), np.nan)


@dataclass(frozen=True)
class PairFold(_OfPairs, Fold):
    """Two states of pairs, or of latents beside them, meet: a function of Q has a double root."""

    states: tuple[State, ...] = ()

    def left(self, X: np.ndarray, c: Constants, latents: dict[Any, Latent]) -> list[np.ndarray]:
        ((kind, Q),) = self._by_kind(X)
        return [bend(c, kind, Q)]

    def tests(self, X: np.ndarray) -> dict[str, np.ndarray]:
        ((kind, Q),) = self._by_kind(X)
        c = self.box.constants(X[:, -2:])
        step = 1e-5 * Q.max(axis=1, keepdims=True) * null(c, kind, Q)
        found = super().tests(X)
        found["cusp"] = (bend(c, kind, Q + step) - bend(c, kind, Q - step)) / 2e-5
        return found


def on_block(cls: Any, box: Box, block: Block, states: tuple[State, ...]) -> Any:
    """Return a condition of class `cls` on a block of some states."""
    return cls(box, kinds_in(block), block, states=states)


def folds(block: Block, box: Box) -> bool:
    """Return whether a vanishing eigenvalue of a block makes a fold."""
    return block[0] == OWN or (len(block) == 1 and bool(living(block[0], box.params.sampled)))


def word_of(kind: Kind) -> str:
    """Return a kind of latents in words, as a list of fixed points has it."""
    if isinstance(kind, Pair):
        return "two on " + " and ".join(word_of(each) for each in kind if each != COLLAPSED)
    return {NOISE: "noise", COLLAPSED: "collapsed"}.get(kind, f"signal {kind + 1}")
