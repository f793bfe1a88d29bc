"""Columns that are asked for, and words about them: each way, each limit, each refusal."""

import numpy as np
import pytest

from vaedyn.errors import ParameterError
from vaedyn.tables.chosen import Column, chosen, unnamed
from vaedyn.tables.report import left_out, named, shown

THERE = (Column(1, "id", "words such as 'a'"), Column(2, "age"), Column(3, "size"), Column(4),
         Column(5, "7"), Column(6, "twice"), Column(7, "twice"), Column(8, "x, y"))  # fmt: skip


def taken(asked, there=THERE):
    return [column.number for column in chosen(there, asked)]


def refused(asked, there=THERE):
    with pytest.raises(ParameterError) as error:
        chosen(there, asked)
    return str(error.value)


def test_columns_have_a_name_or_a_number():
    assert [str(column) for column in THERE[2:4]] == ["size", "column 4"]
    assert str(Column(3, "a" * 41)) == "a" * 40
    assert unnamed(2) == (Column(1), Column(2))
    assert Column(3) == (3, "", "")


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (None, [2, 3, 4, 5, 6, 7, 8]), ("age", [2]), ("3", [3]), ("age,3", [2, 3]),
        ("3,2", [2, 3]), ("2-4", [2, 3, 4]), ("2:4", [2, 3, 4]), ("1-3", [2, 3]), ("8-8", [8]),
        ("age:size", [2, 3]), ("-age", [3, 4, 5, 6, 7, 8]), ("-2-7", [8]), ("2-6,-3", [2, 4, 5, 6]),
        ("-age,-8", [3, 4, 5, 6, 7]), ('"x, y"', [8]), ("id:size", [2, 3]),
        ("-id", [2, 3, 4, 5, 6, 7, 8]), (" age , 3 ,", [2, 3]), (1, [2]), (np.int64(2), [3]),
        ([1, "size"], [2, 3]), ([-1], [8]), ([-7, -6], [2, 3]), ([7], [8]), (["2-3", 4], [2, 3, 5]),
        ("7-7", [7]), ("5-5", [5]), ([np.int64(4)], [5]),
    ],
)  # fmt: skip
def test_columns_that_are_meant(asked, numbers):
    assert taken(asked) == numbers


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("", "no column is named"), (" , ", "no column is named"), ([], "no column is named"),
        ("id", "id cannot be read as numbers: it holds words such as 'a'"),
        ("1", "1 cannot be read as numbers: it holds words such as 'a'"),
        ([0], "0 cannot be read as numbers: it holds words such as 'a'"),
        ("age,-age", "none of the 8 columns is left that is numbers"),
        ("twice", "2 columns are called 'twice': give numbers"),
        ("7", "7 is the name of column 5, and a number: write 7-7 or 5-5"),
        ([8], "there is no column 8: there are 8, counted from 0"),
        ([-9], "there is no column -9: there are 8, counted from 0"),
        ([True], "expected names or numbers of columns, got True"),
        ([2.5], "expected names or numbers of columns, got 2.5"),
        ('"a', "cannot be read: '\"a'"),
        ("9-3", "9-3 is no range of columns: numbers go from 1 to 8, names are id, age, size, 7, "
         "twice, twice, x, y"),
        ("3-9", "3-9 is no range of columns: numbers go from 1 to 8, names are id, age, size, 7, "
         "twice, twice, x, y"),
        ("0-3", "0-3 is no range of columns: numbers go from 1 to 8, names are id, age, size, 7, "
         "twice, twice, x, y"),
        ("5-4", "5-4 is no range of columns: numbers go from 1 to 8, names are id, age, size, 7, "
         "twice, twice, x, y"),
        ("9", "there is no column '9': numbers go from 1 to 8, names are id, age, size, 7, twice, "
         "twice, x, y"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there(asked, text):
    assert refused(asked) == f"columns: {text}"


def test_hints_and_lists_of_names():
    text = refused("aged")
    assert text.startswith("columns: there is no column 'aged': numbers go from 1 to 8, names are ")
    assert text.endswith("x, y (did you mean age?)")
    assert "no column 'age:none'" in refused("age:none")
    assert "no column 'age:twice'" in refused("age:twice")
    assert refused("b" * 50).startswith(f"columns: there is no column '{'b' * 40}': ")
    plain = "columns: there is no column '4': numbers go from 1 to 3, and there are no names"
    assert refused("4", unnamed(3)) == plain
    many = [Column(k + 1, f"n{k}" + "o" * 40) for k in range(9)]
    shown_names = ", ".join(f"n{k}" + "o" * 28 for k in range(8))
    assert f"names are {shown_names}, ..." in refused("x", many)
    assert f"names are {shown_names}" in refused("x", many[:8])
    assert "..." not in refused("x", many[:8])
    beyond = [Column(3, "a"), Column(4, "b")]  # as where the first columns are names of rows
    assert taken("3-4", beyond) == [3, 4]
    assert "2-3 is no range of columns: numbers go from 3 to 4" in refused("2-3", beyond)
    assert taken([0], beyond) == [3]


def test_numbers_are_shown_as_they_are_asked_for():
    def said(*numbers):
        return shown([Column(number) for number in numbers])

    assert said(3) == "3-3"
    assert said(1, 2, 3) == "1-3"
    assert said(1, 2, 4, 6, 7) == "1-2,4-4,6-7"
    assert said(5, 4) == "5-5,4-4"


def test_names_are_given_up_to_five():
    assert named(unnamed(3)) == ""
    assert named(THERE[2:4]) == "size, column 4"
    five = [Column(k + 1, f"n{k}") for k in range(5)]
    assert named(five) == "n0, n1, n2, n3, n4"
    assert named([*five, Column(6, "more")]) == "n0, n1, n2, n3, n4, ..."
    assert named([Column(1, "a" * 31)]) == "a" * 30


def test_what_is_left_out_is_named_up_to_five():
    assert left_out(THERE[1:]) == []
    assert left_out(THERE) == [
        "1 column left out, not numbers: id (words such as 'a'); columns are counted without it"
    ]
    some = [Column(k + 1, f"n{k}", "nothing") for k in range(6)]
    words = ", ".join(f"n{k} (nothing)" for k in range(5))
    assert left_out(some[:5]) == [
        f"5 columns left out, not numbers: {words}; columns are counted without them"
    ]
    assert left_out([*some, Column(7)]) == [
        f"6 columns left out, not numbers: {words}, ...; columns are counted without them"
    ]
