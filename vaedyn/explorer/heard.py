"""Warnings of a computation, collected where it runs."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Ear(logging.Handler):
    """Collects the warnings of one thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.thread == self._thread and text not in self.texts:
            self.texts.append(text)


@contextmanager
def heard() -> Iterator[list[str]]:
    """Yield a list to which the package's warnings in this thread are added."""
    logger, ear = logging.getLogger("vaedyn"), _Ear()
    logger.addHandler(ear)
    try:
        yield ear.texts
    finally:
        logger.removeHandler(ear)
