"""Columns that are no measurements: codes for missing values, and numbers of rows; and copies."""

import numpy as np

from .copies import Copies

FEWEST = 10  # rows from which on regular steps are no accident
FILL = 1e15  # larger numbers stand for nothing where all others are far smaller
MOST_NAMED = 5
APART = 0.1  # of the range of all other values, beyond which one is looked at
RARE = 0.1  # share of the rows that a code unheard of may have
SURE = {"9", "8", "7"}  # of which three in a row, such as -999, are hardly measured
UNSURE = {99.0, 98.0, 97.0, -9.0, -8.0, -97.0, -98.0, -99.0}
INTEGERS = {float(sign * 2**bits - (sign > 0)) for bits in (15, 31, 63) for sign in (-1, 1)}


class Watch:
    """Statistics of every column, while blocks of rows stream by."""

    def __init__(self) -> None:
        self.rows = 0
        self.first = self.last = self.step = self.sums = np.empty(0)
        self.single = self.even = self.rising = self.falling = np.empty(0, bool)
        self.low, self.high = _Ends(), _Ends()
        self.copies = Copies()

    def see(self, block: np.ndarray) -> None:
        """Take in a block (rows, dim)."""
        dim = block.shape[1]
        if not self.rows:
            self.first = self.last = block[0].copy()
            self.step, self.sums = np.full(dim, np.nan), np.zeros((2, dim))
            self.single, self.even, self.rising, self.falling = np.ones((4, dim), bool)
        self._count(block, np.flatnonzero(self.single))
        regular = self.even | self.rising | self.falling
        self._step(block[0 if self.rows else 1 :], np.flatnonzero(regular))
        lowest, highest = block.min(axis=0), block.max(axis=0)
        self.low.see(block, lowest, highest)
        self.high.see(-block, -highest, -lowest)
        self.copies.see(block)
        self.rows, self.last = self.rows + len(block), block[-1].copy()

    def _count(self, block: np.ndarray, columns: np.ndarray) -> None:
        """Look for whole numbers that all differ, among `columns` where there are only such."""
        self.single[columns] = False
        whole = (block[0] == np.rint(block[0]))[columns]  # which spares a look at most others
        columns = columns[whole]
        some = block[:, columns]
        whole = (some == np.rint(some)).all(axis=0)
        some, columns = np.sort(some[:, whole], axis=0), columns[whole]
        good = (np.diff(some, axis=0) > 0).all(axis=0)
        self.single[columns[good]] = True
        shifted = some[:, good] - self.first[columns[good]]
        self.sums[:, columns[good]] += shifted.sum(axis=0), (shifted**2).sum(axis=0)

    def _step(self, block: np.ndarray, columns: np.ndarray) -> None:
        """Look for equal steps from row to row, or for rising and falling numbers."""
        if not len(block):
            return
        some = block[:, columns]
        steps = np.diff(some, axis=0, prepend=self.last[None, columns])
        fresh = np.isnan(self.step[columns])
        self.step[columns] = step = np.where(fresh, steps[0], self.step[columns])
        near = np.abs(steps - step) <= 1e-6 * np.abs(step)
        self.even[columns] &= near.all(axis=0) & (step != 0)
        self.rising[columns] &= (steps > 0).all(axis=0)
        self.falling[columns] &= (steps < 0).all(axis=0)

    def doubts(self) -> tuple[str, ...]:
        """Return why the table should not be analysed as it is, one line each kind."""
        return (*self._codes(), *self._counters(), *self.copies.doubts())

    def _counters(self) -> list[str]:
        if self.rows < FEWEST:
            return []
        n, low, high = self.rows, self.low.seen[0], -self.high.seen[0]
        shift = low - self.first
        mean = self.sums[0] / n - shift
        square = self.sums[1] / n - 2 * shift * self.sums[0] / n + shift**2
        # whole numbers with the range, mean and mean square of n in a row are these numbers
        each = self.single & (high - low == n - 1) & np.isclose(mean, (n - 1) / 2, rtol=1e-9)
        each &= np.isclose(square, (n - 1) * (2 * n - 1) / 6, rtol=1e-9)
        gaps = self.single & (self.rising | self.falling) & (high - low < 2 * n)
        found = np.flatnonzero(each | gaps | self.even)
        return _sentence(
            [(int(k), f"goes from {low[k]:g} to {high[k]:g} as rows are counted") for k in found],
            "leave it out, it is no measurement",
        )

    def _codes(self) -> list[str]:
        sides = (
            (1, self.low, self.high, self.low.odd()),
            (-1, self.high, self.low, self.high.odd()),
        )
        found = [
            (column, f"holds {value:g} in {count} of {self.rows} rows, far from all else")
            for column in _apart(self.low, self.high)
            for sign, ends, others, odd in sides
            if odd[column]
            for value, count in _codes(sign, self.rows, ends, others, column)
        ]
        return _sentence(found, "if that stands for a missing value, leave such rows out")


class _Ends:
    """The three lowest values of every column that differ, and how often they occur.

    Only where the lowest are apart from the others are values beyond them, and counts, exact.
    """

    def __init__(self) -> None:
        self.seen = np.full((3, 0), np.inf)
        self.counts = np.zeros((3, 0), int)

    def see(self, block: np.ndarray, lowest: np.ndarray, highest: np.ndarray) -> None:
        """Take in a block (rows, dim), given its lowest and highest values (dim,)."""
        if not self.seen.size:
            self.seen = np.full((3, len(lowest)), np.inf)
            self.counts = np.zeros((3, len(lowest)), int)
        with np.errstate(invalid="ignore"):
            gaps = np.diff(self.seen, axis=0) > APART * (highest - self.seen[1:])
        columns = np.flatnonzero((lowest < self.seen[0]) | gaps.any(axis=0))
        some, least = block[:, columns], lowest[columns]
        values, counts = [*self.seen[:, columns]], [*self.counts[:, columns]]
        for _ in range(3):
            values.append(least)
            here = some == least
            counts.append(np.count_nonzero(here, axis=0))
            np.copyto(some, np.inf, where=here)
            least = some.min(axis=0)
        merged = _merged(np.array(values), np.array(counts))
        self.seen[:, columns], self.counts[:, columns] = merged

    def odd(self) -> np.ndarray:
        """Return where `_is_code` could be true of the lowest value, (dim,): mostly nowhere."""
        return (np.abs(self.seen[0]) > 90) | (self.counts[0] > 1)


def _merged(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the three lowest values of each column that differ, and sums of their counts."""
    order = values.argsort(axis=0)
    values, counts = (np.take_along_axis(x, order, 0) for x in (values, counts))
    for i in range(1, len(values)):
        same = values[i] == values[i - 1]
        counts[i] += np.where(same, counts[i - 1], 0)
        values[i - 1][same] = np.inf
    order = values.argsort(axis=0, kind="stable")[:3]
    values, counts = (np.take_along_axis(x, order, 0) for x in (values, counts))
    return values, np.where(np.isinf(values), 0, counts)


def _apart(low: _Ends, high: _Ends) -> list[int]:
    """Return the columns of which a value at one end is far enough from all others for a code."""
    found = np.zeros(low.seen.shape[1], bool)
    for ends, others in ((low, high), (high, low)):
        first, second = -others.seen[0], -others.seen[1]
        top = np.where(np.isfinite(second), second, first)
        for many in (1, 2):
            value, before = ends.seen[many], ends.seen[many - 1]
            there = np.isfinite(value)
            gap, rest = value[there] - before[there], top[there] - value[there]
            found[there] |= gap > APART * rest
    return np.flatnonzero(found).tolist()


def _codes(
    sign: int, rows: int, ends: _Ends, others: _Ends, column: int
) -> list[tuple[float, int]]:
    """Return the values at one end of a column that stand for nothing, and their counts."""
    values, counts = sign * ends.seen[:, column], ends.counts[:, column]
    top = -sign * others.seen[:, column]
    top = float(top[1] if _usual(top[0]) and np.isfinite(top[1]) else top[0])
    for many in (2, 1):
        if not np.isfinite(values[many]):
            continue
        gap = abs(values[many] - values[many - 1])
        rest = max(sign * (top - values[many]), 0.0)
        single = counts[many] == 1
        pairs = [(float(values[i]), int(counts[i])) for i in range(many)]
        if all(_is_code(value, count / rows, count, single, gap, rest) for value, count in pairs):
            return pairs
    return []


def _usual(value: float) -> bool:
    """Return whether a number is one that people take for missing values: 99, -999, 2^15 - 1."""
    digits = f"{abs(value):.12g}".replace(".", "")
    repeated = len(digits) > 2 and len({*digits[:-1]}) == 1 and {*digits} <= SURE
    return (repeated and abs(value) > 90) or value in INTEGERS or abs(value) >= FILL


def _is_code(value: float, share: float, count: int, single: bool, gap: float, rest: float) -> bool:
    """Return whether a value stands for nothing.

    It occurs `count` times, in a `share` of the rows, at a distance `gap` from all others, which
    have the range `rest`; `single` says whether that next to it occurs once.
    """
    if abs(value) >= FILL:
        return gap > 1e6 * rest
    if _usual(value):
        return gap > 0.5 * rest or (single and count > 2 and gap > APART * rest)
    if value in UNSURE:
        return count > 1 and gap > rest
    often = (count > 2 and gap > 3 * rest) or (count > 1 and gap > 100 * rest)
    return rest > 0 and share < RARE and often


def _sentence(found: list[tuple[int, str]], cure: str) -> list[str]:
    """Return one line about the first of the columns, which names the others."""
    if not found:
        return []
    (first, words), others = found[0], sorted({column + 1 for column, _ in found[1:]})
    others = [str(column) for column in others if column != first + 1]
    more = ", ".join(others[:MOST_NAMED]) + ", ..." * (len(others) > MOST_NAMED)
    more = f" (and so on in column{'s' * (len(others) > 1)} {more})" if others else ""
    return [f"column {first + 1} {words}{more}: {cure}"]
