"""Figures of branches of fixed points: solid where stable, dashed where not."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.textpath import TextPath

from ..errors import ParameterError
from ..fixedpoints.branches import Branches
from ..fixedpoints.limit_cycles import LimitCycles
from ..model.quantities import ALONG, CONSTANTS, QUANTITIES
from .curves import BANDS
from .cycles import cycles as draw_cycles
from .layout import PLAIN, Look, below, canvas, caption, finish, label_decades
from .style import COLOURS, ONE_COLUMN

GREY, SHADE = "#8c8c8c", 0.22
CLOSER = 10.0 ** -np.arange(0.25, 6.25, 0.25)  # to where a rate is zero, of the last step to it
MARKS = {
    "fold": ("^", "fold"),
    "pitchfork": ("o", "pitchfork"),
    "transcritical": ("s", "transcritical"),
    "hopf": ("D", "Hopf"),
    "degenerate": ("*", "degenerate"),
    "end": ("P", "branches meet"),
    "stability": ("X", "stability changes"),
}


def branches(
    result: Branches,
    quantity: str = "eps_g",
    thresholds: dict[str, Any] | None = None,
    look: Look = PLAIN,
    *,
    bands: bool = False,
    cycles: LimitCycles | None = None,
) -> Figure:
    """Draw a quantity along all branches, and below it how slowly deviations relax.

    Parameters
    ----------
    result : Branches
    quantity : one of `ALONG`
        Of matrices the diagonal is drawn, of m and d the largest overlap of each latent.
    thresholds : dict, optional
        As `vaedyn.thresholds` returns them, to be marked on an axis of beta.
    look : Look
    bands : bool
        Shade the standard deviation of single runs around stable points, see `Branches.std`.
    cycles : LimitCycles, optional
        Along the same constant: the least and the largest eps_g of each are drawn.
    """
    if cycles is not None and (quantity != "eps_g" or cycles.name != result.name):
        raise ParameterError("y", "limit cycles are drawn with eps_g, along the same constant")
    if quantity not in ALONG:
        raise ParameterError("y", f"expected one of {', '.join(ALONG)}, got {quantity!r}")
    grid: Any = {"nrows": 2, "sharex": True, "height_ratios": [3, 2]}
    with canvas(look, ONE_COLUMN, 3.3, **grid) as (figure, (top, bottom)):
        styles = _styles(result)
        for n, style in enumerate(styles):
            chosen = result.branch == n
            x, growth = result.varied[chosen], result.growth[chosen]
            for values in _lines(result, quantity, chosen):
                _stretches(top, x, values, growth, style)
            x, growth = _towards_zero(x, growth, _changes(result, n))
            with np.errstate(divide="ignore"):
                _stretches(bottom, x, 1 / np.abs(growth), growth, style)
            _marks(top, result, n, quantity, style)
        top.set_xlim(result.varied.min(), result.varied.max())
        bottom.set_xlim(top.get_xlim())
        around = draw_cycles(top, cycles) if cycles is not None else []
        shown = bands and bool(result.stable.any())
        if shown:
            _shade(top, result, quantity, styles)
        top.set_ylabel(QUANTITIES[quantity].axis)
        bottom.set_ylabel(r"time $1/|\mathrm{Re}\,\lambda_1|$")
        bottom.set_yscale("log")
        rates = [np.median(np.abs(result.growth[result.branch == n])) for n in range(len(styles))]
        bottom.set_ylim(top=100 / min(rates))  # it diverges at thresholds
        bottom.set_xlabel(CONSTANTS[result.name].axis)
        aside = (result.name,) if bands else ("dim", result.name)
        finish(figure, [top], caption(result.params, aside), look)
        label_decades(bottom)
        shade = [Patch(facecolor=GREY, alpha=SHADE, linewidth=0, label=BANDS["std"])] * shown
        below(figure, [*_legend(result, styles), *shade, *around], look, columns=2)
        mark_thresholds(figure, (top, bottom), result, thresholds)
    return figure


def _changes(result: Branches, n: int) -> list[float]:
    """Return where the stability of a branch changes."""
    return [e["at"] for e in result.events if e["branch"] == n and e["kind"] == "stability"]


def _towards_zero(
    x: np.ndarray, growth: np.ndarray, zeros: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return points of a branch and more of them where its rate goes through zero.

    Between the last point before a zero and the first behind it, rates are
    proportional to the distance from it: the times, which diverge there, would end
    anywhere. At the tip of a branch the last point is the zero.
    """
    found = [(x, growth)]
    tips = [x[i] for i, beside in ((0, 1), (-1, -2)) if abs(growth[i]) < 1e-3 * abs(growth[beside])]
    for zero in (*zeros, *tips):
        for near in (np.flatnonzero(x < zero)[-1:], np.flatnonzero(x > zero)[:1]):
            found += [(zero + (x[i] - zero) * CLOSER, growth[i] * CLOSER) for i in near]
    xs, rates = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.argsort(xs, kind="stable")
    return xs[order], rates[order]


def _styles(result: Branches) -> list[dict[str, Any]]:
    """Return a colour for each branch that is stable somewhere, and grey for the others."""
    styles, used = [], 0
    for n in range(len(result.types)):
        chosen = result.branch == n
        if (result.growth[chosen] < 0).mean() > 0.02 and used < len(COLOURS):
            styles.append({"color": COLOURS[used], "linewidth": 1.3, "zorder": 3})
            used += 1
        else:
            styles.append({"color": GREY, "linewidth": 0.7, "zorder": 2})
    return styles


def _lines(
    result: Branches, quantity: str, chosen: np.ndarray, by: Branches | None = None
) -> Iterator[np.ndarray]:
    """Yield the lines of a quantity, each (points,); overlaps are the largest ones of `by`."""
    values = getattr(result, quantity)[chosen]
    if quantity in "md":
        largest = np.abs(getattr(by or result, quantity)[chosen]).argmax(axis=-1)
        values = np.abs(np.take_along_axis(values, largest[..., None], axis=-1))[..., 0]
    elif quantity in "QER":
        values = np.diagonal(values, axis1=-2, axis2=-1)
    if values.ndim == 1:
        yield values
    else:
        yield from values.T


def _shade(axes: Axes, result: Branches, quantity: str, styles: Sequence[dict[str, Any]]) -> None:
    """Shade the standard deviations around stable points; where they diverge, within the axes."""
    limits, spread = axes.get_ylim(), result.std
    around: Any = replace(result, **{quantity: spread[quantity]})
    for n, style in enumerate(styles):
        chosen = result.branch == n
        lines = zip(*(_lines(each, quantity, chosen, result) for each in (result, around)),
                    strict=True)  # fmt: skip
        for values, std in lines:
            axes.fill_between(
                result.varied[chosen], values - std, values + std, color=style["color"],
                alpha=SHADE, linewidth=0, zorder=1,
            )  # fmt: skip
    axes.set_ylim(limits)


def _stable(growth: np.ndarray) -> np.ndarray:
    """Return where a branch is drawn as stable, (points,)."""
    stable = growth < 0
    stable[[0, -1]] = stable[[1, -2]]  # at the tip of a branch the sign is noise
    return stable


def _stretches(
    axes: Axes, x: np.ndarray, values: np.ndarray, growth: np.ndarray, style: dict[str, Any]
) -> None:
    """Draw a line solid where stable and dashed where not."""
    stable = _stable(growth)
    cuts = np.flatnonzero(stable[1:] != stable[:-1]) + 1
    for part in np.split(np.arange(len(x)), cuts):
        if part[0] > 0:
            part = np.concatenate([[part[0] - 1], part])
        line = "-" if stable[part[-1]] else (0, (4, 1.5))
        axes.plot(x[part], values[part], linestyle=line, **style)


def _kind(event: dict[str, Any]) -> str:
    """Return under which of `MARKS` an event falls, if under any."""
    return event.get("bifurcation") or event["kind"]


def _subcritical(event: dict[str, Any]) -> bool:
    return event.get("side") == "subcritical"


def _mark(kind: str, colour: str, filled: bool) -> dict[str, Any]:
    """Return how a mark looks: filled where the bifurcation is subcritical."""
    return {
        "marker": MARKS[kind][0], "markerfacecolor": colour if filled else "white",
        "markeredgecolor": colour, "markeredgewidth": 0.8,
        "markersize": 5 if MARKS[kind][0] == "*" else 3,
    }  # fmt: skip


def _marks(axes: Axes, result: Branches, n: int, quantity: str, style: dict[str, Any]) -> None:
    """Mark where something happens on a branch."""
    chosen = result.branch == n
    x = result.varied[chosen]
    for event in result.events:
        if event["branch"] == n and _kind(event) in MARKS:
            look = _mark(_kind(event), style["color"], _subcritical(event))
            for values in _lines(result, quantity, chosen):
                y = np.interp(event["at"], x, values)
                (mark,) = axes.plot(event["at"], y, zorder=5, clip_on=False, **look)
                mark.set_in_layout(False)


def mark_thresholds(
    figure: Figure, panels: Sequence[Axes], result: Branches, found: dict[str, Any] | None
) -> None:
    """Draw the thresholds of beta as dotted lines, named above the first panel."""
    if found is None or result.name != "beta":
        return
    named = [(rf"$\beta_{{{k}}}$", at) for k, at in enumerate(found["collapse"], 1)]
    if len(set(found["collapse"])) == 1:
        named = [(r"$\beta_c$", found["collapse"][0])]
    if found["noise"] is not None:
        named.append((r"$\beta_\eta$", found["noise"]))
    low, high = panels[0].get_xlim()
    named = [(name, at) for name, at in named if low < at < high]
    for at in {at for _, at in named}:
        for axes in panels:
            axes.axvline(at, color="black", linewidth=0.6, linestyle=":", zorder=1)
    if not named:
        return
    figure.draw_without_rendering()  # the layout settles how wide the panel is
    for name, at in _joined(panels[0], named):
        panels[0].annotate(
            name,
            (at, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7,
        )


def _joined(axes: Axes, named: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return names and their places, those joined to one that would overprint one another."""
    low, high = axes.get_xlim()
    point = (high - low) / (axes.get_window_extent().width / axes.figure.dpi * 72)
    groups = [[pair] for pair in sorted(named, key=lambda pair: pair[1])]

    def placed(group: list[tuple[str, float]]) -> tuple[str, float, float]:
        names = [name for name, _ in group]
        text = ", ".join(names if len(names) < 4 else [names[0], r"$\ldots$", names[-1]])
        half = 0.5 * point * TextPath((0, 0), text, size=7).get_extents().width
        centre = 0.5 * (group[0][1] + group[-1][1])
        return text, float(np.clip(centre, low + half, high - half)), half

    places = [placed(group) for group in groups]
    n = 1
    while n < len(groups):
        (_, left, width), (_, right, other) = places[n - 1], places[n]
        if right - left > width + other + 3 * point:
            n += 1
            continue
        groups[n - 1 : n + 1] = [groups[n - 1] + groups[n]]
        places[n - 1 : n + 1] = [placed(groups[n - 1])]
        n = max(1, n - 1)
    return [(text, centre) for text, centre, _ in places]


def _legend(result: Branches, styles: Sequence[dict[str, Any]]) -> list[Line2D]:
    """Return entries for the coloured branches, the line styles, and the marks that occur."""
    entries = [
        Line2D([], [], color=style["color"], label=name)
        for name, style in zip(result.types, styles, strict=True)
        if style["color"] != GREY
    ]
    if not all(_stable(result.growth[result.branch == n]).all() for n in range(len(styles))):
        dashed = {"linestyle": (0, (4, 1.5)), "color": GREY, "linewidth": 0.8}
        entries.append(Line2D([], [], **dashed, label="unstable"))
    kinds = {_kind(event) for event in result.events}
    entries += [
        Line2D([], [], linestyle="none", label=text, **_mark(kind, "black", False))
        for kind, (_, text) in MARKS.items()
        if kind in kinds
    ]
    below = next((_kind(event) for event in result.events if _subcritical(event)), None)
    if below:
        look = _mark(below, "black", True)
        entries.append(Line2D([], [], linestyle="none", label="filled: subcritical", **look))
    return entries
