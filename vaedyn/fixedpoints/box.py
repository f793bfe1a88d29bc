"""A rectangle of two constants, which curves are followed over."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..model.params import IN_TIME, Params, real
from .arclength import wide
from .varied import VARIED, ratios, shape, with_value

OVER = (*VARIED, "batch")  # what may be an axis

Axis = tuple[str, float, float] | tuple[str, float, float, str]
"""The name of a constant and its range, perhaps with "log" for steps of even ratios."""


class Box(NamedTuple):
    """A rectangle of two constants; each is measured from 0 to 1 across it, or its logarithm is."""

    params: Params
    names: tuple[str, str]
    low: tuple[float, float]
    high: tuple[float, float]
    logarithmic: tuple[bool, bool] = (False, False)

    def values(self, at: np.ndarray) -> np.ndarray:
        """Return the constants at points (n, 2) of the unit square, (n, 2)."""
        columns = []
        for i in (0, 1):
            low, high, u = self.low[i], self.high[i], at[:, i]
            even = low + u * (high - low)
            columns.append(low * (high / low) ** u if self.logarithmic[i] else even)
        return np.stack(columns, axis=1)

    def constants(self, at: np.ndarray) -> Constants:
        """Return the model at points (n, 2) of the unit square."""
        varied: dict[str, Any] = dict(zip(self.names, self.values(at).T, strict=True))
        if "rho" in varied:
            varied["rho"] = varied["rho"][:, None] * shape(self.params)
        if "lr" in varied:
            varied["lr"] = varied["lr"] / (1 - self.params.momentum)
        return Constants.of(self.params, **varied).many()


def box_of(params: Params, x: Axis, y: Axis) -> Box:
    """Return the box of two axes after checking them."""
    checked = [_axis(params, option, axis) for option, axis in (("x", x), ("y", y))]
    names = (checked[0][0], checked[1][0])
    if names[0] == names[1]:
        raise ParameterError("y", f"must vary another constant than x, {names[0]}")
    if params.beta == 0 and "beta" not in names:
        raise ParameterError("beta", "must be > 0 for fixed points: D shrinks for ever at beta = 0")
    _, low, high, logarithmic = zip(*checked, strict=True)
    return Box(params, names, low, high, logarithmic)


def _axis(params: Params, option: str, axis: Axis) -> tuple[str, float, float, bool]:
    try:
        name, first, last, *rest = axis
    except (TypeError, ValueError):
        raise ParameterError(option, "expected a name, low and high") from None
    if name not in OVER:
        raise ParameterError(option, f"expected one of {', '.join(OVER)}, got {name!r}")
    if rest not in ([], ["log"]):
        raise ParameterError(option, f"expected nothing or 'log' after the range, got {rest!r}")
    ends = []
    for value in (first, last):
        try:
            ends.append(real(name, value, least_allowed=name == "lam"))
            if name != "batch":
                with_value(params, name, ends[-1])
            elif ends[-1] < 1:
                raise ParameterError(name, f"must be >= 1, got {value:g}")
        except ParameterError as error:
            raise ParameterError(option, f"{name} {error.reason}") from None
    low, high = ends
    if not low < high:
        raise ParameterError(option, f"{name} must rise, got {low:g} to {high:g}")
    if rest and low <= 0:
        raise ParameterError(option, f"{name} must start above 0 for steps of even ratios")
    return name, low, high, bool(rest) or wide(low, high)


def record_of(box: Box) -> dict[str, Any]:
    """Return all that the curves depend on but what is followed."""
    p = box.params
    constants = p.to_dict() | {"rho": (-np.sort(-p.strengths)).tolist()}
    if "rho" in box.names:
        constants["rho"] = (-np.sort(-shape(p))).tolist()
    aside = IN_TIME | (set(box.names) - {"rho"})
    record = {key: value for key, value in constants.items() if key not in aside}
    if "lr" in box.names and isinstance(p.lr, tuple):
        record["lr"] = ratios(p)
    for name, axis in zip(("x", "y"), zip(*box[1:], strict=True), strict=True):
        keys = (f"{name}_varied", f"{name}_from", f"{name}_to", f"{name}_log")
        record |= dict(zip(keys, axis, strict=True))
    return record
