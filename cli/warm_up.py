"""`vaedyn anneal --data`."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from vaedyn.data.confirm import Confirmed, confirm_warm_up
from vaedyn.data.look import Look
from vaedyn.data.warm_up import TOL, WarmUp, warm_up
from vaedyn.listings.tuning import WORTH_IT, converged, warm_up_table, warm_up_verdict

from .output import number, plain, print_json, table
from .session import Session


def report_warm_up(
    session: Session,
    found: Look,
    settings: dict[str, Any],
    family: str,
    tol: float | None,
    confirm: int | None,
    seed: int,
    rtol: float,
    atol: float,
    out: Callable[..., None] | None = None,
) -> None:
    """Print the warm-up under which learning a table converges soonest, and what it gains."""
    share = TOL if tol is None else tol
    numerics: dict[str, Any] = {"tol": share, "rtol": rtol, "atol": atol}
    with session.progress("anneal", "schedules") as progress:
        best = warm_up(
            found, family, **numerics, store=session.store, progress=progress, **settings
        )
    if out:
        out(best, unit=found.rows.unit)
        return
    checked = None
    if confirm:
        asked: Any = {"runs": confirm, "seed": seed, "store": session.store}
        checked = confirm_warm_up(found, best, **asked, watch=session.simulation)
    if session.as_json:
        data = describe(best, checked)
        print_json({**data, "warnings": list(found.analysis.warnings)})
        return
    columns, rows, *_ = warm_up_table(best)
    table(columns, rows)
    click.echo(converged(best))
    if checked:
        click.echo(
            f"measured in {confirm} trainings: t = {number(checked.constant)} and "
            f"{number(checked.annealed)}, gain {checked.gain:.4g} +- {checked.error:.2g}"
        )
    click.echo(f"--beta {number(best.params.beta)} --anneal {best.spec}")
    click.echo(warm_up_verdict(best))
    if found.analysis.no_floor and "beta" not in settings:
        click.echo(f"this beta is no recommendation: {found.analysis.no_floor}")


def describe(best: WarmUp, checked: Confirmed | None) -> dict[str, Any]:
    """Return the result as plain data."""
    assert best.source is not None
    constant, annealed = plain(best.torch)

    def at(time: float) -> dict[str, Any]:
        found = {"t": time, "steps": best.steps(time), "epochs": best.epochs(time)}
        return {name: plain(value) for name, value in found.items()}

    data: dict[str, Any] = {
        "command": "anneal",
        **asdict(best.source),
        "family": best.family,
        "tol": best.tol,
        "end": best.end,
        "constant": at(best.constant),
        "best": {"anneal": best.spec, **at(best.time), "gain": best.gain},
        "off_by_a_tenth": {**at(best.off), "gain": plain(best.constant / best.off)},
        "pytorch_start": {
            "constant": constant,
            "annealed": annealed,
            "gain": constant and constant / annealed,
        },
        "helps": best.gain >= WORTH_IT,
        "schedules": [
            list(pair) for pair in zip(plain(best.numbers), plain(best.times), strict=True)
        ],
    }
    if checked:
        data["measured"] = checked._asdict()
    return data
