"""Records in other formats: NetCDF, CSV in long form, NumPy's .npz."""

import contextlib
import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .hdf5 import write_into
from .record import Record, StoreError, reason
from .temporary import temporary_path


def to_netcdf(record: Record, path: Path) -> None:
    """Write NetCDF-4: the record itself, without the label that stands before its HDF5 data."""
    with open(path, "xb") as file:
        write_into(file, record, label=False)


def to_npz(record: Record, path: Path) -> None:
    """Write all variables under their names, and the parameters as JSON text in `params`."""
    arrays: dict[str, Any] = {name: x for name, (_, x, _) in record.variables.items()}
    arrays["params"] = np.array(json.dumps(record.params))
    with open(path, "wb") as file:
        np.savez_compressed(file, **arrays)


def to_csv(record: Record, path: Path) -> None:
    """Write one number a line: variable, value, and a column for every dimension.

    A dimension's column holds its coordinate (say, the time), or counts from 0.
    """
    variables = record.variables
    dims = list(dict.fromkeys(dim for names, _, _ in variables.values() for dim in names))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["variable", *dims, "value"])
        for name, (own, values, _) in variables.items():
            if own == (name,):  # a coordinate: it stands in its column
                continue
            array = np.asarray(values)
            for index in np.ndindex(array.shape):
                place = dict(zip(own, index, strict=True))
                row = [_coordinate(record, dim, place[dim]) if dim in place else "" for dim in dims]
                writer.writerow([name, *row, array[index].item()])


def _coordinate(record: Record, dim: str, index: int) -> object:
    if dim in record.variables:
        return np.asarray(record.variables[dim][1])[index].item()
    return index


FORMATS: dict[str, Callable[[Record, Path], None]] = {
    ".nc": to_netcdf,
    ".csv": to_csv,
    ".npz": to_npz,
}


def export(record: Record, path: Path) -> None:
    """Write `record` to `path`, whose ending chooses the format; all at once or not at all.

    Raises
    ------
    ValueError
        When the ending is none of .nc, .csv and .npz.
    StoreError
        When the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise ValueError(f"expected a name ending in {', '.join(FORMATS)}, got {str(path)!r}")
    temporary = temporary_path(path)
    try:
        FORMATS[path.suffix](record, temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
