"""Files for users: written whole or not at all, and never in the place of a device."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from .errors import OutputError, VaedynError


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a name to write a file under; when that is done, it takes the place of `path`.

    Other processes see the old file or the new one, whole; where anything fails, the
    old one stays. Links are followed, and what is no plain file (a device, a pipe, the
    file that stdout goes to) receives the bytes.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    path = Path(path)
    try:
        if _receives(path):
            with TemporaryDirectory() as folder:
                part = Path(folder) / f"part{path.suffix}"
                yield part
                with open(part, "rb") as source, _opened(path) as target:
                    shutil.copyfileobj(source, target)
        else:
            yield from _replaced(path.resolve())
    except VaedynError:
        raise
    except (OSError, RuntimeError) as error:  # the latter for links in a circle
        raise OutputError(f"cannot write {path}: {_reason(error)}") from error


def _replaced(path: Path) -> Iterator[Path]:
    """Yield a name beside `path`, and rename what was written there."""
    mode = None
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    part = path.with_name(f".{secrets.token_hex(8)}{path.suffix[:8]}")  # short, whatever the name
    try:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        if mode is not None:
            part.chmod(mode)
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()


def obstacle(path: Path) -> str:
    """Return why no file can be written to `path`, as far as that is known before; else ''."""
    try:
        place = path.resolve()
        if not place.parent.is_dir():
            return f"no folder {str(path.parent)!r}"
        if place.is_dir():
            return f"{str(path)!r} is a folder"
        changed = [] if _receives(path) else [place.parent]
        changed += [place] if place.exists() else []
    except (OSError, RuntimeError) as error:
        return f"cannot write {str(path)!r}: {_reason(error)}"
    if not all(os.access(each, os.W_OK) for each in changed):
        return f"cannot write {str(path)!r}: no permission"
    return ""


def _receives(path: Path) -> bool:
    """Return whether bytes are to be written into what is there, rather than in its place."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(there.st_mode) or _stream_to(there) is not None


def _stream_to(there: os.stat_result) -> int | None:
    """Return the standard stream that goes to a file already, if any: its place must be kept."""
    for number in (1, 2):
        with suppress(OSError):
            if os.path.samestat(there, os.fstat(number)):
                return number
    return None


def _opened(path: Path) -> BinaryIO:
    number = _stream_to(path.stat())
    return open(path, "wb") if number is None else os.fdopen(os.dup(number), "wb")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
