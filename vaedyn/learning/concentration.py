"""How the spread of runs shrinks with N: measured, beside theory, and the power fitted to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.asked import STEPS
from ..model.params import Params
from ..model.progress import Asked, shows
from ..model.records import Store, unwatched
from ..model.results import Trajectory
from .bands import Bands, bands
from .simulate import DIMS, model_of, simulate

MEASURED = ("eps_g", "m")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The standard deviation over runs of one quantity at one time, against N.

    Attributes
    ----------
    name : {"eps_g", "m"}
        The quantity; m stands for the size of the first overlap.
    t : float
        The time, in units of N steps.
    dims : (dims,)
        The values of N.
    predicted, measured, error : (dims,)
        Standard deviation in theory and over runs, and the standard error of the latter.
    """

    name: str
    t: float
    dims: np.ndarray
    predicted: np.ndarray
    measured: np.ndarray
    error: np.ndarray

    @property
    def power(self) -> tuple[float, float]:
        """The power of N with which the measured spread falls, and its standard error.

        All N count alike: the law of runs over their spread hardly depends on N, and weights
        taken from the samples would be correlated with the numbers that they weigh. Both are nan
        where runs do not differ.
        """
        if not (self.error > 0).all():
            return np.nan, np.nan
        x = np.log(self.dims) - np.log(self.dims).mean()
        relative = float(np.sqrt(((self.error / self.measured) ** 2).mean()))
        width = float(x @ x)
        return float(x @ np.log(self.measured)) / width, relative / width**0.5


@shows()
def ensembles(
    params: Params | None = None,
    dims: Sequence[int] = DIMS,
    *,
    random_start: bool = False,
    store: Store | None = None,
    watch: Asked = unwatched,
    **ensemble: Any,
) -> list[tuple[Bands, Trajectory]]:
    """Return theory and simulations at several N, from the same overlaps.

    Parameters
    ----------
    params : Params, optional
        The model; where its start is gaussian, all have the overlaps that it has at its own N.
    dims : sequence of int
        The values of N.
    random_start : bool
        As for `vaedyn.bands` and `vaedyn.simulate`.
    store : ResultStore, optional
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of each simulation.
    **ensemble
        `runs`, `seed`, `engine` and `jobs` of `vaedyn.simulate`, and parameters of the model,
        in place of those of `params` or of the defaults.

    Raises
    ------
    ParameterError, DivergenceError
        As `vaedyn.bands` and `vaedyn.simulate` do.
    """
    params, ensemble = model_of(ensembles, params, ensemble, derived=STEPS)
    start: Any = params.overlaps()
    models = [params.replace(dim=dim, init=start, init_seed=0) for dim in dims]
    found = []
    for model in models:
        theory = bands(model, random_start=random_start, store=store)
        with watch(f"N = {model.dim}") as progress:
            runs = simulate(
                model, random_start=random_start, store=store, progress=progress, **ensemble
            )
        found.append((theory, runs))
    return found


def spreads(runs: Sequence[tuple[Bands, Trajectory]], times: Sequence[float]) -> list[Spread]:
    """Return the spread of eps_g and of the first overlap at some times.

    Parameters
    ----------
    runs : sequence of (Bands, Trajectory)
        For each N, with the same start and the same saved times up to rounding. Ensembles
        of different N are independent, which the error of the fitted power relies on.
    times : sequence of float
        The nearest saved times are taken.
    """
    return [_spread(runs, name, t) for name in MEASURED for t in times]


def _spread(runs: Sequence[tuple[Bands, Trajectory]], name: str, t: float) -> Spread:
    predicted, measured = [], []
    for around, sgd in runs:
        at = int(np.abs(sgd.t - t).argmin())
        values = sgd.eps_g[:, at] if name == "eps_g" else np.abs(sgd.m[:, at, 0, 0])
        predicted.append(float(getattr(around, name)[at].ravel()[0]))
        measured.append((values.std(ddof=1), error_of_std(values)))
    std, error = np.array(measured).T
    dims = np.array([around.params.dim for around, _ in runs], float)
    return Spread(
        name=name, t=t, dims=dims, predicted=np.array(predicted), measured=std, error=error
    )


def error_of_std(values: np.ndarray) -> float:
    """Return the standard error of the standard deviation of `values` (runs,), by the jackknife.

    It holds for any law with four moments.
    """
    runs = len(values)
    values = values - values.mean()
    square = values**2
    if runs < 3 or not square.any():
        return 0.0
    mean = -values / (runs - 1)
    without = np.sqrt(np.maximum((square.sum() - square) / (runs - 1) - mean**2, 0.0))
    return float(np.sqrt((runs - 1) * without.var()))
