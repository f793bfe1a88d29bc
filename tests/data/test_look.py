"""Tables of users from Python: what is found is what the commands print, in memory or in files."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.data.collapse import collapse
from vaedyn.data.convention import Convention
from vaedyn.data.judge import judge, overview
from vaedyn.data.look import look
from vaedyn.data.spectrum import covariance_spectrum, passes_over
from vaedyn.data.train import train
from vaedyn.store import ResultStore
from vaedyn.tables.table import TableError, as_table


@pytest.fixture(scope="module")
def data():
    """Signals of strengths 8 and 3 in unit noise."""
    x = np.random.default_rng(3).standard_normal((2000, 12))
    x[:, :2] *= np.sqrt([9, 4])
    return x + 7


@pytest.fixture(scope="module")
def found(data):
    return look(data)


@pytest.mark.parametrize("standardise", [False, True])
def test_it_is_the_same_in_memory_and_in_a_file(data, tmp_path, standardise):
    np.save(tmp_path / "data.npy", data)
    held = look(data, standardise=standardise)
    read = look(tmp_path / "data.npy", standardise=standardise)
    np.testing.assert_array_equal(held.spectrum.eigenvalues, read.spectrum.eigenvalues)
    assert (held.source, read.source) == (None, None)
    again = train(read, latent=1, t_max=20.0, points=2).measured
    np.testing.assert_array_equal(train(held, latent=1, t_max=20.0, points=2).measured, again)
    assert read.rows.origin["file"] == str(tmp_path / "data.npy")


def test_standardised_columns_are_looked_at(data):
    scaled = look(data * np.arange(1, 13), standardise=True)
    expected = np.linalg.eigvalsh(np.corrcoef(data.T))[::-1]
    np.testing.assert_allclose(scaled.spectrum.eigenvalues, expected, rtol=1e-9)
    rows = np.concatenate(list(scaled.rows.scaled())) * scaled.rows.unit**0.5
    np.testing.assert_allclose(rows.std(axis=0, ddof=1), 1, rtol=1e-9)


def test_a_store_is_shared_with_the_commands(run, data, tmp_path):
    np.save(tmp_path / "data.npy", data)
    done = run("simulate --data data.npy --latent 1 --t-max 20 --json").json
    store = ResultStore(tmp_path / "vaedyn-store")
    result = train("data.npy", latent=1, t_max=20.0, store=store)
    assert result.look.source.reused
    assert result.trajectory.source.key == done["key"]
    assert result.measured.tolist() == done["kl_per_latent"]["measured"]
    assert result.predicted.tolist() == done["kl_per_latent"]["predicted"]
    assert list(result.warnings) == done["warnings"]
    assert dict(zip(("predicted", "measured"), result.active, strict=True)) == done["active_units"]


def test_tables_in_memory_are_found_by_their_numbers(run, data, tmp_path):
    store = ResultStore(tmp_path / "vaedyn-store")
    first = train(data, t_max=5.0, points=2, store=store)
    assert train(data.copy(), t_max=5.0, points=2, store=store).trajectory.source.reused
    others = [data[::-1], data.astype("f4"), data.reshape(-1, 6)]
    digests = {as_table(each).digest() for each in (data, *others)}
    assert len(digests) == 4
    for key, name in ((first.trajectory.source.key, "simulate --data"),
                      (first.look.source.key, "spectrum")):  # fmt: skip
        again = run("store show --json", key).json["reproduce"]
        assert again.startswith(f"vaedyn {name} DATA ")


def test_training_ends_where_predicted(data, found):
    told = []
    result = train(
        found, 2.0, latent=3, lr=0.02, t_max=8000.0, progress=lambda *at: told.append(at)
    )
    np.testing.assert_allclose(result.measured, result.predicted, atol=0.03)
    s = np.linalg.eigvalsh(np.cov(data.T, bias=True))[:-4:-1]
    np.testing.assert_allclose(result.predicted, np.maximum(0.5 * np.log(s / 2), 0), atol=1e-9)
    assert (result.active, result.passes) == ((2, 2), 48)
    assert result.difference is result.slowed is None
    assert result.look is found
    assert told[-1] == (result.params.steps,) * 2


def test_a_prediction_that_is_missed_has_a_reason(found):
    result = train(found, t_max=50.0)
    assert result.difference.short == "latents still mixed"
    assert result.warnings[-1] == result.difference.text
    assert "Training\n  params: " in repr(result)


def test_results_can_be_pickled(data, tmp_path):
    np.save(tmp_path / "data.npy", data)
    for each in (data, tmp_path / "data.npy"):
        result = train(look(each, standardise=True), latent=1, t_max=5.0, points=2)
        copy = pickle.loads(pickle.dumps(result))
        np.testing.assert_array_equal(copy.measured, result.measured)
        again = train(copy.look, latent=1, t_max=5.0, points=2)
        np.testing.assert_array_equal(again.measured, result.measured)


@pytest.mark.parametrize(
    "change",
    [{"beta": -1}, {"seed": -1}, {"latent": 13}, {"eta": 1}, {"anneal": "tahn"}, {"init": "m=1"}],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_anything_is_kept(data, tmp_path, change):
    store = ResultStore(tmp_path / "store")
    with pytest.raises(vaedyn.ParameterError) as error:
        train(data, **change, store=store)
    assert error.value.name in change
    assert not list((tmp_path / "store").glob("*.h5"))


def test_what_is_no_table_is_refused(tmp_path):
    for shape in ((5,), (5, 0), (2, 3, 4, 1, 1)):
        with pytest.raises(vaedyn.ParameterError, match="expected a table"):
            look(np.ones(shape))
    with pytest.raises(vaedyn.ParameterError, match="expected real numbers"):
        look(np.array([["a", "b"], ["c", "d"]]))
    with pytest.raises(TableError, match="there is no file"):
        look(tmp_path / "none.npy")
    with pytest.raises(vaedyn.ParameterError, match="spikes: must be below 3"):
        look(np.ones((5, 3)), spikes=3)


def test_weights_are_judged_in_the_users_units(found):
    convention = Convention("mean")
    ours = judge(found, beta=2.0)
    theirs = judge(found, weight=2.0 * convention.factor(12), convention=convention)
    assert theirs.row == ours.row
    assert (ours.weight, ours.row.beta, ours.mark) == (2.0, 2.0, "yours")
    assert (ours.row.active, ours.on_noise) == (2, 0)
    below = judge(found, beta=0.5, latents=5)
    assert (below.row.active, below.on_noise) == (5, 3)
    best = judge(found)
    assert (best.row.beta, best.mark) == (found.prediction.beta, "recommended")
    crowded = replace(found, analysis=replace(found.analysis, no_floor="so it is"))
    assert judge(crowded, beta=0.5).on_noise is None
    with pytest.raises(vaedyn.ParameterError, match="excludes beta"):
        judge(found, weight=1.0, beta=1.0)


def test_an_overview_goes_from_all_latents_to_none(found):
    yours = judge(found, beta=1.7)
    every = overview(found, yours=yours)
    weights = [each.weight for each in every]
    assert weights == sorted(weights)
    assert (every[0].row.active, every[-1].row.active) == (12, 0)
    assert {each.mark for each in every} == {"", "recommended", "yours"}
    assert yours in every


def test_latents_collapse_one_by_one(data, found):
    told = []
    result = collapse(found, simulations=3, latent=2, progress=lambda *at: told.append(at))
    s = np.linalg.eigvalsh(np.cov(data.T, bias=True))[:-3:-1]
    eta = found.analysis.eta
    np.testing.assert_allclose(result.beta, np.geomspace(0.5 * eta, 1.3 * s[0], 3), rtol=1.1e-3)
    expected = np.maximum(0.5 * np.log(s / result.beta[:, None]), 0)
    np.testing.assert_allclose(result.predicted, expected, atol=1e-9)
    np.testing.assert_allclose(result.measured, expected, atol=0.02)
    np.testing.assert_allclose(
        result.lines, np.maximum(0.5 * np.log(s / result.fine[:, None]), 0), atol=1e-9
    )
    assert result.missed == ()
    done = [at for at, _ in told]
    assert done == sorted(done)
    assert told[-1][0] == told[-1][1] == sum(each.params.steps for each in result.trainings)
    assert {each.slowed for each in result.trainings} == {None}
    hurried = collapse(found, simulations=2, latent=2, t_max=10.0)
    assert hurried.missed[0].startswith(f"at beta = {hurried.beta[0]:g} measured and predicted KL")


@pytest.mark.parametrize(
    ("shape", "standardise", "times"),
    [((40, 6), False, 3), ((40, 6), True, 4), ((6, 40), False, 4)],
)
def test_progress_counts_rows_pass_by_pass(shape, standardise, times):
    seen = []
    x = np.random.default_rng(2).standard_normal(shape)
    vaedyn.look(x, standardise=standardise, progress=lambda *each: seen.append(each))
    total = times * shape[0]
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_passes_are_those_that_are_made():
    calls = []
    x = np.random.default_rng(2).standard_normal((210, 200))

    def blocks():
        calls.append(1)
        yield x

    covariance_spectrum(blocks, 3, largest_exact=5, passes=6)
    assert len(calls) == passes_over(4000, 3001, 6) == 8
    assert passes_over(3000, 4000, 6) == passes_over(4000, 3000, 6) + 1 == 4


def test_long_rows_are_blamed_for_a_learning_rate_that_was_not_asked_for(data):
    long = data.copy()
    long[3] *= 60
    for chosen, slow in (({}, True), ({"lr": 1e-4}, False)):
        model = {"latent": 1, "t_max": 1.0, **chosen}
        trainings = [*collapse(long, simulations=2, **model).trainings, train(long, **model)]
        trainings.append(vaedyn.watch(long, points=2, **model).training)
        texts = [each.slowed or "" for each in trainings]
        assert [text.startswith("single long rows") for text in texts] == [slow] * 4
