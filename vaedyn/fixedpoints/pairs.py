"""Two latents that are mixed over two directions: the roots of one function of Q.

Turned by 45 degrees they are two single latents, one on each direction, which
share their D. The stronger one gives D, and with it the sum of both Q; the
weaker one then has one equation.
"""

import numpy as np

from ..kernels.constants import Constants
from .single import (
    Latent,
    furthest,
    noise_at,
    noise_latent,
    roots_between,
    signal_at,
    signal_latent,
    spread_nodes,
)

CLOSER = 40  # times that a gap between values of Q may be halved
RATIO = 1.02  # of the weaker latent's K at values of Q next to one another, and of D


def mixed(c: Constants, strong: float, weak: float) -> tuple[Latent, Latent, np.ndarray]:
    """Return the single latents (roots,) of all pairs mixed over two directions at one point.

    The last array (roots,) is whether the function rises there, as it does on the
    branch of small learning rates and no weight decay.

    Parameters
    ----------
    c : Constants
        Of one point.
    strong, weak : float
        Strengths of the signals, the stronger first; 0 stands for background noise.
    """
    # model: closed form, D from dD = 0 of two latents
    c = c.column()
    rho, second = np.array([[strong]]), np.array([[weak]])
    most = 0.25 * furthest(second + c.eta + c.h, c.beta)
    least = c.beta[0] / most[0]  # D of a latent of that Q

    def shared(Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return D and the Q of the weaker latent at that of the stronger; of any sign."""
        at_0, at_1 = (signal_at(c, rho, Q, np.array(D))[0] for D in (0.0, 1.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            D = at_0 / (at_0 - at_1)
            return D, 2 * c.beta * (1 / D - 1) - Q

    def left(Q: np.ndarray) -> np.ndarray:
        D, other = shared(Q)
        # a little below 0, too, as a root may be close to where the pair ends
        there = (D > 0) & (other > -0.5 * c.beta) & (other < most)
        other = np.where(there, other, np.nan)
        return (signal_at(c, second, other, D) if weak else noise_at(c, other, D))[0]

    def coarse(Q: np.ndarray) -> np.ndarray:
        """Return whether values of Q (nodes,) are too far apart for D and K, (nodes - 1,)."""
        D, other = (values[0] for values in shared(Q[None]))
        K = np.clip(other + c.beta[0], 0.5 * c.beta[0], most[0])
        far = [np.abs(np.diff(np.log(x))) for x in (np.clip(D, least, 1.0), K)]
        return ~(np.maximum(*far) < np.log(RATIO))

    nodes = spread_nodes(furthest(rho + c.eta + c.h, c.beta))
    for _ in range(CLOSER):
        gaps = np.flatnonzero(coarse(nodes) & (np.diff(nodes) > 1e-14 * nodes[1:]))
        if not len(gaps):
            break
        nodes = np.union1d(nodes, 0.5 * (nodes[gaps] + nodes[gaps + 1]))
    Q = roots_between(left, nodes).T
    D, other = shared(Q)
    rises = left((1 + 1e-7) * Q) > left((1 - 1e-7) * Q)
    lesser = signal_latent(c, second, other, D) if weak else noise_latent(c, other, D)
    return signal_latent(c, rho, Q, D), lesser, rises.ravel()
