"""Which options of figures arrive where, what the files are called, and what is said of them."""

from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from tests.shared.plotted import LOOKED, LOOKS, PLAIN, made, records
from vaedyn.cli.plot import (
    picture,
)
from vaedyn.cli.session import Session
from vaedyn.model.params import Params

say_if_empty = picture.say_if_empty  # which most tests here do without


def named(figure, params, given=(), options=(), command="x", usual=()):
    given_options = [click.Option([f"--{name}"], default=x) for name, x in dict(usual).items()]
    context = click.Context(click.Command(command, params=given_options))
    context.params = dict(given)
    with context:
        return str(picture.default_name(figure, params, dict(options)))


def test_names_of_figures():
    plain, usual = Params(), {"runs": 5, "title": "", "seed": 0}
    assert named("f", plain) == "f.pdf"
    assert named("f", plain.replace(beta=1.5, t_max=20)) == "f_beta-1.5_t-max-20.pdf"
    assert named("f", plain, options={"runs": 5, "seed": 3}, usual=usual) == "f_seed-3.pdf"
    assert named("f", plain, options={"other": 3}, usual=usual) == "f.pdf"
    assert named("f", plain, {"title": "a $b$ c"}, usual=usual) == "f_title-a-b-c.pdf"
    assert named("f", plain.replace(anneal="linear:5")) == "f_anneal-linear-5.0.pdf"
    assert named("f", plain.replace(latent=2, signal=2, rho=(3.0, 1.5))) == (
        "f_latent-2_signal-2_rho-3-1.5.pdf")  # fmt: skip
    short, long = "1.2*0.5,0.8*0.5", ",".join(f"{n}*0.0625" for n in range(1, 17))
    assert "_noise-1.2-0.5-0.8-0.5" in named("f", plain.replace(noise=short), usual={"noise": None})
    digest = named("f", plain.replace(noise=long), usual={"noise": None}).partition("noise-")[2]
    assert len(digest.split("_")[0]) == len("12345678.pdf")
    start = named("f", plain.replace(init="m=0.1,d=0.2,Q=1,E=1,R=0,D=1"))
    assert len(start) == len("f_init-12345678.pdf")
    for count, whole in ((200, True), (201, False)):
        assert (len(named("f" * count, plain)) == count + len(".pdf")) == whole
    assert named("f" * 201, plain)[:201] == "f" * 200 + "_"
    assert len(named("f" * 201, plain)) == 200 + 1 + 8 + 4


@pytest.mark.parametrize(
    ("value", "text"),
    [((1.0, None, 0.25), "1--0.25"), ([2, 3], "2-3"), (0.1 + 0.2, "0.3"), (3, "3"),
     ("a b/c:d", "a-b-c:d"), ("x" * 61, "x" * 60), ("a.b+c-d_e", "a.b+c-d_e"), (True, "True")],
)  # fmt: skip
def test_values_in_names(value, text):
    assert picture.short(value) == text


@pytest.mark.parametrize("name", ["a.pdf", "a.PDF", "a.svg", "a.eps", "a.png"])
def test_formats(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert picture.checked(Path(name)) == Path(name)
    assert picture.output_path("f", Path(name), Params(), {}) == Path(name)
    for wrong in ("a.jpg", "a", "pdf"):
        with pytest.raises(click.BadParameter) as error:
            picture.checked(Path(wrong))
        text = f"expected a name ending in .pdf, .svg, .eps or .png, got {wrong!r}"
        assert (error.value.message, error.value.param_hint) == (text, "--output")


def test_widths_and_limits():
    width, limits = picture.Width(), picture.Limits()
    assert [width.convert(x, None, None) for x in ("one", "two", "2.5")] == [3.3, 6.75, 2.5]
    assert (width.get_metavar(None, None), limits.get_metavar(None, None)) == (
        "one|two|INCHES", "A:B")  # fmt: skip
    found = [limits.convert(x, None, None) for x in ("1:2", "1:", ":2", " : 2", (1, 2))]
    assert found == [(1.0, 2.0), (1.0, None), (None, 2.0), (None, 2.0), (1, 2)]
    for text in (":", "1", "a:b", "1:2:3"):
        with pytest.raises(click.BadParameter) as error:
            limits.convert(text, None, None)
        assert error.value.message == f"expected A:B, A: or :B in numbers, got {text!r}"
    with pytest.raises(click.BadParameter) as error:
        width.convert("three", None, None)
    assert error.value.message == "expected one, two or a number of inches, got 'three'"


def axes(*boxes, seen=(), visible=True):
    def shape(box):
        if box is not None:
            box = SimpleNamespace(width=box[0], height=box[1], name=box)
        return SimpleNamespace(get_visible=lambda: visible, get_tightbbox=lambda: box)

    return SimpleNamespace(
        lines=[shape(box) for box in boxes[:1]], collections=[shape(box) for box in boxes[1:]],
        bbox=SimpleNamespace(overlaps=lambda box: box.name in seen),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (axes(), False),
        (axes((1, 1), seen=[(1, 1)]), True),
        (axes((1, 1)), False),
        (axes((1, 0), seen=[(1, 0)]), True),
        (axes((0, 1), seen=[(0, 1)]), True),
        (axes((0, 0), seen=[(0, 0)]), False),
        (axes(None), False),
        (axes((1, 1), (2, 2), seen=[(2, 2)]), True),
        (axes((1, 1), seen=[(1, 1)], visible=False), False),
    ],
)
def test_what_is_in_sight(given, answer):
    assert picture.in_sight(given) is answer


@pytest.mark.parametrize(
    ("params", "seen", "text"),
    [
        ({}, False, None),
        ({"x_lim": (1, 2)}, True, None),
        ({"x_lim": (1, 2)}, False, "nothing is drawn within --x-lim"),
        ({"y_lim": (1, 2)}, False, "nothing is drawn within --y-lim"),
        ({"x_lim": (1, 2), "y_lim": (1, 2)}, False, "nothing is drawn within --x-lim and --y-lim"),
    ],
)
def test_nothing_in_sight_is_said(monkeypatch, caplog, params, seen, text):
    monkeypatch.setattr(picture, "in_sight", lambda axes: seen if axes == "first" else None)
    context = click.Context(click.Command("x"))
    context.params = params
    with context:
        say_if_empty(SimpleNamespace(axes=["first", "second"]))
    assert caplog.messages == [text] * (text is not None)


def test_a_figure_is_saved_with_its_keys(drawn, tmp_path, capsys, monkeypatch):
    session = Session(tmp_path)
    with click.Context(click.Command("x")):
        pair = [("theory", made("a")), ("simulate", made("b"))]
        picture.write(session, "f", "figure", Path("a.pdf"), pair)
    assert drawn["saved"] == ("figure", "a.pdf", ["theory abc", "simulate abc"])
    assert capsys.readouterr().out == "a.pdf\n"
    written = []
    monkeypatch.setattr(Session, "answer", lambda self, data, *lines: written.append((data, lines)))
    with click.Context(click.Command("x")):
        picture.write(session, "f", "figure", Path("a.pdf"), pair[:1], powers=[1])
    data = {"command": "plot f", "output": "a.pdf", "powers": [1], "records": records("theory")}
    assert written == [(data, (Path("a.pdf"),))]


def test_looks(run, drawn):
    drawn.of("schedule")
    assert run("plot schedule --anneal linear:5").out == "schedule_anneal-linear-5.0.pdf\n"
    params = Params(anneal="linear:5")
    assert drawn["schedule"] == ((params, PLAIN), {})
    assert drawn["saved"] == ("figure of schedule", "schedule_anneal-linear-5.0.pdf", [])
    done = run("plot schedule -o a.svg --json", LOOKS)
    assert drawn["schedule"][0][1] == LOOKED
    assert done.json == {"command": "plot schedule", "output": "a.svg", "records": []}
