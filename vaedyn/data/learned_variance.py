"""A decoder variance that is learned with the rest: where it goes, and what beta is then in force.

The loss ``|x - W z|^2 / (2 sigma2) + (dim/2) ln sigma2 + beta KL`` is that of a unit variance at
``beta sigma2``, the beta in force. Trained to the end sigma2 is the mean squared error of an entry,
``(sum of eigenvalues without a latent) / (dim - beta K)`` with K latents in use. The squared error
is a concave function of the beta in force, so that there is one solution, and it is the minimum;
or none, where latents can explain everything. At beta = 1 this is probabilistic PCA (Tipping &
Bishop, 1999; for linear VAEs: Lucas et al., NeurIPS 2019).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..model.params import integer, real
from .convention import LEAST

NOTHING = 1e-12  # of the variance: less is rounding


@dataclass(frozen=True)
class LearnedVariance:
    """What training with a learned decoder variance comes to.

    Attributes
    ----------
    beta : float
        The KL weight.
    sigma2 : float
        Decoder variance.
    in_force : float
        ``beta * sigma2``: latents are in use on eigenvalues above it.
    active : int
        How many are in use.
    explained : float
        Share of the variance that the reconstruction explains.
    kl : float
        KL divergence of all latents in nats.
    """

    beta: float
    sigma2: float
    in_force: float
    active: int
    explained: float
    kl: float


def learned_variance(
    eigenvalues: Any, beta: float, latents: int, *, dim: int, total: float | None = None
) -> LearnedVariance:
    """Return where a learned decoder variance goes, for a linear VAE that is trained to the end.

    Parameters
    ----------
    eigenvalues : (k,)
        Of the covariance of the data, descending: all that are not zero, or at least those that
        are lost at larger values of beta.
    beta : float
        KL weight, beside ``|x - W z|^2 / (2 sigma2) + (dim/2) ln sigma2``.
    latents : int
        Number of latents.
    dim : int
        Number of columns, those that are constant included.
    total : float, optional
        Sum of all eigenvalues, where `eigenvalues` are not all.

    Raises
    ------
    ParameterError
        When an argument is out of range, when not enough eigenvalues are known, or when the
        loss has no minimum since latents explain everything and sigma2 goes to 0.
    """
    values, total = _known(eigenvalues, dim, total)
    beta = real("beta", beta, LEAST, least_allowed=True)
    latents = integer("latents", latents, 1)
    lost = learned_thresholds(values, dim=dim, total=total)[:latents]
    active = int((lost > beta).sum())
    rest = total - float(values[:active].sum())
    every = latents >= len(values) and total - float(values.sum()) <= NOTHING * total
    if every and beta <= dim / len(values) * (1 + NOTHING):
        raise ParameterError(
            "latents",
            f"{latents} latents explain all {len(values)} directions in which the data vary: "
            f"sigma2 goes to 0 at any beta up to {dim / len(values):.6g}, and the loss has no "
            "minimum",
        )
    if active == len(values) < latents:
        reason = f"is needed: more than the {len(values)} known eigenvalues are in use"
        raise ParameterError("leading", reason)
    # model: closed form, at small tau and lam = 0
    sigma2 = rest / (dim - beta * active)
    in_force = beta * sigma2
    left = rest + active * in_force
    return LearnedVariance(
        beta=beta,
        sigma2=sigma2,
        in_force=in_force,
        active=active,
        explained=1 - left / total,
        kl=float(0.5 * np.log(values[:active] / in_force).sum()),
    )


def learned_thresholds(eigenvalues: Any, *, dim: int, total: float | None = None) -> np.ndarray:
    """Return the values of beta (k,) at and beyond which each latent is lost.

    They hold for every number of latents that includes the one in question:
    ``dim s_k / (sum_{j >= k} s_j + (k - 1) s_k)``. The first is the largest eigenvalue
    over the mean one; from there on all have collapsed.

    Parameters
    ----------
    eigenvalues, dim, total
        As of `learned_variance`.

    Raises
    ------
    ParameterError
        When an argument is out of range.
    """
    values, total = _known(eigenvalues, dim, total)
    # model: closed form, at small tau and lam = 0
    before = np.concatenate([[0.0], np.cumsum(values)[:-1]])
    return dim * values / (total - before + np.arange(len(values)) * values)


def _known(eigenvalues: Any, dim: int, total: float | None) -> tuple[np.ndarray, float]:
    """Return the eigenvalues that are not zero, and the sum of all, after checking them."""
    values = np.asarray(eigenvalues, float)
    dim = integer("dim", dim, 1)
    if values.ndim != 1 or not np.isfinite(values).all() or (np.diff(values) > 0).any():
        raise ParameterError("eigenvalues", "must be finite and descending")
    if not 0 < len(values) <= dim or not values[0] > 0 or values[-1] < -NOTHING * values[0]:
        raise ParameterError("eigenvalues", f"must be 1 to {dim}, not negative and not all zero")
    values = values[values > NOTHING * values[0]]
    every = float(values.sum())
    if total is None:
        return values, every
    if not real("total", total) >= (1 - NOTHING) * every:
        raise ParameterError("total", f"is less than the sum of eigenvalues, {every:g}")
    return values, max(float(total), every)
