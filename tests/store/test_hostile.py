"""Stores that hold what no store should: odd labels, pipes, links, folders, full disks."""

import hashlib
import json
import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from tests.shared.damage import without_seal
from vaedyn.store import DamagedRecordError, ResultStore, StoreError, apart, hdf5, shortcut, upkeep
from vaedyn.store.catalogue import parse_filter
from vaedyn.store.seal import SIGNATURE, sealed
from vaedyn.store.seal import seal as seal_of

posix = pytest.mark.skipif(os.name != "posix", reason="needs pipes and links as files")


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "vaedyn-store")


def toy(store, n=1):
    return store.load_or_run("toy", {"n": n}, lambda: ({"x": ((), 1.0, {})}, {}))


def relabel(path, **changes):
    """Change a label by hand, at its length."""
    content = path.read_bytes()
    block = content.index(SIGNATURE)
    line, _, rest = content[:block].partition(b"\n")
    label = json.loads(line)
    for name, value in changes.items():
        label[name] = "@" if isinstance(value, str) else value
    text = json.dumps(label)
    for value in changes.values():
        text = text.replace('"@"', value, 1) if isinstance(value, str) else text
    head = (text.encode() + b"\n" + rest.rstrip(b"\0")).ljust(block, b"\0")
    path.write_bytes(head + content[block:])


# --- labels -----------------------------------------------------------------------------

LABELS = {
    "info deep": {"info": '{"a": ' + "[" * 1000 + "]" * 1000 + "}"},
    "info rather deep": {"info": '{"a": ' + "[" * 150 + "]" * 150 + "}"},
    "info null": {"info": None},
    "info list": {"info": [1]},
    "info NaN": {"info": '{"a": NaN}'},
    "info infinite": {"info": '{"a": 1e999}'},
    "no times": {"provenance": {}},
    "not created": {"provenance": {"seconds": 1}},
    "no seconds": {"provenance": {"created": "2026-01-01T00:00:00+00:00"}},
    "created nowhere": {"provenance": {"created": "2026-01-01T00:00:00", "seconds": 1}},
    "seconds negative": {"provenance": {"created": "2026-01-01T00:00:00+00:00", "seconds": -1}},
    "seconds true": {"provenance": {"created": "2026-01-01T00:00:00+00:00", "seconds": True}},
    "seconds vast": {"provenance": {"created": "2026-01-01T00:00:00+00:00", "seconds": 1e300}},
    "provenance list": {"provenance": ["created", "seconds"]},
    "created yesterday": {"provenance": {"created": "yesterday", "seconds": 1}},
    "created number": {"provenance": {"created": 5, "seconds": 1}},
    "seconds text": {"provenance": {"created": "2026-01-01T00:00:00+00:00", "seconds": "1"}},
    "seconds NaN": {"provenance": '{"created": "2026-01-01T00:00:00+00:00", "seconds": NaN}'},
    "seconds huge": {"provenance": {"created": "2026-01-01T00:00:00+00:00", "seconds": 10**400}},
    "kind list": {"kind": ["toy"]},
    "params null": {"params": None},
    "schema null": {"schema": None},
    "one more": {"more": 1},
}


@pytest.mark.parametrize("changes", LABELS.values(), ids=LABELS)
def test_a_label_that_is_none_stops_no_command_and_can_be_removed(run, store, changes):
    good, bad = toy(store, 1), toy(store, 2)
    relabel(bad.path, **changes)
    listed = run("store list --json")
    assert [record["key"] for record in listed.json["records"]] == [good.key]
    assert f"{bad.path.name} is damaged" in listed.err
    assert len(run("store list").out.splitlines()) == 3
    shown = run("store show", bad.key)
    assert (shown.code, shown.out, shown.err.count("\n")) == (1, "", 1)
    assert "damaged" in shown.err
    assert run("store verify").code == 1
    assert run("store prune --yes --older-than 1d --other-schemas --json").json["removed"] == []
    removed = run("store rm --yes --json", bad.key[:8]).json["removed"]
    assert removed == [f"vaedyn-store/{bad.path.name}"]
    assert run("store verify").code == 0


def test_a_damaged_record_is_removed_by_the_name_of_its_file(run, store):
    good, bad = toy(store, 1), toy(store, 2)
    bad.path.write_bytes(b"")
    assert run("store rm --yes", bad.path.name).code == 0
    assert store.files() == [good.path]
    assert run("store rm --yes toy-").code == 0
    assert store.files() == []


def test_what_a_listing_could_not_read_is_refused_before_it_is_computed(store):
    deep = 1
    for _ in range(101):
        deep = [deep]
    with pytest.raises(ValueError, match="more than 100 deep"):
        store.load_or_run("toy", {"a": deep}, lambda: pytest.fail("computed"))


@pytest.mark.parametrize("text", ["[" * 2000, "[" * 150 + "]" * 150, "9" * 5000, "1e999"])
def test_values_of_filters_that_are_no_numbers_are_text(run, store, text):
    toy(store)
    assert parse_filter(f"n={text}").value == text
    done = run("store list", f"n={text}")
    assert (done.code, done.err.count("\n")) == (2, 1)


# --- what is no file --------------------------------------------------------------------


def make_folder(path):
    path.mkdir()


def make_pipe(path):
    os.mkfifo(path)


def make_dangling_link(path):
    path.symlink_to("nowhere")


def make_link_to_endless_zeros(path):
    path.symlink_to("/dev/zero")


def make_link_to_folder(path):
    path.symlink_to("/")


MAKERS = [value for name, value in sorted(globals().items()) if name.startswith("make_")]


@posix
@pytest.mark.parametrize("make", MAKERS)
def test_what_is_no_file_hangs_no_command(run, store, make):
    good, bad = toy(store, 1), toy(store, 2)
    bad.path.unlink()
    make(bad.path)
    listed = run("store list --json")
    assert [record["key"] for record in listed.json["records"]] == [good.key]
    assert listed.err.count("\n") == 1
    for command in ("show", "path", "export"):
        done = run(f"store {command}", bad.key)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
        assert f"{bad.path.name} is damaged: it is " in done.err
    verified = run("store verify")
    assert (verified.code, verified.out.count("\n")) == (1, 2)
    assert run("store prune --yes --older-than 1d --json").json["removed"] == []
    assert not toy(store, 2).reused  # set aside
    assert toy(store, 2).reused
    (aside,) = store.path.glob("*.damaged-*")
    pruned = run("store prune --yes --damaged --json")
    assert pruned.code == (1 if aside.is_dir() and not aside.is_symlink() else 0)
    assert pruned.err.count("cannot remove") == pruned.code


@posix
def test_a_file_that_is_mostly_holes_is_not_read_whole(store, monkeypatch):
    path = toy(store).path
    os.truncate(path, 1 << 40)
    monkeypatch.setattr(hdf5, "_is_sealed", lambda _: False)  # which would take hours
    with pytest.raises(DamagedRecordError, match="mostly holes"):
        hdf5.read(path)
    path.write_bytes(b"")
    os.truncate(path, 1 << 40)
    with pytest.raises(DamagedRecordError, match="no label"):
        hdf5.read(path)


@pytest.mark.parametrize("more", [0, 1])
def test_a_file_twice_its_place_on_the_disk_and_128_mb_is_mostly_holes(store, monkeypatch, more):
    path, real, blocks = toy(store).path, os.fstat, 5000

    def fstat(handle):
        size = (1 << 27) + 2 * 512 * blocks + more
        return SimpleNamespace(st_mode=real(handle).st_mode, st_size=size, st_blocks=blocks)

    monkeypatch.setattr(hdf5, "_is_sealed", lambda _: False)
    monkeypatch.setattr(hdf5, "os", SimpleNamespace(**{**vars(os), "fstat": fstat}))
    if more:
        with pytest.raises(DamagedRecordError, match="mostly holes"):
            hdf5.read(path)
        monkeypatch.setattr(hdf5, "_is_sealed", lambda _: True)
    assert hdf5.read(path).x == 1.0


def test_a_large_file_is_sealed_or_not_whether_it_is_read_in_parts_or_whole(store, monkeypatch):
    path = toy(store).path
    monkeypatch.setattr(hdf5, "LONGEST_LABEL", 1000)  # the rest is read in parts
    assert hdf5._is_sealed(path)
    path.write_bytes(path.read_bytes() + b"\0")
    assert not hdf5._is_sealed(path)


# --- HDF5 that crashes, hangs or starves ------------------------------------------------


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(shortcut, "_known", {})


def empty_cells(store, *, seal):
    """Return a record that says it has 10^9 numbers, of which none is there."""
    path = toy(store).path
    content = path.read_bytes()
    block = content.index(SIGNATURE)
    with h5py.File(path, "r+") as file:
        old = dict(file["x"].attrs)
        del file["x"]
        file.create_dataset("x", (10**9,), "f8", chunks=(1000,)).attrs.update(old)
        file["x"].make_scale("x")
    body = path.read_bytes()[block:]
    head = without_seal(content)[:block]
    if seal:
        line = head.partition(b"\n")[0] + b"\n"
        head = (line + seal_of(hashlib.sha256(body))).ljust(block, b"\0")
    path.write_bytes(head + body)
    return path


@pytest.mark.parametrize("seal", [True, False])
def test_sizes_are_checked_before_memory_is_taken(run, store, seal):
    path = empty_cells(store, seal=seal)
    assert bool(sealed(path.read_bytes())) == seal
    for take in (hdf5.read, lambda path: hdf5.read(path, apart=True)):
        with pytest.raises(DamagedRecordError, match="x does not hold numbers in one piece"):
            take(path)
    assert not toy(store).reused


def test_variables_that_share_their_place_are_not_copied_without_end():
    content, place = bytes(800), ("x", ("i",), (100,), "<f8", (), 0)
    assert shortcut.arrays(content, [place])["x"][1].nbytes == 800
    with pytest.raises(ValueError, match="larger than the file"):
        shortcut.arrays(content, [place, ("y", *place[1:])])


DEATHS = {
    "crash": ("os.abort()", "is damaged: reading it crashes"),
    "endless loop": (
        "os.kill(os.getpid(), 24)",  # as its limit of time does
        "is damaged: reading it hangs",
    ),
    "greed": ("bytearray(10**10)", "is damaged: reading it crashes"),
    "nonsense": ("os.write(1, b'nonsense' + bytes([10]))", "is damaged: Expecting value"),
    "killed by others": ("os.kill(os.getpid(), 15)", "was ended by signal 15"),
    "no memory": ("os._exit(77)", "cannot read a file: Cannot allocate memory"),
}


@posix
@pytest.mark.parametrize(("code", "message"), DEATHS.values(), ids=DEATHS)
def test_the_death_of_the_reading_process_is_a_finding(store, monkeypatch, code, message):
    path = toy(store, 1).path
    start = (
        "import os, sys; from vaedyn.store.apart import _limit; "
        "os.write(1, b'ready' + bytes([10])); _limit(int(sys.stdin.buffer.readline()), 1); "
    )
    monkeypatch.setattr(apart, "START", start + code)
    apart.reader.close()
    (finding,) = upkeep.verify(store)
    assert message in finding.problem
    path.write_bytes(without_seal(path.read_bytes()))
    if "is damaged" in message:
        assert not toy(store, 1).reused
    else:  # it says nothing about the file, which stays where it is
        with pytest.raises(StoreError, match=message):
            toy(store, 1)
        assert path.exists()
    apart.reader.close()


WAITS = """
import time
from vaedyn.store import apart
apart.PATIENCE = 0.01
apart._answer = lambda _: time.sleep(20)  # for something else than the processor
apart.serve()
"""


def test_a_process_that_waits_without_end_is_ended(store, monkeypatch):
    toy(store)
    apart.reader.close()
    monkeypatch.setattr(apart, "START", WAITS)
    (finding,) = upkeep.verify(store)
    assert finding.problem.endswith("is damaged: reading it crashes or hangs")
    apart.reader.close()


def test_a_process_that_does_not_start_damages_no_file(store, monkeypatch):
    path = toy(store).path
    path.write_bytes(without_seal(path.read_bytes()))
    apart.reader.close()
    monkeypatch.setattr(apart, "START", "import nothing_of_this_name")
    with pytest.raises(StoreError, match="does not start"):
        toy(store)
    monkeypatch.undo()
    assert toy(store).reused


ORPHAN = """
import os, sys
from vaedyn.store import apart
apart.START = (
    "import os, sys; from vaedyn.store.apart import _limit; os.write(1, b'ready' + bytes([10])); "
    "_limit(int(sys.stdin.buffer.readline()), 0); "
    "os.write(2, b'reading')\\nwhile True: pass"
)
apart.subprocess.DEVNULL = None
apart.reader.places_of(b"x")
"""


@posix
def test_a_reading_process_that_hangs_ends_soon_after_its_parent_is_killed():
    command = [sys.executable, "-c", ORPHAN]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as parent:
        assert os.read(parent.stderr.fileno(), 20) == b"reading"
        parent.kill()
        assert parent.stderr.read() == b""  # the child holds it open, and ends with it


# --- verify -----------------------------------------------------------------------------

TERMINATED = """
import sys
from vaedyn.store import apart
apart.START = (
    "import os, sys; from vaedyn.store.apart import _limit; os.write(1, b'ready' + bytes([10])); "
    "_limit(int(sys.stdin.buffer.readline()), 9); "
    "os.kill(os.getppid(), 15)\\nwhile True: pass"
)
from vaedyn.cli.main import main
sys.argv = ["vaedyn", "store", "verify"]
main()
"""


@posix
def test_a_termination_while_a_file_hangs_is_one_line(store, tmp_path):
    toy(store)
    command = [sys.executable, "-c", TERMINATED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "error: terminated\n")


@posix
@pytest.mark.parametrize("name", ["two\nlines", "fu\udcffnny", "ü"])
def test_names_of_stores_may_be_anything(run, tmp_path, name):
    store = ResultStore(tmp_path / name)
    good, bad = toy(store, 1), toy(store, 2)
    bad.path.write_bytes(bad.path.read_bytes()[:-1])

    def vaedyn(*words):
        return run.words("store", *words, "--store", str(store.path))

    verified = vaedyn("verify")
    assert (verified.code, verified.err) == (1, "")
    assert "1 of 2 files are good" in verified.out
    assert vaedyn("show", good.key).code == 0
    assert vaedyn("rm", "--yes", bad.key).out == "removed 1 file\n"


@posix
def test_a_path_that_is_no_text_is_printed_as_it_is(tmp_path):
    good = toy(ResultStore(tmp_path / "fu\udcffnny"))
    command = [sys.executable, "-m", "vaedyn", "store", "path", good.key, "--store"]
    done = subprocess.run(
        [*command, os.fsencode(good.path.parent)], capture_output=True, check=True
    )
    assert done.stdout == os.fsencode(good.path) + b"\n"


def test_a_file_that_has_gone_is_no_good_one(store, monkeypatch):
    paths = [toy(store, n).path for n in (1, 2)]
    listed = store.files()
    paths[1].unlink()
    monkeypatch.setattr(store, "files", lambda: listed)
    assert [finding.path for finding in upkeep.verify(store)] == paths[:1]  # replaced, it seems
    monkeypatch.setattr(upkeep, "_others", lambda *_: [])
    problems = {finding.path: finding.problem for finding in upkeep.verify(store)}
    assert problems == {paths[0]: "", paths[1]: f"{paths[1]} has gone since it was listed"}


# --- a full disk ------------------------------------------------------------------------


def swings(first, last=9):
    for i in range(first, last):
        yield {"angle": (("swing",), np.array([float(i)]), {})}, {}


@pytest.mark.parametrize("full_from", [2, 3, 9])
def test_a_disk_that_is_full_while_a_record_grows_costs_nothing_that_is_written(
    store, monkeypatch, caplog, full_from
):
    store.save_every, real = 0.0, hdf5.write_into

    def write_into(file, record, **options):
        if record.length >= full_from:
            raise OSError(28, "No space left on device")
        real(file, record, **options)

    monkeypatch.setattr(hdf5, "write_into", write_into)
    with pytest.raises(StoreError, match="No space left"), caplog.at_level(logging.WARNING):
        store.load_or_extend("swings", {}, swings, 9, "swing")
    assert f"kept {full_from - 1} of 9 swings" in caplog.text
    assert [record.length for record in store.records()] == [full_from - 1]
    monkeypatch.undo()
    begun = []

    def rest(first):
        begun.append(first)
        return swings(first)

    grown = store.load_or_extend("swings", {}, rest, 9, "swing")
    assert begun == [full_from - 1]
    np.testing.assert_array_equal(grown.angle, range(9))


def test_an_interrupt_on_a_full_disk_says_how_many_are_kept(store, monkeypatch, caplog):
    store.save_every, real = 0.0, hdf5.write_into

    def write_into(file, record, **options):
        if record.length >= 3:
            raise OSError(28, "No space left on device")
        real(file, record, **options)

    def interrupted(first):
        yield from swings(first, 2)
        store.save_every = 1e9
        yield from swings(2, 4)
        raise KeyboardInterrupt

    monkeypatch.setattr(hdf5, "write_into", write_into)
    with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.WARNING):
        store.load_or_extend("swings", {}, interrupted, 9, "swing")
    assert "kept 2 of 9 swings" in caplog.text
    assert [record.length for record in store.records()] == [2]
