"""The spectrum of a data covariance, from rows that stream by in blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from ..errors import ParameterError
from ..model.labelled import frame
from ..model.results import Brief
from .blocks import Blocks, Moments, centred, moments_of
from .tails import Tails, tails_of

LARGEST_EXACT = 3000  # beyond it, all eigenvalues of a matrix take minutes
SLAB = 256e6  # bytes of columns held at once where samples are fewer than columns
PASSES = 6
PROBES = 40  # cost little beside the rest, and give the remainder to about 1 %
SPARE = 10  # directions beyond those asked for, as Halko, Martinsson & Tropp recommend


Table = np.ndarray | Sequence[Sequence[float]]


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Brief):
    """Eigenvalues of the sample covariance, with the unbiased 1/(samples - 1).

    Attributes
    ----------
    mean : (dim,)
        Mean of the samples.
    eigenvalues : (k,)
        Descending; when `complete`, all min(samples - 1, dim) that need not be zero,
        else the leading ones.
    directions : (leading, dim)
        Unit vectors of the first eigenvalues as rows, their largest entry positive;
        none for eigenvalues that are zero up to rounding.
    samples, dim : int
        Numbers of rows and columns of the data.
    total : float
        Sum of all eigenvalues: the variances of the columns, added.
    complete : bool
        Whether no eigenvalue but exact zeros is missing.
    error : (k,)
        There is an eigenvalue of the sample covariance within this distance of each:
        the norm of the residual, at least rounding.
    remainder : float
        Sum of the squares of missing eigenvalues, estimated from a random subspace.
    constant : tuple of int
        Columns, counted from 0, in which all samples are equal.
    tails : Tails
        What single rows contribute to the directions, and the variances of the columns.
    doubts : tuple of str
        Columns that are no measurements (codes for missing values, numbers of rows), and rows
        that are copies.
    """

    mean: np.ndarray
    eigenvalues: np.ndarray
    directions: np.ndarray
    samples: int
    dim: int
    total: float
    complete: bool
    error: np.ndarray
    tails: Tails
    remainder: float = 0.0
    constant: tuple[int, ...] = ()
    doubts: tuple[str, ...] = ()

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame` with a row for each eigenvalue that is known."""
        pairs = zip(self.eigenvalues.tolist(), self.error.tolist(), strict=True)
        return frame(({"eigenvalue": value, "error": error} for value, error in pairs), "mode")


class _Found(NamedTuple):
    """Eigenvalues (k,) descending, their vectors as columns (dim, leading), sums, errors (k,)."""

    values: np.ndarray
    vectors: np.ndarray
    total: float
    error: np.ndarray
    remainder: float = 0.0


def passes_over(rows: int, columns: int, passes: int = PASSES) -> int:
    """Return how many times `covariance_spectrum` reads a table of such a size."""
    if min(rows, columns) > LARGEST_EXACT:
        return 2 + passes
    return 3 + (ceil(8 * columns * rows / SLAB) if rows < columns else 0)


def covariance_spectrum(
    data: Table | Blocks,
    leading: int = 200,
    *,
    largest_exact: int = LARGEST_EXACT,
    passes: int = PASSES,
    seed: int = 0,
) -> Spectrum:
    """Compute the spectrum of the sample covariance, of a table or without ever holding all data.

    All eigenvalues are found when min(samples, dim) is at most `largest_exact`: those
    of the covariance, or of the matrix of scalar products when samples are fewer than
    columns. Otherwise the leading ones are found in a space that repeated multiplication
    of random directions by the covariance spans.

    Parameters
    ----------
    data : (samples, dim), or callable
        A table with a sample in each row; or, where it is too large to be held, what
        returns a fresh iterator of blocks (rows, dim) of the same data when called: three
        times when all eigenvalues are found, or, with fewer samples than columns, three
        times and once for every 256 MB; else ``2 + passes`` times.
    leading : int
        How many directions to return, and how many eigenvalues when not all.
    largest_exact : int
        Size of the largest matrix whose eigenvalues are all computed.
    passes : int
        Multiplications by the covariance when not all eigenvalues are found; each
        takes ``8 (leading + 10) dim`` bytes of memory.
    seed : int
        Of the random directions.

    Raises
    ------
    ParameterError
        When the data have fewer than 3 rows, blocks of unequal shapes, nan or infinite
        entries, no variance at all, or change from pass to pass.
    """
    for name, value in (("leading", leading), ("largest_exact", largest_exact), ("passes", passes)):
        if value < 1:
            raise ParameterError(name, f"must be at least 1, got {value!r}")
    blocks = data if callable(data) else _whole(data)
    moments = moments_of(blocks)
    samples, dim = moments.samples, len(moments.mean)
    rank = min(samples - 1, dim)
    if min(samples, dim) > largest_exact:
        found = _by_random_directions(blocks, moments, leading, passes, seed)
    elif samples < dim:
        found = _by_samples(blocks, moments, leading)
    else:
        found = _by_columns(blocks, moments, leading)
    known = int((found.values[:leading] > found.error[:leading]).sum())
    directions = found.vectors[:, :known].T
    signs = np.sign(directions[np.arange(known), np.abs(directions).argmax(axis=1)])
    directions = directions * signs[:, None]
    return Spectrum(
        mean=moments.mean,
        eigenvalues=np.maximum(found.values[:rank], 0),
        directions=directions,
        samples=samples,
        dim=dim,
        total=found.total,
        complete=min(samples, dim) <= largest_exact,
        error=found.error[:rank],
        tails=tails_of(blocks, moments, directions),
        remainder=found.remainder,
        constant=moments.constant,
        doubts=moments.doubts,
    )


def _whole(table: Table) -> Blocks:
    def blocks() -> Iterator[np.ndarray]:
        yield np.asarray(table)

    return blocks


def _by_columns(blocks: Blocks, moments: Moments, leading: int) -> _Found:
    """Find all eigenvalues of the covariance (dim, dim)."""
    dim = len(moments.mean)
    covariance = np.zeros((dim, dim))
    for block in centred(blocks, moments):
        covariance += block.T @ block
    covariance /= moments.samples - 1
    total = float(np.trace(covariance))
    values, vectors = np.linalg.eigh(covariance)
    return _Found(values[::-1], vectors[:, ::-1][:, :leading], total, _rounding(values))


def _by_samples(blocks: Blocks, moments: Moments, leading: int) -> _Found:
    """Find all eigenvalues of the scalar products (samples, samples), a slab of columns a pass.

    Those that are not zero are shared with the covariance, and ``X^T u / |X^T u|``
    is the direction that belongs to the eigenvector u.
    """
    samples, dim = moments.samples, len(moments.mean)
    width = max(1, min(dim, int(SLAB / 8 / samples)))
    products = np.zeros((samples, samples))
    for start in range(0, dim, width):
        held, row = np.empty((samples, min(width, dim - start))), 0
        for block in centred(blocks, moments, slice(start, start + width)):
            held[row : row + len(block)] = block
            row += len(block)
        products += held @ held.T
    products /= samples - 1
    total = float(np.trace(products))
    values, vectors = np.linalg.eigh(products)
    wide = vectors[:, ::-1][:, :leading]
    directions, row = np.zeros((dim, wide.shape[1])), 0
    for block in centred(blocks, moments):
        directions += block.T @ wide[row : row + len(block)]
        row += len(block)
    lengths = np.linalg.norm(directions, axis=0)
    directions /= np.where(lengths > 0, lengths, 1)
    return _Found(values[::-1], directions, total, _rounding(values))


def _rounding(values: np.ndarray) -> np.ndarray:
    return np.full(len(values), len(values) * np.finfo(float).eps * np.abs(values).max())


def _by_random_directions(
    blocks: Blocks, moments: Moments, leading: int, passes: int, seed: int
) -> _Found:
    """Find leading eigenvalues in the span of S^j G, j < passes, with G random (dim, wide).

    The randomised range finder with power iterations of Halko, Martinsson & Tropp (2011),
    SIAM Rev. 53, 217, keeping all powers, not only the last, as Halko, Martinsson,
    Shkolnisky & Tygert (2011), SIAM J. Sci. Comput. 33, 2580, do: few passes are then
    enough. The coefficients of making each power orthogonal to those before it are the
    covariance in that space, and give the residuals |S v - value v|, within which there
    is an eigenvalue (Parlett 1998, The Symmetric Eigenvalue Problem, theorem 4.5.1).

    The squares of all other eigenvalues are estimated by random probes of the covariance
    without the part that was found (Hutchinson 1990, Commun. Stat. 19, 433).
    """
    dim = len(moments.mean)
    wide = min(leading + SPARE, dim)
    passes = min(passes, dim // wide)
    rng = np.random.default_rng(seed)
    basis = np.empty((dim, passes * wide), order="F")
    basis[:, :wide] = np.linalg.qr(rng.standard_normal((dim, wide)))[0]
    probes = rng.standard_normal((dim, PROBES))
    inner = np.zeros((passes * wide, passes * wide))
    rest, total, probed = np.zeros((wide, wide)), 0.0, probes
    for j in range(passes):
        now, known = slice(j * wide, (j + 1) * wide), basis[:, : (j + 1) * wide]
        sent = known[:, now] if j else np.hstack([known, probes])
        image, total = _multiplied(blocks, moments, sent)
        if not j:
            image, probed = image[:, :wide], image[:, wide:]
        for _ in range(2):  # once leaves rounding errors that grow
            inside = known.T @ image
            inner[: now.stop, now] += inside
            image -= known @ inside
        outside, rest = np.linalg.qr(image)
        if j + 1 < passes:
            # again: what is left may be rounding errors only
            outside = np.linalg.qr(outside - known @ (known.T @ outside))[0]
            basis[:, now.stop : now.stop + wide] = outside
    values, vectors = np.linalg.eigh(inner, UPLO="U")
    values, vectors = values[::-1][:leading], vectors[:, ::-1][:, :leading]
    error = np.linalg.norm(rest @ vectors[-wide:], axis=0)
    directions = basis @ vectors
    probed = probed - directions @ (values[:, None] * (directions.T @ probes))
    remainder = float(np.vdot(probed, probed)) / PROBES
    return _Found(values, directions, total, np.maximum(error, _rounding(values)), remainder)


def _multiplied(blocks: Blocks, moments: Moments, vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the covariance times `vectors` (dim, wide), and the sum of its eigenvalues."""
    image, squares = np.zeros(vectors.shape), 0.0
    for block in centred(blocks, moments):
        image += block.T @ (block @ vectors)
        squares += float(np.vdot(block, block))
    return image / (moments.samples - 1), squares / (moments.samples - 1)
