"""Figures of somebody's data: the spectrum with noise and signals, and collapse on it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .analysis import Analysis
from .figures import label_decades
from .noise import bulk_cdf
from .prediction import Prediction
from .spectrum import Spectrum
from .style import COLOURS, ONE_COLUMN, new_figure, styled

NOISE, SIGNAL, GREY = "#E69F00", COLOURS[0], "#6e6e6e"
MOST_COLOURS = 5  # latents with a colour of their own


def spectrum(found: Spectrum, analysis: Analysis) -> Figure:
    """Draw the eigenvalues, the law of the noise, and how many latents are in use at each beta.

    Eigenvalues and beta share an axis: a latent is lost where beta reaches the
    variance of its direction.
    """
    prediction = Prediction(analysis.rho, analysis.eta, analysis.dim)
    values = found.eigenvalues[found.eigenvalues > 1e-12 * found.eigenvalues[0]]
    count = len(analysis.rho)
    with styled():
        figure, (top, bottom) = new_figure(
            ONE_COLUMN, 3.4, nrows=2, sharex=True, height_ratios=[3, 2]
        )
        _scree(top, values, count)
        if found.complete:
            _law(top, analysis, len(values) - count, len(values))
        top.set_yscale("log")
        label_decades(top)
        top.set_ylabel("rank of the eigenvalue")
        top.invert_yaxis()
        top.set_xscale("log")
        betas = np.geomspace(0.5 * min(values[-1], analysis.eta), 1.5 * values[0], 2000)
        bottom.plot(betas, prediction.active(betas, max(count, 1)), color=SIGNAL)
        bottom.set_ylabel("latents in use")
        bottom.set_xlabel(r"eigenvalue, and KL weight $\beta$")
        bottom.set_ylim(bottom=-0.04 * max(count, 1))
        for axes in (top, bottom):
            axes.axvline(analysis.eta, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        bottom.set_xlim(betas[0], betas[-1])
        figure.legend(handles=_spectrum_legend(found.complete), loc="outside lower center", ncols=2)
        figure.suptitle(
            rf"{found.samples} samples, $N = {analysis.dim}$, $\eta = {analysis.eta:.3g}$, "
            rf"{count} signal{'' if count == 1 else 's'}",
            fontsize=7,
        )
    return figure


def _scree(axes: Axes, values: np.ndarray, count: int) -> None:
    """Draw eigenvalues by rank: signals and noise."""
    rank = np.arange(1, len(values) + 1)
    look = {"linestyle": "none", "marker": "o", "markerfacecolor": "white", "markeredgewidth": 0.8}
    axes.plot(values[:count], rank[:count], markeredgecolor=SIGNAL, zorder=4, **look)
    axes.plot(values[count:], rank[count:], markeredgecolor=NOISE, zorder=3, **look)


def _law(axes: Axes, analysis: Analysis, bulk: int, total: int) -> None:
    """Draw the ranks that eigenvalues of pure noise would have."""
    freedom = analysis.dim / analysis.gamma
    gamma = (analysis.dim - len(analysis.rho)) / (freedom - len(analysis.rho))
    low, high = (1 - np.sqrt(gamma)) ** 2, (1 + np.sqrt(gamma)) ** 2
    x = np.linspace(low, high, 400)
    scale = analysis.edge / high
    ranks = total - bulk * bulk_cdf(x, gamma)
    axes.plot(scale * x, np.maximum(ranks, 1), color="black", linewidth=1.0, zorder=5)


def _spectrum_legend(complete: bool) -> list[Line2D]:
    def marker(colour: str, label: str) -> Line2D:
        return Line2D(
            [], [], linestyle="none", marker="o", markerfacecolor="white",
            markeredgecolor=colour, markeredgewidth=0.8, label=label,
        )  # fmt: skip

    entries = [marker(SIGNAL, "signals"), marker(NOISE, "noise")]
    if complete:
        entries.append(Line2D([], [], color="black", linewidth=1.0, label="law of white noise"))
    entries.append(Line2D([], [], color=GREY, linestyle=":", label=r"noise level $\eta$"))
    return entries


def collapse(
    fine: np.ndarray,
    lines: np.ndarray,
    betas: np.ndarray,
    measured: np.ndarray,
    eta: float,
    active: float,
) -> Figure:
    """Draw predicted and measured KL divergence of each latent, and active units, against beta.

    Parameters
    ----------
    fine : (k,)
        Values of beta, ascending.
    lines : (k, latents)
        Predicted KL divergence of each latent there, in nats.
    betas : (n,)
        At which VAEs were trained.
    measured : (n, latents)
        KL divergence of each latent of these, descending.
    eta : float
        Noise level.
    active : float
        KL divergence from which on a latent counts as active.
    """
    with styled():
        figure, (top, bottom) = new_figure(
            ONE_COLUMN, 3.6, nrows=2, sharex=True, height_ratios=[2, 3]
        )
        look = {"linestyle": "none", "marker": "o", "markerfacecolor": "white", "zorder": 4,
                "markeredgewidth": 0.8, "clip_on": False}  # fmt: skip
        top.plot(fine, (lines > active).sum(axis=1), color=SIGNAL)
        top.plot(betas, (measured > active).sum(axis=1), markeredgecolor=SIGNAL, **look)
        top.set_ylabel("active units")
        for i in range(lines.shape[1]):
            colour = COLOURS[i] if i < MOST_COLOURS else GREY
            bottom.plot(fine, lines[:, i], color=colour, linewidth=1.2 if i < MOST_COLOURS else 0.7)
            bottom.plot(betas, measured[:, i], markeredgecolor=colour, **look)
        bottom.set_ylabel("KL per latent (nats)")
        bottom.set_xlabel(r"KL weight $\beta$")
        bottom.set_xscale("log")
        bottom.set_xlim(betas.min(), betas.max())
        for axes in (top, bottom):
            axes.axvline(eta, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        handles = [
            Line2D([], [], color=SIGNAL, label="predicted"),
            Line2D([], [], color=SIGNAL, linestyle="none", marker="o", markerfacecolor="white",
                   markeredgewidth=0.8, label="SGD on the data"),
            Line2D([], [], color=GREY, linestyle=":", label=r"noise level $\eta$"),
        ]  # fmt: skip
        figure.legend(handles=handles, loc="outside lower center", ncols=3, columnspacing=1.2)
    return figure
