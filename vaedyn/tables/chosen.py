"""Which columns of a table are meant: by their names, their numbers, ranges and exceptions."""

import csv
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError, did_you_mean

Columns = str | Sequence[str | int]
"""As of `vaedyn.tables.table.open_table`."""

RANGE = re.compile(r"(\d+)[-:](\d+)")


class Column(NamedTuple):
    """A column as it stands in a file.

    Attributes
    ----------
    number : int
        Counted from 1.
    name : str
        Empty where it has none.
    why : str
        Why it holds no numbers; empty where it does.
    """

    number: int
    name: str = ""
    why: str = ""

    def __str__(self) -> str:
        return self.name[:40] or f"column {self.number}"


def unnamed(count: int) -> tuple[Column, ...]:
    """Return so many columns of numbers that have no names."""
    return tuple(Column(k + 1) for k in range(count))


def chosen(there: Sequence[Column], asked: Columns | None) -> list[Column]:
    """Return the columns of numbers that are meant, in their order in the file.

    Raises
    ------
    ParameterError
        When there is no such column, it holds no numbers, or none is left.
    """
    if asked is None:
        return [column for column in there if not column.why]
    wanted: set[int] = set()
    without: set[int] = set()
    items = _items(asked)
    if not items:
        raise ParameterError("columns", "no column is named")
    for item in items:
        found, excluded = _found(there, item)
        (without if excluded else wanted).update(found)
        if not excluded and len(found) == 1 and (why := _column(there, found[0]).why):
            raise ParameterError("columns", f"{item} cannot be read as numbers: it holds {why}")
    wanted = wanted or {column.number for column in there}
    kept = [c for c in there if c.number in wanted - without and not c.why]
    if not kept:
        raise ParameterError("columns", f"none of the {len(there)} columns is left that is numbers")
    return kept


def _items(asked: Columns) -> list[str | int]:
    if not isinstance(asked, str):
        items = [asked] if isinstance(asked, int | np.integer) else list(asked)
        for item in items:
            if isinstance(item, bool) or not isinstance(item, str | int | np.integer):
                why = f"expected names or numbers of columns, got {item!r}"
                raise ParameterError("columns", why)
        return [item if isinstance(item, str) else int(item) for item in items]
    try:
        rows = list(csv.reader([asked], skipinitialspace=True, strict=True))
    except csv.Error:
        raise ParameterError("columns", f"cannot be read: {asked[:40]!r}") from None
    return [text.strip() for row in rows for text in row if text.strip()]


def _column(there: Sequence[Column], number: int) -> Column:
    return next(column for column in there if column.number == number)


def _found(there: Sequence[Column], item: str | int) -> tuple[list[int], bool]:
    """Return the numbers of the columns that an item stands for, and whether to leave them out."""
    if isinstance(item, int):  # counted from 0, as in Python
        if not -len(there) <= item < len(there):
            why = f"there is no column {item}: there are {len(there)}, counted from 0"
            raise ParameterError("columns", why)
        return [there[item].number], False
    found = _numbers(there, item)
    if found is None and item.startswith("-"):
        found = _numbers(there, item[1:])
        if found is not None:
            return found, True
    if found is not None:
        return found, False
    names = [column.name for column in there if column.name]
    raise ParameterError(
        "columns", f"there is no column {item[:40]!r}: {_listed(there)}{did_you_mean(item, names)}"
    )


def _numbers(there: Sequence[Column], item: str) -> list[int] | None:
    named = [column.number for column in there if column.name == item]
    known = [column.number for column in there]
    if len(named) > 1:
        raise ParameterError(
            "columns", f"{len(named)} columns are called {item[:40]!r}: give numbers"
        )
    if item.isdecimal():
        number = int(item)
        if named and number in known and named != [number]:
            why = f"{item} is the name of column {named[0]}, and a number: write {item}-{item} or "
            raise ParameterError("columns", f"{why}{named[0]}-{named[0]}")
        return named or ([number] if number in known else None)
    if named:
        return named
    if between := RANGE.fullmatch(item):
        first, last = map(int, between.groups())
    elif ":" in item:
        ends = [[c.number for c in there if c.name == end] for end in item.split(":", 1)]
        if any(len(end) != 1 for end in ends):
            return None
        (first,), (last,) = ends
    else:
        return None
    if not known[0] <= first <= last <= known[-1]:
        raise ParameterError("columns", f"{item} is no range of columns: {_listed(there)}")
    return [number for number in known if first <= number <= last]


def _listed(there: Sequence[Column]) -> str:
    names = [column.name[:30] for column in there if column.name]
    numbers = f"numbers go from {there[0].number} to {there[-1].number}"
    if not names:
        return f"{numbers}, and there are no names"
    return f"{numbers}, names are {', '.join(names[:8])}{', ...' * (len(names) > 8)}"
