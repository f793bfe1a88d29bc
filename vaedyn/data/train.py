"""Train a linear VAE on users' data, and compare what it has come to with the prediction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.params import integer
from ..model.progress import Asked, shows
from ..model.quantities import active
from ..model.records import Progress, Store
from ..model.results import Brief, Trajectory
from ..tables.table import Data, as_table
from .difference import Difference, difference
from .learn import DataParams, learn
from .look import Look, look
from .settling import kl_of
from .suited import check_settings, slowed_by, suited


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Training(Brief):
    """What training on a table has come to.

    Attributes
    ----------
    params : DataParams
        The model, with all that was chosen to suit the data.
    predicted : (latent,)
        KL divergence of each latent in nats, descending, that the eigenvalues of the table
        lead to.
    measured : (latent,)
        Mean KL divergence of each latent over the rows at the end of training, descending.
    difference : Difference or None
        Why the two differ, if they do.
    slowed : str or None
        Which row makes learning slow, if one does.
    trajectory : Trajectory
        Order parameters in time, as of `vaedyn.data.learn.learn`.
    look : Look
        What is known of the table.
    """

    params: DataParams
    predicted: np.ndarray
    measured: np.ndarray
    difference: Difference | None
    slowed: str | None
    trajectory: Trajectory
    look: Look

    @property
    def passes(self) -> float:
        """How often the rows were seen."""
        return self.trajectory.info["passes"]

    @property
    def active(self) -> tuple[int, int]:
        """Numbers of latents that are predicted in use, and measured to have KL > 0.01 nats.

        A latent is in use where its KL divergence is above zero, which no measured one ever is.
        """
        return int((self.predicted > 0).sum()), int(active(self.measured))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to keep in mind about the data, and why the prediction was missed, if it was."""
        missed = (self.difference.text,) if self.difference else ()
        return (*self.look.analysis.warnings, *missed)


@shows("train", "steps")
def train(
    data: Data | Look,
    beta: float | None = None,
    *,
    seed: int = 0,
    store: Store | None = None,
    progress: Asked = None,
    **settings: Any,
) -> Training:
    """Train a linear VAE by SGD or Adam on the rows of a table, and compare it with theory.

    Parameters
    ----------
    data : (samples, dim), str or Path, or Look
        A table or its file, as of `vaedyn.look`, or what that has found in one: where
        columns are to be standardised, ``train(look(data, standardise=True))``; and
        ``train(look(data, epochs="one"))`` uses each row once at most.
    beta : float, optional
        KL weight; otherwise the noise level.
    seed : int
        Of the shuffling of the rows.
    store : ResultStore, optional
        Where to look for results first, and to keep them.
    progress : bool or callable, optional
        True shows a bar; a function receives the numbers of SGD steps made and wanted.
    **settings
        Other fields of `DataParams`, such as `latent`, `lr`, `t_max`, `lam`, `anneal`,
        `batch`, `optimiser` and `init_seed`. Unless they are given, `latent` is the number of
        signals, `lr` at most 0.2 for plain SGD, in units in which the largest variance is 1,
        and one of the same pace otherwise, and `t_max` such that all has settled, or about
        30 s.

    Raises
    ------
    ParameterError
        When the data or an argument make no sense, or what the data decide is given.
    TableError
        When there is no such file, or no table in it.
    DivergenceError
        When the weights grow without bound or a variance reaches zero.
    """
    seed = integer("seed", seed, 0)
    found = looked(data, store, beta=beta, **settings)
    params = suited(found, beta, **settings)
    return trained(found, params, seed, store, progress, slowable="lr" not in settings)


def looked(data: Data | Look, store: Store | None, **settings: Any) -> Look:
    """Look at a table, after checking what it is to be trained with."""
    table = data if isinstance(data, Look) else as_table(data)
    columns = table.spectrum.dim if isinstance(table, Look) else table.columns
    check_settings(columns, **settings)
    return table if isinstance(table, Look) else look(table, store=store)


def trained(
    found: Look,
    params: DataParams,
    seed: int,
    store: Store | None,
    progress: Progress | None,
    *,
    slowable: bool,
    run: Callable[[], Trajectory] | None = None,
) -> Training:
    """Return what training with `params` comes to; `slowable` if its learning rate was chosen.

    `run` makes the run, if it is not stored: see `learn`.
    """
    directions = found.spectrum.directions[: params.signal]
    how: Any = {"seed": seed, "store": store, "progress": progress, "run": run}
    result = learn(params, found.rows, directions, **how)
    measured = np.sort(result.info["kl"])[::-1]
    predicted = predicted_kl(found, params)
    return Training(
        params=params,
        predicted=predicted,
        measured=measured,
        difference=difference(found, params, predicted, measured),
        slowed=slowed_by(found, params.beta) if slowable and params.plain else None,
        trajectory=result,
        look=found,
    )


def predicted_kl(found: Look, params: DataParams, beta: float | None = None) -> np.ndarray:
    """Return the KL divergence of each latent (latent,) that the table leads to.

    By the eigenvalues of its rows, or of the population for one epoch; at another `beta` than
    that of `params`, if it is given.
    """
    variances = np.zeros(params.latent)
    known = found.prediction.variances(params.latent)
    variances[: len(known)] = known
    return kl_of(variances, params.beta if beta is None else beta, params.lam)
