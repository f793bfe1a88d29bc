"""Keeping a store in order: verify everything, remove what is not wanted."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .hdf5 import read_label
from .record import NAME, OtherSchemaError, StoreError, length_of
from .results import ResultStore
from .temporary import leftovers

PATIENCE = 60.0  # seconds for one file; reading a good one takes milliseconds

# reads files in a process of its own: a damaged one can hang or crash the HDF5 library
READER = """
import sys
from pathlib import Path
from {package}.hdf5 import read
for line in sys.stdin:
    path = Path(line.rstrip("\\n"))
    try:
        read(path)
        print("good", flush=True)
    except FileNotFoundError:
        print("gone", flush=True)
    except OSError as error:
        print("bad " + str(error).replace("\\n", " "), flush=True)
"""


@dataclass(frozen=True)
class Finding:
    """What is known of one file: `problem` is empty for a good one."""

    path: Path
    problem: str


class _Reader:
    """A process that verifies one file after the other and is replaced when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def check(self, path: Path) -> Finding:
        if self._process is None:
            code = READER.format(package=__package__)
            command = [sys.executable, "-c", code]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        process = self._process
        assert process.stdin
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        answer = _line_within(process, PATIENCE)
        if answer is None or not answer:
            self.close()
            how = "crashes" if answer == "" else f"hangs (over {PATIENCE:g} s)"
            return Finding(path, f"{path} is damaged: reading it {how}")
        verdict, _, problem = answer.rstrip("\n").partition(" ")
        return Finding(path, "" if verdict in ("good", "gone") else problem)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _line_within(process: subprocess.Popen[str], seconds: float) -> str | None:
    """Return the next line of a process ("" at its end), or None when it takes too long."""
    stdout = process.stdout
    assert stdout
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
    reader.start()
    reader.join(seconds)
    return lines[0] if lines else None


def verify(store: ResultStore) -> Iterator[Finding]:
    """Yield what is found of every record's file, read whole in a process of its own.

    Raises
    ------
    StoreError
        When the folder cannot be read.
    """
    reader = _Reader()
    try:
        for path in store.files():
            yield reader.check(path)
    finally:
        reader.close()


def unwanted(
    store: ResultStore,
    *,
    older_than: float | None = None,
    damaged: bool = False,
    other_schemas: bool = False,
) -> list[Path]:
    """Return files that may go: leftovers of killed writers, and shorter copies of a record.

    Parameters
    ----------
    older_than : float, optional
        Also records whose file is older, in seconds.
    damaged : bool
        Also files that were set aside as damaged.
    other_schemas : bool
        Also records of other versions.

    Raises
    ------
    StoreError
        When the folder cannot be read.
    """
    paths = store.files()
    found = set(leftovers(store.path)) | set(_superseded(paths))
    if damaged:
        found.update(store.path.glob("*.h5.damaged-*"))
    for path in paths:
        if older_than is not None and time.time() - path.stat().st_mtime > older_than:
            found.add(path)
        if other_schemas and _has_other_schema(path):
            found.add(path)
    return sorted(found)


def _superseded(paths: list[Path]) -> Iterator[Path]:
    longest: dict[str, int] = {}
    for path in paths:
        name = NAME.fullmatch(path.name)
        if name and name["length"]:
            longest[name["key"]] = max(longest.get(name["key"], 0), int(name["length"]))
    for path in paths:
        name = NAME.fullmatch(path.name)
        if name and name["length"] and (length_of(path) or 0) < longest[name["key"]]:
            yield path


def _has_other_schema(path: Path) -> bool:
    try:
        read_label(path)
    except OtherSchemaError:
        return True
    except (StoreError, FileNotFoundError):
        return False
    return False


def remove(paths: list[Path]) -> None:
    """Remove files.

    Raises
    ------
    StoreError
        When one cannot be removed.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot remove {path}: {error.strerror}") from error
