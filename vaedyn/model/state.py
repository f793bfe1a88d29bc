"""The order parameters as one flat array, and observables computed from them.

Layout of the last axis: m (M M*), d (M M*), Q, E, R (M M each), D (M), each in
row-major order; compiled code has it from `vaedyn.kernels.layout`. All functions
accept any number of leading axes.
"""

from functools import lru_cache, reduce
from math import prod

import numpy as np

from .quantities import NAMES, shape

AT_ONCE = 4  # rows and columns of any number of matrices that are matched all at once
MOST_AT_ONCE = 8  # of many matrices
VERY_MANY = 100_000  # entries of matrices that are matched in turn: they are alike, as in time
ROUNDING = 1e-14  # a KL divergence below that is zero, as far as its terms can tell


@lru_cache
def layout(latent: int, signal: int) -> tuple[tuple[str, slice, tuple[int, ...]], ...]:
    """Return each order parameter by name, where it stands in the flat array, and its shape."""
    at, found = 0, []
    for name in NAMES:
        own = shape(name, latent, signal)
        found.append((name, slice(at, at + prod(own)), own))
        at += prod(own)
    return tuple(found)


def count(latent: int, signal: int) -> int:
    """Return the length of the flat array."""
    return layout(latent, signal)[-1][1].stop


def pack(m, d, Q, E, R, D) -> np.ndarray:
    """Return the order parameters as one flat array, (..., values)."""
    lead = np.shape(D)[:-1]
    return np.concatenate([np.reshape(x, (*lead, -1)) for x in (m, d, Q, E, R, D)], axis=-1)


def unpack(y: np.ndarray, latent: int, signal: int) -> dict[str, np.ndarray]:
    """Return the order parameters by name; m and d are (..., latent, signal), and so on."""
    lead = y.shape[:-1]
    return {name: y[..., place].reshape(*lead, *own) for name, place, own in layout(latent, signal)}


def places(latent: int, signal: int) -> dict[str, np.ndarray]:
    """Return where the entries of each order parameter stand in the flat array."""
    return unpack(np.arange(count(latent, signal)), latent, signal)


def moments(m, d, Q, E, R, rho: np.ndarray, eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Return S = cov(mu) and A = E[y mu^T], (..., latent, latent) each."""
    # model: observable, second moments of mu and y
    transposed = np.swapaxes(d, -1, -2)
    if d.shape[-1] == 1:  # the same numbers, sooner
        return d * rho * transposed + eta * E, m * rho * transposed + eta * R
    return (d * rho) @ transposed + eta * E, (m * rho) @ transposed + eta * R


def trace(x: np.ndarray) -> np.ndarray:
    """Return the traces (...) of matrices (..., n, n)."""
    return x[..., 0, 0] if x.shape[-1] == 1 else np.trace(x, axis1=-2, axis2=-1)


def generalisation_error(m, Q, rho: np.ndarray) -> np.ndarray:
    """Return eps_g with each signal matched to a different latent, up to sign, (...).

    ``sum_k rho_k - 2 max sum_k sqrt(rho_k) |m_{i(k), k}| + tr Q``. With more
    signals than latents (or the reverse) the best ones are matched.
    """
    return rho.sum() - 2 * matched(m * np.sqrt(rho)) + trace(Q)


def generalisation_error_rotation(m, Q, rho: np.ndarray) -> np.ndarray:
    """Return eps_g minimised over all rotations of the latents, (...).

    The matching is replaced by the nuclear norm of ``m diag(rho)^{1/2}``.
    """
    return rho.sum() - 2 * aligned(m * np.sqrt(rho)) + trace(Q)


def matched(gain: np.ndarray) -> np.ndarray:
    """Return the largest sum of sizes of entries, no two of a row or column, (...).

    Of small matrices (..., rows, columns) it is found by adding row after row to the best sums
    over each set of columns, for all leading axes at once.
    """
    gain = np.abs(gain)
    if gain.shape[-2] > gain.shape[-1]:
        gain = np.swapaxes(gain, -2, -1)
    few, many = gain.shape[-2:]
    if few <= 1:
        return gain[..., 0, 0] if few == many else gain.max(axis=(-2, -1), initial=0.0)
    several = few < MOST_AT_ONCE and many <= MOST_AT_ONCE and gain.size >= 2**many * few
    if many <= AT_ONCE or several:
        # each entry of all matrices in a row, which is quicker to read so many times
        entries = np.ascontiguousarray(np.moveaxis(gain, (-2, -1), (0, 1)))
        best = {1 << k: entries[0, k] for k in range(many)}
        for i in range(1, few):
            larger: dict[int, np.ndarray] = {}
            for chosen, total in best.items():
                for k in (k for k in range(many) if not chosen >> k & 1):
                    found = total + entries[i, k]
                    both = chosen | 1 << k
                    larger[both] = np.maximum(larger[both], found) if both in larger else found
            best = larger
        return reduce(np.maximum, best.values())
    flat = gain.reshape(-1, few, many)
    if gain.size >= VERY_MANY and np.isfinite(flat).all():
        from ..kernels.matches import best_in_turn

        which = np.empty((len(flat), few), np.int64)
        best_in_turn(np.ascontiguousarray(flat), which)
        sums = np.take_along_axis(flat, which[:, :, None], axis=2)[..., 0].sum(axis=1)
        return sums.reshape(gain.shape[:-2])
    from scipy.optimize import linear_sum_assignment

    sums = np.empty(len(flat))
    for i, matrix in enumerate(flat):
        sums[i] = matrix[linear_sum_assignment(matrix, maximize=True)].sum()
    return sums.reshape(gain.shape[:-2])


def aligned(gain: np.ndarray) -> np.ndarray:
    """Return the sum of singular values of matrices (..., rows, columns), (...)."""
    if gain.shape[-2:] == (1, 1):
        return np.sqrt(gain[..., 0, 0] ** 2)
    if min(gain.shape[-2:]) == 1:
        return np.sqrt((gain**2).sum(axis=(-2, -1)))
    if gain.shape[-2:] == (2, 2):
        product = gain[..., 0, 0] * gain[..., 1, 1] - gain[..., 0, 1] * gain[..., 1, 0]
        return np.sqrt((gain**2).sum(axis=(-2, -1)) + 2 * np.abs(product))
    return np.linalg.svd(gain, compute_uv=False).sum(axis=-1)


def kl_per_latent(S, D) -> np.ndarray:
    """Return the mean KL divergence from the prior of each latent in nats, (..., latent)."""
    # model: observable, half of the loss
    spread = np.diagonal(S, axis1=-2, axis2=-1)
    kl = 0.5 * (spread + D - np.log(D) - 1)
    return np.where(np.abs(kl) < ROUNDING, 0.0, kl)


def distortion(S, A, Q, D) -> np.ndarray:
    """Return the mean squared reconstruction error / 2 in excess of ``E|x|^2 / 2``, (...)."""
    # model: observable, the other half of the loss
    if Q.shape[-1] == 1:
        with np.errstate(under="ignore"):  # as below, where a latent collapses to nothing
            power, noise = Q[..., 0, 0] * S[..., 0, 0], Q[..., 0, 0] * D[..., 0]
    else:
        power = np.einsum("...ij,...ji->...", Q, S)
        noise = (np.diagonal(Q, axis1=-2, axis2=-1) * D).sum(axis=-1)
    return -trace(A) + 0.5 * power + 0.5 * noise


def observables(
    parts: dict[str, np.ndarray],
    rho: np.ndarray,
    eta: float,
    covariances: tuple[np.ndarray, np.ndarray] | None = None,
) -> dict:
    """Return eps_g, eps_g_rotation, kl, kl_per_latent and distortion of order parameters.

    `covariances` are S and A, as `moments` returns them, where noise is not white.
    """
    m, d, Q, E, R, D = (parts[name] for name in NAMES)
    S, A = covariances or moments(m, d, Q, E, R, rho, eta)
    kl = kl_per_latent(S, D)
    return {
        "eps_g": generalisation_error(m, Q, rho),
        "eps_g_rotation": generalisation_error_rotation(m, Q, rho),
        "kl": kl.sum(axis=-1),
        "kl_per_latent": kl,
        "distortion": distortion(S, A, Q, D),
    }


def with_covariances(y: np.ndarray, S: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Return flat states `y` followed by S and A (..., latent, latent), for noise in classes."""
    lead = y.shape[:-1]
    return np.concatenate([y, S.reshape(*lead, -1), A.reshape(*lead, -1)], axis=-1)


def covariances_of(y: np.ndarray, latent: int, signal: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return S and A if they follow in flat states `y`, else None."""
    rest = y[..., count(latent, signal) :]
    if not rest.shape[-1]:
        return None
    S, A = np.moveaxis(rest.reshape(*y.shape[:-1], 2, latent, latent), -3, 0)
    return S, A
