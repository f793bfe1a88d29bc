"""`vaedyn fixedpoints`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from vaedyn.fixedpoints.fixed_points import FixedPoints, fixed_points
from vaedyn.fixedpoints.passages import Passage, passages
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params
from vaedyn.model.quantities import ACTIVE, NAMES, OBSERVABLES

from .follow import VARY, follow, print_branches, print_map, survey
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

MOST_ROWS = 40
GROUPS = option(
    "Numerics",
    "--groups",
    type=click.IntRange(0, 2),
    default=2,
    help="Most latents that live together; with 0 only the end of the trajectory is found, "
    "and of branches only that of collapse.",
)
ALONG = option(
    "Output",
    "--along",
    is_flag=True,
    show_default=False,
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
        "vaedyn fixedpoints --latent 2 --along",
        "vaedyn fixedpoints --latent 2 --samples 500",
    ],
)
@with_model(THEORY_OPTIONS, [GROUPS, VARY, ALONG])
def command(
    session: Session,
    params: Params,
    groups: int,
    vary: tuple[Range, ...],
    along: bool,
    rtol: float,
    atol: float,
) -> None:
    """List all fixed points of learning, with their stability and the thresholds of beta.

    Every latent lives on a signal or on background noise, or has collapsed, or
    two share a direction or are mixed over two. Stable points come first; the
    one reached from the given start is marked. `copies` counts states that differ
    by signs and permutations of latents only; rotations among equal signals give a
    continuum. The time is that in which the slowest deviation shrinks, or
    the fastest grows, by a factor e.

    Latents that are sampled, or trained by Adam, always fit some noise: those without a signal
    count as collapsed up to 0.01 nats of KL divergence. With --optimiser adam, two
    latents that share a direction are not derived, and not listed.

    With --alpha or --samples, training uses the same rows again and again: printed is what
    that leads to at small learning rates, beside fresh data.
    """
    if len(vary) > 2 or (vary and along):
        raise click.UsageError("expected --vary at most twice, and not with --along")
    if params.alpha is not None and not vary:
        if along:
            raise click.UsageError("--along is not derived for rows used again: leave out --alpha")
        print_trained(session, params)
        return
    if len(vary) == 2:
        print_map(session, survey(session, params, vary))
        return
    if vary:
        print_branches(session, follow(session, params, vary[0], groups))
        return
    with session.progress("fixed points", "points") as progress:
        result = fixed_points(
            params, groups=groups, rtol=rtol, atol=atol, store=session.store, progress=progress
        )
    passed = []
    if along:
        trajectory = theory(params, rtol=rtol, atol=atol, store=session.reader)
        with session.progress("distances", "points") as progress:
            passed = passages(result, trajectory, progress=progress)
    if session.as_json:
        data = {**provenance(result, "fixedpoints"), "fixed_points": describe(result)}
        thresholds = {name: plain(value) for name, value in result.thresholds.items()}
        data |= {"thresholds": thresholds, "missing": result.missing}
        along_it = {"passages": [_plain(each) for each in passed]} if along else {}
        data |= {"lost": result.lost or None}
        print_json({**data, **({"partial": result.partial} if result.partial else {}), **along_it})
        return
    if along:
        print_passages(passed)
        return
    columns = ["fixed point", "phase", "stable", "eps_g", "KL", "time", "copies", ""]
    labels = result.labels
    marked = [] if result.reached is None else [result.reached]
    shown = sorted({*range(min(len(labels), MOST_ROWS)), *marked})
    rows = [
        [
            result.types[i],
            labels[i],
            "yes" if result.stable[i] else "marginal" if result.marginal[i] else "no",
            number(result.eps_g[i]),
            number(result.kl[i]),
            number(result.relaxation_time[i]),
            "continuum" if result.multiplicity[i] is None else str(result.multiplicity[i]),
            "reached" if i == result.reached else "",
        ]
        for i in shown
    ]
    table(columns, rows, left=("phase", "stable", ""))
    if len(labels) > len(rows):
        click.echo(f"and {len(labels) - len(rows)} more: see --json")
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


def summary(result: FixedPoints) -> list[str]:
    """Return the thresholds, and missing fixed points, in words."""
    found = result.thresholds
    lines = [
        f"signal {k} is not learned by a collapsed latent "
        + (f"above beta = {value:.10g}" if value else "at any beta")
        for k, value in enumerate(found["collapse"], 1)
    ]
    if result.params.sampled or result.params.adam:
        lines.append(_of_noise_that_stays(found))
    elif found["noise"] is None:
        lines.append("a collapsed latent fits background noise at any beta")
    else:
        low, high = (f"{found[name]:.10g}" for name in ("noise", "noise_upper"))
        where = f"between beta = {low} and {high}" if found["noise"] else f"below beta = {high}"
        lines.append(f"background noise is not fitted by a collapsed latent {where}")
    if found["max_lr"] is not None:
        lines.append(f"the point reached is stable up to lr = {found['max_lr']:.10g}")
    if result.partial:
        lines.append(result.partial)
    if result.lost:
        lines.append(f"where the start leads is not known: {result.lost}")
    for reason, text in (
        ("threshold", "beta is beyond its threshold"),
        ("ended", "ended at a smaller learning rate or weight decay"),
    ):
        if result.missing[reason]:
            kinds = "; ".join(result.missing[reason])
            lines.append(f"no fixed point has a latent on: {kinds} ({text})")
    return lines


def _of_noise_that_stays(found: dict[str, Any]) -> str:
    """Return where latents that always fit some noise have collapsed, in words."""
    if found["noise"] is None:
        return f"a latent without a signal fits more noise than {ACTIVE:g} nats at any beta"
    low, high = (f"{found[name] or 0:.10g}" for name in ("noise", "noise_upper"))
    where = f"between beta = {low} and {high}" if found["noise"] else f"below beta = {high}"
    if found["noise_upper"] is None:
        where = f"above beta = {low}"
    return f"a latent without a signal has collapsed, to {ACTIVE:g} nats, {where}"


def describe(result: FixedPoints) -> list[dict]:
    """Return the fixed points as plain data."""
    points = []
    for i, label in enumerate(result.labels):
        spectrum = zip(result.eigenvalues_re[i], result.eigenvalues_im[i], strict=True)
        points.append(
            {
                "label": label,
                "type": result.types[i],
                "reached": i == result.reached,
                "multiplicity": result.multiplicity[i],
                "stable": bool(result.stable[i]),
                "marginal": bool(result.marginal[i]),
                "max_eigenvalue": float(result.max_eigenvalue[i]),
                "relaxation_time": plain(float(result.relaxation_time[i])),
                "residual": float(result.residual[i]),
                **{name: plain(getattr(result, name)[i]) for name in (*OBSERVABLES, *NAMES)},
                "eigenvalues": [[float(re), float(im)] for re, im in spectrum if re == re],
            }
        )
    return points
