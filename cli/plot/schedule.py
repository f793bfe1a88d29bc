"""`vaedyn plot schedule`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.model.params import Params

from ..model_options import with_model
from ..options import (
    Command,
)
from ..session import Session
from .picture import PICTURE, output_path, write


@click.command(
    "schedule",
    cls=Command,
    examples=[
        "vaedyn plot schedule --anneal cyclical:300:0.5",
        "vaedyn plot schedule --anneal points:0=0.1,200=1.5,200=1,500=1",
    ],
)
@with_model(PICTURE)
def command(session: Session, params: Params, output: Path | None, look: Any) -> None:
    """Draw the KL weight in time that --anneal and --beta describe."""
    chosen = output_path("schedule", output, params, {})

    from vaedyn.figures.schedule import schedule as draw

    write(session, "schedule", draw(params, look), chosen, [])
