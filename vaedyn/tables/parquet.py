"""Tables in Parquet files, and those that other packages hand over in Arrow's form."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .arrays import Content, Read
from .chosen import Column
from .lines import TableError
from .memory import check_memory, extra, foreign


def open_parquet(path: Path, name: str) -> Content:
    """Return the table in a Parquet file."""
    place = str(path)
    parquet = extra("pyarrow.parquet", place)
    with foreign(place), parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
        groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
        largest = max((group.total_byte_size for group in groups), default=0)
    labels = labels_of(schema, place)
    check_memory(f"a part of {place}", (largest,), 1)

    def only(columns: Sequence[Column], _: bool = True) -> Read:
        def read(most_rows: int) -> Iterator[np.ndarray]:
            wanted = [schema.field(column.number - 1).name for column in columns]
            with foreign(place), parquet.ParquetFile(path) as file:
                parts = file.iter_batches(min(most_rows, 2**20), columns=wanted)
                for part in parts:
                    yield floats(part, range(len(wanted)))

        return read

    numbers = [label for label in labels if not label.why]
    twice = len(set(schema.names)) < len(schema.names)
    if twice:
        raise TableError(f"{place} has several columns of one name: rename them")
    return content_of(name, rows, labels, only(numbers), only, place)


def labels_of(schema: Any, place: str) -> list[Column]:
    """Return the columns of an Arrow schema."""
    types = extra("pyarrow.types", place)
    return [
        Column(k + 1, str(field.name), _why(types, field.type)) for k, field in enumerate(schema)
    ]


def _why(types: Any, kind: Any) -> str:
    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return "" if numbers else str(kind)[:40]


def floats(batch: Any, columns: Sequence[int]) -> np.ndarray:
    """Return columns of a batch of rows (rows, columns), nan for what is null."""
    block = np.empty((batch.num_rows, len(columns)))
    for k, column in enumerate(columns):
        values = batch.column(column)
        if str(values.type).startswith("decimal"):
            values = values.cast("float64")
        block[:, k] = values.to_numpy(zero_copy_only=False)
    return block


def content_of(
    name: str, rows: int, labels: Sequence[Column], read: Read,
    only: Callable[[list[Column], bool], Read] | None, place: str,
) -> Content:  # fmt: skip
    """Return a table with columns of several kinds.

    Raises
    ------
    TableError
        When none of them is numbers, or there are no rows.
    """
    numbers = sum(not label.why for label in labels)
    if labels and not numbers:
        first = labels[0]
        raise TableError(f"{place} has no column of numbers: {first} holds {first.why}")
    if not rows or not numbers:
        raise TableError(f"{place} has {rows} rows and {numbers} columns: nothing to read")
    return Content(name, rows, numbers, read, labels=labels, only=only)


def from_arrow(data: Any) -> tuple[list[Column], np.ndarray]:
    """Return the columns of what offers Arrow's stream, and those of numbers (rows, columns).

    Raises
    ------
    TableError
        When they do not fit into memory, or pyarrow is missing.
    """
    arrow = extra("pyarrow", "this table")
    with foreign("this table"):
        table = arrow.table(data)
        labels = labels_of(table.schema, "this table")
        numbers = [k for k, label in enumerate(labels) if not label.why]
        check_memory("this table", (table.num_rows, len(numbers)))
        parts = [floats(part, numbers) for part in table.to_batches()]
        return labels, np.concatenate([np.empty((0, len(numbers))), *parts])
