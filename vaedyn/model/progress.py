"""What `progress=True` shows: a bar in a terminal or a notebook, a line a minute elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from html import escape
from typing import Any, ParamSpec, TypeVar

from .records import Progress, unwatched

Asked = Any
"""What public functions take as `progress` or `watch`: a bool, None, or a function."""

P = ParamSpec("P")
R = TypeVar("R")
Above = Callable[[str], None]
clock = time.perf_counter
DELAY = 1.0  # seconds before a bar appears
OFTEN, SELDOM = 0.1, 60.0  # seconds between updates of a notebook's bar, and between lines


def shows(title: str = "", unit: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take True for the keyword `progress`, or `watch`, whose bar is then shown.

    The function itself is given a `Progress` or None, or a `Watch`. However it ends, by an
    interrupt, too, the bar is gone afterwards.

    Parameters
    ----------
    title : str
        What stands beside the bar; with `watch`, each computation has its own.
    unit : str
        What `done` counts.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: Any, **options: Any) -> R:
            for name, nothing in (("progress", None), ("watch", unwatched)):
                asked = options.get(name, nothing)
                if asked is True and name == "progress":
                    with bar(title, unit) as options[name]:
                        return function(*args, **options)
                if asked is True:
                    options[name] = bar
                elif asked is None or asked is False:
                    options |= {name: nothing} if name in options else {}
                elif not callable(asked):
                    wanted = f"True, False, None or a function as {name}"
                    raise TypeError(f"{function.__name__}() expects {wanted}, got {asked!r}")
            return function(*args, **options)

        return call

    return decorate


def bar(title: str, unit: str = "") -> AbstractContextManager[Progress]:
    """Return a context with a function of the steps done and in total, which shows them."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if hasattr(shell, "kernel"):
        return in_notebook(title)
    if sys.stderr is not None and sys.stderr.isatty():
        return in_terminal(title, unit)
    return in_lines(title)


@contextmanager
def in_terminal(
    title: str, unit: str = "", heard: Callable[[Above | None], None] = lambda _: None
) -> Iterator[Progress]:
    """Keep a bar on stderr that appears after a second, and is gone afterwards.

    `heard` receives what prints above the bar, and None when that is over.
    """
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    shown = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = shown.add_task(title, rate="")
    began = clock()

    def update(done: float, total: float) -> None:
        elapsed = clock() - began
        if elapsed > DELAY and done < total:
            shown.start()
        rate = f"{done / elapsed:.3g} {unit}/s" if unit and elapsed > 0 else ""
        shown.update(task, completed=done, total=total, rate=rate)

    heard(lambda text: shown.console.print(text, markup=False, highlight=False))
    try:
        yield update
    finally:
        shown.stop()
        heard(None)


@contextmanager
def in_notebook(title: str) -> Iterator[Progress]:
    """Keep a bar below a notebook's cell that appears after a second, and is gone afterwards."""
    from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

    began, said, handle = clock(), 0.0, None

    def update(done: float, total: float) -> None:
        nonlocal said, handle
        now = clock()
        if now - began <= DELAY or now - said < OFTEN or not total > 0:
            return
        said, share = now, min(done / total, 1.0)
        text = f"{escape(title)}: {100 * share:.0f} %"
        shown = HTML(f'<progress value="{share:.4f}" max="1"></progress> {text}')
        if handle is None:
            handle = display(shown, display_id=True)
        else:
            handle.update(shown)

    try:
        yield update
    finally:
        if handle is not None:
            handle.update(HTML(""))


@contextmanager
def in_lines(title: str) -> Iterator[Progress]:
    """Print a line a minute on stderr."""
    said = clock()

    def update(done: float, total: float) -> None:
        nonlocal said
        if clock() - said >= SELDOM and total > 0 and sys.stderr is not None:
            said = clock()
            print(f"{title}: {100 * done / total:.0f} %", file=sys.stderr, flush=True)

    yield update
