"""What values options take that click does not know."""

import contextlib
import json
from typing import Any

import click

from vaedyn.errors import did_you_mean
from vaedyn.files import small_text
from vaedyn.model.params import integer
from vaedyn.model.start import DRAWN


class WholeNumber(click.ParamType):
    """A whole number that may be written as 1e6; refused below `least`, if that is given."""

    name = "integer"

    def __init__(self, least: int | None = None):
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        number = self._number(value, param, ctx)
        return number if self.least is None else integer(param.name, number, self.least)

    def _number(self, value: Any, param: Any, ctx: Any) -> int:
        with contextlib.suppress(ValueError):
            return int(value)
        with contextlib.suppress(ValueError, OverflowError):
            if float(value) == int(float(value)):
                return int(float(value))
        return self.fail(f"{value!r} is not a whole number", param, ctx)


class Numbers(click.ParamType):
    """One number, or several with commas; one may arrive as itself, `alone`."""

    name = "number[,number...]"

    def __init__(self, alone: bool = False):
        self.alone = alone

    def convert(self, value: Any, param: Any, ctx: Any) -> float | tuple[float, ...]:
        if not isinstance(value, str):
            return value if self.alone or isinstance(value, tuple) else (value,)
        try:
            numbers = tuple(float(item) for item in value.split(","))
            return numbers[0] if self.alone and len(numbers) == 1 else numbers
        except ValueError:
            self.fail(f"{value!r} is not a number, nor numbers with commas", param, ctx)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object, in which every name stands once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


class Folder(click.Path):
    """A folder that has a name."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value == "":
            self.fail("the name of a folder must not be empty", param, ctx)
        return super().convert(value, param, ctx)


class Start(click.ParamType):
    """`gaussian`, `torch`, overlaps as text, or a JSON file of them."""

    name = "start"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "gaussian|torch|m=...,d=...,...|FILE.json"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str) or value in DRAWN:
            return value
        if not value:
            self.fail("expected a start, got nothing", param, ctx)
        inline = value.startswith("{")
        if "=" in value and not inline:
            return value
        try:
            text = value if inline else small_text(value)
            data = json.loads(text, object_pairs_hook=_distinct)
        except OSError as error:
            self.fail(
                f"expected 'gaussian', 'torch', 'm=...,d=...,Q=...,E=...,R=...,D=...' or a JSON "
                f"file; cannot read {value!r}: {error.strerror}{did_you_mean(value, DRAWN)}",
                param,
                ctx,
            )
        except (ValueError, RecursionError) as error:
            self.fail(f"cannot read {value!r} as JSON: {error}", param, ctx)
        if not isinstance(data, dict):
            self.fail(f"{value!r} must hold an object with the keys m, d, Q, E, R, D", param, ctx)
        return data
