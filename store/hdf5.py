"""Records as HDF5 files: written whole or not at all, verified when read.

A file starts with a label, one line of JSON in front of the HDF5 data (its
"user block"), which a listing reads without opening the rest. The same texts
are attributes of the root group; `docs/store.md` describes the layout.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import shortcut
from .key import SCHEMA, canonical, key_of
from .record import (
    NAME,
    DamagedRecordError,
    OtherSchemaError,
    Record,
    StoreError,
    Variables,
    reason,
)
from .skeleton import contents, fill, filled, skeleton
from .temporary import temporary_path

TEXTS = ("kind", "key", "schema", "params", "info", "provenance")
LONGEST_LABEL = 1 << 24


def write(record: Record) -> None:
    """Write `record` to its path, all at once: other processes see it whole or not at all.

    Raises
    ------
    StoreError
        When that fails; nothing is left behind.
    """
    temporary = temporary_path(record.path)
    try:
        with open(temporary, "xb+") as file:
            write_into(file, record, label=True)
            os.fsync(file.fileno())
        os.replace(temporary, record.path)
        _sync_folder(record.path.parent)
    except (OSError, RuntimeError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise StoreError(f"cannot write {record.path}: {why}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some systems cannot open folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_into(file: BinaryIO, record: Record, *, label: bool) -> None:
    """Write `record` to a new file; without `label` any NetCDF reader takes it."""
    texts = {
        "kind": record.kind,
        "key": record.key,
        "schema": SCHEMA,
        "params": record.params,
        "info": record.info,
        "provenance": record.provenance,
    }
    line = (json.dumps(texts, allow_nan=False) + "\n").encode() if label else b""
    block = max(512, 1 << (len(line) + shortcut.LENGTH - 1).bit_length()) if label else 0
    attributes = {name: _text(value) for name, value in texts.items()}
    arrays = {name: _numbers(name, x) for name, (_, x, _) in record.variables.items()}
    layout = tuple(
        (name, tuple(dims), arrays[name].shape, arrays[name].dtype.str, tuple(notes.items()))
        for name, (dims, _, notes) in record.variables.items()
    )
    attributes["checksum"] = checksum(attributes, record.variables)
    if sum(array.nbytes for array in arrays.values()) < shortcut.LARGEST:
        body = filled(layout, block, arrays, attributes)
        head = line + shortcut.seal(hashlib.sha256(body)) if label else b""
        file.write(head.ljust(block, b"\0") + body)
        file.flush()
    else:  # not a copy more in memory than needed
        file.write(line.ljust(block, b"\0") + skeleton(layout, block, room=False)[0])
        file.flush()
        fill(os.fsencode(file.name), arrays, attributes)
        if label:
            file.seek(block)
            seal = shortcut.seal(hashlib.file_digest(file, "sha256"))  # pyright: ignore[reportArgumentType]
            file.seek(len(line))
            file.write(seal)
            file.flush()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _numbers(name: str, values: Any) -> np.ndarray:
    """Return `values` as an array, after checking that HDF5 can hold it under `name`."""
    if not re.fullmatch(r"[A-Za-z]\w*", name):
        raise ValueError(f"a variable's name must be a word, got {name!r}")
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must hold numbers, got {array.dtype}")
    return array


def checksum(attributes: Mapping[str, str], variables: Variables) -> str:
    """Return a digest of everything a record says."""
    digest = hashlib.sha256(canonical(attributes).encode())
    for name in sorted(variables):
        dims, values, notes = variables[name]
        array = np.ascontiguousarray(values).reshape(np.shape(values))
        kind = array.dtype.str
        digest.update(_description(name, kind, array.shape, tuple(dims), tuple(notes.items())))
        digest.update(array.data)
    return digest.hexdigest()


@lru_cache(maxsize=1024)
def _description(
    name: str, kind: str, shape: tuple[int, ...], dims: tuple[str, ...], notes: tuple
) -> bytes:
    """Return what a checksum says of a variable before its values."""
    return canonical([name, kind, shape, dims, dict(notes)]).encode()


def read_label(path: Path) -> Record:
    """Return the record in `path` without its arrays, by its label alone.

    Raises
    ------
    FileNotFoundError
        When there is none.
    DamagedRecordError, OtherSchemaError, StoreError
        As `read` does.
    """
    return _labelled(path, _bytes(path, lambda file: file.readline(LONGEST_LABEL)))


def _bytes(path: Path, take: Callable[[BinaryIO], bytes]) -> bytes:
    """Return what `take` reads from the file."""
    try:
        with open(path, "rb") as file:
            return take(file)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"cannot read {path}: {reason(error)}") from error


def _labelled(path: Path, line: bytes) -> Record:
    """Return a record without arrays from the first line of its file, after checking it."""
    try:
        texts = json.loads(line)
        if texts["schema"] != SCHEMA:
            raise OtherSchemaError(
                f"{path} has schema {texts['schema']}, this version reads schema {SCHEMA}"
            )
        if not {"created", "seconds"} <= set(texts["provenance"]):
            raise KeyError("provenance")
        if key_of(texts["kind"], texts["params"]) != texts["key"]:
            raise DamagedRecordError(f"{path} is damaged: its key does not fit its parameters")
        del texts["schema"]
        record = Record(variables={}, path=path, **texts)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecordError(f"{path} is damaged: it has no label") from error
    name = NAME.fullmatch(path.name)
    if name and (name["kind"], name["key"]) != (record.kind, record.key):
        raise DamagedRecordError(f"{path} is damaged: it holds another record than its name says")
    return record


def read(path: Path) -> Record:
    """Return the record in `path`, verified.

    Raises
    ------
    FileNotFoundError
        When there is none.
    DamagedRecordError
        When it is not as it was written.
    OtherSchemaError
        When another version wrote it.
    StoreError
        When it cannot be read.
    """
    # at once: another process may replace the file meanwhile
    content = _bytes(path, lambda file: file.read())
    record = _labelled(path, content[:LONGEST_LABEL].partition(b"\n")[0])
    labelled = {name: _text(getattr(record, name, SCHEMA)) for name in TEXTS}
    variables = shortcut.variables_of(content, record.kind, partial(checksum, labelled))
    if variables is None:
        variables = _verified(path, content, record.kind, labelled)
    return Record(**{**vars(record), "variables": variables})


def _verified(path: Path, content: bytes, kind: str, labelled: dict[str, str]) -> Variables:
    """Return the variables that HDF5 finds in a file, after checking it."""
    try:
        variables, attributes, offsets = contents(content)
        expected = attributes.pop("checksum")
    except (OSError, LookupError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedRecordError(f"{path} is damaged: {why}") from error
    stored = {name: attributes.get(name) for name in TEXTS}
    if stored != labelled or checksum(labelled, variables) != expected:
        raise DamagedRecordError(f"{path} is damaged: its checksum does not fit")
    shortcut.remember(content, kind, variables, offsets)
    return variables
