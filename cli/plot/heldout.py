"""`vaedyn plot heldout`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.data.convention import OWN, Convention
from vaedyn.listings.heldout import no_best

from ..convention import check_judged, only_gaussian
from ..data import CONVENTION_OPTIONS, DATA
from ..heldout import HELDOUT_OPTIONS, held, log
from ..options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add
from ..output import print_json
from ..session import Session
from .picture import PICTURE, checked, say_if_empty


@click.command(
    "heldout",
    cls=Command,
    examples=[
        "vaedyn plot heldout data.npy -o heldout.pdf",
        "vaedyn plot heldout data.csv --standardise --folds 10 --latent 4",
    ],
)
@DATA
@add(HELDOUT_OPTIONS, CONVENTION_OPTIONS, PICTURE, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
def command(
    session: Session,
    place: str,
    standardise: bool,
    latent: int | None,
    folds: int,
    seed: int,
    convention: Convention | None,
    weight: float | None,
    beta: float | None,
    output: Path | None,
    look: Any,
) -> None:
    """Draw how likely rows held out are at each KL weight, with active units and what they explain.

    The likelihood, and the variance that is explained, are those of rows that were not trained
    on: means over folds, in bands of one standard error. See `vaedyn heldout`.
    """
    only_gaussian(convention, "this picture")
    check_judged(weight, beta)
    look.check("log", "linear")
    chosen = checked(output or Path(f"heldout_{Path(place.partition(':')[0]).stem}.pdf"))
    found = held(session, place, standardise, latent, folds, seed)
    if weight is not None:
        beta = (convention or OWN).beta(weight, found.columns)
    if why := no_best(found):
        log.warning(why)

    from vaedyn.figures import heldout as figures_heldout
    from vaedyn.figures.style import save

    drawn = figures_heldout.heldout(found, beta=beta, convention=convention, look=look)
    say_if_empty(drawn)
    keys = [found.source.key] if found.source else []
    save(drawn, chosen, keywords=keys)
    if session.as_json:
        print_json({"command": "plot heldout", "output": str(chosen), "keys": keys})
    else:
        click.echo(chosen)
