"""Finding records by what they are about: ``beta=1.5``, ``lr<0.1``, ``kind=simulate``."""

import json
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .record import Record

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
FORM = re.compile(r"\s*([A-Za-z][\w.-]*)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*")


@dataclass(frozen=True)
class Filter:
    """A condition on one property of a record."""

    name: str
    relation: str
    value: Any

    def __call__(self, record: Record) -> bool:
        """Tell whether `record` has the property and it fulfils the condition."""
        found = property_of(record, self.name)
        if found is None:
            return False
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        try:
            return OPERATORS[self.relation](found, self.value)
        except TypeError:  # say, a text and a number: unequal, and in no order
            return self.relation == "!="


def parse_filter(text: str) -> Filter:
    """Return the filter that `text` describes: a name, one of = != < <= > >=, and a value.

    Values are numbers, numbers with commas (a list), or text.

    Raises
    ------
    ValueError
        When `text` has another form.
    """
    form = FORM.fullmatch(text)
    if not form or not form[3]:
        raise ValueError(f"expected NAME=VALUE, or one of != < <= > >= between, got {text!r}")
    name, relation, value = form.groups()
    return Filter(name.replace("-", "_"), relation, _value(value))


def _value(text: str) -> Any:
    for candidate in (text, f"[{text}]"):
        try:
            return json.loads(candidate)
        except ValueError:
            continue
    return text


def property_of(record: Record, name: str) -> Any:
    """Return a parameter of `record`, or kind, key, length, created, seconds or bytes."""
    if name in record.params:
        return record.params[name]
    if name in ("kind", "key", "length", "bytes"):
        return getattr(record, name)
    if name in ("created", "seconds"):
        return record.provenance.get(name)
    return None


def select(records: Iterable[Record], filters: Iterable[Filter], sort: list[str]) -> list[Record]:
    """Return the records that pass all `filters`, sorted by properties; ``-name`` is descending.

    Records without the property come last.
    """
    wanted = list(filters)
    chosen = [record for record in records if all(condition(record) for condition in wanted)]
    for name in reversed(sort):
        plain = name.lstrip("-").replace("-", "_")
        having = [r for r in chosen if property_of(r, plain) is not None]
        lacking = [r for r in chosen if property_of(r, plain) is None]
        having.sort(key=lambda r, n=plain: _rank(property_of(r, n)), reverse=name.startswith("-"))
        chosen = having + lacking
    return chosen


def _rank(value: Any) -> tuple:
    """Return a sort key under which numbers come before text."""
    if isinstance(value, (int, float)):
        return (0, value)
    return (1, value if isinstance(value, str) else json.dumps(value))
