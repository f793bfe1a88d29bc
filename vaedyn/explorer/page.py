"""The page of a model: what its fields say is drawn at once, and the rest when it is ready."""

from collections.abc import Callable
from functools import partial
from typing import Any

from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import Slider

from ..errors import ParameterError
from ..model.params import Params
from ..model.records import Progress, Store
from . import panels, pictures, slowly
from .controls import AS_SUITS, Controls
from .form import model_of, texts_of
from .latest import Latest, SupersededError
from .looks import CONTROLS, PANELS, SIDES, SLIDER, paragraphs, sheet
from .panels import Course, Panel, at_once, course
from .parts import WRONG, Copied, Framed, Talk, on_value, words
from .presets import PRESETS

REST = 150  # milliseconds without a change, after which what is slow begins
WAITING = {"learning": "computing band and runs", "points": "computing fixed points"}
BESIDE = ("plane", "order", "kl")  # drawn in turns while a slider is dragged
LACKING = {
    "record": "record", "axis": "thresholds", "runs": "runs", "points": "fixed points",
    "advice": "advice", "band": "band",
}  # fmt: skip


class ModelPage:
    """Controls and pictures of one model, for one visitor.

    Parameters
    ----------
    doc : Document
    params : Params
        To begin with.
    open_store : callable
        Returns where results are kept once someone rests on a value, or None.
    """

    def __init__(self, doc: Document, params: Params, open_store: Callable[[], Store | None]):
        self.doc, self.base, self.params = doc, params, params
        self.open_store = open_store
        self.fast, self.slow = Latest(late=True), Latest()
        self.found: Course | None = None
        self._answered = False  # whether theory has said what it can of the present model
        self.shown: dict[str, Panel] = {}
        self._turn = 0  # whose picture beside the learning curve is drawn next
        self.axis_of: Params | None = None  # whose fixed points the axis of beta shows
        self._resting: Any = None
        self._loading = False
        self.controls, self.talk = Controls(texts_of(params)), Talk()
        self.copied = Copied()
        self.trouble = words()
        self.time = Slider(
            title="time shown, as a share of t max",
            start=0,
            end=1,
            step=0.01,
            value=1,
            **SLIDER,
        )
        self.framed = {
            "learning": Framed("Learning curve", pictures.Learning()),
            "points": Framed("Where learning ends", pictures.FixedPoints()),
            "order": Framed("Order parameters", pictures.Order()),
            "kl": Framed("KL divergence of each latent", pictures.KL()),
            "plane": Framed("Decoder: overlap and size", pictures.Plane(), self.time),
        }
        shown = column(
            *(each.layout for each in self.framed.values()), self.copied.layout,
            sizing_mode="stretch_width", stylesheets=[sheet(PANELS)],
        )  # fmt: skip
        fields = column(
            self.controls.layout, sizing_mode="stretch_width", stylesheets=[sheet(CONTROLS)]
        )  # fmt: skip
        self.layout = column(
            self.talk.layout,
            column(
                fields,
                column(self.trouble, shown, sizing_mode="stretch_width"),
                sizing_mode="stretch_width", stylesheets=[sheet(SIDES)],
            ),
            sizing_mode="stretch_width",
        )  # fmt: skip
        self._listen()
        self.talk.say()
        self.changed()

    def _listen(self) -> None:
        for field in self.controls.texts.values():
            on_value(field, self.changed)
        on_value(self.controls.kind, self._choose_kind)
        on_value(self.controls.engine, self.changed)
        on_value(self.talk.choice, self._choose_preset)
        on_value(self.copied.choice, self._write_command)
        on_value(self.time, self._show_time)

    def close(self) -> None:
        """End all computations."""
        self.fast.close()
        self.slow.close()

    def load(self, params: Params) -> None:
        """Let all fields describe another model."""
        self._loading, self.base = True, params
        try:
            self.controls.write(texts_of(params))
        finally:
            self._loading = False
        self.changed()

    def _choose_preset(self) -> None:
        self.talk.say()
        if self.talk.choice.value != "":
            self.load(PRESETS[int(self.talk.choice.value)].params)

    def _choose_kind(self) -> None:
        kind, text = self.controls.kind.value, self.controls.texts["anneal"]
        if self._loading or text.value.partition(":")[0] == kind:
            return
        span = float(f"{self.params.t_max / 5:.2g}")
        numbers = {
            "constant": "", "tanh": f":{3 / span:.2g}", "cyclical": f":{span:g}:0.5",
            "decay": f":2:{span:g}", "points": f":0=0,{span:g}={self.params.beta:g}",
        }  # fmt: skip
        text.value = kind + numbers.get(kind, f":{span:g}")

    def changed(self) -> None:
        """Draw what the fields say now, as soon as may be."""
        if self._loading:
            return
        texts = self.controls.read()
        self.controls.adapt(texts)
        self.slow.cancel()
        try:
            self.params = model_of(texts, self.base)
        except ParameterError as error:
            self._refuse(slowly.reasons(error))
            return
        self.trouble.text = ""
        self.framed["points"].picture.show_beta(self.params.beta)
        self._answered = False
        job = partial(self._compute, self.params, self.time.value)
        self.fast.ask(job, partial(self._answer, self.params))
        self._rest_later()

    def _refuse(self, why: str) -> None:
        """Say why there is no such model, and keep the pictures of the one before."""
        self._stop_waiting()
        self.fast.cancel()
        self.trouble.text = paragraphs(
            f"There is no such model: {why}. The pictures are those of the model before.",
            kind="error",
        )
        for each in self.framed.values():
            each.busy("")
            each.grey(True)

    @staticmethod
    def _compute(
        params: Params, share: float, progress: Progress
    ) -> tuple[Course, dict[str, Panel]]:
        found = course(params, progress=progress)
        return found, at_once(found, share)

    def _answer(self, params: Params, result: Any, error: Exception | None) -> None:
        """Take what a thread has computed to the page."""
        self.doc.add_next_tick_callback(partial(self._show, params, result, error))

    def _show(self, params: Params, result: Any, error: Exception | None) -> None:
        self._answered = self._answered or params is self.params
        if error is not None:
            if params is not self.params:
                return
            self.found = None  # what was found is of another model
            for name in ("learning", "order", "kl", "plane"):
                self.framed[name].grey(True)
                self.framed[name].refuse(slowly.reasons(error))
            return
        self.found, self.shown = result
        dragged = params is not self.params or self.slow_parts_pending
        self._turn = (self._turn + 1) % len(BESIDE)
        for name in ("learning", *(BESIDE[self._turn : self._turn + 1] if dragged else BESIDE)):
            self.framed[name].show(self.shown[name].arrays)
            self.framed[name].grey(False)
        self._move_time(self.shown["plane"])
        learning = self.framed["learning"].picture
        learning.show_band(self.shown["learning"].arrays, None)
        if dragged:
            learning.show_runs(None)
            self.framed["points"].picture.show_points(params.beta, None)
        else:
            self._say()

    def _say(self) -> None:
        """Say what the pictures of theory show.

        Every new text makes the browser lay out the page, so that this waits for a rest.
        """
        for name, panel in self.shown.items():
            notes = panel.notes
            if self.found is not None and self.found.ended and notes:
                notes = (*notes[:-1], f"{WRONG}{notes[-1]}; the curve is drawn up to there")
            self.framed[name].forget("error")
            self.framed[name].say("theory", panel.words, notes)

    @property
    def engine(self) -> str | None:
        """The engine of runs that is chosen."""
        return None if self.controls.engine.value == AS_SUITS else self.controls.engine.value

    @property
    def slow_parts_pending(self) -> bool:
        """Whether parts that come later are not there yet."""
        return self._resting is not None

    def _move_time(self, panel: Panel) -> None:
        for name in ("learning", "order", "kl"):
            self.framed[name].picture.now.location = panel.arrays["t"]

    def _show_time(self) -> None:
        if self.found is None:
            return
        panel = panels.plane(self.found, self.time.value)
        each = self.framed["plane"]
        each.picture.show_time(panel.arrays)
        each.say("theory", panel.words, panel.notes)
        self._move_time(panel)

    # --- what comes later ---------------------------------------------------------------

    def _rest_later(self) -> None:
        self._stop_waiting()
        for name, what in WAITING.items():
            self.framed[name].busy(what)
        for each in self.framed.values():
            each.age("theory", "band", "runs", "advice", "points", "record")
        if self.axis_of != slowly.of_ends(self.params):
            self.axis_of = None  # it is said anew even of the model before
            self.framed["points"].age("axis")
            self.framed["points"].grey(True)
        self._resting = self.doc.add_timeout_callback(self._rest, REST)

    def _stop_waiting(self) -> None:
        if self._resting is not None:
            self.doc.remove_timeout_callback(self._resting)
            self._resting = None

    def _rest(self) -> None:
        """Compute all that belongs to the model on which the visitor rests, and keep it."""
        self._resting = None
        if not self._answered:  # so that nothing stands beside the line of another model
            self._resting = self.doc.add_timeout_callback(self._rest, REST)
            return
        if self.found is not None and self.found.ode.params == self.params:
            for name in BESIDE:
                self.framed[name].show(self.shown[name].arrays)
                self.framed[name].grey(False)
            self._say()
        self._write_command()
        axis = None if self.axis_of == slowly.of_ends(self.params) else slowly.of_ends(self.params)
        job = partial(self._compute_rest, self.params, self.engine, axis)
        self.slow.ask(job, lambda _, error: error and self._post(self.params, "advice", error))

    def _compute_rest(
        self, params: Params, engine: str | None, axis: Params | None, progress: Progress
    ) -> None:
        store = self.open_store()
        kept: dict[str, Any] = {"store": store, "progress": progress}
        parts: list[tuple[str, Callable[[], Panel]]] = [
            ("axis", partial(slowly.beta_axis, axis or params)),
            ("runs", lambda: slowly.runs(params, engine, **kept)),
            ("points", lambda: slowly.points(params, **kept)),
            ("advice", partial(slowly.advice, params)),
            ("band", lambda: slowly.spread(params, **kept)),
        ]
        if store is not None:
            parts.insert(0, ("record", lambda: _kept(params, **kept)))
        for name, compute in parts:
            progress(0, 1)
            if name == "axis" and axis is None:
                continue
            try:
                found: Panel | Exception = compute()
            except SupersededError:
                raise
            except Exception as error:  # of one part: the others come all the same
                found = error
            if name == "record" and isinstance(found, Exception):
                kept["store"] = None  # the others are shown, if they are not kept
            self._post(params, name, found)
        self._post(params, "end", Panel({}, ""))

    def _write_command(self) -> None:
        self.copied.write(self.params, self.engine)

    def _post(self, params: Params, name: str, found: Panel | Exception) -> None:
        self.doc.add_next_tick_callback(partial(self._show_part, params, name, found))

    def _show_part(self, params: Params, name: str, found: Panel | Exception) -> None:
        if params is not self.params or self.slow_parts_pending:
            return  # of a model that is not shown any more
        learning, points = self.framed["learning"], self.framed["points"]
        failed = isinstance(found, Exception)
        arrays = None if failed else found.arrays
        frame = points if name in ("axis", "points") else learning
        if name == "end":
            learning.busy("")
            points.busy("")
            return
        line = None if self.found is None or self.found.ended else self.found
        if name == "band":
            theory = {} if line is None else panels.learning(line).arrays
            learning.picture.show_band(theory, None if line is None else arrays)
        elif name == "runs":
            learning.picture.show_runs(arrays)
        elif name == "points":
            points.picture.show_points(params.beta, arrays)
            points.grey(failed)
        elif name == "axis":
            self.axis_of = None if failed else slowly.of_ends(params)
            points.picture.show_axis(arrays or slowly.NO_AXIS)
            points.picture.show_beta(params.beta)
            points.grey(failed)
        elif name == "record":
            frame.forget(name)
            if line is None:
                return  # theory has said why
        if isinstance(found, Exception):
            frame.say(name, "", (f"No {LACKING[name]}: {slowly.reasons(found)}.",))
        elif name != "record":
            frame.say(name, found.words, found.notes)


def _kept(params: Params, store: Store, progress: Progress) -> Panel:
    """Keep what theory says of a model."""
    course(params, store, progress)
    return Panel({}, "")
