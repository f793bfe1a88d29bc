"""Tables of numbers in files, read in blocks of rows: they may be larger than memory."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from .headers import text_of
from .lines import TableError
from .record import reason

CONTAINER = re.compile(r"(?P<file>.+?\.(npz|h5|hdf5))(:(?P<name>.*))?", re.IGNORECASE)
DAMAGE = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)
KINDS = "biuf"  # of NumPy dtypes: bool, integers, floats


@dataclass(frozen=True)
class Table:
    """A table of numbers in the file `path`, whose rows are samples.

    Attributes
    ----------
    name : str
        Of the array or dataset within the file; empty where the file holds but one table.
    rows, columns : int
    note : str
        What was done with names in it, where that is not certain to be right.
    """

    path: Path
    name: str
    rows: int
    columns: int
    read: Callable[[int], Iterator[np.ndarray]] = field(repr=False, compare=False)
    note: str = field(default="", compare=False)

    def blocks(self, most_rows: int) -> Iterator[np.ndarray]:
        """Yield the table from its beginning, in blocks (at most `most_rows`, columns) of floats.

        Raises
        ------
        ValueError
            When `most_rows` is not positive.
        TableError
            When the file is damaged, has changed since it was opened, or, for text,
            holds something else than a number; line and column are told.
        """
        if most_rows < 1:
            raise ValueError(f"most_rows must be at least 1, got {most_rows!r}")
        rows = 0
        try:
            for block in self.read(most_rows):
                rows += len(block)
                yield np.ascontiguousarray(block, dtype=float)
        except TableError:
            raise
        except DAMAGE as error:
            raise _unreadable(self.path, error) from error
        if rows != self.rows:
            raise TableError(
                f"{self.path} had {self.rows} rows and now has {rows}: it changed while it was read"
            )

    def digest(self) -> str:
        """Return a fingerprint of the file's bytes and of which table in it is meant."""
        try:
            with open(self.path, "rb") as file:
                sha = hashlib.file_digest(file, "sha256")  # pyright: ignore[reportArgumentType]
        except OSError as error:
            raise _unreadable(self.path, error) from error
        sha.update(f":{self.name}".encode())
        return sha.hexdigest()


def open_table(place: str | Path) -> Table:
    """Return the table in a file.

    Parameters
    ----------
    place : str or Path
        A file ending in .npy; .npz, with ``:name`` behind it when it holds several
        arrays; .h5 or .hdf5, with ``:/path/to/dataset`` when it holds several of two
        dimensions; .csv or .txt, with numbers between commas, semicolons or spaces
        and at most one line of names before them. Lines that start with # are skipped,
        and so is a first column that has no name where others have.

    Raises
    ------
    TableError
        When there is none, or no table of real numbers in it.
    """
    container = CONTAINER.fullmatch(str(place))
    path, name = Path(place), ""
    if container and not path.exists():
        path, name = Path(container["file"]), container["name"] or ""
    if not str(place) or path.is_dir():
        raise TableError(f"cannot read {str(place)!r}: give the name of a file")
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        raise TableError(f"{path} must end in {', '.join(OPENERS)} to be read as a table")
    try:
        if not path.stat().st_size:
            raise TableError(f"{path} is empty")
        return opener(path, name)
    except TableError:
        raise
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except DAMAGE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> TableError:
    if isinstance(error, OSError) and error.errno:
        return TableError(f"cannot read {path}: {reason(error)}")
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return TableError(f"{path} is damaged, or not what its name says: {why}")


def _checked(place: str, shape: tuple[int, ...], kind: np.dtype) -> tuple[int, int]:
    """Return rows and columns, after checking that an array is a table of real numbers."""
    if kind.kind == "c":
        raise TableError(f"{place} holds complex numbers: save real and imaginary parts as columns")
    if kind.kind not in KINDS:
        raise TableError(f"{place} holds {kind}, not numbers: save it as an array of floats")
    if len(shape) != 2:
        cure = "reshape it to (samples, numbers per sample)"
        raise TableError(f"{place} has shape {shape}, a table has two axes: {cure}")
    if 0 in shape:
        raise TableError(f"{place} has {shape[0]} rows and {shape[1]} columns: nothing to read")
    return shape[0], shape[1]


def _slices(array: Any, most_rows: int) -> Iterator[np.ndarray]:
    for start in range(0, len(array), most_rows):
        yield array[start : start + most_rows]


def _open_npy(path: Path, name: str) -> Table:
    with open(path, "rb") as file:
        shape, _, kind = _npy_header(file)
    rows, columns = _checked(str(path), shape, kind)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        yield from _slices(np.load(path, mmap_mode="r"), most_rows)

    next(read(1))  # a file cut short shows at once
    return Table(path, name, rows, columns, read)


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return shape, whether columns are contiguous, and dtype."""
    old = np.lib.format.read_magic(file) == (1, 0)
    form = np.lib.format
    return (form.read_array_header_1_0 if old else form.read_array_header_2_0)(file)


def _open_npz(path: Path, name: str) -> Table:
    with zipfile.ZipFile(path) as archive:
        names = [entry[:-4] for entry in archive.namelist() if entry.endswith(".npy")]
        if not name and len(names) == 1:
            name = names[0]
        if name not in names:
            raise _choice(path, name, "array", names)
        with archive.open(f"{name}.npy") as file:
            shape, by_columns, kind = _npy_header(file)
    rows, columns = _checked(f"{path}:{name}", shape, kind)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            if by_columns:  # its first row is complete only when all has been read
                yield from _slices(np.lib.format.read_array(file), most_rows)
                return
            _npy_header(file)
            while content := file.read(most_rows * columns * kind.itemsize):
                yield np.frombuffer(content, dtype=kind).reshape(-1, columns)

    return Table(path, name, rows, columns, read)


def _choice(path: Path, name: str, what: str, names: list[str]) -> TableError:
    """Return the error of a name that is missing or wrong."""
    if not names:
        return TableError(f"{path} holds no {what}")
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    if name:
        return TableError(f"{path} has no {what} {name}; it has {shown}")
    return TableError(f"{path} holds several of them, {shown}: choose one as {path}:{names[0]}")


def _open_hdf5(path: Path, name: str) -> Table:
    with h5py.File(path, "r") as file:
        names: list[str] = []
        file.visit(names.append)  # groups, too
        items: dict[str, Any] = {f"/{key}": file[key] for key in names}
        found = {key: item for key, item in items.items() if isinstance(item, h5py.Dataset)}
        tables = [key for key, item in found.items() if item.ndim == 2 and item.dtype.kind in KINDS]
        only = tables if len(tables) == 1 else list(found) if len(found) == 1 else [""]
        chosen = file.get(name or only[0]) if name or only[0] else None
        if not isinstance(chosen, h5py.Dataset):
            raise _choice(path, name, "dataset", tables or list(found))
        elsewhere = chosen.is_virtual or chosen.external
        if elsewhere or not path.samefile(chosen.file.filename):
            raise TableError(
                f"{path}: the numbers of {name or only[0]} are in other files, whose changes would "
                "not be noticed: name the file that holds them"
            )
        place = str(chosen.name)  # in full, for the digest
        rows, columns = _checked(f"{path}:{place}", chosen.shape or (), chosen.dtype)

    def read(most_rows: int) -> Iterator[np.ndarray]:
        with h5py.File(path, "r") as file:
            yield from _slices(file[place], most_rows)

    return Table(path, place, rows, columns, read)


def _open_text(path: Path, name: str) -> Table:
    text, note = text_of(path)
    next(text.read(2))  # text instead of numbers shows at once
    return Table(path, name, text.rows(), text.columns, text.read, note)


OPENERS = {
    ".npy": _open_npy, ".npz": _open_npz, ".h5": _open_hdf5, ".hdf5": _open_hdf5,
    ".csv": _open_text, ".txt": _open_text,
}  # fmt: skip
