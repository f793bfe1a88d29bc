"""Fluctuations at finite N: the bands, beside simulations, and what is read off them."""

import numpy as np
import pytest

import vaedyn
from tests.laws import assert_same_law
from tests.test_covariance import random_state
from vaedyn.fluctuations import (
    covariance_of_start,
    gradient_of_distortion,
    gradients_of_kl,
    std_of_error,
)
from vaedyn.initial import NAMES, random_gram, random_weights
from vaedyn.state import generalisation_error, observables, pack, unpack

SHIFTED = "m=0.3,d=0.3,Q=1,E=1,R=0.1,D=1"


# --- against simulations ----------------------------------------------------------------

CASES = {
    "plain": {"dim": 500, "lr": 0.05, "t_max": 100},
    "decay": {"dim": 500, "lr": 0.1, "lam": 0.1, "t_max": 50},
    "annealed": {"dim": 500, "lr": 0.1, "beta": 1.2, "anneal": "tanh:0.05", "t_max": 50},
    "M=2,M*=1": {"dim": 500, "latent": 2, "eta": 0.6, "lr": 0.2, "beta": 0.9, "t_max": 30},
    "M=2,M*=2": {
        "dim": 400, "latent": 2, "signal": 2, "rho": (2, 1), "lr": 0.1, "t_max": 40,
    },
    "large": {"dim": 5000, "lr": 0.5, "t_max": 8},
    "small": {"dim": 250, "lr": 0.1, "t_max": 60},
}  # fmt: skip
RUNS = 500


def start_of(case):
    if case.get("latent", 1) == 1:
        return SHIFTED
    m = [[0.5], [0.1]] if case.get("signal", 1) == 1 else [[0.6, 0.1], [-0.1, 0.4]]
    return {"m": m, "d": m, "Q": 1.0, "E": 1.0, "R": 0.2, "D": 1.0}


def ratios(sgd, bands):
    """Return measured over predicted spread, and its standard error, of all that fluctuates."""
    found, errors = [], []
    for name in (*NAMES, "eps_g", "eps_g_rotation", "kl_per_latent", "kl", "distortion"):
        values, predicted = getattr(sgd, name), getattr(bands, name)
        for at in (len(sgd.t) // 4, len(sgd.t) // 2, -1):
            v = values[:, at].reshape(len(values), -1)
            square = (v - v.mean(axis=0)) ** 2
            variance = square.mean(axis=0)
            ratio = np.sqrt(variance) / predicted[at].ravel()
            kurtosis = (square**2).mean(axis=0) / variance**2
            found.append(ratio)
            errors.append(0.5 * ratio * np.sqrt((kurtosis - 1) / len(v)))
    return np.concatenate(found), np.concatenate(errors)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bands_are_the_spread_of_simulated_runs(case):
    params = vaedyn.Params(points=41, init=start_of(case), **case)
    sgd = vaedyn.simulate(params, runs=RUNS if params.dim < 5000 else 400, seed=1)
    bands = vaedyn.bands(params)
    found, errors = ratios(sgd, bands)
    # beyond chance, corrections of relative order 1/N are left, larger at small N
    allowed = 4.5 * errors + 12 / params.dim
    assert (np.abs(found - 1) < allowed).all(), found[np.abs(found - 1) > allowed]
    assert not (np.abs(1.25 * found - 1) < allowed).all()  # 25 per cent would be seen


def test_sqrt_n_times_the_spread_is_the_constant_of_theory():
    case = {"lr": 0.2, "t_max": 30, "points": 4, "init": SHIFTED}
    constants = []
    for dim in (250, 500, 1000):
        params = vaedyn.Params(dim=dim, **case)
        sgd = vaedyn.simulate(params, runs=500)
        bands = vaedyn.bands(params)
        constants.append(np.sqrt(dim) * bands.eps_g[-1])
        found, errors = ratios(sgd, bands)
        assert abs(np.average(found, weights=errors**-2) - 1) < 0.05
    np.testing.assert_allclose(constants, constants[0], rtol=1e-6)
    wrong = vaedyn.bands(vaedyn.Params(dim=200, **case))  # a spread that does not fall with N
    found, errors = ratios(sgd, wrong)
    assert abs(np.average(found, weights=errors**-2) - 1) > 0.5


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_random_weights_spread_as_told(engine):
    init = {"m": [[0.4], [0.1]], "d": [[0.2], [0.3]], "Q": 1.0, "E": [[0.8, 0.3], [0.3, 1]],
            "R": [[0.2, 0.1], [0, 0.3]], "D": [1, 0.7]}  # fmt: skip
    params = vaedyn.Params(dim=60, latent=2, init=init, t_max=0.1, points=2, lr=1e-9)
    sgd = vaedyn.simulate(params, runs=3000, engine=engine, random_start=True)
    found = np.concatenate([getattr(sgd, x)[:, 0].reshape(3000, -1) for x in NAMES], axis=1)
    truth = pack(**params.overlaps())
    P = covariance_of_start(params)
    error = np.sqrt(np.diag(P) / 60 / 3000)
    assert (np.abs(found.mean(axis=0) - truth) < 4.5 * error + 1e-12).all()
    measured = 60 * np.cov(found.T)
    scale = np.sqrt(np.outer(np.diag(P), np.diag(P)))
    assert (np.abs(measured - P) < 0.16 * scale + 1e-12).all()
    assert (np.abs(measured - 1.4 * P) > 0.16 * scale).any()


def test_both_draws_of_random_weights_have_one_law():
    parts = vaedyn.Params(dim=30, init=SHIFTED).overlaps()
    rng = np.random.default_rng(0)
    grams = []
    for _ in range(4000):
        m, d, F, _ = random_gram(30, rng, **parts)
        along = np.concatenate([m, d])
        W, V, _ = random_weights(30, rng, **parts)
        both = np.concatenate([W, V])
        grams.append(((F @ F.T + along @ along.T)[np.triu_indices(2)],
                      (both @ both.T / 30)[np.triu_indices(2)]))  # fmt: skip
    exact, vector = np.swapaxes(np.array(grams), 0, 1)
    assert_same_law(exact, vector)


def test_random_starts_widen_the_bands_as_simulated():
    params = vaedyn.Params(dim=800, lr=0.1, t_max=30, points=31, init=SHIFTED)
    sgd = vaedyn.simulate(params, runs=800, random_start=True)
    bands = vaedyn.bands(params, random_start=True)
    found, errors = ratios(sgd, bands)
    assert (np.abs(found - 1) < 4.5 * errors + 0.02).all()
    assert (bands.m > vaedyn.bands(params).m).all()
    assert bands.m[0, 0, 0] == pytest.approx(np.sqrt((1 - 0.09) / 800))


# --- what is read off -------------------------------------------------------------------


def test_gradients_are_differences():
    params = vaedyn.Params(dim=50, latent=2, signal=2, rho=(2, 1), eta=0.7, points=2)
    y = random_state(2, 2)[None]

    def values(x):
        found = observables(unpack(x, 2, 2), params.strengths, params.eta)
        return np.append(found["kl_per_latent"], found["distortion"])

    size = y.shape[-1]
    numeric = [(values(y[0] + h) - values(y[0] - h)) / 2e-5 for h in 1e-5 * np.eye(size)]
    exact = np.concatenate(
        [gradients_of_kl(params, y)[0], gradient_of_distortion(params, y)[0][:, None]], axis=1
    )
    np.testing.assert_allclose(exact, numeric, atol=1e-9)


def test_the_error_of_an_uncertain_overlap_is_that_of_a_folded_normal():
    """|m| near 0 has the spread of a folded normal, not of m."""
    params = vaedyn.Params(dim=1000)
    means = np.array([0.0, 0.01, 0.03, 0.2])
    y = np.tile(pack(**params.overlaps()), (4, 1))
    y[:, 0] = means
    C = np.zeros((4, 6, 6))
    sigma, other = 0.02, 0.005
    C[:, 0, 0], C[:, 2, 2] = sigma**2, other**2
    got = std_of_error(generalisation_error, params, y, C)
    draws = np.abs(means[:, None] + sigma * np.random.default_rng(1).standard_normal(400_000))
    truth = np.sqrt(4 * draws.var(axis=1) + other**2)
    np.testing.assert_allclose(got, truth, rtol=0.03)
    assert got[0] < 0.7 * np.sqrt(4 * sigma**2 + other**2)
    assert got[3] == pytest.approx(np.sqrt(4 * sigma**2 + other**2), rel=1e-7)


def test_the_error_where_two_matches_are_equally_good():
    params = vaedyn.Params(dim=1000, latent=2, signal=1)
    y = random_state(2, 1)[None]
    y[0, :2] = 0.5, 0.49
    size = y.shape[-1]
    C = np.zeros((1, size, size))
    C[0, :2, :2] = np.diag([0.03**2, 0.05**2])
    got = std_of_error(generalisation_error, params, y, C)
    draws = np.random.default_rng(2).standard_normal((400_000, 2)) * [0.03, 0.05] + y[0, :2]
    assert got[0] == pytest.approx(2 * np.abs(draws).max(axis=1).std(), rel=0.03)


def test_a_poor_approximation_is_told():
    near = vaedyn.Params(
        dim=200, lr=0.1, t_max=200, points=101, init="m=0.01,d=0.01,Q=1,E=1,R=0,D=1"
    )
    assert "--dim" in vaedyn.bands(near).warning
    assert "larger N does not help" in vaedyn.bands(
        vaedyn.Params(dim=200, lr=0.5, t_max=100, points=101, beta=1.5), random_start=True
    ).warning  # fmt: skip
    good = vaedyn.Params(dim=2000, lr=0.1, t_max=100, points=101, init=SHIFTED)
    assert vaedyn.bands(good).warning is None
    sgd = vaedyn.simulate(near, runs=400)
    found, _ = ratios(sgd, vaedyn.bands(near))
    assert np.abs(found - 1).max() > 0.3  # it is poor indeed


def test_each_latent_has_its_own_say_in_the_warning():
    """A second latent that is spread by a third of itself is seen beside a larger first one."""
    init = {"m": [[0.5], [0.1]], "d": [[0.5], [0.1]], "Q": 1.0, "E": 1.0, "R": 0.2, "D": 1.0}
    params = vaedyn.Params(
        dim=800, latent=2, rho=2, eta=0.6, beta=0.8, lam=0.1, lr=0.05, t_max=10, points=3, init=init
    )
    together = vaedyn.bands(params, random_start=True)
    relative = together.m[0] / np.abs(vaedyn.theory(params).m[0])
    np.testing.assert_allclose(
        relative[:, 0], [np.sqrt(0.75 / 800) / 0.5, np.sqrt(0.99 / 800) / 0.1]
    )
    assert together.spread[0] == pytest.approx(relative[1, 0])
    assert "--dim 1700 would do" in str(together.warning)
    assert (
        vaedyn.bands(vaedyn.Params(**{**params.to_dict(), "dim": 1800}), random_start=True).warning
        is None
    )


def test_overlaps_that_are_exactly_zero_are_no_trouble():
    start = "m=0,d=0,Q=0.5,E=0.5,R=0.1,D=1"
    params = vaedyn.Params(dim=500, beta=2.5, lr=0.05, t_max=60, points=7, init=start)
    calm = vaedyn.bands(params)  # collapse is stable, and the theory right
    assert calm.warning is None
    sgd = vaedyn.simulate(params, runs=400)
    assert sgd.m[:, -1].std() == pytest.approx(calm.m[-1, 0, 0], rel=0.15)
    grown = vaedyn.bands(vaedyn.Params(dim=1000, lr=0.2, t_max=400, points=9, init=start))
    assert "no --dim that anybody runs would do" in str(grown.warning)
    assert len(str(grown.warning)) < 250
