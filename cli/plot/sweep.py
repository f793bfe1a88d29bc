"""`vaedyn plot sweep`."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.errors import ConvergenceError, did_you_mean
from vaedyn.model.params import Params
from vaedyn.model.quantities import ACTIVE, POINTWISE
from vaedyn.sweeps.points import COMMANDS
from vaedyn.sweeps.sweep import Sweep, sweep

from ..advice import TOL
from ..complete import words
from ..grids import Varied, VariedType, by_name, note_counts
from ..model_options import refuse_counted, with_model
from ..options import (
    SIMULATION_OPTIONS,
    THEORY_OPTIONS,
    Command,
    option,
)
from ..output import without_records
from ..pointwise import report
from ..session import Session
from .picture import PICTURE, output_path, say_if_empty

log = logging.getLogger("vaedyn.cli")
ONLY_OF = {
    "relaxation_time": "fixedpoints", "max_eigenvalue": "fixedpoints", "t_converge": "convergence",
}  # fmt: skip
VARY = option(
    "Numerics",
    "--vary",
    type=VariedType(),
    multiple=True,
    default=("beta=0.1:2.5:49",),
    help="Parameters that vary, one or two, as for `vaedyn sweep`.",
)
OF = option(
    "Numerics",
    "--of",
    type=click.Choice([*COMMANDS]),
    default="theory",
    help="Computation at every point.",
)
MANY = 13  # values of both parameters from which on there is a map
KIND = option(
    "Output",
    "--kind",
    type=click.Choice(["lines", "map"]),
    default=None,
    help="Lines, or a map in colours over both parameters, scaled by --y-scale.",
    show_default=f"a map from {MANY} values of both",
)
SCALES = [
    option(
        "Output", f"--{axis}-scale", type=click.Choice(["linear", "log"]), default="linear",
        help=f"The {axis} axis.",
    )
    for axis in "xy"
]  # fmt: skip


@click.command(
    "sweep",
    cls=Command,
    examples=[
        "vaedyn plot sweep --vary beta=0.1:2.5:49 --y eps_g -o sweep.pdf",
        "vaedyn plot sweep --vary beta=0.1:2.5:25 --vary lr=0.01,0.1,0.5 --of fixedpoints",
        "vaedyn plot sweep --of simulate --vary dim=100,1000,10000 --y eps_g --x-scale log",
        "vaedyn plot sweep --of convergence --y t_converge --vary beta=0.1:2.5:49",
    ],
)
@with_model(
    THEORY_OPTIONS,
    SIMULATION_OPTIONS,
    [
        VARY,
        OF,
        TOL,
        option(
            "Output",
            "--x",
            default=None,
            shell_complete=words(VariedType().names),
            help="Parameter on the x axis.",
            show_default="the first",
        ),
        option(
            "Output",
            "--y",
            type=click.Choice(POINTWISE),
            default="eps_g",
            help=f"Quantity to draw; a latent is active above {ACTIVE:g} nats of KL divergence.",
        ),
        option(
            "Output",
            "--hue",
            default=None,
            shell_complete=words(VariedType().names),
            help="Parameter with a line for each of its values.",
            show_default="the second",
        ),
        KIND,
        *SCALES,
        *PICTURE,
    ],
)
def command(
    session: Session,
    params: Params,
    vary: tuple[Varied, ...],
    of: str,
    x: str | None,
    y: str,
    hue: str | None,
    kind: str | None,
    x_scale: str,
    y_scale: str,
    output: Path | None,
    look: Any,
    ensemble: dict[str, Any],
    rtol: float,
    atol: float,
    tol: float,
) -> None:
    """Draw where learning ends over one parameter, with a line for each value of a second one.

    Of several latents the largest in size is drawn. Points that are stored are
    reused, the others computed and kept, as by `vaedyn sweep`. Where two parameters
    take many values each, a map in colours says more than lines do.
    """
    varied = by_name(vary)
    refuse_counted(varied)
    x, hue = _axes(varied, x, hue)
    mapped = hue if _is_map(varied, x, hue, kind) else None
    look.check(*(_spacings(varied, x, mapped) if mapped else (x_scale, y_scale)))
    _suited(of, y)
    if x_scale == "log" and min(varied[x]) <= 0:
        reason = f"a logarithmic axis needs values above 0, and {x} has {min(varied[x]):g}"
        raise click.BadParameter(reason, param_hint="--x-scale")
    marks = {"of": of, "x": x, "y": y, "hue": hue, "kind": kind, "tol": tol}
    chosen = output_path("sweep", output, params, {k: v for k, v in marks.items() if v})
    jobs = ensemble.pop("jobs")
    used: dict[str, Any] = ensemble if of == "simulate" else {"rtol": rtol, "atol": atol}
    used |= {"tol": tol} if of == "convergence" else {}
    with without_records(), session.progress(f"sweep {of}", "points") as progress:
        result = sweep(
            of,
            params,
            varied,
            store=session.store,
            jobs=jobs,
            progress=progress,
            **used,
        )
    note_counts(vary)
    _tell(result)

    from vaedyn.figures.maps import across
    from vaedyn.figures.style import save
    from vaedyn.figures.sweep import along

    keys = [outcome.key for outcome in result.outcomes if outcome.key]
    values = result.points, result.values(y)
    looks: Any = {"at_end": of in ("theory", "simulate"), "look": look}
    if y_scale == "log" and not mapped:
        y_scale = _possible_scale(y, result.values(y))
    if mapped:
        drawn = across(*values, x, mapped, y, scale=y_scale, **looks)
    else:
        drawn = along(*values, x, y, hue, x_scale=x_scale, y_scale=y_scale, **looks)
    say_if_empty(drawn)
    save(drawn, chosen, keywords=keys)
    session.answer({"command": "plot sweep", "output": str(chosen), "keys": keys}, chosen)
    if result.failed:
        raise click.exceptions.Exit(1)


def _axes(varied: dict[str, list[Any]], x: str | None, hue: str | None) -> tuple[str, str | None]:
    """Return the parameter on the x axis, and that with a line for each value, if any."""
    if len(varied) > 2:
        raise click.UsageError("expected --vary once or twice")
    names = [*varied]
    for mark, chosen in (("--x", x), ("--hue", hue)):
        if chosen is not None and chosen not in names:
            expected = (
                f"expected one of {', '.join(names)}, got {chosen!r}{did_you_mean(chosen, names)}"
            )
            raise click.BadParameter(expected, param_hint=mark)
    x = x or next(one for one in names if one != hue)
    hue = hue or next((one for one in names if one != x), None)
    if not all(isinstance(value, (int, float)) for value in varied[x]):
        raise click.BadParameter(f"{x} is not a number each: draw it by --hue", param_hint="--x")
    return x, hue


def _spacings(varied: dict[str, list[Any]], x: str, y: str) -> list[str]:
    """Return the scales of a map's axes."""
    from vaedyn.figures.phase_diagram import spacing

    return [spacing(np.unique(np.array(varied[name], float))) for name in (x, y)]


def _is_map(varied: dict[str, list[Any]], x: str, hue: str | None, kind: str | None) -> bool:
    """Return whether a map is to be drawn."""
    if kind == "lines" or (kind is None and hue is None):
        return False
    if hue is None:
        raise click.BadParameter("a map needs --vary twice", param_hint="--kind")
    numbers = all(isinstance(value, (int, float)) for value in varied[hue])
    fewest = min(len(set(varied[name])) for name in (x, hue))
    if kind is None:
        return numbers and fewest >= MANY
    if not numbers or fewest < 2:
        reason = f"a map needs numbers, two of each at least: {x} and {hue} have not"
        raise click.BadParameter(reason, param_hint="--kind")
    return True


def _suited(of: str, y: str) -> None:
    """Refuse quantities that the computation does not have."""
    if of != (needed := ONLY_OF.get(y, of)):
        raise click.BadParameter(f"{y} needs --of {needed}", param_hint="--y")
    if of == "convergence" and y not in ("t_converge", "eps_g"):
        raise click.BadParameter("convergence has t_converge and eps_g", param_hint="--y")


def _possible_scale(y: str, values: Sequence[Any]) -> str:
    """Return log, or linear where no number could be drawn; say what is missing on the axis."""
    means = [np.ravel(x["mean"] if isinstance(x, dict) else x) for x in values if x is not None]
    # of several latents the largest in size is drawn
    drawn = [float(np.abs(x).max() if len(x) > 1 else x[0]) for x in means]
    lost = sum(x <= 0 for x in drawn)
    if drawn and lost == len(drawn):
        log.warning("%s is above 0 at no point: the axis is linear, not logarithmic", y)
        return "linear"
    if lost:
        log.warning("at %d of %d points %s is not above 0, and not drawn", lost, len(drawn), y)
    return "log"


def _tell(result: Sweep) -> None:
    """Say how many points were computed, and which have no result.

    Raises
    ------
    ConvergenceError
        When none has.
    """
    report(result)
    if result.failed == len(result.points):
        raise ConvergenceError("there is nothing to draw: no point has a result")
