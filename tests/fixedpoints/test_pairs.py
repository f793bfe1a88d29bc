"""Fixed points of single latents and pairs: none is missed, with weight decay or without."""

import os

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints.configurations import configurations, describe, state
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.kernels.constants import Constants
from vaedyn.model.quantities import NAMES

MODELS = int(os.environ.get("VAEDYN_TEST_MODELS", "6"))  # drawn at random, of each kind
STARTS = int(os.environ.get("VAEDYN_TEST_STARTS", "60"))  # of Newton's method in each


def shapes(latent, signal):
    sizes = {"m": (latent, signal), "d": (latent, signal), "D": (latent,)}
    return {name: sizes.get(name, (latent, latent)) for name in NAMES}


def split(y, latent, signal):
    """Return the order parameters of flat states (n, values)."""
    parts, at = {}, 0
    for name, shape in shapes(latent, signal).items():
        size = int(np.prod(shape))
        parts[name] = y[:, at : at + size].reshape(len(y), *shape)
        at += size
    return parts


def drift(model, y):
    """Return dy/dt / tau of many states (n, values), from the written equations."""
    # model: drift, of many states at once
    beta, rho, eta, lam, latent = model.beta, model.rho, model.eta, model.lam, model.latent
    p = split(y, latent, len(rho))
    T = lambda x: np.swapaxes(x, 1, 2)  # noqa: E731
    m, d, Q, E, R, D = (p[name] for name in NAMES)
    eye = np.eye(latent)
    S = (d * rho) @ T(d) + eta * E
    A = (m * rho) @ T(d) + eta * R
    Y = (m * rho) @ T(m) + eta * Q
    K = Q + beta * eye
    B = S + D[:, :, None] * eye + lam * eye
    drawn = model.sampled * D[:, :, None] * eye
    C = Y - A @ K - K @ T(A) + K @ S @ K + Q @ drawn @ Q
    X = T(A) - S @ K - drawn @ Q
    P, r = rho + eta, model.encoder
    shaken = model.lr * eta / model.batch
    out = [
        d * P - B @ m,
        r * (m * P - K @ (d * P) - lam * d),
        A + T(A) - B @ Q - Q @ B + shaken * (S + drawn),
        r * (A + T(A) - K @ S - S @ K - 2 * lam * E) + r**2 * shaken * C,
        S - B @ R + r * (Y - A @ K - lam * R) + r * shaken * X,
        -0.5 * model.variances * (np.diagonal(Q, axis1=1, axis2=2) + beta - beta / D),
    ]
    return np.concatenate([x.reshape(len(y), -1) for x in out], axis=1)


def newton_from_everywhere(model, starts, random):
    """Return the fixed points (n, values) that Newton's method reaches from random weights."""
    y = np.array([random_start(model, random) for _ in range(starts)])
    width = y.shape[1]
    small = 1e-30j * np.eye(width)  # complex steps give the Jacobian to rounding
    arrived = []
    for _ in range(40):
        value = drift(model, y)
        done = np.abs(value).max(axis=1) < 1e-13 * np.maximum(1, np.abs(y).max(axis=1))
        arrived += list(y[done])
        y, value = y[~done], value[~done]
        if not len(y):
            break
        J = drift(model, (y[:, None] + small).reshape(-1, width)).imag / 1e-30
        J = np.swapaxes(J.reshape(len(y), width, width), 1, 2) + 1e-15 * np.eye(width)
        step = np.linalg.solve(J, value[..., None])[..., 0]
        size = np.maximum(1, np.abs(y).max(axis=1))
        y = y - step * np.minimum(1, 0.5 * size / np.abs(step).max(axis=1))[:, None]
        y = y[np.abs(y).max(axis=1) < 1e3]
        if not len(y):
            break
    return [one for one in arrived if has_weights(model, one)]


def random_start(model, random):
    """Return the order parameters of random weights along the signals and a few directions."""
    beta, rho, eta, latent = model.beta, model.rho, model.eta, model.latent
    strength = np.concatenate([rho, np.zeros(3)]) + eta
    shape = (len(strength), latent)
    W = np.sqrt(strength)[:, None] * random.normal(size=shape) * 10 ** random.uniform(-2, 0.2)
    W *= 10 ** random.uniform(-2, 0, (len(strength), 1))
    V = W * random.uniform(0.2, 1.5) / strength[:, None]
    V = V + 0.1 * random.normal(size=shape) * np.abs(V).max()
    Q = W.T @ W
    D = beta / (np.diag(Q) + beta)
    k = len(rho)
    parts = (W[:k].T, V[:k].T, Q, V.T @ V, W.T @ V, D)
    return np.concatenate([part.ravel() for part in parts])


def has_weights(model, y):
    p = {name: part[0] for name, part in split(y[None], model.latent, len(model.rho)).items()}
    both = np.vstack([p["m"], p["d"]])
    gram = np.block([[p["Q"], p["R"]], [p["R"].T, p["E"]]])
    scale = np.sqrt(np.maximum(np.abs(np.diag(gram)), 1e-6))
    rest = (gram - both @ both.T) / np.outer(scale, scale)
    return bool((p["D"] > 0).all() and np.linalg.eigvalsh(rest)[0] > -1e-7)


def invariants(model, y):
    """Return what signs and permutations of latents leave as it is."""
    p = {name: part[0] for name, part in split(y[None], model.latent, len(model.rho)).items()}
    squares = [np.sort((p[name] ** 2).ravel()) for name in "QE"]
    along = [np.sort(column**2) for name in "md" for column in p[name].T]
    return np.concatenate([np.sort(p["D"]), *squares, *along])


@pytest.mark.parametrize(
    ("beta", "m", "d", "Q", "E", "R", "D", "growth"),
    [
        (0.06, 0.04897635, 0.069488512, 0.00240609, 0.00483704, 0.003410634, 0.961444628, 0.01651),
        (0.07, 0.138500099, 0.18504254, 0.019238547, None, None, 0.784414385, 0.06108),
    ],
)
@pytest.mark.usefixtures("no_thresholds")
def test_a_pair_has_a_second_state_between_the_threshold_and_the_fold(
    beta, m, d, Q, E, R, D, growth
):
    """Values from code that was written independently."""
    params = vaedyn.Params(latent=2, rho=0.9, eta=0.35, lam=0.8, beta=beta)
    points = vaedyn.fixed_points(params)
    assert len(points.types) == 5
    i = points.types.index("two on signal 1 (branch 2)")
    assert not points.stable[i]
    for name, value in zip("mdQER", (m, d, Q, E, R), strict=True):
        if value is not None:
            np.testing.assert_allclose(getattr(points, name)[i], value, rtol=1e-6)
    np.testing.assert_allclose(points.D[i], D, rtol=1e-8)
    assert points.max_eigenvalue[i] / params.lr == pytest.approx(growth, rel=1e-3)
    assert points.residual[i] < 1e-14


def test_branches_pass_all_points_that_are_listed():
    params = vaedyn.Params(latent=2, rho=0.9, eta=0.35, lam=0.8)
    followed = vaedyn.branches(params, "beta", 0.03, 0.12)
    ends = {"start": 0.0544444444444, "pair": 0.0700984374650, "single": 0.1056010307962}
    for beta in (0.045, 0.06, 0.07, 0.08, 0.11):
        model = Constants.of(params)._replace(beta=beta)
        listed = sorted(describe(each, [0.9]) for each in configurations(Units(model), 2))
        passed = [
            followed.types[n]
            for n in range(len(followed.types))
            if np.ptp(np.sign(followed.varied[followed.branch == n] - beta))
        ]
        assert sorted(name.replace(" (branch 2)", "") for name in listed) == sorted(passed)
        singles = 1 + (beta < ends["single"]) + (ends["start"] < beta < ends["single"])
        pairs = (beta < ends["pair"]) + (ends["start"] < beta < ends["pair"])
        assert len(listed) == singles + pairs


def closed_states(s, n, beta, lam):
    """Return how many states n latents mixed over directions of variances `s` have at lr = 0.

    ``w_k^2 = sqrt((s_k beta + lam)/(delta + lam)) - lam/s_k - beta`` have the mean
    ``beta/delta - beta`` over the latents: a cubic equation in sqrt(delta + lam).
    """
    s = np.array(s)
    a, b = np.sqrt(s * beta + lam).sum(), (lam / s + beta).sum()
    u = np.roots([n * beta - b, a, b * lam - n * beta * (1 + lam), -a * lam])
    u = u[np.abs(u.imag) < 1e-9].real
    u = u[(u > np.sqrt(lam)) & (u < np.sqrt(1 + lam))]
    w2 = np.sqrt(s * beta + lam)[:, None] / u - (lam / s + beta)[:, None]
    return int((w2 > 1e-6).all(axis=0).sum())


def test_at_small_learning_rates_there_are_as_many_states_as_roots_of_a_cubic():
    random = np.random.default_rng(1)
    several = 0
    for n in range(16):
        model = (in_the_strip, anywhere)[n % 4 > 2](random)._replace(lr=1e-8)
        s, eta = model.rho[0] + model.eta, model.eta
        cases = [
            (Unit(1, (model.rho[0],)), [s]),
            (Unit(1, (), 1), [eta]),
            (Unit(2, (model.rho[0],)), [s]),
            (Unit(2, (), 1), [eta]),
            (Unit(2, (model.rho[0],), 1), [s, eta]),
        ]
        if len(model.rho) > 1:
            cases.append((Unit(2, tuple(model.rho)), (model.rho + eta).tolist()))
        for unit, variances in cases:
            count = closed_states(variances, unit.latents, model.beta, model.lam)
            assert len(Units(model).branches(unit)) == count, (unit, model)
            several += count > 1
    assert several > 2


def in_the_strip(random):
    """Return a model in which latents may live beyond the threshold of collapse."""
    lam = 10 ** random.uniform(-1.5, 0.4)
    least, most = lam * (1 + lam), 2 * lam * (1 + lam) ** 2 / (1 + 2 * lam)
    s = np.sqrt(least + (most - least) * random.uniform(0.05, 0.95))
    eta = s * random.uniform(0.1, 0.9)
    rho = (s - eta) * np.array([1, random.uniform(0.3, 0.95)])[: random.integers(1, 3)]
    beta = (s / (1 + lam) - lam / s) * random.uniform(0.4, 1.3)
    return Constants(beta, rho, eta, lam, 10 ** random.uniform(-3, -0.5), 2)


def anywhere(random):
    rho = -np.sort(-(10 ** random.uniform(-0.7, 0.7, random.integers(1, 3))))
    eta = 10 ** random.uniform(-1, 0.3)
    lam = random.integers(2) * 10 ** random.uniform(-2.5, 0)
    beta = (rho[0] + eta) * 10 ** random.uniform(-1.5, 0.1)
    return Constants(beta, rho, eta, lam, 10 ** random.uniform(-3, -0.5), 2)


def at_three_rates(random):
    """Return a model whose encoder and variances have other rates than its decoder."""
    encoder, variances = 10 ** random.uniform(-1, 1, 2)
    batch = float(random.integers(1, 5))
    return anywhere(random)._replace(encoder=encoder, variances=variances, batch=batch)


def sampled(random):
    return at_three_rates(random)._replace(sampled=1.0)


DRAWS = [in_the_strip, anywhere, at_three_rates, sampled]


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
def test_no_fixed_point_of_one_or_two_latents_is_missed(draw):
    """Newton's method on the whole drift, from random weights, finds nothing that is not listed."""
    random = np.random.default_rng(3)
    arrived = 0
    for _ in range(MODELS):
        model = draw(random)
        units = Units(model)
        listed = [state(units, each) for each in configurations(units, 2)]
        listed = np.array([invariants(model, y) for y in listed])
        for y in newton_from_everywhere(model, STARTS, random):
            apart = np.abs(listed - invariants(model, y)).max(axis=1).min()
            assert apart < 1e-5, (model, y.tolist())
            arrived += 1
    assert arrived > 10 * MODELS
