"""Options that commands share, each defined once; help texts show them in sections."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from vaedyn.errors import ParameterError, did_you_mean

from .hints import no_such_command, no_such_option
from .main import show_notes
from .output import spoken, watched
from .session import Session
from .settings import origin, use_file, variables
from .values import Folder, WholeNumber

SECTIONS = ("Sweep", "Model", "Convention", "Numerics", "Store", "Output")
SESSION = tuple(Session.__dataclass_fields__)


def _with(error: click.BadParameter, remark: str) -> click.BadParameter:
    """Return the same error with a remark after its message."""
    text = error.message.rstrip(".") + remark if remark else error.message
    return click.BadParameter(text, error.ctx, error.param, error.param_hint)


class Option(click.Option):
    """An option that belongs to a section of the help text, and may be set by the environment."""

    def __init__(self, *args: Any, section: str, **kwargs: Any):
        super().__init__(*args, show_default=kwargs.pop("show_default", True), **kwargs)
        self.section = section

    def variable(self, ctx: click.Context) -> str | None:
        """Return the environment variable that sets this option here, if there is one."""
        return next((name for name in variables(self, ctx) if os.environ.get(name)), None)

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        name = self.variable(ctx)
        return os.environ[name] if name else None

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        try:
            return super().process_value(ctx, value)
        except click.BadParameter as error:
            remark = origin(ctx, self.name or "", self.variable(ctx))
            if isinstance(self.type, click.Choice) and isinstance(value, str):
                remark = did_you_mean(value, map(str, self.type.choices)) + remark
            if not remark:
                raise
            raise _with(error, remark) from error


class Command(click.Command):
    """A command whose help shows options by section, then examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        self._refuse_two_ranges(ctx, args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise no_such_option(error, ctx) from error

    def _refuse_two_ranges(self, ctx: click.Context, args: list[str]) -> None:
        """Refuse a second --vary where there is one only: the first would silently be lost."""
        single = [option for option in self.params if option.name == "vary" and not option.multiple]
        if single and sum(word.partition("=")[0] == "--vary" for word in args) > 1:
            raise click.UsageError("expected --vary at most once", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors of options also say where a value comes from."""
        try:
            return super().invoke(ctx)
        except ParameterError as error:
            if place := self._origin(ctx, error.name):
                raise ParameterError(error.name, error.reason + place) from error
            raise
        except click.BadParameter as error:
            raise _with(error, self._origin(ctx, str(error.param_hint))) from error

    def _origin(self, ctx: click.Context, name: str) -> str:
        """Return where the value of an option comes from, by its name in Python or as written."""
        for option in self.params:
            words = (option.name, *(word.lstrip("-").replace("-", "_") for word in option.opts))
            if isinstance(option, Option) and name.lstrip("-").replace("-", "_") in words:
                return origin(ctx, option.name or "", option.variable(ctx))
        return ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row and isinstance(parameter, click.Option):
                rows[getattr(parameter, "section", "Output")].append(row)
        for name, lines in rows.items():
            if lines:
                with formatter.section(name):
                    formatter.write_dl(lines)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write_text(example)


class Group(click.Group):
    """A group whose help shows the whole first line of each command."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in self.commands and not (args[0].startswith("-") or ctx.resilient_parsing):
            raise no_such_command(args[0], self, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            text = self.commands[name].help or ""
            rows.append((name, text.partition("\n\n")[0]))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def option(section: str, *names: str, **settings: Any) -> Callable:
    """Return a decorator that adds an option to a section of the help."""
    return click.option(*names, cls=Option, section=section, **settings)


STORE_OPTIONS = [
    option(
        "Store",
        "--store",
        "store_path",
        type=Folder(path_type=Path),
        default=Session.store_path,
        help="Folder of results; also from VAEDYN_STORE.",
    ),
]
RECOMPUTE_OPTIONS = [
    option(
        "Store",
        "--recompute",
        is_flag=True,
        help="Compute anew, and replace what is stored.",
    ),
]
OUTPUT_OPTIONS = [
    option(
        "Output",
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=use_file,
        help="TOML file of options: beta = 1.5 for all commands, [theory] for one.",
    ),
    option(
        "Output",
        "--json",
        "as_json",
        is_flag=True,
        help="Print one JSON object on stdout.",
    ),
    option("Output", "-q", "--quiet", is_flag=True, help="No notes on stderr."),
    option("Output", "-v", "--verbose", is_flag=True, help="More notes on stderr."),
]
SIMULATION = ("runs", "seed", "engine", "random_start", "jobs")
"""Names of the options of a simulation, which are arguments of `vaedyn.simulate`."""


def _with_ensemble(function: Callable) -> Callable:
    """Hand the options of a simulation over as one argument, `ensemble`."""

    @functools.wraps(function)
    def call(**options: Any) -> Any:
        ensemble = {name: options.pop(name) for name in SIMULATION if name in options}
        return function(ensemble=ensemble, **options)

    return call


ENSEMBLE_OPTIONS = [
    option("Numerics", "--runs", type=WholeNumber(1), default=5, help="Number of runs."),
    option("Numerics", "--seed", type=WholeNumber(0), default=0, help="Seed of the data."),
    option(
        "Numerics",
        "--engine",
        type=click.Choice(["exact", "vector"]),
        default=None,
        help="vector trains weight vectors; exact draws the order parameters from the same "
        "law, at a cost per step that does not depend on N.",
        show_default="exact; vector with --alpha",
    ),
]
RANDOM_START = option(
    "Numerics",
    "--random-start",
    is_flag=True,
    help="Every run draws its own initial weights, gaussian, with overlaps of --init on average.",
)
SIMULATION_OPTIONS = [
    *ENSEMBLE_OPTIONS,
    option(
        "Numerics",
        "--jobs",
        type=WholeNumber(1),
        help="Number of threads.",
        show_default="all cores",
    ),
    _with_ensemble,
]
SEED = option("Numerics", "--seed", type=click.IntRange(0), default=0, help="Seed of the data.")
JOBS = option(
    "Numerics",
    "--jobs",
    type=click.IntRange(1),
    default=None,
    help="Number of threads of the simulations.",
    show_default="all cores",
)
THEORY_OPTIONS = [
    option(
        "Numerics",
        "--rtol",
        type=float,
        default=1e-8,
        help="Relative error allowed in an ODE step.",
    ),
    option(
        "Numerics",
        "--atol",
        type=float,
        default=1e-10,
        help="Absolute error allowed in an ODE step.",
    ),
]


def add(*groups: list[Callable]) -> Callable:
    """Return a decorator that adds groups of options, and hands over a session made of them.

    Without a terminal the command says once a minute on stderr that it goes on.
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(quiet: bool, verbose: bool, **options: Any) -> Any:
            show_notes(quiet, verbose)
            chosen = {name: options.pop(name) for name in SESSION if name in options}
            session = Session(**chosen)
            if watched():
                return function(session=session, **options)
            with spoken(click.get_current_context().command_path):
                return function(session=session, **options)

        for decorator in reversed([item for group in groups for item in group]):
            call = decorator(call)
        return call

    return decorate
