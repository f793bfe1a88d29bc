"""`vaedyn reproduce`: every claim of the paper's abstract, as a figure and as numbers."""

import logging
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from vaedyn import __version__
from vaedyn.claims.evidence import Lab, Panel, Recipe
from vaedyn.files import whole
from vaedyn.model.command_line import command_line as command_of

from ..options import (
    JOBS,
    OUTPUT_OPTIONS,
    RECOMPUTE_OPTIONS,
    SEED,
    STORE_OPTIONS,
    Command,
    add,
    option,
)
from ..output import plain, print_json, table, without_records
from ..session import Session
from ..target import target
from ..values import Folder
from .panels import picture
from .report import report, result, shown, verdict

log = logging.getLogger("vaedyn.cli")
PAGE = "report.html"
OPTIONS = [
    option(
        "Numerics",
        "--quick",
        is_flag=True,
        help="Fewer and smaller simulations, with larger errors.",
    ),
    SEED,
    JOBS,
    option(
        "Output",
        "-o",
        "--output",
        type=Folder(path_type=Path, file_okay=False),
        default=Path("reproduce"),
        help="Folder of the report and the figures.",
    ),
]


@click.command(
    "reproduce",
    cls=Command,
    examples=["vaedyn reproduce --quick", "vaedyn reproduce -o report --json"],
)
@add(OPTIONS, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
def command(
    session: Session,
    quick: bool,
    seed: int,
    jobs: int | None,
    output: Path,
) -> None:
    """Check every claim of the paper's abstract, and write a report with a figure for each.

    A row of the table passes when the number found agrees with the one expected
    within its error; the last column says where the latter comes from. The report is
    one HTML file that needs no other; figures are also written as SVG. The exit code is 1
    when a row fails; all files are written then, too.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(
            f"cannot make the folder {str(output)!r}: {error.strerror}", param_hint="--output"
        ) from error
    target(output / PAGE, "--output")
    panels = gather(session, {"quick": quick, "seed": seed, "jobs": jobs})
    figures, page = write(session, panels, output, quick, seed)
    rows = [row for panel in panels for row in panel.rows]
    if session.as_json:
        print_json(
            {
                "command": "reproduce",
                "quick": quick,
                "seed": seed,
                "claims": [entry for panel in panels for entry in entries(panel)],
                "passed": all(row.passed for row in rows),
                "report": str(page),
                "figures": [str(path) for path in figures],
            }
        )
    else:
        cells = [[row.claim, *shown(row), result(row), row.origin] for row in rows]
        table(
            ["claim", "expected", "found", "+-", "", "expected from"],
            cells,
            left=("", "expected from"),
        )
        click.echo(f"{verdict(rows)}: {page}")
    if not all(row.passed for row in rows):
        raise click.exceptions.Exit(1)


def gather(session: Session, settings: dict[str, Any]) -> list[Panel]:
    """Return the panels of all claims, and report progress."""
    from vaedyn.claims.claims import CLAIMS

    panels = []
    for n, (name, claim) in enumerate(CLAIMS.items(), 1):
        title, began = f"{n} of {len(CLAIMS)}: {name}", perf_counter()
        with without_records(), session.progress(title) as progress:
            panels += claim(Lab(store=session.store, progress=progress, **settings))
        log.info("%s, %.1f s", title, perf_counter() - began)
    return panels


def write(
    session: Session, panels: list[Panel], output: Path, quick: bool, seed: int
) -> tuple[list[Path], Path]:
    """Write the figures and the report, and return where they are."""
    commands = [[command_line(recipe) for recipe in panel.recipes] for panel in panels]
    images, began = [], perf_counter()
    with without_records(), session.progress("figures") as progress:
        for panel, own in zip(panels, commands, strict=True):
            images.append(picture(panel, own, session.store, quick, seed))
            progress(len(images), len(panels))
    log.info("figures, %.1f s", perf_counter() - began)
    files = {
        output / f"{n}-{panel.name}.svg": svg
        for n, (panel, (svg, _)) in enumerate(zip(panels, images, strict=True), 1)
    }
    own = "vaedyn reproduce" + " --quick" * quick + f" --seed {seed}" * (seed != 0)
    page = output / PAGE
    text = report(panels, images, commands, f"Made by vaedyn {__version__}: {own}")
    for path, content in {**files, page: text.encode()}.items():
        with whole(path) as part:
            part.write_bytes(content)
    return [*files], page


def entries(panel: Panel) -> list[dict[str, Any]]:
    """Return the rows of a panel as plain data."""
    return [
        {
            "panel": panel.name,
            "claim": row.claim,
            "relation": row.relation,
            "claimed": plain(row.expected),  # its name in the first version
            "expected": plain(row.expected),
            "origin": row.origin,
            "found": plain(row.found),
            "error": plain(row.error),
            "tolerance": plain(row.tolerance),
            "basis": row.basis,
            "passed": row.passed,
        }
        for row in panel.rows
    ]


def command_line(recipe: Recipe) -> str:
    """Return the command of a recipe; options at their defaults are left out."""
    return command_of(recipe.params, recipe.command, **recipe.options)
