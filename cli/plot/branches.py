"""`vaedyn plot branches`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.branches import VARIED
from vaedyn.model.params import Params
from vaedyn.model.quantities import ALONG

from ..bands import BANDS
from ..cycles import CYCLES_DRAWN, cycles
from ..fixedpoints import GROUPS
from ..follow import follow
from ..model_options import with_model
from ..options import (
    Command,
    option,
)
from ..ranges import COUNT, RangeType
from ..session import Session
from .picture import PICTURE, output_path, write

QUANTITY = option(
    "Output",
    "--y",
    "quantity",
    type=click.Choice(ALONG),
    default="eps_g",
    help="Quantity drawn along the branches: the diagonal of matrices, but of m and d the "
    "largest overlap of each latent.",
)
VARY_ONE = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    default="beta=0.05:3",
    help=f"The constant that varies, one of {', '.join(VARIED)}, its range, and COUNT ({COUNT}) "
    "values.",
)


@click.command(
    "branches",
    cls=Command,
    examples=[
        "vaedyn plot branches --vary beta=0.05:3",
        "vaedyn plot branches --vary lr=0.01:1.5 --y Q -o branches.svg",
        "vaedyn plot branches --vary beta=0.05:3 --bands --dim 500",
        "vaedyn plot branches --latent 2 --signal 2 --rho 3,1 --vary lr=0.8:1.2 --cycle",
    ],
)
@with_model([GROUPS, VARY_ONE, QUANTITY, BANDS, CYCLES_DRAWN, *PICTURE])
def command(
    session: Session,
    params: Params,
    groups: int,
    vary: Any,
    quantity: str,
    with_bands: bool,
    cycle: bool,
    output: Path | None,
    look: Any,
) -> None:
    """Draw all fixed points while one constant is varied: solid where stable, dashed where not.

    The lower panel shows the time in which the slowest deviation from a stable point
    shrinks, or the fastest from an unstable one grows, by a factor e. Marks show what kinds of
    bifurcations there are, filled where they are subcritical. With --bands, stable points have the
    standard deviation of single runs around them, after a long time. With --cycle, circles show
    the least and the largest eps_g on limit cycles, filled where stable, open where not.
    """
    if cycle and quantity != "eps_g":
        raise click.UsageError("--cycle draws eps_g: leave out --y")
    options = {"groups": groups, "quantity": quantity, "vary": vary.name}
    options |= {"with_bands": True} if with_bands else {}
    options |= {"cycle": True} if cycle else {}
    chosen = output_path("branches", output, params, options)
    result = follow(session, params, vary, groups)
    around = cycles(session, params, vary, groups) if cycle else None

    from vaedyn.figures import branches as figures_branches
    from vaedyn.fixedpoints.thresholds import thresholds

    limits = thresholds(params) if vary.name == "beta" else None
    figure = figures_branches.branches(
        result, quantity, limits, look, bands=with_bands, cycles=around
    )
    made = [("branches", result)] + ([("cycles", around)] if around else [])
    write(session, "branches", figure, chosen, made)
