"""Figures for a paper: theory as lines, simulation as markers with a band."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .errors import ParameterError
from .figures_hues import palette
from .figures_layout import (
    NARROW,
    PLAIN,
    Look,
    below,
    caption,
    finish,
    label_decades,
    powers,
)
from .figures_signs import entry, signs_of
from .fluctuations import Bands
from .params import Params
from .results import Trajectory
from .style import COLOURS, ONE_COLUMN, TWO_COLUMNS, new_figure, styled

BANDS = {"std": "mean ± std of runs", "sem": "mean ± standard error"}
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (8, 2)), (0, (2, 2)))
EDGE, DOTS = "0.15", (0, (1, 1.3))  # of the runs' band, when theory's is shaded
OFF_DIAGONAL = (0, (5, 1, 1, 1))
THEORY = "theory (ODE)"
TIME = r"time $t$ = SGD steps$/N$"
SYMBOLS = {
    "eps_g": r"generalisation error $\varepsilon_g$",
    "m": r"$m = W^\top W^*/N$",
    "d": r"$d = V^\top W^*/N$",
    "Q": r"$Q = W^\top W/N$",
    "E": r"$E = V^\top V/N$",
    "R": r"$R = W^\top V/N$",
    "D": r"$D$",
}


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


def legend(theory, simulation, band: str, colour: str, around: Bands | None = None) -> list[Any]:
    handles = []
    if theory is not None:
        handles.append(Line2D([], [], color=colour, label=THEORY))
    if around is not None:
        text = f"theory, ± std at $N = {around.params.dim}$"
        handles.append(Patch(facecolor=colour, alpha=0.22, label=text))
    if simulation is not None:
        runs = len(simulation.eps_g)
        text = f"SGD, {runs} runs" if runs > 1 else "SGD, one run"
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


def learning_curve(
    theory: Trajectory | None,
    simulation: Trajectory | None,
    around: Bands | None = None,
    *,
    x_scale: str = "linear",
    y_scale: str = "log",
    band: str = "std",
    look: Look = PLAIN,
) -> Figure:
    """Draw the generalisation error in time.

    Parameters
    ----------
    theory : Trajectory, leading axis (times,), optional
    simulation : Trajectory, leading axes (runs, times), optional
        At least one of the two; when both, on the same times.
    around : Bands, optional
        Theory's standard deviations, shaded around its line; those of the runs
        become dotted lines.
    x_scale, y_scale : {"linear", "log"}
        A logarithmic time axis leaves t = 0 out; on a logarithmic error axis
        the band's lower edge ends at a twentieth of the mean.
    band : {"std", "sem"}
        Half-width of the shaded band: standard deviation over runs, or
        standard error of their mean.
    look : Look
    """
    params, t = _common(theory, simulation)
    with styled():
        figure, (axes,) = new_figure(look.width or ONE_COLUMN, 2.3)
        axes.set_yscale(y_scale)
        draw(
            axes,
            t,
            None if theory is None else theory.eps_g,
            None if simulation is None else simulation.eps_g,
            {"color": COLOURS[0]},
            band=band,
            x_scale=x_scale,
            count=24,
            around=None if around is None else around.eps_g,
        )
        time_axis(axes, t, x_scale)
        axes.set_xlabel(TIME)
        axes.set_ylabel(SYMBOLS["eps_g"])
        finish(figure, [axes], caption(params), look)
        if y_scale == "log":
            label_decades(axes)
        below(figure, legend(theory, simulation, band, COLOURS[0], around))
    return figure


def order_parameters(
    theory: Trajectory | None,
    simulation: Trajectory | None,
    around: Bands | None = None,
    *,
    x_scale: str = "linear",
    band: str = "std",
    look: Look = PLAIN,
) -> Figure:
    """Draw all entries of m, d, Q, E, R and D in time, one panel each.

    The colour tells the latent (the later one of a pair), the dash the signal. The
    weights of a latent can be reversed, W and V together, without any consequence; those
    that end with a negative overlap with their signal are, and the legend says so.
    Arguments as for `learning_curve`.
    """
    params, t = _common(theory, simulation)
    signs, turned = signs_of(theory, simulation)
    with styled():
        colour = "0.3" if params.latent > 1 else COLOURS[0]
        handles = _keys(params, legend(theory, simulation, band, colour, around), turned)
        width = look.width or TWO_COLUMNS
        grid = {"nrows": 3, "ncols": 2} if width < NARROW else {"nrows": 2, "ncols": 3}
        figure, panels = new_figure(width, 1.6 * grid["nrows"], **grid, sharex=True)
        order = "mdQERD" if width < NARROW else "mQDdER"
        for axes, name in zip(panels.ravel(), order, strict=True):
            for index, style in _entries(params, name):
                crowded = params.latent > 2 and style.get("linestyle") == OFF_DIAGONAL
                many = len(index) == 2 and params.latent * params.signal > 4
                draw(
                    axes,
                    t,
                    None if theory is None else entry(theory, name, index, signs[0]),
                    None if simulation is None else entry(simulation, name, index, signs[1]),
                    style,
                    band=band,
                    x_scale=x_scale,
                    count=0 if crowded else 7 if many else 14,
                    around=None if around is None else getattr(around, name)[:, *index],
                )
            axes.set_ylabel(SYMBOLS[name])
            time_axis(axes, t, x_scale)
            axes.margins(y=0.08)
        for axes in panels[-1]:
            axes.set_xlabel(TIME if width >= NARROW else "time $t$")
        finish(figure, panels.ravel(), caption(params), look)
        below(figure, handles, columns=6)
    return figure


def _entries(params: Params, name: str) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """Yield the entries of an order parameter that differ, with their line styles."""
    for i, colour in enumerate(palette(params.latent)):
        if name == "D":
            yield (i,), {"color": colour}
        elif name in "md":
            for k in range(params.signal):
                yield (i, k), {"color": colour, "linestyle": DASHES[k % len(DASHES)]}
        else:
            others = range(params.latent) if name == "R" else range(i + 1)
            for j in others:
                yield (i, j), {"color": colour, "linestyle": "-" if i == j else OFF_DIAGONAL}


def _keys(params: Params, handles: list[Any], turned: list[int]) -> list[Any]:
    """Return legend entries: `handles`, and the colours and dashes that are in use.

    A solid line is theory's, and of the first signal: one entry says both.
    """
    if params.latent > 1:
        for i, colour in enumerate(palette(params.latent), 1):
            handles.append(Patch(facecolor=colour, label=f"latent {i}"))
    if params.signal > 1:
        for n, (dash, signals) in enumerate(_cycled(params.signal, DASHES)):
            if n == 0 and handles[0].get_label() == THEORY:
                handles[0].set_label(f"{THEORY}, signal {signals}")
                continue
            handles.append(Line2D([], [], color="0.3", linestyle=dash, label=f"signal {signals}"))
    if params.latent > 1:
        handles.append(Line2D([], [], color="0.3", linestyle=OFF_DIAGONAL, label="off-diagonal"))
    if turned:
        several = f"latent{'s' * (len(turned) > 1)} {', '.join(map(str, turned))}"
        which = several if params.latent > 1 else "$W$ and $V$"
        handles.append(Line2D([], [], linestyle="none", label=f"{which}: sign reversed"))
    return handles


def _cycled(count: int, styles: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    """Yield the styles in use, each with the numbers (from 1) of those that share it."""
    for i, style in enumerate(styles[:count]):
        yield style, ", ".join(str(j + 1) for j in range(i, count, len(styles)))


def _common(theory: Trajectory | None, simulation: Trajectory | None) -> tuple[Params, np.ndarray]:
    given = theory if theory is not None else simulation
    if given is None:
        raise ValueError("nothing to draw: give theory, simulation or both")
    if theory is not None and simulation is not None and not np.array_equal(theory.t, simulation.t):
        raise ValueError("theory and simulation must have the same times")
    return given.params, given.t


def schedule(params: Params, look: Look = PLAIN) -> Figure:
    """Draw beta(t) from 0 to the last time of `params`."""
    end = params.t_max
    kinks = params.schedule.kinks(end)
    # jumps are upright: both sides of every kink are drawn
    t = np.unique(np.concatenate([np.linspace(0, end, 1001), kinks, kinks * (1 - 1e-9)]))
    with styled():
        figure, (axes,) = new_figure(look.width or ONE_COLUMN, 2.1)
        axes.plot(t, params.schedule(t, params.beta), color=COLOURS[0])
        axes.set_xlim(0, end)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(TIME)
        axes.set_ylabel(r"KL weight $\beta(t)$")
        finish(figure, [axes], [powers(params.schedule.formula(params.beta))], look)
    return figure
