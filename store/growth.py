"""Records that grow: blocks of entries gathered, saved now and then, cut and joined."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .record import Record, Variables
from .temporary import discard


class Growth:
    """A growing record in the making.

    Parameters
    ----------
    write : callable
        Writes ``((variables, info), seconds, length)`` and returns the record.
    dim : str
        The dimension along which it grows.
    found : Record or None
        The entries that are there already.

    Attributes
    ----------
    stored : Record or None
        The entries that are on disk.
    """

    def __init__(self, write: Callable[..., Record], dim: str, found: Record | None):
        self._write, self._dim = write, dim
        self._parts = [found.variables] if found else []
        self._info: dict[str, Any] = {}
        self._spent = found.provenance["seconds"] if found else 0.0
        self._record = self.stored = found
        self._ours = False
        self.began = self.saved = time.perf_counter()

    @property
    def length(self) -> int:
        """How many entries there are, saved or not."""
        return sum(extent(part, self._dim) for part in self._parts)

    def add(self, variables: Variables, info: dict[str, Any]) -> None:
        """Take the next block."""
        self._parts.append(as_arrays(variables))
        self._info = info
        self._record = None

    def watched(
        self, blocks: Iterator[tuple[Variables, dict[str, Any]]]
    ) -> Iterator[tuple[Variables, dict[str, Any]]]:
        """Yield `blocks`; when their computation fails, remove what has been written of them."""
        while True:
            try:
                block = next(blocks)
            except StopIteration:
                return
            except Exception:  # not wanted; what was there before stays
                self._discard()
                self.stored = None
                raise
            yield block

    def _discard(self) -> None:
        """Remove what has been written here."""
        if self._ours and self.stored:
            discard(self.stored.path)

    def save(self) -> Record:
        """Write the entries so far, unless they are written already, and return them."""
        if self._record is None:
            self._parts = [joined(self._parts, self._dim)]
            seconds = self._spent + time.perf_counter() - self.began
            self._record = self._write((self._parts[0], self._info), seconds, self.length)
            self._discard()
            self.stored, self._ours = self._record, True
        self.saved = time.perf_counter()
        return self._record


def as_arrays(variables: Variables) -> Variables:
    """Return the same variables with NumPy arrays as values."""
    return {name: (dims, np.asarray(x), notes) for name, (dims, x, notes) in variables.items()}


def extent(variables: Variables, dim: str) -> int:
    """Return the number of entries along `dim`."""
    return next(len(values) for dims, values, _ in variables.values() if dims[:1] == (dim,))


def first(variables: Variables, dim: str, length: int) -> Variables:
    """Return the first `length` entries along `dim`."""
    return {
        name: (dims, values[:length] if dims[:1] == (dim,) else values, notes)
        for name, (dims, values, notes) in variables.items()
    }


def joined(parts: list[Variables], dim: str) -> Variables:
    """Return consecutive blocks as one."""
    return {
        name: (
            dims,
            np.concatenate([part[name][1] for part in parts]) if dims[:1] == (dim,) else values,
            notes,
        )
        for name, (dims, values, notes) in parts[-1].items()
    }
