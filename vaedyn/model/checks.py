"""Checks of numbers that are given, whose errors name the parameter."""

import math
import operator

from ..errors import ParameterError

LARGEST = 1e12  # of any real parameter: beyond it numbers overflow somewhere


def integer(name: str, value: object, least: int) -> int:
    """Return a whole number, after checking that it is one and at least `least`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    try:
        number = operator.index(value)  # pyright: ignore[reportArgumentType]
    except TypeError:
        raise ParameterError(name, f"must be a whole number, got {value!r}") from None
    if number < least:
        raise ParameterError(name, f"must be at least {least}, got {number}")
    if number >= 2**53:
        raise ParameterError(name, f"must be below 2^53, got {number}")
    return number


def real(name: str, value: object, least: float = 0.0, *, least_allowed: bool = False) -> float:
    """Return a finite number above `least` (or equal to it if allowed), after checking it."""
    try:
        number = float(value) + 0.0  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        raise ParameterError(name, f"must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise ParameterError(name, f"must be finite, got {number}")
    if number < least or (number == least and not least_allowed):
        bound = ">=" if least_allowed else ">"
        raise ParameterError(name, f"must be {bound} {least:g}, got {shown(number, least)}")
    if number > LARGEST:
        raise ParameterError(name, f"must be at most {LARGEST:g}, got {shown(number, LARGEST)}")
    return number


def shown(number: float, bound: float) -> str:
    """Return a number in six digits, or in all of them where it is not seen to miss a bound."""
    short = f"{number:g}"
    return short if number == bound or short != f"{bound:g}" else repr(number)
