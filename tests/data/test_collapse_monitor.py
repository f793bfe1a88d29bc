"""The collapse monitor: what it accumulates, predicts, and refuses; and VAEs that are trained."""

import pickle
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.optimize import minimize

import vaedyn
from tests.shared.own_vae import Tensor, at_the_end, descend, put_out
from tests.shared.tables import spiked
from tests.shared.tiny_vae import TinyVAE
from vaedyn.data.verdict import VERDICTS, growth

RANDOM = np.random.default_rng(3)
ROWS = RANDOM.normal(size=(50, 4)) * [1.1, 0.8, 0.6, 0.2] + [0.3, -2.0, 0.1, 0.7]
VALUES = np.linalg.eigvalsh(np.cov(ROWS.T, bias=True))[::-1]


def reported(mu, logvar, beta, eigenvalues=VALUES, **options):
    monitor = vaedyn.CollapseMonitor(eigenvalues)
    monitor.update(mu, logvar)
    return monitor.report(beta, **options)


# --- what is accumulated ----------------------------------------------------------------


@pytest.mark.parametrize("shared", [False, True])
def test_small_batches_are_as_one_large_one_and_as_a_loop_over_rows(shared):
    """Means of mu are far from 0, where naive sums of squares lose all digits of the variance."""
    mu = RANDOM.normal(size=(101, 3)) * [1, 0.3, 0.05] + [3e5, -2, 0.01]
    logvar = RANDOM.normal(size=3 if shared else (101, 3)) - 1
    small, large = (vaedyn.CollapseMonitor([2.0, 1.0]) for _ in range(2))
    large.update(mu, logvar)
    for ends in np.split(np.arange(101), [1, 2, 30, 31, 95]):
        small.update(mu[ends], logvar if shared else logvar[ends])
    a, b = small.report(0.7), large.report(0.7)
    assert (a.rows, b.rows, a.batch, b.batch) == (101, 101, 64, 101)
    kl = [[0.5 * (m * m + np.exp(v) - 1 - v) for m, v in zip(row, lv, strict=True)]
          for row, lv in zip(mu, np.broadcast_to(logvar, mu.shape), strict=True)]  # fmt: skip
    kl = np.array(kl)
    order = np.argsort(-kl.mean(axis=0))
    for each in (a, b):
        np.testing.assert_array_equal(each.order, order)
        np.testing.assert_allclose(each.kl_per_latent, kl.mean(axis=0)[order], rtol=1e-12)
        np.testing.assert_allclose(each.mean_variance, mu.var(axis=0)[order], rtol=1e-9)
        variance = np.broadcast_to(np.exp(logvar), mu.shape).mean(axis=0)[order]
        np.testing.assert_allclose(each.posterior_variance, variance, rtol=1e-12)
        assert each.kl == pytest.approx(kl.sum(axis=1).mean(), rel=1e-12)
        error = kl.sum(axis=1).std(ddof=1) / np.sqrt(101)
        assert each.kl_error == pytest.approx(error, rel=1e-9)
        assert each.off_centre == pytest.approx(0.5 * (mu.mean(axis=0) ** 2).sum(), rel=1e-12)
        assert each.active_variance == (mu.var(axis=0) > 0.01).sum() == 2
        assert each.active_kl == (kl.mean(axis=0) > 0.01).sum()


def test_arrays_of_other_libraries_are_taken_and_torch_is_not_imported():
    mu, D, decoder = at_the_end(ROWS, 0.5, 3)
    logvar = np.log(D)
    wanted = reported(mu, logvar, 0.5, decoder=decoder)

    class Eager:  # as of JAX or TensorFlow
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.values, dtype)

    for kind in (Tensor, Eager, list, lambda x: np.asfortranarray(x[::1])):
        found = reported(kind(mu), kind(logvar), 0.5, kind(VALUES), decoder=kind(decoder))
        np.testing.assert_array_equal(found.kl_per_latent, wanted.kl_per_latent)
        np.testing.assert_array_equal(found.in_force.per_latent, wanted.in_force.per_latent)
    narrow = Tensor(mu.astype(np.float16)), Tensor(logvar.astype(np.float16))
    found = reported(*narrow, 0.5)
    np.testing.assert_allclose(found.kl_per_latent, wanted.kl_per_latent, atol=3e-3)
    assert "torch" not in sys.modules


def test_a_report_forgets_unless_it_is_told_not_to():
    mu, D, _ = at_the_end(ROWS, 0.5, 3)
    monitor = vaedyn.CollapseMonitor(VALUES)
    monitor.update(mu[:20], np.log(D))
    assert monitor.report(0.5, reset=False).rows == 20
    monitor.update(mu[20:], np.log(D))
    assert monitor.report(0.5).rows == 50
    with pytest.raises(ValueError, match="no batch was seen: call update before report"):
        monitor.report(0.5)
    assert [past.rows for past in monitor.history] == [20, 50]


def test_reports_are_frozen_brief_and_monitors_pickled():
    mu, D, _ = at_the_end(ROWS, 0.5, 3)
    monitor = vaedyn.CollapseMonitor(ROWS)
    mu = np.tile(mu, (30, 1))
    monitor.update(mu, np.log(D))
    report = monitor.report(0.5)
    monitor.update(mu, np.log(D))
    again = pickle.loads(pickle.dumps(monitor))
    assert (again.report(0.5).settled, monitor.report(0.5).settled) == (True, True)
    assert all(type(x) in (int, float, str) for past in monitor.history for x in past)
    assert repr(report).startswith("Report\n  verdict: 'expected'")
    with pytest.raises(FrozenInstanceError):
        report.kl = 1
    assert pickle.loads(pickle.dumps(report)).kl == report.kl


# --- what is predicted ------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.03, 0.2, 0.5, 3.0])
def test_eigenvalues_a_table_and_a_look_give_one_prediction(beta):
    look = vaedyn.look(ROWS)
    mu = 0.2 * RANDOM.normal(size=(9, 6))  # more latents than directions
    wanted = 0.5 * np.array([max(np.log(x / beta), 0) for x in [*VALUES, 1e-9, 1e-9]])
    shuffled = RANDOM.permutation(VALUES)
    for given in (VALUES, shuffled, shuffled.tolist(), ROWS, look, ROWS.tolist()):
        found = reported(mu, np.zeros(6), beta, given)
        np.testing.assert_allclose(found.predicted, wanted, atol=1e-12)
        assert found.predicted_kl == pytest.approx(wanted.sum(), abs=1e-12)
        assert found.predicted_active == (beta < VALUES).sum()


def test_how_a_table_is_looked_at_can_be_chosen(tmp_path):
    correlations = np.linalg.eigvalsh(np.corrcoef(ROWS[:, 1:].T))[::-1]
    np.save(tmp_path / "x.npy", ROWS)
    monitor = vaedyn.CollapseMonitor(tmp_path / "x.npy", standardise=True, columns="2-4")
    rows = len(ROWS)
    np.testing.assert_allclose(monitor.eigenvalues, correlations * (rows - 1) / rows, rtol=0.03)
    assert monitor.dim == 3


def test_weights_are_those_of_the_users_loss():
    """A mean over the entries and over latents: beta = w N / 2 / M."""
    mu, D, decoder = at_the_end(ROWS, 0.5, 3)
    given = {"data_or_eigenvalues": VALUES, "dim": 4}
    mean = vaedyn.Convention("mean", kl="mean")
    for options, weight in (
        ({"convention": mean}, 0.75),
        ({"convention": "pytorch-vae"}, 0.25),
        ({"convention": vaedyn.PRESETS["pytorch-vae"]}, 0.25),
        ({}, 0.5),
    ):
        monitor = vaedyn.CollapseMonitor(**given, **options)
        monitor.update(mu, np.log(D))
        report = monitor.report(weight=weight)
        assert (report.beta, report.weight) == pytest.approx((0.5, weight), rel=1e-12)
        assert report.verdict == "expected"
        monitor.update(mu, np.log(D))
        assert monitor.report(0.5).weight == pytest.approx(weight, rel=1e-12)
    monitor = vaedyn.CollapseMonitor(VALUES, convention=mean)
    monitor.update(mu, np.log(D))
    with pytest.raises(ValueError, match="dim: is needed"):
        monitor.report(weight=0.75)
    assert monitor.report(weight=0.75, decoder=decoder).beta == pytest.approx(0.5)  # it has dim


def test_scaled_data_have_scaled_decoders_but_the_same_beta():
    """Trained on 0.3 x, at the weight 0.09 beta; the decoder is 0.3 times that of x."""
    mu, D, decoder = at_the_end(ROWS, 0.5, 3)
    monitor = vaedyn.CollapseMonitor(VALUES, convention=vaedyn.Convention("sum", 1.0, scale=0.3))
    monitor.update(mu, np.log(D))
    report = monitor.report(weight=0.045, decoder=0.3 * decoder)
    assert report.beta == pytest.approx(0.5)
    assert report.in_force.beta == pytest.approx(0.5)
    assert report.verdict == "expected"
    own = growth(0.09 * VALUES[0], 0.045)
    assert report.slowdown == pytest.approx(growth(0.09 * VALUES[0], 0.045 * VALUES[0]) / own)


def test_what_is_not_known_of_a_spectrum_is_said():
    monitor = vaedyn.CollapseMonitor(ROWS)
    monitor.eigenvalues, monitor.least = VALUES[:2], VALUES[1]
    monitor.update(np.ones((9, 3)), np.zeros(3))
    note = "only 2 eigenvalues are known, and the least of them is above beta"
    assert any(text.startswith(note) for text in monitor.report(VALUES[1] / 2, reset=False).notes)
    assert not any(note in text for text in monitor.report(VALUES[1] * 1.01).notes)
    copied = vaedyn.CollapseMonitor(np.repeat(ROWS, 2, axis=0))
    copied.update(np.ones((9, 3)), np.zeros(3))
    (text,) = [text for text in copied.report(1).notes if "which active units fit noise" in text]
    assert "every row is there twice" in text


# --- what is refused --------------------------------------------------------------------

WRONG = {
    "mu of one axis": (np.ones(3), np.ones(3), r"mu: must have the shape \(batch, latents\)"),
    "no rows": (np.ones((0, 3)), np.ones(3), "mu: must have the shape"),
    "no latents": (np.ones((3, 0)), np.ones(0), "mu: must have the shape"),
    "logvar of others": (np.ones((4, 3)), np.ones((4, 2)), r"logvar: .* \(4, 3\) of mu.*\(4, 2\)"),
    "logvar of one row": (np.ones((4, 3)), np.ones((1, 3)), "logvar: must have the shape"),
    "a number": (np.ones((4, 3)), 0.0, "logvar: must have the shape"),
    "nan": (np.full((4, 3), np.nan), np.ones(3), "mu: must be finite, got nan"),
    "inf": (np.ones((4, 3)), [1, -np.inf, 0], "logvar: must be finite, got inf"),
    "overflow": (np.full((4, 3), 1e200), np.ones(3), "mu: is so large that KL overflows"),
    "exp": (np.ones((4, 3)), np.full(3, 800.0), "logvar: is so large that KL overflows"),
    "complex": (np.ones((4, 3)) * 1j, np.ones(3), "mu: must be real numbers, got complex128"),
    "words": ([["a"]], [1.0], "mu: must be real numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], [1.0], "mu: cannot be read as an array"),
    "none": (None, [1.0], "mu: must be real numbers"),
    "a tensor": (Tensor(np.ones((2, 2), complex)), np.ones(2), "mu: must be real numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_batch_is_one_line_and_changes_nothing(name):
    mu, logvar, message = WRONG[name]
    monitor = vaedyn.CollapseMonitor(VALUES)
    monitor.update(np.ones((4, 3)), np.zeros(3))
    with pytest.raises(ValueError, match=message) as caught:
        monitor.update(mu, logvar)
    assert "\n" not in str(caught.value)
    report = monitor.report(1.0)
    assert (report.rows, report.kl) == (4, 1.5)
    with pytest.raises(ValueError, match=r"mu: must have 3 latents, got shape \(4, 2\)"):
        monitor.update(np.ones((4, 2)), np.zeros(2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "beta: is needed, or weight"),
        ({"beta": 1, "weight": 1}, "weight: excludes beta"),
        ({"beta": 0}, "beta: must be"),
        ({"beta": -1}, "beta: must be"),
        ({"beta": np.nan}, "beta: must be finite"),
        ({"weight": np.inf}, "weight: must be finite"),
        ({"beta": 1, "decoder": np.ones((3, 4))}, r"got \(3, 4\): transpose it"),
        ({"beta": 1, "decoder": np.ones((5, 3))}, r"decoder: must have the shape \(4, 3\)"),
        ({"beta": 1, "decoder": np.ones(3)}, "decoder: must have the shape"),
        ({"beta": 1, "decoder": np.full((4, 3), np.nan)}, "decoder: must be finite"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(options, message):
    monitor = vaedyn.CollapseMonitor(ROWS)
    monitor.update(np.ones((4, 3)), np.zeros(3))
    with pytest.raises(ValueError, match=message):
        monitor.report(**options)
    assert monitor.history == []
    assert monitor.report(1.0).rows == 4


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([], {}, "eigenvalues: must have the shape"),
        ([0.0, 0.0], {}, "eigenvalues: must be > 1e-12, got 0"),
        ([2.0, -0.1], {}, "eigenvalues: must not be negative, got -0.1"),
        ([2.0, np.nan], {}, "eigenvalues: must be finite, got nan"),
        (VALUES, {"standardise": True}, "standardise: goes with a table, not with eigenvalues"),
        (vaedyn.look(ROWS), {"spikes": 1}, "spikes: goes with a table, not with a look"),
        (ROWS, {"dim": 5}, "dim: must be 4, as the data have, got 5"),
        (VALUES, {"latents": 0}, "latents: must be at least 1"),
        (VALUES, {"convention": "pytorchvae"}, "convention: .* got 'pytorchvae'.*did you mean"),
        (VALUES, {"convention": vaedyn.Convention(decoder_variance="learned")},
         "decoder_variance: learned is not watched"),
        (vaedyn.look(ROWS), {"convention": vaedyn.Convention(likelihood="poisson")},
         "likelihood: a look has eigenvalues for a gaussian, not for poisson"),
        (5.0, {}, "data: expected a table"),
        ("none.npy", {}, "there is no file none.npy"),
    ],
)  # fmt: skip
def test_a_monitor_that_makes_no_sense_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        vaedyn.CollapseMonitor(given, **options)


def test_other_kinds_of_arguments_are_type_errors():
    with pytest.raises(TypeError, match="expected a Convention, got 3"):
        vaedyn.CollapseMonitor(VALUES, convention=3)
    with pytest.raises(TypeError, match="standardize"):
        vaedyn.CollapseMonitor(ROWS, standardize=True)
    kl = vaedyn.CollapseMonitor(VALUES, convention=vaedyn.Convention(kl="mean", latent=5))
    kl.update(np.ones((4, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="latent: must be 3, as mu has, got 5"):
        kl.report(1.0)


# --- VAEs that are trained --------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.1, 0.4, 1.3])
def test_the_rate_out_of_collapse_is_that_of_the_gradient(beta):
    """The largest eigenvalue of minus the Hessian, by differences of the tiny VAE's gradient."""
    model = TinyVAE(ROWS, 1, beta, "gaussian")
    flat = model.start(RANDOM, 0.0)
    rows = []
    for k in range(len(flat)):
        step = np.zeros(len(flat))
        step[k] = 1e-5
        rows.append((model.loss(flat - step)[1] - model.loss(flat + step)[1]) / 2e-5)
    largest = np.linalg.eigvalsh((np.array(rows) + np.array(rows).T) / 2)[-1]
    assert growth(VALUES[0], beta) == pytest.approx(largest, rel=1e-6)


def test_close_to_collapse_the_time_grows_like_one_over_the_distance():
    near, nearer = (growth(3.0, 3.0 * (1 - gap)) for gap in (1e-3, 1e-5))
    assert near / nearer == pytest.approx(100, rel=1e-2)
    assert nearer == pytest.approx(3 * 3e-5 / (1 + 9), rel=1e-3)


@pytest.fixture(scope="module")
def trained():
    """Tiny VAEs that are trained to the end, by beta over the largest eigenvalue."""
    found = {}
    for share in (0.1, 0.4, 1.2):
        model = TinyVAE(ROWS, 3, share * VALUES[0], "gaussian")
        options = {"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-8}
        start = model.start(np.random.default_rng(1), 0.3)
        end = minimize(model.loss, start, jac=True, method="L-BFGS-B", options=options)
        found[share] = put_out(model, end.x)
    return found


def of_trained(trained, share, beta=None, **options):
    mu, logvar, W = trained[share]
    monitor = vaedyn.CollapseMonitor(VALUES, **options)
    for _ in range(2):
        for _ in range(20):  # epochs
            monitor.update(mu, logvar)
        report = monitor.report(share * VALUES[0] if beta is None else beta, decoder=W)
    return report


def test_trained_to_the_end_all_is_as_predicted(trained):
    for share, units in ((0.1, 3), (0.4, 2)):
        report = of_trained(trained, share)
        np.testing.assert_allclose(report.kl_per_latent, report.predicted, atol=2e-4)
        assert report.active_kl == report.active_variance == report.predicted_active == units
        assert report.in_force.beta == pytest.approx(share * VALUES[0], rel=1e-3)
        assert report.in_force.spread < 1e-3
        assert report.off_centre < 1e-8
        assert (report.verdict, report.settled, report.notes) == ("expected", True, ())


def test_above_the_largest_eigenvalue_it_has_collapsed(trained):
    report = of_trained(trained, 1.2)
    assert (report.verdict, report.active_kl, report.slowdown) == ("collapsed", 0, None)
    assert report.advice == f"units become active below beta = {VALUES[0]:.4g} only"
    assert np.isnan(report.in_force.beta)
    own = of_trained(trained, 1.2, convention=vaedyn.Convention("mean"), dim=4)
    assert own.advice.startswith(f"units become active below KL weight {VALUES[0] / 2:.4g} (beta")


def test_a_loss_of_another_scale_is_found(trained):
    """The author means another beta than is in force: N = 4 entries, M = 3 latents."""
    beta = 0.1 * VALUES[0]
    for wrong, cause in (
        (2, "the squared error has a factor 1/2 too many"),
        (1 / 2, "the squared error lacks a factor 1/2"),
        (4, "the squared error is averaged over the 4 entries instead of summed"),
        (1 / 4, "KL is divided by the 4 entries"),
        (3, "KL is summed over the 3 latents"),
        (1 / 3, "KL is averaged over the 3 latents instead of summed"),
        (50, "KL is summed over a batch of 50"),
        (1 / 50, "the squared error is summed over a batch of 50"),
    ):
        report = of_trained(trained, 0.1, beta=beta / wrong)
        if beta / wrong < VALUES[0]:
            assert report.verdict == "mismatch"
        assert f"{wrong:.3g} times yours" in report.advice
        assert cause in report.advice
    assert of_trained(trained, 0.1, beta=1.15 * beta).verdict == "expected"
    report = of_trained(trained, 0.1, beta=1.4 * beta)
    assert report.advice.endswith("0.714 times yours; vaedyn.probe measures what your loss is")


def test_training_is_watched_from_the_plateau_to_the_end():
    """Plain gradient descent from small weights, at 0.6 l_1; the time is that of `growth`."""
    beta = 0.6 * VALUES[0]
    model = TinyVAE(ROWS, 2, beta, "gaussian")
    flat, lr = model.start(np.random.default_rng(2), 0.003), 0.5
    monitor, seen = vaedyn.CollapseMonitor(VALUES), []
    wait = 4 / growth(VALUES[0], beta) / lr
    for steps in (wait / 4, 2.5 * wait / 4, 0.7 * wait, 20 * wait, 5 * wait):
        flat = descend(model, flat, int(steps), lr)
        for _ in range(20):  # epochs
            monitor.update(*put_out(model, flat)[:2])
        seen.append(monitor.report(beta))
    assert [each.verdict for each in seen][:1] == ["plateau"]
    assert "learning" in [each.verdict for each in seen]
    assert seen[-1].verdict == "expected"
    assert seen[-1].kl == pytest.approx(seen[-1].predicted_kl, rel=1e-3)
    assert f"{seen[0].slowdown:.2g} times as slowly" in seen[0].advice


def test_latents_that_are_off_centre_are_still_learning():
    """Biases of encoder and decoder that cancel: KL hardly moves, and it is not the end."""
    beta = 0.4 * VALUES[0]
    model = TinyVAE(ROWS, 2, beta, "gaussian")
    flat = descend(model, model.start(np.random.default_rng(2), 0.3), 500, 0.5)
    assert reported(*put_out(model, flat)[:2], beta).verdict == "expected"
    p = model.parts(flat)
    p["c"][:] = [1.6, -0.4]
    p["b"][:] -= p["W"] @ p["c"]
    report = reported(*put_out(model, flat)[:2], beta)
    assert report.off_centre == pytest.approx(0.5 * (1.6**2 + 0.4**2), rel=1e-3)
    assert report.verdict == "learning"
    assert "hold 1.4 nats of KL" in report.advice
    flat = descend(model, flat, 500, 0.5)
    report = reported(*put_out(model, flat)[:2], beta)
    assert (report.verdict, report.off_centre < 1e-3) == ("expected", True)


def test_latents_that_were_never_born_are_fewer_than_possible():
    """Weights that are exactly 0 stay there in gradient descent, as those of dead units do."""
    beta = 0.1 * VALUES[0]
    model = TinyVAE(ROWS, 3, beta, "gaussian")
    flat = model.start(np.random.default_rng(4), 0.3)
    for name in ("W", "V"):
        model.parts(flat)[name][:, 1:] = 0
    flat = descend(model, flat, 500, 0.5)
    monitor = vaedyn.CollapseMonitor(VALUES)
    for first in (True, False):
        for _ in range(20):  # epochs
            monitor.update(*put_out(model, flat)[:2])
        report = monitor.report(beta, decoder=put_out(model, flat)[2])
        assert (report.verdict, report.active_kl, report.predicted_active) == ("fewer", 1, 3)
        assert report.advice.startswith("if KL no longer moves") == first
    assert report.in_force.beta == pytest.approx(beta, rel=1e-3)


def test_spare_latents_fit_noise_where_signals_are_known():
    """Three signals in 20 directions of noise, six latents: noise above eta is what rows have."""
    rows = spiked(np.random.default_rng(5), 400, 20, (9.0, 6.0, 4.0), 0.8, turned=True)
    look = vaedyn.look(rows)
    assert look.analysis.no_floor is None
    assert look.prediction.latents == 3
    noise = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[-4]
    for beta, word in ((0.25, "noise"), (0.5 * noise, "noise"), (noise, "expected")):
        mu, D, _ = at_the_end(rows, beta, 6)
        report = reported(mu, np.log(D), beta, look)
        assert report.verdict == word
    mu, D, _ = at_the_end(rows, 0.25, 6)
    assert reported(mu, np.log(D), 0.25, look.prediction.variances()).verdict == "expected"
    report = reported(mu, np.log(D), 0.25, look)
    assert report.advice == (
        "signals that stand out of the noise: 3; take as many latents, or at least "
        f"beta = {noise:.4g}"
    )


def test_for_another_likelihood_only_collapse_is_predicted():
    """Binary rows; the tiny VAE trained by a cross entropy, below and above the threshold."""
    random = np.random.default_rng(6)
    z = random.normal(size=(120, 1))
    rows = (random.random((120, 5)) < 1 / (1 + np.exp(-3 * z))).astype(float)
    cross = vaedyn.Convention(likelihood="bernoulli")
    threshold = vaedyn.collapse_thresholds(rows, "bernoulli").eigenvalues
    for share, word in ((1.1, "collapsed"), (0.4, "unknown")):
        model = TinyVAE(rows, 2, share * threshold[0], "bernoulli")
        start = model.start(random, 0.05)
        options = {"maxiter": 500, "gtol": 1e-8}
        end = minimize(model.loss, start, jac=True, method="L-BFGS-B", options=options).x
        for given in (rows, threshold):
            monitor = vaedyn.CollapseMonitor(given, convention=cross)
            monitor.update(*put_out(model, end)[:2])
            report = monitor.report(share * threshold[0])
            assert (report.verdict, report.predicted, report.predicted_kl) == (word, None, None)
            assert report.slowdown is None
        monitor.update(*put_out(model, end)[:2])
        with pytest.raises(ValueError, match="decoder: beta is read off it for a gaussian only"):
            monitor.report(1.0, decoder=np.ones((5, 2)))
    monitor.update(*put_out(model, 0 * end)[:2])
    assert monitor.report(0.9 * threshold[0]).verdict == "learning"  # it has moved
    still = vaedyn.CollapseMonitor(rows, convention=cross)
    still.update(*put_out(model, 0 * end)[:2])
    assert still.report(0.9 * threshold[0]).verdict == "plateau"


def test_all_verdicts_are_single_words():
    assert all(word.isidentifier() for word in VERDICTS)
