"""`vaedyn plot rate-distortion`."""

from pathlib import Path
from typing import Any

import click

from vaedyn.data.convention import Convention

from ..convention import check_judged, judged, only_gaussian
from ..data import ACCURACY_OPTIONS, CONVENTION_OPTIONS, DATA, DATA_OPTIONS, looked
from ..options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add
from ..session import Session
from ..spectrum import LATENT
from .picture import PICTURE, checked, say_if_empty


@click.command(
    "rate-distortion",
    cls=Command,
    examples=[
        "vaedyn plot rate-distortion data.npy -o rate-distortion.pdf",
        "vaedyn plot rate-distortion data.npy --like pytorch-vae --weight 0.00025",
    ],
)
@DATA
@add(
    DATA_OPTIONS,
    [LATENT],
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
    """Draw what KL divergence buys on your data: squared error and explained variance.

    It is that of a linear VAE which is trained on the rows of DATA, see `vaedyn spectrum`. The
    slope of the first curve is -1/(2 beta), and a circle stands where a latent is lost.
    """
    only_gaussian(convention, "this picture")
    check_judged(weight, beta)
    stem = Path(place.partition(":")[0]).stem
    chosen = checked(output or Path(f"rate-distortion_{stem}.pdf"))
    data = looked(session, place, **how)
    asked = judged(data, weight, beta, latent, convention)

    from vaedyn.figures.rate_distortion import rate_distortion
    from vaedyn.figures.style import save

    yours = asked and asked.row.beta
    drawn = rate_distortion(data, beta=yours, latents=latent, convention=convention, look=look)
    say_if_empty(drawn)
    keys = [data.source.key] if data.source else []
    save(drawn, chosen, keywords=keys)
    done = {"command": "plot rate-distortion", "output": str(chosen), "keys": keys}
    session.answer(done, chosen)
