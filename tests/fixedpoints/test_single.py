"""Single latents: all states that one may have."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints.groups import Unit, Units, intact
from vaedyn.fixedpoints.newton import residual
from vaedyn.fixedpoints.single import FINER_NODES, FIRST_NODES, all_roots, first_rise
from vaedyn.kernels import alone
from vaedyn.kernels.constants import Constants


@pytest.mark.parametrize(
    ("constants", "signal", "noise"),
    [
        ((0.5562, 0.3, 0.0382, 0.472, 1.0), 2, 0),  # collapse is discontinuous
        ((1.0, 1.0, 1.0, 0.0, 1.2637), 0, 2),  # between an end and a fold, see the branches
        ((1.0, 1.0, 1.0, 0.0, 1.25), 1, 2),
        ((1.0, 1.0, 1.0, 0.0, 0.01), 1, 1),
    ],
)
def test_a_latent_that_has_several_states_is_listed_on_each(constants, signal, noise):
    rho, eta, beta, lam, lr = constants
    units = Units(Constants(beta, np.array([rho]), eta, lam, lr, 1))
    for unit, count in ((Unit(1, (rho,)), signal), (Unit(1, (), 1), noise)):
        found = units.branches(unit)
        assert len(found) == count
        states = [units.state(each) for each in found]
        for y in states:
            assert residual(units.alone(unit), y) < 1e-12
            assert intact(unit, y)
        if count == 2:  # the two ends of one curve: one of them is unstable where the other is not
            own = [np.real(units.modes(each)).max() for each in found]
            assert own[0] < 0 < own[1]


@pytest.mark.parametrize("lam", [0.05, 0.3, 0.6, 2.0])
@pytest.mark.parametrize(("place", "count"), [(0.2, 2), (0.8, 2), (1.2, 0), (3.0, 0)])
def test_strong_weight_decay_makes_collapse_discontinuous(lam, place, count):
    """Latents live beyond the threshold iff ``s^2 < 2 lam (1 + lam)^2 / (1 + 2 lam)``.

    `place` tells where s^2 is between the least that is learned at all, and that.
    """
    least, most = lam * (1 + lam), 2 * lam * (1 + lam) ** 2 / (1 + 2 * lam)
    s = np.sqrt(least + place * (most - least))
    rho, eta = 0.6 * s, 0.4 * s
    beta = 1.01 * (s / (1 + lam) - lam / s)
    units = Units(Constants(beta, np.array([rho]), eta, lam, 1e-7, 1))
    found = units.branches(Unit(1, (rho,)))
    assert len(found) == count
    for unit in found:
        Q, variance = units.state(unit)[[2, 5]]
        X = s * (Q + beta) + lam
        assert s**2 / X - s**3 * Q / X**2 == pytest.approx(variance + lam, rel=1e-5)
        assert variance == pytest.approx(beta / (Q + beta), rel=1e-9)


def test_what_a_finite_learning_rate_costs_at_beta_eta_to_first_order():
    """Per learned signal and per spare latent, see the theory page."""
    eta, lr, strengths = 0.6, 1e-4, (3.0, 1.0)
    units = Units(Constants(eta, np.array(strengths), eta, 0.0, lr, 3))
    for rho in strengths:
        m, Q = units.state(Unit(1, (rho,)))[[0, 2]]
        s = rho + eta
        cost = lr * eta * (rho + eta * s**2) / (2 * s * (1 + eta * s))
        assert rho - 2 * np.sqrt(rho) * abs(m) + Q == pytest.approx(cost, rel=1e-3)
    spare = units.state(Unit(1, (), 1))[0]
    assert spare == pytest.approx(lr * eta**3 / (2 * (1 + eta**2)), rel=1e-3)


@pytest.mark.parametrize(("beta", "lr"), [(1.5, 1.0), (3.75, 0.5), (2.1, 0.8)])
@pytest.mark.usefixtures("no_thresholds")
def test_a_pole_is_no_state_of_a_latent(beta, lr):
    """At beta = 2/lr - lr/2 what E is divided by touches zero; beyond, it comes from infinity."""
    points = vaedyn.fixed_points(vaedyn.Params(beta=beta, lr=lr))
    beside = vaedyn.fixed_points(vaedyn.Params(beta=beta - 1e-6, lr=lr))
    assert points.types == beside.types
    assert points.residual.max() < 1e-9
    np.testing.assert_allclose(points.eps_g, beside.eps_g, atol=1e-4)
    beyond = vaedyn.fixed_points(vaedyn.Params(beta=beta + 1e-3, lr=lr))
    i = beyond.types.index("noise")
    assert beyond.E[i].item() > 100
    assert beyond.residual[i] < 1e-9


def test_roots_are_found_from_where_a_latent_is_alive_on():
    top = np.array([[740.0]])
    found = all_roots(lambda Q: (Q - 3e-8) * (Q - 1.0) * (Q - 1.001), top)
    np.testing.assert_allclose(found, [[3e-8, 1.0, 1.001]], rtol=1e-9)


RISES = {
    "a root": (lambda x: x - 0.3, 0.3),
    "at the very end": (lambda x: x - 0.9999, 0.9999),
    "the first of three": (lambda x: (x - 0.1) * (x - 0.4) * (x - 0.8), 0.1),
    "a narrow peak": (lambda x: 1e-9 - (x - 0.777) ** 2, 0.777 - 1e-9**0.5),
    "a narrow peak at the end": (lambda x: 1e-9 - (x - 0.999) ** 2, 0.999 - 1e-9**0.5),
    "a narrow peak beside what is no number": (
        lambda x: np.where(x < 0.4, np.nan, 1e-9 - (x - 0.777) ** 2), 0.777 - 1e-9**0.5,
    ),
    "a narrow dip": (lambda x: (x - 0.412) ** 2 - 1e-9, 0.412 + 1e-9**0.5),
    "nowhere": (lambda x: x - 1, np.nan),
    "everywhere": (lambda x: 1 + x, np.nan),
    "behind what is no number": (lambda x: np.where(x < 0.4, np.nan, x - 0.6), 0.6),
    "beside what is no number": (lambda x: np.where(x < 0.4, np.nan, 1.0), np.nan),
    "no numbers": (lambda x: np.full_like(x, np.nan), np.nan),
    "before what is infinite": (lambda x: np.where(x > 0.9, np.inf, x - 0.5), 0.5),
}  # fmt: skip


def test_the_first_root_is_found_row_by_row():
    """Against roots that are known; rows are looked at together, each as if it were alone."""
    tops = np.geomspace(0.01, 300, len(RISES))[:, None]
    functions, shares = zip(*RISES.values(), strict=True)

    def together(Q):
        return np.stack([f(q / top) for f, q, top in zip(functions, Q, tops, strict=True)])

    found = first_rise(together, tops)
    np.testing.assert_allclose(found[:, 0], tops[:, 0] * shares, rtol=1e-11)
    for f, top, one in zip(functions, tops, found, strict=True):
        by_itself = first_rise(lambda Q, f=f, top=top: f(Q / top), top[None])
        np.testing.assert_array_equal(by_itself[0], one)


OTHERS = [
    lambda x: 1.2 + (1.2 + 1e-7) * np.sin(9 * x),  # a narrow dip after a peak
    lambda x: np.where(x > 0.3, 1.0, -1.0),
]


@pytest.mark.parametrize("f", [*(f for f, _ in RISES.values()), *OTHERS])
def test_the_compiled_search_takes_the_same_steps(monkeypatch, f):
    """As it runs without machine code, for any function in place of that of a latent."""
    top = np.array([3.7])

    def left(c, h, rho, Q, D):
        return float(f(np.array(Q / top[0]))), 0.0, 0.0, 0.0, 0.0

    monkeypatch.setattr(alone, "plain_signal", left)
    c, out = Constants.of(vaedyn.Params(rho=1.0)).many(), np.empty(1)
    nodes = FIRST_NODES, FINER_NODES
    alone.least_roots.py_func(c, c.h, c.rho[:, 0], alone.SIGNAL, 1.0, top, *nodes, out)
    found = first_rise(lambda Q: f(Q / top), top[None])
    np.testing.assert_array_equal(out, found[0])
