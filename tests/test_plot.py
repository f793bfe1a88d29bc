"""`vaedyn.plot`: the same figures into axes of the user's and into new ones."""

import functools
import inspect
import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

import vaedyn
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.cli.main import command
from vaedyn.errors import ParameterError
from vaedyn.figures import style

START = "m=0.3,d=0.3,Q=1,E=1,R=0,D=1"
MODEL = {"dim": 50, "lr": 0.1, "t_max": 20, "points": 11, "init": START}
PARAMS = vaedyn.Params(**MODEL)
TWO = {"dim": 50, "lr": 0.05, "t_max": 500, "points": 101, "latent": 2, "rho": 3}


@pytest.fixture(autouse=True)
def no_figure_stays(sketched):
    yield
    pyplot.close("all")


def curves():
    return {"theory": vaedyn.theory(PARAMS), "simulation": vaedyn.simulate(PARAMS, runs=2)}


def cascading():
    along = vaedyn.branches(PARAMS, low=0.5, high=3, groups=1)
    return (vaedyn.cascade(along, simulations=1, runs=2),)


def tuned():
    at, times = np.array([10.0, 30.0, 100.0]), np.array([90.0, 80.0, 95.0])
    found = Tuning(
        params=PARAMS, family="linear", tol=1e-3, constant=100.0, spec="linear:30.0", time=80.0,
        off=85.0, end=0.5, numbers=at, times=times,
    )  # fmt: skip
    return vaedyn.compare(found), [vaedyn.Measured(30.0, 82.0, 1.0)]


def spread():
    return vaedyn.ensembles(PARAMS, (50, 100), runs=3), [4.0, 20.0]


def escaped():
    return PARAMS, vaedyn.escapes(PARAMS, (100, 50), runs=2)


def swept():
    return (vaedyn.sweep("theory", vary={"eta": [1.0, 2.0], "beta": [0.5, 1.0, 1.5]}, **MODEL),)


def rows():
    """Data with one signal among 6 columns."""
    random = np.random.default_rng(1)
    return random.normal(size=(300, 6)) * np.array([3, 1, 1, 1, 1, 1])


def trained():
    return (vaedyn.collapse(rows(), simulations=2, latent=2, lr=0.05, t_max=20),)


def watched():
    monitor = vaedyn.CollapseMonitor(rows())
    monitor.update(rows()[:, :3] / 4, np.log([0.1, 0.9, 0.9]))
    return (monitor.report(0.7),)


CASES = {  # panels, and what to call with
    "learning_curve": (1, lambda: ((), curves())),
    "order_parameters": (6, lambda: ((), curves())),
    "schedule": (1, lambda: ((PARAMS.replace(anneal="cyclical:5:0.5"),), {})),
    "branches": (2, lambda: ((vaedyn.branches(PARAMS, low=1.5), "Q"), {})),
    "cascade": (3, lambda: (cascading(), {})),
    "phase_diagram": (2, lambda: ((vaedyn.phase_diagram(PARAMS, ("beta", [0.5, 1, 2, 3])),), {})),
    "passages": (2, lambda: ((vaedyn.fixed_points(**TWO), vaedyn.theory(**TWO)), {})),
    "annealing": (2, lambda: (tuned(), {})),
    "concentration": (2, lambda: (spread(), {})),
    "escape": (1, lambda: (escaped(), {})),
    "sweep": (1, lambda: (swept(), {"x": "beta"})),
    "spectrum": (2, lambda: ((vaedyn.look(rows()),), {"beta": 2.0, "latents": 4})),
    "rate_distortion": (2, lambda: ((vaedyn.look(rows()),), {"beta": 2.0, "latents": 4})),
    "collapse": (2, lambda: (trained(), {})),
    "course": (2, lambda: ((vaedyn.watch(rows(), latent=2, lr=0.05, t_max=20),), {})),
    "diagnose": (1, lambda: (watched(), {})),
    "heldout": (2, lambda: ((vaedyn.heldout(rows()),), {"beta": 2.0})),
}


@functools.cache
def made(name):
    """Return what is drawn in a case, and the options of the figure."""
    return CASES[name][1]()


def public():
    assert all(inspect.isfunction(getattr(vaedyn.plot, name)) for name in vaedyn.plot.__all__)
    return {*vaedyn.plot.__all__}


def test_every_figure_of_the_command_line_is_there():
    group = command.get_command(None, "plot")
    drawn = {name.replace("-", "_") for name in group.list_commands(None)}
    assert public() == set(CASES)
    assert drawn - public() <= {"animation", "learning_animation"}  # not a figure to draw into


def panels_of(given):
    return list(np.ravel(np.asarray(given, dtype=object)))


def lines(panels):
    """Return what is drawn in panels as lines, in numbers."""
    return [[np.asarray(line.get_xydata(), float) for line in axes.lines] for axes in panels]


@pytest.mark.parametrize("name", CASES)
def test_axes_that_are_given_get_what_a_new_figure_shows(name, tmp_path):
    count, (results, options) = CASES[name][0], made(name)
    draw = getattr(vaedyn.plot, name)
    new = draw(*results, **options)
    fresh = panels_of(new)
    figure = fresh[0].figure
    assert pyplot.get_fignums() == [figure.number]  # which notebooks show
    assert pyplot.gcf() is figure
    assert figure.get_suptitle()
    assert len(figure.legends) == (name != "schedule")
    figure.savefig(tmp_path / "figure.png", dpi=100)
    assert (tmp_path / "figure.png").stat().st_size > 5_000

    own, grid = pyplot.subplots(1, count + 1, figsize=(20, 8))
    given, other = grid[:-1], grid[-1]
    word = {"ax": given[0]} if count == 1 else {"axes": given}
    got = draw(*results, **options, **word)
    assert panels_of(got) == list(given)
    for one, same in zip(lines(fresh), lines(given), strict=True):
        assert len(one) == len(same)
        for a, b in zip(one, same, strict=True):
            np.testing.assert_array_equal(a, b)
    for one, same in zip(fresh, given, strict=True):
        assert one.get_ylabel() == same.get_ylabel()
        assert one.get_xlim() == pytest.approx(same.get_xlim())
        assert one.get_xscale() == same.get_xscale()
    assert any(line for line in lines(fresh)) or name == "phase_diagram"
    assert (own.get_suptitle(), own.legends, own.texts) == ("", [], [])
    assert tuple(own.get_size_inches()) == (20, 8)
    assert (given[0].get_legend() is None) == (name == "schedule")
    assert not other.has_data()
    assert not other.get_xlabel()
    own.canvas.draw()


@pytest.mark.parametrize("name", [name for name, (count, _) in CASES.items() if count > 1])
def test_the_number_of_axes_must_be_right(name):
    count, (results, options) = CASES[name][0], made(name)
    axes = Figure().subplots(1, count + 1)
    with pytest.raises(ParameterError, match=f"^axes: expected {count} of them, got {count + 1}$"):
        getattr(vaedyn.plot, name)(*results, **options, axes=axes)


def test_a_single_result_is_told_apart_by_its_axes():
    both = curves()
    for name, result in both.items():
        one = vaedyn.plot.learning_curve(result)
        same = vaedyn.plot.learning_curve(**{name: result})
        for a, b in zip(lines([one])[0], lines([same])[0], strict=True):
            np.testing.assert_array_equal(a, b)
        assert len(one.figure.legends[0].get_texts()) == (1 if name == "theory" else 2)
    with pytest.raises(TypeError, match="give one result, or say"):
        vaedyn.plot.learning_curve(both["theory"], simulation=both["simulation"])
    with pytest.raises(ValueError, match="nothing to draw"):
        vaedyn.plot.order_parameters()


@pytest.mark.parametrize("width", [3.3, 6.75])
def test_order_parameters_come_in_their_order(width):
    found = vaedyn.plot.order_parameters(vaedyn.theory(PARAMS), width=width)
    assert [axes.get_ylabel()[1] for axes in found] == list("mdQERD")


def test_a_new_figure_looks_as_asked():
    ode = vaedyn.theory(PARAMS)
    ax = vaedyn.plot.learning_curve(
        ode, width=5.0, title="A title", caption=False, x_lim=(0, 10), y_lim=(0.1, None)
    )
    assert ax.figure.get_figwidth() == 5
    assert ax.figure.get_suptitle() == "A title"
    assert ax.get_xlim() == (0, 10)
    with pytest.raises(ParameterError, match="^width: "):
        vaedyn.plot.learning_curve(ode, width=-1)
    with pytest.raises(TypeError, match="^title is for new figures"):
        vaedyn.plot.learning_curve(ode, ax=Figure().subplots(), title="A title")


def test_a_new_figure_keeps_its_style_when_users_save_it(tmp_path):
    """As the command line saves it, to the last byte."""
    figure = vaedyn.plot.learning_curve(vaedyn.theory(PARAMS)).figure
    style.save(figure, tmp_path / "a.png")
    figure.savefig(tmp_path / "b.png", metadata={"Software": "vaedyn", "Description": ""})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_fonts_of_a_users_figure_stay_the_users():
    with pyplot.rc_context({"font.size": 15, "legend.fontsize": 11}):
        _, ax = pyplot.subplots()
        vaedyn.plot.learning_curve(vaedyn.theory(PARAMS), ax=ax)
        assert ax.xaxis.label.get_fontsize() == 15
        assert ax.get_legend().get_texts()[0].get_fontsize() == 11
        assert ax.lines[0].get_linewidth() == style.STYLE["lines.linewidth"]
    assert pyplot.rcParams["lines.linewidth"] != style.STYLE["lines.linewidth"]


def test_panels_may_stand_in_a_part_of_a_figure():
    parts = Figure().subfigures(1, 2)
    axes = parts[0].subplots(2, 1)
    vaedyn.plot.branches(vaedyn.branches(PARAMS, low=1.5), axes=axes)
    assert axes[1].get_xlabel()
    assert not parts[1].axes


def test_a_sweep_is_drawn_as_lines_or_as_a_map():
    (result,) = swept()
    ax = vaedyn.plot.sweep(result, "kl", hue="beta")
    assert ax.get_xlabel().startswith("noise variance")
    assert len(ax.figure.legends[0].get_texts()) == 3
    flat = vaedyn.plot.sweep(result, x="beta", kind="map")
    assert (flat.get_xlabel()[:9], flat.get_ylabel()[:5]) == ("KL weight", "noise")
    (image,) = flat.collections
    np.testing.assert_allclose(image.get_array(), result.array("eps_g"))
    with pytest.raises(ParameterError, match="^kind: expected lines or map, got 'surface'"):
        vaedyn.plot.sweep(result, kind="surface")
    one = vaedyn.sweep("theory", vary={"beta": [0.5, 1.0]}, **MODEL)
    with pytest.raises(ParameterError, match="^kind: a map needs two"):
        vaedyn.plot.sweep(one, kind="map")


def test_a_cascade_is_one_of_beta():
    found = vaedyn.branches(PARAMS, "eta", 0.5, 1, groups=1)
    with pytest.raises(ParameterError, match="^vary: expected branches along beta, got eta"):
        vaedyn.plot.cascade(found)
    assert len(vaedyn.plot.branches(found)) == 2  # without thresholds of beta


def test_only_figures_load_matplotlib():
    code = "import vaedyn, sys; vaedyn.plot; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
