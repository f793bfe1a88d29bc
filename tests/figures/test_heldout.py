"""The picture of rows held out: what is drawn, against scores computed one by one."""

import numpy as np
import pytest

from vaedyn.data.convention import Convention
from vaedyn.data.heldout import heldout
from vaedyn.figures.heldout import heldout as draw


@pytest.fixture(scope="module")
def found():
    x = np.random.default_rng(0).standard_normal((60, 8)) * np.geomspace(3, 0.3, 8)
    return heldout(x, folds=4, latents=5)


def test_lines_are_the_scores(found):
    figure = draw(found, beta=0.7)
    top, bottom, right = figure.axes
    betas = top.lines[0].get_xdata()
    for at in (3, 150, 280):
        score = found.score(float(betas[at]))
        assert top.lines[0].get_ydata()[at] == pytest.approx(score.log_likelihood)
        assert bottom.lines[0].get_ydata()[at] == score.active
        assert right.lines[0].get_ydata()[at] == pytest.approx(score.explained)
        (band,) = top.collections
        ends = band.get_paths()[0].vertices
        here = ends[np.isclose(ends[:, 0], betas[at], rtol=1e-12), 1]
        width = [score.log_likelihood - score.log_likelihood_error,
                 score.log_likelihood + score.log_likelihood_error]  # fmt: skip
        np.testing.assert_allclose([here.min(), here.max()], width, rtol=1e-9)
    marks = [line.get_xdata()[0] for line in bottom.lines[1:]]
    assert marks == [found.best.beta, found.simplest.beta, 0.7]
    low, high = top.get_ylim()
    assert low < found.simplest.log_likelihood < found.best.log_likelihood < high
    assert figure.get_suptitle() == "60 samples, 4 folds, $N = 8$, $M = 5$"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        "mean over folds", "standard error", "best", "simplest within one standard error",
        "your weight",
    ]  # fmt: skip


def test_weights_are_the_users_own(found):
    convention = Convention("mean")
    top, bottom, _ = draw(found, convention=convention).axes
    assert bottom.get_xlabel() == "your KL weight"
    marks = [line.get_xdata()[0] for line in top.lines[1:]]
    np.testing.assert_allclose(marks[0], convention.weight(found.best.beta, 8))
    assert len(marks) == 2


def test_where_there_is_no_best_weight_none_is_marked():
    x = np.random.default_rng(0).standard_normal((60, 3))
    nearly = np.hstack([x, x[:, :1] + 1e-5 * np.random.default_rng(1).standard_normal((60, 1))])
    found = heldout(nearly)
    assert found.unbounded
    figure = draw(found)
    assert len(figure.axes[0].lines) == 1
    assert len(figure.legends[0].get_texts()) == 2
