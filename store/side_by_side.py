"""Writing many files: a disk takes about as long to make many of them safe as it takes for one."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from .draft import Draft, failure, sync_folder, write
from .record import Record, StoreError

AT_ONCE = 32  # files
WAITING = 64  # files, each of them open


class SideBySide:
    """Writes records: at once or, while it is open, those together that wait for the disk.

    While files are made safe, others are written. When these are, all get their names,
    and then the names are made safe: a file that can be seen is whole, whatever happens.
    """

    def __init__(self) -> None:
        self._drafts: queue.SimpleQueue[Draft | None] | None = None
        self._room: threading.Semaphore | None = None
        self._error: Exception | None = None

    def write(self, record: Record) -> None:
        """Write a record, now or soon; what was wrong with an earlier one may be raised instead.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        if self._drafts is None or self._room is None:
            write(record)
            return
        self._room.acquire()
        draft = Draft(record)
        try:
            if self._error:
                raise self._error
            draft.write()
            self._drafts.put(draft)
        except BaseException as error:
            self._room.release()
            draft.discard()
            if isinstance(error, FileNotFoundError):  # another process took it for a leftover
                write(record)
            elif isinstance(error, (OSError, RuntimeError)) and not isinstance(error, StoreError):
                raise failure(record, error) from error
            else:
                raise

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Write many together in this context; at its end all are there, or an error is raised."""
        if self._drafts is not None:  # it is open
            yield
            return
        drafts: queue.SimpleQueue[Draft | None] = queue.SimpleQueue()
        self._error, self._room = None, threading.Semaphore(WAITING)
        # an interrupt on the way in or out leaves it waiting: a process ends without it
        publisher = threading.Thread(target=self._publish, args=(drafts, self._room), daemon=True)
        publisher.start()
        try:
            self._drafts = drafts
            yield
        finally:  # also after another error, or an interrupt, what has begun is finished
            drafts.put(None)
            self._drafts = self._room = None
            publisher.join()
        if self._error:
            raise self._error

    def _publish(self, drafts: queue.SimpleQueue[Draft | None], room: threading.Semaphore) -> None:
        """Make safe what waits, all at once, until None comes."""
        last = False
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not last:
                waiting = [drafts.get()]
                while not drafts.empty():
                    waiting.append(drafts.get())
                last = None in waiting
                ready = [draft for draft in waiting if draft]
                try:
                    self._name_all(ready, pool)
                except (OSError, RuntimeError) as error:  # say, no thread can be started
                    self._error = self._error or failure(ready[0].record, error)
                for draft in ready:
                    draft.discard()
                    room.release()

    def _name_all(self, drafts: list[Draft], pool: ThreadPoolExecutor) -> None:
        """Let others see files once the disk has them; remember the first error."""
        synced = [pool.submit(draft.sync) for draft in drafts]
        for draft, future in zip(drafts, synced, strict=True):
            try:
                future.result()
                draft.name()
            except FileNotFoundError:  # another process took it for a leftover
                write(draft.record)
            except OSError as error:
                self._error = self._error or failure(draft.record, error)
        for folder in {draft.record.path.parent for draft in drafts}:
            sync_folder(folder)
