"""The learning curve of a table: what is drawn, and that nothing overlaps."""

import numpy as np
import pytest

import vaedyn
from tests.shared.pictures import faults
from vaedyn.figures.course import course
from vaedyn.figures.layout import Look


@pytest.fixture(scope="module")
def seen():
    x = np.random.default_rng(1).standard_normal((300, 9)) * np.sqrt([9, 4, *[1] * 7])
    return vaedyn.watch(x, beta=1.5, latent=8, lr=0.05, t_max=200.0)


def test_lines_are_theory_and_markers_are_training(seen):
    top, bottom = course(seen.predicted, seen.measured).axes[:2]
    lines = [each for each in top.lines if each.get_linestyle() == "-"]
    marks = [each for each in top.lines if each.get_linestyle() == "None"]
    assert len(lines) == len(marks) == 8
    for n, latent in enumerate(seen.predicted.order):
        t, kl = lines[n].get_data()
        np.testing.assert_array_equal(t, seen.predicted.t[1:])
        np.testing.assert_array_equal(kl, seen.predicted.kl_per_latent[1:, latent])
        t, kl = marks[n].get_data()
        expected = seen.measured.kl_per_latent[np.isin(seen.measured.t, t), latent]
        np.testing.assert_array_equal(kl, expected)
        assert marks[n].get_markeredgecolor() == lines[n].get_color()  # the same latent
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), seen.predicted.loss[1:])
    assert top.get_xscale() == "log"
    assert top.get_xlim()[1] == bottom.get_xlim()[1] == 200


def test_above_are_epochs(seen):
    figure = course(seen.predicted, None)
    (above,) = figure.axes[0].child_axes
    figure.canvas.draw()
    assert above.get_xlim()[1] == pytest.approx(200 * 9 / 300)


def test_markers_lie_where_the_axis_shows_them(seen):
    figure = course(None, seen.measured, x_scale="linear", look=Look(x_lim=(0, 20)))
    t = figure.axes[0].lines[0].get_xdata()
    assert 10 < len(t) <= 22
    assert t.max() <= 20
    assert not course(None, seen.measured, look=Look(x_lim=(1e-5, 1e-4))).axes[0].lines


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ValueError, match="nothing to draw"):
        course(None, None)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_no_text_overlaps_another_or_leaves_the_page(seen, scale):
    title = r"A title of $\alpha_1^2$ that is longer than one line of a narrow figure has room for"
    for look in (Look(width=3.0, title=title), Look(width=6.75)):
        assert faults(course(seen.predicted, seen.measured, x_scale=scale, look=look)) == []
    one = vaedyn.course(np.random.default_rng(0).standard_normal((5, 2)), t_max=2.0, beta=1e-3)
    assert faults(course(one, None, x_scale=scale, look=Look(width=3.0))) == []
