"""Whether the rest beside the signals is white noise: of one variance in all directions.

Three comparisons with the law of white noise, each sensitive to what the others overlook: the
Kolmogorov distance, the mean square (John 1972, Biometrika 59, 169; for many directions
Ledoit & Wolf 2002, Ann. Stat. 30, 1081), which large eigenvalues raise, and the likelihood
ratio of equal variances (Mauchly 1940), which small ones raise. All leave room for a few
signals that are too weak to be counted.
"""

from typing import NamedTuple

import numpy as np

from .spiked import (
    Sample,
    bulk_law,
    count_spikes,
    distance_from_law,
    likelihood_noise,
    spread_of_noise,
    threshold,
    true_variance,
)

CROWD = 1 / 3  # share of directions beyond which spikes may come out of a rest that is no noise


class Limits(NamedTuple):
    """How far from white noise is too far; measured in simulations.

    Attributes
    ----------
    distance : float
        Over the number of eigenvalues; white noise stays below 3 nearly always.
    sigmas : float
        Standard deviations of the mean square.
    chance : float
        Of the likelihood ratio in white noise.
    uneven : float
        Squared relative spread of variances that matters little.
    hidden, share : float
        Signals at the limit of detection that may be left: that many, and that share of the
        directions.
    """

    distance: float
    sigmas: float
    chance: float
    uneven: float
    hidden: float
    share: float


USUAL = Limits(distance=3, sigmas=3, chance=0.003, uneven=0.01, hidden=0.5, share=0.05)
STRICT = Limits(distance=2, sigmas=1.8, chance=0.02, uneven=0, hidden=0.25, share=0)


def is_white(sample: Sample, eta: float, spikes: int, strict: bool = False) -> bool:
    """Return whether the eigenvalues beside the spikes may be those of noise of variance eta."""
    limits = STRICT if strict or spikes > CROWD * min(sample.dim, sample.freedom) else USUAL
    gamma, _, count = bulk_law(sample, spikes)
    dim, freedom = sample.dim - spikes, sample.freedom - spikes
    if count < 2:
        return False
    if distance_from_law(sample, eta, spikes) > 0.02 + limits.distance / count:
        return False
    # how strong a signal may be without being seen, over eta
    weakest = np.array([threshold(sample, eta, spikes)])
    unseen = float(true_variance(weakest, eta, dim / sample.freedom)[0] / eta - 1)
    # where no signal is seen at all, as in correlated columns of few rows, none is made up
    hidden = limits.hidden * (spikes > 0) + limits.share * dim
    allowed = limits.uneven * (1 + gamma) + hidden * unseen**2 / dim
    if spread_of_noise(sample, spikes) > allowed + (1 + 2 * limits.sigmas) / freedom:
        return False
    if not sample.complete:
        return True
    allowed = hidden * (unseen - np.log1p(unseen)) + count * limits.uneven / 2
    return limits.chance < _chance(sample.eigenvalues[spikes:], max(dim, freedom), float(allowed))


def _chance(bulk: np.ndarray, freedom: int, allowed: float) -> float:
    """Return how often white noise has a likelihood ratio beyond the one seen less `allowed`.

    0 where the eigenvalues are more equal than noise ever leaves them. The logarithm of the
    ratio is that of ``det / (trace/k)^k`` for k eigenvalues, which does not hang on the trace,
    so that its mean and variance are differences of those of log(det) and k log(trace); a gamma
    distribution of these moments is exact for many degrees of freedom.
    """
    from scipy import special

    k = len(bulk)
    seen = k * np.log(bulk.mean()) - np.log(bulk).sum()
    half = (freedom - np.arange(k)) / 2
    mean = k * (special.psi(freedom * k / 2) - np.log(k)) - special.psi(half).sum()
    variance = special.polygamma(1, half).sum() - k**2 * special.polygamma(1, freedom * k / 2)
    shape, scale = mean**2 / variance, variance / mean
    if special.gammainc(shape, max(seen, 0.0) / scale) < 1e-6:
        return 0.0
    return float(special.gammaincc(shape, max(seen - allowed, 0.0) / scale))


def count_in_white_noise(sample: Sample) -> tuple[int, float]:
    """Return the number of spikes and eta; more than are found from below where that is white.

    In few directions a strong signal makes most of the mean that eta is first taken for, and
    can hide itself. So, where what is left is not white, more spikes are tried, as long as
    each stands out of the noise that is left without it.
    """
    spikes, eta = count_spikes(sample, likelihood_noise)
    if spikes == sample.most_spikes or is_white(sample, eta, spikes):
        return spikes, eta
    for more in range(spikes + 1, sample.most_spikes):
        less = likelihood_noise(sample, more)
        if sample.eigenvalues[more - 1] <= threshold(sample, less, more):
            break
        if is_white(sample, less, more, strict=True):
            return more, less
    return spikes, eta
