"""What a linear VAE learns of a data spectrum, in the limit of small learning rates.

At the best parameters a direction of variance s is used when s > beta: the latent
then encodes it at ``ln(s/beta)/2`` nats and leaves an error of beta, else nothing and s.
This is reverse water-filling, with beta as the level (Cover & Thomas, "Elements of
Information Theory", section 10.3; for the VAE: Lucas et al., NeurIPS 2019).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Prediction:
    """Collapse, rate and distortion of a linear VAE on signals in white noise.

    Parameters
    ----------
    rho : (signals,)
        Strengths of the signals, descending: what their variances exceed eta by.
    eta : float
        Variance of the noise in every direction.
    dim : int
        Number of directions.
    """

    rho: np.ndarray
    eta: float
    dim: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", np.asarray(self.rho, float))

    @property
    def collapse(self) -> np.ndarray:
        """Values of beta (signals,) at and beyond which each signal is lost."""
        return self.rho + self.eta

    @property
    def beta(self) -> float:
        """The recommended beta: it keeps signals and leaves noise, and eps_g is least."""
        return self.eta

    @property
    def latents(self) -> int:
        """The recommended number of latents: one for each signal."""
        return len(self.rho)

    def variances(self, latents: int | None = None) -> np.ndarray:
        """Return the variances (latents,) of the directions that latents would live on."""
        count = self.latents if latents is None else latents
        spare = min(count, self.dim) - len(self.rho)
        return np.concatenate([self.collapse[:count], np.full(max(spare, 0), self.eta)])

    def active(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return how many latents are in use at each `beta`, (...)."""
        return (self.variances(latents) > np.asarray(beta)[..., None]).sum(axis=-1)

    def kl_per_latent(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the mean KL divergence of each latent in nats, (..., latents)."""
        ratio = self.variances(latents) / np.asarray(beta, float)[..., None]
        return 0.5 * np.log(np.maximum(ratio, 1.0))

    def rate(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the KL divergence of all latents in nats, (...)."""
        return self.kl_per_latent(beta, latents).sum(axis=-1)

    def error(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the mean squared reconstruction error, summed over directions, (...)."""
        used = self.variances(latents)
        rest = self.rho.sum() + self.dim * self.eta - used.sum()
        return np.minimum(used, np.asarray(beta, float)[..., None]).sum(axis=-1) + rest

    def spare_cost(self, beta: float) -> tuple[float, float]:
        """Return what each latent without a signal costs: eps_g, and KL in nats.

        It fits noise below eta, by ``eta - beta`` and ``ln(eta/beta)/2``, and has no
        effect above.
        """
        if beta >= self.eta:
            return 0.0, 0.0
        return self.eta - beta, 0.5 * float(np.log(self.eta / beta))
