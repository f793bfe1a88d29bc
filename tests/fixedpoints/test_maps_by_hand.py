"""Maps and lists put together by hand: axes, columns, thresholds, spreads, and what is reached."""

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import phase_diagram as maps
from vaedyn.fixedpoints import thresholds as limits
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.phase_diagram import _axis, _batches, _Grid, phase_diagram
from vaedyn.fixedpoints.single import Latent, beyond, first_rise, furthest, noise_latent
from vaedyn.kernels.constants import Constants

PARAMS = vaedyn.Params(latent=2, signal=2, rho=(1.5, 3), eta=0.7, beta=0.8, lam=0.1, lr=0.3)


# ---- axes and columns of maps


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        (("t_max", [1, 2]),
         "x: expected one of beta, eta, rho, lam, lr, batch, alpha, got 't_max'"),
        (("eta", ["a"]), "x: the values of eta must be numbers"),
        (("eta", None), "x: give at least two values of eta, in one row"),
        (("eta", [1]), "x: give at least two values of eta, in one row"),
        (("eta", [[1, 2]]), "x: give at least two values of eta, in one row"),
        (("eta", [1, np.nan]), "x: the values of eta must be finite"),
        (("eta", [1, 1 + 1e-13]), "x: the values of eta must ascend"),
        (("batch", [1, 2.5]), "x: the values of batch must be whole numbers"),
        (("beta", [0, 1]), "x: beta must be > 0: D shrinks for ever at beta = 0"),
        (("eta", [0, 1]), "x: eta must be > 0, got 0"),
        (("lam", [-1, 1]), "x: lam must be >= 0, got -1"),
    ],
)  # fmt: skip
def test_axes_of_maps_are_checked(axis, text):
    with pytest.raises(ParameterError) as caught:
        _axis(PARAMS, "x", axis)
    assert str(caught.value) == text


def test_values_of_axes_have_twelve_digits():
    name, values = _axis(PARAMS, "y", ("lam", [0, 1 / 3]))
    assert (name, values.tolist()) == ("lam", [0, 0.333333333333])
    assert _axis(PARAMS, "y", ("batch", [1, 4]))[1].tolist() == [1, 4]
    assert (maps.AT_ONCE, maps.PIECE, maps.DIGITS) == (8000, 2000, 12)


def test_maps_that_make_no_sense():
    for x, y, text in (
        (("eta", [1, 2]), ("eta", [1, 2]), "y: must vary another constant than x, eta"),
        (("alpha", [1, 2]), ("lr", [1, 2]),
         "alpha: is not derived for maps over lr, only for small ones"),
        (("batch", [1, 2]), ("alpha", [1, 2]),
         "alpha: is not derived for maps over batch, only for small lr"),
    ):  # fmt: skip
        with pytest.raises(ParameterError) as caught:
            phase_diagram(PARAMS, x, y)
        assert str(caught.value) == text
    with pytest.raises(ParameterError) as caught:
        phase_diagram(PARAMS.replace(beta=0), ("eta", [1, 2]), ("lr", [1, 2]))
    text = "beta: must be > 0 for fixed points: D shrinks for ever at beta = 0"
    assert str(caught.value) == text


def grid(x=("beta", (0.5, 1.0)), y=("eta", (0.5, 0.75, 1.0)), **changes):
    axes = ((name, np.array(values)) for name, values in (x, y))
    return _Grid(PARAMS.replace(**changes), *axes)


def test_a_column_is_stored_under_all_that_matters():
    record = grid().record(1)
    assert (record["beta"], record["y_name"], record["y_start"], record["y_step"]) == (
        1.0, "eta", 0.5, 0.25,
    )  # fmt: skip
    assert record["rho"].tolist() == [3, 1.5]
    assert {"eta", "y", "t_max", "dim", "init", "anneal"}.isdisjoint(record)
    uneven = grid(y=("eta", (0.5, 0.75, 1.1))).record(0)
    assert uneven["y"] == [0.5, 0.75, 1.1]
    assert {"y_start", "y_step"}.isdisjoint(uneven)
    assert grid(y=("rho", (1.0, 2.0))).record(0)["rho"].tolist() == [1, 0.5]
    assert grid(x=("rho", (1.0, 2.0))).record(1)["rho"].tolist() == [2, 1]
    three = grid(y=("lr", (0.1, 0.2)), lr=(0.4, 0.2, 0.1)).record(0)
    assert three["lr"] == [1, 0.5, 0.25]
    assert "lr" not in grid(y=("lr", (0.1, 0.2))).record(0)
    assert grid(lr=(0.4, 0.2, 0.1)).record(0)["lr"] == (0.4, 0.2, 0.1)


def test_axes_are_even_to_1e_9_of_a_step():
    for off, even in ((0.99e-9, True), (1.005e-9, False)):
        step = 0.25
        made = grid(y=("eta", (0.5, 0.75 + off * step, 1.0)))
        assert ("y_step" in made.spacing) == even
        assert (made.y[1] == 0.75) == even


def test_batches_of_columns():
    assert list(_batches([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(_batches([], 2)) == []


def test_points_are_solved_together_and_the_rest_is_followed(monkeypatch):
    """Signals scale with rho, and rates with momentum; pieces have 2000 points."""
    seen = []

    def attractors(c):
        seen.append(c)
        phase = np.where(c.beta > 0.9, 6, 1).astype(np.int8)
        return {"phase": phase, "eps_g": c.eta.copy()}

    def outcomes(c, at):
        assert c.beta.tolist() == [1.0, 1.0]
        one = at(1)
        assert (one.beta, one.rho, one.eta) == (1.0, (3.0, 1.5), 0.75)
        return {"phase": np.array([5, 7]), "eps_g": np.array([8.0, 9.0])}

    monkeypatch.setattr(maps, "attractors", attractors)
    monkeypatch.setattr(maps, "outcomes", outcomes)
    found = grid().solve(np.array([0, 1, 0, 1]), np.array([0, 0, 2, 1]))
    assert found["phase"].tolist() == [1, 5, 1, 7]
    assert found["eps_g"].tolist() == [0.5, 8, 1, 9]
    seen.clear()
    many = np.zeros(4001, int)
    assert len(grid().solve(many, many)["phase"]) == 4001
    assert sorted(len(c.eta) for c in seen) == [1, 2000, 2000]
    seen.clear()
    scaled = grid(("rho", (1.0, 2.0)), ("lr", (0.1, 0.2)), momentum=0.6)
    scaled.solve(np.array([1]), np.array([1]))
    np.testing.assert_allclose(seen[0].rho, [[2.0, 1.0]])
    np.testing.assert_allclose(seen[0].lr, [0.5])


def test_columns_that_are_not_stored_are_solved_in_batches(monkeypatch):
    """8000 points at once, in whole columns; progress counts those that are lacking."""
    asked, steps = [], []

    def solve(self, i, j):
        asked.append(sorted(set(zip(i.tolist(), j.tolist(), strict=True))))
        return dict.fromkeys(maps.LABELS, i + 10.0 * j)

    monkeypatch.setattr(_Grid, "solve", solve)
    monkeypatch.setattr(maps, "AT_ONCE", 5)
    x, y = ("beta", [0.5, 0.7, 0.9]), ("eta", [0.5, 0.75, 1.0])
    found = phase_diagram(PARAMS, x, y, progress=lambda *at: steps.append(at))
    assert [len(each) for each in asked] == [6, 3]
    assert steps == [(6, 9), (9, 9)]
    np.testing.assert_array_equal(found.eps_g, np.arange(3)[:, None] + 10 * np.arange(3))
    assert (found.reused, found.best, found.info) == (0, None, {"computed": 9, "keys": []})
    assert (found.x_name, found.y_name) == ("beta", "eta")
    assert found.x.tolist() == x[1]
    assert found.y.tolist() == y[1]
    usual = phase_diagram(PARAMS)
    np.testing.assert_allclose(usual.x, np.linspace(0.05, 3, 20))
    np.testing.assert_allclose(usual.y, np.linspace(0.1, 2, 20))
    assert (usual.x_name, usual.y_name) == ("beta", "eta")


def test_the_best_beta_along_the_other_axis(monkeypatch):
    monkeypatch.setattr(maps, "best_beta", lambda params: (params.eta + params.alpha, None))
    made = grid(alpha=4.0)
    assert made.of_rows
    assert made.best().tolist() == [4.5, 4.75, 5.0]
    turned = grid(("eta", (0.5, 0.75)), ("beta", (0.5, 1.0)), alpha=4.0)
    assert turned.best().tolist() == [4.5, 4.75]
    assert grid(("eta", (0.5, 0.75)), ("lam", (0.0, 1.0)), alpha=4.0).best() is None
    assert grid(("eta", (0.5, 0.75)), ("alpha", (2.0, 4.0))).of_rows
    assert not grid().of_rows


def test_points_on_rows_are_solved_by_what_they_share(monkeypatch):
    asked = []

    def ends(params, alpha, beta):
        asked.append((params.eta, alpha.tolist(), beta.tolist()))
        return {"eps_g": 100 * params.eta + 10 * alpha + beta}

    monkeypatch.setattr(maps, "ends", ends)
    made = grid(alpha=4.0)
    found = made.solve(np.array([1, 0, 1]), np.array([2, 0, 0]))
    assert asked == [(0.5, [4, 4], [0.5, 1.0]), (1.0, [4], [1.0])]
    assert found["eps_g"].tolist() == [141, 90.5, 91]
    asked.clear()
    both = grid(("beta", (0.5, 1.0)), ("alpha", (2.0, 3.0)))
    found = both.solve(np.array([1, 0]), np.array([1, 0]))
    assert asked == [(0.7, [3, 2], [1.0, 0.5])]


# ---- thresholds


def test_thresholds_are_put_together(monkeypatch):
    for sampled in (False, True):
        name = "sampled_window" if sampled else "noise_window"
        monkeypatch.setattr(limits, name, lambda model: (0.25, 9.0))
        monkeypatch.setattr(limits, "collapse", lambda model, rho: 10 * rho)
        monkeypatch.setattr(limits, "max_lr", lambda model, configuration: 2.0)
        latents = "sampled" if sampled else "averaged"
        params = PARAMS.replace(latents=latents, momentum=0.75)
        assert limits.thresholds(params) == {
            "collapse": [15.0, 30.0], "noise": 0.25, "noise_upper": 9.0, "max_lr": None,
        }  # fmt: skip
        assert limits.thresholds(params, configuration=(Unit(1),))["max_lr"] == 0.5
        monkeypatch.setattr(limits, name, lambda model: None)
        monkeypatch.setattr(limits, "max_lr", lambda model, configuration: None)
        assert limits.thresholds(params, configuration=(Unit(1),)) == {
            "collapse": [15.0, 30.0], "noise": None, "noise_upper": None, "max_lr": None,
        }  # fmt: skip
    monkeypatch.setattr(limits, "noise_window", lambda model: (0.25, 9.0))
    assert limits.noise(None) == 0.25
    monkeypatch.setattr(limits, "noise_window", lambda model: None)
    assert limits.noise(None) is None


def test_a_signal_is_lost_where_a_spare_latent_does_not_learn_it(monkeypatch):
    """Looked for from 1e-9 to 1000 times its variance, or the closed form if that is more."""
    asked = []

    class Some:
        def __init__(self, model):
            self.beta = model.beta

        def state(self, unit):
            return None if gone else np.zeros(1)

        def modes(self, *units):
            assert units == (Unit(1), Unit(0, (3.0,)))
            return np.array([-9.0, 0.3 * (2.0 - self.beta) + 1j])

    monkeypatch.setattr(limits, "Units", Some)
    found = limits._first_sign_change
    monkeypatch.setattr(
        limits,
        "_first_sign_change",
        lambda growth, scale: asked.append(scale) or found(growth, scale),
    )
    model, gone = Constants.of(PARAMS), False
    assert limits.collapse(model, 3.0) == pytest.approx(2.0)
    gone = True
    assert limits.collapse(model, 3.0) == 1e307
    assert asked == [pytest.approx(3.7)] * 2
    gone = False
    Some.modes = lambda self, *units: np.array([-1.0])
    assert limits.collapse(model, 3.0) == 0.0
    Some.modes = lambda self, *units: np.array([1.0])
    assert limits.collapse(model, 3.0) == 0.0


def test_a_collapsed_latent_stays_so_above_a_closed_form():
    """(1 + lam) (s beta + lam) = s^2."""
    assert limits.collapse_threshold(2.0, 0.0) == 2
    beta = limits.collapse_threshold(2.0, 0.3)
    assert 1.3 * (2 * beta + 0.3) == pytest.approx(4)


# ---- latents alone


def test_how_far_a_latent_is_looked_for():
    scale, beta = np.array([2.0]), np.array([0.25])
    np.testing.assert_allclose(furthest(scale, beta), 32 * 9 ** (2 / 3))


def test_latents_on_noise_have_something(monkeypatch):
    from vaedyn.fixedpoints import single

    monkeypatch.setattr(single, "noise_at", lambda c, Q, D: np.ones((3, 1, 1)))
    c = Constants.of(PARAMS).many().column()
    for Q, sampled, there in (
        (1.005e-8, 0.0, True), (0.99e-8, 0.0, False), (0.99e-8, 1.0, True), (0.0, 1.0, False),
    ):  # fmt: skip
        one = noise_latent(c._replace(sampled=np.full((1, 1), sampled)), np.array([[Q]]),
                           np.array([[0.9]]))  # fmt: skip
        assert np.isfinite(one.Q[0]) == there
    assert (one.m, one.rho, one.d) == (0, 0, 0)


def test_more_noise_is_another_root(monkeypatch):
    from vaedyn.fixedpoints import single

    c = Constants.of(PARAMS).many()
    least = Latent(*np.full((7, 1), 2.0))
    for Q, there in ((2 * (1 + 0.99e-6), False), (2 * (1 + 1.005e-6), True)):
        monkeypatch.setattr(
            single, "_least", lambda *given, Q=Q: (np.array([[Q]]), np.array([[0.5]]))
        )
        assert np.isfinite(beyond(c, least).Q[0]) == there


def test_the_first_rise_of_a_function():
    """A narrow peak, a dip from above, a root of many, nothing, and numbers that are lacking."""
    top = np.full((1, 1), 10.0)

    def found(function):
        return first_rise(function, top)[0, 0]

    assert found(lambda Q: Q - 3.3) == pytest.approx(3.3, rel=1e-14)
    assert found(lambda Q: (Q - 1.1) * (Q - 2.2) * (Q - 4.4)) == pytest.approx(1.1)
    assert found(lambda Q: (Q - 1.1) * (Q - 2.2)) == pytest.approx(2.2)
    assert found(lambda Q: 1e-6 - (Q - 3.3) ** 2) == pytest.approx(3.3 - 1e-3, rel=1e-9)
    assert found(lambda Q: (Q - 3.3) ** 2 - 1e-6) == pytest.approx(3.3 + 1e-3, rel=1e-9)
    assert np.isnan(found(lambda Q: -1 - Q))
    assert np.isnan(found(lambda Q: 1 + Q))
    assert found(lambda Q: np.where(Q < 2, np.nan, Q - 3.3)) == pytest.approx(3.3)
    assert np.isnan(found(lambda Q: np.where(Q < 3.3, np.nan, 1.0)))
    several = first_rise(lambda Q: Q - np.array([[1.0], [2.5]]), np.full((2, 1), 10.0))
    np.testing.assert_allclose(several, [[1.0], [2.5]])
