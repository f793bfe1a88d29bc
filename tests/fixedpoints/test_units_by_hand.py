"""Units, passages and the edge of a branch of cycles, worked out by hand."""

from collections import Counter
from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from tests.shared.models import random_state
from vaedyn.fixedpoints import groups as units_of
from vaedyn.fixedpoints import passages as saddles
from vaedyn.fixedpoints.follow_cycle import Followed, _to_the_edge
from vaedyn.fixedpoints.groups import (
    Unit,
    Units,
    _between,
    _least,
    _places,
    _refined,
    _starts,
    alike,
    assemble,
    found,
    intact,
    of_weights,
)
from vaedyn.fixedpoints.passages import (
    _passage,
    _signless,
    _signs,
    _transformed,
    _typical,
    courses,
    distances,
)
from vaedyn.fixedpoints.shooting import Cycle
from vaedyn.fixedpoints.single import Latent, all_roots
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import count, pack, unpack

ONE, NOISE, GONE, FREE = Unit(1, (3.0,)), Unit(1, (), 1), Unit(1), Unit(0, (3.0,))
MODEL = Constants(0.8, np.array([3.0]), 0.7, 0.1, 0.4, 2)


def test_units_are_solved_once_each_on_its_branches(monkeypatch):
    calls = []
    y = [np.full(6, float(n)) for n in (2, 1, 3)]

    def find(unit, model, finder):
        calls.append((unit, model.latent, model.rho.tolist(), finder))
        return y if finder else [y[0]]

    monkeypatch.setattr(units_of, "found", find)
    units = Units(MODEL)
    assert not units.known(ONE)
    assert units.state(ONE) is y[0]
    assert units.known(ONE)
    assert units.state(ONE) is y[0]
    assert calls == [(ONE, 1, [3.0], None)]
    assert units.branches(ONE) == [ONE, Unit(1, (3.0,), 0, 1), Unit(1, (3.0,), 0, 2)]
    assert units.state(Unit(1, (3.0,), 0, 1)) is y[1]
    assert units.state(Unit(1, (3.0,), 0, 2)) is y[2]
    assert units.state(Unit(1, (3.0,), 0, 3)) is None
    assert [find for *_, find in calls] == [None, all_roots]
    pair = Unit(2, (3.0,), 1)
    assert units.state(pair) is y[0]
    assert calls[-1] == (pair, 2, [3.0], all_roots)
    assert units.branches(GONE) == [GONE]
    assert units.branches(FREE) == [FREE]
    assert units.state(GONE).tolist() == [0, 0, 0, 1]
    units.put(NOISE, None)
    assert units.state(NOISE) is None
    assert [each.branch for each in units.branches(NOISE)] == [1, 2, 3]
    monkeypatch.setattr(units_of, "found", lambda unit, model, finder: y if finder else [])
    assert Units(MODEL).state(ONE) is y[0]


def test_spectra_of_units_are_of_all_and_of_all_pairs():
    units = Units(MODEL)
    asked = []

    def modes(*key):
        asked.append(key)
        return np.array([-len(asked), np.nan, 0.5 * len(key) - 2j], complex)

    units.modes = modes
    values = units.spectrum([ONE, NOISE, FREE])
    assert asked == [(ONE,), (NOISE,), (FREE,), (NOISE, ONE), (FREE, ONE), (FREE, NOISE)]
    assert values[:6].tolist() == [1 - 2j] * 3 + [0.5 - 2j] * 3
    assert values[6:12].tolist() == [-1, -2, -3, -4, -5, -6]
    assert np.isnan(values[12:]).all()
    assert len(values) == 18
    assert units.growth([ONE, NOISE]) == 1


def test_modes_between_units_are_found_once(monkeypatch):
    seen = []

    def eigenvalues(model, y, cross):
        seen.append((model.latent, model.rho.tolist(), None if cross is None else cross.tolist()))
        return np.array([len(seen)])

    monkeypatch.setattr(units_of, "eigenvalues", eigenvalues)
    units = Units(MODEL)
    units.put(ONE, np.arange(6.0))
    assert units.modes(ONE) == 1
    assert units.modes(ONE) == 1
    assert seen == [(1, [3.0], None)]
    assert units.modes(GONE, ONE) == units.modes(ONE, GONE) == 2
    both = _between((1, 0), (1, 1))
    assert seen[1] == (2, [3.0], both.tolist())
    parts = unpack(both, 2, 1)
    assert parts["m"].tolist() == parts["d"].tolist() == [[1], [0]]
    for name in "QER":
        assert parts[name].tolist() == [[0, 1], [1, 0]]
    assert parts["D"].tolist() == [0, 0]


def test_states_of_units_stand_one_after_the_other():
    a, b = np.arange(1.0, 7), np.arange(11.0, 15)
    joint, y = assemble(MODEL, [ONE, NOISE], [a, b])
    assert (joint.latent, joint.rho.tolist()) == (2, [3.0])
    parts = unpack(y, 2, 1)
    assert parts["m"].tolist() == [[1], [0]]
    assert parts["d"].tolist() == [[2], [0]]
    for name, x, z in (("Q", 3, 11), ("E", 4, 12), ("R", 5, 13)):
        assert parts[name].tolist() == [[x, 0], [0, z]]
    assert parts["D"].tolist() == [6, 14]
    with pytest.raises(AssertionError, match="this unit does not exist here"):
        assemble(MODEL, [ONE], [None])
    nothing, y = assemble(MODEL, [], [])
    assert (nothing.latent, nothing.rho.tolist(), len(y)) == (0, [], 0)
    assert _places(()) == []


def test_starts_of_units_are_turned_by_45_degrees():
    def latent(m, d, Q, E, R, D):
        return Latent(*(np.array([x, 2.0 * x]) for x in (1.0, m, d, Q, E, R, D)))

    first, second = latent(0.8, 0.4, 1.0, 0.6, 0.3, 0.5), latent(0.2, 0.1, 0.4, 0.2, 0.1, 0.25)
    one = _starts(ONE, first, None)
    np.testing.assert_allclose(one[0], [0.8, 0.4, 1.0, 0.6, 0.3, 0.5])
    np.testing.assert_allclose(one[1], 2 * one[0])
    np.testing.assert_allclose(_starts(NOISE, first, None)[0], [1.0, 0.6, 0.3, 0.5])
    pair = unpack(_starts(Unit(2, (3.0, 1.5)), first, second)[1], 2, 2)
    h = np.sqrt(0.5)
    np.testing.assert_allclose(pair["m"], 2 * h * np.array([[0.8, 0.2], [0.8, -0.2]]))
    np.testing.assert_allclose(pair["d"], 2 * h * np.array([[0.4, 0.1], [0.4, -0.1]]))
    for name, x, z in (("Q", 1.0, 0.4), ("E", 0.6, 0.2), ("R", 0.3, 0.1)):
        np.testing.assert_allclose(pair[name], [[x + z, x - z], [x - z, x + z]])
    np.testing.assert_allclose(pair["D"], [1, 1])
    shared = unpack(_starts(Unit(2, (3.0,)), first, None)[0], 2, 1)
    np.testing.assert_allclose(shared["Q"], np.full((2, 2), 0.5))
    np.testing.assert_allclose(shared["m"], [[0.8 * h], [0.8 * h]])
    mixed = unpack(_starts(Unit(2, (3.0,), 1), first, second)[0], 2, 1)
    assert mixed["m"].shape == (2, 1)


def test_states_that_differ_in_signs_are_alike():
    y = np.array([1.0, -2.0])
    assert alike(y, -y)
    assert alike(y, y * (1 + 0.49e-6))
    assert not alike(y, y * (1 + 0.52e-6))


def test_a_start_leads_to_a_state_of_its_kind(monkeypatch):
    start = np.array([1.0, 0.5, 1.5, 0.5, 0.4, 0.5])
    monkeypatch.setattr(units_of, "newton", lambda model, y: y)
    for factor, left, there in (
        (1, 1.49e-12, True), (1, 1.51e-12, False), (0.5, 0.99e-12, True), (0.5, 1.005e-12, False),
    ):  # fmt: skip
        monkeypatch.setattr(units_of, "residual", lambda model, y, left=left: left)
        monkeypatch.setattr(units_of, "intact", lambda unit, y, sampled: True)
        assert (_refined(ONE, MODEL, factor * start) is not None) == there
    monkeypatch.setattr(units_of, "residual", lambda model, y: 0.0)
    assert _refined(ONE, MODEL, np.full(6, np.nan)) is None
    monkeypatch.setattr(units_of, "intact", lambda unit, y, sampled: sampled)
    assert _refined(ONE, MODEL, start) is None
    assert _refined(ONE, MODEL._replace(sampled=1.0), start) is not None


def test_of_all_states_the_usual_one_stands_first(monkeypatch):
    """The first at which the function rises; those that differ in signs are one."""
    zero = np.zeros(3)
    first = Latent(*[zero] * 7)
    monkeypatch.setattr(
        units_of, "mixed", lambda c, strong, weak: asked.append((strong, weak)) or (
            first, first, np.array([False, True, True])),
    )  # fmt: skip
    monkeypatch.setattr(units_of, "_starts", lambda unit, first, second: [3.0, 2.0, -3.0])
    monkeypatch.setattr(units_of, "_refined", lambda unit, model, y: np.array([y]))
    asked = []
    pair = Unit(2, (3.0, 1.5))
    assert [y[0] for y in found(pair, MODEL, None)] == [2, 3]
    assert [y[0] for y in found(Unit(2, (3.0,), 1), MODEL, None)] == [2, 3]
    assert asked == [(3.0, 1.5), (3.0, 0.0)]
    monkeypatch.setattr(
        units_of, "_refined", lambda unit, model, y: None if y == 2 else np.array([y])
    )
    assert [y[0] for y in found(pair, MODEL, None)] == [3]
    calls = []
    monkeypatch.setattr(units_of, "on_signal", lambda *given: calls.append(given[2:]) or first)
    monkeypatch.setattr(units_of, "on_noise", lambda *given: calls.append(given[1:]) or first)
    found(Unit(2, (3.0,)), MODEL, "finder")
    found(Unit(2, (), 1), MODEL, "finder")
    assert calls == [("finder", 2), ("finder", 2)]


def test_weights_may_have_what_makes_no_negative_eigenvalue():
    """Away from the signals, to 1e-6, or to 1e-8 of a unit; what is small is compared with 1e-3."""
    y = random_state(2, 1)
    parts = unpack(y, 2, 1)
    assert of_weights(parts)
    assert _least(parts, 1e-300) > 0
    assert not of_weights({**parts, "D": np.array([0.5, 0.0])})
    assert not of_weights({**parts, "R": np.full((2, 2), np.nan)})

    def one(over, Q=1.0):
        """Return Q = E and R of (1 + over) times as much: the least eigenvalue is -over."""
        return pack([[0.0]], [[0.0]], [[Q]], [[Q]], [[Q * (1 + over)]], [0.5])

    for over, there in ((0.99e-6, True), (1.005e-6, False)):
        assert of_weights(unpack(one(over), 1, 1)) == there
        assert of_weights(unpack(one(over), 1, 1), slack=1e-5)
    for over, there in ((0.99e-8, True), (1.005e-8, False)):
        y = one(over)
        y[0] = 0.0
        assert intact(NOISE, y[2:]) == there
    tiny = unpack(one(0.5, 1e-4), 1, 1)
    assert _least(tiny, 1e-3) == pytest.approx(-0.05)
    assert _least(tiny, 1e-300) == pytest.approx(-0.5)
    for Q, there in ((1.005e-8, True), (0.99e-8, False)):
        assert intact(NOISE, one(-0.5, Q)[2:]) == there
    assert not intact(NOISE, one(-0.5)[2:] * [1, 1, 1, -1])
    assert not intact(NOISE, one(np.nan)[2:])


def listing(states):
    params = vaedyn.Params(latent=2, signal=1, rho=3.0)
    return Made(
        params=params, states=states, max_eigenvalue=np.array([0.25, -0.5, 0.25]),
        marginal=np.array([False, False, True]), types=["a", "b", "c"], labels=["A", "B", "C"],
        stable=np.array([False, True, False]), relaxation_time=np.array([4.0, 2.0, np.inf]),
    )  # fmt: skip


def test_what_is_known_of_a_passage():
    made = listing(None)
    first, second, third = (_passage(made, i, 1.5, 0.25, (1.0, 3.0)) for i in range(3))
    assert vars(first) == {
        "index": 0, "type": "a", "label": "A", "stable": False, "time": 1.5, "distance": 0.25,
        "growth": 0.25, "escape_time": 4.0, "start": 1.0, "end": 3.0,
    }  # fmt: skip
    assert first.residence == 2
    assert (second.stable, second.growth, second.escape_time) == (True, -0.5, np.inf)
    assert third.escape_time == np.inf


def test_distances_from_all_points_or_some(monkeypatch):
    made = listing(np.arange(3.0)[:, None])
    monkeypatch.setattr(
        saddles, "distance", lambda params, point, y: np.abs(np.ravel(y) - point[0])
    )
    states = Made(states=np.array([[5.0], [7.0]]))
    steps = []
    found = distances(made, states, progress=lambda *at: steps.append(at))
    assert found.tolist() == [[5, 7], [4, 6], [3, 5]]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert distances(made, states, [2, 0]).tolist() == [[3, 5], [5, 7]]
    passed = [Made(index=2), Made(index=0), Made(index=2)]
    found = courses(made, states, passed)
    assert {i: x.tolist() for i, x in found.items()} == {0: [5, 7], 2: [3, 5]}
    assert _typical(made, 0) == 1.5
    assert _typical(made, 1) == 1
    made.states = made.states[:1]
    assert _typical(made, 0) == np.inf


def test_orders_and_signs_are_those_of_matrices():
    rng = np.random.default_rng(3)
    params = vaedyn.Params(latent=3, signal=2, rho=(3, 1))
    y = random_state(3, 2)
    parts = unpack(y, 3, 2)
    orders = np.array([rng.permutation(3) for _ in range(4)])
    signs = rng.choice([-1.0, 1.0], (4, 3))
    found = _transformed(params, y, orders, signs)
    for image, order, sign in zip(found, orders, signs, strict=True):
        turn = np.diag(sign) @ np.eye(3)[order]
        expected = pack(
            turn @ parts["m"], turn @ parts["d"], *(turn @ parts[x] @ turn.T for x in "QER"),
            parts["D"][order],
        )  # fmt: skip
        np.testing.assert_allclose(image, expected, rtol=1e-15)
    # signs that are found turn an image back
    back = np.argsort(orders, axis=1)
    for image, order, sign in zip(found, back, signs, strict=True):
        own = _signs(params, image, y, order[None])[0]
        turned = _transformed(params, image, order[None], own[None])[0]
        expected = sign[order] * own
        assert set(expected.tolist()) in ({1.0}, {-1.0})
        np.testing.assert_allclose(np.abs(turned), np.abs(y))


def test_features_without_signs():
    y = random_state(3, 2)
    parts = unpack(y, 3, 2)
    features = _signless(vaedyn.Params(latent=3, signal=2, rho=(2, 2)), y)
    assert features.shape == (3, 9)
    np.testing.assert_allclose(features[:, 0], np.linalg.norm(parts["m"], axis=1))
    np.testing.assert_allclose(features[:, 1], np.linalg.norm(parts["d"], axis=1))
    for n, name in enumerate("QER"):
        np.testing.assert_allclose(features[:, 2 + n], np.diag(parts[name]))
        off = parts[name] - np.diag(np.diag(parts[name]))
        np.testing.assert_allclose(features[:, 5 + n], np.sqrt((off**2).sum(axis=1)))
    np.testing.assert_allclose(features[:, 8], parts["D"])
    apart = _signless(vaedyn.Params(latent=3, signal=2, rho=(2, 1)), y)
    assert apart.shape == (3, 11)
    np.testing.assert_allclose(apart[:, [0, 1]], np.abs(parts["m"])[:, ::-1])


def test_an_approach_is_refined_between_neighbours(monkeypatch):
    """In 64 parts, from the state saved before; under Adam from the beginning."""
    asked = []

    def integrate(params, start, times, schedule, rtol, atol):
        asked.append((float(start[0]), times.tolist(), rtol, atol))
        return np.asarray(times)[:, None] - 2.3, None

    monkeypatch.setattr(saddles, "integrate", integrate)
    monkeypatch.setattr(saddles, "distance", lambda params, point, y: np.abs(y[:, 0]))
    t = np.array([0.0, 1, 2, 3, 5])
    for adam, first in ((False, 1), (True, 0)):
        course = Made(params=Made(adam=adam, schedule=None), t=t, states=10 * t[:, None])
        made = Made(params=None, states=[None])
        asked.clear()
        time, least = saddles._refined(made, 0, course, 2)
        assert time == pytest.approx(2.3, abs=1e-9)
        assert least == pytest.approx(0, abs=1e-7)
        ((start, times, rtol, atol),) = asked
        assert (start, rtol, atol) == (10 * first, 1e-10, 1e-12)
        np.testing.assert_allclose(times, [*t[first:1], *np.linspace(1, 3, 65)])
    course.params.adam = False
    asked.clear()
    time, least = saddles._refined(made, 0, course, 0)
    assert (time, least) == (1.0, pytest.approx(1.3))
    assert asked[0][1][-1] == 1.0
    time, least = saddles._refined(made, 0, course, 4)
    assert (time, least) == (3.0, pytest.approx(0.7))


# ---- the edge of a branch of cycles


def test_a_last_cycle_is_at_the_edge():
    tried = []

    class Line:
        def corrected(self, guess, across, slope):
            tried.append((guess.tolist(), across.tolist(), slope))
            return guess if there else None

        def cycle(self, point):
            return Cycle(float(point[-1]), None, 1.0, np.zeros((1, 1)), None, 0.0, None)

    begun = Followed([Line().cycle([0.5])], [])
    there = True
    for outside, u in (([3.0, 1.25], 1.0), ([3.0, -0.25], 0.0)):
        tried.clear()
        way = _to_the_edge(Line(), begun, np.array([1.0, 0.75]), np.array(outside), "slope")
        share = (u - 0.75) / (outside[1] - 0.75)
        assert tried == [([1 + 2 * share, u], [0, 1], "slope")]
        assert [each.x for each in way.cycles] == [0.5, u]
        assert way.events == [("edge", u, 1)]
    there = False
    way = _to_the_edge(Line(), begun, np.array([1.0, 0.75]), np.array([3.0, 1.25]), "slope")
    assert way.events == [("edge", 0.5, 0)]
    assert Counter(map(type, way.cycles)) == {Cycle: 1}
    assert count(2, 1) == 18
