"""Files of every format: the same numbers, what is read is named, and the rest is refused."""

import sys

import h5py
import numpy as np
import pandas
import pytest
from scipy import io, sparse

from tests.shared.formats import WRITERS, anndata
from vaedyn.tables import held, memory
from vaedyn.tables.table import TableError, as_table, open_table

X = np.random.default_rng(0).normal(size=(40, 5))
X[X < -1] = 0
SQUARE = np.random.default_rng(1).normal(size=(6, 2, 3))


def whole(table, most_rows=13):
    return np.concatenate(list(table.blocks(most_rows)))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_numbers(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, X)
    table = open_table(path)
    for most_rows in (1, 7, 40, 100):
        blocks = list(table.blocks(most_rows))
        assert max(len(block) for block in blocks) <= most_rows
        np.testing.assert_array_equal(np.concatenate(blocks), X)
    what = f"{table.name} of {path}" if table.name else str(path)
    assert table.found.startswith(f"read {what}, 40 rows of 5 numbers")
    assert "\n" not in table.found + table.note


@pytest.mark.parametrize("name", WRITERS)
def test_some_columns_are_those_of_the_whole_table(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path, X)
    asked = "4,7" if name == "words.csv" else "2,5"  # words stand in columns 1 and 3
    table = open_table(path, columns=asked)
    np.testing.assert_array_equal(whole(table), X[:, [1, 4]])
    assert table.digest() != open_table(path).digest()
    assert table.digest() == open_table(path, columns=asked).digest()


def test_columns_have_their_names(tmp_path):
    WRITERS["csr.h5ad"](tmp_path / "x.h5ad", X)
    table = open_table(tmp_path / "x.h5ad", columns="gene 2,-gene 4,gene 3:gene 4")
    np.testing.assert_array_equal(whole(table), X[:, [2, 3]])
    assert "5 numbers" not in table.found
    assert "(gene 2, gene 3)" in table.found


def test_anndata_has_other_tables_too(tmp_path):
    anndata("csr")(path := tmp_path / "x.h5ad", X)
    np.testing.assert_array_equal(whole(open_table(f"{path}:/obsm/X_pca")), X[:, :2])
    with h5py.File(path, "a") as file:
        del file["X"]
    with pytest.raises(TableError, match=r"has no dataset /X; it has /obsm/X_pca \(40, 2\)"):
        open_table(path)


def damage(part, change):
    def apply(group):
        values = change(group[part][:])
        del group[part]
        group[part] = values

    return apply


def drop(part):
    def apply(group):
        del group[part]

    return apply


SPARSE = {
    "no shape": (lambda group: group.attrs.pop("shape"), "without a shape"),
    "no data": (drop("data"), "data, indices, indptr are not all there"),
    "too few pointers": (damage("indptr", lambda x: x[:-1]), "parts do not fit its shape"),
    "too little data": (damage("data", lambda x: x[:-1]), "parts do not fit its shape"),
    "pointers fall": (damage("indptr", lambda x: x[[0, 2, 1, *range(3, len(x))]]), "do not begin"),
    "column too large": (damage("indices", lambda x: x + 5), "that are not there"),
    "column below 0": (damage("indices", lambda x: x - 5), "that are not there"),
    "words": (damage("data", lambda x: x.astype("S4")), "not numbers"),
}


@pytest.mark.parametrize("case", SPARSE)
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_sparse_matrices_whose_parts_do_not_fit(tmp_path, case, kind):
    change, message = SPARSE[case]
    anndata(kind)(path := tmp_path / "x.h5ad", np.abs(X[:6]) + (X[:6] == 0))  # no zeros
    with h5py.File(path, "a") as file:
        if case == "pointers fall" and kind == "csc":
            pytest.skip("the same")
        change(file["X"])
    with pytest.raises(TableError, match=message):
        whole(open_table(path))


def test_which_array_of_matlab_is_meant(tmp_path):
    path = tmp_path / "x.mat"
    io.savemat(path, {"a": X, "b": X, "name": "word", "n": 3.0, "s": {"t": 1}})
    with pytest.raises(TableError, match=r"several of them, a \(40, 5\), b \(40, 5\): .*x.mat:a"):
        open_table(path)
    assert open_table(f"{path}:b").name == "/b"
    for name, message in (("name", "holds char"), ("s", "holds struct"), ("c", "has no array c")):
        with pytest.raises(TableError, match=message):
            open_table(f"{path}:{name}")
    io.savemat(path, {"a": X[:, :2], "x": X[:, 2], "y": X[:, 3].reshape(-1, 1), "z": X[:, :1]})
    with pytest.raises(TableError, match="several of them, .*: choose one"):
        open_table(path)  # z and y may be as much of the table as a is
    io.savemat(path, {"a": X + 1j})
    with pytest.raises(TableError, match="complex numbers"):
        open_table(path)
    for values in (np.ones((4, 3, 9)), np.ones((4, 4, 3, 9))):
        io.savemat(path, {"images": values})
        with pytest.raises(TableError, match=r"samples must be along the first axis: permute\(x"):
            open_table(path)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.h5", "x.mat"])
def test_images_are_read_flat(tmp_path, name):
    path = tmp_path / name
    for array in (SQUARE, SQUARE[..., None]):
        if name == "x.npy":
            np.save(path, array)
        elif name == "x.npz":
            np.savez(path, x=array)
        elif name == "x.mat":
            io.savemat(path, {"x": array})
        else:
            with h5py.File(path, "w") as file:
                file["x"] = array
                file["labels"] = np.arange(6)
        table = open_table(path)
        np.testing.assert_array_equal(whole(table, 4), SQUARE.reshape(6, 6))
        assert "it is read as 6 samples of 2 x 3" in table.note
    np.testing.assert_array_equal(whole(as_table(SQUARE)), SQUARE.reshape(6, 6))
    assert "6 samples of 2 x 3" in as_table(SQUARE).note


def test_columns_beside_a_narrow_table_are_named_with_it(tmp_path):
    """As many columns of their own as the table has: a stray matrix, perhaps."""
    import xarray

    arrays = {"x": (("row", "column"), np.ones((9, 2))), "y": ("row", np.arange(9.0))}
    xarray.Dataset(arrays).to_netcdf(tmp_path / "one.nc", engine="scipy")
    assert open_table(tmp_path / "one.nc").columns == 2
    arrays["z"] = ("row", np.ones(9))
    xarray.Dataset(arrays).to_netcdf(tmp_path / "two.nc", engine="scipy")
    with pytest.raises(TableError, match=r"x \(9, 2\), y \(9,\), z \(9,\): choose one as .*:x$"):
        open_table(tmp_path / "two.nc")


def test_classic_netcdf_is_unpacked_as_netcdf_4_is(tmp_path):
    import xarray

    values = X.copy()
    values[3, 1] = np.nan
    encoding = {"dtype": "i2", "scale_factor": 0.001, "add_offset": 1.0, "_FillValue": -9}
    data = xarray.Dataset({"x": (("time", "site"), values), "y": ("time", values[:, 0])})
    data.to_netcdf(
        tmp_path / "a.nc", format="NETCDF3_64BIT", engine="scipy", encoding={"x": encoding}
    )
    data.to_netcdf(tmp_path / "b.nc", engine="h5netcdf", encoding={"x": encoding})
    classic, new = (open_table(tmp_path / name) for name in ("a.nc", "b.nc"))
    np.testing.assert_array_equal(whole(classic), whole(new))
    np.testing.assert_allclose(whole(classic), values, atol=0.001)
    assert "fill values of x applied" in classic.found
    assert open_table(tmp_path / "a.nc", missing="drop").rows == 39


def test_what_pyarrow_reads(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(X, columns=list("abcde")).assign(
        flag=True, day=pandas.Timestamp("2020-01-01"), n=np.arange(40), f=np.float32(1.5)
    )
    frame["null"] = frame["n"].astype("Int64").where(frame["n"] > 2)
    frame.to_parquet(tmp_path / "x.parquet")
    table = open_table(tmp_path / "x.parquet")
    assert "2 columns left out, not numbers: flag (bool), day (timestamp[" in table.found
    found = whole(table)
    assert found.shape == (40, 8)
    assert np.isnan(found[:, -1]).sum() == 3
    np.testing.assert_array_equal(whole(as_table(frame)), found)
    again = open_table(tmp_path / "x.parquet", missing="drop")
    assert (again.rows, whole(again)[0, 5]) == (37, 3)
    frame[["flag"]].to_parquet(tmp_path / "y.parquet")
    with pytest.raises(TableError, match="has no column of numbers: flag holds bool"):
        open_table(tmp_path / "y.parquet")


def test_a_reader_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(
        TableError, match=r"needs pyarrow to be read: pip install 'vaedyn\[tables\]'"
    ):
        open_table(tmp_path / "x.parquet")


def row_group(path):
    parquet = pytest.importorskip("pyarrow.parquet")
    pandas.DataFrame(X, columns=list("abcde")).to_parquet(path, row_group_size=30)
    metadata = parquet.ParquetFile(path).metadata
    return metadata.row_group(0).total_byte_size


WHOLE = {  # what is read as a whole, and its bytes: 8 for a number, 24 where indices are kept too
    "five.mat": lambda path: X.nbytes,
    "classic.nc": lambda path: X.nbytes,
    "csc.h5ad": lambda path: 24 * np.count_nonzero(X),
    "x.parquet": row_group,
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_takes_more_than_half_of_the_free_memory_is_refused(tmp_path, name, monkeypatch):
    if name in WRITERS:
        WRITERS[name](tmp_path / name, X)
    size = WHOLE[name](tmp_path / name)
    monkeypatch.setattr(memory, "free_memory", lambda: 2.0 * size)
    np.testing.assert_array_equal(whole(open_table(tmp_path / name)), X)
    monkeypatch.setattr(memory, "free_memory", lambda: 2.0 * size - 1)
    free = f"{(2 * size - 1) / 1e9:.3g}"
    asked = rf"takes {size / 1e9:.3g} GB .*, more than half of what is free \({free} GB\): save it"
    with pytest.raises(TableError, match=asked):
        whole(open_table(tmp_path / name))


class Offers:
    """An array, or what fails to become one."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise RuntimeError("Can't call numpy() on this.\nDetach it first.")
        return self.array


def test_what_is_no_array_but_becomes_one():
    np.testing.assert_array_equal(whole(as_table(Offers(X))), X)
    assert as_table(Offers(X)).digest() == as_table(X).digest()
    with pytest.raises(ValueError, match=r"data: cannot be read as an array: Can't call numpy"):
        as_table(Offers(None))
    np.testing.assert_array_equal(whole(as_table(sparse.csr_matrix(X))), X)


def test_tables_of_other_packages():
    frame = pandas.DataFrame(X, columns=list("abcde"))
    frame.insert(1, "word", "w")
    table = as_table(frame)
    np.testing.assert_array_equal(whole(table), X)
    assert "1 column left out, not numbers: word" in table.found
    np.testing.assert_array_equal(whole(as_table(frame, columns=["c", 0])), X[:, [0, 2]])
    np.testing.assert_array_equal(whole(as_table(frame, columns="1,4-5")), X[:, [0, 2, 3]])
    frame.iloc[3, 0] = np.nan
    assert whole(as_table(frame, missing="drop")).shape == (39, 5)
    filled = whole(as_table(frame, missing="mean"))
    assert filled[3, 0] == pytest.approx(np.delete(X[:, 0], 3).mean(), rel=1e-12)
    with pytest.raises(TableError, match="no column of numbers: word holds"):
        as_table(frame[["word"]])


def test_arrow_streams(monkeypatch):
    arrow = pytest.importorskip("pyarrow")
    columns = {name: X[:, k] for k, name in enumerate("abcde")}
    table = arrow.table({**columns, "word": ["w"] * 40, "n": [None, *range(39)]})

    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    found = whole(as_table(Stream()))
    np.testing.assert_array_equal(found[:, :5], X)
    assert np.isnan(found[0, 5])
    assert held.held(Stream(), "b,n", "drop").numbers.shape == (39, 2)
