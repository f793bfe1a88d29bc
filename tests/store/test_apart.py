"""The limits of the process that reads files, and what its end says about a file."""

import math
import os
import signal
from types import SimpleNamespace

import pytest

from vaedyn.store import ResultStore, StoreError, apart
from vaedyn.store.apart import Reader, reader

posix = pytest.mark.skipif(os.name != "posix", reason="needs limits and signals")


@posix
@pytest.mark.parametrize("highest", [-1, 5000])
def test_a_file_may_take_some_seconds_and_three_times_its_size_and_128_mb(monkeypatch, highest):
    limits = {}
    made_up = SimpleNamespace(
        RLIMIT_CPU="time", RLIMIT_AS="memory", RLIM_INFINITY=-1, getpagesize=lambda: 4096,
        getrlimit=lambda _: (77, highest), setrlimit=limits.__setitem__,
    )  # fmt: skip
    monkeypatch.setattr(apart, "resource", made_up)
    monkeypatch.setattr(apart, "Path", lambda _: SimpleNamespace(read_text=lambda: "1000 1 2\n"))
    monkeypatch.setattr(apart, "time", SimpleNamespace(process_time=lambda: 3.25))
    apart._limit(10**9, 21)
    memory = 1000 * 4096 + 3 * 10**9 + (1 << 27)
    assert limits == {
        "time": (4 + 21, highest),
        "memory": (memory if highest < 0 else 5000, highest),
    }


@posix
def test_where_nobody_tells_how_much_memory_is_taken_the_time_is_limited(monkeypatch):
    limits = []

    def read_text(*_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(apart, "_set", lambda what, limit: limits.append((what, limit)))
    monkeypatch.setattr(apart, "Path", lambda _: SimpleNamespace(read_text=read_text))
    monkeypatch.setattr(apart, "time", SimpleNamespace(process_time=lambda: math.pi))
    apart._limit(10, 1)
    assert limits == [(apart.resource.RLIMIT_CPU, 5)]
    monkeypatch.setattr(apart, "resource", None)
    apart._limit(10, 1)
    assert len(limits) == 1


@posix
def test_the_end_of_the_process_is_the_fault_of_the_file_or_of_others():
    def said(code):
        error = apart._verdict(code)
        return type(error), str(error)

    crash = (ValueError, "reading it crashes or hangs")
    fatal = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
    for code in (*(-number for number in fatal), -signal.SIGTRAP, -signal.SIGSYS, 0, 1, 3):
        assert said(code) == crash
    assert said(-signal.SIGXCPU) == (ValueError, "reading it hangs")
    memory = "cannot read a file: Cannot allocate memory"
    assert said(77) == (StoreError, memory)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
        text = f"cannot read a file: the process that does it was ended by signal {number:d}"
        assert said(-number) == (StoreError, text)


def test_faults_are_told_by_their_first_line_or_their_kind(monkeypatch):
    for error, told in (
        (ValueError("first\nsecond"), "first"),
        (MemoryError(), "MemoryError"),
        (AttributeError(), "AttributeError"),
    ):

        def places_of(_, error=error):
            raise error

        monkeypatch.setattr(apart, "places_of", places_of)
        assert apart._answer(b"") == {"fault": told}
    monkeypatch.setattr(apart, "places_of", lambda content: ([content], {"a": "b"}))
    assert apart._answer(b"x") == {"places": [b"x"], "attributes": {"a": "b"}}


def test_one_process_reads_many_files_and_finds_in_them_what_hdf5_does(tmp_path):
    store = ResultStore(tmp_path)
    contents = [
        store.load_or_run("a", {"n": n}, lambda: ({"x": ((), 1.0, {"units": "m"})}, {}))
        .path.read_bytes()
        for n in (1, 2)
    ]  # fmt: skip
    reader.close()
    found = [reader.places_of(content) for content in contents]
    process = reader._process
    assert found == [apart.places_of(content) for content in contents]
    with pytest.raises(ValueError, match="file"):
        reader.places_of(b"no HDF5")
    assert reader.places_of(contents[0]) == found[0]
    assert reader._process is process  # a fault is no reason to start another
    assert process.poll() is None
    reader.close()
    assert process.poll() == -signal.SIGKILL
    assert (process.stdin.closed, process.stdout.closed, reader._process) == (True, True, None)
    reader.close()  # once is enough, but twice does no harm


def test_a_process_that_cannot_be_started_is_no_fault_of_the_file(monkeypatch):
    def popen(*_, **__):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(apart.subprocess, "Popen", popen)
    with pytest.raises(StoreError, match=r"^cannot start a process that reads a file: .*unavail"):
        Reader().places_of(b"")


def test_a_forked_process_has_a_reader_of_its_own():
    mine = Reader()
    mine._process = theirs = SimpleNamespace()
    lock = mine._lock
    lock.acquire()
    mine.forget()
    assert mine._process is not theirs
    assert mine._process is None
    assert not mine._lock.locked()
    lock.release()
