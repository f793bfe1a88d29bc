"""SGD of the linear VAE on the rows of a table instead of drawn samples."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from ..errors import DivergenceError, ParameterError
from ..kernels.constants import Constants
from ..learning.epochs import check_batch
from ..model.numerics import NUMERICS
from ..model.params import Params, integer
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from ..model.results import Trajectory
from ..model.start import GAUSSIAN
from ..model.state import kl_per_latent, pack
from ..model.training import pace
from .rows import Rows
from .settling import rate_of_draws, rate_of_rows, rate_of_variances

# fields of the model that a table decides
FROM_DATA = ("dim", "signal", "rho", "eta", "noise", "alpha")
TINY = 1e-150  # smaller weights are set to 0: they linger among denormal numbers, which are slow
BOUND = 1e4  # times what order parameters may naturally be
NEAR = 0.2  # of a learning rate that is unstable: what may be the reason of a divergence


@dataclass(frozen=True, kw_only=True)
class DataParams(Params):
    """A linear VAE that is trained on data, in the units of the data.

    Only the learning rates `lr` are in other units: those in which the largest
    variance is 1. So are `adam_epsilon` and, where Adam makes it a share of a step, the
    weight decay `lam`: all is as if the data had been scaled before. `rho` and `eta` only
    serve to read observables off. A batch is taken from the shuffled rows in their order, and
    may reach into the next pass.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.init != GAUSSIAN:
            raise ParameterError("init", "must be gaussian: data have no overlaps to start from")
        for name in ("noise", "alpha"):
            if getattr(self, name) is not None:
                raise ParameterError(name, "cannot be given: it is taken from the data")

    def _check_room(self, dim: int, latent: int, signal: int) -> None:
        for name, value in (("latent", latent), ("signal", signal)):
            if value > dim:
                raise ParameterError(name, f"must be at most {dim}, the columns, got {value}")


@shows("train", "steps")
def learn(
    params: DataParams,
    rows: Rows,
    directions: np.ndarray,
    *,
    seed: int = 0,
    store: Store | None = None,
    progress: Asked = None,
    run: Callable[[], Trajectory] | None = None,
) -> Trajectory:
    """Train a linear VAE by SGD, or Adam, on the rows of a table, a batch of them a step.

    Rows are shuffled all over the table, so that their order does no harm, and
    again in every pass; that samples may be seen more than once is where this differs
    from the theory, which takes a fresh one for every step.

    Parameters
    ----------
    params : DataParams
    rows : Rows
    directions : (signal, dim)
        Unit vectors against which the overlaps m and d are taken.
    seed : int
        Seed of the shuffling.
    store : ResultStore, optional
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of SGD
        steps.
    run : callable, optional
        Returns what `trained_on` does with these arguments, if it is not stored.

    Returns
    -------
    Trajectory
        Leading axes (1, times), in the units of the data. ``info["kl"]`` holds the mean KL
        divergence of each latent over the data at the end, ``info["passes"]`` how often
        they were seen.

    Raises
    ------
    ParameterError
        When arguments do not fit one another, a batch is larger than the table, or rows
        without a digest meet a store.
    DivergenceError
        When the weights grow without bound or a variance reaches zero.
    """
    seed = integer("seed", seed, 0)
    if np.shape(rows.mean) != (params.dim,) or np.shape(directions) != (params.signal, params.dim):
        raise ParameterError("dim", f"the data have {len(rows.mean)} columns, not {params.dim}")
    check_batch(params, rows.samples)
    if store is not None and not rows.digest:
        raise ParameterError("digest", "a store tells data apart by it, and these have none")

    def compute() -> Computed:
        result = run() if run else trained_on(params, rows, directions, seed, progress)
        return result.to_kept("run")

    record = {**params.to_dict(), "data": rows.digest, "seed": seed, "numerics": NUMERICS["data"]}
    return Trajectory.from_kept(params, kept(store, "data", record, compute))


class Watch(Protocol):
    """Looks at weights at some SGD steps, in units in which the largest variance is 1."""

    steps: Collection[int]

    def see(self, W: np.ndarray, V: np.ndarray, D: np.ndarray) -> None:
        """Look at W and V transposed (latent, dim), and D (latent,), at the next of `steps`."""
        ...


def trained_on(
    params: DataParams,
    rows: Rows,
    directions: np.ndarray,
    seed: int,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> Trajectory:
    """Return what `learn` does, without a store; `watch` sees the weights on the way."""
    run = _Run(params, rows, seed, progress)
    y = run.states(directions, watch)[None]
    info = {**rows.origin, "kl": run.kl().tolist(), "passes": run.rows_used / rows.samples}
    return Trajectory.from_states(params, y, t=params.times(), info=info)


class _Run:
    """The weights, in units in which the largest variance is 1, and their data."""

    def __init__(self, params: DataParams, rows: Rows, seed: int, progress: Progress | None):
        self.params, self.rows, self.progress = params, rows, progress
        W, V = params.weights()
        self.W, self.V = np.ascontiguousarray(W), np.ascontiguousarray(V)
        self.D = np.ones(params.latent)
        self.random, self.seed = np.random.default_rng(seed), seed

    @property
    def rows_used(self) -> int:
        """Number of rows that all steps take."""
        return self.params.steps * self.params.batch

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield rows in random order, without end."""
        while True:
            yield from self.rows.shuffled(self.random)

    def states(self, directions: np.ndarray, watch: Watch | None = None) -> np.ndarray:
        """Return the flat order parameters (points, values) at the saved times."""
        p, unit, batch = self.params, self.rows.unit, self.params.batch
        advance, schedule, steps, at, found = self.steps(), p.schedule, p.steps, 0, []
        source, left = self.pieces(), np.empty((0, p.dim))
        saved, seen = set(p.save_steps().tolist()), set(watch.steps if watch else ())
        for stop in sorted(saved | seen):
            while at < stop:
                while len(left) < batch:
                    piece = next(source)
                    left = np.concatenate([left, piece]) if len(left) else piece
                count = min(len(left) // batch, stop - at)
                betas = schedule(np.arange(at, at + count) / p.dim, p.beta) / unit
                done = advance(left[: count * batch], betas)
                for weights in (self.W, self.V):
                    weights[np.abs(weights) < TINY] = 0.0
                at, left = at + done, left[count * batch :]
                if done < count:
                    raise self.lost(at / p.dim, float(betas[done]))
                if self.progress:
                    self.progress(at, steps)
            largest = np.maximum(np.abs(self.W).max(), np.abs(self.V).max())  # nan if one is
            if not largest**2 < BOUND * max(1.0, unit / max(p.beta, 1e-300)):
                raise self.lost(at / p.dim, p.beta / unit)
            if watch and stop in seen:
                watch.see(self.W, self.V, self.D)
            if stop in saved:
                found.append(self.overlaps(directions))
        return np.array(found)

    def steps(self) -> Callable[[np.ndarray, np.ndarray], int]:
        """Return what makes steps on rows, with the betas of these, and returns how many."""
        from ..kernels import batches, rows
        from ..kernels.stream import open_stream

        # model: step, its constants in the units of the rows
        # of the loss divided by unit, with W sqrt(unit) and V / sqrt(unit) for W and V
        p = self.params
        state, lam_V = {"W": self.W, "V": self.V, "D": self.D}, p.lam / self.rows.unit**2
        if p.plain:
            return partial(rows.advance, **state, c=Constants.of(p), lam_V=lam_V)
        how = batches.Training.of(p, encoder_decay=p.lam if p.adam else lam_V)
        names = ("first", "second", "small")
        state |= zip(names, batches.memory(p.latent, p.dim, how.adam), strict=True)
        stream = open_stream(np.random.SeedSequence(self.seed).spawn(1)[0])
        return partial(batches.advance_on, stream, **state, how=how)

    def lost(self, t: float, beta: float) -> DivergenceError:
        """Return the error for weights that grow without bound, or D that has left (0, inf)."""
        p = self.params
        usual = p.beta / self.rows.unit
        if beta <= 1e-3 * usual or not usual:
            return DivergenceError(
                f"an encoder variance D reached zero at t = {t:.6g}, where beta is "
                f"{beta * self.rows.unit:.3g}: keep --beta, and its schedule --anneal, above zero"
            )
        row, length = self.rows.longest
        _, of_V, of_D = p.rates.tolist()
        limit_of_D = rate_of_variances(p.dim, usual)
        if p.sampled:
            limit_of_D = min(limit_of_D, rate_of_draws(p.dim, usual, p.batch))
        limits = (  # with momentum, steps are 1/(1 - p) as long
            (p.batch * rate_of_rows(usual, length), of_V, f"the longest row, number {row + 1},"),
            (limit_of_D, of_D, "D"),
        )
        close = [
            ((1 - p.momentum) * limit, what)
            for limit, rate, what in limits
            if rate > NEAR * (1 - p.momentum) * limit and not p.adam
        ]
        why = " ({1} needs one well below {0:.2g})".format(*min(close)) if close else ""
        return DivergenceError(
            f"learning diverges before t = {t:.6g} at learning rate {pace(p)}: lower --lr{why}"
        )

    def overlaps(self, directions: np.ndarray) -> np.ndarray:
        """Return the flat order parameters (values,) in the units of the data."""
        N, root = self.params.dim, self.rows.unit**0.5
        W, V = root * self.W, self.V / root
        teacher = directions.T * np.sqrt(N)
        return pack(W @ teacher / N, V @ teacher / N, W @ W.T / N, V @ V.T / N, W @ V.T / N, self.D)

    def kl(self) -> np.ndarray:
        """Return the mean KL divergence of each latent over the data, (latent,)."""
        squares = np.zeros((self.params.latent,) * 2)
        for block in self.rows.scaled():
            mu = block @ self.V.T / np.sqrt(self.params.dim)
            squares += mu.T @ mu
        return kl_per_latent(squares / self.rows.samples, self.D)
