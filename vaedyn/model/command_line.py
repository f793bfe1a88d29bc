"""A model as a command line: the words after `vaedyn` that describe it."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import numpy as np

from .params import Params


def command_line(params: Params, command: str = "theory", **options: Any) -> str:
    """Return the command line of a computation or a picture of a model.

    Parameters
    ----------
    params : Params
        Parameters at their defaults are left out.
    command : str
        The command, such as ``theory`` or ``plot learning-curve``.
    **options
        Its other options by name; True stands for a flag. ``vary`` says which parameter of the
        model varies, ``"beta=0.1:3"``, and is left out therefore.

    Returns
    -------
    str
        To be given to a shell.
    """
    usual, model = Params().to_dict(), params.to_dict()
    varied = str(options.get("vary", "")).partition("=")[0]
    chosen = {name: x for name, x in model.items() if x != usual.get(name) and name != varied}
    if len(set(params.strengths.tolist())) == 1:  # one number stands for all signals
        chosen["rho"] = params.strengths.tolist()[:1]
    if chosen.get("rho") == usual["rho"] or varied == "rho":
        chosen.pop("rho", None)
    if "noise" in chosen:  # whose mean eta is
        chosen.pop("eta", None)
    if "init" in chosen:
        chosen["init"] = start_of(params)
    chosen |= options
    words = words_of({name: short(value) for name, value in chosen.items()})
    return shlex.join(["vaedyn", *command.split(), *words])


def start_of(params: Params) -> Any:
    """Return where learning starts as a short text if there is one, else as full matrices."""
    if isinstance(params.init, str):
        return params.init
    data: Any = params.to_dict()["init"]
    text = ",".join(f"{name}={short(np.ravel(rows).tolist()[0])!r}" for name, rows in data.items())
    return text if params.replace(init=text) == params else data


def short(value: Any) -> Any:
    """Return whole numbers without a decimal point."""
    if isinstance(value, (list, tuple)):
        return [short(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def words_of(options: Mapping[str, object]) -> list[str]:
    """Return options as the words of a command line; True stands for a flag that is set."""
    words = []
    for name, value in options.items():
        if value is False:
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words.append(word(value))
    return words


def word(value: object) -> str:
    """Return the value of an option as it is written."""
    if isinstance(value, (list, tuple)):
        return ",".join(map(word, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return value if isinstance(value, str) else repr(value)
