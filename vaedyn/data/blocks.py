"""Users' data as blocks of rows that stream by: checked, centred and standardised."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from .columns import Watch

Blocks = Callable[[], Iterator[np.ndarray]]
"""Called once per pass over the data; yields blocks (rows, dim)."""

# fourth powers of larger numbers, and of their inverses, leave double precision
RANGE = 1e70


class Moments(NamedTuple):
    """Results of a first pass over the data; `doubts` are about columns, in words."""

    mean: np.ndarray
    samples: int
    constant: tuple[int, ...]
    doubts: tuple[str, ...] = ()


def numbers(block: np.ndarray, rows: int, dim: int | None) -> np.ndarray:
    """Return a block as floats, after checking its shape; `rows` have been read before it."""
    try:
        block = np.asarray(block)
        real = block.astype(float, casting="same_kind", copy=False)
    except (TypeError, ValueError):
        raise ParameterError("data", f"expected real numbers, got {block.dtype}") from None
    if real.ndim != 2 or not real.shape[1]:
        raise ParameterError("data", f"expected blocks (rows, dim), got shape {real.shape}")
    if dim not in (None, real.shape[1]):
        raise ParameterError(
            "data", f"row {rows + 1} has {real.shape[1]} columns, those before it have {dim}"
        )
    return real


def moments_of(blocks: Blocks) -> Moments:
    """Return mean, number of rows and constant columns, after checking every entry."""
    rows, first, highest, lowest, sums = 0, *(np.empty(0) for _ in range(4))
    watch = Watch()
    for block in checked(blocks):
        if not rows:
            first = block.mean(axis=0)
            sums, highest, lowest = np.zeros_like(first), block[0].copy(), block[0].copy()
        sums += (block - first).sum(axis=0)  # deviations: exact whatever the mean
        np.maximum(highest, block.max(axis=0), out=highest)
        np.minimum(lowest, block.min(axis=0), out=lowest)
        watch.see(block)
        rows += len(block)
    if rows < 3:
        raise ParameterError("data", f"at least 3 rows (samples) are needed, got {rows}")
    spread = highest - lowest
    if not spread.any():
        raise ParameterError("data", "all rows are equal: there is no variance to analyse")
    if spread.max() < 1 / RANGE:
        raise ParameterError("data", f"numbers differ by {spread.max():.3g} at most: rescale them")
    constant = tuple(np.flatnonzero(spread == 0).tolist())
    return Moments(first + sums / rows, rows, constant, watch.doubts())


def checked(blocks: Blocks) -> Iterator[np.ndarray]:
    """Yield the blocks that have rows as floats, after checking every entry.

    Raises
    ------
    ParameterError
        When shapes differ, or an entry is nan, infinite or out of range; it is named.
    """
    rows, dim = 0, None
    for block in blocks():
        block = numbers(block, rows, dim)
        if not len(block):
            continue
        _check_entries(block, rows)
        rows, dim = rows + len(block), block.shape[1]
        yield block


def _check_entries(block: np.ndarray, rows: int) -> None:
    good = np.abs(block) <= RANGE  # False for nan, too
    if good.all():
        return
    row, column = np.argwhere(~good)[0]
    number = block[row, column]
    cure = "rescale the data" if np.isfinite(number) else "remove such rows, or fill in numbers"
    cure += " (--missing drop or mean; missing= in Python)" * bool(np.isnan(number))
    raise ParameterError("data", f"row {rows + row + 1}, column {column + 1} is {number:g}: {cure}")


def centred(blocks: Blocks, moments: Moments, columns: slice = slice(None)) -> Iterator[np.ndarray]:
    """Yield some columns of the blocks of another pass, without their mean."""
    rows = 0
    for block in blocks():
        block = numbers(block, rows, len(moments.mean))[:, columns]
        rows += len(block)
        if rows > moments.samples:
            break
        yield block - moments.mean[columns]
    if rows != moments.samples:
        raise ParameterError("data", "the number of rows changed while they were read: start again")


class Standardised:
    """Blocks whose columns are divided by their standard deviation where it is not 0.

    The deviations are found in a pass of its own, once they are needed. It raises
    ParameterError for entries that are no numbers: later passes could not name them.

    Parameters
    ----------
    blocks : callable
        Called for every pass; yields blocks (rows, dim) of the data as they are.
    watch : Watch, optional
        Sees the columns as they are.
    """

    def __init__(self, blocks: Blocks, watch: Watch | None = None) -> None:
        self.blocks, self.watch = blocks, watch

    def __call__(self) -> Iterator[np.ndarray]:
        """Return the blocks of another pass."""
        deviations = self.deviations
        return (block / deviations for block in self.blocks())

    @cached_property
    def deviations(self) -> np.ndarray:
        """What each column is divided by, (dim,)."""
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for block in checked(self.blocks):
            here = block.mean(axis=0)
            total = count + len(block)
            # Chan, Golub & LeVeque (1983): sums about the mean so far
            squares = squares + ((block - here) ** 2).sum(axis=0)
            squares = squares + (here - mean) ** 2 * count * len(block) / total
            mean = mean + (here - mean) * len(block) / total
            count = total
            if self.watch is not None:
                self.watch.see(block)
        deviations = np.sqrt(squares / max(count - 1, 1))
        deviations[deviations == 0] = 1.0
        return deviations
