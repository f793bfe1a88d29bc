"""The integrator, called in pieces: where it stops, goes on and fails."""

from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.kernels import flows, rk45, rkc
from vaedyn.learning import (
    solve,
)
from vaedyn.learning.solve import Mark, Marks

MODEL = Params(
    latent=2, signal=3, dim=500, rho=(2.5, 1.5, 0.75), eta=0.6, beta=0.8, lam=0.03, lr=0.2,
    t_max=30, points=4, anneal="linear:10",
)  # fmt: skip


def record_of(**entries):
    record = np.zeros(rk45.LENGTH)
    for name, value in entries.items():
        record[getattr(rk45, name)] = value
    return record


def test_marks_are_kept_in_order_and_thinned():
    marks, state = Marks(), np.array([1.0, 2.0])
    for t in range(64):
        marks.add(record_of(TIME=t, REACH=t + 3), state + t)
        marks.add(record_of(TIME=t, REACH=99.0), state)  # not later
    assert [mark.time for mark in marks] == [*range(64)]
    assert [mark.reach for mark in marks] == [t + 3 for t in range(64)]
    assert (marks[5].state == [6, 7]).all()
    assert marks[5].record[rk45.TIME] == 5
    marks.add(record_of(TIME=70, REACH=71), state)
    assert [mark.time for mark in marks] == [0, *range(2, 63, 2), 63, 70]
    assert marks.before(70.5, 72.0).time == 70
    assert marks.before(70.0, 72.0).time == 63  # before, and the way must be the same
    assert marks.before(70.5, 71.0).time == 63
    assert marks.before(0.5, 72.0).time == 0
    assert Marks([Mark(5.0, 6.0, state, state)]).before(1.0, 2.0).time == 5.0


def test_steps_until_too_many_are_noticed():
    assert [solve.passed(*pair) for pair in ((10, 3), (9, 3), (2, 5), (1, 1))] == [12, 9, 2, 1]
    assert [solve.steps_in_a_while(x) for x in (1.0, 0.05, 0.025, 0.0249, 1e-3)] == [
        1, 1, 2, 2, 50
    ]  # fmt: skip


def test_why_an_integration_ended():
    schedule = MODEL.schedule
    saved = np.arange(4.0), np.arange(8.0).reshape(4, 2)
    for status, t, kind, words, reached in (
        (rk45.DIVERGED, 20.0, vaedyn.DivergenceError,
         "the ODE diverges near t = 20 at learning rate PACE: lower --lr", 3),
        (rk45.STEP_TOO_SMALL, 1 / 3, vaedyn.DivergenceError,
         "the ODE diverges near t = 0.333333 at learning rate PACE: lower --lr", 3),
        (rk45.VARIANCE_LOST, 20.0, vaedyn.DivergenceError,
         "learning diverges near t = 20 at learning rate PACE: lower --lr", 3),
        (rk45.VARIANCE_LOST, 0.0, vaedyn.DivergenceError,
         "an encoder variance D reached zero at t = 0, where beta is 0: keep --beta, and its "
         "schedule --anneal, above zero", 3),
        (rk45.PAUSED, 2.5, vaedyn.ConvergenceError,
         "stopped at t = 2.5 after 7 steps, the last of size 0.125: raise --rtol (1e-05) or "
         "shorten --t-max", None),
    ):  # fmt: skip
        record = record_of(TIME=t, SAVED=3, STEPS=7, STEP=0.125)
        with pytest.raises(kind) as caught:
            solve._check(status, record, schedule, 0.8, lambda: "PACE", 1e-5, saved)
        assert str(caught.value) == words
        if reached:
            assert [len(x) for x in caught.value.reached] == [3, 3]
    solve._check(rk45.DONE, record, schedule, 0.8, lambda: "PACE", 1e-5)
    with pytest.raises(vaedyn.DivergenceError) as caught:
        solve._check(rk45.DIVERGED, record, schedule, 0.8, lambda: "PACE", 1e-5)
    assert caught.value.reached is None


def test_a_variance_is_lost_where_beta_is_below_a_millionth():
    assert str(solve.variance_lost(2 / 3, 1.01e-6, 0.125)) == (
        "learning diverges near t = 0.666667 at learning rate 0.125: lower --lr"
    )
    assert str(solve.variance_lost(2 / 3, 0.99e-6, "x")) == (
        "an encoder variance D reached zero at t = 0.666667, where beta is 9.9e-07: keep --beta, "
        "and its schedule --anneal, above zero"
    )


class Scripted:
    """Both methods, which do as they are told: (time reached, steps, stiff steps, status)."""

    def __init__(self, monkeypatch, *script):
        self.script, self.calls = list(script), []
        monkeypatch.setattr(rk45, "integrate", self.usual)
        monkeypatch.setattr(rkc, "integrate", self.stiff)

    def go(self, record, times, out):
        t, steps, stiff, status = self.script.pop(0)
        record[rk45.TIME] = t
        record[rk45.STEPS] += steps
        record[rk45.EVALUATIONS] += 6 * steps
        record[rk45.STIFF] += stiff
        saved = int(record[rk45.SAVED])
        while saved < len(times) and times[saved] <= t:
            out[saved] = times[saved]
            saved += 1
        record[rk45.SAVED] = saved
        return status

    def usual(self, values, times, stops, record, *rest):
        kind, numbers, calls, box, size, latent, _, rtol, atol, bound, most, out = rest
        assert (values, calls, box, size, latent) == (2, ("drift", 0, "norm"), "box", 2, 1)
        assert (rtol, atol, bound) == (1e-5, 1e-7, 9.0)
        assert (kind, numbers.tolist()) == (0, [1.5])
        self.calls.append(("usual", most, stops.tolist()))
        return self.go(record, times, out)

    def stiff(self, y, times, until, record, *rest):
        kind, numbers, calls, box, size, latent, rtol, atol, bound, most, fastest, out = rest
        assert (rtol, atol, bound, fastest.tolist()) == (1e-5, 1e-7, 9.0, [0.0, 0.0])
        assert (calls, box, size, latent) == (("drift", 0, "norm"), "box", 2, 1)
        assert (kind, numbers.tolist()) == (0, [1.5])
        self.calls.append(("stiff", most, until))
        return self.go(record, times, out)


class Kinked(type(Params().schedule)):
    def kinks(self, end):
        return np.array([t for t in (3.0, 6.0) if t < end])


def run(times=(0.0, 2.0, 4.0, 8.0), stiff=flows.EVER, **options):
    flow = SimpleNamespace(drift="drift", norm="norm", box="box", size=2, latent=1, stiff=stiff)
    return solve.solve(
        flow, np.array([0.5, 0.25]), np.array(times), Kinked(), beta=1.5, pace=lambda: "PACE",
        rtol=1e-5, atol=1e-7, bound=9.0, **{"at_once": 500, **options},
    )  # fmt: skip


def test_the_method_changes_where_stability_limits_most_steps(monkeypatch):
    told = []
    P, D = rk45.PAUSED, rk45.DONE
    script = Scripted(
        monkeypatch, (1.0, 10, 8, P), (2.0, 10, 9, P), (2.5, 5, 0, P), (3.0, 5, 0, D),
        (4.0, 10, 0, P), (5.0, 10, 10, P), (6.0, 1, 0, D), (7.0, 10, 10, P), (8.0, 4, 0, D),
    )  # fmt: skip
    y, found = run(progress=lambda *done: told.append(done))
    stops = [3.0, 6.0]
    until = [(1 - 1e-9) * t for t in stops]
    assert script.calls == [
        ("usual", 300, stops), ("usual", 300, stops), ("stiff", 1800, until[0]),
        ("stiff", 1800, until[0]), ("usual", 300, stops), ("usual", 300, stops),
        ("stiff", 1800, until[1]), ("usual", 300, stops), ("stiff", 1800, 8.0),
    ]  # fmt: skip
    assert told == [(t, 8.0) for t in (1, 2, 2.5, 3, 4, 5, 6, 7, 8)]
    assert y.tolist() == [[0.5, 0.25], [2, 2], [4, 4], [8, 8]]
    assert found == {
        "steps": 65, "evaluations": 390, "stiff": 37, "least_variance": np.inf
    }  # fmt: skip


@pytest.mark.parametrize(("stiff", "changes"), [("NEVER", ()), ("AFTER_KINKS", (7.0,))])
def test_where_steps_are_not_watched_the_method_stays(monkeypatch, stiff, changes):
    P, D = rk45.PAUSED, rk45.DONE
    script = Scripted(
        monkeypatch, (5.0, 10, 10, P), (6.0, 10, 10, P), (7.0, 10, 10, P), (8.0, 1, 0, D)
    )
    run(stiff=getattr(flows, stiff))
    assert [kind for kind, *_ in script.calls] == ["usual"] * 3 + [
        "stiff" if changes else "usual"
    ]  # fmt: skip
    assert script.calls[0][1] == (300 if changes else 500)


def test_it_gives_up_after_many_steps(monkeypatch):
    P = rk45.PAUSED
    script = Scripted(monkeypatch, (1.0, 4, 0, P), (2.0, 5, 0, P), (3.0, 1, 0, P), (9.0, 1, 0, P))
    with pytest.raises(vaedyn.ConvergenceError, match="after 10 steps"):
        run(most=10)
    assert [most for _, most, _ in script.calls] == [10, 10, 10]


def test_what_is_read_of_states_comes_in_pieces(monkeypatch):
    Scripted(
        monkeypatch, (1.0, 4, 0, rk45.PAUSED), (4.5, 4, 0, rk45.PAUSED), (8.0, 4, 0, rk45.DONE)
    )
    y, _ = run(read=lambda y: 10 * y[:, 0])
    assert y.tolist() == [5.0, 20.0, 40.0, 80.0]


def test_marks_are_made_between_calls_of_a_tenth(monkeypatch):
    P, D = rk45.PAUSED, rk45.DONE
    script = Scripted(monkeypatch, (1.0, 4, 0, P), (4.5, 4, 0, P), (8.0, 4, 0, D), (9.0, 4, 0, D))
    marks = Marks()
    run(marks=marks, stiff=flows.NEVER)
    assert [mark.time for mark in marks] == [0.0, 1.0, 4.5]
    assert {most for _, most, _ in script.calls} == {50}
    run(times=(5.0, 8.5), marks=marks, stiff=flows.NEVER, at_once=30)
    assert script.calls[-1][1] == 4  # at least
    assert [mark.time for mark in marks] == [0.0, 1.0, 4.5]


def test_an_integration_goes_on_from_a_mark():
    marks, state = Marks(), np.array([1.0, 2.0])
    record, y = record_of(TIME=0.0, SAVED=1), state.copy()
    solve._go_on(marks, np.array([0.0, 9.0]), record, y)
    assert (len(marks), record[rk45.SAVED]) == (1, 1)
    marks.add(record_of(TIME=4.0, REACH=5.0, STEPS=3), state + 5)
    solve._go_on(marks, np.array([4.5, 9.0]), record, y)
    assert (y.tolist(), record[rk45.STEPS], record[rk45.SAVED]) == ([6, 7], 3, 0)
