"""Files, names, keys and memories of a store at their limits, and every word that it says."""

import csv
import io
import json
import logging
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from vaedyn.store import (
    DamagedRecordError,
    OtherSchemaError,
    ResultStore,
    StoreError,
    apart,
    catalogue,
    draft,
    export,
    hdf5,
    key,
    key_of,
    provenance,
    record,
    results,
    seal,
    shortcut,
    skeleton,
    temporary,
    upkeep,
)

NOTES = {"long_name": "time", "units": "s"}


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "kept")


@pytest.fixture(autouse=True)
def forgetful():
    """Let no test know the files of another."""
    shortcut._known.clear()
    shortcut._frames.clear()


def made(path, size=3, info=None, params=None, kind="theory"):
    given = {"beta": 0.5, **(params or {})}
    return record.Record(
        kind=kind, key=key_of(kind, given), params=given,
        variables={"t": (("t",), np.arange(float(size)), NOTES),
                   "x": (("t", "a"), np.ones((size, 2), np.float32), {})},
        info={} if info is None else info,
        provenance={"created": "2024-05-06T07:08:09+00:00", "seconds": 1.5}, path=Path(path),
    )  # fmt: skip


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


# ---- names, keys and origins


def test_names_of_files():
    digits = "0123456789abcdef" * 2
    assert record.file_name("a_1", digits) == f"a_1-{digits}.h5"
    assert record.file_name("a", digits, 0) == f"a-{digits}-0.h5"
    for kind in ("A", "1a", "a-b", "", "_a", "a."):
        with pytest.raises(ValueError, match="kind must be a word in lower case, got"):
            record.file_name(kind, digits)
    for name, length in ((f"a-{digits}-12.h5", 12), (f"a-{digits}.h5", None), ("x.h5", None),
                         (f"a-{digits}0.h5", None), (f"a-{digits[:-1]}.h5", None)):  # fmt: skip
        assert record.length_of(Path(name)) == length
    assert record.reason(OSError("a\nb")) == "a"
    assert record.reason(OSError(2, "own words")) == "No such file or directory"
    gone = made("/nowhere/x")
    assert (gone.bytes, gone.length) == (0, None)
    assert gone.t.tolist() == [0, 1, 2]
    with pytest.raises(AttributeError) as caught:
        gone.y  # noqa: B018
    assert str(caught.value) == "record has no variable 'y'; it has ['t', 'x']"


def test_plain_parameters():
    assert key.plain({"b": (1, 2.0), "a": np.array([[1.5, -0.0]])}) == {
        "a": [[1.5, 0]],
        "b": [1, 2],
    }
    assert (key.DEEPEST, key.DIGITS, key.SCHEMA) == (100, 32, 1)
    for value, words in (
        (float("nan"), "parameters must be finite, got nan"),
        ({1: 2}, "parameter names must be text, got [1]"),
        ({3}, "parameters must be JSON data, got {3}"),
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            key.plain(value)
        assert str(caught.value) == words
    with pytest.raises(TypeError) as caught:
        key_of("a", [1])
    assert str(caught.value) == "parameters must have names, got [1]"
    assert key.canonical({"b": 1, "a": "ä"}) == '{"a":"\\u00e4","b":1}'

    def nested(deep):
        value = 1
        for _ in range(deep):
            value = [value]
        return value

    for wrap in (lambda x: x, lambda x: {"a": x}):
        value = wrap(nested(99))
        assert key.plain(value) == value
    key.plain(nested(100))
    for value in (nested(101), {"a": nested(100)}):
        with pytest.raises(ValueError, match=".") as caught:
            key.plain(value)
        assert str(caught.value) == "parameters must not be nested more than 100 deep"
    key.keyed("a", {"a": nested(98)})
    with pytest.raises(ValueError, match="100 deep"):
        key.keyed("a", {"a": nested(99)})


def test_where_a_record_comes_from():
    before = datetime.now(UTC).replace(microsecond=0)
    found = provenance.provenance(2.5)
    created = datetime.fromisoformat(found.pop("created"))
    assert before <= created <= datetime.now(UTC)
    assert created.microsecond == 0
    assert found.pop("seconds") == 2.5
    assert set(found) == {"versions", "machine"}
    assert list(found["versions"]) == ["python", "vaedyn", "numpy", "numba", "h5py"]
    assert found["machine"] == f"{os.uname().sysname} {os.uname().machine}"
    assert provenance.PACKAGES == ("vaedyn", "numpy", "numba", "h5py")


# ---- the folder


def variables(size=3):
    return {"t": (("t",), np.arange(float(size)), {})}


def test_what_a_store_logs(store, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    now = iter([10.0, 12.5])
    monkeypatch.setattr(results, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    one = store.load_or_run("theory", {"a": 1}, lambda: (variables(), {"x": 1.0}))
    assert (one.provenance["seconds"], one.reused, one.info) == (2.5, False, {"x": 1})
    assert type(one.info["x"]) is int
    again = store.load_or_run("theory", {"a": 1.0}, lambda: 1 / 0)
    assert again.reused
    short = one.key[:12]
    assert [text for text in caplog.messages if "HDF5" not in text] == [
        f"looking for theory {one.key} in {store.path}", f"computed theory {short} in 2.5 s",
        f"wrote {one.path}", f"looking for theory {one.key} in {store.path}",
        f"reused theory {short}",
    ]  # fmt: skip
    assert (results.TRIES, draft.TRIES, store.save_every, store.recompute) == (10, 3, 30, False)


def test_keys_are_found_by_their_beginning(store):
    with pytest.raises(KeyError) as caught:
        store.locate("ab")
    assert caught.value.args == (f"no record in {store.path} has a key starting with 'ab'",)
    store.path.mkdir()
    keys = [f"ab{i}" + "0" * 29 for i in range(6)]
    for i, each in enumerate(keys, 1):
        (store.path / f"theory-{each}.h5").touch()
        if i > 1:
            with pytest.raises(KeyError) as caught:
                store.locate("ab")
            shown = ", ".join(x[:8] for x in keys[: min(i, 5)])
            more = ", ..." if i > 5 else ""
            assert caught.value.args == (
                f"{i} records in {store.path} have keys starting with 'ab': {shown}{more}",
            )
    for length in (2, 10, 9):
        (store.path / f"simulate-cd{'0' * 30}-{length}.h5").touch()
    names = [path.name.rpartition("-")[2] for path in store.locate("cd")]
    assert names == ["2.h5", "9.h5", "10.h5"]
    assert len(store.locate("simulate-cd")) == 3
    for prefix in ("theory-cd", "cd1", "simulate-c1"):
        with pytest.raises(KeyError):
            store.locate(prefix)
    assert [path.name[:11] for path in store._newest()] == ["simulate-cd", *["theory-ab" +
            str(i) + "0" for i in range(6)]]  # fmt: skip
    assert store._newest()[0].name.endswith("-10.h5")


def test_shorter_records_go_and_longer_ones_stay(store):
    store.path.mkdir()
    digits = "e" * 32
    paths = {n: store.path / f"simulate-{digits}-{n}.h5" for n in (1, 2, 3, 5)}
    for path in paths.values():
        path.touch()
    kept = SimpleNamespace(kind="simulate", key=digits, length=3, path=paths[3])
    assert store.supersede(kept) is kept
    assert [n for n, path in paths.items() if path.exists()] == [3, 5]
    store.recompute = True
    store.supersede(kept)
    assert [n for n, path in paths.items() if path.exists()] == [3]


def test_folders_that_cannot_be_used(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    store = ResultStore(tmp_path / "file")
    with pytest.raises(StoreError) as caught:
        store.files()
    assert str(caught.value) == f"cannot read the store {store.path}: Not a directory"
    with pytest.raises(StoreError) as caught:
        store._prepare()
    assert str(caught.value).startswith(f"cannot write to the store {store.path}: ")
    one = made(tmp_path / "nowhere" / "x")
    with pytest.raises(StoreError) as caught:
        draft.write(one)
    assert str(caught.value) == f"cannot write {one.path}: No such file or directory"
    assert str(draft.failure(one, RuntimeError("text"))) == f"cannot write {one.path}: text"
    elsewhere = ResultStore(tmp_path / "kept")
    monkeypatch.setattr(elsewhere, "locate", lambda prefix: [tmp_path / "gone"])
    with pytest.raises(StoreError) as caught:
        elsewhere.find("a")
    assert str(caught.value) == (
        f"cannot read {elsewhere.path}: a file is listed that is not there"
    )


def test_names_of_unfinished_files(tmp_path, monkeypatch):
    path = temporary.temporary_path(tmp_path / "a.h5")
    found = temporary.PATTERN.fullmatch(path.name)
    assert path.parent == tmp_path
    assert path.name.startswith(".a.h5.")
    assert found["machine"] == temporary._machine()
    machine, process, rest = path.name.removeprefix(".a.h5.").split("~")
    assert (machine, process) == (temporary._machine(), str(os.getpid()))
    assert len(rest) == 12 + len(".tmp")
    for name in (".a.h5.m~1~ab.tmp", ".probe.m~1~ab.tmp"):
        assert temporary.PATTERN.fullmatch(name)
    for name in ("a.h5.m~1~ab.tmp", ".a.m~1~ab.tmp", ".a.h5.m~x~ab.tmp", ".a.h5.m~1~ab"):
        assert not temporary.PATTERN.fullmatch(name)
    assert temporary.LONGEST_WRITE == 86400
    other = tmp_path / ".a.h5.elsewhere~1~ab.tmp"
    other.touch()
    for age, left in ((86399, []), (86401, [other])):
        now = other.lstat().st_mtime + age
        monkeypatch.setattr(temporary.time, "time", lambda now=now: now)
        assert temporary.leftovers(tmp_path) == left


def test_what_has_become_of_files(store, tmp_path):
    one = store.load_or_run("theory", {"a": 1}, lambda: (variables(), {}))
    assert [(each.path, each.problem) for each in upkeep.verify(store)] == [(one.path, "")]
    (tmp_path / "full").mkdir()
    (finding,) = upkeep.remove([tmp_path / "full", tmp_path / "nothing"])
    assert finding.problem.startswith(f"cannot remove {tmp_path / 'full'}: ")
    (store.path / "x.h5.damaged-1").touch()
    assert upkeep.unwanted(store) == []
    assert [path.name for path in upkeep.unwanted(store, damaged=True)] == ["x.h5.damaged-1"]
    assert upkeep.unwanted(store, other_schemas=True) == []
    assert upkeep.unwanted(store, older_than=-1.0) == [one.path]
    assert upkeep.unwanted(store, older_than=1e4) == []


# ---- other formats


def test_exports(tmp_path):
    one = made(tmp_path / "x")
    one.variables["y"] = ((), np.float64(0.25), {})
    export.export(one, tmp_path / "a.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert rows[0] == ["variable", "t", "a", "value"]
    assert rows[1:7] == [["x", f"{t}.0", str(a), "1.0"] for t in range(3) for a in range(2)]
    assert rows[7:] == [["y", "", "", "0.25"]]
    export.export(one, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as found:
        assert sorted(found) == ["params", "t", "x", "y"]
        assert json.loads(str(found["params"])) == {"beta": 0.5}
    export.export(one, tmp_path / "a.nc")
    assert (tmp_path / "a.nc").read_bytes()[:8] == seal.SIGNATURE
    with pytest.raises(ValueError, match=".") as caught:
        export.export(one, Path("a.txt"))
    assert str(caught.value) == "expected a name ending in .nc, .csv, .npz, got 'a.txt'"
    with pytest.raises(StoreError) as caught:
        export.export(one, Path("/nowhere/a.csv"))
    assert str(caught.value) == "cannot write /nowhere/a.csv: No such file or directory"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.nc", "a.npz"]


# ---- filters


def test_filters_in_parts():
    for text, parts in (
        ("beta=1.5", ("beta", "=", 1.5)), ("t-max <= 3", ("t_max", "<=", 3)),
        ("rho=1,2", ("rho", "=", [1, 2])), ("kind != theory", ("kind", "!=", "theory")),
        ("a>=x=y", ("a", ">=", "x=y")), ("lr<0.1", ("lr", "<", 0.1)), ("a>1.0", ("a", ">", 1)),
    ):  # fmt: skip
        found = catalogue.parse_filter(text)
        assert (found.name, found.relation, found.value) == parts
    for text in ("beta", "=3", "beta=", "beta= ", "1a=3", ""):
        with pytest.raises(ValueError, match=".") as caught:
            catalogue.parse_filter(text)
        assert str(caught.value) == (
            f"expected NAME=VALUE, or one of != < <= > >= between, got {text!r}"
        )


def test_filters_of_records():
    records = [made(f"/x/{n}", params={"beta": n, "rho": [n], "name": "b"}) for n in (1, 2, 10)]

    def chosen(*texts, sort=()):
        filters = [catalogue.parse_filter(text) for text in texts]
        return [r.params["beta"] for r in catalogue.select(records, filters, list(sort))]

    for text, found in (
        ("beta=2", [2]), ("beta!=2", [1, 10]), ("beta<2", [1]), ("beta<=2", [1, 2]),
        ("beta>2", [10]), ("beta>=2", [2, 10]), ("rho=2", [2]), ("name=b", [1, 2, 10]),
        ("name<3", []), ("name!=3", [1, 2, 10]), ("other=1", []), ("seconds=1.5", [1, 2, 10]),
        ("kind=theory", [1, 2, 10]), ("bytes=0", [1, 2, 10]),
    ):  # fmt: skip
        assert chosen(text) == found
    assert chosen(sort=["-beta"]) == [10, 2, 1]
    assert chosen(sort=["name", "beta"]) == [1, 2, 10]
    with pytest.raises(ValueError, match=".") as caught:
        catalogue.unknown(records, [catalogue.parse_filter("beta=x")], [])
    assert str(caught.value) == "beta is a number such as 1, not 'x'"
    with pytest.raises(ValueError, match=".") as caught:
        catalogue.unknown(records, [catalogue.parse_filter("name=3")], [])
    assert str(caught.value) == "name is a text such as b, not 3"
    filters = [catalogue.parse_filter("nobody=3"), catalogue.parse_filter("beta=3")]
    assert catalogue.unknown(records, filters, ["-no-one", "beta", "nobody"]) == [
        "nobody",
        "no_one",
    ]


# ---- the process that reads


def test_ends_of_the_process_that_reads():
    for name, words in (
        ("SIGSEGV", "reading it crashes or hangs"), ("SIGBUS", "reading it crashes or hangs"),
        ("SIGABRT", "reading it crashes or hangs"), ("SIGFPE", "reading it crashes or hangs"),
        ("SIGILL", "reading it crashes or hangs"), ("SIGXCPU", "reading it hangs"),
        ("SIGTRAP", "reading it crashes or hangs"), ("SIGSYS", "reading it crashes or hangs"),
    ):  # fmt: skip
        found = apart._verdict(-getattr(signal, name))
        assert (type(found), str(found)) == (ValueError, words)
    for code, kind, words in (
        (77, StoreError, "cannot read a file: Cannot allocate memory"),
        (-15, StoreError, "cannot read a file: the process that does it was ended by signal 15"),
        (-9, StoreError, "cannot read a file: the process that does it was ended by signal 9"),
        (0, ValueError, "reading it crashes or hangs"),
        (1, ValueError, "reading it crashes or hangs"),
    ):
        found = apart._verdict(code)
        assert (type(found), str(found)) == (kind, words)
    assert (apart.CPU, apart.PATIENCE, apart.MEMORY, apart.SHORT) == (1, 60, 1 << 27, 77)
