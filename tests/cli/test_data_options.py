"""Which options of commands on tables arrive where, and in which order things are printed."""

from types import SimpleNamespace

import click
import numpy as np
import pytest

from vaedyn.cli import heldout, spectrum, theory, weight
from vaedyn.data.convention import OWN, Convention

HOW = {"standardise": False, "estimator": "likelihood", "spikes": None, "epochs": "many",
       "leading": 200, "passes": 6}  # fmt: skip


EVERY = "--standardise --estimator median --spikes 2 --epochs one --leading 7 --passes 3"
CHANGED = {"standardise": True, "estimator": "median", "spikes": 2, "epochs": "one",
           "leading": 7, "passes": 3}  # fmt: skip


LOSS = (
    "--loss mean --decoder-variance 0.5 --reconstruction-weight 2 --kl per-entry --batch-sum kl "
    "--batch-size 3 --scale 0.25"
)


MINE = Convention("mean", 0.5, 0.25, reconstruction_weight=2.0, kl="per-entry", batch_sum="kl",
                  batch_size=3)  # fmt: skip


def look(no_floor=None, rho=(2.0,)):
    analysis = SimpleNamespace(no_floor=no_floor, rho=np.array(rho), warnings=())
    return SimpleNamespace(
        analysis=analysis, spectrum=SimpleNamespace(dim=5, samples=30), source=None,
        rows=SimpleNamespace(origin={"file": "x.npy"}),
    )  # fmt: skip


@pytest.fixture
def seen(monkeypatch):
    """Let all parts of `vaedyn spectrum` be one word each; yield what was asked for."""
    asked = {"look": look()}

    def looked(session, place, **how):
        asked["looked"] = place, how
        return asked["look"]

    def judged(found, *given):
        asked["judged"] = given
        return given[:2] != (None, None) or None

    monkeypatch.setattr(spectrum, "looked", looked)
    monkeypatch.setattr(spectrum, "judged", judged)
    monkeypatch.setattr(spectrum, "describe", lambda *given: {"given": len(given)})
    listed = spectrum.listed
    monkeypatch.setattr(listed, "signals", lambda d, c: ((["s"], [["1"]], (), asked.get("more")),
                                                         ["signals", "lost"]))  # fmt: skip
    monkeypatch.setattr(listed, "alone", lambda data: ["alone"])
    monkeypatch.setattr(listed, "answer", lambda data, convention: ["answer", "of two"])
    monkeypatch.setattr(listed, "weights", lambda *given: asked.update(weights=given[1:]) or (
        ["w"], [["2"]], (), 0))  # fmt: skip
    monkeypatch.setattr(spectrum, "print_alternative", lambda data: click.echo("alternative"))
    monkeypatch.setattr(spectrum, "verdict", lambda asked, latent, by_beta: f"{latent} {by_beta}")
    monkeypatch.setattr(spectrum, "answer", lambda *given: asked.update(answer=given[1:]))
    return asked


SIGNALS, LAST = ["s", "─", "1", "signals", "lost"], ["w", "─", "2"]


def test_a_spectrum(run, seen):
    assert run("spectrum x.npy").out.splitlines() == [
        *SIGNALS, "alone", "answer", "of two", *LAST]  # fmt: skip
    assert seen["looked"] == ("x.npy", HOW)
    assert seen["judged"] == (None, None, None, None)
    assert seen["weights"] == (None, None, None)
    done = run("spectrum x.npy --latent 4 --beta 0.5", EVERY, LOSS)
    assert done.out.splitlines() == [*SIGNALS, "answer", "of two", *LAST, "4 True"]
    assert seen["looked"] == ("x.npy", CHANGED)
    assert seen["judged"] == (None, 0.5, 4, MINE)
    assert seen["weights"] == (4, MINE, True)
    assert run("spectrum x.npy --latent 1 --weight 0.5").out.splitlines()[-1] == "1 False"
    assert seen["judged"] == (0.5, None, 1, None)
    assert run("spectrum x.npy --json").json == {"given": 4}
    seen["more"] = 3
    assert run("spectrum x.npy").out.splitlines()[3] == "and 3 more: see --json"


def test_a_spectrum_without_noise_or_signals(run, seen):
    seen["look"] = look("odd")
    words = ["answer", "of two"]
    assert run("spectrum x.npy").out.splitlines() == [*words, "alternative", *LAST]
    seen["look"] = look(rho=())
    assert run("spectrum x.npy").out.splitlines() == [*words, *LAST]


def test_a_spectrum_of_another_likelihood(run, seen):
    words = "--likelihood nb --dispersion 3 --latent 4 --beta 0.5"
    assert run("spectrum x.npy", words).code == 0
    convention = Convention("sum", likelihood="nb", dispersion=3.0)
    assert seen["answer"] == ("x.npy", convention, 4, None, 0.5, HOW)
    assert "looked" not in seen


@pytest.mark.parametrize("command", ["spectrum", "heldout"])
def test_a_weight_or_a_beta(run, command):
    done = run(f"{command} x.npy --weight 1 --beta 2")
    assert done.err.startswith("error: --weight and --beta exclude each other")
    assert run(f"{command} x.npy --beta 0").code == 2


def test_the_mean_over_latents_is_over_the_models(run, seen):
    run("spectrum x.npy --kl mean --latent 4")
    assert seen["judged"][3].latent == 4
    assert run("spectrum x.npy --kl mean").code == 2
    run("spectrum x.npy --loss mean --latent 4")
    assert seen["judged"][3].latent is None


@pytest.fixture
def folds(monkeypatch):
    asked = {}
    found = SimpleNamespace(columns=5)
    monkeypatch.setattr(heldout, "held", lambda s, *given: asked.update(held=given) or found)
    monkeypatch.setattr(heldout, "listed", lambda f, *given: asked.update(listed=given) or "scores")
    monkeypatch.setattr(heldout, "describe", lambda f, *given: {"seed": given[-1], "n": len(given)})
    monkeypatch.setattr(heldout, "size", lambda f: "size")
    monkeypatch.setattr(
        heldout, "answer", lambda f, *given: asked.update(answer=given) or ["a", "b"]
    )
    monkeypatch.setattr(heldout, "scored", lambda *given: asked.update(scored=given) or (
        ["t"], [["1"]], (), 0))  # fmt: skip
    return asked


def test_rows_held_out(run, folds):
    assert run("heldout x.npy").out.splitlines() == ["size", "t", "─", "1", "a", "b"]
    assert folds["held"] == ("x.npy", False, None, 5, 0)
    assert folds["listed"] == (1.0, None)
    assert folds["scored"] == ("scores", None, 1.0)
    assert folds["answer"] == (None, 1.0)
    done = run("heldout x.npy --standardise --latent 4 --folds 3 --seed 7 --weight 0.5", LOSS)
    note = "; squared errors are those before --scale"
    assert done.out.splitlines() == [f"size{note}", "t", "─", "1", "a", "b"]
    assert folds["held"] == ("x.npy", True, 4, 3, 7)
    factor = MINE.factor(5)
    assert factor != 1
    assert folds["listed"] == (factor, MINE.beta(0.5, 5))
    assert folds["scored"] == ("scores", MINE, factor)
    assert folds["answer"] == (MINE, factor)
    run("heldout x.npy --weight 0.5")
    assert folds["listed"] == (1.0, OWN.beta(0.5, 5))
    assert run("heldout x.npy --beta 0.5 --loss mean").out.splitlines()[0] == "size"
    assert folds["listed"] == (0.4, 0.5)
    assert run("heldout x.npy --json --seed 7").json == {"seed": 7, "n": 5}
    assert run("heldout x.npy --folds 2").code == 0
    assert run("heldout x.npy --folds 1").code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("heldout x --likelihood bernoulli", "--likelihood: the likelihood of rows held out is "),
        ("anneal --likelihood bernoulli", "--likelihood: a schedule is derived for a gaussian"),
        ("plot spectrum x --likelihood bernoulli", "--likelihood: this picture is derived for a "),
        ("plot heldout x --likelihood bernoulli", "--likelihood: this picture is derived for a "),
        ("plot rate-distortion x --likelihood bernoulli", "--likelihood: this picture is derived "),
        ("plot heldout x --weight 1 --beta 1", "--weight and --beta exclude each other"),
        ("plot spectrum x --weight 1 --beta 1", "--weight and --beta exclude each other"),
        ("plot rate-distortion x --weight 1 --beta 1", "--weight and --beta exclude each other"),
        ("weight x --likelihood bernoulli", "--likelihood: KL and latents far below collapse are "
         "not derived for bernoulli"),
        ("weight x --keep 1 --capacity 2", "--keep and --capacity exclude each other"),
        ("weight x --keep 1 --capacity 2 --explained 0.5",
         "--keep and --capacity and --explained exclude each other"),
        ("weight x --explained 1.5", "--explained"),
        ("theory --spikes 2", "--spikes goes with --data"),
        ("diagnose x --weight 1 --beta 1", "--weight and --beta exclude each other"),
    ],
)  # fmt: skip
def test_what_is_refused_before_a_table_is_read(run, words, message):
    done = run(words)
    assert done.code == 2
    assert done.err.startswith(f"error: {message}")


@pytest.fixture
def wanted(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        weight, "looked", lambda s, place, **how: asked.update(looked=(place, how)) or look()
    )
    monkeypatch.setattr(
        weight, "beta_for", lambda found, **given: asked.update(beta_for=given) or "found"
    )
    monkeypatch.setattr(weight, "_describe", lambda d, *given: {"given": repr(given)})
    monkeypatch.setattr(weight, "_print_all", lambda d, *given: click.echo(f"all {given}"))
    monkeypatch.setattr(weight, "_sentence", lambda *given: f"sentence {given}")
    return asked


def test_a_weight(run, wanted):
    usual = {name: x for name, x in HOW.items() if name != "epochs"}
    assert run("weight x.npy").out == "all (None, 1.0, False)\n"
    assert wanted == {"looked": ("x.npy", usual)}
    every = EVERY.replace("--epochs one ", "")
    words = "weight x.npy --keep 2 --latent 4"
    done = run(words, every, LOSS)
    factor = MINE.factor(5)
    assert done.out == f"sentence ('found', {factor}, {{'keep': 2}})\n"
    changed = {name: x for name, x in CHANGED.items() if name != "epochs"}
    assert wanted["looked"] == ("x.npy", changed)
    assert wanted["beta_for"] == {"latents": 4, "learned": False, "keep": 2}
    given = (4, 1.0, False, {"keep": 2}, "found")
    assert run(words, "--json").json == {"given": repr(given)}
    assert run("weight x.npy --json").json == {"given": repr((None, 1.0, False, {}, None))}
    run("weight x.npy --capacity 1.5 --decoder-variance learned")
    assert wanted["beta_for"] == {"latents": None, "learned": True, "capacity": 1.5}
    run("weight x.npy --explained 0.5")
    assert wanted["beta_for"] == {"latents": None, "learned": False, "explained": 0.5}
    assert run("weight x.npy --keep 0").code == 2
    assert run("weight x.npy --latent 0").code == 2


def test_theory_on_data(run, monkeypatch):
    asked = []
    monkeypatch.setattr(
        theory, "prepare", lambda s, place, model, how: asked.append((place, how)) or ("f", "set")
    )
    monkeypatch.setattr(theory, "report_course", lambda s, *given: asked.append(given))
    monkeypatch.setattr(theory, "report", lambda s, params, *given: asked.append(given))
    how = {name: x for name, x in HOW.items() if name not in ("leading", "passes")}
    run("theory --data x.npy")
    assert asked == [("x.npy", how), ("f", "set", 1e-8, 1e-10)]
    run("theory --data x.npy --rtol 1e-7 --atol 1e-9 --epochs one")
    assert asked[2:] == [("x.npy", {**how, "epochs": "one"}), ("f", "set", 1e-7, 1e-9)]
    run("theory")
    run("theory --rtol 1e-7 --atol 1e-9 --tol 0.25 --bands --random-start")
    usual = (1e-8, 1e-10, 1e-3, False, False)
    assert asked[4:] == [usual, (1e-7, 1e-9, 0.25, True, True)]
