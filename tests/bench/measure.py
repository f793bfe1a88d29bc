"""Contenders that are timed in turns, and the rows that come of it."""

import importlib.util
import statistics
import sys
import time
from typing import NamedTuple

from tests.contenders import Action

REPEATS = 9
LEAST = 3  # turns, however long they take
SECONDS = 1.5  # for all turns of a case, if more than these


class Contender(NamedTuple):
    """Something to be timed; one call does `work` units of work."""

    name: str
    action: Action
    work: float


def measure(
    contenders: list[Contender], repeats: int = REPEATS, warm: bool = True
) -> list[list[float]]:
    """Return seconds per unit of work of each contender, measured in turns after one warm-up.

    There are `repeats` turns, or fewer where these would take longer than `SECONDS`.
    """
    for contender in contenders if warm else ():
        contender.action()
    times: list[list[float]] = [[] for _ in contenders]
    end = time.perf_counter() + SECONDS
    for turn in range(repeats):
        if turn >= LEAST and time.perf_counter() > end:
            break
        for contender, kept in zip(contenders, times, strict=True):
            start = time.perf_counter()
            contender.action()
            kept.append((time.perf_counter() - start) / contender.work)
    return times


def compare(
    case: str,
    unit: str,
    scale: float,
    contenders: list[Contender],
    repeats: int = REPEATS,
    warm: bool = True,
) -> list[dict]:
    """Return a row for each contender; ratios are of medians, to those of the first."""
    times = measure(contenders, repeats, warm)
    first = statistics.median(times[0])
    return [
        {
            "case": case,
            "who": contender.name,
            "min": min(kept) * scale,
            "median": statistics.median(kept) * scale,
            "unit": unit,
            "ratio": statistics.median(kept) / first,
        }
        for contender, kept in zip(contenders, times, strict=True)
    ]


def installed(package: str, name: str = "") -> bool:
    """Return whether there is a package; if not, say on stderr that its rows are left out."""
    found = importlib.util.find_spec(package) is not None
    if name and not found:
        print(f"{name}: not installed", file=sys.stderr)
    return found


def repeated(action: Action, times: int) -> Action:
    """Return an action that does another one so many times."""
    return lambda: [action() for _ in range(times)]
