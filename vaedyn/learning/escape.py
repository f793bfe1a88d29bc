"""How long learning stays on its initial plateau: the time to escape, and its ln N growth.

Weights start almost at right angles to the signals, with overlaps of order 1/sqrt(N). While
these are small, the others (Q, E, R, D) settle on a plateau, on which the overlaps grow at
a rate g, still gaussian over runs. When they have become visible, the ODE alone leads on, from
where each run is. So the time to reach a given overlap is ``t - ln|x| / g`` beyond details, x
being gaussian with a variance that falls as 1/N: its mean grows as ``ln(N) / (2 g)``, and
its standard deviation, pi / (2 sqrt(2) g) for one signal, does not depend on N.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..errors import ConvergenceError, ParameterError
from ..model.asked import STEPS, params_of
from ..model.params import Fields, Params
from ..model.progress import Asked, shows
from ..model.records import Store, unwatched
from ..model.results import Trajectory
from ..model.state import pack, unpack
from .bands import RTOL, covariance_of_start
from .simulate import DIMS, model_of, simulate
from .theory import integrate

VISIBLE = 0.03  # of a learned overlap, in root mean square: where the linear stage ends
DOUBLED = 2.0  # times the initial overlap, which it reaches at least
TINY = 1e-12  # overlap that does not act back on the others while it grows a lot
CHUNK = 10.0  # time of a stretch of the linear stage, in units of 1/g at its start
STRETCHES = 60
POINTS = 400  # of time in a stretch
FURTHER = 8.0  # standard deviations beyond the mean up to which escapes are waited for
SAVED = 2001  # times saved by simulations
STARTS = 40  # values of x from which the ODE is followed
LEVELS = 20_000  # probabilities over which times are averaged
NARROW = 1e4  # squared mean over variance, from which on x hardly strays sideways


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Escape:
    """The time at which the overlap ``|m|`` of single runs reaches half of its final value.

    Attributes
    ----------
    rate : float
        g, at which small overlaps grow in the end.
    mean, std : float
        Of the time over runs at the given N.
    overlap : float
        ``|m|`` that counts as escaped.
    """

    rate: float
    mean: float
    std: float
    overlap: float


def escape(
    params: Params | None = None, *, random_start: bool = True, **changes: Unpack[Fields]
) -> Escape:
    """Return when runs escape the initial plateau, to leading order in 1/N.

    Parameters
    ----------
    params : Params, optional
        One latent, and signals of equal strength, at constant beta.
    random_start : bool
        As for `vaedyn.bands`.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError
        For other models.
    ConvergenceError
        When the plateau is stable: nothing is learned.
    """
    params = params_of(escape, params, changes, derived=STEPS)
    if params.latent != 1:
        raise ParameterError(
            "latent", f"escape times are known for one latent, got {params.latent}"
        )
    if len(set(params.strengths)) > 1:
        raise ParameterError("rho", "escape times are known for signals of equal strength")
    if params.schedule.spec != "constant":
        raise ParameterError("anneal", "escape times are known at constant beta")
    start = params.mean_overlaps() if random_start else params.overlaps()
    size = len(pack(**start))
    P = np.zeros((size, size))
    if random_start:
        P = covariance_of_start(params.replace(init=start, init_seed=0))
    t, y, shift, variance, rate, right = _linear_stage(params, start, P)
    times, overlap = _times_from(params, y, right, rate, np.sqrt(variance + (shift**2).sum()))
    log_x = _log_sizes(shift, variance)
    sample = t + np.interp(log_x, *times)
    return Escape(rate, float(sample.mean()), float(sample.std()), overlap)


def _linear_stage(params: Params, start: dict[str, np.ndarray], P: np.ndarray):
    """Follow small overlaps until they are visible.

    Returns
    -------
    t : float
        Time at which this stage ends.
    y : (values,)
        The order parameters there, at m = d = 0.
    shift : (signal,)
        Mean over runs of the amplitude x of the growing direction, for each signal.
    variance : float
        Of each component of x.
    rate : float
        Growth rate of x.
    right : (2,)
        The growing direction in (m, d), with m = 1.
    """
    K = params.signal
    overlaps = np.concatenate([start["m"].ravel(), start["d"].ravel()])
    largest = float(np.abs(overlaps).max())
    scale = TINY / largest if largest > 0 else 1.0
    y = pack(**start)
    y[: 2 * K] *= scale
    size, t = len(y), 0.0
    joint = np.concatenate([y, P.ravel()])
    initial = (overlaps[:K] ** 2).sum() + K * P[0, 0] / params.dim
    goal = max(VISIBLE**2 * params.strengths[0], DOUBLED**2 * initial)
    for stretch in range(STRETCHES):
        rate, _, _ = _growth(params, joint[:size])
        if rate <= 0 and stretch > 10:
            break
        span = CHUNK / max(abs(rate), 1e-3 * params.rate)
        times = np.linspace(0, span, POINTS)
        states, _ = integrate(params, joint, times, params.schedule, rtol=RTOL, atol=0.1 * TINY)
        for state, time in zip(states, t + times, strict=True):
            rate, right, left = _growth(params, state[:size])
            shift = state[: 2 * K].reshape(2, K).T @ left / scale
            block = state[size:].reshape(size, size)[np.ix_([0, K], [0, K])]
            variance = float(left @ block @ left) / params.dim
            if rate > 0 and (shift**2).sum() + K * variance >= goal:
                plateau = state[:size].copy()
                plateau[: 2 * K] = 0
                return float(time), plateau, shift, variance, rate, right
        joint, t = states[-1], t + span
    raise ConvergenceError("small overlaps do not grow at this beta: nothing is learned")


def _growth(params: Params, y: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the growth rate of small (m, d), and its right and left eigenvectors."""
    # model: linearisation, in m and d of one latent near 0
    parts = unpack(y, 1, params.signal)
    s, K = params.strengths[0] + params.eta, float(parts["Q"][0, 0]) + params.beta
    B = params.eta * float(parts["E"][0, 0]) + float(parts["D"][0]) + params.lam
    ratio = params.rates[1] / params.rates[0]
    # with the amplitude of d over the root of that ratio it is symmetric
    off = np.sqrt(ratio) * s
    matrix = params.rate * np.array([[-B, off], [off, -ratio * (K * s + params.lam)]])
    values, vectors = np.linalg.eigh(matrix)
    right = vectors[:, 1] / vectors[0, 1] * (1.0, np.sqrt(ratio))
    left = right / (1.0, ratio)
    return float(values[1]), right, left / (left @ right)


def _times_from(params: Params, plateau: np.ndarray, right: np.ndarray, rate: float, x: float):
    """Return times (ln |x|, t) from overlaps x on the plateau until half of the end, and that."""
    K = params.signal
    sizes = x * np.geomspace(1e-5, 10, STARTS)
    found, overlap = [], 0.0
    for size in sizes:
        y = plateau.copy()
        y[[0, K]] = size * right
        times = np.linspace(0, (max(0.0, -np.log(size)) + 40) / rate, 4001)
        states, _ = integrate(params, y, times, params.schedule, rtol=1e-8, atol=1e-12)
        m = np.abs(states[:, 0])
        overlap = overlap or 0.5 * float(m[-1])
        at = max(1, int(np.argmax(m >= overlap)))
        share = np.log(overlap / m[at - 1]) / np.log(m[at] / m[at - 1])
        found.append(times[at - 1] + share * (times[at] - times[at - 1]))
    return (np.log(sizes), np.array(found)), overlap


def _log_sizes(shift: np.ndarray, variance: float) -> np.ndarray:
    """Return the logarithm of ``|x|`` at evenly spaced probabilities, x a gaussian vector."""
    from scipy import special, stats

    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    square, count = float((shift**2).sum()), len(shift)
    if square > NARROW * variance:  # quantiles of ncx2 would take minutes there
        along = square**0.5 + variance**0.5 * special.ndtri(levels)
        return 0.5 * np.log(along**2 + (count - 1) * variance)
    squares = stats.ncx2.ppf(levels, count, max(square / variance, 1e-12))
    return 0.5 * np.log(variance * squares)


def escape_times(simulation: Trajectory, overlap: float) -> np.ndarray:
    """Return when each run's ``|m|`` first reaches `overlap`, (runs,); nan if it never does.

    In between saved times the overlap is taken to grow exponentially.
    """
    size = np.sqrt((simulation.m**2).sum(axis=(2, 3)))
    beyond = size >= overlap
    times = np.full(len(size), np.nan)
    for run in np.flatnonzero(beyond.any(axis=1)):
        at = int(beyond[run].argmax())
        low, high = size[run, max(at - 1, 0)], size[run, at]
        if at == 0:
            times[run] = simulation.t[0]
        elif low == 0:  # in the very first interval, from exactly nothing: no growth rate is known
            times[run] = simulation.t[at]
        else:
            share = np.log(overlap / low) / np.log(high / low)
            times[run] = np.interp(share, [0, 1], simulation.t[at - 1 : at + 1])
    return times


class Escaped(NamedTuple):
    """Escapes in theory and in simulations, at one N.

    Attributes
    ----------
    dim : int
        N.
    expected : Escape
    times : (escaped runs,)
        When runs escape; those that do not are left out.
    runs : Trajectory
        All runs.
    """

    dim: int
    expected: Escape
    times: np.ndarray
    runs: Trajectory


@shows()
def escapes(
    params: Params | None = None,
    dims: Sequence[int] = DIMS,
    *,
    store: Store | None = None,
    watch: Asked = unwatched,
    **ensemble: Any,
) -> list[Escaped]:
    """Return when runs escape the initial plateau at several N, in theory and in simulations.

    Every run draws its own initial weights, and is simulated until practically all
    have escaped.

    Parameters
    ----------
    params : Params, optional
        As for `vaedyn.escape`; its N, last time and number of saved times do not matter.
    dims : sequence of int
        The values of N.
    store : ResultStore, optional
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of each simulation.
    **ensemble
        `runs`, `seed`, `engine` and `jobs` of `vaedyn.simulate`, and parameters of the model,
        in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError, ConvergenceError
        As `vaedyn.escape` and `vaedyn.simulate` do.
    """
    params, ensemble = model_of(escapes, params, ensemble, derived=STEPS)
    theory = [escape(params, dim=dim) for dim in dims]
    found = []
    for dim, expected in zip(dims, theory, strict=True):
        t_max = float(f"{expected.mean + FURTHER * expected.std:.3g}")
        model = params.replace(dim=dim, t_max=t_max, points=min(SAVED, int(t_max * dim)))
        with watch(f"N = {dim}") as progress:
            runs = simulate(model, random_start=True, store=store, progress=progress, **ensemble)
        times = escape_times(runs, expected.overlap)
        late = np.isnan(times)
        if late.any():
            log.warning(
                "%d of %d runs at N = %d are left out: no escape", late.sum(), len(times), dim
            )
        found.append(Escaped(dim, expected, times[~late], runs))
    return found
