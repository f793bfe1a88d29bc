"""Spoilt files of every kind of record: never a crash, a hang, or a wrong number.

VAEDYN_TEST_DAMAGE says how many blocks of 64, 512 and 4096 bytes, and how many bits, are
spoilt in every file, in records of all commands; with 100000 every block is. Without it
few are, in records of made-up variables and of theory.
"""

import os

import numpy as np
import pytest

from tests.shared.damage import without_seal
from vaedyn.store import DamagedRecordError, ResultStore, hdf5, shortcut
from vaedyn.store.apart import reader

resource = pytest.importorskip("resource")  # which Windows has not

LARGE = "VAEDYN_TEST_DAMAGE" in os.environ
MOST = int(os.environ.get("VAEDYN_TEST_DAMAGE", "8"))
MEMORY = 200_000  # kB
TINY = "--dim 50 --lr 0.1 --t-max 5 --points 3"
KINDS = {
    "theory": f"theory {TINY}",
    "exact": f"simulate --runs 2 {TINY}",
    "vector": f"simulate --engine vector --runs 2 {TINY}",
    "convergence": "theory --dim 50 --lr 0.1",
    "bands": f"theory --bands {TINY}",
    "fixedpoints": "fixedpoints",
    "branches": "fixedpoints --vary beta=0.5:1.5",
    "curves": "fixedpoints --vary beta=0.5:3 --vary eta=0.5:1 --follow loss",
    "phases": "fixedpoints --vary beta=0.5:1.5:2 --vary lr=0.1:0.2:2",
    "annealing": "anneal --dim 50 --lr 0.1 --family cosine --tol 0.1",
    "spectrum": "spectrum table.csv",
    "data": "simulate --data table.csv --beta 1 --lr 0.05 --t-max 5 --points 3",
}


def spoilt(content):
    """Yield what happened to a file, and what is left of it."""
    places = [(size, at) for size in (64, 512, 4096) for at in range(0, len(content), size)]
    rng = np.random.default_rng(len(content))
    chosen = rng.choice(len(places), min(len(places), MOST), replace=False)
    for size, at in (places[i] for i in chosen):
        block = bytes(min(size, len(content) - at))
        yield f"{size} zeros at {at}", content[:at] + block + content[at + size :]
    for at in rng.choice(len(content), min(MOST, 1000)):
        bit = int(rng.integers(8))
        flipped = bytes([content[at] ^ 1 << bit])
        yield f"bit {bit} of byte {at}", content[:at] + flipped + content[at + 1 :]
    for end in (0, 1, 100, len(content) // 2, len(content) - 1):
        yield f"cut at {end}", content[:end]
    for more in (b"\0", b"x" * 512, content):
        yield f"{len(more)} bytes more", content + more
    half = len(content) // 1024 * 512
    yield "first halves swapped", content[half : 2 * half] + content[:half] + content[2 * half :]
    for at in range(512, min(half, 4096), 512):
        first, second = content[at : at + 512], content[-512:]
        yield f"block {at} swapped", content[:at] + second + content[at + 512 : -512] + first


def bits(record):
    return {
        name: (dims, np.asarray(x).dtype, np.shape(x), np.asarray(x).tobytes(), notes)
        for name, (dims, x, notes) in record.variables.items()
    }


def peak():
    """Return the most memory that this process and its children ever took, in kB."""
    reader.close()
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss for one in who)


def survey(path, *, seal):
    """Spoil a record in all ways; return how many files were damaged, and how many were not."""
    content = path.read_bytes() if seal else without_seal(path.read_bytes())
    path.write_bytes(content)
    expected, damaged, good = hdf5.read(path), 0, 0
    for what, changed in spoilt(content):
        path.write_bytes(changed)
        shortcut._known.clear()
        try:
            found = hdf5.read(path)
        except DamagedRecordError:
            damaged += 1
            continue
        # what is not noticed has changed nothing: zeros, or what HDF5 does not look at
        assert bits(found) == bits(expected), what
        assert (found.params, found.info) == (expected.params, expected.info), what
        assert found.provenance == expected.provenance, what
        # with a seal only its loss, or zeros where there are zeros, leave a good file
        assert changed == content or not seal or changed == without_seal(content), what
        good += 1
    path.write_bytes(content)
    return damaged, good


def toy(store):
    variables = {
        "time": (("time",), np.arange(6.0), {"units": "s"}),
        "x": (("time", "i"), np.arange(18.0).reshape(6, 3), {"long_name": "place"}),
        "n": ((), np.int64(5), {}),
        "none": (("empty",), np.zeros(0), {}),
    }
    store.load_or_run("toy", {"a": 1.5}, lambda: (variables, {"note": "calm"}))


def computed(run, kind):
    """Return what the command prints that makes one kind of record."""
    table = np.random.default_rng(0).standard_normal((60, 4)) * [3.0, 1.0, 1.0, 1.0]
    np.savetxt("table.csv", table, delimiter=",")
    done = run(KINDS[kind], "--json")
    assert done.code == 0, done.err
    return done.json


@pytest.mark.parametrize("seal", [True, False])
@pytest.mark.parametrize("kind", ["toy", *(KINDS if LARGE else ())])
def test_no_spoilt_file_crashes_hangs_or_yields_a_wrong_number(run, tmp_path, kind, seal):
    store = ResultStore(tmp_path / "vaedyn-store")
    toy(store) if kind == "toy" else computed(run, kind)
    before, counts = peak(), {}
    for path in store.files():
        counts[path.name.split("-")[0]] = damaged, good = survey(path, seal=seal)
        assert damaged > 10
        assert seal or good > 0  # zeros where there are zeros, at least
    assert peak() - before < MEMORY
    if LARGE:
        print(f"\n{kind}, {'with' if seal else 'without'} a seal: (damaged, unharmed) {counts}")


@pytest.mark.parametrize("kind", KINDS if LARGE else ["theory"])
def test_a_command_sets_damaged_files_aside_and_computes_again(run, tmp_path, kind):
    expected, store = computed(run, kind), ResultStore(tmp_path / "vaedyn-store")
    for path in store.files():
        content = path.read_bytes()
        changes = list(spoilt(content))
        for what, changed in changes[:: len(changes) // (20 if LARGE else 3)]:
            path.write_bytes(changed)
            found = computed(run, kind)
            assert found["key"] == expected["key"], what
            again = hdf5.read(path)
            assert again.params == store.find(again.key).params
        assert list(store.path.glob(f"{path.name}.damaged-*"))
