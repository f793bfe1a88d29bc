"""Warnings about somebody's data: just below and above the limits from which they are given."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.shared.tables import analysed, blocks, spiked, warned
from vaedyn.data import cautions, findings
from vaedyn.data.analyse import analyse, sample_of
from vaedyn.data.spectrum import covariance_spectrum
from vaedyn.data.spiked import strength_error, threshold


@pytest.fixture(scope="module")
def found():
    """Return spectrum, sample and analysis of three signals in noise of variance 0.7."""
    data = spiked(np.random.default_rng(60), 500, 40, (9, 5, 3), eta=0.7)
    spectrum = covariance_spectrum(blocks(data))
    return spectrum, sample_of(spectrum), analyse(spectrum)


@pytest.mark.parametrize("other", [1.19, 1.21, 1 / 1.19, 1 / 1.21])
def test_estimates_of_the_noise_may_differ_by_a_fifth(found, other):
    _, sample, analysis = found
    changed = replace(analysis, alternatives={"median": other * analysis.eta})
    texts = list(cautions._about_noise(sample, changed))
    assert len(texts) == (max(other, 1 / other) > 1.2)
    if texts:
        eta = analysis.eta
        assert texts[0].text.startswith(
            f"eta is {eta:.3g} by likelihood but {other * eta:.3g} by medi"
        )
        assert texts[0].text.endswith("it is known so well only")


@pytest.mark.parametrize(("errors", "weak"), [(1.98, 2), (2.02, 1)])
def test_signals_are_weak_within_two_errors_of_the_limit(found, errors, weak):
    _, sample, analysis = found
    limit = analysis.detectable
    below = limit * 1.001

    def error(rho):
        gamma = 37 / 499
        return strength_error(np.array([rho]), analysis.eta, gamma, 499)[0]

    rho = limit
    for _ in range(200):  # so many of its own errors beyond the limit
        rho = limit + errors * error(rho)
    changed = replace(analysis, rho=np.array([9.0, rho, below]), groups=())
    texts = list(cautions._about_signals(sample, changed))
    text = f"{weak} of 3 signals are close to rho = {limit:.3g}, below which none are seen: "
    assert texts == [(3, text + "do not rely on their strengths")]


@pytest.mark.parametrize(("rows", "few"), [(79, True), (80, False)])
def test_samples_are_few_below_twice_the_columns(rows, few):
    data = np.random.default_rng(61).normal(size=(rows, 40))
    assert (f"few samples, {rows} for N = 40: signals weaker than" in warned(data)) == few


@pytest.mark.parametrize(("spikes", "crowded"), [(13, False), (14, True)])
def test_more_than_a_third_of_directions_are_a_crowd(spikes, crowded):
    data = spiked(np.random.default_rng(62), 900, 39, (40.0,) * 16)
    text = warned(data, spikes=spikes)
    assert (f"{spikes} of 39 directions stand out as signals: the rest" in text) == crowded


@pytest.mark.parametrize(("ratio", "told"), [(99.0, False), (101.0, True)])
def test_columns_are_uneven_from_a_hundred_times_on(found, ratio, told):
    spectrum, _, analysis = found
    assert uneven(spectrum, analysis, largest=ratio, alone=0.0) == told
    # the quarter of all columns that varies least is what is typical
    variances = np.array([1.0] * 11 + [50.0**2] * 29)
    variances[0], variances[20] = 0.25, ratio**2
    tails = spectrum.tails._replace(variances=variances)
    several = replace(spectrum, tails=tails, directions=np.zeros((3, 40)))
    text = cautions._units(several, analysis)
    assert (text is not None) == told
    assert text is None or "are 101 and 1, for example" in text


@pytest.mark.parametrize(("ratio", "told"), [(19.9, False), (20.1, True)])
@pytest.mark.parametrize("share", [0.899, 0.901])
def test_a_column_is_a_signal_by_itself_from_twenty_times_on(found, ratio, told, share):
    spectrum, _, analysis = found
    assert uneven(spectrum, analysis, largest=ratio, alone=share) == (told and share > 0.9)


def uneven(spectrum, analysis, largest, alone):
    """Return whether columns are called uneven; one is in the first direction by a share."""
    variances = np.full(40, 0.49)
    variances[3] = 0.49 * largest**2
    directions = np.zeros((3, 40))
    directions[0, 3], directions[1, 7] = np.sqrt(alone), np.sqrt(0.5)
    changed = replace(
        spectrum, tails=spectrum.tails._replace(variances=variances), directions=directions
    )
    text = cautions._units(changed, analysis)
    assert text is None or f"are {0.7 * largest:.3g} and 0.7, for example" in text
    return text is not None


def test_lost_columns_are_named_once_and_constant_ones_are_not_lost():
    data = np.random.default_rng(63).normal(size=(300, 12))
    data[:, [1, 4]] = 7.0
    constant = warned(data)
    assert "2 of 12 columns are constant (2, 5) and left out: N = 10" in constant
    assert "lost" not in constant
    data[:, 5] *= 1e9
    text = warned(data)
    assert "that 9 of them are lost to rounding" in text
    assert text.count("--standardise") == 1
    assert "standard deviations" not in text
    spectrum = covariance_spectrum(blocks(data))
    assert np.flatnonzero(findings.lost_columns(spectrum)).tolist() == [0, 2, 3, *range(6, 12)]


@pytest.mark.parametrize(("count", "named"), [(5, "1, 2, 3, 4, 5)"), (6, "1, 2, 3, 4, 5, ...)")])
def test_at_most_five_constant_columns_are_named(count, named):
    data = np.random.default_rng(64).normal(size=(300, 20))
    data[:, :count] = 1.0
    assert f"{count} of 20 columns are constant ({named} and left out: N = {20 - count}" in warned(
        data
    )


def test_single_rows_make_signals_by_much_of_them_or_by_all_that_is_no_noise(found):
    spectrum, sample, analysis = found
    limit = threshold(sample, analysis.eta, 3)
    usual = 2 * np.log(1000 * 499) / 499  # 0.0526: what a gaussian sample rarely has

    def told(share, eigenvalue):
        tails = spectrum.tails._replace(share=np.array([0.01, share, 0.01]), row=np.arange(3) + 6)
        changed = replace(analysis, eigenvalue=np.array([9.0, eigenvalue, limit * 1.5]))
        return cautions._single_rows(replace(spectrum, tails=tails), sample, changed)

    strong = 2 * limit
    assert told(0.099, strong) is None
    assert told(0.101, strong) == (
        "signals come from single rows: 2 (row 8), by up to 10 % of their variance: leave out "
        "outliers"
    )
    assert told(0.99 * usual, 1.001 * limit) is None
    assert told(1.01 * usual, 1.001 * limit) is not None
    assert told(0.08, limit / 0.921) is not None  # without the row it is noise
    assert told(0.08, limit / 0.919) is None
    assert told(0.08, 0.999 * limit) is None  # it is not counted for its size


@pytest.mark.parametrize(("dim", "freedom"), [(40, 499), (5, 60)])
def test_tails_are_heavy_beyond_five_standard_errors_and_a_quarter(found, dim, freedom):
    _, sample, analysis = found
    some = sample._replace(dim=dim + 3, freedom=freedom)
    limit = 1.25 + 5 * np.sqrt((2 + 12 / dim) / freedom)
    assert cautions._heavy_tails(some, replace(analysis, tails=0.999 * limit)) is None
    text = cautions._heavy_tails(some, replace(analysis, tails=1.001 * limit))
    assert text.startswith(f"squared lengths of rows vary {limit * 1.001:.2g} times as much")


@pytest.mark.parametrize(("share", "told"), [(0.0099, False), (0.0101, True)])
def test_eigenvalues_are_inaccurate_from_one_per_cent_on(found, share, told):
    spectrum, sample, analysis = found
    error = np.zeros(40)
    error[1], error[5] = share * analysis.eigenvalue[1], 1.0  # the sixth is no signal
    rough = replace(spectrum, error=error, complete=False)
    texts = list(cautions._about_accuracy(rough, sample, analysis))
    assert [text[:49] for _, text in texts] == [
        "eigenvalues of signals are known to 1 % only: mor"
    ] * told
    assert not list(cautions._about_accuracy(replace(rough, complete=True), sample, analysis))


@pytest.mark.parametrize(("share", "unknown"), [(0.049, False), (0.051, True)])
def test_nothing_is_said_of_noise_where_a_signal_is_known_to_five_per_cent_only(
    found, share, unknown
):
    spectrum, sample, analysis = found
    error = np.zeros(40)
    error[2] = share * analysis.eigenvalue[2]
    rough = replace(spectrum, error=error, complete=False)
    for complete in (False, True):
        some = sample._replace(complete=complete)
        text = str(cautions.no_floor(rough, some, analysis, counted=True))
        assert ("(raise --passes)" in text) == (unknown and not complete)


def test_eigenvalues_that_may_be_signals_are_those_that_errors_lift_over_the_threshold(found):
    spectrum, sample, analysis = found
    limit = threshold(sample, analysis.eta, 3)
    values = sample.eigenvalues.copy()
    values[3:7] = limit * np.array([0.999, 0.98, 0.97, 0.96])
    error = np.zeros(40)
    error[3:7] = limit * np.array([0.009, 0.0201, 0.0299, 0.05])  # the first is well known
    rough = replace(spectrum, error=error, complete=False)
    some = sample._replace(eigenvalues=values, complete=False)
    unsure = cautions._unsure(rough, some, analysis)
    assert np.flatnonzero(unsure).tolist() == [4, 6]
    assert not cautions._unsure(rough, some._replace(complete=True), analysis).any()
    ((_, text),) = cautions._about_accuracy(replace(rough, error=error), some, analysis)
    assert text.startswith("2 eigenvalues that are not counted may be signals")


def test_neighbours_closer_than_two_errors_of_their_difference_are_a_group():
    from vaedyn.data.analyse import _groups

    data = spiked(np.random.default_rng(65), 500, 40, (9, 5, 3))
    plain = analysed(data)
    error = np.array([0.3, 0.4, 0.5, 0.5, 0.6, np.inf, np.inf])
    apart = [1.01, 0.99, 0.98, 1.02, 0.1, 0.1]  # of 2 errors of the difference
    steps = 2 * np.hypot(error[:-1], error[1:]) * apart
    steps[4:] = 0.01
    rho = 20 - np.concatenate([[0], np.cumsum(steps)])
    (group,) = _groups(replace(plain, rho=rho, rho_error=error))
    assert (group.first, group.last) == (1, 3)
    assert group.rho == pytest.approx(rho[1:4].mean())
    assert group.rho_error == pytest.approx(np.sqrt(0.16 + 0.25 + 0.25) / 3)


def test_what_is_said_of_rows_comes_by_rank(monkeypatch):
    """Rows that hang together first; whether they drift is asked only where they do not."""
    names = ("alike", "_single_rows", "_heavy_tails", "slow")
    for name in names:
        monkeypatch.setattr(cautions, name, lambda *_, name=name: name)
    found = [(each.rank, each.text) for each in cautions._about_rows(None, None, None)]
    assert found == [(0, "alike"), (1, "_single_rows"), (2, "_heavy_tails")]
    assert list(cautions._rows(None, None, None)) == ["_single_rows", "_heavy_tails"]
    monkeypatch.setattr(cautions, "alike", lambda *_: None)
    found = [(each.rank, each.text) for each in cautions._about_rows(None, None, None)]
    assert found == [(1, "_single_rows"), (2, "_heavy_tails"), (3, "slow")]


def test_what_is_said_of_columns_has_ranks(monkeypatch):
    """Other units hardly matter where columns are lost to rounding, which is the reason."""
    lost = np.zeros(20, bool)
    monkeypatch.setattr(cautions, "lost_columns", lambda spectrum: lost)
    monkeypatch.setattr(cautions, "_units", lambda spectrum, analysis: "units")

    def said(constant, dim=14, freedom=30):
        spectrum = SimpleNamespace(constant=np.arange(constant), dim=20)
        sample = SimpleNamespace(dim=dim, freedom=freedom)
        analysis = SimpleNamespace(without_noise=0.5)
        return [(each.rank, each.text) for each in
                cautions._about_columns(spectrum, sample, analysis)]  # fmt: skip

    left_out = "6 of 20 columns are constant (1, 2, 3, 4, 5, ...) and left out: N = 14"
    assert said(6) == [(4, left_out), (1, "units")]
    assert said(5, 15)[0][1].startswith("5 of 20 columns are constant (1, 2, 3, 4, 5) and left")
    assert said(0, 20) == [(1, "units")]
    (rank, text), _ = said(0, 19)
    assert rank == 3
    assert text.startswith("the data vary in 19 of 20 directions only")
    assert text.endswith("beta below 0.5 is right")
    assert "in 9 of 12 directions" in said(0, 9, 12)[0][1]
    lost[:2] = True
    ((rank, text),) = said(0, 19)
    assert rank == 1
    assert "that 2 of them are lost to rounding" in text
