"""Writing several files at once: a disk takes as long to make many safe as it takes for one."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

AT_ONCE = 16  # files


class SideBySide:
    """Does things at once, or, while it is open, in threads."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._pending: deque[Future[Any]] = deque()

    def do(self, action: Callable[[Any], object], of: Any) -> None:
        """Call ``action(of)``, now or soon; an earlier call's error may be raised instead."""
        if self._pool is None:
            action(of)
            return
        while len(self._pending) >= 4 * AT_ONCE:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(action, of))

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Use threads in this context; at its end all is done, or the first error is raised."""
        if self._pool is not None:  # it is open
            yield
            return
        with ThreadPoolExecutor(AT_ONCE) as self._pool:
            try:
                yield
                while self._pending:
                    self._pending.popleft().result()
            finally:  # also after another error, or an interrupt, what has begun is finished
                self._pool = None
                self._pending.clear()
