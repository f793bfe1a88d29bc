"""The KL weight from which on no VAE at all does better than one without latents.

For any encoder and any decoder y(z), with d the half squared error and p the prior,

    E_x[ KL(q|p) + (d(x, y) - d(x, mean)) / beta ] >= -E_x log E_z exp((d(x, mean) - d(x, y))/beta)
                                                   >= -log E_z E_x exp((d(x, mean) - d(x, y))/beta)

by Donsker and Varadhan, then by Jensen. If the last mean over the rows is at most 1 whatever y
is, the loss is not below that of collapse. In rows about their mean, and y about it, that is

    g(y) = log E_x exp(x.y/beta) - |y|^2/(2 beta) <= 0  for all y,

so that the least such beta is what probability theory calls the (optimal) variance proxy of
sub-Gaussian x. To second order in y it is beta >= l_1; few rows far from all others ask for
more. It is also where the rate-distortion function of the rows leaves zero (as in deterministic
annealing: Rose, Proceedings of the IEEE 86, 1998).
"""

import numpy as np

STARTS, STEPS, BISECTIONS = 200, 60, 14
LEAST = 1e-6  # of g, relative to (gain in error)/beta, to be above rounding


def bound(table: np.ndarray) -> float:
    """Return the least beta beyond which collapse is the best of all states.

    The maximum of g is searched by ``y <- E_x[w x]``, w in proportion to exp(x.y/beta), which
    never lowers g (it is an EM step), from the rows that are furthest from the mean and from
    others. What it finds is a lower limit of the bound, as another start might find more.

    Parameters
    ----------
    table : (samples, columns)
    """
    table = table - table.mean(axis=0)
    largest = np.linalg.eigvalsh(table.T @ table / len(table))[-1]
    lengths = (table**2).sum(axis=1)
    furthest = np.argsort(-lengths)[: STARTS // 2]
    others = np.random.default_rng(0).permutation(len(table))[: STARTS // 2]
    starts = table[np.concatenate([furthest, others])]
    # Hoeffding's lemma: with |x.y| <= r |y| no y pays from beta = r^2 on
    low, high = float(largest), float(lengths.max())
    for _ in range(BISECTIONS):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _pays(table, starts, middle) else (low, middle)
    return low


def _pays(table: np.ndarray, y: np.ndarray, beta: float) -> bool:
    """Return whether g > 0 is found at this beta."""
    for _ in range(STEPS):
        exponents = (y @ table.T - (y**2).sum(axis=1, keepdims=True) / 2) / beta
        top = exponents.max(axis=1, keepdims=True)
        weights = np.exp(exponents - top)
        g = top[:, 0] + np.log(weights.mean(axis=1))
        if (g > LEAST * (1 + (y**2).sum(axis=1) / beta)).any():
            return True
        y = weights @ table / weights.sum(axis=1, keepdims=True)
    return False
