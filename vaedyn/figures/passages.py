"""A figure for a paper: which fixed points a trajectory passes, and how it leaves them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..fixedpoints.passages import Passage
from ..model.quantities import QUANTITIES
from ..model.results import Trajectory
from .curves import time_axis, time_of
from .hues import palette
from .layout import PLAIN, Look, below, canvas, caption, finish, label_decades
from .style import ONE_COLUMN

UNSTABLE = (0, (4, 1.5))
GAP = 0.13  # inches between the middles of numbers above the panel, at least
FLOOR = 1e-9  # distances below are rounding
ALIKE = 0.1  # relative difference of rates that makes an escape follow the eigenvalue
SHIFT = 1.6  # factor by which grey lines lie below the distance


def passages(
    trajectory: Trajectory,
    found: Sequence[Passage],
    distances: Mapping[int, np.ndarray],
    *,
    x_scale: str = "log",
    look: Look = PLAIN,
) -> Figure:
    """Draw the generalisation error and the distance to the fixed points passed, in time.

    A fixed point has one colour in both panels; above, it shades the times during
    which it is the nearest of all. Its line below is dashed if it is unstable. Circles
    mark the nearest approaches. Grey lines, shifted down, show the growth
    exp(t / escape time) where the trajectory leaves at this rate; one that comes less
    close, or leaves in another direction, may never do so.

    Parameters
    ----------
    trajectory : Trajectory, leading axis (times,)
    found : sequence of Passage
        What `vaedyn.passages` returns.
    distances : mapping of int to (times,)
        The distance to each fixed point passed, by its index, as
        `vaedyn.fixedpoints.passages.courses` returns them.
    x_scale : {"log", "linear"}
        The first passages are short: a linear time axis crowds them. A logarithmic one
        leaves t = 0 out.
    look : Look
    """
    t, order = trajectory.t, list(dict.fromkeys(passage.index for passage in found))
    away = {i: np.maximum(distances[i], FLOOR) for i in order}
    stable = {passage.index: passage.stable for passage in found}
    colour = dict(zip(order, palette(len(order)), strict=True))
    grid = {"nrows": 2, "sharex": True}
    with canvas(look, ONE_COLUMN, 3.7, **grid) as (figure, (top, bottom)):
        handles = _keys(found, colour)
        shown = t > 0 if x_scale == "log" else slice(None)
        top.set_yscale("log")
        bottom.set_yscale("log")
        top.plot(t[shown], trajectory.eps_g[shown], color="black", zorder=3)
        for i in order:
            style = "-" if stable[i] else UNSTABLE
            bottom.plot(t[shown], away[i][shown], color=colour[i], linestyle=style)
        for passage in found:
            top.axvspan(
                passage.start, passage.end, color=colour[passage.index], alpha=0.25, linewidth=0
            )
            _approach(bottom, passage, colour[passage.index], t[shown][0])
        escapes = [_escape(bottom, each, t[shown], away[each.index][shown]) for each in found]
        if any(escapes):
            text = r"growth $e^{t/\mathrm{escape\ time}}$"
            handles.append(Line2D([], [], color="0.5", linewidth=0.7, label=text))
        for axes in (top, bottom):
            time_axis(axes, t, x_scale)
        top.set_ylabel(QUANTITIES["eps_g"].axis)
        bottom.set_ylabel("distance to fixed point")
        bottom.set_xlabel(time_of(trajectory.params))
        finish(figure, [top], caption(trajectory.params), look)
        _number(figure, top, found)
        label_decades(top)
        label_decades(bottom)
        if x_scale == "log":
            label_decades(bottom, "x")
        below(figure, handles, look, columns=2)
    return figure


def _keys(found: Sequence[Passage], colour: dict[int, Any]) -> list[Any]:
    """Return legend entries: numbers in order of time, fixed points, and how they are left."""
    handles: list[Any] = []
    for i in colour:
        numbers = ", ".join(str(n) for n, each in enumerate(found, 1) if each.index == i)
        passage = next(each for each in found if each.index == i)
        fate = "stable" if passage.stable else "marginal"
        if np.isfinite(passage.escape_time):
            fate = f"escape time {passage.escape_time:.3g}"
        style = "-" if passage.stable else UNSTABLE
        text = f"{numbers}: {passage.type} ({fate})"
        handles.append(Line2D([], [], color=colour[i], linestyle=style, label=text))
    return handles


def _approach(axes: Axes, passage: Passage, colour: Any, first: float) -> None:
    """Mark the nearest approach, also one at a time that is left out of the axis."""
    (marker,) = axes.plot(
        max(passage.time, first),
        max(passage.distance, FLOOR),
        linestyle="none",
        marker="o",
        markerfacecolor="white",
        markeredgecolor=colour,
        markeredgewidth=0.8,
        zorder=4,
        clip_on=False,  # those on the frame are shown whole
    )
    marker.set_in_layout(False)


def _escape(axes: Axes, passage: Passage, t: np.ndarray, away: np.ndarray) -> bool:
    """Draw the growth of an escape beside the distance that follows it best, if one does."""
    leaving = np.flatnonzero((t > passage.time) & (t < passage.end))
    if not np.isfinite(passage.escape_time) or len(leaving) < 3:
        return False
    slope = np.gradient(np.log(away[leaving]), t[leaving])
    off = np.abs(slope / passage.growth - 1)
    if off.min() > ALIKE:
        return False
    anchor = leaving[off.argmin()]
    low = max(passage.time, t[anchor] - 2 * passage.escape_time)
    span = np.linspace(low, min(passage.end, t[anchor] + 2 * passage.escape_time), 50)
    line = away[anchor] * np.exp((span - t[anchor]) * passage.growth)
    axes.plot(span, line / SHIFT, color="0.5", linewidth=0.7, zorder=1)
    return True


def _number(figure: Figure, axes: Axes, found: Sequence[Passage]) -> None:
    """Write the numbers of the passages above their residences, apart from one another."""
    low, high = axes.get_xlim()
    position = axes.transAxes.inverted().transform
    gap = GAP / (axes.get_position().width * figure.get_figwidth())  # of the panel's width
    middle = {}
    for n, passage in enumerate(found, 1):
        if passage.end < low or passage.start > high:
            continue
        ends = np.clip([passage.start, passage.end], low, high)
        middle[n] = position(axes.transData.transform([(end, 1.0) for end in ends]))[:, 0].mean()
    for n, x in zip(middle, _apart([*middle.values()], gap), strict=True):
        axes.text(x, 1.02, str(n), transform=axes.transAxes, ha="center", va="bottom", fontsize=7)


def _apart(places: list[float], gap: float) -> list[float]:
    """Return ascending places, moved so that they are `gap` apart and the last is at most 1."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    limit = 1.0
    for n in reversed(range(len(moved))):
        moved[n] = min(moved[n], limit)
        limit = moved[n] - gap
    return moved
