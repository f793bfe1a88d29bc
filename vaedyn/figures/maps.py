"""A quantity over two parameters of a sweep, as a map in colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..errors import ParameterError
from ..model.quantities import QUANTITIES
from ..sweeps.grids import Point
from .layout import PLAIN, Look, below, finish, label_decades
from .phase_diagram import edges, spacing
from .style import ONE_COLUMN, new_figure, styled
from .sweep import axis_label, check_names, largest, sweep_caption

NOWHERE: Any = {"facecolor": "#DCDCDC", "hatch": "//////", "edgecolor": "#8c8c8c", "linewidth": 0}


def across(
    points: Sequence[Point],
    values: Sequence[Any],
    x: str,
    y: str,
    quantity: str,
    *,
    at_end: bool = False,
    scale: str = "linear",
    look: Look = PLAIN,
) -> Figure:
    """Draw a quantity over two parameters of a sweep; hatched is where there is none.

    Parameters
    ----------
    points, values, at_end
        As for `vaedyn.figures.sweep.along`.
    x, y : str
        Names of the parameters that vary; an axis is logarithmic where values are evenly
        spaced on one.
    quantity : str
        The quantity drawn, one of `vaedyn.model.quantities.QUANTITIES`.
    scale : {"linear", "log"}
        Of the colours; on a logarithmic one there is nothing at and below zero.
    look : Look

    Raises
    ------
    ParameterError
        When the names are not those of the sweep, or values of `y` are no numbers.
    """
    check_names(points, x, y)
    if not all(isinstance(point.values[y], (int, float)) for point in points):
        raise ParameterError("hue", f"{y} is not a number each, which a map needs")
    left, up, found = _on_grid(points, values, x, y)
    there = np.isfinite(found) & ((found > 0) | (scale != "log"))
    if not there.any():
        raise ParameterError("y_scale", f"no value of {quantity} is above 0")
    with styled():
        figure, (axes,) = new_figure(look.width or ONE_COLUMN, 2.5)
        norm = LogNorm if scale == "log" else Normalize
        ends = norm(found[there].min(), found[there].max())
        mesh: Any = {"rasterized": True, "linewidth": 0}
        cells = edges(left), edges(up)
        shown = np.ma.masked_where(~there, found).T
        image = axes.pcolormesh(*cells, shown, cmap="cividis", norm=ends, **mesh)
        bar = figure.colorbar(image, ax=axes, pad=0.02)
        bar.set_label(QUANTITIES[quantity].axis)
        bar.ax.tick_params(which="both", right=True)
        for name, numbers in (("x", left), ("y", up)):
            axes.set(
                **{
                    f"{name}scale": spacing(numbers),
                    f"{name}label": axis_label((x, y)[name == "y"]),
                }
            )
        axes.set_xlim(cells[0][[0, -1]])
        axes.set_ylim(cells[1][[0, -1]])
        finish(figure, [axes], sweep_caption(points, at_end), look)
        for name, numbers in (("x", left), ("y", up)):
            if spacing(numbers) == "log":
                label_decades(axes, name)
        if not there.all():
            gaps = np.ma.masked_where(there, np.ones(found.shape)).T
            grey = ListedColormap([NOWHERE["facecolor"]])
            look_of: Any = {key: NOWHERE[key] for key in ("hatch", "edgecolor", "linewidth")}
            axes.pcolor(*cells, gaps, cmap=grey, **look_of)
            below(figure, [Patch(**NOWHERE, label="no result")])
    return figure


def _on_grid(
    points: Sequence[Point], values: Sequence[Any], x: str, y: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values of both parameters, and the quantity (x, y), nan where there is none."""
    left, up = (np.unique([float(point.values[name]) for point in points]) for name in (x, y))
    if min(len(left), len(up)) < 2:
        raise ParameterError("kind", "a map needs two values of each parameter at least")
    found = np.full((len(left), len(up)), np.nan)
    for point, value in zip(points, values, strict=True):
        place = (left.searchsorted(point.values[x]), up.searchsorted(point.values[y]))
        found[place] = largest(value)[0]
    return left, up, found
