"""The pictures of a visitor's own table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.models import Range1d, Span

from . import marks
from .pictures import BLUE, GREY, KL, RED, canvas, source


class Spectrum:
    """Eigenvalues, those of signals apart from those of noise."""

    def __init__(self) -> None:
        self.figure = canvas(
            "number", "eigenvalue", 6, y_axis_type="log", y_range=Range1d(start=0.1, end=10)
        )
        self.signals, self.others = source("x", "y"), source("x", "y")
        self.eta = Span(
            location=1, dimension="width", line_color=GREY, line_dash="dashed", visible=False
        )
        self.figure.add_layout(self.eta)
        self.figure.scatter("x", "y", source=self.signals, size=8, color=RED)
        self.figure.scatter("x", "y", source=self.others, size=5, color=BLUE, marker="square")
        self._with = marks.dot("signals", RED, radius=4) + marks.square("others", BLUE)
        self.key = self._with

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw eigenvalues, and the noise level if there is one."""
        number, value, signal = arrays["number"], arrays["eigenvalue"], arrays["signal"]
        for held, chosen in ((self.signals, signal), (self.others, ~signal)):
            held.data = {"x": number[chosen], "y": value[chosen]}
        self.figure.y_range.update(start=0.6 * value.min(), end=1.6 * value.max())
        known = arrays["eta"] is not None
        self.eta.visible = known
        self.key = self._with + marks.line("noise level η", GREY, "dashed", 1.5) * known
        if known:
            self.eta.location = arrays["eta"]


class Active:
    """How many units are active at each KL weight."""

    def __init__(self) -> None:
        self.figure = canvas(
            "KL weight β", "active units", 8, x_axis_type="log",
            x_range=Range1d(start=0.1, end=10), y_range=Range1d(start=0, end=1),
        )  # fmt: skip
        self.steps = source("beta", "active")
        self.best = Span(location=1, dimension="height", line_color=RED, line_width=1.5,
                         visible=False)  # fmt: skip
        self.figure.add_layout(self.best)
        self.figure.step(
            "beta", "active", source=self.steps, mode="after", line_color=BLUE, line_width=2
        )
        self._with = marks.line("active units", BLUE)
        self.key = self._with

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw steps, and the beta that is recommended if one is."""
        beta, active = arrays["beta"], arrays["active"]
        self.steps.data = {"beta": beta, "active": active}
        self.figure.x_range.update(start=float(beta[0]), end=float(beta[-1]))
        self.figure.y_range.update(start=-0.03 * active.max(), end=1.08 * float(active.max()) + 0.1)
        known = bool(arrays["best"])
        self.best.visible = known
        self.key = self._with + marks.line("recommended β", RED) * known
        if known:
            self.best.location = arrays["best"]


class Learning(KL):
    """The KL divergence of each latent while the rows are learned."""

    def __init__(self) -> None:
        super().__init__()
        self.figure.xaxis.axis_label = "time t = steps / N"
        self.now.visible = False

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw a line for each latent; nothing is known before the first step."""
        super().show({"t": np.asarray(arrays["t"]), "kl": np.asarray(arrays["kl"])})
