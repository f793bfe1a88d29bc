"""Training on a table, watched: the learning curve measured on its rows, beside that of theory."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConvergenceError, DivergenceError, ParameterError
from ..learning.theory import tolerances
from ..model.numerics import NUMERICS
from ..model.params import integer
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept, unwatched
from ..model.results import Brief, Trajectory
from ..tables.table import Data
from .course import predicted_course
from .curve import LearningCurve, steps_of
from .learn import DataParams, trained_on
from .look import Look
from .rows import Rows
from .suited import suited
from .train import Training, looked, trained

PRODUCTS = 2e10  # multiplications that looking at the rows may take, about 5 s
FEWEST = 30  # times at which they are looked at
LARGEST = 3000  # columns of which the covariance is held


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Watched(Brief):
    """Training on a table, and how it went in time.

    Attributes
    ----------
    training : Training
        What it has come to, as of `vaedyn.train`.
    measured : LearningCurve
        On the rows, while it went on.
    predicted : LearningCurve or None
        By theory, as of `vaedyn.course`; None where there is none.
    why : str
        The reason for that.
    """

    training: Training
    measured: LearningCurve
    predicted: LearningCurve | None
    why: str = ""


@shows()
def watch(
    data: Data | Look,
    *,
    beta: float | None = None,
    seed: int = 0,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    store: Store | None = None,
    watch: Asked = unwatched,
    **settings: Any,
) -> Watched:
    """Train a linear VAE on the rows of a table, and measure its learning curve beside theory's.

    Parameters
    ----------
    data, beta, seed, store
        As of `vaedyn.train`.
    rtol, atol : float
        As of `vaedyn.course`.
    watch : bool or callable, optional
        True shows a bar for each; or a function of the title that returns a context which
        shows the progress of training, and of theory.
    **settings
        As of `vaedyn.train`.

    Raises
    ------
    ParameterError, TableError, DivergenceError
        As `vaedyn.train` does.
    """
    seed, (rtol, atol) = integer("seed", seed, 0), tolerances(rtol, atol)
    found = looked(data, store, beta=beta, **settings)
    params = suited(found, beta, **settings)
    with watch("train on the data") as progress:
        training, measured = measured_course(
            found, params, seed, store, progress, slowable="lr" not in settings
        )
    predicted, why = None, ""
    try:
        with watch("theory") as progress:
            how: Any = {"rtol": rtol, "atol": atol, "store": store, "progress": progress}
            predicted = predicted_course(found, params, **how)
    except ParameterError as error:
        why = f"{error.name} {error.reason.partition(';')[0]}"
    except (ConvergenceError, DivergenceError) as error:
        why = str(error)
    return Watched(training=training, measured=measured, predicted=predicted, why=why)


def measured_course(
    found: Look,
    params: DataParams,
    seed: int,
    store: Store | None,
    progress: Progress | None,
    *,
    slowable: bool = False,
) -> tuple[Training, LearningCurve]:
    """Train on a table; return what it has come to, and the learning curve on its rows."""
    rows, made = found.rows, []
    seen = _Seen(params, rows)

    def run() -> Trajectory:
        if not made:
            directions = found.spectrum.directions[: params.signal]
            made.append(trained_on(params, rows, directions, seed, progress, seen))
        return made[0]

    def compute() -> Computed:
        run()
        curve = seen.curve()
        return curve.to_variables(), {**rows.origin, "samples": rows.samples}

    record = {**params.to_dict(), "data": rows.digest, "seed": seed, "numerics": NUMERICS["rows"]}
    curve = LearningCurve.from_kept(params, rows.samples, kept(store, "rows", record, compute))
    return trained(found, params, seed, store, progress, slowable=slowable, run=run), curve


class _Seen:
    """Second moments over the rows at some SGD steps."""

    def __init__(self, params: DataParams, rows: Rows):
        self.params, self.rows = params, rows
        fewer = min(rows.samples, params.dim if params.dim <= LARGEST else np.inf)
        each = 2 * fewer * params.dim * params.latent
        points = min(params.points, max(FEWEST, int(PRODUCTS / each)))
        self.steps = steps_of(params, points).tolist()
        self.by_columns = params.dim == fewer
        self.covariance: np.ndarray | None = None
        self.found: dict[str, list[np.ndarray]] = {name: [] for name in "QSAD"}

    def see(self, W: np.ndarray, V: np.ndarray, D: np.ndarray) -> None:
        """Note the order parameters of weights."""
        dim = self.params.dim
        S, A = self._products(W, V)
        for name, value in zip("QSAD", (W @ W.T / dim, S / dim, A / dim, D.copy()), strict=True):
            self.found[name].append(value)

    def _products(self, W: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return V C V^T and W C V^T, C the covariance of the rows."""
        # model: observable, second moments over the rows
        if self.by_columns:
            if self.covariance is None:
                products = np.zeros((self.params.dim, self.params.dim))
                for block in self.rows.scaled():
                    products += block.T @ block
                self.covariance = products / self.rows.samples
            image = self.covariance @ V.T
            return V @ image, W @ image
        S, A = np.zeros((2, len(V), len(V)))
        for block in self.rows.scaled():
            mu = block @ V.T
            S += mu.T @ mu
            A += (block @ W.T).T @ mu
        return S / self.rows.samples, A / self.rows.samples

    def curve(self) -> LearningCurve:
        """Return what was seen, in the units of the data."""
        unit = self.rows.unit
        Q, S, A, D = (np.array(self.found[name]) for name in "QSAD")
        t = np.array(self.steps) / self.params.dim
        found = {"Q": unit * Q, "S": S, "A": unit * A, "D": D}
        return LearningCurve(params=self.params, samples=self.rows.samples, t=t, **found)
