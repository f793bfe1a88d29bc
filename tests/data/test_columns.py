"""Codes for missing values and numbers of rows among the columns of tables."""

import numpy as np
import pytest

from vaedyn.data.columns import Watch
from vaedyn.data.kept_spectrum import kept_spectrum

ROWS = 400


def doubts(data, rows=1000):
    watch = Watch()
    for start in range(0, len(data), rows):
        watch.see(data[start : start + rows])
    return watch.doubts()


def plain(seed=0):
    return np.random.default_rng(seed).normal(size=(ROWS, 5))


CODES = [-999, -9999, 999, 9999, -99, 99, -9, -200, -888, -999.9, 1e20, -1e30, 9.96921e36, -32768]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_codes_are_told_from_numbers(code, rows):
    data = plain()
    data[::50, 2] = code
    (text,) = doubts(data, rows)
    assert text.startswith(f"column 3 holds {code:g} in 8 of 400 rows")


def test_codes_in_many_columns_are_one_line():
    data = plain()
    data[np.random.default_rng(1).random(data.shape) < 0.02] = -999
    (text,) = doubts(data)
    assert text.startswith("column 1 holds -999 in ")
    assert "columns 2, 3, 4, 5" in text


def test_codes_close_to_the_data_are_told_by_their_number():
    data = 300 * plain() + 600
    data[::50, 2] = -999
    assert doubts(data)[0].startswith("column 3 holds -999 in 8")


def test_two_codes_are_both_told():
    data = plain()
    data[::50, 2], data[1::50, 2] = -998, -999
    assert "holds -999 in 8" in doubts(data)[0]


@pytest.mark.parametrize(
    "count",
    [
        np.arange(ROWS),
        np.arange(1, ROWS + 1),
        np.random.default_rng(2).permutation(ROWS),
        np.random.default_rng(2).permutation(ROWS) + 1,
        np.arange(ROWS)[::-1],
        1959 + 0.25 * np.arange(ROWS),
        np.delete(np.arange(500), np.arange(100) * 5),
    ],
)
@pytest.mark.parametrize("rows", [1, 33, 1000])
def test_numbers_of_rows_are_told(count, rows):
    data = plain()
    data[:, 3] = count
    (text,) = doubts(data, rows)
    low, high = count.min(), count.max()
    assert text.startswith(f"column 4 goes from {low:g} to {high:g} as rows are counted")


def test_measurements_are_neither():
    rng = np.random.default_rng(3)
    for data in (
        plain(),
        rng.integers(0, ROWS, (ROWS, 5)).astype(float),
        rng.poisson(0.3, (ROWS, 5)).astype(float),
        rng.standard_t(2, (ROWS, 5)),
        np.exp(2 * rng.normal(size=(ROWS, 5))),
        np.sort(rng.normal(size=(ROWS, 2)), axis=0),
        rng.integers(0, 2, (ROWS, 5)).astype(float),
        np.arange(9.0)[:, None] * [1, 2],  # too few rows to say
    ):
        assert doubts(data, 50) == ()


@pytest.mark.parametrize("standardise", [False, True])
def test_columns_are_judged_as_they_are(standardise):
    data = plain()
    data[:, 0] = np.arange(ROWS)
    data[::50, 4] = -999
    found, _ = kept_spectrum(lambda: iter([data]), "", standardise=standardise)
    assert [text[:12] for text in found.doubts] == ["column 5 hol", "column 1 goe"]
