"""Branches and the cascade of collapse: names of thresholds, and what legends say."""

import re
from itertools import pairwise

import numpy as np
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


def test_marks_are_those_of_the_bifurcations():
    found = branches(vaedyn.Params(rho=0.49, eta=1.13, beta=1.56), "lr", 0.5, 1.0, groups=1)
    figure = figures_branches.branches(found)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[-4:] == ["pitchfork", "transcritical", "Hopf", "filled: subcritical"]
    marks = [line for line in figure.axes[0].get_lines() if line.get_marker() in "osD"]
    shown = {(line.get_marker(), float(line.get_xdata()[0]),
              line.get_markerfacecolor() != "white") for line in marks}  # fmt: skip
    kinds = {"pitchfork": "o", "transcritical": "s", "hopf": "D"}
    assert shown == {
        (kinds[e["bifurcation"]], e["at"], e["side"] == "subcritical")
        for e in found.events if e["bifurcation"]
    }  # fmt: skip


@pytest.fixture(scope="module")
def noisy():
    return branches(vaedyn.Params(lr=0.3, dim=50), "beta", 1.2, 1.6, groups=1)


@pytest.mark.parametrize("quantity", ["eps_g", "m", "Q"])
def test_bands_are_as_wide_as_the_spread(noisy, quantity):
    found = noisy
    plain, shaded = (figures_branches.branches(found, quantity, bands=b) for b in (False, True))
    assert not plain.axes[0].collections
    assert plain.axes[0].get_ylim() == shaded.axes[0].get_ylim()
    band = shaded.axes[0].collections[0]
    points = band.get_paths()[0].vertices
    (chosen,) = np.nonzero(found.branch == 0)
    i = chosen[len(chosen) // 2]
    at = np.isclose(points[:, 0], found.varied[i])
    value, std = (
        abs(np.ravel(x)[0]) for x in (getattr(found, quantity)[i], found.std[quantity][i])
    )
    assert points[at, 1].max() == pytest.approx(value + std)
    assert points[at, 1].min() == pytest.approx(value - std)
    named = [
        [text.get_text() for text in figure.legends[0].get_texts()] for figure in (plain, shaded)
    ]
    assert [each for each in named[1] if each not in named[0]] == ["mean ± std of runs"]
