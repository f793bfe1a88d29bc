"""When runs leave the initial plateau, against N."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..learning.escape import Escaped
from ..model.params import Params
from .concentration import dims_axis
from .layout import PLAIN, Look, below, caption, finish, label_decades
from .style import COLOURS, ONE_COLUMN, new_figure, styled


def escape(params: Params, found: Sequence[Escaped], look: Look = PLAIN) -> Figure:
    """Draw the time at which runs escape the initial plateau against N.

    Parameters
    ----------
    params : Params
    found : sequence of Escaped
        At ascending N.
    look : Look
    """
    dims = np.array([each.dim for each in found])
    mean = np.array([each.expected.mean for each in found])
    std = np.array([each.expected.std for each in found])
    rate = found[-1].expected.rate
    with styled():
        figure, (axes,) = new_figure(look.width or ONE_COLUMN, 2.3)
        colour = COLOURS[0]
        axes.plot(dims, mean, color=colour, label="theory, mean", zorder=3)
        axes.fill_between(
            dims, mean - std, mean + std, color=colour, alpha=0.22, linewidth=0,
            label="theory, mean ± std over runs",
        )  # fmt: skip
        slope = mean[-1] - np.log(dims[-1] / dims) / (2 * rate)
        axes.plot(
            dims, slope, color="0.4", linestyle=(0, (4, 1.5)), label=r"$\ln N / (2g)$ + const."
        )
        for i, (dim, _, times, _) in enumerate(found):
            axes.errorbar(
                dim, times.mean(), times.std(ddof=1), color=COLOURS[1], marker="o", zorder=4,
                markerfacecolor="white", markeredgewidth=0.8, elinewidth=0.8, linestyle="none",
                label=f"SGD, {len(times)} runs, mean ± std" if i == 0 else None,
            )  # fmt: skip
        axes.set_xscale("log")
        dims_axis(axes, list(dims))
        axes.set_ylim(bottom=0)
        axes.set_ylabel(r"time of escape $t$")
        finish(figure, [axes], caption(params, ("dim",)), look)
        label_decades(axes, "x")
        below(figure, axes.get_legend_handles_labels()[0], columns=2)
    return figure
