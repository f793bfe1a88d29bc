"""One table, one answer: what commands and functions say that training on rows comes to."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from matplotlib import get_data_path
from sklearn import datasets

import vaedyn
from vaedyn.data.collapse import collapse
from vaedyn.data.judge import judge, overview
from vaedyn.data.look import look
from vaedyn.data.prediction import Prediction
from vaedyn.data.train import train


def spiked(samples, dim, seed=0):
    x = np.random.default_rng(seed).standard_normal((samples, dim))
    x[:, :2] *= np.sqrt([9, 4])[:dim]
    return x


def tables():
    """Yield names and tables of all kinds, the awkward ones, too."""
    random = np.random.default_rng(1)
    yield "signals", spiked(300, 8)
    yield "more columns than rows", spiked(20, 45)
    yield "constant columns", np.hstack([spiked(50, 5), np.full((50, 2), 3.0)])
    yield "all rows twice", np.repeat(spiked(25, 6), 2, axis=0)
    yield "few rows, all of them twice", np.repeat(spiked(6, 10), 2, axis=0)
    yield "columns twice", np.tile(spiked(40, 4), 2)
    yield "one column", spiked(30, 1)
    yield "three rows", spiked(3, 4)
    yield "large numbers", 1e5 * spiked(40, 5)
    yield "small numbers", 1e-5 * spiked(40, 5)
    yield "a large mean", 1e6 + spiked(40, 5)
    yield "heavy tails", spiked(200, 6) / np.sqrt(random.chisquare(2, (200, 1)))
    yield "whole numbers", random.integers(0, 4, (60, 7)).astype(float)
    yield "few directions", spiked(50, 3) @ random.standard_normal((3, 9))


def real():
    """Yield tables that come with scikit-learn and matplotlib: measurements, pictures, heights."""
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud"):
        yield name, getattr(datasets, f"load_{name}")().data.astype(float)
    yield "linnerud's targets", datasets.load_linnerud().target.astype(float)
    folder = Path(get_data_path()) / "sample_data"
    heights = np.load(folder / "jacksboro_fault_dem.npz")["elevation"].astype(float)
    yield "heights", heights[::3, :60]
    earth = np.load(folder / "topobathy.npz")["topo"].astype(float)
    yield "the earth", earth[::4, ::8]
    with gzip.open(folder / "s1045.ima.gz") as file:
        scan = np.frombuffer(file.read(), np.uint16).reshape(256, 256).astype(float)
    yield (
        "a scan",
        np.concatenate([scan[i::8, j::8].reshape(1, -1) for i in range(8) for j in range(8)]),
    )
    yield "patches of a scan", scan.reshape(64, 4, 64, 4).swapaxes(1, 2).reshape(-1, 16)


def of_rows(x):
    """Return the eigenvalues of the covariance that training sees, the mean over centred rows."""
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2 / len(x)
    return np.append(values, np.zeros(x.shape[1]))[: x.shape[1]]


def all_agree(run, x, standardise=False):
    """Compare `spectrum`, `simulate --data`, `plot collapse` and `judge` with plain NumPy."""
    np.save("x.npy", x)
    deviations = x.std(axis=0, ddof=1)
    values = of_rows(x / np.where(deviations > 0, deviations, 1)) if standardise else of_rows(x)
    latents, words = min(3, x.shape[1]), "--standardise" if standardise else ""
    found = look(x, standardise=standardise)
    for share in (0.97, 0.4):
        beta = float(share * values[0])
        kl = 0.5 * np.log(np.maximum(values[:latents] / beta, 1))
        count = int((values[:latents] > beta).sum())
        more = f"x.npy --latent {latents} --beta {beta!r} --json {words}"
        said = run("spectrum", more).json["judged"]
        shown = np.append(said["kl_per_latent"], np.zeros(latents))[:latents]
        trained = run("simulate --t-max 2 --points 2 --data", more).json
        assert said["active_units"] == trained["active_units"]["predicted"] == count
        ours = judge(found, beta=beta, latents=latents)
        assert (ours.row.active, ours.row.kl) == (count, pytest.approx(said["kl"], rel=1e-12))
        for each in (shown, trained["kl_per_latent"]["predicted"]):
            np.testing.assert_allclose(each, kl, rtol=1e-6, atol=1e-9)
    drawn = collapse(found, simulations=2, latent=latents, t_max=2.0, points=2)
    for beta, predicted in zip(drawn.beta.tolist(), drawn.predicted, strict=True):
        ours = found.prediction.kl_per_latent(beta, latents)
        padded = np.append(ours, np.zeros(latents))[:latents]
        np.testing.assert_allclose(predicted, padded, rtol=1e-12, atol=1e-12)
    return found


@pytest.mark.parametrize(
    ("name", "x"), [*tables()], ids=lambda it: it if isinstance(it, str) else ""
)
def test_all_commands_agree_on_any_table(run, name, x):
    all_agree(run, x)


@pytest.mark.parametrize(("name", "x"), [*real()], ids=lambda it: it if isinstance(it, str) else "")
@pytest.mark.parametrize("standardise", [False, True])
def test_all_commands_agree_on_real_tables_and_recommend_nothing_or_what_is_right(
    run, name, x, standardise
):
    """None is known to be signals in white noise.

    Where 23 rows cannot tell, what is recommended is near the beta at which rows held out are
    most likely. The two are not the same quantity: 1.5 is between them at most.
    """
    found = all_agree(run, x, standardise)
    words = "spectrum x.npy" + " --standardise" * standardise
    done = run(words)
    data = run(words, "--json").json
    if data["recommended"] is not None:
        assert (name, standardise) == ("the earth", True)
        held = vaedyn.heldout(x, standardise=True, latents=data["recommended"]["latent"])
        assert 1 / 1.5 < data["recommended"]["beta"] / held.best.beta < 1.5
        return
    assert found.analysis.no_floor in data["why"]
    advice = f"vaedyn heldout x.npy{' --standardise' * standardise}"
    assert f"rows held out can choose a KL weight: {advice}\n" in done.out
    best = run(advice.removeprefix("vaedyn "), "--folds 3 --json").json
    assert (best["best"] is None) == (best["why"] is not None)


def test_training_sees_the_mean_over_rows():
    """Of six rows: with 1/(P - 1), KL would be larger by ln(6/5)/2 = 0.09."""
    x = spiked(6, 3, seed=4)
    values = of_rows(x)
    beta = 0.3 * values[0]
    found = train(x, beta, latent=1, lr=0.02, t_max=4000.0, points=2)
    assert found.predicted[0] == pytest.approx(0.5 * np.log(values[0] / beta), rel=1e-9)
    np.testing.assert_allclose(found.measured, found.predicted, atol=0.02)
    # between the two eigenvalues the latent is dead
    beta = 0.93 * values[0] * 6 / 5
    dead = train(x, beta, latent=1, lr=0.02, t_max=4000.0, points=2)
    assert (dead.active, dead.measured[0] < 0.01) == ((0, 0), True)


@pytest.fixture(scope="module")
def fault():
    """N = 200 and 400 rows, rho 3 and eta 1, of which eigenvalue and population differ much."""
    x = np.random.default_rng(0).standard_normal((400, 200))
    x[:, 0] *= 2
    return x


def test_a_latent_lives_up_to_the_eigenvalue_of_rows_that_are_used_again(run, fault):
    np.save("x.npy", fault)
    (value, *_), words = of_rows(fault), "spectrum x.npy --json --latent 1 --beta"
    (spike,) = run("spectrum x.npy --json").json["spikes"]
    assert spike["collapse_beta_rows"] == pytest.approx(value, rel=1e-9)
    assert spike["collapse_beta"] == pytest.approx(
        spike["rho"] + run("spectrum x.npy --json").json["eta"]
    )
    between = 1.01 * spike["collapse_beta"]
    assert value > spike["collapse_beta"] + 0.5
    for epochs, count in (("many", 1), ("one", 0)):
        data = run(words, between, "--epochs", epochs).json
        assert (data["epochs"], data["judged"]["active_units"]) == (epochs, count)
        trained = run(
            f"simulate --data x.npy --json --t-max 1 --points 2 --beta {between} --epochs {epochs}"
        ).json
        assert trained["active_units"]["predicted"] == count
        assert trained["epochs"] == epochs
    ours = judge(look(fault), beta=between, latents=1, epochs="one")
    assert ours.row.active == 0
    done = train(look(fault), between, latent=1, t_max=8000.0, lr=0.01, points=2)
    np.testing.assert_allclose(done.measured, done.predicted, atol=0.02)
    assert done.active == (1, 1)


def test_fresh_data_have_the_variances_of_the_population(fault):
    many, one = (look(fault, epochs=epochs) for epochs in ("many", "one"))
    analysis = many.analysis
    expected = [float(analysis.rho[0] + analysis.eta), *[analysis.eta] * 199]
    assert one.prediction.variances().tolist() == expected
    assert one.prediction.beta == analysis.eta
    assert many.prediction.beta > analysis.eta
    assert many.seen("one").prediction.variances().tolist() == expected
    assert many.seen("many") is many.seen(None) is many
    marked = [each for each in overview(many, epochs="one") if each.mark == "recommended"]
    assert [each.row.beta for each in marked] == [analysis.eta]
    assert marked[0].row.active == 1
    np.testing.assert_array_equal(many.thresholds[0, 1], expected[0])
    with pytest.raises(vaedyn.ParameterError, match="^epochs: expected many or one, got 'two'"):
        look(fault, epochs="two")


def test_one_epoch_uses_rows_once(run, fault):
    np.save("x.npy", fault)
    data = run("simulate --data x.npy --epochs one --beta 1.5 --json").json
    assert data["passes"] == 1
    assert data["params"]["t_max"] == 2
    done = run("simulate --data x.npy --epochs one --t-max 2.5")
    assert (done.code, done.out) == (2, "")
    assert "--t-max: one epoch of 400 rows ends at 2, got 2.5" in done.err
    done = run("simulate --epochs one")
    assert "--epochs goes with --data" in done.err
    assert (
        run("plot collapse x.npy --epochs one --simulations 2 -o c.svg --json").json["epochs"]
        == "one"
    )
    assert run("plot spectrum x.npy --epochs one -o s.svg").code == 0


def test_without_a_floor_nothing_is_known_of_fresh_data(run):
    np.save("wine.npy", datasets.load_wine().data)
    for words in ("spectrum", "simulate --data", "plot spectrum", "plot collapse"):
        done = run(words, "wine.npy --standardise --epochs one")
        assert (done.code, done.out) == (2, "")
        (line,) = [line for line in done.err.splitlines() if line.startswith("error")]
        assert line.startswith("error: --epochs: one needs the population's variances: no floor")
    with pytest.raises(vaedyn.ParameterError, match="^epochs: one needs"):
        judge(look(datasets.load_wine().data), beta=1.0, epochs="one")


def test_the_noise_level_is_called_what_it_is_where_it_is_not_recommended(run):
    np.save("x.npy", spiked(300, 30))
    best = run("spectrum x.npy --json").json["recommended"]["beta"]
    words = "simulate --data x.npy --t-max 3 --points 2"
    done = run(words)
    assert f"this beta is the noise level eta: recommended is beta = {best:.6g}" in done.out
    assert run(words, "--json").json["recommended"] == {"beta": best}
    assert "recommended" not in run(words, "--beta 2").out
    one = Prediction.of(*(getattr(look("x.npy"), name) for name in ("spectrum", "analysis")), "one")
    assert one.beta == run(words, "--json").json["params"]["beta"]
