"""What data lead to, just at the limits: latents in use, round numbers, blocks that are refused."""

import numpy as np
import pytest

import vaedyn
from vaedyn.data import kept_spectrum as module
from vaedyn.data.blocks import Moments, Standardised, centred, moments_of
from vaedyn.data.kept_spectrum import kept_spectrum
from vaedyn.data.prediction import Prediction, row, steps
from vaedyn.model.numerics import NUMERICS
from vaedyn.store import ResultStore

SIGNALS = Prediction([3, 1], 0.5, 5)
TABLE = Prediction(np.array([3.0]), 0.5, 4, np.array([4.0, 1.0, 0.25]), 5.5)


def test_a_direction_is_used_above_beta_and_not_at_it():
    assert SIGNALS.active([3.4, 3.5, 1.4, 1.5, 0.4, 0.5], 9).tolist() == [1, 0, 2, 1, 5, 2]
    assert SIGNALS.active(0.4) == 2
    assert SIGNALS.variances(1).tolist() == [3.5]
    assert SIGNALS.variances(3).tolist() == [3.5, 1.5, 0.5]
    assert SIGNALS.variances(0).tolist() == []
    assert TABLE.variances().tolist() == [4, 1, 0.25]
    assert TABLE.variances(2).tolist() == [4, 1]
    assert (SIGNALS.latents, SIGNALS.beta, TABLE.beta) == (2, 0.5, 0.5)


def test_errors_and_rates_are_those_of_water_filling():
    np.testing.assert_allclose(SIGNALS.error([2.0, 0.25], 3), [2 + 1.5 + 1.5, 3 * 0.25 + 1])
    np.testing.assert_allclose(SIGNALS.explained(2.0, 3), 1.5 / 6.5)
    np.testing.assert_allclose(TABLE.error(0.5), 0.5 + 0.5 + 0.25 + 0.25)
    np.testing.assert_allclose(TABLE.rate(0.5, 2), 0.5 * np.log([8, 2]).sum())
    assert SIGNALS.spare_cost(0.5) == SIGNALS.spare_cost(0.7) == (0, 0)
    np.testing.assert_allclose(SIGNALS.spare_cost(0.2), (0.3, 0.5 * np.log(2.5)))


def test_eigenvalues_are_missing_if_their_sum_is_less_than_the_total():
    assert TABLE.missing
    assert not SIGNALS.missing
    values = np.array([4.0, 1, 0.5])
    for total, dim, missing in (
        (5.5 * (1 + 0.9e-9), 4, False), (5.5 * (1 + 1.1e-9), 4, True), (9.0, 3, False),
    ):  # fmt: skip
        assert Prediction(np.array([3.0]), 0.5, dim, values, total).missing == missing


def test_what_is_known_of_a_table_is_exact_down_to_its_last_eigenvalue():
    for beta, latents, exact in (
        (0.25, None, True), (0.24, None, False), (0.24, 4, False), (0.24, 3, True),
        (0.24, 2, True), (0.25, 4, True),
    ):  # fmt: skip
        found = row(TABLE, beta, latents)
        assert found.exact == exact
        used = TABLE.eigenvalues[:latents]
        assert found.active == (used > beta).sum()
        assert found.kl == pytest.approx(0.5 * np.log(np.maximum(used / beta, 1)).sum())
        lost = np.minimum(used, beta).sum() + 5.5 - used.sum()
        assert found.explained == pytest.approx(1 - lost / 5.5)
    assert row(SIGNALS, 0.1, 9).exact


@pytest.mark.parametrize(
    ("low", "high", "most", "wanted"),
    [
        (1, 1.05, 12, [0.99, 1, 1.1]), (0.25, 0.3, 12, [0.24, 0.25, 0.26, 0.27, 0.28, 0.29, 0.3]),
        (1, 2, 12, [0.99, *np.arange(1, 2.05, 0.1)]),
        (1, 3, 12, [0.9, 1, 1.2, 1.5, 1.8, 2, 2.5, 3]),
        (1, 3, 8, [0.9, 1, 1.2, 1.5, 1.8, 2, 2.5, 3]),
        (1, 3, 7, [0.7, 1, 1.5, 2, 3]), (1, 3, 4, [0.5, 1, 2, 5]), (1, 9.5, 4, [0.3, 1, 3, 10]),
        (2, 2e3, 12, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]),
        (2, 2e3, 9, [1, 3, 10, 30, 100, 300, 1000, 3000]),
        (2, 2e3, 7, [1, 10, 100, 1000, 10000]), (0.002, 0.9, 4, [1e-3, 1e-2, 0.1, 1]),
        (0.002, 0.9, 3, [1e-4, 1e-2, 10]),
    ],
)  # fmt: skip
def test_steps_are_the_finest_round_numbers_that_are_few(low, high, most, wanted):
    found = steps(low, high, most)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert len(found) <= most


DECADE = (
    [0.99, *np.arange(1, 10, 0.1), 10],
    [0.9, 1, 1.2, 1.5, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10],
    [0.7, 1, 1.5, 2, 3, 4, 5, 7, 10], [0.5, 1, 2, 5, 10], [0.3, 1, 3, 10], [0.1, 1, 10],
)  # fmt: skip


def test_steps_within_a_decade():
    for fine, coarse in zip(DECADE, [*DECADE[1:], [0.1, 100]], strict=True):
        np.testing.assert_allclose(steps(1, 9.95, len(fine)), fine, rtol=1e-12)
        np.testing.assert_allclose(steps(1, 9.95, len(fine) - 1), coarse, rtol=1e-12)
    assert [len(steps(1, high)) for high in (2, 2.05)] == [12, 7]


# ---- blocks


def refused(*blocks):
    with pytest.raises(vaedyn.ParameterError) as caught:
        moments_of(lambda: iter([np.array(block) for block in blocks]))
    return str(caught.value)


def test_entries_out_of_range_are_named_where_they_stand():
    fine = [[1.0, 2], [3, 4], [5, 1e70]]
    assert moments_of(lambda: iter([np.array(fine)])).samples == 3
    assert refused(fine, [[1, 2], [1, -1.01e70]]) == (
        "data: row 5, column 2 is -1.01e+70: rescale the data"
    )
    assert refused(fine, [[np.nan, np.inf]]) == (
        "data: row 4, column 1 is nan: remove such rows, or fill in numbers "
        "(--missing drop or mean; missing= in Python)"
    )
    assert refused(fine, fine[:2], fine, [[np.nan, 1]]).startswith("data: row 9, column 1 is nan")
    assert refused(fine, [[1.0, -np.inf]]).startswith("data: row 4, column 2 is -inf: remove")
    assert refused(fine, [[1.0, 2, 3]]) == ("data: row 4 has 3 columns, those before it have 2")
    assert refused(fine[:2]) == "data: at least 3 rows (samples) are needed, got 2"
    assert refused([["a", "b"]]).startswith("data: expected real numbers, got <U1")
    assert refused([[1j]]).startswith("data: expected real numbers, got complex128")
    assert refused([1.0]) == "data: expected blocks (rows, dim), got shape (1,)"
    assert refused([[]]) == "data: expected blocks (rows, dim), got shape (1, 0)"


def test_data_must_differ_and_by_more_than_nothing():
    assert refused(*[[[1.0, 2]]] * 3) == "data: all rows are equal: there is no variance to analyse"
    assert refused([[0.0, 2]], [[0.99e-70, 2]], [[0, 2]]) == (
        "data: numbers differ by 9.9e-71 at most: rescale them"
    )
    # empty blocks are none
    blocks = [np.array([[7.0, 1, 5]]), np.empty((0, 3)), np.array([[2.0, 1, 6], [0.0, 1, 9]])]
    found = moments_of(lambda: iter(blocks))
    np.testing.assert_allclose(found.mean, [3, 1, 20 / 3], rtol=1e-15)
    assert (found.samples, found.constant) == (3, (1,))
    assert moments_of(lambda: iter([np.array([[0.0], [1.01e-70], [0]])])).samples == 3


@pytest.mark.parametrize(("counts", "passed"), [((2, 1), 2), ((2,), 1), ((2, 2), 1), ((4,), 0)])
def test_rows_that_come_or_go_between_passes_are_noticed(counts, passed):
    moments = Moments(np.array([1.0, 2.0]), 3, ())
    blocks = [np.full((count, 2), 5.0) for count in counts]
    seen = []
    if sum(counts) == 3:
        seen = list(centred(lambda: iter(blocks), moments, slice(1, 2)))
    else:
        with pytest.raises(vaedyn.ParameterError, match="the number of rows changed while they"):
            seen.extend(centred(lambda: iter(blocks), moments, slice(1, 2)))
    if sum(counts) == 3:
        assert len(seen) == passed
        assert all((block == 3).all() and block.shape[1] == 1 for block in seen)


# ---- what is kept of data


def test_a_spectrum_is_kept_under_all_that_it_depends_on(tmp_path):
    rows = np.random.default_rng(0).normal(size=(30, 4)) * [3, 2, 1, 0.5]
    store, checked = ResultStore(tmp_path), []

    def made(digest="d", **options):
        return kept_spectrum(
            lambda: iter([rows]),
            digest,
            name="my data",
            store=store,
            check=checked.append,
            **options,
        )

    first, source = made()
    assert source.params == {
        "data": "d", "standardise": False, "leading": 200, "passes": module.PASSES,
        "numerics": NUMERICS["spectrum"],
    }  # fmt: skip
    saved = store.find(source.key)
    assert saved.info["file"] == "my data"
    labels = {
        "mean": ("mean of the samples", ("column",)),
        "eigenvalues": ("eigenvalues of the sample covariance", ("mode",)),
        "error": ("distance within which there is an eigenvalue", ("mode",)),
        "directions": ("leading principal directions", ("direction", "column")),
        "share": ("largest share of one row in the variance of a direction", ("direction",)),
        "row": ("that row, counted from 0", ("direction",)),
        "kurtosis": ("excess kurtosis of the data along a direction", ("direction",)),
        "lengths": (
            "relative variance of squared lengths of rows, without leading directions",
            ("directions_left_out",),
        ),
        "variances": ("variances of the columns", ("column",)),
        "lag": (
            "autocorrelation of rows that follow each other, along a direction",
            ("direction",),
        ),
        "lag_left": (
            "autocorrelation of rows that follow each other, without leading directions",
            ("directions_left_out",),
        ),
        "far_left": (
            "autocorrelation of rows that are far apart, without leading directions",
            ("directions_left_out",),
        ),
    }
    assert {
        name: (it[2]["long_name"], tuple(it[0])) for name, it in saved.variables.items()
    } == labels
    assert {it[2]["units"] for it in saved.variables.values()} == {"1"}
    again, same = made()
    assert (source.reused, same.reused, len(checked)) == (False, True, 1)
    for name in ("eigenvalues", "directions", "mean", "error"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
    for options in ({"standardise": True}, {"leading": 3}, {"passes": 2}, {"digest": "e"}):
        assert not made(**options)[1].reused
    assert len(checked) == 5


def test_columns_are_divided_by_their_standard_deviation():
    rows = np.random.default_rng(0).normal(7, 2, size=(20, 3)) * [1e-3, 5, 0] + [0, 0, 4]
    for size in (1, 6, 20):
        blocks = [rows[at : at + size] for at in range(0, 20, size)]
        found = np.concatenate(list(Standardised(lambda b=blocks: iter(b))()))
        wanted = rows / [*rows[:, :2].std(axis=0, ddof=1), 1]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    single = list(Standardised(lambda: iter([rows[:1]]))())
    np.testing.assert_array_equal(single[0], rows[:1])
