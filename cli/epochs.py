"""The option that says whether rows are used again and again."""

import click

from vaedyn.data.prediction import EPOCHS

from .options import option

EPOCHS_OPTION = option(
    "Model",
    "--epochs",
    type=click.Choice(EPOCHS),
    default=EPOCHS[0],
    help="Rows are used in many epochs, so that a latent lives if their own eigenvalue is above "
    "beta; or samples are ever fresh, as in one epoch: then the population's eigenvalue counts.",
)
WHICH = {
    "many": "the eigenvalue of the rows counts, as they are used again and again; on ever fresh "
    "data the population's would (--epochs one)",
    "one": "the population's eigenvalue rho + eta counts, as every sample is fresh; in many "
    "epochs that of the rows would (--epochs many)",
}
"""Which threshold counts when, in a line."""
