"""The panel on rows that are used again: the law of its tables, its rows and its figure."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from vaedyn.claims import finite
from vaedyn.claims.evidence import Lab
from vaedyn.figures.claims import figure_of
from vaedyn.fixedpoints.trained_on_rows import strength, trained_on_rows
from vaedyn.learning.epochs import draw_rows
from vaedyn.model.params import Params
from vaedyn.model.start import teacher


def with_a_table(params, draws, random):
    """Draw tables as they are, and diagonalise their covariance."""
    rows = np.stack([draw_rows(params, random) for _ in range(draws)])
    values, vectors = np.linalg.eigh(np.swapaxes(rows, 1, 2) @ rows / rows.shape[1])
    q = np.array([float(strength(top, params.beta, params.lam)) for top in values[:, -1]])
    m = abs(vectors[:, :, -1] @ teacher(params.dim, 1)[0]) * np.sqrt(q / params.dim)
    rho = params.strengths[0]
    return rho - 2 * np.sqrt(rho) * m + q


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_bidiagonal_tables_have_the_law_of_drawn_ones(alpha):
    """By Kolmogorov and Smirnov; another rho is told apart."""
    params = Params(dim=12, alpha=alpha, rho=1.6, eta=0.7, beta=0.5, lam=0.1)
    random = np.random.default_rng(2)
    drawn = with_a_table(params, 1500, random)
    short = finite.on_drawn_rows(params, 3000, random)
    assert ks_2samp(drawn, short).pvalue > 6e-5  # four standard deviations
    other = finite.on_drawn_rows(params.replace(rho=4.0), 3000, random)
    assert ks_2samp(drawn, other).pvalue < 1e-6


@pytest.fixture(scope="module")
def panel():
    kept = finite.model
    small = pytest.MonkeyPatch()
    small.setattr(finite, "model", lambda alpha, dim: kept(alpha, min(dim, 1000)))
    small.setattr(finite, "DIM", 100)
    (found,) = finite.finite_rows(Lab(quick=True, seed=3))
    small.undo()
    return found


def test_rows_stand_beside_the_closed_form_and_tables(panel):
    best, printed, sgd = panel.rows[:4], panel.rows[4:8], panel.rows[8:]
    for row, alpha in zip(best, finite.PRINTED, strict=True):
        exact = trained_on_rows(alpha=alpha, beta=1.0, lam=1 / alpha).eps_g
        assert row.expected == pytest.approx(exact)
        assert row.passed
        assert row.tolerance < 0.1 * exact
        assert not replace(row, expected=1.1 * exact).passed
    assert [row.found for row in printed] == [0.889, 0.599, 0.415, 0.346]
    for row, alpha in zip(printed, finite.PRINTED, strict=True):
        assert row.expected == pytest.approx(panel.data["small"][alpha].mean())
    assert len(sgd) == 1
    assert sgd[0].passed
    assert [recipe.command for recipe in panel.recipes] == ["simulate", "fixedpoints"]


def test_printed_numbers_agree_with_tables_of_their_size():
    random = np.random.default_rng(1)
    for alpha in finite.PRINTED:
        small = finite.on_drawn_rows(finite.model(alpha, finite.DIM), 300, random)
        row = finite._printed(alpha, small, random)
        assert row.passed
        assert not replace(row, found=2 * row.expected).passed


def test_all_is_drawn_against_alpha(panel):
    figure = figure_of(panel)
    (axes,) = figure.axes
    line = axes.lines[0].get_xydata()
    np.testing.assert_allclose(line, np.transpose(panel.data["theory"]))
    tables, large, printed, sgd = axes.containers
    y = printed.lines[0].get_ydata()
    np.testing.assert_allclose(y, [mean for mean, _ in finite.PRINTED.values()])
    small = panel.data["small"]
    np.testing.assert_allclose(tables.lines[0].get_ydata(), [x.mean() for x in small.values()])
    assert len(large.lines[0].get_ydata()) == 4
    assert sgd.lines[0].get_ydata() == pytest.approx(panel.data["sgd"][1].mean())
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
