"""Ranges of numbers as `--vary` has them: START:STOP, START:STOP:COUNT, and log: before either."""

from typing import Any, NamedTuple

import click
import numpy as np
from click.shell_completion import CompletionItem

from vaedyn.errors import did_you_mean
from vaedyn.fixedpoints.phase_diagram import MAPPED

from .complete import named

MOST = 1_000_000
COUNT = 100  # values of one constant where that is not said
MOST_OF_ONE = 2000
NEAR_ZERO = 1e-3  # of the highest beta, from where branches are followed instead of from 0


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


class Range(NamedTuple):
    """The values that one constant takes."""

    name: str
    low: float
    high: float
    points: int
    logarithmic: bool = False
    counted: bool = True
    """Whether the user gave their number."""

    @property
    def values(self) -> np.ndarray:
        """All values at which there are fixed points: none is at beta = 0."""
        spaced = np.geomspace if self.logarithmic else np.linspace
        values = spaced(self.low, self.high, self.points)
        return values[values != 0] if self.name == "beta" else values

    @property
    def start(self) -> float:
        """Where branches start: those of beta end at 0."""
        return NEAR_ZERO * self.high if self.name == "beta" and self.low == 0 else self.low


class RangeType(click.ParamType):
    """NAME=LOW:HIGH, NAME=LOW:HIGH:COUNT, or either with log: before the numbers."""

    name = "range"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME=LOW:HIGH[:COUNT]"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return named(MAPPED)(ctx, param, incomplete)

    def convert(self, value: Any, param: Any, ctx: Any) -> Range:
        if isinstance(value, Range):
            return value
        word, _, rest = str(value).partition("=")
        name = word.strip()
        if name not in MAPPED:
            known, question = ", ".join(MAPPED), did_you_mean(name, MAPPED)
            self.fail(f"expected one of {known} before '=', got {value!r}{question}", param, ctx)
        try:
            span = parse_range(rest.strip(), (f"{name}=LOW", "HIGH"), MOST_OF_ONE)
        except ValueError as error:
            self.fail(f"{error}, got {value!r}", param, ctx)
        if span.start > span.stop:
            self.fail(f"expected LOW < HIGH, got {value!r}", param, ctx)
        count = span.number or COUNT
        return Range(name, span.start, span.stop, count, span.logarithmic, bool(span.number))
