"""Small parts: starts that are alike, random weights, centre directions, limits of formulas."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ConvergenceError
from vaedyn.fixedpoints import destination as ending
from vaedyn.fixedpoints import follow_cycle, trials
from vaedyn.fixedpoints import thresholds as limits
from vaedyn.fixedpoints.conditions import Fold, Hopf, Loss
from vaedyn.fixedpoints.continued import _at_edge, _walk, corrected, located
from vaedyn.fixedpoints.destination import _exchanged, alike, in_words
from vaedyn.fixedpoints.follow_cycle import Followed
from vaedyn.fixedpoints.normal_forms import Coefficient, Forms, Steady, first_lyapunov
from vaedyn.fixedpoints.plane import entry, flow
from vaedyn.fixedpoints.shooting import Cycle
from vaedyn.fixedpoints.thresholds import noise_window
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack, unpack

MODEL = Constants(0.8, np.array([3.0, 1.5]), 0.7, 0.1, 0.4, 3)


# ---- starts that do not distinguish latents


def start(m, Q, D=1.0, d=None):
    Q = np.array(Q, float)
    return vaedyn.Params(
        latent=len(Q), signal=1, rho=3.0, dim=100,
        init={"m": m, "d": m if d is None else d, "Q": Q, "E": Q, "R": np.zeros_like(Q), "D": D},
    )  # fmt: skip


def test_latents_are_alike_up_to_a_sign():
    same = np.eye(3) + 0.1
    assert alike(start([[0.1], [0.1], [0.1]], same)) == [(0, 1, 1), (0, 2, 1), (1, 2, 1)]
    assert alike(start([[0.1], [0.1], [0.2]], same)) == [(0, 1, 1)]
    assert alike(start([[0.1], [-0.1], [0.1]], np.eye(3))) == [(0, 1, -1), (0, 2, 1), (1, 2, -1)]
    assert alike(start([[0.0], [0.0], [0.2]], np.eye(3))) == [(0, 1, 1), (0, 1, -1)]
    assert alike(start([[0.1], [0.1], [0.1]], same, D=[1, 1, 0.9])) == [(0, 1, 1)]
    assert alike(start([[0.1], [0.1], [0.1]], np.diag([1, 1, 2]))) == [(0, 1, 1)]
    assert alike(start([[0.1], [0.1], [0.1]], same, d=[[0.1], [0.2], [0.1]])) == [(0, 2, 1)]


def test_latents_that_start_alike_in_words():
    assert in_words([(0, 2, 1), (2, 3, -1)]) == (
        "the start is symmetric: it does not tell latents 1, 3, 4 apart, and the ODE never does; "
        "where they part, rounding has parted them: start them apart"
    )


def test_two_latents_are_exchanged_with_their_signs():
    params = vaedyn.Params(latent=3, signal=2, rho=(3, 1.5))
    y = np.random.default_rng(1).normal(size=3 * 2 * 2 + 27 + 3)
    for sign in (1, -1):
        turn = np.array([[0, 0, sign], [0, 1, 0], [sign, 0, 0]])
        parts = unpack(y, 3, 2)
        expected = pack(
            turn @ parts["m"], turn @ parts["d"], *(turn @ parts[x] @ turn.T for x in "QER"),
            abs(turn) @ parts["D"],
        )  # fmt: skip
        np.testing.assert_array_equal(_exchanged(params, y, 0, 2, sign), expected)


def test_an_end_that_has_left_a_symmetry_is_refused(monkeypatch):
    params = start([[0.1], [0.1]], np.eye(2) + 0.1)
    y = pack(**params.overlaps())
    for off, there in ((1.9e-6, True), (2.1e-6, False)):
        point = y.copy()
        point[0] += off
        monkeypatch.setattr(ending, "_destination", lambda params, y, rtol, p=point: p)
        if there:
            assert ending.destination(params, y, 1e-6) is point
        else:
            with pytest.raises(ConvergenceError, match="does not tell latents 1, 2 apart"):
                ending.destination(params, y, 1e-6)


# ---- random weights


def test_random_weights_are_normal_on_some_directions():
    """A plain twin of the same draws."""
    for seed in range(20):
        W = trials._random(MODEL, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        s = np.array([3.7, 2.2, 0.7, 0.7, 0.7])
        normal = rng.normal(size=(5, 3))
        scale = 10 ** rng.uniform(-1.0, 0.5)
        directions = rng.random(5) < rng.uniform(0.2, 1.0)
        alive = rng.random(3) > 0.3
        expected = normal * np.sqrt(s)[:, None] * scale * directions[:, None] * alive
        np.testing.assert_allclose(W, expected, rtol=1e-13)


def test_states_are_made_of_weights_and_an_encoder_at_rest():
    states = trials.trials(MODEL, 3, 4, 8)
    assert states.shape == (4, 3 * 2 * 2 + 27 + 3)
    for n, y in zip(range(4, 8), states, strict=True):
        rng = np.random.default_rng([3, n])
        W = (trials._groups if n >= 6 else trials._random)(MODEL, rng)
        if n == 4:
            V, D = trials._random(MODEL, rng), rng.uniform(0.05, 1.0, 3)
        else:
            V = W @ np.linalg.inv(W.T @ W + 0.8 * np.eye(3))
            D = 0.8 / ((W**2).sum(axis=0) + 0.8)
        expected = pack(W[:2].T, V[:2].T, W.T @ W, V.T @ V, W.T @ V, D)
        np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)


# ---- formulas at their limits


def test_where_the_cubic_underflows_its_limit_is_taken(monkeypatch):
    """Below 1e-13 of lr eta^2 / b, at the larger of both rates."""

    def refused(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(limits, "Polynomial", refused)
    for eta, encoder, scale in ((0.01, 1.0, 1.0), (100.0, 0.5, 1.0), (3.0, 2.0, 2.0)):
        for share, closed in ((0.995e-13, True), (1.005e-13, False)):
            lr = share / eta**2 / scale * 4
            c = Constants(0.8, np.array([3.0]), eta, 0.3, lr, 1, encoder, 1.0, 4.0)
            if not closed:
                with pytest.raises(ZeroDivisionError):
                    noise_window(c)
                continue
            low, high = noise_window(c)
            assert low == pytest.approx(max(0, eta / 1.3 - 0.3 / eta))
            root = np.sqrt(1 + 2 * 0.3 * encoder * lr / 4)
            assert high == pytest.approx((1 + root) / (encoder * lr / 4 * eta))


# ---- centre directions


class Given(Forms):
    """Derivatives of a drift that is a polynomial of three variables, in its own coordinates."""

    def __init__(self, J, second=None, third=None):
        self.J = np.array(J, float)
        self.values = np.linalg.eigvals(self.J).astype(complex)
        self.scale = float(np.abs(self.values).max())
        n = len(self.J)
        self.B = np.zeros((n, n, n)) if second is None else second
        self.C = np.zeros((n, n, n, n)) if third is None else third

    def second(self, u, v):
        return np.einsum("ijk,j,k", self.B, u, v)

    def cube(self, u):
        return np.einsum("ijkl,j,k,l", self.C, u, u, u)

    def third(self, u, v):
        return np.einsum("ijkl,j,k,l", self.C, u, v, v)


def test_eigenvalues_vanish_to_1e_6_of_the_largest():
    for small, count in ((3.98e-6, 2), (4.02e-6, 1)):
        forms = Given(np.diag([-4.0, 0.0, small]))
        assert forms.zeros() == count
    assert forms.zeros(1.01e-6) == 2
    assert Coefficient(1.005e-6, 1.0).vanishes is False
    assert Coefficient(0.995e-6, 1.0).vanishes is True
    assert Coefficient(np.nan, 1.0).vanishes


def test_coefficients_of_a_pitchfork_are_those_by_hand():
    """x' = a x^2 + c x^3 + e x y, y' = -2 y + b x^2: on the manifold y = b x^2 / 2.

    The cubic one is c + e b / 2, in any coordinates whose first axis has the length 1.
    """
    a, b, c, e = 0.3, 0.7, -0.4, 1.3
    B, C = np.zeros((2, 2, 2)), np.zeros((2, 2, 2, 2))
    B[0, 0, 0], B[1, 0, 0] = 2 * a, 2 * b
    B[0, 0, 1] = B[0, 1, 0] = e
    C[0, 0, 0, 0] = 6 * c
    forms = Given(np.diag([0.0, -2.0]), B, C)
    quadratic, cubic = Steady(forms).coefficients(np.array([3.0, 0.2]))
    assert quadratic.value == pytest.approx(a)
    assert quadratic.size == pytest.approx(np.hypot(a, b))
    assert cubic.value == pytest.approx(c + e * b / 2)
    assert cubic.size == pytest.approx(abs(c) + abs(e * b / 2))
    T = np.array([[0.6, 0.9], [-0.8, 1.7]])  # the first column has the length 1
    inverse = np.linalg.inv(T)
    turned = Given(
        T @ np.diag([0.0, -2.0]) @ inverse, np.einsum("ai,ijk,jb,kc->abc", T, B, inverse, inverse),
        np.einsum("ai,ijkl,jb,kc,ld->abcd", T, C, inverse, inverse, inverse),
    )  # fmt: skip
    centre = Steady(turned)
    assert centre.count == 1
    np.testing.assert_allclose(np.abs(centre.right[:, 0]), [0.6, 0.8])
    np.testing.assert_allclose(centre.projector, np.outer(T[:, 0], inverse[0]), atol=1e-14)
    quadratic, cubic = centre.coefficients(T[:, 0])
    assert quadratic.value == pytest.approx(a)
    assert cubic.value == pytest.approx(c + e * b / 2)


def test_the_first_lyapunov_coefficient_is_that_of_the_textbook():
    """Guckenheimer and Holmes (3.4.11) for x' = -w y + f, y' = w x + g; times 2 |q|^2 / w."""
    w = 1.7
    rng = np.random.default_rng(3)
    B, C = rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 2, 2, 2))
    B = B + B.transpose(0, 2, 1)
    C = sum(C.transpose(0, *p) for p in
            ((1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)))  # fmt: skip
    forms = Given([[0, -w], [w, 0]], B, C)
    omega, found = first_lyapunov(forms)
    assert omega == pytest.approx(w)
    f, g = B
    F, G = C
    a = (F[0, 0, 0] + F[0, 1, 1] + G[0, 0, 1] + G[1, 1, 1]) / 16
    a += (f[0, 1] * (f[0, 0] + f[1, 1]) - g[0, 1] * (g[0, 0] + g[1, 1])) / (16 * w)
    a += (-f[0, 0] * g[0, 0] + f[1, 1] * g[1, 1]) / (16 * w)
    # a goes with the square of the radius, |q|^2 = 1 has the radius sqrt(2)
    assert found.value == pytest.approx(2 * a / w)
    assert found.size >= abs(found.value)
    for J in ([[0, -1.0], [0, 0]], np.diag([-1.0, -2.0])):
        with pytest.raises(ValueError, match="unpack"):
            first_lyapunov(Given(J))
    slow = [[3.98e-6, -4.0], [4.0, 3.98e-6]]
    assert first_lyapunov(Given(slow, B, C))[0] == pytest.approx(4)
    with pytest.raises(ValueError, match="unpack"):
        first_lyapunov(Given([[4.02e-6, -4.0], [4.0, 4.02e-6]], B, C))


# ---- curves


class Line:
    """A condition y = 0.5 in the box, with limits that are given."""

    def __init__(self, limits=lambda X: np.ones((len(X), 1)), values=None):
        self.limits, self.f, self.calls = limits, values, 0

    def slope(self, point):
        self.calls += 1
        n = len(point)
        value = np.array([*(point[:-2] - 2.0), point[-1] - 0.5])
        J = np.zeros((n - 1, n))
        J[: n - 2, : n - 2], J[n - 2, n - 1] = np.eye(n - 2), 1.0
        return value, J


def test_an_edge_is_where_the_first_of_both_is_left():
    line = Line()
    found = _at_edge(line, np.array([2.0, 0.9, 0.5]), np.array([2.0, 1.1, 0.5]))
    np.testing.assert_allclose(found, [2, 1, 0.5])
    found = _at_edge(line, np.array([2.0, 0.1, 0.5]), np.array([2.0, -0.3, 0.5]))
    np.testing.assert_allclose(found, [2, 0, 0.5])
    seen = []

    class Steep(Line):
        def slope(self, point):
            seen.append(point.copy())
            return np.zeros(2), np.array([[1.0, 0, 0], [0, 2.0, -1.0]])

    _at_edge(Steep(), np.array([2.0, 0.5, 0.8]), np.array([3.0, 1.5, 1.6]))
    np.testing.assert_allclose(seen[0], [2.25, 0.75, 1.0])
    seen.clear()
    _at_edge(Steep(), np.array([2.0, 0.9, 0.5]), np.array([3.0, 1.4, 1.6]))
    np.testing.assert_allclose(seen[0], [2.2, 1.0, 0.72])


def test_a_curve_ends_inside_where_its_limits_are_gone_at_the_edge():
    begun = np.array([2.0, 0.98, 0.5])
    way = np.array([0.0, 1.0, 0.0])
    points, kind, at = _walk(Line(), begun, way)
    assert (kind, at) == ("edge", -1)
    np.testing.assert_allclose(points[-1], [2, 1, 0.5])
    gone = Line(lambda X: np.where(X[:, 1:2] == 1.0, 0.0, 1.0))
    points, kind, at = _walk(gone, begun, way)
    assert (kind, at) == ("edge", -1)
    assert points[-1][1] < 1
    steps = np.diff([p[1] for p in _walk(Line(), np.array([0.5, 0.1, 0.5]) * [4, 1, 1], way)[0]])
    grown = np.minimum(0.009 * 1.6 ** np.arange(4), 0.06)  # up to 0.03 of the largest unknown, 2
    np.testing.assert_allclose(steps[:4], grown, rtol=1e-9)
    assert steps[:-1].max() == pytest.approx(0.06)


def test_points_are_corrected_in_the_middle_of_the_box_only():
    line, across = Line(), np.array([0.0, 1.0, 0.0])
    for u, there in ((1.49, True), (1.51, False), (-0.49, True), (-0.51, False)):
        assert (corrected(line, np.array([2.0, u, 0.5]), across) is not None) == there
    assert corrected(line, np.array([1.01e5, 0.5, 0.5]), across) is None
    assert corrected(line, np.array([0.99e5, 0.5, 0.5]), across) is not None
    np.testing.assert_allclose(corrected(line, np.array([5.0, 0.3, 0.9]), across), [2, 0.3, 0.5])


def test_a_zero_is_located_to_1e_10():
    line = Line()
    ends = np.array([2.0, 0.2, 0.5]), np.array([2.0, 0.6, 0.5])
    for zero in (0.2 + 1e-9, 0.3, 0.45, 0.6 - 1e-9):
        found = located(line, *ends, lambda X, z=zero: np.tanh(30 * (X[:, 1] - z)))
        assert found[1] == pytest.approx(zero, abs=2e-10)
    jump = located(line, *ends, lambda X: np.where(X[:, 1] > 0.37, 1.0, -1.0))
    assert jump[1] == pytest.approx(0.37, abs=1e-8)
    exact = located(line, *ends, lambda X: X[:, 1] - 0.2)
    assert exact is ends[0]


def test_names_of_tests_of_points():
    box = None
    assert Loss(box, (0, 1), (0, 1)).holds("cusp", None)
    assert Fold(box, (0,), (0,)).holds("cusp", None)
    assert Hopf(box, (0,), (0,)).holds("zero-Hopf", None)


# ---- cycles that shrink, and the flow in a plane


def test_a_cycle_shrinks_below_three_hundredths_of_the_widest(monkeypatch):
    """A branch of cycles of amplitude 1, then a share of it, and then 0.01 more."""
    monkeypatch.setattr(follow_cycle, "_hopf", lambda shooting, before, last: 9.0)
    monkeypatch.setattr(follow_cycle, "_tangent", lambda slope, before: np.array([0.0, 1.0]))
    monkeypatch.setattr(follow_cycle, "_events", lambda *_: [])

    def walked(sizes):
        given = iter(sizes)

        class Straight:
            def slope(self, point, matrix=None):
                return None

            def corrected(self, guess, across, slope):
                return guess

            def cycle(self, point):
                size = next(given)
                states = np.array([[-size], [size]])
                return Cycle(0.5, states[0], 1.0, states, np.array([0.5 + 0j]), 0.0, None)

        first = Straight().cycle(None)
        return follow_cycle._walk(
            Straight(), Followed([first], []), np.array([0.0, 0.1]), np.array([0.0, 1.0]), None
        )

    sizes = [1.0, 0.5, 0.2, 0.1]
    found = walked([*sizes, 0.0301, 0.0299])
    assert found.events == [("hopf", 9.0, 5)]
    assert len(walked([*sizes, 0.0299]).cycles) == 5
    # a cycle of less than a fifth of the last one is not taken
    steps = walked([1.0, 0.199, 0.201, 0.1, 0.025])
    assert [each.amplitude for each in steps.cycles] == [1.0, 0.201, 0.1, 0.025]


def test_the_flow_in_the_plane_is_that_of_the_ode():
    t = np.array([0.0, 2.0])
    params = vaedyn.Params(rho=3.0, lr=0.4, eta=0.7, anneal="linear:4", beta=0.8, t_max=2, points=2)
    values = {"m": [-1.0, -0.5], "d": [-0.6, -0.2], "Q": [1.0, 2.0], "E": [0.5, 0.7],
              "R": [0.2, 0.4], "D": [0.9, 0.5]}  # fmt: skip
    theory = Made(params=params, t=t, **{name: np.array(x) for name, x in values.items()})
    assert entry(theory, "Q", 0.5) == 1.25
    m, Q = np.array([0.3, 1.2]), np.array([1.1, 0.4])
    found = flow(theory, 1.0, m, Q)
    d, E, R, D, beta = 0.4, 0.6, 0.3, 0.7, 0.2  # |m| with the sign of d turned as m is
    S = 3 * d**2 + 0.7 * E
    A = 3 * m * d + 0.7 * R
    B = S + D
    np.testing.assert_allclose(found[0], 0.4 * (d * 3.7 - B * m))
    np.testing.assert_allclose(found[1], 0.4 * (2 * A - 2 * B * Q) + 0.4**2 * 0.7 * S)
    assert beta == params.schedule(np.array(1.0), 0.8)
