"""How figures look: sizes, fonts, colours, and how they are saved."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..errors import ParameterError
from ..files import whole
from .colours import COLOURS as COLOURS

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.75  # inches
FLATTEST = 0.38  # height of a figure over its width, at least
FORMATS = ("pdf", "svg", "eps", "png")
STYLE: Any = {
    "font.family": ["STIXGeneral", "DejaVu Sans"],  # the second for letters missing in the first
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.2,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "axes.formatter.use_mathtext": True,
    "figure.constrained_layout.use": True,
    "figure.dpi": 300,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "vaedyn",
    "path.simplify": True,
}


# what holds for drawing into a figure of the user's, whose fonts and ticks are the user's
LINES = {name: value for name, value in STYLE.items() if name.startswith(("lines.", "axes.f"))}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style to everything drawn or saved inside."""
    with mpl.rc_context(STYLE):
        yield


class StyledFigure(Figure):
    """A figure that has the style wherever it is shown or saved."""

    def draw(self, *args: Any, **options: Any) -> None:
        with styled():
            super().draw(*args, **options)

    def savefig(self, *args: Any, **options: Any) -> None:
        with styled():
            super().savefig(*args, **options)


def new_figure(width: float, height: float, **grid: Any) -> tuple[Figure, np.ndarray]:
    """Return a figure of a size in inches, away from any window, and its panels."""
    figure = StyledFigure(figsize=(width, max(height, FLATTEST * width)))
    FigureCanvasAgg(figure)
    return figure, np.atleast_1d(figure.subplots(**grid))


def save(figure: Figure, path: str | Path, *, keywords: Sequence[str] = ()) -> None:
    """Write `figure` to a PDF, SVG, EPS or PNG file; the same figure gives the same bytes.

    Parameters
    ----------
    keywords : sequence of str
        Goes into the metadata, say the keys of the records that are drawn.

    Raises
    ------
    ParameterError
        When the format is none of these.
    OutputError
        When the file cannot be written; what was there before stays.
    """
    path = Path(path)
    kind = path.suffix[1:].lower()
    if kind not in FORMATS:
        raise ParameterError(
            "output", f"expected a name ending in .pdf, .svg, .eps or .png: {path}"
        )
    words = ", ".join(keywords)
    metadata: dict[str, dict[str, str | datetime | None]] = {
        "pdf": {"Creator": "vaedyn", "Keywords": words, "CreationDate": None},
        "svg": {"Creator": "vaedyn", "Description": words, "Date": None},
        "png": {"Software": "vaedyn", "Description": words},
    }
    if kind == "eps":
        content = as_eps(figure, words)
    else:
        stream = BytesIO()
        with styled():
            figure.savefig(stream, format=kind, metadata=metadata[kind])
        content = stream.getvalue()
    with whole(path) as part:
        part.write_bytes(content)


def as_svg(figure: Figure) -> bytes:
    """Return `figure` as an SVG that looks the same everywhere: its text is drawn as outlines."""
    stream = BytesIO()
    with styled(), mpl.rc_context({"svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Creator": "vaedyn", "Date": None})
    return stream.getvalue()


def as_eps(figure: Figure, words: str) -> bytes:
    """Return `figure` as EPS, with `words` in a comment where the date, ever another, would be."""
    stream = BytesIO()
    with styled(), opaque(figure):
        figure.savefig(stream, format="eps", metadata={"Creator": "vaedyn"})
    about = f"%%Keywords: {words}".encode("ascii", "replace")
    return re.sub(rb"%%CreationDate: [^\n]*", lambda _: about, stream.getvalue(), count=1)


@contextmanager
def opaque(figure: Figure) -> Iterator[None]:
    """Replace transparent areas by tints that look the same on white: EPS has none."""
    clear: list[Any] = figure.findobj(_is_clear)
    before = [(each.get_alpha(), each.get_facecolor()) for each in clear]
    try:
        for each, (alpha, colours) in zip(clear, before, strict=True):
            each.set_alpha(None)
            each.set_facecolor(1 - alpha * (1 - np.asarray(colours)[..., :3]))
        yield
    finally:
        for each, (alpha, colours) in zip(clear, before, strict=True):
            each.set_facecolor(colours)
            each.set_alpha(alpha)


def _is_clear(artist: Any) -> bool:
    return isinstance(artist, (Patch, Collection)) and artist.get_alpha() not in (None, 1)
