"""The eigenvalues of a sample covariance: outliers, what they keep of the truth, and the bulk.

gamma = N/n has the number of directions by that of samples, 1/alpha of `Params.alpha`; a
signal of strength rho is a direction of true variance rho + eta in noise of variance eta.
"""

import numpy as np

Numbers = float | np.ndarray


def bulk_cdf(x: np.ndarray, gamma: float) -> np.ndarray:
    """Return the distribution function of the non-zero eigenvalues of pure noise, eta = 1.

    The law of Marchenko & Pastur (1967), Math. USSR Sb. 1, 457, with gamma = N/n, and
    without its mass at zero when gamma > 1. At x = 1 + gamma - 2 r cos(angle), with
    r = sqrt(gamma) <= 1, its density is 2 sin(angle)^2 / (pi x) per angle, whose
    integral is closed.
    """
    if gamma > 1:  # the eigenvalues of the n x n matrix of scalar products
        return bulk_cdf(np.asarray(x) / gamma, 1 / gamma)
    r = np.sqrt(gamma)
    return _cdf_of_angle(np.arccos(np.clip((1 + gamma - np.asarray(x)) / (2 * r), -1, 1)), r)


def _cdf_of_angle(angle: np.ndarray, r: float) -> np.ndarray:
    turn = np.arctan2(r * np.sin(angle), 1 - r * np.cos(angle))
    inside = np.sin(angle) / (2 * r) + angle / 2 - (1 - r * r) / (2 * r * r) * turn
    return 2 / np.pi * inside


def bulk_quantile(p: np.ndarray, gamma: float) -> np.ndarray:
    """Return the inverse of `bulk_cdf`, by bisection to full precision."""
    if gamma > 1:
        return gamma * bulk_quantile(p, 1 / gamma)
    p, r = np.asarray(p, dtype=float), np.sqrt(gamma)
    low, high = np.zeros_like(p), np.full_like(p, np.pi)
    for _ in range(60):
        middle = (low + high) / 2
        below = _cdf_of_angle(middle, r) < p
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 1 + gamma - 2 * r * np.cos(low)


def edge(eta: Numbers, gamma: Numbers) -> np.ndarray:
    """Return the largest eigenvalue of pure noise in the limit of many directions."""
    return np.asarray(eta * (1 + np.sqrt(gamma)) ** 2)


def outlier(rho: Numbers, eta: Numbers, gamma: Numbers) -> np.ndarray:
    """Return the eigenvalue of a signal among samples; the edge of the bulk if it is lost there.

    Baik & Silverstein (2006), J. Multivar. Anal. 97, 1382.
    """
    apart = slope(rho, eta, gamma) > 0
    return np.where(apart, (rho + eta) * (1 + gamma * eta / rho), edge(eta, gamma))


def slope(rho: Numbers, eta: Numbers, gamma: Numbers) -> np.ndarray:
    """Return how fast the eigenvalue of a spike rises with rho; 0 where it meets the bulk."""
    steepness = 1 - gamma * (eta / rho) ** 2
    return np.where(steepness > 1e-9, steepness, 0)  # up to rounding


def overlap(rho: Numbers, eta: Numbers, gamma: Numbers) -> np.ndarray:
    """Return the squared overlap of a spike's direction in the sample with the true one.

    Paul (2007), theorem 4; Benaych-Georges & Nadakuditi (2011), Adv. Math. 227, 494.
    """
    return slope(rho, eta, gamma) / (1 + gamma * eta / rho)


def shares_of_truth(rho: float, eta: float, gamma: float, angles: np.ndarray) -> np.ndarray:
    """Return the squared part of a signal's direction in the bulk, per angle, (angles,).

    At the eigenvalue ``eta (1 + gamma - 2 sqrt(gamma) cos(angle))``. The deterministic equivalent
    ``u^T (z - C)^-1 u = 1/(z (1 + s g(z)))`` has it as its imaginary part, s = rho + eta and g
    the companion Stieltjes transform of the noise, ``1/g = -z + gamma eta/(1 + eta g)``: Bai,
    Miao & Pan (2007), Ann. Probab. 35, 1532. What lacks to 1 is on the outlier, `overlap`, and
    for gamma > 1 on directions in which the rows do not vary, `share_of_null`.
    """
    x = eta * (1 + gamma - 2 * np.sqrt(gamma) * np.cos(angles))
    half = (x + eta * (1 - gamma)) / (2 * x * eta)
    g = -half + 1j * np.sqrt(np.maximum(1 / (x * eta) - half**2, 0))
    density = (-1 / (x * (1 + (rho + eta) * g))).imag / np.pi
    return density * 2 * eta * np.sqrt(gamma) * np.sin(angles)


def share_of_null(rho: float, eta: float, gamma: float) -> float:
    """Return the squared part of a signal's direction in which the rows do not vary."""
    return 0.0 if gamma <= 1 else 1 / (1 + (rho + eta) / (eta * (gamma - 1)))
