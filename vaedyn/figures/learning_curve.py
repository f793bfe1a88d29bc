"""The generalisation error in time: theory as a line, simulation as markers with a band."""

from matplotlib.figure import Figure

from ..learning.bands import Bands
from ..model.quantities import QUANTITIES
from ..model.results import Trajectory
from .curves import common, draw, legend, time_axis, time_of, trained
from .layout import PLAIN, Look, below, canvas, caption, finish, label_decades
from .style import COLOURS, ONE_COLUMN


def learning_curve(
    theory: Trajectory | None,
    simulation: Trajectory | None,
    around: Bands | None = None,
    *,
    x_scale: str = "linear",
    y_scale: str = "log",
    band: str = "std",
    look: Look = PLAIN,
) -> Figure:
    """Draw the generalisation error in time.

    Parameters
    ----------
    theory : Trajectory, leading axis (times,), optional
    simulation : Trajectory, leading axes (runs, times), optional
        At least one of the two; when both, on the same times.
    around : Bands, optional
        Theory's standard deviations, shaded around its line; those of the runs
        become dotted lines.
    x_scale, y_scale : {"linear", "log"}
        A logarithmic time axis leaves t = 0 out; on a logarithmic error axis
        the band's lower edge ends at a twentieth of the mean.
    band : {"std", "sem"}
        Half-width of the shaded band: standard deviation over runs, or
        standard error of their mean.
    look : Look
    """
    params, t = common(theory, simulation)
    with canvas(look, ONE_COLUMN, 2.3) as (figure, (axes,)):
        axes.set_yscale(y_scale)
        draw(
            axes,
            t,
            None if theory is None else theory.eps_g,
            None if simulation is None else simulation.eps_g,
            {"color": COLOURS[0]},
            band=band,
            x_scale=x_scale,
            count=24,
            around=None if around is None else around.eps_g,
        )
        time_axis(axes, t, x_scale)
        axes.set_xlabel(time_of(params))
        axes.set_ylabel(QUANTITIES["eps_g"].axis)
        finish(figure, [axes], caption(params), look)
        if y_scale == "log":
            label_decades(axes)
        keys = legend(theory, simulation, band, COLOURS[0], around, trained(params))
        below(figure, keys, look)
    return figure
