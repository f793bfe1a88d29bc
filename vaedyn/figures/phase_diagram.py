"""Figures of phase diagrams: the phases, and the generalisation error that they end at."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import MaxNLocator

from ..fixedpoints.attractors import OSCILLATING, UNDECIDED
from ..fixedpoints.bifurcation_curves import BifurcationCurves
from ..fixedpoints.phase_diagram import MAPPED, PhaseDiagram
from ..model.quantities import CONSTANTS, QUANTITIES
from ..model.sample_covariance import edge, outlier, slope
from . import bifurcation_curves
from .layout import PLAIN, Look, below, finish, label_decades, two_panels
from .style import TWO_COLUMNS
from .tex import powers, rates
from .tex import strengths as listed

# in the order of the phases; they differ in lightness, too, and two of them by a pattern
TINTS = (
    "#7C7C7C", "#A9DCC6", "#E3EFF9", "#EBA83A", "#A23B57", "#6C9BDB", "#FFFFFF", "#3A2F50",
)  # fmt: skip
PATTERNS = {OSCILLATING: "-----", UNDECIDED: "....."}
SEVERAL = "//////"
NOWHERE = "#DCDCDC"  # where there is no error to show
SIGNAL: Any = {"colors": "#0072B2", "linestyles": "-"}
NOISE: Any = {"colors": "#D55E00", "linestyles": "--"}
BEST: Any = {"color": "black", "linestyle": ":", "linewidth": 1.3}
FINE = 400  # points of the mesh on which the thresholds are drawn


def phase_diagram(
    result: PhaseDiagram, look: Look = PLAIN, curves: BifurcationCurves | None = None
) -> Figure:
    """Draw the phases beside the generalisation error, with the thresholds of small rates.

    The lines show where, as the learning rate goes to 0, a collapsed latent
    starts to learn a signal or to fit noise: ``beta = s / (1 + lam) - lam / s``
    at the variance s = rho_k + eta of a signal, or eta. Where there is no
    attracting fixed point the error is left grey. Hatched is
    where several fixed points are stable, and the start decides. Where `curves` are given, they
    are drawn instead of these lines.
    """
    shared = {"sharex": True, "sharey": True}
    with two_panels(TWO_COLUMNS, 2.5, look, **shared) as (figure, panels):
        phases, error = panels
        cells = edges(result.x), edges(result.y)
        colours = ListedColormap(TINTS)
        scale = BoundaryNorm(np.arange(len(TINTS) + 1) - 0.5, len(TINTS))
        mesh: Any = {"rasterized": True, "linewidth": 0}
        phases.pcolormesh(*cells, result.phase.T, cmap=colours, norm=scale, **mesh)
        _hatch(phases, result, result.stable > 1, SEVERAL)
        for phase, pattern in PATTERNS.items():
            _hatch(phases, result, result.phase == phase, pattern)
        shown = np.ma.masked_invalid(result.eps_g.T)
        top, beyond = _top(result.eps_g)
        tones = colormaps["cividis"].with_extremes(bad=NOWHERE)
        image = error.pcolormesh(*cells, shown, cmap=tones, vmin=0, vmax=top, **mesh)
        place: Any = {"pad": 0.02, "location": "right" if _beside(panels) else "bottom"}
        bar = figure.colorbar(image, ax=error, extend="max" if beyond else "neither", **place)
        bar.set_label(QUANTITIES["eps_g"].axis)
        bar.ax.tick_params(which="both", right=_beside(panels))
        for axes in panels:
            if curves is None:
                _thresholds(axes, result)
            else:
                bifurcation_curves.draw(axes, curves)
            _best(axes, result)
            axes.set_xscale(spacing(result.x))
            axes.set_yscale(spacing(result.y))
            if spacing(result.x) == "linear":
                axes.xaxis.set_major_locator(MaxNLocator(6))
            axes.set_xlim(cells[0][[0, -1]])
            axes.set_ylim(cells[1][[0, -1]])
        finish(figure, [phases], constants(result), look)
        _name_axes(panels, result)
        below(figure, _legend(result, curves), look, columns=4)
    return figure


def _hatch(axes: Axes, result: PhaseDiagram, where: np.ndarray, pattern: str) -> None:
    if where.any():
        look: Any = {"levels": [0.5, 1.5], "colors": "none", "hatches": [pattern]}
        axes.contourf(result.x, result.y, where.T.astype(float), zorder=2, **look)


def _beside(panels: np.ndarray) -> bool:
    """Return whether the second panel stands beside the first."""
    return panels[1].get_position().x0 > panels[0].get_position().x0


def _name_axes(panels: np.ndarray, result: PhaseDiagram) -> None:
    """Name the axes at the outer edges, and label those that are logarithmic."""
    beside = _beside(panels)
    for axes in panels if beside else panels[1:]:
        axes.set_xlabel(_label(result, result.x_name))
    for axes in panels[:1] if beside else panels:
        axes.set_ylabel(_label(result, result.y_name))
    for name, values in (("x", result.x), ("y", result.y)):
        if spacing(values) == "log":
            label_decades(panels[0], name)


def constants(result: PhaseDiagram) -> list[str]:
    """Return the constants that are not varied, in the paper's letters."""
    params, varied = result.params, (result.x_name, result.y_name)
    if params.latent == params.signal:
        parts = [rf"$M = M^* = {params.latent}$"]
    else:
        parts = [rf"$M = {params.latent}$", rf"$M^* = {params.signal}$"]
    strengths = params.strengths
    if "rho" not in varied:
        parts.append(rf"$\rho = {listed(strengths)}$")
    elif len(set(strengths)) > 1:
        parts.append(rf"$\rho_k/\rho = {listed(strengths / strengths.max())}$")
    of_rows = params.alpha is not None or "alpha" in varied
    for name in MAPPED:
        value = getattr(params, name)
        usual = (name, value) in (("lam", 0), ("batch", 1))
        left_out = name == "rho" or usual or (name in ("lr", "batch") and of_rows)
        if name not in varied and value is not None and not left_out:
            shown = rates(params) if name == "lr" else f"{value:g}"
            parts.append(rf"${CONSTANTS[name].letter} = {shown}$")
    if params.momentum and not of_rows:
        parts.append(rf"${CONSTANTS['momentum'].letter} = {params.momentum:g}$")
    if params.sampled and not of_rows:
        parts.append("sampled latents")
    return [powers(part) for part in parts]


def _label(result: PhaseDiagram, name: str) -> str:
    several = name == "rho" and len(set(result.params.strengths)) > 1
    of = CONSTANTS[name]
    return (of._replace(words="strength of the strongest signal") if several else of).axis


def spacing(values: np.ndarray) -> str:
    """Return how an axis is scaled: as its values are spaced."""
    if values[0] <= 0 or len(values) < 3:
        return "linear"
    ratios = values[1:] / values[:-1]
    return "log" if np.ptp(ratios) < 1e-6 * ratios[0] else "linear"


def _top(eps_g: np.ndarray) -> tuple[float, bool]:
    """Return the end of the colour scale, and whether a few values are far beyond it."""
    values = eps_g[np.isfinite(eps_g)]
    if not len(values):
        return 1.0, False
    most, nearly = float(values.max()), float(np.quantile(values, 0.99))
    return (nearly, True) if most > 1.5 * nearly > 0 else (most, False)


def _refined(values: np.ndarray) -> np.ndarray:
    """Return `FINE` values, spaced as the given ones are."""
    at = np.linspace(0, len(values) - 1, FINE)
    return np.interp(at, np.arange(len(values)), values)


def edges(centres: np.ndarray) -> np.ndarray:
    """Return the edges of cells around `centres` (n,), (n + 1,); the outer ones end at them."""
    return np.concatenate([centres[:1], 0.5 * (centres[1:] + centres[:-1]), centres[-1:]])


def _thresholds(axes: Axes, result: PhaseDiagram) -> None:
    x, y = _refined(result.x), _refined(result.y)
    for excess, style in _excesses(result, x, y):
        if np.nanmin(excess) < 0 < np.nanmax(excess):
            lines = axes.contour(x, y, excess.T, levels=[0.0], linewidths=1.0, **style)
            lines.set_path_effects([Stroke(linewidth=2.2, foreground="white"), Normal()])


def _best(axes: Axes, result: PhaseDiagram) -> None:
    """Draw the best beta after training on rows, where it is known."""
    if result.best is not None:
        line = (result.x, result.best) if result.y_name == "beta" else (result.best, result.y)
        (drawn,) = axes.plot(*line, **BEST)
        drawn.set_path_effects([Stroke(linewidth=2.5, foreground="white"), Normal()])


def _excesses(
    result: PhaseDiagram, x: np.ndarray, y: np.ndarray
) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Return how far beta is below each threshold of small rates, (nx, ny), and its style."""
    values: dict[str, Any] = {name: getattr(result.params, name) for name in MAPPED}
    strengths = result.params.strengths
    values["rho"] = strengths.max()
    values[result.x_name], values[result.y_name] = np.meshgrid(x, y, indexing="ij")
    found = []
    for ratio in [*sorted(set(strengths / strengths.max())), 0.0]:
        s = ratio * values["rho"] + values["eta"]
        if values["alpha"] is not None:
            s = _on_rows(ratio * values["rho"], values["eta"], 1 / np.asarray(values["alpha"]))
        excess = s / (1 + values["lam"]) - values["lam"] / s - values["beta"]
        found.append((np.broadcast_to(excess, (len(x), len(y))), SIGNAL if ratio else NOISE))
    return found


def _on_rows(rho: np.ndarray, eta: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """Return variances of rows along a signal, nan where it is lost; of the noise if rho is 0."""
    if not np.any(rho):
        return edge(eta, gamma)
    return np.where(slope(rho, eta, gamma) > 0, outlier(rho, eta, gamma), np.nan)


def _legend(result: PhaseDiagram, curves: BifurcationCurves | None) -> list[Any]:
    """Return legend entries for the phases that occur."""
    handles: list[Any] = [
        Patch(facecolor=TINTS[i], edgecolor="0.2", linewidth=0.4, label=name, hatch=PATTERNS.get(i))
        for i, name in enumerate(result.names)
        if (result.phase == i).any()
    ]
    if (result.stable > 1).any():
        handles.append(Patch(facecolor="none", hatch=SEVERAL, linewidth=0, label="several stable"))
    if not np.isfinite(result.eps_g).all():
        text = "error: nothing at rest"
        handles.append(Patch(facecolor=NOWHERE, edgecolor="0.2", linewidth=0.4, label=text))
    if curves is not None:
        return handles + bifurcation_curves.legend(curves)
    crossed = {
        id(style): style
        for excess, style in _excesses(result, result.x, result.y)
        if np.nanmin(excess) < 0 < np.nanmax(excess)
    }
    for style in crossed.values():
        what = "signals" if style is SIGNAL and result.params.signal > 1 else "signal"
        what = "noise" if style is NOISE else what
        handles.append(
            Line2D(
                [],
                [],
                color=style["colors"],
                linestyle=style["linestyles"],
                linewidth=1.0,
                label=rf"threshold of {what}, $\tau \to 0$",
            )
        )
    if result.best is not None and np.isfinite(result.best).any():
        handles.append(Line2D([], [], **BEST, label=r"least error, $\tau \to 0$"))
    return handles
