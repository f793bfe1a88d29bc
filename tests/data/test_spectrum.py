"""Spectra of streamed data, and what they tell of noise and signals, against simulated truths."""

import numpy as np
import pytest

from tests.shared.tables import analysed, blocks, spiked
from vaedyn.data import spectrum
from vaedyn.data.blocks import Standardised
from vaedyn.data.spectrum import covariance_spectrum
from vaedyn.errors import ParameterError

# ---- the spectrum


@pytest.mark.parametrize(
    "shape", [(57, 12), (40, 90), (30, 30), (31, 30), (200, 1), (3, 2), (3, 9)]
)
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_spectrum_is_that_of_numpy(shape, rows):
    rng = np.random.default_rng(1)
    data = rng.normal(size=shape) * np.arange(1, shape[1] + 1) + 1e4
    truth = np.atleast_2d(np.cov(data.T))
    found = covariance_spectrum(blocks(data, rows), leading=5)
    count = min(shape[0] - 1, shape[1])
    expected = np.linalg.eigvalsh(truth)[::-1]
    assert found.eigenvalues.shape == (count,)
    np.testing.assert_allclose(found.eigenvalues, expected[:count], rtol=1e-9)
    np.testing.assert_allclose(found.mean, data.mean(axis=0), rtol=1e-14)
    assert found.total == pytest.approx(np.trace(truth), rel=1e-12)
    assert found.complete
    assert found.directions.shape == (min(5, count), shape[1])
    leading = found.directions
    np.testing.assert_allclose(leading @ leading.T, np.eye(len(leading)), atol=1e-9)
    np.testing.assert_allclose(
        truth @ leading.T, leading.T * found.eigenvalues[: len(leading)], atol=1e-9 * expected[0]
    )
    assert (leading.max(axis=1) == np.abs(leading).max(axis=1)).all()


def test_slabs_of_columns_do_not_show(monkeypatch):
    data = np.random.default_rng(2).normal(size=(20, 61))
    whole = covariance_spectrum(blocks(data, 6))
    monkeypatch.setattr(spectrum, "SLAB", 20 * 8 * 7.5)
    in_slabs = covariance_spectrum(blocks(data, 6))
    np.testing.assert_allclose(in_slabs.eigenvalues, whole.eigenvalues, rtol=1e-12)
    np.testing.assert_allclose(in_slabs.directions, whole.directions, atol=1e-12)


def test_a_large_mean_costs_no_digits():
    data = np.random.default_rng(3).normal(size=(500, 6))
    here, there = (covariance_spectrum(blocks(data + shift, 33)) for shift in (0, 2.0**30))
    np.testing.assert_allclose(there.eigenvalues, here.eigenvalues, rtol=1e-5)


def test_a_mean_beyond_all_deviations_costs_few():
    data = np.random.default_rng(3).integers(-50, 50, size=(20_000, 3)).astype(float)
    here, there = (covariance_spectrum(blocks(data + shift, 33)) for shift in (0, 2.0**45))
    np.testing.assert_allclose(there.eigenvalues, here.eigenvalues, rtol=1e-7)


def test_constant_columns_have_exactly_their_mean():
    data = np.random.default_rng(4).normal(size=(1000, 3))
    for value in (0.1, 0.7, 1e9 / 3):
        data[:, 1] = value
        for rows in (3, 7, 1000):  # the sum of three times 0.1 is not 0.3
            assert covariance_spectrum(blocks(data, rows)).mean[1] == value


@pytest.mark.parametrize("scale", [1e-65, 1e65])
def test_units_may_be_far_from_one(scale):
    data = spiked(np.random.default_rng(15), 200, 50, (5, 3))
    one, other = analysed(data), analysed(scale * data)
    assert other.eta == pytest.approx(scale**2 * one.eta, rel=1e-9)
    np.testing.assert_allclose(other.rho, scale**2 * one.rho, rtol=1e-9)
    np.testing.assert_allclose(other.rho_error, scale**2 * one.rho_error, rtol=1e-9)
    assert other.warnings == one.warnings


def test_columns_are_standardised_whatever_their_means_and_blocks():
    data = np.random.default_rng(4).normal(size=(900, 5)) * np.arange(1, 6)
    data += np.arange(900)[:, None] // 100  # means differ from block to block
    data[:, 2] = 3
    for rows in (100, 7, 900):
        seen = np.vstack(list(Standardised(blocks(data, rows))()))
        np.testing.assert_allclose(seen.std(axis=0, ddof=1), [1, 1, 0, 1, 1], rtol=1e-12)
        np.testing.assert_allclose(seen[:, 2], 3)


@pytest.mark.parametrize("prepare", [covariance_spectrum, lambda blocks: Standardised(blocks)()])
@pytest.mark.parametrize(
    ("number", "message"), [(np.nan, "is nan: remove"), (1e160, r"is 1e\+160: rescale")]
)
def test_the_entry_that_is_wrong_is_named(prepare, number, message):
    data = np.random.default_rng(4).normal(size=(200, 5))
    data[150, 3] = number
    with pytest.raises(ParameterError, match=f"row 151, column 4 {message}"):
        prepare(blocks(data, 60))


def test_constant_columns_are_told():
    data = np.random.default_rng(4).normal(size=(50, 6))
    data[:, [1, 4]] = 0.1, -1e9
    found = covariance_spectrum(blocks(data, 7))
    assert found.constant == (1, 4)
    assert found.mean[1] == 0.1
    assert len(found.directions) == 4  # those without variance have none
    np.testing.assert_allclose(found.eigenvalues[4:], 0, atol=found.error[0])
    assert covariance_spectrum(blocks(data[:5])).constant == (1, 4)


@pytest.mark.parametrize(("samples", "dim"), [(700, 500), (400, 600)])
def test_random_directions_find_what_is_exact(samples, dim, monkeypatch):
    monkeypatch.setattr(spectrum, "PROBES", 2000)  # tell the remainder to 0.2 %
    rho = (50, 30, 12, 8, 5)
    data = spiked(np.random.default_rng(5), samples, dim, rho, turned=True) + 3
    exact = covariance_spectrum(blocks(data))
    found = covariance_spectrum(blocks(data, 150), leading=40, largest_exact=100)
    assert not found.complete
    assert found.eigenvalues.shape == found.error.shape == (40,)
    assert found.total == pytest.approx(exact.total, rel=1e-12)
    np.testing.assert_allclose(found.eigenvalues[:5], exact.eigenvalues[:5], rtol=1e-3)
    overlaps = np.abs(np.sum(found.directions[:5] * exact.directions[:5], axis=1))
    assert (overlaps > 0.999).all()
    distance = np.abs(found.eigenvalues[:, None] - exact.eigenvalues).min(axis=1)
    assert (distance <= found.error).all()
    assert found.error[0] < 1e-5 * found.eigenvalues[0]
    truth = np.sum(exact.eigenvalues**2) - np.sum(found.eigenvalues**2)
    assert found.remainder == pytest.approx(truth, rel=0.008)
    again = covariance_spectrum(blocks(data, 150), leading=40, largest_exact=100)
    np.testing.assert_array_equal(again.eigenvalues, found.eigenvalues)


def test_fewer_passes_are_less_exact_and_say_so():
    data = spiked(np.random.default_rng(6), 300, 250, (50, 30, 12))
    options = {"leading": 20, "largest_exact": 100}
    exact = covariance_spectrum(blocks(data)).eigenvalues
    worst = []
    for passes in (1, 2, 3, 50):
        found = covariance_spectrum(blocks(data), passes=passes, **options)
        distance = np.abs(found.eigenvalues[:, None] - exact).min(axis=1)
        assert (distance <= found.error).all()
        worst.append(found.error[:3].max())
    assert worst == sorted(worst, reverse=True)
    assert worst[0] > 1e6 * worst[-1]


def test_spare_directions_make_those_asked_for_more_exact(monkeypatch):
    data = spiked(np.random.default_rng(6), 300, 250, (30, 20, 12, 8, 6))
    errors = []
    for spare in (spectrum.SPARE, 0):
        monkeypatch.setattr(spectrum, "SPARE", spare)
        found = covariance_spectrum(blocks(data), leading=5, largest_exact=100, passes=3)
        errors.append(found.error[4])
    assert errors[0] < 0.5 * errors[1]


def test_random_directions_in_data_of_low_rank():
    rng = np.random.default_rng(7)
    data = rng.normal(size=(220, 4)) @ rng.normal(size=(4, 210))
    exact = covariance_spectrum(blocks(data)).eigenvalues
    found = covariance_spectrum(blocks(data), leading=10, largest_exact=100)
    np.testing.assert_allclose(found.eigenvalues, exact[:10], atol=1e-10 * exact[0])
    assert len(found.directions) == 4
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(4), atol=1e-9)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1, 2], [3, np.nan], [4, 5]], "row 2, column 2 is nan: remove such rows"),
        ([[1, 2], [3, 4], [-np.inf, 5]], "row 3, column 1 is -inf: remove such rows"),
        ([[1, 2], [3, 1e200], [4, 5]], r"row 2, column 2 is 1e\+200: rescale the data"),
        ([[1, 2], [3, 4]], r"at least 3 rows \(samples\) are needed, got 2"),
        ([[1, 2]] * 5, "all rows are equal: there is no variance"),
        ([[0], [1e-75], [0]], "numbers differ by 1e-75 at most: rescale them"),
        ([[0], [1e95], [0]], r"row 2, column 1 is 1e\+95: rescale the data"),
        ([[1j], [2], [3]], "expected real numbers, got complex128"),
        ([["a"], ["b"], ["c"]], "expected real numbers, got <U1"),
        ([1.0, 2, 3], r"expected blocks \(rows, dim\), got shape \(\d,\)"),
        (np.zeros((4, 0)), r"expected blocks \(rows, dim\), got shape \(\d, 0\)"),
    ],
)
def test_bad_data_are_refused(data, message):
    with pytest.raises(ParameterError, match=f"^data: {message}"):
        covariance_spectrum(blocks(np.array(data), 2))


def test_a_table_need_not_be_cut_into_blocks():
    data = np.random.default_rng(9).normal(size=(30, 5))
    expected = covariance_spectrum(blocks(data)).eigenvalues
    for table in (data, data.tolist()):
        np.testing.assert_allclose(covariance_spectrum(table).eigenvalues, expected, rtol=1e-12)
    with pytest.raises(ParameterError, match=r"^data: expected blocks \(rows, dim\), got shape"):
        covariance_spectrum(data[0])
    with pytest.raises(ParameterError, match="^data: expected real numbers"):
        covariance_spectrum(iter([data]))


def test_data_that_change_are_refused():
    rng = np.random.default_rng(8)
    with pytest.raises(ParameterError, match="row 6 has 2 columns, those before it have 3"):
        covariance_spectrum(lambda: iter([rng.normal(size=(5, 3)), rng.normal(size=(5, 2))]))
    for later in (4, 6):
        passes = iter([5, later])
        with pytest.raises(ParameterError, match="the number of rows changed"):
            covariance_spectrum(lambda passes=passes: iter([rng.normal(size=(next(passes), 3))]))
    with pytest.raises(ParameterError, match="leading: must be at least 1, got 0"):
        covariance_spectrum(blocks(rng.normal(size=(5, 3))), leading=0)
