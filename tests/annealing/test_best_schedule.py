"""Tuned annealing: known gains, the slow limit, the doctor's warnings."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing import best_schedule as tuning
from vaedyn.annealing import piecewise
from vaedyn.annealing.adiabatic import delay, lag, relaxation_time
from vaedyn.annealing.best_schedule import best_schedule
from vaedyn.annealing.examine import examine
from vaedyn.annealing.time_to_converge import end_of_learning, last_crossing, measured, spread
from vaedyn.fixedpoints.thresholds import noise
from vaedyn.kernels.constants import Constants
from vaedyn.model.results import Trajectory
from vaedyn.model.schedules import Constant, parse_schedule
from vaedyn.store import ResultStore

STANDARD = vaedyn.Params(init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1")


def time(params, spec, tol=1e-3):
    return last_crossing(params, parse_schedule(spec), tol)[0]


@pytest.fixture
def few(monkeypatch):
    """Let scans be four times as coarse, and follow the best schedule only, as closely as ever."""
    monkeypatch.setattr(tuning, "SCAN", 40)
    monkeypatch.setattr(tuning, "BEST", 1)


@pytest.mark.parametrize(("beta", "gain"), [(1.0, 1.10), (1.5, 2.3), (1.8, 4.7)])
def test_tanh_gains_at_least_what_is_known(beta, gain):
    params = replace(STANDARD, beta=beta)
    found = best_schedule(params)
    assert found.gain > gain
    assert found.constant == pytest.approx(time(params, "constant"), rel=1e-9)
    assert found.time == pytest.approx(time(params, found.spec), rel=1e-9)
    assert found.time == np.nanmin(found.times)
    number = float(found.spec.partition(":")[2])
    off = [time(params, f"tanh:{share * number}") for share in (0.9, 1.1)]
    assert found.off == pytest.approx(max(off), rel=1e-9)
    # a dense scan, which knows nothing of where the best is, finds no better one
    around = number * np.linspace(0.97, 1.03, 31)
    assert min(time(params, f"tanh:{x}") for x in around) > 0.999 * found.time


@pytest.fixture
def quick(monkeypatch, few):
    """Let searches of one model be short, and the best line among its schedules be found once."""
    scan, found = tuning._scan, {}

    def once(trial, family):
        if family not in found:
            found[family] = scan(trial, family)
        return dict(found[family])

    monkeypatch.setattr(tuning, "_scan", once)
    monkeypatch.setattr(piecewise, "ROUNDS", (60, 60))


@pytest.mark.usefixtures("quick")
def test_free_schedules_beat_straight_ones():
    params = replace(STANDARD, beta=1.5)
    line, free = best_schedule(params, "linear"), best_schedule(params, "free", knots=2)
    assert free.time <= line.time * (1 + 1e-6)
    assert free.gain > 2.9
    schedule = parse_schedule(free.spec, 1.5)
    assert min(schedule.betas) >= 0
    assert len(schedule.times) == 3
    assert free.time == pytest.approx(time(params, free.spec), rel=1e-9)


SHORT = replace(STANDARD, beta=1.5, lr=0.05)


@pytest.mark.usefixtures("quick")
def test_more_pieces_are_never_worse():
    found = [best_schedule(SHORT, "linear")]
    found += [best_schedule(SHORT, "free", knots=knots) for knots in (1, 2, 3)]
    assert (np.diff([each.time for each in found]) <= 1e-9).all()
    assert found[-1].time < found[0].time
    for knots, each in enumerate(found[1:], start=1):
        schedule = parse_schedule(each.spec, 1.5)
        assert len(schedule.times) <= knots + 1
        assert (np.diff(schedule.times) > 0).all()
        assert 0 <= min(schedule.betas) <= max(schedule.betas) <= piecewise.HIGHEST * 1.5


def test_the_search_finds_what_is_known_to_be_good():
    # from one shape only, so that it is quick
    shape = ((0.02, 0.1, 0.05, 0.1), (0.3, 0.0, 0.4, 1.0))
    scale = last_crossing(SHORT, Constant(), 1e-3)[0]
    search = piecewise._Search(replace(SHORT, t_max=300), 0.999e-3, scale, lambda: None)
    x = np.concatenate([np.log(shape[0]), np.arcsinh(shape[1])])
    for limit in piecewise.LIMITS:
        x, _ = search.improve(x, limit, 1500)
    schedule, found = search.rounded(x, lambda each: time(replace(SHORT, t_max=300), each.spec))
    assert found < 185.625  # of points:0=0.39969,96.301=0,132.28=0.55689,150.89=1.7387,235.56=1.5
    assert schedule.betas[-1] == 1.5


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("family", "beta"), [("tanh", 1.5), ("linear", 1.0), ("cosine", 1.5)])
def test_the_time_found_does_not_hang_on_the_last_digits(family, beta):
    params = replace(SHORT, beta=beta)
    found = best_schedule(params, family)
    schedule = parse_schedule(found.spec)
    exact = last_crossing(params, schedule, 1e-3, rtol=1e-12, atol=1e-14)[0]
    assert found.time == pytest.approx(exact, rel=1e-5)
    # nor on the tolerance: an excursion that touches it would add tens of per cent
    assert last_crossing(params, schedule, 0.9995e-3)[0] == pytest.approx(exact, rel=1e-2)


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("family", ["tanh", "linear", "cosine"])
def test_where_no_schedule_helps_constant_beta_is_best(family):
    found = best_schedule(replace(STANDARD, beta=2.5, lr=0.05), family)
    # the shortest warm-up comes closest, as it is hardly one
    assert np.nanargmin(found.times) in (0, len(found.times) - 1)
    assert np.nanmin(found.times) < 1.01 * found.constant
    assert (found.spec, found.gain, found.off) == ("constant", 1.0, found.constant)


def test_annealing_slower_than_it_should_be_loses():
    assert time(STANDARD, "tanh:0.0009") > time(STANDARD, "constant")


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("spec", ["tanh:2e-5", "linear:2e5", "cosine:2e5", "sigmoid:2e5"])
def test_slow_annealing_follows_the_fixed_points(beta, spec):
    params = replace(STANDARD, beta=beta)
    assert time(params, spec) == pytest.approx(delay(params, parse_schedule(spec), 1e-3), rel=6e-3)


def test_at_the_least_error_the_lag_is_quadratic_elsewhere_linear():
    flat = replace(STANDARD, lr=1e-5)
    assert lag(flat, 1e-4) / lag(flat, 1e-6) == pytest.approx(10, rel=0.03)
    # eps_g = rho - 2 sqrt(rho) u + u^2 with u^2 = rho + eta - beta
    steep = replace(STANDARD, lr=1e-7, beta=1.5)
    slope = (1 - np.sqrt(0.5)) / np.sqrt(0.5)
    assert lag(steep, 1e-5) * 1.5 * slope == pytest.approx(1e-5, rel=1e-2)


def test_the_relaxation_time_is_that_of_the_fixed_point():
    for beta in (0.5, 1.0, 1.5, 2.5):
        params = replace(STANDARD, beta=beta)
        points = vaedyn.fixed_points(params)
        exact = points.relaxation_time[points.reached]
        assert relaxation_time(params) == pytest.approx(exact, rel=1e-6)


@pytest.mark.usefixtures("coarse")
def test_a_tuning_is_kept_under_what_it_depends_on(tmp_path, monkeypatch):
    store = ResultStore(tmp_path)
    told = []
    first = best_schedule(STANDARD, store=store, progress=lambda *n: told.append(n))
    assert told == [(n, len(told)) for n in range(1, len(told) + 1)]
    again = best_schedule(replace(STANDARD, t_max=77, points=5), store=store)
    assert (first.source.reused, again.source.reused) == (False, True)
    assert (again.spec, again.time, again.off) == (first.spec, first.time, first.off)
    np.testing.assert_array_equal(again.times, first.times)
    assert not best_schedule(STANDARD, tol=1e-2, store=store).source.reused
    empty = {"numbers": np.empty(0), "times": np.empty(0)}
    found = {"spec": "points:0=0,100=1", "time": 1.0, "off": 2.0, **empty}
    monkeypatch.setattr(tuning, "_free", lambda trial, knots: {**found})
    knots = [best_schedule(STANDARD, "free", knots=n, tol=0.3, store=store) for n in (1, 2, 1)]
    assert [each.source.reused for each in knots] == [False, False, True]


@pytest.mark.usefixtures("coarse")
def test_equal_signals_are_judged_by_where_each_schedule_leads():
    # which rotation of the signals is learned depends on the schedule, and so does eps_g
    params = vaedyn.Params(latent=2, signal=2, dim=500, lr=0.05)
    found = best_schedule(params, "linear")
    assert np.isfinite(found.times).mean() > 0.8
    assert found.gain > 1.1
    assert found.time == pytest.approx(time(params, found.spec), rel=1e-6)


@pytest.mark.parametrize(
    ("others", "name"),
    [({"family": "step"}, "family"), ({"knots": 17}, "knots"), ({"tol": 0}, "tol")],
)
def test_arguments_are_checked(others, name):
    with pytest.raises(vaedyn.ParameterError) as caught:
        best_schedule(STANDARD, **others)
    assert caught.value.name == name


@pytest.mark.parametrize(
    ("dim", "lr", "longest"), [(10**13, 0.01, 2**52 / 10**13), (700, 0.03, 500.0)]
)
def test_times_stay_within_what_numbers_of_steps_can_be(monkeypatch, dim, lr, longest):
    tried = []

    def computed(trial, *_):
        tried.append(trial.params)
        names = ("end", "constant", "time", "off", "numbers", "times")
        return {name: ((), np.array(1.0), {}) for name in names}, {"spec": "constant"}

    monkeypatch.setattr(tuning, "_computed", computed)
    given = replace(STANDARD, dim=dim, lr=lr, t_max=1.0, points=2, anneal="linear:0.5")
    best_schedule(given)
    ((params),) = tried
    assert params.t_max == pytest.approx(longest, rel=1e-12)
    assert (params.points, params.anneal) == (2, "constant")


def trajectory(eps_g):
    runs, points = eps_g.shape
    params = vaedyn.Params(dim=100, t_max=100.0, points=points)
    y = np.zeros((runs, points, 6))
    y[..., -1] = 1.0
    y[..., 2] = eps_g - 1.0  # rho - 2 |m| + Q with m = 0
    return Trajectory.from_states(params, y, t=params.times(), info={})


def test_measured_times_are_those_of_the_mean():
    t = np.linspace(0, 100, 1001)
    rates = np.array([0.09, 0.1, 0.11])
    runs = trajectory(np.exp(-rates[:, None] * t))
    found = measured(runs, 0.0, 1e-2)
    mean = np.exp(-rates[:, None] * t).mean(axis=0)
    assert found[0] == pytest.approx(t[mean > 1e-2][-1], abs=0.11)
    assert spread(found)[0] == found[0]
    slow, quick = np.log(100) / rates[[0, 2]]
    assert quick - 0.1 < found.min() < found.max() < slow + 0.1
    assert np.isnan(measured(runs, 0.5, 1e-2)).all()  # it passes, but does not stay
    assert np.isnan(spread(measured(runs, 0.5, 1e-2))).all()
    assert (measured(runs, 0.5, 10.0) == 0).all()


@pytest.mark.parametrize(("left", "converged"), [(89.0, True), (89.9, True), (90.1, False)])
def test_what_is_outside_in_the_last_tenth_has_not_converged(left, converged):
    eps_g = np.where(np.linspace(0, 100, 1001) <= left + 1e-9, 0.5, 0.1)
    (first, *others) = measured(trajectory(eps_g[None]), 0.0, 0.2)
    assert np.isfinite(first) == converged
    assert np.isfinite(others).all() == converged
    if converged:  # between two saved times, a tenth apart, on a straight line
        assert first == pytest.approx(left + 0.1 * 0.3 / 0.4, rel=1e-12)


def test_a_spread_needs_nine_tenths_of_all_that_were_drawn_again():
    values = np.array([7.0, *np.linspace(1, 2, 90), *[np.nan] * 10])
    assert spread(values) == (7.0, pytest.approx(np.linspace(1, 2, 90).std(), rel=1e-12))
    values[1] = np.nan
    assert np.isnan(spread(values)).all()


def test_the_error_of_a_measured_time_is_that_of_runs_drawn_again():
    """Errors a_i exp(-t/7) of runs cross at 7 ln(mean a/tol), whose error is 7 error(a)/mean(a)."""
    t = np.linspace(0, 100, 1001)
    sizes = np.random.default_rng(3).uniform(0.8, 1.2, 200)
    values = measured(trajectory(sizes[:, None] * np.exp(-t / 7)), 0.0, 1e-2)
    told, error = spread(values)
    assert told == pytest.approx(7 * np.log(sizes.mean() / 1e-2), abs=3e-4)
    exact = 7 * sizes.std() / np.sqrt(200) / sizes.mean()
    # of so many samples: an error that is off by four of theirs is seen
    assert error == pytest.approx(exact, rel=4 * np.sqrt(0.5 / (len(values) - 1)))
    assert error == values[1:].std()


def test_the_mean_of_simulated_runs_converges_when_the_ode_does():
    """Half of the time it fails where the time of theory is off by four times its error, 2 %."""
    params = replace(STANDARD, lr=0.1, t_max=400.0, dim=2000)
    runs = vaedyn.simulate(params, runs=30)
    found, error = spread(measured(runs, end_of_learning(params), 0.2))
    assert abs(found - time(params, "constant", 0.2)) < 4 * error


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({}, []),
        ({"anneal": "tanh:0.002"}, []),
        ({"anneal": "linear:1000"}, []),
        ({"anneal": "tanh:0.0005"}, ["longer than the run", "slower than the slowest"]),
        ({"anneal": "linear:2000", "t_max": 9000}, ["slower than the slowest"]),
        ({"anneal": "cyclical:4000:0.5"}, ["longer than the run"]),
        ({"anneal": "cyclical:400:0.5"}, []),
        ({"beta": 2}, ["all latents collapse"]),
        ({"beta": 1.99}, []),
        ({"beta": 1.4, "lam": 0.3}, ["all latents collapse"]),
        ({"latent": 2, "signal": 2, "rho": (1, 3), "beta": 2.5}, ["signal 1 cannot be learned"]),
        ({"rho": 0.05, "lr": 0.5, "beta": 1.08}, ["no signal is learned"]),
        ({"anneal": "points:0=1,1400=1"}, []),
        ({"anneal": "points:0=0.5,100=1,1400=1"}, []),
        ({"anneal": "points:0=0.5,8000=1", "t_max": 9000}, ["slower than the slowest"]),
        ({"latent": 2, "beta": 1.03}, []),
        ({"latent": 2}, ["critical point eta"]),
        ({"latent": 2, "beta": 1.005}, ["critical point eta"]),
        ({"latent": 2, "beta": 1.1}, []),
        ({"latent": 2, "beta": 0.9}, []),
        ({"beta": 0}, ["beta is below 1e-06 for t = 1500"]),
        ({"anneal": "points:0=0,300=0,400=1"}, ["beta is below 1e-06 for t = 300"]),
        ({"anneal": "points:0=0,100=0,400=1"}, []),
    ],
)
def test_the_doctor_warns_of_what_goes_wrong(others, words):
    found = examine(vaedyn.Params(**others))
    assert len(found) == len(words)
    for text, word in zip(found, words, strict=True):
        assert word in text
        assert "\n" not in text


def test_what_the_doctor_warns_of_happens():
    long = vaedyn.Params(anneal="points:0=0,900=0,1000=1", init=STANDARD.init)
    assert "reach zero" in examine(long)[0]
    with pytest.raises(vaedyn.DivergenceError, match="reached zero at t = 5"):
        vaedyn.theory(long)
    short = replace(long, anneal="points:0=0,190=0,300=1")
    assert not examine(short)
    assert vaedyn.theory(short).D.min() > 0.2


def test_the_critical_window_holds_the_noise_threshold():
    for eta in (0.3, 1.0, 2.0):
        for lr in (0.01, 0.1, 0.3):
            beta = noise(Constants(1.0, np.array([1.0]), eta, 0.0, lr, 1))
            params = vaedyn.Params(latent=2, eta=eta, beta=beta, lr=lr)
            assert any("critical point" in text for text in examine(params))
