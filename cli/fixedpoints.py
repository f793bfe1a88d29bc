"""`vaedyn fixedpoints`."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from click.core import ParameterSource

from vaedyn.fixedpoints.fixed_points import FixedPoints, fixed_points
from vaedyn.fixedpoints.passages import Passage, passages
from vaedyn.learning.theory import theory
from vaedyn.listings.fixed_points import spread_of, summary
from vaedyn.listings.fixed_points import table as listed
from vaedyn.model.params import Params
from vaedyn.model.quantities import NAMES, OBSERVABLES

from .curves import FOLLOW, curves, print_curves
from .cycles import CYCLE, print_cycle, print_cycles
from .follow import VARY, print_branches, print_map, survey
from .follow import follow as branches_along
from .model_options import with_model
from .options import (
    THEORY_OPTIONS,
    Command,
    option,
)
from .output import number, plain, print_json, provenance, table
from .ranges import Range
from .session import Session
from .trained import print_trained
from .values import WholeNumber

log = logging.getLogger("vaedyn.cli")
GROUPS = option(
    "Numerics",
    "--groups",
    type=click.IntRange(0, 2),
    default=2,
    help="Most latents that live together; with 0 only the end of the trajectory is found, "
    "and of branches only that of collapse.",
)
SEARCH = [
    option(
        "Numerics",
        "--search",
        type=WholeNumber(1),
        help="Look for further fixed points by Newton's method from this many random weights.",
    ),
    option(
        "Numerics",
        "--search-seed",
        type=WholeNumber(0),
        default=0,
        help="Seed of the weights that a search starts from.",
    ),
]
ALONG = option(
    "Output",
    "--along",
    is_flag=True,
    help="Show which fixed points the trajectory passes, when, and how slowly it leaves them.",
)


@click.command(
    "fixedpoints",
    cls=Command,
    examples=[
        "vaedyn fixedpoints --beta 1.5",
        "vaedyn fixedpoints --latent 2 --signal 2 --rho 3,1 --lr 0.05 --json",
        "vaedyn fixedpoints --vary beta=0.05:3",
        "vaedyn fixedpoints --vary beta=0.05:3 --vary eta=0.1:2",
        "vaedyn fixedpoints --vary beta=0.05:3 --vary lr=0.02:1.3 --follow all",
        "vaedyn fixedpoints --latent 2 --along",
        "vaedyn fixedpoints --latent 3 --signal 2 --rho 3,1 --search 1000",
        "vaedyn fixedpoints --latent 2 --signal 2 --rho 3,1 --beta 1.19 --lr 1.07 --cycle",
        "vaedyn fixedpoints --latent 2 --samples 500",
    ],
)
@with_model(THEORY_OPTIONS, [GROUPS, *SEARCH, VARY, FOLLOW, ALONG, CYCLE])
def command(
    session: Session,
    params: Params,
    groups: int,
    search: int | None,
    search_seed: int,
    vary: tuple[Range, ...],
    follow: tuple[str, ...],
    along: bool,
    cycle: bool,
    rtol: float,
    atol: float,
) -> None:
    """List all fixed points of learning, with their stability and the thresholds of beta.

    Every latent lives on a signal or on background noise, or has collapsed, or
    two share a direction or are mixed over two. Stable points come first; the
    one reached from the given start is marked. `copies` counts states that differ
    by signs and permutations of latents only; rotations among equal signals give a
    continuum. The time is that in which the slowest deviation shrinks, or
    the fastest grows, by a factor e. Next to the errors and KL divergences of stable points, std is
    the standard deviation of single runs at N = --dim, after a long time.

    Latents that are sampled, or trained by Adam, always fit some noise: those without a signal
    count as collapsed up to 0.01 nats of KL divergence. With --optimiser adam, two
    latents that share a direction are not derived, and not listed.

    With --search, Newton's method starts from many random weights, half of which are groups
    of any size. States that no closed form gives are marked as new; `found` counts the starts that
    led to a state. Of a continuum one state is listed, and the stability of others may differ.
    A search is no proof that there are no more.

    With --alpha or --samples, training uses the same rows again and again: printed is what
    that leads to at small learning rates, beside fresh data.
    """
    _check(click.get_current_context(), trained=params.alpha is not None)
    if cycle:
        if vary:
            print_cycles(session, params, vary[0], groups)
        else:
            print_cycle(session, params)
        return
    if follow:
        print_curves(session, curves(session, params, vary, follow))
        return
    if params.alpha is not None and not vary:
        print_trained(session, params)
        return
    if len(vary) == 2:
        print_map(session, survey(session, params, vary))
        return
    if vary:
        print_branches(session, branches_along(session, params, vary[0], groups))
        return
    with session.progress("fixed points", "points") as progress:
        result = fixed_points(
            params,
            groups=groups,
            search=search,
            search_seed=search_seed,
            rtol=rtol,
            atol=atol,
            store=session.store,
            progress=progress,
        )
    for text in result.warnings:
        log.warning(text)
    passed = []
    if along:
        trajectory = theory(params, rtol=rtol, atol=atol, store=session.reader)
        with session.progress("distances", "points") as progress:
            passed = passages(result, trajectory, progress=progress)
    print_points(session, result, passed if along else None)


def _check(context: click.Context, *, trained: bool) -> None:
    """Refuse options that have no part in what is asked for, or exclude each other.

    Raises
    ------
    click.UsageError
    """
    along, cycle, follow, search, vary = (
        context.params[name] for name in ("along", "cycle", "follow", "search", "vary")
    )
    if len(vary) > 2 or (vary and along):
        raise click.UsageError("expected --vary at most twice, and not with --along")
    lists = not follow and not trained and (len(vary) == 1 or (not vary and not cycle))
    if context.get_parameter_source("groups") == ParameterSource.COMMANDLINE and not lists:
        raise click.UsageError(
            "--groups goes with lists of fixed points, and with one --vary: leave it out"
        )
    if search and (vary or follow or cycle or trained):
        raise click.UsageError("expected --search without --vary, --follow, --cycle and --alpha")
    if context.params["search_seed"] and not search:
        raise click.UsageError("--search-seed goes with --search")
    if cycle and (along or follow or len(vary) > 1):
        raise click.UsageError(
            "expected --cycle without --along and --follow, and with one --vary at most"
        )
    if follow and len(vary) != 2:
        raise click.UsageError("expected --vary twice with --follow")
    if trained and along:
        raise click.UsageError("--along is not derived for rows used again: leave out --alpha")


def print_points(session: Session, result: FixedPoints, passed: Sequence[Passage] | None) -> None:
    """Print fixed points, or those that a trajectory has passed."""
    if session.as_json:
        data = {**provenance(result, "fixedpoints"), "fixed_points": describe(result)}
        thresholds = {name: plain(value) for name, value in result.thresholds.items()}
        data |= {"thresholds": thresholds, "missing": result.missing}
        along_it = {} if passed is None else {"passages": [_plain(each) for each in passed]}
        data |= {"lost": result.lost or None}
        data |= {} if result.search is None else {"search": result.search}
        data |= {"warnings": result.warnings} if result.warnings else {}
        print_json({**data, **({"partial": result.partial} if result.partial else {}), **along_it})
        return
    if passed is not None:
        print_passages(passed)
        return
    columns, rows, left, more = listed(result)
    table(columns, rows, left)
    if more:
        click.echo(f"and {more} more: see --json")
    for line in summary(result):
        click.echo(line)


def _plain(passage: Passage) -> dict[str, Any]:
    return {name: plain(value) for name, value in asdict(passage).items()}


def print_passages(passed: Sequence[Passage]) -> None:
    """Print the fixed points that a trajectory passes."""
    rows = [
        [
            each.type,
            number(each.time),
            f"{each.distance:.3g}",
            f"{number(each.start)} to {number(each.end)}",
            "stable" if each.stable else number(each.escape_time),
        ]
        for each in passed
    ]
    columns = ["fixed point passed", "nearest at t", "distance", "the nearest from", "escape time"]
    table(columns, rows)


def describe(result: FixedPoints) -> list[dict]:
    """Return the fixed points as plain data."""
    points, spread, found = [], spread_of(result), result.found
    for i, label in enumerate(result.labels):
        spectrum = zip(result.eigenvalues_re[i], result.eigenvalues_im[i], strict=True)
        points.append(
            {
                "label": label,
                "type": result.types[i],
                "reached": i == result.reached,
                "multiplicity": result.multiplicity[i],
                **({} if found is None else {"found": found[i], "new": result.new[i]}),
                "stable": bool(result.stable[i]),
                "marginal": bool(result.marginal[i]),
                "max_eigenvalue": float(result.max_eigenvalue[i]),
                "relaxation_time": plain(float(result.relaxation_time[i])),
                "residual": float(result.residual[i]),
                **{name: plain(getattr(result, name)[i]) for name in (*OBSERVABLES, *NAMES)},
                "eigenvalues": [[float(re), float(im)] for re, im in spectrum if re == re],
                "std": {name: plain(spread[name][i]) for name in (*OBSERVABLES, *NAMES)},
            }
        )
    return points
