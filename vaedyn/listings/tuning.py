"""The best schedule of beta, beside a constant one, and whether it helps."""

from ..annealing.best_schedule import Tuning
from ..annealing.confirm import Confirmation
from ..annealing.criterion import ELBO
from ..data.warm_up import WarmUp
from .listing import Listing, Table, number

WORTH_IT = 1.05  # a smaller gain is no help


def table(found: Tuning) -> Table:
    """Return times under the schedules of a model."""
    rows = [
        ["constant", number(found.constant), "1"],
        [
            found.spec if len(found.spec) < 40 else found.family,
            number(found.time),
            f"{found.gain:.4g}",
        ],
        ["the same, off by a tenth", number(found.off), number(found.constant / found.off)],
    ]
    return Table(["beta(t)", "converged at t", "gain"], rows)


def said(found: Tuning) -> list[str]:
    """Return when learning has converged, in lines, where that is by the loss."""
    if found.criterion != ELBO:
        return []
    return [
        "converged: the loss, distortion + beta KL at the final beta, stays within "
        f"{found.tol:g} of its final value"
    ]


def helps(found: Tuning, measured: Confirmation | None = None) -> bool:
    """Return whether annealing helps in theory, and in simulations within two standard errors."""
    if found.gain < WORTH_IT:
        return False
    return measured is None or measured.gain + 2 * measured.error >= WORTH_IT


def verdict(found: Tuning, measured: Confirmation | None = None) -> str:
    """Return in words whether annealing helps."""
    if found.gain < WORTH_IT:
        return f"annealing does not help here: no {found.family} schedule gains {WORTH_IT - 1:.0%}"
    if not helps(found, measured):
        return f"annealing does not help at N = {found.params.dim}: the runs do not gain"
    if not found.constant / found.off >= 1 + 0.5 * (found.gain - 1):
        return (
            "annealing helps, but more than half of the gain is lost if the pace is off by a tenth"
        )
    return "annealing helps"


def warm_up_table(best: WarmUp) -> Table:
    """Return times under the warm-ups for training on a table."""
    rows = [_row("constant", best.constant, best), _row(best.spec, best.time, best)]
    if best.spec != "constant":
        rows.append(_row("the same, off by a tenth", best.off, best))
    return Table(["beta(t)", "converged at t", "SGD steps", "epochs", "gain"], rows)


def _row(name: str, time: float, best: WarmUp) -> list[str]:
    steps, epochs = best.steps(time), best.epochs(time)
    cells = [number(time), f"{steps:.0f}", f"{epochs:.3g}", f"{best.constant / time:.4g}"]
    return [name, *(cell if cell != "nan" else "-" for cell in cells)]


def converged(best: WarmUp) -> str:
    """Return in words when learning has converged."""
    return (
        f"converged: the loss, distortion + beta KL on the rows, stays within {100 * best.tol:.3g} "
        "% of its final value"
    )


def warm_up_verdict(best: WarmUp) -> str:
    """Return in words whether a warm-up helps."""
    if best.gain < WORTH_IT:
        return f"a warm-up does not help here: no {best.family} one gains {WORTH_IT - 1:.0%}"
    constant, annealed = best.torch.tolist()
    text = f"a warm-up helps, from standard normal weights: {best.gain:.3g} times sooner"
    if constant == constant:  # not nan
        gain = constant / annealed
        same = "it does not" if gain < WORTH_IT else f"{gain:.3g} times"
        text += f"; from PyTorch's default start {same}"
    return text


def listing(found: Tuning | WarmUp) -> Listing:
    """Return what is shown of a schedule."""
    schedule = f"beta = {number(found.params.beta)}, anneal = {found.spec!r}"
    if isinstance(found, WarmUp):
        return Listing(warm_up_verdict(found), [warm_up_table(found)], [converged(found), schedule])
    return Listing(verdict(found), [table(found)], [*said(found), schedule])
