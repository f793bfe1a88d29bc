"""`vaedyn plot passages`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.fixed_points import fixed_points
from vaedyn.fixedpoints.passages import courses, passages
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params

from ..fixedpoints import GROUPS
from ..model_options import with_model
from ..options import (
    THEORY_OPTIONS,
    Command,
    option,
)
from ..session import Session
from .picture import PICTURE, output_path, write

LOG_TIME = option(
    "Output",
    "--x-scale",
    type=click.Choice(["linear", "log"]),
    default="log",
    help="Time axis; the first passages are short.",
)


@click.command(
    "passages",
    cls=Command,
    examples=["vaedyn plot passages --latent 2 --signal 2 --rho 3,1 --lr 0.05 -o passages.pdf"],
)
@with_model([GROUPS], THEORY_OPTIONS, [LOG_TIME, *PICTURE])
def command(
    session: Session,
    params: Params,
    groups: int,
    rtol: float,
    atol: float,
    x_scale: str,
    output: Path | None,
    look: Any,
) -> None:
    """Draw which fixed points the trajectory passes, how near, and how it leaves them."""
    chosen = output_path("passages", output, params, {"groups": groups, "x_scale": x_scale})
    look.check(x_scale, "log")
    with session.progress("fixed points", "points") as progress:
        points = fixed_points(
            params, groups=groups, rtol=rtol, atol=atol, store=session.store, progress=progress
        )
    ode = theory(params, rtol=rtol, atol=atol, store=session.reader)

    with session.progress("distances", "points") as progress:
        found = passages(points, ode, progress=progress)

    from vaedyn.figures import passages as figures_passages

    away = courses(points, ode, found)
    figure = figures_passages.passages(ode, found, away, x_scale=x_scale, look=look)
    write(session, "passages", figure, chosen, [("theory", ode), ("fixedpoints", points)])
