"""Figures of somebody's data: the lines that are drawn, against numbers of their own."""

import numpy as np
import pytest

from tests.test_spectrum import blocks
from vaedyn import figures_spectrum
from vaedyn.analysis import analyse
from vaedyn.spectrum import covariance_spectrum


@pytest.mark.parametrize("shape", [(2000, 300), (300, 700)])
def test_ranks_of_noise_lie_on_the_line_of_the_law(shape):
    data = np.random.default_rng(1).normal(size=shape)
    found = covariance_spectrum(blocks(data))
    axes = figures_spectrum.spectrum(found, analyse(found)).axes[0]
    (law,) = [line for line in axes.lines if line.get_color() == "black"]
    x, rank = law.get_data()
    centred = data - data.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2 / (shape[0] - 1)
    values = values[: min(shape[0] - 1, shape[1])]
    expected = np.interp(x, values[::-1], np.arange(len(values), 0, -1))
    np.testing.assert_allclose(rank[5:-5], expected[5:-5], atol=0.015 * len(values))
    assert rank[0] > rank[-1]


def test_collapse_draws_each_latent_where_it_is_lost():
    variances, betas = np.array([4.0, 2.0, 0.5]), np.array([0.25, 1.0, 3.0, 8.0])
    measured = np.array([[1.5, 0.9, 0.2], [0.7, 0.3, 0.0], [0.1, 0.0, 0.0], [0, 0, 0]])
    fine = np.geomspace(0.25, 8, 4000)
    lines = np.maximum(0.5 * np.log(variances / fine[:, None]), 0)
    figure = figures_spectrum.collapse(fine, lines, betas, measured, 0.5, 1e-3)
    top, bottom = figure.axes
    used, seen = (line.get_data() for line in top.lines[:2])
    for beta, count in ((0.3, 3), (0.7, 2), (1.9, 2), (2.1, 1), (5, 0)):
        assert np.interp(beta, *used) == pytest.approx(count)
    np.testing.assert_array_equal(seen[0], betas)
    np.testing.assert_array_equal(seen[1], [3, 2, 1, 0])
    for i, s in enumerate(variances):
        beta, kl = bottom.lines[2 * i].get_data()
        np.testing.assert_allclose(kl, np.maximum(0.5 * np.log(s / beta), 0), atol=1e-12)
        beta, kl = bottom.lines[2 * i + 1].get_data()
        np.testing.assert_array_equal(beta, betas)
        np.testing.assert_array_equal(kl, measured[:, i])
