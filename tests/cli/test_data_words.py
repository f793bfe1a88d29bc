"""Learning curves, trainings, warm-ups and folds of tables that are made up, word by word."""

import logging
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from tests.shared.looks import UNIT, UNSURE, context, made
from vaedyn.cli import convention, course, data, heldout, ondata, spectrum
from vaedyn.data.convention import OWN, Convention
from vaedyn.data.heldout import Score
from vaedyn.data.prediction import Row
from vaedyn.errors import ParameterError
from vaedyn.tables.table import TableError


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
