"""How the best schedule is sought and said, with times to converge that are made up."""

from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.annealing import (
    adiabatic,
    another_start,
    best_schedule,
    confirm,
    criterion,
    error_in_time,
    piecewise,
    time_to_converge,
)
from vaedyn.annealing.best_schedule import FAMILIES, Tuning, _Trial
from vaedyn.errors import ConvergenceError
from vaedyn.learning.solve import Mark
from vaedyn.model.schedules import Constant, Linear, Points, Tanh

MODEL = Params(beta=1.25, eta=0.75, lr=0.125, dim=400)


def test_what_is_searched_is_as_large_as_documented():
    assert list(FAMILIES) == ["tanh", "linear", "cosine", "free"]
    assert (best_schedule.SCAN, best_schedule.FINER, best_schedule.BEST) == (160, (16, 16, 16), 3)
    assert (best_schedule.MOST_KNOTS, best_schedule.HOPELESS, best_schedule.OFF) == (16, 40, 0.1)
    assert (best_schedule.MARGIN, best_schedule.SURE, best_schedule.HANGS) == (1e-3, 1e-3, 0.5)
    assert (piecewise.HIGHEST, piecewise.LOWEST, piecewise.LATEST) == (300, 1e-9, 2)
    assert (piecewise.SHORTEST, piecewise.LONGEST, piecewise.MOST_STEPS) == (1e-4, 1, 20_000)
    assert (piecewise.LATER, piecewise.GRID, piecewise.LIMITS) == (160, 4000, (0.985, 0.998))
    assert (piecewise.ROUNDS, piecewise.BEST, piecewise.FEW) == ((600, 2400), 2, 4)
    assert (piecewise.SPLITS, piecewise.BEYOND) == (3, 20)
    assert piecewise.SHAPES == (
        ((0.05, 0.4), (0.5, 0.0)),
        ((0.02, 0.3, 0.4), (20.0, 0.0, 0.0)),
        ((0.1, 0.05, 0.1), (0.4, 0.0, 1.1)),
        ((0.08, 0.01, 0.02, 0.5), (0.0, 0.0, 20.0, 0.0)),
        ((0.02, 0.1, 0.05, 0.1), (0.3, 0.0, 0.4, 1.0)),
        ((0.1, 0.1, 0.1, 0.1), (0.5, 0.0, 0.5, 1.0)),
    )
    assert (time_to_converge.GRID, time_to_converge.FINER) == (2000, 64)
    assert (time_to_converge.SETTLED, time_to_converge.RESAMPLED) == (0.1, 200)
    assert (time_to_converge.LONGEST, time_to_converge.NEARLY) == (1e6, 0.9)
    assert (confirm.SLOW, confirm.LONGER, confirm.SAVED) == (3, 1.5, 1401)
    assert (confirm.LASTS, confirm.DRAWN) == (1.3, 601)


class Made:
    """Times to converge that are made up: 100 at constant beta, else least at one number."""

    def __init__(self, monkeypatch, best, least=50.0, unsure=()):
        self.best, self.least, self.unsure, self.asked = best, least, unsure, []
        monkeypatch.setattr(best_schedule, "last_crossing", self)

    def __call__(self, params, schedule, tol, **options):
        self.asked.append((schedule, options))
        if schedule == Constant():
            return 100.0, 0.375
        number = schedule.numbers[0]
        time = self.least + 20 * np.log(number / self.best) ** 2
        if "margin" in options and "most" in options and options.get("rtol") == 1e-11:
            time *= 2 if number in self.unsure else 1
        if time > options.get("most", np.inf):
            raise ConvergenceError("late")
        return time, 0.375


def trial(tol=0.02, progress=None):
    return _Trial(MODEL, tol, progress, criterion="eps_g", rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("family", "best"), [("linear", 17.0), ("tanh", 0.17)])
def test_numbers_are_scanned_and_then_looked_at_closer(monkeypatch, family, best):
    made, told = Made(monkeypatch, best), []
    mine = trial(progress=lambda *done: told.append(done))
    found = best_schedule._scan(mine, family)
    numbers, times = found["numbers"], found["times"]
    total = 160 + 3 * 48
    assert len(told) == total
    assert told[-1] == (total, total)
    assert told[0] == (1, total)
    grid = [0.3 * 1000 ** (i / 159) for i in range(160)]
    if family == "tanh":
        grid = [1 / x for x in reversed(grid)]
    grid = [float(f"{x:.6g}") for x in grid]
    assert set(grid) <= set(numbers.tolist())
    assert numbers.tolist() == sorted(set(numbers.tolist()))
    np.testing.assert_allclose(times, 50 + 20 * np.log(numbers / best) ** 2, rtol=1e-12)
    near = [x for x in numbers.tolist() if x not in grid]
    i = int(np.argmin(np.abs(np.log(np.array(grid) / best))))
    assert grid[i - 2] < min(near)
    assert max(near) < grid[i + 2]
    assert abs(np.log(numbers[times.argmin()] / best)) < np.log(1000) / 159 * 2 / 17**3
    spec = found["spec"]
    assert spec == f"{family}:{numbers[times.argmin()]!r}".replace("np.float64(", "").replace(
        ")", ""
    )
    assert found["time"] == times.min()
    off = [50 + 20 * np.log(float(spec.partition(":")[2]) * x / best) ** 2 for x in (0.9, 1.1)]
    assert found["off"] == pytest.approx(max(off))
    plain = [options for _, options in made.asked if options.get("rtol") == 1e-7]
    assert all(options["criterion"] == "eps_g" for options in plain)


def test_the_second_best_is_taken_where_the_best_is_not_sure(monkeypatch):
    numbers = np.array([1.0, 2.0, 4.0, 8.0])
    times = np.array([10.0, 50.0, 40.0, 100.0])
    sure = {2.0: 50.0, 4.0: np.inf, 8.0: 99.0}
    Made(monkeypatch, 1.0)
    mine = trial()
    monkeypatch.setattr(mine, "sure", lambda schedule: sure[schedule.numbers[0]])
    # the shortest warm-up is close to none: where it is the best, none is better
    assert best_schedule._best(mine, numbers, times, Linear) == (Constant(), 100.0)
    times[0] = 200.0
    assert best_schedule._best(mine, numbers, times, Linear) == (Linear(2.0), 50.0)
    sure[2.0] = 100.0  # not better than constant beta
    assert best_schedule._best(mine, numbers, times, Linear) == (Constant(), 100.0)
    times[:] = [200, 100, 150, 99]
    assert best_schedule._best(mine, numbers, times, Linear) == (Linear(8.0), 99.0)
    assert best_schedule._best(mine, numbers, times, Tanh) == (Constant(), 100.0)
    assert [best_schedule._is_rate(FAMILIES[x]) for x in ("tanh", "linear", "cosine")] == [
        True, False, False
    ]  # fmt: skip


def test_free_schedules_begin_with_the_best_line(monkeypatch):
    Made(monkeypatch, 17.0)
    asked = []

    def pieces(*given):
        asked.append(given)
        return Points((0.0, 9.0), (0.5, 1.25)), 40.0

    monkeypatch.setattr(best_schedule, "best_pieces", pieces)
    mine = trial()
    monkeypatch.setattr(mine, "time", lambda schedule, **_: schedule.arrival())
    line = {"spec": "linear:17.0", "time": 50.0}
    monkeypatch.setattr(best_schedule, "_scan", lambda trial, family: line)
    found = best_schedule._free(mine, 3)
    params, knots, tol, scale, best, accept, tick, what = asked.pop()
    assert (params, knots, tol, scale, what) == (MODEL, 3, 0.999 * 0.02, 100.0, "eps_g")
    assert best == (Points((0.0, 17.0), (0.0, 1.25)), 50.0)
    assert (accept, tick) == (mine.sure, mine.tick)
    assert mine.wanted == 160 + 3 * 48 + piecewise.evaluations(3)
    assert found.pop("numbers").size == found.pop("times").size == 0
    assert found == {"spec": "points:0.0=0.5,9.0=1.25", "time": 40.0, "off": pytest.approx(9.9)}
    line |= {"spec": "constant", "time": 100.0}
    best_schedule._free(mine, 2)
    assert asked[0][4] == (Constant(), 100.0)


def test_a_schedule_that_is_given_up_is_not_known(monkeypatch):
    Made(monkeypatch, 1e-9)
    mine = trial()
    assert mine.time(Linear(5.0)) == np.inf
    found = mine.result(Linear(5.0), 60.0, np.array([1.0, 2.0]), np.array([3.0, np.inf]))
    np.testing.assert_equal(found["times"], [3.0, np.nan])
    assert np.isnan(found["off"])


@pytest.mark.parametrize(("what", "words"), [("eps_g", "eps_g"), ("elbo", "the loss")])
def test_what_starts_at_its_end_needs_no_schedule(monkeypatch, what, words):
    monkeypatch.setattr(best_schedule, "last_crossing", lambda *_, **__: (0.0, 0.5))
    with pytest.raises(ConvergenceError) as caught:
        vaedyn.best_schedule(MODEL, tol=0.25, criterion=what)
    assert str(caught.value) == f"{words} starts within 0.25 of its final value: lower --tol"


class Kept:
    """A store that keeps what it is asked for."""

    def load_or_run(self, kind, params, compute):
        self.kind, self.params = kind, params
        self.variables, self.info = compute()
        self.key, self.path, self.reused = "k", "p", False
        return self


@pytest.mark.parametrize(("family", "what"), [("linear", "eps_g"), ("free", "elbo")])
def test_a_tuning_is_recorded(monkeypatch, family, what):
    monkeypatch.setattr(best_schedule, "last_crossing", lambda *_, **__: (100.0, 0.375))
    made = {
        "spec": "linear:5.0", "time": 60.0, "off": 70.0, "numbers": np.array([5.0]),
        "times": np.array([60.0]),
    }  # fmt: skip
    monkeypatch.setattr(best_schedule, "_scan", lambda trial, family: dict(made))
    monkeypatch.setattr(best_schedule, "_free", lambda trial, knots: dict(made))
    asked = []

    def elsewhere(params, schedule, *known, **settings):
        asked.append((schedule, known, settings))
        return 90.0 if schedule == Constant() else 80.0

    monkeypatch.setattr(best_schedule, "time_from_another", elsewhere)
    kept = Kept()
    found = vaedyn.best_schedule(
        MODEL, family, knots=2, tol=0.02, criterion=what, rtol=1e-7, atol=1e-9, store=kept
    )
    settings = {"criterion": what, "rtol": 1e-7, "atol": 1e-9}
    assert asked == [(each, (0.02, 100.0, 0.375), settings) for each in (Constant(), Linear(5.0))]
    model = MODEL.to_dict()
    for name in ("t_max", "points", "anneal"):
        del model[name]
    more = {"knots": 2, "criterion": "elbo"} if family == "free" else {}
    numerics = kept.params.pop("numerics")
    assert isinstance(numerics, int)
    assert (kept.kind, kept.params) == (
        "annealing", {**model, "family": family, "tol": 0.02, "rtol": 1e-7, "atol": 1e-9, **more}
    )  # fmt: skip
    words = {name: (dims, notes["long_name"]) for name, (dims, _, notes) in kept.variables.items()}
    assert words == {
        "end": ((), "generalisation error in the end" if what == "eps_g" else "loss in the end"),
        "constant": ((), "time to converge at constant beta"),
        "time": ((), "time to converge under the best schedule"),
        "numbers": (("schedule",), "number of the schedule"),
        "times": (("schedule",), "time to converge"),
        "off": ((), "time to converge when the best number is off by a tenth"),
        "elsewhere": (
            ("beta",), "times to converge from another start, at constant beta and the best"
        ),
    }  # fmt: skip
    assert (found.gain, found.gain_elsewhere) == (100 / 60, 90 / 80)
    assert (found.spec, found.end, found.off, found.tol) == ("linear:5.0", 0.375, 70.0, 0.02)
    assert found.params == MODEL.replace(t_max=15 / 0.125, points=2, anneal="constant")
    assert found.criterion == what


def tuning(**changes):
    given = {
        "params": MODEL, "family": "tanh", "tol": 0.02, "end": 0.5, "constant": 100.0,
        "spec": "tanh:0.1", "time": 40.0, "numbers": np.array([0.1]), "times": np.array([40.0]),
        "off": 50.0, **changes,
    }  # fmt: skip
    return Tuning(**given)


def test_the_gain_hangs_on_the_start_in_words():
    assert np.isnan(tuning().elsewhere).tolist() == [True, True]
    assert tuning().warning is None
    assert tuning(elsewhere=np.array([176.0, 100.0])).warning is None  # half of 1.5
    assert tuning(elsewhere=np.array([174.0, 100.0])).warning == (
        "the gain of 2.5 hangs on the start: from --init torch the same schedule gains 1.74 "
        "(t = 174 and 100)"
    )
    other = tuning(params=MODEL.replace(init="torch"), elsewhere=np.array([1.0, 2.0]))
    assert (other.other, tuning().other) == ("gaussian", "torch")
    assert "from --init gaussian the same" in other.warning


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"family": "tan"}, "family: expected one of tanh, linear, cosine, free, got 'tan'"),
        ({"knots": 17}, "knots: must be at most 16, got 17"),
        ({"knots": 0}, "knots: must be at least 1, got 0"),
        ({"tol": 0}, "tol: must be > 0, got 0"),
        ({"criterion": "elb"},
         "criterion: expected eps_g or elbo, got 'elb' (did you mean elbo?)"),
        ({"criterion": 3}, "criterion: expected eps_g or elbo, got 3"),
    ],
)  # fmt: skip
def test_arguments_are_refused_in_words(changes, words):
    with pytest.raises(vaedyn.ParameterError) as caught:
        vaedyn.best_schedule(MODEL, **changes)
    assert str(caught.value) == words


def test_what_converges_is_eps_g_or_the_loss():
    assert criterion.IN_WORDS == {"eps_g": "eps_g", "elbo": "the loss"}
    params = Params(latent=2, signal=1, rho=1.5, eta=0.75, beta=1.25)
    rng = np.random.default_rng(1)
    y = rng.uniform(0.25, 1, (3, 2 + 2 + 12 + 2))
    m, d, Q, E, R, D = np.split(y, [2, 4, 8, 12, 16], axis=1)
    for i in range(3):
        S = 1.5 * np.outer(d[i], d[i]) + 0.75 * E[i].reshape(2, 2)
        A = 1.5 * np.outer(m[i], d[i]) + 0.75 * R[i].reshape(2, 2)
        q = Q[i].reshape(2, 2)
        loss = -np.trace(A) + 0.5 * np.trace(q @ S) + 0.5 * np.diag(q) @ D[i]
        loss += 1.25 * 0.5 * (np.diag(S) + D[i] - np.log(D[i]) - 1).sum()
        assert criterion.of_states(params, y, "elbo")[i] == pytest.approx(loss, rel=1e-12)
        eps_g = 1.5 - 2 * np.sqrt(1.5) * m[i].max() + np.trace(q)
        assert criterion.of_states(params, y)[i] == pytest.approx(eps_g, rel=1e-12)


def test_the_time_from_another_start(monkeypatch):
    asked = []

    def integrate(params, start, times, schedule, **options):
        asked.append((params, start, times, schedule, options))
        return times[:, None], {}

    monkeypatch.setattr(another_start, "integrate", integrate)
    monkeypatch.setattr(another_start, "of_states", lambda model, y, what: 0.5 + np.exp(-y[:, 0]))
    settings = {"criterion": "elbo", "rtol": 1e-7, "atol": 1e-9}
    rest = Linear(5.0), 0.02, 2.5, 0.5
    time = another_start.time_from_another(MODEL, *rest, **settings)
    assert time == pytest.approx(np.log(50), rel=1e-5)
    ((params, _, times, schedule, options),) = asked
    assert params == MODEL.replace(init="torch")
    assert (times == np.linspace(0, 25, 4001)).all()
    assert (schedule, options) == (Linear(5.0), {"rtol": 1e-7, "atol": 1e-9, "most": 100_000})
    # the last tenth must be within a tenth of the tolerance: exp(-t) < 0.002 from t = 6.2 on
    for constant, known in ((0.70, True), (0.68, False)):
        rest = Linear(5.0), 0.02, constant, 0.5
        assert np.isfinite(another_start.time_from_another(MODEL, *rest, **settings)) == known
    monkeypatch.setattr(another_start, "of_states", lambda model, y, what: np.full(len(y), 0.51))
    assert another_start.time_from_another(MODEL, Linear(5.0), 0.2, 2.5, 0.5, **settings) == 0.0
    asked.clear()
    large = MODEL.replace(dim=5_000_001, latent=2)
    assert np.isnan(another_start.time_from_another(large, *rest, **settings))
    assert not asked


@pytest.mark.parametrize(("share", "known"), [(0.99, True), (1.01, False)])
@pytest.mark.parametrize("changes", [{}, {"batch": 4}, {"momentum": 0.5}, {"lr": (0.1, 0.3, 0.2)}])
def test_strides_that_are_too_long_are_not_tried(monkeypatch, share, known, changes):
    """(v tau eta Q/(1 - p))^2 = N b/2, with Q of one latent at N/3 about."""
    monkeypatch.setattr(another_start, "integrate", lambda *_, **__: (np.zeros((4001, 1)), {}))
    monkeypatch.setattr(another_start, "of_states", lambda model, y, what: 0 * y[:, 0])
    params = MODEL.replace(**changes)
    Q = params.replace(init="torch").overlaps()["Q"].max()
    rate = float(params.rates[1]) / (1 - params.momentum)
    eta = share * np.sqrt(0.5 * params.batch * 400) / (rate * Q)
    time = another_start.time_from_another(
        params.replace(eta=eta), Constant(), 0.1, 2.0, 0.0, criterion="eps_g", rtol=1e-7, atol=1e-9
    )
    assert np.isfinite(time) == known


def test_relaxation_and_delay_of_made_up_states(monkeypatch):
    def errors(params, betas):
        return 0.25 + (params.beta - betas) ** 2

    monkeypatch.setattr(adiabatic, "attracting_errors", errors)
    share = 0.1 / 1.25
    assert adiabatic.lag(MODEL, 0.01) == pytest.approx(share, rel=1e-3)
    assert adiabatic.delay(MODEL, Tanh(0.5), 0.01) == pytest.approx(
        np.arctanh(1 - share) / 0.5, rel=1e-3
    )
    assert adiabatic.lag(MODEL, 9.0) == 1.0
    monkeypatch.setattr(adiabatic, "attracting_errors", lambda params, betas: 1.25 - betas)
    assert adiabatic.lag(MODEL, 1e-12) == pytest.approx(1e-9)
    monkeypatch.setattr(adiabatic, "attracting_errors", lambda params, betas: np.nan * betas)
    assert np.isnan(adiabatic.lag(MODEL, 0.01))
    assert np.isnan(adiabatic.delay(MODEL, Tanh(0.5), 0.01))
    for growth, time in ((-0.25, 4.0), (0.0, np.inf), (0.25, np.inf)):
        found = {"growth": np.array([growth])}
        monkeypatch.setattr(adiabatic, "attractors", lambda c, found=found: found)
        assert adiabatic.relaxation_time(MODEL) == time
    assert np.isnan(adiabatic.relaxation_time(MODEL.replace(optimiser="adam")))
    assert np.isnan(adiabatic.lag(MODEL.replace(optimiser="adam"), 0.1))


def test_constant_beta_needs_no_other_start(monkeypatch):
    Made(monkeypatch, 1.0)
    monkeypatch.setattr(best_schedule, "time_from_another", lambda *_, **__: 1 / 0)
    found = trial().elsewhere(Constant())
    assert found.shape == (2,)
    assert np.isnan(found).all()


def test_errors_in_time_are_integrated_as_asked(monkeypatch):
    asked = []

    def integrate(params, start, times, schedule, *, read, marks, **settings):
        asked.append((params, times.tolist(), schedule, settings, len(marks)))
        if not marks:
            marks.append(Mark(0.0, 0.0, start, start))
        return read(np.tile(start, (len(times), 1))), {}

    monkeypatch.setattr(error_in_time, "integrate", integrate)
    monkeypatch.setattr(error_in_time, "of_states", lambda params, y, what: y[:, 0] + len(what))
    made = error_in_time.ErrorInTime(MODEL, Linear(5.0), "elbo", rtol=1e-7, atol=1e-9, progress=len)
    first = made.start[0] + 4
    assert made.at(np.array([0.0, 1.0])).tolist() == [first] * 2
    settings = {"rtol": 1e-7, "atol": 1e-9, "progress": len}
    assert asked == [(MODEL, [0.0, 1.0], Linear(5.0), settings, 0)]
    assert made.at(np.array([2.0, 3.0])).tolist() == [first] * 2
    assert asked[1][1] == [0.0, 2.0, 3.0]  # no mark precedes them
    assert (made.state == made.start).all()
    usual = error_in_time.ErrorInTime(MODEL, Linear(5.0), rtol=1e-7, atol=1e-9)
    assert usual.at(np.array([0.5])).tolist() == [made.start[0] + 5]
    assert asked[2][3] == {"rtol": 1e-7, "atol": 1e-9, "progress": None}


def test_an_error_of_the_tolerance_itself_is_within(monkeypatch):
    ends = np.concatenate([[0.0], np.full(10, 0.5), np.full(389, 2.0)])
    monkeypatch.setattr(adiabatic, "attracting_errors", lambda params, betas: ends)
    assert adiabatic.lag(MODEL, 0.5) == pytest.approx(np.geomspace(1e-9, 1, 400)[9])
    assert adiabatic.lag(MODEL, 0.49) == pytest.approx(1e-9)


def test_the_optimiser_is_given_slopes(monkeypatch):
    asked = []

    def minimize(function, at, **options):
        asked.append((function(np.array([1.0, 2.0, 3.0])), at, options))
        return SimpleNamespace(x=np.array([9.0, -9.0, 0.5]))

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    search = piecewise._Search(MODEL, 0.02, 100.0, lambda: None)
    at, box = np.array([0.1, 0.2, 0.3]), (np.zeros(3), np.ones(3))
    x, used = search.minimum(at, 0.5, 0.9, box)
    assert (x.tolist(), used) == ([1.0, 0.0], 0)
    ((value, start, options),) = asked
    assert (value, start.tolist()) == (3.0, at.tolist())
    assert options.pop("jac")(at).tolist() == [0.0, 0.0, 1.0]
    constraints = options.pop("constraints")
    assert options == {
        "method": "SLSQP", "bounds": [(0, 1)] * 3, "options": {"maxiter": 12, "ftol": 1e-8}
    }  # fmt: skip
    assert (set(constraints), constraints["type"]) == ({"type", "jac", "fun"}, "ineq")
    tried = []

    def states(x, times):
        tried.append((x.tolist(), times))
        return None if x[0] > 0.5 else np.tile(x[:1], (len(times), 1)) + x[1] * times[:, None]

    search.states = states
    search.values = lambda y: 0.5 + 0.02 * y[:, 0]
    inside = constraints["fun"](at)
    later = (0.3 + np.linspace(0, 1, 160) ** 2) * 100
    away = (0.1 + 0.2 * later) / 0.9
    far = np.clip(away, -20, 20)
    np.testing.assert_allclose(inside, np.concatenate([1 - far, 1 + far]), rtol=1e-12)
    assert tried[0][1][0] == 0.0
    np.testing.assert_allclose(tried[0][1][1:], later)
    slopes = constraints["jac"](at)
    assert slopes.shape == (320, 3)
    assert len(tried) == 4  # the first is not made again
    free = away < 19.9
    np.testing.assert_allclose(slopes[160:][free][:, 0], 1 / 0.9, rtol=1e-5)
    np.testing.assert_allclose(slopes[:160][free][:, 1], -later[free] / 0.9, rtol=1e-5)
    at_edge = np.array([0.1, 1.0, 0.3])
    constraints["jac"](at_edge)
    assert tried[-2][0][1] == pytest.approx(1 - 1e-5)  # inwards
    assert (constraints["fun"](np.array([0.6, 0.2, 0.3]))[:160] == -19).all()
