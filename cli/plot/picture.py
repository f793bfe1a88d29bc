"""What all figures share: their options, the name of the file, and how it is written."""

import functools
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from vaedyn.model.params import Params
from vaedyn.model.results import OrderParameters

from ..complete import formats
from ..options import option
from ..output import source_of
from ..session import Session
from ..target import target

log = logging.getLogger("vaedyn.cli")
FORMATS = (".pdf", ".svg", ".eps", ".png")
LONGEST = 200  # characters of a name that is made here; file systems take 255 bytes
SHORT = 60  # characters of one value in it
COLUMNS = {"one": 3.3, "two": 6.75}  # inches
LOOK = ("width", "no_caption", "title", "x_lim", "y_lim")


class Width(click.ParamType):
    """Columns of a journal, or inches."""

    name = "width"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "one|two|INCHES"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            return COLUMNS[value] if value in COLUMNS else float(value)
        except ValueError:
            return self.fail(f"expected one, two or a number of inches, got {value!r}", param, ctx)


class Limits(click.ParamType):
    """A:B, A: or :B."""

    name = "limits"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "A:B"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float | None, float | None]:
        if isinstance(value, tuple):
            return value
        try:
            low, high = (float(end) if end.strip() else None for end in value.split(":"))
        except ValueError:
            return self.fail(f"expected A:B, A: or :B in numbers, got {value!r}", param, ctx)
        if low is None and high is None:
            self.fail(f"expected A:B, A: or :B in numbers, got {value!r}", param, ctx)
        return low, high


def _with_look(function: Callable) -> Callable:
    """Hand what can be chosen of every figure over as one argument, `look`."""

    @functools.wraps(function)
    def call(**options: Any) -> Any:
        from vaedyn.figures.layout import OPEN, Look

        width, no_caption, title, x_lim, y_lim = (options.pop(name) for name in LOOK)
        look = Look(width, not no_caption, title, x_lim or OPEN, y_lim or OPEN)
        return function(look=look, **options)

    return call


PICTURE = [
    option(
        "Output",
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        shell_complete=formats(*FORMATS),
        help="Name of the figure: .pdf, .svg, .eps or .png.",
        show_default="a name made of the model, .pdf",
    ),
    option(
        "Output",
        "--width",
        type=Width(),
        default=None,
        help="Width of the figure: one or two columns (3.3 or 6.75 inches), or inches.",
        show_default="as the figure is made for",
    ),
    option(
        "Output",
        "--title",
        default="",
        help="Title above the figure; formulas stand between two $.",
        show_default="none",
    ),
    option(
        "Output",
        "--no-caption",
        is_flag=True,
        help="No constants of the model above the figure.",
    ),
    option(
        "Output",
        "--x-lim",
        type=Limits(),
        default=None,
        help="Ends of the x axis; of several panels those that have the first one's axis.",
        show_default="fitted to the data",
    ),
    option(
        "Output",
        "--y-lim",
        type=Limits(),
        default=None,
        help="Ends of the y axis, likewise; A: or :B leaves the other end free.",
        show_default="fitted to the data",
    ),
    _with_look,
]

X_SCALE = option(
    "Output", "--x-scale", type=click.Choice(["linear", "log"]), default="linear", help="Time axis."
)


def default_name(figure: str, params: Params, options: dict[str, Any]) -> Path:
    """Return a file name made of `figure` and all that differs from the defaults."""
    context = click.get_current_context()
    chosen = {**params.to_dict(), **options}
    chosen |= {name: context.params[name] for name in LOOK if context.params.get(name)}
    usual = {option.name: option.default for option in context.command.params}
    usual = {**usual, **Params().to_dict()}
    parts = [figure]
    for name, value in chosen.items():
        if name in usual and value != usual[name]:
            if isinstance(value, dict) or (name == "noise" and len(value) > SHORT):
                value = sha256(json.dumps(value).encode()).hexdigest()[:8]
            name = name.replace("_", "-")
            parts.append(f"{name}-{short(value)}".replace(":", "-").replace("/", "-"))
    whole = "_".join(parts)
    if len(whole) > LONGEST:
        whole = f"{whole[:LONGEST]}_{sha256(whole.encode()).hexdigest()[:8]}"
    return Path(f"{whole}.pdf")


def short(value: object) -> str:
    """Return a value as it stands in the name of a file."""
    if isinstance(value, (list, tuple)):
        return "-".join("" if x is None else f"{x:g}" for x in value)
    text = f"{value:.12g}" if isinstance(value, float) else str(value)
    return re.sub(r"[^\w.:+-]+", "-", text)[:SHORT]


def output_path(figure: str, output: Path | None, params: Params, options: dict[str, Any]) -> Path:
    """Return where to write a figure, after checking that one can."""
    return checked(output or default_name(figure, params, options))


def checked(chosen: Path) -> Path:
    """Return the name of a figure, after checking that one can be written there."""
    if chosen.suffix.lower() not in FORMATS:
        raise click.BadParameter(
            f"expected a name ending in .pdf, .svg, .eps or .png, got {str(chosen)!r}",
            param_hint="--output",
        )
    return target(chosen, "--output")


def write(
    session: Session,
    name: str,
    figure: Any,
    output: Path,
    results: Sequence[tuple[str, OrderParameters]],
    **numbers: Any,
) -> None:
    """Save a figure with the keys of the records in it, and print where it is.

    `numbers` are further entries of the JSON object.
    """
    from vaedyn.figures.style import save

    say_if_empty(figure)
    records = [{"kind": kind, **asdict(source_of(result))} for kind, result in results]
    save(figure, output, keywords=[f"{record['kind']} {record['key']}" for record in records])
    data = {"command": f"plot {name}", "output": str(output), **numbers, "records": records}
    session.answer(data, output)


def say_if_empty(figure: Any) -> None:
    """Warn if --x-lim or --y-lim leave nothing in sight in the first panel."""
    look = click.get_current_context().params
    given = [name for name in ("x_lim", "y_lim") if look.get(name)]
    if given and not in_sight(figure.axes[0]):
        log.warning("nothing is drawn within --%s", " and --".join(given).replace("_", "-"))


def in_sight(axes: Any) -> bool:
    """Return whether a line or a map of a panel is within its limits, at least in part."""
    shapes = [each for each in (*axes.lines, *axes.collections) if each.get_visible()]
    boxes = [each.get_tightbbox() for each in shapes]
    return any(
        box is not None and box.width + box.height > 0 and axes.bbox.overlaps(box) for box in boxes
    )
