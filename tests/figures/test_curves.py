import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import OutputError
from vaedyn.figures import (
    branches as figures_branches,
)
from vaedyn.figures import (
    cascade as figures_cascade,
)
from vaedyn.figures import (
    curves,
    style,
)
from vaedyn.figures.layout import caption
from vaedyn.figures.learning_curve import learning_curve
from vaedyn.figures.order_parameters import _cycled, order_parameters
from vaedyn.fixedpoints.branches import branches

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


def test_the_learning_curve_shows_theory_simulation_and_spread(pair):
    theory, simulation = pair
    figure = learning_curve(theory, simulation)
    (axes,) = figure.axes
    (line,) = lines(axes)
    np.testing.assert_array_equal(line.get_xydata(), np.stack([theory.t, theory.eps_g], axis=1))
    (points,) = markers(axes)
    x, y = points.get_xydata().T
    at = np.searchsorted(theory.t, x)
    np.testing.assert_array_equal(y, simulation.eps_g.mean(axis=0)[at])
    assert points.get_markerfacecolor() == "white"
    (band,) = axes.collections
    edges = band.get_paths()[0].vertices
    std = simulation.eps_g.std(axis=0, ddof=1)
    for i in (5, 20):
        here = edges[np.isclose(edges[:, 0], theory.t[i]), 1]
        assert here.max() == pytest.approx(simulation.eps_g.mean(axis=0)[i] + std[i])
    assert words_of(figure) == ["theory (ODE)", "SGD, 4 runs", "mean ± std of runs"]


def test_axes_carry_the_papers_symbols(pair):
    (axes,) = learning_curve(*pair, x_scale="log", y_scale="linear").axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert r"\varepsilon_g" in axes.get_ylabel()
    assert "$t$" in axes.get_xlabel()
    assert axes.get_xlim()[0] > 0


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


def test_the_standard_error_is_narrower_by_root_of_runs(pair):
    runs = pair[1].eps_g
    np.testing.assert_allclose(curves.spread(runs, "std"), 2 * curves.spread(runs, "sem"))
    assert not curves.spread(runs[:1], "std").any()


def test_one_run_has_no_band(pair):
    alone = vaedyn.simulate(pair[0].params, runs=1)
    assert words_of(learning_curve(None, alone)) == ["SGD, one run"]


@pytest.mark.parametrize("form", style.FORMATS)
def test_the_same_figure_gives_the_same_bytes(pair, tmp_path, form):
    for name in ("a", "b"):
        style.save(learning_curve(*pair), tmp_path / f"{name}.{form}", keywords=["k1"])
    one, two = ((tmp_path / f"{name}.{form}").read_bytes() for name in ("a", "b"))
    assert one == two
    assert b"k1" in one


def test_text_stays_text(pair, tmp_path):
    style.save(learning_curve(*pair), tmp_path / "a.svg")
    assert "generalisation error" in (tmp_path / "a.svg").read_text()
    style.save(learning_curve(*pair), tmp_path / "a.pdf")
    assert b"/Type3" not in (tmp_path / "a.pdf").read_bytes()


def test_what_cannot_be_drawn_or_written_is_said(pair, tmp_path):
    with pytest.raises(ValueError, match="nothing to draw"):
        learning_curve(None, None)
    other = vaedyn.theory(vaedyn.Params(**{**MODEL, "points": 11}))
    with pytest.raises(ValueError, match="same times"):
        learning_curve(other, pair[1])
    with pytest.raises(vaedyn.ParameterError, match=r"output: .*\.pdf, \.svg, \.eps or \.png"):
        style.save(learning_curve(*pair), tmp_path / "a.jpg")
    with pytest.raises(vaedyn.ParameterError, match="band: expected std or sem"):
        learning_curve(*pair, band="foo")
    with pytest.raises(OutputError, match="cannot write"):
        style.save(learning_curve(*pair), tmp_path / "none" / "a.pdf")


def test_the_caption_states_the_model():
    def words(**model):
        return ", ".join(caption(vaedyn.Params(dim=100, **model)))

    assert r"$\rho = (2,\,1,\,1)$" in words(latent=3, signal=3, rho=(2, 1, 1))
    assert r"$\rho = 2$" in words(latent=2, signal=2, rho=2)
    many = words(latent=5, signal=5, rho=(5, 4, 3, 2, 1))
    assert r"$\rho = (5,\,4,\,3,\,\ldots,\,1)$" in many
    assert r"\beta(t) = 1.5\,\tanh(0.002\,t)" in words(beta=1.5, anneal="tanh:0.002")
    tiny = words(lr=1e-7, eta=1e6, beta=1.25e-5, rho=0.0001234)
    assert r"$\rho = 0.0001234$, $\eta = 10^{6}$, $\beta = 1.25 \times 10^{-5}$" in tiny
    assert r"$\tau = 10^{-7}$" in tiny


def test_a_logarithmic_time_axis_is_not_scaled_to_what_it_cannot_show(pair):
    params = vaedyn.Params(init="m=0.3,d=0.3,Q=9,E=9,R=0.1,D=1", **MODEL)
    theory = vaedyn.theory(params)
    figure = order_parameters(theory, None, x_scale="log")
    (shown,) = [axes for axes in figure.axes if axes.get_ylabel()[1] == "E"]
    assert shown.get_ylim()[1] < theory.E[0, 0, 0]


def test_styles_that_are_shared_are_shown_once_with_all_who_share_them():
    assert list(_cycled(3, "ab")) == [("a", "1, 3"), ("b", "2")]
    assert list(_cycled(1, "ab")) == [("a", "1")]


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
    shown = shown_thresholds(figures_cascade.cascade(flat, (), limits), len({*collapse, 1.0}))
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
