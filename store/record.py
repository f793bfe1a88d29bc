"""One result in one HDF5 file: written whole or not at all, verified when read."""

import contextlib
import hashlib
import json
import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .key import SCHEMA, canonical, key_of

Variables = dict[str, tuple[tuple[str, ...], Any, dict[str, str]]]
NAME = re.compile(r"(?P<kind>[a-z][a-z_]*)-(?P<key>[0-9a-f]{32})(-(?P<length>\d+))?\.h5")
TEMPORARY = ".tmp"


class StoreError(OSError):
    """The store cannot be read or written."""


class DamagedRecordError(StoreError):
    """A record does not hold what was once written to it."""


@dataclass(frozen=True)
class Record:
    """One result.

    Attributes
    ----------
    kind, key : str
    params : dict
        What the key is made of.
    variables : dict
        ``{name: (dims, values, attributes)}``.
    info : dict
        What else the computation told.
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

    def __getattr__(self, name: str) -> Any:
        """Return the values of a variable."""
        variables = self.__dict__.get("variables", {})
        if name in variables:
            return variables[name][1]
        raise AttributeError(f"record has no variable {name!r}; it has {sorted(variables)}")


def length_of(path: Path) -> int | None:
    """Return the length that a growing record has in its file name, else None."""
    name = NAME.fullmatch(path.name)
    return int(name["length"]) if name and name["length"] else None


def checksum(attributes: Mapping[str, str], arrays: Mapping[str, np.ndarray]) -> str:
    """Return a digest of everything a record says."""
    digest = hashlib.sha256(canonical(attributes).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.data)
    return digest.hexdigest()


def write(record: Record) -> None:
    """Write `record` to its path, all at once: other processes see it whole or not at all.

    Raises
    ------
    StoreError
        When that fails; nothing is left behind.
    """
    folder = record.path.parent
    unique = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(6)}"
    temporary = folder / f".{record.path.name}.{unique}{TEMPORARY}"
    try:
        _write_file(temporary, record)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, record.path)
        _sync_folder(folder)
    except OSError as error:
        raise StoreError(f"cannot write {record.path}: {reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """Return what the operating system had against it, in one line."""
    return os.strerror(error.errno) if error.errno else str(error).splitlines()[0]


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some systems cannot open folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_file(path: Path, record: Record) -> None:
    attributes = {
        "kind": record.kind,
        "key": record.key,
        "params": canonical(record.params),
        "info": json.dumps(record.info, allow_nan=False),
        "provenance": json.dumps(record.provenance, allow_nan=False),
        "schema": str(SCHEMA),
    }
    # private until it is renamed, so no lock is needed
    with h5py.File(path, "w-", locking=False, track_order=True) as file:
        arrays = {name: np.asarray(values) for name, (_, values, _) in record.variables.items()}
        for name, (_, _, notes) in record.variables.items():
            dataset = file.create_dataset(name, data=arrays[name], track_times=False)
            dataset.attrs.update(notes)
        _label_dimensions(file, record.variables, arrays)
        file.attrs.update(attributes)
        file.attrs["checksum"] = checksum(attributes, arrays)


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


def _open(path: Path) -> h5py.File:
    try:
        # finished records never change, so no lock is needed
        return h5py.File(path, "r", locking=False)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno is not None:  # the system said no; HDF5 itself sets none
            raise StoreError(f"cannot read {path}: {reason(error)}") from error
        raise DamagedRecordError(f"{path} is damaged: not an HDF5 file that can be read") from error


def _attributes(file: h5py.File) -> dict[str, str]:
    names = ("kind", "key", "params", "info", "provenance", "schema")
    return {name: str(file.attrs[name]) for name in names}


def _header(path: Path, attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return what the attributes say, after checking that it fits the key."""
    if attributes["schema"] != str(SCHEMA):
        raise StoreError(f"{path} has schema {attributes['schema']}, this version reads {SCHEMA}")
    params = json.loads(attributes["params"])
    if key_of(attributes["kind"], params) != attributes["key"]:
        raise DamagedRecordError(f"{path} is damaged: its key does not fit its parameters")
    name = NAME.fullmatch(path.name)
    if name and (name["kind"], name["key"]) != (attributes["kind"], attributes["key"]):
        raise DamagedRecordError(f"{path} is damaged: it holds another record than its name says")
    return {
        "kind": attributes["kind"],
        "key": attributes["key"],
        "params": params,
        "info": json.loads(attributes["info"]),
        "provenance": json.loads(attributes["provenance"]),
        "path": path,
    }


def read(path: Path, *, arrays: bool = True) -> Record:
    """Return the record in `path`, verified; without `arrays` only what it is about.

    Raises
    ------
    FileNotFoundError
        When there is none.
    DamagedRecordError
        When it is not as it was written.
    StoreError
        When it cannot be read, or has another schema.
    """
    with _open(path) as file:
        try:
            attributes = _attributes(file)
            header = _header(path, attributes)
            if not arrays:
                return Record(variables={}, **header)
            variables = {}
            for name, dataset in file.items():
                notes = dataset.attrs
                if "index" not in notes:
                    variables[name] = (
                        _dims(name, dataset),
                        dataset[()],
                        {key: str(notes[key]) for key in ("long_name", "units") if key in notes},
                    )
            values = {name: array for name, (_, array, _) in variables.items()}
            if checksum(attributes, values) != file.attrs["checksum"]:
                raise DamagedRecordError(f"{path} is damaged: its checksum does not fit")
        except StoreError:
            raise
        except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
            raise DamagedRecordError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    return Record(variables=variables, **header)


def _dims(name: str, dataset: h5py.Dataset) -> tuple[str, ...]:
    if dataset.is_scale:
        return (name,)
    return tuple(str(axis[0].name).rpartition("/")[2] for axis in dataset.dims)
