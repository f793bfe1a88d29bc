"""Branches of fixed points: where each is, where it is stable, and what happens on it."""

from itertools import pairwise

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
        happens = [f"{e['kind']} {e['at']:.9g}" for e in result.events if e["branch"] == n]
        stable = ", ".join(_stable(x, growth, result, n)) or "nowhere"
        rows.append([name, number(x[0]), number(x[-1]), stable, ", ".join(happens)])
    columns = ["branch", f"{result.name} from", "to", "stable", "what happens"]
    return Table(columns, rows, ("stable", "what happens"))


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
    return Listing(first, [shown])
