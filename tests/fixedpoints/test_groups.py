"""Units: closed forms, known growth rates, and states that are made of them."""

from itertools import permutations, product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

import vaedyn
from tests.shared import reference
from vaedyn.fixedpoints.configurations import configurations, describe, multiplicity, state
from vaedyn.fixedpoints.groups import Unit, Units, assemble, closed_form, intact
from vaedyn.fixedpoints.newton import (
    eigenvalues,
    jacobian,
    newton,
    residual,
    symmetric,
    velocity,
)
from vaedyn.fixedpoints.thresholds import collapse, collapse_threshold, max_lr, noise
from vaedyn.kernels.constants import Constants
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import pack, unpack

PAIR = np.array([3.0, 1.0])
KINDS = [
    Unit(1, (3.0,)),
    Unit(1, (), 1),
    Unit(2, (1.0,)),
    Unit(2, (), 1),
    Unit(2, (3.0, 1.0)),
    Unit(2, (3.0,), 1),
]


def model(beta, lr, latent=2, rho=PAIR, lam=0.0, eta=1.0):
    return Constants(beta, rho, eta, lam, lr, latent)


def plain_slope(m, y):
    """Return the drift over tau from the written equations."""
    return reference.drift(y, m.beta, m.rho, m.eta, m.lam, m.lr, m.latent) / m.lr


@pytest.mark.parametrize("unit", KINDS, ids=str)
def test_closed_forms_are_fixed_points_of_small_learning_rates(unit):
    y = closed_form(unit, 1.0, 0.7)
    for lr in (1e-3, 1e-6):
        alone = model(0.7, lr, unit.latents, np.array(unit.strengths))
        assert np.abs(plain_slope(alone, y)).max() < 5 * lr
    assert intact(unit, y)


def test_the_closed_form_of_one_latent_is_the_papers():
    rho, eta, beta = 1.0, 1.0, 1.3
    parts = unpack(closed_form(Unit(1, (rho,)), eta, beta), 1, 1)
    s = rho + eta
    assert parts["Q"].item() == pytest.approx(s - beta)
    assert parts["D"].item() == pytest.approx(beta / s)
    assert parts["E"].item() == pytest.approx((s - beta) / s**2)
    assert abs(parts["m"].item()) == pytest.approx(np.sqrt(s - beta))


def test_two_latents_on_one_signal_obey_their_equation():
    parts = unpack(closed_form(Unit(2, (1.0,)), 1.0, 0.8), 2, 1)
    q = parts["Q"][0, 0]
    assert 2 * (0.8 + q) == pytest.approx((0.8 + 2 * q) ** 2)
    np.testing.assert_allclose(parts["Q"], q)


@pytest.mark.parametrize(("unit", "factor"), [(Unit(1, (1.0,)), 1), (Unit(1, (), 1), 0.5)])
def test_there_is_no_closed_form_beyond_the_threshold(unit, factor):
    assert closed_form(unit, 1.0, 2 * factor * 0.999) is not None
    assert closed_form(unit, 1.0, 2 * factor * 1.001) is None


@pytest.mark.parametrize(
    ("rho", "unit", "rates"),
    [
        ([1.0], Unit(2, (1.0,)), [0.250, 0.2144]),
        ([3.0, 1.0], Unit(2, (3.0, 1.0)), [0.0476]),
    ],
)
def test_entangled_points_are_saddles_with_known_rates(rho, unit, rates):
    """Found before, by other means, at a learning rate of 1e-6 and beta = 1."""
    found = Units(model(1.0, 1e-6, 2, np.array(rho))).modes(unit).real / 1e-6
    np.testing.assert_allclose(found[: len(rates)], rates, atol=1e-4)
    assert found[len(rates)] < 0


def carried(unit, lr, lam):
    """Follow a closed form to lr and lam in three steps of the written equations."""
    spread, gather = symmetric(unit.latents, len(unit.strengths))
    x = gather @ closed_form(unit, 1.0, 0.7)
    for share in (1 / 3, 2 / 3, 1):
        alone = model(0.7, share * lr, unit.latents, np.array(unit.strengths), lam=share * lam)

        def slope(x, alone=alone):
            return gather @ plain_slope(alone, spread @ x)

        x = root(slope, x, tol=1e-13).x
    return spread @ x


@pytest.mark.parametrize("lam", [0.0, 0.03])
@pytest.mark.parametrize("lr", [1e-3, 0.05, 0.2])
@pytest.mark.parametrize("unit", KINDS, ids=str)
def test_units_are_carried_to_any_learning_rate(unit, lr, lam):
    units = Units(model(0.7, lr, lam=lam))
    y = units.state(unit)
    alone = units.alone(unit)
    assert np.abs(plain_slope(alone, y)).max() < 1e-12
    np.testing.assert_allclose(y, carried(unit, lr, lam), atol=1e-12)


CONFIGURATIONS = [
    (Unit(1, (3.0,)), Unit(1, (1.0,))),
    (Unit(2, (3.0, 1.0)), Unit(1, (), 1), Unit(1), Unit(0, (0.5,))),
    (Unit(2, (3.0,), 1), Unit(2, (1.0,)), Unit(2, (), 1)),
    (Unit(1, (1.0,)), Unit(1, (1.0,)), Unit(0, (1.0,)), Unit(1)),
]


@pytest.mark.parametrize("chosen", CONFIGURATIONS, ids=len)
def test_units_make_fixed_points_whose_modes_are_those_of_units_and_pairs(chosen):
    units = Units(model(0.7, 0.05, lam=0.01))
    joint, y = assemble(units.model, chosen, [units.state(unit) for unit in chosen])
    assert residual(joint, y) < 1e-12
    whole, parts = eigenvalues(joint, y), units.spectrum(chosen)
    assert np.isnan(whole).sum() == np.isnan(parts).sum()
    np.testing.assert_allclose(np.sort(whole.real), np.sort(parts.real), atol=1e-8)
    np.testing.assert_allclose(np.sort(np.abs(whole.imag)), np.sort(np.abs(parts.imag)), atol=1e-8)


def test_the_jacobian_is_that_of_finite_differences():
    units = Units(model(0.7, 0.05, lam=0.01))
    chosen = CONFIGURATIONS[1]
    joint, y = assemble(units.model, chosen, [units.state(unit) for unit in chosen])
    spread, gather = symmetric(joint.latent, joint.signal)
    matrix = jacobian(joint, y)
    for j in range(0, len(matrix), 3):
        h = 1e-6 * spread[:, j]
        column = gather @ (velocity(joint, y + h) - velocity(joint, y - h)) / 2e-6
        np.testing.assert_allclose(matrix[:, j], column, atol=1e-8)


def images(y, latent, signal):
    """Return all states that signs and orders of latents make of one, rounded."""
    parts = unpack(y, latent, signal)
    found = set()
    for order in permutations(range(latent)):
        for signs in product((1, -1), repeat=latent):
            turn = np.eye(latent)[list(order)] * signs
            moved = [turn @ parts[name] for name in "md"]
            moved += [turn @ parts[name] @ turn.T for name in "QER"]
            moved.append(np.abs(turn) @ parts["D"])
            found.add(tuple(np.round(np.concatenate([x.ravel() for x in moved]), 8) + 0.0))
    return found


@pytest.mark.parametrize(("latent", "rho"), [(1, [1.0]), (2, [3.0, 1.0]), (3, [3.0, 1.0])])
def test_copies_are_counted_as_images_under_signs_and_orders(latent, rho):
    units = Units(model(0.7, 0.05, latent, np.array(rho)))
    found = configurations(units, 2)
    assert len(found) == len(set(found))
    everything = set()
    for chosen in found:
        mine = images(state(units, chosen), latent, len(rho))
        assert len(mine) == multiplicity(chosen)
        assert not mine & everything
        everything |= mine


def test_all_configurations_of_a_small_model_are_there():
    units = Units(model(0.7, 0.05))
    found = {describe(chosen, [3.0, 1.0]) for chosen in configurations(units, 2)}
    assert found == {
        "signal 1, signal 2", "signal 1, noise", "signal 1, collapsed", "signal 2, noise",
        "signal 2, collapsed", "2 x noise", "noise, collapsed", "2 x collapsed",
        "two on signal 1", "two on signal 2", "two on noise", "two on signal 1 and signal 2",
        "two on signal 1 and noise", "two on signal 2 and noise",
    }  # fmt: skip
    assert len(configurations(units, 1)) == 8
    assert len(configurations(units, 0)) == 1


def test_alone_latents_make_as_many_configurations_as_counting_says():
    # each of 4 signals is learned or not, the spare of 6 latents fit noise or have collapsed
    units = Units(model(0.7, 0.05, 6, np.array([4.0, 3.0, 2.0, 1.0])))
    expected = sum(6 - sum(learned) + 1 for learned in product((0, 1), repeat=4))
    assert len(configurations(units, 1)) == expected


def test_signals_stand_in_the_models_order():
    units = Units(model(0.7, 0.05, 3, np.array([1.0, 3.0, 1.0])))
    for chosen in configurations(units, 2):
        y = state(units, chosen)
        assert residual(units.model, y) < 1e-12


def test_equal_signals_make_a_continuum():
    units = Units(model(0.7, 0.05, 2, np.array([1.0, 1.0])))
    found = {describe(c, [1.0, 1.0]): multiplicity(c) for c in configurations(units, 2)}
    assert found["signal 1, signal 2"] is None
    assert found["two on signal 1"] is None
    assert found["noise, collapsed"] == 2
    assert "two on signal 1 and signal 2" not in found  # aligned in another frame


@pytest.mark.usefixtures("no_thresholds")
def test_of_too_many_fixed_points_the_neighbours_of_the_reached_one_are_listed(monkeypatch):
    monkeypatch.setattr("vaedyn.fixedpoints.configurations.MOST", 50)
    params = vaedyn.Params(latent=3, signal=3, rho=(5, 3, 1.5), lr=0.05, t_max=3000)
    points = vaedyn.fixed_points(params)
    assert "more than 50 " in points.partial
    assert "--" not in points.partial
    assert points.types[points.reached] == ", ".join(f"signal {k}" for k in range(1, 4))
    assert points.stable[points.reached]
    # one of three collapses or fits noise, or two of them make a pair, or all collapse
    assert len(points.types) == len(set(points.types)) == 1 + 3 + 3 + 3 + 1
    assert points.residual.max() < 1e-12
    assert not vaedyn.fixed_points(vaedyn.Params(latent=2)).partial


@pytest.mark.parametrize("lam", [0.0, 0.2])
@pytest.mark.parametrize("lr", [1e-6, 0.3])
def test_signals_are_lost_at_the_closed_form_at_any_learning_rate(lr, lam):
    m = model(1.0, lr, lam=lam)
    for rho in PAIR:
        assert collapse(m, rho) == pytest.approx(collapse_threshold(rho + 1, lam), abs=1e-10)


def test_noise_is_fitted_up_to_eta_at_small_learning_rates_and_beyond_at_others():
    for lam in (0.0, 0.1):
        limit = collapse_threshold(1.0, lam)
        near = [noise(model(1.0, lr, lam=lam)) for lr in (1e-7, 0.01, 0.02)]
        assert near[0] == pytest.approx(limit, abs=1e-6)
        assert near[2] - limit == pytest.approx(2 * (near[1] - limit), rel=0.05)


@pytest.mark.parametrize("eta", [0.3, 1.0, 2.0])
def test_the_noise_threshold_is_right_to_first_order_in_the_learning_rate(eta):
    for lr in (1e-3, 1e-4):
        lifted = noise(model(1.0, lr, eta=eta)) - eta
        assert lifted == pytest.approx(lr * eta**3 / (2 * (1 + eta**2)), rel=5 * lr)


def test_the_noise_threshold_is_a_root_of_the_written_linear_system():
    """Section by section from the ODE linearised about collapse: (Q, E, R) with D = 1."""
    lam, eta, tau = 0.05, 0.8, 0.3

    def determinant(beta):
        t2 = tau**2 * eta
        return np.linalg.det(
            [
                [-2 * tau * (1 + lam), t2 * eta, 2 * tau * eta],
                [t2 * eta, -2 * tau * (beta * eta + lam) + t2 * beta**2 * eta,
                 2 * tau * eta - 2 * t2 * beta * eta],
                [tau * (eta), tau * eta - t2 * beta * eta,
                 -tau * (1 + 2 * lam + beta * eta) + t2 * eta],
            ]
        )  # fmt: skip

    beta = noise(model(1.0, tau, lam=lam, eta=eta))
    scale = abs(determinant(1.1 * beta))
    assert abs(determinant(beta)) < 1e-10 * scale
    assert determinant(0.99 * beta) * determinant(1.01 * beta) < 0


def test_collapse_for_any_beta_is_a_threshold_of_zero():
    assert collapse(model(1.0, 0.01, lam=5.0), 1.0) == 0.0
    assert noise(model(1.0, 0.01, lam=5.0)) == 0.0


@pytest.mark.parametrize("chosen", [(Unit(1, (1.0,)),), (Unit(1), Unit(0, (1.0,)))], ids=len)
def test_beyond_the_largest_learning_rate_the_ode_leaves_the_fixed_point(chosen):
    m = model(1.0 if chosen[0].alive else 2.5, 0.1, 1, np.array([1.0]))
    limit = max_lr(m, chosen)
    for factor, stays in ((0.98, True), (1.02, False)):
        lr = factor * limit
        y = state(Units(m._replace(lr=0.98 * limit)), chosen)
        params = vaedyn.Params(beta=m.beta, lr=lr)
        away = y + 1e-4 * np.array([1, 1, 0.5, 0.5, 0.1, 0])
        try:
            end = integrate(params, away, np.array([0, 3000.0]), Constant(), rtol=1e-8, atol=1e-14)[
                0
            ][-1]
            near = residual(Constants.of(params), end) < 1e-6 and np.abs(end - y).max() < 0.02
        except vaedyn.DivergenceError:
            near = False
        assert near == stays


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    rho=st.lists(st.floats(0.3, 4), min_size=1, max_size=2),
    latent=st.integers(1, 3),
    eta=st.floats(0.3, 1.5),
    beta=st.floats(0.2, 3),
    lr=st.floats(0.01, 0.15),
    lam=st.sampled_from([0.0, 0.05]),
)
def test_stable_points_are_returned_to_and_unstable_ones_left(rho, latent, eta, beta, lr, lam):
    rho = sorted({round(value, 3) for value in rho}, reverse=True)
    params = vaedyn.Params(
        latent=latent, signal=len(rho), rho=tuple(rho), eta=eta, beta=beta, lr=lr, lam=lam
    )
    units = Units(Constants.of(params))
    rng = np.random.default_rng(0)
    found = configurations(units, 2)
    chosen = found if len(found) < 5 else [found[i] for i in rng.choice(len(found), 4, False)]
    for configuration in chosen:
        growth = units.growth(configuration)
        if abs(growth) < 2e-3 * lr:
            continue  # too slow to be told apart here
        y = state(units, configuration)
        dim = 40 * (latent + len(rho))
        push = vaedyn.Params(
            latent=latent, signal=len(rho), rho=tuple(rho), dim=dim, init_seed=3
        ).overlaps()
        away = pack(**push)
        start = y + 1e-4 * (away - y)  # between two states of weights, so one itself
        span = 12 / abs(growth)
        times = np.array([0.0, span])
        try:
            end = integrate(params, start, times, Constant(), rtol=1e-9, atol=1e-14)[0][-1]
            ratio = np.abs(end - y).max() / np.abs(start - y).max()
        except vaedyn.DivergenceError:
            ratio = np.inf
        assert ratio < 0.05 if growth < 0 else ratio > 5


def test_spectra_hold_as_many_modes_as_there_are_free_entries():
    units = Units(model(0.7, 0.05, 4, np.array([3.0, 1.0])))
    free = 2 * 4 * 2 + 2 * 10 + 16 + 4
    for chosen in configurations(units, 2):
        assert len(units.spectrum(chosen)) == free
        assert prod(state(units, chosen).shape) == 2 * 4 * 2 + 3 * 16 + 4


def test_states_that_no_weights_have_are_not_listed():
    """The ODE has a fixed point with m^2 of nearly Q = 2/tau, but with E < d^2."""
    units = Units(model(1.0, 2.0, 1, np.array([1.0])))
    assert units.state(Unit(1, (1.0,))) is None
    start = np.array([14.1, 0.0705, 199.0, 3e-5, 0.995, 0.005])
    one = units.alone(Unit(1, (1.0,)))._replace(lr=0.01)
    y = newton(one, start)
    assert residual(one, y) < 1e-10
    assert y[3] < y[1] ** 2
    assert not intact(Unit(1, (1.0,)), y)


def test_the_largest_learning_rate_is_where_the_branch_ends():
    m = model(1.0, 0.01, 1, np.array([1.0]))
    limit = max_lr(m, (Unit(1, (1.0,)),))
    result = vaedyn.branches(vaedyn.Params(), "lr", 0.01, 1.5, groups=1)
    ends = [e["at"] for e in result.events if result.types[e["branch"]] == "signal 1"]
    assert ends == [pytest.approx(limit, abs=1e-9)]


@pytest.mark.parametrize(
    ("rho", "eta", "beta", "lr", "lam"),
    [
        (5.0, 0.2, 0.01, 0.01, 2.0),
        (7.4, 2.3, 0.014, 0.24, 0.0),
        (7.1, 1.1, 0.011, 0.33, 0.0),
        (9.8, 2.6, 0.021, 0.047, 0.0),
    ],
)
@pytest.mark.usefixtures("no_thresholds")
def test_small_beta_does_not_lose_the_learned_state(rho, eta, beta, lr, lam):
    params = vaedyn.Params(rho=rho, eta=eta, beta=beta, lr=lr, lam=lam)
    points = vaedyn.fixed_points(params)
    assert points.types[points.reached] == "signal 1"
    assert points.stable[points.reached]


def test_a_point_that_is_stable_at_any_learning_rate_has_no_largest_one(tmp_path):
    store = vaedyn.store.ResultStore(tmp_path)
    points = vaedyn.fixed_points(vaedyn.Params(eta=1e-4, beta=0.5), store=store)
    assert points.thresholds["max_lr"] is None
    assert points.stable[points.reached]


def test_of_several_stable_states_weight_decay_counts_in_the_choice():
    params = vaedyn.Params(rho=0.55, eta=0.3, lam=0.47, lr=1.0)
    found = vaedyn.phase_diagram(
        params, ("beta", np.array([0.07, 0.08])), ("lr", np.array([1, 1.1]))
    )
    assert {found.names[n] for n in found.phase.ravel()} == {"collapsed"}
