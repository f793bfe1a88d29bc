"""What stands around the panels of a figure: title, caption, legend, ticks, and limits."""

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.mathtext import MathTextParser
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from ..errors import ParameterError
from ..model.params import Params
from ..model.quantities import CONSTANTS
from .style import LINES, STYLE, new_figure, styled
from .tex import powers, rates, strengths

Limits = tuple[float | None, float | None]
OPEN: Limits = (None, None)
WIDTHS = (3.0, 30.0)  # inches
NARROW = 5.0  # inches: panels of narrower figures stand below one another
LONGEST = 200  # characters of a title
WORD = 24  # characters of a word, after which it is broken
FURTHEST, CLOSEST = 1e100, 1e-9  # limits: in size, and apart from one another relative to it
SIZE = STYLE["legend.fontsize"]  # points
LINE = 1.4 * SIZE / 72  # inches
SPACING = 1.2  # between columns of a legend, in letters
WIDE = 1e7  # ratio of the ends of an axis that is labelled in powers of ten
GAP = Line2D([], [], linestyle="none", label=" ")  # in a legend


@dataclass(frozen=True)
class Look:
    """What can be chosen of every figure.

    Parameters
    ----------
    width : float, optional
        In inches; by default as the figure is made for.
    caption : bool
        Whether the constants of the model stand above it.
    title : str
        Stands above them.
    x_lim, y_lim : (float or None, float or None)
        Ends of the axes of the first panel and of those that show the same; None
        leaves an end where it is.
    axes : sequence of Axes
        Panels of another figure to draw into, instead of a new one. It gets no title and
        no caption, and the legend stands in the first panel.

    Raises
    ------
    ParameterError
        When one of them has no meaning.
    """

    width: float | None = None
    caption: bool = True
    title: str = ""
    x_lim: Limits = OPEN
    y_lim: Limits = OPEN
    axes: tuple[Axes, ...] = ()

    def __post_init__(self):
        low, high = WIDTHS
        if self.width is not None and not low <= self.width <= high:
            reason = f"expected {low:g} to {high:g} inches, got {self.width:g}"
            raise ParameterError("width", reason)
        _check_title(self.title)
        for name in ("x_lim", "y_lim"):
            low, high = getattr(self, name)
            ends = [end for end in (low, high) if end is not None]
            if not all(abs(end) < FURTHEST for end in ends):
                reason = f"expected numbers of less than {FURTHEST:g}, got {_text(low, high)}"
                raise ParameterError(name, reason)
            if len(ends) == 2 and not high - low > CLOSEST * max(map(abs, ends)):
                raise ParameterError(name, f"expected A:B with A < B, got {_text(low, high)}")

    def check(self, x_scale: str, y_scale: str) -> None:
        """Make sure that axes of these scales can have such limits.

        Raises
        ------
        ParameterError
            When they cannot.
        """
        for name, scale in (("x_lim", x_scale), ("y_lim", y_scale)):
            ends = getattr(self, name)
            if scale == "log" and any(end <= 0 for end in ends if end is not None):
                reason = f"the axis is logarithmic: expected limits above 0, got {_text(*ends)}"
                raise ParameterError(name, reason)


def _text(low: float | None, high: float | None) -> str:
    return ":".join("" if end is None else f"{end:.10g}" for end in (low, high))


def _check_title(text: str) -> None:
    """Refuse a title that cannot be drawn."""
    if len(text) > LONGEST:
        reason = f"expected at most {LONGEST} characters, got {len(text)}"
        raise ParameterError("title", reason)
    fonts = [get_font(findfont(name)) for name in STYLE["font.family"]] if text else []
    for letter in text:
        if not (letter == " " or any(font.get_char_index(ord(letter)) for font in fonts)):
            raise ParameterError("title", f"the fonts have no letter {letter!r}")
    if is_math_text(text):
        try:
            with styled():
                MathTextParser("path").parse(text)
        except ValueError as error:
            why = str(error).splitlines()[-1]
            raise ParameterError("title", f"{text!r} has a formula in error: {why}") from None


PLAIN = Look()


@contextmanager
def canvas(
    look: Look, width: float, height: float, **grid: Any
) -> Iterator[tuple[Figure, np.ndarray]]:
    """Apply the style inside, and yield a figure with its panels: those of `look`, or new ones.

    Parameters
    ----------
    look : Look
    width, height : float
        In inches, of a new figure; `look` may ask for another width.
    **grid
        Its panels, as `matplotlib.figure.Figure.subplots` takes them.
    """
    if not look.axes:
        with styled():
            yield new_figure(look.width or width, height, **grid)
        return
    wanted = grid.get("nrows", 1) * grid.get("ncols", 1)
    if len(look.axes) != wanted:
        raise ParameterError("axes", f"expected {wanted} of them, got {len(look.axes)}")
    with rc_context(LINES):
        yield look.axes[0].figure.figure, np.array(look.axes, dtype=object)


def two_panels(width: float, height: float, look: Look, **grid: Any):
    """Return a canvas of two panels: side by side, or one below the other if narrow."""
    if (look.width or width) < NARROW:
        return canvas(look, width, 1.7 * height, nrows=2, **grid)
    return canvas(look, width, height, ncols=2, **grid)


def finish(figure: Figure, panels: Iterable[Axes], parts: Sequence[str], look: Look) -> None:
    """Set the limits of `panels`, and write the title and the caption above the figure.

    `parts` are those of the caption. The figure grows by what it needs for more than
    one line. Nothing is done to a figure that is not new.
    """
    if look.axes:
        return
    for axes in panels:
        look.check(axes.get_xscale(), axes.get_yscale())
        if look.x_lim != OPEN:
            axes.set_xlim(*look.x_lim)
        if look.y_lim != OPEN:
            axes.set_ylim(*look.y_lim)
    inches = 0.97 * figure.get_figwidth()
    lines = wrapped(figure, _words(look.title), " ", inches)
    if look.caption:
        lines += wrapped(figure, parts, ", ", inches)
    if lines:
        figure.suptitle("\n".join(lines), fontsize=SIZE)
    _grow(figure, len(lines) - 1)


def _words(title: str) -> list[str]:
    """Return the words of a title, formulas in one piece, none of them too long for a line."""
    if is_math_text(title):
        return re.findall(r"(?:(?<!\\)\$(?:\\\$|[^$])*\$|\S)+", title)
    words = [part for word in title.split() for part in textwrap.wrap(word, WORD)]
    return [word.replace(r"\$", "$").replace("$", r"\$") for word in words]


def wrapped(figure: Figure, parts: Sequence[str], between: str, inches: float) -> list[str]:
    """Return `parts` in lines of which none is wider than `inches`, unless a part is."""
    probe = figure.text(0, 0, "", fontsize=SIZE)
    lines: list[list[str]] = []
    left = 0.0
    for part in parts:
        width = _inches(probe, part) + 0.6 * SIZE / 72
        if width > left:
            lines.append([])
            left = inches
        lines[-1].append(part)
        left -= width
    probe.remove()
    texts = [between.join(line) for line in lines]
    return [text + between.rstrip() for text in texts[:-1]] + texts[-1:]


def _inches(probe: Any, text: str) -> float:
    """Return how wide a text is when `probe`, a text of the figure, shows it."""
    probe.set_text(text)
    return probe.get_window_extent().width / probe.figure.dpi


def below(
    figure: Figure,
    handles: Sequence[Any],
    look: Look,
    *,
    apart: Sequence[Any] = (),
    columns: int = 3,
) -> None:
    """Put a legend below a figure, in as many columns up to `columns` as its width allows.

    The figure grows by what the legend needs. Those `apart` have the last column to
    themselves; where there is one column only, they stand below a gap. In a figure that is
    not new, the legend stands in the first panel.
    """
    if look.axes:
        look.axes[0].legend(handles=[*handles, *apart])
        return
    inches, letter = 0.97 * figure.get_figwidth(), SIZE / 72
    beside = letter * (STYLE["legend.handlelength"] + 0.8)
    probe = figure.text(0, 0, "", fontsize=SIZE)
    width = {}
    for handle in (*handles, *apart, GAP):
        label = str(handle.get_label())
        if (across := _inches(probe, label)) > inches - beside:
            label = _broken(label, (inches - beside) / across)
            handle.set_label(label)
        width[id(handle)] = beside + _inches(probe, label)
    probe.remove()

    def filled(count: int) -> tuple[list[list[Any]], float]:
        """Return the entries of each column, and how wide they are together."""
        parts = _arranged(list(handles), list(apart), count)
        widest = [max(width[id(entry)] for entry in part) for part in parts]
        return parts, sum(widest) + SPACING * letter * (len(parts) - 1)

    parts, across = filled(columns)
    while across > inches and columns > 1:
        columns -= 1
        parts, across = filled(columns)
    _grow(figure, max(sum(entry.get_label().count("\n") + 1 for entry in part) for part in parts))
    figure.legend(
        handles=[entry for part in parts for entry in part],
        loc="outside lower center",
        ncols=len(parts),
        columnspacing=SPACING,
    )


def _arranged(handles: list[Any], apart: list[Any], columns: int) -> list[list[Any]]:
    """Return the entries of each column of a legend, with gaps, as a legend is filled."""
    if apart and columns > 1:
        rows = max(-(-len(handles) // (columns - 1)), len(apart))
        columns = -(-len(handles) // rows) + 1
        gaps = [GAP] * ((columns - 1) * rows - len(handles))
        entries = [*handles, *gaps, *apart, *[GAP] * (rows - len(apart))]
    else:
        entries = [*handles, GAP, *apart] if apart else handles
        columns = min(columns, len(entries))
    return [[entries[i] for i in part] for part in np.array_split(np.arange(len(entries)), columns)]


def _broken(label: str, share: float) -> str:
    """Return a label in lines of about a share of its length; formulas stay in one piece."""
    if "$" in label:
        return "\n".join(label.split(", "))
    return textwrap.fill(label, max(1, int(0.95 * share * len(label))))


def _grow(figure: Figure, lines: int) -> None:
    figure.set_figheight(figure.get_figheight() + max(0, lines) * LINE)


def label_decades(axes: Axes, name: str = "y") -> None:
    """Label a logarithmic axis, "x" or "y", in plain numbers, also between decades if few."""
    axis = getattr(axes, f"{name}axis")

    def text(value: float, _position: object = None) -> str:
        exponent = int(np.floor(np.log10(value) + 1e-9))
        return f"{value:.6g}" if -4 < exponent < 4 else powers(f"${value:.6g}$")

    low, high = axis.get_view_interval()
    if high / low > WIDE:
        return  # all as powers of ten, rather than 10000 beside 10^6
    axis.set_major_formatter(FuncFormatter(text))
    axis.set_minor_formatter(NullFormatter())
    if high / low < 4:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
    elif np.floor(np.log10(high)) - np.ceil(np.log10(low)) < 1:
        axis.set_minor_locator(LogLocator(subs=(2, 3, 5) if high / low < 20 else (2, 5)))
        axis.set_minor_formatter(FuncFormatter(text))


def caption(params: Params, without: Collection[str] = ()) -> list[str]:
    """Return the parameters in the paper's letters; those named in `without` are left out."""
    letter = {name: constant.letter for name, constant in CONSTANTS.items()}
    sizes = {name: f"${letter[name]} = {getattr(params, name)}$" for name in ("latent", "signal")}
    if params.latent == params.signal and not {*sizes} & {*without}:
        sizes = {"latent": f"${letter['latent']} = {letter['signal']} = {params.latent}$"}
    classes = f" ({len(params.classes)} classes)" if params.noise is not None else ""
    formula = {
        "dim": f"${letter['dim']} = {params.dim}$",
        **sizes,
        "rho": f"${letter['rho']} = {strengths(params.strengths)}$",
        "eta": f"${letter['eta']} = {params.eta:g}${classes}",
        "beta": params.schedule.formula(params.beta),
        "lr": f"${letter['lr']} = {rates(params)}$",
        "lam": f"${letter['lam']} = {params.lam:g}$" if params.lam else "",
        "alpha": "" if params.alpha is None else f"${letter['alpha']} = {params.alpha:g}$",
        "optimiser": "Adam" if params.optimiser == "adam" else "",
        "batch": f"${letter['batch']} = {params.batch}$" if params.batch > 1 else "",
        "momentum": f"${letter['momentum']} = {params.momentum:g}$" if params.momentum else "",
        "latents": "sampled latents" if params.sampled else "",
    }
    return [powers(text) for name, text in formula.items() if text and name not in without]
