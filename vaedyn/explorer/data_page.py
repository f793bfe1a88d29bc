"""The tab for a visitor's own table."""

from functools import partial
from html import escape
from typing import Any

from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import Checkbox, ColumnDataSource, Select, TextInput

from ..errors import ParameterError
from ..model.records import Progress
from . import own_data, pictures_of_data
from .latest import Latest, SupersededError
from .looks import CONTROLS, FIELD, PANEL, PANELS, SIDES, paragraphs, sheet
from .panels import Panel
from .parts import Framed, on_value, words
from .slowly import reasons

SEND = """
const [file] = FILES, size = file ? file.size : 0;
if (!file) return;
const doc = Bokeh.documents.find(each => each.get_model_by_id('ID'));
const source = doc.get_model_by_id('ID');
if (size > LARGEST) { source.data = {name: [file.name], content: [''], size: [size]}; return; }
const reader = new FileReader();
reader.onload = () => {
  const content = reader.result.slice(reader.result.indexOf(',') + 1);
  source.data = {name: [file.name], content: [content], size: [size]};
};
reader.readAsDataURL(file);
"""
FIRST = (
    "Rows are samples, columns are numbers: .csv, .csv.gz, .npy and whatever else vaedyn spectrum "
    "reads, up to 20 MB. The file stays on this machine."
)


class DataPage:
    """What a linear VAE makes of a table, for one visitor."""

    def __init__(self, doc: Document):
        self.doc = doc
        self.lane = Latest()
        self.table: own_data.Table | None = None
        self.arrived = ColumnDataSource({"name": [], "content": [], "size": []})
        self.standardise = Checkbox(label="standardise columns", active=False)
        self.columns = TextInput(title="columns, such as age,3-7 (empty: all)", **FIELD)
        self.missing = Select(
            title="missing numbers", value="", **FIELD,
            options=[("", "refuse"), ("drop", "drop their rows"), ("mean", "fill in means")],
        )  # fmt: skip
        self.beta = TextInput(title="β to learn with (empty: noise level)", **FIELD)
        self.latent = TextInput(title="M to learn with (empty: one a signal)", **FIELD)
        self.state, self.answer = words(), words()
        self.framed = {
            "spectrum": Framed("Eigenvalues of the covariance", pictures_of_data.Spectrum()),
            "active": Framed("Active units", pictures_of_data.Active()),
            "learning": Framed("Predicted learning", pictures_of_data.Learning()),
        }
        side = column(
            words(self._chooser()), self.standardise, self.columns, self.missing, self.beta,
            self.latent,
            sizing_mode="stretch_width", stylesheets=[sheet(CONTROLS)],
        )  # fmt: skip
        side.tags = [self.arrived]  # so that it belongs to the document
        advice = column(
            words("<h2>Which β, and how many latents</h2>"), self.state, self.answer,
            sizing_mode="stretch_width", stylesheets=[sheet(PANEL)],
        )  # fmt: skip
        self.pictures = column(
            *(each.layout for each in self.framed.values()), sizing_mode="stretch_width",
            spacing=12, visible=False,
        )  # fmt: skip
        shown = column(
            advice, self.pictures, sizing_mode="stretch_width", stylesheets=[sheet(PANELS)]
        )
        self.layout = column(side, shown, sizing_mode="stretch_width", stylesheets=[sheet(SIDES)])
        self.state.text = paragraphs("Choose a table first.", kind="soft")
        self.arrived.on_change("data", lambda attr, old, new: self._receive())
        self.standardise.on_change("active", lambda attr, old, new: self._begin())
        for field in (self.columns, self.missing, self.beta, self.latent):
            on_value(field, self._begin)

    def _chooser(self) -> str:
        """Return the HTML of a place where files are dropped or chosen."""

        def code(files: str) -> str:
            ready = SEND.replace("FILES", files).replace("ID", self.arrived.id)
            return escape(f"(() => {{{ready.replace('LARGEST', str(own_data.LARGEST))}}})()")

        drop = f"event.preventDefault(); {code('event.dataTransfer.files')}"
        return (
            f'<label class="drop" ondragover="event.preventDefault()" ondrop="{drop}">'
            f'Drop a table here, or choose one<br><input type="file" '
            f'onchange="{code("this.files")}"></label>{paragraphs(FIRST, kind="soft")}'
        )

    def close(self) -> None:
        """End all computations."""
        self.lane.close()
        if self.table is not None:
            self.table.close()

    def _receive(self) -> None:
        data: Any = self.arrived.data
        if not len(data["name"]):
            return
        name, content, size = str(data["name"][0]), data["content"][0], float(data["size"][0])
        try:
            if size > own_data.LARGEST:
                raise own_data.too_large(name, size)
            arrived = own_data.Table(name, own_data.opened(name, content))
        except ParameterError as error:
            self._refuse(error)
            return
        finally:
            self.arrived.data = {"name": [], "content": [], "size": []}
        self.lane.cancel()
        before, self.table = self.table, arrived
        if before is not None:
            before.close()
        self._begin()

    def _begin(self) -> None:
        if self.table is None:
            return
        try:
            beta, latent = number_in(self.beta, "beta"), number_in(self.latent, "latent")
        except ParameterError as error:
            self._refuse(error)
            return
        self.state.text = f'<p><span class="busy">reading {escape(self.table.name)}</span></p>'
        self._age()
        how = {
            "standardise": self.standardise.active,
            "columns": self.columns.value.strip() or None,
            "missing": self.missing.value or None,
        }
        job = partial(self._compute, self.table, how, beta, latent)
        self.lane.ask(job, lambda _, error: error and self._post(self.table, "state", error))

    def _compute(
        self,
        table: own_data.Table,
        how: dict[str, Any],
        beta: float | None,
        latent: float | None,
        progress: Progress,
    ) -> None:
        found = table.look(**how, progress=progress)
        progress(0, 1)
        self._post(table, "state", own_data.recommendation(found))
        self._post(table, "spectrum", own_data.spectrum(found))
        self._post(table, "active", own_data.active_units(found))
        try:
            count = None if latent is None else int(latent)
            self._post(table, "learning", own_data.learning(found, beta, count, progress=progress))
        except SupersededError:
            raise
        except Exception as error:  # the rest has come
            self._post(table, "learning", error)

    def _post(self, table: own_data.Table | None, part: str, found: Panel | Exception) -> None:
        def show() -> None:
            if table is self.table:  # otherwise another one has been chosen
                self._show(part, found)

        self.doc.add_next_tick_callback(show)

    def _refuse(self, error: Exception) -> None:
        self.lane.cancel()
        self.state.text = paragraphs(f"{reasons(error)}.".removeprefix("data "), kind="error")
        self.answer.text = ""
        for each in self.framed.values():
            each.busy("")
        self._age()

    def _age(self) -> None:
        """Let pictures and their words fade: they are of another table, or read otherwise."""
        for each in self.framed.values():
            each.grey(True)
            each.age("data", "error")

    def _show(self, part: str, found: Panel | Exception) -> None:
        if part == "state" and isinstance(found, Exception):
            self._refuse(found)
        elif isinstance(found, Exception):
            self.framed[part].busy("")
            self.framed[part].grey(True)
            self.framed[part].refuse(f"Nothing is predicted: {reasons(found)}.")
        elif part == "state":
            assert self.table is not None
            self.state.text = paragraphs(self.table.name, kind="soft")
            self.answer.text = found.arrays["html"]
            self.pictures.visible = True
            self.framed["learning"].busy("computing")
        else:
            each = self.framed[part]
            each.busy("")
            each.show(found.arrays)
            each.forget("error")
            each.say("data", found.words, found.notes)
            each.grey(False)


def number_in(field: TextInput, name: str) -> float | None:
    """Return the number in a field, None where it is empty.

    Raises
    ------
    ParameterError
        When there is something else.
    """
    text = field.value.strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ParameterError(name, f"expected a number, got {text!r}") from None
    if name == "latent" and (value != value or value in (float("inf"), -float("inf"))
                             or value != int(value)):  # fmt: skip
        raise ParameterError(name, f"expected a whole number, got {text!r}")
    return value
