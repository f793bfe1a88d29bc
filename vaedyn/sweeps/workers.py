"""Worker processes on this machine, which need no `__main__` guard and end with their parent.

A worker reads pickled work from its standard input and writes what came of it to its
standard output. When its input ends, because the sweep is over or its parent has been
killed, it ends as after SIGTERM: finished runs of a simulation are kept.
"""

import _thread
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NoReturn

from ..errors import WorkerError
from .points import Task

MOST_DEATHS = 3  # of workers over one batch
AGAIN = 0.1  # seconds after which a signal that came to nothing comes again
GRACE = 1.5  # seconds in which a worker may save finished runs, before it is killed
START = (
    "import pickle, sys; sys.path[:] = pickle.loads(bytes.fromhex(sys.argv[1])); "
    "from {module} import serve; serve()"
)

Work = Callable[[Sequence[Task]], list[Any]]
Answer = tuple[list[Any], float]
"""What came of a batch, and the seconds that it took."""


class Workers:
    """A pool of worker processes.

    Parameters
    ----------
    work : callable
        What they do with a batch; it is pickled.
    count : int
        How many processes.

    Attributes
    ----------
    slots : int
        How many batches it works on at once.
    """

    def __init__(self, work: Work, count: int):
        self.slots = count
        self._work = pickle.dumps(work)
        self._todo: queue.SimpleQueue[Sequence[Task] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Sequence[Task], Answer | BaseException]]
        self._done = queue.SimpleQueue()
        self._stopped = False
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads = [threading.Thread(target=self._attend, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, batch: Sequence[Task]) -> None:
        """Hand out a batch."""
        self._todo.put(batch)

    def result(self) -> tuple[Sequence[Task], Answer]:
        """Wait for a batch to be finished, and return it with what came of it.

        Raises
        ------
        WorkerError
            When workers die over a batch again and again.
        """
        while True:
            try:
                batch, answer = self._done.get(timeout=1.0)  # so that signals are heard everywhere
            except queue.Empty:
                continue
            if isinstance(answer, BaseException):
                raise answer
            return batch, answer

    @property
    def ready(self) -> bool:
        """Whether `result` need not wait."""
        return not self._done.empty()

    def close(self) -> None:
        """End all workers; running points are abandoned."""
        self._stopped = True
        try:
            for _ in self._threads:
                self._todo.put(None)
            for process in list(self._processes):
                _hang_up(process)
            last = time.monotonic() + GRACE
            for process in list(self._processes):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, last - time.monotonic()))
        finally:  # also when a second signal ends the waiting
            for process in list(self._processes):
                process.kill()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            _bury(process)

    def _attend(self) -> None:
        """Keep one worker busy, and replace it when it dies."""
        process = None
        while (batch := self._todo.get()) is not None:
            answer: Answer | BaseException | None = None
            for _ in range(MOST_DEATHS):
                try:
                    process = process or self._start()
                    answer = _ask(process, batch)
                    break
                except (EOFError, OSError, ValueError, pickle.UnpicklingError):
                    if self._stopped:
                        return
                    if process:
                        self._processes.remove(process)
                        _bury(process)
                    process = None
            if answer is None:
                answer = WorkerError(
                    f"worker processes died {MOST_DEATHS} times (out of memory?): try --jobs 1"
                )
            self._done.put((batch, answer))

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", START.format(module=__name__)]
        process = subprocess.Popen(
            [*command, pickle.dumps(sys.path).hex()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # a group of its own, so that Ctrl-C reaches the parent alone
            process_group=0 if os.name == "posix" else None,
        )
        self._processes.append(process)
        assert process.stdin
        process.stdin.write(self._work)
        if self._stopped:
            process.kill()
        return process


def _ask(process: subprocess.Popen[bytes], batch: Sequence[Task]) -> Answer | BaseException:
    assert process.stdin
    assert process.stdout
    pickle.dump(batch, process.stdin)
    process.stdin.flush()
    return pickle.load(process.stdout)


def _hang_up(process: subprocess.Popen[bytes]) -> None:
    """End the input of a worker, which then ends by itself."""
    assert process.stdin
    with contextlib.suppress(OSError):
        process.stdin.close()


def _bury(process: subprocess.Popen[bytes]) -> None:
    """Make sure that a worker is gone, and let go of its pipes."""
    process.kill()
    process.wait()
    _hang_up(process)
    assert process.stdout
    process.stdout.close()


def serve() -> None:
    """Work, as a worker process, until the input ends."""
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.unraisablehook = _unraisable
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed must not end up among the answers
    work: Work = pickle.load(sys.stdin.buffer)
    todo: queue.SimpleQueue[Sequence[Task] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, todo), daemon=True).start()
    with contextlib.suppress(SystemExit):
        while (batch := todo.get()) is not None:
            began = time.perf_counter()
            try:
                found = work(batch)
                answer = pickle.dumps((found, time.perf_counter() - began))
            except Exception as error:
                answer = pickle.dumps(_portable(error))
            answers.write(answer)
            answers.flush()
    os._exit(0)  # the usual way out aborts where a thread is still reading


def _receive(source: BinaryIO, todo: queue.SimpleQueue[Sequence[Task] | None]) -> None:
    """Pass on what arrives; at its end, end the process."""
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        while True:
            todo.put(pickle.load(source))
    todo.put(None)  # for a main thread that waits
    _thread.interrupt_main(signal.SIGTERM)  # for one that computes
    time.sleep(GRACE)
    os._exit(1)  # for one that hears nothing, in compiled code, when nobody is left to kill it


def _portable(error: Exception) -> Exception:
    """Return `error` with its traceback as a note, in a form that can be pickled."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _terminated(*_: object) -> NoReturn:
    # once: a scheduler's SIGTERM and the end of input come together, and the second
    # would stop what is being saved because of the first
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit


def _unraisable(swallowed: Any) -> None:
    """Let a signal come again that ended nothing, as in the callback of a weak reference."""
    if not isinstance(swallowed.exc_value, SystemExit):
        sys.__unraisablehook__(swallowed)
        return
    signal.signal(signal.SIGTERM, _terminated)
    threading.Timer(AGAIN, _thread.interrupt_main, (signal.SIGTERM,)).start()
