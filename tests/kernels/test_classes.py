"""Noise in classes: both engines against plain SGD draw for draw, in law, and against theory."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from tests.shared.laws import assert_different_law, assert_same_law
from vaedyn.kernels.stream import open_stream
from vaedyn.learning import engines
from vaedyn.learning.follow import Directions, follow, start_of
from vaedyn.model import coordinates
from vaedyn.model.quantities import NAMES

START = {
    "m": [[0.5, 0.1], [-0.1, 0.4]], "d": [[0.4, 0.1], [0, 0.3]], "Q": [[1, 0.1], [0.1, 0.9]],
    "E": [[0.8, 0.05], [0.05, 1.1]], "R": [[0.2, 0], [0.1, 0.2]], "D": [0.8, 0.9],
}  # fmt: skip
TWO = {
    "latent": 2, "signal": 2, "rho": (2.2, 1.1), "noise": "1.3*0.25,0.6*0.75", "beta": 0.6,
    "lam": 0.05, "lr": 0.2, "anneal": "tanh:0.1",
}  # fmt: skip
MODELS = {
    "M=1": {
        "dim": 60, "rho": 1.7, "noise": "2.1*0.1,0.7*0.4,0.3*0.5", "beta": 0.7, "lam": 0.1,
        "lr": 0.3,
    },
    "M=2": {**TWO, "dim": 50},
    "M=2, given": {**TWO, "dim": 50, "init": START},
    "M=2, small classes": {**TWO, "dim": 22, "noise": "2.1*0.05,0.9*0.1,0.5*0.15,0.2*0.7"},
    "M=2, many": {
        **TWO, "dim": 100, "noise": ",".join(f"{1.5 - 0.01 * k:g}" for k in range(98)),
    },
    "M=3, M*=1, every direction": {
        "dim": 7, "latent": 3, "rho": 1.3, "noise": "1.1,0.9,0.8,0.7,0.3,0.2", "beta": 0.8,
        "lam": 0.02, "lr": 0.05,
    },
}  # fmt: skip


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def params(request):
    return vaedyn.Params(t_max=10, points=2, **request.param)


def all_overlaps(W, V, D, along, K):
    """Return the order parameters of W, V (N, M), and S and A, for variances `along` of x."""
    N = len(W)
    y = reference.overlaps(W, V, D, np.sqrt(N) * np.eye(N, K))
    S, A = V.T @ (along[:, None] * V) / N, W.T @ (along[:, None] * V) / N
    return np.concatenate([y, S.ravel(), A.ravel()])


def spectrum_of(params):
    sizes = params.classes, params.strengths, params.eta, params.dim
    return coordinates.variances(*sizes)


def run(engine, params, steps):
    betas = params.schedule(np.arange(steps) / params.dim, params.beta)
    out = np.full((steps + 1, engine.width), np.nan)
    made = engine.advance(
        open_stream(np.random.SeedSequence(11)), betas, np.arange(steps + 1),
        *(array.copy() for array in engine.state), *engine.constants, out,
    )  # fmt: skip
    assert made == steps
    return betas, out


def test_vectors_make_the_steps_of_plain_sgd(params):
    steps, along = 150, spectrum_of(params)
    engine = engines.vector_engine(params)
    betas, out = run(engine, params, steps)
    W, V, D = (array.T.copy() for array in engine.state)
    stream = reference.Stream(np.random.SeedSequence(11))
    for step in range(steps + 1):
        expected = all_overlaps(W, V, D, along, params.signal)
        np.testing.assert_allclose(out[step], expected, atol=1e-10)
        if step < steps:
            x = np.sqrt(along) * stream.normals(params.dim)
            W, V, D = reference.sgd_step(W, V, D, x, betas[step], params.lam, params.lr)


def test_the_exact_chain_is_sgd_on_vectors_draw_for_draw(params):
    """The chain's draws, put together to a data point in R^N, make SGD do the same steps."""
    steps, along = 150, spectrum_of(params)
    N, M, K = params.dim, params.latent, params.signal
    betas, out = run(engines.exact_engine(params), params, steps)
    W, V, D = (array.T.copy() for array in engines.vector_engine(params).state)
    stream = reference.Stream(np.random.SeedSequence(11))
    for step in range(steps + 1):
        np.testing.assert_allclose(out[step], all_overlaps(W, V, D, along, K), atol=1e-9)
        if step == steps:
            break
        x = np.empty(N)
        classes = list(coordinates.members(params.classes, N, K))
        draws = stream.normals(K + len(classes) * (2 * M + 1))
        x[:K] = draws[:K]
        for c, own in enumerate(classes):
            z = draws[K + c * (2 * M + 1) :][: 2 * M + 1]
            frame, triangle = np.linalg.qr(np.hstack([W[own], V[own]]))
            frame *= np.sign(triangle.diagonal())
            x[own] = frame @ z[: frame.shape[1]]
            left = len(frame) - 2 * M
            if left > 0:
                other = np.ones(len(frame)) / np.arange(1, len(frame) + 1) ** 2
                for _ in range(2):
                    other -= frame @ (frame.T @ other)
                far = np.sqrt(stream.chi_square(left, z[-1]))
                x[own] += far * other / np.linalg.norm(other)
        x *= np.sqrt(along)
        W, V, D = reference.sgd_step(W, V, D, x, betas[step], params.lam, params.lr)


def sample(params, engine, runs, **options):
    result = vaedyn.simulate(params, runs=runs, engine=engine, seed=5, **options)
    parts = [getattr(result, name)[:, 1:] for name in (*NAMES, "kl_per_latent", "distortion")]
    return np.concatenate([part.reshape(runs, -1) for part in parts], axis=1)


@pytest.mark.parametrize("random_start", [False, True])
def test_both_engines_have_the_same_law(random_start):
    """Classes of 1, 3 and 16 directions; misses what `tests.shared.laws` says."""
    noise = "1.9*0.05,0.8*0.15,0.4*0.8"
    params = vaedyn.Params(**{**TWO, "noise": noise}, dim=22, t_max=20, points=3)
    vectors = sample(params, "vector", 800, random_start=random_start)
    assert_same_law(sample(params, "exact", 800, random_start=random_start), vectors)
    louder = params.replace(noise="1.9*0.05,0.8*0.15,0.52*0.8")
    assert_different_law(sample(louder, "exact", 800, random_start=random_start), vectors)


def distances(params, engine, runs, theories):
    """Return the largest distances of means from theories, 4 errors taken off, times N."""
    found = vaedyn.simulate(params, runs=runs, engine=engine)
    largest = []
    for theory in theories:
        off = []
        for name in (*NAMES, "kl_per_latent", "distortion"):
            values = getattr(found, name)
            error = values.std(axis=0, ddof=1) / np.sqrt(runs)
            off.append((np.abs(values.mean(axis=0) - getattr(theory, name)) - 4 * error).max())
        largest.append(params.dim * max(off))
    return largest


@pytest.mark.parametrize(("engine", "dim", "runs"), [("vector", 400, 60), ("exact", 1000, 60)])
def test_simulations_agree_with_theory(engine, dim, runs):
    """Within four errors of the mean and 4/N, which neither white noise of the same mean does

    nor classes with each other's shares. It misses what moves means by less than 0.01.
    """
    params = vaedyn.Params(**TWO, dim=dim, t_max=40, points=9, init=START)
    others = {"noise": None, "eta": params.eta}, {"noise": "1.3*0.75,0.6*0.25"}
    models = [params, *(params.replace(**other) for other in others)]
    right, *wrong = distances(params, engine, runs, [vaedyn.theory(each) for each in models])
    assert right < 4
    assert min(wrong) > 4 * dim / 400


def test_what_is_learned_needs_first_moments():
    """On a power law, two signals on top: second moments alone let latents share a direction.

    Their signs are then those of noise, and the repulsion between latents averages out.
    """
    dim = 200
    bulk = tuple((0.8 * k**-0.5, 1 / (dim - 2)) for k in range(1, dim - 1))
    params = vaedyn.Params(
        latent=2, signal=2, rho=(2.4, 1.9), noise=bulk, beta=0.7, lr=0.1, dim=dim, t_max=250,
        points=3, init_seed=4,
    )  # fmt: skip
    runs = vaedyn.simulate(params, runs=40, engine="vector")
    squares = (runs.m[:, -1] ** 2).sum(axis=1)  # of both latents on each signal
    mean, error = squares.mean(axis=0), squares.std(axis=0, ddof=1) / np.sqrt(40)
    directions, start = start_of(params)
    settings = {"beta": 0.7, "schedule": params.schedule, "lam": 0.0, "lr": 0.1}
    right = follow(directions, start, params.times(), **settings)
    assert (np.abs((right.m[-1] ** 2).sum(axis=0) - mean) < 4 * error + 4 / dim).all()
    s, eta, share = directions
    both = dict(start, m=np.empty((2, 0)), d=np.empty((2, 0)))
    for name, a, b in (("q", "m", "m"), ("e", "d", "d"), ("r", "m", "d")):
        along = dim * np.einsum("ik,jk->kij", start[a], start[b])
        both[name] = np.concatenate([along, start[name]])
    every = Directions([], np.append(s, eta), np.append(np.full(2, 1 / dim), share))
    wrong = follow(every, both, params.times(), **settings)
    sums = np.trace(wrong.q[-1, :2], axis1=1, axis2=2) / dim
    assert np.abs(sums - mean).max() > 0.2


@pytest.mark.parametrize("init", ["gaussian", START])
def test_theory_and_engines_start_alike(init):
    params = vaedyn.Params(**TWO, dim=202, t_max=1, points=2, init=init)  # 50 and 150 directions
    ode = vaedyn.theory(params)
    for engine in ("exact", "vector"):
        runs = vaedyn.simulate(params, runs=1, engine=engine)
        for name in (*NAMES, "kl_per_latent", "kl", "distortion", "eps_g"):
            np.testing.assert_allclose(
                getattr(runs, name)[0, 0], getattr(ode, name)[0], atol=1e-12, err_msg=name
            )


def test_the_gaussian_start_of_many_directions_is_that_of_all_at_once(monkeypatch):
    """It is read block by block, and classes begin and end anywhere in one."""
    params = vaedyn.Params(**{**TWO, "signal": 3, "rho": 1.5}, dim=61, t_max=1, points=2)
    once = params.products()
    coordinates._drawn_products.cache_clear()
    monkeypatch.setattr("vaedyn.model.start.BLOCK", 2)
    rng = np.random.default_rng(np.random.SeedSequence(0))
    monkeypatch.setattr(np.random, "default_rng", lambda _: rng)
    for a, b in zip(once, params.products(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    coordinates._drawn_products.cache_clear()


def test_directions_are_shared_out_as_classes_want():
    classes = np.array([(3.0, 0.5), (2.0, 0.3), (1.0, 0.2)])
    assert coordinates.counts(classes, 13, 3).tolist() == [5, 3, 2]
    for dim in range(12, 60):
        found = coordinates.counts(classes, dim, 2)
        assert found.sum() == dim - 2
        assert np.abs(found - classes[:, 1] * (dim - 2)).max() < 1
    equal = np.full((97, 2), 1 / 97)
    assert coordinates.counts(equal, 100, 3).tolist() == [1] * 97


def test_what_has_no_room_is_refused():
    params = vaedyn.Params(**{**TWO, "noise": "1.3*0.002,0.6*0.998"}, t_max=1, points=2)
    for compute in (vaedyn.theory, vaedyn.simulate):
        with pytest.raises(vaedyn.ParameterError, match=r"^noise: the share 0.002 .* raise --dim"):
            compute(params)
    assert vaedyn.theory(params.replace(init=START)).Q.shape == (2, 2, 2)
    few = params.replace(init=START, noise="1.3*0.01,0.6*0.99")
    for engine in ("exact", "vector"):
        with pytest.raises(vaedyn.ParameterError, match="^noise: in a class of 2 directions"):
            vaedyn.simulate(few, engine=engine)
    overlaps = vaedyn.Params(**TWO, init=START).overlaps()
    assert coordinates.products_at(np.array([4, 46]), **overlaps).shape == (2, 4, 4)
    with pytest.raises(vaedyn.ParameterError, match="^noise: in a class of 3 directions"):
        coordinates.products_at(np.array([3, 46]), **overlaps)
    # a start of lower rank has
    flat = few.replace(init="m=0.3,d=0.3,Q=0.09,E=0.09,R=0.09,D=1")
    for engine in ("exact", "vector"):
        assert np.isfinite(vaedyn.simulate(flat, runs=1, engine=engine).Q).all()


def test_a_class_of_few_directions_has_as_few_columns():
    weights = [np.random.default_rng(k).standard_normal((n, 4)) for k, n in enumerate((1, 2, 9))]
    within = np.array([w.T @ w for w in weights])
    found = coordinates.factors(np.array([1, 2, 9]), within)
    np.testing.assert_allclose(found @ found.swapaxes(1, 2), within, atol=1e-7)
    for triangle, columns in zip(found, (1, 2, 4), strict=True):
        assert (np.abs(triangle).max(axis=0) > 0).sum() == columns
