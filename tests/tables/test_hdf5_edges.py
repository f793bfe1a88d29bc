"""Which dataset, variable or array of a file is the table, with what is beside it; and notes."""

import h5py
import numpy as np
import pytest

from vaedyn.tables.hdf5 import open_hdf5
from vaedyn.tables.lines import TableError
from vaedyn.tables.matlab import open_mat
from vaedyn.tables.netcdf import open_nc

X = np.arange(20.0).reshape(5, 4)


def written(path, datasets, attributes=None):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
        for name, values in (attributes or {}).items():
            file[name].attrs.update(values)
    return path


def refused(opener, path, name=""):
    with pytest.raises(TableError) as error:
        opener(path, name)
    return str(error.value).replace(str(path), "x")


def read(content, most=2):
    return np.concatenate([*content.read(most)])


TWO = X[:, :2]
DOUBLE = {"MATLAB_class": np.bytes_("double")}


@pytest.mark.parametrize(
    ("datasets", "attributes", "found"),
    [
        ({"a": X, "b": np.arange(5)}, {}, "/a"),
        ({"a": X, "#refs#/b": X}, {}, "/a"),
        ({"a": TWO, "b": np.arange(5)}, {}, "/a"),  # one column beside a table of two
        ({"a": TWO, "b": np.arange(5), "c": np.arange(6)}, {}, "/a"),
        ({"a": TWO, "b": np.arange(5), "c": [b"w"] * 5}, {}, "/a"),
        ({"a": TWO, "b": np.arange(5), "c": np.arange(5)},
         {"c": {"CLASS": np.bytes_("DIMENSION_SCALE")}}, "/a"),
        ({"a": X, "b": TWO, "t": np.arange(5)}, {"t": {"bounds": "b"}}, "/a"),
        ({"a": X, "b": np.ones((1, 1))}, {}, "/a"),
        ({"a": np.ones((5, 2, 2)), "b": np.arange(5)}, {}, "/a"),
        ({"a": np.ones((5, 2, 2, 2))}, {}, "/a"),
        ({"a": X.T, "n": np.ones((1, 1)), "v": np.ones((1, 5))},
         dict.fromkeys("anv", DOUBLE), "/a"),
        ({"a": np.ones((1, 5))}, {}, "/a"),
    ],
)  # fmt: skip
def test_the_dataset_that_can_be_meant(tmp_path, datasets, attributes, found):
    assert open_hdf5(written(tmp_path / "x.h5", datasets, attributes), "").name == found


@pytest.mark.parametrize(
    ("datasets", "attributes", "text"),
    [
        ({"a": TWO, "b": np.arange(5), "c": np.arange(5)}, {},
         "x holds several of them, /a (5, 2), /b (5,), /c (5,): choose one as x:/a"),
        ({"a": X, "b": np.zeros(5, "f8,f8")}, {},
         "x holds several of them, /a (5, 4), /b (5,): choose one as x:/a"),
        ({"a": X.T, "b": X.T}, dict.fromkeys("ab", DOUBLE),
         "x holds several of them, /a (5, 4), /b (5, 4): choose one as x:/a"),
        ({"a": np.ones((5, 2, 2, 2, 2)), "b": np.arange(5)}, {},
         "x holds no dataset that is a table of numbers; it has /a (5, 2, 2, 2, 2)"),
        ({"a": np.arange(5), "b": np.arange(4)}, {},
         "x holds no dataset that is a table of numbers; it has /a (5,), /b (4,)"),
        ({"a": np.ones((5, 2, 2)), "b": np.ones((5, 2, 3))}, {},
         "x holds no dataset that is a table of numbers; it has /a (5, 2, 2), /b (5, 2, 3)"),
        ({"a": X > 1}, {}, "x:/a holds booleans, not numbers: save it as an array of floats"),
        ({"a": X}, {"a": {"MATLAB_class": np.bytes_("logical")}},
         "x:/a holds booleans, not numbers: save it as an array of floats"),
        ({"a": X}, {"a": {"MATLAB_class": "char"}},
         "x:/a holds <U1, not numbers: save it as an array of floats"),
        ({"a": np.ones((3, 2, 5))}, {"a": DOUBLE}, None),
        ({"a": np.ones((6, 2, 5))}, {"a": DOUBLE},
         "x:/a has shape (5, 2, 6): samples must be along the first axis: permute(x, [3 1 2]) if "
         "they are along the last one"),
        ({"a": np.array([0, 4])}, {"a": {**DOUBLE, "MATLAB_empty": 1}},
         "x:/a has 0 rows and 0 columns: nothing to read"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(tmp_path, datasets, attributes, text):
    path = written(tmp_path / "x.h5", datasets, attributes)
    if text is None:
        assert open_hdf5(path, "").rows == 5
    else:
        assert refused(open_hdf5, path) == text


def test_names_that_are_none(tmp_path):
    path = written(tmp_path / "x.h5", {"g/a": X, "b": np.arange(3)})
    for name in ("g", "/none"):
        assert refused(open_hdf5, path, name) == f"x has no dataset {name}; it has /g/a (5, 4)"
    vectors = written(tmp_path / "y.h5", {"b": np.arange(3)})
    assert refused(open_hdf5, vectors, "c") == "x has no dataset c; it has /b (3,)"
    empty = written(tmp_path / "z.h5", {})
    assert refused(open_hdf5, empty) == "x holds no dataset"


def test_notes_on_what_is_read(tmp_path):
    path = tmp_path / "x.h5"
    written(path, {"a": X.T}, {"a": DOUBLE})
    found = open_hdf5(path, "")
    assert found.note == f"/a of {path} is stored by columns, as MATLAB does it: it is transposed"
    assert (found.rows, found.columns, found.found) == (5, 4, "")
    assert [len(block) for block in found.read(2)] == [2, 2, 1]
    assert np.array_equal(read(found), X)
    cube = np.arange(30.0).reshape(3, 2, 5)
    written(path, {"a": cube}, {"a": DOUBLE})
    found = open_hdf5(path, "a")
    assert np.array_equal(read(found), cube.T.reshape(5, 6))
    flat = f"/a of {path} has shape (5, 2, 3): it is read as 5 samples of 2 x 3 numbers"
    assert found.note.split("; ")[1] == flat
    written(path, {"a": X}, {"a": {"scale_factor": 0.5, "add_offset": 1.0}})
    found = open_hdf5(path, "")
    assert found.found == "scale_factor, add_offset of /a applied"
    assert np.array_equal(read(found), X / 2 + 1)
    assert found.note == ""


@pytest.mark.parametrize(
    ("filled", "note"),
    [(1, "66.7 %"), (2, "33.3 %"), (3, ""), (0, "100 %")],
)
def test_chunks_that_were_never_written(tmp_path, filled, note):
    """Of three chunks of rows, the last of which is not full."""
    path = tmp_path / "x.h5"
    for fill in (0.0, 7.0):
        with h5py.File(path, "w") as file:
            item = file.create_dataset("a", (5, 4), "f8", chunks=(2, 4), fillvalue=fill)
            for k in range(filled):
                item[2 * k : 2 * k + 2] = X[2 * k : 2 * k + 2]
        text = open_hdf5(path, "").note
        share = {"66.7 %": "67", "33.3 %": "33", "100 %": "1e+02"}.get(note)
        wanted = f"/a of {path} was written in part: {share} % of it are zeros" if share else ""
        assert text == (wanted if fill == 0 else "")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (5, 4), "f8")
    assert open_hdf5(path, "").note == ""


def test_arrays_of_matlab(tmp_path):
    from scipy import io, sparse

    path = tmp_path / "x.mat"
    io.savemat(path, {"a": X, "n": 3.0, "w": "word"})
    found = open_mat(path, "")
    assert (found.name, found.rows, found.columns, found.note) == ("/a", 5, 4, "")
    assert np.array_equal(read(found), X)
    assert refused(open_mat, path, "w") == "x:w holds char, not numbers: save it as a matrix"
    assert refused(open_mat, path, "/z") == ("x has no array z; it has a (5, 4), n (1, 1), w (1,)")
    assert open_mat(path, "/n").rows == 1
    io.savemat(path, {"a": sparse.csc_matrix(X), "w": "word"})
    found = open_mat(path, "")
    assert np.array_equal(read(found), X)
    io.savemat(path, {"w": "word", "n": 3.0})
    assert refused(open_mat, path).startswith("x holds no array that is a table of numbers; it")
    for kind in ("int8", "uint16", "int64", "single"):
        io.savemat(path, {"a": X.astype(kind if kind != "single" else "f4")})
        assert np.array_equal(read(open_mat(path, "")), X)


def nc(path, variables, sizes, attributes=None):
    """Write variables (kind, dimensions, values) in the classic format."""
    from scipy import io

    with io.netcdf_file(path, "w") as file:
        for name, size in sizes.items():
            file.createDimension(name, size)
        for name, (kind, dims, values) in variables.items():
            item = file.createVariable(name, kind, dims)
            item[:] = values
            for key, value in (attributes or {}).get(name, {}).items():
                setattr(item, key, value)
    return path


SIZES = {"time": 5, "site": 4, "pair": 2, "one": 1}


@pytest.mark.parametrize(
    ("more", "attributes", "found"),
    [
        ({}, {}, "a"),
        ({"time": ("f8", ("time",), np.arange(5.0))}, {}, "a"),
        ({"t": ("f8", ("time",), np.arange(5.0))}, {}, "a"),
        ({"b": ("f8", ("time", "pair"), TWO), "t": ("f8", ("time",), np.arange(5.0))},
         {"t": {"bounds": "b"}}, "a"),
        ({"b": ("f8", ("one", "one"), [[1.0]])}, {}, "a"),
        ({"w": ("c", ("time", "pair"), [[b"a", b"b"]] * 5)}, {}, "a"),
        ({f"t{k}": ("f8", ("time",), np.arange(5.0)) for k in range(3)}, {}, "a"),
        ({f"t{k}": ("f8", ("time",), np.arange(5.0)) for k in range(4)}, {}, None),
        ({"b": ("f8", ("time", "pair"), TWO)}, {}, None),
    ],
)  # fmt: skip
def test_the_variable_that_can_be_meant(tmp_path, more, attributes, found):
    variables = {"a": ("f8", ("time", "site"), X), **more}
    path = nc(tmp_path / "x.nc", variables, SIZES, attributes)
    if found:
        content = open_nc(path, "")
        assert (content.name, content.rows, content.columns) == ("/a", 5, 4)
        assert np.array_equal(read(content), X)
    else:
        assert refused(open_nc, path).startswith("x holds several of them, a (5, 4), ")


def test_variables_of_the_classic_format(tmp_path):
    both = {"a": ("i2", ("time", "site"), X), "t": ("f8", ("time",), X[:, 0])}
    path = nc(tmp_path / "x.nc", both, SIZES, {"a": {"scale_factor": 0.5}})
    found = open_nc(path, "/a/")
    assert found.found == "scale_factor, fill values of a applied"
    assert np.array_equal(read(found), X / 2)
    assert refused(open_nc, path, "z") == "x has no variable z; it has a (5, 4), t (5,)"
    assert refused(open_nc, path, "t").startswith("x:t has shape (5,), a table has two axes")
    only = nc(tmp_path / "y.nc", {"t": ("f8", ("time",), X[:, 0])}, SIZES)
    assert refused(open_nc, only) == (
        "x holds no variable that is a table of numbers; it has t (5,)"
    )
    fills = {
        "i2": -32767,
        "i4": -2147483647,
        "f4": 9.969209968386869e36,
        "f8": 9.969209968386869e36,
    }
    for kind, fill in fills.items():
        values = X.copy()
        values[2, 1] = fill
        path = nc(tmp_path / "z.nc", {"a": (kind, ("time", "site"), values)}, SIZES)
        assert np.isnan(read(open_nc(path, ""))[2, 1])
        assert np.isnan(read(open_nc(path, ""))).sum() == 1
    (tmp_path / "w.nc").write_bytes(b"CDF\5" + bytes(60))
    assert refused(open_nc, tmp_path / "w.nc") == (
        "x is of the format CDF-5: convert it by nccopy -k nc4"
    )
