"""SGD of the linear VAE on the rows of a table instead of drawn samples."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..errors import DivergenceError, ParameterError
from ..kernels.constants import Constants
from ..model.asked import ADAM, STEPS
from ..model.numerics import NUMERICS
from ..model.params import Params, integer
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, kept
from ..model.results import Trajectory
from ..model.start import GAUSSIAN
from ..model.state import kl_per_latent, pack
from .rows import Rows
from .settling import rate_of_rows, rate_of_variances

# fields of the model that a table decides
FROM_DATA = ("dim", "signal", "rho", "eta", "noise", "alpha")
TINY = 1e-150  # smaller weights are set to 0: they linger among denormal numbers, which are slow
BOUND = 1e4  # times what order parameters may naturally be
NEAR = 0.2  # of a learning rate that is unstable: what may be the reason of a divergence


@dataclass(frozen=True, kw_only=True)
class DataParams(Params):
    """A linear VAE that is trained on data, in the units of the data.

    Only the learning rate `lr` is in other units: those in which the largest
    variance is 1. `rho` and `eta` only serve to read observables off.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.init != GAUSSIAN:
            raise ParameterError("init", "must be gaussian: data have no overlaps to start from")
        for name in ("noise", "alpha"):
            if getattr(self, name) is not None:
                raise ParameterError(name, "cannot be given: it is taken from the data")
        for name in (*STEPS, *ADAM):
            if name != "rates" and getattr(self, name) != getattr(Params, name):
                raise ParameterError(name, "cannot be given: rows are taken one by one, by SGD")
        if isinstance(self.lr, tuple):
            raise ParameterError("lr", "three rates are not derived for training on data; give one")

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
    """Train a linear VAE by SGD on the rows of a table, one row a step.

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
        When arguments do not fit one another, or rows without a digest meet a store.
    DivergenceError
        When the weights grow without bound or a variance reaches zero.
    """
    seed = integer("seed", seed, 0)
    if np.shape(rows.mean) != (params.dim,) or np.shape(directions) != (params.signal, params.dim):
        raise ParameterError("dim", f"the data have {len(rows.mean)} columns, not {params.dim}")
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
    info = {**rows.origin, "kl": run.kl().tolist(), "passes": params.steps / rows.samples}
    return Trajectory.from_states(params, y, t=params.times(), info=info)


class _Run:
    """The weights, in units in which the largest variance is 1, and their data."""

    def __init__(self, params: DataParams, rows: Rows, seed: int, progress: Progress | None):
        self.params, self.rows, self.progress = params, rows, progress
        W, V = params.weights()
        self.W, self.V = np.ascontiguousarray(W), np.ascontiguousarray(V)
        self.D = np.ones(params.latent)
        self.random = np.random.default_rng(seed)

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield rows in random order, without end."""
        while True:
            yield from self.rows.shuffled(self.random)

    def states(self, directions: np.ndarray, watch: Watch | None = None) -> np.ndarray:
        """Return the flat order parameters (points, values) at the saved times."""
        from ..kernels import rows

        p, unit = self.params, self.rows.unit
        # model: step, its constants in the units of the rows
        # of the loss divided by unit, with W sqrt(unit) and V / sqrt(unit) for W and V
        constants, lam_V = Constants.of(p), p.lam / unit**2
        at, found = 0, []
        source, left = self.pieces(), np.empty((0, p.dim))
        saved, seen = set(p.save_steps().tolist()), set(watch.steps if watch else ())
        for stop in sorted(saved | seen):
            while at < stop:
                if not len(left):
                    left = next(source)
                count = min(len(left), stop - at)
                betas = p.schedule(np.arange(at, at + count) / p.dim, p.beta) / unit
                done = rows.advance(left[:count], betas, self.W, self.V, self.D, constants, lam_V)
                for weights in (self.W, self.V):
                    weights[np.abs(weights) < TINY] = 0.0
                at, left = at + done, left[count:]
                if done < count:
                    raise self.lost(at / p.dim, float(betas[done]))
                if self.progress:
                    self.progress(at, p.steps)
            largest = max(np.abs(self.W).max(), np.abs(self.V).max())
            if not largest**2 < BOUND * max(1.0, unit / max(p.beta, 1e-300)):
                raise self.lost(at / p.dim, p.beta / unit)
            if watch and stop in seen:
                watch.see(self.W, self.V, self.D)
            if stop in saved:
                found.append(self.overlaps(directions))
        return np.array(found)

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
        of_rows, of_D = rate_of_rows(usual, length), rate_of_variances(p.dim, usual)
        limit, what = min((of_rows, f"the longest row, number {row + 1},"), (of_D, "D"))
        why = f" ({what} needs one well below {limit:.2g})" if p.rate > NEAR * limit else ""
        return DivergenceError(
            f"learning diverges before t = {t:.6g} at learning rate {p.rate:g}: lower --lr{why}"
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
