"""Words that the shell offers at the tabulator key; never an error."""

import functools
import os
from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from vaedyn.model.schedules import KINDS
from vaedyn.model.start import DRAWN
from vaedyn.sweeps.grids import MODEL

from ..store.record import NAME

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
SHOWN = 12  # digits of a key
PROPERTIES = ("kind", "key", "length", "created", "seconds", "bytes")
"""Of records besides their parameters, see `vaedyn.store.catalogue`."""


def silent(complete: Completion) -> Completion:
    """Return a function that offers nothing where `complete` fails."""

    @functools.wraps(complete)
    def call(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return complete(ctx, param, incomplete)
        except Exception:  # a message would land in the middle of the line that is typed
            return []

    return call


def starting(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Return the words that begin so."""
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def words(known: Iterable[str]) -> Completion:
    """Return a function that completes one of the words that are known."""

    @silent
    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return starting(known, incomplete)

    return complete


def named(names: Iterable[str]) -> Completion:
    """Return a function that completes the name in NAME=VALUES."""

    return words([f"{name}=" for name in names])


@silent
def files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


@silent
def schedules(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the kind of a schedule; of those that take numbers, up to the colon."""
    kind, colon, name = incomplete.partition(":")
    if kind == "file" and colon:
        return [CompletionItem(name, type="file")]
    forms = {name: form.partition(":") for name, (form, _) in KINDS.items()}
    return starting((name + colon for name, (_, colon, _) in forms.items()), incomplete)


@silent
def starts(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a start, which may be a file."""
    forms = starting((*DRAWN, "m="), incomplete)
    return [*forms, CompletionItem(incomplete, type="file")]


@silent
def keys(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the key of a stored result, read off the names of files."""
    with os.scandir(ctx.params["store_path"]) as entries:
        found = [NAME.fullmatch(entry.name) for entry in entries]
    kinds = {name["key"]: name["kind"] for name in found if name}
    short = len(incomplete) <= SHOWN
    return [
        CompletionItem(key[:SHOWN] if short else key, help=kind)
        for key, kind in sorted(kinds.items())
        if key.startswith(incomplete)
    ]


@silent
def properties(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the last of the names by which results are sorted, with commas between."""
    before, comma, last = incomplete.rpartition(",")
    sign = "-" * last.startswith("-")
    names = (f"{before}{comma}{sign}{name}" for name in (*PROPERTIES, *MODEL))
    return starting(names, incomplete)


def formats(*suffixes: str) -> Completion:
    """Return a function that completes a name by the formats that can be written."""

    @silent
    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        stem = incomplete.rpartition(".")[0] or incomplete
        known = [] if incomplete.endswith(("/", os.sep)) else [stem + end for end in suffixes]
        offered = starting(known, incomplete) if incomplete else []
        return [*offered, CompletionItem(incomplete, type="file")]

    return complete
