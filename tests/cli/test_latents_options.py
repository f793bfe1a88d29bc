"""Which options of commands on latents and schedules arrive where."""

from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

from vaedyn.cli import data, diagnose, export_schedule
from vaedyn.data.convention import Convention
from vaedyn.errors import ParameterError
from vaedyn.tables.table import TableError

HOW = {"standardise": False, "estimator": "likelihood", "spikes": None, "epochs": "many",
       "leading": 200, "passes": 6}  # fmt: skip


CHANGED = {"standardise": True, "estimator": "median", "spikes": 2, "epochs": "one",
           "leading": 7, "passes": 3}  # fmt: skip


class Monitor:
    def __init__(self, source, **options):
        Monitor.made = source, options

    def update(self, mu, logvar):
        Monitor.seen = mu.tolist(), logvar.tolist()

    def report(self, beta, **given):
        Monitor.asked = beta, given
        return "report"


MU, LOGVAR = np.array([[1.0, 2.0]]), np.array([3.0, 4.0])
LATENTS = {"mu": MU, "logvar": LOGVAR}
VALUES = np.array([4.0, 2.0])


@pytest.fixture
def file(monkeypatch, tmp_path):
    """Yield a function that diagnoses a file of arrays, as (beta, arguments of a monitor)."""
    monkeypatch.setattr(diagnose, "CollapseMonitor", Monitor)
    monkeypatch.setattr(diagnose, "looked", lambda s, place, **how: ("look", place, how))
    monkeypatch.setattr(diagnose, "opened", lambda place: ("open", place))

    def call(arrays, weight=None, beta=None, data=None, convention=None, how=None, typed=""):
        monkeypatch.setattr(diagnose, "named_arrays", lambda path, names: arrays)
        Monitor.made = Monitor.asked = None
        with click.Context(click.Command("x")) as here:
            if typed:
                here.set_parameter_source(typed, click.core.ParameterSource.COMMANDLINE)
            how = how or {"standardise": False, "estimator": "likelihood", "spikes": None,
                          "epochs": "many"}  # fmt: skip
            found = diagnose.diagnosed(None, "f.npz", data, how, convention, weight, beta)
        assert found == "report"
        assert Monitor.seen == (MU.tolist(), LOGVAR.tolist())
        return Monitor.asked, Monitor.made

    return call


def test_where_a_diagnosis_gets_its_numbers(file):
    asked, made = file({"eigenvalues": VALUES, "dim": np.array([9]), **LATENTS}, beta=0.5)
    assert asked == (0.5, {"weight": None, "decoder": None})
    assert made[0] is VALUES
    assert made[1] == {"convention": None, "dim": 9.0}
    asked, made = file({"spectrum": VALUES, "decoder": "W", **LATENTS}, weight=0.25)
    assert asked == (None, {"weight": 0.25, "decoder": "W"})
    assert made == (VALUES, {"convention": None, "dim": None})


def arrays_in(monkeypatch, **arrays):
    monkeypatch.setattr(diagnose, "named_arrays", lambda path, names: arrays)


@pytest.mark.parametrize(
    ("inside", "asked"),
    [
        ({"beta": np.array(0.5)}, (0.5, None)),
        ({"weight": np.array([[0.25]])}, (None, 0.25)),
    ],
)
def test_numbers_in_the_file(monkeypatch, inside, asked):
    monkeypatch.setattr(diagnose, "CollapseMonitor", Monitor)
    arrays_in(monkeypatch, eigenvalues=VALUES, **LATENTS, **inside)
    with click.Context(click.Command("x")):
        diagnose.diagnosed(None, "f.npz", None, {}, None, None, None)
        assert (Monitor.asked[0], Monitor.asked[1]["weight"]) == asked
        diagnose.diagnosed(None, "f.npz", None, {}, None, None, 2.0)
        assert (Monitor.asked[0], Monitor.asked[1]["weight"]) == (2.0, None)
        diagnose.diagnosed(None, "f.npz", None, {}, None, 3.0, None)
        assert (Monitor.asked[0], Monitor.asked[1]["weight"]) == (None, 3.0)


GIVE = "give one of --data, or data or eigenvalues in FILE, for the prediction: "


@pytest.mark.parametrize(
    ("inside", "given", "message", "hint"),
    [
        ({"weight": np.ones(1), "beta": np.ones(1)}, {"beta": None},
         "has both beta and weight: choose one by --beta or --weight", "FILE"),
        ({}, {"beta": None}, "give --beta or --weight, or put one of them into FILE", None),
        ({"dim": np.ones(2)}, {}, "dim must be a number, got shape (2,)", "FILE"),
        ({"mu": None}, {}, "f.npz has no array mu", "FILE"),
        ({"logvar": None}, {}, "f.npz has no array logvar", "FILE"),
        ({}, {}, f"{GIVE}got none", None),
        ({"eigenvalues": VALUES}, {"data": "x"}, f"{GIVE}got --data and eigenvalues", None),
        ({"data": VALUES, "spectrum": VALUES}, {}, f"{GIVE}got data and spectrum", None),
        ({"eigenvalues": np.ones((2, 2))}, {},
         "eigenvalues must have one axis, got shape (2, 2)", "FILE"),
        ({"eigenvalues": VALUES}, {"typed": "spikes"}, "--spikes goes with --data", None),
    ],
)  # fmt: skip
def test_files_that_are_refused(file, inside, given, message, hint):
    arrays = {name: x for name, x in {**LATENTS, **inside}.items() if x is not None}
    with pytest.raises(click.UsageError) as error:
        file(arrays, **{"beta": 0.5, **given})
    assert (error.value.message, getattr(error.value, "param_hint", None)) == (message, hint)


def test_tables_of_a_diagnosis(file):
    how = {"standardise": False, "estimator": "likelihood", "spikes": None, "epochs": "many"}
    assert file(LATENTS, beta=1.0, data="x.npy")[1][0] == ("look", "x.npy", how)
    mean, other = Convention("mean"), Convention(likelihood="bernoulli")
    assert file(LATENTS, beta=1.0, data="x", convention=mean)[1][0][0] == "look"
    made = file(LATENTS, beta=1.0, data="x", convention=other)[1]
    assert made == (("open", "x"), {"convention": other, "dim": None})
    with pytest.raises(ParameterError):
        file(LATENTS, beta=1.0, data="x", convention=other, how={**how, "spikes": 2})


def test_a_table_in_the_file(monkeypatch):
    monkeypatch.setattr(diagnose, "CollapseMonitor", Monitor)
    monkeypatch.setattr(diagnose, "looked", lambda s, place, **how: place)
    arrays_in(monkeypatch, data=VALUES, **LATENTS)
    with click.Context(click.Command("x")):
        diagnose.diagnosed(None, "f.npz", None, {}, None, None, 1.0)
    assert Monitor.made[0] == "f.npz:data"


@pytest.mark.parametrize(
    ("error", "kind", "message", "hint"),
    [
        (ParameterError("mu", "is odd"), click.BadParameter, "mu is odd", "FILE"),
        (ParameterError("decoder", "is odd"), click.BadParameter, "decoder is odd", "FILE"),
        (ParameterError("latents", "is odd"), ParameterError, None, None),
    ],
)
def test_errors_of_arrays(file, monkeypatch, error, kind, message, hint):
    def fail(*_):
        raise error

    monkeypatch.setattr(Monitor, "update", fail)
    with pytest.raises(kind) as raised:
        file({"eigenvalues": VALUES, **LATENTS}, beta=1.0)
    assert getattr(raised.value, "message", None) == message
    assert getattr(raised.value, "param_hint", None) == hint


def test_errors_of_files(file, monkeypatch):
    def broken(*_, **__):
        raise TableError("is broken")

    other = Convention(likelihood="bernoulli")
    monkeypatch.setattr(Monitor, "__init__", broken)
    with pytest.raises(click.BadParameter) as raised:
        file(LATENTS, beta=1.0, data="x", convention=other)
    assert (raised.value.message, raised.value.param_hint) == ("is broken", "DATA")
    monkeypatch.setattr(diagnose, "named_arrays", broken)
    with pytest.raises(click.BadParameter) as raised:
        diagnose.diagnosed(None, "f.npz", None, {}, None, None, 1.0)
    assert (raised.value.message, raised.value.param_hint) == ("is broken", "FILE")


class InForce(SimpleNamespace):
    def _asdict(self):
        return {"beta": 0.5, "spread": np.array([np.nan])}


def test_a_diagnosis_as_json_and_in_words(run, monkeypatch):
    found = SimpleNamespace(
        verdict="fine", advice="go on", notes=("one", "two"), beta=0.5, weight=0.25, rows=30,
        order=np.array([1, 0]), kl_per_latent=np.array([1.0, np.nan]), kl=1.5, kl_error=np.nan,
        predicted=np.array([2.0]), predicted_kl=2.5, active_kl=1, active_variance=2,
        predicted_active=3, mean_variance=np.array([0.1]), posterior_variance=np.array([0.2]),
        predicted_error=0.3, off_centre=0.4, slowdown=0.6, in_force=None,
    )  # fmt: skip
    asked = {}
    monkeypatch.setattr(
        diagnose, "diagnosed", lambda s, place, **given: asked.update(given, place=place) or found
    )
    wanted = {
        "command": "diagnose", "verdict": "fine", "advice": "go on", "notes": ["one", "two"],
        "beta": 0.5, "weight": 0.25, "rows": 30, "latent": 2, "order": [1, 0],
        "kl_per_latent": {"measured": [1.0, None], "predicted": [2.0]},
        "kl": {"measured": 1.5, "error": None, "predicted": 2.5},
        "active_units": {"kl": 1, "variance": 2, "predicted": 3}, "mean_variance": [0.1],
        "posterior_variance": [0.2], "predicted_error": 0.3, "off_centre": 0.4, "slowdown": 0.6,
        "in_force": None,
    }  # fmt: skip
    assert run("diagnose f.npz --json").json == wanted
    how = {name: x for name, x in HOW.items() if name not in ("leading", "passes")}
    usual = {"data": None, "how": how, "convention": None, "weight": None, "beta": None}
    assert asked == {"place": "f.npz", **usual}
    found.predicted, found.in_force = None, InForce()
    more = (
        "--data x.npy --beta 2 --standardise --estimator median --spikes 2 --epochs one --loss mean"
    )
    data = run("diagnose f.npz --json --loss mean", more).json
    assert data["in_force"] == {"beta": 0.5, "spread": [None]}
    assert data["kl_per_latent"]["predicted"] is None
    how = {name: x for name, x in CHANGED.items() if name in how}
    given = {"data": "x.npy", "how": how, "convention": Convention("mean"), "weight": None}
    assert asked == {"place": "f.npz", **given, "beta": 2.0}
    monkeypatch.setattr(diagnose.listed, "summary", lambda found: ["summary"])
    monkeypatch.setattr(diagnose.listed, "verdict", lambda found: "verdict")
    for more, end in ((0, []), (3, ["and 3 more: see --json"])):
        monkeypatch.setattr(diagnose.listed, "table", lambda _, m=more: (["a"], [["1"]], (), m))
        lines = ["a", "─", "1", *end, "summary", "verdict", "note: one", "note: two"]
        assert run("diagnose f.npz").out.splitlines() == lines


# ---- schedules for other code


@pytest.mark.parametrize(
    ("export", "as_json", "given", "message"),
    [
        (None, True, {}, None),
        ("csv", False, {"learning_rate": 0.1, "rows": 5}, None),
        ("csv", True, {}, "--export and --json exclude each other: --export json is JSON, too"),
        (None, False, {"learning_rate": 0.1}, "--learning-rate goes with --export"),
        (None, False, {"rows": 5}, "--rows goes with --export"),
    ],
)
def test_exports_that_are_refused(export, as_json, given, message):
    options = {"learning_rate": None, "rows": None, **given}
    if message is None:
        export_schedule.check_export(export, as_json, Convention("mean"), options)
        return
    with pytest.raises(click.UsageError) as error:
        export_schedule.check_export(export, as_json, None, options)
    assert error.value.message == message


def test_rates_and_losses_of_exports():
    rate = {"learning_rate": -1.0, "rows": None}
    with pytest.raises(ParameterError, match="learning_rate"):
        export_schedule.check_export("csv", False, None, rate)
    other = Convention(likelihood="bernoulli")
    with pytest.raises(ParameterError, match="a schedule is derived for a gaussian"):
        export_schedule.check_export("csv", False, other, {**rate, "learning_rate": None})


class Schedule(SimpleNamespace):
    def to_csv(self):
        return "csv\n"

    def to_json(self):
        return "json"

    def to_python(self):
        return "python\n"


SCHEDULE = Schedule(steps=120.4, per_epoch=None, epochs=2.3456, weight=0.12345678)


@pytest.fixture
def exported(monkeypatch, capsys):
    """Yield a function that exports; it returns options of the schedule, and what is printed."""

    def call(export="csv", schedule=SCHEDULE, found=None, said=None, params=(), **given):
        asked = {}
        fake = SimpleNamespace(of=lambda found, **options: asked.update(options) or schedule)
        monkeypatch.setattr(export_schedule, "KLSchedule", fake)
        model = SimpleNamespace(**{"latent": 4, "batch": 1, **dict(params)})
        usual = {"params": model, "spec": "linear:8", "gain": 2.34567, "family": "linear"}
        found = found or SimpleNamespace(**usual)
        given = {"convention": None, "learning_rate": None, "rows": None, **given}
        with click.Context(click.Command("x")) as here:
            here.params = {"batch_size": said}
            export_schedule.print_export(export, found, **given)
        return asked, capsys.readouterr().out

    return call


def test_what_an_export_is_made_of(exported):
    usual = {"convention": None, "learning_rate": None, "rows": None, "batch_size": None,
             "unit": None}  # fmt: skip
    assert exported()[0] == usual
    given = {"learning_rate": 0.5, "rows": 30, "unit": 3.0}
    assert exported(**given)[0] == {**usual, **given, "batch_size": 1}
    assert exported(**given, said=6)[0]["batch_size"] == 6
    assert exported(**given, said=6, params={"batch": 7})[0]["batch_size"] == 7
    assert exported(said=6, params={"batch": 7})[0]["batch_size"] is None
    for kl, latent in (("mean", 4), ("sum", None)):
        asked, _ = exported(convention=Convention("mean", kl=kl))
        assert asked["convention"] == Convention("mean", kl=kl, latent=latent)


def test_rows_of_a_warm_up(exported, monkeypatch):
    monkeypatch.setattr(export_schedule, "WarmUp", SimpleNamespace)
    found = SimpleNamespace(params=SimpleNamespace(latent=4, batch=3), samples=30)
    assert exported(found=found)[0]["rows"] == 30
    assert exported(found=found, rows=20)[0]["rows"] == 20


def test_forms_of_exports(exported):
    from vaedyn import __version__

    assert exported("csv")[1] == "csv\n"
    assert exported("json")[1] == "json\n"
    head = f"# found by vaedyn {__version__} for a linear VAE: linear:8\n"
    gain = "# converges 2.35 times as fast as at the final weight from the start\n"
    warm = "# warm-up: 120 steps{}; final KL weight 0.123457\n"
    assert exported("python")[1] == head + warm.format("") + gain + "python\n"
    epochs = Schedule(**{**vars(SCHEDULE), "per_epoch": 5})
    assert exported("python", epochs)[1] == (
        head + warm.format(", 2.35 epochs") + gain + "python\n")  # fmt: skip
    constant = SimpleNamespace(
        params=SimpleNamespace(latent=4, batch=1), spec="constant", gain=1.0, family="tanh"
    )
    none = "# no tanh warm-up converges sooner than the final weight from the start\n"
    text = exported("python", found=constant)[1]
    assert text == head.replace("linear:8", "constant") + warm.format("") + none + "python\n"


def test_defaults_of_looks():
    assert (data.HOW, Path("x").suffix) == (tuple(HOW), "")
