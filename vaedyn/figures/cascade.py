"""The cascade of collapse: latents are switched off one by one as beta rises."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..fixedpoints.cascade import Cascade
from ..model.quantities import CONSTANTS, QUANTITIES, active
from .branches import mark_thresholds
from .hues import colour_bar, palette
from .layout import PLAIN, Look, below, caption, finish
from .style import COLOURS, ONE_COLUMN, new_figure, styled


def cascade(found: Cascade, look: Look = PLAIN) -> Figure:
    """Draw how latents are switched off one by one: active ones, eps_g and KL per latent.

    Latents are in the order of their KL divergence; those of more than 0.01 nats are
    active, of the fixed point and of simulations alike.

    Parameters
    ----------
    found : Cascade
        Stable points are drawn as lines, the last states of simulations as markers with
        the standard deviation over runs.
    look : Look
    """
    result, chosen, simulated = found.branches, found.stable, found.simulated
    x = result.varied[chosen]
    kl = -np.sort(-result.kl_per_latent[chosen], axis=1)
    latents = [*range(1, result.params.latent + 1)]
    colours = palette(len(latents))
    with styled():
        figure, panels = new_figure(
            look.width or ONE_COLUMN, 4.4, nrows=3, sharex=True, height_ratios=[2, 3, 3]
        )
        units, error, divergence = panels
        units.plot(x, active(kl), color="0.3", drawstyle="steps-mid")
        error.plot(x, result.eps_g[chosen], color="0.3")
        for line, colour in zip(kl.T, colours, strict=True):
            divergence.plot(x, line, color=colour)
        for run in simulated:
            last = -np.sort(-run.kl_per_latent[:, -1], axis=1)  # (runs, latent)
            _ensemble(units, run.params.beta, active(last), "0.3")
            _ensemble(error, run.params.beta, run.eps_g[:, -1], "0.3")
            for values, colour in zip(last.T, colours, strict=True):
                _ensemble(divergence, run.params.beta, values, colour)
        units.set_ylabel(QUANTITIES["active"].axis.replace(" (", "\n("))
        units.set_ylim(-0.08 * len(latents), 1.08 * len(latents))
        units.set_yticks(range(0, len(latents) + 1, -(-len(latents) // 5)))
        error.set_ylabel(QUANTITIES["eps_g"].axis)
        divergence.set_ylabel(QUANTITIES["kl_per_latent"].axis)
        divergence.set_xlabel(CONSTANTS["beta"].axis)
        divergence.set_xlim(result.varied.min(), result.varied.max())
        figure.align_ylabels(panels)
        known = simulated[0].params if simulated else result.params
        finish(figure, [units], caption(known, ("beta",) if simulated else ("beta", "dim")), look)
        _legend(figure, [*panels], latents, colours, bool(simulated))
        mark_thresholds(figure, panels.tolist(), result, found.thresholds)
    return figure


def _legend(
    figure: Figure, panels: Sequence[Axes], latents: list[int], colours: list[Any], simulated: bool
) -> None:
    """Say which latent has which colour, and what lines and markers are."""
    looks = [Line2D([], [], color="0.3", label="stable fixed point")]
    if simulated:
        looks.append(
            Line2D([], [], linestyle="none", marker="o", label="simulation", markeredgewidth=0.8,
                   markerfacecolor="white", markeredgecolor="0.3")
        )  # fmt: skip
    if len(latents) > len(COLOURS):
        colour_bar(panels, latents, "latent, by KL")
        below(figure, looks)
        return
    names = [
        Line2D([], [], color=colour, label=f"latent {i}")
        for i, colour in zip(latents, colours, strict=True)
    ]
    below(figure, names if len(names) > 1 else looks, looks if len(names) > 1 else ())


def _ensemble(axes: Axes, x: float, values: np.ndarray, colour: Any) -> None:
    """Draw the mean of some runs, (runs,), with their standard deviation."""
    spread = values.std(ddof=1) if len(values) > 1 else 0.0
    container = axes.errorbar(
        x, values.mean(), spread, fmt="o", color=colour, markerfacecolor="white",
        markeredgewidth=0.8, elinewidth=0.8, zorder=4, clip_on=False,
    )  # fmt: skip
    for artist in container.get_children():
        artist.set_in_layout(False)
