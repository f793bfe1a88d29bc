"""Findings about users' data, and which directions count."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..model.results import Brief
from .spectrum import Spectrum
from .spiked import Sample

ALONE = 0.9  # share of a column in the directions of signals from which it makes one by itself


class Group(NamedTuple):
    """Signals that are too close to be told apart.

    Attributes
    ----------
    first, last : int
        Counted from 0, both included.
    rho, rho_error : float
        Mean strength and its standard error.
    """

    first: int
    last: int
    rho: float
    rho_error: float


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Brief):
    """Noise and signals of data.

    Attributes
    ----------
    eta : float
        Variance of the noise.
    estimator : str
        How it was found: a name in `ESTIMATORS`.
    alternatives : dict
        What the other estimators say of eta.
    eigenvalue, rho, rho_error, overlap : (spikes,)
        Of each spike: its eigenvalue in the sample, its strength without the bias of finite n,
        the standard error of that, with the kurtosis that is seen (inf at the limit of
        detection), and the squared overlap of its direction in the sample with the true one.
        Neighbours in one of the `groups` repel each other: their own strengths are off by more.
    edge : float
        Upper edge of the bulk; spikes stand out of it by more than its fluctuations.
    detectable : float
        Weakest rho that would be counted as a spike.
    gamma : float
        N/n, of the directions in which data vary and the degrees of freedom.
    dim : int
        N: directions in which the data vary.
    without_noise : float or None
        Least variance, where there are directions without any: if that means that there
        is no noise, beta below it and `dim` latents keep everything.
    distance, spread : float
        How far the bulk is from that of noise of one variance: Kolmogorov distance of its
        law, and the estimated relative spread of the variances.
    tails : float
        Variance of the squared lengths of rows beside the spikes, over that of gaussian noise.
    groups : tuple of Group
        Signals closer than their errors. Their eigenvalues repel each other, the first comes out
        too large and the last too small; the mean does not.
    no_floor : str or None
        Why no beta can be recommended: there is no white noise of variance eta, or signals may
        be no signals, but outliers or columns of other units. None where there is no doubt.
    warnings : tuple of str
        What to keep in mind, one line each, what matters most first.
    weighty : int
        How many of them, from the first, ask for something; the others explain numbers.
    """

    eta: float
    estimator: str
    alternatives: dict[str, float]
    eigenvalue: np.ndarray
    rho: np.ndarray
    rho_error: np.ndarray
    overlap: np.ndarray
    edge: float
    detectable: float
    gamma: float
    dim: int
    distance: float
    spread: float
    tails: float
    without_noise: float | None = None
    groups: tuple[Group, ...] = ()
    no_floor: str | None = None
    warnings: tuple[str, ...] = ()
    weighty: int = 0


def sample_of(spectrum: Spectrum) -> Sample:
    """Return the eigenvalues of the directions in which the data vary.

    Constant columns, and columns that are combinations of others, have no noise:
    they do not count as directions.
    """
    freedom = spectrum.samples - 1
    dim = spectrum.dim - len(spectrum.constant)
    rank = int((spectrum.eigenvalues > rounding(spectrum)).sum())
    # where the last that were computed are zero, all others are, too
    complete = spectrum.complete or rank < len(spectrum.eigenvalues)
    if complete and rank < min(freedom, dim):
        dim = rank
    values = spectrum.eigenvalues[: min(dim, freedom)]
    return Sample(values, spectrum.total, dim, freedom, complete, spectrum.remainder)


def rounding(spectrum: Spectrum) -> float:
    """Return what eigenvalues that are zero may come out as."""
    size = min(spectrum.samples, spectrum.dim)
    return float(size * np.finfo(float).eps * spectrum.eigenvalues[0])


def lost_columns(spectrum: Spectrum) -> np.ndarray:
    """Return which columns vary by less than rounding errors of the largest (dim,)."""
    lost = spectrum.tails.variances <= rounding(spectrum)
    lost[list(spectrum.constant)] = False
    return lost


def columns_alone(spectrum: Spectrum, analysis: Analysis) -> np.ndarray:
    """Return the columns, counted from 0, that make a signal by themselves."""
    directions = spectrum.directions[: len(analysis.rho)]
    return np.flatnonzero((directions**2).sum(axis=0) > ALONE)
