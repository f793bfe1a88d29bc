"""The folder of records: find one, or compute and keep it."""

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .draft import write
from .growth import Growth, as_arrays, extent, first
from .hdf5 import read, read_label
from .key import DIGITS, keyed, plain
from .provenance import provenance
from .record import (
    NAME,
    DamagedRecordError,
    OtherSchemaError,
    Record,
    StoreError,
    Variables,
    file_name,
    length_of,
    reason,
)
from .side_by_side import SideBySide
from .temporary import discard, leftovers, temporary_path

log = logging.getLogger(__name__)

TRIES = 10  # to read a file that others may replace or remove meanwhile

Computed = tuple[Variables, dict[str, Any]]
"""Variables ``{name: (dims, values, attributes)}`` and anything else worth keeping."""


class ResultStore:
    """Results on disk, one immutable HDF5 file each, found by their parameters.

    A record that can grow (say, by more runs) is stored with its length in the
    file name; a longer one starts with the shorter one's entries and replaces it.
    Any number of processes may use the same folder.

    Parameters
    ----------
    path : str or Path
        The folder; it is made when the first result is kept.
    recompute : bool
        Ignore a stored result.
    save_every : float
        Seconds between savings of a growing record.
    """

    def __init__(self, path: str | Path, *, recompute: bool = False, save_every: float = 30.0):
        self.path = Path(path)
        self.recompute = recompute
        self.save_every = save_every
        self._prepared = False
        self._side_by_side = SideBySide()

    def together(self) -> contextlib.AbstractContextManager[None]:
        """Return a context that writes several results at once, and at whose end all are there."""
        return self._side_by_side.opened()

    def load_or_run(
        self, kind: str, params: Mapping[str, Any], compute: Callable[[], Computed]
    ) -> Record:
        """Return the record of `params`; without one, call `compute` and keep what it returns.

        Raises
        ------
        StoreError
            When the folder cannot be read or written; `compute` is not called then.
        """
        key, known = keyed(kind, params)
        path = self._path(kind, key)
        log.debug("looking for %s %s in %s", kind, key, self.path)
        record = None if self.recompute else self._load(path, known)
        if record is not None:
            return self._found(record)
        self._prepare()
        began = time.perf_counter()
        computed = compute()
        seconds = time.perf_counter() - began
        log.info("computed %s %s in %.3g s", kind, key[:12], seconds)
        return self.write(kind, params, computed, seconds)

    def write(
        self,
        kind: str,
        params: Mapping[str, Any],
        computed: Computed,
        seconds: float,
        length: int | None = None,
    ) -> Record:
        """Keep a result that took `seconds`; `length` is that of a growing record.

        Raises
        ------
        StoreError
            When the folder cannot be written.
        """
        (variables, info), (key, known) = computed, keyed(kind, params)
        record = Record(
            kind=kind,
            key=key,
            params=known,
            variables=as_arrays(variables),
            info=plain(info),
            provenance=provenance(seconds),
            path=self._path(kind, key, length),
        )
        if length is None:
            self._side_by_side.write(record)
        else:  # at once: shorter ones are removed when it is there
            write(record)
        log.debug("wrote %s", record.path)
        return record

    def supersede(self, record: Record) -> Record:
        """Remove the files that a finished growing record makes superfluous, and return it.

        These are the shorter ones, whose entries it starts with. A longer one
        stays beside it: that may belong to a computation which is still running
        and will take it away if it fails. When recomputing, all others go.
        """
        for length, path in self._lengths(record.kind, record.key):
            if length < (record.length or 0) or (self.recompute and path != record.path):
                discard(path)
        return record

    def load_or_extend(
        self,
        kind: str,
        params: Mapping[str, Any],
        compute: Callable[[int], Iterator[Computed]],
        length: int,
        dim: str,
    ) -> Record:
        """Return `length` entries along `dim` of a growing record; missing ones are computed.

        ``compute(first)`` yields blocks of the entries first, first + 1, ..., in
        order. Variables that do not start with `dim` are the same in every
        block. Finished entries are saved now and then, and when the computation
        is interrupted; when it fails, the store is left as it was. When saving
        fails, what was saved before is kept.

        Raises
        ------
        StoreError
            When the folder cannot be read or written.
        """
        key, known = keyed(kind, params)
        path = self._path(kind, key, length)
        log.debug("looking for %s %s in %s", kind, key, self.path)
        # most often it has this very length, and the folder need not be listed
        found = None if self.recompute else self._load(path, known) or self._longest(kind, key)
        if found and extent(found.variables, dim) >= length:
            record = dataclasses.replace(found, variables=first(found.variables, dim, length))
            return self._found(record)
        self._prepare()
        growth = Growth(partial(self.write, kind, params), dim, found)
        have = growth.length
        began = time.perf_counter()
        blocks = compute(have)
        try:
            for block in growth.watched(iter(blocks)):
                growth.add(*block)
                del block
                if time.perf_counter() - growth.saved > self.save_every:
                    growth.save()
            record = self.supersede(growth.save())
        except BaseException as error:
            # an interrupt, or a full disk: keep finished runs, or at least written ones
            if not isinstance(error, Exception) and growth.length:
                with contextlib.suppress(StoreError):
                    growth.save()
            if growth.stored:
                self.supersede(growth.stored)
                kept = growth.stored.length
                log.warning("kept %d of %d %ss of %s %s", kept, length, dim, kind, key[:12])
            raise
        finally:
            if isinstance(blocks, Generator):
                blocks.close()
        seconds = time.perf_counter() - began
        span = f"{dim} {have + 1} to {growth.length}"
        log.info("computed %s %s in %.3g s (%s)", kind, key[:12], seconds, span)
        return record

    def records(self) -> Iterator[Record]:
        """Yield all records, without their arrays.

        Damaged ones are named in a warning; those of other schemas are counted in one.

        Raises
        ------
        StoreError
            When there is a folder that cannot be read.
        """
        others = 0
        for path in self._newest():
            try:
                yield read_label(path)
            except FileNotFoundError:  # replaced in the meantime
                continue
            except OtherSchemaError:
                others += 1
            except StoreError as error:
                log.warning("%s", error)
        if others:
            log.warning("ignored records of other versions' schemas: %d", others)

    def find(self, prefix: str) -> Record:
        """Return the one record whose key starts with `prefix`.

        Raises
        ------
        KeyError
            When there is none, or more than one.
        StoreError
            When it cannot be read.
        """
        return self._find(prefix, read)

    def find_label(self, prefix: str) -> Record:
        """Return the same as `find`, without the arrays."""
        return self._find(prefix, read_label)

    def _find(self, prefix: str, load: Callable[[Path], Record]) -> Record:
        for _ in range(TRIES):
            path = self.locate(prefix)[-1]
            with contextlib.suppress(FileNotFoundError):  # replaced by a longer one meanwhile
                return load(path)
        raise StoreError(f"cannot read {self.path}: a file is listed that is not there")

    def locate(self, prefix: str) -> list[Path]:
        """Return the files of the one record whose key starts with `prefix`, or KIND-KEY does.

        There can be several of a growing record; the longest comes last. None is opened.

        Raises
        ------
        KeyError
            When there is none, or more than one.
        StoreError
            When there is a folder that cannot be read.
        """
        hits: dict[str, list[Path]] = {}
        for path in self.files():
            rest = path.name.partition("-")[2]
            if (path.name if "-" in prefix else rest).startswith(prefix):
                hits.setdefault(rest[:DIGITS], []).append(path)
        if not hits:
            raise KeyError(f"no record in {self.path} has a key starting with {prefix!r}")
        if len(hits) > 1:
            names = ", ".join(key[: len(prefix) + 6] for key in list(hits)[:5])
            raise KeyError(
                f"{len(hits)} records in {self.path} have keys starting with {prefix!r}: {names}"
                + (", ..." if len(hits) > 5 else "")
            )
        return sorted(*hits.values(), key=lambda path: length_of(path) or 0)

    def _newest(self) -> list[Path]:
        """Return the files of all records, of growing ones the longest."""
        longest: dict[str, Path] = {}
        for path in self.files():
            record = "-".join(path.stem.split("-")[:2])
            longest[record] = max(longest.get(record, path), path, key=lambda p: length_of(p) or 0)
        return list(longest.values())

    def _found(self, record: Record) -> Record:
        log.info("reused %s %s", record.kind, record.key[:12])
        return dataclasses.replace(record, reused=True)

    def _path(self, kind: str, key: str, length: int | None = None) -> Path:
        return self.path / file_name(kind, key, length)

    def files(self) -> list[Path]:
        """Return the files of all records, sorted by name.

        Raises
        ------
        StoreError
            When there is a folder that cannot be read.
        """
        return self._files("")

    def _files(self, start: str) -> list[Path]:
        """Return the files of records whose names begin with `start`, sorted by name."""
        try:
            with os.scandir(self.path) as entries:
                names = [entry.name for entry in entries if entry.name.startswith(start)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read the store {self.path}: {reason(error)}") from error
        return [self.path / name for name in sorted(filter(NAME.fullmatch, names))]

    def _lengths(self, kind: str, key: str) -> list[tuple[int, Path]]:
        """Return the lengths at which a growing record is stored, the longest first."""
        paths = self._files(f"{kind}-{key}-")
        return sorted(((length_of(path) or 0, path) for path in paths), reverse=True)

    def _longest(self, kind: str, key: str) -> Record | None:
        for _ in range(TRIES):  # a file may be replaced by a longer one while we look
            lengths = self._lengths(kind, key)
            if not lengths:
                return None
            record = self._load(lengths[0][1])
            if record is not None:
                return record
        return None

    def _load(self, path: Path, params: dict[str, Any] | None = None) -> Record | None:
        """Return a record, or None where there is none; a damaged one is set aside."""
        try:
            return read(path, params)
        except FileNotFoundError:
            return None
        # a record of another schema has another key, and so another name
        except (DamagedRecordError, OtherSchemaError) as error:
            aside = path.with_name(f"{path.name}.damaged-{time.time_ns():x}")
            try:
                os.replace(path, aside)
            except FileNotFoundError:  # another process was faster
                return None
            except OSError as problem:
                raise StoreError(f"{error}; cannot set it aside: {reason(problem)}") from error
            log.warning("%s; set aside as %s", error, aside.name)
            return None

    def _prepare(self) -> None:
        """Make sure, before anything is computed, that it can be kept; tidy up."""
        if self._prepared:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = temporary_path(self.path / "probe")
            probe.touch()
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write to the store {self.path}: {reason(error)}") from error
        for path in leftovers(self.path):
            if discard(path):
                log.debug("removed %s, left by a writer that was killed", path)
        self._prepared = True
