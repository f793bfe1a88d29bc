"""A table cut into folds: what training on all rows but those of one fold finds, and meets there.

A fold counts through few numbers: the eigenvalues of the other rows' covariance, and how large
the rows that were held out are along its directions. With more rows than columns, rows stream
by, and matrices of columns are kept for each fold; otherwise rows are held, and matrices of rows.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from ..model.records import Progress
from .blocks import Blocks, Moments, centred

LARGEST = 4000  # of rows or columns, whichever are fewer: eigenvalues then take a minute a fold
ROOM = 4e9  # bytes that may be held


class Folds(NamedTuple):
    """What is known of all folds of a table.

    Attributes
    ----------
    variances : (folds, modes)
        Eigenvalues of the covariance of the training rows, 1/P normalisation, descending.
    seen : (folds, modes)
        Mean squares of the rows held out along these directions, from the mean of the others.
    total : (folds,)
        Mean squared distance of the rows held out from the mean of the others.
    shift : (folds,)
        What is added to the logarithm of a density so that it is one in units that all folds
        share: the sum of ln(deviation of all rows / of the training rows), if standardised.
    rows : (folds,)
        Numbers of rows held out.
    """

    variances: np.ndarray
    seen: np.ndarray
    total: np.ndarray
    shift: np.ndarray
    rows: np.ndarray


class _Fold(NamedTuple):
    """As `Folds`, of one fold."""

    variances: np.ndarray
    seen: np.ndarray
    total: float
    shift: float


def folds_of(
    blocks: Blocks,
    moments: Moments,
    *,
    folds: int,
    seed: int = 0,
    standardise: bool = False,
    progress: Progress | None = None,
) -> tuple[Folds, int]:
    """Cut a table into folds at random; return what each comes to, and in how many directions.

    These are the columns that vary, or fewer where rows vary in fewer directions than their
    number allows: columns are then combinations of others, and no row has anything beside these.

    Parameters
    ----------
    blocks : callable
        Called for every pass; yields blocks (rows, dim) of the table.
    moments : Moments
        Its mean, number of rows and constant columns, which are left out.
    folds : int
        How many, at most as many as there are rows; their sizes differ by one at most.
    seed : int
        Of the random order that rows are dealt out in.
    standardise : bool
        Whether columns are divided by the standard deviation of the training rows.
    progress : callable, optional
        Receives the numbers of folds done and wanted.

    Raises
    ------
    ParameterError
        When the table is too large for it.
    """
    samples, varying = moments.samples, np.ones(len(moments.mean), bool)
    varying[list(moments.constant)] = False
    dim = int(varying.sum())
    _check_room(samples, dim, folds)
    dealt = np.random.default_rng(seed).permutation(samples) % folds
    columns = np.flatnonzero(varying)
    make = _by_columns if dim <= samples else _by_rows
    rank, every = make(blocks, moments, columns, dealt, folds, standardise)
    found = []
    for each in every:
        found.append(each)
        if progress:
            progress(len(found), folds)
    width = max(len(each.variances) for each in found)
    padded = np.zeros((2, folds, width))
    for i, each in enumerate(found):
        padded[0, i, : len(each.variances)] = each.variances
        padded[1, i, : len(each.variances)] = each.seen
    total, shift = (
        np.array([getattr(each, name) for each in found]) for name in ("total", "shift")
    )
    result = Folds(padded[0], padded[1], total, shift, np.bincount(dealt, minlength=folds))
    return result, rank if rank < min(samples - 1, dim) else dim


def _check_room(samples: int, dim: int, folds: int) -> None:
    size = f"{samples} rows and {dim} columns"
    if min(samples, dim) > LARGEST:
        raise ParameterError(
            "data", f"{size} are too many: all eigenvalues of {LARGEST} at most are found"
        )
    if dim > samples and 8 * samples * dim > ROOM:
        raise ParameterError(
            "data", f"with fewer rows than columns it must fit in memory: {size} do not"
        )
    if dim <= samples and 8 * dim**2 * folds > ROOM:
        most = int(ROOM / (8 * dim**2))
        raise ParameterError("folds", f"{dim} columns leave room for {most}, got {folds}")


def _by_columns(
    blocks: Blocks,
    moments: Moments,
    columns: np.ndarray,
    dealt: np.ndarray,
    folds: int,
    standardise: bool,
) -> tuple[int, Iterator[_Fold]]:
    """Return the rank, and folds by matrices (columns, columns), in one pass."""
    dim = len(columns)
    sums, squares = np.zeros((folds, dim)), np.zeros((folds, dim, dim))
    row = 0
    for block in centred(blocks, moments):
        here = dealt[row : row + len(block)]
        row += len(block)
        for fold in np.unique(here).tolist():
            part = block[here == fold][:, columns]
            sums[fold] += part.sum(axis=0)
            squares[fold] += part.T @ part
    counts = np.bincount(dealt, minlength=folds)
    every, all_sums = squares.sum(axis=0), sums.sum(axis=0)
    deviations = _deviations(np.diag(every), len(dealt))

    def found() -> Iterator[_Fold]:
        for fold, held in enumerate(counts.tolist()):
            rest = len(dealt) - held
            mean = (all_sums - sums[fold]) / rest
            covariance = (every - squares[fold]) / rest - np.outer(mean, mean)
            cross = np.outer(sums[fold] / held, mean)
            met = squares[fold] / held - cross - cross.T + np.outer(mean, mean)
            shift = 0.0
            if standardise:
                unit, shift = _units(rest * np.diag(covariance), rest, deviations)
                covariance, met = covariance / np.outer(unit, unit), met / np.outer(unit, unit)
            values, vectors = np.linalg.eigh(covariance)
            values, vectors = _known(values[::-1]), vectors[:, ::-1]
            seen = np.einsum("ik,ik->k", vectors, met @ vectors)
            yield _Fold(values, np.maximum(seen, 0), float(np.trace(met)), shift)

    whole = every / np.outer(deviations, deviations) if standardise else every
    return _rank(whole), found()


def _by_rows(
    blocks: Blocks,
    moments: Moments,
    columns: np.ndarray,
    dealt: np.ndarray,
    folds: int,
    standardise: bool,
) -> tuple[int, Iterator[_Fold]]:
    """Return the rank, and folds by the scalar products of rows, all of which are held."""
    x = np.concatenate([block[:, columns] for block in centred(blocks, moments)])
    deviations = _deviations((x**2).sum(axis=0), len(x))

    def found() -> Iterator[_Fold]:
        for fold in range(folds):
            train, held, shift = x[dealt != fold], x[dealt == fold], 0.0
            mean = train.mean(axis=0)
            train, held = train - mean, held - mean
            if standardise:
                unit, shift = _units((train**2).sum(axis=0), len(train), deviations)
                train, held = train / unit, held / unit
            values, vectors = np.linalg.eigh(train @ train.T / len(train))
            values, vectors = _known(values[::-1]), vectors[:, ::-1]
            # the direction of an eigenvector u is X^T u / sqrt(P l)
            squares = (((held @ train.T) @ vectors) ** 2).mean(axis=0) / len(train)
            seen = np.divide(squares, values, out=np.zeros_like(values), where=values > 0)
            yield _Fold(values, seen, float((held**2).sum(axis=1).mean()), shift)

    whole = x / deviations if standardise else x
    return _rank(whole @ whole.T), found()


def _rank(products: np.ndarray) -> int:
    return int((_known(np.linalg.eigvalsh(products)[::-1]) > 0).sum())


def _known(values: np.ndarray) -> np.ndarray:
    """Return eigenvalues, descending, with 0 for those that are rounding errors."""
    least = len(values) * np.finfo(float).eps * np.abs(values).max()
    return np.where(values > least, values, 0.0)


def _deviations(squares: np.ndarray, rows: int) -> np.ndarray:
    return np.sqrt(squares / max(rows - 1, 1))


def _units(squares: np.ndarray, rows: int, others: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what columns are divided by, and the logarithm of what densities lose by it.

    A column that is constant on the training rows has the deviation of all rows.
    """
    own = _deviations(np.maximum(squares, 0), rows)
    own = np.where(own > np.sqrt(np.finfo(float).eps) * others, own, others)
    return own, float(np.log(others / own).sum())
