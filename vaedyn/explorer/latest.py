"""One computation at a time, and after it the newest that is wanted."""

import threading
from collections.abc import Callable
from typing import Any

from ..model.records import Progress

Job = Callable[[Progress], Any]
"""Computes something; what it is given is called now and then, and may end it."""
Answer = Callable[[Any, Exception | None], None]
"""Takes what a job has returned, or what it has raised."""


class SupersededError(Exception):
    """Nobody waits any more for what is being computed."""


def in_thread(function: Callable[[], None]) -> None:
    """Run a function in a thread that does not keep the process alive."""
    threading.Thread(target=function, daemon=True).start()


class Latest:
    """A line in which only the newest job waits.

    Jobs in between are never begun. One that is under way is ended by an error in its `progress`
    when another arrives, or after `cancel`.

    Parameters
    ----------
    late : bool
        Whether a job that was finished before it heard that another waits is answered: a
        picture may be a moment behind, while one that belongs beside it must not be.
    start : callable
        Runs a function elsewhere; one at a time is given to it.
    """

    def __init__(
        self, *, late: bool = False, start: Callable[[Callable[[], None]], None] = in_thread
    ):
        self._late, self._start = late, start
        self._lock = threading.Lock()
        self._waiting: tuple[Job, Answer] | None = None
        self._number = self._void = 0  # of the newest, and of the last that is not to be answered
        self._busy = self._closed = False

    def ask(self, job: Job, answer: Answer) -> None:
        """Compute `job` as soon as what is under way has ended, unless a newer one comes."""
        with self._lock:
            if self._closed:
                return
            self._number += 1
            self._waiting = job, answer
            begin, self._busy = not self._busy, True
        if begin:
            self._start(self._run)

    def cancel(self) -> None:
        """Drop what waits, and end what is under way, of which nothing is answered."""
        with self._lock:
            self._void, self._number = self._number, self._number + 1
            self._waiting = None

    def close(self) -> None:
        """Cancel, for good."""
        self.cancel()
        self._closed = True  # a lock is not needed: it never becomes false again

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._waiting is None:
                    self._busy = False
                    return
                (job, answer), number = self._waiting, self._number
                self._waiting = None

            def going_on(done: float = 0.0, total: float = 1.0, number: int = number) -> None:
                if number != self._number:
                    raise SupersededError

            result, error = None, None
            try:
                result = job(going_on)
            except SupersededError:
                continue
            except Exception as raised:  # whatever it is, the one who has asked is to hear of it
                error = raised
            if number == self._number or (self._late and number > self._void):
                answer(result, error)
