"""Keeping a store in order: verify everything, remove unwanted files."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .hdf5 import read, read_label
from .key import DIGITS
from .record import NAME, OtherSchemaError, StoreError, length_of, reason
from .results import ResultStore
from .temporary import leftovers


@dataclass(frozen=True)
class Finding:
    """The state of one file: `problem` is empty for a good one."""

    path: Path
    problem: str


def verify(store: ResultStore) -> Iterator[Finding]:
    """Yield the state of every record's file, read whole in a separate process.

    Files that others replace meanwhile are passed over.

    Raises
    ------
    StoreError
        When the folder cannot be read.
    """
    for path in store.files():
        try:
            read(path, apart=True)
        except FileNotFoundError:
            if not _others(store, path):
                yield Finding(path, f"{path} has gone since it was listed")
        except StoreError as error:
            yield Finding(path, str(error))
        else:
            yield Finding(path, "")


def _others(store: ResultStore, path: Path) -> list[Path]:
    """Return the files of the same record, of any length."""
    record = path.name[: path.name.index("-") + 1 + DIGITS]
    return [other for other in store.files() if other.name.startswith(record)]


def unwanted(
    store: ResultStore,
    *,
    older_than: float | None = None,
    damaged: bool = False,
    other_schemas: bool = False,
) -> list[Path]:
    """Return files that may go: leftovers of killed writers, and shorter copies of a record.

    Parameters
    ----------
    older_than : float, optional
        Also records whose file is older, in seconds.
    damaged : bool
        Also files that were set aside as damaged.
    other_schemas : bool
        Also records of other versions.

    Raises
    ------
    StoreError
        When the folder cannot be read.
    """
    paths = store.files()
    found = set(leftovers(store.path)) | set(_superseded(paths))
    if damaged:
        found.update(store.path.glob("*.h5.damaged-*"))
    for path in paths:
        if older_than is not None and _age(path) > older_than:
            found.add(path)
        if other_schemas and _has_other_schema(path):
            found.add(path)
    return sorted(found)


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _superseded(paths: list[Path]) -> Iterator[Path]:
    """Yield the files of records of which there is a longer one, that can be read."""
    grown: dict[str, list[Path]] = {}
    for path in paths:
        name = NAME.fullmatch(path.name)
        if name and name["length"]:
            grown.setdefault(name["key"], []).append(path)
    for same in grown.values():
        same.sort(key=lambda path: length_of(path) or 0)
        while len(same) > 1:
            if _is_good(same.pop()):
                yield from same
                break


def _is_good(path: Path) -> bool:
    try:
        read(path)
    except (StoreError, FileNotFoundError):
        return False
    return True


def _has_other_schema(path: Path) -> bool:
    try:
        read_label(path)
    except OtherSchemaError:
        return True
    except (StoreError, FileNotFoundError):
        return False
    return False


def remove(paths: list[Path]) -> list[Finding]:
    """Remove files, and return those that cannot be removed, with the reasons."""
    left = []
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            left.append(Finding(path, f"cannot remove {path}: {reason(error)}"))
    return left
