"""What commands on users' data share: options, and how a table is looked at."""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

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
HOW = ("standardise", "estimator", "spikes", "epochs", "leading", "passes")
"""Names of the options on how to look at a table, which are arguments of `vaedyn.look`."""


def _noted(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    ctx.meta[f"vaedyn.{param.name}"] = value


def _with_how(function: Callable) -> Callable:
    """Hand the options on how to look at a table over as one argument, `how`."""

    @functools.wraps(function)
    def call(**options: Any) -> Any:
        how = {name: options.pop(name) for name in HOW if name in options}
        return function(how=how, **options)

    return call


DATA = click.argument("place", metavar="DATA", shell_complete=files)
TABLE_OPTIONS = [
    option(
        "Model",
        "--columns",
        default=None,
        expose_value=False,
        callback=_noted,
        help="Columns to read: names, numbers from 1 and ranges, such as age,3-7; with - before "
        "each, columns to leave out, such as -id,-2.",
        show_default="all that hold numbers",
    ),
    option(
        "Model",
        "--missing",
        type=click.Choice(WAYS),
        default=None,
        expose_value=False,
        callback=_noted,
        help="Drop rows in which a number is missing, or fill in the mean of its column.",
        show_default="refused",
    ),
    option(
        "Model",
        "--standardise",
        is_flag=True,
        help="Divide columns by their standard deviations first.",
    ),
]
DATA_OPTIONS = [
    *TABLE_OPTIONS,
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
    _with_how,
]
ACCURACY_OPTIONS = [
    option(
        "Numerics",
        "--leading",
        type=click.IntRange(1),
        default=LEADING,
        help="Number of directions that are kept. Where there are more than "
        f"{LARGEST_EXACT} rows and columns, only so many eigenvalues are computed.",
    ),
    option(
        "Numerics",
        "--passes",
        type=click.IntRange(1),
        default=PASSES,
        help="Passes over such large tables: more make eigenvalues more exact.",
    ),
]
LOSS_OPTIONS = [
    option(
        "Convention",
        "--like",
        type=click.Choice([*PRESETS]),
        default=None,
        help="Your loss is that of this code or paper. It stands for --loss to --likelihood, and "
        "excludes them.",
        show_default="none",
    ),
    option(
        "Convention",
        "--loss",
        type=click.Choice(LOSSES),
        default=None,
        help="Your squared error is summed or averaged over the entries of a sample.",
        show_default="the model's own, with a factor 1/2",
    ),
    option(
        "Convention",
        "--decoder-variance",
        type=Variance(),
        default=None,
        help="Your squared error (summed, without --loss) is divided by twice this variance; or it "
        "is learned, one for all entries.",
        show_default="not divided",
    ),
    option(
        "Convention",
        "--reconstruction-weight",
        type=float,
        default=1.0,
        help="Factor of the reconstruction in your loss.",
    ),
    option(
        "Convention",
        "--kl",
        type=click.Choice(KLS),
        default="sum",
        help="Your KL is summed or averaged over latents (--latent), or summed and divided by the "
        "number of entries.",
    ),
    option(
        "Convention",
        "--batch-sum",
        type=click.Choice(BATCH_SUMS),
        default=None,
        help="Term that is summed over a batch (--batch-size) while the other one is averaged.",
        show_default="both alike",
    ),
    option(
        "Convention",
        "--likelihood",
        type=click.Choice(LIKELIHOODS),
        default="gaussian",
        help="Your reconstruction: squared error (gaussian), binary cross entropy (bernoulli), "
        "counts (poisson; nb, the negative binomial), or squared error with a learned variance "
        "for each column (factor).",
    ),
    option(
        "Convention",
        "--dispersion",
        type=float,
        default=None,
        help="Dispersion of nb, whose variance is mean + mean^2 / dispersion.",
        show_default="none",
    ),
    option(
        "Convention",
        "--batch-size",
        type=click.IntRange(1),
        default=None,
        help="Samples in a batch, for --batch-sum.",
        show_default="none",
    ),
    option(
        "Convention",
        "--scale",
        type=float,
        default=1.0,
        help="Factor that you multiply the data by, such as 0.00392157 for /255.",
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
        help="KL weight of your code, to be marked and judged.",
        show_default="none",
    ),
    option(
        "Convention",
        "--beta",
        type=float,
        default=None,
        help="The same in units of the model: beta, which a loss without these options has.",
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


def looked(session: Session, place: str, **how: Any) -> Look:
    """Look at a table, in the way of the options `HOW`, and print warnings about it.

    Raises
    ------
    click.BadParameter
        When there is no table, or its entries or an option make no sense.
    """
    table = opened(place)
    try:
        with session.progress("read the data", "rows") as progress:
            found = look(table, **how, store=session.store, progress=progress)
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
