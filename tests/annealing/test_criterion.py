"""Annealing by the loss, with any optimiser, and what is left of a gain from another start."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import vaedyn
from tests.shared import reference
from vaedyn.annealing import another_start, best_schedule, confirm
from vaedyn.annealing.criterion import of_runs, of_states
from vaedyn.annealing.time_to_converge import end_of_learning, last_crossing, measured
from vaedyn.model.quantities import NAMES
from vaedyn.model.schedules import Constant, parse_schedule
from vaedyn.model.state import pack

START = "m=0.03,d=0.05,Q=0.9,E=1.1,R=0,D=1"
MODEL = vaedyn.Params(rho=1.4, eta=0.8, beta=1.3, lr=0.04, init=START)
TRAINED = MODEL.replace(lr=(0.04, 0.07, 0.02), batch=3, momentum=0.2, latents="sampled", lam=0.02)
ADAM = vaedyn.Params(
    dim=300, rho=1.4, eta=0.8, beta=1.3, lr=0.1, batch=16, latents="sampled", optimiser="adam",
    init=START,
)  # fmt: skip


@pytest.fixture
def coarse(monkeypatch):
    """Let searches look at a few schedules."""
    monkeypatch.setattr(best_schedule, "SCAN", 16)
    monkeypatch.setattr(best_schedule, "FINER", (5,))


def loss_of(y, params):
    """Return the loss of M = M* = 1 in a closed form."""
    m, d, Q, E, R, D = y
    rho, eta = params.strengths[0], params.eta
    S, A = rho * d * d + eta * E, rho * m * d + eta * R
    return Q * (S + D) / 2 - A + params.beta / 2 * (S + D - np.log(D) - 1)


def test_the_loss_is_the_mean_over_data_of_that_of_a_sample():
    """Over 20 000 points: four standard errors are 0.03 of 0.9."""
    random, N = np.random.default_rng(3), 30
    params = vaedyn.Params(dim=N, latent=2, signal=2, rho=(2.0, 1.1), eta=0.7, beta=1.3)
    teacher = np.linalg.qr(random.standard_normal((N, 2)))[0] * np.sqrt(N)
    W, V = random.standard_normal((2, N, 2)) + teacher @ [[0.4, 0.1], [-0.2, 0.3]]
    D = np.array([0.6, 1.2])
    along = np.sqrt([2.0, 1.1]) * random.standard_normal((20_000, 2))
    x = along @ teacher.T / np.sqrt(N) + np.sqrt(0.7) * random.standard_normal((20_000, N))
    each = np.array([reference.loss(W, V, D, point, 1.3, 0.0) for point in x])
    found = of_states(params, reference.overlaps(W, V, D, teacher)[None], "elbo")[0]
    error = each.std() / np.sqrt(len(each))
    assert abs(found - each.mean()) < 4 * error < 0.05 * abs(found)


def test_the_loss_in_the_end_is_known_in_closed_form():
    """A latent on s lowers the distortion by (s - beta)/2, at ln(s/beta)/2 nats."""
    params = vaedyn.Params(
        latent=2, signal=2, rho=(2.0, 1.1), eta=0.7, beta=1.2, lr=1e-5, t_max=1e6,
        init={"m": [[0.5, 0.1], [-0.1, 0.4]], "d": [[0.3, 0.1], [-0.1, 0.3]], "Q": 1.0, "E": 1.0,
              "R": 0.2, "D": 1.0},
    )  # fmt: skip
    s = np.array([2.7, 1.8])
    expected = (-(s - 1.2) / 2 + 1.2 / 2 * np.log(s / 1.2)).sum()
    assert end_of_learning(params, criterion="elbo") == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("params", [MODEL, TRAINED], ids=["plain", "trained"])
@pytest.mark.parametrize("criterion", ["eps_g", "elbo"])
def test_another_integrator_finds_the_same_time(params, criterion):
    schedule = parse_schedule("linear:60")
    found, end = last_crossing(params, schedule, 2e-3, criterion=criterion)
    rates = params.rates / (1 - params.momentum)
    rho = params.strengths

    def drift(t, y):
        beta = float(schedule(np.array(t), params.beta))
        return reference.drift(
            y, beta, rho, params.eta, params.lam, rates[0], 1, encoder=rates[1],
            variances=rates[2], batch=params.batch, sampled=params.sampled,
        )  # fmt: skip

    y = pack(**params.overlaps())
    dense = solve_ivp(
        drift, (0, 4 * found), y, "LSODA", rtol=1e-10, atol=1e-12, dense_output=True
    ).sol

    def value(t):
        y = dense(t)
        return (
            loss_of(y, params)
            if criterion == "elbo"
            else rho[0] - 2 * np.sqrt(rho[0]) * abs(y[0]) + y[2]
        )

    assert value(4 * found) == pytest.approx(end, abs=1e-4)
    root = brentq(lambda t: abs(value(t) - end) - 2e-3, 0.99 * found, 1.01 * found)
    assert found == pytest.approx(root, rel=1e-5)
    assert max(abs(value(t) - end) for t in np.linspace(1.001 * found, 4 * found, 300)) < 2e-3


@pytest.mark.parametrize("criterion", ["eps_g", "elbo"])
def test_adam_converges_when_its_own_course_does(criterion):
    found, end = last_crossing(ADAM, Constant(), 5e-3, criterion=criterion)
    late = vaedyn.theory(ADAM, t_max=3 * found, points=6001)
    values = of_runs(late, criterion)
    assert values[-1] == pytest.approx(end, abs=1e-5)
    outside = np.flatnonzero(np.abs(values - end) > 5e-3)[-1]
    assert late.t[outside] <= found * (1 + 1e-6) <= late.t[outside + 1] * (1 + 2e-6)
    points = vaedyn.fixed_points(ADAM)
    reached = np.array([getattr(points, name)[points.reached].ravel()[0] for name in NAMES])
    assert of_states(ADAM, reached[None], criterion)[0] == pytest.approx(end, abs=1e-5)
    # what plain SGD at these rates leads to is another state
    assert abs(end_of_learning(replace(ADAM, optimiser="sgd"), criterion=criterion) - end) > 1e-3


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("params", [MODEL, ADAM], ids=["sgd", "adam"])
def test_gains_in_the_loss_and_from_another_start_are_those_of_times_to_converge(params):
    found = best_schedule.best_schedule(params, "linear", criterion="elbo", tol=2e-3)
    for spec, time in (("constant", found.constant), (found.spec, found.time)):
        asked = parse_schedule(spec)
        assert last_crossing(params, asked, 2e-3, criterion="elbo")[0] == pytest.approx(time)
    in_error = best_schedule.best_schedule(params, "linear", tol=2e-3)
    assert found.gain > 1.3
    assert found.constant < 0.8 * in_error.constant
    assert found.other == "torch"
    for spec, time in zip(("constant", found.spec), found.elsewhere, strict=True):
        there = replace(params, init="torch")
        exact, _ = last_crossing(there, parse_schedule(spec), 2e-3, criterion="elbo")
        assert time == pytest.approx(exact, rel=2e-3)
    assert found.gain_elsewhere == found.elsewhere[0] / found.elsewhere[1]
    assert found.gain_elsewhere < 1.05
    assert f"from --init torch the same schedule gains {found.gain_elsewhere:.3g}" in found.warning


def tuning(elsewhere, **others):
    values = {
        "params": MODEL, "family": "linear", "tol": 0.01, "end": 0.1, "constant": 100.0,
        "spec": "linear:30.0", "time": 50.0, "numbers": np.zeros(1), "times": np.zeros(1),
        "off": 60.0, "elsewhere": np.array(elsewhere),
    }  # fmt: skip
    return best_schedule.Tuning(**{**values, **others})


def test_a_gain_hangs_on_the_start_if_less_than_half_of_it_is_left():
    assert tuning([151.0, 100.0]).warning is None
    assert tuning([149.0, 100.0]).warning == (
        "the gain of 2 hangs on the start: from --init torch the same schedule gains 1.49 (t = 149 "
        "and 100)"
    )
    assert tuning([np.nan, 100.0]).warning is None
    assert tuning([np.nan, np.nan], spec="constant", time=100.0).warning is None
    assert tuning([1.0, 1.0], params=replace(MODEL, init="torch")).other == "gaussian"
    assert tuning([1.0, 1.0], params=replace(MODEL, init="gaussian", init_seed=3)).other == "torch"


def test_what_is_not_known_of_another_start_is_nan(monkeypatch):
    settings = {"criterion": "eps_g", "rtol": 1e-8, "atol": 1e-10}

    def time(params, tol=1e-2, constant=800.0, end=None):
        end = end_of_learning(params) if end is None else end
        return another_start.time_from_another(params, Constant(), tol, constant, end, **settings)

    assert np.isfinite(time(MODEL))
    assert time(MODEL, tol=300.0) == 0
    assert np.isnan(time(MODEL, constant=10.0))  # not there yet
    assert np.isnan(time(MODEL, end=0.5))  # somewhere else
    assert np.isnan(time(MODEL.replace(lr=0.08, dim=1500)))  # diverges at once, about
    assert np.isfinite(time(MODEL.replace(lr=0.08, dim=1500, batch=2)))
    with pytest.raises(vaedyn.DivergenceError):
        vaedyn.simulate(MODEL, lr=0.16, dim=3000, init="torch", t_max=1, points=3, runs=1)
    monkeypatch.setattr(another_start, "MOST_DRAWN", 100)
    assert np.isnan(time(MODEL))
    monkeypatch.setattr(another_start, "MOST_DRAWN", 1e7)
    monkeypatch.setattr(another_start, "MOST_STEPS", 50)
    assert np.isnan(time(MODEL))


@pytest.mark.parametrize("criterion", ["", "loss", None, 3, "ELBO"])
def test_other_criteria_are_refused(criterion):
    with pytest.raises(vaedyn.ParameterError, match="^criterion: expected eps_g or elbo, got"):
        vaedyn.best_schedule(MODEL, criterion=criterion)


def test_courses_are_not_compared_in_the_loss():
    with pytest.raises(vaedyn.ParameterError, match="^criterion: courses are compared in eps_g"):
        confirm.compare(tuning([1.0, 1.0], criterion="elbo"))


@pytest.mark.parametrize(
    ("params", "criterion", "tol"), [(TRAINED, "elbo", 0.02), (ADAM, "eps_g", 0.1)]
)
def test_runs_converge_when_theory_says(params, criterion, tol):
    """By the mean over runs, within four of its errors and 1 % of O(1/N): 4 to 14 % in all.

    Plain SGD differs by more than twice as much.
    """
    start = "m=0.3,d=0.3,Q=0.9,E=1.1,R=0.1,D=1"
    params = params.replace(dim=300 if params is ADAM else 700, init=start)
    expected, _ = last_crossing(params, Constant(), tol, criterion=criterion)
    at = confirm.lasting(params, "constant", float(f"{1.5 * expected:.4g}"))
    runs = vaedyn.simulate(at, runs=6, seed=2)
    each = confirm.arrivals(runs, tol, criterion)
    end = end_of_learning(at, criterion=criterion)
    np.testing.assert_array_equal(each, measured(runs, end, tol, criterion))
    allowed = 4 * each[1:].std() + 0.01 * expected
    assert abs(each[0] - expected) < allowed < 0.14 * expected
    plain = {"optimiser": "sgd", "batch": 1, "momentum": 0.0, "latents": "averaged"}
    other, _ = last_crossing(params.replace(**plain), Constant(), tol, criterion=criterion)
    assert abs(other - expected) > 2 * allowed
