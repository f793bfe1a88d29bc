"""Tables and options that vaedyn spectrum refuses, in one line each."""

import numpy as np
import pytest

BAD = {
    "nothing.npy": "there is no file nothing.npy",
    "empty.csv": "empty.csv is empty",
    "words.csv": "words.csv",
    "cube.npy": "cube.npy",
    "nan.npy": "nan",
    "short.npy": "3",
    "flat.npy": "variance",
    "data.xyz": "must end in",
}


@pytest.mark.parametrize(("name", "words"), BAD.items())
def test_bad_tables_are_one_line(run, tmp_path, name, words):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "words.csv").write_text("1,2\n3,cat\n5,6\n")
    (tmp_path / "data.xyz").write_text("1 2\n")
    arrays = {"cube": np.zeros((3, 4, 5, 1, 1)),
              "nan": np.array([[1, 2], [np.nan, 3], [4, 5], [6, 6.5]]),
              "short": np.eye(2), "flat": np.ones((9, 3))}  # fmt: skip
    for stem, array in arrays.items():
        np.save(tmp_path / f"{stem}.npy", array)
    done = run("spectrum", name, "--store new")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert not list(tmp_path.glob("new/*"))


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("--estimator guess", "--estimator"),
        ("--spikes 30", "--spikes"),
        ("--loss max", "--loss"),
        ("--scale x", "--scale"),
        ("--scale 0", "--scale"),
        ("--scale 1e-200", "--scale"),
        ("--scale nan", "--scale"),
        ("--decoder-variance -1", "--decoder-variance"),
        ("--decoder-variance 1e-320", "--decoder-variance"),
        ("--weight 0 --json", "--weight"),
        ("--weight -1", "--weight"),
        ("--weight nan", "--weight"),
        ("--weight inf --loss mean", "--weight"),
        ("--latent 0", "--latent"),
    ],
)
def test_bad_options_are_named(run, spiked, words, option):
    done = run("spectrum data.npy", words)
    assert (done.code, done.out) == (2, "")
    (line,) = [line for line in done.err.splitlines() if not line.startswith("computed")]
    assert option in line
