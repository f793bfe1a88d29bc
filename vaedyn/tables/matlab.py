"""Tables in MATLAB's files: version 7.3 is HDF5, and those before it are read by SciPy."""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .arrays import Content, checked, choice, flattened, slices
from .hdf5 import open_hdf5
from .lines import TableError
from .memory import check_memory, foreign
from .turned import matrices, samples_first

NUMERIC = (
    "double",
    "single",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)


def open_mat(path: Path, name: str) -> Content:
    """Return a table in a .mat file; without a name, the only matrix in it."""
    if h5py.is_hdf5(path):
        return open_hdf5(path, name)
    from scipy import io

    with foreign(str(path)):
        there = {key: (shape, kind) for key, shape, kind in io.whosmat(path)}
    name = name.strip("/") or _chosen(path, there)
    if name not in there:
        raise _among(path, name, there)
    shape, kind = there[name]
    place = f"{path}:{name}"
    if kind not in (*NUMERIC, "sparse"):
        raise TableError(f"{place} holds {kind}, not numbers: save it as a matrix")
    samples_first(place, shape)
    check_memory(place, shape)
    with foreign(place):
        # SciPy 1.18 warns of a default that will change; 1.13 does not know the argument
        arrays = {"spmatrix": False} if "spmatrix" in signature(io.loadmat).parameters else {}
        values: Any = io.loadmat(path, variable_names=[name], **arrays)[name]
        if kind == "sparse":
            values.check_format(full_check=True)  # places beyond its shape end the process
            values = values.toarray()
        array = np.asarray(values)
    rows, columns = checked(place, array.shape, array.dtype)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        yield from slices(array, most_rows)

    return Content(f"/{name}", rows, columns, read, flattened(place, array.shape))


def _chosen(path: Path, there: dict[str, tuple[tuple[int, ...], str]]) -> str:
    fit = {key: shape for key, (shape, kind) in there.items() if kind in (*NUMERIC, "sparse")}
    found = matrices(fit)
    if len(found) != 1:
        raise _among(path, "", {key: there[key] for key in found} or there, next(iter(found), ""))
    return found[0]


def _among(path: Path, name: str, there: dict[str, Any], first: str = "") -> TableError:
    return choice(
        path, name, "array", {key: str(shape) for key, (shape, _) in there.items()}, first
    )
