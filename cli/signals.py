"""Ctrl-C, and SIGTERM as a scheduler sends it: both end a command cleanly, and soon."""

import _thread
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

INTERRUPTED, TERMINATED = 130, 143
# what a thread of ours repeats a signal by, so that none of the user's is taken for an echo
ECHO = getattr(signal, "SIGURG", None) or signal.Signals["SIGBREAK"]
AGAIN = 0.1  # seconds after which a signal comes again, as long as nothing has come of it
DEAF = 4.0  # seconds without an answer to it, after which the process is ended from outside
SAVING = 30.0  # the same once it was answered: a slow disk may be taking what is finished


class Stopped(SystemExit):
    """Raised in the main thread, whatever it is doing, when a signal arrives."""

    by: int | None = None
    """The signal that has arrived: what it interrupts may raise anything."""


def farewell(number: int) -> tuple[str, int]:
    """Return the message about a command that a signal has ended, and its exit code."""
    return ("terminated", TERMINATED) if number == signal.SIGTERM else ("interrupted", INTERRUPTED)


class Signals:
    """Let signals end what runs inside the `with` block.

    A handler's exception is lost where Python swallows it, as in the callback of a
    weak reference. A thread that hears of signals by itself therefore sends an echo to the
    main thread again and again, which ends its waiting, too. Compiled code hears
    nothing: after `DEAF` seconds the process is ended without it, after `SAVING` where
    it has heard before.
    """

    def __enter__(self) -> Self:
        Stopped.by = None
        self._main = threading.get_ident()
        self._ended = threading.Event()
        self._answered = 0.0
        self._ear, mouth = socket.socketpair()
        mouth.setblocking(False)
        self._mouth = mouth
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        signal.signal(ECHO, self._stop_again)
        signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        sys.unraisablehook = _unraisable
        self._insisting = threading.Thread(target=self._insist, daemon=True)
        self._insisting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.rest()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _at_once)
        signal.signal(ECHO, _unheard)
        signal.set_wakeup_fd(-1)
        self._mouth.close()
        self._insisting.join(1.0)
        self._ear.close()

    def rest(self) -> None:
        """Repeat nothing any more: the command has ended, or says why it was stopped."""
        self._ended.set()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        Stopped.by = number
        self._answered = time.monotonic()
        if not _in_hook(frame):  # what would be raised there is lost
            raise Stopped(farewell(number)[1])

    def _stop_again(self, _number: int, frame: FrameType | None) -> None:
        # what is saved because of the signal is not to be stopped by its echo
        if Stopped.by is not None and not _underway():
            self._stop(Stopped.by, frame)
        self._answered = time.monotonic()

    def _insist(self) -> None:
        heard = self._ear.recv(1)  # nothing when the other end is closed
        while heard and heard[0] not in (signal.SIGINT, signal.SIGTERM):
            heard = self._ear.recv(1)
        began = time.monotonic()
        while heard and not self._ended.wait(AGAIN):
            patience = SAVING if self._answered else DEAF
            if time.monotonic() - max(began, self._answered) > patience:
                _leave(heard[0])
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(self._main, ECHO)
            else:
                _thread.interrupt_main(ECHO)


def _underway() -> bool:
    """Return whether an earlier signal is being dealt with in this thread."""
    error = sys.exception()
    while error and not isinstance(error, Stopped):
        error = error.__context__
    return error is not None


def _in_hook(frame: FrameType | None) -> bool:
    """Return whether `frame` belongs to the hook for exceptions that Python swallows."""
    hook = getattr(sys.unraisablehook, "__code__", None)
    while frame and frame.f_code is not hook:
        frame = frame.f_back
    return frame is not None


def _unheard(_number: int, _frame: object) -> None:
    """Let a late echo pass; Python complains of signals that begin to be ignored."""


def _at_once(number: int, _frame: object) -> NoReturn:
    """End the process: there is nothing left to be done."""
    os._exit(farewell(number)[1])


def _unraisable(swallowed: Any) -> None:
    if not isinstance(swallowed.exc_value, Stopped):  # which comes again
        sys.__unraisablehook__(swallowed)


def _leave(number: int) -> NoReturn:
    """End the process, without the main thread."""
    text, code = farewell(number)
    shown = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""  # a progress bar hides the cursor
    try:
        os.write(2, f"{shown}error: {text}\n".encode())
    finally:
        os._exit(code)
