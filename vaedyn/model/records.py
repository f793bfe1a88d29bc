"""Results on their way to a store and back: looked up or computed, and kept."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

Variables = dict[str, tuple[tuple[str, ...], Any, dict[str, str]]]
"""Labelled arrays: ``{name: (dims, values, attributes)}``."""

Computed = tuple[Variables, dict[str, Any]]
"""What a store keeps: labelled arrays, and how they were computed as plain data."""

Progress = Callable[[float, float], None]
"""Called now and then as ``progress(done, total)``, in units that the computation names.

An error that it raises ends the computation.
"""

Watch = Callable[[str], AbstractContextManager[Progress | None]]
"""Returns, for one of several computations by its title, a context that yields its `Progress`."""


def unwatched(_: str) -> AbstractContextManager[None]:
    """Return a context in which nobody asks for progress."""
    return nullcontext()


class Saved(Protocol):
    """A stored result, as a store hands it back."""

    @property
    def key(self) -> str: ...
    @property
    def path(self) -> Any: ...
    @property
    def reused(self) -> bool: ...
    @property
    def params(self) -> dict[str, Any]: ...
    @property
    def variables(self) -> Variables: ...
    @property
    def info(self) -> dict[str, Any]: ...


class Store(Protocol):
    """What a place to keep results must offer; `vaedyn.store.ResultStore` does."""

    def load_or_run(
        self, kind: str, params: Mapping[str, Any], compute: Callable[[], Computed]
    ) -> Saved:
        """Return the record of `params`, computing and keeping it if there is none."""
        ...

    def load_or_extend(
        self,
        kind: str,
        params: Mapping[str, Any],
        compute: Callable[[int], Iterator[Computed]],
        length: int,
        dim: str,
    ) -> Saved:
        """Return a record with at least `length` entries along `dim`, computing what lacks."""
        ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a result came from."""

    key: str
    reused: bool
    path: str
    params: dict[str, Any]


class Kept(NamedTuple):
    """What a computation has found, now or earlier, and its record if there is a store."""

    variables: Variables
    info: dict[str, Any]
    source: Source | None = None

    @classmethod
    def of(cls, saved: Saved) -> Self:
        """Return what a store has handed back."""
        source = Source(
            key=saved.key, reused=saved.reused, path=str(saved.path), params=saved.params
        )
        return cls(saved.variables, saved.info, source)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The values of all variables."""
        return {name: np.asarray(values) for name, (_, values, _) in self.variables.items()}


def kept(
    store: Store | None, kind: str, record: Mapping[str, Any], compute: Callable[[], Computed]
) -> Kept:
    """Look up a result, or compute and keep it.

    Parameters
    ----------
    store : Store or None
        Without one the result is computed, and not kept.
    kind : str
        What is computed.
    record : mapping
        All that the result depends on, and nothing else.
    compute : callable
        Returns variables and info.
    """
    if store is None:
        return Kept(*compute())
    return Kept.of(store.load_or_run(kind, record, compute))


def extended(
    store: Store | None,
    kind: str,
    record: Mapping[str, Any],
    blocks: Callable[[int], Iterator[Computed]],
    length: int,
    dim: str,
) -> Kept:
    """Look up a result of `length` entries along `dim`, or compute what lacks, and keep it.

    Parameters
    ----------
    store, kind, record
        See `kept`.
    blocks : callable
        ``blocks(first)`` yields variables and info of the entries `first`, `first` + 1, ...
        Variables that do not start with `dim` are the same in every block; the info of the
        last one stands.
    """
    if store is None:
        return Kept(*_joined(list(blocks(0)), dim))
    return Kept.of(store.load_or_extend(kind, record, blocks, length, dim))


def _joined(blocks: list[Computed], dim: str) -> Computed:
    """Return consecutive blocks as one."""
    variables, info = blocks[-1]
    joined = {
        name: (dims, np.concatenate([block[name][1] for block, _ in blocks]), attributes)
        for name, (dims, _, attributes) in variables.items()
        if dims[:1] == (dim,)
    }
    return {**variables, **joined}, info


def variable(text: str, values: Any, dims: tuple[str, ...] = ()) -> tuple[Any, Any, Any]:
    """Return values of no unit with their dims and long name, as `Variables` hold them."""
    return dims, values, {"long_name": text, "units": "1"}
