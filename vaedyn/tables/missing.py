"""Missing numbers: their rows are left out, or they are filled in."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..errors import ParameterError
from .arrays import Read
from .chosen import Column

WAYS = ("drop", "mean")
AT_ONCE = 16e6  # bytes of rows that are read together


def check_way(missing: str | None) -> None:
    """Refuse what is no way of dealing with missing numbers.

    Raises
    ------
    ParameterError
    """
    if missing is not None and missing not in WAYS:
        raise ParameterError("missing", f"must be {' or '.join(WAYS)}, got {str(missing)[:40]!r}")


def without_missing(
    read: Read, rows: int, columns: Sequence[Column], way: str
) -> tuple[int, Read, str]:
    """Return a table without missing numbers: its number of rows, what reads it, and words on it.

    Parameters
    ----------
    read : callable
        Yields blocks (rows, columns), in which nan stands for what is missing.
    rows : int
    columns : sequence of Column
    way : {"drop", "mean"}
        Whether rows are left out in which a number is missing, or it is the mean of all others
        in its column.

    Raises
    ------
    ParameterError
        When nothing is left.
    """
    count, complete, first = np.zeros(len(columns), int), 0, ""
    mean, known, start = np.zeros(len(columns)), np.zeros(len(columns), int), 0
    for block in read(max(1, int(AT_ONCE / 8 / len(columns)))):
        block = np.asarray(block, dtype=float)
        holes = np.isnan(block)
        if holes.any() and not first:
            row, column = np.argwhere(holes)[0]
            first = f"row {start + row + 1}, {columns[column]}"
        here = (~holes).sum(axis=0)
        with np.errstate(all="ignore"):  # infinite numbers are found later
            sums = np.where(holes, 0, block - mean).sum(axis=0)  # from the mean so far
        known += here
        mean += sums / np.maximum(known, 1)
        count += holes.sum(axis=0)
        complete += int((~holes.any(axis=1)).sum())
        start += len(block)
    if not first:
        return rows, read, "nothing is missing"
    most = int(count.argmax())
    cure = f"leave out columns such as {columns[most]} (--columns), which lacks {count[most]}"
    if way == "drop":
        if not complete:
            raise ParameterError("missing", f"no row of {rows} is complete: {cure} of them")
        words = f"{rows - complete} of {rows} rows with missing numbers left out (first: {first})"
        return complete, _dropped(read), f"{words}, and rows are counted without them"
    if (known == 0).any():
        empty = columns[int((known == 0).argmax())]
        raise ParameterError(
            "missing", f"{empty} has no number, thus no mean: leave it out (--columns)"
        )
    some, holes = int((count > 0).sum()), int(count.sum())
    words = f"{holes} missing number{'s' * (holes > 1)} in {some} column{'s' * (some > 1)}"
    words += f" replaced by {'means' if some > 1 else 'its mean'}"
    return rows, _filled(read, mean), f"{words} (first: {first}), which lowers variances"


def _dropped(read: Read) -> Read:
    def blocks(most_rows: int) -> Iterator[np.ndarray]:
        for block in read(most_rows):
            block = np.asarray(block, dtype=float)
            if len(block := block[~np.isnan(block).any(axis=1)]):
                yield block

    return blocks


def _filled(read: Read, mean: np.ndarray) -> Read:
    def blocks(most_rows: int) -> Iterator[np.ndarray]:
        for block in read(most_rows):
            block = np.asarray(block, dtype=float)
            yield np.where(np.isnan(block), mean, block)

    return blocks
