"""`vaedyn plot branches` and other figures of fixed points."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.errors import DivergenceError
from vaedyn.fixedpoints.branches import VARIED, attractor
from vaedyn.fixedpoints.fixed_points import fixed_points
from vaedyn.learning.simulate import simulate
from vaedyn.learning.theory import theory
from vaedyn.model.params import Params

from ..store import ResultStore
from .figure import PICTURE, output_path, say_if_empty, write
from .fixedpoints import GROUPS
from .options import SIMULATION_OPTIONS, THEORY_OPTIONS, Command, option, with_model
from .output import print_json, progress_bar
from .vary import COUNT, Range, RangeType, follow, survey

log = logging.getLogger(__name__)

QUANTITY = option(
    "Output",
    "--y",
    "quantity",
    type=click.Choice(["eps_g", "kl", "distortion", "m", "d", "Q", "E", "R", "D"]),
    default="eps_g",
    help="What is drawn along the branches: of matrices the diagonal, of m and d the largest "
    "overlap of each latent.",
)
VARY_ONE = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    default="beta=0.05:3",
    help=f"What is varied, one of {', '.join(VARIED)}, its range, and COUNT ({COUNT}) values.",
)
VARY_BETA = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    default=None,
    help=f"The range of beta, and how many values of it ({COUNT}).",
    show_default="from near 0 to 1.2 (largest rho + eta)",
)
VARY_TWO = option(
    "Numerics",
    "--vary",
    type=RangeType(),
    multiple=True,
    default=("beta=0.05:3", "eta=0.1:2"),
    help=f"The two axes: of {', '.join(VARIED)}, their ranges, and COUNT ({COUNT}) points.",
)
LOG_TIME = option(
    "Output",
    "--x-scale",
    type=click.Choice(["linear", "log"]),
    default="log",
    help="Time axis; the first passages are short.",
)
SIMULATIONS = option(
    "Numerics",
    "--simulations",
    type=click.IntRange(0),
    default=12,
    help="Number of values of beta that are simulated, too.",
)


@click.command(
    "branches",
    cls=Command,
    examples=[
        "vaedyn plot branches --vary beta=0.05:3",
        "vaedyn plot branches --vary lr=0.01:1.5 --y Q -o branches.svg",
    ],
)
@with_model([GROUPS, VARY_ONE, QUANTITY, *PICTURE])
def branches(
    params: Params,
    groups: int,
    vary: Any,
    quantity: str,
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Draw all fixed points while one constant is varied: solid where stable, dashed where not.

    Below stands the time in which the slowest deviation from a stable point
    shrinks, or the fastest from an unstable one grows, by a factor e.
    """
    chosen = output_path(
        "branches", output, params, {"groups": groups, "y": quantity, "vary": vary.name}
    )
    result = follow(params, vary, groups, ResultStore(store_path, recompute=recompute))

    from vaedyn.figures import branches as figures_branches
    from vaedyn.fixedpoints.thresholds import thresholds
    from vaedyn.kernels.constants import Constants

    limits = thresholds(Constants.of(params), None) if vary.name == "beta" else None
    figure = figures_branches.branches(result, quantity, limits, look)
    write("branches", figure, chosen, [("branches", result)], as_json)


@click.command(
    "cascade",
    cls=Command,
    examples=["vaedyn plot cascade --latent 4 --signal 4 --rho 4,3,2,1 --lr 0.05 -o cascade.pdf"],
)
@with_model([VARY_BETA, *SIMULATION_OPTIONS, SIMULATIONS, *PICTURE])
def cascade(
    params: Params,
    vary: Range | None,
    simulations: int,
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
    **simulation: Any,
) -> None:
    """Draw how latents collapse one by one as beta rises: active units, error, KL per latent.

    Lines are the stable fixed point, markers simulations at t = --t-max, which
    must be long: latents mixed over two signals part slowly. A latent is active
    when its KL divergence is more than 0.01 nats, in both.
    """
    told = {name: value for name, value in simulation.items() if name != "jobs"}
    chosen = output_path("cascade", output, params, {**told, "simulations": simulations})
    if vary and vary.name != "beta":
        raise click.BadParameter(f"expected beta=..., got {vary.name}", param_hint="--vary")
    top = 1.2 * (params.strengths.max() + params.eta)
    range_ = vary or Range("beta", 0.02 * top, top, COUNT)
    store = ResultStore(store_path, recompute=recompute)
    result = follow(params, range_, 1, store)
    end = attractor(result)
    if not end.size:
        raise DivergenceError(
            f"no fixed point is stable from beta = {range_.start:.6g} to {range_.high:.6g} "
            f"at learning rate {params.lr:g}: lower --lr, or choose another range by --vary"
        )
    runs, early = [], 0
    for beta in np.linspace(range_.start, range_.high, simulations + 2)[1:-1]:
        with progress_bar(f"simulate, beta = {beta:.3g}", "steps") as progress:
            at = replace(params, beta=float(f"{beta:.6g}"))
            runs.append(simulate(at, **simulation, store=store, progress=progress))
        limit = np.interp(at.beta, result.varied[end], result.eps_g[end])
        early += bool(abs(theory(at).eps_g[-1] - limit) > 0.02 * params.strengths.sum())
    if early:
        log.warning(
            "at %d of %d values of beta learning has not ended by t = %g: raise --t-max",
            early,
            simulations,
            params.t_max,
        )

    from vaedyn.figures import cascade as figures_cascade
    from vaedyn.fixedpoints.thresholds import thresholds
    from vaedyn.kernels.constants import Constants

    limits = thresholds(Constants.of(params), None)
    figure = figures_cascade.cascade(result, runs, limits, look)
    write(
        "cascade", figure, chosen, [("branches", result), *(("simulate", r) for r in runs)], as_json
    )


@click.command(
    "phase-diagram",
    cls=Command,
    examples=[
        "vaedyn plot phase-diagram --vary beta=0.05:3:200 --vary eta=0.1:2:200",
        "vaedyn plot phase-diagram --vary beta=0.05:3 --vary lr=0.01:1.5 -o map.png",
    ],
)
@with_model([VARY_TWO, *PICTURE])
def phase_diagram(
    params: Params,
    vary: tuple[Range, ...],
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Draw which state is stable, and its error, over two constants.

    Of the states in which every latent lives alone the stable one of lowest loss
    is taken; hatched is where there are several. Where none is stable, as at
    large learning rates, the phase is that of the ODE from a gaussian start: a
    stable pair (entangled), oscillation, or divergence. Lines are the thresholds
    for small learning rates. A grid that grows by whole points computes the new
    ones only.
    """
    if len(vary) != 2:
        raise click.UsageError("expected --vary twice")
    names = {"vary": "-".join(range_.name for range_ in vary)}
    chosen = output_path("phase-diagram", output, params, names)
    result = survey(params, vary, ResultStore(store_path, recompute=recompute))

    from vaedyn.figures import phase_diagram as figures_phases
    from vaedyn.figures.style import save

    figure = figures_phases.phase_diagram(result, look)
    say_if_empty(figure)
    save(figure, chosen, keywords=result.info["keys"])
    if as_json:
        keys = result.info["keys"]
        print_json({"command": "plot phase-diagram", "output": str(chosen), "keys": keys})
    else:
        click.echo(chosen)


@click.command(
    "passages",
    cls=Command,
    examples=["vaedyn plot passages --latent 2 --signal 2 --rho 3,1 --lr 0.05 -o passages.pdf"],
)
@with_model([GROUPS], THEORY_OPTIONS, [LOG_TIME, *PICTURE])
def passages(
    params: Params,
    groups: int,
    rtol: float,
    atol: float,
    x_scale: str,
    output: Path | None,
    look: Any,
    store_path: Path,
    recompute: bool,
    as_json: bool,
) -> None:
    """Draw which fixed points the trajectory passes, how near, and how it leaves them."""
    chosen = output_path("passages", output, params, {"groups": groups, "x_scale": x_scale})
    look.check(x_scale, "log")
    store = ResultStore(store_path, recompute=recompute)
    with progress_bar("fixed points", "points") as progress:
        points = fixed_points(
            params, groups=groups, rtol=rtol, atol=atol, store=store, progress=progress
        )
    ode = theory(params, rtol=rtol, atol=atol, store=ResultStore(store_path))

    from vaedyn.figures import passages as figures_passages
    from vaedyn.fixedpoints.passages import passages as passed

    with progress_bar("distances", "points") as progress:
        passing = passed(points, ode, progress=progress)
    figure = figures_passages.passages(points, ode, passing, x_scale=x_scale, look=look)
    write("passages", figure, chosen, [("theory", ode), ("fixedpoints", points)], as_json)
