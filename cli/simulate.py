"""`vaedyn simulate`."""

from pathlib import Path

import click
import numpy as np

from vaedyn.convergence import time_to_converge
from vaedyn.initial import NAMES
from vaedyn.params import Params
from vaedyn.sgd import simulate

from ..store import ResultStore
from .advice import TOL, measured_convergence, warn
from .bands import RANDOM_START
from .ondata import DATA_OPTION, STANDARDISE, prepare, report
from .options import SIMULATION_OPTIONS, Command, with_model
from .output import (
    OBSERVABLES,
    plain,
    print_json,
    progress_bar,
    provenance,
    state_rows,
    table,
    without_records,
)


def mean_and_std(values: np.ndarray) -> list[np.ndarray]:
    """Return mean and standard deviation over runs at the last time; nan for a single run."""
    last = values[:, -1]
    std = last.std(axis=0, ddof=1) if len(last) > 1 else np.full(last.shape[1:], np.nan)
    return [last.mean(axis=0), std]


@click.command(
    "simulate",
    cls=Command,
    examples=[
        "vaedyn simulate --runs 20",
        "vaedyn simulate --dim 1000 --lr 0.05 --engine vector",
        "vaedyn simulate --data data.npy --beta 0.5",
    ],
)
@with_model([DATA_OPTION, STANDARDISE], SIMULATION_OPTIONS, [RANDOM_START, TOL])
def command(
    params: Params,
    place: str | None,
    standardise: bool,
    runs: int,
    seed: int,
    engine: str,
    random_start: bool,
    jobs: int | None,
    tol: float,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Train an ensemble of linear VAEs by one-pass SGD, all from the same weights if not told else.

    The same seed gives the same runs on any number of cores, and asking for
    more runs computes only those that are missing. The last line tells from when
    on the error of each run stays near that of theory's end.
    """
    if place is not None:
        it = prepare(place, params, standardise, store_path=store_path, recompute=recompute)
        report(it, seed, store_path, recompute, as_json)
        return
    if standardise:
        raise click.UsageError("--standardise goes with --data")
    warnings = warn(params, tol)
    store = ResultStore(store_path, recompute=recompute)
    with progress_bar("simulate", "steps") as progress:
        result = simulate(
            params,
            runs=runs,
            seed=seed,
            engine=engine,
            random_start=random_start,
            jobs=jobs,
            store=store,
            progress=progress,
        )
    with without_records():
        ending = time_to_converge(params, tol, store=store)
    times, text = measured_convergence(result, ending)
    if not as_json:
        columns = [f"t = {result.t[-1]:g}", f"mean of {runs}", "std"]
        table(columns, state_rows(result, mean_and_std))
        click.echo(text)
        return
    final: dict[str, object] = {"t": float(result.t[-1])}
    for name in (*OBSERVABLES, *NAMES):
        mean, std = mean_and_std(getattr(result, name))
        final[name] = {"mean": plain(mean), "std": plain(std)}
    data = {**provenance(result, "simulate"), "runs": runs, "final": final, **times}
    data["warnings"] = warnings
    if result.source and not result.source.reused:
        data["steps_per_second"] = result.info["steps_per_second"]
    print_json(data)
