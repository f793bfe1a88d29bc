"""The beta that leads to what is wanted: forwards again, by the prediction and by bisection."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.datasets import load_digits

from vaedyn import ParameterError, beta_for, learned_variance, look


@pytest.fixture(scope="module")
def digits():
    return look(load_digits().data)


@pytest.mark.parametrize("latents", [None, 10, 200])
@pytest.mark.parametrize("capacity", [1e-6, 0.3, 2.0, 11.0, 80.0])
def test_the_capacity_is_reached(digits, capacity, latents):
    found = beta_for(digits, capacity=capacity, latents=latents)
    prediction = digits.prediction
    assert prediction.rate(found.beta, latents) == pytest.approx(capacity, rel=1e-9, abs=1e-12)
    root = brentq(lambda b: prediction.rate(b, latents) - capacity, 1e-30, 1e3, xtol=1e-300)
    assert found.beta == pytest.approx(root, rel=1e-6)
    assert found.low == found.high == found.beta


@pytest.mark.parametrize("latents", [None, 12])
@pytest.mark.parametrize("share", [1e-4, 0.02, 0.3, 0.7])
def test_so_much_is_explained(digits, share, latents):
    found = beta_for(digits, explained=share, latents=latents)
    assert digits.prediction.explained(found.beta, latents) == pytest.approx(share, rel=1e-9)
    assert found.row.explained == pytest.approx(share, rel=1e-9)


@pytest.mark.parametrize("latents", [None, 12])
@pytest.mark.parametrize("keep", [1, 2, 11, 12])
def test_so_many_latents_are_kept_in_the_range_only(digits, keep, latents):
    found = beta_for(digits, keep=keep, latents=latents)
    active = digits.prediction.active
    assert active(found.high, latents) == keep - 1
    assert active(found.high * (1 - 1e-9), latents) == active(found.beta, latents) == keep
    if found.low:
        assert active(found.low, latents) == keep
        assert active(found.low * (1 - 1e-9), latents) == keep + 1
    else:
        assert keep == latents


@pytest.mark.parametrize("wish", [{"keep": 3}, {"keep": 12}, {"capacity": 4.0}, {"explained": 0.4}])
def test_beside_a_learned_variance_it_is_that_weight(digits, wish):
    found = beta_for(digits, **wish, latents=12, learned=True)
    values, total = digits.prediction.variances(), digits.prediction.total

    def at(beta):
        return learned_variance(values, beta, 12, dim=64, total=total)

    reached = at(found.beta)
    assert reached.in_force == pytest.approx(found.row.beta, rel=1e-9)
    assert reached.kl == pytest.approx(wish.get("capacity", reached.kl), rel=1e-9)
    assert reached.explained == pytest.approx(wish.get("explained", reached.explained), rel=1e-9)
    if "keep" in wish:
        assert reached.active == wish["keep"]
        assert at(found.high * (1 + 1e-9)).active == wish["keep"] - 1
        if wish["keep"] < 12:
            assert at(found.low * (1 - 1e-9)).active == wish["keep"] + 1


def test_what_no_beta_leads_to_is_refused(digits):
    equal = look(np.vstack([np.eye(6), -np.eye(6)]) * [3, 2, 2, 1, 1, 1])
    for wish, name, reason in (
        ({}, "keep", "is needed"),
        ({"keep": 1, "capacity": 1.0}, "keep", "excludes capacity"),
        ({"keep": 0}, "keep", "at least 1"),
        ({"keep": 62}, "keep", "at most 61, the directions"),
        ({"keep": 5, "latents": 4}, "keep", "at most 4, the latents"),
        ({"capacity": 0.0}, "capacity", "> 0"),
        ({"capacity": np.inf}, "capacity", "finite"),
        ({"capacity": 1e6}, "capacity", "too large"),
        ({"explained": 1.0}, "explained", "below 1, "),
        ({"explained": 0.9, "latents": 3}, "explained", "must be a share below 0.4"),
        ({"explained": 0.0}, "explained", "> 0"),
        ({"keep": 1, "latents": 0}, "latents", "at least 1"),
    ):
        with pytest.raises(ParameterError, match=f"^{name}: .*{reason}"):
            beta_for(digits, **wish)
    with pytest.raises(ParameterError, match="eigenvalues 2 and 3 are equal"):
        beta_for(equal, keep=2)
    assert beta_for(equal, keep=3).row.active == 3


def test_eigenvalues_that_are_missing_are_asked_for(monkeypatch):
    from vaedyn.data.spectrum import covariance_spectrum

    monkeypatch.setitem(covariance_spectrum.__kwdefaults__, "largest_exact", 10)
    random = np.random.default_rng(0)
    found = look(random.normal(size=(400, 30)) * np.geomspace(5, 0.5, 30), leading=6, passes=40)
    assert found.prediction.missing
    assert beta_for(found, keep=4).row.active == 4
    for wish in ({"keep": 6}, {"capacity": 20.0}, {"explained": 0.95}):
        with pytest.raises(ParameterError, match="^leading: .*only 6 eigenvalues"):
            beta_for(found, **wish)
    assert beta_for(found, keep=6, latents=6).row.active == 6
