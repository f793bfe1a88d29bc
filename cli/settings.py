"""Options that are not on the command line: from the environment, or from a TOML file.

The command line comes first, then the environment, the file, and the default.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
from click.core import ParameterSource

from vaedyn.errors import did_you_mean

from .hints import commands_below, options_of, word_of

PREFIX = "VAEDYN"
FILE = "vaedyn.config"
"""Where a context notes which file is in use."""
LARGEST = 1_000_000  # bytes of such a file
UNSET = ("config", "help")  # no keys


def variables(option: click.Option, context: click.Context) -> list[str]:
    """Return the environment variables that set an option, that of this command alone first."""
    own, word = context.auto_envvar_prefix or PREFIX, word_of(option)
    names = [f"{own}_{word}", f"{own}_{option.name}", f"{PREFIX}_{word}"]
    return [name.upper().replace("-", "_") for name in names]


def origin(context: click.Context, name: str, variable: str | None) -> str:
    """Return as a remark where a parameter's value comes from, if not from the command line."""
    source = context.get_parameter_source(name)
    if source == ParameterSource.DEFAULT_MAP:
        return f" (from {context.meta[FILE]})"
    return f" (from {variable})" if source == ParameterSource.ENVIRONMENT else ""


def note_file(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Remember a file that is named before the command."""
    if path:
        context.meta[FILE] = path


def use_file(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Let a file of options stand for the defaults of this command."""
    here = context.get_parameter_source("config") == ParameterSource.COMMANDLINE
    chosen = path if here else context.meta.get(FILE, path)
    if chosen:
        context.meta[FILE] = chosen
        context.default_map = _defaults(chosen, context)


def _defaults(path: Path, context: click.Context) -> dict[str, Any]:
    """Return what a file says about the options of a command, by their names in Python."""
    above: list[click.Context] = [context]
    while above[0].parent:
        above.insert(0, above[0].parent)
    table = _read(path)
    _check(path, table, above[0].command)
    offered = options_of(context.command)
    found = {}
    for place in above:  # what stands in the table of a command goes before what stands above
        if place.parent:
            below = _by_word(path, table).get(place.info_name or "")
            table = below if isinstance(below, dict) else {}
        for word, value in _by_word(path, table).items():
            if word in offered and word not in _tables(place.command, value):
                found[offered[word].name] = _as_typed(path, offered[word], value)
    return found


def _tables(command: click.Command, value: object) -> list[str]:
    """Return the words under which `value` would be the table of a command below."""
    if isinstance(command, click.Group) and isinstance(value, dict):
        return command.list_commands(click.Context(command))
    return []


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        _refuse(path, "there is no such file")
    if not path.is_file() or path.stat().st_size > LARGEST:
        _refuse(path, "expected a TOML file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        _refuse(path, f"cannot read it: {error.strerror}")
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is no TOML: {error}")


def _by_word(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose keys are written as options are, ``t-max`` for ``t_max``."""
    words = {key.replace("_", "-"): value for key, value in table.items()}
    if len(words) < len(table):
        twice = next(key for key in table if "_" in key and key.replace("_", "-") in table)
        _refuse(path, f"{twice} is given twice, with _ and with -")
    return words


def _check(path: Path, table: Mapping[str, Any], command: click.Command, where: str = "") -> None:
    """Refuse keys that are no option of any command that they are for."""
    known = {word for _, one in commands_below(command) for word in options_of(one)}
    known -= {*UNSET}
    for word, value in _by_word(path, table).items():
        if word in (tables := _tables(command, value)):
            assert isinstance(command, click.Group)
            below = command.get_command(click.Context(command), word)
            assert below is not None
            _check(path, value, below, f"{where}.{word}".lstrip("."))
        elif word not in known:
            kind, names = ("command", tables) if isinstance(value, dict) else ("option", known)
            place = f" in [{where}]" if where else ""
            _refuse(path, f"no {kind} is called {word!r}{place}{did_you_mean(word, names)}")


def _as_typed(path: Path, option: click.Option, value: Any) -> Any:
    """Return a value as the command line would have it, so that it is checked just so."""
    word = word_of(option)
    if option.is_flag:
        if not isinstance(value, bool):
            _refuse(path, f"{word}: expected true or false, got {value!r}")
        return value
    if isinstance(value, dict):
        value = json.dumps(value, default=str)
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, (bool, list, dict)) for item in items):
        _refuse(path, f"{word}: expected a number or text, or a list of them, got {value!r}")
    texts = [str(item) for item in items]
    return texts if option.multiple else ",".join(texts)


def _refuse(path: Path, reason: str) -> NoReturn:
    raise click.BadParameter(f"{path}: {reason}", param_hint="--config")
