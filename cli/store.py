"""`vaedyn store`: stored results, their files, and the commands that make them again."""

import logging
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from vaedyn.errors import did_you_mean
from vaedyn.files import whole
from vaedyn.model.params import Params

from ..store import Record
from ..store.catalogue import Filter, parse_filter, select, unknown
from ..store.export import FORMATS
from . import upkeep
from .again import command_of
from .complete import PROPERTIES, formats, keys, named, properties
from .model_options import MODEL
from .options import (
    OUTPUT_OPTIONS,
    STORE_OPTIONS,
    Command,
    Group,
    add,
    option,
)
from .output import age, found, print_json, printable, size, table
from .session import Session
from .target import target

log = logging.getLogger("vaedyn.cli")


@click.group("store", cls=Group)
def command() -> None:
    """List, show, export, verify and remove stored results."""


command.add_command(upkeep.remove)
command.add_command(upkeep.prune)
command.add_command(upkeep.verify)


class Condition(click.ParamType):
    """A filter such as beta=1.5 or lr<0.1."""

    name = "filter"

    def convert(self, value: Any, param: Any, ctx: Any) -> Filter:
        try:
            return parse_filter(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


def summary(record: Record) -> dict[str, Any]:
    """Return what a listing shows of a record."""
    return {
        "kind": record.kind,
        "key": record.key,
        "length": record.length,
        "created": record.provenance["created"],
        "seconds": record.provenance["seconds"],
        "bytes": record.bytes,
        "path": str(record.path),
        "params": record.params,
    }


def _differences(record: Record) -> str:
    """Return the parameters that differ from the default model, and the file of data."""
    plain = {**vars(Params()), **Params().to_dict()}
    file = [str(record.info["file"])] if record.info.get("file") else []
    file += ["standardise"] if record.params.get("standardise") else []
    values = [
        f"{name}={'...' if isinstance(value, dict) else value}".replace(" ", "")
        for name, value in record.params.items()
        if plain.get(name, value) != value or name in ("engine", "seed")
    ]
    return " ".join([*file, *values])


def _mind_kinds(there: list[Record], filters: tuple[Filter, ...]) -> None:
    """Warn of a kind of which there is no result."""
    kinds = {record.kind for record in there}
    for each in filters:
        if (each.name, each.relation) == ("kind", "=") and there and each.value not in kinds:
            question = did_you_mean(str(each.value), kinds)
            log.warning("no result is of the kind %r%s", each.value, question)


@command.command(
    "list",
    cls=Command,
    examples=[
        "vaedyn store list kind=simulate 'beta>=1.5' --sort lr,-created",
        "vaedyn store list --json",
    ],
)
@click.argument(
    "filters",
    nargs=-1,
    type=Condition(),
    metavar="[FILTER]...",
    shell_complete=named((*PROPERTIES, *MODEL)),
)
@add(
    [
        option(
            "Output",
            "--sort",
            default="kind,created",
            shell_complete=properties,
            help="Properties to sort by, with commas; -NAME for falling order.",
        )
    ],
    STORE_OPTIONS,
    OUTPUT_OPTIONS,
)
def list_records(filters: tuple[Filter, ...], sort: str, session: Session) -> None:
    """List results with the parameters that differ from the defaults.

    A FILTER is a property, one of = != < <= > >=, and a value; all must hold.
    Quote < and > for the shell. Properties are the parameters and kind, key,
    length (runs), created, seconds and bytes.
    """
    there = list(session.store.records())
    try:
        lacking = unknown(there, filters, sort.split(",")) if there else []
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="FILTER") from error
    for name in lacking:
        names = {key for record in there for key in record.params}
        question = did_you_mean(name, sorted({*PROPERTIES, *names}))
        log.warning("no result has a property %r%s", name, question)
    _mind_kinds(there, filters)
    records = select(there, filters, sort.split(","))
    if session.as_json:
        listed = [summary(record) for record in records]
        print_json({"command": "store list", "store": str(session.store_path), "records": listed})
        return
    now = time.time()
    rows = [
        [
            record.kind,
            record.key[:12],
            "" if record.length is None else str(record.length),
            age(now - datetime.fromisoformat(record.provenance["created"]).timestamp()),
            size(record.bytes),
            printable(_differences(record)),
        ]
        for record in records
    ]
    table(["kind", "key", "runs", "age", "size", "parameters"], rows, left=("key", "parameters"))


@command.command(
    "show",
    cls=Command,
    examples=["vaedyn store show 3f2a91", "vaedyn store show 3f2a91 --json"],
)
@click.argument("key", shell_complete=keys)
@add(STORE_OPTIONS, OUTPUT_OPTIONS)
def show(key: str, session: Session) -> None:
    """Show one result, found by the beginning of its KEY, and the command that makes it again."""
    record = found(session.store, key)
    data = {
        **summary(record),
        "reproduce": _again(record),
        "info": record.info,
        "provenance": record.provenance,
    }
    if session.as_json:
        data["variables"] = {
            name: {"dims": list(dims), "shape": list(values.shape)}
            for name, (dims, values, _) in record.variables.items()
        }
        print_json({"command": "store show", **data})
        return
    created = datetime.fromisoformat(record.provenance["created"])
    rows = [
        ["kind", record.kind],
        ["key", record.key],
        ["path", str(record.path)],
        ["size", size(data["bytes"])],
        ["created", f"{created:%Y-%m-%d %H:%M:%S} UTC, in {record.provenance['seconds']:.3g} s"],
        *[[name, _words(record.provenance[name])]
          for name in ("machine", "versions") if name in record.provenance],
        *([["again", data["reproduce"]]] if data["reproduce"] else []),
        *[[name, str(value)] for name, value in record.params.items()],
        *[[name, _words(value)] for name, value in record.info.items()],
    ]  # fmt: skip
    for name, (dims, values, notes) in record.variables.items():
        axes = ", ".join(f"{dim} {length}" for dim, length in zip(dims, values.shape, strict=True))
        rows.append([f"{name} ({axes})", notes.get("long_name", "")])
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(printable(f"{name:<{width}}  {value}"))


def _again(record: Record) -> str | None:
    """Return the command that makes a record again, if a command has made it."""
    try:
        return command_of(record)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in value.items())
    return str(value)


@command.command("path", cls=Command, examples=["h5dump -H $(vaedyn store path 3f2a91)"])
@click.argument("key", shell_complete=keys)
@add(STORE_OPTIONS, OUTPUT_OPTIONS)
def path(key: str, session: Session) -> None:
    """Print the path of the file of one result, found by the beginning of its KEY."""
    record = found(session.store, key)
    data = {"command": "store path", "key": record.key, "path": str(record.path)}
    session.answer(data, os.fsencode(record.path))  # which need not be text


@command.command(
    "export",
    cls=Command,
    examples=["vaedyn store export 3f2a91 -o run.csv", "vaedyn store export 3f2a91 -o run.nc"],
)
@click.argument("key", shell_complete=keys)
@add(
    [
        option(
            "Output",
            "-o",
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            shell_complete=formats(*FORMATS),
            help=f"File to write, ending in {', '.join(FORMATS)}.",
            show_default="KIND-KEY.nc",
        )
    ],
    STORE_OPTIONS,
    OUTPUT_OPTIONS,
)
def export_record(key: str, output: Path | None, session: Session) -> None:
    """Write one result, found by the beginning of its KEY, as NetCDF, CSV or .npz.

    CSV is in long form: one number a line, with its variable and coordinates.
    """
    record = found(session.store, key)
    chosen = output or Path(f"{record.kind}-{record.key[:12]}.nc")
    if chosen.suffix not in FORMATS:
        raise click.BadParameter(
            f"expected a name ending in {', '.join(FORMATS)}, got {str(chosen)!r}",
            param_hint="--output",
        )
    with whole(target(chosen, "--output")) as part:
        FORMATS[chosen.suffix](record, part)
    data = {"command": "store export", "key": record.key, "output": str(chosen)}
    session.answer(data, os.fsencode(chosen))
