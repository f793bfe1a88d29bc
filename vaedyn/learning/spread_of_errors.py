"""The standard deviation of generalisation errors, which are not smooth in the overlaps."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from ..kernels.independent import entries
from ..model.params import Params
from ..model.state import MOST_AT_ONCE, aligned, places

SAMPLES = 1024  # of the fluctuations, where eps_g is not smooth on their scale
KINK = 0.02  # part of the standard deviation that may come from deviations from linearity
AT_ONCE = 120_000  # numbers that are worked on at once, so that they stay in the cache

Gain = Callable[[np.ndarray], np.ndarray]
"""What weights gain in eps_g, of ``m diag(rho)^{1/2}`` (..., latent, signal)."""


def stds_of_errors(
    gains: Sequence[Gain], params: Params, y: np.ndarray, C: np.ndarray
) -> list[np.ndarray]:
    """Return the standard deviations of generalisation errors, (times,) each.

    The error ``sum_k rho_k - 2 gain + tr Q`` depends on m and on tr Q. Where its gain is linear
    in m over the fluctuations, the gradient is enough; elsewhere, near a change of sign or of
    match, the rest beyond the gradient is averaged over gaussian samples.
    """
    x, C = _of_errors(params, y, C)
    values, vectors = np.linalg.eigh(C)
    factor = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    found = []
    for gain in gains:
        slope = _gradient(gain, params, x)
        variance = np.maximum((slope * (C @ slope[..., None])[..., 0]).sum(axis=1), 0)
        found.append((gain, (slope[:, None] @ factor)[:, 0], variance))
    # of m in units in which signals are of strength 1
    scale = np.append(np.tile(np.sqrt(params.strengths), params.latent), 1)
    x, factor = x * scale, factor * scale[:, None]
    normals = np.ascontiguousarray(_even_normals(C.shape[-1]).T)
    few = 2 * normals[:, :16]
    bent = [np.empty(len(x), bool) for _ in found]
    for rows in blocks(len(x), few.size):
        moved = factor[rows] @ few
        for here, (gain, slope, variance) in zip(bent, found, strict=True):
            rest = _rest(gain, params, x[rows], moved, slope[rows] @ few)
            here[rows] = (rest**2).mean(axis=1) > KINK**2 * variance[rows]
    at = np.flatnonzero(np.any(bent, axis=0))
    for block in blocks(len(at), normals.size):
        rows = at[block]
        moved = factor[rows] @ normals
        for here, (gain, slope, variance) in zip(bent, found, strict=True):
            if here[rows].any():
                linear = slope[rows] @ normals
                rest = _rest(gain, params, x[rows], moved, linear)
                more = 2 * np.einsum("ts,ts->t", linear, rest) / SAMPLES + rest.var(axis=1)
                variance[rows] += np.where(here[rows], more, 0)
    return [np.sqrt(np.maximum(variance, 0)) for _, _, variance in found]


def seconds_of_samples(latent: int, signal: int, times: int) -> float:
    """Return about how long `stds_of_errors` takes at so many times."""
    few, many = sorted((latent, signal))
    sample = 5e-10 * (few * many + 1) ** 2 + 4e-9 * few**2 * many
    if few >= MOST_AT_ONCE or many > MOST_AT_ONCE:  # matched one by one
        sample += 6e-6 + 2e-8 * few**2 * many
    return times * SAMPLES * sample


def _of_errors(params: Params, y: np.ndarray, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of m and tr Q (times, overlaps + 1), and their covariance."""
    at, (_, which) = places(params.latent, params.signal), entries(params.latent, params.signal)
    m, Q = at["m"].ravel(), np.diag(at["Q"])
    both = np.empty((len(y), len(m) + 1, len(m) + 1))
    both[:, :-1, :-1] = C[:, which[np.ix_(m, m)]]
    both[:, :-1, -1] = both[:, -1, :-1] = C[:, which[np.ix_(m, Q)]].sum(axis=-1)
    both[:, -1, -1] = C[:, which[np.ix_(Q, Q)]].sum(axis=(-2, -1))
    return np.append(y[:, m], y[:, Q].sum(axis=1, keepdims=True), axis=1), both


def _gains(gain: Gain, params: Params, m: np.ndarray) -> np.ndarray:
    """Return the gain of overlaps m (..., latent signal)."""
    shape = (*m.shape[:-1], params.latent, params.signal)
    return gain(m.reshape(shape) * np.sqrt(params.strengths))


def _gradient(gain: Gain, params: Params, x: np.ndarray) -> np.ndarray:
    """Return the derivatives of the error in `x` (times, overlaps + 1), by differences."""
    step = 1e-6 * np.sqrt(max(1.0, float(np.abs(x).max())))
    gradient = np.ones_like(x)
    for j in range(x.shape[1] - 1):
        shift = np.zeros(x.shape[1] - 1)
        shift[j] = step
        rise = _gains(gain, params, x[:, :-1] + shift) - _gains(gain, params, x[:, :-1] - shift)
        gradient[:, j] = -rise / step
    return gradient


def _rest(
    gain: Gain, params: Params, x: np.ndarray, moved: np.ndarray, linear: np.ndarray
) -> np.ndarray:
    """Return what is left of the change of the error beyond the `linear` one, (times, samples).

    `x` (times, overlaps + 1) has m in units in which signals are of strength 1, and ``moved``
    (times, overlaps + 1, samples) by how much samples are away from it.
    """
    there = x[:, :-1, None] + moved[:, :-1]
    there = there.reshape(len(x), params.latent, params.signal, -1)
    if gain is aligned and min(params.latent, params.signal) > 2:
        rise = _nuclear_norms(there)
    else:
        rise = gain(np.moveaxis(there, 3, 1))
    here = gain(x[:, :-1].reshape(len(x), params.latent, params.signal))
    rise -= here[:, None]
    rise *= -2
    rise += moved[:, -1]
    rise -= linear
    return rise


def _nuclear_norms(m: np.ndarray) -> np.ndarray:
    """Return the sum of singular values of matrices m (times, latent, signal, samples)."""
    from ..kernels.nuclear import nuclear_norms

    if m.shape[1] < m.shape[2]:
        m = np.swapaxes(m, 1, 2)
    times, rows, columns, samples = m.shape
    out = np.empty((times, samples))
    nuclear_norms(m.reshape(times, rows * columns, samples), columns, out)
    return out


@lru_cache
def _even_normals(dimensions: int) -> np.ndarray:
    """Return points as evenly spread under the normal law as can be, (SAMPLES, dimensions).

    They are images of a Kronecker sequence whose steps are powers of a generalised golden
    ratio, and their mirror images.
    """
    from scipy.special import ndtri

    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    half = ndtri((0.5 + np.outer(np.arange(SAMPLES // 2), steps)) % 1)
    return np.stack([half, -half], axis=1).reshape(SAMPLES, dimensions)


def blocks(length: int, width: int) -> Iterator[slice]:
    """Yield slices of `length` rows, of about `AT_ONCE` numbers where a row has `width`."""
    step = max(1, AT_ONCE // width)
    for start in range(0, length, step):
        yield slice(start, start + step)
