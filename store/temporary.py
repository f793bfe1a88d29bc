"""Names of files that are still being written, and what has become of their writers.

A writer holds a lock on its file, which ends with the writer however that ends. It counts
on the same machine only: a network disk may keep the locks of others to itself.
"""

import contextlib
import os
import re
import secrets
import socket
import stat
import time
from functools import cache
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None

PATTERN = re.compile(r"\.(probe|.+\.h5)\.(?P<machine>[^~]+)~[0-9]+~[0-9a-f]+\.tmp", re.DOTALL)
LONGEST_WRITE = 24 * 3600.0  # seconds; an older file of another machine has no writer any more


@cache
def _machine() -> str:
    """Return what no other machine is called: names such as localhost are common.

    Containers on one machine share it, and the locks.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def temporary_path(path: Path) -> Path:
    """Return a name beside `path` that no other process uses and that names its writer."""
    owner = f"{_machine()}~{os.getpid()}~{secrets.token_hex(6)}"
    return path.with_name(f".{path.name}.{owner}.tmp")


def hold(file: BinaryIO) -> None:
    """Show that `file` has a writer as long as it is open, if there are locks to show it by."""
    if fcntl:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def leftovers(folder: Path) -> list[Path]:
    """Return the unfinished files of records in `folder` whose writers are gone."""
    return sorted(path for path in folder.glob(".*.tmp") if _abandoned(path))


def _abandoned(path: Path) -> bool:
    name = PATTERN.fullmatch(path.name)
    try:
        status = path.lstat()
    except OSError:  # gone in the meantime
        return False
    if not name or not stat.S_ISREG(status.st_mode):
        return False
    if fcntl and name["machine"] == _machine():
        # where the lock cannot be asked for, the file is not ours, or its disk has no locks
        with contextlib.suppress(OSError):
            return _is_free(path)
    return time.time() - status.st_mtime > LONGEST_WRITE


def _is_free(path: Path) -> bool:
    """Return whether no process holds the lock on a file."""
    assert fcntl
    handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def discard(path: Path) -> bool:
    """Remove an unneeded file, and return whether that is done: it may belong to another user."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
