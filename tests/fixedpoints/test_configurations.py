"""Lists of fixed points: which units there may be, how many images each has, and their names."""

from collections import Counter
from types import SimpleNamespace as Made

import numpy as np
import pytest

from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import configurations as module
from vaedyn.fixedpoints.configurations import (
    TooManyError,
    _alone,
    _merged,
    asleep,
    choose,
    completed,
    configurations,
    describe,
    fitting,
    kinds,
    missing,
    multiplicity,
    neighbours,
    spare,
    state,
)
from vaedyn.fixedpoints.groups import Unit, closed_form, vanishing
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack, unpack

MODEL = Constants(0.8, np.array([1.5, 3.0]), 0.7, 0.1, 0.4, 3)  # the weaker signal first
SAMPLED = MODEL._replace(sampled=1.0)
NOISE, GONE = Unit(1, (), 1), Unit(1)


class Given:
    """Units of which some are there, by name, with one state or several."""

    def __init__(self, model, there):
        self.model, self.there = model, there

    def state(self, unit):
        here = unit in self.there or not unit.alive
        return np.zeros(1) if here else None

    def branches(self, unit):
        return [unit._replace(branch=n) for n in range(self.there.get(unit, 0))]


def test_what_a_latent_without_a_signal_is():
    assert spare(MODEL) == GONE
    assert spare(SAMPLED) == NOISE


def test_kinds_of_units_by_the_most_latents_of_a_group():
    alone = [Unit(1, (3.0,)), Unit(1, (1.5,)), NOISE]
    assert kinds(MODEL, 0) == []
    assert kinds(SAMPLED, 0) == [NOISE]
    assert kinds(MODEL, 1) == kinds(SAMPLED, 1) == alone
    mixed = [Unit(2, (3.0, 1.5)), Unit(2, (3.0,), 1), Unit(2, (1.5,), 1)]
    assert kinds(SAMPLED, 2) == alone + mixed
    shared = [Unit(2, (3.0,)), Unit(2, (1.5,))]
    assert kinds(MODEL, 2) == alone + shared + mixed + [Unit(2, (), 1)]
    equal = MODEL._replace(rho=np.array([3.0, 3.0]))
    assert kinds(equal, 1) == [Unit(1, (3.0,)), NOISE]


def test_living_units_are_completed():
    assert completed(MODEL, [Unit(1, (1.5,))]) == (
        Unit(1, (1.5,)), GONE, GONE, Unit(0, (3.0,)),
    )  # fmt: skip
    assert completed(SAMPLED, []) == (NOISE,) * 3 + (Unit(0, (3.0,)), Unit(0, (1.5,)))
    assert completed(MODEL, [Unit(2, (3.0, 1.5)), NOISE]) == (Unit(2, (3.0, 1.5)), NOISE)


def test_selections_fit_into_what_is_free():
    one, two = Unit(1, (3.0,)), Unit(2, (1.5,))
    assert list(choose([], 2, Counter())) == [()]
    found = list(choose([one, two, NOISE], 3, Counter([3.0, 1.5])))
    assert found == [
        (one, two), (one, NOISE, NOISE), (one, NOISE), (one,),
        (two, NOISE), (two,), (NOISE,) * 3, (NOISE,) * 2, (NOISE,), (),
    ]  # fmt: skip
    assert list(choose([one], 3, Counter([3.0, 3.0]))) == [(one, one), (one,), ()]
    assert list(choose([Unit(2, (3.0, 3.0))], 5, Counter([3.0] * 3))) == [
        (Unit(2, (3.0, 3.0)),), (),
    ]  # fmt: skip


def test_all_selections_of_units_that_are_there_are_listed():
    one = Unit(1, (3.0,))
    few = MODEL._replace(latent=1)
    units = Given(few, {one: 2, NOISE: 1, Unit(2, (3.0,)): 1})
    rest = (Unit(0, (1.5,)),)
    assert configurations(units, 2) == [
        (one, *rest), (one._replace(branch=1), *rest),
        (NOISE, Unit(0, (3.0,)), *rest), (GONE, Unit(0, (3.0,)), *rest),
    ]  # fmt: skip
    sampled = few._replace(sampled=1.0)  # every latent is somewhere
    assert configurations(Given(sampled, units.there), 2) == configurations(units, 2)[:3]


def test_too_many_fixed_points_are_refused(monkeypatch):
    units = Given(MODEL._replace(latent=1), {NOISE: 1, Unit(1, (3.0,)): 1})
    monkeypatch.setattr(module, "MOST", 3)
    assert len(configurations(units, 1)) == 3
    monkeypatch.setattr(module, "MOST", 2)
    text = "groups: there are more than 2 fixed points: lower groups"
    with pytest.raises(TooManyError) as caught:
        configurations(units, 1)
    assert isinstance(caught.value, ParameterError)
    assert str(caught.value) == text
    monkeypatch.setattr(module, "MOST", 0)
    with pytest.raises(TooManyError, match=r"than 0 fixed points: lower latent or signal$"):
        configurations(units, 0)


def test_five_thousand_are_listed_at_most():
    assert module.MOST == 5000


def test_images_are_counted_by_signs_and_orders():
    """A latent on a direction has two signs, two on one four, mixed on two signals eight."""
    one, pair = Unit(1, (3.0,)), Unit(2, (1.5,))
    free = Unit(0, (1.5,))
    assert multiplicity((one, free)) == 2
    assert isinstance(multiplicity((one, GONE)), int)
    assert multiplicity((one, GONE, free)) == 4
    assert multiplicity((one, GONE, GONE, free)) == 6
    # the sign of a latent on noise is none, as that of its direction may turn
    assert multiplicity((NOISE, NOISE, GONE)) == 3
    assert multiplicity((one, NOISE)) == 4
    assert multiplicity((pair,)) == 4
    assert multiplicity((Unit(2, (3.0, 1.5)),)) == 8
    assert multiplicity((Unit(2, (3.0,), 1),)) == 4
    assert multiplicity((Unit(2, (), 1),)) == 2
    assert multiplicity((pair, one)) == 3 * 4 * 2
    assert multiplicity((Unit(2, (), 1), Unit(2, (), 1))) == 3 * 4
    assert multiplicity((one, one)) is None
    assert multiplicity((one, Unit(0, (3.0,)))) is None
    assert multiplicity((GONE, Unit(0, (3.0,)), Unit(0, (3.0,)))) == 1


def test_signs_of_a_unit():
    by_hand = {
        Unit(1, (2.0,)): 2, NOISE: 1, Unit(2, (2.0,)): 4, Unit(2, (), 1): 2,
        Unit(2, (2.0, 1.0)): 8, Unit(2, (2.0,), 1): 4, GONE: 1, Unit(0, (2.0,)): 1,
    }  # fmt: skip
    assert {unit: unit.states for unit in by_hand} == by_hand
    assert [unit.alive for unit in by_hand] == [True] * 6 + [False] * 2
    assert [unit.directions for unit in by_hand] == [1, 1, 1, 1, 2, 2, 0, 1]


def test_a_state_stands_in_the_order_of_units_and_of_the_models_signals():
    a = pack([[1.0]], [[2.0]], [[3.0]], [[4.0]], [[5.0]], [0.5])
    b = pack(np.zeros((1, 0)), np.zeros((1, 0)), [[6.0]], [[7.0]], [[8.0]], [0.25])
    states = {Unit(1, (3.0,)): a, NOISE: b, Unit(0, (1.5,)): closed_form(Unit(0, (1.5,)), 1, 1)}
    units = Made(model=MODEL, state=states.get)
    parts = unpack(state(units, (Unit(1, (3.0,)), NOISE, Unit(0, (1.5,)))), 2, 2)
    np.testing.assert_array_equal(parts["m"], [[0, 1], [0, 0]])
    np.testing.assert_array_equal(parts["d"], [[0, 2], [0, 0]])
    for name, x, y in (("Q", 3, 6), ("E", 4, 7), ("R", 5, 8)):
        np.testing.assert_array_equal(parts[name], np.diag([x, y]))
    np.testing.assert_array_equal(parts["D"], [0.5, 0.25])


def test_units_in_words():
    rho = [1.5, 3.0, 3.0]
    assert describe((Unit(1, (3.0,)), Unit(1, (1.5,)), GONE), rho) == (
        "signal 2, signal 1, collapsed"
    )
    assert describe((Unit(1, (3.0,)), Unit(1, (3.0,)), GONE, GONE), rho) == (
        "signal 2, signal 3, 2 x collapsed"
    )
    assert describe((Unit(2, (3.0, 1.5)), Unit(0, (3.0,))), rho) == "two on signal 2 and signal 1"
    assert describe((Unit(2, (3.0,), 1), NOISE, NOISE), rho) == (
        "two on signal 2 and noise, 2 x noise"
    )
    assert describe((Unit(1, (3.0,), 0, 1), Unit(1, (), 1, 2)), rho) == (
        "signal 2 (branch 2), noise (branch 3)"
    )
    assert describe((NOISE, Unit(1, (), 1, 1)), rho, [NOISE]) == "collapsed, noise (branch 2)"
    assert describe((Unit(3, (3.0,), 2),), rho) == "three on signal 2 and 2 directions of noise"
    many = [describe((Unit(n, (), 1),), rho) for n in range(2, 8)]
    assert many == [f"{n} on noise" for n in ("two", "three", "four", "five", "six", "7")]


def test_why_there_is_no_such_unit():
    one, two = Unit(1, (3.0,)), Unit(1, (1.5,))
    there = Given(MODEL, {})
    limits = {one: 0.8, two: 0.81, NOISE: np.inf}
    assert missing(there, 1, limits) == {
        "threshold": ["signal 2"], "ended": ["signal 1", "noise"],
    }  # fmt: skip
    assert missing(Given(MODEL, {one: 1, two: 1, NOISE: 1}), 1, limits) == {
        "threshold": [], "ended": [],
    }  # fmt: skip
    # of pairs the closed form says it: two on noise of 0.7 are lost at beta = 0.7
    pairs = missing(there, 2, limits)
    assert "two on noise" in pairs["threshold"]
    assert "two on signal 2" in pairs["ended"]
    few = Given(MODEL._replace(latent=1), {})
    assert sum(map(len, missing(few, 2, limits).values())) == 3


def flat(Q, m, model=MODEL):
    M = len(Q)
    square = np.diag(np.array(Q, float)) if np.ndim(Q) == 1 else np.array(Q, float)
    m = np.array(m, float).reshape(M, model.signal)
    return pack(m, m, square, square, square, np.ones(M))


def test_latents_alone_are_told_apart_by_their_overlaps():
    """A signal counts from 1e-8 of Q on, and Q itself from 1e-8 on."""
    one, two = Unit(1, (3.0,)), Unit(1, (1.5,))
    y = flat([2.0, 1.0, 0.5], [[0, 1], [0.5, 0.1], [0, 0]])
    assert _alone(MODEL, y) == [one, two, NOISE]
    for m, unit in ((1.005e-4, one), (0.99e-4, NOISE)):
        assert _alone(MODEL, flat([1.0, 1e-9, 0.9e-8], [[0, m], [1, 1], [1, 1]])) == [unit]
    for off, there in ((1.9e-6, True), (2.1e-6, False)):
        y = flat([[2.0, off], [off, 1.0]], [[0, 1], [1, 0]], MODEL._replace(latent=2))
        found = _alone(MODEL._replace(latent=2), y)
        assert found == ([one, two] if there else None)
    equal = MODEL._replace(rho=np.array([3.0, 3.0]))
    assert _alone(equal, flat([1.0, 0, 0], [[0.8e-4, 0.8e-4], [0, 0], [0, 0]])) == [one]


def test_two_latents_merge():
    one, two = Unit(1, (3.0,)), Unit(1, (1.5,))
    assert _merged(two, one) == _merged(one, two) == Unit(2, (3.0, 1.5))
    assert _merged(one, NOISE) == Unit(2, (3.0,), 1)
    assert _merged(NOISE, NOISE) == Unit(2, (), 1)
    assert _merged(one, one) == Unit(2, (3.0,))


def listed(units, y, groups):
    """Return neighbours without what is left of latents and signals."""
    return [
        tuple(unit for unit in each if unit.alive) for each in neighbours(units, y, groups)
    ]  # fmt: skip


def test_neighbours_of_a_state_differ_in_a_latent_or_a_pair():
    one, two = Unit(1, (3.0,)), Unit(1, (1.5,))
    every = dict.fromkeys([one, two, NOISE, *kinds(MODEL, 2)], 1)
    small = MODEL._replace(latent=2)
    y = flat([2.0, 1.0], [[0, 1], [0, 0]], small)
    alone = [(one, NOISE), (NOISE,), (NOISE, NOISE), (two, NOISE), (one,), (two, one), ()]
    found = listed(Given(small, every), y, 1)
    assert sorted(found) == sorted(tuple(sorted(each, reverse=True)) for each in alone)
    assert found[-1] == ()
    with_pair = listed(Given(small, every), y, 2)
    assert set(with_pair) - set(found) == {(Unit(2, (3.0,), 1),)}
    # with a latent to spare it may come to life
    y = flat([2.0, 0.0], [[0, 1], [0, 0]], small)
    assert set(listed(Given(small, every), y, 1)) == {
        (one,), tuple(sorted((one, NOISE), reverse=True)),
        tuple(sorted((one, two), reverse=True)), (), (NOISE,), (two,),
    }  # fmt: skip
    del every[two]
    assert all(two not in each for each in listed(Given(small, every), y, 1))
    entangled = flat([[2.0, 1.0], [1.0, 2.0]], [[0, 1], [0, 1]], small)
    for y in (None, entangled):
        assert neighbours(Given(small, every), y, 2) == [completed(small, [])]
    sampled = small._replace(sampled=1.0)
    assert neighbours(Given(sampled, {}), None, 2) == []


def test_latents_that_have_something():
    """Above 1e-8 of Q; where something is always left, 0.01 nats, or a signal."""
    model = Constants(0.8, np.array([3.0]), 0.7, 0.1, 0.4, 3)
    y = flat([1.1e-8, 0.9e-8, 1.0], [0, 0, 0], model)
    assert fitting(model, unpack(y, 3, 1)).tolist() == [True, False, True]

    def kl_of(E, m=0.0):
        """Return what is fitted of Q = 1 at D = 1, where KL is eta E / 2 + rho d^2 / 2."""
        return {
            "m": np.array([[m]]), "d": np.array([[0.0]]), "Q": np.eye(1), "E": np.array([[E]]),
            "R": np.zeros((1, 1)), "D": np.ones(1),
        }  # fmt: skip

    for sampled, adam in ((1.0, False), (0.0, True)):
        one = model._replace(sampled=sampled, latent=1)
        for E, m, there in (
            (0.0201 / 0.7, 0.0, True), (0.0199 / 0.7, 0.0, False),
            (0.0, 1.005e-4, True), (0.0, 0.99e-4, False),
        ):  # fmt: skip
            assert fitting(one, kl_of(E, m), adam).tolist() == [there]
    assert fitting(model._replace(latent=1), kl_of(0.0)).tolist() == [True]


def test_noise_of_sampled_latents_may_be_asleep():
    little, much = ([[0.02 * x / 0.7]] for x in (0.99, 1.01))
    none = np.zeros((1, 0))
    states = {
        NOISE: pack(none, none, [[1.0]], little, [[0.0]], [1.0]),
        NOISE._replace(branch=1): pack(none, none, [[1.0]], much, [[0.0]], [1.0]),
    }
    units = Made(
        model=SAMPLED, state=states.get, branches=lambda unit: [*states],
        alone=lambda unit: SAMPLED._replace(latent=1, rho=np.zeros(0)),
    )  # fmt: skip
    assert asleep(units) == [NOISE]
    units.model = MODEL
    assert asleep(units) == []


def test_what_vanishes_where_a_unit_turns_simpler():
    def of(unit, Q, m=(), sampled=False):
        n, k = unit.latents, len(unit.strengths)
        m = np.array(m, float).reshape(n, k)
        return vanishing(unit, pack(m, m, np.array(Q, float), *np.zeros((2, n, n)), np.ones(n)),
                         sampled)  # fmt: skip

    assert of(Unit(1, (3.0,)), [[0.5]], [[0.9]]) == 0.5
    assert of(Unit(1, (3.0,)), [[0.5]], [[0.6]]) == 0.36
    assert of(NOISE, [[0.25]]) == 0.25
    assert of(NOISE, [[0.25]], sampled=True) == np.inf
    shared, mixed = Unit(2, (), 1), Unit(2, (3.0,), 1)
    assert of(shared, [[0.5, -0.25], [-0.25, 0.5]]) == 0.25
    assert of(shared, [[0.5, -0.25], [-0.25, 0.5]], sampled=True) == 0.25
    Q = [[0.5, -0.25], [-0.25, 0.5]]
    assert of(mixed, Q, [[1], [1]]) == 0.25
    Q = [[0.5, -0.375], [-0.375, 0.5]]
    assert of(mixed, Q, [[1], [1]]) == 0.125
    assert of(mixed, Q, [[1], [1]], sampled=True) == 1
    assert of(Unit(2, (3.0, 1.5)), Q, np.ones((2, 2)), sampled=True) == 0.125
