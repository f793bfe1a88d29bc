"""Simulation: ensembles of online-SGD runs, spread over the cores."""

import hashlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, Unpack

import numpy as np

from ..errors import DivergenceError, ParameterError, did_you_mean
from ..machine import cores
from ..model.asked import TRAINING, params_of
from ..model.numerics import NUMERICS
from ..model.params import Fields, Params, integer
from ..model.progress import Asked, shows
from ..model.records import Computed, Progress, Store, extended
from ..model.results import Trajectory
from ..model.training import pace
from .engines import ENGINES, Engine
from .epochs import check_rows
from .groups import groups
from .solve import variance_lost

SECONDS_AT_ONCE = 0.05  # of one kernel call, so that an interrupt is soon heard
MOST_AT_ONCE = 65536  # whose values of beta fit into a core's cache
AHEAD = 16  # runs handed to each thread in advance
# after every kernel call, entries of the state below TINY are set to 0, so that a collapsed
# latent does not linger among denormal numbers, which are slow; DECAY / lr bounds the time of
# a call, since no faster rate than a few lr takes it past TINY into the denormal range
TINY, DECAY = 1e-150, 50.0

log = logging.getLogger(__name__)


DIMS = (250, 500, 1000, 2000, 4000)  # values of N to compare, unless others are given
ENSEMBLE = {"runs", "seed", "engine", "jobs"}  # what an ensemble is given beside its model


def model_of(
    function: Callable[..., object],
    params: Params | None,
    options: dict[str, Any],
    derived: Collection[str] = (),
) -> tuple[Params, dict[str, Any]]:
    """Return the model, changed by those of `options` that are its parameters, and the others.

    `derived` is that of `vaedyn.model.asked.params_of`.

    Raises
    ------
    TypeError
        When one is neither a parameter of the model nor in `ENSEMBLE`.
    """
    changes: Any = {name: x for name, x in options.items() if name in Fields.__annotations__}
    ensemble = {name: x for name, x in options.items() if name not in changes}
    only_ensemble(function, ensemble, {*ENSEMBLE, *Fields.__annotations__})
    return params_of(function, params, changes, derived), ensemble


def only_ensemble(
    function: Callable[..., object], names: Iterable[str], known: Iterable[str] = ENSEMBLE
) -> None:
    """Raise TypeError if a name is none of `ENSEMBLE`; it may be meant for one that is `known`."""
    for name in sorted({*names} - ENSEMBLE):
        raise TypeError(
            f"{function.__name__}() got an unexpected keyword argument {name!r}"
            f"{did_you_mean(name, known)}"
        )


@shows("simulate", "steps")
def simulate(
    params: Params | None = None,
    *,
    runs: int = 5,
    seed: int = 0,
    engine: str | None = None,
    random_start: bool = False,
    jobs: int | None = None,
    store: Store | None = None,
    progress: Asked = None,
    **changes: Unpack[Fields],
) -> Trajectory:
    """Train an ensemble of linear VAEs by SGD, or Adam, on fresh data or on rows used again.

    Parameters
    ----------
    params : Params, optional
    runs : int
        Size of the ensemble. Run r depends on the model, `seed` and r alone.
    seed : int
        Seed of the data. Ensembles of different models are independent under the same seed.
    engine : {"exact", "vector"}, optional
        ``vector`` trains weight vectors of length N. ``exact`` draws from the
        same law through the order parameters alone, at a cost independent of N. With `alpha`
        every run draws its own rows and uses them again and again, shuffled each time, which
        only ``vector`` does, as it is with Adam. Default: ``exact`` but for these.
    random_start : bool
        Every run draws its own initial weights, gaussian with the given overlaps on
        average. Otherwise all start from the same weights.
    jobs : int, optional
        Number of threads; default: all cores this process may use.
    store : ResultStore, optional
        Where to look for runs first, and to keep them.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of SGD
        steps, a few times a second.
    **changes
        Parameters of the model, in place of those of `params` or of the defaults.

    Returns
    -------
    Trajectory
        Leading axes (runs, times). ``info["steps_per_second"]`` is the total
        speed over all threads.

    Raises
    ------
    ParameterError
        When an argument is out of range.
    DivergenceError
        When the order parameters grow without bound or a variance reaches zero.
    """
    params = params_of(simulate, params, changes, derived=("noise", "alpha", *TRAINING))
    runs, seed = integer("runs", runs, 1), integer("seed", seed, 0)
    jobs = cores() if jobs is None else integer("jobs", jobs, 1)
    engine = _engine_for(params, engine)
    if params.samples is not None:
        check_rows(params, engine, min(jobs, runs))
    times = params.times()
    random_start = bool(random_start)

    def blocks(first: int) -> Iterator[Computed]:
        built = ENGINES[engine](params)
        seeds = Seeds(seed, experiment(params, engine, random_start))
        many = _ensemble(params, built, first, runs, seeds, random_start, jobs, progress)
        for y, info in many:
            yield Trajectory.from_states(params, y, t=times, info=info).to_kept("run")

    record = {**params.to_dict(), "engine": engine, "seed": seed, "numerics": NUMERICS["simulate"]}
    if random_start:
        record["random_start"] = True
    return Trajectory.from_kept(params, extended(store, "simulate", record, blocks, runs, "run"))


def _engine_for(params: Params, engine: str | None) -> str:
    """Return the name of the engine that is asked for, or of the one that suits."""
    if engine is None:
        engine = "vector" if params.alpha is not None or params.adam else "exact"
    if not isinstance(engine, str) or engine not in ENGINES:
        raise ParameterError("engine", f"expected {' or '.join(ENGINES)}, got {engine!r}")
    if engine == "exact" and params.adam:  # which treats every entry of the weights by itself
        raise ParameterError("engine", "exact does not train by Adam; take vector")
    return engine


class Seeds(NamedTuple):
    """Seeds of an experiment's runs."""

    seed: int
    experiment: tuple[int, ...]

    def of(self, run: int, *purpose: int) -> np.random.SeedSequence:
        """Return the seed of a run's data, or of another `purpose`."""
        return np.random.SeedSequence(self.seed, spawn_key=(*self.experiment, run, *purpose))


def experiment(params: Params, engine: str, random_start: bool) -> tuple[int, ...]:
    """Return four words that set the random streams of an ensemble apart from all others.

    Everything counts but how long it is and how often it is saved. If ensembles of
    different models shared their streams, their deviations from theory would be
    correlated, and errors of fits to several of them would be wrong.
    """
    model = params.to_dict()
    del model["t_max"], model["points"]
    text = json.dumps([model, engine, random_start], sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    return tuple(int.from_bytes(digest[at : at + 4], "little") for at in range(0, 16, 4))


def _ensemble(
    params: Params,
    built: Engine,
    first: int,
    runs: int,
    seeds: Seeds,
    random_start: bool,
    jobs: int,
    progress: Progress | None,
) -> Iterator[tuple[np.ndarray, dict[str, float]]]:
    """Yield the states (some runs, points, values) of runs first, ..., runs - 1 in order."""
    made, stop = np.zeros(runs, np.int64), threading.Event()
    run_group = partial(_run, params, built, seeds, random_start, made, stop)
    workers = min(jobs, runs - first)
    cut = groups(first, runs, workers, built.together is not None)
    for size in {len(group): group for group in cut}.values():
        run_group(size, steps=0)  # compiles
    wanted = (runs - first) * params.steps
    began = time.perf_counter()
    log.debug("simulating %d runs on %d threads", runs - first, workers)
    todo = iter(cut)
    waiting: deque[Future[tuple[np.ndarray, Exception | None]]] = deque()
    ahead = max(AHEAD // len(cut[0]), 2)
    with ThreadPoolExecutor(workers) as pool:
        try:
            while True:
                for group in islice(todo, ahead * workers - len(waiting)):
                    waiting.append(pool.submit(run_group, group))
                if not waiting:
                    return
                wait([waiting[0]], timeout=0.1)
                done, error = [], None
                while waiting and waiting[0].done() and error is None:
                    done.append(waiting.popleft().result())
                    error = done[-1][1]
                if progress:
                    progress(int(made.sum()), wanted)
                if sum(len(states) for states, _ in done):
                    speed = made.sum() / (time.perf_counter() - began)
                    yield _joined(done), {"steps_per_second": float(speed)}
                if error:
                    raise error
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def _joined(done: list[tuple[np.ndarray, Any]]) -> np.ndarray:
    """Return all states in one, and leave none of them behind."""
    states = [each for each, _ in done]
    done.clear()
    return states[0] if len(states) == 1 else np.concatenate(states)


def _run(
    params: Params,
    engine: Engine,
    seeds: Seeds,
    random_start: bool,
    made: np.ndarray,
    stop: threading.Event,
    runs: range,
    steps: int | None = None,
) -> tuple[np.ndarray, Exception | None]:
    """Return the flat order parameters (runs, points, values) of a few runs.

    They are those before the first that diverges, with whose error. `made` (all runs,) counts
    their steps; they are abandoned when `stop` is set.
    """
    advance, state = _steps(engine, seeds, random_start, runs)
    save = params.save_steps()
    out = np.empty((len(runs), len(save), engine.width))
    schedule = params.schedule
    rate = float(params.rates.max()) / (1 - params.momentum)
    at_once = min(SECONDS_AT_ONCE / engine.seconds_per_step, DECAY / rate * params.dim)
    at_once = max(1, min(int(at_once), MOST_AT_ONCE))
    numbers = np.arange(at_once, dtype=float)
    total = params.steps if steps is None else steps
    row = at = 0
    error = None
    while not stop.is_set() and len(runs):
        length = min(at_once, total - at)
        end = int(np.searchsorted(save, at + length, side="right"))
        betas = schedule((numbers[:length] + at) / params.dim, params.beta)
        done = advance(len(runs), betas, save[row:end] - at, row, out)
        for array in state:
            array[np.abs(array) < TINY] = 0.0
        for i in range(len(runs)):
            failed = None
            if done[i] < length:
                failed = variance_lost(
                    (at + done[i]) / params.dim, float(betas[done[i]]), pace(params)
                )
            elif end > row and not np.abs(out[i, row:end]).max() < params.bound(out[i, 0]):
                failed = DivergenceError(
                    f"learning diverges before t = {(at + length) / params.dim:.6g} at learning "
                    f"rate {pace(params)}: lower --lr"
                )
            if failed:
                error, runs = failed, runs[:i]
                break
        row, at = end, at + length
        made[runs.start : runs.stop] = at
        if at == total:
            break
    return out[: len(runs)], error


def _steps(
    engine: Engine, seeds: Seeds, random_start: bool, runs: range
) -> tuple[Callable[..., Sequence[int]], Sequence[np.ndarray]]:
    """Return what makes steps of all `runs`, and the arrays that it changes.

    It is called with how many of the runs still matter, the betas, the numbers of steps after
    which to save, and the array for that with the first row to write; it returns how many steps
    each run has made.
    """
    from ..kernels.lanes import TOGETHER
    from ..kernels.stream import open_streams

    def start(run: int) -> tuple[np.ndarray, ...]:
        if random_start:
            return engine.draw(np.random.default_rng(seeds.of(run, 0)))
        return tuple(array.copy() for array in engine.state)

    if len(runs) == 1:
        streams, state = open_streams([seeds.of(runs[0])]), start(runs[0])
        advance: Any = (
            engine.epochs(seeds.of(runs[0], 1)).advance if engine.epochs else engine.advance
        )

        def one(_: int, betas: np.ndarray, after: np.ndarray, row: int, out: np.ndarray) -> Any:
            rows = out[0, row : row + len(after)]
            return [advance(streams[0], betas, after, *state, *engine.constants, rows)]

        return one, state

    starts = [np.concatenate([array.ravel() for array in start(run)]) for run in runs]
    spare = TOGETHER - len(runs)
    streams = open_streams([*map(seeds.of, runs), *[seeds.of(runs[0])] * spare])
    states = np.stack([*starts, *[starts[0]] * spare], axis=1)
    left = np.where(np.arange(TOGETHER) < len(runs), -1, 0)
    together: Any = engine.together

    def many(going: int, betas: np.ndarray, after: np.ndarray, row: int, out: np.ndarray) -> Any:
        left[going:] = 0
        together(streams, betas, after, left, states, *engine.constants, row, out)
        return np.where(left < 0, len(betas), left)

    return many, (states,)
