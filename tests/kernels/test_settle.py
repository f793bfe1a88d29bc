"""Newton's method of many models as plain code: factors, steps, and what ends them."""

import numpy as np
import pytest

from vaedyn.kernels import general
from vaedyn.kernels import settle as module
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.settle import FOUND, SINGULAR, factorise, linearise, substitute


def solved(matrix, x):
    """Return what `substitute` makes of `x`, None where there is no inverse."""
    factors, pivots = np.array(matrix, float), np.empty(len(matrix), np.int64)
    if factorise.py_func(factors, pivots) == SINGULAR:
        return None
    x = np.array(x, float)
    substitute.py_func(factors, pivots, x)
    return x


def test_equations_are_solved_with_rows_exchanged():
    rng = np.random.default_rng(1)
    for n in (1, 2, 3, 5, 8):
        matrix, x = rng.normal(size=(n, n)), rng.normal(size=n)
        np.testing.assert_allclose(solved(matrix, x), np.linalg.solve(matrix, x), rtol=1e-9)
    zeros = [[0.0, 2, 1], [4, 0, 0], [0, 0, 3]]
    np.testing.assert_allclose(solved(zeros, [5, 4, 6]), [1, 1.5, 2], rtol=1e-15)
    # the largest of a column is the pivot, and the first of two that are as large
    factors, pivots = np.array([[1.0, 2], [-4, 2]]), np.empty(2, np.int64)
    assert factorise.py_func(factors, pivots) == FOUND
    assert pivots.tolist() == [1, 1]
    np.testing.assert_array_equal(factors, [[-4, 2], [-0.25, 2.5]])
    factors = np.array([[2.0, 1], [-2, 3]])
    factorise.py_func(factors, pivots)
    assert pivots.tolist() == [0, 1]


def test_pivots_below_1e_9_of_the_largest_say_nothing():
    for small, there in ((1.005e-9, True), (0.995e-9, False)):
        assert (solved(np.diag([1.0, small]), [1, 1]) is not None) == there
        assert (solved(np.diag([small, 1.0]), [1, 1]) is not None) == there
    assert solved(np.zeros((2, 2)), [1, 1]) is None


def test_slopes_are_by_steps_into_the_complex_plane(monkeypatch):
    """Of a drift that is quadratic, in independent entries, of which the first stands twice."""
    rng = np.random.default_rng(2)
    A, y = rng.normal(size=(4, 4)), rng.normal(size=4)
    which, counts = np.array([0, 1, 0, 2]), np.array([2.0, 1.0, 1.0])

    def drift(y, c, room, out):
        assert room == "room"
        out[:] = c.lr * (A @ y + y * y[::-1])

    monkeypatch.setattr(general, "of_sgd", drift)
    matrix, slope = np.full((3, 3), 9.0), np.full(3, 9.0)
    shifted, out = np.empty((2, 4), complex)
    model = Constants(0.8, np.zeros(0), 0.7, 0.1, 0.4, 1)
    largest = linearise.py_func(y, model, which, counts, ("room", shifted, out), matrix, slope)
    v = A @ y + y * y[::-1]
    spread = np.eye(3)[which]
    gather = spread.T / counts[:, None]
    J = A + np.diag(y[::-1]) + np.diag(y)[:, ::-1]
    assert largest == pytest.approx(np.abs(v).max(), rel=1e-14)
    np.testing.assert_allclose(slope, gather @ v, rtol=1e-13)
    np.testing.assert_allclose(matrix, gather @ J @ spread, rtol=1e-13)
    y[1] = np.nan
    work = "room", shifted, out
    assert np.isnan(linearise.py_func(y, model, which, counts, work, matrix, slope))


class Line:
    """A drift of one order parameter in each of two places, and of another one."""

    def __init__(self, monkeypatch, drift, slope):
        self.drift, self.slope, self.seen = drift, slope, []
        monkeypatch.setattr(module, "linearise", self.linearise)
        monkeypatch.setattr(module, "factorise", factorise.py_func)
        monkeypatch.setattr(module, "substitute", substitute.py_func)

    def linearise(self, y, c, which, counts, work, matrix, slope):
        self.seen.append(y.tolist())
        assert (c.latent, c.beta, c.rho.tolist()) == (1, 0.8, [2.3])
        slope[:] = [self.drift(y[0]), self.drift(y[2])]
        matrix[:] = np.diag([self.slope(y[0]), self.slope(y[2])])
        return np.abs(slope).max()

    def settled(self, y, most=50, longest=np.inf, tolerance=1e-13):
        y, left, status = np.array([y], float), np.empty(1), np.empty(1, np.int64)
        c = Constants(0.8, np.array([2.3]), 0.7, 0.1, 0.4, 1).many()
        which, counts = np.array([0, 0, 1]), np.array([2.0, 1.0])
        module.settle.py_func(y, c, which, counts, most, longest, tolerance, left, status)
        return y[0].tolist(), left[0], status[0]


def test_steps_lead_from_the_mean_of_both_places_to_rest(monkeypatch):
    line = Line(monkeypatch, lambda x: 2 * (x - 3), lambda x: 2.0)
    assert line.settled([1, 2, 5]) == ([3, 3, 3], 0, FOUND)
    assert line.seen == [[1.5, 1.5, 5], [3, 3, 3]]
    line.seen.clear()
    assert line.settled([1, 2, 5], most=0) == ([1.5, 1.5, 5], 4, FOUND)
    assert len(line.seen) == 1
    bent = Line(monkeypatch, lambda x: x**2 - 2, lambda x: 2 * x)
    y, *_ = bent.settled([1, 1, 2])
    np.testing.assert_allclose(y, np.full(3, 2**0.5), rtol=1e-15)
    assert bent.settled([1, 1, 2], most=1)[0] == [1.5, 1.5, 1.5]
    assert len(bent.settled([1, 1, 2], most=2)[0]) == 3


def test_steps_are_made_until_nothing_is_left_or_changes(monkeypatch):
    """A drift below the tolerance is left alone; no more steps are made after one of 1e-15."""
    for left, steps in ((0.995e-3, 1), (1e-3, 3)):
        line = Line(monkeypatch, lambda x, left=left: left, lambda x: 1.0)
        line.settled([1, 1, 1], most=2, tolerance=1e-3)
        assert len(line.seen) == steps
    gone = Line(monkeypatch, lambda x: np.nan, lambda x: 1.0)
    assert gone.settled([1, 1, 1])[0] == [1, 1, 1]
    assert np.isnan(gone.settled([1, 1, 1])[1])
    assert len(gone.seen) == 2
    # a step of 4e-15 on 4 is 1e-15 of it, and the last one
    for step, more in ((4e-15, False), (8e-15, True)):
        line = Line(monkeypatch, lambda x, step=step: step, lambda x: 1.0)
        line.settled([4, 4, 4], most=9, tolerance=0.0)
        assert (len(line.seen) > 2) == more
    small = Line(monkeypatch, lambda x: 0.9e-15, lambda x: 1.0)
    assert small.settled([0.25, 0.25, 0.25], most=9, tolerance=0.0)[1] == 0.9e-15
    assert len(small.seen) == 2


def test_a_singular_matrix_ends_it_before_a_step(monkeypatch):
    line = Line(monkeypatch, lambda x: x - 3, lambda x: 0.0)
    assert line.settled([1, 1, 5]) == ([1, 1, 5], 2, SINGULAR)
    assert len(line.seen) == 1


@pytest.mark.parametrize(
    ("start", "longest"),
    [([1, 1, 3], 0.5), ([1, 1, 3], 1e9), ([-4, -4, 9], 0.25), ([8, 8, 9], 0.25)],
)
def test_steps_are_shortened_to_a_share_of_the_state(monkeypatch, start, longest):
    """Of 1 or the largest order parameter: half of it, or a quarter."""
    line = Line(monkeypatch, lambda x: x - 9, lambda x: 1.0)
    line.settled(start, most=1, longest=longest)
    change = np.abs(np.array(start) - 9).max()
    share = min(1.0, longest * max(1, *np.abs(start)) / change)
    np.testing.assert_allclose(line.seen[1], np.array(start) + share * (9 - np.array(start)))
    if start == [1, 1, 3]:
        assert line.seen[1][0] == pytest.approx(1 + share * 8)
