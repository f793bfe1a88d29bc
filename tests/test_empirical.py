"""SGD on given data: step by step against a plain twin, and where it ends."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from tests import reference
from vaedyn.empirical import learn
from vaedyn.kernels import rows
from vaedyn.prediction import Prediction
from vaedyn.store import ResultStore


def test_a_step_is_that_of_the_plain_twin():
    random = np.random.default_rng(1)
    for latent in (1, 3):
        W, V = random.standard_normal((2, latent, 12))
        D, x = random.uniform(0.5, 1, latent), random.standard_normal((6, 12))
        betas = random.uniform(0.1, 2, 6)
        plain = W.T.copy(), V.T.copy(), D.copy()
        for row, beta in zip(x, betas, strict=True):
            plain = reference.sgd_step(*plain, row, beta, 0.03, 0.2)
        assert rows.advance(x, betas, W, V, D, 0.03, 0.2) == 6
        for ours, theirs in zip((W.T, V.T, D), plain, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_lost_variance_stops_it():
    W, V, D = np.full((1, 4), 2.0), np.zeros((1, 4)), np.array([0.01])
    assert rows.advance(np.ones((5, 4)), np.zeros(5), W, V, D, 0.0, 0.05) == 0


def spiked(samples=20_000, dim=20, seed=0):
    """Return data with two signals of strengths 3 and 1 in unit noise around some mean."""
    random = np.random.default_rng(seed)
    directions = np.linalg.qr(random.standard_normal((dim, 2)))[0].T
    x = random.standard_normal((samples, dim))
    x += (random.standard_normal((samples, 2)) * np.sqrt([3.0, 1.0])) @ directions
    return x + 5.0, directions


PARAMS = vaedyn.Params(
    dim=20, latent=3, signal=2, rho=(3, 1), beta=1.5, lr=0.05, t_max=2000.0, points=21
)


def in_blocks(x, size=7000):
    return lambda: (x[i : i + size] for i in range(0, len(x), size))


def test_latents_learn_what_is_predicted():
    x, directions = spiked()
    result = learn(PARAMS, in_blocks(x), x.mean(axis=0), directions)
    assert result.info["passes"] == 2
    expected = Prediction(PARAMS.strengths, 1.0, 20).kl_per_latent(1.5, 3)
    kls = np.sort(result.info["kl"])[::-1]
    np.testing.assert_allclose(kls, expected, atol=0.04)
    assert (kls > 0.05).sum() == 2
    # the overlaps with the signals are those of theory
    ends = np.sort(np.abs(result.m[0, -1]).max(axis=0))
    np.testing.assert_allclose(ends, np.sqrt([2 - 1.5, 4 - 1.5]), rtol=0.15)
    assert result.eps_g.shape == (1, 21)


def test_the_order_in_the_file_does_no_harm():
    x, directions = spiked(4000)
    ordered = x[np.argsort(x @ directions[0])]
    result = learn(PARAMS, in_blocks(ordered, 4000), x.mean(axis=0), directions)
    expected = Prediction(PARAMS.strengths, 1.0, 20).kl_per_latent(1.5, 3)
    np.testing.assert_allclose(np.sort(result.info["kl"])[::-1], expected, atol=0.08)


def test_it_is_kept_under_data_and_seed(tmp_path):
    x, directions = spiked(500)
    params, store = replace(PARAMS, t_max=20.0), ResultStore(tmp_path)
    arguments = (params, in_blocks(x), x.mean(axis=0), directions)
    first = learn(*arguments, digest="a", store=store)
    plain = learn(*arguments)
    for name in ("t", "m", "Q", "D", "eps_g"):
        np.testing.assert_array_equal(getattr(first, name), getattr(plain, name))
    again = learn(*arguments, digest="a", store=store)
    assert again.source.reused
    assert again.info == first.info == plain.info
    assert not learn(*arguments, digest="b", store=store).source.reused
    other = learn(*arguments, digest="a", seed=1, store=store)
    assert not other.source.reused
    assert np.abs(other.m - first.m).max() > 0


def test_divergence_and_lost_variances_are_said():
    x, directions = spiked(500)
    mean = x.mean(axis=0)
    with pytest.raises(vaedyn.DivergenceError, match="--lr"):
        learn(replace(PARAMS, lr=3.0), in_blocks(x), mean, directions)
    with pytest.raises(vaedyn.DivergenceError, match="reached zero"):
        learn(replace(PARAMS, beta=0), in_blocks(x), mean, directions)
    with pytest.raises(vaedyn.ParameterError, match="20 columns"):
        learn(replace(PARAMS, dim=21), in_blocks(x), mean, directions)


def test_progress_counts_steps():
    x, directions = spiked(500)
    told = []
    learn(
        replace(PARAMS, t_max=50.0), in_blocks(x), x.mean(axis=0), directions,
        progress=lambda *numbers: told.append(numbers),
    )  # fmt: skip
    assert told[-1] == (1000, 1000)
    assert told == sorted(told)
