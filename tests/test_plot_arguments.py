"""Which arguments of `vaedyn.plot` reach the figures, of results that are made up."""

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.model.params import Params
from vaedyn.plot import of_data, of_models

PANELS = np.arange(10, 16)


@pytest.fixture
def drawn(monkeypatch):
    """Yield what is drawn, and into which axes."""
    asked = []

    def fake(name, axes, look, *given, **options):
        asked[:] = [name, axes, look, given, options]
        return PANELS

    monkeypatch.setattr(of_models, "drawn", fake)
    monkeypatch.setattr(of_data, "drawn", fake)
    return asked


def test_pictures_of_tables(drawn):
    usual = {"beta": None, "latents": None, "convention": None}
    given = {"beta": 0.5, "latents": 3, "convention": "c"}
    for name in ("spectrum", "rate_distortion"):
        draw = getattr(of_data, name)
        assert draw("found") is PANELS
        assert drawn == [name, None, {}, ("found",), usual]
        draw("found", **given, axes="axes", width=3.0)
        assert drawn == [name, "axes", {"width": 3.0}, ("found",), given]
    assert of_data.heldout("found") is PANELS
    assert drawn == ["heldout", None, {}, ("found",), {"beta": None, "convention": None}]
    of_data.heldout("found", beta=0.5, convention="c", axes="axes", title="t")
    given = {"beta": 0.5, "convention": "c"}
    assert drawn == ["heldout", "axes", {"title": "t"}, ("found",), given]
    assert of_data.collapse("found", axes="axes", width=3.0) is PANELS
    assert drawn == ["collapse", "axes", {"width": 3.0}, ("found",), {}]
    assert of_data.diagnose("found", ax="ax", width=3.0) == 10
    assert drawn == ["diagnose", "ax", {"width": 3.0}, ("found",), {}]


def test_courses(drawn, monkeypatch):
    monkeypatch.setattr(of_data, "Watched", SimpleNamespace)
    assert of_data.course("one", "two", axes="axes", width=3.0) is PANELS
    assert drawn == ["course", "axes", {"width": 3.0}, ("one", "two"), {"x_scale": "log"}]
    seen = SimpleNamespace(predicted="p", measured="m")
    of_data.course(seen, x_scale="linear")
    assert drawn == ["course", None, {}, ("p", "m"), {"x_scale": "linear"}]
    of_data.course()
    assert drawn[3] == (None, None)


def test_trajectories(drawn):
    ode, sgd = SimpleNamespace(eps_g=np.zeros(3)), SimpleNamespace(eps_g=np.zeros((2, 3)))
    assert of_models.learning_curve(ode) == 10
    usual = {"x_scale": "linear", "y_scale": "log", "band": "std"}
    assert drawn == ["learning_curve", None, {}, (ode, None, None), usual]
    given = {"x_scale": "log", "y_scale": "linear", "band": "sem"}
    of_models.learning_curve(theory=ode, simulation=sgd, bands="b", **given, ax="ax", width=3.0)
    assert drawn == ["learning_curve", "ax", {"width": 3.0}, (ode, sgd, "b"), given]
    of_models.learning_curve(sgd)
    assert drawn[3] == (None, sgd, None)
    found = of_models.order_parameters(ode, axes="axes")
    assert found.tolist() == PANELS.tolist()
    usual = {"x_scale": "linear", "band": "std"}
    assert drawn == ["order_parameters", "axes", {}, (ode, None, None), usual]
    order = of_models.order_of_panels(None)
    found = of_models.order_parameters(theory=ode, simulation=sgd, bands="b", x_scale="log")
    assert found.tolist() == [10 + order.index(name) for name in "mdQERD"]
    assert drawn[3:] == [(ode, sgd, "b"), {"x_scale": "log", "band": "std"}]
    narrow = of_models.order_of_panels(3.3)
    found = of_models.order_parameters(ode, width=3.3, band="sem")
    assert found.tolist() == [10 + narrow.index(name) for name in "mdQERD"]
    assert (drawn[2], drawn[4]["band"]) == ({"width": 3.3}, "sem")


def test_fixed_points(drawn, monkeypatch):
    monkeypatch.setattr(of_models, "thresholds", lambda params: f"of {params}")
    for name, marked in (("beta", "of p"), ("lr", None)):
        result = SimpleNamespace(name=name, params="p")
        assert of_models.branches(result) is PANELS
        usual = {"bands": False, "cycles": None}
        assert drawn == ["branches", None, {}, (result, "eps_g", marked), usual]
    of_models.branches(result, "Q", bands=True, cycles="c", axes="axes", width=3.0)
    given = {"bands": True, "cycles": "c"}
    assert drawn == ["branches", "axes", {"width": 3.0}, (result, "Q", None), given]
    assert of_models.cascade("found", axes="axes", width=3.0) is PANELS
    assert drawn == ["cascade", "axes", {"width": 3.0}, ("found",), {}]
    monkeypatch.setattr(of_models, "Branches", SimpleNamespace)
    monkeypatch.setattr(of_models, "collapsing", lambda found, simulations: (found, simulations))
    of_models.cascade(result)
    assert drawn[3] == ((result, 0),)
    assert of_models.phase_diagram("map") is PANELS
    assert drawn == ["phase_diagram", None, {}, ("map",), {"curves": None}]
    of_models.phase_diagram("map", "curves", axes="axes", width=3.0)
    assert drawn == ["phase_diagram", "axes", {"width": 3.0}, ("map",), {"curves": "curves"}]
    monkeypatch.setattr(of_models, "passed", lambda *given: ("passed", *given))
    monkeypatch.setattr(of_models, "courses", lambda *given: ("courses", *given))
    assert of_models.passages("points", "line") is PANELS
    found = ("passed", "points", "line")
    given = ("line", found, ("courses", "points", "line", found))
    assert drawn == ["passages", None, {}, given, {"x_scale": "log"}]
    of_models.passages("points", "line", "own", x_scale="linear", axes="axes", width=3.0)
    given = ("line", "own", ("courses", "points", "line", "own"))
    assert drawn == ["passages", "axes", {"width": 3.0}, given, {"x_scale": "linear"}]


def test_other_figures_of_models(drawn, monkeypatch):
    assert of_models.schedule("params", ax="ax", width=3.0) == 10
    assert drawn == ["schedule", "ax", {"width": 3.0}, ("params",), {}]
    assert of_models.annealing("found") is PANELS
    assert drawn == ["annealing", None, {}, ("found", ()), {}]
    monkeypatch.setattr(of_models, "Tuning", SimpleNamespace)
    monkeypatch.setattr(of_models, "compare", lambda found: ("compared", found))
    tuned = SimpleNamespace()
    of_models.annealing(tuned, "measured", axes="axes", width=3.0)
    given = (("compared", tuned), "measured")
    assert drawn == ["annealing", "axes", {"width": 3.0}, given, {}]
    monkeypatch.setattr(of_models, "spreads", lambda runs, times: ("spreads", len(runs), times))
    runs = [(SimpleNamespace(params="p"), SimpleNamespace(eps_g=np.zeros((7, 2)))), "other"]
    assert of_models.concentration(runs, [1.0], axes="axes", width=3.0) is PANELS
    given = (("spreads", 2, [1.0]), "p", 7)
    assert drawn == ["concentration", "axes", {"width": 3.0}, given, {}]
    one, two = SimpleNamespace(dim=200), SimpleNamespace(dim=50)
    assert of_models.escape("params", [one, two], ax="ax", width=3.0) == 10
    assert drawn == ["escape", "ax", {"width": 3.0}, ("params", [two, one]), {}]


def swept(*names, command="theory"):
    return SimpleNamespace(
        varied=dict.fromkeys(names), command=command, points="points",
        values=lambda name: f"values of {name}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "at_end"),
    [("theory", True), ("simulate", True), ("fixedpoints", False), ("convergence", False)],
)
def test_sweeps(drawn, command, at_end):
    two = swept("beta", "lr", command=command)
    assert of_models.sweep(two) == 10
    usual = {"at_end": at_end, "x_scale": "linear", "y_scale": "linear"}
    values = ("points", "values of eps_g")
    assert drawn == ["sweep.along", None, {}, (*values, "beta", "eps_g", "lr"), usual]
    given = {"at_end": at_end, "x_scale": "log", "y_scale": "log"}
    of_models.sweep(two, "kl", x="lr", x_scale="log", y_scale="log", ax="ax", width=3.0)
    values = ("points", "values of kl")
    assert drawn == ["sweep.along", "ax", {"width": 3.0}, (*values, "lr", "kl", "beta"), given]
    of_models.sweep(two, hue="beta")
    assert drawn[3][2:] == ("lr", "eps_g", "beta")
    of_models.sweep(swept("beta", command=command))
    assert drawn[3][2:] == ("beta", "eps_g", None)
    assert of_models.sweep(two, kind="map", y_scale="log", ax="ax", width=3.0) == 10
    given = ("points", "values of eps_g", "beta", "lr", "eps_g")
    options = {"scale": "log", "at_end": at_end}
    assert drawn == ["maps.across", "ax", {"width": 3.0}, given, options]
    of_models.sweep(two, kind="map")
    assert drawn[4]["scale"] == "linear"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("maps", "expected lines or map, got 'maps'"),
        ("map", "a map needs two parameters that vary"),
    ],
)
def test_sweeps_that_are_refused(drawn, kind, reason):
    with pytest.raises(ParameterError) as error:
        of_models.sweep(swept("beta"), kind=kind)
    assert (error.value.name, error.value.reason) == ("kind", reason)


def test_type_checkers_and_programs_find_the_same_names():
    """What is missed: a name that both lack."""
    tree = ast.parse(Path(vaedyn.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in
                ast.unparse(node.test))  # fmt: skip
    homes = {node.names[0].asname: node.module for node in block.body}
    assert {homes.pop("plot"), homes.pop("store")} == {None}
    assert homes == vaedyn._HOMES
    assert len(homes) > 80


def test_names_of_the_package():
    """Each name is found where it lives, once, and then at hand."""
    assert vaedyn.__all__ == ["__version__", "plot", "store", *vaedyn._HOMES]
    assert dir(vaedyn) == sorted(vaedyn.__all__)
    for name, home in vaedyn._HOMES.items():
        module = __import__(f"vaedyn.{home}", fromlist=[name])
        assert vaedyn.__getattr__(name) is getattr(module, name)
        assert vars(vaedyn)[name] is getattr(module, name)
    assert vaedyn.__getattr__("plot") is vaedyn.plot
    assert vaedyn.__getattr__("store").__name__ == "vaedyn.store"
    with pytest.raises(AttributeError) as error:
        vaedyn.__getattr__("nothing")
    assert str(error.value) == "module 'vaedyn' has no attribute 'nothing'"
    assert isinstance(vaedyn.Params(), Params)
