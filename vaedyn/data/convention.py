"""The KL weight in other people's units: how their losses are scaled, and ours."""

from dataclasses import dataclass

from ..errors import ParameterError
from ..model.params import integer, real

LOSSES = ("sum", "mean")
KLS = ("sum", "mean", "per-entry")
BATCH_SUMS = ("reconstruction", "kl")
LIKELIHOODS = ("gaussian", "bernoulli", "poisson", "nb", "factor")
LEARNED = "learned"
LEAST = 1e-12  # of what weights and data are multiplied by: beyond it numbers underflow somewhere


@dataclass(frozen=True)
class Convention:
    """How a user's code scales the loss ``reconstruction + weight KL`` of a VAE.

    The model's own loss is ``|x - W z|^2 / 2 + beta KL`` for each sample, with the KL
    divergence summed over latents. Reconstruction here is the squared error, summed or
    averaged over the `dim` entries of x; with a decoder variance v it is divided by 2 v,
    as in the negative logarithm of a Gaussian likelihood. Of other likelihoods, and of a
    decoder variance that is learned, it is the negative logarithm itself.

    Parameters
    ----------
    loss : {"sum", "mean"}
        Over the entries of x, as torch's ``mse_loss`` calls them.
    decoder_variance : float or "learned", optional
        1 for half of the squared error. If learned, one for all entries.
    scale : float
        What the data are multiplied by before training, such as 1/255.
    kl : {"sum", "mean", "per-entry"}
        Whether the KL divergence is summed or averaged over latents, or summed and then
        divided by the number of entries of x.
    latent : int, optional
        Number of latents, which an averaged KL divergence needs.
    reconstruction_weight : float
        What the reconstruction is multiplied by.
    batch_sum : {"reconstruction", "kl"}, optional
        Which of the two is summed over the samples of a batch while the other is averaged.
        Otherwise both are summed, or both averaged, which makes no difference.
    batch_size : int, optional
        Samples in a batch, which `batch_sum` needs.
    likelihood : {"gaussian", "bernoulli", "poisson", "nb", "factor"}
        What the reconstruction is the negative logarithm of, see `vaedyn.collapse_thresholds`.
    dispersion : float, optional
        Of nb, the negative binomial.

    Raises
    ------
    ParameterError
        When an argument is out of range, or arguments do not fit one another.
    """

    loss: str = "sum"
    decoder_variance: float | str | None = None
    scale: float = 1.0
    kl: str = "sum"
    latent: int | None = None
    reconstruction_weight: float = 1.0
    batch_sum: str | None = None
    batch_size: int | None = None
    likelihood: str = "gaussian"
    dispersion: float | None = None

    def __post_init__(self) -> None:
        for name, known in (("loss", LOSSES), ("kl", KLS), ("likelihood", LIKELIHOODS)):
            if getattr(self, name) not in known:
                expected = ", ".join(known[:-1]) + f" or {known[-1]}"
                raise ParameterError(name, f"expected {expected}, got {getattr(self, name)!r}")
        if self.batch_sum not in (None, *BATCH_SUMS):
            raise ParameterError(
                "batch_sum", f"expected reconstruction or kl, got {self.batch_sum!r}"
            )
        if self.decoder_variance not in (None, LEARNED):
            real("decoder_variance", self.decoder_variance, LEAST, least_allowed=True)
        if self.decoder_variance is not None and self.likelihood != "gaussian":
            reason = f"goes with the gaussian likelihood, not with {self.likelihood}"
            raise ParameterError("decoder_variance", reason)
        if self.dispersion is not None:
            real("dispersion", self.dispersion, LEAST, least_allowed=True)
            if self.likelihood != "nb":
                raise ParameterError("dispersion", "goes with the likelihood nb")
        for name in ("scale", "reconstruction_weight"):
            real(name, getattr(self, name), LEAST, least_allowed=True)
        for name in ("latent", "batch_size"):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name), 1)
        if self.batch_sum is not None and self.batch_size is None:
            reason = f"is needed: {self.batch_sum} is summed over the batch, the other averaged"
            raise ParameterError("batch_size", reason)

    @property
    def kind(self) -> str:
        """The likelihood, or ``learned`` where it is gaussian with a variance to be learned."""
        return LEARNED if self.decoder_variance == LEARNED else self.likelihood

    def factor(self, dim: int, kind: str = "gaussian") -> float:
        """Return the user's weight over beta.

        Multiplying the data by c multiplies all variances, and so beta, by c^2. Betas of other
        likelihoods are those of the scaled data, and have no such factor.

        Raises
        ------
        ParameterError
            When this loss is of another kind than `kind`, for which a beta was found, or
            the number of latents is missing.
        """
        if kind != self.kind:
            name = "decoder_variance" if LEARNED in (kind, self.kind) else "likelihood"
            raise ParameterError(name, f"this is derived for {kind}, not for {self.kind}")
        factor = self.reconstruction(dim)
        if self.kl == "per-entry":
            factor *= integer("dim", dim, 1)
        elif self.kl == "mean":
            if self.latent is None:
                raise ParameterError("latent", "is needed, as the KL is averaged over latents")
            factor *= self.latent
        if self.batch_sum == "kl" and self.batch_size is not None:
            factor *= 1 / self.batch_size
        return factor

    def reconstruction(self, dim: int) -> float:
        """Return what half of the squared error of the data as they are is multiplied by.

        Of other likelihoods, what the negative logarithm is multiplied by.
        """
        factor = self.reconstruction_weight
        if self.kind == "gaussian":
            variance = self.decoder_variance
            assert not isinstance(variance, str)
            factor *= (2 if variance is None else 1 / float(variance)) * self.scale**2
        if self.loss == "mean":
            factor /= integer("dim", dim, 1)
        if self.batch_sum == "reconstruction" and self.batch_size is not None:
            factor *= self.batch_size
        return factor

    def weight(self, beta: float, dim: int, kind: str = "gaussian") -> float:
        """Return the KL weight that `beta` stands for, of data with `dim` columns."""
        return beta * self.factor(dim, kind)

    def beta(self, weight: float, dim: int, kind: str = "gaussian") -> float:
        """Return the beta of a KL weight, in units of the variance of the data as they are.

        Raises
        ------
        ParameterError
            When `weight` is not positive, or as `factor` does.
        """
        return real("weight", weight, LEAST, least_allowed=True) / self.factor(dim, kind)


OWN = Convention("sum", 1.0)
"""The model's: half of the squared error, and beta times KL."""
