"""`vaedyn plot passages`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.fixed_points import fixed_points
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params

from ...store import ResultStore
from ..fixedpoints import GROUPS
from ..options import THEORY_OPTIONS, Command, option, with_model
from ..output import progress_bar
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
    params: Params,
    groups: int,
    rtol: float,
    atol: float,
    x_scale: str,
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Draw which fixed points the trajectory passes, how near, and how it leaves them."""
    chosen = output_path("passages", output, params, {"groups": groups, "x_scale": x_scale})
    look.check(x_scale, "log")
    store = ResultStore(store_path, recompute=recompute)
    with progress_bar("fixed points", "points") as progress:
        points = fixed_points(
            params, groups=groups, rtol=rtol, atol=atol, store=store, progress=progress
        )
    ode = theory(params, rtol=rtol, atol=atol, store=ResultStore(store_path))

    from vaedyn.figures import passages as figures_passages
    from vaedyn.fixedpoints.passages import passages as passed

    with progress_bar("distances", "points") as progress:
        passing = passed(points, ode, progress=progress)
    figure = figures_passages.passages(points, ode, passing, x_scale=x_scale, look=look)
    write("passages", figure, chosen, [("theory", ode), ("fixedpoints", points)], as_json)
