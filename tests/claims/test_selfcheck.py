"""The checks that users run: they pass on intact code, and each one fails on code that is not."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from math import tanh
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq, fsolve

from tests.shared import reference
from vaedyn.claims import selfcheck
from vaedyn.cli import check as cli
from vaedyn.fixedpoints import thresholds
from vaedyn.fixedpoints.groups import Units
from vaedyn.learning import engines
from vaedyn.learning import simulate as sgd
from vaedyn.model.state import observables, pack, unpack
from vaedyn.store import ResultStore


def without_sgd(monkeypatch):
    """Leave out the two checks that take many steps of SGD."""
    made = [q for q in selfcheck.QUESTIONS if not q.name.startswith(("SGD", "exact"))]
    monkeypatch.setattr(selfcheck, "QUESTIONS", tuple(made))


@pytest.fixture
def names(run, monkeypatch):
    """Return a function that makes the checks and names those that failed.

    Those of SGD are made only where it is altered.
    """

    def failed(sgd=False):
        if not sgd:
            without_sgd(monkeypatch)
        done = run("check --json")
        wrong = [entry["name"] for entry in done.json["checks"] if not entry["passed"]]
        assert len(done.json["checks"]) == (15 if sgd else 13)
        assert done.code == (1 if wrong else 0)
        assert done.json["passed"] == (not wrong)
        return wrong

    return failed


def test_intact_code_passes_and_leaves_nothing_behind(run, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("VAEDYN_STORE", str(tmp_path / "mine"))
    done = run("check")
    assert done.code == 0
    assert "FAIL" not in done.out
    assert done.out.endswith("15 of 15 checks passed\n")
    assert done.out.count("   ok\n") == 15
    assert "warning" not in done.err
    # what is asked for stands beside what was found
    lines = {re.split("  +", line)[0]: re.split("  +", line)[1:] for line in done.out.splitlines()}
    found, *rest = lines["exact and vector engine in law, z"]
    assert float(found) < 6
    assert rest == ["at most 6", "ok"]
    assert lines["ODE at collapse, eps_g"][1:3] == ["1", "1e-08"]
    assert lines["runs alike at two seeds"] == ["0", "0", "0", "0", "ok"]
    for word in ("python", "numpy", "numba", "scipy", "h5py", "cores", "machine code in"):
        assert word in done.out
    assert [*tmp_path.rglob("*")] == [folder]


def test_json_is_one_object(run, monkeypatch):
    without_sgd(monkeypatch)
    data = run("check --json -q").json
    assert set(data) == {"command", "checks", "passed", "versions", "machine"}
    assert data["command"] == "check"
    assert data["passed"] is True
    keys = {"name", "found", "expected", "tolerance", "note", "passed"}
    assert all(set(entry) == keys for entry in data["checks"])


# --- the numbers without a closed form, found again -------------------------------------


def end_of(params, M):
    """Return the state at the end, by scipy from the equations written out plainly."""

    def slope(t, y):
        beta = params.beta * (tanh(0.05 * t) if M == 2 else 1)
        return reference.drift(y, beta, params.strengths, params.eta, params.lam, params.lr, M)

    start = pack(**params.overlaps())
    exact = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-15}
    return solve_ivp(slope, (0, params.t_max), start, **exact).y[:, -1]


@pytest.mark.parametrize(
    ("params", "name", "number"),
    [
        (selfcheck.SINGLE, "eps_g", selfcheck.ONE_LATENT),
        (selfcheck.PAIR, "distortion", selfcheck.TWO_LATENTS),
    ],
)
def test_ends_of_the_ode(params, name, number):
    parts = unpack(end_of(params, params.latent), params.latent, params.signal)
    found = observables(parts, params.strengths, params.eta)[name]
    assert found == pytest.approx(number, abs=1e-12)


def test_the_fixed_point_at_a_finite_learning_rate():
    def slope(y):
        return reference.drift(y, 1.0, np.ones(1), 1.0, 0.0, 0.2, 1)

    y = fsolve(slope, [1, 0.5, 1, 0.25, 0.5, 0.5], xtol=1e-12)
    assert 1 - 2 * y[0] + y[2] == pytest.approx(selfcheck.LIFTED, abs=1e-11)


def test_the_threshold_of_noise():
    def growth(beta):
        """Return the determinant of the growth of Q, E and R, by differences: it is linear."""
        zero = np.array([0, 0, 0, 0, 0, 1.0])
        rows = [reference.drift(zero + 1e-6 * np.eye(6)[i], beta, np.ones(1), 1.0, 0.0, 0.05, 1)
                - reference.drift(zero - 1e-6 * np.eye(6)[i], beta, np.ones(1), 1.0, 0.0, 0.05, 1)
                for i in (2, 3, 4)]  # fmt: skip
        return np.linalg.det(np.array(rows)[:, 2:5] / 2e-6)

    found = brentq(growth, 1.005, 1.02, xtol=1e-14)
    assert found == pytest.approx(selfcheck.NOISE_THRESHOLD, abs=1e-9)


# --- each check fails when what it looks at is wrong, and no other does -----------------


def altered(monkeypatch, place, name, change):
    """Let ``change`` see every result of a function and its arguments, and return another."""
    before = getattr(place, name)

    def after(*args, **kwargs):
        return change(before(*args, **kwargs), *args, **kwargs)

    monkeypatch.setattr(place, name, after)


def scaled(name, factor, when):
    """Return a change that scales one observable of what is computed for some parameters."""

    def change(result, params, **_):
        if params is not when:
            return result
        return replace(result, **{name: factor * getattr(result, name)})

    return change


def test_fixed_points_that_are_off(monkeypatch, names):
    def change(y, units, unit):
        wrong = y is not None and unit.alive and units.model.lr < 0.1
        return y * [1, 1, 1.0001, 1, 1, 1] if wrong else y

    altered(monkeypatch, Units, "state", change)
    assert names() == ["fixed point, eps_g"]


def test_a_kl_divergence_that_is_off(monkeypatch, names):
    altered(
        monkeypatch, selfcheck, "observables",
        lambda read, *_: {**read, "kl": 1.0001 * read["kl"]},
    )  # fmt: skip
    assert names() == ["fixed point, KL"]


def test_a_lift_of_fixed_points_that_is_off(monkeypatch, names):
    before = Units._solve

    def solve(units, unit):
        if unit.alive and units.model.lr == 0.2:
            units.model = units.model._replace(lr=0.2001)
        return before(units, unit)

    monkeypatch.setattr(Units, "_solve", solve)
    assert names() == ["fixed point at lr = 0.2, eps_g"]


@pytest.mark.parametrize(
    ("threshold", "name"),
    [
        ("collapse", "beta that loses a signal, lam = 0.3"),
        ("noise", "beta that loses noise, lr = 0.05"),
    ],
)
def test_thresholds_that_are_off(monkeypatch, names, threshold, name):
    def change(found, model, *_):
        return getattr(thresholds, threshold)(model._replace(lam=model.lam + 1e-3), *_)

    altered(monkeypatch, selfcheck, threshold, change)
    assert names() == [name]


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ("COLLAPSING", "ODE at collapse, eps_g"),
        ("SINGLE", "ODE, M = M* = 1, eps_g"),
        ("PAIR", "ODE, M = M* = 2, annealed, distortion"),
    ],
)
def test_an_ode_with_a_wrong_coefficient(monkeypatch, names, params, name):
    """The noise level or decay is off by 10^-4; at collapse nothing but decay towards 0 is."""
    before, model = selfcheck.theory, getattr(selfcheck, params)
    wrong = {"rho": 1.0001} if params == "COLLAPSING" else {"eta": model.eta + 1e-4}

    def theory(given):
        return before(replace(given, **wrong) if given is model else given)

    monkeypatch.setattr(selfcheck, "theory", theory)
    assert names() == [name]


def test_both_engines_with_the_same_wrong_coefficient(monkeypatch, names):
    before = engines.exact_engine

    def engine(params):
        return before(replace(params, lr=0.11) if params is selfcheck.SINGLE else params)

    monkeypatch.setitem(sgd.ENGINES, "exact", engine)
    assert names(sgd=True) == ["SGD at N = 10^5, ends at the ODE, eps_g"]


def test_a_vector_engine_with_a_wrong_coefficient(monkeypatch, names):
    before = engines.vector_engine
    monkeypatch.setitem(
        sgd.ENGINES, "vector", lambda params: before(replace(params, eta=1.1 * params.eta))
    )
    assert names(sgd=True) == ["exact and vector engine in law, z"]


def test_runs_that_depend_on_threads(monkeypatch, names):
    altered(
        monkeypatch, selfcheck, "simulate",
        lambda it, *_, jobs=None, **__: replace(it, m=it.m * (1 + 1e-15 * (jobs == 4))),
    )  # fmt: skip
    assert names() == ["numbers that depend on threads"]


def test_seeds_that_are_ignored(monkeypatch, names):
    before = selfcheck.simulate

    def simulate(params, **options):
        return before(params, **{**options, "seed": options.get("seed", 0) // 2})

    monkeypatch.setattr(selfcheck, "simulate", simulate)
    assert names(sgd=True) == ["runs alike at two seeds"]


def test_a_store_that_loses_a_digit(monkeypatch, names):
    def change(record, *_):
        if not record.reused:
            return record
        dims, values, notes = record.variables["x"]
        rounded = np.where(np.arange(values.size) == 7, np.nextafter(values, 9), values)
        return replace(record, variables={"x": (dims, rounded, notes)})

    altered(monkeypatch, ResultStore, "load_or_run", change)
    assert names() == ["store, numbers not read back"]


def test_a_store_that_believes_everything(monkeypatch, names):
    from vaedyn.store import hdf5
    from vaedyn.store.seal import SIGNATURE

    monkeypatch.setattr(hdf5, "sealed", lambda content: content.find(SIGNATURE))
    monkeypatch.setattr(hdf5, "checksum", lambda *_: "0" * 64)
    assert names() == ["store, damaged files noticed"]


def test_a_key_that_has_changed(monkeypatch, names):
    from vaedyn.store import key

    monkeypatch.setattr(key, "SCHEMA", 2)
    monkeypatch.setattr("vaedyn.store.hdf5.SCHEMA", 2)
    assert names() == ["store, key of vaedyn theory"]


def test_what_cannot_be_computed_fails_and_says_why(monkeypatch, run):
    def broken(*_, **__):
        raise ImportError("no such library")

    monkeypatch.setattr(selfcheck, "noise", broken)
    without_sgd(monkeypatch)
    done = run("check")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if "FAIL" in line]
    assert line.startswith("beta that loses noise")
    assert line.split()[-6:] == ["-", "FAIL", "ImportError:", "no", "such", "library"]
    entry = next(x for x in run("check --json").json["checks"] if not x["passed"])
    assert entry["found"] is None
    assert entry["note"] == "ImportError: no such library"


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupt_is_no_failed_check(tmp_path):
    code = (
        "import os, sys, time; sys.argv = ['vaedyn', 'check']\n"
        "from vaedyn.claims import selfcheck\n"
        "def slow():\n"
        "    try:\n"
        "        os.write(2, b'now\\n')\n"
        "        time.sleep(60)\n"
        "    except SystemExit: raise ValueError('garbled')\n"
        "selfcheck.QUESTIONS = (selfcheck.Question('slow', slow, 0.0),)\n"
        "from vaedyn.cli.main import main\n"
        "main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=tmp_path,
    )  # fmt: skip
    assert process.stderr
    assert process.stderr.readline() == "now\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "error: interrupted\n")
    assert "FAIL" not in out


def test_the_check_of_the_ode_needs_no_scipy():
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from vaedyn.claims.selfcheck import QUESTIONS\n"
        "print([q.answer().passed for q in QUESTIONS if q.name.startswith('ODE')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[True, True, True]\n"


def test_the_pinned_key_is_that_of_the_command(run):
    assert json.loads(run("theory --json").out)["key"].startswith(cli.KEY)
    assert not list(Path().glob("*.pdf"))
