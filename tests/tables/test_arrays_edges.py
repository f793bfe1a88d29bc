"""What arrays in files must be to be tables, which one is meant, and sparse ones in parts."""

from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from vaedyn.tables import arrays as arrays_module
from vaedyn.tables.arrays import (
    checked,
    choice,
    flattened,
    named_arrays,
    open_npy,
    open_npz,
    slices,
)
from vaedyn.tables.hdf5 import open_hdf5
from vaedyn.tables.lines import TableError
from vaedyn.tables.packing import packing_of
from vaedyn.tables.sparse import form_of
from vaedyn.tables.turned import matrices, samples_first


def refused(call, *given, **options):
    with pytest.raises(TableError) as error:
        call(*given, **options)
    return str(error.value)


def test_arrays_are_tables_of_two_to_four_axes():
    kind = np.dtype(float)
    assert checked("x", (5, 3), kind) == (5, 3)
    assert checked("x", (5, 3, 2), np.dtype("u1")) == (5, 6)
    assert checked("x", (5, 3, 2, 4), np.dtype("i8")) == (5, 24)
    text = "x has shape {}, a table has two axes: reshape it to (samples, numbers per sample)"
    for shape in ((), (5,), (5, 3, 2, 4, 1)):
        assert refused(checked, "x", shape, kind) == text.format(shape)
    assert refused(checked, "x", (0, 3), kind) == "x has 0 rows and 3 columns: nothing to read"
    assert refused(checked, "x", (3, 2, 0), kind) == "x has 3 rows and 0 columns: nothing to read"
    for other, why in (
        (complex, "complex numbers: save real and imaginary parts as columns"),
        (bool, "booleans, not numbers: save it as an array of floats"),
        ("S3", "|S3, not numbers: save it as an array of floats"),
    ):
        assert refused(checked, "x", (5, 3), np.dtype(other)) == f"x holds {why}"


def test_more_than_two_axes_are_read_flat():
    assert flattened("x", (5, 3)) == ""
    assert flattened("x", (5, 3, 2)) == (
        "x has shape (5, 3, 2): it is read as 5 samples of 3 x 2 numbers"
    )
    array = np.arange(24).reshape(3, 4, 2)
    blocks = [*slices(array, 2)]
    assert [block.shape for block in blocks] == [(2, 8), (1, 8)]
    assert np.array_equal(np.concatenate(blocks), array.reshape(3, 8))
    assert [block.shape for block in slices(array[:, :, 0], 3)] == [(3, 4)]


def test_choices_in_words():
    def said(*given):
        return str(choice("f", *given))

    there = {f"a{k}": f"({k}, 2)" for k in range(11)}
    ten = ", ".join(f"a{k} ({k}, 2)" for k in range(10))
    assert said("", "array", {}, "") == "f holds no array"
    assert said("b", "array", there, "") == f"f has no array b; it has {ten}, ..."
    del there["a10"]
    assert said("b", "array", there, "") == f"f has no array b; it has {ten}"
    assert said("", "array", there, "") == (
        f"f holds no array that is a table of numbers; it has {ten}"
    )
    assert said("", "array", there, "a3") == (f"f holds several of them, {ten}: choose one as f:a3")


def test_arrays_of_numpy(tmp_path):
    x = np.arange(30.0).reshape(5, 3, 2)
    for path, place, order in (("x.npy", "", "C"), ("x.npz", ":a", "C"), ("y.npz", ":a", "F")):
        array = np.array(x, order=order)
        np.save(tmp_path / path, array) if place == "" else np.savez(tmp_path / path, a=array)
        found = (open_npy if place == "" else open_npz)(tmp_path / path, "")
        assert (found.name, found.rows, found.columns) == (place[1:], 5, 6)
        note = "has shape (5, 3, 2): it is read as 5 samples of 3 x 2 numbers"
        assert found.note == f"{tmp_path / path}{place} {note}"
        assert [len(block) for block in found.read(2)] == [2, 2, 1]
        assert np.array_equal(np.concatenate([*found.read(2)]), x.reshape(5, 6))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=r"numbers are missing: its shape should be \(5, 3, 2\)"):
        open_npy(tmp_path / "x.npy", "")


def test_some_arrays_by_their_names(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(3), b=np.eye(2), c=np.array(["w"]), d=np.array([1j]))
    found = named_arrays(path, ["a", "b", "z"])
    assert {key: each.tolist() for key, each in found.items()} == {
        "a": [0, 1, 2], "b": [[1, 0], [0, 1]],
    }  # fmt: skip
    assert refused(named_arrays, path, ["c"]) == f"{path}:c holds <U1, not numbers"
    assert refused(named_arrays, path, ["d"]) == (
        f"{path}:d holds complex numbers: save real and imaginary parts as columns"
    )
    assert refused(named_arrays, tmp_path / "y", ["a"]) == f"there is no file {tmp_path / 'y'}"


def test_some_arrays_must_fit(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(arrays_module, "check_memory", lambda *given: asked.append(given))
    np.savez(tmp_path / "x.npz", a=np.ones((3, 2), "f4"))
    named_arrays(tmp_path / "x.npz", ["a"])
    assert asked == [(f"{tmp_path}/x.npz:a", (3, 2), 4)]


def test_a_header_that_makes_no_sense_is_quoted_in_part(tmp_path, monkeypatch):
    def fails(file):
        raise ValueError("a" * 81)

    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    monkeypatch.setattr(np.lib.format, "read_array_header_1_0", fails)
    with pytest.raises(ValueError, match="^its header says ") as error:
        open_npy(tmp_path / "x.npy", "")
    assert str(error.value) == f"its header says {'a' * 80!r}"


def test_samples_are_along_the_first_axis():
    for shape in ((5, 9), (5, 3, 5), (5, 9, 2), (9, 2, 2, 8)):
        samples_first("x", shape)
    text = "x has shape {}: samples must be along the first axis: permute(x, [{}]) if they are "
    for shape, order in (((5, 3, 6), "3 1 2"), ((2, 2, 2, 3), "4 1 2 3")):
        assert refused(samples_first, "x", shape) == (
            text.format(shape, order) + "along the last one"
        )


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ([(5, 3)], "a"), ([(5, 3), (1, 1)], "a"), ([(5, 3), (4, 2)], "ab"),
        ([(5, 1)], "a"), ([(1, 5)], "a"), ([(1, 1)], ""), ([(5, 1), (1, 3)], "ab"),
        ([(5,), (5, 3)], "b"), ([(2, 2, 2, 2, 2)], ""), ([(5, 3, 2)], "a"), ([(1, 3)], "a"),
        ([(5, 1, 1)], ""), ([(5, 2), (5, 1)], "a"), ([(5, 2), (5, 1), (1, 5)], "abc"),
        ([(5, 2), (4, 1), (1, 5)], "a"), ([(5, 2), (5, 1), (1, 5), (7, 3)], "ad"),
        ([(1, 3), (1, 1)], "a"),
    ],
)  # fmt: skip
def test_which_matrices_may_be_the_table(shapes, found):
    assert matrices(dict(zip("abcd", shapes, strict=False))) == list(found)


@pytest.mark.parametrize(
    ("attribute", "said", "form"),
    [
        ("encoding-type", "csr_matrix", "csr"), ("encoding-type", b"csc_matrix", "csc"),
        ("encoding-type", "csr", "csr"), ("encoding-type", "csr_array", ""),
        ("h5sparse_format", "csc", "csc"), ("encoding-type", "coo", ""), ("other", "csr", ""),
    ],
)  # fmt: skip
def test_forms_of_sparse_matrices(attribute, said, form):
    assert form_of(SimpleNamespace(attrs={attribute: said})) == form


X = np.array([[0, 2.5, 0, 1], [0, 0, 0, 0], [3, 0, 0, -1]])
CSR = {"data": [2.5, 1, 3, -1], "indices": [1, 3, 0, 3], "indptr": [0, 2, 2, 4]}
CSC = {"data": [3, 2.5, 1, -1], "indices": [2, 0, 0, 2], "indptr": [0, 1, 2, 2, 4]}


def sparse(path, parts, form="csr_matrix", shape=(3, 4), **changes):
    with h5py.File(path, "w") as file:
        group = file.create_group("x")
        group.attrs["encoding-type"] = form
        if shape is not None:
            group.attrs["shape"] = shape
        for name, values in {**parts, **changes}.items():
            if values is not None:
                group[name] = np.array(values)
    return path


@pytest.mark.parametrize("most", [1, 2, 3, 9])
@pytest.mark.parametrize(("parts", "form"), [(CSR, "csr_matrix"), (CSC, "csc_matrix")])
def test_sparse_rows_are_read_in_blocks(tmp_path, parts, form, most):
    found = open_hdf5(sparse(tmp_path / "x.h5", parts, form), "")
    assert (found.name, found.rows, found.columns) == ("/x", 3, 4)
    blocks = [*found.read(most)]
    assert len(blocks[0]) == min(most, 3)
    assert np.array_equal(np.concatenate(blocks), X)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"shape": None}, " is a sparse matrix without a shape"),
        ({"shape": (3, 4, 1)}, " is a sparse matrix without a shape"),
        ({"shape": (3.0, 4.0)}, " is a sparse matrix without a shape"),
        ({"indptr": None}, " is a sparse matrix, but data, indices, indptr are not all there"),
        ({"data": [CSR["data"]]},
         " is a sparse matrix, but data, indices, indptr are not all there"),
        ({"shape": (2, 4)}, " is damaged: its parts do not fit its shape (2, 4)"),
        ({"indices": [1, 3, 0]}, " is damaged: its parts do not fit its shape (3, 4)"),
        ({"indptr": [1, 2, 2, 4]}, " is damaged: its rows do not begin where others end"),
        ({"indptr": [0, 2, 2, 3]}, " is damaged: its rows do not begin where others end"),
        ({"indptr": [0, 3, 2, 4]}, " is damaged: its rows do not begin where others end"),
        ({"data": [True] * 4}, " holds booleans, not numbers: save it as an array of floats"),
        ({"indices": [True] * 4}, " holds booleans, not numbers: save it as an array of floats"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(tmp_path, changes, text):
    path = sparse(tmp_path / "x.h5", CSR, **changes)
    for name in ("/x", ""):  # the only one that can be meant, whatever its parts are
        assert refused(open_hdf5, path, name) == f"{path}:/x{text}"


@pytest.mark.parametrize("place", [-1, 4])
def test_places_beyond_the_shape(tmp_path, place):
    path = sparse(tmp_path / "x.h5", CSR, indices=[1, place, 0, 3])
    found = open_hdf5(path, "")
    assert refused(lambda: [*found.read(2)]) == (
        f"{path}:/x is damaged: it names columns or rows that are not there"
    )


def test_numbers_that_stand_as_they_are_are_not_unpacked():
    item = SimpleNamespace(attrs={}, dtype=np.dtype("i2"), fillvalue=0)
    assert packing_of(item, "x") == (None, "")
