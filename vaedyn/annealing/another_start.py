"""How long learning takes from another start than that for which a schedule was found."""

import numpy as np

from ..errors import ConvergenceError, DivergenceError
from ..learning.theory import integrate
from ..model.params import Params
from ..model.schedule import Schedule
from ..model.start import GAUSSIAN, TORCH
from ..model.state import pack
from .criterion import of_states
from .time_to_converge import SETTLED

LATER = 10.0  # times the time to converge at constant beta: when learning is given up
GRID = 4000  # times at which it is looked at
MOST_STEPS = 100_000  # of the integration, which may be stiff
MOST_DRAWN = 1e7  # weights: more take seconds to draw
STRIDE = 0.5  # of E, that a step of SGD may add at first: beyond about 1 runs diverge at once


def another_start(init: object) -> str:
    """Return a start to compare `init` with: how PyTorch starts, or gaussian if it is this."""
    return GAUSSIAN if init == TORCH else TORCH


def time_from_another(
    params: Params,
    schedule: Schedule,
    tol: float,
    constant: float,
    end: float,
    *,
    criterion: str,
    rtol: float,
    atol: float,
) -> float:
    """Return the time after which learning from another start stays within `tol` of `end`.

    Parameters
    ----------
    params : Params
        The model with its own start.
    schedule : Schedule
    tol, criterion, rtol, atol
        See `vaedyn.time_to_converge`.
    constant : float
        The time at constant beta from the model's own start; ten times that are looked at.
    end : float
        The final value from there.

    Returns
    -------
    float
        nan where learning is not at `end` by then, diverges, as large Q lets SGD do at finite N,
        or is too stiff; and of very large models.
    """
    if params.dim * params.latent > MOST_DRAWN:
        return np.nan
    model = params.replace(init=another_start(params.init))
    times = np.linspace(0, LATER * constant, GRID + 1)
    overlaps = model.overlaps()
    start = pack(**overlaps)
    pull = float(model.rates[1]) / (1 - model.momentum) * model.eta * overlaps["Q"].max()
    if not model.adam and pull**2 / (model.batch * model.dim) > STRIDE:
        return np.nan
    try:
        y, _ = integrate(model, start, times, schedule, rtol=rtol, atol=atol, most=MOST_STEPS)
    except (ConvergenceError, DivergenceError):
        return np.nan
    far = np.abs(of_states(model, y, criterion) - end)
    if not (far[-GRID // 10 :] < SETTLED * tol).all():
        return np.nan
    outside = np.flatnonzero(~(far <= tol))
    if not len(outside):
        return 0.0
    around = slice(outside[-1], outside[-1] + 2)
    return float(np.interp(-tol, -far[around], times[around]))
