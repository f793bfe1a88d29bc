"""Figures of somebody's data: the lines that are drawn, against numbers of their own."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from vaedyn.data.collapse import Collapse
from vaedyn.data.difference import Difference
from vaedyn.data.look import look
from vaedyn.figures import spectrum as figures_spectrum
from vaedyn.figures.collapse import collapse


@pytest.mark.parametrize("shape", [(2000, 300), (300, 700)])
def test_ranks_of_noise_lie_on_the_line_of_the_law(shape):
    data = np.random.default_rng(1).normal(size=shape)
    axes = figures_spectrum.spectrum(look(data)).axes[0]
    (law,) = [line for line in axes.lines if line.get_color() == "black"]
    rank, x = law.get_data()
    centred = data - data.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2 / shape[0]
    values = values[: min(shape[0] - 1, shape[1])]
    expected = np.interp(x, values[::-1], np.arange(len(values), 0, -1))
    np.testing.assert_allclose(rank[5:-5], expected[5:-5], atol=0.015 * len(values))
    assert rank[0] < rank[-1]
    np.testing.assert_array_equal(axes.lines[1].get_xdata(), np.arange(1, len(values) + 1))
    np.testing.assert_allclose(axes.lines[1].get_ydata(), values, rtol=1e-9)


def test_the_picture_tells_what_the_command_does():
    data = load_digits().data
    figure = figures_spectrum.spectrum(look(data, spikes=6), beta=10.0, latents=8)
    top, bottom, right = figure.axes
    values = np.linalg.eigvalsh(np.cov(data.T, bias=True))[:2:-1]
    assert not [line for line in top.lines if line.get_color() == "black"]
    assert "no beta recommended" in figure.get_suptitle()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "eigenvalues of the data",
        "your weight",
    ]
    assert top.lines[-1].get_ydata()[0] == bottom.lines[-1].get_xdata()[0] == 10
    stairs, kl = bottom.lines[0], right.lines[0]
    assert stairs.get_drawstyle() == "steps-post"
    for beta in (10.0, 47, 55, 150, 190):
        live = values[:8][values[:8] > beta]
        at = np.searchsorted(stairs.get_xdata(), beta, side="right") - 1
        assert stairs.get_ydata()[at] == len(live)
        expected = 0.5 * np.log(live / beta).sum()
        assert np.interp(beta, *kl.get_data()) == pytest.approx(expected, abs=1e-3)


def test_collapse_draws_each_latent_where_it_is_lost():
    variances, betas = np.array([4.0, 2.0, 0.5]), np.array([0.25, 1.0, 3.0, 8.0])
    measured = np.array([[1.5, 0.9, 0.2], [0.7, 0.3, 0.0], [0.1, 0.0, 0.0], [0, 0, 0]])
    fine = np.geomspace(0.25, 8, 4000)
    lines = np.maximum(0.5 * np.log(variances / fine[:, None]), 0)
    reasons = [None, None, Difference("at length", "not settled yet"), None]
    trainings = [
        SimpleNamespace(measured=kl, difference=why, params=SimpleNamespace(latent=3, lam=0.1))
        for kl, why in zip(measured, reasons, strict=True)
    ]
    table = SimpleNamespace(
        spectrum=SimpleNamespace(samples=9, dim=7),
        analysis=SimpleNamespace(eta=0.5, no_floor=None),
    )
    found = Collapse(beta=betas, trainings=trainings, fine=fine, lines=lines, look=table)
    figure = collapse(found)
    top, bottom = figure.axes
    assert figure.get_suptitle() == r"9 rows, $N = 7$, $M = 3$, $\lambda = 0.1$"
    assert "0.01 nats" in top.get_ylabel()
    assert top.lines[0].get_drawstyle() == "steps-post"
    (mark,) = [line for line in top.lines if line.get_marker() == "X"]
    np.testing.assert_array_equal(mark.get_data(), [[3.0], [1]])
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"latent 1", "latent 2", "latent 3", "off: not settled yet"} <= {*names}
    used, seen = (line.get_data() for line in top.lines[:2])
    for beta, count in ((0.3, 3), (0.7, 2), (1.8, 2), (2.1, 1), (5, 0)):
        assert np.interp(beta, *used) == pytest.approx(count)
    np.testing.assert_array_equal(seen[0], betas)
    np.testing.assert_array_equal(seen[1], [3, 2, 1, 0])
    for i, s in enumerate(variances):
        beta, kl = bottom.lines[2 * i].get_data()
        np.testing.assert_allclose(kl, np.maximum(0.5 * np.log(s / beta), 0), atol=1e-12)
        beta, kl = bottom.lines[2 * i + 1].get_data()
        np.testing.assert_array_equal(beta, betas)
        np.testing.assert_array_equal(kl, measured[:, i])
