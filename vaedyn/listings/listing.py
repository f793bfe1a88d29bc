"""What is shown of a result: tables of text, lines below, and what to read first."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ..model.quantities import NAMES, OBSERVABLES, REDUNDANT
from ..model.results import OrderParameters

LARGEST = 7  # digits before or behind the point, of numbers with an error


class Table(NamedTuple):
    """Cells of text below headings.

    Attributes
    ----------
    columns : list of str
    rows : list of list of str
    left : sequence of str
        Columns that start at the left, besides the first.
    more : int
        How many rows are left out.
    """

    columns: list[str]
    rows: list[list[str]]
    left: Sequence[str] = ()
    more: int = 0


class Listing(NamedTuple):
    """All that is shown of a result.

    Attributes
    ----------
    first : str
        What to read first.
    tables : list of Table
    lines : list of str
        What is said below them.
    warnings : list of str
        What to keep in mind; all of it is shown.
    """

    first: str
    tables: list[Table]
    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()


def number(value: float) -> str:
    """Return `value` with six digits."""
    return f"{value:.6g}" if np.isfinite(value) else "-"


def with_error(value: float, error: float) -> str:
    """Return `value` +- `error`, both to the second digit of the error."""
    digits = 1 - int(np.floor(np.log10(error))) if 0 < error < np.inf else LARGEST
    if abs(digits) >= LARGEST or not abs(value) < 10**LARGEST:
        return f"{number(value)} +- {error:.2g}"
    places = max(digits, 0)
    return f"{round(value, digits):.{places}f} +- {round(error, digits):.{places}f}"


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def state_rows(
    result: OrderParameters,
    columns: Callable[[np.ndarray], list[np.ndarray]],
    elsewhere: str = "see --json",
) -> list[list[str]]:
    """Return labelled rows of observables and order parameters.

    `columns` turns an array with leading axes into arrays without, one a
    column. Large matrices are left out, with a row that says where they are.
    """
    rows = []
    left_out = []
    for name in (*OBSERVABLES, *NAMES):
        arrays = columns(getattr(result, name))
        if arrays[0].ndim == 2 and arrays[0].size > 4:
            left_out.append(name)
            continue
        if name in REDUNDANT and result.params.latent == 1:
            continue
        for place in np.ndindex(arrays[0].shape):
            index = f"[{','.join(map(str, place))}]" if arrays[0].size > 1 else ""
            rows.append([name + index, *(number(float(array[place])) for array in arrays)])
    if left_out:
        count = len(rows[0]) - 1
        rows.append([", ".join(left_out), *[elsewhere] * count])
    return rows
