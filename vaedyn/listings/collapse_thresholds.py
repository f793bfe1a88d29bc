"""At which KL weights latents of another likelihood come alive."""

from collections.abc import Sequence

from ..data.collapse_thresholds import CollapseThresholds
from .listing import Listing, Table, counted, number

MOST_ROWS = 25
EXACT = (
    "exact: total collapse is stable above the first beta, and unstable below it; one latent "
    "grows out of it for each value above your beta, in this order (for smooth networks with a "
    "bias in the decoder that contain the linear ones)"
)
GUESS = (
    "a first guess only: how many units are active far below the first beta, as each changes what "
    "is left for the others; not derived for this likelihood: KL and explained variance"
)
NO_MINIMUM = (
    "below beta = 1 the loss has no minimum: a latent may copy a column, whose variance goes to 0"
)


def table(betas: Sequence[float], factor: float = 1.0, heading: str = "grows below beta") -> Table:
    """Return a value of beta for each latent, and the KL weight that it stands for."""
    rows = []
    for k, beta in enumerate(betas[:MOST_ROWS]):
        own = [] if factor == 1 else [number(float(beta) * factor)]
        rows.append([str(k + 1), number(float(beta)), *own])
    names = [] if factor == 1 else ["KL weight"]  # where they are not the same as beta
    return Table(["latent", heading, *names], rows, more=max(len(betas) - MOST_ROWS, 0))


def summary(found: CollapseThresholds) -> list[str]:
    """Return what the thresholds are of, and how far they hold, in lines."""
    columns = counted(found.dim, "column")
    if found.left_out:
        columns += f", {len(found.left_out)} of them constant and left out"
    named = f"{found.likelihood} likelihood"
    if found.dispersion is not None:
        named += f" of dispersion {found.dispersion:g}"
    lines = [f"{found.samples} samples in {columns}; {named}", EXACT, GUESS]
    return [*lines, *[NO_MINIMUM] * (found.likelihood == "factor")]


def listing(found: CollapseThresholds) -> Listing:
    """Return what is shown of thresholds."""
    first = f"all latents collapse above beta = {number(float(found.eigenvalues[0]))}"
    return Listing(first, [table(found.eigenvalues.tolist())], summary(found), found.warnings)
