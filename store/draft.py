"""A record's file until it has its name: written whole, made safe, and only then seen by others."""

import contextlib
import os
from pathlib import Path
from typing import BinaryIO

from . import hdf5
from .record import Record, StoreError, reason
from .temporary import hold, temporary_path

TRIES = 3


class Draft:
    """The file of a record on its way; `write`, `sync` and `name` in this order, then `discard`."""

    def __init__(self, record: Record):
        self.record = record
        self._path = temporary_path(record.path)
        self._file: BinaryIO | None = None
        self._named = False

    def write(self) -> None:
        """Write the file under a name that tells who is writing it."""
        self._file = open(self._path, "xb+")  # noqa: SIM115
        hold(self._file)
        hdf5.write_into(self._file, self.record, label=True)

    def sync(self) -> None:
        """Wait until the disk has it."""
        assert self._file
        os.fsync(self._file.fileno())
        self._file.close()

    def name(self) -> None:
        """Let others see it; the name itself is safe after `sync_folder`."""
        os.replace(self._path, self.record.path)
        self._named = True

    def discard(self) -> None:
        """Leave nothing behind but a file that has its name."""
        if self._named:
            return
        with contextlib.suppress(OSError):
            if self._file:
                self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


def failure(record: Record, error: Exception) -> StoreError:
    """Return what is raised where a record cannot be written."""
    why = reason(error) if isinstance(error, OSError) else str(error)
    return StoreError(f"cannot write {record.path}: {why}")


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    with contextlib.suppress(OSError):  # some systems cannot open folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write(record: Record) -> None:
    """Write `record` to its path, all at once: other processes see it whole or not at all.

    Raises
    ------
    StoreError
        When that fails; nothing is left behind.
    """
    for again in reversed(range(TRIES)):
        draft = Draft(record)
        try:
            draft.write()
            draft.sync()
            draft.name()
            sync_folder(record.path.parent)
            return
        except (OSError, RuntimeError) as error:
            if again and isinstance(error, FileNotFoundError):
                continue  # another process took it for a leftover and removed it
            raise failure(record, error) from error
        finally:
            draft.discard()
