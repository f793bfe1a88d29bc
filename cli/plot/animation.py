"""`vaedyn plot learning-curve --animate`."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.fixed_points import fixed_points
from vaedyn.model.params import Params
from vaedyn.model.results import OrderParameters, Trajectory

from ..options import option
from ..output import source_of
from ..session import Session
from ..target import target

ANIMATE = option(
    "Output",
    "--animate",
    "animation",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a moving picture, .gif or .mp4 (with ffmpeg), for M = M* = 1; with -o a still one, "
    "too.",
)


def checked_animation(chosen: Path, params: Params, vary: object) -> Path:
    """Return the name of an animation, after checking that one can be made of this model there."""

    def wrong(text: str) -> click.BadParameter:
        return click.BadParameter(text, param_hint="--animate")

    if chosen.suffix.lower() not in (".gif", ".mp4"):
        raise wrong(f"expected a name ending in .gif or .mp4, got {str(chosen)!r}")
    if chosen.suffix.lower() == ".mp4" and not shutil.which("ffmpeg"):
        raise wrong("there is no ffmpeg, which .mp4 needs: choose .gif")
    target(chosen, "--animate")
    if vary is not None:
        raise wrong("shows one model: leave --vary out")
    if params.latent > 1 or params.signal > 1:
        raise wrong(
            "shows the plane of m and Q, which takes --latent 1 and --signal 1, not "
            f"{params.latent} and {params.signal}"
        )
    return chosen


def animate(
    session: Session,
    output: Path,
    still: Path | None,
    ode: Trajectory,
    sgd: Trajectory,
    tolerances: dict[str, Any],
    style: dict[str, Any],
) -> None:
    """Draw the animation, and the still picture if it has a name, and print where they are."""
    results: list[tuple[str, OrderParameters]] = [("theory", ode), ("simulate", sgd)]
    points = None
    if ode.params.beta > 0:  # else nothing ever stands still
        points = fixed_points(ode.params, **tolerances, store=session.store)
        results.append(("fixedpoints", points))

    from vaedyn.figures.animation import learning_animation, save_animation
    from vaedyn.figures.learning_curve import learning_curve
    from vaedyn.figures.style import save

    written = [output]
    with session.progress("animate", "frames") as progress:
        look = style.pop("look")
        film = learning_animation(ode, sgd, points, **style)
        save_animation(film, output, progress=progress)
    records = [{"kind": kind, **asdict(source_of(result))} for kind, result in results]
    if still is not None:
        keywords = [f"{record['kind']} {record['key']}" for record in records[:2]]
        save(learning_curve(ode, sgd, **style, look=look), still, keywords=keywords)
        written.append(still)
    data = {"command": "plot learning-curve", "output": str(still or output)}
    session.answer({**data, "animation": str(output), "records": records}, *written)
