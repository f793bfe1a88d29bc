"""What is said of sweeps, plans, schedules and times, of results made by hand."""

import csv
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.annealing.time_to_converge import Convergence
from vaedyn.cli import advice, anneal, dryrun, pointwise
from vaedyn.cli.session import Session
from vaedyn.model.records import Source
from vaedyn.sweeps.grids import Point
from vaedyn.sweeps.plans import Plan
from vaedyn.sweeps.points import Outcome
from vaedyn.sweeps.sweep import Sweep

PARAMS = vaedyn.Params(dim=70, beta=1.5)
SOURCE = Source(key="abc", reused=False, path="store/abc.h5", params={"tol": 0.25})


def sweep_of(command, outcomes, **varied):
    names = [*varied]
    rows = zip(*varied.values(), strict=True)
    points = [Point(dict(zip(names, row, strict=True)), PARAMS, {}) for row in rows]
    return Sweep(command, varied, points, outcomes)


# --- sweeps -----------------------------------------------------------------------------


def test_a_sweep_without_remarks_has_no_column_for_them(capsys):
    outcomes = [
        Outcome(final={"eps_g": 0.5, "kl": 1 / 3, "active": 2}),
        Outcome(final={"eps_g": np.nan, "kl": 12345678.9, "active": 0}),
    ]
    pointwise.print_points(sweep_of("theory", outcomes, beta=[0.5, 1.0], rho=[(3.0, 1.5), (2, 1)]))
    assert capsys.readouterr().out.splitlines() == [
        "beta     rho   eps_g            kl   active",
        "───────────────────────────────────────────",
        "0.5    3/1.5     0.5      0.333333        2",
        "1        2/1       -   1.23457e+07        0",
    ]


def test_of_fixed_points_the_kind_is_told_and_what_is_not_known(capsys):
    final = {"eps_g": 0.5, "kl": 2, "active": 1, "max_eigenvalue": -0.25, "relaxation_time": 4.0}
    outcomes = [
        Outcome(final={**final, "type": "signal 1"}),
        Outcome(final={"lost": "it creeps"}),
        Outcome(error="it diverges"),
    ]
    pointwise.print_points(sweep_of("fixedpoints", outcomes, lr=[0.1, 0.2, 0.3]))
    assert capsys.readouterr().out.splitlines() == [
        "lr    eps_g   kl   active   max eigenvalue   time   fixed point",
        75 * "─",
        "0.1     0.5    2        1            -0.25      4   signal 1",
        "0.2       -    -        -                -      -   -             not known",
        "0.3       -    -        -                -      -   -             failed",
    ]


def test_of_ensembles_mean_and_deviation_stand_side_by_side(capsys):
    def spread(mean, std):
        return {"mean": mean, "std": std}

    final = {"eps_g": spread(0.5, 0.25), "kl": spread(2, 1), "active": spread(1.5, None)}
    outcomes = [Outcome(final=final), Outcome(error="it diverges")]
    pointwise.print_points(sweep_of("simulate", outcomes, seed=[3, 4]))
    assert capsys.readouterr().out.splitlines() == [
        "seed   eps_g    std   kl   std   active   std",
        "──────────────────────────────────────────────────────",
        "3        0.5   0.25    2     1      1.5     -",
        "4          -      -    -     -        -     -   failed",
    ]


def test_reasons_are_told_of_ten_points_and_the_rest_counted(caplog):
    def told(count):
        caplog.clear()
        outcomes = [Outcome(error=f"because {n}") for n in range(count)]
        outcomes += [Outcome(final={"lost": "it creeps"}), Outcome(reused=True, final={})]
        outcomes += [Outcome(final={})] * 2
        pointwise.report(sweep_of("theory", outcomes, lr=[0.5 * n for n in range(len(outcomes))]))
        return [(record.levelname, record.getMessage()) for record in caplog.records]

    with caplog.at_level("INFO", "vaedyn.cli"):
        nine, ten = told(9), told(10)
    assert nine[0] == ("WARNING", "no result at lr=0: because 0")
    assert nine[8:] == [
        ("WARNING", "no result at lr=4: because 8"),
        ("INFO", "not known at lr=4.5: it creeps"),
        ("INFO", "computed 3 of 13 points, reused 1, 9 failed"),
    ]
    assert ten[9:] == [
        ("WARNING", "no result at lr=4.5: because 9"),
        ("WARNING", "no result at 1 more point: vaedyn sweep --json has the reasons"),
        ("INFO", "computed 3 of 14 points, reused 1, 10 failed"),
    ]
    with caplog.at_level("INFO", "vaedyn.cli"):
        assert told(0)[-1] == ("INFO", "computed 3 of 4 points, reused 1")


def test_json_of_a_sweep_has_results_or_errors(capsys):
    final = {"eps_g": {"mean": 0.5, "std": np.nan}, "m": np.array([[1.0, np.inf]]), "type": "noise"}
    outcomes = [Outcome("k1", True, final), Outcome(error="it diverges"), Outcome("k2", False, {})]
    pointwise.print_json_points(sweep_of("simulate", outcomes, lr=[0.5, 9.0, 1.0]))
    assert json.loads(capsys.readouterr().out) == {
        "command": "sweep simulate",
        "varied": {"lr": [0.5, 9.0, 1.0]},
        "points": [
            {"lr": 0.5, "key": "k1", "reused": True,
             "final": {"eps_g": {"mean": 0.5, "std": None}, "m": [[1.0, None]], "type": "noise"}},
            {"lr": 9.0, "error": "it diverges"},
            {"lr": 1.0, "key": "k2", "reused": False, "final": {}},
        ],
        "failed": 1,
    }  # fmt: skip


def test_csv_has_columns_in_the_order_of_matrices(tmp_path, caplog):
    large, small = np.arange(12.0).reshape(12, 1), np.array([[0.5]])
    outcomes = [
        Outcome("k1", final={"t": 5.0, "stable": True, "m": small, "kl": 0.25, "eps_g": 2.0}),
        Outcome("k2", final={"t": 5.0, "stable": False, "m": large, "kl": np.nan, "eps_g": 3.0}),
        Outcome(error="it, diverges"),
    ]
    text = pointwise.csv_text(sweep_of("theory", outcomes, latent=[1, 12, 3]))
    rows = list(csv.reader(io.StringIO(text)))
    overlaps = [f"m_{n}_1" for n in range(1, 13)]
    assert rows == [
        ["latent", "key", "t", "stable", "eps_g", "kl", *overlaps, "error"],
        ["1", "k1", "5.0", "True", "2.0", "0.25", "0.5", *[""] * 11, ""],
        ["12", "k2", "5.0", "False", "3.0", "", *[f"{n}.0" for n in range(12)], ""],
        ["3", "", "", "", "", "", *[""] * 12, "it, diverges"],
    ]
    with caplog.at_level("INFO", "vaedyn.cli"):
        pointwise.save_csv("a\nb", tmp_path / "a.csv")
    assert caplog.messages == [f"wrote {tmp_path / 'a.csv'}"]
    assert (tmp_path / "a.csv").read_text() == "a\nb"


def test_csv_of_an_ensemble_has_deviations_beside_means():
    matrix = {"mean": np.array([[1.0], [2.0]]), "std": np.array([[3.0], [4.0]])}
    final = {"active": {"mean": 1.0, "std": None}, "m": matrix, "eps_g": {"mean": 5.0, "std": 6.0}}
    final["active"]["std"] = np.nan
    text = pointwise.csv_text(sweep_of("simulate", [Outcome("k", final=final)], beta=[0.5]))
    assert text.splitlines() == [
        "beta,key,active_mean,active_std,eps_g_mean,eps_g_std,"
        "m_1_1_mean,m_1_1_std,m_2_1_mean,m_2_1_std,error",
        "0.5,k,1.0,,5.0,6.0,1.0,3.0,2.0,4.0,",
    ]
    assert pointwise.csv_text(Sweep("theory", {"lr": []}, [], [])) == "lr,key,error\n"


def planned(*there, seconds=None, like=0, **varied):
    names = [*varied]
    rows = zip(*varied.values(), strict=True)
    points = [Point(dict(zip(names, row, strict=True)), PARAMS, {}) for row in rows]
    outcomes = [Outcome("k") if each else None for each in there]
    return Plan(varied, points, outcomes, seconds, like)


def test_a_plan_says_what_is_there_and_how_long_the_rest_takes(capsys):
    plan = planned(1, 0, 0, 0, seconds=50.0, like=7, beta=[0.5, 1.0, 2.0, 4.0])
    dryrun.print_plan(Session(), "theory", plan, 2)
    assert capsys.readouterr().out.splitlines() == [
        "beta",
        "──────────────",
        "0.5    there",
        "1      missing",
        "2      missing",
        "4      missing",
        "1 of 4 points are there; the other 3 take about 75 s on 2 cores (50 s each, the mean of 7 "
        "like them that are stored)",
    ]
    dryrun.print_plan(Session(as_json=True), "theory", plan, 2)
    missing = {"there": False, "key": None}
    assert json.loads(capsys.readouterr().out) == {
        "command": "sweep theory", "dry_run": True, "varied": {"beta": [0.5, 1.0, 2.0, 4.0]},
        "points": [{"beta": 0.5, "there": True, "key": "k"},
                   *({"beta": beta, **missing} for beta in (1.0, 2.0, 4.0))],
        "there": 1, "missing": 3, "jobs": 2, "seconds_per_point": 50.0, "seconds": 75.0,
    }  # fmt: skip
    dryrun.print_plan(Session(), "theory", planned(1, 1, lr=[0.5, 1.0]), 2)
    assert capsys.readouterr().out.splitlines()[-1] == "2 of 2 points are there"
    dryrun.print_plan(Session(), "theory", planned(0, lr=[0.5]), 2)
    assert capsys.readouterr().out.splitlines()[-1] == (
        "0 of 1 point is there; no estimate for the other 1: none like them is stored"
    )
    dryrun.print_plan(Session(), "theory", planned(), 2)
    assert capsys.readouterr().out == "0 of 0 points are there\n"


# --- times to converge ------------------------------------------------------------------


def test_theory_that_ends_just_in_time_needs_no_longer_run():
    at = vaedyn.Params(dim=50, t_max=20.0)
    found = Convergence(t=20.0, eps_g=0.125, tol=0.01)
    text = "eps_g stays within 0.01 of its final value, 0.125, from t = 20 on"
    data = {"t_converge": 20.0, "converges_at": 20.0, "tol": 0.01}
    assert advice.converged(at, found) == (data, text)
    late = Convergence(t=20.5, eps_g=0.125, tol=0.01)
    text = "eps_g stays within 0.01 of its final value, 0.125, only from t = 20.5 on: raise --t-max"
    data = {"t_converge": None, "converges_at": 20.5, "tol": 0.01}
    assert advice.converged(at, late) == (data, text)
    never = Convergence(t=np.nan, eps_g=np.nan, tol=0.01, reason="so it is")
    data = {"t_converge": None, "converges_at": None, "tol": 0.01}
    assert advice.converged(at, never) == (data, "when eps_g converges is not known: so it is")


@pytest.mark.parametrize(
    ("t", "cure"),
    [
        (90.0, "at this N runs differ by 1: raise --dim"),
        (90.5, "theory gets there at t = 90.5: raise --t-max"),
    ],
)
def test_runs_that_do_not_stay_near_the_end_need_more_time_or_more_dimensions(t, cure):
    times = np.linspace(0, 100, 21)
    eps_g = np.array([np.full(21, 5.0), np.full(21, 3.0)])
    found = Convergence(t=t, eps_g=0.5, tol=0.25)
    result = SimpleNamespace(t=times, eps_g=eps_g)
    data, text = advice.measured_convergence(result, found)
    assert data == {"t_converge": None, "converges_at": t, "tol": 0.25}
    start = "not converged: mean eps_g does not stay within 0.25 of its limit, 0.5; "
    assert text == start + cure


def test_measured_times_have_an_error_where_there_are_several_runs(monkeypatch):
    monkeypatch.setattr(advice, "measured", lambda *_: None)
    monkeypatch.setattr(advice, "spread", lambda _: (12.5, 0.125))
    found = Convergence(t=12.0, eps_g=0.5, tol=0.25)
    start = "mean eps_g stays within 0.25 of its limit, 0.5, from t = 12.5"
    for runs, std, end in ((1, None, " on"), (2, 0.125, " +- 0.12 on")):
        result = SimpleNamespace(t=np.arange(9.0), eps_g=np.zeros((runs, 9)))
        data, text = advice.measured_convergence(result, found)
        assert text == start + end
        assert data["t_converge"] == {"mean": 12.5, "std": std}
        assert data["converges_at"] == 12.0


# --- schedules --------------------------------------------------------------------------


def tuning(**others):
    values = {
        "params": PARAMS, "family": "linear", "tol": 0.25, "end": 0.125, "constant": 100.0,
        "spec": "linear:30.0", "time": 50.0, "numbers": np.array([5.0, 30.0]),
        "times": np.array([90.0, np.nan]), "off": 60.0, "source": SOURCE,
    }  # fmt: skip
    return Tuning(**{**values, **others})


LOST = "annealing helps, but more than half of the gain is lost if the pace is off by a tenth"


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ({"time": 96.0}, "annealing does not help here: no linear schedule gains 5%"),
        ({"time": 95.0, "off": 96.0}, "annealing helps"),
        ({"off": 66.6}, "annealing helps"),  # a gain of 1.5 is half of that of 2
        ({"constant": 96.0, "time": 48.0, "off": 64.0}, "annealing helps"),  # just half
        ({"off": 66.7}, LOST),
        ({"off": np.nan}, LOST),
    ],
)
def test_annealing_is_judged_by_what_is_left_when_it_is_off(others, text):
    assert anneal.verdict(tuning(**others)) == text


def test_a_tuning_is_told_in_full(run, monkeypatch):
    long = "points:0=1.25,10=2.25,20=3.25,30=4.25,40=1"
    found = tuning()
    monkeypatch.setattr(anneal, "best_schedule", lambda *_, **__: found)
    confirmed = anneal.Confirmation(110.0, 44.0, 2.5, 0.25)
    monkeypatch.setattr(anneal, "measure", lambda *_, **__: confirmed)
    table = [
        "beta(t)                    converged at t      gain",
        "───────────────────────────────────────────────────",
        "constant                              100         1",
        "linear:30.0                            50         2",
        "the same, off by a tenth               60   1.66667",
    ]
    end = ["--beta 1.5 --anneal linear:30.0", "annealing helps"]
    assert run("anneal --beta 1.5 --dim 70").out.splitlines() == [*table, *end]
    said = "measured in 4 runs at N = 70: t = 110 and 44, gain 2.5 +- 0.25"
    done = run("anneal --beta 1.5 --dim 70 --confirm 4")
    assert done.out.splitlines() == [*table, said, *end]
    data = run("anneal --beta 1.5 --dim 70 --confirm 4 --json").json
    assert data.pop("relaxation_time") == pytest.approx(
        vaedyn.fixed_points(PARAMS).relaxation_time[0], rel=1e-6
    )
    assert data == {
        "command": "anneal", "key": "abc", "reused": False, "path": "store/abc.h5",
        "params": {"tol": 0.25}, "family": "linear", "tol": 0.25,
        "criterion": "eps_g", "constant": {"t_converge": 100.0},
        "another_start": {"init": "torch", "constant": None, "t_converge": None, "gain": None},
        "best": {"anneal": "linear:30.0", "t_converge": 50.0, "gain": 2.0},
        "off_by_a_tenth": {"t_converge": 60.0, "gain": 100 / 60}, "helps": True,
        "schedules": [[5.0, 90.0], [30.0, None]],
        "measured": {"constant": 110.0, "annealed": 44.0, "gain": 2.5, "error": 0.25},
        "warnings": [],
    }  # fmt: skip
    assert "measured" not in run("anneal --beta 1.5 --dim 70 --json").json
    for spec, shown in ((long[:39], long[:39]), (long[:40], "cosine")):
        found = tuning(spec=spec, time=95.3, family="cosine")
        assert run("anneal --beta 1.5 --family cosine").out.splitlines()[3].split()[0] == shown
    assert run("anneal --beta 1.5 --json").json["helps"] is False
