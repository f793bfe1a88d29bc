"""Lists of fixed points, units and passages from parts that are made up."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ConvergenceError, DivergenceError, ParameterError
from vaedyn.fixedpoints import fixed_points as module
from vaedyn.fixedpoints import under_adam
from vaedyn.fixedpoints.configurations import TooManyError
from vaedyn.fixedpoints.groups import (
    Unit,
)
from vaedyn.fixedpoints.search import Search, Starts
from vaedyn.fixedpoints.under_adam import Adam, Found

PARAMS = vaedyn.Params(latent=1, signal=1, rho=3.0, eta=0.7, beta=0.8, lr=0.3)
ONE, NOISE, GONE, FREE = Unit(1, (3.0,)), Unit(1, (), 1), Unit(1), Unit(0, (3.0,))
KNOWN = [(ONE,), (NOISE, FREE), (GONE, FREE)]


def listed(monkeypatch, reached=None, groups=2, starts=None, found=KNOWN, alike=None):
    """Return what is put in order: three known states, that reached and those of a search."""
    seen, steps = {}, []
    values = {each: np.full(6, float(n)) for n, each in enumerate(KNOWN)}
    monkeypatch.setattr(module, "state", lambda units, each: values[each])
    monkeypatch.setattr(module, "asleep", lambda units: [])
    monkeypatch.setattr(
        module, "_alike", lambda params, y, z: bool(alike is not None and y[0] == alike)
    )
    monkeypatch.setattr(module, "eigenvalues", lambda model, y: ("eigenvalues", y[0]))
    monkeypatch.setattr(module, "spectrum", lambda model, y: ("spectrum", y[0]))
    monkeypatch.setattr(module, "residual", lambda model, y: 100 + y[0])
    monkeypatch.setattr(module, "how_many", lambda model, y: int(10 + y[0]))
    monkeypatch.setattr(
        module, "living_on", lambda model, y: (Unit(3, (3.0,)),) if y[0] > 6 else (GONE,)
    )
    monkeypatch.setattr(
        module, "thresholds",
        lambda params, configuration: seen.update(configuration=configuration)
        or {"collapse": [2.5], "noise": 0.5},
    )  # fmt: skip

    def missing(units, groups, single):
        seen["single"] = single
        return {"threshold": ["three on signal 1"], "ended": ["noise", "lost"]}

    def searched(model, states, starts, progress):
        seen["met"] = [y[0] for y in states]
        if progress:
            progress(2, 4)
        return Search([np.full(6, 7.0), np.full(6, 8.0)], [1] * (len(states) + 2), 9, 0)

    monkeypatch.setattr(module, "missing", missing)
    monkeypatch.setattr(module, "searched", searched)
    monkeypatch.setattr(module, "in_order", lambda *given: given)
    units = Made(model=None, spectrum=lambda each: ("of units", values[each][0]))
    given = module._listed(
        PARAMS, units, found, reached, groups, starts, lambda *at: steps.append(at)
    )
    names = ("params", "states", "spectra", "left", "types", "copies", "at", "info")
    return {**dict(zip(names, given, strict=True)), **seen, "steps": steps}


def test_known_states_are_listed_with_what_is_known_of_them(monkeypatch):
    made = listed(monkeypatch)
    assert [y[0] for y in made["states"]] == [0, 1, 2]
    assert made["spectra"] == [("of units", n) for n in range(3)]
    assert made["left"] == [100, 101, 102]
    assert made["types"] == ["signal 1", "noise", "collapsed"]
    assert made["copies"] == [2, 1, 1]
    assert (made["at"], made["configuration"]) == (None, None)
    assert made["steps"] == [(1, 3), (2, 3), (3, 3)]
    assert made["single"] == {ONE: 2.5, NOISE: 0.5}
    assert set(made["info"]) == {"missing", "thresholds"}


def test_nobody_has_to_watch(monkeypatch):
    listed(monkeypatch)
    units = Made(model=None, spectrum=lambda each: None)
    assert module._listed(PARAMS, units, KNOWN, None, 2)[6] is None
    monkeypatch.setattr(module, "searched", lambda model, states, starts, progress: found(progress))

    def found(progress):
        assert progress is None
        return Search([], [1] * 3, 9, 0)

    assert len(module._listed(PARAMS, units, KNOWN, None, 2, Starts(4, 9))[1]) == 3


def test_that_which_is_reached_takes_the_place_of_its_image(monkeypatch):
    made = listed(monkeypatch, np.full(6, 5.0), alike=1.0)
    assert [y[0] for y in made["states"]] == [0, 5, 2]
    assert (made["at"], made["configuration"]) == (1, (NOISE, FREE))
    assert made["spectra"][1] == ("of units", 1.0)


@pytest.mark.parametrize(
    ("groups", "name"), [(2, "of another kind"), (1, "the end of the trajectory")]
)
def test_that_which_is_reached_may_be_of_another_kind(monkeypatch, groups, name):
    made = listed(monkeypatch, np.full(6, 5.0), groups)
    assert [y[0] for y in made["states"]] == [0, 1, 2, 5]
    assert (made["at"], made["configuration"]) == (3, None)
    assert made["types"][3] == name
    assert made["copies"][3] is None
    assert made["spectra"][3] == ("eigenvalues", 5.0)


def test_what_a_search_adds_is_named_and_no_longer_missing(monkeypatch):
    made = listed(monkeypatch, np.full(6, 5.0), starts=Starts(4, 9))
    assert [y[0] for y in made["states"]] == [0, 1, 2, 5, 7, 8]
    assert made["types"][3:] == [
        "collapsed (state 2)", "three on signal 1", "three on signal 1 (state 2)",
    ]  # fmt: skip
    assert made["copies"][3:] == [15, 17, 18]
    assert made["spectra"][3:] == [("spectrum", n) for n in (5.0, 7.0, 8.0)]
    assert made["met"] == [0, 1, 2, 5]
    assert made["steps"] == [(1, 7), (2, 7), (3, 7), (5, 7)]
    assert made["info"]["missing"] == {"threshold": [], "ended": ["noise", "lost"]}
    assert made["info"]["search"]["starts"] == 4
    alone = listed(monkeypatch, starts=Starts(4, 9))
    assert alone["types"][3:] == ["three on signal 1", "three on signal 1 (state 2)"]


def test_noise_that_is_always_fitted_has_no_threshold(monkeypatch):
    monkeypatch.setattr(module, "missing", lambda *_: {})
    made = listed(monkeypatch)
    assert made["single"][NOISE] == 0.5
    seen = {}
    monkeypatch.setattr(
        module, "thresholds", lambda params, configuration: {"collapse": [2.5], "noise": None}
    )
    monkeypatch.setattr(module, "missing", lambda units, groups, single: seen.update(single) or {})
    module._listed(PARAMS, Made(model=None), [], None, 1)
    assert seen == {ONE: 2.5, NOISE: np.inf}


ADAM = vaedyn.Params(optimiser="adam", rho=3.0, dim=500, beta=0.8)


def under(monkeypatch, reached=None, fails=None, groups=1, alike=None, states=2, missing=()):
    y = [np.full(6, float(n)) for n in range(states)]
    adam = Made(
        model=None, spectrum=lambda model, y: ("adam", y[0]),
        velocity=lambda model, y: np.array([0.5, -2.0]) * (1 + y[0]),
    )  # fmt: skip
    monkeypatch.setattr(module, "Adam", lambda params: adam)
    monkeypatch.setattr(
        module, "Found",
        lambda adam, groups: Made(states=y, configurations=KNOWN[:states], idle=[NOISE],
                                  missing=missing, partial="some"),
    )  # fmt: skip

    def theory(params, **options):
        assert options == {"rtol": 1e-8, "atol": 1e-10, "store": "a store"}
        if fails:
            raise fails
        return Made(states=["first", "last"])

    monkeypatch.setattr(module, "theory", theory)
    monkeypatch.setattr(module, "end_under_adam", lambda adam, end: reached if end == "last" else 0)
    monkeypatch.setattr(
        module, "_alike", lambda params, y, z: bool(alike is not None and y[0] == alike)
    )
    monkeypatch.setattr(module, "thresholds", lambda params: {"collapse": [limit]})
    monkeypatch.setattr(module, "in_order", lambda *given: given)
    limit, steps = (0.8 if groups else 0.81), []
    given = module._under_adam(ADAM, groups, 1e-8, 1e-10, "a store", lambda *at: steps.append(at))
    names = ("params", "states", "spectra", "left", "types", "copies", "at", "info")
    return {**dict(zip(names, given, strict=True)), "steps": steps}


def test_fixed_points_under_adam_and_that_which_is_reached(monkeypatch):
    end = np.full(6, 5.0)
    made = under(monkeypatch, end, alike=0.0)
    assert [y[0] for y in made["states"]] == [5, 1]
    assert (made["at"], made["types"], made["copies"]) == (0, ["signal 1", "collapsed"], [2, 1])
    assert made["spectra"] == [("adam", 5.0), ("adam", 1.0)]
    assert made["left"] == [12, 4]
    assert made["steps"] == [(1, 2), (2, 2)]
    assert made["info"] == {
        "missing": {"threshold": [], "ended": []}, "thresholds": {"collapse": [0.8]}, "lost": "",
        "partial": "some",
    }  # fmt: skip
    for groups, name in ((1, "of another kind"), (0, "the end of the trajectory")):
        made = under(monkeypatch, end, groups=groups)
        assert [y[0] for y in made["states"]] == [0, 1, 5]
        assert (made["at"], made["types"][2], made["copies"][2]) == (2, name, None)
    for error in (ConvergenceError("slow"), DivergenceError("far")):
        made = under(monkeypatch, fails=error)
        assert (made["at"], made["info"]["lost"], len(made["states"])) == (None, str(error), 2)
        for options in ({"groups": 0}, {"states": 0}):
            with pytest.raises(type(error)):
                under(monkeypatch, fails=error, **options)
    # beta = 0.8 is at the threshold, or below it
    lacking = under(monkeypatch, end, missing=[ONE])["info"]["missing"]
    assert lacking == {"threshold": ["signal 1"], "ended": []}
    lacking = under(monkeypatch, end, missing=[ONE], groups=0)["info"]["missing"]
    assert lacking == {"threshold": [], "ended": ["signal 1"]}


def found_of_adam(monkeypatch, params, groups=1, gone=(), meets=True, most=None):
    rests = {}
    adam = Adam(params)
    monkeypatch.setattr(
        adam, "rest", lambda unit: None if unit in gone else rests.setdefault(unit, np.zeros(6))
    )
    monkeypatch.setattr(adam, "newton", lambda model, y: y if meets else None)
    monkeypatch.setattr(under_adam, "state", lambda units, configuration: configuration)
    monkeypatch.setattr(under_adam, "collapsed", lambda model, y: True)
    if most is not None:
        monkeypatch.setattr(under_adam, "MOST", most)
    return Found(adam, groups), rests


def test_every_latent_under_adam_lives_somewhere(monkeypatch):
    two = ADAM.replace(latent=2, signal=1)
    made, rests = found_of_adam(monkeypatch, two)
    assert made.configurations == [(ONE, NOISE), (NOISE, NOISE, FREE)]
    assert made.states == made.configurations
    assert (made.missing, made.idle, made.partial, set(rests)) == ([], [NOISE], "", {ONE, NOISE})
    made, _ = found_of_adam(monkeypatch, two, groups=2)
    assert (
        made.partial == "two latents that share directions are not derived for adam: none is listed"
    )
    assert found_of_adam(monkeypatch, ADAM, groups=2)[0].partial == ""
    made, rests = found_of_adam(monkeypatch, two, groups=0)
    assert (made.configurations, set(rests)) == ([(NOISE, NOISE, FREE)], {NOISE})
    made, _ = found_of_adam(monkeypatch, two, gone=[ONE])
    assert (made.configurations, made.missing) == ([(NOISE, NOISE, FREE)], [ONE])
    assert found_of_adam(monkeypatch, two, meets=False)[0].configurations == []
    made, _ = found_of_adam(monkeypatch, two, most=1)
    assert len(made.states) == 1
    assert made.partial == "there are more than 1 fixed points: lower latent or signal"
    assert found_of_adam(monkeypatch, two, most=2)[0].partial == ""


def test_when_fixed_points_under_adam_are_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(
        module, "_under_adam",
        lambda *given: seen.append(given) or Made(to_kept=lambda name: ({"of": name}, {"info": 1})),
    )  # fmt: skip
    monkeypatch.setattr(module, "kept", lambda store, kind, record, compute: compute())
    monkeypatch.setattr(module.FixedPoints, "from_kept", lambda params, kept: kept)
    assert vaedyn.fixed_points(ADAM, groups=1) == ({"of": "point"}, {"info": 1})
    assert seen[0][1:5] == (1, 1e-8, 1e-10, None)
    assert issubclass(TooManyError, ParameterError)
