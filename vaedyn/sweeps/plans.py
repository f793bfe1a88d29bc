"""What a sweep would do: which points are there, and what the missing ones would cost."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..model.params import Params
from ..model.records import Store
from .grids import Point
from .points import Job, Lookup, Outcome, Task, look_up
from .sweep import chosen

Labels = Callable[[], Iterable[Any]]
"""Returns the records of a store, without their arrays."""


@dataclass(frozen=True)
class Plan:
    """The points of a sweep, or of a part of it, in the order of the grid.

    Attributes
    ----------
    varied : dict
        The names that vary and their values.
    points : list of Point
    outcomes : list of Outcome or None
        The stored result of each; None where it would be computed.
    seconds : float or None
        About how long one of those takes, on average over like points that are stored.
    like : int
        How many these are.
    """

    varied: dict[str, list[Any]]
    points: list[Point]
    outcomes: list[Outcome | None]
    seconds: float | None
    like: int

    @property
    def missing(self) -> int:
        """How many points would be computed."""
        return self.outcomes.count(None)

    def rest(self, jobs: int) -> float | None:
        """Return about how many seconds that takes so many processes."""
        if self.seconds is None or not self.missing:
            return None if self.missing else 0.0
        return self.seconds * self.missing / min(jobs, self.missing)


def plan(
    command: str,
    params: Params | Mapping[str, Any],
    vary: Mapping[str, Sequence[Any] | np.ndarray],
    *,
    store: Store | None = None,
    labels: Labels = tuple,
    shard: tuple[int, int] = (1, 1),
    anew: bool = False,
    **options: Any,
) -> Plan:
    """Return what `vaedyn.sweep` would do with the same arguments; compute and keep nothing.

    Points that are stored cost what they have cost; where none of the grid is there, those
    do that differ from it by the values of what varies alone.

    Parameters
    ----------
    command, params, vary, store, shard, **options
        As for `vaedyn.sweep`.
    labels : callable, optional
        Returns all records of the store, without their arrays.
    anew : bool
        Whether all points would be computed, whatever is there.

    Raises
    ------
    ParameterError
        As `vaedyn.sweep` does.
    """
    varied, points = chosen(command, params, vary, shard)
    job = Job(command, options, store)
    outcomes, costs, asked = [], [], []
    for i, point in enumerate(points):
        lookup = Lookup(store)
        outcome = look_up(job, Task(i, point.params, point.options), lookup)
        if outcome and lookup.found is not None:
            costs.append(_cost(lookup.found, lookup.asked))
        elif lookup.asked:
            asked.append(lookup.asked)
        outcomes.append(None if anew and lookup.asked else outcome)
    if asked and not costs:
        costs = [_cost(record, asked[0]) for record in _alike(labels(), asked[0], varied)]
    seconds = float(np.mean(costs)) if costs else None
    return Plan(varied, points, outcomes, seconds, len(costs))


def _cost(record: Any, asked: Any) -> float:
    """Return how long a stored result took, or as many entries of it as are asked for."""
    length = asked[2]
    share = length / record.length if length else 1.0
    return share * record.provenance["seconds"]


def _alike(records: Iterable[Any], asked: Any, varied: Iterable[str]) -> list[Any]:
    """Return the records that differ from the points only in the values of what varies."""
    kind, params, _ = asked
    ours = _but(json.loads(json.dumps(params)), varied)
    return [one for one in records if one.kind == kind and _but(one.params, varied) == ours]


def _but(params: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name not in names}
