"""`vaedyn plot branches`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.branches import VARIED
from vaedyn.model.params import Params
from vaedyn.model.quantities import ALONG

from ..bands import BANDS
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
    ],
)
@with_model([GROUPS, VARY_ONE, QUANTITY, BANDS, *PICTURE])
def command(
    session: Session,
    params: Params,
    groups: int,
    vary: Any,
    quantity: str,
    with_bands: bool,
    output: Path | None,
    look: Any,
) -> None:
    """Draw all fixed points while one constant is varied: solid where stable, dashed where not.

    The lower panel shows the time in which the slowest deviation from a stable point
    shrinks, or the fastest from an unstable one grows, by a factor e. Marks show what kinds of
    bifurcations there are, filled where they are subcritical. With --bands, stable points have the
    standard deviation of single runs around them, after a long time.
    """
    options = {"groups": groups, "y": quantity, "vary": vary.name}
    options |= {"bands": "std"} if with_bands else {}
    chosen = output_path("branches", output, params, options)
    result = follow(session, params, vary, groups)

    from vaedyn.figures import branches as figures_branches
    from vaedyn.fixedpoints.thresholds import thresholds

    limits = thresholds(params) if vary.name == "beta" else None
    figure = figures_branches.branches(result, quantity, limits, look, bands=with_bands)
    write(session, "branches", figure, chosen, [("branches", result)])
