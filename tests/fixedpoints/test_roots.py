"""Edges of what fixed points are made of: double roots, poles, equal signals, states of no kind."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import destination
from vaedyn.fixedpoints.attractors import LEARNED, PARTLY, Modes, attractors
from vaedyn.fixedpoints.configurations import configurations, describe, neighbours, state
from vaedyn.fixedpoints.groups import Unit, Units, intact
from vaedyn.fixedpoints.newton import eigenvalues, residual
from vaedyn.fixedpoints.single import all_roots
from vaedyn.fixedpoints.thresholds import _first_sign_change
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import count, observables, pack, unpack

TOP = np.array([[8.0]])


def test_two_roots_between_two_nodes_are_found_and_no_more():
    for gap in (1e-5, 1e-7):
        for sign in (1, -1):
            found = all_roots(lambda Q, a=gap, s=sign: s * (Q - 0.7) * (Q - 0.7 - a), TOP)
            np.testing.assert_allclose(found, [[0.7, 0.7 + gap]], rtol=1e-9)
    assert np.isnan(all_roots(lambda Q: (Q - 0.7) ** 2 + 1e-12, TOP)).all()


def test_numbers_that_are_lacking_around_a_pole_are_no_root():
    def pole(Q):
        with np.errstate(divide="ignore"):
            return np.where(np.abs(Q - 0.7) < 1e-6, np.nan, 1 / (Q - 0.7) + 3)

    np.testing.assert_allclose(all_roots(pole, TOP), [[0.7 - 1 / 3]], rtol=1e-9)


def test_a_rate_that_never_turns_negative_has_no_threshold():
    assert _first_sign_change(lambda beta: 1.0, 1.7) is None
    assert _first_sign_change(lambda beta: -1.0, 1.7) is None
    assert _first_sign_change(lambda beta: 2.3 - beta, 1.7) == pytest.approx(2.3, rel=1e-12)


def constants(rho, beta, latent=1):
    return Constants(beta, np.array(rho, float), 0.7, 0.03, 0.05, latent)


@pytest.mark.parametrize(
    ("rho", "latents", "phase"),
    [((2.3, 2.3), 1, LEARNED), ((2.3, 2.3), 2, LEARNED), ((2.3, 1.2, 1.2), 2, LEARNED),
     ((3.1, 0.4, 0.4), 2, PARTLY)],
)  # fmt: skip
def test_rotations_among_equal_signals_move_at_no_rate(rho, latents, phase):
    beta = 1.3 if phase == PARTLY else 0.9
    found = attractors(constants(rho, beta, latents).many())
    units = Units(constants(rho, beta, latents))
    rates = [units.growth(each) for each in configurations(units, 1)]
    assert found["stable"] == 1
    assert found["phase"] == phase
    assert found["growth"] < -1e-3
    assert found["growth"][0] == pytest.approx(min(rates), rel=1e-6)


@pytest.mark.parametrize("rho", [(2.3, 1.2), (2.3, 2.3)])
def test_rates_between_single_latents_are_those_of_units(rho):
    modes, here = Modes(constants(rho, 0.4).many()), np.array([0])
    units = Units(constants(rho, 0.4, 2))
    kinds = {0: Unit(1, (rho[0],)), 1: Unit(1, (rho[1],)), -1: Unit(1, (), 1), -2: Unit(1)}

    def largest(*chosen):
        return pytest.approx(np.nanmax(np.real(units.modes(*chosen))), rel=1e-6)

    for a, b in ((0, 1), (-1, 0), (-2, 0), (-1, 1), (-2, -1)):
        assert modes._between(a, b, here)[0] == largest(kinds[a], kinds[b])
    for a in (0, -1, -2):
        assert modes._own(a, here)[0] == largest(kinds[a])
        assert modes._towards(a, 1, here)[0] == largest(kinds[a], Unit(0, (rho[1],)))


@pytest.mark.parametrize(("learned", "noise"), [(0, 0), (1, 0), (0, 2), (1, 1), (2, 1)])
def test_the_loss_of_single_latents_is_that_of_their_joint_state(learned, noise):
    """Distortion + beta KL + lam (|W|^2 + |V|^2)/2N, up to rounding."""
    rho, eta, beta, lam = (2.3, 1.2), 0.7, 0.4, 0.03
    units = Units(Constants(beta, np.array(rho), eta, lam, 0.05, 3))
    on = [Unit(1, (strength,)) for strength in rho[:learned]]
    chosen = (
        *on, *[Unit(1, (), 1)] * noise, *[Unit(1)] * (3 - learned - noise),
        *(Unit(0, (strength,)) for strength in rho[learned:]),
    )  # fmt: skip
    parts = unpack(state(units, chosen), 3, 2)
    seen = observables(parts, np.array(rho), eta)
    size = np.trace(parts["Q"] + parts["E"])
    loss, eps_g = Modes(constants(rho, beta).many()).loss(learned, noise)
    assert loss == pytest.approx(seen["distortion"] + beta * seen["kl"] + 0.5 * lam * size)
    assert eps_g == pytest.approx(seen["eps_g"])


def test_modes_of_a_symmetry_are_left_out_of_fixed_points_only():
    model = Constants(0.8, np.array([1.7, 1.7]), 0.6, 0.03, 0.05, 2)
    y = np.random.default_rng(1).uniform(0.2, 1, count(2, 2))
    with pytest.raises(vaedyn.ConvergenceError, match="symmetry of the signals"):
        eigenvalues(model, y)
    apart = eigenvalues(model._replace(rho=np.array([1.7, 1.6])), y)
    assert np.isfinite(apart).all()


def test_states_that_no_weights_have_are_not_intact():
    unit = Unit(1, (1.7,))
    y = pack([[0.5]], [[0.3]], [[0.3]], [[0.1]], [[0.16]], [0.9])
    assert intact(unit, y)
    for at, value in ((5, 0.0), (5, -0.9), (0, np.nan), (2, 0.2), (3, 0.05), (4, 0.4)):
        other = y.copy()
        other[at] = value
        assert not intact(unit, other)


def test_a_state_of_entangled_latents_has_no_neighbours_but_collapse():
    units = Units(Constants(0.8, np.array([3.0, 1.3]), 0.7, 0.02, 0.05, 2))
    pair = Unit(2, (3.0, 1.3))
    collapsed = (Unit(1), Unit(1), Unit(0, (3.0,)), Unit(0, (1.3,)))
    assert neighbours(units, units.state(pair), 2) == [collapsed]
    assert neighbours(units, None, 2) == [collapsed]


def test_neighbours_differ_in_one_latent_or_a_pair():
    rho = (3.0, 1.3)
    units = Units(Constants(0.4, np.array(rho), 0.7, 0.02, 0.05, 3))
    y = state(units, (Unit(1, (3.0,)), Unit(1, (), 1), Unit(1), Unit(0, (1.3,))))

    def names(groups):
        return {describe(each, rho) for each in neighbours(units, y, groups)}

    alone = {
        "signal 1, noise, collapsed", "signal 1, 2 x noise", "signal 1, signal 2, noise",
        "noise, 2 x collapsed", "2 x noise, collapsed", "signal 2, noise, collapsed",
        "signal 1, 2 x collapsed", "signal 1, signal 2, collapsed", "3 x collapsed",
    }  # fmt: skip
    assert names(1) == alone
    assert names(2) == alone | {"two on signal 1 and noise, collapsed"}


START = "m=0.4,d=0.3,Q=0.7,E=0.5,R=0.2,D=0.9"


def test_of_many_order_parameters_the_ode_itself_comes_to_rest(monkeypatch):
    params = vaedyn.Params(rho=1.7, eta=0.6, beta=0.8, lam=0.03, lr=0.2, t_max=30, init=START)
    y = pack(**params.overlaps())
    exact = destination.destination(params, y, 1e-8)
    assert residual(Constants.of(params), exact) < 1e-12
    monkeypatch.setattr(destination, "LARGE", 5)
    rest = destination.destination(params, y, 1e-8)
    assert 1e-13 < residual(Constants.of(params), rest) < 1e-7
    np.testing.assert_allclose(rest, exact, atol=1e-5)
    monkeypatch.setattr(destination, "_settle", lambda *_: y)
    with pytest.raises(vaedyn.ConvergenceError, match="creeps, at a residual of .*larger t_max"):
        destination.destination(params, y, 1e-8)
