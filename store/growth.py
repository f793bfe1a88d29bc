"""Records that grow: blocks of entries gathered, saved now and then, cut and joined."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .record import Record, Variables
from .temporary import discard

Parts = dict[str, tuple[tuple[str, ...], list[np.ndarray], dict[str, str]]]
"""Of every variable its dims, its values in consecutive parts, and its attributes."""


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
        self._parts: Parts = {}
        self._info: dict[str, Any] = {}
        self._spent = found.provenance["seconds"] if found else 0.0
        if found:
            self.add(found.variables, {})
        self._record = self.stored = found
        self._ours = False
        self.began = self.saved = time.perf_counter()

    @property
    def length(self) -> int:
        """How many entries there are, saved or not."""
        grown = (parts for dims, parts, _ in self._parts.values() if self._grows(dims))
        return sum(map(len, next(grown, ())))

    def add(self, variables: Variables, info: dict[str, Any]) -> None:
        """Take the next block."""
        parts: Parts = {}
        for name, (dims, values, notes) in as_arrays(variables).items():
            earlier = self._parts[name][1] if self._grows(dims) and self._parts else []
            parts[name] = (dims, [*earlier, values], notes)
        self._parts, self._info = parts, info
        self._record = None

    def _grows(self, dims: tuple[str, ...]) -> bool:
        return dims[:1] == (self._dim,)

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
            del block

    def _discard(self) -> None:
        """Remove what has been written here."""
        if self._ours and self.stored:
            discard(self.stored.path)

    def save(self) -> Record:
        """Write the entries so far, unless they are written already, and return them."""
        if self._record is None:
            for _, parts, _ in self._parts.values():
                if len(parts) > 1:  # at once, so that little is in memory twice
                    parts[:] = [np.concatenate(parts)]
            whole = {
                name: (dims, parts[0], notes) for name, (dims, parts, notes) in self._parts.items()
            }
            seconds = self._spent + time.perf_counter() - self.began
            self._record = self._write((whole, self._info), seconds, self.length)
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
