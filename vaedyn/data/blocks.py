"""Somebody's data as blocks of rows that stream by, checked, and centred in later passes."""

from collections.abc import Callable, Iterator
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
