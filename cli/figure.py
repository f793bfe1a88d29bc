"""What all figures share: the name of the file, and how it is written."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from vaedyn.params import Params
from vaedyn.results import OrderParameters

from .options import option
from .output import print_json, source_of
from .target import target

FORMATS = (".pdf", ".svg", ".png")
LONGEST = 200  # characters of a name that is made here; file systems take 255 bytes
OUTPUT = option(
    "Output",
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Name of the figure: .pdf, .svg or .png.",
    show_default="a name made of the model, .pdf",
)

X_SCALE = option(
    "Output", "--x-scale", type=click.Choice(["linear", "log"]), default="linear", help="Time axis."
)


def default_name(figure: str, params: Params, options: dict[str, Any]) -> Path:
    """Return a file name that tells `figure` and all that differs from the defaults."""
    chosen = {**params.to_dict(), **options}
    context = click.get_current_context()
    usual = {option.name: option.default for option in context.command.params}
    usual = {**usual, **Params().to_dict()}
    parts = [figure]
    for name, value in chosen.items():
        if name in usual and value != usual[name]:
            if isinstance(value, dict):
                value = sha256(json.dumps(value).encode()).hexdigest()[:8]
            text = "-".join(f"{x:g}" for x in value) if isinstance(value, list) else _short(value)
            parts.append(f"{name.replace('_', '-')}-{text}".replace(":", "-").replace("/", "-"))
    whole = "_".join(parts)
    if len(whole) > LONGEST:
        whole = f"{whole[:LONGEST]}_{sha256(whole.encode()).hexdigest()[:8]}"
    return Path(f"{whole}.pdf")


def _short(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def output_path(figure: str, output: Path | None, params: Params, options: dict[str, Any]) -> Path:
    """Return where to write a figure, after checking that one can."""
    return checked(output or default_name(figure, params, options))


def checked(chosen: Path) -> Path:
    """Return the name of a figure, after checking that one can be written there."""
    if chosen.suffix.lower() not in FORMATS:
        raise click.BadParameter(
            f"expected a name ending in .pdf, .svg or .png, got {str(chosen)!r}",
            param_hint="--output",
        )
    return target(chosen, "--output")


def write(
    name: str,
    figure: Any,
    output: Path,
    results: Sequence[tuple[str, OrderParameters]],
    as_json: bool,
    **numbers: Any,
) -> None:
    """Save a figure with the keys of the records in it, and tell where it is.

    `numbers` are further entries of the JSON object.
    """
    from vaedyn.style import save

    records = [{"kind": kind, **asdict(source_of(result))} for kind, result in results]
    save(figure, output, keywords=[f"{record['kind']} {record['key']}" for record in records])
    if as_json:
        data = {"command": f"plot {name}", "output": str(output), **numbers, "records": records}
        print_json(data)
    else:
        click.echo(output)
