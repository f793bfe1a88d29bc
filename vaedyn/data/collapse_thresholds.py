"""The KL weights at which a VAE collapses, for other likelihoods than a gaussian.

Without latents a decoder is left with a bias for each column. Expanding the loss about it, a
latent of decoder weights w gains ``(w' C w)/(2 beta)`` by what its encoder knows, C the
covariance of the score, and costs ``w' F w / 2`` by its noise, F the Fisher information, both of
the natural location of each column. So it grows iff beta is below an eigenvalue of
``F^-1/2 C F^-1/2``, for every encoder and every smooth decoder with a bias that contain the linear
ones. Score and information are those of generalised linear models (McCullagh & Nelder, 1989).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from ..model.params import real
from ..model.results import Brief
from ..tables.table import Columns, Data, as_table
from .blocks import Blocks, centred, checked, moments_of
from .convention import LEAST, LIKELIHOODS
from .look import AT_ONCE
from .spectrum import PASSES, covariance_spectrum

LEADING = 200
COUNTS = ("poisson", "nb")
ROUNDED = 1e-6  # above 1, as 255 comes out that is scaled by 0.00392157


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CollapseThresholds(Brief):
    """Where the state without latents loses its stability, direction by direction.

    Attributes
    ----------
    likelihood : str
    dispersion : float or None
        Of the negative binomial.
    eigenvalues : (k,)
        Descending, of moments over the rows with 1/samples. The first is exact: above it the
        collapsed state is stable, below it is not. At any beta, as many directions grow out
        of it as there are eigenvalues above.
    directions : (k, dim)
        Unit vectors that belong to the first of them, in units of the spread that the likelihood
        gives to each column; 0 for columns that are left out.
    weights : (k, dim)
        Decoder weights of a latent that is born there, of arbitrary size.
    left_out : tuple of int
        Columns, counted from 0, in which all entries are equal: no latent can explain anything.
    samples, dim : int
        Numbers of rows and columns of the data.
    complete : bool
        Whether no eigenvalue but exact zeros is missing.
    warnings : tuple of str
    """

    likelihood: str
    dispersion: float | None
    eigenvalues: np.ndarray
    directions: np.ndarray
    weights: np.ndarray
    left_out: tuple[int, ...]
    samples: int
    dim: int
    complete: bool
    warnings: tuple[str, ...]

    def unstable(self, beta: float) -> int:
        """Return in how many directions the collapsed state is unstable at `beta`."""
        return int((self.eigenvalues > beta).sum())


class _Column(NamedTuple):
    """Of each column (dim,): score over deviation from the mean, and Fisher information."""

    score: np.ndarray
    information: np.ndarray


def collapse_thresholds(
    data: Data,
    likelihood: str,
    *,
    columns: Columns | None = None,
    missing: str | None = None,
    dispersion: float | None = None,
    scale: float = 1.0,
    leading: int = LEADING,
    passes: int = PASSES,
) -> CollapseThresholds:
    """Find the values of beta at which latents of a VAE on a table come alive.

    Parameters
    ----------
    data : (samples, dim), str or Path
        As of `vaedyn.look`.
    likelihood : {"gaussian", "bernoulli", "poisson", "nb", "factor"}
        Of each column, given the decoder's output: gaussian of unit variance; Bernoulli of
        these logits, whose loss is the cross entropy; Poisson, or negative binomial, of this
        logarithm of the mean; or gaussian with a variance for each column that is learned.
    columns, missing
        As of `vaedyn.look`.
    dispersion : float, optional
        Of the negative binomial, whose variance is ``mean + mean**2 / dispersion``.
    scale : float
        What the data are multiplied by first, such as 1/255.
    leading, passes : int
        As of `vaedyn.covariance_spectrum`.

    Raises
    ------
    ParameterError
        When there is no such likelihood, or entries are out of its range.
    TableError
        When there is no such file, or no table in it.
    """
    if likelihood not in LIKELIHOODS:
        raise ParameterError("likelihood", f"expected {', '.join(LIKELIHOODS)}, got {likelihood!r}")
    if (likelihood == "nb") != (dispersion is not None):
        reason = "goes with" if likelihood != "nb" else "is needed for"
        raise ParameterError("dispersion", f"{reason} the likelihood nb, the negative binomial")
    if dispersion is not None:
        dispersion = real("dispersion", dispersion, LEAST, least_allowed=True)
    table = as_table(data, columns=columns, missing=missing)
    rows = max(1, int(AT_ONCE / (8 * table.columns)))
    scale = real("scale", scale, LEAST, least_allowed=True)
    cap = 1.0 if likelihood == "bernoulli" else np.inf
    blocks = _Scaled(partial(table.blocks, rows), scale, cap)
    whole = _check_range(blocks, likelihood)
    moments = moments_of(blocks)
    variance = sum((block**2).sum(axis=0) for block in centred(blocks, moments)) / moments.samples
    kept = np.setdiff1d(np.arange(table.columns), moments.constant)
    column = _column(likelihood, moments.mean[kept], np.asarray(variance)[kept], dispersion)
    factors = column.score / np.sqrt(column.information)

    def residuals() -> Iterator[np.ndarray]:
        for block in centred(blocks, moments):
            yield block[:, kept] * factors

    found = covariance_spectrum(residuals, leading, passes=passes)
    directions = np.zeros((len(found.directions), table.columns))
    directions[:, kept] = found.directions
    weights = np.zeros_like(directions)
    weights[:, kept] = found.directions / np.sqrt(column.information)
    warnings = []
    if likelihood in COUNTS and not whole:
        warnings.append("entries are no whole numbers, as counts are: were they normalised?")
    return CollapseThresholds(
        likelihood=likelihood,
        dispersion=dispersion,
        eigenvalues=found.eigenvalues * (moments.samples - 1) / moments.samples,
        directions=directions,
        weights=weights,
        left_out=moments.constant,
        samples=moments.samples,
        dim=table.columns,
        complete=found.complete,
        warnings=tuple(warnings),
    )


class _Scaled:
    """Blocks whose entries are multiplied by a factor; what rounding puts above `cap` is `cap`."""

    def __init__(self, blocks: Blocks, factor: float, cap: float) -> None:
        self.blocks, self.factor, self.cap = blocks, factor, cap

    def __call__(self) -> Iterator[np.ndarray]:
        for block in self.blocks():
            block = np.asarray(block) * self.factor
            yield np.where((block > self.cap) & (block < self.cap + ROUNDED), self.cap, block)


def _check_range(blocks: Blocks, likelihood: str) -> bool:
    """Return whether all entries are whole numbers, after checking that the likelihood has them.

    Raises
    ------
    ParameterError
        The first entry that it has not is named.
    """
    low = 0.0 if likelihood in ("bernoulli", *COUNTS) else -np.inf
    high = 1.0 if likelihood == "bernoulli" else np.inf
    words = "between 0 and 1" if likelihood == "bernoulli" else "at least 0"
    whole, rows = True, 0
    for block in checked(blocks):
        bad = (block < low) | (block > high)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            place = f"row {rows + row + 1}, column {column + 1} is {block[row, column]:g}"
            reason = f"{place}: the likelihood {likelihood} needs numbers {words}"
            raise ParameterError("data", reason)
        whole = whole and bool((block == np.rint(block)).all())
        rows += len(block)
    return whole


def _column(
    likelihood: str, mean: np.ndarray, variance: np.ndarray, dispersion: float | None
) -> _Column:
    """Return score and Fisher information of the natural location at the collapsed state."""
    # model: closed form, at lam = 0
    one = np.ones_like(mean)
    if likelihood == "bernoulli":
        return _Column(one, mean * (1 - mean))
    if likelihood == "poisson":
        return _Column(one, mean)
    if likelihood == "nb" and dispersion is not None:
        spread = 1 + mean / dispersion
        return _Column(1 / spread, mean / spread)
    if likelihood == "factor":  # the variances are those of the data, as long as there is no latent
        return _Column(1 / variance, 1 / variance)
    return _Column(one, one)
