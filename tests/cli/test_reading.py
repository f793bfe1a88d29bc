"""How tables are read on the command line: columns, missing numbers, and ranked warnings."""

import json
import subprocess
import sys

import numpy as np
import pytest

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5)) * [4, 3, 1, 1, 1]


@pytest.fixture
def table(run):
    """Write a table with a column of words and two holes, in the folder that commands run in."""
    lines = ["id,a,b,c,d,e,kind"]
    for k, row in enumerate(X):
        cells = [f"{x:.6f}" for x in row]
        if k in (7, 30):
            cells[2] = "NA"
        lines.append(f"{k},{','.join(cells)},{'uv'[k % 2]}")
    with open("x.csv", "w") as file:
        file.write("\n".join(lines) + "\n")
    return "x.csv"


def test_what_was_read_is_one_line(run, table):
    done = run(f"spectrum {table} --columns=-id --missing drop --json")
    assert done.code == 0
    assert done.json["samples"] == 58
    (line,) = [line for line in done.err.splitlines() if line.startswith("read ")]
    assert line == (
        "read x.csv, 58 rows of 5 numbers (a, b, c, d, e); 2 of 7 columns left out, and not "
        "counted; 2 of 60 rows with missing numbers left out (first: row 8, c), and rows are "
        "counted without them"
    )
    keep = np.delete(X.round(6), [7, 30], axis=0)
    assert done.json["dim"] == 5
    total = sum(np.linalg.eigvalsh(np.cov(keep.T, bias=True)))
    assert done.json["table"][0]["explained"] == pytest.approx(
        1
        - sum(
            np.minimum(np.linalg.eigvalsh(np.cov(keep.T, bias=True)), done.json["table"][0]["beta"])
        )
        / total
    )


def test_missing_numbers_are_refused_in_one_line_that_names_the_option(run, table):
    done = run(f"spectrum {table}")
    assert done.code == 2
    (line,) = [line for line in done.err.splitlines() if line.startswith("error")]
    assert "x.csv, line 9, column 4 is not a number: 'NA', fill in a number" in line
    assert "--missing drop or mean" in line
    done = run(f"spectrum {table} --columns nope --missing mean")
    assert done.code == 2
    assert "error: --columns: there is no column 'nope'" in done.err
    assert run(f"spectrum {table} --missing median").code == 2


def test_both_options_are_kept_with_results(run, table):
    first = run(f"spectrum {table} --columns a:e --missing mean --json").json
    second = run(f"spectrum {table} --columns=-id --missing mean --json").json
    other = run(f"spectrum {table} --columns a:d --missing mean --json").json
    assert first["key"] == second["key"] != other["key"]
    shown = run(f"store show {first['key']} --json").json
    again = shown["reproduce"]
    assert again.startswith("vaedyn spectrum x.csv --columns 2-6 --missing mean")
    assert run(again.removeprefix("vaedyn ") + " --json").json["key"] == first["key"]


def test_training_takes_them_too(run, table):
    options = "--columns=-id --missing drop --t-max 5 --points 2 --latent 1 --beta 1"
    done = run(f"simulate --data {table} {options} --json")
    assert done.code == 0
    again = run(f"store show {done.json['key']} --json").json["reproduce"]
    assert "--columns 2-6 --missing drop" in again
    assert run(f"{again.removeprefix('vaedyn ')} --json").json["reused"] is True
    for option in ("--columns 2", "--missing drop"):
        done = run(f"simulate {option}")
        assert done.code == 2
        assert f"{option.split()[0]} goes with --data" in done.err


def test_few_warnings_that_matter_come_first_and_all_are_in_json(run):
    rng = np.random.default_rng(1)
    rows = np.repeat(rng.standard_t(3, size=(60, 8)), 2, axis=0) * [300, 1, 1, 1, 1, 1, 1, 1]
    rows[:, 5] = 7
    np.save("bad.npy", rows)
    done = run("spectrum bad.npy")
    lines = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert len(lines) == 3
    assert "every row is there twice" in lines[0]
    assert "neighbouring rows hang together" in lines[1]
    assert "(--standardise)" in lines[2]
    every = run("spectrum bad.npy --json").json["warnings"]
    assert [line.removeprefix("warning: ") for line in lines] == every[:3]
    assert f"{len(every) - 3} more warning{'s' * (len(every) > 4)}: see -v" in done.err
    loud = run("spectrum bad.npy -v").err.splitlines()
    assert [line.removeprefix("warning: ") for line in loud if "warning: " in line] == every
    assert "no beta is recommended, as every row is there twice" in done.out


def test_what_only_explains_is_left_to_v(run):
    rows = np.random.default_rng(2).normal(size=(300, 8)) * np.arange(1, 9)
    np.save("uneven.npy", rows)
    done = run("spectrum uneven.npy")
    assert "warning" not in done.err.replace("more warning", "")
    assert "more warning" in done.err
    assert "the bulk is not that of noise of one variance" in run("spectrum uneven.npy -v").err


def test_a_pipe(tmp_path):
    rows = "\n".join(",".join(map(str, row)) for row in X.tolist())
    words = [sys.executable, "-m", "vaedyn", "spectrum", "-", "--json", "--store", str(tmp_path)]
    done = subprocess.run(words, input=rows, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["samples"] == 60
    assert "read standard input, 60 rows of 5 numbers" in done.stderr
    done = subprocess.run(words, input="1,2\n3,x\n4,5\n", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "standard input, line 2, column 2 is not a number: 'x'" in done.stderr


def test_rows_held_out_are_read_the_same_way_again(run, table):
    """By the command that `spectrum` names where there is no floor, and by the one of the store."""
    columns = "--columns a:d --missing drop"
    text = run(f"spectrum {table} {columns}").out
    (line,) = [line for line in text.splitlines() if "vaedyn heldout" in line]
    named = line.partition("vaedyn ")[2]
    first = run(f"{named} --json").json
    assert (first["samples"], first["dim"]) == (58, 4)
    again = run(f"store show {first['key']} --json").json["reproduce"]
    assert run(f"{again.removeprefix('vaedyn ')} --json").json["key"] == first["key"]


@pytest.mark.parametrize(
    "words",
    ["weight x.npy --explained 1", "weight x.npy --explained=-1", "weight x.npy --capacity inf",
     "spectrum x.npy --decoder-variance learned --beta 1"],
)  # fmt: skip
def test_nothing_is_read_or_kept_for_what_no_table_has(run, tmp_path, words):
    np.save(tmp_path / "x.npy", X)
    done = run(f"{words} --store S")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not (tmp_path / "S").exists()


def test_what_was_read_is_said_for_other_likelihoods_too(run, table, tmp_path):
    done = run(f"spectrum {table} --columns a,b,c --missing drop --likelihood factor")
    assert "read x.csv, 58 rows of 3 numbers (a, b, c); 4 of 7 columns left out" in done.err
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 2, (50, 4, 3)))
    done = run("spectrum images.npy --likelihood bernoulli -q")
    assert "images.npy has shape (50, 4, 3): it is read as 50 samples of 4 x 3 numbers" in done.err
    done = run("spectrum images.npy --likelihood bernoulli --spikes 0")
    assert (done.code, "--spikes: does not apply" in done.err) == (2, True)
