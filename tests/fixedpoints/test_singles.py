"""Single latents at many points, by the compiled search, against the plain one in numpy."""

import numpy as np
import pytest

from vaedyn.fixedpoints.single import furthest, on_noise, on_noise_beyond, on_signal, singles
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
    expected = [on_signal(c, c.rho[:, k]) for k in range(2)], [on_noise(c)]
    if sampled:
        expected[1].append(on_noise_beyond(c, expected[1][0]))
    assert [len(signals), len(noise)] == [len(each) for each in expected]
    for one, plain in zip(signals + noise, expected[0] + expected[1], strict=True):
        for values, others in zip(one, plain, strict=True):
            np.testing.assert_allclose(values, others, rtol=1e-10, atol=1e-11)
    there = np.isfinite([one.Q for one in signals + noise]).mean(axis=1)
    assert ((there[:2] > 0.1) & (there[:2] < 0.9)).all()
    assert 0.05 < there[2] < 1


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
