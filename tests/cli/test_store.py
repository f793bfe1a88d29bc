"""`vaedyn store ...` as a user meets it."""

import csv
import json
import os
import re
import shlex
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from vaedyn.cli.output import age, size
from vaedyn.store import ResultStore
from vaedyn.store.temporary import hold, temporary_path

FAST = "--dim 50 --lr 0.1 --t-max 20 --points 5"


@pytest.fixture
def filled(run):
    """Three results: a simulation of two runs and two theories."""
    run("simulate --runs 2", FAST)
    run("theory", FAST)
    run("theory", FAST, "--beta 1.5")
    for path in Path("vaedyn-store").glob("convergence-*"):  # kept by both
        path.unlink()
    return ResultStore("vaedyn-store")


def listed(done):
    return [(item["kind"], item["params"]["beta"]) for item in done.json["records"]]


def test_list_shows_what_there_is(run, filled):
    table = run("store list").out.splitlines()
    assert len(table) == 5
    assert "beta=1.5" in run("store list").out
    assert table[2].split()[0:1] == ["simulate"]
    data = run("store list --json").json
    assert {item["kind"]: item["length"] for item in data["records"]} == {
        "simulate": 2,
        "theory": None,
    }
    assert all(len(item["key"]) == 32 for item in data["records"])


def test_list_filters_and_sorts(run, filled):
    assert listed(run("store list --json beta=1.5")) == [("theory", 1.5)]
    assert listed(run("store list --json beta<1.5 kind=theory")) == [("theory", 1)]
    assert listed(run("store list --json length>=2")) == [("simulate", 1)]
    assert listed(run("store list --json t-max=20 --sort=-beta,kind")) == [
        ("theory", 1.5),
        ("simulate", 1),
        ("theory", 1),
    ]
    assert listed(run("store list --json eta=7")) == []


@pytest.mark.parametrize(
    ("words", "name"),
    [("foo=1", "foo"), ("beta=1 t-mox>3", "t_mox"), ("--sort -seeed,kind", "seeed")],
)
def test_names_that_no_result_has_are_told(run, filled, words, name):
    done = run("store list", words)
    assert done.code == 0
    assert done.err.startswith(f"warning: no result has a property {name!r}")
    assert done.err.count("\n") == 1
    assert run("store list seed=0 rho=3,1 init=gaussian --sort lr,-seed").err == ""
    assert run("store list", words, "--store elsewhere").err == ""


@pytest.mark.parametrize("words", ["beta>=a", "beta=a", "kind=5", "created>2026", "rho!=x"])
def test_values_that_cannot_be_compared_are_refused(run, filled, words):
    done = run("store list", words)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(
        r"error: Invalid value for FILTER: \w+ is a (number|text) such as \S+, not .*\n", done.err
    )


def test_an_empty_store_is_listed_as_empty(run):
    done = run("store list --json")
    assert (done.code, done.json["records"]) == (0, [])


def test_show_tells_everything(run, filled):
    key = next(r.key for r in filled.records() if r.kind == "simulate")
    shown = run("store show", key[:8]).out
    for words in (key, "Linux" if os.name == "posix" else "", "numba", "vaedyn simulate --dim 50"):
        assert words in shown
    data = run("store show --json", key[:8]).json
    assert data["key"] == key
    assert data["variables"]["m"] == {
        "dims": ["run", "time", "latent", "signal"],
        "shape": [2, 5, 1, 1],
    }
    assert set(data["provenance"]["versions"]) == {"python", "vaedyn", "numpy", "numba", "h5py"}
    assert run("store path", key[:8]).out.strip() == data["path"]


MODELS = [
    "simulate --runs 3 --engine vector --seed 7 --latent 2 --signal 2 --rho 2,0.1 --init-seed 3",
    "simulate --runs 2 --anneal tanh:0.25 --lam 0.1 --init m=0.1,d=0.2,Q=1,E=1,R=0,D=0.7",
    "theory --rtol 1e-6 --eta 0.30000000000000004",
    "fixedpoints --latent 2 --beta 0.6 --groups 1",
    "fixedpoints --vary eta=0.30000000000000004:1.2 --groups 1",
    "fixedpoints --signal 2 --rho 0.7,0.3 --vary rho=0.5:1.1 --groups 1",
    "anneal --beta 1.2 --init m=0.1,d=0.1,Q=1,E=1,R=0,D=1 --family cosine --tol 0.01",
    "anneal --family free --knots 1 --tol 0.1 --criterion elbo",
]


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("words", MODELS)
def test_the_command_that_is_shown_makes_the_same_numbers(run, words):
    fast = FAST.partition(" --t-max")[0] if words.startswith("anneal") else FAST
    key = run(words, fast, "--json").json["key"]
    again = run("store show --json", key).json["reproduce"]
    program, *arguments = shlex.split(again)
    assert program == "vaedyn"
    data = run.words(*arguments, "--json", "--store", "second").json
    assert data["key"] == key
    assert data["reused"] is False
    one, two = ResultStore("vaedyn-store").find(key), ResultStore("second").find(key)
    for name, (dims, values, _) in one.variables.items():
        assert two.variables[name][0] == dims
        np.testing.assert_array_equal(two.variables[name][1], values)


def exported(path):
    """Return the numbers of eps_g in a file of any format."""
    if path.suffix == ".nc":
        with h5py.File(path) as file:
            return file["eps_g"][()].ravel()
    if path.suffix == ".npz":
        with np.load(path) as data:
            return data["eps_g"].ravel()
    with open(path, newline="") as file:
        rows = csv.DictReader(file)
        return np.array([float(row["value"]) for row in rows if row["variable"] == "eps_g"])


@pytest.mark.parametrize("ending", ["nc", "csv", "npz"])
def test_export_writes_the_numbers_of_the_record_to_the_file(run, filled, tmp_path, ending):
    record = filled.find(next(filled.records()).key)
    done = run("store export", record.key, "-o", f"out.{ending}")
    assert done.out == f"out.{ending}\n"
    np.testing.assert_array_equal(exported(tmp_path / f"out.{ending}"), record.eps_g.ravel())


def test_an_export_has_a_name_that_tells_what_is_in_it(run, filled, tmp_path):
    record = filled.find(next(filled.records()).key)
    default = run("store export", record.key, "--json").json["output"]
    assert default.endswith(f"{record.key[:12]}.nc")
    np.testing.assert_array_equal(exported(tmp_path / default), record.eps_g.ravel())


def test_rm_asks_and_removes_all_of_a_record(run, filled):
    key = next(r.key for r in filled.records() if r.kind == "simulate")
    refused = run("store rm", key)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert len(filled.files()) == 3
    done = run("store rm --yes --json", key)
    assert len(done.json["removed"]) == 1
    assert [record.kind for record in filled.records()] == ["theory", "theory"]
    assert run("store rm --yes", key).code == 2


def test_prune_removes_what_is_asked_for(run, filled):
    old = filled.files()[0]
    os.utime(old, (time.time() - 40 * 86400,) * 2)
    (filled.path / "theory.h5.damaged-1").touch()
    mine = temporary_path(filled.path / "x.h5")
    with open(mine, "xb") as writing:
        hold(writing)
        assert run("store prune --yes --json").json["removed"] == []
        assert run("store prune --yes --older-than 30d --json").json["removed"] == [str(old)]
        aside = run("store prune --yes --damaged --json").json["removed"]
        assert aside == [str(filled.path / "theory.h5.damaged-1")]
        assert mine.exists()
    assert run("store prune --yes --json").json["removed"] == [str(mine)]
    assert run("store prune --older-than 3x").code == 2


def test_verify_exits_with_1_when_something_is_wrong(run, filled):
    good = run("store verify")
    assert (good.code, good.out) == (0, "3 of 3 files are good\n")
    victim = filled.files()[1]
    victim.write_bytes(victim.read_bytes()[:-500])
    bad = run("store verify")
    assert bad.code == 1
    assert f"{victim} is damaged" in bad.out
    assert "2 of 3 files are good" in bad.out
    (problem,) = run("store verify --json").json["problems"]
    assert problem["path"] == str(victim)


def test_a_start_that_is_given_is_not_written_out_in_a_list(run):
    run("theory", FAST, "--init m=0.1,d=0.1,Q=1,E=1,R=0,D=1")
    assert "init=... " in run("store list").out + " "


def test_progress_of_verify_counts_files(run, filled, monkeypatch):
    seen = []

    @contextmanager
    def bar(*words, **_):
        yield lambda *n: seen.append((*words, *n))

    monkeypatch.setattr("vaedyn.cli.session.progress_bar", bar)
    assert run("store verify").code == 0
    assert seen == [("verify", "files", n, 3) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("words", "message"),
    {
        "store list beta": "expected NAME=VALUE",
        "store show zz": "no record in vaedyn-store",
        "store export zz": "no record",
        "store path": "KEY",
        "store rm --yes zz": "no record",
    }.items(),
)
def test_wrong_usage_is_one_line(run, words, message):
    done = run(words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_wrong_export_name_is_refused(run, filled):
    key = next(filled.records()).key
    done = run("store export", key, "-o out.txt")
    assert done.code == 2
    assert "--output" in done.err


def test_keys_shared_by_several_are_told_apart(run, filled):
    done = run.words("store", "show", "")
    assert done.code == 2
    assert "3 records" in done.err
    for record in filled.records():
        assert record.key[:6] in done.err


def test_sizes_have_three_digits_and_the_unit_that_fits():
    shown = {
        0: "0 B", 1: "1 B", 999: "999 B", 1000: "1 kB", 1234: "1.23 kB", 123456: "123 kB",
        999_499: "999 kB", 999_500: "1 MB", 5.06e6: "5.06 MB", 2.5e9: "2.5 GB", 5e9: "5 GB",
        7.1e12: "7.1 TB", 5e15: "5e+03 TB",
    }  # fmt: skip
    assert {n: size(n) for n in shown} == shown


def test_ages_are_rounded_down_to_the_largest_unit():
    shown = {
        -5: "0 s", 0: "0 s", 59.9: "59 s", 60: "1 min", 61: "1 min", 3599: "59 min", 3600: "1 h",
        7200: "2 h", 86399: "23 h", 86400: "1 d", 200000: "2 d", 40 * 86400: "40 d",
    }  # fmt: skip
    assert {s: age(s) for s in shown} == shown


def test_a_listing_has_what_is_known_of_every_record_in_its_columns(run, filled, monkeypatch):
    (record,) = (each for each in filled.records() if each.kind == "simulate")
    made = datetime.fromisoformat(record.provenance["created"]).timestamp()
    monkeypatch.setattr("vaedyn.cli.store.time", SimpleNamespace(time=lambda: made + 3 * 3600.0))
    head, _, row = run("store list kind=simulate").out.splitlines()
    assert re.split(r" {2,}", head) == ["kind", "key", "runs", "age", "size", "parameters"]
    fields = ["simulate", record.key[:12], "2", "3 h", size(record.path.stat().st_size)]
    parameters = "dim=50 lr=0.1 t_max=20 points=5 engine=exact seed=0"
    assert re.split(r" {2,}", row)[:5] == fields
    assert set(re.split(r" {2,}", row)[5].split()) >= set(parameters.split())


def test_json_of_a_record_is_the_label_of_its_file(run, filled):
    path = filled.files()[0]
    label = json.loads(path.read_bytes().partition(b"\n")[0])
    assert run("store show --json", label["key"]).json["params"] == label["params"]
