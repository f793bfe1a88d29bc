"""What is said of trainings on tables, and of a look at one, word by word."""

from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from tests.shared.looks import UNIT, UNSURE, context, made
from vaedyn.cli import data, ondata
from vaedyn.errors import ParameterError
from vaedyn.tables.table import TableError


def training(**others):
    usual = {
        "params": SimpleNamespace(steps=4, batch=3, beta=1.5), "passes": 2.04, "slowed": "",
        "difference": None, "trajectory": SimpleNamespace(source=SOURCE),
        "predicted": np.array([1.5, 0.0]), "measured": np.array([1.25, 0.5]), "active": (1, 2),
        "warnings": ("slow",),
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


@pytest.fixture
def watch(monkeypatch):
    """Let trainings be made up, and learning curves be one line."""
    asked = {}

    def answer(found, **options):
        asked.update(options)
        return SimpleNamespace(training=asked["training"])

    monkeypatch.setattr(ondata, "watch", answer)
    monkeypatch.setattr(ondata, "compared", lambda seen: click.echo("compared"))
    monkeypatch.setattr(ondata, "compared_json", lambda seen: {"learning_curve": "c"})
    monkeypatch.setattr(ondata.listed, "table", lambda result: (["a"], [["1"]], "", 0))
    monkeypatch.setattr(ondata.listed, "settings", lambda result: "settings")
    return asked


SEEN = "the 30 rows were seen in {} passes, shuffled; predicted is where many passes end"


@pytest.mark.parametrize(
    ("passes", "text"),
    [(1.0, "12 of 30 rows were used, drawn at random"), (1.04, SEEN.format(1)),
     (2.06, SEEN.format(2.1)), (12.34, SEEN.format(12.3))],
)  # fmt: skip
def test_how_often_rows_were_seen(session, watch, notes, passes, text):
    watch["training"] = training(passes=passes, slowed="slowed down")
    ondata.report(session, made(), {"beta": 1.5, "lr": 0.5}, 7)
    assert notes() == [("INFO", text), ("INFO", "slowed down")]
    del watch["training"]
    assert watch == {"seed": 7, "store": session.store, "watch": session.simulation, "beta": 1.5,
                     "lr": 0.5}  # fmt: skip


def test_a_training_as_json(as_json, watch, shown):
    watch["training"] = training()
    ondata.report(as_json, made(), {}, 7)
    wanted = {
        "command": "simulate", **PROVENANCE, "passes": 2.04, "unit": 3.0,
        "kl_per_latent": {"predicted": [1.5, 0.0], "measured": [1.25, 0.5]},
        "active_units": {"predicted": 1, "measured": 2}, "warnings": ["slow"],
        "learning_curve": "c", "why": None, "epochs": "many", "recommended": {"beta": 0.75},
    }  # fmt: skip
    assert shown() == wanted
    ondata.report(as_json, made(analysis=UNSURE), {}, 7)
    why = "no beta is recommended, as noise is not white"
    assert shown() == {**wanted, "why": why, "recommended": None}


BETTER = "this beta is the noise level eta: recommended is beta = 0.75"


@pytest.mark.parametrize(
    ("found", "settings", "extra"),
    [
        ({}, {}, [BETTER]),
        ({}, {"beta": 1.5}, []),
        ({"prediction": SimpleNamespace(beta=1.5000001)}, {}, []),
        ({"analysis": UNSURE}, {}, [UNIT["without"]]),
        ({"analysis": UNSURE}, {"beta": 1.5}, []),
    ],
)
def test_a_training_in_words(session, watch, out, notes, found, settings, extra):
    watch["training"] = training()
    ondata.report(session, made(**found), settings, 7)
    begin, end = ["compared", "a", "─", "1"], [*extra, ondata.listed.WHEN, "settings"]
    assert out() == [*begin, *end]
    notes()
    watch["training"] = training(difference=SimpleNamespace(text="too early"))
    ondata.report(session, made(**found), settings, 7)
    differ = "measured and predicted KL do not agree: the warning says why"
    assert out() == [*begin, differ, *end]
    assert notes()[1:] == [("WARNING", "too early")]


def test_what_is_given_and_what_is_typed():
    with context(a="DEFAULT", b="ENVIRONMENT", c="COMMANDLINE", e="DEFAULT_MAP"):
        assert [ondata.given(name) for name in "abcde"] == [False, True, True, False, True]
        assert [ondata.typed(name) for name in "abcde"] == [False, False, True, False, False]


@pytest.mark.parametrize(
    "name", ["standardise", "estimator", "spikes", "epochs", "columns", "missing"]
)
def test_options_of_data_without_data(name):
    with context(**{name: "ENVIRONMENT"}):
        ondata.without_data()
    with context(**{name: "COMMANDLINE"}), pytest.raises(click.UsageError) as error:
        ondata.without_data()
    assert error.value.message == f"--{name} goes with --data"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((n, f"--{n} and data exclude each other: it is taken from them")
          for n in ("dim", "signal", "rho", "eta", "alpha", "noise", "samples")),
        *((n, f"--{w} does not apply to training on data, which is one run")
          for n, w in (("runs", "runs"), ("engine", "engine"), ("random_start", "random-start"),
                       ("jobs", "jobs"), ("tol", "tol"), ("with_bands", "bands"))),
    ],
)  # fmt: skip
def test_options_that_data_decide(session, monkeypatch, name, text):
    monkeypatch.setattr(ondata, "opened", lambda place: SimpleNamespace(columns=5))
    monkeypatch.setattr(ondata, "looked", lambda session, place, **how: (place, how))
    checked = []
    monkeypatch.setattr(ondata, "check_settings", lambda *a, **k: checked.append((a, k)))
    model = {"dim": 9, "beta": 1.5, "latent": 2, "lam": 0.5}
    with context(**{name: "ENVIRONMENT"}, beta="COMMANDLINE", latent="DEFAULT", lam="DEFAULT_MAP"):
        found = ondata.prepare(session, "x.npy", model, {"spikes": 2})
    settings = {"beta": 1.5, "lam": 0.5}
    assert found == (("x.npy", {"spikes": 2}), settings)
    assert checked == [((5,), settings)]
    with context(**{name: "COMMANDLINE"}):
        with pytest.raises(click.UsageError) as error:
            ondata.prepare(session, "x.npy", model, {})
        assert error.value.message == text
        if "apply" in text:
            assert ondata.prepare(session, "x.npy", model, {}, [name])[1] == {}
    with context(seed="COMMANDLINE"):
        ondata.prepare(session, "x.npy", model, {})


# ---- a look at a table


@pytest.mark.parametrize(
    ("count", "weighty", "level", "said", "rest"),
    [
        (5, 2, "INFO", 2, "3 more warnings: see -v"),
        (5, 4, "INFO", 3, "2 more warnings: see -v"),
        (4, 4, "INFO", 3, "1 more warning: see -v"),
        (3, 3, "INFO", 3, None),
        (2, 0, "INFO", 0, "2 more warnings: see -v"),
        (5, 2, "DEBUG", 5, None),
    ],
)
def test_the_warnings_that_matter_most(caplog, count, weighty, level, said, rest):
    caplog.set_level(level, logger="vaedyn.cli")
    data.warn([str(n) for n in range(count)], weighty)
    wanted = [("WARNING", str(n)) for n in range(said)] + [("INFO", rest)] * (rest is not None)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == wanted
    assert data.MOST_WARNINGS == 3


@pytest.mark.parametrize("note", ["", "a note"])
def test_a_look(session, monkeypatch, notes, note):
    asked, table = {}, SimpleNamespace(found="found", note=note)

    def look(given, **options):
        options.pop("progress")(1, 2)
        asked.update(options, table=given)
        return made(analysis=SimpleNamespace(warnings=("one", "two"), weighty=1))

    monkeypatch.setattr(data, "opened", lambda place: table)
    monkeypatch.setattr(data, "look", look)
    assert data.looked(session, "x", spikes=2, passes=3).epochs == "many"
    assert asked == {"table": table, "spikes": 2, "passes": 3, "store": session.store}
    first = [("WARNING", "a note")] * bool(note)
    more = [("WARNING", "one"), ("INFO", "1 more warning: see -v")]
    assert notes() == [("INFO", "found"), *first, *more]


@pytest.mark.parametrize(
    ("error", "blamed"),
    [(TableError("t"), "DATA"), (ParameterError("data", "t"), "DATA"),
     (ParameterError("leading", "t"), "DATA"), (ParameterError("estimator", "t"), None),
     (ParameterError("spikes", "t"), None), (ParameterError("epochs", "t"), None)],
)  # fmt: skip
def test_a_look_that_fails(session, monkeypatch, error, blamed):
    def look(given, **options):
        raise error

    monkeypatch.setattr(data, "opened", lambda place: None)
    monkeypatch.setattr(data, "look", look)
    with pytest.raises(click.BadParameter if blamed else ParameterError) as raised:
        data.looked(session, "x")
    assert getattr(raised.value, "param_hint", None) == blamed
    assert getattr(raised.value, "message", "t") == "t"


def test_options_say_how_a_table_is_read(monkeypatch):
    monkeypatch.setattr(data, "open_table", lambda place, **how: (place, how))
    with click.Context(click.Command("x")) as here:
        assert data.opened("x") == ("x", {"columns": None, "missing": None})
        here.meta["vaedyn.columns"], here.meta["vaedyn.missing"] = "a", "drop"
        assert data.opened("x") == ("x", {"columns": "a", "missing": "drop"})

        def fail(*_, **__):
            raise TableError("no such file")

        monkeypatch.setattr(data, "open_table", fail)
        with pytest.raises(click.BadParameter) as error:
            data.opened("x")
    assert (error.value.message, error.value.param_hint) == ("no such file", "DATA")


def fail(error):
    raise error
