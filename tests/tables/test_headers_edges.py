"""What a first line of text is taken for, just at the limits, and how fields are cut."""

import codecs
from pathlib import Path

import numpy as np
import pytest

from vaedyn.tables import lines as text_lines
from vaedyn.tables.headers import (
    _are_names,
    _decimal,
    _kind,
    _named,
    _separator,
    _shown,
    kind_of_numbers,
    text_of,
)
from vaedyn.tables.lines import (
    TableError,
    encoding_of,
    fields_of,
    is_number,
    lines_of,
    without_last,
    without_name,
)  # fmt: skip
from vaedyn.tables.text import Text, _cure

PATH = Path("FILE")


def rows_of(text):
    return [line.split() for line in text.split("/")]


LEVEL = "5 5 5 5 5 5 5"  # falls nowhere and rises nowhere
RISING = "10 12 15 19 24 30 37"  # in steps that differ


def level(columns, rows=3, low=1, high=3):
    """Return rows of which none rises, from `low` to `high` in every column."""
    return "/".join(" ".join([str(low if row else high)] * columns) for row in range(rows))


@pytest.mark.parametrize(
    ("head", "rows", "kind"),
    [
        # years rise or fall above other numbers, and no row is one of years
        ("1500 2200", "1 1/2 2", "names"), ("1499 2200", level(2), "doubt"),
        ("1500 2201", level(2), "doubt"), ("1960 1965", "1960 1970/2000 1999", "sample"),
        ("2000 1990", "3 3/4 4", "names"), ("1960 1960", level(2), "doubt"),
        ("1960 1965.0", "1 1/2 2", "sample"), ("1960 1965", "1 1965/2 2", "sample"),
        ("1960 1965", "1970 1960.5/1 1", "sample"),
        ("1960 1960 1970", "3 1 2/4 1 2", "sample"), ("10 20 30", "9.5 4 1/3 5 1", "names"),
        # counters from 0 or 1, above what is not whole; one alone may be a measurement
        ("0 1", "0.5 1/2 3.5", "names"), ("1 2", "0.5 1/2 3.5", "names"),
        ("2 3", "0.5 1/2 3.5", "sample"), ("0 1", "0.5 1/2 3", "sample"),
        ("0", "0.5/1.5", "names"), ("1", "0.5/1.5", "sample"), ("0 2", "0.5 1.5", "sample"),
        # even steps of whole numbers: four, or three beyond those below
        ("10 20 30 40", "15 9 12 31/11 41 33 7", "names"), ("10 20 30", "5 2 1/3 4 1", "names"),
        ("10 20 30", "10 2 1/3 4 1", "doubt"), ("10 20 30", "5 2 1/35 4 1", "doubt"),
        ("10 20 30 40", "1 2 3 4/11 41 33 7", "sample"), ("40 30 20 10", "5 2 1 9", "names"),
        ("10 20 30 40.0", "15 9 12 31", "sample"),
        # one line below says too little about numbers that rise in uneven steps
        (RISING, LEVEL, "sample"), (RISING, LEVEL + "/" + LEVEL, "names"),
        ("10 12 15 19 24 30", "5 5 5 5 5 5/4 4 4 4 4 4", "names"),
        ("10 12 15 19 24", "5 5 5 5 5/4 4 4 4 4", "doubt"),
        ("10 12 15 19 24 30", "10 5 5 5 5 5/4 4 4 4 4 4", "doubt"),
        ("30 24 19 15 12 10", "40 50 60 5 5 5/90 60 99 7 7 7", "names"),
        ("3 2.5", "9 9/8 8", "sample"), ("1 2.5", "9 9/8 8", "sample"),
        ("1 2.5 9", "5 2 1/3 4 1", "doubt"), ("1 2.5 9", "1 2 3/3 4 1", "sample"),
        # whole numbers ten times as far off as three rows below differ
        ("24 24", level(2), "doubt"), ("23 24", level(2), "sample"),
        ("24 23", level(2), "sample"), ("24 24", level(2, 2), "sample"),
        ("24.0 24", level(2), "sample"), ("-20 -20", level(2), "sample"),
        ("0 0", level(2, 3, 21, 23), "doubt"), ("1 1", level(2, 3, 21, 23), "sample"),
        ("24 24", "NA 1/3 3/1 1", "doubt"), ("7 8 9", "", "sample"),
    ],
)  # fmt: skip
def test_a_first_line_of_numbers(head, rows, kind):
    assert kind_of_numbers(head.split(), rows_of(rows) if rows else []) == kind


@pytest.mark.parametrize("count", [19, 20])
def test_twenty_numbers_that_rise_are_names_wherever_they_lie(count):
    rising = np.cumsum(1 + np.arange(count) % 3)
    below = [[str(x) for x in rising[::-1]], [str(x) for x in 2 * rising[::-1]]]
    wanted = "names" if count == 20 else "doubt"
    assert kind_of_numbers([str(x) for x in rising], below) == wanted


@pytest.mark.parametrize(
    ("head", "rows", "kind"),
    [
        ("a|b", "1|2", "names"), ("a|2", "1|2", "names"), ("1|b", "1|2", "sample"),
        ("NA|2", "1|2", "sample"), ("1,5|2", "1|2", "sample"), ("1960|1965", "1|1", "names"),
        ("1960|1965", "1|1|1", "sample"), ("1960|1965", "1|1/1", "sample"), ("1|2", "", "sample"),
        ("|b|c", "1|2|3", "names"), ("|0|1", "1|2|3", "names"), ("|1|2", "1|2|3", "sample"),
        ("|17|4", "r|2|3/s|4|5", "names"), ("|17|4", "r|2|3/6|4|5", "sample"),
        ("|17|4", "", "sample"),
        ("|1960|1965", "1|2|2/2|3|3", "names"), ("|1960|1965", "1|2/2|3|3", "sample"),
        ("", "1", "sample"), ("|", "1|2", "names"),
    ],
)  # fmt: skip
def test_a_first_line_of_words_or_nothing(head, rows, kind):
    below = [line.split("|") for line in rows.split("/")] if rows else []
    assert _kind(head.split("|"), below) == kind


def test_the_first_three_names_are_shown_in_short():
    assert _shown(["a", "b", "c"]) == "a, b, c"
    assert _shown(["a" * 21, "b" * 20, "c", "d"]) == "a" * 20 + ", " + "b" * 20 + ", c, ..."


def test_what_separates_is_the_first_of_three_marks():
    assert _separator(["1;2\t3,4"]) == ";"
    assert _separator(["1\t2,5"]) == "\t"
    assert _separator(["1,2 3"]) == ","
    assert _separator(["1 2 3", "4;5;6"]) is None
    assert _separator(["1\t2 3", "4 5\t6"]) is None
    assert _separator(["1\t2", "x\t6"]) == "\t"
    assert _separator(["17"]) is None


@pytest.mark.parametrize(
    ("column", "line", "separator", "wide", "names"),
    [
        ("0 1 2", "0,1,2", ",", 3, True), ("1 2 3", "1,1,2", ",", 3, True),
        ("2 3 4", "2,1,2", ",", 3, False), ("1 2 4", "1,1,2", ",", 3, False),
        ("0 1 2", "0,5", ",", 2, False), ("0 1 2", "0;5", ";", 2, True),
        ("0 r 2", "0,5", ",", 2, True), ("7 5 3", ' "7",5', ",", 2, True),
        ("7 5 3", "7,5", ",", 2, False), ("1 3 3", "1;5", ";", 3, False),
    ],
)  # fmt: skip
def test_a_column_without_a_name_holds_names_of_rows(column, line, separator, wide, names):
    assert _are_names(column.split(), [line], separator, wide) == names


@pytest.mark.parametrize(
    ("top", "rows", "separator", "named"),
    [
        (",b,c", "r,1,2", ",", True), ("a,b,c", "1,2,3", ",", False),
        ("a,b,c,", "1,2,3", ",", False),
        ("a,b", "r,1,2", ",", True), ("a,b", "0,1,2", ",", True), ("a b c", "1;2;3", ";", False),
        ("a,b,c", "1;2;3", ";", False), ("a\tb\tc", "1;2;3", ";", False),
        ("a b c", "1,2,3", ",", None), ("a,b", "7,1,2", ",", None), ("a,b,c,d", "1,2,3", ",", None),
        ("a", "1;2;3", ";", None), ("a,b,", "r,1", ",", False),
    ],
)  # fmt: skip
def test_names_and_columns_agree_or_it_is_said(top, rows, separator, named):
    head, lines = fields_of(top, separator), [rows]
    below = [fields_of(rows, separator)]
    if named is not None:
        assert _named(PATH, 3, separator, top, head, below, lines) == named
        return
    names = "1 name" if len(head) == 1 else f"{len(head)} names"
    cure = "put # before it if it is a title" if len(head) == 1 else "name every column"
    with pytest.raises(TableError) as caught:
        _named(PATH, 3, separator, top, head, below, lines)
    assert str(caught.value) == f"FILE, line 3 has {names} for 3 columns: {cure}" + (
        ", write points where commas are decimal" if separator == "," else ""
    )


POINTS = "FILE is read as {} columns of whole numbers: write points where commas are decimal"
SPACES = "FILE is read as two columns: leave spaces between thousands out"


@pytest.mark.parametrize(
    ("rows", "separator", "note"),
    [
        ("1 5/2 7/3 9", ",", POINTS.format(2)), ("1 5/2 7", ",", ""), ("1 5/2 7/3", ",", ""),
        ("1 5 2/2 7 2/3 9 2", ",", ""), ("1 5/2 7/3 9", ";", ""),
        ("1 5/-2 7/+3 9", ",", POINTS.format(2)),
        ("1 5/2 -7/3 9", ",", ""), ("1 5.5/2 7/3 9", ",", ""),
        ("1 5/2 17/3 90", ",", POINTS.format(2)),
        ("1 5 2 25/2 5 3 7/3 75 1 1", ",", POINTS.format(4)),
        ("1 5 2 25/2 5 3 7/3 70 1 1", ",", ""),
        ("1 50 2 20/2 50 3 70/3 70 1 10", ",", POINTS.format(4)),
        ("1 0 2 25/2 5 3 7/3 75 1 1", ",", POINTS.format(4)),
        ("1 234/12 567/999 890", None, SPACES), ("1 234/12 567/1999 890", None, ""),
        ("1 234/12 56/999 890", None, ""), ("1 234 5 678/12 567 5 678/9 890 5 678", None, ""),
        ("1 234/12 567", None, ""),
    ],
)  # fmt: skip
def test_commas_that_may_be_decimal_and_spaces_between_thousands(rows, separator, note):
    assert _decimal(PATH, 7, separator, rows_of(rows)) == note


def test_fractions_that_start_with_zero_are_none_of_whole_numbers():
    with pytest.raises(TableError) as caught:
        _decimal(PATH, 7, ",", rows_of("1 5/2 07/3 09"))
    assert str(caught.value) == (
        "FILE, line 7 or below has numbers such as '07' after commas: write points where commas "
        "are decimal, or a line of names above the columns"
    )


def test_sixty_lines_are_looked_at(tmp_path):
    path = tmp_path / "x.csv"
    for after, closed in ((59, True), (58, False)):
        path.write_text("1.5,2,\n" * (1 + after) + "3,4\n")
        found, _ = text_of(path)
        assert found.closed == closed


# ---- lines and fields


@pytest.mark.parametrize("name", ["utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be", "utf-8"])
def test_encodings_are_known_by_their_marks(tmp_path, name):
    path = tmp_path / "x.csv"
    path.write_bytes("\ufeffä,1\n".encode(name))
    assert list(lines_of(path)) == [(1, "ä,1\n")]
    path.write_bytes(codecs.BOM_UTF8[:2] + b"1")
    assert encoding_of(path) == "utf-8"


def test_only_the_first_four_thousand_bytes_are_searched_for_zeros(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"1" * 4096 + b"\0")
    assert encoding_of(path) == "utf-8"
    path.write_bytes(b"1" * 4095 + b"\0")
    with pytest.raises(TableError, match="is no text, or UTF-16 without a mark"):
        encoding_of(path)


def test_hints_comments_and_blanks_are_no_lines(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('"SEP=;"\n\n  # a "comment\n 1;2\nsep=;\n')
    assert list(lines_of(path)) == [(4, " 1;2\n"), (5, "sep=;\n")]


def test_a_quoted_name_goes_over_a_hundred_lines_at_most(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('1\n"a\n' + "b\n" * 99 + 'c"\n"d ""e"""\n2\n')
    (_, one), (number, name), (last, text), (end, _) = lines_of(path)
    assert (one, number, name) == ("1\n", 2, '"a\n' + "b\n" * 99 + 'c"\n')
    assert (last, text, end) == (103, '"d ""e"""\n', 104)
    path.write_text('1\n"a\n' + "b\n" * text_lines.LONGEST + 'c"\n2\n')
    with pytest.raises(TableError, match="x.csv, line 2: a quotation mark is never closed"):
        list(lines_of(path))


@pytest.mark.parametrize(
    ("line", "separator", "fields", "unnamed"),
    [
        ('"a, b", 2,3\r\n', ",", ["a, b", "2", "3"], " 2,3\r\n"),
        ("1,,3\n", ",", ["1", "", "3"], ",3\n"),
        (' "r 1"  2 3\n', None, ["r 1", "2", "3"], "2 3\n"),
        ("r 2\t3", None, ["r", "2", "3"], "2\t3"),
        ('"x ""y"" z" ;2', ";", ['x ""y"" z', "2"], "2"), ("a\tb", "\t", ["a", "b"], "b"),
    ],
)  # fmt: skip
def test_fields_are_what_stands_between_separators(line, separator, fields, unnamed):
    assert fields_of(line, separator) == fields
    assert without_name(line, separator) == unnamed


def test_the_separator_at_the_end_is_one():
    assert without_last("1,2,, \r\n", ",") == "1,2,"
    assert without_last("1,2 \n", ",") == "1,2"
    assert without_last("1 2 \n", None) == "1 2"


def test_numbers_are_what_numpy_reads():
    assert all(map(is_number, ["1", "-1e5", "nan", "inf", " 2.5 "]))
    assert not any(map(is_number, ["1_000", "", "1,5", "x", "--1"]))


# ---- what is wrong with a line


@pytest.mark.parametrize(
    ("field", "cure"),
    [
        ("", "fill it in, or remove the line, or take --missing drop or mean"),
        ("1,234", "write decimal points, no commas"),
        ("1,234.5", "write it without commas between thousands"), ("1,23", "write decimal points"),
        ("-1,234,567", "write it without commas between thousands"),
        ("1234,567", "write decimal points"),
        ("1.234,5", "write decimal points, and nothing between thousands"),
        ("N/A", "fill in a number, or remove the line, or take --missing drop or mean"),
        (".", "fill in a number, or remove the line, or take --missing drop or mean"),
        ("1:2", "separate all columns alike, by commas, semicolons, tabs or spaces"),
        ("1|x", "leave out columns of words (--columns), and put # before lines of words"),
    ],
)  # fmt: skip
def test_every_field_that_is_no_number_has_its_cure(field, cure):
    assert _cure(field) == cure


@pytest.mark.parametrize(
    ("lines", "named", "separator", "message"),
    [
        ("1,2/3,x", False, ",", "line 6, column 2 is not a number: 'x', leave out columns"),
        ("1,2/3," + 41 * "x", True, ",", f"line 6, column 3 is not a number: '{40 * 'x'}', leave"),
        ("1,2/3,", False, ",", "line 6, column 2 is empty: fill it in"),
        ("1,2/3,,4", False, ",", "line 6 has 3 columns, those before it have 2 (between commas)"),
        ("1;2/3", True, ";", "line 6 has 2 columns, those before it have 3 (between semicolons)"),
        ("1 2/3", False, None, "line 6 has 1 columns, those before it have 2 (between spaces)"),
        ("1,2/3,4", False, ",", "line 5 or later cannot be read as numbers"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_the_first_line_where_it_is(lines, named, separator, message):
    text = Text(PATH, separator, 0, named, 2)
    found = str(text.fault([(5 + i, line) for i, line in enumerate(lines.split("/"))]))
    assert found.startswith(f"FILE, {message}")
    assert found.endswith(": where commas are decimal, write points") == ("commas)" in message)
