"""Learning curves, trainings, warm-ups and folds of tables that are made up, word by word."""

import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from vaedyn.cli import convention, course, data, heldout, ondata, spectrum, warm_up
from vaedyn.data.convention import OWN, Convention
from vaedyn.data.heldout import Score
from vaedyn.data.prediction import Row
from vaedyn.data.presets import PRESETS
from vaedyn.errors import ParameterError
from vaedyn.tables.table import TableError


def made(**others):
    usual = {
        "rows": SimpleNamespace(unit=3.0, origin={"file": "a b.npy"}), "epochs": "many",
        "analysis": SimpleNamespace(warnings=("beware",), no_floor=None, weighty=1),
        "spectrum": SimpleNamespace(samples=30, dim=5),
        "prediction": SimpleNamespace(beta=0.75), "source": SOURCE,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


UNSURE = SimpleNamespace(warnings=("beware",), no_floor="noise is not white", weighty=1)
UNIT = {"without": "this beta is no recommendation: noise is not white"}


def curve(kl=(1.5, 0.0), epochs=2.0):
    return SimpleNamespace(
        learned=np.array([8.0, 4.0]), active=np.array([True, False]), samples=30, source=SOURCE,
        params=SimpleNamespace(t_max=64.0, dim=5, batch=3, beta=1.5, rate=0.125),
        kl_per_latent=np.array([[0.0, 0.0], kl]), loss=np.array([9.0, 2.5]),
        epochs=np.array([0.0, epochs]), order=np.array([0, 1]),
    )  # fmt: skip


LEARNED = {
    "learned": {"t": [8.0, None], "steps": [40.0, None], "epochs": [4.0, None]},
    "collapsed": {"t": [None, 4.0]},
}


@pytest.fixture
def no_science(monkeypatch):
    """Let nothing be unknown, and learning end where it is."""
    monkeypatch.setattr(course, "unknown", lambda found: 0)
    monkeypatch.setattr(course, "predicted_kl", lambda found, params: np.array([1.5, 0.0]))


@pytest.mark.parametrize(
    ("missing", "epochs", "which"),
    [(0, 1.0, []), (7, 2.0, [0]), (0, 0.99, [1]), (7, 0.5, [0, 1])],
)
def test_what_a_prediction_leaves_out(monkeypatch, notes, missing, epochs, which):
    texts = [
        "7 eigenvalues are not known: in the learning curve their mean stands for them",
        "not all rows are used once: the learning curve is that of their own covariance all the "
        "same",
    ]  # fmt: skip
    monkeypatch.setattr(course, "unknown", lambda found: missing)
    wanted = [texts[n] for n in which]
    assert course.notes(made(), curve(epochs=epochs)) == wanted
    assert notes() == [("WARNING", text) for text in wanted]


@pytest.mark.parametrize(
    ("kl", "off"),
    [((1.5, 0.0), None), ((0.0, 1.5), None), ((1.5, 0.0499), None), ((1.5, 0.0501), "0.05"),
     ((1.5799, 0.0), None), ((1.5801, 0.0), "0.08"), ((1.4199, 0.0), "0.08"), ((0.5, 0.25), "1")],
)  # fmt: skip
def test_learning_that_is_not_over(no_science, kl, off):
    text = course.unsettled(made(), curve(kl))
    assert text == (off and f"learning is not over at t = 64: KL is up to {off} nats from where it "
                    "ends, and times are those of its value by then; raise --t-max")  # fmt: skip


@pytest.fixture
def predicted(monkeypatch, no_science):
    asked = {}

    def answer(found, params, **options):
        options.pop("progress")(1, 2)
        asked.update(options, params=params)
        return asked["curve"]

    monkeypatch.setattr(course, "suited", lambda found, **settings: settings)
    monkeypatch.setattr(course, "predicted_course", answer)
    monkeypatch.setattr(course.listed, "said", lambda curve: "all is said")
    return asked


def test_a_predicted_course(session, as_json, shown, out, notes, predicted, monkeypatch):
    params = SimpleNamespace(t_max=64.0, beta=1.5, rate=0.125)
    monkeypatch.setattr(course, "suited", lambda found, **settings: params)
    predicted["curve"] = curve((1.5, 0.25), epochs=0.5)
    course.report_course(as_json, made(), {"beta": 1.5}, 1e-7, 1e-9)
    del predicted["curve"]
    assert predicted == {"params": params, "rtol": 1e-7, "atol": 1e-9, "store": as_json.store}
    left = course.unsettled(made(), curve((1.5, 0.25)))
    ((_, note),) = notes()
    assert shown() == {
        "command": "theory", **PROVENANCE, "unit": 3.0,
        "final": {"t": 64.0, "kl_per_latent": [1.5, 0.25], "kl": 1.75, "loss": 2.5},
        **LEARNED, "warnings": ["beware", note, left],
    }  # fmt: skip
    predicted["curve"] = curve()
    course.report_course(as_json, made(), {}, 1e-7, 1e-9)
    assert shown()["warnings"] == ["beware"]
    last = "beta = 1.5, learning rate 0.125"
    unsure = made(analysis=UNSURE)
    for found, settings, extra in (
        (made(), {}, []), (unsure, {"beta": 1.5}, []), (unsure, {}, [UNIT["without"]]),
    ):  # fmt: skip
        course.report_course(session, found, settings, 1e-7, 1e-9)
        lines = out()
        assert lines[0].split("   ")[0] == "latent"
        assert lines[4:] == ["all is said", *extra, last]
    predicted["curve"] = curve((1.5, 0.25))
    course.report_course(session, made(), {}, 1e-7, 1e-9)
    assert out()[4:] == ["all is said", left, last]


def test_two_courses(out, notes):
    both = SimpleNamespace(predicted=curve(), measured=curve((1.0, 0.5)), why="")
    assert course.compared_json(both) == {
        "learning_curve": {
            "predicted": {**LEARNED, "kl_per_latent": [1.5, 0.0]},
            "measured": {**LEARNED, "kl_per_latent": [1.0, 0.5]},
            "why": None,
        }
    }
    one = SimpleNamespace(predicted=None, measured=curve(), why="lam is not derived")
    found = course.compared_json(one)["learning_curve"]
    assert (found["predicted"], found["why"]) == (None, "lam is not derived")
    course.compared(both)
    assert [line.split() for line in out()][2:] == [["1", "8", "8", "40", "4"], []]
    assert notes() == []
    course.compared(one)
    assert [line.split() for line in out()][2:] == [["1", "8", "40", "4"], []]
    text = "the learning curve is not predicted: lam is not derived"
    assert notes() == [("WARNING", text)]


def test_two_courses_with_remarks_or_without_latents(out, monkeypatch):
    both = SimpleNamespace(predicted=curve(), measured=curve(), why="")
    monkeypatch.setattr(course.listed, "both", lambda seen: (None, ["never"]))
    course.compared(both)
    assert out() == []
    monkeypatch.setattr(course.listed, "both", lambda seen: ((["a"], [["1"]]), ["one", "two"]))
    course.compared(both)
    assert out()[2:] == ["1", "one", "two", ""]


# ---- training


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


def context(**given):
    """Return a context in which options come from somewhere."""
    found = click.Context(click.Command("x"))
    for name, source in given.items():
        found.set_parameter_source(name, getattr(click.core.ParameterSource, source))
    return found


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


# ---- conventions


USUAL = {"loss": None, "decoder_variance": None, "scale": 1.0, "reconstruction_weight": 1.0,
         "kl": "sum", "batch_sum": None, "likelihood": "gaussian", "dispersion": None,
         "batch_size": None}  # fmt: skip


def test_the_users_convention_is_none_where_it_is_the_models_own():
    def of(**changes):
        return convention.convention_of(**{**USUAL, **changes})

    assert of() is None
    assert of(batch_size=3) is None
    assert of(scale=0.5) == replace(OWN, scale=0.5)
    assert of(loss="mean") == Convention("mean")
    assert of(loss="sum") == Convention("sum")
    assert of(decoder_variance=0.5) == Convention("sum", 0.5)
    assert of(likelihood="bernoulli") == Convention("sum", likelihood="bernoulli")
    found = of(kl="per-entry", batch_sum="kl", batch_size=3, reconstruction_weight=2.0)
    assert (found.loss, found.kl, found.batch_sum) == (OWN.loss, "per-entry", "kl")
    assert (found.batch_size, found.reconstruction_weight) == (3, 2.0)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "--loss sum"),
        ({"loss": "mean", "scale": 0.00392157}, "--loss mean --scale 0.00392157"),
        ({"decoder_variance": 0.5, "kl": "mean"}, "--loss sum --decoder-variance 0.5 --kl mean"),
        ({"decoder_variance": "learned"}, "--loss sum --decoder-variance learned"),
        ({"reconstruction_weight": 2.0, "batch_sum": "kl", "batch_size": 3},
         "--loss sum --reconstruction-weight 2 --batch-sum kl --batch-size 3"),
    ],
)  # fmt: skip
def test_options_that_a_convention_stands_for(given, text):
    assert convention.spelt(Convention(**given)) == text


CHOSEN = {"dispersion": None, "batch_size": 7, "scale": 0.5, "loss": None}


def test_conventions_of_known_codes(monkeypatch, notes):
    mean = Convention("mean")
    named = {"a": ("v1", "", ""), "b": ("v2", "mind", ""), "c": ("v3", "", "no")}
    known = {
        name: SimpleNamespace(
            convention=mean, source=f"{name} paper", seen=seen, note=note, refused=refused
        )
        for name, (seen, note, refused) in named.items()
    }
    monkeypatch.setattr(convention, "PRESETS", known)
    with context(loss="DEFAULT", scale="COMMANDLINE"):
        found = convention._like("a", CHOSEN)
        assert found == Convention("mean", scale=0.5, batch_size=7)
        assert notes() == [("INFO", "a: a paper (v1)")]
        convention._like("b", CHOSEN)
        assert notes() == [("INFO", "b: b paper (v2)"), ("WARNING", "b: mind")]
        with pytest.raises(ParameterError) as error:
            convention._like("c", CHOSEN)
        assert (error.value.name, error.value.reason) == ("like", "c: no")
    for name in ("loss", "decoder_variance", "reconstruction_weight", "kl", "batch_sum",
                 "likelihood"):  # fmt: skip
        for source in ("COMMANDLINE", "ENVIRONMENT"):
            with context(**{name: source}), pytest.raises(ParameterError) as error:
                convention._like("a", CHOSEN)
            reason = "and --like a exclude each other: it stands for --loss mean"
            assert (error.value.name, error.value.reason) == (name, reason)
    assert PRESETS["pytorch-vae"].convention is not None


def test_losses_that_are_not_derived():
    what = "this is derived for a gaussian of given variance, not for "
    end = ": `vaedyn spectrum` has its thresholds"
    convention.only_gaussian(None, "this")
    convention.only_gaussian(Convention("mean"), "this")
    for given, name, other in (
        ({"likelihood": "bernoulli"}, "likelihood", "bernoulli"),
        ({"decoder_variance": "learned"}, "decoder_variance", "a learned one"),
    ):
        with pytest.raises(ParameterError) as error:
            convention.only_gaussian(Convention(**given), "this")
        assert (error.value.name, error.value.reason) == (name, what + other + end)


def test_what_is_judged(monkeypatch):
    asked = []
    monkeypatch.setattr(convention, "check_asked", lambda *given: asked.append(given))
    monkeypatch.setattr(convention, "judge", lambda found, **given: asked.append((found, given)))
    convention.check_judged(0.5, None)
    convention.check_judged(None, 2.0)
    with pytest.raises(click.UsageError) as error:
        convention.check_judged(0.5, 2.0)
    assert error.value.message == "--weight and --beta exclude each other"
    mean = Convention("mean")
    convention.judged("found", None, None, 3, mean)
    convention.judged("found", 0.5, None, 3, mean)
    convention.judged("found", None, 2.0, 3, None)
    given = {"latents": 3, "convention": mean}
    assert asked == [
        (0.5, None), (None, 2.0), ("found", {"weight": 0.5, "beta": None, **given}),
        ("found", {"weight": None, "beta": 2.0, "latents": 3, "convention": OWN}),
    ]  # fmt: skip


def test_variances_are_numbers_or_learned():
    kind = convention.Variance()
    assert [kind.convert(x, None, None) for x in ("learned", "0.5", 2)] == ["learned", 0.5, 2.0]
    assert kind.get_metavar(None, None) == "FLOAT|learned"
    with pytest.raises(click.BadParameter) as error:
        kind.convert("taught", None, None)
    assert error.value.message == "expected a number or learned, got 'taught'"


# ---- a warm-up


def warm(**others):
    usual = {
        "source": SOURCE, "torch": np.array([64.0, 32.0]), "family": "linear", "tol": 0.02,
        "end": "loss", "constant": 48.0, "time": 24.0, "gain": 2.0, "off": 40.0, "spec": "linear:8",
        "numbers": np.array([4.0, 8.0]), "times": np.array([30.0, np.inf]), "samples": 30,
        "params": SimpleNamespace(beta=1.5), "steps": lambda t: 5 * t, "epochs": lambda t: t / 6,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


class Checked:
    constant, annealed, gain, error = 47.0, 25.0, 1.87654, 0.0321

    def _asdict(self):
        return {"gain": 1.875}


def test_a_warm_up_as_json():
    wanted = {
        "command": "anneal", **PROVENANCE, "family": "linear", "tol": 0.02, "end": "loss",
        "constant": {"t": 48.0, "steps": 240.0, "epochs": 8.0},
        "best": {"anneal": "linear:8", "t": 24.0, "steps": 120.0, "epochs": 4.0, "gain": 2.0},
        "off_by_a_tenth": {"t": 40.0, "steps": 200.0, "epochs": 40 / 6, "gain": 1.2},
        "pytorch_start": {"constant": 64.0, "annealed": 32.0, "gain": 2.0},
        "helps": True, "schedules": [[4.0, 30.0], [8.0, None]],
    }  # fmt: skip
    assert warm_up.describe(warm(), None) == wanted
    assert warm_up.describe(warm(), Checked()) == {**wanted, "measured": {"gain": 1.875}}
    unknown = warm_up.describe(warm(torch=np.array([np.nan, np.nan])), None)["pytorch_start"]
    assert unknown == {"constant": None, "annealed": None, "gain": None}
    least = warm_up.WORTH_IT
    assert warm_up.describe(warm(gain=least), None)["helps"] is True
    assert warm_up.describe(warm(gain=least * 0.999), None)["helps"] is False


@pytest.fixture
def asked_warm_up(monkeypatch):
    asked = []

    def best(found, family, **options):
        options.pop("progress")(1, 2)
        asked.append((family, options))
        return warm()

    def confirm(found, best, **options):
        asked.append(options)
        return Checked()

    monkeypatch.setattr(warm_up, "warm_up", best)
    monkeypatch.setattr(warm_up, "confirm_warm_up", confirm)
    monkeypatch.setattr(warm_up, "warm_up_table", lambda best: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(warm_up, "converged", lambda best: "converged")
    monkeypatch.setattr(warm_up, "warm_up_verdict", lambda best: "verdict")
    return asked


def test_a_warm_up_in_words(session, as_json, out, shown, asked_warm_up):
    def report(session, found=None, settings=(), tol=0.25, confirm=None, out=None):
        given = dict(settings), "linear", tol, confirm, 7, 1e-7, 1e-9, out
        warm_up.report_warm_up(session, found or made(), *given)

    report(session, settings={"latent": 2})
    settings = {"tol": 0.25, "rtol": 1e-7, "atol": 1e-9, "latent": 2}
    assert asked_warm_up == [("linear", {**settings, "store": session.store})]
    last = ["--beta 1.5 --anneal linear:8", "verdict"]
    assert out()[2:] == ["1", "converged", *last]
    report(session, made(analysis=UNSURE), tol=None, confirm=6)
    assert asked_warm_up[1][1]["tol"] == 0.01
    assert asked_warm_up[2] == {"runs": 6, "seed": 7, "store": session.store,
                                "watch": session.simulation}  # fmt: skip
    measured = "measured in 6 trainings: t = 47 and 25, gain 1.877 +- 0.032"
    assert out()[3:] == ["converged", measured, *last, UNIT["without"]]
    report(session, made(analysis=UNSURE), {"beta": 1.5})
    assert out()[3:] == ["converged", *last]
    report(as_json, confirm=6)
    assert shown() == json.loads(json.dumps(
        {**warm_up.describe(warm(), Checked()), "warnings": ["beware"]}))  # fmt: skip
    exported = []
    count = len(asked_warm_up)
    report(session, confirm=6, out=lambda best, unit: exported.append((best.spec, unit)))
    assert exported == [("linear:8", 3.0)]
    assert (out(), len(asked_warm_up)) == ([], count + 1)


# ---- rows held out


def score(beta, **others):
    return Score(**{**dict.fromkeys(Score._fields, 0.5), "beta": beta, **others})


def held(doubts=(), **others):
    usual = {
        "source": SOURCE, "samples": 30, "columns": 5, "dim": 4, "latents": 3, "doubts": doubts,
        "best": score(2.0), "simplest": score(2.5), "unbounded": False, "score": score,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


def test_folds_as_json():
    scores = [(score(1.5), ""), (score(2.0), "best")]

    def plain(beta, weight=None):
        return {"weight": weight, **score(beta)._asdict()}

    wanted = {
        "command": "heldout", **PROVENANCE, "samples": 30, "dim": 5, "directions": 4, "folds": 6,
        "seed": 7, "latent": 3, "best": plain(2.0), "simplest": plain(2.5), "why": None,
        "judged": None, "table": [{**plain(1.5), "mark": ""}, {**plain(2.0), "mark": "best"}],
        "warnings": [],
    }  # fmt: skip
    assert heldout.describe(held(), scores, None, None, 6, 7) == wanted
    mean = Convention("mean")
    found = heldout.describe(held(("odd",), source=None), scores, mean, 3.5, 6, 7)
    assert "key" not in found
    assert (found["best"], found["simplest"], found["warnings"]) == (None, None, ["odd"])
    assert found["why"] == "no KL weight is recommended, as odd"
    weight = mean.weight(3.5, 5)
    assert weight != 3.5
    assert found["judged"] == plain(3.5, weight)
    assert found["table"][0]["weight"] == mean.weight(1.5, 5)


def test_folds_are_made_as_the_options_say(session, monkeypatch, notes):
    asked = {}
    table = SimpleNamespace(found="found", note="a note")

    def fold(given, **options):
        options.pop("progress")(1, 2)
        asked.update(options, table=given)
        return held(("odd", "strange"))

    monkeypatch.setattr(heldout, "opened", lambda place: table)
    monkeypatch.setattr(heldout, "heldout", fold)
    assert heldout.held(session, "x", True, 3, 6, 7).samples == 30
    assert asked == {"table": table, "folds": 6, "latents": 3, "standardise": True, "seed": 7,
                     "store": session.store}  # fmt: skip
    doubts = [("WARNING", "odd"), ("WARNING", "strange")]
    assert notes() == [("INFO", "found"), ("WARNING", "a note"), *doubts]
    table.note = ""
    heldout.held(session, "x", True, 3, 6, 7)
    assert notes() == [("INFO", "found"), *doubts]
    for error, hint in ((TableError("t"), "DATA"), (ParameterError("data", "t"), "DATA"),
                        (ParameterError("folds", "t"), None)):  # fmt: skip
        monkeypatch.setattr(heldout, "heldout", lambda *_, error=error, **__: fail(error))
        with pytest.raises(click.BadParameter if hint else ParameterError) as raised:
            heldout.held(session, "x", True, 3, 6, 7)
        assert getattr(raised.value, "param_hint", None) == hint


def fail(error):
    raise error


# ---- the look as JSON


def looked(no_floor=None, **others):
    prediction = SimpleNamespace(
        beta=0.75, latents=2, missing=False,
        variances=lambda latents=None: np.array([8.0, 3.0, 0.5])[:latents],
        active=lambda beta, latents=None: int((np.array([8.0, 3.0, 0.5])[:latents] > beta).sum()),
        fresh_error=lambda beta: np.float64(10 + beta),
        rate_distortion=lambda latents: np.array([[1.0, latents or 9]]),
        kl_per_latent=lambda beta, latents: np.array([beta, latents or 9]),
    )  # fmt: skip
    analysis = SimpleNamespace(
        dim=4, gamma=0.125, eta=0.5, estimator="likelihood", alternatives={"median": 0.625},
        eigenvalue=np.array([8.0, 3.0]), rho=np.array([7.5, 2.5]), overlap=np.array([0.9, 0.8]),
        rho_error=np.array([0.25, np.nan]), no_floor=no_floor, detectable=0.375,
        groups=[SimpleNamespace(first=1, last=2, _asdict=lambda: {"first": 1})],
        edge=1.25, distance=np.inf, spread=0.1, tails=0.2, warnings=("beware",),
    )  # fmt: skip
    usual = {"prediction": prediction, "analysis": analysis, "without_noise": None,
             "thresholds": np.array([[6.0, 5.0], [4.0, 3.0]])}  # fmt: skip
    return made(**{**usual, **others})


def line(weight, beta, mark):
    return SimpleNamespace(weight=weight, row=Row(beta, 2, 0.8, 1.5, True), mark=mark)


def test_a_look_as_json(monkeypatch):
    asked = []

    def overview(data, **given):
        asked.append(given)
        return [line(0.25, 1.5, "best")]

    monkeypatch.setattr(spectrum, "overview", overview)
    found = spectrum.describe(looked(), None, None)
    row = {"beta": 1.5, "active": 2, "explained": 0.8, "kl": 1.5, "exact": True}

    def signal(n, weight=None):
        whole = looked()
        (rows, fresh), error = whole.thresholds[n], [0.25, None][n]
        return {
            "eigenvalue": [8.0, 3.0][n], "rho": [7.5, 2.5][n], "rho_error": error,
            "overlap": [0.9, 0.8][n], "collapse_beta": fresh,
            "collapse_weight": weight and weight(fresh), "collapse_beta_rows": rows,
            "collapse_weight_rows": weight and weight(rows), "grouped": n == 1,
        }  # fmt: skip

    assert found == {
        "command": "spectrum", **PROVENANCE, "epochs": "many", "samples": 30, "dim": 5,
        "directions": 4, "gamma": 0.125, "eta": 0.5, "estimator": "likelihood",
        "alternatives": {"median": 0.625}, "spikes": [signal(0), signal(1)],
        "groups": [{"first": 1}], "detectable_rho": 0.375,
        "bulk": {"edge": 1.25, "distance": None, "spread": 0.1, "tails": 0.2},
        "recommended": {"beta": 0.75, "latent": 2, "weight": None, "error": 10.75,
                        "error_at_eta": 10.5},
        "why": spectrum.reason(looked()), "without_noise": None, "latent": 3,
        "active_units": [[0.0, 3], [0.5, 2], [3.0, 1], [8.0, 0]],
        "table": [{"weight": None, **row, "mark": "best"}], "rate_distortion": [[1.0, 9]],
        "warnings": ["beware"],
    }  # fmt: skip
    mean = Convention("mean")
    judged = SimpleNamespace(weight=0.25, row=Row(1.5, 2, 0.8, 1.25, False), on_noise=1)
    found = spectrum.describe(looked(), 2, mean, judged)
    assert asked == [
        {"latents": None, "convention": OWN, "yours": None},
        {"latents": 2, "convention": mean, "yours": judged},
    ]  # fmt: skip
    assert found["judged"] == {
        "weight": 0.25, "beta": 1.5, "active_units": 2, "on_noise": 1, "explained": 0.8,
        "kl": 1.25, "exact": False, "kl_per_latent": [1.5, 2],
    }  # fmt: skip
    assert found["spikes"] == [signal(n, lambda beta: mean.weight(beta, 5)) for n in (0, 1)]
    assert found["recommended"]["weight"] == mean.weight(0.75, 5)
    assert (found["latent"], found["rate_distortion"]) == (2, [[1.0, 2]])
    assert found["active_units"] == [[0.0, 2], [3.0, 1], [8.0, 0]]
    assert found["table"][0]["weight"] == 0.25
    monkeypatch.setattr(spectrum, "reason", lambda data: "why")
    found = spectrum.describe(looked("noise is not white", without_noise=0.625, source=None),
                              None, None)  # fmt: skip
    assert (found["recommended"], found["why"]) == (None, "why")
    assert found["without_noise"] == {"beta": 0.625, "latent": 4}
    assert "key" not in found


@pytest.mark.parametrize(
    ("active", "latents", "exact", "noise", "by_beta", "text"),
    [
        (2, None, True, None, True, "your beta is 1.5: 2 active units"),
        (1, None, True, 0, True, "your beta is 1.5: 1 active unit"),
        (2, 3, True, 1, False, "your KL weight 0.25 is beta = 1.5 here: 2 of 3 latents are active, "
         "1 of them on noise"),
        (1, 3, True, None, True, "your beta is 1.5: 1 of 3 latents is active"),
        (1, 1, True, None, True, "your beta is 1.5: 1 of 1 latent is active"),
        (0, 3, True, 2, True,
         "your beta is 1.5: 0 of 3 latents are active: the posterior collapses"),
        (2, None, False, None, True, "your beta is 1.5: at least 2 active units"),
    ],
)  # fmt: skip
def test_the_verdict(active, latents, exact, noise, by_beta, text):
    row = Row(1.5, active, 0.8, 1.25, exact)
    asked = SimpleNamespace(weight=0.25, row=row, on_noise=noise)
    assert spectrum.verdict(asked, latents, by_beta=by_beta) == text
    if not by_beta:
        assert spectrum.verdict(asked, latents) == text


def test_the_alternative_has_the_options_that_are_set(out):
    here = context(columns="COMMANDLINE", latent="COMMANDLINE", scale="ENVIRONMENT")
    here.meta["vaedyn.columns"] = "x,y"
    here.params = {"latent": 3, "scale": 0.5}
    with here:
        spectrum.print_alternative(made())
    text = "rows held out can choose a KL weight: vaedyn heldout 'a b.npy' --columns x,y --latent 3"
    assert out() == [text]
    assert len(spectrum.HELDOUT) == 14


def test_notes_are_logged_where_they_are_looked_for():
    assert {module.log for module in (course, data, ondata, heldout, convention)} == {
        logging.getLogger("vaedyn.cli")
    }
