"""Fluctuations at finite N: options, `vaedyn plot concentration` and `vaedyn plot escape`."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.learning.bands import Bands, bands
from vaedyn.learning.concentration import Spread, spreads
from vaedyn.learning.escape import Escape, escape, escape_times
from vaedyn.learning.simulate import simulate
from vaedyn.model.params import Params

from ..store import ResultStore
from .figure import PICTURE, output_path, write
from .options import SIMULATION_OPTIONS, Command, Numbers, option, with_model
from .output import plain, progress_bar
from .varied import Varied, VariedType

log = logging.getLogger("vaedyn.cli")
BANDS = option(
    "Numerics",
    "--bands",
    "with_bands",
    is_flag=True,
    show_default=False,
    help="Also the standard deviation over runs at N = --dim in theory, to leading order in 1/N.",
)
RANDOM_START = option(
    "Numerics",
    "--random-start",
    is_flag=True,
    show_default=False,
    help="Every run draws its own initial weights, gaussian, with overlaps of --init on average.",
)
FURTHER = 8.0  # standard deviations beyond the mean up to which escapes are waited for


def compute_bands(params: Params, random_start: bool, store: ResultStore) -> Bands:
    """Return the bands around theory, and warn where they are unreliable."""
    with progress_bar("bands", "") as progress:
        result = bands(params, random_start=random_start, store=store, progress=progress)
    for text in cautions(result, random_start):
        log.warning(text)
    return result


def cautions(result: Bands, random_start: bool) -> list[str]:
    """Return cautions about bands, one line each."""
    texts = [result.warning] if result.warning else []
    if random_start and isinstance(result.params.init, str):
        texts.append(
            "gaussian weights have no overlap with the signals on average, and theory follows "
            "one draw of them: give --init m=..., or see `vaedyn plot escape`"
        )
    return texts


def _dims(vary: Varied) -> list[int]:
    if vary.name != "dim":
        raise click.BadParameter(f"only dim can vary here, got {vary.name}", param_hint="--vary")
    if len(set(vary.values)) < 2:
        raise click.BadParameter("expected at least two values of dim", param_hint="--vary")
    return sorted(set(vary.values))


@click.command(
    "concentration",
    cls=Command,
    examples=[
        "vaedyn plot concentration --lr 0.05 --t-max 300 --init m=0.3,d=0.3,Q=1,E=1,R=0,D=1",
        "vaedyn plot concentration --vary dim=100,300,1000,3000 --runs 400 --at 10,100 -o fig.pdf",
    ],
)
@with_model(
    SIMULATION_OPTIONS,
    [
        RANDOM_START,
        option(
            "Numerics", "--vary", type=VariedType(), default="dim=250,500,1000,2000,4000",
            help="The values of N.",
        ),
        option(
            "Numerics", "--at", type=Numbers(), default=None,
            help="Times at which the spread is shown, up to six.",
            show_default="a tenth, a third and all of --t-max",
        ),
        *PICTURE,
    ],
)  # fmt: skip
def concentration(
    params: Params,
    vary: Varied,
    at: tuple[float, ...] | None,
    random_start: bool,
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
    **ensemble: Any,
) -> None:
    """Draw the spread of runs against N: SGD approaches the ODE as 1/sqrt(N).

    The power of N that fits the runs is printed on stderr, and in JSON, with its
    standard error. All runs have the overlaps of the given --init; where it is gaussian,
    those that it has at --dim.
    """
    dims = _dims(vary)
    times = at or tuple(float(f"{params.t_max / part:.3g}") for part in (10, 3, 1))
    if not 1 <= len(times) <= 6 or not all(0 < t <= params.t_max for t in times):
        raise click.BadParameter("expected up to six times up to --t-max", param_hint="--at")
    if ensemble["runs"] < 2:
        raise click.BadParameter("a spread needs at least 2 runs", param_hint="--runs")
    look.check("log", "log")
    output = output_path("concentration", output, params, {})
    store = ResultStore(store_path, recompute=recompute)
    start: Any = params.overlaps()
    models = [replace(params, dim=dim, init=start, init_seed=0) for dim in dims]
    drawn = []
    for dim, model in zip(dims, models, strict=True):
        theory = bands(model, random_start=random_start, store=store)
        with progress_bar(f"N = {dim}", "steps") as progress:
            runs = simulate(
                model, random_start=random_start, store=store, progress=progress, **ensemble
            )
        drawn.append((theory, runs))
    for text in cautions(drawn[0][0], False):
        log.warning(f"at N = {dims[0]}, {text}")

    found = spreads(drawn, times)
    for each in found:
        power, error = each.power
        log.info("spread of %s at t = %g: N^(%.3f +- %.2g)", each.name, each.t, power, error)

    from vaedyn.figures.concentration import concentration as draw

    figure = draw(found, params, ensemble["runs"], look)
    records = [pair for b, sgd in drawn for pair in (("bands", b), ("simulate", sgd))]
    write("concentration", figure, output, records, as_json, powers=[*map(_power, found)])


def _power(spread: Spread) -> dict[str, Any]:
    """Return the fitted power of N as plain data."""
    power, error = spread.power
    return {"name": spread.name, "t": spread.t, "power": plain(power), "error": plain(error)}


@click.command(
    "escape",
    cls=Command,
    examples=["vaedyn plot escape", "vaedyn plot escape --beta 0.5 --lr 0.1 --runs 200 --json"],
)
@with_model(
    SIMULATION_OPTIONS,
    [
        option(
            "Numerics", "--vary", type=VariedType(), default="dim=250,500,1000,2000,4000",
            help="The values of N.",
        ),
        *PICTURE,
    ],
)  # fmt: skip
def escape_figure(
    params: Params,
    vary: Varied,
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
    **ensemble: Any,
) -> None:
    """Draw when runs leave the initial plateau, against N: the mean grows as ln(N) / (2 g).

    g is the rate at which small overlaps m and d grow. Every run draws its own initial
    weights, and counts as escaped when |m| is half of its final value. For one latent and signals
    of equal strength, at constant beta. --t-max and --points are chosen so that all runs
    escape; N is that of --vary, not of --dim.
    """
    dims = _dims(vary)
    if ensemble["runs"] < 2:
        raise click.BadParameter("a spread needs at least 2 runs", param_hint="--runs")
    look.check("log", "linear")
    output = output_path("escape", output, params, {})
    store = ResultStore(store_path, recompute=recompute)
    escapes = [escape(replace(params, dim=dim)) for dim in dims]
    measured, drawn = [], []
    for dim, expected in zip(dims, escapes, strict=True):
        t_max = float(f"{expected.mean + FURTHER * expected.std:.3g}")
        model = replace(params, dim=dim, t_max=t_max, points=min(2001, int(t_max * dim)))
        with progress_bar(f"N = {dim}", "steps") as progress:
            runs = simulate(model, random_start=True, store=store, progress=progress, **ensemble)
        times = escape_times(runs, expected.overlap)
        late = np.isnan(times)
        if late.any():
            log.warning(f"{late.sum()} of {len(times)} runs at N = {dim} are left out: no escape")
        measured.append((dim, times[~late]))
        drawn.append(("simulate", runs))

    from vaedyn.figures.escape import escape as draw

    found = list(zip(dims, escapes, strict=True))
    figure = draw(params, found, measured, look)
    write("escape", figure, output, drawn, as_json, points=_points(found, measured))


def _points(
    found: list[tuple[int, Escape]], measured: list[tuple[int, np.ndarray]]
) -> list[dict[str, Any]]:
    return [
        {
            "dim": dim,
            "rate": each.rate,
            "theory": {"mean": each.mean, "std": each.std},
            "simulation": {
                "mean": plain(times.mean()),
                "std": plain(times.std(ddof=1)),
                "runs": len(times),
            },
        }
        for (dim, each), (_, times) in zip(found, measured, strict=True)
    ]
