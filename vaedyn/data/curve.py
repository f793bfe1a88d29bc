"""Learning curves on a table: what each latent has learned in time, in theory or in training."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np

from ..model.quantities import ACTIVE
from ..model.records import Kept, Source, Variables, variable
from ..model.results import Brief
from ..model.state import distortion, kl_per_latent
from .learn import DataParams

FIRST = 0.02  # of 1/lr: the first time that is saved after 0
NEAR = 0.5  # of its final KL divergence: within it, a latent has been learned
TEXTS = {
    "Q": "products of decoder weights W^T W/N",
    "S": "covariance of encoder means over the rows",
    "A": "overlap E[y mu^T] of decoder and encoder over the rows",
    "D": "encoder variances",
}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LearningCurve(Brief):
    """How a linear VAE learns the rows of a table, in the units of the data.

    Attributes
    ----------
    params : DataParams
        The model.
    samples : int
        Number of rows.
    t : (times,)
        Number of SGD steps by N, from 0 on; later ones are spaced by equal factors.
    Q : (times, latent, latent)
        ``W^T W/N``.
    S, A : (times, latent, latent)
        Means of ``mu mu^T`` and ``y mu^T`` over the rows; mu is the encoder mean and
        ``y = W^T x/sqrt(N)``.
    D : (times, latent)
        Encoder variances.
    info : dict
        How it was computed.
    source : Source or None
        Its record, when a store was used.
    """

    params: DataParams
    samples: int
    t: np.ndarray
    Q: np.ndarray
    S: np.ndarray
    A: np.ndarray
    D: np.ndarray
    info: dict[str, Any] = field(default_factory=dict)
    source: Source | None = None

    @property
    def steps(self) -> np.ndarray:
        """Number of SGD steps at each time, (times,)."""
        return self.t * self.params.dim

    @property
    def epochs(self) -> np.ndarray:
        """How often each row has been used at each time, (times,)."""
        return self.steps * self.params.batch / self.samples

    @cached_property
    def kl_per_latent(self) -> np.ndarray:
        """Mean KL divergence of each latent over the rows in nats, (times, latent)."""
        return kl_per_latent(self.S, self.D)

    @property
    def distortion(self) -> np.ndarray:
        """Mean squared error / 2 of reconstructions, in excess of ``E|x|^2/2``, (times,)."""
        return distortion(self.S, self.A, self.Q, self.D)

    @property
    def loss(self) -> np.ndarray:
        """Distortion + beta KL, the negative ELBO, at the final beta, (times,).

        It is 0 where all latents have collapsed, and below where they are of use.
        """
        return self.distortion + self.params.beta * self.kl_per_latent.sum(axis=-1)

    @property
    def order(self) -> np.ndarray:
        """Latents by their KL divergence at the last time, the largest first, (latent,)."""
        return np.argsort(-self.kl_per_latent[-1], kind="stable")

    @property
    def active(self) -> np.ndarray:
        """Whether each latent has more than 0.01 nats at the last time, (latent,)."""
        return self.kl_per_latent[-1] > ACTIVE

    @cached_property
    def learned(self) -> np.ndarray:
        """Time from which on the KL divergence of a latent is within half of its last value.

        Of a latent that has collapsed it is that from which on it has at most 0.01 nats.
        (latent,), 0 where this is so from the start.
        """
        kl, last = self.kl_per_latent, self.kl_per_latent[-1]
        far = np.where(self.active, np.abs(kl - last) - NEAR * last, kl - ACTIVE)
        return np.array([_last_zero(self.t, each) for each in far.T])

    def to_variables(self) -> Variables:
        """Return all arrays with their dims and long names."""
        pair = ("time", "latent", "latent_")
        found: Variables = {"time": variable("SGD steps/N", self.t, ("time",))}
        for name, text in TEXTS.items():
            values = getattr(self, name)
            found[name] = variable(text, values, pair[: values.ndim])
        return found

    @classmethod
    def from_kept(cls, params: DataParams, samples: int, kept: Kept) -> Self:
        """Return the curve that was looked up, or computed."""
        arrays: Any = kept.arrays
        t = arrays.pop("time")
        more: Any = {"info": kept.info, "source": kept.source}
        return cls(params=params, samples=samples, t=t, **arrays, **more)


def _last_zero(t: np.ndarray, far: np.ndarray) -> float:
    """Return the time after which `far` stays below zero; it is linear between times."""
    outside = np.flatnonzero(far > 0)
    if not len(outside):
        return 0.0
    around = slice(outside[-1], outside[-1] + 2)
    return float(np.interp(0.0, -far[around], t[around]))


def steps_of(params: DataParams, points: int) -> np.ndarray:
    """Return the numbers of SGD steps, at most so many, at which a curve is saved.

    They are 0, and those of times by equal factors from 0.02/lr to `t_max`.
    """
    last = params.t_max
    times = np.geomspace(min(FIRST / params.rate, 0.5 * last), last, max(points - 1, 1))
    steps = np.unique(np.rint(times * params.dim).astype(np.int64))
    return np.union1d([0], np.append(steps[steps < params.steps], params.steps))
