"""Files, names, keys and memories of a store at their limits, and every word that it says."""

import json

import h5py
import numpy as np
import pytest

from tests.shared.records import NOTES, made
from vaedyn.store import (
    DamagedRecordError,
    OtherSchemaError,
    StoreError,
    hdf5,
    key_of,
    seal,
    shortcut,
    skeleton,
)


@pytest.fixture(autouse=True)
def forgetful():
    """Let no test know the files of another."""
    shortcut._known.clear()
    shortcut._frames.clear()


def written(one, label=True):
    one.path.parent.mkdir(exist_ok=True)
    with open(one.path, "xb+") as file:
        hdf5.write_into(file, one, label=label)
    return one.path.read_bytes()


def name_of(folder, params=None, kind="theory"):
    return folder / f"{kind}-{key_of(kind, {'beta': 0.5, **(params or {})})}.h5"


# ---- files


@pytest.mark.parametrize("large", [False, True])
def test_a_label_stands_before_the_data_in_a_block_of_a_power_of_two(tmp_path, monkeypatch, large):
    if large:  # the other way to write
        monkeypatch.setattr(shortcut, "LARGEST", 0)
    base = len(written(made(tmp_path / "a")).partition(b"\n")[0]) + 1
    content = (tmp_path / "a").read_bytes()
    assert content.index(seal.SIGNATURE) == 512
    line, _, rest = content.partition(b"\n")
    label = json.loads(line)
    assert list(label) == ["kind", "key", "schema", "params", "info", "provenance"]
    assert label["schema"] == 1
    assert rest[:7] == b"sha256 "
    assert rest[7 + 64 : 7 + 65] == b"\n"
    assert seal.LENGTH == 72
    full = 1024 - 72 - base - len('"x": ""')
    for more, block in ((full, 1024), (full + 1, 2048)):
        content = written(made(tmp_path / f"b{more}", info={"x": "y" * more}))
        assert content.index(seal.SIGNATURE) == block
        assert seal.sealed(content) == block
    plain = written(made(tmp_path / "c"), label=False)
    assert plain.index(seal.SIGNATURE) == 0
    with h5py.File(tmp_path / "a") as file, h5py.File(tmp_path / "c") as other:
        for found in (file, other):
            assert found["t"][:].tolist() == [0, 1, 2]
            assert found["t"].attrs["units"] == "s"
            assert found.attrs["params"] == '{"beta": 0.5}'
            assert found.attrs["schema"] == "1"
            assert [each.label for each in found["x"].dims] == ["", ""]
            assert found["a"].attrs["index"] == "1"
        assert file.attrs["checksum"] == other.attrs["checksum"]


def test_both_ways_to_write_make_files_that_say_the_same(tmp_path, monkeypatch):
    one = made(name_of(tmp_path))
    written(one)
    first = hdf5.read(one.path)
    one.path.unlink()
    monkeypatch.setattr(shortcut, "LARGEST", 100)
    written(one)
    again = hdf5.read(one.path, apart=True)
    for found in (first, again):
        assert found.info == {}
        assert found.variables["t"][1].tolist() == [0, 1, 2]
        assert found.variables["x"][1].dtype == np.float32
        assert found.variables["t"][2] == NOTES


def test_names_and_kinds_of_numbers_are_checked():
    for name in ("1a", "a b", "a-b", "", "_a", "ä b"):
        with pytest.raises(ValueError, match="a variable's name must be a word, got"):
            hdf5._numbers(name, 1)
    for values in ("text", [True], [1j], [None]):
        with pytest.raises(TypeError, match="a must hold numbers, got"):
            hdf5._numbers("a", values)
    for values in (1, [1.5], np.uint8(3)):
        assert hdf5._numbers("a_1", values).dtype.kind in "iuf"


@pytest.mark.parametrize(
    ("created", "seconds", "fits"),
    [
        ("2024-05-06T07:08:09+00:00", 0, True), ("2024-05-06T07:08:09+00:00", 0.5, True),
        ("2024-05-06T07:08:09+00:00", 9.9e299, True), ("2024-05-06T07:08:09+00:00", 1e300, False),
        ("2024-05-06T07:08:09+00:00", -1e-9, False), ("2024-05-06T07:08:09+00:00", True, False),
        ("2024-05-06T07:08:09+00:00", "1", False), ("2024-05-06T07:08:09", 1, False),
        ("yesterday", 1, False),
    ],
)  # fmt: skip
def test_origins_are_checked(created, seconds, fits):
    given = {"created": created, "seconds": seconds}
    if fits:
        hdf5._check_origin(given)
    else:
        with pytest.raises((ValueError, TypeError)):
            hdf5._check_origin(given)


def relabelled(tmp_path, change):
    """Write a file whose label is another."""
    path = name_of(tmp_path)
    content = path.read_bytes() if path.exists() else written(made(path))
    line, _, rest = content.partition(b"\n")
    label = json.loads(line)
    change(label)
    path.write_bytes(json.dumps(label).encode() + b"\n" + rest)
    return path


def test_labels_are_checked_before_the_data(tmp_path):
    path = name_of(tmp_path)
    for change, words in (
        (lambda x: x.update(schema=2), "its key does not fit its parameters"),
        (lambda x: x.update(kind=3), "it has no label"),
        (lambda x: x.update(info=[]), "it has no label"),
        (lambda x: x.update(more=1), "it has no label"),
        (lambda x: x.pop("schema"), "it has no label"),
        (lambda x: x["params"].update(beta=0.75), "its key does not fit its parameters"),
        (lambda x: x.update(kind="other"), "it holds another record than its name says"),
    ):
        path.unlink(missing_ok=True)
        relabelled(tmp_path, change)
        with pytest.raises(DamagedRecordError) as caught:
            hdf5.read_label(path)
        assert str(caught.value) == f"{path} is damaged: {words}"

    def other(label):
        label.update(schema=2, key="0" * 32)

    path.unlink()
    relabelled(tmp_path, other)
    elsewhere = path.with_name(f"theory-{'0' * 32}.h5")
    path.rename(elsewhere)
    with pytest.raises(OtherSchemaError) as caught:
        hdf5.read_label(elsewhere)
    assert str(caught.value) == f"{elsewhere} has schema 2, this version reads schema 1"
    assert (hdf5.LONGEST_LABEL, hdf5.LARGEST_HOLE) == (1 << 24, 1 << 27)
    assert hdf5.TEXTS == ("kind", "key", "schema", "params", "info", "provenance")


def test_what_is_no_file(tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(tmp_path / "nothing")
    for path, words in ((folder, "it is no regular file"), (link, "it is a link to nothing")):
        with pytest.raises(DamagedRecordError) as caught:
            hdf5.read(path)
        assert str(caught.value).startswith(f"{path} is damaged: ")
        assert words in str(caught.value) or "it is a folder" in str(caught.value)
    with pytest.raises(FileNotFoundError):
        hdf5.read(tmp_path / "nothing")

    def broken(file):
        raise MemoryError

    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(StoreError) as caught:
        hdf5._taken(tmp_path / "a", broken)
    assert str(caught.value) == f"cannot read {tmp_path / 'a'}: it needs more memory than there is"


def test_seals():
    data = seal.SIGNATURE + b"data"
    import hashlib

    good = seal.seal(hashlib.sha256(data))
    assert seal.sealed(b"label\n" + data) == 0
    assert seal.sealed(b"label\n\0\0" + data) == 0
    for padding in (b"", b"\0" * 5):
        head = b"label\n" + good + padding
        assert seal.sealed(head + data) == len(head)
        assert seal.sealed(head + data[:9], [data[9:11], data[11:]]) == len(head)
        for wrong in (head + data + b"x", head[:-6] + data if padding else head[:-1] + data):
            with pytest.raises(ValueError, match="not as it was written, its SHA-256 does not fit"):
                seal.sealed(wrong)
    with pytest.raises(ValueError, match="it has no HDF5 data"):
        seal.sealed(b"label\n")


# ---- reading without HDF5


def test_layouts_that_are_remembered(monkeypatch):
    monkeypatch.setattr(shortcut, "MOST", 2)
    place = ("x", ("a",), (2, 3), "<f4", (), 40)
    nothing = ("y", ("b",), (0,), "<f8", (), None)
    early = ("z", (), (), "<i8", (), 8)
    for i in range(2):
        shortcut.remember(b"c" * i, "kind", 512, [place, nothing, early])
    assert shortcut._known["kind", 0, 512] == ([place, nothing, early], [("z", 8, 8),
                                                                        ("x", 40, 24)])  # fmt: skip
    assert len(shortcut._known) == 2
    shortcut.remember(b"c" * 9, "kind", 512, [])
    assert list(shortcut._known) == [("kind", 9, 512)]
    monkeypatch.setattr(shortcut, "LARGEST", 9)
    shortcut.remember(b"c" * 9, "other", 512, [])
    shortcut.remember(b"c" * 10, "other", 512, [])
    assert [length for _, length, _ in shortcut._known] == [9, 9]


def test_frames_that_are_remembered(monkeypatch):
    monkeypatch.setattr(shortcut, "MOST", 1)
    shortcut._frames.update({("a",): 0, ("b",): 0})
    shortcut.remember(b"head" + b"p" * 64 + b"tail", "kind", 4, [])
    proof = "p" * 64
    found = shortcut.variables_of(b"head" + b"p" * 64 + b"tail", "kind", 4, (), lambda _: proof)
    assert found == {}
    ((like, frame),) = shortcut._frames.items()
    assert like == ("kind", 72, 4)
    assert frame == (shortcut._known["kind", 72, 4][0], 0, [b"", b"tail"])
    assert shortcut.variables_of(b"head" + b"p" * 64 + b"tail", "x", 4, (), lambda _: proof) is None
    # as the seal fits, another checksum at its place is that of other numbers
    assert (
        shortcut.variables_of(b"head" + b"q" * 64 + b"tail", "kind", 4, (), lambda _: proof) == {}
    )
    other = b"head" + b"q" * 64 + b"tall"
    assert shortcut.variables_of(other, "kind", 4, (), lambda _: proof) is None


def test_texts_of_a_label_and_what_is_between():
    line = b'{"kind": "k", "key": "1", "schema": 1, "params": P, "info": I, "provenance": O}'
    assert shortcut.texts_of(line) == (b"P", b"I", b"O")
    assert shortcut._between(b"aXbYc", (b"X", b"Y")) == [b"a", b"b", b"c"]
    assert shortcut._between(b"aXYc", (b"X", b"Y")) == [b"a", b"", b"c"]
    for body in (b"aYbXc", b"aXbXcY", b"ab", b"aXb"):
        assert shortcut._between(body, (b"X", b"Y")) == []
    assert shortcut._woven([b"a", b"b", b"c"], (b"X", b"Y")) == b"aXbYc"
    assert (shortcut.LARGEST, shortcut.MOST, shortcut.CHECKSUM) == (1 << 20, 256, 64)


def test_arrays_out_of_a_file():
    content = np.arange(4.0).tobytes()
    found = shortcut.arrays(content, [("x", ("a",), (2,), "<f8", (("u", "s"),), 16)])
    dims, values, notes = found["x"]
    assert (dims, values.tolist(), notes) == (("a",), [2, 3], {"u": "s"})
    values[:] = 0  # a copy
    whole = [("x", ("a",), (4,), "<f8", (), 0)]
    assert shortcut.arrays(content, whole)["x"][1].tolist() == [0, 1, 2, 3]
    one = ("y", (), (), "<f8", (), 8)
    assert shortcut.arrays(content, [one])["y"][1] == 1.0
    none = ("z", ("b",), (0, 3), "<f8", (), None)
    assert shortcut.arrays(content, [*whole, none])["z"][1].shape == (0, 3)
    with pytest.raises(ValueError, match="its variables are larger than the file"):
        shortcut.arrays(content, [*whole, one])


# ---- layouts


def test_pieces_of_a_file():
    image = b"0123456789"
    assert skeleton.without_numbers(image, [("a", 2, 3), ("b", 7, 2)]) == b"01569"
    assert skeleton.without_numbers(image, []) == image
    layout = (("x", ("a", "b"), (2, 3), "<f8", ()), ("y", ("a",), (2,), "<f8", ()))
    assert skeleton._sizes(layout) == {"a": 2, "b": 3}
    for wrong, words in (
        ((("x", ("a",), (2, 3), "<f8", ()),), r"x has shape \(2, 3\) but dimensions \('a',\)"),
        ((*layout, ("z", ("b",), (4,), "<f8", ())), "dimension b is 3 long, but 4 in z"),
    ):
        with pytest.raises(ValueError, match=words):
            skeleton._sizes(wrong)
    assert (skeleton.SHORT, skeleton.INDEX) == (24, b"index")
