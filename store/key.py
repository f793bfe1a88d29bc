"""Parameters to key: the same parameters always, and only they, give the same key."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

SCHEMA = 1  # of the record files; part of every key
DIGITS = 32
DEEPEST = 100  # lists in lists: what is nested deeper can be written, but not always read
AS_IT_IS = frozenset((str, int, bool, type(None)))
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(value: Any, depth: int = 0) -> Any:
    """Return `value` as plain JSON data in which equal numbers look equal.

    numpy scalars and arrays become numbers and lists, 1.0 becomes 1 and -0.0
    becomes 0; no digit is lost.

    Raises
    ------
    ValueError
        When a number is not finite, or something nested too deep.
    TypeError
        When something has no place in JSON.
    """
    if depth > DEEPEST:
        raise ValueError(f"parameters must not be nested more than {DEEPEST} deep")
    if type(value) in AS_IT_IS:  # most are
        return value
    if type(value) not in (float, dict, list) and hasattr(value, "tolist"):  # numpy's
        value = value.tolist()
    kind = type(value)
    if kind is dict or kind is list:  # what isinstance would be slow to find out
        pass
    elif isinstance(value, (bool, int, str)) or value is None:
        return value
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"parameters must be finite, got {value!r}")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if kind is dict or isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(f"parameter names must be text, got {list(value)!r}")
        plainly = AS_IT_IS if depth < DEEPEST else ()  # without a call
        return {
            name: x if type(x := value[name]) in plainly else plain(x, depth + 1)
            for name in sorted(value)
        }
    if kind is list or isinstance(value, Sequence):
        return [plain(item, depth + 1) for item in value]
    raise TypeError(f"parameters must be JSON data, got {value!r}")


def canonical(value: Any) -> str:
    """Return the one JSON text of `value`: sorted, compact, every number in full."""
    return _encoder.encode(plain(value))


def key_of(kind: str, params: Mapping[str, Any]) -> str:
    """Return the key of a result: 32 hexadecimal digits.

    Raises
    ------
    TypeError, ValueError
        When the parameters are not named, or no JSON data, or not finite.
    """
    return keyed(kind, params)[0]


def keyed(kind: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the key of a result, as `key_of` does, and its parameters as plain data."""
    if not isinstance(params, Mapping):
        raise TypeError(f"parameters must have names, got {params!r}")
    data = {"kind": kind, "params": plain(params, 1), "schema": SCHEMA}
    text = _encoder.encode(data)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS], data["params"]
