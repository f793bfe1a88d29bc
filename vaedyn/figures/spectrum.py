"""The spectrum of users' data, with noise and signals."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from ..data.analyse import Analysis
from ..data.convention import OWN, Convention
from ..data.look import Look as Found
from ..data.prediction import Prediction, eigenvalues_of_rows
from ..model.quantities import CONSTANTS, QUANTITIES
from ..model.sample_covariance import bulk_quantile
from .layout import PLAIN, Look, below, canvas, finish, label_decades
from .style import COLOURS, ONE_COLUMN

NOISE, SIGNAL, GREY = "#E69F00", COLOURS[0], "#6e6e6e"
YOURS, KL = COLOURS[1], COLOURS[2]
MANY = 200  # eigenvalues from which on ranks are on a logarithmic axis
MOST = 2e7  # values of beta times eigenvalues that are compared at once
OPEN: Any = {"linestyle": "none", "marker": "o", "markerfacecolor": "white", "markeredgewidth": 0.8}


def spectrum(
    found: Found,
    *,
    beta: float | None = None,
    latents: int | None = None,
    convention: Convention | None = None,
    look: Look = PLAIN,
) -> Figure:
    """Draw eigenvalues by rank, the law of noise, and active units and their KL against beta.

    Parameters
    ----------
    found : vaedyn.Look
    beta : float, optional
        The user's.
    latents : int, optional
        How many there are at most.
    convention : Convention, optional
        Of the KL weights on the axis below, which shows beta otherwise.
    look : Look
    """
    analysis, prediction = found.analysis, found.prediction
    factor = (convention or OWN).factor(found.spectrum.dim)
    values, floor = eigenvalues_of_rows(found.spectrum), analysis.no_floor is None
    law = floor and found.spectrum.complete
    count = len(analysis.rho) if floor else 0
    grid: Any = {"nrows": 2, "height_ratios": [3, 2]}
    with canvas(look, ONE_COLUMN, 4.1, **grid) as (figure, (top, bottom)):
        _scree(top, values, count, floor)
        if law:
            _law(top, analysis, len(values), 1 - 1 / found.spectrum.samples)
        used = prediction.variances(latents)
        low, high = (c * x for c, x in ((0.5, used[-1]), (1.5, used[0])))
        if beta is not None:
            low, high = min(low, beta / 2), max(high, 2 * beta)
        betas = np.geomspace(low, high, int(np.clip(MOST / len(used), 200, 4000)))
        _use(bottom, betas, prediction, latents, factor)
        bottom.set_xlabel("your KL weight" if convention else CONSTANTS["beta"].axis)
        for line, colour, style in (
            (prediction.beta if floor else None, GREY, ":"),
            (beta, YOURS, "--"),
        ):
            if line is not None:
                top.axhline(line, color=colour, linewidth=0.8, linestyle=style, zorder=0)
                bottom.axvline(
                    factor * line, color=colour, linewidth=0.8, linestyle=style, zorder=0
                )
        best = r"recommended: $\beta = \eta$"
        if prediction.beta != analysis.eta:
            best = rf"recommended $\beta$ at $M = {count}$"
        handles = _legend(best if floor else "", law, beta is not None, count)
        samples = f"{found.spectrum.samples} samples"
        parts = [samples, rf"$N = {analysis.dim}$: no beta recommended"]
        if floor:
            signals = f"{count} signal{'' if count == 1 else 's'}"
            parts[1:] = [rf"$N = {analysis.dim}$: $\eta = {analysis.eta:.3g}$", signals]
        finish(figure, [top], parts, look)
        below(figure, handles, look, columns=2)
    return figure


def _scree(axes: Axes, values: np.ndarray, count: int, floor: bool) -> None:
    """Draw eigenvalues by rank: signals and noise, or all alike."""
    rank = np.arange(1, len(values) + 1)
    axes.plot(rank[:count], values[:count], markeredgecolor=SIGNAL, zorder=4, **OPEN)
    rest = NOISE if floor else SIGNAL
    axes.plot(rank[count:], values[count:], markeredgecolor=rest, zorder=3, **OPEN)
    if values[0] > 10 * values[-1]:
        axes.set_yscale("log")
        label_decades(axes)
    else:
        axes.set_ylim(bottom=0)
    if len(values) > MANY:
        axes.set_xscale("log")
    else:
        axes.set_xlim(0.5, len(values) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("rank")
    axes.set_ylabel("eigenvalue")


def _law(axes: Axes, analysis: Analysis, total: int, unit: float) -> None:
    """Draw the eigenvalues that pure noise would have beside the signals, by rank."""
    count = len(analysis.rho)
    freedom = analysis.dim / analysis.gamma
    gamma = (analysis.dim - count) / (freedom - count)
    scale = unit * analysis.edge / (1 + np.sqrt(gamma)) ** 2
    share = np.linspace(0, 1, 400)
    rank = count + 0.5 + (total - count) * share
    axes.plot(rank, scale * bulk_quantile(1 - share, gamma), color="black", linewidth=1.0, zorder=5)


def _use(
    axes: Axes, betas: np.ndarray, prediction: Prediction, latents: int | None, factor: float
) -> None:
    """Draw the number of latents in use, as stairs, and their KL divergence on the right."""
    axes.plot(
        factor * betas, prediction.active(betas, latents), color=SIGNAL, drawstyle="steps-post"
    )
    axes.set_xlim(factor * betas[0], factor * betas[-1])
    weights(axes)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_ylabel("active units", color=SIGNAL)
    right = axes.twinx()
    axes.tick_params(which="both", right=False)
    right.plot(factor * betas, prediction.rate(betas, latents), color=KL)
    right.set_ylim(bottom=0)
    right.set_ylabel(QUANTITIES["kl"].axis, color=KL)


def weights(axes: Axes) -> None:
    """Put weights on a logarithmic axis, with numbers between the decades where it has few."""
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if high / low < 300:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 30 else (1, 3)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(best: str, law: bool, yours: bool, count: int) -> list[Line2D]:
    def marker(colour: str, label: str) -> Line2D:
        return Line2D([], [], markeredgecolor=colour, label=label, **OPEN)

    if not best:
        entries = [marker(SIGNAL, "eigenvalues of the data")]
    else:
        entries = [marker(SIGNAL, "signals")] if count else []
        entries.append(marker(NOISE, "noise"))
    if law:
        entries.append(Line2D([], [], color="black", linewidth=1.0, label="law of white noise"))
    if best:
        entries.append(Line2D([], [], color=GREY, linestyle=":", linewidth=0.8, label=best))
    if yours:
        entries.append(
            Line2D([], [], color=YOURS, linestyle="--", linewidth=0.8, label="your weight")
        )
    return entries
