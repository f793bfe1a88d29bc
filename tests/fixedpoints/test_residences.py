"""When a fixed point counts as passed, on distances made by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.fixedpoints import passages as saddles

TIMES = np.arange(11.0)
LIFE = 4.0  # relaxation time of all fixed points


def listed(monkeypatch, away, refined=None):
    """Return (index, time, start, end) of what is passed, of three fixed points 2.0 apart."""
    points = SimpleNamespace(
        reached=2, m=np.zeros((3, 1, 1)), relaxation_time=np.full(3, LIFE), lost="",
        types=["a", "b", "c"], labels=["A", "B", "C"], stable=np.array([False, False, True]),
        marginal=np.zeros(3, bool), max_eigenvalue=np.array([0.25, 0.25, -0.25]),
    )  # fmt: skip
    trajectory = SimpleNamespace(t=TIMES, m=np.zeros((11, 1, 1)))
    monkeypatch.setattr(saddles, "distances", lambda *_, **__: np.array(away, float))
    monkeypatch.setattr(saddles, "_typical", lambda *_: 2.0)
    monkeypatch.setattr(
        saddles, "_refined", lambda _, i, __, at: refined or (TIMES[at], away[i][at])
    )
    found = saddles.passages(points, trajectory)
    assert found[-1].index == 2
    assert found[-1].time == 10
    return [(each.index, each.time, each.start, each.end) for each in found[:-1]]


def course(first, second):
    """Return distances of a path that is near fixed point 0 up to t = 4, then at 2."""
    return [[*first, *[3] * 6], [5.0] * 11, [*second, *[0.1] * 6]]


NEAR = course([0.5, 0.4, 0.3, 0.4, 0.5], [2, 2, 2, 2, 2])


def overtaken():
    """Return when the distances of `NEAR` cross between t = 4 and 5."""
    return 4 + (2 - 0.5) / ((2 - 0.5) + (3 - 0.1))


def test_a_residence_ends_where_distances_cross(monkeypatch):
    assert listed(monkeypatch, NEAR) == [(0, 2, 0, pytest.approx(overtaken()))]


def test_what_is_left_within_half_a_relaxation_time_is_not_passed(monkeypatch):
    for life, count in ((1.999 * overtaken(), 1), (2.001 * overtaken(), 0)):
        monkeypatch.setattr("tests.fixedpoints.test_residences.LIFE", life)
        assert len(listed(monkeypatch, NEAR)) == count


def test_what_is_farther_than_half_of_the_usual_distance_is_not_passed(monkeypatch):
    for least, count in ((0.99, 1), (1.01, 0)):
        away = course([1.4, 1.2, least, 1.2, 1.4], [2, 2, 2, 2, 2])
        assert len(listed(monkeypatch, away)) == count


def test_what_is_approached_for_as_long_as_it_is_nearest_is_not_passed(monkeypatch):
    """The distance has no minimum in that while: something else only comes nearer still."""
    away = course([0.9, 0.8, 0.7, 0.6, 0.5], [2, 2, 2, 2, 2])
    away[0][5] = 0.3
    assert listed(monkeypatch, away) == []
    away[0][5] = 0.5
    assert len(listed(monkeypatch, away)) == 1


def test_a_nearest_approach_outside_of_the_residence_is_no_passage(monkeypatch):
    assert len(listed(monkeypatch, NEAR, (overtaken() - 1e-9, 0.3))) == 1
    assert listed(monkeypatch, NEAR, (overtaken() + 1e-9, 0.3)) == []


def test_what_is_nearest_when_the_trajectory_ends_is_passed_however_late(monkeypatch):
    away = [[*[2.0] * 10, 0.2], [*[0.5] * 4, 0.4, *[0.5] * 5, 3], [9.0] * 11]
    found = listed(monkeypatch, away)
    assert [each[0] for each in found] == [1, 0]
    assert found[1][3] == 10
    assert found[0][3] == found[1][2] == pytest.approx(9 + 1.5 / (1.5 + 2.8))


@pytest.mark.parametrize(
    ("away", "at", "turns"),
    [([3, 1, 2], 1, True), ([3, 2, 1], 1, False), ([1, 2, 3], 1, False), ([1, 2, 3], 0, True),
     ([3, 2, 1], 2, True), ([1, 2, 2], 2, True), ([2, 1, 1], 1, True)],
)  # fmt: skip
def test_minima_may_stand_at_both_ends(away, at, turns):
    assert saddles._turns(np.array(away), at) == turns


@pytest.mark.parametrize(("tip", "least"), [(0.4, 0.05), (-0.3, 0.02), (0.0, 0.3)])
def test_the_least_distance_is_the_tip_of_a_parabola(monkeypatch, tip, least):
    """Squared distances next to it are one, exactly so for a path that is straight."""
    fine = 2.0 / 64  # two saved times apart, in 64 steps
    at = 3.0 + (tip + 7) * fine
    states = np.zeros((9, 6))
    monkeypatch.setattr(saddles, "integrate", lambda _, __, t, *___, **____: (t[:, None], {}))
    monkeypatch.setattr(saddles, "distance", lambda _, __, t: np.hypot(least, 0.3 * (t[:, 0] - at)))
    params = SimpleNamespace(schedule=None, adam=False)
    trajectory = SimpleNamespace(t=np.arange(9.0), params=params, states=states)
    found = saddles._refined(SimpleNamespace(params=None, states=states), 0, trajectory, 3)
    assert found == (pytest.approx(at, abs=1e-9), pytest.approx(least, abs=1e-9))
