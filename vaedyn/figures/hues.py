"""Colours of several values: distinct where they are few, in order of lightness where many."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize

from .layout import label_decades
from .style import COLOURS

MANY = 5  # values that are numbers: from here on a colour bar stands for the legend


def sequential() -> Colormap:
    """Return viridis without its lightest end, which is lost on white."""
    return ListedColormap(colormaps["viridis"](np.linspace(0, 0.9, 256)))


def palette(count: int) -> list[Any]:
    """Return `count` colours that can be told apart; of many, in order of lightness."""
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    return list(sequential()(np.linspace(0, 1, count)))


def scale_of(values: Sequence[Any]) -> Normalize | None:
    """Return how values are spread over a colour bar; None if they are few, or no numbers.

    It is logarithmic where that sets them more evenly apart.
    """
    if len(values) < MANY or not all(isinstance(value, (int, float)) for value in values):
        return None
    places = np.unique(np.array(values, float))
    if len(places) < 2:
        return None
    logarithmic = places[0] > 0 and _widest(np.log(places)) < _widest(places)
    return (LogNorm if logarithmic else Normalize)(places[0], places[-1])


def _widest(places: np.ndarray) -> float:
    """Return the widest gap between ascending places, as a part of all."""
    return float(np.diff(places).max() / (places[-1] - places[0]))


def hues(values: Sequence[Any]) -> list[Any]:
    """Return a colour for each value: where it is on the colour bar, if there is to be one."""
    scale = scale_of(values)
    if scale is None:
        return palette(len(values))
    return [sequential()(float(scale(float(value)))) for value in values]


def colour_bar(panels: Sequence[Axes], values: Sequence[Any], label: str) -> None:
    """Draw the colour bar of values beside panels; those that are drawn have a mark."""
    image = ScalarMappable(scale_of(values), sequential())
    bar = panels[0].figure.colorbar(image, ax=panels, pad=0.02, aspect=25)
    bar.set_label(label)
    bar.ax.hlines([float(value) for value in values], 0, 0.35, color="white", linewidth=0.8)
    bar.ax.tick_params(which="both", right=True)
    if isinstance(image.norm, LogNorm):
        label_decades(bar.ax)
