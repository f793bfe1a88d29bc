"""The linearised drift beside complex differences of the drift itself."""

import numpy as np
import pytest

from tests.shared.models import random_state
from vaedyn.fixedpoints.newton import symmetric
from vaedyn.kernels import general, tangent
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.independent import free
from vaedyn.kernels.jit import kernel

OTHER = {"encoder": 1.7, "variances": 0.6, "batch": 3.0}


@kernel
def along(y, c, X, columns, room, out):
    tangent.tangent(y, c, X, columns, room, out)


@pytest.mark.parametrize(
    "how", [{}, OTHER, {**OTHER, "sampled": 1.0}], ids=["one", "three", "sampled"]
)
@pytest.mark.parametrize(("latent", "signal"), [(1, 1), (2, 3), (3, 1), (4, 2), (8, 3)])
def test_it_is_the_jacobian_times_each_direction(latent, signal, how):
    """Of widths that tiles of products fit, and one that they do not."""
    rho = np.array([2.0, 1.3, 0.8])[:signal]
    c = Constants(0.8, rho, 0.7, 0.1, 0.4, latent)._replace(**how)
    y, spread = random_state(latent, signal), symmetric(latent, signal)[0]
    first, _ = free(latent, signal)
    J = general.jacobian(y, c)
    for columns in (3, 8):
        X = spread @ np.random.default_rng(columns).standard_normal((spread.shape[1], columns))
        room = np.full(tangent.scratch(latent, signal, columns), np.nan)
        out = np.full(X.size, np.nan)
        along(y, c, X.ravel(), np.uint64(columns), room, out)  # as `fluctuations` calls it
        truth = J @ X
        got = out.reshape(X.shape)[first]
        np.testing.assert_allclose(got, truth[first], rtol=1e-11, atol=1e-13 * np.abs(truth).max())
