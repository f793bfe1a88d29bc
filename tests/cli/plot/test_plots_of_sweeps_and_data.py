"""Figures of sweeps and of tables: what commands hand on, and how files are called."""

import logging
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import SOURCE
from tests.shared.plotted import (
    FINER,
    LOOKED,
    LOOKS,
    PLAIN,
    SOME,
    SOME_GIVEN,
    TOLERANCES,
    made,
    records,
)
from vaedyn.cli.plot import (
    annealing,
    collapse,
    concentration,
    course,
    diagnose,
    heldout,
    learning_curve,
    picture,
    rate_distortion,
    spectrum,
    sweep,
)
from vaedyn.data.convention import OWN, Convention
from vaedyn.errors import ConvergenceError
from vaedyn.model.params import Params
from vaedyn.sweeps.grids import Point
from vaedyn.sweeps.points import Outcome
from vaedyn.sweeps.sweep import Sweep


def swept(values, **others):
    points = [Point({"beta": float(n)}, Params(), {}) for n in range(len(values))]
    outcomes = [
        Outcome(error="odd") if x is None
        else Outcome("k", False, dict.fromkeys(("eps_g", "kl", "t_converge"), x))
        for x in values
    ]  # fmt: skip
    return Sweep("theory", {"beta": [0.0]}, points, outcomes)


def test_lines_of_a_sweep(run, drawn, science):
    asked = science(sweep, "sweep", swept([0.5, 0.25]))
    drawn.of("sweep", "along")
    done = run("plot sweep --json")
    assert done.json == {"command": "plot sweep", "output": "sweep_x-beta.pdf", "keys": ["k", "k"]}
    assert done.err.splitlines()[-1] == "computed 2 of 2 points, reused 0"
    ((given, options),) = asked["sweep"]
    assert given[:2] == ("theory", Params())
    np.testing.assert_allclose(given[2]["beta"], np.linspace(0.1, 2.5, 49))
    assert options == {**TOLERANCES, "jobs": None}
    points, options = drawn["along"]
    assert points[1:] == ([0.5, 0.25], "beta", "eps_g", None)
    looks = {"look": PLAIN, "at_end": True}
    assert options == {**looks, "x_scale": "linear", "y_scale": "linear"}
    assert drawn["checked"] == [("linear", "linear")]
    words = (
        "--vary beta=1,2 --vary lr=0.5,1 --of simulate --x lr --y kl --x-scale log --y-scale log"
    )
    done = run("plot sweep", words, SOME)
    assert asked["sweep"][1] == (
        ("simulate", Params(), {"beta": [1.0, 2.0], "lr": [0.5, 1.0]}), SOME_GIVEN)  # fmt: skip
    assert drawn["along"][0][2:] == ("lr", "kl", "beta")
    assert drawn["along"][1]["x_scale"] == "log"
    assert drawn["checked"] == [("log", "log")]
    assert done.out == "sweep_of-simulate_x-lr_y-kl_hue-beta.pdf\n"
    run("plot sweep --of convergence --y t_converge --tol 0.25 --rtol 1e-7 --atol 1e-9 --jobs 3")
    assert asked["sweep"][2][1] == {**FINER, "tol": 0.25, "jobs": 3}
    assert drawn["along"][1]["at_end"] is False
    run("plot sweep --of fixedpoints --vary beta=1,2")
    assert asked["sweep"][3][1] == {**TOLERANCES, "jobs": None}
    assert "beta takes 20 values" in run("plot sweep --vary beta=1:2").err


def test_a_map_of_a_sweep(run, drawn, science):
    science(sweep, "sweep", swept([0.5, 0.25]))
    drawn.of("maps", "across")
    run("plot sweep --kind map --vary beta=1,2 --vary lr=0.5,1 --y-scale log")
    given, options = drawn["across"]
    assert given[2:] == ("beta", "lr", "eps_g")
    assert options == {"scale": "log", "look": PLAIN, "at_end": True}
    assert drawn["checked"] == [("linear", "linear")]


@pytest.mark.parametrize(("values", "code"), [([0.5, None], 1), ([None, None], 1), ([0.5], 0)])
def test_points_without_a_result(run, drawn, science, values, code):
    science(sweep, "sweep", swept(values))
    drawn.of("sweep", "along")
    done = run("plot sweep -o a.pdf")
    assert done.code == code
    there = any(value is not None for value in values)
    assert done.out == "a.pdf\n" * there
    assert ("saved" in drawn) == there
    if not there:
        assert done.err.splitlines()[-1] == "error: there is nothing to draw: no point has a result"


def test_axes_of_sweeps():
    two = {"beta": [1.0], "lr": [0.5]}
    assert sweep._axes({"beta": [1.0]}, None, None) == ("beta", None)
    assert sweep._axes(two, None, None) == ("beta", "lr")
    assert sweep._axes(two, "lr", None) == ("lr", "beta")
    assert sweep._axes(two, None, "beta") == ("lr", "beta")
    assert sweep._axes({"anneal": ["a"], "lr": [1.0]}, None, "anneal") == ("lr", "anneal")
    for varied, x, hue, hint, message in (
        (two, "eta", None, "--x", "expected one of beta, lr, got 'eta' (did you mean beta?)"),
        (two, None, "zzz", "--hue", "expected one of beta, lr, got 'zzz'"),
        ({"anneal": ["a"]}, None, None, "--x", "anneal is not a number each: draw it by --hue"),
        ({**two, "eta": [1]}, None, None, None, "expected --vary once or twice"),
    ):  # fmt: skip
        with pytest.raises(click.UsageError) as error:
            sweep._axes(varied, x, hue)
        assert (getattr(error.value, "param_hint", None), error.value.message) == (hint, message)


@pytest.mark.parametrize(
    ("x", "y", "kind", "answer"),
    [
        (13, 13, None, True), (12, 13, None, False), (13, 12, None, False), (13, None, None, False),
        (13, 13, "lines", False), (13, None, "lines", False), (2, 2, "map", True),
    ],
)  # fmt: skip
def test_maps_of_sweeps(x, y, kind, answer):
    varied = {"beta": [*range(x)], "lr": [*range(y or 0)]}
    assert sweep._is_map(varied, "beta", "lr" if y else None, kind) is answer


def test_maps_that_are_refused():
    needs = "a map needs numbers, two of each at least: beta and lr have not"
    for values, hue, message in (
        ([1, 2], None, "a map needs --vary twice"), ([1, 1], "lr", needs),
        (["a", "b"], "lr", needs),
    ):  # fmt: skip
        with pytest.raises(click.BadParameter) as error:
            sweep._is_map({"beta": [1, 2], "lr": values}, "beta", hue, "map")
        assert (error.value.message, error.value.param_hint) == (message, "--kind")
    many = [str(n) for n in range(20)]
    assert sweep._is_map({"beta": [*range(20)], "lr": many}, "beta", "lr", None) is False


@pytest.mark.parametrize(
    ("of", "y", "message"),
    [
        ("theory", "eps_g", None), ("fixedpoints", "relaxation_time", None),
        ("fixedpoints", "max_eigenvalue", None), ("convergence", "t_converge", None),
        ("convergence", "eps_g", None),
        ("theory", "relaxation_time", "relaxation_time needs --of fixedpoints"),
        ("theory", "max_eigenvalue", "max_eigenvalue needs --of fixedpoints"),
        ("theory", "t_converge", "t_converge needs --of convergence"),
        ("convergence", "kl", "convergence has t_converge and eps_g"),
    ],
)  # fmt: skip
def test_quantities_that_a_computation_has(of, y, message):
    if message is None:
        sweep._suited(of, y)
        return
    with pytest.raises(click.BadParameter) as error:
        sweep._suited(of, y)
    assert (error.value.message, error.value.param_hint) == (message, "--y")


@pytest.mark.parametrize(
    ("values", "scale", "said"),
    [
        ([0.5, 1.0], "log", None),
        ([], "log", None),
        ([None, 0.5], "log", None),
        ([0.0, 0.5], "log", "at 1 of 2 points y is not above 0, and not drawn"),
        ([{"mean": -1.0}, 0.5, 0.0], "log", "at 2 of 3 points y is not above 0, and not drawn"),
        ([0.0, -1.0], "linear", "y is above 0 at no point: the axis is linear, not logarithmic"),
        ([np.array([-2.0, 1.0])], "log", None),
        ([np.array([-2.0])], "linear",
         "y is above 0 at no point: the axis is linear, not logarithmic"),
    ],
)  # fmt: skip
def test_scales_that_are_possible(caplog, values, scale, said):
    assert sweep._possible_scale("y", values) == scale
    assert caplog.messages == [said] * (said is not None)


def test_a_logarithmic_axis_needs_numbers_above_zero(run):
    done = run("plot sweep --vary beta=0,1 --x-scale log")
    text = "a logarithmic axis needs values above 0, and beta has 0"
    assert text in done.err
    with pytest.raises(ConvergenceError):
        sweep._tell(swept([None]))


@pytest.fixture
def looked(science):
    found = SimpleNamespace(source=SOURCE)
    asked = {}
    for module in (spectrum, rate_distortion):
        asked = science(module, "looked", found)
        science(module, "judged", SimpleNamespace(row=SimpleNamespace(beta=0.5)))
    return asked, found


HOW = "--standardise --estimator median --spikes 2 --leading 7 --passes 3"
CHANGED = {"standardise": True, "estimator": "median", "spikes": 2, "leading": 7, "passes": 3}
AS_IT_IS = {"standardise": False, "estimator": "likelihood", "spikes": None, "leading": 200,
            "passes": 6}  # fmt: skip


@pytest.mark.parametrize("name", ["spectrum", "rate_distortion"])
def test_pictures_of_a_table(run, drawn, looked, science, name):
    asked, found = looked
    drawn.of(name)
    command, epochs = name.replace("_", "-"), {"epochs": "many"} if name == "spectrum" else {}
    module = {"spectrum": spectrum, "rate_distortion": rate_distortion}[name]
    done = run(f"plot {command} some/x.h5:a --json").json
    assert done == {"command": f"plot {command}", "output": f"{command}_x.pdf", "keys": ["abc"]}
    assert drawn["saved"] == (f"figure of {name}", f"{command}_x.pdf", ["abc"])
    assert asked["looked"] == [(("some/x.h5:a",), {**AS_IT_IS, **epochs})]
    assert asked["judged"] == [((found, None, None, None, None), {})]
    options = {"beta": 0.5, "latents": None, "convention": None, "look": PLAIN}
    assert drawn[name] == ((found,), options)
    science(module, "judged", None)
    found.source = None
    more = f"--latent 4 --weight 0.25 --loss mean {HOW} {LOOKS}"
    assert run(f"plot {command} x.npy -o a.svg", more).out == "a.svg\n"
    assert drawn["saved"][2] == []
    assert asked["looked"][1] == (("x.npy",), {**CHANGED, **epochs})
    mean = Convention("mean")
    assert asked["judged"][1] == ((found, 0.25, None, 4, mean), {})
    wanted = {"beta": None, "latents": 4, "convention": mean, "look": LOOKED}
    assert drawn[name] == ((found,), wanted)


def test_a_picture_of_rows_held_out(run, drawn, science, monkeypatch):
    found = SimpleNamespace(source=SOURCE, columns=5)
    asked = science(heldout, "held", found)
    science(heldout, "no_best", None)
    drawn.of("heldout")
    done = run("plot heldout some/x.h5:a --json")
    assert done.json == {"command": "plot heldout", "output": "heldout_x.pdf", "keys": ["abc"]}
    assert done.err == ""
    assert asked["held"] == [(("some/x.h5:a", False, None, 5, 0), {})]
    assert drawn["heldout"] == ((found,), {"beta": None, "convention": None, "look": PLAIN})
    assert drawn["checked"] == [("log", "linear")]
    science(heldout, "no_best", "none is best")
    found.source = None
    words = "--standardise --latent 4 --folds 3 --seed 7 --weight 0.5 --loss mean"
    done = run("plot heldout x.npy -o a.svg", words)
    assert (done.out, done.err) == ("a.svg\n", "warning: none is best\n")
    assert drawn["saved"] == ("figure of heldout", "a.svg", [])
    assert asked["held"][1] == (("x.npy", True, 4, 3, 7), {})
    mean = Convention("mean")
    wanted = {"beta": mean.beta(0.5, 5), "convention": mean, "look": PLAIN}
    assert drawn["heldout"] == ((found,), wanted)
    run("plot heldout x.npy --weight 0.5")
    assert drawn["heldout"][1]["beta"] == OWN.beta(0.5, 5)
    run("plot heldout x.npy --beta 0.75")
    assert drawn["heldout"][1]["beta"] == 0.75


def test_a_picture_of_a_diagnosis(run, drawn, science, monkeypatch):
    found = SimpleNamespace(verdict="fine")
    asked = science(diagnose, "diagnosed", found)
    monkeypatch.setattr(diagnose, "sentences", lambda found: ["one", "two"])
    drawn.of("diagnose")
    done = run("plot diagnose some/f.npz --json --beta 2")
    wanted = {"command": "plot diagnose", "output": "diagnose_f.pdf", "verdict": "fine"}
    assert done.json == wanted
    assert done.err.splitlines() == ["one", "two"]
    ((given, options),) = asked["diagnosed"]
    assert (given, options["beta"]) == (("some/f.npz",), 2.0)
    assert drawn["diagnose"] == ((found, PLAIN), {})
    assert drawn["checked"] == [("linear", "linear")]
    assert run("plot diagnose f.npz -o a.svg").out == "a.svg\n"


def trained(slowed="", source=SOURCE):
    return SimpleNamespace(slowed=slowed, trajectory=SimpleNamespace(source=source))


def test_a_picture_of_collapse(run, drawn, science):
    found = SimpleNamespace(epochs="many", analysis=SimpleNamespace(warnings=("w",)))
    asked = science(collapse, "prepare", (found, {"latent": 4}))
    result = SimpleNamespace(
        trainings=[trained("slowed"), trained(source=None)], missed=["m", "n", "o"],
        predicted=np.array([1.0]), measured=np.array([2.0]), beta=np.array([0.5]),
    )  # fmt: skip
    science(collapse, "collapse", result)
    drawn.of("collapse")
    done = run("plot collapse some/x.h5:a --json")
    assert done.json == {
        "command": "plot collapse", "output": "collapse_x.pdf", "keys": ["abc"], "beta": [0.5],
        "kl_per_latent": {"predicted": [1.0], "measured": [2.0]}, "epochs": "many",
        "warnings": ["w", "m", "n", "o"],
    }  # fmt: skip
    said = ["slowed", "warning: m (2 other values of beta: see --json)"]
    assert done.err.splitlines() == said
    usual = {"latent": None, "lam": 0.0, "lr": None, "t_max": None, "init_seed": 0}
    how = {name: x for name, x in AS_IT_IS.items() if name not in ("leading", "passes")}
    how["epochs"] = "many"
    assert asked["prepare"] == [(("some/x.h5:a", usual, how), {})]
    assert asked["collapse"] == [((found,), {"latent": 4, "simulations": 10, "seed": 0})]
    assert drawn["collapse"] == ((result, PLAIN), {})
    assert drawn["checked"] == [("log", "linear")]
    result.missed = ["m"]
    result.trainings = [trained()]
    words = "--latent 4 --lam 0.5 --lr 0.25 --t-max 20 --init-seed 3 --simulations 2 --seed 7"
    done = run("plot collapse x.npy -o a.svg", words)
    assert (done.out, done.err) == ("a.svg\n", "warning: m\n")
    given = {"latent": 4, "lam": 0.5, "lr": 0.25, "t_max": 20.0, "init_seed": 3}
    assert asked["prepare"][1] == (("x.npy", given, how), {})
    assert asked["collapse"][1] == ((found,), {"latent": 4, "simulations": 2, "seed": 7})
    result.missed = []
    assert run("plot collapse x.npy").err == ""


def test_learning_curves_of_a_table(run, drawn, science, monkeypatch):
    science(learning_curve, "prepare", ("found", {"latent": 4}))
    seen = SimpleNamespace(
        predicted=made("predicted"), measured=made("measured"), why="",
        training=SimpleNamespace(warnings=("w",)),
    )  # fmt: skip
    asked = science(course, "watch", seen)
    science(course, "warn_unpredicted", None)
    monkeypatch.setattr(course, "notes", lambda found, curve: [f"{found} {curve.kind}"])
    drawn.of("course")
    done = run("plot learning-curve --data some/x.h5:a --json").json
    wanted = {
        "command": "plot learning-curve", "output": "learning-curve_x.pdf", "why": None,
        "records": records("course", "rows"), "warnings": ["w", "found measured"],
    }  # fmt: skip
    assert done == wanted
    assert drawn["saved"] == ("figure of course", "learning-curve_x.pdf",
                              ["course abc", "rows abc"])  # fmt: skip
    assert asked["watch"] == [(("found",), {"seed": 0, **TOLERANCES, "latent": 4})]
    assert asked["warn_unpredicted"] == [((seen,), {})]
    pair = seen.predicted, seen.measured
    assert drawn["course"] == (pair, {"x_scale": "log", "look": PLAIN})
    assert drawn["checked"] == [("log", "linear")]
    words = "--data x.npy --seed 7 --rtol 1e-7 --atol 1e-9 --x-scale linear -o a.svg"
    assert run("plot learning-curve", words).out == "a.svg\n"
    assert asked["watch"][1] == (("found",), {"seed": 7, **FINER, "latent": 4})
    assert drawn["course"][1]["x_scale"] == "linear"
    seen.predicted, seen.why, seen.measured.source = None, "so", None
    done = run("plot learning-curve --data x.npy --json").json
    assert done == {**wanted, "why": "so", "records": [], "warnings": ["w"]}
    for words in ("--vary beta=1,2", "--animate a.gif", "--band sem", "--y-scale log"):
        done = run("plot learning-curve --data x.npy", words)
        option = words.partition(" ")[0]
        assert done.err.startswith(f"error: {option} and --data exclude each other")
    assert run("plot learning-curve --spikes 2").err.startswith("error: --spikes goes with --data")


def test_notes_are_logged_where_they_are_looked_for():
    here = logging.getLogger("vaedyn.cli")
    assert {m.log for m in (annealing, collapse, concentration, picture, sweep)} == {here}
