"""SGD on given data: step by step against a plain twin, and where it ends."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.data import learn as learning
from vaedyn.data import rows as rows_of_tables
from vaedyn.data.learn import DataParams, learn
from vaedyn.data.prediction import Prediction
from vaedyn.data.rows import Rows
from vaedyn.data.settling import kl_of
from vaedyn.kernels import rows
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import unpack
from vaedyn.store import ResultStore


def constants(**some):
    return Constants.of(vaedyn.Params(), **some)


def test_a_step_is_that_of_the_plain_twin():
    random = np.random.default_rng(1)
    for latent in (1, 3):
        W, V = random.standard_normal((2, latent, 12))
        D, x = random.uniform(0.5, 1, latent), random.standard_normal((6, 12))
        betas = random.uniform(0.1, 2, 6)
        plain = W.T.copy(), V.T.copy(), D.copy()
        for row, beta in zip(x, betas, strict=True):
            # weight decay of W and of V may differ
            new_W, _, new_D = reference.sgd_step(*plain, row, beta, 0.07, 0.2)
            plain = new_W, reference.sgd_step(*plain, row, beta, 0.03, 0.2)[1], new_D
        assert rows.advance(x, betas, W, V, D, constants(lam=0.07, lr=0.2), 0.03) == 6
        for ours, theirs in zip((W.T, V.T, D), plain, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_lost_variance_stops_it():
    W, V, D = np.full((1, 4), 2.0), np.zeros((1, 4)), np.array([0.01])
    c = constants(lam=0.0, lr=0.05)
    assert rows.advance(np.ones((5, 4)), np.zeros(5), W, V, D, c, 0.0) == 0


def spiked(samples=20_000, dim=20, seed=0):
    """Return data with two signals of strengths 3 and 1 in unit noise around some mean."""
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.standard_normal((dim, 2)))[0].T
    x = random.standard_normal((samples, dim))
    x += (random.standard_normal((samples, 2)) * np.sqrt([3.0, 1.0])) @ directions
    return x + 5.0, directions


PARAMS = DataParams(
    dim=20, latent=3, signal=2, rho=(3, 1), beta=1.5, lr=0.05, t_max=2000.0, points=21
)


def in_blocks(x, size=7000, digest="", unit=1.0):
    blocks = lambda: (x[i : i + size] for i in range(0, len(x), size))  # noqa: E731
    return Rows(blocks, x.mean(axis=0), len(x), unit, digest)


def test_latents_learn_what_is_predicted():
    x, directions = spiked()
    result = learn(PARAMS, in_blocks(x), directions)
    assert result.info["passes"] == 2
    expected = Prediction(PARAMS.strengths, 1.0, 20).kl_per_latent(1.5, 3)
    kls = np.sort(result.info["kl"])[::-1]
    np.testing.assert_allclose(kls, expected, atol=0.04)
    assert (kls > 0.05).sum() == 2
    # the overlaps with the signals are those of theory
    ends = np.sort(np.abs(result.m[0, -1]).max(axis=0))
    np.testing.assert_allclose(ends, np.sqrt([2 - 1.5, 4 - 1.5]), rtol=0.15)
    assert result.eps_g.shape == (1, 21)


@pytest.mark.parametrize("held", [1, 10])
def test_the_order_in_the_file_does_no_harm(monkeypatch, held):
    x, directions = spiked(20_000)
    ordered = x[np.argsort(np.abs((x - x.mean(axis=0)) @ directions[0]))]
    monkeypatch.setattr(rows_of_tables, "HELD", x.nbytes / held)
    params = replace(PARAMS, lr=0.15, t_max=900.0)  # less than one pass
    result = learn(params, in_blocks(ordered, 1000), directions)
    assert result.info["passes"] == 0.9
    expected = Prediction(PARAMS.strengths, 1.0, 20).kl_per_latent(1.5, 3)
    np.testing.assert_allclose(np.sort(result.info["kl"])[::-1], expected, atol=0.08)


@pytest.mark.parametrize("held", [1, 7])
def test_every_row_is_seen_once_a_pass(monkeypatch, held):
    x = np.arange(3000.0).reshape(1500, 2)
    monkeypatch.setattr(rows_of_tables, "HELD", x.nbytes / held)
    source = in_blocks(x, 400, unit=4.0)
    random = np.random.default_rng(0)
    passes = [np.concatenate(list(source.shuffled(random))) for _ in range(2)]
    for seen in passes:
        rows = np.sort(2 * seen[:, 0] + x[:, 0].mean())
        np.testing.assert_allclose(rows, x[:, 0], atol=1e-9)
        # the first part is one of the whole table
        assert abs(np.corrcoef(np.arange(1500), seen[:, 0])[0, 1]) < 4 / np.sqrt(1500)
    # and each pass has an order of its own
    assert abs(np.corrcoef(passes[0][:, 0], passes[1][:, 0])[0, 1]) < 4 / np.sqrt(1500)


def test_a_table_that_fits_is_read_once():
    x, directions = spiked(500)
    reads = []
    source = replace(in_blocks(x), blocks=lambda: reads.append(1) or iter([x]))
    for beta in (1.0, 2.0):
        learn(replace(PARAMS, t_max=100.0, beta=beta), source, directions)
    assert len(reads) == 1


@pytest.mark.parametrize("anneal", ["linear:3.0", "points:0=0.5,2=3,2=1,4=1.5", "tanh:0.5"])
def test_steps_are_those_of_the_plain_twin_in_the_users_units(anneal):
    x, directions = spiked(300)
    unit, lam, lr = 4.0, 0.3, 0.1
    params = replace(PARAMS, anneal=anneal, lam=lam, lr=lr, t_max=5.0, points=2)
    result = learn(params, in_blocks(x, unit=unit), directions, seed=3)
    W, V = (weights.T for weights in params.weights())
    state = W * np.sqrt(unit), V / np.sqrt(unit), np.ones(3)
    order = np.concatenate(list(in_blocks(x).shuffled(np.random.default_rng(3))))[:100]
    for step, row in enumerate(order):
        beta = float(params.schedule(np.array(step / 20), 1.5))
        W, V, D = reference.sgd_step(*state, row, beta, lam, 1.0)
        steps = [now - before for now, before in zip((W, V, D), state, strict=True)]
        # the gradient in the units of the data, at the rate of each of W, V and D
        rates = lr, lr / unit**2, lr / unit
        state = [a + rate * b for a, rate, b in zip(state, rates, steps, strict=True)]
    W, V, D = state
    np.testing.assert_allclose(result.D[0, -1], D, rtol=1e-9)
    np.testing.assert_allclose(result.Q[0, -1], W.T @ W / 20, rtol=1e-9)
    np.testing.assert_allclose(result.E[0, -1], V.T @ V / 20, rtol=1e-9)
    np.testing.assert_allclose(result.m[0, -1], W.T @ directions.T / 20**0.5, rtol=1e-8)
    np.testing.assert_allclose(result.d[0, -1], V.T @ directions.T / 20**0.5, rtol=1e-8)


def test_weight_decay_ends_where_predicted():
    x, directions = spiked()
    params = replace(PARAMS, lam=0.3, beta=1.2)
    s = np.linalg.eigvalsh(np.cov(x.T))[::-1]
    result = learn(replace(params, lr=0.1), in_blocks(x, unit=s[0]), directions)
    kls = np.sort(result.info["kl"])[::-1]
    np.testing.assert_allclose(kls, kl_of(s[:3], 1.2, 0.3), atol=0.05)
    assert np.abs(kls - kl_of(s[:3], 1.2)).max() > 0.1


def test_more_latents_than_half_of_the_columns():
    params = DataParams(dim=4, latent=4, signal=1, t_max=5, points=2)
    x = np.random.default_rng(0).standard_normal((50, 4))
    assert len(learn(params, in_blocks(x), np.eye(4)[:1]).info["kl"]) == 4
    with pytest.raises(vaedyn.ParameterError, match="at most 4"):
        replace(params, latent=5)
    with pytest.raises(vaedyn.ParameterError, match="gaussian"):
        replace(params, init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1")


def test_it_is_kept_under_data_and_seed(tmp_path):
    x, directions = spiked(500)
    params, store = replace(PARAMS, t_max=20.0), ResultStore(tmp_path)
    arguments = (params, in_blocks(x, digest="a"), directions)
    first = learn(*arguments, store=store)
    plain = learn(*arguments)
    for name in ("t", "m", "Q", "D", "eps_g"):
        np.testing.assert_array_equal(getattr(first, name), getattr(plain, name))
    again = learn(*arguments, store=store)
    assert again.source.reused
    assert again.info == first.info == plain.info
    others = in_blocks(x, digest="b")
    assert not learn(params, others, directions, store=store).source.reused
    other = learn(*arguments, seed=1, store=store)
    assert not other.source.reused
    np.testing.assert_array_equal(other.m[:, 0], first.m[:, 0])
    assert (other.m[:, 1:] != first.m[:, 1:]).all()


def test_a_store_does_not_take_data_that_it_cannot_tell_apart(tmp_path):
    x, directions = spiked(500)
    params, store = replace(PARAMS, t_max=1.0, points=2), vaedyn.store.ResultStore(tmp_path)
    with pytest.raises(vaedyn.ParameterError, match="^digest: a store tells data apart by it"):
        learn(params, in_blocks(x), directions, store=store)
    assert learn(params, in_blocks(x, digest="a"), directions, store=store).source


def test_divergence_and_lost_variances_are_said():
    x, directions = spiked(500)
    with pytest.raises(vaedyn.DivergenceError, match="--lr"):
        learn(replace(PARAMS, lr=3.0), in_blocks(x), directions)
    with pytest.raises(vaedyn.DivergenceError, match="reached zero"):
        learn(replace(PARAMS, beta=0), in_blocks(x), directions)
    with pytest.raises(vaedyn.ParameterError, match="20 columns"):
        learn(replace(PARAMS, dim=21), in_blocks(x), directions)


def test_the_longest_row_is_found(monkeypatch):
    x = np.random.default_rng(4).standard_normal((50, 3))
    x[31] = 9.0
    for held in (1, 4):  # at once, or in blocks
        monkeypatch.setattr(rows_of_tables, "HELD", x.nbytes / held)
        row, length = in_blocks(x, 7, unit=4.0).longest
        assert row == 31
        assert length == pytest.approx(((9 - x.mean(axis=0)) ** 2).sum() / 3 / 4)


def test_a_divergence_names_its_reason():
    x, directions = spiked(500)
    x[7] *= 30
    params = replace(PARAMS, beta=1.5, lr=0.4)
    unit = np.linalg.eigvalsh(np.cov(x.T))[-1]
    with pytest.raises(vaedyn.DivergenceError, match="longest row, number 8, needs one well below"):
        learn(params, in_blocks(x, unit=unit), directions)
    calm, directions = spiked(500)
    params = replace(PARAMS, beta=1e-4, lr=0.05)
    with pytest.raises(vaedyn.DivergenceError, match=r"\(D needs one well below 0\.008\)"):
        learn(params, in_blocks(calm), directions)


def test_progress_counts_steps():
    x, directions = spiked(500)
    told = []
    learn(
        replace(PARAMS, t_max=50.0), in_blocks(x), directions,
        progress=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    assert told[-1] == (1000, 1000)
    assert told == sorted(told)


def test_weights_of_constant_columns_do_not_linger_among_denormal_numbers():
    x, directions = spiked(500)
    x[:, 0] = 3.0
    run = learning._Run(replace(PARAMS, lr=0.3, t_max=6000.0, points=2), in_blocks(x), 0, None)
    run.states(directions)
    assert (run.W[:, 0] == 0).all()


def still(unit, beta, weight):
    """Return a run that hardly learns, and one of whose weights is as large as said."""
    x, directions = spiked(60)
    params = replace(PARAMS, beta=beta, lr=1e-12, t_max=0.5, points=2)
    run = learning._Run(params, in_blocks(x, unit=unit), 0, None)
    run.V[1, 3] = -weight
    return run, directions


@pytest.mark.parametrize(
    ("unit", "beta", "limit"),
    [(1.5, 2.0, 100.0), (4.0, 1.0, 200.0), (4.0, 0.01, 2000.0)],
)
def test_weights_that_grow_without_bound_are_noticed_though_variances_stay(unit, beta, limit):
    """The squared limit is 10^4, or as much times unit/beta, if that is more than 1."""
    run, directions = still(unit, beta, 0.999 * limit)
    assert np.isfinite(run.states(directions)).all()
    run, directions = still(unit, beta, 1.001 * limit)
    with pytest.raises(vaedyn.DivergenceError, match="before t = 0 at learning rate 1e-12"):
        run.states(directions)


def test_a_variance_is_lost_for_want_of_beta_or_for_large_steps():
    run, _ = still(4.0, 2.0, 1.0)
    for beta, text in ((0.5e-3, "beta is 0.002:"), (0.0, "beta is 0:")):
        assert f"an encoder variance D reached zero at t = 7, where {text}" in str(
            run.lost(7.0, beta)
        )
    assert str(run.lost(7.0, 0.51e-3)) == (
        "learning diverges before t = 7 at learning rate 1e-12: lower --lr"
    )
    none, _ = still(4.0, 0.0, 1.0)
    assert "reached zero" in str(none.lost(7.0, 0.1))


def test_the_reason_of_a_divergence_is_named_close_to_the_limit_only():
    run, _ = still(4.0, 2.0, 1.0)
    row, length = run.rows.longest
    limit = 2 / (1.5 * length)  # at beta = 0.5 in units of the largest variance
    assert limit < 40
    for share, named in ((0.199, False), (0.201, True)):
        run.params = replace(run.params, lr=share * limit)
        text = f"(the longest row, number {row + 1}, needs one well below {limit:.2g})"
        assert (text in str(run.lost(1.0, 0.5))) == named
    tiny, _ = still(4.0, 0.001, 1.0)  # 4 dim beta / unit = 0.02
    for share, named in ((0.199, False), (0.201, True)):
        tiny.params = replace(tiny.params, lr=share * 0.02)
        assert ("(D needs one well below 0.02)" in str(tiny.lost(1.0, 0.1))) == named


@pytest.mark.parametrize("held", [1, 3])
def test_the_kl_of_a_run_is_that_of_all_rows(monkeypatch, held):
    x, directions = spiked(300)
    monkeypatch.setattr(rows_of_tables, "HELD", x.nbytes / held)
    run = learning._Run(replace(PARAMS, t_max=40.0, points=2), in_blocks(x, 70, unit=4.0), 0, None)
    y = run.states(directions)
    mu = (x - x.mean(axis=0)) / 2 @ run.V.T / 20**0.5
    expected = 0.5 * ((mu**2).mean(axis=0) + run.D - np.log(run.D) - 1)
    np.testing.assert_allclose(run.kl(), expected, rtol=1e-12)
    parts = unpack(y[-1], 3, 2)
    np.testing.assert_allclose(parts["R"], run.W @ run.V.T / 20, rtol=1e-12)


def test_signals_are_at_most_as_many_as_columns():
    assert DataParams(dim=4, latent=3, signal=4, t_max=5, points=2).signal == 4
    with pytest.raises(vaedyn.ParameterError, match="^signal: must be at most 4, the columns"):
        DataParams(dim=4, latent=3, signal=5, t_max=5, points=2)


def test_blocks_without_rows_and_where_data_are_from_change_nothing(tmp_path):
    x, directions = spiked(120)
    plain = in_blocks(x)
    pieces = [x[:0], x[:50], x[50:50], x[50:]]
    gaps = replace(plain, blocks=lambda: iter(pieces), origin={"file": "mine.csv"}, digest="a")
    assert gaps.longest == (plain.longest[0], pytest.approx(plain.longest[1], rel=1e-14))
    params = replace(PARAMS, t_max=9.0, points=4)
    for store in (None, ResultStore(tmp_path)):
        result = learn(params, gaps, directions, store=store)
        assert result.info["file"] == "mine.csv"
        np.testing.assert_allclose(result.m, learn(params, plain, directions).m, rtol=1e-12)
