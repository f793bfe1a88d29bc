"""One run of SGD, call by call of a kernel that is made up."""

import threading

import numpy as np
import pytest

import vaedyn
from vaedyn.learning import simulate

PARAMS = vaedyn.Params(
    rho=2.3, eta=0.5, beta=0.8, lr=0.1, dim=20, t_max=10, points=5, anneal="linear:8",
    init="m=0.3,d=0.2,Q=1,E=3,R=0,D=1",
)  # fmt: skip
BOUND = 3e4  # ten thousand times the largest of the start, rho + eta, 1/eta and 1


def run(monkeypatch, *, top=1.0, at_row=3, lost=None, seconds=1e-3, stopped=False, **others):
    """Return the order parameters, the calls of the kernel, and how many steps were counted."""
    calls = []

    def advance(stream, betas, save_after, m, D, eta, out):
        calls.append((stream, betas, save_after, eta))
        entries.append(m[0])
        m[0] = (1.01e-150, 0.99e-150, -0.99e-150)[min(len(calls), 3) - 1]
        out[:] = 1.0
        out[:, 3] = 3.0
        first = sum(len(saved) for _, _, saved, _ in calls[:-1])
        if first <= at_row < first + len(out):
            out[at_row - first, 2] = -top
        if lost is not None and sum(len(b) for _, b, _, _ in calls) > lost:
            return lost - sum(len(b) for _, b, _, _ in calls[:-1])
        return len(betas)

    entries = []
    state = np.ones(1), np.ones(1)
    engine = simulate.Engine(advance, state, (0.5,), seconds, lambda rng: "random", 6)
    monkeypatch.setattr(
        "vaedyn.kernels.stream.open_streams", lambda seeds: [f"stream {seed}" for seed in seeds]
    )

    class Seeds:
        def of(self, run, *more):
            return run, *more

    made, stop = np.zeros(3, np.int64), threading.Event()
    if stopped:
        stop.set()
    two = range(2, 3)
    out, error = simulate._run(PARAMS, engine, Seeds(), False, made, stop, two, **others)
    if error:
        assert len(out) == 0
        raise error
    assert state[0][0] == 1.0  # every run starts from a copy, and what is tiny becomes 0
    assert entries == [1.0, 1.01e-150, *[0.0] * len(calls)][: len(calls)]
    return out[0], calls, made


def test_a_run_is_cut_into_calls_and_every_step_has_its_beta(monkeypatch):
    out, calls, made = run(monkeypatch)
    assert out.shape == (5, 6)
    assert made.tolist() == [0, 0, 200]
    # 50 steps of a millisecond at once
    assert [len(betas) for _, betas, _, _ in calls] == [50] * 4
    betas = np.concatenate([betas for _, betas, _, _ in calls])
    np.testing.assert_allclose(betas, 0.8 * np.minimum(np.arange(200) / 20 / 8, 1), rtol=1e-12)
    saved = [saved.tolist() for _, _, saved, _ in calls]
    assert saved == [[0, 50], [50], [50], [50]]
    assert {(stream, eta) for stream, _, _, eta in calls} == {("stream (2,)", 0.5)}


@pytest.mark.parametrize(
    ("seconds", "lengths"), [(5e-4, [100, 100]), (1.0, [1] * 200), (7e-4, [71, 71, 58])]
)
def test_calls_are_as_long_as_they_may_take(monkeypatch, seconds, lengths):
    _, calls, _ = run(monkeypatch, seconds=seconds)
    assert [len(betas) for _, betas, _, _ in calls] == lengths


def test_calls_end_before_numbers_become_denormal(monkeypatch):
    monkeypatch.setattr(simulate, "DECAY", 0.4)  # over lr = 0.1 and times N = 20: 80 steps
    assert [len(b) for _, b, _, _ in run(monkeypatch, seconds=1e-9)[1]] == [80, 80, 40]
    monkeypatch.setattr(simulate, "MOST_AT_ONCE", 60)
    assert [len(b) for _, b, _, _ in run(monkeypatch, seconds=1e-9)[1]] == [60, 60, 60, 20]


def test_a_run_that_leaves_all_proportion_diverges(monkeypatch):
    run(monkeypatch, top=np.nextafter(BOUND, 0))
    for top in (BOUND, np.nan, np.inf):
        with pytest.raises(vaedyn.DivergenceError, match="before t = 7.5 at learning rate 0.1: "):
            run(monkeypatch, top=top)
    with pytest.raises(vaedyn.DivergenceError, match="before t = 10 at"):
        run(monkeypatch, top=BOUND, at_row=4)


def test_a_variance_that_is_lost_ends_the_run(monkeypatch):
    seen = []

    def lost(t, beta, lr):
        seen.append((t, beta, lr))
        return vaedyn.DivergenceError("lost")

    monkeypatch.setattr(simulate, "variance_lost", lost)
    with pytest.raises(vaedyn.DivergenceError, match="lost"):
        run(monkeypatch, lost=130)
    assert seen == [(6.5, pytest.approx(0.65), "0.1")]


def test_a_run_is_given_up_when_it_is_stopped_and_may_have_no_steps(monkeypatch):
    _, calls, made = run(monkeypatch, stopped=True)
    assert (calls, made.tolist()) == ([], [0, 0, 0])
    _, calls, made = run(monkeypatch, steps=0)
    assert [len(betas) for _, betas, _, _ in calls] == [0]
    assert made.tolist() == [0, 0, 0]
    _, calls, made = run(monkeypatch, steps=70)
    assert [len(betas) for _, betas, _, _ in calls] == [50, 20]
    assert made.tolist() == [0, 0, 70]
