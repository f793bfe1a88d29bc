"""`vaedyn fixedpoints --cycle`: limit cycles, alone or along one constant."""

import logging
from typing import Any

import click
import numpy as np

from vaedyn.fixedpoints.limit_cycle import MEASURED, limit_cycle
from vaedyn.fixedpoints.limit_cycles import LimitCycles, limit_cycles
from vaedyn.listings import limit_cycle as of_one
from vaedyn.listings import limit_cycles as of_many
from vaedyn.model.params import Params

from .follow import along_one, blamed_on_vary
from .options import option
from .output import plain, print_json, provenance, table
from .ranges import Range
from .session import Session

log = logging.getLogger("vaedyn.cli")

CYCLE = option(
    "Output",
    "--cycle",
    is_flag=True,
    help="Show the limit cycle on which learning goes round where it oscillates; with --vary, "
    "follow limit cycles from Hopf points to their ends.",
)

CYCLES_DRAWN = option(
    "Output",
    "--cycle",
    is_flag=True,
    help="Draw limit cycles, too: the least and the largest eps_g on each.",
)


def print_cycle(session: Session, params: Params) -> None:
    """Print the limit cycle of one model."""
    result = limit_cycle(params, store=session.store)
    if session.as_json:
        data = {**provenance(result, "fixedpoints"), "period": result.period}
        data |= {"period_in_steps": result.period * params.dim, "repeats": result.repeats}
        data |= {"stable": result.stable, "multipliers": pairs(result.multipliers)}
        data |= {"trivial_multiplier_error": result.trivial, "closing": result.closing}
        data |= {"mean": _plain(result.mean), "amplitude": _plain(result.amplitude)}
        data |= {"t": plain(result.t)}
        print_json({**data, **{name: plain(getattr(result, name)) for name in MEASURED}})
        return
    table(*of_one.table(result)[:3])
    for line in of_one.summary(result):
        click.echo(line)


def cycles(session: Session, params: Params, varied: Range, groups: int) -> LimitCycles:
    """Return the branches of limit cycles along one constant."""
    along_one(varied)
    with (
        blamed_on_vary("low", "high", of=varied.name),
        session.progress("limit cycles", "points") as progress,
    ):
        result = limit_cycles(
            params, varied.name, varied.start, varied.high,
            groups=groups, store=session.store, progress=progress,
        )  # fmt: skip
    for line in of_many.remarks(result):
        log.warning(line)
    return result


def print_cycles(session: Session, params: Params, varied: Range, groups: int) -> None:
    """Print branches of limit cycles and their events."""
    result = cycles(session, params, varied, groups)
    if session.as_json:
        data = {**provenance(result, "fixedpoints"), "varied": result.name}
        numbers = range(len(result.repeats))
        data |= {"without_cycle": result.without} if result.without else {}
        print_json({**data, "cycles": [_branch(result, n) for n in numbers]})
        return
    if not result.repeats:
        click.echo(f"no limit cycle is found with {result.name} from {varied.start:g} to "
                   f"{varied.high:g}")  # fmt: skip
        return
    table(*of_many.table(result)[:3])


def _branch(result: LimitCycles, n: int) -> dict[str, Any]:
    """Return one branch as plain data."""
    chosen = result.branch == n
    names = ("period", "amplitude", "eps_g_min", "eps_g_max", "eps_g_mean", "kl_mean")
    own = [e for e in result.events if e["branch"] == n]
    events = [{k: v for k, v in e.items() if k in ("kind", "at", "why")} for e in own]
    multipliers = (result.multipliers_re + 1j * result.multipliers_im)[chosen]
    return {
        "repeats": result.repeats[n],
        "events": events,
        result.name: plain(result.varied[chosen]),
        "stable": result.stable[chosen].tolist(),
        **{name: plain(getattr(result, name)[chosen]) for name in names},
        "multipliers": [pairs(row) for row in multipliers],
        "trivial_multiplier_error": plain(result.trivial[chosen]),
        **{name: plain(getattr(result, name)[chosen]) for name in MEASURED[2:]},
    }


def pairs(values: np.ndarray) -> list[list[float]]:
    """Return complex numbers that are not nan as pairs of real and imaginary part."""
    return [[float(z.real), float(z.imag)] for z in values if z == z]


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in found.items()}
