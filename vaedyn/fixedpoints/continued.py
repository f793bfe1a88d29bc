"""Curves of a condition over a box of two constants, by pseudo-arclength.

Keller (1977), as in `vaedyn.fixedpoints.arclength`: a point is predicted along the tangent
and corrected in the plane across it. A step is as long as Newton's method and the bend of
the curve allow.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .conditions import Condition

SMALLEST, LARGEST = 1e-5, 0.03  # lengths of a step, with the box as 1
LARGE = 30  # where a curve ends on which something grows, it escapes
FAR = 1e4  # unknowns beyond this are on their way to infinity
CLOSE = 1e-7  # a last step of Newton's method, whose square is what it leaves
MOST = 3000  # steps in one direction
EDGE, CLOSED, LIMIT, ESCAPE, LOST = "edge", "closed", "limit", "escape", "lost"


class Followed(NamedTuple):
    """A curve: its points (n, unknowns), and what each end is.

    That is an ``edge`` of the box, a ``limit``, where the state or its pair of imaginary
    eigenvalues ceases to be (then with the number of what vanishes there), an
    ``escape`` to infinity, or ``lost``; a curve that returns to its start is ``closed``.
    """

    points: np.ndarray
    first: str
    last: str
    vanishing: tuple[int, int] = (-1, -1)


def corrected(condition: Condition, guess: np.ndarray, across: np.ndarray) -> np.ndarray | None:
    """Return the point of the curve in the plane through `guess` across a direction, or None."""
    found = _newton(condition, guess, across)
    return found and found[0]


def _newton(
    condition: Condition, guess: np.ndarray, across: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the point and the derivatives next to it, as `corrected` does."""
    point = guess.copy()
    for _ in range(10):
        if not (np.abs(point[-2:] - 0.5) < 1).all() or np.abs(point).max() > 10 * FAR:
            return None
        value, slope = condition.slope(point)
        matrix = np.vstack([slope, across])
        if not (np.isfinite(value).all() and np.isfinite(slope).all()):
            return None
        size = np.maximum(np.abs(matrix).max(axis=1), 1e-300)
        rhs = np.append(value, across @ (point - guess)) / size
        try:
            step = np.linalg.solve(matrix / size[:, None], rhs)
        except np.linalg.LinAlgError:
            return None
        point = point - step
        if np.abs(step).max() < CLOSE * max(1.0, np.abs(point).max()):
            return point, slope
    return None


def _along(slope: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """Return the direction in which nothing changes, turned along `before`."""
    slope = slope / np.maximum(np.abs(slope).max(axis=1, keepdims=True), 1e-300)
    way = np.linalg.svd(slope)[2][-1]
    return -way if before is not None and way @ before < 0 else way


def followed(condition: Condition, start: np.ndarray) -> Followed:
    """Return the curve through a point of it, in both directions."""
    slope = condition.slope(start)[1]
    if not np.isfinite(slope).all():
        return Followed(start[None], LOST, LOST)
    way = _along(slope, None)
    ahead, last, at = _walk(condition, start, way)
    if last == CLOSED:
        return Followed(np.array(ahead), CLOSED, CLOSED)
    back, first, from_ = _walk(condition, start, -way)
    return Followed(np.array([*back[:0:-1], *ahead]), first, last, (from_, at))


def _walk(
    condition: Condition, start: np.ndarray, way: np.ndarray
) -> tuple[list[np.ndarray], str, int]:
    """Return points in one direction, what ends them, and the number of what vanishes there."""
    points, step, first = [start], 0.3 * LARGEST, way
    for _ in range(MOST):
        point = points[-1]
        guess = point + step * way
        solution = _newton(condition, guess, way)
        ahead = way if solution is None else _along(solution[1], way)
        bent = float(ahead @ way)
        if solution is None or bent < 0.97 or np.abs(solution[0] - guess).max() > 0.5 * step:
            step /= 2
            if step < SMALLEST:
                far = condition.limits(point[None]).max(initial=0) > LARGE
                return points, ESCAPE if far else LOST, -1
            continue
        found = solution[0]
        if (found[-2:] < 0).any() or (found[-2:] > 1).any():
            edge = _at_edge(condition, point, found)
            inside = edge is not None and (condition.limits(edge[None])[0] > 0).all()
            return ([*points, edge], EDGE, -1) if edge is not None and inside else (
                points, EDGE, -1,
            )  # fmt: skip
        gone = np.flatnonzero(condition.limits(found[None])[0] <= 0)
        if len(gone):
            k = int(gone[0])
            tip = located(condition, point, found, lambda X, k=k: condition.limits(X)[:, k])
            return [*points, tip], LIMIT, k
        points.append(found)
        if np.abs(found).max() > FAR:
            return points, ESCAPE, -1
        if len(points) > 6 and _passes(start, point, found) and ahead @ first > 0.9:
            return [*points[:-1], start], CLOSED, -1
        way = ahead
        if bent > 0.995:
            step = min(1.6 * step, LARGEST * max(1.0, np.abs(found).max()))
    return points, LOST, -1


def _passes(start: np.ndarray, before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether `start` lies between two points of a curve."""
    return distance(start, np.array([before, after])) < 0.1


def distance(point: np.ndarray, line: np.ndarray) -> float:
    """Return how far a point is from a polyline (n, unknowns), over the length of the segment."""
    chord = np.diff(line, axis=0)
    length = np.maximum(np.linalg.norm(chord, axis=1), 1e-12)
    share = np.clip(((point - line[:-1]) * chord).sum(axis=1) / length**2, 0, 1)
    off = np.linalg.norm(line[:-1] + share[:, None] * chord - point, axis=1)
    return float((off / (length + 1e-4)).min(initial=np.inf))


def _at_edge(condition: Condition, inside: np.ndarray, outside: np.ndarray) -> np.ndarray | None:
    """Return the point where a curve leaves the box."""
    best, share = 0, 2.0
    for i in (-2, -1):
        end = np.clip(outside[i], 0, 1)
        if end != outside[i]:
            there = (end - inside[i]) / (outside[i] - inside[i])
            best, share = (i, there) if there < share else (best, share)
    guess = inside + share * (outside - inside)
    guess[best] = np.clip(outside[best], 0, 1)
    found = corrected(condition, guess, np.eye(len(guess))[best])
    if found is not None:
        found[-2:] = np.clip(found[-2:], 0, 1)
    return found


def located(
    condition: Condition,
    before: np.ndarray,
    after: np.ndarray,
    function: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the point between two of a curve where a function (n, unknowns) -> (n,) is zero."""
    ends = [before, after]
    values = [float(x) for x in function(np.array(ends))]
    for turn in range(40):
        chord = ends[1] - ends[0]
        length = float(np.linalg.norm(chord))
        if length < 1e-10 or 0.0 in values:
            break
        steep = np.isfinite(values).all() and turn % 3 < 2
        share = values[0] / (values[0] - values[1]) if steep else 0.5
        share = float(np.clip(share, 0.02, 0.98)) if turn % 3 < 1 else share
        middle = corrected(condition, ends[0] + share * chord, chord / length)
        if middle is None:
            break
        value = float(function(middle[None])[0])
        side = int((value > 0) == (values[1] > 0))
        if np.linalg.norm(middle - ends[side]) < 1e-10:
            return middle
        ends[side], values[side] = middle, value
    return ends[int(np.argmin(np.abs(values)))]
