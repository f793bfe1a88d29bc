"""Figures of fluctuations: how they shrink with N, and when runs escape the first plateau."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .figures_layout import PLAIN, Look, below, caption, finish, label_decades, two_panels
from .fluctuations import Bands
from .params import Params
from .plateau import Escape
from .results import Trajectory
from .style import COLOURS, ONE_COLUMN, TWO_COLUMNS, new_figure, styled

MARKERS = ("o", "s", "^", "D")


def concentration(
    runs: Sequence[tuple[Bands, Trajectory]], times: Sequence[float], look: Look = PLAIN
) -> Figure:
    """Draw the spread over runs against N: theory as lines, simulations as markers.

    Parameters
    ----------
    runs : sequence of (Bands, Trajectory)
        For each N, with the same start and the same saved times up to rounding.
    times : sequence of float
        At which the spread is shown; the nearest saved one is taken.
    look : Look
    """
    first = runs[0][0].params
    with styled():
        figure, panels = two_panels(TWO_COLUMNS, 2.3, look)
        labels = (r"spread of $\varepsilon_g$", r"spread of $|m|$")
        for axes, name, label in zip(panels, ("eps_g", "m"), labels, strict=True):
            for i, t in enumerate(times):
                _spread_at(axes, runs, name, t, COLOURS[i], MARKERS[i % len(MARKERS)])
            axes.set_xscale("log")
            axes.set_yscale("log")
            _dims_axis(axes, [bands.params.dim for bands, _ in runs])
            axes.set_ylabel(f"{label} (std over runs)")
        finish(figure, panels, caption(first, without=("dim",)), look)
        for axes in panels:
            label_decades(axes)
            label_decades(axes, "x")
        handles = [
            Line2D([], [], color=COLOURS[i], marker=MARKERS[i % len(MARKERS)],
                   markerfacecolor="white", label=f"$t$ = {t:g}")
            for i, t in enumerate(times)
        ]  # fmt: skip
        handles.append(Line2D([], [], color="0.4", label=r"theory, $\propto N^{-1/2}$"))
        count = len(runs[0][1].eps_g)
        handles.append(
            Line2D([], [], color="0.4", linestyle="none", marker="o", markerfacecolor="white",
                   label=f"SGD, {count} runs, ± standard error")
        )  # fmt: skip
        below(figure, handles, columns=5)
    return figure


def _spread_at(axes: Axes, runs, name: str, t: float, colour: str, marker: str) -> None:
    """Draw the spread of eps_g, or of the first overlap's size, at the time `t`."""
    dims, predicted, measured, errors = [], [], [], []
    for bands, sgd in runs:
        at = int(np.abs(sgd.t - t).argmin())
        values = sgd.eps_g[:, at] if name == "eps_g" else np.abs(sgd.m[:, at, 0, 0])
        dims.append(bands.params.dim)
        predicted.append(float(getattr(bands, name)[at].ravel()[0]))
        measured.append(values.std(ddof=1))
        errors.append(_error_of_std(values))
    axes.plot(dims, predicted, color=colour, zorder=3)
    axes.errorbar(
        dims, measured, errors, color=colour, linestyle="none", marker=marker, zorder=4,
        markerfacecolor="white", markeredgewidth=0.8, elinewidth=0.8,
    )  # fmt: skip


def _error_of_std(values: np.ndarray) -> float:
    """Return the standard error of the standard deviation, of any law with four moments."""
    square = (values - values.mean()) ** 2
    variance = square.mean()
    if variance == 0:
        return 0.0
    return float(np.sqrt(max((square**2).mean() - variance**2, 0) / len(values) / variance) / 2)


def _dims_axis(axes: Axes, dims: Sequence[int]) -> None:
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
