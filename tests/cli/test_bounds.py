"""What options are when nobody gives them, their least and largest values; files of options."""

from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from vaedyn.claims import claims
from vaedyn.cli import explore, main, output, settings
from vaedyn.cli import session as sessions
from vaedyn.cli.data import CONVENTION_OPTIONS
from vaedyn.cli.model_options import MODEL, MODEL_OPTIONS, rows_counted
from vaedyn.cli.reproduce import command as reproduce
from vaedyn.cli.reproduce import panels
from vaedyn.errors import ParameterError
from vaedyn.model.params import Params


def parsed(words, *more):
    """Return the options that a command line stands for, of the last command in it."""
    command, names = main.command, words.split()
    root = click.Context(command, **command.context_settings)  # commands keep its names of --help
    for name in names:
        command = command.get_command(root, name)
    with command.make_context(names[-1], list(more), parent=root) as context:
        return context.params


def refused(words, *more):
    try:
        parsed(words, *more)
    except (click.UsageError, ParameterError):
        return True
    return False


@pytest.mark.parametrize(
    ("command", "option", "least"),
    [
        ("simulate", "--runs", 1), ("simulate", "--seed", 0), ("simulate", "--jobs", 1),
        ("simulate", "--spikes", 0), ("simulate", "--samples", 2), ("anneal", "--knots", 1),
        ("anneal", "--confirm", 2), ("anneal", "--seed", 0), ("anneal", "--jobs", 1),
        ("anneal", "--rows", 1), ("anneal", "--batch-size", 1), ("heldout x", "--folds", 2),
        ("heldout x", "--seed", 0), ("heldout x", "--latent", 1), ("fixedpoints", "--groups", 0),
        ("fixedpoints", "--search", 1), ("fixedpoints", "--search-seed", 0),
        ("weight x", "--keep", 1), ("spectrum x", "--leading", 1), ("spectrum x", "--passes", 1),
        ("sweep theory --vary beta=1,2", "--jobs", 1), ("plot collapse x", "--latent", 1),
        ("plot collapse x", "--simulations", 2), ("plot collapse x", "--seed", 0),
        ("plot cascade", "--simulations", 0), ("plot annealing", "--simulations", 0),
        ("plot annealing", "--runs", 2), ("explore", "--port", 1), ("reproduce", "--seed", 0),
        ("reproduce", "--jobs", 1),
    ],
)  # fmt: skip
def test_the_least_value(command, option, least):
    count = 2 if command.startswith(("sweep", "plot")) else 1
    names, rest = " ".join(command.split()[:count]), command.split()[count:]
    found = parsed(names, *rest, option, str(least))
    assert found[option.lstrip("-").replace("-", "_")] == least
    assert refused(names, *rest, f"{option}={least - 1}")


@pytest.mark.parametrize(
    ("command", "option", "most"),
    [("fixedpoints", "--groups", 2), ("anneal", "--knots", 16), ("explore", "--port", 65535)],
)
def test_the_largest_value(command, option, most):
    assert not refused(command, option, str(most))
    assert refused(command, option, str(most + 1))


HOW = {"standardise": False, "estimator": "likelihood", "spikes": None, "epochs": "many"}
ACCURACY = {"leading": 200, "passes": 6}
LOSS = {
    "like": None, "loss": None, "decoder_variance": None, "reconstruction_weight": 1.0,
    "kl": "sum", "batch_sum": None, "likelihood": "gaussian", "dispersion": None,
    "batch_size": None, "scale": 1.0,
}  # fmt: skip
JUDGED = {"weight": None, "beta": None}
STORE = {"store_path": Path("vaedyn-store"), "recompute": False}
OUTPUT = {"as_json": False, "quiet": False, "verbose": False}
SHARED = {**STORE, **OUTPUT}
MODELS = {
    "dim": 200, "latent": 1, "signal": 1, "rho": (1.0,), "eta": 1.0, "beta": 1.0, "lam": 0.0,
    "lr": 0.01, "t_max": 1500.0, "points": 401, "anneal": "constant", "init": "gaussian",
    "init_seed": 0, "noise": None, "alpha": None, "batch": 1, "momentum": 0.0,
    "latents": "averaged", "optimiser": "sgd", "adam_betas": (0.9, 0.999), "adam_epsilon": 1e-8,
    "samples": None,
}  # fmt: skip
SOUGHT = {k: v for k, v in MODELS.items() if k not in ("anneal", "t_max", "points")}
ENSEMBLE = {"runs": 5, "seed": 0, "engine": None}
SIMULATED = {**ENSEMBLE, "jobs": None}
NUMERICS = {"rtol": 1e-8, "atol": 1e-10}
PICTURE = {"output": None, "width": None, "title": "", "no_caption": False, "x_lim": None,
           "y_lim": None}  # fmt: skip
SWEEP = {"shard": None, "scheduler": None, "dry_run": False, "csv_path": None, "jobs": None}
DIMS = [250, 500, 1000, 2000, 4000]


def varied(values):
    return [each.values for each in values]


@pytest.mark.parametrize(
    ("command", "more", "wanted"),
    [
        ("theory", "", {**MODELS, **NUMERICS, **HOW, "place": None, "tol": 1e-3,
                        "with_bands": False, "random_start": False}),
        ("simulate", "", {**MODELS, **SIMULATED, **HOW, "place": None, "tol": 1e-3,
                          "random_start": False}),
        ("fixedpoints", "", {**MODELS, **NUMERICS, "groups": 2, "search": None, "search_seed": 0,
                             "vary": (), "follow": (), "along": False, "cycle": False}),
        ("anneal", "", {**SOUGHT, **NUMERICS, **HOW, **LOSS, "place": None, "family": "tanh",
                        "knots": 3, "tol": 1e-3, "criterion": "eps_g", "confirm": None, "seed": 0,
                        "jobs": None, "export": None, "learning_rate": None, "rows": None}),
        ("spectrum", "x", {**HOW, **ACCURACY, **LOSS, **JUDGED, "place": "x", "latent": None}),
        ("heldout", "x", {**LOSS, **JUDGED, "place": "x", "latent": None, "standardise": False,
                          "folds": 5, "seed": 0}),
        ("weight", "x", {**{k: v for k, v in HOW.items() if k != "epochs"}, **ACCURACY, **LOSS,
                         "place": "x", "latent": None, "keep": None, "capacity": None,
                         "explained": None}),
        ("diagnose", "x", {**HOW, **LOSS, **JUDGED, "place": "x", "data": None}),
        ("explore", "", {**MODELS, "port": None, "no_browser": False, "no_store": False}),
        ("reproduce", "", {"quick": False, "seed": 0, "jobs": None, "output": Path("reproduce")}),
        ("plot annealing", "", {**SOUGHT, **NUMERICS, **PICTURE, "family": "tanh", "knots": 3,
                                "tol": 1e-3, "simulations": 6, "runs": 20, "seed": 0,
                                "jobs": None}),
        ("plot cascade", "", {**MODELS, **SIMULATED, **PICTURE, "vary": None, "simulations": 12}),
        ("plot collapse", "x", {**HOW, **PICTURE, "place": "x", "latent": None, "lam": 0.0,
                                "lr": None, "t_max": None, "init_seed": 0, "simulations": 10,
                                "seed": 0}),
        ("plot diagnose", "x", {**HOW, **LOSS, **JUDGED, **PICTURE, "place": "x", "data": None}),
        ("plot heldout", "x", {**LOSS, **JUDGED, **PICTURE, "place": "x", "latent": None,
                               "standardise": False, "folds": 5, "seed": 0}),
        ("plot learning_curve", "", {
            **MODELS, **SIMULATED, **NUMERICS, **HOW, **PICTURE, "place": None, "band": "std",
            "with_bands": False, "random_start": False, "vary": None, "animation": None,
            "x_scale": "linear", "y_scale": "log"}),
        ("plot order_parameters", "", {
            **MODELS, **SIMULATED, **NUMERICS, **PICTURE, "band": "std", "with_bands": False,
            "random_start": False, "x_scale": "linear"}),
        ("plot passages", "", {**MODELS, **NUMERICS, **PICTURE, "groups": 2, "x_scale": "log"}),
        ("plot rate_distortion", "x", {
            **{k: v for k, v in HOW.items() if k != "epochs"}, **ACCURACY, **LOSS, **JUDGED,
            **PICTURE, "place": "x", "latent": None}),
        ("plot schedule", "", {**MODELS, **PICTURE}),
        ("plot spectrum", "x", {**HOW, **ACCURACY, **LOSS, **JUDGED, **PICTURE, "place": "x",
                                "latent": None}),
        ("store prune", "", {"older_than": None, "damaged": False, "other_schemas": False,
                             "yes": False}),
        ("store rm", "a", {"keys": ("a",), "yes": False}),
        ("store list", "", {"filters": (), "sort": "kind,created"}),
        ("store export", "a", {"key": "a", "output": None}),
        ("store verify", "", {}),
        ("check", "", {}),
    ],
)  # fmt: skip
def test_options_that_are_not_given(command, more, wanted):
    shared = dict(SHARED)
    if command.startswith("store") or command == "check":
        del shared["recompute"]
    if command == "check":
        del shared["store_path"]
    names = command.replace("_", "-")
    assert parsed(names, *more.split()) == {**wanted, **shared}


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("theory", NUMERICS), ("simulate", ENSEMBLE), ("convergence", {**NUMERICS, "tol": 1e-3}),
        ("fixedpoints", {**NUMERICS, "groups": 2}),
    ],
)  # fmt: skip
def test_options_of_sweeps_that_are_not_given(command, wanted):
    found = parsed(f"sweep {command}", "--vary", "beta=1,2")
    assert varied(found.pop("vary")) == [[1.0, 2.0]]
    assert found == {**MODELS, **wanted, **SWEEP, **SHARED}


def test_what_varies_in_figures_where_it_is_not_said():
    found = parsed("plot sweep")
    ((name, values, counted),) = found.pop("vary")
    assert (name, len(values), values[0], values[-1]) == ("beta", 49, 0.1, 2.5)
    assert counted
    plot = {"of": "theory", "x": None, "y": "eps_g", "hue": None, "kind": None, "tol": 1e-3,
            "x_scale": "linear", "y_scale": "linear"}  # fmt: skip
    assert found == {**MODELS, **SIMULATED, **NUMERICS, **PICTURE, **plot, **SHARED}
    for command, more in (("concentration", {"at": None, "random_start": False}), ("escape", {})):
        found = parsed(f"plot {command}")
        assert found.pop("vary").values == DIMS
        assert found == {**MODELS, **SIMULATED, **PICTURE, **more, **SHARED}
    found = parsed("plot branches")
    assert found.pop("vary")[:4] == ("beta", 0.05, 3.0, 100)
    more = {"groups": 2, "quantity": "eps_g", "with_bands": False, "cycle": False}
    assert found == {**MODELS, **PICTURE, **more, **SHARED}
    found = parsed("plot phase-diagram")
    two = [("beta", 0.05, 3.0, 100), ("eta", 0.1, 2.0, 100)]
    assert [each[:4] for each in found.pop("vary")] == two
    assert found == {**MODELS, **PICTURE, "curves": None, **SHARED}


def test_options_of_the_model_are_its_fields():
    assert len(MODEL_OPTIONS) == len(MODEL) == 21
    assert tuple(Params.__dataclass_fields__) == MODEL
    assert len(CONVENTION_OPTIONS) == 13


def test_rows_that_are_counted():
    given = {"samples": None, "alpha": 2.0, "dim": 10}
    assert rows_counted(dict(given)) == {"alpha": 2.0, "dim": 10}
    given = {"samples": 30, "alpha": None, "dim": 20}
    assert rows_counted(dict(given)) == {"alpha": 1.5, "dim": 20}
    for dim, alpha in ((1, 30.0), (0, 30.0), (-2, 30.0)):
        assert rows_counted({**given, "dim": dim})["alpha"] == alpha
    with pytest.raises(click.UsageError):
        rows_counted({**given, "alpha": 2.0})


COMMANDS = [
    "simulate", "theory", "fixedpoints", "anneal", "sweep", "spectrum", "heldout", "weight",
    "diagnose", "explore", "reproduce", "plot", "store", "check",
]  # fmt: skip


def test_commands_and_their_lines_of_help(run):
    assert [*main.COMMANDS] == COMMANDS
    context = click.Context(main.command)
    assert main.command.list_commands(context) == COMMANDS
    assert main.command.get_command(context, "zzz") is None
    text = run("--help").out
    for name, (_, line) in main.COMMANDS.items():
        command = main.command.get_command(context, name)
        assert command.name == name
        assert line.endswith(".")
        assert f"  {name} " in text


# ---- files of options


def mind(text, tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(text)
    return path


def test_files_that_are_no_files_of_options(tmp_path, monkeypatch):
    def message(path):
        with pytest.raises(click.BadParameter) as error:
            settings._read(path)
        assert error.value.param_hint == "--config"
        return error.value.message.removeprefix(f"{path}: ")

    path = mind("a = 1", tmp_path)
    assert settings._read(path) == {"a": 1}
    assert message(tmp_path / "none") == "there is no such file"
    assert message(tmp_path) == "expected a TOML file"
    assert settings.LARGEST == 1_000_000
    monkeypatch.setattr(settings, "LARGEST", 5)
    assert settings._read(path) == {"a": 1}
    monkeypatch.setattr(settings, "LARGEST", 4)
    assert message(path) == "expected a TOML file"
    mind("a =", tmp_path)
    assert message(path).startswith("it is no TOML: Invalid value")

    def fail(*_, **__):
        raise OSError(13, "no entry")

    monkeypatch.setattr(Path, "read_text", fail)
    assert message(path) == "cannot read it: no entry"


@pytest.mark.parametrize(
    ("value", "flag", "multiple", "answer"),
    [
        (True, True, False, True), (False, True, False, False), (1.5, False, False, "1.5"),
        ("a", False, False, "a"), ([1, 2], False, False, "1,2"), ([1, 2], False, True, ["1", "2"]),
        (1, False, True, ["1"]), ({"m": 1}, False, False, '{"m": 1}'),
        (1, True, False, None), (True, False, False, None), ([True], False, False, None),
        ([[1]], False, False, None), ([{"a": 1}], False, False, None),
    ],
)  # fmt: skip
def test_values_in_files(value, flag, multiple, answer):
    option = click.Option(["--x-y"], is_flag=flag, multiple=multiple)
    if answer is not None:
        assert settings._as_typed(Path("f"), option, value) == answer
        return
    with pytest.raises(click.BadParameter) as error:
        settings._as_typed(Path("f"), option, value)
    kind = "true or false" if flag else "a number or text, or a list of them"
    assert error.value.message == f"f: x-y: expected {kind}, got {value!r}"


def test_keys_of_files():
    words = settings._by_word(Path("f"), {"t_max": 1, "beta": 2})
    assert words == {"t-max": 1, "beta": 2}
    with pytest.raises(click.BadParameter) as error:
        settings._by_word(Path("f"), {"beta": 1, "t_max": 1, "t-max": 2})
    assert error.value.message == "f: t_max is given twice, with _ and with -"
    assert settings._tables(main.command, {}) == COMMANDS
    assert settings._tables(main.command, 1) == settings._tables(click.Command("x"), {}) == []


# ---- progress


def test_progress_in_words(monkeypatch):
    monkeypatch.setattr(output, "clock", lambda: 100.0)
    lines = output.Lines("t", "steps")
    assert (lines._began, lines.told, lines._done, lines._total) == (100.0, 100.0, 0.0, 0.0)
    assert lines._text(130.0) == "t: 30 s so far"
    monkeypatch.setattr(output, "clock", lambda: 110.0)
    lines.update(1.0, 4.0)
    assert lines._text(130.0) == "t: 25 % (1 of 4 steps), 30 s so far, about 90 s left"
    lines.update(4.0, 4.0)
    assert lines._text(130.0) == "t: 100 % (4 of 4 steps), 30 s so far"
    plain = output.Lines("t", "")
    plain.update(0.0, 4.0)
    assert plain._text(120.0) == "t: 0 %, 10 s so far"
    assert output.EVERY == 60.0


def test_progress_is_spoken_of_once_a_minute(monkeypatch, caplog):
    caplog.set_level("INFO")
    now = [0.0]
    monkeypatch.setattr(output, "clock", lambda: now[0])
    with output.spoken("outer") as outer:
        first = output.Lines.shown[-1]
        with output.spoken("inner", "steps") as inner:
            assert len(output.Lines.shown) == 2
            for now[0], done in ((59.9, 1), (60.0, 2), (119.0, 3), (120.0, 4)):
                inner(done, 8)
        assert first.told == 120.0
        now[0] = 179.0
        outer(1, 2)
        assert output.Lines.shown == [first]
    assert output.Lines.shown == []
    assert [text.partition(",")[0] for text in caplog.messages] == [
        "inner: 25 % (2 of 8 steps)", "inner: 50 % (4 of 8 steps)"]  # fmt: skip


def test_without_a_terminal_progress_is_spoken_of(monkeypatch):
    asked = []
    monkeypatch.setattr(output, "progress_bar", None)
    monkeypatch.setattr(sessions, "progress_bar", lambda *given: asked.append(given))
    session = sessions.Session()
    session.progress("t")
    session.progress("t", "u")
    session.simulation("t")
    assert asked == [("t", ""), ("t", "u"), ("t", "steps")]
    monkeypatch.setattr(output.sys, "stderr", None)
    assert output.watched() is False
    monkeypatch.setattr(output.sys, "stderr", SimpleNamespace(isatty=lambda: True))
    assert output.watched() is True


# ---- the report, and the page


def test_a_report_is_gathered_and_written(monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO")
    session, made = sessions.Session(tmp_path / "store"), []

    def lab(**given):
        given.pop("progress")(1, 2)
        return given

    monkeypatch.setattr(reproduce, "Lab", lab)
    monkeypatch.setattr(claims, "CLAIMS", {"a": lambda lab: [("a", lab)], "b": lambda lab: ["b"]})
    monkeypatch.setattr(reproduce, "perf_counter", iter([1.0, 3.5, 4.0, 9.0, 0.0, 7.0]).__next__)
    found = reproduce.gather(session, {"quick": True, "seed": 7})
    assert found == [("a", {"store": session.store, "quick": True, "seed": 7}), "b"]
    assert caplog.messages == ["1 of 2: a, 2.5 s", "2 of 2: b, 5.0 s"]
    caplog.clear()
    panel = SimpleNamespace(name="one", recipes=["r"])
    monkeypatch.setattr(reproduce, "command_line", lambda recipe: f"command {recipe}")
    monkeypatch.setattr(reproduce, "picture", lambda *given: made.append(given) or (b"svg", 3.0))
    monkeypatch.setattr(reproduce, "report", lambda *given: made.append(given) or "page")
    files, page = reproduce.write(session, [panel, panel], tmp_path, True, 7)
    assert caplog.messages == ["figures, 7.0 s"]
    assert made[0] == (panel, ["command r"], session.store, True, 7)
    commands = [["command r"], ["command r"]]
    version = f"Made by vaedyn {reproduce.__version__}: vaedyn reproduce --quick --seed 7"
    assert made[2] == ([panel, panel], [(b"svg", 3.0)] * 2, commands, version)
    assert [path.name for path in files] == ["1-one.svg", "2-one.svg"]
    assert (files[0].read_bytes(), page.name, page.read_text()) == (b"svg", "report.html", "page")
    monkeypatch.setattr(reproduce, "perf_counter", lambda: 0.0)
    reproduce.write(session, [], tmp_path, False, 0)
    assert made[3][3] == version.replace(" --quick --seed 7", "")


def test_pictures_of_a_report_are_kept(monkeypatch):
    asked = []

    def load(kind, record, draw):
        asked.append((kind, record))
        return SimpleNamespace(variables={"svg": (0, memoryview(b"svg")), "width": (0, 3)})

    store = SimpleNamespace(load_or_run=load)
    panel = SimpleNamespace(name="one", rows=[], caption="c")
    assert panels.picture(panel, ["a"], store, True, 7) == (b"svg", 3.0)
    panels.picture(panel, ["b"], store, True, 7)
    (kind, first), (_, second) = asked
    assert (kind, first["panel"], first["quick"], first["seed"]) == ("panel", "one", True, 7)
    assert [*first] == ["panel", "quick", "seed", "content", "drawing"]
    assert first["content"] != second["content"]
    assert len(first["drawing"]) == 64


@pytest.mark.parametrize("words", ["", "--no-browser --no-store --port 8000 --recompute --json"])
def test_a_page_is_served(run, monkeypatch, words):
    asked, opened = {}, []
    given = bool(words)

    def server(params, store, port):
        asked.update(params=params, store=store(), port=port)
        return "made", "http://here"

    monkeypatch.setattr("vaedyn.explorer.explore.require_bokeh", lambda: None)
    monkeypatch.setattr("vaedyn.explorer.explore.warm_up", lambda progress: asked.update(
        warm=callable(progress)))  # fmt: skip
    monkeypatch.setitem(__import__("sys").modules, "vaedyn.explorer.serve",
                        SimpleNamespace(server=server))  # fmt: skip
    monkeypatch.setattr(explore, "quiet", lambda: asked.update(quiet=True))
    monkeypatch.setattr(explore, "serve", lambda made: asked.update(served=made))

    class Thread:
        def __init__(self, target, args, daemon):
            opened.append((target, args, daemon))

        def start(self):
            opened.append("started")

    monkeypatch.setattr(explore, "threading", SimpleNamespace(Thread=Thread))
    monkeypatch.setattr("vaedyn.cli.options.watched", lambda: True)
    done = run("explore --beta 1.5", words)
    store = asked.pop("store")
    assert asked == {"params": Params(beta=1.5), "port": 8000 if given else 0, "served": "made",
                     "quiet": True, "warm": True}  # fmt: skip
    if given:
        assert done.json == {"command": "explore", "address": "http://here"}
        assert (store, opened) == (None, [])
    else:
        assert done.out == "http://here\n"
        assert (store.path, store.recompute) == (Path("vaedyn-store"), False)
        assert opened == [(explore.webbrowser.open, ("http://here",), True), "started"]


def test_a_page_is_served_until_a_signal():
    calls = []
    loop = SimpleNamespace(start=lambda: calls.append("loop") or fail())
    made = SimpleNamespace(start=lambda: calls.append("start"), io_loop=loop,
                           stop=lambda wait: calls.append(("stop", wait)))  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        explore.serve(made)
    assert calls == ["start", "loop", ("stop", False)]


def fail():
    raise KeyboardInterrupt
