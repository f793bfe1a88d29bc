"""Fluctuations at finite N: the noise of a step, and the equation of the covariance."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from tests.shared.models import SHIFTED, random_state
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.kernels import fluctuations as kernels
from vaedyn.kernels import ode
from vaedyn.kernels.constants import Constants
from vaedyn.learning.theory import integrate
from vaedyn.model.state import pack, unpack

MODELS = {"M=1": (1, 1), "M=2,M*=1": (2, 1), "M=1,M*=2": (1, 2), "M=2,M*=2": (2, 2), "M=3": (3, 2)}


def gram_of(y, latent, rho, eta):
    """Return the covariance of h = (u, y, mu), from overlaps put together to a Gram matrix."""
    m, d, Q, E, R, _ = unpack(y, latent, len(rho)).values()
    gram = np.block([[np.eye(len(rho)), m.T, d.T], [m, Q, R], [d, R.T, E]])
    return gram[:, : len(rho)] * rho @ gram[:, : len(rho)].T + eta * gram


def increments(h, y, model):
    """Return N times what one step changes by data and latents h (samples, .), at large N."""
    # model: spread, the increments of a step
    beta, rho, eta, _, lr, latent = model
    m, _, Q, _, R, _ = unpack(y, latent, len(rho)).values()
    signal, samples = len(rho), len(h)
    u, yy, mu = h[:, :signal], h[:, signal : signal + latent], h[:, signal + latent :]
    e = yy - mu @ Q - beta * mu

    def outer(a, b):
        return a[:, :, None] * b[:, None, :]

    def both(a):
        return a + np.swapaxes(a, 1, 2)

    square = outer(mu, mu)
    changes = (
        lr * (outer(mu, u) - square @ m),
        lr * outer(e, u),
        lr * both(outer(mu, yy) - square @ Q) + lr**2 * eta * square,
        lr * both(outer(e, mu)) + lr**2 * eta * outer(e, e),
        lr * (square - square @ R + outer(yy, e)) + lr**2 * eta * outer(mu, e),
    )
    flat = [change.reshape(samples, -1) for change in changes]
    return np.concatenate([*flat, np.zeros((samples, latent))], axis=1)


def quadratic_forms(y, model):
    """Return the symmetric matrices A (values, ., .) of increments h^T A h, by polarisation."""
    size = len(model.rho) + 2 * model.latent
    one = increments(np.eye(size), y, model)
    pairs = (np.eye(size)[:, None] + np.eye(size)).reshape(-1, size)
    together = increments(pairs, y, model).reshape(size, size, -1)
    return np.moveaxis((together - one[:, None] - one) / 2, -1, 0)


def noise_of_a_step(y, model):
    """Return B: of h^T A h and h^T C h, h gaussian of covariance G, it is 2 tr(A G C G)."""
    A = quadratic_forms(y, model) @ gram_of(y, model.latent, model.rho, model.eta)
    return 2 * np.einsum("aij,bji->ab", A, A)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_the_covariance_of_data_and_latents_is_exact(latent, signal):
    """Of (u, y, mu): h = Z^T x/sqrt(N) for Z = [W* W V] has covariance G_* rho G_*^T + eta G."""
    rho, eta = np.array([2.0, 1.2])[:signal], 0.7
    y = random_state(latent, signal, seed=3)
    expected = gram_of(y, latent, rho, eta)
    out = np.full(expected.shape, np.nan)
    kernels.covariance_of_base(y, Constants(0.8, rho, eta, 0.1, 0.4, latent), out)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_noise_of_a_step_is_exact(latent, signal):
    """Covariance of the increments beside traces; and their mean beside the drift."""
    rho = np.array([2.0, 1.2])[:signal]
    model = Constants(0.8, rho, 0.7, 0.1, 0.4, latent)
    y = random_state(latent, signal)
    count = kernels.forms(latent, signal)
    room, c = np.empty((3, count, count)), np.empty((count, count))
    kernels.covariance_of_forms(y, model, room, c)
    pairs = kernels.products(latent, signal)
    got = 0.4**2 * np.array([[kernels.covariance_of(c, p, q) for q in pairs] for p in pairs])
    np.testing.assert_allclose(got, noise_of_a_step(y, model), rtol=1e-11, atol=1e-14)
    # what data alone change on average is the drift without decay and the D of the latents
    mean = np.einsum("aij,ji->a", quadratic_forms(y, model), gram_of(y, latent, rho, 0.7))
    free = y.copy()
    free[-latent:] = 1e-300
    drift = reference.drift(free, 0.8, rho, 0.7, 0.0, 0.4, latent)
    np.testing.assert_allclose(mean[:-latent], drift[:-latent], rtol=1e-11, atol=1e-13)


def equation(y, P, model):
    """Return dy/dt and dP/dt from the plain drift, with complex differences for its Jacobian."""
    tangent = np.array([reference.drift(y + h, *model).imag for h in 1e-30j * np.eye(len(y))])
    J = tangent.T / 1e-30
    B = noise_of_a_step(y, model)
    return reference.drift(y, *model), J @ P + P @ J.T + B


def some_covariance(latent, signal):
    """Return one of which Q and E stay symmetric, and which is no multiple of another."""
    both = symmetric(latent, signal)[0]
    values = np.random.default_rng(4).standard_normal(both.shape[1:] * 2)
    return both @ (values @ values.T) @ both.T


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_the_covariance_changes_as_in_its_equation(latent, signal):
    model = Constants(0.8, np.array([2.0, 1.2])[:signal], 0.7, 0.1, 0.4, latent)
    y, P = random_state(latent, signal), some_covariance(latent, signal)
    out = np.full(len(y) + P.size, np.nan)
    _, tangent, pairs, matrices = kernels.workspace(latent, signal, spread=True)
    kernels.spread(np.append(y, P), model, tangent, pairs, matrices, out)
    slope = out[len(y) :].reshape(P.shape)
    np.testing.assert_allclose(slope, equation(y, P, model)[1], rtol=1e-11, atol=1e-12)


def test_the_covariance_is_integrated_along_a_schedule():
    """The compiled equation beside one of NumPy in scipy."""
    params = vaedyn.Params(
        dim=500, latent=2, rho=2.0, eta=0.7, beta=0.8, lam=0.1, lr=0.4, t_max=6, points=3,
        anneal="tanh:0.5",
    )  # fmt: skip
    start = np.append(random_state(2, 1), some_covariance(2, 1))
    size = len(random_state(2, 1))
    schedule = params.schedule
    got, _ = integrate(params, start, params.times(), schedule, rtol=1e-9, atol=1e-11)

    def slope(t, joint):
        y, P = joint[:size], joint[size:].reshape(size, size)
        now = Constants.of(params, beta=float(schedule(np.array(t), 0.8)))
        return np.append(*equation(y, P, now))

    truth = solve_ivp(slope, (0, 6), start, rtol=1e-8, atol=1e-10, t_eval=[0, 3, 6]).y
    np.testing.assert_allclose(got, truth.T, rtol=1e-6, atol=1e-7)


def test_plain_theory_is_not_changed_by_bands():
    params = vaedyn.Params(lr=0.2, t_max=60, points=31, init=SHIFTED)
    y0 = pack(**params.overlaps())
    joint = np.concatenate([y0, np.zeros(36)])
    with_bands, _ = integrate(params, joint, params.times(), params.schedule, rtol=1e-9, atol=1e-11)
    plain, _ = integrate(params, y0, params.times(), params.schedule, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(with_bands[:, :6], plain, rtol=1e-7)
    y = random_state(1, 1)
    out = np.empty(42)
    work = kernels.workspace(1, 1, spread=True)
    model = Constants(0.8, np.ones(1), 1.0, 0.0, 0.1, 1)
    kernels.spread(y_with(y), model, *work[1:], out)
    J = ode.jacobian(y, model)
    again = np.empty(42)
    kernels.spread(y_with(y, 2 * np.eye(6)), model, *work[1:], again)
    np.testing.assert_allclose((again - out)[6:].reshape(6, 6), J + J.T, atol=1e-14)


def y_with(y, P=None):
    return np.concatenate([y, (np.eye(len(y)) if P is None else P).ravel()])
