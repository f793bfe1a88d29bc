"""One result: its parameters and data, and the name of its file."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Variables = dict[str, tuple[tuple[str, ...], Any, dict[str, str]]]
"""``{name: (dims, values, attributes)}``, as xarray takes them."""

NAME = re.compile(r"(?P<kind>[a-z][a-z0-9_]*)-(?P<key>[0-9a-f]{32})(-(?P<length>[0-9]+))?\.h5")
KIND = re.compile(r"[a-z][a-z0-9_]*")


class StoreError(OSError):
    """The store cannot be read or written."""


class DamagedRecordError(StoreError):
    """A record does not hold what was once written to it."""


class OtherSchemaError(StoreError):
    """A record has the layout of another version."""


@dataclass(frozen=True)
class Record:
    """One result.

    Attributes
    ----------
    kind, key : str
    params : dict
        What the key is made of.
    variables : dict
        ``{name: (dims, values, attributes)}``; their values are attributes, too.
    info : dict
        What else the computation returned.
    provenance : dict
        When, how long, and with which versions it was computed.
    path : Path
    reused : bool
        Whether it was found rather than computed.
    """

    kind: str
    key: str
    params: dict[str, Any]
    variables: Variables
    info: dict[str, Any]
    provenance: dict[str, Any]
    path: Path
    reused: bool = field(default=False, compare=False)

    @property
    def length(self) -> int | None:
        """How many entries a growing record holds, else None."""
        return length_of(self.path)

    @property
    def bytes(self) -> int:
        """Size of the file; 0 once it has been replaced by a longer one."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def __getattr__(self, name: str) -> Any:
        """Return the values of a variable."""
        variables = self.__dict__.get("variables", {})
        if name in variables:
            return variables[name][1]
        raise AttributeError(f"record has no variable {name!r}; it has {sorted(variables)}")


def file_name(kind: str, key: str, length: int | None = None) -> str:
    """Return the name of a record's file; `length` is that of a growing record.

    Raises
    ------
    ValueError
        When `kind` has other characters than lower-case letters, digits and _.
    """
    if not KIND.fullmatch(kind):
        raise ValueError(f"kind must be a word in lower case, got {kind!r}")
    suffix = "" if length is None else f"-{length}"
    return f"{kind}-{key}{suffix}.h5"


def length_of(path: Path) -> int | None:
    """Return the length that a growing record has in its file name, else None."""
    name = NAME.fullmatch(path.name)
    return int(name["length"]) if name and name["length"] else None


def reason(error: OSError) -> str:
    """Return what the operating system had against it, in one line."""
    return os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
