"""Training on the same rows: the optimum on drawn rows, by minimisation and by eigenvectors."""

import numpy as np
import pytest
from scipy.linalg import eigh
from scipy.optimize import approx_fprime, minimize, minimize_scalar

from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.attractors import PHASES, attractors
from vaedyn.fixedpoints.trained_on_rows import best_beta, ends, strength, trained_on_rows
from vaedyn.kernels.constants import Constants
from vaedyn.model.params import Params
from vaedyn.model.start import teacher
from vaedyn.model.state import generalisation_error, generalisation_error_rotation


def draw_rows(params, samples, random):
    """Return rows (samples, dim) of the spiked model."""
    c = random.standard_normal((samples, params.signal)) * np.sqrt(params.strengths)
    noise = random.standard_normal((samples, params.dim))
    directions = teacher(params.dim, params.signal) / np.sqrt(params.dim)
    return c @ directions + np.sqrt(params.eta) * noise


def loss_on_rows(flat, rows, latent, beta, lam):
    """The mean of the loss over rows, written for one row after the other's z on average."""
    dim = rows.shape[1]
    W, V = flat[: 2 * dim * latent].reshape(2, dim, latent)
    D = np.exp(flat[2 * dim * latent :])
    mu = rows @ V / np.sqrt(dim)
    out = mu @ W.T / np.sqrt(dim)
    fit = 0.5 * ((rows - out) ** 2).sum(axis=1).mean() - 0.5 * (rows**2).sum(axis=1).mean()
    noise = 0.5 * ((W**2).sum(axis=0) * D).sum() / dim
    kl = 0.5 * ((mu**2).mean(axis=0) + D - np.log(D) - 1).sum()
    return fit + noise + beta * kl + 0.5 * lam * ((W**2).sum() + (V**2).sum()) / dim


def gradient(flat, rows, latent, beta, lam):
    """Written by hand, so that the minimum is sharp; compared with differences below."""
    dim, samples = rows.shape[1], len(rows)
    W, V = flat[: 2 * dim * latent].reshape(2, dim, latent)
    D = np.exp(flat[2 * dim * latent :])
    mu = rows @ V / np.sqrt(dim)
    off = mu @ W.T / np.sqrt(dim) - rows
    along_W = off.T @ mu / samples / np.sqrt(dim) + W * D / dim + lam * W / dim
    along_mu = off @ W / np.sqrt(dim) + beta * mu
    along_V = rows.T @ along_mu / samples / np.sqrt(dim) + lam * V / dim
    along_D = 0.5 * D * ((W**2).sum(axis=0) / dim + beta * (1 - 1 / D))
    return np.concatenate([along_W.ravel(), along_V.ravel(), along_D])


CASES = [  # latent, signal, rho, eta, beta, lam
    (1, 1, (1.7,), 0.6, 0.8, 0.0),
    (1, 1, (1.7,), 0.6, 0.8, 0.15),
    (2, 1, (2.2,), 0.5, 0.4, 0.1),
    (2, 2, (2.0, 2.0), 0.7, 0.9, 0.2),
    (1, 2, (2.5, 1.5), 0.7, 0.6, 0.05),
    (3, 2, (2.5, 1.2), 0.4, 0.7, 0.0),
]


@pytest.mark.parametrize("case", CASES)
def test_the_least_loss_on_rows_is_that_of_latents_on_eigenvectors(case):
    """scipy looks for it with every weight free, entangled latents included."""
    latent, signal, rho, eta, beta, lam = case
    params = Params(dim=9, latent=latent, signal=signal, rho=rho, eta=eta)
    random = np.random.default_rng(5)
    rows = draw_rows(params, 14, random)
    value = np.linalg.eigvalsh(rows.T @ rows / len(rows))[::-1][:latent]
    args = (rows, latent, beta, lam)
    start = random.standard_normal(2 * 9 * latent + latent)
    by_hand, numeric = gradient(start, *args), approx_fprime(start, loss_on_rows, 1e-7, *args)
    np.testing.assert_allclose(by_hand, numeric, atol=2e-5)
    found = []
    for _ in range(3):
        start = random.standard_normal(2 * 9 * latent + latent)
        options = {"gtol": 1e-9, "maxiter": 1000}
        found.append(minimize(loss_on_rows, start, args, jac=gradient, options=options))
    best = min(found, key=lambda each: each.fun)
    W = best.x[: 9 * latent].reshape(9, latent)
    q = strength(value, beta, lam)
    assert (q > 0).any()
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(W.T @ W / 9))[::-1], q, atol=2e-5)
    D = np.exp(best.x[-latent:])
    np.testing.assert_allclose(np.sort(D), np.sort(beta / (q + beta)), atol=2e-5)


def test_strengths_solve_the_equation_of_the_paper_and_minimise_the_loss():
    """c l = c^2 q l + D + lam, c = l/((q + beta) l + lam); all q on a grid are worse."""
    random = np.random.default_rng(0)
    alive = 0
    for _ in range(100):
        value, beta = 10 ** random.uniform(-1, 1, 2)
        lam = 10 ** random.uniform(-6, 0.5)
        q = float(strength(np.array(value), beta, lam))
        c = value / ((q + beta) * value + lam)
        grid = np.concatenate([np.linspace(0, 3 * value + 3, 4001), [q]])
        k = value / ((grid + beta) * value + lam)
        D = beta / (grid + beta)
        loss = (
            -k * grid * value + 0.5 * grid * k**2 * grid * value + 0.5 * grid * D
            + 0.5 * beta * (k**2 * grid * value + D - np.log(D) - 1) + 0.5 * lam * grid * (1 + k**2)
        )  # fmt: skip
        assert loss[-1] <= loss.min() + 1e-9
        if q:
            alive += 1
            assert c * value == pytest.approx(c**2 * q * value + beta / (q + beta) + lam, rel=1e-9)
    assert 20 < alive < 80


def test_a_latent_lives_on_where_a_collapsed_one_would_stay_so():
    """With strong weight decay both states are stable for a while; the better one counts."""
    lam = 1.0
    value = 1.5
    threshold = value / (1 + lam) - lam / value
    beyond = strength(np.array(value), threshold * 1.001, lam)
    subcritical = lam**2 < value**2 < 2 * lam * (1 + lam) ** 2 / (1 + 2 * lam)
    assert subcritical
    assert beyond > 0.01
    assert strength(np.array(value), threshold * 2, lam) == 0
    mild = strength(np.array(3.0), 3.0 / 1.1 - 0.1 / 3.0 + 1e-9, 0.1)
    assert mild == 0


def on_drawn_rows(params, random):
    """Return eps_g, eps_g up to rotations, and KL on the rows, of the optimum on drawn rows."""
    rows = draw_rows(params, params.samples, random)
    N, M = params.dim, params.latent
    value, U = eigh(rows.T @ rows / len(rows), subset_by_index=[N - M, N - 1])
    value, U = value[::-1], U[:, ::-1]
    q = strength(value, params.beta, params.lam)
    W = U * np.sqrt(q)
    m = W.T @ teacher(N, params.signal).T / np.sqrt(N)
    k = value / ((q + params.beta) * value + params.lam)
    D = params.beta / (q + params.beta)
    kl = 0.5 * (k**2 * q * value + D - np.log(D) - 1).sum()
    strengths = params.strengths
    return (
        generalisation_error(m, W.T @ W, strengths),
        generalisation_error_rotation(m, W.T @ W, strengths),
        kl,
    )


DRAWN = [
    {"alpha": 3.0, "rho": 1.3, "eta": 0.8, "beta": 0.7, "lam": 0.0},
    {"alpha": 2.5, "rho": 1.3, "eta": 0.8, "beta": 0.9, "lam": 0.3},
    {"alpha": 0.8, "rho": 2.0, "eta": 0.9, "beta": 1.4, "lam": 0.1},  # fewer rows than columns
    {"alpha": 2.0, "rho": (3.0, 1.5), "eta": 0.8, "beta": 0.9, "lam": 0.1, "latent": 1},
    {"alpha": 2.0, "rho": (3.0, 1.5), "eta": 0.8, "beta": 0.9, "lam": 0.1, "latent": 2},
    {"alpha": 2.0, "rho": (2.0, 2.0), "eta": 0.7, "beta": 0.9, "lam": 0.1, "latent": 2},
]


@pytest.mark.parametrize("model", DRAWN)
def test_drawn_rows_agree_at_four_standard_errors(model):
    """Corrections are of order 1/N: those of N and 2N cancel. Would miss shifts of 1 %."""
    signal = np.size(model["rho"])
    means, errors = [], []
    for dim, draws in ((150, 60), (300, 60)):
        params = Params(dim=dim, signal=signal, **model)
        random = np.random.default_rng(dim)
        each = np.array([on_drawn_rows(params, random) for _ in range(draws)])
        means.append(each.mean(axis=0))
        errors.append(each.std(axis=0, ddof=1) / draws**0.5)
    limit = 2 * means[1] - means[0]
    error = np.hypot(2 * errors[1], errors[0])
    result = trained_on_rows(Params(signal=signal, **model))
    equal = len(set(np.ravel(model["rho"]))) < signal
    expected = np.array([result.eps_g, result.eps_g_rotation, result.kl_on_rows.sum()])
    fresh = trained_on_rows(Params(signal=signal, **{**model, "alpha": None}))
    wrong = np.array([fresh.eps_g, fresh.eps_g_rotation, fresh.kl_on_rows.sum()])
    checked = slice(1, None) if equal else slice(None)
    assert (np.abs(limit - expected) < 4 * error)[checked].all()
    assert (np.abs(limit - wrong) > 8 * error)[1]  # the test sees what rows change


@pytest.mark.parametrize(("alpha", "latent", "rho"), [(0.4, 1, 1.0), (3.0, 3, 1.5)])
def test_without_a_signal_to_find_latents_fit_the_edge_of_the_noise(alpha, latent, rho):
    """The edge is approached as N^(-2/3), and overlaps with the truth vanish as 1/N."""
    model = {"alpha": alpha, "latent": latent, "rho": rho, "eta": 0.9, "beta": 0.8}
    result = trained_on_rows(**model)
    assert result.phase == "noise-fitting"
    top = 0.9 * (1 + alpha**-0.5) ** 2
    spare = result.signals < 0
    np.testing.assert_allclose(result.eigenvalues[spare], top)
    np.testing.assert_allclose(np.diag(result.Q)[spare], top - 0.8)
    shifts = []
    for dim in (100, 400):
        params, random = Params(dim=dim, **model), np.random.default_rng(dim)
        each = [on_drawn_rows(params, random)[0] for _ in range(15)]
        shifts.append(result.eps_g - np.mean(each))
        error = np.std(each, ddof=1) / 15**0.5
    # a wrong edge would leave a shift that does not shrink
    assert abs(shifts[1]) < 0.55 * abs(shifts[0]) + 4 * error
    assert abs(shifts[1]) < 0.25 * result.eps_g


def test_known_numbers_of_one_signal():
    """Section 14 of the derivation: rho = eta = 1."""
    assert trained_on_rows(alpha=2.0, beta=1.0).eps_g == pytest.approx(1.367, abs=5e-4)
    assert best_beta(alpha=2.0) == pytest.approx((8 / 3, 2 / 3), abs=1e-6)
    assert best_beta(alpha=10.0) == pytest.approx((1.381818, 0.181818), abs=1e-6)
    for alpha, expected in ((2.0, 0.705), (2.8, 0.541), (4.0, 0.405), (5.2, 0.325)):
        found = trained_on_rows(alpha=alpha, beta=1.0, lam=1 / alpha).eps_g
        assert found == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    "model",
    [
        {"latent": 1, "rho": 1.4, "eta": 0.7, "alpha": 3.0, "lam": 0.2},
        {"latent": 3, "signal": 2, "rho": (2.0, 0.9), "eta": 0.7, "alpha": 4.0, "lam": 0.0},
        {"latent": 2, "signal": 1, "rho": 1.4, "eta": 0.7, "alpha": 1.5, "lam": 0.05},
    ],
)
def test_no_beta_beats_the_best(model):
    beta, least = best_beta(**model)
    assert trained_on_rows(beta=beta, **model).eps_g == pytest.approx(least, abs=1e-9)
    others = [trained_on_rows(beta=b, **model).eps_g for b in np.linspace(0.01, 6, 150)]
    assert min(others) >= least - 1e-9
    near = minimize_scalar(
        lambda b: trained_on_rows(beta=b, **model).eps_g,
        bounds=(0.9 * beta, 1.1 * beta), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    assert near.fun >= least - 1e-9


def test_many_rows_are_fresh_data_at_small_rates():
    model = {"latent": 2, "signal": 2, "rho": (3.0, 1.0), "eta": 0.6, "lam": 0.1}
    for beta in (0.3, 0.9, 1.2, 4.0):
        many, fresh = (
            trained_on_rows(alpha=1e9, beta=beta, **model),
            trained_on_rows(beta=beta, **model),
        )
        for name in ("eps_g", "kl", "distortion", "D"):
            np.testing.assert_allclose(getattr(many, name), getattr(fresh, name), rtol=1e-6)
        slow = attractors(Constants.of(Params(beta=beta, lr=1e-7, **model)).many())
        assert fresh.eps_g == pytest.approx(slow["eps_g"][0], rel=1e-5)
        assert fresh.phase == PHASES[slow["phase"][0]]
        assert fresh.kl_on_rows == pytest.approx(fresh.kl_per_latent)


def test_maps_hold_what_single_points_do():
    model = {"latent": 2, "signal": 1, "rho": 1.4, "eta": 0.7, "lam": 0.05}
    alpha, beta = (x.ravel() for x in np.meshgrid([0.1, 0.5, 3.0], [0.2, 1.4, 2.2, 6.0]))
    found = ends(Params(**model), alpha, beta)
    phases = []
    for i in range(len(alpha)):
        one = trained_on_rows(alpha=alpha[i], beta=beta[i], **model)
        assert found["eps_g"][i] == pytest.approx(one.eps_g)
        assert found["active"][i] == (np.diag(one.Q) > 0).sum()
        phases.append(one.phase)
        assert PHASES[found["phase"][i]] == one.phase
    assert {*phases} == {"collapsed", "learned", "noise-fitting"}


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ParameterError, match="^beta: must be > 0"):
        trained_on_rows(beta=0, alpha=2.0)
    with pytest.raises(ParameterError, match="^alpha: makes 2 rows"):
        trained_on_rows(dim=50, latent=3, alpha=0.04)
    with pytest.raises(ParameterError, match="^noise: is not derived"):
        trained_on_rows(alpha=2.0, noise="1.2*0.5,0.8*0.5")
    beta, error = best_beta(alpha=0.5, rho=1.0, eta=1.0)
    assert np.isnan(beta)
    assert error == 1.0
