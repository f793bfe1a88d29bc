"""Rows that are used again and time courses that are made up, word by word."""

import json
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from tests.shared.made_up import ALL, numbered
from vaedyn.cli import anneal, fixedpoints, simulate, theory, trained
from vaedyn.model.params import Params
from vaedyn.model.records import Source


def checked(trained=False, groups="DEFAULT", **given):
    usual = {"along": False, "cycle": False, "follow": (), "search": None, "vary": (),
             "search_seed": 0}  # fmt: skip
    context = click.Context(click.Command("x"))
    context.params = {**usual, **given}
    context.set_parameter_source("groups", getattr(click.core.ParameterSource, groups))
    try:
        fixedpoints._check(context, trained=trained)
    except click.UsageError as error:
        return error.message
    return None


def on_rows(params):
    fresh = params.alpha is None
    return SimpleNamespace(
        params=params, phase="fresh" if fresh else "rows", signals=np.array([1, -1]),
        kl_on_rows=np.array([0.5, 0.001]), eigenvalues=np.array([3.0, 2.0]),
        overlaps=np.array([0.75, 0.0]), thresholds=np.array([4.0, np.nan]),
        **{name: float(n) for n, name in enumerate(ALL)} | {"Q": np.diag([0.5, 0.25]), "kl": 0.5},
    )  # fmt: skip


@pytest.fixture
def rows(monkeypatch):
    asked = []
    monkeypatch.setattr(trained, "trained_on_rows", lambda p: asked.append(p) or on_rows(p))
    monkeypatch.setattr(
        trained, "best_beta", lambda p: (np.nan, 3.5) if p.alpha is None else (1.25, 2.5)
    )
    return asked


ON_ROWS = Params(dim=10, latent=2, signal=2, rho=(3.0, 1.0), alpha=3.0, t_max=60, batch=2)


def test_training_on_rows_as_json(as_json, shown, rows):
    trained.print_trained(as_json, ON_ROWS)
    assert rows == [ON_ROWS, ON_ROWS.replace(alpha=None)]
    state = {
        "active": 1, "signals": [2, None], "eigenvalues": [3.0, 2.0], "overlaps": [0.75, 0.0],
        "thresholds": [4.0, None], "kl_on_rows": [0.5, 0.001],
        **{name: float(n) for n, name in enumerate(ALL)}, "Q": [[0.5, 0.0], [0.0, 0.25]],
        "kl": 0.5,
    }  # fmt: skip
    assert shown() == {
        "command": "fixedpoints", "params": json.loads(json.dumps(ON_ROWS.to_dict())),
        "samples": 30, "limit": trained.listed.LIMIT,
        "rows": {"phase": "rows", "best_beta": 1.25, "best_eps_g": 2.5, **state},
        "fresh": {"phase": "fresh", "best_beta": None, "best_eps_g": 3.5, **state},
    }  # fmt: skip


def test_training_on_rows_in_words(session, out, rows, monkeypatch):
    monkeypatch.setattr(trained.listed, "table", lambda *results: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(trained.listed, "summary", lambda *results: {"phase": ["x", "y"]})
    monkeypatch.setattr(trained.listed, "remarks", lambda result: [result.phase, "two"])
    trained.print_trained(session, ON_ROWS)
    head = f"trained on 30 rows of 10 entries; {trained.listed.LIMIT}"
    assert [line.split() for line in out()] == [
        head.split(), ["a"], ["─"], ["1"], [], ["rows", "fresh", "data"], ["─" * 31],
        ["phase", "x", "y"], ["best", "beta", "1.25", "none"], ["eps_g", "there", "2.5", "3.5"],
        ["rows"], ["two"],
    ]  # fmt: skip


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_what_rows_lead_to(rows, optimiser):
    params = ON_ROWS.replace(optimiser=optimiser, lr=0.5)
    eps_g = float(ALL.index("eps_g"))
    data, text = trained.in_the_end(params, 0.02)
    start = "the 30 rows are used again and again, 40 times"
    assert text == f"{start}; that leads to eps_g = {eps_g:g} for large N and small learning rates"
    assert data == {"t_converge": None, "converges_at": None, "tol": 0.02,
                    "trained_on_rows": eps_g}  # fmt: skip
    assert rows == [ON_ROWS.replace(lr=0.5)]
    decay = params.replace(lam=0.25)
    data, text = trained.in_the_end(decay, 0.02)
    unknown = "; where that leads to is not derived for Adam with weight decay"
    assert (text == start + unknown) == (data["trained_on_rows"] is None) == (optimiser == "adam")


def ode(stiff=50, steps=100, first=0.0):
    return SimpleNamespace(
        source=SOURCE, t=np.array([0.0, 20.0]), info={"solver": {"stiff": stiff, "steps": steps}},
        params=Params(), warning="", **numbered(ALL, first=first),
    )  # fmt: skip


@pytest.fixture
def model(monkeypatch):
    """Let all that `vaedyn theory` asks for be made up; yield what it asks for."""
    asked = {"ode": ode()}

    def solve(params, **options):
        options.pop("progress")(1, 2)
        asked["theory"] = params, options
        return asked["ode"]

    def end(params, tol, **options):
        options.pop("progress")(1, 2)
        asked["ending"] = params, tol, options
        return "limit"

    def around(session, params, random_start):
        asked["bands"] = params, random_start
        return ode(first=500.0)

    monkeypatch.setattr(theory, "theory", solve)
    monkeypatch.setattr(theory, "ending", end)
    monkeypatch.setattr(theory, "warn", lambda params, tol: asked.update(warn=tol) or ["w"])
    monkeypatch.setattr(theory, "converged", lambda p, limit: ({"t_converge": limit}, "in the end"))
    monkeypatch.setattr(theory, "in_the_end", lambda p, tol: ({"tol": tol}, "on rows"))
    monkeypatch.setattr(theory, "compute_bands", around)
    monkeypatch.setattr(theory, "cautions", lambda spread, random: [f"caution {random}"])
    monkeypatch.setattr(theory, "beyond_theory", lambda params: ["beyond"])

    def lines(result, heading="theory"):
        return [f"t = {result.t[-1]:g}", heading], [["eps_g", f"{result.eps_g[-1]:g}"]], (), 0

    monkeypatch.setattr(theory, "of_line", lines)
    return asked


FINAL = {name: 10.0 * n + 1 for n, name in enumerate(ALL)}


def report(session, params=None, bands=False, random=False):
    theory.report(session, params or Params(dim=70), 1e-7, 1e-9, 0.02, bands, random)


def test_theory_as_json(as_json, shown, model):
    report(as_json)
    wanted = {
        "command": "theory", **PROVENANCE, "final": {"t": 20.0, **FINAL}, "t_converge": "limit",
        "solver": {"stiff": 50, "steps": 100}, "warnings": ["w", "beyond"],
    }  # fmt: skip
    assert shown() == wanted
    numerics = {"rtol": 1e-7, "atol": 1e-9, "store": as_json.store}
    params = Params(dim=70)
    assert model["theory"] == (params, numerics)
    assert model["ending"] == (params, 0.02, numerics)
    assert model["warn"] == 0.02
    assert "bands" not in model
    report(as_json, bands=True, random=True)
    assert model["bands"] == (params, True)
    final = {name: {"mean": x, "std": 500 + x} for name, x in FINAL.items()}
    assert shown() == {
        **wanted, "final": {"t": 20.0, **final}, "warnings": ["w", "caution True", "beyond"],
        "bands": {"dim": 70, **PROVENANCE, "command": "theory --bands"},
    }  # fmt: skip


def test_theory_in_words(session, out, notes, model):
    report(session)
    assert out() == ["t = 20   theory", "───────────────", "eps_g         1", "in the end"]
    assert notes() == []
    report(session, bands=True)
    assert out() == [
        "t = 20   theory   std at N = 70", "───────────────────────────────",
        "eps_g         1             501", "in the end",
    ]  # fmt: skip
    report(session, ON_ROWS)
    assert out()[-1] == "on rows"
    model["ode"] = ode(51)
    report(session)
    text = "51 of 100 ODE steps were limited by stability, not accuracy"
    assert notes() == [("WARNING", text)]


@pytest.mark.parametrize(
    ("params", "bands", "random", "message"),
    [
        (Params(), False, True, "--random-start needs --bands: it does not change the line"),
        (ON_ROWS, True, False, "--bands is not derived for rows used again: leave out --alpha"),
    ],
)
def test_theory_that_is_refused(session, model, params, bands, random, message):
    with pytest.raises(click.UsageError) as error:
        report(session, params, bands, random)
    assert error.value.message == message
    assert "theory" not in model


def test_simulations(run, monkeypatch):
    asked, made = {}, SimpleNamespace(
        source=SOURCE, t=np.array([0.0, 20.0]), eps_g=None, info={"steps_per_second": 7.0}
    )  # fmt: skip
    for n, name in enumerate(ALL):
        setattr(made, name, n)

    def simulated(params, **options):
        options.pop("progress")(1, 2)
        asked["simulate"] = params, {k: v for k, v in options.items() if k != "store"}
        return made

    def end(params, tol, **options):
        options.pop("progress")(1, 2)
        asked["ending"] = params, tol, [*options]
        return "limit"

    def measured(result, limit):
        assert result is made
        return {"t_converge": limit}, "measured"

    monkeypatch.setattr(simulate, "simulate", simulated)
    monkeypatch.setattr(simulate, "ending", end)
    monkeypatch.setattr(simulate, "measured_convergence", measured)
    monkeypatch.setattr(simulate, "in_the_end", lambda p, tol: ({"tol": tol}, "on rows"))
    monkeypatch.setattr(simulate, "warn", lambda params, tol: [f"w {tol}"])
    monkeypatch.setattr(simulate, "of_runs", lambda result: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(simulate, "mean_and_std", lambda x: (float(x), np.nan))
    done = run("simulate")
    assert done.out.splitlines() == ["a", "─", "1", "measured"]
    usual = {"runs": 5, "seed": 0, "engine": None, "random_start": False, "jobs": None}
    assert asked["simulate"] == (Params(), usual)
    assert asked["ending"] == (Params(), 1e-3, ["store"])
    words = "--runs 3 --seed 4 --engine vector --random-start --jobs 2 --tol 0.25 --dim 70 --json"
    given = {"runs": 3, "seed": 4, "engine": "vector", "random_start": True, "jobs": 2}
    final = {name: {"mean": float(n), "std": None} for n, name in enumerate(ALL)}
    wanted = {
        "command": "simulate", **PROVENANCE, "runs": 3, "final": {"t": 20.0, **final},
        "t_converge": "limit", "warnings": ["w 0.25"], "steps_per_second": 7.0,
    }  # fmt: skip
    assert run("simulate", words).json == wanted
    assert asked["simulate"] == (Params(dim=70), given)
    assert asked["ending"][:2] == (Params(dim=70), 0.25)
    made.source = Source(**{**PROVENANCE, "reused": True})
    del wanted["steps_per_second"]
    assert run("simulate", words).json == {**wanted, "reused": True}
    asked.clear()
    assert run("simulate --alpha 3").out.splitlines()[-1] == "on rows"
    assert "ending" not in asked


def test_annealing_that_helps_but_for_a_warning(session, as_json, shown, out, notes, monkeypatch):
    asked = {}
    found = SimpleNamespace(warning="from another start", gain=1.0, spec="linear:8")

    def best(params, **options):
        options.pop("progress")(1, 2)
        asked["best"] = params, options
        return found

    def measured(result, **options):
        asked["measure"] = options
        return SimpleNamespace(constant=47.0, annealed=25.0, gain=1.87654, error=0.0321)

    monkeypatch.setattr(anneal, "warn", lambda params, tol: asked.update(warn=tol) or ["w"])
    monkeypatch.setattr(anneal, "best_schedule", best)
    monkeypatch.setattr(anneal, "measure", measured)
    monkeypatch.setattr(anneal, "describe", lambda p, f, checked: {"measured": bool(checked)})
    monkeypatch.setattr(anneal, "listed", lambda f: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(anneal, "said", lambda f: ["one", "two"])
    monkeypatch.setattr(anneal, "verdict", lambda f, checked: f"verdict {bool(checked)}")
    params, asking = Params(beta=1.5, dim=70), {"family": "linear", "tol": 0.02}

    def of(session, confirm=None, out=None):
        anneal.of_model(session, params, asking, confirm, 7, 3, out)

    found.gain = anneal.WORTH_IT * 0.999
    of(session)
    line = "--beta 1.5 --anneal linear:8"
    begin = ["a", "─", "1", "one", "two"]
    assert out() == [*begin, line, "verdict False"]
    assert notes() == []
    assert asked == {"warn": 0.02, "best": (params, {**asking, "store": session.store})}
    found.gain = anneal.WORTH_IT
    of(session, confirm=6)
    measured = "measured in 6 runs at N = 70: t = 47 and 25, gain 1.877 +- 0.032"
    assert out() == [*begin, measured, line, "verdict True"]
    assert notes() == [("WARNING", "from another start")]
    assert asked["measure"] == {"runs": 6, "seed": 7, "jobs": 3, "store": session.store,
                                "watch": session.simulation}  # fmt: skip
    of(as_json)
    assert shown() == {"measured": False, "warnings": ["w", "from another start"]}
    found.warning = ""
    of(as_json, confirm=6)
    assert shown() == {"measured": True, "warnings": ["w"]}
    del asked["measure"]
    exported = []
    of(session, confirm=6, out=exported.append)
    assert exported == [found]
    assert (out(), "measure" in asked) == ([], False)


def test_annealing_is_asked_for_as_the_options_say(run, monkeypatch):
    asked = []
    monkeypatch.setattr(anneal, "of_model", lambda session, *given: asked.append(given))
    run("anneal")
    usual = {"family": "tanh", "knots": 3, "tol": 1e-3, "criterion": "eps_g", "rtol": 1e-8,
             "atol": 1e-10}  # fmt: skip
    assert asked == [(Params(), usual, None, 0, None, None)]
    words = "--family free --knots 4 --tol 0.25 --criterion elbo --rtol 1e-7 --atol 1e-9"
    run("anneal --beta 1.5 --confirm 2 --seed 3 --jobs 2", words)
    given = {"family": "free", "knots": 4, "tol": 0.25, "criterion": "elbo", "rtol": 1e-7,
             "atol": 1e-9}  # fmt: skip
    assert asked[1] == (Params(beta=1.5), given, 2, 3, 2, None)


def test_warm_ups_are_asked_for_as_the_options_say(run, monkeypatch):
    asked, prepared = [], []

    def prepare(session, *given):
        prepared.append(given)
        return "found", {"beta": 1.5}

    def reported(session, *given, **options):
        asked.append((given, options))

    monkeypatch.setattr(anneal, "prepare", prepare)
    monkeypatch.setattr(anneal, "report_warm_up", reported)
    run("anneal --data x.npy --spikes 2")
    place, model, how, allowed = prepared[0]
    assert (place, model["beta"], allowed) == ("x.npy", 1.0, ["tol"])
    assert how == {"standardise": False, "estimator": "likelihood", "spikes": 2, "epochs": "many"}
    usual = {"rtol": 1e-8, "atol": 1e-10, "out": None}
    assert asked == [(("found", {"beta": 1.5}, "tanh", None, None, 0), usual)]
    run("anneal --data x.npy --tol 0.25 --confirm 3 --seed 4 --rtol 1e-7 --atol 1e-9")
    given = {"rtol": 1e-7, "atol": 1e-9, "out": None}
    assert asked[1] == (("found", {"beta": 1.5}, "tanh", 0.25, 3, 4), given)
    for name, value in (("knots", "2"), ("criterion", "elbo")):
        done = run("anneal --data x.npy", f"--{name}", value)
        text = f"error: --{name} and --data exclude each other (see 'vaedyn anneal --help')"
        assert (done.code, done.err.strip()) == (2, text)
    done = run("anneal --learning-rate 0.1").err
    assert done.startswith("error: --learning-rate goes with --export (see")


def test_training_on_a_table_is_asked_for_as_the_options_say(run, monkeypatch):
    asked = []
    monkeypatch.setattr(simulate, "prepare", lambda s, *given: asked.append(given) or ("f", "set"))
    monkeypatch.setattr(simulate, "report", lambda s, *given: asked.append(given))
    assert run("simulate --data x.npy --seed 7 --spikes 2").code == 0
    (place, _, how), given = asked
    assert (place, how["spikes"], given) == ("x.npy", 2, ("f", "set", 7))


def test_the_rate_of_an_optimiser_is_checked_before_anything_is_computed(run, monkeypatch):
    asked = []
    fake = SimpleNamespace(of=lambda model, learning_rate: asked.append((model, learning_rate)))
    monkeypatch.setattr(anneal, "KLSchedule", fake)
    monkeypatch.setattr(anneal, "of_model", lambda session, *given: None)
    monkeypatch.setattr(anneal, "print_export", lambda export, found, **given: asked.append(
        (export, found, given)))  # fmt: skip
    for words in ("", "--learning-rate 0.1 --export csv", "--optimiser adam"):
        assert run("anneal", words).code == 0
    assert asked == []
    words = "--optimiser adam --learning-rate 0.1 --export csv --beta 1.5"
    assert run("anneal", words).code == 0
    assert asked == [(Params(beta=1.5, optimiser="adam"), 0.1)]
    monkeypatch.setattr(anneal, "of_model", lambda session, *given: given[-1]("found"))
    run("anneal --learning-rate 0.1 --export csv --rows 30 --loss mean")
    export, found, given = asked[1]
    assert (export, found, given["convention"].loss) == ("csv", "found", "mean")
    assert (given["learning_rate"], given["rows"]) == (0.1, 30)
