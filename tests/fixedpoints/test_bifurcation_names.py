"""What happens on branches that are made up: who meets, how many eigenvalues cross, and why not."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from vaedyn.fixedpoints import bifurcations as module
from vaedyn.fixedpoints.arclength import Piece
from vaedyn.fixedpoints.bifurcations import UNKNOWN, _Naming, _with_side, hopf, named, steady, turn
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.normal_forms import Coefficient
from vaedyn.kernels.constants import Constants

ONE, TWO, NOISE = Unit(1, (3.0,)), Unit(1, (1.5,)), Unit(1, (), 1)
MODEL = Constants(0.8, np.array([3.0, 1.5]), 0.7, 0.1, 0.5, 2)
SIZE = 22  # order parameters of two latents and two signals


def piece(low, high, first="edge", last="edge", states=None):
    states = np.zeros((3, SIZE)) if states is None else np.array(states, float)
    return Piece(np.linspace(low, high, len(states)), states, first, last)


def branch(configuration, chosen, low=0.0, high=2.0, events=(), states=None):
    states = np.zeros((2, SIZE)) if states is None else states
    x = np.linspace(low, high, len(states))
    return Made(configuration=configuration, chosen=chosen, x=x, states=states, events=list(events))


def naming(found, pieces=None, values=(), **others):
    """Return the naming of branches over 0 to 2 whose spectrum is given, at any x."""
    there = Made(
        model=MODEL, spectrum=lambda units: np.array(values, complex) * MODEL.lr,
        state=lambda unit: np.zeros(1), modes=others.pop("modes", None),
    )  # fmt: skip
    traced = Made(
        low=0.0, high=2.0, pieces=pieces or {}, at=lambda unit, x: unit,
        units=lambda chosen, x: there, alone=lambda unit, x: ("alone", unit, x),
        path=lambda x: MODEL, **others,
    )  # fmt: skip
    return _Naming(traced, found)


def test_what_is_unknown_and_the_sides():
    assert UNKNOWN == {"bifurcation": None, "side": None, "coefficient": None, "frequency": None}
    below, above, none = (_with_side("pitchfork", Coefficient(x, 2.0), 0.5)
                          for x in (-3.0, 3.0, 1.99e-6))  # fmt: skip
    assert below == {**UNKNOWN, "bifurcation": "pitchfork", "side": "supercritical",
                     "coefficient": -1.5}  # fmt: skip
    assert above == {**below, "side": "subcritical", "coefficient": 1.5}
    assert none == {**UNKNOWN, "bifurcation": "degenerate", "coefficient": 0.995e-6}
    assert _with_side("hopf", Coefficient(0.0, 0.0), 1.0)["bifurcation"] == "degenerate"


class Formed:
    """Forms and centre of a fixed point, with coefficients that are given."""

    gather = spread = 2 * np.eye(SIZE)
    right = np.eye(SIZE)[:, 8:10]  # the first one is along Q_11

    def __init__(self, quadratic, cubic, monkeypatch, sign=1):
        self.found, self.directions = (Coefficient(quadratic, 1.0), Coefficient(cubic, 1.0)), []
        self.right = sign * self.right
        monkeypatch.setattr(module, "Forms", lambda model, y: self)
        monkeypatch.setattr(module, "Steady", lambda forms: self)

    def coefficients(self, direction):
        self.directions.append(direction)
        return self.found


def test_without_a_quadratic_coefficient_it_is_a_pitchfork(monkeypatch):
    Formed(0.0, -0.25, monkeypatch)
    assert steady(MODEL, None, np.ones(SIZE)) == {
        **UNKNOWN, "bifurcation": "pitchfork", "side": "supercritical", "coefficient": -0.125,
    }  # fmt: skip
    forms = Formed(0.75, -0.25, monkeypatch)
    assert steady(MODEL, None, np.ones(SIZE)) == {
        **UNKNOWN, "bifurcation": "transcritical", "side": "subcritical", "coefficient": 0.375,
    }  # fmt: skip
    np.testing.assert_array_equal(forms.directions, [2 * np.ones(SIZE)])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_fold_is_measured_along_growing_Q(monkeypatch, sign):  # noqa: N802
    forms = Formed(0.75, 9.0, monkeypatch, sign)
    assert turn(MODEL, None) == {**UNKNOWN, "bifurcation": "fold", "coefficient": 0.375}
    np.testing.assert_array_equal(forms.directions, [np.eye(SIZE)[8]])
    Formed(1e-7, 9.0, monkeypatch)
    assert turn(MODEL, None) == {
        **UNKNOWN, "bifurcation": "degenerate", "coefficient": pytest.approx(0.5e-7),
    }  # fmt: skip


def test_the_frequency_of_a_hopf_bifurcation_is_per_unit_of_time(monkeypatch):
    monkeypatch.setattr(module, "Forms", lambda model, y: None)
    monkeypatch.setattr(module, "first_lyapunov", lambda forms: (3.0, Coefficient(-0.3, 1.0)))
    assert hopf(MODEL, None) == {
        "bifurcation": "hopf", "side": "supercritical", "coefficient": -0.3, "frequency": 1.5,
    }  # fmt: skip


def test_events_are_named_in_order(monkeypatch):
    """Folds and ends first, as changes of stability ask what ends there."""
    calls = []

    def answer(kind):
        def method(self, n, x, *events):
            calls.append((kind, n, x))
            if events:
                assert events[0][0][0]["meets"] == ["end"]
            return {"meets": [kind]}

        return method

    for kind in ("fold", "end", "change"):
        monkeypatch.setattr(_Naming, kind, answer(kind))
    events = [("stability", 1.5), ("end", 0.5), ("escape", 1.75), ("lost", 1.25)]
    found = named(
        Made(high=2.0, low=0.0),
        [Made(events=events), Made(events=[("fold", 0.25)])],
    )
    assert calls == [("end", 0, 0.5), ("fold", 1, 0.25), ("change", 0, 1.5)]
    blank = {**UNKNOWN, "multiplicity": None}
    assert found == [
        [{"kind": "end", "at": 0.5, **blank, "meets": ["end"]},
         {"kind": "lost", "at": 1.25, **blank, "meets": []},
         {"kind": "stability", "at": 1.5, **blank, "meets": ["change"]},
         {"kind": "escape", "at": 1.75, **blank, "meets": []}],
        [{"kind": "fold", "at": 0.25, **blank, "meets": ["fold"]}],
    ]  # fmt: skip


def test_units_end_where_their_pieces_do():
    pieces = {
        ONE: [piece(0, 1, "fold", "end"), piece(1, 2, "end", "fold")],
        TWO: [piece(0, 1, "edge", "end")],
    }
    names = naming(
        [branch((ONE, TWO), {ONE: 0, TWO: 0}), branch((ONE, TWO), {ONE: 1, TWO: 0})], pieces
    )
    assert names._ending(0, 1.0, "end") == [ONE, TWO]
    assert names._ending(0, 0.0, "fold") == [ONE]
    assert names._ending(0, 0.0, "end") == []
    assert names._ending(1, 1.0, "fold") == []
    assert names._ending(1, 1.0, "end") == [ONE, TWO]
    assert names._ending(1, 2.0, "fold") == [ONE]
    assert names.close == pytest.approx(2e-7)


def test_the_tip_of_a_piece_is_at_its_end():
    pieces = {ONE: [piece(0.5, 1.5, states=[[1.0], [2.0], [3.0]])]}
    names = naming([], pieces)
    assert names._tip(ONE, 0, 0.5) == (("alone", ONE, 0.5), 1.0)
    assert names._tip(ONE, 0, 1.5) == (("alone", ONE, 1.5), 3.0)


def test_the_other_half_of_a_fold_has_the_same_other_units(monkeypatch):
    pieces = {
        ONE: [piece(0, 1, "edge", "fold"), piece(0.5, 1, "fold", "fold"), piece(0.5, 2, "fold")],
        TWO: [piece(0, 2), piece(0, 2)],
    }
    both = (ONE, TWO)
    names = naming(
        [
            branch(both, {ONE: 0, TWO: 0}), branch(both, {ONE: 1, TWO: 0}),
            branch(both, {ONE: 1, TWO: 1}), branch((ONE, NOISE), {ONE: 1}),
            branch(both, {ONE: 2, TWO: 0}),
        ],
        pieces,
    )  # fmt: skip
    seen = []
    monkeypatch.setattr(names, "turned", lambda *where: seen.append(where) or {"side": "a side"})
    assert names.fold(0, 1.0) == {"side": "a side", "meets": [1], "multiplicity": 1}
    assert names.fold(4, 0.5)["meets"] == [1]
    assert names.fold(1, 0.5)["meets"] == [4]
    assert seen == [(ONE, 0, 1.0), (ONE, 2, 0.5), (ONE, 1, 0.5)]


def test_a_branch_that_ends_towards_nothing_known_says_so(monkeypatch):
    names = naming([branch((ONE,), {ONE: 0})], {ONE: [piece(0, 1, "edge", "end")]})
    monkeypatch.setattr(names, "joined", lambda unit, number, x: (None, UNKNOWN))
    assert names.end(0, 1.0) == {"why": "the state that it joins is not found"}


@pytest.mark.parametrize("meets", [[1], []])
def test_a_branch_joins_those_that_pass_there(monkeypatch, meets):
    found = [branch((ONE, TWO), {ONE: 0, TWO: 0})] + [branch((TWO,), {TWO: 0})] * 2
    names = naming(found, {ONE: [piece(0, 1, "edge", "end")], TWO: [piece(0, 2)]})
    joined, asked = {"bifurcation": "pitchfork"}, []
    monkeypatch.setattr(names, "joined", lambda unit, number, x: ("joined", joined))
    monkeypatch.setattr(module, "assemble", lambda *what: asked.append(what) or (MODEL, "whole"))
    monkeypatch.setattr(names, "_at", lambda i, model, y, x: asked.append((i, y, x)) or i in meets)
    monkeypatch.setattr(names, "_multiplicity", lambda meets, x: len(meets) + 6)
    why = {} if meets else {"why": "no branch that is listed leads through the state it joins"}
    assert names.end(0, 1.0) == {
        "bifurcation": "pitchfork", "meets": meets, "multiplicity": len(meets) + 6, **why,
    }  # fmt: skip
    model, placed, states = asked[0]
    assert (model, placed, states[0], list(states[1])) == (MODEL, [ONE, TWO], "joined", [0])
    assert asked[1:] == [(1, "whole", 1.0), (2, "whole", 1.0)]


def test_the_state_that_is_joined_is_looked_at_along_the_branch(monkeypatch):
    """The first point that is further than 1e-3 from it shows the direction."""
    states = [[2.0], [2.0 + 0.9e-3], [2.0 + 1.1e-3], [0.5]]
    for ends, rows in ((("end", "edge"), states), (("edge", "end"), states[::-1])):
        where = 0.0 if ends[0] == "end" else 2.0
        names = naming([], {ONE: [piece(0, 2, *ends, states=rows)]})
        monkeypatch.setattr(module, "simpler", lambda unit, model, tip: tip)
        monkeypatch.setattr(module, "steady", lambda model, y, way: (model, *y, *way))
        y, found = names._joined(ONE, 0, where)
        assert (y, found[:2]) == (2.0, (("alone", ONE, where), 2.0))
        assert found[2] == pytest.approx(1.1e-3)
    monkeypatch.setattr(module, "simpler", lambda unit, model, tip: None)
    assert names._joined(ONE, 0, 2.0) == (None, UNKNOWN)


def through(monkeypatch, events=(), exact=None, at=1.0, lines=(0.0, 2.0), size=0.0):
    """Return whether a branch of states 1 to 3 goes through 2 + `size` at x = `at`."""
    states = np.array([np.full(SIZE, lines[0]), np.full(SIZE, lines[1])]) + 1.0
    names = naming([branch((ONE, TWO), {}, 0.0, 2.0, events, states)])
    y = np.full(SIZE, 2.0) + size
    monkeypatch.setattr(module, "state", lambda units, placed: y if exact is None else exact)
    return names._at(0, MODEL, y, at)


def test_a_branch_goes_through_a_state_inside_or_at_its_very_ends(monkeypatch):
    assert through(monkeypatch)
    for at in (0.0, 2.0):
        assert through(monkeypatch, at=at, lines=(1.0, 1.0))
    for at in (1.99e-7, 2 - 1.99e-7, -0.1, 2.1):  # as good as at an end
        assert not through(monkeypatch, at=at, lines=(1.0, 1.0))
    for at in (2.01e-7, 2 - 2.01e-7):
        assert through(monkeypatch, at=at, lines=(1.0, 1.0))
    assert not through(monkeypatch, [("fold", 1.0)])
    assert not through(monkeypatch, [("end", 1.0 - 1.99e-7)])
    assert through(monkeypatch, [("end", 1.0 - 2.01e-7), ("stability", 1.0)])
    assert not through(monkeypatch, exact=np.full(SIZE, 2.0 + 1e-4))
    exact = np.full(SIZE, 2.0)
    for off, met in ((0.105, True), (0.115, False)):  # to a tenth, and of the largest square
        assert through(monkeypatch, lines=(off, 2.0 + off)) == met
    assert not through(monkeypatch, lines=(0.0, 40.0))
    assert not through(monkeypatch, exact=exact, size=20.0)


def test_how_many_eigenvalues_cross():
    """Of those within 1e-6 of the largest a pair counts once; none where nothing is met."""
    one = branch((ONE,), {})
    near, far = 1.99e-6, 2.01e-6
    names = naming([one], values=[-2, near, -near, far, near + 1j, near - 1j, np.nan])
    assert names._multiplicity([0], 1.0) == 3
    assert names._multiplicity([], 1.0) is None
    values = [-2, near, -near, far, near + 1j, near - 1j]
    np.testing.assert_allclose(names._spectrum(0, 1.0), values, rtol=1e-15)


def changed(monkeypatch, alone, events, beside=([], {"why": "unlisted"})):
    names = naming([branch((ONE,), {})] * 3)
    monkeypatch.setattr(names, "_multiplicity", lambda meets, x: 10 + meets[0])
    monkeypatch.setattr(names, "_alone", lambda n, x: {**UNKNOWN, "bifurcation": alone})
    monkeypatch.setattr(names, "_beside", lambda n, x: beside)
    return names.change(0, 1.0, events)


def ending(at=1.0, meets=(0,), kind="end", bifurcation="pitchfork"):
    return {**UNKNOWN, "kind": kind, "at": at, "meets": list(meets), "bifurcation": bifurcation,
            "coefficient": at}  # fmt: skip


def test_stability_changes_where_other_branches_end(monkeypatch):
    close, off = 1 + 1.99e-7, 1 + 2.01e-7
    events = [[], [ending(close), ending(off)], [ending(1.0, bifurcation="transcritical")]]
    assert changed(monkeypatch, "fold", events) == {
        **UNKNOWN, "bifurcation": "pitchfork", "coefficient": close, "meets": [1, 2],
        "multiplicity": 10,
    }  # fmt: skip
    for other in (ending(off), ending(kind="fold"), ending(meets=[1, 2])):
        assert changed(monkeypatch, "hopf", [[], [other], []]) == {
            **UNKNOWN, "bifurcation": "hopf", "meets": [], "multiplicity": 10,
        }  # fmt: skip


def test_a_bifurcation_that_no_branch_ends_at_is_passed_or_not_listed(monkeypatch):
    nobody = [[], [], []]
    assert changed(monkeypatch, "pitchfork", nobody) == {
        **UNKNOWN, "bifurcation": "pitchfork", "meets": [], "multiplicity": 10, "why": "unlisted",
    }  # fmt: skip
    assert changed(monkeypatch, "transcritical", nobody, ([2], {})) == {
        **UNKNOWN, "bifurcation": "transcritical", "meets": [2], "multiplicity": 10,
    }  # fmt: skip
    assert changed(monkeypatch, None, nobody) == {**UNKNOWN, "meets": [], "multiplicity": 10}


def test_an_eigenvalue_that_vanishes_is_within_one_unit_or_between_two():
    rates = {
        (ONE,): [-1, 0.3 + 1j], (TWO,): [-0.2, np.nan], (ONE, TWO): [-0.5], (ONE, ONE): [-0.7],
        (NOISE,): [],
    }  # fmt: skip
    calls = []

    def modes(*key):
        calls.append(key)
        return np.array(rates.get(key, [9.0]), complex) * MODEL.lr

    names = naming([branch((ONE, ONE, TWO), {}), branch((NOISE,), {})], modes=modes)
    assert names._critical(0, 1.0) == (TWO,)
    assert set(calls) == {(ONE,), (TWO,), (ONE, ONE), (ONE, TWO)}
    rates[ONE, TWO] = [-1e-9]
    assert names._critical(0, 1.0) == (ONE, TWO)
    rates[ONE,] = [0.995e-6 + 2j]  # the first that is about as near
    assert names._critical(0, 1.0) == (ONE,)
    rates[ONE,] = [1.005e-6 + 2j]
    assert names._critical(0, 1.0) == (ONE, TWO)
    assert names._critical(1, 1.0) == (NOISE,)


@pytest.mark.parametrize(
    ("zeros", "values", "count", "key", "expected"),
    [
        (0, [1.99e-6 + 1j, 1.99e-6 - 1j, -1], 1, (ONE,), "hopf of it"),
        (0, [1e-7 + 1j, 1e-7 - 1j, 1e-7 + 2j, 1e-7 - 2j], 1, (ONE,),
         {**UNKNOWN, "bifurcation": "hopf"}),
        (0, [2.01e-6 + 1j, 2.01e-6 - 1j, -1], 1, (ONE,), {**UNKNOWN, "bifurcation": "hopf"}),
        (2, [], 2, (ONE, TWO), {**UNKNOWN, "bifurcation": "pitchfork"}),
        (2, [], 2, (ONE,), UNKNOWN),
        (1, [], 1, (ONE,), "steady"),
    ],
)  # fmt: skip
def test_a_bifurcation_alone(monkeypatch, zeros, values, count, key, expected):
    names = naming([branch((ONE,), {})])
    monkeypatch.setattr(names, "_critical", lambda n, x: key)
    forms = Made(zeros=lambda: zeros, values=np.array(values, complex), scale=2.0,
                 spread=np.eye(SIZE))  # fmt: skip
    monkeypatch.setattr(module, "Forms", lambda model, y: forms)
    monkeypatch.setattr(module, "assemble", lambda model, key, states: (MODEL, "y"))
    monkeypatch.setattr(module, "hopf", lambda model, y: "hopf of it")
    for sign in (1, -1):
        right = sign * np.eye(SIZE)[:, 8:9]
        monkeypatch.setattr(module, "Steady", lambda forms, r=right: Made(count=count, right=r))
        seen = []
        monkeypatch.setattr(
            module, "steady", lambda model, y, way, s=seen: s.append(way) or "steady"
        )
        assert names._alone(0, 1.0) == expected
        if expected == "steady":
            np.testing.assert_array_equal(seen, [np.eye(SIZE)[8]])  # along growing Q


def test_branches_beside_are_looked_for_with_all_other_latents(monkeypatch):
    names = naming([branch((ONE, TWO, NOISE), {})] * 3)
    names.traced.path = lambda x: MODEL._replace(rho=MODEL.rho * x)  # as where rho is varied
    names.traced.units = lambda chosen, x: Made(model=names.traced.path(x), state=lambda unit: [0])
    monkeypatch.setattr(names, "_critical", lambda n, x: (ONE, NOISE))
    wholes, through = [], {1.0: [], 1.25: [], 1.5: [2]}

    def assemble(model, units, states):
        wholes.append((tuple(units), len(states)))
        return MODEL, "y"

    emerged = [(1.5, "z"), (1.25, "z")]
    monkeypatch.setattr(module, "assemble", assemble)
    monkeypatch.setattr(names, "_at", lambda i, model, y, x: i in through[x])
    monkeypatch.setattr(module, "Forms", lambda model, y: Made(spread=2 * np.eye(SIZE)))
    monkeypatch.setattr(module, "Steady", lambda forms: Made(right=np.eye(SIZE)))
    asked = []

    def emerging(path, x, span, y, direction):
        asked.append((path(1.5).latent, path(1.5).rho.tolist(), x, span, y, direction.tolist()))
        yield from emerged

    monkeypatch.setattr(module, "emerging", emerging)
    unlisted = "the branch that begins here has no closed form, and is not listed"
    assert names._beside(0, 1.0) == ([], {"why": unlisted})
    assert asked == [(2, [4.5, 2.25], 1.0, 2.0, "y", (2 * np.eye(SIZE)[0]).tolist())]
    assert wholes[0] == ((ONE, NOISE), 2)
    assert wholes[1] == ((Unit(2, (3.0, 1.5)), TWO), 2)
    assert wholes[2] == ((Unit(2, (4.5, 2.25)), Unit(1, (2.25,))), 2)
    emerged.pop()
    assert names._beside(0, 1.0) == ([], {"why": "no fixed point is found next to it"})
    through[1.0] = [0, 1, 2]
    assert names._beside(0, 1.0) == ([1, 2], {})
    through[1.0] = []
    emerged.append((1.25, "z"))
    names.traced.units = lambda chosen, x: Made(model=MODEL, state=lambda unit: None)
    assert names._beside(0, 1.0) == ([], {"why": "no fixed point is found next to it"})
