"""The points of a sweep for people (a table), for programs (JSON) and for spreadsheets (CSV)."""

import csv
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaedyn.files import whole
from vaedyn.listings.sweep import reasons
from vaedyn.listings.sweep import table as listed
from vaedyn.sweeps.flat import columns_of, flat
from vaedyn.sweeps.grids import shown
from vaedyn.sweeps.sweep import Sweep

from .output import plain, print_json, table

log = logging.getLogger("vaedyn.cli")
MOST_REASONS = 10  # why points have no result, on stderr


def print_points(result: Sweep) -> None:
    """Print one line a point, with a word where there is no result."""
    columns, rows, left, _ = listed(result)
    table(columns, rows, left)


def report(result: Sweep) -> None:
    """Say on stderr how many points were computed, reused and failed, and why these did."""
    found = [*reasons(result)]
    for failed, text in found[:MOST_REASONS]:
        log.log(logging.WARNING if failed else logging.INFO, "%s", text)
    if len(found) > MOST_REASONS:
        more = len(found) - MOST_REASONS
        text = f"no result at {more} more point{'s' * (more != 1)}"
        log.warning("%s: vaedyn sweep --json has the reasons", text)
    total, failed = len(result.points), result.failed
    computed = total - result.reused - failed
    text = f"computed {computed} of {total} point{'s' * (total != 1)}, reused {result.reused}"
    log.info("%s", text + (f", {failed} failed" if failed else ""))


def print_json_points(result: Sweep) -> None:
    """Print all points as one JSON object."""
    points = []
    for point, outcome in zip(result.points, result.outcomes, strict=True):
        entry: dict[str, Any] = {name: plain(value) for name, value in point.values.items()}
        if outcome.error:
            points.append({**entry, "error": outcome.error})
            continue
        final = {name: _plain(value) for name, value in (outcome.final or {}).items()}
        points.append({**entry, "key": outcome.key, "reused": outcome.reused, "final": final})
    varied = {name: plain(values) for name, values in result.varied.items()}
    head = {"command": f"sweep {result.command}", "varied": varied}
    print_json({**head, "points": points, "failed": result.failed})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return plain(value)


def csv_text(result: Sweep) -> str:
    """Return a line of column names, and a line a point; empty where there is no number."""
    rows = flat(result.points, result.outcomes)
    columns = columns_of(rows, result.varied)
    for row in rows:
        for name, value in row.items():
            if name in result.varied:
                row[name] = shown(value)
            elif isinstance(value, float) and not np.isfinite(value):
                row[name] = ""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def save_csv(text: str, path: Path) -> None:
    """Write a file all at once.

    Raises
    ------
    OutputError
        When that fails.
    """
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")
    log.info("wrote %s", path)
