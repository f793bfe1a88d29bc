"""What a sweep's --vary and --shard mean."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from vaedyn.errors import ParameterError
from vaedyn.grids import MODEL, evenly, geometric

WHOLE = ("dim", "latent", "signal", "points", "init_seed", "seed", "runs")
TEXTS = ("anneal",)
UNVARIED = ("init",)
MOST = 1_000_000
log = logging.getLogger(__name__)


class Varied(NamedTuple):
    """The values that one parameter takes."""

    name: str
    values: list[Any]


class VariedType(click.ParamType):
    """NAME=START:STOP:COUNT, NAME=log:START:STOP:COUNT or NAME=A,B,C."""

    name = "values"

    def __init__(self, options: Sequence[str] = ()):
        self.names = (*(name for name in MODEL if name not in UNVARIED), *options)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME=START:STOP:COUNT|A,B,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> Varied:
        if isinstance(value, Varied):
            return value
        word, _, rest = str(value).partition("=")
        name = word.strip().replace("-", "_")
        if name not in self.names:
            known = ", ".join(self.names)
            self.fail(f"expected one of {known} before '=', got {value!r}", param, ctx)
        try:
            return Varied(name, _values(name, rest.strip()))
        except ValueError as error:
            return self.fail(f"{error}, got {value!r}", param, ctx)


def _values(name: str, text: str) -> list[Any]:
    """Return the values that `text` describes.

    Raises
    ------
    ValueError
        When it has another form.
    """
    if name in TEXTS:
        values: list[Any] = [item.strip() for item in text.split(";")]
        if not all(values):
            raise ValueError(f"expected {name}=SPEC;SPEC;...")
        return values
    values = _range(text) if ":" in text else [_item(name, item) for item in text.split(",")]
    if name in WHOLE:
        if any(value != int(value) for value in values):
            raise ValueError(f"{name} must be whole numbers")
        values = [int(value) for value in values]
    return values


def _range(text: str) -> list[float]:
    """Return the values of START:STOP:COUNT or log:START:STOP:COUNT."""
    logarithmic = text.startswith("log:")
    form = "expected START:STOP:COUNT or log:START:STOP:COUNT"
    try:
        start, stop, count = text.removeprefix("log:").split(":")
        low, high, number = float(start), float(stop), int(count)
    except ValueError:
        raise ValueError(form) from None
    if not 2 <= number <= MOST:
        raise ValueError(f"{form} with a COUNT from 2 to {MOST:,}")
    if not (abs(low) < float("inf") and abs(high) < float("inf")):
        raise ValueError("expected finite numbers")
    if low == high:
        raise ValueError("expected START and STOP to differ")
    if logarithmic and not (low > 0 and high > 0):
        raise ValueError("expected log:START:STOP:COUNT with START and STOP above zero")
    return (geometric if logarithmic else evenly)(low, high, number)


def _item(name: str, text: str) -> float | tuple[float, ...]:
    """Return one value of a list; strengths of several signals have '/' between them."""
    try:
        if name == "rho" and "/" in text:
            return tuple(map(_finite, text.split("/")))
        return _finite(text)
    except ValueError:
        raise ValueError("expected numbers with commas, or START:STOP:COUNT") from None


def _finite(text: str) -> float:
    value = float(text)
    if not abs(value) < float("inf"):
        raise ValueError(text)
    return value


def by_name(varied: Sequence[Varied]) -> dict[str, list[Any]]:
    """Return the values of every name, after checking them against each other and the options.

    Raises
    ------
    click.UsageError
        When a name is varied twice, or is also given a value of its own.
    """
    found: dict[str, list[Any]] = {}
    context = click.get_current_context()
    for name, values in varied:
        option = f"--{name.replace('_', '-')}"
        if name in found:
            raise click.UsageError(f"expected --vary {name}=... once, got it twice", context)
        source = context.get_parameter_source(name)
        if source == click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} and --vary {name}=... exclude each other", context)
        found[name] = values
    return found


class ShardType(click.ParamType):
    """I/N."""

    name = "shard"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "I/N"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        form = re.fullmatch(r"(\d+)/(\d+)", str(value))
        if not form or not 1 <= int(form[1]) <= int(form[2]):
            self.fail(f"expected I/N with 1 <= I <= N, got {value!r}", param, ctx)
        return int(form[1]), int(form[2])


def shard_of(given: tuple[int, int] | None, environment: Mapping[str, str]) -> tuple[int, int]:
    """Return the shard that is asked for, or that a Slurm array's task stands for.

    Raises
    ------
    ParameterError
        When the array's tasks are not numbered evenly.
    """
    names = [f"SLURM_ARRAY_TASK_{word}" for word in ("ID", "MIN", "COUNT")]
    if given or not all(name in environment for name in names):
        return given or (1, 1)
    try:
        task, first, count = (int(environment[name]) for name in names)
        place, left = divmod(task - first, int(environment.get("SLURM_ARRAY_TASK_STEP", "1")))
    except (ValueError, ZeroDivisionError):
        seen = ", ".join(f"{name}={environment[name]}" for name in names)
        raise ParameterError("shard", f"{seen} makes no sense: give --shard I/N") from None
    if left or not 0 <= place < count:
        raise ParameterError(
            "shard", f"task {task} of {count} from {first} on is no shard: use --array=1-N"
        )
    log.info("shard %d/%d, from SLURM_ARRAY_TASK_ID (--shard 1/1 for all)", place + 1, count)
    return place + 1, count
