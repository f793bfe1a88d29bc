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
WHICH = {
    "many": "the eigenvalue of the rows counts, as they are used again and again; on ever fresh "
    "data the population's would (--epochs one)",
    "one": "the population's eigenvalue rho + eta counts, as every sample is fresh; in many "
    "epochs that of the rows would (--epochs many)",
}
"""Which threshold counts when, in a line."""
