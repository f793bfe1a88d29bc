"""Packed numbers, choices and tables in files, just at the limits."""

from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from vaedyn.tables.arrays import checked, choice, slices
from vaedyn.tables.hdf5 import _holes, open_hdf5
from vaedyn.tables.lines import TableError
from vaedyn.tables.packing import packing_of
from vaedyn.tables.table import Table, open_table

NAN = np.nan
BOTH, S_FILL = "scale_factor, add_offset", "scale_factor, fill values"
U_FILL, U_RANGE = "_Unsigned, fill values", "_Unsigned, the valid range"
AXES = "a table has two axes: reshape it to (samples, numbers per sample)"


def unpacked(values, kind, fillvalue=0, **attributes):
    """Return numbers as they are unpacked, and in words what was applied."""
    values = np.array(values, kind)
    item = SimpleNamespace(
        dtype=values.dtype, attrs=attributes, fillvalue=values.dtype.type(fillvalue)
    )
    unpack, words = packing_of(item, "FILE:x")
    return values.astype(float).tolist() if unpack is None else unpack(values).tolist(), words


@pytest.mark.parametrize(
    ("values", "kind", "attributes", "wanted", "words"),
    [
        ([1, 2], "i2", {}, [1, 2], ""), ([1, 2], "i2", {"scale_factor": 1.0}, [1, 2], ""),
        ([1, 2], "i2", {"add_offset": 0.0}, [1, 2], ""),
        ([1, 2], "i2", {"scale_factor": 0.5}, [0.5, 1], "scale_factor"),
        ([1, 2], "i2", {"add_offset": 3}, [4, 5], "add_offset"),
        ([1, 2], "i2", {"add_offset": [3.0], "scale_factor": [2.0]}, [5, 7], BOTH),
        ([1, 2], "i2", {"_FillValue": 2}, [1, NAN], "fill values"),
        ([1, 2], "i2", {"_FillValue": 2.0}, [1, NAN], "fill values"),
        ([1, 2], "i2", {"_FillValue": 2.5}, [1, 2], ""),
        ([1, 2], "f4", {"_FillValue": NAN}, [1, 2], ""),
        ([1, 2], "i8", {"_FillValue": 2.0**63}, [1, 2], ""),
        ([1, 2], "i8", {"_FillValue": -(2.0**62)}, [1, 2], "fill values"),
        ([1, 2, 3], "i2", {"missing_value": [1, 3], "_FillValue": 7}, [NAN, 2, NAN], "fill values"),
        ([1, 2, 3], "i2", {"scale_factor": 2, "_FillValue": 2}, [2, NAN, 6], S_FILL),
        ([1, 2, 3], "i2", {"valid_min": 2}, [NAN, 2, 3], "the valid range"),
        ([1, 2, 3], "i2", {"valid_max": 2}, [1, 2, NAN], "the valid range"),
        ([1, 2, 3], "i2", {"valid_range": [2, 2]}, [NAN, 2, NAN], "the valid range"),
        ([1, 2, 3], "i2", {"valid_range": [1, 3], "valid_min": 2}, [NAN, 2, 3], "the valid range"),
        ([1, 2, 3], "i2", {"valid_range": [2, 3], "valid_min": 1}, [NAN, 2, 3], "the valid range"),
        ([1, 2, 3], "i2", {"valid_range": [1, 2], "valid_max": 3}, [1, 2, NAN], "the valid range"),
        ([-1, 2], "i1", {"_Unsigned": "true"}, [255, 2], "_Unsigned"),
        ([-1, 2], "i1", {"_Unsigned": b"true"}, [255, 2], "_Unsigned"),
        ([-1, 2], "i1", {"_Unsigned": "false"}, [-1, 2], ""),
        ([1, 2], "u1", {"_Unsigned": "true"}, [1, 2], ""),
        ([-1, 2], ">i2", {"_Unsigned": "true", "_FillValue": -1}, [NAN, 2], U_FILL),
        # a largest number that is negative was written as a signed one
        ([-1, 2], "i1", {"_Unsigned": "true", "valid_range": [3, -2]}, [255, NAN], U_RANGE),
        ([-1, 2], "i1", {"_Unsigned": "true", "valid_max": 0}, [NAN, NAN], U_RANGE),
        ([-1, -3], "i1", {"valid_max": -2}, [NAN, -3], "the valid range"),
    ],
)  # fmt: skip
def test_numbers_are_unpacked(values, kind, attributes, wanted, words):
    found, said = unpacked(values, kind, **attributes)
    np.testing.assert_array_equal(found, wanted)
    assert said == words


def test_cells_that_were_never_written_have_the_default_but_bytes():
    assert unpacked([7, 2], "i2", 7) == ([pytest.approx(NAN, nan_ok=True), 2], "fill values")
    assert unpacked([7, 2], "i1", 7) == ([7, 2], "")
    assert unpacked([0, 2], "i2", 0) == ([0, 2], "")


@pytest.mark.parametrize("name", ["scale_factor", "_FillValue", "valid_range"])
def test_attributes_that_are_no_numbers_are_refused(name):
    with pytest.raises(TableError, match=f"^FILE:x: its attribute {name} is not a number$"):
        unpacked([1], "i2", **{name: "two"})


def test_tables_have_two_axes_with_something_on_each():
    assert checked("x", (3, 2), np.dtype("u1")) == (3, 2)
    for shape, kind, message in (
        ((3, 2), "c8", "x holds complex numbers: save real and imaginary parts as columns"),
        ((3, 2), "?", "x holds booleans, not numbers: save it as an array of floats"),
        ((3, 2), "M8[s]", "x holds datetime64[s], not numbers: save it as an array of floats"),
        ((3,), "f8", f"x has shape (3,), {AXES}"),
        ((0, 2), "f8", "x has 0 rows and 2 columns: nothing to read"),
        ((3, 0), "f8", "x has 3 rows and 0 columns: nothing to read"),
    ):  # fmt: skip
        with pytest.raises(TableError) as caught:
            checked("x", shape, np.dtype(kind))
        assert str(caught.value) == message


def test_rows_come_in_blocks():
    assert [len(block) for block in slices(np.ones((7, 2)), 3)] == [3, 3, 1]
    assert [len(block) for block in slices(np.ones((6, 2)), 3)] == [3, 3]


def test_ten_choices_are_listed_at_most():
    def said(name, count, first):
        there = {f"a{k}": f"({k}, 2)" for k in range(count)}
        return str(choice(Path("F"), name, "array", there, first))

    ten = ", ".join(f"a{k} ({k}, 2)" for k in range(10))
    assert said("", 0, "") == "F holds no array"
    assert said("b", 2, "a0") == "F has no array b; it has a0 (0, 2), a1 (1, 2)"
    assert said("", 2, "") == (
        "F holds no array that is a table of numbers; it has a0 (0, 2), a1 (1, 2)"
    )
    assert said("", 10, "a3") == f"F holds several of them, {ten}: choose one as F:a3"
    assert said("", 11, "a3") == f"F holds several of them, {ten}, ...: choose one as F:a3"


def test_what_was_never_written_is_counted_by_chunks(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        item = file.create_dataset("x", (10, 3), "f8", chunks=(4, 2))
        item[:4, :2] = 1
        assert _holes(item) == "was written in part: 83 % of it are zeros"
        item[...] = 1
        assert _holes(item) == ""
        other = file.create_dataset("y", (10, 3), "f8", chunks=(4, 2), fillvalue=7)
        assert _holes(other) == _holes(file.create_dataset("z", data=np.ones(3))) == ""
        assert _holes(file.create_dataset("w", (8, 4), "f8", chunks=(4, 2))).startswith(
            "was written in part: 1e+02 %"
        )


def test_what_is_read_and_applied_is_said(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["t"] = np.arange(6.0).reshape(2, 3)
        file["t"].attrs["scale_factor"] = 2.0
        part = file.create_dataset("p", (4, 2), "f8", chunks=(2, 2))
        part[:2] = 1
        part.attrs["MATLAB_class"] = b"double"
    found = open_hdf5(path, "t")
    assert (found.name, found.rows, found.columns) == ("/t", 2, 3)
    assert (found.note, found.found) == ("", "scale_factor of /t applied")
    np.testing.assert_array_equal(np.concatenate(list(found.read(1))), [[0, 2, 4], [6, 8, 10]])
    turned = open_hdf5(path, "/p")
    assert (turned.rows, turned.columns, turned.found) == (2, 4, "")
    assert turned.note == (
        f"/p of {path} is stored by columns, as MATLAB does it: it is transposed; "
        f"/p of {path} was written in part: 50 % of it are zeros"
    )
    with h5py.File(path, "a") as file:
        del file["p"]
    alone = open_hdf5(path, "")
    assert (alone.name, alone.found) == ("/t", "scale_factor of /t applied")
    words = f"read /t of {path}, 2 rows of 3 numbers; scale_factor of /t applied"
    assert open_table(path).found == words


def test_a_table_has_as_many_rows_as_it_had(tmp_path):
    def table(rows):
        return Table(tmp_path / "x.npy", "", rows, 2, lambda most: iter([np.ones((most, 2))] * 2))

    assert [block.shape for block in table(6).blocks(3)] == [(3, 2), (3, 2)]
    for rows in (5, 7):
        with pytest.raises(TableError, match=f"had {rows} rows and now has 6: it changed while"):
            list(table(rows).blocks(3))
    assert len(list(table(2).blocks(1))) == 2
    with pytest.raises(ValueError, match="most_rows must be at least 1, got 0"):
        next(table(2).blocks(0))


def test_places_without_a_file_or_an_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("empty.csv").touch()
    for place, message in (
        ("", "cannot read '': give the name of a file"),
        ("no.csv", "there is no file no.csv"), ("empty.csv", "empty.csv is empty"),
        ("x.doc", "x.doc must end in .npy, .npz, .h5, .hdf5, .h5ad, .mat, .nc, .parquet, .csv, "
         ".txt, .tsv or .csv.gz to be read as a table"),
    ):  # fmt: skip
        with pytest.raises(TableError) as caught:
            open_table(place)
        assert str(caught.value) == message
