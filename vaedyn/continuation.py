"""Branches of fixed points of one unit, followed through folds by pseudo-arclength.

Keller, "Numerical solution of bifurcation and nonlinear eigenvalue problems"
(1977): a branch is a curve in the space of states and the parameter; each point
is predicted along the tangent and corrected in the plane across it.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .dynamics import Model, jacobian, newton, residual, symmetric, velocity
from .units import TOLERANCE, Unit, intact, vanishing

SMALLEST, LARGEST = 1e-7, 0.05  # arc lengths of a step, with the parameter's range as 1
FAR = 1e4  # order parameters beyond this are on their way to infinity
EDGE, FOLD, END, ESCAPE = "edge", "fold", "end", "escape"


class Piece(NamedTuple):
    """A part of a branch along which the parameter rises.

    Attributes
    ----------
    x : (points,) ascending
    states : (points, values)
    first, last : what limits it: an ``edge`` of the range, a ``fold``, or the
        ``end`` of the branch, where it joins a simpler fixed point, or an
        ``escape`` of order parameters to infinity
    """

    x: np.ndarray
    states: np.ndarray
    first: str
    last: str

    def guess(self, x: float) -> np.ndarray:
        """Return the state at `x` by interpolation between the points, (values,)."""
        return np.array([np.interp(x, self.x, column) for column in self.states.T])


class _Curve:
    """The equations ``velocity(path(x), y) = 0`` in the free entries of y and in x."""

    def __init__(self, path: Callable[[float], Model], low: float, high: float):
        self.path, self.low, self.scale = path, low, high - low
        model = path(low)
        self.spread, self.gather = symmetric(model.latent, model.signal)

    def point(self, y: np.ndarray, x: float) -> np.ndarray:
        return np.append(self.gather @ y, (x - self.low) / self.scale)

    def state(self, point: np.ndarray) -> tuple[np.ndarray, float]:
        return self.spread @ point[:-1], float(self.low + self.scale * point[-1])

    def value(self, point: np.ndarray) -> np.ndarray:
        y, x = self.state(point)
        return self.gather @ velocity(self.path(x), y)

    def slope(self, point: np.ndarray) -> np.ndarray:
        """Return the derivative (free, free + 1) of `value`."""
        y, x = self.state(point)
        h = 1e-6 * self.scale
        ahead, behind = (self.gather @ velocity(self.path(x + s), y) for s in (h, -h))
        last = (ahead - behind) / 2e-6
        return np.column_stack([jacobian(self.path(x), y), last])

    def tangent(self, point: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Return the direction of the curve, turned along `before`."""
        direction = np.linalg.svd(self.slope(point))[2][-1]
        if before is not None and direction @ before < 0:
            direction = -direction
        return direction

    def corrected(self, guess: np.ndarray, tangent: np.ndarray) -> np.ndarray | None:
        """Return the point of the curve in the plane through `guess`, or None."""
        point = guess.copy()
        for _ in range(12):
            value = self.value(point)
            if not np.isfinite(value).all():
                return None
            if np.abs(value).max() < 0.01 * TOLERANCE:
                return point
            matrix = np.vstack([self.slope(point), tangent])
            rhs = np.append(value, tangent @ (point - guess))
            try:
                point = point - np.linalg.solve(matrix, rhs)
            except np.linalg.LinAlgError:
                return None
        good = np.abs(self.value(point)).max() < TOLERANCE * max(1.0, np.abs(point).max())
        return point if good else None


def trace(
    unit: Unit, path: Callable[[float], Model], start: np.ndarray, x: float, low: float, high: float
) -> list[Piece]:
    """Return the branch of `unit` through the state `start` at `x`, within [low, high]."""
    curve = _Curve(path, low, high)
    ways = []
    first = curve.tangent(curve.point(start, x), None)
    for direction in (-first, first):
        ways.append(_walk(unit, curve, curve.point(start, x), direction))
    (back, back_end), (ahead, ahead_end) = ways
    points = [*reversed(back), *ahead[1:]]
    return _pieces(unit, curve, points, [back_end, ahead_end])


def _walk(
    unit: Unit, curve: _Curve, point: np.ndarray, direction: np.ndarray
) -> tuple[list[np.ndarray], str]:
    """Return the points of a branch in one direction, and what ends it."""
    points, step, tangent = [point], 0.01, direction
    for _ in range(4000):
        guess = point + step * tangent
        found = curve.corrected(guess, tangent)
        if found is not None and not intact(unit, curve.state(found)[0]):
            found = None
        ahead = tangent if found is None else curve.tangent(found, tangent)
        bent = float(ahead @ tangent)
        if found is None or bent < 0.95 or np.abs(found - guess).max() > 0.5 * step:
            step /= 2
            if step < SMALLEST:
                return points, END
            continue
        if not 0 <= found[-1] <= 1:
            edge = _at(unit, curve, point, found, 0.0 if found[-1] < 0 else 1.0)
            return [*points, *([] if edge is None else [edge])], EDGE
        point, tangent = found, ahead
        points.append(point)
        size = float(np.abs(point).max())
        if size > FAR:
            return points, ESCAPE
        if bent > 0.995:
            step = min(1.5 * step, LARGEST * max(1.0, size))
    return points, END


def _at(
    unit: Unit, curve: _Curve, inside: np.ndarray, outside: np.ndarray, x: float
) -> np.ndarray | None:
    """Return the point of the curve where the (scaled) parameter is `x`."""
    share = (x - inside[-1]) / (outside[-1] - inside[-1])
    y, _ = curve.state(inside + share * (outside - inside))
    model = curve.path(curve.low + curve.scale * x)
    found = newton(model, y)
    good = residual(model, found) < TOLERANCE * max(1.0, np.abs(found).max())
    return curve.point(found, curve.low + curve.scale * x) if good and intact(unit, found) else None


def _pieces(unit: Unit, curve: _Curve, points: list[np.ndarray], kinds: list[str]) -> list[Piece]:
    """Cut a branch at its folds, and drop mirror images beyond the end of the branch."""
    x = np.array([point[-1] for point in points])
    turns = [i for i in range(1, len(x) - 1) if (x[i] - x[i - 1]) * (x[i + 1] - x[i]) < 0]
    tips = [_fold(curve, points[i - 1], points[i], points[i + 1]) for i in turns]
    cuts = [(0, points[0], kinds[0])]
    for i, tip in zip(turns, tips, strict=True):
        mirror = vanishing(unit, curve.state(tip)[0]) < 1e-5
        cuts.append((i, tip, END if mirror else FOLD))
    cuts.append((len(x) - 1, points[-1], kinds[1]))
    found = []
    for (i, start, first), (j, stop, last) in pairwise(cuts):
        part, ends = [start, *points[i + 1 : j], stop], (first, last)
        if start[-1] > stop[-1]:
            part, ends = part[::-1], ends[::-1]
        part = [p for p in part if part[0][-1] < p[-1] < part[-1][-1] or p is start or p is stop]
        states = [curve.state(point) for point in part]
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


def _fold(curve: _Curve, before: np.ndarray, near: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the point between three of a branch where the parameter turns back."""
    tangent = curve.tangent(near, after - before)
    low, high = (float(tangent @ (point - near)) for point in (before, after))

    def turning(s: float) -> tuple[float, np.ndarray]:
        found = curve.corrected(near + s * tangent, tangent)
        if found is None:
            return 0.0, near
        return float(curve.tangent(found, tangent)[-1]), found

    sign, point = np.sign(turning(low)[0]), near
    for _ in range(80):
        middle = 0.5 * (low + high)
        value, point = turning(middle)
        if np.sign(value) == sign:
            low = middle
        else:
            high = middle
        if high - low < 1e-14:
            break
    return point


def end_of(unit: Unit, path: Callable[[float], Model], piece: Piece, at_last: bool) -> float:
    """Return where a branch that ends joins a simpler fixed point, to about 1e-9 of the range.

    What vanishes there does so linearly in the parameter, and a polynomial
    through points close by finds where.
    """

    edge = piece.x[-1] if at_last else piece.x[0]
    span = piece.x[-1] - piece.x[0]
    distance = min(1e-3 * max(abs(edge), 1e-3), 0.02 * span)
    inward = -distance if at_last else distance
    xs, gs = [], []
    for k in range(2, 9):
        x = edge + k * inward
        y = newton(path(x), piece.guess(x))
        if intact(unit, y) and residual(path(x), y) < TOLERANCE:
            xs.append(k * inward)
            gs.append(vanishing(unit, y))
    if len(xs) < 4:
        return float(edge)
    fit = np.polynomial.Polynomial.fit(xs, gs, min(6, len(xs) - 1)).roots()
    real = np.real(fit[np.abs(np.imag(fit)) < 1e-9])
    near = real[np.abs(real) < 2 * distance]
    return float(edge + near[np.abs(near).argmin()]) if len(near) else float(edge)
