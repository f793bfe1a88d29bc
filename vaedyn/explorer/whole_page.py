"""The whole page: a tab for the model, and one for the visitor's own data."""

from collections.abc import Callable
from typing import Any, cast

from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.layouts import column
from bokeh.models import TabPanel, Tabs

from ..model.params import Params
from ..model.records import Store
from .data_page import DataPage
from .looks import PAGE, TEMPLATE, sheet
from .page import ModelPage
from .parts import words


def whole_page(doc: Document, params: Params, open_store: Callable[[], Store | None]) -> None:
    """Fill a document with the page.

    Parameters
    ----------
    doc : Document
    params : Params
        The model to begin with.
    open_store : callable
        Returns where results are kept, or None; it is called in several threads.
    """
    model, data = ModelPage(doc, params, open_store), DataPage(doc)
    tabs = Tabs(
        tabs=[
            TabPanel(child=model.layout, title="Model"),
            TabPanel(child=data.layout, title="Your data"),
        ],
        sizing_mode="stretch_width",
    )
    doc.title = "vaedyn"
    doc.template = cast(Any, TEMPLATE)  # a text is taken, too
    title = words("<h1>vaedyn: how a linear VAE learns, and when it collapses</h1>")
    doc.add_root(column(title, tabs, sizing_mode="stretch_width", stylesheets=[sheet(PAGE)]))
    doc.js_on_event(DocumentReady, model.talk.keys)

    def close(session_context: object) -> None:
        model.close()
        data.close()

    doc.on_session_destroyed(close)
