"""Engines of simulation: compiled steps of SGD, with what they start from."""

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from ..kernels.constants import Constants
from ..model import coordinates
from ..model.params import Params
from ..model.start import random_gram, random_weights, remainder_factor, teacher
from ..model.state import count
from .epochs import Epochs

LARGE = 4.0  # gigabytes of memory that are worth a word

log = logging.getLogger(__name__)


class Engine(NamedTuple):
    """A compiled kernel with what it starts from.

    ``advance(stream, betas, save_after, *state, *constants, out)`` makes one
    step per entry of `betas` and returns how many it made; see
    `vaedyn.kernels.exact.advance`. The last array of `state` is D. ``draw(rng)`` returns
    the state of random initial weights. `out` has `width` numbers at a time: the order
    parameters, and S and A where noise is not white. `epochs`, if any, has the rows that a run
    uses again and again, and its ``advance`` is taken. `together`, if any, does for many runs what
    `advance` does for one, see `vaedyn.kernels.side_by_side.advance`.
    """

    advance: Callable[..., int]
    state: tuple[np.ndarray, ...]
    constants: tuple
    seconds_per_step: float
    draw: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    width: int
    epochs: Callable[[np.random.SeedSequence], Epochs] | None = None
    together: Callable[..., None] | None = None


def exact_engine(params: Params) -> Engine:
    """Return the Markov chain of the order parameters: SGD in law, at a cost free of N.

    Raises
    ------
    ParameterError
        For Adam, which treats every coordinate by itself.
    """
    if params.adam:
        raise ParameterError(
            "optimiser",
            "adam rescales every entry of the weights by itself, for which the engine exact is not "
            "derived; take the engine vector",
        )
    engine = _exact_in_white(params) if params.noise is None else _exact_in_classes(params)
    return engine if params.plain else _exact_in_batches(params, engine)


def _exact_in_white(params: Params) -> Engine:
    """Return the chain for white noise."""
    from ..kernels import exact, side_by_side

    overlaps = params.overlaps()
    rows = np.ascontiguousarray(remainder_factor(**overlaps).T)
    single = params.latent == params.signal == 1
    return Engine(
        exact.advance_one if single else exact.advance,
        (overlaps["m"], overlaps["d"], rows, overlaps["D"]),
        (Constants.of(params), params.dim),
        5e-8 if single else _seconds_per_step(params.latent, params.signal),
        lambda rng: random_gram(params.dim, rng, **params.mean_overlaps()),
        count(params.latent, params.signal),
        together=side_by_side.advance_one if single else side_by_side.advance,
    )


def _exact_in_batches(params: Params, engine: Engine) -> Engine:
    """Return the chain of plain SGD made one that trains as `params` say.

    Velocities are zero at first.
    """
    from ..kernels import exact_batches

    M, K, classes = params.latent, params.signal, params.classes
    columns = 4 * M if params.momentum else 2 * M

    def start(m: np.ndarray, d: np.ndarray, F: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, ...]:
        along, frames = np.zeros((columns, K)), np.zeros((len(classes), columns, columns))
        along[: 2 * M] = np.concatenate([m, d])
        frames[:, : 2 * M, : 2 * M] = F
        return along, frames, np.zeros(M), D

    counts = coordinates.counts(classes, params.dim, K)
    return engine._replace(
        advance=exact_batches.advance,
        state=start(*engine.state),
        constants=(
            Constants.of(params),
            np.ascontiguousarray(classes[:, 0]),
            counts,
            params.momentum,
            params.dim,
        ),
        seconds_per_step=_seconds_per_batch(params, columns),
        draw=lambda rng: start(*engine.draw(rng)),
        together=None,
    )


def _exact_in_classes(params: Params) -> Engine:
    """Return the chain for noise in classes, whose cost grows with their number."""
    from ..kernels import exact_classes

    dim, M, K, classes = params.dim, params.latent, params.signal, params.classes
    along, within, D = params.products()
    counts = coordinates.counts(classes, dim, K)
    if not isinstance(params.init, str):  # as many in each class as vectors have
        within = coordinates.products_at(counts, **params.overlaps())
    triangles = coordinates.factors(counts, within)
    return Engine(
        exact_classes.advance,
        (along[:M].copy(), along[M:].copy(), triangles, D),
        (Constants.of(params), np.ascontiguousarray(classes[:, 0]), counts, dim),
        len(classes) * (1e-7 + _seconds_per_step(M, K)),
        lambda rng: coordinates.random_factors(classes, dim, rng, **params.mean_overlaps()),
        count(M, K) + 2 * M**2,
    )


def _seconds_per_batch(params: Params, columns: int) -> float:
    size, classes = 2 * params.latent, len(params.classes)
    rows = params.signal + classes * size + params.latent
    points = min(params.batch, rows)
    triangles = classes * columns**2 * (columns + min(points, size))
    return 2e-7 + 1e-9 * (2 * points * rows * size + triangles)


def _seconds_per_step(M: int, K: int) -> float:
    return 1e-8 * (K + 2 * M) + 4e-9 * M * (M + 1) * K + 5e-9 * M**3


def vector_engine(params: Params) -> Engine:
    """Return SGD on the weight vectors themselves, with a fresh data point every step."""
    from ..kernels import vector

    # the weights at first, and those of the run, with the signals, at worst, and data points
    points = 1 if params.latent == 1 else 4 if params.latent < 8 else 16
    gigabytes = 8e-9 * params.dim * (4 * params.latent + 4 * params.signal + points)
    if not params.plain:  # gradients, and what is remembered of them, at first and in the run
        gigabytes *= 3
    if gigabytes > LARGE:
        other = "" if params.adam else "; the exact engine, which has the same law, needs none"
        log.warning(
            "training on vectors of length %g needs about %.0f GB, more with several jobs%s",
            params.dim, gigabytes, other,
        )  # fmt: skip
    if params.noise is not None:
        engine = _vectors_in_classes(params)
    else:
        engine = Engine(
            vector.advance_one if params.latent == 1 else vector.advance,
            (*params.weights(), params.overlaps()["D"]),
            (teacher(params.dim, params.signal), Constants.of(params)),
            3e-9 * params.dim * (1 + params.latent + params.signal),
            lambda rng: random_weights(params.dim, rng, **params.mean_overlaps()),
            count(params.latent, params.signal),
            None if params.samples is None else partial(Epochs, params),
        )
    return engine if params.plain else _vectors_in_batches(params, engine)


def _vectors_in_batches(params: Params, engine: Engine) -> Engine:
    """Return an engine of plain SGD made one that trains as `params` say."""
    from ..kernels import batches

    how = batches.Training.of(params)

    def with_memory(W: np.ndarray, V: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, ...]:
        return W, V, *batches.memory(params.latent, params.dim, how.adam), D

    return engine._replace(
        advance=batches.advance,
        state=with_memory(*engine.state),
        constants=(*engine.constants, how),
        seconds_per_step=engine.seconds_per_step * (params.batch + params.latent),
        draw=lambda rng: with_memory(*engine.draw(rng)),
    )


def _vectors_in_classes(params: Params) -> Engine:
    """Return SGD on weight vectors in the eigenbasis of the data, for noise in classes."""
    from ..kernels import vector

    dim, M, K = params.dim, params.latent, params.signal
    along = coordinates.variances(params.classes, params.strengths, params.eta, dim)
    return Engine(
        vector.advance,
        (*params.weights(), params.overlaps()["D"]),
        (coordinates.teacher(dim, K), Constants.of(params, rho=(), eta=along)),
        3e-9 * dim * (2 + M + K),
        lambda rng: coordinates.random_weights(dim, rng, **params.mean_overlaps()),
        count(M, K) + 2 * M**2,
    )


ENGINES = {"exact": exact_engine, "vector": vector_engine}
