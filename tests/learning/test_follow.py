"""Learning on data of any covariance: the drift, its limits, and SGD on vectors."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.kernels import classes, ode
from vaedyn.kernels.constants import Constants
from vaedyn.learning.follow import NAMES, Directions, _flat, _parts, follow
from vaedyn.model.schedules import Constant, parse_schedule
from vaedyn.model.state import pack

SETTINGS = {"rtol": 1e-10, "atol": 1e-12}


def random_parts(rng, M, K, C):
    """Return order parameters of random weights, (M, K) tracked and (C, M, M) in classes."""
    W, V = rng.standard_normal((2, C, 3 * M, M))
    return {
        "m": rng.standard_normal((M, K)),
        "d": rng.standard_normal((M, K)),
        "q": np.swapaxes(W, 1, 2) @ W / (3 * M),
        "e": np.swapaxes(V, 1, 2) @ V / (3 * M),
        "r": np.swapaxes(W, 1, 2) @ V / (3 * M),
        "D": rng.uniform(0.3, 1.2, M),
    }


def evaluate(parts, beta, s, etas, shares, lam, lr, **steps):
    (M, K), C = parts["m"].shape, len(etas)
    y = _flat(parts, K, C, M)
    out = np.full_like(y, np.nan)
    work = (np.full(classes.scratch(M, K), np.nan), etas, shares)
    c = Constants(beta, s, 0.0, lam, lr, M)._replace(**steps)
    classes.drift(y, c, work, out)
    return {name: x[0] for name, x in _parts(out[None], K, C, M).items()}


@pytest.mark.parametrize("M", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("K", [0, 1, 2, 4])
@pytest.mark.parametrize("C", [0, 1, 3])
def test_drift_is_the_written_equations(M, K, C):
    rng = np.random.default_rng([M, K, C])
    for _ in range(3):
        parts = random_parts(rng, M, K, C)
        args = (
            rng.uniform(0.3, 2), rng.uniform(0.5, 3, K), rng.uniform(0.2, 2, C),
            rng.dirichlet(np.ones(C)) * 0.9 if C else np.empty(0), *rng.uniform(0.05, 1.5, 2),
        )  # fmt: skip
        found, expected = evaluate(parts, *args), reference.drift_in_classes(parts, *args)
        for name in NAMES:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-11, atol=1e-12)
        for name in ("q", "e"):
            np.testing.assert_array_equal(found[name], np.swapaxes(found[name], 1, 2))


@pytest.mark.parametrize(("M", "K", "C"), [(1, 1, 2), (3, 0, 3), (2, 3, 0), (5, 2, 1)])
@pytest.mark.parametrize("sampled", [False, True])
def test_steps_of_all_kinds_are_the_written_equations(M, K, C, sampled):
    rng = np.random.default_rng([M, K, C])
    parts = random_parts(rng, M, K, C)
    shares = rng.dirichlet(np.ones(C)) * 0.9 if C else np.empty(0)
    args = (0.8, rng.uniform(0.5, 3, K), rng.uniform(0.2, 2, C), shares, 0.07, 0.3)
    found = evaluate(
        parts, *args, encoder=1.7, variances=0.4, batch=3.0, sampled=float(sampled), eta=0.35
    )
    expected = reference.drift_in_classes(
        parts, *args, encoder=0.3 * 1.7, variances=0.3 * 0.4, batch=3, sampled=sampled,
        cancelled=0.35,
    )  # fmt: skip
    for name in NAMES:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("M", [1, 2, 3, 4])
@pytest.mark.parametrize("K", [0, 1, 2, 3, 4])
def test_one_class_is_white_noise(M, K):
    """To rounding, for random states; a share of 0.99 is not."""
    rng = np.random.default_rng([M, K])
    for _ in range(20):
        parts = random_parts(rng, M, K, 1)
        rho, eta = rng.uniform(0.5, 3, K), rng.uniform(0.2, 2)
        beta, lam, lr = rng.uniform(0.05, 1.5, 3)
        m, d, (q,), (e,), (r,), D = (parts[name] for name in NAMES)
        y = pack(m, d, q + m @ m.T, e + d @ d.T, r + m @ d.T, D)
        white = np.empty_like(y)
        c = Constants(beta, rho, eta, lam, lr, M)
        ode.drift(y, c, np.empty(ode.scratch(M, K)), white)

        def summed(share, parts=parts, rest=(beta, rho + eta, eta), more=(lam, lr)):
            *rest, variance = rest
            found = evaluate(parts, *rest, np.array([variance]), np.array([share]), *more)
            m, d, dm, dd = parts["m"], parts["d"], found["m"], found["d"]
            return pack(
                dm, dd, found["q"][0] + dm @ m.T + m @ dm.T, found["e"][0] + dd @ d.T + d @ dd.T,
                found["r"][0] + dm @ d.T + m @ dd.T, found["D"],
            )  # fmt: skip

        # rounding of Q, which grows by powers in products
        size = np.abs(white).max()
        np.testing.assert_allclose(summed(1.0), white, rtol=1e-12, atol=1e-13 * size)
        assert np.abs(summed(0.99) - white).max() > 1e-4 * size


def test_classes_of_one_variance_are_one_class():
    rng = np.random.default_rng(1)
    one = random_parts(rng, 2, 1, 1)
    two = {**one, **{name: one[name][[0, 0]] for name in "qer"}}
    times, model = np.linspace(0, 30, 7), {"beta": 0.7, "lam": 0.02, "lr": 0.2}
    model["schedule"] = parse_schedule("linear:11", 0.7)
    a = follow(Directions([2.1], [0.6], [1.0]), one, times, **model, **SETTINGS)
    b = follow(Directions([2.1], [0.6, 0.6], [0.3, 0.7]), two, times, **model, **SETTINGS)
    for name in ("m", "d", "Q", "E", "R", "S", "A", "Y", "D", "kl_per_latent", "kl", "distortion"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=1e-9)


@pytest.mark.parametrize("anneal", ["constant", "tanh:0.05", "points:0=0.2,9=0.5,9=1.4,20=0.9"])
def test_white_noise_gives_the_numbers_of_theory(anneal):
    params = vaedyn.Params(
        latent=2, signal=2, rho=(2.2, 1.3), eta=0.7, beta=0.9, lam=0.03, lr=0.2, t_max=60,
        points=7, anneal=anneal, init="m=0.3,d=0.2,Q=0.9,E=0.7,R=0.1,D=0.8",
    )  # fmt: skip
    truth = vaedyn.theory(params, **SETTINGS)
    start = params.overlaps()
    m, d = start["m"], start["d"]
    start |= {"q": [start["Q"] - m @ m.T], "e": [start["E"] - d @ d.T]}
    start |= {"r": [start["R"] - m @ d.T]}
    found = follow(
        Directions(params.strengths + 0.7, [0.7], [1.0]), start, params.times(), beta=0.9,
        schedule=params.schedule, lam=0.03, lr=0.2, **SETTINGS,
    )  # fmt: skip
    for name in ("m", "d", "Q", "E", "R", "D", "kl", "kl_per_latent", "distortion"):
        np.testing.assert_allclose(getattr(found, name), getattr(truth, name), atol=1e-8)
    assert found.info["solver"].keys() == truth.info["solver"].keys()


def test_all_directions_may_be_tracked():
    """Then no noise of SGD is left, and the sums over directions are those of vectors."""
    rng = np.random.default_rng(2)
    M, N = 2, 7
    start = random_parts(rng, M, N, 0)
    s = np.geomspace(3, 0.1, N)
    found = follow(
        Directions(s, [], []), start, [0.0, 9000.0], beta=0.5, schedule=Constant(), lam=0.0,
        lr=0.05,
    )  # fmt: skip
    np.testing.assert_allclose(found.Q[-1], found.m[-1] @ found.m[-1].T, atol=1e-12)
    # latents end on the two largest variances s, each with Q = s - beta and KL ln(s/beta)/2
    ends = np.sort(np.linalg.eigvalsh(found.Q[-1]))[::-1]
    np.testing.assert_allclose(ends, s[:2] - 0.5, rtol=1e-5)
    np.testing.assert_allclose(found.kl[-1], 0.5 * np.log(s[:2] / 0.5).sum(), rtol=1e-5)


def test_bad_shapes_are_named():
    start = random_parts(np.random.default_rng(3), 2, 1, 2)
    with pytest.raises(ValueError, match=r"q must have shape \(1, 2, 2\), got \(2, 2, 2\)"):
        follow(
            Directions([2.0], [0.5], [1.0]), start, [0, 1], beta=1, schedule=Constant(), lam=0,
            lr=0.1,
        )  # fmt: skip


def test_divergence_and_lost_variances_are_said():
    start = random_parts(np.random.default_rng(4), 1, 1, 2)
    model = {"schedule": Constant(), "lam": 0.0}
    two = Directions([2.0], [0.5, 0.3], [0.5, 0.5])
    with pytest.raises(vaedyn.DivergenceError, match=r"diverges near t = .* rate 9: lower --lr"):
        follow(two, start, [0, 1000.0], beta=1.0, lr=9.0, **model)
    with pytest.raises(vaedyn.DivergenceError, match=r"D reached zero at t = .* above zero"):
        follow(two, start, [0, 1000.0], beta=0.0, lr=0.1, **model)
