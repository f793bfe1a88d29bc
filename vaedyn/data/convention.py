"""The KL weight in other people's units: how their losses are scaled, and ours."""

from dataclasses import dataclass

from ..errors import ParameterError
from ..model.params import integer, real

LOSSES = ("sum", "mean")
LEAST = 1e-12  # of what weights and data are multiplied by: beyond it numbers underflow somewhere


@dataclass(frozen=True)
class Convention:
    """How a user's code scales the loss ``reconstruction + weight KL`` of a VAE.

    The model's own loss is ``|x - W z|^2 / 2 + beta KL`` for each sample, with the KL
    divergence summed over latents. Reconstruction here is the squared error, summed or
    averaged over the `dim` entries of x; with a decoder variance v it is divided by 2 v,
    as in the negative logarithm of a Gaussian likelihood.

    Parameters
    ----------
    loss : {"sum", "mean"}
        Over the entries of x, as torch's ``mse_loss`` calls them. Both are averaged, or
        both summed, over the samples of a batch.
    decoder_variance : float, optional
    scale : float
        What the data are multiplied by before training, such as 1/255.

    Raises
    ------
    ParameterError
        When an argument is out of range.
    """

    loss: str = "sum"
    decoder_variance: float | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ParameterError("loss", f"expected {' or '.join(LOSSES)}, got {self.loss!r}")
        if self.decoder_variance is not None:
            real("decoder_variance", self.decoder_variance, LEAST, least_allowed=True)
        real("scale", self.scale, LEAST, least_allowed=True)

    def factor(self, dim: int) -> float:
        """Return the user's weight over beta.

        Multiplying the data by c multiplies all variances, and so beta, by c^2.
        """
        per_error = 1.0 if self.decoder_variance is None else 0.5 / self.decoder_variance
        entries = integer("dim", dim, 1) if self.loss == "mean" else 1
        return 2 * per_error * self.scale**2 / entries

    def weight(self, beta: float, dim: int) -> float:
        """Return the KL weight that `beta` stands for, of data with `dim` columns."""
        return beta * self.factor(dim)

    def beta(self, weight: float, dim: int) -> float:
        """Return the beta of a KL weight, in units of the variance of the data as they are.

        Raises
        ------
        ParameterError
            When `weight` is not positive.
        """
        return real("weight", weight, LEAST, least_allowed=True) / self.factor(dim)


OWN = Convention("sum", 1.0)
"""The model's: half of the squared error, and beta times KL."""
