"""`vaedyn plot diagnose`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.data.convention import Convention

from ..data import CONVENTION_OPTIONS
from ..diagnose import DIAGNOSE_OPTIONS, FILE, diagnosed, sentences
from ..options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add
from ..output import print_json
from ..session import Session
from .picture import PICTURE, checked, log, say_if_empty


@click.command(
    "diagnose",
    cls=Command,
    examples=["vaedyn plot diagnose latents.npz --data data.npy --beta 2 -o latents.pdf"],
)
@FILE
@add(
    DIAGNOSE_OPTIONS,
    CONVENTION_OPTIONS,
    PICTURE,
    STORE_OPTIONS,
    RECOMPUTE_OPTIONS,
    OUTPUT_OPTIONS,
)
def command(
    session: Session,
    place: str,
    data: str | None,
    how: dict[str, Any],
    convention: Convention | None,
    weight: float | None,
    beta: float | None,
    output: Path | None,
    look: Any,
) -> None:
    """Draw the KL of each latent of your own VAE beside the predicted one.

    FILE is that of `vaedyn diagnose`, whose verdict stands above the figure.
    """
    look.check("linear", "linear")
    chosen = checked(output or Path(f"diagnose_{Path(place).stem}.pdf"))
    found = diagnosed(session, place, data, how, convention, weight, beta)
    for line in sentences(found):
        log.info("%s", line)

    from vaedyn.figures import diagnose as figures_diagnose
    from vaedyn.figures.style import save

    drawn = figures_diagnose.diagnose(found, look)
    say_if_empty(drawn)
    save(drawn, chosen)
    if session.as_json:
        print_json({"command": "plot diagnose", "output": str(chosen), "verdict": found.verdict})
    else:
        click.echo(chosen)
