"""Bifurcation curves: where each attracting part goes from and to, and what is on it."""

from typing import Any

import numpy as np

from ..fixedpoints.bifurcation_curves import BifurcationCurves
from .listing import Listing, Table, number

WORDS = {"end": "simpler state", "lost": "rounding errors"}


def table(result: BifurcationCurves) -> Table:
    """Return one row for each part of a curve that attractors meet."""
    x, y = result.x_name, result.y_name
    columns = ["curve", "of", f"{x} from", "to", f"{y} from", "to", "ends", "on it"]
    rows = []
    for n, (kind, label) in enumerate(zip(result.kinds, result.labels, strict=True)):
        for part in parts(result, n):
            across, up = result.x[part], result.y[part]
            cells = [kind, label, *map(number, (across[0], across[-1], up[0], up[-1]))]
            on = [
                f"{each['kind']} at {x} = {number(each['x'])}, {y} = {number(each['y'])}"
                for each in special(result, n, part)
                if each["kind"] not in result.ends[n]
            ]
            rows.append([*cells, " to ".join(_ends(result, n, part)), "; ".join(on)])
    return Table(columns, rows, ("of", "ends", "on it"))


def parts(result: BifurcationCurves, n: int) -> list[np.ndarray]:
    """Return the numbers of the points of each part of curve `n` that attractors meet."""
    rows = np.flatnonzero((result.curve == n) & result.attracting)
    found = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return [part for part in found if len(part) > 1]


def special(result: BifurcationCurves, n: int, part: np.ndarray) -> list[dict[str, Any]]:
    """Return the points of codimension two on a part of curve `n`."""
    points = set(zip(result.x[part].tolist(), result.y[part].tolist(), strict=True))
    return [e for e in result.special if e["curve"] == n and (e["x"], e["y"]) in points]


def _ends(result: BifurcationCurves, n: int, part: np.ndarray) -> tuple[str, str]:
    """Return what a part starts and ends with; within a curve another state takes over."""
    whole = np.flatnonzero(result.curve == n)
    within = "another curve" if result.kinds[n].startswith("max_lr=") else "saddles"
    first, last = (WORDS.get(end, end) for end in result.ends[n])
    return (
        first if part[0] == whole[0] else within,
        last if part[-1] == whole[-1] else within,
    )


def others(result: BifurcationCurves) -> int:
    """Return how many curves are of saddles only."""
    return sum(not parts(result, n) for n in range(len(result.kinds)))


def listing(result: BifurcationCurves) -> Listing:
    """Return what is shown of curves."""
    shown = table(result)
    count = len(result.kinds) - others(result)
    axes = f"over {result.x_name} and {result.y_name}"
    first = f"{count or 'no'} curve{'s' * (count != 1)} {axes} that attracting fixed points meet"
    return Listing(first, [shown], [remark(result)] if others(result) else [])


def remark(result: BifurcationCurves) -> str:
    """Return a sentence about curves that are not shown."""
    n = others(result)
    return f"{n} more {'is' if n == 1 else 'are'} of saddles only: see --json, or the arrays"
