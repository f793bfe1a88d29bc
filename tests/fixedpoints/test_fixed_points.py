"""Fixed points: closed forms in their limit, known numbers, and the ODE's own behaviour."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import destination
from vaedyn.fixedpoints import fixed_points as stationary
from vaedyn.fixedpoints.configurations import configurations
from vaedyn.fixedpoints.groups import Unit, Units
from vaedyn.fixedpoints.newton import newton, velocity
from vaedyn.fixedpoints.passages import passages
from vaedyn.fixedpoints.points import classify
from vaedyn.fixedpoints.thresholds import collapse_threshold
from vaedyn.kernels.constants import Constants
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack

KNOWN = {0.01: 0.00417, 0.05: 0.02094, 0.2: 0.0848, 0.5: 0.2129}


def state_of(points, i):
    return points.states[i]


@pytest.mark.parametrize(("lr", "eps_g"), KNOWN.items())
def test_finite_learning_rates_lift_the_error_as_is_known(lr, eps_g):
    points = vaedyn.fixed_points(vaedyn.Params(lr=lr))
    assert points.eps_g[0] == pytest.approx(eps_g, rel=3e-3)
    assert points.types == ["signal 1", "noise", "collapsed"]
    assert points.labels == ["learned", "noise-fitting", "collapsed"]
    assert points.stable.tolist() == [True, False, False]


@pytest.mark.usefixtures("no_thresholds")
@pytest.mark.parametrize(
    ("rho", "eta", "beta"), [(1, 1, 1), (2, 0.5, 0.3), (1.5, 1, 2), (1, 0.2, 0.9)]
)
def test_small_learning_rates_give_the_closed_form(rho, eta, beta):
    s, tau = rho + eta, 1e-5
    params = vaedyn.Params(rho=rho, eta=eta, beta=beta, lr=tau, t_max=100 / tau)
    points = vaedyn.fixed_points(params)
    m, d, Q, E, D = (abs(getattr(points, name)[0].item()) for name in "mdQED")
    near = {"abs": 1e-3}
    assert s - beta == pytest.approx(Q, **near)
    assert pytest.approx(beta / s, **near) == D
    assert pytest.approx((s - beta) / s**2, **near) == E
    assert m == pytest.approx(np.sqrt(s - beta), **near)
    assert d == pytest.approx(m / s, **near)
    u = np.sqrt(s - beta)
    assert points.eps_g[0] == pytest.approx(rho - u * (2 * np.sqrt(rho) - u), **near)


@pytest.mark.usefixtures("no_thresholds")
def test_spare_latents_fit_noise_below_eta_and_collapse_above():
    # eps_g rises by eta - beta for the spare latent
    for beta, label, cost in ((0.6, "noise-fitting", 0.4), (1.3, "learned", 0.0)):
        model = {"beta": beta, "lr": 1e-4, "t_max": 4e5}
        alone = vaedyn.fixed_points(vaedyn.Params(**model))
        spare = vaedyn.fixed_points(vaedyn.Params(latent=2, **model))
        assert spare.labels[0] == label
        assert spare.eps_g[0] - alone.eps_g[0] == pytest.approx(cost, abs=2e-3)


def test_the_weaker_signal_is_given_up_first():
    params = vaedyn.Params(latent=2, signal=2, rho=(3, 0.5), beta=2, lr=0.02, init_seed=1)
    assert vaedyn.fixed_points(params).labels[0] == "partly learned"


@pytest.mark.usefixtures("no_thresholds")
def test_residuals_and_eigenvalues_are_those_of_the_drift():
    params = vaedyn.Params(latent=2, signal=2, rho=(2, 1), lr=0.05)
    points = vaedyn.fixed_points(params)
    assert (points.residual < 1e-12).all()
    for i in range(len(points.residual)):
        y = state_of(points, i)
        np.testing.assert_allclose(velocity(Constants.of(params), y), 0, atol=1e-12)
        assert points.eigenvalues_re[i].max() == points.max_eigenvalue[i]
        assert (np.diff(points.eigenvalues_re[i]) <= 1e-15).all()


@pytest.mark.usefixtures("no_thresholds")
def test_the_point_reached_has_the_signs_that_the_start_leads_to():
    for seed in (0, 1, 2, 3):
        params = vaedyn.Params(lr=0.05, init_seed=seed)
        points = vaedyn.fixed_points(params)
        end = vaedyn.theory(params)
        assert points.m[points.reached].item() == pytest.approx(end.m[-1].item(), abs=0.01)


@pytest.mark.usefixtures("no_thresholds")
def test_small_deviations_grow_or_decay_at_the_largest_eigenvalue():
    params = vaedyn.Params(lr=0.1)
    points = vaedyn.fixed_points(params)
    for i, span in ((0, 150.0), (2, 100.0)):
        y = state_of(points, i)
        away = y + 1e-5 * np.array([1, 0.5, 1e-3, 1e-3, 1e-3, 0])
        times = np.linspace(0, span, 41)
        states, _ = integrate(params, away, times, Constant(), rtol=1e-12, atol=1e-16)
        distance = np.linalg.norm(states - y, axis=1)
        late = slice(20, 41) if i == 0 else slice(5, 21)
        rate = np.polyfit(times[late], np.log(distance[late]), 1)[0]
        assert rate == pytest.approx(points.max_eigenvalue[i], rel=0.03)


@pytest.mark.parametrize("lam", [0.0, 0.2])
def test_collapse_turns_stable_at_the_threshold(lam):
    threshold = collapse_threshold(3.0, lam)
    for factor, stable in ((0.999, False), (1.001, True)):
        params = vaedyn.Params(
            latent=2, signal=2, rho=(2, 0.5), beta=factor * threshold, lam=lam, lr=1e-5
        )
        units = Units(Constants.of(params))
        assert (units.growth([Unit(1), Unit(1), Unit(0, (2.0,)), Unit(0, (0.5,))]) < 0) == stable


def test_beyond_the_threshold_only_collapse_is_left():
    points = vaedyn.fixed_points(vaedyn.Params(beta=2.5))
    assert points.labels == ["collapsed"]
    assert points.stable.tolist() == [True]
    assert points.eps_g.tolist() == [1.0]


@pytest.mark.usefixtures("no_thresholds")
def test_rotations_among_equal_signals_do_not_spoil_the_verdict():
    params = vaedyn.Params(latent=3, signal=3, lr=0.05)
    points = vaedyn.fixed_points(params)
    assert np.isnan(points.eigenvalues_re[0]).sum() == 3  # as many as SO(3) has dimensions
    assert np.isnan(points.eigenvalues_re[-1]).sum() == 0
    assert points.stable.tolist() == [True] + [False] * (len(points.types) - 1)
    apart = vaedyn.fixed_points(vaedyn.Params(latent=2, signal=2, rho=(2, 1), lr=0.05))
    assert not np.isnan(apart.eigenvalues_re).any()


@pytest.mark.usefixtures("no_thresholds")
def test_the_end_of_learning_does_not_depend_on_when_one_looks():
    early = vaedyn.fixed_points(vaedyn.Params(t_max=50))
    late = vaedyn.fixed_points(vaedyn.Params(t_max=3000))
    np.testing.assert_allclose(early.Q, late.Q, atol=1e-9)


@pytest.mark.usefixtures("no_thresholds")
def test_annealing_ends_where_its_end_value_does():
    annealed = vaedyn.fixed_points(vaedyn.Params(anneal="tanh:0.002", t_max=100))
    constant = vaedyn.fixed_points(vaedyn.Params())
    np.testing.assert_allclose(annealed.Q, constant.Q, atol=1e-9)


def test_beta_zero_has_no_fixed_point():
    with pytest.raises(vaedyn.ParameterError, match="^beta: must be > 0"):
        vaedyn.fixed_points(vaedyn.Params(beta=0))


@pytest.mark.usefixtures("no_thresholds")
def test_newton_that_does_not_arrive_is_said(monkeypatch):
    monkeypatch.setattr(destination, "TOLERANCE", 1e-30)
    assert "Newton's method ended at a residual" in vaedyn.fixed_points(vaedyn.Params()).lost


@pytest.mark.usefixtures("no_thresholds")
def test_newton_that_runs_away_is_not_believed(monkeypatch):
    monkeypatch.setattr(destination, "_settle", lambda params, y, *_: 1.7 * y)
    lost = vaedyn.fixed_points(vaedyn.Params()).lost
    assert "comes closer to its end" in lost or "residual" in lost


@pytest.mark.parametrize(("strong", "arrives"), [(2.52, False), (2.6, True)])
@pytest.mark.usefixtures("no_thresholds")
def test_a_slow_turn_between_nearly_equal_signals_is_not_guessed(strong, arrives):
    params = vaedyn.Params(latent=2, signal=2, rho=(strong, 2.5), beta=1.5, lr=0.2, t_max=2000)
    points = vaedyn.fixed_points(params)
    if arrives:
        assert points.types[points.reached] == "signal 1, signal 2"
    else:
        assert points.reached is None
        assert "creeps" in points.lost
        assert "signal 1, signal 2" in points.types
        with pytest.raises(vaedyn.ConvergenceError, match="not known where"):
            passages(points, vaedyn.theory(params))
        with pytest.raises(vaedyn.ConvergenceError, match="creeps"):
            vaedyn.fixed_points(params, groups=0)


def test_fixed_points_are_listed_where_learning_diverges():
    points = vaedyn.fixed_points(vaedyn.Params(lr=1.5))
    assert points.reached is None
    assert "diverges" in points.lost
    assert not points.stable.any()
    assert points.thresholds["max_lr"] is None


def test_labels():
    def label(m, Q):
        return classify({"m": np.array(m), "Q": np.array(Q)})

    off = np.diag([1.0, 0.0])
    assert label([[0.0]], [[0.0]]) == "collapsed"
    assert label([[1.0], [0.0]], off) == "learned"
    assert label([[0.01], [0.0]], off) == "learned"  # at a large learning rate Q exceeds m^2
    assert label([[1e-9], [0.0]], off) == "noise-fitting"
    assert label([[1.0, 0], [0, 0]], off) == "partly learned"
    assert label([[0.7], [0.7]], [[0.5, 0.5], [0.5, 0.5]]) == "entangled"


@pytest.mark.usefixtures("no_thresholds")
@pytest.mark.parametrize(
    "init",
    ["m=1e-6,d=1e-6,Q=1e-6,E=1e-6,R=1e-6,D=1", "m=1e-9,d=1e-9,Q=1e-2,E=1e-2,R=0,D=1"],
)
def test_a_saddle_that_is_passed_slowly_is_not_the_end(init):
    points = vaedyn.fixed_points(vaedyn.Params(beta=1.5, init=init))
    plain = vaedyn.fixed_points(vaedyn.Params(beta=1.5))
    assert points.types[points.reached] == "signal 1"
    np.testing.assert_allclose(points.Q[0], plain.Q[0], atol=1e-9)


def test_a_start_without_overlap_stays_where_it_leads():
    points = vaedyn.fixed_points(vaedyn.Params(beta=1.5, init="m=0,d=0,Q=1,E=1,R=0.1,D=1"))
    assert points.types[points.reached] == "collapsed"
    assert not points.stable[points.reached]


@pytest.mark.usefixtures("no_thresholds")
@pytest.mark.parametrize("model", [{"rho": 2, "beta": 1.3, "lr": 0.02}, {"rho": 2}])
def test_overlaps_that_decay_to_rounding_noise_do_not_hold_the_search_up(model):
    points = vaedyn.fixed_points(vaedyn.Params(latent=2, signal=2, **model))
    assert points.types[points.reached] == "signal 1, signal 2"


def test_a_fixed_point_of_another_kind_is_listed_as_well():
    params = vaedyn.Params(latent=3, lr=1e-6, beta=0.8)
    # n latents on a signal of variance s: s (beta + q) = (beta + n q)^2
    q = np.roots([9, 2 * 3 * 0.8 - 2, 0.8**2 - 2 * 0.8]).max()
    assert 2 * (0.8 + q) == pytest.approx((0.8 + 3 * q) ** 2)
    all_ones, kappa = np.ones((3, 3)), 1 / np.sqrt(2 * (q + 0.8))
    m = np.full((3, 1), np.sqrt(q))
    y = pack(
        m, kappa * m, q * all_ones, kappa**2 * q * all_ones, kappa * q * all_ones,
        np.full(3, 0.8 / (q + 0.8)),
    )  # fmt: skip
    units = Units(Constants.of(params))
    reached = newton(units.model, y)
    points = stationary._listed(params, units, configurations(units, 2), reached, 2)
    i = points.reached
    assert points.types[i] == "of another kind"
    assert points.labels[i] == "entangled"
    assert points.multiplicity[i] is None
    assert points.residual[i] < 1e-12
    np.testing.assert_allclose(state_of(points, i), y, atol=1e-4)


@pytest.mark.usefixtures("no_thresholds")
def test_the_attracting_point_is_where_the_long_ode_run_ends():
    rng = np.random.default_rng(5)
    for _ in range(5):
        weak = rng.uniform(0.5, 2)
        rho = (weak + rng.uniform(0.5, 1.5), weak)
        params = vaedyn.Params(
            latent=2, signal=2, rho=rho, beta=float(rng.uniform(0.4, 2.5)), lr=0.2, t_max=20_000
        )
        points = vaedyn.fixed_points(params)
        end = vaedyn.theory(params)
        assert points.stable[points.reached]
        assert end.eps_g[-1] == pytest.approx(points.eps_g[points.reached], abs=1e-4)
        assert points.stable.sum() == 1
