"""Names, folders, formats, filters and the process that reads, at their limits."""

import csv
import io
import json
import logging
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.shared.records import made
from vaedyn.store import (
    ResultStore,
    StoreError,
    apart,
    catalogue,
    draft,
    export,
    key,
    key_of,
    provenance,
    record,
    results,
    seal,
    shortcut,
    temporary,
    upkeep,
)


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "kept")


@pytest.fixture(autouse=True)
def forgetful():
    """Let no test know the files of another."""
    shortcut._known.clear()
    shortcut._frames.clear()


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
    own = [one.getMessage() for one in caplog.records if one.name.startswith("vaedyn")]
    assert own == [
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
