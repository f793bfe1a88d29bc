"""The rate-distortion curve of somebody's data: what is drawn, against sums over eigenvalues."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tests.shared.pictures import faults
from vaedyn.data.convention import Convention
from vaedyn.data.look import look
from vaedyn.figures.layout import Look
from vaedyn.figures.rate_distortion import rate_distortion


@pytest.fixture(scope="module")
def digits():
    return look(load_digits().data)


def test_curves_are_sums_over_eigenvalues_in_the_units_of_the_user(digits):
    convention = Convention("mean", scale=0.5)
    figure = rate_distortion(digits, beta=50.0, latents=6, convention=convention)
    top, bottom = figure.axes
    every = np.linalg.eigvalsh(np.cov(load_digits().data.T, bias=True))[::-1]
    used, rest = every[:6], every[6:].sum()
    weight, shown = bottom.lines[0].get_data()
    error, kl = top.lines[0].get_data()
    for at in (5, 300, 1200, 1990):
        beta = weight[at] * 64 / 2 / 0.25
        left = np.minimum(used, beta).sum() + rest
        assert error[at] == pytest.approx(0.25 * left)
        assert kl[at] == pytest.approx(0.5 * np.log(np.maximum(used / beta, 1)).sum(), abs=1e-12)
        assert shown[at] == pytest.approx(100 * (1 - left / every.sum()))
    np.testing.assert_allclose(bottom.lines[1].get_xdata(), used * 2 * 0.25 / 64)
    assert bottom.lines[2].get_xdata() == pytest.approx([50 * 2 * 0.25 / 64])
    assert bottom.get_xlabel() == "your KL weight"
    # the slope of rate against distortion is -1/(2 beta)
    middle = 0.5 * (weight[1:] + weight[:-1]) * 64 / 2 / 0.25
    inside = middle < 0.99 * used[0]
    rise, fall = np.diff(error)[inside] / 0.25, np.diff(kl)[inside]
    np.testing.assert_allclose(fall, -0.5 * rise / middle[inside], rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("width", [3.3, 6.75])
def test_nothing_overlaps(digits, width):
    for options in ({}, {"beta": 2.0}, {"latents": 1, "beta": 1e-9}, {"convention": Convention()}):
        assert not faults(rate_distortion(digits, **options, look=Look(width)))


def test_few_directions_and_many():
    random = np.random.default_rng(1)
    for shape in ((40, 1), (5, 60), (300, 90)):
        figure = rate_distortion(look(random.normal(size=shape)))
        (label,) = [text.get_text() for text in figure.legends[0].get_texts()]
        assert ("the first 40" in label) == (shape == (300, 90))
