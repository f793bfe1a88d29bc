"""The command line that makes a record again."""

import json
import shlex

from vaedyn.params import Params

from ..store import Record

# what a record's parameters are made of besides the model, by kind
OPTIONS = {
    "theory": ("rtol", "atol"),
    "fixedpoints": ("rtol", "atol"),
    "simulate": ("engine", "seed"),
}


def command_of(record: Record) -> str | None:
    """Return the exact command that computes `record`, or None for kinds of other programs."""
    if record.kind not in OPTIONS:
        return None
    words = ["vaedyn", record.kind]
    for name in (*Params.__dataclass_fields__, *OPTIONS[record.kind]):
        if name in record.params:
            words += [f"--{name.replace('_', '-')}", _word(record.params[name])]
    if record.length is not None:
        words += ["--runs", str(record.length)]
    return shlex.join(words)


def _word(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(_word, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return value if isinstance(value, str) else repr(value)
