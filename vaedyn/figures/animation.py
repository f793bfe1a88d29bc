"""A moving picture for talks: learning in the (m, Q) plane, over the flow of the ODE."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import OutputError, ParameterError
from ..files import whole
from ..fixedpoints.plane import entry, flow
from ..fixedpoints.points import FixedPoints
from ..model.params import Params
from ..model.quantities import QUANTITIES
from ..model.records import Progress
from ..model.results import Trajectory
from .curves import draw, time_axis, time_of, trained
from .layout import PLAIN, caption, finish, label_decades
from .style import COLOURS, new_figure, styled

FORMATS = (".gif", ".mp4")
SIZE, DPI = (7.2, 3.6), 120  # inches: 864 x 432 pixels, even numbers as video wants them
GRID = (15, 12)  # arrows
LONGEST = 0.21  # inches, of an arrow
FRAMES, PER_SECOND, HELD = 100, 20, 20  # the last frame is held
TAIL = 8  # frames
MOST_RUNS = 20
WAITING = 0.15  # share of frames that go by the time axis rather than by the way covered


@dataclass(frozen=True)
class Animation:
    """A figure and how it is changed into its frames.

    Attributes
    ----------
    figure : Figure
    t : (frames,)
        Time of each frame.
    show : callable
        ``show(i)`` changes the figure into frame i.
    """

    figure: Figure
    t: np.ndarray
    show: Callable[[int], None]


def frame_times(theory: Trajectory, frames: int, x_scale: str = "linear") -> np.ndarray:
    """Return times at which the picture moves evenly: by the way covered in the (m, Q) plane.

    A small part goes by the time axis, so that waiting is seen, too.
    """
    x, y = np.abs(theory.m[:, 0, 0]), theory.Q[:, 0, 0]
    t = theory.t
    way = np.hypot(np.diff(x) / (np.ptp(x) or 1.0), np.diff(y) / (np.ptp(y) or 1.0))
    axis = np.diff(np.log(np.maximum(t, t[1])) if x_scale == "log" else t)
    steps = (1 - WAITING) * way / (way.sum() or 1.0) + WAITING * axis / axis.sum()
    done = np.concatenate([[0.0], np.cumsum(steps)])
    return np.interp(np.linspace(0, done[-1], frames), done, t)


def learning_animation(
    theory: Trajectory,
    simulation: Trajectory,
    points: FixedPoints | None = None,
    *,
    frames: int = FRAMES,
    x_scale: str = "linear",
    y_scale: str = "log",
    band: str = "std",
) -> Animation:
    """Show learning in the plane of ``|m|`` and Q, and beside it eps_g in time.

    Arrows are the drift of the ODE, see `flow`: at theory's own place, its
    velocity. They are scaled by the cube root of the speed, which is measured as
    a part of the panel. Places with Q < m^2 are grey: no weights are there.

    Parameters
    ----------
    theory : Trajectory, leading axis (times,)
    simulation : Trajectory, leading axes (runs, times)
        On the same times; of many runs the first 20 are shown.
    points : FixedPoints, optional
        Marked by filled circles where stable, by open ones elsewhere.
    frames : int
        How many, at least 2; their times are those of `frame_times`.
    x_scale, y_scale, band
        Of eps_g, as for `vaedyn.figures.learning_curve.learning_curve`.

    Raises
    ------
    ParameterError
        When there is more than one latent or signal, and so no such plane.
    """
    params = check(theory.params)
    t = frame_times(theory, frames, x_scale)
    with styled():
        figure, (plane, side) = new_figure(*SIZE, ncols=2, width_ratios=[1.45, 1])
        x = np.abs([np.interp(t, theory.t, run) for run in simulation.m[:MOST_RUNS, :, 0, 0]])
        y = np.array([np.interp(t, theory.t, run) for run in simulation.Q[:MOST_RUNS, :, 0, 0]])
        _plane(plane, theory, simulation, points)
        cursor = _side(side, theory, simulation, x_scale, y_scale, band, float(t[-1]))
        finish(figure, [], caption(params), PLAIN)
        figure.legend(
            handles=_keys(simulation, points),
            loc="outside lower center",
            ncols=5,
            fontsize=7,
            columnspacing=1.2,
        )
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # nothing jumps from frame to frame
        arrows = _Arrows(plane, theory, t)
        tails = LineCollection([], colors=COLOURS[1], linewidths=1.0, alpha=0.5, zorder=4)
        plane.add_collection(tails, autolim=False)
        (place,) = plane.plot([], [], "o", color=COLOURS[0], mec="white", mew=0.6, ms=7.5, zorder=5)
        (runs,) = plane.plot([], [], "o", color=COLOURS[1], mec="white", mew=0.4, ms=4, zorder=6)
        clock = plane.text(0.03, 0.96, "", transform=plane.transAxes, va="top", fontsize=9)
        clock.set(bbox={"facecolor": "white", "edgecolor": "none", "pad": 2}, zorder=7)

    def show(i: int) -> None:
        arrows.show(i)
        past = slice(max(0, i - TAIL), i + 1)
        tails.set_segments([np.stack(path, axis=1) for path in zip(x[:, past], y[:, past])])  # noqa: B905
        runs.set_data(x[:, i], y[:, i])
        place.set_data([abs(entry(theory, "m", t[i]))], [entry(theory, "Q", t[i])])
        cursor.set_data([t[i], t[i]], [0, 1])
        clock.set_text(f"$t = {t[i]:.0f}$" if t[-1] >= 50 else f"$t = {t[i]:.2f}$")

    show(0)
    return Animation(figure, t, show)


def check(params: Params) -> Params:
    """Return `params`, after making sure that m and Q are single numbers.

    Raises
    ------
    ParameterError
        When they are not.
    """
    if params.latent > 1 or params.signal > 1:
        raise ParameterError(
            "animate",
            "shows the plane of m and Q, which takes one latent and one signal, not "
            f"{params.latent} and {params.signal}",
        )
    return params


class _Arrows:
    """The flow on a grid of places that weights can have, at every time of a frame."""

    def __init__(self, axes: Axes, theory: Trajectory, t: np.ndarray):
        (_, right), (_, top) = axes.get_xlim(), axes.get_ylim()
        columns, rows = GRID
        m, Q = np.meshgrid(
            right * (np.arange(columns) + 0.5) / columns, top * (np.arange(rows) + 0.5) / rows
        )
        there = m**2 <= Q
        m, Q = m[there], Q[there]
        box = axes.get_position()
        width, height = box.width * SIZE[0], box.height * SIZE[1]
        inches = np.array([[width / right], [height / top]]) / 1.03
        self.drift = np.array([inches * flow(theory, time, m, Q) for time in t])
        speed = np.hypot(self.drift[:, 0], self.drift[:, 1])[:, None]
        fastest = speed.max() or 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            self.drift *= np.where(speed > 0, LONGEST * np.cbrt(speed / fastest) / speed, 0.0)
        self.quiver = axes.quiver(
            m, Q, *self.drift[0], angles="uv", units="inches", scale_units="inches", scale=1,
            width=0.011, headwidth=3.6, headlength=4, headaxislength=3.6, pivot="mid",
            color="0.62", zorder=1, minlength=0.1,
        )  # fmt: skip

    def show(self, i: int) -> None:
        self.quiver.set_UVC(*self.drift[i])


def _plane(
    axes: Axes, theory: Trajectory, simulation: Trajectory, points: FixedPoints | None
) -> None:
    """Draw what stands still in the (m, Q) plane, and set its limits."""
    given = [theory, simulation] if points is None else [theory, simulation, points]
    right = 1.1 * max(float(np.abs(each.m).max()) for each in given)
    top = 1.1 * max(float(each.Q.max()) for each in given)
    axes.set_xlim(-0.03 * right, right)  # fixed points at 0 are shown whole
    axes.set_ylim(-0.03 * top, top)
    edge = np.linspace(0, right, 101)
    axes.fill_between(edge, -top, edge**2, color="0.92", linewidth=0, zorder=0)
    if right**2 > 0.4 * top:
        axes.text(0.97, 0.05, "no weights: $Q < m^2$", transform=axes.transAxes, ha="right")
    axes.plot(np.abs(theory.m[:, 0, 0]), theory.Q[:, 0, 0], color=COLOURS[0], zorder=3)
    if points is not None:
        for stable in (True, False):
            axes.plot(
                np.abs(points.m[points.stable == stable, 0, 0]),
                points.Q[points.stable == stable, 0, 0],
                **_circle(stable),
                clip_on=False,
                zorder=3.5,
            )
    axes.set_xlabel(r"$|m|$, " + QUANTITIES["m"].axis)
    axes.set_ylabel(QUANTITIES["Q"].axis)


def _circle(stable: bool) -> dict[str, Any]:
    inside = "black" if stable else "white"
    return {"ls": "none", "marker": "o", "ms": 6.5, "mew": 1.0, "mec": "black", "mfc": inside}


def _side(
    axes: Axes,
    theory: Trajectory,
    simulation: Trajectory,
    x_scale: str,
    y_scale: str,
    band: str,
    end: float,
) -> Line2D:
    """Draw eps_g in time, and return the line that marks the time of a frame."""
    axes.set_yscale(y_scale)
    draw(
        axes, theory.t, theory.eps_g, None, {"color": COLOURS[0]},
        band=band, x_scale=x_scale, count=0,
    )  # fmt: skip
    draw(
        axes, theory.t, None, simulation.eps_g, {"color": COLOURS[1]},
        band=band, x_scale=x_scale, count=16,
    )  # fmt: skip
    time_axis(axes, theory.t, x_scale)
    if y_scale == "log":
        label_decades(axes)
    axes.set_xlabel(time_of(theory.params))
    axes.set_ylabel(QUANTITIES["eps_g"].axis)
    return axes.axvline(end, color="0.3", linewidth=0.8, zorder=2)


def _keys(simulation: Trajectory, points: FixedPoints | None) -> list[Any]:
    runs, shown = len(simulation.m), min(len(simulation.m), MOST_RUNS)
    name = trained(simulation.params)
    text = f"{name}, one run" if runs == 1 else f"{name}, {runs} runs"
    if shown < runs:
        text += f" ({shown} of them move)"
    handles: list[Any] = [
        Line2D([], [], color=COLOURS[0], marker="o", mec="white", mew=0.6, ms=7, label="theory"),
        Line2D(
            [], [], color=COLOURS[1], ls="none", marker="o", mec="white", mew=0.4, ms=4, label=text
        ),
    ]
    if points is not None:
        for stable in (True, False):
            if (points.stable == stable).any():
                name = "stable fixed point" if stable else "unstable"
                handles.append(Line2D([], [], **_circle(stable), label=name))
    arrow = {"marker": r"$\rightarrow$", "ms": 10, "color": "0.5", "ls": "none"}
    note = r"drift of the ODE, with $d, E, R, D$ of theory at $t$"
    return [*handles, Line2D([], [], **arrow, label=note)]


def save_animation(
    animation: Animation, path: str | Path, *, progress: Progress | None = None
) -> None:
    """Write a GIF that loops, or an MP4 where ffmpeg is there; the last frame is held.

    Parameters
    ----------
    animation : Animation
    path : str or Path
        Ends in .gif or .mp4.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of frames.

    Raises
    ------
    ParameterError
        When the name ends otherwise, or there is no ffmpeg.
    OutputError
        When the file cannot be written.
    """
    from matplotlib.animation import FFMpegWriter, PillowWriter

    path = Path(path)
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise ParameterError("animate", f"expected a name ending in .gif or .mp4, got '{path}'")
    if kind == ".mp4" and not FFMpegWriter.isAvailable():
        raise ParameterError("animate", "there is no ffmpeg, which .mp4 needs: choose .gif")
    writer = (FFMpegWriter if kind == ".mp4" else PillowWriter)(fps=PER_SECOND)
    frames = [*range(len(animation.t)), *[len(animation.t) - 1] * HELD]
    with whole(path) as part:
        try:
            with styled(), writer.saving(animation.figure, str(part), DPI):
                for done, i in enumerate(frames, start=1):
                    animation.show(i)
                    writer.grab_frame()
                    if progress:
                        progress(done, len(frames))
        except CalledProcessError as error:
            raise OutputError(f"cannot write {path}: ffmpeg ended with {error}") from error
