"""`vaedyn heldout` as a user meets it."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from vaedyn.data.heldout import heldout


@pytest.fixture
def wine(tmp_path):
    x = load_wine().data
    np.save(tmp_path / "wine.npy", x)
    return x


def test_what_is_printed_is_what_python_finds(run, wine):
    words = "heldout wine.npy --standardise --folds 7 --seed 3 --latent 6"
    data = run(words, "--beta 0.5 --json").json
    found = heldout(wine, standardise=True, folds=7, seed=3, latents=6)
    for name, score in (
        ("best", found.best), ("simplest", found.simplest), ("judged", found.score(0.5)),
    ):  # fmt: skip
        assert data[name] == {"weight": None, **score._asdict()}
    assert (data["folds"], data["seed"], data["latent"], data["why"]) == (7, 3, 6, None)
    for row in data["table"]:
        score = found.score(row["beta"])
        assert row["log_likelihood"] == pytest.approx(score.log_likelihood, rel=1e-12)
    betas = [row["beta"] for row in data["table"]]
    assert betas == sorted(betas)
    assert {row["mark"] for row in data["table"]} == {"", "best", "simplest", "yours"}
    text = run(words).out.splitlines()
    assert text[-2] == (
        f"best: KL weight beta = {found.best.beta:.6g}, {found.best.active:.3g} active units"
    )
    assert text[-1].startswith(
        f"simplest within one standard error: KL weight beta = {found.simplest.beta:.6g}, "
    )
    assert "reused heldout" in run(words).err


def test_weights_are_those_of_the_users_code(run, wine):
    data = run("heldout wine.npy --standardise --loss mean --weight 0.04 --json").json
    assert data["judged"]["beta"] == pytest.approx(0.04 * 13 / 2)
    assert data["best"]["weight"] == pytest.approx(data["best"]["beta"] * 2 / 13)
    text = run("heldout wine.npy --standardise --loss mean").out
    assert f"best: KL weight {data['best']['weight']:.6g} (beta = " in text


def test_the_command_is_shown_that_makes_its_record_again(run, wine):
    key = run("heldout wine.npy --standardise --seed 4 --json").json["key"]
    again = run("store show --json", key).json["reproduce"]
    assert again == "vaedyn heldout wine.npy --standardise --folds=5 --seed=4"
    assert f"reused heldout {key[:12]}" in run(again.removeprefix("vaedyn ")).err
    assert "wine.npy" in run("store list").out


def test_nearly_dependent_columns_have_no_best_weight(run):
    random = np.random.default_rng(0)
    x = random.standard_normal((60, 3))
    np.save("x.npy", np.hstack([x, x[:, :1] + 1e-5 * random.standard_normal((60, 1))]))
    done = run("heldout x.npy")
    assert done.out.splitlines()[-1].startswith("no best KL weight: the likelihood still rises")
    data = run("heldout x.npy --json").json
    assert (data["best"], data["simplest"]) == (None, None)
    assert data["why"] in done.out
    assert data["why"] in run("plot heldout x.npy -o a.svg").err


def test_codes_for_missing_values_are_named(run, wine):
    wine[::9, 2] = -999
    np.save("coded.npy", wine)
    assert "column 3 holds -999" in run("heldout coded.npy").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("none.npy", "there is no file none.npy"),
        ("nan.npy", "nan"),
        ("flat.npy", "no variance"),
        ("wine.npy --folds 179", "--folds: must be at most 178, the rows, got 179"),
        ("wine.npy --folds 1", "--folds"),
        ("wine.npy --latent 0", "--latent"),
        ("wine.npy --seed -1", "--seed"),
        ("wine.npy --weight 1 --beta 1", "--weight and --beta exclude each other"),
        ("wine.npy --beta 0", "--beta"),
        ("wine.npy --weight nan", "--weight"),
        ("wine.npy --spikes 2", "No such option"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(run, wine, tmp_path, words, said):
    np.save("nan.npy", [[1, 2], [np.nan, 1], [3, 4], [5, 6], [7, 9.0]])
    np.save("flat.npy", np.ones((9, 2)))
    done = run("heldout", words)
    assert (done.code, done.out) == (2, "")
    (line,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert said in line
    assert not list(tmp_path.glob("vaedyn-store/*.h5"))


def series(kind):
    """Return 300 rows of 12 columns with a signal: independent, or not."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((300, 12)) + 2 * np.outer(rng.standard_normal(300), np.ones(12))
    if kind == "copies":
        return np.repeat(x[:150], 2, axis=0)
    if kind == "walk":
        return np.cumsum(x, axis=0)
    return x[np.argsort(x.sum(axis=1))] if kind == "sorted" else x


@pytest.mark.parametrize(
    ("kind", "words"), [("copies", "every row is there twice"), ("walk", "neighbouring rows")]
)
def test_rows_that_are_not_independent_get_no_recommendation(run, kind, words):
    """Rows like those held out are in training: the least beta would always look best."""
    np.save("x.npy", series(kind))
    last = run("heldout x.npy").out.splitlines()[-1]
    assert last.startswith(f"no KL weight is recommended, as {words}")
    found = run("heldout x.npy --json").json
    assert found["best"] is found["simplest"] is None
    assert found["why"] == last
    assert last in run("plot heldout x.npy -o x.png").err


@pytest.mark.parametrize("kind", ["independent", "sorted"])
def test_rows_that_are_independent_get_one(run, kind):
    np.save("x.npy", series(kind))
    assert run("heldout x.npy").out.splitlines()[-2].startswith("best: KL weight beta = ")
