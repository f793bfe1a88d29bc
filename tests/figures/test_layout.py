"""What surrounds figures: nothing overlaps, whatever the model; and what can be chosen."""

import functools
import re

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

import vaedyn
from tests.shared.pictures import cascade_of, faults
from vaedyn.annealing.best_schedule import Tuning
from vaedyn.annealing.confirm import Comparison, Measured
from vaedyn.errors import ParameterError
from vaedyn.figures import (
    annealing as figures_annealing,
)
from vaedyn.figures import (
    branches as figures_branches,
)
from vaedyn.figures import (
    cascade as figures_cascade,
)
from vaedyn.figures import (
    concentration,
    escape,
    layout,
    style,
)
from vaedyn.figures import (
    maps as figures_maps,
)
from vaedyn.figures import (
    passages as figures_passages,
)
from vaedyn.figures import (
    phase_diagram as figures_phases,
)
from vaedyn.figures import (
    sweep as figures_sweeps,
)
from vaedyn.figures.layout import Look
from vaedyn.figures.learning_curve import learning_curve
from vaedyn.figures.learning_curves import learning_curves
from vaedyn.figures.order_parameters import order_parameters
from vaedyn.figures.schedule import schedule
from vaedyn.fixedpoints.branches import branches
from vaedyn.fixedpoints.passages import courses
from vaedyn.fixedpoints.phase_diagram import phase_diagram
from vaedyn.learning.bands import bands
from vaedyn.learning.concentration import spreads
from vaedyn.learning.escape import Escape, Escaped
from vaedyn.sweeps.grids import grid

ODD = {"beta": 0.0001234, "eta": 1e6, "lr": 1e-7, "dim": 50, "t_max": 20, "points": 5}
FAST = {"dim": 50, "lr": 0.1, "t_max": 40, "points": 21}
MANY = {"latent": 4, "signal": 4, "rho": (4.125, 3.375, 2.25, 1.375), "anneal": "tanh:0.0025"}
LONG = r"A title of $\alpha_1^2$ that is longer than one line of a narrow figure has room for"


@functools.cache
def both(**model):
    """Return theory and runs of a model, computed once for all figures of it."""
    params = vaedyn.Params(**model)
    return vaedyn.theory(params), vaedyn.simulate(params, runs=2)


def varied(**values):
    points = grid(vaedyn.Params(**FAST), values)
    each = [both(**{**FAST, **point.values}) for point in points]
    return points, [ode for ode, _ in each], [sgd for _, sgd in each]


def tuned(family, spec):
    params = vaedyn.Params(beta=1.5, dim=1234567, t_max=3000, points=101)
    numbers = np.geomspace(10, 1e4, 9) if family == "linear" else np.zeros(0)
    times = 900 + numbers / 5
    found = Tuning(
        params=params, family=family, tol=1e-3, constant=2000.0, spec=spec, time=1000.0,
        off=1200.0, end=0.5, numbers=numbers, times=times,
    )  # fmt: skip
    constant, best = (
        vaedyn.theory(vaedyn.Params(beta=1.5, anneal=each, t_max=3000, points=101))
        for each in ("constant", spec)
    )
    return Comparison(
        tuning=found, constant=constant, best=best, ends=(0.05, 0.05),
        slow=np.array([15.0, 15000.0])[: len(numbers)],
    )  # fmt: skip


@functools.cache
def drawn():
    params = vaedyn.Params(**{**FAST, "init": "m=0.3,d=0.3,Q=1,E=1,R=0,D=1"})
    return [
        (bands(each), vaedyn.simulate(each, runs=3)) for each in (params, params.replace(dim=100))
    ]


def spread(look):
    return concentration.concentration(
        spreads(drawn(), (4.0, 13.3, 40.0)), drawn()[0][0].params, 30, look
    )


def escaped(look):
    each = Escape(mean=80.0, std=20.0, rate=0.02, overlap=1.0)
    times = np.array([60.0, 70.0, 95.0])
    runs = vaedyn.simulate(vaedyn.Params(**FAST), runs=1)
    found = [Escaped(dim, each, times, runs) for dim in (100, 1000)]
    return escape.escape(vaedyn.Params(**ODD), found, look)


@functools.cache
def on_the_way():
    params = vaedyn.Params(latent=2, signal=1, rho=3, lr=0.05, t_max=500, points=201)
    points, ode = vaedyn.fixed_points(params), vaedyn.theory(params)
    found = vaedyn.passages(points, ode)
    return ode, found, courses(points, ode, found)


def passed(look):
    return figures_passages.passages(*on_the_way(), look=look)


def mapped(look):
    points = grid(vaedyn.Params(**ODD), {"eta": [0.1, 10.0, 1000.0], "lr": [1e-7, 1e-6, 1e-5]})
    values = [*np.linspace(0.001, 12345.6, 8), None]
    return figures_maps.across(points, values, "eta", "lr", "eps_g", at_end=True, look=look)


def along(look):
    points = grid(vaedyn.Params(**ODD), {"eta": [0.1, 10.0], "lr": [1e-7, 1e-6, 1e-5, 1e-4, 0.1]})
    values = [*np.linspace(0.001, 12345.6, 10)]
    return figures_sweeps.along(
        points, values, "eta", "eps_g", "lr", x_scale="log", y_scale="log", look=look
    )


@functools.cache
def followed():
    return branches(vaedyn.Params(), "beta", 1.5, 3)


def branched(look):
    limits = {"collapse": [2.0], "noise": 1.75}
    return figures_branches.branches(followed(), "eps_g", limits, look)


def cascading(look):
    runs = [vaedyn.simulate(vaedyn.Params(**{**FAST, "beta": 2.0}), runs=2)]
    limits = {"collapse": [2.0], "noise": 1.75}
    return figures_cascade.cascade(cascade_of(followed(), limits, runs), look)


@functools.cache
def mapped_phases():
    axes = ("beta", np.linspace(0.1, 5, 8)), ("lr", np.geomspace(0.02, 1.6, 8))
    return phase_diagram(vaedyn.Params(latent=2, signal=2, rho=(3.125, 1.0625)), *axes)


def phases(look):
    return figures_phases.phase_diagram(mapped_phases(), look)


def curved(look):
    return figures_phases.phase_diagram(mapped_phases(), look, mapped_curves())


@functools.cache
def mapped_curves():
    params = vaedyn.Params(latent=2, signal=2, rho=(3.125, 1.0625))
    return vaedyn.bifurcation_curves(params, ("beta", 0.1, 5), ("lr", 0.02, 1.6), lines=2)


DRAWN = {
    "odd numbers": lambda look: learning_curve(*both(**ODD), look=look),
    "many latents": lambda look: order_parameters(*both(**{**FAST, **MANY}), look=look),
    "one latent": lambda look: order_parameters(*both(**FAST), look=look),
    "schedule": lambda look: schedule(vaedyn.Params(anneal="cyclical:300:0.5"), look),
    "several models": lambda look: learning_curves(
        *varied(anneal=["constant", "tanh:0.02", "points:0=0.1,5=1.5,6=1.25,7=0.5,500=1"]),
        look=look,
    ),
    "many models": lambda look: learning_curves(
        *varied(beta=[0.0001234, 0.5, 1.0, 1.5, 2.0]), look=look
    ),
    "warm-ups": lambda look: figures_annealing.annealing(
        tuned("linear", "linear:1000.0"), [Measured(1000.0, 1100.0, 50.0)], look
    ),
    "free": lambda look: figures_annealing.annealing(
        tuned("free", "points:0=0.5,900=1.5"), look=look
    ),
    "spread": spread,
    "escape": escaped,
    "passages": passed,
    "map": mapped,
    "lines": along,
    "branches": branched,
    "cascade": cascading,
    "phases": phases,
    "phases with curves": curved,
}


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_overlaps_another_or_leaves_the_page(name):
    for look in (Look(width=3.0, title=LONG), Look(width=6.75)):
        assert faults(DRAWN[name](look)) == []


def test_texts_that_overlap_or_leave_the_page_are_found():
    with style.styled():
        figure, (axes,) = style.new_figure(3.3, 2.0)
        axes.set_xlim(0, 1)
        assert faults(figure) == []
        axes.set_xticks([0.5, 0.52], ["first", "second"])
        assert faults(figure) == ["'first' overlaps 'second'"]
        axes.set_xticks([])
        figure.text(0.8, 0.5, "too long for the page")
        assert faults(figure) == ["'too long for the page' leaves the page"]
        figure, (axes,) = style.new_figure(3.3, 2.0)
        axes.plot([0, 1], label="line")
        figure.legend(loc="center")
        assert faults(figure) == ["the legend lies on a panel"]


def test_the_caption_can_be_left_out_and_a_title_set():
    pair = both(**FAST)
    plain = learning_curve(*pair)
    assert r"\rho = 1" in plain.get_suptitle()
    assert learning_curve(*pair, look=Look(caption=False)).get_suptitle() == ""
    alone = learning_curve(*pair, look=Look(caption=False, title="Runs of $N = 50$"))
    assert alone.get_suptitle() == "Runs of $N = 50$"
    titled = learning_curve(*pair, look=Look(title="5 $ and  6 $ cost 11 $"))
    assert titled.get_suptitle() == r"5 \$ and 6 \$ cost 11 \$" + "\n" + plain.get_suptitle()
    wide = learning_curve(*pair, look=Look(title="W" * 150, caption=False))
    assert faults(wide) == []
    assert wide.get_suptitle().replace("\n", "").replace(" ", "") == "W" * 150


def test_width_and_limits_are_those_asked_for():
    look = Look(width=5.5, x_lim=(5.0, 20.0), y_lim=(None, 3.0))
    figure = learning_curve(*both(**FAST), look=look)
    (axes,) = figure.axes
    assert figure.get_figwidth() == 5.5
    assert axes.get_xlim() == (5.0, 20.0)
    assert axes.get_ylim()[1] == 3.0
    assert 0 < axes.get_ylim()[0] < 3
    for axes in order_parameters(*both(**FAST), look=Look(x_lim=(5.0, 20.0))).axes:
        assert axes.get_xlim() == (5.0, 20.0)


@pytest.mark.parametrize(
    ("look", "message"),
    [
        ({"width": 2.0}, "width: expected 3 to 30 inches, got 2"),
        ({"width": np.nan}, "width: expected 3 to 30"),
        ({"x_lim": (3.0, 1.0)}, "x_lim: expected A:B with A < B, got 3:1"),
        ({"y_lim": (1.0, 1.0 + 1e-12)}, "y_lim: expected A:B with A < B"),
        ({"y_lim": (np.nan, None)}, "y_lim: expected numbers of less than"),
        ({"x_lim": (0.0, 1e300)}, "x_lim: expected numbers of less than"),
        ({"title": "x" * 201}, "title: expected at most 200 characters, got 201"),
        ({"title": "\u4e2d"}, "title: the fonts have no letter"),
        ({"title": "a\x1b"}, "title: the fonts have no letter"),
        ({"title": r"$\nonsense$"}, "title: .* has a formula in error"),
    ],
)
def test_a_look_without_meaning_is_refused(look, message):
    with pytest.raises(ParameterError, match=message):
        Look(**look)


def test_a_logarithmic_axis_refuses_limits_at_zero():
    with pytest.raises(ParameterError, match="y_lim: the axis is logarithmic.* got 0:1"):
        learning_curve(*both(**FAST), look=Look(y_lim=(0.0, 1.0)))


@pytest.mark.parametrize("span", [(1.01, 1.2), (0.5, 3), (0.003, 0.02), (0.2, 30), (1e-9, 1e6)])
@pytest.mark.parametrize("name", ["x", "y"])
def test_a_logarithmic_axis_has_two_labels_at_least(name, span):
    with style.styled():
        figure, (axes,) = style.new_figure(3.3, 2.3)
        axes.set(**{f"{name}scale": "log", f"{name}lim": span})
        layout.label_decades(axes, name)
        assert faults(figure) == []
        ticks = getattr(axes, f"{name}axis")._update_ticks()
    assert sum(bool(tick.label1.get_text()) for tick in ticks) >= 2


def test_eps_has_the_tints_of_transparent_bands(tmp_path):
    figure = learning_curve(*both(**FAST))
    (band,) = [each for each in figure.axes[0].collections if isinstance(each, PolyCollection)]
    before = band.get_facecolor()
    style.save(figure, tmp_path / "a.eps", keywords=["k1"])
    np.testing.assert_array_equal(band.get_facecolor(), before)
    text = (tmp_path / "a.eps").read_text()
    tint = [f"{round(1 - 0.22 * (1 - part / 255), 3):g}" for part in (0x00, 0x72, 0xB2)]
    assert f"{' '.join(tint)} setrgbcolor" in text
    assert re.search(r"%%BoundingBox: \d+ \d+ \d+ \d+", text)
    assert "k1" in text
