"""What training on the same rows again and again leads to."""

import numpy as np

from ..fixedpoints.trained_on_rows import TrainedOnRows
from ..model.quantities import active
from .listing import Listing, Table, number

LIMIT = "for large N and, after it, small learning rates: at a larger one the state is another"


def table(*results: TrainedOnRows) -> Table:
    """Return a line for each latent; a second result is that on fresh data, for comparison."""
    found = []
    for i, signal in enumerate(results[0].signals):
        cells = ["noise" if signal < 0 else f"signal {signal + 1}"]
        if results[0].Q[i, i] == 0:
            cells = ["nothing: collapsed"]
        for each in results:
            values = [each.eigenvalues, each.overlaps, np.diag(each.Q), each.kl_on_rows]
            if each is not results[0]:
                del values[1]  # on fresh data directions are the true ones
            cells += [number(float(x[i])) for x in values]
        found.append(cells)
    columns = ["latent on", "variance", "overlap^2", "Q", "KL", "fresh: variance", "Q", "KL"]
    return Table(columns[: len(found[0])], found)


def summary(*results: TrainedOnRows) -> dict[str, list[str]]:
    """Return what all latents together have come to, by name, a text for each result."""
    return {
        "phase": [each.phase for each in results],
        "eps_g on fresh data": [number(float(each.eps_g)) for each in results],
        "KL on the data of training": [number(float(each.kl_on_rows.sum())) for each in results],
        "KL on fresh data": [number(float(each.kl)) for each in results],
        "active units": [str(int(active(each.kl_on_rows))) for each in results],
    }


def remarks(result: TrainedOnRows) -> list[str]:
    """Return what to keep in mind about a state, in words."""
    lines, strengths = [], result.params.strengths.tolist()
    learnable = min(len(strengths), result.params.latent)
    lost = sum(c2 == 0 for c2 in result.overlaps[:learnable].tolist())
    if lost:
        what = "signal is" if lost == 1 else "signals are"
        lines.append(f"{lost} {what} lost in the noise of so few rows: no beta learns more of it")
    elif len(set(strengths)) < len(strengths):
        lines.append("the rows mix signals of equal strength by a rotation: eps_g is up to that")
    return lines


def listing(result: TrainedOnRows) -> Listing:
    """Return what is shown of the state that training on rows leads to."""
    first = f"{result.phase}: eps_g = {number(float(result.eps_g))} on fresh data"
    rows = [[name, *cells] for name, cells in summary(result).items()]
    size = f"{result.params.samples} rows of" if result.params.samples else "fresh rows of"
    lines = [f"trained on {size} {result.params.dim} entries; {LIMIT}", *remarks(result)]
    return Listing(first, [table(result), Table(["", "rows"], rows)], lines)
