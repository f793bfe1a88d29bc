"""Figures of fluctuations: how they shrink with N, and when runs escape the first plateau."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .concentration import QUANTITIES, Spread
from .figures_layout import PLAIN, Look, below, caption, finish, label_decades, two_panels
from .params import Params
from .plateau import Escape
from .style import COLOURS, ONE_COLUMN, TWO_COLUMNS, new_figure, styled

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
        for axes, name, label in zip(panels, QUANTITIES, labels, strict=True):
            for each in found:
                if each.name == name:
                    _spread(axes, each, times.index(each.t))
            axes.set_xscale("log")
            axes.set_yscale("log")
            _dims_axis(axes, found[0].dims)
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


def _dims_axis(axes: Axes, dims: Sequence[int] | np.ndarray) -> None:
    axes.set_xlabel("input dimension $N$")
    low, high = min(dims), max(dims)
    axes.set_xlim(low / 1.25, high * 1.25)


def escape(
    params: Params,
    found: Sequence[tuple[int, Escape]],
    measured: Sequence[tuple[int, np.ndarray]],
    look: Look = PLAIN,
) -> Figure:
    """Draw the time at which runs escape the initial plateau against N.

    Parameters
    ----------
    params : Params
    found : sequence of (int, Escape)
        The theory at ascending N.
    measured : sequence of (int, (runs,))
        Times of simulated runs.
    look : Look
    """
    dims = np.array([dim for dim, _ in found])
    mean = np.array([each.mean for _, each in found])
    std = np.array([each.std for _, each in found])
    rate = found[-1][1].rate
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
        for i, (dim, times) in enumerate(measured):
            axes.errorbar(
                dim, times.mean(), times.std(ddof=1), color=COLOURS[1], marker="o", zorder=4,
                markerfacecolor="white", markeredgewidth=0.8, elinewidth=0.8, linestyle="none",
                label=f"SGD, {len(times)} runs, mean ± std" if i == 0 else None,
            )  # fmt: skip
        axes.set_xscale("log")
        _dims_axis(axes, list(dims))
        axes.set_ylim(bottom=0)
        axes.set_ylabel(r"time of escape $t$")
        finish(figure, [axes], caption(params, ("dim",)), look)
        label_decades(axes, "x")
        below(figure, axes.get_legend_handles_labels()[0], columns=2)
    return figure
