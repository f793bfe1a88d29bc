"""Tables that are held in memory: arrays, and the tables of pandas, Polars, PyArrow and others."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ParameterError
from .arrays import MOST_AXES, NUMBERS, flattened
from .chosen import Column, Columns, chosen, unnamed
from .lines import TableError
from .memory import check_memory
from .missing import check_way, without_missing
from .parquet import from_arrow
from .report import left_out, shown


@dataclass(frozen=True, eq=False)
class Held:
    """A table that is held in memory, (rows, columns), with all that a `Table` has."""

    numbers: np.ndarray
    note: str = ""
    found: str = ""
    place: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)

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
        if self.asked:
            sha.update(repr(sorted(self.asked.items())).encode())
        return sha.hexdigest()


def held(data: Any, columns: Columns | None = None, missing: str | None = None) -> Held:
    """Return a table, given its numbers (rows, columns) in any form.

    Raises
    ------
    ParameterError
        When they have another shape, or cannot be read.
    TableError
        When pyarrow is missing, or no column is numbers.
    """
    check_way(missing)
    labels, numbers, note = _numbers(data)
    kept = chosen(labels, columns)
    of_numbers = [label for label in labels if not label.why]
    if len(kept) < len(of_numbers):
        place = {label.number: k for k, label in enumerate(of_numbers)}
        numbers = numbers[:, [place[column.number] for column in kept]]
    words = []
    if missing is not None:
        numbers = np.asarray(numbers, dtype=float)
        rows, read, text = without_missing(
            lambda most: iter([numbers]), len(numbers), kept, missing
        )
        numbers, words = next(read(rows)), [text]
    asked = {"columns": shown(kept)} if columns is not None else {}
    asked |= {"missing": missing} if missing else {}
    out = [] if columns is not None else left_out(labels)
    return Held(numbers, note, "; ".join([*out, *words]), asked=asked)


def _numbers(data: Any) -> tuple[list[Column] | tuple[Column, ...], np.ndarray, str]:
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        return (*_of_pandas(data), "")
    if hasattr(data, "__arrow_c_stream__") and not isinstance(data, np.ndarray):
        labels, numbers = from_arrow(data)
        _check(numbers.shape)
        return labels, numbers, ""
    if hasattr(data, "toarray") and hasattr(data, "nnz"):  # sparse, of SciPy
        check_memory("this sparse matrix", data.shape)
        data = data.toarray()  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):  # what is masked is missing
        data = np.ma.filled(data.astype(np.result_type(data, float)), np.nan)
    try:
        numbers = np.asarray(data)
    except Exception as error:  # whatever the object's own __array__ raises
        text = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError("data", f"cannot be read as an array: {text[:200]}") from error
    note = ""
    if 2 < numbers.ndim <= MOST_AXES and numbers.size:
        note = flattened("the array", numbers.shape)
        numbers = numbers.reshape(len(numbers), -1)
    _check(numbers.shape)
    return unnamed(numbers.shape[1]), numbers, note


def _check(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or 0 in shape:
        raise ParameterError("data", f"expected a table (rows, dim), got shape {shape}")


def _of_pandas(data: Any) -> tuple[list[Column], np.ndarray]:
    """Return the columns of a DataFrame, and those of numbers (rows, columns)."""
    labels = [
        Column(k + 1, str(name), "" if kind.kind in NUMBERS else str(kind)[:40])
        for k, (name, kind) in enumerate(zip(data.columns, data.dtypes, strict=True))
    ]
    some = [k for k, label in enumerate(labels) if not label.why]
    if labels and not some:
        first = labels[0]
        raise TableError(f"the table has no column of numbers: {first} holds {first.why}")
    _check((len(data), len(some)))
    check_memory("this table", (len(data), len(some)))
    numbers = np.empty((len(data), len(some)))
    for place, k in enumerate(some):
        numbers[:, place] = data.iloc[:, k].to_numpy(dtype=float, na_value=np.nan)
    return labels, numbers
