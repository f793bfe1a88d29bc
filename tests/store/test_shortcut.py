"""Reading a record without HDF5 gives what HDF5 gives, or is not done."""

import numpy as np
import pytest

from tests.shared.damage import without_seal
from vaedyn.store import DamagedRecordError, ResultStore, hdf5, results, shortcut
from vaedyn.store.seal import SIGNATURE, sealed

CREATED = "2024-05-06T07:08:09+00:00"


def compute():
    t = np.linspace(0, 1, 5)
    variables = {
        "time": (("time",), t, {"units": "s"}),
        "angle": (("time", "ball"), np.outer(t, [1.0, 2.0]), {"units": "rad"}),
        "count": ((), np.int64(3), {}),
    }
    return variables, {"steps": 7}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(shortcut, "_known", {})
    monkeypatch.setattr(shortcut, "_frames", {})


@pytest.fixture
def paths(tmp_path):
    """Return two records of the same layout; that of the first is known."""
    store = ResultStore(tmp_path / "store")
    found = [store.load_or_run("a", {"n": n}, compute).path for n in (1, 2)]
    hdf5.read(found[0])
    return found


def same(one, other):
    assert one.variables.keys() == other.variables.keys()
    for name, (dims, values, notes) in one.variables.items():
        assert other.variables[name][0] == dims
        assert other.variables[name][2] == notes
        assert type(other.variables[name][1]) is type(values)
        np.testing.assert_array_equal(other.variables[name][1], values)


def test_hdf5_is_asked_once_for_every_layout(paths, monkeypatch):
    monkeypatch.setattr(hdf5, "places_of", None)
    quick = hdf5.read(paths[1])
    monkeypatch.undo()
    shortcut._known.clear()
    same(hdf5.read(paths[1]), quick)
    quick.variables["angle"][1][0] = 5.0  # a copy of its own, as from HDF5


@pytest.fixture
def alike(tmp_path, monkeypatch):
    """Return records with labels of the same lengths, the first two of them read."""
    store = ResultStore(tmp_path / "alike")
    monkeypatch.setattr(results, "provenance", lambda _: {"created": CREATED, "seconds": 0.5})
    found = [store.load_or_run("a", {"n": n}, compute).path for n in (1, 2, 3, 4)]
    for path in found[:2]:  # for the places, and for what stands between the texts
        hdf5.read(path)
    return found


def test_files_that_differ_in_numbers_and_texts_need_no_proof_but_the_seal(alike, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(hdf5, "places_of", None)
        patch.setattr(hdf5, "checksum", None)
        quick = hdf5.read(alike[2])
    shortcut._known.clear()
    slow = hdf5.read(alike[2])
    same(quick, slow)
    assert (quick.params, quick.info) == (slow.params, slow.info) == ({"n": 3}, {"steps": 7})


@pytest.mark.parametrize("known", [True, False])
def test_a_label_before_the_data_of_another_record_is_damage(alike, known):
    one, other = (path.read_bytes() for path in alike[2:])
    alike[2].write_bytes(one.partition(b"\n")[0] + b"\n" + other.partition(b"\n")[2])
    if not known:
        shortcut._frames.clear()
    with pytest.raises(DamagedRecordError, match="its checksum does not fit"):
        hdf5.read(alike[2])


def test_a_frame_counts_only_for_the_places_it_was_found_with(alike, monkeypatch):
    ((key, (places, spans)),) = shortcut._known.items()
    shortcut._known[key] = list(places), spans
    asked, real = [], hdf5.checksum
    monkeypatch.setattr(hdf5, "checksum", lambda *of: asked.append(1) or real(*of))
    for _ in range(2):
        hdf5.read(alike[2])
    assert len(asked) == 1


def test_a_file_without_a_seal_is_read_by_hdf5_in_another_process(paths, monkeypatch):
    paths[1].write_bytes(without_seal(paths[1].read_bytes()))
    monkeypatch.setattr(hdf5, "places_of", None)  # not in this one
    same(hdf5.read(paths[1]), hdf5.read(paths[0]))
    monkeypatch.setattr(hdf5, "reader", None)
    with pytest.raises(DamagedRecordError, match="places_of"):
        hdf5.read(paths[1])


def test_another_layout_of_the_same_size_is_not_taken_for_the_known_one(tmp_path):
    store = ResultStore(tmp_path)
    values = np.arange(4.0)

    def named(name):
        return lambda: ({name: (("time",), values, {}), "b": (("time",), 2 * values, {})}, {})

    one = store.load_or_run("a", {"n": 1}, named("x")).path
    two = store.load_or_run("a", {"n": 2}, named("y")).path
    assert one.stat().st_size == two.stat().st_size
    for _ in range(3):
        assert set(hdf5.read(one).variables) == {"x", "b"}
        assert set(hdf5.read(two).variables) == {"y", "b"}


def test_a_flipped_bit_is_damage_that_hdf5_never_sees(paths, monkeypatch):
    content, real = paths[1].read_bytes(), hdf5.places_of
    block = content.index(SIGNATURE)

    def seen(image):
        assert image[block:] == content[block:]  # when a bit of the label is flipped
        return real(image)

    monkeypatch.setattr(hdf5, "places_of", seen)
    monkeypatch.setattr(hdf5, "reader", None)
    rng = np.random.default_rng(1)
    for at in rng.choice(len(content), 500, replace=False):
        spoilt = bytearray(content)
        spoilt[at] ^= 1 << rng.integers(8)
        paths[1].write_bytes(spoilt)
        with pytest.raises(DamagedRecordError, match="is damaged: it"):
            hdf5.read(paths[1])


@pytest.mark.parametrize("size", [0, 1, shortcut.LARGEST // 8 - 1, shortcut.LARGEST // 8])
def test_records_of_any_size_come_back_and_are_sealed(tmp_path, size):
    values = np.arange(float(size))
    store = ResultStore(tmp_path)
    variables = {"x": (("i",), values, {"units": "m"}), "y": ((), 2.5, {})}
    path = store.load_or_run("a", {}, lambda: (variables, {})).path
    for _ in range(2):
        record = hdf5.read(path)
        np.testing.assert_array_equal(record.x, values)
        assert record.y == 2.5
        assert record.variables["x"][2] == {"units": "m"}
    assert sealed(path.read_bytes()) == 512
