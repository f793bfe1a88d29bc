"""Finding records by what they are about: ``beta=1.5``, ``lr<0.1``, ``kind=simulate``."""

import json
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .key import plain
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
        found = _single(property_of(record, self.name))
        if found is None:
            return False
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
            return plain(json.loads(candidate))
        except (ValueError, RecursionError):
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


def _single(value: Any) -> Any:
    """Return the only entry of a list of one, such as the strength of a single signal."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def unknown(records: Sequence[Record], filters: Iterable[Filter], sort: Iterable[str]) -> list[str]:
    """Return the names in `filters` and `sort` that none of the records has.

    Raises
    ------
    ValueError
        When a filter asks for text where all records have numbers, or the other way round.
    """
    lacking = []
    for condition in filters:
        values = [_single(property_of(record, condition.name)) for record in records]
        values = [value for value in values if value is not None]
        if not values:
            lacking.append(condition.name)
        elif all(
            {_nature(value), _nature(condition.value)} == {"number", "text"} for value in values
        ):
            expected = f"{_nature(values[0])} such as {values[0]}"
            raise ValueError(f"{condition.name} is a {expected}, not {condition.value!r}")
    names = [name.lstrip("-").replace("-", "_") for name in sort]
    lacking += [name for name in names if all(property_of(r, name) is None for r in records)]
    return list(dict.fromkeys(lacking))


def _nature(value: Any) -> str:
    return {str: "text", int: "number", float: "number"}.get(type(value), "")


def _rank(value: Any) -> tuple:
    """Return a sort key under which numbers come before text."""
    if isinstance(value, (int, float)):
        return (0, value)
    return (1, value if isinstance(value, str) else json.dumps(value))
