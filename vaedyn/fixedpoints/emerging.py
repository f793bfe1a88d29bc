"""Branches that begin at a bifurcation, found by Newton's method next to it."""

from collections.abc import Callable, Iterator

import numpy as np

from ..kernels.constants import Constants
from .groups import TOLERANCE
from .newton import newton, residual

AWAY = (1e-3, 1e-4, 1e-5, 1e-2)  # from the bifurcation, of the range
WIDTHS = (0.03, 0.1, 0.3, 0.01, 0.003)  # along the critical direction, relative to 1 or the state
NEXT = 5.0  # times such a width: a state further away is another one


def emerging(
    path: Callable[[float], Constants],
    x: float,
    span: float,
    y: np.ndarray,
    direction: np.ndarray,
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield where there are fixed points beside a branch, next to a bifurcation of it at `x`.

    Parameters
    ----------
    path : callable
        The model at a value of what is varied.
    x, span : float
        Where it is, and the range.
    y : (values,)
        The fixed point there.
    direction : (values,)
        In which an eigenvalue vanishes.
    """
    way = direction / np.linalg.norm(direction)
    size = max(1.0, float(np.abs(y).max()))
    for away in AWAY:
        for at in (x - away * span, x + away * span):
            model = path(at)
            trunk = newton(model, y)
            for width in WIDTHS:
                for sign in (1, -1):
                    with np.errstate(all="ignore"):  # of states that weights cannot have
                        z = newton(model, trunk + sign * width * size * way)
                    there = np.isfinite(z).all() and (z[-model.latent :] > 0).all()
                    if not there or residual(model, z) > TOLERANCE * size:
                        continue
                    off = z - trunk
                    along = abs(float(off @ way))
                    if along > 1e-4 * size and np.linalg.norm(off) < NEXT * width * size:
                        yield at, z
