"""Tables in netCDF files: version 4 is HDF5, and the classic format is read by SciPy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from .arrays import MOST_AXES, NUMBERS, Content, checked, choice, flattened, slices
from .hdf5 import open_hdf5
from .lines import TableError
from .memory import check_memory, foreign
from .packing import packing_of

# what the classic format writes where nothing has been written, by the type's code
FILLS = {"h": -32767, "i": -2147483647, "f": 9.969209968386869e36, "d": 9.969209968386869e36}


class _Variable(NamedTuple):
    """A variable of the classic format, with what `packing_of` asks for."""

    attrs: dict[str, Any]
    dtype: np.dtype
    shape: tuple[int, ...]
    fillvalue: Any


def open_nc(path: Path, name: str) -> Content:
    """Return a table in a .nc file; without a name, the only variable of several axes."""
    if h5py.is_hdf5(path):
        return open_hdf5(path, name)
    from scipy import io

    with open(path, "rb") as start:
        if start.read(4) == b"CDF\5":
            raise TableError(f"{path} is of the format CDF-5: convert it by nccopy -k nc4")
    with foreign(str(path)), io.netcdf_file(path, mmap=False) as file:
        there = {str(key): _variable(each) for key, each in file.variables.items()}
        name = name.strip("/") or _chosen(path, there, set(file.dimensions))
        if name not in there:
            raise choice(path, name, "variable", _shapes(there), "")
        item, place = there[name], f"{path}:{name}"
        rows, columns = checked(place, item.shape, item.dtype)
        check_memory(place, item.shape)
        array = np.array(file.variables[name].data)
        if array.shape != item.shape:
            raise TableError(f"{place} is damaged: numbers are missing")
    unpack, words = packing_of(item, place)
    array = array.reshape(rows, columns)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        yield from map(unpack, slices(array, most_rows)) if unpack else slices(array, most_rows)

    found = f"{words} of {name} applied" if words else ""
    return Content(f"/{name}", rows, columns, read, flattened(place, item.shape), found)


def _variable(each: Any) -> _Variable:
    kind = each.data.dtype
    fill = FILLS.get(kind.char, 0)
    attrs = {key: _plain(value) for key, value in each._attributes.items()}
    return _Variable(attrs, kind, tuple(each.data.shape), np.array(fill, kind))


def _plain(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _chosen(path: Path, there: dict[str, _Variable], coordinates: set[str]) -> str:
    bounds = {item.attrs.get("bounds") for item in there.values()}
    meant = [
        key for key, item in there.items()
        if 2 <= len(item.shape) <= MOST_AXES and item.dtype.kind in NUMBERS
        and key not in bounds and np.prod(item.shape) > 1
    ]  # fmt: skip
    if len(meant) == 1:
        rows, *others = there[meant[0]].shape
        beside = [
            key for key, item in there.items()
            if item.shape == (rows,) and item.dtype.kind in NUMBERS and key not in coordinates
        ]  # fmt: skip
        if len(beside) < np.prod(others) or rows == 1:
            return meant[0]
        meant += beside
    some = {key: there[key] for key in meant} or there
    raise choice(path, "", "variable", _shapes(some), next(iter(meant), ""))


def _shapes(there: dict[str, _Variable]) -> dict[str, str]:
    return {key: str(item.shape) for key, item in there.items()}
