"""The collapse monitor on VAEs that are really trained: what it says of each, and when."""

import re

import numpy as np
import pytest
from scipy.optimize import minimize

import vaedyn
from tests.shared.own_vae import at_the_end, descend, put_out
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


@pytest.mark.parametrize("off", [0.5, 0.8, 1.3, 2.0])
def test_a_loss_that_is_not_what_its_author_thinks_is_worse_than_a_linear_vae(off):
    """Without the decoder, its squared error shows that: it is above the one that is printed."""
    beta = 0.12 * VALUES[0]
    mu, D, decoder = at_the_end(ROWS, off * beta, 3)
    x = ROWS - ROWS.mean(axis=0)
    error = ((x - mu @ decoder.T) ** 2).sum(axis=1).mean() + (D * (decoder**2).sum(axis=0)).sum()
    monitor = vaedyn.CollapseMonitor(ROWS)
    monitor.update(mu, np.log(D))
    report = monitor.report(beta)
    assert report.verdict == ("fewer" if off > 1 else "nonlinear")
    printed = re.search(r"squared error of a row is below (\S+) \(", report.advice)
    assert error > 1.02 * float(printed[1])
    assert f"the beta in force is {'larger' if off > 1 else 'smaller'} than yours" in report.advice


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
