"""The points of a sweep as flat rows, and as variables over its grid."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..model.labelled import own_dims, scalars
from ..model.quantities import CONSTANTS, QUANTITIES
from ..model.records import Variables
from .grids import Point, shown
from .points import SUMMED_UP, Outcome


def flat(points: Sequence[Point], outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return one row a point: what varies, the key, all numbers one by one, and the error."""
    rows = []
    for point, outcome in zip(points, outcomes, strict=True):
        row = {**point.values, "key": outcome.key or ""}
        for name, value in (outcome.final or {}).items():
            row |= scalars(name, value)
        rows.append({**row, "error": outcome.error})
    return rows


def columns_of(rows: Iterable[dict[str, Any]], varied: Iterable[str]) -> list[str]:
    """Return the names that any row has: as in the longest, where others differ by size."""
    least = dict.fromkeys([*varied, "key", "error"])  # where there are no rows
    longest = sorted([*rows, least], key=len, reverse=True)
    names = dict.fromkeys(name for row in longest for name in row)
    order = {quantity: i for i, quantity in enumerate(SUMMED_UP)}

    def place(name: str) -> tuple:
        words = name.split("_")
        while words and (words[-1].isdigit() or words[-1] in ("mean", "std")):
            words.pop()
        indices = tuple(int(word) for word in name.split("_") if word.isdigit())
        return (order.get("_".join(words), -1), indices)

    matrices = sorted((name for name in names if place(name)[0] >= 0), key=place)
    rest = [name for name in names if place(name)[0] < 0 and name != "error"]
    return [*rest, *matrices, "error"]


def variables_of(varied: Mapping[str, Sequence[Any]], outcomes: Sequence[Outcome]) -> Variables:
    """Return what came of all points of a whole grid, over what varies.

    Means over runs keep their names, and standard deviations end in ``_std``. A quantity
    that has other shapes at other points is left out, and so is one with an axis of latents or
    signals where their number varies.
    """
    found: Variables = {name: _coordinate(name, values) for name, values in varied.items()}
    shape = tuple(len(values) for values in varied.values())
    finals = [outcome.final or {} for outcome in outcomes]
    names = dict.fromkeys(name for final in finals for name in final)
    for name in names:
        values = [final.get(name) for final in finals]
        parts = {name: values}
        if any(isinstance(value, Mapping) for value in values):
            parts = {
                name + ending: [None if value is None else value[of] for value in values]
                for of, ending in (("mean", ""), ("std", "_std"))
            }
        for key, each in parts.items():
            array = _array(each)
            own = () if array is None else own_dims(name, array.ndim - 1)
            if array is not None and not {*own} & {*varied}:
                found[key] = (
                    (*varied, *own),
                    array.reshape(shape + array.shape[1:]),
                    _label(name, key),
                )
    errors = np.array([outcome.error for outcome in outcomes], str).reshape(shape)
    found["error"] = tuple(varied), errors, {"long_name": "why there is no result"}
    return found


def _coordinate(name: str, values: Sequence[Any]) -> tuple[Any, Any, dict[str, str]]:
    of = CONSTANTS.get(name)
    plain = all(isinstance(x, (int, float)) for x in values)
    labels = list(values) if plain else [shown(x) for x in values]
    text = {"long_name": of.words, "units": of.unit} if of else {"long_name": name}
    return (name,), np.array(labels), text


def _label(name: str, key: str) -> dict[str, str]:
    of = QUANTITIES.get("time" if name == "t" else name)
    if of is None:
        return {"long_name": name.replace("_", " ")}
    text = of.text if key == name else f"standard deviation of {of.text}"
    return {"long_name": text, "units": of.unit}


def _array(values: list[Any]) -> np.ndarray | None:
    """Return values with nan, or no text, where there are none; None if shapes differ."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in known):
        return np.array(["" if value is None else value for value in values], str)
    if len({np.shape(value) for value in known}) > 1:
        return None
    own = np.shape(known[0])
    return np.array([np.full(own, np.nan) if v is None else np.asarray(v, float) for v in values])
