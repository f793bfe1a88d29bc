"""`vaedyn plot cascade`."""

import logging
from pathlib import Path
from typing import Any

import click

from vaedyn.fixedpoints.cascade import cascade, unfinished
from vaedyn.model.params import Params

from ..follow import follow
from ..model_options import with_model
from ..options import (
    SIMULATION_OPTIONS,
    Command,
    option,
)
from ..output import without_records
from ..ranges import COUNT, Range, RangeType
from ..session import Session
from .picture import PICTURE, output_path, write

log = logging.getLogger(__name__)

VARY_BETA = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    default=None,
    help=f"The range of beta, and how many values of it ({COUNT}).",
    show_default="from near 0 to 1.2 (largest rho + eta)",
)
SIMULATIONS = option(
    "Numerics",
    "--simulations",
    type=click.IntRange(0),
    default=12,
    help="Number of values of beta that are simulated, too.",
)


@click.command(
    "cascade",
    cls=Command,
    examples=["vaedyn plot cascade --latent 4 --signal 4 --rho 4,3,2,1 --lr 0.05 -o cascade.pdf"],
)
@with_model([VARY_BETA, *SIMULATION_OPTIONS, SIMULATIONS, *PICTURE])
def command(
    session: Session,
    params: Params,
    vary: Range | None,
    simulations: int,
    output: Path | None,
    look: Any,
    ensemble: dict[str, Any],
) -> None:
    """Draw how latents collapse one by one as beta rises: active ones, error, KL per latent.

    Lines are the stable fixed point, markers simulations at t = --t-max, which
    must be long: latents mixed over two signals part slowly. A latent is active
    when its KL divergence is more than 0.01 nats, in both.
    """
    named = {name: value for name, value in ensemble.items() if name != "jobs"}
    chosen = output_path("cascade", output, params, {**named, "simulations": simulations})
    if vary and vary.name != "beta":
        raise click.BadParameter(f"expected beta=..., got {vary.name}", param_hint="--vary")
    top = 1.2 * (params.strengths.max() + params.eta)
    range_ = vary or Range("beta", 0.02 * top, top, COUNT)
    along = follow(session, params, range_, 1)
    found = cascade(
        along,
        simulations=simulations,
        store=session.store,
        watch=session.simulation,
        **ensemble,
    )
    with without_records():
        early = unfinished(found, store=session.store)
    if early:
        log.warning(
            "at %d of %d values of beta learning has not ended by t = %g: raise --t-max",
            early,
            simulations,
            params.t_max,
        )

    from vaedyn.figures import cascade as figures_cascade

    figure = figures_cascade.cascade(found, look)
    records = [("branches", along), *(("simulate", run) for run in found.simulated)]
    write(session, "cascade", figure, chosen, records)
