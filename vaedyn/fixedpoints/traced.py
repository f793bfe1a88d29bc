"""A curve of a condition: its points of codimension two, where attractors meet it, its names."""

from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

import numpy as np

from .alone_at import COLLAPSED, NOISE, Block
from .conditions import Condition, Selection
from .continued import LIMIT, Followed, corrected, located
from .levels import EqualLoss, Level

SLACK = 1e-7  # growth rates per tau below it let a state attract: others vanish with a critical one
JUMP = 1e-3  # of a function's values, above which it changes its sign without being 0
SHARES = np.arange(1, 16) / 16  # of a step in which a state ceases to attract


class Traced(NamedTuple):
    """A curve: its points (n, unknowns), whether each attracts, what is special, and its names."""

    condition: Condition
    points: np.ndarray
    attracting: np.ndarray
    ends: tuple[str, str]
    special: list[tuple[str, np.ndarray]]
    kind: str
    label: str


Attracts = Callable[[Condition, np.ndarray], np.ndarray]
"""Returns at which points (n, unknowns) of a curve it is about a state that attracts, (n,)."""


def attracts(condition: Condition, points: np.ndarray) -> np.ndarray:
    """Return where a state is stable but for what is critical, (n,)."""
    return condition.rest(points) < SLACK


def traced(condition: Condition, line: Followed, attracts: Attracts = attracts) -> Traced:
    """Return a curve with its points of codimension two, and where it attracts."""
    points = line.points
    special: list[tuple[str, np.ndarray]] = []
    ends = []
    for end, at, tip in zip(line[1:3], line.vanishing, (points[0], points[-1]), strict=True):
        ends.append(condition.end(at) if end == LIMIT else end)
        if ends[-1] in ("tricritical", "Bogdanov-Takens"):
            special.append((ends[-1], tip))
    inserted = []
    for name, values in condition.tests(points).items():
        for i in np.flatnonzero((values[1:] > 0) != (values[:-1] > 0)).tolist():
            if not np.isfinite(values[i : i + 2]).all() or _of_end(i, len(points), line):
                continue
            test: Callable[[np.ndarray], np.ndarray] = lambda X, name=name: condition.tests(X)[name]  # noqa: E731
            at = located(condition, points[i], points[i + 1], test)
            if name == "cusp" and _jumps(test(at[None])[0], values[i : i + 2]):
                continue
            if condition.holds(name, at):
                special.append((name, at))
                inserted.append((i + 1, at))
    for i, at in sorted(inserted, key=lambda each: -each[0]):
        points = np.insert(points, i, at, axis=0)
    along = _attracting(condition, points, line, attracts)
    names = kind_of(condition), label_of(condition)
    return Traced(condition, *along, (ends[0], ends[1]), special, *names)


def _of_end(i: int, count: int, line: Followed) -> bool:
    """Return whether a piece of a curve is the last one before a point that has its name."""
    return (i == 0 and line.first == LIMIT) or (i == count - 2 and line.last == LIMIT)


def _attracting(
    condition: Condition, points: np.ndarray, line: Followed, attracts: Attracts
) -> tuple[np.ndarray, np.ndarray]:
    """Return the points, more of them where that changes, and whether each attracts."""
    flags = attracts(condition, points)
    if len(points) > 2:  # at a tip something else may vanish, or there is nothing
        flags[0] = flags[1] if line.first == LIMIT else flags[0]
        flags[-1] = flags[-2] if line.last == LIMIT else flags[-1]
    rows, kept_flags = [points[0]], [flags[0]]
    for i in range(1, len(points)):
        if flags[i] != flags[i - 1]:
            ends = [points[i - 1], points[i]]
            for _ in range(2):
                chord = ends[1] - ends[0]
                way = chord / np.linalg.norm(chord)
                tries = [corrected(condition, ends[0] + s * chord, way) for s in SHARES]
                inner = np.array([ends[0], *(p for p in tries if p is not None), ends[1]])
                side = attracts(condition, inner)
                side[0], side[-1] = flags[i - 1], flags[i]
                n = int(np.argmax(side != side[0]))
                ends = [inner[n - 1], inner[n]]
            rows += ends
            kept_flags += [flags[i - 1], flags[i]]
        rows.append(points[i])
        kept_flags.append(flags[i])
    return np.array(rows), np.array(kept_flags)


def kind_of(condition: Condition) -> str:
    """Return what is followed, as `follow` has it."""
    shift = getattr(condition, "shift", 0)
    if shift:
        return f"relaxation_time={1 / shift!r}"
    if isinstance(condition, Level) and condition.name == "level":
        return f"{condition.quantity}={condition.value!r}"
    return {"equal loss": "maxwell", "awake": "active"}.get(condition.name, condition.name)


def _jumps(value: float, beside: np.ndarray) -> bool:
    """Return whether a function changes its sign between two values without being 0."""
    return bool(np.abs(value) > JUMP * np.abs(beside).max())


def label_of(condition: Condition) -> str:
    """Return which latents a condition is about; signals count from the strongest."""
    if isinstance(condition, EqualLoss):
        return f"{_state(condition.one)} | {_state(condition.other)}"
    if isinstance(condition, Level) and condition.name == "level":
        return _state(condition.of)
    own: str | None = getattr(condition, "label", None)  # of states with pairs
    if own is not None:
        return own
    block: Block = getattr(condition, "block", condition.concerned or (NOISE,))
    if "unlearned" in block:
        return f"{_word(block[0])} to signal {block[2] + 1}"
    if block == (COLLAPSED,) and condition.name == "loss":
        return "collapsed to noise"
    return " and ".join(map(_word, block))


def _word(kind: int) -> str:
    return {NOISE: "noise", COLLAPSED: "collapsed"}.get(kind, f"signal {kind + 1}")


def _state(selection: Selection) -> str:
    learned, noise, spare = selection
    counted = ((noise, "noise"), (spare, "collapsed"))
    many = [f"{n} x {word}" if n > 1 else word for n, word in counted if n]
    return ", ".join(chain((f"signal {k + 1}" for k in range(learned)), many))
