"""What is said of records that go, and of sweeps, word by word."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

from vaedyn.cli import (
    dryrun,
    pointwise,
    sweep,
    upkeep,
)
from vaedyn.cli.session import Session
from vaedyn.errors import WorkerError
from vaedyn.model.params import Params
from vaedyn.sweeps.grids import Point
from vaedyn.sweeps.plans import Plan
from vaedyn.sweeps.points import Outcome
from vaedyn.sweeps.sweep import Sweep


@pytest.fixture
def files(tmp_path):
    made = [tmp_path / name for name in ("a.h5", "b.h5", "c.h5")]
    for n, path in enumerate(made):
        path.write_bytes(b"x" * 1500 * (n + 1))
    return made


@pytest.mark.parametrize("yes", [True, False])
def test_files_are_listed_and_asked_about(files, capsys, monkeypatch, yes):
    asked = []
    monkeypatch.setattr(click, "confirm", lambda *given, **how: asked.append((given, how)))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    gone = files[0].with_name("gone.h5")
    upkeep._agreed([*files[:2], gone], yes)
    upkeep._agreed(files[:1], yes)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"  1.5 kB  {files[0]}", f"    3 kB  {files[1]}", f"    gone  {gone}",
        f"  1.5 kB  {files[0]}",
    ]  # fmt: skip
    how = {"abort": True, "err": True}
    questions = [(("remove 3 files?",), how), (("remove 1 file?",), how)]
    assert asked == ([] if yes else questions)


def test_nobody_can_be_asked(files, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    upkeep._agreed(files, True)
    with pytest.raises(click.UsageError) as error:
        upkeep._agreed(files, False)
    assert error.value.message == "no terminal to ask on: give --yes to remove these files"


@pytest.mark.parametrize(
    ("count", "left", "text", "code"),
    [(0, 0, "removed 0 files", 0), (1, 0, "removed 1 file", 0), (3, 0, "removed 3 files", 0),
     (3, 2, "removed 1 file", 1), (1, 1, "removed 0 files", 1)],
)  # fmt: skip
def test_what_was_removed_is_said(files, session, capsys, monkeypatch, notes, count, left, text,
                                  code):  # fmt: skip
    agreed = []
    monkeypatch.setattr(upkeep, "_agreed", lambda *given: agreed.append(given))
    findings = [SimpleNamespace(path=path, problem=f"{path.name} stays") for path in files[:left]]
    removed = []
    monkeypatch.setattr(upkeep.store_upkeep, "remove", lambda p: removed.extend(p) or findings)
    for answering in (session, Session(session.store_path, as_json=True)):
        removed.clear()
        ended = 0
        try:
            upkeep._remove(answering, "rm", files[:count], True)
        except click.exceptions.Exit as error:
            ended = error.exit_code
        said = capsys.readouterr().out
        assert (ended, removed) == (code, files[:count])
        assert notes() == [("WARNING", each.problem) for each in findings]
        if not answering.as_json:
            assert said == f"{text}\n"
    gone = [str(path) for path in files[left:count]]
    assert json.loads(said) == {"command": "store rm", "removed": gone}
    assert agreed == [(files[:count], True)] * 2 * bool(count)


def test_what_is_removed_is_what_was_asked_for(run, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(upkeep, "_remove", lambda session, *given: seen.append(given))
    two = {"aa": [Path("z"), Path("y")], "bb": [Path("y")]}
    monkeypatch.setattr(upkeep, "located", lambda store, key: two[key])
    assert run("store rm aa bb --yes").code == 0
    assert run("store rm bb").code == 0
    assert seen == [("rm", [Path("y"), Path("z")], True), ("rm", [Path("y")], False)]
    asked = []
    monkeypatch.setattr(
        upkeep.store_upkeep, "unwanted", lambda store, **given: asked.append(given) or ["paths"]
    )
    seen.clear()
    run("store prune")
    run("store prune --older-than 1.5m --damaged --other-schemas --yes")
    assert seen == [("prune", ["paths"], False), ("prune", ["paths"], True)]
    assert asked == [
        {"older_than": None, "damaged": False, "other_schemas": False},
        {"older_than": 90.0, "damaged": True, "other_schemas": True},
    ]
    for text in ("1", "1y", "h", "1.h", "-1h", "1h "):
        with pytest.raises(click.BadParameter) as error:
            upkeep.Span().convert(text, None, None)
        assert error.value.message == f"expected a time such as 12h, 30d or 4w, got {text!r}"


@pytest.mark.parametrize(
    ("bad", "total", "last"),
    [(0, 0, "0 of 0 files are good"), (0, 1, "1 of 1 file is good"),
     (1, 3, "2 of 3 files are good"), (1, 1, "0 of 1 file is good")],
)  # fmt: skip
def test_files_are_verified(run, monkeypatch, bad, total, last):
    findings = [SimpleNamespace(path=Path(f"{n}"), problem=f"{n} is odd" * (n < bad))
                for n in range(total)]  # fmt: skip
    monkeypatch.setattr(upkeep.store_upkeep, "verify", lambda store: iter(findings))
    done = run("store verify")
    assert done.out.splitlines() == [*(f"{n} is odd" for n in range(bad)), last]
    assert done.code == (bad > 0)
    assert run("store verify --json").json == {
        "command": "store verify", "checked": total,
        "problems": [{"path": f"{n}", "problem": f"{n} is odd"} for n in range(bad)],
    }  # fmt: skip


# ---- sweeps


@pytest.mark.parametrize(
    ("jobs", "text"),
    [(1, "the other 2 take about 100 s on 1 core (50 s each, the mean of 7 like them that are "
         "stored)"),
     (2, "the other 2 take about 50 s on 2 cores (50 s each, the mean of 7 like them that are "
         "stored)")],
)  # fmt: skip
def test_a_plan_on_one_core_and_on_two(session, capsys, jobs, text):
    points = [Point({"beta": beta}, Params(), {}) for beta in (0.5, 1.0, 2.0)]
    plan = Plan({"beta": [0.5, 1.0, 2.0]}, points, [None, Outcome("k"), None], 50.0, 7)
    dryrun.print_plan(session, "theory", plan, jobs)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("1 of 3 points are there; ")
    assert last.replace("1.7 min", "100 s").endswith(text)


def test_a_store_that_is_only_asked_for_what_it_has(session):
    asked = []

    class Store:
        def files(self):
            key = dryrun.key_of("theory", {"a": 1})
            runs = dryrun.key_of("simulate", {"a": 1})
            return [Path(f"theory-{key}.h5"), Path(f"simulate-{runs}-7.h5"),
                    Path(f"simulate-{runs}-3.h5"), Path("other.txt")]  # fmt: skip

        def load_or_run(self, *given):
            asked.append(given)
            return "there"

        load_or_extend = load_or_run

    present = dryrun.Present(Store())
    assert present.load_or_run("theory", {"a": 1}, lambda: "new") == "there"
    assert present.load_or_run("theory", {"a": 2}, lambda: "new") == "new"
    assert present.load_or_run("bands", {"a": 1}, lambda: "new") == "new"
    for length, answer in ((6, "there"), (7, "there"), (8, "new 0")):
        given = ("simulate", {"a": 1}, lambda n: f"new {n}", length, "run")
        assert present.load_or_extend(*given) == answer
    assert present.load_or_extend("theory", {"a": 2}, lambda n: n, 1, "run") == 0
    assert [each[0] for each in asked] == ["theory", "simulate", "simulate"]
    assert asked[1][3:] == (6, "run")


def result(*outcomes, command="theory"):
    points = [Point({"beta": float(n)}, Params(), {}) for n in range(len(outcomes))]
    return Sweep(command, {"beta": [p.values["beta"] for p in points]}, points, [*outcomes])


GOOD = Outcome("k", False, {"eps_g": np.array([0.5, np.nan]), "kl": {"mean": np.float64(1.5)}})


def bad(text="odd"):
    return Outcome(None, False, None, text)


@pytest.mark.parametrize(
    ("failed", "good", "reused", "more", "text"),
    [
        (0, 1, 0, None, "computed 1 of 1 point, reused 0"),
        (0, 2, 1, None, "computed 2 of 3 points, reused 1"),
        (1, 2, 0, None, "computed 2 of 3 points, reused 0, 1 failed"),
        (10, 0, 0, None, "computed 0 of 10 points, reused 0, 10 failed"),
        (11, 0, 0, "no result at 1 more point", "computed 0 of 11 points, reused 0, 11 failed"),
        (12, 0, 1, "no result at 2 more points", "computed 0 of 13 points, reused 1, 12 failed"),
    ],
)
def test_how_many_points_were_computed(notes, failed, good, reused, more, text):
    there = Outcome("k", True, {"eps_g": 0.5})
    pointwise.report(result(*[bad()] * failed, *[GOOD] * good, *[there] * reused))
    said = notes()
    assert said[: min(failed, 10)] == [
        ("WARNING", f"no result at beta={n}: odd") for n in range(min(failed, 10))
    ]
    extra = [("WARNING", f"{more}: vaedyn sweep --json has the reasons")] * bool(more)
    assert said[min(failed, 10) :] == [*extra, ("INFO", text)]


def test_points_as_json(capsys):
    pointwise.print_json_points(result(GOOD, bad(), Outcome("l", True, None), command="simulate"))
    assert json.loads(capsys.readouterr().out) == {
        "command": "sweep simulate", "varied": {"beta": [0.0, 1.0, 2.0]},
        "points": [
            {"beta": 0.0, "key": "k", "reused": False,
             "final": {"eps_g": [0.5, None], "kl": {"mean": 1.5}}},
            {"beta": 1.0, "error": "odd"},
            {"beta": 2.0, "key": "l", "reused": True, "final": {}},
        ],
        "failed": 1,
    }  # fmt: skip


def test_points_that_are_not_known_are_noted(notes):
    pointwise.report(result(Outcome("k", False, {"lost": "far"})))
    assert notes() == [("INFO", "not known at beta=0: far"),
                       ("INFO", "computed 1 of 1 point, reused 0")]  # fmt: skip


def test_nothing_to_sweep_is_said(notes):
    sweep._tell(Sweep("theory", {"beta": [1, 2, 3], "lr": [1, 2]}, [], []))
    text = "nothing to do: the grid has 6 points, fewer than shards"
    assert notes() == [("INFO", text)]
    sweep._tell(result(GOOD))
    assert notes() == [("INFO", "computed 1 of 1 point, reused 0")]


@pytest.fixture
def swept(monkeypatch):
    asked = {"result": result(Outcome("k", False, {"eps_g": 0.5, "kl": np.nan}))}

    def fake(name, base, varied, **given):
        given.pop("progress")(1, 2)
        given["each"](0, asked["result"].points[0], asked["result"].outcomes[0])
        del given["each"]
        asked.update(name=name, base=base, varied=varied, store=given.pop("store"), given=given)
        return asked["result"]

    monkeypatch.setattr(sweep, "sweep", fake)
    monkeypatch.setattr(sweep, "print_points", lambda result: click.echo("points"))
    return asked


MODEL = {name: getattr(Params(), name) for name in Params.__dataclass_fields__}


@pytest.mark.parametrize(
    ("name", "usual", "words", "changed"),
    [
        ("theory", {"rtol": 1e-8, "atol": 1e-10}, "--rtol 1e-7 --atol 1e-9",
         {"rtol": 1e-7, "atol": 1e-9}),
        ("simulate", {"runs": 5, "seed": 0, "engine": None},
         "--runs 3 --seed 4 --engine vector", {"runs": 3, "seed": 4, "engine": "vector"}),
        ("convergence", {"rtol": 1e-8, "atol": 1e-10, "tol": 1e-3},
         "--rtol 1e-7 --atol 1e-9 --tol 0.25", {"rtol": 1e-7, "atol": 1e-9, "tol": 0.25}),
        ("fixedpoints", {"rtol": 1e-8, "atol": 1e-10, "groups": 2},
         "--rtol 1e-7 --atol 1e-9 --groups 1", {"rtol": 1e-7, "atol": 1e-9, "groups": 1}),
    ],
)  # fmt: skip
def test_sweeps_are_asked_for_as_the_options_say(run, swept, name, usual, words, changed):
    last = {"shard": (1, 1), "jobs": None, "scheduler": None}
    assert run(f"sweep {name} --vary beta=1,2").code == 0
    assert (swept["name"], swept["varied"]) == (name, {"beta": [1.0, 2.0]})
    assert {n: x for n, x in swept["base"].items() if n in ("dim", "beta", "alpha", "init")} == {
        n: MODEL[n] for n in ("dim", "beta", "alpha", "init")}  # fmt: skip
    assert set(swept["base"]) == set(MODEL)
    assert swept["given"] == {**usual, **last}
    assert swept["store"].path == Path("vaedyn-store")
    more = "--jobs 2 --shard 2/3 --scheduler tcp://x --dim 50 --samples 75"
    assert run(f"sweep {name} --vary beta=1,2", words, more).code == 0
    assert swept["given"] == {**changed, "shard": (2, 3), "jobs": 2, "scheduler": "tcp://x"}
    assert (swept["base"]["dim"], swept["base"]["alpha"]) == (50, 1.5)
    assert swept["store"].path == Path("vaedyn-store").resolve()
    assert run(f"sweep {name}").code == 2


def test_what_varies_is_no_number_of_its_own(run, swept):
    run("sweep simulate --vary seed=0:2")
    assert swept["given"] == {"runs": 5, "engine": None, "shard": (1, 1), "jobs": None,
                              "scheduler": None}  # fmt: skip
    done = run("sweep simulate --vary dim=20,30 --samples 50")
    assert done.err.startswith("error: --samples does not go with --vary dim: give --alpha")
    done = run("sweep theory --vary beta=1,2 --samples 50 --alpha 2")
    text = "error: --samples and --alpha exclude each other: alpha is samples/dim"
    assert done.err.startswith(text)


def test_outputs_of_a_sweep(run, swept, tmp_path):
    whole = pointwise.csv_text(swept["result"])
    assert whole == "beta,key,eps_g,kl,error\n0,k,0.5,,\n"
    assert run("sweep theory --vary beta=1,2").out == "points\n"
    assert run("sweep theory --vary beta=1,2 --csv -").out == whole
    done = run("sweep theory --vary beta=1,2 --csv a.csv")
    assert done.out == "points\n"
    assert "wrote a.csv" in done.err
    assert (tmp_path / "a.csv").read_text() == whole
    assert run("sweep theory --vary beta=1,2 --csv b.csv --json").json["failed"] == 0
    assert (tmp_path / "b.csv").exists()
    swept["result"] = result(bad(), GOOD)
    done = run("sweep theory --vary beta=1:2")
    assert done.code == 1
    assert "beta takes 20 values: beta=START:STOP:COUNT for others" in done.err
    for words, message in (
        ("--json --csv -", "--json and --csv - both print on stdout"),
        ("--dry-run --csv a.csv", "--dry-run computes nothing that --csv could write: leave one "
                                  "out"),
        ("--csv no/a.csv", "--csv"),
    ):  # fmt: skip
        done = run("sweep theory --vary beta=1,2", words)
        assert done.code == 2
        assert message in done.err


def test_a_dry_run_asks_for_a_plan(run, monkeypatch):
    asked = {}
    monkeypatch.setattr(sweep, "planned", lambda name, *given, **how: asked.update(
        name=name, varied=given[1], how=how) or "plan")  # fmt: skip
    monkeypatch.setattr(sweep, "print_plan", lambda session, *given: asked.update(given=given))
    monkeypatch.setattr(sweep, "cores", lambda: 9)
    done = run("sweep theory --vary beta=1:2 --dry-run --recompute")
    assert "beta takes 20 values" in done.err
    assert asked["given"] == ("theory", "plan", 9)
    store = asked["how"].pop("store")
    assert not store.recompute
    assert asked["how"] == {"anew": True, "rtol": 1e-8, "atol": 1e-10, "shard": (1, 1)}
    run("sweep theory --vary beta=1,2 --dry-run --jobs 3")
    assert asked["given"] == ("theory", "plan", 3)
    assert asked["how"]["anew"] is False


@pytest.mark.parametrize("total", [0, 5])
def test_a_sweep_that_is_stopped_keeps_what_is_there(session, monkeypatch, notes, total):
    written = []
    monkeypatch.setattr(sweep, "_write", lambda result, path: written.append((result, path)))

    def stopped(name, base, varied, *, progress, each, store):
        made = result(GOOD, bad())
        for place in (1, 0) if total else ():
            each(place, made.points[place], made.outcomes[place])
        if total:
            progress(2, total)
        raise WorkerError("gone")

    monkeypatch.setattr(sweep, "sweep", stopped)
    with pytest.raises(WorkerError):
        sweep._swept(session, "theory", {}, {"beta": [0, 1]}, Path("a.csv"))
    text = "at least 2 of 5 points are stored: the same command goes on"
    assert notes() == [("WARNING", text)] * bool(total)
    if total:
        ((made, path),) = written
        assert (made.command, made.varied, path) == ("theory", {"beta": [0, 1]}, Path("a.csv"))
        assert made.outcomes == [GOOD, bad()]
        assert [point.values["beta"] for point in made.points] == [0.0, 1.0]
    else:
        assert written == []
