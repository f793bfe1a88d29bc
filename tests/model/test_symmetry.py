"""Starts that do not tell latents apart."""

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing.examine import examine
from vaedyn.fixedpoints.destination import alike


def start(sign=1.0, apart=0.0):
    """Return two latents on one signal that start alike, up to a sign."""
    return {
        "m": [[0.03], [sign * 0.03 + apart]],
        "d": [[0.03], [sign * 0.03]],
        "Q": np.eye(2).tolist(),
        "E": np.eye(2).tolist(),
        "R": 0.0,
        "D": 1.0,
    }


@pytest.mark.parametrize("sign", [1, -1])
def test_a_state_reached_through_rounding_is_not_reported(sign):
    params = vaedyn.Params(latent=2, beta=0.8, lr=0.1, t_max=3000, init=start(sign))
    assert alike(params) == [(0, 1, sign)]
    points = vaedyn.fixed_points(params)
    assert points.reached is None
    assert "does not tell latents 1, 2 apart" in points.lost
    assert "two on signal 1" in points.types
    assert "start is symmetric" in examine(params)[0]
    assert "start is symmetric" in vaedyn.time_to_converge(params).reason


@pytest.mark.usefixtures("no_thresholds")
def test_starts_that_differ_are_believed():
    params = vaedyn.Params(latent=2, beta=0.8, lr=0.1, t_max=3000, init=start(apart=1e-3))
    assert not alike(params)
    points = vaedyn.fixed_points(params)
    assert points.types[points.reached] == "signal 1, noise"
    assert not any("symmetric" in text for text in examine(params))
    assert not alike(vaedyn.Params(latent=3))


def test_a_symmetric_end_of_a_symmetric_start_is_reached():
    params = vaedyn.Params(latent=2, beta=2.5, lr=0.1, init=start())
    points = vaedyn.fixed_points(params)
    assert points.types[points.reached] == "2 x collapsed"


def test_two_of_three_may_be_alike():
    matrix = {name: np.diag([1.0, 2.0, 1.0]).tolist() for name in "QE"}
    overlap = [[0.1, 0.0], [0.3, 0.2], [0.1, 0.0]]
    params = vaedyn.Params(
        latent=3, signal=2, init={**matrix, "m": overlap, "d": overlap, "R": 0.0, "D": 1.0}
    )
    assert alike(params) == [(0, 2, 1)]
