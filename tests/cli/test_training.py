"""`vaedyn simulate --data` and `vaedyn plot collapse`."""

import shlex

import numpy as np
import pytest
from sklearn import datasets

from vaedyn.data import look as looks
from vaedyn.data import suited
from vaedyn.data.rows import Rows


@pytest.fixture
def spiked(tmp_path):
    """A table with signals of strengths 8 and 3 in unit noise."""
    random = np.random.default_rng(3)
    x = random.standard_normal((2000, 12))
    x[:, :2] *= np.sqrt([9, 4])
    np.save(tmp_path / "data.npy", x + 7)


def test_training_on_data_ends_where_predicted(run, spiked):
    words = "simulate --data data.npy --beta 2 --latent 3 --lr 0.02 --t-max 8000"
    done = run(words, "--json")
    kl = done.json["kl_per_latent"]
    np.testing.assert_allclose(kl["measured"], kl["predicted"], atol=0.03)
    s = np.linalg.eigvalsh(np.cov(np.load("data.npy").T, bias=True))[:-4:-1]
    expected = np.maximum(0.5 * np.log(s / 2), 0)
    np.testing.assert_allclose(kl["predicted"], expected, atol=1e-9)
    assert done.json["active_units"] == {"predicted": 2, "measured": 2}
    assert done.json["passes"] == 48
    assert done.json["params"]["dim"] == 12
    text = run(words)
    assert "seen in 48 passes" in text.err
    assert "reused data" in text.err
    assert text.out.splitlines()[-3].split() == ["active", "units", "2", "2"]
    assert text.out.splitlines()[-1] == "KL weight beta = 2, learning rate 0.02"
    assert not any("differ" in warning for warning in done.json["warnings"])


def test_training_as_people_train_is_said_and_kept(run, spiked):
    words = "simulate --data data.npy --beta 2 --latent 3 --t-max 400 --points 3 --lr 0.1,0.2,0.1"
    words += " --batch 8 --momentum 0.5 --latents sampled"
    done = run(words)
    assert (
        done.out.splitlines()[-1]
        == "KL weight beta = 2, learning rate 0.1, 0.2, 0.1 and momentum 0.5"
    )
    assert "not predicted" not in done.err
    assert "seen in 19.2 passes" in done.err
    again = run(words + " --json")
    assert "reused data" in again.err
    assert again.json["params"]["lr"] == [0.1, 0.2, 0.1]
    assert again.json["passes"] == 19.2
    refused = run(words + " --batch 2001")
    assert refused.code == 2
    assert "--batch: must be at most 2000, the rows, got 2001" in refused.err


def test_what_is_not_given_suits_the_data(run, spiked):
    data = run("simulate --data data.npy --json").json
    params = data["params"]
    spectrum = np.linalg.eigvalsh(np.cov(np.load("data.npy").T))[::-1]
    assert data["unit"] == pytest.approx(spectrum[0], rel=1e-9)
    # the trace is shared by noise and signals without their bias, s + gamma eta s/(s - eta)
    eta, gamma = params["eta"], 10 / 1999
    strong = [np.roots([1, -each - eta * (1 - gamma), each * eta]).max() for each in spectrum[:2]]
    assert sum(strong) + 10 * eta == pytest.approx(spectrum.sum(), rel=1e-9)
    assert params["beta"] == eta == pytest.approx(1, abs=4 * np.sqrt(2 / 2000 / 10))
    assert params["lr"] == 0.2
    assert (params["latent"], params["signal"]) == (2, 2)
    np.testing.assert_allclose(params["rho"], spectrum[:2] - eta, rtol=1e-9)
    kl = data["kl_per_latent"]
    np.testing.assert_allclose(kl["measured"], kl["predicted"], atol=0.03)
    assert not any("differ" in warning for warning in data["warnings"])
    assert params["t_max"] < 20_000


TABLES = ["iris", "wine", "breast_cancer", "diabetes", "digits"]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("how", ["", "--standardise"])
def test_real_tables_agree_or_it_is_said_why_not(run, monkeypatch, name, how):
    monkeypatch.setattr(suited, "BUDGET", 0.4)
    np.save("data.npy", getattr(datasets, f"load_{name}")().data)
    done = run("simulate --data data.npy --json", how)
    assert done.code == 0
    kl = done.json["kl_per_latent"]
    off = np.abs(np.subtract(kl["measured"], kl["predicted"]))
    said = [text for text in done.json["warnings"] if "measured and predicted" in text]
    if said:
        assert said[0] in done.err
        assert "raise --" in said[0]
        assert ("try --standardise" in said[0]) == (name in ("wine", "breast_cancer") and not how)
    else:
        assert (off < 0.05 + 0.02 * np.array(kl["predicted"])).all()
    assert not (said and (name, how) == ("iris", "--standardise"))


def long_rows(kind, random=None):
    random = random or np.random.default_rng(0)
    if kind == "one":  # a single row
        x = random.standard_normal((300, 4))
        x[0] = 40
    elif kind == "one of many columns":
        x = random.standard_normal((200, 30))
        x[199] = 60
    elif kind == "student":
        x = random.standard_normal((400, 6))
        x /= np.sqrt(random.chisquare(2, (400, 1)) / 2)
    else:
        x = np.exp(2 * random.standard_normal((400, 3)))
    return x


@pytest.mark.parametrize("kind", ["one", "one of many columns", "student", "lognormal"])
def test_long_rows_do_no_harm_by_default(run, monkeypatch, kind):
    monkeypatch.setattr(suited, "BUDGET", 0.4)
    x = long_rows(kind)
    np.save("data.npy", x)
    beta = 0.3 * np.linalg.eigvalsh(np.cov(x.T))[-1]
    words = f"simulate --data data.npy --latent 1 --beta {beta}"
    done = run(words, "--json")
    assert done.code == 0
    params = done.json["params"]
    lengths = ((x - x.mean(axis=0)) ** 2).sum(axis=1)
    ratio = lengths.max() / done.json["unit"] / params["dim"]
    assert params["lr"] * ratio < 0.5
    row = f"Row {lengths.argmax() + 1} has {lengths.max() / lengths.mean():.3g} times the mean"
    said = [line for line in done.err.splitlines() if "single long rows limit" in line]
    assert len(said) == 1
    assert row in said[0]
    assert f"rate to {params['lr']:.3g} " in said[0]
    assert not any("measured and predicted" in text for text in done.json["warnings"])
    done = run(words, "--t-max 3000 --lr", 20 * params["lr"])
    assert done.code == 1
    assert f"the longest row, number {lengths.argmax() + 1}, needs one well below" in done.err
    assert "single long rows" not in done.err


def test_rows_of_equal_length_do_not_limit_the_rate(run, spiked):
    assert "single long rows" not in run("simulate --data data.npy").err


def test_plot_collapse_does_by_default(run, monkeypatch):
    monkeypatch.setattr(suited, "BUDGET", 1.0)
    for name in ("iris", "wine"):
        np.save("data.npy", getattr(datasets, f"load_{name}")().data)
        done = run("plot collapse data.npy --simulations 3")
        assert (done.code, done.out) == (0, "collapse_data.pdf\n")


def test_plot_collapse_says_which_row_makes_it_slow(run, monkeypatch):
    monkeypatch.setattr(suited, "BUDGET", 0.4)
    np.save("data.npy", long_rows("one"))
    words = "plot collapse data.npy --latent 1 --simulations 2 --t-max 1"
    assert run(words).err.count("single long rows limit the learning rate") == 1
    assert "single long rows" not in run(words, "--lr 1e-4").err


def test_unfinished_training_is_said(run, spiked):
    done = run("simulate --data data.npy --t-max 50 --json")
    said = done.json["warnings"][-1]
    assert said in done.err
    assert "until about t = " in said
    time = float(said.split("t = ")[1].split(":")[0])
    done = run(f"simulate --data data.npy --json --t-max {time}")
    assert not any("measured and predicted" in text for text in done.json["warnings"])


def test_mixed_latents_are_said(run):
    np.save("digits.npy", datasets.load_digits().data)
    done = run("simulate --data digits.npy --beta 8.9 --latent 6 --t-max 2000")
    # the closest ones of those that would differ in KL
    assert "latents on neighbouring eigenvalues, such as 69.51 and 59.11, stay mixed" in done.err
    assert "raise --t-max" in done.err


def test_what_spectrum_found_carries_over(run):
    np.save("digits.npy", datasets.load_digits().data)
    words = "simulate --data digits.npy --spikes 6 --estimator median --t-max 3 --json"
    data = run(words).json
    found = run("spectrum digits.npy --spikes 6 --estimator median --json").json
    assert data["params"]["latent"] == data["params"]["signal"] == 6
    assert data["params"]["eta"] == data["params"]["beta"] == found["eta"]
    for words in ("--spikes 3", "--estimator median", "--standardise"):
        done = run("simulate", words)
        assert done.code == 2
        assert f"{words.split()[0]} goes with --data" in done.err


def test_schedules_are_in_the_users_units(run, spiked):
    words = "simulate --data data.npy --latent 2 --json"
    data = run(words, "--beta 3 --anneal points:0=0.5,100=3").json
    assert data["params"]["anneal"] == "points:0.0=0.5,100.0=3.0"
    kl = data["kl_per_latent"]
    np.testing.assert_allclose(kl["measured"], kl["predicted"], atol=0.03)
    plain = run(words, "--beta 3 --t-max 20").json["kl_per_latent"]["measured"]
    below = run(words, "--beta 3 --t-max 20 --anneal points:0=0.5,100=3").json
    assert sum(below["kl_per_latent"]["measured"]) > sum(plain) + 0.15
    assert "at the end beta is 1, and 3" in below["warnings"][-1]


def test_weight_decay_is_in_the_prediction(run, spiked):
    kl = run("simulate --data data.npy --lam 0.5 --beta 2 --json").json["kl_per_latent"]
    np.testing.assert_allclose(kl["measured"], kl["predicted"], atol=0.03)
    assert kl["predicted"][0] < 0.5 * np.log(9 / 2) - 0.05


def test_many_latents_are_checked_against_the_table(run):
    np.save("wide.npy", np.random.default_rng(0).standard_normal((30, 90)))
    assert run("simulate --data wide.npy --latent 60 --t-max 1").code == 0
    done = run("simulate --data wide.npy --latent 91")
    assert done.code == 2
    assert "--latent: must be at most 90, the columns, got 91" in done.err


def test_rows_in_another_order_are_other_data(run, spiked):
    words = "simulate --data {} --t-max 5 --json"
    run(words.format("data.npy"))
    np.save("turned.npy", np.load("data.npy")[::-1])
    assert not run(words.format("turned.npy")).json["reused"]


@pytest.mark.parametrize("name", ["dim", "signal", "rho", "eta"])
def test_what_the_data_decide_cannot_be_given(run, spiked, name):
    done = run(f"simulate --data data.npy --{name} 3")
    assert done.code == 2
    assert f"--{name} and data exclude each other" in done.err


@pytest.mark.parametrize(
    "words", ["--runs 3", "--jobs 1", "--tol 0.1", "--engine vector", "--engine exact"]
)
def test_what_has_no_meaning_is_refused(run, spiked, words):
    done = run("simulate --data data.npy", words)
    assert done.code == 2
    assert "does not apply to training on data" in done.err
    done = run("simulate --data data.npy --init m=0.1,d=0.1,Q=1,E=1,R=0,D=1")
    assert done.code == 2
    assert "--init: must be gaussian" in done.err


def test_divergence_is_one_line(run, spiked, tmp_path):
    done = run("simulate --data data.npy --lr 9")
    assert done.code == 1
    assert "lower --lr" in done.err
    assert not list((tmp_path / "vaedyn-store").glob("data-*"))


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("", "data.npy"),
        ("--standardise --spikes 1 --estimator median --seed 3", "data.npy"),
        ("--lam 0.2 --beta 2 --anneal points:0=0.5,9=2", "my data.npy"),
    ],
)
def test_the_command_that_trains_again_is_shown(run, spiked, tmp_path, words, name):
    (tmp_path / "data.npy").rename(tmp_path / name)
    command = ["simulate", "--data", name, *words.split(), "--t-max", "5", "--json"]
    data = run.words(*command).json
    again = run("store show --json", data["key"]).json["reproduce"]
    shown = run("store show", data["key"]).out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in shown if line.startswith("again ")] == [again]
    program, *arguments = shlex.split(again)
    assert (program, arguments[:3]) == ("vaedyn", ["simulate", "--data", name])
    done = run.words(*arguments, "--json")
    assert (done.json["key"], done.json["reused"]) == (data["key"], True)
    assert f"{name} " in run("store list kind=data").out


def test_records_that_do_not_know_their_file_have_a_placeholder(run, spiked, monkeypatch):
    monkeypatch.setattr(looks, "Rows", lambda *values: Rows(*values[:5]))
    key = run("simulate --data data.npy --t-max 5 --standardise --json").json["key"]
    again = run("store show --json", key).json["reproduce"]
    assert again.startswith("vaedyn simulate --data DATA --standardise --latent ")


BAD = [
    "spectrum data.npy --spikes 1000000", "spectrum data.npy --spikes 7",
    "plot spectrum data.npy -o s.pdf --spikes 12", "plot collapse data.npy --latent 13",
    "plot collapse data.npy --lr 0",
]  # fmt: skip
BAD_TRAINING = [
    "--spikes 7", "--latent 13", "--lr -1", "--beta nan", "--lam -1", "--t-max 0", "--seed -1",
    "--anneal tahn", "--init m=1", "--init-seed -1", "--t-max 1 --points 400", "--points 1",
    "--beta 1 --anneal points:0=0.5,100=3",
]  # fmt: skip


@pytest.mark.parametrize(
    "words", [*BAD, *(f"simulate --data data.npy {it}" for it in BAD_TRAINING)]
)
def test_bad_input_leaves_nothing_in_the_store(run, spiked, tmp_path, words):
    done = run(words)
    assert (done.code, done.out) == (2, "")
    assert len([line for line in done.err.splitlines() if line.startswith("error: ")]) == 1
    assert not list(tmp_path.glob("vaedyn-store/*.h5"))


def test_what_is_refused_only_after_a_look_is_refused_when_reused_too(run, spiked):
    assert run("spectrum data.npy --spikes 2").code == 0
    assert run("spectrum data.npy --spikes 7").code == 2


def test_plot_collapse_draws_and_reuses(run, spiked):
    words = "plot collapse data.npy --simulations 3 --latent 3 -o c.svg"
    done = run(words)
    assert (done.code, done.out) == (0, "c.svg\n")
    again = run(words, "--json")
    assert "computed" not in again.err
    assert len(again.json["keys"]) == 3
    betas, kl = np.array(again.json["beta"]), again.json["kl_per_latent"]
    s = np.linalg.eigvalsh(np.cov(np.load("data.npy").T, bias=True))[:-4:-1]
    eta = run("spectrum data.npy --json").json["eta"]
    # four digits of it
    np.testing.assert_allclose(betas, np.geomspace(0.5 * eta, 1.3 * s[0], 3), rtol=5e-4)
    expected = np.maximum(0.5 * np.log(s / betas[:, None]), 0)
    np.testing.assert_allclose(kl["predicted"], expected, atol=1e-9)
    # SGD ends within its own noise, 0.01 nats at this learning rate
    np.testing.assert_allclose(kl["measured"], expected, atol=0.02)
    assert max(kl["measured"][-1]) < 1e-3


@pytest.mark.parametrize(
    "words", ["--dim 9", "--signal 1", "--rho 1", "--eta 1", "--beta 7", "--anneal tanh:1"]
)
def test_plot_collapse_offers_nothing_that_it_would_ignore(run, spiked, words):
    done = run("plot collapse data.npy", words)
    assert done.code == 2
    assert "No such option" in done.err
    assert words.split()[0] not in run("plot collapse --help").out.split()


def test_standardised_columns_are_trained_on(run, spiked):
    x = np.load("data.npy") * np.arange(1, 13)
    np.save("scaled.npy", x)
    np.save("standard.npy", x / x.std(axis=0, ddof=1))
    words = "--latent 1 --beta 0.5 --t-max 50 --json"
    ours = run("simulate --data scaled.npy --standardise", words).json
    theirs = run("simulate --data standard.npy", words).json
    assert ours["unit"] == pytest.approx(theirs["unit"], rel=1e-9)
    measured = [each["kl_per_latent"]["measured"] for each in (ours, theirs)]
    np.testing.assert_allclose(*measured, rtol=1e-6)
    plain = run("simulate --data scaled.npy", words).json
    assert plain["unit"] > 10 * ours["unit"]


def test_a_beta_that_is_not_recommended_is_called_so(run, spiked):
    words = "simulate --data data.npy --t-max 50 --points 2"
    assert "recommendation" not in run(words).out
    assert run(words, "--json").json["why"] is None
    data = np.load("data.npy")
    data[7] *= 30
    np.save("data.npy", data)
    found = run(words)
    assert "this beta is no recommendation: signals come from single rows: 1 (row 8)" in found.out
    assert "measured and predicted KL do not agree" in found.out
    assert "no recommendation" not in run(words, "--beta 3").out
    assert "(row 8)" in run(words, "--json").json["why"]


def test_a_beta_too_small_to_train_with_is_refused(run, spiked, tmp_path):
    for beta, text in (("0", "> 0"), ("1e-30", "at least"), ("1e-320", "at least")):
        done = run("simulate --data data.npy --t-max 5 --points 2 --store fresh --beta", beta)
        assert done.code == 2
        assert f"--beta: must be {text}" in done.err
        assert (tmp_path / "fresh").exists() == (beta != "0")  # what is kept is the spectrum only
