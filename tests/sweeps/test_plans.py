"""What a sweep would do, and what is left of one that is stopped."""

import csv
import io
import os
import signal

import pytest

from vaedyn.sweeps import sweep as sweeps
from vaedyn.sweeps.points import compute

SMALL = "--dim 50 --t-max 20 --points 3"


@pytest.fixture(autouse=True)
def no_slurm(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SLURM_"):
            monkeypatch.delenv(name)


def test_a_dry_run_says_what_is_there_and_what_the_rest_would_cost(run, tmp_path):
    words = f"sweep simulate {SMALL} --runs 3 --vary beta=0.5:1.5:5"
    nothing = run(words, "--dry-run --json").json
    assert (nothing["there"], nothing["missing"], nothing["seconds"]) == (0, 5, None)
    assert not (tmp_path / "vaedyn-store").exists()
    keys = [run(f"simulate {SMALL} --runs 6 --beta {x} --json").json["key"] for x in (0.5, 1)]
    files = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "vaedyn-store").iterdir()}
    spent = [one["seconds"] for one in run("store list --json kind=simulate").json["records"]]
    done = run(words, "--dry-run --json --jobs 2")
    assert done.code == 0
    assert [point["there"] for point in done.json["points"]] == [True, False, True, False, False]
    assert [point["key"] for point in done.json["points"]] == [keys[0], None, keys[1], None, None]
    assert (done.json["there"], done.json["missing"]) == (2, 3)
    # three runs take half as long as the six that are stored; two at a time
    assert done.json["seconds_per_point"] == pytest.approx(sum(spent) / 4)
    assert done.json["seconds"] == pytest.approx(3 * sum(spent) / 4 / 2)
    text = run(words, "--dry-run")
    assert text.out.splitlines()[2].split() == ["0.5", "there"]
    assert text.out.splitlines()[3].split() == ["0.75", "missing"]
    assert text.out.splitlines()[-1].startswith("2 of 5 points are there; the other 3 take about")
    assert run(words, "--dry-run --recompute --json").json["missing"] == 5
    assert {
        path.name: path.stat().st_mtime_ns for path in (tmp_path / "vaedyn-store").iterdir()
    } == files


def test_a_dry_run_learns_from_like_points_outside_the_grid(run):
    run(f"sweep theory {SMALL} --vary beta=3 --vary eta=1,2")
    (spent,) = (
        one["seconds"] for one in run("store list --json eta=1 kind=theory").json["records"]
    )
    done = run(f"sweep theory {SMALL} --vary beta=1,2 --dry-run --json --jobs 1").json
    assert done["seconds_per_point"] == pytest.approx(spent)
    assert done["seconds"] == pytest.approx(2 * spent)
    other = run(f"sweep theory {SMALL} --lr 0.1 --vary beta=1,2 --dry-run")
    assert "no estimate for the other 2: none like them is stored" in other.out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sweep_that_is_stopped_writes_what_is_done(run, monkeypatch, tmp_path, number, code):
    def stopped(job, todo, *_):
        for n, task in enumerate(reversed(todo)):
            if n == 2:
                signal.raise_signal(number)
            yield task, compute(job, [task])[0]

    monkeypatch.setattr(sweeps, "_computed", stopped)
    words = f"sweep theory {SMALL} --vary beta=1,2,3,4"
    done = run(words, "--csv out.csv")
    assert (done.code, done.out) == (code, "")
    assert "at least 2 of 4 points are stored" in done.err
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["beta"] for row in rows] == ["3", "4"]
    assert all(row["key"] for row in rows)
    printed = run(f"{words},5,6 --csv -")
    assert printed.code == code
    assert [row["beta"] for row in csv.DictReader(io.StringIO(printed.out))] == ["3", "4", "5", "6"]
    assert run(words, "--json --recompute").out == ""
