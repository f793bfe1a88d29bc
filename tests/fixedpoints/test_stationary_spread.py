"""The spread of runs around stable fixed points: beside bands, and beside simulations."""

from typing import Any

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

import vaedyn
from tests.shared.models import random_state
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import jacobian, symmetric
from vaedyn.fixedpoints.stationary_spread import (
    _of_errors,
    covariance,
    covariance_of_step,
    stationary_stds,
)
from vaedyn.fixedpoints.varied import constants_of
from vaedyn.kernels import flows
from vaedyn.kernels.constants import Constants
from vaedyn.learning.spread_of_errors import stds_of_errors
from vaedyn.model.quantities import NAMES, OBSERVABLES

ONE = vaedyn.Params(rho=1.7, eta=0.6, lr=0.3, beta=1.2, dim=400, t_max=150, points=4)
TWO = ONE.replace(latent=2, signal=2, rho=(2.0, 2.0), batch=2, init="m=0.3,d=0.3,Q=1,E=1,R=0.1,D=1")
SAMPLED = ONE.replace(latent=2, rho=2.3, beta=0.9, latents="sampled", lr=(0.2, 0.3, 0.1))
MODELS = [
    Constants(0.8, np.array([2.0, 1.2]), 0.7, 0.1, 0.4, 2),
    Constants(0.8, np.array([2.0]), 0.7, 0.1, 0.4, 2, 1.7, 0.6, 3.0, 1.0),
]


@pytest.mark.parametrize("model", MODELS, ids=["plain", "sampled"])
def test_the_noise_of_a_step_is_that_of_the_kernel(model):
    y = random_state(model.latent, model.signal)
    n, out = len(y), np.empty(len(y) * (len(y) + 1))
    flow = flows.with_bands(model)
    flows.and_covariance(model.beta, np.concatenate([y, np.zeros(n * n)]), flow.box, out)
    _, gather = symmetric(model.latent, model.signal)
    kernel = gather @ out[n:].reshape(n, n) @ gather.T
    np.testing.assert_allclose(covariance_of_step(model, y), kernel, atol=1e-14)


@pytest.mark.parametrize("params", [ONE, SAMPLED], ids=["one", "sampled"])
@pytest.mark.usefixtures("no_thresholds")
def test_bands_come_to_it(params):
    found = vaedyn.fixed_points(params, groups=1)
    late = vaedyn.bands(params.replace(t_max=1000, points=2))
    for name in (*NAMES, *OBSERVABLES):
        np.testing.assert_allclose(
            found.std[name][found.reached], getattr(late, name)[-1], rtol=2e-3, atol=1e-6
        )
    unstable = ~found.stable
    assert unstable.any()
    assert all(np.isnan(values[unstable]).all() for values in found.std.values())


@pytest.mark.parametrize("beta", [1e-5, 1e-6])
def test_variances_that_follow_at_once_leave_the_others_their_spread(beta):
    """At tiny beta D is faster than all else by 12 decades: a twin eliminates it first."""
    model = constants_of(vaedyn.Params(rho=2.3, eta=0.6, beta=beta, lr=0.02))
    y = Units(model).state(Unit(1, (2.3,)))
    J, B = model.lr * jacobian(model, y), covariance_of_step(model, y)
    slaved = J[:-1, :-1] - np.outer(J[:-1, -1], J[-1, :-1]) / J[-1, -1]
    twin = solve_continuous_lyapunov(slaved, -B[:-1, :-1])
    P = covariance(model, y)
    np.testing.assert_allclose(P[:-1, :-1], twin, rtol=1e-4, atol=1e-6 * twin.max())
    np.testing.assert_allclose(np.diag(P)[:-1], np.diag(twin), rtol=1e-4)
    back = J[-1, :-1] / J[-1, -1]
    assert P[-1, -1] == pytest.approx(back @ twin @ back, rel=1e-4)


def test_what_rotations_leave_alone_is_finite_among_equal_signals():
    found = vaedyn.fixed_points(TWO, groups=1)
    i, model = found.reached, constants_of(TWO)
    late = vaedyn.bands(TWO.replace(t_max=1000, points=2))
    for name in ("Q", "E", "R", "D", "kl", "kl_per_latent", "distortion"):
        np.testing.assert_allclose(found.std[name][i], getattr(late, name)[-1], rtol=2e-3)
    assert 0 < found.std["eps_g_rotation"][i] < 0.05
    # a slow twin: with a weak pull against rotations the whole equation has a solution
    y, (_, gather) = found.states[i], symmetric(2, 2)
    J, B = model.lr * jacobian(model, y), covariance_of_step(model, y)
    m = y[:4].reshape(2, 2)
    turn = gather @ np.concatenate([(m @ [[0, 1], [-1, 0]]).ravel(),
                                    (y[4:8].reshape(2, 2) @ [[0, 1], [-1, 0]]).ravel(),
                                    np.zeros(len(y) - 8)])  # fmt: skip
    assert np.abs(J @ turn).max() < 1e-9
    turn /= np.linalg.norm(turn)
    left: Any = np.linalg.eig(J.T)
    values, vectors = left
    p = vectors[:, np.abs(values).argmin()].real
    pulled = J - 0.3 * np.outer(turn, p / (p @ turn))
    whole = solve_continuous_lyapunov(pulled, -B)
    away = np.eye(len(turn)) - np.outer(turn, p / (p @ turn))
    P = covariance(model, y)
    assert P is not None
    np.testing.assert_allclose(P, away @ whole @ away.T, atol=1e-9)


@pytest.mark.parametrize(("latent", "signal"), [(1, 2), (3, 2), (2, 3)])
def test_spreads_of_errors_are_those_of_the_kernel(latent, signal):
    # also where overlaps vanish, and errors are not smooth
    params = ONE.replace(latent=latent, signal=signal, rho=(2.0, 1.3, 0.8)[:signal])
    y, rng = random_state(latent, signal), np.random.default_rng(3)
    y[signal - 1] = 0.0
    root = 0.02 * rng.standard_normal((2, len(symmetric(latent, signal)[1])))
    P = root.T @ root + 1e-4 * np.eye(root.shape[1])
    kernel = stds_of_errors(params, y[None], P[np.tril_indices(len(P))][None])
    np.testing.assert_allclose(_of_errors(params, y, P), kernel, rtol=0.015)  # of 1024 points


def test_simulations_are_spread_as_it_says():
    # runs of the exact chain from the fixed point itself, after seven relaxation times; within
    # four standard errors. 400 runs would miss less than 14 %: 1.3 times the spread is seen
    found = vaedyn.fixed_points(ONE, groups=1)
    i = found.reached
    init = ",".join(f"{name}={float(getattr(found, name)[i].ravel()[0])!r}" for name in NAMES)
    runs = 400
    sgd = vaedyn.simulate(ONE.replace(init=init, points=2, dim=200), runs=runs, engine="exact")
    assert found.relaxation_time[i] * 7 < ONE.t_max
    for name in ("m", "Q", "E", "kl", "eps_g"):
        measured = np.ravel(getattr(sgd, name)[:, -1]).std(ddof=1)
        ratio = measured / float(np.ravel(found.std[name][i])[0] * 2**0.5)  # of N = 400
        error = 1 / np.sqrt(2 * runs)  # of a gaussian's standard deviation
        assert abs(ratio - 1) < 4 * error
        assert abs(1.3 * ratio - 1) > 4 * error


def test_the_spread_goes_with_the_root_of_n_and_vanishes_with_collapse():
    found = vaedyn.fixed_points(ONE, groups=1)
    states, stable = found.states, found.stable
    many = stationary_stds([ONE.replace(dim=1600)] * len(states), states, stable)
    np.testing.assert_allclose(many["m"], found.std["m"] / 2, rtol=1e-12)
    dead = vaedyn.fixed_points(ONE.replace(beta=2.5), groups=0)
    assert dead.stable[0]
    assert all(np.abs(values[0]).max() < 1e-6 for values in dead.std.values())


def test_it_is_unknown_where_nothing_is_stable_or_too_much_is_asked(monkeypatch):
    states = np.array([[0, 0, 0, 0, 0, 1.0]])
    nothing = stationary_stds([ONE], states, np.array([False]))
    assert set(nothing) == {*NAMES, *OBSERVABLES}
    assert all(np.isnan(values).all() for values in nothing.values())
    assert nothing["m"].shape == (1, 1, 1)
    monkeypatch.setattr("vaedyn.fixedpoints.stationary_spread.MOST", 5)
    assert covariance(constants_of(ONE), states[0]) is None
    monkeypatch.undo()
    assert covariance(constants_of(ONE), states[0]) is None  # collapse is unstable there


def test_adam_is_refused():
    with pytest.raises(ParameterError, match="optimiser"):
        stationary_stds([ONE.replace(optimiser="adam")], np.zeros((1, 6)), np.array([True]))


@pytest.mark.usefixtures("no_thresholds")
def test_branches_have_it_where_they_are_stable():
    found = vaedyn.branches(ONE, "beta", 1.1, 1.3, groups=1)
    (i,) = np.flatnonzero((found.branch == 0) & (np.abs(found.varied - 1.2) < 1e-12))
    alone = vaedyn.fixed_points(ONE, groups=1)
    assert found.std["eps_g"][i] == pytest.approx(alone.std["eps_g"][alone.reached], rel=1e-6)
    np.testing.assert_array_equal(np.isfinite(found.std["kl"]), found.stable)
