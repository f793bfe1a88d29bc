"""The collapse monitor: what it accumulates, predicts, and refuses; and VAEs that are trained."""

import pickle
import sys
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

import vaedyn
from tests.shared.own_vae import Tensor, at_the_end
from vaedyn.data.verdict import growth

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


def test_a_warm_up_may_start_at_0():
    mu, D, decoder = at_the_end(ROWS, 0.5, 3)
    monitor = vaedyn.CollapseMonitor(ROWS, convention=vaedyn.Convention("mean"))
    for options in ({"beta": 0}, {"weight": 0.0}, {"beta": np.float32(0)}):
        monitor.update(mu, np.log(D))
        report = monitor.report(**options, decoder=decoder)
        assert (report.verdict, report.beta, report.weight) == ("learning", 0, 0)
        assert report.advice.startswith("beta is 0: KL grows as long as that lasts")
        assert (report.predicted, report.predicted_kl) == (None, None)
        assert report.notes == tuple(monitor.doubts)
    monitor.update(mu, np.log(D))
    assert monitor.report(0.5).settled is None  # beta has changed
    assert monitor.history[-1].verdict == "expected"


def test_the_batch_of_training_may_be_another_than_that_of_reports():
    """Causes are named by it: here the squared error is summed over 64 rows, KL averaged."""
    mu, D, decoder = at_the_end(ROWS, 0.5, 3)
    for batch_size, known in ((64, True), (None, False)):
        convention = vaedyn.Convention("sum", 1.0, batch_size=batch_size)
        monitor = vaedyn.CollapseMonitor(VALUES, convention=convention)
        monitor.update(mu, np.log(D))
        report = monitor.report(32.0, decoder=decoder)
        assert report.verdict == "mismatch"
        assert report.batch == (64 if known else 50)
        assert ("is summed over a batch of 64, KL averaged" in report.advice) == known


def test_variances_in_place_of_their_logarithms_are_noticed():
    mu, D, _ = at_the_end(ROWS, 0.5, 3)
    for wrong in (D, np.sqrt(D)):
        assert "is logvar the logarithm of the variance?" in "".join(reported(mu, wrong, 0.5).notes)
    assert reported(mu, np.log(D), 0.5).notes == ()
    start = RANDOM.normal(size=(200, 6)) * 0.3
    assert reported(start, 0.3 * RANDOM.normal(size=(200, 6)), 0.5).notes == ()


# --- what is predicted ------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize(("beta", "latents"), [(0.5, 3), (0.03, 2), (9.0, 3), (0.01, 4)])
def test_the_squared_error_is_that_of_the_best_linear_vae(beta, latents, scale):
    """Written out: the mean over rows and over z = mu + sqrt(D) noise of |scale x - W z|^2."""
    mu, D, decoder = at_the_end(ROWS, beta, latents)
    x = ROWS - ROWS.mean(axis=0)
    of_mean = ((x - mu @ decoder.T) ** 2).sum(axis=1).mean()
    wanted = scale**2 * (of_mean + (D * (decoder**2).sum(axis=0)).sum())
    convention = vaedyn.Convention("sum", 1.0, scale=scale)
    monitor = vaedyn.CollapseMonitor(ROWS, convention=convention)
    monitor.update(mu, np.log(D))
    report = monitor.report(beta)
    assert report.predicted_error == pytest.approx(wanted, rel=1e-9)
    assert reported(mu, np.log(D), beta).predicted_error is None  # eigenvalues need not be all


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
    "masked": (np.ma.masked_greater(np.arange(8.0).reshape(4, 2), 5), np.ones(2), "mu: has masked"),
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
        ({"beta": 0, "weight": 0}, "weight: excludes beta"),
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
