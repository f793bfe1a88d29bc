"""`vaedyn plot collapse`."""

import logging
from pathlib import Path
from typing import Any

import click

from vaedyn.data.collapse import collapse
from vaedyn.model.quantities import CONSTANTS

from ..data import DATA, DATA_OPTIONS
from ..epochs import EPOCHS_OPTION
from ..ondata import prepare
from ..options import (
    OUTPUT_OPTIONS,
    RECOMPUTE_OPTIONS,
    STORE_OPTIONS,
    Command,
    add,
    option,
)
from ..output import print_json
from ..session import Session
from ..values import WholeNumber
from .picture import PICTURE, checked, say_if_empty

log = logging.getLogger("vaedyn.cli")
FIGURE_OPTIONS = [
    *DATA_OPTIONS,
    EPOCHS_OPTION,
    option(
        "Model",
        "--latent",
        type=click.IntRange(1),
        default=None,
        help="Number of latents M.",
        show_default="one for each signal",
    ),
    option(
        "Model",
        "--lam",
        type=float,
        default=0.0,
        help=f"{CONSTANTS['lam'].plain}, of W and V.",
    ),
    option(
        "Model",
        "--lr",
        type=float,
        default=None,
        help=f"{CONSTANTS['lr'].plain}, in units in which the largest variance is 1.",
        show_default="at most 0.2, less at small beta",
    ),
    option(
        "Model",
        "--t-max",
        type=float,
        default=None,
        help="Training time at each beta, in units of N SGD steps.",
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
        help="Number of values of beta at which to train.",
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
    how: dict[str, Any],
    simulations: int,
    seed: int,
    output: Path | None,
    look: Any,
    **model: Any,
) -> None:
    """Draw how latents collapse on your data as beta rises: predicted, and by SGD on the rows.

    Values of the KL weight beta go from below the noise level to beyond the largest variance.
    A latent is active where its KL is above 0; a measured one, above 0.01 nats.
    """
    name = f"collapse_{Path(place.partition(':')[0]).stem}.pdf"
    look.check("log", "linear")
    target = checked(output or Path(name))
    found, settings = prepare(session, place, model, how)
    asked = {**settings, "simulations": simulations, "seed": seed, "store": session.store}
    with session.progress("train on the data", "steps") as progress:
        result = collapse(found, **asked, progress=progress)
    slow, missed = result.trainings[0].slowed, result.missed
    if slow:
        log.info(slow)
    if missed:
        others = f" ({len(missed) - 1} other values of beta: see --json)"
        log.warning(missed[0] + others * (len(missed) > 1))

    from vaedyn.figures import collapse as figures_collapse
    from vaedyn.figures.style import save

    sources = [each.trajectory.source for each in result.trainings]
    keys = [source.key for source in sources if source]
    drawn = figures_collapse.collapse(result, look)
    say_if_empty(drawn)
    save(drawn, target, keywords=keys)
    if not session.as_json:
        click.echo(target)
        return
    kl = {"predicted": result.predicted.tolist(), "measured": result.measured.tolist()}
    data = {"command": "plot collapse", "output": str(target), "keys": keys}
    data |= {"beta": result.beta.tolist(), "kl_per_latent": kl, "epochs": found.epochs}
    print_json({**data, "warnings": [*found.analysis.warnings, *missed]})
