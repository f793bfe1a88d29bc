"""Ranges of numbers as `--vary` has them: START:STOP, START:STOP:COUNT, and log: before either."""

from typing import NamedTuple

MOST = 1_000_000


class Span(NamedTuple):
    """The ends of a range, how many values it has if that is said, and whether ratios are even."""

    start: float
    stop: float
    number: int | None
    logarithmic: bool


def is_range(text: str) -> bool:
    """Return whether `text` is meant as a range rather than as a list."""
    return ":" in text


def parse_range(text: str, ends: tuple[str, str] = ("START", "STOP"), most: int = MOST) -> Span:
    """Return the range that `text` describes; `ends` are what messages call its ends.

    Raises
    ------
    ValueError
        When it has another form, or makes no sense.
    """
    first, last = ends
    form = f"{first}:{last} or {first}:{last}:COUNT"
    logarithmic = text.startswith("log:")
    try:
        start, stop, *rest = text.removeprefix("log:").split(":")
        low, high = float(start), float(stop)
        (count,) = [int(item) for item in rest] or [None]
    except ValueError:
        raise ValueError(f"expected {form}, perhaps with log: before it") from None
    if count is not None and not 2 <= count <= most:
        raise ValueError(f"expected {first}:{last}:COUNT with a COUNT from 2 to {most:,}")
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise ValueError("expected finite numbers")
    if low == high:
        raise ValueError(f"expected {first} and {last} to differ")
    if logarithmic and not (low > 0 and high > 0):
        raise ValueError(f"expected log:{first}:{last} with {first} and {last} above zero")
    return Span(low, high, count, logarithmic)
