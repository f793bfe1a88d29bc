"""Figures over several models: what is drawn is what was computed."""

import numpy as np
import pytest

import vaedyn
from vaedyn.figures_sweeps import along, colours, learning_curves, value_label
from vaedyn.grids import grid

FAST = vaedyn.Params(dim=50, lr=0.1, t_max=20, points=21)


def lines(axes):
    return [line for line in axes.lines if line.get_linestyle() == "-"]


def test_learning_curves_lie_over_one_another_in_their_colours():
    points = grid(FAST, {"beta": [0.5, 1.0, 2.5]})
    theory = [vaedyn.theory(point.params) for point in points]
    runs = [vaedyn.simulate(point.params, runs=2) for point in points]
    figure = learning_curves(points, theory, runs)
    (axes,) = figure.axes
    for line, ode, colour in zip(lines(axes), theory, colours(3), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), ode.eps_g)
        assert line.get_color() == colour
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[:3] == [r"$\beta = 0.5$", r"$\beta = 1$", r"$\beta = 2.5$"]
    assert "SGD, 2 runs" in words
    assert r"\beta" not in axes.get_title()
    assert r"\eta = 1" in axes.get_title()


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
    assert "$t = 20$" in axes.get_title()
    assert r"\tau" not in axes.get_title()
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


def test_many_colours_are_all_different():
    assert len({tuple(np.atleast_1d(colour)) for colour in colours(30)}) == 30
    assert len(set(colours(7))) == 7


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"beta": 0.5}, r"$\beta = 0.5$"),
        ({"rho": (3.0, 1.0)}, r"$\rho = 3,\,1$"),
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
