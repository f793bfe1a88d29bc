"""The KL weight beyond which collapse is the best of all states, for any encoder and decoder."""

import numpy as np
import pytest
from scipy import stats

from study.bound import bound
from study.rows import eigenvalues


def test_the_bound_of_two_points_is_their_variance():
    """cosh(t) <= exp(t^2/2), with equality in second order: as the linear threshold."""
    table = np.outer([1.0, -1.0] * 50, [0.6, 0.8]) * 1.7
    assert bound(table) == pytest.approx(1.7**2, rel=2e-3)


@pytest.mark.parametrize(("rare", "distance"), [(5, 3.0), (20, 1.3), (1, 8.0)])
def test_the_bound_of_a_rare_point_is_the_one_of_kearns_and_saul(rare, distance):
    """Large deviation methods for approximate probabilistic inference, UAI 1998, lemma 1."""
    table = np.zeros((200, 3))
    table[:rare, 1] = distance
    p = rare / 200
    expected = distance**2 * (1 - 2 * p) / (2 * np.log((1 - p) / p))
    assert expected > 1.8 * p * (1 - p) * distance**2  # the linear threshold is an easy miss
    assert bound(table) == pytest.approx(expected, rel=3e-3)


def test_the_bound_of_gaussian_rows_is_the_largest_eigenvalue():
    """Rows on a grid of quantiles of a normal law, whose tails are cut off."""
    x = stats.norm.ppf((np.arange(25) + 0.5) / 25)
    table = np.stack(np.meshgrid(1.6 * x, 0.9 * x), axis=-1).reshape(-1, 2)
    assert bound(table) == pytest.approx(eigenvalues(table)[0], rel=3e-3)


def test_beyond_the_bound_no_state_has_a_lower_loss_than_collapse():
    """Two latent states, each with a posterior of its own: the best of 20,000 tries.

    A VAE with a prior of weights (w, 1 - w) over two decoded points, as any decoder may have,
    and the best posterior for each row. Some of them win at 0.97 of the bound, none beyond.
    """
    generator = np.random.default_rng(3)
    table = np.concatenate([generator.normal(0, 0.3, (380, 2)), [[4.0, 0.5]] * 20])
    table -= table.mean(axis=0)
    limit = bound(table)

    def gain(beta):
        share, best = np.geomspace(1e-4, 0.3, 40), -np.inf
        for y in generator.normal([3.8, 0.5], 0.5, (500, 2)):
            lead = (table @ y - y @ y / 2) / beta
            loss = -np.log1p(share[:, None] * np.expm1(lead)).mean(axis=1)
            best = max(best, -loss.min())
        return best

    assert gain(0.97 * limit) > 0
    assert gain(1.01 * limit) <= 0
    assert limit > 1.2 * eigenvalues(table)[0]
