"""Where a gaussian start leads where no latent can live alone: a pair, oscillation, divergence."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..kernels.constants import Constants
from ..kernels.independent import free
from ..learning.solve import passed
from ..learning.theory import integrate, steps_at_once
from ..machine import cores
from ..model.params import Params
from ..model.schedules import Constant
from ..model.state import observables, pack, unpack
from .attractors import DIVERGING, OSCILLATING, PHASES, UNDECIDED
from .configurations import fitting
from .destination import TURNING, peak
from .groups import TOLERANCE
from .newton import eigenvalues, newton, residual
from .points import classify

DIM = 1000  # of the gaussian start
SPANS = (100.0, 400.0, 1500.0, 3000.0, 6000.0, 12000.0)  # in units of 1/tau
CLOSE = 1e-3  # residual from which Newton's method is worth its time early on
NEAR = 0.05  # change of a state by Newton's method that leaves no doubt where it leads
MARGINAL = 1e-8  # growth rates, per tau, closer to zero decide nothing
MOST_STEPS = 20_000
FEW_STEPS = 8000  # after which models at other rates are followed one by one, see `solve`
RTOL, ATOL = 1e-6, 1e-10
SAVES = np.linspace(0.9, 1, 33)  # of a span
PIECE = 4000  # models followed at once by a thread
MEMORY = 2e8  # bytes of their courses, in all threads
DIVERGED = 0.002  # of the usual bound, 20 times what oscillates: beyond it nothing turns back
CREEPING = 3000.0  # span from which on what does not turn is followed by longer steps
LONG_STEPS = 1000  # of these
UNSURE = 0.15  # of `MOST_STEPS`: so closely it is not known whether they are enough


class Outcome(NamedTuple):
    """Phase (index into PHASES), and eps_g, living latents and growth rate of a fixed point."""

    phase: int
    eps_g: float = np.nan
    active: int = -1
    growth: float = np.nan


def outcome(params: Params) -> Outcome:
    """Return where a gaussian start leads in the ODE, by t = 23000/tau at the latest.

    ``oscillating``: it turns back again and again, and Newton's method finds no stable
    point from there or from amid its course, or none that it has come near to. What
    creeps one way is waited for.
    """
    params, model = started(params), Constants.of(params)
    y = pack(**params.overlaps())
    bound = DIVERGED * params.bound(y)
    turning = False
    for span in SPANS:
        times = SAVES * span / params.rate
        times[0] = 0.0
        limits: Any = {"rtol": RTOL, "atol": ATOL, "most": MOST_STEPS, "bound": bound}
        try:
            course, _ = integrate(params, y, times, Constant(), **limits)
        except DivergenceError:
            return Outcome(DIVERGING)
        except ConvergenceError:
            return Outcome(UNDECIDED)
        y = course[-1]
        early = span == SPANS[0] and residual(model, y) > CLOSE
        size = max(1.0, float(np.abs(y).max()))
        turning = bool(peak(course[1:]) > TURNING * size)
        found = None if early else _stable_point(model, y)
        if found and np.abs(found[0] - y).max() < NEAR * size:
            return _at_rest(model, *found)
        around = turning and span > SPANS[0] and not found
        if around and _stable_point(model, course[1:].mean(axis=0)) is None:
            break
    return Outcome(OSCILLATING if turning else UNDECIDED)


def started(params: Params) -> Params:
    """Return `params` with the gaussian start of the map."""
    start: Any = {"init": "gaussian", "init_seed": 0, "anneal": "constant"}
    return params.replace(dim=DIM, t_max=1.0, points=2, **start)


def _stable_point(model: Constants, y: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Return the stable fixed point that Newton's method leads to, and its growth rate."""
    point = newton(model, y)
    if not residual(model, point) < TOLERANCE * max(1.0, float(np.abs(point).max())):
        return None
    growth = _growth(model, point)
    return (point, growth) if growth <= MARGINAL * model.lr else None


def _growth(model: Constants, point: np.ndarray) -> float:
    return float(np.nanmax(np.real(eigenvalues(model, point))))


def _at_rest(model: Constants, point: np.ndarray, growth: float) -> Outcome:
    parts = unpack(point, model.latent, model.signal)
    alive = fitting(model, parts)
    eps_g = float(observables(parts, model.rho, model.eta)["eps_g"])
    phase = PHASES.index(classify(parts, alive))
    return Outcome(phase, eps_g, int(alive.sum()), growth)


def outcomes(c: Constants, at: Callable[[int], Params]) -> dict[str, np.ndarray]:
    """Return phase, eps_g, active and growth (n,) of the outcomes of many models, on all cores.

    Parameters
    ----------
    c : Constants
        Of n models.
    at : callable
        Returns the parameters of one of them, by its number.
    """
    start = started(at(0))
    y = pack(**start.overlaps())
    many = _Many(c, y, passed(MOST_STEPS, steps_at_once(start)) if c.plain else FEW_STEPS, at)
    size = max(1, min(PIECE, int(MEMORY / (cores() * len(SAVES) * y.nbytes))))
    rows = np.arange(len(c.eta))
    with ThreadPoolExecutor(cores()) as pool:
        try:
            for span in SPANS:
                rows = rows[np.argsort(-many.steps[rows], kind="stable")]  # the longest ones first
                parts = min(max(-(-len(rows) // size), cores()), len(rows))
                pieces = [rows[i::parts] for i in range(parts)]
                left = list(pool.map(partial(many.follow, span=span), pieces))
                rows = np.concatenate([np.empty(0, int), *left])
        except BaseException:
            many.stop[0] = 1
            raise
    columns: Any = zip(*many.found, strict=True)
    return {name: np.array(column) for name, column in zip(Outcome._fields, columns, strict=True)}


class _Many:
    """Models that are followed together: what becomes of each is its `outcome`, found sooner."""

    def __init__(self, c: Constants, y: np.ndarray, most: int, at: Callable[[int], Params]):
        self.c, self.most, self.at = c, most, at
        self.stop = np.zeros(1, np.int64)  # another number ends what other threads are at
        self.y = np.tile(y, (len(c.eta), 1))
        natural = np.maximum(c.rho.max(axis=1) + c.eta, 1 / c.eta)
        self.bounds = DIVERGED * 1e4 * np.maximum(natural, max(1.0, np.abs(y).max()))
        rates = c.lr, c.lr * c.encoder, c.lr * c.variances
        self.numbers = np.column_stack(
            [c.beta, c.eta, c.lam, *rates, c.eta / c.batch, c.sampled, c.rho]
        )
        self.steps = -c.beta  # at first where D relaxes soonest, later the numbers of steps
        which = free(c.latent, c.signal)[1].astype(np.int64)
        self.places = which, np.bincount(which).astype(float)
        self.creeps = np.zeros(len(c.eta), bool)  # or else it turns, or nothing is known yet
        self.found = [Outcome(UNDECIDED)] * len(self.y)

    def follow(self, rows: np.ndarray, span: float) -> np.ndarray:
        """Follow some of them through a span; return those of which it is not known yet."""
        from ..kernels.courses import STOPPED

        creeping = self.creeps[rows] & (span >= CREEPING)
        if self.c.plain:  # others go on by long steps wherever short ones are too many
            share = self._expected(rows, span) / self.most
            able = (share < 1 + UNSURE) | ~creeping
            creeping &= share < 1 - UNSURE
            rows, creeping = rows[able], creeping[able]
        long, short = rows[creeping], rows[~creeping]
        status, course = self._by_long_steps(long, span)
        stopped = status == STOPPED
        kept = [self._ended(long[~stopped], status[~stopped], course[~stopped], span)]
        short = np.concatenate([short, long[stopped]])
        status, course = self._by_short_steps(short, span)
        if not self.c.plain:
            stopped = status == STOPPED
            status[stopped], course[stopped] = self._by_long_steps(short[stopped], span)
            for i in short[status == STOPPED].tolist():
                self.found[i] = outcome(self.at(i))
        kept.append(self._ended(short, status, course, span))
        return np.concatenate(kept)

    def _expected(self, rows: np.ndarray, span: float) -> np.ndarray:
        """Return how many short steps a span takes of what creeps: by time as many as before."""
        if span >= CREEPING:
            self.steps[rows] *= span / SPANS[SPANS.index(span) - 1]
        return self.steps[rows]

    def _by_short_steps(self, rows: np.ndarray, span: float) -> tuple[np.ndarray, np.ndarray]:
        """Return what becomes of some of them, and their courses (n, saves, values)."""
        from ..kernels import courses

        status, steps = np.zeros((2, len(rows)), np.int64)
        course = np.empty((len(rows), len(SAVES) - 1, self.y.shape[1]))
        courses.integrate(
            self.y[rows], self.numbers[rows], np.uint64(self.c.latent), SAVES[1:],
            span / self.c.lr[rows], self.bounds[rows], RTOL, ATOL, self.most, self.stop,
            status, steps, course,
        )  # fmt: skip
        self.steps[rows] = steps
        return status, course

    def _by_long_steps(self, rows: np.ndarray, span: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the same as `_by_short_steps`: quicker where steps are limited by stability."""
        from ..kernels import rosenbrock

        status = np.zeros(len(rows), np.int64)
        course = np.empty((len(rows), len(SAVES) - 1, self.y.shape[1]))
        if len(rows):
            rosenbrock.integrate(
                self.y[rows], self.c.at(rows), *self.places, SAVES[1:], span, self.bounds[rows],
                RTOL, ATOL, LONG_STEPS, self.stop, status, course,
            )  # fmt: skip
        return status, course

    def _ended(
        self, rows: np.ndarray, status: np.ndarray, course: np.ndarray, span: float
    ) -> np.ndarray:
        """Note what is known at the end of a span; return those of which it is not known yet."""
        from ..kernels import courses

        for i in rows[status == courses.DIVERGED].tolist():
            self.found[i] = Outcome(DIVERGING)
        done = status == courses.DONE
        return self._decide(rows[done], course[done], span)

    def _decide(self, rows: np.ndarray, course: np.ndarray, span: float) -> np.ndarray:
        """Return the models of which it is not known yet where they end."""
        y = self.y[rows] = course[:, -1]
        size = np.maximum(1.0, np.abs(y).max(axis=1))
        turning = peak(course) > TURNING * size
        self.creeps[rows] = ~turning
        later, last = span > SPANS[0], span == SPANS[-1]
        tried = np.ones(len(rows), bool) if later else ~(self._residuals(rows, y) > CLOSE)
        points = np.full_like(y, np.nan)
        points[tried] = self._points(rows[tried], y[tried])
        near = np.abs(points - y).max(axis=1) < NEAR * size
        kept = []
        for n, i in enumerate(rows.tolist()):
            one = self._one(i)
            found = None
            if near[n] or (turning[n] and later):
                found = self._stable(one, points[n])
            if found is not None and near[n]:
                self.found[i] = _at_rest(one, points[n], found)
                continue
            if turning[n]:
                around = later and found is None
                mean = self._points(rows[[n]], course[[n]].mean(axis=1))[0] if around else None
                if last or (mean is not None and self._stable(one, mean) is None):
                    self.found[i] = Outcome(OSCILLATING)
                    continue
            kept.append(i)
        return np.array(kept, int)

    def _stable(self, one: Constants, point: np.ndarray) -> float | None:
        """Return the growth rate at a point of `_points`, None where it is not stable."""
        if np.isnan(point).any():
            return None
        growth = _growth(one, point)
        return growth if growth <= MARGINAL * one.lr else None

    def _one(self, i: int) -> Constants:
        return self.c._each(lambda x: float(x[i]))._replace(rho=self.c.rho[i])

    def _residuals(self, rows: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the largest ``|dy/dt| / tau`` of each, (n,)."""
        return self._settle(rows, y.copy(), 0)[0]

    def _points(self, rows: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the fixed points that Newton's method leads to, (n, values), nan where to none.

        Where its steps have led far away, to where the Jacobian is singular, it is given up.
        """
        from ..kernels.settle import SINGULAR

        points = y.copy()
        left, status = self._settle(rows, points, 50)
        size = np.maximum(1.0, np.abs(y).max(axis=1))
        strayed = np.abs(points - y).max(axis=1) > size
        for n in np.flatnonzero((status == SINGULAR) & ~strayed):
            one = self._one(rows[n])
            points[n] = newton(one, y[n])
            left[n] = residual(one, points[n])
        there = left < TOLERANCE * np.maximum(1.0, np.abs(points).max(axis=1))
        return np.where(there[:, None], points, np.nan)

    def _settle(self, rows: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Make Newton's steps from `y` in place; return residuals and whether steps are known."""
        from ..kernels.settle import settle

        left, status = np.empty(len(rows)), np.empty(len(rows), np.int64)
        settle(y, self.c.at(rows), *self.places, most, np.inf, 1e-13, left, status)
        return left, status
