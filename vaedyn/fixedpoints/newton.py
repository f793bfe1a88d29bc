"""The ODE at constant beta: its drift, its linearisation, and Newton's method."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ConvergenceError
from ..kernels.constants import Constants
from ..model.quantities import NAMES
from ..model.state import count, pack, places, unpack


def velocity(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return ``(dy/dt) / tau``, (values,)."""
    from ..kernels import flows

    return flows.derivative(model, y) / model.lr


def velocities(model: Constants, states: np.ndarray) -> np.ndarray:
    """Return `velocity` at many states, (states, values)."""
    from ..kernels import flows

    return flows.derivatives(model, states) / model.lr


def residual(model: Constants, y: np.ndarray) -> float:
    """Return the largest ``|dy/dt| / tau``."""
    return float(np.abs(velocity(model, y)).max(initial=0.0))


@lru_cache
def symmetric(latent: int, signal: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices between the flat state and its independent entries.

    The first (values, free) spreads the entries of Q and E over both their
    places, the second (free, values) gathers them again by averaging.
    """
    target, at = np.arange(count(latent, signal)), places(latent, signal)
    for square in (at["Q"], at["E"]):
        target[square] = np.minimum(square, square.T)
    columns, index = np.unique(target, return_inverse=True)
    spread = np.zeros((len(target), len(columns)))
    spread[np.arange(len(target)), index] = 1
    return spread, spread.T / spread.sum(axis=0)[:, None]


def jacobian(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return the Jacobian of `velocity` in the independent entries of the state, (free, free)."""
    from ..kernels import flows

    full = flows.jacobian(model, y) / model.lr
    spread, gather = symmetric(model.latent, model.signal)
    return gather @ full @ spread


def newton(
    model: Constants, start: np.ndarray, tolerance: float = 1e-13, still: float = 1e-10
) -> np.ndarray:
    """Return the fixed point next to `start`, by Newton's method in the symmetric entries.

    It stops when the residual is below `tolerance` or the state no longer
    changes; the caller looks at the residual that is left. Directions along which the drift
    changes by less than `still` times the most are left alone.
    """
    spread, gather = symmetric(model.latent, model.signal)
    y = spread @ (gather @ start)
    for _ in range(50):
        slope = velocity(model, y)
        if not np.isfinite(slope).all() or np.abs(slope).max(initial=0.0) < tolerance:
            break
        # least squares: the Jacobian is singular along symmetries and at thresholds
        step = np.linalg.lstsq(jacobian(model, y), gather @ slope, rcond=still)[0]
        previous, y = y, y - spread @ step
        if np.abs(y - previous).max() <= 1e-15 * max(1.0, np.abs(y).max()):
            break
    return y


def sort_modes(values: np.ndarray) -> np.ndarray:
    """Return complex eigenvalues by falling real part, nan last."""
    return values[np.lexsort((np.imag(values), -np.real(values)))]


def eigenvalues(
    model: Constants,
    y: np.ndarray,
    cross: np.ndarray | None = None,
    beside: np.ndarray | None = None,
) -> np.ndarray:
    """Return the eigenvalues of the Jacobian of dy/dt, per unit of time, (free,) complex.

    They fall by real part; nan at the end stands for modes of a symmetry.
    `cross` (values,) may select entries that deviate by themselves, and `beside` (tangents,
    values) are directions of fixed points beside rotations among signals.
    """
    matrix = jacobian(model, y)
    _, gather = symmetric(model.latent, model.signal)
    tangents = symmetry_tangents(model, y) @ gather.T
    if beside is not None:
        tangents = np.vstack([tangents, beside @ gather.T])
    if cross is not None:
        chosen = gather @ cross > 0
        matrix, tangents = matrix[np.ix_(chosen, chosen)], tangents[:, chosen]
    values = model.lr * np.linalg.eigvals(matrix).astype(complex)
    still = int(np.linalg.matrix_rank(tangents, tol=1e-6)) if len(tangents) else 0
    if still and np.abs(matrix @ tangents.T).max() > 1e-6:
        raise ConvergenceError("a symmetry of the signals does not leave the drift unchanged")
    values = values[np.argsort(np.abs(values))][still:]
    return np.concatenate([sort_modes(values), np.full(still, np.nan + 0j)])


def symmetry_tangents(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return how rotations among signals of equal strength move `y`, (rotations, values)."""
    rho, tangents = model.rho.tolist(), []
    if len(set(rho)) == len(rho):
        return np.empty((0, len(y)))
    parts = unpack(y, model.latent, model.signal)
    for k in range(model.signal):
        for j in range(k):
            if rho[j] == rho[k]:
                turn = np.zeros((model.signal, model.signal))
                turn[j, k], turn[k, j] = 1, -1
                still = {name: np.zeros_like(parts[name]) for name in NAMES}
                tangents.append(pack(**{**still, "m": parts["m"] @ turn, "d": parts["d"] @ turn}))
    return np.array(tangents).reshape(len(tangents), len(y))


def equivalent(
    one: tuple[np.ndarray, int, np.ndarray],
    other: tuple[np.ndarray, int, np.ndarray],
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> bool:
    """Return whether signs, permutations and rotations may turn one state into the other.

    States come with their number of latents and the strengths of their signals.
    """

    def invariants(y: np.ndarray, latent: int, rho: np.ndarray) -> np.ndarray:
        parts = unpack(y, latent, len(rho))
        both = np.hstack([parts["m"], parts["d"]]) * np.sqrt(np.tile(rho, 2))
        squares = [parts[name] @ parts[name].T for name in "QER"]
        return np.concatenate(
            [np.sort(parts["D"])]
            + [np.sort(np.diag(square)) for square in (both @ both.T, *squares)]
        )

    return bool(np.allclose(invariants(*one), invariants(*other), rtol=rtol, atol=atol))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where `function` changes its sign between `low` and `high`, to rounding."""
    from scipy.optimize import brentq

    precision: Any = {"xtol": 1e-15 * max(abs(low), abs(high)), "rtol": 1e-14}
    found: Any = brentq(function, low, high, **precision)
    return float(found)
