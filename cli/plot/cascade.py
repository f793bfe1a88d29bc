"""`vaedyn plot cascade`."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.errors import DivergenceError
from vaedyn.fixedpoints.branches import attractor
from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params

from ..follow import follow
from ..options import SIMULATION_OPTIONS, Command, option, with_model
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
    """Draw how latents collapse one by one as beta rises: active units, error, KL per latent.

    Lines are the stable fixed point, markers simulations at t = --t-max, which
    must be long: latents mixed over two signals part slowly. A latent is active
    when its KL divergence is more than 0.01 nats, in both.
    """
    told = {name: value for name, value in ensemble.items() if name != "jobs"}
    chosen = output_path("cascade", output, params, {**told, "simulations": simulations})
    if vary and vary.name != "beta":
        raise click.BadParameter(f"expected beta=..., got {vary.name}", param_hint="--vary")
    top = 1.2 * (params.strengths.max() + params.eta)
    range_ = vary or Range("beta", 0.02 * top, top, COUNT)
    result = follow(session, params, range_, 1)
    end = attractor(result)
    if not end.size:
        raise DivergenceError(
            f"no fixed point is stable from beta = {range_.start:.6g} to {range_.high:.6g} "
            f"at learning rate {params.lr:g}: lower --lr, or choose another range by --vary"
        )
    runs, early = [], 0
    for beta in np.linspace(range_.start, range_.high, simulations + 2)[1:-1]:
        with session.progress(f"simulate, beta = {beta:.3g}", "steps") as progress:
            at = replace(params, beta=float(f"{beta:.6g}"))
            runs.append(simulate(at, **ensemble, store=session.store, progress=progress))
        limit = np.interp(at.beta, result.varied[end], result.eps_g[end])
        early += bool(abs(theory(at).eps_g[-1] - limit) > 0.02 * params.strengths.sum())
    if early:
        log.warning(
            "at %d of %d values of beta learning has not ended by t = %g: raise --t-max",
            early,
            simulations,
            params.t_max,
        )

    from vaedyn.figures import cascade as figures_cascade
    from vaedyn.fixedpoints.newton import Model
    from vaedyn.fixedpoints.thresholds import thresholds

    limits = thresholds(Model.of(params), None)
    figure = figures_cascade.cascade(result, runs, limits, look)
    write(
        session, "cascade", figure, chosen, [("branches", result), *(("simulate", r) for r in runs)]
    )
