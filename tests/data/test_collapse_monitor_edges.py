"""What a monitor is given, hands on to a verdict and keeps, number by number."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import collapse_monitor as module
from vaedyn.data.collapse_monitor import CollapseMonitor, _eigenvalues, _is_table
from vaedyn.data.convention import Convention
from vaedyn.data.judge import check_asked
from vaedyn.data.latents import Moments, as_numbers
from vaedyn.data.report import Past
from vaedyn.errors import ParameterError

VALUES = [5.0, 2.0, 0.5]
MU = np.array([[0.3, -2.0], [0.1, 1.0], [-0.1, 2.5]])
LOGVAR = np.array([[-0.2, -1.5], [0.1, -1.0], [0.0, -2.0]])


def refused(call, *given, **options):
    with pytest.raises(ParameterError) as error:
        call(*given, **options)
    return str(error.value)


@pytest.fixture
def seen(monkeypatch):
    """Return all that verdicts are asked about."""
    asked = []

    def verdict(seen):
        asked.append(seen)
        return "word", "advice"

    monkeypatch.setattr(module, "verdict", verdict)
    monkeypatch.setattr(module, "notes_of", lambda seen, word, units: [f"{word} {units}"])
    return asked


def fed(*given, mu=MU, logvar=LOGVAR, **options):
    monitor = CollapseMonitor(*given, **options)
    monitor.update(mu, logvar)
    return monitor


def test_what_a_verdict_is_asked_about(seen):
    convention = Convention("mean", scale=0.5, batch_size=11)
    monitor = fed(VALUES, convention=convention, dim=7)
    monitor.signals, monitor.noise, monitor.total = 1, 2.0, 8.5
    report = monitor.report(1.25)
    (it,) = seen
    variance = np.exp(LOGVAR)
    each = 0.5 * (MU**2 + variance - LOGVAR - 1)
    kl = each.mean(axis=0)[::-1]  # the second has more
    factor = 2 * 0.25 / 7
    assert (it.beta, it.largest, it.settled, it.in_force) == (1.25, 5.0, None, None)
    assert (it.signals, it.noise, it.dim, it.batch) == (1, 2.0, 7, 11)
    assert (it.scale, it.summed) == (0.5, False)
    assert it.factor == pytest.approx(factor, rel=1e-14)
    np.testing.assert_allclose(it.kl, kl, rtol=1e-14)
    np.testing.assert_allclose(it.predicted, 0.5 * np.log([4, 1.6]), rtol=1e-14)
    assert it.off_centre == pytest.approx(0.5 * (0.1**2 + 0.5**2), rel=1e-12)
    assert it.error == pytest.approx(0.25 * (8.5 - 3.75 - 0.75), rel=1e-14)
    assert (report.verdict, report.advice, report.notes) == ("word", "advice", ("word 2",))
    assert report.weight == pytest.approx(1.25 * factor, rel=1e-14)
    assert (report.rows, report.batch, report.beta) == (3, 11, 1.25)
    assert report.order.tolist() == [1, 0]
    np.testing.assert_allclose(report.kl_per_latent, kl, rtol=1e-14)
    np.testing.assert_allclose(report.predicted, it.predicted)
    np.testing.assert_allclose(report.mean_variance, MU.var(axis=0)[::-1], rtol=1e-12)
    np.testing.assert_allclose(report.posterior_variance, variance.mean(axis=0)[::-1], rtol=1e-14)
    assert report.kl == pytest.approx(kl.sum(), rel=1e-14)
    error = each.sum(axis=1).std(ddof=1) / 3**0.5
    assert report.kl_error == pytest.approx(error, rel=1e-12)
    assert report.predicted_kl == pytest.approx(0.5 * np.log(6.4), rel=1e-14)
    assert (report.predicted_error, report.off_centre) == (it.error, it.off_centre)
    assert (report.active_kl, report.active_variance, report.predicted_active) == (2, 2, 2)
    assert (report.settled, report.in_force) == (None, None)
    assert report.slowdown == it.slowdown
    assert monitor.history == [Past(3, 1.25, report.kl, report.kl_error, 2, "word")]
    monitor.update(MU, LOGVAR)
    monitor.report(1.25)
    assert seen[1].settled is None  # so few rows say nothing


def test_units_are_counted_by_the_variance_of_mu_from_a_hundredth_on(seen):
    for size, units in ((0.0999, 1), (0.1001, 2)):
        mu = np.array([[-size, -3.0], [size, 3.0]])
        report = fed(VALUES, mu=mu, logvar=np.zeros(2)).report(1.25)
        assert report.active_variance == units
    for beta, predicted in ((1.99, 2), (2.0, 1), (0.1, 2), (5.0, 0)):
        assert fed(VALUES).report(beta).predicted_active == predicted


def test_usual_monitors_sum_and_know_nothing_of_the_data(seen):
    fed(VALUES).report(1.25)
    (it,) = seen
    assert (it.signals, it.noise, it.dim, it.error, it.factor) == (None, 0.0, 0, None, 1.0)
    assert (it.batch, it.summed, it.scale) == (3, True, 1.0)


def test_batches_are_as_large_as_the_largest(seen):
    monitor = fed(VALUES)
    monitor.update(MU[:1], LOGVAR[:1])
    assert (monitor.batch, monitor.report(1.0).rows) == (3, 4)
    assert monitor.batch == 0
    monitor.update(MU[:2], LOGVAR[0])
    assert monitor.report(1.0, reset=False).batch == 2
    monitor.update(MU, LOGVAR)
    assert (monitor.batch, monitor.report(1.0).rows) == (3, 5)


def test_weights_and_betas_are_exchanged(seen):
    convention = Convention("sum", kl="mean")
    report = fed(VALUES, convention=convention).report(weight=3.0)
    assert (report.beta, report.weight) == (0.75, 3.0)  # 2 M = 4
    report = fed(VALUES, convention=Convention("mean"), dim=10).report(weight=3.0)
    assert report.beta == pytest.approx(15, rel=1e-14)
    none = fed(VALUES, convention=Convention("mean"))
    text = "dim: is needed, as the loss is averaged over columns"
    assert refused(none.report, weight=3.0) == text
    assert refused(none.report, 1.0) == text
    assert none.report(1.0, decoder=np.ones((5, 2))).weight == pytest.approx(0.4)
    both = Convention("mean", kl="per-entry")
    assert fed(VALUES, convention=both).report(weight=3.0).beta == 1.5  # which cancels
    five = Convention(kl="mean", latent=5)
    assert refused(fed(VALUES, convention=five).report, 1.0) == (
        "latent: must be 2, as mu has, got 5"
    )
    assert fed(VALUES, convention=Convention(kl="mean", latent=2)).report(1.0).weight == 4
    assert refused(fed(VALUES).report) == "beta: is needed, or weight, in units of your loss"
    assert refused(fed(VALUES).report, -1e-9) == "beta: must be >= 0, got -1e-09"
    assert refused(fed(VALUES).report, weight=-1.0) == "weight: must be >= 0, got -1"
    assert refused(CollapseMonitor(VALUES, latents=3).report, 1.0) == (
        "mu: no batch was seen: call update before report"
    )


def test_the_judged_are_checked_by_the_least_weight():
    check_asked(None, None)
    check_asked(1e-12, None)
    text = "weight: excludes beta: one of them follows from the other"
    assert refused(check_asked, 1.0, 2.0) == text
    assert refused(check_asked, None, 0.9e-12) == "beta: must be >= 1e-12, got 9e-13"
    check_asked(None, 0.0, least=0.0)


def test_other_likelihoods_predict_nothing(seen):
    monitor = fed(VALUES, convention=Convention(likelihood="poisson"))
    report = monitor.report(1.25)
    assert (report.predicted, report.predicted_kl, report.predicted_active) == (None, None, 2)
    text = "decoder: beta is read off it for a gaussian only, not for poisson"
    monitor.update(MU, LOGVAR)
    assert refused(monitor.report, 1.25, decoder=np.ones((3, 2))) == text
    assert fed(VALUES).report(0.0).predicted is None


def test_more_latents_than_eigenvalues_have_none_left(seen):
    mu, logvar = np.zeros((2, 5)), np.zeros(5)
    report = fed(VALUES, mu=mu, logvar=logvar).report(0.25)
    np.testing.assert_allclose(report.predicted, 0.5 * np.log([20, 8, 2, 1, 1]), rtol=1e-14)
    monitor = fed(VALUES, mu=mu, logvar=logvar)
    monitor.total, monitor.least = 9.0, 0.5
    for beta, error in ((0.5, 3.0), (0.49, None), (0.6, 3.2)):
        found = monitor.report(beta, reset=False)
        assert found.predicted_error == (pytest.approx(error) if error else None)
        told = any("is above beta" in text for text in found.notes)
        assert told == (error is None)
    text = "only 3 eigenvalues are known, and the least of them is above beta: the prediction is "
    assert monitor.report(0.4).notes[0] == f"{text}the least that there can be"
    three = fed(VALUES, mu=mu[:, :3], logvar=np.zeros(3))
    three.total, three.least = 9.0, 0.5
    found = three.report(0.25)
    assert found.predicted_error == pytest.approx(9 - 4.75 - 1.75 - 0.25)
    assert found.notes == ("word 0",)


def test_variances_above_that_of_the_prior_are_doubted(seen):
    text = "all posterior variances are above the prior's, where no training ends: is logvar the "
    for least, told in ((1.0499, False), (1.0501, True)):
        notes = fed(VALUES, logvar=np.log([least, 3.0])).report(1.0).notes
        assert (f"{text}logarithm of the variance?" in notes) == told


def test_decoders_are_checked(seen):
    for dim, wanted in ((None, "(dim, 2)"), (7, "(7, 2)")):
        monitor = fed(VALUES, dim=dim)
        text = f"decoder: must have the shape {wanted}, got "
        assert refused(monitor.report, 1.0, decoder=np.ones((2, 7))) == (
            f"{text}(2, 7): transpose it"
        )
        assert refused(monitor.report, 1.0, decoder=np.ones((7, 3))) == f"{text}(7, 3)"
        assert refused(monitor.report, 1.0, decoder=np.ones(2)) == f"{text}(2,): transpose it"
        assert refused(monitor.report, 1.0, decoder=np.ones((0, 2))) == f"{text}(0, 2)"
    assert refused(monitor.report, 1.0, decoder=np.ones((6, 2))) == f"{text}(6, 2)"
    # by order of KL, in units of the data as they are
    decoder = np.zeros((7, 2))
    decoder[0] = [0.2, 0.9]
    scaled = fed(VALUES, convention=Convention("sum", 1.0, scale=0.5))
    found = scaled.report(1.0, decoder=decoder).in_force
    D = np.exp(LOGVAR).mean(axis=0)[1]
    assert found.per_latent[0] == pytest.approx(D * 0.81 / (1 - D) / 0.25, rel=1e-12)
    assert np.isnan(found.per_latent[1]) or found.per_latent[1] > 0
    assert seen[-1].dim == 7


def looked(**changes):
    known = {
        "variances": lambda: np.array([4.0, 3.0, 1.0]), "total": 9.0, "missing": False,
        "latents": 1, "no_floor": None, "dim": 6,
    }  # fmt: skip
    it = SimpleNamespace(**{**known, **changes})
    return SimpleNamespace(prediction=it, analysis=it, spectrum=it)


def test_a_table_gives_signals_noise_and_doubts(monkeypatch):
    monkeypatch.setattr(module, "look", lambda data, **how: looked(**how))
    table = np.ones((4, 6))

    def state(**how):
        it = CollapseMonitor(table, **how)
        return it.signals, it.noise, it.least, it.total, it.dim, it.doubts

    assert state() == (1, 3.0, 0.0, 9.0, 6, [])
    assert state(missing=True)[2] == 1.0
    assert state(latents=3)[:2] == (None, 0.0) or CollapseMonitor(table, latents=3).latents == 3
    why = "it is not known which active units fit noise, as so it is"
    assert state(no_floor="so it is") == (None, 0.0, 0.0, 9.0, 6, [why])
    monkeypatch.setattr(module, "look", lambda data: looked(latents=3))
    assert state()[:2] == (3, 0.0)
    assert CollapseMonitor(table, dim=6).dim == 6
    text = "dim: must be 6, as the data have, got 7"
    assert refused(CollapseMonitor, table, dim=7) == text


def test_tables_of_other_likelihoods_give_their_thresholds(monkeypatch):
    asked = []

    def thresholds(*given, **options):
        asked.append((given[1:], options))
        return SimpleNamespace(eigenvalues=np.array([2.0]), warnings=("careful",), dim=4)

    monkeypatch.setattr(module, "collapse_thresholds", thresholds)
    convention = Convention(likelihood="nb", dispersion=2.5, scale=3.0)
    it = CollapseMonitor(np.ones((3, 4)), convention=convention, columns=[0, 1])
    assert (it.eigenvalues.tolist(), it.doubts, it.dim) == ([2.0], ["careful"], 4)
    assert (it.signals, it.total) == (None, None)
    assert asked == [(("nb",), {"dispersion": 2.5, "scale": 3.0, "columns": [0, 1]})]


def test_a_bad_batch_is_named():
    monitor = CollapseMonitor(VALUES, latents=2)
    assert refused(monitor.update, MU[0], LOGVAR) == (
        "mu: must have the shape (batch, latents), got (2,)"
    )
    assert refused(monitor.update, MU[:, :1], LOGVAR) == (
        "mu: must have 2 latents, got shape (3, 1)"
    )
    assert refused(monitor.update, MU, LOGVAR[:2]) == (
        "logvar: must have the shape (3, 2) of mu, or (2,) for all rows, got (2, 2)"
    )
    big = "is so large that KL overflows"
    assert refused(monitor.update, MU * 1e160, LOGVAR) == f"mu: {big}"
    assert refused(monitor.update, MU * 1e160, LOGVAR * 0 + 299.9) == f"mu: {big}"
    assert refused(monitor.update, MU * 1e160, LOGVAR * 0 + 300.0) == f"logvar: {big}"
    assert refused(monitor.update, MU, LOGVAR + 800) == f"logvar: {big}"
    # the squares of what rows have together overflow first
    assert refused(monitor.update, [[1.4e77, 1.4e77], [0, 0]], [0, 0]) == f"mu: {big}"
    monitor.update([[1.2e77, 1.2e77], [0, 0]], [0, 0])
    learned = Convention(decoder_variance="learned")
    assert refused(CollapseMonitor, VALUES, convention=learned) == (
        "decoder_variance: learned is not watched: leave it out, and report on beta times that "
        "variance"
    )
    assert refused(CollapseMonitor, VALUES, dim=0) == "dim: must be at least 1, got 0"


def test_what_is_a_table():
    for given in ("x.npy", module.Path("x.npy"), [[1.0, 2.0]], 3.0, [[1.0], [2.0, 3.0]]):
        assert _is_table(given)
    assert not _is_table([1.0, 2.0])
    assert not _is_table(np.ones(3))


def test_eigenvalues_may_be_below_nothing_by_rounding():
    found = _eigenvalues([0.5, -0.99e-9, 2.0, 1.0])
    assert found.tolist() == [2, 1, 0.5, 0]
    assert refused(_eigenvalues, [2.0, -2.02e-9]) == (
        "eigenvalues: must not be negative, got -2.02e-09"
    )
    assert _eigenvalues([2.0, -1.98e-9])[1] == 0
    assert refused(_eigenvalues, [[2.0]]) == "eigenvalues: must have the shape (k,), got (1, 1)"
    assert refused(_eigenvalues, []) == "eigenvalues: must have the shape (k,), got (0,)"
    assert refused(_eigenvalues, [1e-12]).startswith("eigenvalues: must be > 1e-12, got ")
    assert _eigenvalues([1.01e-12])[0] == 1.01e-12


def test_moments_are_merged_as_if_rows_stood_together():
    random = np.random.default_rng(1)
    x = random.normal([5, 0, -2], size=(7, 3))
    parts = Moments.of(x[:2]).merged(Moments.of(x[2:]))
    assert parts.count == 7
    np.testing.assert_allclose(parts.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(parts.squares, 7 * x.var(axis=0), rtol=1e-13)
    np.testing.assert_allclose(parts.error, x.std(axis=0, ddof=1) / 7**0.5, rtol=1e-13)
    assert Moments.of(x[:1]).error.tolist() == [np.inf] * 3
    np.testing.assert_allclose(Moments.of(x[:2]).error, abs(x[0] - x[1]) / 2, rtol=1e-13)
    assert parts.finite
    for mean, squares in ((np.inf, 1.0), (1.0, np.nan)):
        assert not Moments(3, np.array([mean]), np.array([squares])).finite


def test_numbers_of_other_libraries():
    def fails():
        raise RuntimeError("of no use\nmore")

    text = "x: cannot be read as an array: "
    for step in ("detach", "cpu"):
        bad = SimpleNamespace(**{step: fails})
        assert refused(as_numbers, "x", bad) == f"{text}of no use"
    bad = SimpleNamespace(numpy=fails)
    assert refused(as_numbers, "x", bad) == f"{text}of no use"
    masked = np.ma.masked_greater([1.0, 9.0], 5)
    assert refused(as_numbers, "x", masked) == "x: has masked entries: leave such rows out"
    for values, what in (([np.nan, np.inf], "nan"), ([1.0, np.inf], "inf")):
        assert refused(as_numbers, "x", values) == f"x: must be finite, got {what}"
    for values, kind in ((["a"], "<U1"), ([1j], "complex128"), ([None], "object"), ([True], "bool"),
                         (np.array(["2001"], "M8[Y]"), "datetime64[Y]"), ([b"a"], "|S1"),
                         (np.array([3], "m8[s]"), "timedelta64[s]")):  # fmt: skip
        assert refused(as_numbers, "x", values) == f"x: must be real numbers, got {kind}"
    long = SimpleNamespace(numpy=lambda: 1 / 0)
    assert refused(as_numbers, "x", long) == f"{text}division by zero"

    class Narrow:  # of floats that NumPy lacks
        def numpy(self):
            raise TypeError("no bfloat16")

        def float(self):
            return SimpleNamespace(numpy=lambda: [1.5])

    assert as_numbers("x", Narrow()).tolist() == [1.5]
