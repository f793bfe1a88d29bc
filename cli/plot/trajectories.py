"""Theory and simulation of a model in one picture."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params
from vaedyn.model.results import Trajectory

from ...store import ResultStore
from ..advice import warn
from ..bands import BANDS, RANDOM_START, compute_bands
from ..options import option
from ..output import progress_bar
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


def draw(name: str, style: dict[str, str], look: Any, **options: Any) -> None:
    """Compute or load both trajectories, draw them, and tell what was done."""
    params: Params = options["params"]
    look.check(style["x_scale"], style.get("y_scale", "linear"))
    output = output_path(name, options["output"], params, {**numerics(options), **style})
    warn(params)
    as_json, with_bands = options.pop("as_json"), options.pop("with_bands")
    ode, sgd = trajectories(**options)
    drawn, around = [("theory", ode), ("simulate", sgd)], None
    if with_bands:
        store = ResultStore(options["store_path"], recompute=options["recompute"])
        around = compute_bands(params, options["random_start"], store)
        drawn.append(("bands", around))

    own = name.replace("-", "_")
    figure_of = getattr(import_module(f"vaedyn.figures.{own}"), own)
    figure = figure_of(ode, sgd, around, **style, look=look)
    write(name, figure, output, drawn, as_json)


def numerics(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that a picture's name tells besides the model and the style."""
    numerics = {key: options[key] for key in ("runs", "seed", "engine", "rtol", "atol")}
    return numerics | {key: True for key in ("with_bands", "random_start") if options[key]}


def trajectories(
    params: Params, store_path: Path, recompute: bool, **options: Any
) -> tuple[Trajectory, Trajectory]:
    store = ResultStore(store_path, recompute=recompute)
    ode = theory(params, rtol=options["rtol"], atol=options["atol"], store=store)
    with progress_bar("simulate", "steps") as progress:
        sgd = simulate(
            params,
            **{name: options[name] for name in ("runs", "seed", "engine", "random_start", "jobs")},
            store=store,
            progress=progress,
        )
    return ode, sgd
