"""How latents collapse on users' data as beta rises: predicted, and trained on their rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.params import integer
from ..model.progress import Asked, shows
from ..model.records import Store
from ..model.results import Brief
from ..tables.table import Data
from .look import Look
from .suited import suited
from .train import Training, looked, predicted_kl, trained

SHARE = 0.2  # of the time of one training, for each value of beta
FINE = 2000  # values of beta for which KL is predicted


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Collapse(Brief):
    """Latents at values of beta from below the noise level to beyond the largest variance.

    Attributes
    ----------
    beta : (n,)
        At which VAEs were trained, ascending.
    trainings : tuple of Training
        One for each.
    fine : (k,)
        Many values of beta in the same range, ascending.
    lines : (k, latent)
        Predicted KL divergence of each latent there, in nats.
    look : Look
        What is known of the table.
    """

    beta: np.ndarray
    trainings: tuple[Training, ...]
    fine: np.ndarray
    lines: np.ndarray
    look: Look

    @property
    def measured(self) -> np.ndarray:
        """KL divergence of each latent of the trained VAEs, descending, (n, latent)."""
        return np.array([each.measured for each in self.trainings])

    @property
    def predicted(self) -> np.ndarray:
        """KL divergence of each latent that was predicted for them, descending, (n, latent)."""
        return np.array([each.predicted for each in self.trainings])

    @property
    def missed(self) -> tuple[str, ...]:
        """Where and why predictions were missed, one line each."""
        return tuple(
            f"at beta = {each.params.beta:g} {each.difference.text}"
            for each in self.trainings
            if each.difference
        )


@shows("collapse")
def collapse(
    data: Data | Look,
    *,
    simulations: int = 10,
    seed: int = 0,
    store: Store | None = None,
    progress: Asked = None,
    **settings: Any,
) -> Collapse:
    """Train linear VAEs on a table at several values of beta, until all latents have collapsed.

    Parameters
    ----------
    data : (samples, dim), str or Path, or Look
        As of `vaedyn.train`.
    simulations : int
        Number of values of beta.
    seed, store
        As of `vaedyn.train`.
    progress : bool or callable, optional
        True shows a bar; a function receives the numbers of SGD steps made and wanted, of all
        trainings.
    **settings
        Other fields of `DataParams`, as of `vaedyn.train`; `t_max` is about 6 s at most
        unless it is given.

    Raises
    ------
    ParameterError, TableError, DivergenceError
        As `vaedyn.train` does.
    """
    simulations, seed = integer("simulations", simulations, 2), integer("seed", seed, 0)
    found = looked(data, store, **settings)
    eta, largest = found.prediction.eta, found.spectrum.eigenvalues[0]
    betas = np.geomspace(0.5 * eta, 1.3 * largest, simulations)
    betas = np.array([float(f"{beta:.4g}") for beta in betas])
    points = [suited(found, beta, share=SHARE, **settings) for beta in betas.tolist()]
    total, made, trainings = sum(params.steps for params in points), 0, []
    for params in points:

        def advanced(done: float, _: float, before: int = made) -> None:
            if progress:
                progress(before + done, total)

        chosen = "lr" not in settings
        trainings.append(trained(found, params, seed, store, advanced, slowable=chosen))
        made += params.steps
    fine = np.geomspace(betas[0], betas[-1], FINE)
    lines = np.array([predicted_kl(found, points[0], beta) for beta in fine.tolist()])
    return Collapse(beta=betas, trainings=tuple(trainings), fine=fine, lines=lines, look=found)
