"""When latents are learned on a table: by theory, in training, or both."""

import numpy as np

from ..data.curve import LearningCurve
from ..data.watch import Watched
from .listing import Listing, Table, number

FAR = 1.5  # times another time: these do not agree
MEANING = "a latent is learned once its KL stays within half of its final value"
APART = (
    "predicted and measured times do not agree: where latents compete for a direction, the "
    "noise of SGD decides; try another --seed, or a lower --lr"
)


def table(curve: LearningCurve) -> Table:
    """Return when each latent is learned, the one of the largest KL first."""
    learned = np.where(curve.active, curve.learned, np.nan)
    rows = [
        [str(n), number(curve.kl_per_latent[-1, i]), *_cells(learned, i, curve)]
        for n, i in enumerate(curve.order.tolist(), 1)
    ]
    last = f"KL at t = {curve.params.t_max:g}"
    return Table(["latent", last, "learned at t", "SGD steps", "epochs"], rows)


def said(curve: LearningCurve) -> str:
    """Return in words when all is learned."""
    gone = int((~curve.active).sum())
    lost = f"; {gone} of {len(curve.active)} latents collapsed" if gone else ""
    return MEANING + lost


def in_turn(curve: LearningCurve) -> np.ndarray:
    """Return when latents are learned, one after the other, without those that have collapsed."""
    return np.sort(curve.learned[curve.active])


def both(seen: Watched) -> tuple[Table | None, list[str]]:
    """Return when the first, the second, ... latent is learned, and whether the two agree.

    By theory, if it says anything, and in training; nothing where all have collapsed.
    """
    measured = in_turn(seen.measured)
    predicted = None if seen.predicted is None else in_turn(seen.predicted)
    count = max(len(measured), 0 if predicted is None else len(predicted))
    if not count:
        return None, []
    rows = []
    for n in range(count):
        expected = [] if predicted is None else _cells(predicted, n, seen.measured)[:1]
        rows.append([str(n + 1), *expected, *_cells(measured, n, seen.measured)])
    names = [] if predicted is None else ["predicted t"]
    shown = Table(["latent learned", *names, "measured t", "SGD steps", "epochs"], rows)
    apart = predicted is not None and _far_apart(predicted, measured)
    return shown, [APART] * apart


def _far_apart(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two lists of times differ by more than a factor, or in number."""
    if len(one) != len(other):
        return True
    ratio = np.maximum(one, 1e-9) / np.maximum(other, 1e-9)
    return bool((np.abs(np.log(ratio)) > np.log(FAR)).any())


def _cells(times: np.ndarray, n: int, curve: LearningCurve) -> list[str]:
    if n >= len(times) or np.isnan(times[n]):
        return ["-", "-", "-"]
    steps = times[n] * curve.params.dim
    epochs = steps * curve.params.batch / curve.samples
    return [f"{times[n]:.4g}", f"{round(steps)}", f"{epochs:.3g}"]


def listing(curve: LearningCurve) -> Listing:
    """Return what is shown of a learning curve."""
    found = in_turn(curve)
    if len(found):
        when = f"the last at t = {found[-1]:.4g} of {curve.params.t_max:g}"
        first = f"{len(found)} of {len(curve.active)} latents are learned, {when}"
    else:
        first = f"all latents have collapsed at t = {curve.params.t_max:g}"
    model = f"beta = {number(curve.params.beta)}, learning rate {number(curve.params.rate)}"
    return Listing(first, [table(curve)], [said(curve), model])
