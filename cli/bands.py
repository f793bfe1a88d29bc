"""Fluctuations at finite N: options, and what is said about them."""

import logging

from vaedyn.learning.bands import Bands, bands
from vaedyn.model.params import Params

from .options import option
from .session import Session

log = logging.getLogger("vaedyn.cli")
BANDS = option(
    "Numerics",
    "--bands",
    "with_bands",
    is_flag=True,
    help="Also the standard deviation over runs at N = --dim in theory, to leading order in 1/N.",
)


def compute_bands(session: Session, params: Params, random_start: bool) -> Bands:
    """Return the bands around theory, and warn where they are unreliable."""
    with session.progress("bands") as progress:
        result = bands(params, random_start=random_start, store=session.store, progress=progress)
    for text in cautions(result, random_start):
        log.warning(text)
    return result


def cautions(result: Bands, random_start: bool) -> list[str]:
    """Return cautions about bands, one line each."""
    texts = [result.warning] if result.warning else []
    if random_start and isinstance(result.params.init, str):
        texts.append(
            "gaussian weights have no overlap with the signals on average, and theory follows "
            "one draw of them: give --init m=..., or see `vaedyn plot escape`"
        )
    return texts
