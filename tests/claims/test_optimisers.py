"""The panel on other optimisers in small: what its rows hold, what is drawn, and what fails."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import vaedyn
from vaedyn.claims import optimisers as claims
from vaedyn.claims.evidence import Lab
from vaedyn.figures.claims import figure_of


class Small(Lab):
    """A lab that simulates in a tenth of the dimensions, and remembers what."""

    def simulate(self, models, runs):
        found = super().simulate([replace(m, dim=m.dim // 10) for m in models], runs)
        self.__dict__.setdefault("asked", []).append((list(models), runs, found))
        return found


@pytest.fixture(scope="module")
def panel():
    lab = Small(quick=True, seed=3)
    return lab, *claims.optimisers(lab)


def test_rows_compare_runs_with_theory_where_half_of_the_error_is_left(panel):
    lab, found = panel
    (models, runs, ran), (floor, many, (ends,)) = lab.__dict__["asked"]
    assert runs == 6
    factor = -stats.t.ppf(0.0027 / 2, 5)  # by chance once in 370 times
    assert [m.dim for m in models] == [400] * 3 + [100] * 3
    assert [m.optimiser for m in models[:3]] == ["sgd", "sgd", "adam"]
    assert [m.batch for m in models[:3]] == [1, 16, 16]
    for row, model, own, small in zip(found.rows[:3], models, ran, ran[3:], strict=False):
        theory = vaedyn.theory(model)
        at = int(np.argmax(theory.eps_g < 0.5 * theory.eps_g[0]))
        assert 0 < at < 100
        assert row.expected == theory.eps_g[at]
        assert row.found == own.eps_g[:, at].mean()
        assert row.error == pytest.approx(own.eps_g[:, at].std(ddof=1) / 6**0.5)
        off = abs(small.eps_g[:, at].mean() - row.expected)
        off += 3 * small.eps_g[:, at].std(ddof=1) / 6**0.5
        assert row.tolerance == pytest.approx(factor * row.error + off / 4, rel=1e-6)
    last = found.rows[3]
    assert many == 24
    assert last.found == ends.Q[:, -1, 0, 0].mean()
    h = floor[0].lr * floor[0].eta / floor[0].batch
    assert last.expected == pytest.approx(h / 2, rel=0.2)  # to first order in the rate


def test_the_picture_has_theory_and_runs_of_every_training(panel):
    axes = figure_of(panel[1]).axes[0]
    lines = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 101]
    for line, ode in zip(lines, panel[1].data["ode"], strict=True):
        np.testing.assert_allclose(line[:, 1], ode.eps_g)
    assert [recipe.params.optimiser for recipe in panel[1].recipes] == ["sgd", "sgd", "adam"]


@pytest.mark.usefixtures("no_thresholds")
def test_theory_without_the_batch_would_fail(monkeypatch):
    """At N = 40 a batch of 16 instead of 1 moves the floor by a factor of 2: 40 standard errors."""
    lab = Small(quick=True, seed=3)
    right = claims._floor(lab, 6)
    assert right.passed
    fixed_points = claims.fixed_points
    monkeypatch.setattr(claims, "fixed_points", lambda model: fixed_points(model, batch=1))
    assert not claims._floor(lab, 6).passed
