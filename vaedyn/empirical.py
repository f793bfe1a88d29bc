"""SGD of the linear VAE on somebody's own data instead of drawn ones."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .errors import DivergenceError, ParameterError
from .ode import variance_lost
from .params import Params, integer
from .results import Store, Trajectory, Variables
from .state import kl_per_latent, pack

NUMERICS = 1  # raised when the same parameters and data give other numbers
AT_ONCE = 1024  # steps of one kernel call
HELD = 32e6  # bytes of rows that are shuffled together

Progress = Callable[[int, int], None]
"""Receives the numbers of SGD steps made and wanted."""

Blocks = Callable[[], Iterator[np.ndarray]]
"""Called once per pass over the data; yields blocks (rows, dim)."""


def block_rows(dim: int) -> int:
    """Return how many rows of data are held, and shuffled, at once."""
    return max(AT_ONCE, int(HELD / (8 * dim)))


def learn(
    params: Params,
    blocks: Blocks,
    mean: np.ndarray,
    directions: np.ndarray,
    *,
    digest: str = "",
    seed: int = 0,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Trajectory:
    """Train a linear VAE by SGD on the rows of a table, one row a step.

    Rows are shuffled within blocks, so that an order in the file does no harm, and
    again in every pass; that samples are seen more than once is where this differs
    from the theory, which takes a fresh one for every step.

    Parameters
    ----------
    params : Params
        `dim` is that of the data; `rho` and `eta` only serve to read observables off.
    blocks : callable
        Called for every pass; yields blocks (rows, dim).
    mean : (dim,)
        Subtracted from the rows.
    directions : (signal, dim)
        Unit vectors against which the overlaps m and d are taken.
    digest : str
        Fingerprint of the data, which a stored result is found by.
    seed : int
        Seed of the shuffling.
    store : ResultStore, optional
    progress : callable, optional

    Returns
    -------
    Trajectory
        Leading axes (1, times). ``info["kl"]`` holds the mean KL divergence of each
        latent over the data at the end, ``info["passes"]`` how often they were seen.

    Raises
    ------
    ParameterError
        When arguments do not fit one another.
    DivergenceError
        When the weights grow without bound or a variance reaches zero.
    """
    seed = integer("seed", seed, 0)
    if np.shape(mean) != (params.dim,) or np.shape(directions) != (params.signal, params.dim):
        raise ParameterError("dim", f"the data have {len(mean)} columns, not {params.dim}")

    def compute() -> tuple[Variables, dict[str, Any]]:
        run = _Run(params, blocks, mean, seed, progress)
        y = run.states(directions)[None]
        info = {"kl": run.kl().tolist(), "passes": run.passes}
        result = Trajectory.from_states(params, y, t=params.times(), info=info)
        return result.to_variables("run"), info

    if store is None:
        variables, info = compute()
        arrays = {name: value for name, (_, value, _) in variables.items()}
        arrays["t"] = arrays.pop("time")
        return Trajectory(params=params, **arrays, info=info)
    record = {**params.to_dict(), "data": digest, "seed": seed, "numerics": NUMERICS}
    return Trajectory.from_saved(params, store.load_or_run("data", record, compute))


class _Run:
    """The weights, and the rows that they are trained on."""

    def __init__(
        self,
        params: Params,
        blocks: Blocks,
        mean: np.ndarray,
        seed: int,
        progress: Progress | None,
    ):
        self.params, self.blocks, self.mean, self.progress = params, blocks, mean, progress
        W, V = params.weights()
        self.W, self.V = np.ascontiguousarray(W), np.ascontiguousarray(V)
        self.D = params.overlaps()["D"].copy()
        self.random = np.random.default_rng(seed)
        self.passes = 0

    def rows(self) -> Iterator[np.ndarray]:
        """Yield centred rows in random order, without end, in pieces (rows, dim)."""
        while True:
            self.passes += 1
            for block in self.blocks():
                centred = block - self.mean
                yield centred[self.random.permutation(len(centred))]

    def states(self, directions: np.ndarray) -> np.ndarray:
        """Return the flat order parameters (points, values) at the saved times."""
        from .kernels import jit, rows

        p = self.params
        jit.announce(rows.advance)
        saves, at, found = p.save_steps(), 0, []
        source, left = self.rows(), np.empty((0, p.dim))
        for save in saves.tolist():
            while at < save:
                if not len(left):
                    left = next(source)
                count = min(len(left), save - at, AT_ONCE)
                betas = p.schedule(np.arange(at, at + count) / p.dim, p.beta)
                done = rows.advance(left[:count], betas, self.W, self.V, self.D, p.lam, p.lr)
                at, left = at + done, left[count:]
                if done < count:
                    raise variance_lost(at / p.dim, float(betas[done]), p.lr)
                if self.progress:
                    self.progress(at, p.steps)
            found.append(self.overlaps(directions))
            if not np.abs(found[-1]).max() < p.bound(found[0]):
                raise DivergenceError(
                    f"learning diverges before t = {at / p.dim:.6g} at learning rate {p.lr:g}: "
                    "lower --lr, or scale the data down"
                )
        return np.array(found)

    def overlaps(self, directions: np.ndarray) -> np.ndarray:
        """Return the flat order parameters (values,)."""
        W, V, N = self.W, self.V, self.params.dim
        teacher = directions.T * np.sqrt(N)
        return pack(W @ teacher / N, V @ teacher / N, W @ W.T / N, V @ V.T / N, W @ V.T / N, self.D)

    def kl(self) -> np.ndarray:
        """Return the mean KL divergence of each latent over the data, (latent,)."""
        count, squares = 0, np.zeros((self.params.latent,) * 2)
        for block in self.blocks():
            mu = (block - self.mean) @ self.V.T / np.sqrt(self.params.dim)
            count, squares = count + len(mu), squares + mu.T @ mu
        return kl_per_latent(squares / count, self.D)
