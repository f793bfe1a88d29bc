"""Where the largest learning rate at which the attracting state is stable takes a value.

At that rate the state meets a bifurcation, so that the curves are those of a box in which it is
the learning rate, as far as the state that is followed up to it is concerned.
"""

from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from .alone_at import COLLAPSED, NOISE, blocks_of
from .attractors import MARGINAL, Modes
from .box import Box
from .conditions import Condition, Selection, kinds_of
from .starts import JUMP, of_lowest_loss
from .varied import with_value

BESIDE = 1e-4  # of a learning rate: so near on both sides stability is looked at
FINER = 1.1  # ratio of learning rates on the way up
LARGEST = 1e4  # as that of `thresholds`


class LargestLr(NamedTuple):
    """What is followed in place of ``max_lr=x``.

    Attributes
    ----------
    box : Box
        That of the curves, at the learning rate x.
    lowest : float
        The learning rate of the model, over x: there the state is the one of least loss.
    """

    box: Box
    lowest: float

    @classmethod
    def of(cls, box: Box, value: float) -> "LargestLr":
        """Return it after checking the value.

        Raises
        ------
        ParameterError
            When lr is varied, or the value is not above the learning rate of the model.
        """
        if "lr" in box.names:
            raise ParameterError("follow", "max_lr is not followed over lr: vary two others")
        lowest = float(box.params.rates[0])
        if not lowest < value <= LARGEST:
            raise ParameterError(
                "follow",
                f"max_lr must be above lr, {lowest:g}, at which the state attracts, and at most "
                f"{LARGEST:g}, got {value:g}",
            )
        return cls(box._replace(params=with_value(box.params, "lr", value)), lowest / value)

    def attracts(self, condition: Condition, X: np.ndarray) -> np.ndarray:
        """Return at which points (n, unknowns) of a curve the state becomes unstable, (n,)."""
        p, c = self.box.params, self.box.constants(X[:, -2:])
        states, best = of_lowest_loss(_at(c, self.lowest), p.latent, p.signal)[1:]
        found = np.zeros(len(X), bool)
        for n, state in enumerate(states):
            rows = np.flatnonzero(best == n)
            if len(rows) and _concerns(condition, state, p.signal):
                found[rows] = self._changes(c.at(rows), state)
        return found

    def _changes(self, c: Constants, state: Selection) -> np.ndarray:
        """Return where a state is stable up to the learning rate of `c` (n,), and not beyond."""
        below, above = _at(c, 1 - BESIDE), _at(c, 1 + BESIDE)
        changes = _stable(below, state) & ~_continues(below, above, state)
        steps = int(np.ceil(-np.log(self.lowest) / np.log(FINER)))
        for share in np.geomspace(self.lowest, 1, steps + 1)[1:-1]:
            rows = np.flatnonzero(changes)
            if not len(rows):
                break
            changes[rows] = _stable(_at(c.at(rows), share), state)
        return changes


def _at(c: Constants, share: float) -> Modes:
    return Modes(c._replace(lr=c.lr * share))


def _stable(modes: Modes, state: Selection) -> np.ndarray:
    return modes.growth(*state) <= MARGINAL * modes.c.lr


def _continues(below: Modes, above: Modes, state: Selection) -> np.ndarray:
    """Return where a state is stable `above`, and the same as `below`, (n,)."""
    same = np.ones(len(below.c.lr), bool)
    for kind in kinds_of(state):
        Q, before = above.kinds[kind].Q, below.kinds[kind].Q
        same &= ~(np.abs(Q - before) > JUMP * np.maximum(Q, before))
    return same & _stable(above, state)


def _concerns(condition: Condition, state: Selection, signals: int) -> bool:
    """Return whether a condition is about latents of a state."""
    learned, noise, spare = state
    kinds = [*range(learned), *[NOISE] * noise, *[COLLAPSED] * spare]
    block = getattr(condition, "block", None)
    return noise > 0 if block is None else block in blocks_of(kinds, learned, signals)
