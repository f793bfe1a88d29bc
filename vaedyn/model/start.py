"""Where learning starts: order parameters, and weight vectors that have them.

Every weight vector is written in one fixed orthogonal basis of R^N, the cosines
``basis(dim, k)``. The signal directions W* are its first M* vectors, so that
W* is the all-ones vector for M* = 1. Other overlaps need 2M more directions,
and the next 2M vectors of the basis provide them.
"""

import functools
import logging
from collections.abc import Iterator, Mapping

import numpy as np

from ..errors import ParameterError
from .quantities import NAMES
from .quantities import shape as shape_of

GAUSSIAN, TORCH = DRAWN = ("gaussian", "torch")  # starts that are drawn
NO_NUMBERS = (bool, np.bool_, str, bytes)  # although float() takes them for some
SHOWN = 60  # characters of a value that is no number
BLOCK = 1 << 16
SECONDS_PER_DRAW = 4e-8  # of one coordinate of a decoder and an encoder vector

log = logging.getLogger(__name__)

Overlaps = tuple[tuple[str, tuple], ...]
"""Frozen order parameters: pairs of a name and its matrix as nested tuples."""


def parse_overlaps(spec: str) -> dict[str, float]:
    """Return ``{"m": 0.03, ...}`` for a text such as ``m=0.03,d=0.03,Q=1,E=1,R=0,D=1``.

    Raises
    ------
    ParameterError
        When `spec` has another form.
    """
    values = {}
    for item in spec.split(","):
        name, equals, number = item.partition("=")
        try:
            if not equals or name.strip() in values:
                raise ValueError
            values[name.strip()] = float(number)
        except ValueError:
            raise ParameterError(
                "init",
                "expected 'gaussian', 'torch', 'm=...,d=...,Q=...,E=...,R=...,D=...' "
                f"or a JSON file, got {spec!r}",
            ) from None
    return values


def _matrix(name: str, value: object, latent: int, signal: int) -> np.ndarray:
    """Return one order parameter in full; a scalar fills the diagonal (all of D)."""
    shape = shape_of(name, latent, signal)
    try:
        if any(isinstance(x, NO_NUMBERS) for x in np.asarray(value, dtype=object).flat):
            raise TypeError
        array = np.array(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        shown = repr(value)
        shown = shown if len(shown) < SHOWN else f"{shown[: SHOWN - 3]}..."
        raise ParameterError("init", f"{name} is not a matrix of numbers: {shown}") from None
    if array.ndim == 0:
        array = np.full(shape, array) if name == "D" else array * np.eye(shape[0], shape[-1])
    if array.shape != shape:
        raise ParameterError("init", f"{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all() or np.abs(array).max() > 1e12:
        raise ParameterError("init", f"{name} must be finite, at most 1e12")
    if name in ("Q", "E"):
        if not np.allclose(array, array.T, rtol=1e-10, atol=1e-12):
            raise ParameterError("init", f"{name} must be symmetric")
        array = (array + array.T) / 2
    return array + 0.0  # turns -0.0 into 0.0


def freeze(values: Mapping[str, object], latent: int, signal: int) -> Overlaps:
    """Check order parameters and return them in full, in a form that can be hashed.

    Parameters
    ----------
    values : mapping
        All of m, d, Q, E, R and D, each a scalar or a full matrix.

    Raises
    ------
    ParameterError
        When one is missing, has the wrong shape, or when no weights have these overlaps.
    """
    if set(values) != set(NAMES):
        missing = [name for name in NAMES if name not in values]
        problem = f"{missing[0]} is missing" if missing else "unknown: "
        problem += "" if missing else ", ".join(sorted(set(values) - set(NAMES)))
        raise ParameterError("init", f"expected exactly m, d, Q, E, R and D; {problem}")
    arrays = {name: _matrix(name, values[name], latent, signal) for name in NAMES}
    if not (arrays["D"] > 0).all():
        raise ParameterError("init", f"D must be positive, got {arrays['D'].tolist()}")
    remainder_factor(**arrays)
    return tuple((name, _nested(arrays[name].tolist())) for name in NAMES)


def thaw(init: Mapping[str, object] | Overlaps) -> dict[str, np.ndarray]:
    """Return frozen order parameters as arrays."""
    return {name: np.array(rows, dtype=float) for name, rows in dict(init).items()}


def _nested(rows: list) -> tuple:
    return tuple(_nested(row) if isinstance(row, list) else row for row in rows)


def remainder_factor(m, d, Q, E, R, D) -> np.ndarray:
    """Return F (2M, 2M), upper triangular with a diagonal >= 0.

    ``F^T F`` is the part of the Gram matrix of [W V] that lies beyond W*.

    Raises
    ------
    ParameterError
        When that matrix is not positive semi-definite: no weights have these overlaps.
    """
    both = np.concatenate([m, d])
    gram = np.block([[Q, R], [R.T, E]])
    rest = gram - both @ both.T
    values, vectors = np.linalg.eigh((rest + rest.T) / 2)
    if values[0] < -1e-12 * max(1.0, np.abs(gram).max()):
        raise ParameterError(
            "init",
            "no weights have these overlaps: [[Q, R], [R^T, E]] - [m; d] [m; d]^T must be "
            f"positive semi-definite (so Q >= m m^T, E >= d d^T), its least eigenvalue "
            f"is {values[0]:.6g}",
        )
    _, factor = np.linalg.qr(np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T)
    signs = np.where(factor.diagonal() < 0, -1.0, 1.0)
    return np.triu(factor) * signs[:, None]


def basis(dim: int, k: int, rows: slice = slice(None)) -> np.ndarray:
    """Return components `rows` of the k-th of N orthogonal vectors of squared length N.

    They are the columns of the discrete cosine transform of type II.
    """
    if k == 0:
        return np.ones(len(range(*rows.indices(dim))))
    position = np.arange(*rows.indices(dim)) + 0.5
    return np.sqrt(2.0) * np.cos(np.pi * k / dim * position)


def teacher(dim: int, signal: int) -> np.ndarray:
    """Return W* transposed, (signal, dim)."""
    return np.stack([basis(dim, k) for k in range(signal)])


def drawn_rows(init: str, dim: int, latent: int, seed: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of coordinates and the rows of [W V] there.

    Entries are iid N(0, 1), or, for `TORCH`, uniform as those of PyTorch's linear layers are:
    between -1 and 1 over the root of the number of inputs (W/sqrt(N) has M, V/sqrt(N) has N).
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    for start in range(0, dim, BLOCK):
        rows = slice(start, min(start + BLOCK, dim))
        size = rows.stop - start, 2 * latent
        if init == TORCH:
            ends = np.repeat([np.sqrt(dim / latent), 1.0], latent)
            yield rows, ends * rng.uniform(-1.0, 1.0, size)
        else:
            yield rows, rng.standard_normal(size)


def drawn_mean(init: str, dim: int, latent: int) -> dict[str, float]:
    """Return the order parameters of weights that are drawn, on average."""
    Q, E = (dim / (3 * latent), 1 / 3) if init == TORCH else (1.0, 1.0)
    return {"m": 0.0, "d": 0.0, "Q": Q, "E": E, "R": 0.0, "D": 1.0}


def drawn_overlaps(
    init: str, dim: int, latent: int, signal: int, seed: int
) -> dict[str, np.ndarray]:
    """Return the order parameters of the weights that `drawn_weights` returns.

    Memory does not grow with N.
    """
    products = _drawn_products(init, dim, latent, signal, seed)
    gram, along = (product.copy() for product in products)
    return {
        "m": along[:latent],
        "d": along[latent:],
        "Q": gram[:latent, :latent],
        "E": gram[latent:, latent:],
        "R": gram[:latent, latent:],
        "D": np.ones(latent),
    }


@functools.lru_cache(maxsize=4)  # at large N this takes long, and commands ask more than once
def _drawn_products(
    init: str, dim: int, latent: int, signal: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the products of [W V] with itself and with W*, divided by N."""
    seconds = SECONDS_PER_DRAW * dim * latent
    if seconds > 5:
        log.info(
            "reading the %s start off N = %g coordinates takes about %s seconds; "
            "overlaps given by --init take none",
            init,
            dim,
            f"{seconds:,.0f}",
        )
    gram = np.zeros((2 * latent, 2 * latent))
    along = np.zeros((2 * latent, signal))
    for rows, block in drawn_rows(init, dim, latent, seed):
        gram += block.T @ block
        along += block.T @ np.stack([basis(dim, k, rows) for k in range(signal)]).T
    return gram / dim, along / dim


def drawn_weights(init: str, dim: int, latent: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return W and V transposed, (latent, dim) each."""
    weights = np.empty((2 * latent, dim))
    for rows, block in drawn_rows(init, dim, latent, seed):
        weights[:, rows] = block.T
    return weights[:latent], weights[latent:]


def weights_with(dim: int, m, d, Q, E, R, D) -> tuple[np.ndarray, np.ndarray]:
    """Return W and V transposed, (latent, dim) each, that have the given overlaps."""
    latent, signal = np.shape(m)
    factor = remainder_factor(m, d, Q, E, R, D)
    weights = np.zeros((2 * latent, dim))
    both = np.concatenate([m, d])
    for k in range(signal):
        weights += np.outer(both[:, k], basis(dim, k))
    for a in range(2 * latent):
        weights += np.outer(factor[a], basis(dim, signal + a))
    return weights[:latent], weights[latent:]


def random_gram(dim: int, rng: np.random.Generator, m, d, Q, E, R, D) -> tuple[np.ndarray, ...]:
    """Return m, d, F and D of random weights, gaussian with the given overlaps on average.

    F (2M, 2M) is lower triangular, and ``F F^T`` the part of the Gram matrix of [W V]
    beyond W*. The rows of [W V] are independent; their Gram matrix has a Wishart law,
    which is drawn by Bartlett's decomposition.
    """
    latent, signal = np.shape(m)
    size = 2 * latent
    factor = remainder_factor(m, d, Q, E, R, D).T
    along = np.concatenate([m, d])
    along = along + factor @ rng.standard_normal((size, signal)) / np.sqrt(dim)
    triangle = np.tril(rng.standard_normal((size, size)), -1)
    triangle += np.diag(np.sqrt(rng.chisquare(dim - signal - np.arange(size))))
    return along[:latent], along[latent:], factor @ triangle / np.sqrt(dim), np.array(D)


def random_weights(dim: int, rng: np.random.Generator, m, d, Q, E, R, D) -> tuple[np.ndarray, ...]:
    """Return W and V transposed, (latent, dim) each, and D; the same law as `random_gram`."""
    latent, signal = np.shape(m)
    factor = remainder_factor(m, d, Q, E, R, D).T
    weights = factor @ rng.standard_normal((2 * latent, dim))
    weights += np.concatenate([m, d]) @ np.stack([basis(dim, k) for k in range(signal)])
    return weights[:latent], weights[latent:], np.array(D)
