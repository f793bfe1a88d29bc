"""Limit cycles of flows that are made up: rotations, spirals, and equations that are given."""

from types import SimpleNamespace as Made

import numpy as np
import pytest
from scipy.linalg import expm

import vaedyn
from vaedyn.errors import ConvergenceError, DivergenceError
from vaedyn.fixedpoints import limit_cycle, limit_cycles, shooting
from vaedyn.fixedpoints.follow_cycle import Followed
from vaedyn.fixedpoints.limit_cycle import _images, attracting, repeats
from vaedyn.fixedpoints.limit_cycles import Hopf, _all, hopf_points
from vaedyn.fixedpoints.shooting import Cycle, Shooting, _multipliers, cycle_at, monodromy
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack, unpack

PARAMS = vaedyn.Params(latent=2, signal=1, rho=3.0, lr=0.7, beta=0.8)
MODEL = Constants.of(PARAMS)


def cycle(x=1.0, period=2.0, multipliers=(0.5, np.nan), states=((0.0,), (1.0,)), trivial=1e-9):
    multipliers, states = np.array(multipliers, complex), np.array(states, float)
    return Cycle(x, states[0], period, states, multipliers, trivial, np.eye(1))


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


# ---- the cycle on which the ODE ends


def sought(monkeypatch, rest=(), periods=(), points=(), cycles=()):
    """Return the cycle on which made-up courses end, and how they were followed."""
    log = []
    at_rest, back, found, made = iter(rest), iter(periods), iter(points), iter(cycles)

    def course(model, y, times, rtol):
        log.append((float(times[0] * model.lr), rtol))
        return np.array([y, y + 1])

    class Sought(Shooting):
        def __init__(self, path, low, high):
            log.append((path(0.5).lr, low, high))

        def point(self, y, period, at):
            return np.array([y[0], period, at])

        def slope(self, guess):
            return "slope"

        def corrected(self, guess, edge, slope):
            log.append((guess.tolist(), edge.tolist(), slope))
            return next(found)

        def cycle(self, point):
            return next(made)

    monkeypatch.setattr(limit_cycle, "course", course)
    monkeypatch.setattr(limit_cycle, "Shooting", Sought)
    monkeypatch.setattr(limit_cycle, "_at_rest", lambda model, y: next(at_rest, False))
    monkeypatch.setattr(limit_cycle, "_returns", lambda model, y: next(back, None))
    monkeypatch.setattr(limit_cycle, "pack", lambda **parts: np.zeros(18))
    return attracting(PARAMS), log


def test_a_stable_cycle_is_sought_after_ever_longer_courses(monkeypatch):
    good = cycle(9.9, states=[[0.0], [2.01e-5]])
    unstable = cycle(multipliers=(1.1, np.nan))
    tiny = cycle(states=[[0.0], [2e-5]])
    found, log = sought(
        monkeypatch, periods=[None, 3.0, 4.0, 5.0, 6.0], points=[None, 1, 2, 3],
        cycles=[unstable, tiny, good],
    )  # fmt: skip
    assert found == good._replace(x=0.7)
    assert log[0] == (0.5, pytest.approx(0.693), pytest.approx(0.707))
    assert [each for each in log[1:] if len(each) == 2] == [
        (pytest.approx(span), 1e-8) for span in (100, 300, 1000, 3000, 9000)
    ]  # fmt: skip
    assert log[3] == ([2.0, 3.0, 0.7], [0, 0, 1], "slope")
    with pytest.raises(ConvergenceError) as caught:
        sought(monkeypatch, rest=[False, True])
    assert str(caught.value) == (
        "the ODE ends at a fixed point at learning rate 0.7, not on a limit cycle: see vaedyn "
        "fixedpoints"
    )
    with pytest.raises(ConvergenceError) as caught:
        sought(monkeypatch)
    assert str(caught.value) == (
        "no stable limit cycle is found at learning rate 0.7 up to t = 19142.9: the ODE creeps, "
        "or never repeats itself"
    )


@pytest.mark.parametrize(
    ("size", "left", "away", "growth", "there"),
    [
        (0.5, 0.995e-3, 0.995e-4, 0.0, True), (0.5, 1.005e-3, 0.0, 0.0, False),
        (0.5, 0.0, 1.005e-4, 0.0, False), (0.5, 0.0, 0.0, 1e-12, False),
        (4.0, 3.98e-3, 3.98e-4, -1.0, True), (4.0, 4.02e-3, 0.0, -1.0, False),
        (4.0, 0.0, 4.02e-4, -1.0, False),
    ],
)  # fmt: skip
def test_a_course_ends_at_a_fixed_point_that_is_near(monkeypatch, size, left, away, growth, there):
    y = np.array([-size, 0.1])
    exact = [0.0]
    monkeypatch.setattr(limit_cycle, "newton", lambda model, y: y + away)
    monkeypatch.setattr(
        limit_cycle, "residual", lambda model, x: left if x is y else exact[0] * max(1.0, size)
    )
    monkeypatch.setattr(
        limit_cycle, "eigenvalues", lambda model, x: np.array([np.nan, growth + 1j, -9])
    )
    assert limit_cycle._at_rest(None, y) == there
    exact[0] = 0.995e-12
    assert limit_cycle._at_rest(None, y) == there
    exact[0] = 1.005e-12
    assert not limit_cycle._at_rest(None, y)


def test_a_course_is_back_within_a_tenth_of_how_far_it_goes(monkeypatch):
    """After 3/lr, to a share of the way 10; in windows of 50, 200 and 800, 25 states a time."""
    asked = []

    def course(model, y, times, rtol):
        asked.append((len(times), float(times[-1]), rtol))
        side = np.where(times < 5.99, -10.0, share * 10 if times[-1] == window else -10.0)
        return np.column_stack([side, np.zeros(len(times))]) + y

    monkeypatch.setattr(limit_cycle, "velocity", lambda model, y: np.array([1.0, 0.0]))
    monkeypatch.setattr(limit_cycle, "course", course)
    y, window, share = np.array([3.0, 2.0]), 100.0, 0.0995
    step = 100 / 1250
    expected = 5.92 + step * 10 / 10.995
    assert limit_cycle._returns(Made(lr=0.5), y) == pytest.approx(expected)
    assert asked == [(1250, 100.0, 1e-9)]
    share = 0.1005
    assert limit_cycle._returns(Made(lr=0.5), y) is None
    assert asked[1:] == [(1250, 100.0, 1e-9), (5000, 400.0, 1e-9), (20000, 1600.0, 1e-9)]
    share, window = 0.0, 1600.0
    assert limit_cycle._returns(Made(lr=0.5), y) == pytest.approx(5.92 + 0.08)


def test_what_is_known_of_a_cycle(monkeypatch):
    """Amplitudes are half of ranges; the last state would begin it again."""
    states = np.zeros((4, 6))
    states[:, 0], states[:, 2], states[:, 5] = [1, 2, 3, 2], [4, 5, 4, 3.5], [0.5, 0.5, 0.5, 0.25]
    one = vaedyn.Params(rho=3.0, lr=0.7)
    monkeypatch.setattr(
        limit_cycle,
        "course",
        lambda model, start, times: np.array([start, start + 1e-9 * times[0]]),
    )
    monkeypatch.setattr(limit_cycle, "repeats", lambda model, states: 2)
    made = Cycle(0.7, states[0], 8.0, states, np.array([-0.5 + 0.25j, np.nan]), 1e-8, np.eye(1))
    found = limit_cycle._result(one, made)
    assert found.t.tolist() == [0, 2, 4, 6]
    assert (found.period, found.trivial, found.repeats) == (8.0, 1e-8, 2)
    assert found.closing == pytest.approx(8e-9)
    assert found.multipliers.tolist() == [-0.5 + 0.25j]
    assert found.stable
    assert found.amplitude["m"] == [[1]]
    assert found.amplitude["Q"] == [[0.75]]
    assert found.mean["m"] == [[2]]
    assert found.mean["D"] == [0.4375]
    assert set(found.mean) == set(found.amplitude) == {
        "eps_g", "kl", "m", "d", "Q", "E", "R", "D",
    }  # fmt: skip
    for size, stable in ((1.0, False), (0.999, True)):
        once = limit_cycle._result(one, made._replace(multipliers=np.array([size + 0j])))
        assert once.stable == stable
    assert limit_cycle._result(one, made._replace(multipliers=np.array([np.nan + 0j]))).stable


def test_beta_zero_has_no_limit_cycles():
    with pytest.raises(vaedyn.ParameterError) as caught:
        vaedyn.limit_cycle(PARAMS.replace(beta=0))
    assert str(caught.value) == (
        "beta: must be > 0 for limit cycles: D shrinks for ever at beta = 0"
    )


def test_images_are_all_that_signs_and_orders_make():
    y = np.arange(1.0, 19)
    found = _images(2, 1, y)
    assert found.shape == (2 * 2**3, 18)
    assert len(np.unique(found, axis=0)) == 8  # a sign of all latents and the signal is none
    turn = np.array([[0, -1], [1, 0]])
    parts = unpack(y, 2, 1)
    image = pack(
        *(turn @ parts[name] for name in "md"), *(turn @ parts[name] @ turn.T for name in "QER"),
        abs(turn) @ parts["D"],
    )  # fmt: skip
    assert (found == image).all(axis=1).any()


def test_repeats_are_looked_for_in_small_models_to_1e_6():
    model = Made(latent=1, signal=1)
    y = np.array([2.0, 1, 3, 1, 1, 0.5])
    states = np.tile(np.full(6, 9.0), (12, 1))
    states[0] = y
    image = y * [-1, -1, 1, 1, 1, 1]
    for off, parts in ((0.899e-5, 2), (0.901e-5, 1)):
        states[6] = image + off
        assert repeats(model, states) == parts
    for latent, signal in ((5, 1), (1, 5)):
        assert repeats(Made(latent=latent, signal=signal), states) == 1
    assert repeats(model, np.delete(states, 1, axis=0)) == 1
    small = states / 20
    small[6] = image / 20 + 0.99e-6
    assert repeats(model, small) == 2
    small[6] += 0.02e-6
    assert repeats(model, small) == 1


# ---- branches of cycles


def hopf(x, frequency=2.0):
    return Hopf(x, np.zeros(1), np.zeros(1), frequency)


def joined(monkeypatch, hopfs=(), born=(), cycles=(), known=()):
    log, without = [], []
    starts, there = iter(born), dict(cycles)
    monkeypatch.setattr(limit_cycles, "Shooting", lambda path, low, high: (path(0.5).lr, low, high))
    monkeypatch.setattr(limit_cycles, "hopf_points", lambda *_: iter(hopfs))
    monkeypatch.setattr(limit_cycles, "_ends_at", lambda found, one: (found, one.x) in known)
    monkeypatch.setattr(
        limit_cycles, "_passes", lambda found, x, period: (found, round(x, 6), period) in known
    )
    monkeypatch.setattr(
        limit_cycles,
        "from_hopf",
        lambda shooting, *one, progress: log.append(one[0]) or next(starts),
    )

    def attracts(params):
        log.append(("at", params.lr))
        found = there.get(round(params.lr, 6))
        if isinstance(found, Exception):
            raise found
        return found or cycle(period=7.0)

    monkeypatch.setattr(limit_cycles, "attracting", attracts)
    monkeypatch.setattr(
        limit_cycles, "follow", lambda shooting, one, progress: (round(one.x, 6), one.period)
    )
    found = list(_all(PARAMS, "lr", 0.2, 1.0, 2, None, None, without))
    return found, log, without


def test_cycles_are_followed_from_hopf_points_and_from_where_the_ode_ends(monkeypatch):
    first = Made()
    found, log, without = joined(
        monkeypatch, [hopf(0.3), hopf(0.5), hopf(0.7, 3.0)], [first, "none is found"],
        {0.6: cycle(period=5.0), 0.4: DivergenceError("far"), 0.8: ConvergenceError("rest")},
        known=[(first, 0.5)],
    )  # fmt: skip
    assert found == [first, (0.6, 5.0)]
    assert without == [{"at": 0.7, "frequency": 3.0, "why": "none is found"}]
    assert log == [0.3, 0.7, ("at", pytest.approx(0.6)), ("at", pytest.approx(0.4)),
                   ("at", pytest.approx(0.8))]  # fmt: skip


def followed(*cycles):
    return Followed(list(cycles), [])


def test_cycles_that_are_on_a_branch_are_not_followed_again(monkeypatch):
    one = followed(cycle(0.3))
    found, _, _ = joined(monkeypatch, [hopf(0.3)], [one], known=[(one, 0.6, 7.0)])
    assert found[0] is one
    assert found[1:] == [(pytest.approx(0.4), 7.0), (pytest.approx(0.8), 7.0)]


def test_hopf_points_are_where_stability_changes_by_a_pair(monkeypatch):
    """A pair of imaginary part 1e-6 lr; the mode is turned until its halves are orthogonal."""
    events = [
        {"kind": "stability", "at": 0.75, "branch": 1},
        {"kind": "stability", "at": 0.25, "branch": 0},
        {"kind": "fold", "at": 0.5, "branch": 0},
    ]  # fmt: skip
    along = Made(
        events=events, branch=np.array([0, 0, 1, 1]), varied=np.array([0.0, 1, 0, 1]),
        states=np.array([[0.0, 0.0], [4.0, 8.0], [1.0, 1.0], [2.0, 2.0]]),
    )  # fmt: skip
    J = np.array([[-2.0, 0, 0], [0, 0, 3.0], [0, -1.0, 0]])
    frequency = np.sqrt(3)
    model = Made(lr=0.5, latent=1, signal=1)
    monkeypatch.setattr(limit_cycles, "branches", lambda *_, **__: along)
    monkeypatch.setattr(limit_cycles, "vary", lambda params, name, x: model)
    monkeypatch.setattr(limit_cycles, "newton", lambda model, y: y)
    monkeypatch.setattr(limit_cycles, "jacobian", lambda model, y: J)
    monkeypatch.setattr(
        limit_cycles, "symmetric", lambda latent, signal: (np.vstack([np.eye(3), [1, 1, 1]]), None)
    )
    rates = [np.array([-1j, 1j]) * frequency * 0.5]
    monkeypatch.setattr(limit_cycles, "eigenvalues", lambda model, y: rates[0])
    found = list(hopf_points(PARAMS, "lr", 0.0, 1.0, 2, None))
    assert [(one.x, one.state.tolist()) for one in found] == [(0.25, [1, 2]), (0.75, [1.75, 1.75])]
    assert found[0].frequency == pytest.approx(0.5 * frequency)
    way = found[0].direction
    np.testing.assert_allclose(np.abs(way), [0, 0.75**0.5, 0, 0.75**0.5], atol=1e-12)
    for size, count in ((0.501e-6, 2), (0.499e-6, 0)):
        rates[0] = np.array([-1j, 1j]) * size
        assert len(list(hopf_points(PARAMS, "lr", 0.0, 1.0, 2, None))) == count


def test_a_row_has_observables_over_a_period():
    one = vaedyn.Params(rho=3.0, lr=0.7)
    states = np.tile([0.5, 0.2, 1.0, 0.3, 0.1, 0.5], (3, 1))
    states[:, 2] = [1.0, 2.0, 4.0]
    row = limit_cycles._row(one, "lr", cycle(0.7, states=states))
    error = 3 - 2 * 3**0.5 * 0.5 + states[:, 2]
    assert row["eps_g"] == pytest.approx(error[0])
    assert (row["eps_g_min"], row["eps_g_max"]) == pytest.approx((error[0], error[2]))
    assert row["eps_g_mean"] == pytest.approx(error.mean())
    assert row["kl_mean"] == pytest.approx(row["kl"])
    assert row["Q"] == [[1]]
    empty = limit_cycles._row(PARAMS, "lr", None)
    assert np.shape(empty["m"]) == (2, 1)
    assert set(empty) == set(row)
