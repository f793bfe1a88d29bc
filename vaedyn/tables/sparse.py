"""Sparse matrices in HDF5 files, as AnnData writes them, read in blocks of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Read, checked
from .lines import TableError
from .memory import check_memory, foreign

PARTS = ("data", "indices", "indptr")
ENCODINGS = {"csr": "csr_matrix", "csc": "csc_matrix"}


def form_of(group: Any) -> str:
    """Return whether the rows (csr) or columns (csc) of a sparse matrix are packed, or nothing."""
    said = group.attrs.get("encoding-type", group.attrs.get("h5sparse_format", ""))
    said = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return next((form for form, name in ENCODINGS.items() if said in (form, name)), "")


def open_sparse(path: Path, place: str, group: Any) -> tuple[int, int, Read]:
    """Return rows and columns of a sparse matrix, and what reads it.

    Raises
    ------
    TableError
        When its parts do not fit each other.
    """
    import h5py

    where = f"{path}:{place}"
    form = form_of(group)
    shape = np.ravel(group.attrs.get("shape", group.attrs.get("h5sparse_shape", [])))
    if len(shape) != 2 or shape.dtype.kind not in "iu":
        raise TableError(f"{where} is a sparse matrix without a shape")
    parts = [group.get(name) for name in PARTS]
    if any(not isinstance(part, h5py.Dataset) or part.ndim != 1 for part in parts):
        raise TableError(f"{where} is a sparse matrix, but {', '.join(PARTS)} are not all there")
    data, indices, pointers = parts
    rows, columns = checked(where, (int(shape[0]), int(shape[1])), data.dtype)
    for part in (indices, pointers):
        checked(where, (1, 1), part.dtype)
    outer, inner = (rows, columns) if form == "csr" else (columns, rows)
    if len(pointers) != outer + 1 or len(data) != len(indices):
        raise TableError(f"{where} is damaged: its parts do not fit its shape {(rows, columns)}")
    starts = pointers[:].astype(np.int64)
    if starts[0] != 0 or starts[-1] != len(data) or (np.diff(starts) < 0).any():
        raise TableError(f"{where} is damaged: its rows do not begin where others end")
    if form == "csc":
        check_memory(where, (len(data), 3))

    def read(most_rows: int) -> Iterator[np.ndarray]:
        from scipy import sparse

        def packed(item: Any, first: int, last: int) -> Any:
            begin, end = int(starts[first]), int(starts[last])
            values, places = item["data"][begin:end], item["indices"][begin:end]
            if len(places) and not 0 <= places.min() <= places.max() < inner:
                raise TableError(f"{where} is damaged: it names columns or rows that are not there")
            parts = (
                values.astype(float),
                places.astype(np.int64),
                starts[first : last + 1] - begin,
            )
            if form == "csr":
                return sparse.csr_matrix(parts, shape=(last - first, inner))
            return sparse.csc_matrix(parts, shape=(inner, last - first))

        with foreign(where), h5py.File(path, "r") as file:
            item = file[place]
            whole = None if form == "csr" else packed(item, 0, outer).tocsr()
            for start in range(0, rows, most_rows):
                end = min(start + most_rows, rows)
                block = packed(item, start, end) if whole is None else whole[start:end]
                yield block.toarray()

    return rows, columns, read
