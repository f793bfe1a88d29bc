"""`vaedyn plot diagnose`."""

from pathlib import Path
from typing import Any

import click

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
@add(DIAGNOSE_OPTIONS, PICTURE, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
def command(
    session: Session, place: str, asked: dict[str, Any], output: Path | None, look: Any
) -> None:
    """Draw the KL of each latent of your own VAE beside the predicted one.

    FILE is that of `vaedyn diagnose`, whose verdict stands above the figure.
    """
    look.check("linear", "linear")
    chosen = checked(output or Path(f"diagnose_{Path(place).stem}.pdf"))
    found = diagnosed(session, place, **asked)
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
