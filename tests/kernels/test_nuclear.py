"""Sums of singular values beside LAPACK's."""

import numpy as np
import pytest

from vaedyn.kernels.nuclear import nuclear_norms


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (4, 3), (8, 5), (6, 6)])
def test_they_are_those_of_lapack(rows, columns):
    """Also of columns of very unequal lengths, of equal or no columns, and of no full register."""
    x = np.random.default_rng(rows).standard_normal((3, 37, rows, columns))
    x[1] *= np.geomspace(1, 1e-9, columns)
    x[2, :5, :, 0] = x[2, :5, :, 1]
    x[2, 5:9] = 0.0
    x[2, 9:12, :, 1:] = 0.0
    flat = np.ascontiguousarray(np.moveaxis(x.reshape(3, 37, -1), 1, 2))
    out = np.full((3, 37), np.nan)
    nuclear_norms(flat, columns, out)
    truth = np.linalg.svd(x, compute_uv=False).sum(axis=-1)
    np.testing.assert_allclose(out, truth, rtol=1e-13, atol=1e-15)
