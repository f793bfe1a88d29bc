"""Every command as a user meets it: what is printed, where, and with which exit code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

import vaedyn
from vaedyn.cli import main as cli
from vaedyn.store import ResultStore

FAST = "--dim 50 --lr 0.1 --t-max 20 --points 5"
OBSERVABLES = ["eps_g", "eps_g_rotation", "kl", "kl_per_latent", "distortion"]
ORDER_PARAMETERS = ["m", "d", "Q", "E", "R", "D"]


def commands(group=None, path=()):
    group = group or cli.command
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = dict(commands())


# --- results ----------------------------------------------------------------------------


def test_theory_prints_what_the_library_computes(run):
    done = run("theory --json", FAST)
    assert done.code == 0
    data = done.json
    assert list(data) == ["command", "key", "reused", "path", "params", "final", "solver"]
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
    head = ["command", "key", "reused", "path", "params", "runs", "final", "steps_per_second"]
    assert list(data) == head
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


def test_fixedpoints_prints_both_and_their_verdicts(run):
    data = run("fixedpoints --json", FAST).json
    assert list(data) == [
        "command",
        "key",
        "reused",
        "path",
        "params",
        "fixed_points",
        "thresholds",
    ]
    assert data["thresholds"] == {"collapse": 2, "noise": 1}
    learned, collapsed = data["fixed_points"]
    assert (learned["label"], learned["stable"]) == ("learned", True)
    assert (collapsed["label"], collapsed["stable"]) == ("collapsed", False)
    assert learned["residual"] < 1e-10
    assert learned["max_eigenvalue"] == max(re for re, _ in learned["eigenvalues"]) < 0
    assert list(learned)[4:15] == [*OBSERVABLES, *ORDER_PARAMETERS]


def test_fixedpoints_of_equal_signals_has_no_nan(run):
    data = run("fixedpoints --json --latent 2 --signal 2", FAST).json
    learned, collapsed = data["fixed_points"]
    assert len(collapsed["eigenvalues"]) - len(learned["eigenvalues"]) == 1


def test_tables_show_the_same_numbers(run):
    data = run("theory --json", FAST).json
    table = run("theory", FAST).out
    assert f"{data['final']['eps_g']:.6g}" in table
    assert f"{data['final']['Q'][0][0]:.6g}" in table
    table = run("fixedpoints", FAST).out
    assert "learned" in table
    assert "threshold of beta, collapse: 2" in table
    table = run("simulate --runs 2", FAST).out
    assert "mean of 2" in table
    assert "\x1b" not in table


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
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1
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
        "init_seed": 4, "rtol": 1e-8, "atol": 1e-10, "numerics": 1,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["simulate", "theory", "fixedpoints", "plot learning-curve"])
def test_model_options_are_the_same_on_every_command(name):
    command = ALL[tuple(name.split())]
    defaults = {p.name: p.default for p in command.params}
    for field, value in vaedyn.Params.__dataclass_fields__.items():
        assert defaults[field] == value.default, field


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


# --- what goes wrong --------------------------------------------------------------------

USAGE = {
    "theory --eta -1": "--eta: must be > 0, got -1",
    "theory --lr nan": "--lr: must be finite",
    "theory --dim 3 --latent 2": "--dim: must be at least 2 latent + signal = 5",
    "theory --dim x": "--dim",
    "theory --dim 10.5": "--dim",
    "theory --dim inf": "--dim",
    "theory --rho 1,2": "--rho: expected one number or 1",
    "theory --rho 1;2": "--rho",
    "theory --anneal tahn:1": "--anneal: expected constant or tanh:GAMMA, got 'tahn:1'",
    "theory --init nofile.json": "--init': cannot read 'nofile.json'",
    "theory --init m=2,d=0,Q=1,E=1,R=0,D=1": "--init: no weights have these overlaps",
    "theory --init-seed 1 --init m=0,d=0,Q=1,E=1,R=0,D=1": "--init-seed: applies to",
    "theory --t-max 0": "--t-max: must be > 0",
    "theory --rtol 0": "--rtol: must be > 0",
    "theory --rtol 1": "--rtol: must be below 1",
    "theory --beta 1e300": "--beta: must be at most 1e+12",
    "theory --t-max 1e12 --dim 100000": "--t-max: 1e+17 steps",
    "simulate --runs 1e16": "--runs: must be below 2^53",
    "theory --init-seed -1": "--init-seed: must be at least 0",
    "simulate --runs 0": "--runs: must be",
    "simulate --seed -1": "--seed: must be",
    "simulate --engine exakt": "--engine",
    "simulate --jobs 0": "--jobs: must be",
    "fixedpoints --beta 0": "--beta: must be > 0 for fixed points",
    "plot learning-curve -o figure.jpg": "--output",
    "plot learning-curve -o nowhere/figure.pdf": "--output",
    "theory --foo": "No such option '--foo'",
    "thoery": "No such command 'thoery'. Did you mean 'theory'?",
}


@pytest.mark.parametrize(("words", "message"), USAGE.items(), ids=USAGE.keys())
def test_wrong_usage_is_one_line_that_names_the_option(run, tmp_path, words, message):
    done = run(words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("--store", ""), ("--init", ""), ("--init", "[" * 10**5)])
def test_empty_and_monstrous_words_are_refused(run, tmp_path, words):
    done = run.words("theory", *words)
    assert (done.code, done.out) == (2, "")
    assert words[0] in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


FAILURES = {
    "theory --lr 50": "lower --lr",
    "simulate --lr 50": "lower --lr",
    "simulate --lr 50 --engine vector": "lower --lr",
    "theory --beta 0": "variance D reached zero",
    # the eighth run is the first to diverge
    "simulate --lr 1.1 --dim 50 --t-max 200 --runs 20 --jobs 1": "lower --lr",
    "theory --store /dev/null/store": "--store: cannot",
    "simulate --store /dev/null": "--store: cannot",
    "store list --store /dev/null": "--store: cannot",
}


@pytest.mark.parametrize(("words", "message"), FAILURES.items(), ids=FAILURES.keys())
def test_failures_are_one_line_and_leave_nothing(run, tmp_path, words, message):
    done = run(words)
    assert done.code == 1
    assert done.out == ""
    (line,) = [line for line in done.err.splitlines() if not line.startswith("compiling")]
    assert line.startswith("error: ")
    assert message in line
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_unreadable_init_file_is_named(run, tmp_path):
    for content in ("not json", "[1, 2]", "{}"):
        (tmp_path / "start.json").write_text(content)
        done = run("theory --init start.json")
        assert (done.code, done.out) == (2, "")
        assert "--init" in done.err


def test_a_programming_error_is_not_hidden(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        cli.report(ZeroDivisionError())


def start(*words, **settings):
    command = [sys.executable, "-m", "vaedyn", *words]
    return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, **settings)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_finished_runs_and_says_so(run, tmp_path, sign, code):
    run("simulate --runs 1", FAST)  # compiles, if nothing has yet
    store = tmp_path / "store"
    words = ["simulate", "--runs", "100000", "--t-max", "300", "--store", str(store)]
    process = start(*words)
    deadline = time.monotonic() + 60
    while not store.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(sign)
    out, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert out == ""
    assert re.search(r"kept \d+ of 100000 runs", err)
    assert err.splitlines()[-1] in ("error: interrupted", "error: terminated")
    (label,) = ResultStore(store).records()
    record = ResultStore(store).find(label.key)
    assert len(record.eps_g) == record.length > 0


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    process = start("theory", "--json", "--store", str(tmp_path))
    process.stdout.close()
    assert process.wait(60) == 0
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


# --- help -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_every_command_has_help_with_sections_and_examples(path):
    done = CliRunner().invoke(cli.command, [*path, "-h"])
    assert done.exit_code == 0
    assert "Examples:" in done.output
    assert f"vaedyn {' '.join(path)}" in done.output.partition("Examples:")[2]
    for option in ("--json", "-q, --quiet", "-v, --verbose", "--store"):
        assert option in done.output
    for parameter in ALL[path].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("path", list(ALL), ids=" ".join)
def test_every_command_stands_in_the_readme(path):
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert f"vaedyn {' '.join(path)}" in readme


def test_help_lists_the_commands_with_their_own_first_lines():
    done = CliRunner().invoke(cli.command, ["--help"])
    for name, (_, text) in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(text)}$", done.output, re.MULTILINE)


@pytest.mark.parametrize("words", ["", "plot", "store"])
def test_a_group_alone_shows_its_help(run, words):
    done = run(words)
    assert done.code == 2
    assert done.out == ""
    assert "Commands:" in done.err


def test_version_and_module_agree():
    printed = subprocess.run(
        [sys.executable, "-m", "vaedyn", "--version"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == f"vaedyn, version {vaedyn.__version__}\n"


def test_shell_completion_offers_commands():
    environment = {
        **os.environ,
        "_VAEDYN_COMPLETE": "bash_complete",
        "COMP_WORDS": "vaedyn th",
        "COMP_CWORD": "1",
    }
    program = Path(sys.executable).with_name("vaedyn")
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    assert "theory" in done.stdout


# --- what a reviewer found --------------------------------------------------------------


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


def test_verbose_says_more(run):
    plain = run("theory", FAST, "--beta 1.1").err
    more = run("theory -v", FAST, "--beta 1.2").err
    assert "integrated the ODE" in more
    assert "wrote vaedyn-store" in more
    assert len(more.splitlines()) > len(plain.splitlines())


def test_an_interrupt_is_an_interrupt_whatever_it_breaks(monkeypatch, capsys):
    """A signal in the midst of a compilation surfaces as an error of the compiler."""
    monkeypatch.setattr(cli.Stopped, "by", signal.SIGINT)
    assert cli.report(RuntimeError("no compiled object yet")) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    monkeypatch.setattr(cli.Stopped, "by", signal.SIGTERM)
    assert cli.report(OSError()) == 143


def test_a_full_disk_and_a_full_memory_are_said(monkeypatch, capsys):
    monkeypatch.setattr(cli.Stopped, "by", None)
    assert cli.report(OSError(28, "No space left on device")) == 1
    assert cli.report(MemoryError()) == 1
    err = capsys.readouterr().err
    assert "error: cannot write the output: No space left on device\n" in err
    assert "error: not enough memory" in err


def test_a_state_on_the_threshold_is_marginal(run):
    table = run("fixedpoints --beta 2 --t-max 100 --points 3").out
    assert re.search(r"stable +marginal", table)


def test_large_matrices_are_not_left_out_silently(run):
    assert re.search(r"m, d, Q, E, R +see --json", run("theory --latent 3 --signal 2", FAST).out)
