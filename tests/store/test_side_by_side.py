"""Results that are written several at once are as safe as others."""

import os
import pickle
import stat
import threading

import numpy as np
import pytest

from vaedyn.store import ResultStore, StoreError
from vaedyn.store.hdf5 import read

COUNT = 70  # more than may wait


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "store")


def keep(store, n):
    return store.load_or_run("toy", {"n": n}, lambda: ({"x": ((), 1.5 * n, {})}, {"n": n}))


def test_all_are_there_at_the_end_and_each_was_made_safe_first(store, monkeypatch):
    calls, sync, replace = {}, os.fsync, os.replace
    two, first = threading.Barrier(2, timeout=30), iter([True, True])

    def noted(what):
        calls.setdefault(threading.get_ident(), []).append(what)

    def synced(handle):
        noted("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        if next(first, False):
            two.wait()  # for another one at the same time
        sync(handle)

    def replaced(source, target):
        noted("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    with store.together():
        records = [keep(store, n) for n in range(COUNT)]
    assert threading.get_ident() not in calls
    for each in calls.values():
        assert each == ["file", "name", "folder"] * (len(each) // 3)
    assert sum(map(len, calls.values())) == 3 * COUNT
    assert {record.path for record in records} == {*store.files()}
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
