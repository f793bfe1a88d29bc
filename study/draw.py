"""Draw the figures of docs/nonlinear.md from study/results.json."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from study.findings import ACTIVE, MODELS, Results, largest, load, prediction, run_of
from vaedyn.figures.layout import PLAIN, below, canvas
from vaedyn.figures.style import COLOURS, ONE_COLUMN, TWO_COLUMNS, save

FOLDER = Path(__file__).parents[1] / "docs" / "nonlinear"
MARKERS = dict(zip(MODELS, ("o", "s", "D"), strict=True))
COLOUR = dict(zip(MODELS, COLOURS, strict=False))
TABLES = ("wine", "cancer", "digits", "spiked")
HIGHEST = 0.4  # nats, in the figure of the rare cluster
SHORT = r"KL weight, $\beta/l_1$"
AXIS = r"KL weight over the largest variance, $\beta/l_1$"


def points(model: str, *, filled: bool = False) -> dict[str, Any]:
    """Return how the points of a model look: filled if beta was raised."""
    colour = COLOUR[model]
    face = colour if filled else "white"
    style = {"linestyle": "none", "marker": MARKERS[model], "markersize": 3.4}
    return {
        **style,
        "color": colour,
        "markerfacecolor": face,
        "markeredgewidth": 0.8,
        "clip_on": False,
    }


def collapse(results: Results) -> Figure:
    """Draw latents in use and KL of all latents against beta, for four tables."""
    grid: Any = {"nrows": 2, "ncols": len(TABLES), "sharex": True, "sharey": "row"}
    with canvas(PLAIN, TWO_COLUMNS, 3.3, **grid) as (figure, panels):
        panels = np.reshape(panels, (2, -1))
        for (top, bottom), table in zip(panels.T, TABLES, strict=True):
            fine = np.geomspace(0.09, 1.3, 400)
            expected = prediction(results, table).kl_per_latent(
                fine * largest(results, table), results["tables"][table]["latents"]
            )
            top.plot(fine, (expected > ACTIVE).sum(axis=1), color="black", linewidth=0.9)
            bottom.plot(fine, expected.sum(axis=1), color="black", linewidth=0.9)
            for model in MODELS:
                run = run_of(results, table, model, "scratch")
                kl = np.array(run["kl_per_latent"])
                look = points(model)
                top.plot(run["beta"], (kl > ACTIVE).sum(axis=1), **look, zorder=4)
                bottom.plot(run["beta"], kl.sum(axis=1), **look, zorder=4)
            top.set_title(table)
            _weights(bottom, (0.1, 0.2, 0.5, 1.0))
            bottom.set_xlabel(SHORT)
            top.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        panels[0, 0].set_ylabel("active units")
        panels[1, 0].set_ylabel("KL of all latents (nats)")
        panels[1, 0].set_yscale("symlog", linthresh=0.03, linscale=0.5)
        panels[1, 0].set_ylim(bottom=0)
        panels[0, 0].set_ylim(bottom=0)
        panels[1, 0].yaxis.set_major_locator(FixedLocator([0, 0.03, 0.1, 0.3, 1, 3, 10]))
        panels[1, 0].yaxis.set_minor_locator(NullLocator())
        panels[1, 0].set_yticklabels(["0", "0.03", "0.1", "0.3", "1", "3", "10"])
        handles = [
            Line2D([], [], color="black", linewidth=0.9, label="predicted, linear"),
            *(Line2D([], [], label=_name(model), **points(model)) for model in MODELS),
        ]
        below(figure, handles, PLAIN, columns=4)
    return figure


def rare(results: Results) -> Figure:
    """Draw the KL of all latents on the table with the rare cluster, up and down."""
    with canvas(PLAIN, ONE_COLUMN, 2.5) as (figure, (axes,)):
        first = largest(results, "rare")
        fine = np.geomspace(0.28, 6, 400)
        latents = results["tables"]["rare"]["latents"]
        axes.plot(fine, prediction(results, "rare").rate(fine * first, latents), color="black")
        for model in MODELS:
            for kind in ("scratch", "raised"):
                run = run_of(results, "rare", model, kind)
                beta, kl = np.array(run["beta"]), np.array(run["kl_per_latent"]).sum(axis=1)
                look = points(model, filled=kind == "raised")
                seen = kl < HIGHEST
                axes.plot(beta[seen], kl[seen], **look, zorder=5 if kind == "scratch" else 4)
        ceiling = results["tables"]["rare"]["bound"] / first
        axes.axvline(ceiling, color="0.5", linestyle=":", zorder=0)
        _weights(axes, (0.3, 0.5, 1, 2, 3, 5))
        axes.set_xlim(0.28, 6)
        axes.set_ylim(0, HIGHEST)
        axes.set_xlabel(AXIS)
        axes.set_ylabel("KL of all latents (nats)")
        handles = [
            Line2D([], [], color="black", label="predicted, linear"),
            *(Line2D([], [], label=_name(model), **points(model)) for model in MODELS),
            Line2D(
                [], [], label="filled: beta raised after learning", **points("linear", filled=True)
            ),
            Line2D([], [], color="0.5", linestyle=":", label="ceiling: collapse is best beyond"),
        ]
        below(figure, handles, PLAIN, columns=2)
    return figure


def _name(model: str) -> str:
    return (
        "linear"
        if model == "linear"
        else f"ReLU, {model[:3]} hidden layer{'s' * (model[:3] == 'two')}"
    )


def _weights(axes: Axes, ticks: tuple[float, ...]) -> None:
    """Make the axis of beta logarithmic, with plain numbers."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    results = load()
    for draw in (collapse, rare):
        save(draw(results), FOLDER / f"{draw.__name__}.png")


if __name__ == "__main__":
    main()
