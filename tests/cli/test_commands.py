"""Commands that succeed: what is printed, computed, reused and drawn."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import vaedyn
from vaedyn.store import ResultStore

FAST = "--dim 50 --lr 0.1 --t-max 20 --points 5"
OBSERVABLES = ["eps_g", "eps_g_rotation", "kl", "kl_per_latent", "distortion"]
ORDER_PARAMETERS = ["m", "d", "Q", "E", "R", "D"]


# --- results ----------------------------------------------------------------------------


def test_theory_prints_what_the_library_computes(run):
    done = run("theory --json", FAST)
    assert done.code == 0
    data = done.json
    head = ["command", "key", "reused", "path", "params", "final"]
    assert list(data) == [*head, "t_converge", "converges_at", "tol", "solver", "warnings"]
    assert (data["command"], data["reused"]) == ("theory", False)
    assert list(data["final"]) == ["t", *OBSERVABLES, *ORDER_PARAMETERS]
    expected = vaedyn.theory(vaedyn.Params(dim=50, lr=0.1, t_max=20, points=5))
    for name in (*OBSERVABLES, *ORDER_PARAMETERS):
        np.testing.assert_array_equal(data["final"][name], getattr(expected, name)[-1])
    assert data["final"]["t"] == 20
    assert data["solver"] == expected.info["solver"]
    assert data["params"]["dim"] == 50
    assert data["params"]["rtol"] == 1e-8
    assert Path(data["path"]).exists()


def test_simulate_prints_mean_and_spread_over_runs(run):
    done = run("simulate --json --runs 3", FAST, "--latent 2 --signal 1")
    data = done.json
    head = ["command", "key", "reused", "path", "params", "runs", "final"]
    times = ["t_converge", "converges_at", "tol"]
    assert list(data) == [*head, *times, "warnings", "steps_per_second"]
    params = vaedyn.Params(dim=50, lr=0.1, t_max=20, points=5, latent=2)
    expected = vaedyn.simulate(params, runs=3)
    for name in (*OBSERVABLES, *ORDER_PARAMETERS):
        last = getattr(expected, name)[:, -1]
        np.testing.assert_allclose(data["final"][name]["mean"], last.mean(axis=0), rtol=1e-14)
        np.testing.assert_allclose(data["final"][name]["std"], last.std(axis=0, ddof=1), rtol=1e-9)
    assert data["steps_per_second"] > 0
    assert np.shape(data["final"]["m"]["mean"]) == (2, 1)


def test_a_single_run_has_no_spread(run):
    final = run("simulate --json --runs 1", FAST).json["final"]
    assert final["eps_g"]["std"] is None
    assert final["Q"]["std"] == [[None]]


def test_fixedpoints_prints_all_and_their_verdicts(run):
    data = run("fixedpoints --json", FAST).json
    assert list(data) == [
        "command",
        "key",
        "reused",
        "path",
        "params",
        "fixed_points",
        "thresholds",
        "missing",
        "lost",
    ]
    assert data["thresholds"]["collapse"] == [pytest.approx(2, abs=1e-12)]
    assert 1 < data["thresholds"]["noise"] < 1.1
    assert 1 < data["thresholds"]["max_lr"] < 2
    learned, noise, collapsed = data["fixed_points"]
    assert (learned["type"], learned["stable"], learned["reached"]) == ("signal 1", True, True)
    assert (noise["type"], noise["stable"], noise["reached"]) == ("noise", False, False)
    assert (collapsed["label"], collapsed["stable"]) == ("collapsed", False)
    assert learned["multiplicity"] == 2
    assert learned["residual"] < 1e-12
    assert learned["max_eigenvalue"] == max(re for re, _ in learned["eigenvalues"]) < 0
    assert learned["relaxation_time"] == pytest.approx(-1 / learned["max_eigenvalue"])
    start = list(learned).index("eps_g")
    assert list(learned)[start:-2] == [*OBSERVABLES, *ORDER_PARAMETERS]
    assert list(learned["std"]) == [*OBSERVABLES, *ORDER_PARAMETERS]


def test_fixedpoints_of_equal_signals_has_no_nan(run):
    data = run("fixedpoints --json --latent 2 --signal 2", FAST).json
    learned, collapsed = data["fixed_points"][0], data["fixed_points"][-1]
    assert learned["multiplicity"] is None
    assert len(collapsed["eigenvalues"]) - len(learned["eigenvalues"]) == 1


def test_fixedpoints_lists_fewer_groups_when_told_to(run):
    def types(groups):
        data = run(f"fixedpoints --json --latent 2 --groups {groups}", FAST).json
        return [point["type"] for point in data["fixed_points"]]

    assert types(0) == ["the end of the trajectory", "2 x collapsed"]
    assert len(types(1)) == 5
    assert {"two on signal 1", "two on noise", "two on signal 1 and noise"} <= set(types(2))
    assert "--groups" in run("fixedpoints --groups 3").err


def test_fixedpoints_tells_what_there_is_not(run):
    out = run("fixedpoints --beta 2.5", FAST).out
    assert "no fixed point has a latent on: signal 1; noise (beta is beyond its threshold)" in out


def test_fixedpoints_along_names_what_is_passed(run):
    passed = run("fixedpoints --json --latent 2 --along", FAST).json["passages"]
    assert passed[-1]["stable"]
    assert all(not each["stable"] and each["escape_time"] > 0 for each in passed[:-1])
    out = run("fixedpoints --latent 2 --along", FAST).out
    assert "fixed point passed" in out
    assert passed[0]["type"] in out


def test_fixedpoints_warns_of_signals_that_noise_loses(run):
    words = "--rho 1 --eta 0.5 --lam 1 --lr 0.5 --beta 0.112 --t-max 900 --points 3 --groups 1"
    words += " --init m=0.8,d=0.8,Q=0.7,E=0.8,R=0.65,D=0.3 --json --dim"
    few, many = (run(f"fixedpoints {words} {dim}") for dim in (100, 800))
    (line,) = few.json["warnings"]
    assert "may lose signal 1" in line
    assert f"warning: {line}" in few.err
    assert "warnings" not in many.json
    assert "warning" not in many.err
    stds = [
        next(point["std"] for point in each.json["fixed_points"] if point["reached"])
        for each in (few, many)
    ]
    assert stds[0]["kl"] == pytest.approx(8**0.5 * stds[1]["kl"], rel=1e-9)
    assert np.shape(stds[0]["Q"]) == (1, 1)
    unstable = next(point for point in few.json["fixed_points"] if not point["stable"])
    assert unstable["std"]["eps_g"] is None


def test_varying_one_constant_follows_branches(run):
    outcome = run("fixedpoints --json --vary beta=0.5:2.5 --groups 1", FAST)
    data = outcome.json
    assert data["varied"] == "beta"
    assert [branch["type"] for branch in data["branches"]] == ["signal 1", "collapsed", "noise"]
    learned = data["branches"][0]
    assert learned["events"][-1] == {
        "kind": "end", "at": pytest.approx(2, abs=1e-8), "bifurcation": "pitchfork",
        "side": "supercritical", "coefficient": pytest.approx(-0.03256, abs=1e-5),
        "frequency": None, "multiplicity": 1, "meets": [1],
    }  # fmt: skip
    noise, learning = data["bifurcations"]
    assert (noise["bifurcation"], noise["branches"]) == ("transcritical", [1, 2])
    assert (learning["bifurcation"], learning["branches"]) == ("pitchfork", [0, 1])
    assert len(learned["beta"]) == len(learned["eps_g"]) == len(learned["stable"])
    again = run("fixedpoints --vary beta=0.5:2.5 --groups 1", FAST)
    assert "reused branches" in again.err
    assert re.search(r"collapsed +0.5 +2.5 +2 to 2.5 +pitchfork 2", again.out)
    assert re.search(r"pitchfork +2 +supercritical +-0.03256 +- +signal 1; collapsed", again.out)


def test_following_over_two_constants_makes_curves(run):
    options = "fixedpoints --vary beta=0.5:2.5 --vary eta=log:0.2:1 --follow loss --follow kl=0.4"
    data = run(f"{options} --json", FAST).json
    assert data["varied"] == ["beta", "eta"]
    names = {each["of"]: each for each in data["curves"]}
    learned = names["collapsed to signal 1"]
    assert learned["kind"] == "loss"
    assert learned["ends"] == ["edge", "edge"]
    np.testing.assert_allclose(learned["beta"], 1 + np.array(learned["eta"]), rtol=1e-9)
    assert all(learned["attracting"])
    assert names["signal 1"]["kind"] == "kl=0.4"
    again = run(options, FAST)
    assert "reused curves" in again.err
    assert re.search(r"loss +collapsed to signal 1 +(1.2 +2|2 +1.2) ", again.out)
    assert "saddles only: see --json" in again.out
    none = run("fixedpoints --vary beta=0.5:2.5 --vary eta=0.2:1 --follow kl=1e9", FAST)
    assert none.out == "no curves over beta and eta that attracting fixed points meet\n"
    zero = run("fixedpoints --vary beta=0:3 --vary batch=1:3 --follow all --lr 0.5", FAST)
    assert zero.code == 0, zero.err


def test_ranges_may_start_at_beta_zero(run):
    outcome = run("fixedpoints --json --vary beta=0:2 --groups 0", FAST)
    assert outcome.code == 0, outcome.err
    assert "branches are followed from beta = 0.002 on" in outcome.err
    (collapse,) = outcome.json["branches"]
    assert (collapse["beta"][0], collapse["beta"][-1]) == (0.002, 2)
    shown = run("fixedpoints --json --vary beta=0:2:3 --vary eta=log:0.5:2:3", FAST)
    assert "beta = 0 is left out" in shown.err
    assert shown.json["beta"] == [1, 2]
    assert shown.json["eta"] == [0.5, 1, 2]


def test_a_map_says_how_many_values_it_has_if_nobody_did(run):
    done = run("fixedpoints --vary beta=1:2 --vary eta=1:2:2", FAST)
    assert "beta takes 100 values: beta=LOW:HIGH:COUNT for others" in done.err
    assert "\neta takes" not in f"\n{done.err}"


def test_varying_two_constants_makes_a_map_that_grows(run):
    options = "fixedpoints --vary beta=0.5:2.5:5"
    first = run(f"{options} --vary eta=0.5:1:3 --json", FAST)
    data = first.json
    assert data["varied"] == ["beta", "eta"]
    names = [data["phases"][n] for n in data["phase"][0]]
    assert names == ["learned"] * 3
    assert data["phases"][data["phase"][-1][0]] == "collapsed"
    assert "computed 15 of 15" in first.err
    assert "reused all points" in run(f"{options} --vary eta=0.5:1:3", FAST).err
    assert "computed 5 of 20" in run(f"{options} --vary eta=0.5:1.25:4", FAST).err
    wider = run("fixedpoints --vary beta=0.5:3:6 --vary eta=0.5:1:3", FAST)
    assert "computed 3 of 18" in wider.err
    assert "collapsed" in wider.out


ONE_RANGE = ("learning-curve", "branches", "cascade", "concentration", "escape")


@pytest.mark.parametrize("name", ONE_RANGE)
def test_a_second_range_is_refused_where_one_is_drawn(run, name):
    values = "dim=100,200" if name in ("concentration", "escape") else "beta=1:2:5"
    outcome = run(f"plot {name} --vary {values} --vary={values} -o a.png")
    assert outcome.code == 2
    assert "error: expected --vary at most once (see" in outcome.err
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--vary beta", "expected beta=LOW:HIGH"),
        ("--vary gamma=0:1", "expected one of beta, eta, rho, lam, lr, batch, alpha before '='"),
        ("--vary beta=2:1", "expected LOW < HIGH"),
        ("--vary eta=0:1", "--vary: eta must be > 0"),
        ("--vary beta=1:2 --vary beta=1:2", "must vary another constant"),
        ("--vary beta=1:2 --vary eta=1:2 --vary lr=1:2", "--vary at most twice"),
        ("--vary beta=1:2 --along", "not with --along"),
        ("--vary beta=1:2 --follow all", "expected --vary twice with --follow"),
        ("--vary beta=1:2 --vary eta=1:2 --follow all --along", "not with --along"),
        ("--vary beta=1:2 --vary eta=1:2 --follow flod", "(did you mean fold?)"),
        ("--vary beta=1:2 --vary alpha=1:2 --follow fold", "--vary: expected one of beta"),
        ("--vary beta=1:2 --vary eta=0:2 --follow fold", "--vary: eta must be > 0"),
        ("--vary beta=1:2:1", "with a COUNT from 2 to 2,000"),
    ],
)
def test_bad_ranges_are_told_in_one_line(run, options, message):
    outcome = run(f"fixedpoints {options}")
    assert outcome.code == 2
    assert message in outcome.err.splitlines()[-1]
    assert not Path("vaedyn-store").exists()


def test_a_schedule_is_drawn_without_computing(run):
    outcome = run("plot schedule --anneal points:0=0.1,9=2,9=1 -o beta.svg --json")
    assert outcome.json == {"command": "plot schedule", "output": "beta.svg", "records": []}
    assert Path("beta.svg").exists()
    assert not Path("vaedyn-store").exists()
    wrong = run("theory --anneal points:0=0.1,9=2")
    assert wrong.code == 2
    assert "--anneal: ends at beta = 2.0, so --beta must be 2.0" in wrong.err


@pytest.mark.parametrize(
    "figure",
    [
        "branches --vary beta=0.5:2.5 --groups 1",
        "phase-diagram --vary beta=0.5:2.5:6 --vary lr=0.05:1.5:5",
        "cascade --latent 2 --simulations 2 --runs 2",
        "passages --latent 2",
    ],
)
def test_figures_of_fixed_points_are_written(run, figure):
    outcome = run(f"plot {figure} -o figure.svg --json", FAST)
    assert outcome.code == 0
    assert Path(outcome.json["output"]).read_text().startswith("<?xml")
    assert run(f"plot {figure} -o figure.gif").code == 2
    assert "reused" in run(f"plot {figure} -o again.pdf", FAST).err


def test_a_cascade_without_any_stable_point_says_so_before_it_simulates(run):
    done = run("plot cascade --rho 400 --vary beta=100:400:5 --simulations 2 -o a.svg", FAST)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[-1].startswith("error: no fixed point is stable from beta = ")
    assert "lower --lr" in done.err
    assert not Path("a.svg").exists()
    assert not list(Path("vaedyn-store").glob("simulate-*"))


def test_tables_show_the_same_numbers(run):
    data = run("theory --json", FAST).json
    table = run("theory", FAST).out
    assert f"{data['final']['eps_g']:.6g}" in table
    assert f"{data['final']['Q'][0][0]:.6g}" in table
    table = run("fixedpoints", FAST).out
    assert "learned" in table
    assert "signal 1 is not learned by a collapsed latent above beta = 2" in table
    table = run("simulate --runs 2", FAST).out
    assert "mean of 2" in table
    assert "\x1b" not in table


def test_a_state_on_the_threshold_is_marginal(run):
    table = run("fixedpoints --beta 2 --t-max 100 --points 3").out
    assert re.search(r"collapsed +collapsed +marginal", table)


def test_large_matrices_are_not_left_out_silently(run):
    assert re.search(r"m, d, Q, E, R +see --json", run("theory --latent 3 --signal 2", FAST).out)


# --- reuse ------------------------------------------------------------------------------


def test_every_command_says_whether_it_computed_or_reused(run):
    assert "computed theory" in run("theory", FAST).err
    assert "reused theory" in run("theory", FAST).err
    assert run("theory --json", FAST).json["reused"] is True
    assert "computed simulate" in run("simulate --runs 2", FAST).err
    assert "(run 3 to 4)" in run("simulate --runs 4", FAST).err
    again = run("simulate --runs 3 --json", FAST)
    assert "reused simulate" in again.err
    assert "steps_per_second" not in again.json
    done = run("fixedpoints", FAST)
    assert "reused theory" in done.err
    assert "computed fixedpoints" in done.err
    assert "reused fixedpoints" in run("fixedpoints", FAST).err
    done = run("plot learning-curve --runs 3", FAST)
    assert "reused theory" in done.err
    assert "reused simulate" in done.err


def test_recompute_computes_again(run):
    run("theory", FAST)
    done = run("theory --recompute --json", FAST)
    assert done.json["reused"] is False


def test_quiet_says_nothing_but_results(run):
    done = run("theory -q", FAST)
    assert done.err == ""
    assert "eps_g" in done.out


def test_the_store_is_where_it_is_asked_to_be(run, monkeypatch, tmp_path):
    run("theory", FAST)
    assert (tmp_path / "vaedyn-store").is_dir()
    run("theory --store elsewhere", FAST)
    kinds = sorted(path.name.partition("-")[0] for path in (tmp_path / "elsewhere").iterdir())
    assert kinds == ["convergence", "theory"]
    monkeypatch.setenv("VAEDYN_STORE", "third")
    assert run("theory --json", FAST).json["path"].startswith("third/")


def test_options_can_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv("VAEDYN_THEORY_BETA", "1.25")
    assert run("theory --json", FAST).json["params"]["beta"] == 1.25


def test_notebooks_share_results_with_the_command_line(run, tmp_path):
    run("theory", FAST)
    store = ResultStore(tmp_path / "vaedyn-store")
    params = vaedyn.Params(dim=50, lr=0.1, t_max=20, points=5)
    result = vaedyn.theory(params, store=store)
    assert result.source.reused
    np.testing.assert_array_equal(result.t, params.times())
    runs = vaedyn.simulate(params, runs=2, store=store)
    assert not runs.source.reused
    assert runs.m.shape == (2, 5, 1, 1)
    assert vaedyn.simulate(params, runs=2, store=store).source.reused
    points = vaedyn.fixed_points(params, store=store)
    assert vaedyn.fixed_points(params, store=store).labels == points.labels


def test_verbose_says_more(run):
    plain = run("theory", FAST, "--beta 1.1").err
    more = run("theory -v", FAST, "--beta 1.2").err
    assert "integrated the ODE" in more
    assert "wrote vaedyn-store" in more
    assert len(more.splitlines()) > len(plain.splitlines())


# --- the same model from one place ------------------------------------------------------


def test_an_init_file_holds_full_matrices(run, tmp_path):
    start = {"m": [[0.1, 0.2], [0, 0.3]], "d": 0, "Q": 1, "E": 1, "R": 0, "D": [0.5, 0.9]}
    (tmp_path / "start.json").write_text(json.dumps(start))
    data = run("theory --latent 2 --signal 2 --init start.json --json", FAST).json
    assert data["params"]["init"]["m"] == start["m"]
    assert data["params"]["init"]["Q"] == [[1, 0], [0, 1]]
    short = run("theory --init m=0.1,d=0,Q=1,E=1,R=0,D=1 --json", FAST).json
    assert short["params"]["init"]["m"] == [[0.1]]


def test_all_model_options_reach_the_model(run):
    words = (
        "--dim 1e2 --latent 2 --signal 3 --rho 3,2,1 --eta 0.5 --beta 0.7 --lam 0.1 --lr 0.02 "
        "--t-max 5 --points 3 --anneal tanh:0.2 --init-seed 4"
    )
    params = run("theory --json", words).json["params"]
    assert params == {
        "dim": 100, "latent": 2, "signal": 3, "rho": [3, 2, 1], "eta": 0.5, "beta": 0.7,
        "lam": 0.1, "lr": 0.02, "t_max": 5, "points": 3, "anneal": "tanh:0.2", "init": "gaussian",
        "init_seed": 4, "rtol": 1e-8, "atol": 1e-10, "numerics": 2,
    }  # fmt: skip


# --- plots ------------------------------------------------------------------------------


@pytest.mark.parametrize("figure", ["learning-curve", "order-parameters"])
@pytest.mark.parametrize("form", ["pdf", "svg", "png"])
def test_plots_are_drawn_in_every_format(run, tmp_path, figure, form):
    done = run(f"plot {figure} --runs 2 -o figure.{form}", FAST)
    assert done.code == 0
    assert done.out == f"figure.{form}\n"
    start = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[form]
    assert (tmp_path / f"figure.{form}").read_bytes().startswith(start)


def test_a_plot_names_itself_after_the_model_and_tells_its_sources(run, tmp_path):
    data = run("plot learning-curve --runs 2 --json --beta 1.5", FAST).json
    assert data["output"] == ("learning-curve_dim-50_beta-1.5_lr-0.1_t-max-20_points-5_runs-2.pdf")
    assert (tmp_path / data["output"]).exists()
    assert [record["kind"] for record in data["records"]] == ["theory", "simulate"]
    again = run("plot learning-curve --runs 2 --json --beta 1.5", FAST).json
    assert [record["reused"] for record in again["records"]] == [True, True]


def test_figures_of_different_things_have_different_names(run):
    names = [
        run("plot learning-curve --json", FAST, words).json["output"]
        for words in (
            "--runs 2",
            "--runs 3",
            "--runs 2 --seed 4",
            "--runs 2 --engine vector",
            "--runs 2 --band sem",
            "--runs 2 --x-scale log",
            "--runs 2 --init m=0.1,d=0,Q=1,E=1,R=0,D=1",
            "--runs 2 --init m=0.2,d=0,Q=1,E=1,R=0,D=1",
        )
    ]
    assert len(set(names)) == len(names)
