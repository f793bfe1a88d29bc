"""Parts of the page by themselves: sliders and fields, frames, talks, commands, the tab of data."""

import base64
from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn import ParameterError, Params

pytest.importorskip("bokeh")

from bokeh.document import Document
from bokeh.models import Slider

from vaedyn.explorer import own_data, parts, pictures, slowly
from vaedyn.explorer.controls import KINDS, PACES, SLIDERS, Controls, place
from vaedyn.explorer.data_page import DataPage, number_in
from vaedyn.explorer.form import FIELDS, texts_of
from vaedyn.explorer.looks import paragraphs
from vaedyn.explorer.panels import Panel
from vaedyn.explorer.parts import COMMANDS, Copied, Framed, Talk
from vaedyn.explorer.presets import PRESETS


@pytest.fixture
def frame():
    return Framed("A <title>", pictures.KL())


def test_a_frame_says_its_parts_in_order_and_escapes_them(frame):
    frame.say("runs", "3 runs", ("a < b",))
    frame.say("theory", "the line", ("error:it diverges", "a note"))
    frame.say("advice", "", ("slowly",))
    assert frame.text.text == (
        '<p><span>the line</span> <span>3 runs</span></p><p class="error">it diverges</p>'
        '<p class="note">a note</p><p class="note">a &lt; b</p><p class="note">slowly</p>'
    )
    frame.age("runs", "advice")
    assert '<span class="old">3 runs</span>' in frame.text.text
    assert '<p class="note old">slowly</p>' in frame.text.text
    assert "<span>the line</span>" in frame.text.text
    frame.say("runs", "4 runs")
    assert "<span>4 runs</span>" in frame.text.text
    frame.forget("theory")
    frame.forget("band")
    assert frame.text.text == '<p><span>4 runs</span></p><p class="note old">slowly</p>'
    frame.refuse("no <numbers>")
    assert frame.text.text == '<p class="error">no &lt;numbers&gt;</p>'


def test_a_frame_says_what_it_waits_for_beside_its_title(frame):
    assert frame.head.text == "<h2>A &lt;title&gt;</h2>"
    frame.busy("computing <it>")
    assert frame.head.text.endswith('</h2><span class="busy">computing &lt;it&gt;</span>')
    frame.busy("")
    assert frame.head.text == "<h2>A &lt;title&gt;</h2>"
    for greyed, styles in ((True, parts.GREYED), (False, parts.CLEAR)):
        frame.grey(greyed)
        assert frame.picture.figure.styles == styles
    frame.show({"t": np.arange(2.0), "kl": np.ones((2, 1))})
    assert "latent 1" in frame.key.text
    assert frame.picture.figure.html_attributes == {
        "role": "img", "aria-label": "A <title>: see the text below",
    }  # fmt: skip
    assert paragraphs("a", "b<") == "<p>a</p><p>b&lt;</p>"


def test_a_talk_has_all_presets_by_number_and_steps_through_them():
    talk = Talk()
    assert talk.choice.options[0] == ("", "your own model")
    assert [text for _, text in talk.choice.options[1:]] == [
        f"{i}. {each.title}" for i, each in enumerate(PRESETS, 1)
    ]
    assert [value for value, _ in talk.choice.options[1:]] == [*map(str, range(len(PRESETS)))]
    codes = [button.js_event_callbacks["button_click"][0].code for button in (talk.back, talk.next)]
    assert codes[0].startswith(f"const STEP = -1, COUNT = {len(PRESETS)};")
    assert codes[1].startswith(f"const STEP = 1, COUNT = {len(PRESETS)};")
    assert talk.keys.code.startswith(f"const COUNT = {len(PRESETS)};")


def test_commands_are_those_of_the_page():
    assert [*COMMANDS.values()] == [
        "plot learning-curve", "theory", "simulate", "fixedpoints", "plot branches",
        "plot order-parameters", "explore",
    ]  # fmt: skip
    assert Copied().choice.options == [*COMMANDS]


def test_commands_draw_bands_where_they_are_derived_and_beta_up_to_collapse():
    def line(params, command):
        copied = Copied()
        copied.choice.value = next(text for text, name in COMMANDS.items() if name == command)
        copied.write(params, None)
        return copied.field.value, copied.also.text

    plain = Params(dim=50, t_max=3, points=9, rho=1.7, eta=0.6, beta=0.9)
    curve = "plot learning-curve"
    assert "--bands" in line(plain, curve)[0]
    for changes in ({"alpha": 2}, {"noise": "1.2*0.5,0.6*0.5"}, {"optimiser": "adam"}):
        assert "--bands" not in line(plain.replace(**changes), curve)[0]
    assert "--vary beta=0.069:3.45" in line(plain, "plot branches")[0]  # 1.5 (rho + eta)
    assert "--vary beta=0.16:8" in line(plain.replace(beta=4), "plot branches")[0]
    for command in ("theory", "fixedpoints", "explore"):
        assert line(plain, command)[0].startswith(f"vaedyn {command}")
        assert "--runs" not in line(plain, command)[0]
    for command in ("simulate", curve):
        assert "--engine" not in line(plain, command)[0]
    assert line(plain, "theory")[1] == ""
    also = line(plain.replace(alpha=2), "theory")[1]
    assert also == '<p class="soft">Besides what fields show: --alpha 2.0</p>'


def test_sliders_stand_where_texts_say_within_their_range():
    slider = Slider(start=-1, end=1, step=0.1, value=0)
    for text, how, value in (
        ("0.5", "linear", 0.5), ("3", "linear", 1), ("-7", "linear", -1),
        ("0.2,0.7", "linear", 0.7), ("10,0.1", "log", 1), ("0.01", "log", -1), ("1", "log", 0),
        ("x", "log", 0), ("0", "log", 0), ("-3", "log", 0), ("", "linear", 0),
    ):  # fmt: skip
        place(slider, text, how)
        assert slider.value == value, text


def test_controls_hold_what_a_model_has():
    params = Params(rho=2.5, beta=0.75, lr=0.01, dim=100, t_max=1000, latent=3, batch=5, lam=0.25,
                    momentum=0.5, signal=2, eta=0.1)  # fmt: skip
    controls = Controls(texts_of(params))
    assert controls.read() == texts_of(params)
    assert controls.kind.value == "constant"
    assert Controls(texts_of(params.replace(anneal="tanh:0.1"))).kind.value == "tanh"
    assert (controls.engine.value, controls.engine.options) == (
        "as suits", ["as suits", "exact", "vector"],
    )  # fmt: skip
    assert set(controls.texts) == set(FIELDS)
    expected = {"beta": 0.75, "eta": -1, "rho": np.log10(2.5), "lr": -2, "lam": 0.25, "latent": 3,
                "signal": 2, "dim": 2, "t_max": 3, "batch": 5, "momentum": 0.5}  # fmt: skip
    assert set(controls.sliders) == set(SLIDERS) == set(expected)
    assert not controls.pace.show_value  # it may be a logarithm
    for name, value in expected.items():
        assert not controls.sliders[name].show_value
        slider, over = controls.sliders[name], SLIDERS[name]
        assert slider.value == pytest.approx(value, abs=1e-9), name
        assert (slider.start, slider.end, slider.step) == (over.low, over.high, over.step)
        assert slider.title == over.label
        code = slider.js_property_callbacks["change:value"][0].code
        assert code.startswith(f"const HOW = '{over.how}', PACE = false;")
    assert "PACE = true;" in controls.pace.js_property_callbacks["change:value"][0].code


def test_what_sliders_go_through():
    """Whole numbers from 1 on; logarithms in steps of 0.02, 5 %; the others from 0 on."""
    for name, over in SLIDERS.items():
        assert over.low < over.high
        if over.how == "whole":
            assert (over.low, over.step) == (1, 1)
        elif over.how == "log":
            assert over.step == 0.02
        else:
            assert over.low == 0.0
            assert over.step == (0.02 if name == "beta" else 0.01)
    highest = {name: over.high for name, over in SLIDERS.items()}
    assert highest == {"beta": 5, "eta": 1, "rho": 1, "lr": 0.3, "lam": 1, "latent": 8, "signal": 8,
                       "dim": 4, "t_max": 4, "batch": 64, "momentum": 0.98}  # fmt: skip
    lowest = {name: over.low for name, over in SLIDERS.items() if over.how == "log"}
    assert lowest == {"eta": -1, "rho": -1, "lr": -3, "dim": 1.4, "t_max": 0}
    assert PACES["tanh"][:4] == ("pace γ", -4, 1, 0.02)
    assert PACES[""][:4] == ("duration", 0, 4, 0.02)


@pytest.mark.parametrize(
    ("anneal", "pace", "title"),
    [
        ("tanh:0.01", -2, "pace γ"), ("linear:100", 2, "duration"),
        ("cyclical:10:0.5", 1, "duration"), ("decay:2:1000", 3, "duration"),
        ("constant", None, None), ("points:0=0,5=1", None, None),
    ],
)  # fmt: skip
def test_the_slider_of_a_schedule_shows_its_pace(anneal, pace, title):
    controls = Controls(texts_of(Params()))
    assert not controls.pace.visible
    controls.write({**texts_of(Params()), "anneal": anneal})
    kind = anneal.partition(":")[0]
    assert controls.kind.value == kind
    assert kind in KINDS
    assert controls.pace.visible == (pace is not None)
    if pace is not None:
        assert controls.pace.value == pytest.approx(pace)
        assert controls.pace.title == title
        assert (controls.pace.start, controls.pace.end) == ((-4, 1) if title[0] == "p" else (0, 4))


def test_controls_that_mean_nothing_are_hidden():
    controls = Controls(texts_of(Params()))
    rows = controls._rows["momentum"], controls.texts["init_seed"]
    for changes, seen in (
        ({}, (False, True)), ({"optimiser": "momentum"}, (True, True)),
        ({"optimiser": "adam"}, (False, True)), ({"init": "torch"}, (False, True)),
        ({"init": "m=1"}, (False, False)),
    ):  # fmt: skip
        controls.adapt({**texts_of(Params()), **changes})
        assert tuple(row.visible for row in rows) == seen


# ---- the tab of data


@pytest.fixture
def page():
    made = DataPage(Document())
    made.asked = []
    made.lane.ask = lambda job, answer: made.asked.append((job, answer))
    yield made
    made.close()


def send(page, content=b"1,2\n3,5\n5,1\n7,3\n", name="a.csv", size=None):
    text = base64.b64encode(content).decode()
    page.arrived.data = {"name": [name], "content": [text], "size": [size or len(content)]}


def test_a_table_that_arrives_is_read_as_the_fields_say(page):
    assert "Choose a table first." in page.state.text
    assert set(page.arrived.data) == {"name", "content", "size"}
    ended = []
    page.lane.cancel = lambda: ended.append(page.table)
    page.columns.value = " a,b "
    assert page.asked == []  # there is no table yet
    send(page, name="a<b.csv")
    assert page.state.text == '<p><span class="busy">reading a&lt;b.csv</span></p>'
    assert page.arrived.data == {"name": [], "content": [], "size": []}
    ((job, _),) = page.asked
    for each in page.framed.values():
        assert each.picture.figure.styles == parts.GREYED
    how = {"standardise": False, "columns": "a,b", "missing": None}
    assert job.args == (page.table, how, None, None)
    page.standardise.active = True
    page.missing.value = "mean"
    page.beta.value = "0.5"
    page.columns.value = ""
    page.latent.value = "3"
    how = {"standardise": True, "columns": None, "missing": "mean"}
    assert len(page.asked) == 6
    assert page.asked[-1][0].args == (page.table, how, 0.5, 3.0)
    before = page.table
    assert ended == [None]
    send(page)
    assert ended == [None, before]  # what is under way for the table before is given up
    assert page.table is not before
    assert not before._path.exists()


def test_a_table_that_is_too_large_is_refused_before_it_is_sent(page):
    send(page)
    one = page.table
    send(page, b"", size=own_data.LARGEST + 1)
    assert "more than the 20 MB" in page.state.text
    assert page.table is one
    send(page, size=own_data.LARGEST)
    assert page.table is not one
    assert str(own_data.LARGEST) in page._chooser()
    assert page.arrived.id in page._chooser()
    assert "LARGEST" not in page._chooser()
    page.beta.value = "x"
    assert page.state.text == '<p class="error">beta expected a number, got &#x27;x&#x27;.</p>'
    assert page.answer.text == ""


def test_parts_of_an_answer_are_shown_as_they_come(page, monkeypatch):
    send(page)
    posted = []
    page._post = lambda table, part, found: posted.append((part, type(found).__name__))
    table = page.table
    ((job, answer),) = page.asked
    look = vaedyn.look(np.random.default_rng(3).normal(size=(60, 4)))
    page.table.look = lambda **how: look
    job(lambda *_: None)
    assert [part for part, _ in posted] == ["state", "spectrum", "active", "learning"]
    assert set(page.framed) == {"spectrum", "active", "learning"}
    assert {kind for _, kind in posted} == {"Panel"}
    posted.clear()
    page._compute(table, {}, -1.0, None, lambda *_: None)  # a beta that nothing is predicted for
    assert posted[-1] == ("learning", "ParameterError")
    wanted = []
    with monkeypatch.context() as patch:
        patch.setattr(own_data, "learning", lambda *args, **kept: wanted.append(args))
        page._compute(table, {}, 0.5, 2.0, lambda *_: None)
        page._compute(table, {}, None, None, lambda *_: None)
    assert wanted == [(look, 0.5, 2), (look, None, None)]
    assert answer(None, None) is None
    answer(None, ValueError())
    assert posted[-1] == ("state", "ValueError")
    assert not page.pictures.visible
    page._show("state", Panel({"html": "<b>so</b>"}, ""))
    assert page.pictures.visible
    assert page.answer.text == "<b>so</b>"
    assert page.state.text == '<p class="soft">a.csv</p>'
    spectrum = page.framed["spectrum"]
    page._show("spectrum", own_data.spectrum(look))
    assert "60 samples in 4 dimensions" in spectrum.text.text
    assert spectrum.picture.figure.styles == parts.CLEAR
    spectrum.busy("at work")
    spectrum.refuse("an error of before")
    page._show("spectrum", own_data.spectrum(look))
    assert "busy" not in spectrum.head.text
    assert "an error of before" not in spectrum.text.text
    assert "computing" in page.framed["learning"].head.text
    page._show("learning", ParameterError("beta", "must be > 0"))
    assert page.framed["learning"].text.text == (
        '<p class="error">Nothing is predicted: beta must be &gt; 0.</p>'
    )
    assert "computing" not in page.framed["learning"].head.text
    assert page.framed["learning"].picture.figure.styles == parts.GREYED
    page._show("state", ParameterError("data", "is odd"))
    assert page.state.text == '<p class="error">is odd.</p>'
    assert '<span class="old">60 samples' in spectrum.text.text
    assert '<p class="error old">Nothing is' in page.framed["learning"].text.text
    assert spectrum.picture.figure.styles == parts.GREYED


def test_numbers_in_fields_are_checked():
    for text, name, value in (("", "beta", None), (" 2 ", "latent", 2), ("2.5", "beta", 2.5)):
        assert number_in(Made(value=text), name) == value
    for text in ("nan", "inf", "-inf", "2.5"):
        with pytest.raises(ParameterError, match="whole number"):
            number_in(Made(value=text), "latent")
    with pytest.raises(ParameterError, match="expected a number, got 'x'"):
        number_in(Made(value="x"), "beta")


# ---- words of what takes longer


def point(**others):
    made = Made(
        stable=np.array([True, False]), reached=0, lost="", labels=["learned", "collapsed"],
        types=["signal 1", "collapsed"], eps_g=np.array([0.25, 1.5]),
        relaxation_time=np.array([12.5, np.inf]),
    )  # fmt: skip
    vars(made).update(others)
    return made


def test_fixed_points_in_words(monkeypatch):
    """Only what is stable decays back, and only a kind that its label does not name is added."""
    found = {}
    monkeypatch.setattr(slowly, "fixed_points", lambda *_, **__: found["made"])

    def words(**others):
        found["made"] = point(**others)
        return slowly.points(Params(beta=0.75)).words

    many = "of 2 fixed points at beta = 0.75"
    decay = "deviations from it decay by e within t = 12.5"
    assert words() == (
        f"Learning ends here: learned (signal 1), eps_g = 0.25; {decay}; 1 {many} is stable."
    )
    assert words(reached=1) == f"Learning ends here: collapsed, eps_g = 1.5; 1 {many} is stable."
    still = words(stable=np.array([True, True]), relaxation_time=np.array([np.inf, 1]))
    assert still == f"Learning ends here: learned (signal 1), eps_g = 0.25; 2 {many} are stable."
    lost = words(reached=None, lost="it creeps")
    assert lost == f"Where learning ends is not known: it creeps; 1 {many} is stable."


def test_limits_of_what_a_page_computes():
    """Up to them it is computed, beyond them not."""
    limits = (slowly.MOST_COVARIANCE, slowly.MOST_ORDER, slowly.MOST_SECONDS, slowly.FEW_SECONDS)
    assert limits == (24, 400, 60, 5)
    assert (slowly.RUNS, slowly.MARKERS, slowly.AXIS, slowly.BESIDE) == (3, 25, 160, 1.3)
    with pytest.raises(ParameterError, match=r"M = 3, M\* = 6"):
        slowly.spread(Params(latent=3, signal=6))  # 27, of a covariance


def test_how_many_runs_are_worth_waiting_for(monkeypatch):
    monkeypatch.setattr(slowly, "cores", lambda: 2)
    for seconds, count in ((3.3, 3), (3.4, 1), (60.0, 1), (60.1, 0)):
        engine = Made(seconds_per_step=seconds / 100)
        monkeypatch.setitem(slowly.ENGINES, "exact", lambda params, engine=engine: engine)
        found, took = slowly.runs_within(Params(dim=50, t_max=2, points=9), None)
        assert (found, took) == (count, pytest.approx(seconds))
    monkeypatch.setitem(slowly.ENGINES, "vector", lambda params: Made(seconds_per_step=0.01))
    for changes in ({"alpha": 2}, {"optimiser": "adam"}):  # which the other engine does not know
        assert slowly.runs_within(Params(dim=50, t_max=2, points=9, **changes), None)[0] == 3


@pytest.mark.parametrize(
    ("changes", "words", "end"),
    [
        ({"rho": 1.5, "eta": 0.7}, "Signal lost above beta = 2.2; no noise fitted above beta = 0.7",
         1.3 * 2.2),
        ({"rho": (1.5, 2.5), "signal": 2, "latent": 2, "eta": 0.7},
         "Signal 1 lost above beta = 2.2; signal 2 lost above beta = 3.2; no noise fitted above",
         1.3 * 3.2),
    ],
)  # fmt: skip
def test_thresholds_on_the_axis_in_words(changes, words, end):
    panel = slowly.beta_axis(Params(lr=1e-9, **changes))
    assert panel.words.startswith(words)
    assert panel.arrays["end"] == pytest.approx(end)
    beta = panel.arrays["beta"]
    np.testing.assert_allclose(beta, end * np.arange(1, 161) / 160)


def test_the_axis_where_there_is_no_threshold(monkeypatch):
    monkeypatch.setattr(slowly, "thresholds", lambda model: {"collapse": [0.0, 2e6], "noise": None})
    monkeypatch.setattr(slowly, "attracting_errors", lambda model, betas: betas)
    panel = slowly.beta_axis(Params(eta=0.7))
    assert panel.words == "There is no threshold of beta."
    assert panel.arrays["end"] == pytest.approx(1.3 * 2 * 0.7)
    assert panel.arrays["thresholds"] == []
