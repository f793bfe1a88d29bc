"""Slow modes around the end of learning, beside the Jacobian of the fixed points' ODE."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.data import settling
from vaedyn.data.settling import (
    Mode,
    kl_of,
    modes,
    rate_of_draws,
    rate_of_rows,
    rate_of_variances,
    settled_at,
    steady_rate,
)


@pytest.mark.parametrize(
    ("latent", "rho", "beta", "eta"),
    [
        (2, (3, 1), 1.0, 0.5),  # mixing of both latents
        (2, (3, 1), 2.0, 0.3),  # one has collapsed
        (1, (3, 1), 0.7, 0.6),  # a direction is left
        (3, (5, 2), 1.3, 0.7),
    ],
)
@pytest.mark.usefixtures("no_thresholds")
def test_the_slowest_mode_is_that_of_the_ode(monkeypatch, latent, rho, beta, eta):
    monkeypatch.setattr(settling, "ALIKE", 0.0)
    params = vaedyn.Params(
        dim=100, latent=latent, signal=2, rho=rho, beta=beta, eta=eta, lr=1e-5
    )  # fmt: skip
    found = vaedyn.fixed_points(params)
    stable = int(np.flatnonzero(found.stable)[0])
    variances = np.array([rho[0] + eta, rho[1] + eta, *[eta] * 5])
    slowest = min(mode.rate for mode in modes(variances, beta, latent))
    assert 1e-5 * slowest == pytest.approx(1 / found.relaxation_time[stable], rel=1e-4)


def test_what_makes_no_difference_is_left_out():
    assert not list(modes(np.array([1.0]), 0.97, 1))
    close = [mode for mode in modes(np.array([1.0, 0.97, 0.1]), 0.2, 2) if mode.mixing]
    assert not close
    apart = [mode for mode in modes(np.array([1.0, 0.8, 0.1]), 0.2, 2) if mode.mixing]
    assert [mode.variances for mode in apart] == [(1.0, 0.8)]


def test_a_mode_has_settled_after_four_of_its_times():
    mode = Mode(0.3, (1.0,))
    assert settled_at(mode, 0.1) == pytest.approx(4 / 0.03, rel=1e-14)
    assert settled_at(mode, 0.2) == pytest.approx(4 / 0.06, rel=1e-14)
    assert settled_at(Mode(0.0, (1.0,)), 0.5) == pytest.approx(8e300)


@pytest.mark.parametrize(
    ("dim", "beta", "longest", "expected"),
    [
        (100, 1.3, 0.0, 0.2),  # a tenth of a nat of KL
        (10, 1.3, 0.0, 0.2),
        (9, 1.3, 0.0, 0.18),  # 0.02 for each dimension
        (4, 1.3, 0.0, 0.08),
        (4, 0.021, 0.0, 0.08),
        (4, 0.019, 0.0, 0.076),  # a quarter of 4 dim beta, where D becomes unstable
        (10, 1e-4, 0.0, 1e-3),
        (10, 1.5, 0.99, 0.2),
        (10, 1.5, 4.0, 0.05),  # a quarter of where a step on the longest row becomes unstable
        (10, 0.003, 4.0, 0.03),
    ],
)
def test_the_steady_rate_is_the_least_of_four_limits(dim, beta, longest, expected):
    assert steady_rate(dim, beta, longest) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("dim", "beta"), [(4, 0.8), (10, 0.3)])
def test_steps_of_a_variance_are_stable_below_a_rate(dim, beta):
    """A plain step of D beside where it rests, D = beta for Q = 1 - beta, turns it around."""
    W = np.zeros((dim, 1))
    W[0] = np.sqrt(dim * (1 - beta))
    h, nothing = 1e-5 * beta, np.zeros(dim)

    def after(D, lr):
        return reference.sgd_step(W, 0 * W, np.array([D]), nothing, beta, 0.0, lr)[2].item()

    limit = rate_of_variances(dim, beta)
    assert after(beta, limit) == pytest.approx(beta, rel=1e-12)
    factor = (after(beta + h, limit) - after(beta - h, limit)) / (2 * h)
    assert factor == pytest.approx(-1, rel=1e-8)


@pytest.mark.parametrize(("beta", "length"), [(0.05, 3.0), (0.8, 40.0), (1.4, 700.0)])
def test_a_step_on_the_longest_row_is_stable_below_a_rate(beta, length):
    """A plain step, at a start where Q = 1, on a row that the decoder does not see."""
    dim = 10
    W, V = np.zeros((dim, 1)), np.zeros((dim, 1))
    W[1], V[0] = np.sqrt(dim), 0.01
    row = np.zeros(dim)
    row[0] = np.sqrt(dim * length)
    limit = rate_of_rows(beta, length)

    def factor(lr):
        _, after, _ = reference.sgd_step(W, V, np.ones(1), row, beta, 0.0, lr)
        return (row @ after / (row @ V)).item()

    assert factor(limit) == pytest.approx(-1, rel=1e-9)
    assert factor(limit / 2) == pytest.approx(0, abs=1e-9)  # from here on it overshoots
    lr = steady_rate(dim, beta, length)
    assert factor(lr) >= 0.5 - 1e-9
    assert rate_of_rows(beta, 0.0) == np.inf


@pytest.mark.parametrize(("dim", "beta", "batch"), [(30, 0.1, 2), (60, 0.2, 1)])
def test_draws_of_latents_move_variances_as_much_as_said(dim, beta, batch):
    """At a fifth of the rate, where it is small. Would miss errors below a tenth."""
    V = 1 - beta  # of a latent on the direction of variance 1
    init = {"m": V**0.5, "d": V**0.5, "Q": V, "E": V, "R": V, "D": beta}
    lr = rate_of_draws(dim, beta, batch) / 5
    found = vaedyn.simulate(
        dim=dim, rho=1 - 1e-6, eta=1e-6, beta=beta, lr=lr, batch=batch, latents="sampled",
        t_max=20 / lr, points=400, init=init, runs=20, engine="vector",
    )  # fmt: skip
    expected = np.sqrt((1 - beta) * (2 - beta) / 4 * lr * beta / (dim * batch))
    assert found.D[:, 100:].std() == pytest.approx(expected, rel=0.1)
    assert np.sqrt(0.5 * 5 * lr / (dim * batch * beta)) == pytest.approx(1 / 6, rel=0.1)


def test_weight_decay_lowers_kl_as_the_fixed_points_say():
    params = vaedyn.Params(rho=3, eta=0.5, beta=1, lam=0.2, lr=1e-6)
    found = vaedyn.fixed_points(params)
    learned = int(np.flatnonzero(found.stable)[0])
    kl = kl_of(np.array([3.5, 0.5]), 1.0, 0.2)
    assert kl[0] == pytest.approx(found.kl[learned], rel=1e-5)
    assert kl[1] == 0
    np.testing.assert_allclose(kl_of(np.array([3.5, 0.5]), 1.0), [0.5 * np.log(3.5), 0])
    np.testing.assert_allclose(kl_of(np.array([3.5]), 1.0, 1e-9), kl_of(np.array([3.5]), 1.0))


@pytest.mark.parametrize(
    ("latent", "rho", "beta", "eta"),
    [(1, (3, 1), 0.7, 0.6), (2, (3, 1), 1.0, 0.5), (2, (3, 1), 2.0, 0.3), (3, (5, 2), 1.3, 0.7),
     (2, (4, 1.5), 0.3, 0.8)],
)  # fmt: skip
@pytest.mark.usefixtures("no_thresholds")
def test_every_mode_is_one_of_the_ode(monkeypatch, latent, rho, beta, eta):
    monkeypatch.setattr(settling, "ALIKE", 0.0)
    params = vaedyn.Params(
        dim=100, latent=latent, signal=2, rho=rho, beta=beta, eta=eta, lr=1e-5
    )  # fmt: skip
    points = vaedyn.fixed_points(params)
    rates = -points.eigenvalues_re[int(np.flatnonzero(points.stable)[0])] / 1e-5
    variances = np.array([rho[0] + eta, rho[1] + eta, *[eta] * 5])
    for mode in modes(variances, beta, latent):
        # squares of what grows on noise are order parameters, and decay twice as fast
        assert min(np.nanmin(np.abs(rates / (n * mode.rate) - 1)) for n in (1, 2)) < 2e-4, mode


def test_modes_name_the_directions_that_they_are_about():
    def named(variances, beta, latent):
        return sorted((x.variances, x.mixing) for x in modes(np.array(variances), beta, latent))

    # as many latents as are used: each alone, each with the next direction, and all pairs
    assert named([4, 3, 1.5], 1.0, 2) == [
        ((3,), False), ((3, 1.5), False), ((4,), False), ((4, 1.5), False), ((4, 3), True)
    ]  # fmt: skip
    # a spare latent takes over a direction, or stays on the next one
    assert named([4, 3, 0.5], 1.0, 3) == [
        ((0.5,), False), *[((3,), False)] * 2, *[((4,), False)] * 2, ((4, 3), True)
    ]  # fmt: skip
    assert named([4, 3], 1.0, 3) == [((3,), False), ((4,), False), ((4, 3), True)]
    assert named([4, 1], 1.0, 1) == [((4,), False), ((4, 1), False)]
    assert named([4, 1], 1.0, 2) == [((4,), False)] * 2  # at beta itself none is used


@pytest.mark.parametrize(("nats", "seen"), [(0.0495, False), (0.0505, True)])
def test_what_differs_by_less_than_a_twentieth_of_a_nat_is_alike(nats, seen):
    factor = np.exp(2 * nats)
    on_one = list(modes(np.array([0.4 * factor, 0.1]), 0.4, 1))
    assert ((0.4 * factor,) in [mode.variances for mode in on_one]) == seen
    pair = list(modes(np.array([0.9 * factor, 0.9, 0.1]), 0.3, 2))
    assert any(mode.mixing for mode in pair) == seen
    left = list(modes(np.array([0.9 * factor, 0.9]), 0.3, 1))
    assert any(len(mode.variances) == 2 for mode in left) == seen
    below = list(modes(np.array([3.0, 0.4 / factor]), 0.4, 2))
    assert any(mode.variances == (0.4 / factor,) for mode in below) == seen


def test_the_numbers_that_are_told_of_rates_and_times():
    assert settling.settled_at(settling.Mode(0.25, (1.0,)), 0.02) == pytest.approx(800, rel=1e-12)
    assert steady_rate(1000, 0.9) == 0.2
    assert steady_rate(7, 0.9) == pytest.approx(0.14, rel=1e-12)
    assert steady_rate(50, 1e-3) == pytest.approx(0.05, rel=1e-12)  # a quarter of 4 dim beta
    # a quarter of 2 / ((1 + beta) length)
    assert steady_rate(1000, 0.6, 7.0) == pytest.approx(0.5 / 1.6 / 7, rel=1e-12)
    assert rate_of_variances(30, 0.2) == pytest.approx(24, rel=1e-12)
