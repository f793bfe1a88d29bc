"""What is read off the order parameters, against brute force and Monte Carlo."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment, minimize_scalar

from tests.shared import reference
from vaedyn.model import state
from vaedyn.model.quantities import NAMES


def parts_of(y, latent, signal):
    return dict(zip(NAMES, reference.split(y, latent, signal), strict=True))


@pytest.mark.parametrize(("latent", "signal"), [(1, 1), (2, 3), (3, 2)])
def test_unpack_undoes_pack_for_any_leading_axes(latent, signal):
    y = np.random.default_rng(0).standard_normal((4, 5, state.count(latent, signal)))
    parts = state.unpack(y, latent, signal)
    assert parts["m"].shape == (4, 5, latent, signal)
    assert parts["D"].shape == (4, 5, latent)
    np.testing.assert_array_equal(state.pack(**parts), y)
    for name, value in parts_of(y[2, 3], latent, signal).items():
        np.testing.assert_array_equal(parts[name][2, 3], value)


@pytest.mark.parametrize(
    ("latent", "signal"), [(1, 1), (1, 3), (3, 1), (2, 2), (4, 2), (2, 4), (3, 3)]
)
def test_generalisation_error_is_the_best_signed_matching(latent, signal):
    rng = np.random.default_rng(1)
    m = rng.standard_normal((6, latent, signal))
    root = rng.standard_normal((6, latent, latent))
    Q, rho = root @ np.swapaxes(root, 1, 2), rng.uniform(0.5, 3, signal)
    got = state.generalisation_error(m, Q, rho)
    size = min(latent, signal)
    for i in range(6):
        best = max(
            sum(abs(m[i, a, k]) * np.sqrt(rho[k]) for a, k in zip(rows, columns, strict=True))
            for rows in itertools.permutations(range(latent), size)
            for columns in itertools.combinations(range(signal), size)
        )
        assert got[i] == pytest.approx(rho.sum() - 2 * best + np.trace(Q[i]))


def test_rotation_invariant_error_is_the_minimum_over_rotations():
    rng = np.random.default_rng(2)
    m, rho = rng.standard_normal((2, 2)), np.array([2.0, 0.7])
    Q = m @ m.T + 0.1 * np.eye(2)

    def error(angle, flip):
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[c, -s], [s, c]]) @ np.diag([1, flip])
        return rho.sum() - 2 * np.trace(turn @ m @ np.diag(np.sqrt(rho))) + np.trace(Q)

    best = min(
        minimize_scalar(error, bounds=(start, start + 1.1), args=(flip,), method="bounded").fun
        for start in np.arange(0, 6.3, 1)
        for flip in (1, -1)
    )
    assert state.generalisation_error_rotation(m, Q, rho) == pytest.approx(best, abs=1e-8)
    assert state.generalisation_error_rotation(m, Q, rho) <= state.generalisation_error(m, Q, rho)


def test_eps_g_is_the_distance_of_the_decoder_from_the_signal():
    """For M = M*: |W - W* Lambda^{1/2} (signed permutation)|^2 / N at its least."""
    rng = np.random.default_rng(3)
    N, rho = 30, np.array([2.0, 1.0])
    teacher = np.linalg.qr(rng.standard_normal((N, 2)))[0] * np.sqrt(N)
    W = rng.standard_normal((N, 2)) + teacher
    target = teacher * np.sqrt(rho)
    distances = [
        ((W[:, order] * signs - target) ** 2).sum() / N
        for order in ([0, 1], [1, 0])
        for signs in itertools.product((1, -1), repeat=2)
    ]
    got = state.generalisation_error(W.T @ teacher / N, W.T @ W / N, rho)
    assert got == pytest.approx(min(distances))


def test_distortion_and_kl_are_the_mean_loss():
    """E[loss] over data of the model = distortion + beta KL, exact on points as wide as the data.

    The loss is a square in x, so that 2 N points with the covariance of x have its mean.
    """
    rng = np.random.default_rng(4)
    N, M, K, eta, beta = 12, 2, 2, 0.7, 0.6
    rho = np.array([2.0, 1.0])
    teacher = np.linalg.qr(rng.standard_normal((N, K)))[0] * np.sqrt(N)
    W, V = rng.standard_normal((2, N, M))
    D = np.array([0.5, 0.9])
    root = np.linalg.cholesky(teacher * rho @ teacher.T / N + eta * np.eye(N)).T
    points = np.sqrt(N) * np.concatenate([root, -root])
    losses = [reference.loss(W, V, D, x, beta, 0.0) for x in points]
    found = state.observables(parts_of(reference.overlaps(W, V, D, teacher), M, K), rho, eta)
    assert found["distortion"] + beta * found["kl"] == pytest.approx(np.mean(losses), rel=1e-12)
    assert found["kl"] == pytest.approx(found["kl_per_latent"].sum(), rel=1e-14)


def test_a_collapsed_latent_has_no_kl():
    y = np.zeros(state.count(2, 1))
    y[-2:] = 1
    found = state.observables(parts_of(y, 2, 1), np.array([1.0]), 1.0)
    np.testing.assert_array_equal(found["kl_per_latent"], 0)
    assert found["eps_g"] == 1
    assert found["distortion"] == 0


def test_a_kl_divergence_of_rounding_is_none_but_a_wrong_one_is_seen():
    D = 1 + np.array([[0.0, 3e-16, -3e-16, 1e-9, 0.1]])
    S = np.zeros((1, 5, 5))
    exact = 0.5 * (D - 1 - np.log1p(D - 1))
    expected = np.where(exact < 1e-14, 0, exact)
    np.testing.assert_allclose(state.kl_per_latent(S, D), expected, rtol=1e-9)
    wrong = state.kl_per_latent(S - 0.1 * np.eye(5), np.ones((1, 5)))
    np.testing.assert_allclose(wrong, -0.05)


SIZES = [(1, 4), (4, 4), (3, 8), (7, 5), (8, 8), (9, 2), (12, 23), (31, 11)]


@pytest.mark.parametrize(("latent", "signal"), SIZES)
@pytest.mark.parametrize("many", [2, 400])
def test_matches_are_the_best_ones_to_the_last_digit(latent, signal, many):
    """Beside one assignment after the other, whichever way so many are matched."""
    gain = np.random.default_rng(latent).standard_normal((many, latent, signal))
    sizes = np.abs(gain if latent <= signal else np.swapaxes(gain, 1, 2))
    truth = [each[linear_sum_assignment(each, maximize=True)].sum() for each in sizes]
    assert (gain.size >= state.VERY_MANY) == (many > 2 and latent * signal > 100)
    np.testing.assert_array_equal(state.matched(gain), truth)


def test_a_match_of_what_is_no_number_is_refused_however_many_there_are():
    gain = np.ones((400, 12, 23))
    gain[7, 3, 2] = np.nan
    with pytest.raises(ValueError, match="invalid"):
        state.matched(gain)
