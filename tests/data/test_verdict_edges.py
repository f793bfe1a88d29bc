"""Verdicts just at their limits, and each text as it is printed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import verdict as module
from vaedyn.data.report import Past
from vaedyn.data.verdict import Seen, growth, mismatch, notes_of, settled, verdict

KL = np.array([2.0, 1.0, 0.0])  # 3 nats, on two units
SEEN = Seen(
    beta=1.25, largest=8.0, kl=KL, predicted=KL, off_centre=0.0, settled=True, in_force=None,
    signals=None, noise=0.0, dim=12, batch=64, factor=1.0, scale=1.0,
)  # fmt: skip
NO_FAILURE = "no failure, as long as the loss at your beta is not above a linear VAE's"


def found(*kl, **changes):
    if kl:
        changes["kl"] = np.array(kl)
    if "predicted" in changes and changes["predicted"] is not None:
        changes["predicted"] = np.array(changes["predicted"])
    return verdict(replace(SEEN, **changes))


def force(ratio, agree=True):
    return SimpleNamespace(beta=1.25 * ratio, agree=agree)


def test_the_rate_out_of_collapse_is_that_of_two_weights():
    """The larger eigenvalue of (-1, s; s, -beta s), of decoder and encoder."""
    for s, beta in ((3.0, 0.5), (0.7, 0.2), (2.0, 3.0)):
        wanted = np.linalg.eigvalsh([[-1, s], [s, -beta * s]])[-1]
        assert growth(s, beta) == pytest.approx(wanted, rel=1e-12)
    scaled = replace(SEEN, scale=0.5, beta=5.0)
    assert scaled.slowdown == pytest.approx(growth(2, 1) / growth(2, 1.25), rel=1e-14)
    assert replace(SEEN, beta=4.0).slowdown == 1
    assert replace(SEEN, beta=8.0).slowdown is None
    assert replace(SEEN, beta=7.99).slowdown > 100
    assert replace(SEEN, predicted=None).slowdown is None


def before(kl=2.0, error=0.03, beta=1.25):
    return [Past(900, beta, kl, error, 2, "learning")]


def test_kl_has_settled_within_a_tenth_or_three_errors():
    assert settled([], 1.25, 2.0, 0.01) is None
    # a tenth of the larger, with errors of 0.05 in all
    for kl, answer in ((2.2221, True), (2.2223, False), (1.8001, True), (1.7999, False)):
        assert settled(before(), 1.25, kl, 0.04) is answer
    # errors of 0.1 in all: from three of them on it has moved
    for kl, answer in ((2.299, None), (2.301, False), (1.701, None), (1.699, False)):
        assert settled(before(error=0.06), 1.25, kl, 0.08) is answer
    # nothing is seen of a tenth from errors of a tenth on
    for times, answer in ((0.999, True), (1.001, None)):
        assert settled(before(error=0.12 * times), 1.25, 2.0, 0.16 * times) is answer
    # of next to nothing, 0.01 nats
    for kl, answer in ((0.0199, True), (0.0201, False)):
        assert settled(before(0.01, 0.0), 1.25, kl, 0.0) is answer
    for beta, answer in ((1.26249, True), (1.26251, None), (1.23751, True), (1.23749, None)):
        assert settled(before(), beta, 2.0, 0.01) is answer
    assert settled([*before(9.0), *before()], 1.25, 2.0, 0.01) is True


def test_without_weight_nothing_is_predicted():
    assert found(beta=0.0) == (
        "learning",
        "beta is 0: KL grows as long as that lasts, and nothing is predicted; compare reports at a "
        "beta above 0",
    )


def test_where_nothing_is_active_collapse_is_stable_or_not():
    below = "units become active below beta = 8 only"
    assert found(0.0, 0.0, beta=8.0) == ("collapsed", below)
    assert found(0.0, 0.0, beta=9.0, factor=2.5)[1] == (
        "units become active below KL weight 20 (beta = 8) only"
    )
    cause = "if KL falls from report to report, collapse is stable and the beta in force larger"
    averaged = f"{cause}: a squared error that is averaged over the 12 entries makes it "
    far = ", far from collapse: train longer, or at a larger learning rate; "
    assert found(0.0, 0.0) == (
        "plateau", f"beta is 0.156 times the largest threshold{far}{cause} (vaedyn.probe)",
    )  # fmt: skip
    assert found(0.0, 0.0, beta=4 / 3)[1].endswith(f"{far}{averaged}8 or 16 (vaedyn.probe)")
    assert found(0.0, 0.0, beta=1.33)[1].endswith(f"{cause} (vaedyn.probe)")
    assert far in found(0.0, 0.0, beta=3.99)[1]
    near = (
        "times as slowly as at half of it, and more slowly in deep networks: train longer, or "
        f"start from a smaller beta (a warm-up); {averaged}24 or 48 (vaedyn.probe)"
    )
    text = found(0.0, 0.0, beta=4.0)[1]
    assert text == f"beta is 0.5 times the largest threshold, where collapse is left 1 {near}"
    for none in ({"summed": False}, {"predicted": None}):
        assert found(0.0, 0.0, beta=4.0, **none)[1].endswith(f"{cause} (vaedyn.probe)")
    assert found(0.0, 0.0, beta=4.0, predicted=None) == (
        "plateau",
        "beta is 0.5 times the largest threshold: train longer, or start from a smaller beta (a "
        f"warm-up); {cause} (vaedyn.probe)",
    )


def test_hundredths_of_a_nat_are_not_seen():
    for predicted, word in ((0.0101, "plateau"), (0.01, "expected"), (0.009, "expected")):
        word_found, text = found(0.0, 0.0, beta=7.9, predicted=[predicted, 0.0])
        assert word_found == word
    assert text == (
        "beta is so close to the largest eigenvalue that no unit has 0.01 nats: units become "
        "active below beta = 8 only"
    )
    assert found(0.01, 0.01)[0] == "plateau"
    assert found(0.0101, 0.0)[0] == "fewer"


def test_what_is_left_beyond_collapse_dies_out():
    for kl, word in (([0.03, 0.0199], "collapsed"), ([0.03, 0.0201], "more")):
        for beta in (8.0, 9.0):
            assert found(*kl, beta=beta, predicted=[0, 0])[0] == word
    dead = [0.009] * 9  # are not counted
    text = "what is left of KL dies out: units become active below beta = 8 only"
    assert found(0.049, *dead, beta=8.0, predicted=[0.0] * 10) == ("collapsed", text)
    assert found(0.04, 0.0, beta=7.99, predicted=[0.04, 0.0])[0] == "expected"


def test_learning_is_what_moves_or_is_off_centre():
    assert found(settled=False) == ("learning", "go on, and compare later reports")
    for off, word in ((0.199, "expected"), (0.201, "learning")):  # 0.05 and 5 % of 3 nats
        assert found(off_centre=off)[0] == word
    assert found(off_centre=0.75)[1] == (
        "means of mu that are not 0 yet hold 0.75 nats of KL: train longer, or subtract their mean "
        "from the data first"
    )


def test_another_beta_in_force_is_more_than_a_fifth_off(monkeypatch):
    asked = []
    causes = []
    monkeypatch.setattr(module, "likely_causes", lambda *given: asked.append(given) or causes)
    for ratio, off in ((1.199, False), (1.201, True), (1 / 1.199, False), (1 / 1.201, True)):
        assert bool(mismatch(SEEN, force(ratio))) == off
        assert (found(in_force=force(ratio))[0] == "mismatch") == off
    assert not mismatch(SEEN, force(3.0, agree=False))
    assert not mismatch(replace(SEEN, beta=0.0), force(3.0))
    text = "the beta in force is 3.75, 3 times yours"
    assert mismatch(SEEN, force(3.0)) == f"{text}; vaedyn.probe measures what your loss is"
    causes += ["this"]
    assert mismatch(SEEN, force(3.0)) == f"{text}; likely this"
    causes += ["that", "more"]
    assert found(in_force=force(3.0)) == ("mismatch", f"{text}; likely this, or that")
    assert asked[-1] == (3.0, 12, 3, 64)
    first = "if KL no longer moves (compare a later report): "
    assert found(in_force=force(3.0), settled=None)[1] == f"{first}{text}; likely this, or that"


def test_other_likelihoods_have_collapse_only():
    text = "how many units are active below collapse is not derived for this likelihood"
    assert found(predicted=None, beta=7.99) == ("unknown", text)
    assert found(predicted=None, beta=8.0) == (
        "unknown",
        "collapse is stable at this beta, yet units are active: they die out, or a nonlinear "
        "decoder keeps what it has learned",
    )


def test_more_units_are_those_that_hold_more_than_little():
    for spare, word in ((0.199, "expected"), (0.201, "more")):
        assert found(2.0, 1.0, spare)[0] == word
    more = (
        "latents share directions, which longer training ends; or the beta in force is smaller{}; "
        f"or few rows lie far from all others (see the KL of each row); {NO_FAILURE}"
    )
    give = " (vaedyn.probe, or give the decoder)"
    assert found(2.0, 1.0, 0.5)[1] == more.format(give)
    assert found(2.0, 1.0, 0.5, in_force=force(1.0))[1] == more.format("")
    first = "if KL no longer moves (compare a later report): "
    assert found(2.0, 1.0, 0.5, settled=None)[1] == first + more.format(give)
    assert found(beta=8.0, predicted=[0, 0, 0])[1] == (
        f"the model should have collapsed: is the beta in force another{give}, was beta raised "
        "just now, or do few rows lie far from all others (see the KL of each row)? "
        f"{NO_FAILURE}"
    )


def test_noise_is_what_latents_beyond_the_signals_fit():
    for second, word in ((0.199, "expected"), (0.201, "noise")):
        kl = [3 - second, second, 0.0]
        assert found(*kl, predicted=kl, signals=1)[0] == word
    assert found(signals=1, noise=2.5) == (
        "noise",
        "signals that stand out of the noise: 1; take as many latents, or at least beta = 2.5",
    )
    assert found(signals=1, noise=2.5, factor=2.0)[1].endswith("KL weight 5 (beta = 2.5)")
    assert found(signals=2)[0] == "expected"
    assert found(2.9, 0.1, 0.0, signals=1, predicted=[3.0, 0, 0])[0] == "expected"
    assert found(1.5, 1.4, 0.0, signals=0)[0] == "noise"


def test_a_tenth_and_a_hundredth_of_a_nat_mean_nothing():
    predicted = [2.0, 1.0, 0.0]
    for off, word in ((0.309, "expected"), (0.311, "fewer")):
        assert found(2 - off, 1.0, 0.0)[0] == word
    for off, word in ((0.309, "expected"), (0.311, "nonlinear")):
        assert found(2 + off, 1.0, 0.0, predicted=predicted)[0] == word
    # what is left in dead units is no use
    assert found(2.3, 1.0, 0.009, 0.009, predicted=[2.0, 1.0, 0, 0])[0] == "expected"
    # as much on fewer units, if what these lack is more than little
    for second, word in ((0.199, "expected"), (0.201, "nonlinear")):
        assert found(3.0, 0.0, 0.0, predicted=[3 - second, second, 0])[0] == word
    assert found(1.99, 1.005, 0.005, predicted=[1.99, 0.8, 0.21])[0] == "nonlinear"
    larger = "; or the beta in force is larger than yours (give the decoder, or vaedyn.probe)"
    text = f"train longer, or at a smaller beta for a while (a warm-up); {NO_FAILURE}{larger}"
    assert found(1.5, 1.0, 0.0) == ("fewer", text)
    assert found()[1] == "nothing to do"


def test_no_failure_is_measured_by_the_error_of_a_linear_vae():
    def most(kl, **changes):
        return replace(SEEN, kl=np.array(kl), **changes).no_failure

    text = "no failure, as long as the squared error of a row is below {} (summed over columns), "
    text += "where the loss is a linear VAE's"
    assert most([1.5, 1.0, 0.0], error=6.0) == text.format(7.25)  # 6 + 2 * 1.25 * 0.5
    assert most([3.5, 1.0, 0.0], error=6.0, scale=0.5) == text.format("5.062")
    assert most([4.5, 1.0, 0.0], error=6.0) == (
        "KL alone costs more than all that a linear VAE loses: the loss is another"
    )
    assert most([4.0, 1.0, 0.0], error=5.0).startswith("KL alone")
    assert most([3.999, 1.0, 0.0], error=5.0).startswith("no failure")
    assert most([1.5], error=None) == NO_FAILURE
    assert most([1.5], error=6.0, predicted=None) == NO_FAILURE


def test_the_decoder_says_whether_another_beta_may_be_in_force():
    def other(in_force):
        return replace(SEEN, in_force=in_force).or_another("larger")

    assert other(None) == (
        "; or the beta in force is larger than yours (give the decoder, or vaedyn.probe)"
    )
    assert other(force(1.0)) == ""
    assert other(force(1.0, agree=False)) == (
        "; or the beta in force is larger than yours (vaedyn.probe)"
    )


def test_notes_are_added_where_two_counts_or_betas_differ():
    assert notes_of(SEEN, "expected", 1) == notes_of(SEEN, "expected", 3) == []
    text = "2 units are active by KL, {} by the variance of mu: the two agree once training has "
    for units in (0, 4):
        assert notes_of(SEEN, "expected", units) == [text.format(units) + "settled"]
    unsure = replace(SEEN, in_force=force(1.0, agree=False))
    assert notes_of(unsure, "expected", 2) == [
        "latents do not agree on the beta in force: training is not done, or the decoder is far "
        "from linear"
    ]
    assert notes_of(unsure, "mismatch", 2) == []
    assert notes_of(replace(SEEN, in_force=force(np.nan, agree=False)), "expected", 2) == []
    assert notes_of(replace(SEEN, in_force=force(1.0)), "expected", 2) == []
    (text,) = notes_of(replace(SEEN, in_force=force(3.3)), "learning", 2)
    assert text.startswith("the beta in force is 4.12, 3.3 times yours")
