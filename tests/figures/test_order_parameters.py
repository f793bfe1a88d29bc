"""Order parameters in time: every entry that differs, and whose signs are reversed."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.figures.order_parameters import _cycled, order_parameters

MODEL = {"dim": 50, "lr": 0.1, "t_max": 40, "points": 21}


@pytest.fixture(scope="module")
def pair():
    params = vaedyn.Params(**MODEL)
    return vaedyn.theory(params), vaedyn.simulate(params, runs=4)


def lines(axes):
    return [line for line in axes.get_lines() if line.get_linestyle() != "None"]


def words_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def markers(axes):
    return [line for line in axes.get_lines() if line.get_marker() == "o"]


def test_order_parameters_have_a_panel_each(pair):
    figure = order_parameters(*pair)
    assert [axes.get_ylabel()[1] for axes in figure.axes] == ["m", "Q", "D", "d", "E", "R"]
    assert all(len(lines(axes)) == 1 for axes in figure.axes)


def test_order_parameters_show_every_entry_that_differs():
    params = vaedyn.Params(latent=2, signal=2, rho=(2, 1), **MODEL)
    figure = order_parameters(vaedyn.theory(params), None)
    assert [len(lines(axes)) for axes in figure.axes] == [4, 3, 2, 4, 3, 4]
    assert words_of(figure) == [
        "theory (ODE), signal 1", "latent 1", "latent 2", "signal 2", "off-diagonal",
        "latent 1: sign reversed",
    ]  # fmt: skip


def test_latents_that_end_with_negative_overlaps_are_reversed_as_a_whole():
    params = vaedyn.Params(latent=2, signal=2, rho=(2, 1), init_seed=2, **MODEL)
    theory, runs = vaedyn.theory(params), vaedyn.simulate(params, runs=3)
    largest = [theory.m[-1, i, np.abs(theory.m[-1, i]).argmax()] for i in (0, 1)]
    signs = np.sign(largest)
    assert signs.tolist() == [1, -1]  # so that both cases and their products are seen
    figure = order_parameters(theory, runs)
    assert words_of(figure)[-1] == "latent 2: sign reversed"
    panels = {axes.get_ylabel()[1]: axes for axes in figure.axes}
    for name, pairs in {"m": [(0, 0), (0, 1), (1, 0), (1, 1)], "Q": [(0, 0), (1, 0), (1, 1)],
                        "R": [(0, 0), (0, 1), (1, 0), (1, 1)]}.items():  # fmt: skip
        for line, mark, (i, k) in zip(
            lines(panels[name]), markers(panels[name]), pairs, strict=True
        ):
            sign = signs[i] if name == "m" else signs[i] * signs[k]
            np.testing.assert_array_equal(line.get_ydata(), sign * getattr(theory, name)[:, i, k])
            at = np.searchsorted(theory.t, mark.get_xdata())
            mean = getattr(runs, name)[:, :, i, k].mean(axis=0)[at]
            np.testing.assert_allclose(mark.get_ydata(), sign * mean, rtol=1e-12)


def test_runs_with_starts_of_their_own_have_signs_of_their_own():
    init = "m=0.3,d=0.3,Q=1,E=1,R=0,D=1"
    params = vaedyn.Params(**{**MODEL, "init": init})
    runs = vaedyn.simulate(params, runs=2, random_start=True)
    turned = replace(runs, m=runs.m * [[[[1.0]]], [[[-1.0]]]], d=runs.d * [[[[1.0]]], [[[-1.0]]]])
    (one, two) = (order_parameters(None, each) for each in (runs, turned))
    for panel in (0, 3):
        np.testing.assert_array_equal(
            markers(one.axes[panel])[0].get_ydata(), markers(two.axes[panel])[0].get_ydata()
        )
    assert "$W$ and $V$: sign reversed" not in words_of(one)
    assert words_of(two)[-1] == "$W$ and $V$: sign reversed"


def test_no_line_has_two_names():
    params = vaedyn.Params(latent=3, signal=2, **MODEL)
    legend = order_parameters(*both_of(params)).legends[0]
    looks = [(line.get_color(), line.get_linestyle(), line.get_marker())
             for line in legend.legend_handles if hasattr(line, "get_linestyle")
             and hasattr(line, "get_marker") and line.get_linestyle() != "None"]  # fmt: skip
    styles = [line._dash_pattern for line in legend.legend_handles if hasattr(line, "_dash_pattern")
              and hasattr(line, "get_marker") and line.get_linestyle() != "None"]  # fmt: skip
    assert len(looks) == 3
    assert len({str(style) for style in styles}) == 3


def both_of(params):
    return vaedyn.theory(params), vaedyn.simulate(params, runs=2)


def test_a_logarithmic_time_axis_is_not_scaled_to_what_it_cannot_show(pair):
    params = vaedyn.Params(init="m=0.3,d=0.3,Q=9,E=9,R=0.1,D=1", **MODEL)
    theory = vaedyn.theory(params)
    figure = order_parameters(theory, None, x_scale="log")
    (shown,) = [axes for axes in figure.axes if axes.get_ylabel()[1] == "E"]
    assert shown.get_ylim()[1] < theory.E[0, 0, 0]


def test_styles_that_are_shared_are_shown_once_with_all_who_share_them():
    assert list(_cycled(3, "ab")) == [("a", "1, 3"), ("b", "2")]
    assert list(_cycled(1, "ab")) == [("a", "1")]
