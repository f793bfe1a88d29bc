"""Fluctuations at finite N: the covariance equation, the bands, and the escape from the plateau."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests import reference
from tests.laws import assert_same_law
from vaedyn.dynamics import symmetric
from vaedyn.fluctuations import (
    covariance_of_start,
    gradient_of_distortion,
    gradients_of_kl,
    std_of_error,
)
from vaedyn.initial import NAMES, random_gram, random_weights
from vaedyn.kernels import fluctuations as kernels
from vaedyn.kernels import ode
from vaedyn.ode import integrate
from vaedyn.state import generalisation_error, observables, pack, unpack

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


# --- the covariance of one step ---------------------------------------------------------


def covariance_of_fields(y, latent, rho, eta):
    """Return the covariance of (u, y, mu) = Z^T x/sqrt(N), for Z = [W* W V]."""
    signal = len(rho)
    m, d, Q, E, R, _ = unpack(y, latent, signal).values()
    gram = np.block([[np.eye(signal), m.T, d.T], [m, Q, R], [d, R.T, E]])
    return gram[:, :signal] * rho @ gram[:, :signal].T + eta * gram


def increments(h, y, latent, signal, eta, beta, lr):
    """Return N times the change of all order parameters in one step, for each row of `h`.

    Quadratic in h = (u, y, mu); terms of lower order, which do not fluctuate, are left out.
    """
    m, _, Q, _, R, _ = unpack(y, latent, signal).values()
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
    flat = [change.reshape(len(h), -1) for change in changes]
    return np.concatenate([*flat, np.zeros((len(h), latent))], axis=1)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_the_covariance_of_data_and_latents_is_exact(latent, signal):
    """Of (u, y, mu): h = Z^T x/sqrt(N) for Z = [W* W V] has covariance G_* rho G_*^T + eta G."""
    rho, eta = np.array([2.0, 1.2])[:signal], 0.7
    y = random_state(latent, signal, seed=3)
    truth = covariance_of_fields(y, latent, rho, eta)
    out = np.full(truth.shape, np.nan)
    kernels.covariance_of_base(y, rho, eta, latent, out)
    np.testing.assert_allclose(out, truth, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_noise_of_a_step_is_exact(latent, signal):
    """Increments h^T A h of a gaussian h have the covariance 2 tr(A C B C) with h^T B h."""
    rho, eta, beta, lr = np.array([2.0, 1.2])[:signal], 0.7, 0.8, 0.4
    y = random_state(latent, signal)
    count = kernels.forms(latent, signal)
    room, c = np.empty((3, count, count)), np.empty((count, count))
    kernels.covariance_of_forms(y, beta, rho, eta, lr, latent, room, c)
    pairs = kernels.products(latent, signal)
    got = lr**2 * np.array([[kernels.covariance_of(c, p, q) for q in pairs] for p in pairs])

    axes = np.eye(signal + 2 * latent)
    sums = (axes[:, None] + axes[None]).reshape(-1, len(axes))  # h^T A h at them gives A
    single, double = (
        increments(h, y, latent, signal, eta, beta, lr).T.reshape(len(y), *shape)
        for h, shape in ((axes, (-1,)), (sums, (len(axes), len(axes))))
    )
    A = 0.5 * (double - single[:, :, None] - single[:, None, :])
    AC = A @ covariance_of_fields(y, latent, rho, eta)
    truth = 2 * np.einsum("iab,jba->ij", AC, AC)
    np.testing.assert_allclose(got, truth, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("latent", "signal"), MODELS.values(), ids=MODELS.keys())
def test_the_covariance_obeys_its_equation(latent, signal):
    """The compiled equation beside one of NumPy, with differences for the Jacobian, in scipy."""
    params = vaedyn.Params(
        dim=500, latent=latent, signal=signal, rho=(2.0, 1.2)[:signal], eta=0.7, beta=0.8,
        lam=0.1, lr=0.4, t_max=6, points=3, anneal="tanh:0.5",
    )  # fmt: skip
    y0 = random_state(latent, signal)
    size = len(y0)
    both = symmetric(latent, signal)[0]  # Q and E stay symmetric
    P0 = both @ np.diag(np.linspace(0.1, 1, both.shape[1])) @ both.T
    got, _ = integrate(
        params, np.concatenate([y0, P0.ravel()]), params.times(), params.schedule,
        rtol=1e-9, atol=1e-11,
    )  # fmt: skip
    args = (params.strengths, 0.7, 0.1, 0.4, latent)
    pairs = kernels.products(latent, signal)
    count = kernels.forms(latent, signal)
    room, c = np.empty((3, count, count)), np.empty((count, count))

    def equation(t, joint):
        y, P = joint[:size], joint[size:].reshape(size, size)
        beta = float(params.schedule(np.array(t), 0.8))

        def drift(x):
            return reference.drift(x, beta, *args)

        J = np.array([(drift(y + h) - drift(y - h)) / 2e-6 for h in 1e-6 * np.eye(size)]).T
        kernels.covariance_of_forms(y, beta, params.strengths, 0.7, 0.4, latent, room, c)
        B = np.array([[kernels.covariance_of(c, p, q) for q in pairs] for p in pairs])
        return np.concatenate([drift(y), (J @ P + P @ J.T + 0.4**2 * B).ravel()])

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


# --- against simulations ----------------------------------------------------------------

CASES = {
    "plain": {"dim": 1000, "lr": 0.05, "t_max": 100},
    "decay": {"dim": 500, "lr": 0.1, "lam": 0.1, "t_max": 50},
    "annealed": {"dim": 500, "lr": 0.1, "beta": 1.2, "anneal": "tanh:0.05", "t_max": 50},
    "M=2,M*=1": {"dim": 500, "latent": 2, "eta": 0.6, "lr": 0.2, "beta": 0.9, "t_max": 30},
    "M=2,M*=2": {
        "dim": 1000, "latent": 2, "signal": 2, "rho": (2, 1), "lr": 0.1, "t_max": 40,
    },
    "large": {"dim": 10000, "lr": 0.5, "t_max": 8},
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
    for dim in (250, 1000, 2500):
        params = vaedyn.Params(dim=dim, **case)
        sgd = vaedyn.simulate(params, runs=500)
        bands = vaedyn.bands(params)
        constants.append(np.sqrt(dim) * bands.eps_g[-1])
        found, errors = ratios(sgd, bands)
        assert abs(np.average(found, weights=errors**-2) - 1) < 0.05
    np.testing.assert_allclose(constants, constants[0], rtol=1e-6)
    wrong = vaedyn.bands(vaedyn.Params(dim=300, **case))  # a spread that does not fall with N
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
    params = vaedyn.Params(dim=2000, lr=0.1, t_max=30, points=31, init=SHIFTED)
    sgd = vaedyn.simulate(params, runs=800, random_start=True)
    bands = vaedyn.bands(params, random_start=True)
    found, errors = ratios(sgd, bands)
    assert (np.abs(found - 1) < 4.5 * errors + 0.02).all()
    assert (bands.m > vaedyn.bands(params).m).all()
    assert bands.m[0, 0, 0] == pytest.approx(np.sqrt((1 - 0.09) / 2000))


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
    for dim, warns in ((850, True), (1500, True), (1700, False)):
        given = vaedyn.Params(**{**params.to_dict(), "dim": dim})
        assert (vaedyn.bands(given, random_start=True).warning is not None) == warns


def test_overlaps_that_are_exactly_zero_are_no_trouble():
    start = "m=0,d=0,Q=0.5,E=0.5,R=0.1,D=1"
    params = vaedyn.Params(dim=1000, beta=2.5, lr=0.05, t_max=60, points=7, init=start)
    calm = vaedyn.bands(params)  # collapse is stable, and the theory right
    assert calm.warning is None
    sgd = vaedyn.simulate(params, runs=400)
    assert sgd.m[:, -1].std() == pytest.approx(calm.m[-1, 0, 0], rel=0.15)
    grown = vaedyn.bands(vaedyn.Params(dim=1000, lr=0.2, t_max=400, points=9, init=start))
    assert "no --dim that anybody runs would do" in str(grown.warning)
    assert len(str(grown.warning)) < 250
