"""Tables of numbers in text files: separators, names of columns and rows, faults by line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from .record import StoreError

SEPARATORS = {",": "commas", ";": "semicolons", None: "spaces"}


class TableError(StoreError, ValueError):
    """A file does not hold a table of numbers."""


@dataclass(frozen=True)
class Text:
    """How numbers stand in a text file.

    Attributes
    ----------
    path : Path
    separator : str or None
        None for spaces.
    header : int
        Number of the line of names, 0 where there is none.
    named : bool
        Whether the lines of numbers start with the name of a row, which is left out.
    columns : int
        Of numbers.
    """

    path: Path
    separator: str | None
    header: int
    named: bool
    columns: int

    def rows(self) -> int:
        """Return the number of lines of numbers."""
        return sum(number > self.header for number, _ in _lines(self.path))

    def read(self, most_rows: int) -> Iterator[np.ndarray]:
        """Yield blocks of rows."""
        lines = (
            (number, _without_name(line, self.separator) if self.named else line)
            for number, line in _lines(self.path)
            if number > self.header
        )
        while batch := list(islice(lines, most_rows)):
            try:
                block = np.loadtxt(
                    [line for _, line in batch], delimiter=self.separator, comments=None,
                    quotechar='"', ndmin=2,
                )  # fmt: skip
            except ValueError:
                block = None
            if block is None or block.shape != (len(batch), self.columns):
                raise self.fault(batch)
            yield block

    def fault(self, batch: list[tuple[int, str]]) -> TableError:
        """Return what is wrong with lines that cannot be read."""
        for number, line in batch:
            place = f"{self.path}, line {number}"
            fields = _fields(line, self.separator)
            for column, text in enumerate(fields, start=1 + self.named):
                if not _is_number(text) and (text or len(fields) == self.columns):
                    what = f"not a number: {text[:40]!r}" if text else "empty: fill it in"
                    what += ", write decimal points" if _is_number(text.replace(",", ".")) else ""
                    return TableError(f"{place}, column {column} is {what}")
            if len(fields) != self.columns:
                return TableError(
                    f"{place} has {len(fields) + self.named} columns, "
                    f"those before it have {self.columns + self.named} "
                    f"(between {SEPARATORS[self.separator]})"
                )
        return TableError(f"{self.path}, line {batch[0][0]} or later cannot be read as numbers")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of every line that is neither blank nor a comment."""
    # a byte that is no text shows as what is not a number
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.isspace() and line[0] != "#":
                yield number, line


def _fields(line: str, separator: str | None) -> list[str]:
    return [text.strip().strip('"') for text in line.strip("\r\n").split(separator)]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # which Python allows within numbers


def _without_name(line: str, separator: str | None) -> str:
    """Return a line without its first field, which may be quoted."""
    field = r'\s*("[^"]*"|\S+)\s+' if separator is None else rf'\s*("[^"]*"|[^{separator}]*)\s*.'
    return re.sub(field, "", line, count=1)


def text_of(path: Path) -> tuple[Text, str]:
    """Return how numbers stand in a text file, and what is to be said of names in it.

    Raises
    ------
    TableError
        When it holds no line of numbers.
    """
    first = [line for _, line in islice(_lines(path), 2)]
    numbers = [number for number, _ in islice(_lines(path), 2)]
    if not first:
        raise TableError(f"{path} holds no numbers")
    separator = next((mark for mark in (";", ",") if mark in first[-1]), None)
    fields = _fields(first[0], separator)
    # where only a later field is no number, that is an error in a line of numbers; tables
    # with row numbers have no name for these, and may count the others
    counts = [str(column) for column in range(len(fields) - 1)]
    unnamed = not fields[0] and (fields[1:] == counts or not all(map(_is_number, fields[1:])))
    header = unnamed or bool(fields[0] and not _is_number(fields[0]))
    if header and len(first) == 1:
        raise TableError(f"{path} has a line of names only: {first[0].strip()[:40]!r}")
    if not header:
        return Text(path, separator, 0, False, len(fields)), _doubt(path, numbers[0], fields)
    whole = len(_fields(first[1], separator))
    after = len(_fields(_without_name(first[1], separator), separator))
    named = unnamed or len(fields) == after != whole  # as R writes it, one name too few
    note = f"column 1 of {path} has no name: it is taken for names of rows, and left out"
    return Text(path, separator, numbers[0], named, after if named else whole), note * named


def _doubt(path: Path, number: int, fields: list[str]) -> str:
    """Return a note on a first line that may be names of columns, such as years."""
    if len(fields) < 3 or not all(text.isdecimal() for text in fields):
        return ""
    if any(int(b) - int(a) != 1 for a, b in pairwise(fields)):
        return ""
    names = ", ".join(fields[:3])
    return f"line {number} of {path}, {names}, ..., is taken for a sample: if not, put # before it"
