"""`vaedyn plot escape`."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.learning.escape import Escape, escape, escape_times
from vaedyn.learning.simulate import simulate
from vaedyn.model.params import Params

from ..grids import Varied
from ..options import SIMULATION_OPTIONS, Command, with_model
from ..output import plain
from ..session import Session
from .concentration import VARY_DIM, dims_of
from .picture import PICTURE, output_path, write

log = logging.getLogger("vaedyn.cli")
FURTHER = 8.0  # standard deviations beyond the mean up to which escapes are waited for


@click.command(
    "escape",
    cls=Command,
    examples=["vaedyn plot escape", "vaedyn plot escape --beta 0.5 --lr 0.1 --runs 200 --json"],
)
@with_model(
    SIMULATION_OPTIONS,
    [VARY_DIM, *PICTURE],
)
def command(
    session: Session,
    params: Params,
    vary: Varied,
    output: Path | None,
    look: Any,
    ensemble: dict[str, Any],
) -> None:
    """Draw when runs leave the initial plateau, against N: the mean grows as ln(N) / (2 g).

    g is the rate at which small overlaps m and d grow. Every run draws its own initial
    weights, and counts as escaped when |m| is half of its end. For one latent and signals
    of equal strength, at constant beta. --t-max and --points are chosen so that all runs
    escape; N is that of --vary, not of --dim.
    """
    dims = dims_of(vary)
    if ensemble["runs"] < 2:
        raise click.BadParameter("a spread needs at least 2 runs", param_hint="--runs")
    look.check("log", "linear")
    output = output_path("escape", output, params, {})
    escapes = [escape(replace(params, dim=dim)) for dim in dims]
    measured, drawn = [], []
    for dim, expected in zip(dims, escapes, strict=True):
        t_max = float(f"{expected.mean + FURTHER * expected.std:.3g}")
        model = replace(params, dim=dim, t_max=t_max, points=min(2001, int(t_max * dim)))
        with session.progress(f"N = {dim}", "steps") as progress:
            started: dict[str, Any] = ensemble | {"random_start": True}
            runs = simulate(model, **started, store=session.store, progress=progress)
        times = escape_times(runs, expected.overlap)
        late = np.isnan(times)
        if late.any():
            log.warning(f"{late.sum()} of {len(times)} runs at N = {dim} are left out: no escape")
        measured.append((dim, times[~late]))
        drawn.append(("simulate", runs))

    from vaedyn.figures.escape import escape as draw

    found = list(zip(dims, escapes, strict=True))
    figure = draw(params, found, measured, look)
    write(session, "escape", figure, output, drawn, points=_points(found, measured))


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
