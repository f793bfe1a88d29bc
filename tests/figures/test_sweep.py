"""Figures over several models: what is drawn is what was computed."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import LogNorm, Normalize, to_rgb

import vaedyn
from vaedyn.cli.plot.sweep import _is_map
from vaedyn.figures.hues import palette, scale_of
from vaedyn.figures.learning_curves import learning_curves
from vaedyn.figures.maps import across
from vaedyn.figures.sweep import along, value_label
from vaedyn.sweeps.grids import grid

FAST = vaedyn.Params(dim=50, lr=0.1, t_max=20, points=21)


def lines(axes):
    return [line for line in axes.lines if line.get_linestyle() == "-"]


def test_learning_curves_lie_over_one_another_in_their_colours():
    points = grid(FAST, {"beta": [0.5, 1.0, 2.5]})
    theory = [vaedyn.theory(point.params) for point in points]
    runs = [vaedyn.simulate(point.params, runs=2) for point in points]
    figure = learning_curves(points, theory, runs)
    (axes,) = figure.axes
    for line, ode, colour in zip(lines(axes), theory, palette(3), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), ode.eps_g)
        assert line.get_color() == colour
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[:3] == [r"$\beta = 0.5$", r"$\beta = 1$", r"$\beta = 2.5$"]
    assert r"\beta" not in figure.get_suptitle()
    assert r"\eta = 1" in figure.get_suptitle()


def test_a_sweep_is_drawn_sorted_with_a_line_for_each_hue():
    points = grid(FAST, {"lr": [0.1, 0.2], "beta": [2.0, 0.5, 1.0]})
    result = vaedyn.sweep("theory", FAST, {"lr": [0.1, 0.2], "beta": [2.0, 0.5, 1.0]})
    figure = along(points, result.values("eps_g"), "beta", "eps_g", "lr", at_end=True)
    (axes,) = figure.axes
    assert len(axes.lines) == 2
    for line, lr in zip(axes.lines, (0.1, 0.2), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0.5, 1.0, 2.0])
        ends = [vaedyn.theory(vaedyn.Params(dim=50, lr=lr, t_max=20, points=21, beta=b)).eps_g[-1]
                for b in (0.5, 1.0, 2.0)]  # fmt: skip
        np.testing.assert_array_equal(line.get_ydata(), ends)
    assert r"\beta" in axes.get_xlabel()
    assert "$t = 20$" in figure.get_suptitle()
    assert r"\tau" not in figure.get_suptitle()
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == [r"$\tau = 0.1$", r"$\tau = 0.2$"]


def test_simulations_have_bars_and_gaps_where_there_is_no_result():
    points = grid(FAST, {"dim": [50, 100, 200]})
    values = [{"mean": np.array([-3.0, 1.0]), "std": np.array([0.5, 0.1])}, None,
              {"mean": np.array(2.0), "std": np.array(0.25)}]  # fmt: skip
    (axes,) = along(points, values, "dim", "m").axes
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [3.0, np.nan, 2.0])
    (bars,) = axes.collections
    lengths = [np.ptp(path.vertices[:, 1]) for path in bars.get_paths() if len(path.vertices)]
    assert {1.0, 0.5} <= set(np.round(lengths, 12))


def drawn_along(lrs):
    points = grid(FAST, {"beta": [0.5, 1.0], "lr": lrs})
    return along(points, [*np.arange(1.0, 2 * len(lrs) + 1)], "beta", "eps_g", "lr")


def test_five_ordered_values_have_a_colour_bar_and_four_a_legend():
    four = drawn_along([0.1, 0.2, 0.3, 0.4])
    assert len(four.axes) == 1
    assert len(four.legends[0].get_texts()) == 4
    five = drawn_along([0.1, 0.2, 0.3, 0.4, 0.5])
    axes, bar = five.axes
    assert not five.legends
    assert r"\tau" in bar.get_ylabel()
    assert bar.get_ylim() == pytest.approx((0.1, 0.5))
    red, green, blue = np.array([to_rgb(line.get_color()) for line in axes.lines]).T
    lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert np.all(np.diff(lightness) > 0.03)
    assert lightness[-1] < 0.8  # seen on white


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1e-4, 0.5, 1, 1.5, 2], Normalize),
        ([1, 2, 4, 8, 16], LogNorm),
        ([0, 1, 2, 3, 9], Normalize),
    ],
)
def test_a_colour_bar_is_scaled_as_values_are_spread(values, kind):
    assert type(scale_of(values)) is kind


def test_words_and_few_values_have_no_colour_bar():
    assert scale_of(["constant", "linear:9", "linear:8", "linear:7", "linear:6"]) is None
    assert scale_of([1, 2, 3, 4]) is None
    assert scale_of([(1.0, 2.0)] * 5) is None


def test_theory_and_simulation_have_a_column_of_their_own_in_the_legend():
    points = grid(FAST, {"beta": [0.5, 1.0, 1.5, 2.0]})
    pairs = [(vaedyn.theory(p.params), vaedyn.simulate(p.params, runs=2)) for p in points]
    legend = learning_curves(points, *zip(*pairs, strict=True)).legends[0]
    words = [text.get_text() for text in legend.get_texts()]
    rows = len(words) // legend._ncols
    apart = words[-rows:]
    assert apart == ["theory (ODE)", "SGD, 2 runs", "mean ± std of runs"]
    assert not any("beta" in word for word in apart)
    colours = {line.get_color() for line in legend.legend_handles[-rows:-1]}
    assert colours == {"0.35"}


def test_a_map_has_every_value_in_its_place_and_hatches_what_is_missing():
    points = grid(FAST, {"beta": [2.0, 0.5, 1.0], "eta": [1.0, 10.0, 100.0]})
    values = [None if n == 4 else float(n) for n in range(9)]
    figure = across(points, values, "beta", "eta", "eps_g", at_end=True)
    axes, bar = figure.axes
    found = axes.collections[0].get_array().reshape(3, 3)
    # rows of eta from below, columns of beta from the left: 0.5, 1, 2
    np.testing.assert_array_equal(found.filled(-1), [[3, 6, 0], [-1, 7, 1], [5, 8, 2]])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert r"\varepsilon_g" in bar.get_ylabel()
    missing = axes.collections[1]
    assert missing.get_hatch()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no result"]
    whole = across(points, [*range(1, 10)], "beta", "eta", "kl", scale="log")
    assert not whole.legends
    with pytest.raises(vaedyn.ParameterError, match="no value of kl is above 0"):
        across(points, [0.0] * 9, "beta", "eta", "kl", scale="log")


@pytest.mark.parametrize(
    ("counts", "kind", "mapped"),
    [
        ((13, 13), None, True),
        ((13, 12), None, False),
        ((3, 2), "map", True),
        ((20, 20), "lines", False),
    ],
)
def test_a_map_is_drawn_where_both_vary_much_or_when_asked_for(counts, kind, mapped):
    varied = {name: [*range(count)] for name, count in zip("ab", counts, strict=True)}
    assert _is_map(varied, "a", "b", kind) == mapped


def test_a_map_needs_two_parameters_that_are_numbers(run):
    assert "--kind: a map needs --vary twice" in run("plot sweep --kind map").err.replace("'", "")
    done = run("plot sweep --vary beta=1,2 --vary anneal=constant;linear:9 --kind map")
    assert done.code == 2
    assert "--kind" in done.err
    assert not Path("vaedyn-store").exists()


def test_many_points_without_a_result_are_counted_rather_than_listed(run):
    done = run(
        "plot sweep --dim 50 --t-max 20 --points 5 --jobs 1 -o s.svg --vary eta=1,500",
        "--vary lr=0.1:2:14",
    )
    assert done.code == 1
    assert len(re.findall("no result at eta", done.err)) == 10
    assert re.search(r"no result at \d+ more points", done.err)


def test_many_colours_are_all_different():
    assert len({tuple(np.atleast_1d(colour)) for colour in palette(30)}) == 30
    assert len(set(palette(7))) == 7


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"beta": 0.5}, r"$\beta = 0.5$"),
        ({"rho": (3.0, 1.0)}, r"$\rho = (3,\,1)$"),
        ({"anneal": "tanh:0.002"}, "anneal tanh:0.002"),
        ({"init_seed": 4}, "init seed 4"),
    ],
)
def test_labels_are_in_the_papers_letters(values, label):
    assert value_label(values) == label


@pytest.mark.parametrize(
    ("x", "hue", "name"), [("eta", None, "x"), ("beta", "eta", "hue"), ("beta", None, "hue")]
)
def test_what_is_drawn_must_vary(x, hue, name):
    points = grid(FAST, {"beta": [0.5, 1.0], "lr": [0.1, 0.2]})
    with pytest.raises(vaedyn.ParameterError) as caught:
        along(points, [1.0] * 4, x, "eps_g", hue)
    assert caught.value.name == name


def test_plot_sweep_says_how_many_values_a_range_has(run):
    words = "plot sweep --dim 20 --t-max 3 --points 3 -o s.svg --vary"
    assert "beta takes 20 values: beta=START:STOP:COUNT for others" in run(words, "beta=1:2").err
    assert "values:" not in run(words, "beta=1:2:4").err


def test_plot_sweep_reuses_what_a_sweep_has_computed(run, tmp_path):
    model = "--dim 50 --lr 0.1 --t-max 20 --points 5"
    run("sweep theory --vary beta=0.5,1,1.5", model)
    done = run("plot sweep --vary beta=0.5,1,1.5 --y kl -o s.svg", model)
    assert (done.code, done.out) == (0, "s.svg\n")
    assert "computed 0 of 3 points, reused 3" in done.err
    data = run("plot sweep --vary beta=0.5,1 -o s.svg --json", model).json
    assert len(data["keys"]) == 2
    assert "--y" in run("plot sweep --y relaxation_time").err
    assert "draw it by --hue" in run("plot sweep --vary anneal=constant;linear:9", model).err
    assert run("plot sweep --latent 2 --signal 2 --vary rho=3/1,3/2", model).code == 2
    failed = run("plot sweep --vary eta=1,900 -o s.svg", model)
    assert (failed.code, failed.out) == (1, "s.svg\n")
    assert "no result at eta=900: the ODE diverges" in failed.err
    assert "nothing to draw" in run("plot sweep --vary eta=800,900 -o s.svg", model).err
    assert run("plot sweep --vary beta=1,2 --vary lr=0.1,0.2 --vary eta=1,2").code == 2


def test_plot_learning_curve_draws_several(run, tmp_path):
    model = "--dim 50 --lr 0.1 --t-max 20 --points 5 --runs 2"
    done = run("plot learning-curve --vary beta=0.5,1", model)
    name = "learning-curve_beta-0.5-1_dim-50_lr-0.1_t-max-20_points-5_runs-2.pdf"
    assert (done.code, done.out) == (0, f"{name}\n")
    again = run("plot learning-curve --vary beta=0.5,1 --json", model)
    assert "computed" not in again.err
    assert len(again.json["records"]) == 4
    assert run("plot learning-curve --vary beta=-1,1", model).code == 2
