"""Noise level and signals of users' data, and cautions about them."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..errors import ParameterError
from ..model.sample_covariance import overlap
from .cautions import DETAIL, no_floor, warnings
from .findings import Analysis, Group, lost_columns, sample_of
from .spectrum import Spectrum
from .spiked import (
    ESTIMATORS,
    Sample,
    bulk_law,
    count_spikes,
    distance_from_law,
    spread_of_noise,
    strength_error,
    threshold,
    true_variance,
)
from .whiteness import count_in_white_noise

__all__ = ["Analysis", "Group", "analyse", "sample_of"]
CLOSE = 2  # standard errors of their difference at which neighbours repel each other


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
        no_floor=no_floor(spectrum, sample, analysis, counted=spikes is None),
    )
    found = warnings(spectrum, sample, analysis)
    return replace(
        analysis,
        warnings=tuple(caution.text for caution in found),
        weighty=sum(caution.rank < DETAIL for caution in found),
    )


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


def _without_noise(spectrum: Spectrum, sample: Sample) -> float | None:
    varying = spectrum.dim - len(spectrum.constant)
    if sample.dim >= varying or lost_columns(spectrum).any():
        return None
    return float(sample.eigenvalues[-1])


def _tails(spectrum: Spectrum, sample: Sample, spikes: int) -> float:
    """Return how much more squared lengths of rows vary beside spikes than in gaussian noise.

    There, ``sum_k s_k z_k^2`` over the N - K directions has the variance ``2 sum s_k^2``.
    """
    lengths = spectrum.tails.lengths
    expected = 2 * (1 + max(spread_of_noise(sample, spikes), 0.0)) / (sample.dim - spikes)
    return float(lengths[min(spikes, len(lengths) - 1)] / expected)
