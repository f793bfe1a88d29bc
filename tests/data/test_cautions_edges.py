"""Reasons why there is no floor, and cautions: each by itself, at its limit, in its words."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import cautions as module
from vaedyn.data.cautions import Caution, no_floor, warnings

HARDLY = "no floor of white noise is seen: "


class Fake(SimpleNamespace):
    """Spectrum, sample and analysis in one, of two signals in eight directions."""

    def __init__(self, **changes):
        values = np.array([9.0, 5.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.7])
        known = {
            "eigenvalues": values, "dim": 8, "freedom": 50, "complete": True, "most_spikes": 4,
            "doubts": (), "error": np.zeros(8), "constant": (), "samples": 51,
            "rho": np.array([8.0, 4.0]), "eta": 1.25, "no_floor": None,
            "detectable": 0.4, "groups": (), "alternatives": {}, "estimator": "likelihood",
            "distance": 0.036, "spread": 0.123, "without_noise": None, "tails": 1.0,
        }  # fmt: skip
        known |= changes
        super().__init__(**{"eigenvalue": values[: len(known["rho"])], **known})


@pytest.fixture
def fakes(monkeypatch):
    """Let all that is asked of other modules be set: a limit of 2 for noise, and no doubts."""
    state = SimpleNamespace(
        alike=None, white=False, unsure=False, units=None, single=None, heavy=None, slow=None,
        limit=2.0, asked=[],
    )  # fmt: skip

    def unsure(*given):
        return np.array([False, state.unsure])

    def white(*given):
        state.asked.append(given[1:])
        return state.white

    monkeypatch.setattr(module, "alike", lambda *_: state.alike)
    monkeypatch.setattr(module, "is_white", white)
    monkeypatch.setattr(module, "_unsure", unsure)
    monkeypatch.setattr(module, "_units", lambda *_: state.units)
    monkeypatch.setattr(module, "_single_rows", lambda *_: state.single)
    monkeypatch.setattr(module, "_heavy_tails", lambda *_: state.heavy)
    monkeypatch.setattr(module, "slow", lambda *_: state.slow)
    monkeypatch.setattr(module, "threshold", lambda sample, eta, spikes: state.limit)
    monkeypatch.setattr(module, "bulk_law", lambda sample, spikes: (0.25, 0.8, 6))
    return state


def why(counted=True, **changes):
    it = Fake(**changes)
    return no_floor(it, it, it, counted)


def test_reasons_come_in_this_order(fakes):
    fakes.alike = "rows hang together"
    assert why(doubts=("a code", "more")) == "a code"
    assert why(dim=1) == "rows hang together"
    fakes.alike = None
    one = f"{HARDLY}the data vary in one direction only, so that signal and noise look alike"
    assert why(dim=1) == why(freedom=1) == one
    assert why(dim=2, rho=np.array([])) != one
    unknown = f"{HARDLY}eigenvalues are not known well enough to count signals (raise --passes)"
    for share, text in ((0.0499, False), (0.0501, True)):
        error = np.array([0.0, share * 5.0, 9.0, 0, 0, 0, 0, 0])  # the third is no signal
        assert (why(complete=False, error=error) == unknown) == text
        assert why(complete=True, error=error) != unknown
    fakes.unsure = True
    assert why(complete=False) == unknown
    assert why(complete=True) != unknown


def test_counting_stops_at_half_or_where_no_more_are_known(fakes):
    half = f"{HARDLY}half of the 8 directions would count as signals"
    most = f"{HARDLY}all eigenvalues that were computed but one stand out (raise --leading)"
    assert why(most_spikes=2) == half
    assert why(most_spikes=3) != half
    assert why(counted=False, most_spikes=2) != half
    assert why(complete=False, most_spikes=2) == most
    assert why(complete=False, most_spikes=2, dim=4) == half.replace("8", "4")
    assert why(complete=False, most_spikes=2, dim=5) == half.replace("8", "5")
    assert why(complete=False, most_spikes=2, dim=6) == most
    assert why(complete=False, most_spikes=2, freedom=5) == half.replace("8", "5")


def test_eigenvalues_are_unlike_those_of_noise(fakes):
    # 0.8 * 1.25 * (1 +- 0.5)^2
    text = f"{HARDLY}beside {{}}eigenvalues run from {{}} to 0.7 unlike those of noise of one "
    text += "variance, which lie between 2.25 and 0.25"
    assert why() == text.format("2 signals ", "1.5")
    assert why(rho=np.array([8.0])) == text.format("1 signal ", "5")
    assert why(rho=np.array([])) == text.format("", "9").replace("beside ", "")
    assert fakes.asked[0] == (1.25, 2)


def test_white_noise_may_be_no_noise_after_all(fakes):
    fakes.white = True
    assert why() is None
    fakes.heavy = "heavy tails"
    assert why() == "heavy tails"
    fakes.single = "single rows"
    assert why() == "single rows"
    fakes.units = "other units"
    assert why() == "other units"


def said(part, **changes):
    it = Fake(**changes)
    given = {"_about_signals": 1, "_about_noise": 1}.get(part, 2)
    return [(each.rank, each.text) for each in getattr(module, part)(*[it] * (given + 1))]


def test_what_matters_most_comes_first(fakes, monkeypatch):
    ranks = {"columns": (4, 1), "rows": (3, 2), "accuracy": (2,), "signals": (3, 9), "noise": (9,)}
    for name, some in ranks.items():
        found = [Caution(rank, f"{name} {rank}") for rank in some]
        monkeypatch.setattr(module, f"_about_{name}", lambda *_, found=found: found)
    it = Fake(doubts=("a code", "a count"))
    assert [tuple(each) for each in warnings(it, it, it)] == [
        (0, "a code"), (0, "a count"), (1, "columns 1"), (2, "rows 2"), (2, "accuracy 2"),
        (3, "rows 3"), (3, "signals 3"), (4, "columns 4"), (9, "signals 9"), (9, "noise 9"),
    ]  # fmt: skip


def test_how_well_eigenvalues_are_known(fakes):
    error = np.array([0.09, 0.06, 4.0, 0, 0, 0, 0, 0])
    text = "eigenvalues of signals are known to 1.2 % only: more passes over the data (--passes) "
    assert said("_about_accuracy", complete=False, error=error) == [
        (2, text + "make them exact")
    ]  # fmt: skip
    fakes.unsure = True
    text = "1 eigenvalues that are not counted may be signals, they are not known well enough: more"
    assert said("_about_accuracy") == [
        (2, f"{text} passes over the data (--passes) make them exact")
    ]  # fmt: skip
    none = said("_about_accuracy", complete=False, rho=np.array([]), eigenvalue=np.array([]))
    assert len(none) == 1


def test_columns_that_are_lost_or_vary_together(fakes, monkeypatch):
    monkeypatch.setattr(module, "lost_columns", lambda it: np.array(it.lost, bool))
    assert said("_about_columns", lost=[False]) == []
    assert said("_about_columns", lost=[True, False, True]) == [
        (1, "columns differ so much in scale that 2 of them are lost to rounding: standardise them "
            "(--standardise)")
    ]  # fmt: skip
    fakes.units = "units"
    assert said("_about_columns", lost=[True]) != []
    assert said("_about_columns", lost=[False]) == [(1, "units")]
    assert "units" not in str(said("_about_columns", lost=[True]))
    fakes.units = None
    # of ten columns two are constant; the sample varies in five directions
    it = Fake(lost=[False], dim=10, constant=(3, 7), without_noise=0.0625)
    sample = Fake(dim=5)
    ((rank, first), (second, text)) = module._about_columns(it, sample, it)
    assert (rank, second) == (4, 3)
    assert first == "2 of 10 columns are constant (4, 8) and left out: N = 8"
    assert text == (
        "the data vary in 5 of 8 directions only, to which eta belongs: columns are combinations "
        "of others, rows are there twice, or there is no noise, and beta below 0.0625 is right"
    )


NONE = np.array([])


def test_signals_that_are_not_seen(fakes):
    none = "no signal stands out of the noise: only those stronger than rho = 0.4 would"
    assert said("_about_signals", rho=NONE) == [(3, none)]
    few = "few samples, {} for N = 8: signals weaker than rho = 0.4 remain hidden, more rows would "
    strong = np.array([80.0, 40.0])
    shown = [(3, few.format(15) + "show them")]
    assert said("_about_signals", freedom=14, rho=strong) == shown
    assert said("_about_signals", freedom=15, rho=strong) == []


def test_weak_signals_and_groups(fakes, monkeypatch):
    asked = []

    def error(rho, eta, gamma, freedom):
        asked.append((eta, gamma, freedom))
        return np.array([0.5, 0.75])

    monkeypatch.setattr(module, "strength_error", error)
    text = "1 of 2 signals are close to rho = 0.4, below which none are seen: do not rely on their "
    text += "strengths"
    assert said("_about_signals", rho=np.array([8.0, 1.89])) == [(3, text)]
    assert said("_about_signals", rho=np.array([8.0, 1.91])) == []
    assert asked == [(1.25, 6 / 50, 50)] * 2
    group = SimpleNamespace(first=1, last=4, rho=3.25, rho_error=0.125)
    text = "signals 2 to 5 are closer than their errors: take their mean for each, rho = 3.25 +- "
    assert said("_about_signals", groups=(group,)) == [(3, f"{text}0.12")]
    assert said("_about_signals", groups=(group,), no_floor="why") == []


def test_a_crowd_of_signals(fakes):
    computed = "all 2 eigenvalues that were computed but one are signals: compute more (--leading)"
    assert said("_about_signals", complete=False, most_spikes=2) == [(2, computed)]
    assert said("_about_signals", complete=False, most_spikes=3) == []
    hardly = "the rest is hardly noise, and eta an upper bound"
    stop = f"2 of 8 directions stand out as signals, where counting stops: {hardly}"
    assert said("_about_signals", most_spikes=2) == [(3, stop)]
    assert said("_about_signals", most_spikes=2, no_floor="why") == [(9, stop)]
    for dim, crowd in ((6, False), (5, True)):
        found = said("_about_signals", dim=dim, freedom=50)
        text = f"2 of {dim} directions stand out as signals: {hardly}"
        assert found == ([(3, text)] if crowd else [])
    one = said("_about_signals", rho=np.array([8.0]), dim=2, most_spikes=3)
    assert one == [(3, f"1 of 2 directions stands out as signals: {hardly}")]
    assert len(said("_about_signals", rho=NONE, most_spikes=0)) == 1
    in_rows = said("_about_signals", dim=30, freedom=5, rho=np.array([9.0, 8.0]))
    assert in_rows[-1][1].startswith("2 of 5 directions stand out")


def test_noise_of_several_estimates(fakes):
    fakes.white = True
    for other, told in ((1.25 * 1.199, False), (1.25 * 1.201, True), (1.25 / 1.199, False)):
        assert bool(said("_about_noise", alternatives={"median": other})) == told
    text = "eta is 1.25 by likelihood but 2.5 by median: "
    both = {"median": 2.5, "matching": 1.25}
    assert said("_about_noise", alternatives=both) == [(3, f"{text}it is known so well only")]
    fakes.white = False
    bulk = "the bulk is not that of noise of one variance: its law is off by 0.036, its variances "
    bulk += "differ by about 12 %"
    other = f"{text}the noise is not of one variance"
    assert said("_about_noise", alternatives=both) == [(3, other), (3, bulk)]
    assert said("_about_noise", alternatives=both, no_floor="why") == [(9, other), (9, bulk)]
    zero = said("_about_noise", alternatives={"median": 0.0}, eta=1.25)
    assert zero[0][1].startswith("eta is 1.25 by likelihood but 0 by median")


def test_single_rows_by_the_law_of_the_largest_of_many(monkeypatch):
    """Of 1000 n chances; they are named up to five."""
    monkeypatch.setattr(module, "threshold", lambda sample, eta, spikes: 2.0)

    def found(shares, eigenvalue, freedom=50):
        spikes = len(shares)
        tails = SimpleNamespace(share=np.array(shares), row=np.arange(spikes) + 20)
        it = SimpleNamespace(
            tails=tails, freedom=freedom, eta=1.0, rho=np.ones(spikes),
            eigenvalue=np.array(eigenvalue, float),
        )  # fmt: skip
        return module._single_rows(it, it, it)

    usual = 2 * np.log(50_000) / 50  # 0.4328
    assert found([usual * 0.9999], [9.0]) is None
    assert found([usual * 1.0001], [9.0]) == (
        "signals come from single rows: 1 (row 21), by up to 43 % of their variance: leave out "
        "outliers"
    )
    text = found([0.5] * 5, [9.0] * 5)
    assert "5 (row 25), by" in text
    six = found([0.5, 0.6, 0.5, 0.5, 0.5, 0.7], [9.0] * 6)
    assert "4 (row 24), 5 (row 25), ..., by up to 70 %" in six
    many = 10**6  # where a share of 0.1 % is unusual
    for share, value, told in (
        (0.0999, 9.0, False), (0.1001, 9.0, True), (0.05, 2.0, False), (0.05, 2.001, True),
        (0.05, 2.1, True), (0.05, 2 / 0.9501, True), (0.05, 2 / 0.9499, False),
    ):  # fmt: skip
        assert (found([share], [value], many) is not None) == told
    # directions that are not known count for nothing
    it = SimpleNamespace(
        tails=SimpleNamespace(share=np.array([0.5]), row=np.array([3])), freedom=50, eta=1.0,
        rho=np.ones(2), eigenvalue=np.array([9.0, 4.0]),
    )  # fmt: skip
    assert module._single_rows(it, it, it).startswith("signals come from single rows: 1 (row 4)")


def test_heavy_tails_by_their_standard_error():
    def found(tails, dim, spikes=2, freedom=50):
        it = SimpleNamespace(dim=dim, freedom=freedom, rho=np.ones(spikes), tails=tails)
        return module._heavy_tails(it, it)

    limit = 1.25 + 5 * np.sqrt((2 + 12 / 6) / 50)
    assert found(limit * 0.9999, 8) is None
    assert found(limit * 1.0001, 8) == (
        "squared lengths of rows vary 2.7 times as much as those of gaussian noise: with such "
        "heavy tails, a few rows may look like signals; clip or transform them"
    )
    limit = 1.25 + 5 * np.sqrt(14 / 50)  # one direction at the least
    assert found(limit * 0.9999, 2) is None
    assert found(limit * 1.0001, 2) is not None
