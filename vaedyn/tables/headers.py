"""How a table stands in a text file: its separator, and what in it are names."""

import re
from itertools import islice
from pathlib import Path

import numpy as np

from .lines import MISSING, TableError, fields_of, is_number, lines_of, without_last
from .text import Text

SAMPLE = 60  # lines that are looked at
YEARS = 1500, 2200
FEW, MANY = 6, 20  # numbers that hardly rise by accident: beyond those below them, and at all
FAR = 10.0  # times the span of a column
BROKEN = re.compile(r"[-+]?[\d.,;|:'\s]*\d[\d.,;|:'\s]*")  # numbers, written or separated otherwise


def text_of(path: Path, tabs: bool = False) -> tuple[Text, str]:
    """Return the format of numbers in a text file, and notes on guesses about it.

    Parameters
    ----------
    path : Path
    tabs : bool
        Whether tabs separate columns wherever all lines have as many of them.

    Raises
    ------
    TableError
        When it holds no line of numbers, or could be read in several ways.
    """
    found = list(islice(lines_of(path), SAMPLE))
    if not found:
        raise TableError(f"{path} holds no numbers")
    (number, top), lines = found[0], [line for _, line in found[1:]]
    separator = "\t" if tabs and _tabbed([top, *lines]) else _separator(lines or [top])
    head = fields_of(top, separator)
    rows = [fields_of(line, separator) for line in lines]
    # an empty last field of every line is none, unless it has a name
    closed = bool(separator) and all(row[-1] == "" for row in rows or [head])
    fewer = bool(rows) and len(head) < len(rows[0]) and not is_number(head[0])
    closed = closed and (head[-1] == "" or fewer)
    if closed:
        head, *rows = [
            fields_of(without_last(line, separator), separator) for line in (top, *lines)
        ]
    what = _kind(head, rows)
    place = f"line {number} of {path}, {_shown(head)},"
    if what != "names":
        note = f"{place} is taken for a sample: if not, put # before it" if what == "doubt" else ""
        note = note or _decimal(path, number, separator, [head, *rows])
        return Text(path, separator, 0, False, len(head), closed), note
    if not rows:
        raise TableError(f"{path} has a line of names only: {top.strip()[:40]!r}")
    wide = len(rows[0])
    named = _named(path, number, separator, top, head, rows, lines)
    notes = []
    if any(map(is_number, head)):
        notes.append(f"{place} is taken for names: if it is a sample, put a line of names above it")
    if named:
        notes.append(f"column 1 of {path} has no name: it is taken for names of rows, and left out")
    names = tuple(head[1:] if named and len(head) == wide else head[: wide - named])
    names = names if len(names) == wide - named else ()
    return Text(path, separator, number, named, wide - named, closed, names), "; ".join(notes)


def _tabbed(lines: list[str]) -> bool:
    return {"\t" in line for line in lines} == {True} and len(
        {line.count("\t") for line in lines}
    ) == 1


def _shown(head: list[str]) -> str:
    return ", ".join(text[:20] for text in head[:3]) + ", ..." * (len(head) > 3)


def _separator(lines: list[str]) -> str | None:
    """Return what separates numbers; None for spaces, where tabs are among them, too."""
    line = lines[0]
    mark = next((mark for mark in (";", "\t", ",") if len(fields_of(line, mark)) > 1), None)
    if mark == "\t" and all(is_number(text) for line in lines for text in fields_of(line, None)):
        return None
    return mark


def _kind(head: list[str], rows: list[list[str]]) -> str:
    """Return whether the first line holds "names", a "sample", or is in "doubt"."""
    numbers = [is_number(text) for text in head]
    if all(numbers):
        return (
            kind_of_numbers(head, rows) if {len(row) for row in rows} == {len(head)} else "sample"
        )
    # where only a later field is no number, that is an error in a line of numbers
    if head[0] and not numbers[0]:
        broken = head[0].lower() in MISSING or BROKEN.fullmatch(head[0])
        return "sample" if broken else "names"
    if head[0] or len(head) == 1:
        return "sample"
    # tables with names of rows have no name for these, and may count the others
    rest = head[1:]
    if not all(numbers[1:]) or rest == [str(column) for column in range(len(rest))]:
        return "names"
    if rows and not any(is_number(row[0]) for row in rows):
        return "names"
    same = all(len(row) == len(head) for row in rows)
    return kind_of_numbers(rest, [row[1:] for row in rows]) if same else "sample"


def kind_of_numbers(head: list[str], rows: list[list[str]]) -> str:
    """Return as `_kind` does for a first line of numbers, such as years or wavelengths."""
    if not rows:
        return "sample"
    values = [[float(text) if is_number(text) else np.nan for text in row] for row in (head, *rows)]
    table = np.clip(values, -1e300, 1e300)
    first, others, count = table[0], table[1:], len(head)
    low, high = np.fmin.reduce(others), np.fmax.reduce(others)
    beyond = np.maximum(low - first, first - high)
    steps = np.diff(table, axis=1) * np.sign(first[-1] - first[0])
    whole = np.array([all(text.isdecimal() for text in row) for row in (head, *rows)])
    rising = (steps > 0).all(axis=1) & (count > 1)
    even = whole & rising & (steps == steps[:, :1]).all(axis=1)
    years = whole & rising & ((table >= YEARS[0]) & (table <= YEARS[1])).all(axis=1)

    def alone(kind: np.ndarray) -> bool:
        return bool(kind[0] and not kind[1:].any())

    apart = bool((beyond > 0).all())
    counters = any(head == [str(column) for column in range(k, k + count)] for k in (0, 1))
    if (alone(years) and apart) or (counters and head != ["1"] and alone(whole)):
        return "names"
    if alone(even) and (count > 3 or (count == 3 and apart)):
        return "names"
    if len(rows) < 2:
        return "sample"
    if alone(rising) and (count >= MANY or (count >= FEW and apart)):
        return "names"
    far = whole[0] and len(rows) > 2 and (beyond > FAR * (high - low)).all()
    return "doubt" if far or (alone(rising) and count > 2) else "sample"


def _named(
    path: Path, number: int, separator: str | None, top: str, head: list[str],
    rows: list[list[str]], lines: list[str],
) -> bool:  # fmt: skip
    """Return whether rows start with names, after checking that names and columns agree."""
    wide = len(rows[0])
    if head[0] == "" and len(head) == wide:
        return True
    if len(head) == wide or (len(head) == wide + 1 and head[-1] == ""):
        return False
    if separator != "," and any(len(fields_of(top, mark)) == wide for mark in ("\t", ",", None)):
        return False  # names may be separated otherwise
    if len(head) == wide - 1 and _are_names([row[0] for row in rows], lines, separator, wide):
        return True  # as R writes it, one name too few
    cure = "name every column" if len(head) > 1 else "put # before it if it is a title"
    decimal = ", write points where commas are decimal" * (separator == ",")
    raise TableError(
        f"{path}, line {number} has {len(head)} name{'s' * (len(head) > 1)} "
        f"for {wide} columns: {cure}{decimal}"
    )


def _are_names(column: list[str], lines: list[str], separator: str | None, wide: int) -> bool:
    """Return whether a column without a name holds names of rows: words, or numbers in turn."""
    if any(not is_number(text) for text in column) or lines[0].lstrip().startswith('"'):
        return True
    if wide == 2 and separator == ",":
        return False  # one column of decimal commas looks like this
    values = np.array(column, float)
    return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def _decimal(path: Path, number: int, separator: str | None, rows: list[list[str]]) -> str:
    """Return a note where commas may be decimal, or spaces between thousands.

    Raises
    ------
    TableError
        When they are: fractions start with a zero, whole numbers do not.
    """
    after = [text for row in rows for text in row[1::2]]
    paired = len({len(row) for row in rows}) == 1 and len(rows[0]) % 2 == 0 and len(rows) > 2
    before = [text.lstrip("+-") for row in rows for text in row[::2]]
    whole = all(text.isdecimal() for text in (*before, *after))
    if separator not in (",", None) or not paired or not whole:
        return ""
    three = all(len(text) == 3 for text in after)
    if separator is None:
        doubt = len(rows[0]) == 2 and three and all(len(row[0]) < 4 for row in rows)
        return f"{path} is read as two columns: leave spaces between thousands out" * doubt
    if any(len(text) > 1 and text[0] == "0" for text in after):
        raise TableError(
            f"{path}, line {number} or below has numbers such as "
            f"{next(t for t in after if len(t) > 1 and t[0] == '0')!r} after commas: write points "
            "where commas are decimal, or a line of names above the columns"
        )
    like = len({len(text) for text in after}) == 1 or not any(
        len(text) > 1 and text[-1] == "0" for text in after
    )
    doubt = len(rows[0]) == 2 or like
    return (
        f"{path} is read as {len(rows[0])} columns of whole numbers: write points where commas "
        "are decimal" * doubt
    )
