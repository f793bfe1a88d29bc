"""A limit cycle: its period, stability, and how far everything goes."""

import numpy as np

from ..fixedpoints.limit_cycle import LimitCycle
from .listing import Listing, Table, number

MOST_MULTIPLIERS = 5
NOTHING = 1e-10  # is rounding


def table(result: LimitCycle) -> Table:
    """Return mean, amplitude and range of observables and of order parameters, one a row."""
    rows = []
    for name in ("eps_g", "kl", "m", "d", "Q", "E", "R", "D"):
        values = getattr(result, name)
        for place in np.ndindex(values.shape[1:]):
            if name in "QE" and place and place[0] > place[1]:
                continue  # symmetric
            x = values[(slice(None), *place)]
            label = name + "".join(f"_{i + 1}" for i in place)
            cells = [x.mean(), 0.5 * np.ptp(x), x.min(), x.max()]
            shown = (0.0 if abs(cell) < NOTHING else float(cell) for cell in cells)
            rows.append([label, *(number(cell) for cell in shown)])
    return Table(["", "mean", "amplitude", "least", "largest"], rows, ())


def summary(result: LimitCycle) -> list[str]:
    """Return period, multipliers and accuracy in words."""
    steps = f"{number(result.period * result.params.dim)} steps at N = {result.params.dim}"
    lines = [f"period T = {result.period:.10g} ({steps})"]
    if result.repeats > 1:
        part = result.period / result.repeats
        lines.append(
            f"after T/{result.repeats} = {part:.10g}, the period of eps_g and the KL divergence, "
            "it is the same up to signs and the order of latents"
        )
    texts = ", ".join(multiplier(value) for value in result.multipliers[:MOST_MULTIPLIERS])
    word = "stable" if result.stable else "unstable"
    lines.append(f"{word}: Floquet multipliers {texts}, ...")
    lines.append(
        f"accuracy: the trivial multiplier is 1 up to {result.trivial:.1g}, the cycle closes up to "
        f"{result.closing:.1g}"
    )
    return lines


def multiplier(value: complex) -> str:
    """Return a Floquet multiplier, its size and angle where it is one of a pair."""
    if abs(value.imag) <= 1e-9 * abs(value):
        return f"{value.real:.4g}"
    return f"{value.real:.4g}{value.imag:+.4g}i"


def listing(result: LimitCycle) -> Listing:
    """Return what is shown of a limit cycle."""
    first, *said = summary(result)
    return Listing(first, [table(result)], said)
