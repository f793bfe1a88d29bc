"""Curves in time, as in several figures: theory as lines, simulation as markers with a band."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..errors import ParameterError
from ..learning.bands import Bands
from ..model.params import Params
from ..model.quantities import CONSTANTS, QUANTITIES
from ..model.results import Trajectory

BANDS = {"std": "mean ± std of runs", "sem": "mean ± standard error"}
EDGE, DOTS = "0.15", (0, (1, 1.3))  # of the runs' band, when theory's is shaded
THEORY = "theory (ODE)"
TIME = QUANTITIES["time"].axis + r" = SGD steps$/N$"
WEIGHT = CONSTANTS["beta"]._replace(letter=r"\beta(t)").axis


def _shown(t: np.ndarray, x_scale: str, count: int) -> np.ndarray:
    """Return indices of about `count` times, evenly spaced on the axis."""
    if x_scale == "log":
        first = t[t > 0][0]
        wanted = np.geomspace(first, t[-1], count)
    else:
        wanted = np.linspace(t[0], t[-1], count)
    return np.unique(np.abs(t[:, None] - wanted).argmin(axis=0))


def spread(values: np.ndarray, band: str) -> np.ndarray:
    """Return the half-width of the band over runs (the first axis): 0 for a single run."""
    if band not in BANDS:
        raise ParameterError("band", f"expected {' or '.join(BANDS)}, got {band!r}")
    runs = len(values)
    if runs == 1:
        return np.zeros(values.shape[1:])
    std = values.std(axis=0, ddof=1)
    return std / np.sqrt(runs) if band == "sem" else std


def draw(
    axes: Axes,
    t: np.ndarray,
    theory: np.ndarray | None,
    runs: np.ndarray | None,
    style: dict[str, Any],
    *,
    band: str,
    x_scale: str,
    count: int,
    around: np.ndarray | None = None,
) -> None:
    """Draw one quantity: `theory` (times,) as a line, `runs` (runs, times) with their band.

    With `around` (times,), a standard deviation, the band is theory's, and dots are the
    edges of that of the runs.
    """
    colour = style["color"]
    shown = slice(int(np.argmax(t > 0)), None) if x_scale == "log" else slice(None)
    t = t[shown]
    if theory is not None:
        axes.plot(t, theory[shown], zorder=3, **style)
        if around is not None:
            _shade(axes, t, theory[shown], around[shown], colour)
    if runs is not None:
        mean, half = runs.mean(axis=0)[shown], spread(runs, band)[shown]
        at = _shown(t, x_scale, count)
        if around is None:
            _shade(axes, t, mean, half, colour)
        else:
            for edge in _limits(axes, mean, half):
                axes.plot(t, edge, color=EDGE, linestyle=DOTS, linewidth=0.8, zorder=3)
        (markers,) = axes.plot(
            t[at],
            mean[at],
            linestyle="none",
            marker="o",
            markerfacecolor="white",
            markeredgecolor=colour,
            markeredgewidth=0.8,
            zorder=4,
            clip_on=False,  # those on the frame are shown whole
        )
        markers.set_in_layout(False)


def _limits(axes: Axes, mean: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both edges of a band; on a logarithmic axis the lower one stays in sight."""
    low = mean - half
    if axes.get_yscale() == "log":
        low = np.maximum(low, 0.05 * mean)
    return low, mean + half


def _shade(axes: Axes, t: np.ndarray, mean: np.ndarray, half: np.ndarray, colour: str) -> None:
    low, high = _limits(axes, mean, half)
    axes.fill_between(t, low, high, color=colour, alpha=0.22, linewidth=0)


def trained(*models: Params) -> str:
    """Return how models are trained, in a word for a legend or an axis."""
    names = {model.optimiser for model in models}
    return {"sgd": "SGD", "adam": "Adam"}[names.pop()] if len(names) == 1 else "training"


def time_of(*models: Params) -> str:
    """Return the words of a time axis: TIME, unless it counts other steps than those of SGD."""
    return TIME.replace("SGD ", "") if any(m.optimiser != "sgd" for m in models) else TIME


def legend(
    theory, simulation, band: str, colour: str, around: Bands | None = None, name: str = "SGD"
) -> list[Any]:
    handles = []
    if theory is not None:
        handles.append(Line2D([], [], color=colour, label=THEORY))
    if around is not None:
        text = f"theory, ± std at $N = {around.params.dim}$"
        handles.append(Patch(facecolor=colour, alpha=0.22, label=text))
    if simulation is not None:
        runs = len(simulation.eps_g)
        text = f"{name}, {runs} runs" if runs > 1 else f"{name}, one run"
        handles.append(
            Line2D(
                [],
                [],
                color=colour,
                linestyle="none",
                marker="o",
                markerfacecolor="white",
                markeredgewidth=0.8,
                label=text,
            )
        )
        if runs > 1 and around is None:
            handles.append(Patch(facecolor=colour, alpha=0.22, label=BANDS[band]))
        elif runs > 1:
            handles.append(
                Line2D([], [], color=EDGE, linestyle=DOTS, linewidth=0.8, label=BANDS[band])
            )
    return handles


def time_axis(axes: Axes, t: np.ndarray, x_scale: str) -> None:
    axes.set_xscale(x_scale)
    axes.set_xlim(t[t > 0][0] if x_scale == "log" else t[0], t[-1])


def common(theory: Trajectory | None, simulation: Trajectory | None) -> tuple[Params, np.ndarray]:
    given = theory if theory is not None else simulation
    if given is None:
        raise ValueError("nothing to draw: give theory, simulation or both")
    if theory is not None and simulation is not None and not np.array_equal(theory.t, simulation.t):
        raise ValueError("theory and simulation must have the same times")
    return given.params, given.t
