"""The command line that makes a record again."""

import shlex

from vaedyn.data.learn import FROM_DATA
from vaedyn.model.command_line import word, words_of
from vaedyn.model.params import Params

from ..store import Record
from .options import SIMULATION

READING = ("columns", "missing")  # options on how a table is read

# what a record's parameters are made of besides the model, by kind
OPTIONS = {
    "theory": ("rtol", "atol"),
    "fixedpoints": ("rtol", "atol", "groups", "search", "search_seed"),
    "branches": ("groups",),
    "curves": (),
    "cycle": (),
    "cycles": ("groups",),
    "simulate": ("engine", *(name for name in SIMULATION if name != "engine")),
    "bands": ("random_start",),
    "convergence": ("tol", "rtol", "atol"),
    "annealing": ("family", "knots", "tol", "criterion", "rtol", "atol"),
}
# where the command is not named like the kind
COMMANDS = {
    "branches": "fixedpoints",
    "curves": "fixedpoints",
    "cycle": "fixedpoints --cycle",
    "cycles": "fixedpoints --cycle",
    "convergence": "theory",
    "annealing": "anneal",
    "bands": "theory --bands",
}
# kinds of records of training on a table, and of what else is computed for that
NUMERICS = ("seed", "family", "tol", "rtol", "atol")
ON_DATA = {"data": "simulate", "rows": "simulate", "course": "theory", "warmup": "anneal"}


def command_of(record: Record) -> str | None:
    """Return the exact command that computes `record`, or None for parts of a map."""
    if record.kind == "spectrum":
        words = ["vaedyn", "spectrum", _file(record), *words_of(_reading(record))]
        words += ["--standardise"] if record.params["standardise"] else []
        words += [f"--{name}={record.params[name]}" for name in ("leading", "passes")]
        return shlex.join(words)
    if record.kind == "heldout":
        words = ["vaedyn", "heldout", _file(record), *words_of(_reading(record))]
        words += ["--standardise"] if record.params["standardise"] else []
        words += [f"--{name}={record.params[name]}" for name in ("folds", "seed")]
        return shlex.join(words)
    if record.kind == "panel":
        chosen = {name: record.params[name] for name in ("quick", "seed")}
        return shlex.join(["vaedyn", "reproduce", *words_of(chosen)])
    if record.kind in ON_DATA:
        return shlex.join(_on_data(record))
    if record.kind not in OPTIONS:
        return None
    words = ["vaedyn", *COMMANDS.get(record.kind, record.kind).split()]
    names = (*Params.__dataclass_fields__, *OPTIONS[record.kind])
    words += words_of({name: record.params[name] for name in names if name in record.params})
    if record.length is not None:
        words += ["--runs", str(record.length)]
    if record.kind == "curves":
        for axis in "xy":
            name, low, high, log = (
                record.params[f"{axis}_{key}"] for key in ("varied", "from", "to", "log")
            )
            span = f"{word(low)}:{word(high)}"
            words += ["--vary", f"{name}={'log:' * log}{span}"]
        for each in record.params["follow"]:
            words += ["--follow", each]
    if "varied" in record.params:
        low, high = word(record.params["from"]), word(record.params["to"])
        words += ["--vary", f"{record.params['varied']}={low}:{high}"]
    return shlex.join(words)


def _on_data(record: Record) -> list[str]:
    """Return the words that train on data again, or predict how that goes."""
    asked = {name: record.info.get(name) for name in ("standardise", "estimator", "spikes")}
    asked["standardise"] = record.params["data"].endswith(" standardised")
    options = {name: value for name, value in asked.items() if value is not None}
    names = [name for name in (*Params.__dataclass_fields__, *NUMERICS) if name not in FROM_DATA]
    options |= {name: record.params[name] for name in names if name in record.params}
    options |= _reading(record)
    return ["vaedyn", ON_DATA[record.kind], "--data", _file(record), *words_of(options)]


def _reading(record: Record) -> dict[str, object]:
    """Return the options on how a table was read, if any were given."""
    return {name: record.info[name] for name in READING if record.info.get(name)}


def _file(record: Record) -> str:
    """Return the file that a table was in; DATA stands for one that is not known, or none."""
    return str(record.info.get("file") or "DATA")
