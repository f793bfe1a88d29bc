"""`vaedyn spectrum` as a user meets it."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from vaedyn.data.convention import Convention
from vaedyn.data.prediction import Prediction
from vaedyn.data.spectrum import covariance_spectrum


def test_spectrum_finds_signals_and_recommends(run, spiked):
    done = run("spectrum data.npy --json")
    data = done.json
    assert (done.code, done.err) == (0, data_note(done.err))
    assert (data["samples"], data["dim"], data["estimator"]) == (3000, 40, "likelihood")
    assert data["eta"] == pytest.approx(1, abs=0.01)
    assert data["warnings"] == []
    for spike, rho in zip(data["spikes"], (8, 5, 3), strict=True):
        assert spike["rho"] == pytest.approx(rho, abs=4 * spike["rho_error"])
        assert spike["collapse_beta"] == pytest.approx(spike["rho"] + data["eta"])
        assert spike["collapse_weight"] is None
    own = np.linalg.eigvalsh(np.cov(spiked.T, bias=True))
    best = data["recommended"]
    assert (best["latent"], best["weight"], data["epochs"]) == (3, None, "many")
    # least where the sum over signals of rho - 2 sqrt(rho c2 (l - beta)) + l - beta is
    parts = [[spike[name] for spike in data["spikes"]] for name in ("rho", "overlap")]
    betas = np.linspace(0.5, 2, 15_001)[:, None]
    square = own[:-4:-1] - betas
    error = (parts[0] - 2 * np.sqrt(np.multiply(*parts) * square) + square).sum(axis=1)
    assert best["beta"] == pytest.approx(float(betas[error.argmin(), 0]), abs=2e-4)
    assert best["error"] == pytest.approx(error.min(), rel=1e-6)
    assert best["error_at_eta"] == pytest.approx(np.interp(data["eta"], betas[:, 0], error))
    assert 0 < best["error"] < best["error_at_eta"]
    for spike, value in zip(data["spikes"], own[::-1][:3], strict=True):
        assert spike["collapse_beta_rows"] == pytest.approx(value, rel=1e-9)
    seen = np.array(data["active_units"])
    np.testing.assert_allclose(seen[:, 0], [0, *own], rtol=1e-9)
    np.testing.assert_array_equal(seen[:, 1], np.arange(40, -1, -1))
    assert data["why"] is None
    rate = np.array(data["rate_distortion"])
    assert (np.diff(rate[:, 1]) <= 0).all()
    assert (np.diff(rate[:, 2]) >= 0).all()
    text = run("spectrum data.npy").out
    assert f"recommended: KL weight beta = {best['beta']:.6g}, latent dimension M = 3" in text
    errors = f"{best['error']:.4g} ({best['error_at_eta']:.4g} at beta = eta)"
    assert f"expected error eps_g on fresh data: {errors}" in text
    assert run("spectrum data.npy --json").json["reused"]


def data_note(err):
    """Return the notes that are expected, which tell that something was computed."""
    assert err.startswith("computed spectrum ")
    assert err.splitlines()[1:] == ["read data.npy, 3000 rows of 40 numbers"]
    return err


def test_weights_are_those_of_the_users_code(run, spiked):
    words = "spectrum data.npy --json --loss mean --decoder-variance 0.5 --scale 0.1"
    data = run(words, "--weight 0.002 --latent 5").json
    convention = Convention("mean", 0.5, 0.1)
    for spike in data["spikes"]:
        assert spike["collapse_weight"] == convention.weight(spike["collapse_beta"], 40)
    assert data["recommended"]["weight"] == convention.weight(data["recommended"]["beta"], 40)
    for spike in data["spikes"]:
        rows = convention.weight(spike["collapse_beta_rows"], 40)
        assert spike["collapse_weight_rows"] == rows
    judged = data["judged"]
    assert judged["beta"] == pytest.approx(0.002 * 40 * 0.5 / 0.01)
    assert (judged["weight"], judged["active_units"], judged["on_noise"]) == (0.002, 3, 0)
    assert judged["kl_per_latent"][3:] == [0, 0]
    text = run("spectrum data.npy --loss mean --weight 0.00025").out
    assert "0.00025 is beta = 0.005 here: 40 active units, 37 of them on noise" in text
    assert "KL weight" in text.splitlines()[0]
    collapsed = run("spectrum data.npy --weight 30 --latent 3").out
    assert "0 of 3 latents are active: the posterior collapses" in collapsed
    noisy = run("spectrum data.npy --weight 0.5 --latent 6").out
    assert "6 of 6 latents are active, 3 of them on noise" in noisy


def test_a_weight_alone_is_beta_itself(run, spiked):
    """The model's own loss is half of the squared error plus beta KL; --scale goes on from it."""
    assert run("spectrum data.npy --weight 1.3 --json").json["judged"]["beta"] == 1.3
    by_beta = run("spectrum data.npy --beta 1.3 --loss mean --json").json
    assert by_beta["judged"]["beta"] == 1.3
    assert by_beta["judged"]["weight"] == pytest.approx(1.3 * 2 / by_beta["dim"])
    (yours,) = [row for row in by_beta["table"] if row["mark"] == "yours"]
    assert yours["beta"] == 1.3
    assert run("spectrum data.npy --beta 1.3").out.splitlines()[-1].startswith("your beta is 1.3: ")
    both = run("spectrum data.npy --beta 1.3 --weight 1.3")
    assert (both.code, "--weight and --beta exclude each other" in both.err) == (2, True)
    assert "your KL weight 1 is beta = 1 here" in run("spectrum data.npy --weight 1").out
    for scale in (1, 0.999999999):
        data = run(f"spectrum data.npy --weight 1.3 --scale {scale} --json").json
        assert data["judged"]["beta"] == pytest.approx(1.3, rel=1e-8)
    assert data["recommended"]["weight"] == pytest.approx(data["recommended"]["beta"], rel=1e-8)
    divided = run("spectrum data.npy --weight 1.3 --decoder-variance 0.5 --json").json
    assert divided["judged"]["beta"] == pytest.approx(0.65)


def test_weights_count_constant_columns_but_noise_does_not(run, spiked):
    np.save("padded.npy", np.hstack([np.load("data.npy"), np.full((len(spiked), 24), 7.0)]))
    data = run("spectrum padded.npy --loss mean --weight 0.02 --json").json
    assert data["judged"]["beta"] == pytest.approx(0.02 * 64 / 2)
    last = data["rate_distortion"][-1]
    assert last[1] == 0
    assert last[2] == pytest.approx(spiked.var(axis=0).sum(), rel=1e-9)
    first = data["rate_distortion"][0]
    assert first[0] == pytest.approx(0.2 * data["eta"])
    own = np.linalg.eigvalsh(np.cov(spiked.T, bias=True))
    assert first[1] == pytest.approx(0.5 * np.log(own / first[0]).sum())
    text = run("spectrum padded.npy").out
    assert f"more latents than that fit noise of these rows below beta = {own[-4]:.6g}" in text


def lines_by(run, words):
    """Return the table of weights (rows, 4), and the marks beside them."""
    out = run(f"spectrum {words}").out.split("─\n")[-1].splitlines()
    cells = [line.replace(" of 8", "").replace("%", "").split() for line in out]
    cells = [line for line in cells if line and line[0] not in ("your", "if")]
    marks = {float(line[0]): line[4] for line in cells if len(line) > 4}
    return np.array([[float(x) for x in line[:4]] for line in cells]), marks


@pytest.mark.parametrize(
    ("words", "unit"),
    [("--weight 10 --latent 8 --spikes 6", 1.0), ("--weight 0.1 --loss mean", 32.0)],
)
def test_the_table_counts_the_datas_own_eigenvalues(run, words, unit):
    np.save("digits.npy", load_digits().data)
    found, marks = lines_by(run, f"digits.npy {words}")
    every = np.linalg.eigvalsh(np.cov(load_digits().data.T, bias=True))[::-1]
    some = every[:8] if "--latent" in words else every
    assert len(found) <= 13
    assert [*marks.values()] == ["yours"]
    assert (np.diff(found[:, 0]) > 0).all()
    for weight, active, explained, kl in found:
        live = some[some > weight * unit]
        assert active == len(live)
        share = 100 * (live - weight * unit).sum() / every.sum()
        assert explained == pytest.approx(share, abs=0.06)
        assert kl == pytest.approx(0.5 * np.log(live / weight / unit).sum(), rel=1e-3)
    assert found[-1, 1] == 0


def test_explained_variance_is_that_of_the_reconstruction(run):
    """Drawn latents of the best linear VAE explain sum (s - beta)/sum s, whatever the rotation."""
    random, s, beta = np.random.default_rng(3), np.array([5.0, 2, 1.2, 0.3]), 1.0
    x = random.standard_normal((400_000, 4)) * np.sqrt(s)
    width = np.sqrt(s[:3] - beta)
    mean = x[:, :3] * width / s[:3]
    z = mean + np.sqrt(beta / s[:3]) * random.standard_normal(mean.shape)
    error = x.copy()
    error[:, :3] -= width * z
    found = Prediction(np.zeros(0), 0.0, 4, s, s.sum()).explained(beta)
    assert found == pytest.approx(1 - (error**2).sum() / (x**2).sum(), abs=0.005)
    assert found == pytest.approx(((width * z) ** 2).sum() / (x**2).sum(), abs=0.005)


@pytest.mark.parametrize(
    ("load", "words"), [(load_digits, "--spikes 6"), (load_breast_cancer, ""), (load_wine, "")]
)
@pytest.mark.parametrize("how", ["", "--standardise"])
def test_without_a_floor_nothing_is_recommended(run, load, words, how):
    np.save("data.npy", load().data)
    done = run("spectrum data.npy", words, how)
    (line,) = [line for line in done.out.splitlines() if "no beta is recommended" in line]
    assert "no floor of white noise" in line
    assert "recommended: beta" not in done.out
    data = run("spectrum data.npy --json --weight 1", words, how).json
    assert data["recommended"] is None
    assert data["why"] in line
    assert data["judged"]["on_noise"] is None


@pytest.mark.parametrize("how", ["", "--standardise"])
def test_codes_and_counters_are_named_and_nothing_is_recommended(run, spiked, how):
    x = np.load("data.npy")
    x[::50, 4] = -999
    np.save("coded.npy", x)
    x = np.load("data.npy")
    x[:, 7] = np.random.default_rng(0).permutation(3000) + 1
    np.save("counted.npy", x)
    for name, words in (
        ("coded", "column 5 holds -999 in 60"),
        ("counted", "column 8 goes from 1"),
    ):
        done = run(f"spectrum {name}.npy {how}")
        assert words in done.err
        assert words in done.out
        assert run(f"spectrum {name}.npy --json {how}").json["recommended"] is None


def test_standardised_columns_have_unit_variance(run, spiked):
    x = spiked / spiked.std(axis=0, ddof=1)
    np.save("standard.npy", x)
    ours = run("spectrum data.npy --standardise --spikes 1 --json").json
    theirs = run("spectrum standard.npy --spikes 1 --json").json
    assert ours["eta"] == pytest.approx(theirs["eta"], rel=1e-9)
    assert ours["spikes"][0]["eigenvalue"] == pytest.approx(theirs["spikes"][0]["eigenvalue"])


def test_data_without_noise_get_a_second_answer(run):
    random = np.random.default_rng(3)
    x = random.standard_normal((300, 3)) * (3, 2, 1) @ random.standard_normal((3, 20))
    np.save("rank.npy", x)
    least = np.linalg.eigvalsh(np.cov(x.T, bias=True))[-3]
    data = run("spectrum rank.npy --json").json
    assert data["without_noise"] == {"beta": pytest.approx(least), "latent": 3}
    text = run("spectrum rank.npy").out
    assert f"if there is no noise: beta below {least:.6g}, latent dimension M = 3" in text
    np.save("full.npy", random.standard_normal((300, 20)))
    assert run("spectrum full.npy --json").json["without_noise"] is None


def test_digits_are_answered_with_honest_warnings(run):
    np.save("digits.npy", load_digits().data)
    data = run("spectrum digits.npy --json").json
    top = np.linalg.eigvalsh(np.cov(load_digits().data.T))[::-1]
    seen = [spike["eigenvalue"] for spike in data["spikes"]]
    np.testing.assert_allclose(seen, top[: len(seen)], rtol=1e-9)
    assert any("constant" in text for text in data["warnings"])
    assert any("not of one variance" in text for text in data["warnings"])


def test_a_table_of_measurements_is_read_from_text(run):
    table = load_breast_cancer()
    header = ",".join(name.replace(" ", "_") for name in table.feature_names)
    np.savetxt("cells.csv", table.data, delimiter=",", header=header, comments="", fmt="%.17g")
    data = run("spectrum cells.csv --standardise --json").json
    assert (data["samples"], data["dim"]) == table.data.shape
    top = np.linalg.eigvalsh(np.corrcoef(table.data.T))[::-1]
    assert data["spikes"][0]["eigenvalue"] == pytest.approx(top[0], rel=1e-9)


def test_json_holds_what_the_text_tells(run, spiked):
    np.save("padded.npy", np.hstack([np.load("data.npy"), np.full((len(spiked), 4), 7.0)]))
    data = run("spectrum padded.npy --weight 0.5 --latent 6 --json").json
    assert (data["dim"], data["directions"], data["gamma"]) == (44, 40, 40 / 2999)
    assert data["bulk"]["edge"] == pytest.approx(
        data["eta"] * (1 + np.sqrt(40 / 2999)) ** 2, rel=0.01
    )
    assert data["bulk"]["tails"] == pytest.approx(1, abs=0.2)
    assert data["bulk"]["spread"] < 0.1
    assert data["bulk"]["distance"] < 0.1
    assert data["judged"]["on_noise"] == 3


def test_words_are_singular_where_there_is_one(run):
    x = np.random.default_rng(3).standard_normal((500, 12))
    np.save("noise.npy", x)
    text = run("spectrum noise.npy --weight 0.5").out
    assert ", latent dimension M = 0: no signal stands out of the noise, " in text
    assert "12 active units, 12 of them on noise" in text
    assert "0 active units: the posterior" in run("spectrum noise.npy --weight 2").out
    x[:, 0] *= 3
    np.save("one.npy", x)
    assert "here: 1 active unit\n" in run("spectrum one.npy --weight 2").out
    assert "1 of 1 latent is active\n" in run("spectrum one.npy --weight 2 --latent 1").out
    np.save("column.npy", x[:, :1])
    assert "500 samples in 1 dimension: no beta" in run("spectrum column.npy").out


def test_large_data_may_be_analysed_more_accurately(run, monkeypatch):
    x = np.random.default_rng(3).standard_normal((500, 200))
    x[:, :8] *= np.geomspace(9, 4, 8)
    np.save("data.npy", x)
    monkeypatch.setattr(covariance_spectrum, "__kwdefaults__",
                        {**covariance_spectrum.__kwdefaults__, "largest_exact": 100})  # fmt: skip
    few = run("spectrum data.npy --leading 5 --weight 0.5")
    assert "compute more (--leading)" in few.err
    assert "(raise --leading)" in few.out
    assert "here: at least 5 active units" in few.out
    rough = run("spectrum data.npy --leading 30 --passes 1")
    assert "(--passes) make them exact" in rough.err
    assert "(raise --passes)" in rough.out
    more = run("spectrum data.npy --leading 30 --passes 6")
    assert "--" not in more.err
    assert "(likelihood; the other estimators need all eigenvalues)" in more.out
    assert "latent dimension M = 8" in more.out
    assert run("plot spectrum data.npy --leading 30 --passes 6 --json").json["keys"]


def test_the_store_tells_which_file_a_spectrum_is_of(run, spiked):
    run("spectrum data.npy --standardise")
    listed = run("store list").out.splitlines()[-1]
    assert listed.endswith("data.npy standardise")
    key = listed.split()[1]
    again = run("store show", key, "--json").json["reproduce"]
    assert again == "vaedyn spectrum data.npy --standardise --leading=200 --passes=6"
    assert f"reused spectrum {key}" in run(again.removeprefix("vaedyn ")).err


def test_plot_spectrum_draws_and_reuses(run, spiked, tmp_path):
    done = run("plot spectrum data.npy")
    assert (done.code, done.out) == (0, "spectrum_data.pdf\n")
    again = run("plot spectrum data.npy -o s.svg --json")
    assert "computed" not in again.err
    assert len(again.json["keys"]) == 1
    assert run("plot spectrum data.npy -o s.jpg").code == 2


def test_a_signal_of_one_column_is_told_beside_the_recommendation(run):
    rng = np.random.default_rng(60)
    data = rng.normal(size=(300, 12))
    data[:, 4] *= 6
    np.save("data.npy", data)
    text = "signals of single columns: 5; where columns have units of their own"
    assert text in run("spectrum data.npy").out
    assert text not in run("spectrum data.npy --standardise").out
    np.save("turned.npy", data @ np.linalg.qr(rng.normal(size=(12, 12)))[0])
    assert "single columns" not in run("spectrum turned.npy").out
    data[7] *= 30
    np.save("outlier.npy", data)
    done = run("spectrum outlier.npy --json")
    assert done.json["recommended"] is None
    assert "come from single rows" in done.json["why"]
    assert done.json["why"] in run("spectrum outlier.npy").out


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.3, 2.0])
def test_a_learned_variance_is_that_of_the_rows_when_they_are_few(run, tmp_path, beta):
    """All eigenvalues, and their sum, are means over the rows: with nine, 1/P is not 1/(P - 1)."""
    x = np.random.default_rng(5).standard_normal((9, 4)) * [3, 2, 1, 0.5]
    np.save(tmp_path / "data.npy", x)
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    sigma2 = 1.0
    for _ in range(3000):  # to the mean squared error of an entry
        sigma2 = (np.minimum(values[:2], beta * sigma2).sum() + values[2:].sum()) / 4
    options = "spectrum data.npy --decoder-variance learned --json"
    found = run(f"{options} --latent 2 --beta {beta}").json
    assert found["judged"]["sigma2"] == pytest.approx(sigma2, rel=1e-9)
    assert found["total_collapse"] == pytest.approx(values[0] / values.mean(), rel=1e-9)
    assert run(f"{options} --latent 4").json["no_minimum_up_to"] == pytest.approx(1)
    done = run("spectrum data.npy --decoder-variance learned --latent 4 --beta 0.9")
    assert done.code == 2
    assert "explain all 4 directions" in done.err


def test_a_beta_at_which_all_collapse_is_not_recommended_without_a_word(run, tmp_path):
    """Noise that is said to hold two signals: their overlap with the rows' directions is 0."""
    for seed in range(20):
        np.save(tmp_path / "noise.npy", np.random.default_rng(seed).standard_normal((6, 12)))
        found = run("spectrum noise.npy --spikes 2 --json").json
        if not any(spike["overlap"] for spike in found["spikes"]):
            break
    assert [spike["overlap"] for spike in found["spikes"]] == [0, 0]
    text = run("spectrum noise.npy --spikes 2").out
    assert "latent dimension M = 2: there all collapse, as signals so weak" in text


def test_the_command_for_rows_held_out_reads_the_same_table(run):
    table = np.column_stack([np.arange(178), load_wine().data]).astype(str)
    table[5, 3] = "NA"
    np.savetxt("wine.csv", table, fmt="%s", delimiter=",")
    asked = "--columns=-1,-14 --missing mean --standardise --like pytorch-vae --weight 0.05"
    out = run("spectrum wine.csv", asked).out
    (command,) = [line.split("weight: vaedyn ")[1] for line in out.splitlines() if "held" in line]
    assert set(asked.replace("=", " ").split()) <= set(command.split())
    done = run(command, "--json").json
    assert (done["samples"], done["dim"], done["judged"]["weight"]) == (178, 12, 0.05)
