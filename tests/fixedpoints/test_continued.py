"""Curves of conditions that are circles and lines: points on them, and what ends them."""

import numpy as np
import pytest

from vaedyn.fixedpoints.arclength import _turning, spaced, wide
from vaedyn.fixedpoints.continued import (
    CLOSED,
    EDGE,
    ESCAPE,
    LIMIT,
    LOST,
    _along,
    _at_edge,
    _passes,
    corrected,
    distance,
    followed,
    located,
)
from vaedyn.fixedpoints.traced import traced


class Curve:
    """A condition f = 0 on points (n, unknowns), with a slope by differences."""

    name, concerned = "loss", ()

    def __init__(self, f, limits=None, tests=None, rest=None):
        self.f = f
        self.limits = limits or (lambda X: np.ones((len(X), 1)))
        self.tests = tests or (lambda X: {})
        self.rest = rest or (lambda X: -np.ones(len(X)))

    def values(self, X):
        found = np.array(self.f(*X.T))
        return found.reshape(X.shape[1] - 1, len(X)).T

    def slope(self, x):
        h = 1e-6 * np.eye(len(x))
        found = [(self.values((x + e)[None]) - self.values((x - e)[None]))[0] / 2e-6 for e in h]
        return self.values(x[None])[0], np.array(found).T

    def end(self, vanishing):
        return f"end {vanishing}"

    def holds(self, name, point):
        return name != "zero-Hopf" or point[-2] > 0.5


def circle(r, **others):
    return Curve(lambda x, y: (x - 0.5) ** 2 + (y - 0.45) ** 2 - r**2, **others)


def test_a_circle_is_closed():
    line = followed(circle(0.3), np.array([0.8, 0.45]))
    assert (line.first, line.last, line.vanishing) == (CLOSED, CLOSED, (-1, -1))
    x, y = (line.points - [0.5, 0.45]).T
    np.testing.assert_allclose(np.hypot(x, y), 0.3, rtol=1e-9)
    np.testing.assert_array_equal(line.points[[0, -1]], [[0.8, 0.45]] * 2)
    angles = np.unwrap(np.arctan2(y, x))
    assert abs(angles[-1] - angles[0]) == pytest.approx(2 * np.pi)
    steps = np.linalg.norm(np.diff(line.points, axis=0), axis=1)
    assert steps.max() == pytest.approx(0.03, rel=2e-3)
    assert np.median(steps) == pytest.approx(steps.max())  # as long as is allowed


def test_a_circle_that_leaves_the_box_ends_at_its_edges():
    line = followed(circle(0.48), np.array([0.98, 0.45]))
    assert (line.first, line.last) == (EDGE, EDGE)
    across = np.sqrt(0.48**2 - 0.45**2)
    ends = sorted(line.points[[0, -1]].tolist())
    np.testing.assert_allclose(ends, [[0.5 - across, 0], [0.5 + across, 0]], atol=1e-9)
    assert line.points[:, 1].max() == pytest.approx(0.93, abs=1e-3)
    assert (line.points >= 0).all()


def test_a_curve_ends_where_something_ceases_to_be_positive():
    """The second of its limits vanishes at x = 0.7, and beyond the other side is the edge."""
    line = followed(
        Curve(lambda x, y: y - 0.3 - 0.2 * x,
              limits=lambda X: np.stack([X[:, 1] + 1, 0.7 - X[:, 0]], axis=1)),
        np.array([0.5, 0.4]),
    )  # fmt: skip
    ends = [(line.first, line.vanishing[0], line.points[0]),
            (line.last, line.vanishing[1], line.points[-1])]  # fmt: skip
    ends.sort(key=lambda end: end[2][0])
    assert [end[:2] for end in ends] == [(EDGE, -1), (LIMIT, 1)]
    np.testing.assert_allclose(ends[0][2], [0, 0.3], atol=1e-12)
    np.testing.assert_allclose(ends[1][2], [0.7, 0.44], atol=1e-9)


def test_what_grows_without_bound_escapes():
    """Q = 1/(x - 0.2), which no curve in the box passes."""
    line = followed(
        Curve(lambda Q, x, y: (Q * (x - 0.2) - 1, y - 0.5 + 0 * Q)), np.array([2.0, 0.7, 0.5])
    )
    assert {line.first, line.last} == {ESCAPE, EDGE}
    assert line.points[:, 0].max() > 1e4
    at_edge = line.points[line.points[:, 1].argmax()]
    np.testing.assert_allclose(at_edge, [1.25, 1, 0.5], rtol=1e-9)


def test_where_newtons_method_fails_a_curve_is_lost_or_escapes():
    """The equation stops at x = 0.6; what is large by then is on its way to infinity."""

    def stopping(size):
        return Curve(
            lambda x, y: np.where(x < 0.6, y - 0.5, np.nan),
            limits=lambda X: np.full((len(X), 1), size),
        )

    for size, word in ((29.0, LOST), (31.0, ESCAPE)):
        line = followed(stopping(size), np.array([0.5, 0.5]))
        assert {line.first, line.last} == {EDGE, word}
        assert line.points[:, 0].max() == pytest.approx(0.6, abs=1e-4)
    line = followed(stopping(1.0), np.array([0.6, 0.5]))
    assert (line.first, line.last, len(line.points)) == (LOST, LOST, 1)


def test_a_point_is_corrected_across_a_direction():
    found = corrected(circle(0.3), np.array([0.7, 0.5]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(found, [0.5 + np.sqrt(0.3**2 - 0.05**2), 0.5], rtol=1e-12)
    assert corrected(circle(0.3), np.array([0.7, 0.95]), np.array([0.0, 1.0])) is None
    assert corrected(circle(0.3), np.array([1.6, 0.45]), np.array([0.0, 1.0])) is None  # far out
    assert corrected(Curve(lambda x, y: 0 * x), np.array([0.5, 0.5]), np.ones(2)) is None


def test_directions_go_on_as_before():
    slope = np.array([[3e5, -3e5]])
    for before in ([1.0, 0.0], [-1.0, 0.5]):
        way = _along(slope, np.array(before))
        np.testing.assert_allclose(way, np.sign(before[0]) * np.array([0.5**0.5] * 2))
    assert np.linalg.norm(_along(slope, None)) == pytest.approx(1)


def test_distances_are_measured_in_segments():
    """To 0.0001 of the box, below which segments are not told apart."""
    line = np.array([[0.0, 0.0], [0.4, 0.0], [0.4, 0.2]])
    for point, off, length in (
        ([0.1, 0.1], 0.1, 0.4), ([-0.3, 0.4], 0.5, 0.4), ([0.41, 0.1], 0.01, 0.2),
        ([0.4, 0.21], 0.01, 0.2), ([0.2, 0.0], 0.0, 0.4),
        ([0.5, 0.1], 0.1 * 2**0.5, 0.4),  # to the second it is half of its length
    ):  # fmt: skip
        assert distance(np.array(point), line) == pytest.approx(off / (length + 1e-4))
    assert distance(np.zeros(2), line[:1]) == np.inf
    before, after = np.array([0.4, 0.5]), np.array([0.6, 0.5])
    assert _passes(np.array([0.5, 0.519]), before, after)
    assert not _passes(np.array([0.5, 0.521]), before, after)
    assert not _passes(np.array([0.63, 0.5]), before, after)


def test_a_curve_leaves_the_box_where_it_meets_the_first_edge():
    curve = Curve(lambda x, y: y - 2 * x + 0.9)
    inside, outside = np.array([0.9, 0.9]), np.array([1.1, 1.3])
    np.testing.assert_allclose(_at_edge(curve, inside, outside), [0.95, 1], atol=1e-12)
    level = Curve(lambda x, y: y - 0.4)
    found = _at_edge(level, np.array([0.1, 0.4]), np.array([-0.1, 0.4]))
    np.testing.assert_allclose(found, [0, 0.4], atol=1e-12)


@pytest.mark.parametrize("zero", [0.43, 0.31, 0.6999])
def test_a_zero_on_a_curve_is_located(zero):
    curve = Curve(lambda x, y: y - x**2)
    before, after = np.array([0.3, 0.09]), np.array([0.7, 0.49])
    for function in (
        lambda X: X[:, 0] - zero, lambda X: zero - X[:, 0],
        lambda X: np.expm1(30 * (X[:, 0] - zero)),
        lambda X: (X[:, 0] > zero) - 0.5,
    ):  # fmt: skip
        found = located(curve, before, after, function)
        np.testing.assert_allclose(found, [zero, zero**2], atol=1e-9)
    np.testing.assert_array_equal(located(curve, before, after, lambda X: X[:, 0] - 0.3), before)


def test_a_traced_curve_has_its_special_points_and_where_it_attracts():
    """A line from one edge to the other: a cusp at 0.31, two zero-Hopf points, stable below 0.6."""
    curve = Curve(
        lambda x, y: y - 0.5,
        tests=lambda X: {"cusp": X[:, 0] - 0.31, "zero-Hopf": (X[:, 0] - 0.2) * (X[:, 0] - 0.8)},
        rest=lambda X: X[:, 0] - 0.6,
    )
    found = traced(curve, followed(curve, np.array([0.1, 0.5])))
    assert [name for name, _ in found.special] == ["cusp", "zero-Hopf"]
    np.testing.assert_allclose(
        [at for _, at in found.special], [[0.31, 0.5], [0.8, 0.5]], atol=1e-9
    )
    assert found.ends == (EDGE, EDGE)
    x = found.points[:, 0]
    assert (np.diff(x) > 0).all() or (np.diff(x) < 0).all()
    assert {0.31, 0.8} <= set(np.round(x, 9).tolist())
    np.testing.assert_array_equal(found.attracting, x < 0.6)
    gap = np.sort(x)[np.searchsorted(np.sort(x), 0.6) + np.array([-1, 0])]
    assert np.ptp(gap) < 0.03 / 200  # within a sixteenth of a sixteenth of a step


def test_at_a_tip_a_curve_attracts_as_its_neighbours_do():
    curve = Curve(
        lambda x, y: y - 0.5, limits=lambda X: 0.7 - X[:, :1],
        tests=lambda X: {"cusp": X[:, 0] - 0.699999},
        rest=lambda X: np.where(np.abs(X[:, 0] - 0.7) < 1e-7, 1.0, -1.0),
    )  # fmt: skip
    found = traced(curve, followed(curve, np.array([0.1, 0.5])))
    assert found.attracting.all()
    assert set(found.ends) == {EDGE, "end 0"}
    assert found.special == []  # next to the tip another name stands for it
    curve.end = lambda vanishing: "tricritical"
    found = traced(curve, followed(curve, np.array([0.1, 0.5])))
    ((name, at),) = found.special
    assert name == "tricritical"
    np.testing.assert_allclose(at, [0.7, 0.5], atol=1e-9)


def test_at_an_edge_a_curve_attracts_or_does_not_by_itself():
    curve = Curve(
        lambda x, y: y - 0.5, rest=lambda X: np.where(np.abs(X[:, 0] - 0.5) > 0.5 - 1e-9, 1.0, -1)
    )
    found = traced(curve, followed(curve, np.array([0.1, 0.5])))
    assert not found.attracting[[0, -1]].any()
    assert found.attracting[2:-2].all()


def test_ranges_over_more_than_a_thousand_are_wide():
    assert not wide(0.5, 500)
    assert wide(0.5, 500.1)
    assert not wide(0, 1e9)
    assert spaced(1, 2, 3).tolist() == [1, 1.5, 2]
    np.testing.assert_allclose(spaced(0.01, 100, 3), [0.01, 1, 50.005, 100])


def test_a_parabola_turns_at_its_tip():
    """Its parameter is u = 0.3 - (s - 0.4)^2 at s from 0.2 to 0.5, of which the cubic is exact."""

    def at(s):
        return np.array([s, 0.3 - (s - 0.4) ** 2])

    def way(s):
        return np.array([1, -2 * (s - 0.4)])

    start, stop = at(0.2), at(0.5)
    # directions are of length 1; those of a parabola over the length of the chord are not
    first, last = (way(s) / np.linalg.norm(way(s)) for s in (0.2, 0.5))
    found = _turning(start, stop, first, last)
    assert found[1] == pytest.approx(0.3, abs=2e-3)
    assert found[0] == pytest.approx(0.4, abs=1e-2)
