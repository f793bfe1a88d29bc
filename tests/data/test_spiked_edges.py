"""Laws of spiked matrices, term by term: against plain twins, and just at the limits."""

import numpy as np
import pytest

from vaedyn.data import spiked as module
from vaedyn.data.spiked import (
    Sample,
    bulk_law,
    count_spikes,
    distance_from_law,
    likelihood_noise,
    matched_noise,
    median_noise,
    spread_of_noise,
    strength_error,
    threshold,
    true_variance,
)
from vaedyn.model.sample_covariance import bulk_cdf

VALUES = np.array([30.0, 9.0, 2.9, 2.2, 1.7, 1.4, 1.1, 0.8, 0.6, 0.35])
MANY = Sample(VALUES, float(VALUES.sum()), 10, 37)
FEW = Sample(VALUES, float(VALUES.sum()), 26, 10)  # fewer samples than columns


def test_half_of_the_directions_may_be_spikes_and_a_bulk_is_left():
    for dim, freedom, known, most in (
        (10, 37, 10, 5), (11, 37, 11, 5), (26, 9, 9, 4), (26, 10, 10, 5), (26, 30, 5, 4),
        (1, 9, 1, 0), (2, 9, 2, 1), (3, 9, 1, 0),
    ):  # fmt: skip
        assert Sample(np.ones(known), 1.0, dim, freedom).most_spikes == most
    assert Sample(VALUES, 1.0, 10, 37)[4:] == (True, 0.0)


def test_the_bulk_is_what_spikes_leave():
    assert bulk_law(MANY, 0) == (10 / 37, 1, 10)
    assert bulk_law(MANY, 3) == (7 / 34, 34 / 37, 7)
    assert bulk_law(FEW, 3) == (23 / 7, 7 / 10, 7)


@pytest.mark.parametrize("sample", [MANY, FEW])
@pytest.mark.parametrize("spikes", [0, 2])
def test_the_median_is_that_of_the_law(sample, spikes):
    eta = median_noise(sample, spikes)
    dim, freedom = sample.dim - spikes, sample.freedom - spikes
    middle = np.median(VALUES[spikes:])
    at = middle * sample.freedom / (freedom * eta)
    assert bulk_cdf(np.array([at]), dim / freedom)[0] == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("sample", [MANY, FEW])
@pytest.mark.parametrize(("spikes", "ranks"), [(0, [2, 3, 4, 5, 6, 7]), (2, [2, 3, 4, 5])])
def test_quantiles_are_matched_in_the_middle(sample, spikes, ranks):
    """Of 10 and 8: without a fifth, rounded up, at either end; by bisection of the law."""
    dim, freedom = sample.dim - spikes, sample.freedom - spikes
    count = min(dim, freedom)
    low, high = np.zeros(len(ranks)), np.full(len(ranks), 12.0)
    for _ in range(60):
        middle = (low + high) / 2
        under = bulk_cdf(middle, dim / freedom) < 1 - (np.array(ranks) + 0.5) / count
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    law, seen = low * freedom / sample.freedom, VALUES[spikes:][ranks]
    wanted = (law * seen).sum() / (law**2).sum()
    assert matched_noise(sample, spikes) == pytest.approx(wanted, rel=1e-9)


def test_too_few_quantiles_are_not_matched():
    """Of three there is one in the middle, of four there are two."""
    for known, same in ((3, True), (4, False)):
        sample = Sample(VALUES[:known], float(VALUES[:known].sum()), known, 20)
        assert (matched_noise(sample, 0) == median_noise(sample, 0)) == same


@pytest.mark.parametrize("sample", [MANY, FEW])
def test_the_trace_has_no_bias(sample):
    assert likelihood_noise(sample, 0) == sample.total / sample.dim
    for spikes in (1, 2, 3):
        eta = likelihood_noise(sample, spikes)
        gamma, total = (sample.dim - spikes) / sample.freedom, (sample.dim - spikes) * eta
        for value in VALUES[:spikes]:
            b = value + eta * (1 - gamma)
            root = np.sqrt(max(b * b - 4 * value * eta, 0))
            total += max((b + root) / 2, eta * (1 + gamma**0.5))
        assert total == pytest.approx(sample.total, rel=1e-12)


def test_where_spikes_hold_all_there_is_hardly_any_noise():
    sample = Sample(np.array([30.0, 9.0, 0.0]), 39.0, 5, 37)
    assert likelihood_noise(sample, 2) == 39 / 3 * 2.0**-52


def twin(dim, freedom, spikes, eta, quantile):
    """Ma (2012): centre and width, in units of eta over the degrees of freedom of all."""
    p, n = max(dim - spikes, 1) - 0.5, max(freedom - spikes, 1) - 0.5
    centre, width = (p**0.5 + n**0.5) ** 2, (p**0.5 + n**0.5) * (p**-0.5 + n**-0.5) ** (1 / 3)
    return eta * (centre + quantile * width) / freedom


def test_the_threshold_is_that_of_what_spikes_leave():
    for sample in (MANY, FEW):
        for spikes in (0, 3, 9, 10):
            wanted = twin(sample.dim, sample.freedom, spikes, 0.7, 3.2724)
            assert threshold(sample, 0.7, spikes) == pytest.approx(wanted, rel=1e-14)
        wanted = twin(sample.dim, sample.freedom, 2, 1.3, 0.9793)
        assert threshold(sample, 1.3, 2, 0.9793) == pytest.approx(wanted, rel=1e-14)
        assert threshold(sample, 2.0) == threshold(sample, 2.0, 0, 3.2724)


def test_spikes_are_counted_until_no_more_are_found(monkeypatch):
    asked = []
    limits = {0: 9.0, 1: 2.9, 2: 2.0, 4: 1.9}  # an eigenvalue at the limit is no spike

    def limit(sample, eta, spikes, quantile):
        asked.append((eta, spikes, quantile))
        return limits[spikes]

    monkeypatch.setattr(module, "threshold", limit)
    assert count_spikes(MANY, lambda sample, spikes: 0.5 + spikes, 0.7) == (4, 4.5)
    assert asked == [(0.5, 0, 0.7), (1.5, 1, 0.7), (2.5, 2, 0.7), (4.5, 4, 0.7)]
    limits[0] = 1.0  # half of ten may be counted
    limits[5] = 0.1
    assert count_spikes(MANY, lambda sample, spikes: 0.5) == (5, 0.5)
    assert asked[-1] == (0.5, 5, 3.2724)
    limits[0] = 30.0
    assert count_spikes(MANY, lambda sample, spikes: 0.25 + spikes) == (0, 0.25)
    limits[0], limits[2] = 2.95, 10.0  # fewer than before are no reason to go back
    assert count_spikes(MANY, lambda sample, spikes: 0.25 + spikes) == (2, 2.25)


def test_a_spike_at_the_edge_of_the_bulk_has_the_least_variance_that_shows():
    eta, gamma = 0.7, 0.3
    edge = eta * (1 + gamma**0.5) ** 2
    found = true_variance(np.array([edge * 0.99, edge, 0.1]), eta, gamma)
    np.testing.assert_allclose(found, eta * (1 + gamma**0.5), rtol=1e-7)


def test_errors_of_strengths_at_their_limits():
    eta, gamma, freedom = 0.7, 0.3, 350
    least = eta * gamma**0.5
    rho = np.array([3.0, least * 0.999, 0.1])
    found = strength_error(rho, eta, gamma, freedom)
    slope = 1 - gamma * eta**2 / 9.0
    assert found[0] == pytest.approx(3.7 * (2 / slope / freedom) ** 0.5, rel=1e-12)
    assert found[1:].tolist() == [np.inf, np.inf]
    # a kurtosis below -2 there is not
    same = [strength_error(rho[:1], eta, gamma, freedom, k)[0] for k in (-2.0, -7.0)]
    assert same[0] == same[1] == pytest.approx(3.7 * ((2 / slope - 2) / freedom) ** 0.5, rel=1e-9)


@pytest.mark.parametrize("sample", [MANY, FEW])
@pytest.mark.parametrize("spikes", [0, 2])
def test_the_distance_is_the_largest_between_both_laws(sample, spikes):
    dim, freedom, eta = sample.dim - spikes, sample.freedom - spikes, 1.1
    count, off = min(dim, freedom), []
    for k, value in enumerate(VALUES[spikes:]):
        at = np.array([value * sample.freedom / (freedom * eta)])
        off.append(abs(1 - (k + 0.5) / count - bulk_cdf(at, dim / freedom)[0]))
    assert distance_from_law(sample, eta, spikes) == pytest.approx(max(off), rel=1e-12)
    none = sample._replace(eigenvalues=VALUES[:spikes])
    assert distance_from_law(none, eta, spikes) == 0


def test_eigenvalues_that_are_missing_are_part_of_the_spread():
    sample = Sample(np.array([90.0, 5.0, 4.0]), 105.0, 7, 51, False, 9.5)
    wanted = (25 + 16 + 9.5) / 6 / (15 / 6) ** 2 - 1 - 6 / 50
    assert spread_of_noise(sample, 1) == pytest.approx(wanted, rel=1e-12)


def test_the_estimators_have_names():
    assert [*module.ESTIMATORS.items()] == [
        ("likelihood", likelihood_noise), ("median", median_noise), ("matching", matched_noise)
    ]  # fmt: skip
