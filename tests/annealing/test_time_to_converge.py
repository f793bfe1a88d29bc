"""Time to converge: against another integrator, closed forms, and its own definition."""

import tracemalloc
from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import vaedyn
from tests.shared import reference
from vaedyn.annealing.time_to_converge import (
    end_of_learning,
    last_crossing,
    measured,
    time_to_converge,
)
from vaedyn.fixedpoints import destination
from vaedyn.model.quantities import NAMES
from vaedyn.model.schedules import parse_schedule
from vaedyn.model.state import pack
from vaedyn.store import ResultStore

START = "m=0.03,d=0.03,Q=1,E=1,R=0,D=1"
STANDARD = vaedyn.Params(init=START)


def converged(params, spec="constant", tol=1e-3, **others):
    return last_crossing(params, parse_schedule(spec), tol, **others)[0]


@pytest.mark.parametrize(
    ("gamma", "ratio"),
    [(2e-4, 5.86), (8e-4, 1.631), (1.6e-3, 0.920), (3.2e-3, 0.942), (2e-2, 0.991)],
)
def test_tanh_annealing_takes_the_known_multiples_of_the_time(gamma, ratio):
    # found with an independent script, at these constants
    assert converged(STANDARD, f"tanh:{gamma}") / converged(STANDARD) == pytest.approx(ratio, 1e-3)


@pytest.mark.parametrize(
    ("others", "spec"),
    [
        ({}, "constant"),
        ({"beta": 1.5}, "tanh:0.003"),
        ({"lr": 0.1, "t_max": 200.0}, "linear:60"),
        ({"latent": 2, "signal": 2, "rho": (2, 1), "init": "gaussian", "lr": 0.05}, "constant"),
    ],
)
def test_another_integrator_finds_the_same_time(others, spec):
    params = replace(STANDARD, **others)
    end, schedule = end_of_learning(params), parse_schedule(spec)
    found = converged(params, spec, tol=1e-2)
    start = pack(**params.overlaps())

    def drift(t, y):
        beta = float(schedule(np.array(t), params.beta))
        return reference.drift(
            y, beta, params.strengths, params.eta, params.lam, params.lr, params.latent
        )

    dense = solve_ivp(
        drift, (0, 1.2 * found), start, method="LSODA", rtol=1e-10, atol=1e-12, dense_output=True
    ).sol

    def excess(t):
        m, _, Q, *_ = reference.split(dense(t), params.latent, params.signal)
        gain = np.abs(m) * np.sqrt(params.strengths)
        orders = permutations(range(params.latent))
        best = max(sum(gain[i, k] for k, i in enumerate(order)) for order in orders)
        return abs(params.strengths.sum() - 2 * best + np.trace(Q) - end) - 1e-2

    assert excess(0.99 * found) > 0
    root = brentq(excess, 0.99 * found, 1.01 * found, xtol=1e-9)
    assert found == pytest.approx(root, rel=1e-6)
    assert max(excess(t) for t in np.linspace(1.001 * found, 1.2 * found, 200)) < 0


def test_near_the_end_the_slowest_rate_sets_the_time():
    # tightening the tolerance tenfold takes ln 10 relaxation times more
    params = replace(STANDARD, beta=1.5)
    points = vaedyn.fixed_points(params)
    wait = converged(params, tol=1e-6) - converged(params, tol=1e-5)
    assert wait == pytest.approx(np.log(10) * points.relaxation_time[points.reached], rel=1e-3)


def test_it_does_not_depend_on_what_is_saved_or_how_long_is_run():
    times = [
        time_to_converge(replace(STANDARD, t_max=t_max, points=points)).t
        for t_max, points in ((1500.0, 401), (1500.0, 3), (40.0, 7), (9000.0, 2))
    ]
    np.testing.assert_allclose(times, times[0], rtol=1e-6)
    assert times[0] == pytest.approx(1570.77, abs=0.02)


def test_an_excursion_counts():
    # beta leaves its end at t = 3000, when learning is over, and comes back at 3200
    spec = "points:0=1,3000=1,3100=1.5,3200=1"
    assert converged(STANDARD) < 2000
    assert 3200 < converged(STANDARD, spec) < 5000


def test_a_run_that_starts_at_its_end_has_converged():
    points = vaedyn.fixed_points(STANDARD)
    n = points.reached
    start = {name: getattr(points, name)[n] for name in NAMES}
    assert converged(replace(STANDARD, init=start)) == 0


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"beta": 0}, "no end"),
        ({"lr": 3.0}, "diverges"),
        ({"anneal": "cyclical:100:0.5"}, "cyclical"),
    ],
)
def test_why_there_is_none_is_said(others, reason, tmp_path):
    params = replace(STANDARD, **others)
    for found in (time_to_converge(params, store=ResultStore(tmp_path)) for _ in range(2)):
        assert np.isnan(found.t)
        assert reason in found.reason


def test_it_is_kept_under_what_it_depends_on(tmp_path):
    store = ResultStore(tmp_path)
    first = time_to_converge(STANDARD, store=store)
    assert time_to_converge(replace(STANDARD, points=9), store=store) == first
    assert len(list(store.records())) == 1
    assert time_to_converge(STANDARD, 1e-2, store=store).t < first.t
    assert len(list(store.records())) == 2


@pytest.mark.parametrize("tol", [0, -1, np.nan, "x"])
def test_tolerances_are_checked(tol):
    with pytest.raises(vaedyn.ParameterError) as caught:
        time_to_converge(STANDARD, tol)
    assert caught.value.name == "tol"


def test_a_saddle_with_almost_the_same_error_is_not_the_end():
    start = {"m": [[1e-7, 0.9]], "d": [[1e-7, 0.5]], "Q": [[0.9]], "E": [[0.27]], "R": [[0.47]]}
    params = vaedyn.Params(signal=2, rho=(1.05, 1.0), dim=2000, init={**start, "D": [0.5]})
    found = time_to_converge(params, 0.06)
    rho, lr = params.strengths, params.lr
    y = pack(**params.overlaps())
    dense = solve_ivp(
        lambda _, y: reference.drift(y, 1.0, rho, 1.0, 0.0, lr, 1), (0, 2 * found.t), y,
        method="LSODA", rtol=1e-10, atol=1e-18, dense_output=True,
    ).sol  # fmt: skip
    m, _, Q, *_ = reference.split(dense(0.98 * found.t), 1, 2)
    error = rho.sum() - 2 * max(np.sqrt(rho) * np.abs(m[0])) + Q[0, 0]
    assert found.t > 20_000
    assert abs(error - found.eps_g) > 0.06
    assert found.eps_g == pytest.approx(1.0, abs=0.02)


def test_the_whole_schedule_is_followed_whatever_the_last_time():
    for anneal in ("linear:3000", "tanh:0.0005"):
        params = vaedyn.Params(latent=2, signal=2, dim=500, lr=0.05, anneal=anneal, beta=1.2)
        found = [time_to_converge(replace(params, t_max=t_max)) for t_max in (100.0, 5000.0)]
        assert found[0].t == pytest.approx(found[1].t, rel=1e-5)
        assert found[0].eps_g == pytest.approx(found[1].eps_g, abs=1e-6)


def test_many_saved_times_take_no_more_memory_than_a_few_copies_of_them():
    params = vaedyn.Params(dim=100, lr=0.05, t_max=100, points=5001)
    runs = vaedyn.simulate(params, runs=3)
    tracemalloc.start()
    measured(runs, 0.02, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * runs.eps_g.nbytes


@pytest.mark.parametrize(
    "constants",
    [
        {"lr": 0.05},
        {"latent": 2, "signal": 2, "rho": (3, 1), "lr": 0.05, "t_max": 100},
        {"latent": 2, "lam": 0.1, "beta": 0.5, "lr": 0.1},
    ],
)
def test_the_ode_alone_leads_to_the_same_end(constants, monkeypatch):
    """As it is followed where dense matrices would be too large."""
    params = vaedyn.Params(**constants)
    exact = vaedyn.time_to_converge(params)
    monkeypatch.setattr("vaedyn.fixedpoints.destination.LARGE", 0)
    relaxed = vaedyn.time_to_converge(params)
    assert relaxed.t == pytest.approx(exact.t, rel=1e-3)
    assert relaxed.eps_g == pytest.approx(exact.eps_g, abs=2e-6)


def test_large_models_need_no_dense_matrices(monkeypatch):
    def forbidden(*_):
        raise AssertionError("a dense matrix")

    for name in ("newton", "eigenvalues"):
        monkeypatch.setattr(f"vaedyn.fixedpoints.destination.{name}", forbidden)
    params = vaedyn.Params(latent=12, signal=12, dim=1000, t_max=1, lr=0.1)
    found = vaedyn.time_to_converge(params)
    assert not found.reason
    later = vaedyn.theory(replace(params, t_max=3 * found.t, points=50))
    assert later.eps_g[-1] == pytest.approx(found.eps_g, abs=1e-4)


PEAKED = "points:0.0=0.000192711,87.0045=0.749912,174.014=1.5"


@pytest.fixture(scope="module")
def crossing():
    """Return a function of the last time at which an error is crossed, by another integrator.

    The schedule is PEAKED, along which eps_g comes back to 1.000001 times 10^-3 from its end.
    """
    params = vaedyn.Params(beta=1.5, lr=0.05, t_max=300, init=START)
    schedule, end = parse_schedule(PEAKED), end_of_learning(params)
    kinks, pieces = (0.0, 87.0045, 174.014, 330.0), []
    y = pack(**params.overlaps())

    def drift(t, y):
        return reference.drift(
            y, float(schedule(np.array(t), 1.5)), params.strengths, 1.0, 0.0, 0.05, 1
        )

    for span in pairwise(kinks):
        found = solve_ivp(drift, span, y, "DOP853", rtol=1e-12, atol=1e-14, dense_output=True)
        pieces.append(found.sol)
        y = found.y[:, -1]

    def off(t):
        m, _, Q, *_ = pieces[-1](t)
        return np.abs(1 - 2 * np.abs(m) + Q - end)

    t = np.linspace(kinks[-2], kinks[-1], 20_000)
    return lambda error: brentq(
        lambda t: off(t) - error,
        *t[np.flatnonzero(off(t) > error)[-1] + np.arange(2)],
    )


@pytest.mark.parametrize("rtol", [1e-6, 1e-8, 1e-9, 1e-11])
def test_an_excursion_that_hardly_leaves_the_tolerance_is_seen(rtol, crossing):
    # it peaks at 1.000001 times the tolerance, between two times of the grid
    params = vaedyn.Params(beta=1.5, lr=0.05, t_max=300, anneal=PEAKED, init=START)
    found = vaedyn.time_to_converge(params, rtol=rtol, atol=0.01 * rtol)
    assert found.t == pytest.approx(crossing(1e-3), rel=2e-5)  # so flat is the peak
    # a little more tolerance, and it is inside
    wide = vaedyn.time_to_converge(params, 1.001e-3, rtol=rtol, atol=0.01 * rtol)
    assert wide.t == pytest.approx(crossing(1.001e-3), rel=1e-8)


def test_with_a_margin_excursions_closely_below_the_tolerance_count(crossing):
    params = vaedyn.Params(beta=1.5, lr=0.05, t_max=300, init=START)
    schedule = parse_schedule(PEAKED)
    plain, cautious = (
        last_crossing(params, schedule, 1.0005e-3, margin=margin)[0] for margin in (0, 1e-3)
    )
    assert plain == pytest.approx(crossing(1.0005e-3), rel=1e-8)
    assert cautious == pytest.approx(crossing(0.999 * 1.0005e-3), rel=1e-6)
    smooth = parse_schedule("constant")
    times = [last_crossing(params, smooth, 1e-3, margin=margin)[0] for margin in (0, 1e-3)]
    assert times[0] == times[1]


def test_the_end_is_looked_for_closely_at_loose_tolerances_too(monkeypatch):
    """A trajectory that jitters never comes to rest, and would be followed for ever."""
    seen, integrate = [], destination.integrate

    def watched(*arguments, rtol, **others):
        seen.append(rtol)
        return integrate(*arguments, rtol=rtol, **others)

    monkeypatch.setattr(destination, "integrate", watched)
    loose = time_to_converge(vaedyn.Params(), rtol=1e-3)
    assert seen
    assert max(seen) <= 1e-6
    # the trajectory itself is known to 10^-3 of itself only
    assert loose.t == pytest.approx(time_to_converge(vaedyn.Params()).t, rel=2e-3)
