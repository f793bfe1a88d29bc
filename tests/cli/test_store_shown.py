"""What `vaedyn store` shows of records made by hand, and what `vaedyn check` says, in full."""

import json
from pathlib import Path

import numpy as np
import pytest

import vaedyn
from vaedyn.claims.selfcheck import Check
from vaedyn.cli import again, check, store, upkeep
from vaedyn.store import Record, ResultStore

NOON = "2026-03-01T12:00:00+00:00"
AT_NOON = 1772366400.0


def record(tmp_path, kind, key, *, length=None, size=1500, created=NOON, seconds=1.5, info=None,
           **params):  # fmt: skip
    suffix = "" if length is None else f"-{length}"
    path = tmp_path / f"{kind}-{key * 32}{suffix}.h5"
    path.write_bytes(size * b"x")
    variables = {"x": (("run", "time"), np.zeros((2, 5)), {"long_name": "a thing"}),
                 "width": ((), np.zeros(()), {})}  # fmt: skip
    provenance = {"created": created, "seconds": seconds}
    return Record(kind, key * 32, params, variables, info or {}, provenance, path)


@pytest.fixture
def three(tmp_path, monkeypatch):
    model = vaedyn.Params(dim=70, beta=1.5).to_dict()
    records = [
        record(tmp_path, "theory", "a", **{**model, "rtol": 1e-8}),
        record(tmp_path, "simulate", "b", length=12, size=20, created="2026-02-28T11:59:00+00:00",
               seconds=0.25, **{**model, "beta": 1.0, "engine": "exact", "seed": 0}),
        record(tmp_path, "spectrum", "c", size=999, created="2026-03-01T11:58:30+00:00",
               seconds=90.0, info={"file": "my data.npy"}, standardise=True, passes=6),
    ]  # fmt: skip
    monkeypatch.setattr(ResultStore, "records", lambda _: iter(records))
    monkeypatch.setattr(store.time, "time", lambda: AT_NOON + 59)
    return records


def test_a_list_has_a_line_a_record(run, three):
    head = ["kind       key            runs     age     size   parameters"]
    lines = {
        "b": "simulate   bbbbbbbbbbbb     12     1 d     20 B   dim=70 engine=exact seed=0",
        "c": "spectrum   cccccccccccc          2 min    999 B   my data.npy standardise",
        "a": "theory     aaaaaaaaaaaa           59 s   1.5 kB   dim=70 beta=1.5",
    }
    width = max(map(len, lines.values()))

    def listed(words):
        done = run("store list", words)
        assert done.code == 0
        return done.out.splitlines()

    assert listed("") == [*head, width * "─", lines["b"], lines["c"], lines["a"]]
    assert [line[11] for line in listed("--sort=-created")[2:]] == ["a", "c", "b"]
    assert [line[11] for line in listed("seconds>=1.5")[2:]] == ["c", "a"]
    assert [line[11] for line in listed("seconds>1.5")[2:]] == ["c"]
    assert [line[11] for line in listed("bytes<=999 kind!=theory")[2:]] == ["b", "c"]
    assert [line[11] for line in listed("bytes<999")[2:]] == ["b"]


def test_a_list_in_json_is_whole(run, three):
    data = run("store list --json kind=spectrum").json
    assert data == {
        "command": "store list", "store": "vaedyn-store",
        "records": [{
            "kind": "spectrum", "key": "c" * 32, "length": None,
            "created": "2026-03-01T11:58:30+00:00", "seconds": 90.0, "bytes": 999,
            "path": str(three[2].path), "params": {"standardise": True, "passes": 6},
        }],
    }  # fmt: skip
    assert run("store list --json kind=simulate").json["records"][0]["length"] == 12


def test_a_kind_or_property_that_is_not_there_is_said(run, three):
    assert run("store list kind=theroy").err == (
        "warning: no result is of the kind 'theroy' (did you mean theory?)\n"
    )
    assert run("store list kind!=theroy").err == run("store list beta=7").err == ""
    assert run("store list btea=1").err == (
        "warning: no result has a property 'btea' (did you mean beta?)\n"
    )


def test_a_record_is_shown_in_full(run, three, monkeypatch):
    one = three[1]
    one.provenance.update(machine={"cores": 2, "host": "here"}, versions={"numpy": "2.0"})
    one.info.update(steps=7, spent={"a": 1})
    asked = []
    monkeypatch.setattr(store, "found", lambda *words: asked.append(words) or one)
    lines = run("store show bb").out.splitlines()
    assert [(each.path, key) for each, key in asked] == [(Path("vaedyn-store"), "bb")]
    again = "vaedyn simulate --dim 70 --latent 1 --signal 1 --rho 1.0 --eta 1.0 --beta 1.0 " \
        "--lam 0.0 --lr 0.01 --t-max 1500.0 --points 401 --anneal constant --init gaussian " \
        "--init-seed 0 --engine exact --seed 0 --runs 12"  # fmt: skip
    assert [line.split(maxsplit=1) for line in lines[:8]] == [
        ["kind", "simulate"],
        ["key", "b" * 32],
        ["path", str(one.path)],
        ["size", "20 B"],
        ["created", "2026-02-28 11:59:00 UTC, in 0.25 s"],
        ["machine", "cores 2, host here"],
        ["versions", "numpy 2.0"],
        ["again", again],
    ]
    assert [line.split(maxsplit=1) for line in lines[-4:-2]] == [["steps", "7"], ["spent", "a 1"]]
    assert lines[-2:] == ["x (run 2, time 5)  a thing", "width ()           "]
    assert all(line[17:19] == "  " for line in lines)
    data = run("store show bb --json").json
    assert list(data) == [
        "command", "kind", "key", "length", "created", "seconds", "bytes", "path", "params",
        "reproduce", "info", "provenance", "variables",
    ]  # fmt: skip
    assert (data["command"], data["length"], data["bytes"]) == ("store show", 12, 20)
    assert (data["reproduce"], data["info"]) == (again, {"steps": 7, "spent": {"a": 1}})
    assert data["variables"] == {
        "x": {"dims": ["run", "time"], "shape": [2, 5]}, "width": {"dims": [], "shape": []},
    }  # fmt: skip
    other = three[2]
    other.params.clear()  # as of a record that another program has made
    monkeypatch.setattr(store, "found", lambda *_: other)
    assert not any(line.startswith("again") for line in run("store show cc").out.splitlines())
    assert run("store show cc --json").json["reproduce"] is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7s", 7), ("1.5m", 90), ("2h", 7200), ("3d", 259_200), ("2w", 1_209_600)],
)
def test_spans_of_time(text, seconds):
    assert upkeep.Span().convert(text, None, None) == seconds


def test_options_become_words_again():
    values = {"t_max": 5.0, "rho": [1.5, 2], "quick": True, "bands": False, "init": {"m": [[0.1]]},
              "anneal": "tanh:0.1", "seed": 3}  # fmt: skip
    assert again.words_of(values) == [
        "--t-max", "5.0", "--rho", "1.5,2", "--quick", "--init", '{"m": [[0.1]]}',
        "--anneal", "tanh:0.1", "--seed", "3",
    ]  # fmt: skip


def test_parts_of_maps_and_results_of_others_have_no_command(tmp_path):
    assert again.command_of(record(tmp_path, "phases", "a", beta=1.0)) is None
    spectrum = record(tmp_path, "spectrum", "b", info={"file": "a b.npy"}, standardise=False,
                      leading=5, passes=6)  # fmt: skip
    assert again.command_of(spectrum) == "vaedyn spectrum 'a b.npy' --leading=5 --passes=6"
    varied = {"groups": 1, "varied": "lr", "from": 0.1, "to": 0.5, "eta": 2.0}
    assert again.command_of(record(tmp_path, "branches", "c", **varied)) == (
        "vaedyn fixedpoints --eta 2.0 --groups 1 --vary lr=0.1:0.5"
    )
    axes = {"x_varied": "beta", "x_from": 0.1, "x_to": 3.0, "x_log": False}
    axes |= {"y_varied": "lr", "y_from": 0.1, "y_to": 1.0, "y_log": True}
    curves = record(tmp_path, "curves", "e", **axes, follow=["fold", "kl=0.5"], lines=7, eta=2.0)
    assert again.command_of(curves) == (
        "vaedyn fixedpoints --eta 2.0 --vary beta=0.1:3.0 --vary lr=log:0.1:1.0 --follow fold "
        "--follow kl=0.5"
    )
    bands = record(tmp_path, "bands", "d", random_start=True, lr=0.5)
    assert again.command_of(bands) == "vaedyn theory --bands --lr 0.5 --random-start"


# --- check ------------------------------------------------------------------------------


CHECKS = [
    Check("one", 1.0, 1.25, 0.5),
    Check("two", 3e-13, 0.0, 1e-12),
    Check("three", "abc", "abc", 0.0),
    Check("four", "abd", "abc", 0.0),
    Check("five", np.nan, 2.0, 0.5, "an error\nof two lines"),
    Check("six", 2.0, 0.0, 1.0),
]


def test_checks_are_told_one_a_line(run, monkeypatch):
    monkeypatch.setattr(check, "selfcheck", lambda _: iter(CHECKS))
    done = run("check")
    lines = done.out.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("check "))
    assert lines[head].split() == ["check", "found", "expected", "within", "deviation"]
    assert lines[head - 1] == ""
    assert lines[head - 2].startswith("machine code in ")
    assert set(lines[head + 1]) == {"─"}
    name = f"{{:<{check.NAME}}}   "
    assert lines[head + 2 : -2] == [
        name.format("one") + "             1             1.25      0.5        0.25   ok",
        name.format("two") + "         3e-13    at most 1e-12                        ok",
        name.format("three") + "           abc              abc        0           0   ok",
        name.format("four") + "           abd              abc        0           -   FAIL",
        name.format("five") + "             -                2      0.5           -   "
        "FAIL an error of two lines",
        name.format("six") + "             2        at most 1                        FAIL",
    ]
    assert lines[-2:] == ["", "3 of 6 checks passed"]
    assert done.code == 1
    data = run("check --json")
    assert data.code == 1
    told = data.json
    assert list(told) == ["command", "checks", "passed", "versions", "machine"]
    assert (told["command"], told["passed"]) == ("check", False)
    assert [each["passed"] for each in told["checks"]] == [True, True, True, False, False, False]
    assert told["checks"][4] == {
        "name": "five", "found": None, "expected": 2.0, "tolerance": 0.5,
        "note": "an error\nof two lines", "passed": False,
    }  # fmt: skip
    assert list(told["versions"]) == ["python", "vaedyn", "numpy", "numba", "scipy", "h5py"]
    assert list(told["machine"]) == ["platform", "cores", "kernels"]
    monkeypatch.setattr(check, "selfcheck", lambda _: iter(CHECKS[:3]))
    assert run("check").code == run("check --json").code == 0
    assert json.loads(run("check --json").out)["passed"] is True


def test_checks_of_the_store_count_what_they_find(monkeypatch):
    assert (check._round_trip(), check._damaged()) == (0.0, 3.0)
    plain = check._computed
    monkeypatch.setattr(check.ResultStore, "load_or_run", lambda *_: next(results))
    values = plain()[0]["x"][1]
    wrong = values.copy()
    wrong[3] += 1
    results = iter([None, FakeRecord(values, False), None, FakeRecord(wrong, True)])
    assert (check._round_trip(), check._round_trip()) == (1000.0, 1.0)


class FakeRecord:
    def __init__(self, x, reused):
        self.x, self.reused = x, reused
