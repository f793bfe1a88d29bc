"""Where learning ends: fixed points of the order parameters' ODE and their stability."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .annealing import Constant
from .errors import ConvergenceError, ParameterError
from .initial import NAMES
from .ode import integrate, theory, tolerances
from .params import Params
from .results import LABELS, OrderParameters, Store, Variables
from .state import pack, unpack

NUMERICS = 1  # raised when the same parameters give other numbers
TOLERANCE = 1e-10  # of the residual max |dy/dt| / tau
MARGINAL = 1e-8  # eigenvalues, per tau, closer to the imaginary axis decide nothing
TINY = 1e-30  # absolute tolerance that keeps the smallest deviation from a saddle alive
ALIVE = 1e-8  # a latent with a smaller Q_ii has collapsed

LABELS.update(
    residual=("largest |dy/dt| / tau", (), "1"),
    max_eigenvalue=("largest real part of the eigenvalues of the Jacobian", (), "1"),
    eigenvalues_re=("eigenvalues of the Jacobian, real part", ("mode",), "1"),
    eigenvalues_im=("eigenvalues of the Jacobian, imaginary part", ("mode",), "1"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPoints(OrderParameters):
    """Fixed points; the leading axis is (points,).

    Attributes
    ----------
    residual : (points,)
        Largest ``|dy/dt| / tau`` over the order parameters.
    eigenvalues_re, eigenvalues_im : (points, modes)
        Growth rates of small deviations per unit of time, by falling real
        part. Q and E stay symmetric; directions along which a symmetry moves
        the fixed point (rotations among signals of equal strength) are left
        out and read as nan.
    max_eigenvalue : (points,)
        The largest real part.
    labels : list of str
        ``learned``, ``partly learned``, ``noise-fitting``, ``entangled`` or ``collapsed``.
    stable : (points,) bool
        Whether `max_eigenvalue` is negative, and not just marginally so.
    thresholds : dict
        ``collapse``: the beta above which even the strongest signal is not
        learned; ``noise``: the beta below which spare latents fit noise. Both
        in the limit of a small learning rate.
    """

    residual: np.ndarray
    max_eigenvalue: np.ndarray
    eigenvalues_re: np.ndarray
    eigenvalues_im: np.ndarray

    @property
    def labels(self) -> list[str]:
        return [
            classify({name: getattr(self, name)[i] for name in NAMES})
            for i in range(len(self.residual))
        ]

    @property
    def stable(self) -> np.ndarray:
        return self.max_eigenvalue < -MARGINAL * self.params.lr

    @property
    def marginal(self) -> np.ndarray:
        """Whether linear stability decides nothing (points,), as exactly at a threshold."""
        return np.abs(self.max_eigenvalue) <= MARGINAL * self.params.lr

    @property
    def thresholds(self) -> dict[str, float]:
        eta, lam = self.params.eta, self.params.lam
        return {
            "collapse": collapse_threshold(max(self.params.strengths) + eta, lam),
            "noise": collapse_threshold(eta, lam),
        }


def collapse_threshold(variance: float, lam: float) -> float:
    """Return the beta above which no latent can live on a direction of the given data variance.

    The collapsed state is stable there iff ``(1 + lam)(s beta + lam) > s^2``
    (small learning rate); s is rho_k + eta along a signal, eta elsewhere.
    """
    return float(variance / (1 + lam) - lam / variance)


def classify(parts: dict[str, np.ndarray]) -> str:
    """Return the label of one fixed point, see `FixedPoints`."""
    m, Q = parts["m"], parts["Q"]
    strength = np.diag(Q)
    alive = strength > ALIVE
    if not alive.any():
        return "collapsed"
    m, Q, strength = m[alive], Q[np.ix_(alive, alive)], strength[alive]
    scale = np.sqrt(np.outer(strength, strength))
    if (np.abs(Q - np.diag(strength)) > 1e-6 * scale).any():
        return "entangled"
    on_signal = (m**2).sum(axis=1) > 0.5 * strength
    if not on_signal.all():
        return "noise-fitting"
    return "learned" if on_signal.sum() == min(parts["m"].shape) else "partly learned"


def fixed_points(
    params: Params, *, rtol: float = 1e-8, atol: float = 1e-10, store: Store | None = None
) -> FixedPoints:
    """Find where the ODE's trajectory ends, and the collapsed state, with their stability.

    The end of the trajectory (taken from the store if it is there) is
    integrated on until it barely moves and then refined by Newton's method, at
    the end value of beta. Where that is a saddle which the trajectory only
    passes slowly, it is followed on. The collapsed state has ``m = d = Q = E = R = 0``
    and D = 1. When the trajectory ends there, it is listed once.

    Parameters
    ----------
    params : Params
    rtol, atol : float
        Tolerances of the trajectory, see `vaedyn.theory`.
    store : ResultStore, optional
        Where to look for the trajectory and the result, and to keep both.

    Raises
    ------
    ParameterError
        When beta is 0: encoder variances then shrink for ever.
    ConvergenceError
        When Newton's method does not reach a residual of 1e-10.
    DivergenceError
        When the trajectory has no end.
    """
    rtol, atol = tolerances(rtol, atol)
    if params.beta == 0:
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")

    def compute() -> FixedPoints:
        trajectory = theory(params, rtol=rtol, atol=atol, store=store)
        end = pack(**{name: getattr(trajectory, name)[-1] for name in NAMES})
        reached = _end(params, end, rtol)
        states = [_collapsed(params)]
        if classify(unpack(reached, params.latent, params.signal)) != "collapsed":
            states.insert(0, reached)
        spectra = np.array([eigenvalues(params, y) for y in states])
        return FixedPoints.from_states(
            params,
            np.array(states),
            residual=np.array([residual(params, y) for y in states]),
            max_eigenvalue=np.nanmax(np.real(spectra), axis=1),
            eigenvalues_re=np.real(spectra),
            eigenvalues_im=np.imag(spectra),
        )

    if store is None:
        return compute()

    def variables() -> tuple[Variables, dict[str, Any]]:
        result = compute()
        return result.to_variables("point"), result.info

    record = {**params.to_dict(), "rtol": rtol, "atol": atol, "numerics": NUMERICS}
    return FixedPoints.from_saved(params, store.load_or_run("fixedpoints", record, variables))


def _collapsed(params: Params) -> np.ndarray:
    size, latent = params.latent**2, params.latent
    return np.concatenate([np.zeros(2 * latent * params.signal + 3 * size), np.ones(latent)])


def velocity(params: Params, y: np.ndarray) -> np.ndarray:
    """Return dy/dt at the end value of beta, (values,)."""
    from .kernels import ode

    out = np.empty_like(y)
    work = np.empty(ode.scratch(params.latent, params.signal))
    ode.drift(
        y, params.beta, params.strengths, params.eta, params.lam, params.lr, params.latent,
        work, out,
    )  # fmt: skip
    return out


def residual(params: Params, y: np.ndarray) -> float:
    """Return the largest ``|dy/dt| / tau``."""
    return float(np.abs(velocity(params, y)).max() / params.lr)


@lru_cache
def _symmetric(latent: int, signal: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices between the flat state and its independent entries.

    The first (values, free) spreads the entries of Q and E over both their
    places, the second (free, values) gathers them again by averaging.
    """
    square = np.arange(latent**2).reshape(latent, latent)
    folded = np.minimum(square, square.T).ravel()
    start = 2 * latent * signal
    target = np.arange(start + 3 * latent**2 + latent)
    for at in (start, start + latent**2):  # Q and E
        target[at : at + latent**2] = at + folded
    columns, index = np.unique(target, return_inverse=True)
    spread = np.zeros((len(target), len(columns)))
    spread[np.arange(len(target)), index] = 1
    return spread, spread.T / spread.sum(axis=0)[:, None]


def jacobian(params: Params, y: np.ndarray) -> np.ndarray:
    """Return the Jacobian of `velocity` in the independent entries of the state, (free, free)."""
    from .kernels import jit, ode

    jit.announce(ode.jacobian)
    full = ode.jacobian(
        y, params.beta, params.strengths, params.eta, params.lam, params.lr, params.latent
    )
    spread, gather = _symmetric(params.latent, params.signal)
    return gather @ full @ spread


def _end(params: Params, y: np.ndarray, rtol: float) -> np.ndarray:
    """Return the fixed point in which the trajectory through `y` ends.

    Raises
    ------
    ConvergenceError
        When Newton's method fails, or the trajectory goes from saddle to saddle.
    """
    for _ in range(20):
        y = _settle(params, y, rtol)
        point = _refine(params, y)
        growth = float(np.nanmax(np.real(eigenvalues(params, point))))
        if growth <= MARGINAL * params.lr:
            return point
        # a saddle: whatever part of y lies along its unstable directions has grown e^50 times
        times = np.array([0.0, 50 / growth])
        y = integrate(params, y, times, Constant(), rtol=rtol, atol=TINY)[0][-1]
        if np.abs(y - point).max() < 1e-3:
            return point  # there was no such part: this is where the start leads
    raise ConvergenceError("the trajectory passes more than 20 saddles: raise --t-max")


def _settle(params: Params, y: np.ndarray, rtol: float) -> np.ndarray:
    """Integrate on at constant beta until the state moves slowly, for at most ~10^6/tau."""
    span = max(params.t_max, 10 / params.lr)
    for _ in range(16):
        if residual(params, y) < 1e-5:
            break
        times = np.array([0.0, span])
        y = integrate(params, y, times, Constant(), rtol=rtol, atol=TINY)[0][-1]
        span *= 2
    return y


def _refine(params: Params, start: np.ndarray) -> np.ndarray:
    """Return the fixed point next to `start`, by Newton's method in the symmetric entries."""
    spread, gather = _symmetric(params.latent, params.signal)
    y = spread @ (gather @ start)
    for _ in range(100):
        if residual(params, y) < 1e-3 * TOLERANCE:
            break
        # least squares: the Jacobian is singular along symmetries and at thresholds
        step = np.linalg.lstsq(
            jacobian(params, y) / params.lr, gather @ velocity(params, y) / params.lr, rcond=1e-10
        )[0]
        previous, y = y, y - spread @ step
        if np.abs(y - previous).max() <= 1e-15 * max(1.0, np.abs(y).max()):
            break
    left = residual(params, y)
    if not left < TOLERANCE:
        raise ConvergenceError(
            f"Newton's method ended at a residual of {left:.3g}, above {TOLERANCE:g}: near a "
            "threshold learning slows down without end; start closer with a larger --t-max"
        )
    moved = np.abs(y - start).max()
    if moved > 0.05 * max(1.0, np.abs(start).max()):
        raise ConvergenceError(
            f"Newton's method left the end of the trajectory (by {moved:.3g}): "
            "raise --t-max so that learning comes closer to its end"
        )
    return y


def eigenvalues(params: Params, y: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the Jacobian per unit of time, (free,) complex.

    They fall by real part; nan at the end stands for modes of a symmetry.
    """
    matrix = jacobian(params, y)
    values = np.linalg.eigvals(matrix).astype(complex)
    zero_modes = _symmetry_modes(params, y, matrix)
    values = values[np.argsort(np.abs(values))][zero_modes:]
    values = values[np.lexsort((np.imag(values), -np.real(values)))]
    return np.concatenate([values, np.full(zero_modes, np.nan + 0j)])


def _symmetry_modes(params: Params, y: np.ndarray, matrix: np.ndarray) -> int:
    """Return how many independent rotations among signals of equal strength move `y`."""
    parts = unpack(y, params.latent, params.signal)
    _, gather = _symmetric(params.latent, params.signal)
    tangents = []
    for k in range(params.signal):
        for j in range(k):
            if params.strengths[j] == params.strengths[k]:
                turn = np.zeros((params.signal, params.signal))
                turn[j, k], turn[k, j] = 1, -1
                still = {name: np.zeros_like(parts[name]) for name in NAMES}
                moved = {**still, "m": parts["m"] @ turn, "d": parts["d"] @ turn}
                tangents.append(gather @ pack(**moved))
    if not tangents:
        return 0
    rank = int(np.linalg.matrix_rank(np.array(tangents), tol=1e-6))
    drift = np.abs(matrix @ np.array(tangents).T).max()
    if drift > 1e-6 * params.lr:
        raise ConvergenceError(f"a symmetry of the signals does not leave the drift: {drift:.3g}")
    return rank
