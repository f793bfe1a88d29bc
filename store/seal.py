"""The SHA-256 in front of a record's HDF5 data, which shows damage before HDF5 sees it.

The HDF5 library trusts what it reads: a damaged file can crash it, or keep it busy or
hungry for ever. So in this process it gets only files that are, to the bit, as they were written.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

SIGNATURE = b"\x89HDF\r\n\x1a\n"
START = b"sha256 "
LENGTH = len(START) + 64 + 1


def seal(digest: Any) -> bytes:
    """Return the line behind the label that holds the SHA-256 of what follows the user block."""
    return START + digest.hexdigest().encode() + b"\n"


def sealed(content: bytes, rest: Iterable[bytes] = ()) -> int:
    """Return the length of what stands in front of sealed HDF5 data, 0 where there is no seal.

    Parameters
    ----------
    content : bytes
        Of the file, or how it begins.
    rest : iterable of bytes
        How it goes on.

    Raises
    ------
    ValueError
        When there is a seal that does not fit, or half a seal, or no HDF5 data.
    """
    block = content.find(SIGNATURE)
    if block < 0:
        raise ValueError("it has no HDF5 data")
    found = content[:block].partition(b"\n")[2].rstrip(b"\0")
    if not found:
        return 0
    digest = hashlib.sha256(memoryview(content)[block:])
    for part in rest:
        digest.update(part)
    if found != seal(digest):
        raise ValueError("it is not as it was written, its SHA-256 does not fit")
    return block
