"""Branches of fixed points: where each is, where it is stable, and what happens on it."""

from itertools import pairwise
from typing import Any

import numpy as np

from ..fixedpoints.branches import Branches
from .listing import Listing, Table, number

MOST_ROWS = 40  # of a notebook


def table(result: Branches) -> Table:
    """Return one row a branch, with its events."""
    rows = []
    for n, name in enumerate(result.types):
        chosen = result.branch == n
        x, growth = result.varied[chosen], result.growth[chosen]
        happens = [_named(event) for event in result.events if event["branch"] == n]
        stable = ", ".join(_stable(x, growth, result, n)) or "nowhere"
        rows.append([name, number(x[0]), number(x[-1]), stable, ", ".join(happens)])
    columns = ["branch", f"{result.name} from", "to", "stable", "what happens"]
    return Table(columns, rows, ("stable", "what happens"))


def _named(event: dict[str, Any]) -> str:
    """Return an event in words; branches that end do so at the end of their range."""
    return f"{event.get('bifurcation') or event['kind']} {event['at']:.9g}"


def bifurcations(result: Branches) -> Table:
    """Return one row a bifurcation, with the branches that meet there."""
    rows = []
    for each in result.bifurcations:
        meeting = "; ".join(dict.fromkeys(result.types[n] for n in each["branches"]))
        coefficient, frequency = (
            "-" if each[name] is None else f"{each[name]:.4g}"
            for name in ("coefficient", "frequency")
        )
        kind = each["bifurcation"]
        if (each["multiplicity"] or 1) > 1:
            kind += f" ({each['multiplicity']} at once)"
        rows.append([kind, f"{each['at']:.9g}", each["side"] or "-", coefficient, frequency,
                     meeting])  # fmt: skip
    columns = ["bifurcation", result.name, "side", "coefficient", "frequency", "branches"]
    return Table(columns, rows[:MOST_ROWS], ("side", "branches"), max(len(rows) - MOST_ROWS, 0))


def _stable(x: np.ndarray, growth: np.ndarray, result: Branches, n: int) -> list[str]:
    """Return the intervals in which a branch is stable, in words."""
    changes = [e["at"] for e in result.events if e["branch"] == n and e["kind"] == "stability"]
    edges = [x[0], *changes, x[-1]]
    found = []
    for low, high in pairwise(edges):
        inside = (x > low) & (x < high)
        if inside.any() and np.median(growth[inside]) < 0:
            found.append(f"{low:.6g} to {high:.6g}")
    return found


def listing(result: Branches) -> Listing:
    """Return what is shown of branches, the attracting ones first."""
    columns, rows, left, _ = table(result)
    stable = sum(cells[3] != "nowhere" for cells in rows)
    low, high = (number(x) for x in (result.varied.min(), result.varied.max()))
    many = f"{len(rows)} branch{'es' * (len(rows) != 1)} of fixed points"
    first = f"{many} over {result.name} from {low} to {high}, {stable} of them stable somewhere"
    shown = Table(columns, rows[:MOST_ROWS], left, max(len(rows) - MOST_ROWS, 0))
    happens = bifurcations(result)
    return Listing(first, [shown, happens] if happens.rows else [shown])
