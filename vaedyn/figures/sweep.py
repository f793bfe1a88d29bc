"""Quantities along a sweep, a line for each value of a second parameter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import ParameterError
from ..model.quantities import CONSTANTS, QUANTITIES
from ..sweeps.grids import Point, shown
from .hues import colour_bar, hues, scale_of
from .layout import PLAIN, Look, below, canvas, caption, finish, label_decades
from .style import ONE_COLUMN
from .tex import powers, strengths

LONGEST = 60  # characters of a text in a legend


def value_label(values: dict[str, Any]) -> str:
    """Return the values of a point, such as beta = 0.5, in the paper's letters."""
    return ", ".join(
        powers(rf"${CONSTANTS[name].letter} = {_text(value)}$")
        if name in CONSTANTS
        else f"{name.replace('_', ' ')} {_short(shown(value))}"
        for name, value in values.items()
    )


def _short(text: str) -> str:
    """Return `text` with its middle left out if a legend has no room for it."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 16]} ... {text[-10:]}"


def _text(value: Any) -> str:
    """Return a value with four digits; strengths of several signals as a vector."""
    if isinstance(value, (tuple, list)):
        return strengths(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def axis_label(name: str) -> str:
    """Return the name of a parameter with its letter."""
    return CONSTANTS[name].axis if name in CONSTANTS else name.replace("_", " ")


def common_caption(points: Sequence[Point]) -> list[str]:
    """Return what all points have in common."""
    first, last = points[0].params, points[-1].params
    apart = {name for name, value in vars(first).items() if vars(last)[name] != value}
    without = {*points[0].values, *apart}
    if "signal" in without and len(set(points[-1].params.strengths)) > 1:
        without.add("rho")
    if "anneal" in without:
        without.add("beta")
    if "noise" in without:
        without.add("eta")
    return caption(first, without=without)


def along(
    points: Sequence[Point],
    values: Sequence[Any],
    x: str,
    y: str,
    hue: str | None = None,
    *,
    at_end: bool = False,
    x_scale: str = "linear",
    y_scale: str = "linear",
    look: Look = PLAIN,
) -> Figure:
    """Draw a quantity against one parameter of a sweep, a line for each value of another.

    Of five values or more, if they are numbers, a colour bar says which line is which.

    Parameters
    ----------
    points : sequence of Point
    values : sequence of number, array, dict or None
        The quantity at each point; of arrays the largest entry in size, of simulations
        ``mean`` and ``std``; None where there is none.
    x, hue : str
        Names of parameters that vary; all others must not.
    y : str
        What it is, one of `vaedyn.model.quantities.QUANTITIES`.
    at_end : bool
        Whether the values are those at the last time, which the caption then says.
    x_scale, y_scale : {"linear", "log"}
    look : Look

    Raises
    ------
    ParameterError
        When the names are not those of the sweep.
    """
    check_names(points, x, hue)
    groups: dict[Any, list[tuple[float, float, float]]] = {}
    for point, value in zip(points, values, strict=True):
        mean, std = largest(value)
        key = point.values[hue] if hue else None
        groups.setdefault(key, []).append((float(point.values[x]), mean, std))
    groups = {
        key: rows for key, rows in groups.items() if np.isfinite([row[1] for row in rows]).any()
    }
    with canvas(look, ONE_COLUMN, 2.3) as (figure, (axes,)):
        lines = [
            _line(axes, np.array(sorted(rows)), colour, value_label({hue: key}) if hue else "")
            for (key, rows), colour in zip(groups.items(), hues([*groups]), strict=True)
        ]
        axes.set_xscale(x_scale)
        axes.set_yscale(y_scale)
        axes.set_xlabel(axis_label(x))
        axes.set_ylabel(QUANTITIES[y].axis)
        axes.margins(x=0.02)
        finish(figure, [axes], sweep_caption(points, at_end), look)
        for name, scale in (("x", x_scale), ("y", y_scale)):
            if scale == "log":
                label_decades(axes, name)
        if hue and scale_of([*groups]):
            colour_bar([axes], [*groups], axis_label(hue))
        elif hue:
            below(figure, lines, look)
    return figure


def check_names(points: Sequence[Point], x: str, hue: str | None) -> None:
    """Make sure that the parameters drawn vary, and no others.

    Raises
    ------
    ParameterError
        When it does not.
    """
    varied = list(points[0].values)
    for option, name in (("x", x), ("hue", hue)):
        if name is not None and name not in varied:
            raise ParameterError(option, f"expected one of {', '.join(varied)}, got {name!r}")
    if others := set(varied) - {x, hue}:
        raise ParameterError("hue", f"{', '.join(sorted(others))} varies, too: draw it by --hue")


def sweep_caption(points: Sequence[Point], at_end: bool) -> list[str]:
    """Return what all points have in common, and when it is looked at if `at_end`."""
    parts = common_caption(points)
    if at_end and "t_max" not in points[0].values:
        parts.append(powers(rf"$t = {points[0].params.t_max:g}$"))
    return parts


def largest(value: Any) -> tuple[float, float]:
    """Return a quantity and its standard deviation, nan where there is none.

    Of several entries it is the largest one in size, without its sign.
    """
    if value is None:
        return np.nan, np.nan
    if isinstance(value, dict):
        mean, std = np.ravel(value["mean"]), np.ravel(value["std"])
    else:
        mean = np.ravel(value)
        std = np.full(len(mean), np.nan)
    i = int(np.argmax(np.abs(mean)))
    return float(abs(mean[i]) if len(mean) > 1 else mean[i]), float(std[i])


def _line(axes: Axes, rows: np.ndarray, colour: Any, label: str) -> Line2D:
    """Draw (x, mean, std) rows: a line, with points where there are few, and bars of std.

    Returns its entry in a legend.
    """
    look: Any = {"color": colour, "markerfacecolor": "white", "markeredgewidth": 0.8}
    look["marker"] = "o" if len(rows) <= 30 else None
    bars = None if np.isnan(rows[:, 2]).all() else rows[:, 2]
    axes.errorbar(*rows.T[:2], yerr=bars, **look, elinewidth=0.8)
    return Line2D([], [], **look, label=label)
