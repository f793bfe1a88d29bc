"""The beta of the least error on fresh data, for a linear VAE that is trained on the same rows.

Trained on P rows again and again, a latent comes to lie on an eigenvector of their covariance
(1/P normalisation), of eigenvalue l, with ``|w|^2 = l - beta``. Of a signal of strength rho that
eigenvector has the squared overlap c2 with the true direction, so that its part of the
generalisation error is ``rho - 2 sqrt(rho c2 (l - beta)) + (l - beta)``, and rho where beta > l.
For one signal that is least at ``beta = l - rho c2``, where it is ``rho (1 - c2)``. One beta for
several signals is a compromise: in each interval between two eigenvalues the sum is convex.
"""

from typing import Any

import numpy as np

BISECTIONS = 80


def fresh_error(
    beta: Any, variances: np.ndarray, rho: np.ndarray, overlap: np.ndarray
) -> np.ndarray:
    """Return the generalisation error at each `beta` (...), of latents that have settled on rows.

    Up to rotations among signals whose strengths are hardly different.

    Parameters
    ----------
    beta : (...)
        KL weights.
    variances : (latents,)
        Eigenvalues of the rows' covariance, 1/P normalisation, descending.
    rho : (signals,)
        Strengths of the signals, in the order of the eigenvalues.
    overlap : (signals,)
        Squared overlap of each eigenvector with the true direction.
    """
    # model: closed form, at small tau and lam = 0
    square = np.maximum(variances - np.asarray(beta, float)[..., None], 0)
    pairs = min(len(variances), len(rho))
    gain = np.sqrt((rho * overlap)[:pairs] * square[..., :pairs])
    return rho.sum() + square.sum(axis=-1) - 2 * gain.sum(axis=-1)


def best_beta(variances: np.ndarray, rho: np.ndarray, overlap: np.ndarray) -> float:
    """Return the beta at which `fresh_error` is least; parameters as there.

    With the first n latents alive, ``sum_{k <= n} (sqrt(rho_k c2_k / (l_k - beta)) - 1)`` is the
    slope, which rises with beta from one eigenvalue to the next: one root at most in each interval.
    """
    # model: closed form, at small tau and lam = 0
    s = np.asarray(variances, float)
    gains = np.zeros(len(s))
    pairs = min(len(s), len(rho))
    gains[:pairs] = (rho * overlap)[:pairs]
    low, high = np.append(s[1:], 0.0), s.copy()
    alive = np.tri(len(s), dtype=bool)  # row n: the first n + 1
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        apart = np.where(alive, s - middle[:, None], 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(gains > 0, np.sqrt(gains / np.maximum(apart, 0)), 0.0) - 1
        rising = np.where(alive, terms, 0.0).sum(axis=1) > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    tried = np.concatenate([low, high])
    tried = tried[tried > 0]
    return float(tried[np.argmin(fresh_error(tried, s, rho, overlap))])
