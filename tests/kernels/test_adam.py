"""The drift under Adam against vectors: the mean squares of gradients, and all that follows."""

from itertools import product

import numpy as np
import pytest

from tests.shared import reference
from tests.shared.models import random_state
from vaedyn.kernels import adam
from vaedyn.kernels.constants import Constants

SIZES = [(1, 1), (2, 1), (1, 3), (3, 2)]
WAYS = [(1, False), (5, False), (1, True), (7, True)]
RHO = np.array([3.1, 1.7, 0.9])
DIM = 13  # so that mean gradients and all that is of order 1/N count
MODEL = (0.7, 0.6, 0.03, 0.05)
ADAM = {"beta2": 0.93, "epsilon": 0.02}


def state_of(M, K, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([random_state(M, K, seed), rng.uniform(0.1, 2, 3 * M), [0.37]])


def compiled(M, K, batch, sampled, dim=DIM):
    """Return the constants and the room of the kernel, which is full of nan."""
    beta, eta, lam, lr = MODEL
    c = Constants(beta, RHO[:K], eta, lam, lr, M, 0.8, 4.2, float(batch), float(sampled))
    work = adam.workspace(M, K, dim, *ADAM.values())
    for room in work[:2]:
        room[:] = np.nan
    return c, work


def twin(y, M, K, batch, sampled, **options):
    beta, eta, lam, lr = MODEL
    return reference.adam_drift(
        y, beta, RHO[:K], eta, lam, lr, M, DIM, encoder=0.8 * lr, variances=4.2 * lr, batch=batch,
        sampled=sampled, **ADAM, **options,
    )  # fmt: skip


@pytest.mark.parametrize("sampled", [False, True])
def test_mean_squares_of_gradients_are_those_over_data_points(sampled):
    """By a rule of three nodes for every gaussian number, exact for squares of such gradients."""
    N, M, b = 4, 2, 3
    rng = np.random.default_rng(1)
    W, V, D = rng.standard_normal((N, M)), rng.standard_normal((N, M)), rng.uniform(0.4, 1.5, M)
    teacher = np.linalg.qr(rng.standard_normal((N, 1)))[0] * np.sqrt(N)
    rho, eta, beta = np.array([2.3]), 0.6, 0.8
    root = np.linalg.cholesky(eta * np.eye(N) + teacher * rho @ teacher.T / N)
    sums, weights = [[0.0, 0.0] for _ in range(3)], {0.0: 2 / 3, 3**0.5: 1 / 6, -(3**0.5): 1 / 6}
    for point in product(weights, repeat=N + M if sampled else N):
        weight = np.prod([weights[x] for x in point])
        x, xi = root @ point[:N], np.array([point[N:]]) if sampled else None
        of_W, of_V, of_D = reference.batch_gradient(W, V, D, x[None], xi, beta)
        for sum_, g in zip(sums, (of_W * np.sqrt(N), of_V * np.sqrt(N), of_D * D), strict=True):
            sum_[0] += weight * g
            sum_[1] += weight * g**2
    found = reference.adam_squares(W, V, D, teacher, beta, rho, eta, batch=b, sampled=sampled)
    for (mean, square), ours in zip(sums, found, strict=True):
        expected = mean**2 + (square - mean**2) / b
        np.testing.assert_allclose(ours, np.atleast_2d(expected).mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("M", "K"), SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_it_is_that_of_weight_vectors(M, K, way):
    for seed in range(3):
        y = state_of(M, K, seed)
        found = np.full_like(y, np.nan)
        adam.drift(y, *compiled(M, K, *way), found)
        np.testing.assert_allclose(found, twin(y, M, K, *way), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_it_begins_as_after_one_step_and_may_be_taken_as_settled(way):
    M, K = 2, 1
    y = state_of(M, K, 4)
    size = len(y) - 3 * M - 1
    adam.begin(y, *compiled(M, K, *way))
    first = 1 - ADAM["beta2"]
    assert y[-1] == pytest.approx(first, rel=1e-12)
    # corrected for their bias, moments are at their targets
    expected = twin(y, M, K, *way)
    np.testing.assert_allclose(
        expected[size:-1], -DIM * np.log(ADAM["beta2"]) * (1 / first - 1) * y[size:-1], rtol=1e-9
    )
    alone, settled = y[:size].copy(), np.full(size, np.nan)
    adam.settled(alone, *compiled(M, K, *way), settled)
    np.testing.assert_allclose(settled, expected[:size], rtol=1e-9, atol=1e-12)
    y[size:] = np.random.default_rng(2).uniform(0.5, 2, 3 * M + 1)
    np.testing.assert_allclose(settled, twin(y, M, K, *way, memory=False)[:size], rtol=1e-9)


def test_a_latent_that_nothing_moves_stays_where_it_is():
    c, work = compiled(1, 1, 1, False)
    y = np.array([0.0, 0, 0, 0, 0, 1, 0, 0, 0, 1.0])
    out = np.full_like(y, np.nan)
    for epsilon in (0.0, 1e-8):
        adam.drift(y, c._replace(lam=0.0), (*work[:4], epsilon), out)
        assert out.tolist() == [0.0] * 10
