"""Tables of numbers in text files: how to read them, and problems of lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from .chosen import Column
from .lines import (
    MISSING,
    THOUSANDS,
    TableError,
    fields_of,
    is_number,
    lines_of,
    without_last,
    without_name,
)

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", None: "spaces"}
HOLES = ", or take --missing drop or mean"


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
        Of all fields but names of rows.
    closed : bool
        Whether lines end with a separator.
    names : tuple of str
        Of the columns, if there are any.
    kept : tuple of int, optional
        The columns to read, counted from 0; otherwise all.
    holes : bool
        Whether missing numbers are read as nan; otherwise they are faults.
    """

    path: Path
    separator: str | None
    header: int
    named: bool
    columns: int
    closed: bool = False
    names: tuple[str, ...] = ()
    kept: tuple[int, ...] | None = None
    holes: bool = False

    def rows(self) -> int:
        """Return the number of lines of numbers."""
        return sum(number > self.header for number, _ in lines_of(self.path))

    def labels(self) -> list[Column]:
        """Return all columns but names of rows, as columns of numbers."""
        names = self.names or ("",) * self.columns
        return [Column(k + 1 + self.named, name) for k, name in enumerate(names)]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield number and text of the lines of numbers, without names of rows."""
        for number, line in lines_of(self.path):
            if number > self.header:
                if self.closed:
                    line = without_last(line, self.separator)
                if self.named:
                    line = without_name(line, self.separator)
                yield number, line

    def read(self, most_rows: int) -> Iterator[np.ndarray]:
        """Yield blocks of rows."""
        lines, wide = self.lines(), self.columns if self.kept is None else len(self.kept)
        while batch := list(islice(lines, most_rows)):
            try:
                block = np.loadtxt(
                    [line for _, line in batch], delimiter=self.separator, comments=None,
                    quotechar='"', ndmin=2, usecols=self.kept,
                )  # fmt: skip
            except ValueError:
                block = None
            if self.kept is not None and (block is None or not np.isfinite(block).all()):
                block = self._with_holes(batch)
            if block is None or block.shape != (len(batch), wide):
                raise self.fault(batch)
            yield block

    def _with_holes(self, batch: list[tuple[int, str]]) -> np.ndarray | None:
        """Return lines with nan for what is missing, or None where there are faults."""
        rows = []
        for _, line in batch:
            fields = fields_of(line, self.separator)
            if len(fields) != self.columns:
                return None
            row = [fields[k] for k in self.kept or ()]
            missing = [text.lower() in MISSING for text in row]
            known = all(map(is_number, [t for t, m in zip(row, missing, strict=True) if not m]))
            if not known or (any(missing) and not self.holes):
                return None
            rows.append([np.nan if m else float(t) for t, m in zip(row, missing, strict=True)])
        return np.array(rows)

    def fault(self, batch: list[tuple[int, str]]) -> TableError:
        """Return the problems of lines that cannot be read."""
        for number, line in batch:
            place = f"{self.path}, line {number}"
            fields = fields_of(line, self.separator)
            for k, text in enumerate(fields):
                if self.kept is not None and k not in self.kept:
                    continue
                column = k + 1 + self.named
                missing = text.lower() in MISSING and self.kept is not None
                if missing and self.holes:
                    continue
                if (missing or not is_number(text)) and (text or len(fields) == self.columns):
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
        return "fill it in, or remove the line" + HOLES
    if THOUSANDS.fullmatch(text) and ("." in text or text.count(",") > 1):
        return "write it without commas between thousands"
    if is_number(text.replace(",", ".")):
        return "write decimal points" + ", no commas" * bool(THOUSANDS.fullmatch(text))
    if is_number(text.replace(".", "").replace(",", ".")):
        return "write decimal points, and nothing between thousands"
    if text.lower() in MISSING:
        return "fill in a number, or remove the line" + HOLES
    if all(map(is_number, re.split(r"[\s,;|:]+", text))):
        return "separate all columns alike, by commas, semicolons, tabs or spaces"
    return "leave out columns of words (--columns), and put # before lines of words"
