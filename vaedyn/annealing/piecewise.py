"""The best piecewise linear schedule of beta, by sequential quadratic programming.

Learning is to be close to its final state from a time T on: T is made as small as it can be
while ``|eps_g - end|``, or that of the loss, stays within the tolerance at all later times.
Linear steps are good in a neighbourhood only, so that every round of the optimiser is kept in
a box, which grows while rounds succeed. Pieces are added one by one, and every number of pieces
starts from the best schedule with one piece less, so that more of them are never worse.
"""

from collections.abc import Callable, Iterator

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..fixedpoints.destination import destination
from ..learning.theory import VANISHED, integrate
from ..model.params import Params
from ..model.schedule import Schedule
from ..model.schedules import Points
from ..model.state import pack
from .criterion import EPS_G, of_states

HIGHEST = 300.0  # times the final value: the largest beta
LOWEST = 1e-9  # of it: less is none
SHORTEST, LONGEST = 1e-4, 1.0  # of the time at constant beta: the length of a piece
LATEST = 2.0  # of that time: when a schedule is given up
SHAPES = (
    # lengths of pieces, of the time at constant beta, and values of beta where they start
    ((0.05, 0.4), (0.5, 0.0)),
    ((0.02, 0.3, 0.4), (20.0, 0.0, 0.0)),
    ((0.1, 0.05, 0.1), (0.4, 0.0, 1.1)),
    ((0.08, 0.01, 0.02, 0.5), (0.0, 0.0, 20.0, 0.0)),
    ((0.02, 0.1, 0.05, 0.1), (0.3, 0.0, 0.4, 1.0)),
    ((0.1, 0.1, 0.1, 0.1), (0.5, 0.0, 0.5, 1.0)),
)
LATER = 160  # times after T at which the error is limited, closer together near T
GRID = 4000  # times at which a schedule is checked
LIMITS = (0.985, 0.998)  # of the tolerance, that the error keeps to: at first, and at last
ROUNDS = (600, 2400)  # evaluations in a box from each start, and from the best ones
BEST, FEW = 2, 4  # starts that are followed to the end, with at most so many pieces; else one
SPLITS = 3  # of the longest pieces, one is cut in two
STEP = 1e-5  # of differences
BEYOND = 20.0  # tolerances: larger errors are all alike
RTOL, ATOL = 1e-9, 1e-11
MOST_STEPS = 20_000

Accept = Callable[[Schedule], float]
"""Returns the time to converge under a schedule whose numbers are rounded."""


def evaluations(knots: int) -> int:
    """Return about how many schedules `best_pieces` looks at, at most."""
    starts = sum(SPLITS + sum(len(shape[0]) == k + 1 for shape in SHAPES) for k in range(knots))
    return ROUNDS[0] * starts + ROUNDS[1] * (knots + min(knots, FEW) * (BEST - 1))


def best_pieces(
    params: Params,
    knots: int,
    tol: float,
    scale: float,
    best: tuple[Schedule, float],
    accept: Accept,
    tick: Callable[[], None],
    criterion: str = EPS_G,
) -> tuple[Schedule, float]:
    """Return the best schedule of at most `knots` pieces, and its time to converge.

    Parameters
    ----------
    params : Params
    knots : int
    tol : float
        Tolerated distance from the end; a little less, so that rounding does no harm.
    scale : float
        The time to converge at constant beta.
    best : (Schedule, float)
        The best schedule known, of one piece or none, and its time.
    accept : callable
        Judges a schedule with rounded numbers; inf if it will not do.
    tick : callable
        Called before every evaluation.
    criterion : {"eps_g", "elbo"}
    """
    search = _Search(params, tol, scale, tick, criterion)
    start = search.numbers(best[0])
    for pieces in range(1, knots + 1):
        found = [search.improve(x, LIMITS[0], ROUNDS[0]) for x in _starts(start, pieces)]
        found.sort(key=lambda each: each[1])
        for x, _ in found[: BEST if pieces <= FEW else 1]:
            for limit in LIMITS:
                x, _ = search.improve(x, limit, ROUNDS[1] // len(LIMITS))
                best = min((best, search.rounded(x, accept)), key=lambda each: each[1])
        start = search.numbers(best[0])
    return best


def _starts(best: np.ndarray, pieces: int) -> Iterator[np.ndarray]:
    """Yield numbers of schedules of `pieces` pieces, from the best one and from shapes."""
    if len(best) == 2 * pieces:
        yield best
    while 0 < len(best) < 2 * (pieces - 1):
        best = _split(best, int(best[: len(best) // 2].argmax()))
    if len(best) == 2 * (pieces - 1):
        for at in np.argsort(-best[: pieces - 1])[:SPLITS].tolist():
            yield _split(best, at)
    for lengths, values in SHAPES:
        if len(lengths) == pieces:
            yield np.concatenate([np.log(lengths), np.arcsinh(values)])


def _split(x: np.ndarray, at: int) -> np.ndarray:
    """Return the numbers of the same schedule with one of its pieces cut in two."""
    pieces = len(x) // 2
    lengths, values = x[:pieces], np.append(np.sinh(x[pieces:]), 1.0)
    middle = np.arcsinh(values[at : at + 2].mean())
    halves = np.repeat(lengths[at] - np.log(2), 2)
    lengths = np.concatenate([lengths[:at], halves, lengths[at + 1 :]])
    return np.concatenate([lengths, np.insert(x[pieces:], at + 1, middle)])


class _Search:
    """Schedules as numbers: logarithms of lengths, and arsinh of beta over its final value.

    Lengths are in units of the time at constant beta; so is T, which follows them in states
    of the optimiser.
    """

    def __init__(
        self,
        params: Params,
        tol: float,
        scale: float,
        tick: Callable[[], None],
        criterion: str = EPS_G,
    ):
        self.params, self.tol, self.scale, self.tick = params, tol, scale, tick
        self.criterion = criterion
        self.start = pack(**params.overlaps())
        self.ends: list[tuple[np.ndarray, float]] = []
        self.later = np.linspace(0, 1, LATER) ** 2

    def numbers(self, schedule: Schedule) -> np.ndarray:
        """Return the numbers of a piecewise linear schedule; none for constant beta."""
        beta = self.params.beta
        times = np.concatenate([[0.0], schedule.kinks(np.inf)])
        heights = schedule(times[:-1], beta) / beta
        return np.concatenate([np.log(np.diff(times) / self.scale), np.arcsinh(heights)])

    def bounds(self, pieces: int) -> np.ndarray:
        """Return the least and the largest numbers, (2, 2 pieces + 1), that of T at last."""
        low = [np.log(SHORTEST)] * pieces + [0.0] * (pieces + 1)
        high = [np.log(LONGEST)] * pieces + [np.arcsinh(HIGHEST)] * pieces + [LATEST]
        return np.array([low, high])

    def schedule(self, x: np.ndarray, digits: int = 17) -> Points:
        """Return the schedule of some numbers."""
        pieces = len(x) // 2
        times = np.concatenate([[0.0], np.cumsum(np.exp(x[:pieces]))]) * self.scale
        heights = np.minimum(np.sinh(x[pieces : 2 * pieces]), HIGHEST)
        betas = np.where(heights < LOWEST, 0.0, heights) * self.params.beta

        def rounded(values: np.ndarray) -> tuple[float, ...]:
            return tuple(float(f"{value:.{digits}g}") for value in values)

        return Points(rounded(times), (*rounded(betas), self.params.beta))

    def states(self, x: np.ndarray, times: np.ndarray) -> np.ndarray | None:
        """Return the states at `times`; None if there are none, or an encoder variance vanishes."""
        self.tick()
        try:
            y, solver = integrate(
                self.params, self.start, times, self.schedule(x),
                rtol=RTOL, atol=ATOL, most=MOST_STEPS,
            )  # fmt: skip
        except (ConvergenceError, DivergenceError):
            return None
        return y if solver["least_variance"] > VANISHED else None

    def values(self, y: np.ndarray) -> np.ndarray:
        """Return eps_g, or the loss, of states (times, values)."""
        return of_states(self.params, y, self.criterion)

    def judge(self, x: np.ndarray) -> tuple[float, float]:
        """Return the time to converge, in units of `scale`, and the final value; inf if late."""
        times = np.linspace(0, LATEST, GRID + 1)
        y = self.states(x, times * self.scale)
        if y is None:
            return np.inf, np.nan
        end = self.end(y[-1])
        far = np.abs(self.values(y) - end)
        outside = np.flatnonzero(~(far <= self.tol))
        if not len(outside):
            return 0.0, end
        last = int(outside[-1])
        if last == GRID:
            return np.inf, end
        return float(np.interp(-self.tol, -far[last : last + 2], times[last : last + 2])), end

    def end(self, y: np.ndarray) -> float:
        """Return the value of the fixed point to which the state `y` leads; nan if unknown."""
        for point, end in self.ends:  # up to the signs of latents
            if np.abs(np.abs(y) - np.abs(point)).max() < self.tol:
                return end
        try:
            point = destination(self.params, y, RTOL)
        except (ConvergenceError, DivergenceError):
            return np.nan
        self.ends.append((point, float(self.values(point[None])[0])))
        return self.ends[-1][1]

    def improve(self, x: np.ndarray, limit: float, budget: int) -> tuple[np.ndarray, float]:
        """Return better numbers than `x`, and their time to converge."""
        pieces = len(x) // 2
        low, high = self.bounds(pieces)
        x = np.clip(x, low[:-1], high[:-1])
        best, end = self.judge(x)
        radius, spent, few = 0.3, 0, 0
        while np.isfinite(best) and radius > 1e-3 and few < 3 and spent < budget:
            at = np.append(x, best)
            box = np.maximum(low, at - radius), np.minimum(high, at + radius)
            y, used = self.minimum(at, end, limit, box)
            time, other = self.judge(y)
            spent += used + 1
            if time < best:
                few = few + 1 if best - time < 1e-6 * best else 0
                x, best, end, radius = y, time, other, min(1.5 * radius, 1.0)
            else:
                radius /= 3
        return x, best

    def minimum(
        self, at: np.ndarray, end: float, limit: float, box: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, int]:
        """Return the numbers in a box that make T least, and how many schedules were tried."""
        from scipy.optimize import minimize

        last: list[tuple[np.ndarray, np.ndarray]] = []
        used = 0

        def errors(x: np.ndarray) -> np.ndarray:
            """Return the errors after T in units of the limit."""
            nonlocal used
            used += 1
            times = np.concatenate([[0.0], (x[-1] + self.later) * self.scale])
            y = self.states(x[:-1], times)
            if y is None:
                return np.full(LATER, BEYOND)
            away = (self.values(y[1:]) - end) / (limit * self.tol)
            return np.clip(away, -BEYOND, BEYOND)

        def here(x: np.ndarray) -> np.ndarray:
            if not last or not np.array_equal(last[0][0], x):
                last[:] = [(x.copy(), errors(x))]
            return last[0][1]

        def slopes(x: np.ndarray) -> np.ndarray:
            base, columns = here(x), []
            for i in range(len(x)):
                step = STEP if x[i] + STEP <= box[1][i] else -STEP
                moved = x.copy()
                moved[i] += step
                columns.append((errors(moved) - base) / step)
            found = np.stack(columns, axis=1)
            return np.concatenate([-found, found])

        only = np.zeros(len(at))
        only[-1] = 1.0
        result = minimize(
            lambda x: x[-1], at, jac=lambda x: only, method="SLSQP",
            bounds=list(zip(*box, strict=True)), options={"maxiter": 12, "ftol": 1e-8},
            constraints={"type": "ineq", "jac": slopes,
                         "fun": lambda x: np.concatenate([1 - here(x), 1 + here(x)])},
        )  # fmt: skip
        return np.clip(result.x, *box)[:-1], used

    def rounded(self, x: np.ndarray, accept: Accept) -> tuple[Schedule, float]:
        """Return the schedule with as few digits as do no harm, and its time to converge."""
        exact = self.judge(x)[0] * self.scale
        schedule, time = self.schedule(x, 6), np.inf
        for digits in (6, 8, 10):
            schedule = self.schedule(x, digits)
            time = accept(schedule)
            if time < exact * (1 + 1e-3):
                break
        return schedule, time
