"""Tables of numbers in text files: how to read them, and problems of lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from .lines import TableError, fields_of, is_number, lines_of, without_last, without_name

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", None: "spaces"}
MISSING = ("na", "n/a", "null", "none", "-", "?", ".", "missing", "#n/a")
THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")


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
    closed : bool
        Whether lines end with a separator.
    """

    path: Path
    separator: str | None
    header: int
    named: bool
    columns: int
    closed: bool = False

    def rows(self) -> int:
        """Return the number of lines of numbers."""
        return sum(number > self.header for number, _ in lines_of(self.path))

    def read(self, most_rows: int) -> Iterator[np.ndarray]:
        """Yield blocks of rows."""
        lines = ((number, line) for number, line in lines_of(self.path) if number > self.header)
        if self.closed:
            lines = ((number, without_last(line, self.separator)) for number, line in lines)
        if self.named:
            lines = ((number, without_name(line, self.separator)) for number, line in lines)
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
        """Return the problems of lines that cannot be read."""
        for number, line in batch:
            place = f"{self.path}, line {number}"
            fields = fields_of(line, self.separator)
            for column, text in enumerate(fields, start=1 + self.named):
                if not is_number(text) and (text or len(fields) == self.columns):
                    what = f"not a number: {text[:40]!r}, " if text else "empty: "
                    return TableError(f"{place}, column {column} is {what}{_cure(text)}")
            if len(fields) != self.columns:
                text = (
                    f"{place} has {len(fields) + self.named} columns, "
                    f"those before it have {self.columns + self.named} "
                    f"(between {SEPARATORS[self.separator]})"
                )
                decimal = ": where commas are decimal, write points" * (self.separator == ",")
                return TableError(text + decimal)
        return TableError(f"{self.path}, line {batch[0][0]} or later cannot be read as numbers")


def _cure(text: str) -> str:
    """Return what to do about a field that is no number."""
    if not text:
        return "fill it in, or remove the line"
    if THOUSANDS.fullmatch(text) and ("." in text or text.count(",") > 1):
        return "write it without commas between thousands"
    if is_number(text.replace(",", ".")):
        return "write decimal points" + ", no commas" * bool(THOUSANDS.fullmatch(text))
    if is_number(text.replace(".", "").replace(",", ".")):
        return "write decimal points, and nothing between thousands"
    if text.lower() in MISSING:
        return "fill in a number, or remove the line"
    if all(map(is_number, re.split(r"[\s,;|:]+", text))):
        return "separate all columns alike, by commas, semicolons, tabs or spaces"
    return "leave out columns of words, and put # before lines of words"
