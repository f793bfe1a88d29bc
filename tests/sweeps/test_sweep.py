"""Sweeps: every point as the plain command has it, whatever happens on the way."""

import csv
import dataclasses
import io
import os
import re

import numpy as np
import pytest

import vaedyn
from vaedyn import Params
from vaedyn.errors import ParameterError
from vaedyn.sweeps.grids import evenly, geometric, grid, shown

SMALL = "--dim 50 --t-max 20 --points 3"
PARAMS = vaedyn.Params(dim=50, t_max=20, points=3)


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SLURM_"):
            monkeypatch.delenv(name)


# --- the grid ---------------------------------------------------------------------------


def varied(run, *words):
    """Return the values of every point of a sweep that is computed in no time."""
    done = run.words("sweep", "theory", *SMALL.split(), *words, "--json")
    assert done.code == 0, done.err
    names = list(done.json["varied"])
    return [tuple(point[name] for name in names) for point in done.json["points"]]


def test_the_forms_of_vary(run):
    assert varied(run, "--vary", "beta=0.1:0.4:4") == [(0.1,), (0.2,), (0.3,), (0.4,)]
    assert varied(run, "--vary", "beta=1:3") == [(x,) for x in evenly(1, 3, 20)]
    assert varied(run, "--vary", "beta=log:1:100") == [(x,) for x in geometric(1, 100, 20)]
    assert varied(run, "--vary", "init-seed=0:3") == [(0,), (1,), (2,), (3,)]
    assert varied(run, "--vary", "beta=0.2:0:3") == [(0.2,), (0.1,), (0,)]
    assert varied(run, "--vary", "lr=log:0.001:0.1:3") == [(0.001,), (0.01,), (0.1,)]
    assert varied(run, "--vary", "init-seed=3,1,2e0") == [(3,), (1,), (2,)]
    assert varied(run, "--vary", "rho=2,1") == [(2.0,), (1.0,)]
    assert varied(run, "--vary", "anneal=constant; points:0=0.5,9=1") == [
        ("constant",),
        ("points:0=0.5,9=1",),
    ]
    assert varied(run, "--signal", "2", "--vary", "rho=3/1,4/2,1") == [([3, 1],), ([4, 2],), (1,)]
    assert varied(run, "--vary", "beta=1,2", "--vary", "latent=1:2:2") == [
        (1, 1), (1, 2), (2, 1), (2, 2),
    ]  # fmt: skip


def test_a_range_without_a_count_says_how_many_values_it_has(run):
    words = f"sweep theory {SMALL} --dry-run --vary"
    assert "beta takes 20 values: beta=START:STOP:COUNT for others" in run(words, "beta=1:2").err
    assert "init_seed takes 11 values" in run(words, "init-seed=50:60").err
    assert "values" not in run(words, "beta=1:2:3").err


def test_ranges_are_rounded_so_that_equal_values_share_keys():
    assert evenly(0.1, 0.3, 3) == [0.1, 0.2, 0.3]
    assert evenly(0.1, 1.9, 100)[-1] == 1.9
    assert set(evenly(0, 1, 11)) < set(evenly(0, 1, 101))


def test_values_are_shown_in_full():
    assert [shown(x) for x in (0.1, 1.0, 1 / 3, 7, (3.0, 0.5))] == [
        "0.1", "1", repr(1 / 3), "7", "3/0.5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "message"),
    {
        "theory": "Missing option '--vary'",
        "theory --vary beta": "expected numbers with commas, or START:STOP:COUNT",
        "theory --vary foo=1": "expected one of dim, latent",
        "theory --vary init=1": "expected one of dim, latent",
        "theory --vary seed=1": "expected one of dim, latent",
        "theory --vary beta=": "expected numbers with commas",
        "theory --vary beta=1,x": "expected numbers with commas",
        "theory --vary beta=1,nan": "expected numbers with commas",
        "theory --vary beta=1,inf": "expected numbers with commas",
        "theory --vary beta=1:": "expected START:STOP or START:STOP:COUNT",
        "theory --vary beta=1:2:3:4": "expected START:STOP or START:STOP:COUNT",
        "theory --vary beta=log:1": "expected START:STOP or START:STOP:COUNT, perhaps with log:",
        "theory --vary beta=log:0:1": "START and STOP above zero",
        "theory --vary dim=50.5:100": "dim must be whole numbers",
        "theory --vary bata=1:2": "(did you mean beta?)",
        "theory --vary beta=1:2:1": "COUNT from 2",
        "theory --vary beta=1:2:1e9": "expected START:STOP or START:STOP:COUNT",
        "theory --vary beta=1:2 --dry-run --csv a.csv": "leave one out",
        "theory --vary beta=1:inf:3": "expected finite numbers",
        "theory --vary beta=1:1:3": "START and STOP to differ",
        "theory --vary beta=log:0:1:3": "START and STOP above zero",
        "theory --vary latent=1:2:4": "latent must be whole numbers",
        "theory --vary anneal=constant;": "expected anneal=SPEC;SPEC",
        "theory --vary anneal=nonsense": "--vary: at anneal=nonsense: anneal: expected constant",
        "theory --vary beta=1,1.0": "--vary: beta has the value 1 twice",
        "theory --vary beta=1 --vary beta=2": "expected --vary beta=... once",
        "theory --vary beta=1,2 --beta 1": "--beta and --vary beta=... exclude each other",
        "theory --vary beta=-1:1:3": "--vary: at beta=-1: beta: must be >= 0",
        "theory --vary beta=1 --vary dim=9,2": "--vary: at beta=1 dim=2: dim: must be at least 2",
        "theory --vary beta=1 --eta -1": "--eta: must be > 0",
        "theory --vary beta=1 --rtol 0": "--rtol: must be > 0",
        "theory --vary beta=1:2:2000 --vary eta=1:2:2000": "a grid may have 1,000,000 points",
        "theory --vary beta=1 --jobs 0": "--jobs: must be at least 1",
        "theory --vary beta=1 --shard 3/2": "expected I/N",
        "theory --vary beta=1 --shard 0/2": "expected I/N",
        "theory --vary beta=1 --csv - --json": "--json and --csv - both print on stdout",
        "theory --vary beta=1 --csv nowhere/a.csv": "no folder 'nowhere'",
        "simulate --vary runs=0,1": "--runs: must be at least 1",
    }.items(),
    ids=str,
)
def test_wrong_usage_is_one_line_and_computes_nothing(run, tmp_path, words, message):
    done = run(f"sweep {words}")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"bata": [1]}, "cannot vary 'bata'"),
        ({"beta": []}, "beta has no values"),
        ({"beta": 1}, "expected a list of values of beta, got 1"),
        ({"beta": "0.1:2:20"}, "expected a list of values of beta, got '0.1:2:20'"),
        ({"rho": [np.array([2.0, 1.0])]}, "expected one number or 1"),
    ],
)
def test_grids_made_in_python_are_checked(vary, message):
    with pytest.raises(ParameterError, match=message):
        vaedyn.sweep("theory", PARAMS, vary)


def test_numbers_come_in_the_shape_of_the_grid():
    vary = {"beta": np.array([0.5, 1.0, 3.0]), "lr": [0.1, 50]}  # the last diverges
    base = Params(latent=2, t_max=20, points=3)
    found = vaedyn.sweep("theory", base, vary)
    eps_g, D = found.array("eps_g"), found.array("D")
    assert (eps_g.shape, D.shape) == ((3, 2), (3, 2, 2))
    for i, beta in enumerate(vary["beta"]):
        alone = vaedyn.theory(dataclasses.replace(base, beta=beta, lr=0.1))
        assert eps_g[i, 0] == alone.eps_g[-1]
        np.testing.assert_array_equal(D[i, 0], alone.D[-1])
    assert np.isnan(eps_g[:, 1]).all()
    assert np.isnan(D[:, 1]).all()


def test_of_ensembles_mean_or_deviation_are_taken():
    base = Params(t_max=5, points=2)
    found = vaedyn.sweep("simulate", base, {"seed": [3, 4], "beta": [1.0]}, runs=3)
    runs = vaedyn.simulate(dataclasses.replace(base, beta=1.0), runs=3, seed=4).eps_g[:, -1]
    assert found.array("eps_g").shape == (2, 1)
    assert found.array("eps_g")[1, 0] == runs.mean()
    assert found.array("eps_g", "std")[1, 0] == runs.std(ddof=1)


def test_what_makes_no_array_is_said():
    found = vaedyn.sweep("fixedpoints", Params(t_max=5, points=2), {"latent": [2, 1]}, jobs=1)
    for name in ("label", "kl_per_latent"):
        with pytest.raises(ParameterError, match=f"^name: {name} is not a number"):
            found.array(name)
    for take in (found.values, found.array):
        with pytest.raises(ParameterError, match="^name: expected one of D, E, .*got 'epsg'"):
            take("epsg")
    with pytest.raises(ParameterError, match="^of: expected mean or std"):
        found.array("eps_g", "median")
    part = vaedyn.sweep("theory", PARAMS, {"beta": [1, 2]}, shard=(1, 2))
    with pytest.raises(ParameterError, match="^shard: a part of a grid"):
        part.array("eps_g")


def test_an_unknown_computation_is_refused():
    with pytest.raises(ParameterError, match="theory or simulate or convergence or fixedpoints"):
        vaedyn.sweep("teory", PARAMS, {"beta": [1]})


def test_the_base_may_be_one_that_fits_only_together_with_what_is_varied():
    points = grid({"rho": (3.0, 1.0)}, {"signal": [2]})
    assert points[0].params.rho == (3.0, 1.0)


# --- the points ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "options"),
    [("theory", "--rtol 1e-7"), ("simulate", "--runs 3 --seed 4"), ("fixedpoints", "--groups 0")],
)
def test_points_are_the_records_of_the_plain_command(run, command, options):
    swept = run(f"sweep {command} {SMALL} {options} --vary beta=0.5,1.5 --vary eta=1,2 --json")
    assert swept.code == 0
    assert "computed 4 of 4 points, reused 0" in swept.err
    assert f"computed {command}" not in swept.err
    assert swept.json["command"] == f"sweep {command}"
    assert swept.json["varied"] == {"beta": [0.5, 1.5], "eta": [1, 2]}
    for point in swept.json["points"]:
        words = f"{command} {SMALL} {options} --beta {point['beta']} --eta {point['eta']} --json"
        plain = run(words)
        assert "reused" in plain.err
        assert plain.json["key"] == point["key"]
        if command == "fixedpoints":
            (reached,) = (each for each in plain.json["fixed_points"] if each["reached"])
            shared = point["final"].keys() & reached.keys()
            assert {"eps_g", "max_eigenvalue", "relaxation_time", "m"} <= shared
            assert {name: point["final"][name] for name in shared} == {
                name: reached[name] for name in shared
            }
        else:
            active = point["final"].pop("active")
            assert point["final"] == plain.json["final"]
            assert active == ({"mean": 1, "std": 0} if command == "simulate" else 1)


def test_times_to_converge_are_those_of_theory(run):
    words = "--dim 50 --lr 0.1 --t-max 400 --points 3 --tol 0.01"
    done = run(f"sweep convergence {words} --vary beta=0,0.5,1.5 --json")
    lost, *points = done.json["points"]
    assert "at beta = 0 learning has no end" in lost["final"]["lost"]
    for point in points:
        plain = run(f"theory {words} --beta {point['beta']} --json").json
        assert point["final"]["t_converge"] == plain["converges_at"] > 10
        assert run("store show --json", point["key"]).json["reproduce"].startswith("vaedyn theory")
    table = run(f"sweep convergence {words} --vary beta=0,0.5,1.5")
    assert "computed 0 of 3 points, reused 3" in table.err
    assert re.split(r" {2,}", table.out.splitlines()[0]) == ["beta", "converges at", "eps_g"]
    assert table.out.splitlines()[2].split() == ["0", "-", "-", "not", "known"]
    assert "not known at beta=0: at beta = 0 learning has no end" in table.err
    figure = f"plot sweep --of convergence --y t_converge {words} --vary beta=0.5,1.5"
    picture = run(figure, "-o a.svg")
    assert (picture.code, picture.out) == (0, "a.svg\n")
    assert "computed 0 of 2 points, reused 2" in picture.err
    named = run(figure).out
    assert named.endswith("of-convergence_x-beta_y-t_converge_tol-0.01.pdf\n")
    assert "t_converge needs --of convergence" in run("plot sweep --y t_converge").err
    assert run("plot sweep --of convergence --y kl").code == 2


def test_what_the_plain_command_has_computed_is_reused(run):
    run(f"theory {SMALL} --beta 1.2")
    done = run(f"sweep theory {SMALL} --vary beta=1.1,1.2 --json")
    assert [point["reused"] for point in done.json["points"]] == [False, True]
    assert "computed 1 of 2 points, reused 1" in done.err
    again = run(f"sweep theory {SMALL} --vary beta=1.1,1.2 -q --recompute --json")
    assert [point["reused"] for point in again.json["points"]] == [False, False]
    assert again.err == ""


def test_runs_and_seeds_can_be_varied(run):
    done = run(f"sweep simulate {SMALL} --vary seed=1,2 --vary runs=2,4 --json")
    keys = [point["key"] for point in done.json["points"]]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    plain = run(f"simulate {SMALL} --seed 2 --runs 4 --json")
    assert plain.json["reused"]
    assert plain.json["final"]["eps_g"] == done.json["points"][3]["final"]["eps_g"]


def test_a_table_has_a_line_a_point(run):
    done = run(f"sweep simulate {SMALL} --vary beta=0.5,1 --runs 2")
    lines = done.out.splitlines()
    assert re.split(r" {2,}", lines[0]) == ["beta", "eps_g", "std", "kl", "std", "active", "std"]
    assert [line.split()[0] for line in lines[2:]] == ["0.5", "1"]
    points = run(f"sweep fixedpoints {SMALL} --vary beta=0.5,1 --groups 0")
    assert re.split(r" {2,}", points.out.splitlines()[0])[-3:] == [
        "max eigenvalue", "time", "fixed point",
    ]  # fmt: skip
    assert points.out.splitlines()[2].endswith("the end of the trajectory")


def test_failing_points_are_told_and_do_not_stop_the_others(run, tmp_path):
    words = f"sweep theory {SMALL} --vary lr=50,0.1 --jobs 1"
    done = run(words)
    assert done.code == 1
    assert done.out.splitlines()[2].split() == ["50", "-", "-", "-", "failed"]
    assert "failed" not in done.out.splitlines()[3]
    assert max(map(len, done.out.splitlines())) < 50
    assert "warning: no result at lr=50: the ODE diverges near" in done.err
    assert "computed 1 of 2 points, reused 0, 1 failed" in done.err
    assert len(list((tmp_path / "vaedyn-store").iterdir())) == 1
    data = run(f"{words} --json")
    assert data.code == 1
    assert data.json["failed"] == 1
    bad, good = data.json["points"]
    assert bad == {"lr": 50, "error": bad["error"]}
    assert "lower --lr" in bad["error"]
    assert good["reused"]


def test_of_many_failures_some_are_told(run):
    done = run(f"sweep theory {SMALL} --vary lr=50:60:14 --jobs 1")
    assert done.err.count("no result at lr=") == 10
    assert "no result at 4 more points" in done.err


def test_a_range_may_start_at_beta_zero(run):
    done = run(f"sweep fixedpoints {SMALL} --vary beta=0:1:3 --groups 0 --json")
    assert done.code == 0, done.err
    none, *points = done.json["points"]
    assert none["beta"] == 0
    assert "no fixed point" in none["final"]["lost"]
    assert all(point["final"]["eps_g"] < 0.1 for point in points)
    assert "fixedpoints" not in run("store list kind=fixedpoints beta=0").out


def test_fixed_points_that_are_not_reached_are_said(run):
    done = run(f"sweep fixedpoints {SMALL} --vary lr=50,0.1 --groups 1 --jobs 1")
    assert done.code == 0
    assert done.out.splitlines()[2].endswith("   not known")
    assert "not known at lr=50: the ODE diverges" in done.err


def test_csv_has_a_column_for_every_number(run, tmp_path):
    words = f"sweep theory {SMALL} --vary latent=1,2 --csv"
    printed = run(f"{words} -")
    rows = list(csv.DictReader(io.StringIO(printed.out)))
    assert list(rows[0])[:3] == ["latent", "key", "t"]
    assert list(rows[0])[-1] == "error"
    assert [row["Q_1_1"] != "" for row in rows] == [True, True]
    assert [row["Q_2_1"] != "" for row in rows] == [False, True]
    saved = run(f"{words} out.csv")
    assert saved.out.startswith("latent")
    assert "reused" in saved.err
    assert (tmp_path / "out.csv").read_text() == printed.out
    data = run(f"sweep theory {SMALL} --vary latent=1,2 --json").json["points"][1]["final"]
    assert float(rows[1]["Q_1_2"]) == data["Q"][0][1]
    assert float(rows[1]["m_2_1"]) == data["m"][1][0]
    assert float(rows[1]["eps_g"]) == data["eps_g"]


def test_csv_of_an_ensemble_has_means_and_deviations(run):
    done = run(f"sweep simulate {SMALL} --vary beta=1 --runs 1 --csv -")
    (row,) = csv.DictReader(io.StringIO(done.out))
    assert float(row["m_1_1_mean"]) != 0
    assert row["m_1_1_std"] == ""
