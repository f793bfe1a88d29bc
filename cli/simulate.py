"""`vaedyn simulate`."""

from typing import Any

import click

from vaedyn.learning.simulate import simulate
from vaedyn.listings.trajectory import mean_and_std, of_runs
from vaedyn.model.params import Params, integer
from vaedyn.model.quantities import NAMES, OBSERVABLES

from .advice import TOL, ending, measured_convergence, warn
from .model_options import with_model
from .ondata import ON_DATA, prepare, report, without_data
from .options import (
    RANDOM_START,
    SIMULATION_OPTIONS,
    Command,
)
from .output import (
    plain,
    print_json,
    provenance,
    table,
    without_records,
)
from .session import Session
from .trained import in_the_end


@click.command(
    "simulate",
    cls=Command,
    examples=[
        "vaedyn simulate --runs 20",
        "vaedyn simulate --dim 1000 --lr 0.05 --engine vector",
        "vaedyn simulate --samples 500",
        "vaedyn simulate --data data.npy --beta 0.5",
        "vaedyn simulate --data data.csv --standardise --spikes 3 --latent 3",
    ],
)
@with_model(ON_DATA, SIMULATION_OPTIONS, [RANDOM_START, TOL], build=dict)
def command(
    session: Session,
    params: dict[str, Any],
    place: str | None,
    how: dict[str, Any],
    ensemble: dict[str, Any],
    tol: float,
) -> None:
    """Train an ensemble of linear VAEs by SGD or Adam.

    All runs start from the same weights unless --random-start is given. The same
    seed gives the same runs on any number of cores, and asking for more runs
    computes only those that are missing. The last line shows the time after which
    the mean error stays near the final value of theory; with --json that is
    `t_converge`, and `converges_at` is the time of theory.

    With --alpha or --samples every run draws its own rows and uses them again and again,
    shuffled each time; only the vector engine does so, and only it trains by Adam.

    With --data, one VAE learns the rows of a table, shuffled by --seed, in their units; only
    --lr and --adam-epsilon are in units in which the largest variance is 1. There, unless
    they are given, --latent is the number of signals found, --beta the noise level eta, --lr
    at most 0.2 for plain SGD and of that pace otherwise, and --t-max such that all has
    settled, or about 30 seconds. What is predicted is
    where training on these rows ends, used again and again; with --epochs one each row is
    used once at most, and the prediction is for fresh data.
    """
    if place is not None:
        seed = integer("seed", ensemble["seed"], 0)
        found, settings = prepare(session, place, params, how)
        report(session, found, settings, seed)
        return
    without_data()
    model = Params(**params)
    warnings = warn(model, tol)
    with session.simulation("simulate") as progress:
        result = simulate(model, **ensemble, store=session.store, progress=progress)
    if model.alpha is not None:
        times, text = in_the_end(model, tol)
    else:
        with without_records(), session.progress("time to converge") as progress:
            limit = ending(model, tol, store=session.store, progress=progress)
        times, text = measured_convergence(result, limit)
    runs = ensemble["runs"]
    if not session.as_json:
        columns, rows, *_ = of_runs(result)
        table(columns, rows)
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
