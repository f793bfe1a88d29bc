"""Names of files that are still being written, and what has become of their writers."""

import os
import re
import secrets
import socket
import time
from pathlib import Path

PATTERN = re.compile(r"\..+\.(?P<host>[^~]+)~(?P<pid>\d+)~[0-9a-f]+\.tmp")
LONGEST_WRITE = 24 * 3600.0  # seconds; an older file of another machine has no writer any more


def temporary_path(path: Path) -> Path:
    """Return a name beside `path` that no other process uses and that tells whose it is."""
    owner = f"{socket.gethostname()}~{os.getpid()}~{secrets.token_hex(6)}"
    return path.with_name(f".{path.name}.{owner}.tmp")


def leftovers(folder: Path) -> list[Path]:
    """Return the unfinished files in `folder` whose writers are gone."""
    return sorted(path for path in folder.glob(".*.tmp") if _abandoned(path))


def _abandoned(path: Path) -> bool:
    name = PATTERN.fullmatch(path.name)
    if not name:
        return False
    if name["host"] == socket.gethostname() and os.name == "posix":
        try:
            os.kill(int(name["pid"]), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False
    try:
        return time.time() - path.stat().st_mtime > LONGEST_WRITE
    except FileNotFoundError:
        return False
