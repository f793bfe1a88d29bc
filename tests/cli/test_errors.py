"""Commands that fail or are stopped: one line, the right exit code, nothing left behind."""

import re
import signal
import subprocess
import sys
import time

import pytest

from vaedyn.cli import main as cli
from vaedyn.store import ResultStore

FAST = "--dim 50 --lr 0.1 --t-max 20 --points 5"


USAGE = {
    "theory --eta -1": "--eta: must be > 0, got -1",
    "theory --lr nan": "--lr: must be finite",
    "theory --dim 3 --latent 2": "--dim: must be at least 2 latent + signal = 5",
    "theory --dim x": "--dim",
    "theory --dim 10.5": "--dim",
    "theory --dim inf": "--dim",
    "theory --rho 1,2": "--rho: expected one number or 1 (one per signal), got 2, which need "
    "--signal 2 (in Python signal=2)",
    "theory --signal 3 --rho 1,2": "which need --signal 2 (in Python",
    "theory --rho 1;2": "--rho",
    "theory --anneal tahn:1": "'tahn:1' (did you mean tanh:GAMMA?)",
    "theory --init gausian": "No such file or directory (did you mean gaussian?)",
    "theory --init zero": "--init': expected 'gaussian', 'torch', 'm=...,d=...",
    "theory --anneal cyclical:1e-300:0.5": "--anneal: cyclical:1e-300:0.5 has more than 1000000",
    "simulate --anneal file:/dev/zero": "--anneal: expected file:PATH",
    "theory --init /dev/zero": "--init': cannot read '/dev/zero' as JSON: it is no regular file",
    'theory --init {"m":0,"m":1}': "--init': cannot read '{\"m\":0,\"m\":1}' as JSON: 'm' stands",
    "theory --anneal linear": "expected linear:T, got 'linear' (T must be a positive number)",
    "theory --anneal tanh:fast": "(GAMMA must be a positive number)",
    "theory --init nofile.json": "or a JSON file; cannot read 'nofile.json'",
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
    "fixedpoints --vary beta=1:2:2001": "with a COUNT from 2 to 2,000",
    "fixedpoints --vary beta=-1:1": "--vary: beta must be > 0, got -1",
    "fixedpoints --vary lr=0:1 --vary eta=1:2": "--vary: lr must be > 0, got 0",
    "fixedpoints --vary lan=0:1": "(did you mean lam?)",
    "plot branches --vary beta=1,2": "expected beta=LOW:HIGH or beta=LOW:HIGH:COUNT",
    "plot cascade --vary eta=1:2": "--vary: expected beta=..., got eta",
    "plot phase-diagram --vary beta=1:2": "expected --vary twice",
    "theory --tol 0": "--tol: must be > 0",
    "simulate --tol nan": "--tol: must be finite",
    "anneal --tol x": "--tol",
    "anneal --family step": "--family",
    "anneal --knots 17": "--knots",
    "anneal --confirm 1": "--confirm",
    "anneal --anneal tanh:1": "--anneal",
    "plot annealing --anneal tanh:1": "--anneal",
    "plot annealing -o figure.jpg": "--output",
    "plot sweep --vary beta=1,2 --y max_eigenvalue": "--y: max_eigenvalue needs --of fixedpoints",
    "plot sweep --vary beta=1,2 --x betta": "got 'betta' (did you mean beta?)",
    "plot sweep --vary beta=1,2 --x eta": "--x: expected one of beta, got 'eta'",
    "plot learning-curve --vary beta=-1,1": "--vary",
    "plot learning-curve -o figure.jpg": "--output",
    "plot learning-curve -o nowhere/figure.pdf": "--output",
    "theory --foo": "No such option '--foo'. (",
    "fixedpoints --data x.npy": "here: it is an option of simulate, theory, anneal and 3 more (",
    "spectrum --data x.npy": "No such option '--data': name the file without it (",
    "store list --dta": "No such option '--dta'. (",
    "theory --lamda 1": "No such option '--lamda'. Did you mean '--lam'? (",
    "theory --tmax 1": "No such option '--tmax'. Did you mean '--t-max'? (",
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
    "anneal --tol 10": "eps_g starts within 10 of its final value: lower --tol",
    # the seventh run is the first to diverge
    "simulate --lr 1.12 --dim 50 --t-max 200 --runs 20 --jobs 1": "lower --lr",
    "theory --store /dev/null/store": "--store: cannot",
    "simulate --store /dev/null": "--store: cannot",
    "store list --store /dev/null": "--store: cannot",
}


@pytest.mark.parametrize(("words", "message"), FAILURES.items(), ids=FAILURES.keys())
def test_failures_are_one_line_and_leave_nothing(run, tmp_path, words, message):
    done = run(words)
    assert done.code == 1
    assert done.out == ""
    notes = ("compiling", "warning: ")
    (line,) = [line for line in done.err.splitlines() if not line.startswith(notes)]
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


# saves every finished run, so that a test sees when there is one
EAGER = """
from vaedyn.cli.main import main
from vaedyn.store import ResultStore
ResultStore.__init__.__kwdefaults__["save_every"] = 0
main()
"""


def start(*words, code=None):
    program = ["-m", "vaedyn"] if code is None else ["-c", code]
    return subprocess.Popen(
        [sys.executable, *program, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_finished_runs_and_says_so(tmp_path, sign, code):
    store = tmp_path / "store"
    words = ["simulate", "--runs", "100000", "--t-max", "300", "--store", str(store)]
    process = start(*words, code=EAGER)
    while not list(store.glob("simulate-*")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(sign)
    out, err = process.communicate()
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
    assert cli.report(PermissionError(13, "Permission denied", "some/file")) == 1
    assert cli.report(MemoryError()) == 1
    err = capsys.readouterr().err
    assert "error: cannot write the output: No space left on device\n" in err
    assert "error: some/file: Permission denied\n" in err
    assert "error: not enough memory" in err
