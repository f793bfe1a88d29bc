"""Sweeps: many points of a grid, looked up or computed on all cores, and kept one by one."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from ..errors import ParameterError
from ..machine import cores
from ..model.asked import ADAM, STEPS, params_of
from ..model.fields import arguments, refuse_unknown
from ..model.labelled import dataset, frame
from ..model.params import Params, integer
from ..model.progress import Asked, shows
from ..model.records import Store
from ..model.results import Brief
from .flat import columns_of, flat, variables_of
from .grids import MODEL, Point, grid, part_of
from .lookups import found_of
from .points import COMMANDS, Job, Outcome, Task, compute

TRIAL = 1.0  # seconds of work in this process before others are started, which takes as long
INTERRUPTIBLE = ("theory", "simulate")  # by an error in `progress`
SHORT, LONG = 0.25, 1.0  # seconds between which a batch should last

Each = Callable[[int, Point, Outcome], None]
"""Receives the place of a point in the grid, the point, and what has come of it."""


class Pool(Protocol):
    """Processes that compute batches of points, here or elsewhere."""

    @property
    def slots(self) -> int:
        """How many batches to hand out at once."""
        ...

    def submit(self, batch: Sequence[Task]) -> None:
        """Hand out a batch."""
        ...

    def result(self) -> tuple[Sequence[Task], tuple[list[Outcome], float]]:
        """Wait for a batch, and return it with what came of it and the seconds it took."""
        ...

    def close(self) -> None:
        """Abandon unfinished points."""
        ...


@dataclass(frozen=True, repr=False)
class Sweep(Brief):
    """All points of a sweep, or of a part of it, in the order of the grid.

    Attributes
    ----------
    command : str
        ``theory``, ``simulate``, ``convergence`` or ``fixedpoints``.
    varied : dict
        The names that vary and their values; their product is the grid.
    points : list of Point
        ``.values`` is its place in the grid.
    outcomes : list of Outcome
        ``.final`` holds numbers and arrays, ``.error`` why there are none, ``.key`` the record.
    """

    command: str
    varied: dict[str, list[Any]]
    points: list[Point]
    outcomes: list[Outcome]

    @property
    def failed(self) -> int:
        """How many points have no result."""
        return sum(bool(outcome.error) for outcome in self.outcomes)

    @property
    def reused(self) -> int:
        """How many points were there already."""
        return sum(outcome.reused for outcome in self.outcomes)

    def values(self, name: str) -> list[Any]:
        """Return ``final[name]`` of every point, in one list; None where there is none.

        Of simulations it is ``{"mean": ..., "std": ...}``, over the runs.

        Raises
        ------
        ParameterError
            When no computation has a number of that name.
        """
        finals = [outcome.final or {} for outcome in self.outcomes]
        known = sorted({key for final in finals for key in final} - {"lost"})
        if known and name not in known:
            raise ParameterError("name", f"expected one of {', '.join(known)}, got {name!r}")
        return [final.get(name) for final in finals]

    def array(self, name: str, of: str = "mean") -> np.ndarray:
        """Return the numbers `name` of all points, in the shape of the grid; nan where missing.

        Parameters
        ----------
        name : str
            Such as ``eps_g``, see `values`.
        of : {"mean", "std"}
            What to take of simulations.

        Returns
        -------
        array
            An axis for each name that varies, in the order of `varied`, before the axes
            that the quantity has itself.

        Raises
        ------
        ParameterError
            When this is a part of a grid, or what `name` stands for is no number, or has
            another shape at other points.
        """
        if of not in ("mean", "std"):
            raise ParameterError("of", f"expected mean or std, got {of!r}")
        shape = tuple(len(values) for values in self.varied.values())
        if math.prod(shape) != len(self.points):
            raise ParameterError("shard", "a part of a grid has no shape: use values")
        found = [value[of] if isinstance(value, dict) else value for value in self.values(name)]
        own = next((np.shape(value) for value in found if value is not None), ())
        try:
            rows = np.stack(
                [np.full(own, np.nan) if v is None else np.asarray(v, float) for v in found]
            )
        except (TypeError, ValueError):
            reason = f"{name} is not a number, or not of one shape, at all points: use values"
            raise ParameterError("name", reason) from None
        return rows.reshape(shape + own)

    def to_frame(self) -> Any:
        """Return a `pandas.DataFrame`, a row a point, with the columns of ``--csv``."""
        rows = flat(self.points, self.outcomes)
        return frame(rows, "point", columns_of(rows, self.varied))

    def to_xarray(self) -> Any:
        """Return an `xarray.Dataset` over what varies; `ParameterError` for part of a grid."""
        if math.prod(map(len, self.varied.values())) != len(self.points):
            raise ParameterError("shard", "a part of a grid has no shape: use to_frame")
        variables = variables_of(self.varied, self.outcomes)
        return dataset(variables, None, {"result": "Sweep", "command": self.command})


@shows("sweep", "points")
def sweep(
    command: str,
    params: Params | Mapping[str, Any] | None = None,
    vary: Mapping[str, Sequence[Any] | np.ndarray] | None = None,
    *,
    store: Store | None = None,
    jobs: int | None = None,
    shard: tuple[int, int] = (1, 1),
    scheduler: str | None = None,
    progress: Asked = None,
    each: Each | None = None,
    **options: Any,
) -> Sweep:
    """Compute every point of a grid of models, or find it in the store.

    Each point is kept by itself as soon as it is finished, just as the plain function
    does, so that a sweep which was stopped goes on where it was.

    Parameters
    ----------
    command : {"theory", "simulate", "convergence", "fixedpoints"}
    params : Params or mapping, optional
        All that is not varied.
    vary : mapping
        Names of parameters, each with its values; the grid is their product, the first
        name varying slowest. Simulations also take `seed` and `runs`.
    store : ResultStore, optional
        Where to look for points first, and to keep them.
    jobs : int, optional
        Number of processes; default: all cores this process may use. Work of about a
        second is done in this process.
    shard : (int, int)
        ``(i, n)``, from (1, 1): compute every n-th point only, from the i-th on.
    scheduler : str, optional
        Address of a Dask scheduler whose workers compute instead. They must find the
        store under the same, absolute, path.
    progress : bool or callable, optional
        True shows a bar; a function is called as ``progress(done, total)`` with numbers of points.
    each : callable, optional
        Receives every point as soon as it is there, in any order.
    **options
        Further arguments of the plain function, and parameters of the model, in place of
        those of `params` or of the defaults.

    Returns
    -------
    Sweep
        A point whose computation fails has an `error` and is not kept.

    Raises
    ------
    ParameterError
        When an argument or any point is out of range; nothing is computed then.
    WorkerError, ClusterError
        When processes or the cluster do not work.
    TypeError
        When there is no argument of that name.
    """
    if not vary:
        raise ParameterError("vary", "expected names of parameters, each with its values")
    changes: Any = {name: options.pop(name) for name in MODEL if name in options}
    base = _base(params, changes)
    jobs = cores() if jobs is None else integer("jobs", jobs, 1)
    if scheduler is not None:
        from .cluster import check_address

        check_address(scheduler)
    varied, points = chosen(command, base, vary, shard)
    refuse_unknown(COMMANDS[command].run, options.keys() - arguments(COMMANDS[command].run))
    job = Job(command, options, store)
    tasks = [Task(i, point.params, point.options) for i, point in enumerate(points)]
    outcomes: dict[int, Outcome] = {}
    for task, outcome in _all(job, tasks, jobs, scheduler):
        outcomes[task.place] = outcome
        if each:
            each(task.place, points[task.place], outcome)
        if progress:
            progress(len(outcomes), len(tasks))
    return Sweep(command, varied, points, [outcomes[task.place] for task in tasks])


def _base(params: Params | Mapping[str, Any] | None, changes: Any) -> Params | Mapping[str, Any]:
    """Return all that is not varied; of a mapping not checked yet, as what varies may lack."""
    if params is None or isinstance(params, Mapping):
        return {**(params or {}), **changes}
    return params_of(sweep, params, changes, derived=("noise", "alpha", *STEPS, *ADAM))


def chosen(
    command: str,
    params: Params | Mapping[str, Any],
    vary: Mapping[str, Sequence[Any] | np.ndarray],
    shard: tuple[int, int],
) -> tuple[dict[str, list[Any]], list[Point]]:
    """Return the values of all names, and the points of this part of the grid."""
    if command not in COMMANDS:
        raise ParameterError("command", f"expected {' or '.join(COMMANDS)}, got {command!r}")
    points = grid(params, vary, COMMANDS[command].varied)
    varied = {name: list(dict.fromkeys(point.values[name] for point in points)) for name in vary}
    return varied, part_of(points, *shard)


def _all(
    job: Job, tasks: Sequence[Task], jobs: int, scheduler: str | None
) -> Iterator[tuple[Task, Outcome]]:
    """Yield points with their stored results, and then the results of the others."""
    todo: list[Task] = []
    for task, outcome in found_of(job, tasks, jobs):
        if outcome:
            yield task, outcome
        else:
            todo.append(task)
    yield from _computed(job, deque(sorted(todo)), jobs, scheduler)


def _computed(
    job: Job, todo: deque[Task], jobs: int, scheduler: str | None
) -> Iterator[tuple[Task, Outcome]]:
    """Yield points with what came of them, as they are finished."""
    if scheduler is not None and todo:
        from .cluster import Cluster

        yield from _spread(Cluster(job, scheduler), todo)
        return
    alone = jobs == 1 or len(todo) == 1
    if alone or all(_interruptible(job, task) for task in todo):
        yield from _here(job, todo, jobs, None if alone else TRIAL)
    if todo:
        from .workers import Workers

        count = min(jobs, len(todo))
        threads = {"jobs": max(1, jobs // count)} if job.command == "simulate" else {}
        yield from _spread(Workers(partial(compute, job, **threads), count), todo)


def _interruptible(job: Job, task: Task) -> bool:
    """Return whether a point can be abandoned when it takes too long, or never does."""
    return job.command in INTERRUPTIBLE or task.params.latent <= 2


class _TooLongError(Exception):
    """The time for a trial is over."""


def _here(
    job: Job, todo: deque[Task], jobs: int, seconds: float | None
) -> Iterator[tuple[Task, Outcome]]:
    """Compute points in this process until all are done, or some `seconds` are over."""
    options: dict[str, Any] = {"jobs": jobs} if job.command == "simulate" else {}
    end = float("inf") if seconds is None else perf_counter() + seconds

    def stop_late(*_: object) -> None:
        if perf_counter() > end:
            raise _TooLongError

    if seconds is not None and job.command in INTERRUPTIBLE:
        options["progress"] = stop_late
    size = 1
    while todo and (began := perf_counter()) < end:
        try:
            outcomes = compute(job, list(islice(todo, size)), **options)
        except _TooLongError:
            return
        for outcome in outcomes:
            yield todo.popleft(), outcome
        if seconds is None:
            size = 2 * size if perf_counter() < began + SHORT else max(1, size // 4)


def _spread(pool: Pool, todo: deque[Task]) -> Iterator[tuple[Task, Outcome]]:
    """Compute points in a pool, in batches that are neither too short nor too long."""
    size, flying = 1, 0
    try:
        while todo or flying:
            slots = pool.slots
            while todo and flying < slots:
                fair = -(-len(todo) // (2 * slots))
                pool.submit([todo.popleft() for _ in range(min(size, fair))])
                flying += 1
            batch, (outcomes, seconds) = pool.result()
            flying -= 1
            yield from zip(batch, outcomes, strict=True)
            if seconds < SHORT and len(batch) >= size:
                size *= 4
            elif seconds > LONG:
                size = max(1, min(size, int(len(batch) / seconds)))
    finally:
        pool.close()
