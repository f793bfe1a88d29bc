"""What KL divergence buys on users' data: rate, distortion and explained variance."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..data.convention import OWN, Convention
from ..data.look import Look as Found
from ..model.quantities import CONSTANTS, QUANTITIES
from .layout import PLAIN, Look, below, canvas, finish
from .spectrum import OPEN, YOURS, weights
from .style import COLOURS, ONE_COLUMN

CURVE = 2000
MOST_MARKS = 40  # latents whose loss is marked
LEAST = 1e-3  # of the largest eigenvalue: where the curves begin, unless all latents are in use


def rate_distortion(
    found: Found,
    *,
    beta: float | None = None,
    latents: int | None = None,
    convention: Convention | None = None,
    look: Look = PLAIN,
) -> Figure:
    """Draw KL divergence against the squared error, and explained variance against beta.

    Parameters
    ----------
    found : vaedyn.Look
    beta : float, optional
        The user's.
    latents : int, optional
        How many there are at most.
    convention : Convention, optional
        Of the KL weights on the axis below, which shows beta otherwise.
    look : Look
    """
    convention = convention or OWN
    prediction, scale = found.prediction, convention.scale**2
    factor = convention.factor(found.spectrum.dim)
    used = prediction.variances(latents)
    low, high = max(0.5 * float(used[-1]), LEAST * float(used[0])), 1.5 * float(used[0])
    if beta is not None:
        low, high = min(low, beta / 2), max(high, 2 * beta)
    lost = used[used > low][:MOST_MARKS]
    betas = np.unique(np.concatenate([np.geomspace(low, high, CURVE), lost]))
    with canvas(look, ONE_COLUMN, 4.1, nrows=2) as (figure, (top, bottom)):
        marks: list[tuple[str, np.ndarray, dict]] = [(COLOURS[0], lost, {})]
        if beta is not None:
            marks.append((YOURS, np.array([beta]), {"marker": "D"}))
        rate, error = prediction.rate(betas, latents), scale * prediction.error(betas, latents)
        top.plot(error, rate, color=COLOURS[0])
        bottom.plot(factor * betas, 100 * prediction.explained(betas, latents), color=COLOURS[0])
        for colour, at, extra in marks:
            style = {**OPEN, "markeredgecolor": colour, "zorder": 4, "clip_on": False, **extra}
            top.plot(scale * prediction.error(at, latents), prediction.rate(at, latents), **style)
            bottom.plot(factor * at, 100 * prediction.explained(at, latents), **style)
        top.set_xlabel("squared error of a sample")
        top.set_ylabel(QUANTITIES["kl"].axis)
        top.set_xlim(left=0)
        top.set_ylim(bottom=0)
        own = convention == OWN
        bottom.set_xlabel(CONSTANTS["beta"].axis if own else "your KL weight")
        bottom.set_xlim(factor * low, factor * high)
        weights(bottom)
        bottom.set_ylabel("explained variance (%)")
        bottom.set_ylim(0, 100)
        caption = [f"{found.spectrum.samples} samples", rf"$N = {found.analysis.dim}$"]
        finish(figure, [top], [*caption, rf"$M = {len(used)}$"], look)
        below(figure, _legend(beta is not None, len(used)), look, columns=2)
    return figure


def _legend(yours: bool, latents: int) -> list[Line2D]:
    label = "a latent is lost" + f" (the first {MOST_MARKS})" * (latents > MOST_MARKS)
    entries = [Line2D([], [], markeredgecolor=COLOURS[0], label=label, **OPEN)]
    if yours:
        style = {**OPEN, "markeredgecolor": YOURS, "marker": "D"}
        entries.append(Line2D([], [], label="your weight", **style))
    return entries
