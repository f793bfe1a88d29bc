"""The pictures of a visitor's own table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.models import Range1d, Span

from .pictures import BLUE, GREY, KL, RED, canvas, keys, source


class Spectrum:
    """Eigenvalues, those of signals apart from those of noise."""

    def __init__(self) -> None:
        self.figure = canvas("number", "eigenvalue", y_axis_type="log", y_range=Range1d(0.1, 10))
        self.signals, self.others = source("x", "y"), source("x", "y")
        self.eta = Span(
            location=1, dimension="width", line_color=GREY, line_dash="dashed", visible=False
        )
        self.figure.add_layout(self.eta)
        signals = self.figure.scatter("x", "y", source=self.signals, size=8, color=RED)
        others = self.figure.scatter(
            "x", "y", source=self.others, size=5, color=BLUE, marker="square"
        )
        level = self.figure.line([np.nan], [np.nan], line_color=GREY, line_dash="dashed")
        keys(
            self.figure, [("signals", [signals]), ("others", [others]), ("noise level η", [level])]
        )

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw eigenvalues, and the noise level if there is one."""
        number, value, signal = arrays["number"], arrays["eigenvalue"], arrays["signal"]
        for held, chosen in ((self.signals, signal), (self.others, ~signal)):
            held.data = {"x": number[chosen], "y": value[chosen]}
        self.figure.y_range.update(start=0.6 * value.min(), end=1.6 * value.max())
        self.eta.visible = self.legend.items[2].visible = arrays["eta"] is not None
        if arrays["eta"] is not None:
            self.eta.location = arrays["eta"]


class Active:
    """How many units are active at each KL weight."""

    def __init__(self) -> None:
        self.figure = canvas("KL weight β", "active units", x_axis_type="log",
                             x_range=Range1d(0.1, 10), y_range=Range1d(0, 1))  # fmt: skip
        self.steps = source("beta", "active")
        self.best = Span(location=1, dimension="height", line_color=RED, line_width=1.5,
                         visible=False)  # fmt: skip
        self.figure.add_layout(self.best)
        steps = self.figure.step(
            "beta", "active", source=self.steps, mode="after", line_color=BLUE, line_width=2
        )
        best = self.figure.line([np.nan], [np.nan], line_color=RED, line_width=1.5)
        named = [("active units", [steps]), ("recommended β", [best])]
        self.legend = keys(self.figure, named)

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw steps, and the beta that is recommended if one is."""
        beta, active = arrays["beta"], arrays["active"]
        self.steps.data = {"beta": beta, "active": active}
        self.figure.x_range.update(start=float(beta[0]), end=float(beta[-1]))
        self.figure.y_range.update(start=-0.03 * active.max(), end=1.08 * float(active.max()) + 0.1)
        self.best.visible = self.legend.items[1].visible = bool(arrays["best"])
        if arrays["best"]:
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
