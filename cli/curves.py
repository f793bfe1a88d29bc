"""`vaedyn fixedpoints --follow`: bifurcations, and values of quantities, over two constants."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import numpy as np

from vaedyn.errors import ParameterError
from vaedyn.fixedpoints.bifurcation_curves import (
    ALL,
    QUANTITIES,
    BifurcationCurves,
    bifurcation_curves,
)
from vaedyn.listings import bifurcation_curves as listed
from vaedyn.model.params import Params

from .complete import words
from .options import option
from .output import plain, print_json, table
from .ranges import Range
from .session import Session

FOLLOW = option(
    "Numerics",
    "--follow",
    multiple=True,
    metavar="WHAT",
    shell_complete=words([*ALL, "all", *(f"{name}=" for name in QUANTITIES)]),
    help=f"With two --vary, follow curves instead of a map: {', '.join(ALL)}, all, or "
    f"{', '.join(f'{name}=VALUE' for name in QUANTITIES)} of the "
    "state that attracts; may be repeated.",
)


def curves(
    session: Session, params: Params, varied: Sequence[Range], follow: Sequence[str]
) -> BifurcationCurves:
    """Return curves over two constants."""
    axes: list[Any] = [
        (each.name, each.start, each.high, *["log"] * each.logarithmic) for each in varied
    ]
    with session.progress("curves", "starts") as progress:
        try:
            return bifurcation_curves(
                params, *axes, follow=list(follow), store=session.store, progress=progress
            )
        except ParameterError as error:
            if error.name not in ("x", "y"):
                raise
            raise ParameterError("vary", error.reason) from error


def print_curves(session: Session, result: BifurcationCurves) -> None:
    """Print curves, or where the parts that attractors meet go from and to."""
    if session.as_json:
        assert result.source is not None
        data = {"command": "fixedpoints", **asdict(result.source)}
        data["varied"] = [result.x_name, result.y_name]
        print_json({**data, "curves": [_curve(result, n) for n in range(len(result.kinds))]})
        return
    shown = listed.table(result)
    if shown.rows:
        table(*shown[:3])
    else:
        click.echo(listed.listing(result).first)
    if listed.others(result):
        click.echo(listed.remark(result))


def _curve(result: BifurcationCurves, n: int) -> dict[str, Any]:
    """Return one curve as plain data."""
    chosen = result.curve == n
    on = [{k: v for k, v in e.items() if k != "curve"} for e in result.special if e["curve"] == n]
    side = result.lyapunov[chosen]
    return {
        "kind": result.kinds[n],
        "of": result.labels[n],
        "ends": list(result.ends[n]),
        "special": on,
        result.x_name: plain(result.x[chosen]),
        result.y_name: plain(result.y[chosen]),
        "attracting": result.attracting[chosen].tolist(),
        **({"lyapunov": plain(side)} if np.isfinite(side).any() else {}),
    }
