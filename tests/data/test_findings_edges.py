"""What of data counts, just at the limits: lost columns, columns alone, spikes that hide."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import whiteness
from vaedyn.data.blocks import Moments
from vaedyn.data.findings import columns_alone, lost_columns, rounding, sample_of
from vaedyn.data.spiked import Sample, threshold
from vaedyn.data.tails import tails_of

EPS = 2.0**-52


def spectrum(eigenvalues, *, samples=9, dim=4, constant=(), total=None, complete=True, **others):
    """Return what of a spectrum is looked at."""
    eigenvalues = np.array(eigenvalues, float)
    total = eigenvalues.sum() if total is None else total
    return SimpleNamespace(
        eigenvalues=eigenvalues, samples=samples, dim=dim, constant=constant, total=total,
        complete=complete, remainder=0.125, **others,
    )  # fmt: skip


def test_rounding_is_that_of_the_largest_eigenvalue():
    assert rounding(spectrum([2.0, 1], samples=9, dim=4)) == 8 * EPS
    assert rounding(spectrum([2.0, 1], samples=3, dim=4)) == 6 * EPS


def test_columns_whose_variance_is_rounding_are_lost():
    limit = 8 * EPS
    variances = np.array([1.0, limit, np.nextafter(limit, 1), 0.0, 0.0])
    it = spectrum([2.0, 1], constant=(3,), tails=SimpleNamespace(variances=variances))
    assert lost_columns(it).tolist() == [False, True, False, False, True]


def test_columns_that_make_up_nine_tenths_of_themselves_are_alone():
    directions = np.array([[0.3, 0.1, 0.7], [0.9, 0.0, 0.7], [0.0, 0.95, 0.0]])  # 0.9 exactly
    found = SimpleNamespace(rho=np.zeros(2))
    it = SimpleNamespace(directions=directions)
    assert columns_alone(it, found).tolist() == [2]
    directions[0, 0] = 0.31
    assert columns_alone(it, found).tolist() == [0, 2]
    assert columns_alone(it, SimpleNamespace(rho=np.zeros(3))).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("given", "eigenvalues", "dim", "complete"),
    [
        ({}, [3, 2, 1, 0.5], 4, True),
        ({"constant": (2,)}, [3, 2, 1], 3, True),  # and the last is not counted
        ({"samples": 3}, [3, 2], 4, True),
        ({"eigenvalues": [3, 2, 1, 12 * EPS]}, [3, 2, 1], 3, True),
        ({"eigenvalues": [3, 2, 1, 13 * EPS]}, [3, 2, 1, 13 * EPS], 4, True),
        ({"eigenvalues": [3, 2, 0], "dim": 9, "complete": False}, [3, 2], 2, True),
        ({"eigenvalues": [3, 2, 1], "dim": 7, "complete": False}, [3, 2, 1], 7, False),
        ({"eigenvalues": [3, 2, 0, 0], "samples": 3}, [3, 2], 4, True),
    ],
)  # fmt: skip
def test_directions_without_variance_do_not_count(given, eigenvalues, dim, complete):
    it = spectrum(**{"eigenvalues": [3, 2, 1, 0.5], "total": 7.5, **given})
    found = sample_of(it)
    assert found.eigenvalues.tolist() == eigenvalues
    assert (found.dim, found.freedom) == (dim, it.samples - 1)
    assert (found.total, found.remainder, found.complete) == (7.5, 0.125, complete)


def hidden(monkeypatch, eigenvalues, white, most=None):
    """Return how many spikes are found where one is, and noise that is white with some more."""
    sample = Sample(np.array(eigenvalues, float), 30.0, len(eigenvalues), 40)
    monkeypatch.setattr(whiteness, "count_spikes", lambda sample, estimate: (1, 0.75))
    monkeypatch.setattr(whiteness, "likelihood_noise", lambda sample, spikes: 0.5 / spikes)
    monkeypatch.setattr(whiteness, "threshold", lambda sample, eta, spikes: 6.0 * eta)
    asked = []

    def is_white(sample, eta, spikes, strict=False):
        asked.append((eta, spikes, strict))
        return spikes in white

    monkeypatch.setattr(whiteness, "is_white", is_white)
    return whiteness.count_in_white_noise(sample), asked


def test_more_spikes_are_tried_while_each_stands_out(monkeypatch):
    # thresholds are 3/2, 3/3, 3/4 with 2, 3, 4 spikes
    values = [9, 1.6, 1.1, 1.0, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1]
    assert hidden(monkeypatch, values, {1}) == ((1, 0.75), [(0.75, 1, False)])
    found, asked = hidden(monkeypatch, values, {3})
    assert found == (3, 0.5 / 3)
    assert asked == [(0.75, 1, False), (0.25, 2, True), (0.5 / 3, 3, True)]
    assert hidden(monkeypatch, values, {4})[0] == (4, 0.125)
    assert hidden(monkeypatch, values, {5})[0] == (1, 0.75)  # as many as may be are too many
    assert hidden(monkeypatch, [9, 1.5, *values[2:]], {2})[0] == (1, 0.75)
    assert hidden(monkeypatch, [9, 1.51, *values[2:]], {2})[0] == (2, 0.25)
    assert hidden(monkeypatch, [9, 1.6, 1.0, *values[3:]], {3})[0] == (1, 0.75)
    assert hidden(monkeypatch, [9, 1.6, 1.1], {2}) == ((1, 0.75), [])


def test_the_threshold_is_that_of_johnstone_and_ma():
    sample = Sample(np.array([5.0, 2, 1]), 9.0, 30, 50)
    low, high = 27.5**0.5, 47.5**0.5  # of 28 directions and 48 degrees of freedom
    width = (low + high) * (1 / low + 1 / high) ** (1 / 3)
    wanted = 0.7 * ((low + high) ** 2 + 3.2724 * width) / 50
    assert threshold(sample, 0.7, 2) == pytest.approx(wanted, rel=1e-12)
    other = 0.7 * ((low + high) ** 2 + 1.5 * width) / 50
    assert threshold(sample, 0.7, 2, 1.5) == pytest.approx(other, rel=1e-12)
    least = Sample(np.array([5.0, 2, 1]), 9.0, 2, 2)
    root = 0.5**0.5
    wanted = ((2 * root) ** 2 + 3.2724 * 2 * root * (2 / root) ** (1 / 3)) / 2
    assert threshold(least, 1.0, 2) == pytest.approx(wanted, rel=1e-12)


def test_half_of_the_directions_may_be_spikes():
    for dim, freedom, known, most in ((9, 20, 9, 4), (20, 7, 7, 3), (20, 20, 5, 4), (2, 9, 2, 1)):
        assert Sample(np.ones(known), 1.0, dim, freedom).most_spikes == most


def test_rows_that_contribute_equally_are_known_by_the_first():
    rows = np.array([[1.0, 2], [-3, 0], [3, 0], [-1, -2]])
    moments = Moments(np.zeros(2), 4, ())
    directions = np.array([[1.0, 0], [0.0, 1], [0.6, 0.8]])
    for size in (1, 2, 4):
        blocks = [rows[at : at + size] for at in range(0, 4, size)]
        found = tails_of(lambda b=blocks: iter(b), moments, directions)
        power = (rows @ directions.T) ** 2
        assert found.row.tolist() == [1, 0, 0]
        np.testing.assert_allclose(found.share, power.max(axis=0) / power.sum(axis=0))
        np.testing.assert_allclose(
            found.kurtosis, 4 * (power**2).sum(axis=0) / power.sum(axis=0) ** 2 - 3
        )
        np.testing.assert_allclose(found.variances, (rows**2).sum(axis=0) / 3)
        left = (rows**2).sum(axis=1)[:, None] - np.cumsum(np.c_[np.zeros(4), power], axis=1)
        left = np.maximum(left, 0)
        mean = left.mean(axis=0)
        lengths = (left**2).mean(axis=0) / np.where(mean > 1e-12, mean, 1) ** 2 - 1
        np.testing.assert_allclose(found.lengths[:2], lengths[:2], atol=1e-12)
