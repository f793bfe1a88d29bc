"""Files of NumPy's arrays: headers that make no sense, several arrays of which none is meant."""

import zipfile

import numpy as np
import pytest

from vaedyn import ParameterError, look
from vaedyn.tables.table import TableError, open_table


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 5), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3, False), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (-1, 5), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3.0, 5), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (10**30, 5), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1" + 30 * "0" + ", 5), }",
        "{'descr': '<f8', 'fortran_order': True, 'shape': (1" + 12 * "0" + ", 5), }",
        "{'descr': '<q9', 'fortran_order': False, 'shape': (3, 5), }",
        "(" * 5000,
        "'" * 3,
        "{",
        "\0",
        "",
    ],
)
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
def test_headers_that_make_no_sense(tmp_path, name, version, header):
    length = len(header).to_bytes(2 * version, "little")
    content = b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + bytes(200)
    if name == "x.npy":
        (tmp_path / name).write_bytes(content)
    else:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("a.npy", content)
    with pytest.raises(TableError, match="is damaged, or not what its name says: ") as caught:
        open_table(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_several_arrays_that_are_no_tables(tmp_path):
    np.savez(tmp_path / "x.npz", data=np.ones(3), indices=np.arange(3), indptr=np.arange(4))
    with pytest.raises(TableError, match="holds a sparse matrix: save it as an array"):
        open_table(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", x=np.ones((3, 4, 5)), labels=np.ones((3, 1)))
    with pytest.raises(
        TableError, match=r"x \(3, 4, 5\), labels \(3, 1\): choose one as .*:labels"
    ):
        open_table(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", x=np.ones((3, 4, 5)), t=np.ones(3))
    with pytest.raises(TableError, match=r"no array that is a table of numbers; it has x \(3, 4"):
        open_table(tmp_path / "x.npz")


def test_what_numpy_masks_is_missing():
    x = np.arange(24.0).reshape(8, 3) ** 1.5
    mask = np.zeros(x.shape, bool)
    mask[2, 1] = True
    for kind in (float, int, np.float32):
        masked = np.ma.masked_array(np.where(mask, -999, x).astype(kind), mask)
        with pytest.raises(ParameterError, match="row 3, column 2 is nan"):
            look(masked)
        kept = look(masked, missing="drop")
        assert kept.spectrum.samples == 7
        assert kept.spectrum.total == pytest.approx(
            np.trace(np.cov(np.delete(x.astype(kind), 2, 0).T)), rel=1e-6
        )
    assert look(np.ma.masked_array(x)).spectrum.samples == 8
