"""Branches of limit cycles: where each is, where it is stable, and what happens on it."""

import numpy as np

from ..fixedpoints.follow_cycle import BRANCH, DOUBLING, FOLD, TORUS
from ..fixedpoints.limit_cycles import LimitCycles
from .listing import Listing, Table, number

BETWEEN = (FOLD, BRANCH, DOUBLING, TORUS)  # what happens between two points of a branch


def table(result: LimitCycles) -> Table:
    """Return one row a branch, with its events in order."""
    rows = []
    for n, repeats in enumerate(result.repeats):
        chosen = result.branch == n
        x = result.varied[chosen]
        happens = [f"{e['kind']} {e['at']:.9g}" for e in result.events if e["branch"] == n]
        period = result.period[chosen]
        rows.append([
            number(float(x.min())), number(float(x.max())),
            ", ".join(_stable(result, n)) or "nowhere",
            f"{number(float(period.min()))} to {number(float(period.max()))}",
            number(float(result.amplitude[chosen].max())), str(repeats), ", ".join(happens),
        ])  # fmt: skip
    columns = [
        f"{result.name} from", "to", "stable", "period", "amplitude", "repeats", "what happens",
    ]  # fmt: skip
    return Table(columns, rows, ("stable", "period", "what happens"))


def _stable(result: LimitCycles, n: int) -> list[str]:
    """Return the intervals in which a branch is stable, in words, from event to event."""
    chosen = np.flatnonzero(result.branch == n)
    stable, found = result.stable[chosen], []
    for run in np.split(chosen, np.flatnonzero(stable[1:] != stable[:-1]) + 1):
        if result.stable[run[0]]:
            ends = [
                event["at"]
                for event in result.events
                if event["branch"] == n
                and (run[0] <= event["point"] <= run[-1]
                     or (event["point"] == run[0] - 1 and event["kind"] in BETWEEN))
            ]  # fmt: skip
            x = [*result.varied[run].tolist(), *ends]
            found.append(f"{number(min(x))} to {number(max(x))}")
    return found


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
