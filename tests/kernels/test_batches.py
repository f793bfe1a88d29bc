"""Training in batches, with momentum, three rates, sampled latents and Adam, beside plain twins."""

from itertools import product

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.kernels.stream import open_stream
from vaedyn.learning import engines
from vaedyn.learning import simulate as sgd
from vaedyn.learning.epochs import draw_rows
from vaedyn.model import coordinates
from vaedyn.model.start import teacher

OPTIMISERS = {
    "sgd": {},
    "momentum": {"momentum": 0.7},
    "adam": {"optimiser": "adam", "adam_betas": (0.8, 0.95), "adam_epsilon": 0.03},
}
RATES = {"one": 0.3, "three": (0.3, 0.2, 0.5)}
SIZES = {
    1: {"latent": 1, "rho": 1.7, "lam": 0.4},
    2: {"latent": 2, "signal": 3, "rho": (2.1, 1.3, 0.9), "lam": 0.3},
    3: {"latent": 3, "signal": 2, "rho": (1.8, 1.1), "lam": 0.6},
}
NOISES = {"white": {"eta": 0.6}, "classes": {"noise": "1.3*0.25,0.4*0.75"}}


def optimiser_of(params):
    return reference.Optimiser(
        adam=params.optimiser == "adam", rates=params.rates, decay=(params.lam, params.lam),
        momentum=params.momentum, betas=params.adam_betas, epsilon=params.adam_epsilon,
    )  # fmt: skip


def derivatives(f, *at):
    """Return the derivatives of f by each of its arguments, by differences."""
    found = []
    for which, x in enumerate(at):
        out = np.empty_like(x)
        for i in np.ndindex(x.shape):
            both = []
            for sign in (1, -1):
                moved = [each.copy() for each in at]
                moved[which][i] += sign * 1e-5
                both.append(f(*moved))
            out[i] = (both[0] - both[1]) / 2e-5
        found.append(out)
    return found


@pytest.mark.parametrize("sampled", [False, True])
def test_gradients_of_the_twin_are_those_of_the_loss(sampled):
    rng = np.random.default_rng(0)
    N, M, b, beta, lam = 7, 3, 4, 0.8, 0.3
    W, V, D = *rng.standard_normal((2, N, M)), rng.uniform(0.5, 2, M)
    X, xi = rng.standard_normal((b, N)), rng.standard_normal((b, M)) if sampled else None
    numeric = derivatives(lambda *at: reference.batch_loss(*at, X, xi, beta, lam), W, V, D)
    written = reference.batch_gradient(W, V, D, X, xi, beta)
    for ours, theirs, decay in zip(written, numeric, (lam * W / N, lam * V / N, 0.0), strict=True):
        np.testing.assert_allclose(ours + decay, theirs, atol=1e-8)


def test_the_mean_loss_over_sampled_latents_is_the_averaged_one():
    """Over points that have mean and covariance of xi: exact, as the misfit is a square in z."""
    rng = np.random.default_rng(1)
    N, M = 6, 2
    W, V, D, x = *rng.standard_normal((2, N, M)), rng.uniform(0.5, 2, M), rng.standard_normal(N)
    xi = np.sqrt(M) * np.concatenate([np.eye(M), -np.eye(M)])
    sampled = reference.batch_loss(W, V, D, np.tile(x, (2 * M, 1)), xi, 0.7, 0.3)
    assert sampled == pytest.approx(reference.loss(W, V, D, x, 0.7, 0.3), rel=1e-13)


def draw_point(stream, params, directions):
    """Return a data point, (N,), as the vector engine draws it."""
    if params.noise is not None:
        sizes = params.classes, params.strengths, params.eta, params.dim
        return np.sqrt(coordinates.variances(*sizes)) * stream.normals(params.dim)
    c, n = stream.normals(params.signal), stream.normals(params.dim)
    x = directions @ (np.sqrt(params.strengths) * c) / np.sqrt(params.dim)
    return x + np.sqrt(params.eta) * n


def check(params, pieces):
    """Compare the vector engine, called several times, with the twin on the same draws."""
    seed, N = np.random.SeedSequence(11), params.dim
    engine = engines.vector_engine(params)
    state = [array.copy() for array in engine.state]
    W, V, D = state[0].T.copy(), state[1].T.copy(), state[-1].copy()
    ours, theirs, optimiser = open_stream(seed), reference.Stream(seed), optimiser_of(params)
    directions = engine.constants[0].T
    betas = iter(params.schedule(np.arange(sum(pieces)) / N, params.beta))
    for steps in pieces:
        of_piece = np.array([next(betas) for _ in range(steps)])
        out = np.full((steps, engine.width), np.nan)
        save = np.arange(1, steps + 1)
        assert engine.advance(ours, of_piece, save, *state, *engine.constants, out) == steps
        for step in range(steps):
            X, xi = np.empty((params.batch, N)), np.empty((params.batch, params.latent))
            for k in range(params.batch):
                X[k] = draw_point(theirs, params, directions)
                if params.sampled:
                    xi[k] = theirs.normals(params.latent)
            arguments = (X, xi if params.sampled else None, of_piece[step])
            W, V, D = optimiser.step(W, V, D, reference.batch_gradient(W, V, D, *arguments))
            expected = reference.overlaps(W, V, D, directions)
            np.testing.assert_allclose(out[step, : len(expected)], expected, atol=1e-9)
    for ours, theirs in ((state[0].T, W), (state[1].T, V), (state[-1], D)):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


ALL = list(product(OPTIMISERS, RATES, SIZES, ("averaged", "sampled"), (1, 5)))


@pytest.mark.parametrize(("optimiser", "rates", "latent", "latents", "batch"), ALL)
def test_the_vector_engine_is_its_twin_draw_for_draw(optimiser, rates, latent, latents, batch):
    params = vaedyn.Params(
        dim=23, beta=0.7, anneal="tanh:0.5", init_seed=3, t_max=10, points=2, eta=0.6,
        lr=RATES[rates], batch=batch, latents=latents, **OPTIMISERS[optimiser], **SIZES[latent],
    )  # fmt: skip
    if params.plain:
        params = params.replace(momentum=1e-300)  # by the kernel of all others
    check(params, [4, 7])


@pytest.mark.parametrize(
    ("optimiser", "noise", "latent", "batch", "dim"),
    [
        ("momentum", "classes", 1, 3, 40),
        ("adam", "classes", 2, 4, 33),
        ("sgd", "white", 5, 8, 12),
        ("adam", "white", 4, 9, 129),
        ("momentum", "white", 9, 4, 24),
    ],
)
def test_groups_of_points_and_rows_of_any_length(optimiser, noise, latent, batch, dim):
    params = vaedyn.Params(
        dim=dim, latent=latent, rho=1.6, beta=0.8, lam=0.1, lr=(0.1, 0.2, 0.3), t_max=10, points=2,
        batch=batch, latents="sampled", **OPTIMISERS[optimiser], **NOISES[noise],
    )  # fmt: skip
    check(params, [3, 2])


def test_batches_of_one_are_the_steps_of_plain_sgd():
    plain = vaedyn.Params(
        dim=31, latent=2, signal=2, rho=(2.0, 1.1), eta=0.7, lam=0.2, lr=0.3, t_max=4, points=9
    )
    neutral = plain.replace(momentum=1e-300)
    results = []
    for params in (plain, neutral):
        engine = engines.vector_engine(params)
        state, out = [array.copy() for array in engine.state], np.empty((2, engine.width))
        stream = open_stream(np.random.SeedSequence(4))
        betas = np.linspace(0.5, 1.5, 100)
        save = np.array([50, 100])
        assert engine.advance(stream, betas, save, *state, *engine.constants, out) == 100
        results.append(out)
    np.testing.assert_allclose(*results, rtol=1e-11, atol=1e-13)


def test_a_lost_variance_is_where_the_engine_stops():
    """One noisy step of D takes it below zero; Adam's log D has none."""
    params = vaedyn.Params(
        dim=20, lr=(1e-3, 1e-3, 200.0), beta=0.6, latents="sampled", t_max=5, points=2
    )
    engine = engines.vector_engine(params)
    state, out = [array.copy() for array in engine.state], np.empty((0, engine.width))
    stream, none = open_stream(np.random.SeedSequence(0)), np.empty(0, int)
    made = engine.advance(stream, np.full(90, 0.6), none, *state, *engine.constants, out)
    assert made < 90
    assert not 0 < state[-1][0] < np.inf


@pytest.mark.parametrize("model", [{}, {"latent": 2, "latents": "sampled", "momentum": 0.3},
                                   {"optimiser": "adam", "latents": "sampled"}])  # fmt: skip
def test_rows_used_again_are_taken_in_batches_by_the_twin(model):
    """Batches of 7 out of 24 rows reach into the next epoch; every piece of the run counts."""
    params = vaedyn.Params(
        dim=12, alpha=2.0, batch=7, rho=1.4, eta=0.6, beta=0.7, lam=0.2, lr=(0.2, 0.1, 0.3),
        t_max=4, points=5, **model,
    )  # fmt: skip
    seeds = sgd.Seeds(0, sgd.experiment(params, "vector", False))
    found = vaedyn.simulate(params, runs=1).states[0]
    stream = reference.Stream(seeds.of(0))
    of_rows, order = (np.random.default_rng(each) for each in seeds.of(0, 1).spawn(2))
    table = draw_rows(params, of_rows)
    chosen = np.concatenate([order.permutation(24) for _ in range(48 * 7 // 24)])
    W, V = (weights.T for weights in params.weights())
    D, optimiser, states = np.ones(params.latent), optimiser_of(params), []
    for step in range(49):
        states.append(reference.overlaps(W, V, D, teacher(12, 1).T))
        X = table[chosen[7 * step : 7 * step + 7]]
        if step < 48:
            xi = stream.normals(7 * params.latent).reshape(7, -1) if params.sampled else None
            W, V, D = optimiser.step(W, V, D, reference.batch_gradient(W, V, D, X, xi, 0.7))
    np.testing.assert_allclose(found, states[::12], atol=1e-9)


def test_a_batch_is_no_larger_than_the_table():
    params = vaedyn.Params(dim=12, alpha=2.0, t_max=1, points=2)
    assert vaedyn.simulate(params, batch=24, runs=1).Q.shape == (1, 2, 1, 1)
    with pytest.raises(vaedyn.ParameterError, match="^batch: must be at most 24, the rows, got 25"):
        vaedyn.simulate(params, batch=25, runs=1)


def test_adam_is_for_the_vector_engine():
    params = vaedyn.Params(dim=12, optimiser="adam", t_max=1, points=2)
    by_default = vaedyn.simulate(params, runs=2)
    np.testing.assert_array_equal(by_default.Q, vaedyn.simulate(params, runs=2, engine="vector").Q)
    with pytest.raises(vaedyn.ParameterError, match="exact.* vector"):
        vaedyn.simulate(params, runs=2, engine="exact")


@pytest.mark.parametrize("optimiser", ["momentum", "adam"])
def test_runs_do_not_depend_on_calls_and_may_start_at_random(optimiser, monkeypatch):
    params = vaedyn.Params(
        dim=15, batch=2, t_max=3, points=4, latents="sampled", lr=0.1, **OPTIMISERS[optimiser]
    )
    how = {"runs": 2, "engine": "vector", "random_start": True}
    one = vaedyn.simulate(params, **how)
    assert (one.Q[0, 0] != one.Q[1, 0]).all()
    monkeypatch.setattr(sgd, "SECONDS_AT_ONCE", 1e-9)
    np.testing.assert_array_equal(one.states, vaedyn.simulate(params, **how).states)


def test_divergence_names_all_rates_and_momentum():
    params = vaedyn.Params(dim=20, lr=(9.0, 8.0, 0.1), momentum=0.5, t_max=50, points=3)
    with pytest.raises(vaedyn.DivergenceError, match="rate 9, 8, 0.1 and momentum 0.5: lower --lr"):
        vaedyn.simulate(params, runs=1, engine="vector")


@pytest.mark.parametrize(
    "unusual",
    [
        {"adam_epsilon": 0.0},
        {"adam_betas": (0.0, 1e-3), "adam_epsilon": 0.0},
        {"adam_epsilon": 1e12, "t_max": 1},
        {"beta": 0.0, "t_max": 1},
        {"init": "m=0,d=0,Q=0,E=0,R=0,D=1", "adam_epsilon": 0.0, "beta": 3.0},
        {"lam": 50.0},
    ],
)
def test_adam_stands_unusual_values(unusual):
    values = {"dim": 10, "optimiser": "adam", "t_max": 50, "points": 3, "lr": 0.2, **unusual}
    for latents in ("averaged", "sampled"):
        found = vaedyn.simulate(**values, latents=latents, runs=1)
        assert np.isfinite(found.states).all()
