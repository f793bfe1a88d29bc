"""`vaedyn heldout`: the KL weight at which rows held out from training are most likely."""

import logging
from dataclasses import asdict
from typing import Any

import click

from vaedyn.data.convention import OWN, Convention
from vaedyn.data.heldout import FOLDS, Heldout, Score, heldout
from vaedyn.errors import ParameterError
from vaedyn.listings.heldout import answer, listed, no_best, size
from vaedyn.listings.heldout import table as scored
from vaedyn.tables.table import TableError

from .convention import check_judged, only_gaussian
from .data import CONVENTION_OPTIONS, DATA, TABLE_OPTIONS, opened
from .options import OUTPUT_OPTIONS, RECOMPUTE_OPTIONS, STORE_OPTIONS, Command, add, option
from .output import print_json, table
from .session import Session
from .spectrum import LATENT

log = logging.getLogger("vaedyn.cli")
HELDOUT_OPTIONS = [
    *TABLE_OPTIONS,
    LATENT,
    option(
        "Numerics",
        "--folds",
        type=click.IntRange(2),
        default=FOLDS,
        help="Number of parts that the rows are dealt out in; each is held out once.",
    ),
    option("Numerics", "--seed", type=click.IntRange(0), default=0, help="Seed of the dealing."),
]


@click.command(
    "heldout",
    cls=Command,
    examples=[
        "vaedyn heldout data.npy",
        "vaedyn heldout data.csv --standardise --folds 10",
        "vaedyn heldout data.npy --latent 8 --loss mean --weight 0.00025",
    ],
)
@DATA
@add(HELDOUT_OPTIONS, CONVENTION_OPTIONS, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
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
) -> None:
    """Find the KL weight beta at which rows that were held out are most likely.

    Rows are dealt out in folds, and each fold is scored by a linear VAE that is trained on all
    others to the end. At KL weight beta this is the gaussian of covariance W W^T + beta I: beta
    is the variance of its decoder, and its ELBO the log likelihood. The best beta has the largest
    mean log likelihood over folds; the simplest is the largest beta within one standard error of
    that. Unlike the recommendation of `vaedyn spectrum`, this needs no white noise in the data.
    Behind +- stand standard errors of the mean over folds.
    """
    only_gaussian(convention, "the likelihood of rows held out")
    check_judged(weight, beta)
    found = held(session, place, standardise, latent, folds, seed)
    factor = (convention or OWN).factor(found.columns)
    if weight is not None:
        beta = (convention or OWN).beta(weight, found.columns)
    scores = listed(found, factor, beta)
    if session.as_json:
        print_json(describe(found, scores, convention, beta, folds, seed))
        return
    units = (
        "; squared errors are those before --scale" if convention and convention.scale != 1 else ""
    )
    click.echo(f"{size(found)}{units}")
    columns, rows, left, _ = scored(scores, convention, factor)
    table(columns, rows, left)
    click.echo("\n".join(answer(found, convention, factor)))


def held(
    session: Session, place: str, standardise: bool, latent: int | None, folds: int, seed: int
) -> Heldout:
    """Return the folds of a table, after warnings about it.

    Raises
    ------
    click.BadParameter
        When there is no table, its entries make no sense, or it is too large.
    """
    data = opened(place)
    log.info(data.found)
    if data.note:
        log.warning(data.note)
    asked = {"folds": folds, "latents": latent, "standardise": standardise, "seed": seed}
    try:
        with session.progress("folds") as progress:
            found = heldout(data, **asked, store=session.store, progress=progress)
    except TableError as error:
        raise click.BadParameter(str(error), param_hint="DATA") from error
    except ParameterError as error:
        if error.name != "data":
            raise
        raise click.BadParameter(error.reason, param_hint="DATA") from error
    for text in found.doubts:
        log.warning(text)
    return found


def describe(
    found: Heldout,
    scores: list[tuple[Score, str]],
    convention: Convention | None,
    beta: float | None,
    folds: int,
    seed: int,
) -> dict[str, Any]:
    """Return the result as plain data."""

    def plain(score: Score) -> dict[str, Any]:
        weight = convention.weight(score.beta, found.columns) if convention else None
        return {"weight": weight, **score._asdict()}

    none = no_best(found)
    return {
        "command": "heldout",
        **(asdict(found.source) if found.source else {}),
        "samples": found.samples,
        "dim": found.columns,
        "directions": found.dim,
        "folds": folds,
        "seed": seed,
        "latent": found.latents,
        "best": None if none else plain(found.best),
        "simplest": None if none else plain(found.simplest),
        "why": none,
        "judged": None if beta is None else plain(found.score(beta)),
        "table": [{**plain(score), "mark": mark} for score, mark in scores],
        "warnings": list(found.doubts),
    }
