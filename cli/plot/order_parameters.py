"""`vaedyn plot order-parameters`."""

from typing import Any

import click

from ..model_options import with_model
from ..options import (
    SIMULATION_OPTIONS,
    THEORY_OPTIONS,
    Command,
)
from ..session import Session
from .trajectories import SPREAD, TRAJECTORIES, draw


@click.command(
    "order-parameters",
    cls=Command,
    examples=[
        "vaedyn plot order-parameters",
        "vaedyn plot order-parameters --latent 2 --signal 2 --rho 2,1 -o fig2.svg",
    ],
)
@with_model(SIMULATION_OPTIONS, THEORY_OPTIONS, SPREAD, TRAJECTORIES)
def command(session: Session, band: str, x_scale: str, look: Any, **options: Any) -> None:
    """Draw m, d, Q, E, R and D in time, one panel each."""
    draw(session, "order-parameters", {"band": band, "x_scale": x_scale}, look, **options)
