"""The constants of the model, in the one tuple that Python and compiled code share."""

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

OF_STEPS = (
    "lam",
    "lr",
    "encoder",
    "variances",
    "batch",
    "sampled",
)  # what steps of SGD are made by


class Constants(NamedTuple):
    """The constants of the model at one point, or at many.

    Compiled code sees a named tuple, without methods and properties.

    Attributes
    ----------
    beta : float, or (n,)
        KL weight. Where it changes in time, this is its end value.
    rho : (signal,), or (n, signal)
        Signal strengths; at many points the strongest first. There may be none.
    eta : float, or (n,)
        Background noise variance.
    lam : float, or (n,)
        Weight decay.
    lr : float, or (n,)
        Learning rate tau of the decoder, over 1 - p where there is momentum p.
    latent : int
        Number of latents; there may be none.
    encoder, variances : float, or (n,)
        Learning rates of the encoder and of its variances, over that of the decoder.
    batch : float, or (n,)
        Number of data points in a step.
    sampled : float, or (n,)
        1 where latents are sampled, 0 where the loss is averaged over them.
    """

    beta: Any
    rho: np.ndarray
    eta: Any
    lam: Any
    lr: Any
    latent: int
    encoder: Any = 1.0
    variances: Any = 1.0
    batch: Any = 1.0
    sampled: Any = 0.0

    @classmethod
    def of(cls, params: Any, **varied: Any) -> Self:
        """Return the constants of a `vaedyn.Params`, but for those given by name.

        With arrays among those, `many` makes it one at many points.
        """
        rates = (1.0, 1.0, 1.0) if isinstance(params.lr, float) else params.rates
        found = cls(
            beta=params.beta,
            rho=params.rho,
            eta=params.eta,
            lam=params.lam,
            lr=params.rate,
            latent=params.latent,
            encoder=float(rates[1] / rates[0]),
            variances=float(rates[2] / rates[0]),
            batch=float(params.batch),
            sampled=float(params.sampled),
        )
        found = found._replace(**varied) if varied else found
        return found._replace(rho=np.asarray(found.rho, float))

    @property
    def signal(self) -> int:
        """Number of signals."""
        return self.rho.shape[-1]

    @property
    def plain(self) -> bool:
        """Whether all rates are the same and latents averaged over, as `kernels.ode` takes it."""
        if isinstance(self.encoder, float):  # at one point
            return self.encoder == self.variances == 1.0 and self.sampled == 0.0
        rates = np.all(self.encoder == 1.0) and np.all(self.variances == 1.0)
        return bool(rates and np.all(self.sampled == 0.0))

    @property
    def second(self) -> Any:
        """The weight of what is of second order in a step, see `second`."""
        return second(self)

    @property
    def h(self) -> Any:
        """The weight of the terms that a finite learning rate adds to the ODE."""
        return second(self) * self.eta

    def _scalars(self) -> dict[str, Any]:
        """Return all that are single numbers at a point."""
        return {name: x for name, x in self._asdict().items() if name not in ("rho", "latent")}

    def _each(self, change: Callable[[Any], Any]) -> Self:
        return self._replace(**{name: change(x) for name, x in self._scalars().items()})

    def many(self) -> Self:
        """Return it at many points: all as (n,), `rho` (n, signal), the strongest first."""
        shapes = {np.shape(x) for x in self._scalars().values() if not isinstance(x, float)}
        (n,) = np.broadcast_shapes((1,), *shapes, self.rho.shape[:-1])
        rho = -np.sort(-np.broadcast_to(self.rho, (n, self.signal)))
        return self._each(lambda x: np.full(n, x, float))._replace(rho=rho)

    def at(self, rows: np.ndarray) -> Self:
        """Return those of many points that `rows` selects."""
        return self._each(lambda x: x[rows])._replace(rho=self.rho[rows])

    def column(self) -> Self:
        """Return all but `rho` as (n, 1), against many values of an order parameter."""
        return self._each(lambda x: x[..., None])


def second(c: Constants) -> Any:
    """Return the weight of what is of second order in a step, over that of the first: tau/b.

    For compiled code, too. All that a finite learning rate adds is in proportion to it.
    """
    return c.lr / c.batch
