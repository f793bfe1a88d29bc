"""Whether a rest is white, comparison by comparison, just at the limits of each."""

from math import log

import numpy as np
import pytest

from vaedyn.data import whiteness as module
from vaedyn.data.spiked import Sample
from vaedyn.data.whiteness import _chance, count_in_white_noise, is_white

VALUES = np.array([30.0, 9.0, 2.9, 2.2, 1.7, 1.4, 1.1, 0.8, 0.6])
SAMPLE = Sample(VALUES, float(VALUES.sum()), 9, 37)


class Seen:
    """What the three comparisons are given, and find."""

    distance = spread = 0.0
    chance = 1.0
    asked = None

    def __init__(self, monkeypatch, unseen):
        def variance(values, eta, gamma):
            self.asked = [values.tolist(), eta, gamma]
            return np.array([eta * (1 + unseen)])

        def chance(bulk, freedom, allowed):
            self.bulk = bulk.tolist(), freedom
            self.allowed = allowed
            return self.chance

        for name, what in (
            ("distance_from_law", lambda sample, eta, spikes: self.distance),
            ("spread_of_noise", lambda sample, spikes: self.spread),
            ("threshold", lambda sample, eta, spikes: 100 * eta + spikes),
            ("true_variance", variance), ("_chance", chance),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, what)


@pytest.fixture
def seen(monkeypatch):
    return Seen(monkeypatch, 0.6)


@pytest.mark.parametrize(("strict", "times"), [(False, 3), (True, 2)])
def test_the_law_may_be_off_by_some_eigenvalues(seen, strict, times):
    for spikes, count in ((0, 9), (2, 7)):
        limit = 0.02 + times / count
        for off, white in ((1 - 1e-9, True), (1 + 1e-9, False)):
            seen.distance = off * limit
            assert is_white(SAMPLE, 0.7, spikes, strict) == white
    seen.distance = 0.02 + times / 4
    few = SAMPLE._replace(dim=30, freedom=6)
    assert is_white(few, 0.7, 2, strict)
    seen.distance = 0.021 + times / 4
    assert not is_white(few, 0.7, 2, strict)


@pytest.mark.parametrize(
    ("spikes", "strict", "allowed"),
    [
        (0, False, 0.01 * (1 + 9 / 37) + 0.05 * 0.36 + 7 / 37),
        (2, False, 0.01 * (1 + 7 / 35) + (0.5 + 0.05 * 7) * 0.36 / 7 + 7 / 35),
        (0, True, 4.6 / 37),
        (2, True, 0.25 * 0.36 / 7 + 4.6 / 35),
    ],
)
def test_the_mean_square_may_be_off_by_what_is_not_seen(seen, spikes, strict, allowed):
    for off, white in ((1 - 1e-9, True), (1 + 1e-9, False)):
        seen.spread = off * allowed
        assert is_white(SAMPLE, 0.7, spikes, strict) == white
    assert seen.asked == [[70 + spikes], 0.7, (9 - spikes) / 37]


@pytest.mark.parametrize(
    ("spikes", "strict", "least", "allowed"),
    [
        (0, False, 0.003, 0.45 * (0.6 - log(1.6)) + 0.045),
        (2, False, 0.003, 0.85 * (0.6 - log(1.6)) + 0.035),
        (0, True, 0.02, 0.0),
        (2, True, 0.02, 0.25 * (0.6 - log(1.6))),
    ],
)
def test_the_likelihood_ratio_is_not_too_rare(seen, spikes, strict, least, allowed):
    for chance, white in ((least, False), (least * 1.001, True)):
        seen.chance = chance
        assert is_white(SAMPLE, 0.7, spikes, strict) == white
        assert seen.allowed == pytest.approx(allowed, rel=1e-12)
        assert seen.bulk == (VALUES[spikes:].tolist(), 37 - spikes)
    assert is_white(SAMPLE._replace(dim=50, freedom=9), 0.7, 2)  # fewer rows than columns
    assert seen.bulk == (VALUES[2:].tolist(), 48)


def test_without_all_eigenvalues_there_is_no_likelihood_ratio(seen):
    seen.chance = 0.0
    assert is_white(SAMPLE._replace(complete=False), 0.7, 2)
    assert not is_white(SAMPLE, 0.7, 2)


def test_a_third_of_the_directions_is_a_crowd(seen):
    seen.chance = 0.01  # between both limits
    assert is_white(SAMPLE, 0.7, 3)
    assert not is_white(SAMPLE, 0.7, 4)
    assert is_white(SAMPLE._replace(dim=30, freedom=12), 0.7, 4)
    assert not is_white(SAMPLE._replace(dim=30, freedom=12), 0.7, 5)


def test_one_eigenvalue_says_nothing(seen):
    assert not is_white(SAMPLE, 0.7, 8)
    seen.chance = 1.0
    assert is_white(SAMPLE, 0.7, 7)


@pytest.mark.parametrize("freedom", [5, 9])
def test_more_equal_than_in_one_case_of_a_million_is_none(freedom):
    """Of two eigenvalues the law is known: P(4 det/trace^2 > w) = 1 - w^((freedom - 1)/2)."""
    for chance, possible in ((0.99e-6, False), (1.01e-6, True)):
        d = np.sqrt(-np.expm1(np.log1p(-chance) * 2 / (freedom - 1)))
        found = _chance(np.array([3 * (1 + d), 3 * (1 - d)]), freedom, 0.0)
        assert found == (pytest.approx(1, abs=1e-5) if possible else 0.0)


def test_more_spikes_are_tried_as_long_as_each_stands_out(monkeypatch):
    white = set()
    strict_asked = []

    def judged(sample, eta, spikes, strict=False):
        strict_asked.append((spikes, eta, strict))
        return (spikes, strict) in white

    limits = dict.fromkeys(range(6), 1.5)
    monkeypatch.setattr(module, "is_white", judged)
    monkeypatch.setattr(module, "count_spikes", lambda sample, estimate: (1, 0.25))
    monkeypatch.setattr(module, "likelihood_noise", lambda sample, spikes: 0.5 + spikes)
    monkeypatch.setattr(module, "threshold", lambda sample, eta, spikes: limits[spikes])
    assert count_in_white_noise(SAMPLE) == (1, 0.25)  # at most four, of nine
    assert strict_asked == [(1, 0.25, False), (2, 2.5, True), (3, 3.5, True)]
    white.add((3, True))
    assert count_in_white_noise(SAMPLE) == (3, 3.5)
    white.add((2, True))
    assert count_in_white_noise(SAMPLE) == (2, 2.5)
    white.add((1, False))
    assert count_in_white_noise(SAMPLE) == (1, 0.25)
    white.clear()
    white.add((3, True))
    limits[2] = 9.0  # which the second eigenvalue just reaches
    assert count_in_white_noise(SAMPLE) == (1, 0.25)
    limits[2] = 8.99
    assert count_in_white_noise(SAMPLE) == (3, 3.5)
    monkeypatch.setattr(module, "count_spikes", lambda sample, estimate: (4, 0.75))
    strict_asked.clear()
    assert count_in_white_noise(SAMPLE) == (4, 0.75)
    assert not strict_asked
