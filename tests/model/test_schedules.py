"""Schedules of beta: one meaning everywhere, and integrated without stepping over a kink."""

import os
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from vaedyn.kernels import ode
from vaedyn.model.schedules import parse_schedule
from vaedyn.model.state import pack

SPECS = {
    "constant": 1.5,
    "tanh:0.02": 1.5,
    "linear:40": 1.5,
    "cosine:40": 1.5,
    "sigmoid:40": 1.5,
    "cyclical:25:0.4": 1.5,
    "points:0=0.2,30=1.2,30=0.4,60=1.5": 1.5,
    "points:10=0.3,20=0.8": 0.8,
    "decay:3:20": 1.5,
    "decay:0.2:20": 1.5,
}


@pytest.mark.parametrize(("spec", "beta"), SPECS.items())
def test_compiled_and_plain_schedules_are_the_same(spec, beta):
    schedule = parse_schedule(spec, beta)
    t = np.concatenate([np.linspace(0, 120, 1201), schedule.kinks(120)])
    numbers = np.array([beta, *schedule.numbers])
    compiled = [ode.beta_at(value, schedule.code, numbers) for value in t]
    np.testing.assert_allclose(compiled, schedule(t, beta), rtol=1e-14, atol=1e-15)


def test_schedules_have_the_values_that_their_names_promise():
    def value(spec, t, beta=2.0):
        return float(parse_schedule(spec, beta)(np.array(t), beta))

    for name in ("linear", "cosine", "sigmoid"):
        assert value(f"{name}:8", 0.0) == pytest.approx(0, abs=1e-15)
        assert value(f"{name}:8", 4.0) == pytest.approx(1)
        assert value(f"{name}:8", 8.0) == value(f"{name}:8", 99.0) == pytest.approx(2)
    assert value("linear:8", 2.0) == pytest.approx(0.5)
    assert value("cosine:8", 2.0) == pytest.approx(1 - np.sqrt(0.5))
    logistic = [1 / (1 + np.exp(-x)) for x in (-5, -2.5, 5)]
    share = (logistic[1] - logistic[0]) / (logistic[2] - logistic[0])
    assert value("sigmoid:8", 2.0) == pytest.approx(2 * share)
    assert [value("cyclical:10:0.5", t) for t in (0, 2.5, 5, 9.99, 10, 12.5)] == pytest.approx(
        [0, 1, 2, 2, 0, 1]
    )
    steps = "points:1=0.5,3=1.5,3=0.2,5=2"
    assert [value(steps, t) for t in (0, 1, 2, 3, 4, 5, 9)] == pytest.approx(
        [0.5, 0.5, 1, 0.2, 1.1, 2, 2]
    )


@pytest.mark.parametrize("start", [0.01, 0.9999, 1.0, 1.5, 1e4])
def test_a_decay_arrives_when_it_says_so(start):
    schedule = parse_schedule(f"decay:{start!r}:30")
    assert float(schedule(np.array(0.0), 2.0)) == pytest.approx(2 * start)
    assert float(schedule(np.array(1e9), 2.0)) == 2.0
    away = abs(start - 1)
    for share, time in (
        (1e-10, schedule.arrival()), (1e-4, schedule.warm_up()), (0.3, schedule.within(0.3, 2.0)),
    ):  # fmt: skip
        left = abs(float(schedule(np.array(time), 2.0)) - 2) / 2
        assert left == pytest.approx(min(share, away), rel=1e-5)
    assert np.isfinite(schedule.within(0.0, 2.0))
    assert schedule.scaled(2.0)(np.array(14.0), 1.0) == schedule(np.array(7.0), 1.0)


@pytest.mark.parametrize("period", [0.1, 1 / 3, 7.7])
def test_cycles_start_where_they_should_in_spite_of_rounding(period):
    schedule = parse_schedule(f"cyclical:{period!r}:0.5")
    starts = period * np.arange(1, 2000)
    assert (schedule(starts, 1.0) < 1e-9).all()
    assert (schedule(starts * (1 - 1e-11), 1.0) > 0.99).all()
    numbers = np.array([1.0, *schedule.numbers])
    assert max(ode.beta_at(t, schedule.code, numbers) for t in starts) < 1e-9


def test_equal_schedules_have_one_spec():
    assert parse_schedule(" linear:1e2 ").spec == "linear:100.0"
    assert parse_schedule("points:0=0,5=1").spec == parse_schedule("points: 0 = 0.0, 5=1.00").spec


def test_a_file_is_its_points(tmp_path):
    path = tmp_path / "beta.csv"
    path.write_text("t,beta\n# a comment\n0,0.5\n\n10,1.0\n")
    found = vaedyn.Params(anneal=f"file:{path}")
    assert found == vaedyn.Params(anneal="points:0=0.5,10=1")
    assert found.anneal == "points:0.0=0.5,10.0=1.0"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("linear", "T must be a positive number"),
        ("linear:0", "T must be a positive number"),
        ("linear:-3", "T must be a positive number"),
        ("cosine:nan", "T must be a positive number"),
        ("cyclical:10", "RATIO must be a positive number"),
        ("cyclical:10:2", "RATIO must be at most 1"),
        ("points:", "each point is T=BETA"),
        ("points:0=1,5", "each point is T=BETA"),
        ("points:5=1,0=1", "times must not fall"),
        ("points:0=1,0=2,0=1", "no more than two"),
        ("constant:3", "it takes no number"),
        ("points:0=-1,1=1", "not negative"),
        ("points:-1=1", "not negative"),
        ("points:0=0.5,9=0.7", "ends at beta = 0.7, so --beta must be 0.7"),
        ("file:nowhere.csv", "cannot read it: No such file"),
        ("decay:2", "T must be a positive number"),
        ("decay:0:5", "START must be a positive number"),
        ("decay:2:-5", "T must be a positive number"),
        ("ramp:3", "expected constant or tanh:GAMMA or linear:T"),
    ],
)
def test_bad_schedules_are_named(spec, message):
    with pytest.raises(vaedyn.ParameterError, match="^anneal: ") as caught:
        vaedyn.Params(anneal=spec)
    assert message in str(caught.value)


@pytest.mark.parametrize("rows", ["0,1,2", "0,x", "only", ""])
def test_bad_files_are_named(tmp_path, rows):
    path = tmp_path / "beta.csv"
    path.write_text(rows)
    with pytest.raises(vaedyn.ParameterError, match="^anneal: expected file:PATH"):
        vaedyn.Params(anneal=f"file:{path}")


def test_files_that_are_none_or_too_large_are_refused_at_once(tmp_path):
    long, pipe, sparse, latin = (tmp_path / name for name in ("long", "pipe", "sparse", "latin"))
    long.write_text(f"t,beta\n0,{'1' * 140_000}\n")
    os.mkfifo(pipe)
    with sparse.open("wb") as file:
        file.truncate(10 * 2**30)
    latin.write_bytes(b"\xe9,1")
    reasons = {
        long: "field larger", pipe: "no regular file", "/dev/zero": "no regular file",
        sparse: "larger than 16 MB", latin: "no UTF-8 text", tmp_path: "Is a directory",
    }  # fmt: skip
    for path, reason in reasons.items():
        with pytest.raises(vaedyn.ParameterError, match=f"^anneal: .*cannot read it: .*{reason}"):
            vaedyn.Params(anneal=f"file:{path}")


def test_more_cycles_than_anybody_can_follow_are_refused():
    for period in ("1e-300", "1e-5"):
        with pytest.raises(vaedyn.ParameterError, match="more than 1000000 cycles up to t = 20"):
            vaedyn.Params(anneal=f"cyclical:{period}:0.5", t_max=20, points=3)
    assert len(parse_schedule("cyclical:1:0.5").kinks(100.0)) == 199


def test_as_many_points_and_cycles_as_are_allowed():
    for count in (1000, 1001):
        spec = "points:" + ",".join(f"{t}={1 + t % 2}" for t in range(count))
        if count == 1000:
            assert len(parse_schedule(spec).times) == count
            continue
        with pytest.raises(vaedyn.ParameterError, match="must be 1 to 1000 points, not 1001"):
            parse_schedule(spec)
    cycles = parse_schedule("cyclical:2:0.5")
    cycles.check(2e6)
    with pytest.raises(vaedyn.ParameterError, match="more than 1000000 cycles"):
        cycles.check(2e6 + 1)


@pytest.mark.parametrize(
    ("spec", "formula"),
    [
        ("constant", r"$\beta = 1.5$"),
        ("tanh:0.02", r"$\beta(t) = 1.5\,\tanh(0.02\,t)$"),
        ("cosine:40", r"$\beta(t)$: cosine to 1.5 at $t = 40$"),
        ("cyclical:25:0.4", r"$\beta(t)$: to 1.5 in 0.4 of every 25"),
        ("decay:4:25", r"$\beta(t)$: 6 to 1.5, decay time 25"),
        ("points:0=0.2,30=1.2,60=1.5", r"$\beta(t)$: 3 points to 1.5"),
    ],
)
def test_formulas_name_every_number(spec, formula):
    assert parse_schedule(spec, 1.5).formula(1.5) == formula


def pieces(params, times):
    """Return states by scipy, integrated anew from kink to kink."""
    schedule = params.schedule
    cuts = np.concatenate([[0], schedule.kinks(times[-1]), [times[-1]]])
    y, rows = pack(**params.overlaps()), []
    for start, stop in pairwise(cuts):
        last = stop * (1 - 1e-13)

        def slope(t, y, last=last, start=start):
            # the value within the piece, also when a stage falls on its end
            beta = float(schedule(np.array(max(start, min(t, last))), params.beta))
            p = params
            return reference.drift(y, beta, p.strengths, p.eta, p.lam, p.lr, p.latent)

        inside = times[(times >= start) & (times < stop)]
        wanted = np.append(inside, stop)
        found = solve_ivp(
            slope, (start, stop), y, "DOP853", t_eval=wanted, rtol=1e-12, atol=1e-14,
            first_step=1e-3 * (stop - start),
        )  # fmt: skip
        rows += list(found.y.T[:-1])
        y = found.y.T[-1]
    return np.array([*rows, y])


@pytest.mark.parametrize(("spec", "beta"), SPECS.items())
def test_theory_meets_every_kink(spec, beta):
    params = vaedyn.Params(
        rho=1.2, eta=0.7, lam=0.03, anneal=spec, beta=beta, lr=0.2, t_max=100, points=57
    )
    ours = vaedyn.theory(params)
    y = pack(ours.m, ours.d, ours.Q, ours.E, ours.R, ours.D)
    np.testing.assert_allclose(y, pieces(params, ours.t), atol=2e-7)


def test_a_short_spike_is_not_stepped_over():
    """At the end of a long quiet stretch, where steps have grown large."""
    quiet = vaedyn.Params(lr=0.2, t_max=2000, points=3)
    spike = vaedyn.Params(
        lr=0.2, t_max=2000, points=3, anneal="points:0=1,1990=1,1990=5,1990.05=5,1990.05=1"
    )
    change = abs(vaedyn.theory(spike).D[-1] - vaedyn.theory(quiet).D[-1])
    assert change.item() > 3e-3


def test_steps_up_to_a_jump_see_nothing_of_it():
    """A stage that did would make the error look large, and steps be rejected."""
    params = vaedyn.Params(lr=0.2, t_max=100, points=3, anneal="points:0=1,50=1,50=2,100=2", beta=2)
    solver = vaedyn.theory(params).info["solver"]
    assert solver["evaluations"] - 6 * solver["steps"] < 30


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_simulation_follows_theory_under_a_schedule_with_jumps(engine):
    """Half of the time it misses a shift by 1.15 standard deviations of a run, and 0.003."""
    params = vaedyn.Params(
        dim=500, lr=0.3, t_max=60, points=7, anneal="cyclical:20:0.5", beta=1.5,
        init="m=0.4,d=0.4,Q=0.6,E=0.6,R=0.2,D=1",
    )  # fmt: skip
    runs = vaedyn.simulate(params, runs=24, engine=engine)
    ode_ = vaedyn.theory(params)
    for name in ("eps_g", "D", "Q"):
        values = getattr(runs, name).reshape(24, 7)
        error = values.std(axis=0, ddof=1) / np.sqrt(24)
        difference = values.mean(axis=0) - getattr(ode_, name).reshape(7)
        assert (np.abs(difference) < 4 * error + 3e-3).all()
    other = vaedyn.theory(vaedyn.Params(**{**params.to_dict(), "anneal": "constant"}))
    assert np.abs(runs.D.mean(axis=0) - other.D).max() > 0.03


def test_a_plateau_at_zero_ends_with_a_message_when_the_variance_is_used_up():
    params = vaedyn.Params(anneal="points:0=0,900=0,900=1", t_max=1000)
    for compute in (vaedyn.theory, lambda p: vaedyn.simulate(p, runs=1)):
        with pytest.raises(vaedyn.DivergenceError, match="D reached zero at t = 5"):
            compute(params)
    # a small floor is the way out that the message names
    floor = vaedyn.Params(anneal="points:0=0.01,900=0.01,900=1", t_max=1000)
    assert np.isfinite(vaedyn.theory(floor).eps_g).all()
