"""Scores of known folds, and tables cut into folds: term by term, and just at the limits."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import folds as folds_module
from vaedyn.data import heldout as module
from vaedyn.data.blocks import Moments
from vaedyn.data.folds import Folds, _check_room, _deviations, _known, _units, folds_of
from vaedyn.data.heldout import Heldout, heldout
from vaedyn.errors import ParameterError
from vaedyn.model.numerics import NUMERICS
from vaedyn.store import ResultStore

VALUES = np.array([[6.0, 2.5, 0.5], [4.0, 3.0, 0.0]])
SEEN = np.array([[5.0, 2.0, 0.75], [4.5, 2.5, 0.25]])
TOTAL = np.array([8.5, 9.5])
SHIFT = np.array([0.3, -0.4])


def known(values=VALUES, seen=SEEN, total=TOTAL, dim=5, latents=None):
    folds = Folds(np.array(values), np.array(seen), np.array(total), SHIFT, np.array([11, 10]))
    return Heldout(folds, samples=21, dim=dim, columns=7, latents=latents)


@pytest.mark.parametrize("latents", [None, 1, 2])
@pytest.mark.parametrize("beta", [0.2, 0.5, 2.7, 9.0])
def test_scores_are_sums_over_the_directions_in_use(beta, latents):
    """A direction is in use above beta only: 0.5 is not at 0.5."""
    found = known(latents=latents)
    likelihood, error, active = [], [], []
    for values, seen, total, shift in zip(VALUES, SEEN, TOTAL, SHIFT, strict=True):
        used = [
            pair for pair in zip(values[:latents], seen[:latents], strict=True) if pair[0] > beta
        ]
        rest, spare = total - sum(s for _, s in used), 5 - len(used)
        twice = 5 * np.log(2 * np.pi) + sum(np.log(v) + s / v for v, s in used)
        likelihood.append(shift - 0.5 * (twice + spare * np.log(beta) + rest / beta))
        error.append(rest + sum((beta / v) ** 2 * s + (v - beta) * beta / v for v, s in used))
        active.append(len(used))
    np.testing.assert_allclose(found.log_likelihood(beta), likelihood, rtol=1e-13)
    np.testing.assert_allclose(found.squared_error(beta), error, rtol=1e-13)
    assert found.active(beta).tolist() == active
    explained = 1 - np.array(error) / TOTAL
    wanted = [beta, np.mean(active)]
    for each in (likelihood, error, explained):
        wanted += [np.mean(each), abs(each[0] - each[1]) / 2]  # the error of a mean of two
    np.testing.assert_allclose(found.score(beta), wanted, rtol=1e-12)


def test_more_may_be_seen_along_directions_than_there_is():
    """By rounding: nothing is left beside them then."""
    found = known(total=[7.75, 7.25 - 1e-12])
    least = 0.5 * (5 * np.log(2 * np.pi) + np.log(0.2) * 3)
    inside = 0.5 * sum(np.log(v) + s / v for v, s in zip([4, 3], [4.5, 2.5], strict=True))
    wanted = SHIFT[1] - least - inside - 0.5 * (0.25 - 1e-12) / 0.2
    assert found.log_likelihood(0.2)[1] == pytest.approx(wanted, rel=1e-12)
    none = known(total=[7.0, 6.0])
    assert none.log_likelihood(0.2)[1] == pytest.approx(SHIFT[1] - least - inside, rel=1e-12)
    assert none._left(0.2) == (0.0, 2 + 3)
    assert known(total=[0.0, 9.5]).score(0.2).explained < 0.5  # 0 in the first


def test_the_grid_reaches_beyond_all_that_may_be_best():
    grid = known().beta
    assert len(grid) == 400
    np.testing.assert_allclose(grid[[0, -1]], [0.25, 9.0], rtol=1e-12)
    assert np.allclose(np.diff(np.log(grid)), np.log(36) / 399)
    # beside all latents: 0.75 and 2.5 of squares, in two and three directions
    assert known()._left(0.0) == (pytest.approx(0.75 + 2.5), 2 + 3)
    without = known(total=[7.85, 7.1])  # 0.1 and 0.1 are left in five
    np.testing.assert_allclose(without.beta[0], 0.02, rtol=1e-9)
    np.testing.assert_allclose(known(total=[100.0, 50.0]).beta[-1], 1.5 * 75 / 5, rtol=1e-12)
    whole = known(total=[7.75, 7.0])  # nothing is left: the least eigenvalue counts
    np.testing.assert_allclose(whole.beta[0], 0.25, rtol=1e-12)
    tiny = known(values=[[6.0, 2.5, 1e-8], [4.0, 3.0, 0.0]], total=[7.75, 7.0])
    np.testing.assert_allclose(tiny.beta[0], 6e-8, rtol=1e-12)
    full = known(dim=3, values=[[6.0, 2.5, 0.5], [4.0, 3.0, 1.0]])
    np.testing.assert_allclose(full.beta[0], 0.25, rtol=1e-12)  # no direction is left


def test_rounding_errors_are_no_rest():
    eps = 2.0**-52  # of the sum of squares, 14.75, in each of five directions: 73.75
    for left, first in ((72 * eps, 0.25), (76 * eps, 6e-8)):
        found = known(total=[7.75 + left, 7.0])
        assert found.beta[0] == pytest.approx(first, rel=1e-12)


def test_the_simplest_is_the_largest_within_one_error(monkeypatch):
    found = known()
    grid = found.beta
    means = np.full(400, -9.0)
    best = SimpleNamespace(beta=float(grid[100]), log_likelihood=-2.0, log_likelihood_error=0.5)
    vars(found).update(best=best, _means=means)
    monkeypatch.setattr(Heldout, "score", lambda self, beta: beta)

    def simplest(**changes):
        vars(found).pop("simplest", None)
        for at, value in changes.items():
            means[int(at[1:])] = value
        return found.simplest

    assert simplest(_100=-2.0) == grid[100]
    assert simplest(_150=-2.49, _170=-2.51) == grid[150]
    assert simplest(_160=-2.5) == grid[160]
    assert simplest(_200=-1.9) == grid[200]
    last = int(np.flatnonzero(grid <= 6.0)[-1])  # beyond the largest eigenvalue no latent is left
    assert simplest(**{f"_{last}": -2.2}) == grid[last]
    assert simplest(**{f"_{last + 1}": -2.2}) == grid[last]
    means[:] = -9.0
    assert simplest() == grid[100]
    assert simplest(_50=-2.0) == grid[100]


def test_it_is_unbounded_at_the_start_of_the_grid_only():
    found = known()
    for beta, unbounded in ((found.beta[0], True), (found.beta[1], True), (found.beta[2], False)):
        vars(found)["best"] = SimpleNamespace(beta=float(beta))
        assert found.unbounded == unbounded


@pytest.mark.parametrize("latents", [None, 1, 2])
def test_the_maximum_is_found_between_points_of_the_grid(latents):
    """By golden section of the mean over folds, which is smooth between eigenvalues."""
    from scipy.optimize import minimize_scalar

    found = known(latents=latents)
    grid = found.beta
    best = found._maximum()
    at = int(np.argmin(abs(grid - best)))
    low, high = grid[max(at - 2, 0)], grid[min(at + 2, 399)]
    inner = np.unique([low, high, *np.clip(VALUES, low, high).flat])
    tried = [
        minimize_scalar(
            lambda b: -found.log_likelihood(b).mean(), bounds=pair, method="bounded",
            options={"xatol": 1e-10},
        )
        for pair in pairwise(inner)
    ]  # fmt: skip
    likeliest = min(tried, key=lambda each: each.fun)
    assert best == pytest.approx(likeliest.x, rel=1e-6)
    assert found.log_likelihood(best).mean() >= -likeliest.fun - 1e-12


# ---- how a table is cut


def test_room_is_a_matter_of_rows_columns_and_folds():
    def refused(*sizes):
        with pytest.raises(ParameterError) as error:
            _check_room(*sizes)
        return str(error.value)

    _check_room(4000, 10**5, 5)
    assert refused(4001, 4001, 5) == (
        "data: 4001 rows and 4001 columns are too many: all eigenvalues of 4000 at most are found"
    )
    _check_room(1000, 500_000, 9)  # 4 GB
    assert refused(1000, 500_001, 9) == (
        "data: with fewer rows than columns it must fit in memory: 1000 rows and 500001 columns "
        "do not"
    )
    _check_room(10**9, 1000, 500)
    assert refused(10**9, 1000, 501) == "folds: 1000 columns leave room for 500, got 501"
    assert refused(4000, 4000, 32) == "folds: 4000 columns leave room for 31, got 32"
    _check_room(4000, 4000, 31)


def test_rounding_errors_are_no_eigenvalues():
    eps = 2.0**-52
    values = np.array([7.0, 21.1 * eps, 20.9 * eps])
    assert _known(values).tolist() == [7.0, 21.1 * eps, 0.0]
    assert _known(np.array([2.0, -7.0, 13.9 * eps, 21.1 * eps])).tolist() == [2, 0, 0, 0]


def test_deviations_are_those_of_samples():
    np.testing.assert_allclose(_deviations(np.array([10.0, 40.0]), 11), [1, 2], rtol=1e-15)
    assert _deviations(np.array([9.0]), 1).tolist() == [3]
    assert _deviations(np.array([9.0]), 2).tolist() == [3]


def test_a_column_that_hardly_varies_in_training_has_the_deviation_of_all_rows():
    root = 2.0**-26
    others = np.array([2.0, 5.0, 3.0, 4.0])
    own = np.array([1.5, 5 * root * 0.99, 3 * root * 1.01, 0.0])
    unit, shift = _units(own**2 * 10 - [0, 0, 0, 1e-20], 11, others)
    np.testing.assert_allclose(unit, [1.5, 5, 3 * root * 1.01, 4], rtol=1e-12)
    assert shift == pytest.approx(np.log(2 / 1.5) - np.log(root * 1.01), rel=1e-12)


@pytest.mark.parametrize("shape", [(13, 4), (4, 9)])
def test_folds_are_cut_alike_and_counted(shape):
    x = np.random.default_rng(3).normal(size=shape) * np.arange(1, shape[1] + 1)
    x[:, 1] = 7.0
    moments = Moments(x.mean(axis=0), shape[0], (1,))
    done = []
    found, dim = folds_of(
        lambda: iter([x[:3], x[3:]]), moments, folds=3, seed=5, progress=lambda *at: done.append(at)
    )
    assert dim == shape[1] - 1
    assert done == [(1, 3), (2, 3), (3, 3)]
    dealt = np.random.default_rng(5).permutation(shape[0]) % 3
    assert found.rows.tolist() == [int((dealt == fold).sum()) for fold in range(3)]
    for fold in range(3):
        train, held = x[dealt != fold], x[dealt == fold] - x[dealt != fold].mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(train.T, bias=True))
        rank = min(len(train) - 1, shape[1] - 1)
        np.testing.assert_allclose(found.variances[fold][:rank], values[::-1][:rank], rtol=1e-9)
        seen = ((held @ vectors[:, ::-1]) ** 2).mean(axis=0)
        np.testing.assert_allclose(found.seen[fold][:rank], seen[:rank], rtol=1e-8)
        assert found.total[fold] == pytest.approx((held**2).sum(axis=1).mean(), rel=1e-12)
    assert found.shift.tolist() == [0, 0, 0]


def test_a_rank_counts_where_it_is_less_than_it_could_be(monkeypatch):
    """Columns that are combinations of others are no directions; few rows say nothing of them."""
    fold = folds_module._Fold(np.ones(2), np.ones(2), 1.0, 0.0)
    for samples, dim, rank, wanted in (
        (9, 4, 4, 4), (9, 4, 3, 3), (5, 4, 4, 4), (5, 9, 4, 9), (5, 9, 3, 3),
    ):  # fmt: skip
        monkeypatch.setattr(folds_module, "_by_columns", lambda *_, rank=rank: (rank, [fold] * 2))
        monkeypatch.setattr(folds_module, "_by_rows", lambda *_, rank=rank: (rank, [fold] * 2))
        assert folds_of(None, Moments(np.zeros(dim), samples, ()), folds=2)[1] == wanted


# ---- what is kept


def test_folds_are_kept_under_all_that_they_depend_on(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "neighbours_alike", lambda found: "rows are alike")
    looked = []
    monkeypatch.setattr(module, "look", lambda table, standardise: looked.append(standardise))
    x = np.random.default_rng(0).normal(size=(12, 3))
    store = ResultStore(tmp_path)
    found = heldout(x, folds=3, latents=2, seed=4, standardise=True, store=store)
    assert found.doubts == ("rows are alike",)
    assert looked == [True]
    assert (found.samples, found.dim, found.columns, found.latents) == (12, 3, 3, 2)
    record = found.source.params
    assert {name: record[name] for name in record if name != "data"} == {
        "folds": 3, "seed": 4, "standardise": True, "numerics": NUMERICS["heldout"],
    }  # fmt: skip
    saved = store.find(found.source.key)
    assert saved.info["width"] == 3
    assert saved.info["dim"] == 3
    assert {name: (it[2]["long_name"], tuple(it[0])) for name, it in saved.variables.items()} == {
        "variances": ("eigenvalues of the covariance of the training rows", ("fold", "mode")),
        "seen": ("mean squares of the rows held out along these directions", ("fold", "mode")),
        "total": (
            "mean squared distance of the rows held out from the mean of the others", ("fold",)
        ),
        "shift": (
            "logarithm of densities in units that all folds share, less that in their own",
            ("fold",),
        ),
        "rows": ("number of rows held out", ("fold",)),
    }  # fmt: skip
    usual = heldout(x)
    assert len(usual.folds.rows) == 5
    assert usual.latents is None
    dealt = np.random.default_rng(0).permutation(12) % 5
    assert usual.folds.rows.tolist() == np.bincount(dealt).tolist()
    monkeypatch.setattr(module, "neighbours_alike", lambda found: None)
    assert heldout(x).doubts == ()


def test_refusals_name_the_option():
    x = np.random.default_rng(0).normal(size=(12, 3))
    for options, text in (
        ({"folds": 1}, "folds: must be at least 2, got 1"),
        ({"folds": 13}, "folds: must be at most 12, the rows, got 13"),
        ({"seed": -1}, "seed: must be at least 0, got -1"),
        ({"latents": 0}, "latent: must be at least 1, got 0"),
    ):
        with pytest.raises(ParameterError) as error:
            heldout(x, **options)
        assert str(error.value) == text
    assert len(heldout(x, folds=12).folds.rows) == 12
