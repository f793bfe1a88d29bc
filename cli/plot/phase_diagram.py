"""`vaedyn plot phase-diagram`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.phase_diagram import MAPPED
from vaedyn.model.params import Params

from ..curves import curves as curves_over
from ..follow import survey
from ..model_options import with_model
from ..options import (
    Command,
    option,
)
from ..ranges import COUNT, Range, RangeType
from ..session import Session
from .picture import PICTURE, output_path, say_if_empty

VARY_TWO = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    multiple=True,
    default=("beta=0.05:3", "eta=0.1:2"),
    help=f"The two axes: of {', '.join(MAPPED)}, their ranges, and COUNT ({COUNT}) points.",
)


CURVES = option(
    "Output",
    "--curves/--no-curves",
    default=None,
    help="Draw bifurcation curves over the map, instead of thresholds for small learning rates.",
    show_default="drawn for fresh data where latents times signals are 16 at most",
)
MANY = 16


@click.command(
    "phase-diagram",
    cls=Command,
    examples=[
        "vaedyn plot phase-diagram --vary beta=0.05:3:200 --vary eta=0.1:2:200",
        "vaedyn plot phase-diagram --vary beta=0.05:3 --vary lr=0.01:1.5 -o map.png",
        "vaedyn plot phase-diagram --vary alpha=0.2:10 --vary beta=0.05:5",
    ],
)
@with_model([VARY_TWO, CURVES, *PICTURE])
def command(
    session: Session,
    params: Params,
    vary: tuple[Range, ...],
    curves: bool | None,
    output: Path | None,
    look: Any,
) -> None:
    """Draw which state is stable, and its error, over two constants.

    Of the states in which every latent lives alone the stable one of lowest loss
    is taken; the map is hatched where there are several. Where none is stable, as at
    large learning rates, the phase is that of the ODE from a gaussian start: a
    stable pair (entangled), oscillation, or divergence. Lines are the curves of
    `vaedyn fixedpoints --follow all` where they concern stable states; with --no-curves, the
    thresholds for small learning rates. A grid that grows by whole points computes only
    the new ones.

    With alpha the same rows are used again and again, at small learning rates; the dotted line
    is then the beta of the least error on fresh data.
    """
    if len(vary) != 2:
        raise click.UsageError("expected --vary twice")
    names = {"vary": "-".join(range_.name for range_ in vary)}
    chosen = output_path("phase-diagram", output, params, names)
    result = survey(session, params, vary)
    if curves is None:
        of_rows = params.alpha is not None or "alpha" in names["vary"].split("-")
        curves = not of_rows and params.latent * params.signal <= MANY
    over = curves_over(session, params, vary, ("all",)) if curves else None

    from vaedyn.figures import phase_diagram as figures_phases
    from vaedyn.figures.style import save

    figure = figures_phases.phase_diagram(result, look, over)
    say_if_empty(figure)
    keys = result.info["keys"] + ([over.source.key] if over and over.source else [])
    save(figure, chosen, keywords=keys)
    session.answer({"command": "plot phase-diagram", "output": str(chosen), "keys": keys}, chosen)
