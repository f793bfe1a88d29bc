"""The drift with a rate for every latent, against its matrix form and the quicker plain one."""

import numpy as np
import pytest

from tests.shared import reference
from tests.shared.models import random_state
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.kernels import general, ode
from vaedyn.kernels.constants import Constants

SIZES = [(1, 1), (2, 1), (1, 3), (3, 2), (5, 4)]
RHO = np.array([3.1, 1.7, 0.9, 0.4])


def constants(M, K, **changes):
    return Constants(0.7, RHO[:K], 0.6, 0.03, 0.05, M)._replace(**changes)


def drifts(y, c):
    out = np.empty_like(y)
    general.of_sgd(y, c, general.workspace(c.latent, c.rho.size), out)
    return out


@pytest.mark.parametrize(("M", "K"), SIZES)
@pytest.mark.parametrize("sampled", [False, True])
def test_it_is_its_matrix_form(M, K, sampled):
    y = random_state(M, K, seed=M)
    c = constants(M, K, encoder=1.7, variances=0.4, batch=3.0, sampled=float(sampled))
    twin = reference.drift(
        y, 0.7, RHO[:K], 0.6, 0.03, 0.05, M, encoder=0.05 * 1.7, variances=0.05 * 0.4, batch=3,
        sampled=sampled,
    )  # fmt: skip
    np.testing.assert_allclose(drifts(y, c), twin, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("M", "K"), SIZES)
def test_every_latent_may_have_rates_of_its_own(M, K):
    y, c = random_state(M, K, seed=7), constants(M, K, batch=2.0, sampled=1.0, lam=0.0)
    of_W, of_V, of_D = np.random.default_rng(1).uniform(0.02, 0.3, (3, M))
    room, rates = general.workspace(M, K)
    rates[:] = of_W, of_V, of_D, 0 * of_W, 0 * of_V
    out = np.empty_like(y)
    general.moments(y, c, room)
    general.drift(y, c, rates, room, out)
    twin = reference.drift(
        y, 0.7, RHO[:K], 0.6, 0.0, of_W, M, encoder=of_V, variances=of_D, batch=2, sampled=True
    )
    np.testing.assert_allclose(out, twin, rtol=1e-12, atol=1e-15)
    # weight decay at rates of its own, as of AdamW: what the weights lose in a step
    decay = np.random.default_rng(2).uniform(0.01, 0.1, (2, M))
    rates[3:] = decay
    general.drift(y, c, rates, room, out)
    m, d, Q, E, R, D = reference.split(y, M, K)
    W, V = (np.diag(x) for x in decay)
    less = [W @ m, V @ d, W @ Q + Q @ W, V @ E + E @ V, W @ R + R @ V, 0 * D]
    lost = np.concatenate([x.ravel() for x in less])
    np.testing.assert_allclose(out, twin - lost, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("M", "K"), SIZES)
def test_at_equal_rates_it_is_the_plain_drift_and_so_is_its_jacobian(M, K):
    y, c = random_state(M, K, seed=3), constants(M, K, batch=4.0)
    assert c.plain
    plain = np.empty_like(y)
    ode.drift(y, c, np.empty(ode.scratch(M, K)), plain)
    np.testing.assert_allclose(drifts(y, c), plain, rtol=1e-12, atol=1e-15)
    spread, gather = symmetric(M, K)
    ours, theirs = (gather @ each(y, c) @ spread for each in (general.jacobian, ode.jacobian))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-14)


def test_the_jacobian_is_that_of_finite_differences():
    M, K = 2, 3
    y, c = random_state(M, K, seed=5), constants(M, K, encoder=0.3, variances=2.0, sampled=1.0)
    assert not c.plain
    step = 1e-6 * np.eye(len(y))
    slopes = [(drifts(y + h, c) - drifts(y - h, c)) / 2e-6 for h in step]
    np.testing.assert_allclose(general.jacobian(y, c), np.transpose(slopes), atol=1e-9)


@pytest.mark.parametrize("change", ["encoder", "variances", "sampled"])
def test_what_is_not_plain_is_noticed(change):
    assert not constants(1, 1, **{change: 0.5}).plain
