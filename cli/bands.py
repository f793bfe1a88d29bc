"""Fluctuations at finite N: options, and what is said about them."""

import logging

from vaedyn.learning.bands import Bands, bands
from vaedyn.model.params import Params

from ..store import ResultStore
from .options import option
from .output import progress_bar

log = logging.getLogger("vaedyn.cli")
BANDS = option(
    "Numerics",
    "--bands",
    "with_bands",
    is_flag=True,
    show_default=False,
    help="Also the standard deviation over runs at N = --dim in theory, to leading order in 1/N.",
)
RANDOM_START = option(
    "Numerics",
    "--random-start",
    is_flag=True,
    show_default=False,
    help="Every run draws its own initial weights, gaussian, with overlaps of --init on average.",
)


def compute_bands(params: Params, random_start: bool, store: ResultStore) -> Bands:
    """Return the bands around theory, and say where they are poor."""
    with progress_bar("bands", "") as progress:
        result = bands(
            params,
            random_start=random_start,
            store=store,
            progress=lambda done: progress(done, 1),
        )
    for text in cautions(result, random_start):
        log.warning(text)
    return result


def cautions(result: Bands, random_start: bool) -> list[str]:
    """Return what to keep in mind about bands, one line each."""
    texts = [result.warning] if result.warning else []
    if random_start and isinstance(result.params.init, str):
        texts.append(
            "gaussian weights have no overlap with the signals on average, and theory follows "
            "one draw of them: give --init m=..., or see `vaedyn plot escape`"
        )
    return texts
