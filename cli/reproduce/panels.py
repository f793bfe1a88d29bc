"""The pictures of `vaedyn reproduce`, kept in the store like other results."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import numpy as np

from vaedyn import figures
from vaedyn.claims import evidence

from ...store import ResultStore
from ..output import plain


def picture(
    panel: evidence.Panel, commands: Sequence[str], store: ResultStore, quick: bool, seed: int
) -> tuple[bytes, float]:
    """Return the figure of a panel as SVG, and its width in inches.

    It is drawn anew when a number, a text or the code that draws has changed.
    """

    def draw():
        from vaedyn.figures.claims import figure_of
        from vaedyn.figures.style import as_svg

        figure = figure_of(panel)
        drawn = np.frombuffer(as_svg(figure), np.uint8)
        width = np.float64(figure.get_figwidth())
        return {
            "svg": (("byte",), drawn, {"long_name": "picture, an SVG file", "units": "1"}),
            "width": ((), width, {"long_name": "width of the picture", "units": "inch"}),
        }, {"title": panel.title}

    rows = [{name: plain(x) for name, x in asdict(row).items()} for row in panel.rows]
    content = json.dumps([rows, panel.caption, list(commands)])
    record = {
        "panel": panel.name,
        "quick": quick,
        "seed": seed,
        "content": sha256(content.encode()).hexdigest(),
        "drawing": _drawing(),
    }
    saved = store.load_or_run("panel", record, draw)
    return saved.variables["svg"][1].tobytes(), float(saved.variables["width"][1])


def _drawing() -> str:
    """Return a digest of all that makes pictures: the code of figures, and matplotlib's version."""
    folder = Path(figures.__file__).parent
    digest = sha256(metadata.version("matplotlib").encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
