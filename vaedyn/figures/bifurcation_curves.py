"""Bifurcation curves as lines over a map: parts that attractors meet."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..fixedpoints.bifurcation_curves import BifurcationCurves
from ..listings.bifurcation_curves import parts, special

# they differ by dashes; colours of a quantity's curve are as those of `active`
STYLES: dict[str, Any] = {
    "loss": {"linestyle": "-", "color": "black"},
    "fold": {"linestyle": (0, (4, 1.5)), "color": "#B3400A"},
    "hopf": {"linestyle": (0, (1, 1.2)), "color": "#0A4FA3", "linewidth": 1.6},
    "escape": {"linestyle": (0, (6, 1.5, 1, 1.5)), "color": "#8A1C7C"},
    "maxwell": {"linestyle": (0, (2, 1, 0.8, 1)), "color": "black", "linewidth": 0.8},
    "active": {"linestyle": (0, (8, 3)), "color": "#555555"},
}
WORDS = {
    "loss": "stability lost, real eigenvalue",
    "fold": "fold",
    "hopf": "Hopf bifurcation",
    "escape": "escape to infinity",
    "maxwell": "equal loss",
    "active": "0.01 nats",
}
MARKS = {
    "cusp": "^",
    "tricritical": "D",
    "Bogdanov-Takens": "s",
    "zero-Hopf": "v",
    "generalized Hopf": "o",
}
MARK: Any = {
    "linestyle": "none",
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 0.8,
    "markersize": 3.5,
}


def draw(axes: Axes, result: BifurcationCurves) -> None:
    """Draw the parts of curves that attractors meet, and the points of codimension two there."""
    for n, kind in enumerate(result.kinds):
        for part in parts(result, n):
            line = result.x[part], result.y[part]
            axes.plot(*line, color="white", linewidth=2.2, zorder=3)
            axes.plot(*line, zorder=3, **_style(kind))
            for each in special(result, n, part):
                axes.plot(each["x"], each["y"], marker=MARKS[each["kind"]], zorder=4, **MARK)


def legend(result: BifurcationCurves) -> list[Line2D]:
    """Return an entry for each kind of curve and mark that is drawn."""
    drawn = [(n, part) for n in range(len(result.kinds)) for part in parts(result, n)]
    kinds = dict.fromkeys(result.kinds[n] for n, _ in drawn)
    marked = {each["kind"] for n, part in drawn for each in special(result, n, part)}
    return [
        *(Line2D([], [], label=WORDS.get(kind, kind), **_style(kind)) for kind in kinds),
        *(
            Line2D([], [], marker=mark, label=name, **MARK)
            for name, mark in MARKS.items()
            if name in marked
        ),
    ]


def _style(kind: str) -> dict[str, Any]:
    return {"linewidth": 1.1, **STYLES.get(kind, STYLES["active"])}
