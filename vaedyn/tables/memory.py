"""Tables that must be held as a whole: whether they fit, and readers that may be missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from math import prod
from typing import Any

from ..machine import free_memory
from .lines import TableError

SHARE = 0.5  # of the free memory that one table may take


def check_memory(place: str, shape: tuple[int, ...], each: int = 8) -> None:
    """Refuse a table that does not fit into memory.

    Raises
    ------
    TableError
    """
    size, free = prod(shape) * each, SHARE * free_memory()
    if size > free:
        raise TableError(
            f"{place} takes {size / 1e9:.3g} GB of memory, more than half of what is free "
            f"({2 * free / 1e9:.3g} GB): save it as .npy or .csv, which are read in blocks"
        )


def extra(package: str, place: str) -> Any:
    """Return a package that reads some kind of table.

    Raises
    ------
    TableError
        When it is not installed.
    """
    try:
        return import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise TableError(f"{place} needs {name} to be read: pip install 'vaedyn[tables]'") from None


@contextmanager
def foreign(place: str) -> Iterator[None]:
    """Turn whatever a reader of other people's raises into one line: it is not written for damage.

    Raises
    ------
    TableError
    """
    try:
        yield
    except TableError:
        raise
    except Exception as error:
        text = str(error).strip().splitlines()
        why = text[0][:200] if text else type(error).__name__
        raise TableError(f"{place} is damaged, or not what its name says: {why}") from error
