"""One point of a sweep: its computation, and the summary of the result."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..annealing.time_to_converge import Convergence, time_to_converge
from ..errors import VaedynError
from ..fixedpoints.fixed_points import FixedPoints, fixed_points
from ..fixedpoints.trained_on_rows import TrainedOnRows, trained_on_rows
from ..learning.simulate import simulate
from ..learning.theory import theory
from ..model.params import Params
from ..model.quantities import NAMES, OBSERVABLES, active
from ..model.records import Store
from ..model.results import Trajectory

SUMMED_UP = (*OBSERVABLES, *NAMES)


class Command(NamedTuple):
    """A computation that can be swept: its function, its summary, and what else may vary.

    `lacks` says why a model has no result, where that is known beforehand.
    """

    run: Callable[..., Any]
    summary: Callable[[Any], dict[str, Any]]
    varied: tuple[str, ...] = ()
    lacks: Callable[[Params], str] = lambda _: ""


class Task(NamedTuple):
    """A point to compute: its place in the sweep, the model, and options of the computation."""

    place: int
    params: Params
    options: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What all points of a sweep have in common."""

    command: str
    options: dict[str, Any]
    store: Store | None


@dataclass(frozen=True)
class Outcome:
    """What came of a point.

    Attributes
    ----------
    key : str or None
        That of its record, when it was kept in a store.
    reused : bool
        Whether it was there already.
    final : dict
        Numbers and arrays, see `theory_summary` and its neighbours.
    error : str
        Why there is no result, else empty.
    """

    key: str | None = None
    reused: bool = False
    final: dict[str, Any] | None = None
    error: str = ""


class MissingError(Exception):
    """Nothing is stored for a point."""


class Lookup:
    """A store in which nothing is computed.

    Raises
    ------
    MissingError
        By its methods, when a result is not there.
    """

    def __init__(self, store: Store | None):
        self._store = store
        self.asked: tuple[str, Mapping[str, Any], int | None] | None = None
        """Kind, parameters and length of the result that was asked for."""
        self.found: Any = None
        """Its record, when it was there."""

    def load_or_run(self, kind: str, params: Mapping[str, Any], compute: Any) -> Any:
        """Return the record of `params`."""
        self.asked = kind, params, None
        if self._store is None:
            raise MissingError
        self.found = self._store.load_or_run(kind, params, _missing)
        return self.found

    def load_or_extend(
        self,
        kind: str,
        params: Mapping[str, Any],
        compute: Any,
        length: int,
        dim: str,
    ) -> Any:
        """Return a record with at least `length` entries."""
        self.asked = kind, params, length
        if self._store is None:
            raise MissingError
        self.found = self._store.load_or_extend(kind, params, _missing, length, dim)
        return self.found


def _missing(*_: object) -> NoReturn:
    raise MissingError


def look_up(job: Job, task: Task, lookup: Lookup | None = None) -> Outcome | None:
    """Return the stored result of a point, or None; `lookup` then knows more about it.

    Raises
    ------
    ParameterError
        When the computation refuses the point.
    """
    try:
        return _outcome(job, task, lookup or Lookup(job.store))
    except MissingError:
        return None


def look_up_all(job: Job, tasks: Sequence[Task]) -> list[Outcome | None]:
    """Return the stored results of points, None where there is none."""
    return [look_up(job, task) for task in tasks]


def compute(job: Job, tasks: Sequence[Task], **options: Any) -> list[Outcome]:
    """Compute points one after the other; where one fails, say why."""
    found = []
    with getattr(job.store, "together", nullcontext)():  # what stores of others may lack
        for task in tasks:
            try:
                found.append(_outcome(job, task, job.store, **options))
            except VaedynError as error:
                found.append(Outcome(error=str(error)))
    return found


def _outcome(job: Job, task: Task, store: Any, **options: Any) -> Outcome:
    command = COMMANDS[job.command]
    if lost := command.lacks(task.params):
        return Outcome(final={"lost": lost})
    result = command.run(task.params, store=store, **{**job.options, **task.options, **options})
    source = result.source
    if source is None:
        return Outcome(final=command.summary(result))
    return Outcome(source.key, source.reused, command.summary(result))


def theory_summary(result: Trajectory) -> dict[str, Any]:
    """Return observables and order parameters at the last time."""
    final = {name: getattr(result, name)[-1].copy() for name in SUMMED_UP}
    return {"t": result.t[-1], "active": active(result.kl_per_latent)[-1], **final}


def simulation_summary(result: Trajectory) -> dict[str, Any]:
    """Return mean and standard deviation over the runs at the last time; nan for a single run."""
    final: dict[str, Any] = {"t": result.t[-1]}
    arrays = {name: getattr(result, name) for name in SUMMED_UP}
    arrays = {"active": active(result.kl_per_latent), **arrays}
    for name, values in arrays.items():
        last = np.asarray(values[:, -1], float)
        std = last.std(axis=0, ddof=1) if len(last) > 1 else np.full(last.shape[1:], np.nan)
        final[name] = {"mean": last.mean(axis=0), "std": std}
    return final


@wraps(fixed_points)
def at_rest(params: Params, **options: Any) -> FixedPoints | TrainedOnRows:
    """Return fixed points, or where training on the same rows ends, which needs no options."""
    if params.alpha is not None:
        return trained_on_rows(params)
    return fixed_points(params, **options)


def fixed_point_summary(result: FixedPoints | TrainedOnRows) -> dict[str, Any]:
    """Return the fixed point that the start leads to; only `lost` when that is not known."""
    if isinstance(result, TrainedOnRows):
        final = {name: getattr(result, name) for name in SUMMED_UP}
        signals = ["noise" if k < 0 else f"signal {k + 1}" for k in result.signals]
        alive = np.diag(result.Q) > 0
        kinds = [on if lives else "collapsed" for on, lives in zip(signals, alive, strict=True)]
        number = active(result.kl_on_rows)
        return {"type": ", ".join(kinds), "label": result.phase, "active": number, **final}
    i = result.reached
    if i is None:
        return {"lost": result.lost}
    final = {name: getattr(result, name)[i].copy() for name in SUMMED_UP}
    return {
        "type": result.types[i],
        "label": result.labels[i],
        "stable": bool(result.stable[i]),
        "max_eigenvalue": result.max_eigenvalue[i],
        "relaxation_time": result.relaxation_time[i],
        "active": active(result.kl_per_latent)[i],
        **final,
    }


def _no_fixed_point(params: Params) -> str:
    return "" if params.beta else "at beta = 0 there is no fixed point: D shrinks for ever"


def convergence_summary(result: Convergence) -> dict[str, Any]:
    """Return when theory converges, and to which error; only `lost` when that is not known."""
    if result.reason:
        return {"lost": result.reason}
    return {"t_converge": result.t, "eps_g": result.eps_g}


COMMANDS = {
    "theory": Command(theory, theory_summary),
    "simulate": Command(simulate, simulation_summary, ("runs", "seed")),
    "convergence": Command(time_to_converge, convergence_summary),
    "fixedpoints": Command(at_rest, fixed_point_summary, lacks=_no_fixed_point),
}
