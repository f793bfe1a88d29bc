"""Finding and sorting records, and what a record is."""

import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

from vaedyn.store import ResultStore, catalogue
from vaedyn.store.catalogue import parse_filter, property_of, select, unknown
from vaedyn.store.record import Record, length_of, reason


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "store")


def toy(store, **params):
    return store.load_or_run("toy", params, lambda: ({"x": ((), 1.0, {})}, {}))


# --- finding and sorting ----------------------------------------------------------------


def record(n, *, kind="toy", path=None, info=None, **params):
    found = Path(f"toy-{n:032x}.h5") if path is None else path
    origin = {"created": f"2026-01-0{n}T00:00:00+00:00", "seconds": 10.0 - n}
    return Record(kind, f"{n:032x}", params, {}, info or {}, origin, found)


def ranked(*names, of):
    return [each.key[-1] for each in select(of, [], list(names))]


def test_numbers_come_before_text_and_what_is_missing_comes_last():
    values = ["b", 10, 2.5, "a", [3, 1], True, None]
    there = [record(n, v=value) for n, value in enumerate(values, start=1)]
    assert ranked("v", of=there) == ["6", "3", "2", "5", "4", "1", "7"]
    assert ranked("-v", of=there) == ["1", "4", "5", "2", "3", "6", "7"]


def test_the_first_property_counts_most_and_equal_ones_stay_in_order():
    there = [record(n, a=a, t_max=t) for n, a, t in ((1, 2, 5), (2, 1, 5), (3, 2, 4), (4, 1, 5))]
    assert ranked("a", "t-max", of=there) == ["2", "4", "3", "1"]
    assert ranked("t-max", "-a", of=there) == ["3", "1", "2", "4"]
    assert ranked("-t-max", of=there) == ["1", "2", "4", "3"]
    assert ranked("seconds", of=there) == ["4", "3", "2", "1"]
    assert ranked("-created", of=there) == ["4", "3", "2", "1"]


def test_records_may_be_found_by_when_they_were_made_and_how_long_they_are(tmp_path):
    one = record(1, a=0, path=tmp_path / f"toy-{1:032x}-12.h5")
    one.path.write_bytes(bytes(345))
    found = {name: property_of(one, name) for name in ("kind", "length", "bytes", "created", "b")}
    assert found == {
        "kind": "toy", "length": 12, "bytes": 345, "created": "2026-01-01T00:00:00+00:00", "b": None
    }  # fmt: skip
    assert property_of(one, "seconds") == 9.0
    assert property_of(one, "a") == 0
    one.provenance["machine"] = "Linux"
    assert property_of(one, "machine") is None  # which is no property
    assert parse_filter("a=0")(one)
    assert parse_filter("length>=12")(one)
    assert not parse_filter("length>12")(one)
    assert not parse_filter("length<=11")(one)
    assert not parse_filter("b!=1")(one)


def test_text_and_numbers_are_unequal_and_in_no_order():
    one = record(1, a="x", b=[2], c=[2, 3])
    accepted = {
        text: parse_filter(text)(one)
        for text in ("a!=1", "a<1", "a>1", "a=1", "b=2", "b>1", "c=2,3", "c=2", "c!=2", " a = x ")
    }
    assert [text for text, yes in accepted.items() if yes] == [
        "a!=1", "b=2", "b>1", "c=2,3", "c!=2", " a = x ",
    ]  # fmt: skip


def test_names_that_no_record_has_are_returned_once():
    there = [record(1, a=1, rho=[2]), record(2, a=2, rho=[2, 1])]
    filters = [parse_filter(text) for text in ("a=1", "x-y=2", "x-y<3")]
    assert unknown(there, filters, ["-a", "-x-y", "z"]) == ["x_y", "z"]
    assert unknown(there, [], ["a", "kind"]) == []
    with pytest.raises(ValueError, match=r"^a is a number such as 1, not 'b'$"):
        unknown(there, [parse_filter("a=b")], [])
    with pytest.raises(ValueError, match=r"^kind is a text such as toy, not 5$"):
        unknown(there, [parse_filter("kind=5")], [])
    assert unknown(there, [parse_filter("rho=x")], []) == []  # some are lists
    with pytest.raises(ValueError, match=r"^a is a number such as 1, not 'b'$"):
        unknown([*there, record(3, b=1)], [parse_filter("a=b")], [])  # where there is one


def test_a_filter_is_no_longer_than_its_name_and_value():
    for text in ("beta", "=1", "beta=", "1.5", "", "a b=1"):
        with pytest.raises(ValueError, match="expected NAME=VALUE"):
            parse_filter(text)
    assert parse_filter("beta==1 2 =") == catalogue.Filter("beta", "=", "=1 2 =")
    assert parse_filter("t-max<=0.50") == catalogue.Filter("t_max", "<=", 0.5)


# --- records ----------------------------------------------------------------------------


def test_a_record_is_the_same_whether_it_was_found_or_computed(store):
    computed = toy(store, n=1)
    found = toy(store, n=1)
    assert (computed.reused, found.reused) == (False, True)
    plain = {"variables": {}}
    assert Record(**{**vars(computed), **plain}) == Record(**{**vars(found), **plain})
    assert toy(store, n=2).key != found.key


def test_records_are_not_changed():
    with pytest.raises(FrozenInstanceError):
        record(1).kind = "other"


def test_a_record_without_variables_says_so():
    with pytest.raises(AttributeError, match=r"^record has no variable 'x'; it has \[\]$"):
        _ = record(1).x


def test_lengths_are_read_off_names_of_growing_records_alone():
    key = "0" * 32
    names = (f"toy-{key}-12.h5", f"toy-{key}.h5", f"toy-{key}-.h5", f"toy-{key}-1.h5.damaged-5")
    assert [length_of(Path(name)) for name in names] == [12, None, None, None]


def test_reasons_are_those_of_the_system_or_the_first_line():
    assert reason(OSError(28, "full")) == os.strerror(28)
    assert reason(OSError("first\nsecond")) == "first"


def test_many_records_with_one_beginning_are_told_by_five_of_their_keys(store):
    keys = sorted(toy(store, n=n).key for n in range(7))
    with pytest.raises(KeyError) as error:
        store.locate("toy-")
    text = error.value.args[0]
    assert text.startswith("7 records in ")
    shown = ", ".join(key[:10] for key in keys[:5])
    assert text.endswith(f"have keys starting with 'toy-': {shown}, ...")
    for path in store.files()[5:]:
        path.unlink()
    with pytest.raises(KeyError) as error:
        store.locate("")
    shown = ", ".join(key[:6] for key in keys[:5])
    assert error.value.args[0].endswith(f"have keys starting with '': {shown}")


def test_lengths_are_compared_as_numbers(store):
    store.path.mkdir()
    values = np.arange(20.0)

    def write(n, length):
        block = ({"x": (("i",), values[:length], {})}, {})
        return store.write("grown", {"n": n}, block, 1.0, length)

    short, long, _ = write(1, 3), write(1, 12), write(2, 20)
    assert store.locate(short.key) == [short.path, long.path]
    assert len(store.find(short.key).x) == len(store.find(f"grown-{short.key[:9]}").x) == 12
    assert store.find_label(short.key).length == 12
    assert sorted(each.length for each in store.records()) == [12, 20]
    found = store.load_or_extend("grown", {"n": 1}, None, 7, "i")  # with nothing to compute
    np.testing.assert_array_equal(found.x, values[:7])
    assert found.reused
    assert store.supersede(short) is short
    assert store.locate(short.key) == [short.path, long.path]
    assert store.supersede(long) is long
    assert store.locate(short.key) == [long.path]
    assert len(store.files()) == 2


def test_a_beginning_without_a_kind_is_one_of_keys(store):
    one = toy(store, n=1)
    other = store.load_or_run("a2", {"n": 1}, lambda: ({"x": ((), 2.0, {})}, {}))
    assert store.find("a2-").path == other.path
    assert store.find("toy-").path == one.path
    for beginning in ("a2", "toy", one.key[1:], f"{one.key}0"):
        with pytest.raises(
            KeyError, match=rf"no record in .* has a key starting with '{beginning}'"
        ):
            store.find(beginning)
