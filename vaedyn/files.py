"""Files that users name: written whole or not at all, never in the place of a device; and read."""

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

MOST_BYTES = 2**24  # of a small text file


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
        raise OutputError(f"cannot write {path}: {reason(error)}") from error


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
        return f"cannot write {str(path)!r}: {reason(error)}"
    if not all(os.access(each, os.W_OK) for each in changed):
        return f"cannot write {str(path)!r}: no permission"
    return ""


def _receives(path: Path) -> bool:
    """Return whether bytes are to be written into the existing file, rather than in its place."""
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


def reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def small_text(path: str | Path) -> str:
    """Return what a text file holds.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is no regular file, too large or not UTF-8.
    """
    # a pipe that nobody writes to would be waited for
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        data = file.read(MOST_BYTES + 1) if status.st_size <= MOST_BYTES else None
    if data is None or len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text: {error.reason} at byte {error.start}") from None
