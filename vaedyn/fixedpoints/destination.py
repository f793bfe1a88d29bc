"""The fixed point in which a trajectory ends, past all saddles on its way."""

from itertools import combinations
from typing import Any

import numpy as np

from ..errors import ConvergenceError
from ..kernels.constants import Constants
from ..learning.theory import integrate
from ..model.params import Params
from ..model.schedules import Constant
from ..model.state import pack, unpack
from .groups import TOLERANCE
from .newton import eigenvalues, newton, residual

NEAR = 0.05  # change of a state by Newton's method that leaves no doubt where it leads
SLOW = 1e-5  # residual from which on Newton's method is tried
MARGINAL = 1e-8  # growth rates, per tau, closer to zero decide nothing
SLOWEST = 1e-4  # rates, per tau, below which nobody waits for a trajectory to move on
LARGE = 700  # order parameters from which dense matrices of Newton's method take seconds
RELAXED = 1e-7  # residual at which the ODE of so many has come to its end
RESTING = 1e-5  # change of a state under Adam that has come to rest
CLOSEST = 1e-6  # relative tolerance: with a looser one a trajectory jitters and never settles
TURNING = 1e-3  # relative height of the peaks of what oscillates
ENDLESS = 1000.0  # span, in units of 1/tau, from which on lasting peaks are no passage
TINY = 1e-16  # absolute tolerance: below any real deviation from a saddle, above rounding


def destination(params: Params, y: np.ndarray, rtol: float) -> np.ndarray:
    """Return the fixed point in which the trajectory from the start of `params` ends, past `y`.

    Under Adam, whose rates change with the state, it is where the ODE comes to rest: whether it
    would leave again is not asked.

    Raises
    ------
    DivergenceError
        When learning diverges.
    ConvergenceError
        When Newton's method fails, the trajectory goes from saddle to saddle, or it has
        left a symmetry of the start, as only rounding does.
    """
    find = _rest if params.adam else _destination
    point = find(params, y, min(rtol, CLOSEST))
    pairs = alike(params)
    if any(not np.allclose(point, _exchanged(params, point, *pair), atol=1e-6) for pair in pairs):
        raise ConvergenceError(in_words(pairs))
    return point


def alike(params: Params) -> list[tuple[int, int, int]]:
    """Return pairs of latents that the start does not distinguish, and their relative sign.

    The ODE keeps them so for ever.
    """
    parts = params.overlaps()
    y = pack(**parts)
    marks = np.stack([parts["D"], *(np.diag(parts[name]) for name in "QER")], axis=1)
    return [
        (i, j, sign)
        for i, j in combinations(range(params.latent), 2)
        if (marks[i] == marks[j]).all()
        for sign in (1, -1)
        if (_exchanged(params, y, i, j, sign) == y).all()
    ]


def in_words(pairs: list[tuple[int, int, int]]) -> str:
    """Return that latents start alike, in words."""
    which = ", ".join(str(i + 1) for i in sorted({i for pair in pairs for i in pair[:2]}))
    return (
        f"the start is symmetric: it does not tell latents {which} apart, and the ODE never does; "
        "where they part, rounding has parted them: start them apart"
    )


def _exchanged(params: Params, y: np.ndarray, i: int, j: int, sign: int) -> np.ndarray:
    """Return `y` with two latents exchanged, and their signs turned where `sign` is -1."""
    turn = np.eye(params.latent)
    turn[[i, j]] = sign * turn[[j, i]]
    parts = unpack(y, params.latent, params.signal)
    moved = {name: turn @ parts[name] for name in "md"}
    moved |= {name: turn @ parts[name] @ turn.T for name in "QER"}
    return pack(**moved, D=np.abs(turn) @ parts["D"])


def _destination(params: Params, y: np.ndarray, rtol: float) -> np.ndarray:
    """Return the fixed point in which the trajectory through `y` ends, at the final value of beta.

    Of more than LARGE order parameters it is where the ODE itself comes to rest, to
    RELAXED: whether it would leave again is not asked.
    """
    model = Constants.of(params)
    if len(y) > LARGE:
        y = _settle(params, y, rtol, RELAXED)
        left = residual(model, y)
        if left < RELAXED:
            return y
        raise ConvergenceError(
            f"the trajectory creeps, at a residual of {left:.3g}: a larger t_max "
            "comes closer to its end"
        )
    for _ in range(20):
        y = _settle(params, y, rtol, SLOW)
        point = _refine(params, y)
        rates = np.real(eigenvalues(model, point))
        growth = float(np.nanmax(rates))
        moved = float(np.abs(point - y).max())
        if growth <= MARGINAL * params.rate and moved <= NEAR * max(1.0, np.abs(y).max()):
            return point
        # too far from it for certainty, or a saddle: whatever part of y lies along its
        # unstable directions grows e^50 times while it is followed on
        pace = growth if growth > MARGINAL * params.rate else max(-growth, MARGINAL * params.rate)
        if pace < SLOWEST * params.rate:
            break
        times = np.array([0.0, 50 / pace])
        y = integrate(params, y, times, Constant(), rtol=rtol, atol=TINY)[0][-1]
        if growth > MARGINAL * params.rate and np.abs(y - point).max() < 1e-3:
            return point  # there was no such part: this is where the start leads
    raise ConvergenceError(
        "the trajectory passes more than 20 saddles, or creeps, as between signals of nearly the "
        "same strength or near a threshold: a larger t_max comes closer to its end"
    )


def _rest(params: Params, y: np.ndarray, rtol: float) -> np.ndarray:
    """Return where the ODE comes to rest: it hardly changes in half of a time that doubles."""
    span, moved = max(params.t_max, 10 / params.rate), np.inf
    for _ in range(16):
        times = np.array([0.0, 0.5 * span, span])
        _, half, y = integrate(params, y, times, Constant(), rtol=rtol, atol=RESTING * rtol)[0]
        moved = float(np.abs(y - half).max())
        if moved < RESTING * max(1.0, float(np.abs(y).max())):
            return y
        span *= 2
    raise ConvergenceError(
        f"under Adam learning has not come to rest: it still moves by {moved:.3g}"
    )


def peak(course: np.ndarray) -> Any:
    """Return by how much any component of (..., times, values) goes beyond both its ends, (...)."""
    first, last = course[..., 0, :], course[..., -1, :]
    above = course.max(axis=-2) - np.maximum(first, last)
    below = np.minimum(first, last) - course.min(axis=-2)
    return np.maximum(above, below).max(axis=-1)


def _settle(params: Params, y: np.ndarray, rtol: float, slow: float) -> np.ndarray:
    """Integrate on at constant beta until the residual is below `slow`, for at most ~10^6/tau.

    Raises
    ------
    ConvergenceError
        When what turns back does so as far after twice and four times as long.
    """
    span, before, lasting = max(params.t_max, 10 / params.rate), 0.0, 0
    for _ in range(16):
        if residual(Constants.of(params), y) < slow:
            break
        times = np.append(0.0, span * np.linspace(0.5, 1, 65))
        course = integrate(params, y, times, Constant(), rtol=rtol, atol=TINY)[0]
        y = course[-1]
        height = float(peak(course[1:])) / max(1.0, float(np.abs(y).max()))
        steady = height > TURNING and 0.5 * before < height < 2 * before
        lasting = lasting + 1 if steady and span * params.rate > ENDLESS else 0
        if lasting > 1:
            raise ConvergenceError("the order parameters go on oscillating: there is a limit cycle")
        before, span = height, 2 * span
    return y


def _refine(params: Params, start: np.ndarray) -> np.ndarray:
    """Return the fixed point next to `start`."""
    y = newton(Constants.of(params), start)
    left = residual(Constants.of(params), y)
    if not left < TOLERANCE:
        raise ConvergenceError(
            f"Newton's method ended at a residual of {left:.3g}, above {TOLERANCE:g}: near a "
            "threshold learning slows down without end; a larger t_max starts closer"
        )
    return y
