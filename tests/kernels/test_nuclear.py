"""Sums of singular values beside LAPACK's, and best matches beside scipy's."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from vaedyn.kernels.jit import kernel
from vaedyn.kernels.matches import MOST, PATHS, best_in_turn, best_matches, sets
from vaedyn.kernels.nuclear import ABREAST, nuclear_norms, of_two_columns


@kernel
def norms(a, rows, columns, room, out):
    if columns == 2:
        of_two_columns(a, rows, out)
    else:
        nuclear_norms(a, rows, columns, room, out)


@kernel
def matches(a, rows, columns, sums, paths, out):
    best_matches(a, rows, columns, sums, paths, out)


def abreast(x):
    """Return matrices (ABREAST, rows, columns) side by side."""
    return np.ascontiguousarray(x.reshape(ABREAST, -1).T)


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (3, 1), (2, 2), (4, 2), (3, 3), (4, 3), (8, 5), (6, 6)]
)
def test_they_are_those_of_lapack(rows, columns):
    """Also of columns of very unequal lengths, and of equal or no columns."""
    x = np.random.default_rng(rows).standard_normal((3, ABREAST, rows, columns))
    x[1] *= np.geomspace(1, 1e-9, columns)
    x[2, :5, :, 0] = x[2, :5, :, -1]
    x[2, 5:9] = 0.0
    x[2, 9:12, :, 1:] = 0.0
    truth = np.linalg.svd(x, compute_uv=False).sum(axis=-1)
    room, out = np.full((4, ABREAST), np.nan), np.full(ABREAST, np.nan)
    for each, sums in zip(x, truth, strict=True):
        norms(abreast(each), rows, columns, room, out)
        np.testing.assert_allclose(out, sums, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (4, 1), (2, 2), (3, 3), (5, 2), (7, 6), (MOST + 1, MOST + 1),
                          (MOST + 5, MOST + 2)]
)  # fmt: skip
def test_matches_are_the_best(rows, columns):
    """Also where entries are equal, or all zero."""
    x = np.random.default_rng(columns).standard_normal((ABREAST, rows, columns))
    x[1:4] = np.round(x[1:4])
    x[4] = 0.0
    x[5] = -1.0
    paths, out = np.full((PATHS, rows + 1), np.nan), np.full(ABREAST, np.nan)
    sums = np.full((sets.py_func(columns), ABREAST), np.nan)
    matches(abreast(x), rows, columns, sums, paths, out)
    for each, best in zip(np.abs(x), out, strict=True):
        truth = each[linear_sum_assignment(each, maximize=True)].sum()
        assert best == pytest.approx(truth, rel=1e-13)


@pytest.mark.parametrize(("few", "many"), [(1, 3), (5, 5), (4, 9), (12, 12), (11, 30)])
def test_matches_in_turn_are_the_best(few, many):
    """Of matrices that are alike, as in time, and of others; also of equal entries, or zero."""
    random = np.random.default_rng(few)
    start, slope = random.random((2, few, many))
    x = np.concatenate(
        [
            np.exp(np.linspace(0, 2, 25)[:, None, None] * slope) * start,
            random.random((10, few, many)) * (random.random((10, few, many)) < 0.4),
            np.round(2 * random.random((5, few, many))),
            np.zeros((2, few, many)),
            np.ones((2, few, many)),
            np.linspace(1, 0, 20)[:, None, None] * start + slope,
        ]
    )
    chosen = np.full((len(x), few), -1)
    best_in_turn(x, chosen)
    for one, columns in zip(x, chosen, strict=True):
        assert len(set(columns.tolist())) == few
        truth = one[linear_sum_assignment(one, maximize=True)].sum()
        assert one[np.arange(few), columns].sum() == pytest.approx(truth, rel=1e-14, abs=1e-15)
