"""What is seen and asked at a terminal: progress bars, notes above them, questions, colours."""

import logging
import os
import pty
import re
from pathlib import Path

import pytest

from vaedyn.cli import main, output
from vaedyn.model import progress

FAST = "--dim 50 --lr 0.1 --t-max 20 --points 5"


class Terminal:
    """A pseudo-terminal: what is written to it can be read, what is typed comes before."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.file = open(os.dup(self.slave), "w", encoding="utf-8")  # noqa: SIM115

    def shown(self):
        """Return what has been written since this was last called."""
        self.file.flush()
        text = b""
        while True:
            try:
                text += os.read(self.master, 65536)
            except BlockingIOError:
                return text.decode().replace("\r\n", "\n")

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        self.file.close()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def terminal(monkeypatch):
    found = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield found
    found.close()


@pytest.fixture
def watched(monkeypatch, terminal):
    """Return a function that lets stderr be the terminal, and returns one that turns the clock.

    pytest puts a stderr of its own in place when a test begins.
    """
    now = [0.0]
    monkeypatch.setattr(progress, "clock", lambda: now[0])
    logger = logging.getLogger("vaedyn")
    monkeypatch.setattr(logger, "handlers", [main.Notes()])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", logging.INFO)

    def at(seconds):
        now[0] = seconds
        return terminal.shown()

    def begin():
        monkeypatch.setattr("sys.stderr", terminal.file)
        return at

    return begin


def plain(text):
    """Return what is drawn without colours, and without the bar itself."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return re.sub(r" +", " ", re.sub("[━╸╺]+", "#", text))


def test_a_bar_appears_after_a_second_with_share_and_pace(watched):
    at = watched()
    with output.progress_bar("train", "steps") as show:
        assert output.Lines.shown == []  # a bar says it all
        at(1.0)
        show(100, 400)
        assert at(1.5) == ""
        show(300, 400)
        main.Notes().emit(logging.LogRecord("", logging.WARNING, "", 0, "[red]%s", ("odd",), None))
        assert re.search(r"train # \d\d % .*\rwarning: \[red\]odd\ntrain #", plain(at(2.0)))
    ended = at(3.0)
    assert re.search(r"train # 75 % 200 steps/s [-\d]", plain(ended))
    assert ended.rstrip().endswith("\x1b[2K")  # and it is gone
    assert "\x1b[?25h" in ended  # the cursor is there again
    logging.getLogger("vaedyn.cli").info("a note")
    assert at(3.0) == "a note\n"
    assert main.Notes.above is None


def test_what_has_no_unit_has_no_pace(watched):
    at = watched()
    with output.progress_bar("theory", "") as show:
        at(5.0)
        show(0.25, 1)
    assert re.search(r"theory # 25 % +[-\d]", plain(at(5.0)))


def test_no_bar_is_drawn_of_what_has_ended_or_began_just_now(watched):
    at = watched()
    with output.progress_bar("train", "steps") as show:
        show(1, 4)
        at(2.0)
        show(4, 4)
    assert "train" not in at(2.0)


def stopped(at):
    with output.progress_bar("train", "steps") as show:
        at(2.0)
        show(1, 4)
        raise ZeroDivisionError


def test_a_bar_ends_with_what_it_is_for(watched):
    at = watched()
    with pytest.raises(ZeroDivisionError):
        stopped(at)
    assert main.Notes.above is None
    assert "\x1b[?25h" in at(2.0)


def test_a_command_at_a_terminal_says_no_lines_of_progress(run, watched, terminal, monkeypatch):
    watched()
    now = iter(range(0, 10**9, 61))
    monkeypatch.setattr(output, "clock", lambda: next(now))
    assert run(f"theory {FAST}").code == 0
    shown = [line for line in terminal.shown().splitlines() if not line.startswith("compiling")]
    assert len(shown) == 1
    assert shown[0].startswith("computed theory 794c5fc17fea in ")


@pytest.mark.parametrize(
    ("value", "head"), [(None, "\x1b[31m\x1b[1merror: \x1b[0m"), ("1", "error: "), ("", None)]
)
def test_errors_are_red_unless_colour_is_unwanted(run, terminal, monkeypatch, value, head):
    monkeypatch.setattr("sys.stderr", terminal.file)
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    assert run("theory --beta -1").code == 2
    head = "\x1b[31m\x1b[1merror: \x1b[0m" if head is None else head
    assert terminal.shown() == f"{head}--beta: must be >= 0, got -1\n"


# --- questions --------------------------------------------------------------------------


@pytest.fixture
def asked(run, terminal, monkeypatch):
    """Return a function that runs a command, with an answer typed at a terminal."""
    for words in ("--beta 1", "--beta 1.5"):
        run("theory", FAST, words)
    for path in Path("vaedyn-store").glob("convergence-*"):
        path.unlink()
    keys = " ".join(name.partition("-")[2][:12] for name in left())

    def call(words, answer):
        terminal.type(answer)
        with open(os.dup(terminal.slave), encoding="utf-8") as typed:
            monkeypatch.setattr("sys.stdin", typed)
            return run(words.replace("KEYS", keys))

    return call


def left():
    return sorted(path.name for path in Path("vaedyn-store").iterdir())


@pytest.mark.parametrize("answer", ["n\n", "\n", "N\n"])
def test_nothing_is_removed_without_a_yes(asked, answer):
    before = left()
    done = asked("store rm KEYS", answer)
    assert (done.code, done.out) == (1, "")
    lines = done.err.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == [f"vaedyn-store/{name}" for name in before]
    assert re.fullmatch(r" *\d\d\.\d kB  vaedyn-store/theory-[0-9a-f]{32}\.h5", lines[0])
    assert lines[0].index("vaedyn-store") == 10
    assert done.err.endswith("error: aborted, nothing changed\n")
    assert "remove 2 files? [y/N]:" in done.err
    assert left() == before


@pytest.mark.parametrize("words", ["store rm KEYS", "store prune --older-than 0s"])
def test_a_yes_removes_what_was_shown(asked, words):
    before = left()
    done = asked(words, "y\n")
    assert (done.code, done.out) == (0, "removed 2 files\n")
    assert all(name in done.err for name in before)
    assert left() == []


def test_with_yes_nobody_is_asked(asked):
    done = asked("store rm --yes KEYS", "n\n")
    assert (done.code, done.out) == (0, "removed 2 files\n")
    assert "remove 2 files?" not in done.err
    assert len(done.err.splitlines()) == 2
    assert asked("store prune", "n\n").out == "removed 0 files\n"


def test_a_question_without_an_answer_removes_nothing(asked):
    done = asked("store rm KEYS", "\x04")  # the end of what is typed
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("error: aborted, nothing changed\n")
    assert len(left()) == 2
