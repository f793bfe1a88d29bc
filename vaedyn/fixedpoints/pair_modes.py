"""Pairs of latents at many values of the constants at once, and the stability of states with them.

Learned signals are the strongest ones, as a stronger one that nobody learns makes a latent on a
weaker one unstable (`vaedyn.fixedpoints.attractors`), in a pair, too.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ..kernels.constants import Constants
from .alone_at import COLLAPSED, NOISE, Block
from .attractors import MARGINAL, Modes
from .pairs_at import (
    APART,
    BORN,
    OWN,
    Kind,
    Pair,
    Turned,
    latents_at,
    left_over,
    spectrum,
    split,
    without_variance,
)
from .single import ALIVE, Latent, furthest

NODES = 96  # values of Q between which a pair is looked for
PASSES = 3  # in which they are placed
LEAST = 1e-4  # the first of them, relative to the variance of the data
TRIED = 4  # roots at most, of which some are of no weights
HALVED = 60  # times that the interval around a root is


class State(NamedTuple):
    """Pairs, single latents on signals, and how many others are on noise or have collapsed."""

    pairs: tuple[Pair, ...]
    alone: tuple[int, ...]
    noise: int
    spare: int

    @property
    def slots(self) -> list[int | Turned]:
        """The latents, those of pairs turned."""
        single = [*self.alone, *[NOISE] * self.noise, *[COLLAPSED] * self.spare]
        return [*(Turned(pair, i) for pair in self.pairs for i in (0, 1)), *single]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of which there are latents, once each."""
        return (*self.pairs, *dict.fromkeys(slot for slot in self.slots if isinstance(slot, int)))

    def blocks(self, signal: int) -> list[Block]:
        """Return the blocks of the Jacobian, those of pairs by themselves first, once each."""
        found: list[Block] = []
        for pair in self.pairs:
            found += [(OWN, pair), (APART, pair)]
            found += [(BORN, pair)] if pair.second == COLLAPSED else []
        found += [(kind,) for kind in self.kinds if isinstance(kind, int)]
        learned = {k for pair in self.pairs for k in pair.signals} | {*self.alone}
        slots = self.slots
        free = [k for k in range(signal) if k not in learned]
        found += [(slot, "unlearned", k) for slot in slots for k in free]
        for a, b in combinations(slots, 2):
            same = isinstance(a, Turned) and isinstance(b, Turned) and a.pair == b.pair
            found += [] if same and a != b else [(a, b)]
        return list(dict.fromkeys(found))


def states_of(latent: int, signal: int, pairs: Sequence[Pair]) -> list[State]:
    """Return all states in which one or more of the `pairs` live, with the strongest signals."""
    found = []
    sizes = range(1, min(latent // 2, len(pairs)) + 1)
    for chosen in (each for n in sizes for each in combinations(pairs, n)):
        mixed = [k for pair in chosen for k in pair.signals]
        if len(set(mixed)) < len(mixed):
            continue
        left = latent - 2 * len(chosen)
        for learned in range(max(mixed, default=-1) + 1, signal + 1):
            alone = tuple(k for k in range(learned) if k not in mixed)
            others = left - len(alone)
            for noise in range(others + 1):
                found.append(State(chosen, alone, noise, others - noise))
    return found


class PairModes:
    """The usual latents of each kind at many points, and growth rates, each found once.

    Latents of some kinds may be given, and growth rates that are `known` (n,), by block.
    """

    def __init__(
        self,
        c: Constants,
        latents: dict[Any, Latent] | None = None,
        known: dict[Block, np.ndarray] | None = None,
    ):
        self.c = c
        self.latents: dict[Any, Latent] = dict(latents or {})
        self._known: dict[Block, np.ndarray] = dict(known or {})
        self._rates: dict[Block, np.ndarray] = {}

    @property
    def sampled(self) -> bool:
        return bool(np.any(self.c.sampled))

    def leading(self, block: Block) -> complex:
        """Return the eigenvalue of largest real part over tau at the first point."""
        one = {name: self.latents[name].at(np.arange(1)) for name in _slots(block)}
        values = spectrum(self.c.at(np.arange(1)), block, one)[0]
        return complex(values[np.argmax(values.real)])

    def find(self, kind: Kind) -> None:
        """Find latents of a kind, if they are not known."""
        if isinstance(kind, Pair):
            if Turned(kind, 0) not in self.latents:
                self.latents |= latents_at(self.c, kind, usual(self.c, kind))[0]
        elif kind not in self.latents:
            self.latents = {**Modes(self.c).kinds, **self.latents}

    def rate(self, block: Block, rows: np.ndarray) -> np.ndarray:
        """Return the largest growth rate of a block over tau at `rows`; inf without latents."""
        known = self._rates.setdefault(
            block, self._known.get(block, np.full(len(self.c.eta), np.nan))
        )
        todo = rows[np.isnan(known[rows])]
        if len(todo):
            latents = {name: self.latents[name].at(todo) for name in _slots(block)}
            values = np.real(spectrum(self.c.at(todo), block, latents))
            known[todo] = np.nan_to_num(values.max(axis=1), nan=np.inf)
        return known[rows]

    def growth(self, state: State) -> np.ndarray:
        """Return the largest growth rate over tau (n,), or any positive one if unstable."""
        top = np.full(len(self.c.eta), -np.inf)
        for block in state.blocks(self.c.signal):
            rows = np.flatnonzero(top <= MARGINAL)
            if not len(rows):
                break
            for kind in state.kinds:
                if _of(kind, block):
                    self.find(kind)
            top[rows] = np.maximum(top[rows], self.rate(block, rows))
        return top


def _slots(block: Block) -> list[Any]:
    """Return the latents that a block is about."""
    if block[0] in (OWN, APART):
        return [Turned(block[1], 0), Turned(block[1], 1)]
    if block[0] == BORN:
        return [Turned(block[1], 1)]
    return [block[0]] if "unlearned" in block else list(dict.fromkeys(block))


def _of(kind: Kind, block: Block) -> bool:
    return any((slot.pair if isinstance(slot, Turned) else slot) == kind for slot in _slots(block))


def kinds_in(block: Block) -> tuple[Kind, ...]:
    """Return the kinds of latents that a block is about, once each."""
    return tuple(
        dict.fromkeys(slot.pair if isinstance(slot, Turned) else slot for slot in _slots(block))
    )


def usual(c: Constants, pair: Pair) -> np.ndarray:
    """Return the Q of the turned latents (n, living) of a pair, nan where there is none.

    It is the first of all roots with weights at which the function of the first Q rises, as it
    does on the branch of small learning rates.
    """
    column = c.column()
    rho = c.rho[:, [pair.first]] if pair.first >= 0 else 0.0
    scale = rho + column.eta + column.h
    low, high = LEAST * scale, 0.25 * furthest(scale, column.beta)
    nodes = low * (high / low) ** np.linspace(0, 1, NODES)
    if pair.second != COLLAPSED:
        for _ in range(PASSES):
            nodes = _even(column, pair, nodes, column.beta / (high + column.beta))
    f = _left(column, pair, nodes)
    rises = (f[:, :-1] <= 0) & (f[:, 1:] > 0)
    order = np.cumsum(rises, axis=1)
    found = np.full((len(c.eta), 1 + (pair.second != COLLAPSED)), np.nan)
    for n in range(1, min(TRIED, int(order.max(initial=0))) + 1):
        rows = np.flatnonzero((order[:, -1] >= n) & np.isnan(found[:, 0]))
        at = np.argmax(order[rows] == n, axis=1)
        ends = nodes[rows, at], nodes[rows, at + 1]
        found[rows] = _at_rest(c.at(rows), pair, *ends)
    return found


def _left(column: Constants, pair: Pair, Q: np.ndarray) -> np.ndarray:
    """Return `left_over`, nan far from where a pair may be."""
    D, other = split(column, pair, Q)
    # a little below 0, too, as a root may be close to where the pair ends
    with np.errstate(all="ignore"):
        there = (D > 0) & (D < 1) & (other > -0.5 * column.beta)
    return np.where(there, left_over(column, pair, Q), np.nan)


def _even(c: Constants, pair: Pair, nodes: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Return values of Q (n, NODES) at which D falls from 1 to 0 in about even ratios.

    In terms of D, the Q of both latents change slowly. Where it falls steeply, to a pole, no node
    may be: what vanishes with it changes its sign.
    """
    found = np.empty((len(nodes), NODES))
    levels = np.linspace(0, 1, NODES)
    D, sign = split(c, pair, nodes)[0], np.sign(without_variance(c, pair, nodes))
    through = (sign[:, 1:] != sign[:, :-1]) & (D[:, :-1] > 0)
    for i, (Q, own, zero, last) in enumerate(zip(nodes, D, through, least[:, 0], strict=True)):
        start = int(np.argmax((own[1:] < 1) | zero))
        ended = zero[start:] | (own[start + 1 :] <= last)
        end = start + 1 + (int(np.argmax(ended)) if ended.any() else len(ended) - 1)
        fall = np.minimum.accumulate(np.clip(own[start : end + 1], last, 1.0))
        fall[-1] = last if ended.any() else fall[-1]
        found[i] = np.interp(levels, np.log(fall) / np.log(last), Q[start : end + 1])
    return found


def _at_rest(c: Constants, pair: Pair, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return what `usual` does, between `low` and `high` (n,) of the first Q."""
    column, low, high = c.column(), low[:, None], high[:, None]
    for _ in range(HALVED):
        middle = 0.5 * (low + high)
        above = _left(column, pair, middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    Q = 0.5 * (low + high)
    Q = Q if pair.second == COLLAPSED else np.hstack([Q, split(column, pair, Q)[1]])
    latents, sizes = latents_at(c, pair, Q)
    with np.errstate(invalid="ignore"):
        there: Any = (sizes > ALIVE).all(axis=1)
        for one in latents.values():
            there &= _of_vectors(one)
    return np.where(there[:, None], Q, np.nan)


def _of_vectors(one: Latent) -> np.ndarray:
    """Return whether weights away from the signals may have such overlaps, (n,), as in `intact`."""
    Q, E, R = one.Q - np.real(one.m**2), one.E - np.real(one.d**2), one.R - np.real(one.m * one.d)
    slack = 1e-8 * np.sqrt(np.abs(one.Q * one.E))
    return (np.sqrt(np.maximum(Q, 0) * np.maximum(E, 0)) >= np.abs(R) - slack) | (one.Q == 0)
