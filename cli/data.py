"""What commands on somebody's data share: options, and how a table is looked at."""

import logging
from typing import NamedTuple

import click

from vaedyn.data.analyse import Analysis, analyse
from vaedyn.data.convention import LOSSES
from vaedyn.data.prediction import Prediction
from vaedyn.data.spectrum import LARGEST_EXACT, PASSES, Spectrum
from vaedyn.data.spectrum_of import LEADING, spectrum_of
from vaedyn.data.spiked import ESTIMATORS
from vaedyn.errors import ParameterError
from vaedyn.model.records import Source
from vaedyn.tables.table import Table, TableError, open_table

from .complete import files
from .options import option
from .session import Session

log = logging.getLogger("vaedyn.cli")
AT_ONCE = 32e6  # bytes of rows that are read together


DATA = click.argument("place", metavar="DATA", shell_complete=files)
DATA_OPTIONS = [
    option(
        "Model",
        "--standardise",
        is_flag=True,
        show_default=False,
        help="Divide the columns of the data by their standard deviation first.",
    ),
    option(
        "Model",
        "--estimator",
        type=click.Choice([*ESTIMATORS]),
        default="likelihood",
        help="How the noise level eta is estimated: from the mean of the eigenvalues beside the "
        "signals (corrected for its bias), from their median, or from the middle 60 %.",
    ),
    option(
        "Model",
        "--spikes",
        type=click.IntRange(0),
        default=None,
        help="Number of signals M*.",
        show_default="all that stand out of the noise",
    ),
]
ACCURACY_OPTIONS = [
    option(
        "Numerics",
        "--leading",
        type=click.IntRange(1),
        default=LEADING,
        help="Number of directions that are kept. Of data with more than "
        f"{LARGEST_EXACT} rows and columns only as many eigenvalues are computed.",
    ),
    option(
        "Numerics",
        "--passes",
        type=click.IntRange(1),
        default=PASSES,
        help="Passes over such large data: the more, the more exact their eigenvalues.",
    ),
]
CONVENTION_OPTIONS = [
    option(
        "Convention",
        "--loss",
        type=click.Choice(LOSSES),
        default=None,
        help="Your squared error is summed, or averaged, over the entries of a sample.",
        show_default="the model's own, with a factor 1/2",
    ),
    option(
        "Convention",
        "--decoder-variance",
        type=float,
        default=None,
        help="Your squared error, summed if there is no --loss, is divided by twice this.",
        show_default="not divided",
    ),
    option(
        "Convention",
        "--scale",
        type=float,
        default=1.0,
        help="What you multiply the data by, such as 0.00392157 for /255.",
    ),
    option(
        "Convention",
        "--weight",
        type=float,
        default=None,
        help="A KL weight of your code, to be judged.",
        show_default="none",
    ),
    option(
        "Convention",
        "--beta",
        type=float,
        default=None,
        help="A beta of the model, to be judged: --weight where none of the above is given.",
        show_default="none",
    ),
]


class Data(NamedTuple):
    """What is known of somebody's data."""

    spectrum: Spectrum
    analysis: Analysis
    prediction: Prediction
    source: Source


def opened(place: str) -> Table:
    """Return the table in a file.

    Raises
    ------
    click.BadParameter
        When there is none.
    """
    try:
        return open_table(place)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error


def look(
    session: Session,
    place: str,
    standardise: bool,
    estimator: str,
    spikes: int | None,
    leading: int = LEADING,
    passes: int = PASSES,
) -> Data:
    """Return the spectrum of a table, from the store if it is there, and what follows.

    Raises
    ------
    click.BadParameter
        When there is no table, or its entries or an option make no sense.
    """
    found = opened(place)
    chosen = spikes is not None or estimator != next(iter(ESTIMATORS))  # what may be refused
    try:
        if found.found:
            log.info(found.found)
        if found.note:
            log.warning(found.note)
        if spikes is not None and spikes >= found.columns:  # before anything is kept
            raise ParameterError(
                "spikes", f"must be below {found.columns}, the columns, got {spikes}"
            )
        rows = max(1, int(AT_ONCE / (8 * found.columns)))
        spectrum, source = spectrum_of(
            lambda: found.blocks(rows),
            found.digest(),
            standardise=standardise,
            leading=leading,
            passes=passes,
            name=place,
            check=(lambda computed: analyse(computed, estimator, spikes)) if chosen else None,
            store=session.store,
        )
        analysis = analyse(spectrum, estimator, spikes)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error
    except ParameterError as error:
        if error.name in ("estimator", "spikes"):
            raise
        raise click.BadParameter(error.reason, param_hint="DATA") from error
    prediction = Prediction.of(spectrum, analysis)
    assert source is not None
    return Data(spectrum, analysis, prediction, source)
