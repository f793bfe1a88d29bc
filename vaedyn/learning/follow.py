"""Learning on data of any covariance in the limit of large N: the ODE, integrated.

Directions that are tracked, the signals, have first moments; all others are in classes, of
one variance each, and are known by second moments.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..kernels.constants import OF_STEPS, Constants
from ..model import state
from ..model.params import Params
from ..model.records import Progress
from ..model.schedule import Schedule
from .solve import solve, steps_in_a_while

LARGE = 1e4  # times the natural size of an order parameter: it has diverged
LEAST = 1e-6  # a variance of data that is taken for that where overlaps may be as its inverse
NAMES = ("m", "d", "q", "e", "r", "D")  # in the order of the flat state


class Directions(NamedTuple):
    """The eigen-directions of a data covariance.

    Attributes
    ----------
    tracked : (K,)
        Variances s_k of the data along those directions that may be learned.
    classes : (C,)
        Variances eta_c of the data on the rest, class by class. There may be none.
    shares : (C,)
        Share f_c of all N directions that is in a class. They add up to 1 at most: what
        lacks is tracked.
    """

    tracked: np.ndarray
    classes: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True, eq=False)
class Course:
    """How a linear VAE learns data with `directions`; all is in units of the data.

    Attributes
    ----------
    directions : Directions
    t : (times,)
        Number of SGD steps by N.
    m, d : (times, M, K)
        Overlaps of decoder and encoder with tracked directions, ``W^T u sqrt(1/N)`` for a
        direction u of length 1.
    q, e, r : (times, C, M, M)
        Means of ``w w^T``, ``v v^T`` and ``w v^T`` over the directions of a class.
    D : (times, M)
        Encoder variances.
    info : dict
        What the solver counted, as of `vaedyn.theory`.
    """

    directions: Directions
    t: np.ndarray
    m: np.ndarray
    d: np.ndarray
    q: np.ndarray
    e: np.ndarray
    r: np.ndarray
    D: np.ndarray
    info: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def Q(self) -> np.ndarray:
        """``W^T W/N``, (times, M, M)."""
        return self._sum(self.m, self.m, self.q)

    @cached_property
    def E(self) -> np.ndarray:
        """``V^T V/N``, (times, M, M)."""
        return self._sum(self.d, self.d, self.e)

    @cached_property
    def R(self) -> np.ndarray:
        """``W^T V/N``, (times, M, M)."""
        return self._sum(self.m, self.d, self.r)

    @cached_property
    def S(self) -> np.ndarray:
        """Covariance of the encoder means mu, (times, M, M)."""
        return self._sum(self.d, self.d, self.e, weighted=True)

    @cached_property
    def A(self) -> np.ndarray:
        """``E[y mu^T]``, (times, M, M): y is what the decoder sees of a data point."""
        return self._sum(self.m, self.d, self.r, weighted=True)

    @cached_property
    def Y(self) -> np.ndarray:
        """Covariance of y = ``W^T x sqrt(1/N)``, (times, M, M)."""
        return self._sum(self.m, self.m, self.q, weighted=True)

    @property
    def states(self) -> np.ndarray:
        """Flat order parameters m, d, Q, E, R and D, followed by S and A, (times, values)."""
        y = state.pack(self.m, self.d, self.Q, self.E, self.R, self.D)
        return state.with_covariances(y, self.S, self.A)

    def _sum(
        self, left: np.ndarray, right: np.ndarray, rest: np.ndarray, weighted: bool = False
    ) -> np.ndarray:
        """Return the sum over all directions, `weighted` by the variances of the data."""
        # model: observable, second moments over all directions
        s, eta, share = self.directions
        weights, shares = (s, eta * share) if weighted else (np.ones_like(s), share)
        along = (left * weights) @ np.swapaxes(right, -1, -2)
        return along + np.einsum("c,...cij->...ij", shares, rest)

    @cached_property
    def kl_per_latent(self) -> np.ndarray:
        """Mean KL divergence from the prior of each latent, in nats, (times, M)."""
        return state.kl_per_latent(self.S, self.D)

    @property
    def kl(self) -> np.ndarray:
        """KL divergence from the prior, all latents, in nats, (times,)."""
        return self.kl_per_latent.sum(axis=-1)

    @property
    def distortion(self) -> np.ndarray:
        """Squared error / 2 of reconstructions, in excess of ``E|x|^2/2``, (times,)."""
        return state.distortion(self.S, self.A, self.Q, self.D)


def start_of(params: Params) -> tuple[Directions, dict[str, np.ndarray]]:
    """Return the directions of a model with noise in classes, and where learning starts."""
    variances, shares = params.classes.T
    along, within, D = params.products()
    M = params.latent
    rest = within / shares[:, None, None]
    start = {"m": along[:M], "d": along[M:], "D": D}
    start |= {"q": rest[:, :M, :M], "e": rest[:, M:, M:], "r": rest[:, :M, M:]}
    return Directions(params.strengths + params.eta, variances, shares), start


def of_steps(params: Params) -> dict[str, float]:
    """Return how SGD makes steps, as arguments of `follow`."""
    c = Constants.of(params)
    return {name: getattr(c, name) for name in OF_STEPS}


def follow(
    directions: Directions,
    start: Mapping[str, np.ndarray],
    times: np.ndarray,
    *,
    beta: float,
    schedule: Schedule,
    lam: float,
    lr: float,
    encoder: float = 1.0,
    variances: float = 1.0,
    batch: float = 1.0,
    sampled: float = 0.0,
    cancelled: float = 0.0,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    bound: float | None = None,
    progress: Progress | None = None,
) -> Course:
    """Integrate the order parameters' ODE for data of any covariance.

    Parameters
    ----------
    directions : Directions
    start : mapping
        m, d (M, K), q, e, r (C, M, M) and D (M,) at the first of `times`.
    times : (times,)
        Ascending, number of SGD steps by N.
    beta : float
        KL weight at the end of `schedule`.
    schedule : Schedule
    lam : float
        Weight decay.
    lr : float
        Learning rate tau.
    encoder, variances, batch, sampled : float
        As of `vaedyn.kernels.constants.Constants`.
    cancelled : float
        Share of the noise of data in SGD that cancels: 0 for data drawn anew, 1 for the limit in
        which rows are shuffled and all used again before the weights have changed much. The
        noise of sampled latents is drawn anew each time that a row is used.
    rtol, atol : float
        Tolerated error of a step, relative and absolute.
    bound : float, optional
        An order parameter beyond it has diverged; default: 10 000 times its natural size.
    progress : callable, optional
        Called as ``progress(done, total)`` with the time that is reached, and the last one.

    Raises
    ------
    DivergenceError
        When the solution leaves every bound or an encoder variance reaches zero.
    ConvergenceError
        When it takes more than 5 million steps.
    """
    from ..kernels import flows

    directions = Directions(*(np.array(x, float, ndmin=1) for x in directions))
    s, eta, share = directions
    K, C, M = len(s), len(eta), len(start["D"])
    y = _flat(start, K, C, M)
    largest = max([*s, *eta])
    least = max(min([*s, *eta]), LEAST)
    natural = max(1.0, largest, 1 / least, np.abs(y).max())
    c = Constants(beta, s, cancelled, lam, lr, M, encoder, variances, batch, sampled)
    out, solver = solve(
        flows.in_classes(c, eta, share),
        y,
        np.asarray(times, float),
        schedule,
        beta=beta,
        pace=lambda: f"{lr:g}",
        rtol=rtol,
        atol=atol,
        bound=bound or float(LARGE * natural),
        at_once=steps_in_a_while(7 * (3e-7 + 1e-9 * (5 + 5 * C) * M**3 + 5e-9 * M**2 * K)),
        progress=progress,
    )
    parts = _parts(out, K, C, M)
    return Course(directions, np.asarray(times, float), **parts, info={"solver": solver})


def _shapes(K: int, C: int, M: int) -> dict[str, tuple[int, ...]]:
    sizes = ((M, K), (M, K), (C, M, M), (C, M, M), (C, M, M), (M,))
    return dict(zip(NAMES, sizes, strict=True))


def _flat(start: Mapping[str, np.ndarray], K: int, C: int, M: int) -> np.ndarray:
    """Return order parameters as one flat array, after checking their shapes."""
    parts = []
    for name, shape in _shapes(K, C, M).items():
        part = np.asarray(start[name], float)
        if part.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {part.shape}")
        parts.append(part.ravel())
    return np.concatenate(parts)


def _parts(out: np.ndarray, K: int, C: int, M: int) -> dict[str, np.ndarray]:
    """Return the order parameters (times, ...) of flat states (times, values), by name."""
    found, at = {}, 0
    for name, shape in _shapes(K, C, M).items():
        size = int(np.prod(shape))
        found[name] = out[:, at : at + size].reshape(len(out), *shape)
        at += size
    return found
