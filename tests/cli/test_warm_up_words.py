"""Conventions of losses and warm-ups that are made up, word by word."""

import json
from dataclasses import replace
from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from tests.shared.looks import UNIT, UNSURE, context, made
from vaedyn.cli import convention, warm_up
from vaedyn.data.convention import OWN, Convention
from vaedyn.data.presets import PRESETS
from vaedyn.errors import ParameterError

USUAL = {"loss": None, "decoder_variance": None, "scale": 1.0, "reconstruction_weight": 1.0,
         "kl": "sum", "batch_sum": None, "likelihood": "gaussian", "dispersion": None,
         "batch_size": None}  # fmt: skip


def test_the_users_convention_is_none_where_it_is_the_models_own():
    def of(**changes):
        return convention.convention_of(**{**USUAL, **changes})

    assert of() is None
    assert of(batch_size=3) is None
    assert of(scale=0.5) == replace(OWN, scale=0.5)
    assert of(loss="mean") == Convention("mean")
    assert of(loss="sum") == Convention("sum")
    assert of(decoder_variance=0.5) == Convention("sum", 0.5)
    assert of(likelihood="bernoulli") == Convention("sum", likelihood="bernoulli")
    found = of(kl="per-entry", batch_sum="kl", batch_size=3, reconstruction_weight=2.0)
    assert (found.loss, found.kl, found.batch_sum) == (OWN.loss, "per-entry", "kl")
    assert (found.batch_size, found.reconstruction_weight) == (3, 2.0)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "--loss sum"),
        ({"loss": "mean", "scale": 0.00392157}, "--loss mean --scale 0.00392157"),
        ({"decoder_variance": 0.5, "kl": "mean"}, "--loss sum --decoder-variance 0.5 --kl mean"),
        ({"decoder_variance": "learned"}, "--loss sum --decoder-variance learned"),
        ({"reconstruction_weight": 2.0, "batch_sum": "kl", "batch_size": 3},
         "--loss sum --reconstruction-weight 2 --batch-sum kl --batch-size 3"),
    ],
)  # fmt: skip
def test_options_that_a_convention_stands_for(given, text):
    assert convention.spelt(Convention(**given)) == text


CHOSEN = {"dispersion": None, "batch_size": 7, "scale": 0.5, "loss": None}


def test_conventions_of_known_codes(monkeypatch, notes):
    mean = Convention("mean")
    named = {"a": ("v1", "", ""), "b": ("v2", "mind", ""), "c": ("v3", "", "no")}
    known = {
        name: SimpleNamespace(
            convention=mean, source=f"{name} paper", seen=seen, note=note, refused=refused
        )
        for name, (seen, note, refused) in named.items()
    }
    monkeypatch.setattr(convention, "PRESETS", known)
    with context(loss="DEFAULT", scale="COMMANDLINE"):
        found = convention._like("a", CHOSEN)
        assert found == Convention("mean", scale=0.5, batch_size=7)
        assert notes() == [("INFO", "a: a paper (v1)")]
        convention._like("b", CHOSEN)
        assert notes() == [("INFO", "b: b paper (v2)"), ("WARNING", "b: mind")]
        with pytest.raises(ParameterError) as error:
            convention._like("c", CHOSEN)
        assert (error.value.name, error.value.reason) == ("like", "c: no")
    for name in ("loss", "decoder_variance", "reconstruction_weight", "kl", "batch_sum",
                 "likelihood"):  # fmt: skip
        for source in ("COMMANDLINE", "ENVIRONMENT"):
            with context(**{name: source}), pytest.raises(ParameterError) as error:
                convention._like("a", CHOSEN)
            reason = "and --like a exclude each other: it stands for --loss mean"
            assert (error.value.name, error.value.reason) == (name, reason)
    assert PRESETS["pytorch-vae"].convention is not None


def test_losses_that_are_not_derived():
    what = "this is derived for a gaussian of given variance, not for "
    end = ": `vaedyn spectrum` has its thresholds"
    convention.only_gaussian(None, "this")
    convention.only_gaussian(Convention("mean"), "this")
    for given, name, other in (
        ({"likelihood": "bernoulli"}, "likelihood", "bernoulli"),
        ({"decoder_variance": "learned"}, "decoder_variance", "a learned one"),
    ):
        with pytest.raises(ParameterError) as error:
            convention.only_gaussian(Convention(**given), "this")
        assert (error.value.name, error.value.reason) == (name, what + other + end)


def test_what_is_judged(monkeypatch):
    asked = []
    monkeypatch.setattr(convention, "check_asked", lambda *given: asked.append(given))
    monkeypatch.setattr(convention, "judge", lambda found, **given: asked.append((found, given)))
    convention.check_judged(0.5, None)
    convention.check_judged(None, 2.0)
    with pytest.raises(click.UsageError) as error:
        convention.check_judged(0.5, 2.0)
    assert error.value.message == "--weight and --beta exclude each other"
    mean = Convention("mean")
    convention.judged("found", None, None, 3, mean)
    convention.judged("found", 0.5, None, 3, mean)
    convention.judged("found", None, 2.0, 3, None)
    given = {"latents": 3, "convention": mean}
    assert asked == [
        (0.5, None), (None, 2.0), ("found", {"weight": 0.5, "beta": None, **given}),
        ("found", {"weight": None, "beta": 2.0, "latents": 3, "convention": OWN}),
    ]  # fmt: skip


def test_variances_are_numbers_or_learned():
    kind = convention.Variance()
    assert [kind.convert(x, None, None) for x in ("learned", "0.5", 2)] == ["learned", 0.5, 2.0]
    assert kind.get_metavar(None, None) == "FLOAT|learned"
    with pytest.raises(click.BadParameter) as error:
        kind.convert("taught", None, None)
    assert error.value.message == "expected a number or learned, got 'taught'"


def warm(**others):
    usual = {
        "source": SOURCE, "torch": np.array([64.0, 32.0]), "family": "linear", "tol": 0.02,
        "end": "loss", "constant": 48.0, "time": 24.0, "gain": 2.0, "off": 40.0, "spec": "linear:8",
        "numbers": np.array([4.0, 8.0]), "times": np.array([30.0, np.inf]), "samples": 30,
        "params": SimpleNamespace(beta=1.5), "steps": lambda t: 5 * t, "epochs": lambda t: t / 6,
    }  # fmt: skip
    return SimpleNamespace(**{**usual, **others})


class Checked:
    constant, annealed, gain, error = 47.0, 25.0, 1.87654, 0.0321

    def _asdict(self):
        return {"gain": 1.875}


def test_a_warm_up_as_json():
    wanted = {
        "command": "anneal", **PROVENANCE, "family": "linear", "tol": 0.02, "end": "loss",
        "constant": {"t": 48.0, "steps": 240.0, "epochs": 8.0},
        "best": {"anneal": "linear:8", "t": 24.0, "steps": 120.0, "epochs": 4.0, "gain": 2.0},
        "off_by_a_tenth": {"t": 40.0, "steps": 200.0, "epochs": 40 / 6, "gain": 1.2},
        "pytorch_start": {"constant": 64.0, "annealed": 32.0, "gain": 2.0},
        "helps": True, "schedules": [[4.0, 30.0], [8.0, None]],
    }  # fmt: skip
    assert warm_up.describe(warm(), None) == wanted
    assert warm_up.describe(warm(), Checked()) == {**wanted, "measured": {"gain": 1.875}}
    unknown = warm_up.describe(warm(torch=np.array([np.nan, np.nan])), None)["pytorch_start"]
    assert unknown == {"constant": None, "annealed": None, "gain": None}
    least = warm_up.WORTH_IT
    assert warm_up.describe(warm(gain=least), None)["helps"] is True
    assert warm_up.describe(warm(gain=least * 0.999), None)["helps"] is False


@pytest.fixture
def asked_warm_up(monkeypatch):
    asked = []

    def best(found, family, **options):
        options.pop("progress")(1, 2)
        asked.append((family, options))
        return warm()

    def confirm(found, best, **options):
        asked.append(options)
        return Checked()

    monkeypatch.setattr(warm_up, "warm_up", best)
    monkeypatch.setattr(warm_up, "confirm_warm_up", confirm)
    monkeypatch.setattr(warm_up, "warm_up_table", lambda best: (["a"], [["1"]], (), 0))
    monkeypatch.setattr(warm_up, "converged", lambda best: "converged")
    monkeypatch.setattr(warm_up, "warm_up_verdict", lambda best: "verdict")
    return asked


def test_a_warm_up_in_words(session, as_json, out, shown, asked_warm_up):
    def report(session, found=None, settings=(), tol=0.25, confirm=None, out=None):
        given = dict(settings), "linear", tol, confirm, 7, 1e-7, 1e-9, out
        warm_up.report_warm_up(session, found or made(), *given)

    report(session, settings={"latent": 2})
    settings = {"tol": 0.25, "rtol": 1e-7, "atol": 1e-9, "latent": 2}
    assert asked_warm_up == [("linear", {**settings, "store": session.store})]
    last = ["--beta 1.5 --anneal linear:8", "verdict"]
    assert out()[2:] == ["1", "converged", *last]
    report(session, made(analysis=UNSURE), tol=None, confirm=6)
    assert asked_warm_up[1][1]["tol"] == 0.01
    assert asked_warm_up[2] == {"runs": 6, "seed": 7, "store": session.store,
                                "watch": session.simulation}  # fmt: skip
    measured = "measured in 6 trainings: t = 47 and 25, gain 1.877 +- 0.032"
    assert out()[3:] == ["converged", measured, *last, UNIT["without"]]
    report(session, made(analysis=UNSURE), {"beta": 1.5})
    assert out()[3:] == ["converged", *last]
    report(as_json, confirm=6)
    assert shown() == json.loads(json.dumps(
        {**warm_up.describe(warm(), Checked()), "warnings": ["beware"]}))  # fmt: skip
    exported = []
    count = len(asked_warm_up)
    report(session, confirm=6, out=lambda best, unit: exported.append((best.spec, unit)))
    assert exported == [("linear:8", 3.0)]
    assert (out(), len(asked_warm_up)) == ([], count + 1)
