"""The standard deviation of generalisation errors, which are not smooth in the overlaps."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ..kernels.independent import entries
from ..model.params import Params
from ..model.state import places
from .solve import SECONDS_AT_ONCE

SAMPLES = 1024  # of the fluctuations, where eps_g is not smooth on their scale
ROUNDING = 1e-11  # of the largest eigenvalue of a covariance: a smaller one counts as zero
AT_ONCE = 30_000  # numbers that are worked on at once, so that they stay in the cache


def stds_of_errors(params: Params, y: np.ndarray, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviations of both generalisation errors, eps_g first, (times,) each.

    The error ``sum_k rho_k - 2 gain + tr Q`` depends on m and on tr Q. Where its gain is linear
    in m over the fluctuations, the gradient is enough; elsewhere, near a change of sign or of
    match, the rest beyond the gradient is averaged over gaussian samples.

    Parameters
    ----------
    params : Params
    y : (times, values)
        States.
    C : (times, entries)
        Independent entries of their covariance, see `vaedyn.kernels.independent`.
    """
    from ..kernels.variances import variances

    x, C = _of_errors(params, y, C)
    step = 1e-6 * np.sqrt(max(1.0, float(np.abs(x).max())))
    scale = _scale(params)
    C *= scale * scale[:, None]
    x, root = np.ascontiguousarray(x * scale), np.ascontiguousarray(square_root(C))
    points = normals(len(scale))
    few = 2 * points[0]  # far out, and half of them at rest
    few[:, few.shape[1] // 2 :] = 0.0
    found = np.empty((len(x), 2))
    M, K = params.latent, params.signal
    at_once = max(1, int(SECONDS_AT_ONCE / seconds_of_samples(M, K, 1)))
    for start in range(0, len(x), at_once):
        rows = slice(start, start + at_once)
        variances(
            x[rows], C[rows], root[rows], step * scale[:-1], few.ravel(), points.ravel(),
            min(M, K), found[rows],
        )  # fmt: skip
    matched, aligned = np.sqrt(found).T
    return matched, aligned


def square_root(C: np.ndarray) -> np.ndarray:
    """Return the symmetric square roots of covariances C (..., n, n).

    Of all factors it is the one that changes little with C, also where eigenvalues are equal and
    eigenvectors arbitrary. Eigenvalues that are rounding errors count as zero.
    """
    values, vectors = np.linalg.eigh(C)
    least = ROUNDING * values[..., -1:]
    roots = np.sqrt(np.where(values > least, values, 0.0))
    return (vectors * roots[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def seconds_of_samples(latent: int, signal: int, times: int) -> float:
    """Return about how long `stds_of_errors` takes at so many times."""
    from ..kernels.matches import MOST

    few, many = sorted((latent, signal))
    sample = 3e-10 * (few * many + 1) ** 2 + 4e-9 * few**2 * many
    sample += 2e-10 * many * few * 2**few if few <= MOST else 3e-9 * few**2 * many
    return times * SAMPLES * sample


def _of_errors(params: Params, y: np.ndarray, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of m and tr Q (times, overlaps + 1), and their covariance."""
    at, (_, which) = places(params.latent, params.signal), entries(params.latent, params.signal)
    m, Q = _long(at["m"]).ravel(), np.diag(at["Q"])
    both = np.empty((len(y), len(m) + 1, len(m) + 1))
    both[:, :-1, :-1] = C[:, which[np.ix_(m, m)]]
    both[:, :-1, -1] = both[:, -1, :-1] = C[:, which[np.ix_(m, Q)]].sum(axis=-1)
    both[:, -1, -1] = C[:, which[np.ix_(Q, Q)]].sum(axis=(-2, -1))
    return np.append(y[:, m], y[:, Q].sum(axis=1, keepdims=True), axis=1), both


def _scale(params: Params) -> np.ndarray:
    """Return what the entries of m and tr Q are multiplied by for signals of strength 1."""
    each = np.broadcast_to(np.sqrt(params.strengths), (params.latent, params.signal))
    return np.append(_long(each), 1.0)


def _long(m: np.ndarray) -> np.ndarray:
    """Return a matrix or its transpose, whichever has more rows."""
    return m if m.shape[0] >= m.shape[1] else m.T


@lru_cache
def normals(dimensions: int) -> np.ndarray:
    """Return points as evenly spread under the normal law as can be, side by side.

    They are images of a Kronecker sequence whose steps are powers of a generalised golden
    ratio, and their mirror images. Where they are many for the number of dimensions, they are
    mapped so that their covariance is exactly that of the law.

    Returns
    -------
    (SAMPLES / ABREAST, dimensions, ABREAST)
        See `vaedyn.kernels.variances`.
    """
    from scipy.special import ndtri

    from ..kernels.nuclear import ABREAST

    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    half = ndtri((0.5 + np.outer(np.arange(SAMPLES // 2), steps)) % 1)
    if dimensions <= SAMPLES // 4:
        half = half @ np.linalg.inv(np.linalg.cholesky(half.T @ half / len(half))).T
    points = np.stack([half, -half], axis=1).reshape(-1, ABREAST, dimensions)
    return np.ascontiguousarray(np.swapaxes(points, 1, 2))


def blocks(length: int, width: int) -> Iterator[slice]:
    """Yield slices of `length` rows, of about `AT_ONCE` numbers where a row has `width`."""
    step = max(1, AT_ONCE // width)
    for start in range(0, length, step):
        yield slice(start, start + step)
