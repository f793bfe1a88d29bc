"""`vaedyn sweep ... --dry-run`: which points are stored, and about how long the rest takes."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from vaedyn.sweeps.grids import shown
from vaedyn.sweeps.plans import Plan, plan

from ..store import ResultStore, key_of
from ..store.record import NAME
from .output import duration, plain, print_json, table, without_records
from .session import Session


class Present:
    """A store that is asked only for what it has: asked for more it would make its folder."""

    def __init__(self, store: ResultStore):
        self._store = store
        self._lengths: dict[tuple[str, str], int] = {}
        for path in store.files():
            if name := NAME.fullmatch(path.name):
                record = name["kind"], name["key"]
                length = int(name["length"] or 0)
                self._lengths[record] = max(length, self._lengths.get(record, 0))

    def load_or_run(self, kind: str, params: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
        """Return the record of `params`; without one, call `compute`."""
        if (kind, key_of(kind, params)) not in self._lengths:
            return compute()
        return self._store.load_or_run(kind, params, compute)

    def load_or_extend(
        self, kind: str, params: Mapping[str, Any], compute: Callable, length: int, dim: str
    ) -> Any:
        """Return a record with at least `length` entries; without one, call `compute`."""
        if self._lengths.get((kind, key_of(kind, params)), 0) < length:
            return compute(0)
        return self._store.load_or_extend(kind, params, compute, length, dim)


def planned(name: str, *arguments: Any, store: ResultStore, **options: Any) -> Plan:
    """Return what `vaedyn sweep` would do."""
    with without_records():
        return plan(name, *arguments, store=Present(store), labels=store.records, **options)


def print_plan(session: Session, name: str, found: Plan, jobs: int) -> None:
    """Print which points of a sweep are there, and about how long the others take."""
    there = [outcome is not None for outcome in found.outcomes]
    rest = found.rest(jobs)
    if session.as_json:
        points = [
            {**{key: plain(value) for key, value in point.values.items()},
             "there": outcome is not None, "key": outcome and outcome.key}
            for point, outcome in zip(found.points, found.outcomes, strict=True)
        ]  # fmt: skip
        varied = {key: plain(values) for key, values in found.varied.items()}
        data: dict[str, Any] = {"command": f"sweep {name}", "dry_run": True, "varied": varied}
        data |= {"points": points, "there": sum(there), "missing": found.missing, "jobs": jobs}
        print_json({**data, "seconds_per_point": found.seconds, "seconds": rest})
        return
    if found.points:
        rows = [
            [*map(shown, point.values.values()), "there" if one else "missing"]
            for point, one in zip(found.points, there, strict=True)
        ]
        table([*found.varied, ""], rows, left=("",))
    text = f"{sum(there)} of {len(there)} {'point is' if len(there) == 1 else 'points are'} there"
    if rest is None:
        text += f"; no estimate for the other {found.missing}: none like them is stored"
    elif found.missing:
        text += f"; the other {found.missing} take about {duration(rest)} "
        text += f"on {jobs} core{'s' * (jobs != 1)}"
        each = duration(found.seconds or 0)
        text += f" ({each} each, the mean of {found.like} like them that are stored)"
    click.echo(text)
