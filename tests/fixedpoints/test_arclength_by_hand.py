"""Branches on curves that are lines and circles: steps, folds, ends, and how they are cut."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from vaedyn.fixedpoints import arclength as module
from vaedyn.fixedpoints.arclength import (
    Piece,
    _at,
    _Curve,
    _mirrored,
    _pieces,
    _walk,
    _Way,
    _without_images,
    end_of,
    escape_of,
    trace,
)
from vaedyn.fixedpoints.groups import Unit

UNIT = Unit(1, (3.0,))


class Plane:
    """A curve f(y, u) = 0 with its gradient, on points (0, y, u)."""

    sampled = False

    def __init__(self, f, gradient):
        self.f, self.gradient, self.guesses = f, gradient, []

    def state(self, point):
        return point[1:-1], float(point[-1])

    def tangent(self, point, before):
        a, b = self.gradient(*point[1:])
        way = np.array([0.0, -b, a]) / np.hypot(a, b)
        return way if way @ before > 0 else -way

    def corrected(self, guess, tangent):
        self.guesses.append(guess[1:])
        point = guess[1:].copy()
        for _ in range(30):
            matrix = np.array([self.gradient(*point), tangent[1:]])
            rest = np.array([self.f(*point), tangent[1:] @ (point - guess[1:])])
            point = point - np.linalg.solve(matrix, rest)
        return np.array([0.0, *point]) if abs(self.f(*point)) < 1e-10 else None


@pytest.fixture
def walk(monkeypatch):
    """Yield a function that returns where a curve leads on which states are intact as given."""

    def call(curve, point, direction, intact=lambda y: True, left=1.0):
        monkeypatch.setattr(module, "intact", lambda unit, y, sampled: intact(y))
        monkeypatch.setattr(module, "vanishing", lambda unit, y, sampled: left)
        monkeypatch.setattr(module, "_mirrored", lambda *_: False)
        way = _walk(UNIT, curve, np.array([0.0, *point]), np.array([0.0, *direction]))
        return way._replace(points=[point[1:] for point in way.points])

    return call


def line(level):
    return Plane(lambda y, u: y - level, lambda y, u: (1.0, 0.0))


def circle(r, y=0.0, u=0.5):
    return Plane(lambda a, b: (a - y) ** 2 + (b - u) ** 2 - r**2,
                 lambda a, b: (2 * (a - y), 2 * (b - u)))  # fmt: skip


@pytest.mark.parametrize(("level", "longest"), [(0.5, 0.05), (2.0, 0.1)])
def test_steps_grow_by_half_up_to_a_share_of_the_state(walk, level, longest):
    way = walk(line(level), [level, 0.5], [0.0, 1.0])
    steps = np.diff([p[-1] for p in way.points])
    grown = np.minimum(0.01 * 1.5 ** np.arange(20), longest)
    np.testing.assert_allclose(steps[:-1], grown[: len(steps) - 1], rtol=1e-12)
    np.testing.assert_array_equal(way.points[-1], [level, 1.0])
    assert way.cuts == [(len(way.points) - 1, "edge")]
    back = walk(line(level), [level, 0.03], [0.0, -1.0])
    assert [p[-1] for p in back.points] == pytest.approx([0.03, 0.02, 0.005, 0.0])
    assert back.cuts == [(3, "edge")]


@pytest.mark.parametrize(
    ("radius", "steps"),
    [
        (0.101, [0.01, 0.015, 0.015]), (0.099, [0.01, 0.01, 0.01]), (0.0322, [0.01, 0.01]),
        (0.0318, [0.005, 0.005]),
    ],
)  # fmt: skip
def test_steps_are_as_long_as_the_bend_allows(walk, radius, steps):
    """Longer ones below an angle of cosine 0.995, shorter ones beyond one of 0.95."""
    way = walk(
        circle(radius, -radius, 0.5), [0.0, 0.5], [0.0, 1.0], few(len(steps) + (radius == 0.0318))
    )
    angles = [2 * np.arcsin(s / (2 * radius)) for s in
              np.linalg.norm(np.diff(way.points, axis=0), axis=1)]  # fmt: skip
    np.testing.assert_allclose(radius * np.sin(angles), steps, rtol=1e-9)


def few(most):
    """Return what says that states are intact for so many times."""
    left = iter([True] * most)
    return lambda y: next(left, False)


def test_a_fold_is_a_point_and_a_cut(walk):
    """On a circle of radius 0.3 about (0, 0.5); it goes round until there are 4000 points."""
    way = walk(circle(0.3), [0.0, 0.2], [1.0, 0.0], intact=lambda y: y[0] > -0.2)
    (at, kind), (last, end) = way.cuts
    assert (kind, end, last) == ("fold", "lost", len(way.points) - 1)
    np.testing.assert_allclose(way.points[at], [0, 0.8], atol=1e-6)
    assert way.points[-1][0] == pytest.approx(-0.2, abs=1e-6)
    assert way.points[-1][1] > 0.5
    steps = np.linalg.norm(np.diff(way.points, axis=0), axis=1)
    assert steps.max() < 0.051


def test_a_fold_beyond_the_range_is_an_edge(walk):
    way = walk(circle(0.6), [0.6, 0.5], [0.0, 1.0])
    assert [kind for _, kind in way.cuts] == ["edge"]
    np.testing.assert_allclose(way.points[-1], [np.sqrt(0.36 - 0.25), 1.0], atol=1e-9)


def test_what_ends_a_branch_is_what_vanishes_there(walk):
    for left, kind in ((0.99e-4, "end"), (1.005e-4, "lost")):
        way = walk(line(0.5), [0.5, 0.5], [0.0, 1.0], lambda y: True, left)
        assert way.cuts[-1][1] == "edge"
        curve = Plane(lambda y, u: y - u, lambda y, u: (1.0, -1.0))
        way = walk(curve, [0.5, 0.5], [0.5**0.5] * 2, lambda y: y[0] < 0.7, left)
        assert way.cuts == [(len(way.points) - 1, kind)]
        assert 0.7 - 2e-7 < way.points[-1][0] < 0.7


def test_what_is_very_large_escapes(walk):
    curve = Plane(lambda y, u: (y * (u - 0.2) - 1) / y, lambda y, u: (1 / y**2, 1.0))
    way = walk(curve, [2.0, 0.7], [4.0, -1.0])
    assert way.cuts == [(len(way.points) - 1, "escape")]
    assert way.points[-2][0] < 1e4 < way.points[-1][0] < 1.06e4


class Off(Plane):
    """A line beside which points are corrected by a share of the step."""

    def __init__(self, share):
        super().__init__(lambda y, u: y - 0.5, lambda y, u: (1.0, 0.0))
        self.share = share

    def corrected(self, guess, tangent):
        self.guesses.append(guess[1:])
        found = guess.copy()
        found[1] += self.share * (guess[-1] - 0.5 if len(self.guesses) < 2 else 1e-7)
        return found


def test_points_far_from_their_guess_are_not_taken(walk):
    taken = walk(near := Off(0.499), [0.5, 0.5], [0.0, 1.0])
    assert taken.points[1][-1] == pytest.approx(0.51)
    refused = walk(far := Off(0.501), [0.5, 0.5], [0.0, 1.0])
    assert refused.points[1][-1] == pytest.approx(0.505)
    assert near.guesses[1][-1] > 0.51
    assert far.guesses[1][-1] == pytest.approx(0.505)


def test_a_branch_that_passes_into_its_mirror_image_ends(monkeypatch):
    monkeypatch.setattr(module, "intact", lambda *_: True)
    monkeypatch.setattr(module, "_mirrored", lambda curve, before, after: after[1] < 0)
    way = _walk(UNIT, circle(0.3), np.array([0, 0.3, 0.5]), np.array([0.0, 0.0, 1.0]))
    assert way.cuts == [(len(way.points) - 1, "end")]
    np.testing.assert_allclose(way.points[-1], [0, 0, 0.8], atol=1e-6)


def test_a_mirror_image_is_a_fixed_point_with_signs_turned(monkeypatch):
    curve = Made(state=lambda point: (point[:-1], point[-1]), path=lambda x: None)
    left, asked = [0.0], []
    monkeypatch.setattr(module, "residual", lambda model, y: asked.append(y) or left[0])
    before, after = np.array([0.5, -2.0, 0.3]), np.array([-0.1, -1.0, 0.4])
    assert _mirrored(curve, before, after)
    np.testing.assert_array_equal(asked, [[-0.5, -2.0]])
    for left[0], met in ((1.99e-7, True), (2.01e-7, False)):
        assert _mirrored(curve, before, after) == met
    left[0] = 0.0
    assert not _mirrored(curve, before, before)
    for size, met in ((1.005e-6, True), (0.99e-6, True), (0.49e-6, False), (0.51e-6, True)):
        before = np.array([size, 1.0, 0.3])
        assert _mirrored(curve, before, np.array([-1.0, 1.0, 0.4])) == met
    before = np.array([0.5, 0.25, 0.3])  # of states that are small, relative to 1
    for left[0], met in ((0.99e-7, True), (1.005e-7, False)):
        assert _mirrored(curve, before, after) == met


def test_a_curve_meets_an_edge_by_a_straight_guess(monkeypatch):
    curve = Plane(lambda y, u: y - u**2, lambda y, u: (1.0, -2 * u))
    inside, outside = np.array([0, 0.64, 0.8]), np.array([0, 1.44, 1.2])
    monkeypatch.setattr(module, "intact", lambda unit, y, sampled: True)
    found = _at(UNIT, curve, inside, outside, 1.0)
    np.testing.assert_allclose(curve.guesses, [[1.04, 1.0]])
    np.testing.assert_allclose(found, [0, 1, 1])
    monkeypatch.setattr(module, "intact", lambda unit, y, sampled: False)
    assert _at(UNIT, curve, inside, outside, 1.0) is None
    curve.corrected = lambda guess, way: None
    assert _at(UNIT, curve, inside, outside, 1.0) is None


def test_halves_of_a_branch_are_put_together(monkeypatch):
    """Numbers of the half behind count from the start, and so its cuts are turned round."""
    points = {sign: [np.array([x]) for x in (0, sign * 1.0, sign * 2.0)] for sign in (-1, 1)}
    cuts = {-1: [(1, "fold"), (2, "end")], 1: [(1, "fold"), (2, "edge")]}
    monkeypatch.setattr(
        module, "_walk", lambda unit, curve, point, way: _Way(points[way], cuts[way])
    )
    seen = []
    monkeypatch.setattr(module, "_pieces", lambda curve, points, cuts: seen.extend((points, cuts)))
    monkeypatch.setattr(
        module, "_Curve", lambda *_: Made(point=lambda y, x: (y, x), tangent=lambda p, b: 1)
    )
    trace(UNIT, lambda x: None, np.zeros(1), 0.5, 0.0, 1.0)
    assert np.ravel(seen[0]).tolist() == [-2, -1, 0, 1, 2]
    assert seen[1] == [(0, "end"), (1, "fold"), (3, "fold"), (4, "edge")]


def test_a_branch_is_cut_at_its_folds_into_pieces_that_rise():
    curve = Made(state=lambda point: (point[:1], 10 * point[2]))
    path = [[0, 0.1], [1, 0.4], [2, 0.6], [3, 0.5], [4, 0.2], [5, 0.25], [6, 0.3]]
    points = [np.array([y, 0.5, u], float) for y, u in path]
    cuts = [(0, "edge"), (2, "fold"), (4, "fold"), (6, "lost")]
    one, two, three = _pieces(curve, points, cuts)
    np.testing.assert_allclose(one.x, [1, 4, 6])
    np.testing.assert_array_equal(one.states, [[0], [1], [2]])
    assert (one.first, one.last) == ("edge", "fold")
    np.testing.assert_allclose(two.x, [2, 5, 6])
    np.testing.assert_array_equal(two.states, [[4], [3], [2]])
    assert (two.first, two.last) == ("fold", "fold")
    np.testing.assert_allclose(three.x, [2, 2.5, 3])
    assert (three.first, three.last) == ("fold", "lost")
    points[1][2] = 0.1  # what does not rise within is left out
    np.testing.assert_allclose(_pieces(curve, points, cuts)[0].x, [1, 6])
    points[1][2] = 0.6
    np.testing.assert_allclose(_pieces(curve, points, cuts)[0].x, [1, 6])


def piece(x, values):
    return Piece(np.array(x, float), np.array(values, float)[:, None], "edge", "edge")


@pytest.mark.parametrize(
    ("x", "values", "count"),
    [
        ((0, 1), (-1, -2), 1), ((0, 1), (1, 2), 1), ((0, 1), (1.5, 2.5), 2),
        ((0, 1), (1.013, 2.013), 1), ((0, 1), (1.016, 2.016), 2),
        ((1 - 1e-7, 1 + 2e-6), (2, 2), 1), ((1, 1.00001), (2, 2), 2), ((-0.00001, 0), (1, 1), 2),
        ((-2e-6, 1e-7), (1, 1), 1),
    ],
)  # fmt: skip
def test_images_with_other_signs_are_dropped(x, values, count):
    """Squares are compared in the middle of the later one, to 2 %: 2.25 and 2.25 +- 0.045."""
    first = piece((0, 1), (1, 2))
    assert len(_without_images([first, piece(x, values)])) == count


def test_small_squares_are_alike_to_1e_4():
    first = piece((0, 1), (0, 0))
    assert len(_without_images([first, piece((0, 1), (0.0099, 0.0099))])) == 1
    assert len(_without_images([first, piece((0, 1), (0.0102, 0.0102))])) == 2


def test_an_escape_is_where_the_inverse_vanishes():
    """x = 2 + 3/y - 50/y^2 is a polynomial in 1/y; fewer than 8 points say nothing."""
    inverse = np.geomspace(1e-4, 2.9e-3, 8)
    x = 2 + 3 * inverse - 50 * inverse**2
    states = np.column_stack([0.1 / inverse, -1 / inverse])
    first = Piece(np.append(x, 5.0), np.vstack([states, [1, 1]]), "escape", "edge")
    last = Piece(first.x[::-1], first.states[::-1], "edge", "escape")
    whole = Piece(x, states, "escape", "edge")
    assert escape_of(first, 0) == pytest.approx(2, abs=1e-12)
    assert escape_of(last, -1) == pytest.approx(2, abs=1e-12)
    assert escape_of(whole, 0) == pytest.approx(2, abs=1e-12)
    assert escape_of(Piece(x[:7], states[:7], "escape", "edge"), 0) == x[0]
    states[7, 1] = 1 / 3.01e-3
    far = Piece(first.x, np.vstack([states, [1, 1]]), "escape", "edge")
    assert escape_of(far, 0) == x[0]


@pytest.mark.parametrize("at_last", [True, False])
def test_a_branch_ends_where_what_vanishes_does(monkeypatch, at_last):
    """Beside its last point, 1 or 3, by up to 1 % of it, or a tenth of the piece."""
    asked, bad, left = [], [], {}
    monkeypatch.setattr(module, "newton", lambda model, y, tolerance: np.array([model.x]))
    monkeypatch.setattr(module, "residual", lambda model, y: 1e-12 * left.get("size", 0.0))
    monkeypatch.setattr(module, "intact", lambda unit, y, sampled: y[0] not in bad)
    end = 3.0 if at_last else 1.0
    sign = 1 if at_last else -1

    def vanishing(unit, y, sampled):
        asked.append(y[0])
        return sign * (end + left["beyond"] - y[0]) * (1 + 0.3 * (end + left["beyond"] - y[0]))

    monkeypatch.setattr(module, "vanishing", vanishing)
    whole = Piece(np.array([1.0, 3.0]), np.zeros((2, 1)), "end", "end")

    def found(piece=whole):
        asked.clear()
        return end_of(UNIT, lambda x: Made(x=x, sampled=0.0), piece, at_last)

    left["beyond"] = sign * 0.002
    assert found() == pytest.approx(end + sign * 0.002, abs=1e-11)
    near = np.sort(sign * (end - np.array(asked)))
    np.testing.assert_allclose(near, 0.01 * end * np.arange(1, 13) / 12, rtol=1e-9)
    left["size"] = 1.02 * end  # residuals at all points are too large
    assert found() == end
    left["size"] = 0.96 * end
    assert found() != end
    left["beyond"] = sign * 0.011 * end  # beyond what is looked at
    assert found() == end
    left["beyond"] = sign * 0.002
    found()
    bad += asked[:4]
    assert found() == pytest.approx(end + sign * 0.002, abs=1e-9)  # eight are enough
    found()
    bad += asked[:1]
    assert found() == end
    bad.clear()
    short = Piece(np.array([end - 0.05, end] if at_last else [end, end + 0.05]),
                  np.zeros((2, 1)), "end", "end")  # fmt: skip
    found(short)
    reach = max(abs(end - x) for x in asked)
    assert reach == pytest.approx(0.005)


def test_near_zero_the_reach_is_a_share_of_the_piece(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "newton", lambda model, y, tolerance: asked.append(model.x) or y)
    monkeypatch.setattr(module, "residual", lambda model, y: 1.0)
    low = Piece(np.array([1e-9, 2.0]), np.zeros((2, 1)), "end", "end")
    end_of(UNIT, lambda x: Made(x=x, sampled=0.0), low, False)
    assert max(asked) == pytest.approx(0.01 * 1e-3 * 2.0 + 1e-9)


def curve(low=0.1, high=2.1):
    """Return a curve of two unknowns."""
    one = _Curve(lambda x: Made(latent=1, signal=0, sampled=0.0, x=x), low, high)
    one.gather = one.spread = np.eye(2)
    return one


def test_what_is_at_the_very_edge_is_in_the_range(walk):
    way = walk(line(0.5), [0.5, 0.99], [0.0, 1.0])
    assert [p[-1] for p in way.points] == [0.99, 1.0, 1.0]
    back = walk(line(0.5), [0.5, 0.01], [0.0, -1.0])
    assert [p[-1] for p in back.points] == [0.01, 0.0, 0.0]


def test_a_range_is_measured_from_0_to_1():
    even, wide = curve(), curve(1e-3, 2.0)
    assert (even.decades, wide.decades, even.sampled) == (False, True, False)
    assert even.x(0.25) == pytest.approx(0.6)
    assert wide.x(0.25) == pytest.approx(1e-3 * 2000**0.25)
    np.testing.assert_allclose(even.point(np.array([7.0, 5.0]), 0.6), [7, 5, 0.25])
    np.testing.assert_allclose(wide.point(np.array([7.0, 5.0]), 1e-3 * 2000**0.25), [7, 5, 0.25])
    y, x = even.state(np.array([7.0, 5.0, 0.25]))
    assert (y.tolist(), x) == ([7.0, 5.0], pytest.approx(0.6))


class Equation(_Curve):
    """An equation of one unknown and u that is given, with its derivatives."""

    def __init__(self, value, slope):
        self.value, self.given, self.calls = value, slope, 0

    def slope(self, point):
        self.calls += 1
        return np.array([self.given(*point)], float)


UP = np.array([0.0, 1.0])


def test_points_are_corrected_until_they_are_exact():
    square = Equation(lambda p: p[:1] ** 2 - 2, lambda y, u: (2 * y, 0.0))
    np.testing.assert_allclose(square.corrected(np.array([1.0, 0.5]), UP), [2**0.5, 0.5])
    kept = Equation(lambda p: np.array([0.99e-14]), lambda y, u: (1.0, 0.0))
    guess = np.array([1.0, 0.5])
    np.testing.assert_array_equal(kept.corrected(guess, UP), guess)
    assert kept.calls == 0


def test_rounding_errors_are_borne_up_to_the_size_of_the_state():
    """After twelve steps a residual below 1e-12 of the state, and of the slope, is good."""
    for left, steep, good in (
        (0.99e-12, 1.0, True), (1e-12, 0.5, False), (2.99e-12, 3.0, True),
        (3.01e-12, 3.0, False),
    ):  # fmt: skip
        one = Equation(lambda p, left=left: np.array([left]), lambda y, u, s=steep: (s, 0.0))
        assert (one.corrected(np.array([0.1, 0.5]), UP) is not None) == good
        assert one.calls == 13
    for left, good in ((3.99e-12, True), (4.01e-12, False)):
        one = Equation(lambda p, left=left: np.array([left]), lambda y, u: (1.0, 0.0))
        assert (one.corrected(np.array([4.0, 0.5]), UP) is not None) == good


def test_points_far_out_are_given_up():
    one = Equation(lambda p: p[1:] - 2.5, lambda y, u: (0.0, 1.0))
    assert one.corrected(np.array([1.0, 0.5]), np.array([1.0, 0.0])) is None
    for u, there in ((1.99, True), (2.01, False), (-0.99, True), (-1.01, False)):
        one = Equation(lambda p, u=u: p[1:] - u, lambda y, _: (0.0, 1.0))
        found = one.corrected(np.array([1.0, 0.5]), np.array([1.0, 0.0]))
        assert (found is not None) == there
    nowhere = Equation(lambda p: np.array([np.nan]), lambda y, u: (1.0, 0.0))
    assert nowhere.corrected(np.array([1.0, 0.5]), UP) is None
    singular = Equation(lambda p: np.ones(1), lambda y, u: (0.0, 0.0))
    assert singular.corrected(np.array([1.0, 0.5]), UP) is None


def test_a_tangent_is_where_nothing_changes_turned_along_the_one_before():
    one = Equation(None, lambda y, u: (3e-200, -3e-200))
    way = np.sqrt([0.5, 0.5])
    np.testing.assert_allclose(one.tangent(np.zeros(2), way), way)
    np.testing.assert_allclose(one.tangent(np.zeros(2), -way), -way)
