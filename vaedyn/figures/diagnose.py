"""How the latents of a VAE in training are used, beside what a linear VAE does in the end."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..data.report import Report
from ..model.quantities import ACTIVE, QUANTITIES
from .layout import PLAIN, Look, below, canvas, finish
from .spectrum import GREY, OPEN
from .style import COLOURS, ONE_COLUMN
from .tex import powers

BESIDE = 5  # latents that are shown beyond those that are used or should be


def diagnose(found: Report, look: Look = PLAIN) -> Figure:
    """Draw the KL divergence of each latent, measured and predicted, in descending order."""
    latents = len(found.order)
    shown = min(latents, max(found.active_kl, found.predicted_active) + BESIDE)
    rank, kl = np.arange(1, shown + 1), found.kl_per_latent[:shown]
    used = kl > ACTIVE
    with canvas(look, ONE_COLUMN, 2.4) as (figure, (axes,)):
        marks = {"clip_on": False, "zorder": 4}
        if found.predicted is not None:
            ends = np.concatenate([[0.5], rank, [shown + 0.5]])  # a line also for one latent
            beside = np.pad(found.predicted[:shown], 1, "edge")
            axes.plot(ends, beside, color="black", drawstyle="steps-mid")
        for some, colour in ((used, COLOURS[0]), (~used, GREY)):
            if some.any():  # none would take room at the left
                axes.plot(rank[some], kl[some], markeredgecolor=colour, **OPEN, **marks)
        axes.set_xlim(0.5, shown + 0.5)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))
        axes.set_xlabel("latent, by descending KL")
        axes.set_ylabel(QUANTITIES["kl_per_latent"].axis)
        caption = [
            f"{found.rows} rows",
            f"$M = {latents}$" if shown == latents else f"first {shown} of $M = {latents}$",
            powers(rf"$\beta = {found.beta:.4g}$"),
            f"verdict: {found.verdict}",
        ]
        finish(figure, [axes], caption, look)
        below(figure, _legend(found, used), look, columns=2)
    return figure


def _legend(found: Report, used: np.ndarray) -> list[Any]:
    entries: list[Any] = []
    if found.predicted is not None:
        entries.append(Line2D([], [], color="black", label="predicted (linear VAE)"))
    for some, colour, what in ((used, COLOURS[0], "active"), (~used, GREY, "inactive")):
        if some.any():
            label = f"measured, {what}"
            entries.append(Line2D([], [], markeredgecolor=colour, label=label, **OPEN))
    return entries
