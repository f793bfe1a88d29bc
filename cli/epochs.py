"""The option that says whether rows are used again and again."""

import click

from vaedyn.data.prediction import EPOCHS

from .options import option

EPOCHS_OPTION = option(
    "Model",
    "--epochs",
    type=click.Choice(EPOCHS),
    default=EPOCHS[0],
    help="many: rows are used again and again, and a latent is active if their eigenvalue is above "
    "beta. one: every sample is fresh, and the population's eigenvalue counts.",
)
