"""Branches, maps, curves and limit cycles that are made up, word by word."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from tests.shared.made_up import numbered
from vaedyn.cli import curves, cycles, follow
from vaedyn.cli.ranges import Range
from vaedyn.errors import ParameterError
from vaedyn.model.params import Params

BETA = Range("beta", 0.5, 2.0, 7)


@pytest.mark.parametrize("name", ["low", "high"])
def test_errors_of_ends_are_those_of_the_option(name):
    for of, reason in (("lr", "lr is odd"), ("", "is odd")):
        with pytest.raises(ParameterError) as error, follow.blamed_on_vary("low", "high", of=of):
            raise ParameterError(name, "is odd")
        assert (error.value.name, error.value.reason) == ("vary", reason)
    with pytest.raises(ParameterError) as error, follow.blamed_on_vary("x"):
        raise ParameterError(name, "is odd")
    assert error.value.name == name


def test_branches_are_asked_for_as_the_options_say(session, notes, monkeypatch):
    asked = []

    def branches(*given, **options):
        options.pop("progress")(1, 2)
        asked.append((given, options))
        return "branches"

    monkeypatch.setattr(follow, "branches", branches)
    assert follow.follow(session, Params(), BETA, 1) == "branches"
    assert notes() == []
    assert follow.follow(session, Params(), Range("beta", 0.0, 2.0, 7), 2) == "branches"
    text = (
        "branches are followed from beta = 0.002 on: at 0 there is no fixed point, as D shrinks "
        "for ever"
    )
    assert notes() == [("INFO", text)]
    assert asked == [
        ((Params(), "beta", 0.5, 2.0), {"groups": 1, "store": session.store}),
        ((Params(), "beta", 0.002, 2.0), {"groups": 2, "store": session.store}),
    ]


def test_one_constant_of_a_map_only():
    follow.along_one(Range("lr", 1.0, 2.0, 7))
    with pytest.raises(ParameterError) as error:
        follow.along_one(Range("alpha", 1.0, 2.0, 7))
    assert error.value.name == "vary"
    assert error.value.reason == "alpha varies in maps only: give --vary twice"


def surveyed(computed):
    return SimpleNamespace(info={"computed": computed}, phase=np.zeros((7, 3)))


def test_maps_are_asked_for_as_the_options_say(session, notes, monkeypatch):
    asked, made = [], surveyed(4)

    def diagram(params, x, y, **options):
        options.pop("progress")(1, 2)
        asked.append((params, x[0], x[1].tolist(), y[0], y[1].tolist(), options))
        return made

    monkeypatch.setattr(follow, "phase_diagram", diagram)
    across, up = Range("beta", 0.0, 2.0, 3, counted=False), Range("lr", 1.0, 2.0, 2)
    assert follow.survey(session, Params(), (across, up)) is made
    wanted = (Params(), "beta", [1.0, 2.0], "lr", [1.0, 2.0], {"store": session.store})
    assert asked == [wanted]
    assert notes() == [
        ("INFO", "beta takes 3 values: beta=LOW:HIGH:COUNT for others"),
        ("INFO", "beta = 0 is left out: there is no fixed point, as D shrinks for ever"),
        ("INFO", "computed 4 of 21 points of the map"),
    ]
    made = surveyed(0)
    follow.survey(session, Params(), (up, up))
    assert notes() == [("INFO", "reused all points of the map")]
    for name, reason in (("x", "is odd"), ("y", "is odd")):
        monkeypatch.setattr(follow, "phase_diagram", lambda *_, n=name, **__: odd(n))
        with pytest.raises(ParameterError) as error:
            follow.survey(session, Params(), (up, up))
        assert (error.value.name, error.value.reason) == ("vary", reason)


def odd(name):
    raise ParameterError(name, "is odd")


def test_a_map_as_json_and_in_words(session, as_json, shown, out, monkeypatch):
    made = SimpleNamespace(
        x_name="beta", y_name="lr", x=np.array([1.0, 2.0]), y=np.array([3.0]), params=Params(),
        names=("a", "b"), phase=np.array([[0, 1]]), eps_g=np.array([[0.5, np.nan]]),
        active=np.array([[1, 0]]), growth=np.array([[-1.0, -2.0]]), info={"computed": 0},
    )  # fmt: skip
    follow.print_map(as_json, made)
    wanted = {
        "command": "fixedpoints", "varied": ["beta", "lr"],
        "params": json.loads(json.dumps(Params().to_dict())), "reused": True, "beta": [1.0, 2.0],
        "lr": [3.0], "phases": ["a", "b"], "phase": [[0, 1]], "eps_g": [[0.5, None]],
        "active": [[1, 0]], "growth": [[-1.0, -2.0]],
    }  # fmt: skip
    assert shown() == wanted
    made.info["computed"] = 1
    follow.print_map(as_json, made)
    assert shown() == {**wanted, "reused": False}
    monkeypatch.setattr(follow.mapped, "table", lambda result: (["a"], [["1"]], (), 0))
    follow.print_map(session, made)
    assert out() == ["a", "─", "1"]


ON_BRANCH = ("eps_g", "kl", "kl_per_latent", "distortion", "m", "d", "Q", "E", "R", "D")


def test_branches_as_json_and_in_words(session, as_json, shown, out, monkeypatch):
    made = SimpleNamespace(
        source=SOURCE, name="beta", types=["signal 1", "collapsed"], branch=np.array([0, 1, 0]),
        varied=np.array([0.5, 1.0, 2.0]), growth=np.array([-1.0, np.inf, 2.0]),
        stable=np.array([True, False, False]), bifurcations=[{"kind": "fold"}],
        events=[{"branch": 0, "kind": "fold", "at": 1.5}, {"branch": 1, "kind": "hopf", "at": 2}],
        **numbered(ON_BRANCH, 3),
    )  # fmt: skip
    follow.print_branches(as_json, made)

    def arrays(*chosen):
        return {name: [10.0 * n + i for i in chosen] for n, name in enumerate(ON_BRANCH)}

    assert shown() == {
        "command": "fixedpoints", **PROVENANCE, "varied": "beta",
        "bifurcations": [{"kind": "fold"}],
        "branches": [
            {"type": "signal 1", "events": [{"kind": "fold", "at": 1.5}], "beta": [0.5, 2.0],
             "max_eigenvalue": [-1.0, 2.0], "stable": [True, False], **arrays(0, 2)},
            {"type": "collapsed", "events": [{"kind": "hopf", "at": 2}], "beta": [1.0],
             "max_eigenvalue": [None], "stable": [False], **arrays(1)},
        ],
    }  # fmt: skip
    monkeypatch.setattr(follow.listed, "table", lambda result: (["a"], [["1"]], (), 0))
    for rows, more, end in (
        ([], 0, []), ([["2"]], 0, ["", "b", "─", "2"]),
        ([["2"]], 3, ["", "b", "─", "2", "and 3 more: see --json"]),
    ):  # fmt: skip
        monkeypatch.setattr(
            follow.listed, "bifurcations", lambda _, r=rows, m=more: (["b"], r, (), m)
        )
        follow.print_branches(session, made)
        assert out() == ["a", "─", "1", *end]


# ---- curves


def test_curves_are_asked_for_as_the_options_say(session, monkeypatch):
    asked = []

    def over(params, *axes, **options):
        options.pop("progress")(1, 2)
        asked.append((params, axes, options))
        return "curves"

    monkeypatch.setattr(curves, "bifurcation_curves", over)
    varied = (Range("beta", 0.0, 2.0, 3), Range("lr", 1.0, 2.0, 2, logarithmic=True))
    assert curves.curves(session, Params(), varied, ("hopf", "q=1")) == "curves"
    axes = ("beta", 0.002, 2.0), ("lr", 1.0, 2.0, "log")
    options = {"follow": ["hopf", "q=1"], "store": session.store}
    assert asked == [(Params(), axes, options)]
    for name, blamed in (("x", "vary"), ("y", "vary"), ("follow", "follow")):
        monkeypatch.setattr(curves, "bifurcation_curves", lambda *_, n=name, **__: odd(n))
        with pytest.raises(ParameterError) as error:
            curves.curves(session, Params(), varied, ())
        assert (error.value.name, error.value.reason) == (blamed, "is odd")


def test_curves_as_json_and_in_words(session, as_json, shown, out, monkeypatch):
    made = SimpleNamespace(
        source=SOURCE, x_name="beta", y_name="lr", kinds=["fold", "hopf"], labels=["s1", "s2"],
        ends=[("edge", "end"), ("lost", "edge")], curve=np.array([0, 1, 0]),
        special=[{"curve": 0, "kind": "cusp", "x": 1.0}, {"curve": 1, "kind": "bt", "x": 2.0}],
        x=np.array([1.0, 2.0, np.nan]), y=np.array([4.0, 5.0, 6.0]),
        attracting=np.array([True, False, False]), lyapunov=np.array([np.nan, -0.5, np.nan]),
    )  # fmt: skip
    curves.print_curves(as_json, made)
    assert shown() == {
        "command": "fixedpoints", **PROVENANCE, "varied": ["beta", "lr"],
        "curves": [
            {"kind": "fold", "of": "s1", "ends": ["edge", "end"],
             "special": [{"kind": "cusp", "x": 1.0}], "beta": [1.0, None], "lr": [4.0, 6.0],
             "attracting": [True, False]},
            {"kind": "hopf", "of": "s2", "ends": ["lost", "edge"],
             "special": [{"kind": "bt", "x": 2.0}], "beta": [2.0], "lr": [5.0],
             "attracting": [False], "lyapunov": [-0.5]},
        ],
    }  # fmt: skip
    listed = curves.listed
    monkeypatch.setattr(listed, "remark", lambda result: "remark")
    monkeypatch.setattr(listed, "listing", lambda result: SimpleNamespace(first="first"))
    for rows, others, lines in (
        ([["1"]], 1, ["a", "─", "1", "remark"]), ([["1"]], 0, ["a", "─", "1"]), ([], 0, ["first"]),
        ([], 2, ["first", "remark"]),
    ):  # fmt: skip
        monkeypatch.setattr(listed, "table", lambda _, r=rows: listed.Table(["a"], r))
        monkeypatch.setattr(listed, "others", lambda _, o=others: o)
        curves.print_curves(session, made)
        assert out() == lines


EIGHT = ("eps_g", "kl", "m", "d", "Q", "E", "R", "D")


def test_a_cycle_as_json_and_in_words(session, as_json, shown, out, monkeypatch):
    made = SimpleNamespace(
        source=SOURCE, period=2.5, repeats=3, stable=True, trivial=1e-9, closing=2e-9,
        multipliers=np.array([0.5 + 1j, np.nan]), mean={"kl": np.array([1.0])},
        amplitude={"kl": np.float64(0.5)}, t=np.array([0.0, 2.5]), **numbered(EIGHT),
    )  # fmt: skip
    asked = []
    monkeypatch.setattr(
        cycles, "limit_cycle", lambda params, store: asked.append((params, store)) or made
    )
    params = Params(dim=70)
    cycles.print_cycle(as_json, params)
    assert asked == [(params, as_json.store)]
    assert shown() == {
        "command": "fixedpoints", **PROVENANCE, "period": 2.5, "period_in_steps": 175.0,
        "repeats": 3, "stable": True, "multipliers": [[0.5, 1.0]],
        "trivial_multiplier_error": 1e-9, "closing": 2e-9, "mean": {"kl": [1.0]},
        "amplitude": {"kl": 0.5}, "t": [0.0, 2.5],
        **{name: [10.0 * n, 10.0 * n + 1] for n, name in enumerate(EIGHT)},
    }  # fmt: skip
    monkeypatch.setattr(cycles.of_one, "table", lambda result: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(cycles.of_one, "summary", lambda result: ["one", "two"])
    cycles.print_cycle(session, params)
    assert out() == ["a", "─", "1", "one", "two"]


ALONG = ("period", "amplitude", "eps_g_min", "eps_g_max", "eps_g_mean", "kl_mean")


def along(**others):
    usual = {
        "source": SOURCE, "name": "beta", "repeats": [3, 2], "without": [],
        "multipliers_im": np.zeros((3, 1)), "branch": np.array([0, 1, 0]),
        "varied": np.array([1.0, 2.0, 4.0]),
        "stable": np.array([True, False, False]),
        "multipliers_re": np.array([[0.5], [np.nan], [2]]),
        "events": [{"branch": 0, "kind": "fold", "at": 1.5, "why": "so", "n": 3},
                   {"branch": 1, "kind": "hopf", "at": 2.0, "point": 4}],
        "trivial": np.array([1e-9, 2e-9, 3e-9]), **numbered(ALONG, 3),
        **numbered(EIGHT[2:], 3, 100.0),
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


@pytest.fixture
def cycling(monkeypatch):
    asked = {"result": along()}

    def answer(*given, **options):
        options.pop("progress")(1, 2)
        asked.update(given=given, options=options)
        return asked["result"]

    monkeypatch.setattr(cycles, "limit_cycles", answer)
    monkeypatch.setattr(cycles.of_many, "remarks", lambda result: ["beware"])
    return asked


def test_cycles_as_json(as_json, shown, notes, cycling):
    cycles.print_cycles(as_json, Params(), BETA, 1)
    assert cycling["given"] == (Params(), "beta", 0.5, 2.0)
    assert cycling["options"] == {"groups": 1, "store": as_json.store}
    assert notes() == [("WARNING", "beware")]

    def arrays(*chosen):
        first = {name: [10.0 * n + i for i in chosen] for n, name in enumerate(ALONG)}
        return first | {
            name: [100.0 + 10 * n + i for i in chosen] for n, name in enumerate(EIGHT[2:])
        }

    wanted = {
        "command": "fixedpoints", **PROVENANCE, "varied": "beta",
        "cycles": [
            {"repeats": 3, "events": [{"kind": "fold", "at": 1.5, "why": "so"}],
             "beta": [1.0, 4.0], "stable": [True, False], "multipliers": [[[0.5, 0]], [[2, 0]]],
             "trivial_multiplier_error": [1e-9, 3e-9], **arrays(0, 2)},
            {"repeats": 2, "events": [{"kind": "hopf", "at": 2.0}], "beta": [2.0],
             "stable": [False], "multipliers": [[]], "trivial_multiplier_error": [2e-9],
             **arrays(1)},
        ],
    }  # fmt: skip
    assert shown() == wanted
    cycling["result"] = along(without=["c"])
    cycles.print_cycles(as_json, Params(), BETA, 1)
    assert shown() == {**wanted, "without_cycle": ["c"]}


def test_cycles_in_words(session, out, cycling, monkeypatch):
    monkeypatch.setattr(cycles.of_many, "table", lambda result: (["a"], [["1"]], (), 0))
    cycles.print_cycles(session, Params(), BETA, 1)
    assert out() == ["a", "─", "1"]
    cycling["result"] = along(repeats=[])
    cycles.print_cycles(session, Params(), Range("beta", 0.0, 2.0, 7), 1)
    assert out() == ["no limit cycle is found with beta from 0.002 to 2"]
    with pytest.raises(ParameterError):
        cycles.cycles(session, Params(), Range("alpha", 1.0, 2.0, 7), 1)
    for name in ("low", "high"):
        monkeypatch.setattr(cycles, "limit_cycles", lambda *_, n=name, **__: odd(n))
        with pytest.raises(ParameterError) as error:
            cycles.cycles(session, Params(), BETA, 1)
        assert (error.value.name, error.value.reason) == ("vary", "beta is odd")


def test_pairs_are_of_numbers():
    values = np.array([1 + 2j, np.nan, -3])
    assert cycles.pairs(values) == [[1.0, 2.0], [-3.0, 0.0]]
