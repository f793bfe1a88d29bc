"""Warm-ups for tables: what is found is what the learning curve says, and what training does."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn import ConvergenceError, ParameterError
from vaedyn.data.confirm import confirm_warm_up
from vaedyn.data.look import look
from vaedyn.data.warm_up import WarmUp, _arrival, warm_up
from vaedyn.model.numerics import NUMERICS
from vaedyn.store import ResultStore


@pytest.fixture(scope="module")
def spiked():
    """One signal of variance 4 in unit noise, N = 60."""
    x = np.random.default_rng(0).standard_normal((6000, 60))
    x[:, 0] *= 2
    return look(x)


@pytest.fixture(scope="module")
def found(spiked):
    return warm_up(spiked, "linear", beta=3.0, latent=1, lr=0.05, tol=0.1)


def arrival(table, **settings):
    """Return the time to converge, from the learning curve on a fine grid."""
    curve = vaedyn.course(table, t_max=2500.0, points=3000, **settings)
    loss, end = curve.loss, curve.loss[-1]
    outside = np.flatnonzero(np.abs(loss - end) > 0.1 * abs(end))
    return curve.t[outside[-1] + 1]


def test_times_are_those_of_the_learning_curve(spiked, found):
    model = {"beta": 3.0, "latent": 1, "lr": 0.05}
    assert arrival(spiked, **model) == pytest.approx(found.constant, rel=0.01)
    assert arrival(spiked, **model, anneal=found.spec) == pytest.approx(found.time, rel=0.01)
    # the slope of a warm-up that is a tenth longer or shorter, and one of those scanned
    number = float(found.spec.partition(":")[2])
    off = max(arrival(spiked, **model, anneal=f"linear:{x * number}") for x in (0.9, 1.1))
    assert off == pytest.approx(found.off, rel=0.01)
    for i in (3, 12):
        time = arrival(spiked, **model, anneal=f"linear:{found.numbers[i]}")
        assert time == pytest.approx(found.times[i], rel=0.01)


def test_near_collapse_a_warm_up_helps_and_none_tried_is_better(spiked, found):
    assert found.gain > 1.8
    assert found.time <= np.nanmin(found.times) * (1 + 1e-6)
    assert found.gain == found.constant / found.time
    tanh = warm_up(spiked, "tanh", beta=3.0, latent=1, lr=0.05, tol=0.1)
    assert tanh.spec.startswith("tanh:")
    assert 1.5 < tanh.gain < 1.1 * found.gain
    assert found.steps(2.0) == 120
    assert found.epochs(100.0) == 1
    # the loss at the end is that of the eigenvalue, but for SGD's noise
    s = spiked.spectrum.eigenvalues[0]
    expected = -0.5 * (s - 3 - 3 * np.log(s / 3))
    assert found.end == pytest.approx(expected, rel=0.1)


def test_training_confirms_the_gain(spiked, found):
    """Four runs of each; theory's gain is that of N to infinity, 20 % off here at most."""
    seen = confirm_warm_up(spiked, found, runs=4)
    assert seen.gain > 1 + 4 * seen.error
    assert seen.gain == pytest.approx(found.gain, rel=0.2)
    assert seen.constant / seen.annealed == pytest.approx(seen.gain)


def test_where_none_helps_that_is_said():
    x = np.random.default_rng(3).standard_normal((500, 12))
    x[:, :2] *= np.sqrt([9, 4])
    told = []
    found = warm_up(x, beta=1.5, latent=3, lr=0.1, progress=lambda *at: told.append(at))
    assert found.gain < 1.05
    assert found.constant <= np.nanmin(found.times) * 1.05
    assert told == [(n, 40) for n in range(1, 41)]


def test_the_start_of_pytorch_is_that_of_its_layers(spiked, found):
    """Its times are those from weights drawn like nn.Linear's, with another seed."""
    from vaedyn.data.warm_up import _Trial

    trial = _Trial(spiked, found.params, 0.1, 1e-6, 1e-8, None)
    unit, parts = spiked.rows.unit, trial.start.parts
    random = np.random.default_rng(5)
    W = random.uniform(-1, 1, (1, 60)) * np.sqrt(60)  # nn.Linear(1, 60): up to 1/sqrt(M)
    V = random.uniform(-1, 1, (1, 60))  # nn.Linear(60, 1): up to 1/sqrt(N), and sqrt(N) here
    norms = []
    original = trial.whole
    trial.whole = lambda schedule, start: norms.append(start.parts) or original(schedule, start)
    times = trial.from_torch(vaedyn.model.schedules.Constant())
    assert times[0] == times[1]
    Q, E = (float((norms[0][name] ** 2).sum()) for name in "md")
    ours = [float((parts[name] ** 2).sum()) for name in "md"]
    # per unit of the length that a standard normal start has
    assert unit * Q / ours[0] == pytest.approx((W**2).mean(), rel=0.5)
    assert E / unit / ours[1] == pytest.approx((V**2).mean(), rel=0.5)
    assert unit * Q / ours[0] == pytest.approx(20, rel=1e-9)  # N/(3M)
    assert E / unit / ours[1] == pytest.approx(1 / 3, rel=1e-9)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"family": "free"}, "family"),
        ({"family": "nonsense"}, "family"),
        ({"tol": 1.0}, "tol"),
        ({"tol": 0.0}, "tol"),
        ({"tol": np.nan}, "tol"),
        ({"beta": 4.5}, "beta"),
        ({"beta": 0.0}, "beta"),
        ({"lam": 0.1}, "lam"),
        ({"anneal": "linear:5"}, "anneal"),
        ({"t_max": 5.0}, "t_max"),
        ({"rtol": 2.0}, "rtol"),
    ],
)
def test_what_makes_no_sense_is_refused(spiked, settings, name):
    with pytest.raises(ParameterError) as info:
        warm_up(spiked, **settings)
    assert info.value.name == name


def test_runs_that_are_too_noisy_are_refused(spiked, found):
    with pytest.raises(ConvergenceError, match="raise --tol or --confirm, or lower --lr"):
        confirm_warm_up(spiked, WarmUp(**{**vars(found), "tol": 1e-4}), runs=2)
    with pytest.raises(ParameterError, match="runs"):
        confirm_warm_up(spiked, found, runs=1)


def test_the_last_time_outside_counts():
    t = np.arange(6.0)
    assert _arrival(t, np.array([0, -1.5, -1, -0.5, -1, -1]), -1.0, 0.2) == pytest.approx(3.6)
    assert _arrival(t, np.full(6, -1.0), -1.0, 0.2) == 0
    assert _arrival(t, np.arange(6.0), -1.0, 0.2) == np.inf


def test_it_is_stored_with_all_that_it_depends_on(tmp_path, monkeypatch):
    x = np.random.default_rng(3).standard_normal((100, 4)) * [3, 1, 1, 1]
    table, store, keys = look(x), ResultStore(tmp_path), set()
    base = {"beta": 2.0, "lr": 0.2, "tol": 0.1, "latent": 1}
    for changes in ({}, {"beta": 2.5}, {"tol": 0.05}, {"lr": 0.1}, {"init_seed": 2},
                    {"family": "tanh"}, {"rtol": 1e-5}, {"atol": 1e-7}):  # fmt: skip
        for _ in range(2):
            result = warm_up(table, **(base | changes), store=store)
            keys.add(result.source.key)
    assert result.source.reused
    monkeypatch.setitem(NUMERICS, "warmup", -1)
    keys.add(warm_up(table, **base, store=store).source.key)
    keys.add(
        warm_up(
            replace(table, rows=replace(table.rows, digest="x")), **base, store=store
        ).source.key
    )
    assert len(keys) == 10
