"""What all commands stand on: options, errors, streams, hints, words that the shell offers."""

import errno
import logging
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

from vaedyn.cli import (
    check,
    complete,
    hints,
    main,
    options,
    output,
    settings,
    signals,
    streams,
    target,
)
from vaedyn.errors import ParameterError, VaedynError
from vaedyn.store import StoreError


def reported(error, capsys):
    code = main.report(error)
    return code, capsys.readouterr().err.rstrip("\n")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (SystemExit(3), 0, ""),
        (click.Abort(), 1, "error: aborted, nothing changed"),
        (click.UsageError("odd\nit is"), 2, "error: odd it is"),
        (ParameterError("t_max", "is odd"), 2, "error: --t-max: is odd"),
        (VaedynError("odd"), 1, "error: odd"),
        (click.ClickException("odd"), 1, "error: odd"),
        (StoreError("odd"), 1, "error: --store: odd"),
        (MemoryError(), 1,
         "error: not enough memory: lower --points, --runs, --latent or --dim"),
        (OSError(errno.ENOSPC, "x", "a.h5"), 1, "error: a.h5: No space left on device"),
        (OSError(errno.EPIPE, "x"), 1, "error: cannot write the output: Broken pipe"),
    ],
)  # fmt: skip
def test_errors_in_one_line(error, code, text, capsys, monkeypatch):
    monkeypatch.setattr(main.Stopped, "by", None)
    assert reported(error, capsys) == (code, text)


def test_errors_of_signals_and_of_the_unforeseen(capsys, monkeypatch):
    monkeypatch.setattr(main.Stopped, "by", signal.SIGTERM)
    assert reported(ValueError("x"), capsys) == (143, "error: terminated")
    monkeypatch.setattr(main.Stopped, "by", None)
    for error in (ValueError("x"), OSError("x")):
        with pytest.raises(type(error)):
            main.report(error)
    context = click.Context(click.Command("x"), info_name="vaedyn")
    wanted = (2, "error: odd (see 'vaedyn --help')")
    assert reported(click.UsageError("odd", context), capsys) == wanted
    monkeypatch.setenv(main.COMPLETION, "x")
    assert reported(ValueError("x"), capsys) == (1, "")
    assert reported(SystemExit(3), capsys) == (0, "")


def test_help_without_words(capsys):
    context = click.Context(click.Group("x"), info_name="vaedyn")
    assert main.report(click.exceptions.NoArgsIsHelpError(context)) == 2
    assert capsys.readouterr().err.startswith("Usage: vaedyn")


def test_farewells_and_colours(monkeypatch):
    assert signals.farewell(signal.SIGTERM) == ("terminated", 143)
    assert signals.farewell(signal.SIGINT) == ("interrupted", 130)
    assert (signals.AGAIN, signals.DEAF, signals.SAVING) == (0.1, 4.0, 30.0)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert main.colour() is None
    monkeypatch.setenv("NO_COLOR", "")
    assert main.colour() is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert main.colour() is False
    assert not main._is_store_error(ValueError())
    monkeypatch.delitem(sys.modules, "vaedyn.store")
    assert not main._is_store_error(StoreError("x"))


def test_notes_stand_above_a_bar(capsys, monkeypatch):
    def emit(level, text):
        main.Notes().emit(logging.LogRecord("x", level, "", 0, text, None, None))

    emit(logging.INFO, "a\nb")
    emit(logging.WARNING, "c")
    emit(logging.WARNING - 1, "d")
    assert capsys.readouterr().err == "a b\nwarning: c\nd\n"
    above = []
    monkeypatch.setattr(main.Notes, "above", above.append)
    emit(logging.ERROR, "e")
    assert (above, capsys.readouterr().err) == (["warning: e"], "")


def test_levels_of_notes(monkeypatch):
    logger = logging.getLogger("vaedyn")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))
    levels = []
    for quiet, verbose in ((False, False), (True, False), (False, True), (True, True)):
        main.show_notes(quiet, verbose)
        levels.append(logger.level)
    assert levels == [logging.INFO, logging.WARNING, logging.DEBUG, logging.WARNING]
    assert not logger.propagate
    assert [type(each) for each in logger.handlers] == [main.Notes]


@click.group("vaedyn")
def root():
    """Two commands, and a group of three more."""


@root.group("plot")
def plot():
    """Three commands."""


for parent, name, words in (
    (root, "theory", ["--beta", "--t-max"]), (root, "check", ["-o", "--only"]),
    (plot, "theory", ["--beta"]), (plot, "sweep", ["--beta", "--hue"]), (plot, "map", ["--beta"]),
):  # fmt: skip
    given = [click.Option([word]) for word in words if word != "-o"]
    parent.add_command(click.Command(name, params=given))


def hint(name, command, params=()):
    context = click.Context(root, info_name="vaedyn")
    if params:
        command = click.Command("x", params=[*params])
    inner = click.Context(command, parent=context, info_name="x")
    return hints.no_such_option(click.NoSuchOption(name), inner).message


def test_options_of_other_commands_are_named():
    check, begin = root.commands["check"], "No such option '--beta' here: it is an option of"
    assert hint("--t-max", check) == "No such option '--t-max' here: it is an option of theory"
    assert hint("--hue", check) == "No such option '--hue' here: it is an option of plot sweep"
    assert hint("--beta", check) == (f"{begin} plot map, plot sweep, plot theory and 1 more")
    assert hint("--onyl", check) == "No such option '--onyl'. Did you mean '--only'?"
    assert hint("--zzzz", check) == "No such option '--zzzz'."
    del plot.commands["map"]
    try:
        assert hint("--beta", check) == f"{begin} plot sweep, plot theory, theory"
    finally:
        plot.add_command(click.Command("map", params=[click.Option(["--beta"])]))
    place = [click.Argument(["place"])]
    assert hint("--data", check, place) == "No such option '--data': name the file without it"
    assert hint("--data", check) == "No such option '--data'."
    assert hint("--dat", check, place) == "No such option '--dat'."


def test_commands_that_may_be_meant():
    context = click.Context(root, info_name="vaedyn")

    def meant(name, group=root):
        return hints.no_such_command(name, group, context).message

    assert meant("thoery") == "No such command 'thoery'. Did you mean 'theory'?"
    assert meant("sweep") == "No such command 'sweep'. Did you mean 'vaedyn plot sweep'?"
    assert meant("zzzz") == "No such command 'zzzz'."
    assert meant("check", plot) == "No such command 'check'. Did you mean 'vaedyn check'?"
    paths = [path for path, _ in hints.commands_below(root)]
    assert paths == [
        ("check",), ("plot", "map"), ("plot", "sweep"), ("plot", "theory"), ("theory",),
    ]  # fmt: skip
    option = click.Option(["-o", "--output", "chosen"])
    assert hints.word_of(option) == "output"


def offered(complete_, incomplete, context=None):
    return [(each.value, each.type) for each in complete_(context, None, incomplete)]


def test_words_for_the_shell(tmp_path):
    plain, file = "plain", "file"
    assert offered(complete.words(["ab", "ac", "b"]), "a") == [("ab", plain), ("ac", plain)]
    assert offered(complete.named(["ab", "b"]), "") == [("ab=", plain), ("b=", plain)]
    assert offered(complete.files, "x") == [("x", file)]
    assert offered(complete.schedules, "file:x") == [("x", file)]
    assert offered(complete.schedules, "file") == [("file:", plain)]
    assert offered(complete.schedules, "lin") == [("linear:", plain)]
    assert offered(complete.schedules, "cons") == [("constant", plain)]
    assert offered(complete.schedules, "linear:5") == []
    assert offered(complete.starts, "g") == [("gaussian", plain), ("g", file)]
    assert offered(complete.starts, "m") == [("m=", plain), ("m", file)]
    assert offered(complete.properties, "key") == [("key", plain)]
    assert offered(complete.properties, "key,-by") == [("key,-bytes", plain)]
    assert offered(complete.properties, "be") == [("beta", plain)]
    both = complete.formats(".pdf", ".svg")
    assert offered(both, "a") == [("a.pdf", plain), ("a.svg", plain), ("a", file)]
    assert offered(both, "a.s") == [("a.svg", plain), ("a.s", file)]
    assert offered(both, "") == [("", file)]
    assert offered(both, "x/") == [("x/", file)]
    for name in (f"theory-{'a' * 32}.h5", f"simulate-{'ab' * 16}-7.h5", "other.txt"):
        (tmp_path / name).touch()
    context = SimpleNamespace(params={"store_path": tmp_path})
    found = complete.keys(context, None, "a")
    assert [(each.value, each.help) for each in found] == [
        ("a" * 12, "theory"), ("ab" * 6, "simulate")]  # fmt: skip
    assert [each.value for each in complete.keys(context, None, "aa")] == ["a" * 12]
    assert [each.value for each in complete.keys(context, None, "a" * 12)] == ["a" * 12]
    assert [each.value for each in complete.keys(context, None, "a" * 13)] == ["a" * 32]
    assert complete.keys(SimpleNamespace(params={}), None, "a") == []


# ---- streams


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb\tc\rd", "a b c d"),
        ("a\x1bb\u200b", "a\\x1bb\\u200b"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 100 + "...[201 characters]..." + "x" * 50),
        ("y " * 400, "y " * 400),
        ("y " * 400 + "z", "y " * 200 + "...[801 characters]..." + " y" * 99 + " z"),
    ],
)
def test_messages_on_one_line(text, line):
    assert streams.one_line(text) == line


def test_middles_of_long_texts():
    assert streams._cut("abcdefgh", 8) == "abcdefgh"
    assert streams._cut("abcdefghi", 8) == "abcd...[9 characters]...hi"
    assert streams._cut("abcdefghijk", 9) == "abcd...[11 characters]...ijk"
    assert (streams.LONGEST_WORD, streams.LONGEST) == (200, 800)


@pytest.mark.parametrize(
    ("encoding", "line"), [("utf-8", "───"), ("ascii", "---"), (None, "───"), ("cp437", "───")]
)
def test_rules(monkeypatch, encoding, line):
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=encoding))
    assert streams.rule(3) == line


def test_characters_that_are_lacking():
    def plain(text, at=0):
        return streams._plain(UnicodeEncodeError("ascii", text, at, at + 1, "no"))

    assert plain("─") == ("-", 1)
    assert plain("x±", 1) == ("+-", 2)
    assert plain("é") == ("\\xe9", 1)
    assert plain("\udc80") == (b"\x80", 1)
    assert plain("\udcff") == (b"\xff", 1)
    assert plain("\udc7f") == ("\\udc7f", 1)
    assert plain("\udd00") == ("\\udd00", 1)
    with pytest.raises(UnicodeDecodeError):
        streams._plain(UnicodeDecodeError("ascii", b"x", 0, 1, "no"))


def test_places_of_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("a.pdf")
    assert target.target(path, "--output") is path
    name = Path(f"theory-{'a' * 32}.h5")
    for each, reason in (
        (name, f"{str(name)!r} is the name of a stored result, which never changes"),
        (Path("no/a.pdf"), None),
    ):
        with pytest.raises(click.BadParameter) as error:
            target.target(each, "--csv")
        assert error.value.param_hint == "--csv"
        assert reason in (None, error.value.message)


# ---- output


def test_tables_and_plain_numbers(capsys):
    output.table(["a", "bb", "c"], [["long", "1", "x"], ["s", "22", "long"]], left=("c",))
    assert capsys.readouterr().out.splitlines() == [
        "a      bb   c", "────────────────", "long    1   x", "s      22   long"]  # fmt: skip
    given = [np.float64(1.5), np.array([1, 2]), [np.nan, [np.inf]], "x", None, True]
    assert output.plain(given) == [1.5, [1, 2], [None, [None]], "x", None, True]
    assert output.printable(os.fsdecode(b"a\xff")) == "a\\udcff"
    with pytest.raises(ValueError, match="Out of range"):
        output.print_json({"x": float("nan")})


def test_records_by_their_keys(session):
    for look in (output.found, output.located):
        with pytest.raises(click.BadParameter) as error:
            look(session.store, "abc")
        assert error.value.param_hint == "KEY"
        assert "abc" in error.value.message
    store = SimpleNamespace(find=lambda key: f"whole {key}", find_label=lambda key: f"label {key}",
                            locate=lambda key: [key])  # fmt: skip
    assert output.found(store, "a") == "whole a"
    assert output.found(store, "a", arrays=False) == "label a"
    assert output.located(store, "a") == ["a"]


def test_single_records_are_not_spoken_of():
    store = logging.getLogger("vaedyn.store")
    before = store.level
    with output.without_records():
        assert store.level == logging.WARNING
    assert store.level == before


# ---- options


def test_options_from_elsewhere_say_so(monkeypatch):
    context = click.Context(click.Command("theory"), info_name="theory")
    context.auto_envvar_prefix = "VAEDYN_THEORY"
    option = options.Option(["--t-max", "t_max"], section="Model", type=float)
    assert settings.variables(option, context) == [
        "VAEDYN_THEORY_T_MAX", "VAEDYN_THEORY_T_MAX", "VAEDYN_T_MAX"]  # fmt: skip
    named = options.Option(["--animate", "animation"], section="Model")
    assert settings.variables(named, context) == [
        "VAEDYN_THEORY_ANIMATE", "VAEDYN_THEORY_ANIMATION", "VAEDYN_ANIMATE"]  # fmt: skip
    assert option.variable(context) is None
    assert option.resolve_envvar_value(context) is None
    monkeypatch.setenv("VAEDYN_T_MAX", "7")
    assert option.variable(context) == "VAEDYN_T_MAX"
    assert option.resolve_envvar_value(context) == "7"
    monkeypatch.setenv("VAEDYN_THEORY_T_MAX", "8")
    assert option.resolve_envvar_value(context) == "8"
    source = click.core.ParameterSource
    for which, remark in (
        (source.COMMANDLINE, ""), (source.ENVIRONMENT, " (from V)"), (source.DEFAULT, ""),
        (source.DEFAULT_MAP, " (from x.toml)"),
    ):  # fmt: skip
        context.set_parameter_source("t_max", which)
        context.meta[settings.FILE] = "x.toml"
        assert settings.origin(context, "t_max", "V") == remark


def test_a_group_names_commands_that_may_be_meant(run):
    assert "Did you mean 'sweep'?" in run("plot swep").err
    assert "Did you mean 'vaedyn theory'?" in run("plot theory").err
    assert "Did you mean 'theory'?" in run("theoyr").err
    assert run("plot --zzz").err.startswith("error: No such option")
    done = run("plot branches --vary beta=1:2 --vary lr=1:2")
    assert done.err.startswith("error: expected --vary at most once")
    assert run("anneal --family lniear").err.rstrip().count("did you mean linear?") == 1


# ---- checks


def test_the_key_that_must_stay():
    assert (check._key(), check.KEY, check.SHOWN) == ("45a55d7905ef", "45a55d7905ef", 12)
    assert check.PACKAGES == ("vaedyn", "numpy", "numba", "scipy", "h5py")
    expected = {question.name: question.expected for question in check.STORE_QUESTIONS}
    assert expected == {
        "store, numbers not read back": 0.0, "store, damaged files noticed": 3.0,
        "store, key of vaedyn theory": "45a55d7905ef",
    }  # fmt: skip


def test_the_store_of_checks_is_silent_and_goes():
    log = logging.getLogger("vaedyn.store")
    before = log.level
    with check._store() as store:
        assert log.level == logging.ERROR
        assert store.path.name.startswith("vaedyn-check-")
        assert store.path.is_dir()
    assert (log.level, store.path.exists()) == (before, False)


# ---- signals


def test_what_is_raised_in_a_hook_is_lost(monkeypatch):
    def hook(_=None):
        return within()

    def within():
        return signals._in_hook(sys._getframe())

    monkeypatch.setattr(sys, "unraisablehook", hook)
    assert hook() is True
    assert within() is False
    assert signals._in_hook(None) is False
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    assert within() is False


def test_a_signal_that_is_being_dealt_with():
    assert not signals._underway()
    for first, underway in ((signals.Stopped(1), True), (ValueError(), False)):
        try:
            raise first
        except BaseException:
            assert signals._underway() is underway
            try:
                raise KeyError
            except KeyError:
                assert signals._underway() is underway


def test_signals_and_their_echoes(monkeypatch):
    monkeypatch.setattr(signals.Stopped, "by", None)
    monkeypatch.setattr(signals.time, "monotonic", lambda: 7.0)
    mine = signals.Signals()
    mine._answered = 0.0
    mine._stop_again(0, None)
    assert (mine._answered, signals.Stopped.by) == (7.0, None)
    mine._answered = 0.0
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        with pytest.raises(signals.Stopped) as error:
            mine._stop(number, None)
        assert (error.value.code, signals.Stopped.by, mine._answered) == (code, number, 7.0)
    with pytest.raises(signals.Stopped) as error:
        mine._stop_again(0, None)
    assert error.value.code == 143
    try:
        raise signals.Stopped(1)
    except signals.Stopped:
        mine._answered = 0.0
        mine._stop_again(0, None)
    assert mine._answered == 7.0
    monkeypatch.setattr(signals, "_in_hook", lambda frame: True)
    mine._stop(signal.SIGINT, None)
    assert signals.Stopped.by == signal.SIGINT


def test_ends_of_the_process(monkeypatch):
    ended, written, terminal = [], [], []
    fake = SimpleNamespace(_exit=ended.append, isatty=lambda n: n == 2 and bool(terminal),
                           write=lambda n, text: written.append((n, text)))  # fmt: skip
    monkeypatch.setattr(signals, "os", fake)
    signals._at_once(signal.SIGTERM, None)
    signals._at_once(signal.SIGINT, None)
    for shown in ("", "\r\x1b[K\x1b[?25h"):
        signals._leave(signal.SIGINT)
        assert written.pop() == (2, f"{shown}error: interrupted\n".encode())
        terminal.append("yes")
    signals._leave(signal.SIGTERM)
    assert ended == [143, 130, 130, 130, 143]
    seen = []
    monkeypatch.setattr(sys, "__unraisablehook__", seen.append)
    one = SimpleNamespace(exc_value=ValueError())
    signals._unraisable(one)
    signals._unraisable(SimpleNamespace(exc_value=signals.Stopped(1)))
    assert seen == [one]
    assert signals._unheard(1, None) is None


@pytest.mark.parametrize("passed", [True, False])
def test_a_report_in_words_and_as_json(run, monkeypatch, passed):
    from vaedyn.claims.evidence import Panel, Row
    from vaedyn.cli.reproduce import command

    rows = [
        Row(claim=f"claim {n}", expected=1.5, origin="paper", found=1.5 + n * (not passed),
            error=0.0625, tolerance=0.25, basis="b")
        for n in range(2)
    ]  # fmt: skip
    text = dict.fromkeys(("name", "title", "caption", "known", "chosen"), "")
    panels = [Panel(**text, rows=rows, data={}, recipes=[])]
    asked = []
    monkeypatch.setattr(command, "gather", lambda s, given: asked.append(given) or panels)
    monkeypatch.setattr(command, "write", lambda s, p, *given: asked.append(given) or (
        [Path("1.svg")], Path("page")))  # fmt: skip
    done = run("reproduce")
    assert done.code == (not passed)
    lines = done.out.splitlines()
    assert lines[0].split() == ["claim", "expected", "found", "+-", "expected", "from"]
    assert lines[2].split() == ["claim", "0", "1.5", "1.5", "0.062", "pass", "paper"]
    other = ["1.5", "pass"] if passed else ["2.5", "FAIL"]
    assert lines[3].split() == ["claim", "1", "1.5", other[0], "0.062", other[1], "paper"]
    assert lines[4] == f"{'all 2 rows pass' if passed else '1 of 2 rows FAIL'}: page"
    assert asked == [{"quick": False, "seed": 0, "jobs": None}, (Path("reproduce"), False, 0)]
    done = run("reproduce --json --quick --seed 7 --jobs 2 -o out/er")
    data = done.json
    assert [claim["claim"] for claim in data.pop("claims")] == ["claim 0", "claim 1"]
    assert data == {"command": "reproduce", "quick": True, "seed": 7, "passed": passed,
                    "report": "page", "figures": ["1.svg"]}  # fmt: skip
    assert asked[2:] == [{"quick": True, "seed": 7, "jobs": 2}, (Path("out/er"), True, 7)]
    assert done.code == (not passed)
    Path("file").touch()
    done = run("reproduce -o file/x")
    assert "cannot make the folder 'file/x': Not a directory" in done.err


@pytest.mark.parametrize(("kept", "place"), [(None, "memory only"), ("/here", "/here")])
def test_where_machine_code_is_kept(run, monkeypatch, kept, place):
    machine = {"platform": "p", "cores": 3, "kernels": kept}
    monkeypatch.setattr(check, "_machine", lambda: machine)
    monkeypatch.setattr(check, "_versions", lambda: {"python": "3", "numpy": "2"})
    monkeypatch.setattr(check, "selfcheck", lambda questions: iter(()))
    lines = run("check").out.splitlines()
    assert lines[:4] == ["python 3, numpy 2", "p, cores: 3", f"machine code in {place}", ""]
    assert run("check --json").json["machine"] == machine
