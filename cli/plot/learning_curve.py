"""`vaedyn plot learning-curve`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.model.params import Params
from vaedyn.sweeps.grids import grid, shown

from ..advice import warn
from ..grids import Varied, VariedType, by_name, note_counts
from ..model_options import with_model
from ..ondata import ON_DATA, prepare, typed, without_data
from ..options import (
    SIMULATION_OPTIONS,
    THEORY_OPTIONS,
    Command,
    option,
)
from ..session import Session
from .animation import ANIMATE, animate, checked_animation
from .course import draw_course, refuse_for_data, target_of
from .picture import output_path, short, write
from .trajectories import SPREAD, TRAJECTORIES, draw, numerics, trajectories

Y_SCALE = option(
    "Output", "--y-scale", type=click.Choice(["linear", "log"]), default="log", help="Error axis."
)
MOST_NAMED = 7  # values in the name of a file; as many curves have colours of their own
VARY_CURVES = option(
    "Numerics",
    "--vary",
    type=VariedType(),
    default=None,
    help="Draw a curve for each of these values over one another.",
    show_default="none",
)


@click.command(
    "learning-curve",
    cls=Command,
    examples=[
        "vaedyn plot learning-curve --beta 1.5 -o fig1.pdf",
        "vaedyn plot learning-curve --x-scale log --band sem --runs 20",
        "vaedyn plot learning-curve --vary beta=0.5,1,2.5 -o betas.pdf",
        "vaedyn plot learning-curve --bands --runs 50 --dim 1000",
        "vaedyn plot learning-curve --beta 1.5 --t-max 4000 --animate talk.gif",
        "vaedyn plot learning-curve --data data.csv --standardise --latent 3",
    ],
)
@with_model(
    ON_DATA,
    SIMULATION_OPTIONS,
    THEORY_OPTIONS,
    SPREAD,
    [VARY_CURVES, *TRAJECTORIES, Y_SCALE, ANIMATE],
    build=dict,
)
def command(
    session: Session,
    params: dict[str, Any],
    place: str | None,
    how: dict[str, Any],
    x_scale: str,
    output: Path | None,
    look: Any,
    **options: Any,
) -> None:
    """Draw the generalisation error in time: theory as a line, simulation with its band.

    With --animate it moves: beside it, theory and runs in the plane of |m| and Q,
    fixed points (filled if stable) and arrows, the drift of the ODE. d, E, R and D
    change as fast as m and Q do, so arrows hold for the values that theory has
    given them at the time shown, and move with it.

    With --data it is the KL divergence of each latent, and the loss, on the rows of a table:
    theory on their spectrum, and SGD on the rows, as `vaedyn simulate --data` trains. Time is
    logarithmic there unless --x-scale is given.
    """
    if place is None:
        without_data()
        of_model(session, Params(**params), output=output, look=look, x_scale=x_scale, **options)
        return
    refuse_for_data()
    x_scale = x_scale if typed("x_scale") else "log"
    target = target_of(place, output, x_scale, look)
    found, settings = prepare(session, place, params, how)
    numbers = {name: options[name] for name in ("rtol", "atol")}
    seed = options["ensemble"]["seed"]
    draw_course(session, found, settings, seed, target, x_scale, look, **numbers)


def of_model(
    session: Session,
    params: Params,
    vary: Varied | None,
    animation: Path | None,
    with_bands: bool,
    band: str,
    x_scale: str,
    y_scale: str,
    output: Path | None,
    look: Any,
    **options: Any,
) -> None:
    """Draw the generalisation error of a model, or write the film of it."""
    style = {"band": band, "x_scale": x_scale, "y_scale": y_scale}
    if with_bands and (vary or animation):
        raise click.UsageError("--bands goes with a single picture of a single model")
    if animation is not None:
        look.check(x_scale, y_scale)
        animation = checked_animation(animation, params, vary)
        still = output and output_path("learning-curve", output, Params(), {})
        warn(params)
        pair = trajectories(session, params, **options)
        tolerances = {name: options[name] for name in ("rtol", "atol")}
        animate(session, animation, still, *pair, tolerances, {**style, "look": look})
        return
    if vary is None:
        draw(session, "learning-curve", style, look, params, output, with_bands, **options)
        return
    look.check(x_scale, y_scale)
    values = "-".join(map(shown, vary.values[:MOST_NAMED]))
    values = short(values) if vary.name == "noise" else values
    name = f"learning-curve_{vary.name}-{values}".replace("/", "-").replace(":", "-")
    chosen = output_path(name, output, params, {**numerics(**options), **style})
    points = grid(params, by_name([vary]))
    pairs = [
        trajectories(session, point.params, **options, title=f"simulate {n} of {len(points)}")
        for n, point in enumerate(points, 1)
    ]
    ode, sgd = (list(each) for each in zip(*pairs, strict=True))
    note_counts([vary])

    from vaedyn.figures.learning_curves import learning_curves

    drawn = [("theory", each) for each in ode] + [("simulate", each) for each in sgd]
    figure = learning_curves(points, ode, sgd, **style, look=look)
    write(session, "learning-curve", figure, chosen, drawn)
