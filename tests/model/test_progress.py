"""`progress=True` and `watch=True`: one signature everywhere, and nothing left behind."""

import inspect
import io
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import vaedyn
from vaedyn.model import progress as module
from vaedyn.model.progress import bar, shows

APART = ("__version__", "plot", "store")
FUNCTIONS = [
    each
    for each in (getattr(vaedyn, name) for name in vaedyn.__all__ if name not in APART)
    if inspect.isfunction(each)
]
TAKING = {
    each.__name__: (each, name)
    for each in FUNCTIONS
    for name in ("progress", "watch")
    if name in inspect.signature(each).parameters
}


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Let two seconds pass whenever somebody asks for the time."""
    now = [0.0]

    def tick():
        now[0] += 2.0
        return now[0]

    monkeypatch.setattr(module, "clock", tick)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name in ("NO_COLOR", "TERM", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def begin():  # pytest puts a stderr of its own in place when a test begins
        monkeypatch.setattr(sys, "stderr", Terminal())
        return sys.stderr

    return begin


@pytest.fixture
def notebook(monkeypatch):
    """Stand in for IPython in a kernel; yield what was shown."""
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html)

    def display(html, display_id):
        assert display_id is True
        shown.append(html)
        return Handle()

    ipython = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1))
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    made = SimpleNamespace(HTML=lambda text: text, display=display)
    monkeypatch.setitem(sys.modules, "IPython.display", made)
    return shown


def test_there_are_many_that_take_it():
    assert {name for name, (_, keyword) in TAKING.items() if keyword == "progress"} >= {
        "theory", "simulate", "bands", "fixed_points", "branches", "phase_diagram", "passages",
        "best_schedule", "heldout", "look", "course", "collapse", "warm_up", "train", "learn",
        "sweep",
    }  # fmt: skip


@pytest.mark.parametrize("name", TAKING)
def test_all_decide_in_one_place(name, monkeypatch):
    """Whatever they are asked, the function inside gets a function, or nothing."""
    function, keyword = TAKING[name]
    default = inspect.signature(function).parameters[keyword].default
    inner = function.__wrapped__
    assert f"{keyword} : bool or callable, optional" in inner.__doc__
    cells = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
    assert cells["function"].cell_contents is inner
    seen = []
    monkeypatch.setattr(cells["function"], "cell_contents", lambda **o: seen.append(o.get(keyword)))

    def own(*_):
        pass

    for asked in (own, None, False, True):
        function(**{keyword: asked})
    assert seen[:3] == [own, default, default]
    assert callable(seen[3])
    with pytest.raises(TypeError, match=f"expects True, False, None or a function as {keyword}"):
        function(**{keyword: 1})


def settled(threads):
    """Wait for threads that were started since, which ends them all."""
    for each in {*threading.enumerate()} - {*threads}:
        each.join(5)
        assert not each.is_alive()


def model(**options):
    asked = {"dim": 30, "t_max": 4, "points": 3, "jobs": 1, **options}
    return vaedyn.sweep("theory", vary={"beta": [0.5, 0.8, 1.4]}, **asked)


def test_a_bar_appears_and_is_gone(terminal):
    threads, stderr = threading.enumerate(), terminal()
    found = model(progress=True)
    text = stderr.getvalue()
    assert "sweep" in text
    assert "%" in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")  # the cursor is there again
    assert text.endswith("\x1b[2K")  # its line is empty
    settled(threads)
    np.testing.assert_array_equal(found.array("eps_g"), model().array("eps_g"))


@pytest.mark.parametrize("keyword", ["progress", "watch"])
def test_an_interrupt_leaves_nothing_behind(terminal, keyword):
    threads, stderr = threading.enumerate(), terminal()

    @shows("long")
    def endless(*, progress=None, watch=None):
        if watch:
            with watch("long") as progress:
                progress(1, 10)
                raise KeyboardInterrupt
        progress(1, 10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        endless(**{keyword: True})
    assert "long" in stderr.getvalue()
    assert stderr.getvalue().endswith("\x1b[2K")
    settled(threads)


def test_an_interrupted_simulation_leaves_no_threads_and_no_files(tmp_path):
    threads, store = threading.enumerate(), vaedyn.store.ResultStore(tmp_path / "store")

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vaedyn.simulate(dim=500, t_max=500, runs=2, points=3, store=store, progress=stop)
    settled(threads)
    assert not list((tmp_path / "store").iterdir())


def interrupted(title):
    with bar(title) as show:
        show(0, 0)
        show(1, 4)
        raise KeyboardInterrupt


def test_a_notebook_has_a_bar_of_its_own(notebook):
    model(progress=True)
    first, last = notebook[0], notebook[-1]
    assert '<progress value="' in first
    assert "sweep: " in first
    assert last == ""
    notebook.clear()
    with pytest.raises(KeyboardInterrupt):
        interrupted("a < b")
    assert notebook == ['<progress value="0.2500" max="1"></progress> a &lt; b: 25 %', ""]


def test_elsewhere_there_is_a_line_a_minute(capsys):
    with bar("train") as show:
        for done in range(61):
            show(done, 100)
    # two seconds a question, and who prints a line asks once more
    assert capsys.readouterr().err.splitlines() == ["train: 29 %", "train: 59 %"]


def test_nothing_is_imported_for_it():
    code = (
        "import sys, vaedyn; vaedyn.theory; vaedyn.sweep\n"
        "print(sorted({'rich', 'IPython'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
