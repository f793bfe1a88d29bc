"""Fixed points, one a row, and thresholds in words."""

from typing import Any

import numpy as np

from ..fixedpoints.points import FixedPoints
from ..model.quantities import ACTIVE, NAMES, OBSERVABLES
from .listing import Listing, Table, number

MOST_ROWS = 40
MOST_MISSED = 8  # fixed points that a search has not found
NOTHING = 1e-12  # a standard deviation that is a rounding error


def table(result: FixedPoints) -> Table:
    """Return the first fixed points, and the one that is reached."""
    columns = ["fixed point", "phase", "stable", "eps_g", "std", "KL", "std", "time", "copies"]
    columns += [""] if result.found is None else ["found", ""]
    spread = spread_of(result)
    labels = result.labels
    marked = [] if result.reached is None else [result.reached]
    shown = sorted({*range(min(len(labels), MOST_ROWS)), *marked})
    rows = [
        [
            result.types[i],
            labels[i],
            "yes" if result.stable[i] else "marginal" if result.marginal[i] else "no",
            number(result.eps_g[i]),
            _three(spread["eps_g"][i]),
            number(result.kl[i]),
            _three(spread["kl"][i]),
            number(result.relaxation_time[i]),
            "continuum" if result.multiplicity[i] is None else str(result.multiplicity[i]),
            *([] if result.found is None else [str(result.found[i])]),
            "reached" if i == result.reached else "new" if result.new[i] else "",
        ]
        for i in shown
    ]
    return Table(columns, rows, ("phase", "stable", ""), len(labels) - len(rows))


def spread_of(result: FixedPoints) -> dict[str, np.ndarray]:
    """Return the standard deviations around stable points, nan where they are not derived."""
    if result.params.adam:
        return {name: np.full(np.shape(getattr(result, name)), np.nan)
                for name in (*OBSERVABLES, *NAMES)}  # fmt: skip
    return result.std


def _three(value: float) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:.3g}" if value > NOTHING else "0"


def summary(result: FixedPoints) -> list[str]:
    """Return the thresholds, and missing fixed points, in words."""
    found = result.thresholds
    lines = [
        f"signal {k} is not learned by a collapsed latent "
        + (f"above beta = {value:.10g}" if value else "at any beta")
        for k, value in enumerate(found["collapse"], 1)
    ]
    if result.params.sampled or result.params.adam:
        lines.append(_of_noise_that_stays(found))
    elif found["noise"] is None:
        lines.append("a collapsed latent fits background noise at any beta")
    else:
        low, high = (f"{found[name]:.10g}" for name in ("noise", "noise_upper"))
        where = f"between beta = {low} and {high}" if found["noise"] else f"below beta = {high}"
        lines.append(f"background noise is not fitted by a collapsed latent {where}")
    if found["max_lr"] is not None:
        lines.append(f"the point reached is stable up to lr = {found['max_lr']:.10g}")
    lines += _of_search(result)
    if result.partial:
        lines.append(result.partial)
    if result.lost:
        lines.append(f"where the start leads is not known: {result.lost}")
    for reason, text in (
        ("threshold", "beta is beyond its threshold"),
        ("ended", "ended at a smaller learning rate or weight decay"),
    ):
        if result.missing[reason]:
            kinds = "; ".join(result.missing[reason])
            lines.append(f"no fixed point has a latent on: {kinds} ({text})")
    return lines


def _of_search(result: FixedPoints) -> list[str]:
    """Return how a search went, in words."""
    went, found = result.search, result.found
    if went is None or found is None:
        return []
    lines = [
        f"of {went['starts']} starts of the search {went['converged']} converged, "
        f"{went['unphysical']} of them to order parameters that no weights have, which are dropped",
        f"the search found {went['listed_found']} of {went['listed']} fixed points that were "
        f"listed without it, and {went['added']} more, marked new",
    ]
    named = zip(result.types, found, result.new, strict=True)
    if missed := [name for name, times, new in named if not (times or new)]:
        text = "; ".join(missed[:MOST_MISSED])
        more = len(missed) - MOST_MISSED
        lines.append(f"not found by it: {text}" + (f"; and {more} more" if more > 0 else ""))
    met = went["converged"] - went["unphysical"]
    chance = f"about {went['unseen']:.2g}" if went["unseen"] else f"less than about {1 / met:.1g}"
    lines.append(
        "a search is no proof that there are no others: a further start that leads to a fixed "
        f"point meets one with a chance of {chance}"
    )
    return lines


def _of_noise_that_stays(found: dict[str, Any]) -> str:
    """Return where latents that always fit some noise have collapsed, in words."""
    if found["noise"] is None:
        return f"a latent without a signal fits more noise than {ACTIVE:g} nats at any beta"
    low, high = (f"{found[name] or 0:.10g}" for name in ("noise", "noise_upper"))
    where = f"between beta = {low} and {high}" if found["noise"] else f"below beta = {high}"
    if found["noise_upper"] is None:
        where = f"above beta = {low}"
    return f"a latent without a signal has collapsed, to {ACTIVE:g} nats, {where}"


def listing(result: FixedPoints) -> Listing:
    """Return what is shown of fixed points."""
    i = result.reached
    doubts = [text for text in (result.partial, result.lost) if text] + result.warnings
    if i is None:
        first = "where the start leads is not known"
    else:
        word = "stable" if result.stable[i] else "marginal" if result.marginal[i] else "unstable"
        first = f"learning ends at: {result.types[i]} ({result.labels[i]}, {word})"
        first += f", eps_g = {number(result.eps_g[i])}"
    said = [line for line in summary(result) if not any(text in line for text in doubts)]
    return Listing(first, [table(result)], said, doubts)
