"""What training on the rows says of a warm-up: the gain in time, measured."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..errors import ConvergenceError
from ..model.params import integer
from ..model.progress import Asked, shows
from ..model.records import Store, unwatched
from .curve import LearningCurve
from .look import Look
from .warm_up import WarmUp
from .watch import measured_course

LONGER = 2.0  # times the time of theory is trained
RESAMPLED = 200  # sets of runs drawn from one
LATE = 0.9  # of the training time: what has not come to rest by then has not converged


class Confirmed(NamedTuple):
    """Times until the mean loss of runs stays near its end, the gain and its standard error."""

    constant: float
    annealed: float
    gain: float
    error: float


@shows()
def confirm_warm_up(
    found: Look,
    best: WarmUp,
    *,
    runs: int,
    seed: int = 0,
    store: Store | None = None,
    watch: Asked = unwatched,
) -> Confirmed:
    """Train on the rows at constant beta and under the best warm-up, and measure the gain.

    Parameters
    ----------
    found : Look
        The table.
    best : WarmUp
    runs : int
        At least 2, of each; they differ in how rows are shuffled.
    seed : int
        Of the first one.
    store : ResultStore, optional
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of each training.

    Raises
    ------
    ConvergenceError
        When the mean loss does not come to stay within the tolerance.
    DivergenceError
        When a run diverges.
    """
    runs, seed = integer("runs", runs, 2), integer("seed", seed, 0)
    random = np.random.default_rng(0)
    weights = np.concatenate(
        [
            np.full((1, runs), 1 / runs),
            random.multinomial(runs, np.full(runs, 1 / runs), RESAMPLED) / runs,
        ]
    )
    longest, times = float(f"{LONGER * best.constant:.4g}"), []
    for spec in ("constant", best.spec):
        params = replace(best.params, anneal=spec, t_max=longest)
        curves = []
        for n in range(runs):
            with watch(f"train {n + 1} of {runs}, {spec.partition(':')[0]}") as progress:
                curves.append(measured_course(found, params, seed + n, store, progress)[1])
        each = _arrivals(curves, weights, best)
        if not np.isfinite(each).all():
            raise ConvergenceError(
                f"the mean loss of {runs} runs does not stay within {best.tol:g} of its final "
                "value: raise --tol or --confirm, or lower --lr"
            )
        times.append(each)
    gains = times[0] / times[1]
    return Confirmed(
        float(times[0][0]), float(times[1][0]), float(gains[0]), float(gains[1:].std())
    )


def _arrivals(curves: list[LearningCurve], weights: np.ndarray, best: WarmUp) -> np.ndarray:
    """Return when weighted means of losses come to stay near the end of theory; inf if never."""
    t = curves[0].t
    far = np.abs(weights @ np.array([each.loss for each in curves]) - best.end)
    found = np.zeros(len(weights))
    for n, each in enumerate(far - best.tol * abs(best.end)):
        outside = np.flatnonzero(each > 0)
        if len(outside) and t[outside[-1]] > LATE * t[-1]:
            found[n] = np.inf
        elif len(outside):
            around = slice(outside[-1], outside[-1] + 2)
            found[n] = np.interp(0.0, -each[around], t[around])
    return found
