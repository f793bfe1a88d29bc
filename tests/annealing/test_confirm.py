"""What simulations say of schedules: which are simulated for how long, and the gain."""

from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing import confirm
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.annealing.time_to_converge import end_of_learning, measured, spread
from vaedyn.errors import ConvergenceError

PARAMS = vaedyn.Params(dim=70, beta=1.5)
START = "m=0.03,d=0.03,Q=1,E=1,R=0,D=1"


def tuning(**others):
    values = {
        "params": PARAMS, "family": "linear", "tol": 0.25, "end": 0.125, "constant": 100.0,
        "spec": "linear:30.0", "time": 50.0, "numbers": np.array([5.0, 30.0]),
        "times": np.array([90.0, np.nan]), "off": 60.0,
    }  # fmt: skip
    return Tuning(**{**values, **others})


def test_gains_are_measured_at_one_and_a_half_times_the_constant_time(monkeypatch):
    asked, times = [], {"constant": np.array([100.0, 120.0]), "linear:30.0": np.array([50.0, 40.0])}

    def simulated(params, *, runs, seed, jobs, store, progress):
        asked.append((params.anneal, params.t_max, params.points, runs, seed, jobs, store))
        return SimpleNamespace(t=np.arange(3.0), eps_g=np.zeros((2, 3)), params=params)

    monkeypatch.setattr(confirm, "simulate", simulated)
    monkeypatch.setattr(confirm, "end_of_learning", lambda at, criterion: at.anneal)
    monkeypatch.setattr(confirm, "measured", lambda result, end, tol, what: times[end] + 0 * tol)
    monkeypatch.setattr(confirm, "spread", lambda each: (each.mean(), each[0]))
    found = confirm.confirm(tuning(constant=123.456), runs=4, seed=5, jobs=1)
    # 1.5 times 123.456, with four digits
    rest = 185.2, 1401, 4, 5, 1, None
    assert asked == [(spec, *rest) for spec in ("constant", "linear:30.0")]
    assert found == (110.0, 45.0, 2.5, 2.0)
    times["linear:30.0"] = np.array([np.nan, 40.0])
    with pytest.raises(ConvergenceError) as error:
        confirm.confirm(tuning(), runs=4, seed=5, jobs=1)
    assert str(error.value) == (
        "the mean eps_g of 4 runs does not stay within 0.25 of its final value; they differ by 0: "
        "raise --dim (70) or --confirm"
    )


def test_quick_schedules_are_spread_evenly_with_the_best_one_last():
    found = tuning(numbers=np.array([1.0, 4.0, 16.0, 64.0]), times=np.array([90.0, 50, 299, 300]))
    assert confirm.quick(found, 4) == [1.0, 4.0, 16.0, 30.0]
    assert confirm.quick(tuning(spec="constant"), 3) == [5.0, 5.0, 5.0]
    assert confirm.quick(found, 0) == []
    assert confirm.quick(tuning(times=np.array([300.0, 301.0])), 3) == []
    free = tuning(family="free", spec="points:0=1", numbers=np.zeros(0), times=np.zeros(0))
    assert confirm.quick(free, 3) == []


def test_of_few_steps_all_are_saved():
    params = vaedyn.Params(dim=10, beta=1.5)
    assert confirm.lasting(params, "linear:3", 20.0).points == 201
    assert confirm.lasting(params, "linear:3", 200.0).points == 1401


def test_times_in_simulations_are_those_of_the_runs():
    params = vaedyn.Params(dim=500, lr=0.1, beta=1.5, init=START)
    found = tuning(
        params=params, tol=0.05, constant=250.0, numbers=np.array([20.0, 400.0]),
        times=np.array([100.0, 350.0]),
    )  # fmt: skip
    titles = []

    def watch(title):
        titles.append(title)
        return confirm.unwatched(title)

    points = confirm.simulated_times(found, [20.0, 400.0], runs=8, seed=1, watch=watch)
    assert titles == ["simulate linear:20.0", "simulate linear:400.0"]
    assert [point.number for point in points] == [20.0, 400.0]
    for point, longest in zip(points, (375.0, 525.0), strict=True):
        at = vaedyn.Params(
            dim=500, lr=0.1, beta=1.5, init=START, anneal=f"linear:{point.number!r}",
            t_max=longest, points=1401,
        )  # fmt: skip
        runs = vaedyn.simulate(at, runs=8, seed=1)
        assert (point.time, point.error) == spread(measured(runs, end_of_learning(at), 0.05))
    never = tuning(params=params, tol=1e-9, constant=120.0)
    assert confirm.simulated_times(never, [20.0], runs=2) == []


def test_courses_are_those_of_theory_with_the_limits_of_slow_annealing():
    params = vaedyn.Params(lr=0.1, beta=1.5, init=START)
    numbers = np.array([20.0, 400.0])
    found = tuning(params=params, spec="linear:20.0", numbers=numbers, tol=1e-3)
    compared = confirm.compare(found, 300.0)
    for spec, course in (("constant", compared.constant), ("linear:20.0", compared.best)):
        at = vaedyn.Params(lr=0.1, beta=1.5, init=START, t_max=300, points=601, anneal=spec)
        np.testing.assert_array_equal(course.eps_g, vaedyn.theory(at).eps_g)
    # both end in the fixed point of one latent, eps_g = (1 - sqrt(2 - beta))^2 at small lr
    assert compared.ends[0] == pytest.approx(compared.ends[1])
    assert compared.ends[0] == pytest.approx((1 - 0.5**0.5) ** 2, rel=0.3)
    # a linear warm-up is within `tol` at a fixed share of its duration
    assert compared.slow[1] / compared.slow[0] == pytest.approx(20)
    assert 0.9 * 400 < compared.slow[1] < 400
    free = tuning(family="free", spec="constant", numbers=np.zeros(0), times=np.zeros(0))
    assert not confirm.compare(free, 20.0).slow.size


def test_a_model_cannot_be_changed_by_what_simulations_are_given():
    with pytest.raises(TypeError, match=r"simulated_times\(\) got an .* argument 'beta'$"):
        confirm.simulated_times(tuning(), [0.1], beta=2.0)
    with pytest.raises(TypeError, match=r"argument 'run' \(did you mean runs\?\)$"):
        confirm.simulated_times(tuning(), [0.1], run=3)
