"""Results that are written several at once are as safe as others."""

import os
import pickle
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

from vaedyn.store import ResultStore, StoreError
from vaedyn.store.hdf5 import read
from vaedyn.store.side_by_side import WAITING

COUNT = WAITING + 6


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "store")


def keep(store, n):
    return store.load_or_run("toy", {"n": n}, lambda: ({"x": ((), 1.5 * n, {})}, {"n": n}))


def test_all_are_there_at_the_end_and_each_was_made_safe_first(store, monkeypatch):
    """What would be there after a power failure: names that the folder was asked to keep.

    This would miss a file system that loses what `fsync` was called for.
    """
    sync, replace, lock = os.fsync, os.replace, threading.Lock()
    safe, named, lasting, wrong, order = set(), set(), set(), [], []
    begun, written = threading.Event(), threading.Event()
    two = threading.Barrier(2, timeout=30)

    def state(status):
        return status.st_ino, status.st_size, status.st_mtime_ns

    def synced(handle):
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            before = set(named)
            sync(handle)
            order.append("folder")
            lasting.update(before)
            return
        with lock:
            order.append("file")
            count = order.count("file")
        if count == 1:
            begun.set()
            written.wait(30)
        elif count <= 3:
            two.wait()  # for another one at the same time
        sync(handle)
        safe.add(state(status))

    def replaced(source, target):
        if state(source.stat()) not in safe:
            wrong.append(target)
        replace(source, target)
        named.add(target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with store.together():
        records = [keep(store, 0)]
        assert begun.wait(30)  # so that all others come together
        records += [keep(store, n) for n in range(1, WAITING - 2)]
        assert not named
        written.set()
        records += [keep(store, n) for n in range(WAITING - 2, COUNT)]
    assert not wrong
    assert lasting == named == {record.path for record in records} == {*store.files()}
    assert order.count("file") == COUNT
    # the first one, all that had to wait for it, and at worst the others one by one
    assert order.count("folder") <= 2 + COUNT - (WAITING - 2)
    monkeypatch.undo()
    for n, record in enumerate(records):
        found = read(record.path)
        assert (found.x, found.params, found.info) == (1.5 * n, {"n": n}, {"n": n})
    assert keep(store, 3).reused
    assert not keep(store, COUNT).reused  # as before, afterwards
    assert len(store.files()) == COUNT + 1


@pytest.mark.parametrize("count", [1, 200])
def test_one_that_cannot_be_written_is_an_error(store, monkeypatch, count):
    def full(*_):
        raise OSError(28, "No space left on device")

    keep(store, -1)
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="No space left"), store.together():  # noqa: PT012
        for n in range(count):
            keep(store, n)
    assert len(list(store.path.iterdir())) == 1
    monkeypatch.undo()
    keep(store, 5)  # at once again
    assert len(store.files()) == 2


def test_what_has_begun_is_finished_when_the_work_ends_early(store):
    with pytest.raises(KeyboardInterrupt), store.together():  # noqa: PT012
        for n in range(20):
            keep(store, n)
        raise KeyboardInterrupt
    assert len(store.files()) == 20
    assert all(read(path) for path in store.files())


def test_a_growing_record_is_there_when_shorter_ones_are_removed(store):
    def runs(first):
        for n in range(first, first + 2):
            yield {"x": (("run",), np.array([float(n)]), {})}, {}

    with store.together():
        for length in (2, 4):
            record = store.load_or_extend("toy", {"n": 1}, runs, length, "run")
            assert store.files() == [record.path]


def test_contexts_in_one_another_and_copies(store):
    with store.together(), store.together():
        keep(store, 1)
    copy = pickle.loads(pickle.dumps(store))
    with copy.together():
        keep(copy, 2)
    assert len(store.files()) == 2


def test_what_another_process_took_for_a_leftover_is_written_again(store, monkeypatch):
    replace, taken = os.replace, []

    def replaced(source, target):
        if len(taken) < 3:
            taken.append(target)
            source.unlink()
        replace(source, target)

    monkeypatch.setattr(os, "replace", replaced)
    with store.together():
        records = [keep(store, n) for n in range(9)]
    assert taken
    assert {record.path for record in records} == {*store.files()}
    assert len(list(store.path.iterdir())) == 9


def test_where_no_thread_can_be_started_nobody_waits_for_ever(store, monkeypatch):
    def no_thread(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", no_thread)
    with pytest.raises(StoreError, match="write .*start new thread"), store.together():  # noqa: PT012
        for n in range(3 * WAITING):
            keep(store, n)
    assert list(store.path.iterdir()) == []
    monkeypatch.undo()
    keep(store, 5)
    assert len(store.files()) == 1


LEFT = """
import sys
from vaedyn.store import ResultStore
entered = ResultStore(sys.argv[1]).together()
entered.__enter__()
"""


def test_a_process_ends_where_an_interrupt_came_on_the_way_into_the_context(tmp_path):
    """Then nobody leaves it."""
    command = [sys.executable, "-c", LEFT, str(tmp_path)]
    assert subprocess.run(command, timeout=120, check=True).returncode == 0
