"""Results for people and for machines, on stdout; progress on stderr."""

import json
import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, ClassVar

import click
import numpy as np

from vaedyn.listings.listing import number as number
from vaedyn.listings.listing import state_rows as state_rows
from vaedyn.listings.listing import with_error as with_error
from vaedyn.model.progress import in_terminal
from vaedyn.model.records import Source
from vaedyn.model.results import OrderParameters

from ..store import Record, ResultStore
from .main import Notes
from .streams import rule

log = logging.getLogger("vaedyn.cli")
clock = time.monotonic  # of progress, in seconds
EVERY = 60.0  # seconds between lines of progress where there is no terminal


def plain(value: Any) -> Any:
    """Return arrays as nested lists and what is not finite as None."""
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def print_json(data: dict[str, Any]) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(data, allow_nan=False, indent=2))


def provenance(result: OrderParameters, command: str) -> dict[str, Any]:
    """Return the entries that every computing command's JSON starts with."""
    return {"command": command, **asdict(source_of(result))}


def source_of(result: OrderParameters) -> Source:
    """Return the record behind a result that came through a store."""
    assert result.source is not None
    return result.source


def found(store: ResultStore, key: str, *, arrays: bool = True) -> Record:
    """Return the record whose key starts with `key`.

    Raises
    ------
    click.BadParameter
        When there is none, or more than one.
    """
    try:
        return store.find(key) if arrays else store.find_label(key)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="KEY") from error


def located(store: ResultStore, key: str) -> list[Path]:
    """Return the files of the record whose key starts with `key`, readable or not.

    Raises
    ------
    click.BadParameter
        When there is none, or more than one.
    """
    try:
        return store.locate(key)
    except KeyError as error:
        raise click.BadParameter(str(error.args[0]), param_hint="KEY") from error


def printable(text: object) -> str:
    """Return a text, such as a path, in which bytes that are no text show as such."""
    return str(text).encode(errors="backslashreplace").decode()


def size(count: int) -> str:
    """Return a number of bytes in human units."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}"


def duration(seconds: float) -> str:
    """Return about how long something takes, in human units."""
    units = ((99.5, 1, "s"), (99.5, 60, "min"), (48, 3600, "h"), (float("inf"), 86400, "d"))
    length, unit = next((each, name) for most, each, name in units if seconds < most * each)
    return f"{seconds / length:.{2 if length < 3600 else 3}g} {unit}"


def age(seconds: float) -> str:
    """Return a length of time in human units, rounded down."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


def table(columns: list[str], rows: list[list[str]], left: Sequence[str] = ()) -> None:
    """Print a table on stdout; the first column and those in `left` start at the left."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    starts = [i == 0 or name in left for i, name in enumerate(columns)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if start else cell.rjust(width)
            for cell, width, start in zip(cells, widths, starts, strict=True)
        )
        return "   ".join(padded).rstrip()

    below = rule(sum(widths) + 3 * (len(widths) - 1))
    click.echo("\n".join([line(columns), below, *map(line, rows)]))


@contextmanager
def without_records() -> Iterator[None]:
    """Keep quiet about single records inside, of which there are many."""
    store = logging.getLogger("vaedyn.store")
    before = store.level
    store.setLevel(logging.WARNING)
    try:
        yield
    finally:
        store.setLevel(before)


class Lines:
    """Reports progress on stderr, once a minute, and how long the rest will take."""

    shown: ClassVar[list["Lines"]] = []
    """Those in use; the last, innermost one speaks."""

    def __init__(self, title: str, unit: str):
        self._title, self._unit = title, unit
        self._began = clock()
        self.told = Lines.shown[-1].told if Lines.shown else self._began
        self._done = self._total = 0.0
        self._marks = deque([(self._began, 0.0)])
        self._lock = Lock()

    def update(self, done: float, total: float) -> None:
        """Note progress, and report it if a minute has passed."""
        now = clock()
        with self._lock:
            if done < self._done or total != self._total:  # something else begins
                self._marks = deque([(now if self._total else self._began, 0.0)])
            self._done, self._total = done, total
            if now >= self._marks[-1][0] + 1:
                self._marks.append((now, done))
            # the pace is that of the last half: what was there already has taken no time
            while len(self._marks) > 2 and self._marks[1][0] <= (self._began + now) / 2:
                self._marks.popleft()
        self.tell()

    def tell(self) -> None:
        """Report progress if a minute has passed since the last report."""
        now = clock()
        with self._lock:
            due = now - self.told >= EVERY
            text = self._text(now) if due else ""
            self.told = now if due else self.told
        if text:
            log.info("%s", text)

    def _text(self, now: float) -> str:
        parts = [f"{duration(now - self._began)} so far"]
        if self._total:
            count = f" ({self._done:.6g} of {self._total:.6g} {self._unit})" if self._unit else ""
            parts.insert(0, f"{100 * self._done / self._total:.0f} %{count}")
        since, before = self._marks[0]
        if before < self._done < self._total:
            rest = (now - since) * (self._total - self._done) / (self._done - before)
            parts.append(f"about {duration(rest)} left")
        return f"{self._title}: {', '.join(parts)}"


@contextmanager
def spoken(title: str, unit: str = "") -> Iterator[Callable[[float, float], None]]:
    """Yield a function of the steps done and in total; report it once a minute on stderr.

    The report appears also while nobody calls the function.
    """
    lines, above = Lines(title, unit), Lines.shown[-1:]
    over = Event()

    def watch() -> None:
        while not over.wait(EVERY / 10):
            Lines.shown[-1].tell()

    watcher = Thread(target=watch, daemon=True)
    Lines.shown.append(lines)
    if not above:
        watcher.start()
    try:
        yield lines.update
    finally:
        if not above:
            over.set()
            watcher.join()
        Lines.shown.remove(lines)
        for outer in above:
            outer.told = lines.told


def watched() -> bool:
    """Return whether stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Callable[[float, float], None]]:
    """Yield a function of the steps done and in total that keeps a bar on stderr.

    The bar appears after a second; where stderr is no terminal, a line a minute says the same.
    """
    if not watched():
        with spoken(title, unit) as say:
            yield say
        return

    def heard(above: Callable[[str], None] | None) -> None:
        Notes.above = above

    with in_terminal(title, unit, heard) as show:
        yield show
