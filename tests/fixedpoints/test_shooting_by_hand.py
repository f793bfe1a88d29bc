"""Limit cycles of flows that are made up: rotations, spirals, and equations that are given."""

from types import SimpleNamespace as Made

import numpy as np
import pytest
from scipy.linalg import expm

from vaedyn.errors import ConvergenceError, DivergenceError
from vaedyn.fixedpoints import shooting
from vaedyn.fixedpoints.shooting import Shooting, _multipliers, cycle_at, monodromy
from vaedyn.kernels.constants import Constants


def linear(monkeypatch, matrix):
    """Let the flow be that of a matrix (2, 2) per unit of time and tau, along all courses."""
    monkeypatch.setattr(shooting, "symmetric", lambda latent, signal: (np.eye(2), np.eye(2)))
    monkeypatch.setattr(shooting, "symmetry_tangents", lambda model, y: np.zeros((0, 2)))
    monkeypatch.setattr(shooting, "jacobian", lambda model, y: matrix)
    monkeypatch.setattr(shooting, "velocity", lambda model, y: matrix @ y)
    monkeypatch.setattr(
        shooting, "course",
        lambda model, start, times: np.array([expm(model.lr * t * matrix) @ start for t in times]),
    )  # fmt: skip


TURN = np.array([[-0.1, 1.3], [-1.3, -0.1]])


def test_the_derivative_of_a_linear_flow_is_its_exponential(monkeypatch):
    """With a forcing that does not change it is, too, that of one entry more."""
    linear(monkeypatch, TURN)
    model = Made(lr=0.5, latent=1, signal=1)
    found = monodromy(model, np.array([1.0, 0.0]), 3.0, 8)
    np.testing.assert_allclose(found, expm(1.5 * TURN), rtol=1e-13, atol=1e-13)
    forced = monodromy(
        model, np.array([1.0, 0.0]), 3.0, 8, lambda states: np.tile([0.3, 0.7], (len(states), 1))
    )
    whole = np.zeros((3, 3))
    whole[:2, :2], whole[:2, 2] = 1.5 * TURN, 3 * np.array([0.3, 0.7])
    np.testing.assert_allclose(forced, expm(whole), rtol=1e-12, atol=1e-13)


def test_the_series_is_taken_at_three_nodes_of_gauss(monkeypatch):
    """Of a rate a(t) = 1 + t^4 in one dimension the integral is exact."""
    monkeypatch.setattr(shooting, "jacobian", lambda model, y: np.array([[1 + y[0] ** 4]]))
    monkeypatch.setattr(shooting, "course", lambda model, start, times: times[:, None])
    found = monodromy(Made(lr=0.5), np.zeros(1), 2.0, 1)
    assert found[0, 0] == pytest.approx(np.exp(0.5 * (2 + 2**5 / 5)), rel=1e-13)
    fine = monodromy(Made(lr=0.5), np.zeros(1), 2.0, 3)
    assert fine[0, 0] == pytest.approx(found[0, 0], rel=1e-13)


def test_of_rates_that_do_not_commute_the_series_is_of_order_6(monkeypatch):
    """Of A(t) = A + t B + t^2 C; half of a step has an error 64 times less, to rounding."""
    A, B, C = np.random.default_rng(3).normal(size=(3, 3, 3))
    monkeypatch.setattr(shooting, "jacobian", lambda model, y: A + y[0] * B + 0.5 * y[0] ** 2 * C)
    monkeypatch.setattr(shooting, "course", lambda model, start, times: times[:, None])
    exact = monodromy(Made(lr=1.0), np.zeros(1), 1.0, 256)
    errors = [np.abs(monodromy(Made(lr=1.0), np.zeros(1), 1.0, n) - exact).max() for n in (4, 8)]
    assert 45 < errors[0] / errors[1] < 90


def test_trivial_multipliers_are_those_next_to_one(monkeypatch):
    linear(monkeypatch, TURN)
    model = Made(latent=1, signal=1)
    found, off = _multipliers(model, np.array([1.0, 0.0]), np.diag([1 + 1e-7, -3.0]))
    assert found[0] == -3
    assert np.isnan(found[1])
    assert off == pytest.approx(1e-7)
    monkeypatch.setattr(shooting, "symmetric", lambda latent, signal: (np.eye(4), np.eye(4)))
    monkeypatch.setattr(shooting, "velocity", lambda model, y: np.eye(4)[0])
    tangents = [np.array([[0, 2.0, 0, 0], [0, 4.0, 0, 0]])]
    monkeypatch.setattr(shooting, "symmetry_tangents", lambda model, y: tangents[0])
    matrix = np.diag([0.9, 1.0, 1 - 1e-5, 1.1])
    matrix[:2, :2] = [[0.3, -0.4], [0.4, 0.3]]
    found, off = _multipliers(model, np.zeros(4), matrix)
    np.testing.assert_allclose(found[:2], [0.3 - 0.4j, 0.3 + 0.4j])
    assert np.isnan(found[2:]).all()
    assert off == pytest.approx(0.1)
    tangents[0] = tangents[0] * 1e-10  # which do not move it
    found, off = _multipliers(model, np.zeros(4), matrix)
    assert off == pytest.approx(1e-5)
    assert found[0] == pytest.approx(1.1)


def test_parts_are_doubled_until_the_trivial_multiplier_is_one(monkeypatch):
    asked = []

    def derivative(model, start, period, parts, forcing):
        asked.append(parts)
        return np.eye(3)

    monkeypatch.setattr(shooting, "monodromy", derivative)

    def multipliers(model, start, matrix):
        return np.array([len(matrix)]), offs[min(len(asked), len(offs)) - 1]

    monkeypatch.setattr(shooting, "_multipliers", multipliers)
    monkeypatch.setattr(
        shooting, "course", lambda model, start, times: np.column_stack([times, times])
    )
    model, start = Made(lr=0.5), np.array([-1.0, -1.0])
    offs = [2e-6, 1.005e-6, 0.99e-6]
    found = cycle_at(model, 0.25, start, 48.0)
    assert asked == [144, 288, 576]
    assert (found.trivial, found.x, found.period) == (0.99e-6, 0.25, 48.0)
    assert found.multipliers == 3
    assert found.states.shape == (480, 2)
    np.testing.assert_allclose(found.states[:3, 0], [-1, 0.1, 0.2])
    assert found.states[-1, 0] == pytest.approx(47.9)
    asked.clear()
    assert cycle_at(model, 0.25, start, 48.0, lambda states: None).multipliers == 2
    asked.clear()
    offs = [1.0]
    cycle_at(model, 0.25, start, 400.0)
    assert asked == [1200, 2400]  # not beyond 4096
    asked.clear()
    cycle_at(model, 0.25, start, 2048 / 3)
    assert asked == [2048, 4096]


class Given(Shooting):
    """Equations in two entries of three that are given; D, the period and u are kept."""

    def __init__(self, left):
        self.left, self.calls = left, 0
        self.gather = self.spread = np.eye(3)

    def split(self, point):
        return Made(latent=1), point[:3], 1.0

    def missed(self, point):
        self.calls += 1
        return np.append(self.left(point[:2]), 0.0)


REST = np.eye(5)[3:]  # the period and u stay what they are


def corrected(left, start=(0.1, 0.5), slope=1.0, most=14, D=0.5):
    equations = Given(left)
    matrix = np.vstack([slope * np.eye(5)[:2], np.eye(5)[2:3], REST[:1]])
    guess = np.array([*start, D, 1.5, 0.25])
    return equations.corrected(guess, REST[1], matrix, most), equations.calls


def test_cycles_are_corrected_by_the_steps_of_broyden():
    root = np.array([0.3, 0.7])

    def bent(y):
        x = y - root
        return x + 0.2 * x[::-1] ** 2

    found, calls = corrected(bent)
    np.testing.assert_allclose(found, [0.3, 0.7, 0.5, 1.5, 0.25], atol=1e-11)
    assert calls < 10
    assert corrected(lambda y: y - root)[1] == 2
    # a slope that is wrong by half is learned
    found, calls = corrected(lambda y: y - root, slope=1.5)
    np.testing.assert_allclose(found[:2], root, atol=1e-11)
    assert calls < 8


@pytest.mark.parametrize(
    ("left", "size", "there"),
    [(0.99e-11, 0.5, True), (1.005e-11, 0.5, None), (3.99e-11, 4.0, True), (0.99e-9, 0.5, False),
     (1.005e-9, 0.5, None), (3.99e-9, 4.0, False), (4.01e-9, 4.0, None)],
)  # fmt: skip
def test_a_cycle_is_closed_to_1e_9_of_its_size(left, size, there):
    """At once to a hundredth of that; or else in the end."""
    found, calls = corrected(lambda y: [left, 0], (0.1, size), 1e9, most=2)
    if left == 1.005e-11:
        assert calls > 1
    elif there is None:
        assert found is None
    else:
        assert found is not None
        assert (calls == 1) == there


def test_what_is_left_in_the_end_is_borne_to_1e_9():
    """A slope that is wrong by 4e-9 leaves 0.8e-9 of a step of 0.2; of 4 in size it is four."""
    for wrong, size, there in (
        (4.99e-9, 0.5, True), (5.01e-9, 0.5, False), (1.9e-8, 4.0, True), (2.1e-8, 4.0, False),
    ):  # fmt: skip
        root = np.array([0.3, size])
        found, calls = corrected(lambda y, r=root: y - r, (0.1, size), 1 + wrong, most=1)
        assert ((found is not None), calls) == (there, 2)


def test_cycles_that_cannot_be_corrected():
    assert corrected(lambda y: [1.01, 0])[0] is None  # a step above 1
    assert corrected(lambda y: [0.99 if y[0] == 0.1 else 0.0, 0])[0] is not None
    assert corrected(lambda y: [0.2, 0.0], (0.1, 0.15))[0] is None
    assert corrected(lambda y: [0, 0], D=-0.5)[0] is None
    assert corrected(lambda y: [0, 0], D=0.0)[0] is None
    assert corrected(lambda y: [0, 0], D=1e-9)[0] is not None  # D is to be positive
    assert corrected(lambda y: [0, 0], (np.nan, 0.5))[0] is None

    errors = [DivergenceError("far"), ConvergenceError("slow")]

    def far(y):
        raise errors.pop()

    assert corrected(far)[0] is None
    assert corrected(far)[0] is None

    def later(y):
        if y[0] != 0.1:
            raise DivergenceError("far")
        return [0.2, 0.0]

    assert corrected(later)[0] is None


def test_the_slope_of_shooting_has_all_unknowns(monkeypatch):
    linear(monkeypatch, TURN)
    path = Shooting(lambda x: Made(lr=0.5, latent=1, signal=1, x=x), 2.0, 6.0)
    point = path.point(np.array([1.0, 2.0]), 3.0, 3.0)
    matrix = np.arange(9.0).reshape(3, 3)
    slope = path.slope(point, matrix)
    ahead = TURN @ [1, 2]
    top = np.column_stack([matrix[:2, :2] - np.eye(2), 1.5 * ahead, matrix[:2, 2]])
    np.testing.assert_allclose(slope[:2], top)
    np.testing.assert_allclose(slope[2], [*ahead / np.linalg.norm(ahead), 0, 0])
    assert slope.shape == (3, 4)
    missed = path.missed(point)
    np.testing.assert_allclose(missed, expm(1.5 * TURN) @ [1, 2] - [1, 2])
    tangents = np.array([[0.0, 1e-9 * 3], [0.0, 3.1e-9]])
    monkeypatch.setattr(shooting, "symmetry_tangents", lambda model, y: tangents)
    assert np.linalg.norm(ahead) == pytest.approx(2.915, abs=1e-3)
    assert path.phase(point).shape == (3, 2)
    tangents *= 0.95
    np.testing.assert_allclose(path.phase(point)[1:], [[0, 1]])
    tangents *= 0
    assert path.phase(point).shape == (1, 2)


def test_the_forcing_of_a_cubic_is_exact(monkeypatch):
    """A drift x^3 y by hand, over a range of 4: its derivative by u is 4 times 3 x^2 y."""
    from vaedyn.kernels import flows

    steps = []
    monkeypatch.setattr(shooting, "symmetric", lambda latent, signal: (np.eye(2), np.eye(2)))

    def path(x):
        steps.append(x)
        return Made(x=x, latent=1, signal=1)

    monkeypatch.setattr(flows, "derivatives", lambda model, states: model.x**3 * states)
    made = Shooting(path, 2.0, 6.0)
    states = np.array([[1.0, 2.0], [3.0, -5.0]])
    slope = made.forcing(np.array([0, 0, 0, 0.25]))(states)
    np.testing.assert_allclose(slope, 4 * 3 * 3**2 * states, rtol=1e-10)
    np.testing.assert_allclose(np.diff(steps[1:]), [0.03, 0.06, 0.03])
    steps.clear()
    low = Shooting(path, 0.0, 6.0)
    low.forcing(np.array([0, 0, 0, 0.0]))
    np.testing.assert_allclose(steps[1:], np.array([-2, -1, 1, 2]) * 6e-4)


def test_a_course_is_integrated_within_bounds(monkeypatch):
    from vaedyn.kernels import flows

    asked = {}

    def solve(flow, start, times, schedule, *, pace, **options):
        asked.update(options, times=times.tolist(), pace=pace())
        return np.arange(len(times))[:, None], None

    monkeypatch.setattr(flows, "of_sgd", lambda model: "flow")
    monkeypatch.setattr(shooting, "solve", solve)
    model = Constants(0.8, np.array([3.0, 1.5]), 0.2, 0.1, 0.5, 2)
    found = shooting.course(model, np.array([2.0]), np.array([1.0, 4.0]))
    np.testing.assert_array_equal(found, [[1], [2]])
    assert asked == {
        "beta": 0.8, "rtol": 1e-12, "atol": 1e-14, "bound": 5000.0, "at_once": 20_000,
        "most": 60_000, "times": [0, 1, 4], "pace": "0.5",
    }  # fmt: skip
    shooting.course(model._replace(eta=0.9), np.array([-7.0]), np.array([500.0]), rtol=1e-8)
    assert (asked["bound"], asked["most"], asked["rtol"]) == (7000, 75_000, 1e-8)
    shooting.course(model._replace(eta=0.9), np.array([1.0]), np.array([1.0]))
    assert asked["bound"] == 3900
