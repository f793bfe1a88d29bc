"""`vaedyn plot`: one subcommand a figure."""

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params
from vaedyn.model.results import Trajectory
from vaedyn.sweeps.grids import shown

from ..store import ResultStore
from . import anneal, bands, plot_collapse, plot_spectrum, plot_sweeps
from .advice import warn
from .animation import ANIMATE, animate, checked_animation
from .bands import BANDS, RANDOM_START, compute_bands
from .figure import PICTURE, X_SCALE, output_path, write
from .landscapes import branches, cascade, passages, phase_diagram
from .options import SIMULATION_OPTIONS, THEORY_OPTIONS, Command, Group, option, with_model
from .output import progress_bar
from .plot_sweeps import VARY_CURVES, curves
from .varied import Varied

Y_SCALE = option(
    "Output", "--y-scale", type=click.Choice(["linear", "log"]), default="log", help="Error axis."
)
MOST_NAMED = 7  # values in the name of a file; as many curves have colours of their own
SPREAD = [BANDS, RANDOM_START]
FIGURE_OPTIONS = [
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


@click.group("plot", cls=Group)
def command() -> None:
    """Draw figures; missing results are computed, stored ones reused."""


def _draw(name: str, style: dict[str, str], look: Any, **options: Any) -> None:
    """Compute or load both trajectories, draw them, and report what was done."""
    params: Params = options["params"]
    look.check(style["x_scale"], style.get("y_scale", "linear"))
    output = output_path(name, options["output"], params, {**_numerics(options), **style})
    warn(params)
    as_json, with_bands = options.pop("as_json"), options.pop("with_bands")
    ode, sgd = _trajectories(**options)
    drawn, around = [("theory", ode), ("simulate", sgd)], None
    if with_bands:
        store = ResultStore(options["store_path"], recompute=options["recompute"])
        around = compute_bands(params, options["random_start"], store)
        drawn.append(("bands", around))

    own = name.replace("-", "_")
    draw = getattr(import_module(f"vaedyn.figures.{own}"), own)
    figure = draw(ode, sgd, around, **style, look=look)
    write(name, figure, output, drawn, as_json)


def _numerics(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that stand in a picture's name besides the model and the style."""
    numerics = {key: options[key] for key in ("runs", "seed", "engine", "rtol", "atol")}
    return numerics | {key: True for key in ("with_bands", "random_start") if options[key]}


def _trajectories(
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


for figure in (
    branches,
    cascade,
    phase_diagram,
    passages,
    anneal.figure,
    plot_sweeps.figure,
    plot_spectrum.figure,
    plot_collapse.figure,
    bands.concentration,
    bands.escape_figure,
):
    command.add_command(figure)


@command.command(
    "learning-curve",
    cls=Command,
    examples=[
        "vaedyn plot learning-curve --beta 1.5 -o fig1.pdf",
        "vaedyn plot learning-curve --x-scale log --band sem --runs 20",
        "vaedyn plot learning-curve --vary beta=0.5,1,2.5 -o betas.pdf",
        "vaedyn plot learning-curve --bands --runs 50 --dim 1000",
        "vaedyn plot learning-curve --beta 1.5 --t-max 4000 --animate talk.gif",
    ],
)
@with_model(
    SIMULATION_OPTIONS, THEORY_OPTIONS, SPREAD, [VARY_CURVES, *FIGURE_OPTIONS, Y_SCALE, ANIMATE]
)
def learning_curve(
    vary: Varied | None,
    animation: Path | None,
    band: str,
    x_scale: str,
    y_scale: str,
    look: Any,
    **options: Any,
) -> None:
    """Draw the generalisation error in time: theory as a line, simulation with its band.

    With --animate it moves: beside it, theory and runs in the plane of |m| and Q,
    fixed points (filled if stable) and arrows, the drift of the ODE. d, E, R and D
    change as fast as m and Q do, so arrows hold for the values that theory has
    given them at the time shown, and move with it.
    """
    style = {"band": band, "x_scale": x_scale, "y_scale": y_scale}
    if options["with_bands"] and (vary or animation):
        raise click.UsageError("--bands goes with a single picture of a single model")
    if animation is not None:
        look.check(x_scale, y_scale)
        animation = checked_animation(animation, options["params"], vary)
        still = options["output"] and output_path("learning-curve", options["output"], Params(), {})
        warn(options["params"])
        animate(animation, still, *_trajectories(**options), {**style, "look": look}, options)
        return
    if vary is None:
        _draw("learning-curve", style, look, **options)
        return
    look.check(x_scale, y_scale)
    params, values = options["params"], "-".join(map(shown, vary.values[:MOST_NAMED]))
    name = f"learning-curve_{vary.name}-{values}".replace("/", "-").replace(":", "-")
    output = output_path(name, options["output"], params, {**_numerics(options), **style})
    points, ode, sgd = curves(params, vary, options)

    from vaedyn.figures.learning_curves import learning_curves

    drawn = [("theory", each) for each in ode] + [("simulate", each) for each in sgd]
    figure = learning_curves(points, ode, sgd, **style, look=look)
    write("learning-curve", figure, output, drawn, options["as_json"])


@command.command(
    "order-parameters",
    cls=Command,
    examples=[
        "vaedyn plot order-parameters",
        "vaedyn plot order-parameters --latent 2 --signal 2 --rho 2,1 -o fig2.svg",
    ],
)
@with_model(SIMULATION_OPTIONS, THEORY_OPTIONS, SPREAD, FIGURE_OPTIONS)
def order_parameters(band: str, x_scale: str, look: Any, **options: Any) -> None:
    """Draw m, d, Q, E, R and D in time, one panel each."""
    _draw("order-parameters", {"band": band, "x_scale": x_scale}, look, **options)


@command.command(
    "schedule",
    cls=Command,
    examples=[
        "vaedyn plot schedule --anneal cyclical:300:0.5",
        "vaedyn plot schedule --anneal points:0=0.1,200=1.5,200=1,500=1",
    ],
)
@with_model(PICTURE)
def schedule(
    params: Params, output: Path | None, look: Any, store_path: Path, recompute: bool, as_json: bool
) -> None:
    """Draw the KL weight in time that --anneal and --beta describe."""
    chosen = output_path("schedule", output, params, {})

    from vaedyn.figures.schedule import schedule as draw

    write("schedule", draw(params, look), chosen, [], as_json)
