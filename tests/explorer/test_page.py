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


def test_a_kind_of_schedule_that_is_chosen_comes_with_numbers(page):
    longer, written = SMALL.replace(t_max=61.7, beta=0.25), page.controls.texts["anneal"]
    page.load(longer)
    for kind, text in (
        ("linear", "linear:12"),  # a fifth of t_max, in two digits
        ("tanh", "tanh:0.25"),
        ("constant", "constant"),
        ("cyclical", "cyclical:12:0.5"),
        ("decay", "decay:2:12"),
        ("points", "points:0=0,12=0.25"),
    ):
        page.controls.kind.value = kind
        assert written.value == text
        assert page.params == longer.replace(anneal=text)
        assert page.trouble.text == ""
    written.value = "sigmoid:7"
    assert page.controls.kind.value == "sigmoid"
    assert page.params.anneal == "sigmoid:7.0"  # the kind that follows a text leaves it alone


def test_a_preset_fills_all_fields_and_its_text_is_said(page):
    assert "A linear VAE learns signals in noise" in page.talk.text.text
    for i, each in enumerate(PRESETS):
        page.talk.choice.value = str(i)
        assert page.params == each.params
        assert page.controls.read() == texts_of(each.params)
        assert page.talk.text.text == parts.paragraphs(each.text)
    page.talk.choice.value = ""
    assert page.params == PRESETS[-1].params
    assert "A linear VAE learns signals in noise" in page.talk.text.text


def test_a_model_that_is_refused_leaves_the_pictures_grey(page):
    answer(page)
    page.controls.texts["eta"].value = "-1"
    assert "There is no such model: eta" in page.trouble.text
    assert not page.slow_parts_pending
    for each in page.framed.values():
        assert each.picture.figure.styles == parts.GREYED
        assert "busy" not in each.head.text
    page.controls.texts["eta"].value = "1.1"
    assert page.trouble.text == ""
    assert page.params.eta == 1.1
    assert page.slow_parts_pending
    busy = {name for name, each in page.framed.items() if "computing" in each.head.text}
    assert busy == {"learning", "points"}
    assert "computing band and runs" in page.framed["learning"].head.text
    assert "computing fixed points" in page.framed["points"].head.text


def drawn_now(page):
    """Return the last value of each picture that theory fills."""
    shown = {name: each.picture for name, each in page.framed.items()}
    return {
        "learning": shown["learning"].line.data["eps_g"][-1],
        "order": len(shown["order"].lines.data["ys"]) and shown["order"].lines.data["ys"][0][-1],
        "kl": len(shown["kl"].lines.data["ys"]) and shown["kl"].lines.data["ys"][0][-1],
        "plane": shown["plane"].path.data["Q"][-1],
    }


def test_while_a_slider_is_dragged_pictures_take_turns(page):
    """The learning curve is drawn each time, the three others one after the other."""
    changed = []
    page._stop_waiting()
    answer(page)
    for beta in (0.8, 0.85, 0.9, 0.95):
        before = drawn_now(page)
        page.controls.texts["beta"].value = str(beta)
        answer(page)
        after = drawn_now(page)
        changed.append({name for name in after if not np.array_equal(after[name], before[name])})
    assert all("learning" in each and len(each) == 2 for each in changed)
    assert set.union(*changed[:3]) == {"learning", "order", "kl", "plane"}
    assert changed[3] == changed[0]
    page._resting = None  # at rest all are drawn
    page.controls.texts["beta"].value = "1.0"
    page._stop_waiting()
    before = drawn_now(page)
    answer(page)
    assert all(before[name] != x for name, x in drawn_now(page).items())


def test_the_time_that_is_shown_is_marked_in_all_pictures(page):
    page.time.value = 0.5  # before theory has answered nothing is known
    assert page.found is None
    page._stop_waiting()
    answer(page)
    for name in ("learning", "order", "kl"):
        assert page.framed[name].picture.now.location == 4.0
    page.time.value = 0.25
    for name in ("learning", "order", "kl"):
        assert page.framed[name].picture.now.location == 1.0
    ode = vaedyn.theory(SMALL)
    np.testing.assert_allclose(page.framed["plane"].picture.here.data["Q"], ode.Q[1, 0])
    assert "at t = 1 they are" in said(page, "plane")
    assert page.framed["plane"].text.text.count("go from") == 1


def test_parts_are_drawn_and_said_where_they_belong(page):
    answer(page)
    page._stop_waiting()
    learning, points = page.framed["learning"], page.framed["points"]
    t = np.arange(5.0)
    page._show_part(page.params, "runs", Panel({"t": t, "mean": t + 1, "std": 0 * t}, "3 runs"))
    np.testing.assert_array_equal(learning.picture.markers.data["mean"], t + 1)
    found = {"eps_g": np.array([0.5]), "stable": np.array([True]), "reached": 0}
    page._show_part(page.params, "points", Panel(found, "learning ends here"))
    assert points.picture.points.data["beta"][0] == SMALL.beta
    page._show_part(page.params, "advice", Panel({}, "", ("too fast",)))
    assert "3 runs" in said(page, "learning")
    assert "too fast" in said(page, "learning")
    assert "learning ends here" in said(page, "points")
    for frame in (learning, points):
        frame.busy("at work")
    page._show_part(page.params, "end", Panel({}, ""))
    assert "busy" not in learning.head.text + points.head.text
    page._show_part(page.params, "points", ParameterError("latent", "is too large"))
    assert "No fixed points: latent is too large." in said(page, "points")
    assert points.picture.figure.styles == parts.GREYED
    page._show_part(page.params, "runs", ParameterError("t_max", "is too long"))
    assert "No runs: t max is too long." in said(page, "learning")
    assert np.isnan(learning.picture.markers.data["mean"][0])
    page._show_part(OTHER, "points", Panel(found, "of another"))
    page.controls.texts["beta"].value = "0.9"
    page._show_part(page.params, "points", Panel(found, "of another"))  # while a slider moves
    assert "of another" not in said(page, "points")


def test_old_words_fade_and_old_marks_go_when_the_model_changes(page):
    answer(page)
    page._stop_waiting()
    t = np.arange(5.0)
    page._show_part(page.params, "band", Panel({"t": t, "std": t}, "a band"))
    page._show_part(page.params, "runs", Panel({"t": t, "mean": t + 1, "std": t}, "3 runs"))
    page.controls.texts["beta"].value = "0.9"
    answer(page)
    for old in ("a band", "3 runs"):
        assert f'<span class="old">{old}</span>' in said(page, "learning")
    shown = page.framed["learning"].picture
    assert np.isnan(shown.band.data["low"][0])
    assert np.isnan(shown.markers.data["mean"][0])


def test_parts_at_rest_come_in_order_and_are_those_of_the_model(page, monkeypatch):
    """The axis is computed where it is not shown yet; an engine that is chosen makes the runs."""
    called = []
    for name in ("beta_axis", "runs", "points", "advice", "spread"):
        monkeypatch.setattr(
            slowly, name, lambda *args, name=name, **kept: called.append((name, args, kept))
        )
    page._post = lambda params, name, found: called.append(name)
    page._compute_rest(SMALL, "vector", OTHER, progress := lambda *_: None)
    kept = {"store": None, "progress": progress}
    assert called == [
        ("beta_axis", (OTHER,), {}), "axis", ("runs", (SMALL, "vector"), kept), "runs",
        ("points", (SMALL,), kept), "points", ("advice", (SMALL,), {}), "advice",
        ("spread", (SMALL,), kept), "band", "end",
    ]  # fmt: skip
    called.clear()
    page._compute_rest(SMALL, None, None, progress)
    assert called[0] == ("runs", (SMALL, None), kept)
    assert page.engine is None
    page.controls.engine.value = "exact"
    assert page.engine == "exact"
    assert "--engine exact" not in page.copied.field.value
    page._write_command()
    assert page.copied.field.value.endswith("--engine exact")


def test_the_axis_is_asked_for_once(page, monkeypatch):
    jobs = []
    monkeypatch.setattr(page.slow, "ask", lambda job, _: jobs.append(job.args))
    answer(page)
    page._rest()
    page.axis_of = slowly.of_ends(page.params)
    page._rest()
    assert jobs == [(SMALL, None, slowly.of_ends(SMALL)), (SMALL, None, None)]
    for name in ("plane", "order", "kl"):
        page.framed[name].grey(True)
    page._rest()
    for name in ("plane", "order", "kl"):
        assert page.framed[name].picture.figure.styles == parts.CLEAR
    assert page.copied.field.value.startswith("vaedyn plot learning-curve")


def test_each_part_that_fails_is_named(page):
    answer(page)
    page._stop_waiting()
    for part, name, frame in (
        ("axis", "thresholds", "points"), ("points", "fixed points", "points"),
        ("runs", "runs", "learning"), ("advice", "advice", "learning"),
        ("band", "band", "learning"), ("record", "record", "learning"),
    ):  # fmt: skip
        page._show_part(page.params, part, OSError("no space"))
        assert f"No {name}: no space." in said(page, frame)
    assert np.isnan(page.framed["learning"].picture.band.data["t"][0])


def test_only_what_is_drawn_at_once_may_be_late(page):
    """While a slider is dragged the curve of a moment ago is better than none."""
    assert page.fast._late
    assert not page.slow._late


def test_a_page_draws_what_it_opens_with_and_what_runs_are_asked_for(page):
    assert page.slow_parts_pending
    page._stop_waiting()
    page.controls.engine.value = "vector"
    assert page.slow_parts_pending
    assert page.found is None
    slider = page.time
    assert (slider.start, slider.end, slider.step, slider.value) == (0, 1, 0.01, 1)
    page.copied.choice.value = "print what theory says"
    assert page.copied.field.value.startswith("vaedyn theory ")


def test_what_ends_well_at_rest_is_not_posted_again(page, monkeypatch):
    answers, posted = [], []
    monkeypatch.setattr(page.slow, "ask", lambda job, done: answers.append(done))
    page._post = lambda params, name, found: posted.append((params, name, found))
    answer(page)
    page._rest()
    answers[0](None, None)
    assert posted == []
    answers[0](None, error := OSError("no space"))
    assert posted == [(SMALL, "advice", error)]
