"""Tables on standard input: kept in a temporary file, as they are read several times."""

import atexit
import functools
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from ..files import reason
from .lines import TableError

PLACE = "-"
NAME = "standard input"
STARTS = {  # the first bytes of a file, and how its name ends
    b"\x93NUMPY": ".npy", b"PK\3\4": ".npz", b"\x89HDF\r\n\x1a\n": ".h5", b"PAR1": ".parquet",
    b"\x1f\x8b": ".csv.gz", b"CDF": ".nc", b"MATLAB 5.0": ".mat", b"MATLAB 7.3": ".mat",
}  # fmt: skip


@functools.cache
def piped() -> Path:
    """Return a temporary file of what is on standard input; it goes when the process ends.

    Raises
    ------
    TableError
        When nothing is there.
    """
    source = getattr(sys.stdin, "buffer", None)
    if source is None or sys.stdin.closed:
        raise TableError(f"there is no {NAME}")
    if sys.stdin.isatty():
        raise TableError(f"{NAME} is the terminal: send a table there, as in vaedyn ... - < FILE")
    try:
        start = source.read(512)
        ending = next((end for known, end in STARTS.items() if start.startswith(known)), ".csv")
        number, name = tempfile.mkstemp(suffix=ending, prefix="vaedyn-")
        atexit.register(_remove, name, os.getpid())
        with os.fdopen(number, "wb") as target:
            target.write(start)
            shutil.copyfileobj(source, target)
    except OSError as error:
        raise TableError(f"cannot read {NAME}: {reason(error)}") from error
    return Path(name)


def _remove(name: str, owner: int) -> None:
    if os.getpid() == owner:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108
