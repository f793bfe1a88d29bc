"""Branches of fixed points of one unit, followed through folds by pseudo-arclength.

Keller, "Numerical solution of bifurcation and nonlinear eigenvalue problems"
(1977): a branch is a curve in the space of states and the parameter; each point
is predicted along the tangent and corrected in the plane across it.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np

from ..kernels.constants import Constants
from .groups import TOLERANCE, Unit, intact, vanishing
from .newton import jacobian, newton, residual, symmetric, velocity

SMALLEST, LARGEST = 1e-7, 0.05  # arc lengths of a step, with the parameter's range as 1
WIDE = 1e3  # ratio of the ends of a range that is followed in its logarithm
FAR = 1e4  # order parameters beyond this are on their way to infinity
SMALL = 3e-3  # inverses up to which an escape is extrapolated from
GONE = 1e-4  # what vanishes at an end is below this where the last step fails
EDGE, FOLD, END, ESCAPE, LOST = "edge", "fold", "end", "escape", "lost"


class Piece(NamedTuple):
    """A part of a branch along which the parameter rises.

    Attributes
    ----------
    x : (points,) ascending
    states : (points, values)
    first, last : what limits it: an ``edge`` of the range, a ``fold``, or the
        ``end`` of the branch, where it joins a simpler fixed point, an
        ``escape`` of order parameters to infinity, or ``lost``: no point further
        on is found that weights can have, be it for rounding errors
    """

    x: np.ndarray
    states: np.ndarray
    first: str
    last: str

    def guess(self, x: float) -> np.ndarray:
        """Return the state at `x` by interpolation between the points, (values,)."""
        return np.array([np.interp(x, self.x, column) for column in self.states.T])


def wide(low: float, high: float) -> bool:
    """Return whether a range spans so many decades that only its logarithm resolves it."""
    return low > 0 and high > WIDE * low


def spaced(low: float, high: float, count: int) -> np.ndarray:
    """Return `count` values from `low` to `high`, and over decades as many of even ratios."""
    even = np.linspace(low, high, count)
    return np.union1d(even, np.geomspace(low, high, count)) if wide(low, high) else even


class _Curve:
    """The equations ``velocity(path(x), y) = 0`` in the free entries of y and in u.

    Over the range u rises from 0 to 1, linearly in x or, over decades, in log x.
    """

    def __init__(self, path: Callable[[float], Constants], low: float, high: float):
        self.path, self.low, self.high = lru_cache(path), low, high
        self.decades = wide(low, high)
        model = path(low)
        self.sampled = bool(model.sampled)
        self.spread, self.gather = symmetric(model.latent, model.signal)

    def x(self, u: float) -> float:
        if self.decades:
            return float(self.low ** (1 - u) * self.high**u)
        return float((1 - u) * self.low + u * self.high)

    def point(self, y: np.ndarray, x: float) -> np.ndarray:
        u = (x - self.low) / (self.high - self.low)
        if self.decades:
            u = np.log(x / self.low) / np.log(self.high / self.low)
        return np.append(self.gather @ y, u)

    def state(self, point: np.ndarray) -> tuple[np.ndarray, float]:
        return self.spread @ point[:-1], self.x(float(point[-1]))

    def value(self, point: np.ndarray) -> np.ndarray:
        y, x = self.state(point)
        return self.gather @ velocity(self.path(x), y)

    def slope(self, point: np.ndarray) -> np.ndarray:
        """Return the derivative (free, free + 1) of `value`."""
        y, x = self.state(point)
        rate = x * np.log(self.high / self.low) if self.decades else self.high - self.low
        # the drift is at most quadratic in any constant: long differences lose nothing
        h = max(1e-3 * abs(x), 1e-6 * rate)
        ahead, behind = (self.gather @ velocity(self.path(x + s), y) for s in (h, -h))
        slope = np.empty((len(ahead), len(ahead) + 1))
        slope[:, :-1] = jacobian(self.path(x), y)
        slope[:, -1] = (ahead - behind) * (rate / (2 * h))
        return slope

    def tangent(self, point: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Return the direction of the curve, turned along `before`."""
        slope = self.slope(point)
        slope /= np.maximum(np.abs(slope).max(axis=1, keepdims=True), 1e-300)
        direction = np.linalg.svd(slope)[2][-1]
        if before is not None and direction @ before < 0:
            direction = -direction
        return direction

    def corrected(self, guess: np.ndarray, tangent: np.ndarray) -> np.ndarray | None:
        """Return the point of the curve in the plane through `guess`, or None."""
        point = guess.copy()
        matrix, rhs = np.empty((len(point), len(point))), np.empty(len(point))
        matrix[-1] = tangent
        for _ in range(12):
            if not -1 <= point[-1] <= 2:  # far out, where numbers may overflow
                return None
            with np.errstate(all="ignore"):  # of states that are far from any fixed point
                value = self.value(point)
            if not np.isfinite(value).all():
                return None
            if np.abs(value).max() < 0.01 * TOLERANCE:
                return point
            matrix[:-1] = self.slope(point)
            rhs[:-1], rhs[-1] = value, tangent @ (point - guess)
            try:
                point = point - np.linalg.solve(matrix, rhs)
            except np.linalg.LinAlgError:
                return None
        size = max(1.0, np.abs(point).max()) * np.maximum(
            1.0, np.abs(self.slope(point)).max(axis=1)
        )
        return point if (np.abs(self.value(point)) < TOLERANCE * size).all() else None


def trace(
    unit: Unit,
    path: Callable[[float], Constants],
    start: np.ndarray,
    x: float,
    low: float,
    high: float,
) -> list[Piece]:
    """Return the branch of `unit` through the state `start` at `x`, within [low, high]."""
    curve = _Curve(path, low, high)
    first = curve.tangent(curve.point(start, x), None)
    back, ahead = (_walk(unit, curve, curve.point(start, x), way) for way in (-first, first))
    middle = len(back.points) - 1
    cuts = [(middle - i, kind) for i, kind in reversed(back.cuts)]
    cuts += [(middle + i, kind) for i, kind in ahead.cuts]
    return _pieces(curve, [*reversed(back.points), *ahead.points[1:]], cuts)


class _Way(NamedTuple):
    """Points of a branch in one direction, and the numbers of those where something happens."""

    points: list[np.ndarray]
    cuts: list[tuple[int, str]]

    def stopped(self, kind: str) -> Self:
        return self._replace(cuts=[*self.cuts, (len(self.points) - 1, kind)])


def _walk(unit: Unit, curve: _Curve, point: np.ndarray, direction: np.ndarray) -> _Way:
    """Return the points of a branch in one direction, its folds, and what ends it."""
    way, step, tangent = _Way([point], []), 0.01, direction
    for _ in range(4000):
        guess = point + step * tangent
        found = curve.corrected(guess, tangent)
        if found is not None and not intact(unit, curve.state(found)[0], curve.sampled):
            found = None
        ahead = tangent if found is None else curve.tangent(found, tangent)
        bent = float(ahead @ tangent)
        if found is None or bent < 0.95 or np.abs(found - guess).max() > 0.5 * step:
            step /= 2
            if step < SMALLEST:
                break
            continue
        if ahead[-1] * tangent[-1] < 0:
            tip = _tip(curve, point, found)
            if not 0 <= tip[-1] <= 1:
                found = tip
            else:
                way.points.append(tip)
                if _mirrored(curve, point, found):
                    return way.stopped(END)
                way.cuts.append((len(way.points) - 1, FOLD))
                point = tip
        if not 0 <= found[-1] <= 1:
            edge = _at(unit, curve, point, found, 0.0 if found[-1] < 0 else 1.0)
            way.points.extend([] if edge is None else [edge])
            return way.stopped(EDGE)
        point, tangent = found, ahead
        way.points.append(point)
        size = float(np.abs(point).max())
        if size > FAR:
            return way.stopped(ESCAPE)
        if bent > 0.995:
            step = min(1.5 * step, LARGEST * max(1.0, size))
    left = vanishing(unit, curve.state(point)[0], curve.sampled)
    return way.stopped(END if left < GONE else LOST)


def _tip(curve: _Curve, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the point between two of a branch where the parameter turns back."""
    ends = [before, after]
    ways = [curve.tangent(end, after - before) for end in ends]
    for _ in range(60):
        chord = ends[1] - ends[0]
        length = float(np.linalg.norm(chord))
        if length < 1e-2 and np.linalg.norm(ways[1] - ways[0]) < 3e-3:
            break
        guesses = [ends[0] + share * chord for share in (0.45, 0.6, 0.3, 0.8, 0.15)]
        tries = ((guess, curve.corrected(guess, chord / length)) for guess in guesses)
        close = (p for guess, p in tries if p is not None and np.abs(p - guess).max() < length)
        middle = next(close, None)
        if middle is None:
            break
        way = curve.tangent(middle, chord)
        side = int(way[-1] * ways[1][-1] > 0)
        ends[side], ways[side] = middle, way
    return _turning(*ends, *ways)


def _turning(
    start: np.ndarray, stop: np.ndarray, first: np.ndarray, last: np.ndarray
) -> np.ndarray:
    """Return where the parameter turns on the cubic of these ends and unit directions there."""
    chord = stop - start
    first, last = (np.linalg.norm(chord) * way for way in (first, last))
    square, cube = 3 * chord - 2 * first - last, first + last - 2 * chord
    roots: np.ndarray = np.roots([3 * cube[-1], 2 * square[-1], first[-1]])
    t = np.clip(np.real(roots[np.abs(roots - 0.5).argmin()]), 0, 1)
    return start + t * first + t**2 * square + t**3 * cube


def _mirrored(curve: _Curve, before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether a branch has passed into its own mirror image, with some signs turned.

    Then what turned its sign vanished on the way, and the branch ended there.
    """
    y, x = curve.state(before)
    image = np.where(y * curve.state(after)[0] < 0, -y, y)
    slack = 1e-7 * max(1.0, float(np.abs(y).max()))
    return bool(np.abs(image - y).max() > 1e-6 and residual(curve.path(x), image) < slack)


def _at(
    unit: Unit, curve: _Curve, inside: np.ndarray, outside: np.ndarray, u: float
) -> np.ndarray | None:
    """Return the point of the curve where the (scaled) parameter is `u`."""
    share = (u - inside[-1]) / (outside[-1] - inside[-1])
    guess = inside + share * (outside - inside)
    guess[-1] = u
    found = curve.corrected(guess, np.eye(len(guess))[-1])
    there = found is not None and intact(unit, curve.state(found)[0], curve.sampled)
    return found if there else None


def _pieces(curve: _Curve, points: list[np.ndarray], cuts: list[tuple[int, str]]) -> list[Piece]:
    """Cut a branch at its folds."""
    found = []
    for (i, first), (j, last) in pairwise(cuts):
        part, ends = points[i : j + 1], (first, last)
        if part[0][-1] > part[-1][-1]:
            part, ends = part[::-1], ends[::-1]
        inner = [p for p in part[1:-1] if part[0][-1] < p[-1] < part[-1][-1]]
        states = [curve.state(point) for point in (part[0], *inner, part[-1])]
        found.append(
            Piece(np.array([s[1] for s in states]), np.array([s[0] for s in states]), *ends)
        )
    return _without_images(found)


def _without_images(pieces: list[Piece]) -> list[Piece]:
    """Drop pieces that are others with some signs turned, which have the same squares."""
    kept: list[Piece] = []
    for piece in pieces:
        middle = 0.5 * (piece.x[0] + piece.x[-1])
        y = piece.guess(middle) ** 2
        if not any(
            other.x[0] - 1e-6 <= middle <= other.x[-1] + 1e-6
            and np.allclose(other.guess(middle) ** 2, y, rtol=0.02, atol=1e-4)
            for other in kept
        ):
            kept.append(piece)
    return kept


def escape_of(piece: Piece, at: int) -> float:
    """Return where the largest order parameter of a branch that escapes is infinite.

    It grows inversely to the distance: the parameter is a polynomial in its inverse.
    """
    x, states = (piece.x, piece.states) if at == 0 else (piece.x[::-1], piece.states[::-1])
    inverse = 1 / np.maximum(np.abs(states).max(axis=1), 1e-300)
    near = inverse < SMALL
    count = len(x) if near.all() else int(np.argmin(near))  # the points before the first other one
    if count < 8:
        return float(x[0])
    return float(np.polynomial.Polynomial.fit(inverse[:count], x[:count], 4)(0.0))


def end_of(unit: Unit, path: Callable[[float], Constants], piece: Piece, at_last: bool) -> float:
    """Return where a branch that ends joins a simpler fixed point, to about 1e-11 of the value.

    What vanishes there does so linearly in the parameter: the parameter is a
    polynomial in it through points close by.
    """
    edge = piece.x[-1] if at_last else piece.x[0]
    span = piece.x[-1] - piece.x[0]
    distance = min(0.01 * max(abs(edge), 1e-3 * span), 0.1 * span)
    away, left = [], []
    for step in np.linspace(0, -distance if at_last else distance, 13)[1:]:
        model = path(edge + step)
        y = newton(model, piece.guess(edge + step), 1e-15)
        sampled = bool(model.sampled)
        exact = residual(model, y) < TOLERANCE * max(1.0, np.abs(y).max())
        if exact and intact(unit, y, sampled):
            away.append(step)
            left.append(vanishing(unit, y, sampled))
    if len(away) < 8:
        return float(edge)
    found = np.polynomial.Polynomial.fit(left, away, 5)(0.0)
    return float(edge + found) if abs(found) < distance else float(edge)
