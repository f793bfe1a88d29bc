"""Points where curves cross lines through a box: all lines are looked at at once."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..model.quantities import ACTIVE
from .alone_at import COLLAPSED, NOISE, Block, living, members, relevant, selections, spectrum
from .attractors import MARGINAL, Modes
from .box import Box
from .conditions import (
    Condition,
    Fold,
    Hopf,
    Loss,
    Selection,
    kinds_of,
    of_block,
    pair_sums,
)
from .continued import corrected
from .escape_to_infinity import Escape
from .levels import Awake, EqualLoss, Level, measured

LINES = 7  # in each direction, the edges included
ALONG = 97  # points of each
JUMP = 0.15  # of Q between neighbours, above which it may be that of another state


class Cell(NamedTuple):
    """Two neighbours on a line, between which a condition may hold."""

    condition: Condition
    before: np.ndarray
    after: np.ndarray


class Scan:
    """The usual state of each kind of latent along lines of a box, and its eigenvalues."""

    def __init__(self, box: Box, lines: int = LINES, along: int = ALONG):
        u, v = np.linspace(0, 1, along), np.linspace(0, 1, lines)
        one = np.stack(np.broadcast_arrays(u, v[:, None]), axis=2)  # (lines, along, 2)
        self.box, self.shape = box, (2 * lines, along)
        self.at = np.concatenate([one, one[:, :, ::-1]])
        self.c = box.constants(self.at.reshape(-1, 2))
        self.modes = Modes(self.c)
        self.latents = self.modes.kinds

    @property
    def points(self) -> int:
        return self.shape[0] * self.shape[1]

    def spectra(self, block: Block) -> np.ndarray:
        """Return the eigenvalues of a block, (points, modes)."""
        return spectrum(self.c, block, {kind: self.latents[kind] for kind in members(block)})

    def changes(self, values: np.ndarray) -> list[tuple[int, int]]:
        """Return the neighbours (flat numbers) between which `values` (points,) change sign."""
        on = values.reshape(self.shape)
        there = np.isfinite(on)
        found = np.argwhere(((on[:, 1:] > 0) != (on[:, :-1] > 0)) & there[:, 1:] & there[:, :-1])
        return [(i * self.shape[1] + j, i * self.shape[1] + j + 1) for i, j in found.tolist()]

    def guess(self, condition: Condition, n: int, extra: tuple[float, ...] = ()) -> np.ndarray:
        """Return the unknowns of a condition at a point."""
        Q = [self.latents[kind].Q[n] for kind in condition.unknown]
        return np.array([*Q, *extra, *self.at.reshape(-1, 2)[n]])

    def blocks(self, names: tuple[str, ...], shift: float = 0.0) -> Iterator[Cell]:
        """Yield the cells of losses of stability, folds and Hopf bifurcations."""
        box = self.box
        kinds = (*range(box.params.signal), NOISE, COLLAPSED)
        folding = [(kind,) for kind in kinds if living(kind, box.params.sampled)]
        for block in relevant(box.params.latent, box.params.signal):
            values = self.spectra(block)
            if shift:
                values = values + (shift / self.c.lr)[:, None]
            if "loss" in names and (len(block) > 1 or block not in folding):
                condition = of_block(box, block, Loss, shift)
                for i, j in self.changes(np.prod(values, axis=1).real):
                    yield Cell(condition, self.guess(condition, i), self.guess(condition, j))
            if "hopf" in names and values.shape[1] > 1:
                condition = of_block(box, block, Hopf, shift)
                for i, j in self.changes(pair_sums(values)):
                    square = _closest(values[i])
                    if square > 0:
                        yield Cell(
                            condition,
                            self.guess(condition, i, (square,)),
                            self.guess(condition, j, (square,)),
                        )
            if "fold" in names and block in folding:
                condition = of_block(box, block, Fold)
                for last, outside in self._last(members(block)[0]):
                    yield Cell(condition, last, self.guess(condition, outside))

    def _ends(self, kind: int) -> list[tuple[int, int]]:
        """Return neighbours of which the first has a latent; the second has none, or another."""
        Q = self.latents[kind].Q.reshape(self.shape)
        there = np.isfinite(Q)
        with np.errstate(invalid="ignore"):
            jump = np.abs(np.diff(Q, axis=1)) > JUMP * np.maximum(Q[:, 1:], Q[:, :-1])
        found = []
        for i, j in np.argwhere((there[:, 1:] != there[:, :-1]) | jump).tolist():
            n = i * self.shape[1] + j
            found += [(n, n + 1)] if there[i, j] else []
            found += [(n + 1, n)] if there[i, j + 1] else []
        return found

    def _last(self, kind: int) -> list[tuple[np.ndarray, int]]:
        """Return the unknowns of the last point of a cell at which there is the same latent.

        With the number of the point beyond; of all cells across which it does not change smoothly.
        """
        cells = self._ends(kind)
        if not cells:
            return []
        inside, outside = np.array(cells).T
        at, n = self.at.reshape(-1, 2), np.arange(len(cells))
        start, stop, Q = at[inside], at[outside], self.latents[kind].Q[inside]
        smooth = np.zeros(len(n), bool)
        for _ in range(4):
            between = start[:, None] + np.linspace(0, 1, 18)[:, None] * (stop - start)[:, None]
            found = self._usual(kind, between.reshape(-1, 2)).reshape(between.shape[:2])
            gone = ~np.isfinite(found)
            gone[:, 0] = False
            steps = np.nan_to_num(np.abs(np.diff(found)))
            smooth = ~gone.any(axis=1) & (steps.max(axis=1) < 0.5 * JUMP * found.max(axis=1))
            last = np.where(gone.any(axis=1), gone.argmax(axis=1) - 1, steps.argmax(axis=1))
            Q = np.where(np.isfinite(found[n, last]), found[n, last], Q)
            start, stop = between[n, last], between[n, last + 1]
        return [(np.array([Q[i], *start[i]]), int(outside[i])) for i in n.tolist() if not smooth[i]]

    def _usual(self, kind: int, at: np.ndarray) -> np.ndarray:
        """Return the Q of the usual latents of a kind at points (n, 2), (n,)."""
        return Modes(self.box.constants(at)).kinds[kind].Q

    def escapes(self) -> Iterator[Cell]:
        """Yield the cells of escapes to infinity."""
        condition = Escape(self.box, ())
        at = self.at.reshape(-1, 2)
        for i, j in self.changes(condition.values(at)[:, 0]):
            yield Cell(condition, at[i], at[j])

    def best(self) -> tuple[dict[Selection, np.ndarray], list[Selection], np.ndarray]:
        """Return which states are stable, all states, and the one of lowest loss; -1 for none."""
        return of_lowest_loss(self.modes, self.box.params.latent, self.box.params.signal)

    def equal_loss(self) -> Iterator[Cell]:
        """Yield the cells in which another of several stable states becomes that of least loss."""
        stable, states, best = self.best()
        on = best.reshape(self.shape)
        for i, j in np.argwhere(on[:, :-1] != on[:, 1:]).tolist():
            n = i * self.shape[1] + j
            one, other = best[n], best[n + 1]
            if min(one, other) < 0:
                continue
            both = [stable[states[one]][m] and stable[states[other]][m] for m in (n, n + 1)]
            if any(both):
                first, second = sorted((states[one], states[other]))
                kinds = tuple(sorted({*kinds_of(first), *kinds_of(second)}))
                condition = EqualLoss(self.box, kinds, first, second)
                ends = [self.guess(condition, m) for m in (n, n + 1)]
                known = ends[0] if both[0] else ends[1]
                ends = [np.where(np.isfinite(end), end, known) for end in ends]
                yield Cell(condition, *ends)

    def level(self, quantity: str, value: float) -> Iterator[Cell]:
        """Yield the cells in which a quantity of the state that attracts takes a value."""
        _, states, best = self.best()
        for n, state in enumerate(states):
            kinds = kinds_of(state)
            found = measured(self.c, {k: self.latents[k] for k in kinds}, state, quantity)
            condition = Level(self.box, kinds, state, quantity, value)
            for i, j in self.changes(np.where(best == n, found - value, np.nan)):
                yield Cell(condition, self.guess(condition, i), self.guess(condition, j))

    def awake(self) -> Iterator[Cell]:
        """Yield the cells in which a sampled latent fits as much noise as counts, `ACTIVE` nats."""
        if not self.modes.sampled:
            return
        for kind, state in ((COLLAPSED, (0, 0, 1)), (NOISE, (0, 1, 0))):
            found = measured(self.c, {kind: self.latents[kind]}, state, "kl")
            condition: Any = Awake(self.box, (kind,), state, "kl", ACTIVE)
            for i, j in self.changes(found - ACTIVE):
                yield Cell(condition, self.guess(condition, i), self.guess(condition, j))


def of_lowest_loss(
    modes: Modes, latent: int, signal: int
) -> tuple[dict[Selection, np.ndarray], list[Selection], np.ndarray]:
    """Return which states are stable, all states, and the one of lowest loss; -1 for none."""
    states = selections(latent, signal)
    stable, losses = {}, []
    for state in states:
        stable[state] = modes.growth(*state) <= MARGINAL * modes.c.lr
        losses.append(np.where(stable[state], modes.loss(*state[:2])[0], np.inf))
    least = np.argmin(losses, axis=0)
    return stable, states, np.where(np.min(losses, axis=0) < np.inf, least, -1)


def _closest(values: np.ndarray) -> float:
    """Return the square of the frequency of the pair of eigenvalues closest to imaginary ones."""
    re, im = np.real(values), np.imag(values)
    above = np.where(im > 1e-12, np.abs(re), np.inf)
    n = int(np.argmin(above))
    return float(im[n] ** 2) if above[n] < np.inf else 0.0


def solved(cell: Cell) -> np.ndarray | None:
    """Return the point of the curve in a cell, if there is one."""
    condition, before, after = cell
    way = after[-2:] - before[-2:]
    fixed = -2 if way[0] == 0 else -1
    across = np.eye(len(before))[fixed]
    whole = np.isfinite(after).all()
    guesses = [0.5 * (before + after), before, after] if whole else [before]
    moving = -1 if fixed == -2 else -2
    low, high = sorted((before[moving], after[moving]))
    slack = max(high - low, 1e-3)
    for guess in guesses:
        found = corrected(condition, guess, across)
        if found is None or not low - slack <= found[moving] <= high + slack:
            continue
        if (found[-2:] < -1e-9).any() or (found[-2:] > 1 + 1e-9).any():
            continue
        if (condition.limits(found[None])[0] > 0).all():
            return found
    return None
