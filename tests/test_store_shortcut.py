"""Reading a record without HDF5 gives what HDF5 gives, or is not done."""

import numpy as np
import pytest

from vaedyn.store import DamagedRecordError, ResultStore, hdf5, shortcut


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
    monkeypatch.setattr(hdf5, "contents", None)
    quick = hdf5.read(paths[1])
    monkeypatch.undo()
    shortcut._known.clear()
    same(hdf5.read(paths[1]), quick)
    quick.variables["angle"][1][0] = 5.0  # a copy of its own, as from HDF5


def test_a_file_without_the_digest_is_read_by_hdf5(paths, monkeypatch):
    content = paths[1].read_bytes()
    line = content.index(b"\n") + 1
    old = content[:line] + bytes(shortcut.LENGTH) + content[line + shortcut.LENGTH :]
    paths[1].write_bytes(old)
    same(hdf5.read(paths[1]), hdf5.read(paths[0]))
    monkeypatch.setattr(hdf5, "contents", None)
    with pytest.raises(DamagedRecordError, match="not callable"):
        hdf5.read(paths[1])


def test_another_layout_of_the_same_size_is_not_taken_for_the_known_one(tmp_path):
    store = ResultStore(tmp_path)
    values = np.arange(4.0)

    def named(name):
        return lambda: ({name: (("time",), values, {}), "b": (("time",), 2 * values, {})}, {})

    one = store.load_or_run("a", {"n": 1}, named("x")).path
    two = store.load_or_run("a", {"n": 2}, named("y")).path
    assert one.stat().st_size == two.stat().st_size
    assert set(hdf5.read(one).variables) == {"x", "b"}
    assert set(hdf5.read(two).variables) == {"y", "b"}


def test_a_flipped_bit_is_left_to_hdf5_to_judge(paths, monkeypatch):
    content, expected = paths[1].read_bytes(), hdf5.read(paths[0])
    block = content.index(shortcut.SIGNATURE)

    def left(*_):
        raise LookupError

    monkeypatch.setattr(hdf5, "_verified", left)
    rng = np.random.default_rng(1)
    for at in rng.choice(len(content), 500, replace=False):
        spoilt = bytearray(content)
        spoilt[at] ^= 1 << rng.integers(8)
        paths[1].write_bytes(spoilt)
        try:
            same(expected, hdf5.read(paths[1]))
        except (LookupError, DamagedRecordError):
            continue
        assert at < block  # among the zeros behind the label
        assert content[at] in b"\0\n"


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
    assert shortcut._block(path.read_bytes()) == 512
