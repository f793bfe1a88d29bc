"""Noise and signals of known eigenvalues, rows that hang together, and copies: each number."""

from dataclasses import MISSING, fields
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import analyse as module
from vaedyn.data import dependence
from vaedyn.data.analyse import _counted, _groups, _tails, _without_noise, analyse
from vaedyn.data.cautions import Caution
from vaedyn.data.copies import Copies
from vaedyn.data.dependence import alike, autocorrelation, slow
from vaedyn.data.findings import Analysis, Group
from vaedyn.data.judge import Judged, judge, overview
from vaedyn.data.prediction import Prediction
from vaedyn.data.spiked import Sample
from vaedyn.data.spiked import threshold as limit_of
from vaedyn.errors import ParameterError

VALUES = np.array([30.0, 9.0, 2.2, 1.7, 1.3, 1.0, 0.8, 0.6])


def table(values=VALUES, dim=8, samples=51, complete=True, **changes):
    """Return a spectrum of which kurtosis is known along one direction."""
    tails = SimpleNamespace(
        kurtosis=np.array([0.5]), lengths=np.array([3.0, 2.0]), variances=np.ones(dim)
    )
    it = {
        "eigenvalues": values, "dim": dim, "samples": samples, "complete": complete,
        "total": float(values.sum()), "remainder": 0.25, "constant": (), "tails": tails,
        "error": np.zeros(len(values)), "directions": np.eye(dim)[: len(values)], "doubts": (),
    }  # fmt: skip
    return SimpleNamespace(**{**it, **changes})


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setattr(module, "no_floor", lambda *given, counted: f"counted {counted}")
    cautions = [Caution(0, "a"), Caution(8, "b"), Caution(9, "c")]
    monkeypatch.setattr(module, "warnings", lambda *given: cautions)
    monkeypatch.setattr(module, "lost_columns", lambda spectrum: np.zeros(8, bool))


def test_an_analysis_is_that_of_its_laws(quiet):
    found = analyse(table(), "median", 2)
    eta, gamma = found.eta, 6 / 50
    assert found.estimator == "median"
    assert [*found.alternatives] == ["likelihood", "matching"]
    assert found.eigenvalue.tolist() == [30, 9]
    s = found.rho + eta
    np.testing.assert_allclose(s + gamma * eta * s / (s - eta), [30, 9], rtol=1e-12)
    slope = 1 - gamma * eta**2 / found.rho**2
    np.testing.assert_allclose(
        found.rho_error, s * np.sqrt((2 / slope + [0.5, 0]) / 50), rtol=1e-12
    )
    np.testing.assert_allclose(found.overlap, slope / (1 + gamma * eta / found.rho), rtol=1e-12)
    assert found.edge == pytest.approx(48 / 50 * eta * (1 + (6 / 48) ** 0.5) ** 2, rel=1e-12)
    weakest = limit_of(Sample(VALUES, 46.6, 8, 50), eta, 2)
    at = found.detectable + eta
    assert at + gamma * eta * at / (at - eta) == pytest.approx(weakest, rel=1e-9)
    assert (found.gamma, found.dim) == (8 / 50, 8)
    bulk, mean = VALUES[2:], (46.6 - 39) / 6
    spread = ((bulk @ bulk) + 0.25) / 6 / mean**2 - 1 - 6 / 48
    assert found.spread == pytest.approx(spread**0.5, rel=1e-9)
    assert found.tails == pytest.approx(2.0 * 6 / (2 * (1 + spread)), rel=1e-9)
    assert (found.without_noise, found.no_floor) == (None, "counted False")
    assert (found.warnings, found.weighty) == (("a", "b", "c"), 2)
    assert analyse(table()).no_floor == "counted True"
    assert [*analyse(table()).alternatives] == ["median", "matching"]
    even = analyse(table(np.array([30.0, *[1.0] * 7])), spikes=1)
    assert even.spread == 0  # which rounding makes less than that
    assert even.tails == pytest.approx(2.0 * 7 / 2, rel=1e-9)


def test_what_an_analysis_need_not_say():
    usual = {each.name: each.default for each in fields(Analysis) if each.default is not MISSING}
    assert usual == {
        "without_noise": None, "groups": (), "no_floor": None, "warnings": (), "weighty": 0,
    }  # fmt: skip


def test_estimators_that_need_all_eigenvalues(quiet):
    def refused(*given):
        with pytest.raises(ParameterError) as error:
            analyse(*given)
        return str(error.value)

    some = table(dim=90, complete=False)
    assert analyse(some).alternatives == {}
    assert refused(some, "median") == (
        "estimator: must be likelihood, as not all eigenvalues were computed"
    )
    assert refused(table(), "mean") == "estimator: must be likelihood or median or matching"
    assert refused(table(), "median", 5) == "spikes: must be 0 to 4, got 5"
    assert refused(table(), "median", -1) == "spikes: must be 0 to 4, got -1"
    assert len(analyse(table(), "median", 4).rho) == 4
    assert len(analyse(table(), "median", 0).rho) == 0


def test_each_estimator_counts_in_its_way(monkeypatch):
    monkeypatch.setattr(module, "count_in_white_noise", lambda sample: "white")
    monkeypatch.setattr(module, "count_spikes", lambda sample, estimate: estimate("s", 7))
    monkeypatch.setattr(
        module, "ESTIMATORS",
        {name: lambda sample, n, name=name: (name, n) for name in ("likelihood", "median")},
    )  # fmt: skip
    assert _counted("s", "likelihood", None) == "white"
    assert _counted("s", "median", None) == ("median", 7)
    assert _counted("s", "likelihood", 3) == (3, ("likelihood", 3))
    assert _counted("s", "median", 0) == (0, ("median", 0))


def test_groups_are_runs_of_neighbours():
    def groups(rho, error):
        it = SimpleNamespace(rho=np.array(rho, float), rho_error=np.array(error, float))
        return list(_groups(it))

    assert groups([], []) == groups([3], [1]) == []
    # errors of 3 and 4: beyond ten they are apart
    assert groups([20.01, 10], [3, 4]) == []
    assert groups([20, 10], [3, 4]) == [Group(0, 1, 15, 2.5)]
    assert groups([40, 20, 10, 9], [1, 3, 4, np.inf]) == [Group(1, 2, 15, 2.5)]
    assert groups([50, 49, 20, 19, 18], [3, 4, 2, 3, 6]) == [
        Group(0, 1, 49.5, 2.5), Group(2, 4, 19, pytest.approx(7 / 3)),
    ]  # fmt: skip


def test_the_least_variance_counts_where_directions_have_none(monkeypatch):
    lost = np.zeros(9, bool)
    monkeypatch.setattr(module, "lost_columns", lambda spectrum: lost)
    sample = SimpleNamespace(dim=6, eigenvalues=VALUES[:6])
    for constant, least in (((), 1.0), ((1, 2), 1.0), ((1, 2, 3), None), ((1, 2, 3, 4), None)):
        assert _without_noise(SimpleNamespace(dim=9, constant=constant), sample) == least
    lost[4] = True
    assert _without_noise(SimpleNamespace(dim=9, constant=()), sample) is None


def test_lengths_beside_more_signals_than_are_known(monkeypatch):
    monkeypatch.setattr(module, "spread_of_noise", lambda sample, spikes: spread)
    it = SimpleNamespace(tails=SimpleNamespace(lengths=np.array([3.0, 2.0, 1.5])))
    sample, spread = SimpleNamespace(dim=8), 0.25
    for spikes, wanted in ((0, 3 * 8), (1, 2 * 7), (2, 1.5 * 6), (3, 1.5 * 5)):
        assert _tails(it, sample, spikes) == pytest.approx(wanted / 2.5, rel=1e-12)
    spread = -0.5
    assert _tails(it, sample, 1) == 7


# ---- rows that hang together


def lagging(lag=(0.1, 0.3, 0.3), far=(0.0, 0.0, 0.1), samples=100, remainder=0.0, **changes):
    tails = SimpleNamespace(
        lag_left=np.array(lag), far_left=np.array(far), lengths=np.array([0.5, 0.25, 0.125]),
        lag=np.array(changes.pop("along", [0.6, 0.4])),
    )  # fmt: skip
    values = np.array(changes.pop("values", [8.0, 4.0, 2.0, 1.0, 1.0]))
    return SimpleNamespace(
        tails=tails, samples=samples, eigenvalues=values, total=values.sum(), remainder=remainder
    )


def test_autocorrelation_beside_signals_and_its_error():
    sample = SimpleNamespace(dim=5)
    for spikes, square, left, lag, length in (
        (0, 86, 16, 0.1, 0.5), (1, 22, 8, 0.3, 0.25), (2, 6, 4, 0.3, 0.125),
    ):  # fmt: skip
        found = autocorrelation(lagging(), sample, spikes)
        pairs = square / left**2 - (1 + length) / 100
        assert found == pytest.approx((lag + 0.01, (pairs / 100) ** 0.5), rel=1e-12)
    assert autocorrelation(lagging(), sample, 9) == autocorrelation(lagging(), sample, 2)
    more = autocorrelation(lagging(remainder=3.0), sample, 1)
    assert more[1] == pytest.approx(((25 / 64 - 0.0125) / 100) ** 0.5, rel=1e-12)
    few = autocorrelation(lagging(samples=4), sample, 1)
    assert few[1] == pytest.approx((1 / 4 / 4) ** 0.5, rel=1e-12)  # of four directions at most
    assert autocorrelation(lagging(), SimpleNamespace(dim=2), 2) is None
    assert autocorrelation(lagging(), SimpleNamespace(dim=3), 2) is not None
    assert autocorrelation(lagging(lag=(np.nan, 1, 1)), sample, 0) is None
    for rest, known in ((7.9e-9, False), (8.1e-9, True)):
        it = lagging(values=[8.0, rest])
        assert (autocorrelation(it, sample, 1) is not None) == known


def test_neighbours_are_alike_beyond_a_fifth_and_chance(monkeypatch):
    state = [0.25, 0.01]
    monkeypatch.setattr(dependence, "autocorrelation", lambda *_: tuple(state) or None)
    found = SimpleNamespace(rho=np.zeros(1))

    def told(lag, error=0.01, far=0.0, spikes=1):
        state[:] = lag, error
        it = lagging(far=(9.0, far, far))
        return alike(it, None, SimpleNamespace(rho=np.zeros(spikes)))

    for sign in (1, -1):
        assert told(sign * 0.1999) is None
        assert told(sign * 0.2001) is not None
        assert told(sign * 0.4499, 0.1) is None
        assert told(sign * 0.4501, 0.1) is not None
        # two fifths must be lost far away
        assert told(sign * 0.5, far=sign * 0.301) is None
        assert told(sign * 0.5, far=sign * 0.299) is not None
    assert told(0.5, far=0.1, spikes=9) is not None
    text = (
        "neighbouring rows hang together (autocorrelation {}), so that noise looks like signals: "
        "of a time series or repeated measurements keep one row in {} or so; if rows are only "
        "sorted, shuffle them"
    )
    for lag, shown, apart in (
        (0.25, "0.25", 2), (0.5, "0.50", 4), (0.75, "0.75", 9), (0.21, "0.21", 2),
        (-0.5, "-0.50", 4), (0.999, "1.00", 230), (0.33, "0.33", 3), (0.3, "0.30", 2),
    ):  # fmt: skip
        assert told(lag) == text.format(shown, apart)
    state.clear()
    assert alike(lagging(), None, found) is None


def test_slow_signals():
    def told(*lags, samples=100, spikes=None):
        found = SimpleNamespace(rho=np.zeros(len(lags) if spikes is None else spikes))
        return slow(lagging(along=lags, samples=samples), found)

    assert told(0.499) is None
    text = "change{} slowly down the rows (autocorrelation {}): unless rows are only sorted, the "
    text += "error of rho is larger"
    assert told(0.5) == "signal 1 " + text.format("s", "0.50")
    assert told(0.3, 0.6, 0.9) == "signals 2, 3 " + text.format("", "0.90")
    assert told(0.3, 0.6, 0.9, spikes=2) == "signal 2 " + text.format("s", "0.60")
    assert told(0.562, samples=64) is None  # 4.5 / 8
    assert told(0.563, samples=64) is not None
    assert told(*[0.7] * 5).startswith("signals 1, 2, 3, 4, 5 change")
    assert told(*[0.7] * 6).startswith("signals 1, 2, 3, 4, 5, ... change")


# ---- copies


CURE = "rows must be independent, and copies look like signals: keep one of each"


def copied(counts, columns=3, rows=10**6):
    it = Copies()
    x = np.random.default_rng(0).normal(size=(len(counts), columns))
    data = np.repeat(x, counts, axis=0)
    for start in range(0, len(data), rows):
        it.see(data[start : start + rows])
    return it.doubts()


def test_every_row_may_be_there_several_times():
    for times, often in ((2, "twice"), (3, "three times"), (4, "4 times")):
        for rows in (7, 10**6):
            assert copied([times] * 20, rows=rows) == [f"every row is there {often}: {CURE}"]
    assert copied([2] * 19) == [f"47 % of the rows are copies of others: {CURE}"]
    assert copied([4] * 19 + [2]) == [f"every row is there twice: {CURE}"]
    assert copied([1] * 30) == []
    assert copied([9]) == []


def test_a_tenth_of_copies_is_no_accident():
    """The row that is there most often may stand for nothing."""
    assert copied([1] * 80 + [2] * 10 + [9]) == []  # 10 of 109
    assert copied([1] * 69 + [2] * 11 + [9]) == [f"11 % of the rows are copies of others: {CURE}"]
    assert copied([1] * 80 + [50]) == []
    assert copied([1] * 9 + [2] * 1 + [1]) == []
    assert copied([1] * 16 + [2] * 2 + [3]) == []  # 2 of 23
    assert copied([1] * 10 + [2] * 2 + [3]) == [f"12 % of the rows are copies of others: {CURE}"]
    assert copied([1] * 10 + [2] * 5, columns=1) == []


def test_rows_that_differ_in_one_column_only_are_equal_by_chance():
    data = np.random.default_rng(0).integers(0, 3, (60, 2)).astype(float)
    data = np.hstack([data, np.ones((60, 1))])
    it = Copies()
    it.see(data)
    assert it.doubts() == []
    it.head = np.array([[0, 0, 0], [1, 1, 0], [0, 2, 1.0], [1, 1, 0]])
    assert not it._near()
    it.head[2] = [1, 2, 0]
    assert it._near()


# ---- at a KL weight


def looked(no_floor=None, values=(4.0, 2.0, 1.0), latents=1, total=7.0):
    values = np.array(values)
    prediction = Prediction(np.full(latents, 3.0), 0.5, 3, values, total)
    it = SimpleNamespace(
        prediction=prediction, spectrum=SimpleNamespace(dim=5, total=total),
        analysis=SimpleNamespace(no_floor=no_floor),
    )  # fmt: skip
    it.seen = lambda epochs: it if epochs in (None, "many") else other
    other = SimpleNamespace(**{**vars(it), "prediction": Prediction(
        np.array([3.0]), 0.75, 3, values, total)})  # fmt: skip
    return it


def test_latents_on_noise_are_those_beyond_the_signals():
    from vaedyn.data.convention import Convention

    found = judge(looked(), beta=1.5)
    assert (found.weight, found.on_noise, found.mark) == (1.5, 1, "yours")
    assert judge(looked(), beta=0.5).on_noise == 2
    assert judge(looked(), beta=3.0).on_noise == judge(looked(), beta=5.0).on_noise == 0
    assert judge(looked("why"), beta=0.5).on_noise is None
    mean = Convention("mean")
    assert judge(looked(), weight=0.6, convention=mean).row.beta == pytest.approx(1.5)
    assert judge(looked(), beta=1.5, convention=mean).weight == pytest.approx(0.6)
    recommended = judge(looked(), convention=mean)
    assert (recommended.weight, recommended.row.beta, recommended.mark) == (0.2, 0.5, "recommended")
    assert judge(looked(), epochs="one").row.beta == 0.75
    assert judge(looked(), beta=0.5, latents=2).row.active == 2


def test_an_overview_has_round_weights_and_those_that_matter():
    from vaedyn.data.convention import Convention

    mean = Convention("mean")  # 0.4 times beta
    every = overview(looked(), convention=mean)
    weights = [each.weight for each in every]
    assert weights == pytest.approx([0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1, 1.5, 2], rel=1e-12)
    assert all(each.row.beta == pytest.approx(each.weight / 0.4, rel=1e-9) for each in every)
    assert [each.weight for each in every if each.mark] == [0.2]
    none = overview(looked("why"), convention=mean)
    assert not any(each.mark for each in none)
    yours = Judged(0.3000000000001, judge(looked(), beta=0.75).row, 0, "yours")
    both = overview(looked(), convention=mean, yours=yours)
    assert [(each.weight, each.mark) for each in both if each.mark] == [
        (0.2, "recommended"), (0.3000000000001, "yours"),
    ]  # fmt: skip
    assert sum(abs(each.weight - 0.3) < 1e-6 for each in both) == 1


@pytest.mark.parametrize(
    ("values", "latents", "total", "low"),
    [
        ((4.0, 2.0, 1.0), None, 7.0, 0.4),  # a tenth of the largest
        ((4.0, 2.0, 0.25), None, 7.0, 0.25),  # the least
        ((4.0, 2.0, 1e-5), None, 9.0, 0.003),  # a thousandth of the total, over three
        ((4.0, 2.0, 1e-5), 2, 9.0, 0.4),
    ],
)
def test_where_an_overview_begins_and_ends(monkeypatch, values, latents, total, low):
    from vaedyn.data import judge as judge_module

    asked = []
    monkeypatch.setattr(judge_module, "steps", lambda *ends: asked.append(ends) or [1.0])
    overview(looked(values=values, total=total), latents=latents)
    ((first, last),) = asked
    assert first == pytest.approx(low, rel=1e-12)
    assert last == 4
