"""Lines of text files: encodings, comments, quotes, separators, and each fault in its words."""

import gzip

import numpy as np
import pytest

from vaedyn.tables import lines as lines_module
from vaedyn.tables.headers import text_of
from vaedyn.tables.lines import (
    TableError,
    encoding_of,
    fields_of,
    is_broken,
    is_number,
    lines_of,
    without_last,
    without_name,
)
from vaedyn.tables.text import Text, _cure
from vaedyn.tables.words import _Seen


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"1,2", "utf-8"), (b"\xef\xbb\xbf1", "utf-8-sig"), ("1".encode("utf-16"), "utf-16"),
        (b"\xfe\xff\x001", "utf-16"), ("1".encode("utf-32"), "utf-32"),
        (b"\0\0\xfe\xff\0\0\x001", "utf-32"), (b"", "utf-8"),
    ],
)  # fmt: skip
def test_encodings_are_marked_by_the_first_bytes(tmp_path, content, encoding):
    (tmp_path / "x").write_bytes(content)
    assert encoding_of(tmp_path / "x") == encoding
    (tmp_path / "x.GZ").write_bytes(gzip.compress(content))
    assert encoding_of(tmp_path / "x.GZ") == encoding


def test_what_is_no_text(tmp_path):
    path = tmp_path / "x"
    for content, fine in (
        (b"1\0", False),
        (b"1" * 4095 + b"\0", False),
        (b"1" * 4096 + b"\0", True),
    ):
        path.write_bytes(content)
        if fine:
            assert encoding_of(path) == "utf-8"
            continue
        with pytest.raises(TableError) as error:
            encoding_of(path)
        assert str(error.value) == (
            f"{path} is no text, or UTF-16 without a mark of its encoding: save it as UTF-8"
        )


def test_blank_lines_comments_and_hints_are_skipped(tmp_path):
    path = tmp_path / "x.csv"
    text = 'sep=;\n\n  # no\n1;2\n "a\nb";3\nsep=;\n"c"";""d";4\n'
    path.write_text(text)
    assert [*lines_of(path)] == [
        (4, "1;2\n"), (5, ' "a\nb";3\n'), (7, "sep=;\n"), (8, '"c"";""d";4\n'),
    ]  # fmt: skip
    path.write_text('"sep=,"\n1,2\n')
    assert [*lines_of(path)] == [(2, "1,2\n")]
    path.write_bytes(b"\xff,1\n")
    assert [*lines_of(path)] == [(1, "\ufffd,1\n")]


def test_a_quotation_mark_is_closed_within_a_hundred_lines(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    assert lines_module.LONGEST == 100
    monkeypatch.setattr(lines_module, "LONGEST", 3)
    path.write_text('1\n"a\nb\nc\nd",2\n3\n')
    assert [number for number, _ in lines_of(path)] == [1, 2, 6]
    path.write_text('1\n"a\nb\nc\nd\ne",2\n')
    with pytest.raises(TableError) as error:
        list(lines_of(path))
    assert str(error.value) == f"{path}, line 2: a quotation mark is never closed"
    path.write_text('"a\nb "" c\nd"\n1\n')
    assert [number for number, _ in lines_of(path)] == [1, 4]


@pytest.mark.parametrize(
    ("line", "separator", "fields"),
    [
        ("1, 2 ,3\n", ",", ["1", "2", "3"]), ("1,,3", ",", ["1", "", "3"]), ("\n", ",", [""]),
        ('"a, b",2\r\n', ",", ["a, b", "2"]), ('"a;b" ;d', ";", ["a;b", "d"]),
        (" 1  2\t3 ", None, ["1", "2", "3"]), ('"a b" 2', None, ["a b", "2"]), ("", None, []),
        ("1\t 2\t", "\t", ["1", "2", ""]), ('"a""b",1', ",", ['a""b', "1"]),
    ],
)  # fmt: skip
def test_fields_stand_between_separators(line, separator, fields):
    assert fields_of(line, separator) == fields


def test_names_and_last_separators_are_cut_off():
    assert without_name("a,1,2", ",") == "1,2"
    assert without_name(' "a, b" ,1', ",") == "1"
    assert without_name("  a  1 2", None) == "1 2"
    assert without_name('"a b" 1', None) == "1"
    assert without_name(",1,2", ",") == "1,2"
    assert without_last("1,2, \r\n", ",") == "1,2"
    assert without_last("1,2,,\n", ",") == "1,2,"
    assert without_last("1,2\n", ",") == "1,2"
    assert without_last("1 2 \n", None) == "1 2"


def test_what_is_a_number_or_a_broken_one():
    for text in ("1", "-1.5e3", "nan", "inf", " 2 "):
        assert is_number(text)
    for text in ("", "1_0", "1,5", "a"):
        assert not is_number(text)
    for text in ("1,5", "1.234,5", "1,234", "-1,234.5", "+12,345,678", "1 2", "1;2", "1|2", "1, 2"):
        assert is_broken(text)
    for text in ("a", "1,2345a", "1 a", "1;b", "12:30", ""):
        assert not is_broken(text)


LEFT = ", or take --missing drop or mean"


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("", f"fill it in, or remove the line{LEFT}"),
        ("1,234.5", "write it without commas between thousands"),
        ("1,234,567", "write it without commas between thousands"),
        ("1,234", "write decimal points, no commas"), ("1,5", "write decimal points"),
        ("1.234,5", "write decimal points, and nothing between thousands"),
        ("NA", f"fill in a number, or remove the line{LEFT}"),
        ("?", f"fill in a number, or remove the line{LEFT}"),
        ("1;2", "separate all columns alike, by commas, semicolons, tabs or spaces"),
        ("12:30", "separate all columns alike, by commas, semicolons, tabs or spaces"),
        ("word", "leave out columns of words (--columns), and put # before lines of words"),
        ("1 a", "leave out columns of words (--columns), and put # before lines of words"),
    ],
)  # fmt: skip
def test_what_to_do_about_a_field(text, cure):
    assert _cure(text) == cure


def made(path, text, separator=",", **how):
    path.write_text(text)
    columns = how.pop("columns", 2)
    return Text(path, separator, how.pop("header", 0), how.pop("named", False), columns, **how)


def refused(text, most=9):
    with pytest.raises(TableError) as error:
        list(text.read(most))
    return str(error.value).replace(str(text.path), "x")


def test_numbers_are_read_in_blocks(tmp_path):
    path = tmp_path / "x"
    plain = made(path, "a,b\n1,2\n3,4\n5,6\n", header=1, names=("a", "b"))
    assert plain.rows() == 3
    assert [block.tolist() for block in plain.read(2)] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert [tuple(each) for each in plain.labels()] == [(1, "a", ""), (2, "b", "")]
    named = made(path, "r,1,2,\ns,3,4,\n", named=True, closed=True)
    assert [block.tolist() for block in named.read(9)] == [[[1, 2], [3, 4]]]
    assert [each.number for each in named.labels()] == [2, 3]
    assert [each.name for each in named.labels()] == ["", ""]
    some = made(path, "w,1,\nv,NA,x\n", columns=3, kept=(1,), holes=True)
    np.testing.assert_array_equal(next(some.read(9)), [[1], [np.nan]])
    quoted = made(path, '"1","2"\n3,nan\n')
    np.testing.assert_array_equal(next(quoted.read(9)), [[1, 2], [3, np.nan]])


def test_faults_of_fields(tmp_path):
    path = tmp_path / "x"
    words = ", leave out columns of words (--columns), and put # before lines of words"
    assert refused(made(path, "1,2\n3,b\n")) == f"x, line 2, column 2 is not a number: 'b'{words}"
    long = "b" * 41
    assert f"'{'b' * 40}'" in refused(made(path, f"1,{long}\n"))
    assert refused(made(path, "1,2\n,4\n")) == (
        f"x, line 2, column 1 is empty: fill it in, or remove the line{LEFT}"
    )
    assert refused(made(path, "r,1,b\n", named=True)).startswith("x, line 1, column 3 is not a n")
    kept = {"columns": 3, "kept": (0, 2)}
    assert next(made(path, "1,w,2\n", **kept).read(9)).tolist() == [[1, 2]]
    assert refused(made(path, "1,w,NA\n", **kept)) == (
        f"x, line 1, column 3 is not a number: 'NA', fill in a number, or remove the line{LEFT}"
    )
    assert refused(made(path, "1,w,NA\n2,w,b\n", **kept, holes=True)).startswith(
        "x, line 2, column 3 is not a number: 'b'"
    )


def test_faults_of_lengths(tmp_path):
    path = tmp_path / "x"
    assert refused(made(path, "1,2\n3\n")) == (
        "x, line 2 has 1 columns, those before it have 2 (between commas): where commas are "
        "decimal, write points"
    )
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), (None, "spaces")):
        text = made(path, f"1{separator or ' '}2{separator or ' '}3\n", separator)
        assert refused(text) == (
            f"x, line 1 has 3 columns, those before it have 2 (between {word})"
        )
    named = made(path, "r;1;2;3\n", ";", named=True)
    assert refused(named) == (
        "x, line 1 has 4 columns, those before it have 3 (between semicolons)"
    )
    assert refused(made(path, "1,2,\n")).startswith("x, line 1 has 3 columns")
    short = made(path, "1,w\n", columns=3, kept=(0, 2))
    assert refused(short).startswith("x, line 1 has 2 columns, those before it have 3")


def test_what_cells_of_a_column_hold():
    def why(*cells):
        seen = _Seen()
        for cell in cells:
            seen.see(cell)
        return seen.why

    assert why() == why("", "NA", "nan") == "nothing"
    assert why("1", "a") == why("1", "2", "3") == why("1,5", "2,5", "a") == ""
    assert why("1", "a", "b") == "words such as 'a'"
    assert why("NA", "b" * 21, "1", "c") == f"words such as '{'b' * 20}'"
    assert why("1,5", "a", "b", "c") == "words such as '1,5'"
    assert why("nan", "a", "1") == ""


@pytest.mark.parametrize(
    ("text", "closed", "columns", "names"),
    [
        ("a,b\n1,2,\n3,4,\n", True, 2, ("a", "b")), ("a,b,\n1,2,\n3,4,\n", True, 2, ("a", "b")),
        ("1,2,\n3,4,\n", True, 2, ()), ("1,2,\n", True, 2, ()), ("1,2\n3,4\n", False, 2, ()),
        ("a,b,c\n1,2,\n3,4,\n", False, 3, ("a", "b", "c")),
        ("a,b\n1,2\n3,4,\n", False, 2, ("a", "b")), ("a b\n1 2 \n3 4 \n", False, 2, ("a", "b")),
    ],
)  # fmt: skip
def test_an_empty_last_field_of_every_line_is_none(tmp_path, text, closed, columns, names):
    (tmp_path / "x.csv").write_text(text)
    found, note = text_of(tmp_path / "x.csv")
    assert (found.closed, found.columns, found.names, note) == (closed, columns, names, "")


def test_a_separator_at_the_end_of_the_names_only(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,\n1,2\n3,4\n")
    found, _ = text_of(tmp_path / "x.csv")
    assert (found.closed, found.columns) == (False, 2)
