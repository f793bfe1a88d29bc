"""`vaedyn plot branches` and other figures of fixed points."""

from pathlib import Path
from typing import Any

import click

from vaedyn.branches import VARIED
from vaedyn.params import Params

from ..store import ResultStore
from .figure import OUTPUT, output_path, write
from .fixedpoints import GROUPS
from .options import Command, option, with_model
from .vary import RangeType, follow

QUANTITY = option(
    "Output",
    "--y",
    "quantity",
    type=click.Choice(["eps_g", "kl", "distortion", "m", "d", "Q", "E", "R", "D"]),
    default="eps_g",
    help="What is drawn along the branches.",
)
VARY_ONE = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    default="beta=0.05:3",
    help=f"What is varied, one of {', '.join(VARIED)}, and its range.",
)


@click.command(
    "branches",
    cls=Command,
    examples=[
        "vaedyn plot branches --vary beta=0.05:3",
        "vaedyn plot branches --vary lr=0.01:1.5 --y Q -o branches.svg",
    ],
)
@with_model([GROUPS, VARY_ONE, QUANTITY, OUTPUT])
def branches(
    params: Params,
    groups: int,
    vary: Any,
    quantity: str,
    output: Path | None,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Draw all fixed points while one constant is varied: solid where stable, dashed where not.

    Below stands the time in which the slowest deviation from a stable point
    shrinks, or the fastest from an unstable one grows, by a factor e.
    """
    chosen = output_path(
        "branches", output, params, {"groups": groups, "y": quantity, "vary": vary.name}
    )
    result = follow(params, vary, groups, ResultStore(store_path, recompute=recompute))

    from vaedyn import figures_branches
    from vaedyn.dynamics import Model
    from vaedyn.thresholds import thresholds

    limits = thresholds(Model.of(params), None) if vary.name == "beta" else None
    figure = figures_branches.branches(result, quantity, limits)
    write("branches", figure, chosen, [("branches", result)], as_json)
