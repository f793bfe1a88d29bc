"""What a linear VAE learns of a data spectrum, in the limit of small learning rates.

At the best parameters a direction of variance s is used when s > beta: the latent
then encodes it at ``ln(s/beta)/2`` nats and leaves an error of beta, else nothing and s.
This is reverse water-filling, with beta as the level (Cover & Thomas, "Elements of
Information Theory", section 10.3; for the VAE: Lucas et al., NeurIPS 2019).
Trained on the rows of a table, again and again, the variances are the table's own eigenvalues;
on ever fresh samples, those of the population that the rows were drawn from.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import ParameterError
from .analyse import Analysis, sample_of
from .best_beta import best_beta, fresh_error
from .spectrum import Spectrum

EPOCHS = ("many", "one")
MOST_STEPS = 12
CURVE = 41  # points of the rate-distortion curve
MANTISSAS = (
    np.arange(1, 10, 0.1).tolist(),
    (1, 1.2, 1.5, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 2, 5),
    (1, 3),
    (1,),
)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Collapse, rate and distortion of a linear VAE, on signals in white noise or on a table.

    Parameters
    ----------
    rho : (signals,)
        Strengths of the signals, descending: what their variances exceed eta by.
    eta : float
        Variance of the noise in every direction.
    dim : int
        Number of directions.
    eigenvalues : (k,), optional
        Of a table, descending; all statements about latents then come from these rather
        than from rho and eta, and by default there are as many latents as directions.
    total : float, optional
        Sum of all eigenvalues, with those that are not known.
    overlap : (signals,), optional
        Squared overlap of the table's eigenvectors with the true directions of the signals, 1
        where samples are ever fresh.
    """

    rho: np.ndarray
    eta: float
    dim: int
    eigenvalues: np.ndarray | None = None
    total: float | None = None
    overlap: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rho", np.asarray(self.rho, float))

    @classmethod
    def of(cls, spectrum: Spectrum, analysis: Analysis, epochs: str = "many") -> "Prediction":
        """Return what training on a table leads to.

        Parameters
        ----------
        spectrum : Spectrum
        analysis : Analysis
        epochs : {"many", "one"}
            Whether rows are used again and again, so that their own eigenvalues count; or
            every sample is fresh, so that those of the population do: rho + eta, and eta.

        Raises
        ------
        ParameterError
            When samples are fresh, and nothing is known of the population as there is no floor.
        """
        if epochs not in EPOCHS:
            raise ParameterError("epochs", f"expected {' or '.join(EPOCHS)}, got {epochs!r}")
        rho, eta, dim = analysis.rho, analysis.eta, analysis.dim
        if epochs == "many":
            known = analysis.no_floor is None
            total = spectrum.total * (1 - 1 / spectrum.samples)
            overlap = analysis.overlap if known else None
            return cls(rho, eta, dim, eigenvalues_of_rows(spectrum), total, overlap)
        if analysis.no_floor is not None:
            raise ParameterError(
                "epochs", f"one needs the population's variances: {analysis.no_floor}"
            )
        every = np.concatenate([rho + eta, np.full(dim - len(rho), eta)])
        return cls(rho, eta, dim, every, float(every.sum()))

    @property
    def collapse(self) -> np.ndarray:
        """Values of beta (signals,) at and beyond which each is lost, on ever fresh samples."""
        # model: closed form, at small tau and lam = 0
        return self.rho + self.eta

    @property
    def missing(self) -> bool:
        """Whether eigenvalues of the table are not known: their sum is less than the total."""
        return (
            self.eigenvalues is not None
            and len(self.eigenvalues) < self.dim
            and self._total - self.eigenvalues.sum() > 1e-9 * self._total
        )

    @property
    def _total(self) -> float:
        if self.total is not None:
            return self.total
        return float(self.rho.sum() + self.dim * self.eta)

    @cached_property
    def beta(self) -> float:
        """The beta at which the error on fresh data is least, with a latent for each signal.

        eta on ever fresh samples, and where there is no floor or no signal; on rows that are used
        again and again, that of `vaedyn.data.best_beta.best_beta`.
        """
        if self.overlap is None or not self.latents:
            return self.eta
        return best_beta(self.variances(self.latents), self.rho, self.overlap)

    @property
    def latents(self) -> int:
        """The number of latents that white noise asks for: one for each signal."""
        return len(self.rho)

    def variances(self, latents: int | None = None) -> np.ndarray:
        """Return the variances (latents,) of the directions that latents would live on."""
        if self.eigenvalues is not None:
            return self.eigenvalues[:latents]
        count = self.latents if latents is None else latents
        spare = min(count, self.dim) - len(self.rho)
        return np.concatenate([self.collapse[:count], np.full(max(spare, 0), self.eta)])

    def active(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return how many latents are in use at each `beta`, (...)."""
        return (self.variances(latents) > np.asarray(beta)[..., None]).sum(axis=-1)

    def kl_per_latent(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the mean KL divergence of each latent in nats, (..., latents)."""
        # model: closed form, at small tau and lam = 0
        ratio = self.variances(latents) / np.asarray(beta, float)[..., None]
        return 0.5 * np.log(np.maximum(ratio, 1.0))

    def rate(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the KL divergence of all latents in nats, (...)."""
        return self.kl_per_latent(beta, latents).sum(axis=-1)

    def error(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the mean squared reconstruction error, summed over directions, (...)."""
        # model: closed form, at small tau and lam = 0
        used = self.variances(latents)
        rest = self._total - used.sum()
        return np.minimum(used, np.asarray(beta, float)[..., None]).sum(axis=-1) + rest

    def fresh_error(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the generalisation error that is expected on fresh data, (...).

        With a latent for each signal, unless their number is given; meaningful where the data
        are signals in white noise.
        """
        used = self.variances(self.latents if latents is None else latents)
        overlap = np.ones(len(self.rho)) if self.overlap is None else self.overlap
        return fresh_error(beta, used, self.rho, overlap)

    def explained(self, beta: Any, latents: int | None = None) -> np.ndarray:
        """Return the share of the variance that the reconstruction explains, (...).

        One minus the mean squared error over the total variance, for latents that are drawn
        as in training: ``sum (s - beta) / sum s``, the first sum over latents in use. The
        decoder's weights shrink so that s - beta is also the variance of the reconstruction.
        """
        return 1 - self.error(beta, latents) / self._total

    def rate_distortion(self, latents: int | None = None) -> np.ndarray:
        """Return beta, `rate` and `error` from below the noise to beyond collapse, (points, 3)."""
        betas = np.geomspace(0.2 * self.eta, 1.2 * self.variances(latents)[0], CURVE)
        return np.stack([betas, self.rate(betas, latents), self.error(betas, latents)], axis=1)

    def spare_cost(self, beta: float) -> tuple[float, float]:
        """Return what each latent without a signal costs: eps_g, and KL in nats.

        It fits noise below eta, by ``eta - beta`` and ``ln(eta/beta)/2``, and has no
        effect above.
        """
        # model: closed form, at small tau and lam = 0
        if beta >= self.eta:
            return 0.0, 0.0
        return self.eta - beta, 0.5 * float(np.log(self.eta / beta))


def eigenvalues_of_rows(spectrum: Spectrum) -> np.ndarray:
    """Return the eigenvalues (k,) that training on the rows sees, descending.

    Their covariance is the mean over all P rows, while that of a `Spectrum` estimates the
    population's, with 1/(P - 1).
    """
    return sample_of(spectrum).eigenvalues * (1 - 1 / spectrum.samples)


@dataclass(frozen=True)
class Row:
    """What a linear VAE does at one beta.

    Attributes
    ----------
    beta : float
    active : int
        Latents in use: eigenvalues above beta, at most as many as there are latents.
    explained : float
        Share of the variance that the reconstruction explains, `Prediction.explained`.
    kl : float
        KL divergence of all latents in nats.
    exact : bool
        Whether all eigenvalues above beta are known; if not, the three are the least they can be.
    """

    beta: float
    active: int
    explained: float
    kl: float
    exact: bool = True


def row(prediction: Prediction, beta: float, latents: int | None = None) -> Row:
    """Return what happens at `beta`, with so many latents at most."""
    used = prediction.variances(latents)
    # what is missing of the sum of all eigenvalues is of some that are not known, all smaller
    missing = prediction.missing and (latents is None or latents > len(used))
    return Row(
        beta=beta,
        active=int(prediction.active(beta, latents)),
        explained=float(prediction.explained(beta, latents)),
        kl=float(prediction.rate(beta, latents)),
        exact=not missing or beta >= used[-1],
    )


def steps(low: float, high: float, most: int = MOST_STEPS) -> list[float]:
    """Return round numbers, ascending, at most so many: those in between and the next to both.

    Such as 1, 2, 5, 10, 20, 50, or finer where that makes few, or coarser where that
    makes many.
    """
    first, last = int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1
    for mantissas in MANTISSAS:
        every = [float(f"{m:g}e{k}") for k in range(first, last + 1) for m in mantissas]
        below, above = (x for x in every if x < low), (x for x in every if x >= high)
        some = [max(below), *(x for x in every if low <= x < high), next(above)]
        if len(some) <= most:
            return some
    powers = np.linspace(first, last, most).round().astype(int)
    return [float(f"1e{k}") for k in dict.fromkeys(powers.tolist())]
