"""`vaedyn theory`."""

import logging
from typing import Any

import click

from vaedyn.learning.cautions import cautions as beyond_theory
from vaedyn.learning.theory import theory
from vaedyn.listings.trajectory import of_line
from vaedyn.model.params import Params
from vaedyn.model.quantities import NAMES, OBSERVABLES

from .advice import TOL, converged, ending, warn
from .bands import BANDS, cautions, compute_bands
from .course import report_course
from .model_options import with_model
from .ondata import ON_DATA, prepare, without_data
from .options import (
    RANDOM_START,
    THEORY_OPTIONS,
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

log = logging.getLogger("vaedyn.cli")


@click.command(
    "theory",
    cls=Command,
    examples=[
        "vaedyn theory --beta 1.5",
        "vaedyn theory --latent 2 --signal 2 --rho 4,2 --json",
        "vaedyn theory --bands --dim 1000",
        "vaedyn theory --samples 500",
        "vaedyn theory --data data.csv --standardise --latent 3",
    ],
)
@with_model(ON_DATA, THEORY_OPTIONS, [TOL, BANDS, RANDOM_START], build=dict)
def command(
    session: Session,
    params: dict[str, Any],
    place: str | None,
    how: dict[str, Any],
    rtol: float,
    atol: float,
    tol: float,
    with_bands: bool,
    random_start: bool,
) -> None:
    """Integrate the ODE that SGD follows for large N, and show where it ends.

    The state is that of the order parameters m, d, Q, E, R, D; see --json for
    full matrices, and `vaedyn plot` for their course. The last line shows
    the time after which the error stays near its final value, that of the fixed
    point reached. With --json `t_converge` is that time, null where it is beyond
    --t-max; `converges_at` is the same time wherever it is.

    With --alpha or --samples the same rows are used again and again, shuffled, and the last
    line shows what that leads to.

    With --data it is the learning curve of a VAE that is trained on the rows of a table, by
    their own spectrum and from the weights that `vaedyn simulate --data` starts from, with
    the same settings: when each latent is learned, in t, SGD steps and epochs.
    """
    if place is not None:
        found, settings = prepare(session, place, params, how)
        report_course(session, found, settings, rtol, atol)
        return
    without_data()
    report(session, Params(**params), rtol, atol, tol, with_bands, random_start)


def report(
    session: Session,
    params: Params,
    rtol: float,
    atol: float,
    tol: float,
    with_bands: bool,
    random_start: bool,
) -> None:
    """Integrate the ODE of a model, and print where it ends."""
    if random_start and not with_bands:
        raise click.UsageError("--random-start needs --bands: it does not change the line")
    on_rows = params.alpha is not None
    if on_rows and with_bands:
        raise click.UsageError("--bands is not derived for rows used again: leave out --alpha")
    warnings = warn(params, tol)
    with session.progress("theory") as progress:
        result = theory(params, rtol=rtol, atol=atol, store=session.store, progress=progress)
    solver = result.info["solver"]
    if solver["stiff"] > 0.5 * solver["steps"]:
        log.warning(
            "%d of %d ODE steps were limited by stability, not accuracy",
            solver["stiff"],
            solver["steps"],
        )
    if on_rows:
        times, text = in_the_end(params, tol)
    else:
        with without_records():
            settings: Any = {"rtol": rtol, "atol": atol, "store": session.store}
            with session.progress("time to converge") as progress:
                limit = ending(params, tol, **settings, progress=progress)
        times, text = converged(params, limit)
    spread = compute_bands(session, params, random_start) if with_bands else None
    if session.as_json:
        final: dict[str, object] = {"t": float(result.t[-1])}
        for name in (*OBSERVABLES, *NAMES):
            final[name] = plain(getattr(result, name)[-1])
            if spread:
                final[name] = {"mean": final[name], "std": plain(getattr(spread, name)[-1])}
        if spread:
            times["bands"] = {"dim": params.dim, **provenance(spread, "theory --bands")}
            warnings = [*warnings, *cautions(spread, random_start)]
        warnings = [*warnings, *beyond_theory(params)]
        data = {**provenance(result, "theory"), "final": final, **times}
        print_json({**data, "solver": solver, "warnings": warnings})
    else:
        columns, rows, *_ = of_line(result)
        if spread:
            headings, others, *_ = of_line(spread, f"std at N = {params.dim}")
            columns = [*columns, headings[-1]]
            rows = [[*row, around[-1]] for row, around in zip(rows, others, strict=True)]
        table(columns, rows)
        click.echo(text)
