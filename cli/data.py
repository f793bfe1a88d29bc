"""What commands on users' data share: options, and how a table is looked at."""

import logging
from collections.abc import Sequence

import click

from vaedyn.data.convention import BATCH_SUMS, KLS, LIKELIHOODS, LOSSES
from vaedyn.data.kept_spectrum import LEADING
from vaedyn.data.look import Look, look
from vaedyn.data.presets import PRESETS
from vaedyn.data.spectrum import LARGEST_EXACT, PASSES
from vaedyn.data.spiked import ESTIMATORS
from vaedyn.errors import ParameterError
from vaedyn.tables.missing import WAYS
from vaedyn.tables.table import Table, TableError, open_table

from .again import READING
from .complete import files
from .convention import Variance, with_convention
from .options import option
from .session import Session

log = logging.getLogger("vaedyn.cli")


MOST_WARNINGS = 3  # that are printed without -v


def _noted(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    ctx.meta[f"vaedyn.{param.name}"] = value


DATA = click.argument("place", metavar="DATA", shell_complete=files)
DATA_OPTIONS = [
    option(
        "Model",
        "--columns",
        default=None,
        expose_value=False,
        callback=_noted,
        help="Columns of the data to take: names, numbers from 1 and ranges, such as age,3-7; or "
        "with - before them to leave out, such as -id,-2.",
        show_default="all that hold numbers",
    ),
    option(
        "Model",
        "--missing",
        type=click.Choice(WAYS),
        default=None,
        expose_value=False,
        callback=_noted,
        help="Leave out rows in which a number is missing, or fill in the mean of its column.",
        show_default="refused",
    ),
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
LOSS_OPTIONS = [
    option(
        "Convention",
        "--like",
        type=click.Choice([*PRESETS]),
        default=None,
        help="Your loss is that of a known code or paper; it stands for the options down to "
        "--likelihood, and excludes them.",
        show_default="none",
    ),
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
        type=Variance(),
        default=None,
        help="Your squared error, summed if there is no --loss, is divided by twice this; or "
        "learned, one for all entries.",
        show_default="not divided",
    ),
    option(
        "Convention",
        "--reconstruction-weight",
        type=float,
        default=1.0,
        help="What you multiply the reconstruction by.",
    ),
    option(
        "Convention",
        "--kl",
        type=click.Choice(KLS),
        default="sum",
        help="Your KL is summed, or averaged, over latents (--latent); or summed and then divided "
        "by the number of entries.",
    ),
    option(
        "Convention",
        "--batch-sum",
        type=click.Choice(BATCH_SUMS),
        default=None,
        help="This one is summed over a batch (--batch-size), and the other one is averaged.",
        show_default="both alike",
    ),
    option(
        "Convention",
        "--likelihood",
        type=click.Choice(LIKELIHOODS),
        default="gaussian",
        help="What your reconstruction is the negative logarithm of: gaussian, a squared error; "
        "bernoulli, the binary cross entropy; poisson or nb (negative binomial), of counts; "
        "factor, gaussian with a learned variance for each column.",
    ),
    option(
        "Convention",
        "--dispersion",
        type=float,
        default=None,
        help="Of nb, whose variance is mean + mean^2 / this.",
        show_default="none",
    ),
    option(
        "Convention",
        "--batch-size",
        type=click.IntRange(1),
        default=None,
        help="Samples in a batch, which only --batch-sum needs.",
        show_default="none",
    ),
    option(
        "Convention",
        "--scale",
        type=float,
        default=1.0,
        help="What you multiply the data by, such as 0.00392157 for /255.",
    ),
    with_convention,
]
CONVENTION_OPTIONS = [
    *LOSS_OPTIONS,
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
    """Return the table in a file, of which the options say what is read.

    Raises
    ------
    click.BadParameter
        When there is none.
    """
    meta = click.get_current_context().meta
    try:
        return open_table(place, **{name: meta.get(f"vaedyn.{name}") for name in READING})
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
    log.info(table.found)
    notes = [table.note] if table.note else []
    warn([*notes, *found.analysis.warnings], len(notes) + found.analysis.weighty)
    return found


def warn(texts: Sequence[str], weighty: int) -> None:
    """Print the warnings that matter most, of the first `weighty`; with -v all of them."""
    most = len(texts) if log.isEnabledFor(logging.DEBUG) else min(weighty, MOST_WARNINGS)
    for text in texts[:most]:
        log.warning(text)
    rest = len(texts) - most
    if rest > 0:
        log.info("%d more warning%s: see -v", rest, "" if rest == 1 else "s")
