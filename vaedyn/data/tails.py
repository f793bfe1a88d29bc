"""How unevenly rows contribute to the variances of directions: outliers and heavy tails."""

from typing import NamedTuple

import numpy as np

from .blocks import Blocks, Moments, centred


class Tails(NamedTuple):
    """What single rows contribute.

    Attributes
    ----------
    share : (directions,)
        Largest share of one row in the variance of each direction.
    row : (directions,)
        That row, counted from 0.
    kurtosis : (directions,)
        Excess kurtosis of the data along each direction; 0 for gaussian data.
    lengths : (directions + 1,)
        Relative variance (that over the squared mean) of the squared lengths of rows, after
        the first 0, 1, ... directions are taken out; about 2/N in gaussian noise.
    variances : (dim,)
        Of the columns.
    lag : (directions,)
        Autocorrelation of each row with the next, along each direction; nan if not known.
    lag_left : (directions + 1,)
        The same of whole rows, after the first 0, 1, ... directions are taken out.
    far_left : (directions + 1,)
        The same of rows that are a tenth of the table apart, at most `FAR`.
    """

    share: np.ndarray
    row: np.ndarray
    kurtosis: np.ndarray
    lengths: np.ndarray
    variances: np.ndarray
    lag: np.ndarray
    lag_left: np.ndarray
    far_left: np.ndarray


FAR = 32  # rows


class _Apart:
    """Sums of products of rows that are some rows apart, while blocks stream by."""

    def __init__(self, rows: int) -> None:
        self.rows, self.kept, self.sums = rows, np.empty((0, 0)), 0.0

    def see(self, block: np.ndarray) -> None:
        """Take in a block (rows, columns)."""
        every = np.concatenate([self.kept, block]) if len(self.kept) else block
        self.sums = self.sums + np.einsum("ij,ij->j", every[self.rows :], every[: -self.rows])
        self.kept = every[-self.rows :].copy()


def tails_of(blocks: Blocks, moments: Moments, directions: np.ndarray) -> Tails:
    """Return, from one pass, how rows contribute to unit vectors `directions` (directions, dim)."""
    count, start, columns = len(directions), 0, np.zeros(len(moments.mean))
    largest, row = np.zeros(count), np.zeros(count, dtype=int)
    squares, fourths = np.zeros(count), np.zeros(count)
    first, second = np.zeros(count + 1), np.zeros(count + 1)
    near, far = 1, int(np.clip(moments.samples // 10, 2, FAR))
    along, across = ({rows: _Apart(rows) for rows in (near, far)} for _ in range(2))
    for block in centred(blocks, moments):
        if not len(block):
            continue
        projected = block @ directions.T
        power = projected**2
        for apart in along.values():
            apart.see(projected)
        for apart in across.values():
            apart.see(block)
        best = power.argmax(axis=0)
        seen = power[best, np.arange(count)]
        row = np.where(seen > largest, start + best, row)
        largest = np.maximum(seen, largest)
        squares += power.sum(axis=0)
        fourths += (power**2).sum(axis=0)
        left = np.empty((len(block), count + 1))
        left[:, 0] = (block**2).sum(axis=1)
        left[:, 1:] = np.maximum(left[:, :1] - np.cumsum(power, axis=1), 0)
        first += left.sum(axis=0)
        second += (left**2).sum(axis=0)
        columns += (block**2).sum(axis=0)
        start += len(block)
    n = moments.samples
    some = np.maximum(squares, np.finfo(float).tiny)
    mean = np.maximum(first / n, np.finfo(float).tiny)
    known = first > 1e-10 * first[0]  # beyond rounding
    left = {
        rows: np.where(known, np.sum(across[rows].sums) - _summed(along[rows].sums), 0.0)
        / np.where(known, first, 1.0)
        for rows in (near, far)
    }
    return Tails(
        share=largest / some,
        row=row,
        kurtosis=n * (fourths / some) / some - 3,
        lengths=np.maximum(second / n / mean / mean - 1, 0),
        variances=columns / (n - 1),
        lag=along[near].sums / some,
        lag_left=left[near],
        far_left=left[far],
    )


def _summed(values: np.ndarray | float) -> np.ndarray:
    """Return the sums of the first 0, 1, ... values."""
    return np.concatenate([[0.0], np.cumsum(values)])
