"""`vaedyn fixedpoints --vary`: branches along one constant, or a map over two."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import click
import numpy as np

from vaedyn.bifurcation import VARIED, Branches, branches
from vaedyn.errors import ParameterError
from vaedyn.params import Params
from vaedyn.phases import PhaseDiagram, phase_diagram

from ..store import ResultStore
from .options import option
from .output import number, plain, print_json, progress_bar, provenance, table, without_records

COUNT, MOST = 100, 2000
log = logging.getLogger(__name__)


class Range(NamedTuple):
    """The values that one constant takes."""

    name: str
    low: float
    high: float
    points: int

    @property
    def values(self) -> np.ndarray:
        return np.linspace(self.low, self.high, self.points)


class RangeType(click.ParamType):
    """NAME=LOW:HIGH or NAME=LOW:HIGH:COUNT."""

    name = "range"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME=LOW:HIGH[:COUNT]"

    def convert(self, value: Any, param: Any, ctx: Any) -> Range:
        if isinstance(value, Range):
            return value
        name, _, rest = str(value).partition("=")
        if name not in VARIED:
            self.fail(f"expected one of {', '.join(VARIED)} before '=', got {value!r}", param, ctx)
        try:
            low, high, *count = rest.split(":")
            found = Range(name, float(low), float(high), int(count[0]) if count else COUNT)
        except (ValueError, IndexError):
            self.fail(
                f"expected {name}=LOW:HIGH or {name}=LOW:HIGH:COUNT, got {value!r}", param, ctx
            )
        if found.points > MOST:
            self.fail(f"expected a COUNT of at most {MOST}, got {value!r}", param, ctx)
        if len(count) > 1 or found.points < 2 or not -np.inf < found.low < found.high < np.inf:
            self.fail(f"expected LOW < HIGH and a COUNT of at least 2, got {value!r}", param, ctx)
        return found


VARY = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    multiple=True,
    help=f"Follow all branches while one of {', '.join(VARIED)} goes from LOW to HIGH; "
    f"given twice, map which state is stable on a grid of COUNT ({COUNT}) points each.",
)


@contextmanager
def _blamed_on_vary(*names: str) -> Iterator[None]:
    """Tell errors of the arguments `names` as errors of the option that they come from."""
    try:
        yield
    except ParameterError as error:
        raise ParameterError("vary" if error.name in names else error.name, error.reason) from error


def follow(params: Params, varied: Range, groups: int, store: ResultStore) -> Branches:
    """Return the branches along one constant."""
    with _blamed_on_vary("low", "high"), progress_bar("follow branches", "branches") as progress:
        return branches(
            params,
            varied.name,
            varied.low,
            varied.high,
            groups=groups,
            store=store,
            progress=progress,
        )


def survey(params: Params, varied: Sequence[Range], store: ResultStore) -> PhaseDiagram:
    """Return the map over two constants, and say how much of it was computed."""
    across, up = varied
    with (
        _blamed_on_vary("x", "y"),
        without_records(),
        progress_bar("map", "points") as progress,
    ):
        result = phase_diagram(
            params,
            (across.name, across.values),
            (up.name, up.values),
            store=store,
            progress=progress,
        )
    computed, total = result.info["computed"], result.phase.size
    if computed:
        log.info("computed %d of %d points of the map", computed, total)
    else:
        log.info("reused all points of the map")
    return result


def print_map(result: PhaseDiagram, as_json: bool) -> None:
    """Print a map, or how much of it each phase takes up."""
    if as_json:
        data: dict[str, Any] = {"command": "fixedpoints", "varied": [result.x_name, result.y_name]}
        data |= {"params": result.params.to_dict(), "reused": result.info["computed"] == 0}
        data |= {result.x_name: plain(result.x), result.y_name: plain(result.y)}
        data["phases"] = list(result.names)
        arrays = ("phase", "eps_g", "active", "growth")
        print_json({**data, **{name: plain(getattr(result, name)) for name in arrays}})
        return
    rows = []
    for n, name in enumerate(result.names):
        chosen = result.phase == n
        if chosen.any():
            eps_g = result.eps_g[chosen]
            share = f"{100 * chosen.mean():.4g} %"
            rows.append([name, share, number(eps_g.min()), number(eps_g.max())])
    table(["phase", "share of the map", "eps_g from", "to"], rows)


def print_branches(result: Branches, as_json: bool) -> None:
    """Print branches and what happens on them."""
    if as_json:
        data = {**provenance(result, "fixedpoints"), "varied": result.name}
        print_json({**data, "branches": [_branch(result, n) for n in range(len(result.types))]})
        return
    rows = []
    for n, name in enumerate(result.types):
        chosen = result.branch == n
        x, growth = result.varied[chosen], result.growth[chosen]
        happens = [f"{e['kind']} {e['at']:.9g}" for e in result.events if e["branch"] == n]
        rows.append(
            [name, number(x[0]), number(x[-1]), _stable(x, growth, result, n), ", ".join(happens)]
        )
    columns = ["branch", f"{result.name} from", "to", "stable", "what happens"]
    table(columns, rows, left=("stable", "what happens"))


def _stable(x: np.ndarray, growth: np.ndarray, result: Branches, n: int) -> str:
    """Return the intervals in which a branch is stable, in words."""
    changes = [e["at"] for e in result.events if e["branch"] == n and e["kind"] == "stability"]
    edges = [x[0], *changes, x[-1]]
    found = []
    for low, high in pairwise(edges):
        inside = (x > low) & (x < high)
        if inside.any() and np.median(growth[inside]) < 0:
            found.append(f"{low:.6g} to {high:.6g}")
    return ", ".join(found) or "nowhere"


def _branch(result: Branches, n: int) -> dict[str, Any]:
    """Return one branch as plain data."""
    chosen = result.branch == n
    growth = result.growth[chosen]
    arrays = {
        name: plain(getattr(result, name)[chosen])
        for name in ("eps_g", "kl", "kl_per_latent", "distortion", "m", "d", "Q", "E", "R", "D")
    }
    events = [{"kind": e["kind"], "at": e["at"]} for e in result.events if e["branch"] == n]
    return {
        "type": result.types[n],
        "events": events,
        result.name: plain(result.varied[chosen]),
        "max_eigenvalue": plain(growth),
        "stable": result.stable[chosen].tolist(),
        **arrays,
    }
