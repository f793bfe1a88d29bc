"""The KL weight in time."""

import numpy as np
from matplotlib.figure import Figure

from ..model.params import Params
from .curves import TIME, WEIGHT
from .layout import PLAIN, Look, canvas, finish
from .style import COLOURS, ONE_COLUMN
from .tex import powers


def schedule(params: Params, look: Look = PLAIN) -> Figure:
    """Draw beta(t) from 0 to the last time of `params`."""
    end = params.t_max
    kinks = params.schedule.kinks(end)
    # jumps are upright: both sides of every kink are drawn
    t = np.unique(np.concatenate([np.linspace(0, end, 1001), kinks, kinks * (1 - 1e-9)]))
    with canvas(look, ONE_COLUMN, 2.1) as (figure, (axes,)):
        axes.plot(t, params.schedule(t, params.beta), color=COLOURS[0])
        axes.set_xlim(0, end)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(TIME)
        axes.set_ylabel(WEIGHT)
        finish(figure, [axes], [powers(params.schedule.formula(params.beta))], look)
    return figure
