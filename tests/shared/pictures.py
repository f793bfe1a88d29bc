"""Where the texts of a figure stand: none may overlap another, or leave the page."""

from itertools import combinations

from vaedyn.figures.style import styled
from vaedyn.fixedpoints.cascade import Cascade
from vaedyn.fixedpoints.followed import attractor

TOUCH = 1.6  # points by which two boxes may overlap: numbers leave the room of a g's tail empty


@styled()
def texts(figure):
    """Return (text, box) of every text that is drawn, after laying the figure out."""
    figure.draw_without_rendering()
    artists = [*figure.texts]  # the line above, too
    for legend in figure.legends:
        artists += legend.get_texts()
    for axes in figure.axes:
        artists += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis):
            for tick in axis._update_ticks():  # those in view
                artists += [tick.label1, tick.label2]
    shown = [each for each in artists if each.get_visible() and each.get_text().strip()]
    return [(each.get_text(), each.get_window_extent()) for each in shown]


def faults(figure):
    """Return what is wrong with the places of texts and of the legend, in words."""
    found, slack = [], TOUCH * figure.dpi / 72
    boxes, page = texts(figure), figure.bbox
    for text, box in boxes:
        if box.x0 < -1 or box.y0 < -1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1:
            found.append(f"{text!r} leaves the page")
    for (one, a), (two, b) in combinations(boxes, 2):
        width = min(a.x1, b.x1) - max(a.x0, b.x0)
        height = min(a.y1, b.y1) - max(a.y0, b.y0)
        if width > slack and height > slack:
            found.append(f"{one!r} overlaps {two!r}")
    for legend in figure.legends:
        frame = legend.get_window_extent()
        found += ["the legend lies on a panel" for axes in figure.axes if frame.overlaps(axes.bbox)]
    return found


def cascade_of(found, limits=None, simulated=()):
    """Return the cascade of branches along beta that are there, beside given simulations."""
    return Cascade(
        branches=found, stable=attractor(found), thresholds=limits, simulated=[*simulated]
    )
