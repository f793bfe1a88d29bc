"""The store, used for a simulator of its own: it knows nothing of variational autoencoders."""

import logging
import re
import shutil

import h5py
import numpy as np
import pytest

from tests.shared.damage import of_schema, without_seal
from tests.shared.pendulum import PARAMS, Pendulum
from vaedyn.store import DamagedRecordError, OtherSchemaError, ResultStore, StoreError, key_of
from vaedyn.store import hdf5 as record_module
from vaedyn.store.draft import write


def extend(store, simulator, length):
    return store.load_or_extend(
        "swings", PARAMS, lambda first: simulator.swings(first, length), length, "swing"
    )


def test_a_result_is_computed_once_and_comes_back_whole(store):
    pendulum = Pendulum()
    first = store.load_or_run("pendulum", PARAMS, pendulum.once)
    again = store.load_or_run("pendulum", dict(reversed(PARAMS.items())), pendulum.once)
    assert pendulum.calls == 1
    assert (first.reused, again.reused) == (False, True)
    assert again.key == key_of("pendulum", PARAMS) == first.key
    assert again.params == PARAMS
    assert again.info == {"steps": 7, "note": "calm"}
    assert list(again.variables) == list(first.variables) == ["time", "angle", "count"]
    for name, (dims, values, notes) in first.variables.items():
        assert again.variables[name][0] == dims
        assert again.variables[name][2] == notes
        np.testing.assert_array_equal(again.variables[name][1], values)
        assert again.variables[name][1].dtype == values.dtype
    np.testing.assert_array_equal(again.angle, first.angle)


def test_other_parameters_and_kinds_are_other_results(store):
    pendulum = Pendulum()
    for kind, params in (("a", PARAMS), ("b", PARAMS), ("a", {**PARAMS, "speed": 2.6})):
        store.load_or_run(kind, params, pendulum.once)
    assert pendulum.calls == 3
    assert len(list(store.records())) == 3


def test_recompute_ignores_what_is_there(store):
    pendulum = Pendulum()
    store.load_or_run("a", PARAMS, pendulum.once)
    result = ResultStore(store.path, recompute=True).load_or_run("a", PARAMS, pendulum.once)
    assert pendulum.calls == 2
    assert not result.reused


def test_a_missing_variable_is_named(store):
    result = store.load_or_run("a", PARAMS, Pendulum().once)
    with pytest.raises(AttributeError, match="no variable 'angel'.*'angle'"):
        _ = result.angel


def test_more_entries_cost_only_the_missing_ones(store):
    pendulum = Pendulum()
    assert not extend(store, pendulum, 3).reused
    longer = extend(store, pendulum, 5)
    assert pendulum.computed == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(longer.angle[:, 0], range(5))
    assert longer.g == 9.81
    assert [path.name for path in store.path.iterdir()] == [f"swings-{longer.key}-5.h5"]


def test_fewer_entries_are_the_first_of_those_that_are_there(store):
    pendulum = Pendulum()
    extend(store, pendulum, 5)
    few = extend(store, pendulum, 2)
    assert few.reused
    assert pendulum.computed == list(range(5))
    np.testing.assert_array_equal(few.angle[:, 0], [0, 1])
    assert few.g == 9.81


def test_an_interrupted_run_keeps_what_was_finished(store, caplog):
    def interrupted(first):
        yield from Pendulum().swings(first, 3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.WARNING):
        store.load_or_extend("swings", PARAMS, interrupted, 10, "swing")
    key = store.find("swings-").key
    assert caplog.messages == [f"kept 3 of 10 swings of swings {key[:12]}"]
    pendulum = Pendulum()
    extend(store, pendulum, 4)
    assert pendulum.computed == [3]


def test_a_long_run_is_saved_now_and_then(store, tmp_path):
    store.save_every = 0.0
    seen = []

    def watched(first):
        for block in Pendulum().swings(first, 4):
            yield block
            seen.append(sorted(path.name.rpartition("-")[2] for path in store.path.iterdir()))

    store.load_or_extend("swings", PARAMS, watched, 4, "swing")
    assert seen == [["1.h5"], ["2.h5"], ["3.h5"], ["4.h5"]]


def test_a_failed_computation_leaves_nothing(store):
    def fails(*_):
        raise ArithmeticError("too fast")

    with pytest.raises(ArithmeticError, match="too fast"):
        store.load_or_run("a", PARAMS, fails)
    with pytest.raises(ArithmeticError, match="too fast"):
        store.load_or_extend("b", PARAMS, fails, 3, "swing")
    assert list(store.path.iterdir()) == []


def test_a_record_under_a_wrong_name_is_not_taken(store):
    path = store.load_or_run("a", PARAMS, Pendulum().once).path
    other = {**PARAMS, "speed": 9}
    shutil.copy(path, store.path / f"a-{key_of('a', other)}.h5")
    pendulum = Pendulum()
    result = store.load_or_run("a", other, pendulum.once)
    assert pendulum.calls == 1
    assert result.params["speed"] == 9


@pytest.mark.parametrize("blocked", ["file", "child of a file"])
def test_a_store_that_cannot_be_written_is_said_before_anything_is_computed(tmp_path, blocked):
    file = tmp_path / "file"
    file.write_text("no folder")
    store = ResultStore(file if blocked == "file" else file / "results")
    pendulum = Pendulum()
    message = rf"^cannot read {re.escape(str(store.path))}/\w+-\w+(-2)?\.h5: Not a directory$"
    with pytest.raises(StoreError, match=message):
        store.load_or_run("a", PARAMS, pendulum.once)
    with pytest.raises(StoreError, match=message):
        extend(store, pendulum, 2)
    again = ResultStore(store.path, recompute=True)
    why = "File exists" if blocked == "file" else "Not a directory"
    message = rf"^cannot write to the store {re.escape(str(store.path))}: {why}$"
    with pytest.raises(StoreError, match=message):
        again.load_or_run("a", PARAMS, pendulum.once)
    with pytest.raises(StoreError, match=message):
        extend(again, pendulum, 2)
    assert (pendulum.calls, pendulum.computed) == (0, [])


def test_a_record_that_cannot_be_read_is_an_error_not_an_empty_store(store, monkeypatch):
    pendulum = Pendulum()
    path = store.load_or_run("a", PARAMS, pendulum.once).path

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(StoreError, match="cannot read .*Permission denied"):
        store.load_or_run("a", PARAMS, pendulum.once)
    assert pendulum.calls == 1
    assert path.exists()


def test_a_failed_write_leaves_nothing_and_harms_nothing(store, monkeypatch):
    kept = store.load_or_run("a", PARAMS, Pendulum().once).path
    before = kept.read_bytes()

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record_module.os, "replace", disk_full)
    with pytest.raises(StoreError, match="cannot write .*No space left on device"):
        store.load_or_run("b", PARAMS, Pendulum().once)
    assert [path.name for path in store.path.iterdir()] == [kept.name]
    assert kept.read_bytes() == before


def test_another_schema_is_refused_with_a_hint(store):
    path = of_schema(store.load_or_run("a", PARAMS, Pendulum().once).path, 2)
    with pytest.raises(OtherSchemaError, match="has schema 2, this version reads schema 1"):
        record_module.read(path)


@pytest.mark.parametrize("digit", [b"0", b"3", b"5", b"9"])
def test_a_flipped_bit_in_the_schema_is_damage_for_it_is_part_of_the_key(store, digit):
    pendulum = Pendulum()
    path = store.load_or_run("a", PARAMS, pendulum.once).path
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"schema": 1,', b'"schema": %s,' % digit))
    with pytest.raises(DamagedRecordError, match="its key does not fit its parameters"):
        record_module.read(path)
    assert not store.load_or_run("a", PARAMS, pendulum.once).reused
    assert store.load_or_run("a", PARAMS, pendulum.once).reused


def test_equal_results_are_equal_files(store, tmp_path, monkeypatch):
    provenance = {"created": "then", "seconds": 1.0}
    files = []
    for folder in ("one", "two"):
        record = ResultStore(tmp_path / folder).load_or_run("a", PARAMS, Pendulum().once)
        object.__setattr__(record, "provenance", provenance)
        write(record)
        files.append(record.path.read_bytes())
    assert files[0] == files[1]


def test_shapes_that_do_not_fit_their_dimensions_are_refused(store):
    def wrong():
        return {"a": (("x",), np.zeros(3), {}), "b": (("x",), np.zeros(4), {})}, {}

    with pytest.raises(ValueError, match="dimension x is 3 long, but 4 in b"):
        store.load_or_run("a", PARAMS, wrong)
    assert list(store.path.iterdir()) == []


def test_records_are_found_by_the_beginning_of_their_key(store):
    one = store.load_or_run("a", PARAMS, Pendulum().once)
    assert store.find(one.key[:6]).key == one.key
    assert store.find(one.key).params == PARAMS
    extend(store, Pendulum(), 2)
    longer = extend(store, Pendulum(), 3)
    assert len(store.find(longer.key[:8]).angle) == 3
    with pytest.raises(KeyError, match="no record.*'zz'"):
        store.find("zz")
    with pytest.raises(KeyError, match="2 records.*''"):
        store.find("")


def test_files_of_others_are_left_alone(store):
    store.load_or_run("a", PARAMS, Pendulum().once)
    for name in ("notes.txt", "b.h5", ".a-1234.h5.host-1-aa.tmp"):
        (store.path / name).write_text("mine")
    assert [record.kind for record in store.records()] == ["a"]
    assert (store.path / "b.h5").read_text() == "mine"


def test_a_missing_folder_is_an_empty_store(tmp_path):
    store = ResultStore(tmp_path / "none")
    assert list(store.records()) == []
    assert not (tmp_path / "none").exists()


def test_recomputed_entries_replace_all_that_were_there(store):
    extend(store, Pendulum(), 8)
    again, pendulum = ResultStore(store.path, recompute=True), Pendulum()
    extend(again, pendulum, 3)
    assert pendulum.computed == [0, 1, 2]
    assert [path.name.rpartition("-")[2] for path in store.files()] == ["3.h5"]


def test_a_shorter_record_that_comes_late_stays_beside_the_longer_one(store):
    """The longer one's computation may still fail and take it away; a later writer tidies up."""

    def overtaken(first):
        yield from Pendulum().swings(first, 2)
        extend(ResultStore(store.path), Pendulum(), 5)

    result = store.load_or_extend("swings", PARAMS, overtaken, 2, "swing")
    assert len(result.angle) == 2
    assert [path.name.rpartition("-")[2] for path in store.files()] == ["2.h5", "5.h5"]
    assert [record.length for record in store.records()] == [5]
    extend(store, Pendulum(), 6)
    assert [path.name.rpartition("-")[2] for path in store.files()] == ["6.h5"]


def test_a_failure_takes_nothing_from_others_who_finished_meanwhile(store):
    """Another process that began earlier finishes with fewer entries than were saved here."""
    store.save_every = 0.0

    def fails(first):
        yield from Pendulum().swings(first, 5)
        assert [record.length for record in store.records()] == [5]
        other = ResultStore(store.path)
        block = ({"angle": (("swing", "time"), np.zeros((3, 4)), {})}, {})
        other.supersede(other.write("swings", PARAMS, block, 1.0, length=3))
        raise ArithmeticError("too fast")

    with pytest.raises(ArithmeticError):
        store.load_or_extend("swings", PARAMS, fails, 9, "swing")
    assert [record.length for record in store.records()] == [3]


def test_a_failure_after_some_entries_leaves_the_store_as_it_was(store):
    extend(store, Pendulum(), 2)
    before = {path.name: path.read_bytes() for path in store.path.iterdir()}
    store.save_every = 0.0

    def fails(first):
        yield from Pendulum().swings(first, 5)
        raise ArithmeticError("too fast")

    with pytest.raises(ArithmeticError):
        store.load_or_extend("swings", PARAMS, fails, 9, "swing")
    assert {path.name: path.read_bytes() for path in store.path.iterdir()} == before


@pytest.mark.parametrize("kind", ["my-kind", "Kind", "a/b", "", "2a"])
def test_a_kind_that_is_no_word_is_refused_before_anything_is_computed(store, kind):
    pendulum = Pendulum()
    with pytest.raises(ValueError, match="kind must be a word in lower case"):
        store.load_or_run(kind, PARAMS, pendulum.once)
    with pytest.raises(ValueError, match="kind must be a word in lower case"):
        store.load_or_extend(kind, PARAMS, pendulum.swings, 2, "swing")
    assert (pendulum.calls, pendulum.computed) == (0, [])


def test_a_kind_may_have_digits(store):
    store.load_or_run("grow2", PARAMS, Pendulum().once)
    assert [record.kind for record in store.records()] == ["grow2"]


@pytest.mark.parametrize("variables", [{"a/x": ((), 1.0, {})}, {"a": ((), "text", {})}])
def test_what_a_record_cannot_hold_is_refused(store, variables):
    with pytest.raises((ValueError, TypeError), match="must"):
        store.load_or_run("a", PARAMS, lambda: (variables, {}))
    assert list(store.path.iterdir()) == []


def test_numpy_numbers_in_info_and_all_attributes_survive(store):
    def compute():
        return {"x": ((), 1.0, {"units": "m", "comment": "hand-made"})}, {"n": np.int64(3)}

    store.load_or_run("a", PARAMS, compute)
    again = store.load_or_run("a", PARAMS, compute)
    assert again.info == {"n": 3}
    assert again.variables["x"][2] == {"units": "m", "comment": "hand-made"}


def damage_units(path):
    with h5py.File(path, "r+") as file:
        file["angle"].attrs["units"] = "deg"


def test_changed_units_are_damage(store):
    path = store.load_or_run("a", PARAMS, Pendulum().once).path
    damage_units(path)
    with pytest.raises(DamagedRecordError, match="its SHA-256 does not fit"):
        record_module.read(path)
    path.write_bytes(without_seal(path.read_bytes()))
    with pytest.raises(DamagedRecordError, match="its checksum does not fit"):
        record_module.read(path)
