"""Tables of numbers, read in blocks of rows: in files, which may be larger than memory, or held."""

import hashlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..files import reason
from .anndata import open_h5ad
from .arrays import Content, Read, open_npy, open_npz
from .chosen import Column, Columns, chosen, unnamed
from .hdf5 import open_hdf5
from .headers import text_of
from .held import Held, held
from .lines import TableError
from .matlab import open_mat
from .missing import check_way, without_missing
from .netcdf import open_nc
from .parquet import open_parquet
from .piped import NAME, PLACE, piped
from .report import left_out, named, shown
from .words import loose_text

__all__ = ["Columns", "Data", "Held", "Table", "TableError", "as_table", "open_table"]
CONTAINER = re.compile(r"(?P<file>.+?\.(npz|h5|hdf5|h5ad|mat|nc))(:(?P<name>.*))?", re.IGNORECASE)
DAMAGE = (
    OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error,
    lzma.LZMAError,
)  # fmt: skip
FIRST = 1000  # lines of a text file from which it is judged


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
    asked : mapping
        Which columns, and what to do about missing numbers, if that was asked for.
    """

    path: Path
    name: str
    rows: int
    columns: int
    read: Callable[[int], Iterator[np.ndarray]] = field(repr=False, compare=False)
    note: str = field(default="", compare=False)
    found: str = field(default="", compare=False)
    place: str = field(default="", compare=False)
    asked: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Callable, tuple]:
        # opened again by whoever unpickles it, who has another standard input
        place = str(self.path) if self.place == PLACE else self.place
        return _reopened, (place, self.asked.get("columns"), self.asked.get("missing"))

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
        except TableError as error:
            raise _said(self, error) from error
        except DAMAGE as error:
            raise _said(self, _unreadable(self.path, error)) from error
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
        if self.asked:
            sha.update(repr(sorted(self.asked.items())).encode())
        return sha.hexdigest()


Data = str | Path | Table | Held | np.ndarray | Sequence[Sequence[float]] | Any
"""What stands for a table: the name of a file, as of `open_table`, or its numbers.

These are anything that NumPy makes an array of (`__array__`), or a table of pandas, Polars,
PyArrow or whatever else offers `__arrow_c_stream__`.
"""


def as_table(
    data: Data, *, columns: Columns | None = None, missing: str | None = None
) -> Table | Held:
    """Return a table, given the name of its file or its numbers (rows, columns).

    Parameters
    ----------
    data : str, Path, array or table
    columns, missing
        As of `open_table`.

    Raises
    ------
    TableError
        When there is no such file, or no table in it.
    ParameterError
        When numbers have another shape, or an argument makes no sense.
    """
    if isinstance(data, Table | Held):
        for name, value in (("columns", columns), ("missing", missing)):
            if value is not None:
                raise ParameterError(
                    name, "is asked of a table that is open: give it to open_table"
                )
        return data
    if isinstance(data, str | Path):
        return open_table(data, columns=columns, missing=missing)
    return held(data, columns, missing)


def open_table(
    place: str | Path, *, columns: Columns | None = None, missing: str | None = None
) -> Table:
    """Return the table in a file.

    Parameters
    ----------
    place : str or Path
        A file ending in .npy; .npz, .h5, .hdf5, .h5ad, .mat or .nc, with ``:name`` behind it
        where several arrays can be meant, such as ``:/path/to/dataset``; .parquet; .csv,
        .tsv or .txt, also compressed as .csv.gz, with numbers between commas, semicolons, tabs
        or spaces and at most one line of names before them. ``-`` is standard input. Lines
        that start with # are skipped, and so is a first column that has no name where others
        have. Columns of words are left out. What MATLAB wrote is transposed where that is
        needed, and what netCDF packed is unpacked, where missing numbers become nan. Arrays of
        three or four axes have a sample along the first one.
    columns : str or sequence, optional
        Which columns to take: names, numbers from 1 and ranges (``"age,3-7"``), and with -
        before them what to leave out (``"-id"``); or a list of names, and of numbers that
        count from 0, as in Python. Otherwise all that hold numbers.
    missing : {"drop", "mean"}, optional
        Leave out rows in which a number is missing, or fill in the mean of its column.

    Raises
    ------
    TableError
        When there is none, or no table of real numbers in it.
    ParameterError
        When there is no such column, or `missing` is something else.
    """
    check_way(missing)
    if str(place) == PLACE:
        path = piped()
        try:
            table = open_table(path, columns=columns, missing=missing)
        except TableError as error:
            raise TableError(str(error).replace(str(path), NAME)) from error
        table = replace(table, place=PLACE)
        return replace(table, **{key: _plain(table, key) for key in ("note", "found")})
    container = CONTAINER.fullmatch(str(place))
    path, name = Path(place), ""
    if container and not path.exists():
        path, name = Path(container["file"]), container["name"] or ""
    if not str(place) or (path.exists() and not path.is_file()):
        raise TableError(f"cannot read {str(place)!r}: give the name of a file")
    ending = _ending(path)
    opener = OPENERS.get(ending)
    if opener is None:
        raise TableError(f"{path} must end in {ENDINGS} to be read as a table")
    try:
        if not path.stat().st_size:
            raise TableError(f"{path} is empty")
        if ending in TEXT:
            content = open_text(path, loose=columns is not None or missing is not None)
        else:
            content = opener(path, name)
        return _chosen(path, content, str(place), columns, missing)
    except (TableError, ParameterError):
        raise
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except DAMAGE as error:
        raise _unreadable(path, error) from error


def _ending(path: Path) -> str:
    endings = [each.lower() for each in path.suffixes[-2:]]
    return "".join(endings) if endings[-1:] == [".gz"] else "".join(endings[-1:])


def _reopened(place: str, columns: str | None, missing: str | None) -> Table:
    return open_table(place, columns=columns, missing=missing)


def _chosen(
    path: Path, content: Content, place: str, columns: Columns | None, missing: str | None
) -> Table:
    """Return a table of some columns, without missing numbers if that is asked for."""
    labels = content.labels or unnamed(content.columns)
    kept = chosen(labels, columns)
    rows, read = content.rows, content.read
    if content.only is not None:
        read = content.only(kept, missing is not None)
    elif len(kept) < content.columns:
        places = {label.number: k for k, label in enumerate(labels) if not label.why}
        read = _part(read, [places[column.number] for column in kept])
    words = [content.found] * bool(content.found)
    if missing is not None:
        rows, read, text = without_missing(read, rows, kept, missing)
        words.append(text)
    asked = {"columns": shown(kept)} if columns is not None else {}
    asked |= {"missing": missing} if missing is not None else {}
    what = f"{content.name} of {path}" if content.name else str(path)
    names = named(kept)
    found = f"read {what}, {rows} rows of {len(kept)} numbers" + f" ({names})" * bool(names)
    found = "; ".join(
        [found, *(left_out(labels) if columns is None else _rest(labels, kept)), *words]
    )
    return Table(path, content.name, rows, len(kept), read, content.note, found, place, asked)


def _part(whole: Read, columns: list[int]) -> Read:
    """Return what reads some columns of the blocks that `whole` yields."""
    return lambda most_rows: (block[:, columns] for block in whole(most_rows))


def _rest(labels: Sequence[Column], kept: Sequence[Column]) -> list[str]:
    out = len(labels) - len(kept)
    return [f"{out} of {len(labels)} columns left out, and not counted"] if out else []


def _said(table: Table, error: TableError) -> TableError:
    """Return an error that names standard input where the table is from there."""
    if table.place != PLACE:
        return error
    return TableError(str(error).replace(str(table.path), NAME))


def _plain(table: Table, key: str) -> str:
    return getattr(table, key).replace(str(table.path), NAME)


def _unreadable(path: Path, error: Exception) -> TableError:
    if isinstance(error, OSError) and error.errno:
        return TableError(f"cannot read {path}: {reason(error)}")
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return TableError(f"{path} is damaged, or not what its name says: {why}")


def open_text(path: Path, name: str = "", *, loose: bool = False) -> Content:
    """Return the table in a text file; `loose` where not all of it is read as it is."""
    fault = TableError("")
    if not loose:
        text, note = text_of(path)
        try:
            next(text.read(FIRST))  # text instead of numbers shows at once
        except TableError as error:
            fault = error
        else:
            labels = text.labels()
            return Content(name, text.rows(), text.columns, text.read, note, labels=labels)
    try:
        text, note, labels = loose_text(path)
    except TableError:
        if loose:
            raise
        raise fault from None
    if not loose and not any(label.why for label in labels):
        raise fault
    first = labels[0].number

    def only(columns: Sequence[Column], holes: bool) -> Read:
        kept = tuple(column.number - first for column in columns)
        return replace(text, kept=kept, holes=holes).read

    numbers = [label for label in labels if not label.why]
    read = only(numbers, False)
    if not loose:
        next(read(FIRST))
    return Content(name, text.rows(), len(numbers), read, note, labels=labels, only=only)


OPENERS = {
    ".npy": open_npy, ".npz": open_npz, ".h5": open_hdf5, ".hdf5": open_hdf5,
    ".h5ad": open_h5ad, ".mat": open_mat, ".nc": open_nc, ".parquet": open_parquet,
    ".csv": open_text, ".txt": open_text, ".tsv": open_text,
    ".csv.gz": open_text, ".txt.gz": open_text, ".tsv.gz": open_text,
}  # fmt: skip
ENDINGS = ", ".join(ending for ending in OPENERS if not ending.endswith(".gz")) + " or .csv.gz"
TEXT = [ending for ending, opener in OPENERS.items() if opener is open_text]
