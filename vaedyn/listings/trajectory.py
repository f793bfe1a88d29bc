"""The last row of a trajectory: of theory, of an ensemble, or of bands."""

import numpy as np

from ..learning.bands import Bands
from ..model.results import Trajectory
from .listing import Listing, Table, number, state_rows

ARRAYS = "as an array"  # where large matrices are, in Python


def mean_and_std(values: np.ndarray) -> list[np.ndarray]:
    """Return mean and standard deviation over runs at the last time; nan for a single run."""
    last = values[:, -1]
    std = last.std(axis=0, ddof=1) if len(last) > 1 else np.full(last.shape[1:], np.nan)
    return [last.mean(axis=0), std]


def of_runs(result: Trajectory, elsewhere: str = "see --json") -> Table:
    """Return mean and spread over the runs of a simulation, (runs, times), at the last time."""
    columns = [f"t = {result.t[-1]:g}", f"mean of {len(result.eps_g)}", "std"]
    return Table(columns, state_rows(result, mean_and_std, elsewhere))


def of_line(result: Trajectory, heading: str = "theory", elsewhere: str = "see --json") -> Table:
    """Return the last row of a trajectory without runs, (times,)."""
    return Table(
        [f"t = {result.t[-1]:g}", heading], state_rows(result, lambda x: [x[-1]], elsewhere)
    )


def listing(result: Trajectory) -> Listing:
    """Return what is shown of a trajectory."""
    if isinstance(result, Bands):
        heading = f"std at N = {result.params.dim}"
        first = f"runs stray from theory by {number(result.eps_g[-1])} in eps_g at the end"
        warnings = [result.warning] if result.warning else []
        return Listing(first, [of_line(result, heading, ARRAYS)], warnings=warnings)
    if result.eps_g.ndim == 1:
        first = _ends_at(result.eps_g[-1], result.kl[-1])
        return Listing(first, [of_line(result, elsewhere=ARRAYS)])
    mean, runs = result.eps_g[:, -1].mean(), len(result.eps_g)
    first = _ends_at(mean, result.kl[:, -1].mean())
    return Listing(
        first + (f", on average over {runs} runs" if runs > 1 else ""), [of_runs(result, ARRAYS)]
    )


def _ends_at(eps_g: float, kl: float) -> str:
    return f"the generalisation error ends at eps_g = {number(eps_g)}, the KL at {number(kl)} nats"
