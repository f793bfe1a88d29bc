"""Small text files that users name."""

import os
import stat
from pathlib import Path

MOST_BYTES = 2**24  # of such a file


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
