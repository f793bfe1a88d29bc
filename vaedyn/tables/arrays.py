"""Tables in NumPy's files, and what arrays in any file must be to be tables."""

import tokenize
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from .chosen import Column
from .lines import TableError
from .memory import check_memory, foreign

NUMBERS = "iuf"  # kinds of NumPy dtypes: integers, floats
MOST_AXES = 4
UNFIT = {
    "c": "complex numbers: save real and imaginary parts as columns",
    "b": "booleans, not numbers: save it as an array of floats",
}
FOREIGN = (
    ValueError, TypeError, SyntaxError, OverflowError, RecursionError, MemoryError,
    tokenize.TokenError,
)  # fmt: skip


Read = Callable[[int], Iterator[np.ndarray]]
"""Yields blocks of at most so many rows."""


class Content(NamedTuple):
    """A table within a file: see `vaedyn.tables.table.Table`.

    Attributes
    ----------
    labels : sequence of Column
        All columns of the file, of which `read` yields those of numbers; empty where all are,
        and none has a name.
    only : callable, optional
        Returns what reads some of the columns of numbers, by their numbers in the file, and
        missing numbers as nan; otherwise they are taken from what `read` yields.
    """

    name: str
    rows: int
    columns: int
    read: Read
    note: str = ""
    found: str = ""
    labels: Sequence[Column] = ()
    only: Callable[[list[Column], bool], Read] | None = None


class Header(NamedTuple):
    """What an array in NumPy's format is."""

    shape: tuple[int, ...]
    by_columns: bool
    kind: np.dtype


def checked(place: str, shape: tuple[int, ...], kind: np.dtype) -> tuple[int, int]:
    """Return rows and columns, after checking that an array is a table of real numbers.

    Arrays of three or four axes, such as images, have a sample along the first one.
    """
    if kind.kind not in NUMBERS:
        why = UNFIT.get(kind.kind, f"{kind}, not numbers: save it as an array of floats")
        raise TableError(f"{place} holds {why}")
    if not 2 <= len(shape) <= MOST_AXES:
        cure = "reshape it to (samples, numbers per sample)"
        raise TableError(f"{place} has shape {shape}, a table has two axes: {cure}")
    rows, columns = shape[0], prod(shape[1:])
    if 0 in shape:
        raise TableError(f"{place} has {rows} rows and {columns} columns: nothing to read")
    return rows, columns


def flattened(place: str, shape: tuple[int, ...]) -> str:
    """Return a note on how an array of more than two axes is read, or nothing."""
    if len(shape) == 2:
        return ""
    each = " x ".join(map(str, shape[1:]))
    return f"{place} has shape {shape}: it is read as {shape[0]} samples of {each} numbers"


def slices(array: Any, most_rows: int) -> Iterator[np.ndarray]:
    """Yield blocks of rows, flat where each has several axes."""
    for start in range(0, len(array), most_rows):
        block = array[start : start + most_rows]
        yield block.reshape(len(block), -1) if block.ndim > 2 else block


def choice(path: Path, name: str, what: str, there: Mapping[str, str], first: str) -> TableError:
    """Return the error of a name that is missing or wrong.

    Parameters
    ----------
    path : Path
    name : str
        The one that was asked for.
    what : str
        What it should be one of.
    there : mapping
        What there is, by name: its shape.
    first : str
        The one to take as example, or nothing where none is a table.
    """
    if not there:
        return TableError(f"{path} holds no {what}")
    shown = ", ".join(f"{key} {shape}" for key, shape in list(there.items())[:10])
    shown += ", ..." if len(there) > 10 else ""
    if name:
        return TableError(f"{path} has no {what} {name}; it has {shown}")
    if not first:
        return TableError(f"{path} holds no {what} that is a table of numbers; it has {shown}")
    return TableError(f"{path} holds several of them, {shown}: choose one as {path}:{first}")


def open_npy(path: Path, name: str) -> Content:
    """Return the table in a .npy file."""
    with open(path, "rb") as file:
        shape, _, kind = _header(file, path.stat().st_size)
    rows, columns = checked(str(path), shape, kind)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        yield from slices(np.load(path, mmap_mode="r"), most_rows)

    next(read(1))  # a file cut short shows at once
    return Content(name, rows, columns, read, flattened(str(path), shape))


def _header(file: IO[bytes], size: int) -> Header:
    """Return what stands at the beginning of `size` bytes.

    Raises
    ------
    ValueError
        When it makes no sense, or the numbers are not all there.
    """
    form = np.lib.format
    try:
        old = form.read_magic(file) == (1, 0)
        found = (form.read_array_header_1_0 if old else form.read_array_header_2_0)(file)
    except FOREIGN as error:
        raise ValueError(f"its header says {str(error)[:80]!r}") from error
    header = Header(*found)
    if any(type(length) is not int or length < 0 for length in header.shape):
        raise ValueError(f"its header says that its shape is {header.shape}")
    if not header.kind.hasobject and prod(header.shape) * header.kind.itemsize > size - file.tell():
        raise ValueError(f"numbers are missing: its shape should be {header.shape}")
    return header


def open_npz(path: Path, name: str) -> Content:
    """Return a table in a .npz file."""
    with zipfile.ZipFile(path) as archive:
        names = [entry[:-4] for entry in archive.namelist() if entry.endswith(".npy")]
        if not name and len(names) == 1:
            name = names[0]
        if name not in names:
            raise _among(path, name, archive, names)
        shape, by_columns, kind = _member(archive, name)
    rows, columns = checked(f"{path}:{name}", shape, kind)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            if by_columns:  # its first row is complete only when all has been read
                yield from slices(np.lib.format.read_array(file), most_rows)
                return
            _header(file, archive.getinfo(f"{name}.npy").file_size)
            while content := file.read(most_rows * columns * kind.itemsize):
                yield np.frombuffer(content, dtype=kind).reshape(-1, columns)

    return Content(name, rows, columns, read, flattened(f"{path}:{name}", shape))


def named_arrays(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return those arrays of a .npz file that have one of these names; never a pickle.

    Raises
    ------
    TableError
        When there is no such file, or it is damaged or too large.
    """
    if not path.is_file():
        raise TableError(f"there is no file {path}")
    found = {}
    with foreign(str(path)), zipfile.ZipFile(path) as archive:
        for name in set(names) & {entry.removesuffix(".npy") for entry in archive.namelist()}:
            header = _member(archive, name)
            if header.kind.kind not in NUMBERS:  # such as objects, which are pickles
                why = UNFIT.get(header.kind.kind, f"{header.kind}, not numbers")
                raise TableError(f"{path}:{name} holds {why}")
            check_memory(f"{path}:{name}", header.shape, header.kind.itemsize)
            with archive.open(f"{name}.npy") as file:
                found[name] = np.lib.format.read_array(file, allow_pickle=False)
    return found


def _member(archive: zipfile.ZipFile, name: str) -> Header:
    with archive.open(f"{name}.npy") as file:
        return _header(file, archive.getinfo(f"{name}.npy").file_size)


def _among(path: Path, name: str, archive: zipfile.ZipFile, names: list[str]) -> TableError:
    if not name and {"data", "indices", "indptr"} <= set(names):
        return TableError(f"{path} holds a sparse matrix: save it as an array, by its toarray()")
    headers = {key: _member(archive, key) for key in names}
    fit = (key for key, it in headers.items() if len(it.shape) == 2 and it.kind.kind in NUMBERS)
    shapes = {key: str(header.shape) for key, header in headers.items()}
    return choice(path, name, "array", shapes, next(fit, ""))
