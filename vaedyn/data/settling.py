"""How long linear VAEs take to settle: the slow modes around the state that they end in.

All latents that are in use sit on an eigen-direction each; deviations decay by modes that
mix at most two latents or directions, so that small matrices hold all rates. They are those
of small learning rates without weight decay, for weights in the units of the data.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ..fixedpoints.single import on_signal
from ..kernels.constants import Constants

STEADY, PER_DIM = 0.2, 0.02  # learning rates of which SGD's noise moves KL by about 0.01 nats
PART = 0.5  # of the way to what fits a single row best that a step may go
FOLDS = 4.0  # times 1/rate after which a mode has decayed, as seen in training
ALIKE = 0.05  # nats: latents whose KL divergences differ less need not be told apart


class Mode(NamedTuple):
    """A deviation from the state that learning ends in.

    Attributes
    ----------
    rate : float
        By which it decays, over the learning rate.
    variances : tuple of float
        Of the directions concerned: one, or two that are mixed.
    mixing : bool
        Whether latents on both of two directions are mixed, which leaves their sum.
    """

    rate: float
    variances: tuple[float, ...]
    mixing: bool = False


def kl_of(variances: np.ndarray, beta: float, lam: float = 0.0) -> np.ndarray:
    """Return the KL divergence in nats of a latent on each direction, where learning ends.

    ``ln(s/beta)/2`` for s > beta, else 0. Weight decay `lam` lowers it.
    """
    # model: closed form, at small tau
    s = np.asarray(variances, float)
    with np.errstate(divide="ignore"):
        free = 0.5 * np.log(np.maximum(s / beta, 1.0))
    if not lam:
        return free
    found, alive = np.zeros_like(free), free > 0
    half = 0.5 * s[alive]  # how much of a variance is called noise makes no difference
    c = Constants(beta, half[:, None], half, lam, lr=0.0, latent=1).many()
    latent = on_signal(c, half)
    kl = 0.5 * (latent.moments(c)[0] + latent.D - np.log(latent.D) - 1)
    found[alive] = np.nan_to_num(kl)
    return found


def modes(variances: np.ndarray, beta: float, latent: int) -> Iterator[Mode]:
    """Yield the modes whose decay changes KL divergences by more than `ALIKE`.

    Parameters
    ----------
    variances : (k,)
        Eigenvalues of the data covariance, descending.
    beta : float
    latent : int
        Number of latents.
    """
    # model: linearisation, in m and d at small tau and lam = 0
    s = np.asarray(variances, float)
    used = s[:latent][s[:latent] > beta]
    idle = len(used) < min(latent, len(s))
    for x in used[~_alike(used, beta)].tolist():
        yield Mode(_slowest(_alone(x, beta)), (x,))
        if idle:  # a collapsed latent lets go of a direction that another one has taken
            yield Mode(_slowest([[-1, beta], [beta, -beta * x]]), (x,))
        if not idle and latent < len(s) and not _alike(x, y := float(s[latent])):
            yield Mode(_slowest([[-1, y], [y, -x * y]]), (x, y))
    for x, y in combinations(used.tolist(), 2):
        if not _alike(x, y):
            yield Mode(_slowest(_pair(x, y, beta)), (x, y), mixing=True)
    if idle and not _alike(y := float(s[len(used)]), beta):
        yield Mode(_slowest([[-1, y], [y, -beta * y]]), (y,))


def steady_rate(dim: int, beta: float, longest: float = 0.0) -> float:
    """Return a learning rate for data of largest variance 1.

    It stays well below where steps lose D, at `rate_of_variances`, and where a step on a
    single long row goes astray, at `rate_of_rows`.

    Parameters
    ----------
    dim : int
    beta : float
    longest : float
        Largest ``|x|^2/dim`` of a row x, if it is known: `vaedyn.data.rows.Rows.longest`.
    """
    by_rows = PART / 2 * rate_of_rows(beta, longest)
    return min(STEADY, PER_DIM * dim, rate_of_variances(dim, beta) / 4, by_rows)


def rate_of_variances(dim: int, beta: float) -> float:
    """Return the learning rate below which steps of D around D = beta are stable."""
    # model: closed form, of steps of D
    return 4 * dim * beta


def rate_of_draws(dim: int, beta: float, batch: int) -> float:
    """Return the learning rate at which draws of latents move D by about a sixth of itself.

    Where D is least, at beta, the reparametrised gradient of D has the variance
    ``(1 - beta)(2 - beta)/4``, and steps give D the variance of that times ``lr beta/(dim
    batch)``. Beyond, D may well get below 0.
    """
    # model: closed form, of steps of D
    return dim * beta * batch / 20


def rate_of_rows(beta: float, longest: float) -> float:
    """Return the learning rate below which a step on the longest row is stable.

    A step of V on x multiplies ``V^T x`` by ``1 - lr (beta + Q) |x|^2/dim``. At the start Q is
    about 1, and where learning ends the larger of 1 and beta bounds beta + Q: neither
    exceeds 1 + beta. From half of this rate on, steps overshoot.
    """
    # model: closed form, of steps of V
    return 2 / ((1 + beta) * longest) if longest else np.inf


def settled_at(mode: Mode, lr: float) -> float:
    """Return the time from which a mode, for data of largest variance 1, has decayed."""
    return FOLDS / (lr * max(mode.rate, 1e-300))


def _alike(a, b):
    return 0.5 * np.abs(np.log(np.maximum(a, 1e-300) / b)) < ALIKE


def _slowest(jacobian: list[list[float]]) -> float:
    return float(-np.linalg.eigvals(np.array(jacobian)).real.max())


def _alone(s: float, beta: float) -> list[list[float]]:
    """Return the Jacobian of m, d and D of a latent on its own direction."""
    # model: linearisation, at small tau and lam = 0
    m = np.sqrt(s - beta)
    d = m / s
    return [[-1, s - 2 * s * m * d, -m], [s - 2 * s * m * d, -s * s, 0], [-m, 0, -s * s / 2 / beta]]


def _pair(s: float, r: float, beta: float) -> list[list[float]]:
    """Return the Jacobian of m and d of each of two latents with the direction of the other."""
    # model: linearisation, at small tau and lam = 0
    both = -np.sqrt((s - beta) * (r - beta))
    return [
        [-1, 0, beta, both],
        [0, -1, both, beta],
        [beta, both, -s * r, 0],
        [both, beta, 0, -s * r],
    ]
