"""Learning curves of several models over one another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..model.quantities import QUANTITIES
from ..model.results import Trajectory
from ..sweeps.grids import Point
from .curves import draw, legend, time_axis, time_of, trained
from .hues import colour_bar, hues, palette, scale_of
from .layout import PLAIN, Look, below, canvas, finish, label_decades
from .style import ONE_COLUMN
from .sweep import axis_label, common_caption, value_label


def learning_curves(
    points: Sequence[Point],
    theory: Sequence[Trajectory],
    simulation: Sequence[Trajectory],
    *,
    x_scale: str = "linear",
    y_scale: str = "log",
    band: str = "std",
    look: Look = PLAIN,
) -> Figure:
    """Draw the generalisation error in time of several models over one another.

    Parameters
    ----------
    points : sequence of Point
        The models, and their differences.
    theory, simulation : sequences of Trajectory
        As for `vaedyn.figures.learning_curve.learning_curve`, one for each point.
    x_scale, y_scale, band, look
        As for `vaedyn.figures.learning_curve.learning_curve`.
    """
    varied, values = [*points[0].values], [next(iter(point.values.values())) for point in points]
    barred = len(varied) == 1 and scale_of(values) is not None
    models = [each.params for each in theory]
    chosen = hues(values) if barred else palette(len(points))
    with canvas(look, ONE_COLUMN, 2.3) as (figure, (axes,)):
        axes.set_yscale(y_scale)
        for ode, sgd, colour in zip(theory, simulation, chosen, strict=True):
            looks: Any = {"band": band, "x_scale": x_scale, "count": 16}
            draw(axes, ode.t, ode.eps_g, sgd.eps_g, {"color": colour}, **looks)
        times = np.concatenate([ode.t for ode in theory])
        time_axis(axes, np.unique(times), x_scale)
        axes.set_xlabel(time_of(*models))
        axes.set_ylabel(QUANTITIES["eps_g"].axis)
        names = [
            Line2D([], [], color=colour, label=value_label(point.values))
            for point, colour in zip(points, chosen, strict=True)
        ]
        finish(figure, [axes], common_caption(points), look)
        if y_scale == "log":
            label_decades(axes)
        styles = legend(theory[0], simulation[0], band, "0.35", name=trained(*models))
        if barred:
            colour_bar([axes], values, axis_label(varied[0]))
            below(figure, styles, look)
        else:
            below(figure, names, look, apart=styles)
    return figure
