"""Fixed points, branches, cycles, curves and time courses that are made up, word by word."""

import json
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from vaedyn.cli import anneal, curves, cycles, fixedpoints, follow, simulate, theory, trained
from vaedyn.cli.ranges import Range
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.passages import Passage
from vaedyn.model.params import Params
from vaedyn.model.quantities import NAMES, OBSERVABLES
from vaedyn.model.records import Source

ALL = (*OBSERVABLES, *NAMES)


def numbered(names, count=2, first=0.0):
    """Return arrays in which each name has numbers of its own."""
    return {name: first + 10 * i + np.arange(count) for i, name in enumerate(names)}


# ---- which options go together


def checked(trained=False, groups="DEFAULT", **given):
    usual = {"along": False, "cycle": False, "follow": (), "search": None, "vary": (),
             "search_seed": 0}  # fmt: skip
    context = click.Context(click.Command("x"))
    context.params = {**usual, **given}
    context.set_parameter_source("groups", getattr(click.core.ParameterSource, groups))
    try:
        fixedpoints._check(context, trained=trained)
    except click.UsageError as error:
        return error.message
    return None


TWICE = "expected --vary at most twice, and not with --along"
LISTS = "--groups goes with lists of fixed points, and with one --vary: leave it out"
SEARCH = "expected --search without --vary, --follow, --cycle and --alpha"
ROUND = "expected --cycle without --along and --follow, and with one --vary at most"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, None),
        ({"vary": "a"}, None),
        ({"vary": "ab"}, None),
        ({"vary": "abc"}, TWICE),
        ({"vary": "a", "along": True}, TWICE),
        ({"along": True}, None),
        ({"groups": "COMMANDLINE"}, None),
        ({"groups": "COMMANDLINE", "vary": "a"}, None),
        ({"groups": "COMMANDLINE", "vary": "a", "cycle": True}, None),
        ({"groups": "COMMANDLINE", "vary": "ab"}, LISTS),
        ({"groups": "COMMANDLINE", "cycle": True}, LISTS),
        ({"groups": "COMMANDLINE", "vary": "ab", "follow": ("all",)}, LISTS),
        ({"groups": "COMMANDLINE", "vary": "a", "follow": ("all",)}, LISTS),
        ({"groups": "COMMANDLINE", "trained": True}, LISTS),
        ({"groups": "COMMANDLINE", "trained": True, "vary": "a"}, LISTS),
        ({"groups": "ENVIRONMENT", "trained": True}, None),
        ({"search": 5}, None),
        ({"search": 5, "search_seed": 1}, None),
        ({"search": 5, "vary": "a"}, SEARCH),
        ({"search": 5, "vary": "ab", "follow": ("all",)}, SEARCH),
        ({"search": 5, "follow": ("all",)}, SEARCH),
        ({"search": 5, "cycle": True}, SEARCH),
        ({"search": 5, "trained": True}, SEARCH),
        ({"search_seed": 1}, "--search-seed goes with --search"),
        ({"cycle": True}, None),
        ({"cycle": True, "vary": "a"}, None),
        ({"cycle": True, "vary": "ab"}, ROUND),
        ({"cycle": True, "along": True}, ROUND),
        ({"cycle": True, "follow": ("all",)}, ROUND),
        ({"follow": ("all",), "vary": "ab"}, None),
        ({"follow": ("all",)}, "expected --vary twice with --follow"),
        ({"follow": ("all",), "vary": "a"}, "expected --vary twice with --follow"),
        ({"trained": True, "along": True},
         "--along is not derived for rows used again: leave out --alpha"),
        ({"trained": True}, None),
        ({"trained": True, "vary": "ab"}, None),
    ],
)  # fmt: skip
def test_options_of_fixed_points_that_go_together(given, message):
    assert checked(**given) == message


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ("--cycle", ("print_cycle", 1)),
        ("--cycle --vary beta=1:2 --groups 1", ("print_cycles", "beta", 1)),
        ("--vary beta=1:2 --vary lr=1:2 --follow hopf", ("print_curves", "curves")),
        ("--alpha 3", ("print_trained", 3.0)),
        ("--alpha 3 --vary beta=1:2 --vary alpha=1:2", ("print_map", "survey")),
        ("--vary beta=1:2 --vary lr=1:2", ("print_map", "survey")),
        ("--vary beta=1:2", ("print_branches", "beta", 2)),
        ("--alpha 3 --vary beta=1:2", ("print_branches", "beta", 2)),
    ],
)
def test_what_is_printed_of_fixed_points(run, monkeypatch, words, called):
    seen = []
    put = {
        "print_cycle": lambda session, params: seen.append(("print_cycle", params.latent)),
        "print_cycles": lambda session, params, varied, groups: seen.append(
            ("print_cycles", varied.name, groups)),
        "curves": lambda session, params, vary, follow: ("curves", follow, len(vary))[0],
        "print_curves": lambda session, result: seen.append(("print_curves", result)),
        "print_trained": lambda session, params: seen.append(("print_trained", params.alpha)),
        "survey": lambda session, params, vary: "survey" if len(vary) == 2 else None,
        "print_map": lambda session, result: seen.append(("print_map", result)),
        "branches_along": lambda session, params, varied, groups: (varied.name, groups),
        "print_branches": lambda session, result: seen.append(("print_branches", *result)),
    }  # fmt: skip
    for name, fake in put.items():
        monkeypatch.setattr(fixedpoints, name, fake)
    monkeypatch.setattr(fixedpoints, "fixed_points", None)
    assert run("fixedpoints", words).code == 0
    assert seen == [called]


def points(**others):
    usual = {
        "labels": ["s1", "s2"], "types": ["signal 1", "signal 2"], "reached": 1,
        "multiplicity": [2, 4], "stable": np.array([True, False]),
        "marginal": np.array([False, True]), "max_eigenvalue": np.array([-0.5, 0.25]),
        "relaxation_time": np.array([2.0, np.inf]), "residual": np.array([1e-9, 2e-9]),
        "eigenvalues_re": np.array([[-0.5, np.nan], [0.25, -1.0]]),
        "eigenvalues_im": np.array([[0.0, np.nan], [2.0, 3.0]]),
        "found": None, "new": None, "search": None, "source": SOURCE, "warnings": [], "lost": "",
        "thresholds": {"collapse": np.array([1.0, np.nan]), "noise": None}, "missing": ["x"],
        "partial": None, "params": Params(dim=70), **numbered(ALL),
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


def described(i, **more):
    return {
        "label": ["s1", "s2"][i], "type": ["signal 1", "signal 2"][i], "reached": i == 1,
        "multiplicity": [2, 4][i], **more, "stable": i == 0, "marginal": i == 1,
        "max_eigenvalue": [-0.5, 0.25][i], "relaxation_time": [2.0, None][i],
        "residual": [1e-9, 2e-9][i], **{name: 10.0 * n + i for n, name in enumerate(ALL)},
        "eigenvalues": [[[-0.5, 0.0]], [[0.25, 2.0], [-1.0, 3.0]]][i],
        "std": {name: 500.0 + 10 * n + i for n, name in enumerate(ALL)},
    }  # fmt: skip


@pytest.fixture
def spread(monkeypatch):
    monkeypatch.setattr(fixedpoints, "spread_of", lambda result: numbered(ALL, first=500.0))


PASSAGE = Passage(
    index=1, type="signal 2", label="s2", stable=False, time=8.0, distance=0.012345, growth=0.25,
    escape_time=4.0, start=1.0, end=16.5,
)  # fmt: skip
PASSED = {"index": 1, "type": "signal 2", "label": "s2", "stable": False, "time": 8.0,
          "distance": 0.012345, "growth": 0.25, "escape_time": 4.0, "start": 1.0,
          "end": 16.5}  # fmt: skip


def test_fixed_points_as_json(as_json, shown, spread):
    fixedpoints.print_points(as_json, points(), None)
    wanted = {
        "command": "fixedpoints", **PROVENANCE, "fixed_points": [described(0), described(1)],
        "thresholds": {"collapse": [1.0, None], "noise": None}, "missing": ["x"], "lost": None,
    }  # fmt: skip
    assert shown() == wanted
    more = points(found=[7, 0], new=[False, True], search={"starts": 9}, lost="far away",
                  warnings=["beware"], partial={"of": 3})  # fmt: skip
    fixedpoints.print_points(as_json, more, [PASSAGE])
    assert shown() == {
        **wanted, "lost": "far away", "search": {"starts": 9}, "warnings": ["beware"],
        "partial": {"of": 3}, "passages": [PASSED],
        "fixed_points": [described(0, found=7, new=False), described(1, found=0, new=True)],
    }  # fmt: skip
    fixedpoints.print_points(as_json, points(), [])
    assert shown() == {**wanted, "passages": []}


def test_fixed_points_in_words(session, out, monkeypatch):
    for more, end in ((0, []), (1, ["and 1 more: see --json"]), (2, ["and 2 more: see --json"])):
        monkeypatch.setattr(fixedpoints, "listed", lambda r, m=more: (["a"], [["1"]], (), m))
        monkeypatch.setattr(fixedpoints, "summary", lambda result: ["one", "two"])
        fixedpoints.print_points(session, points(), None)
        assert out() == ["a", "─", "1", *end, "one", "two"]
    last = PASSAGE.__class__(**{**PASSED, "stable": True, "escape_time": np.nan})
    fixedpoints.print_points(session, points(), [PASSAGE, last])
    assert out() == [
        "fixed point passed   nearest at t   distance   the nearest from   escape time",
        "─────────────────────────────────────────────────────────────────────────────",
        "signal 2                        8     0.0123          1 to 16.5             4",
        "signal 2                        8     0.0123          1 to 16.5        stable",
    ]


def test_fixed_points_are_asked_for_as_the_options_say(run, monkeypatch):
    asked = []

    def fixed(params, **options):
        options.pop("progress")(1, 2)
        store = options.pop("store")
        asked.append((params, options, store.recompute))
        return points(warnings=["beware", "mind"])

    def course(params, **options):
        asked.append((params, options, options.pop("store").recompute))
        return "course"

    def passed(result, trajectory, progress):
        progress(1, 2)
        asked.append((result.labels, trajectory))
        return [PASSAGE]

    printed = []
    monkeypatch.setattr(fixedpoints, "fixed_points", fixed)
    monkeypatch.setattr(fixedpoints, "theory", course)
    monkeypatch.setattr(fixedpoints, "passages", passed)
    monkeypatch.setattr(fixedpoints, "print_points", lambda s, r, p: printed.append(p))
    done = run("fixedpoints")
    assert done.err.splitlines() == ["warning: beware", "warning: mind"]
    usual = {"groups": 2, "search": None, "search_seed": 0, "rtol": 1e-8, "atol": 1e-10}
    assert asked == [(Params(), usual, False)]
    asked.clear()
    words = "--groups 1 --search 9 --search-seed 3 --rtol 1e-7 --atol 1e-9 --beta 1.5 --recompute"
    run("fixedpoints --along", words)
    numerics = {"rtol": 1e-7, "atol": 1e-9}
    given = {"groups": 1, "search": 9, "search_seed": 3, **numerics}
    params = Params(beta=1.5)
    assert asked == [(params, given, True), (params, numerics, False), (["s1", "s2"], "course")]
    assert printed == [None, [PASSAGE]]


# ---- branches and maps


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


# ---- limit cycles

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


# ---- rows used again


def on_rows(params):
    fresh = params.alpha is None
    return SimpleNamespace(
        params=params, phase="fresh" if fresh else "rows", signals=np.array([1, -1]),
        kl_on_rows=np.array([0.5, 0.001]), eigenvalues=np.array([3.0, 2.0]),
        overlaps=np.array([0.75, 0.0]), thresholds=np.array([4.0, np.nan]),
        **{name: float(n) for n, name in enumerate(ALL)} | {"Q": np.diag([0.5, 0.25]), "kl": 0.5},
    )  # fmt: skip


@pytest.fixture
def rows(monkeypatch):
    asked = []
    monkeypatch.setattr(trained, "trained_on_rows", lambda p: asked.append(p) or on_rows(p))
    monkeypatch.setattr(
        trained, "best_beta", lambda p: (np.nan, 3.5) if p.alpha is None else (1.25, 2.5)
    )
    return asked


ON_ROWS = Params(dim=10, latent=2, signal=2, rho=(3.0, 1.0), alpha=3.0, t_max=60, batch=2)


def test_training_on_rows_as_json(as_json, shown, rows):
    trained.print_trained(as_json, ON_ROWS)
    assert rows == [ON_ROWS, ON_ROWS.replace(alpha=None)]
    state = {
        "active": 1, "signals": [2, None], "eigenvalues": [3.0, 2.0], "overlaps": [0.75, 0.0],
        "thresholds": [4.0, None], "kl_on_rows": [0.5, 0.001],
        **{name: float(n) for n, name in enumerate(ALL)}, "Q": [[0.5, 0.0], [0.0, 0.25]],
        "kl": 0.5,
    }  # fmt: skip
    assert shown() == {
        "command": "fixedpoints", "params": json.loads(json.dumps(ON_ROWS.to_dict())),
        "samples": 30, "limit": trained.listed.LIMIT,
        "rows": {"phase": "rows", "best_beta": 1.25, "best_eps_g": 2.5, **state},
        "fresh": {"phase": "fresh", "best_beta": None, "best_eps_g": 3.5, **state},
    }  # fmt: skip


def test_training_on_rows_in_words(session, out, rows, monkeypatch):
    monkeypatch.setattr(trained.listed, "table", lambda *results: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(trained.listed, "summary", lambda *results: {"phase": ["x", "y"]})
    monkeypatch.setattr(trained.listed, "remarks", lambda result: [result.phase, "two"])
    trained.print_trained(session, ON_ROWS)
    head = f"trained on 30 rows of 10 entries; {trained.listed.LIMIT}"
    assert [line.split() for line in out()] == [
        head.split(), ["a"], ["─"], ["1"], [], ["rows", "fresh", "data"], ["─" * 31],
        ["phase", "x", "y"], ["best", "beta", "1.25", "none"], ["eps_g", "there", "2.5", "3.5"],
        ["rows"], ["two"],
    ]  # fmt: skip


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_what_rows_lead_to(rows, optimiser):
    params = ON_ROWS.replace(optimiser=optimiser, lr=0.5)
    eps_g = float(ALL.index("eps_g"))
    data, text = trained.in_the_end(params, 0.02)
    start = "the 30 rows are used again and again, 40 times"
    assert text == f"{start}; that leads to eps_g = {eps_g:g} for large N and small learning rates"
    assert data == {"t_converge": None, "converges_at": None, "tol": 0.02,
                    "trained_on_rows": eps_g}  # fmt: skip
    assert rows == [ON_ROWS.replace(lr=0.5)]
    decay = params.replace(lam=0.25)
    data, text = trained.in_the_end(decay, 0.02)
    unknown = "; where that leads to is not derived for Adam with weight decay"
    assert (text == start + unknown) == (data["trained_on_rows"] is None) == (optimiser == "adam")


# ---- time courses


def ode(stiff=50, steps=100, first=0.0):
    return SimpleNamespace(
        source=SOURCE, t=np.array([0.0, 20.0]), info={"solver": {"stiff": stiff, "steps": steps}},
        params=Params(), warning="", **numbered(ALL, first=first),
    )  # fmt: skip


@pytest.fixture
def model(monkeypatch):
    """Let all that `vaedyn theory` asks for be made up; yield what it asks for."""
    asked = {"ode": ode()}

    def solve(params, **options):
        options.pop("progress")(1, 2)
        asked["theory"] = params, options
        return asked["ode"]

    def end(params, tol, **options):
        options.pop("progress")(1, 2)
        asked["ending"] = params, tol, options
        return "limit"

    def around(session, params, random_start):
        asked["bands"] = params, random_start
        return ode(first=500.0)

    monkeypatch.setattr(theory, "theory", solve)
    monkeypatch.setattr(theory, "ending", end)
    monkeypatch.setattr(theory, "warn", lambda params, tol: asked.update(warn=tol) or ["w"])
    monkeypatch.setattr(theory, "converged", lambda p, limit: ({"t_converge": limit}, "in the end"))
    monkeypatch.setattr(theory, "in_the_end", lambda p, tol: ({"tol": tol}, "on rows"))
    monkeypatch.setattr(theory, "compute_bands", around)
    monkeypatch.setattr(theory, "cautions", lambda spread, random: [f"caution {random}"])
    monkeypatch.setattr(theory, "beyond_theory", lambda params: ["beyond"])

    def lines(result, heading="theory"):
        return [f"t = {result.t[-1]:g}", heading], [["eps_g", f"{result.eps_g[-1]:g}"]], (), 0

    monkeypatch.setattr(theory, "of_line", lines)
    return asked


FINAL = {name: 10.0 * n + 1 for n, name in enumerate(ALL)}


def report(session, params=None, bands=False, random=False):
    theory.report(session, params or Params(dim=70), 1e-7, 1e-9, 0.02, bands, random)


def test_theory_as_json(as_json, shown, model):
    report(as_json)
    wanted = {
        "command": "theory", **PROVENANCE, "final": {"t": 20.0, **FINAL}, "t_converge": "limit",
        "solver": {"stiff": 50, "steps": 100}, "warnings": ["w", "beyond"],
    }  # fmt: skip
    assert shown() == wanted
    numerics = {"rtol": 1e-7, "atol": 1e-9, "store": as_json.store}
    params = Params(dim=70)
    assert model["theory"] == (params, numerics)
    assert model["ending"] == (params, 0.02, numerics)
    assert model["warn"] == 0.02
    assert "bands" not in model
    report(as_json, bands=True, random=True)
    assert model["bands"] == (params, True)
    final = {name: {"mean": x, "std": 500 + x} for name, x in FINAL.items()}
    assert shown() == {
        **wanted, "final": {"t": 20.0, **final}, "warnings": ["w", "caution True", "beyond"],
        "bands": {"dim": 70, **PROVENANCE, "command": "theory --bands"},
    }  # fmt: skip


def test_theory_in_words(session, out, notes, model):
    report(session)
    assert out() == ["t = 20   theory", "───────────────", "eps_g         1", "in the end"]
    assert notes() == []
    report(session, bands=True)
    assert out() == [
        "t = 20   theory   std at N = 70", "───────────────────────────────",
        "eps_g         1             501", "in the end",
    ]  # fmt: skip
    report(session, ON_ROWS)
    assert out()[-1] == "on rows"
    model["ode"] = ode(51)
    report(session)
    text = "51 of 100 ODE steps were limited by stability, not accuracy"
    assert notes() == [("WARNING", text)]


@pytest.mark.parametrize(
    ("params", "bands", "random", "message"),
    [
        (Params(), False, True, "--random-start needs --bands: it does not change the line"),
        (ON_ROWS, True, False, "--bands is not derived for rows used again: leave out --alpha"),
    ],
)
def test_theory_that_is_refused(session, model, params, bands, random, message):
    with pytest.raises(click.UsageError) as error:
        report(session, params, bands, random)
    assert error.value.message == message
    assert "theory" not in model


def test_simulations(run, monkeypatch):
    asked, made = {}, SimpleNamespace(
        source=SOURCE, t=np.array([0.0, 20.0]), eps_g=None, info={"steps_per_second": 7.0}
    )  # fmt: skip
    for n, name in enumerate(ALL):
        setattr(made, name, n)

    def simulated(params, **options):
        options.pop("progress")(1, 2)
        asked["simulate"] = params, {k: v for k, v in options.items() if k != "store"}
        return made

    def end(params, tol, **options):
        options.pop("progress")(1, 2)
        asked["ending"] = params, tol, [*options]
        return "limit"

    def measured(result, limit):
        assert result is made
        return {"t_converge": limit}, "measured"

    monkeypatch.setattr(simulate, "simulate", simulated)
    monkeypatch.setattr(simulate, "ending", end)
    monkeypatch.setattr(simulate, "measured_convergence", measured)
    monkeypatch.setattr(simulate, "in_the_end", lambda p, tol: ({"tol": tol}, "on rows"))
    monkeypatch.setattr(simulate, "warn", lambda params, tol: [f"w {tol}"])
    monkeypatch.setattr(simulate, "of_runs", lambda result: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(simulate, "mean_and_std", lambda x: (float(x), np.nan))
    done = run("simulate")
    assert done.out.splitlines() == ["a", "─", "1", "measured"]
    usual = {"runs": 5, "seed": 0, "engine": None, "random_start": False, "jobs": None}
    assert asked["simulate"] == (Params(), usual)
    assert asked["ending"] == (Params(), 1e-3, ["store"])
    words = "--runs 3 --seed 4 --engine vector --random-start --jobs 2 --tol 0.25 --dim 70 --json"
    given = {"runs": 3, "seed": 4, "engine": "vector", "random_start": True, "jobs": 2}
    final = {name: {"mean": float(n), "std": None} for n, name in enumerate(ALL)}
    wanted = {
        "command": "simulate", **PROVENANCE, "runs": 3, "final": {"t": 20.0, **final},
        "t_converge": "limit", "warnings": ["w 0.25"], "steps_per_second": 7.0,
    }  # fmt: skip
    assert run("simulate", words).json == wanted
    assert asked["simulate"] == (Params(dim=70), given)
    assert asked["ending"][:2] == (Params(dim=70), 0.25)
    made.source = Source(**{**PROVENANCE, "reused": True})
    del wanted["steps_per_second"]
    assert run("simulate", words).json == {**wanted, "reused": True}
    asked.clear()
    assert run("simulate --alpha 3").out.splitlines()[-1] == "on rows"
    assert "ending" not in asked


def test_annealing_that_helps_but_for_a_warning(session, as_json, shown, out, notes, monkeypatch):
    asked = {}
    found = SimpleNamespace(warning="from another start", gain=1.0, spec="linear:8")

    def best(params, **options):
        options.pop("progress")(1, 2)
        asked["best"] = params, options
        return found

    def measured(result, **options):
        asked["measure"] = options
        return SimpleNamespace(constant=47.0, annealed=25.0, gain=1.87654, error=0.0321)

    monkeypatch.setattr(anneal, "warn", lambda params, tol: asked.update(warn=tol) or ["w"])
    monkeypatch.setattr(anneal, "best_schedule", best)
    monkeypatch.setattr(anneal, "measure", measured)
    monkeypatch.setattr(anneal, "describe", lambda p, f, checked: {"measured": bool(checked)})
    monkeypatch.setattr(anneal, "listed", lambda f: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(anneal, "said", lambda f: ["one", "two"])
    monkeypatch.setattr(anneal, "verdict", lambda f, checked: f"verdict {bool(checked)}")
    params, asking = Params(beta=1.5, dim=70), {"family": "linear", "tol": 0.02}

    def of(session, confirm=None, out=None):
        anneal.of_model(session, params, asking, confirm, 7, 3, out)

    found.gain = anneal.WORTH_IT * 0.999
    of(session)
    line = "--beta 1.5 --anneal linear:8"
    begin = ["a", "─", "1", "one", "two"]
    assert out() == [*begin, line, "verdict False"]
    assert notes() == []
    assert asked == {"warn": 0.02, "best": (params, {**asking, "store": session.store})}
    found.gain = anneal.WORTH_IT
    of(session, confirm=6)
    measured = "measured in 6 runs at N = 70: t = 47 and 25, gain 1.877 +- 0.032"
    assert out() == [*begin, measured, line, "verdict True"]
    assert notes() == [("WARNING", "from another start")]
    assert asked["measure"] == {"runs": 6, "seed": 7, "jobs": 3, "store": session.store,
                                "watch": session.simulation}  # fmt: skip
    of(as_json)
    assert shown() == {"measured": False, "warnings": ["w", "from another start"]}
    found.warning = ""
    of(as_json, confirm=6)
    assert shown() == {"measured": True, "warnings": ["w"]}
    del asked["measure"]
    exported = []
    of(session, confirm=6, out=exported.append)
    assert exported == [found]
    assert (out(), "measure" in asked) == ([], False)


def test_annealing_is_asked_for_as_the_options_say(run, monkeypatch):
    asked = []
    monkeypatch.setattr(anneal, "of_model", lambda session, *given: asked.append(given))
    run("anneal")
    usual = {"family": "tanh", "knots": 3, "tol": 1e-3, "criterion": "eps_g", "rtol": 1e-8,
             "atol": 1e-10}  # fmt: skip
    assert asked == [(Params(), usual, None, 0, None, None)]
    words = "--family free --knots 4 --tol 0.25 --criterion elbo --rtol 1e-7 --atol 1e-9"
    run("anneal --beta 1.5 --confirm 2 --seed 3 --jobs 2", words)
    given = {"family": "free", "knots": 4, "tol": 0.25, "criterion": "elbo", "rtol": 1e-7,
             "atol": 1e-9}  # fmt: skip
    assert asked[1] == (Params(beta=1.5), given, 2, 3, 2, None)


def test_warm_ups_are_asked_for_as_the_options_say(run, monkeypatch):
    asked, prepared = [], []

    def prepare(session, *given):
        prepared.append(given)
        return "found", {"beta": 1.5}

    def reported(session, *given, **options):
        asked.append((given, options))

    monkeypatch.setattr(anneal, "prepare", prepare)
    monkeypatch.setattr(anneal, "report_warm_up", reported)
    run("anneal --data x.npy --spikes 2")
    place, model, how, allowed = prepared[0]
    assert (place, model["beta"], allowed) == ("x.npy", 1.0, ["tol"])
    assert how == {"standardise": False, "estimator": "likelihood", "spikes": 2, "epochs": "many"}
    usual = {"rtol": 1e-8, "atol": 1e-10, "out": None}
    assert asked == [(("found", {"beta": 1.5}, "tanh", None, None, 0), usual)]
    run("anneal --data x.npy --tol 0.25 --confirm 3 --seed 4 --rtol 1e-7 --atol 1e-9")
    given = {"rtol": 1e-7, "atol": 1e-9, "out": None}
    assert asked[1] == (("found", {"beta": 1.5}, "tanh", 0.25, 3, 4), given)
    for name, value in (("knots", "2"), ("criterion", "elbo")):
        done = run("anneal --data x.npy", f"--{name}", value)
        text = f"error: --{name} and --data exclude each other (see 'vaedyn anneal --help')"
        assert (done.code, done.err.strip()) == (2, text)
    done = run("anneal --learning-rate 0.1").err
    assert done.startswith("error: --learning-rate goes with --export (see")


def test_training_on_a_table_is_asked_for_as_the_options_say(run, monkeypatch):
    asked = []
    monkeypatch.setattr(simulate, "prepare", lambda s, *given: asked.append(given) or ("f", "set"))
    monkeypatch.setattr(simulate, "report", lambda s, *given: asked.append(given))
    assert run("simulate --data x.npy --seed 7 --spikes 2").code == 0
    (place, _, how), given = asked
    assert (place, how["spikes"], given) == ("x.npy", 2, ("f", "set", 7))


def test_the_rate_of_an_optimiser_is_checked_before_anything_is_computed(run, monkeypatch):
    asked = []
    fake = SimpleNamespace(of=lambda model, learning_rate: asked.append((model, learning_rate)))
    monkeypatch.setattr(anneal, "KLSchedule", fake)
    monkeypatch.setattr(anneal, "of_model", lambda session, *given: None)
    monkeypatch.setattr(anneal, "print_export", lambda export, found, **given: asked.append(
        (export, found, given)))  # fmt: skip
    for words in ("", "--learning-rate 0.1 --export csv", "--optimiser adam"):
        assert run("anneal", words).code == 0
    assert asked == []
    words = "--optimiser adam --learning-rate 0.1 --export csv --beta 1.5"
    assert run("anneal", words).code == 0
    assert asked == [(Params(beta=1.5, optimiser="adam"), 0.1)]
    monkeypatch.setattr(anneal, "of_model", lambda session, *given: given[-1]("found"))
    run("anneal --learning-rate 0.1 --export csv --rows 30 --loss mean")
    export, found, given = asked[1]
    assert (export, found, given["convention"].loss) == ("csv", "found", "mean")
    assert (given["learning_rate"], given["rows"]) == (0.1, 30)
