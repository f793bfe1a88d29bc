"""Results for people and for machines, on stdout; progress on stderr."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from vaedyn.initial import NAMES
from vaedyn.results import OrderParameters, Source

from .main import Notes

OBSERVABLES = ("eps_g", "eps_g_rotation", "kl", "kl_per_latent", "distortion")
REDUNDANT = ("eps_g_rotation", "kl_per_latent")  # the same as another when there is one latent


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


def table(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table on stdout, numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for i, name in enumerate(columns):
        grid.add_column(name, justify="left" if i == 0 else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    console.print(grid)


def state_rows(
    result: OrderParameters, columns: Callable[[np.ndarray], list[np.ndarray]]
) -> list[list[str]]:
    """Return labelled rows of observables and order parameters.

    `columns` turns an array with leading axes into arrays without, one a
    column. Large matrices are left to --json.
    """
    rows = []
    for name in (*OBSERVABLES, *NAMES):
        arrays = columns(getattr(result, name))
        if arrays[0].ndim == 2 and arrays[0].size > 4:
            continue
        if name in REDUNDANT and result.params.latent == 1:
            continue
        for place in np.ndindex(arrays[0].shape):
            index = f"[{','.join(map(str, place))}]" if arrays[0].size > 1 else ""
            rows.append([name + index, *(number(float(array[place])) for array in arrays)])
    return rows


def number(value: float) -> str:
    """Return `value` with six digits."""
    return f"{value:.6g}" if np.isfinite(value) else "-"


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[Callable[[float, float], None] | None]:
    """Yield a function of what is done and the total that keeps a bar on stderr.

    The bar appears after a second; where stderr is no terminal there is none.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(title, rate="")
    began = time.perf_counter()

    def update(done: float, total: float) -> None:
        elapsed = time.perf_counter() - began
        if elapsed > 1 and done < total:
            bar.start()
        rate = f"{done / elapsed:.3g} {unit}/s" if unit and elapsed > 0 else ""
        bar.update(task, completed=done, total=total, rate=rate)

    Notes.above = lambda text: bar.console.print(text, markup=False, highlight=False)
    try:
        yield update
    finally:
        bar.stop()
        Notes.above = None
