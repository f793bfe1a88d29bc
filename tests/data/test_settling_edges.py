"""Slow modes, learned variances, and betas in force: numbers of small tables, at their limits."""

import numpy as np
import pytest

from vaedyn.data.best_beta import best_beta, fresh_error
from vaedyn.data.beta_in_force import InForce, beta_in_force, likely_causes
from vaedyn.data.learned_variance import learned_thresholds, learned_variance
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
from vaedyn.errors import ParameterError


def slowest(jacobian):
    return -np.linalg.eigvals(np.array(jacobian)).real.max()


def alone(s, beta):
    """Differences of the drift of m, d and D of one latent on a direction of variance s."""
    m = np.sqrt(s - beta)
    rest = np.array([m, m / s, beta / s])

    def drift(x):
        m, d, D = x
        Q, E = m * m, d * d  # there is nothing beside the direction
        return np.array(
            [s * d - m * (s * E + D), s * (m - d * (Q + beta)), (beta / D - beta - Q) / 2]
        )

    assert np.abs(drift(rest)).max() < 1e-12
    step = 1e-6 * np.eye(3)
    return np.transpose([(drift(rest + e) - drift(rest - e)) / 2e-6 for e in step])


def found(*given):
    return [
        (mode.variances, mode.mixing, pytest.approx(mode.rate, rel=1e-6)) for mode in modes(*given)
    ]


def test_a_latent_settles_along_its_own_direction():
    for s, beta in ((3.0, 1.25), (1.0, 0.2)):
        (mode, *_) = modes(np.array([s]), beta, 1)
        assert mode.rate == pytest.approx(slowest(alone(s, beta)), rel=1e-5)
        assert mode.variances == (s,)


def test_which_modes_there_are():
    """Of two latents on three directions, of three on two, and with some that are lost."""
    x, y, z, beta = 4.0, 2.5, 1.5, 0.75
    both = -np.sqrt((x - beta) * (y - beta))
    mixed = ((x, y), True, slowest([[-1, 0, beta, both], [0, -1, both, beta],
                                    [beta, both, -x * y, 0], [both, beta, 0, -x * y]]))  # fmt: skip
    own = [((s,), False, slowest(alone(s, beta))) for s in (x, y)]
    left = [((s, z), False, slowest([[-1, z], [z, -s * z]])) for s in (x, y)]
    assert found([x, y, z], beta, 2) == [own[0], left[0], own[1], left[1], mixed]
    gone = [((s,), False, slowest([[-1, beta], [beta, -beta * s]])) for s in (x, y)]
    assert found([x, y], beta, 3) == [*own, mixed]
    new = ((0.5,), False, slowest([[-1, 0.5], [0.5, -0.5 * beta]]))
    assert found([x, y, 0.5], beta, 3) == [own[0], gone[0], own[1], gone[1], mixed, new]
    assert found([x, y, 0.5], beta, 2) == [
        own[0], ((x, 0.5), False, slowest([[-1, 0.5], [0.5, -x * 0.5]])),
        own[1], ((y, 0.5), False, slowest([[-1, 0.5], [0.5, -y * 0.5]])), mixed,
    ]  # fmt: skip
    assert found([0.7], 0.75, 1) == []  # alike beta
    assert found([0.6], 0.75, 1) == [((0.6,), False, slowest([[-1, 0.6], [0.6, -0.6 * 0.75]]))]
    near = 0.75 * np.exp(0.0999)
    assert found([near], 0.75, 1) == []
    assert len(found([0.75 * np.exp(0.1001)], 0.75, 1)) == 1
    assert found([0.75], 0.75, 1) == []


def test_rates_and_times():
    assert steady_rate(100, 1.25) == 0.2
    assert steady_rate(5, 1.25) == pytest.approx(0.1)
    assert steady_rate(5, 0.01) == pytest.approx(0.05)
    assert steady_rate(100, 1.25, 10.0) == pytest.approx(0.25 * 2 / 22.5)
    assert rate_of_variances(7, 0.3) == pytest.approx(8.4)
    assert rate_of_draws(7, 0.3, 5) == pytest.approx(7 * 0.3 * 5 / 20)
    assert rate_of_rows(0.25, 4.0) == pytest.approx(0.4)
    assert rate_of_rows(0.25, 0.0) == np.inf
    assert settled_at(Mode(0.5, (1.0,)), 0.2) == pytest.approx(40)
    assert Mode(0.5, (1.0,)).mixing is False
    np.testing.assert_allclose(
        kl_of([5, 2, 1.25, 1, 0], 1.25), [np.log(2), np.log(1.6) / 2, 0, 0, 0]
    )


def test_weight_decay_leaves_less_of_latents_that_are_alive():
    kl = kl_of([5, 2, 1.25, 1], 1.25, 0.02)
    assert 0.5 < kl[0] < np.log(2)
    assert 0 < kl[1] < np.log(1.6) / 2
    assert kl[2:].tolist() == [0, 0]
    assert kl_of([1.3], 1.25, 0.5)[0] == 0  # which weight decay has lost


# ---- a decoder variance that is learned


VALUES, DIM = [5.0, 3.0, 1.0], 6


def refused(*given, **more):
    with pytest.raises(ParameterError) as error:
        learned_variance(*given, **{"dim": DIM, **more})
    return str(error.value)


def test_a_learned_variance_is_the_mean_square_that_is_left():
    np.testing.assert_allclose(
        learned_thresholds(VALUES, dim=DIM, total=10), [30 / 10, 18 / 8, 6 / 4], rtol=1e-14
    )
    it = learned_variance(VALUES, 1.75, 2, dim=DIM, total=10)
    sigma2 = 2 / (6 - 3.5)
    assert (it.beta, it.active) == (1.75, 2)
    assert (it.sigma2, it.in_force) == pytest.approx((sigma2, 1.75 * sigma2), rel=1e-14)
    assert it.explained == pytest.approx(1 - (2 + 2 * 1.75 * sigma2) / 10, rel=1e-14)
    assert it.kl == pytest.approx(0.5 * np.log(15 / (1.75 * sigma2) ** 2), rel=1e-14)
    assert learned_variance(VALUES, 2.25, 3, dim=DIM, total=10).active == 1
    assert learned_variance(VALUES, 2.249, 3, dim=DIM, total=10).active == 2
    assert learned_variance(VALUES, 2.0, 1, dim=DIM, total=10).active == 1
    none = learned_variance(VALUES, 3.0, 3, dim=DIM, total=10)
    assert (none.active, none.explained, none.kl) == (0, 0, 0)
    assert none.sigma2 == pytest.approx(10 / 6)


def test_what_has_no_minimum_or_is_not_known():
    text = (
        "latents: 3 latents explain all 3 directions in which the data vary: sigma2 goes to 0 at "
        "any beta up to 2, and the loss has no minimum"
    )
    assert refused(VALUES, 2.0, 3) == refused(VALUES, 2 * (1 + 0.9e-12), 3) == text
    assert learned_variance(VALUES, 2 * (1 + 1e-9), 3, dim=DIM).active < 3
    assert refused(VALUES, 1.0, 3, total=9 * (1 + 0.9e-12)) == text
    assert learned_variance(VALUES, 1.0, 3, dim=DIM, total=9 * (1 + 1e-9)).active == 3
    assert learned_variance(VALUES, 1.0, 2, dim=DIM).active == 2
    assert refused(VALUES, 1.0, 4, total=10) == (
        "leading: is needed: more than the 3 known eigenvalues are in use"
    )
    assert learned_variance(VALUES, 1.0, 3, dim=DIM, total=10).active == 3
    assert learned_variance(VALUES, 1.6, 4, dim=DIM, total=10).active == 2


def test_eigenvalues_that_make_no_sense():
    text = "eigenvalues: must be finite and descending"
    for values in ([1, 2], [[2, 1]], [2, np.nan], [np.inf]):
        assert refused(values, 1.0, 1) == text
    text = "eigenvalues: must be 1 to 6, not negative and not all zero"
    for values in ([], [7, 6, 5, 4, 3, 2, 1], [0, 0], [2, -2.1e-12]):
        assert refused(values, 1.0, 1) == text
    assert learned_variance([2, 1, -1.9e-12], 1.2, 1, dim=DIM).active == 1
    assert len(learned_thresholds([2, 2.1e-12, 1.9e-12], dim=DIM)) == 2
    assert refused(VALUES, 1.0, 1, total=9 * (1 - 1e-11)) == (
        "total: is less than the sum of eigenvalues, 9"
    )
    near = learned_variance(VALUES, 1.0, 1, dim=DIM, total=9 * (1 - 0.9e-12))
    assert near.sigma2 == 4 / 5
    assert refused(VALUES, 1e-13, 1) == "beta: must be >= 1e-12, got 1e-13"
    assert refused(VALUES, 1.0, 0) == "latents: must be at least 1, got 0"
    assert refused(VALUES, 1.0, 1, dim=0) == "dim: must be at least 1, got 0"
    assert refused(VALUES, 1.0, 1, total=0.0) == "total: must be > 0, got 0"


# ---- the beta of least error


def test_errors_on_fresh_data_term_by_term():
    values, rho, overlap = np.array([5.0, 3.0, 1.0]), np.array([4.0, 2.0]), np.array([0.9, 0.75])
    for beta in (0.5, 2.0, 4.0, 9.0):
        wanted = 6.0
        for k, value in enumerate(values):
            square = max(value - beta, 0)
            gain = np.sqrt(rho[k] * overlap[k] * square) if k < 2 else 0
            wanted += square - 2 * gain
        assert fresh_error(beta, values, rho, overlap) == pytest.approx(wanted, rel=1e-14)
    one = fresh_error([2.0, 4.0], values[:1], rho, overlap)
    np.testing.assert_allclose(one, [6 + 3 - 2 * 10.8**0.5, 6 + 1 - 2 * 3.6**0.5], rtol=1e-14)
    fine = np.linspace(1e-3, 5, 200_001)
    for count in (1, 2, 3):
        best = best_beta(values[:count], rho, overlap)
        least = fine[np.argmin(fresh_error(fine, values[:count], rho, overlap))]
        assert best == pytest.approx(least, abs=5e-5)
    assert best_beta(values[:1], rho, overlap) == pytest.approx(5 - 3.6, rel=1e-14)


# ---- the beta in force


def test_a_decoder_shows_the_beta_in_force():
    D, kl = np.array([0.5, 0.25, 0.8]), np.array([0.3, 0.1001, 0.0101])
    decoder = np.array([[1.0, 2.0, 0.5], [2.0, 1.0, 0.5]])
    wanted = [0.5 * 5 / 0.5 / 0.25, 0.25 * 5 / 0.75 / 0.25, 0.8 * 0.5 / 0.2 / 0.25]
    it = beta_in_force(decoder, D, kl, 0.5)
    np.testing.assert_allclose(it.per_latent, wanted, rtol=1e-14)
    middle = (wanted[0] + wanted[1]) / 2
    assert it.beta == pytest.approx(middle, rel=1e-14)
    assert it.spread == pytest.approx((wanted[0] - wanted[1]) / middle, rel=1e-14)
    assert beta_in_force(decoder, D, kl).beta == pytest.approx(middle / 4, rel=1e-14)
    one = beta_in_force(decoder, D, np.array([0.3, 0.1, 0.01]), 0.5)
    assert (one.beta, one.spread) == (pytest.approx(wanted[0]), 0)
    assert np.isnan(one.per_latent[2])
    weak = beta_in_force(decoder, D, np.array([0.1, 0.1, 0.0]), 0.5)
    assert weak.beta == pytest.approx(middle)
    for wide in (1.0, 0.0, 1.5):
        it = beta_in_force(decoder, np.array([0.5, wide, 0.8]), kl, 0.5)
        assert np.isnan(it.per_latent[1])
        assert (it.beta, it.spread) == (pytest.approx(wanted[0]), np.inf)


def test_latents_agree_within_a_fifth():
    for spread, agree in ((0.2, True), (0.2001, False), (np.inf, False), (np.nan, False)):
        assert InForce(np.ones(1), 1.0, spread).agree is agree


def test_likely_causes_within_a_tenth():
    """Of 31 entries, 7 latents and batches of 100."""
    causes = {
        2: "the squared error has a factor 1/2 too many, or KL lacks its factor 1/2",
        0.5: "the squared error lacks a factor 1/2",
        31: "the squared error is averaged over the 31 entries instead of summed",
        15.5: "the squared error is averaged over the 31 entries, without a factor 1/2",
        1 / 31: "KL is divided by the 31 entries, or the squared error is a sum, no mean",
        2 / 31: "the squared error is half of a sum over the 31 entries, no mean",
        7: "KL is summed over the 7 latents instead of averaged",
        1 / 7: "KL is averaged over the 7 latents instead of summed",
        100: "KL is summed over a batch of 100, the squared error averaged over it",
        1 / 100: "the squared error is summed over a batch of 100, KL averaged over it",
    }
    for ratio, cause in causes.items():
        for off in (1.0999, 1 / 1.0999):
            assert likely_causes(ratio * off, 31, 7, 100) == [cause]
        for off in (1.1001, 1 / 1.1001):
            assert likely_causes(ratio * off, 31, 7, 100) == []
    assert likely_causes(2.0, 4, 2, 9) == [
        causes[2], causes[15.5].replace("31", "4"), causes[7].replace("7", "2"),
    ]  # fmt: skip
