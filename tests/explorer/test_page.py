"""What the page of a model says belongs to that model: answers that come late, or not at all."""

import numpy as np
import pytest

import vaedyn
from vaedyn import DivergenceError, ParameterError, Params
from vaedyn.explorer import parts, slowly
from vaedyn.explorer.form import model_of, texts_of
from vaedyn.explorer.panels import Panel
from vaedyn.explorer.parts import COMMANDS, Copied
from vaedyn.explorer.presets import PRESETS

bokeh_document = pytest.importorskip("bokeh.document")
SMALL = Params(dim=30, t_max=4, points=5, lr=0.05, beta=0.7, rho=1.3)
OTHER = SMALL.replace(eta=1.2, rho=2.1)


@pytest.fixture
def page():
    """A page of `SMALL` whose threads compute nothing."""
    from vaedyn.explorer.page import ModelPage

    made = ModelPage(bokeh_document.Document(), SMALL, lambda: None)
    made.close()
    return made


def answer(page, params=None):
    """Let theory answer, and return what the plane's words are then."""
    params = params or page.params
    page._show(params, page._compute(params, 1.0, lambda *_: None), None)
    return said(page, "plane")


def said(page, name):
    return page.framed[name].text.text


def test_the_slider_of_time_says_nothing_of_the_model_before_one_that_fails(page):
    answer(page)
    page.controls.texts["beta"].value = "0.9"
    page._show(page.params, None, DivergenceError("it diverges"))
    page.time.value = 0.5
    assert page.found is None
    assert "it diverges" in said(page, "plane")
    assert "go from" not in said(page, "plane")


def test_a_failure_of_a_model_that_is_not_shown_any_more_is_not_said(page):
    answer(page)
    before = said(page, "learning")
    page._show(OTHER, None, DivergenceError("it diverges"))
    assert said(page, "learning") == before
    assert page.found is not None


def test_what_is_slow_waits_for_theory(page, monkeypatch):
    """A band that is stored would be there first, and be drawn around the line before."""
    asked = []
    monkeypatch.setattr(page.slow, "ask", lambda job, _: asked.append(job))
    page._rest()
    assert asked == []
    assert page._resting is not None
    answer(page)
    page._rest()
    assert len(asked) == 1
    assert page._resting is None


def test_a_band_is_drawn_around_its_own_line_only(page):
    answer(page)
    page._resting = None
    band = Panel({"t": np.arange(5.0), "std": np.full(5, 0.1)}, "a band")
    page._show_part(page.params, "band", band)
    drawn = page.framed["learning"].picture.band.data
    line = page.framed["learning"].picture.line.data["eps_g"]
    np.testing.assert_allclose(drawn["high"], line + 0.1)
    page.found = None
    page._show_part(page.params, "band", band)
    assert np.isnan(drawn["t"][0]) or np.isnan(page.framed["learning"].picture.band.data["t"][0])


def test_that_nothing_is_kept_is_not_said_of_the_next_model(page):
    answer(page)
    page._resting = None
    page._show_part(page.params, "record", OSError("no space"))
    assert "No record: no space" in said(page, "learning")
    page._show_part(page.params, "record", Panel({}, ""))
    assert "No record" not in said(page, "learning")
    page.found = None  # of a model that has no line
    page._show_part(page.params, "record", DivergenceError("it diverges"))
    assert "No record" not in said(page, "learning")


def test_thresholds_of_another_model_do_not_stay(page):
    answer(page)
    page._resting = None
    page._show_part(page.params, "axis", slowly.beta_axis(page.params))
    shown = page.framed["points"].picture
    assert any(span.visible for span in shown.limits)
    page.controls.texts["eta"].value = "1.2"
    assert '<span class="old">Signal lost above' in said(page, "points")
    assert shown.figure.styles == parts.GREYED
    assert page.axis_of is None  # so that going back brings it back
    page._resting = None
    page._show_part(page.params, "axis", ParameterError("alpha", "is not derived"))
    assert not any(span.visible for span in shown.limits)
    assert np.size(shown.line.data["beta"]) == 0
    assert page.axis_of is None  # so that the next model gets one
    assert "Signal lost" not in said(page, "points")


def test_a_beta_that_is_dragged_keeps_the_thresholds(page):
    answer(page)
    page._resting = None
    page._show_part(page.params, "axis", slowly.beta_axis(page.params))
    page.controls.texts["beta"].value = "1.1"
    assert "<span>Signal lost above" in said(page, "points")
    assert page.framed["points"].picture.figure.styles == parts.CLEAR


def test_fixed_points_of_many_latents_are_refused():
    """Their spectra take so long that the next model would wait for minutes."""
    with pytest.raises(ParameterError, match="too large for fixed points on this page"):
        slowly.points(Params(latent=24))


def line_of(params, command="plot learning-curve", engine=None):
    copied = Copied()
    copied.choice.value = next(text for text, name in COMMANDS.items() if name == command)
    copied.write(params, engine)
    return copied.field.value


def test_the_command_makes_as_many_runs_as_are_shown():
    some = Params(dim=1000, t_max=2e5)
    assert slowly.runs_within(some, None)[0] == 1
    assert line_of(some).endswith(" --bands --runs 1")
    assert line_of(some, "simulate").endswith(" --runs 1")
    many = Params(dim=100_000, t_max=1e6)
    assert line_of(many).endswith(" --bands")
    assert line_of(many, "simulate", "vector").endswith(" --runs 1 --engine vector")
    adam = Params(optimiser="adam", t_max=3)
    assert line_of(adam, engine="exact").endswith(f" --runs {slowly.RUNS} --engine exact")


def test_what_presets_say_in_numbers_is_so():
    """Slower towards the threshold from below, and a best pace of annealing between two."""
    by = {each.title: each.params for each in PRESETS}
    slow = by["Learning slows down near collapse"]
    times = [relaxation(slow.replace(beta=beta)) for beta in (1.9, 1.8, 1.5)]
    assert times[0] == pytest.approx(275, abs=0.5)
    assert times == sorted(times, reverse=True)
    anneal = by["KL annealing that is too slow"]
    ends = [settled(anneal.replace(anneal=f"tanh:{pace}")) for pace in (0.003, 0.016, 0.1)]
    assert ends[1] < ends[2] < ends[0]
    paced = by["KL annealing at the right pace"].replace(points=1601)
    gain = settled(paced.replace(anneal="constant"), 0.1) / settled(paced, 0.1)
    assert gain == pytest.approx(2.7, abs=0.1)
    spare = by["A latent without a signal fits noise"]
    errors = [end(spare), end(spare.replace(latent=1, init="gaussian"))]
    assert errors[0] - errors[1] == pytest.approx(spare.eta - spare.beta, rel=0.1)


def relaxation(params):
    found = vaedyn.fixed_points(params)
    return float(found.relaxation_time[found.reached])


def end(params):
    found = vaedyn.fixed_points(params)
    return float(found.eps_g[found.reached])


def settled(params, share=0.05):
    """Return when the error comes within a share of its final value for good."""
    ode = vaedyn.theory(params)
    return ode.t[np.flatnonzero(np.abs(ode.eps_g / end(params) - 1) > share)[-1]]


def test_what_would_block_the_page_is_refused():
    for changes, name in (
        ({"dim": "1e12"}, "dim"),
        ({"dim": "1e12", "latent": "1e5", "init": "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"}, "latent"),
        ({"dim": "1e12", "signal": "1e10"}, "signal"),
    ):
        with pytest.raises(ParameterError, match="is too large for this page") as raised:
            model_of({**texts_of(SMALL), **changes}, SMALL)
        assert raised.value.name == name
    start = {"dim": "1e12", "init": "m=0.1,d=0.1,Q=1,E=1,R=0,D=1"}
    assert model_of({**texts_of(SMALL), **start}, SMALL).dim == 10**12


def test_the_answer_for_another_table_fades():
    from vaedyn.explorer.data_page import DataPage

    page = DataPage(bokeh_document.Document())
    page.close()
    page.framed["spectrum"].say("data", "1 signal stands out")
    page._refuse(ParameterError("data", "one.csv is empty"))
    assert '<span class="old">1 signal' in page.framed["spectrum"].text.text


def test_a_store_that_cannot_be_used_costs_nothing_but_the_store(page, tmp_path):
    (tmp_path / "file").write_text("no folder")
    page.open_store = lambda: vaedyn.store.ResultStore(tmp_path / "file")
    posted = {}
    page._post = lambda params, name, found: posted.setdefault(name, found)
    page._compute_rest(page.params, None, None, lambda *_: None)
    failed = {name for name, found in posted.items() if isinstance(found, Exception)}
    assert failed == {"record"}
    assert set(posted) == {"record", "runs", "points", "advice", "band", "end"}
