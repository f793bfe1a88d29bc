"""Parts of the page: a picture between its heading and its words, and talks."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import Button, CustomJS, Div, Select, TextAreaInput

from ..errors import ParameterError
from ..model.command_line import command_line, words_of
from ..model.params import Params
from .form import beside
from .looks import BAR, FIELD, INPUT, PANEL, TEXT, paragraphs, sheet
from .presets import PRESETS
from .slowly import RUNS, runs_within

COMMANDS = {
    "draw the learning curve": "plot learning-curve",
    "print what theory says": "theory",
    "simulate training": "simulate",
    "list fixed points": "fixedpoints",
    "draw fixed points over β": "plot branches",
    "draw order parameters": "plot order-parameters",
    "open this page": "explore",
}
GREYED, CLEAR = {"opacity": "0.35"}, {"opacity": "1"}
OWN = "your own model"
ORDER = ("theory", "axis", "points", "runs", "band", "advice", "data", "record", "error")
WRONG = "error:"  # what a note begins with that says why something failed
OLD = ' class="old"'
KEYS = """
if (!document.getElementById('vaedyn') || window.vaedynKeys) return;
window.vaedynKeys = true;
document.addEventListener('keydown', event => {
  const own = event.composedPath()[0];
  if (['INPUT', 'TEXTAREA', 'SELECT'].includes(own.tagName)) return;
  const free = own === document.body || own === document.documentElement;
  const step = {PageDown: 1, PageUp: -1}[event.key]
    ?? (free ? {ArrowRight: 1, ArrowLeft: -1}[event.key] : undefined);
  if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const at = talk.value === '' ? (step > 0 ? 0 : COUNT - 1) : Number(talk.value) + step;
  if (at >= 0 && at < COUNT) talk.value = String(at);
});
"""
STEP = """
const at = talk.value === '' ? (STEP > 0 ? 0 : COUNT - 1) : Number(talk.value) + STEP;
if (at >= 0 && at < COUNT) talk.value = String(at);
"""
COPY = """
const said = text => { button.label = text; setTimeout(() => { button.label = 'Copy'; }, 1500); };
const select = () => said('Select the text, and copy it');
const board = navigator.clipboard;
if (board) board.writeText(field.value).then(() => said('Copied'), select);
else select();
"""


def words(text: str = "", **settings: Any) -> Div:
    """Return a place for text, which is HTML."""
    settings = {"sizing_mode": "stretch_width", "margin": 0, **settings}
    return Div(text=text, stylesheets=[sheet(TEXT)], **settings)


def on_value(model: Any, function: Callable[[], None]) -> None:
    """Call a function whenever the value of a control has changed."""
    model.on_change("value", lambda attr, old, new: function())


class Framed:
    """A picture, the heading above it, and its words below.

    Parameters
    ----------
    title : str
    picture : object
        Has a `figure`.
    """

    def __init__(self, title: str, picture: Any, *others: Any):
        self.title, self.picture = title, picture
        self.head, self.key, self.text = words(), words(picture.key), words()
        picture.figure.html_attributes = {
            "role": "img",
            "aria-label": f"{title}: see the text below",
        }
        self.layout = column(
            self.head, picture.figure, self.key, *others, self.text, sizing_mode="stretch_width",
            stylesheets=[sheet(PANEL)],
        )  # fmt: skip
        self._said: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._old: set[str] = set()
        self.busy("")

    def show(self, arrays: Mapping[str, Any]) -> None:
        """Draw the arrays of a panel."""
        self.picture.show(arrays)
        if self.key.text != self.picture.key:
            self.key.text = self.picture.key

    def busy(self, what: str) -> None:
        """Say what is still being computed; nothing for an empty text."""
        shown = f'<span class="busy">{escape(what)}</span>' if what else ""
        text = f"<h2>{escape(self.title)}</h2>{shown}"
        if self.head.text != text:
            self.head.text = text

    def grey(self, greyed: bool) -> None:
        """Show the picture as one that is not of this model, or as one that is."""
        wanted = GREYED if greyed else CLEAR
        if self.picture.figure.styles != wanted:
            self.picture.figure.styles = wanted

    def say(self, part: str, text: str, notes: tuple[str, ...] = ()) -> None:
        """Say something of one of several parts of the picture, in place of what it said before."""
        self._said[part] = (text, notes)
        self._old.discard(part)
        self._write()

    def refuse(self, text: str) -> None:
        """Say why there is nothing, in place of all else."""
        self._said = {}
        self.say("error", "", (f"{WRONG}{text}",))

    def age(self, *parts: str) -> None:
        """Let what was said of parts fade: it is not of the model that is shown."""
        self._old |= set(parts)
        self._write()

    def forget(self, part: str) -> None:
        """Take back what was said of a part."""
        if self._said.pop(part, None):
            self._write()

    def _write(self) -> None:
        ordered = sorted(self._said.items(), key=lambda item: ORDER.index(item[0]))
        said = [
            f'<span{OLD if part in self._old else ""}>{escape(text)}</span>'
            for part, (text, _) in ordered if text
        ]  # fmt: skip
        html = f"<p>{' '.join(said)}</p>" if said else ""
        for part, (_, notes) in ordered:
            for note in notes:
                kind = "error" if note.startswith(WRONG) else "note"
                kind += " old" if part in self._old else ""
                html += paragraphs(note.removeprefix(WRONG), kind=kind)
        if self.text.text != html:
            self.text.text = html


class Talk:
    """Presets, one after the other."""

    def __init__(self) -> None:
        options: list[Any] = [("", OWN)]
        options += [(str(i), f"{i + 1}. {each.title}") for i, each in enumerate(PRESETS)]
        self.choice = Select(
            name="talk", title="for a talk (Page Up, Page Down)", options=options, value="",
            **{**FIELD, "min_width": 150, "max_width": 430},
        )  # fmt: skip
        self.back = Button(label="‹ Back", width=76, margin=(0, 0, 2, 0))
        self.next = Button(label="Next ›", width=76, margin=(0, 0, 2, 0))
        for button, step in ((self.back, -1), (self.next, 1)):
            code = f"const STEP = {step}, COUNT = {len(PRESETS)};{STEP}"
            button.js_on_click(CustomJS(args={"talk": self.choice}, code=code))
        self.text = words(margin=(2, 0, 6, 0))
        self.layout = column(
            row(self.back, self.choice, self.next, sizing_mode="stretch_width",
                stylesheets=[sheet(BAR)]),
            self.text, sizing_mode="stretch_width",
        )  # fmt: skip
        self.keys = CustomJS(
            args={"talk": self.choice}, code=f"const COUNT = {len(PRESETS)};{KEYS}"
        )

    def say(self) -> None:
        """Say what the preset that is chosen is about."""
        if self.choice.value == "":
            text = (
                "A linear VAE learns signals in noise. Drag a slider: lines are theory for many "
                "dimensions N, markers are simulated training. Or step through the talk."
            )
        else:
            text = PRESETS[int(self.choice.value)].text
        self.text.text = paragraphs(text)


class Copied:
    """A command line that makes the same, to be copied."""

    def __init__(self) -> None:
        commands: list[Any] = [*COMMANDS]
        self.choice = Select(
            title="which computation", options=commands, value=commands[0], **FIELD
        )
        self.field = TextAreaInput(
            value="", rows=5, html_attributes={"aria-label": "command line"},
            stylesheets=[sheet(INPUT)], **FIELD,
        )  # fmt: skip
        button = Button(label="Copy", width=240, margin=(4, 0, 4, 0))
        both = {"field": self.field, "button": button}
        button.js_on_click(CustomJS(args=both, code=COPY))
        self.also = words()
        self.layout = column(
            words("<h2>The same on the command line</h2>"), self.choice, self.field, button,
            self.also, sizing_mode="stretch_width", stylesheets=[sheet(PANEL)],
        )  # fmt: skip

    def write(self, params: Params, engine: str | None) -> None:
        """Write the command that is chosen, for a model and an engine of runs."""
        command = COMMANDS[self.choice.value]
        options: dict[str, Any] = {}
        if command == "plot learning-curve":
            derived = not params.adam and params.alpha is None and params.noise is None
            options["bands"] = derived
        if command in ("simulate", "plot learning-curve"):
            runs = as_many_runs(params, engine)
            if runs or command == "simulate":
                options["runs"] = runs or 1
                options |= {"engine": engine} if engine else {}
        if command == "plot branches":
            high = max(2.0 * params.beta, 1.5 * (float(params.strengths.max()) + params.eta))
            options["vary"] = f"beta={high / 50:.3g}:{high:.3g}"
        self.field.value = command_line(params, command, **options)
        other = " ".join(words_of(beside(params)))
        self.also.text = paragraphs(f"Besides what fields show: {other}", kind="soft") * bool(other)


def as_many_runs(params: Params, engine: str | None) -> int:
    """Return how many runs the page shows; where an engine refuses a model, those asked for."""
    try:
        return runs_within(params, engine)[0]
    except ParameterError:
        return RUNS
