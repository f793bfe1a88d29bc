"""Rows of a table to train on, in the order of the file or shuffled."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil

import numpy as np

from .blocks import Blocks

AT_ONCE = 1024  # rows of a piece: SGD steps of one kernel call
HELD = 256e6  # bytes of rows that are held, and shuffled, together


@dataclass(frozen=True)
class Rows:
    """Rows of a table, centred, and scaled such that their largest variance is 1.

    In such units all weights learn at comparable rates. Dividing data by sqrt(unit)
    divides beta by unit, and changes no KL divergence.

    Parameters
    ----------
    blocks : callable
        Called for every pass; yields blocks (rows, dim), always the same.
    mean : (dim,)
        Subtracted from the rows.
    samples : int
        Number of rows.
    unit : float
        Largest variance.
    digest : str
        Fingerprint of the data, which a stored result is found by; only a store needs it.
    origin : mapping
        Where the table is from, for people who look into the store.
    """

    blocks: Blocks
    mean: np.ndarray
    samples: int
    unit: float = 1.0
    digest: str = ""
    origin: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def longest(self) -> tuple[int, float]:
        """The longest row x, counted from 0, and its ``|x|^2/dim``."""
        row, most, start = 0, 0.0, 0
        for block in self.scaled():
            squares = (block**2).sum(axis=1) / len(self.mean)
            if len(block) and squares.max() > most:
                row, most = start + int(squares.argmax()), float(squares.max())
            start += len(block)
        return row, most

    @property
    def shares(self) -> int:
        """In how many parts the rows are held."""
        return ceil(8 * len(self.mean) * self.samples / HELD)

    @cached_property
    def _all(self) -> np.ndarray:
        return np.concatenate(list(self._scaled()))

    def _scaled(self) -> Iterator[np.ndarray]:
        scale = self.unit**-0.5
        for block in self.blocks():
            yield scale * (block - self.mean)

    def scaled(self) -> Iterator[np.ndarray]:
        """Yield all rows in blocks (rows, dim), in order."""
        yield from [self._all] if self.shares == 1 else self._scaled()

    def shuffled(self, random: np.random.Generator) -> Iterator[np.ndarray]:
        """Yield every row once, in random order, in pieces (at most AT_ONCE, dim).

        Where not all rows can be held, each takes part in one of several rounds, which
        is drawn for it: each piece is one of the whole table, whatever the order in it.
        """
        drawn = int(random.integers(2**63))
        for share in range(self.shares):
            held = self._all if self.shares == 1 else self._share(share, drawn)
            order = random.permutation(len(held))
            for start in range(0, len(held), AT_ONCE):
                yield held[order[start : start + AT_ONCE]]

    def _share(self, share: int, drawn: int) -> np.ndarray:
        random = np.random.default_rng(drawn)  # the same in every round
        found = [np.empty((0, len(self.mean)))]
        for block in self._scaled():
            found.append(block[random.integers(self.shares, size=len(block)) == share])
        return np.concatenate(found)
