"""Functions of a model take its parameters as keywords, alone or on top of `Params`."""

import inspect

import numpy as np
import pytest

import vaedyn
from vaedyn import ParameterError, Params
from vaedyn.model.params import Fields
from vaedyn.sweeps.points import COMMANDS

PUBLIC = [
    getattr(vaedyn, name) for name in vaedyn.__all__ if name not in ("__version__", "plot", "store")
]
OF_A_MODEL = [
    each
    for each in PUBLIC
    if inspect.isfunction(each) and "params" in inspect.signature(each).parameters
]
SMALL = {"dim": 20, "latent": 2, "t_max": 3, "points": 3, "lr": 0.1}
SIMPLER = {  # which are quicker, or there at all, with one latent
    "escape", "escapes", "best_schedule", "fixed_points", "branches", "bifurcation_curves",
}  # fmt: skip


def plain(result):
    """Return all numbers of a result as text, without times of computing."""
    if isinstance(result, np.ndarray):
        return str(result.tolist())
    if isinstance(result, (list, tuple)):
        return str([plain(each) for each in result])
    held = result if isinstance(result, dict) else getattr(result, "__dict__", None)
    if held is None:
        return repr(result)
    timing = {"steps_per_second", "seconds"}
    return str({name: plain(value) for name, value in held.items() if name not in timing})


CALLS = {
    "theory": (vaedyn.theory, {}),
    "simulate": (vaedyn.simulate, {"runs": 2, "seed": 4}),
    "bands": (vaedyn.bands, {"random_start": True}),
    "fixed_points": (vaedyn.fixed_points, {"groups": 1}),
    "branches": (vaedyn.branches, {"low": 0.5, "high": 0.6, "groups": 1}),
    "bifurcation_curves": (vaedyn.bifurcation_curves, {"follow": "loss", "lines": 2}),
    "limit_cycles": (vaedyn.limit_cycles, {"low": 0.1, "high": 0.2, "groups": 0}),
    "phase_diagram": (
        vaedyn.phase_diagram,
        {"x": ("lr", [0.1, 0.2]), "y": ("eta", [0.5, 1.5])},
    ),
    "thresholds": (vaedyn.thresholds, {}),
    "trained_on_rows": (vaedyn.trained_on_rows, {}),
    "best_beta": (vaedyn.best_beta, {}),
    "time_to_converge": (vaedyn.time_to_converge, {"tol": 1e-2}),
    "best_schedule": (vaedyn.best_schedule, {"tol": 1e-2}),
    "examine": (vaedyn.examine, {}),
    "ensembles": (vaedyn.ensembles, {"dims": (10, 20), "runs": 2}),
    "escapes": (vaedyn.escapes, {"dims": (20, 40), "runs": 2}),
    "escape": (vaedyn.escape, {}),
    "sweep": (
        lambda *args, **options: vaedyn.sweep("theory", *args, vary={"eta": [1, 2]}, **options),
        {"jobs": 1},
    ),
}


def test_all_functions_of_a_model_are_tried():
    # of a model of users' data; what shows a page; what needs a model; of models that oscillate
    apart = {"learn", "explore", "command_line", "limit_cycle"}
    assert {each.__name__ for each in OF_A_MODEL} - apart == set(CALLS)


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("name", CALLS)
def test_keywords_stand_for_a_model_or_change_one(name):
    function, options = CALLS[name]
    small = {**SMALL, "latent": 1} if name in SIMPLER else SMALL
    wanted = plain(function(Params(**small, beta=0.7), **options))
    assert plain(function(**small, beta=0.7, **options)) == wanted
    changed = function(Params(**small, beta=9), beta=0.7, **options)
    assert plain(changed) == wanted


@pytest.mark.parametrize("function", OF_A_MODEL, ids=lambda each: each.__name__)
def test_no_argument_is_called_like_a_parameter(function):
    own = inspect.signature(function).parameters
    assert not set(own) & set(Fields.__annotations__)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_argument_of_a_sweep_is_one_of_what_it_computes(command):
    own = set(inspect.signature(vaedyn.sweep).parameters) - {"params", "options"}
    theirs = set(inspect.signature(COMMANDS[command].run).parameters)
    assert own & theirs <= {"store", "progress", "jobs"}


@pytest.mark.parametrize("name", CALLS)
def test_unknown_keywords_are_refused(name):
    function, options = CALLS[name]
    with pytest.raises(TypeError, match=r"unexpected .* 'betta' \(did you mean beta\?\)$"):
        function(betta=1, **options)
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'zzz'$"):
        function(Params(), zzz=1, **options)


def test_arguments_of_the_function_are_proposed_as_well():
    with pytest.raises(TypeError, match=r"simulate\(\) .* 'run' \(did you mean runs\?\)$"):
        vaedyn.simulate(run=3)
    with pytest.raises(TypeError, match=r"theory\(\) .* 'rtool' \(did you mean rtol\?\)$"):
        vaedyn.sweep("theory", vary={"beta": [1]}, rtool=1e-9)


@pytest.mark.parametrize("name", [each for each in CALLS if each != "sweep"])
def test_a_value_that_is_not_allowed_is_named(name):
    function, options = CALLS[name]
    with pytest.raises(ParameterError, match="^lr: must be > 0"):
        function(lr=-1, **options)
    with pytest.raises(TypeError, match=r"\(\) expects Params or keywords, got 0\.5$"):
        function(0.5, **options)


def test_what_does_not_vary_in_a_sweep_is_checked_with_what_varies():
    result = vaedyn.sweep("theory", vary={"t_max": [1.0, 2.0]}, dim=20, points=11)
    assert [point.params.points for point in result.points] == [11, 11]
    mapped = vaedyn.sweep("theory", {"dim": 10}, vary={"t_max": [1.0, 2.0]}, dim=20, points=11)
    assert mapped.points == result.points
    with pytest.raises(ParameterError, match="^vary: expected names"):
        vaedyn.sweep("theory", beta=1)
