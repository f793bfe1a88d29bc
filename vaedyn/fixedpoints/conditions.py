"""Conditions of codimension one on fixed points of single latents, as small systems.

The unknowns are the Q of the latents that are concerned and two constants, for a Hopf
bifurcation the square of its frequency, too; the equations are one fewer.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ..kernels.constants import Constants
from .alone_at import (
    COLLAPSED,
    NOISE,
    Block,
    bend,
    blocks_of,
    latent_at,
    left,
    living,
    members,
    relevant,
    selections,
    spectrum,
)
from .attractors import MARGINAL, Modes
from .box import Box
from .hopf_side import lyapunov
from .single import Latent

STEP = 1e-6  # of central differences, relative to a coordinate, or to 1

Selection = tuple[int, int, int]
"""How many latents learn a signal, fit noise, and have collapsed."""


def kinds_of(selection: Selection) -> tuple[int, ...]:
    """Return the kinds of latents in a state, once each."""
    learned, noise, spare = selection
    return (*range(learned), *[NOISE] * bool(noise), *[COLLAPSED] * bool(spare))


@dataclass(frozen=True)
class Condition:
    """One condition, over a box of two constants; points X (n, unknowns) end in the box.

    Attributes
    ----------
    box : Box
    concerned : the kinds of latents that it depends on
    """

    box: Box
    concerned: tuple[int, ...]
    name = ""

    @property
    def unknown(self) -> tuple[int, ...]:
        """The kinds whose Q are unknowns."""
        sampled = self.box.params.sampled
        return tuple(kind for kind in self.concerned if living(kind, sampled))

    def latents(self, X: np.ndarray) -> tuple[Constants, dict[int, Latent], np.ndarray]:
        """Return the model, latents by kind, and what is positive where they are, (n, ...)."""
        c = self.box.constants(X[:, -2:])
        place = {kind: X[:, i] for i, kind in enumerate(self.unknown)}
        found = {kind: latent_at(c, kind, place.get(kind, X[:, 0])) for kind in self.concerned}
        sizes = np.concatenate(
            [np.ones((len(X), 0)), *(each for _, each in found.values())], axis=1
        )
        return c, {kind: one for kind, (one, _) in found.items()}, sizes

    def limits(self, X: np.ndarray) -> np.ndarray:
        """Return what must stay positive along the curve, (n, ...)."""
        return np.real(self.latents(X)[2])

    def end(self, vanishing: int) -> str:
        """Return the name of an end at which one of `limits` vanishes."""
        return "end"

    def values(self, X: np.ndarray) -> np.ndarray:
        """Return what vanishes along the curve, (n, unknowns - 1)."""
        c, latents, _ = self.latents(X)
        rest = [left(c, kind, X[:, i]) for i, kind in enumerate(self.unknown)]
        with np.errstate(all="ignore"):  # of states far from any fixed point
            return np.stack([*rest, *self.left(X, c, latents)], axis=1)

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        """Return what vanishes besides the equations of the latents, (n,) each."""
        raise NotImplementedError

    def slope(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return `values` (unknowns - 1,) and their derivatives at one point (unknowns,)."""
        h = STEP * np.maximum(np.abs(X), 1.0)
        h[: len(self.unknown)] = STEP * np.maximum(np.abs(X[: len(self.unknown)]), 1e-3)
        steps = np.diag(h)
        found = self.values(np.concatenate([X[None], X + steps, X - steps]))
        n = len(X)
        return found[0], ((found[1 : n + 1] - found[n + 1 :]) / (2 * h[:, None])).T

    def tests(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Return functions (n,) that change their sign at points of codimension two, by name."""
        return {}

    def others_at(self, name: str, point: np.ndarray) -> list[tuple["Condition", np.ndarray]]:
        """Return the conditions whose curves meet this one at a point of codimension two there."""
        return []

    def holds(self, name: str, point: np.ndarray) -> bool:
        """Return whether a point at which a test changes its sign is what it tests for."""
        return True

    def known(self, X: np.ndarray) -> dict[Block, np.ndarray]:
        """Return growth rates of blocks without what is critical in them, (n,)."""
        return {}

    def rest(self, X: np.ndarray) -> np.ndarray:
        """Return the largest growth rate besides what is critical, of the state where it is least.

        Per unit of time and tau, (n,); where it is negative a state that attracts is concerned.
        """
        c, latents, sizes = self.latents(X)
        real = {kind: Latent(*(np.real(x) for x in one)) for kind, one in latents.items()}
        modes = Modes(c, real, self.known(X))
        states = selections(self.box.params.latent, self.box.params.signal)
        rates = {state: modes.growth(*state) / c.lr for state in states}
        there = (np.real(sizes) > -1e-9).all(axis=1)
        return np.where(there, self.among(rates, modes), np.inf)

    def among(self, rates: dict[Selection, np.ndarray], modes: Modes) -> np.ndarray:
        """Return which of the growth rates of all states counts, (n,)."""
        raise NotImplementedError


def _scaled(values: np.ndarray) -> np.ndarray:
    return np.prod(1 + np.abs(values), axis=1)


def pair_sums(values: np.ndarray) -> np.ndarray:
    """Return the product of all sums of two eigenvalues (n, modes), (n,), for its sign."""
    sums = [values[:, i] + values[:, j] for i, j in combinations(range(values.shape[1]), 2)]
    return np.real(np.prod([x / (1 + np.abs(x)) for x in sums], axis=0) if sums else values[:, 0])


@dataclass(frozen=True)
class _OfBlock(Condition):
    """A condition on the eigenvalues of one block, all shifted by `shift` per unit of time."""

    block: Block
    shift: float = 0.0

    def own(self, c: Constants, latents: dict[int, Latent]) -> np.ndarray:
        values = spectrum(c, self.block, latents)
        return values + (self.shift / c.lr)[:, None] if self.shift else values

    def others(self, X: np.ndarray) -> np.ndarray:
        """Return the eigenvalues of the block that are not critical, (n, modes)."""
        c, latents, _ = self.latents(X)
        values = self.own(c, latents)
        order = np.argsort(np.abs(values), axis=1)
        return np.take_along_axis(values, order[:, 1:], axis=1)

    def holds(self, name: str, point: np.ndarray) -> bool:
        """Return whether, of a zero-Hopf point, the pair whose sum vanishes is complex."""
        if name != "zero-Hopf":
            return True
        values = self.others(point[None])[0]
        pairs = list(combinations(values, 2))
        return not pairs or abs(min(pairs, key=lambda pair: abs(sum(pair)))[0].imag) > 1e-9

    def known(self, X: np.ndarray) -> dict[Block, np.ndarray]:
        c = self.box.constants(X[:, -2:])
        others = np.real(self.others(X)) - (self.shift / c.lr)[:, None]
        return {self.block: c.lr * others.max(axis=1, initial=-np.inf)}

    def among(self, rates: dict[Selection, np.ndarray], modes: Modes) -> np.ndarray:
        signal, found = self.box.params.signal, []
        for state in rates:
            learned, noise, spare = state
            kinds = [*range(learned), *[NOISE] * noise, *[COLLAPSED] * spare]
            if self.block in blocks_of(kinds, learned, signal):
                slow = self.shift / modes.c.lr
                own = of_least_loss([state], rates, modes) if self.shift else rates[state]
                found.append(own + slow)
        return np.min(found, axis=0)


@dataclass(frozen=True)
class Loss(_OfBlock):
    """A real eigenvalue of a block is zero."""

    name = "loss"

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        values = self.own(c, latents)
        return [np.prod(values, axis=1).real / _scaled(values)]

    def tests(self, X: np.ndarray) -> dict[str, np.ndarray]:
        if self.shift:
            return {}
        others = self.others(X)
        found = {}
        if others.shape[1]:
            found["Bogdanov-Takens"] = np.prod(others, axis=1).real / _scaled(others)
        if others.shape[1] > 1:
            found["zero-Hopf"] = pair_sums(others)
        born = self.born
        if born is not None:
            c, latents, _ = self.latents(X)
            found["tricritical"] = bend(c, born, np.real(latents[self.block[0]].Q))
        return found

    def others_at(self, name: str, point: np.ndarray) -> list[tuple[Condition, np.ndarray]]:
        p = self.box.params
        if name == "Bogdanov-Takens":
            return [(of_block(self.box, self.block, Hopf), np.insert(point, -2, 0.0))]
        if name == "tricritical" and (self.born,) in relevant(p.latent, p.signal):
            Q = np.real(self.latents(point[None])[1][self.block[0]].Q)
            return [(of_block(self.box, (self.born,), Fold), np.append(Q, point[-2:]))]
        return []

    @property
    def born(self) -> int | None:
        """The kind of latents that branch off here, where it is one that lives alone."""
        if self.block == (COLLAPSED,) and not self.box.params.sampled:
            return NOISE
        return self.block[2] if "unlearned" in self.block and self.block[0] < 0 else None


@dataclass(frozen=True)
class Fold(_OfBlock):
    """Two states of a kind of latents meet: its function of Q has a double root."""

    name = "fold"

    def end(self, vanishing: int) -> str:
        return "lost" if vanishing == 1 else "tricritical"

    def others_at(self, name: str, point: np.ndarray) -> list[tuple[Condition, np.ndarray]]:
        if name == "Bogdanov-Takens":
            return [(of_block(self.box, self.block, Hopf), np.insert(point, -2, 0.0))]
        return []

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        return [bend(c, self.block[0], X[:, 0])]

    def tests(self, X: np.ndarray) -> dict[str, np.ndarray]:
        others = self.others(X)
        second = np.array([self.slope(x)[1][1, 0] for x in X])
        return {
            "cusp": second,
            "Bogdanov-Takens": np.prod(others, axis=1).real / _scaled(others),
            "zero-Hopf": pair_sums(others),
        }


@dataclass(frozen=True)
class Hopf(_OfBlock):
    """A block has a pair of imaginary eigenvalues; their square, with sign, is an unknown."""

    name = "hopf"

    def left(self, X: np.ndarray, c: Constants, latents: dict[int, Latent]) -> list[np.ndarray]:
        values, square = self.own(c, latents), X[:, -3]
        a = [np.ones(len(X), complex)]  # the characteristic polynomial, constant first
        for x in values.T:
            a = [-x * low + high for low, high in zip([*a, 0], [0, *a], strict=True)]
        scale = _scaled(values)
        parts = [sum(np.real(x) * (-square) ** n for n, x in enumerate(a[i::2])) for i in (0, 1)]
        return [part / scale for part in parts]

    def limits(self, X: np.ndarray) -> np.ndarray:
        return np.concatenate([super().limits(X), X[:, -3:-2]], axis=1)

    def end(self, vanishing: int) -> str:
        last = super().limits(np.ones((1, len(self.unknown) + 3))).shape[1]
        return "Bogdanov-Takens" if vanishing == last and not self.shift else "end"

    def others_at(self, name: str, point: np.ndarray) -> list[tuple[Condition, np.ndarray]]:
        if name == "Bogdanov-Takens":
            fold = len(self.block) == 1 and bool(self.unknown)
            return [(of_block(self.box, self.block, Fold if fold else Loss), np.delete(point, -3))]
        return []

    def others(self, X: np.ndarray) -> np.ndarray:
        c, latents, _ = self.latents(X)
        values, square = self.own(c, latents), X[:, -3]
        order = np.argsort(np.abs(values**2 + square[:, None]), axis=1)
        return np.take_along_axis(values, order[:, 2:], axis=1)

    def lyapunov(self, X: np.ndarray) -> np.ndarray:
        """Return first Lyapunov coefficients, and the sizes of their terms, (n, 2)."""
        c, latents, _ = self.latents(X)
        return lyapunov(c, tuple(kind for kind in self.block if kind != "unlearned"), latents)

    def tests(self, X: np.ndarray) -> dict[str, np.ndarray]:
        if self.shift:
            return {}
        value, size = self.lyapunov(X).T
        others, found = self.others(X), {"generalized Hopf": value / size}
        if others.shape[1]:
            found["zero-Hopf"] = np.prod(others, axis=1).real / _scaled(others)
        return found

    def holds(self, name: str, point: np.ndarray) -> bool:
        if name != "generalized Hopf":
            return True
        value, size = self.lyapunov(point[None])[0]
        return bool(abs(value) < 1e-4 * size)  # or it has a pole there


def of_least_loss(
    of: list[Selection], rates: dict[Selection, np.ndarray], modes: Modes
) -> np.ndarray:
    """Return the largest growth rate of states (n,), inf where another stable one has less loss."""
    own = np.max([modes.loss(*state[:2])[0] for state in of], axis=0)
    growth = np.max([rates[state] for state in of], axis=0)
    for state, rate in rates.items():
        if state not in of:
            loss = modes.loss(*state[:2])[0]
            growth = np.where((rate <= MARGINAL) & (loss < own - 1e-12), np.inf, growth)
    return growth


def of_block(box: Box, block: Block, cls: Any, shift: float = 0.0) -> Any:
    """Return a condition of class `cls` on a block."""
    return cls(box, members(block), block, shift)
