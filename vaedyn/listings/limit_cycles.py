"""Branches of limit cycles: where each is, where it is stable, and what happens on it."""

import numpy as np

from ..fixedpoints.limit_cycles import LimitCycles
from .listing import Listing, Table, number


def table(result: LimitCycles) -> Table:
    """Return one row a branch, with its events in order."""
    rows = []
    for n, repeats in enumerate(result.repeats):
        chosen = result.branch == n
        x, stable = result.varied[chosen], result.stable[chosen]
        happens = [f"{e['kind']} {e['at']:.9g}" for e in result.events if e["branch"] == n]
        period = result.period[chosen]
        rows.append([
            number(float(x.min())), number(float(x.max())),
            f"{number(float(x[stable].min()))} to {number(float(x[stable].max()))}"
            if stable.any() else "nowhere",
            f"{number(float(period.min()))} to {number(float(period.max()))}",
            number(float(result.amplitude[chosen].max())), str(repeats), ", ".join(happens),
        ])  # fmt: skip
    columns = [
        f"{result.name} from", "to", "stable", "period", "amplitude", "repeats", "what happens",
    ]  # fmt: skip
    return Table(columns, rows, ("stable", "period", "what happens"))


def listing(result: LimitCycles) -> Listing:
    """Return what is shown of branches of limit cycles."""
    many = f"{len(result.repeats)} branch{'es' * (len(result.repeats) != 1)} of limit cycles"
    stable = len(np.unique(result.branch[result.stable]))
    first = f"{many} over {result.name}, {stable} of them stable somewhere"
    return Listing(first, [table(result)] if result.repeats else [], remarks(result))


def remarks(result: LimitCycles) -> list[str]:
    """Return a sentence about each Hopf point from which no cycle is followed."""
    return [
        f"no cycle is followed from the Hopf point at {result.name} = {each['at']:.9g}: "
        f"{each['why']}"
        for each in result.without
    ]
