"""The store under fire: killed writers, concurrent ones, and readers in between."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from vaedyn.store import ResultStore, hdf5
from vaedyn.store.hdf5 import read
from vaedyn.store.temporary import leftovers, temporary_path

# forks writers that kill themselves at some call of the operating system, then looks at every
# file they left; every other one does so when its file is written and has not got its name yet
HARNESS = """
import json, os, random, signal, sys
import numpy as np
from vaedyn.store import ResultStore, StoreError
from vaedyn.store.hdf5 import read

folder, kills = sys.argv[1], int(sys.argv[2])
random.seed(1)

def die_at(count, event):
    left = [count]
    def heard(name, arguments):
        if name == event or not event and name in ("open", "os.rename", "os.remove", "fcntl.flock"):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(heard)

def work(seed):
    rng = random.Random(seed)
    store = ResultStore(folder, save_every=0.0)
    while True:
        n = rng.randrange(30)
        store.load_or_run("one", {"n": n}, lambda: ({"x": (("i",), np.full(2000, n), {})}, {}))
        if rng.random() < 0.5:
            with store.together():
                for k in rng.sample(range(30), 4):
                    found = {"x": (("i",), np.full(2000, k), {})}, {}
                    store.load_or_run("one", {"n": k}, lambda found=found: found)
        length = rng.randrange(1, 12)
        def swings(first):
            for i in range(first, length):
                yield {"y": (("run", "i"), np.full((1, 500), i + n), {})}, {}
        store.load_or_extend("grown", {"n": n}, swings, length, "run")
        if rng.random() < 0.3:
            again = ResultStore(folder, recompute=True)
            again.load_or_run("one", {"n": n}, lambda: ({"x": (("i",), np.full(2000, n), {})}, {}))

bad, seen, left, longest = [], 0, 0, {}
for turn in range(kills):
    children = []
    for worker in range(2):
        count = random.randrange(2, 12) if turn % 2 else random.randrange(5, 60)
        pid = os.fork()
        if pid == 0:
            try:
                die_at(count, "os.rename" if turn % 2 else "")
                work(1000 * turn + worker)
            finally:
                os._exit(1)
        children.append(pid)
    for pid in children:
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != -signal.SIGKILL:
            bad.append("a writer failed")
    left += any(name.endswith(".tmp") for name in os.listdir(folder))
    store = ResultStore(folder)
    for path in store.files():
        seen += 1
        try:
            record = read(path)
            n = record.params["n"]
            if record.kind == "one":
                assert (record.x == n).all()
            else:
                assert (record.y[:, 0] == np.arange(record.length) + n).all()
        except (StoreError, AssertionError) as error:
            bad.append(f"{path}: {error}")
    # what was saved once never gets lost or shorter
    for record in store.records():
        if record.kind == "grown":
            if record.length < longest.get(record.key, 0):
                bad.append(f"{record.path} was {longest[record.key]} long")
            longest[record.key] = record.length
    if set(longest) - {r.key for r in store.records()}:
        bad.append("a record has gone")
ResultStore(folder).load_or_run("one", {"n": -1}, lambda: ({"x": ((), 0, {})}, {}))
after = len([name for name in os.listdir(folder) if name.endswith(".tmp")])
print(json.dumps({"bad": bad, "seen": seen, "left": left, "after": after}))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_writers_leave_whole_records_or_none(tmp_path):
    kills = int(os.environ.get("VAEDYN_TEST_KILLS", "12"))
    done = subprocess.run(
        [sys.executable, "-c", HARNESS, str(tmp_path), str(kills)],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["bad"] == []
    assert report["seen"] >= kills - 1  # it did look at something
    # the last writer of every other turn was killed in the act, and nobody tidied up after it
    assert report["left"] >= kills // 2
    assert report["after"] == 0  # what they left is cleared by the next writer


WRITER = """
import sys
import numpy as np
from vaedyn.store import ResultStore
store = ResultStore(sys.argv[1])
length = int(sys.argv[2])
def swings(first):
    for i in range(first, length):
        yield {"angle": (("swing",), np.array([float(i)]), {})}, {}
for n in map(int, sys.stdin):
    store.load_or_run("a", {"n": n}, lambda: ({"x": ((), float(n), {})}, {}))
    store.load_or_extend("b", {"n": n}, swings, length, "swing")
    print("kept", flush=True)
"""


def look_at_all(store):
    """Read every record, and return how many there were."""
    reads = 0
    for file in store.files():
        try:
            record = read(file)  # raises when it is not whole
        except FileNotFoundError:  # replaced by a longer one
            continue
        if record.kind == "b":
            np.testing.assert_array_equal(record.angle, range(record.length))
        reads += 1
    return reads


def test_processes_share_a_store_lose_nothing_and_lock_nobody_out(tmp_path):
    """All of them start with the same record at the same time, while everything is read."""
    path, turns, lengths = tmp_path / "shared", 8, (5, 9, 7)
    store = ResultStore(path)
    environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "TRUE"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(length)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for length in lengths
    ]
    try:
        for n in range(turns):
            for worker in workers:
                worker.stdin.write(b"%d\n" % n)
                worker.stdin.flush()
            assert look_at_all(store) >= n  # all of those before have one file at least
            assert [worker.stdout.readline() for worker in workers] == [b"kept\n"] * 3
    finally:
        for worker in workers:
            worker.communicate()
    assert [worker.returncode for worker in workers] == [0, 0, 0]

    def never(*_):
        raise AssertionError("computed again")

    for n in range(turns):
        assert store.load_or_run("a", {"n": n}, never).x == n
        grown = store.load_or_extend("b", {"n": n}, never, max(lengths), "swing")
        np.testing.assert_array_equal(grown.angle, range(9))
    assert not list(path.glob(".*"))


def test_a_record_replaced_while_it_is_read_is_whole(tmp_path, monkeypatch):
    """By the same one of another process, which was made at another time."""
    store = ResultStore(tmp_path)

    def compute():
        return {"x": ((), 1.0, {})}, {}

    path = store.load_or_run("a", {}, compute).path
    old, label = path.read_bytes(), hdf5._labelled
    ResultStore(tmp_path, recompute=True).load_or_run("a", {}, compute)
    new = path.read_bytes()
    assert old != new

    def replaced(*arguments, **options):
        path.write_bytes(new)
        return label(*arguments, **options)

    monkeypatch.setattr(hdf5, "_labelled", replaced)
    for before in (old, new):
        path.write_bytes(before)
        assert read(path).x == 1.0


def test_a_record_that_another_program_has_open_can_be_read_and_replaced(tmp_path):
    store = ResultStore(tmp_path)

    def compute():
        return {"x": ((), 1.0, {})}, {}

    path = store.load_or_run("a", {}, compute).path
    with h5py.File(path, "r", locking=True):  # in this very process, as in a notebook
        assert store.load_or_run("a", {}, compute).reused
        assert not ResultStore(tmp_path, recompute=True).load_or_run("a", {}, compute).reused


HOLDER = """
import sys, time
from vaedyn.store.temporary import hold
file = open(sys.argv[1], "xb")
hold(file)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")
def test_leftovers_of_the_living_are_left_alone(tmp_path):
    mine = temporary_path(tmp_path / "a-1.h5")
    # as from a container: the number of the process is one that does not exist here
    mine = mine.with_name(mine.name.replace(f"~{os.getpid()}~", "~4194305~"))
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLDER, mine], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert writer.stdout.readline() == b"held\n"
    dead = temporary_path(tmp_path / "a-1.h5")  # whose number does exist: ours
    dead.touch()
    elsewhere = tmp_path / ".a-1.h5.farhost~12~ab.tmp"
    elsewhere.touch()
    old = tmp_path / f".a-2.h5.farhost~{'9' * 23}~ab.tmp"
    old.touch()
    os.utime(old, (time.time() - 2 * 86400,) * 2)
    for name in (".hidden.tmp", temporary_path(tmp_path / "run.csv").name):
        (tmp_path / name).touch()
    temporary_path(tmp_path / "a-3.h5").mkdir()
    temporary_path(tmp_path / "a-4.h5").symlink_to("nowhere")
    os.mkfifo(temporary_path(tmp_path / "a-5.h5"))
    assert leftovers(tmp_path) == sorted([dead, old])
    writer.kill()
    writer.communicate()
    assert leftovers(tmp_path) == sorted([dead, old, mine])


def test_a_record_whose_unfinished_file_is_removed_is_written_again(tmp_path, monkeypatch):
    """By another machine, say, that does not see the lock."""
    store, real, removed = ResultStore(tmp_path), hdf5.os.replace, []

    def replace(source, target):
        if not removed:
            removed.append(source)
            source.unlink()
        real(source, target)

    monkeypatch.setattr(hdf5.os, "replace", replace)
    path = store.load_or_run("a", {}, lambda: ({"x": ((), 1.0, {})}, {})).path
    assert removed
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert read(path).x == 1.0


@pytest.mark.parametrize("spared", ["leftover", "shorter"])
def test_files_of_others_that_cannot_be_removed_stop_nobody(tmp_path, monkeypatch, spared):
    """As in a shared folder with the sticky bit."""
    store = ResultStore(tmp_path)
    if spared == "leftover":
        theirs = temporary_path(tmp_path / "a-1.h5")
        theirs.touch()
    else:
        values = {"x": (("i",), np.zeros(1), {})}
        theirs = store.write("grown", {}, (values, {}), 1.0, 1).path
    real = Path.unlink

    def unlink(path, **options):
        if path == theirs:
            raise PermissionError(1, "Operation not permitted")
        real(path, **options)

    monkeypatch.setattr(Path, "unlink", unlink)
    blocks = [({"x": (("i",), np.zeros(1), {})}, {})]
    length = 1 if spared == "leftover" else 2
    record = store.load_or_extend("grown", {}, lambda _: iter(blocks), length, "i")
    assert record.path.exists()
    assert theirs.exists()
