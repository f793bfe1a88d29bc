"""Text as people and programs write it: read right, with a note if it was guessed, or refused."""

import numpy as np
import pytest

from vaedyn.tables.table import TableError, open_table

A = [[1.5, 2], [3, 4], [7, 5.5]]
LONG = "\n".join(f"{x},{y},1.5" for x, y in np.random.default_rng(0).normal(size=(99, 2)))
WAVES = np.random.default_rng(1).normal(size=(12, 7)).round(3)
WAVE_TEXT = "\n".join(",".join(map(str, row)) for row in WAVES.tolist())
NAMES, SAMPLE = "is taken for names: if it is a sample", "is taken for a sample: if not, put #"
ROW_NAMES = "column 1 of FILE has no name: it is taken for names of rows, and left out"
POINTS = "write points where commas are decimal"

READ = {  # what is in the file: the numbers, and what is noted
    "plain": ("1.5,2\n3,4\n7,5.5\n", A, ""),
    "no end of line": ("1.5,2\n3,4\n7,5.5", A, ""),
    "names": ("a,b\n1.5,2\n3,4\n7,5.5\n", A, ""),
    "tabs": ("a\tb\n1.5\t2\n3\t4\n7\t5.5\n", A, ""),
    "tabs, names of two words": ("leaf length\twidth\n1.5\t2\n3\t4\n7\t5.5\n", A, ""),
    "tabs and spaces": ("1.5\t2\n3 4\n7 \t 5.5\n", A, ""),
    "semicolons": ("a;b\n1.5;2\n3;4\n7;5.5\n", A, ""),
    "windows": ("a,b\r\n1.5,2\r\n3,4\r\n7,5.5\r\n", A, ""),
    "old macintosh": ("a,b\r1.5,2\r3,4\r7,5.5\r", A, ""),
    "UTF-8 with its mark": ("\ufeffa,b\n1.5,2\n3,4\n7,5.5\n".encode(), A, ""),
    "UTF-16 with its mark": ("größe,b\n1.5,2\n3,4\n7,5.5\n".encode("utf-16"), A, ""),
    "UTF-16, big end first": ("\ufeff1.5,2\r\n3,4\r\n7,5.5".encode("utf-16-be"), A, ""),
    "UTF-32 with its mark": ("1.5,2\n3,4\n7,5.5\n".encode("utf-32"), A, ""),
    "latin-1 names": ("größe,b\n1.5,2\n3,4\n7,5.5\n".encode("latin-1"), A, ""),
    "separator at the end of lines": ("1.5,2,\n3,4,\n7,5.5,\n", A, ""),
    "so it is with names": ("a;b;\n1.5;2;\n3;4;\n7;5.5;\n", A, ""),
    "not after names": ("a,b\n1.5,2,\n3,4,\n7,5.5, \n", A, ""),
    "only after names": ("a,b,\n1.5,2\n3,4\n7,5.5\n", A, ""),
    "tabs at the end": ("a\tb\t\n1.5\t2\t\n3\t4\t\n7\t5.5\t\n", A, ""),
    "quoted names with breaks": ('"a\nlong, one","b"\n1.5,2\n3,4\n7,5.5\n', A, ""),
    "quoted numbers": ('"a","b"\n"1.5","2"\n"3","4"\n"7","5.5"\n', A, ""),
    "comments": ("# who\n  # when\na,b\n1.5,2\n# in between\n3,4\n\n7,5.5\n#", A, ""),
    "spreadsheet's hint": ("sep=;\na;b\n1.5;2\n3;4\n7;5.5\n", A, ""),
    "names between spaces": ("x y\n1.5;2\n3;4\n7;5.5\n", A, ""),
    "R": ('"","a","b"\n"1",1.5,2\n"2",3,4\n"3",7,5.5\n', A, ROW_NAMES),
    "R, years": ('"","1960","1965"\n"one, two",1.5,2\n"b",3,4\n"c",7,5.5\n', A, ROW_NAMES),
    "R, any numbers": (",17,4\nr,1.5,2\ns,3,4\nt,7,5.5\n", A, ROW_NAMES),
    "R, a name too few": ('"a" "b"\n"r 1" 1.5 2\n"r ""2""" 3 4\n"r" 7 5.5\n', A, ROW_NAMES),
    "R, quotes in names": ('"","a","b"\n"x ""y"", z",1.5,2\n"u",3,4\n"v",7,5.5\n', A, ROW_NAMES),
    "breaks in names of rows": (',a,b\n"x\ny",1.5,2\nu,3,4\nv,7,5.5\n', A, ROW_NAMES),
    "pandas": (",a,b\n0,1.5,2\n1,3,4\n2,7,5.5\n", A, ROW_NAMES),
    "pandas, no names": ("0,1\n1.5,2.0\n3.0,4.0\n7.0,5.5\n", A, f"line 1 of FILE, 0, 1, {NAMES}"),
    "pandas, one column": ("0\n1.5\n3.0\n7.0\n", [[1.5], [3], [7]], f"line 1 of FILE, 0, {NAMES}"),
    "years": ("1960,1965\n1.5,2\n3,4\n7,5.5\n", A, f"line 1 of FILE, 1960, 1965, {NAMES}"),
    "falling years": ("2020,2019\n1.5,2\n3,4\n7,5.5\n", A, NAMES),
    "uneven years": ("1960,1972,1973\n5,2,1\n3,4,1\n", [[5, 2, 1], [3, 4, 1]], NAMES),
    "rows of years": (
        "1960,1965\n1970,1971\n1980,19.9\n", [[1960, 1965], [1970, 1971], [1980, 19.9]],
        "",
    ),
    "even steps": ("10,20,30,40\n5,2,1,9\n3,4,1,8\n", [[5, 2, 1, 9], [3, 4, 1, 8]], NAMES),
    "wavelengths": ("400.5,401,402,403.2,409,410,412\n" + WAVE_TEXT, WAVES, NAMES),
    "wavelengths that fall": ("950,940,910,903.2,900,880,801\n" + WAVE_TEXT, WAVES, NAMES),
    "a sample that rises": ("1,2.5,9\n5,2,1\n3,4,1\n", [[1, 2.5, 9], [5, 2, 1], [3, 4, 1]], SAMPLE),
    "a first row far off": (
        "4021,1177\n1,2\n3,1\n2,2\n", [[4021, 1177], [1, 2], [3, 1], [2, 2]],
        SAMPLE,
    ),
    "all rows rise": ("1,2,3\n2,3,4\n3,5,7\n", [[1, 2, 3], [2, 3, 4], [3, 5, 7]], ""),
    "a word and numbers": ("x,0,1\n1.5,2,3\n", [[1.5, 2, 3]], f"line 1 of FILE, x, 0, 1, {NAMES}"),
    "whole numbers, or decimal commas": ("1,5\n2,5\n3,7\n", [[1, 5], [2, 5], [3, 7]], POINTS),
    "so are more of them": (
        "1,5,2,25\n2,5,3,7\n3,75,1,1\n", [[1, 5, 2, 25], [2, 5, 3, 7], [3, 75, 1, 1]],
        POINTS,
    ),
    "whole numbers for sure": (
        "10,50,20,3\n2,7,3,20\n3,4,1,100\n", [[10, 50, 20, 3], [2, 7, 3, 20], [3, 4, 1, 100]],
        "",
    ),
    "spaces between thousands": (
        "1 234\n2 567\n12 890\n", [[1, 234], [2, 567], [12, 890]],
        "leave spaces between thousands out",
    ),
    "a lone number": ("3.5", [[3.5]], ""),
}  # fmt: skip

REFUSED = {  # what is in the file: what is wrong, and the cure
    "quoted decimal commas": ('"1,5","2,5"\n"3,5","4,5"\n', "'1,5', write decimal points"),
    "with names": ('a,b\n"1,5","2,5"\n', "line 2, column 1 is not a number: '1,5', write decimal"),
    "decimal commas, semicolons": ("a;b\n1,5;2,5\n", "line 2, column 1 .*'1,5', write decimal"),
    "decimal commas, tabs": ("1,5\t2,5\n3,5\t4,5\n", "column 1 .*'1,5', write decimal points"),
    "decimal commas, spaces": ("1,5 2,5\n3,5 4,5\n", "'5 2', separate all columns alike"),
    "thousands": ('"1,234.50","2"\n', "'1,234.50', write it without commas between thousands"),
    "millions": ('1;"1,234,500"\n', "'1,234,500', write it without commas between thousands"),
    "one or the other": ('"1,234",5\n', "'1,234', write decimal points, no commas"),
    "German thousands": ("1.234,50;2\n", "'1.234,50', write decimal points, and nothing between"),
    "a column of decimal commas": (
        "value\n1,5\n2,5\n3,5\n",
        f"1 name for 2 columns: .* {POINTS[:12]}",
    ),
    "two of them": (
        "a,b\n1,5,2,5\n2,5,2,5\n",
        "2 names for 4 columns: .*, write points where commas",
    ),
    "fractions": ("1,05\n2,5\n3,75\n", f"such as '05' after commas: {POINTS}"),
    "some whole": (
        "1,5\n2\n3,75\n",
        "line 1, column 1 is not a number: '1,5', write decimal points",
    ),
    "a name too few": (
        "a,b\n0.5,1,2\n0.7,3,4\n",
        "line 1 has 2 names for 3 columns: name every column",
    ),
    "a title": ("Lengths of leaves\n1,2,3\n", "line 1 has 1 name for 3 columns: put # before it"),
    "units": (
        "a,b\nm,kg\n1,2\n",
        "line 2, column 1 is not a number: 'm', leave out .* put # before",
    ),
    "mixed separators": ("1,2\n3;4\n", "line 1, column 1 is not a number: '1,2'"),
    "mixed in a line": ("1;2,5 3\n", "'2,5 3', separate all columns alike"),
    "pipes": ("1|2\n3|4\n", r"'1\|2', separate all columns alike"),
    "missing at first": ("NA,1\n2,3\n", "line 1, column 1 is not a number: 'NA', fill in a number"),
    "missing later": (
        "a,b\n2,3\n?,3\n",
        r"line 3, column 1 is not a number: '\?', fill in a number",
    ),
    "an empty cell": (
        "a,b,c\n1,,3\n1,2,3",
        "line 2, column 2 is empty: fill it in, or remove the line",
    ),
    "an empty cell between tabs": ("a\tb\tc\n1\t\t3\n", "line 2, column 2 is empty|2 columns"),
    "a short line": ("1,2,3\n4,5\n", "line 2 has 2 columns, those before it have 3"),
    "a separator too many": ("1,2\n3,4,\n", "line 2 has 3 columns, those before it have 2"),
    "empty lines of a spreadsheet": (
        "a,b\n1,2\n,\n",
        "line 3, column 1 is empty: .* remove the line",
    ),
    "a word among numbers": ("a,b\n5,1\nx,2\n3,4\n", "line 3, column 1 is not .*: 'x', leave"),
    "words only": ("a,b\nx,y\nz,u\n", "line 2, column 1 is not a number: 'x', leave out columns"),
    "an open quotation mark": (
        '"a,b\n' + LONG + "\n" + LONG,
        "line 1: a quotation mark is never closed",
    ),
    "UTF-16 without a mark": (
        "1,2\n3,4\n".encode("utf-16-le"),
        "UTF-16 without a mark .* save it as UTF-8",
    ),
    "no text at all": (bytes(range(256)), "is no text, or UTF-16 without a mark"),
    "names only": ("a,b\n", "has a line of names only: 'a,b'"),
    "comments only": ("# a\n", "holds no numbers"),
    "only a mark": (b"\xff\xfe", "holds no numbers"),
}  # fmt: skip


@pytest.mark.parametrize("case", [*READ, *REFUSED])
def test_no_text_is_read_wrongly_with_confidence(tmp_path, case):
    text, *expected = READ.get(case) or REFUSED[case]
    path = tmp_path / "x.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if case in REFUSED:
        with pytest.raises(TableError, match=expected[0]) as caught:
            list(open_table(path).blocks(100))
        assert "\n" not in str(caught.value)
        return
    numbers, note = expected
    table = open_table(path)
    found = np.concatenate(list(table.blocks(2)))
    np.testing.assert_array_equal(found, numbers)
    assert (table.rows, table.columns) == found.shape
    said = table.note.replace(str(path), "FILE")
    assert (note in said) if note else not said
    assert "\n" not in said
