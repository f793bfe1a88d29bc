"""Limit cycles as roots of the flow over one period: shooting, its derivative, multipliers.

Seydel, "Practical Bifurcation and Stability Analysis" (2010), chapter 7. The derivative
of the flow solves a linear equation, whose solution over a short time is the exponential
of a Magnus series of order 6 (Blanes, Casas, Oteo and Ros, Physics Reports 470, 2009).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..kernels.constants import Constants
from ..learning.solve import solve
from ..model.schedules import Constant
from .newton import jacobian, symmetric, symmetry_tangents, velocity

RTOL, ATOL = 1e-12, 1e-14
PARTS = 6  # in a time 1/tau, at first, over each of which there is one exponential
FEWEST_PARTS, MOST_PARTS = 64, 4096  # of a period
TRIVIAL = 1e-6  # of the trivial multiplier from 1, or twice as many parts are tried
SAMPLES = 480  # states on a cycle, a multiple of 2, 3 and 4
CLOSED = 1e-9  # of an order parameter, relative to 1 and to the largest, after a period
MOST_STEPS = 60_000  # of an integration over a period
FAR = 1e3  # times the natural size of order parameters: beyond it, it diverges
SMALL, TERMS = 0.5, 14  # rows of matrices, whose exponential has this many terms to 1e-17
NODES = np.array([0.5 - np.sqrt(0.15), 0.5, 0.5 + np.sqrt(0.15)])  # of Gauss, in a part


def course(model: Constants, start: np.ndarray, times: np.ndarray, rtol: float = RTOL):
    """Return the states at `times` from `start` at time 0, (times, values).

    Raises
    ------
    DivergenceError, ConvergenceError
        As `vaedyn.theory` does.
    """
    from ..kernels import flows

    most = max(MOST_STEPS, int(300 * times[-1] * model.lr))
    states, _ = solve(
        flows.of_sgd(model), start, np.concatenate([[0.0], times]), Constant(),
        beta=float(model.beta), pace=lambda: f"{model.lr:g}", rtol=rtol, atol=ATOL,
        bound=FAR * float(max(model.rho.max() + model.eta, 1 / model.eta, np.abs(start).max())),
        at_once=20_000, most=most,
    )  # fmt: skip
    return states[1:]


def monodromy(
    model: Constants,
    start: np.ndarray,
    period: float,
    parts: int = 0,
    forcing: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Return the derivative of the flow over a period in the independent entries, (free, free).

    `parts` is the number of steps; 0 leaves it to the period. `forcing` returns the derivative
    (states, free) of dy/dt at states by a constant: that of the flow is then a last column, over
    a last row of zeros and a one.
    """
    parts = parts or _parts(model, period)
    h = period / parts
    states = course(model, start, ((np.arange(parts)[:, None] + NODES) * h).ravel())
    rates = np.array([jacobian(model, y) for y in states]) * (model.lr * h)
    if forcing is not None:  # a constant is one more entry of the state, which stays what it is
        rates = np.pad(rates, ((0, 0), (0, 1), (0, 1)))
        rates[:, :-1, -1] = h * forcing(states)
    a, b, c = rates[0::3], rates[1::3], rates[2::3]
    first, second, third = b, np.sqrt(15) / 3 * (c - a), 10 / 3 * (c - 2 * b + a)
    one = _commutator(first, second)
    two = -_commutator(first, 2 * third + one) / 60
    exponent = first + third / 12 + _commutator(-20 * first - third + one, second + two) / 240
    whole = np.eye(exponent.shape[-1])
    for step in exponentials(exponent):
        whole = step @ whole
    return whole


def exponentials(matrices: np.ndarray) -> np.ndarray:
    """Return the exponential of each of many small matrices (n, size, size).

    By its series, of matrices halved until they are small, and squared again. This multiplies
    only, while a method that solves equations waits for threads of BLAS most of the time.
    """
    largest = float(np.abs(matrices).sum(axis=-1).max(initial=0.0))
    if not np.isfinite(largest):
        return np.full_like(matrices, np.nan)
    halvings = max(0, int(np.ceil(np.log2(max(largest, 1e-300) / SMALL))))
    halved, one = matrices / 2.0**halvings, np.eye(matrices.shape[-1])
    found = one + halved / TERMS
    for k in range(TERMS - 1, 0, -1):
        found = one + halved @ found / k
    for _ in range(halvings):
        found = found @ found
    return found


def _parts(model: Constants, period: float) -> int:
    return int(np.clip(PARTS * period * model.lr, FEWEST_PARTS, MOST_PARTS))


def _commutator(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a @ b - b @ a


class Cycle(NamedTuple):
    """A limit cycle at one point.

    Attributes
    ----------
    x : float
        The constant that varies.
    start : (values,)
        A state on it.
    period : float
    states : (SAMPLES, values)
        At equal times, from `start` on.
    multipliers : (free,) complex
        Floquet multipliers by falling size but for the trivial ones, which are nan at the end:
        one, and one for each rotation among equal signals that moves the cycle.
    trivial : float
        How far the trivial ones are from 1: the accuracy of all.
    matrix : (free, free), or with a column and a row more
        Derivative of the flow over a period, see `monodromy`.
    """

    x: float
    start: np.ndarray
    period: float
    states: np.ndarray
    multipliers: np.ndarray
    trivial: float
    matrix: np.ndarray

    @property
    def outside(self) -> int:
        """How many multipliers are outside the unit circle."""
        return int((np.abs(self.multipliers) > 1 + 1e-6).sum())

    @property
    def amplitude(self) -> float:
        """Half of how far the order parameter goes that goes furthest."""
        return 0.5 * float(np.ptp(self.states, axis=0).max())


def cycle_at(
    model: Constants,
    x: float,
    start: np.ndarray,
    period: float,
    forcing: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Cycle:
    """Return what is known of the limit cycle through `start`; `forcing` as in `monodromy`."""
    parts = _parts(model, period)
    while True:
        matrix = monodromy(model, start, period, parts, forcing)
        free = len(matrix) - (forcing is not None)
        multipliers, trivial = _multipliers(model, start, matrix[:free, :free])
        if trivial < TRIVIAL or 2 * parts > MOST_PARTS:
            break
        parts *= 2
    times = np.arange(1, SAMPLES) * (period / SAMPLES)
    states = np.vstack([start, course(model, start, times)])
    return Cycle(x, start, period, states, multipliers, trivial, matrix)


def _multipliers(
    model: Constants, start: np.ndarray, matrix: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the Floquet multipliers as in `Cycle`, and how far trivial ones are from 1."""
    _, gather = symmetric(model.latent, model.signal)
    still = [gather @ velocity(model, start), *symmetry_tangents(model, start) @ gather.T]
    count = int(np.linalg.matrix_rank(np.array(still), tol=1e-9 * np.linalg.norm(still[0])))
    values = np.linalg.eigvals(matrix).astype(complex)
    values = values[np.argsort(np.abs(values - 1))]
    trivial, rest = values[:count], values[count:]
    rest = rest[np.lexsort((np.imag(rest), -np.abs(rest)))]
    gone = np.full(count, np.nan + 0j)
    return np.concatenate([rest, gone]), float(np.abs(trivial - 1).max())


class Shooting:
    """The equations of a cycle: the flow over a period leads back, and its phase is fixed.

    The unknowns are the independent entries of a state, the logarithm of the period and u,
    which goes from 0 to 1 while the constant that varies goes through its range.
    """

    def __init__(self, path: Callable[[float], Constants], low: float, high: float):
        self.path, self.low, self.high = path, low, high
        model = path(high)
        self.spread, self.gather = symmetric(model.latent, model.signal)

    def x(self, point: np.ndarray) -> float:
        """Return the constant that varies."""
        return self.low + float(point[-1]) * (self.high - self.low)

    def point(self, start: np.ndarray, period: float, x: float) -> np.ndarray:
        """Return the unknowns, (free + 2,)."""
        u = (x - self.low) / (self.high - self.low)
        return np.concatenate([self.gather @ start, [np.log(period), u]])

    def split(self, point: np.ndarray) -> tuple[Constants, np.ndarray, float]:
        """Return the constants, the state and the period."""
        return self.path(self.x(point)), self.spread @ point[:-2], float(np.exp(point[-2]))

    def cycle(self, point: np.ndarray) -> Cycle:
        """Return the cycle at a solution."""
        model, start, period = self.split(point)
        return cycle_at(model, self.x(point), start, period, self.forcing(point))

    def forcing(self, point: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return the derivative (states, free) of dy/dt by u as a function of states."""
        from ..kernels import flows

        x, span = self.x(point), self.high - self.low
        # the drift is at most quadratic in any constant, but for the time that lr sets the unit of,
        # in which it is cubic: differences of order 4 lose nothing
        h = max(1e-2 * abs(x), 1e-4 * span)
        models = [(self.path(x + k * h), w) for k, w in ((-2, 1), (-1, -8), (1, 8), (2, -1))]

        def slope(states: np.ndarray) -> np.ndarray:
            rates = [w * flows.derivatives(model, states) for model, w in models]
            return np.sum(rates, axis=0) * (span / (12 * h)) @ self.gather.T

        return slope

    def missed(self, point: np.ndarray) -> np.ndarray:
        """Return by how much the flow over a period misses the start, (free,)."""
        model, start, period = self.split(point)
        return self.gather @ (course(model, start, np.array([period]))[-1] - start)

    def phase(self, point: np.ndarray) -> np.ndarray:
        """Return unit directions in which cycles nearby may not move, (1 + rotations, free)."""
        model, start, _ = self.split(point)
        rows = [velocity(model, start), *symmetry_tangents(model, start)]
        found = np.array(rows) @ self.gather.T
        sizes = np.linalg.norm(found, axis=1)
        return (found / np.maximum(sizes, 1e-300)[:, None])[sizes > 1e-9 * sizes[0]]

    def slope(self, point: np.ndarray, matrix: np.ndarray | None = None) -> np.ndarray:
        """Return the derivative of `missed`, and the rows of `phase` below it."""
        model, start, period = self.split(point)
        if matrix is None:
            matrix = monodromy(model, start, period, forcing=self.forcing(point))
        matrix, along = matrix[:-1, :-1], matrix[:-1, -1]
        ahead = self.gather @ velocity(model, start) * (model.lr * period)
        top = np.column_stack([matrix - np.eye(len(matrix)), ahead, along])
        fixed = self.phase(point)
        return np.vstack([top, np.column_stack([fixed, np.zeros((len(fixed), 2))])])

    def corrected(
        self, guess: np.ndarray, across: np.ndarray, slope: np.ndarray, most: int = 14
    ) -> np.ndarray | None:
        """Return the solution in the plane through `guess` across a direction, or None.

        The steps are those of Newton's method at first, from a `slope` close by, and then
        of Broyden's, who corrects that by what each step has changed.
        """
        matrix = np.vstack([slope, across])
        rows = len(self.gather)
        rest = matrix[rows:]
        point, value = guess.copy(), self._left(guess, guess, rest)
        for _ in range(most):
            if value is None:
                return None
            size = max(1.0, float(np.abs(point[:-2]).max()))
            if np.abs(value).max() < 0.01 * CLOSED * size:
                return point
            step = -np.linalg.lstsq(matrix, value, rcond=1e-13)[0]
            if not 0 < np.abs(step).max() <= 1:
                return None
            point = point + step
            after = self._left(point, guess, rest)
            if after is None:
                return None
            if np.abs(step).max() < 1e-13 and np.abs(after).max() < CLOSED * size:
                return point
            wrong = after - value - matrix @ step
            wrong[rows:] = 0
            matrix = matrix + np.outer(wrong, step / (step @ step))
            value = after
        size = max(1.0, float(np.abs(point[:-2]).max()))
        good = value is not None and np.abs(value).max() < CLOSED * size
        return point if good else None

    def _left(self, point: np.ndarray, guess: np.ndarray, rest: np.ndarray) -> np.ndarray | None:
        """Return the left sides of all equations, None where the flow diverges."""
        model, start, _ = self.split(point)
        if not (np.isfinite(point).all() and (start[-model.latent :] > 0).all()):
            return None
        try:
            return np.concatenate([self.missed(point), rest @ (point - guess)])
        except (DivergenceError, ConvergenceError):
            return None
