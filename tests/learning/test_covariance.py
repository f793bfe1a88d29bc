"""Fluctuations at finite N: the noise of a step, and the equation of the covariance.

Steps are those of plain SGD, and of batches at three rates, with latents averaged over or sampled.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import block_diag

import vaedyn
from tests.shared import reference
from tests.shared.models import SHIFTED, random_state
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.kernels import flows, ode
from vaedyn.kernels import fluctuations as kernels
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.independent import free
from vaedyn.learning.theory import integrate
from vaedyn.model.state import pack, unpack

PLAIN = {}
THREE = {"encoder": 1.7, "variances": 0.6, "batch": 3.0}
SAMPLED = {**THREE, "sampled": 1.0}
RHO = np.array([2.0, 1.2])
MODELS = {
    "M=1": (1, 1, PLAIN), "M=2,M*=1": (2, 1, PLAIN), "M=1,M*=2": (1, 2, PLAIN),
    "M=2,M*=2": (2, 2, PLAIN), "M=3": (3, 2, PLAIN), "three rates": (1, 1, THREE),
    "three rates,M=2": (2, 2, THREE), "sampled": (1, 2, SAMPLED), "sampled,M=3": (3, 2, SAMPLED),
}  # fmt: skip
each_model = pytest.mark.parametrize(
    ("latent", "signal", "how"), MODELS.values(), ids=MODELS.keys()
)


def constants(latent, signal, how):
    return Constants(0.8, RHO[:signal], 0.7, 0.1, 0.4, latent)._replace(**how)


def gram_of(y, model):
    """Return the covariance of h = (u, y, mu), from overlaps put together to a Gram matrix.

    Behind them comes that of zeta, the independent noise of latents that are sampled.
    """
    rho, eta = model.rho, model.eta
    m, d, Q, E, R, D = unpack(y, model.latent, len(rho)).values()
    gram = np.block([[np.eye(len(rho)), m.T, d.T], [m, Q, R], [d, R.T, E]])
    gram = gram[:, : len(rho)] * rho @ gram[:, : len(rho)].T + eta * gram
    return block_diag(gram, np.diag(D)) if model.sampled else gram


def increments(h, y, model):
    """Return N times what one point changes by data and latents h (samples, .), at large N.

    A batch changes the mean over its points.
    """
    # model: spread, the increments of a step
    beta, rho, eta, _, lr, latent, encoder, variances, batch, _ = model
    m, _, Q, _, R, D = unpack(y, latent, len(rho)).values()
    signal, samples = len(rho), len(h)
    u, yy, mu, zeta = np.split(h, np.cumsum([signal, latent, latent]), axis=1)
    z = mu + zeta if zeta.size else mu
    of_V, of_D, second = lr * encoder, lr * variances, eta / batch
    left = yy - z @ Q
    e = left - beta * mu

    def outer(a, b):
        return a[:, :, None] * b[:, None, :]

    def both(a):
        return a + np.swapaxes(a, 1, 2)

    square = outer(z, z)
    changes = (
        lr * (outer(z, u) - square @ m),
        of_V * outer(e, u),
        lr * both(outer(z, left)) + lr**2 * second * square,
        of_V * both(outer(e, mu)) + of_V**2 * second * outer(e, e),
        lr * (outer(z, mu) - square @ R) + of_V * outer(yy, e) + lr * of_V * second * outer(z, e),
        of_D * zeta / (2 * D) * left if zeta.size else np.zeros((samples, latent)),
    )
    return np.concatenate([change.reshape(samples, -1) for change in changes], axis=1)


def quadratic_forms(y, model):
    """Return the symmetric matrices A (values, ., .) of increments h^T A h, by polarisation."""
    size = len(model.rho) + (3 if model.sampled else 2) * model.latent
    one = increments(np.eye(size), y, model)
    pairs = (np.eye(size)[:, None] + np.eye(size)).reshape(-1, size)
    together = increments(pairs, y, model).reshape(size, size, -1)
    return np.moveaxis((together - one[:, None] - one) / 2, -1, 0)


def noise_of_a_step(y, model):
    """Return B: of h^T A h and h^T C h, h gaussian of covariance G, it is 2 tr(A G C G) / b."""
    A = quadratic_forms(y, model) @ gram_of(y, model)
    return 2 * np.einsum("aij,bji->ab", A, A) / model.batch


@each_model
def test_the_covariance_of_data_and_latents_is_exact(latent, signal, how):
    """Of (u, y, mu): h = Z^T x/sqrt(N) for Z = [W* W V] has covariance G_* rho G_*^T + eta G."""
    model, y = constants(latent, signal, how), random_state(latent, signal, seed=3)
    expected = gram_of(y, model)
    out = np.full(expected.shape, np.nan)
    kernels.covariance_of_base(y, model, out)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)


@each_model
def test_noise_of_a_step_is_exact(latent, signal, how):
    """Covariance of the increments beside traces; and their mean beside the drift."""
    model, y = constants(latent, signal, how), random_state(latent, signal)
    sampled = bool(model.sampled)
    first, which = free(latent, signal)
    pairs = kernels.products(latent, signal, sampled)[first]
    got = np.zeros((len(first), len(first)))
    room = np.full(kernels.room(latent, signal, sampled, len(first)), np.nan)
    kernels.add_noise(y, model, pairs, room, got)
    got = (np.tril(got) + np.tril(got, -1).T)[np.ix_(which, which)]
    np.testing.assert_allclose(got, noise_of_a_step(y, model), rtol=1e-11, atol=1e-14)
    # what data alone change on average is the drift without decay, and without the D of latents
    # that are averaged over
    mean = np.einsum("aij,ji->a", quadratic_forms(y, model), gram_of(y, model))
    alone = y.copy()
    alone[-latent:] *= 1.0 if sampled else 1e-300
    drift = drift_of(alone, model._replace(lam=0.0))
    np.testing.assert_allclose(mean[:-latent], drift[:-latent], rtol=1e-11, atol=1e-13)
    if sampled:  # D: all but beta
        rest = -0.4 * model.variances * 0.8 / 2 * (1 - 1 / y[-latent:])
        np.testing.assert_allclose(mean[-latent:] + rest, drift[-latent:], rtol=1e-11)


def changes_of_steps(how, N, wrong=PLAIN):
    """Return N times what each of four batches changes, by vectors and by `increments`.

    The latter are those of another model where `wrong` says so.
    """
    model, rng = constants(2, 2, how), np.random.default_rng(8)
    taken = model._replace(**wrong)
    teacher = np.linalg.qr(rng.standard_normal((N, 2)))[0] * np.sqrt(N)
    W, V = teacher @ [[0.7, 0.1], [-0.2, 0.4]] + rng.standard_normal((2, N, 2))
    D = np.array([0.6, 1.1])
    y = reference.overlaps(W, V, D, teacher)
    mean = np.einsum("aij,ji->a", quadratic_forms(y, taken), gram_of(y, taken))
    rest, found = drift_of(y, taken) - mean, []
    batch, rates = int(model.batch), 0.4 * np.array([1, model.encoder, model.variances])
    step = reference.Optimiser(adam=False, rates=rates, decay=(0.1, 0.1)).step
    for _ in range(4):
        along = np.sqrt(model.rho) * rng.standard_normal((batch, 2))
        x = along @ teacher.T / np.sqrt(N) + np.sqrt(0.7) * rng.standard_normal((batch, N))
        xi = rng.standard_normal((batch, 2)) if model.sampled else None
        gradients = reference.batch_gradient(W, V, D, x, xi, 0.8)
        after = reference.overlaps(*step(W, V, D, gradients), teacher)
        h = np.concatenate([x @ teacher, x @ W, x @ V], axis=1) / np.sqrt(N)
        h = np.concatenate([h, np.sqrt(D) * xi], axis=1) if taken.sampled else h
        found.append([N * (after - y), rest + increments(h, y, taken).mean(axis=0)])
    return np.moveaxis(np.array(found), 1, 0)


@pytest.mark.parametrize("how", [PLAIN, THREE, SAMPLED], ids=["plain", "three", "sampled"])
def test_increments_are_those_of_steps_of_vectors(how):
    """Step by step: m, d and D to rounding, others up to products of different points and |x|^2/N.

    These fall as 1/sqrt(N), and are 1 % at N = 50 000.
    """
    vectors, forms = changes_of_steps(how, 50_000)
    off = np.abs(vectors - forms).max(axis=0) / np.abs(vectors).max(axis=0)
    assert off[[*range(8), -2, -1]].max() < 1e-8
    assert off.max() < 0.02
    # the same at one rate, without what is of second order or without the noise of latents
    for change in ({"encoder": 1.0}, {"batch": 1e9}, {"sampled": 0.0}):
        if how and any(how.get(name, x) != x for name, x in change.items()):
            assert np.abs(vectors - changes_of_steps(how, 50_000, change)[1]).max() > 0.1


def drift_of(y, model):
    """Return the plain drift."""
    beta, rho, eta, lam, lr, latent, encoder, variances, batch, sampled = model
    return reference.drift(
        y, beta, rho, eta, lam, lr, latent, encoder=lr * encoder, variances=lr * variances,
        batch=batch, sampled=bool(sampled),
    )  # fmt: skip


def equation(y, P, model):
    """Return dy/dt and dP/dt from the plain drift, with complex differences for its Jacobian."""
    tangent = np.array([drift_of(y + h, model).imag for h in 1e-30j * np.eye(len(y))])
    J = tangent.T / 1e-30
    B = noise_of_a_step(y, model)
    return drift_of(y, model), J @ P + P @ J.T + B


def some_covariance(latent, signal):
    """Return one of which Q and E stay symmetric, and which is no multiple of another."""
    both = symmetric(latent, signal)[0]
    values = np.random.default_rng(4).standard_normal(both.shape[1:] * 2)
    return both @ (values @ values.T) @ both.T


def change_of_state(y, P, model):
    """Return dy/dt and dP/dt, flat, as the integrator is given them."""
    flow, out = flows.with_bands(model), np.full(len(y) + P.size, np.nan)
    entry = flows.plain_with_bands if model.plain else flows.with_rates_and_bands
    entry(float(model.beta), np.append(y, P), flow.box, out)
    return out


@each_model
def test_the_covariance_changes_as_in_its_equation(latent, signal, how):
    model = constants(latent, signal, how)
    y, P = random_state(latent, signal), some_covariance(latent, signal)
    slope = change_of_state(y, P, model)[len(y) :].reshape(P.shape)
    np.testing.assert_allclose(slope, equation(y, P, model)[1], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    "how",
    [{"latent": 2}, {"lr": (0.4, 0.7, 0.2), "batch": 3, "momentum": 0.2, "latents": "sampled"}],
)
def test_the_covariance_is_integrated_along_a_schedule(how):
    """The compiled equation beside one of NumPy in scipy."""
    params = vaedyn.Params(**{
        "dim": 500, "rho": 2.0, "eta": 0.7, "beta": 0.8, "lam": 0.1, "lr": 0.4,
        "t_max": 6, "points": 3, "anneal": "tanh:0.5", **how,
    })  # fmt: skip
    y = random_state(params.latent, 1)
    start, size = np.append(y, some_covariance(params.latent, 1)), len(y)
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
    y, model = random_state(1, 1), Constants(0.8, np.ones(1), 1.0, 0.0, 0.1, 1)
    J = ode.jacobian(y, model)
    once, twice = (change_of_state(y, factor * np.eye(6), model) for factor in (1.0, 2.0))
    np.testing.assert_allclose((twice - once)[6:].reshape(6, 6), J + J.T, atol=1e-14)
