"""The drift under Adam against vectors: the mean squares of gradients, and all that follows."""

import numpy as np
import pytest

from tests.shared import reference
from tests.shared.models import random_state
from vaedyn.kernels import adam
from vaedyn.kernels.constants import Constants

SIZES = [(1, 1), (2, 1), (1, 3), (3, 2)]
RHO = np.array([3.1, 1.7, 0.9])
DIM = 13  # so that mean gradients and all that is of order 1/N count
RATES = {"encoder": 0.04, "variances": 0.21}


def state_of(M, K, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([random_state(M, K, seed), rng.uniform(0.1, 2, 3 * M), [0.37]])


def drifts(y, M, K, batch, sampled, lam=0.03, epsilon=0.02):
    c = Constants(0.7, RHO[:K], 0.6, lam, 0.05, M, 0.8, 4.2, batch, float(sampled))
    work = adam.workspace(M, K, DIM, 0.93, epsilon)
    for room in work[:2]:
        room[:] = np.nan
    out = np.full_like(y, np.nan)
    adam.drift(y, c, work, out)
    return out, c, work


@pytest.mark.parametrize(("M", "K"), SIZES)
@pytest.mark.parametrize(("batch", "sampled"), [(1, False), (5, False), (1, True), (7, True)])
def test_it_is_that_of_weight_vectors(M, K, batch, sampled):
    for seed in range(3):
        y = state_of(M, K, seed)
        found, *_ = drifts(y, M, K, batch, sampled)
        twin = reference.adam_drift(
            y, 0.7, RHO[:K], 0.6, 0.03, 0.05, M, DIM, beta2=0.93, epsilon=0.02, batch=batch,
            sampled=sampled, **RATES,
        )  # fmt: skip
        np.testing.assert_allclose(found, twin, rtol=1e-10, atol=1e-12)
