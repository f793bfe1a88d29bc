"""How likely rows held out are at each KL weight, and what is reconstructed of them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ..data.convention import OWN, Convention
from ..data.heldout import Heldout
from ..model.quantities import CONSTANTS
from .layout import PLAIN, Look, below, canvas, finish
from .spectrum import GREY, weights
from .style import COLOURS, ONE_COLUMN

LIKELY, UNITS, EXPLAINED, YOURS = COLOURS[0], COLOURS[0], COLOURS[2], COLOURS[1]
SHADE = 0.25
POINTS = 300


def heldout(
    found: Heldout,
    *,
    beta: float | None = None,
    convention: Convention | None = None,
    look: Look = PLAIN,
) -> Figure:
    """Draw log likelihood, active units and explained variance of rows held out against beta.

    Parameters
    ----------
    found : vaedyn.Heldout
    beta : float, optional
        The user's.
    convention : Convention, optional
        Of the KL weights on the axis, which shows beta otherwise.
    look : Look
    """
    factor = (convention or OWN).factor(found.columns)
    high = float(found.beta[-1])
    low = min(found.best.beta / 8, high / 100)
    if beta is not None:
        low, high = min(low, beta / 2), max(high, 2 * beta)
    betas = np.geomspace(low, high, POINTS)
    scores = [found.score(each) for each in betas.tolist()]
    x = factor * betas
    grid: Any = {"nrows": 2, "sharex": True, "height_ratios": [3, 2]}
    with canvas(look, ONE_COLUMN, 3.9, **grid) as (figure, (top, bottom)):
        _likelihood(top, x, scores, found)
        bottom.plot(x, [each.active for each in scores], color=UNITS)
        bottom.set_ylim(bottom=0)
        bottom.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        bottom.set_ylabel("active units", color=UNITS)
        bottom.set_xlabel("your KL weight" if convention else CONSTANTS["beta"].axis)
        right = bottom.twinx()
        bottom.tick_params(which="both", right=False)
        _shaded(right, x, scores, "explained", EXPLAINED)
        right.set_ylim(min(0.0, max(min(each.explained for each in scores), -0.5)), 1)
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        right.set_ylabel("explained variance", color=EXPLAINED)
        lines = (
            []
            if found.unbounded
            else [(found.best.beta, GREY, ":"), (found.simplest.beta, GREY, "--")]
        )
        lines += [] if beta is None else [(beta, YOURS, "-.")]
        for at, colour, style in lines:
            for axes in (top, bottom):
                axes.axvline(factor * at, color=colour, linewidth=0.8, linestyle=style, zorder=0)
        for axes in (top, bottom):
            axes.set_xlim(x[0], x[-1])
            weights(axes)
        samples = f"{found.samples} samples, {len(found.folds.total)} folds"
        size = rf"$N = {found.dim}$" + (rf", $M = {found.latents}$" if found.latents else "")
        finish(figure, [top], [samples, size], look)
        below(figure, _legend(found.unbounded, beta is not None), look, columns=2)
    return figure


def _likelihood(axes: Axes, x: np.ndarray, scores: list, found: Heldout) -> None:
    """Draw the log likelihood down to that of a model without latents, or below if that is best."""
    _shaded(axes, x, scores, "log_likelihood", LIKELY)
    best, error = found.best.log_likelihood, found.best.log_likelihood_error
    without = found.score(1.0001 * float(found.folds.variances.max())).log_likelihood
    depth = max(best - without, 6 * error, 1e-3 * abs(best))
    axes.set_ylim(best - 1.15 * depth, best + max(0.12 * depth, 2 * error))
    axes.set_ylabel("log likelihood held out\n(nats per row)")


def _shaded(axes: Axes, x: np.ndarray, scores: list, name: str, colour: str) -> None:
    """Draw a mean with a band of one standard error."""
    mean = np.array([getattr(each, name) for each in scores])
    error = np.array([getattr(each, f"{name}_error") for each in scores])
    axes.fill_between(x, mean - error, mean + error, color=colour, alpha=SHADE, linewidth=0)
    axes.plot(x, mean, color=colour)


def _legend(unbounded: bool, yours: bool) -> list[Any]:
    entries: list[Any] = [
        Line2D([], [], color="black", label="mean over folds"),
        Patch(color="black", alpha=SHADE, linewidth=0, label="standard error"),
    ]

    def line(style: Any, label: str, colour: str = GREY) -> Line2D:
        return Line2D([], [], color=colour, linestyle=style, linewidth=0.8, label=label)

    if not unbounded:
        entries += [line(":", "best"), line("--", "simplest within one standard error")]
    if yours:
        entries.append(line("-.", "your weight", YOURS))
    return entries
