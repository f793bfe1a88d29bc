"""Options that commands share, each defined once; help texts show them in sections."""

import contextlib
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from vaedyn.initial import GAUSSIAN
from vaedyn.params import Params
from vaedyn.texts import small_text

from .main import show_notes

SECTIONS = ("Sweep", "Model", "Convention", "Numerics", "Store", "Output")
MODEL = tuple(Params.__dataclass_fields__)


class Option(click.Option):
    """An option that belongs to a section of the help text."""

    def __init__(self, *args: Any, section: str, **kwargs: Any):
        super().__init__(*args, show_default=kwargs.pop("show_default", True), **kwargs)
        self.section = section


class Command(click.Command):
    """A command whose help shows options by section, then examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.examples = examples

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
    """A group whose help tells the whole first line of each command."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            text = self.commands[name].help or ""
            rows.append((name, text.partition("\n\n")[0]))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class WholeNumber(click.ParamType):
    """A whole number that may be written as 1e6."""

    name = "integer"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        with contextlib.suppress(ValueError):
            return int(value)
        with contextlib.suppress(ValueError, OverflowError):
            if float(value) == int(float(value)):
                return int(float(value))
        return self.fail(f"{value!r} is not a whole number", param, ctx)


class Numbers(click.ParamType):
    """One number, or several with commas."""

    name = "number[,number...]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        if not isinstance(value, str):
            return (value,)
        try:
            return tuple(float(item) for item in value.split(","))
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
    """`gaussian`, overlaps as text, or a JSON file of them."""

    name = "start"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "gaussian|m=...,d=...,...|FILE.json"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str) or value == GAUSSIAN:
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
                f"expected 'gaussian', 'm=...,d=...,Q=...,E=...,R=...,D=...' or a JSON file; "
                f"cannot read {value!r}: {error.strerror}",
                param,
                ctx,
            )
        except (ValueError, RecursionError) as error:
            self.fail(f"cannot read {value!r} as JSON: {error}", param, ctx)
        if not isinstance(data, dict):
            self.fail(f"{value!r} must hold an object with the keys m, d, Q, E, R, D", param, ctx)
        return data


def option(section: str, *names: str, **settings: Any) -> Callable:
    """Return a decorator that adds an option to a section of the help."""
    return click.option(*names, cls=Option, section=section, **settings)


def _model(name: str, short: str, kind: Any, text: str) -> Callable:
    default = getattr(Params, name)
    return option("Model", f"--{short}", name, type=kind, default=default, help=text)


MODEL_OPTIONS = [
    _model("dim", "dim", WholeNumber(), "Input dimension N."),
    _model("latent", "latent", WholeNumber(), "Latent dimension M."),
    _model("signal", "signal", WholeNumber(), "Number of signal directions M*."),
    _model("rho", "rho", Numbers(), "Signal strengths rho: one for all, or M* of them."),
    _model("eta", "eta", float, "Variance eta of the background noise."),
    _model("beta", "beta", float, "KL weight beta; with --anneal its end value."),
    _model("lam", "lam", float, "Weight decay lambda, of W and V."),
    _model("lr", "lr", float, "Learning rate tau."),
    _model("t_max", "t-max", float, "Last time, in units of N SGD steps."),
    _model("points", "points", WholeNumber(), "Number of saved times."),
    _model(
        "anneal",
        "anneal",
        str,
        "KL annealing towards --beta: constant; tanh:GAMMA for beta tanh(GAMMA t); "
        "linear:T, cosine:T or sigmoid:T from 0 to beta in a time T; cyclical:PERIOD:RATIO, in "
        "every PERIOD from 0 straight to beta within the share RATIO of it; "
        "points:T1=BETA1,T2=BETA2,... with straight lines in between (twice the same T for a "
        "jump); or file:PATH of lines t,beta.",
    ),
    _model(
        "init",
        "init",
        Start(),
        "Where learning starts: gaussian (W and V standard normal, D = 1), or all six overlaps, "
        "such as m=0.03,d=0.03,Q=1,E=1,R=0,D=1 (a number fills a diagonal), or a JSON file of full "
        "matrices under these names.",
    ),
    _model("init_seed", "init-seed", WholeNumber(), "Seed of the gaussian start."),
]
STORE_OPTIONS = [
    option(
        "Store",
        "--store",
        "store_path",
        type=Folder(path_type=Path),
        default=Path("vaedyn-store"),
        envvar="VAEDYN_STORE",
        help="Folder of results; also from VAEDYN_STORE.",
    ),
]
RECOMPUTE_OPTIONS = [
    option(
        "Store",
        "--recompute",
        is_flag=True,
        help="Compute anew, and replace what is stored.",
        show_default=False,
    ),
]
OUTPUT_OPTIONS = [
    option(
        "Output",
        "--json",
        "as_json",
        is_flag=True,
        show_default=False,
        help="Print one JSON object on stdout.",
    ),
    option("Output", "-q", "--quiet", is_flag=True, show_default=False, help="No notes on stderr."),
    option(
        "Output", "-v", "--verbose", is_flag=True, show_default=False, help="More notes on stderr."
    ),
]
SIMULATION_OPTIONS = [
    option("Numerics", "--runs", type=WholeNumber(), default=5, help="Number of runs."),
    option("Numerics", "--seed", type=WholeNumber(), default=0, help="Seed of the data."),
    option(
        "Numerics",
        "--engine",
        type=click.Choice(["exact", "vector"]),
        default="exact",
        help="vector trains weight vectors; exact draws the order parameters from the same "
        "law, at a cost per step that does not depend on N.",
    ),
    option(
        "Numerics",
        "--jobs",
        type=WholeNumber(),
        help="Number of threads.",
        show_default="all cores",
    ),
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
    """Return a decorator that adds groups of options, and applies --quiet and --verbose."""

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args: Any, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
            show_notes(quiet, verbose)
            return function(*args, **kwargs)

        for decorator in reversed([item for group in groups for item in group]):
            call = decorator(call)
        return call

    return decorate


def with_model(
    *groups: list[Callable], build: Callable = Params, without: Sequence[str] = ()
) -> Callable:
    """Return a decorator as `add` does; the model options arrive together, as `params`.

    `build` turns them into what arrives; those in `without` are not offered.
    """
    model = zip(MODEL, MODEL_OPTIONS, strict=True)
    offered = {name: item for name, item in model if name not in without}

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(**kwargs: Any) -> Any:
            params = build(**{name: kwargs.pop(name) for name in offered})
            return function(params=params, **kwargs)

        shared = (STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
        return add([*offered.values()], *groups, *shared)(call)

    return decorate
