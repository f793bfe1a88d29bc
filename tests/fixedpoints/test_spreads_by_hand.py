"""Spreads, states under Adam and what is reached, put together by hand."""

from types import SimpleNamespace as Made

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

import vaedyn
from vaedyn.errors import ConvergenceError, DivergenceError, ParameterError
from vaedyn.fixedpoints import fixed_points as listing
from vaedyn.fixedpoints import stationary_spread as spread
from vaedyn.fixedpoints import under_adam
from vaedyn.fixedpoints.stationary_spread import _by_elimination, _stationary, closely, spread_out
from vaedyn.fixedpoints.trained_on_rows import _error, _phases, directions, gamma_of, strength
from vaedyn.fixedpoints.under_adam import Adam, collapsed, end_under_adam, real_weights, size_of
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack

PARAMS = vaedyn.Params(latent=2, signal=2, rho=(1.5, 3), eta=0.7, beta=0.8, lam=0.1, lr=0.3)


# ---- rows that are used again


def test_strengths_on_rows_where_nothing_is_decayed():
    found = strength(np.array([3.0, 0.5]), 0.8, 0.0)
    np.testing.assert_allclose(found, [2.2, 0])
    # (q + beta) s + lam = c s..., of the paper: c l = c^2 q l + beta/(q+beta) + lam
    s, beta, lam = 3.0, 0.8, 0.2
    q = float(strength(np.array([s]), beta, lam)[0])
    c = s / ((q + beta) * s + lam)
    assert c * s == pytest.approx(c**2 * q * s + beta / (q + beta) + lam, rel=1e-12)


def test_phases_on_rows_and_errors_on_fresh_data():
    q = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    c2 = np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.0], [0.5, 0.5], [0.5, 0.0]])
    assert _phases(q, c2, 2).tolist() == [1, 2, 3, 0, 3]
    assert _phases(q[:1, :1], c2[:1, :1], 1).tolist() == [1]
    found = directions(PARAMS, gamma_of(4.0))
    assert found.rho.tolist() == [3, 1.5]
    gamma, eta = 0.25, 0.7
    np.testing.assert_allclose(
        found.eigenvalues, [(r + eta) * (1 + gamma * eta / r) for r in (3, 1.5)]
    )
    c2 = [(1 - gamma * eta**2 / r**2) / (1 + gamma * eta / r) for r in (3, 1.5)]
    np.testing.assert_allclose(found.overlaps, c2)
    q = np.array([1.2, 0.3])
    by_hand = 4.5 + 1.5 - 2 * np.sqrt(3 * c2[0] * 1.2) - 2 * np.sqrt(1.5 * c2[1] * 0.3)
    assert _error(PARAMS, found, q) == pytest.approx(by_hand)
    more = directions(PARAMS.replace(latent=3), gamma_of(4.0))
    assert (more.rho[2], more.overlaps[2]) == (0, 0)
    assert more.eigenvalues[2] == pytest.approx(0.7 * 1.5**2)
    fresh = directions(PARAMS, gamma_of(None))
    np.testing.assert_allclose(fresh.eigenvalues, [3.7, 2.2])
    assert gamma_of(np.array([2.0, 4.0])).tolist() == [0.5, 0.25]


# ---- spreads


def test_a_covariance_solves_its_equation_in_the_modes_that_decay():
    rng = np.random.default_rng(2)
    J = rng.normal(size=(4, 4)) - 4 * np.eye(4)
    B = rng.normal(size=(4, 4))
    B = B @ B.T
    expected = solve_continuous_lyapunov(J, -B)
    for found, zeros in (_stationary(J, B, 1e-8), (_by_elimination(J, B), 0)):
        np.testing.assert_allclose(found, expected, rtol=1e-11)
        np.testing.assert_array_equal(found, found.T)
        assert zeros == 0
    # a mode that neither grows nor decays is left out
    basis = rng.normal(size=(4, 4))
    rates = np.diag([-1.0, -2.0, 0.0, -3.0])
    J = basis @ rates @ np.linalg.inv(basis)
    P, zeros = _stationary(J, B, 1e-8)
    assert zeros == 1
    rest = J @ P + P @ J.T + B
    inverse = np.linalg.inv(basis)
    kept = [0, 1, 3]
    np.testing.assert_allclose((inverse @ rest @ inverse.T)[np.ix_(kept, kept)], 0, atol=1e-10)
    np.testing.assert_allclose((inverse @ P @ inverse.T)[2], 0, atol=1e-11)
    growing = basis @ np.diag([-1.0, -2.0, 1e-7, -3.0]) @ inverse
    assert _stationary(growing, B, 1e-8) == (None, 1)


def test_rates_that_are_far_apart_are_eliminated_or_given_up():
    """From a ratio of 1e10 on, up to 30 order parameters."""
    for ratio, n, there in ((1.1e10, 30, True), (1.1e10, 31, False), (0.9e10, 31, True)):
        J = -np.eye(n)
        J[0, 0] = -ratio
        P, zeros = _stationary(J, np.eye(n), 1e-8)
        assert zeros == 0
        assert (P is not None) == there
        if there:
            np.testing.assert_allclose(np.diag(P)[:2], [0.5 / ratio, 0.5], rtol=1e-6)


def covariance_of(monkeypatch, J, B, lr=0.5, tangents=0, size=None):
    n = len(J)
    monkeypatch.setattr(spread, "symmetric", lambda latent, signal: (None, np.eye(size or n)))
    monkeypatch.setattr(spread, "jacobian", lambda model, y: np.array(J) / lr)
    monkeypatch.setattr(spread, "covariance_of_step", lambda model, y: np.array(B))
    monkeypatch.setattr(spread, "symmetry_tangents", lambda model, y: np.eye(size or n)[:tangents])
    return spread.covariance(Made(lr=lr, latent=1, signal=1), None)


def test_order_parameters_that_do_not_see_one_another_are_apart(monkeypatch):
    J = np.diag([-1.0, -2.0, -4.0])
    B = np.diag([3.0, 5.0, 7.0])
    B[0, 1] = B[1, 0] = 1.0
    asked = []
    whole = spread._stationary
    monkeypatch.setattr(
        spread, "_stationary",
        lambda J, B, least: asked.append((len(J), least)) or whole(J, B, least),
    )  # fmt: skip
    P = covariance_of(monkeypatch, J, B)
    np.testing.assert_allclose(P, [[1.5, 1 / 3, 0], [1 / 3, 1.25, 0], [0, 0, 0.875]])
    assert asked == [(2, 0.5e-8), (1, 0.5e-8)]
    for off, count in ((0.99e-13, 3), (1.005e-13, 2)):
        asked.clear()
        small = np.diag([3.0, 5.0, 7.0])
        small[0, 1] = small[1, 0] = 7 * off
        covariance_of(monkeypatch, J, small)
        assert len(asked) == count
        asked.clear()
        coupled = J.copy()
        coupled[0, 1] = 4 * off
        covariance_of(monkeypatch, coupled, np.eye(3))
        assert len(asked) == count
    still = np.diag([0.0, -2.0, -4.0])
    assert covariance_of(monkeypatch, still, np.eye(3)) is None
    assert covariance_of(monkeypatch, still, np.eye(3), tangents=1) is not None
    assert covariance_of(monkeypatch, J, B, tangents=1) is None
    assert covariance_of(monkeypatch, np.diag([1.0, -2.0, -4.0]), B) is None
    assert covariance_of(monkeypatch, J, B, size=1101) is None
    assert spread.MOST == 1100


def test_standard_deviations_are_kept_where_they_are_known():
    one = vaedyn.Params(latent=2, signal=1)
    stds = {"kl": np.array([np.nan, 0.5]), "Q": np.array([np.full((2, 2), np.nan), np.eye(2)])}
    kept = closely(stds)
    assert kept == {"at": [1], "kl": [0.5], "Q": [[[1, 0], [0, 1]]]}
    whole = {**kept, **{name: [np.zeros(shape).tolist()] for name, shape in {
        "m": (2, 1), "d": (2, 1), "E": (2, 2), "R": (2, 2), "D": (2,), "kl_per_latent": (2,),
        "eps_g": (), "eps_g_rotation": (), "distortion": (),
    }.items()}}  # fmt: skip
    found = spread_out(whole, one, 3)
    assert found["kl"][1] == 0.5
    assert np.isnan(found["kl"][[0, 2]]).all()
    np.testing.assert_array_equal(found["Q"][1], np.eye(2))
    assert {name: x.shape[1:] for name, x in found.items()} == {
        "m": (2, 1), "d": (2, 1), "Q": (2, 2), "E": (2, 2), "R": (2, 2), "D": (2,),
        "eps_g": (), "eps_g_rotation": (), "kl": (), "distortion": (), "kl_per_latent": (2,),
    }  # fmt: skip
    nothing = spread_out({}, one, 2)
    assert np.isnan(nothing["m"]).all()


def test_spreads_are_those_of_runs_at_their_own_dimension(monkeypatch):
    models = [PARAMS.replace(dim=n) for n in (100, 400, 900)]
    monkeypatch.setattr(spread, "covariance", lambda model, y: None if y[0] == 9 else 8 * np.eye(3))
    monkeypatch.setattr(spread, "_of_errors", lambda params, y, P: P[0, 0])
    seen = []

    def stds_of(params, y, C, errors):
        seen.append((params.dim, C.shape, errors))
        return {"kl": np.array([errors]), "m": np.full((1, 2, 2), errors)}

    monkeypatch.setattr(spread, "stds_of", stds_of)
    found = spread.stationary_stds(
        models, np.array([[1.0], [2.0], [9.0]]), np.array([1, 0, 1], bool)
    )
    assert seen == [(100, (1, 6), 0.08)]
    assert found["kl"][0] == 0.08
    assert np.isnan(found["kl"][1:]).all()
    assert found["m"].shape == (3, 2, 2)
    nothing = spread.stationary_stds(models, np.zeros((3, 22)), np.zeros(3, bool))
    assert nothing["kl"].shape == (3,)
    adam = vaedyn.Params(optimiser="adam")
    with pytest.raises(ParameterError) as caught:
        spread.stationary_stds([PARAMS, adam], np.zeros((2, 1)), np.ones(2, bool))
    assert str(caught.value) == "optimiser: the spread of runs is not derived for adam"


ADAM = vaedyn.Params(optimiser="adam", batch=16, latents="sampled", dim=500, t_max=10, lr=0.2)


def test_sizes_of_order_parameters():
    model = Constants(0.8, np.array([3.0]), 0.7, 0.0, 0.4, 2)
    y = pack([[1], [1]], [[1], [1]], [[4, 9], [9, -16]], [[0.25, 9], [9, 0]], np.ones((2, 2)),
             [0.5, 0.125])  # fmt: skip
    tiny = 1e-100
    E = [[0.25, 0.5 * tiny], [0.5 * tiny, 1e-200]]
    R = [[1, 2 * tiny], [2, 4 * tiny]]
    expected = pack([[2], [4]], [[0.5], [tiny]], [[4, 8], [8, 16]], E, R, [0.5, 0.125])
    np.testing.assert_allclose(size_of(model, y), expected)


def test_weights_are_real_to_rounding():
    model = Constants(0.8, np.array([3.0]), 0.7, 0.0, 0.4, 1)

    def real(m=0.5, Q=1.0, E=1.0, R=0.5, d=0.25):
        return real_weights(model, pack([[m]], [[d]], [[Q]], [[E]], [[R]], [0.5]))

    assert real()
    assert not real(m=1.01)
    assert not real(d=1.01)
    assert not real(R=2.0)
    for over, there in ((0.99e-8, True), (1.005e-8, False)):
        assert real(m=np.sqrt(1 + over), d=0.0, R=0.0) == there


def test_a_hundredth_of_a_nat_is_collapsed():
    model = Constants(0.8, np.zeros(0), 0.7, 0.0, 0.4, 1)
    for nats, there in ((0.0099, True), (0.0101, False)):
        y = pack(np.zeros((1, 0)), np.zeros((1, 0)), [[1]], [[2 * nats / 0.7]], [[0]], [1.0])
        assert collapsed(model, y) == there


def ended(monkeypatch, points, growth=-1.0):
    """Return where a trajectory from 1 ends, of points that Newton's method leads to."""
    found, spans = iter(points), []
    adam = Made(
        params=ADAM, model=Constants.of(ADAM), newton=lambda model, y: next(found),
        spectrum=lambda model, y: np.array([growth + 1j, np.nan]),
    )  # fmt: skip
    monkeypatch.setattr(under_adam, "size_of", lambda model, y: np.array([2.0]))

    def integrate(params, y, times, schedule, rtol, atol):
        spans.append(float(times[1]))
        assert (times[0], rtol, atol) == (0, 1e-8, 1e-16)
        return np.array([y, y]), None

    monkeypatch.setattr(under_adam, "integrate", integrate)
    return end_under_adam(adam, np.ones(1)), spans


def test_a_trajectory_under_adam_ends_next_to_a_stable_point(monkeypatch):
    """To 1e-3 of the size; it is waited for up to 8 times, in times that double."""
    near, far = np.array([1 + 1.99e-3]), np.array([1 - 2.01e-3])
    assert ended(monkeypatch, [near]) == (near, [])
    assert ended(monkeypatch, [None, far, near]) == (near, [10, 20])
    assert ended(monkeypatch, [near], growth=0.0)[1] == []
    with pytest.raises(ConvergenceError) as caught:
        ended(monkeypatch, [far] * 8)
    assert str(caught.value) == (
        "the trajectory creeps, as near a threshold: a larger t_max comes closer to its end"
    )
    with pytest.raises(ConvergenceError):
        ended(monkeypatch, [near] * 8, growth=1e-12)
    with pytest.raises(StopIteration):
        ended(monkeypatch, [far] * 7)


def test_weight_decay_is_not_derived_under_adam():
    with pytest.raises(ParameterError) as caught:
        Adam(ADAM.replace(lam=0.1))
    assert str(caught.value) == "lam: is not derived for fixed points under adam; leave it out"


def reached(monkeypatch, groups=2, fails=None, found=("known",), partial=False, adam=False):
    """Return the record of fixed points whose parts are given."""
    seen = {}

    def configurations(units, groups):
        if partial:
            raise listing.TooManyError("groups", "there are many")
        return list(found)

    def end(*given):
        if fails:
            raise fails
        return "end"

    def listed(params, units, found, reached, groups, starts, progress):
        seen.update(found=found, reached=reached)
        return Made(to_kept=lambda name: ({}, {"kept": name}), std={"kl": np.zeros(0)})

    def from_kept(params, kept):
        seen["info"] = kept[1]
        return seen

    monkeypatch.setattr(listing, "configurations", configurations)
    monkeypatch.setattr(listing, "neighbours", lambda units, y, groups: ["next to", y])
    monkeypatch.setattr(listing, "theory", lambda *_, **__: Made(states=["last"]))
    monkeypatch.setattr(listing, "destination", end)
    monkeypatch.setattr(listing, "_listed", listed)
    monkeypatch.setattr(
        listing,
        "kept",
        lambda store, kind, record, compute: seen.update(record=record) or compute(),
    )
    monkeypatch.setattr(listing.FixedPoints, "from_kept", from_kept)
    return vaedyn.fixed_points(PARAMS, groups=groups)


def test_fixed_points_are_listed_with_that_which_is_reached(monkeypatch):
    seen = reached(monkeypatch)
    assert (seen["found"], seen["reached"]) == (["known"], "end")
    assert seen["info"] == {"kept": "point", "lost": "", "partial": "", "std": {"at": [], "kl": []}}
    assert {name: seen["record"][name] for name in ("rtol", "atol", "groups")} == {
        "rtol": 1e-8, "atol": 1e-10, "groups": 2,
    }  # fmt: skip
    assert {"search", "search_seed"}.isdisjoint(seen["record"])
    seen = reached(monkeypatch, partial=True)
    assert seen["found"] == ["next to", "end"]
    assert seen["info"]["partial"] == (
        "there are many; listed are that which is reached, and its neighbours"
    )
    for error in (ConvergenceError("it creeps"), DivergenceError("it is gone")):
        seen = reached(monkeypatch, fails=error)
        assert (seen["reached"], seen["info"]["lost"]) == (None, str(error))
        with pytest.raises(type(error)):
            reached(monkeypatch, groups=0, fails=error)
    with pytest.raises(ConvergenceError) as caught:
        reached(monkeypatch, fails=ConvergenceError("it creeps"), found=())
    assert str(caught.value) == "no fixed point is known: it creeps"
    assert reached(monkeypatch, found=())["reached"] == "end"


@pytest.mark.parametrize("groups", [-1, 3])
def test_groups_are_of_two_at_most(groups):
    with pytest.raises(
        ParameterError, match=r"^groups: must be (0, 1 or 2, got 3|at least 0, got -1)$"
    ):
        vaedyn.fixed_points(PARAMS, groups=groups)
    with pytest.raises(ParameterError, match=r"^beta: must be > 0 for fixed points: D shrinks"):
        vaedyn.fixed_points(PARAMS.replace(beta=0))
