"""Branches of limit cycles from cycles that are made up: events, ends, and what is joined.

The flow is not integrated: circles, lines and multipliers stand for what shooting would find.
"""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import follow_cycle, limit_cycle, limit_cycles, shooting
from vaedyn.fixedpoints.follow_cycle import (
    BRANCH,
    DOUBLING,
    EDGE,
    FOLD,
    HOPF,
    LOST,
    TORUS,
    Followed,
    _events,
    _tangent,
    _where,
)
from vaedyn.fixedpoints.followed import Branches
from vaedyn.fixedpoints.limit_cycles import _ends_at, _joined, _passes
from vaedyn.fixedpoints.shooting import Cycle, Shooting, _commutator, _parts

MODEL = vaedyn.Params(lr=0.25, rho=1.5, eta=0.8)


def cycle(x=1.0, period=2.0, multipliers=(0.5, np.nan), states=((0.0,), (1.0,))):
    multipliers, states = np.array(multipliers, complex), np.array(states, float)
    return Cycle(x, states[0], period, states, multipliers, 1e-9, np.eye(1))


def test_multipliers_outside_the_circle_are_counted_and_the_widest_range_is_halved():
    found = cycle(multipliers=(-2, 1.1j, -1.1j, 1 + 1e-7, 0.5, np.nan),
                  states=[[0, 5], [3, 4], [1, 5.5]])  # fmt: skip
    assert found.outside == 3
    assert found.amplitude == 1.5
    assert Followed([cycle(), found], []).widest is found


def test_how_a_branch_ends_is_noted_at_its_last_cycle():
    way = Followed([cycle(1.0), cycle(1.5)], [(HOPF, 0.9, 0)])
    assert way.ended(EDGE).events == [(HOPF, 0.9, 0), (EDGE, 1.5, 1)]
    assert way.ended(HOPF, 1.25).events[-1] == (HOPF, 1.25, 1)


def test_halves_of_a_branch_are_put_together(monkeypatch):
    """Down from the start with number 0: what lies between two points counts at the lower one."""
    down = [(FOLD, 0.9, 0), (TORUS, 0.6, 1), (LOST, 0.5, 2)]
    halves = iter(
        [
            Followed([cycle(x) for x in (1.0, 0.75, 0.5)], down),
            Followed([cycle(x) for x in (1.0, 1.25)], [(BRANCH, 1.1, 0), (EDGE, 1.25, 1)]),
        ]
    )
    ways = []

    def walk(shooting, way, point, direction, progress):
        ways.append(direction.tolist())
        return next(halves)

    monkeypatch.setattr(follow_cycle, "_walk", walk)
    path = Shooting(lambda x: Made(latent=1, signal=1), 0.0, 2.0)
    start = cycle(1.0, states=np.ones((2, 6)))
    found = follow_cycle.follow(path, start)
    assert [each.x for each in found.cycles] == [0.5, 0.75, 1.0, 1.25]
    assert found.events == [
        (LOST, 0.5, 0), (TORUS, 0.6, 0), (FOLD, 0.9, 1), (BRANCH, 1.1, 2), (EDGE, 1.25, 3),
    ]  # fmt: skip
    np.testing.assert_array_equal(ways, [[0] * 7 + [-1], [0] * 7 + [1]])


def test_a_tangent_is_turned_along_the_one_before():
    slope = np.array([[1.0, -1.0]])
    np.testing.assert_allclose(_tangent(slope, np.array([1.0, 0.2])), [0.5**0.5] * 2)
    np.testing.assert_allclose(_tangent(slope, np.array([-1.0, 0.2])), [-(0.5**0.5)] * 2)


class Line:
    """Shooting on a straight line: u is the arc length, and multipliers are functions of it."""

    def __init__(self, multipliers):
        self.multipliers = multipliers

    def corrected(self, guess, across, slope):
        return guess

    def x(self, point):
        return 10 + float(point[-1])

    def cycle(self, point):
        return cycle(self.x(point), multipliers=self.multipliers(point[-1]))


def happened(multipliers, tangent=(0.0, 1.0), ahead=(0.0, 1.0)):
    line = Line(multipliers)
    way = Followed([cycle(), line.cycle(np.array([0.0, 0.0]))], [])
    here = np.zeros(2), np.array(tangent), None, 1.0
    return _events(line, way, here, line.cycle(np.array([0.0, 1.0])), np.array(ahead))


@pytest.mark.parametrize(
    ("multipliers", "kind"),
    [
        (lambda s: (0.75 + s, 0.5), BRANCH),
        (lambda s: (-0.75 - s, 0.5), DOUBLING),
        (lambda s: (-1.75 + s, 0.5), DOUBLING),
        (lambda s: ((0.75 + s) * np.exp(1j), (0.75 + s) * np.exp(-1j)), TORUS),
        (lambda s: (3.0, 0.75 + s), BRANCH),
    ],
)
def test_multipliers_that_cross_the_circle_have_names(multipliers, kind):
    ((name, at, number),) = happened(multipliers)
    there = 10.75 if abs(multipliers(0)[0]) == 1.75 else 10.25
    assert (name, number) == (kind, 1)
    assert at == pytest.approx(there, abs=1e-6)


def test_nothing_happens_where_no_multiplier_crosses():
    assert happened(lambda s: (3.0 + s, 0.5)) == []
    ways = [(name, number) for name, _, number in happened(lambda s: (0.75 + s, -0.6 - s))]
    assert ways == [(BRANCH, 1), (DOUBLING, 1)]


def test_a_fold_is_where_the_tangent_turns_and_its_multiplier_is_no_branch_point():
    class Turning(Line):
        def slope(self, point):
            return np.array([[0.375 - point[-1], -1.0]])  # its tangent is (1, 0.375 - u)

    line = Turning(lambda s: (0.6 + s, 0.5))
    way = Followed([line.cycle(np.zeros(2))], [])
    here = np.zeros(2), np.array([0.0, 1.0]), None, 1.0
    found = _events(line, way, here, line.cycle(np.array([0.0, 1.0])), np.array([0.0, -1.0]))
    ((kind, at, number),) = found
    assert (kind, number) == (FOLD, 0)
    assert 10 <= at <= 11


def test_a_zero_within_a_step_is_found_where_it_is():
    line = Line(lambda s: (0.5,))
    after = cycle(99.0)

    def along(function, step=0.5):
        return _where(line, lambda s: np.array([0.0, s]), function, step, np.zeros(2), after)

    assert along(lambda s: s - 0.3) == pytest.approx(10.3, abs=1e-6)
    assert along(lambda s: 0.3 - s) == pytest.approx(10.3, abs=1e-6)
    assert along(lambda s: np.expm1(20 * (s - 0.45))) == pytest.approx(10.45, abs=1e-4)
    assert along(lambda s: s + 1) == 99.0  # none
    assert along(lambda s: np.nan) == 99.0
    assert _where(line, lambda s: None, lambda s: s - 0.3, 0.5, np.zeros(2), after) == 99.0


def hopf(x, frequency):
    return limit_cycles.Hopf(x, np.zeros(1), np.zeros(1), frequency)


def test_a_branch_ends_at_a_hopf_point_of_its_frequency():
    found = Followed([cycle(1.0, 4.0), cycle(3.0, 5.0)], [(HOPF, 1.0, 0), (EDGE, 3.0, 1)])
    for x, frequency, there in (
        (1.0, np.pi / 2, True), (1.019, np.pi / 2, True), (1.021, np.pi / 2, False),
        (0.981, np.pi / 2, True), (1.0, 1.09 * np.pi / 2, True), (1.0, 0.91 * np.pi / 2, True),
        (1.0, 1.11 * np.pi / 2, False), (1.0, 0.89 * np.pi / 2, False),
        (3.0, 2 * np.pi / 5, False),
    ):  # fmt: skip
        assert _ends_at(found, hopf(x, frequency)) == there, (x, frequency)


def test_a_branch_passes_a_cycle_of_its_period():
    found = Followed([cycle(1.0, 4.0), cycle(3.0, 4.0), cycle(2.0, 5.0)], [])
    assert _passes(found, 1.5, 4.0)
    assert _passes(found, 1.0, 4.03)
    assert not _passes(found, 1.5, 4.05)
    assert not _passes(found, 0.99, 4.0)
    assert not _passes(found, 3.01, 4.0)
    # between the others the period is 4.5, known to half of how far it changes
    assert _passes(found, 2.5, 4.5)
    assert _passes(found, 2.5, 5.1)
    assert not _passes(found, 2.5, 5.3)
    assert not _passes(Followed([cycle(1.0, 4.0), cycle(1.0, 4.0)], []), 1.0, 4.0)


def test_branches_are_joined_one_after_the_other():
    states = np.tile([0.5, 0.25, 1.0, 0.75, 0.125, 0.5], (shooting.SAMPLES, 1))
    states[1::2, 2] = 2.0  # Q
    modes = (0.5 + 0.25j, 0.5 - 0.25j, 0.1, -0.1, 0.01, np.nan)
    one, two, three = (
        cycle(x, period, modes, states)._replace(trivial=trivial)
        for x, period, trivial in ((0.5, 3.0, 1e-8), (0.75, 4.0, 2e-8), (0.25, 5.0, 3e-8))
    )
    three = three._replace(multipliers=3 * three.multipliers)
    first = Followed([one, two], [(HOPF, 0.45, 0), (EDGE, 0.75, 1)])
    found = _joined(MODEL, "lr", [first, Followed([three], [(LOST, 0.25, 0)])])
    assert found.varied.tolist() == [0.5, 0.75, 0.25]
    assert found.period.tolist() == [3, 4, 5]
    assert found.branch.tolist() == [0, 0, 1]
    assert found.trivial.tolist() == [1e-8, 2e-8, 3e-8]
    assert found.amplitude.tolist() == [0.5] * 3
    assert found.stable.tolist() == [True, True, False]
    assert found.multipliers_re[2, :2].tolist() == [1.5, 1.5]
    assert found.multipliers_im[0, :2].tolist() == [0.25, -0.25]
    assert found.Q[:, 0, 0].tolist() == [1.0] * 3
    assert found.name == "lr"
    assert found.repeats == [4, 4]  # a cycle whose state is the same after a quarter of it
    assert found.events == [
        {"branch": 0, "kind": HOPF, "at": 0.45, "point": 0},
        {"branch": 0, "kind": EDGE, "at": 0.75, "point": 1},
        {"branch": 1, "kind": LOST, "at": 0.25, "point": 2},
    ]
    error = 1.5 - 2 * np.sqrt(1.5) * 0.5 + np.array([1.0, 2.0])  # of both states
    np.testing.assert_allclose(found.eps_g_min, error[0])
    np.testing.assert_allclose(found.eps_g_max, error[1])
    np.testing.assert_allclose(found.eps_g_mean, error.mean())
    np.testing.assert_allclose(found.kl_mean, found.kl)
    none = _joined(MODEL, "lr", [])
    assert none.varied.shape == none.eps_g_mean.shape == (0,)
    assert none.m.shape == (0, 1, 1)
    assert none.multipliers_re.shape == (0, 6)


def test_parts_of_a_period_are_six_in_a_time_of_training():
    model = Made(lr=0.5)
    assert _parts(model, 100.0) == 300
    assert _parts(model, 1.0) == 64
    assert _parts(model, 1e5) == 4096
    a, b = np.array([[0.0, 1.0], [0, 0]]), np.array([[0.0, 0.0], [1, 0]])
    np.testing.assert_array_equal(_commutator(a, b), [[1, 0], [0, -1]])


def test_unknowns_of_shooting_are_a_state_a_logarithm_and_a_share():
    made = Shooting(lambda x: Made(latent=1, signal=1, x=x), 2.0, 6.0)
    point = made.point(np.arange(1.0, 7), np.e**2, 3.0)
    np.testing.assert_allclose(point, [1, 2, 3, 4, 5, 6, 2, 0.25])
    assert made.x(point) == 3
    model, start, period = made.split(point)
    assert model.x == 3
    np.testing.assert_array_equal(start, np.arange(1, 7))
    assert period == pytest.approx(np.e**2)


def test_a_circle_comes_back_after_its_period(monkeypatch):
    """A circle of period 7, where the unit of time 1/tau is 4: the first window is 50 of them."""
    turns = []

    def course(model, y, times, rtol):
        turns.append(times[-1] * model.lr)
        angle = 2 * np.pi * times / 7
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    model, start = Made(lr=0.25), np.array([1.0, 0.0])
    monkeypatch.setattr(limit_cycle, "course", course)
    monkeypatch.setattr(limit_cycle, "velocity", lambda model, y: np.array([0.0, 1.0]))
    assert limit_cycle._returns(model, start) == pytest.approx(7, rel=1e-4)
    assert turns == pytest.approx([50])


def test_a_course_that_spirals_in_never_comes_back(monkeypatch):
    """It is back only within a tenth of how far it goes: all windows are tried, up to 800."""
    turns = []

    def course(model, y, times, rtol):
        turns.append(times[-1] * model.lr)
        angle = 2 * np.pi * times / 7
        far = np.exp(-times[:, None] / 7)
        return far * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def back(share):
        monkeypatch.setattr(
            limit_cycle, "course",
            lambda model, y, times, rtol: np.stack(
                [np.cos(2 * np.pi * times / 7) * (1 + share * (times > 4)),
                 np.sin(2 * np.pi * times / 7)], axis=1),
        )  # fmt: skip
        return limit_cycle._returns(Made(lr=0.25), np.array([1.0, 0.0]))

    monkeypatch.setattr(limit_cycle, "velocity", lambda model, y: np.array([0.0, 1.0]))
    monkeypatch.setattr(limit_cycle, "course", course)
    assert limit_cycle._returns(Made(lr=0.25), np.array([1.0, 0.0])) is None
    assert turns == pytest.approx([50, 200, 800])
    assert back(0.15) == pytest.approx(7, rel=1e-3)
    assert back(0.35) is None


def event(at, kind, branch, meets, bifurcation="pitchfork", **others):
    made = {"at": at, "kind": kind, "branch": branch, "meets": meets, "bifurcation": bifurcation}
    rest = {"side": None, "coefficient": None, "frequency": None, "multiplicity": 1}
    return made | rest | others


def listed(events, varied=(0.0, 1.0, 2.0), **others):
    made = Made(events=events, varied=np.array(varied), **others)
    return Branches.bifurcations.fget(made)


def test_bifurcations_that_branches_share_are_listed_once():
    events = [
        event(1.5, "end", 1, [0], coefficient=-0.5), event(0.5, "fold", 2, [3], "fold"),
        event(1.5 + 1e-6, "stability", 0, [1], coefficient=-0.25),
        event(1.5, "end", 4, [5]),  # of other branches
        event(1.5, "end", 2, [0], "hopf"), event(1.5 + 3e-6, "end", 1, [6]),
        event(0.25, "escape", 0, [], None),
    ]  # fmt: skip
    found = [(each["at"], each["bifurcation"], each["branches"]) for each in listed(events)]
    assert found == [
        (0.5, "fold", [2, 3]), (1.5, "pitchfork", [4, 5]), (1.5, "hopf", [0, 2]),
        (1.5 + 1e-6, "pitchfork", [0, 1]), (1.5 + 3e-6, "pitchfork", [1, 6]),
    ]  # fmt: skip
    assert listed(events)[3]["coefficient"] == -0.25  # of the change of stability
    assert set(listed(events)[0]) == {
        "at", "bifurcation", "branches", "side", "coefficient", "frequency", "multiplicity",
    }  # fmt: skip


def test_growth_rates_close_to_zero_are_not_stable():
    """To 1e-8 of the learning rate, which momentum makes larger."""
    growth = np.array([-1.9e-8, -2.1e-8, -3.9e-8, -4.1e-8])
    params = vaedyn.Params(lr=1.0, momentum=0.5)
    made = Made(params=params, name="beta", varied=np.ones(4), growth=growth)
    assert Branches.stable.fget(made).tolist() == [False, True, True, True]
    made.name, made.varied = "lr", np.full(4, 2.0)
    assert Branches.stable.fget(made).tolist() == [False, False, False, True]


class Straight:
    """Shooting along u, of cycles whose properties are functions of u."""

    gather = np.eye(1)

    def __init__(self, u=0.0, stops=9.0, **properties):
        self.properties, self.stops, self.u, self.tried = properties, stops, u, []

    def corrected(self, guess, across, slope):
        self.tried.append(float(guess[-1]))
        return None if guess[-1] > self.stops else guess

    def slope(self, point, matrix=None):
        return np.array([[1.0, 0.0]])

    def x(self, point):
        return float(point[-1])

    def path(self, x):
        return x

    def cycle(self, point):
        u = float(point[-1])
        found = {name: f(u) for name, f in self.properties.items()}
        size = found.pop("amplitude", 1.0)
        return cycle(u, found.pop("period", 2.0), found.pop("multipliers", (0.5,)),
                     [[-size], [size + found.pop("shift", 0.0)]])  # fmt: skip

    def walked(self, direction=1.0, progress=None):
        start = np.array([0.0, self.u])
        way = Followed([self.cycle(start)], [])
        return follow_cycle._walk(self, way, start, np.array([0.0, direction]), progress)


def test_steps_along_a_branch_grow_to_its_edge():
    done = []
    line = Straight()
    found = line.walked(progress=lambda n, total: done.append((n, total)))
    steps = np.minimum(0.02 * 1.5 ** np.arange(11), 0.15)
    expected = np.cumsum(steps)
    expected = expected[expected < 1]
    np.testing.assert_allclose([each.x for each in found.cycles], [0, *expected, 1])
    assert found.events == [(EDGE, 1.0, len(expected) + 1)]
    assert done == [(n + 2, 80) for n in range(len(expected))]
    down = Straight(0.045).walked(-1.0)
    np.testing.assert_allclose([each.x for each in down.cycles], [0.045, 0.025, 0])


def test_steps_along_a_branch_are_half_of_an_amplitude_at_most():
    found = Straight(amplitude=lambda u: 0.01).walked()
    np.testing.assert_allclose(np.diff([each.x for each in found.cycles]), 0.005)
    assert len(found.cycles) == follow_cycle.MOST == 80
    assert found.events == [(LOST, pytest.approx(79 * 0.005), 79)]


def test_a_branch_is_lost_where_no_further_cycle_is_found():
    line = Straight(stops=0.5)
    found = line.walked()
    assert [kind for kind, _, _ in found.events] == [LOST]
    assert found.cycles[-1].x == pytest.approx(0.5, abs=2e-6)
    assert min(line.tried[-1] - found.cycles[-1].x, 1) < 2e-6
    # cycles that suddenly shrink are others
    other = Straight(amplitude=lambda u: 1.0 if u < 0.5 else 0.19).walked()
    assert other.events[0][0] == LOST
    assert other.cycles[-1].x == pytest.approx(0.5, abs=2e-6)
    assert Straight(amplitude=lambda u: 1.0 if u < 0.5 else 0.21).walked().events[0][0] == EDGE


@pytest.mark.parametrize(
    ("properties", "kind"),
    [
        ({"multipliers": lambda u: (1.01e6 if u > 0.4 else 9.9e5, np.nan)}, LOST),
        ({"shift": lambda u: 1000.0 if u > 0.4 else 998.0}, "divergence"),
        ({"period": lambda u: 3.01 if u > 0.4 else 2.99 if u else 2.0}, "homoclinic"),
    ],
)
def test_what_ends_a_branch(monkeypatch, properties, kind):
    monkeypatch.setattr(follow_cycle, "_by_a_saddle", lambda shooting, cycle: True)
    found = Straight(**properties).walked()
    assert found.events[-1][0] == kind
    last, before = found.cycles[-1].x, found.cycles[-2].x
    assert before < 0.4 < last < 0.6
    assert found.events[-1][1:] == (last, len(found.cycles) - 1)
    if kind == "homoclinic":
        monkeypatch.setattr(follow_cycle, "_by_a_saddle", lambda shooting, cycle: False)
        assert Straight(**properties).walked().events[-1][0] == EDGE


def test_a_branch_ends_at_a_hopf_point_where_its_cycles_shrink(monkeypatch):
    """Below a thirty-third of the widest, and only where they do shrink."""
    monkeypatch.setattr(follow_cycle, "_hopf", lambda shooting, before, last: 0.75)
    found = Straight(amplitude=lambda u: max(2 * (0.7 - u), 0.01) ** 2 if u else 2.0).walked()
    assert found.events == [(HOPF, 0.75, len(found.cycles) - 1)]
    size = [each.amplitude for each in found.cycles]
    assert size[-1] < 0.03 * size[0] <= size[-2]
    grows = Straight(amplitude=lambda u: 0.01 + u).walked()
    assert grows.events[-1][0] == EDGE


def test_cycles_begin_beside_a_hopf_point_along_its_direction():
    """Of a hundredth of what is largest, or three or ten times less where that leads nowhere."""
    tried = []

    class Born(Straight):
        def point(self, start, period, x):
            return np.array([*start[:1], np.log(period), x])

        def corrected(self, guess, across, slope):
            tried.append(guess.tolist())
            np.testing.assert_array_equal(across, [-1, 0, 0])
            return

    found = follow_cycle.from_hopf(
        Born(), 0.5, np.array([-4.0]), np.array([-0.5]), frequency=np.pi / 3
    )
    assert found == "the first cycle is not found"
    np.testing.assert_allclose(
        tried, [[-4 - 0.04 * s, np.log(6), 0.5] for s in (1, 0.3, 0.1)], rtol=1e-12
    )


def test_where_cycles_shrink_to_a_fixed_point(monkeypatch):
    """Squares of amplitudes are linear: 9 at 1, 1 at 1.6, 0 at 1.675; close by growth vanishes."""
    monkeypatch.setattr(follow_cycle, "newton", lambda model, y: y)
    monkeypatch.setattr(follow_cycle, "residual", lambda model, y: 0.0)
    monkeypatch.setattr(
        follow_cycle, "eigenvalues",
        lambda model, y: 0.5 * np.array([np.nan, 30.0, model.x - zero + 1j, model.x - zero - 1j]),
    )  # fmt: skip
    line = Made(path=lambda x: Made(lr=0.5, x=x))
    before = cycle(1.0, 4 * np.pi, states=[[-3], [3]])
    last = cycle(1.6, 4 * np.pi, states=[[-1], [1]])
    for zero in (1.65, 1.72, 1.88, 2.42):
        assert follow_cycle._hopf(line, before, last) == pytest.approx(zero, abs=1e-9)
    zero = 2.43  # further than ten times as far from the last cycle as expected
    assert follow_cycle._hopf(line, before, last) == pytest.approx(1.675)
    zero = 1.65
    monkeypatch.setattr(follow_cycle, "residual", lambda model, y: 1e-8)
    assert follow_cycle._hopf(line, before, last) == pytest.approx(1.675)


def test_a_cycle_is_by_a_saddle_where_it_is_slowest(monkeypatch):
    """Within 0.03 of its amplitude, which is 2."""
    made = cycle(1.0, states=[[0.0], [3.0], [4.0]])
    speeds = {0.0: 2.5, 3.0: 0.5, 4.0: 1.5}  # elsewhere it is at rest
    monkeypatch.setattr(follow_cycle, "residual", lambda model, y: speeds.get(y[0], 0.0))
    line = Made(path=lambda x: None)
    for away, there in ((0.059, True), (0.061, False)):
        monkeypatch.setattr(follow_cycle, "newton", lambda model, y, away=away: y - away)
        assert follow_cycle._by_a_saddle(line, made) == there
    monkeypatch.setattr(follow_cycle, "newton", lambda model, y: y - 0.059)
    speeds |= {2.941: 1e-8}  # where Newton's method has not come to rest
    monkeypatch.setattr(
        follow_cycle, "residual", lambda model, y: speeds.get(round(float(y[0]), 9), 0.0)
    )
    assert not follow_cycle._by_a_saddle(line, made)
