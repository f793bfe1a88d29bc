"""Spectra and tails of small tables, and predictions of them: against loops, number by number."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import spectrum as module
from vaedyn.data.blocks import Moments
from vaedyn.data.prediction import Prediction, Row, eigenvalues_of_rows, row
from vaedyn.data.spectrum import Spectrum, _rounding, covariance_spectrum, passes_over
from vaedyn.data.tails import tails_of
from vaedyn.errors import ParameterError

EPS = 2.0**-52


def refused(call, *given, **options):
    with pytest.raises(ParameterError) as error:
        call(*given, **options)
    return str(error.value)


# ---- tails


def lagged(x, lag):
    """Return the sum of products of rows that are so many rows apart."""
    return sum((x[t] @ x[t + lag] for t in range(len(x) - lag)), 0.0)


@pytest.mark.parametrize(("rows", "far"), [(7, 2), (29, 2), (30, 3), (345, 32)])
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_single_rows_contribute(rows, far, size):
    if size == 1 and rows > 100:
        return
    x = np.random.default_rng(3).normal(size=(rows, 5)) * [1, 4, 2, 3, 0.5] + 7
    directions = np.linalg.qr(np.random.default_rng(4).normal(size=(5, 5)))[0][:2]
    moments = Moments(x.mean(axis=0), rows, ())
    blocks = [x[at : at + size] for at in range(0, rows, size)]
    blocks.insert(1, x[:0])
    found = tails_of(lambda: iter(blocks), moments, directions)
    y = x - x.mean(axis=0)
    for k, direction in enumerate(directions):
        along = y @ direction
        square = along @ along
        assert found.share[k] == pytest.approx((along**2).max() / square, rel=1e-12)
        assert found.row[k] == (along**2).argmax()
        kurtosis = rows * (along**4).sum() / square**2 - 3
        assert found.kurtosis[k] == pytest.approx(kurtosis, rel=1e-9, abs=1e-12)
        assert found.lag[k] == pytest.approx(lagged(along[:, None], 1) / square, rel=1e-9)
    for k in range(3):
        left = y - y @ directions[:k].T @ directions[:k]
        lengths = (left**2).sum(axis=1)
        relative = (lengths**2).mean() / lengths.mean() ** 2 - 1
        assert found.lengths[k] == pytest.approx(relative, rel=1e-9)
        assert found.lag_left[k] == pytest.approx(lagged(left, 1) / lengths.sum(), rel=1e-9)
        assert found.far_left[k] == pytest.approx(lagged(left, far) / lengths.sum(), rel=1e-9)
    np.testing.assert_allclose(found.variances, x.var(axis=0, ddof=1), rtol=1e-12)


def test_where_nothing_is_left_beside_directions_nothing_is_alike():
    x = np.outer(np.arange(12.0), [3.0, 4.0])
    direction = np.array([[0.6, 0.8]])
    found = tails_of(lambda: iter([x]), Moments(x.mean(axis=0), 12, ()), direction)
    assert (found.lag_left[1], found.far_left[1]) == (0, 0)
    assert found.lengths[1] >= 0
    assert found.lag_left[0] > 0.5


# ---- spectra


def test_how_often_a_table_is_read():
    assert passes_over(3000, 10**6) == 3 + 94  # slabs of 256 MB
    assert passes_over(10, 11) == 4
    assert passes_over(3000, 3000) == passes_over(10**6, 3000) == 3
    assert passes_over(3001, 3001) == 8
    assert passes_over(3001, 3001, 2) == 4
    assert passes_over(32, 10**6) == 4  # just 256 MB
    assert passes_over(33, 10**6) == 5


def test_numbers_that_must_be_one_at_least():
    x = np.random.default_rng(0).normal(size=(9, 4))
    for name in ("leading", "largest_exact", "passes"):
        assert refused(covariance_spectrum, x, **{name: 0}) == f"{name}: must be at least 1, got 0"
        covariance_spectrum(x, **{"leading": 4, name: 1})


def test_rounding_is_that_of_the_largest():
    assert _rounding(np.array([1.0, -7.0, 2.0])).tolist() == [21 * EPS] * 3


@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_all_eigenvalues_are_found(shape):
    x = np.random.default_rng(2).normal(size=shape) * np.arange(1, shape[1] + 1)
    x[:, 1] = 3.0
    found = covariance_spectrum(lambda: iter([x[:3], x[3:]]), leading=2)
    covariance = np.cov(x.T)
    values, vectors = np.linalg.eigh(covariance)
    rank = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(found.eigenvalues, values[::-1][:rank], rtol=1e-9, atol=1e-12)
    assert found.directions.shape == (2, shape[1])
    for k in range(2):
        vector = vectors[:, -1 - k] * np.sign(vectors[np.abs(vectors[:, -1 - k]).argmax(), -1 - k])
        np.testing.assert_allclose(found.directions[k], vector, atol=1e-9)
    size = min(shape)
    np.testing.assert_allclose(found.error, size * EPS * values[-1], rtol=1e-9)
    assert found.total == pytest.approx(np.trace(covariance), rel=1e-12)
    assert (found.samples, found.dim, found.complete) == (*shape, True)
    assert (found.remainder, found.constant, found.doubts) == (0.0, (1,), ())
    np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.tails.variances, x.var(axis=0, ddof=1), rtol=1e-9)
    frame = found.to_frame()
    assert frame.index.name == "mode"
    assert [*frame.columns] == ["eigenvalue", "error"]
    np.testing.assert_array_equal(frame["eigenvalue"], found.eigenvalues)
    np.testing.assert_array_equal(frame["error"], found.error)


def cut(x, passes):
    passes.append(len(x))
    return iter([x[:2], x[2:3], x[3:]])


def test_slabs_of_columns_add_up(monkeypatch):
    x = np.random.default_rng(2).normal(size=(5, 11)) * np.arange(1, 12)
    whole = covariance_spectrum(x, 3)
    for columns in (1, 3, 4, 11):
        monkeypatch.setattr(module, "SLAB", 8 * 5 * columns)
        passes = []
        found = covariance_spectrum(partial(cut, x, passes), 3)
        assert len(passes) == 3 + -(-11 // columns) == passes_over(5, 11)
        np.testing.assert_allclose(found.eigenvalues, whole.eigenvalues, rtol=1e-12)
        np.testing.assert_allclose(found.directions, whole.directions, atol=1e-12)


def test_a_random_subspace_is_that_of_the_leading_eigenvalues(monkeypatch):
    x = np.random.default_rng(2).normal(size=(90, 80)) * np.geomspace(30, 0.3, 80)
    for passes, close in ((2, 0.1), (6, 1e-6)):
        found = covariance_spectrum(x, leading=3, largest_exact=79, passes=passes)
        values = np.linalg.eigvalsh(np.cov(x.T))[::-1]
        np.testing.assert_allclose(found.eigenvalues, values[:3], rtol=close)
        assert (np.abs(found.eigenvalues - values[:3]) <= found.error + 1e-12).all()
        assert not found.complete
        assert found.total == pytest.approx(values.sum(), rel=1e-12)
        assert found.directions.shape == (3, 80)
        np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(3), atol=1e-12)
        assert found.remainder == pytest.approx((values[3:] ** 2).sum(), rel=0.5)
    assert covariance_spectrum(x, leading=3, largest_exact=80).complete
    again = covariance_spectrum(x, leading=3, largest_exact=79, passes=2)
    other = covariance_spectrum(x, leading=3, largest_exact=79, passes=2, seed=1)
    same = covariance_spectrum(x, leading=3, largest_exact=79, passes=2, seed=0)
    assert np.array_equal(again.eigenvalues, same.eigenvalues)
    assert not np.array_equal(again.eigenvalues, other.eigenvalues)
    seen = []
    monkeypatch.setattr(
        module, "_by_random_directions", lambda *given: seen.append(given[2:]) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        covariance_spectrum(x, largest_exact=79)
    assert seen == [(200, 6, 0)]
    usual = {"largest_exact": 3000, "passes": 6, "seed": 0}
    assert covariance_spectrum.__kwdefaults__ == usual


# ---- predictions


def analysed(no_floor=None):
    return SimpleNamespace(
        rho=np.array([4.0, 2.0]), eta=0.5, dim=4, no_floor=no_floor, overlap=np.array([0.9, 0.7])
    )


def spectrum():
    values = np.array([6.0, 3.0, 1.0, 0.5])
    return SimpleNamespace(
        eigenvalues=values, samples=10, dim=4, constant=(), complete=True, total=11.0, remainder=0.0
    )


def test_predictions_are_for_rows_or_for_the_population():
    rows = Prediction.of(spectrum(), analysed())
    np.testing.assert_allclose(rows.eigenvalues, [5.4, 2.7, 0.9, 0.45], rtol=1e-14)
    np.testing.assert_allclose(eigenvalues_of_rows(spectrum()), rows.eigenvalues)
    assert (rows.total, rows.eta, rows.dim, rows.latents) == (9.9, 0.5, 4, 2)
    assert rows.overlap.tolist() == [0.9, 0.7]
    assert Prediction.of(spectrum(), analysed("why")).overlap is None
    fresh = Prediction.of(spectrum(), analysed(), "one")
    assert fresh.eigenvalues.tolist() == [4.5, 2.5, 0.5, 0.5]
    assert (fresh.total, fresh.overlap, fresh.beta) == (8.0, None, 0.5)
    assert refused(Prediction.of, spectrum(), analysed(), "two") == (
        "epochs: expected many or one, got 'two'"
    )
    assert refused(Prediction.of, spectrum(), analysed("so it is"), "one") == (
        "epochs: one needs the population's variances: so it is"
    )


def test_the_recommended_beta_is_that_of_least_error():
    rows = Prediction.of(spectrum(), analysed())
    fine = np.linspace(0.01, 5.4, 100_001)
    errors = [6 - 0 * fine, *(np.maximum(s - fine, 0) - 2 * np.sqrt(g * np.maximum(s - fine, 0))
              for s, g in ((5.4, 3.6), (2.7, 1.4)))]  # fmt: skip
    assert rows.beta == pytest.approx(fine[np.sum(errors, axis=0).argmin()], abs=1e-4)
    np.testing.assert_allclose(rows.fresh_error(fine[::9999]), np.sum(errors, axis=0)[::9999])
    three = rows.fresh_error(0.5, 3)
    assert three == pytest.approx(float(rows.fresh_error(0.5)) + 0.4, rel=1e-12)
    assert Prediction([], 0.5, 4, np.ones(4), 4.0, np.array([])).beta == 0.5
    plain = Prediction([3.0, 1.0], 0.5, 5)
    assert plain.fresh_error(0.5) == pytest.approx(4 + 3 + 1 - 2 * (3 + 1), abs=1e-12)


def test_a_rate_distortion_curve_goes_from_below_the_noise_to_beyond_collapse():
    curve = Prediction([3.0, 1.0], 0.5, 5).rate_distortion(3)
    assert curve.shape == (41, 3)
    np.testing.assert_allclose(curve[[0, -1], 0], [0.1, 4.2], rtol=1e-12)
    np.testing.assert_allclose(np.diff(np.log(curve[:, 0])), np.log(42) / 40)
    used = np.array([3.5, 1.5, 0.5])
    for beta, rate, error in curve[::8]:
        assert rate == pytest.approx(0.5 * np.log(np.maximum(used / beta, 1)).sum(), abs=1e-12)
        assert error == pytest.approx(np.minimum(used, beta).sum() + 1.0, rel=1e-12)
    assert Prediction([3.0], 0.5, 5, np.array([2.0, 1.0]), 4.0).rate_distortion()[-1, 0] == (
        pytest.approx(2.4)
    )


def test_rows_are_exact_unless_eigenvalues_are_missing():
    assert Row(1.0, 1, 0.5, 0.25).exact
    table = Prediction([3.0], 0.5, 4, np.array([4.0, 1.0]), 6.0)
    assert [row(table, beta).exact for beta in (0.99, 1.0)] == [False, True]
    assert [row(table, 0.5, n).exact for n in (2, 3)] == [True, False]


def test_spectra_have_a_record_of_all_fields():
    fields = ("mean", "eigenvalues", "directions", "samples", "dim", "total", "complete", "error",
              "tails", "remainder", "constant", "doubts")  # fmt: skip
    assert tuple(Spectrum.__dataclass_fields__) == fields
