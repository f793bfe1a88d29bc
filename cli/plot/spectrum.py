"""`vaedyn plot spectrum`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.data.convention import Convention

from ..convention import check_judged, judged, only_gaussian
from ..data import ACCURACY_OPTIONS, CONVENTION_OPTIONS, DATA, DATA_OPTIONS, looked
from ..epochs import EPOCHS_OPTION
from ..options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add
from ..output import print_json
from ..session import Session
from ..spectrum import LATENT
from .picture import PICTURE, checked, say_if_empty


@click.command(
    "spectrum",
    cls=Command,
    examples=[
        "vaedyn plot spectrum data.npy -o spectrum.pdf",
        "vaedyn plot spectrum data.npy --loss mean --weight 0.00025",
    ],
)
@DATA
@add(
    DATA_OPTIONS,
    [LATENT, EPOCHS_OPTION],
    CONVENTION_OPTIONS,
    PICTURE,
    ACCURACY_OPTIONS,
    STORE_OPTIONS,
    RECOMPUTE_OPTIONS,
    OUTPUT_OPTIONS,
)
def command(
    session: Session,
    place: str,
    how: dict[str, Any],
    latent: int | None,
    convention: Convention | None,
    weight: float | None,
    beta: float | None,
    output: Path | None,
    look: Any,
) -> None:
    """Draw the eigenvalues of your data's covariance, the noise, and where latents collapse.

    Where there is white noise, its eigenvalues lie on the black line. Below, active units are
    lost one by one as beta, or your KL weight, reaches the eigenvalues of the rows, or of the
    population (--epochs one).
    """
    only_gaussian(convention, "this picture")
    check_judged(weight, beta)
    chosen = checked(output or Path(f"spectrum_{Path(place.partition(':')[0]).stem}.pdf"))
    data = looked(session, place, **how)
    asked = judged(data, weight, beta, latent, convention)

    from vaedyn.figures import spectrum as figures_spectrum
    from vaedyn.figures.style import save

    yours = asked and asked.row.beta
    drawn = figures_spectrum.spectrum(
        data, beta=yours, latents=latent, convention=convention, look=look
    )
    say_if_empty(drawn)
    keys = [data.source.key] if data.source else []
    save(drawn, chosen, keywords=keys)
    if session.as_json:
        print_json({"command": "plot spectrum", "output": str(chosen), "keys": keys})
    else:
        click.echo(chosen)
