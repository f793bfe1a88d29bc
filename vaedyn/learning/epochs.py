"""SGD on the same P rows again and again: drawn once for each run, shuffled in every epoch."""

import logging
from functools import partial
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..machine import free_memory
from ..model.params import Params
from ..model.start import teacher
from ..model.state import pack

PIECE = 256  # rows of a kernel call
LARGE = 4.0  # gigabytes of memory that are worth a word

log = logging.getLogger(__name__)


def check_rows(params: Params, engine: str, workers: int) -> None:
    """Make sure that training on rows that are used again and again is possible.

    Raises
    ------
    ParameterError
        When the noise is not white, the engine draws fresh data, or memory does not suffice.
    """
    if params.noise is not None:
        raise ParameterError("noise", "is not derived for rows used again; leave out alpha")
    if engine == "exact":
        raise ParameterError(
            "engine", "exact draws fresh data for every step; with alpha take vector"
        )
    check_batch(params, params.samples or 0)
    gigabytes = 8e-9 * params.dim * (params.samples or 0) * workers
    need = f"needs {gigabytes:.3g} GB for {params.samples} rows of {params.dim} entries"
    if gigabytes > 1e-9 * free_memory():
        raise ParameterError("alpha", f"{need} in {workers} runs at a time, more than is free here")
    if gigabytes > LARGE:
        log.warning("this %s in %d runs at a time; fewer jobs need less", need, workers)


def check_batch(params: Params, rows: int) -> None:
    """Raise ParameterError if a batch is larger than the table it is taken from."""
    if params.batch > rows:
        raise ParameterError("batch", f"must be at most {rows}, the rows, got {params.batch}")


def draw_rows(params: Params, random: np.random.Generator) -> np.ndarray:
    """Return rows of the spiked model, (samples, dim), in white noise."""
    assert params.samples is not None
    rows = random.standard_normal((params.samples, params.dim))
    rows *= np.sqrt(params.eta)
    for row in np.array_split(rows, -(-len(rows) // PIECE)):  # so that no second table is needed
        c = random.standard_normal((len(row), params.signal)) * np.sqrt(params.strengths)
        row += c @ teacher(params.dim, params.signal) / np.sqrt(params.dim)
    return rows


class Epochs:
    """The rows of one run, and where it is in them.

    Parameters
    ----------
    params : Params
        With `alpha`. The rows of a batch may belong to two epochs.
    seed : SeedSequence
        Of the rows, and of the order in which they are used.
    """

    def __init__(self, params: Params, seed: np.random.SeedSequence):
        rows, order = seed.spawn(2)
        self._draw = partial(draw_rows, params, np.random.default_rng(rows))
        self._random = np.random.default_rng(order)
        self._rows, self._order, self._at = np.empty((0, params.dim)), np.empty(0, np.int64), 0
        self._batch, self._plain = params.batch, params.plain

    def advance(
        self,
        stream: np.ndarray,
        betas: np.ndarray,
        save_after: np.ndarray,
        *others: Any,
    ) -> int:
        """Make a step for every entry of `betas`.

        All arguments are those of `vaedyn.kernels.vector.advance`, or of
        `vaedyn.kernels.batches.advance` for what is not plain SGD.
        """
        from ..kernels import batches, rows

        *given, out = others
        if self._plain:
            W, V, D, directions, constants = given
            step = partial(rows.advance, W=W, V=V, D=D, c=constants, lam_V=constants.lam)
        else:
            W, V, first, second, small, D, directions, _, how = given
            state = {"W": W, "V": V, "first": first, "second": second, "small": small, "D": D}
            step = partial(batches.advance_on, stream, **state, how=how)
        step(self._rows[:0], betas[:0])  # compiles
        at = saved = 0
        while True:
            while saved < len(save_after) and save_after[saved] == at:
                out[saved] = _overlaps(W, V, D, directions)
                saved += 1
            if at == len(betas):
                return at
            at_once = max(PIECE // self._batch, 1)
            due = [len(betas), at + at_once, *save_after[saved : saved + 1].tolist()]
            chosen = self._next((min(due) - at) * self._batch)
            while len(chosen) % self._batch:
                missing = self._batch - len(chosen) % self._batch
                chosen = np.concatenate([chosen, self._next(missing)])
            steps = len(chosen) // self._batch
            done = step(chosen, betas[at : at + steps])
            at += done
            if done < steps:
                return at

    def _next(self, most: int) -> np.ndarray:
        """Return the next rows, at most so many; every epoch has all of them in a new order."""
        if not len(self._rows):
            self._rows = self._draw()
        if self._at == len(self._order):
            self._order, self._at = self._random.permutation(len(self._rows)), 0
        chosen = self._order[self._at : self._at + most]
        self._at += len(chosen)
        return self._rows[chosen]


def _overlaps(W: np.ndarray, V: np.ndarray, D: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return the flat order parameters of weights (latent, dim)."""
    N, T = W.shape[1], directions.T
    return pack(W @ T / N, V @ T / N, W @ W.T / N, V @ V.T / N, W @ V.T / N, D)
