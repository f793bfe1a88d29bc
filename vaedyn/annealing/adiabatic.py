"""Slow schedules: learning then follows the fixed point of the present beta."""

import numpy as np

from ..fixedpoints.attractors import attractors
from ..kernels.constants import Constants
from ..model.params import Params
from ..model.schedule import Schedule


def attracting_errors(params: Params, betas: np.ndarray) -> np.ndarray:
    """Return eps_g (n,) of the stable state of single latents at other values of beta."""
    return attractors(Constants.of(params, beta=betas).many())["eps_g"]


def relaxation_time(params: Params) -> float:
    """Return the time in which the slowest deviation from the attracting state shrinks by e.

    It is that of the stable state of single latents, and inf where there is none; nan under
    Adam, where it is not derived.
    """
    if params.adam:
        return np.nan
    growth = float(attractors(Constants.of(params).many())["growth"][0])
    return -1 / growth if growth < 0 else np.inf


def lag(params: Params, tol: float) -> float:
    """Return the share of its final value that beta may lack for eps_g to be within `tol`.

    At a minimum of eps_g, such as beta = eta, that is of order sqrt(tol), elsewhere
    of order tol; nan where no state of single latents is stable, and under Adam.
    """
    if params.adam:
        return np.nan
    shares = np.geomspace(1e-9, 1, 400)
    ends = attracting_errors(params, params.beta * np.concatenate([[1], 1 - shares[:-1]]))
    far = np.abs(ends[1:] - ends[0])
    if not np.isfinite(ends[0]):
        return np.nan
    beyond = np.flatnonzero(~(far <= tol))
    if not len(beyond):
        return 1.0
    i = int(beyond[0])
    if i == 0 or not np.isfinite(far[i]):
        return float(shares[i])
    return float(np.exp(np.interp(tol, far[i - 1 : i + 1], np.log(shares[i - 1 : i + 1]))))


def delay(params: Params, schedule: Schedule, tol: float) -> float:
    """Return the time at which a slow schedule lets eps_g come within `tol` of its final value.

    For ``tanh:GAMMA`` at beta = eta that is about ln(1/tol) / (4 GAMMA), as eps_g is
    quadratic in beta there; nan where no state of single latents is stable.
    """
    share = lag(params, tol)
    return np.nan if np.isnan(share) else schedule.within(share, params.beta)
