"""The points of a sweep for people (a table), for programs (JSON) and for spreadsheets (CSV)."""

import csv
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaedyn.files import whole
from vaedyn.sweeps.grids import Point, described, shown
from vaedyn.sweeps.points import SUMMED_UP, Outcome
from vaedyn.sweeps.sweep import Sweep

from .output import number, plain, print_json, table

log = logging.getLogger("vaedyn.cli")
MOST_REASONS = 10  # why points have no result, on stderr
COLUMNS = {"eps_g": "eps_g", "kl": "kl", "active": "active"}  # of the table: {quantity: heading}
FIXED_POINT_COLUMNS = {
    **COLUMNS,
    "max_eigenvalue": "max eigenvalue",
    "relaxation_time": "time",
    "type": "fixed point",
}
CONVERGENCE_COLUMNS = {"t_converge": "converges at", "eps_g": "eps_g"}
SPECIAL = {"fixedpoints": FIXED_POINT_COLUMNS, "convergence": CONVERGENCE_COLUMNS}


def print_points(result: Sweep) -> None:
    """Print one line a point, with a word where there is no result."""
    columns = SPECIAL.get(result.command, COLUMNS)
    spread = result.command == "simulate"
    headings = [word for text in columns.values() for word in ([text, "std"] if spread else [text])]
    rows = []
    for point, outcome in zip(result.points, result.outcomes, strict=True):
        cells = [shown(value) for value in point.values.values()]
        for name in columns:
            value = (outcome.final or {}).get(name, {})
            parts = [value.get("mean"), value.get("std")] if isinstance(value, Mapping) else [value]
            cells += map(_cell, parts if spread else parts[:1])
        rows.append([*cells, _remark(outcome)])
    headings = [*result.varied, *headings, ""]
    if not any(row[-1] for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    table(headings, rows, left=("fixed point", ""))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else number(float(value))


def _remark(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    return "not known" if (outcome.final or {}).get("lost") else ""


def report(result: Sweep) -> None:
    """Say on stderr how many points were computed, reused and failed, and why these did."""
    reasons = []
    for point, outcome in zip(result.points, result.outcomes, strict=True):
        lost = (outcome.final or {}).get("lost")
        if outcome.error:
            reasons.append((logging.WARNING, f"no result at {_at(point)}: {outcome.error}"))
        elif lost:
            reasons.append((logging.INFO, f"not known at {_at(point)}: {lost}"))
    for level, text in reasons[:MOST_REASONS]:
        log.log(level, "%s", text)
    if len(reasons) > MOST_REASONS:
        more = len(reasons) - MOST_REASONS
        text = f"no result at {more} more point{'s' * (more != 1)}"
        log.warning("%s: vaedyn sweep --json has the reasons", text)
    total, failed = len(result.points), result.failed
    computed = total - result.reused - failed
    text = f"computed {computed} of {total} point{'s' * (total != 1)}, reused {result.reused}"
    log.info("%s", text + (f", {failed} failed" if failed else ""))


def _at(point: Point) -> str:
    return described(point.values)


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
    rows = []
    for point, outcome in zip(result.points, result.outcomes, strict=True):
        row = {name: shown(value) for name, value in point.values.items()}
        row |= {"key": outcome.key or ""}
        for name, value in (outcome.final or {}).items():
            row |= _scalars(name, value)
        rows.append({**row, "error": outcome.error})
    text = io.StringIO()
    least = dict.fromkeys([*result.varied, "key", "error"])  # where there are no rows
    writer = csv.DictWriter(text, _columns([*rows, least]), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _scalars(name: str, value: Any) -> dict[str, Any]:
    """Return one quantity as columns: matrices by their entries, counted from 1."""
    if isinstance(value, Mapping):
        parts = [_scalars(name, value[part]) for part in ("mean", "std")]
        mean, std = ({f"{key}_{part}": x for key, x in columns.items()}
                     for part, columns in zip(("mean", "std"), parts, strict=True))  # fmt: skip
        return {key: x for pair in zip(mean.items(), std.items(), strict=True) for key, x in pair}
    if isinstance(value, (str, bool)):
        return {name: value}
    array = np.asarray(value)
    places = ["".join(f"_{i + 1}" for i in place) for place in np.ndindex(array.shape)]
    numbers = [x if np.isfinite(x) else "" for x in array.ravel().tolist()]
    return {f"{name}{place}": x for place, x in zip(places, numbers, strict=True)}


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names that any row has: as in the longest, where others differ by size."""
    names = dict.fromkeys(name for row in sorted(rows, key=len, reverse=True) for name in row)
    order = {quantity: i for i, quantity in enumerate(SUMMED_UP)}

    def place(name: str) -> tuple:
        words = name.split("_")
        while words and (words[-1].isdigit() or words[-1] in ("mean", "std")):
            words.pop()
        indices = tuple(int(word) for word in name.split("_") if word.isdigit())
        return (order.get("_".join(words), -1), indices)

    matrices = sorted((name for name in names if place(name)[0] >= 0), key=place)
    rest = [name for name in names if place(name)[0] < 0 and name != "error"]
    return [*rest, *matrices, "error"]


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
