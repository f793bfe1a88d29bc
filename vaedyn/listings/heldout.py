"""How rows held out are scored at each KL weight, and which is best."""

from math import isclose

from ..data.convention import Convention
from ..data.heldout import Heldout, Score
from ..data.prediction import steps
from .listing import Listing, Table, counted, number, with_error

LEFT = 1e-3  # of the mean variance: where the table begins at the earliest
EDGE = (
    "no best KL weight: the likelihood still rises at the smallest one that was tried; rows vary "
    "hardly at all in some directions, as with columns that are nearly combinations of others"
)


def listed(
    found: Heldout, factor: float = 1.0, beta: float | None = None
) -> list[tuple[Score, str]]:
    """Return scores at round KL weights and those that matter, ascending, and why they do."""
    values = found.folds.variances
    least = max(float(values[values > 0].min()), LEFT * float(found.folds.total.mean()) / found.dim)
    low, high = min(least, found.best.beta / 3), float(values.max())
    marked = [(found.simplest, "simplest"), (found.best, "best")]
    if beta is not None:
        marked.append((found.score(beta), "yours"))
    known = {score.beta: (score, mark) for score, mark in marked}
    for weight in steps(factor * low, factor * high):
        if not any(isclose(weight / factor, each) for each in known):
            known[weight / factor] = (found.score(weight / factor), "")
    return [known[each] for each in sorted(known)]


def table(
    scores: list[tuple[Score, str]], convention: Convention | None = None, factor: float = 1.0
) -> Table:
    """Return what happens at each KL weight."""
    heading = ["KL weight" if convention else "KL weight beta", "active units"]
    heading += ["explained variance", "squared error", "log likelihood", ""]
    rows = [
        [
            number(factor * each.beta),
            f"{each.active:.3g}",
            f"{100 * each.explained:.1f} +- {100 * each.explained_error:.1f} %",
            with_error(each.squared_error, each.squared_error_error),
            with_error(each.log_likelihood, each.log_likelihood_error),
            mark,
        ]
        for each, mark in scores
    ]
    return Table(heading, rows, [""])


def no_best(found: Heldout) -> str | None:
    """Return why no KL weight is best, if none is."""
    if found.doubts:
        return f"no KL weight is recommended, as {found.doubts[0]}"
    return EDGE if found.unbounded else None


def answer(found: Heldout, convention: Convention | None = None, factor: float = 1.0) -> list[str]:
    """Return in words which KL weight is best, and which the simplest that is not clearly worse."""
    if why := no_best(found):
        return [why]
    lines = []
    for name, each in (
        ("best", found.best),
        ("simplest within one standard error", found.simplest),
    ):
        own = f"KL weight {number(factor * each.beta)} (beta = {number(each.beta)})"
        words = own if convention else f"KL weight beta = {number(each.beta)}"
        lines.append(f"{name}: {words}, {each.active:.3g} active units")
    return lines


def size(found: Heldout) -> str:
    """Return in words what was dealt out, and what likelihoods are of."""
    folds = len(found.folds.rows)
    parts = f"{found.samples} samples in {counted(found.dim, 'dimension')}, {folds} folds"
    return f"{parts}: likelihoods are in nats per row held out"


def listing(found: Heldout) -> Listing:
    """Return what is shown of rows held out."""
    first, *others = answer(found)
    lines = [size(found), *others]
    doubts = found.doubts
    return Listing(first, [table(listed(found))], lines, doubts)
