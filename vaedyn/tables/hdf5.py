"""Tables in HDF5 files: which dataset is meant, and how programs write theirs."""

from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .arrays import MOST_AXES, NUMBERS, Content, checked, choice, flattened, slices
from .lines import TableError
from .packing import packing_of
from .sparse import form_of, open_sparse
from .turned import matrices, samples_first

SPARSE = ({"data", "indices", "indptr"}, {"data", "ir", "jc"})  # of Python, of MATLAB
SAY = "save it as an array that is not sparse"


def open_hdf5(path: Path, name: str) -> Content:
    """Return a table in an HDF5 file; without a name, the only one that can be meant.

    Raises
    ------
    TableError
        When several can be, or none is a table.
    """
    with h5py.File(path, "r") as file:
        place = name or _chosen(path, file)
        item = file.get(place)
        if isinstance(item, h5py.Group) and _is_sparse(item):
            if form_of(item):
                rows, columns, read = open_sparse(path, str(item.name), item)
                return Content(str(item.name), rows, columns, read)
            raise TableError(f"{path}:{place} is a sparse matrix: {SAY}")
        if not isinstance(item, h5py.Dataset):
            there = _meant(file) or _datasets(file)
            raise choice(path, place, "dataset", {key: _shape(it) for key, it in there.items()}, "")
        elsewhere = item.is_virtual or item.external
        if elsewhere or not path.samefile(item.file.filename):
            raise TableError(
                f"{path}: the numbers of {name or place} are in other files, whose changes would "
                "not be noticed: name the file that holds them"
            )
        place = str(item.name)  # in full, for the digest
        turned = _is_turned(item)
        kind = np.dtype(bool) if _class(item) == "logical" else item.dtype
        if _class(item) == "char":
            kind = np.dtype("U1")
        if h5py.check_enum_dtype(item.dtype):
            raise TableError(f"{path}:{place} holds names of categories as numbers: leave them out")
        shape = (0, 0) if "MATLAB_empty" in item.attrs else item.shape or ()
        shape = shape[::-1] if turned else shape
        if turned:
            samples_first(f"{path}:{place}", shape)
        rows, columns = checked(f"{path}:{place}", shape, kind)
        unpack, words = packing_of(item, f"{path}:{place}")
        holes = _holes(item)

    found = f"{words} of {place} applied" if words else ""
    note = f"{place} of {path} is stored by columns, as MATLAB does it: it is transposed" * turned
    flat = flattened(f"{place} of {path}", shape)
    notes = [note, f"{place} of {path} {holes}" * bool(holes), flat]
    note = "; ".join(filter(None, notes))
    return Content(place, rows, columns, _reader(path, place, turned, unpack), note, found)


def _holes(item: Any) -> str:
    """Return in words how much of a dataset was never written, and is read as zeros."""
    if not item.chunks or np.any(item.fillvalue):  # others become nan
        return ""
    chunks = prod(
        -(-length // chunk) for length, chunk in zip(item.shape, item.chunks, strict=True)
    )
    missing = 1 - item.id.get_num_chunks() / chunks
    return f"was written in part: {100 * missing:.2g} % of it are zeros" if missing > 0 else ""


def _reader(
    path: Path, place: str, turned: bool, unpack: Callable[[np.ndarray], np.ndarray] | None
) -> Callable[[int], Iterator[np.ndarray]]:
    def read(most_rows: int) -> Iterator[np.ndarray]:
        with h5py.File(path, "r") as file:
            item: Any = file[place]
            if turned:
                starts = range(0, item.shape[-1], most_rows)
                blocks = (item[..., start : start + most_rows].T for start in starts)
                blocks = (block.reshape(len(block), -1) for block in blocks)
            else:
                blocks = slices(item, most_rows)
            yield from map(unpack, blocks) if unpack else blocks

    return read


def _chosen(path: Path, file: h5py.File) -> str:
    """Return the name of the only dataset that can be meant."""
    there = _datasets(file)
    if len(there) == 1:
        return next(iter(there))
    meant = _meant(file)
    if any(map(_is_turned, meant.values())):  # to MATLAB, numbers and vectors are matrices, too
        fit = {key: item.shape for key, item in meant.items() if _is_numbers(item)}
        others = {key: item for key, item in meant.items() if key not in fit}
        meant = others | {key: meant[key] for key in matrices(fit)}
    tables = [key for key, item in meant.items() if _is_table(item)]
    if len(meant) == 1 and (tables or _is_array(next(iter(meant.values())))):
        return next(iter(meant))
    shapes = {key: _shape(item) for key, item in (meant or there).items()}
    raise choice(path, "", "dataset", shapes, next(iter(tables), ""))


def _datasets(file: h5py.File) -> dict[str, Any]:
    """Return all datasets, and sparse matrices in place of their parts, by name."""
    names: list[str] = []
    file.visit(names.append)  # groups, too
    names = [name for name in names if not name.startswith("#")]  # cells of MATLAB
    items: dict[str, Any] = {f"/{name}": file[name] for name in names}
    sparse = [key for key, it in items.items() if isinstance(it, h5py.Group) and _is_sparse(it)]
    return {
        key: item
        for key, item in items.items()
        if key in sparse
        or (isinstance(item, h5py.Dataset) and not key.startswith(tuple(f"{s}/" for s in sparse)))
    }


def _meant(file: h5py.File) -> dict[str, Any]:
    """Return the candidates for the table in a file, by name."""
    there = _datasets(file)
    bounds = {_text(item.attrs.get("bounds")) for item in there.values()}
    meant = {
        key: item
        for key, item in there.items()
        if isinstance(item, h5py.Group) or (_may_be(item) and key.rpartition("/")[2] not in bounds)
    }
    only: Any = next(iter(meant.values()), None)
    if len(meant) != 1 or not _is_table(only):
        return meant
    single = {
        key: item
        for key, item in there.items()
        if isinstance(item, h5py.Dataset)
        and item.ndim == 1
        and item.dtype.kind in NUMBERS
        and len(item) == len(only)
        and _text(item.attrs.get("CLASS")) != "DIMENSION_SCALE"
    }
    # as many numbers per sample beside it as in it: these may be the columns
    return meant | single if len(single) >= only.shape[1] else meant


def _may_be(item: h5py.Dataset) -> bool:
    if item.dtype.kind == "V":
        return bool(item.ndim)  # one record a row
    numbers = item.dtype.kind in NUMBERS + "bc" and _class(item) != "char"
    return numbers and item.ndim > 1 and (item.size or 0) > 1


def _is_table(item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and item.ndim == 2 and item.dtype.kind in NUMBERS


def _is_numbers(item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and item.dtype.kind in NUMBERS


def _is_array(item: Any) -> bool:
    """Return whether it is sparse, or has so many axes that it is read flat."""
    several = isinstance(item, h5py.Dataset) and 2 < item.ndim <= MOST_AXES
    return isinstance(item, h5py.Group) or (several and _is_numbers(item))


def _is_sparse(group: h5py.Group) -> bool:
    return (
        any(parts <= set(group) for parts in SPARSE)
        or "MATLAB_sparse" in group.attrs
        or form_of(group) != ""
    )


def _is_turned(item: h5py.Dataset) -> bool:
    """Return whether a program wrote it that keeps matrices by columns."""
    return "MATLAB_class" in item.attrs or "OCTAVE_NEW_FORMAT" in item.parent.attrs


def _class(item: h5py.Dataset) -> str:
    return _text(item.attrs.get("MATLAB_class"))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _shape(item: Any) -> str:
    if isinstance(item, h5py.Group):
        return "(sparse)"
    shape = item.shape or ()
    return str(shape[::-1] if _is_turned(item) else shape)
