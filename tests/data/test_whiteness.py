"""Whether there is white noise beside the signals: over many draws with and without."""

import numpy as np
import pytest
from scipy import stats
from sklearn import datasets

from tests.shared.tables import analysed, drawn, spiked
from vaedyn.data.analyse import analyse
from vaedyn.data.spectrum import covariance_spectrum
from vaedyn.data.spiked import Sample
from vaedyn.data.whiteness import _chance, is_white


def share_with_floor(draw, count, **options):
    return np.mean([drawn(draw(), **options).no_floor is None for _ in range(count)])


@pytest.mark.parametrize("gamma", [0.01, 0.1, 0.5, 1, 3])
@pytest.mark.parametrize(("dim", "strength"), [(4, 30), (10, 3), (10, 30), (40, 1.5), (40, 10)])
def test_signals_in_white_noise_leave_a_floor(dim, strength, gamma):
    """Signals are that many times as strong as the weakest that could be seen.

    Of 40 draws: a floor that is missed in 7 % of the cases is noticed half of the time.
    """
    rng, samples = np.random.default_rng(40), round(dim / gamma) + 1
    rho = strength * np.sqrt(gamma) * np.linspace(1, 1.5, max(1, dim // 10))
    if samples < 8:
        samples = 8
    assert share_with_floor(lambda: spiked(rng, samples, dim, rho), 40) >= 0.95


def test_noise_alone_is_a_floor_whatever_its_law():
    """Of 40 draws: a floor that is missed in 7 % of the cases is noticed half of the time."""
    rng = np.random.default_rng(41)
    for shape in ((100, 10), (60, 100), (1000, 30)):
        assert share_with_floor(lambda shape=shape: rng.normal(size=shape), 40) >= 0.95
        assert share_with_floor(lambda shape=shape: rng.uniform(-1, 1, shape), 40) >= 0.95


def uneven(rng, samples, dim):
    return rng.normal(size=(samples, dim)) * np.sqrt(rng.uniform(0.2, 1.8, dim))


def power_law(rng, samples, dim):
    return rng.normal(size=(samples, dim)) / np.sqrt(np.arange(1, dim + 1))


def neighbours(rng, samples, dim):
    x = rng.normal(size=(samples, dim))
    for j in range(1, dim):
        x[:, j] = 0.5 * x[:, j - 1] + np.sqrt(0.75) * x[:, j]
    return x


@pytest.mark.parametrize("draw", [uneven, power_law, neighbours])
@pytest.mark.parametrize("shape", [(500, 10), (1000, 30), (200, 100)])
def test_other_noise_is_no_floor(draw, shape):
    """Of 20 draws: a floor in 18 % of the cases is noticed half of the time; there are 0 to 4 %."""
    rng = np.random.default_rng(42)
    assert share_with_floor(lambda: draw(rng, *shape), 20) <= 0.15


@pytest.mark.parametrize(("spikes", "words"), [(1, "1 signal"), (2, "2 signals")])
def test_signals_beside_other_noise_are_numbered(spikes, words):
    data = neighbours(np.random.default_rng(53), 500, 10)
    assert f": beside {words} eigenvalues run" in analysed(data, spikes=spikes).no_floor


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "digits", "diabetes", "iris"])
@pytest.mark.parametrize("standard", [False, True])
def test_real_tables_have_none(name, standard):
    data = getattr(datasets, f"load_{name}")().data
    data = data[:, data.std(axis=0) > 0]
    assert analysed(data / data.std(axis=0) if standard else data).no_floor is not None


def test_correlated_columns_of_few_rows_are_no_noise():
    """Too few rows to count a signal, enough to see that there is something.

    6 % of such draws have a floor: half of the time it misses that 21 % have one.
    """
    data = datasets.load_linnerud().data
    assert analysed(data / data.std(axis=0)).no_floor is not None
    rng = np.random.default_rng(52)
    common = np.linalg.cholesky(0.4 * np.eye(3) + 0.6)
    assert share_with_floor(lambda: rng.normal(size=(30, 3)) @ common.T, 40) <= 0.2
    assert share_with_floor(lambda: rng.normal(size=(30, 3)), 40) >= 0.95


def test_the_end_of_counting_is_no_floor():
    data = spiked(np.random.default_rng(43), 1000, 3, (2, 1))
    assert "half of the 3 directions would" in str(analysed(data).no_floor)
    assert "one direction only" in str(analysed(data[:, :1]).no_floor)
    # with as many signals as there are, two directions show that they are alike
    four = spiked(np.random.default_rng(43), 1000, 4, (4, 2))
    assert "half of the 4" in str(analysed(four).no_floor)
    assert analysed(four, spikes=2).no_floor is None


def test_a_signal_that_hides_in_the_mean_is_found():
    """In 96 of 100 draws; half of the time it misses that it is found in 91 only."""
    rng = np.random.default_rng(44)
    counts = [len(drawn(spiked(rng, 9, 4, (60.0,))).rho) for _ in range(40)]
    assert np.mean(np.equal(counts, 1)) > 0.9


def test_whitened_data_are_more_equal_than_noise():
    x = np.random.default_rng(45).normal(size=(200, 8))
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T)).T)
    assert analysed(x).no_floor is not None


@pytest.mark.parametrize("freedom", [2, 5, 90])
def test_chances_of_two_directions_are_exact(freedom):
    """The ratio of two eigenvalues: P(4 det/trace^2 < w) = w^((freedom - 1)/2), Mauchly (1940)."""
    for bulk in ((3.0, 1.0), (1.2, 0.9)):
        w = 4 * bulk[0] * bulk[1] / sum(bulk) ** 2
        for allowed in (0.0, 0.004):
            expected = (w * np.exp(allowed)) ** ((freedom - 1) / 2)
            assert _chance(np.array(bulk), freedom, allowed) == pytest.approx(expected, rel=1e-9)
    assert _chance(np.array([1.0, 1.0]), freedom, 0.0) == 0  # more equal than noise


@pytest.mark.parametrize(("dim", "freedom"), [(2, 9), (5, 20), (30, 31), (40, 400)])
def test_chances_of_white_noise_are_even(dim, freedom):
    """Half of the time it misses chances that are off by 0.1, or by 0.044 where they are 0.05."""
    rng = np.random.default_rng(46)
    chances = []
    for _ in range(400):
        x = rng.normal(size=(freedom, dim))
        chances.append(_chance(np.linalg.eigvalsh(x.T @ x)[::-1], freedom, 0.0))
    assert stats.kstest(chances, "uniform").pvalue > 0.001
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(
        0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400)
    )


def test_without_all_eigenvalues_the_mean_square_decides():
    rng = np.random.default_rng(47)
    white, other = (
        covariance_spectrum(x, leading=30, largest_exact=100)
        for x in (rng.normal(size=(900, 400)), uneven(rng, 900, 400))
    )
    assert analyse(white).no_floor is None
    assert analyse(other, spikes=0).no_floor is not None
    assert not is_white(Sample(np.array([1.0]), 1.0, 1, 9), 1.0, 0)


def test_a_rest_beside_many_signals_is_judged_strictly():
    rest = np.linalg.eigvalsh(
        np.cov(
            np.linspace(0.9, 1.1, 5) * np.random.default_rng(2).normal(size=(600, 5)), rowvar=False
        )
    )[::-1]
    for signals, white in (([40.0], True), ([40.0, 30.0, 25.0, 20.0], False)):
        values = np.array([*signals, *rest])
        sample = Sample(values, values.sum(), len(values), 599)
        found = [
            is_white(sample, rest.mean(), len(signals), strict=strict) for strict in (False, True)
        ]
        assert found == [white, False]


def test_eigenvalues_that_could_be_signals_are_told():
    data = spiked(np.random.default_rng(48), 600, 300, (30, 10, 6))
    for passes, sure in ((1, False), (6, True)):
        found = analyse(covariance_spectrum(data, leading=30, largest_exact=50, passes=passes))
        assert any("may be signals" in text for text in found.warnings) != sure
        assert ("(raise --passes)" in str(found.no_floor)) != sure
    assert len(found.rho) == 3


def test_signals_that_repel_each_other_have_a_mean():
    """Half of the time it misses errors of the mean that are 11 % too small or 31 % too large."""
    rng = np.random.default_rng(49)
    mean, first, flagged = [], [], 0
    for _ in range(200):
        found = analysed(spiked(rng, 600, 60, (4.0,) * 6))
        flagged += sum(group.last - group.first + 1 for group in found.groups)
        mean += [(x.rho - 4) / x.rho_error for x in found.groups if (x.first, x.last) == (0, 5)]
        first.append((found.rho[0] - 4) / found.rho_error[0])
    assert flagged > 0.98 * 6 * 200
    assert len(mean) > 190
    assert 0.92 < np.mean(np.abs(mean) < 1.96) < 0.99
    assert np.mean(np.abs(first) < 2) < 0.5  # each by itself is off
    assert "signals 1 to 6 are closer than their errors" in " ".join(found.warnings)


def test_signals_well_apart_are_no_group():
    rng = np.random.default_rng(50)
    found = [analysed(spiked(rng, 600, 60, (30, 15, 7))) for _ in range(20)]
    assert not any(x.groups for x in found)


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_two_columns_of_other_units_are_told(dim):
    data = np.random.default_rng(51).normal(size=(300, dim))
    assert not any("standardise" in text for text in analysed(data).warnings)
    data[:, 1:] *= 1000
    assert any("(--standardise)" in text for text in analysed(data).warnings)
