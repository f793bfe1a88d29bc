"""A schedule that vaedyn does not have: what it states in one class is enough for all who ask.

It is ``exp:RATE``, for ``beta(t) = beta (1 - exp(-RATE t))``, which lacks a share s of its end
value until ``ln(1/s) / RATE``.
"""

import ast
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.adiabatic import delay, lag
from vaedyn.annealing.best_schedule import FAMILIES, best_schedule
from vaedyn.annealing.examine import examine
from vaedyn.annealing.time_to_converge import end_of_learning, time_to_converge
from vaedyn.kernels import ode
from vaedyn.model.schedule import Schedule
from vaedyn.model.schedules import CLASSES, KINDS, parse_schedule

PARAMS = vaedyn.Params(rho=1.3, eta=0.6, lr=0.1, t_max=200, points=21)  # beta = 1
STRETCHES = 4000


@dataclass(frozen=True)
class Exp(Schedule):
    """beta(t) = beta (1 - exp(-rate t))."""

    rate: float
    code = ode.POINTS  # compiled as straight lines between points, at beta = 1
    form = "exp:RATE"

    def __call__(self, t, beta):
        return -beta * np.expm1(-self.rate * np.asarray(t))

    def formula(self, beta):
        return rf"$\beta(t) = {beta:g}\,(1 - e^{{-{self.rate:g}\,t}})$"

    def arrival(self):
        return np.log(1e10) / self.rate

    @property
    def spec(self):
        return f"exp:{self.rate!r}"

    @property
    def numbers(self):
        t = np.linspace(0, 1.2 * self.arrival(), STRETCHES)
        return (float(STRETCHES), *t, *self(t, 1.0))

    def scaled(self, factor):
        return replace(self, rate=factor * self.rate)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(KINDS, "exp", (Exp.form, Exp.parse))


def test_it_is_read_and_written_like_the_others():
    params = replace(PARAMS, anneal=" exp:2e-2")
    assert params.anneal == "exp:0.02"
    assert params.schedule == Exp(0.02)
    for text in ("exp", "exp:0", "exp:-1", "exp:1:2", "exp:x"):
        with pytest.raises(vaedyn.ParameterError, match="RATE must be a positive number"):
            parse_schedule(text)
    with pytest.raises(vaedyn.ParameterError, match="or file:PATH or exp:RATE"):
        parse_schedule("unlike")


def test_it_is_exported_in_straight_lines():
    own, names = vaedyn.KLSchedule("exp:0.05", weight=0.3, per_step=0.01), {}
    exec(own.to_python(), names)
    steps = np.arange(0, 60_000, 97)
    exact = 0.3 * -np.expm1(-0.05 * 0.01 * steps)
    assert [own(step) for step in steps] == pytest.approx(exact, rel=1e-12)
    assert [names["kl_weight"](step) for step in steps] == pytest.approx(exact, abs=3e-4)


@pytest.mark.parametrize("share", [0.5, 1e-2, 1e-4, 1e-9])
def test_it_comes_within_a_share_of_its_end_when_its_formula_says_so(share):
    for rate in (0.003, 0.7):
        found = Exp(rate).within(share, 1.7)
        assert found == pytest.approx(np.log(1 / share) / rate, rel=1e-6)
    assert Exp(1.0).within(1.0, 2.0) == 0
    assert Exp(1.0).within(1e-12, 2.0) == Exp(1.0).arrival() == Exp(1.0).warm_up()


def test_learning_lags_behind_it_as_long_as_its_formula_says():
    assert delay(PARAMS, Exp(0.002), 1e-3) == pytest.approx(
        np.log(1 / lag(PARAMS, 1e-3)) / 0.002, rel=1e-6
    )


def test_learning_converges_when_a_slow_one_lets_it():
    """A slow one is followed with a delay of the order of the relaxation time, 10 in 3000."""
    slow = replace(PARAMS, anneal="exp:0.001")
    found = time_to_converge(slow, 1e-3)
    assert not found.reason
    assert found.t == pytest.approx(np.log(1 / lag(PARAMS, 1e-3)) / 0.001, rel=0.02)
    assert found.eps_g == pytest.approx(time_to_converge(PARAMS).eps_g, abs=1e-9)
    assert end_of_learning(slow) == pytest.approx(found.eps_g, abs=1e-9)


def test_what_it_costs_is_warned_of():
    short, slow = examine(replace(PARAMS, anneal="exp:0.001"))
    reached = -np.expm1(-0.2)
    assert f"at t = 200 beta is {reached:.4g}, not 1: raise --t-max" in short
    wait = np.log(1 / lag(PARAMS, 1e-3)) / 0.001
    assert f"delays learning to about t = {wait:.4g}" in slow
    assert examine(replace(PARAMS, anneal="exp:1")) == []


def test_simulations_follow_theory_under_it():
    """They evaluate the class, theory the compiled formula.

    Half of the time a shift of D by 0.007 is missed.
    """
    params = replace(PARAMS, dim=500, anneal="exp:0.05", init="m=0.4,d=0.4,Q=1,E=1,R=0,D=1")
    runs, theory = vaedyn.simulate(params, runs=24), vaedyn.theory(params)
    error = runs.D.std(axis=0, ddof=1) / 24**0.5
    difference = runs.D.mean(axis=0) - theory.D
    assert (np.abs(difference) < 4 * error + 3e-3).all()
    constant = vaedyn.theory(replace(params, anneal="constant"))
    assert np.abs(constant.D - theory.D).max() > 0.1


def test_the_best_rate_can_be_sought(monkeypatch):
    monkeypatch.setitem(FAMILIES, "exp", Exp)
    monkeypatch.setattr("vaedyn.annealing.best_schedule.SCAN", 12)
    monkeypatch.setattr("vaedyn.annealing.best_schedule.FINER", (4,))
    found = best_schedule(replace(PARAMS, eta=1.0, init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1"), "exp")
    rates = found.numbers
    assert (np.diff(rates) > 0).all()
    assert rates[-1] == pytest.approx(1 / (3e-3 * found.constant), rel=1e-5)
    assert found.spec.startswith(("exp:", "constant"))
    # the slowest takes its delay
    slowest = delay(found.params, Exp(float(rates[0])), found.tol)
    assert found.times[0] == pytest.approx(slowest, rel=0.05)


def test_nobody_asks_a_schedule_for_its_class():
    names = {kind.__name__ for kind in CLASSES} | {"Schedule", "_WarmUp"}
    for room in ("vaedyn", "cli"):
        for path in (Path(__file__).parents[2] / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                    asked = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                    assert not asked & names, f"{path}: {ast.unparse(node)}"
