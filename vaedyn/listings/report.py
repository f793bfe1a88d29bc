"""What a collapse monitor reports: each latent, measured and predicted, and a verdict."""

import numpy as np

from ..data.collapse_monitor import BURDA
from ..data.report import Report
from ..model.quantities import ACTIVE
from .listing import Listing, Table, number

MOST_ROWS = 25


def table(found: Report) -> Table:
    """Return what is measured and predicted of each latent."""
    heading = ["latent", "KL (nats)", "predicted", "variance of mu", "posterior variance"]
    columns = [found.kl_per_latent, found.predicted, found.mean_variance, found.posterior_variance]
    if found.in_force is not None:
        heading.append("beta in force")
        columns.append(found.in_force.per_latent)
    rows = [
        [str(latent + 1), *("-" if each is None else number(each[k]) for each in columns)]
        for k, latent in enumerate(found.order[:MOST_ROWS].tolist())
    ]
    total = ["all", number(found.kl)]
    total.append("-" if found.predicted_kl is None else number(found.predicted_kl))
    rows.append([*total, *[""] * (len(heading) - 3)])
    return Table(heading, rows, more=max(len(found.order) - MOST_ROWS, 0))


def summary(found: Report) -> list[str]:
    """Return in words how many units are active, and which beta is in force."""
    units = f"active units: {found.active_kl} with KL above {ACTIVE:g} nats, "
    units += f"{found.active_variance} with a variance of mu above {BURDA:g}; "
    guess = " (a first guess)" if found.predicted is None else ""
    lines = [f"{units}{found.predicted_active} predicted{guess}"]
    if found.in_force is not None and np.isfinite(found.in_force.beta):
        force = f"beta in force: {number(found.in_force.beta)}"
        if np.isfinite(found.in_force.spread):
            force += f", spread {100 * found.in_force.spread:.1f} % among active units"
        lines.append(f"{force}; yours is {number(found.beta)}")
    return lines


def verdict(found: Report) -> str:
    """Return the verdict and its advice."""
    return f"{found.verdict}: {found.advice}"


def listing(found: Report) -> Listing:
    """Return what is shown of a report."""
    notes = [f"note: {text}" for text in found.notes]
    return Listing(verdict(found), [table(found)], [*summary(found), *notes])
