"""Rows and panels: a number claimed beside the number found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from ..learning.simulate import simulate
from ..learning.theory import theory
from ..model.params import Params
from ..model.records import Progress, Store
from ..model.results import Trajectory

CHANCE = 0.0027  # of a statistical row to fail though all is well: that of 3 standard deviations
ROUNDING = 1e-9  # what numbers of the ODE and of fixed points may be off by, whatever else
RELATIONS = ("=", ">", "<")
# where a number that is expected comes from
ABSTRACT, THEOREM_4_2, THEOREM_5_1 = "paper, abstract", "paper, Theorem 4.2", "paper, Theorem 5.1"
ODE, FIXED_POINT, CLOSED_FORM = "the ODE", "fixed point", "closed form"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number that a claim implies, beside the one that was found.

    Attributes
    ----------
    claim : str
        In words.
    expected, found : float
    origin : str
        Where the number that is expected comes from: the paper, with the place, or else
        what in this package it is computed by.
    error : float or None
        Of what was found: a standard error, or what an extrapolation is uncertain by.
    tolerance : float
        How far both may be apart; of a relation other than "=", by how much it must hold.
    basis : str
        What the tolerance comes from.
    relation : {"=", ">", "<"}
        What `found` is to be, compared with `expected`.
    """

    claim: str
    expected: float
    origin: str
    found: float
    error: float | None
    tolerance: float
    basis: str
    relation: str = "="

    @property
    def passed(self) -> bool:
        if not np.isfinite([self.found, self.expected, self.tolerance]).all():
            return False
        away = self.found - self.expected
        if self.relation == "=":
            return abs(away) <= self.tolerance
        return (away if self.relation == ">" else -away) > self.tolerance


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A command that makes a figure, or its data, alone: its words, the model, other options."""

    command: str
    params: Params
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A figure and the rows that belong to it.

    Attributes
    ----------
    name, title : str
    rows : list of Row
    data : dict
        Arguments of the function of this name in `vaedyn.figures.claims`.
    caption : str
        The picture in words.
    known, chosen : str
        The paper's own statements about its experiment, and our choices.
    recipes : list of Recipe
    """

    name: str
    title: str
    rows: Sequence[Row]
    data: Mapping[str, Any]
    caption: str
    known: str
    chosen: str
    recipes: Sequence[Recipe]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """How much is spent on the evidence, and where results are kept.

    Attributes
    ----------
    quick : bool
        Smaller and fewer simulations; errors, and with them tolerances, are larger.
    seed : int
        Of the data in all simulations.
    jobs : int or None
        Threads; default: all cores.
    store : ResultStore or None
    progress : callable or None
        Called as ``progress(done, total)`` with numbers of SGD steps.
    """

    quick: bool = False
    seed: int = 0
    jobs: int | None = None
    store: Store | None = None
    progress: Progress | None = None

    def theory(self, params: Params, *, rtol: float = 1e-8, atol: float = 1e-10) -> Trajectory:
        """Return the ODE's trajectory."""
        return theory(params, rtol=rtol, atol=atol, store=self.store)

    def simulate(self, models: Sequence[Params], runs: int | Sequence[int]) -> list[Trajectory]:
        """Return an ensemble for each model, telling the progress of all of them together."""
        counts = [runs] * len(models) if isinstance(runs, int) else list(runs)
        steps = [model.steps * count for model, count in zip(models, counts, strict=True)]
        done, found = 0, []
        for model, count, own in zip(models, counts, steps, strict=True):
            found.append(
                simulate(
                    model,
                    runs=count,
                    seed=self.seed,
                    jobs=self.jobs,
                    store=self.store,
                    progress=self._after(done, sum(steps)),
                )
            )
            done += own
        return found

    def _after(self, before: int, total: int) -> Progress | None:
        tell = self.progress
        return tell and (lambda made, _wanted: tell(before + made, total))


def quantile(freedom: int, tests: int = 1) -> float:
    """Return how many standard errors off one of `tests` numbers is by chance, once in 370 times.

    The standard errors are estimated, each with so many degrees of freedom.
    """
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, CHANCE / 2 / tests))


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Return the mean of independent values and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def statistical(
    claim: str,
    expected: float,
    values: np.ndarray,
    *,
    origin: str = ODE,
    relation: str = "=",
    known_to: float = ROUNDING,
    above: float = 0.0,
) -> Row:
    """Return the row of a mean over independent runs.

    Parameters
    ----------
    values : (runs,)
    known_to : float
        What `expected` itself is uncertain by.
    above : float
        Added to the mean.
    """
    mean, error = mean_and_error(values)
    factor = quantile(len(values) - 1)
    return Row(
        claim=claim,
        expected=expected,
        origin=origin,
        found=mean + above,
        error=error,
        tolerance=factor * error + known_to,
        basis=f"{factor:.2g} standard errors of {len(values)} runs",
        relation=relation,
    )


def agreement(claim: str, away: np.ndarray, runs: int) -> Row:
    """Return the row of means over `runs` runs that are `away` standard errors from the ODE."""
    return Row(
        claim=f"{claim}: |SGD - ODE| in standard errors",
        expected=quantile(runs - 1, away.size),
        origin=f"chance, 1 in {1 / CHANCE:.0f}",
        found=float(away.max()),
        error=None,
        tolerance=0.0,
        basis=f"exceeded by chance once in {1 / CHANCE:.0f} times, by the largest of "
        f"{away.size} with {runs - 1} degrees of freedom",
        relation="<",
    )


def limit(values: Sequence[float]) -> tuple[float, float]:
    """Return what three values, at h, h/2 and h/4, tend to as h -> 0, and the uncertainty of it.

    They are taken as a polynomial in h (Richardson); the uncertainty is what its last
    term changes.
    """
    first, second = (2 * b - a for a, b in pairwise(values))
    best = (4 * second - first) / 3
    return best, abs(best - second)


def extrapolated(
    claim: str, expected: float, values: Sequence[float], of: str, *, origin: str
) -> Row:
    """Return the row of a number computed at three values of a small parameter `of`."""
    found, error = limit(values)
    return Row(
        claim=claim,
        expected=expected,
        origin=origin,
        found=found,
        error=error,
        tolerance=error + ROUNDING,
        basis=f"the last term of the extrapolation to {of} = 0",
    )
