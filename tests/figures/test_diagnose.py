"""The picture of latents: what is drawn, and that it fits the page."""

import numpy as np
import pytest

import vaedyn
from tests.shared.pictures import faults
from vaedyn.figures.diagnose import diagnose as draw
from vaedyn.figures.layout import Look


def reported(latents, beta=0.8, **options):
    values = np.geomspace(30, 0.1, 20)
    D = np.ones(latents)
    D[: len(values)] = np.minimum(beta / values, 1)[:latents]
    D[: latents // 3] = 1
    random = np.random.default_rng(0)
    monitor = vaedyn.CollapseMonitor(values, **options)
    monitor.update(random.normal(size=(400, latents)) * np.sqrt(1 - D), np.log(D))
    return monitor.report(beta)


def test_markers_are_measured_and_the_line_is_predicted():
    report = reported(9)
    (axes,) = draw(report).axes
    line, used, unused = axes.lines
    np.testing.assert_array_equal(line.get_ydata()[1:-1], report.predicted)
    np.testing.assert_array_equal(line.get_ydata()[[0, -1]], report.predicted[[0, -1]])
    np.testing.assert_array_equal(line.get_xdata(), [0.5, *np.arange(1, 10), 9.5])
    assert line.get_drawstyle() == "steps-mid"
    assert (report.active_kl, report.predicted_active) == (6, 9)
    np.testing.assert_array_equal(used.get_ydata(), report.kl_per_latent[:6])
    np.testing.assert_array_equal(unused.get_ydata(), report.kl_per_latent[6:])
    np.testing.assert_array_equal(unused.get_xdata(), [7, 8, 9])
    figure = axes.figure
    assert figure.get_suptitle().replace("\n", " ") == (
        r"400 rows, $M = 9$, $\beta = 0.8$, verdict: fewer"
    )
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["predicted (linear VAE)", "measured, active", "measured, inactive"]


def test_of_many_latents_those_are_shown_that_matter():
    figure = draw(reported(300))
    assert "first 18 of $M = 300$" in figure.get_suptitle()
    assert figure.axes[0].get_xlim() == (0.5, 18.5)
    figure.draw_without_rendering()
    assert figure.axes[0].get_position().x0 < 0.15  # no room is left for markers that are not there


def test_without_a_prediction_only_markers_are_drawn():
    report = reported(6, convention=vaedyn.Convention(likelihood="poisson"))
    figure = draw(report)
    assert len(figure.axes[0].lines) == 2
    assert len(figure.legends[0].get_texts()) == 2


@pytest.mark.parametrize("latents", [1, 9, 300])
def test_no_text_overlaps_another_or_leaves_the_page(latents):
    for look in (Look(width=3.0), Look(width=6.75, title="Latents")):
        assert faults(draw(reported(latents, beta=0.00012), look)) == []


def test_it_can_be_drawn_into_axes_of_the_users():
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert vaedyn.plot.diagnose(reported(9), ax=ax) is ax
    assert len(ax.lines) == 3
    pyplot.close("all")
