"""Slow schedules, at their limits: where nothing lags, where nothing is stable, without an end."""

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.adiabatic import attracting_errors, delay, lag, relaxation_time
from vaedyn.fixedpoints.configurations import configurations, state
from vaedyn.fixedpoints.groups import Units
from vaedyn.kernels.constants import Constants
from vaedyn.model.schedules import parse_schedule
from vaedyn.model.state import observables, unpack

PARAMS = vaedyn.Params(latent=2, signal=2, rho=(1.2, 2.3), eta=0.7, beta=0.9, lam=0.03, lr=0.05)
UNSTABLE = vaedyn.Params(latent=2, rho=1.7, eta=1.3, beta=0.9, lr=3)


def slow(spec, tol, params=PARAMS):
    return delay(params, parse_schedule(spec, params.beta), tol)


def test_errors_on_the_way_are_those_of_fixed_points():
    """Signals may stand in any order."""
    betas = np.array([0.3, 0.9, 2.5])
    model = Constants.of(PARAMS)
    for beta, error in zip(betas, attracting_errors(PARAMS, betas), strict=True):
        units = Units(model._replace(beta=float(beta)))
        (stable,) = (each for each in configurations(units, 1) if units.growth(each) < 0)
        parts = unpack(state(units, stable), 2, 2)
        assert error == pytest.approx(observables(parts, model.rho, model.eta)["eps_g"], rel=1e-7)


def test_the_lag_is_where_the_error_leaves_the_tolerance():
    for tol in (1e-5, 1e-3, 0.02):
        share = lag(PARAMS, tol)
        ends = attracting_errors(PARAMS, PARAMS.beta * np.array([1, 1 - share]))
        assert abs(ends[1] - ends[0]) == pytest.approx(tol, rel=0.02)


def test_a_tolerance_that_is_never_left_leaves_no_delay():
    assert lag(PARAMS, 10.0) == 1
    for spec in ("tanh:0.01", "linear:70", "cosine:70", "sigmoid:70", "points:0=0,70=0.9"):
        assert slow(spec, 10.0) == pytest.approx(0, abs=1e-9)


def test_a_tolerance_below_all_differences_is_left_at_once():
    assert lag(PARAMS, 1e-300) == 1e-9
    assert slow("linear:70", 1e-300) == pytest.approx(70, rel=1e-8)
    assert slow("tanh:0.01", 1e-300) == pytest.approx(100 * np.arctanh(1 - 1e-9), rel=1e-6)


def test_where_no_state_is_stable_nothing_is_followed():
    assert np.isnan(lag(UNSTABLE, 1e-3))
    assert np.isnan(slow("linear:70", 1e-3, UNSTABLE))
    assert relaxation_time(UNSTABLE) == np.inf


def test_delays_are_when_the_schedule_lacks_the_lag():
    share = lag(PARAMS, 1e-2)
    for spec in ("tanh:0.013", "linear:70", "cosine:70", "sigmoid:70", "points:0=0.1,70=0.9"):
        at = slow(spec, 1e-2)
        beta = float(parse_schedule(spec, 0.9)(np.array(at), 0.9))
        assert 1 - beta / 0.9 == pytest.approx(share, abs=2e-4)


def test_of_points_the_last_time_away_from_the_end_counts():
    share = lag(PARAMS, 1e-2)
    for top in (0.2, 1.9):  # below and above
        spec = f"points:0=0.9,20=0.9,20={top},70=0.9,90=0.9"
        assert slow(spec, 1e-2) == pytest.approx(70 - 50 * share / abs(1 - top / 0.9), abs=0.02)
    assert slow("points:0=0.9,20=0.9", 1e-2) == 0


def test_constant_beta_delays_nothing_and_cycles_never_end():
    assert slow("constant", 1e-2) == 0
    assert slow("cyclical:25:0.4", 1e-2) == np.inf
