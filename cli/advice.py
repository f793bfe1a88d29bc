"""What commands say about a schedule beforehand, and about how long learning takes."""

import logging
from typing import Any

import numpy as np

from vaedyn.annealing.examine import examine
from vaedyn.annealing.time_to_converge import (
    Convergence,
    fluctuation,
    measured,
    spread,
    time_to_converge,
)
from vaedyn.model.params import Params, real
from vaedyn.model.results import Trajectory

from .options import option
from .output import number, plain

log = logging.getLogger("vaedyn.cli")

TOL = option(
    "Numerics",
    "--tol",
    type=float,
    default=1e-3,
    help="Distance of eps_g from its final value within which learning has converged.",
)


def warn(params: Params, tol: float = 1e-3) -> list[str]:
    """Say, and return, what is likely to go wrong with the schedule of beta."""
    found = examine(params, real("tol", tol))
    for text in found:
        log.warning(text)
    return found


def ending(params: Params, tol: float, **options: Any) -> Convergence:
    """Return when theory converges, as `time_to_converge`, or why that is not known."""
    if params.noise is not None:
        return Convergence(np.nan, np.nan, real("tol", tol), "it is derived for white noise only")
    return time_to_converge(params, tol, **options)


def converged(params: Params, found: Convergence) -> tuple[dict[str, Any], str]:
    """Return when theory converges, as entries of JSON and in words."""
    within = found.t <= params.t_max
    data = {
        "t_converge": plain(found.t) if within else None,
        "converges_at": plain(found.t),
        "tol": found.tol,
    }
    if found.reason:
        return data, f"when eps_g converges is not known: {found.reason}"
    text = f"eps_g stays within {found.tol:g} of its final value, {number(found.eps_g)}, "
    time = f"from t = {number(found.t)} on"
    return data, text + (time if within else f"only {time}: raise --t-max")


def measured_convergence(result: Trajectory, found: Convergence) -> tuple[dict[str, Any], str]:
    """Return when the mean over runs converges to theory's limit, for JSON and in words."""
    data: dict[str, Any] = {"t_converge": None, "converges_at": plain(found.t), "tol": found.tol}
    if found.reason:
        return data, f"when eps_g converges is not known: {found.reason}"
    time, error = spread(measured(result, found.eps_g, found.tol))
    runs = len(result.eps_g)
    where = f"within {found.tol:g} of its limit, {number(found.eps_g)}"
    if np.isfinite(time):
        data["t_converge"] = {"mean": time, "std": plain(error if runs > 1 else np.nan)}
        plus = f" +- {error:.2g}" if runs > 1 else ""
        return data, f"mean eps_g stays {where}, from t = {number(time)}{plus} on"
    text = f"not converged: mean eps_g does not stay {where}"
    if found.t > 0.9 * result.t[-1]:
        return data, f"{text}; theory gets there at t = {number(found.t)}: raise --t-max"
    return data, f"{text}; at this N runs differ by {fluctuation(result):.2g}: raise --dim"
