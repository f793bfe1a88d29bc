"""Between which values of beta a collapsed latent stays, and up to which a living one does."""

from typing import Any

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.annealing.examine import examine
from vaedyn.fixedpoints import thresholds as module
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.thresholds import collapse_threshold, fold, lives, noise_window
from vaedyn.kernels.constants import Constants
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant

STRIP: dict[str, Any] = {"rho": 0.9, "eta": 0.35, "lam": 0.8}


def model(beta=1.0, rho=1.0, eta=1.0, lam=0.0, lr=0.01):
    return Constants(beta, np.array([rho]), eta, lam, lr, 1)


@pytest.mark.parametrize(
    ("lr", "low", "high"), [(1.0, 1.262218978, 1.653887), (0.05, None, 39.97561)]
)
def test_collapse_is_unstable_again_at_large_beta(lr, low, high):
    """Values from code that was written independently."""
    window = noise_window(model(lr=lr))
    assert window[1] == pytest.approx(high, rel=3e-7)
    if low:
        assert window[0] == pytest.approx(low, rel=1e-9)
    points = vaedyn.fixed_points(vaedyn.Params(lr=lr, beta=1.1 * high, rho=0.1), groups=1)
    assert points.thresholds["noise_upper"] == window[1]
    assert not points.stable[points.labels.index("collapsed")]


def growth(at, chosen=slice(2, 5)):
    """Return the growth rate of noise in a collapsed latent, by differences of the drift."""
    y = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    columns = [
        reference.drift(y + h, at.beta, at.rho, at.eta, at.lam, at.lr, 1)
        - reference.drift(y - h, at.beta, at.rho, at.eta, at.lam, at.lr, 1)
        for h in 1e-6 * np.eye(6)[chosen]
    ]
    return np.linalg.eigvals(np.array(columns)[:, chosen].T).real.max() / at.lr


def test_the_window_of_random_models_is_where_the_drift_does_not_grow():
    random = np.random.default_rng(2)
    windows = 0
    for _ in range(25):
        eta, lr = 10 ** random.uniform(-1, 0.5), 10 ** random.uniform(-3, 0.7)
        lam = random.integers(2) * 10 ** random.uniform(-2, 0.5)
        at = model(eta=eta, lam=lam, lr=lr)
        window = noise_window(at)
        betas = np.geomspace(1e-3, 1e4, 40)
        stable = [growth(at._replace(beta=beta)) < 0 for beta in betas]
        if window is None:
            assert not any(stable)
            continue
        windows += 1
        np.testing.assert_array_equal(stable, (betas > window[0]) & (betas < window[1]))
        for edge in window:
            if edge:
                ends = [growth(at._replace(beta=(1 + x) * edge)) for x in (-1e-4, 1e-4)]
                assert ends[0] * ends[1] < 0
    assert windows > 12


def test_a_living_latent_is_lost_at_the_fold():
    assert fold(model(**STRIP), 0.9) == pytest.approx(0.1056010307962, abs=1e-11)
    for rho, eta in ((1.0, 1.0), (3.0, 0.5)):  # without weight decay there is none
        assert fold(model(rho=rho, eta=eta), rho) == pytest.approx(rho + eta, rel=1e-7)


def test_latents_may_live_where_collapse_is_stable_at_any_beta():
    """For ``lam < s < sqrt(lam (1 + lam))`` too, at small beta."""
    strip = {"rho": 0.3, "eta": 0.4, "lam": 0.5}
    assert collapse_threshold(0.7, 0.5) < 0
    limit = fold(model(**strip), 0.3)
    assert limit > 0.02
    for factor in (0.97, 1.03):
        params = vaedyn.Params(**strip, beta=factor * limit)
        assert ("signal 1" in vaedyn.fixed_points(params).types) == (factor < 1)
        assert lives(Constants.of(params), 0.3) == (factor < 1)


def test_between_the_threshold_and_the_fold_the_doctor_leaves_it_to_the_start():
    params = vaedyn.Params(**STRIP, beta=0.06, t_max=40_000)
    (text,) = examine(params)
    for words in ("0.0544444", "the start decides", "0.105601"):
        assert words in text
    end = vaedyn.theory(params)
    assert end.m[-1].item() ** 2 == pytest.approx(0.2332, abs=1e-4)
    assert end.eps_g[-1] == pytest.approx(0.21755, abs=1e-5)
    small = vaedyn.theory(
        vaedyn.Params(**STRIP, beta=0.06, t_max=40_000, init="m=.01,d=.01,Q=.001,E=.001,R=0,D=1")
    )
    assert small.Q[-1].item() < 1e-5
    (beyond,) = examine(vaedyn.Params(**STRIP, beta=0.106))
    assert "beyond 0.105601, where all latents collapse, however long" in beyond
    assert vaedyn.theory(vaedyn.Params(**STRIP, beta=0.106, t_max=9000)).Q[-1].item() < 1e-4


def test_the_doctor_takes_weight_decay_into_account_for_noise():
    (text,) = examine(vaedyn.Params(beta=1, lam=0.5, rho=0.4))
    assert "all latents collapse" in text
    limit = collapse_threshold(1.0, 0.5)
    assert limit == pytest.approx(1 / 1.5 - 0.5)
    params = vaedyn.Params(rho=0.02, lam=0.1, lr=0.5, beta=0.9)
    low = noise_window(Constants.of(params))[0]
    assert collapse_threshold(1.02, 0.1) < 0.9 < low
    (text,) = examine(params)
    assert "no signal is learned" in text


def test_the_doctor_asks_for_stability_at_the_given_rate():
    stays = vaedyn.Params(rho=0.5, lr=1, beta=1.6)
    grows = vaedyn.Params(rho=0.5, lr=1, beta=3)
    (text,) = examine(stays)
    assert "all latents collapse" in text
    first, second = examine(grows)
    assert "no signal is learned" in first
    assert "unstable from beta = 1.65389 on" in second
    start = np.array([0.01, 0.01, 1e-3, 1e-3, 0, 1])
    times = np.array([0.0, 500.0])
    end = integrate(stays, start, times, Constant(), rtol=1e-8, atol=1e-12)[0][-1]
    assert end[2] < 1e-6
    with pytest.raises(vaedyn.DivergenceError):
        integrate(grows, start, times, Constant(), rtol=1e-8, atol=1e-12)


def test_at_rates_at_which_collapse_is_unstable_at_any_beta_the_doctor_warns():
    assert noise_window(model(lr=3.0)) is None
    assert "at any beta" in examine(vaedyn.Params(latent=2, lr=3))[-1]


def test_signals_have_no_upper_end():
    """Overlaps with signals have no terms of the order of the squared rate."""
    for lam in (0.0, 0.2):
        at = model(rho=2.0, lam=lam, lr=1.0)
        limit = collapse_threshold(3.0, lam)
        for beta in limit * np.geomspace(0.1, 1e4, 30):
            assert (growth(at._replace(beta=beta), slice(0, 2)) < 0) == (beta > limit)


def test_tiny_noise_overflows_nowhere():
    """Warnings are errors here."""
    points = vaedyn.fixed_points(vaedyn.Params(eta=1e-300, t_max=10, lr=0.1))
    assert "collapsed" in points.types
    assert points.thresholds["noise"] == pytest.approx(1e-300)
    assert points.thresholds["noise_upper"] == pytest.approx(2e301)
    # lr eta, too, may be less than any number
    for lr, lam in ((1e-57, 0.0), (1e-57, 1e12), (1e-12, 0.1)):
        low, high = noise_window(Constants(1.0, np.ones(1), 1e-289, lam, lr, 1)) or (np.nan, np.nan)
        assert 0 <= low < high
        assert np.isfinite(high)
        assert high > 1e300


def test_a_condition_is_switched_at_the_first_value_from_which_it_holds():
    betas = np.geomspace(0.01, 100, 30)
    for at in (0.0345, 1.7, 99.0):
        found = module._switched(lambda x, at=at: x >= at, betas, True)
        assert found == pytest.approx(at, rel=1e-11)
        assert found >= at
        found = module._switched(lambda x, at=at: x < at, betas, False)
        assert found == pytest.approx(at, rel=1e-11)
    assert module._switched(lambda x: x > 0, betas, True) == 0.01
    assert module._switched(lambda x: x > 0, betas, False) is None
    twice = module._switched(lambda x: ((x > 1) & (x < 2)) | (x > 50), betas, True)
    assert twice == pytest.approx(1, rel=1e-11)


def test_growth_turns_negative_at_the_smallest_beta_that_counts():
    """Between 1e-9 and 1000 times a scale; what touches zero, and what sinks from 0, does not."""
    first = module._first_sign_change
    for at in (2e-5, 0.7, 1.9, 1999.0):
        assert first(lambda beta, at=at: at - beta, 2.0) == pytest.approx(at, rel=1e-12)
    assert first(lambda beta: (beta - 1) * (beta - 3), 2.0) == pytest.approx(1, rel=1e-12)
    assert first(lambda beta: 2001 - beta, 2.0) is None
    assert first(lambda beta: 1.0, 2.0) is None
    assert first(lambda beta: 0.0 - beta, 2.0) is None
    assert first(lambda beta: 1.9e-9 - beta, 2.0) is None


def test_a_rate_is_the_largest_where_nothing_happens_before(monkeypatch):
    """Stable up to lr = 3 of a unit, whose branch is not found near: to a thousandth."""

    class Some:
        def __init__(self, model):
            self.lr = model.lr

        def state(self, unit):
            return None if self.lr > gone else np.zeros(1)

        def growth(self, configuration):
            return self.lr - most

    made = []

    class Near:
        def __init__(self, path, low, high, living, steps, first):
            made.append((low, high, steps, first))

        def choices(self, configuration):
            return []

    monkeypatch.setattr(module, "Units", Some)
    monkeypatch.setattr(module, "Continuation", Near)
    begun, unit = Constants.of(vaedyn.Params(lr=0.25)), (Unit(1, (1.0,)),)
    gone, most = np.inf, 3.0
    low = module.max_lr(begun, unit)
    assert 3 / 1.001 <= low < 3
    (start, stop, _, first), again = made
    assert (first, again) == (True, (start, stop, 12, False))
    assert start == 0.999 * low
    assert 3 < stop < 1.004 * 3
    gone = 2.0
    assert 2 / 1.001 <= module.max_lr(begun, unit) <= 2
    most = 0.25
    assert module.max_lr(begun, unit) is None
    gone, most = np.inf, 7.7e3
    assert 7.7e3 / 1.001 <= module.max_lr(begun, unit) < 7.7e3
    most = 1.3e4
    assert module.max_lr(begun, unit) is None
