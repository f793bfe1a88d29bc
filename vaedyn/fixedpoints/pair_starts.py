"""Points where states with pairs gain or lose stability along lines through a box."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .alone_at import Block
from .attractors import MARGINAL
from .box import Box
from .pair_conditions import PairFold, PairHopf, PairLoss, folds, on_block
from .pair_modes import PairModes, State, states_of
from .pairs_at import APART, OWN, Pair, pairs_of
from .starts import Cell, Scan

BESIDE = 12  # points of a line around those where no state of latents alone is stable
PARTS, ROUNDS = 16, 2  # into which cells are divided, so many times


def pair_cells(scan: Scan, names: Sequence[str]) -> Iterator[Cell]:
    """Yield cells on lines of a scan in which curves of states with pairs are.

    They are looked for where no state of latents alone is stable, and beside: there pairs may
    attract. Curves that start there are followed wherever they lead.
    """
    box, latent, signal = scan.box, scan.box.params.latent, scan.box.params.signal
    if latent < 2 or not {"loss", "fold", "hopf"} & {*names}:
        return
    nothing = scan.best()[2].reshape(scan.shape) < 0
    lines, along = np.nonzero(nothing)
    for shift in range(-BESIDE, BESIDE + 1):
        nothing[lines, np.clip(along + shift, 0, scan.shape[1] - 1)] = True
    rows = np.flatnonzero(nothing)
    if not len(rows):
        return
    at = scan.at.reshape(-1, 2)[rows]
    modes = PairModes(scan.c.at(rows), {k: v.at(rows) for k, v in scan.latents.items()})
    pairs = [pair for pair in pairs_of(scan.c.rho[0], modes.sampled) if _able(modes, pair)]
    states = states_of(latent, signal, pairs)
    line = rows // scan.shape[1]
    near = (line[1:] == line[:-1]) & (np.diff(rows) == 1)
    for state in states:
        stable = modes.growth(state) <= MARGINAL
        edges = np.flatnonzero(near & (stable[1:] != stable[:-1]))
        if len(edges):
            first = np.where(stable[edges], edges, edges + 1)
            ends = _closer(box, state, at[first], at[2 * edges + 1 - first])
            for inside, outside in zip(*ends, strict=True):
                yield from _cells(box, states, state, inside, outside, names)


def _able(modes: PairModes, pair: Pair) -> bool:
    """Return whether a pair by itself is stable anywhere."""
    modes.find(pair)
    rows = np.arange(len(modes.c.eta))
    for block in ((OWN, pair), (APART, pair)):
        rows = rows[modes.rate(block, rows) <= MARGINAL]
    return len(rows) > 0


def _closer(
    box: Box, state: State, inside: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, 2) between those given, where `state` is stable and next where not."""
    n = np.arange(len(inside))
    for _ in range(ROUNDS):
        shares = np.linspace(0, 1, PARTS + 1)[:, None]
        between = inside[:, None] + shares * (outside - inside)[:, None]
        modes = PairModes(box.constants(between[:, 1:-1].reshape(-1, 2)))
        stable = (modes.growth(state) <= MARGINAL).reshape(len(n), -1)
        last = np.argmin(np.pad(stable, ((0, 0), (0, 1))), axis=1)
        inside, outside = between[n, last], between[n, last + 1]
    return inside, outside


def _cells(
    box: Box,
    states: Sequence[State],
    state: State,
    inside: np.ndarray,
    outside: np.ndarray,
    names: Sequence[str],
) -> Iterator[Cell]:
    """Yield what happens between two points (2,), at the first of which a state is stable."""
    both = np.stack([inside, outside])
    modes = PairModes(box.constants(both))
    modes.growth(state)
    for kind in state.kinds:
        modes.find(kind)

    def cell(cls: Any, block: Block, *extra: float) -> Iterator[Cell]:
        with_it = tuple(each for each in states if block in each.blocks(box.params.signal))
        condition = on_block(cls, box, block, with_it)
        if condition.name in names:
            ends = [[*(modes.latents[name].Q[i] for name in condition.unknown), *extra, *both[i]]
                    for i in (0, 1)]  # fmt: skip
            yield Cell(condition, np.array(ends[0]), np.array(ends[1]))

    for block in state.blocks(box.params.signal):
        rates = modes.rate(block, np.arange(2))
        if not rates[0] <= MARGINAL < rates[1]:
            continue
        if folds(block, box):
            yield from cell(PairFold, block)
        elif np.isinf(rates[1]):  # there are no such latents, which others change
            continue
        else:
            yield from cell(PairLoss, block)
        leading = modes.leading(block)
        if abs(leading.imag) > 1e-9:
            yield from cell(PairHopf, block, float(leading.imag) ** 2)
