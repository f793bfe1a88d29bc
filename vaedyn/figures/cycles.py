"""Limit cycles in the picture of branches: filled circles where stable, open ones where not."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..fixedpoints.limit_cycles import LimitCycles

COLOUR = "black"
SIZE = 2.0  # points
THIN = 0.4
APART = 0.02  # of the panel, least distance of two circles
MARK = {"marker": "o", "markersize": SIZE, "markeredgewidth": 0.6}


def cycles(axes: Axes, result: LimitCycles) -> list[Line2D]:
    """Draw the least and the largest eps_g of each cycle; return what the legend names.

    The limits of the axes must have been set.
    """
    drawn = {True: False, False: False}
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    for n in range(len(result.repeats)):
        chosen = np.flatnonzero(result.branch == n)
        for values in (result.eps_g_min, result.eps_g_max):
            x, y = result.varied[chosen], values[chosen]
            axes.plot(x, y, color=COLOUR, linewidth=THIN, zorder=3)
            kept = _spread((x - left) / (right - left), (y - low) / (high - low))
            for stable in (True, False):
                here = kept[result.stable[chosen][kept] == stable]
                face = COLOUR if stable else "white"
                axes.plot(
                    x[here],
                    y[here],
                    linestyle="none",
                    color=COLOUR,
                    markerfacecolor=face,
                    zorder=4,
                    **MARK,
                )
                drawn[stable] |= bool(len(here))
    names = {True: "limit cycle (least, largest)", False: "unstable limit cycle"}
    return [
        Line2D([], [], color=COLOUR, linewidth=THIN, markerfacecolor=COLOUR if stable else "white",
               label=names[stable], **MARK)
        for stable in (True, False)
        if drawn[stable]
    ]  # fmt: skip


def _spread(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the indices of points along a line that are not too close to one another."""
    kept = [0]
    for i in range(1, len(x)):
        if np.hypot(x[i] - x[kept[-1]], y[i] - y[kept[-1]]) > APART:
            kept.append(i)
    return np.array(kept)
