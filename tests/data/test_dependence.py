"""Rows that are not independent: copies, series, repeated measurements; and no false alarms."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import datasets

from tests.shared.tables import analysed, spiked
from vaedyn.data import copies
from vaedyn.data.copies import Copies
from vaedyn.data.dependence import autocorrelation, slow
from vaedyn.data.findings import sample_of
from vaedyn.data.spectrum import covariance_spectrum

MARKS = ("neighbouring rows hang together", "every row is there", "of the rows are copies")
SIZES = [(12, 2), (30, 5), (60, 20), (60, 100), (150, 5), (300, 40)]


def told(data):
    """Return which of the marks stand among the warnings."""
    found = analysed(np.asarray(data, float))
    marks = [mark for mark in MARKS if any(mark in text for text in found.warnings)]
    assert bool(marks) <= (found.no_floor is not None)
    assert not marks or any(mark in found.warnings[0] for mark in MARKS)  # which matters most
    return marks


def series(rng, rows, dim, phi):
    """Draw a first-order autoregression."""
    x = rng.normal(size=(rows + 60, dim))
    for t in range(1, len(x)):
        x[t] += phi * x[t - 1]
    return x[60:]


def sizes(rng):
    return SIZES[rng.integers(len(SIZES))]


TABLES = [
    getattr(datasets, f"load_{name}")().data
    for name in ("iris", "wine", "breast_cancer", "diabetes")
]
HARMLESS = {
    "gaussian": lambda rng: rng.normal(size=sizes(rng)),
    "spiked": lambda rng: spiked(rng, 200, 20, (9, 5)),
    "t, 3": lambda rng: rng.standard_t(3, size=sizes(rng)),
    "cauchy": lambda rng: rng.standard_cauchy(size=sizes(rng)),
    "rows of different lengths": lambda rng: (
        rng.normal(size=(100, 10)) * rng.pareto(1.5, size=(100, 1))
    ),
    "few values": lambda rng: rng.integers(1, 6, size=(400, 4)),
    "zeros and ones": lambda rng: rng.random(size=(300, 12)) < 0.15,
    "real tables": lambda rng: rng.permutation(TABLES[rng.integers(len(TABLES))]),
}
HARM = {
    "each row twice": lambda rng: (np.repeat(rng.normal(size=(50, 8)), 2, axis=0), 1),
    "the table twice": lambda rng: (np.tile(spiked(rng, 60, 12, (9, 5)), (2, 1)), 1),
    "twice, in any order": lambda rng: (
        rng.permutation(np.tile(rng.normal(size=(60, 8)), (2, 1))), 1,
    ),
    "drawn with replacement": lambda rng: (
        rng.normal(size=(150, 6))[rng.integers(150, size=150)], 2,
    ),
    "few different rows": lambda rng: (rng.normal(size=(15, 6))[rng.integers(15, size=300)], 2),
    "a series": lambda rng: (series(rng, 300, 12, 0.4), 0),
    "a short series that is slow": lambda rng: (series(rng, 80, 8, 0.9), 0),
    "a walk": lambda rng: (rng.normal(size=(150, 6)).cumsum(axis=0), 0),
    "alternating": lambda rng: (series(rng, 300, 12, -0.5), 0),
    "eight of each person": lambda rng: (
        np.repeat(rng.normal(size=(30, 8)), 8, axis=0) + rng.normal(size=(240, 8)), 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HARMLESS)
def test_independent_rows_raise_no_alarm(case):
    """Of 300 draws of each kind none did; 25 here would miss alarms in fewer than 10 %."""
    rng = np.random.default_rng([*case.encode()])
    assert not any(told(HARMLESS[case](rng)) for _ in range(25))


@pytest.mark.parametrize("case", HARM)
def test_dependent_rows_are_found_and_nothing_is_recommended(case):
    rng = np.random.default_rng([*case.encode()])
    for _ in range(5):
        data, mark = HARM[case](rng)
        assert MARKS[mark] in told(data)


def test_a_series_makes_false_signals_and_one_row_in_five_does_not():
    rng = np.random.default_rng(1)
    found = [analysed(series(rng, 400, 40, 0.6)) for _ in range(5)]
    assert sum(len(each.rho) for each in found) > 5  # where there are none
    assert all(re.search("keep one row in [456] or so", each.warnings[0]) for each in found)
    thinned = [analysed(series(rng, 2000, 40, 0.6)[::5]) for _ in range(5)]
    assert sum(len(each.rho) for each in thinned) <= 1
    assert not any("neighbouring" in text for each in thinned for text in each.warnings)


def test_its_standard_error_is_that_of_random_orders():
    """Over 400 orders of one table; it misses errors that are 14 % off."""
    rng = np.random.default_rng(2)
    table = rng.normal(size=(80, 30)) * np.sqrt(np.arange(1, 31))
    table *= rng.pareto(3, size=(80, 1)) + 0.5
    found = []
    for _ in range(400):
        spectrum = covariance_spectrum(rng.permutation(table))
        found.append(autocorrelation(spectrum, sample_of(spectrum), 0))
    lags, errors = np.transpose(found)
    assert np.std(lags) == pytest.approx(errors[0], rel=4 / np.sqrt(800))
    assert abs(lags.mean()) < 4 * errors[0] / 20


def test_autocorrelations_are_those_of_a_plain_twin():
    data = series(np.random.default_rng(3), 90, 5, 0.5) * [5, 4, 3, 2, 1]
    spectrum = covariance_spectrum(lambda: (data[k : k + 7] for k in range(0, 90, 7)))
    x = data - data.mean(axis=0)
    z = x @ spectrum.directions.T
    expected = [(z[1:, k] * z[:-1, k]).sum() / (z[:, k] ** 2).sum() for k in range(5)]
    np.testing.assert_allclose(spectrum.tails.lag, expected, rtol=1e-10)
    for k in range(5):
        left = x - z[:, :k] @ spectrum.directions[:k]
        expected = (left[1:] * left[:-1]).sum() / (left**2).sum()
        assert spectrum.tails.lag_left[k] == pytest.approx(expected, rel=1e-9)
        expected = (left[9:] * left[:-9]).sum() / (left**2).sum()
        assert spectrum.tails.far_left[k] == pytest.approx(expected, rel=1e-9)
    assert spectrum.tails.lag_left[5] == spectrum.tails.far_left[5] == 0  # nothing is left


def test_a_signal_that_drifts_is_no_reason_to_recommend_nothing():
    rng = np.random.default_rng(4)
    data = rng.normal(size=(400, 20))
    data[:, 3] += np.where(np.arange(400) < 200, 4, -4)
    found = analysed(data)
    assert found.no_floor is None
    assert "signal 1 changes slowly down the rows (autocorrelation 0.9" in found.warnings[0]
    assert not analysed(rng.permutation(data)).warnings


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "signal 1 changes slowly"), (5, "signals 1, 2, 3, 4, 5 change slowly"),
     (6, "signals 1, 2, 3, 4, 5, ... change slowly")],
)  # fmt: skip
def test_of_many_slow_signals_five_are_named(count, words):
    spectrum = SimpleNamespace(tails=SimpleNamespace(lag=np.full(9, 0.9)), samples=400)
    text = slow(spectrum, SimpleNamespace(rho=np.ones(count)))
    assert text.startswith(f"{words} down the rows (autocorrelation 0.90)")


@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
def test_tables_that_are_sorted_are_no_series(name, standardised):
    data, kind = getattr(datasets, f"load_{name}")(return_X_y=True)
    deviations = data.std(axis=0)
    data = data / np.where(deviations > 0, deviations, 1) if standardised else data
    for order in (kind, data[:, 0]):
        assert not told(data[np.argsort(order, kind="stable")])


def test_of_many_rows_a_part_is_counted_with_all_its_copies(monkeypatch):
    monkeypatch.setattr(copies, "MOST", 100)
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(3000, 4))
    for times in (1, 3):
        counted = Copies()
        for block in np.array_split(rng.permutation(np.tile(rows, (times, 1))), 17):
            counted.see(block)
        assert 30 < len(counted.counts) <= 100
        assert (counted.counts == times).all()
        assert len(counted.doubts()) == (times > 1)
    assert "every row is there three times" in counted.doubts()[0]


def test_zeros_have_no_sign_and_the_order_of_columns_matters():
    one, other = Copies(), Copies()
    one.see(np.array([[0.0, 1], [-0.0, 1], [1, 0.0]]))
    other.see(np.array([[1.0, 2], [2, 1], [3, 3]]))
    assert sorted(one.counts) == [1, 2]
    assert other.counts.tolist() == [1, 1, 1]


def test_results_of_earlier_versions_are_read(tmp_path):
    from vaedyn.data.kept_spectrum import kept_spectrum

    class Store:
        """One that holds a record without autocorrelations."""

        def load_or_run(self, kind, params, compute):
            variables, info = compute()
            old = {
                name: it for name, it in variables.items() if not name.startswith(("lag", "far"))
            }
            saved = {"key": "k", "path": "p", "reused": True, "params": {}}
            return type("Saved", (), {**saved, "variables": old, "info": info})()

    data = series(np.random.default_rng(6), 90, 5, 0.7)
    spectrum, _ = kept_spectrum(lambda: iter([data]), "d", store=Store())
    assert np.isnan(spectrum.tails.lag_left).all()
    assert autocorrelation(spectrum, sample_of(spectrum), 0) is None
