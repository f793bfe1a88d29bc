"""The grid of a sweep, as --vary and --shard describe it."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from vaedyn.errors import ParameterError, did_you_mean
from vaedyn.sweeps.grids import MODEL, evenly, geometric

from .complete import named
from .ranges import is_range, parse_range

COUNT = 20  # values of a range that does not say how many
WHOLE = ("dim", "latent", "signal", "points", "init_seed", "batch", "seed", "runs")
TEXTS, WORDS = ("anneal", "noise"), ("latents", "optimiser")
UNVARIED = ("init", "adam_betas")
log = logging.getLogger(__name__)


class Varied(NamedTuple):
    """The values that one parameter takes."""

    name: str
    values: list[Any]
    counted: bool = True
    """Whether the user gave their number."""


class VariedType(click.ParamType):
    """NAME=START:STOP[:COUNT], NAME=log:START:STOP[:COUNT] or NAME=A,B,C."""

    name = "values"

    def __init__(self, options: Sequence[str] = ()):
        self.names = (*(name for name in MODEL if name not in UNVARIED), *options)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME=START:STOP[:COUNT]|A,B,..."

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return named(self.names)(ctx, param, incomplete)

    def convert(self, value: Any, param: Any, ctx: Any) -> Varied:
        if isinstance(value, Varied):
            return value
        word, _, rest = str(value).partition("=")
        name = word.strip().replace("-", "_")
        if name not in self.names:
            known = ", ".join(self.names)
            question = did_you_mean(name, self.names)
            self.fail(f"expected one of {known} before '=', got {value!r}{question}", param, ctx)
        try:
            return _varied(name, rest.strip())
        except ValueError as error:
            return self.fail(f"{error}, got {value!r}", param, ctx)


def _varied(name: str, text: str) -> Varied:
    """Return the values that `text` describes.

    Raises
    ------
    ValueError
        When it has another form.
    """
    if name in (*TEXTS, *WORDS):
        between = ";" if name in TEXTS else ","
        texts = [item.strip() for item in text.split(between)]
        if not all(texts):
            raise ValueError(f"expected {name}=SPEC{between}SPEC{between}...")
        return Varied(name, texts)
    if is_range(text):
        return _in_range(name, text)
    values: list[Any] = [_item(name, item) for item in text.split(",")]
    return Varied(name, _whole(name, values) if name in WHOLE else values)


def _in_range(name: str, text: str) -> Varied:
    """Return the values of a range: at most `COUNT` if it does not give their number."""
    span = parse_range(text)
    spaced = geometric if span.logarithmic else evenly
    if span.number is None and name in WHOLE:
        ends = _whole(name, [span.start, span.stop])
        count = min(COUNT, abs(ends[1] - ends[0]) + 1)
        values = dict.fromkeys(round(value) for value in spaced(ends[0], ends[1], count))
        return Varied(name, [*values], counted=False)
    values = spaced(span.start, span.stop, span.number or COUNT)
    return Varied(name, _whole(name, values) if name in WHOLE else values, bool(span.number))


def _whole(name: str, values: Sequence[Any]) -> list[int]:
    if any(value != int(value) for value in values):
        raise ValueError(f"{name} must be whole numbers")
    return [int(value) for value in values]


def _item(name: str, text: str) -> float | tuple[float, ...]:
    """Return one value of a list; several strengths or rates have '/' between them."""
    try:
        if name in ("rho", "lr") and "/" in text:
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
        When a name is varied twice, or is also given as an option.
    """
    found: dict[str, list[Any]] = {}
    context = click.get_current_context()
    for name, values, _ in varied:
        option = f"--{name.replace('_', '-')}"
        if name in found:
            raise click.UsageError(f"expected --vary {name}=... once, got it twice", context)
        source = context.get_parameter_source(name)
        if source == click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option} and --vary {name}=... exclude each other", context)
        found[name] = values
    return found


def note_counts(varied: Sequence[Varied]) -> None:
    """Say how many values a range has that does not give their number."""
    for name, values, counted in varied:
        if not counted:
            log.info("%s takes %d values: %s=START:STOP:COUNT for others", name, len(values), name)


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
