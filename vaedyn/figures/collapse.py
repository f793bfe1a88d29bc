"""How latents collapse on users' data as beta rises."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..data.collapse import Collapse
from ..model.quantities import ACTIVE, CONSTANTS, QUANTITIES, active
from .layout import PLAIN, Look, below, canvas, finish
from .spectrum import GREY, OPEN, YOURS, weights
from .style import COLOURS, ONE_COLUMN

MOST_COLOURS = 5  # latents with a colour of their own
UNSETTLED = ("X", "P", "D")  # markers


def collapse(found: Collapse, look: Look = PLAIN) -> Figure:
    """Draw predicted and measured KL divergence of each latent, and active units, against beta."""
    lines, betas, measured = found.lines, found.beta, found.measured
    spectrum, params = found.look.spectrum, found.trainings[0].params
    eta, white = found.look.analysis.eta, found.look.analysis.no_floor is None
    grid: Any = {"nrows": 2, "sharex": True, "height_ratios": [2, 3]}
    with canvas(look, ONE_COLUMN, 4.3, **grid) as (figure, (top, bottom)):
        circle = {**OPEN, "zorder": 4, "clip_on": False}
        top.plot(found.fine, (lines > 0).sum(axis=1), color="black", drawstyle="steps-post")
        seen = active(measured)
        top.plot(betas, seen, markeredgecolor="black", **circle)
        top.set_ylabel(f"active units\n(measured: KL > {ACTIVE:g} nats)")
        top.set_ylim(bottom=0)
        top.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        for i in range(lines.shape[1]):
            colour = COLOURS[i] if i < MOST_COLOURS else GREY
            width = 1.2 if i < MOST_COLOURS else 0.7
            bottom.plot(found.fine, lines[:, i], color=colour, linewidth=width)
            bottom.plot(betas, measured[:, i], markeredgecolor=colour, **circle)
        bottom.set_ylim(bottom=0)
        bottom.set_ylabel(QUANTITIES["kl_per_latent"].axis)
        bottom.set_xlabel(CONSTANTS["beta"].axis)
        for axes in (top, bottom):
            axes.set_xlim(betas.min(), betas.max())
            weights(axes)
        if white:
            for axes in (top, bottom):
                axes.axvline(eta, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        reasons = [each.difference and each.difference.short for each in found.trainings]
        marks = _unsettled(top, betas, seen, reasons)
        handles = _legend(lines.shape[1], white, marks)
        caption = [
            f"{spectrum.samples} rows",
            rf"$N = {spectrum.dim}$",
            rf"$M = {params.latent}$",
            rf"$\lambda = {params.lam:g}$",
        ]
        finish(figure, [top], caption, look)
        below(figure, handles, look, columns=2)
    return figure


def _unsettled(
    axes: Axes, betas: np.ndarray, seen: np.ndarray, reasons: Sequence[str | None]
) -> list[Line2D]:
    """Mark what was measured too early, a marker for each reason; return these for the legend."""
    marks = []
    for reason, marker in zip(dict.fromkeys(filter(None, reasons)), UNSETTLED, strict=False):
        here = np.array([why == reason for why in reasons])
        look: Any = {"linestyle": "none", "marker": marker, "color": YOURS, "markeredgewidth": 0}
        axes.plot(betas[here], seen[here], markersize=4.5, zorder=5, clip_on=False, **look)
        marks.append(Line2D([], [], label=f"off: {reason}", markersize=4.5, **look))
    return marks


def _legend(latents: int, noise: bool, marks: list[Line2D]) -> list[Line2D]:
    handles = [
        Line2D([], [], color="black", label="predicted"),
        Line2D([], [], markeredgecolor="black", label="SGD on the data", **OPEN),
    ]
    handles += [
        Line2D([], [], color=COLOURS[i], label=f"latent {i + 1}")
        for i in range(min(latents, MOST_COLOURS))
    ]
    if latents > MOST_COLOURS:
        handles.append(Line2D([], [], color=GREY, linewidth=0.7, label="other latents"))
    if noise:
        handles.append(Line2D([], [], color=GREY, linestyle=":", label=r"noise level $\eta$"))
    return [*handles, *marks]
