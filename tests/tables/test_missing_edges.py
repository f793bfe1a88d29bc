"""Missing numbers, tables in memory, and what does not fit into it."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.errors import ParameterError
from vaedyn.tables import held as held_module
from vaedyn.tables import memory as memory_module
from vaedyn.tables import missing as module
from vaedyn.tables.chosen import Column, unnamed
from vaedyn.tables.held import Held, held
from vaedyn.tables.lines import TableError
from vaedyn.tables.memory import check_memory, extra, foreign
from vaedyn.tables.missing import check_way, without_missing

NAN = np.nan
HOLES = np.array([[1, 2, 3], [4, NAN, 6], [NAN, 8, NAN], [10, 11, 15], [7, 6, NAN]])


def refused(call, *given, error=ParameterError, **options):
    with pytest.raises(error) as caught:
        call(*given, **options)
    return str(caught.value)


def done(way, *blocks, names=("a", "", "c")):
    columns = [Column(k + 1, name) for k, name in enumerate(names)]
    sizes = []

    def read(most):
        sizes.append(most)
        return iter(blocks)

    rows, after, words = without_missing(read, sum(map(len, blocks)), columns, way)
    assert sizes == [int(2e6 / len(names))]  # 16 MB
    return rows, [*after(7)], words


def test_ways_are_two():
    for way in (None, "drop", "mean"):
        check_way(way)
    assert refused(check_way, "fill") == "missing: must be drop or mean, got 'fill'"
    assert refused(check_way, "x" * 50) == f"missing: must be drop or mean, got '{'x' * 40}'"


def test_rows_are_dropped():
    rows, blocks, words = done("drop", HOLES[:2], HOLES[2:3], HOLES[3:])
    assert rows == 2
    assert [block.tolist() for block in blocks] == [[[1, 2, 3]], [[10, 11, 15]]]
    assert words == (
        "3 of 5 rows with missing numbers left out (first: row 2, column 2), and rows are counted "
        "without them"
    )
    assert "(first: row 3, a)" in done("drop", HOLES[:1], HOLES[3:4], HOLES[2:3])[2]


def test_means_are_filled_in():
    rows, blocks, words = done("mean", HOLES[:2], HOLES[2:])
    assert rows == 5
    wanted = np.where(np.isnan(HOLES), [5.5, 6.75, 8.0], HOLES)
    np.testing.assert_allclose(np.concatenate(blocks), wanted, rtol=1e-14)
    assert words == (
        "4 missing numbers in 3 columns replaced by means (first: row 2, column 2), which lowers "
        "variances"
    )
    one = done("mean", HOLES[:2])[2]
    assert one.startswith("1 missing number in 1 column replaced by its mean (first: row 2, c")
    two = done("mean", HOLES[3:], HOLES[4:])[2]
    assert two.startswith("2 missing numbers in 1 column replaced by its mean (first: row 2, c)")
    large = np.array([[1e8 + 1], [NAN], [1e8 + 3]])
    assert done("mean", large, names=("a",))[1][0][1, 0] == 1e8 + 2


def test_nothing_is_missing():
    rows, blocks, words = done("drop", HOLES[:1], HOLES[3:4])
    assert (rows, words) == (2, "nothing is missing")
    assert len(blocks) == 2


def test_nothing_is_left():
    holes = np.array([[NAN, 2, NAN], [4, NAN, NAN]])
    assert refused(done, "drop", holes) == (
        "missing: no row of 2 is complete: leave out columns such as c (--columns), which lacks 2 "
        "of them"
    )
    assert refused(done, "mean", holes) == (
        "missing: c has no number, thus no mean: leave it out (--columns)"
    )
    assert done("drop", HOLES[:1], holes)[0] == 1


def test_wide_tables_are_read_a_row_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 8)
    sizes = []

    def read(most):
        sizes.append(most)
        return iter([HOLES])

    without_missing(read, 5, unnamed(3), "drop")
    assert sizes == [1]


# ---- in memory


def test_numbers_are_cut_into_blocks_and_told_apart():
    numbers = np.arange(12.0).reshape(6, 2)
    table = Held(numbers)
    assert (table.rows, table.columns, table.note, table.found, table.place) == (6, 2, "", "", "")
    assert [len(block) for block in table.blocks(4)] == [4, 2]
    assert np.array_equal(np.concatenate([*table.blocks(4)]), numbers)
    digests = {
        Held(numbers).digest(), Held(numbers.copy()).digest(),
        Held(numbers, asked={"missing": "drop"}).digest(),
        Held(numbers, asked={"missing": "mean"}).digest(), Held(numbers + 1).digest(),
        Held(numbers.reshape(4, 3)).digest(), Held(numbers.astype("f4")).digest(),
        Held(numbers.view("i8")).digest(),
    }  # fmt: skip
    assert len(digests) == 7
    both = {"columns": "1-1", "missing": "drop"}
    assert Held(numbers, asked=both).digest() == Held(numbers, asked=dict(
        reversed(both.items()))).digest()  # fmt: skip


def test_columns_and_missing_numbers_of_what_is_held():
    found = held(HOLES, [0, 2], "drop")
    assert found.numbers.tolist() == [[1, 3], [4, 6], [10, 15]]
    assert found.asked == {"columns": "1-1,3-3", "missing": "drop"}
    assert found.found.startswith("2 of 5 rows with missing numbers left out")
    assert held(HOLES).asked == {}
    assert held(HOLES).found == ""
    assert held(HOLES, missing="mean").numbers[1, 1] == 6.75
    assert refused(held, HOLES, missing="fill").startswith("missing: must be drop or mean")


def test_arrays_of_several_axes_are_flat():
    found = held(np.arange(24.0).reshape(2, 3, 4))
    assert (found.rows, found.columns) == (2, 12)
    assert found.note == "the array has shape (2, 3, 4): it is read as 2 samples of 3 x 4 numbers"
    assert held(np.zeros((2, 3, 2, 2))).columns == 12
    assert held(np.zeros((2, 3))).note == ""
    text = "data: expected a table (rows, dim), got shape "
    for shape in ((2,), (2, 3, 2, 2, 1), (0, 3), (3, 0), (2, 0, 3), ()):
        assert refused(held, np.zeros(shape)) == f"{text}{shape}"


def test_what_is_masked_is_missing():
    masked = np.ma.masked_greater(np.arange(6).reshape(3, 2), 4)
    assert np.isnan(held(masked).numbers[2, 1])
    assert held(np.ma.masked_array(np.arange(6).reshape(3, 2))).numbers.dtype.kind == "i"


def test_what_fails_to_become_an_array():
    def fails(*_, **__):
        raise RuntimeError("on the GPU\nmore")

    bad = type("Bad", (), {"__array__": fails})()
    assert refused(held, bad) == "data: cannot be read as an array: on the GPU"
    silent = type("Silent", (), {"__array__": lambda *_, **__: 1 / 0})()
    assert refused(held, silent) == "data: cannot be read as an array: division by zero"


def test_tables_of_pandas_have_columns_of_words():
    import pandas as pd

    frame = pd.DataFrame({"w": ["a", "b"], "x": [1, 2], "y": pd.array([3, None], "Int64")})
    found = held(frame)
    np.testing.assert_array_equal(found.numbers, [[1, 3], [2, NAN]])
    assert found.found.startswith("1 column left out, not numbers: w (")
    assert held(frame, "x").found == ""
    assert held(frame, ["y", 1]).numbers.shape == (2, 2)
    assert held(frame, missing="drop").numbers.tolist() == [[1, 3]]
    kind = frame["w"].dtype
    text = f"the table has no column of numbers: w holds {kind}"
    assert refused(held, frame[["w"]], error=TableError) == text
    assert refused(held, frame[:0]).endswith("got shape (0, 2)")


def test_a_sparse_matrix_must_fit(monkeypatch):
    seen = []
    monkeypatch.setattr(held_module, "check_memory", lambda *given: seen.append(given))
    sparse = SimpleNamespace(toarray=lambda: np.eye(2), nnz=2, shape=(2, 2))
    assert held(sparse).numbers.tolist() == [[1, 0], [0, 1]]
    assert seen == [("this sparse matrix", (2, 2))]
    import pandas as pd

    held(pd.DataFrame({"w": ["a"] * 3, "x": [1, 2, 3]}))
    assert seen[1:] == [("this table", (3, 1))]


def test_what_is_an_array_is_read_as_one():
    class Streams(np.ndarray):
        def __arrow_c_stream__(self, schema=None):
            raise AssertionError("which is slower")

    assert held(np.eye(2).view(Streams)).numbers.tolist() == [[1, 0], [0, 1]]
    dense = type("Dense", (), {"toarray": None, "__array__": lambda *_, **__: np.eye(2)})()
    assert held(dense).numbers.tolist() == [[1, 0], [0, 1]]


def test_half_of_the_free_memory_may_be_taken(monkeypatch):
    monkeypatch.setattr(memory_module, "free_memory", lambda: 4e9)
    check_memory("x", (250_000, 1000))
    assert refused(check_memory, "x", (250_001, 1000), error=TableError) == (
        "x takes 2 GB of memory, more than half of what is free (4 GB): save it as .npy or .csv, "
        "which are read in blocks"
    )
    check_memory("x", (2_000_000, 1000), 1)
    assert refused(check_memory, "x", (3_000_000, 1000), 1, error=TableError).startswith(
        "x takes 3"
    )


def test_readers_that_are_missing_or_fail():
    text = "x needs nothing_here to be read: pip install 'vaedyn[tables]'"
    assert refused(extra, "nothing_here.deep", "x", error=TableError) == text
    assert extra("math", "x").pi > 3

    def run(error):
        with foreign("x"):
            raise error

    damaged = "x is damaged, or not what its name says: "
    assert refused(run, KeyError(), error=TableError) == f"{damaged}KeyError"
    assert refused(run, ValueError("a\nb"), error=TableError) == f"{damaged}a"
    assert refused(run, ValueError("c" * 300), error=TableError) == damaged + "c" * 200
    assert refused(run, TableError("as it is"), error=TableError) == "as it is"
