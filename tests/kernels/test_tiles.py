"""Products of long vectors in tiles, beside those of numpy."""

import numba
import numpy as np
import pytest

from vaedyn.kernels.tiles import LANES, PART, ROWS, WHOLE, combine, inner, mix

U = np.uint64


@numba.njit
def combined(*arguments):
    combine(*arguments)


@numba.njit
def mixed(*arguments):
    mix(*arguments)


@numba.njit
def products(*arguments):
    inner(*arguments)


@pytest.mark.parametrize("rows", [0, 1, 4, 7])
@pytest.mark.parametrize("terms", [0, 1, 5])
@pytest.mark.parametrize("columns", [WHOLE, 3 * WHOLE])
def test_combinations_of_rows(rows, terms, columns):
    random = np.random.default_rng(2)
    out, a = random.standard_normal((8, 5 + columns)), random.standard_normal((8, 9))
    b = random.standard_normal((6, 3 + columns))
    expected = out.copy()
    expected[:rows, 2 : 2 + columns] += a[:rows, 1 : 1 + terms] @ b[:terms, 3:]
    combined(
        out.ravel(), U(2), U(out.shape[1]), a.ravel(), U(1), U(9), b.ravel(), U(3), U(b.shape[1]),
        U(rows), U(terms), U(columns),
    )  # fmt: skip
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-14)


def test_inner_products_of_rows():
    random = np.random.default_rng(3)
    a, out = random.standard_normal((16, 100)), random.standard_normal((16, 18))
    expected, here, count = out.copy(), 5, 9 * LANES
    left, right = slice(4, 4 + ROWS), slice(9, 9 + ROWS)
    part = a[:, here : here + count]
    expected[left, right] += part[left] @ part[right].T
    products(out.ravel(), U(18), a.ravel(), U(here), U(4), U(9), U(100), U(count))
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)


def test_mixtures():
    random = np.random.default_rng(4)
    out, x = random.standard_normal((2, 100))
    expected = out.copy()
    expected[7 : 7 + 3 * PART] = 0.3 * out[7 : 7 + 3 * PART] - 1.7 * x[9 : 9 + 3 * PART]
    mixed(out, U(7), 0.3, -1.7, x, U(9), U(3 * PART))
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-14)
