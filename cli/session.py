"""What every command is given: the store, how results are printed, and how progress is shown."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from vaedyn.model.records import Progress

from ..store import ResultStore
from .output import print_json, progress_bar


@dataclass(frozen=True)
class Session:
    """What the options say that have nothing to do with a computation.

    Attributes
    ----------
    store_path : Path
        Folder of the store.
    recompute : bool
        Whether to compute anew what is there.
    as_json : bool
        Whether one JSON object is printed instead of text.
    """

    store_path: Path = Path("vaedyn-store")
    recompute: bool = False
    as_json: bool = False

    @cached_property
    def store(self) -> ResultStore:
        """The store, which computes anew if that is asked for."""
        return ResultStore(self.store_path, recompute=self.recompute)

    @property
    def reader(self) -> ResultStore:
        """The store, which reuses what is there even if the answer is computed anew."""
        return ResultStore(self.store_path)

    def progress(self, title: str, unit: str = "") -> AbstractContextManager[Progress]:
        """Return a context with a function of what is done and the total, which shows it."""
        return progress_bar(title, unit)

    def simulation(self, title: str) -> AbstractContextManager[Progress]:
        """Return such a context for a simulation, whose steps are counted."""
        return self.progress(title, "steps")

    def answer(self, data: dict[str, Any], *lines: Any) -> None:
        """Print `data` as one JSON object, or else the lines."""
        if self.as_json:
            print_json(data)
            return
        for line in lines:
            click.echo(line)
