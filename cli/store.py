"""`vaedyn store`: what is there."""

from pathlib import Path

import click

from vaedyn.params import Params

from ..store import Record, ResultStore
from .options import OUTPUT_OPTIONS, STORE_OPTIONS, Command, add
from .output import print_json, table


@click.group("store")
def command() -> None:
    """List and show stored results."""


def summary(record: Record) -> dict:
    """Return what a listing tells of a record."""
    return {
        "kind": record.kind,
        "key": record.key,
        "length": record.length,
        "created": record.provenance["created"],
        "seconds": record.provenance["seconds"],
        "bytes": record.path.stat().st_size,
        "path": str(record.path),
        "params": record.params,
    }


def _differences(record: Record) -> str:
    """Return the parameters that differ from the default model."""
    plain = Params().to_dict()
    return " ".join(
        f"{name}={'...' if isinstance(value, dict) else value}".replace(" ", "")
        for name, value in record.params.items()
        if plain.get(name, value) != value or name in ("engine", "seed")
    )


@command.command("list", cls=Command, examples=["vaedyn store list", "vaedyn store list --json"])
@add(STORE_OPTIONS, OUTPUT_OPTIONS)
def list_records(store_path: Path, as_json: bool) -> None:
    """List all results, with the parameters that differ from the defaults."""
    records = list(ResultStore(store_path).records())
    found = [summary(record) for record in records]
    if as_json:
        print_json({"command": "store list", "store": str(store_path), "records": found})
        return
    rows = [
        [
            item["kind"],
            item["key"][:12],
            "" if item["length"] is None else str(item["length"]),
            item["created"][:19].replace("T", " "),
            f"{item['bytes'] / 1000:.0f} kB",
            _differences(record),
        ]
        for item, record in zip(found, records, strict=True)
    ]
    table(["kind", "key", "runs", "created (UTC)", "size", "parameters"], rows)


@command.command(
    "show", cls=Command, examples=["vaedyn store show 3f2a", "vaedyn store show 3f2a --json"]
)
@click.argument("key")
@add(STORE_OPTIONS, OUTPUT_OPTIONS)
def show(key: str, store_path: Path, as_json: bool) -> None:
    """Show one result, found by the beginning of its KEY."""
    try:
        record = ResultStore(store_path).find(key)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="KEY") from error
    arrays = {
        name: {"dims": list(dims), "shape": list(values.shape)}
        for name, (dims, values, _) in record.variables.items()
    }
    data = {**summary(record), "info": record.info, "provenance": record.provenance}
    if as_json:
        print_json({"command": "store show", **data, "variables": arrays})
        return
    rows = [[name, str(data[name])] for name in ("kind", "key", "path", "bytes")]
    rows += [[f"params.{name}", str(value)] for name, value in record.params.items()]
    rows += [[name, str(value)] for name, value in record.provenance.items()]
    rows += [[name, str(value)] for name, value in record.info.items()]
    for name, (dims, values, notes) in record.variables.items():
        axes = ", ".join(f"{dim} {size}" for dim, size in zip(dims, values.shape, strict=True))
        rows.append([f"variable {name}", f"({axes}) {notes.get('long_name', '')}"])
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")
