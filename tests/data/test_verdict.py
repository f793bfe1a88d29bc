"""Verdicts on latents that are made up, case by case; and the beta in force."""

import re
from dataclasses import replace

import numpy as np
import pytest

from vaedyn.data.beta_in_force import beta_in_force, likely_causes
from vaedyn.data.report import Past
from vaedyn.data.verdict import VERDICTS, Seen, notes_of, settled, verdict

VALUES, BETA = np.array([9.0, 5.0, 3.0, 1.7, 0.8, 0.4]), 1.3
END = np.maximum(0.5 * np.log(VALUES / BETA), 0)  # 0.967, 0.674, 0.418, 0.134, 0, 0
CLOSE = np.maximum(0.5 * np.log(VALUES / 8.4), 0)  # 0.034, 0, ...
SEEN = Seen(
    beta=BETA,
    largest=9.0,
    kl=END,
    predicted=END,
    off_centre=0.0,
    settled=True,
    in_force=None,
    signals=None,
    noise=0.0,
    dim=20,
    batch=64,
    factor=1.0,
    scale=1.0,
)


def force(ratio, spread=0.0):
    """Return what a decoder shows, of two latents that are used."""
    D, beta = np.array([0.2, 0.5]), ratio * BETA * np.array([1 - spread / 2, 1 + spread / 2])
    decoder = np.eye(20)[:, :2] * np.sqrt(beta * (1 - D) / D)
    return beta_in_force(decoder, D, np.array([0.7, 0.3]))


CASES = {
    "at the end": ("expected", {}),
    "noise of dead latents": ("expected", {"kl": END + 0.015 * (VALUES < BETA)}),
    "a weak latent that is missing": ("expected", {"kl": END * [1, 1, 1.1, 0, 0, 0]}),
    "9 % less": ("expected", {"kl": 0.91 * END}),
    "9 % more": ("expected", {"kl": 1.09 * END}),
    "12 % less": ("fewer", {"kl": 0.88 * END}),
    "two latents of four": ("fewer", {"kl": END * [1, 1, 0, 0, 0, 0]}),
    "as many nats on two": ("nonlinear", {"kl": np.array([1.3, 0.8, 0, 0, 0, 0])}),
    "more nats on as many": ("nonlinear", {"kl": 1.3 * END}),
    "close to the largest, not done": (
        "expected",
        {"kl": np.array([0.047, 0.045, 0, 0, 0, 0]), "beta": 8.4, "predicted": CLOSE},
    ),
    "much more close by": (
        "nonlinear",
        {"kl": np.array([0.06, 0.045, 0, 0, 0, 0]), "beta": 8.4, "predicted": CLOSE},
    ),
    "many dead latents": ("expected", {"kl": np.append(END, [0.009] * 60)}),
    "two more units": ("more", {"kl": END + 0.1 * (VALUES < BETA)}),
    "shared directions": ("more", {"kl": np.array([0.5, 0.4, 0.3, 0.3, 0.2, 0.2])}),
    "nothing, far below": ("plateau", {"kl": 0 * END}),
    "0.009 nats in each": ("plateau", {"kl": 0 * END + 0.009}),
    "nothing, close by": ("plateau", {"kl": 0 * END, "beta": 8.5, "predicted": 0 * END + 0.03}),
    "too close to see": ("expected", {"kl": 0 * END, "beta": 8.9, "predicted": 0 * END + 0.005}),
    "at the threshold": ("collapsed", {"kl": 0 * END, "beta": 9.0, "predicted": 0 * END}),
    "dying": (
        "collapsed",
        {"kl": 0.012 * (END > 0.9), "beta": 9.5, "predicted": 0 * END},
    ),
    "alive beyond": ("more", {"kl": END, "beta": 9.5, "predicted": 0 * END}),
    "moving": ("learning", {"settled": False}),
    "moving beyond": ("learning", {"settled": False, "beta": 9.5, "predicted": 0 * END}),
    "off centre": ("learning", {"off_centre": 0.5}),
    "hardly off centre": ("expected", {"off_centre": 0.1}),
    "another beta": ("mismatch", {"in_force": force(0.5)}),
    "another beta, moving": ("learning", {"in_force": force(0.5), "settled": False}),
    "another beta, not agreed": ("expected", {"in_force": force(0.5, 0.4)}),
    "19 % off": ("expected", {"in_force": force(1.19)}),
    "the same beta": ("expected", {"in_force": force(1.0, 0.1)}),
    "on noise": ("noise", {"signals": 2, "noise": 3.0}),
    "all on signals": ("expected", {"signals": 4, "noise": 0.8}),
    "more than signals, not predicted": ("more", {"signals": 4, "kl": END + 0.1}),
    "weak on noise": ("expected", {"signals": 3, "kl": END * [1, 1, 1, 0.2, 0, 0]}),
    "without any weight": ("learning", {"beta": 0.0, "predicted": None, "settled": True}),
    "other likelihood": ("unknown", {"predicted": None}),
    "other likelihood, beyond": ("unknown", {"predicted": None, "beta": 9.5}),
    "other likelihood, nothing": ("plateau", {"predicted": None, "kl": 0 * END}),
    "other likelihood, lost": ("collapsed", {"predicted": None, "kl": 0 * END, "beta": 9.5}),
}


@pytest.mark.parametrize("name", CASES)
def test_each_case_has_its_verdict_and_one_line(name):
    word, changes = CASES[name]
    found, advice = verdict(replace(SEEN, **changes))
    assert found == word
    assert advice
    assert "\n" not in advice


def test_all_verdicts_occur():
    assert {word for word, _ in CASES.values()} == set(VERDICTS)


def test_advice_depends_on_what_is_known():
    def advice(**changes):
        return verdict(replace(SEEN, **changes))[1]

    few = END * [1, 1, 0, 0, 0, 0]
    assert advice(kl=few).startswith(
        "train longer, or at a smaller beta for a while (a warm-up); no failure, as long as the "
        "loss at your beta is not above a linear VAE's"
    )
    assert advice(kl=few, settled=None).startswith(
        "if KL no longer moves (compare a later report): train longer, or at a smaller beta "
    )
    assert "0.5 times yours; likely the squared error lacks a factor 1/2" in advice(
        in_force=force(0.5)
    )
    wide = np.array([1.3, 0.8, 0, 0, 0, 0])
    other = "; or the beta in force is {} than yours (give the decoder, or vaedyn.probe)"
    assert advice(kl=1.3 * END).endswith(other.format("smaller"))
    assert advice(kl=1.3 * wide).endswith(other.format("smaller"))
    assert "in force" not in advice(kl=wide)  # of no more KL than predicted
    assert advice(kl=0.7 * END).endswith(other.format("larger"))
    assert "in force" not in advice(kl=0.7 * END, in_force=force(1))
    unsure = advice(kl=0.7 * END, in_force=force(1, 0.4))
    assert unsure.endswith("; or the beta in force is larger than yours (vaedyn.probe)")
    assert "give the decoder" in advice(kl=END + 0.1)
    assert "give the decoder" not in advice(kl=END + 0.1, in_force=force(1))
    assert "far from collapse" in advice(kl=0 * END)
    near = advice(kl=0 * END, beta=8.5, predicted=0 * END + 0.03)
    assert near.startswith("beta is 0.944 times the largest threshold, where collapse is left ")
    # s (s - beta)/(1 + beta s), nearly: a factor (4.5/41.5)/(0.5/77.5)
    assert replace(SEEN, beta=8.5).slowdown == pytest.approx(16.8, rel=0.1)
    assert "KL weight 18 (beta = 9)" in advice(kl=0 * END, beta=9.5, factor=2.0)
    assert "beta = 3" in advice(signals=2, noise=3.0)


@pytest.mark.parametrize("scale", [1.0, 0.3])
@pytest.mark.parametrize("factor", [0.7, 1.6])
def test_it_is_no_failure_where_the_loss_is_below_that_of_a_linear_vae(scale, factor):
    """With other KL, the squared error at which both losses are equal, in the units of training."""
    error = 11.0
    loss = scale**2 * error / 2 + scale**2 * BETA * END.sum()
    advice = verdict(replace(SEEN, kl=factor * END, error=scale**2 * error, scale=scale))[1]
    found = float(re.search(r"squared error of a row is below (\S+) \(", advice)[1])
    assert found / 2 + scale**2 * BETA * factor * END.sum() == pytest.approx(loss, rel=1e-3)
    assert "KL alone costs more" in verdict(replace(SEEN, kl=9 * END, error=error))[1]


def test_where_nothing_is_active_the_usual_mistake_is_named_if_it_would_do_that():
    """Averaged over entries, and without a factor 1/2, the beta in force is N/2 times as large."""
    nothing = replace(SEEN, kl=0 * END)
    cause = "a squared error that is averaged over the 20 entries makes it 13 or 26 (vaedyn.probe)"
    assert verdict(nothing)[1].endswith(cause)
    assert verdict(replace(nothing, beta=8.5, predicted=END))[1].endswith(
        "85 or 170 (vaedyn.probe)"
    )
    for other in ({"dim": 13}, {"dim": 0}, {"summed": False}, {"predicted": None}):
        text = verdict(replace(nothing, **other))[1]
        assert text.endswith("collapse is stable and the beta in force larger (vaedyn.probe)")


def test_notes_are_about_the_beta_in_force_and_the_two_ways_to_count():
    assert notes_of(SEEN, "expected", 4) == notes_of(SEEN, "expected", 5) == []
    assert notes_of(SEEN, "expected", 2) == [
        "4 units are active by KL, 2 by the variance of mu: the two agree once training has settled"
    ]
    (text,) = notes_of(replace(SEEN, in_force=force(1, 0.4)), "expected", 4)
    assert text.startswith("latents do not agree on the beta in force")
    moving = replace(SEEN, in_force=force(2), settled=False)
    (text,) = notes_of(moving, "learning", 4)
    assert text.startswith("the beta in force is 2.6, 2 times yours; likely")
    assert notes_of(moving, "mismatch", 4) == []


def before(kl=2.0, beta=1.3, kl_error=0.01):
    return [Past(1000, beta, kl, kl_error, 3, "learning")]


def test_it_has_settled_where_kl_stays_within_a_tenth():
    assert settled([], 1.3, 2.0, 0.01) is None
    assert settled(before(), 1.3, 2.0, 0.01) is True
    assert settled(before(), 1.3, 2.2, 0.01) is True  # less than 10 % of the larger
    assert settled(before(), 1.3, 2.25, 0.01) is False
    assert settled(before(), 1.3, 1.75, 0.01) is False
    assert settled(before(), 1.3, 2.25, 0.1) is None  # more, by less than three standard errors
    assert settled(before(), 1.3, 2.2, 0.1) is True  # nor a tenth
    assert settled(before(), 1.3, 2.0, 0.3) is None  # nothing is seen of a tenth
    assert settled(before(), 1.3, 2.0, np.inf) is None
    assert settled(before(kl_error=np.inf), 1.3, 9.0, 0.01) is None
    assert settled(before(), 1.4, 2.0, 0.01) is None  # of another beta
    assert settled(before(), 1.4, 3.0, 0.01) is False
    assert settled(before(kl=0.001, kl_error=1e-4), 1.3, 0.009, 1e-4) is True  # dead latents
    assert settled(before(kl=0.001, kl_error=1e-4), 1.3, 0.02, 1e-4) is False
    long_ago = [*before(kl=9.0), *before()]
    assert settled(long_ago, 1.3, 2.0, 0.01) is True


# --- the beta in force ------------------------------------------------------------------


def test_beta_is_read_off_latents_that_are_used():
    """Of posteriors that are best for random decoders: precision 1 + |w|^2/beta."""
    random, beta, scale = np.random.default_rng(0), 0.37, 2.5
    decoder = scale * random.normal(size=(12, 5)) * [1, 2, 0.5, 0.7, 1e-3]
    D = 1 / (1 + (decoder**2).sum(axis=0) / (scale**2 * beta))
    kl = np.array([1, 2, 0.5, 0.005, 0.0])
    found = beta_in_force(decoder, D, kl, scale)
    np.testing.assert_allclose(found.per_latent, [beta, beta, beta, np.nan, np.nan], rtol=1e-12)
    assert found.beta == pytest.approx(beta, rel=1e-12)
    assert found.agree
    doubled = beta_in_force(decoder * [1, 1, 2, 1, 1], D, kl, scale)
    assert doubled.beta == pytest.approx(beta)
    assert doubled.spread == pytest.approx(3)
    assert not doubled.agree


def test_weak_latents_count_only_where_there_are_no_others():
    decoder, D = np.eye(3), np.array([0.5, 0.5, 0.9])
    found = beta_in_force(decoder, D, np.array([0.3, 0.2, 0.02]))
    np.testing.assert_allclose(found.per_latent, [1, 1, 9])
    assert (found.beta, found.spread) == (1, 0)
    found = beta_in_force(decoder, D, np.array([0.03, 0.02, 0.02]))
    assert (found.beta, found.spread) == (1, pytest.approx(8))


@pytest.mark.parametrize("D", [1.0, 1.2, 0.0])
def test_what_gives_no_beta_is_none(D):
    """A posterior as wide as the prior, or wider; and one that has underflowed."""
    found = beta_in_force(np.eye(2), np.array([D, 0.5]), np.array([1.0, 1.0]))
    np.testing.assert_allclose(found.per_latent, [np.nan, 1])
    assert (found.beta, found.spread, found.agree) == (1, np.inf, False)
    huge = beta_in_force(1e200 * np.eye(2), np.array([D, 0.5]), np.array([1.0, 1.0]))
    assert np.isnan(huge.per_latent).all()
    none = beta_in_force(np.eye(2), np.array([D, D]), np.array([1.0, 1.0]))
    assert np.isnan([none.beta, none.spread]).all()
    assert not none.agree


def test_causes_are_those_of_the_page_on_losses():
    """Of N = 30 entries, M = 7 latents, batches of 100; close by within a tenth."""

    def causes(ratio):
        return likely_causes(ratio, 30, 7, 100)

    for ratio in (2, 0.5, 30, 15, 1 / 30, 1 / 15, 7, 1 / 7, 100, 1 / 100):
        (cause,) = causes(ratio)
        assert causes(1.09 * ratio) == causes(ratio / 1.09) == [cause]
        assert cause not in causes(1.12 * ratio)
    assert causes(1.4) == causes(4) == causes(1e9) == causes(1e-9) == []
    assert len(likely_causes(2, 4, 2, 8)) == 3  # 2 entries' half, 2 latents, or a factor 2
