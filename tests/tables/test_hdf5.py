"""HDF5 as programs write it: the dataset that is meant, the right way round, unpacked."""

import h5py
import numpy as np
import pytest
import xarray

from vaedyn.tables.table import TableError, open_table

X = np.random.default_rng(0).normal(size=(50, 4))


def written(path, datasets, attributes=None):
    """Write datasets by name, and attributes by the name of what has them."""
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
        for name, values in (attributes or {}).items():
            file[name].attrs.update(values)
    return path


def whole(table, most_rows=7):
    return np.concatenate(list(table.blocks(most_rows)))


PARTS = {f"X/{name}": np.arange(5) for name in ("data", "indices", "indptr")}
AMBIGUOUS = {  # datasets: what is listed
    "images and labels": (
        {"images": np.ones((50, 4, 3)), "labels": np.ones((50, 1))},
        r"/images \(50, 4, 3\), /labels \(50, 1\): choose one as .*:/labels",
    ),
    "two tables": ({"a": X, "g/b": X}, r"/a \(50, 4\), /g/b \(50, 4\): choose one as .*:/a"),
    "a sparse matrix and its components": (
        {**PARTS, "obsm/X_pca": X},
        r"/X \(sparse\), /obsm/X_pca \(50, 4\): choose one as .*:/obsm/X_pca",
    ),
    "records": ({"table": np.zeros(50, "f8,f8"), "a": X}, r"/a \(50, 4\), /table \(50,\)"),
    "complex": ({"signal": X + 1j, "a": X}, r"/a \(50, 4\), /signal \(50, 4\)"),
    "a mask": ({"mask": X > 0, "a": X}, r"/a \(50, 4\), /mask \(50, 4\)"),
    "columns one by one": (
        {"x": X[:, 0], "y": X[:, 1], "box": X[:, :2]},
        r"/box \(50, 2\), /x \(50,\), /y \(50,\): choose one as .*:/box",
    ),
    "columns only": ({"x": X[:, 0], "y": X[:, 1]}, r"no dataset that is a table .* /x \(50,\), /y"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_what_is_ambiguous_is_listed(tmp_path, case):
    datasets, message = AMBIGUOUS[case]
    path = written(tmp_path / "x.h5", datasets)
    with pytest.raises(TableError, match=message):
        open_table(path)


def test_bounds_of_cells_are_no_table(tmp_path):
    names = {"time": np.arange(50.0), "time_bnds": np.ones((50, 2)), "x": X[:, 0]}
    path = written(tmp_path / "x.h5", names, {"time": {"bounds": "time_bnds"}})
    with pytest.raises(TableError, match="no dataset that is a table of numbers"):
        open_table(path)


@pytest.mark.parametrize(
    "beside",
    [{}, {"labels": np.arange(50)}, {"scale": np.ones((1, 1)), "names": [b"a"] * 4, "t": 3.0}],
    ids=["alone", "labels", "others"],
)
def test_the_dataset_that_is_read_is_named(tmp_path, beside):
    path = written(tmp_path / "x.h5", {"run/x": X, **beside})
    table = open_table(path)
    np.testing.assert_array_equal(whole(table), X)
    assert table.found == f"read /run/x of {path}, 50 rows of 4 numbers"
    assert table.note == ""
    assert open_table(f"{path}:/run/x").found == table.found


def test_sparse_matrices_are_refused(tmp_path):
    path = written(tmp_path / "x.h5", PARTS)
    for place in (path, f"{path}:X"):
        with pytest.raises(TableError, match="X is a sparse matrix: save it as an array"):
            open_table(place)


@pytest.mark.parametrize("name", ["x", "g/value"])
def test_what_is_kept_by_columns_is_transposed(tmp_path, name):
    marks = {"x": {"MATLAB_class": np.bytes_("double")}}
    marks = marks if name == "x" else {"g": {"OCTAVE_NEW_FORMAT": 1}}
    path = written(tmp_path / "x.h5", {name: X.T}, marks)
    for place in (path, f"{path}:/{name}"):
        table = open_table(place)
        np.testing.assert_array_equal(whole(table), X)
        assert (table.rows, table.columns) == (50, 4)
        assert (
            table.note
            == f"/{name} of {path} is stored by columns, as MATLAB does it: it is transposed"
        )
    plain = written(tmp_path / "y.h5", {name: X.T})
    assert open_table(plain).rows == 4


def test_what_matlab_writes_beside_numbers(tmp_path):
    text = np.frombuffer(b"h\0e\0l\0", "u2").reshape(3, 1)
    datasets = {"x": X.T, "title": text, "n": np.ones((1, 1)), "mask": np.ones((4, 50), "u1")}
    classes = {"x": "double", "title": "char", "n": "double", "mask": "logical"}
    classes = {name: {"MATLAB_class": np.bytes_(kind)} for name, kind in classes.items()}
    path = written(tmp_path / "x.h5", datasets, classes)
    with pytest.raises(TableError, match=r"/mask \(50, 4\), /x \(50, 4\): choose one as .*:/"):
        open_table(path)
    for name, what in (("title", "not numbers"), ("mask", "booleans, not numbers")):
        with pytest.raises(TableError, match=f"{name} holds .*{what}"):
            open_table(f"{path}:/{name}")
    empty = {"x": {"MATLAB_class": np.bytes_("double"), "MATLAB_empty": np.uint8(1)}}
    path = written(tmp_path / "y.h5", {"x": np.array([0, 4], "u8")}, empty)
    with pytest.raises(TableError, match="nothing to read"):
        open_table(path)


@pytest.mark.parametrize(
    "encoding",
    [
        {"dtype": "i2", "scale_factor": 0.001, "add_offset": 3.0, "_FillValue": -32767},
        {"dtype": "i4", "scale_factor": 0.01, "_FillValue": -9999},
        {"dtype": "f4", "_FillValue": 1e20},
        {"dtype": "f8", "_FillValue": 9.969209968386869e36},
        {"dtype": "f8", "_FillValue": np.nan},
        {"dtype": "u1", "scale_factor": 0.05, "add_offset": -6.0, "_FillValue": 255},
        {"dtype": "i1", "scale_factor": 0.05, "_FillValue": -1, "_Unsigned": "true"},
    ],
    ids=str,
)
def test_packed_numbers_are_those_that_xarray_unpacks(tmp_path, encoding):
    values = np.abs(X) if "_Unsigned" in encoding else X.copy()
    values[3, 1] = values[20, 2] = np.nan
    path = tmp_path / "x.h5"
    packed = xarray.Dataset({"x": (("time", "site"), values)}, {"time": np.arange(50.0)})
    packed.to_netcdf(path, engine="h5netcdf", encoding={"x": encoding})
    with xarray.open_dataset(path, engine="h5netcdf") as file:
        expected = file["x"].values
    found = whole(open_table(path))
    np.testing.assert_allclose(found, expected, rtol=1e-6, equal_nan=True)
    assert np.isnan(found).sum() == 2
    with h5py.File(path) as file:  # the numbers as they stand are others
        same = np.array_equal(file["x"][:], expected, equal_nan=True)
    applied = open_table(path).found.endswith("of /x applied")
    assert applied != same


def test_cells_that_were_never_written_are_missing(tmp_path):
    for kind, fill in (("f8", 9.969209968386869e36), ("i8", -9223372036854775806), ("i2", -32767)):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            item = file.create_dataset("x", (5, 3), kind, chunks=(1, 3), fillvalue=fill)
            item[:4] = 7
        found = whole(open_table(tmp_path / "x.h5"))
        assert (found[:4] == 7).all()
        assert np.isnan(found[4]).all()
    with h5py.File(tmp_path / "x.h5", "w") as file:  # where every value is used, it is one
        file.create_dataset("x", (5, 3), "u1", chunks=(1, 3), fillvalue=255)
    assert (whole(open_table(tmp_path / "x.h5")) == 255).all()


@pytest.mark.parametrize(
    ("limits", "wrong"),
    [({"valid_range": [-1.0, 1.0]}, np.abs(X) > 1), ({"valid_min": 0.0}, X < 0)],
    ids=["range", "least"],
)
def test_numbers_beyond_the_valid_range_are_missing(tmp_path, limits, wrong):
    path = written(tmp_path / "x.h5", {"x": X}, {"x": limits})
    np.testing.assert_array_equal(np.isnan(whole(open_table(path))), wrong)


def test_an_attribute_that_makes_no_sense(tmp_path):
    path = written(tmp_path / "x.h5", {"x": X}, {"x": {"scale_factor": "big"}})
    with pytest.raises(TableError, match="/x: its attribute scale_factor is not a number"):
        open_table(path)


def test_notes_are_printed_and_missing_numbers_refused(run):
    written("x.h5", {"x": X.T}, {"x": {"MATLAB_class": np.bytes_("double"), "_FillValue": 1e20}})
    done = run("spectrum x.h5 --json")
    assert done.json["samples"] == 50
    lines = done.err.splitlines()
    assert "read /x of x.h5, 50 rows of 4 numbers; fill values of /x applied" in lines
    assert "warning: /x of x.h5 is stored by columns, as MATLAB does it: it is transposed" in lines
    with h5py.File("x.h5", "a") as file:
        file["x"][2, 11] = 1e20
    done = run("spectrum x.h5")
    assert done.code == 2
    assert "row 12, column 3 is nan: remove such rows, or fill in numbers" in done.err


def test_a_dataset_written_in_part_is_told(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        item = file.create_dataset("x", (50, 4), "f8", chunks=(10, 4))
        item[:20] = X[:20]
    assert "/x of" in (note := open_table(tmp_path / "t.h5").note)
    assert "60 % of it are zeros" in note
    with h5py.File(tmp_path / "t.h5", "r+") as file:
        file["x"][20:] = 0.0
    assert not open_table(tmp_path / "t.h5").note


def test_categories_are_no_numbers(tmp_path):
    kind = h5py.enum_dtype({"oak": 0, "elm": 1})
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file.create_dataset("x", data=np.ones((9, 3), int), dtype=kind)
    with pytest.raises(TableError, match="names of categories"):
        open_table(tmp_path / "t.h5")
