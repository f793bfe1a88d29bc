"""The power of N, and the spread at one time, from numbers that are made up."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.learning.concentration import Spread, error_of_std, spreads


def spread_of(dims, measured, error):
    dims, measured, error = (np.array(x, float) for x in (dims, measured, error))
    return Spread(name="m", t=1.0, dims=dims, predicted=measured, measured=measured, error=error)


def test_the_power_and_its_error_are_those_of_equal_weights():
    dims, measured = [20, 50, 300], [0.5, 0.4, 0.11]
    power, error = spread_of(dims, measured, [0.05, 0.02, 0.022]).power
    x, y = np.log(dims), np.log(measured)
    assert power == pytest.approx(np.polyfit(x, y, 1)[0], rel=1e-12)
    relative = np.sqrt((0.1**2 + 0.05**2 + 0.2**2) / 3)
    assert error == pytest.approx(relative / np.sqrt(((x - x.mean()) ** 2).sum()), rel=1e-12)
    assert np.isnan(spread_of(dims, measured, [0.05, 0, 0.02]).power).all()


def test_two_runs_have_no_error_and_three_have():
    assert error_of_std(np.array([1.0, 2.0])) == 0
    values = np.array([1.0, 2.0, 4.0])
    without = [np.delete(values, k).std() for k in range(3)]
    assert error_of_std(values) == pytest.approx(np.sqrt(2 * np.var(without)), rel=1e-12)
    assert error_of_std(np.array([3.0, 3.0, 3.0])) == 0
    # rounding may leave a square below 0 where all others are equal
    assert np.isfinite(error_of_std(np.array([0.1, 0.1, 0.1, 0.1 + 1e-9])))


def test_the_spread_is_that_at_the_nearest_time_of_the_size_of_the_first_overlap():
    random, t = np.random.default_rng(1), np.array([0.0, 1.0, 4.0])
    pairs = []
    for dim in (30, 90):
        bands = SimpleNamespace(
            params=SimpleNamespace(dim=dim), eps_g=random.random(3), m=random.random((3, 2, 2))
        )
        sgd = SimpleNamespace(t=t, eps_g=random.random((6, 3)), m=random.normal(size=(6, 3, 2, 2)))
        pairs.append((bands, sgd))
    found = spreads(pairs, [2.4, 2.6])
    assert [(each.name, each.t) for each in found] == [
        ("eps_g", 2.4), ("eps_g", 2.6), ("m", 2.4), ("m", 2.6)
    ]  # fmt: skip
    for each, at in zip(found, (1, 2, 1, 2), strict=True):
        assert each.dims.tolist() == [30, 90]
        for k, (bands, sgd) in enumerate(pairs):
            values = sgd.eps_g[:, at] if each.name == "eps_g" else np.abs(sgd.m[:, at, 0, 0])
            theory = bands.eps_g[at] if each.name == "eps_g" else bands.m[at, 0, 0]
            assert each.measured[k] == pytest.approx(values.std(ddof=1), rel=1e-14)
            assert each.error[k] == pytest.approx(error_of_std(values), rel=1e-14)
            assert each.predicted[k] == theory
