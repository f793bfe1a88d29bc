"""The order parameters in time, a panel each."""

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..learning.bands import Bands
from ..model.params import Params
from ..model.quantities import NAMES, QUANTITIES
from ..model.results import Trajectory
from .curves import THEORY, common, draw, legend, time_axis, time_of, trained
from .hues import palette
from .layout import NARROW, PLAIN, Look, below, canvas, caption, finish
from .signs import entry, signs_of
from .style import COLOURS, TWO_COLUMNS

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (8, 2)), (0, (2, 2)))
OFF_DIAGONAL = (0, (5, 1, 1, 1))


def order_parameters(
    theory: Trajectory | None,
    simulation: Trajectory | None,
    around: Bands | None = None,
    *,
    x_scale: str = "linear",
    band: str = "std",
    look: Look = PLAIN,
) -> Figure:
    """Draw all entries of m, d, Q, E, R and D in time, one panel each.

    The colour stands for the latent (the later one of a pair), the dash for the signal. The
    weights of a latent can be reversed, W and V together, without any consequence; those
    that end with a negative overlap with their signal are, and the legend says so.
    Arguments as for `learning_curve`.
    """
    params, t = common(theory, simulation)
    signs, turned = signs_of(theory, simulation)
    width = look.width or TWO_COLUMNS
    grid = {"nrows": 3, "ncols": 2} if width < NARROW else {"nrows": 2, "ncols": 3}
    with canvas(look, width, 1.6 * grid["nrows"], **grid, sharex=True) as (figure, panels):
        order = NAMES if look.axes else order_of_panels(width)
        colour = "0.3" if params.latent > 1 else COLOURS[0]
        keys = legend(theory, simulation, band, colour, around, trained(params))
        handles = _keys(params, keys, turned)
        for axes, name in zip(panels.ravel(), order, strict=True):
            for index, style in _entries(params, name):
                crowded = params.latent > 2 and style.get("linestyle") == OFF_DIAGONAL
                many = len(index) == 2 and params.latent * params.signal > 4
                draw(
                    axes,
                    t,
                    None if theory is None else entry(theory, name, index, signs[0]),
                    None if simulation is None else entry(simulation, name, index, signs[1]),
                    style,
                    band=band,
                    x_scale=x_scale,
                    count=0 if crowded else 7 if many else 14,
                    around=None if around is None else getattr(around, name)[:, *index],
                )
            axes.set_ylabel(QUANTITIES[name].axis)
            time_axis(axes, t, x_scale)
            axes.margins(y=0.08)
        for axes in panels if look.axes else panels[-1]:
            axes.set_xlabel(time_of(params) if width >= NARROW else "time $t$")
        finish(figure, panels.ravel(), caption(params), look)
        below(figure, handles, look, columns=6)
    return figure


def order_of_panels(width: float | None) -> Sequence[str]:
    """Return the names of the order parameters in the order of the panels of a figure."""
    return NAMES if (width or TWO_COLUMNS) < NARROW else "mQDdER"


def _entries(params: Params, name: str) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """Yield the entries of an order parameter that differ, with their line styles."""
    for i, colour in enumerate(palette(params.latent)):
        if name == "D":
            yield (i,), {"color": colour}
        elif name in "md":
            for k in range(params.signal):
                yield (i, k), {"color": colour, "linestyle": DASHES[k % len(DASHES)]}
        else:
            others = range(params.latent) if name == "R" else range(i + 1)
            for j in others:
                yield (i, j), {"color": colour, "linestyle": "-" if i == j else OFF_DIAGONAL}


def _keys(params: Params, handles: list[Any], turned: list[int]) -> list[Any]:
    """Return legend entries: `handles`, and the colours and dashes that are in use.

    A solid line is theory's, and of the first signal: one entry says both.
    """
    if params.latent > 1:
        for i, colour in enumerate(palette(params.latent), 1):
            handles.append(Patch(facecolor=colour, label=f"latent {i}"))
    if params.signal > 1:
        for n, (dash, signals) in enumerate(_cycled(params.signal, DASHES)):
            if n == 0 and handles[0].get_label() == THEORY:
                handles[0].set_label(f"{THEORY}, signal {signals}")
                continue
            handles.append(Line2D([], [], color="0.3", linestyle=dash, label=f"signal {signals}"))
    if params.latent > 1:
        handles.append(Line2D([], [], color="0.3", linestyle=OFF_DIAGONAL, label="off-diagonal"))
    if turned:
        several = f"latent{'s' * (len(turned) > 1)} {', '.join(map(str, turned))}"
        which = several if params.latent > 1 else "$W$ and $V$"
        handles.append(Line2D([], [], linestyle="none", label=f"{which}: sign reversed"))
    return handles


def _cycled(count: int, styles: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    """Yield the styles in use, each with the numbers (from 1) of those that share it."""
    for i, style in enumerate(styles[:count]):
        yield style, ", ".join(str(j + 1) for j in range(i, count, len(styles)))
