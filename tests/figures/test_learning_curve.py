"""The learning curve, and what it shares with other figures: styles, captions, files."""

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import OutputError
from vaedyn.figures import curves, style
from vaedyn.figures.layout import caption
from vaedyn.figures.learning_curve import learning_curve

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


def test_the_standard_error_is_narrower_by_root_of_runs(pair):
    runs = pair[1].eps_g
    np.testing.assert_allclose(curves.spread(runs, "std"), 2 * curves.spread(runs, "sem"))
    assert not curves.spread(runs[:1], "std").any()


def test_one_run_has_no_band(pair):
    alone = vaedyn.simulate(pair[0].params, runs=1)
    assert words_of(learning_curve(None, alone)) == ["SGD, one run"]


def test_what_adam_trained_is_not_said_to_be_of_sgd(pair):
    adam = vaedyn.theory(pair[0].params.replace(optimiser="adam"))
    runs = vaedyn.simulate(adam.params.replace(t_max=2, points=3), runs=2)
    figure = learning_curve(None, runs)
    assert words_of(figure)[0] == "Adam, 2 runs"
    assert "SGD" not in figure.axes[0].get_xlabel()
    assert "SGD" in learning_curve(*pair).axes[0].get_xlabel()
    assert curves.trained(pair[0].params, adam.params) == "training"


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
    trained = words(lr=(0.1, 0.02, 1), batch=16, momentum=0.9, latents="sampled")
    assert r"$\tau = (0.1,\,0.02,\,1)$" in trained
    assert trained.endswith("$b = 16$, $p = 0.9$, sampled latents")
    assert words(optimiser="adam", batch=2).endswith("Adam, $b = 2$")
