"""Predictions for a data spectrum, and other people's KL weights: by training linear VAEs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

import vaedyn
from vaedyn.data.convention import Convention
from vaedyn.data.prediction import Prediction

DIM = 5


def data(scale=1.0):
    """Return 40 samples of variances 3, 1.5 and 0.5 in some directions, centred."""
    random = np.random.default_rng(0)
    turn = np.linalg.qr(random.standard_normal((DIM, DIM)))[0]
    x = random.standard_normal((40, DIM))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T)).T)  # exactly white
    return scale * x * np.sqrt([3, 1.5, 0.5, 0.5, 0.5]) @ turn.T


def trained(x, loss, weight, latents=2, seed=0):
    """Return the KL of each latent (latents,) of a linear VAE after minimising `loss`.

    ``loss(x, reconstruction)`` is what somebody's code has for each sample; the
    expectation over z is taken with antithetic points, which is exact for squares.
    """
    dim = x.shape[1]

    def parts(theta):
        W, V = theta[: 2 * dim * latents].reshape(2, dim, latents)
        return W, V, np.exp(theta[2 * dim * latents :])

    def cost(theta):
        W, V, D = parts(theta)
        mu = x @ V
        total = loss(x, mu @ W.T)
        for i in range(latents):
            step = np.zeros(latents)
            step[i] = np.sqrt(D[i])
            ends = [loss(x, (mu + sign * step) @ W.T) for sign in (1, -1)]
            total += 0.5 * sum(ends) - loss(x, mu @ W.T)
        return total + weight * kl(mu, D).sum()

    def kl(mu, D):
        return 0.5 * ((mu**2).mean(axis=0) + D - np.log(D) - 1)

    random = np.random.default_rng(seed)
    start = np.concatenate([0.3 * random.standard_normal(2 * dim * latents), np.zeros(latents)])
    best = minimize(cost, start, method="BFGS", options={"maxiter": 500, "gtol": 1e-7})
    _, V, D = parts(best.x)
    return np.sort(kl(x @ V, D))[::-1]


def squares(x, y):
    return ((x - y) ** 2).sum(axis=1).mean()


def means(x, y):
    return ((x - y) ** 2).mean(axis=1).mean()


CONVENTIONS = [
    (Convention("sum"), squares),
    (Convention("mean"), means),
    (Convention("sum", 0.3), lambda x, y: squares(x, y) / 0.6),
    (Convention("mean", 2.0), lambda x, y: means(x, y) / 4),
    (Convention("mean", scale=0.1), means),
]


@pytest.mark.parametrize(("convention", "loss"), CONVENTIONS)
def test_latents_collapse_where_the_convention_says(convention, loss):
    # a mean over samples, not the unbiased covariance
    prediction = Prediction(np.array([2.5, 1.0]) * 39 / 40, 0.5 * 39 / 40, DIM)
    x = data(convention.scale)
    for k, threshold in enumerate(prediction.collapse):
        for share in (0.95, 1.05):
            beta = share * threshold
            kls = trained(x, loss, convention.weight(beta, DIM))
            np.testing.assert_allclose(kls, prediction.kl_per_latent(beta), atol=2e-4)
            assert (kls > 1e-3).sum() == prediction.active(beta) == (k + (share < 1))


def test_another_convention_would_be_noticed():
    kls = trained(data(), means, Convention("sum").weight(1.0, DIM))
    assert abs(kls - Prediction(np.array([2.5, 1.0]), 0.5, DIM).kl_per_latent(1.0)).max() > 0.1


def test_weights_translate_both_ways():
    assert Convention("mean").beta(0.00025, 1600) == pytest.approx(0.2)
    assert Convention("mean", 0.3, 0.1).weight(0.7, 1) == pytest.approx(0.7 * 0.01 / 0.3)
    assert Convention("sum", 0.3, 0.1).weight(0.7, 9) == pytest.approx(0.7 * 0.01 / 0.3)
    for convention, _ in CONVENTIONS:
        assert convention.beta(convention.weight(0.7, 33), 33) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ({"loss": "max"}, "loss"),
        ({"decoder_variance": 0}, "decoder_variance"),
        ({"decoder_variance": 0.9e-12}, "decoder_variance"),
        ({"scale": -1}, "scale"),
        ({"scale": 0.9e-12}, "scale"),
    ],
)
def test_conventions_are_checked(others, name):
    with pytest.raises(vaedyn.ParameterError) as caught:
        Convention(**others)
    assert caught.value.name == name


def test_dimensions_and_weights_are_checked():
    Convention("sum", 1e-12, 1e-12).beta(1e-12, 3)
    for dim in (0, -1, 1.5):
        with pytest.raises(vaedyn.ParameterError, match="^dim: "):
            Convention("mean").weight(0.7, dim)
    for weight in (0, -1, 0.9e-12, float("nan")):
        with pytest.raises(vaedyn.ParameterError, match="^weight: "):
            Convention("mean").beta(weight, 3)


@pytest.mark.usefixtures("no_thresholds")
def test_predictions_are_the_fixed_points_of_small_learning_rates():
    params = vaedyn.Params(latent=3, signal=2, rho=(3, 1), eta=0.7, lr=1e-6, dim=10**6)
    prediction = Prediction(params.strengths, params.eta, params.dim)
    for beta in (0.4, 1.2, 2.0, 3.9):
        points = vaedyn.fixed_points(replace(params, beta=beta), groups=1)
        (stable,) = np.flatnonzero(points.stable)
        kls = np.sort(points.kl_per_latent[stable])[::-1]
        np.testing.assert_allclose(kls, prediction.kl_per_latent(beta, 3), atol=2e-6)
        total = params.strengths.sum() + 10**6 * params.eta
        error = 2 * points.distortion[stable] + total
        assert error == pytest.approx(prediction.error(beta, 3), rel=1e-9)
        spare = float(prediction.error(beta, 2) - prediction.error(beta, 3))
        cost, kl = prediction.spare_cost(beta)
        assert (cost, kl) == (pytest.approx(spare, abs=1e-6), pytest.approx(kls[-1], abs=2e-6))


def test_strengths_may_be_a_list():
    found = Prediction([2, 1], 1.0, 10).kl_per_latent([0.5, 1.0], 3)
    expected = np.log([[6, 4, 2], [3, 2, 1]]) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.usefixtures("no_thresholds")
def test_spare_latents_cost_what_the_paper_says():
    few = vaedyn.Params(eta=1.0, beta=0.6, lr=1e-6)
    many = replace(few, latent=2)
    ends = [vaedyn.fixed_points(params, groups=1).eps_g[0] for params in (few, many)]
    cost, _ = Prediction(few.strengths, few.eta, few.dim).spare_cost(0.6)
    assert ends[1] - ends[0] == pytest.approx(cost, abs=1e-5)


def test_the_slope_of_the_rate_distortion_curve_is_beta():
    # the loss error/2 + beta rate is least, so d(error/2) = -beta d(rate)
    prediction = Prediction(np.array([4.0, 2.0, 0.5]), 0.3, 20)
    for beta in (0.1, 0.4, 1.0, 3.0):
        h = 1e-6 * beta
        error = prediction.error([beta - h, beta + h], 5)
        rate = prediction.rate([beta - h, beta + h], 5)
        assert np.diff(error) / 2 == pytest.approx(-beta * np.diff(rate), rel=1e-6)
    np.testing.assert_array_equal(prediction.active([0.1, 0.35, 1, 3, 5], 5), [5, 3, 2, 1, 0])
