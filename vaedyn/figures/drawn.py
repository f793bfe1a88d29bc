"""Figures drawn into axes of the user's, or into new ones that notebooks show."""

from importlib import import_module
from typing import Any, TypedDict

import numpy as np

from ..model.results import Trajectory
from .layout import Limits, Look

PANELS = {
    "order_parameters": 6, "branches": 2, "cascade": 3, "phase_diagram": 2, "passages": 2,
    "course": 2,
    "annealing": 2, "concentration": 2, "spectrum": 2, "collapse": 2, "heldout": 2,
    "rate_distortion": 2,
}  # fmt: skip


class Looks(TypedDict, total=False):
    """What can be chosen of a new figure, see `vaedyn.figures.layout.Look`."""

    width: float | None
    caption: bool
    title: str
    x_lim: Limits
    y_lim: Limits


def drawn(name: str, axes: Any, look: Looks, *results: Any, **options: Any) -> np.ndarray:
    """Draw a figure into `axes`, or a new one that pyplot knows, and return its panels.

    `name` is that of its module, and after a point that of its function if it is another.
    """
    room, _, function = name.partition(".")
    draw = getattr(import_module(f".{room}", __package__), function or room)
    if axes is not None:
        for word in look:
            raise TypeError(f"{word} is for new figures: change it in the figure of your axes")
        panels = np.ravel(np.asarray(axes, dtype=object))
        draw(*results, **options, look=Look(axes=tuple(panels)))
        return panels
    from matplotlib import pyplot

    figure = draw(*results, **options, look=Look(**look))
    adopt: Any = lambda *_, **__: figure  # noqa: E731
    pyplot.figure(FigureClass=adopt)  # notebooks show what pyplot knows
    return np.array(figure.axes[: PANELS.get(room, 1)], dtype=object)


def both(
    result: Trajectory | None, theory: Trajectory | None, simulation: Trajectory | None
) -> tuple[Trajectory | None, Trajectory | None]:
    """Return theory and simulation; `result` may be either, which its axes show."""
    if result is None:
        return theory, simulation
    if theory is not None or simulation is not None:
        raise TypeError("give one result, or say by theory= and simulation= which is which")
    return (result, None) if result.eps_g.ndim == 1 else (None, result)
