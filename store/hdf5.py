"""Records as HDF5 files, verified when read.

A file starts with a label, one line of JSON in front of the HDF5 data (its
"user block"), which a listing reads without opening the rest. The same texts
are attributes of the root group; `docs/store.md` describes the layout.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import shortcut
from .apart import reader
from .key import SCHEMA, canonical, key_of, plain
from .record import (
    NAME,
    DamagedRecordError,
    OtherSchemaError,
    Record,
    StoreError,
    Variables,
    reason,
)
from .seal import LENGTH, seal, sealed
from .skeleton import FAULTS, fill, filled, places_of, skeleton

TEXTS = ("kind", "key", "schema", "params", "info", "provenance")
LONGEST_LABEL = 1 << 24
LARGEST_HOLE = 1 << 27
WORD = re.compile(r"[A-Za-z]\w*")


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
    parts = {name: json.dumps(value, allow_nan=False) for name, value in texts.items()}
    whole = ", ".join(f'"{name}": {part}' for name, part in parts.items())
    line = f"{{{whole}}}\n".encode() if label else b""
    block = max(512, 1 << (len(line) + LENGTH - 1).bit_length()) if label else 0
    attributes = {
        name: value if isinstance(value := texts[name], str) else part
        for name, part in parts.items()
    }
    arrays = {name: _numbers(name, x) for name, (_, x, _) in record.variables.items()}
    layout = tuple(
        (name, tuple(dims), arrays[name].shape, arrays[name].dtype.str, tuple(notes.items()))
        for name, (dims, _, notes) in record.variables.items()
    )
    attributes["checksum"] = checksum(attributes, record.variables)
    if sum(array.nbytes for array in arrays.values()) < shortcut.LARGEST:
        body = filled(layout, block, arrays, attributes)
        head = line + seal(hashlib.sha256(body)) if label else b""
        file.write(head.ljust(block, b"\0") + body)
        file.flush()
    else:  # not a copy more in memory than needed
        file.write(line.ljust(block, b"\0") + skeleton(layout, block, room=False)[0])
        file.flush()
        fill(os.fsencode(file.name), arrays, attributes)
        if label:
            file.seek(block)
            digest = hashlib.file_digest(file, "sha256")  # pyright: ignore[reportArgumentType]
            file.seek(len(line))
            file.write(seal(digest))
            file.flush()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _numbers(name: str, values: Any) -> np.ndarray:
    """Return `values` as an array, after checking that HDF5 can hold it under `name`."""
    if not WORD.fullmatch(name):
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
        array = values
        if type(array) is not np.ndarray or not array.flags.c_contiguous:
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
    return _labelled(path, _taken(path, lambda file: file.readline(LONGEST_LABEL)), alone=True)


def _taken(path: Path, take: Callable[[BinaryIO], bytes]) -> bytes:
    """Return what `take` reads from a file."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DamagedRecordError(f"{path} is damaged: it is no regular file")
            return take(file)
    except StoreError:
        raise
    except FileNotFoundError as error:
        if path.is_symlink():
            raise DamagedRecordError(f"{path} is damaged: it is a link to nothing") from error
        raise
    except IsADirectoryError as error:
        raise DamagedRecordError(f"{path} is damaged: it is a folder") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {reason(error)}") from error
    except MemoryError as error:
        raise StoreError(f"cannot read {path}: it needs more memory than there is") from error


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, or a pipe into which nobody writes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


LABEL = json.JSONDecoder(parse_constant=_refused)


def _labelled(
    path: Path, line: bytes, *, alone: bool, params: dict[str, Any] | None = None
) -> Record:
    """Return a record without arrays from the first line of its file, after checking it.

    What stands there is also in the HDF5 data, unless it is read `alone`. `params` are known to
    have the key in the file's name.
    """
    try:
        texts = LABEL.decode(str(line, "ascii"))
        schema = texts.pop("schema")
        record = Record(variables={}, path=path, **texts)
        if not isinstance(record.kind, str) or not isinstance(record.info, dict):
            raise TypeError("kind or info")
        named = NAME.fullmatch(path.name)
        known = named is not None and params is not None and record.params == params
        fits = known or key_of(record.kind, record.params) == record.key
        if alone:
            plain([record.info, record.provenance])
        _check_origin(record.provenance)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedRecordError(f"{path} is damaged: it has no label") from error
    if named and (named["kind"], named["key"]) != (record.kind, record.key):
        raise DamagedRecordError(f"{path} is damaged: it holds another record than its name says")
    # the schema is part of the key: with one that fits, only damage can name another
    if schema != SCHEMA and type(schema) is int and not fits:
        raise OtherSchemaError(f"{path} has schema {schema}, this version reads schema {SCHEMA}")
    if schema != SCHEMA or not fits:
        raise DamagedRecordError(f"{path} is damaged: its key does not fit its parameters")
    return record


def _check_origin(provenance: Mapping[str, Any]) -> None:
    """Check a label alone, without the checksum."""
    if not datetime.fromisoformat(provenance["created"]).tzinfo:
        raise ValueError("a time without its zone")
    seconds = provenance["seconds"]
    if type(seconds) not in (int, float) or not 0 <= seconds < 1e300:
        raise ValueError("no time")


def read(path: Path, params: dict[str, Any] | None = None, *, apart: bool = False) -> Record:
    """Return the record in `path`, verified.

    Parameters
    ----------
    path : Path
    params : dict, optional
        Plain parameters, of which the file's name has the key: if the record has the same, its
        key need not be made again.
    apart : bool
        Have even a file that is as it was written read by HDF5 in a process of its own, and
        compare everything in it with its checksum.

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
    content = _taken(path, partial(_whole, path))
    line = content[: max(content.find(b"\n", 0, LONGEST_LABEL), 0)]
    record = _labelled(path, line, alone=False, params=params)
    try:
        variables = _variables(content, line, record, apart)
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from error
    except FAULTS as error:
        why = str(error).partition("\n")[0] or type(error).__name__
        raise DamagedRecordError(f"{path} is damaged: {why}") from error
    record.variables.update(variables)
    return record


def _whole(path: Path, file: BinaryIO) -> bytes:
    """Return all of a file, unless it is large and shows at once that it is damaged."""
    status = os.fstat(file.fileno())
    if status.st_size > shortcut.LARGEST:
        read_label(path)
        # disks that compress know such files, too
        on_disk = 512 * getattr(status, "st_blocks", status.st_size)
        if status.st_size > LARGEST_HOLE + 2 * on_disk and not _is_sealed(path):
            raise DamagedRecordError(f"{path} is damaged: it is mostly holes")
    return file.read()


def _is_sealed(path: Path) -> bool:
    """Tell whether a file is as it was written, without taking it all into the memory."""
    with open(path, "rb") as file:
        head = file.read(LONGEST_LABEL)
        try:
            return sealed(head, iter(partial(file.read, 1 << 20), b"")) > 0
        except ValueError:
            return False


def _variables(content: bytes, line: bytes, record: Record, apart: bool) -> Variables:
    """Return the variables in a file with this label, after checking them."""
    block, kind = sealed(content), record.kind

    def labelled() -> dict[str, str]:
        return {name: _text(getattr(record, name, SCHEMA)) for name in TEXTS}

    def ours(variables: Variables) -> str:
        return checksum(labelled(), variables)

    if block and not apart:
        texts = (record.key.encode(), *shortcut.texts_of(line))
        variables = shortcut.variables_of(content, kind, block, texts, ours)
        if variables is not None:
            return variables
    trusted = block and not apart
    places, attributes = places_of(content) if trusted else reader.places_of(content)
    expected = attributes.pop("checksum")
    variables = shortcut.arrays(content, places)
    same = {name: attributes.get(name) for name in TEXTS} == labelled()
    # the seal says of all numbers at once that they are as they were written
    if not same or not (trusted or ours(variables) == expected):
        raise ValueError("its checksum does not fit")
    if block:
        shortcut.remember(content, kind, block, places)
    return variables
