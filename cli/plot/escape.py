"""`vaedyn plot escape`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.learning.escape import Escaped, escapes
from vaedyn.model.params import Params

from ..grids import Varied
from ..model_options import with_model
from ..options import (
    SIMULATION_OPTIONS,
    Command,
)
from ..output import plain
from ..session import Session
from .concentration import VARY_DIM, dims_of, named
from .picture import PICTURE, output_path, write


@click.command(
    "escape",
    cls=Command,
    examples=["vaedyn plot escape", "vaedyn plot escape --beta 0.5 --lr 0.1 --runs 200 --json"],
)
@with_model(
    SIMULATION_OPTIONS,
    [VARY_DIM, *PICTURE],
)
def command(
    session: Session,
    params: Params,
    vary: Varied,
    output: Path | None,
    look: Any,
    ensemble: dict[str, Any],
) -> None:
    """Draw when runs leave the initial plateau, against N: the mean grows as ln(N) / (2 g).

    g is the rate at which small overlaps m and d grow. Every run draws its own initial
    weights, and counts as escaped when |m| is half of its final value. For one latent and signals
    of equal strength, at constant beta. --t-max and --points are chosen so that all runs
    escape; N is that of --vary, not of --dim.
    """
    dims = dims_of(vary)
    if ensemble["runs"] < 2:
        raise click.BadParameter("a spread needs at least 2 runs", param_hint="--runs")
    look.check("log", "linear")
    output = output_path("escape", output, params, named(dims, ensemble))
    found = escapes(params, dims, store=session.store, watch=session.simulation, **ensemble)

    from vaedyn.figures.escape import escape

    figure = escape(params, found, look)
    records = [("simulate", each.runs) for each in found]
    write(session, "escape", figure, output, records, points=_points(found))


def _points(found: list[Escaped]) -> list[dict[str, Any]]:
    """Return the mean and the spread of times, in theory and in simulations, as plain data."""
    return [
        {
            "dim": each.dim,
            "rate": each.expected.rate,
            "theory": {"mean": each.expected.mean, "std": each.expected.std},
            "simulation": {
                "mean": plain(each.times.mean()),
                "std": plain(each.times.std(ddof=1)),
                "runs": len(each.times),
            },
        }
        for each in found
    ]
