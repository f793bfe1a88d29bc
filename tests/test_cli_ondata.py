"""`vaedyn simulate --data` and `vaedyn plot collapse`."""

import numpy as np
import pytest


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
    assert kl["predicted"][0] == pytest.approx(0.5 * np.log(9 / 2), abs=0.05)
    assert done.json["active_units"] == {"predicted": 2, "measured": 2}
    assert done.json["passes"] == 48
    assert done.json["params"]["dim"] == 12
    text = run(words)
    assert "seen in 48 passes" in text.err
    assert "reused data" in text.err
    assert text.out.splitlines()[-1].split() == ["active", "units", "2", "2"]


def test_rates_and_times_suit_the_data_if_not_given(run, spiked):
    data = run("simulate --data data.npy --json --beta 3").json
    params = data["params"]
    assert data["unit"] == pytest.approx(9, rel=0.1)
    assert data["beta"] == pytest.approx(3)
    assert params["beta"] == pytest.approx(3 / data["unit"])
    assert params["lr"] == 0.05
    assert params["t_max"] == pytest.approx(20 / 0.05 / (4 / 9), rel=0.1)
    assert (params["latent"], params["signal"]) == (2, 2)
    assert params["eta"] * data["unit"] == pytest.approx(1, rel=0.05)
    kl = data["kl_per_latent"]
    np.testing.assert_allclose(kl["measured"], kl["predicted"], atol=0.06)


@pytest.mark.parametrize("name", ["dim", "signal", "rho", "eta"])
def test_what_the_data_decide_cannot_be_given(run, spiked, name):
    done = run(f"simulate --data data.npy --{name} 3")
    assert done.code == 2
    assert f"--{name} and data exclude each other" in done.err


@pytest.mark.parametrize("words", ["--runs 3", "--jobs 1", "--tol 0.1"])
def test_what_has_no_meaning_is_refused(run, spiked, words):
    done = run("simulate --data data.npy", words)
    assert done.code == 2
    assert "does not apply to training on data" in done.err
    assert run("simulate --standardise").code == 2


def test_too_many_latents_are_refused(run, spiked):
    done = run("simulate --data data.npy --latent 6")
    assert done.code == 2
    assert "below half of the 12 columns" in done.err


def test_divergence_is_one_line(run, spiked, tmp_path):
    done = run("simulate --data data.npy --lr 9")
    assert done.code == 1
    assert "lower --lr" in done.err
    assert not list((tmp_path / "vaedyn-store").glob("data-*"))


def test_plot_collapse_draws_and_reuses(run, spiked):
    words = "plot collapse data.npy --simulations 3 --lr 0.01 --t-max 300 --points 2 -o c.svg"
    done = run(words)
    assert (done.code, done.out) == (0, "c.svg\n")
    again = run(words, "--json")
    assert "computed" not in again.err
    assert len(again.json["keys"]) == 3


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
