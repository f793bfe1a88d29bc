"""Noise level and signals of data, by the laws of spiked covariance matrices.

Everywhere, N is the number of directions, n the degrees of freedom (samples - 1: the mean
has been subtracted), and a spike a direction of true variance s = rho + eta in noise of
variance eta. K spikes leave noise whose eigenvalues are those of N - K directions with
n - K degrees of freedom, divided by n (exactly so for strong spikes).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..model.sample_covariance import bulk_cdf, bulk_quantile, slope

TRACY_WIDOM = 3.2724
"""99.9 % quantile of the Tracy-Widom law of real matrices.

A. Bejan, Largest eigenvalues and sample covariance matrices (2005); it also
follows from the determinant of Ferrari & Spohn (2005), J. Phys. A 38, L557.
"""

TRIM = 0.2  # share of the bulk left out at either end when quantiles are matched


class Sample(NamedTuple):
    """Eigenvalues of a sample covariance.

    Attributes
    ----------
    eigenvalues : (k,)
        The leading ones, descending, or all that are not zero when `complete`.
    total : float
        Sum of all.
    dim, freedom : int
        N and n.
    complete : bool
    remainder : float
        Sum of the squares of missing eigenvalues.
    """

    eigenvalues: np.ndarray
    total: float
    dim: int
    freedom: int
    complete: bool = True
    remainder: float = 0.0

    @property
    def most_spikes(self) -> int:
        """How many may be counted: half of the directions, as a bulk must be left."""
        return min(min(self.dim, self.freedom) // 2, len(self.eigenvalues) - 1)


def bulk_law(sample: Sample, spikes: int) -> tuple[float, float, int]:
    """Return gamma, scale (at eta = 1) and number of the non-zero eigenvalues beside spikes."""
    dim, freedom = sample.dim - spikes, sample.freedom - spikes
    return dim / freedom, freedom / sample.freedom, min(dim, freedom)


def median_noise(sample: Sample, spikes: int) -> float:
    """Estimate eta from the median of the bulk.

    The median of the eigenvalues that are not zero over that of the law of Marchenko and
    Pastur: Gavish & Donoho (2014), IEEE Trans. Inf. Theory 60, 5040. The spikes
    are left out, which matters when they are not few.
    """
    gamma, scale, _ = bulk_law(sample, spikes)
    middle = float(np.median(sample.eigenvalues[spikes:]))
    return middle / (scale * _median(gamma))


@lru_cache(64)
def _median(gamma: float) -> float:
    return float(bulk_quantile(np.array(0.5), gamma))


def matched_noise(sample: Sample, spikes: int) -> float:
    """Estimate eta from the middle 60 % of the bulk, fitted to the law's quantiles.

    Least squares, as in Ke, Ma & Lin (2023), J. Am. Stat. Assoc. 118, 374 (BEMA for
    the standard model): outliers at either end do not count, and it varies less than the median.
    """
    gamma, scale, count = bulk_law(sample, spikes)
    ranks = np.arange(int(np.ceil(TRIM * count)), int(np.floor((1 - TRIM) * count)))
    if len(ranks) < 2:
        return median_noise(sample, spikes)
    expected = scale * _at(ranks[0], ranks[-1], count, gamma)
    seen = sample.eigenvalues[spikes:][ranks]
    return float(expected @ seen / (expected @ expected))


@lru_cache(64)
def _at(first: int, last: int, count: int, gamma: float) -> np.ndarray:
    """Return the law's quantiles at ranks from `first` to `last` of `count`."""
    return bulk_quantile(1 - (np.arange(first, last + 1) + 0.5) / count, gamma)


def likelihood_noise(sample: Sample, spikes: int) -> float:
    """Estimate eta by the mean of the eigenvalues beside the spikes, corrected for its bias.

    That mean is the maximum-likelihood estimate, but spikes draw variance from the
    bulk: Passemier, Li & Yao (2017), J. R. Stat. Soc. B 79, 51; Kritchman & Nadler
    (2008), Chemom. Intell. Lab. Syst. 94, 19. Their correction, made self-consistent,
    says that the trace has no bias: ``sum_k s_k + (N - K) eta`` is the total.
    """
    from scipy import optimize

    dim = sample.dim - spikes
    leading = sample.eigenvalues[:spikes]

    def excess(eta: float) -> float:
        s = true_variance(leading, eta, dim / sample.freedom)
        return float(s.sum()) + dim * eta - sample.total

    largest = sample.total / dim
    least = np.finfo(float).eps * largest  # of what rounding leaves of data without noise
    if not spikes or excess(least) >= 0:
        return least if spikes else largest
    # even when the bulk is not that of noise, there is a root in between
    return float(optimize.brentq(excess, least, largest, xtol=least, rtol=1e-13))  # pyright: ignore[reportArgumentType]


ESTIMATORS: dict[str, Callable[[Sample, int], float]] = {
    "likelihood": likelihood_noise,
    "median": median_noise,
    "matching": matched_noise,
}


def threshold(sample: Sample, eta: float, spikes: int = 0, quantile: float = TRACY_WIDOM) -> float:
    """Return what the largest eigenvalue of the noise exceeds in 0.1 % of all samples.

    Centred and scaled as in Johnstone (2001), Ann. Stat. 29, 295, with the halves of
    Ma (2012), Bernoulli 18, 322, which make it accurate in small matrices, too.
    """
    low = np.sqrt(max(sample.dim - spikes, 1) - 0.5)
    high = np.sqrt(max(sample.freedom - spikes, 1) - 0.5)
    width = (low + high) * (1 / low + 1 / high) ** (1 / 3)
    return float(eta * ((low + high) ** 2 + quantile * width) / sample.freedom)


def count_spikes(
    sample: Sample, estimate: Callable[[Sample, int], float], quantile: float = TRACY_WIDOM
) -> tuple[int, float]:
    """Return the number of spikes and eta, which depend on each other.

    Starting from none, all eigenvalues beyond the threshold are spikes, which lowers
    the noise that is left, until no more are found (Kritchman & Nadler 2008).
    """
    spikes, eta = 0, estimate(sample, 0)
    while True:
        limit = threshold(sample, eta, spikes, quantile)
        found = min(int((sample.eigenvalues > limit).sum()), sample.most_spikes)
        if found <= spikes:
            return spikes, eta
        spikes, eta = found, estimate(sample, found)


def true_variance(eigenvalues: np.ndarray, eta: float, gamma: float) -> np.ndarray:
    """Return s = rho + eta of spikes from their eigenvalues in the sample.

    Inverts ``eigenvalue = s + gamma eta s / (s - eta)`` of Baik & Silverstein (2006),
    J. Multivar. Anal. 97, 1382; at the edge of the bulk where there is no solution.
    """
    b = eigenvalues + eta * (1 - gamma)
    s = (b + np.sqrt(np.maximum(b * b - 4 * eigenvalues * eta, 0))) / 2
    return np.maximum(s, eta * (1 + np.sqrt(gamma)))


def strength_error(
    rho: np.ndarray, eta: float, gamma: float, freedom: int, kurtosis: Any = 0.0
) -> np.ndarray:
    """Return the standard error of rho, given the excess kurtosis along the directions.

    The eigenvalue has variance ``s^2 (2 slope + kurtosis slope^2) / n`` (Paul 2007, Stat.
    Sinica 17, 1617, theorem 3; Bai & Yao 2008, Ann. Inst. H. Poincare 44, 447, when the
    signals are not gaussian), and dividing by the slope gives that of rho.
    """
    steepness = slope(rho, eta, gamma)
    known = steepness > 0
    square = 2 / np.where(known, steepness, 1) + np.maximum(kurtosis, -2)
    error = (rho + eta) * np.sqrt(np.maximum(square, 0) / freedom)
    return np.where(known, error, np.inf)


def distance_from_law(sample: Sample, eta: float, spikes: int) -> float:
    """Return the Kolmogorov distance of the bulk, as far as it is known, from the law of noise."""
    gamma, scale, count = bulk_law(sample, spikes)
    bulk = sample.eigenvalues[spikes:]
    empirical = 1 - (np.arange(len(bulk)) + 0.5) / count
    return float(np.abs(empirical - bulk_cdf(bulk / (scale * eta), gamma)).max(initial=0))


def spread_of_noise(sample: Sample, spikes: int) -> float:
    """Return the squared coefficient of variation of the true variances beside the spikes.

    Zero up to about 2/n for noise of one variance: the mean square of the bulk is then
    ``1 + gamma`` squared means (Ledoit & Wolf 2002, Ann. Stat. 30, 1081).
    """
    gamma, _, _ = bulk_law(sample, spikes)
    dim = sample.dim - spikes
    bulk = sample.eigenvalues[spikes:]
    mean = (sample.total - sample.eigenvalues[:spikes].sum()) / dim
    return float((bulk @ bulk + sample.remainder) / dim / mean**2 - 1 - gamma)
