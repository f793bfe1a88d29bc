"""Columns that are no measurements, just at the limits: codes, their distances, and counters."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data.columns import Watch, _codes, _is_code, _merged, _sentence, _usual


@pytest.mark.parametrize(
    ("value", "known"),
    [
        (999, True), (-9999, True), (888, True), (-777, True), (-998, True), (99.9, True),
        (-999.9, True), (99, False), (9.99, False), (88.8, False), (666, False), (992, False),
        (989, False), (789, False), (200, False), (32767, True), (-32768, True), (32768, False),
        (2147483647, True), (-(2.0**31), True), (-(2.0**63), True), (-32767, False),
        (1e15, True), (-1e15, True), (9.9e14, False), (1.005e15, True), (1.005e14, False),
        (0, False),
    ],
)  # fmt: skip
def test_numbers_that_people_write_for_nothing(value, known):
    assert _usual(value) == known


@pytest.mark.parametrize(
    ("value", "share", "count", "single", "gap", "rest", "told"),
    [
        # fills: a million times as far off as all else is wide
        (1e15, 0.5, 1, False, 2e6, 2, False), (-1e15, 0.5, 1, False, 2.005e6, 2, True),
        (1e20, 0.01, 9, True, 1.9e6, 2, False), (1e15, 0.5, 1, False, 1e-9, 0, True),
        # usual ones: half as far, or a tenth where several stand beside a single one
        (999, 0.9, 1, False, 1, 2, False), (999, 0.9, 1, False, 1.005, 2, True),
        (999, 0.9, 3, True, 0.2, 2, False), (999, 0.9, 3, True, 0.201, 2, True),
        (999, 0.9, 2, True, 0.9, 2, False), (999, 0.9, 3, False, 0.9, 2, False),
        (999, 0.9, 1, True, 1.5, 2, True), (999, 0.9, 1, False, 0.1, 0, True),
        # those that are measured, too: twice, and as far off as all else is wide
        (99, 0.9, 2, False, 2, 2, False), (-9, 0.9, 2, False, 2.01, 2, True),
        (99, 0.9, 1, False, 2.01, 2, False), (-98, 0.9, 2, False, 0.01, 0, True),
        (98, 0.01, 9, False, 2, 2, False),
        # any other: rare, and three times as far, or a hundred times where there are two
        (-200, 0.05, 3, False, 6, 2, False), (-200, 0.05, 3, False, 6.01, 2, True),
        (-200, 0.05, 2, False, 6.01, 2, False), (-200, 0.05, 2, False, 200, 2, False),
        (-200, 0.05, 2, False, 201, 2, True), (-200, 0.05, 1, False, 999, 2, False),
        (-200, 0.1, 3, False, 999, 2, False), (-200, 0.1005, 3, False, 999, 2, False),
        (-200, 0.0999, 3, False, 999, 2, True), (-200, 0.05, 3, False, 999, 0, False),
    ],
)  # fmt: skip
def test_a_value_stands_for_nothing_if_far_enough_off(value, share, count, single, gap, rest, told):
    assert _is_code(value, share, count, single, gap, rest) == told


def test_numbers_with_two_digits_that_may_be_measured():
    """They count from two rows on, other numbers from three."""
    unsure = (x for x in range(-120, 121) if _is_code(x, 0.05, 2, False, 2.5, 2))
    assert [*unsure] == [-99, -98, -97, -9, -8, 97, 98, 99]
    unsure = (x + y for x in range(-120, 121) for y in (0.08, 0.97, 0.98, 0.99, -0.09))
    assert not [x for x in unsure if _is_code(x, 0.05, 2, False, 2.5, 2) and not _usual(x)]


def codes(low, counts, high=(9.0, 8.0, 7.0), rows=100):
    """Return the codes at the low end of the second column; at the high end of the mirror image."""
    ends, others = (
        SimpleNamespace(seen=np.transpose([[0.0] * 3, x]), counts=np.transpose([[1] * 3, n]))
        for x, n in ((low, counts), (-np.array(high), (1, 1, 1)))
    )
    found = _codes(1, rows, ends, others, 1)
    mirrored = _codes(-1, rows, ends, others, 1)
    assert [(-value, count) for value, count in mirrored] == found
    return found


def test_codes_are_judged_by_the_gap_above_them_and_the_range_of_all_else():
    # the range of all else is 9 - 0
    assert codes((-27.01, 0.0, 1.0), (3, 1, 1)) == [(-27.01, 3)]
    assert codes((-27.0, 0.0, 1.0), (3, 1, 1)) == []
    assert codes((-27.01, 0.0, 1.0), (10, 1, 1)) == []  # of 100 rows
    assert codes((-27.01, 0.0, 1.0), (10, 1, 1), rows=101) == [(-27.01, 10)]
    # a usual one at the other end does not count as all else, where there is a next one
    assert codes((-25.0, 0.0, 1.0), (3, 1, 1), (999.0, 8.0, 7.0)) == [(-25.0, 3)]
    assert codes((-25.0, 0.0, 1.0), (3, 1, 1), (998.5, 8.0, 7.0)) == []
    assert codes((-23.5, 0.0, 1.0), (3, 1, 1), (999.0, 8.0, 7.0)) == []
    assert codes((-25.0, 0.0, 1.0), (3, 1, 1), (999.0, 8.0, -np.inf)) == [(-25.0, 3)]
    assert codes((-2997.5, 0.0, 1.0), (3, 1, 1), (999.0, -np.inf, -np.inf)) == [(-2997.5, 3)]
    assert codes((-2996.5, 0.0, 1.0), (3, 1, 1), (999.0, -np.inf, -np.inf)) == []
    # next to several of the same, a usual one must be further off
    assert codes((-999.0, -997.5, 1.0), (3, 1, 1), (9.0, 8.0, 7.0)) == []
    assert codes((-999.0, -990.0, 1.0), (3, 1, 1), (-910.0, 8.0, 7.0)) == [(-999.0, 3)]
    assert codes((-999.0, -990.0, 1.0), (3, 2, 1), (-910.0, 8.0, 7.0)) == []


def test_two_codes_are_told_together_or_one_alone():
    assert codes((-999.0, -998.0, 0.0), (3, 2, 1)) == [(-999.0, 3), (-998.0, 2)]
    assert codes((-999.0, -40.0, 0.0), (3, 3, 1)) == [(-999.0, 3), (-40.0, 3)]
    assert codes((-999.0, -25.0, 0.0), (3, 3, 1)) == [(-999.0, 3)]
    # nothing else is there
    assert codes((-999.0, -998.0, np.inf), (3, 2, 0), (-998.0, -999.0, -np.inf)) == [(-999.0, 3)]
    assert codes((-999.0, np.inf, np.inf), (3, 0, 0), (-999.0, -np.inf, -np.inf)) == []


def seen_in(data, rows):
    watch = Watch()
    for start in range(0, len(data), rows):
        watch.see(data[start : start + rows])
    return watch


@pytest.mark.parametrize("rows", [1, 2, 5, 30])
def test_both_ends_of_a_column_are_known_with_their_counts(rows):
    # 3.0 is 0.1 of the range of all else above 2.0 and more, and so on
    data = np.array([5, 1, 9, 2, 9, 1, 8, 1, 2, 9, 4, 7], float)[:, None]
    watch = seen_in(data, rows)
    assert watch.low.seen[:, 0].tolist() == [1, 2, 4]
    assert watch.low.counts[:, 0].tolist() == [3, 2, 1]
    assert (-watch.high.seen[:, 0]).tolist() == [9, 8, 7]
    assert watch.high.counts[:, 0].tolist() == [3, 1, 1]


def test_of_two_lists_of_values_the_lowest_three_are_kept():
    values = np.array([[1, 3.0], [2, np.inf], [5, np.inf], [2, 3], [1, 4], [7, np.inf]])
    counts = np.array([[4, 1], [3, 0], [1, 0], [2, 5], [1, 1], [9, 0]])
    kept, many = _merged(values, counts)
    assert kept.T.tolist() == [[1, 2, 5], [3, 4, np.inf]]
    assert many.T.tolist() == [[5, 5, 1], [6, 1, 0]]


def test_values_within_a_tenth_of_the_range_are_not_counted_again():
    def counted(highest):
        watch, mirrored = Watch(), Watch()
        for top in (120.0, highest):
            block = np.array([[100.0], [101.0], [101.5], [top]])
            watch.see(block)
            mirrored.see(-block)
        assert watch.low.seen.tolist() == mirrored.high.seen.tolist() == [[100], [101], [101.5]]
        assert watch.low.counts.tolist() == mirrored.high.counts.tolist()
        return watch.low.counts[:, 0].tolist()

    assert counted(111.0) == [1, 1, 1]  # the gap of 1 is not more than a tenth of 111 - 101
    assert counted(110.9) == [2, 2, 2]


ONES = np.random.default_rng(0).normal(size=40)


def counters(values, rows=7):
    data = np.stack([ONES[: len(values)], np.array(values, float)], axis=1)
    (found,) = seen_in(data, rows).doubts() or ("",)
    return found


def test_ten_rows_are_enough_for_a_counter():
    for count in (np.arange(10), 3 + 2 * np.arange(10), np.arange(10)[::-1]):
        assert counters(count).startswith(
            f"column 2 goes from {count.min()} to {count.max()} as rows are counted: leave it out"
        )
    assert counters(np.arange(9)) == ""


def test_numbers_in_a_row_without_order_are_counters_and_no_others():
    mixed = np.random.default_rng(1).permutation(20)
    assert counters(mixed + 5)
    assert counters(mixed - 30)
    for old, new in ((3, 3.5), (3, 4), (19, 20), (19, 18), (0, 1)):
        assert not counters(np.where(mixed == old, new, mixed)), (old, new)


def test_whole_numbers_that_occur_twice_are_no_counters():
    mixed = np.random.default_rng(1).permutation(20)
    assert counters(mixed, 1)
    same_mean = np.where(mixed == 5, 4, np.where(mixed == 14, 15, mixed))
    for other in (same_mean, np.where(mixed == 5, 6, mixed), np.where(mixed == 14, 13, mixed)):
        assert not counters(other, 1)
        assert not counters(np.sort(other), 1)
        assert not counters(np.sort(other)[::-1], 1)


def test_rising_whole_numbers_with_gaps_are_counters_while_these_are_few():
    # 20 rows that rise to 39 but not to 40, in steps that differ
    rises = np.cumsum([0, *[2, 2, 3, 1] * 4, 2, 2, 3])
    assert rises[-1] == 39
    assert counters(rises)
    assert counters(-rises)
    assert counters(rises + 100)
    assert not counters(np.array([*rises[:-1], 40]) - 100)
    assert not counters([*rises[:-1], 40])
    assert not counters(rises + 0.5 * (np.arange(20) == 9))
    for at in (0, 12):
        swapped = rises.copy()
        swapped[[at, at + 1]] = rises[[at + 1, at]]
        assert not counters(swapped)
        assert not counters(-swapped)


def test_equal_steps_are_equal_up_to_a_millionth():
    even = 5 + 0.25 * np.arange(20)
    assert counters(even)
    assert counters(even + 2.49e-7 * (np.arange(20) == 9))
    assert not counters(even + 2.51e-7 * (np.arange(20) == 9))
    assert not counters(np.full(20, 2.5))
    assert counters(-even)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("code", "count", "told"),
    [(91.5, 1, False), (99.9, 1, True), (80.25, 1, False), (80.25, 2, True), (99, 1, False),
     (99, 2, True)],
)  # fmt: skip
def test_codes_are_looked_for_where_a_number_occurs_twice_or_is_large(sign, code, count, told):
    data = 0.1 * np.random.default_rng(5).normal(size=(400, 3))
    data[100 : 100 + count, 1] = sign * code
    watch = Watch()
    watch.see(data)
    assert len(watch.doubts()) == told


def test_other_columns_are_named_once_in_order_and_five_at_most():
    assert _sentence([], "cure") == []
    assert _sentence([(4, "is bad"), (4, "is worse")], "cure") == ["column 5 is bad: cure"]
    assert _sentence([(4, "is bad"), (7, ""), (4, "")], "cure") == [
        "column 5 is bad (and so on in column 8): cure"
    ]
    found = [(k, "is bad") for k in (0, 6, 2, 2, 3, 4, 5)]
    assert _sentence(found[:-1], "cure") == [
        "column 1 is bad (and so on in columns 3, 4, 5, 7): cure"
    ]
    assert _sentence(found, "cure") == [
        "column 1 is bad (and so on in columns 3, 4, 5, 6, 7): cure"
    ]
    assert _sentence([*found, (1, "is bad")], "cure") == [
        "column 1 is bad (and so on in columns 2, 3, 4, 5, 6, ...): cure"
    ]
