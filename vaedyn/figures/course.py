"""The learning curve of a table: theory as lines, training on the rows as markers."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from ..data.curve import LearningCurve
from ..model.quantities import QUANTITIES
from .curves import TIME, time_axis
from .layout import PLAIN, Look, below, canvas, finish, label_decades
from .spectrum import GREY, OPEN
from .style import COLOURS, ONE_COLUMN
from .tex import powers, rates

MOST_COLOURS = 6  # latents with a colour of their own
MARKS = 22  # markers of a curve
Ends = tuple[float, float]  # of the axis of time


def course(
    theory: LearningCurve | None,
    training: LearningCurve | None,
    *,
    x_scale: str = "log",
    look: Look = PLAIN,
) -> Figure:
    """Draw the KL divergence of each latent in time, and the loss, on a table.

    Parameters
    ----------
    theory, training : LearningCurve, optional
        At least one of the two.
    x_scale : {"log", "linear"}
        A logarithmic time axis leaves t = 0 out.
    look : Look
    """
    first = theory or training
    if first is None:
        raise ValueError("nothing to draw: give theory, training or both")
    params, order = first.params, first.order
    low, high = look.x_lim
    ends = low or 0.0, params.t_max if high is None else high
    grid: Any = {"nrows": 2, "sharex": True, "height_ratios": [3, 2]}
    with canvas(look, ONE_COLUMN, 4.0, **grid) as (figure, (top, bottom)):
        for n, latent in enumerate(order.tolist()):
            colour = COLOURS[n] if n < MOST_COLOURS else GREY
            for curve, draw in ((theory, _line), (training, _marks)):
                if curve is not None:
                    draw(top, curve.t, curve.kl_per_latent[:, latent], colour, x_scale, ends)
        for curve, draw in ((theory, _line), (training, _marks)):
            if curve is not None:
                draw(bottom, curve.t, curve.loss, "black", x_scale, ends)
        top.set_ylim(bottom=0)
        top.set_ylabel(QUANTITIES["kl_per_latent"].axis)
        bottom.set_ylabel(r"loss: distortion $+ \, \beta \,$KL")
        bottom.set_xlabel(TIME)
        for axes in (top, bottom):
            time_axis(axes, first.t, x_scale)
        caption = [
            f"{first.samples} rows", f"$N = {params.dim}$", f"$M = {params.latent}$",
            powers(params.schedule.formula(float(f"{params.beta:.4g}"))),
            powers(rf"$\tau = {rates(params)}$"),
        ]  # fmt: skip
        _epochs(top, params.dim / first.samples, x_scale, look)
        finish(figure, [top], caption, look)
        below(figure, _legend(theory, training, len(order)), look)
    return figure


def _line(
    axes: Axes, t: np.ndarray, values: np.ndarray, colour: str, x_scale: str, _: Ends
) -> None:
    shown = slice(1 if x_scale == "log" else 0, None)
    width = 0.7 if colour == GREY else 1.2
    axes.plot(t[shown], values[shown], color=colour, linewidth=width, zorder=3)


def _marks(
    axes: Axes, t: np.ndarray, values: np.ndarray, colour: str, x_scale: str, ends: Ends
) -> None:
    """Draw a few of the values between the ends of the axis."""
    inside = np.flatnonzero((t > 0) & (t >= ends[0]) & (t <= ends[1]))
    if not len(inside):
        return
    scaled = np.log(t[inside]) if x_scale == "log" else t[inside]
    wanted = np.linspace(scaled[0], scaled[-1], MARKS)
    at = inside[np.unique(np.abs(scaled[:, None] - wanted).argmin(axis=0))]
    style = {**OPEN, "zorder": 4, "clip_on": False}
    (marks,) = axes.plot(t[at], values[at], markeredgecolor=colour, **style)
    marks.set_in_layout(False)


def _epochs(axes: Axes, per_time: float, x_scale: str, look: Look) -> None:
    """Put an axis of epochs above a new figure."""
    if look.axes:
        return
    axes.tick_params(axis="x", which="both", top=False)
    both = (lambda t: t * per_time, lambda epochs: epochs / per_time)
    above: Any = axes.secondary_xaxis("top", functions=both)
    above.set_xlabel("epochs")
    if x_scale == "log":
        above.xaxis.set_major_locator(LogLocator())
        above.xaxis.set_minor_formatter(NullFormatter())
        label_decades(above, "x")


def _legend(
    theory: LearningCurve | None, training: LearningCurve | None, latents: int
) -> list[Line2D]:
    handles = []
    if theory is not None:
        handles.append(Line2D([], [], color="black", label="theory (ODE)"))
    if training is not None:
        handles.append(Line2D([], [], markeredgecolor="black", label="SGD on the rows", **OPEN))
    handles += [
        Line2D([], [], color=COLOURS[i], label=f"latent {i + 1}")
        for i in range(min(latents, MOST_COLOURS))
    ]
    if latents > MOST_COLOURS:
        handles.append(Line2D([], [], color=GREY, linewidth=0.7, label="other latents"))
    return handles
