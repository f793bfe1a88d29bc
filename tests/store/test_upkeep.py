"""What happens around records: how they get onto the disk, and what is tidied up."""

import os
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.shared.damage import of_schema
from vaedyn.store import ResultStore, StoreError, hdf5, temporary, upkeep
from vaedyn.store.skeleton import skeleton
from vaedyn.store.temporary import hold, leftovers, temporary_path

HOUR = 3600.0


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "store")


def toy(store, **params):
    return store.load_or_run("toy", params, lambda: ({"x": ((), 1.0, {})}, {}))


# --- writing ----------------------------------------------------------------------------


def test_the_disk_has_a_record_before_it_gets_its_name_and_then_has_the_name(store, monkeypatch):
    calls, sync, replace = [], os.fsync, os.replace

    def synced(handle):
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        calls.append("folder" if folder else f"file of {os.fstat(handle).st_size} bytes")
        sync(handle)

    def replaced(source, target):
        calls.append("name")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    path = toy(store).path
    assert calls == [f"file of {path.stat().st_size} bytes", "name", "folder"]


def test_a_folder_that_cannot_be_synchronised_stops_nobody(store, monkeypatch):
    sync = os.fsync

    def synced(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(22, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    assert toy(store).path.exists()


def test_handles_of_folders_are_given_back(store):
    toy(store, n=1)
    before = len(list(Path("/dev/fd").iterdir()))
    for n in range(2, 6):
        toy(store, n=n)
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_writer_shows_that_it_writes_as_long_as_it_does(store, monkeypatch):
    real, found = hdf5.write_into, []

    def write_into(file, record, **options):
        real(file, record, **options)
        found.append((Path(file.name).exists(), leftovers(store.path)))

    monkeypatch.setattr(hdf5, "write_into", write_into)
    toy(store)
    assert found == [(True, [])]


def test_a_file_that_is_taken_away_again_and_again_is_an_error(store, monkeypatch):
    tried = []

    def replace(source, target):
        tried.append(source)
        source.unlink()
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(hdf5.os, "replace", replace)
    with pytest.raises(StoreError, match=r"cannot write .*toy-.*: No such file or directory"):
        toy(store)
    assert len(set(tried)) == 3
    assert list(store.path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "why"),
    [(RuntimeError("Can't write (lost)"), r"Can't write \(lost\)"), (OSError("odd\nand"), "odd")],
)
def test_what_hdf5_has_against_writing_is_one_line(store, monkeypatch, error, why):
    tried = []

    def write_into(*_, **__):
        tried.append(1)
        raise error

    monkeypatch.setattr(hdf5, "write_into", write_into)
    with pytest.raises(StoreError, match=rf"cannot write .*\.h5: {why}$"):
        toy(store)
    assert len(tried) == 1
    assert list(store.path.iterdir()) == []


def test_a_time_that_is_no_number_is_not_written(store):
    store.path.mkdir()
    with pytest.raises(ValueError, match="Out of range float"):
        store.write("toy", {}, ({"x": ((), 1.0, {})}, {}), float("nan"))
    assert list(store.path.iterdir()) == []


@pytest.mark.parametrize("dims", [(), ("i",), ("i", "j", "k")])
def test_a_variable_has_a_dimension_for_every_axis(store, dims):
    variables = {"x": (dims, np.zeros((3, 2)), {})}
    with pytest.raises(ValueError, match=r"x has shape \(3, 2\) but dimensions \("):
        store.load_or_run("toy", {}, lambda: (variables, {}))
    assert list(store.path.iterdir()) == []


def test_skeletons_of_one_layout_are_made_once():
    layout = (("x", ("i",), (3,), "<f8", ()),)
    assert skeleton(layout, 512, room=True) is skeleton(layout, 512, room=True)


# --- names of unfinished files ----------------------------------------------------------


@pytest.fixture
def anew():
    """Forget what this machine is called, before and afterwards."""
    temporary._machine.cache_clear()
    yield
    temporary._machine.cache_clear()


def test_a_machine_that_has_no_number_goes_by_its_name(tmp_path, monkeypatch, anew):
    def read_text(_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(socket, "gethostname", lambda: "a.host")
    path = temporary_path(tmp_path / "a-1.h5")
    assert path.parent == tmp_path
    assert path.name.startswith(f".a-1.h5.a.host~{os.getpid()}~")
    path.touch()
    assert leftovers(tmp_path) == [path]
    with open(path, "rb+") as file:
        hold(file)
        assert leftovers(tmp_path) == []


def test_no_two_unfinished_files_share_a_name(tmp_path):
    assert len({temporary_path(tmp_path / "a-1.h5") for _ in range(20)}) == 20


@pytest.mark.parametrize("why", ["another machine", "no locks here", "no locks on the disk"])
def test_without_locks_an_unfinished_file_is_left_over_after_a_day(tmp_path, monkeypatch, why):
    path = temporary_path(tmp_path / "a-1.h5")
    if why == "another machine":
        path = path.with_name(".a-1.h5.farhost~12~ab.tmp")
    elif why == "no locks here":
        monkeypatch.setattr(temporary, "fcntl", None)
    else:

        def flock(*_):
            raise OSError(37, "No locks available")

        monkeypatch.setattr(temporary.fcntl, "flock", flock)
    with open(path, "xb") as file:
        hold(file)
    written = path.stat().st_mtime
    for hours, old in ((0, False), (23.9, False), (24, False), (24.1, True)):
        now = written + hours * HOUR
        monkeypatch.setattr(temporary, "time", SimpleNamespace(time=lambda now=now: now))
        assert leftovers(tmp_path) == [path] * old


def test_a_held_file_is_not_left_over_however_old_it_is(tmp_path):
    path = temporary_path(tmp_path / "a-1.h5")
    with open(path, "xb") as file:
        hold(file)
        os.utime(path, (0, 0))
        assert leftovers(tmp_path) == []
    assert leftovers(tmp_path) == [path]


def test_what_has_gone_need_not_be_removed(tmp_path):
    assert temporary.discard(tmp_path / "none")
    assert not temporary.discard(tmp_path)  # a folder


def test_an_unfinished_file_that_has_gone_is_not_left_over(tmp_path):
    path = temporary_path(tmp_path / "a-1.h5")
    assert not temporary._abandoned(path)


def test_what_is_left_over_is_removed_once_before_the_first_result_is_kept(store):
    store.path.mkdir()
    names = [temporary_path(store.path / name) for name in ("a-1.h5", "probe", "b-2.h5")]
    for path in names[:2]:
        path.touch()
    toy(store, n=1)
    assert [path.exists() for path in names] == [False, False, False]
    names[2].touch()
    toy(store, n=2)
    assert names[2].exists()  # the folder is looked through once
    toy(ResultStore(store.path), n=2)
    assert names[2].exists()  # and not where nothing is kept
    toy(ResultStore(store.path), n=3)
    assert not names[2].exists()


def test_folders_are_made_when_the_first_result_is_kept(tmp_path, monkeypatch):
    store = ResultStore(tmp_path / "deep" / "down")
    touched, real = [], Path.touch

    def touch(path):
        real(path)
        touched.append(path)
        path.unlink()  # by somebody who took it for a leftover

    monkeypatch.setattr(Path, "touch", touch)
    assert toy(store).path.exists()
    assert [path.parent for path in touched] == [store.path]


# --- prune ------------------------------------------------------------------------------


def test_records_that_are_older_are_unwanted_and_those_as_old_are_not(store, monkeypatch):
    paths = [toy(store, n=n).path for n in range(3)]
    for path, age in zip(paths, (50.0, 60.0, 70.0), strict=True):
        os.utime(path, (9000.0 - age,) * 2)
    monkeypatch.setattr(upkeep, "time", SimpleNamespace(time=lambda: 9000.0))
    assert upkeep.unwanted(store, older_than=60.0) == paths[2:]
    assert upkeep.unwanted(store, older_than=0.0) == sorted(paths)
    assert upkeep.unwanted(store) == []


def test_files_that_go_while_they_are_looked_at_are_not_unwanted(store, monkeypatch):
    kept, gone = (toy(store, n=n).path for n in (1, 2))
    other, damaged = of_schema(kept, 9), of_schema(kept, 8)
    damaged.write_bytes(b"damaged")
    listed = store.files()
    gone.unlink()
    monkeypatch.setattr(store, "files", lambda: listed)
    for path in (kept, other, damaged):
        os.utime(path, (0, 0))
    assert upkeep.unwanted(store, older_than=HOUR) == sorted([kept, other, damaged])
    assert upkeep.unwanted(store, other_schemas=True) == [other]


def test_of_growing_records_the_longest_good_one_is_wanted(store):
    values = {"x": (("i",), np.zeros(20), {})}
    store.path.mkdir()
    short, middle, long = (store.write("grown", {}, (values, {}), 1.0, n).path for n in (3, 12, 20))
    assert upkeep.unwanted(store) == sorted([short, middle])
    long.write_bytes(b"damaged")
    assert upkeep.unwanted(store) == [short]
    middle.unlink()
    assert upkeep.unwanted(store) == []
    short.with_name(short.name.replace("-3.h5", ".h5")).write_bytes(short.read_bytes())
    assert upkeep.unwanted(store) == []  # that one does not grow
    other = store.write("grown", {"n": 2}, (values, {}), 1.0, 4).path
    assert upkeep.unwanted(store) == []
    assert other.exists()


def test_what_cannot_be_removed_is_named_and_does_not_stop_the_rest(store):
    first, last = (toy(store, n=n).path for n in (1, 2))
    folder = store.path / "toy.h5.damaged-1"
    folder.mkdir()
    (finding,) = upkeep.remove([first, folder, last])
    assert finding.path == folder
    assert finding.problem == f"cannot remove {folder}: Is a directory"
    assert store.files() == []


def test_a_record_that_grows_while_it_is_verified_is_no_problem(store, monkeypatch):
    values = {"x": (("i",), np.zeros(20), {})}
    store.path.mkdir()
    short, alone = (store.write("grown", {"n": n}, (values, {}), 1.0, 3).path for n in (1, 2))
    listed = store.files()
    store.write("grown", {"n": 1}, (values, {}), 1.0, 12)
    short.unlink()
    alone.unlink()
    real = store.files
    monkeypatch.setattr(
        store, "files", lambda: (monkeypatch.setattr(store, "files", real), listed)[1]
    )
    (finding,) = upkeep.verify(store)
    assert finding == upkeep.Finding(alone, f"{alone} has gone since it was listed")
