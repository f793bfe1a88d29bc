"""Numbers as netCDF packs them: scaled, shifted, and with values that stand for none."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .lines import TableError

FILLS = ("_FillValue", "missing_value")
LIMITS = ("valid_min", "valid_max", "valid_range")
SCALES = ("scale_factor", "add_offset")


def packing_of(item: Any, place: str) -> tuple[Callable[[np.ndarray], np.ndarray] | None, str]:
    """Return a function that unpacks blocks of a dataset, and its description.

    Missing numbers become nan. None and no words where numbers stand as they are.

    Raises
    ------
    TableError
        When an attribute makes no sense.
    """
    kind = item.dtype
    unsigned = _text(item.attrs.get("_Unsigned")) == "true" and kind.kind == "i"
    if unsigned:
        kind = np.dtype(f"{kind.byteorder}u{kind.itemsize}".replace("|", ""))
    given = {key: _numbers(item, key, place) for key in (*FILLS, *LIMITS, *SCALES)}
    fills = [given[key] for key in FILLS]
    # cells that were never written hold it; bytes have no value to spare
    if kind.itemsize > 1 and np.any(item.fillvalue):
        fills.append(np.ravel(item.fillvalue))
    fill = np.concatenate([_as(values, item.dtype) for values in fills])
    fill = fill.astype(item.dtype).view(kind)  # in its order of bytes, which the former loses
    low, high = _limits(given, kind)
    scale = float(given["scale_factor"][0]) if len(given["scale_factor"]) else 1.0
    offset = float(given["add_offset"][0]) if len(given["add_offset"]) else 0.0
    limited = low > -np.inf or high < np.inf
    words = {
        "_Unsigned": unsigned, "scale_factor": scale != 1, "add_offset": offset != 0,
        "fill values": len(fill) > 0, "the valid range": limited,
    }  # fmt: skip
    if not any(words.values()):
        return None, ""

    def unpack(block: np.ndarray) -> np.ndarray:
        raw = np.ascontiguousarray(block).view(kind)
        numbers = raw * scale + offset
        missing = np.isin(raw, fill) | (raw < low) | (raw > high)
        return np.where(missing, np.nan, numbers)

    return unpack, ", ".join(word for word, applies in words.items() if applies)


def _as(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Return those of some numbers that another type can hold, in it; nan needs no sign."""
    values = values[~np.isnan(values)]
    if kind.kind in "iu" and values.dtype.kind == "f":
        values = values[(values == np.rint(values)) & (np.abs(values) < 2.0**63)].astype("i8")
    return values.astype(kind)


def _limits(given: dict[str, np.ndarray], kind: np.dtype) -> tuple[float, float]:
    """Return the least and the largest number that is valid, as it is packed."""
    low = [*given["valid_min"], *given["valid_range"][:1]]
    high = [*given["valid_max"], *given["valid_range"][1:]]
    low, high = max(low, default=-np.inf), min(high, default=np.inf)
    wide = kind.kind == "u" and high < 0  # written as a signed number
    return (low, np.inf) if wide else (low, high)


def _numbers(item: Any, key: str, place: str) -> np.ndarray:
    values = np.ravel(np.asarray(item.attrs.get(key, [])))
    if values.dtype.kind not in "iuf":
        raise TableError(f"{place}: its attribute {key} is not a number")
    return values


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
