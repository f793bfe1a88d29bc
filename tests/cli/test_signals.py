"""Signals that get lost, and standard streams that are closed, full or of another alphabet."""

import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import weakref

import pytest

from vaedyn.cli import main as cli
from vaedyn.cli import streams
from vaedyn.cli.output import table
from vaedyn.cli.streams import LONGEST, one_line

FAST = "theory --dim 50 --t-max 20 --points 3"


class Thing:
    """Something whose end is watched."""


def swallowed(number):
    """Send a signal while Python can only swallow what its handler raises."""
    thing = Thing()
    watch = weakref.ref(thing, lambda _: signal.raise_signal(number))
    del thing
    assert watch() is None


def slowly(hook):
    def call(swallowed):
        time.sleep(0.3)
        hook(swallowed)

    return call


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize(
    ("number", "code", "text"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_that_python_swallows_comes_again(run, monkeypatch, number, code, text, slow):
    """What a handler raises in the callback of a weak reference goes no further."""
    lock, freed = threading.Lock(), threading.Event()

    def free():
        freed.set()
        lock.release()

    late = threading.Timer(20, free)

    def blocked(**_):
        if slow:
            sys.unraisablehook = slowly(sys.unraisablehook)
        lock.acquire()
        late.start()
        swallowed(number)
        lock.acquire()

    monkeypatch.setattr(cli.command, "main", blocked)
    done = run("theory")
    late.cancel()
    assert not freed.is_set()
    assert (done.code, done.out, done.err) == (code, "", f"error: {text}\n")


def test_what_a_signal_makes_us_save_is_not_stopped_by_its_echo(run, monkeypatch):
    kept = []

    def saving(**_):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            for _ in range(5):
                time.sleep(0.1)
            kept.append("all")

    monkeypatch.setattr(cli.command, "main", saving)
    assert run("theory").code == 143
    assert kept == ["all"]


def test_a_second_signal_stops_even_that(run, monkeypatch):
    kept = []

    def saving(**_):
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            kept.append("all")

    monkeypatch.setattr(cli.command, "main", saving)
    done = run("theory")
    assert (done.code, done.err) == (130, "error: interrupted\n")
    assert kept == []


# a lock of the operating system, taken twice: nothing that Python does ends the wait
DEAF = """
import ctypes, os, signal, threading
from vaedyn.cli import main, signals

def deaf(**_):
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
    lock = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.CDLL(None).pthread_mutex_lock(lock)

signals.DEAF = 0.3
main.command.main = deaf
main.main()
"""


def test_a_signal_ends_compiled_code_that_hears_nothing():
    process = subprocess.run(
        [sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=30, check=False
    )
    assert (process.returncode, process.stderr) == (143, "error: terminated\n")


# the same kind of wait, for a second, while what is finished is saved
SLOW_DISK = """
import ctypes, os, signal, threading, time
from vaedyn.cli import main, signals

def saving(**_):
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
    try:
        time.sleep(20)
    finally:
        ctypes.PyDLL(None).usleep(900_000)
        print("saved")

signals.DEAF = 0.3
main.command.main = saving
main.main()
"""


def test_what_is_being_saved_is_waited_for_longer():
    process = subprocess.run(
        [sys.executable, "-c", SLOW_DISK], capture_output=True, text=True, timeout=30, check=False
    )
    assert (process.returncode, process.stdout) == (143, "saved\n")


def shell(words, **environment):
    """Run a command line with redirections; return the exit code, stdout and stderr."""
    command = words.replace("vaedyn", f"{sys.executable} -m vaedyn", 1)
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run(["sh", "-c", command], capture_output=True, env=environment, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize(
    ("streams", "code", "out"),
    [
        ("2>&-", 0, True),
        ("2>/dev/full", 0, True),
        ("<&-", 0, True),
        (">&- 2>&- <&-", 0, False),
        (">/dev/full", 1, False),
    ],
)
def test_a_stream_that_cannot_be_used_costs_what_goes_there(run, streams, code, out):
    expected = run(FAST).out
    full = "error: cannot write the output: No space left on device"
    for buffered in ("", "1"):
        found = shell(f"vaedyn {FAST} {streams}", PYTHONUNBUFFERED=buffered)
        assert found[:2] == (code, expected if out else "")
        assert [line for line in found[2].splitlines() if line[:6] != "reused"] == [full] * code


def test_an_error_has_its_code_though_nobody_can_read_it():
    assert shell("vaedyn theory --eta -1 2>&-") == (2, "", "")
    assert shell("vaedyn theory --eta -1 2>/dev/full") == (2, "", "")


def test_notes_that_nobody_reads_stop_nothing(run, tmp_path):
    """The reader of stderr has gone, which is no reason not to compute."""
    expected = run(FAST).out
    words = f"vaedyn {FAST} 2>&1 >out.txt | true; cat out.txt"
    assert shell(words)[:2] == (0, expected)


def test_a_question_to_nobody_is_wrong_usage(run, tmp_path):
    run(FAST)
    (path,) = (tmp_path / "vaedyn-store").glob("theory-*")
    code, out, err = shell(f"vaedyn store rm {path.name[7:17]} <&-")
    assert (code, out) == (2, "")
    assert "no terminal to ask on: give --yes" in err
    assert path.exists()


@pytest.mark.parametrize(
    ("encoding", "drawn"),
    [("utf-8", "─"), ("cp437", "─"), ("latin1", "-"), ("cp1252", "-"), ("ascii", "-")],
)
def test_a_table_is_ruled_in_characters_that_are_there(monkeypatch, encoding, drawn):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    streams.prepare()
    table(["name", "x"], [["b", "1"]])
    stream.flush()
    assert stream.buffer.getvalue().decode(encoding) == f"name   x\n{8 * drawn}\nb      1\n"


def test_what_an_alphabet_lacks_is_spelled(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin1")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    streams.prepare()
    print("é \u2500 \u03b2", os.fsdecode(b"\xff.pdf"), flush=True)
    assert stream.buffer.getvalue() == b"\xe9 - \\u03b2 \xff.pdf\n"


LONG = {
    "digits": ("theory", "--eta", "1" * 5000),
    "word": ("theory", "--anneal", "linear:" + "x" * 5000),
    "words": ("theory", "--anneal", "1 " * 5000),
    "command": ("x" * 5000,),
    "option": ("theory", "--" + "x" * 5000),
    "json": ("theory", "--init", "{" * 5000),
    "choice": ("simulate", "--engine", "x" * 5000),
    "grid": ("sweep", "theory", "--vary", "beta=" + "1,x" * 5000),
    "key": ("store", "show", "7" * 5000),
    "filter": ("store", "list", "a" * 5000),
}


@pytest.mark.parametrize("words", LONG.values(), ids=LONG.keys())
def test_a_monstrous_value_is_not_echoed_whole(run, words):
    done = run.words(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert len(done.err) < 1.2 * LONGEST


def test_a_message_stays_on_its_line_and_keeps_what_is_short():
    assert one_line("no folder 'a/b c'") == "no folder 'a/b c'"
    assert one_line("a\nb\x1b[31m\udcff") == "a b\\x1b[31m\\udcff"
    word = one_line(f"got {'1' * 100}{'2' * 5000}{'3' * 50} (too large)")
    assert word == f"got {'1' * 100}...[5150 characters]...{'3' * 50} (too large)"
    assert one_line("ab " * 100) == "ab " * 100


# waits, below a progress bar, for what nothing but a signal ends; the first one is swallowed
BELOW_A_BAR = """
import signal, threading, time, weakref
from vaedyn.cli import main, output

class Thing:
    pass

def blocked(**_):
    with output.progress_bar("wait", "steps") as progress:
        thing = Thing()
        watch = weakref.ref(thing, lambda _: (print("ready", flush=True), time.sleep(60)))
        time.sleep(1.1)
        progress(1, 2)
        del thing
        threading.Event().wait(60)
    print("not interrupted")

main.command.main = blocked
main.main()
"""


@pytest.mark.parametrize("encoding", ["utf-8", "latin1"])
def test_ctrl_c_at_a_terminal_ends_what_waits_below_a_bar(encoding):
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "TERM": "xterm"}
        os.execve(sys.executable, [sys.executable, "-c", BELOW_A_BAR], environment)
    shown, asked = b"", False
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if b"ready" in shown and not asked:  # once: a second time would stop the tidying, too
            asked = True
            os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"interrupted" in shown.splitlines()[-1]
    assert b"not interrupted" not in shown
    assert b"Traceback" not in shown
    assert b"\x1b[?25h" in shown  # the cursor is there again
