"""How the spread of runs shrinks with N."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..learning.concentration import MEASURED, Spread
from ..model.params import Params
from ..model.quantities import CONSTANTS
from .layout import PLAIN, Look, below, caption, finish, label_decades, two_panels
from .style import COLOURS, TWO_COLUMNS, styled

MARKERS = ("o", "s", "^", "D")


def concentration(found: Sequence[Spread], params: Params, runs: int, look: Look = PLAIN) -> Figure:
    """Draw the spread over runs against N: theory as lines, simulations as markers.

    Parameters
    ----------
    found : sequence of Spread
        Of eps_g and of m, each at the same times.
    params : Params
        The model, at any N.
    runs : int
        Number of runs at each N.
    look : Look
    """
    times = list(dict.fromkeys(each.t for each in found))
    with styled():
        figure, panels = two_panels(TWO_COLUMNS, 2.3, look)
        labels = (r"spread of $\varepsilon_g$", r"spread of $|m|$")
        for axes, name, label in zip(panels, MEASURED, labels, strict=True):
            for each in found:
                if each.name == name:
                    _spread(axes, each, times.index(each.t))
            axes.set_xscale("log")
            axes.set_yscale("log")
            dims_axis(axes, found[0].dims)
            axes.set_ylabel(f"{label} (std over runs)")
        finish(figure, panels, caption(params, without=("dim",)), look)
        for axes in panels:
            label_decades(axes)
            label_decades(axes, "x")
        handles = [
            Line2D([], [], color=COLOURS[i], marker=MARKERS[i % len(MARKERS)],
                   markerfacecolor="white", label=f"$t$ = {t:g}")
            for i, t in enumerate(times)
        ]  # fmt: skip
        handles.append(Line2D([], [], color="0.4", label=r"theory, $\propto N^{-1/2}$"))
        handles.append(
            Line2D([], [], color="0.4", linestyle="none", marker="o", markerfacecolor="white",
                   label=f"SGD, {runs} runs, ± standard error")
        )  # fmt: skip
        below(figure, handles, columns=5)
    return figure


def _spread(axes: Axes, spread: Spread, i: int) -> None:
    """Draw the spread at the i-th time."""
    axes.plot(spread.dims, spread.predicted, color=COLOURS[i], zorder=3)
    axes.errorbar(
        spread.dims, spread.measured, spread.error, color=COLOURS[i], linestyle="none",
        marker=MARKERS[i % len(MARKERS)], zorder=4, markerfacecolor="white",
        markeredgewidth=0.8, elinewidth=0.8,
    )  # fmt: skip


def dims_axis(axes: Axes, dims: Sequence[int] | np.ndarray) -> None:
    axes.set_xlabel(CONSTANTS["dim"].axis)
    low, high = min(dims), max(dims)
    axes.set_xlim(low / 1.25, high * 1.25)
