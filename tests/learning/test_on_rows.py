"""Learning on rows that are used again: their directions, and theory beside SGD."""

import logging

import numpy as np
import pytest

from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.trained_on_rows import trained_on_rows
from vaedyn.learning.epochs import Epochs, check_rows, draw_rows
from vaedyn.learning.on_rows import on_rows
from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params
from vaedyn.model.sample_covariance import edge, outlier, overlap, share_of_null, shares_of_truth
from vaedyn.model.start import teacher
from vaedyn.store import ResultStore

START = "m=0.4,d=0.3,Q=1,E=0.9,R=0.1,D=0.8"
LAWS = [
    (1.2, 0.6, 1.0),
    (1.5, 0.8, 0.3),
    (1.5, 0.8, 2.5),
    (0.5, 0.8, 1.4),
    (0.3, 0.7, 0.4),
    (3.0, 0.5, 5.0),
]


@pytest.mark.parametrize(("rho", "eta", "gamma"), LAWS)
def test_the_truth_is_all_there_and_has_its_variance(rho, eta, gamma):
    """Sum rules: |u|^2 = 1, and u^T C u = rho + eta on average over rows."""
    n = 4000
    angles = (np.arange(n) + 0.5) * np.pi / n
    part = shares_of_truth(rho, eta, gamma, angles) * np.pi / n
    x = eta * (1 + gamma - 2 * np.sqrt(gamma) * np.cos(angles))
    top, c2 = float(outlier(rho, eta, gamma)), float(overlap(rho, eta, gamma))
    assert part.min() >= 0
    assert part.sum() + c2 + share_of_null(rho, eta, gamma) == pytest.approx(1, rel=1e-9)
    assert part @ x + c2 * top == pytest.approx(rho + eta, rel=1e-9)


def moments_of_rows(params, draws, seed):
    """Return u^T C^j u and tr C^j/N for j = 1, 2, 3, from drawn rows (draws, 2, 3)."""
    random, found = np.random.default_rng(seed), []
    u = teacher(params.dim, 1)[0] / np.sqrt(params.dim)
    for _ in range(draws):
        rows = draw_rows(params, random)
        C = rows.T @ rows / len(rows)
        powers = [C, C @ C, C @ C @ C]
        found.append([[u @ x @ u for x in powers], [np.trace(x) / params.dim for x in powers]])
    return np.array(found)


@pytest.mark.parametrize(("rho", "eta", "gamma"), [LAWS[0], LAWS[1], LAWS[3]])
def test_directions_have_the_moments_of_drawn_rows(rho, eta, gamma):
    """Moments see the whole spectrum; would miss errors below 2 % (classes are 40)."""
    params = Params(dim=300, rho=rho, eta=eta, alpha=1 / gamma)
    seen = moments_of_rows(params, 30, 1)
    found = on_rows(params)
    s, classes, shares = found.directions
    assert shares.sum() == pytest.approx(1)
    assert (found.parts**2).sum() == pytest.approx(1, abs=1e-5)
    mean, error = seen.mean(axis=0), seen.std(axis=0, ddof=1) / 30**0.5
    for j in (1, 2, 3):
        of_truth = (found.parts[:, 0] ** 2) @ s**j
        assert abs(of_truth - mean[0, j - 1]) < 4 * error[0, j - 1] + 0.01 * of_truth
        rest = shares @ classes**j  # that of one outlier is of order 1/N
        most = (float(outlier(rho, eta, gamma)) ** j + eta**j) / 300
        assert abs(rest - mean[1, j - 1]) < 4 * error[1, j - 1] + 0.01 * rest + most
        wrong = (rho + eta) ** j  # if the truth were an eigenvector
        if j > 1:
            assert abs(wrong - mean[0, j - 1]) > 5 * error[0, j - 1]


CASES = [
    {"alpha": 3.0, "rho": 1.5, "eta": 0.8, "beta": 1.2},
    {"alpha": 0.6, "rho": 2.5, "eta": 0.7, "beta": 1.5, "lam": 0.1},
    {"alpha": 2.0, "rho": (3.0, 1.5), "eta": 0.6, "beta": 0.8, "signal": 2, "latent": 2,
     "init": {"m": [[0.4, 0.1], [-0.1, 0.3]], "d": [[0.3, 0.1], [-0.1, 0.2]], "Q": 1, "E": 0.9,
              "R": 0.1, "D": 0.8}},
]  # fmt: skip


@pytest.mark.parametrize("model", CASES)
def test_sgd_follows_theory_at_four_standard_errors(model):
    """Corrections of order 1/N are allowed for. Fresh data would be off by far more."""
    params = Params(**{"init": START, **model, "dim": 500, "lr": 0.03, "t_max": 150, "points": 16})
    runs = simulate(params, runs=8, engine="vector")
    line, fresh = theory(params), theory(params.replace(alpha=None))
    for name in ("eps_g", "kl", "Q", "D"):
        mean = getattr(runs, name).mean(axis=0)
        error = getattr(runs, name).std(axis=0, ddof=1) / 8**0.5
        expected = getattr(line, name)
        room = 4 * error + 6 / params.dim * max(1, np.abs(expected).max())
        assert (np.abs(mean - expected) < room).all(), name
    error = runs.eps_g.std(axis=0, ddof=1) / 8**0.5
    assert np.abs(runs.eps_g.mean(axis=0) - fresh.eps_g)[-1] > 6 * error[-1]


@pytest.mark.parametrize("model", CASES)
def test_learning_ends_in_the_state_of_lowest_loss(model):
    """A latent on noise ends at the edge, and one on a signal on its outlier."""
    params = Params(**{"init": START, **model, "lr": 0.05, "t_max": 40000, "points": 3})
    end, expected = theory(params), trained_on_rows(params)
    assert end.eps_g[-1] == pytest.approx(expected.eps_g, rel=2e-3)
    np.testing.assert_allclose(np.sort(end.D[-1]), np.sort(expected.D), rtol=2e-3)
    assert end.kl[-1] == pytest.approx(expected.kl, rel=2e-3)


def test_below_the_transition_only_the_edge_is_learned():
    params = Params(alpha=0.4, rho=0.8, eta=0.9, beta=0.9, init=START, lr=0.05, t_max=1e4, points=3)
    end = theory(params)
    top = edge(0.9, 2.5)
    assert end.Q[-1, 0, 0] == pytest.approx(top - 0.9, rel=0.03)
    assert abs(end.m[-1, 0, 0]) < 0.3
    assert trained_on_rows(params).phase == "noise-fitting"


def test_many_rows_are_fresh_data_at_a_small_rate():
    params = Params(rho=1.5, eta=0.8, beta=1.1, lam=0.1, init=START, lr=1e-4, t_max=2e5, points=9)
    many, fresh = theory(params.replace(alpha=1e6)), theory(params)
    np.testing.assert_allclose(many.states, fresh.states, atol=3e-3)


def test_shuffling_cancels_the_noise_of_sgd_and_drawing_rows_does_not():
    """Beside the optimum on the same rows: 0.000(2) for epochs, 0.038 for rows at random."""
    from vaedyn.kernels import rows as kernel
    from vaedyn.kernels.constants import Constants
    from vaedyn.model.state import generalisation_error

    params = Params(dim=150, alpha=3.0, beta=1.2, rho=1.5, eta=0.8, lr=0.1, t_max=100, init=START)
    off = []
    for seed in range(8):
        states = []
        epochs = Epochs(params, np.random.SeedSequence(seed))
        table = draw_rows(params, np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[0]))
        random = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(table.T @ table / len(table))
        W = vectors[:, -1:].T * np.sqrt(150 * (values[-1] - 1.2))
        states.append(W)
        for shuffled in (True, False):
            weights, D, sums = [x.copy() for x in params.weights()], np.ones(1), []
            for piece in range(150):
                step = (np.full(150, 1.2), *weights, D)
                if shuffled:
                    rest = teacher(150, 1), Constants.of(params), np.empty((0, 6))
                    none = np.empty(0, np.uint64)
                    epochs.advance(none, step[0], none.astype(int), *step[1:], *rest)
                else:
                    chosen = table[random.integers(len(table), size=150)]
                    kernel.advance(chosen, *step, Constants.of(params), 0.0)
                if piece > 80:
                    sums.append(weights[0].copy())
            states.append(sums)
        errors = []
        for each in (states[0][None], *states[1:]):
            own = [generalisation_error(w @ teacher(150, 1).T / 150, w @ w.T / 150, np.array([1.5]))
                   for w in each]  # fmt: skip
            errors.append(np.mean(own))
        off.append([errors[1] - errors[0], errors[2] - errors[0]])
    (shuffled, drawn), error = np.mean(off, axis=0), np.std(off, axis=0, ddof=1) / 8**0.5
    assert abs(shuffled) < 4 * error[0] + 2e-3
    assert drawn > 0.02


@pytest.mark.parametrize("z", [0.3, 1.5])
def test_the_share_of_noise_that_shuffling_leaves_is_that_of_the_page(z):
    """A mode of one number, at the ends of epochs: 1 - tanh(z)/z of what drawing gives, 1."""
    random, rows, replicas = np.random.default_rng(1), 100, 3000
    pushes = random.standard_normal((replicas, rows))
    pushes -= pushes.mean(axis=1, keepdims=True)
    decay = np.exp(-2 * z / rows)
    weights = decay ** np.arange(rows)[::-1]
    x = np.zeros((2, replicas))
    for _ in range(int(8 / z) + 2):
        shuffled = random.permuted(pushes, axis=1)
        drawn = np.take_along_axis(pushes, random.integers(rows, size=pushes.shape), axis=1)
        x = decay**rows * x + np.stack([shuffled @ weights, drawn @ weights])
    share = (x[0] ** 2).mean() / (x[1] ** 2).mean()
    expected = 1 - np.tanh(z) / z
    assert abs(share / expected - 1) < 4 * np.sqrt(4 / replicas) + 0.02


def test_every_row_is_used_once_in_an_epoch_and_runs_are_their_own():
    params = Params(dim=6, alpha=1.5, t_max=50, points=2)
    epochs = Epochs(params, np.random.SeedSequence(3))
    epoch = np.concatenate([epochs._next(4), epochs._next(100)])
    again = epochs._next(9)
    assert len(epoch) == len(again) == 9
    order = np.lexsort(epoch.T)
    np.testing.assert_array_equal(epoch[order], again[np.lexsort(again.T)])
    assert (epoch != again).any()
    other = Epochs(params, np.random.SeedSequence(4))._next(9)
    assert not np.isin(other, epoch).any()


def test_runs_are_extended_in_the_store(tmp_path):
    params = Params(dim=20, alpha=2.0, t_max=5, points=3, init=START)
    store = ResultStore(tmp_path)
    two = simulate(params, runs=2, engine="vector", store=store)
    three = simulate(params, runs=3, engine="vector", store=store)
    alone = simulate(params, runs=3, engine="vector", jobs=1)
    np.testing.assert_array_equal(three.states[:2], two.states)
    other = simulate(params.replace(alpha=2.1), runs=2, engine="vector", store=store)
    assert not other.source.reused
    np.testing.assert_array_equal(three.states, alone.states)
    fresh = simulate(params.replace(alpha=None), runs=2, engine="vector")
    assert (fresh.states[:, -1] != two.states[:, -1]).any()


def test_saves_do_not_change_the_steps():
    params = Params(dim=15, alpha=4.0, t_max=40, points=2, latent=2, init="gaussian")
    few = simulate(params, runs=2, engine="vector")
    many = simulate(params.replace(points=301), runs=2, engine="vector")
    np.testing.assert_allclose(few.states[:, -1], many.states[:, -1], rtol=1e-12)


def test_what_is_not_possible_is_refused(caplog):
    params = Params(dim=40, alpha=2.0, t_max=5, points=2)
    with pytest.raises(ParameterError, match="^engine: exact draws fresh data"):
        simulate(params, engine="exact")
    with pytest.raises(ParameterError, match="^alpha: needs .* GB for"):
        simulate(params.replace(dim=10**5, alpha=1e6), engine="vector")
    mixed = params.replace(noise="1.2*0.5,0.8*0.5")
    for function in (theory, lambda p: simulate(p, engine="vector")):
        with pytest.raises(ParameterError, match="^noise: is not derived"):
            function(mixed)
    with caplog.at_level(logging.WARNING):
        theory(params.replace(alpha=30.0, lr=0.1))
    assert "an epoch is long against learning" in caplog.text


@pytest.mark.parametrize(("dim", "said"), [(499, False), (501, True)])
def test_many_rows_are_worth_a_word_and_no_more_than_there_is_room_for(
    dim, said, monkeypatch, caplog
):
    params = Params(dim=dim, alpha=5e5 / dim)  # of 500 columns they need 2 GB
    monkeypatch.setattr("vaedyn.learning.epochs.free_memory", lambda: 5e9)
    check_rows(params, "vector", 2)
    words = "needs 4.01 GB for 500000 rows of 501 entries in 2 runs at a time; fewer jobs need less"
    assert (words in caplog.text) == bool(caplog.text) == said
    with pytest.raises(ParameterError, match="^alpha: needs .* in 3 runs at a time, more than is"):
        check_rows(params, "vector", 3)


def test_rows_used_again_are_simulated_by_the_engine_that_can():
    params = Params(dim=30, alpha=2.0, t_max=2.0, points=3, lr=0.1)
    chosen, said = simulate(params, runs=2), simulate(params, runs=2, engine="vector")
    np.testing.assert_array_equal(chosen.Q, said.Q)
    fresh = params.replace(alpha=None)
    np.testing.assert_array_equal(
        simulate(fresh, runs=2).Q, simulate(fresh, engine="exact", runs=2).Q
    )
