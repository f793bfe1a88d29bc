"""Figures of models: theory, simulations, fixed points, sweeps."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes

from ..annealing.best_schedule import Tuning
from ..annealing.confirm import Comparison, Measured, compare
from ..errors import ParameterError
from ..figures.drawn import Looks, both, drawn
from ..figures.order_parameters import order_of_panels
from ..fixedpoints.bifurcation_curves import BifurcationCurves
from ..fixedpoints.branches import Branches
from ..fixedpoints.cascade import Cascade
from ..fixedpoints.cascade import cascade as collapsing
from ..fixedpoints.limit_cycles import LimitCycles
from ..fixedpoints.passages import Passage, courses
from ..fixedpoints.passages import passages as passed
from ..fixedpoints.phase_diagram import PhaseDiagram
from ..fixedpoints.points import FixedPoints
from ..fixedpoints.thresholds import thresholds
from ..learning.bands import Bands
from ..learning.concentration import spreads
from ..learning.escape import Escaped
from ..model.params import Params
from ..model.quantities import NAMES
from ..model.results import Trajectory
from ..sweeps.sweep import Sweep

Panels = Sequence[Axes] | np.ndarray
"""Several Axes, in any shape."""


def learning_curve(
    result: Trajectory | None = None,
    *,
    theory: Trajectory | None = None,
    simulation: Trajectory | None = None,
    bands: Bands | None = None,
    x_scale: str = "linear",
    y_scale: str = "log",
    band: str = "std",
    ax: Axes | None = None,
    **look: Unpack[Looks],
) -> Axes:
    """Draw the generalisation error in time: theory as a line, runs as markers with a band.

    Parameters
    ----------
    result : Trajectory, optional
        From `vaedyn.theory` or `vaedyn.simulate`.
    theory, simulation : Trajectory, optional
        Both, on the same times.
    bands : Bands, optional
        From `vaedyn.bands`: shaded around theory.
    x_scale, y_scale : {"linear", "log"}
    band : {"std", "sem"}
        Of the runs: their standard deviation, or the standard error of their mean.
    ax : Axes, optional
        Where to draw; otherwise `width`, `caption`, `title`, `x_lim` and `y_lim` choose a
        new figure, see `vaedyn.plot`.
    """
    pair = both(result, theory, simulation)
    scales = {"x_scale": x_scale, "y_scale": y_scale}
    return drawn("learning_curve", ax, look, *pair, bands, **scales, band=band)[0]


def order_parameters(
    result: Trajectory | None = None,
    *,
    theory: Trajectory | None = None,
    simulation: Trajectory | None = None,
    bands: Bands | None = None,
    x_scale: str = "linear",
    band: str = "std",
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw all order parameters in time.

    Parameters
    ----------
    result, theory, simulation, bands, x_scale, band
        As for `learning_curve`.
    axes : (6,) Axes, optional
        Of m, d, Q, E, R and D, in which order they are returned, too.
    """
    pair = both(result, theory, simulation)
    found = drawn("order_parameters", axes, look, *pair, bands, x_scale=x_scale, band=band)
    order = NAMES if axes is not None else order_of_panels(look.get("width"))
    return found[[order.index(name) for name in NAMES]]


def schedule(params: Params, *, ax: Axes | None = None, **look: Unpack[Looks]) -> Axes:
    """Draw beta(t) from 0 to the last time of `params`."""
    return drawn("schedule", ax, look, params)[0]


def branches(
    result: Branches,
    y: str = "eps_g",
    *,
    bands: bool = False,
    cycles: LimitCycles | None = None,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw a quantity along all branches of fixed points, and how slowly deviations relax.

    Marks show bifurcations, see `Branches.events`: filled where they are subcritical.

    Parameters
    ----------
    result : Branches
    y : {"eps_g", "kl", "distortion", "m", "d", "Q", "E", "R", "D"}
        Of matrices the diagonal is drawn, of m and d the largest overlap of each latent.
    bands : bool
        Shade the standard deviation of single runs around stable points, see `Branches.std`.
    cycles : LimitCycles, optional
        Along the same constant: the least and the largest eps_g of each are drawn.
    axes : (2,) Axes, optional
    """
    marked = thresholds(result.params) if result.name == "beta" else None
    return drawn("branches", axes, look, result, y, marked, bands=bands, cycles=cycles)


def cascade(
    found: Cascade | Branches, *, axes: Panels | None = None, **look: Unpack[Looks]
) -> np.ndarray:
    """Draw how latents collapse one by one: active units, error and KL per latent against beta.

    Parameters
    ----------
    found : Cascade or Branches
        From `vaedyn.cascade`; or from `vaedyn.branches` along beta, without simulations.
    axes : (3,) Axes, optional
    """
    if isinstance(found, Branches):
        found = collapsing(found, simulations=0)
    return drawn("cascade", axes, look, found)


def phase_diagram(
    result: PhaseDiagram,
    curves: BifurcationCurves | None = None,
    *,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw the phases, and the generalisation error, over two constants.

    Parameters
    ----------
    result : PhaseDiagram
    curves : BifurcationCurves, optional
        Of the same constants, drawn instead of the thresholds for small learning rates.
    axes : (2,) Axes, optional
    """
    return drawn("phase_diagram", axes, look, result, curves=curves)


def passages(
    points: FixedPoints,
    trajectory: Trajectory,
    found: Sequence[Passage] | None = None,
    *,
    x_scale: str = "log",
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw the error, and the distances from the fixed points that a trajectory passes.

    Parameters
    ----------
    points : FixedPoints
    trajectory : Trajectory
        From `vaedyn.theory`.
    found : sequence of Passage, optional
        Default: those of `vaedyn.passages`.
    x_scale : {"log", "linear"}
    axes : (2,) Axes, optional
    """
    if found is None:
        found = passed(points, trajectory)
    away = courses(points, trajectory, found)
    return drawn("passages", axes, look, trajectory, found, away, x_scale=x_scale)


def annealing(
    found: Comparison | Tuning,
    measured: Sequence[Measured] = (),
    *,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw the time to converge against the schedule's number, and how the error falls.

    Parameters
    ----------
    found : Comparison or Tuning
        From `vaedyn.compare`; or from `vaedyn.best_schedule`, which is then compared with
        constant beta.
    measured : sequence of Measured
        From `vaedyn.simulated_times`.
    axes : (2,) Axes, optional
    """
    if isinstance(found, Tuning):
        found = compare(found)
    return drawn("annealing", axes, look, found, measured)


def sweep(
    result: Sweep,
    y: str = "eps_g",
    *,
    x: str | None = None,
    hue: str | None = None,
    kind: str = "lines",
    x_scale: str = "linear",
    y_scale: str = "linear",
    ax: Axes | None = None,
    **look: Unpack[Looks],
) -> Axes:
    """Draw a quantity over one or two parameters of a sweep.

    Parameters
    ----------
    result : Sweep
    y : str
        Such as ``eps_g``, see `Sweep.values`.
    x, hue : str, optional
        Which parameter is on the x axis, and which has a line for each value, or the y axis
        of a map. Default: the first, and the second.
    kind : {"lines", "map"}
    x_scale, y_scale : {"linear", "log"}
        `y_scale` is that of the colours of a map, whose axes follow the spacing of the values.
    ax : Axes, optional
    """
    if kind not in ("lines", "map"):
        raise ParameterError("kind", f"expected lines or map, got {kind!r}")
    x = x or next(name for name in result.varied if name != hue)
    hue = hue or next((name for name in result.varied if name != x), None)
    at_end = {"at_end": result.command in ("theory", "simulate")}
    given = result.points, result.values(y), x
    if kind == "lines":
        at_end |= {"x_scale": x_scale, "y_scale": y_scale}
        return drawn("sweep.along", ax, look, *given, y, hue, **at_end)[0]
    if hue is None:
        raise ParameterError("kind", "a map needs two parameters that vary")
    return drawn("maps.across", ax, look, *given, hue, y, scale=y_scale, **at_end)[0]


def concentration(
    runs: Sequence[tuple[Bands, Trajectory]],
    times: Sequence[float],
    *,
    axes: Panels | None = None,
    **look: Unpack[Looks],
) -> np.ndarray:
    """Draw how the spread of runs falls with N, of eps_g and of the first overlap.

    Parameters
    ----------
    runs : sequence of (Bands, Trajectory)
        From `vaedyn.ensembles`.
    times : sequence of float
        The nearest saved times are taken.
    axes : (2,) Axes, optional
    """
    bands, simulation = runs[0]
    found = spreads(runs, times), bands.params, len(simulation.eps_g)
    return drawn("concentration", axes, look, *found)


def escape(
    params: Params, found: Sequence[Escaped], *, ax: Axes | None = None, **look: Unpack[Looks]
) -> Axes:
    """Draw the time at which runs leave the initial plateau against N.

    Parameters
    ----------
    params : Params
    found : sequence of Escaped
        From `vaedyn.escapes`.
    ax : Axes, optional
    """
    return drawn("escape", ax, look, params, sorted(found, key=lambda each: each.dim))[0]
