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
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

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
from .temporary import temporary_path

TEXTS = ("kind", "key", "schema", "params", "info", "provenance")
LONGEST_LABEL = 1 << 24
SCALE_NOTES = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST")  # HDF5's own


def write(record: Record) -> None:
    """Write `record` to its path, all at once: other processes see it whole or not at all.

    Raises
    ------
    StoreError
        When that fails; nothing is left behind.
    """
    temporary = temporary_path(record.path)
    try:
        write_file(temporary, record, label=True)
        with open(temporary, "rb+") as file:
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


def write_file(path: Path, record: Record, *, label: bool) -> None:
    """Write `record` to a new file, in place; without `label` any NetCDF reader takes it."""
    texts = {
        "kind": record.kind,
        "key": record.key,
        "schema": SCHEMA,
        "params": record.params,
        "info": record.info,
        "provenance": record.provenance,
    }
    line = (json.dumps(texts, allow_nan=False) + "\n").encode()
    block = max(512, 1 << (len(line) - 1).bit_length()) if label else 0
    attributes = {name: _text(value) for name, value in texts.items()}
    arrays = {name: _numbers(name, x) for name, (_, x, _) in record.variables.items()}
    # private until it is renamed, so no lock is needed
    with h5py.File(path, "w-", locking=False, track_order=True, userblock_size=block) as file:
        for name, (_, _, notes) in record.variables.items():
            dataset = file.create_dataset(name, data=arrays[name], track_times=False)
            dataset.attrs.update(notes)
        _label_dimensions(file, record.variables, arrays)
        file.attrs.update(attributes)
        file.attrs["checksum"] = checksum(attributes, record.variables)
    if label:
        with open(path, "rb+") as file:
            file.write(line)


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
        digest.update(canonical([name, array.dtype.str, array.shape, dims, notes]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _label_dimensions(file: h5py.File, variables: Variables, arrays: Mapping) -> None:
    """Attach a coordinate to every dimension; one without values of its own counts from 0."""
    sizes = {}
    for name, (dims, _, _) in variables.items():
        if len(dims) != arrays[name].ndim:
            raise ValueError(f"{name} has shape {arrays[name].shape} but dimensions {dims}")
        for dim, size in zip(dims, arrays[name].shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                raise ValueError(f"dimension {dim} is {sizes[dim]} long, but {size} in {name}")
    for dim, size in sizes.items():
        if dim not in variables:
            scale = file.create_dataset(dim, data=np.arange(size), track_times=False)
            scale.attrs["index"] = "1"
        _dataset(file, dim).make_scale(dim)
    for name, (dims, _, _) in variables.items():
        if dims != (name,):
            for axis, dim in enumerate(dims):
                _dataset(file, name).dims[axis].attach_scale(_dataset(file, dim))


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    dataset = file[name]
    assert isinstance(dataset, h5py.Dataset)
    return dataset


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
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecordError(f"{path} is damaged: it has no label") from error
    name = NAME.fullmatch(path.name)
    if name and (name["kind"], name["key"]) != (texts["kind"], texts["key"]):
        raise DamagedRecordError(f"{path} is damaged: it holds another record than its name says")
    del texts["schema"]
    return Record(variables={}, path=path, **texts)


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
    try:
        # HDF5 sees a copy in memory: no lock, and no quarrel with others who have it open
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            variables = {
                name: _variable(name, dataset)
                for name, dataset in file.items()
                if "index" not in dataset.attrs
            }
            attributes = {name: str(file.attrs[name]) for name in TEXTS}
            expected = file.attrs["checksum"]
    except (OSError, LookupError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamagedRecordError(f"{path} is damaged: {why}") from error
    labelled = {name: _text(getattr(record, name, SCHEMA)) for name in TEXTS}
    if attributes != labelled or checksum(attributes, variables) != expected:
        raise DamagedRecordError(f"{path} is damaged: its checksum does not fit")
    return Record(**{**vars(record), "variables": variables})


def _variable(name: str, dataset: h5py.Dataset) -> tuple[tuple[str, ...], Any, dict[str, str]]:
    if dataset.is_scale:
        dims = (name,)
    else:
        dims = tuple(str(axis[0].name).rpartition("/")[2] for axis in dataset.dims)
    notes = {key: str(text) for key, text in dataset.attrs.items() if key not in SCALE_NOTES}
    return dims, dataset[()], notes
