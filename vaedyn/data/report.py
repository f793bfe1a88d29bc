"""What a collapse monitor reports."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..model.results import Brief
from .beta_in_force import InForce


class Past(NamedTuple):
    """What is remembered of a report.

    Attributes
    ----------
    rows : int
    beta, kl, kl_error : float
    active : int
        By KL.
    verdict : str
    """

    rows: int
    beta: float
    kl: float
    kl_error: float
    active: int
    verdict: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Report(Brief):
    """How the latents of a VAE are used, beside what a linear VAE does in the end.

    Attributes
    ----------
    verdict : str
        One word: a key of ``vaedyn.data.verdict.VERDICTS``.
    advice : str
        What to do, in one line.
    notes : tuple of str
        What else to keep in mind.
    beta : float
        The KL weight that is meant, in units of the model.
    weight : float
        The same in units of the convention.
    rows : int
        How many were seen.
    batch : int
        Rows of the largest batch, or those that the convention states.
    order : (latent,)
        Numbers of the latents, from 0, by descending KL; the arrays that follow are in this order.
    kl_per_latent : (latent,)
        In nats, the mean over rows.
    predicted : (latent,) or None
        ``ln(l_k/beta)/2``, or 0 where the eigenvalue l_k is not above beta; None where it is not
        derived.
    mean_variance : (latent,)
        Variance of mu over rows.
    posterior_variance : (latent,)
        Mean of exp(logvar) over rows.
    kl, predicted_kl : float
        Of all latents together; the latter None where it is not derived.
    predicted_error : float or None
        Squared error of a row, summed over columns, of a linear VAE in the end; of the data as
        they are trained on. None where it is not known, as from eigenvalues alone.
    kl_error : float
        Standard error of kl, as rows differ; inf for a single row.
    active_kl : int
        Active units: latents of more than 0.01 nats.
    active_variance : int
        Active units by Burda, Grosse & Salakhutdinov (ICLR 2016): a variance of mu above 0.01.
    predicted_active : int
        Eigenvalues above beta, at most as many as latents; a first guess where `predicted` is None.
    off_centre : float
        Nats of kl that stem from means of mu other than 0. None are left where training ends, for
        every network that can shift its latents by a bias.
    settled : bool or None
        Whether kl is within 10 % of that of the last report; None where that is not known, as at
        first, after beta has changed, or where a larger change may be chance.
    slowdown : float or None
        How many times as slowly as at half of the largest eigenvalue a linear VAE leaves collapse;
        None where it does not leave it, or that is not derived.
    in_force : InForce or None
        The beta that is in force, where the decoder was given: its ``per_latent``, ``beta`` (the
        median) and ``spread``.
    """

    verdict: str
    advice: str
    notes: tuple[str, ...]
    beta: float
    weight: float
    rows: int
    batch: int
    order: np.ndarray
    kl_per_latent: np.ndarray
    predicted: np.ndarray | None
    mean_variance: np.ndarray
    posterior_variance: np.ndarray
    kl: float
    kl_error: float
    predicted_kl: float | None
    predicted_error: float | None
    active_kl: int
    active_variance: int
    predicted_active: int
    off_centre: float
    settled: bool | None
    slowdown: float | None
    in_force: InForce | None

    @property
    def past(self) -> Past:
        """What a monitor remembers of it."""
        return Past(self.rows, self.beta, self.kl, self.kl_error, self.active_kl, self.verdict)
