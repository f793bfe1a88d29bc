"""`vaedyn sweep`: one subcommand a computation, over a grid of models."""

import logging
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from vaedyn.errors import ClusterError, WorkerError
from vaedyn.machine import cores
from vaedyn.model.params import integer
from vaedyn.sweeps.grids import MODEL, Point
from vaedyn.sweeps.points import COMMANDS, Outcome
from vaedyn.sweeps.sweep import Sweep, sweep

from .advice import TOL
from .dryrun import planned, print_plan
from .fixedpoints import GROUPS
from .grids import COUNT as VALUES
from .grids import ShardType, Varied, VariedType, by_name, note_counts, shard_of
from .model_options import MODEL_OPTIONS, SAMPLES, refuse_counted, rows_counted
from .options import (
    ENSEMBLE_OPTIONS,
    OUTPUT_OPTIONS,
    RECOMPUTE_OPTIONS,
    STORE_OPTIONS,
    THEORY_OPTIONS,
    Command,
    Group,
    add,
    option,
)
from .output import without_records
from .pointwise import csv_text, print_json_points, print_points, report, save_csv
from .session import Session
from .target import target
from .values import WholeNumber

log = logging.getLogger("vaedyn.cli")

SWEEP_OPTIONS = [
    option(
        "Sweep",
        "--jobs",
        type=WholeNumber(1),
        help="Number of processes.",
        show_default="all cores",
    ),
    option(
        "Sweep",
        "--shard",
        type=ShardType(),
        help="Only the I-th of N equal parts of the grid; a Slurm array's task takes its own "
        "if this is not given (1/1 for the whole grid).",
    ),
    option(
        "Sweep",
        "--scheduler",
        metavar="ADDRESS",
        help="Compute on the workers of this Dask scheduler, which must see the same --store.",
    ),
    option(
        "Sweep",
        "--dry-run",
        is_flag=True,
        help="Compute nothing: show which points are stored, and how long the rest would take.",
    ),
    option(
        "Output",
        "--csv",
        "csv_path",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help="Also write one line a point to this file; '-' prints it in place of the table.",
    ),
]


def _vary(name: str) -> Callable:
    options = COMMANDS[name].varied
    return option(
        "Sweep",
        "--vary",
        type=VariedType(options),
        multiple=True,
        required=True,
        help="Values of a parameter: evenly spaced from START to STOP, with log: before them of "
        f"constant ratio ({VALUES} values if there is no COUNT), or a list (of --anneal with "
        "';', of several signals' strengths as rho=3/1,4/2). Given several times: all "
        "combinations, the first name slowest.",
    )


@click.group("sweep", cls=Group)
def command() -> None:
    """Compute every point of a grid of models, and reuse stored ones."""


def _subcommand(name: str, groups: list[list[Callable]], examples: list[str]) -> Callable:
    """Return a decorator that makes a subcommand with the options of the command `name`."""

    def decorate(function: Callable) -> click.Command:
        options = [[*MODEL_OPTIONS, SAMPLES], *groups, [_vary(name), *SWEEP_OPTIONS]]
        described = add(*options, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)(function)
        return command.command(name, cls=Command, examples=examples)(described)

    return decorate


def _run(
    session: Session,
    name: str,
    vary: tuple[Varied, ...],
    jobs: int | None,
    shard: tuple[int, int] | None,
    scheduler: str | None,
    dry_run: bool,
    csv_path: Path | None,
    **options: Any,
) -> None:
    """Sweep, and report the result."""
    varied = by_name(vary)
    _check_output(session, csv_path, dry_run)
    refuse_counted(varied)
    options = rows_counted(options)
    base = {key: options.pop(key) for key in MODEL}
    numerics = {key: value for key, value in options.items() if key not in varied}
    numerics["shard"] = shard_of(shard, os.environ)
    if dry_run:
        found = planned(
            name,
            base,
            varied,
            store=session.reader,
            anew=session.recompute,
            **numerics,
        )
        print_plan(session, name, found, cores() if jobs is None else integer("jobs", jobs, 1))
        note_counts(vary)
        return
    if scheduler:  # workers of a cluster stand in other folders
        session = replace(session, store_path=session.store_path.resolve())
    numerics |= {"jobs": jobs, "scheduler": scheduler}
    result = _swept(session, name, base, varied, csv_path, **numerics)
    if session.as_json:
        print_json_points(result)
    elif csv_path != Path("-") and result.points:
        print_points(result)
    _write(result, csv_path)
    note_counts(vary)
    _tell(result)
    if result.failed:
        raise click.exceptions.Exit(1)


def _check_output(session: Session, csv_path: Path | None, dry_run: bool) -> None:
    if csv_path and dry_run:
        raise click.UsageError("--dry-run computes nothing that --csv could write: leave one out")
    if csv_path == Path("-"):
        if session.as_json:
            raise click.UsageError("--json and --csv - both print on stdout")
    elif csv_path:
        target(csv_path, "--csv")


def _write(result: Sweep, csv_path: Path | None) -> None:
    if csv_path == Path("-"):
        click.echo(csv_text(result), nl=False)
    elif csv_path:
        save_csv(csv_text(result), csv_path)


def _swept(
    session: Session, name: str, base: dict, varied: dict, csv_path: Path | None, **options: Any
) -> Sweep:
    """Run a sweep under a bar; when it is stopped, keep finished points and count them."""
    there: dict[int, tuple[Point, Outcome]] = {}
    total = 0
    with without_records(), session.progress(f"sweep {name}", "points") as show:

        def progress(done: float, wanted: float) -> None:
            nonlocal total
            total = wanted
            show(done, wanted)

        def each(place: int, point: Point, outcome: Outcome) -> None:
            there[place] = point, outcome

        try:
            return sweep(
                name, base, varied, store=session.store, progress=progress, each=each, **options
            )
        except (KeyboardInterrupt, SystemExit, WorkerError, ClusterError):
            if total:
                log.warning(
                    "at least %d of %d points are stored: the same command goes on",
                    len(there),
                    total,
                )
                points, outcomes = zip(*(there[place] for place in sorted(there)), strict=True)
                _write(Sweep(name, varied, [*points], [*outcomes]), csv_path)
            raise


def _tell(result: Sweep) -> None:
    """Say how many points were computed, reused, and failed."""
    if result.points:
        report(result)
        return
    count = math.prod(map(len, result.varied.values()))
    log.info("nothing to do: the grid has %d points, fewer than shards", count)


@_subcommand(
    "theory",
    [THEORY_OPTIONS],
    [
        "vaedyn sweep theory --vary beta=0.1:2:20",
        "vaedyn sweep theory --vary beta=0.1:2:20 --vary lr=log:0.001:0.1:9 --csv theory.csv",
        "vaedyn sweep theory --vary 'anneal=constant;linear:100;tanh:0.01' --json",
    ],
)
def theory(**options: Any) -> None:
    """Integrate the ODE of every model of a grid, and show where each ends.

    Every point is stored like a result of `vaedyn theory`, which reuses it. A sweep
    that was stopped continues where it was. A point that fails is reported, and
    does not stop the others.

    `active` counts latents with more than 0.01 nats of KL divergence.
    """
    _run(name="theory", **options)


@_subcommand(
    "simulate",
    [ENSEMBLE_OPTIONS],
    [
        "vaedyn sweep simulate --vary beta=0.5,1,1.5 --runs 20",
        "vaedyn sweep simulate --vary dim=log:100:10000:3 --vary seed=0:9:10 --shard 1/4",
    ],
)
def simulate(**options: Any) -> None:
    """Train an ensemble of every model of a grid; show mean and spread at the end.

    Every point is stored like a result of `vaedyn simulate`, which reuses it. A sweep
    that was stopped continues where it was. A point that fails is reported, and
    does not stop the others.

    `active` counts latents with more than 0.01 nats of KL divergence.
    """
    _run(name="simulate", **options)


@_subcommand(
    "convergence",
    [THEORY_OPTIONS, [TOL]],
    [
        "vaedyn sweep convergence --vary beta=0.1:2:20",
        "vaedyn sweep convergence --beta 1.5 --vary 'anneal=constant;linear:100;tanh:0.01'",
    ],
)
def convergence(**options: Any) -> None:
    """Find when the theory of every model of a grid converges, and to which error.

    These are the times that `vaedyn theory` prints, whatever --t-max and --points
    are; both keep and reuse the same results. Where learning does not converge, the table says so.
    """
    _run(name="convergence", **options)


@_subcommand(
    "fixedpoints",
    [THEORY_OPTIONS, [GROUPS]],
    [
        "vaedyn sweep fixedpoints --vary beta=0.1:3:30",
        "vaedyn sweep fixedpoints --latent 2 --signal 2 --vary rho=3/1,3/2,3/3 --jobs 2",
    ],
)
def fixedpoints(**options: Any) -> None:
    """Find the fixed point that each model of a grid reaches.

    Every point is stored, with all its fixed points, like a result of `vaedyn
    fixedpoints`, which reuses it. A sweep that was stopped continues where it
    was. A point that fails is reported, and does not stop the others.

    `active` counts latents with more than 0.01 nats of KL divergence.
    """
    _run(name="fixedpoints", **options)
