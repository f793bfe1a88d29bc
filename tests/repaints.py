"""How often the page of `vaedyn explore` repaints while a slider is dragged: a row of the bench.

Pixels of the learning curve are compared at every frame of the browser, so that what is counted
has been seen. The browser draws without a graphics card, on the cores that also compute.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.shared.page import browser, lacking, served

CHROMIUM_LACKS = lacking()  # why nothing can be measured here, or nothing

SECONDS = 4.0  # of dragging
MOVE = """() => {
  const doc = Bokeh.documents[0];
  const slider = [...doc._all_models.values()].find(
    each => each.type === 'Slider' && each.title.startsWith('β'));
  window.seen.moves = 0;
  window.moving = setInterval(() => {
    const at = window.seen.moves++ % 120;
    slider.value = 0.5 + 0.01 * Math.abs(at - 60);
  }, 16);
}"""
WATCH = """() => {
  const views = Bokeh.index.roots ?? [];
  const find = node => {
    if (node.tagName === 'CANVAS' && node.width > 200) return node;
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) {
      const found = find(child);
      if (found) return found;
    }
    return null;
  };
  const canvas = find(document.body), context = canvas.getContext('2d');
  const seen = window.seen = {frames: 0, changes: 0, longest: 0};
  let before = '', last = performance.now();
  const look = () => {
    const x = Math.round(0.6 * canvas.width);
    const pixels = context.getImageData(x, 0, 2, canvas.height).data.join('');
    seen.frames += 1;
    if (pixels !== before) {
      const now = performance.now();
      seen.changes += 1;
      seen.longest = Math.max(seen.longest, now - last);
      last = now;
    }
    before = pixels;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def repaints(*options: str) -> dict[str, float]:
    """Drag beta to and fro, and return repaints a second, and the longest pause in ms."""
    with (
        tempfile.TemporaryDirectory() as profile,
        served("--no-store", *options) as (server, address),
        browser(profile) as context,
    ):
        page = context.new_page()
        page.goto(address)
        page.wait_for_timeout(5000)
        before = cpu(server.pid), chromium_cpu(profile)
        found = dragged(page)
        after = cpu(server.pid), chromium_cpu(profile)
        count = max(found["repaints a second"] * SECONDS, 1)
        for i, who in enumerate(("server", "browser")):
            found[f"{who}, ms of a core per repaint"] = 1000 * (after[i] - before[i]) / count
        memory = Path(f"/proc/{server.pid}/status").read_text()
        resident = next(line for line in memory.splitlines() if line.startswith("VmRSS"))
        return {**found, "megabytes": int(resident.split()[1]) / 1024}


def cpu(pid: int | str) -> float:
    """Return the seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def chromium_cpu(profile: str) -> float:
    """Return the seconds of a core that the processes of a browser have used."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if profile.encode() in (folder / "cmdline").read_bytes():
                total += cpu(folder.name)
    return total


def dragged(page: Any) -> dict[str, float]:
    """Move the slider of beta in the page, as a mouse would, and return what was seen."""
    page.evaluate(WATCH)
    began = time.perf_counter()
    page.evaluate(MOVE)
    page.wait_for_timeout(1000 * SECONDS)
    spent = time.perf_counter() - began
    seen = page.evaluate("() => { clearInterval(window.moving); return window.seen; }")
    return {
        "moves a second": seen["moves"] / spent,
        "frames a second": seen["frames"] / spent,
        "repaints a second": seen["changes"] / spent,
        "longest pause, ms": seen["longest"],
    }


if __name__ == "__main__":
    for name, number in repaints(*sys.argv[1:]).items():
        print(f"{name}: {number:.3g}")
