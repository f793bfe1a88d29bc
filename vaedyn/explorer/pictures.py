"""The pictures of the page: Bokeh figures that take the arrays of panels.

Each has a `figure`, and a `key` in HTML.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    Label,
    LinearColorMapper,
    Range1d,
    Span,
)
from bokeh.plotting import figure

from ..figures.colours import COLOURS
from . import marks

BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK = COLOURS
GREY, NOWHERE = "#767676", "#e4e4e4"
SMALL = "11px"
OF_NAMES = dict(zip("mdQERD", (BLUE, ORANGE, RED, SKY, GREEN, BLACK), strict=True))
DASHES = ("solid", "dashed", "dotted", "dotdash")
HEAD = 5  # pixels, of an arrow


def canvas(x: str, y: str, ticks: int = 4, **settings: Any) -> Any:
    """Return an empty figure that is as wide as there is room.

    Most of the time of a repaint goes into labels of `ticks`.
    """
    made: Any = figure(
        height=270, sizing_mode="stretch_width", x_axis_label=x, y_axis_label=y,
        tools="pan,box_zoom,reset,save", toolbar_location="above", toolbar_inner=True,
        min_width=250, **settings,
    )  # fmt: skip
    made.toolbar.logo = None
    made.toolbar.autohide = True
    made.toolbar.active_drag = None  # a finger that scrolls a page is not to move a picture
    made.outline_line_color = "#bbbbbb"
    made.grid.grid_line_color = "#eeeeee"
    for axis in made.axis:
        axis.ticker.desired_num_ticks = ticks
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = "12px"
        axis.major_label_text_font_size = SMALL
        axis.minor_tick_line_color = None
        axis.axis_line_color = axis.major_tick_line_color = "#888888"
    return made


def source(*columns: str) -> Any:
    """Return a source of nothing."""
    return ColumnDataSource(nothing(*columns))


def nothing(*columns: str) -> dict[str, Any]:
    """Return data that show nothing."""
    return {name: [np.nan] for name in columns}


def clear(held: Any) -> None:
    """Let a source show nothing, if it does not already."""
    columns = list(held.data)
    if any(len(held.data[name]) != 1 or held.data[name][0] == held.data[name][0]
           for name in columns):  # fmt: skip
        held.data = nothing(*columns)


def rounded_up(value: float) -> float:
    """Return a number a little above `value`, the same for values that are near one another."""
    unit = 10.0 ** np.floor(np.log10(value)) / 5
    return float(f"{(np.floor(value / unit) + 1) * unit:.6g}")


def cursor() -> Span:
    """Return the mark of a time."""
    return Span(location=0, dimension="height", line_color=GREY, line_dash="dotted", line_width=1)


MULTI = {"xs": "xs", "ys": "ys", "line_color": "colour", "line_dash": "dash", "line_width": "width"}


class Learning:
    """The learning curve: theory, its band, and runs."""

    def __init__(self) -> None:
        self.figure = canvas("time t = steps / N", "generalisation error ε", y_axis_type="log")
        self.line, self.band = source("t", "eps_g"), source("t", "low", "high")
        self.markers = source("t", "mean", "low", "high")
        self.beta, self.now = source("t", "beta"), cursor()
        made = self.figure
        made.varea("t", "low", "high", source=self.band, color=BLUE, alpha=0.2)
        runs = made.scatter("t", "mean", source=self.markers, size=6, color=RED, marker="circle")
        bars = made.segment("t", "low", "t", "high", source=self.markers, color=RED, line_width=1)
        theory = made.line("t", "eps_g", source=self.line, color=BLUE, line_width=2)
        beta = made.line("t", "beta", source=self.beta, color=GREY, line_dash="dashed")
        for each in (bars, beta):
            each.level = "underlay"
        made.y_range.renderers = [theory, runs, beta]
        made.add_layout(self.now)
        self.key = self._with = "".join(
            [
                marks.line("theory", BLUE), marks.area("± 1σ of theory", BLUE, 0.2),
                marks.dot("SGD, ± 1σ", RED, bar=True),
            ]
        )  # fmt: skip

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw theory, and beta where it changes."""
        self.line.data = {name: arrays[name] for name in ("t", "eps_g")}
        beta = np.where(arrays["beta"] > 0, arrays["beta"], np.nan)
        moves = bool(np.ptp(arrays["beta"]) > 0)
        if moves:
            self.beta.data = {"t": arrays["t"], "beta": beta}
        else:
            clear(self.beta)
        self.key = self._with + marks.line("β(t)", GREY, "dashed", 1.5) * moves

    def show_band(self, theory: Mapping[str, Any], arrays: Mapping[str, Any] | None) -> None:
        """Draw theory's standard deviation around its line, or none."""
        if arrays is None:
            clear(self.band)
            return
        eps_g, std = theory["eps_g"], arrays["std"]
        low = np.maximum(eps_g - std, eps_g / 20)
        self.band.data = {"t": arrays["t"], "low": low, "high": eps_g + std}

    def show_runs(self, arrays: Mapping[str, Any] | None) -> None:
        """Draw the mean of runs, with bars of one standard deviation, or none."""
        if arrays is None:
            clear(self.markers)
            return
        mean, std = arrays["mean"], arrays["std"]
        low = np.maximum(mean - std, mean / 20)
        self.markers.data = {"t": arrays["t"], "mean": mean, "low": low, "high": mean + std}


class Order:
    """Order parameters in time."""

    def __init__(self) -> None:
        self.figure = canvas("time t = steps / N", "order parameters")
        self.lines = ColumnDataSource({name: [] for name in MULTI.values()})
        self.figure.multi_line(source=self.lines, **MULTI)
        self.now = cursor()
        self.key = "".join(marks.line(name, colour) for name, colour in OF_NAMES.items())
        self._with = self.key + marks.line("not of its own signal", GREY, "dotted", 1.5)
        self.figure.add_layout(self.now)

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw lines; those that are not of a latent and its own signal are dotted."""
        drawn = arrays["lines"]
        alone = self._with.rpartition('<span class="key">')[0]
        self.key = alone if all(own for _, _, own, _ in drawn) else self._with
        self.lines.data = {
            "xs": [arrays["t"]] * len(drawn),
            "ys": [y for _, _, _, y in drawn],
            "colour": [OF_NAMES[name] for name, *_ in drawn],
            "dash": ["solid" if own else "dotted" for _, _, own, _ in drawn],
            "width": [2.0 if own else 1.2 for _, _, own, _ in drawn],
        }


class KL:
    """The KL divergence of each latent in time."""

    NAMED = 8  # latents in the key

    def __init__(self) -> None:
        self.figure = canvas("time t = steps / N", "KL divergence (nats)")
        self.lines, self.now = ColumnDataSource({name: [] for name in MULTI.values()}), cursor()
        self.figure.multi_line(source=self.lines, **MULTI)
        self.figure.add_layout(self.now)
        self.key = ""

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw a line for each latent."""
        values = arrays["kl"].T
        count = len(values)
        looks = [(COLOURS[i % 7], DASHES[i // 7 % 4]) for i in range(count)]
        self.lines.data = {
            "xs": [arrays["t"]] * count,
            "ys": list(values),
            "colour": [colour for colour, _ in looks],
            "dash": [dash for _, dash in looks],
            "width": [2.0] * count,
        }
        named = enumerate(looks[: self.NAMED], start=1)
        self.key = "".join(marks.line(f"latent {i}", *look) for i, look in named)


class Plane:
    """The path in the plane of |m| and Q, and the flow."""

    def __init__(self) -> None:
        self.figure = canvas(
            "|m|, decoder on its signal", "Q, decoder squared",
            x_range=Range1d(start=0, end=1), y_range=Range1d(start=0, end=1),
        )  # fmt: skip
        self.path, self.here = source("m", "Q"), source("m", "Q")
        self.arrows = source("x", "y", "x1", "y1", "angle")
        self.edge = source("m", "Q")
        made = self.figure
        made.varea("m", y1=0, y2="Q", source=self.edge, color=NOWHERE)
        made.segment("x", "y", "x1", "y1", source=self.arrows, color=GREY, line_width=1)
        made.scatter(
            "x1", "y1", source=self.arrows, angle="angle", marker="triangle", size=HEAD,
            color=GREY, line_color=None,
        )  # fmt: skip
        made.line("m", "Q", source=self.path, color=BLUE, line_width=2)
        made.scatter("m", "Q", source=self.here, size=9, color=RED, marker="circle")
        self._with = "".join(
            [
                marks.line("path", BLUE), marks.dot("at time t", RED),
                marks.area("no weights", NOWHERE), marks.arrow("flow", GREY),
            ]
        )  # fmt: skip
        self.key = self._with

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw the path, and arrows where there are any."""
        right, top = (rounded_up(1.1 * max(float(arrays[name].max()), 1e-3)) for name in ("m", "Q"))
        made = self.figure
        if made.x_range.end != right or made.y_range.end != top:
            made.x_range.end, made.y_range.end = right, top
            edge = np.linspace(0, right, 40)
            self.edge.data = {"m": edge, "Q": np.minimum(edge**2, top)}
        self.path.data = {"m": arrays["m"], "Q": arrays["Q"]}
        self.show_time(arrays)

    def show_time(self, arrays: Mapping[str, Any]) -> None:
        """Draw what belongs to one time only."""
        here, (x, y, dx, dy) = arrays["here"], arrays["arrows"]
        alone = self._with.rpartition('<span class="key">')[0]
        self.key = self._with if len(x) else alone
        self.here.data = {"m": here[:1], "Q": here[1:]}
        made = self.figure
        # the angle that is seen, in a panel of about two to one
        angle = np.arctan2(dy / made.y_range.end, 1.6 * dx / made.x_range.end) - np.pi / 2
        if len(x):
            self.arrows.data = {"x": x, "y": y, "x1": x + dx, "y1": y + dy, "angle": angle}
        else:
            clear(self.arrows)


class FixedPoints:
    """Where learning ends, over beta."""

    MOST = 9  # thresholds

    def __init__(self) -> None:
        self.figure = canvas(
            "KL weight β",
            "ε in the end",
            x_range=Range1d(start=0, end=2),
            y_range=Range1d(start=0, end=1),
        )
        self.line, self.points = source("beta", "eps_g"), source("beta", "eps_g", "stable")
        self.reached = source("beta", "eps_g")
        made = self.figure
        made.line("beta", "eps_g", source=self.line, color=BLUE, line_width=2)
        filled = LinearColorMapper(palette=["#ffffff", RED], low=0.0, high=1.0)
        made.scatter(
            "beta", "eps_g", source=self.points, size=8, line_color=RED,
            fill_color={"field": "stable", "transform": filled},
            marker="circle", line_width=1.4,
        )  # fmt: skip
        made.scatter(
            "beta", "eps_g", source=self.reached, size=15, line_color=BLACK, fill_color=None,
            marker="circle", line_width=1.4,
        )  # fmt: skip
        self.beta = Span(location=1, dimension="height", line_color=RED, line_width=1.5)
        self.limits = [
            Span(location=0, dimension="height", line_color=GREY, line_dash="dashed", visible=False)
            for _ in range(self.MOST)
        ]
        self.texts = [
            Label(x=0, y=55, y_units="screen", text="", text_font_size="10px", text_color="#444444",
                  angle=np.pi / 2, visible=False, x_offset=-2, background_fill_color="white",
                  background_fill_alpha=0.7)
            for _ in range(self.MOST)
        ]  # fmt: skip
        for each in (self.beta, *self.limits, *self.texts):
            made.add_layout(each)
        self.key = "".join(
            [
                marks.line("stable state", BLUE), marks.dot("stable at this β", RED),
                marks.dot("unstable", RED, fill="white"),
                marks.dot("where learning ends", BLACK, fill="none", radius=5.2),
            ]
        )  # fmt: skip
        self._end, self._top = 2.0, 0.0
        self._fit(0.0)

    def show_beta(self, beta: float) -> None:
        """Move the mark of the present beta."""
        self.beta.location = beta
        end = max(self._end, 1.05 * beta)
        if self.figure.x_range.end != end:
            self.figure.x_range.end = end

    def _fit(self, top: float) -> None:
        """Let the axis of the error hold the line, and values up to `top`."""
        top = max(self._top, top) or 1.0
        self.figure.y_range.update(start=-0.06 * top, end=1.08 * top)

    def show_axis(self, arrays: Mapping[str, Any]) -> None:
        """Draw the stable state over beta, and thresholds."""
        self._end = arrays["end"]
        known = arrays["eps_g"][np.isfinite(arrays["eps_g"])]
        self._top = float(known[len(known) // 40 :].max()) if len(known) else 0.0
        self._fit(0.0)
        self.line.data = {name: arrays[name] for name in ("beta", "eps_g")}
        for i, (span, text) in enumerate(zip(self.limits, self.texts, strict=True)):
            there = i < len(arrays["thresholds"])
            span.visible = text.visible = there
            if there:
                at, words = arrays["thresholds"][i]
                span.location, text.x, text.text = at, at, words

    def show_points(self, beta: float, arrays: Mapping[str, Any] | None) -> None:
        """Draw the fixed points at one beta, or none."""
        if arrays is None:
            clear(self.points)
            clear(self.reached)
            return
        eps_g = arrays["eps_g"]
        order = np.argsort(arrays["stable"], kind="stable")  # filled ones are drawn last
        self.points.data = {
            "beta": np.full(len(eps_g), beta),
            "eps_g": eps_g[order],
            "stable": arrays["stable"][order].astype(float),
        }
        at = [np.nan if arrays["reached"] is None else float(eps_g[arrays["reached"]])]
        self._fit(float(np.nanmax(eps_g)))
        self.reached.data = {"beta": [beta] * len(at), "eps_g": at}
