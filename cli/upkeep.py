"""`vaedyn store rm`, `prune` and `verify`."""

import logging
import re
import sys
from pathlib import Path
from typing import Any

import click

from ..store import upkeep as store_upkeep
from .complete import keys as complete_keys
from .options import OUTPUT_OPTIONS, STORE_OPTIONS, Command, add, option
from .output import located, printable, size
from .session import Session

log = logging.getLogger("vaedyn.cli")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Span(click.ParamType):
    """A length of time such as 12h or 30d."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        form = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", value)
        if not form:
            return self.fail(f"expected a time such as 12h, 30d or 4w, got {value!r}", param, ctx)
        return float(form[1]) * UNITS[form[2]]


YES = option("Store", "--yes", is_flag=True, help="Do not ask.")


def _agreed(paths: list[Path], yes: bool) -> None:
    """List the files to remove, and ask."""
    for path in paths:
        click.echo(f"{_size(path):>8}  {printable(path)}", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask on: give --yes to remove these files")
    click.confirm(f"remove {len(paths)} file{'s' * (len(paths) != 1)}?", abort=True, err=True)


def _size(path: Path) -> str:
    try:
        return size(path.lstat().st_size)
    except FileNotFoundError:
        return "gone"


def _remove(session: Session, name: str, paths: list[Path], yes: bool) -> None:
    left = []
    if paths:
        _agreed(paths, yes)
        left = store_upkeep.remove(paths)
    for finding in left:
        log.warning("%s", printable(finding.problem))
    gone = [str(path) for path in paths if path not in {finding.path for finding in left}]
    data = {"command": f"store {name}", "removed": gone}
    session.answer(data, f"removed {len(gone)} file{'s' * (len(gone) != 1)}")
    if left:
        raise click.exceptions.Exit(1)


@click.command("rm", cls=Command, examples=["vaedyn store rm 3f2a91", "vaedyn store rm 3f --yes"])
@click.argument("keys", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
@add([YES], STORE_OPTIONS, OUTPUT_OPTIONS)
def remove(keys: tuple[str, ...], yes: bool, session: Session) -> None:
    """Remove results, each found by the beginning of its KEY or of its file's name.

    They need not be readable.
    """
    paths = {path for key in keys for path in located(session.store, key)}
    _remove(session, "rm", sorted(paths), yes)


@click.command(
    "prune",
    cls=Command,
    examples=["vaedyn store prune --older-than 30d", "vaedyn store prune --damaged --yes"],
)
@add(
    [
        option("Store", "--older-than", type=Span(), help="Also results older than, say, 30d."),
        option("Store", "--damaged", is_flag=True, help="Also files set aside as damaged."),
        option("Store", "--other-schemas", is_flag=True, help="Also results of other versions."),
        YES,
    ],
    STORE_OPTIONS,
    OUTPUT_OPTIONS,
)
def prune(
    session: Session,
    older_than: float | None,
    damaged: bool,
    other_schemas: bool,
    yes: bool,
) -> None:
    """Remove leftovers of killed writers, shorter copies of a result, and more if asked."""
    paths = store_upkeep.unwanted(
        session.store,
        older_than=older_than,
        damaged=damaged,
        other_schemas=other_schemas,
    )
    _remove(session, "prune", paths, yes)


@click.command("verify", cls=Command, examples=["vaedyn store verify", "vaedyn store verify -q"])
@add(STORE_OPTIONS, OUTPUT_OPTIONS)
def verify(session: Session) -> None:
    """Read every result whole and compare it with its checksum; exit 1 if one is damaged."""
    store = session.store
    total = len(store.files())
    checked, problems = 0, []
    with session.progress("verify", "files") as progress:
        for checked, finding in enumerate(store_upkeep.verify(store), start=1):
            if finding.problem:
                problems.append(finding)
            progress(checked, total)
    bad = [{"path": str(f.path), "problem": f.problem} for f in problems]
    data = {"command": "store verify", "checked": checked, "problems": bad}
    said = [printable(finding.problem) for finding in problems]
    good = f"{checked - len(problems)} of {checked}"
    session.answer(data, *said, f"{good} {'file is' if checked == 1 else 'files are'} good")
    if problems:
        raise click.exceptions.Exit(1)
