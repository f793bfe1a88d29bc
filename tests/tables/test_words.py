"""Tables as people have them: columns of words, missing cells, and some of the columns."""

import io
import pickle

import numpy as np
import pandas
import pytest

from vaedyn.errors import ParameterError
from vaedyn.tables import piped
from vaedyn.tables.table import TableError, as_table, open_table

HOLES = "who,a,b,kind,c\nx,1,2,u,3\ny,4,,v,6\nz,7,8,w,NA\nt,1,5,u,2\n"
FULL = [[1, 2, 3], [4, np.nan, 6], [7, 8, np.nan], [1, 5, 2]]


@pytest.fixture
def path(tmp_path):
    def write(text, name="x.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def whole(table):
    return np.concatenate(list(table.blocks(3)))


READ = {  # the text, and the numbers in it
    "words after numbers": ("a,b,who\n1,2,x\n3,4,y\n", [[1, 2], [3, 4]]),
    "no names, words last": ("1,2,x\n3,4,y\n", [[1, 2], [3, 4]]),
    "no names, words first": ("x,1.5,2\ny,3,4\nx,0,1\n", [[1.5, 2], [3, 4], [0, 1]]),
    "years beside words": ("who,1990,1991\nx,1.5,2\ny,3,4\n", [[1.5, 2], [3, 4]]),
    "years of places": ("place;1990;1991\nx;1;2\ny;3;4\n", [[1, 2], [3, 4]]),
    "quoted words": ('who,a\n"x, y",1\n"z, ""u""",2\n', [[1], [2]]),
    "dates and times": ("day,at,x\n2020-01-05,12:30,1\n2020-01-06,12:31,2\n", [[1], [2]]),
    "names of rows, too": (",a,kind\nr,1,x\ns,2,y\n", [[1], [2]]),
    "R, names of rows": ('"a" "kind"\n"1" 5 "x"\n"2" 6 "y z"\n', [[5], [6]]),
    "tabs": ("a\tkind\n1\tx y\n2\tz\n", [[1], [2]]),
    "a column of nothing": ("a,b,c\n1,2,\n3,4,\n5,6,NA\n", [[1, 2], [3, 4], [5, 6]]),
    "infinite": ("a,b\nx,inf\ny,2\n", [[np.inf], [2]]),
    "words with missing ones": ("a,b\nx,1\n,2\nNA,3\n", [[1], [2], [3]]),
    "words with nan": ("a,b\nx,1\nnan,2\nnan,3\n", [[1], [2], [3]]),
    "few words are enough of them": ("a,b\n1,1\nx,2\ny,3\n", [[1], [2], [3]]),
}
REFUSED = {
    "a word among numbers": ("a,b\n1,1\nx,2\n3,3\n", "line 3, column 1 is not a number: 'x'"),
    "as many words as numbers": ("a,b\n1,1\nx,2\n", "line 3, column 1 is not a number: 'x'"),
    "beside a column of words": ("k,a\nu,1\nv,x\nw,3\nw,2\n", "line 3, column 2 is .*: 'x'"),
    "a missing one": (HOLES, "line 3, column 3 is empty: .*--missing drop or mean"),
    "decimal commas": ('k;a\nu;"1,5"\nv;2,5\nw;3\n', "'1,5', write decimal points"),
    "thousands": ('k,a\nu,"1,234.5"\nv,"2,234.5"\n', "without commas between thousands"),
    "another separator": ("k,a\nu,1|2\nv,3|4\n", r"'1\|2', separate all columns alike"),
    "lines of other lengths": ("k,a\nu,1\nv,2,3\n", "column 1 is not a number|3 columns"),
    "words only": ("k,a\nu,x\nv,y\n", "column 1 is not a number: 'u', leave out"),
}


@pytest.mark.parametrize("case", READ)
def test_columns_of_words_are_left_out_and_counted(path, case):
    text, numbers = READ[case]
    table = open_table(path(text))
    np.testing.assert_array_equal(whole(table), numbers)
    assert " left out, not numbers: " in table.found
    frame = pandas.read_csv(io.StringIO(text)) if case == "words after numbers" else None
    if frame is not None:  # as another program reads it
        np.testing.assert_array_equal(frame.select_dtypes("number").to_numpy(), numbers)


@pytest.mark.parametrize("case", REFUSED)
def test_a_column_of_numbers_never_goes_without_a_word(path, case):
    text, message = REFUSED[case]
    with pytest.raises(TableError, match=message) as caught:
        whole(open_table(path(text)))
    assert "\n" not in str(caught.value)


def test_names_and_kinds_are_said(path):
    table = open_table(path(READ["words after numbers"][0]))
    assert table.found == (
        f"read {table.path}, 2 rows of 2 numbers (a, b); 1 column left out, not numbers: who "
        "(words such as 'x'); columns are counted without it"
    )


def test_rows_with_missing_numbers_are_left_out_or_filled_in(path):
    place = path(HOLES)
    drop, mean = (open_table(place, missing=way) for way in ("drop", "mean"))
    np.testing.assert_array_equal(whole(drop), [[1, 2, 3], [1, 5, 2]])
    assert "2 of 4 rows with missing numbers left out (first: row 2, b)" in drop.found
    expected = pandas.DataFrame(FULL).fillna(pandas.DataFrame(FULL).mean())
    np.testing.assert_allclose(whole(mean), expected, rtol=1e-14)
    assert "2 missing numbers in 2 columns replaced by means (first: row 2, b)" in mean.found
    assert drop.digest() != mean.digest()
    assert open_table(place, columns="a").digest() != open_table(place, columns="a:b").digest()
    some = open_table(place, columns="a,b", missing="drop")
    np.testing.assert_array_equal(whole(some), [[1, 2], [7, 8], [1, 5]])
    for table in (drop, mean, some):
        np.testing.assert_array_equal(whole(pickle.loads(pickle.dumps(table))), whole(table))
    assert "nothing is missing" in open_table(place, columns="a", missing="mean").found


def test_one_missing_number_is_a_singular(path):
    place = path(HOLES)
    found = open_table(place, columns="a,b", missing="mean").found
    assert "1 missing number in 1 column replaced by its mean (first: row 2, b)" in found
    two = open_table(path("a,b\n1,\n2,3\n4,\n5,6\n"), missing="mean").found
    assert "2 missing numbers in 1 column replaced by its mean (first: row 1, b)" in two


def test_rows_that_are_left_out_leave_no_block_of_nothing(path):
    table = open_table(path(HOLES), missing="drop")
    assert [len(block) for block in table.blocks(1)] == [1, 1]


def test_cells_that_are_bad_in_columns_that_are_left_out_do_no_harm(path):
    place = path("a,b\n1,1\nx,2\n3,3\n")
    np.testing.assert_array_equal(whole(open_table(place, columns="b")), [[1], [2], [3]])
    for missing in ("drop", "mean"):  # a word is no missing number
        with pytest.raises(TableError, match="line 3, column 1 is not a number: 'x'"):
            whole(open_table(place, missing=missing))


def test_no_row_is_complete(path):
    place = path("a,b\n1,\n2,\n,3\n")
    with pytest.raises(ParameterError, match="missing: no row of 3 is complete: leave out .* b "):
        open_table(place, missing="drop")
    np.testing.assert_array_equal(whole(open_table(place, missing="mean"))[:, 1], [3, 3, 3])
    holes = np.array([[1.0, np.nan], [2, np.nan], [4, np.nan]])
    with pytest.raises(ParameterError, match="column 2 has no number, thus no mean"):
        as_table(holes, missing="mean")


def test_a_hole_far_down_is_found(path, monkeypatch):
    place = path("a,b\n" + "1,2\n" * 3000 + "1,\n" + "1,2\n" * 5)
    with pytest.raises(TableError, match="line 3002, column 2 is empty: .*--missing"):
        whole(open_table(place))
    monkeypatch.setattr("vaedyn.tables.missing.AT_ONCE", 8 * 2 * 100)
    found = open_table(place, missing="drop")
    assert found.rows == 3005
    assert "1 of 3006 rows with missing numbers left out (first: row 3001, b)" in found.found


CHOICES = {
    "b": [1], "2": [1], "1-2": [0, 1], "2:3": [1, 2], "a:b": [0, 1], "c,a": [0, 2], "-a": [1, 2],
    "-1-2": [2], "-a:b": [2], "1-3,-2": [0, 2], " b , c ": [1, 2], "x-1": [3], "-x-1": [0, 1, 2],
    '"d, e"': [4], "b,b": [1], "7-7": [6], "2-2": [1],
}  # fmt: skip


@pytest.mark.parametrize("asked", CHOICES)
def test_columns_are_chosen(path, asked):
    names = 'a,b,c,x-1,"d, e",7,9'
    place = path(f"{names}\n1,2,3,4,5,6,7\n8,9,10,11,12,13,15\n")
    expected = np.array([[1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 15]])
    kept = CHOICES[asked]
    if asked.startswith("-"):
        others = {"-a": [0], "-1-2": [0, 1], "-a:b": [0, 1], "-x-1": [3]}[asked]
        kept = [k for k in range(7) if k not in others]
    np.testing.assert_array_equal(whole(open_table(place, columns=asked)), expected[:, kept])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("nope", "there is no column 'nope': numbers go from 1 to 4, names are a, b, 1, kind"),
        ("kin", r"no column 'kin': .* \(did you mean kind\?\)"), ("5", "no column '5'"),
        ("0", "no column '0'"), ("2-9", "2-9 is no range of columns"), ("3-2", "is no range"),
        ("kind", "kind cannot be read as numbers: it holds words such as 'x'"),
        ("1", "1 is the name of column 3, and a number: write 1-1 or 3-3"),
        ("-a,-b,-3-3", "none of the 4 columns is left that is numbers"), ("", "no column is named"),
        (",", "no column is named"), ('"a', "cannot be read"), ([1.5], "names or numbers of col"),
        ([True], "names or numbers of columns, got True"), ([9], "there is no column 9: .* from 0"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there(path, asked, message):
    place = path("a,b,1,kind\n1,2,3,x\n4,5,6,y\n7,8,1,z\n")
    with pytest.raises(ParameterError, match=message) as caught:
        open_table(place, columns=asked)
    assert caught.value.name == "columns"
    assert "\n" not in str(caught.value)


def test_names_that_occur_twice(path):
    place = path("a,a,b\n1,2,3\n4,5,6\n")
    with pytest.raises(ParameterError, match="2 columns are called 'a': give numbers"):
        open_table(place, columns="a")
    np.testing.assert_array_equal(whole(open_table(place, columns="2")), [[2], [5]])


def test_names_that_are_the_numbers_of_their_columns(path):
    place = path("a,2,b\n1.5,2.5,3.5\n4,5,6\n")
    np.testing.assert_array_equal(whole(open_table(place, columns="2")), [[2.5], [5]])


def test_columns_are_counted_from_0_or_from_the_end_in_python(path):
    place = path("a,b,c,d\n1,2,3,4\n5,6,7,8\n")
    for item in (0, 3, -1, -4):
        expected = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])[:, [item]]
        np.testing.assert_array_equal(whole(open_table(place, columns=[item])), expected)
    for item in (4, -5):
        with pytest.raises(ParameterError, match=f"no column {item}: there are 4, counted from 0"):
            open_table(place, columns=[item])


@pytest.mark.parametrize(("count", "end"), [(8, "g, h$"), (9, r"g, h, \.\.\.$")])
def test_of_many_names_eight_are_listed(path, count, end):
    place = path(",".join("abcdefghi"[:count]) + "\n" + ",".join(["1"] * count) + "\n")
    with pytest.raises(ParameterError, match=f"names are a, b, c, d, e, f, {end}"):
        open_table(place, columns="z9")


def test_a_way_that_is_none(path):
    for data in (path("1,2\n3,4\n"), np.ones((3, 2))):
        with pytest.raises(ParameterError, match="missing: must be drop or mean, got 'median'"):
            as_table(data, missing="median")
    with pytest.raises(ParameterError, match="columns: is asked of a table that is open"):
        as_table(open_table(path("1,2\n3,4\n")), columns="1")


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.npy", "x.npz", "x.mat", "x.nc"])
def test_standard_input_is_read_as_the_file_is(tmp_path, monkeypatch, name):
    from tests.shared.formats import WRITERS

    array = np.random.default_rng(0).normal(size=(9, 3))
    known = {"x.mat": "five.mat", "x.nc": "classic.nc"}.get(name, name)
    WRITERS[known](tmp_path / name, array)
    piped.piped.cache_clear()
    with open(tmp_path / name) as file:
        monkeypatch.setattr("sys.stdin", file)
        table = open_table("-")
    assert (table.place, table.digest()) == ("-", open_table(tmp_path / name).digest())
    np.testing.assert_array_equal(whole(table), array)
    assert "standard input, 9 rows of 3 numbers" in table.found
    assert str(table.path) not in table.found + table.note
    np.testing.assert_array_equal(whole(open_table("-", columns="2")), array[:, 1:2])
    np.testing.assert_array_equal(whole(pickle.loads(pickle.dumps(table))), array)
    piped.piped.cache_clear()


def test_faults_on_standard_input_name_it(tmp_path, monkeypatch):
    (tmp_path / "x.csv").write_text("1,2\n3,x\n4,5\n")
    piped.piped.cache_clear()
    with open(tmp_path / "x.csv") as file:
        monkeypatch.setattr("sys.stdin", file)
        with pytest.raises(TableError, match="^standard input, line 2, column 2 is not a number"):
            open_table("-")
    piped.piped.cache_clear()
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(TableError, match="there is no standard input"):
        open_table("-")
