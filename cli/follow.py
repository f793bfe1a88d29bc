"""`vaedyn fixedpoints --vary`: branches along one constant, or a map over two."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.branches import VARIED, Branches, branches
from vaedyn.fixedpoints.phase_diagram import PhaseDiagram, phase_diagram
from vaedyn.listings import branches as listed
from vaedyn.listings import phase_diagram as mapped
from vaedyn.model.params import Params

from .options import option
from .output import plain, print_json, provenance, table, without_records
from .ranges import COUNT, Range, RangeType
from .session import Session

log = logging.getLogger(__name__)


VARY = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    multiple=True,
    help=f"Follow all branches while one of {', '.join(VARIED)} goes from LOW to HIGH; "
    f"given twice, map which state is stable on a grid of COUNT ({COUNT}) points each.",
)


@contextmanager
def blamed_on_vary(*names: str, of: str = "") -> Iterator[None]:
    """Raise errors of the arguments `names` as errors of the option that they come from."""
    try:
        yield
    except ParameterError as error:
        if error.name not in names:
            raise
        raise ParameterError("vary", f"{of} {error.reason}".strip()) from error


def along_one(varied: Range) -> None:
    """Raise an error unless a constant is one along which states are followed."""
    if varied.name not in VARIED:
        raise ParameterError("vary", f"{varied.name} varies in maps only: give --vary twice")


def follow(session: Session, params: Params, varied: Range, groups: int) -> Branches:
    """Return the branches along one constant."""
    along_one(varied)
    if varied.start != varied.low:
        log.info(
            "branches are followed from beta = %g on: at 0 there is no fixed point, as D shrinks "
            "for ever",
            varied.start,
        )
    with (
        blamed_on_vary("low", "high", of=varied.name),
        session.progress("follow branches", "branches") as progress,
    ):
        return branches(
            params,
            varied.name,
            varied.start,
            varied.high,
            groups=groups,
            store=session.store,
            progress=progress,
        )


def survey(session: Session, params: Params, varied: Sequence[Range]) -> PhaseDiagram:
    """Return the map over two constants, and say how much of it was computed."""
    across, up = varied
    with (
        blamed_on_vary("x", "y"),
        without_records(),
        session.progress("map", "points") as progress,
    ):
        result = phase_diagram(
            params,
            (across.name, across.values),
            (up.name, up.values),
            store=session.store,
            progress=progress,
        )
    for each in varied:
        if not each.counted:
            log.info(
                "%s takes %d values: %s=LOW:HIGH:COUNT for others",
                each.name,
                each.points,
                each.name,
            )
        if len(each.values) < each.points:
            log.info("beta = 0 is left out: there is no fixed point, as D shrinks for ever")
    computed, total = result.info["computed"], result.phase.size
    if computed:
        log.info("computed %d of %d points of the map", computed, total)
    else:
        log.info("reused all points of the map")
    return result


def print_map(session: Session, result: PhaseDiagram) -> None:
    """Print a map, or how much of it each phase takes up."""
    if session.as_json:
        data: dict[str, Any] = {"command": "fixedpoints", "varied": [result.x_name, result.y_name]}
        data |= {"params": result.params.to_dict(), "reused": result.info["computed"] == 0}
        data |= {result.x_name: plain(result.x), result.y_name: plain(result.y)}
        data["phases"] = list(result.names)
        arrays = ("phase", "eps_g", "active", "growth")
        print_json({**data, **{name: plain(getattr(result, name)) for name in arrays}})
        return
    table(*mapped.table(result)[:2])


def print_branches(session: Session, result: Branches) -> None:
    """Print branches and their events."""
    if session.as_json:
        data = {**provenance(result, "fixedpoints"), "varied": result.name}
        data["bifurcations"] = result.bifurcations
        print_json({**data, "branches": [_branch(result, n) for n in range(len(result.types))]})
        return
    table(*listed.table(result)[:3])
    columns, rows, left, more = listed.bifurcations(result)
    if rows:
        click.echo()
        table(columns, rows, left)
    if more:
        click.echo(f"and {more} more: see --json")


def _branch(result: Branches, n: int) -> dict[str, Any]:
    """Return one branch as plain data."""
    chosen = result.branch == n
    growth = result.growth[chosen]
    arrays = {
        name: plain(getattr(result, name)[chosen])
        for name in ("eps_g", "kl", "kl_per_latent", "distortion", "m", "d", "Q", "E", "R", "D")
    }
    own = [event for event in result.events if event["branch"] == n]
    events = [{name: value for name, value in e.items() if name != "branch"} for e in own]
    return {
        "type": result.types[n],
        "events": events,
        result.name: plain(result.varied[chosen]),
        "max_eigenvalue": plain(growth),
        "stable": result.stable[chosen].tolist(),
        **arrays,
    }
