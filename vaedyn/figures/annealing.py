"""Figures of annealing: which schedule is best, and why."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..annealing.best_schedule import FAMILIES, Tuning
from ..annealing.confirm import Comparison, Measured
from ..model.results import Trajectory
from ..model.schedules import parse_schedule
from .curves import TIME, WEIGHT
from .layout import PLAIN, Look, below, caption, finish, label_decades, two_panels
from .style import COLOURS, TWO_COLUMNS, styled

GREY = "#6e6e6e"
CONSTANT, BEST = COLOURS[1], COLOURS[0]
UNDER = (0, (3, 1.2))  # where the error is below its final value
NUMBERS = {
    "tanh": r"annealing rate $\gamma$",
    "linear": r"duration $T$ of the warm-up",
    "cosine": r"duration $T$ of the warm-up",
}


def annealing(
    compared: Comparison,
    measured: Sequence[Measured] = (),
    look: Look = PLAIN,
) -> Figure:
    """Draw how long learning takes by the number of the schedule, and how its error falls.

    Its distance from the final value is dashed where the error is below this: it falls
    to zero where an overshoot begins and where it ends.

    Parameters
    ----------
    compared : Comparison
        From `vaedyn.annealing.confirm.compare`; of a free schedule beta(t) itself is drawn
        on the left.
    measured : sequence of Measured
        From simulations.
    look : Look
    """
    found, constant, best = compared.tuning, compared.constant, compared.best
    with styled():
        figure, (left, right) = two_panels(TWO_COLUMNS, 2.3, look)
        if FAMILIES[found.family] is None:
            _schedule(left, found, best)
        else:
            _times(left, found, compared.slow, measured)
        overshoots = False
        drawn = (constant, CONSTANT, found.constant), (best, BEST, found.time)
        for (run, colour, at), end in zip(drawn, compared.ends, strict=True):
            overshoots |= _distance(right, run, end, colour, found.tol / 30)
            right.plot(at, found.tol, "o", color=colour, markerfacecolor="white", zorder=4)
        right.axhline(found.tol, color=GREY, linewidth=0.8, linestyle=":")
        right.set_yscale("log")
        right.set_ylim(bottom=found.tol / 30)
        right.set_xlim(0, constant.t[-1])
        right.set_xlabel(TIME)
        right.set_ylabel(r"$|\varepsilon_g(t) - \varepsilon_g(\infty)|$")
        label_decades(right)
        finish(figure, [left], caption(found.params), look)
        for name in "xy":
            if left.get_yscale() == "log":
                label_decades(left, name)
        below(figure, _legend(found, bool(measured), overshoots), columns=4)
    return figure


def _distance(axes: Axes, run: Trajectory, end: float, colour: str, floor: float) -> bool:
    """Draw how far the error is from its final value `end`, and return whether it is below that.

    Distances below `floor` are out of sight.
    """
    off = run.eps_g - end
    size = np.maximum(np.abs(off), 1e-12)
    under = (off < 0) & (size > floor)
    axes.plot(run.t, np.where(under, np.nan, size), color=colour)
    # with a point on either side, so that the line has no gap
    wide = under | np.append(under[1:], False) | np.append(False, under[:-1])
    axes.plot(run.t, np.where(wide, size, np.nan), color=colour, linestyle=UNDER)
    return bool(under.any())


def _times(axes: Axes, found: Tuning, slow: np.ndarray, measured: Sequence[Measured]) -> None:
    """Draw the time to converge against the number of the schedule."""
    axes.plot(found.numbers, found.times, color=BEST, zorder=3)
    axes.axhline(found.constant, color=CONSTANT, linewidth=1.0, zorder=2)
    axes.plot(found.numbers[[0, -1]], slow, color=GREY, linestyle="--", linewidth=0.9, zorder=1)
    number = found.spec.partition(":")[2]
    if number:
        axes.plot(float(number), found.time, "*", color=BEST, markersize=7, zorder=5)
    if measured:
        at, mean, error = np.array(measured).T
        axes.errorbar(
            at, mean, error, fmt="o", color=BEST, markerfacecolor="white",
            markeredgewidth=0.8, elinewidth=0.8, zorder=4, clip_on=False,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(found.numbers[0], found.numbers[-1])
    least = min([found.time, *(time - error for _, time, error in measured)])
    axes.set_ylim(0.7 * least, 1.3 * np.nanmax(found.times))
    axes.set_xlabel(NUMBERS[found.family])
    axes.set_ylabel("time to converge")


def _schedule(axes: Axes, found: Tuning, best: Trajectory) -> None:
    """Draw the best schedule in time."""
    schedule, end = parse_schedule(found.spec), best.t[-1]
    kinks = schedule.kinks(end)
    t = np.unique(np.concatenate([best.t, kinks, kinks * (1 - 1e-9)]))
    axes.plot(t, schedule(t, found.params.beta), color=BEST)
    axes.axhline(found.params.beta, color=CONSTANT, linewidth=1.0, zorder=1)
    axes.set_xlim(0, end)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(TIME)
    axes.set_ylabel(WEIGHT)


def _legend(found: Tuning, measured: bool, overshoots: bool) -> list[Line2D]:
    plain = FAMILIES[found.family] is None
    entries = [
        Line2D([], [], color=CONSTANT, label=r"constant $\beta$"),
        Line2D([], [], color=BEST, label=f"{found.family}{', best' if plain else ''}"),
    ]
    if not plain and found.spec != "constant":
        star = {"color": BEST, "linestyle": "none", "marker": "*", "markersize": 7}
        entries.append(Line2D([], [], **star, label=f"best: gain {found.gain:.3g}"))
    if not plain:
        slow = {"color": GREY, "linestyle": "--", "linewidth": 0.9}
        entries.append(Line2D([], [], **slow, label="slow annealing"))
    if overshoots:
        text = "below its final value (overshoot)"
        entries.append(Line2D([], [], color=BEST, linestyle=UNDER, label=text))
    entries.append(Line2D([], [], color=GREY, linestyle=":", label=f"tolerance {found.tol:g}"))
    if measured:
        entries.append(
            Line2D([], [], color=BEST, linestyle="none", marker="o", markerfacecolor="white",
                   markeredgewidth=0.8, label="SGD")
        )  # fmt: skip
    return entries
