"""Random initial weights: how they are drawn, and what their spread makes of the bands."""

from itertools import product

import numpy as np
import pytest

import vaedyn
from tests.shared.models import RUNS, SHIFTED, pooled
from vaedyn.learning.bands import covariance_of_start
from vaedyn.model.start import random_gram, random_weights, teacher
from vaedyn.model.state import pack


def test_the_covariance_of_a_random_start_is_exact():
    """Row by row, order parameters are forms h^T A h / N of gaussian h with a known mean."""
    init = {"m": [[0.4, 0.1], [0.1, -0.2]], "d": [[0.2, 0.1], [0.3, 0.2]], "Q": 1.0,
            "E": [[0.8, 0.3], [0.3, 1]], "R": [[0.2, 0.1], [0, 0.3]], "D": [1, 0.7]}  # fmt: skip
    params = vaedyn.Params(dim=9, latent=2, signal=2, rho=(2, 1), init=init)
    m, d, Q, E, R, _ = params.overlaps().values()
    along = np.concatenate([m, d])
    C = np.zeros((6, 6))
    C[:4, :4] = np.block([[Q, R], [R.T, E]]) - along @ along.T
    means = np.concatenate([along, np.eye(2)]) @ teacher(9, 2)
    W, V, K = (0, 1), (2, 3), (4, 5)
    A = np.zeros((20 + 2, 6, 6))  # D does not vary
    for n, (i, j) in enumerate(
        pair for one, two in ((W, K), (V, K), (W, W), (V, V), (W, V)) for pair in product(one, two)
    ):
        A[n, i, j] += 0.5
        A[n, j, i] += 0.5
    noise = 2 * np.einsum("aij,jk,bkl,li->ab", A, C, A, C)
    shifts = [4 * np.einsum("i,aij,jk,bkl,l->ab", h, A, C, A, h) for h in means.T]
    expected = noise + np.mean(shifts, axis=0)
    np.testing.assert_allclose(covariance_of_start(params), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_random_weights_spread_as_told(engine):
    """At 400 runs a mean that is off by 4/20 of its spread, or a spread by 14 %, is seen.

    The draws themselves are exact by the test below.
    """
    init = {"m": [[0.4], [0.1]], "d": [[0.2], [0.3]], "Q": 1.0, "E": [[0.8, 0.3], [0.3, 1]],
            "R": [[0.2, 0.1], [0, 0.3]], "D": [1, 0.7]}  # fmt: skip
    params = vaedyn.Params(dim=60, latent=2, init=init, t_max=0.1, points=2, lr=1e-9)
    sgd = vaedyn.simulate(params, runs=400, engine=engine, random_start=True)
    found = sgd.states[:, 0]
    std = np.sqrt(np.diag(covariance_of_start(params)) / 60)
    assert (np.abs(found.mean(axis=0) - pack(**params.overlaps())) < std / 5 + 1e-12).all()
    alive = std > 0
    assert np.abs(found.std(axis=0, ddof=1)[alive] / std[alive] - 1).max() < 4 * np.sqrt(0.5 / 400)


class Given:
    """A generator of random numbers whose draws are known beforehand."""

    def __init__(self, normals, squares=None, freedom=None):
        self.normals, self.squares, self.freedom = list(normals), squares, freedom

    def standard_normal(self, shape):
        drawn = self.normals.pop(0)
        assert drawn.shape == shape
        return drawn

    def chisquare(self, freedom):
        np.testing.assert_array_equal(freedom, self.freedom)
        return self.squares


def test_both_draws_of_random_weights_have_one_law():
    """Gaussian vectors turn into normals and chi-squares by an LQ decomposition (Bartlett)."""
    parts = {
        "m": np.array([[0.4], [0.1]]), "d": np.array([[0.2], [0.3]]),
        "Q": np.array([[1, 0.2], [0.2, 0.7]]), "E": np.array([[0.8, 0.3], [0.3, 1]]),
        "R": np.array([[0.2, 0.1], [0, 0.3]]), "D": np.array([1, 0.7]),
    }  # fmt: skip
    dim, size = 12, 4
    Z = np.random.default_rng(0).standard_normal((size, dim))
    W, V, D = random_weights(dim, Given([Z]), **parts)
    signals = teacher(dim, 1) / np.sqrt(dim)
    onto = Z @ signals.T
    upper = np.linalg.qr((Z - onto @ signals).T, mode="r")
    triangle = (upper * np.sign(upper.diagonal())[:, None]).T
    # below the diagonal the triangle of such weights is normal, on it the root of a chi-square
    given = Given([onto, triangle], triangle.diagonal() ** 2, dim - 1 - np.arange(size))
    m, d, F, same = random_gram(dim, given, **parts)
    both, along = np.concatenate([W, V]), np.concatenate([m, d])
    np.testing.assert_allclose(along, both @ teacher(dim, 1).T / dim, rtol=1e-12)
    np.testing.assert_allclose(F @ F.T + along @ along.T, both @ both.T / dim, rtol=1e-12)
    np.testing.assert_array_equal(D, same)
    # and the weights have the overlaps that were asked for where Z is as even as can be
    even = np.sqrt(dim) * np.linalg.qr(np.concatenate([signals, Z]).T)[0].T[1:]
    W, V, _ = random_weights(dim, Given([even]), **parts)
    expected = np.block([[parts["Q"], parts["R"]], [parts["R"].T, parts["E"]]])
    both = np.concatenate([W, V])
    np.testing.assert_allclose(both @ both.T / dim, expected, rtol=1e-12, atol=1e-14)


def test_random_starts_widen_the_bands_as_simulated():
    """Bands too wide or too narrow by 15 % fail: what all quantities inherit from the start."""
    params = vaedyn.Params(dim=1000, lr=0.1, t_max=30, points=31, init=SHIFTED)
    sgd = vaedyn.simulate(params, runs=RUNS, random_start=True)
    bands = vaedyn.bands(params, random_start=True)
    off, error = pooled(sgd, bands)
    assert abs(off) < 4 * error < 0.16
    assert (bands.m > vaedyn.bands(params).m).all()
    assert bands.m[0, 0, 0] == pytest.approx(np.sqrt((1 - 0.09) / 1000))
