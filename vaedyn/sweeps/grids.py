"""Grids of models: every combination of the values that some parameters take."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np

from ..errors import ParameterError, did_you_mean
from ..model.params import Params

DIGITS = (
    12  # to which values between the ends of a range are rounded, so that equal ones share keys
)
MOST = 1_000_000  # points of a grid
MODEL = tuple(field.name for field in fields(Params))


@dataclass(frozen=True)
class Point:
    """One point of a grid.

    Attributes
    ----------
    values : dict
        The varied parameters, and their values here.
    params : Params
    options : dict
        Varied options of the computation rather than of the model, such as `seed`.
    """

    values: dict[str, Any]
    params: Params
    options: dict[str, Any]


def evenly(start: float, stop: float, count: int) -> list[float]:
    """Return `count` evenly spaced values, ends included, to 12 significant digits."""
    return [_rounded(value) for value in np.linspace(start, stop, count)]


def geometric(start: float, stop: float, count: int) -> list[float]:
    """Return `count` values of constant ratio, ends included, to 12 significant digits."""
    return [_rounded(value) for value in np.geomspace(start, stop, count)]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def grid(
    base: Params | Mapping[str, Any],
    vary: Mapping[str, Sequence[Any] | np.ndarray],
    options: Sequence[str] = (),
) -> list[Point]:
    """Return every combination of values as a checked point, the first name varying slowest.

    Parameters
    ----------
    base : Params or mapping
        All that is not varied.
    vary : mapping
        Names of parameters, each with its values.
    options : sequence of str
        Names that may be varied although they are no parameters of the model.

    Raises
    ------
    ParameterError
        When a name is unknown, a value occurs twice, there are too many points, or one of
        them is no model.
    """
    varied = {name: _listed(name, vary[name], (*MODEL, *options)) for name in vary}
    if (count := math.prod(map(len, varied.values()))) > MOST:
        raise ParameterError("vary", f"a grid may have {MOST:,} points, got {count:,}")
    given = base if isinstance(base, Mapping) else {name: getattr(base, name) for name in MODEL}
    return list(_points(given, varied, whole=not isinstance(base, Mapping)))


def _listed(name: str, values: Any, allowed: Sequence[str]) -> list[Any]:
    """Return the values of one name as plain numbers, text and tuples of numbers, checked."""
    if name not in allowed:
        reason = f"cannot vary {name!r}, only {', '.join(allowed)}{did_you_mean(name, allowed)}"
        raise ParameterError("vary", reason)
    if isinstance(values, str) or not np.iterable(values):
        raise ParameterError("vary", f"expected a list of values of {name}, got {values!r}")
    plain = [value.tolist() if hasattr(value, "tolist") else value for value in values]
    plain = [tuple(value) if isinstance(value, list) else value for value in plain]
    if not plain:
        raise ParameterError("vary", f"{name} has no values")
    for value, count in Counter(plain).items():
        if count > 1:
            raise ParameterError("vary", f"{name} has the value {shown(value)} twice")
    return plain


def _points(
    base: Mapping[str, Any], vary: Mapping[str, Sequence[Any]], whole: bool
) -> Iterator[Point]:
    """Yield all points. `whole`: eta of `base` may be the mean of its noise, not a wish."""
    for combination in product(*vary.values()):
        values = dict(zip(vary, combination, strict=True))
        model = {name: value for name, value in values.items() if name in MODEL}
        options = {name: value for name, value in values.items() if name not in MODEL}
        if whole and {"noise": base["noise"], **model}["noise"] is not None:
            model = {"eta": Params.eta, **model}
        try:
            yield Point(values, Params(**{**base, **model}), options)
        except ParameterError as error:
            raise _blamed(base, values, error) from error


def _blamed(base: Mapping[str, Any], values: Mapping[str, Any], error: ParameterError) -> Exception:
    """Return `error` as one of `--vary`, unless it is there without anything varied."""
    try:
        Params(**base)
    except ParameterError as own:
        if str(own) == str(error):
            return own
    return ParameterError("vary", f"at {described(values)}: {error}")


def part_of(points: Sequence[Point], index: int, count: int) -> list[Point]:
    """Return every `count`-th point, from number `index` on (the first is 1).

    The parts 1, ..., `count` make up the grid, and share costly regions of it evenly.

    Raises
    ------
    ParameterError
        When there is no such part.
    """
    if not 1 <= index <= count:
        raise ParameterError("shard", f"expected I/N with 1 <= I <= N, got {index}/{count}")
    return list(points[index - 1 :: count])


def shown(value: Any) -> str:
    """Return a varied value as `--vary` takes it."""
    if isinstance(value, (tuple, list)):
        return "/".join(map(shown, value))
    short = f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
    return short if not isinstance(value, float) or float(short) == value else repr(value)


def described(values: Mapping[str, Any]) -> str:
    """Return the values of a point in one line."""
    return " ".join(f"{name}={shown(value)}" for name, value in values.items())
