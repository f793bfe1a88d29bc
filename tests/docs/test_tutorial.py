"""The tutorial runs, cell by cell, as in a notebook, and its text agrees with the numbers."""

import ast
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot

import vaedyn
from tests.shared.reference import sgd_step

NOTEBOOK = Path(__file__).parent.parent.parent / "docs" / "tutorial.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
TEXT = " ".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def display(value):
    """Return what a notebook shows of the last expression of a cell."""
    rich = getattr(value, "_repr_html_", None)
    return rich() if rich else repr(value)


def run_cell(source, names):
    """Run a cell; return what it displays, and the sizes in bytes of the figures that it shows."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    shown = ""
    if last:
        value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        shown = "" if source.endswith(";") or value is None else display(value)
    sizes = []
    for number in pyplot.get_fignums():
        picture = io.BytesIO()
        pyplot.figure(number).savefig(picture, format="png")
        sizes.append(len(picture.getvalue()))
    pyplot.close("all")
    return shown, sizes


@pytest.fixture(scope="module")
def ran():
    """Return the names that the cells have made, and what each cell has shown."""
    names = {}
    return names, [run_cell(source, names) for source in CODE]


def test_the_repository_holds_no_outputs():
    for cell in CELLS:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)


def test_results_and_figures_are_displayed(ran):
    _, shown = ran
    for source, (text, sizes) in zip(CODE, shown, strict=True):
        assert len(sizes) == ("vaedyn.plot." in source), source
        assert all(size > 10_000 for size in sizes)
        last = source.splitlines()[-1]
        if re.fullmatch(r"\w+|vaedyn\.fixed_points\(.*\)", last):
            assert "<table" in text, source
    assert sum(len(sizes) for _, sizes in shown) == 6
    assert sum("<table" in text for text, _ in shown) == 5


def test_sgd_by_hand_is_on_the_line_of_theory(ran):
    names, _ = ran
    ode, own = names["ode"], np.array(names["own_error"])
    theory = np.interp(names["own_t"], ode.t, ode.eps_g)
    assert own[0] == pytest.approx(ode.eps_g[0], rel=1e-12)
    assert np.abs(np.log(own / theory)).max() < 0.5  # a run's chance at this N
    assert np.abs(np.log(own[30:] / theory[:-30])).max() > 0.5  # not at another time


def test_a_step_of_sgd_by_hand_is_that_of_the_model(ran):
    """Its statements, once more from other weights, beside the plain step of the theory page."""
    (source,) = (source for source in CODE if "for step in" in source)
    (loop,) = (node for node in ast.parse(source).body if isinstance(node, ast.For))
    step = compile(ast.Module(loop.body, []), "loop", "exec")
    random = np.random.default_rng(5)
    W, V = random.standard_normal((2, 40))
    values = {"N": 40, "rho": 1.7, "eta": 0.6, "beta": 0.8, "lr": 0.3, "D": 0.7, "W": W, "V": V}
    names = {**values, "random": np.random.default_rng(6), "step": 1}
    exec(step, names)
    random = np.random.default_rng(6)
    x = 1.7**0.5 * random.standard_normal() * np.ones(40) / 40**0.5
    x += 0.6**0.5 * random.standard_normal(40)
    after = sgd_step(W[:, None], V[:, None], np.array([0.7]), x, 0.8, 0, 0.3)
    for name, expected in zip("WVD", after, strict=True):
        assert names[name] == pytest.approx(np.ravel(expected), rel=1e-12)


def test_the_text_on_the_model_agrees_with_the_numbers(ran):
    names, _ = ran
    params, ode = names["params"], names["ode"]
    steps = f"{params.t_max * params.dim:.0f}"
    assert f"{steps} steps" in TEXT
    assert f"{2 * params.dim} weights and {steps} random points" in TEXT
    assert ode.eps_g[-1] < 0.1 < 1 < ode.eps_g[20]
    assert names["collapsed"].kl[-1] < 1e-4
    assert names["collapsed"].eps_g[-1] == pytest.approx(2, rel=0.01)
    assert vaedyn.thresholds(params)["collapse"] == pytest.approx([2 + 0.5])
    points = vaedyn.fixed_points(params, beta=2)
    assert points.labels == ["learned", "collapsed"]
    assert points.stable.tolist() == [True, False]


def test_the_text_on_spare_latents_agrees_with_the_numbers(ran):
    names, _ = ran
    error, betas = names["error"], np.asarray(names["betas"])
    assert betas[np.argmin(error[0])] == pytest.approx(0.5, abs=0.11)
    costs = np.diff(error[:, :4], axis=0)
    assert costs == pytest.approx(np.tile(0.5 - betas[:4], (2, 1)), abs=0.07)
    above = (betas > 0.75) & (betas < 2.2)
    assert error[1, above] == pytest.approx(error[0, above], rel=1e-3)


def test_the_text_on_warm_ups_agrees_with_the_numbers(ran):
    tuned = ran[0]["tuned"]
    assert tuned.constant / tuned.time > 4
    assert tuned.constant / tuned.off < 2  # a tenth off


def test_the_text_on_data_agrees_with_the_numbers(ran):
    names, _ = ran
    found, course, trained = names["found"], names["course"], names["trained"]
    truth = [6, 3, 1.5]
    assert len(found.analysis.rho) == found.prediction.latents == 3
    assert np.abs(found.analysis.rho / truth - 1).max() < 0.2
    assert found.analysis.eta == pytest.approx(0.5, rel=0.03)
    assert names["beta"] == pytest.approx(0.5, rel=0.15)
    assert np.all(np.diff(course.learned[course.order]) > 0)
    assert trained.measured == pytest.approx(trained.predicted, rel=0.02)
    assert names["mean"].weight(names["beta"], 20) == pytest.approx(2 * names["beta"] / 20)
