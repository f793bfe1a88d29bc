"""The page of `vaedyn explore`, served by a process of its own, and a browser to look at it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
]  # fmt: skip


@contextmanager
def served(*options: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """Yield a server of the page and its address; it has ended afterwards."""
    words = [sys.executable, "-m", "vaedyn", "explore", "--no-browser", *options]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server, server.stdout.readline().strip()
    finally:
        server.terminate()
        server.communicate()


def ended_by(number: int, code: int, server: subprocess.Popen) -> list[str]:
    """Send a signal to a server, see that it ends with this code, and return its stderr."""
    server.send_signal(number)
    out, err = server.communicate(timeout=60)
    assert server.returncode == code
    assert out == ""
    return err.splitlines()


def lacking() -> str:
    """Return why no browser can look at the page here, or nothing."""
    for name in ("bokeh", "playwright"):
        try:
            __import__(name)
        except ImportError:
            return f"{name} is not installed"
    return "" if Path(CHROMIUM).exists() else f"there is no {CHROMIUM}"


@contextmanager
def browser(folder: Any, width: int = 1400, height: int = 900) -> Iterator[Any]:
    """Yield a context of Chromium with a new profile in `folder`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(folder), executable_path=CHROMIUM, args=FLAGS,
            viewport={"width": width, "height": height},
        )  # fmt: skip
        try:
            yield context
        finally:
            context.close()
