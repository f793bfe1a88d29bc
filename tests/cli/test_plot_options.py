"""Which options of figures arrive where, what the files are called, and what is said of them."""

import logging
from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

import vaedyn.figures.style
from tests.shared.kept import PROVENANCE, SOURCE
from vaedyn.cli.plot import (
    animation,
    annealing,
    branches,
    cascade,
    collapse,
    concentration,
    course,
    diagnose,
    escape,
    heldout,
    learning_curve,
    passages,
    phase_diagram,
    picture,
    rate_distortion,
    spectrum,
    sweep,
    trajectories,
)
from vaedyn.cli.ranges import Range
from vaedyn.cli.session import Session
from vaedyn.data.convention import OWN, Convention
from vaedyn.errors import ConvergenceError
from vaedyn.figures.layout import Look
from vaedyn.model.params import Params
from vaedyn.sweeps.grids import Point
from vaedyn.sweeps.points import Outcome
from vaedyn.sweeps.sweep import Sweep

say_if_empty = picture.say_if_empty  # which most tests here do without
USUAL = {"runs": 5, "seed": 0, "engine": None, "random_start": False, "jobs": None}
EVERY = "--runs 3 --seed 4 --engine vector --random-start --jobs 2"
SOME = "--runs 3 --seed 4 --engine vector --jobs 2"
NO_START = {"runs": 5, "seed": 0, "engine": None, "jobs": None}
SOME_GIVEN = {"runs": 3, "seed": 4, "engine": "vector", "jobs": 2}
GIVEN = {"runs": 3, "seed": 4, "engine": "vector", "random_start": True, "jobs": 2}
TOLERANCES, FINER = {"rtol": 1e-8, "atol": 1e-10}, {"rtol": 1e-7, "atol": 1e-9}


def made(kind, **others):
    return SimpleNamespace(**{"source": SOURCE, "kind": kind, **others})


def records(*kinds):
    return [{"kind": kind, **PROVENANCE} for kind in kinds]


@pytest.fixture
def drawn(monkeypatch, all_in_sight):
    """Yield a function that lets a figure be drawn by a fake; and what is saved, and where."""

    class Drawn(dict):
        def of(self, name, function=None):
            home = f"vaedyn.figures.{name}"
            own = function or name

            def figure(*given, **options):
                self[own] = given, options
                return f"figure of {own}"

            monkeypatch.setattr(f"{home}.{own}", figure)

    asked, checked = Drawn(), []

    def save(figure, path, *, keywords=()):
        # the still picture beside an animation is not looked at
        assert "learning_animation" in asked or all_in_sight == [figure]
        all_in_sight.clear()
        asked.update(saved=(figure, str(path), [*keywords]), checked=[*checked])
        checked.clear()

    monkeypatch.setattr(vaedyn.figures.style, "save", save)
    monkeypatch.setattr(Look, "check", lambda self, *scales: checked.append(scales))
    return asked


@pytest.fixture
def science(monkeypatch):
    """Yield a function that replaces a function of a module and notes what it is asked for."""
    asked = {}

    def put(module, name, answer):
        def fake(*given, **options):
            for each in ("progress", "watch"):
                given_ = options.pop(each, None)
                if each == "progress" and given_ is not None:
                    given_(1, 2)
            options.pop("store", None)
            given = tuple(x for x in given if not isinstance(x, Session))
            asked.setdefault(name, []).append((given, options))
            return answer

        monkeypatch.setattr(module, name, fake)
        return asked

    return put


# ---- names


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


LOOKS = "--width one --title T --no-caption --x-lim 1:2 --y-lim 3:"
LOOKED = Look(3.3, False, "T", (1.0, 2.0), (3.0, None))


@pytest.fixture(autouse=True)
def all_in_sight(monkeypatch):
    """Yield the figures of which it was asked whether they are empty."""
    asked = []
    for module in (picture, collapse, course, diagnose, heldout, phase_diagram, rate_distortion,
                   spectrum, sweep):  # fmt: skip
        monkeypatch.setattr(module, "say_if_empty", asked.append)
    return asked


PLAIN = Look(None, True, "", (None, None), (None, None))


def test_looks(run, drawn):
    drawn.of("schedule")
    assert run("plot schedule --anneal linear:5").out == "schedule_anneal-linear-5.0.pdf\n"
    params = Params(anneal="linear:5")
    assert drawn["schedule"] == ((params, PLAIN), {})
    assert drawn["saved"] == ("figure of schedule", "schedule_anneal-linear-5.0.pdf", [])
    done = run("plot schedule -o a.svg --json", LOOKS)
    assert drawn["schedule"][0][1] == LOOKED
    assert done.json == {"command": "plot schedule", "output": "a.svg", "records": []}


# ---- models


def test_order_parameters_and_learning_curves(run, drawn, science):
    asked = science(trajectories, "theory", made("theory"))
    science(trajectories, "simulate", made("simulate"))
    science(trajectories, "compute_bands", made("bands"))
    science(trajectories, "warn", [])
    drawn.of("order_parameters")
    done = run("plot order-parameters")
    assert done.out == "order-parameters.pdf\n"
    assert asked["theory"] == [((Params(),), TOLERANCES)]
    assert asked["simulate"] == [((Params(),), USUAL)]
    assert asked["warn"] == [((Params(),), {})]
    given, style = drawn["order_parameters"]
    assert [each and each.kind for each in given] == ["theory", "simulate", None]
    assert style == {"band": "std", "x_scale": "linear", "look": PLAIN}
    assert drawn["checked"] == [("linear", "linear")]
    assert drawn["saved"][2] == ["theory abc", "simulate abc"]
    more = "--rtol 1e-7 --atol 1e-9 --bands --band sem --x-scale log --json"
    done = run("plot order-parameters --beta 1.5", EVERY, more)
    name = (
        "order-parameters_beta-1.5_runs-3_seed-4_engine-vector_rtol-1e-07_atol-1e-09_"
        "with-bands-True_random-start-True_band-sem_x-scale-log.pdf"
    )
    assert done.json == {"command": "plot order-parameters", "output": name,
                         "records": records("theory", "simulate", "bands")}  # fmt: skip
    assert asked["theory"][1] == ((Params(beta=1.5),), FINER)
    assert asked["simulate"][1] == ((Params(beta=1.5),), GIVEN)
    assert asked["compute_bands"] == [((Params(beta=1.5), True), {})]
    assert drawn["order_parameters"][0][2].kind == "bands"
    drawn.of("learning_curve")
    run("plot learning-curve -o a.pdf --y-scale linear")
    style = {"band": "std", "x_scale": "linear", "y_scale": "linear", "look": PLAIN}
    assert drawn["learning_curve"][1] == style
    run("plot learning-curve -o a.pdf")
    assert drawn["learning_curve"][1]["y_scale"] == "log"
    assert drawn["checked"] == [("linear", "log")]


def test_several_learning_curves(run, drawn, science):
    asked = science(trajectories, "theory", made("theory"))
    science(trajectories, "simulate", made("simulate"))
    drawn.of("learning_curves")
    done = run("plot learning-curve --vary beta=1,2", "--rtol 1e-7 --json")
    assert done.json["output"] == "learning-curve_beta-1-2_rtol-1e-07.pdf"
    assert done.json["records"] == records("theory", "theory", "simulate", "simulate")
    assert [given[0].beta for given, _ in asked["simulate"]] == [1.0, 2.0]
    points, ode, sgd = drawn["learning_curves"][0]
    assert [point.params.beta for point in points] == [1.0, 2.0]
    assert ([each.kind for each in ode], [each.kind for each in sgd]) == (
        ["theory"] * 2, ["simulate"] * 2)  # fmt: skip
    assert drawn["learning_curves"][1] == {
        "band": "std", "x_scale": "linear", "y_scale": "log", "look": PLAIN}  # fmt: skip
    assert drawn["checked"] == [("linear", "log")]
    done = run("plot learning-curve --vary beta=1:2")
    assert "beta takes 20 values" in done.err
    seven = "-".join(f"{1 + n / 19:.12g}" for n in range(7))
    assert done.out == f"learning-curve_beta-{seven}.pdf\n"
    out = run("plot learning-curve --vary rho=3/1,2 --latent 2 --signal 2").out
    assert out.startswith("learning-curve_rho-3-1-2_latent-2")
    out = run("plot learning-curve --vary noise=1.2*0.5,0.8*0.5;1*1 --dim 50").out
    assert out.startswith("learning-curve_noise-1.2-0.5-0.8-0.5-1-1_dim-50")
    for words in ("--vary beta=1,2 --bands", "--animate a.gif --bands"):
        done = run("plot learning-curve", words)
        assert done.err.startswith("error: --bands goes with a single picture of a single model")


PLANE = "shows the plane of m and Q, which takes --latent 1 and --signal 1, not"


@pytest.mark.parametrize(
    ("name", "params", "vary", "ffmpeg", "message"),
    [
        ("a.gif", Params(), None, False, None),
        ("a.GIF", Params(), None, False, None),
        ("a.mp4", Params(), None, True, None),
        ("a.MP4", Params(), None, False, "there is no ffmpeg, which .mp4 needs: choose .gif"),
        ("a.avi", Params(), None, True, "expected a name ending in .gif or .mp4, got 'a.avi'"),
        ("a.gif", Params(), "x", False, "shows one model: leave --vary out"),
        ("a.gif", Params(latent=2), None, False, f"{PLANE} 2 and 1"),
        ("a.gif", Params(signal=3), None, False, f"{PLANE} 1 and 3"),
        ("no/a.gif", Params(), None, False, "any"),
    ],
)  # fmt: skip
def test_animations_that_can_be_made(monkeypatch, tmp_path, name, params, vary, ffmpeg, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(animation.shutil, "which", lambda name: ffmpeg and name == "ffmpeg")
    if message is None:
        assert animation.checked_animation(Path(name), params, vary) == Path(name)
        return
    with pytest.raises(click.BadParameter) as error:
        animation.checked_animation(Path(name), params, vary)
    assert error.value.param_hint == "--animate"
    assert message in ("any", error.value.message)


def test_an_animation(run, drawn, science, monkeypatch):
    ode = made("theory", params=Params())
    asked = science(learning_curve, "trajectories", (ode, made("simulate")))
    science(animation, "fixed_points", made("fixedpoints"))
    science(learning_curve, "warn", [])
    drawn.of("animation", "learning_animation")
    drawn.of("animation", "save_animation")
    drawn.of("learning_curve")
    done = run("plot learning-curve --animate a.gif --json --x-scale log", EVERY)
    wanted = {
        "command": "plot learning-curve", "output": "a.gif", "animation": "a.gif",
        "records": records("theory", "simulate", "fixedpoints"),
    }  # fmt: skip
    assert done.json == wanted
    assert asked["trajectories"] == [((Params(),), {"ensemble": GIVEN, **TOLERANCES})]
    assert asked["fixed_points"] == [((Params(),), TOLERANCES)]
    assert asked["warn"] == [((Params(),), {})]
    given, style = drawn["learning_animation"]
    assert [each.kind for each in given] == ["theory", "simulate", "fixedpoints"]
    assert style == {"band": "std", "x_scale": "log", "y_scale": "log"}
    film, options = drawn["save_animation"]
    assert film == ("figure of learning_animation", Path("a.gif"))
    assert callable(options["progress"])
    assert "saved" not in drawn
    done = run("plot learning-curve --animate a.gif -o b.pdf --json")
    assert done.json == {**wanted, "output": "b.pdf"}
    assert drawn["saved"] == ("figure of learning_curve", "b.pdf", ["theory abc", "simulate abc"])
    assert drawn["learning_curve"][1]["look"] == PLAIN
    assert run("plot learning-curve --animate a.gif -o b.pdf").out == "a.gif\nb.pdf\n"
    assert drawn["checked"] == [("linear", "log")]
    ode.params = Params(beta=0)
    found = run("plot learning-curve --animate a.gif --json").json["records"]
    assert found == records("theory", "simulate")
    assert drawn["learning_animation"][0][2] is None


def test_branches(run, drawn, science, monkeypatch):
    asked = science(branches, "follow", made("branches"))
    science(branches, "cycles", made("cycles"))
    monkeypatch.setattr("vaedyn.fixedpoints.thresholds.thresholds", lambda params: "limits")
    drawn.of("branches")
    done = run("plot branches --json").json
    assert done == {"command": "plot branches", "output": "branches_vary-beta.pdf",
                    "records": records("branches")}  # fmt: skip
    beta = Range("beta", 0.05, 3.0, 100, counted=False)
    assert asked["follow"] == [((Params(), beta, 2), {})]
    given, options = drawn["branches"]
    assert (given[0].kind, given[1:]) == ("branches", ("eps_g", "limits", PLAIN))
    assert options == {"bands": False, "cycles": None}
    done = run("plot branches --vary lr=1:2:7 --groups 1 --bands --cycle --json").json
    assert done["output"] == "branches_groups-1_vary-lr_with-bands-True_cycle-True.pdf"
    assert done["records"] == records("branches", "cycles")
    lr = Range("lr", 1.0, 2.0, 7)
    assert asked["follow"][1] == asked["cycles"][0] == ((Params(), lr, 1), {})
    given, options = drawn["branches"]
    assert given[2] is None
    assert (options["bands"], options["cycles"].kind) == (True, "cycles")
    assert run("plot branches --y Q").out == "branches_quantity-Q_vary-beta.pdf\n"
    assert drawn["branches"][0][1] == "Q"
    done = run("plot branches --y Q --cycle")
    assert done.err.startswith("error: --cycle draws eps_g: leave out --y")
    assert run("plot branches --y eps_g --cycle").code == 0


def test_a_cascade(run, drawn, science):
    along = made("branches")
    asked = science(cascade, "follow", along)
    science(cascade, "cascade", SimpleNamespace(simulated=[made("one"), made("two")]))
    science(cascade, "unfinished", 0)
    drawn.of("cascade")
    done = run("plot cascade --eta 2 --latent 2 --signal 2 --rho 3,1 --json")
    assert done.json["records"] == records("branches", "simulate", "simulate")
    assert done.json["output"].startswith("cascade_latent-2")
    assert done.err == ""
    params = Params(latent=2, signal=2, rho=(3.0, 1.0), eta=2.0)
    ((given, _),) = asked["follow"]
    assert given == (params, Range("beta", 0.02 * 6.0, 6.0, 100), 1)
    assert asked["cascade"] == [((along,), {"simulations": 12, **NO_START})]
    assert drawn["cascade"][0][1] == PLAIN
    science(cascade, "unfinished", 3)
    done = run("plot cascade --vary beta=1:2:9 --simulations 4 --t-max 20 --json", SOME)
    text = "at 3 of 4 values of beta learning has not ended by t = 20: raise --t-max"
    assert f"warning: {text}" in done.err
    assert asked["follow"][1][0][1] == Range("beta", 1.0, 2.0, 9)
    assert asked["cascade"][1] == ((along,), {"simulations": 4, **SOME_GIVEN})
    name = "cascade_t-max-20_runs-3_seed-4_engine-vector_simulations-4.pdf"
    assert done.json["output"] == name
    done = run("plot cascade --vary lr=1:2")
    assert done.err.startswith("error: Invalid value for --vary: expected beta=..., got lr")


@pytest.fixture
def comparison(science):
    found = SimpleNamespace(family="linear", tol=0.25, params=Params(dim=70))
    asked = science(annealing, "best_schedule", found)
    compared = SimpleNamespace(constant=made("constant"), best=made("best"))
    science(annealing, "compare", compared)
    science(annealing, "markers", "measured")
    return asked, found, compared


def test_annealing(run, drawn, comparison):
    asked, found, compared = comparison
    drawn.of("annealing")
    done = run("plot annealing --json").json
    assert done == {"command": "plot annealing", "output": "annealing.pdf",
                    "records": records("theory", "theory")}  # fmt: skip
    assert asked["best_schedule"] == [((Params(), "tanh"), {"knots": 3, "tol": 1e-3, **TOLERANCES})]
    assert asked["compare"] == [((found,), TOLERANCES)]
    assert asked["markers"] == [((found, 6), {"runs": 20, "seed": 0, "jobs": None})]
    assert drawn["annealing"] == ((compared, "measured", PLAIN), {})
    assert drawn["checked"] == [("log", "log")]
    words = "--family free --knots 4 --tol 0.25 --simulations 2 --runs 3 --seed 4 --jobs 2"
    done = run("plot annealing --beta 1.5 --rtol 1e-7 --atol 1e-9", words)
    name = "annealing_beta-1.5_family-free_knots-4_tol-0.25_simulations-2_runs-3_seed-4.pdf"
    assert done.out == f"{name}\n"
    given = (Params(beta=1.5), "free"), {"knots": 4, "tol": 0.25, **FINER}
    assert asked["best_schedule"][1] == given
    assert asked["compare"][1] == ((found,), FINER)
    assert drawn["checked"] == [("linear", "linear")]
    assert asked["markers"][1] == ((found, 2), {"runs": 3, "seed": 4, "jobs": 2})


FEWER = ("no marker for {} of 3 schedules: under them simulations do not stay within 0.25 of the "
         "final value at N = 70: raise --dim")  # fmt: skip


@pytest.mark.parametrize(
    ("family", "count", "numbers", "points", "said"),
    [
        ("linear", 0, [1], [1], None),
        ("free", 3, [1], [1],
         ("INFO", "no markers: schedules of a free form are not simulated by this picture")),
        ("linear", 3, [], [],
         ("WARNING", f"no markers: every schedule takes more than {annealing.SLOW:g} times as long "
          "as constant beta")),
        ("linear", 3, [1, 2, 3], [1, 2, 3], None),
        ("linear", 3, [1, 2, 3], [1, 2], ("WARNING", FEWER.format(1))),
        ("linear", 3, [1, 2, 3], [], ("WARNING", FEWER.format(3))),
    ],
)  # fmt: skip
def test_markers(monkeypatch, caplog, tmp_path, family, count, numbers, points, said):
    caplog.set_level("INFO")
    found = SimpleNamespace(family=family, tol=0.25, params=Params(dim=70))
    asked = []
    monkeypatch.setattr(annealing, "quick", lambda found, n: asked.append(n) or numbers)
    monkeypatch.setattr(
        annealing, "simulated_times", lambda *given, **how: asked.append((given, how)) or points
    )
    session = Session(tmp_path)
    answer = annealing.markers(session, found, count, runs=5)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [said] * bool(said)
    if family == "linear" and count and numbers:
        assert answer == points
        how = {"store": session.store, "watch": session.simulation, "runs": 5}
        assert asked == [3, ((found, numbers), how)]
    else:
        assert answer == []
        assert asked == ([3] if family == "linear" and count else [])


@pytest.fixture
def spread(science, monkeypatch):
    pair = (made("bands"), made("simulate"))
    asked = science(concentration, "ensembles", [pair, pair])
    monkeypatch.setattr(concentration, "cautions", lambda band, random: [f"{band.kind} {random}"])
    found = [SimpleNamespace(power=(-0.5, 0.0123), name="eps_g", t=8.0)]
    science(concentration, "spreads", found)
    return asked, found


def test_concentration(run, drawn, spread):
    asked, found = spread
    drawn.of("concentration")
    done = run("plot concentration --json")
    assert done.json == {
        "command": "plot concentration", "output": "concentration.pdf",
        "powers": [{"name": "eps_g", "t": 8.0, "power": -0.5, "error": 0.0123}],
        "records": records("bands", "simulate", "bands", "simulate"),
    }  # fmt: skip
    said = ["warning: at N = 250, bands False", "spread of eps_g at t = 8: N^(-0.500 +- 0.012)"]
    assert done.err.splitlines() == said
    dims = [250, 500, 1000, 2000, 4000]
    assert asked["ensembles"] == [((Params(), dims), USUAL)]
    assert asked["spreads"][0][0][1] == (150.0, 500.0, 1500.0)
    assert drawn["concentration"] == ((found, Params(), 5, PLAIN), {})
    assert drawn["checked"] == [("log", "log")]
    done = run("plot concentration --vary dim=70,50,70 --at 1,2 --t-max 2", EVERY)
    assert done.out == (
        "concentration_t-max-2_runs-3_seed-4_engine-vector_random-start-True_vary-50-70_at-1-2.pdf\n"
    )
    assert asked["ensembles"][1] == ((Params(t_max=2), [50, 70]), GIVEN)
    assert asked["spreads"][1][0][1] == (1.0, 2.0)
    assert drawn["concentration"][0][2] == 3
    run("plot concentration --t-max 100")
    assert asked["spreads"][2][0][1] == (10.0, 33.3, 100.0)
    times = "expected up to six times up to --t-max"
    spread_ = "a spread needs at least 2 runs"
    for words, hint, message in (
        ("--at 0", "--at", times), ("--at 1501", "--at", times),
        ("--at 1,2,3,4,5,6,7", "--at", times),
        ("--runs 1", "--runs", spread_),
        ("--vary beta=1,2", "--vary", "only dim can vary here, got beta"),
        ("--vary dim=5", "--vary", "expected at least two values of dim"),
        ("--vary dim=5,5", "--vary", "expected at least two values of dim"),
    ):  # fmt: skip
        done = run("plot concentration", words)
        assert (done.code, message in done.err, hint in done.err) == (2, True, True)
    for words in ("--at 1,2,3,4,5,6", "--at 1500", "--runs 2"):
        assert run("plot concentration", words).code == 0


def test_escapes(run, drawn, science):
    each = SimpleNamespace(
        dim=50, expected=SimpleNamespace(rate=0.25, mean=8.0, std=2.0),
        times=np.array([4.0, 6.0, 8.0]), runs=made("simulate"),
    )  # fmt: skip
    asked = science(escape, "escapes", [each])
    drawn.of("escape")
    done = run("plot escape --json").json
    assert done == {
        "command": "plot escape", "output": "escape.pdf", "records": records("simulate"),
        "points": [{"dim": 50, "rate": 0.25, "theory": {"mean": 8.0, "std": 2.0},
                    "simulation": {"mean": 6.0, "std": 2.0, "runs": 3}}],
    }  # fmt: skip
    assert asked["escapes"] == [((Params(), [250, 500, 1000, 2000, 4000]), NO_START)]
    done = run("plot escape --vary dim=70,50", SOME)
    assert done.out == "escape_runs-3_seed-4_engine-vector_vary-50-70.pdf\n"
    assert asked["escapes"][1] == ((Params(), [50, 70]), SOME_GIVEN)
    assert drawn["escape"] == ((Params(), [each], PLAIN), {})
    assert drawn["checked"] == [("log", "linear")]
    assert "a spread needs at least 2 runs" in run("plot escape --runs 1").err
    assert run("plot escape --runs 2").code == 0


def test_passages(run, drawn, science):
    points, ode = made("fixedpoints"), made("theory")
    asked = science(passages, "fixed_points", points)
    science(passages, "theory", ode)
    science(passages, "passages", "found")
    science(passages, "courses", "away")
    drawn.of("passages")
    done = run("plot passages --json").json
    assert done == {"command": "plot passages", "output": "passages.pdf",
                    "records": records("theory", "fixedpoints")}  # fmt: skip
    assert asked["fixed_points"] == [((Params(),), {"groups": 2, **TOLERANCES})]
    assert asked["theory"] == [((Params(),), TOLERANCES)]
    assert asked["passages"] == [((points, ode), {})]
    assert asked["courses"] == [((points, ode, "found"), {})]
    assert drawn["passages"] == ((ode, "found", "away"), {"x_scale": "log", "look": PLAIN})
    assert drawn["checked"] == [("log", "log")]
    done = run("plot passages --groups 1 --rtol 1e-7 --atol 1e-9 --x-scale linear")
    assert done.out == "passages_groups-1_x-scale-linear.pdf\n"
    assert asked["fixed_points"][1] == ((Params(),), {"groups": 1, **FINER})
    assert asked["theory"][1] == ((Params(),), FINER)
    assert drawn["passages"][1]["x_scale"] == "linear"


@pytest.mark.parametrize(
    ("words", "curves"),
    [
        ("", True), ("--no-curves", False), ("--latent 4 --signal 4", True),
        ("--latent 17", False), ("--latent 17 --curves", True), ("--alpha 3", False),
        ("--vary alpha=1:2 --vary beta=1:2", False), ("--alpha 3 --curves", True),
    ],
)  # fmt: skip
def test_phase_diagrams(run, drawn, science, words, curves):
    result, over = SimpleNamespace(info={"keys": ["k"]}), made("curves")
    asked = science(phase_diagram, "survey", result)
    science(phase_diagram, "curves_over", over)
    drawn.of("phase_diagram")
    done = run("plot phase-diagram -o a.pdf --json", words).json
    keys = ["k", "abc"] if curves else ["k"]
    assert done == {"command": "plot phase-diagram", "output": "a.pdf", "keys": keys}
    assert drawn["saved"] == ("figure of phase_diagram", "a.pdf", keys)
    ((params, vary), _) = asked["survey"][0]
    assert drawn["phase_diagram"] == ((result, PLAIN, over if curves else None), {})
    assert ("curves_over" in asked) == curves
    if curves:
        assert asked["curves_over"] == [((params, vary, ("all",)), {})]
    if not words:
        assert vary == (Range("beta", 0.05, 3.0, 100, counted=False),
                        Range("eta", 0.1, 2.0, 100, counted=False))  # fmt: skip
        over.source = None
        assert run("plot phase-diagram --json").json["keys"] == ["k"]
        name = run("plot phase-diagram --vary lr=1:2 --vary eta=1:2").out
        assert name == "phase-diagram_vary-lr-eta.pdf\n"
        assert "expected --vary twice" in run("plot phase-diagram --vary lr=1:2").err


# ---- sweeps


def swept(values, **others):
    points = [Point({"beta": float(n)}, Params(), {}) for n in range(len(values))]
    outcomes = [
        Outcome(error="odd") if x is None
        else Outcome("k", False, dict.fromkeys(("eps_g", "kl", "t_converge"), x))
        for x in values
    ]  # fmt: skip
    return Sweep("theory", {"beta": [0.0]}, points, outcomes)


def test_lines_of_a_sweep(run, drawn, science):
    asked = science(sweep, "sweep", swept([0.5, 0.25]))
    drawn.of("sweep", "along")
    done = run("plot sweep --json")
    assert done.json == {"command": "plot sweep", "output": "sweep_x-beta.pdf", "keys": ["k", "k"]}
    assert done.err.splitlines()[-1] == "computed 2 of 2 points, reused 0"
    ((given, options),) = asked["sweep"]
    assert given[:2] == ("theory", Params())
    np.testing.assert_allclose(given[2]["beta"], np.linspace(0.1, 2.5, 49))
    assert options == {**TOLERANCES, "jobs": None}
    points, options = drawn["along"]
    assert points[1:] == ([0.5, 0.25], "beta", "eps_g", None)
    looks = {"look": PLAIN, "at_end": True}
    assert options == {**looks, "x_scale": "linear", "y_scale": "linear"}
    assert drawn["checked"] == [("linear", "linear")]
    words = (
        "--vary beta=1,2 --vary lr=0.5,1 --of simulate --x lr --y kl --x-scale log --y-scale log"
    )
    done = run("plot sweep", words, SOME)
    assert asked["sweep"][1] == (
        ("simulate", Params(), {"beta": [1.0, 2.0], "lr": [0.5, 1.0]}), SOME_GIVEN)  # fmt: skip
    assert drawn["along"][0][2:] == ("lr", "kl", "beta")
    assert drawn["along"][1]["x_scale"] == "log"
    assert drawn["checked"] == [("log", "log")]
    assert done.out == "sweep_of-simulate_x-lr_y-kl_hue-beta.pdf\n"
    run("plot sweep --of convergence --y t_converge --tol 0.25 --rtol 1e-7 --atol 1e-9 --jobs 3")
    assert asked["sweep"][2][1] == {**FINER, "tol": 0.25, "jobs": 3}
    assert drawn["along"][1]["at_end"] is False
    run("plot sweep --of fixedpoints --vary beta=1,2")
    assert asked["sweep"][3][1] == {**TOLERANCES, "jobs": None}
    assert "beta takes 20 values" in run("plot sweep --vary beta=1:2").err


def test_a_map_of_a_sweep(run, drawn, science):
    science(sweep, "sweep", swept([0.5, 0.25]))
    drawn.of("maps", "across")
    run("plot sweep --kind map --vary beta=1,2 --vary lr=0.5,1 --y-scale log")
    given, options = drawn["across"]
    assert given[2:] == ("beta", "lr", "eps_g")
    assert options == {"scale": "log", "look": PLAIN, "at_end": True}
    assert drawn["checked"] == [("linear", "linear")]


@pytest.mark.parametrize(("values", "code"), [([0.5, None], 1), ([None, None], 1), ([0.5], 0)])
def test_points_without_a_result(run, drawn, science, values, code):
    science(sweep, "sweep", swept(values))
    drawn.of("sweep", "along")
    done = run("plot sweep -o a.pdf")
    assert done.code == code
    there = any(value is not None for value in values)
    assert done.out == "a.pdf\n" * there
    assert ("saved" in drawn) == there
    if not there:
        assert done.err.splitlines()[-1] == "error: there is nothing to draw: no point has a result"


def test_axes_of_sweeps():
    two = {"beta": [1.0], "lr": [0.5]}
    assert sweep._axes({"beta": [1.0]}, None, None) == ("beta", None)
    assert sweep._axes(two, None, None) == ("beta", "lr")
    assert sweep._axes(two, "lr", None) == ("lr", "beta")
    assert sweep._axes(two, None, "beta") == ("lr", "beta")
    assert sweep._axes({"anneal": ["a"], "lr": [1.0]}, None, "anneal") == ("lr", "anneal")
    for varied, x, hue, hint, message in (
        (two, "eta", None, "--x", "expected one of beta, lr, got 'eta' (did you mean beta?)"),
        (two, None, "zzz", "--hue", "expected one of beta, lr, got 'zzz'"),
        ({"anneal": ["a"]}, None, None, "--x", "anneal is not a number each: draw it by --hue"),
        ({**two, "eta": [1]}, None, None, None, "expected --vary once or twice"),
    ):  # fmt: skip
        with pytest.raises(click.UsageError) as error:
            sweep._axes(varied, x, hue)
        assert (getattr(error.value, "param_hint", None), error.value.message) == (hint, message)


@pytest.mark.parametrize(
    ("x", "y", "kind", "answer"),
    [
        (13, 13, None, True), (12, 13, None, False), (13, 12, None, False), (13, None, None, False),
        (13, 13, "lines", False), (13, None, "lines", False), (2, 2, "map", True),
    ],
)  # fmt: skip
def test_maps_of_sweeps(x, y, kind, answer):
    varied = {"beta": [*range(x)], "lr": [*range(y or 0)]}
    assert sweep._is_map(varied, "beta", "lr" if y else None, kind) is answer


def test_maps_that_are_refused():
    needs = "a map needs numbers, two of each at least: beta and lr have not"
    for values, hue, message in (
        ([1, 2], None, "a map needs --vary twice"), ([1, 1], "lr", needs),
        (["a", "b"], "lr", needs),
    ):  # fmt: skip
        with pytest.raises(click.BadParameter) as error:
            sweep._is_map({"beta": [1, 2], "lr": values}, "beta", hue, "map")
        assert (error.value.message, error.value.param_hint) == (message, "--kind")
    many = [str(n) for n in range(20)]
    assert sweep._is_map({"beta": [*range(20)], "lr": many}, "beta", "lr", None) is False


@pytest.mark.parametrize(
    ("of", "y", "message"),
    [
        ("theory", "eps_g", None), ("fixedpoints", "relaxation_time", None),
        ("fixedpoints", "max_eigenvalue", None), ("convergence", "t_converge", None),
        ("convergence", "eps_g", None),
        ("theory", "relaxation_time", "relaxation_time needs --of fixedpoints"),
        ("theory", "max_eigenvalue", "max_eigenvalue needs --of fixedpoints"),
        ("theory", "t_converge", "t_converge needs --of convergence"),
        ("convergence", "kl", "convergence has t_converge and eps_g"),
    ],
)  # fmt: skip
def test_quantities_that_a_computation_has(of, y, message):
    if message is None:
        sweep._suited(of, y)
        return
    with pytest.raises(click.BadParameter) as error:
        sweep._suited(of, y)
    assert (error.value.message, error.value.param_hint) == (message, "--y")


@pytest.mark.parametrize(
    ("values", "scale", "said"),
    [
        ([0.5, 1.0], "log", None),
        ([], "log", None),
        ([None, 0.5], "log", None),
        ([0.0, 0.5], "log", "at 1 of 2 points y is not above 0, and not drawn"),
        ([{"mean": -1.0}, 0.5, 0.0], "log", "at 2 of 3 points y is not above 0, and not drawn"),
        ([0.0, -1.0], "linear", "y is above 0 at no point: the axis is linear, not logarithmic"),
        ([np.array([-2.0, 1.0])], "log", None),
        ([np.array([-2.0])], "linear",
         "y is above 0 at no point: the axis is linear, not logarithmic"),
    ],
)  # fmt: skip
def test_scales_that_are_possible(caplog, values, scale, said):
    assert sweep._possible_scale("y", values) == scale
    assert caplog.messages == [said] * (said is not None)


def test_a_logarithmic_axis_needs_numbers_above_zero(run):
    done = run("plot sweep --vary beta=0,1 --x-scale log")
    text = "a logarithmic axis needs values above 0, and beta has 0"
    assert text in done.err
    with pytest.raises(ConvergenceError):
        sweep._tell(swept([None]))


# ---- data


@pytest.fixture
def looked(science):
    found = SimpleNamespace(source=SOURCE)
    asked = {}
    for module in (spectrum, rate_distortion):
        asked = science(module, "looked", found)
        science(module, "judged", SimpleNamespace(row=SimpleNamespace(beta=0.5)))
    return asked, found


HOW = "--standardise --estimator median --spikes 2 --leading 7 --passes 3"
CHANGED = {"standardise": True, "estimator": "median", "spikes": 2, "leading": 7, "passes": 3}
AS_IT_IS = {"standardise": False, "estimator": "likelihood", "spikes": None, "leading": 200,
            "passes": 6}  # fmt: skip


@pytest.mark.parametrize("name", ["spectrum", "rate_distortion"])
def test_pictures_of_a_table(run, drawn, looked, science, name):
    asked, found = looked
    drawn.of(name)
    command, epochs = name.replace("_", "-"), {"epochs": "many"} if name == "spectrum" else {}
    module = {"spectrum": spectrum, "rate_distortion": rate_distortion}[name]
    done = run(f"plot {command} some/x.h5:a --json").json
    assert done == {"command": f"plot {command}", "output": f"{command}_x.pdf", "keys": ["abc"]}
    assert drawn["saved"] == (f"figure of {name}", f"{command}_x.pdf", ["abc"])
    assert asked["looked"] == [(("some/x.h5:a",), {**AS_IT_IS, **epochs})]
    assert asked["judged"] == [((found, None, None, None, None), {})]
    options = {"beta": 0.5, "latents": None, "convention": None, "look": PLAIN}
    assert drawn[name] == ((found,), options)
    science(module, "judged", None)
    found.source = None
    more = f"--latent 4 --weight 0.25 --loss mean {HOW} {LOOKS}"
    assert run(f"plot {command} x.npy -o a.svg", more).out == "a.svg\n"
    assert drawn["saved"][2] == []
    assert asked["looked"][1] == (("x.npy",), {**CHANGED, **epochs})
    mean = Convention("mean")
    assert asked["judged"][1] == ((found, 0.25, None, 4, mean), {})
    wanted = {"beta": None, "latents": 4, "convention": mean, "look": LOOKED}
    assert drawn[name] == ((found,), wanted)


def test_a_picture_of_rows_held_out(run, drawn, science, monkeypatch):
    found = SimpleNamespace(source=SOURCE, columns=5)
    asked = science(heldout, "held", found)
    science(heldout, "no_best", None)
    drawn.of("heldout")
    done = run("plot heldout some/x.h5:a --json")
    assert done.json == {"command": "plot heldout", "output": "heldout_x.pdf", "keys": ["abc"]}
    assert done.err == ""
    assert asked["held"] == [(("some/x.h5:a", False, None, 5, 0), {})]
    assert drawn["heldout"] == ((found,), {"beta": None, "convention": None, "look": PLAIN})
    assert drawn["checked"] == [("log", "linear")]
    science(heldout, "no_best", "none is best")
    found.source = None
    words = "--standardise --latent 4 --folds 3 --seed 7 --weight 0.5 --loss mean"
    done = run("plot heldout x.npy -o a.svg", words)
    assert (done.out, done.err) == ("a.svg\n", "warning: none is best\n")
    assert drawn["saved"] == ("figure of heldout", "a.svg", [])
    assert asked["held"][1] == (("x.npy", True, 4, 3, 7), {})
    mean = Convention("mean")
    wanted = {"beta": mean.beta(0.5, 5), "convention": mean, "look": PLAIN}
    assert drawn["heldout"] == ((found,), wanted)
    run("plot heldout x.npy --weight 0.5")
    assert drawn["heldout"][1]["beta"] == OWN.beta(0.5, 5)
    run("plot heldout x.npy --beta 0.75")
    assert drawn["heldout"][1]["beta"] == 0.75


def test_a_picture_of_a_diagnosis(run, drawn, science, monkeypatch):
    found = SimpleNamespace(verdict="fine")
    asked = science(diagnose, "diagnosed", found)
    monkeypatch.setattr(diagnose, "sentences", lambda found: ["one", "two"])
    drawn.of("diagnose")
    done = run("plot diagnose some/f.npz --json --beta 2")
    wanted = {"command": "plot diagnose", "output": "diagnose_f.pdf", "verdict": "fine"}
    assert done.json == wanted
    assert done.err.splitlines() == ["one", "two"]
    ((given, options),) = asked["diagnosed"]
    assert (given, options["beta"]) == (("some/f.npz",), 2.0)
    assert drawn["diagnose"] == ((found, PLAIN), {})
    assert drawn["checked"] == [("linear", "linear")]
    assert run("plot diagnose f.npz -o a.svg").out == "a.svg\n"


def trained(slowed="", source=SOURCE):
    return SimpleNamespace(slowed=slowed, trajectory=SimpleNamespace(source=source))


def test_a_picture_of_collapse(run, drawn, science):
    found = SimpleNamespace(epochs="many", analysis=SimpleNamespace(warnings=("w",)))
    asked = science(collapse, "prepare", (found, {"latent": 4}))
    result = SimpleNamespace(
        trainings=[trained("slowed"), trained(source=None)], missed=["m", "n", "o"],
        predicted=np.array([1.0]), measured=np.array([2.0]), beta=np.array([0.5]),
    )  # fmt: skip
    science(collapse, "collapse", result)
    drawn.of("collapse")
    done = run("plot collapse some/x.h5:a --json")
    assert done.json == {
        "command": "plot collapse", "output": "collapse_x.pdf", "keys": ["abc"], "beta": [0.5],
        "kl_per_latent": {"predicted": [1.0], "measured": [2.0]}, "epochs": "many",
        "warnings": ["w", "m", "n", "o"],
    }  # fmt: skip
    said = ["slowed", "warning: m (2 other values of beta: see --json)"]
    assert done.err.splitlines() == said
    usual = {"latent": None, "lam": 0.0, "lr": None, "t_max": None, "init_seed": 0}
    how = {name: x for name, x in AS_IT_IS.items() if name not in ("leading", "passes")}
    how["epochs"] = "many"
    assert asked["prepare"] == [(("some/x.h5:a", usual, how), {})]
    assert asked["collapse"] == [((found,), {"latent": 4, "simulations": 10, "seed": 0})]
    assert drawn["collapse"] == ((result, PLAIN), {})
    assert drawn["checked"] == [("log", "linear")]
    result.missed = ["m"]
    result.trainings = [trained()]
    words = "--latent 4 --lam 0.5 --lr 0.25 --t-max 20 --init-seed 3 --simulations 2 --seed 7"
    done = run("plot collapse x.npy -o a.svg", words)
    assert (done.out, done.err) == ("a.svg\n", "warning: m\n")
    given = {"latent": 4, "lam": 0.5, "lr": 0.25, "t_max": 20.0, "init_seed": 3}
    assert asked["prepare"][1] == (("x.npy", given, how), {})
    assert asked["collapse"][1] == ((found,), {"latent": 4, "simulations": 2, "seed": 7})
    result.missed = []
    assert run("plot collapse x.npy").err == ""


def test_learning_curves_of_a_table(run, drawn, science, monkeypatch):
    science(learning_curve, "prepare", ("found", {"latent": 4}))
    seen = SimpleNamespace(
        predicted=made("predicted"), measured=made("measured"), why="",
        training=SimpleNamespace(warnings=("w",)),
    )  # fmt: skip
    asked = science(course, "watch", seen)
    science(course, "warn_unpredicted", None)
    monkeypatch.setattr(course, "notes", lambda found, curve: [f"{found} {curve.kind}"])
    drawn.of("course")
    done = run("plot learning-curve --data some/x.h5:a --json").json
    wanted = {
        "command": "plot learning-curve", "output": "learning-curve_x.pdf", "why": None,
        "records": records("course", "rows"), "warnings": ["w", "found measured"],
    }  # fmt: skip
    assert done == wanted
    assert drawn["saved"] == ("figure of course", "learning-curve_x.pdf",
                              ["course abc", "rows abc"])  # fmt: skip
    assert asked["watch"] == [(("found",), {"seed": 0, **TOLERANCES, "latent": 4})]
    assert asked["warn_unpredicted"] == [((seen,), {})]
    pair = seen.predicted, seen.measured
    assert drawn["course"] == (pair, {"x_scale": "log", "look": PLAIN})
    assert drawn["checked"] == [("log", "linear")]
    words = "--data x.npy --seed 7 --rtol 1e-7 --atol 1e-9 --x-scale linear -o a.svg"
    assert run("plot learning-curve", words).out == "a.svg\n"
    assert asked["watch"][1] == (("found",), {"seed": 7, **FINER, "latent": 4})
    assert drawn["course"][1]["x_scale"] == "linear"
    seen.predicted, seen.why, seen.measured.source = None, "so", None
    done = run("plot learning-curve --data x.npy --json").json
    assert done == {**wanted, "why": "so", "records": [], "warnings": ["w"]}
    for words in ("--vary beta=1,2", "--animate a.gif", "--band sem", "--y-scale log"):
        done = run("plot learning-curve --data x.npy", words)
        option = words.partition(" ")[0]
        assert done.err.startswith(f"error: {option} and --data exclude each other")
    assert run("plot learning-curve --spikes 2").err.startswith("error: --spikes goes with --data")


def test_notes_are_logged_where_they_are_looked_for():
    here = logging.getLogger("vaedyn.cli")
    assert {m.log for m in (annealing, collapse, concentration, picture, sweep)} == {here}
