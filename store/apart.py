"""Reading a file by HDF5 in a separate process, which may crash, hang or starve."""

import atexit
import contextlib
import errno
import faulthandler
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .record import StoreError
from .skeleton import FAULTS, Place, places_of

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

CPU = 1  # seconds for one file, and one more for every 50 MB; a good one takes milliseconds
PATIENCE = 60.0  # seconds by the clock
MEMORY = 1 << 27  # bytes beyond what the length of the file explains
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import serve; serve()"
)
FATAL = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS", "SIGXCPU")
SHORT = 77  # its exit code when it has not got the memory to begin with


class Reader:
    """A process that looks into one file after the other and is replaced when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def places_of(self, content: bytes) -> tuple[list[Place], dict[str, str]]:
        """Return what `skeleton.places_of` returns.

        Raises
        ------
        ValueError
            When HDF5 cannot read it, for whatever reason.
        StoreError
            When no process can be started, or it is ended from outside.
        """
        with self._lock:
            try:
                process = self._process or self._start()
                answer = self._exchange(process, content)
            except BaseException:  # also an interrupt: question and answer must not get out of step
                self._close()
                raise
        if "fault" in answer:
            raise ValueError(answer["fault"])
        places = [
            (name, tuple(dims), tuple(shape), kind, tuple(map(tuple, notes)), offset)
            for name, dims, shape, kind, notes, offset in answer["places"]
        ]
        return places, answer["attributes"]

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._close()

    def _start(self) -> subprocess.Popen[bytes]:
        code = START.format(module=__name__)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, json.dumps(list(map(str, sys.path)))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # where a crash is reported
                # a group of its own: Ctrl-C must not end it, which would look like a crash
                process_group=0 if os.name == "posix" else None,
            )
        except OSError as error:
            raise StoreError(f"cannot start a process that reads a file: {error}") from error
        assert self._process.stdout
        if self._process.stdout.readline() != b"ready\n":
            raise StoreError("cannot read a file: the process that should do it does not start")
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], content: bytes) -> dict[str, Any]:
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(BrokenPipeError):  # its answer will be its death
            process.stdin.write(b"%d\n" % len(content))
            process.stdin.write(content)
            process.stdin.flush()
        answer = process.stdout.readline(MEMORY)
        if answer.endswith(b"\n"):
            return json.loads(answer)
        process.kill()  # should it live: it has said what nobody can read
        raise _verdict(process.wait())

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe
            with contextlib.suppress(OSError):  # what it was not given any more
                pipe.close()

    def forget(self) -> None:
        """Leave the process to the one that has forked this one."""
        self.__init__()


def _verdict(code: int) -> Exception:
    """Return what the end of the process, by this code, says about the file."""
    if code == SHORT:
        return StoreError(f"cannot read a file: {os.strerror(errno.ENOMEM)}")
    fatal = {-getattr(signal, name): name for name in FATAL if hasattr(signal, name)}
    if code < 0 and code not in fatal:  # say, SIGTERM to all processes of a user
        return StoreError(
            f"cannot read a file: the process that does it was ended by signal {-code}"
        )
    hangs = fatal.get(code) == "SIGXCPU"
    return ValueError(f"reading it {'hangs' if hangs else 'crashes or hangs'}")


reader = Reader()
atexit.register(reader.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reader.forget)


def serve() -> None:
    """Answer, in that process, until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not end up among the answers
    if resource:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(os.devnull, "w") as nowhere:
        answers.write(b"ready\n")
        answers.flush()
        while line := sys.stdin.buffer.readline():
            size = int(line)
            _limit(size, CPU + size // 50_000_000)
            try:
                content = sys.stdin.buffer.read(size)
            except MemoryError:
                os._exit(SHORT)
            faulthandler.dump_traceback_later(PATIENCE, exit=True, file=nowhere)
            answer = _answer(content)
            faulthandler.cancel_dump_traceback_later()
            del content
            answers.write(json.dumps(answer).encode() + b"\n")
            answers.flush()


def _answer(content: bytes) -> dict[str, Any]:
    try:
        places, attributes = places_of(content)
    except (*FAULTS, MemoryError) as error:
        return {"fault": f"{error}".partition("\n")[0] or type(error).__name__}
    return {"places": places, "attributes": attributes}


def _limit(size: int, seconds: int) -> None:
    """Let what follows, on a file of `size` bytes, take limited time and memory."""
    if resource is None:
        return
    _set(resource.RLIMIT_CPU, math.ceil(time.process_time()) + seconds)
    with contextlib.suppress(OSError):  # only Linux says how much there is, and keeps the limit
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        _set(resource.RLIMIT_AS, pages * resource.getpagesize() + 3 * size + MEMORY)


def _set(what: int, limit: int) -> None:
    assert resource
    _, highest = resource.getrlimit(what)
    if highest != resource.RLIM_INFINITY:
        limit = min(limit, highest)
    resource.setrlimit(what, (limit, highest))
