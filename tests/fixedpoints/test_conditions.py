"""Conditions of bifurcation curves as functions: what vanishes, what they are called, who is meant.

Models and eigenvalues are made by hand, so that every value is known without a fixed point.
"""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import limit_cycle, pairs, traced
from vaedyn.fixedpoints.alone_at import (
    COLLAPSED,
    NOISE,
    bend,
    blocks_of,
    latent_at,
    left,
    members,
    relevant,
    selections,
    turns,
)
from vaedyn.fixedpoints.attractors import Modes
from vaedyn.fixedpoints.box import Box, box_of, record_of
from vaedyn.fixedpoints.conditions import (
    Fold,
    Hopf,
    Loss,
    _scaled,
    kinds_of,
    of_block,
    of_least_loss,
    pair_sums,
)
from vaedyn.fixedpoints.escape_to_infinity import Escape
from vaedyn.fixedpoints.levels import Awake, EqualLoss, Level, measured
from vaedyn.fixedpoints.near_losses import near_losses
from vaedyn.fixedpoints.single import Latent, noise_at, signal_at
from vaedyn.fixedpoints.starts import Cell, Scan, _closest, solved
from vaedyn.kernels.constants import Constants

TWO = vaedyn.Params(latent=2, signal=3, rho=(3, 1.5, 0.7), eta=0.9, lam=0.02, lr=0.3, beta=0.6)
BOX = Box(TWO, ("beta", "lr"), (0.1, 0.02), (2.1, 1.02))
SAMPLED = Box(TWO.replace(latents="sampled"), *BOX[1:])
POINT = np.array([0.8, 0.25, 0.5])  # Q, and beta = 0.6, lr = 0.52


def test_kinds_and_states_are_those_of_a_count_by_hand():
    assert kinds_of((2, 3, 1)) == (0, 1, NOISE, COLLAPSED)
    assert kinds_of((0, 0, 2)) == (COLLAPSED,)
    assert kinds_of((1, 0, 0)) == (0,)
    assert selections(2, 1) == [(0, 0, 2), (0, 1, 1), (0, 2, 0), (1, 0, 1), (1, 1, 0)]
    assert blocks_of([0, NOISE, NOISE], 1, 3) == [
        (a,) for a in sorted((NOISE, 0))
    ] + [(a, "unlearned", k) for a in sorted((NOISE, 0)) for k in (1, 2)] + sorted(
        {tuple(sorted((NOISE, 0))), (NOISE, NOISE)}
    )  # fmt: skip
    assert members((0, "unlearned", 2)) == (0,)
    assert members((NOISE, 1)) == tuple(sorted((NOISE, 1)))
    kinds = (0, 1, NOISE, COLLAPSED)
    by_hand = {(a,) for a in kinds}
    by_hand |= {(a, "unlearned", k) for a in (NOISE, COLLAPSED) for k in (0, 1, 2)}
    by_hand |= {(0, "unlearned", k) for k in (1, 2)} | {(a, "unlearned", 2) for a in (0, 1)}
    by_hand |= {tuple(sorted((a, b))) for a in (NOISE, COLLAPSED) for b in (0, NOISE, COLLAPSED)}
    by_hand |= {(0, 1)}
    assert sorted(relevant(2, 3), key=str) == sorted(by_hand, key=str)


def test_what_a_condition_gives_way_to_at_a_point_of_codimension_two():
    """A fold at a Bogdanov-Takens point has a Hopf curve of frequency 0 beside it, and so on."""
    fold, hopf = Fold(BOX, (0,), (0,)), Hopf(BOX, (0,), (0,))
    ((other, seed),) = fold.others_at("Bogdanov-Takens", POINT)
    assert other == hopf
    np.testing.assert_array_equal(seed, [0.8, 0, 0.25, 0.5])
    ((other, seed),) = hopf.others_at("Bogdanov-Takens", np.array([0.8, 0.04, 0.25, 0.5]))
    assert other == fold
    np.testing.assert_array_equal(seed, POINT)
    pair = of_block(BOX, (0, 1), Hopf)
    ((other, seed),) = pair.others_at("Bogdanov-Takens", np.array([0.8, 0.7, 0.04, 0.25, 0.5]))
    assert other == of_block(BOX, (0, 1), Loss)
    np.testing.assert_array_equal(seed, [0.8, 0.7, 0.25, 0.5])
    back = other.others_at("Bogdanov-Takens", seed)
    assert back[0][0] == pair
    np.testing.assert_array_equal(back[0][1], [0.8, 0.7, 0, 0.25, 0.5])
    gone = of_block(BOX, (COLLAPSED,), Hopf)  # which has no Q that could fold
    ((other, _),) = gone.others_at("Bogdanov-Takens", np.array([0.04, 0.25, 0.5]))
    assert isinstance(other, Loss)
    for condition in (fold, hopf, pair, other, Escape(BOX, ())):
        for name in ("cusp", "zero-Hopf", "end"):
            assert condition.others_at(name, POINT) == []
    assert Escape(BOX, ()).others_at("Bogdanov-Takens", POINT) == []


def test_latents_branch_off_where_they_can_live():
    start = POINT[-2:]
    born = of_block(BOX, (COLLAPSED, "unlearned", 0), Loss)
    ((fold, seed),) = born.others_at("tricritical", start)
    assert fold == Fold(BOX, (0,), (0,))
    np.testing.assert_array_equal(seed, [0, *start])
    ((fold, _),) = of_block(BOX, (COLLAPSED,), Loss).others_at("tricritical", start)
    assert fold == Fold(BOX, (NOISE,), (NOISE,))
    third = of_block(BOX, (COLLAPSED, "unlearned", 2), Loss)  # two latents learn two signals
    assert third.others_at("tricritical", start) == []
    assert third.born == 2
    for block in ((0, "unlearned", 2), (0, 1), (0,)):
        assert of_block(BOX, block, Loss).born is None
    assert of_block(SAMPLED, (COLLAPSED,), Loss).born is None


def test_ends_of_curves_have_names():
    fold, loss = Fold(BOX, (0,), (0,)), of_block(BOX, (0, 1), Loss)
    assert fold.end(1) == "lost"
    assert fold.end(0) == fold.end(2) == "tricritical"
    assert loss.end(0) == "end"
    hopf = of_block(BOX, (0, 1), Hopf)
    point = np.array([[0.8, 0.7, 0.04, 0.25, 0.5]])
    limits = hopf.limits(point)
    assert limits.shape == (1, 7)  # Q, E and rho m^2 of two latents, and the frequency
    assert limits[0, 6] == 0.04
    assert hopf.end(6) == "Bogdanov-Takens"
    assert hopf.end(5) == "end"
    assert of_block(BOX, (0, 1), Hopf, 0.01).end(6) == "end"


def fixed(values, cls=Hopf, **others):
    """Return a condition whose block has these eigenvalues everywhere."""

    class _Given(cls):
        def own(self, c, latents):
            return np.array(values, complex)[None]

    return _Given(BOX, (0, 1), (0, 1), **others)


AT = np.array([[0.8, 0.7, 0.09, 0.25, 0.5]])


def test_a_hopf_point_has_a_pair_of_the_frequency_that_is_asked_for():
    """The characteristic polynomial vanishes at i w, w^2 = 0.09, where it is an eigenvalue."""
    for values in ([0.3j, -0.3j, -2, 0.5], [-1, 0.3j, -0.3j], [0.3j, -0.3j]):
        found = fixed(values)
        c, latents, _ = found.latents(AT)
        np.testing.assert_allclose(found.left(AT, c, latents), 0, atol=1e-16)
    values = np.array([0.2 + 0.5j, 0.2 - 0.5j, -1.5])
    found = fixed(values)
    c, latents, _ = found.latents(AT)
    even, odd = found.left(AT, c, latents)
    whole = np.prod(0.3j - values) / np.prod(1 + np.abs(values))
    np.testing.assert_allclose([even[0], 0.3 * odd[0]], [whole.real, whole.imag], rtol=1e-13)


def test_what_is_critical_is_left_out_of_others():
    found = fixed([-2, 0.29j, 0.5, -0.29j])
    assert set(found.others(AT)[0]) == {-2, 0.5}
    assert set(fixed([-2, 1e-5, 0.5], Loss).others(AT[:, [0, 1, 3, 4]])[0]) == {-2, 0.5}
    tests = found.tests(AT)
    assert set(tests) == {"zero-Hopf", "generalized Hopf"}
    assert tests["zero-Hopf"] == pytest.approx(-1 / (3 * 1.5))
    assert set(fixed([0.3j, -0.3j]).tests(AT)) == {"generalized Hopf"}
    assert set(fixed([0.3j, 0.84j, -0.84j, -0.3j]).others(AT)[0]) == {0.84j, -0.84j}
    assert fixed([-2, 0.29j, 0.5, -0.29j], shift=0.1).tests(AT) == {}
    point = AT[:, [0, 1, 3, 4]]
    loss = fixed([-2, 1e-5, 0.5], Loss).tests(point)
    assert set(loss) == {"Bogdanov-Takens", "zero-Hopf"}
    assert loss["Bogdanov-Takens"] == pytest.approx(-1 / (3 * 1.5))
    assert loss["zero-Hopf"] == pytest.approx(-1.5 / 2.5)
    assert set(fixed([1e-5, 0.5], Loss).tests(point)) == {"Bogdanov-Takens"}
    assert fixed([-2, 1e-5, 0.5], Loss, shift=0.1).tests(point) == {}


def test_a_pair_that_sums_to_zero_rotates_or_not():
    point = AT[0, [0, 1, 3, 4]]
    assert fixed([0, 0.01 + 0.4j, 0.01 - 0.4j, -0.5], Loss).holds("zero-Hopf", point)
    assert fixed([0, 0.01 + 0.4j, 0.01 - 0.4j, -0.3], Loss).holds("zero-Hopf", point)
    assert not fixed([0, 0.5, -0.499, -3], Loss).holds("zero-Hopf", point)
    assert fixed([0, 0.5], Loss).holds("zero-Hopf", point)  # there is no pair
    assert fixed([0.3j, -0.3j, 0.5, -0.5]).holds("zero-Hopf", point)
    assert Escape(BOX, ()).holds("zero-Hopf", point)


def test_products_of_eigenvalues_are_those_by_hand():
    values = np.array([[2.0, -3.0, 0.5]])
    assert _scaled(values) == pytest.approx(3 * 4 * 1.5)
    assert pair_sums(values) == pytest.approx((-1 / 2) * (2.5 / 3.5) * (-2.5 / 3.5))
    assert pair_sums(values[:, :1]) == pytest.approx(2)


def test_growth_rates_of_a_block_are_per_step():
    """Those beside the critical one, without the shift, times the learning rate."""
    found = fixed([-2, 1e-5, 0.5], Loss, shift=0.1)
    point = AT[:, [0, 1, 3, 4]]
    lr = BOX.constants(point[:, -2:]).lr
    assert lr == pytest.approx(0.52)
    assert found.known(point)[0, 1] == pytest.approx(0.52 * (0.5 - 0.1 / 0.52))
    assert fixed([-2, 0.29j, 0.5, -0.29j]).known(AT)[0, 1] == pytest.approx(0.52 * 0.5)
    plain = of_block(BOX, (0, 1), Loss)
    shifted = of_block(BOX, (0, 1), Loss, 0.1)
    c, latents, _ = plain.latents(point)
    np.testing.assert_allclose(shifted.own(c, latents), plain.own(c, latents) + 0.1 / 0.52)


def losses(learned, noise):
    return np.array([1.0 - learned, 2.0, 1.0]), None


def test_a_state_counts_where_no_other_stable_one_has_less_loss():
    """Of state (0, ...) losses are 1, 2, 1; of (1, ...) 0, 2, 1. Equal ones do not count."""
    rates = {(0, 0, 2): np.array([-0.3, -0.2, -0.1]), (1, 0, 1): np.array([-0.5, -0.5, -0.5])}
    modes = Made(loss=losses)
    np.testing.assert_array_equal(of_least_loss([(0, 0, 2)], rates, modes), [np.inf, -0.2, -0.1])
    np.testing.assert_array_equal(of_least_loss([(1, 0, 1)], rates, modes), [-0.5] * 3)
    np.testing.assert_array_equal(of_least_loss([*rates], rates, modes), [-0.3, -0.2, -0.1])
    rates[1, 0, 1] = np.full(3, 0.1)  # unstable
    np.testing.assert_array_equal(of_least_loss([(0, 0, 2)], rates, modes), rates[0, 0, 2])
    level = Level(BOX, (0, COLLAPSED), (1, 0, 1), "kl", 0.5)
    np.testing.assert_array_equal(level.among(rates, modes), [0.1] * 3)
    equal = EqualLoss(BOX, (0, COLLAPSED), (0, 0, 2), (1, 0, 1))
    np.testing.assert_array_equal(equal.among(rates, modes), [0.1] * 3)
    awake = Awake(SAMPLED, (COLLAPSED,), (0, 0, 1), "kl", 0.01)
    rates = {(0, 0, 2): np.array([-0.3, 0.2]), (1, 0, 1): np.array([-0.5, 0.4]),
             (1, 1, 0): np.array([-9.0, -9.0])}  # fmt: skip
    np.testing.assert_array_equal(awake.among(rates, modes), [-0.5, 0.2])


def test_the_growth_of_a_block_is_the_least_of_states_that_have_it():
    rates = {state: np.array([-0.1 * n, 0.2 * n]) for n, state in enumerate(selections(2, 3))}
    modes = Made(loss=lambda learned, noise: (np.array([1.0, 1.0]), None), c=Made(lr=0.5))
    having = [state for state in rates if state[0] and state[2]]
    assert having == [(1, 0, 1)]
    block = tuple(sorted((0, COLLAPSED)))
    np.testing.assert_array_equal(of_block(BOX, block, Loss).among(rates, modes), rates[1, 0, 1])
    slow = of_block(BOX, (0, 1), Loss, 0.25).among(rates, modes)
    np.testing.assert_allclose(slow, rates[2, 0, 0] + 0.5)
    # of a slow one the state is to be that of least loss, of others it need not be
    modes.loss = lambda learned, noise: (np.array([1.0, 1.0]) + (learned == 2), None)
    assert of_block(BOX, (0, 1), Loss, 0.25).among(rates, modes)[0] == np.inf
    np.testing.assert_array_equal(of_block(BOX, (0, 1), Loss).among(rates, modes), rates[2, 0, 0])


def test_a_level_is_what_is_measured_of_the_state():
    X = np.array([[0.8, 0.5, 0.25, 0.5]])
    level = Level(BOX, (0, NOISE), (1, 1, 0), "kl", 0.75)
    c, latents, sizes = level.latents(X)
    assert sizes.shape == (1, 5)
    assert list(latents) == [0, NOISE]
    assert latents[0].Q == 0.8
    assert latents[NOISE].Q == 0.5
    by_hand = sum(
        0.5 * (one.rho * one.d**2 + c.eta * one.E + one.D - np.log(one.D) - 1)
        for one in latents.values()
    )
    found = measured(c, latents, (1, 1, 0), "kl")
    assert found == pytest.approx(by_hand)
    np.testing.assert_allclose(level.left(X, c, latents), [by_hand - 0.75])
    twice = measured(c, latents, (1, 2, 0), "kl") - found
    one = latents[NOISE]
    assert twice == pytest.approx(0.5 * (c.eta * one.E + one.D - np.log(one.D) - 1))
    error = 5.2 + 0.8 + 0.5 - 2 * np.sqrt(3) * latents[0].m
    np.testing.assert_allclose(measured(c, latents, (1, 1, 0), "eps_g"), error)
    equal = EqualLoss(BOX, (0, NOISE), (1, 0, 1), (1, 1, 0))
    first = measured(c, latents, (1, 0, 1), "loss")
    second = measured(c, latents, (1, 1, 0), "loss")
    np.testing.assert_allclose(equal.left(X, c, latents), [first - second])
    assert first != second


def test_equations_of_latents_come_before_the_condition():
    X = np.array([[0.8, 0.7, 0.25, 0.5]])
    loss = of_block(BOX, (0, 1), Loss)
    c = BOX.constants(X[:, -2:])
    values = loss.values(X)
    assert values.shape == (1, 3)
    assert values[0, 0] == left(c, 0, X[:, 0])
    assert values[0, 1] == left(c, 1, X[:, 1])
    found, slopes = loss.slope(X[0])
    np.testing.assert_array_equal(found, values[0])
    for i in range(4):  # of a straight line and of other steps
        h = 1e-5 * np.eye(4)[i]
        column = (loss.values(X + h) - loss.values(X - h))[0] / 2e-5
        np.testing.assert_allclose(slopes[:, i], column, rtol=1e-4, atol=1e-7)
    assert loss.unknown == (0, 1)
    assert of_block(BOX, (0, COLLAPSED), Loss).unknown == (0,)
    assert of_block(SAMPLED, (COLLAPSED,), Loss).unknown == (COLLAPSED,)


def test_a_latent_is_at_rest_where_its_function_vanishes():
    c, Q = Constants.of(TWO).many(), np.array([0.8])
    D = c.beta / (Q + c.beta)
    assert left(c, 1, Q) == signal_at(c.column(), c.rho[:, 1, None], Q[:, None], D)[0][0]
    assert left(c, 0, Q) == signal_at(c.column(), c.rho[:, 0, None], Q[:, None], D)[0][0]
    assert left(c, NOISE, Q) == noise_at(c.column(), Q[:, None], D)[0][0]
    for kind in (0, 2, NOISE):
        slope = (left(c, kind, Q + 1e-5) - left(c, kind, Q - 1e-5)) / 2e-5
        np.testing.assert_allclose(bend(c, kind, Q), slope, rtol=1e-7)
    gone, sizes = latent_at(c, COLLAPSED, Q)
    assert (gone.Q, gone.E, gone.m, gone.D) == (0, 0, 0, 1)
    assert sizes.shape == (1, 0)
    assert latent_at(c, NOISE, Q)[1].shape == (1, 2)
    assert latent_at(c, 0, Q)[1].shape == (1, 3)
    none, some = (latent_at(c, 2, np.array([Q])) for Q in (0.1, 2.0))
    assert some[1][0, 2] == pytest.approx(0.7 * some[0].m[0] ** 2)
    assert some[0].m.dtype == float
    assert none[1][0, 2] < 0  # no weights have it
    assert none[0].m.real == 0
    assert none[1][0, 2] == pytest.approx(-0.7 * none[0].m.imag[0] ** 2)


def test_equal_signals_turn():
    c = Constants.of(TWO.replace(rho=(2, 2, 1))).many()
    assert turns(c, (0, 1))
    for block in ((0,), (0, 2), (1, 2), (0, 0), tuple(sorted((0, COLLAPSED))), (NOISE, NOISE)):
        assert not turns(c, block)


def test_curves_are_called_by_what_they_are_and_whom_they_concern():
    def names(condition):
        return traced.kind_of(condition), traced.label_of(condition)

    assert names(Fold(BOX, (1,), (1,))) == ("fold", "signal 2")
    assert names(of_block(BOX, (COLLAPSED,), Loss)) == ("loss", "collapsed to noise")
    assert names(of_block(BOX, (COLLAPSED,), Hopf)) == ("hopf", "collapsed")
    assert names(of_block(BOX, (NOISE, "unlearned", 2), Loss)) == ("loss", "noise to signal 3")
    assert names(of_block(BOX, (0, 1), Hopf)) == ("hopf", "signal 1 and signal 2")
    assert names(Escape(BOX, ())) == ("escape", "noise")
    slow = of_block(BOX, (0, 1), Loss, 1 / 300)
    assert names(slow) == (f"relaxation_time={1 / (1 / 300)!r}", "signal 1 and signal 2")
    level = Level(BOX, (0, NOISE), (1, 2, 0), "eps_g", 0.1)
    assert names(level) == ("eps_g=0.1", "signal 1, 2 x noise")
    equal = EqualLoss(BOX, (0, 1, COLLAPSED), (2, 0, 1), (0, 0, 3))
    assert names(equal) == ("maxwell", "signal 1, signal 2, collapsed | 3 x collapsed")
    assert names(Awake(SAMPLED, (NOISE,), (0, 1, 0), "kl", 0.01)) == ("active", "noise")


def test_a_box_is_measured_across():
    at = np.array([[0.25, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(BOX.values(at), [[0.6, 0.52], [2.1, 0.02]])
    both = BOX._replace(logarithmic=(True, True))
    np.testing.assert_allclose(both.values(at), [[0.1 * 21**0.25, 0.02 * 51**0.5], [2.1, 0.02]])
    heavy = Box(TWO.replace(momentum=0.6), ("lr", "rho"), (0.1, 1.0), (0.3, 6.0))
    c = heavy.constants(at)
    np.testing.assert_allclose(c.lr, [0.15 / 0.4, 0.3 / 0.4])
    np.testing.assert_allclose(c.rho, np.outer([3.5, 1.0], [1, 0.5, 0.7 / 3]))
    assert box_of(TWO, ("beta", 0.1, 2, "log"), ("lam", 0, 1))[1:] == (
        ("beta", "lam"), (0.1, 0), (2, 1), (True, False)
    )  # fmt: skip
    assert box_of(TWO, ("beta", 1e-4, 2), ("batch", 1, 8)).logarithmic == (True, False)


def test_what_curves_do_not_depend_on_is_not_in_their_record():
    usual, record = record_of(BOX), record_of
    assert usual["rho"] == [3, 1.5, 0.7]
    assert not {"beta", "lr", "dim", "t_max", "points", "init"} & set(usual)
    shown = {name: usual[name] for name in usual if name[:2] in ("x_", "y_")}
    assert shown == {
        "x_varied": "beta", "x_from": 0.1, "x_to": 2.1, "x_log": False,
        "y_varied": "lr", "y_from": 0.02, "y_to": 1.02, "y_log": False,
    }  # fmt: skip
    mixed = record(BOX._replace(params=TWO.replace(rho=(0.7, 3, 1.5), dim=99)))
    assert mixed == usual
    scaled = Box(TWO, ("rho", "eta"), (1, 1), (2, 2))
    assert record(scaled)["rho"] == [1, 0.5, 0.7 / 3]
    assert record(scaled)["lr"] == 0.3
    several = BOX._replace(params=TWO.replace(lr=(0.3, 0.2, 0.1)))
    assert "lr" in record(several)


def test_where_values_change_sign_along_lines():
    scan = Scan(BOX, lines=2, along=3)
    assert scan.points == 12
    np.testing.assert_array_equal(scan.at[0], [[0, 0], [0.5, 0], [1, 0]])
    np.testing.assert_array_equal(scan.at[3], [[1, 0], [1, 0.5], [1, 1]])
    values = np.array([1, -1, -1, 2, 3, np.nan, -1, 0, 1, -5, -5, -5.0])
    assert scan.changes(values) == [(0, 1), (7, 8)]
    condition = Fold(BOX, (0,), (0,))
    guess = scan.guess(condition, 4, (0.5,))
    np.testing.assert_array_equal(guess, [scan.latents[0].Q[4], 0.5, 0.5, 1])


def test_the_frequency_is_that_of_the_pair_closest_to_the_axis():
    assert _closest(np.array([-1 + 3j, -1 - 3j, 0.1 + 2j, 0.1 - 2j, 0.0])) == 4.0
    assert _closest(np.array([-1.0, 0.0])) == 0.0


def test_a_start_is_taken_in_its_cell_only():
    """The collapse of signal 1 at beta = rho + eta, on a line of constant lr."""
    box = Box(vaedyn.Params(rho=1.1, eta=0.9), ("beta", "lr"), (1.0, 0.05), (3.0, 0.25))
    condition = of_block(box, (COLLAPSED, "unlearned", 0), Loss)
    found = solved(Cell(condition, np.array([0.45, 0.5]), np.array([0.55, 0.5])))
    np.testing.assert_allclose(found, [0.5, 0.5], atol=1e-12)
    far = Cell(condition, np.array([0.6, 0.5]), np.array([0.62, 0.5]))
    assert solved(far) is None
    outside = Box(box.params, box.names, (1.0, 0.05), (1.9, 0.25))
    condition = of_block(outside, (COLLAPSED, "unlearned", 0), Loss)
    assert solved(Cell(condition, np.array([0.95, 0.5]), np.array([1.2, 0.5]))) is None


@pytest.mark.parametrize("weak", [1.1, 0.0])
def test_values_of_Q_of_mixed_pairs_are_close_together(monkeypatch, weak):  # noqa: N802
    """Both D and K of the weaker latent change by 2 % at most between them."""
    seen = []
    found = pairs.roots_between
    monkeypatch.setattr(pairs, "roots_between", lambda f, x: seen.append(x) or found(f, x))
    c = Constants.of(TWO.replace(lr=0.7, beta=0.4)).many()
    pairs.mixed(c, 3.0, weak)
    (nodes,) = seen
    column, rho = c.column(), np.array([[3.0]])
    ends = (signal_at(column, rho, nodes[None], np.array(D))[0][0] for D in (0.0, 1.0))
    low, high = ends
    with np.errstate(all="ignore"):
        D = low / (low - high)
        K = 2 * 0.4 * (1 / D - 1) - nodes + 0.4
    inside = (D > 0.01) & (D < 1) & (K > 0.2) & (K < 4)
    there = inside[1:] & inside[:-1]
    assert there.sum() > 100
    for x in (D, K):
        assert np.abs(np.diff(np.log(np.abs(x))))[there].max() < np.log(1.02)


def test_how_long_a_cycle_is_looked_for(monkeypatch):
    """Up to times that double or triple, in units of 1/lr; the message adds them up."""
    asked = []

    def course(model, y, times, rtol):
        asked.append(float(times[-1] * model.lr))
        return y[None]

    monkeypatch.setattr(limit_cycle, "course", course)
    monkeypatch.setattr(limit_cycle, "_at_rest", lambda model, y: False)
    monkeypatch.setattr(limit_cycle, "_returns", lambda model, y: None)
    with pytest.raises(vaedyn.ConvergenceError, match=r"learning rate 0.7 up to t = 19142.9: the"):
        limit_cycle.attracting(TWO.replace(lr=0.7))
    assert asked == pytest.approx([100, 300, 1000, 3000, 9000])


def beside(m, std, **others):
    """Two fixed points on signals 1 and 2: a stable one, and a saddle with one growing mode."""
    made = Made(
        reached=0, params=Made(adam=False, dim=200, rate=0.5), stable=[True, False],
        eigenvalues_re=np.array([[-0.1, -0.2], [0.3, -0.2]]),
        types=["signal 1, signal 2", "signal 1, signal 2 (branch 2)"],
        m=np.array(m, float), std={"m": np.array([std, std], float)},
    )  # fmt: skip
    vars(made).update(others)
    return made


NEAR = [[[0.9, 0.0, 0.0], [0.0, -0.6, 0.0]], [[0.85, 0.0, 0.0], [0.0, 0.5, 0.0]]]
STDS = [[9.0, 9.0, 9.0], [9.0, 0.04, 9.0]]


def test_a_signal_may_be_lost_where_a_saddle_is_near():
    """Signal 2 is 2.5 standard deviations from the saddle: 4 need N = 1.05 200 (4/2.5)^2."""
    (line,) = near_losses(beside(NEAR, STDS))
    assert line == (
        "runs at N = 200 may lose signal 2: m = 0.6 is 2.5 standard deviations from m = 0.5, "
        "where another state attracts; --dim 540 is large enough"
    )
    slow = np.array([[-0.1, -0.2], [1e-8, -0.2]])  # above 1e-8 of the learning rate
    assert near_losses(beside(NEAR, STDS, eigenvalues_re=slow)) == [line]
    far = [[9.0, 9.0, 9.0], [9.0, 0.0249, 9.0]]
    assert near_losses(beside(NEAR, far)) == []
    for others in (
        {"reached": None}, {"stable": [False, False]},
        {"params": Made(adam=True, dim=200, rate=0.5)}, {"types": ["signal 1", "signal 2"]},
        {"eigenvalues_re": np.array([[-0.1, -0.2], [0.3, 0.2]])},  # two growing modes
        {"eigenvalues_re": np.array([[-0.1, -0.2], [4e-9, -0.2]])},  # none that grows
    ):  # fmt: skip
        assert near_losses(beside(NEAR, STDS, **others)) == []
    assert near_losses(beside(NEAR[:1] * 2, STDS)) == []


def test_of_several_saddles_the_nearest_counts():
    further = [[0.9, 0.0, 0.0], [0.0, 0.46, 0.0]]
    three = beside([NEAR[0], further, NEAR[1]], STDS)
    three.types = [three.types[0], *three.types[1:] * 2]
    three.eigenvalues_re = np.array([[-0.1, -0.2], [0.3, -0.2], [0.4, -0.2]])
    three.std = {"m": np.array([STDS] * 3)}
    for order in ([0, 1, 2], [0, 2, 1]):
        made = Made(**vars(three))
        made.m, made.eigenvalues_re = three.m[order], three.eigenvalues_re[order]
        (line,) = near_losses(made)
        assert "is 2.5 standard deviations from m = 0.5" in line


def test_what_is_left_beside_a_curve_is_the_growth_of_the_state():
    """Per unit of time and tau, without the critical mode; inf where there is no such state."""
    X = np.array([[0.8, 0.7, 0.25, 0.5], [0.8, 0.01, 0.25, 0.5]])
    loss = of_block(BOX, (0, 1), Loss)
    c, latents, sizes = loss.latents(X)
    modes = Modes(c, {k: Latent(*map(np.real, one)) for k, one in latents.items()}, loss.known(X))
    expected = modes.growth(2, 0, 0)[0] / 0.52
    assert sizes[0].min() > 0 > sizes[1].min()
    np.testing.assert_array_equal(loss.rest(X), [expected, np.inf])
    assert c.lr[0] == pytest.approx(0.52)
    # it lacks one eigenvalue of the block: that of the least size
    values = loss.own(c, latents)[0]
    kept = np.delete(values, np.abs(values).argmin())
    assert loss.known(X)[0, 1][0] == pytest.approx(0.52 * kept.real.max())


def test_a_latent_is_born_with_a_bend_that_vanishes_at_tricritical_points():
    X = POINT[None, -2:]
    loss = of_block(BOX, (COLLAPSED, "unlearned", 1), Loss)
    c, latents, _ = loss.latents(X)
    tests = loss.tests(X)
    assert tests["tricritical"] == bend(c, 1, np.zeros(1))
    values = loss.own(c, latents)[0]
    assert loss.left(X, c, latents)[0] == pytest.approx(
        (np.prod(values) / np.prod(1 + np.abs(values))).real
    )
    X = POINT[None]
    for block in ((0,), (0, "unlearned", 2)):
        assert "tricritical" not in of_block(BOX, block, Loss).tests(X)


def test_a_fold_has_a_cusp_where_its_function_ceases_to_bend():
    fold, X = Fold(BOX, (0,), (0,)), POINT[None]
    c = fold.box.constants(X[:, -2:])
    tests = fold.tests(X)
    h = 1e-5
    second = (bend(c, 0, X[:, 0] + h) - bend(c, 0, X[:, 0] - h)) / (2 * h)
    np.testing.assert_allclose(tests["cusp"], second, rtol=1e-5)
    values = fold.own(c, fold.latents(X)[1])[0]
    others = np.delete(values, np.abs(values).argmin())[None]
    assert tests["Bogdanov-Takens"] == pytest.approx(
        (np.prod(others) / np.prod(1 + np.abs(others))).real
    )
    assert tests["zero-Hopf"] == pytest.approx(pair_sums(others))
    assert len(tests) == 3


def test_noise_escapes_where_its_largest_terms_vanish():
    """2 (K + lam/eta) = r h K^2, K = beta + h/2, at one rate r of the encoder to the decoder."""
    params = vaedyn.Params(eta=0.8, lam=0.3, beta=0.6, lr=(0.5, 0.2, 0.4), batch=2)
    box = Box(params, ("beta", "lam"), (0.1, 0.0), (9.1, 1.0))
    X = np.array([[0.2, 0.3], [0.9, 0.3]])
    c = box.constants(X)
    K, r = c.beta + 0.5 * c.h, 0.2 / 0.5
    np.testing.assert_allclose(c.encoder, r)
    gain, loss = r * c.h * K**2, 2 * (K + 0.3 / 0.8)
    escape = Escape(box, ())
    np.testing.assert_allclose(escape.values(X)[:, 0], (gain - loss) / (gain + loss))


@pytest.mark.parametrize(
    ("size", "left", "away", "growth", "there"),
    [
        (0.5, 9e-4, 9e-5, -0.1, True), (0.5, 1.1e-3, 9e-5, -0.1, False),
        (0.5, 9e-4, 1.1e-4, -0.1, False), (0.5, 9e-4, 9e-5, 0.1, False),
        (4.0, 3.9e-3, 3.9e-4, -0.1, True), (4.0, 4.1e-3, 3.9e-4, -0.1, False),
        (4.0, 3.9e-3, 4.1e-4, -0.1, False),
    ],
)  # fmt: skip
def test_a_course_ends_at_a_stable_point_that_is_near(monkeypatch, size, left, away, growth, there):
    """To 1e-4 of the largest order parameter, or of 1; it is at rest to ten times that."""
    y = np.array([size, 0.1])
    monkeypatch.setattr(limit_cycle, "newton", lambda model, y: y + away)
    monkeypatch.setattr(limit_cycle, "residual", lambda model, x: left if x is y else 0.0)
    monkeypatch.setattr(
        limit_cycle, "eigenvalues", lambda model, x: np.array([np.nan, growth + 1j, -1])
    )
    assert limit_cycle._at_rest(None, y) == there
