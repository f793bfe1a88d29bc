"""Fixed points, branches, cycles, curves and time courses that are made up, word by word."""

from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from tests.shared.made_up import ALL, numbered
from vaedyn.cli import fixedpoints
from vaedyn.fixedpoints.passages import Passage
from vaedyn.model.params import Params


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
