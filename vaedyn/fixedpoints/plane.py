"""The flow of the ODE in the plane of m and Q, for one latent and one signal."""

from typing import Any

import numpy as np

from ..kernels.constants import Constants
from ..model.quantities import NAMES
from ..model.results import Trajectory
from ..model.state import pack
from .newton import velocity


def flow(theory: Trajectory, t: float, m: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """Return d|m|/dt and dQ/dt at points (|m|, Q), with d, E, R, D and beta as at time `t`.

    These four are what theory has reached at `t`, so that at its own place the
    flow is its very velocity. They change as fast as m and Q do: there is no
    flow of m and Q alone that would stand still.

    Parameters
    ----------
    m, Q : (points,)

    Returns
    -------
    (2, points)
    """
    params = theory.params
    now = {name: entry(theory, name, t) for name in NAMES}
    sign = -1.0 if now["m"] < 0 else 1.0
    now["d"] = sign * now["d"]
    beta = float(params.schedule(np.array(t), params.beta))
    model = Constants.of(params)._replace(beta=beta)
    states = pack(**{name: np.full((len(m), 1), float(now[name])) for name in NAMES})
    states[:, 0], states[:, 2] = m, Q
    return params.rate * np.array([velocity(model, y)[[0, 2]] for y in states]).T


def entry(result: Trajectory, name: str, t: Any) -> np.ndarray:
    """Return the one entry of an order parameter at times `t`, between the saved ones."""
    values = getattr(result, name).reshape(len(result.t), -1)[:, 0]
    return np.interp(t, result.t, values)
