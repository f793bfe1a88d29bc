"""What commands on tables print, entry by entry, of results that are made up."""

from types import SimpleNamespace

import click
import numpy as np
import pytest

from tests.shared.kept import PROVENANCE, SOURCE
from vaedyn.cli import losses, weight
from vaedyn.data.beta_for import Wanted
from vaedyn.data.convention import Convention
from vaedyn.data.learned_variance import LearnedVariance
from vaedyn.data.prediction import Prediction
from vaedyn.errors import ParameterError
from vaedyn.tables.table import TableError


def predicted(*eigenvalues, total=None, dim=4):
    return Prediction(np.array([7.0, 2.0]), 1.0, dim, np.array(eigenvalues),
                      total or float(sum(eigenvalues)))  # fmt: skip


# ---- thresholds of another likelihood


def many(count=3, **others):
    made = {
        "likelihood": "bernoulli", "dispersion": None, "samples": 30, "dim": 5, "left_out": (1, 3),
        "complete": False, "eigenvalues": np.array([4.0, 2.0, 0.5, *[0.25] * 40])[:count],
        "warnings": ("beware",),
    }  # fmt: skip
    return SimpleNamespace(**{**made, **others})


BERNOULLI = Convention(likelihood="bernoulli")
MEAN = Convention("mean", likelihood="bernoulli")
HOW = {"standardise": False, "estimator": "likelihood", "spikes": None, "epochs": "many",
       "leading": 7, "passes": 3}  # fmt: skip


def test_thresholds_as_json(as_json, shown):
    losses._thresholds(as_json, many(), BERNOULLI, None, None, None)
    assert shown() == {
        "command": "spectrum", "likelihood": "bernoulli", "dispersion": None, "samples": 30,
        "dim": 5, "left_out": [2, 4], "complete": False,
        "thresholds": [
            {"latent": 1, "beta": 4.0, "weight": 4.0}, {"latent": 2, "beta": 2.0, "weight": 2.0},
            {"latent": 3, "beta": 0.5, "weight": 0.5},
        ],
        "exact": losses.listed.EXACT, "first_guess": losses.listed.GUESS, "no_minimum": None,
        "warnings": ["beware"],
    }  # fmt: skip
    losses._thresholds(as_json, many(likelihood="factor"), MEAN, 2, None, 0.5)
    data = shown()
    assert data["thresholds"][1] == {"latent": 2, "beta": 2.0, "weight": 0.4}
    assert len(data["thresholds"]) == 2
    assert data["no_minimum"] == losses.listed.NO_MINIMUM
    assert data["judged"] == {"weight": 0.1, "beta": 0.5, "unstable": 2}
    losses._thresholds(as_json, many(), MEAN, None, 0.4, None)
    assert shown()["judged"] == {"weight": 0.4, "beta": 2.0, "unstable": 1}


@pytest.mark.parametrize(
    ("weight", "beta", "text"),
    [
        (None, 0.5, "your beta is 0.5: total collapse is unstable, 2 latents grow out of it"),
        (None, 2.0, "your beta is 2: total collapse is unstable, 1 latent grows out of it"),
        (None, 4.0, "your beta is 4: total collapse is stable"),
        (0.8, None, "your KL weight 0.8 is beta = 4 here: total collapse is stable"),
        (None, None, None),
    ],
)
def test_thresholds_in_words(session, out, weight, beta, text):
    losses._thresholds(session, many(), MEAN, None, weight, beta)
    lines = out()
    assert lines[0] == "latent   grows below beta   KL weight"
    assert lines[2] == "1                       4         0.8"
    assert lines[5:8] == losses.listed.summary(many())
    assert lines[8:] == ([] if text is None else [text])


@pytest.mark.parametrize(("count", "more"), [(25, []), (26, ["and 1 more: see --json"])])
def test_of_many_thresholds_some_are_shown(session, out, count, more):
    losses._thresholds(session, many(count), BERNOULLI, None, None, None)
    assert out()[27:-3] == more


def test_thresholds_are_asked_for_as_the_options_say(session, monkeypatch, caplog):
    caplog.set_level("INFO")
    asked, table = {}, SimpleNamespace(found="found it", note="note it")

    def thresholds(given, likelihood, **options):
        asked.update(options, table=given, likelihood=likelihood)
        return many()

    monkeypatch.setattr(losses, "opened", lambda place: table)
    monkeypatch.setattr(losses, "collapse_thresholds", thresholds)
    monkeypatch.setattr(losses, "_thresholds", lambda *given: asked.update(given=given))
    convention = Convention(likelihood="nb", dispersion=3.0, scale=0.5)
    losses.answer(session, "x.npy", convention, 2, 0.25, None, HOW)
    given = asked.pop("given")
    assert given[0] is session
    assert given[2:] == (convention, 2, 0.25, None)
    assert asked == {"table": table, "likelihood": "nb", "dispersion": 3.0, "scale": 0.5,
                     "leading": 7, "passes": 3}  # fmt: skip
    said = [(r.levelname, r.getMessage()) for r in caplog.records]
    assert said == [("INFO", "found it"), ("WARNING", "note it"), ("WARNING", "beware")]
    table.note = ""
    losses.answer(session, "x.npy", convention, 2, 0.25, None, HOW)
    assert caplog.messages[3:] == ["found it", "beware"]


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (TableError("t"), click.BadParameter, "DATA"),
        (ParameterError("data", "t"), click.BadParameter, "DATA"),
        (ParameterError("scale", "t"), ParameterError, None),
    ],
)
def test_tables_without_thresholds(session, monkeypatch, error, kind, hint):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(losses, "opened", lambda place: None)
    monkeypatch.setattr(losses, "collapse_thresholds", fail)
    with pytest.raises(kind) as raised:
        losses.answer(session, "x.npy", BERNOULLI, None, None, None, HOW)
    assert getattr(raised.value, "param_hint", None) == hint
    assert getattr(raised.value, "message", "t") == "t"


@pytest.mark.parametrize(
    ("changed", "name", "reason"),
    [
        ({"epochs": "one"}, "epochs", "only many is derived for bernoulli"),
        ({"standardise": True}, "standardise", "does not apply to the likelihood bernoulli"),
        ({"estimator": "median"}, "estimator", "does not apply to the likelihood bernoulli"),
        ({"spikes": 0}, "spikes", "does not apply to the likelihood bernoulli"),
        ({"spikes": 2}, "spikes", "does not apply to the likelihood bernoulli"),
    ],
)
def test_ways_to_look_that_mean_nothing(changed, name, reason):
    losses.refuse_how(BERNOULLI, HOW)
    with pytest.raises(ParameterError) as error:
        losses.refuse_how(BERNOULLI, {**HOW, **changed})
    assert (error.value.name, error.value.reason) == (name, reason)


# ---- a decoder variance that is learned

LEARNED = Convention(decoder_variance="learned")
SCALED = Convention("mean", decoder_variance="learned", scale=2.0)


@pytest.fixture
def learn(monkeypatch):
    """Yield what is asked of the science, which answers with round numbers."""
    asked = []

    def at(eigenvalues, beta, latents, *, dim, total):
        asked.append((eigenvalues.tolist(), latents, dim, total))
        if beta > 1000:
            raise ParameterError("latents", "is too much")
        return LearnedVariance(beta, 2.0, beta * 2.0, latents - 1, 0.25, 1.5)

    def lost(eigenvalues, *, dim, total):
        asked.append((eigenvalues.tolist(), dim, total))
        return np.array([4.0, 2.0, 1.25])

    monkeypatch.setattr(losses, "learned_variance", at)
    monkeypatch.setattr(losses, "learned_thresholds", lost)
    return asked


def table_of(prediction, **others):
    made = {"prediction": prediction, "spectrum": SimpleNamespace(samples=30, dim=4),
            "source": SOURCE, "analysis": SimpleNamespace(warnings=("beware",))}  # fmt: skip
    return SimpleNamespace(**{**made, **others})


FULL = predicted(8.0, 3.0, 1.0)


def test_a_learned_variance_as_json(as_json, shown, learn):
    losses._learned(as_json, table_of(FULL), LEARNED, None, None, None)
    assert shown() == {
        "command": "spectrum", **PROVENANCE, "likelihood": "gaussian",
        "decoder_variance": "learned", "samples": 30, "dim": 4, "latent": None,
        "total_collapse": 4.0,
        "thresholds": [
            {"latent": 1, "beta": 4.0, "weight": 4.0}, {"latent": 2, "beta": 2.0, "weight": 2.0},
            {"latent": 3, "beta": 1.25, "weight": 1.25},
        ],
        "no_minimum_up_to": None, "table": [], "warnings": ["beware"],
    }  # fmt: skip
    assert learn == [([8.0, 3.0, 1.0], 4, 12.0)]
    losses._learned(as_json, table_of(FULL, source=None), SCALED, 2, None, 8.0)
    data = shown()
    assert "key" not in data
    assert data["thresholds"] == [
        {"latent": 1, "beta": 4.0, "weight": 1.0}, {"latent": 2, "beta": 2.0, "weight": 0.5},
    ]  # fmt: skip
    judged = {"weight": 2.0, "beta": 8.0, "sigma2": 8.0, "in_force": 64.0, "active": 1,
              "explained": 0.25, "kl": 1.5}  # fmt: skip
    assert data["judged"] == judged
    assert {"weight": 0.25, "beta": 1.0, "sigma2": 8.0, "in_force": 8.0, "active": 1,
            "explained": 0.25, "kl": 1.5} in data["table"]  # fmt: skip
    assert learn[-1] == ([8.0, 3.0, 1.0], 2, 4, 12.0)
    losses._learned(as_json, table_of(FULL), LEARNED, 3, None, None)
    assert shown()["no_minimum_up_to"] == 4 / 3
    part = table_of(predicted(8.0, 3.0, 1.0, total=20.0))
    losses._learned(as_json, part, LEARNED, 3, None, None)
    assert shown()["no_minimum_up_to"] is None


def test_a_learned_variance_in_words(session, out, learn):
    losses._learned(session, table_of(FULL), LEARNED, None, None, 8.0)
    head = ("30 samples in 4 columns, all of which count; decoder variance sigma2 learned; total "
            "collapse at beta = 4, the largest eigenvalue over the mean")  # fmt: skip
    lines = out()
    assert lines[0] == "latent   collapses at beta"
    assert lines[5:] == [head, "sigma2 depends on the latent dimension: give --latent"]
    losses._learned(session, table_of(FULL), SCALED, 2, None, 8.0)
    lines = out()
    assert lines[0] == "latent   collapses at beta   KL weight"
    assert lines[4] == head
    assert lines[5].split("   ") == ["beta", "KL weight", "sigma2", "beta sigma2", "active units",
                                     "explained variance", "KL (nats)"]  # fmt: skip
    assert ["1", "0.25", "8", "8", "1", "25.0", "%", "1.5"] in [line.split() for line in lines]
    assert lines[-2:] == [
        "beta sigma2 is the beta in force: a latent is active for each eigenvalue above it",
        "your beta is 8: sigma2 = 8, 1 of 2 latents is active",
    ]
    losses._learned(session, table_of(FULL), LEARNED, 3, None, None)
    lines = out()
    assert lines[6] == (
        "so many latents can explain everything: up to beta = 1.33333 sigma2 goes to 0, without "
        "a minimum"
    )
    assert lines[7].split()[0] == "beta"
    assert "KL weight" not in lines[7]
    assert lines[-1].startswith("beta sigma2 is")
    one = table_of(FULL, spectrum=SimpleNamespace(samples=30, dim=1))
    losses._learned(session, one, LEARNED, None, None, None)
    assert out()[5].startswith("30 samples in 1 column; decoder")


@pytest.mark.parametrize(
    ("latents", "words"),
    [(1, "0 of 1 latent is active"), (2, "1 of 2 latents is active"),
     (3, "2 of 3 latents are active")],
)  # fmt: skip
def test_yours_with_a_learned_variance(session, out, learn, latents, words):
    losses._learned(session, table_of(FULL), LEARNED, latents, 8.0, None)
    assert out()[-1] == f"your KL weight 8 is beta = 8 here: sigma2 = 2, {words}"


def test_a_variance_that_is_learned_needs_latents(session, monkeypatch, learn):
    looks = []
    monkeypatch.setattr(losses, "looked", lambda *given, **how: looks.append((given, how)))
    monkeypatch.setattr(losses, "_learned", lambda *given: looks.append(given))
    for given in ((0.5, None), (None, 0.5)):
        with pytest.raises(ParameterError) as error:
            losses.answer(session, "x", LEARNED, None, *given, HOW)
        assert error.value.name == "latent"
        assert error.value.reason == "is needed: the learned variance depends on it"
    with pytest.raises(ParameterError) as error:
        losses.answer(session, "x", LEARNED, None, None, None, {**HOW, "epochs": "one"})
    assert error.value.reason == "only many is derived for learned"
    losses.answer(session, "x", LEARNED, None, None, None, HOW)
    losses.answer(session, "x", LEARNED, 2, None, 0.5, HOW)
    assert looks == [
        ((session, "x"), HOW), (session, None, LEARNED, None, None, None),
        ((session, "x"), HOW), (session, None, LEARNED, 2, None, 0.5),
    ]  # fmt: skip
    with pytest.raises(ParameterError) as error:
        losses._at(table_of(FULL), 1001.0, 2)
    assert (error.value.name, error.value.reason) == ("latent", "is too much")


@pytest.mark.parametrize(
    ("latents", "degenerate", "total", "low", "wanted"),
    [
        (1, False, None, 0.5, [0.25, 0.75, 1.0, 1.5, 1.50001, 4.0]),
        (2, False, None, 0.5, [0.25, 0.75, 1.0, 1.5, 1.50001, 4.0]),
        (3, False, None, 0.375, [0.25, 0.75, 1.0, 1.5, 1.50001, 4.0]),
        (3, True, None, 0.75, [1.0, 1.5, 1.50001, 4.0]),
        (2, True, None, 1.5, [1.50001, 4.0]),
        (3, False, 20.0, 0.375, [0.25, 0.75, 1.0, 1.5, 1.50001, 4.0]),
        (4, False, 20.0, 0.375, [0.75, 1.0, 1.5, 1.50001, 4.0]),
        (4, False, None, 0.375, [0.25, 0.75, 1.0, 1.5, 1.50001, 4.0]),
    ],
)
def test_betas_of_a_learned_variance(learn, monkeypatch, latents, degenerate, total, low, wanted):
    """From half the last threshold, or 0.5, to just beyond the first; always 1; none below."""
    asked = []
    round_numbers = [0.25, 0.75, 1.5, 1.5 * (1 + 1e-12), 1.50001, 4.0]
    if degenerate:
        wanted = [x for x in wanted if x != 0.75]
    monkeypatch.setattr(losses, "steps", lambda *given: asked.append(given) or round_numbers)
    lost = np.array([4.0, 1.5, 0.75])
    made = table_of(predicted(8.0, 3.0, 1.0, total=total))
    found = [x.beta for x in losses._lines(made, lost, latents, degenerate)]
    assert asked == [(low, 4.04)]
    assert [x for x in found if x != 1.5 * (1 + 1e-12)] == wanted
    assert (1.5 * (1 + 1e-12) in found) == (not (degenerate and latents == 2))


# ---- the weight that is wanted


def row(beta, active, explained, kl):
    return SimpleNamespace(beta=beta, active=active, explained=explained, kl=kl, exact=True)


FOUND = Wanted(2.5, 2.0, 3.0, row(2.25, 2, 0.8125, 1.23456))
ONE = Wanted(2.5, 2.0, 3.0, row(2.25, 1, 0.8125, 1.23456))


@pytest.mark.parametrize(
    ("found", "factor", "chosen", "text"),
    [
        (FOUND, 1, {"capacity": 1.5},
         "KL is 1.5 nats at beta = 2.5: 2 active units, explained variance 81.2 %"),
        (FOUND, 0.5, {"capacity": 1.5}, "KL is 1.5 nats at KL weight 1.25 (beta = 2.5): 2 active "
         "units, explained variance 81.2 %"),
        (ONE, 1, {"explained": 0.8}, "81.25 % explained variance is reached at beta = 2.5: "
         "1 active unit, KL 1.235 nats"),
        (FOUND, 1, {"keep": 2}, "2 active units at beta from 2 to just below 3; at 2.5, for "
         "example: KL 1.235 nats, explained variance 81.2 %"),
        (ONE, 0.5, {"keep": 1}, "1 active unit at KL weights from 1 to just below 1.5 (beta from 2 "
         "to just below 3); at 1.25, for example: KL 1.235 nats, explained variance 81.2 %"),
    ],
)  # fmt: skip
def test_the_weight_in_words(found, factor, chosen, text):
    assert weight._sentence(found, factor, chosen) == text


def looked(*eigenvalues, total=None):
    return table_of(predicted(*eigenvalues, total=total))


def test_ranges_of_weights():
    made = looked(8.0, 2.0)
    wanted = [
        (1, 2.0, 8.0, pytest.approx(np.log(4) / 2), pytest.approx(0.6)),
        (2, 0.0, 2.0, float("inf"), pytest.approx(1.0)),
    ]
    assert weight._ranges(made, None, False) == wanted
    assert weight._ranges(made, 2, False) == wanted
    assert weight._ranges(made, 1, False) == [
        (1, 0.0, 8.0, float("inf"), pytest.approx(0.8))]  # fmt: skip
    some = looked(8.0, 2.0, total=20.0)
    assert [line[0] for line in weight._ranges(some, None, False)] == [1]
    assert [line[0] for line in weight._ranges(some, 3, False)] == [1]
    assert [line[0] for line in weight._ranges(some, 2, False)] == [1, 2]
    (first, _) = weight._ranges(made, None, True)
    # before learning: beta over the mean squared error of an entry, here of one latent
    assert first[1:3] == (
        weight.before_learning(made.prediction, 2.0, 4, None),
        weight.before_learning(made.prediction, 8.0, 4, None),
    )


def test_all_weights_in_words(session, out):
    weight._print_all(looked(8.0, 2.0), None, 0.5, False)
    heading = "active units   from {}   to below   KL up to (nats)   explained variance up to"
    lines = out()
    assert lines[0] == heading.format("KL weight")
    assert [line.split() for line in lines[2:]] == [
        ["1", "1", "4", "0.693147", "60.0", "%"], ["2", "0", "1", "-", "100.0", "%"],
    ]  # fmt: skip
    weight._print_all(looked(8.0, 2.0), None, 1, False)
    assert out()[0] == heading.format("beta")
    for count, more in ((25, []), (26, ["and 1 more: see --json"])):
        weight._print_all(looked(*range(30, 30 - count, -1)), None, 1, False)
        assert out()[27:] == more


def test_weights_as_json():
    made = looked(8.0, 2.0)
    head = {"command": "weight", **PROVENANCE, "samples": 30, "dim": 4, "latent": 2}
    found = weight._describe(made, None, 0.5, False, {"keep": 2}, FOUND)
    assert found == {
        **head, "decoder_variance": None, "wanted": {"keep": 2},
        "found": {"beta": 2.5, "low": 2.0, "high": 3.0, "in_force": 2.25},
        "weight": {"beta": 1.25, "low": 1.0, "high": 1.5},
        "active_units": 2, "explained": 0.8125, "kl": 1.23456, "warnings": ["beware"],
    }  # fmt: skip
    found = weight._describe(made, 1, 0.5, False, {}, None)
    curve = made.prediction.rate_distortion(1).tolist()
    line = {"latent": 1, "low": 0.0, "high": 8.0, "kl": None, "explained": pytest.approx(0.8),
            "low_weight": 0.0, "high_weight": 4.0}  # fmt: skip
    assert found == {
        **head, "latent": 1, "decoder_variance": None, "wanted": None, "table": [line],
        "rate_distortion": curve, "warnings": ["beware"],
    }  # fmt: skip
    found = weight._describe(table_of(made.prediction, source=None), None, 1, True, {}, None)
    assert found["decoder_variance"] == "learned"
    assert "key" not in found
