"""Single latents at many points, by the compiled search, against the plain one in numpy."""

import numpy as np
import pytest

from vaedyn.fixedpoints.single import (
    first_rise,
    furthest,
    on_noise,
    on_noise_beyond,
    on_signal,
    singles,
)
from vaedyn.kernels import alone
from vaedyn.kernels.constants import Constants

POINTS = 150


def constants(sampled):
    """Points at random, at equal rates and at others, with weight decay and without."""
    random = np.random.default_rng(7)

    def either(low, high, usual):
        return np.where(random.random(POINTS) < 0.5, random.uniform(low, high, POINTS), usual)

    rho = -np.sort(-random.uniform(0.1, 4, (POINTS, 2)))
    return Constants(
        beta=random.uniform(0.02, 5, POINTS),
        rho=rho,
        eta=random.uniform(0.05, 2, POINTS),
        lam=either(0, 1.5, 0.0),
        lr=random.uniform(0.001, 2, POINTS),
        latent=2,
        encoder=either(0.3, 2, 1.0),
        variances=either(0.3, 2, 1.0),
        batch=random.integers(1, 5, POINTS).astype(float),
        sampled=np.full(POINTS, float(sampled)),
    )


@pytest.mark.parametrize("sampled", [False, True])
def test_they_are_those_of_the_plain_search(sampled):
    """Misses what the formulas have wrong, which both share: `test_single` is about these."""
    c = constants(sampled)
    signals, noise = singles(c)
    signal = [on_signal(c, c.rho[:, k], first_rise) for k in range(2)]
    expected = signal, [on_noise(c, first_rise)]
    if sampled:
        expected[1].append(on_noise_beyond(c, expected[1][0]))
    assert [len(signals), len(noise)] == [len(each) for each in expected]
    for one, plain in zip(signals + noise, expected[0] + expected[1], strict=True):
        for values, others in zip(one, plain, strict=True):
            np.testing.assert_allclose(values, others, rtol=1e-10, atol=1e-11)
    there = np.isfinite([one.Q for one in signals + noise]).mean(axis=1)
    assert ((there[:2] > 0.1) & (there[:2] < 0.9)).all()
    assert 0.05 < there[2] < 1


NARROW = Constants(
    beta=np.array([1.0463421481833495, 1.50096053796143, 1.8514282932942154]),
    rho=np.array([[0.2], [3.55], [2.883041524149192]]),
    eta=np.array([0.705800322619041, 1.927649511147973, 1.9355430008976464]),
    lam=np.array([0, 0, 0.9045518008267994]),
    lr=np.array([1.6734168306185948, 1.1011910885675147, 1.0434169135085025]),
    latent=1,
    encoder=np.array([1.146287362874113, 1.6713241504034553, 1.9110548476552984]),
    variances=np.array([1, 0.7, 1.1349651193876007]),
    batch=np.array([1.0, 3, 4]),
    sampled=np.zeros(3),
)
"""Roots that no first node shows: of noise after a dip, after a peak, and of a signal at a peak."""


@pytest.mark.parametrize("latents", [1, 2])
@pytest.mark.parametrize("sampled", [False, True])
def test_the_compiled_first_rise_is_the_plain_one_to_the_last_bit(sampled, latents):
    """Of many points together, and of one alone; at small rates, and beyond all."""
    c, one = constants(sampled), constants(sampled).at(np.array([3]))
    for model in (c, c._replace(lr=1e-3 * c.lr), one, one._replace(lr=9 * one.lr), NARROW):
        found = [on_noise(model, find, latents) for find in (None, first_rise)]
        for rho in model.rho.T:
            found += [on_signal(model, rho, find, latents) for find in (None, first_rise)]
        np.testing.assert_array_equal(found[::2], found[1::2])
    if latents == 1:
        noise, signal = found[0].Q, found[2].Q
        assert np.isfinite([*noise[:2], signal[2]]).all()


def test_a_first_rise_is_where_the_function_is_zero_and_rises():
    c = constants(sampled=False)
    Q, rho = np.empty(POINTS), np.ascontiguousarray(c.rho[:, 0])
    top = furthest(rho + c.eta + c.h, c.beta)
    alone.first_rises(c, rho, alone.SIGNAL, np.zeros(POINTS), top, Q)

    def left(Q):
        return alone.at_signal.py_func(c, c.h, rho, Q, c.beta / (Q + c.beta))[0]

    found = Q > 1e-6
    assert found.any()
    assert (left(Q * (1 - 1e-6)) < 0)[found].all()
    assert (left(Q * (1 + 1e-6)) > 0)[found].all()
    earlier = np.linspace(1e-3, 0.999, 100)[:, None] * Q
    assert (np.isnan(left(earlier)) | (left(earlier) <= 0))[:, found].all()
