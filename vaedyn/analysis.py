"""Noise level and signals of somebody's data, and what to keep in mind about them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .errors import ParameterError
from .noise import (
    ESTIMATORS,
    Sample,
    bulk_law,
    count_spikes,
    distance_from_law,
    overlap,
    spread_of_noise,
    strength_error,
    threshold,
    true_variance,
)
from .results import Brief
from .spectrum import Spectrum
from .whiteness import count_in_white_noise, is_white

DISAGREEMENT = 1.2  # ratio of estimates of eta that is worth a warning
CROWD = 1 / 3  # share of all directions that spikes may be without a warning
MUCH = 0.1  # share of a row in the variance of a signal that is worth a warning
UNEVEN = 100  # ratio of columns' standard deviations that is worth a warning
STANDARD = "standardise them (--standardise)"
INACCURATE = 0.01  # relative error of a spike's eigenvalue that is worth a warning
CLOSE = 2  # standard errors of their difference at which neighbours repel each other


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
        Why there is no white noise of variance eta, so that no beta can be recommended; None
        where there is.
    warnings : tuple of str
        What to keep in mind, one line each.
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


def sample_of(spectrum: Spectrum) -> Sample:
    """Return the eigenvalues of the directions in which the data vary.

    Constant columns, and columns that are combinations of others, have no noise:
    they do not count as directions.
    """
    freedom = spectrum.samples - 1
    dim = spectrum.dim - len(spectrum.constant)
    rank = int((spectrum.eigenvalues > _rounding(spectrum)).sum())
    # where the last that were computed are zero, all others are, too
    complete = spectrum.complete or rank < len(spectrum.eigenvalues)
    if complete and rank < min(freedom, dim):
        dim = rank
    values = spectrum.eigenvalues[: min(dim, freedom)]
    return Sample(values, spectrum.total, dim, freedom, complete, spectrum.remainder)


def _rounding(spectrum: Spectrum) -> float:
    """Return what eigenvalues that are zero may come out as."""
    size = min(spectrum.samples, spectrum.dim)
    return float(size * np.finfo(float).eps * spectrum.eigenvalues[0])


def analyse(
    spectrum: Spectrum, estimator: str = "likelihood", spikes: int | None = None
) -> Analysis:
    """Estimate the noise level and the strengths of signals from the spectrum of data.

    Parameters
    ----------
    spectrum : Spectrum
    estimator : str
        Of eta: ``likelihood``, ``median`` or ``matching``; the first varies least and is
        the only one that does without the bulk's own eigenvalues.
    spikes : int, optional
        Number of signals; otherwise all that stand out of the noise.

    Raises
    ------
    ParameterError
        When there is no such estimator, or it needs eigenvalues that were not
        computed, or when there are too few eigenvalues for so many spikes.
    """
    sample = sample_of(spectrum)
    possible = list(ESTIMATORS) if sample.complete else ["likelihood"]
    if estimator not in possible:
        why = "" if sample.complete else ", as not all eigenvalues were computed"
        raise ParameterError("estimator", f"must be {' or '.join(possible)}{why}")
    if spikes is not None and not 0 <= spikes <= sample.most_spikes:
        raise ParameterError("spikes", f"must be 0 to {sample.most_spikes}, got {spikes}")
    found = {name: _counted(sample, name, spikes) for name in possible}
    count, eta = found.pop(estimator)
    values, gamma = sample.eigenvalues[:count], (sample.dim - count) / sample.freedom
    rho = true_variance(values, eta, gamma) - eta
    weakest = true_variance(np.array([threshold(sample, eta, count)]), eta, gamma) - eta
    ratio, scale, _ = bulk_law(sample, count)
    kurtosis = np.zeros(count)
    kurtosis[: len(spectrum.tails.kurtosis)] = spectrum.tails.kurtosis[:count]
    analysis = Analysis(
        eta=eta,
        estimator=estimator,
        alternatives={name: other for name, (_, other) in found.items()},
        eigenvalue=values,
        rho=rho,
        rho_error=strength_error(rho, eta, gamma, sample.freedom, kurtosis),
        overlap=overlap(rho, eta, gamma),
        edge=float(scale * eta * (1 + np.sqrt(ratio)) ** 2),
        detectable=float(weakest[0]),
        gamma=sample.dim / sample.freedom,
        dim=sample.dim,
        distance=distance_from_law(sample, eta, count),
        spread=float(np.sqrt(max(spread_of_noise(sample, count), 0.0))),
        tails=_tails(spectrum, sample, count),
        without_noise=_without_noise(spectrum, sample),
    )
    analysis = replace(
        analysis,
        groups=tuple(_groups(analysis)),
        no_floor=_no_floor(spectrum, sample, analysis, counted=spikes is None),
    )
    return replace(analysis, warnings=tuple(_warnings(spectrum, sample, analysis)))


def _counted(sample: Sample, estimator: str, spikes: int | None) -> tuple[int, float]:
    """Return the number of spikes and eta."""
    estimate = ESTIMATORS[estimator]
    if spikes is not None:
        return spikes, estimate(sample, spikes)
    if estimator == "likelihood":
        return count_in_white_noise(sample)
    return count_spikes(sample, estimate)


def _groups(analysis: Analysis) -> Iterator[Group]:
    """Yield the runs of neighbours that are closer than `CLOSE` errors of their difference."""
    rho, error = analysis.rho, analysis.rho_error
    apart = rho[:-1] - rho[1:] > CLOSE * np.hypot(error[:-1], error[1:])
    # below the limit of detection there is nothing to be said
    apart |= ~np.isfinite(error[:-1] + error[1:])
    ends = [0, *(np.flatnonzero(apart) + 1).tolist(), len(rho)]
    for first, end in pairwise(ends):
        if end - first > 1:
            some = slice(first, end)
            mean_error = float(np.linalg.norm(error[some])) / (end - first)
            yield Group(first, end - 1, float(rho[some].mean()), mean_error)


def _no_floor(
    spectrum: Spectrum, sample: Sample, analysis: Analysis, counted: bool
) -> str | None:
    """Return why what is left beside the signals is no white noise, or None where it is."""
    spikes, few = len(analysis.rho), min(sample.dim, sample.freedom)
    if spectrum.doubts:
        return spectrum.doubts[0]
    if few < 2:
        return "the data vary in one direction only, so that signal and noise look alike"
    if _unsure(spectrum, sample, analysis).any():
        return "eigenvalues are not known well enough to count signals (raise --passes)"
    if counted and spikes == sample.most_spikes:
        if not sample.complete and spikes < few // 2:
            return "all eigenvalues that were computed but one stand out (raise --leading)"
        return f"signals were counted until half of the {few} directions were used up"
    if is_white(sample, analysis.eta, spikes):
        return None
    left = sample.eigenvalues[spikes:]
    gamma, scale, _ = bulk_law(sample, spikes)
    low, high = (scale * analysis.eta * (1 + sign * np.sqrt(gamma)) ** 2 for sign in (-1, 1))
    beside = f"beside {spikes} signal{'' if spikes == 1 else 's'} " if spikes else ""
    return (
        f"{beside}eigenvalues run from {left[0]:.3g} to {left[-1]:.3g} in another way than those of "
        f"noise of one variance, which lie between {high:.3g} and {low:.3g}"
    )


def _unsure(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> np.ndarray:
    """Return which eigenvalues are not counted, but may be signals for all that is known (k,)."""
    values, error = sample.eigenvalues, spectrum.error[: len(sample.eigenvalues)]
    if sample.complete:
        return np.zeros(len(values), bool)
    limit = threshold(sample, analysis.eta, len(analysis.rho))
    return (values <= limit) & (limit < values + error) & (error > INACCURATE * values)


def _without_noise(spectrum: Spectrum, sample: Sample) -> float | None:
    varying = spectrum.dim - len(spectrum.constant)
    if sample.dim >= varying or _lost(spectrum).any():
        return None
    return float(sample.eigenvalues[-1])


def _lost(spectrum: Spectrum) -> np.ndarray:
    """Return which columns vary by less than rounding errors of the largest (dim,)."""
    lost = spectrum.tails.variances <= _rounding(spectrum)
    lost[list(spectrum.constant)] = False
    return lost


def _tails(spectrum: Spectrum, sample: Sample, spikes: int) -> float:
    """Return how much more squared lengths of rows vary beside spikes than in gaussian noise.

    There, ``sum_k s_k z_k^2`` over the N - K directions has the variance ``2 sum s_k^2``.
    """
    lengths = spectrum.tails.lengths
    expected = 2 * (1 + max(spread_of_noise(sample, spikes), 0.0)) / (sample.dim - spikes)
    return float(lengths[min(spikes, len(lengths) - 1)] / expected)


def _warnings(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[str]:
    """Yield what to keep in mind, one line each."""
    yield from spectrum.doubts
    yield from _about_columns(spectrum, sample, analysis)
    yield from _about_signals(sample, analysis)
    yield from _about_rows(spectrum, sample, analysis)
    yield from _about_noise(sample, analysis)
    yield from _about_accuracy(spectrum, sample, analysis)


def _about_accuracy(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[str]:
    spikes = len(analysis.rho)
    errors = spectrum.error[:spikes] / np.maximum(analysis.eigenvalue, 1e-300)
    if not spectrum.complete and (errors > INACCURATE).any():
        yield (
            f"eigenvalues of signals are known to {100 * errors.max():.2g} % only: "
            "more passes over the data (--passes) make them exact"
        )
    unsure = int(_unsure(spectrum, sample, analysis).sum())
    if unsure:
        yield (
            f"{unsure} eigenvalues that are not counted may be signals, they are not known well "
            "enough: more passes over the data (--passes) make them exact"
        )


def _about_columns(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[str]:
    constant, varying = len(spectrum.constant), spectrum.dim - len(spectrum.constant)
    if constant:
        columns = ", ".join(str(column + 1) for column in spectrum.constant[:5])
        yield (
            f"{constant} of {spectrum.dim} columns are constant ({columns}"
            f"{', ...' if constant > 5 else ''}) and left out: N = {varying}"
        )
    lost = int(_lost(spectrum).sum())
    if lost:
        yield (
            f"columns differ so much in scale that {lost} of them are lost to rounding: {STANDARD}"
        )
    elif sample.dim < varying:
        yield (
            f"the data vary in {sample.dim} of {min(varying, sample.freedom)} directions only, to "
            "which eta belongs: columns are combinations of others, rows are there twice, or "
            f"there is no noise, and beta below {analysis.without_noise:.3g} is right"
        )
    deviations = np.sqrt(np.delete(spectrum.tails.variances, spectrum.constant))
    typical, largest = np.quantile(deviations, 0.25, method="lower"), deviations.max()
    if not lost and largest > UNEVEN * typical:
        yield (
            f"standard deviations of columns are {largest:.3g} and {typical:.3g}, say: what varies "
            f"in large numbers counts as signal; {STANDARD}"
        )


def _about_signals(sample: Sample, analysis: Analysis) -> Iterator[str]:
    spikes, limit = len(analysis.rho), f"rho = {analysis.detectable:.3g}"
    if not spikes:
        yield f"no signal stands out of the noise: only those stronger than {limit} would"
    if sample.freedom + 1 < 2 * sample.dim:
        yield (
            f"few samples, {sample.freedom + 1} for N = {sample.dim}: "
            f"signals weaker than {limit} remain hidden"
        )
    # another sample might have hidden them
    gamma = (sample.dim - spikes) / sample.freedom
    error = strength_error(analysis.rho, analysis.eta, gamma, sample.freedom)
    weak = int((analysis.rho < analysis.detectable + 2 * error).sum())
    if weak:
        yield (
            f"{weak} of {spikes} signals are close to {limit}, below which none are seen: "
            "their strengths are uncertain"
        )
    for group in analysis.groups if analysis.no_floor is None else ():
        yield (
            f"signals {group.first + 1} to {group.last + 1} are closer than their errors and repel "
            f"each other, the first is too large and the last too small: their mean is rho = "
            f"{group.rho:.3g} +- {group.rho_error:.2g}"
        )
    if spikes == sample.most_spikes and not sample.complete:
        yield (
            f"all {spikes} eigenvalues that were computed but one are signals: "
            "compute more (--leading)"
        )
    elif spikes > CROWD * min(sample.dim, sample.freedom) or spikes == sample.most_spikes > 0:
        few = min(sample.dim, sample.freedom)
        yield (
            f"{spikes} of {few} directions {'stands' if spikes == 1 else 'stand'} out as signals"
            f"{', where counting stops' if spikes == sample.most_spikes else ''}: "
            "what is left is hardly noise, and eta an upper bound"
        )


def _about_rows(spectrum: Spectrum, sample: Sample, analysis: Analysis) -> Iterator[str]:
    """Yield which signals single rows make, and whether tails are heavy."""
    spikes, n, tails = len(analysis.rho), sample.freedom, spectrum.tails
    share, seen = tails.share[:spikes], analysis.eigenvalue[: len(tails.share)]
    limit = threshold(sample, analysis.eta, spikes)
    # more than a gaussian sample has in 99.9 % of all cases; and much, or all that is no noise
    single = share > 2 * np.log(1000 * n) / n
    single &= (share > MUCH) | ((seen > limit) & (seen * (1 - share) < limit))
    if single.any():
        some = np.flatnonzero(single)
        named = [f"{k + 1} (row {tails.row[k] + 1})" for k in some[:5]]
        yield (
            f"signals that hang on single rows: {', '.join([*named, *['...'] * (len(some) > 5)])}, "
            f"by up to {100 * share[some].max():.0f} % of their variance: outliers?"
        )
    dim = max(sample.dim - spikes, 1)
    # of gaussian noise it is 1, with a standard error of about sqrt((2 + 12/N)/n)
    if analysis.tails > 1.25 + 5 * np.sqrt((2 + 12 / dim) / n):
        yield (
            f"squared lengths of rows vary {analysis.tails:.2g} times as much as those of gaussian "
            "noise: with such heavy tails, a few rows may look like signals"
        )


def _about_noise(sample: Sample, analysis: Analysis) -> Iterator[str]:
    for name, other in analysis.alternatives.items():
        ratio = max(other, analysis.eta) / max(min(other, analysis.eta), 1e-300)
        if ratio > DISAGREEMENT:
            yield (
                f"eta is {analysis.eta:.3g} by {analysis.estimator} but {other:.3g} by {name}: "
                "the noise is not of one variance"
            )
    # of noise, the distance is below 3 over the number of eigenvalues (in simulations), the
    # squared spread below 7/n in 99.9 % of all samples; 2 % more than that matters little
    gamma, _, count = bulk_law(sample, len(analysis.rho))
    far = analysis.distance > 0.02 + 3 / count
    if far or analysis.spread**2 > 0.02 * (1 + gamma) + 7 / sample.freedom:
        yield (
            "the bulk is not that of noise of one variance: its law is off by "
            f"{analysis.distance:.2g}, its variances differ by about {100 * analysis.spread:.0f} %"
        )
