"""Runs side by side make the bits that they make alone, whatever the others do."""

import threading
from typing import Any

import numpy as np
import pytest

import vaedyn
from vaedyn.kernels.lanes import TOGETHER
from vaedyn.kernels.stream import CURSOR, SEEDS, open_streams
from vaedyn.learning import engines
from vaedyn.learning import simulate as sgd
from vaedyn.learning.groups import groups
from vaedyn.model.quantities import NAMES

# in few dimensions draws of chi-square are often rejected, or are those of 0 and 1 dimension
MODELS = {
    "M=1": {"dim": 60, "rho": 1.7, "eta": 0.6, "lam": 0.1, "lr": 0.3},
    "M=1,N=3": {"dim": 3, "rho": 1.7, "eta": 0.6, "lam": 0.1, "lr": 0.05},
    "M=1,N=4": {"dim": 4, "rho": 1.7, "eta": 0.6, "lam": 0.1, "lr": 0.05},
    "M=1,N=5": {"dim": 5, "rho": 1.3, "eta": 0.7, "lam": 0.1, "lr": 0.05},
    "M=1,N=7": {"dim": 7, "rho": 1.3, "eta": 0.7, "lam": 0.1, "lr": 0.05},
    "M=1,N=1e8": {
        "dim": 10**8, "rho": 1.3, "eta": 0.7, "lr": 0.05,
        "init": "m=0.3,d=0.2,Q=1.1,E=0.9,R=0.1,D=0.8",
    },
    "M=2,M*=1": {"dim": 8, "latent": 2, "rho": 1.4, "eta": 0.6, "lam": 0.03, "lr": 0.04},
    "M=3,M*=2": {"dim": 40, "latent": 3, "signal": 2, "rho": (2.3, 1.2), "eta": 0.7, "lr": 0.2},
    "M=1,M*=3": {"dim": 30, "signal": 3, "rho": (3.1, 2.2, 1.3), "eta": 0.5, "lr": 0.2},
}  # fmt: skip
STEPS = 300
SAVE = np.array([0, 0, 1, 63, 64, 65, 200, 300])


def engine_of(**model):
    return engines.exact_engine(vaedyn.Params(t_max=300, points=2, **model))


def seeds(runs):
    return [np.random.SeedSequence(7, spawn_key=(run,)) for run in range(runs)]


def starts(engine, runs):
    """Return a start for every run, the first as given and others a little away from it."""
    rng = np.random.default_rng(5)
    found = []
    for run in range(runs):
        m, d, F, D = (array.copy() for array in engine.state)
        if run:
            m *= rng.uniform(0.5, 1.5, m.shape)
            D *= rng.uniform(0.5, 1.5, D.shape)
        found.append((m, d, F, D))
    return found


def alone(engine, betas, runs, begin=None, chunks=(STEPS,)):
    """Return the stream, state, saves and number of steps of every run, made by itself."""
    found = []
    streams = open_streams(seeds(runs))
    for stream, state in zip(streams, begin or starts(engine, runs), strict=True):
        out = np.full((len(SAVE), engine.width), np.nan)
        made = row = 0
        for length in chunks:
            end = np.searchsorted(SAVE, made + length, side="right")
            part, after = betas[made : made + length], SAVE[row:end] - made
            done = engine.advance(stream, part, after, *state, *engine.constants, out[row:end])
            made, row = made + done, end
            if done < len(part):
                break
        flat = np.concatenate([array.ravel() for array in state])
        found.append((to_come(stream), flat, out, made))
    return found


def together(engine, betas, runs, begin=None, chunks=(STEPS,)):
    """Return the same of runs side by side, in several calls."""
    streams = open_streams(seeds(TOGETHER))
    flat = [np.concatenate([a.ravel() for a in x]) for x in begin or starts(engine, runs)]
    states = np.zeros((len(flat[0]), TOGETHER))
    states[:, :runs] = np.stack(flat, axis=1)
    left = np.where(np.arange(TOGETHER) < runs, -1, 0)
    out = np.full((runs, len(SAVE), engine.width), np.nan)
    made, at, row = np.full(runs, len(betas)), 0, 0
    for length in chunks:
        before = left.copy()
        end = np.searchsorted(SAVE, at + length, side="right")
        engine.together(
            streams, betas[at : at + length], SAVE[row:end] - at, left, states, *engine.constants,
            row, out,
        )  # fmt: skip
        new = (before < 0) & (left >= 0)
        made[new[:runs]] = at + left[new]
        at, row = at + length, end
    return [(to_come(streams[i]), states[:, i], out[i], made[i]) for i in range(runs)]


def to_come(stream):
    """Return all of a stream that later numbers depend on."""
    return np.concatenate([stream[:SEEDS], stream[int(stream[CURSOR]) : CURSOR + 1]])


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        for a, b in zip(one, other, strict=True):
            assert np.array_equal(a, b)


@pytest.fixture(params=MODELS.values(), ids=list(MODELS))
def engine(request):
    return engine_of(**request.param)


def test_runs_make_the_same_bits_in_company(engine):
    """State, saves, all that a stream has yet to give and the number of steps."""
    betas = np.linspace(0.3, 1.1, STEPS)
    expected = alone(engine, betas, TOGETHER)
    assert not np.array_equal(expected[0][1], expected[1][1])  # runs differ
    for runs in (1, 3, 8, 9, TOGETHER):
        assert_same(together(engine, betas, runs), expected[:runs])


def test_calls_may_be_cut_anywhere(engine):
    """Normals are drawn ahead; a call must not draw more than it takes.

    The buffers of streams are filled at other times, but with the same numbers.
    """
    betas, chunks = np.linspace(0.3, 1.1, STEPS), (1, 63, 70, 166)
    cut = together(engine, betas, 5, chunks=chunks)
    assert_same(cut, alone(engine, betas, 5, chunks=chunks))
    uncut = alone(engine, betas, 5)
    assert_same([each[1:] for each in cut], [each[1:] for each in uncut])


@pytest.mark.parametrize("runs", [6, 11])
@pytest.mark.parametrize("model", [MODELS["M=1"], MODELS["M=3,M*=2"]], ids=["M=1", "M=3"])
def test_a_run_that_loses_a_variance_stops_and_others_go_on(model, runs):
    """Each stops in the step in which it does so alone, with the state of that step.

    Of its uniforms as many are drawn as for a whole set of steps ahead, alone as well.
    """
    engine = engine_of(**model)
    begin = starts(engine, runs)
    for run, D in ((1, 1e-4), (3, 0.02), (4, -1.0), (runs - 1, 0.03)):
        begin[run][3][-1] = D
    copies = [tuple(array.copy() for array in state) for state in begin]
    betas = np.full(STEPS, 0.9)
    betas[100:] = -30.0  # drives small variances to 0
    expected = alone(engine, betas[:120], runs, begin, chunks=(30, 90))
    made = [each[3] for each in expected]
    assert made[4] == 0
    assert sum(50 < steps < 120 for steps in made) >= 3
    ours = together(engine, betas[:120], runs, copies, chunks=(30, 90))
    for (stream, state, out, steps), (other, own, saves, stop) in zip(ours, expected, strict=True):
        assert steps == stop
        assert np.array_equal(stream, other)
        assert np.array_equal(state, own)
        reached = steps >= SAVE
        assert np.array_equal(out[reached], saves[reached])


def test_ensembles_do_not_depend_on_how_runs_are_grouped(monkeypatch):
    params = vaedyn.Params(dim=30, t_max=20, points=5, lr=0.2, anneal="tanh:0.5")
    asked = []
    whole = sgd.groups

    def cut(*given):
        asked.append(whole(*given))
        return asked[-1]

    monkeypatch.setattr(sgd, "groups", cut)
    expected = None
    for runs, jobs, sizes in (
        (17, 1, [16, 1]),
        (16, 2, [8, 8]),
        (12, 1, [12]),
        (8, 2, [8]),
        (3, 1, [1] * 3),
    ):
        result = vaedyn.simulate(params, runs=runs, jobs=jobs, random_start=True)
        assert [len(group) for group in asked[-1]] == sizes
        if expected is None:
            expected = result
        for name in NAMES:
            assert np.array_equal(getattr(result, name), getattr(expected, name)[:runs])


def sizes(first, runs, workers, together=True):
    found = groups(first, runs, workers, together)
    assert [run for group in found for run in group] == list(range(first, runs))
    return [len(group) for group in found]


@pytest.mark.parametrize(
    ("first", "runs", "workers", "expected"),
    [
        (0, 1, 1, [1]),
        (0, 3, 1, [1] * 3),
        (4, 8, 1, [4]),
        (0, 8, 1, [8]),
        (0, 17, 1, [16, 1]),
        (0, 20, 1, [12, 8]),
        (0, 33, 1, [16, 16, 1]),
        (0, 5, 2, [1] * 5),
        (0, 8, 2, [8]),
        (3, 19, 2, [8, 8]),
        (0, 24, 2, [16, 8]),
        (0, 40, 2, [16, 16, 8]),
        (0, 64, 2, [16] * 4),
        (0, 16, 16, [1] * 16),
        (0, 64, 16, [8] * 8),
    ],
)
def test_groups_fill_lanes_before_threads(first, runs, workers, expected):
    assert sizes(first, runs, workers) == expected
    assert sizes(first, runs, workers, together=False) == [1] * (runs - first)


def test_no_other_size_of_groups_lets_threads_finish_sooner():
    """By handing groups out one by one, as the pool of threads does."""

    def busy(parts, workers):
        ends = [0] * workers
        for part in parts:
            ends[ends.index(min(ends))] += part if part < 4 else 3 if part <= 8 else 4
        return max(ends)

    for workers in (1, 2, 3, 8):
        for runs in range(1, 120, 7):
            ours = busy(sizes(0, runs, workers), workers)
            for size in (1, *range(4, 17)):
                parts = [size] * (runs // size) + [runs % size] * (runs % size > 0)
                assert ours <= busy(parts, workers)


def test_runs_before_the_first_that_diverges_are_yielded():
    """The error is that of the first run, though a later one fails sooner."""
    params = vaedyn.Params(dim=50, t_max=4, points=5)
    engine = engines.exact_engine(params)
    real: Any = engine.together
    calls = []

    def failing(streams, betas, after, left, *others):
        real(streams, betas, after, left, *others)
        if not len(betas):  # compiles
            return
        calls.append(left.copy())
        if len(calls) == 1:
            left[4] = 3
        if len(calls) == 2:
            left[2] = 5

    engine = engine._replace(together=failing, seconds_per_step=sgd.SECONDS_AT_ONCE / 50)
    found = []
    progress = []
    seeds = sgd.Seeds(0, (1,))
    many = sgd._ensemble(
        params, engine, 0, 6, seeds, False, 1, lambda done, total: progress.append((done, total))
    )
    with pytest.raises(vaedyn.DivergenceError, match="t = 1.1"):
        found.extend(states for states, _ in many)
    assert [len(states) for states in found] == [2]
    assert (calls[2][:2] == -1).all()
    assert (calls[2][2:] >= 0).all()
    assert progress[-1][1] == 6 * 200


def test_nothing_is_done_once_the_stop_is_set():
    params = vaedyn.Params(dim=50, t_max=4, points=5)
    stop, made = threading.Event(), np.zeros(6, np.int64)
    stop.set()
    sgd._run(params, engines.exact_engine(params), sgd.Seeds(0, (1,)), False, made, stop, range(6))
    assert not made.any()
