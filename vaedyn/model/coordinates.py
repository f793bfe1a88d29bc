"""Noise that is not white, coordinate by coordinate: which have which variance, and the start.

All is written in the eigenbasis of the data: the first M* coordinates are the signals,
``W* = sqrt(N) [I 0]^T``, and the classes of noise follow, the largest variance first. SGD
looks the same in every basis, so that this is no restriction. The noise of a signal's own
coordinate has the mean variance eta, so that the data have s_k = rho_k + eta there.
"""

import functools
from collections.abc import Iterator

import numpy as np

from ..errors import ParameterError
from .start import basis, drawn_rows, remainder_factor

ROUNDING = 1e-6  # of a triangle of products: what is smaller is no direction of its own


def counts(classes: np.ndarray, dim: int, signal: int) -> np.ndarray:
    """Return how many of the N - M* coordinates beside the signals are in each class, (classes,).

    As many as its share, up to rounding.

    Raises
    ------
    ParameterError
        When a class is so small that it has none.
    """
    wanted = classes[:, 1] * (dim - signal)
    found = np.floor(wanted + 1e-9).astype(int)
    lacking = dim - signal - found.sum()
    found[np.argsort(found - wanted, kind="stable")[:lacking]] += 1
    if (found == 0).any():
        variance, share = classes[found.argmin()]
        raise ParameterError(
            "noise",
            f"the share {share:.3g} of the variance {variance:g} is less than one of "
            f"{dim - signal} directions: raise --dim",
        )
    return found


def members(classes: np.ndarray, dim: int, signal: int) -> Iterator[slice]:
    """Yield the coordinates of each class."""
    at = signal
    for count in counts(classes, dim, signal).tolist():
        yield slice(at, at + count)
        at += count


def variances(classes: np.ndarray, rho: np.ndarray, eta: float, dim: int) -> np.ndarray:
    """Return the variance of the data along each coordinate, (dim,)."""
    rest = np.repeat(classes[:, 0], counts(classes, dim, len(rho)))
    return np.concatenate([rho + eta, rest])


def teacher(dim: int, signal: int) -> np.ndarray:
    """Return W* transposed, (signal, dim)."""
    return np.sqrt(dim) * np.eye(signal, dim)


def drawn_products(
    init: str, classes: np.ndarray, dim: int, latent: int, signal: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what weights that are drawn have along signals and in classes.

    Memory does not grow with N.

    Returns
    -------
    along : (2 latent, signal)
        m above d.
    within : (classes, 2 latent, 2 latent)
        Products of weights in each class with each other, over N.
    """
    asked = tuple(map(tuple, classes.tolist())), dim, latent, signal, seed
    along, within = _drawn_products(init, *asked)
    return along.copy(), within.copy()


@functools.lru_cache(maxsize=4)  # at large N this takes long, and commands ask more than once
def _drawn_products(
    init: str,
    given: tuple[tuple[float, float], ...],
    dim: int,
    latent: int,
    signal: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    classes = np.array(given)
    along = np.zeros((2 * latent, signal))
    within = np.zeros((len(classes), 2 * latent, 2 * latent))
    slices = list(members(classes, dim, signal))
    for rows, block in drawn_rows(init, dim, latent, seed):
        head = slice(rows.start, min(rows.stop, signal))
        if head.start < head.stop:
            along[:, head] = block[: head.stop - head.start].T / np.sqrt(dim)
        for product, own in zip(within, slices, strict=True):
            low, high = max(own.start, rows.start), min(own.stop, rows.stop)
            if low < high:
                part = block[low - rows.start : high - rows.start]
                product += part.T @ part
    return along, within / dim


def products_with(shares: np.ndarray, m, d, Q, E, R, D) -> tuple[np.ndarray, np.ndarray]:
    """Return the same for weights of given overlaps, alike in classes of these `shares`."""
    factor = remainder_factor(m, d, Q, E, R, D)
    rest = factor.T @ factor
    return np.concatenate([m, d]), shares[:, None, None] * rest


def overlaps_of(along: np.ndarray, within: np.ndarray, D: np.ndarray) -> dict[str, np.ndarray]:
    """Return the order parameters of weights with these products."""
    latent = len(D)
    gram = along @ along.T + within.sum(axis=0)
    return {
        "m": along[:latent],
        "d": along[latent:],
        "Q": gram[:latent, :latent],
        "E": gram[latent:, latent:],
        "R": gram[:latent, latent:],
        "D": D,
    }


def weights_with(classes: np.ndarray, dim: int, m, d, Q, E, R, D) -> tuple[np.ndarray, np.ndarray]:
    """Return W and V transposed, (latent, dim) each, of given overlaps, alike in all classes.

    Raises
    ------
    ParameterError
        When a class has too few directions.
    """
    latent, signal = np.shape(m)
    factor = _rows_with_room(counts(classes, dim, signal), m, d, Q, E, R, D)
    weights = np.zeros((2 * latent, dim))
    weights[:, :signal] = np.sqrt(dim) * np.concatenate([m, d])
    longer = np.sqrt(dim / (dim - signal))
    for own in members(classes, dim, signal):
        for a, row in enumerate(factor):
            weights[:, own] += longer * np.outer(row, basis(own.stop - own.start, a))
    return weights[:latent], weights[latent:]


def products_at(number: np.ndarray, m, d, Q, E, R, D) -> np.ndarray:
    """Return what `weights_with` has in classes of so many directions.

    Raises
    ------
    ParameterError
        When a class has too few directions.
    """
    rows = _rows_with_room(number, m, d, Q, E, R, D)
    return (number / number.sum())[:, None, None] * (rows.T @ rows)


def _rows_with_room(number: np.ndarray, m, d, Q, E, R, D) -> np.ndarray:
    """Return the rows of the triangle of what lies beyond signals, each a direction of a class."""
    factor = remainder_factor(m, d, Q, E, R, D)
    size = np.abs(factor).max(axis=1)
    rows = factor[size > ROUNDING * size.max()]
    if (least := int(number.min())) < len(rows):
        raise ParameterError(
            "noise",
            f"in a class of {least} direction{'s' * (least != 1)} there is no room for weights of "
            "the overlaps that init gives: raise --dim, or start with --init gaussian",
        )
    return rows


def factors(number: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Return lower triangles F (classes, 2 latent, 2 latent): ``F F^T`` are products `within`.

    A class of few directions has as few columns.
    """
    M = within.shape[1] // 2
    none = np.zeros((M, 0))
    found = np.empty_like(within)
    for F, product, own in zip(found, within, number.tolist(), strict=True):
        Q, E, R = product[:M, :M], product[M:, M:], product[:M, M:]
        F[:] = remainder_factor(none, none, Q, E, R, none).T
        F[:, own:] = 0.0
    return found


def random_factors(
    classes: np.ndarray, dim: int, rng: np.random.Generator, m, d, Q, E, R, D
) -> tuple[np.ndarray, ...]:
    """Return m, d, F and D of random weights; the same law as `random_weights`."""
    latent, signal = np.shape(m)
    size = 2 * latent
    factor = remainder_factor(m, d, Q, E, R, D).T
    along = np.concatenate([m, d])
    along = along + factor @ rng.standard_normal((size, signal)) / np.sqrt(dim)
    found = np.zeros((len(classes), size, size))
    for triangle, own in zip(found, counts(classes, dim, signal).tolist(), strict=True):
        if own > size:
            drawn = np.tril(rng.standard_normal((size, size)), -1)
            drawn += np.diag(np.sqrt(rng.chisquare(own - np.arange(size))))
            triangle[:] = factor @ drawn / np.sqrt(dim)
        else:
            weights = factor @ rng.standard_normal((size, own)) / np.sqrt(dim)
            triangle[:, :own] = np.linalg.qr(weights.T)[1].T
    return along[:latent], along[latent:], found, np.array(D)


def random_weights(dim: int, rng: np.random.Generator, m, d, Q, E, R, D) -> tuple[np.ndarray, ...]:
    """Return W and V transposed, (latent, dim) each, and D: gaussian, of these mean overlaps."""
    latent, signal = np.shape(m)
    factor = remainder_factor(m, d, Q, E, R, D).T
    weights = factor @ rng.standard_normal((2 * latent, dim))
    weights[:, :signal] += np.sqrt(dim) * np.concatenate([m, d])
    return weights[:latent], weights[latent:], np.array(D)
