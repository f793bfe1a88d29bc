"""Figures of a model: what commands hand on, and how files are called."""

from pathlib import Path
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.plotted import (
    EVERY,
    FINER,
    GIVEN,
    NO_START,
    PLAIN,
    SOME,
    SOME_GIVEN,
    TOLERANCES,
    USUAL,
    made,
    records,
)
from vaedyn.cli.plot import (
    animation,
    annealing,
    branches,
    cascade,
    concentration,
    escape,
    learning_curve,
    passages,
    phase_diagram,
    trajectories,
)
from vaedyn.cli.ranges import Range
from vaedyn.cli.session import Session
from vaedyn.model.params import Params


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
