"""What commands on users' data share: options, and how a table is looked at."""

import logging

import click

from vaedyn.data.convention import LOSSES
from vaedyn.data.kept_spectrum import LEADING
from vaedyn.data.look import Look, look
from vaedyn.data.spectrum import LARGEST_EXACT, PASSES
from vaedyn.data.spiked import ESTIMATORS
from vaedyn.errors import ParameterError
from vaedyn.tables.table import Table, TableError, open_table

from .complete import files
from .options import option
from .session import Session

log = logging.getLogger("vaedyn.cli")


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


def looked(
    session: Session,
    place: str,
    standardise: bool,
    estimator: str,
    spikes: int | None,
    leading: int = LEADING,
    passes: int = PASSES,
    epochs: str = "many",
) -> Look:
    """Look at a table, and print warnings about it.

    Raises
    ------
    click.BadParameter
        When there is no table, or its entries or an option make no sense.
    """
    table = opened(place)
    if table.found:
        log.info(table.found)
    if table.note:
        log.warning(table.note)
    try:
        found = look(
            table,
            standardise=standardise,
            estimator=estimator,
            spikes=spikes,
            epochs=epochs,
            leading=leading,
            passes=passes,
            store=session.store,
        )
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error
    except ParameterError as error:
        if error.name in ("estimator", "spikes", "epochs"):
            raise
        raise click.BadParameter(error.reason, param_hint="DATA") from error
    for text in found.analysis.warnings:
        log.warning(text)
    return found
