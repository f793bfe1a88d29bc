"""Theory and simulation of a model in one picture."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params
from vaedyn.model.results import Trajectory

from ..advice import warn
from ..bands import BANDS, compute_bands
from ..options import RANDOM_START, option
from ..session import Session
from .picture import PICTURE, X_SCALE, output_path, write

SPREAD = [BANDS, RANDOM_START]
TRAJECTORIES = [
    *PICTURE,
    option(
        "Output",
        "--band",
        type=click.Choice(["std", "sem"]),
        default="std",
        help="Band of the runs: standard deviation, or standard error of the mean.",
    ),
    X_SCALE,
]


def draw(
    session: Session,
    name: str,
    style: dict[str, str],
    look: Any,
    params: Params,
    output: Path | None,
    with_bands: bool,
    **options: Any,
) -> None:
    """Compute or load both trajectories, draw them, and print where the figure is."""
    look.check(style["x_scale"], style.get("y_scale", "linear"))
    varied = numerics(with_bands=with_bands, **options)
    chosen = output_path(name, output, params, {**varied, **style})
    warn(params)
    ode, sgd = trajectories(session, params, **options)
    drawn, around = [("theory", ode), ("simulate", sgd)], None
    if with_bands:
        around = compute_bands(session, params, options["ensemble"]["random_start"])
        drawn.append(("bands", around))

    own = name.replace("-", "_")
    figure_of = getattr(import_module(f"vaedyn.figures.{own}"), own)
    figure = figure_of(ode, sgd, around, **style, look=look)
    write(session, name, figure, chosen, drawn)


def numerics(
    ensemble: dict[str, Any], rtol: float, atol: float, with_bands: bool = False
) -> dict[str, Any]:
    """Return the options that stand in a picture's name besides the model and the style."""
    named = {name: value for name, value in ensemble.items() if name != "jobs"}
    flags = {"with_bands": with_bands, "random_start": named.pop("random_start")}
    return {**named, "rtol": rtol, "atol": atol, **{name: True for name in flags if flags[name]}}


def trajectories(
    session: Session,
    params: Params,
    ensemble: dict[str, Any],
    rtol: float,
    atol: float,
    title: str = "simulate",
) -> tuple[Trajectory, Trajectory]:
    """Return theory and simulation of a model."""
    ode = theory(params, rtol=rtol, atol=atol, store=session.store)
    with session.simulation(title) as progress:
        sgd = simulate(params, **ensemble, store=session.store, progress=progress)
    return ode, sgd
