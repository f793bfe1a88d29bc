"""The points of a sweep, one a row."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..sweeps.grids import described, shown
from ..sweeps.points import Outcome
from ..sweeps.sweep import Sweep
from .listing import Listing, Table, number

MOST_ROWS = 100  # of a notebook
COLUMNS = {"eps_g": "eps_g", "kl": "kl", "active": "active"}  # of the table: {quantity: heading}
FIXED_POINT_COLUMNS = {
    **COLUMNS,
    "max_eigenvalue": "max eigenvalue",
    "relaxation_time": "time",
    "type": "fixed point",
}
CONVERGENCE_COLUMNS = {"t_converge": "converges at", "eps_g": "eps_g"}
SPECIAL = {"fixedpoints": FIXED_POINT_COLUMNS, "convergence": CONVERGENCE_COLUMNS}


def table(result: Sweep) -> Table:
    """Return one row a point, with a word where there is no result."""
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
    return Table(headings, rows, ("fixed point", ""))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else number(float(value))


def _remark(outcome: Outcome) -> str:
    if outcome.error:
        return "failed"
    return "not known" if (outcome.final or {}).get("lost") else ""


def reasons(result: Sweep) -> Iterator[tuple[bool, str]]:
    """Yield of each point without a result whether it failed, and why there is none."""
    for point, outcome in zip(result.points, result.outcomes, strict=True):
        lost = (outcome.final or {}).get("lost")
        if outcome.error:
            yield True, f"no result at {described(point.values)}: {outcome.error}"
        elif lost:
            yield False, f"not known at {described(point.values)}: {lost}"


def listing(result: Sweep) -> Listing:
    """Return what is shown of a sweep."""
    columns, rows, left, _ = table(result)
    count = len(rows)
    first = f"{result.command} at {count} point{'s' * (count != 1)} of {', '.join(result.varied)}"
    if result.failed:
        first += f", {result.failed} without a result"
    shown = Table(columns, rows[:MOST_ROWS], left, max(count - MOST_ROWS, 0))
    return Listing(first, [shown], warnings=[text for _, text in reasons(result)])
