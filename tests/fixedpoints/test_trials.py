"""Random weights from which a search starts: levelled, as strong as at rest, of known scales."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import trials
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import unpack

MODEL = Constants.of(
    vaedyn.Params(latent=4, signal=2, rho=(3, 1.2), eta=0.7, lam=0.1, beta=0.5, lr=0.2)
)


def test_levelled_weights_are_the_same_but_for_a_rotation_of_latents():
    rng = np.random.default_rng(4)
    for rows, latents in ((1, 2), (2, 3), (3, 5), (4, 4)):
        W = rng.normal(size=(rows, latents)) * rng.uniform(0.1, 3, size=(rows, 1))
        turned = trials._levelled(W)
        np.testing.assert_allclose(turned @ turned.T, W @ W.T, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose((turned**2).sum(axis=0), (W**2).sum() / latents, rtol=1e-11)
        assert not np.allclose(W, turned)
    equal = np.eye(3)
    np.testing.assert_allclose(trials._levelled(equal), equal, atol=1e-14)


def test_groups_are_as_strong_as_at_small_rates():
    """(w2 + beta)^2 = s (sum/latents + beta) on each direction, and a twentieth of it at least."""
    s, beta = np.array([3.7, 1.9, 0.75]), 0.5
    w2 = trials._strengths(s, beta, 3)
    np.testing.assert_allclose((w2 + beta) ** 2, s * (w2.sum() / 3 + beta), rtol=1e-4)
    one = trials._strengths(np.array([2.0]), 0.5, 1)
    assert one == pytest.approx(1.5, rel=1e-4)  # s - beta
    weak = trials._strengths(np.array([4.0, 0.2]), 0.9, 2)
    assert weak[1] == 0.05 * 0.2
    assert (trials._strengths(np.array([0.5]), 0.9, 1) == 0.05 * 0.5).all()


def test_one_in_four_is_random_in_all_and_two_are_groups():
    assert [bool(trials.grouped(n)) for n in range(8)] == [False, False, True, True] * 2
    states = trials.trials(MODEL, 4, 0, 40)
    for n, y in enumerate(states):
        parts = unpack(y, 4, 2)
        Q, D = parts["Q"], parts["D"]
        at_rest = np.allclose(D, 0.5 / (np.diag(Q) + 0.5), rtol=1e-12)
        assert at_rest == (n % 4 != 0)
        if n % 4 == 0:
            assert ((D >= 0.05) & (D <= 1)).all()
        else:  # V (W^T W + beta) = W of the same directions
            np.testing.assert_allclose((Q + 0.5 * np.eye(4)) @ parts["d"], parts["m"], atol=1e-12)
            np.testing.assert_allclose((Q + 0.5 * np.eye(4)) @ parts["R"].T, Q, atol=1e-11)
        sizes = np.diag(Q)[np.diag(Q) > 0].round(9).tolist()
        if n % 4 < 2:  # no two latents are equally strong
            assert len(set(sizes)) == len(sizes)
        if n % 4 == 1:
            assert Q.trace() < 4 * (3.7 + 1.9 + 4 * 0.7) * 10 * 16  # 4 standard deviations
    assert trials.SCALES == (-1.0, 0.5)
    assert len(trials.trials(MODEL, 4, 7, 7)) == 0


def test_latents_of_groups_share_directions_with_their_own_only():
    """Some have collapsed; those of one group are equally strong, and overlap with its signals."""
    seen = set()
    for seed in range(60):
        W = trials._groups(MODEL, np.random.default_rng(seed))
        assert W.shape == (6, 4)
        size = (W**2).sum(axis=0)
        together = (np.abs(W).T @ np.abs(W)) > 1e-12
        for i, j in zip(*np.nonzero(together), strict=True):
            assert size[i] == pytest.approx(size[j], rel=1e-9)
        seen.add((int((size > 0).sum()), int(W[:2].any(axis=1).sum()), int(together.sum())))
    alive, signals, shared = (set(x) for x in zip(*seen, strict=True))
    assert alive == {0, 1, 2, 3, 4}
    assert signals == {0, 1, 2}
    assert max(shared) == 16  # one group of all
