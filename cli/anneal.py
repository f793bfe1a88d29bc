"""`vaedyn anneal`."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import click

from vaedyn.annealing.adiabatic import relaxation_time
from vaedyn.annealing.best_schedule import FAMILIES, MOST_KNOTS, Tuning, best_schedule
from vaedyn.annealing.confirm import Confirmation
from vaedyn.annealing.confirm import confirm as measure
from vaedyn.annealing.criterion import CRITERIA
from vaedyn.data.convention import Convention
from vaedyn.data.kl_schedule import KLSchedule
from vaedyn.listings.tuning import WORTH_IT, helps, said, verdict
from vaedyn.listings.tuning import table as listed
from vaedyn.model.params import Params

from .advice import TOL, warn
from .data import LOSS_OPTIONS
from .export_schedule import EXPORT_OPTIONS, check_export, print_export
from .model_options import with_model
from .ondata import ON_DATA, prepare, typed, without_data
from .options import (
    JOBS,
    SEED,
    THEORY_OPTIONS,
    Command,
    option,
)
from .output import number, plain, print_json, table
from .session import Session
from .warm_up import report_warm_up

log = logging.getLogger("vaedyn.cli")
FOUND = ("anneal", "t_max", "points")  # the schedule is sought, for as long as learning takes

FAMILY = option(
    "Numerics",
    "--family",
    type=click.Choice([*FAMILIES]),
    default="tanh",
    help="Schedules to choose from, as in --anneal; free: piecewise linear, with beta from 0 "
    "to 300 times its final value.",
)
KNOTS = option(
    "Numerics",
    "--knots",
    type=click.IntRange(1, MOST_KNOTS),
    default=3,
    help="Largest number of pieces of a free schedule.",
)
CRITERION = option(
    "Numerics",
    "--criterion",
    type=click.Choice(CRITERIA),
    default="eps_g",
    help="What has to stay within --tol of its final value: eps_g, or elbo: the loss, distortion "
    "+ beta KL at the final beta.",
)
CONFIRM = option(
    "Numerics",
    "--confirm",
    type=click.IntRange(2),
    default=None,
    help="Simulate as many runs under the schedule found and at constant beta; measure the gain.",
    show_default="none",
)


@click.command(
    "anneal",
    cls=Command,
    examples=[
        "vaedyn anneal --beta 1.5",
        "vaedyn anneal --family free --knots 4 --beta 1.5 --json",
        "vaedyn anneal --family linear --beta 1.5 --dim 2000 --confirm 20",
        "vaedyn anneal --data data.csv --standardise --beta 0.5 --latent 3",
        "vaedyn anneal --beta 1.5 --loss mean --learning-rate 0.1 --export python",
    ],
)
@with_model(
    ON_DATA,
    THEORY_OPTIONS,
    [FAMILY, KNOTS, TOL, CRITERION, CONFIRM, SEED, JOBS],
    LOSS_OPTIONS,
    EXPORT_OPTIONS,
    without=FOUND,
    build=dict,
)
def command(
    session: Session,
    params: dict[str, Any],
    place: str | None,
    how: dict[str, Any],
    family: str,
    knots: int,
    tol: float,
    criterion: str,
    confirm: int | None,
    seed: int,
    jobs: int | None,
    rtol: float,
    atol: float,
    convention: Convention | None,
    export: str | None,
    **training: Any,
) -> None:
    """Find the schedule of beta under which learning converges soonest.

    Learning has converged when the error, or with --criterion elbo the loss, stays within
    --tol of its final value. The schedule is printed as --anneal takes it, and whether it is
    worth while. A gain that vanishes when the schedule is off by a tenth comes from
    cancelling the slowest mode, and needs exact knowledge of the model. A warning says so if
    most of the gain is gone from another start: PyTorch's default, or gaussian weights.

    With --data it is the warm-up for training on the rows of a table. They have no error on a
    population: learning has converged when the loss on the rows, distortion + beta KL at the
    final beta, stays within a share --tol of its final value (0.01 there unless it is given).
    """
    check_export(export, session.as_json, convention, training)
    out = partial(print_export, export, convention=convention, **training) if export else None
    if place is not None:
        for name in ("knots", "criterion"):
            if typed(name):
                raise click.UsageError(f"--{name} and --data exclude each other")
        found, settings = prepare(session, place, params, how, ["tol"])
        share = tol if typed("tol") else None
        numerics: dict[str, Any] = {"rtol": rtol, "atol": atol}
        report_warm_up(session, found, settings, family, share, confirm, seed, **numerics, out=out)
        return
    without_data()
    model = Params(**params)
    if training["learning_rate"] and model.adam:  # which may not be that of lr
        KLSchedule.of(model, learning_rate=training["learning_rate"])
    asked = {"family": family, "knots": knots, "tol": tol, "criterion": criterion}
    of_model(session, model, {**asked, "rtol": rtol, "atol": atol}, confirm, seed, jobs, out)


def of_model(
    session: Session,
    params: Params,
    asked: dict[str, Any],
    confirm: int | None,
    seed: int,
    jobs: int | None,
    out: Callable[..., None] | None = None,
) -> None:
    """Find and print the best schedule of a model; `asked` is for `best_schedule`."""
    warnings = warn(params, asked["tol"])
    with session.progress("anneal", "schedules") as progress:
        found = best_schedule(params, **asked, store=session.store, progress=progress)
    if found.warning and found.gain >= WORTH_IT:
        log.warning(found.warning)
        warnings.append(found.warning)
    if out:
        out(found)
        return
    checked = None
    if confirm:
        watch, store = session.simulation, session.store
        checked = measure(found, runs=confirm, seed=seed, jobs=jobs, store=store, watch=watch)
    if session.as_json:
        print_json({**describe(params, found, checked), "warnings": warnings})
        return
    columns, rows, *_ = listed(found)
    table(columns, rows)
    for line in said(found):
        click.echo(line)
    if checked:
        click.echo(
            f"measured in {confirm} runs at N = {params.dim}: t = {number(checked.constant)} and "
            f"{number(checked.annealed)}, gain {checked.gain:.4g} +- {checked.error:.2g}"
        )
    click.echo(f"--beta {params.beta:g} --anneal {found.spec}")
    click.echo(verdict(found, checked))


def describe(params: Params, found: Tuning, checked: Confirmation | None) -> dict[str, Any]:
    """Return the result as plain data."""
    assert found.source is not None
    scanned = zip(plain(found.numbers), plain(found.times), strict=True)
    there = dict(zip(("constant", "t_converge"), plain(found.elsewhere), strict=True))
    off = {"t_converge": plain(found.off), "gain": plain(found.constant / found.off)}
    data: dict[str, Any] = {
        "command": "anneal",
        **asdict(found.source),
        "family": found.family,
        "tol": found.tol,
        "criterion": found.criterion,
        "constant": {"t_converge": found.constant},
        "best": {"anneal": found.spec, "t_converge": found.time, "gain": found.gain},
        "off_by_a_tenth": off,
        "another_start": {"init": found.other, **there, "gain": plain(found.gain_elsewhere)},
        "relaxation_time": plain(relaxation_time(params)),
        "helps": helps(found, checked),
        "schedules": [list(pair) for pair in scanned],
    }
    if checked:
        data["measured"] = checked._asdict()
    return data
