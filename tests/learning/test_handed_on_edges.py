"""What functions of learning hand on, estimate and say: numbers and words, with kernels faked."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.kernels import flows, rk45, rkc, variances
from vaedyn.learning import (
    bands,
    engines,
    epochs,
    escape,
    follow,
    groups,
    on_rows,
    simulate,
    solve,
    spread_of_errors,
    theory,
)
from vaedyn.learning.solve import Mark, Marks
from vaedyn.model.state import pack

MODEL = Params(
    latent=2, signal=3, dim=500, rho=(2.5, 1.5, 0.75), eta=0.6, beta=0.8, lam=0.03, lr=0.2,
    t_max=30, points=4, anneal="linear:10",
)  # fmt: skip


# ---- theory


@pytest.fixture
def solved(monkeypatch):
    """Yield a list of what `solve` is asked for, which returns ones."""
    asked = []

    def fake(flow, start, times, schedule, **options):
        asked.append((flow, start, times, schedule, options))
        return np.ones((len(times), len(start))), {"steps": 3, "least_variance": 1.0}

    monkeypatch.setattr(theory, "solve", fake)
    monkeypatch.setattr(follow, "solve", fake)
    return asked


def seconds(M, K, spread):
    one = 3e-7 + 1e-9 * (5 * M * M * M + 5 * M * M * K)
    free = 2 * M * K + 2 * M * (M + 1) // 2 + M * M + M
    more = 3e-6 + free * (4e-10 * (9 * M * M * M + 8 * M * M * K) + 5e-9 * free)
    return 7 * (one + more if spread else one)


@pytest.mark.parametrize(("M", "K"), [(1, 1), (2, 3), (3, 2), (40, 7)])
def test_steps_of_theory_take_a_twentieth_of_a_second_at_once(M, K):
    params = Params(latent=M, signal=K, dim=1000)
    assert theory.steps_at_once(params) == max(1, int(0.05 / seconds(M, K, False)))
    assert theory.steps_at_once(params, spread=True) == max(1, int(0.05 / seconds(M, K, True)))
    assert theory.seconds_of_spread(M, K) == pytest.approx(
        (seconds(M, K, True) - seconds(M, K, False)) / 7
    )


def test_theory_is_integrated_from_the_start_of_the_model(solved):
    start = pack(**MODEL.overlaps())
    y, found = theory.integrate(
        MODEL, start, MODEL.times(), MODEL.schedule, rtol=1e-5, atol=1e-7, progress=len, read=None
    )
    assert (y.shape, found["steps"]) == ((4, len(start)), 3)
    ((flow, state, times, schedule, options),) = solved
    assert state is start
    assert (times == MODEL.times()).all()
    assert (schedule, flow.size, flow.latent) == (MODEL.schedule, len(start), 2)
    assert options.pop("pace")() == "0.2"
    assert options == {
        "beta": 0.8, "rtol": 1e-5, "atol": 1e-7, "bound": MODEL.bound(start),
        "at_once": theory.steps_at_once(MODEL), "most": 5_000_000, "progress": len, "read": None,
        "marks": None,
    }  # fmt: skip


def test_what_is_asked_of_an_integration_is_handed_on(solved):
    start = pack(**MODEL.overlaps())
    size = len(start)
    y, _ = theory.integrate(
        MODEL, np.append(start, np.zeros(size * size)), MODEL.times()[1:], MODEL.schedule,
        rtol=1e-5, atol=1e-7, most=9, bound=7.0, read=lambda y: y[:, :1], marks=Marks(),
    )  # fmt: skip
    assert y.shape == (3, size + size * size)  # as `read` returned it
    options = solved[0][4]
    assert (options["most"], options["bound"], options["marks"]) == (9, 7.0, [])
    assert options["at_once"] == theory.steps_at_once(MODEL, spread=True)


def test_under_adam_moments_follow_the_state(solved):
    params = MODEL.replace(optimiser="adam", adam_betas=(0.5, 0.75), batch=4)
    start = pack(**params.overlaps())
    y, _ = theory.integrate(params, start, params.times(), params.schedule, rtol=1e-5, atol=1e-7)
    assert y.shape == (4, len(start))
    state = solved[0][1]
    assert len(state) == len(start) + 3 * 2 + 1
    assert (state[: len(start)] == start).all()
    assert (state[len(start) : -1] > 0).all()
    assert state[-1] == 1 - 0.75
    assert solved[0][0].latent == 2


@pytest.mark.parametrize("which", ["integrate", "in_classes", "on_same_rows"])
def test_theory_goes_by_the_kind_of_data(monkeypatch, which):
    changes = {
        "integrate": {}, "in_classes": {"noise": "1*0.5,0.25*0.5", "eta": 1.0},
        "on_same_rows": {"alpha": 3.0, "init": "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"},
    }  # fmt: skip
    params = MODEL.replace(**changes[which])
    size = len(pack(**params.overlaps()))
    for i, name in enumerate(changes):

        def fake(*given, i=i, **options):
            assert options == {"rtol": 1e-6, "atol": 1e-9, "progress": None}
            more = 2 * 4 if i == 1 else 0  # S and A
            return np.full((4, size + more), i + 1.0), {"least_variance": 1.0}

        monkeypatch.setattr(theory, name, fake)
    found = vaedyn.theory(params, rtol=1e-6, atol=1e-9)
    assert (found.m == 1 + list(changes).index(which)).all()
    assert (found.t == params.times()).all()


def test_noise_in_classes_and_rows_are_followed(solved):
    params = MODEL.replace(noise="1*0.5,0.25*0.5", lam=0.0, batch=3, latents="sampled")
    y, info = theory.in_classes(params, params.times(), rtol=1e-6, atol=1e-9, progress=None)
    size = len(pack(**params.overlaps()))
    assert (y.shape, info["steps"]) == ((4, size + 8), 3)
    options = solved[0][4]
    assert options["bound"] == params.bound(pack(**params.overlaps()))
    assert (options["rtol"], options["atol"], options["beta"]) == (1e-6, 1e-9, 0.8)
    assert options["pace"]() == "0.2"
    M, K, C = 2, 3, 2
    assert options["at_once"] == int(
        0.05 / (7 * (3e-7 + 1e-9 * (5 + 5 * C) * M**3 + 5e-9 * M * M * K))
    )
    again = MODEL.replace(alpha=3.0, init="m=0.1,d=0.1,Q=1,E=1,R=0,D=1", lam=0.0)
    y, _ = theory.on_same_rows(again, again.times(), rtol=1e-6, atol=1e-9, progress=None)
    assert y.shape == (4, size)
    assert solved[1][4]["bound"] == again.bound(pack(**again.overlaps()))
    m = np.ones((2, len(on_rows.on_rows(again).parts))) @ on_rows.on_rows(again).parts
    np.testing.assert_allclose(y[0, :6], m.ravel())


def test_a_course_has_a_natural_bound(solved):
    start = {"m": [[0.5]], "d": [[0.25]], "q": [[[2.0]]], "e": [[[1.0]]], "r": [[[0.0]]], "D": [1]}
    rest = {"beta": 1.5, "schedule": MODEL.schedule, "lam": 0.0, "lr": 0.125}
    for s, eta, first, bound in (
        (3.0, 0.5, 2.0, 3e4), (0.5, 0.75, 0.5, 2e4), (1.5, 0.5, 7.0, 7e4), (0.5, 0.0, 1.0, 1e10),
        (1.0, 1.0, 0.5, 1e4),
    ):  # fmt: skip
        start["q"] = [[[first]]]
        course = follow.follow(([s], [eta], [0.75]), start, np.array([0.0, 1.0]), **rest)
        assert solved[-1][4]["bound"] == pytest.approx(bound)
        assert solved[-1][4]["pace"]() == "0.125"
        assert (solved[-1][4]["rtol"], solved[-1][4]["atol"]) == (1e-8, 1e-10)
        assert course.info == {"solver": {"steps": 3, "least_variance": 1.0}}
    follow.follow(([1], [1], [1]), start, np.array([0.0, 1.0]), **rest, bound=6.0)
    assert solved[-1][4]["bound"] == 6.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.4}, None),
        ({"lr": 0.41}, "(lr alpha (rho + eta) is 2)"),
        ({"lr": 0.5}, "(lr alpha (rho + eta) is 2.5)"),
        ({"lr": 0.81, "batch": 2}, "(lr alpha (rho + eta)/batch is 2)"),
        ({"lr": 0.41, "momentum": 0.5}, "(lr alpha (rho + eta) is 4.1)"),
    ],
)
def test_long_epochs_are_warned_of(caplog, changes, words):
    params = Params(
        alpha=2.5, rho=(1.25, 0.5), signal=2, eta=0.75, init="m=0,d=0,Q=1,E=1,R=0,D=1", **changes
    )
    theory.check_alpha(params)
    wanted = [
        f"an epoch is long against learning {words}: part of the noise of SGD is left, which "
        "theory takes to cancel; lower --lr"
    ] * bool(words)  # fmt: skip
    assert caplog.messages == wanted


def test_starts_that_are_drawn_are_warned_of(caplog):
    theory.check_alpha(Params(alpha=2.5, lr=0.1))
    assert caplog.messages == [
        "the start has overlaps by chance, and those with the directions of the rows differ from "
        "table to table, which theory leaves out: give overlaps by --init"
    ]
    with pytest.raises(vaedyn.ParameterError) as caught:
        theory.check_alpha(Params(alpha=2.5, noise="1*0.5,2*0.5"))
    assert str(caught.value) == "noise: is not derived for rows used again; leave out alpha"


def test_tolerances_in_words():
    assert theory.tolerances(1e-14, 1e-300) == (1e-14, 1e-300)
    for rtol, atol, words in (
        (1.0, 0.5, "rtol: must be below 1, got 1.0"), (0.5, 1, "atol: must be below 1, got 1"),
        (0.99e-14, 0.5, "rtol: must be at least 1e-14, got 9.9e-15"),
        (0, 0.5, "rtol: must be > 0, got 0"), (0.5, 0, "atol: must be > 0, got 0"),
    ):  # fmt: skip
        with pytest.raises(vaedyn.ParameterError) as caught:
            theory.tolerances(rtol, atol)
        assert str(caught.value) == words


# ---- the integrator in pieces


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


# ---- bands


def test_bands_that_take_long_are_announced_from_ten_seconds_on(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    for spread, samples, said in ((0.01, 4.99, None), (0.01, 5.01, "10"), (2.5, 1, "1,300")):
        monkeypatch.setattr(bands, "seconds_of_spread", lambda *size, s=spread: s)
        monkeypatch.setattr(bands, "seconds_of_samples", lambda *size, s=samples: s)
        caplog.clear()
        bands.note_if_long(MODEL)
        assert caplog.messages == [
            f"bands at M = 2, M* = 3 take about {said} seconds: a covariance of 300 entries is "
            "integrated; fewer latents or signals take less"
        ] * bool(said)  # fmt: skip


def test_samples_take_as_long_as_they_do():
    def literal(M, K, times):
        few, many = min(M, K), max(M, K)
        one = 3e-10 * (few * many + 1) ** 2 + 4e-9 * few * few * many
        one += 2e-10 * many * few * 2**few if few <= 10 else 3e-9 * few * few * many
        return times * 1024 * one

    for M, K, times in ((1, 1, 3), (2, 5, 7), (10, 4, 1), (10, 12, 2), (11, 12, 2), (13, 11, 5)):
        assert spread_of_errors.seconds_of_samples(M, K, times) == pytest.approx(
            literal(M, K, times), rel=1e-12
        )


def test_rows_are_treated_in_blocks():
    assert [*spread_of_errors.blocks(7, 10_000)] == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert [*spread_of_errors.blocks(2, 40_000)] == [slice(0, 1), slice(1, 2)]
    assert [*spread_of_errors.blocks(0, 1)] == []


def test_the_covariance_of_a_random_start_entry_by_entry():
    params = MODEL.replace(
        latent=2, signal=1, rho=1.5,
        init={
            "m": [[0.3], [-0.2]], "d": [[0.25], [0.1]], "Q": [[1.25, 0.2], [0.2, 0.75]],
            "E": [[0.875, -0.1], [-0.1, 1.5]], "R": [[0.3, 0.1], [-0.2, 0.25]], "D": [1, 0.5],
        },
    )  # fmt: skip
    parts = params.overlaps()
    vectors = [*"wwvvt"]
    mean, cov = np.zeros((5, 5)), np.zeros((5, 5))
    first = np.array([0.3, -0.2, 0.25, 0.1, 1.0])
    second = np.block([[parts["Q"], parts["R"]], [parts["R"].T, parts["E"]]])
    for i in range(5):
        for j in range(5):
            mean[i, j] = first[i] * first[j]
            if i < 4 and j < 4:
                cov[i, j] = second[i, j] - first[i] * first[j]
    places = [(0, 4), (1, 4), (2, 4), (3, 4)]
    for left, right in (("w", "w"), ("v", "v"), ("w", "v")):
        at = {"w": (0, 1), "v": (2, 3)}
        places += [(i, j) for i in at[left] for j in at[right]]
    assert len(vectors) == 5
    exact = np.zeros((18, 18))
    for x, (a, b) in enumerate(places):
        for y, (c, d) in enumerate(places):
            exact[x, y] = sum(
                cov[p, r] * cov[q, s] + mean[p, r] * cov[q, s] + cov[p, r] * mean[q, s]
                for p, q, r, s in ((a, b, c, d), (a, b, d, c))
            )
    np.testing.assert_allclose(bands.covariance_of_start(params), exact, atol=1e-15)


def test_errors_of_bands_are_sampled_some_times_at_once(monkeypatch):
    """All that the kernel gets, at 2 latents and 1 signal of strength 2.25."""
    params = Params(latent=2, signal=1, rho=2.25)
    asked = []

    def fake(x, C, root, step, few, points, least, found):
        asked.append((x, C, root, step, few, points, least))
        found[:] = [[4.0 * len(asked), 9.0]] * len(x)

    monkeypatch.setattr(variances, "variances", fake)
    monkeypatch.setattr(spread_of_errors, "seconds_of_samples", lambda *size: 0.02)
    size = 2 * 2 + 3 * 4 + 2
    rng = np.random.default_rng(1)
    y = rng.normal(size=(5, size))
    F = rng.normal(size=(5, size, size))
    P = F @ np.swapaxes(F, 1, 2)
    places, _ = bands.entries(2, 1)
    C = P[:, places[0], places[1]]
    matched, aligned = spread_of_errors.stds_of_errors(params, y, C)
    assert matched.tolist() == [2, 2, 8**0.5, 8**0.5, 12**0.5]
    assert aligned.tolist() == [3] * 5
    assert [len(each[0]) for each in asked] == [2, 2, 1]
    x = np.concatenate([each[0] for each in asked])
    np.testing.assert_allclose(x, np.stack([1.5 * y[:, 0], 1.5 * y[:, 1], y[:, 4] + y[:, 7]], 1))
    first = np.zeros((3, size))
    first[0, 0] = first[1, 1] = 1.5
    # of the two places of an entry of Q, the first is kept
    first[2, 4] = first[2, 7] = 1.0
    exact = first @ P @ first.T
    np.testing.assert_allclose(np.concatenate([each[1] for each in asked]), exact, rtol=1e-12)
    root = np.concatenate([each[2] for each in asked])
    np.testing.assert_allclose(root @ root, exact, rtol=1e-9)
    np.testing.assert_allclose(root, np.swapaxes(root, 1, 2), rtol=1e-9)
    size = max(1.0, np.abs(np.stack([y[:, 0], y[:, 1], y[:, 4] + y[:, 7]])).max())
    np.testing.assert_allclose(asked[0][3], 1e-6 * np.sqrt(size) * np.array([1.5, 1.5]))
    points = spread_of_errors.normals(3)
    assert (asked[0][5] == points.ravel()).all()
    few = asked[0][4].reshape(points[0].shape)
    half = few.shape[1] // 2
    assert (few[:, :half] == 2 * points[0][:, :half]).all()
    assert (few[:, half:] == 0).all()
    assert asked[0][6] == 1


# ---- engines, rows and groups


def test_seconds_of_steps_are_estimated():
    def exact(M, K):
        return 1e-8 * (K + 2 * M) + 4e-9 * M * (M + 1) * K + 5e-9 * M * M * M

    one, two = Params(dim=300), MODEL
    assert engines.exact_engine(one).seconds_per_step == 5e-8
    assert engines.exact_engine(two).seconds_per_step == pytest.approx(exact(2, 3))
    noisy = two.replace(noise="1*0.5,0.5*0.25,0.25*0.25")
    assert engines.exact_engine(noisy).seconds_per_step == pytest.approx(3 * (1e-7 + exact(2, 3)))
    for momentum, columns in ((0.0, 4), (0.5, 8)):
        for batch, points in ((5, 5), (400, 3 + 3 * 4 + 2)):
            model = noisy.replace(batch=batch, momentum=momentum)
            rows = 3 + 3 * 4 + 2
            triangles = 3 * columns * columns * (columns + min(points, 4))
            assert engines.exact_engine(model).seconds_per_step == pytest.approx(
                2e-7 + 1e-9 * (2 * points * rows * 4 + triangles)
            )
    assert engines.vector_engine(two).seconds_per_step == pytest.approx(3e-9 * 500 * (1 + 2 + 3))
    assert engines.vector_engine(noisy).seconds_per_step == pytest.approx(3e-9 * 500 * (2 + 2 + 3))
    batches = engines.vector_engine(two.replace(batch=7)).seconds_per_step
    assert batches == pytest.approx(3e-9 * 500 * 6 * (7 + 2))


def test_widths_of_engines():
    size = 2 * 2 * 3 + 3 * 4 + 2
    noisy = MODEL.replace(noise="1*0.5,0.5*0.5")
    for params, width in ((MODEL, size), (noisy, size + 8)):
        for made in (engines.exact_engine, engines.vector_engine):
            for changes in ({}, {"batch": 2}):
                assert made(params.replace(**changes)).width == width
    assert engines.exact_engine(MODEL).together is not None
    assert engines.exact_engine(MODEL.replace(batch=2)).together is None
    assert engines.vector_engine(MODEL).epochs is None
    assert engines.vector_engine(MODEL.replace(alpha=2.0)).epochs is not None


def test_velocities_are_zero_at_first():
    along, frames, speeds, D = engines.exact_engine(MODEL.replace(momentum=0.5)).state
    plain = engines.exact_engine(MODEL).state
    assert (along.shape, frames.shape, speeds.tolist()) == ((8, 3), (1, 8, 8), [0, 0])
    assert (along[:4] == np.concatenate(plain[:2])).all()
    assert (frames[0, :4, :4] == plain[2]).all()
    assert (along[4:] == 0).all()
    assert (frames[0, 4:] == 0).all()
    assert (frames[0, :, 4:] == 0).all()
    assert (plain[3] == D).all()


@pytest.mark.parametrize(
    ("changes", "points", "times", "other"),
    [
        ({"latent": 1}, 1, 1, "; the exact engine, which has the same law, needs none"),
        ({"latent": 7}, 4, 1, "; the exact engine, which has the same law, needs none"),
        ({"latent": 8}, 16, 1, "; the exact engine, which has the same law, needs none"),
        ({"latent": 1, "batch": 2}, 1, 3, "; the exact engine, which has the same law, needs none"),
        ({"latent": 2, "optimiser": "adam"}, 4, 3, ""),
    ],
)
def test_vectors_of_more_than_four_gigabytes(monkeypatch, caplog, changes, points, times, other):
    monkeypatch.setattr(engines, "_vectors_in_classes", lambda params: "engine")
    monkeypatch.setattr(engines, "_vectors_in_batches", lambda params, engine: "engine")
    each = 8e-9 * (4 * changes["latent"] + 4 * 3 + points) * times
    for share, said in ((0.99, False), (1.01, True)):
        dim = int(4 / each * share)
        params = Params(dim=dim, signal=3, noise="1*0.5,0.5*0.5", t_max=1, points=2,
                        init="m=0,d=0,Q=1,E=1,R=0,D=1", **changes)  # fmt: skip
        assert engines.vector_engine(params) == "engine"
        assert caplog.messages == [
            f"training on vectors of length {dim:g} needs about 4 GB, more with several "
            f"jobs{other}"
        ] * said  # fmt: skip


def test_rows_need_room(monkeypatch, caplog):
    params = Params(dim=1000, alpha=250.0, t_max=1, points=2)  # 2 GB of 250 000 rows
    need = "needs 6 GB for 250000 rows of 1000 entries"
    monkeypatch.setattr(epochs, "free_memory", lambda: 6.01e9)
    epochs.check_rows(params, "vector", 3)
    assert caplog.messages == [f"this {need} in 3 runs at a time; fewer jobs need less"]
    caplog.clear()
    epochs.check_rows(params, "vector", 1)
    assert not caplog.messages
    monkeypatch.setattr(epochs, "free_memory", lambda: 5.99e9)
    for change, engine, words in (
        ({}, "vector", f"alpha: {need} in 3 runs at a time, more than is free here"),
        ({}, "exact", "engine: exact draws fresh data for every step; with alpha take vector"),
        ({"batch": 250_001}, "vector", "batch: must be at most 250000, the rows, got 250001"),
        ({"noise": "1*0.5,2*0.5"}, "vector",
         "noise: is not derived for rows used again; leave out alpha"),
    ):  # fmt: skip
        with pytest.raises(vaedyn.ParameterError) as caught:
            epochs.check_rows(params.replace(**change), engine, 3)
        assert str(caught.value) == words
    epochs.check_batch(params.replace(batch=250_000), 250_000)


def test_rows_have_the_signals_in_white_noise():
    params = Params(dim=6, alpha=50.0, rho=(2.25, 0.25), signal=2, eta=0.5, t_max=1, points=2)
    rows = epochs.draw_rows(params, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    noise = np.sqrt(0.5) * rng.standard_normal((300, 6))
    c = np.concatenate([rng.standard_normal((150, 2)) for _ in range(2)]) * [1.5, 0.5]
    angles = np.pi * (np.arange(6) + 0.5) / 6
    truth = np.stack([np.ones(6), np.sqrt(2) * np.cos(angles)]) / np.sqrt(6)
    np.testing.assert_allclose(rows, noise + c @ truth, rtol=1e-12)


def test_costs_of_groups():
    assert [groups._cost(n) for n in range(17)] == [0, 1, 2, *[3] * 6, *[4] * 8]


def test_steps_of_an_ensemble_are_counted(monkeypatch, caplog):
    """Of runs 2, 3 and 4 of five, 60 steps each."""
    caplog.set_level(logging.DEBUG, "vaedyn")
    params, told = Params(dim=20, t_max=3, points=2), []
    made = [
        simulate._ensemble(
            params, simulate.ENGINES["exact"](params), 2, 5, simulate.Seeds(1, (2,)), False, jobs,
            lambda *done: told.append(done),
        )
        for jobs in (1, 8)
    ]  # fmt: skip
    found = [np.concatenate([y for y, _ in each]) for each in made]
    assert [len(each) for each in found] == [3, 3]
    assert (found[0] == found[1]).all()
    assert {total for _, total in told} == {180}
    assert told[-1][0] == 180
    assert [text for text in caplog.messages if text.startswith("simulating")] == [
        "simulating 3 runs on 1 threads", "simulating 3 runs on 3 threads"
    ]  # fmt: skip


def test_options_are_of_the_model_or_of_the_ensemble():
    def function(runs=1):
        """Stand for one that simulates."""

    model, rest = simulate.model_of(function, None, {"runs": 3, "beta": 2.0, "jobs": 1})
    assert (model, rest) == (Params(beta=2.0), {"runs": 3, "jobs": 1})
    model, rest = simulate.model_of(function, MODEL, {"seed": 4})
    assert (model, rest) == (MODEL, {"seed": 4})
    for options, words in (
        ({"run": 3}, "'run' (did you mean runs?)"), ({"bet": 3}, "'bet' (did you mean beta?)"),
        ({"zzzz": 3, "aaaa": 1}, "'aaaa'"),
    ):  # fmt: skip
        with pytest.raises(TypeError) as caught:
            simulate.model_of(function, None, options)
        assert str(caught.value) == f"function() got an unexpected keyword argument {words}"
    with pytest.raises(TypeError, match="'beta'$"):
        simulate.only_ensemble(function, {"beta": 3, "runs": 3})
    assert simulate.DIMS == (250, 500, 1000, 2000, 4000)
    assert {"runs", "seed", "engine", "jobs"} == simulate.ENSEMBLE
    assert (simulate.SECONDS_AT_ONCE, simulate.MOST_AT_ONCE, simulate.AHEAD) == (0.05, 65536, 16)


def test_engines_that_suit():
    suits = simulate._engine_for
    adam = Params(optimiser="adam")
    assert [suits(each, None) for each in (Params(), Params(alpha=3.0), adam)] == [
        "exact", "vector", "vector"
    ]  # fmt: skip
    assert suits(Params(), "vector") == "vector"
    for params, engine, words in (
        (Params(), "exac", "engine: expected exact or vector, got 'exac'"),
        (Params(), 3, "engine: expected exact or vector, got 3"),
        (adam, "exact", "engine: exact does not train by Adam; take vector"),
    ):
        with pytest.raises(vaedyn.ParameterError) as caught:
            suits(params, engine)
        assert str(caught.value) == words


def test_the_linear_stage_is_integrated_as_closely_as_it_must_be(monkeypatch):
    asked = []

    class Seen(Exception):  # noqa: N818
        """Ends it there."""

    def integrate(params, joint, times, schedule, **options):
        asked.append((joint[:2].tolist(), times, options))
        raise Seen

    monkeypatch.setattr(escape, "integrate", integrate)
    with pytest.raises(Seen):
        vaedyn.escape(Params(lr=0.1, init="m=0.2,d=0.1,Q=1,E=1,R=0,D=1"), random_start=False)
    ((overlaps, times, options),) = asked
    assert overlaps == pytest.approx([1e-12, 0.5e-12], rel=1e-12)
    assert options == {"rtol": 1e-5, "atol": pytest.approx(1e-13, rel=1e-9, abs=0)}
    assert (len(times), times[0]) == (400, 0)
