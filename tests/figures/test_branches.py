"""Branches and the cascade of collapse: names of thresholds, and what legends say."""

import re
from itertools import pairwise

import pytest

import vaedyn
from tests.shared.pictures import cascade_of
from vaedyn.figures import branches as figures_branches
from vaedyn.figures import cascade as figures_cascade
from vaedyn.fixedpoints.branches import branches


@pytest.fixture(scope="module")
def flat():
    return branches(vaedyn.Params(), "beta", 0.5, 6, groups=0)


def shown_thresholds(figure, count):
    """Return the names above the first panel, none of which overlap, and the lines in each."""
    figure.draw_without_rendering()
    texts = sorted(figure.axes[0].texts, key=lambda text: text.xy[0])
    boxes = [text.get_window_extent() for text in texts]
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0
    for box in boxes:
        assert box.x0 >= figure.axes[0].bbox.x0 - 3
        assert box.x1 <= figure.axes[0].bbox.x1 + 3
    for axes in figure.axes:
        dotted = [line for line in axes.get_lines() if line.get_linestyle() == ":"]
        assert len(dotted) == count
    return [text.get_text() for text in texts]


@pytest.mark.parametrize(
    ("collapse", "names"),
    [
        ((5, 4, 3, 2), [r"\eta", "4", "3", "2", "1"]),
        ((5, 4.9, 4.8, 2), [r"\eta", "4", "3", "2", "1"]),
        ((5, 4.8, 4.6, 4.4), [r"\eta", "4", "1"]),
        ((5.98, 5.98, 2, 2), [r"\eta", "3", "4", "1", "2"]),
    ],
)
def test_names_of_close_thresholds_are_joined(flat, collapse, names):
    limits = {"collapse": list(collapse), "noise": 1.0}
    shown = shown_thresholds(
        figures_cascade.cascade(cascade_of(flat, limits)), len({*collapse, 1.0})
    )
    assert re.findall(r"\\beta_\{?(\w|\\eta)", " ".join(shown)) == names
    assert (len(shown) == 5) == (collapse == (5, 4, 3, 2))
    figure = figures_branches.branches(flat, "eps_g", limits)
    assert shown_thresholds(figure, len({*collapse, 1.0})) == shown


@pytest.mark.parametrize(("low", "high", "unstable"), [(2.5, 4, False), (1, 4, True)])
def test_the_legend_says_unstable_only_where_something_is(low, high, unstable):
    figure = figures_branches.branches(branches(vaedyn.Params(), "beta", low, high))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    dashed = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert ("unstable" in words) == unstable == bool(dashed)
