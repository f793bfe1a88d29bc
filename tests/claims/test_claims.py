"""The claims: that rows pass where they should, and fail where a number is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import vaedyn
from vaedyn.claims import (
    annealing as claims_annealing,
)
from vaedyn.claims import (
    collapse as claims_collapse,
)
from vaedyn.claims import (
    entangled as claims_entangled,
)
from vaedyn.claims import (
    limit as claims_limit,
)
from vaedyn.claims.evidence import Lab, Row, limit, quantile, statistical
from vaedyn.figures.claims import figure_of


def row(**changes):
    usual = {
        "claim": "",
        "expected": 1.0,
        "origin": "nowhere",
        "found": 1.0,
        "error": None,
        "tolerance": 0.1,
    }
    return Row(**{**usual, "basis": "", **changes})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return vaedyn.store.ResultStore(tmp_path_factory.mktemp("claims"))


@pytest.fixture
def lab(store):
    return Lab(quick=True, store=store)


class WrongTheory(Lab):
    """A lab whose ODE is that of another KL weight."""

    def theory(self, params, **tolerances):
        return super().theory(replace(params, beta=1.03 * params.beta), **tolerances)


def test_a_row_passes_within_its_tolerance_only():
    assert row(found=1.1 - 1e-9).passed
    assert not row(found=1.1 + 1e-9).passed
    assert not row(found=0.9 - 1e-9).passed
    assert row(found=1.11, relation=">").passed
    assert not row(found=1.09, relation=">").passed
    assert row(found=0.89, relation="<").passed
    assert not row(found=0.91, relation="<").passed


@pytest.mark.parametrize("relation", ["=", ">", "<"])
@pytest.mark.parametrize("name", ["found", "expected", "tolerance"])
def test_what_is_not_a_number_fails(relation, name):
    for value in (np.nan, np.inf, -np.inf):
        assert not row(relation=relation, **{name: value}).passed


def test_a_statistical_row_fails_as_often_as_three_standard_deviations_do():
    """It passes where the t-test of SciPy has a p-value above 0.27 %, just below and above it."""
    values = np.random.default_rng(1).standard_normal((200, 6))
    error = stats.sem(values, axis=1)
    at_the_limit = values.mean(axis=1) + stats.t.isf(0.00135, 5) * error
    assert quantile(10**9) == pytest.approx(3, abs=1e-4)
    for each, expected, width in zip(values, at_the_limit, error, strict=True):
        for off, passes in ((-1e-6, True), (1e-6, False)):
            away = expected + off * width
            assert statistical("", away, each, known_to=0.0).passed == passes
            assert (stats.ttest_1samp(each, away).pvalue > 0.0027) == passes
        wider = statistical("", expected + 0.1, each, known_to=0.2)
        assert wider.passed
        assert wider.error == pytest.approx(width, rel=1e-12)


def test_the_largest_of_many_is_rarely_beyond_its_quantile():
    for freedom, tests in ((9, 50), (99, 7), (3, 1)):
        each = 2 * stats.t.sf(quantile(freedom, tests), freedom)
        assert 1 - (1 - each) ** tests == pytest.approx(0.0027, rel=0.0015)


def test_extrapolation_is_exact_for_parabolas_and_says_how_uncertain_it_is():
    found, error = limit([5 + 2 * h + 3 * h**2 for h in (0.4, 0.2, 0.1)])
    assert found == pytest.approx(5, abs=1e-13)
    assert error > 0
    found, error = limit([np.exp(h) for h in (0.4, 0.2, 0.1)])
    assert 1e-6 < abs(found - 1) < error


def test_fits_and_their_errors_are_those_of_numpy():
    x, random = np.array([100.0, 300, 1000, 3000]), np.random.default_rng(3)
    for fit, clean, logarithmic in (
        (claims_limit.power_law, 2 * x**-0.5, True),
        (claims_limit.at_infinity, 0.7 + 3 / x, False),
    ):
        error = clean * np.array([0.01, 0.03, 0.02, 0.05])
        y = clean + error * random.standard_normal(4)
        if logarithmic:
            line = np.polyfit(np.log(x), np.log(y), 1, w=y / error, cov="unscaled")
            truth = line[0][0], np.sqrt(line[1][0, 0]), np.exp(line[0][1])
        else:
            line = np.polyfit(1 / x, y, 1, w=1 / error, cov="unscaled")
            truth = line[0][1], np.sqrt(line[1][1, 1])
        np.testing.assert_allclose(fit(x, y, error), truth, rtol=1e-10)
        assert fit(x, clean, error)[0] == pytest.approx(-0.5 if logarithmic else 0.7, rel=1e-10)


def test_sgd_converges_to_the_ode_and_to_no_other(lab, store):
    (panel,) = claims_limit.convergence_in_dim(lab)
    assert all(each.passed for each in panel.rows)
    assert not replace(panel.rows[0], expected=-0.4).passed
    assert not replace(panel.rows[0], expected=-0.6).passed
    (wrong,) = claims_limit.convergence_in_dim(WrongTheory(quick=True, store=store))
    assert not any(each.passed for each in wrong.rows)
    assert len(figure_of(panel).axes) == 2


def test_learning_curves_of_another_beta_do_not_coincide(lab, store):
    (panel,) = claims_limit.learning_curves(lab)
    assert all(each.passed for each in panel.rows)
    (wrong,) = claims_limit.learning_curves(WrongTheory(quick=True, store=store))
    assert not any(each.passed for each in wrong.rows)


def test_correlations_do_not_mind_rotations_of_equal_signals():
    params = vaedyn.Params(latent=2, signal=2, t_max=50, points=3, init_seed=3)
    result = vaedyn.theory(params)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = replace(result, m=result.m @ turn, d=result.d @ turn)
    before, after = (claims_entangled.correlations(each) for each in (result, turned))
    for name in ("Q", "S"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-12)
    apart = replace(params, rho=(3, 1))
    changed = claims_entangled.correlations(replace(turned, params=apart))["S"]
    same = claims_entangled.correlations(replace(result, params=apart))["S"]
    assert np.abs(changed - same).max() > 1e-3


def test_random_starts_are_entangled_first(lab):
    like = vaedyn.Params(latent=2, signal=2, lr=0.05)
    rises, vanishes = claims_entangled._from_random_starts(lab, "equal", like)
    assert rises.passed
    assert vanishes.passed
    assert not replace(rises, expected=rises.found).passed
    assert not replace(vanishes, found=2e-6).passed


def test_the_saddle_is_left_at_its_own_rate(lab):
    panel = claims_entangled._escape(lab)
    (rate,) = panel.rows
    assert rate.passed
    for factor in (0.98, 1.02):
        assert not replace(rate, expected=factor * rate.expected).passed
    assert len(figure_of(panel).axes) == 2


def test_thresholds_and_costs_are_told_from_wrong_ones(lab):
    base = vaedyn.Params(lr=0.05, dim=500, t_max=2000, points=201, init=claims_collapse.LEARNED)
    threshold = claims_collapse._threshold(lab, base)
    assert threshold.passed
    assert not replace(threshold, expected=2.001).passed
    wider = replace(base, rho=1.02)  # the threshold of other data, looked for at the same betas
    assert not replace(claims_collapse._threshold(lab, wider), expected=2.0).passed
    for lr in (0.1, 0.01):
        beta, least = claims_collapse.lowest(replace(base, lr=lr, init="gaussian"))
        around = vaedyn.annealing.adiabatic.attracting_errors(
            replace(base, lr=lr), np.array([beta - 0.01, beta + 0.01])
        )
        assert (around > least).all()
    spare = replace(base, init="gaussian", lr=1e-7)
    assert claims_collapse.cost(spare, 0.3) == pytest.approx(0.7, abs=1e-5)
    assert claims_collapse.cost(spare, 1.2) == pytest.approx(0, abs=1e-12)


def test_decay_is_algebraic_at_the_noise_level(lab):
    base = vaedyn.Params(latent=2, lr=0.05, init=claims_collapse.SPARE)
    power, course = claims_collapse._decay(lab, base)
    assert power.passed
    assert not replace(power, expected=-1.01).passed
    assert not replace(power, expected=-0.99).passed
    t, away = course[0.8]
    assert away[t > 200].max() < 1e-6


def test_slow_annealing_takes_the_time_it_must(lab):
    time = claims_annealing._slowest(lab)
    assert time.passed
    assert not replace(time, expected=1.001 * time.expected).passed
    assert time.expected == pytest.approx(np.log(1e5) / 4, rel=2e-3)


def test_relaxation_is_that_of_the_fixed_point(lab):
    (panel,) = claims_annealing.relaxation(lab)
    (rate,) = panel.rows
    assert rate.passed
    assert not replace(rate, expected=1.0001).passed
    assert len(figure_of(panel).axes) == 1
