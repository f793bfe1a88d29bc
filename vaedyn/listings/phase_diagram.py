"""How much of a phase diagram each phase takes up."""

from ..fixedpoints.phase_diagram import PhaseDiagram
from .listing import Listing, Table, number


def table(result: PhaseDiagram) -> Table:
    """Return the share of each phase, and the range of its error."""
    rows = []
    for n, name in enumerate(result.names):
        chosen = result.phase == n
        if chosen.any():
            eps_g = result.eps_g[chosen]
            share = f"{100 * chosen.mean():.4g} %"
            rows.append([name, share, number(eps_g.min()), number(eps_g.max())])
    return Table(["phase", "share of the map", "eps_g from", "to"], rows)


def listing(result: PhaseDiagram) -> Listing:
    """Return what is shown of a phase diagram."""
    shown = table(result)
    name, share = max(shown.rows, key=lambda cells: float(cells[1].split()[0]))[:2]
    axes = [
        f"{axis} from {number(x[0])} to {number(x[-1])} ({len(x)} values)"
        for axis, x in ((result.x_name, result.x), (result.y_name, result.y))
    ]
    first = f"mostly {name}, {share} of {axes[0]} and {axes[1]}"
    several = (result.stable > 1).mean()
    said = f"several fixed points are stable at {100 * several:.4g} % of the points: the start "
    lines = [f"{said}decides which attracts"] if several else []
    return Listing(first, [shown], lines)
