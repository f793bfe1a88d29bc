"""The page from Python: in a notebook, and what fills its documents."""

import sys
import types

import bokeh.io
import pytest

import vaedyn
from vaedyn.explorer import explore as module

bokeh_document = pytest.importorskip("bokeh.document")


@pytest.fixture
def notebook(monkeypatch):
    """Let this be a notebook, and return what is shown in it."""
    shell = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    shown = []
    monkeypatch.setattr(bokeh.io, "output_notebook", lambda **how: None)
    monkeypatch.setattr(bokeh.io, "show", lambda fill, **how: shown.append((fill, how)))
    return shown


def test_a_notebook_shows_the_page_below_the_cell(notebook):
    assert vaedyn.explore(beta=1.5, notebook_url="http://localhost:9") is None
    ((fill, how),) = notebook
    assert how == {"notebook_url": "http://localhost:9"}
    doc = bokeh_document.Document()
    fill(doc)
    assert len(doc.roots) == 1
    values = {each.value for each in doc.select({"type": bokeh.models.TextInput})}
    assert "1.5" in values
    for callback in doc.session_destroyed_callbacks:
        callback(None)  # ends its threads


def test_a_notebook_where_bokeh_expects_it_needs_no_address(notebook):
    vaedyn.explore(vaedyn.Params())
    assert notebook[0][1] == {}


def test_a_script_opens_the_browser_and_ends_with_an_interrupt(monkeypatch, capsys):
    opened, stopped = [], []

    def interrupted():
        raise KeyboardInterrupt

    loop = types.SimpleNamespace(start=interrupted)
    made = types.SimpleNamespace(
        start=lambda: None, io_loop=loop, stop=lambda wait: stopped.append(wait)
    )
    monkeypatch.setattr("vaedyn.explorer.serve.server", lambda *_: (made, "http://127.0.0.1:1/"))
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(module, "warm_up", lambda: None)
    vaedyn.explore()
    assert opened == ["http://127.0.0.1:1/"]
    assert capsys.readouterr().out == "http://127.0.0.1:1/\n"
    assert stopped == [False]


def test_a_model_that_there_is_not_is_refused():
    with pytest.raises(vaedyn.ParameterError, match="beta"):
        vaedyn.explore(beta=-1)
    with pytest.raises(TypeError, match="did you mean beta"):
        vaedyn.explore(betta=1)


def test_warming_up_tells_how_far_it_is(monkeypatch):
    told = []
    for name in ("spread", "runs", "points", "beta_axis"):
        monkeypatch.setattr(f"vaedyn.explorer.slowly.{name}", lambda params: None)
    module.warm_up(lambda done, total: told.append((done, total)))
    assert told == [(i + 1, 10) for i in range(10)]


def test_the_last_page_of_a_visitor_ends_all_that_is_computed(monkeypatch):
    from vaedyn.explorer.page import ModelPage

    page = ModelPage(bokeh_document.Document(), vaedyn.Params(), lambda: None)
    begun = []
    page.close()
    for lane in (page.fast, page.slow):
        lane.ask(lambda _: begun.append(1), print)
    assert begun == []
