"""A branch of limit cycles, followed by pseudo-arclength in a state, the period and a constant."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np

from ..model.records import Progress
from .newton import eigenvalues, newton, residual, root
from .shooting import FAR, Cycle, Shooting

SMALLEST, LARGEST = 1e-6, 0.15  # arc lengths of a step
MOST = 80  # points in one direction
BORN = 0.01  # size of the first cycle next to a Hopf point, relative to 1 and the largest entry
GONE = 0.03  # of the largest amplitude on a branch: a smaller one shrinks to a Hopf point
CLOSE = 0.03  # of its amplitude: so near to a saddle, a cycle is all but homoclinic
LONGER = 1.5  # times the shortest period on a branch: only then that is looked at
UNSTABLE = 1e6  # a multiplier beyond it is more than shooting can bear
HOPF, FOLD, BRANCH, DOUBLING, TORUS = (
    "hopf", "fold", "branch point", "period doubling", "Neimark-Sacker",
)  # fmt: skip
HOMOCLINIC, DIVERGENCE, EDGE, LOST = "homoclinic", "divergence", "edge", "lost"


class Followed(NamedTuple):
    """A branch of cycles, and what happens on it: kind, where, number of the point before it.

    `why` says for the values of the constant at which it is lost why it is.
    """

    cycles: list[Cycle]
    events: list[tuple[str, float, int]]
    why: Mapping[float, str] = MappingProxyType({})

    @property
    def widest(self) -> Cycle:
        return max(self.cycles, key=lambda cycle: cycle.amplitude)

    def ended(self, kind: str, at: float | None = None) -> Self:
        x = self.cycles[-1].x if at is None else at
        return self._replace(events=[*self.events, (kind, float(x), len(self.cycles) - 1)])

    def lost(self, why: str) -> Self:
        return self.ended(LOST)._replace(why={**self.why, float(self.cycles[-1].x): why})


def from_hopf(
    shooting: Shooting,
    x: float,
    state: np.ndarray,
    direction: np.ndarray,
    frequency: float,
    progress: Progress | None = None,
) -> Followed | str:
    """Return the branch of cycles that begins at a Hopf point, or why there is none.

    Parameters
    ----------
    x : float
        Where it is.
    state, direction : (values,)
        The fixed point, and the real part of the eigenvector.
    frequency : float
        Imaginary part of the eigenvalue.
    """
    way = shooting.gather @ direction
    way = np.append(way / np.linalg.norm(way), [0.0, 0.0])
    size = BORN * max(1.0, float(np.abs(state).max()))
    why = "the first cycle is not found"
    for smaller in (1.0, 0.3, 0.1):
        centre = shooting.point(state, 2 * np.pi / frequency, x)
        guess = centre + smaller * size * way
        point = shooting.corrected(guess, way, shooting.slope(guess))
        if point is not None and not 0 <= point[-1] <= 1:
            why = "the first cycle is outside the range"
        elif point is not None:
            found = Followed([shooting.cycle(point)], [(HOPF, float(x), 0)])
            return _walk(shooting, found, point, way, progress)
    return why


def follow(shooting: Shooting, cycle: Cycle, progress: Progress | None = None) -> Followed:
    """Return the branch through `cycle`, in both directions."""
    point = shooting.point(cycle.start, cycle.period, cycle.x)
    up = np.eye(len(point))[-1]
    down, ahead = (
        _walk(shooting, Followed([cycle], []), point, way, progress) for way in (-up, up)
    )
    last = len(down.cycles) - 1
    # what happens between two points is counted at the one before it
    turned = [
        (kind, at, last - n - (n < last and kind in (FOLD, BRANCH, DOUBLING, TORUS)))
        for kind, at, n in reversed(down.events)
    ]
    events = turned + [(kind, at, n + last) for kind, at, n in ahead.events]
    cycles = [*reversed(down.cycles), *ahead.cycles[1:]]
    return Followed(cycles, events, {**down.why, **ahead.why})


def _tangent(slope: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the unit direction in which the equations stay true, turned along `before`."""
    way = np.linalg.svd(slope)[2][-1]
    return way if way @ before >= 0 else -way


def _walk(
    shooting: Shooting,
    way: Followed,
    point: np.ndarray,
    direction: np.ndarray,
    progress: Progress | None,
) -> Followed:
    """Return the branch from `point` on, and what ends it."""
    slope = shooting.slope(point, way.cycles[-1].matrix)
    tangent, step = _tangent(slope, direction), 0.02
    shortest = widest = way.cycles[-1]
    while len(way.cycles) < MOST:
        last = way.cycles[-1]
        step = min(step, 0.5 * last.amplitude)
        guess = point + step * tangent
        found = shooting.corrected(guess, tangent, slope)
        if found is not None and not 0 <= found[-1] <= 1:
            return _to_the_edge(shooting, way, point, found, slope)
        cycle = None if found is None else shooting.cycle(found)
        collapsed = cycle is not None and cycle.amplitude < 0.2 * last.amplitude
        if found is None or cycle is None or collapsed:
            step /= 2
            if step < SMALLEST:
                return way.lost("no further cycle is found")
            continue
        steeper = shooting.slope(found, cycle.matrix)
        ahead = _tangent(steeper, tangent)
        bent = float(ahead @ tangent)
        if bent < 0.8 and step > 1e-3:
            step /= 2
            continue
        events = _events(shooting, way, (point, tangent, slope, step), cycle, ahead)
        way = Followed([*way.cycles, cycle], [*way.events, *events])
        point, tangent, slope = found, ahead, steeper
        shortest = min(shortest, cycle, key=lambda each: each.period)
        widest = max(widest, cycle, key=lambda each: each.amplitude)
        if progress:
            progress(len(way.cycles), MOST)
        if cycle.amplitude < last.amplitude and cycle.amplitude < GONE * widest.amplitude:
            return way.ended(HOPF, _hopf(shooting, last, cycle))
        if cycle.period > LONGER * shortest.period and _by_a_saddle(shooting, cycle):
            return way.ended(HOMOCLINIC)
        if np.nanmax(np.abs(cycle.multipliers), initial=0.0) > UNSTABLE:
            return way.lost(f"a multiplier is above {UNSTABLE:g}")
        if np.abs(cycle.states).max() > FAR:
            return way.ended(DIVERGENCE)
        if bent > 0.95:
            step = min(1.5 * step, LARGEST)
    return way.lost(f"it goes on after {MOST} points")


def _by_a_saddle(shooting: Shooting, cycle: Cycle) -> bool:
    """Return whether a cycle passes so close by a fixed point that it takes its time from it."""
    model = shooting.path(cycle.x)
    slowest = min(cycle.states, key=lambda y: residual(model, y))
    point = newton(model, slowest)
    if residual(model, point) > 1e-9:
        return False
    return bool(np.abs(point - slowest).max() < CLOSE * cycle.amplitude)


def _to_the_edge(
    shooting: Shooting, way: Followed, point: np.ndarray, outside: np.ndarray, slope: np.ndarray
) -> Followed:
    """Return a branch that leaves the range behind `point` with a last cycle at its edge."""
    u = 0.0 if outside[-1] < 0 else 1.0
    guess = point + (u - point[-1]) / (outside[-1] - point[-1]) * (outside - point)
    guess[-1] = u
    last = shooting.corrected(guess, np.eye(len(guess))[-1], slope)
    if last is not None:
        way = way._replace(cycles=[*way.cycles, shooting.cycle(last)])
    return way.ended(EDGE)


def _events(
    shooting: Shooting,
    way: Followed,
    here: tuple[np.ndarray, np.ndarray, np.ndarray, float],
    after: Cycle,
    ahead: np.ndarray,
) -> list[tuple[str, float, int]]:
    """Return what happens between the last cycle and that `after` a step from `here`."""
    point, tangent, slope, step = here
    before, number = way.cycles[-1], len(way.cycles) - 1
    found = []

    def at(s: float) -> np.ndarray | None:
        return shooting.corrected(point + s * tangent, tangent, slope)

    folds = tangent[-1] * ahead[-1] < 0
    if folds:

        def turn(s: float) -> float:
            there = at(s)
            return np.nan if there is None else float(_tangent(shooting.slope(there), tangent)[-1])

        found.append((FOLD, _where(shooting, at, turn, step, point, after), number))
    first, last = before.outside, after.outside
    while first != last:
        k = min(first, last)
        ends = [np.log(np.abs(each.multipliers[k])) for each in (before, after)]

        def size(s: float, k: int = k) -> float:
            there = at(s)
            return (
                np.nan
                if there is None
                else float(np.log(abs(shooting.cycle(there).multipliers[k])))
            )

        crossing = after.multipliers[k] if abs(ends[1]) < abs(ends[0]) else before.multipliers[k]
        pair = abs(crossing.imag) > 1e-6 * abs(crossing)
        kind = TORUS if pair else DOUBLING if crossing.real < 0 else BRANCH
        if not (kind == BRANCH and folds):
            found.append((kind, _where(shooting, at, size, step, point, after), number))
        first, last = (first + 1 + pair, last) if first < last else (first, last + 1 + pair)
        if (first > last) == (before.outside < after.outside):
            break
    return found


def _where(shooting, at, function, step: float, point: np.ndarray, after: Cycle) -> float:
    """Return the constant at which a function of the arc length within a step is zero."""
    ends = [function(0.0), function(step)]
    if not np.isfinite(ends).all() or ends[0] * ends[1] > 0:
        return after.x
    low, high = 0.0, step
    for _ in range(30):
        share = np.clip(ends[0] / (ends[0] - ends[1]), 0.02, 0.98)
        s = low + share * (high - low)
        value = function(s)
        if not np.isfinite(value):
            break
        if value * ends[0] > 0:
            low, ends = s, [value, ends[1]]
        else:
            high, ends = s, [ends[0], value]
        if high - low < 1e-4 * step or abs(value) < 1e-9:
            break
    there = at(low + ends[0] / (ends[0] - ends[1]) * (high - low))
    return after.x if there is None else shooting.x(there)


def _hopf(shooting: Shooting, before: Cycle, last: Cycle) -> float:
    """Return where the cycles shrink to a fixed point.

    The square of the amplitude is linear in the distance; then the pair of eigenvalues of
    the fixed point with the frequency of the cycle is where its real part is zero.
    """
    a, b = before.amplitude**2, last.amplitude**2
    guess = last.x - b * (last.x - before.x) / (b - a)
    centre, frequency = last.states.mean(axis=0), 2 * np.pi / last.period

    def growth(x: float) -> float:
        model = shooting.path(x)
        y = newton(model, centre)
        if residual(model, y) > 1e-9 or np.abs(y - centre).max() > 10 * last.amplitude:
            return np.nan
        rates = eigenvalues(model, y)
        rates = rates[~np.isnan(rates)]
        return float(rates[np.abs(rates - 1j * frequency).argmin()].real) / model.lr

    reach = max(abs(guess - last.x), 1e-9 * abs(guess))
    for wide in (1.0, 3.0, 10.0):
        low, high = guess - wide * reach, guess + wide * reach
        if growth(low) * growth(high) < 0:
            return root(growth, low, high)
    return guess
