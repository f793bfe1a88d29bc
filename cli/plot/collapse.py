"""`vaedyn plot collapse`."""

import logging
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaedyn.data.settling import ALIKE

from ..data import DATA, DATA_OPTIONS
from ..ondata import chosen, disagreement, predicted, prepare, slowed, trained
from ..options import (
    OUTPUT_OPTIONS,
    RECOMPUTE_OPTIONS,
    STORE_OPTIONS,
    Command,
    WholeNumber,
    add,
    option,
)
from ..output import print_json
from ..session import Session
from .picture import PICTURE, checked, say_if_empty

log = logging.getLogger("vaedyn.cli")
SHARE = 0.2  # of the time of one training, for each value of beta
FIGURE_OPTIONS = [
    *DATA_OPTIONS,
    option(
        "Model",
        "--latent",
        type=click.IntRange(1),
        default=None,
        help="Number of latents M.",
        show_default="one for each signal",
    ),
    option("Model", "--lam", type=float, default=0.0, help="Weight decay lambda, of W and V."),
    option(
        "Model",
        "--lr",
        type=float,
        default=None,
        help="Learning rate tau, in units in which the largest variance is 1.",
        show_default="at most 0.2, less at small beta",
    ),
    option(
        "Model",
        "--t-max",
        type=float,
        default=None,
        help="How long is trained at each beta, in units of N SGD steps.",
        show_default="until all has settled, or about 6 seconds",
    ),
    option(
        "Model", "--init-seed", type=WholeNumber(), default=0, help="Seed of the gaussian start."
    ),
    option(
        "Numerics",
        "--simulations",
        type=click.IntRange(2),
        default=10,
        help="Number of values of beta that are trained at.",
    ),
    option(
        "Numerics",
        "--seed",
        type=click.IntRange(0),
        default=0,
        help="Seed of the shuffling of the rows.",
    ),
    *PICTURE,
]


def in_short(why: str | None) -> str | None:
    """Return in a few words why measured and predicted KL differ."""
    if why is None:
        return None
    if "stay mixed" in why:
        return "latents still mixed"
    if "at the end beta is" in why:
        return "beta still changes"
    return "not settled yet" if "not settled" in why else "not settled, or SGD's noise"


@click.command(
    "collapse",
    cls=Command,
    examples=[
        "vaedyn plot collapse data.npy --latent 8 -o collapse.pdf",
        "vaedyn plot collapse data.csv --standardise --spikes 3",
    ],
)
@DATA
@add(FIGURE_OPTIONS, STORE_OPTIONS, RECOMPUTE_OPTIONS, OUTPUT_OPTIONS)
def command(
    session: Session,
    place: str,
    standardise: bool,
    estimator: str,
    spikes: int | None,
    simulations: int,
    seed: int,
    output: Path | None,
    look: Any,
    **model: Any,
) -> None:
    """Draw how latents collapse on your data as beta rises: predicted, and by SGD on the rows.

    Values of beta go from below the noise level to beyond the largest variance.
    """
    name = f"collapse_{Path(place.partition(':')[0]).stem}.pdf"
    look.check("log", "linear")
    target = checked(output or Path(name))
    it = prepare(session, place, model, standardise, estimator, spikes)
    spectrum, eta = it.data.spectrum, it.data.prediction.eta
    floor = it.data.analysis.no_floor is None
    betas = np.geomspace(0.5 * eta, 1.3 * spectrum.eigenvalues[0], simulations)
    betas = np.array([float(f"{beta:.4g}") for beta in betas])
    points = [chosen(it, beta, SHARE) for beta in betas.tolist()]
    runs = [trained(session, it, params, seed) for params in points]
    measured = np.array([np.sort(run.info["kl"])[::-1] for run in runs])
    found = {p.beta: disagreement(it, p, kl) for p, kl in zip(points, measured, strict=True)}
    warnings = [f"at beta = {beta:g} {why}" for beta, why in found.items() if why]
    slow = slowed(it, float(betas[0]))
    if slow:
        log.info(slow)
    if warnings:
        others = f" ({len(warnings) - 1} other values of beta: see --json)"
        log.warning(warnings[0] + others * (len(warnings) > 1))

    from vaedyn.figures.collapse import collapse
    from vaedyn.figures.layout import dress
    from vaedyn.figures.style import save

    fine = np.geomspace(betas[0], betas[-1], 2000)
    lines = np.array([predicted(it, points[0], beta) for beta in fine.tolist()])
    keys = [run.source.key for run in runs if run.source]
    drawn = collapse(
        fine,
        lines,
        betas,
        measured,
        eta if floor else None,
        ALIKE,
        reasons=[in_short(found[p.beta]) for p in points],
        caption=rf"{spectrum.samples} rows, $N = {spectrum.dim}$, $M = {points[0].latent}$, "
        rf"$\lambda = {points[0].lam:g}$",
    )
    dress(drawn, look)
    say_if_empty(drawn)
    save(drawn, target, keywords=keys)
    if not session.as_json:
        click.echo(target)
        return
    expected = [predicted(it, params).tolist() for params in points]
    kl = {"predicted": expected, "measured": measured.tolist()}
    data = {"command": "plot collapse", "output": str(target), "keys": keys}
    data |= {"beta": betas.tolist(), "kl_per_latent": kl}
    print_json({**data, "warnings": [*it.data.analysis.warnings, *warnings]})
