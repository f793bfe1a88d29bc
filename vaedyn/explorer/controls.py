"""Sliders and fields of the model, each of them linked in the browser."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from bokeh.layouts import column, row
from bokeh.models import CustomJS, Select, Slider, TextInput

from ..model.schedules import CLASSES
from .form import FIELDS, OPTIMISERS
from .looks import FIELD, NARROW_FIELD, PAIR, SLIDER, sheet


class Range(NamedTuple):
    """What a slider goes through; `how` is linear, whole or log (its value is then log10)."""

    label: str
    low: float
    high: float
    step: float = 0.02
    how: str = "log"


SLIDERS = {
    "beta": Range("β  KL weight", 0.0, 5.0, 0.02, "linear"),
    "eta": Range("η  noise variance", -1.0, 1.0),
    "rho": Range("ρ  signal strength", -1.0, 1.0),
    "lr": Range("τ  learning rate", -3.0, 0.3),
    "lam": Range("λ  weight decay", 0.0, 1.0, 0.01, "linear"),
    "latent": Range("M  latents", 1, 8, 1, "whole"),
    "signal": Range("M*  signals", 1, 8, 1, "whole"),
    "dim": Range("N  dimension", 1.4, 4.0),
    "t_max": Range("t max, N steps each", 0.0, 4.0),
    "batch": Range("b  batch", 1, 64, 1, "whole"),
    "momentum": Range("p  momentum", 0.0, 0.98, 0.01, "linear"),
}
PACES = {"tanh": Range("pace γ", -4.0, 1.0), "": Range("duration", 0.0, 4.0)}
KINDS = [each.form.partition(":")[0] for each in CLASSES]
AS_SUITS = "as suits"
# how a text holds the number that the slider moves: alone or the largest of a list, or in a spec
READ = """
const parts = text.value.split(':'), at = parts[0] === 'decay' ? 2 : 1;
const items = (PACE ? parts[at] ?? '' : text.value).split(',').map(Number);
const now = Math.max(...items);
const shown = x => HOW === 'whole' ? Math.round(x) : Number(x.toPrecision(HOW === 'log' ? 3 : 10));
const real = x => HOW === 'log' ? 10 ** x : x, place = x => HOW === 'log' ? Math.log10(x) : x;
const inside = x => Math.min(Math.max(x, slider.start), slider.end);
"""
FROM_SLIDER = (
    READ
    + """
const x = shown(real(slider.value));
if (Number.isFinite(now) && shown(real(inside(place(now)))) === x) return;
if (PACE) {
  if (parts.length <= at || parts[0] === 'points') return;
  parts[at] = String(x);
  text.value = parts.join(':');
} else if (items.length > 1 && Number.isFinite(now) && now > 0) {
  text.value = items.map(y => Number((y * x / now).toPrecision(4))).join(',');
} else text.value = String(x);
"""
)
FROM_TEXT = (
    READ
    + """
if (Number.isFinite(now) && (HOW !== 'log' || now > 0)) slider.value = inside(place(now));
"""
)


class Controls:
    """All fields of the model.

    Attributes
    ----------
    texts : dict of str to TextInput or Select
        By name, those of `vaedyn.explorer.form.FIELDS`: what stands there describes the model.
    layout : Column
    """

    def __init__(self, texts: Mapping[str, str]):
        self.texts: dict[str, Any] = {}
        self.sliders: dict[str, Slider] = {}
        self._rows: dict[str, Any] = {}
        for name in FIELDS:
            if name == "optimiser":
                self.texts[name] = self._select("optimiser", list(OPTIMISERS), texts[name])
            elif name not in SLIDERS:
                self.texts[name] = TextInput(value=texts[name], **FIELD)
        for name, over in SLIDERS.items():
            self._rows[name] = self._pair(name, over, texts[name])
        self.texts["init"].title = "start: gaussian, torch, or m=..., d=..., ..."
        self.texts["init_seed"].title = "seed of a start that is drawn"
        self.texts["anneal"].title = "exactly"
        self.kind = self._select("schedule of β", KINDS, texts["anneal"].partition(":")[0])
        pace = PACES[""]
        self.pace = self._slider(pace, texts["anneal"])
        self._link(self.pace, self.texts["anneal"], pace.how, pace=True)
        self.engine = self._select("runs by", [AS_SUITS, "exact", "vector"], AS_SUITS)
        self.layout = column(*self._ordered(), sizing_mode="stretch_width", spacing=2)
        self.adapt(texts)

    def _ordered(self) -> list[Any]:
        rows = self._rows
        training = row(self.texts["optimiser"], self.engine, sizing_mode="stretch_width", spacing=8)
        schedule = row(self.kind, self.texts["anneal"], sizing_mode="stretch_width", spacing=8)
        order = ("beta", "eta", "rho", "lr", "lam", "latent", "signal", "dim", "t_max", "batch")
        return [
            *(rows[name] for name in order), schedule, self.pace, training, rows["momentum"],
            self.texts["init"], self.texts["init_seed"],
        ]  # fmt: skip

    def _select(self, title: str, options: list[Any], value: str) -> Select:
        return Select(title=title, options=options, value=value, **FIELD)

    def _slider(self, over: Range, text: str) -> Slider:
        return Slider(
            title=over.label, start=over.low, end=over.high, step=over.step, value=over.low,
            show_value=False, **SLIDER,
        )  # fmt: skip

    def _pair(self, name: str, over: Range, text: str) -> Any:
        field = TextInput(
            value=text, html_attributes={"aria-label": f"{over.label}, exact value"},
            **NARROW_FIELD,
        )  # fmt: skip
        slider = self._slider(over, text)
        self.texts[name], self.sliders[name] = field, slider
        self._link(slider, field, over.how)
        place(slider, text, over.how)
        pair = row(slider, field, sizing_mode="stretch_width", stylesheets=[sheet(PAIR)])
        return column(pair, sizing_mode="stretch_width")  # which can be hidden

    def _link(self, slider: Slider, field: TextInput, how: str, pace: bool = False) -> None:
        head = f"const HOW = '{how}', PACE = {str(pace).lower()};"
        both = {"slider": slider, "text": field}
        slider.js_on_change("value", CustomJS(args=both, code=head + FROM_SLIDER))
        field.js_on_change("value", CustomJS(args=both, code=head + FROM_TEXT))

    def read(self) -> dict[str, str]:
        """Return what stands in all fields."""
        return {name: field.value for name, field in self.texts.items()}

    def write(self, texts: Mapping[str, str]) -> None:
        """Let all fields say this."""
        for name, text in texts.items():
            if self.texts[name].value != text:
                self.texts[name].value = text
        self.adapt(texts)

    def adapt(self, texts: Mapping[str, str]) -> None:
        """Show those controls that mean something beside the others."""
        kind = texts["anneal"].partition(":")[0]
        if kind in KINDS and self.kind.value != kind:
            self.kind.value = kind
        over = PACES.get(kind, PACES[""])
        if self.pace.title != over.label or self.pace.start != over.low:
            self.pace.update(title=over.label, start=over.low, end=over.high)
        place(
            self.pace,
            texts["anneal"].partition(":")[2].rpartition(":")[0]
            if kind == "cyclical"
            else texts["anneal"].rpartition(":")[2],
            "log",
        )
        for control, there in (
            (self.pace, kind not in ("constant", "points", "file")),
            (self._rows["momentum"], texts["optimiser"] == "momentum"),
            (self.texts["init_seed"], texts["init"] in ("gaussian", "torch")),
        ):
            if control.visible != there:
                control.visible = there


def place(slider: Slider, text: str, how: str) -> None:
    """Put a slider where a text says, within its range."""
    try:
        value = max(float(item) for item in text.split(","))
        value = math.log10(value) if how == "log" else value
    except ValueError:
        return
    value = min(max(value, slider.start), slider.end)
    if slider.value != value:
        slider.value = value
