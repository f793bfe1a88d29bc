"""Records that grow: how long they took, when they are saved, and what an end in between leaves."""

import logging
import tracemalloc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vaedyn.store import ResultStore, StoreError, growth, hdf5, results
from vaedyn.store.growth import Growth, first

PARAMS = {"speed": 2.5}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 1000.0

    def perf_counter(self):
        return self.now

    def time_ns(self):
        return int(self.now * 1e9)


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    for module in (growth, results):
        monkeypatch.setattr(module, "time", found)
    return found


@pytest.fixture
def store(tmp_path):
    return ResultStore(tmp_path / "results")


def lengths(store):
    return [int(path.stem.rpartition("-")[2]) for path in store.files()]


def swings(start, last, clock=None, each=0.0):
    """Yield one swing after the other, each of which takes so many seconds."""
    for i in range(start, last):
        if clock:
            clock.now += each
        yield {"angle": (("swing",), np.array([float(i)]), {}), "g": ((), 9.81, {})}, {"last": i}


def extend(store, length, clock=None, each=0.0):
    return store.load_or_extend(
        "swings", PARAMS, lambda start: swings(start, length, clock, each), length, "swing"
    )


def test_a_record_took_as_long_as_all_its_computations_and_nothing_else(store, clock, caplog):
    with caplog.at_level(logging.INFO):
        assert extend(store, 2, clock, 3.5).provenance["seconds"] == 7
        clock.now += 500.0  # in which nothing is computed
        assert extend(store, 5, clock, 2.0).provenance["seconds"] == 13
        clock.now += 500.0
        assert extend(store, 5, clock, 2.0).provenance["seconds"] == 13
    texts = [record.getMessage().split(" ", 3) for record in caplog.records]
    assert [words[0] for words in texts] == ["computed", "computed", "reused"]
    assert texts[0][3] == "in 7 s (swing 1 to 2)"
    assert texts[1][3] == "in 6 s (swing 3 to 5)"
    (kept,) = store.records()
    assert kept.provenance["seconds"] == 13


def test_recomputed_entries_took_their_own_time_alone(store, clock):
    extend(store, 2, clock, 3.5)
    again = ResultStore(store.path, recompute=True)
    assert extend(again, 2, clock, 1.25).provenance["seconds"] == 2.5


def test_a_single_result_took_as_long_as_its_computation(store, clock, caplog):
    def compute():
        clock.now += 2.25
        return {"x": ((), 1.0, {})}, {}

    with caplog.at_level(logging.INFO):
        record = store.load_or_run("a", PARAMS, compute)
    assert record.provenance["seconds"] == 2.25
    assert caplog.messages == [f"computed a {record.key[:12]} in 2.25 s"]


def seen_lengths(store, clock, length, each):
    """Return at which lengths the record is found after every block."""
    seen = []

    def watched(start):
        for block in swings(start, length, clock, each):
            yield block
            seen.append(lengths(store))

    store.load_or_extend("swings", PARAMS, watched, length, "swing")
    return seen


def test_a_record_is_saved_whenever_more_than_the_time_between_savings_is_over(store, clock):
    store.save_every = 2.0
    expected = [[], [], [3], [3], [3], [6], [6], [6]]
    assert seen_lengths(store, clock, 8, 1.0) == expected
    assert lengths(store) == [8]


def test_half_a_minute_lies_between_savings_unless_somebody_says_otherwise(store, clock):
    assert seen_lengths(store, clock, 4, 15.0) == [[], [], [3], [3]]


def test_what_was_there_stays_until_the_longer_one_is_finished(store, clock):
    extend(store, 2)
    store.save_every = 0.5
    assert seen_lengths(store, clock, 5, 1.0) == [[2, 3], [2, 4], [2, 5]]
    assert lengths(store) == [5]


def test_what_a_record_says_beside_its_numbers_is_of_its_last_block(store):
    extend(store, 2)
    assert extend(store, 5).info == {"last": 4}
    again = extend(store, 3)
    assert again.reused
    assert (again.info, again.g) == ({"last": 4}, 9.81)
    np.testing.assert_array_equal(again.angle, [0, 1, 2])


def test_a_record_of_the_very_length_is_found_without_listing_the_folder(store, monkeypatch):
    extend(store, 3)
    monkeypatch.setattr(store, "_files", None)
    assert extend(store, 3).reused


def test_recomputing_the_same_length_keeps_what_it_has_written(store):
    extend(store, 3)
    again = extend(ResultStore(store.path, recompute=True), 3)
    assert not again.reused
    assert store.files() == [again.path]


@pytest.mark.parametrize("have", [0, 2])
def test_an_interrupt_before_the_first_new_entry_keeps_what_is_there(store, have, caplog):
    if have:
        extend(store, have)

    def interrupted(start):
        yield from ()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.WARNING, "vaedyn.store"):
        store.load_or_extend("swings", PARAMS, interrupted, 9, "swing")
    assert lengths(store) == [have] * bool(have)
    assert len(caplog.messages) == bool(have)
    assert all(text.startswith(f"kept {have} of 9 swings of swings ") for text in caplog.messages)


def test_a_failure_says_nothing_of_entries_that_are_kept(store, caplog):
    extend(store, 2)

    def fails(start):
        yield from swings(start, 4)
        raise ArithmeticError("too fast")

    store.save_every = 0.0
    with pytest.raises(ArithmeticError), caplog.at_level(logging.WARNING, "vaedyn.store"):
        store.load_or_extend("swings", PARAMS, fails, 9, "swing")
    assert caplog.messages == []
    assert lengths(store) == [2]


def test_an_interrupt_saves_all_that_is_finished_and_removes_what_is_shorter(store):
    extend(store, 2)

    def interrupted(start):
        yield from swings(start, 6)
        raise SystemExit

    with pytest.raises(SystemExit):
        store.load_or_extend("swings", PARAMS, interrupted, 9, "swing")
    assert lengths(store) == [6]
    np.testing.assert_array_equal(store.find("").angle, range(6))


def test_a_computation_is_ended_when_its_entries_cannot_be_saved(store, monkeypatch):
    ended, kept = [], []

    def endless():
        try:
            yield from swings(0, 100)
        finally:
            ended.append(True)

    def compute(_):
        kept.append(endless())  # so that it is not ended for want of anybody who knows it
        return kept[0]

    def disk_full(*_, **__):
        raise OSError(28, "No space left on device")

    store.save_every = 0.0
    monkeypatch.setattr(hdf5, "write_into", disk_full)
    with pytest.raises(StoreError, match="No space left"):
        store.load_or_extend("swings", PARAMS, compute, 9, "swing")
    assert ended == [True]


def test_blocks_may_come_from_anything_that_can_be_gone_through(store):
    blocks = list(swings(0, 3))
    record = store.load_or_extend("swings", PARAMS, lambda _: iter(blocks), 3, "swing")
    np.testing.assert_array_equal(record.angle, [0, 1, 2])


def test_only_what_starts_with_the_dimension_is_cut_and_joined():
    def part(start, stop):
        square = np.arange(6.0).reshape(3, 2)
        return {
            "run": (("swing", "time"), np.arange(4.0 * start, 4.0 * stop).reshape(-1, 4), {}),
            "turned": (("time", "swing"), square, {"units": "m"}),
        }

    growing = Growth(lambda computed, *_: computed[0], "swing", None)
    for block in (part(0, 2), part(2, 5)):
        growing.add(block, {})
    assert growing.length == 5
    whole: Any = growing.save()
    np.testing.assert_array_equal(whole["run"][1], np.arange(20.0).reshape(5, 4))
    assert whole["turned"][1].shape == (3, 2)
    few = first(whole, "swing", 2)
    np.testing.assert_array_equal(few["run"][1], np.arange(8.0).reshape(2, 4))
    assert few["turned"][1].shape == (3, 2)
    assert few["turned"][2] == {"units": "m"}


# --- looking, while others write --------------------------------------------------------


def gone(path, *_):
    raise FileNotFoundError(path)


def test_files_that_are_listed_but_never_there_count_as_none(store, monkeypatch):
    extend(store, 3)
    monkeypatch.setattr(results, "read", gone)
    assert not extend(store, 2).reused
    with pytest.raises(StoreError, match="a file is listed that is not there"):
        store.find("")
    monkeypatch.setattr(results, "read_label", gone)
    assert list(store.records()) == []
    with pytest.raises(StoreError, match="a file is listed that is not there"):
        store.find_label("")


def test_a_folder_that_cannot_be_listed_is_an_error(store):
    store.path.write_text("no folder")
    with pytest.raises(StoreError, match=f"cannot read the store {store.path}: Not a directory"):
        store.files()


@pytest.mark.parametrize(
    ("error", "ends"),
    [(FileNotFoundError(2, "none"), None), (PermissionError(13, "Permission denied"), StoreError)],
)
def test_a_damaged_record_that_cannot_be_set_aside(store, monkeypatch, caplog, error, ends):
    path = extend(store, 3).path
    path.write_bytes(b"damaged")

    def replace(*_):
        raise error

    monkeypatch.setattr(results, "os", SimpleNamespace(replace=replace))
    if ends is None:  # another process was faster
        assert store._load(path) is None
        assert caplog.messages == []
    else:
        with pytest.raises(ends, match=r"no label; cannot set it aside: Permission denied"):
            store._load(path)
    assert path.read_bytes() == b"damaged"


def test_a_record_of_several_blocks_is_hardly_in_memory_twice(store):
    """Peak over the size of the record; copies that HDF5 makes itself are not seen."""
    count = 50_000

    def blocks(first):
        for n in range(first, 4):
            yield {name: (("run", "t"), np.full((1, count), n + 0.5), {}) for name in "abcdef"}, {}

    tracemalloc.start()
    try:
        record = store.load_or_extend("swings", {}, blocks, 4, "run")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert record.a.shape == (4, count)
    assert peak < 1.6 * 4 * 6 * 8 * count
