"""How figures look: sizes, fonts, colours, the caption, and how they are saved."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .errors import ParameterError
from .files import whole
from .params import Params

ONE_COLUMN, TWO_COLUMNS = 3.3, 6.75  # inches
FORMATS = ("pdf", "svg", "png")
# Okabe and Ito's colour-blind safe palette, darkest first
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE: Any = {
    "font.family": "STIXGeneral",
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
    "svg.fonttype": "none",
    "svg.hashsalt": "vaedyn",
    "path.simplify": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style to what is drawn or saved inside."""
    with mpl.rc_context(STYLE):
        yield


def new_figure(width: float, height: float, **grid: Any) -> tuple[Figure, np.ndarray]:
    """Return a figure of a size in inches, away from any window, and its panels."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, np.atleast_1d(figure.subplots(**grid))


def save(figure: Figure, path: str | Path, *, keywords: Sequence[str] = ()) -> None:
    """Write `figure` to a PDF, SVG or PNG file; the same figure gives the same bytes.

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
        raise ParameterError("output", f"expected a name ending in .pdf, .svg or .png: {path}")
    words = ", ".join(keywords)
    metadata: dict[str, dict[str, str | datetime | None]] = {
        "pdf": {"Creator": "vaedyn", "Keywords": words, "CreationDate": None},
        "svg": {"Creator": "vaedyn", "Description": words, "Date": None},
        "png": {"Software": "vaedyn", "Description": words},
    }
    stream = BytesIO()
    with styled():
        figure.savefig(stream, format=kind, metadata=metadata[kind])
    with whole(path) as part:
        part.write_bytes(stream.getvalue())


def as_svg(figure: Figure) -> bytes:
    """Return `figure` as an SVG that looks the same everywhere: its text is drawn as outlines."""
    stream = BytesIO()
    with styled(), mpl.rc_context({"svg.fonttype": "path"}):
        figure.savefig(stream, format="svg", metadata={"Creator": "vaedyn", "Date": None})
    return stream.getvalue()


def caption(params: Params, width: int, without: Collection[str] = ()) -> str:
    """Return the parameters in the paper's letters, in lines of about `width` characters.

    Those named in `without` are left out.
    """
    strengths = [f"{value:g}" for value in params.strengths]
    if len(set(strengths)) == 1:
        strengths = strengths[:1]
    elif len(strengths) > 4:
        strengths = [*strengths[:3], r"\ldots", strengths[-1]]
    rho = r",\,".join(strengths)
    sizes = {"latent": rf"$M = {params.latent}$", "signal": rf"$M^* = {params.signal}$"}
    if params.latent == params.signal and not {*sizes} & {*without}:
        sizes = {"latent": rf"$M = M^* = {params.latent}$"}
    formula = {
        "dim": rf"$N = {params.dim}$",
        **sizes,
        "rho": rf"$\rho = {rho}$",
        "eta": rf"$\eta = {params.eta:g}$",
        "beta": params.schedule.formula(params.beta),
        "lr": rf"$\tau = {params.lr:g}$",
        "lam": rf"$\lambda = {params.lam:g}$" if params.lam else "",
    }
    texts = (text for name, text in formula.items() if name not in without)
    parts = [part for text in texts for part in text.split(", ") if part]
    lines = [parts[0]]
    for part in parts[1:]:
        seen = re.sub(r"\\[a-z]+|[$^{}\\]", "x", f"{lines[-1]}, {part}")
        lines = [*lines[:-1], f"{lines[-1]}, {part}"] if len(seen) < width else [*lines, part]
    return ",\n".join(lines)
