"""The beta that rows held out from training are most likely at, with and without a floor.

A linear VAE of KL weight beta and unit decoder variance has the optimum, and the loss up to the
factor beta and a constant, of one with KL weight 1 and decoder variance beta. That is
probabilistic PCA (Tipping & Bishop 1999, J. R. Stat. Soc. B 61, 611) of noise beta: the model is
gaussian, of covariance W W^T + beta I, with eigenvalues l of the training rows where l > beta,
and beta elsewhere. Its encoder is the exact posterior, for any row: the ELBO is the logarithm
of the likelihood. So all scores are closed in the eigenvalues of the training rows and the mean
squares of the others along their directions.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from ..errors import ParameterError
from ..model.numerics import NUMERICS
from ..model.params import integer
from ..model.progress import Asked, shows
from ..model.records import Computed, Kept, Source, Store, kept, variable
from ..model.results import Brief
from ..tables.table import Columns, Data, as_table
from .blocks import moments_of
from .dependence import alike
from .findings import sample_of
from .folds import Folds, folds_of
from .look import AT_ONCE, Look, look

POINTS = 400  # of the grid of beta
LEAST = 1e-8  # of the largest variance: where the grid begins at the earliest
FOLDS = 5


class Score(NamedTuple):
    """What a linear VAE of some beta does on rows that were held out, each with standard error.

    The standard errors are those of the mean over folds.

    Attributes
    ----------
    beta : float
    active : float
        Active units, the mean over folds: eigenvalues of the training rows above beta.
    log_likelihood, log_likelihood_error : float
        In nats per row: that of the gaussian model, which is its ELBO.
    squared_error, squared_error_error : float
        Of the reconstruction with latents drawn as in training, summed over columns.
    explained, explained_error : float
        One minus the squared error over the squared distance from the training mean.
    """

    beta: float
    active: float
    log_likelihood: float
    log_likelihood_error: float
    squared_error: float
    squared_error_error: float
    explained: float
    explained_error: float


@dataclass(frozen=True, eq=False, repr=False)
class Heldout(Brief):
    """Folds of a table, and how a linear VAE does on rows that it was not trained on.

    Attributes
    ----------
    folds : Folds
        Eigenvalues of the training rows, and what the rows held out are along their directions.
    samples, dim, columns : int
        Numbers of rows, of directions in which they vary, and of columns.
    latents : int or None
        How many there are at most; None for as many as directions.
    doubts : tuple of str
        Columns that are no measurements, as of `vaedyn.Spectrum`.
    source : Source or None
        The record of the folds, when a store was used.
    """

    folds: Folds
    samples: int
    dim: int
    columns: int
    latents: int | None = None
    doubts: tuple[str, ...] = ()
    source: Source | None = None

    @classmethod
    def from_kept(cls, found: Kept, latents: int | None = None) -> Self:
        """Return folds that were looked up, or computed."""
        folds = Folds(**found.arrays)
        return cls(
            folds,
            samples=int(folds.rows.sum()),
            dim=int(found.info["dim"]),
            columns=int(found.info.get("width", found.info["dim"])),
            latents=latents,
            doubts=tuple(found.info["doubts"]),
            source=found.source,
        )

    def _alive(self, beta: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return betas (..., 1, 1), and which modes are in use (..., folds, modes)."""
        beta = np.asarray(beta, float)[..., None, None]
        alive = self.folds.variances > beta
        if self.latents is not None:
            alive[..., self.latents :] = False
        return beta, alive

    def active(self, beta: Any) -> np.ndarray:
        """Return how many active units there are at each beta in each fold, (..., folds)."""
        return self._alive(beta)[1].sum(axis=-1)

    def log_likelihood(self, beta: Any) -> np.ndarray:
        """Return the mean over the rows held out in nats, (..., folds)."""
        # model: closed form, at small tau and lam = 0
        beta, alive = self._alive(beta)
        values, seen = self.folds.variances, self.folds.seen
        own = np.where(alive, values, 1.0)
        rest = np.maximum(self.folds.total - np.where(alive, seen, 0).sum(axis=-1), 0)
        spare, beta = self.dim - alive.sum(axis=-1), beta[..., 0]
        inside = np.where(alive, np.log(own) + seen / own, 0).sum(axis=-1)
        outside = spare * np.log(beta) + rest / beta
        return self.folds.shift - 0.5 * (self.dim * np.log(2 * np.pi) + inside + outside)

    def squared_error(self, beta: Any) -> np.ndarray:
        """Return the mean squared error of the rows held out, latents drawn, (..., folds).

        Along a direction in use, ``(beta/l)^2`` of the square is left, and drawing the latent
        adds ``(l - beta) beta/l``; on the training rows that is beta together.
        """
        # model: closed form, at small tau and lam = 0
        beta, alive = self._alive(beta)
        values, seen = self.folds.variances, self.folds.seen
        left = np.where(alive, beta, 0.0) / np.where(alive, values, 1.0)
        change = left**2 * seen + (values - beta) * left - seen
        return self.folds.total + np.where(alive, change, 0).sum(axis=-1)

    @cached_property
    def beta(self) -> np.ndarray:
        """A geometric grid from below the least variance of all folds to beyond the largest.

        It also holds the beta that is best for a model without latents, the mean square of rows
        held out, and the one for a model with all of them, the mean square that they leave in
        the other directions: few rows leave much there, though less than their eigenvalues.
        """
        values = self.folds.variances
        least, largest = float(values[values > 0].min()), float(values.max())
        rest, spare = self._left(0.0)
        if rest > np.finfo(float).eps * self.folds.total.sum() * self.dim and spare:
            least = min(least, rest / spare)
        without = float(self.folds.total.mean()) / self.dim
        return np.geomspace(max(least / 2, LEAST * largest), 1.5 * max(largest, without), POINTS)

    def _left(self, beta: float) -> tuple[float, int]:
        """Return the squares beside the latents in use, and the directions, summed over folds."""
        alive = self._alive(beta)[1]
        rest = self.folds.total - np.where(alive, self.folds.seen, 0).sum(axis=-1)
        return float(np.maximum(rest, 0).sum()), int((self.dim - alive.sum(axis=-1)).sum())

    @cached_property
    def _means(self) -> np.ndarray:
        return np.array([self.log_likelihood(beta).mean() for beta in self.beta])

    @cached_property
    def best(self) -> Score:
        """The beta of the largest likelihood, the mean over folds."""
        return self.score(self._maximum())

    @cached_property
    def simplest(self) -> Score:
        """The largest beta of the grid whose likelihood is within one standard error of the best.

        The rule of Breiman, Friedman, Olshen & Stone (1984), Classification and Regression
        Trees, section 3.4.3: the simplest model that is not clearly worse. Where no latent is
        left, a larger beta is no simpler.
        """
        best = self.best
        enough = self._means >= best.log_likelihood - best.log_likelihood_error
        enough &= self.beta <= self.folds.variances.max()
        return self.score(max(best.beta, float(self.beta[enough][-1]) if enough.any() else 0))

    @property
    def unbounded(self) -> bool:
        """Whether the likelihood still rises at the smallest beta that was tried.

        So it is where columns are combinations of others, up to rounding: no row has any
        variance across, and each smaller beta is better.
        """
        return self.best.beta <= self.beta[1]

    def score(self, beta: float) -> Score:
        """Return what happens at some beta."""
        likelihood, error = self.log_likelihood(beta), self.squared_error(beta)
        with np.errstate(divide="ignore", invalid="ignore"):
            explained = np.where(self.folds.total > 0, 1 - error / self.folds.total, 0.0)
        summed = (_mean(each) for each in (likelihood, error, explained))
        return Score(float(beta), float(self.active(beta).mean()), *(x for y in summed for x in y))

    def _maximum(self) -> float:
        """Return where the mean likelihood is largest: next to the best point of the grid.

        From one eigenvalue of any fold to the next it is largest where beta is the mean square
        that is left, over the number of directions that it is left in.
        """
        at = int(np.argmax(self._means))
        low, high = self.beta[max(at - 1, 0)], self.beta[min(at + 1, POINTS - 1)]
        values = self.folds.variances[:, : self.latents]
        edges = np.unique([low, high, *values[(values > low) & (values < high)]])
        tried = [float(self.beta[at]), *edges.tolist()]
        for left, right in pairwise(edges.tolist()):
            rest, spare = self._left((left + right) / 2)
            if spare:
                tried.append(float(np.clip(rest / spare, left, right)))
        return max(tried, key=lambda beta: self.log_likelihood(beta).mean())


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def neighbours_alike(found: Look) -> str | None:
    """Return that rows are alike with those before and after them, held out or not, if so."""
    return alike(found.spectrum, sample_of(found.spectrum), found.analysis)


@shows("folds")
def heldout(
    data: Data,
    *,
    columns: Columns | None = None,
    missing: str | None = None,
    folds: int = FOLDS,
    latents: int | None = None,
    standardise: bool = False,
    seed: int = 0,
    store: Store | None = None,
    progress: Asked = None,
) -> Heldout:
    """Train linear VAEs on a table without some of its rows, at every beta, and score these.

    All in closed form: at each beta, training ends at the eigenvalues of the covariance of the
    rows that it is given.

    Parameters
    ----------
    data : (samples, dim), or str or Path
        A table or its file, as of `vaedyn.look`.
    columns, missing
        As of `vaedyn.look`.
    folds : int
        In how many parts the rows are dealt out at random; each is held out once.
    latents : int, optional
        How many there are at most; otherwise as many as there are directions.
    standardise : bool
        Whether columns are divided by the standard deviation of the training rows.
    seed : int
        Of the dealing.
    store : ResultStore, optional
        Where to look for the folds first, and to keep them.
    progress : bool or callable, optional
        True shows a bar; a function receives the numbers of folds done and wanted.

    Raises
    ------
    ParameterError
        When the entries or an argument make no sense, or the table is too large: with more than
        4000 rows and columns, or fewer rows than columns and more than 4 GB.
    TableError
        When there is no such file, or no table in it.
    """
    table = as_table(data, columns=columns, missing=missing)
    folds, seed = integer("folds", folds, 2), integer("seed", seed, 0)
    if folds > table.rows:
        raise ParameterError("folds", f"must be at most {table.rows}, the rows, got {folds}")
    if latents is not None:
        latents = integer("latent", latents, 1)
    blocks = partial(table.blocks, max(1, int(AT_ONCE / (8 * table.columns))))
    asked: Any = {"folds": folds, "seed": seed, "standardise": standardise}

    def compute() -> Computed:
        moments = moments_of(blocks)
        found, dim = folds_of(blocks, moments, **asked, progress=progress)
        dims = {"variances": ("fold", "mode"), "seen": ("fold", "mode")}
        arrays = {
            name: variable(TEXTS[name], values, dims.get(name, ("fold",)))
            for name, values in found._asdict().items()
        }
        hang = neighbours_alike(look(table, standardise=standardise))
        doubts = [*moments.doubts, *([hang] if hang else [])]
        info = {"file": table.place, **table.asked, "dim": dim, "doubts": doubts}
        info["width"] = table.columns
        return arrays, info

    record = {"data": table.digest(), **asked, "numerics": NUMERICS["heldout"]}
    found = kept(store, "heldout", record, compute)
    result = Heldout.from_kept(found, latents)
    return replace(result, columns=table.columns)


TEXTS = {
    "variances": "eigenvalues of the covariance of the training rows",
    "seen": "mean squares of the rows held out along these directions",
    "total": "mean squared distance of the rows held out from the mean of the others",
    "shift": "logarithm of densities in units that all folds share, less that in their own",
    "rows": "number of rows held out",
}
