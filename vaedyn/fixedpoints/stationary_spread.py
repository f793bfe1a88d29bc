"""How far single runs at finite N stray from a stable fixed point, when time has passed.

The covariance P of deviations, times N, no longer changes: ``J P + P J^T + B = 0``, with the
Jacobian J of dy/dt and the covariance B of one step, see `vaedyn.kernels.fluctuations`. It is
solved for groups of order parameters that do not see one another.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants, second
from ..kernels.independent import free
from ..learning.bands import stds_of
from ..learning.spread_of_errors import normals, square_root
from ..model.params import Params
from ..model.quantities import NAMES, OBSERVABLES
from ..model.state import generalisation_error, generalisation_error_rotation, places
from .newton import jacobian, symmetric, symmetry_tangents
from .varied import constants_of

MOST = 1100  # independent order parameters; beyond it the spread is nan
NEUTRAL = 1e-8  # eigenvalues, per tau, that are zero or decide nothing
STIFF, FEW = 1e10, 30  # ratio of rates, and order parameters up to which it is borne
UNRELATED = 1e-13  # of the largest entry of J or B


def stationary_stds(
    models: Sequence[Params], states: np.ndarray, stable: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the standard deviations of all quantities around stable fixed points.

    Parameters
    ----------
    models : sequence of Params
        The model of each point; N is its `dim`.
    states : (points, values)
    stable : (points,)
        Where to compute them; elsewhere they are nan.

    Returns
    -------
    dict
        Arrays like those of `vaedyn.model.results.OrderParameters`, (points, ...).

    Raises
    ------
    ParameterError
        Under adam, for which they are not derived.
    """
    if any(params.adam for params in models):
        raise ParameterError("optimiser", "the spread of runs is not derived for adam")
    found: dict[str, np.ndarray] = {}
    for i in np.flatnonzero(stable).tolist():
        P = covariance(constants_of(models[i]), states[i])
        if P is None:
            continue
        params, y, P = models[i], states[i], P / models[i].dim
        errors = _of_errors(params, y, P)
        C = P[np.tril_indices(len(P))]
        for name, values in stds_of(params, y[None], C[None], errors).items():
            empty = np.full((len(states), *values.shape[1:]), np.nan)
            found.setdefault(name, empty)[i] = values[0]
    return found or spread_out({}, models[0], len(states))


def _of_errors(params: Params, y: np.ndarray, P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations of both generalisation errors, eps_g first, (1,) each.

    They are those of `vaedyn.learning.spread_of_errors`, without its machine code: a gradient,
    and beyond it, where errors are not smooth, averages over the same gaussian points.
    """
    M, K = params.latent, params.signal
    at, (_, which) = places(M, K), free(M, K)
    take = np.zeros((M * K + 1, len(P)))  # the overlaps, and the trace of Q
    take[np.arange(M * K), which[at["m"].ravel()]] = 1.0
    take[-1, which[np.diag(at["Q"])]] = 1.0
    C, full = take @ P @ take.T, y[np.unique(which, return_index=True)[1]]
    x, step = take @ full, 1e-6 * max(1.0, float(np.sqrt(np.abs(y).max())))
    points = np.swapaxes(normals(len(x)), 1, 2).reshape(-1, len(x)) @ square_root(C)

    def stds(error: Callable[..., np.ndarray]) -> np.ndarray:
        def of(x: np.ndarray) -> np.ndarray:
            return error(x[:, :-1].reshape(-1, M, K), x[:, -1:, None], params.strengths)

        steps = step * np.eye(len(x))
        slope = (of(x + steps) - of(x - steps)) / (2 * step)
        linear = points @ slope
        rest = of(x + points) - of(x[None]) - linear
        rest = rest - rest.mean()
        return np.sqrt([max(slope @ C @ slope + np.mean(rest * (rest + 2 * linear)), 0.0)])

    return stds(generalisation_error), stds(generalisation_error_rotation)


def closely(stds: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return standard deviations as plain data, of points at which they are known only."""
    known = np.flatnonzero(np.isfinite(stds["kl"]))
    return {"at": known.tolist(), **{name: x[known].tolist() for name, x in stds.items()}}


def spread_out(kept: dict[str, Any], params: Params, points: int) -> dict[str, np.ndarray]:
    """Return standard deviations of what `closely` has made of them, nan where not known."""
    M, K = params.latent, params.signal
    shapes = {"m": (M, K), "d": (M, K), "Q": (M, M), "E": (M, M), "R": (M, M), "D": (M,)}
    shapes |= {"kl_per_latent": (M,)}
    found = {
        name: np.full((points, *shapes.get(name, ())), np.nan) for name in (*NAMES, *OBSERVABLES)
    }
    for name, values in found.items():
        if kept.get("at"):
            values[kept["at"]] = kept[name]
    return found


def covariance(model: Constants, y: np.ndarray) -> np.ndarray | None:
    """Return N times the covariance of independent order parameters around `y`, (free, free).

    What rotations among equal signals change, along which runs diffuse without an end, is left
    out. None where the point is not stable, there are more than `MOST` order parameters, or
    their rates are too far apart, see `_stationary`.
    """
    from scipy.sparse.csgraph import connected_components

    _, gather = symmetric(model.latent, model.signal)
    if len(gather) > MOST:
        return None
    J, B = model.lr * jacobian(model, y), covariance_of_step(model, y)
    tangents = symmetry_tangents(model, y) @ gather.T
    still = int(np.linalg.matrix_rank(tangents, tol=1e-6)) if len(tangents) else 0
    related = (np.abs(J) > UNRELATED * np.abs(J).max()) | (np.abs(B) > UNRELATED * np.abs(B).max())
    count, group = connected_components(related, directed=False)
    P, zeros = np.zeros_like(J), 0
    for k in range(count):
        own = np.ix_(group == k, group == k)
        part, neutral = _stationary(J[own], B[own], NEUTRAL * model.lr)
        if part is None:
            return None
        P[own], zeros = part, zeros + neutral
    return P if zeros == still else None


def _stationary(J: np.ndarray, B: np.ndarray, least: float) -> tuple[np.ndarray | None, int]:
    """Return the solution off the modes that do not decay, and how many of those there are.

    It is None where one grows, or rates are so far apart that rotations lose slow modes in the
    rounding errors of fast ones, and there are too many to eliminate them instead.
    """
    from scipy.linalg import schur, solve_continuous_lyapunov

    rates = np.linalg.eigvals(J).real
    if rates.max() < -least and np.abs(J).max() > STIFF * np.abs(rates).min():
        return (_by_elimination(J, B) if len(J) <= FEW else None), 0
    found: Any = schur(J, output="real", sort=lambda re, _: re < -least)
    T, Z, decaying = found
    neutral = len(J) - decaying
    if neutral:
        if rates.max() > least:
            return None, neutral
        # coordinates along the modes that decay, in a basis that the others complete
        others: Any = schur(J, output="real", sort=lambda re, _: re >= -least)
        basis = np.hstack([Z[:, :decaying], others[1][:, :neutral]])
        rows = np.linalg.inv(basis)[:decaying]
    else:
        rows = Z.T
    X = solve_continuous_lyapunov(T[:decaying, :decaying], -rows @ B @ rows.T)
    P = Z[:, :decaying] @ X @ Z[:, :decaying].T
    return (P + P.T) / 2, neutral


def _by_elimination(J: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return the solution of ``J P + P J^T + B = 0``, each equation in its own units."""
    n = len(J)
    matrix = np.kron(J, np.eye(n)) + np.kron(np.eye(n), J)
    rows = np.abs(matrix).max(axis=1)
    columns = np.abs(matrix / rows[:, None]).max(axis=0)
    P = np.linalg.solve(matrix / rows[:, None] / columns, -B.ravel() / rows) / columns
    P = P.reshape(n, n)
    return (P + P.T) / 2


def covariance_of_step(model: Constants, y: np.ndarray) -> np.ndarray:
    """Return B, N^2 times the covariance of one step's increments, (free, free).

    It is that of `vaedyn.kernels.fluctuations`, without machine code.
    """
    from ..kernels import fluctuations

    M, K, sampled = model.latent, model.signal, bool(model.sampled)
    pairs = fluctuations.products(M, K, sampled)[free(M, K)[0]]
    size = K + (3 if sampled else 2) * M
    rows, base = np.empty((fluctuations.forms(M, K, sampled), size)), np.empty((size, size))
    fluctuations.coefficients.py_func(y, model, rows)
    fluctuations.covariance_of_base.py_func(y, model, base)
    of = rows @ base @ rows.T
    B = np.zeros((len(pairs), len(pairs)))
    for p, q in (pairs[:, :2].T, pairs[:, 2:].T):
        for r, s in (pairs[:, :2].T, pairs[:, 2:].T):
            B += of[np.ix_(p, r)] * of[np.ix_(q, s)] + of[np.ix_(p, s)] * of[np.ix_(q, r)]
    return model.lr * second(model) * B
