"""The covariance equation of fluctuations, and the noise of one step in it, against NumPy."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests import reference
from vaedyn.dynamics import symmetric
from vaedyn.kernels import fluctuations as kernels
from vaedyn.kernels import ode
from vaedyn.ode import integrate
from vaedyn.state import pack, unpack

SHIFTED = "m=0.3,d=0.3,Q=1,E=1,R=0.1,D=1"


def random_state(latent, signal, seed=0):
    """Return overlaps that some weights have, away from all symmetries."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, 2 * latent + signal)) / np.sqrt(40)
    rows[:, 2 * latent :] = np.linalg.qr(rows[:, 2 * latent :])[0]
    gram = rows.T @ rows
    W, V, K = slice(latent), slice(latent, 2 * latent), slice(2 * latent, None)
    D = rng.uniform(0.5, 1.5, latent)
    return pack(gram[W, K], gram[V, K], gram[W, W], gram[V, V], gram[W, V], D)


MODELS = {"M=1": (1, 1), "M=2,M*=1": (2, 1), "M=1,M*=2": (1, 2), "M=2,M*=2": (2, 2), "M=3": (3, 2)}


def overlaps_of_base(y, latent, signal):
    """Return the Gram matrix of [W* W V]."""
    m, d, Q, E, R, _ = unpack(y, latent, signal).values()
    return np.block([[np.eye(signal), m.T, d.T], [m, Q, R], [d, R.T, E]])


def covariance_of_h(y, rho, eta, latent):
    """Return the covariance of h = Z^T x/sqrt(N) for Z = [W* W V]: G_* rho G_*^T + eta G."""
    gram = overlaps_of_base(y, latent, len(rho))
    return gram[:, : len(rho)] * rho @ gram[:, : len(rho)].T + eta * gram


def increments(y, model, h):
    """Return N times the change of all order parameters in one step at large N, for each h.

    It is a quadratic form in h; its mean is not taken off.
    """
    latent, rho, eta, beta, _, lr = model
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


def covariance_of_increments(y, model):
    """Return the covariance of quadratic forms h^T A h of gaussians, 2 tr(A S A' S).

    Every A is read off the increments at unit vectors and at sums of two of them.
    """
    S = covariance_of_h(y, *model[1:3], model[0])
    unit = np.eye(len(S))
    single = increments(y, model, unit)
    sums = increments(y, model, (unit[:, None] + unit).reshape(-1, len(S)))
    sums = sums.reshape(len(S), len(S), -1)
    A = np.moveaxis((sums - single[:, None] - single) / 2, -1, 0)
    return 2 * np.einsum("pij,qji->pq", A @ S, A @ S)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_the_covariance_of_data_and_latents_is_exact(latent, signal):
    rho, eta = np.array([2.0, 1.2])[:signal], 0.7
    y = random_state(latent, signal, seed=3)
    truth = covariance_of_h(y, rho, eta, latent)
    out = np.full(truth.shape, np.nan)
    kernels.covariance_of_base(y, rho, eta, latent, out)
    np.testing.assert_allclose(out, truth, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_noise_of_a_step_is_the_covariance_of_its_increments(latent, signal):
    rho = np.array([2.0, 1.2])[:signal]
    model = (latent, rho, 0.7, 0.8, 0.1, 0.4)
    y = random_state(latent, signal)
    count = kernels.forms(latent, signal)
    room, c = np.empty((3, count, count)), np.empty((count, count))
    kernels.covariance_of_forms(y, 0.8, rho, 0.7, 0.4, latent, room, c)
    pairs = kernels.products(latent, signal)
    got = 0.4**2 * np.array([[kernels.covariance_of(c, p, q) for q in pairs] for p in pairs])
    np.testing.assert_allclose(got, covariance_of_increments(y, model), rtol=1e-11, atol=1e-13)


def slope_of_covariance(y, P, model):
    """Return J P + P J^T + B by NumPy, with differences for the Jacobian J."""
    latent, rho, eta, beta, lam, lr = model

    def drift(x):
        return reference.drift(x, beta, rho, eta, lam, lr, latent)

    J = np.array([(drift(y + h) - drift(y - h)) / 2e-6 for h in 1e-6 * np.eye(len(y))]).T
    return J @ P + P @ J.T + covariance_of_increments(y, model)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_the_covariance_changes_by_its_equation(latent, signal):
    rho = np.array([2.0, 1.2])[:signal]
    model = (latent, rho, 0.7, 0.8, 0.1, 0.4)
    y = random_state(latent, signal, seed=5)
    size = len(y)
    both = symmetric(latent, signal)[0]  # Q and E stay symmetric
    P = both @ np.diag(np.linspace(0.1, 1, both.shape[1])) @ both.T
    out = np.empty(size + size**2)
    work = kernels.workspace(latent, signal, spread=True)
    joint = np.concatenate([y, P.ravel()])
    kernels.spread(joint, 0.8, rho, 0.7, 0.1, 0.4, latent, *work[1:], out)
    truth = slope_of_covariance(y, P, model)
    np.testing.assert_allclose(out[size:].reshape(size, size), truth, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("latent", "signal"), [(2, 1), (1, 2)])
def test_the_covariance_obeys_its_equation_in_time(latent, signal):
    """The compiled equation, integrated, beside one of NumPy in scipy."""
    params = vaedyn.Params(
        dim=500, latent=latent, signal=signal, rho=(2.0, 1.2)[:signal], eta=0.7, beta=0.8,
        lam=0.1, lr=0.4, t_max=6, points=3, anneal="tanh:0.5",
    )  # fmt: skip
    y0 = random_state(latent, signal)
    size = len(y0)
    both = symmetric(latent, signal)[0]
    P0 = both @ np.diag(np.linspace(0.1, 1, both.shape[1])) @ both.T
    got, _ = integrate(
        params, np.concatenate([y0, P0.ravel()]), params.times(), params.schedule,
        rtol=1e-9, atol=1e-11,
    )  # fmt: skip

    def equation(t, joint):
        y, P = joint[:size], joint[size:].reshape(size, size)
        beta = float(params.schedule(np.array(t), 0.8))
        model = (latent, params.strengths, 0.7, beta, 0.1, 0.4)
        slope = reference.drift(y, beta, params.strengths, 0.7, 0.1, 0.4, latent)
        return np.concatenate([slope, slope_of_covariance(y, P, model).ravel()])

    truth = solve_ivp(
        equation, (0, 6), np.concatenate([y0, P0.ravel()]), rtol=1e-7, atol=1e-9
    ).y[:, -1]  # fmt: skip
    np.testing.assert_allclose(got[-1], truth, rtol=2e-5, atol=2e-6)


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
    kernels.spread(y_with(y), 0.8, np.ones(1), 1.0, 0.0, 0.1, 1, *work[1:], out)
    J = ode.jacobian(y, 0.8, np.ones(1), 1.0, 0.0, 0.1, 1)
    again = np.empty(42)
    kernels.spread(y_with(y, 2 * np.eye(6)), 0.8, np.ones(1), 1.0, 0.0, 0.1, 1, *work[1:], again)
    np.testing.assert_allclose((again - out)[6:].reshape(6, 6), J + J.T, atol=1e-14)


def y_with(y, P=None):
    return np.concatenate([y, (np.eye(len(y)) if P is None else P).ravel()])
