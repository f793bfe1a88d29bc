"""Tables of numbers, read in blocks of rows: in files, which may be larger than memory, or held."""

import hashlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import ParameterError
from ..files import reason
from .arrays import Content, open_npy, open_npz
from .hdf5 import open_hdf5
from .headers import text_of
from .lines import TableError

CONTAINER = re.compile(r"(?P<file>.+?\.(npz|h5|hdf5))(:(?P<name>.*))?", re.IGNORECASE)
DAMAGE = (
    OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table of numbers in the file `path`, whose rows are samples.

    Attributes
    ----------
    name : str
        Of the array or dataset within the file; empty where the file holds but one table.
    rows, columns : int
    note : str
        What was done with names and axes, where that is not certain to be right.
    found : str
        Which dataset it is, if not given, and what was applied to its numbers.
    place : str
        What `open_table` was asked for.
    """

    path: Path
    name: str
    rows: int
    columns: int
    read: Callable[[int], Iterator[np.ndarray]] = field(repr=False, compare=False)
    note: str = field(default="", compare=False)
    found: str = field(default="", compare=False)
    place: str = field(default="", compare=False)

    def __reduce__(self) -> tuple[Callable, tuple[str]]:
        return open_table, (self.place,)  # opened again by whoever unpickles it

    def blocks(self, most_rows: int) -> Iterator[np.ndarray]:
        """Yield the table from its beginning, in blocks (at most `most_rows`, columns) of floats.

        Raises
        ------
        ValueError
            When `most_rows` is not positive.
        TableError
            When the file is damaged, has changed since it was opened, or, for text,
            holds something else than a number; line and column are named.
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


@dataclass(frozen=True, eq=False)
class Held:
    """A table that is held in memory, (rows, columns), with all that a `Table` has."""

    numbers: np.ndarray
    note = found = place = ""

    @property
    def rows(self) -> int:
        return len(self.numbers)

    @property
    def columns(self) -> int:
        return self.numbers.shape[1]

    def blocks(self, most_rows: int) -> Iterator[np.ndarray]:
        """Yield the table from its beginning, in blocks (at most `most_rows`, columns)."""
        return (self.numbers[i : i + most_rows] for i in range(0, self.rows, most_rows))

    def digest(self) -> str:
        """Return a fingerprint of the numbers, their type and the shape of the table."""
        sha = hashlib.sha256(f"{self.numbers.dtype.str}{self.numbers.shape}".encode())
        sha.update(self.numbers.tobytes())
        return sha.hexdigest()


Data = str | Path | Table | Held | np.ndarray | Sequence[Sequence[float]]
"""What stands for a table: the name of a file, as of `open_table`, or its numbers."""


def as_table(data: Data) -> Table | Held:
    """Return a table, given the name of its file or its numbers (rows, columns).

    Raises
    ------
    TableError
        When there is no such file, or no table in it.
    ParameterError
        When numbers have another shape.
    """
    if isinstance(data, Table | Held):
        return data
    if isinstance(data, str | Path):
        return open_table(data)
    numbers = np.asarray(data)
    if numbers.ndim != 2 or not numbers.size:
        raise ParameterError("data", f"expected a table (rows, dim), got shape {numbers.shape}")
    return Held(numbers)


def open_table(place: str | Path) -> Table:
    """Return the table in a file.

    Parameters
    ----------
    place : str or Path
        A file ending in .npy; .npz, with ``:name`` behind it when it holds several
        arrays; .h5 or .hdf5, with ``:/path/to/dataset`` when several can be meant; .csv or
        .txt, with numbers between commas, semicolons, tabs or spaces and at most one line of
        names before them. Lines that start with # are skipped, and so is a first column that
        has no name where others have. What MATLAB wrote is transposed, and what netCDF
        packed is unpacked, where missing numbers become nan.

    Raises
    ------
    TableError
        When there is none, or no table of real numbers in it.
    """
    container = CONTAINER.fullmatch(str(place))
    path, name = Path(place), ""
    if container and not path.exists():
        path, name = Path(container["file"]), container["name"] or ""
    if not str(place) or (path.exists() and not path.is_file()):
        raise TableError(f"cannot read {str(place)!r}: give the name of a file")
    opener = OPENERS.get(path.suffix.lower())
    if opener is None:
        raise TableError(f"{path} must end in {', '.join(OPENERS)} to be read as a table")
    try:
        if not path.stat().st_size:
            raise TableError(f"{path} is empty")
        return Table(path, **opener(path, name)._asdict(), place=str(place))
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


def open_text(path: Path, name: str) -> Content:
    """Return the table in a text file."""
    text, note = text_of(path)
    next(text.read(2))  # text instead of numbers shows at once
    return Content(name, text.rows(), text.columns, text.read, note)


OPENERS = {
    ".npy": open_npy, ".npz": open_npz, ".h5": open_hdf5, ".hdf5": open_hdf5,
    ".csv": open_text, ".txt": open_text,
}  # fmt: skip
