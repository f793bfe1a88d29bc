"""Both engines against plain twins draw for draw, and against each other in law."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from tests.shared.laws import assert_different_law, assert_same_law
from vaedyn.kernels import exact
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.stream import normals, open_stream
from vaedyn.kernels.vector import LONG
from vaedyn.learning import engines
from vaedyn.learning import simulate as sgd
from vaedyn.model.quantities import NAMES
from vaedyn.model.start import teacher
from vaedyn.model.state import count

# no constant is 1 or equal to another, so that none can be left out or taken for another
MODELS = {
    "M=1": {"dim": 60, "rho": 1.7, "eta": 0.6, "beta": 0.7, "lam": 0.1, "lr": 0.3},
    "M=2,M*=1": {
        "dim": 50, "latent": 2, "rho": 1.4, "eta": 0.6, "beta": 0.8, "lam": 0.03, "lr": 0.4,
    },
    "M=2,M*=2": {
        "dim": 40, "latent": 2, "signal": 2, "rho": (2.3, 1.2), "eta": 0.7, "beta": 0.9,
        "lam": 0.05, "lr": 0.2,
    },
    "M=2,M*=3": {
        "dim": 30, "latent": 2, "signal": 3, "rho": (3.1, 2.2, 1.3), "eta": 0.5, "beta": 0.8,
        "lam": 0.07, "lr": 0.2,
    },
    "tightest": {
        "dim": 5, "latent": 2, "rho": 1.2, "eta": 0.8, "beta": 1.3, "lam": 0.04, "lr": 0.02,
    },
}  # fmt: skip
DRAWN = 64  # steps for which the exact chain draws normals together


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def params(request):
    return vaedyn.Params(t_max=10, points=2, anneal="tanh:0.5", init_seed=3, **request.param)


def betas_of(params, steps):
    return params.schedule(np.arange(steps) / params.dim, params.beta)


def test_gradient_of_the_twin_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    N, M, tau = 7, 3, 1.0
    W, V, D, x = *rng.standard_normal((2, N, M)), rng.uniform(0.5, 2, M), rng.standard_normal(N)

    def numeric(f, at):
        out = np.empty_like(at)
        for i in np.ndindex(at.shape):
            h = np.zeros_like(at)
            h[i] = 1e-5
            out[i] = (f(at + h) - f(at - h)) / 2e-5
        return out

    args = (x, 0.8, 0.3)
    stepped = reference.sgd_step(W, V, D, *args, tau)
    np.testing.assert_allclose(
        W - stepped[0], numeric(lambda w: reference.loss(w, V, D, *args), W), atol=1e-8
    )
    np.testing.assert_allclose(
        V - stepped[1], numeric(lambda v: reference.loss(W, v, D, *args), V), atol=1e-8
    )
    np.testing.assert_allclose(
        (D - stepped[2]) * N, numeric(lambda d: reference.loss(W, V, d, *args), D), atol=1e-8
    )


def test_loss_of_the_twin_is_the_average_over_latents():
    """The latent average done by hand is that over points with mean and spread of the latents.

    It is exact, as the misfit is a square in z.
    """
    rng = np.random.default_rng(1)
    N, M, beta, lam = 6, 2, 0.7, 0.3
    W, V, D, x = *rng.standard_normal((2, N, M)), rng.uniform(0.5, 2, M), rng.standard_normal(N)
    mu = V.T @ x / np.sqrt(N)
    moved = np.sqrt(M) * np.diag(np.sqrt(D))
    z = mu + np.concatenate([moved, -moved])
    misfit = ((x - z @ W.T / np.sqrt(N)) ** 2).sum(axis=1) / 2 - (x**2).sum() / 2
    kl = 0.5 * (mu**2 + D - np.log(D) - 1).sum()
    decay = lam / (2 * N) * ((W**2).sum() + (V**2).sum())
    assert reference.loss(W, V, D, x, beta, lam) == pytest.approx(
        misfit.mean() + beta * kl + decay, rel=1e-13
    )


def check_vector_engine(params, save_after, steps):
    """Compare the vector engine with plain SGD on the same data points."""
    seed = np.random.SeedSequence(11)
    engine = engines.vector_engine(params)
    W, V, D = (array.copy() for array in engine.state)
    plain = W.T.copy(), V.T.copy(), D.copy()
    directions = teacher(params.dim, params.signal)
    betas = betas_of(params, steps)
    out = np.empty((len(save_after), count(params.latent, params.signal)))
    made = engine.advance(
        open_stream(seed), betas, np.array(save_after), W, V, D, *engine.constants, out
    )
    assert made == steps
    stream = reference.Stream(seed)
    rows = iter(out)
    for step in range(steps + 1):
        if step in save_after:
            expected = reference.overlaps(*plain, directions.T)
            np.testing.assert_allclose(next(rows), expected, atol=1e-10)
        if step < steps:
            c, n = stream.normals(params.signal), stream.normals(params.dim)
            x = directions.T @ (np.sqrt(params.strengths) * c) / np.sqrt(params.dim)
            x += np.sqrt(params.eta) * n
            plain = reference.sgd_step(*plain, x, betas[step], params.lam, params.lr)
    np.testing.assert_allclose(W.T, plain[0], atol=1e-10)
    np.testing.assert_allclose(V.T, plain[1], atol=1e-10)
    np.testing.assert_allclose(D, plain[2], atol=1e-10)


def test_vector_engine_is_its_twin_draw_for_draw(params):
    check_vector_engine(params, range(151), 150)


@pytest.mark.parametrize("latent", [1, 2])
@pytest.mark.parametrize("lam", [0.0, 8.0, 19.0, 20.0, 30.0])
def test_vector_engine_shrinks_weights_by_any_factor(latent, lam):
    """By 1 - lam/20 in every step: positive, almost zero, zero and negative."""
    params = vaedyn.Params(
        latent=latent, dim=20, rho=1.3, eta=0.7, lr=1.0, lam=lam, t_max=8, points=2
    )
    check_vector_engine(params, [0, 100], 150)


@pytest.mark.parametrize("dim", [5, 127, 128, 129, 511, 512, 513, 1200])
@pytest.mark.parametrize("latent", [1, 2])
def test_vector_engine_treats_blocks_of_any_length(latent, dim):
    params = vaedyn.Params(
        latent=latent, dim=dim, rho=1.3, eta=0.7, beta=0.8, lr=0.3, t_max=1, points=2
    )
    check_vector_engine(params, [0, 3], 7)


@pytest.mark.parametrize(
    ("latent", "signal", "dim", "noise"),
    [
        (1, 3, 33, None), (1, 1, 33, "1.3*0.25,0.4*0.75"), (3, 2, 300, "1.3*0.25,0.4*0.75"),
        (4, 1, 64, None), (5, 3, 520, None), (17, 2, 90, None), (33, 4, 160, None),
    ],
)  # fmt: skip
def test_steps_of_many_latents_that_are_made_together(latent, signal, dim, noise):
    """Beside plain SGD on the same draws, with saves that cut what is made together."""
    params = vaedyn.Params(
        latent=latent, signal=signal, dim=dim, rho=(2.3, 1.9, 1.2, 0.8)[:signal],
        eta=0.625 if noise else 0.7, noise=noise, beta=0.9, lam=0.3, lr=0.2, t_max=10, points=2,
        anneal="tanh:0.5", init_seed=3,
    )  # fmt: skip
    steps, save = 54, [0, 1, 18, 50]
    engine, seed = engines.vector_engine(params), np.random.SeedSequence(11)
    W, V, D = (array.copy() for array in engine.state)
    plain = W.T.copy(), V.T.copy(), D.copy()
    betas, out = betas_of(params, steps), np.empty((len(save), engine.width))
    given = W, V, D, *engine.constants
    stream = open_stream(seed)
    assert engine.advance(stream, betas, np.array(save), *given, out) == steps
    twin, (directions, constants) = open_stream(seed), engine.constants
    rows = iter(out)
    for step in range(steps + 1):
        if step in save:
            expected = reference.overlaps(*plain, directions.T)
            np.testing.assert_allclose(next(rows)[: len(expected)], expected, atol=1e-11)
        if step < steps:
            c, n = np.empty(len(constants.rho)), np.empty(dim)
            normals(twin, 1.0, c)
            normals(twin, 1.0, n)
            x = np.sqrt(constants.eta) * n
            if len(c):  # where noise is not white, signals are coordinates
                x += directions.T @ (np.sqrt(params.strengths) * c) / np.sqrt(dim)
            plain = reference.sgd_step(*plain, x, betas[step], params.lam, params.lr)
    for ours, theirs in zip((W.T, V.T, D), plain, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-11)
    np.testing.assert_array_equal(stream, twin)


@pytest.mark.parametrize("latent", [1, 3])
def test_a_variance_that_is_lost_ends_the_steps_there(latent):
    params = vaedyn.Params(latent=latent, dim=30, rho=1.3, lr=0.8, t_max=10, points=2, init_seed=3)
    engine = engines.vector_engine(params)
    betas = np.where(np.arange(60) < 37, 0.8, 900.0)  # D falls by 0.5 lr/N beta (1 - 1/D)
    W, V, D = (array.copy() for array in engine.state)
    seed = np.random.SeedSequence(4)
    stream, none = open_stream(seed), np.empty(0, int)
    D *= 1.4
    plain, steps, twin = (W.T.copy(), V.T.copy(), D.copy()), 0, open_stream(seed)
    made = engine.advance(stream, betas, none, W, V, D, *engine.constants, np.empty((0, 1)))
    directions, _ = engine.constants
    while (plain[2] > 0).all():
        c, n = np.empty(1), np.empty(30)
        normals(twin, 1.0, c)
        normals(twin, 1.0, n)
        x = directions.T @ (np.sqrt(params.strengths) * c) / np.sqrt(30) + n
        plain = reference.sgd_step(*plain, x, betas[steps], params.lam, params.lr)
        steps += 1
    assert made == steps - 1 == 37


def test_long_vectors_have_fewer_data_points_ahead():
    """The same steps in other groups: by saving after every one they are made one by one."""
    params = vaedyn.Params(
        latent=2, dim=LONG + 3, rho=1.3, eta=0.7, lam=0.3, beta=0.9, lr=0.2, t_max=1, points=2
    )
    found = []
    for save in ([0, 6], range(7)):
        engine = engines.vector_engine(params)
        state, out = [each.copy() for each in engine.state], np.empty((len(save), engine.width))
        stream = open_stream(np.random.SeedSequence(4))
        betas = np.linspace(0.3, 1.2, 6)
        assert engine.advance(stream, betas, np.array(save), *state, *engine.constants, out) == 6
        found.append((out[-1], *state))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_exact_engine_is_sgd_on_vectors_draw_for_draw(params):
    """The chain's draws, put together to a data point in R^N, make SGD do the same steps."""
    steps, seed = 150, np.random.SeedSequence(12)
    engine = engines.exact_engine(params)
    betas = betas_of(params, steps)
    out = np.empty((steps + 1, count(params.latent, params.signal)))
    made = engine.advance(
        open_stream(seed), betas, np.arange(steps + 1), *engine.state, *engine.constants, out
    )
    assert made == steps

    N, M, K = params.dim, params.latent, params.signal
    stream, directions = reference.Stream(seed), teacher(N, K).T
    (W, V), D = params.weights(), np.ones(M)
    W, V = W.T, V.T
    away = N - K - 2 * M
    for step in range(steps + 1):
        np.testing.assert_allclose(out[step], reference.overlaps(W, V, D, directions), atol=1e-9)
        if step == steps:
            break
        if step % DRAWN == 0:
            z = stream.normals(min(DRAWN, steps - step) * (K + 2 * M + 1))
            z = z.reshape(-1, K + 2 * M + 1)
        draws = z[step % DRAWN]
        far = np.sqrt(stream.chi_square(away, draws[-1]))
        Z = np.hstack([W, V])
        rest = Z - directions @ (directions.T @ Z) / N
        frame, triangle = np.linalg.qr(rest)
        frame *= np.sign(triangle.diagonal())
        x = directions @ (np.sqrt(params.strengths + params.eta) * draws[:K]) / np.sqrt(N)
        x += np.sqrt(params.eta) * frame @ draws[K:-1]
        if away:
            other = np.ones(N) / np.arange(1, N + 1) ** 2  # any direction out of all others
            known = np.hstack([directions / np.sqrt(N), frame])
            other -= known @ (known.T @ other)
            other -= known @ (known.T @ other)
            x += np.sqrt(params.eta) * far * other / np.linalg.norm(other)
        W, V, D = reference.sgd_step(W, V, D, x, betas[step], params.lam, params.lr)


@pytest.mark.parametrize("dim", [3, 4, 5, 60])
def test_the_kernel_for_one_latent_makes_the_steps_of_the_general_one(dim):
    init = "m=0.2,d=0.1,Q=0.5,E=0.6,R=0.2,D=0.9"
    params = vaedyn.Params(
        dim=dim, rho=1.3, eta=0.7, lam=0.1, lr=0.05, t_max=10, points=2, init=init
    )
    save, betas = np.array([0, 1, 77, 200]), np.linspace(0.2, 1.5, 200)
    results = []
    for kernel in (exact.advance, exact.advance_one):
        engine = engines.exact_engine(params)
        out, state = np.empty((4, 6)), [array.copy() for array in engine.state]
        stream = open_stream(np.random.SeedSequence(3))
        assert kernel(stream, betas, save, *state, *engine.constants, out) == 200
        results.append(np.concatenate([out.ravel(), *(array.ravel() for array in state)]))
    np.testing.assert_allclose(*results, rtol=1e-11, atol=1e-14)


LAW = {
    "M=1": ({"dim": 60, "lr": 0.2, "t_max": 20}, 1500),
    "M=2,M*=1": ({"dim": 60, "latent": 2, "lr": 0.2, "t_max": 20, "beta": 0.6}, 800),
    "M=2,M*=2": (
        {"dim": 60, "latent": 2, "signal": 2, "rho": (2, 1), "lr": 0.2, "t_max": 20},
        800,
    ),
}


@pytest.mark.parametrize(("model", "runs"), LAW.values(), ids=LAW.keys())
def test_exact_and_vector_engine_have_the_same_law(model, runs, monkeypatch):
    """All of it put together. What it misses (see `tests.shared.laws`) is exact in its parts:

    the steps draw for draw above, the laws of the draws in test_stream.
    """
    params = vaedyn.Params(points=5, init_seed=1, **model)

    def sample(engine):
        result = vaedyn.simulate(params, runs=runs, engine=engine, seed=5)
        variables = result.to_variables("run")
        parts = [variables[name][1][:, 1:] for name in NAMES]
        return np.concatenate([part.reshape(runs, -1) for part in parts], axis=1)

    vectors = sample("vector")
    assert_same_law(sample("exact"), vectors)

    def too_noisy(params):
        engine = engines.exact_engine(params)
        c, dim = engine.constants
        louder = 1.1**2 * (c.rho + c.eta) - c.eta  # 1.1 times as far along the signals
        return engine._replace(constants=(c._replace(rho=louder), dim))

    monkeypatch.setitem(sgd.ENGINES, "exact", too_noisy)
    assert_different_law(sample("exact"), vectors)


def test_the_norm_of_a_data_point_matters_to_the_law(monkeypatch):
    """Negative control on the term of order 1/N that only |x|^2 enters."""
    params = vaedyn.Params(dim=30, lr=0.5, t_max=20, points=3, init_seed=1)

    def sample():
        result = vaedyn.simulate(params, runs=1500, engine="exact", seed=5)
        return np.stack([result.Q[:, -1, 0, 0], result.E[:, -1, 0, 0]], axis=1)

    right = sample()

    def shorter(params):
        engine = engines.exact_engine(params)
        state = engine.state
        # two latents' worth of dimensions less for the noise, the rate unchanged
        return engine._replace(
            constants=(Constants.of(params, lr=params.lr * 20 / params.dim), 20), state=state
        )

    monkeypatch.setitem(sgd.ENGINES, "exact", shorter)
    assert_different_law(right, sample())


SINGULAR = {
    "collapsed, 3 10^7 steps": {"beta": 3, "t_max": 3e6},
    "spare latent, 10^7 steps": {"latent": 2, "beta": 1.3, "t_max": 1e6},
}


@pytest.mark.parametrize("model", SINGULAR.values(), ids=SINGULAR.keys())
def test_a_collapsed_latent_stays_a_possible_one(model):
    """The Gram matrix of the weights shrinks to a singular one, and never beyond."""
    params = vaedyn.Params(dim=10, lr=0.05, points=50, **model)
    result = vaedyn.simulate(params, runs=1)
    m, d, Q, E, R, D = (getattr(result, name)[0] for name in NAMES)
    both = np.concatenate([m, d], axis=1)
    gram = np.block([[Q, R], [np.swapaxes(R, 1, 2), E]])
    rest = gram - both @ np.swapaxes(both, 1, 2)
    scale = np.trace(gram, axis1=1, axis2=2) + np.finfo(float).tiny
    assert (np.linalg.eigvalsh(rest)[:, 0] >= -1e-12 * scale).all()
    collapsed = np.diagonal(Q, axis1=1, axis2=2).argmin(axis=1)[-1]
    assert Q[-1, collapsed, collapsed] == 0.0
    assert D[-1, collapsed] == pytest.approx(1.0)
    assert params.latent == 1 or Q[-1].max() > 0.3
