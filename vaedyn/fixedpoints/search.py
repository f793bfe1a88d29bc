"""Fixed points that no closed form gives: Newton's method from many random weights."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..machine import cores
from ..model.params import Params, integer
from ..model.records import Progress
from ..model.state import count, unpack
from .destination import LARGE
from .groups import TOLERANCE, of_weights
from .newton import eigenvalues, newton, residual, symmetric
from .symmetries import fingerprint, turns
from .trials import grouped, trials

MOST = 1_000_000  # starts
STEPS = 200  # of Newton's method, from each
SHAKEN = 1e-3  # relative change of a state from which the next step is not known
RISING = (0.1, 0.3, 0.5, 0.7, 0.85)  # of the noise of steps, at which groups settle first
LONGEST = 0.1  # of a step, relative to 1 and the largest order parameter
PIECE = 50  # starts at most between two looks at the progress
CLOSE = 1e-6  # residual, relative to that size, from which on dense steps lead on
LOOSE = 1e-2  # eigenvalue below zero, relative to what it consists of, that no rounding makes
RTOL, ATOL = 1e-5, 1e-6  # of fingerprints of one state


class Starts(NamedTuple):
    """How many states a search starts from, and the seed that they are drawn with."""

    number: int
    seed: int


class Search(NamedTuple):
    """What a search has found beside states that were known.

    Attributes
    ----------
    states : list of (values,)
        Those that were not known.
    found : list of int
        How often each state was found: first those that were known, then the others.
    converged : int
        How many starts led to a fixed point.
    unphysical : int
        How many of these led to order parameters that no weights have.
    """

    states: list[np.ndarray]
    found: list[int]
    converged: int
    unphysical: int

    def info(self, starts: Starts) -> dict[str, Any]:
        """Return how it went as plain data, see `FixedPoints.search`."""
        known = len(self.found) - len(self.states)
        return {
            "starts": starts.number,
            "seed": starts.seed,
            "converged": self.converged,
            "unphysical": self.unphysical,
            "found": self.found,
            "new": [n >= known for n in range(len(self.found))],
        }


def starts_of(params: Params, number: int, seed: int) -> Starts:
    """Return the starts of a search, after checking that it is derived and ends some day."""
    starts = Starts(integer("search", number, 1), integer("search_seed", seed, 0))
    if starts.number > MOST:
        raise ParameterError("search", f"must be at most {MOST}, got {number}")
    if params.adam:
        raise ParameterError("search", "is not derived for adam; leave it out")
    size = count(params.latent, params.signal)
    if size > LARGE:
        reason = f"is for at most {LARGE} order parameters, and these are {size}: lower latent"
        raise ParameterError("search", reason)
    return starts


def searched(
    model: Constants,
    known: Sequence[np.ndarray],
    starts: Starts,
    progress: Progress | None = None,
) -> Search:
    """Return the fixed points that Newton's method finds from random weights."""
    prints: list[np.ndarray] = []
    ends: list[np.ndarray] = []  # the first one of each fingerprint
    times: list[int] = []
    converged = unphysical = done = 0
    for states, residuals in _settled(model, starts):
        size = np.maximum(1.0, np.abs(states).max(axis=1))
        for y in states[residuals < CLOSE * size]:
            if not of_weights(unpack(y, model.latent, model.signal), slack=LOOSE):
                converged += 1
                unphysical += 1
                continue
            mark = fingerprint(model, y)
            at = _same(prints, mark)
            if at is None:
                prints.append(mark)
                ends.append(y)
                times.append(0)
            times[-1 if at is None else at] += 1
        done += len(states)
        if progress:
            progress(done, starts.number)
    marks = [fingerprint(model, y) for y in known]
    found, new = [0] * len(known), []
    for y, n in zip(ends, times, strict=True):
        y = newton(model, y)
        if not residual(model, y) <= TOLERANCE * max(1.0, float(np.abs(y).max())):
            continue
        converged += n
        if not of_weights(unpack(y, model.latent, model.signal)):
            unphysical += n
            continue
        mark = fingerprint(model, y)
        at = _same(marks, mark)
        if at is None:
            at = len(marks)
            marks.append(mark)
            new.append(y)
            found.append(0)
        found[at] += n
    return Search(new, found, converged, unphysical)


def spectrum(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return the eigenvalues at a fixed point, nan for directions of its continuum, (free,)."""
    return eigenvalues(model, y, beside=turns(model, y))


def _settled(model: Constants, starts: Starts) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield where Newton's method leads, (n, values), and the residuals there, (n,).

    Groups are those of small learning rates, and settle at rising ones.
    """
    from ..kernels.settle import SINGULAR, settle

    spread, _ = symmetric(model.latent, model.signal)
    which, counts = spread.argmax(axis=1), spread.sum(axis=0)
    piece = int(np.clip(PIECE * (PIECE / len(counts)) ** 3, 1, PIECE))

    def settled_at(y: np.ndarray, one: Constants, shaken: np.ndarray) -> np.ndarray:
        """Move states to the fixed points next to them; return the residuals that are left."""
        residuals, rows = np.full(len(y), np.inf), np.arange(len(y))
        for factor in (1.0, shaken):
            if len(rows):
                moved = (y * factor)[rows]
                left, status = np.empty(len(rows)), np.empty(len(rows), np.int64)
                many = one.many().at(np.zeros(len(rows), int))
                settle(moved, many, which, counts, STEPS, LONGEST, TOLERANCE, left, status)
                y[rows], residuals[rows] = moved, left
                rows = rows[(status == SINGULAR) & (left > CLOSE)]
        return residuals

    def settled(first: int) -> tuple[np.ndarray, np.ndarray]:
        last = min(first + piece, starts.number)
        numbers = np.arange(first, last)
        y = trials(model, starts.seed, first, last)
        noise = np.random.default_rng([starts.seed, first, 1]).normal(size=y.shape)
        shaken = 1 + SHAKEN * noise
        for share in RISING:
            rising = np.flatnonzero(grouped(numbers))
            moved = y[rising]
            settled_at(moved, model._replace(batch=model.batch / share), shaken[rising])
            there = np.isfinite(moved).all(axis=1)
            y[rising[there]] = moved[there]
        return y, settled_at(y, model, shaken)

    pool = ThreadPoolExecutor(cores())
    try:
        yield from pool.map(settled, range(0, starts.number, piece))
    finally:
        pool.shutdown(cancel_futures=True)


def _same(marks: Sequence[np.ndarray], mark: np.ndarray) -> int | None:
    """Return the number of the first fingerprint that is as good as `mark`."""
    if not marks:
        return None
    near = np.abs(np.array(marks) - mark) <= ATOL + RTOL * np.abs(mark)
    at = np.flatnonzero(near.all(axis=1))
    return int(at[0]) if len(at) else None
