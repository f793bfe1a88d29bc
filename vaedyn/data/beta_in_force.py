"""The beta in force in a VAE that is being trained, read off its decoder and its posterior.

For a gaussian likelihood of unit variance, ``1 + |w|^2/beta`` is the best precision of a latent
whose decoder column is w, so that ``beta = D |w|^2 / (1 - D)`` with D its posterior variance.
Where training is done, all latents that are active give the same beta, whatever the data.
"""

from typing import NamedTuple

import numpy as np

from ..model.quantities import ACTIVE

MARGIN = 0.2  # relative difference from the nominal beta, and among latents, that is worth a word
CLEAR = 0.1  # nats: of latents with less, 1 - D is small and noisy in training
CLOSE = 0.1  # relative difference from a ratio that has a usual cause


class InForce(NamedTuple):
    """The beta in force.

    Attributes
    ----------
    per_latent : (latent,)
        nan for latents that are not active, or whose posterior is not narrower than the prior.
    beta : float
        The median over latents of more than 0.1 nats, or over all where none has more; nan if
        there is none.
    spread : float
        Largest less smallest of these, over the median: small where training is done; infinite
        where one of them has no estimate.
    """

    per_latent: np.ndarray
    beta: float
    spread: float

    @property
    def agree(self) -> bool:
        """Whether the latents agree within `MARGIN`."""
        return self.spread <= MARGIN


def beta_in_force(
    decoder: np.ndarray, variance: np.ndarray, kl: np.ndarray, scale: float = 1.0
) -> InForce:
    """Return the beta in force.

    Parameters
    ----------
    decoder : (dim, latent)
        Weights, or columns of the Jacobian.
    variance : (latent,)
        Posterior variance, the mean over rows.
    kl : (latent,)
        In nats.
    scale : float
        What the data were multiplied by before training; the result is in units of the
        variance of the data as they are.
    """
    # model: closed form, at small tau and lam = 0
    used = np.asarray(kl) > ACTIVE
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        square = (np.asarray(decoder, float) ** 2).sum(axis=0)
        found = variance * square / (1 - variance) / scale**2
    found = np.where(used & (variance < 1) & np.isfinite(found) & (found > 0), found, np.nan)
    clear = used & (kl > CLEAR) if (kl > CLEAR).any() else used
    some = found[clear & np.isfinite(found)]
    if not some.size:
        return InForce(found, float("nan"), float("nan"))
    middle = float(np.median(some))
    spread = float(np.ptp(some)) / middle if some.size == clear.sum() else float("inf")
    return InForce(found, middle, spread)


def likely_causes(ratio: float, dim: int, latents: int, batch: int) -> list[str]:
    """Return what usually makes the beta in force so many times the nominal one, if known.

    Parameters
    ----------
    ratio : float
        The beta in force over the nominal one.
    dim, latents, batch : int
        Columns of the data, latents, and rows in a batch.
    """
    wrong = (
        (2, "the squared error has a factor 1/2 too many, or KL lacks its factor 1/2"),
        (1 / 2, "the squared error lacks a factor 1/2"),
        (dim, f"the squared error is averaged over the {dim} entries instead of summed"),
        (dim / 2, f"the squared error is averaged over the {dim} entries, without a factor 1/2"),
        (1 / dim, f"KL is divided by the {dim} entries, or the squared error is a sum, no mean"),
        (2 / dim, f"the squared error is half of a sum over the {dim} entries, no mean"),
        (latents, f"KL is summed over the {latents} latents instead of averaged"),
        (1 / latents, f"KL is averaged over the {latents} latents instead of summed"),
        (batch, f"KL is summed over a batch of {batch}, the squared error averaged over it"),
        (1 / batch, f"the squared error is summed over a batch of {batch}, KL averaged over it"),
    )
    return [cause for each, cause in wrong if abs(np.log(ratio / each)) < np.log1p(CLOSE)]
