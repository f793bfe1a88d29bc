"""Exponentials of many small matrices, against SciPy and closed forms."""

import numpy as np
import pytest
from scipy.linalg import expm

from vaedyn.fixedpoints.shooting import exponentials


@pytest.mark.parametrize("scale", [1e-9, 0.04, 0.5, 3.0, 40.0])
def test_they_are_those_of_scipy(scale):
    """Its own error grows with the norm, as that of all methods does."""
    matrices = np.random.default_rng(7).normal(size=(5, 11, 11)) * scale / 11
    expected = expm(matrices)
    size = np.abs(expected).max(axis=(1, 2), keepdims=True)
    assert np.abs((exponentials(matrices) - expected) / size).max() < 2e-15 * max(10.0, 4 * scale)


def test_rotations_and_powers_that_vanish():
    for angle in (0.3, 2.0):
        turned = exponentials(angle * np.array([[[0.0, -1.0], [1.0, 0.0]]]))[0]
        cos, sin = np.cos(angle), np.sin(angle)
        np.testing.assert_allclose(turned, [[cos, -sin], [sin, cos]], rtol=0, atol=2e-15)
    shift = np.diag([0.4, -0.7, 1.3], k=1)  # its fourth power is 0
    powers = [np.linalg.matrix_power(shift, k) for k in range(4)]
    expected = powers[0] + powers[1] + powers[2] / 2 + powers[3] / 6
    np.testing.assert_allclose(exponentials(shift[None])[0], expected, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(exponentials(np.zeros((2, 3, 3))), [np.eye(3)] * 2)
    assert exponentials(np.empty((0, 3, 3))).shape == (0, 3, 3)
    assert np.isnan(exponentials(np.full((1, 2, 2), np.inf))).all()
