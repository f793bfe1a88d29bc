"""What a branch joins, and where: symmetries by hand, and equations that are given."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import branches as following
from vaedyn.fixedpoints import simpler as module
from vaedyn.fixedpoints.arclength import Piece
from vaedyn.fixedpoints.branches import Continuation, in_range
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.newton import residual
from vaedyn.fixedpoints.simpler import (
    _joined,
    _newton_within,
    _symmetric,
    _symmetries,
    joins_at,
    living,
    simpler,
)
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack, unpack

MODEL = Constants(0.8, np.array([3.0, 1.5]), 0.7, 0.1, 0.4, 2)
TWO = Unit(2, (3.0, 1.5))


def state(m, Q, D=(0.5, 0.5)):
    m, Q = np.array(m, float), np.array(Q, float)
    return pack(m, 0.5 * m, Q, 0.5 * Q, 0.25 * Q, np.array(D, float))


Y = state([[1, 2], [3, 4]], [[5, 6], [7, 8]], (0.25, 0.5))


def turned(lost, noise, y=Y, M=2, K=2):
    return unpack(_symmetric(M, K, lost, noise, y), M, K)


def test_symmetries_take_something_from_a_state():
    same = turned((), "any")
    for name, part in unpack(Y, 2, 2).items():
        np.testing.assert_array_equal(same[name], part)
    one = turned((1,), "any")
    np.testing.assert_array_equal(one["m"], [[1, 0], [3, 0]])
    np.testing.assert_array_equal(one["d"], [[0.5, 0], [1.5, 0]])
    np.testing.assert_array_equal(one["Q"], [[5, 6], [7, 8]])
    none = turned((0, 1), "none")
    assert not any(none[name].any() for name in "mdQER")
    np.testing.assert_array_equal(none["D"], [1, 1])
    apart = turned((0, 1), "apart")
    for name, share in (("Q", 1), ("E", 0.5), ("R", 0.25)):
        np.testing.assert_array_equal(apart[name], share * np.diag([5, 8]))
    np.testing.assert_array_equal(apart["D"], [0.25, 0.5])
    equal = turned((0, 1), 1.0)
    np.testing.assert_array_equal(equal["Q"], np.full((2, 2), 6.5))
    np.testing.assert_array_equal(equal["D"], [0.375, 0.375])
    opposite = turned((0,), -1.0)
    np.testing.assert_array_equal(opposite["R"], [[0, 0], [0, 0]])  # 5 + 8 - 6 - 7
    np.testing.assert_array_equal(opposite["m"], [[0, 2], [0, 4]])


def test_symmetries_by_how_much_they_ask_for():
    """All signals lost come first; nothing is kept that is no symmetry at all."""

    def listed(unit):
        return [each.args[2:] for each in _symmetries(unit)]

    assert listed(Unit(1, (3.0,))) == [((0,), "none"), ((0,), "any")]
    assert listed(Unit(1, (), 1)) == [((), "none")]
    assert listed(Unit(2, (3.0,))) == [
        ((0,), "none"), ((0,), 1.0), ((0,), -1.0), ((0,), "apart"), ((0,), "any"),
        ((), 1.0), ((), -1.0), ((), "apart"),
    ]  # fmt: skip
    every = [1.0, -1.0, "apart"]
    assert listed(TWO) == [
        ((0, 1), "none"), *(((0, 1), noise) for noise in (*every, "any")),
        *(((0,), noise) for noise in (*every, "any")),
        *(((1,), noise) for noise in (*every, "any")),
        *(((), noise) for noise in every),
    ]  # fmt: skip
    assert [each.args[:2] for each in _symmetries(TWO)] == [(2, 2)] * 16


def test_newtons_method_stays_among_states_of_a_symmetry():
    """Two latents on one signal, equal but for a sign: a fixed point of the plain drift."""
    model = MODEL._replace(rho=np.array([3.0]), lam=0.0)
    each = next(each for each in _symmetries(Unit(2, (3.0,))) if each.args[2:] == ((), 1.0))
    q = 0.6
    start = pack([[0.7], [0.7]], [[0.3], [0.3]], np.full((2, 2), q), np.full((2, 2), 0.1),
                 np.full((2, 2), 0.2), [0.5, 0.5])  # fmt: skip
    found = _newton_within(model, each, start + 0.01 * np.arange(len(start)))
    assert residual(model, found) < 1e-12
    parts = unpack(found, 2, 1)
    np.testing.assert_allclose(parts["Q"], np.full((2, 2), parts["Q"][0, 0]), rtol=1e-14)
    assert parts["Q"][0, 0] > 0.1
    nan = _newton_within(model, each, np.full(len(start), np.nan))
    assert np.isnan(nan).any()


def tried(monkeypatch, offs=(0.0,), left=0.0, zeros=1, size=0.5, D=0.5):
    """Return how many of the symmetries are refused before the one that is joined."""
    tip = np.array([size, 0.0, 0.0, 0.5])
    names = [lambda y, n=n: n for n in range(len(offs))]
    monkeypatch.setattr(module, "_symmetries", lambda unit: names)

    def within(model, symmetric, start):
        return np.array([start[0] + offs[symmetric(start)], 0.0, 0.0, D])

    monkeypatch.setattr(module, "_newton_within", within)
    monkeypatch.setattr(module, "residual", lambda model, y: left)
    asked = []
    monkeypatch.setattr(
        module, "Forms", lambda model, y: Made(zeros=lambda c: asked.append(c) or zeros)
    )
    chosen, y = _joined(Unit(1, (), 1), None, tip)
    assert set(asked) <= {1e-5}
    assert (simpler(Unit(1, (), 1), None, tip) is None) == (y is None)
    if y is None:
        assert chosen is np.copy
        return None
    return chosen(tip)


def test_what_is_joined_is_near_at_rest_and_critical(monkeypatch):
    assert tried(monkeypatch) == 0
    assert tried(monkeypatch, (0.0501, 0.0499)) == 1
    assert tried(monkeypatch, (0.201, 0.199), size=4.0) == 1
    assert tried(monkeypatch, (np.nan, 0.0)) == 1
    assert tried(monkeypatch, (0.0, 0.01)) == 0
    assert tried(monkeypatch, D=0.0) is None
    assert tried(monkeypatch, left=0.99e-12) == 0
    assert tried(monkeypatch, left=1e-12) is None
    assert tried(monkeypatch, left=3.99e-12, size=4.0) == 0
    assert tried(monkeypatch, left=4e-12, size=4.0) is None
    assert tried(monkeypatch, zeros=0) is None


def joins(monkeypatch, rates, x=2.0, many=1, found=True):
    """Return where a branch joins that whose eigenvalues are given, over their scale."""
    y = np.zeros(4)
    monkeypatch.setattr(
        module, "_joined", lambda unit, model, tip, critical: (np.copy, y if found else None)
    )
    monkeypatch.setattr(module, "_newton_within", lambda model, symmetric, start: start)

    class Formed:
        scale = 4.0

        def __init__(self, model, y):
            self.values = 4.0 * np.array([9.0, *rates(model)], complex)

        def zeros(self, critical):
            assert critical == 2e-4
            return many

    monkeypatch.setattr(module, "Forms", Formed)
    return joins_at(Unit(1, (), 1), lambda value: value, x, y)


def test_a_branch_joins_where_all_that_is_about_zero_vanishes(monkeypatch):
    """Within a thousandth; where it is exact already it stays where it is."""
    at = 2.00199
    assert joins(monkeypatch, lambda x: [0.3 * (x - at)]) == pytest.approx(at, rel=1e-13)
    assert joins(monkeypatch, lambda x: [0.3 * (x - 2.00201)]) is None
    assert joins(monkeypatch, lambda x: [0.3 * (x - at) ** 1, 0.2 * (x - at)], many=2) == (
        pytest.approx(at)
    )
    assert joins(monkeypatch, lambda x: [0.3 * (x - at), 0.2 * (x - 2.0)], many=2) is None
    assert joins(monkeypatch, lambda x: [0.3 * (x - at)], found=False) is None
    assert joins(monkeypatch, lambda x: [0.3 * (x - 2.0 - 1.99e-10)]) == 2.0
    assert joins(monkeypatch, lambda x: [0.3 * (x - 2.0 - 2.01e-10)]) != 2.0
    for off, there in ((0.99e-10, True), (1.005e-10, False)):  # what is left of two rates
        apart = lambda x, off=off: [x - at - off, x - at + off]  # noqa: E731
        assert (joins(monkeypatch, apart, many=2) is not None) == there


def test_what_lives_on():
    one = living(TWO, state([[0, 1], [0, 1]], [[1, 1], [1, 1]]))
    assert one[0] == Unit(2, (1.5,), 0)
    parts = unpack(one[1], 2, 1)
    np.testing.assert_array_equal(parts["m"], [[1], [1]])
    np.testing.assert_array_equal(parts["d"], [[0.5], [0.5]])
    noisy = living(TWO, state([[0, 1], [0, 1]], [[1, 0.5], [0.5, 1]]))
    assert noisy[0] == Unit(2, (1.5,), 1)
    on_noise = living(TWO, state([[0, 0], [0, 0]], [[1, 1], [1, 1]]))
    assert on_noise[0] == Unit(2, (), 1)
    for shared, unit in ((1.005e-9, Unit(2, (), 1)), (0.99e-9, Unit(1, (), 1))):
        found = living(TWO, state([[0, 0], [0, 0]], [[1, shared], [shared, 1]]))
        assert found[0] == unit
    np.testing.assert_array_equal(found[1], [1, 0.5, 0.25, 0.5])
    for shared, noise in ((1 - 1.005e-9, 1), (1 - 0.99e-9, 0)):
        y = state([[0, 1], [0, 1]], [[1, shared], [shared, 1]])
        assert living(TWO, y)[0] == Unit(2, (1.5,), noise)
    assert living(TWO, state([[0, 1], [0, 1]], [[1, 0], [0, 1]])) is None  # two on a signal, apart
    for size, there in ((1.005e-8, True), (0.99e-8, False)):
        y = state([[0, 0], [0, 0]], [[size, 0], [0, size]])
        assert (living(TWO, y) is not None) == there
    alone = Unit(1, (3.0,))
    assert living(alone, pack([[0.0]], [[0.0]], [[1.0]], [[0.5]], [[0.25]], [0.5]))[0] == Unit(
        1, (), 1
    )
    assert living(alone, pack([[0.1]], [[0.0]], [[1.0]], [[0.5]], [[0.25]], [0.5])) is None


# ---- branches from pieces that are made up


def made(pieces, low=0.0, high=4.0, steps=4, growth=None, **others):
    """Return a continuation whose states are numbers, and which grows as is given."""
    found = Continuation.__new__(Continuation)
    found.low, found.high, found.steps, found.pieces = low, high, steps, pieces
    found.path = lambda x: Made(lr=0.5, rho=np.array([3.0]), x=x)
    found.base = Made(rho=np.array([3.0]), sampled=0.0)
    found.at = lambda unit, x: unit
    there = Made(model=Made(lr=0.5))

    def units(chosen, x):
        there.growth = lambda placed: 0.5 * growth(x)
        there.x = x
        return there

    found.units = units
    vars(found).update(others)
    return found


ONE = Unit(1, (3.0,))


def piece(x, first="edge", last="edge", states=None):
    x = np.array(x, float)
    return Piece(x, x[:, None] if states is None else np.array(states, float), first, last)


@pytest.fixture
def branch(monkeypatch):
    """Yield a function that returns the branch on pieces over 0 to 4, in 4 steps."""
    monkeypatch.setattr(following, "state", lambda units, placed: np.array([10 * units.x]))

    def call(*pieces, growth=lambda x: -1.0, **others):
        units = [Unit(1, (float(n + 3),)) for n in range(len(pieces))]
        made_up = made({unit: [each] for unit, each in zip(units, pieces, strict=True)},
                       growth=growth, **others)  # fmt: skip
        return made_up.branch(tuple(units), dict.fromkeys(units, 0))

    return call


def test_a_branch_is_where_all_of_its_pieces_are(branch):
    found = branch(piece([0, 2, 4]))
    assert found.x.tolist() == [0, 1, 2, 3, 4]
    assert found.states.tolist() == [[0], [10], [20], [30], [40]]
    assert found.growth.tolist() == [-0.5] * 5
    assert found.events == []
    part = branch(piece([0, 2, 3.5], "edge", "fold"), piece([0.5, 2, 4], "end", "edge"))
    assert part.x.tolist() == [0.5, 1, 2, 3, 3.5]
    assert part.events == [("end", 0.5), ("fold", 3.5)]
    assert branch(piece([0, 2]), piece([2, 4])) is None
    assert branch(piece([0, 2.5]), piece([2, 4])).x.tolist() == [2, 2.5]
    none = made({}, growth=lambda x: -1.0).branch((Unit(1),), {})
    assert none.x.tolist() == [0, 1, 2, 3, 4]


def test_points_of_a_branch_lie_closer_where_it_ends(branch):
    """All of its piece that are within 2 % of the range, 0.08."""
    found = branch(piece([0.5, 0.51, 0.579, 0.581, 2, 3.421, 3.425, 3.5], "fold", "end"))
    assert found.x.tolist() == [0.5, 0.51, 0.579, 1, 2, 3, 3.421, 3.425, 3.5]
    assert branch(piece([0, 0.01, 2, 4])).x.tolist() == [0, 1, 2, 3, 4]


def test_stability_changes_where_growth_does(branch):
    found = branch(piece([0, 2, 4]), growth=lambda x: (x - 0.7) * (x - 2.3))
    assert found.events == [
        ("stability", pytest.approx(0.7, abs=1e-12)), ("stability", pytest.approx(2.3, abs=1e-12)),
    ]  # fmt: skip
    np.testing.assert_allclose(found.growth, 0.5 * (found.x - 0.7) * (found.x - 2.3))
    # where it ends its sign is noise, and so is what is closer to 0 than 1e-11
    for last, changes in (("edge", 1), ("end", 0)):
        found = branch(piece([0, 2, 4], "edge", last), growth=lambda x: x - 3.5)
        assert sum(kind == "stability" for kind, _ in found.events) == changes
    for first, changes in (("edge", 1), ("fold", 0)):
        found = branch(piece([0, 2, 4], first), growth=lambda x: x - 0.5)
        assert sum(kind == "stability" for kind, _ in found.events) == changes
    for size, changes in ((1.005e-11, 2), (0.99e-11, 0)):
        found = branch(piece([0, 2, 4]), growth=lambda x, s=size: -1.0 if x != 2 else s)
        assert len(found.events) == changes


def test_an_escape_is_beyond_the_last_point_and_in_the_range(branch, monkeypatch):
    for there, at in ((0.25, 0.25), (-0.5, 0.0), (4.5, 4.0)):
        monkeypatch.setattr(following, "escape_of", lambda piece, at, there=there: there)
        assert branch(piece([0.5, 2, 4], "escape")).events == [("escape", at)]
    both = branch(piece([0.5, 4], "fold"), piece([0.5, 4], "fold"))
    assert both.events == [("fold", 0.5)]


def test_ways_to_choose_a_piece_of_each_unit():
    one, two = Unit(1, (3.0,)), Unit(1, (1.5,))
    found = made({one: [1, 2], two: [3, 4, 5]})
    choices = found.choices((one, two, two, Unit(1), Unit(0, (3.0,))))
    assert choices == [{two: a, one: b} for a in range(3) for b in range(2)]
    assert found.choices((Unit(1),)) == [{}]
    assert made({one: []}).choices((one,)) == []


def test_a_piece_that_leads_through_a_state_is_known(monkeypatch):
    found = made({})
    found.alone = lambda unit, x: x
    monkeypatch.setattr(following, "newton", lambda model, y: y)
    line = piece([1, 3], states=[[1.0], [2.0]])
    for x, y, passes in (
        (2, 1.5, True), (2, -1.5, True), (2, 1.6, False), (1, 1, True), (3, 2, True),
        (0.99, 1, False), (3.01, 2, False),
    ):  # fmt: skip
        assert found._passes(ONE, line, x, np.array([y])) == passes


def test_the_ends_of_a_piece_are_where_it_joins(monkeypatch):
    """Where the joint is known exactly from either guess; or else where it is extrapolated to."""
    known = {}
    monkeypatch.setattr(following, "end_of", lambda unit, path, piece, last: 3.25 if last else 0.75)
    monkeypatch.setattr(
        following, "joins_at", lambda unit, path, value, tip: known.get((value, tip[0]))
    )
    found = made({})
    found.alone = lambda unit, x: x
    line = piece([1, 2, 3], "end", "end")
    assert found._ended(ONE, line).x.tolist() == [0.75, 2, 3.25]
    known |= {(0.75, 1.0): 0.8, (1.0, 1.0): 0.9, (3.0, 3.0): 3.125}
    assert found._ended(ONE, line).x.tolist() == [0.8, 2, 3.125]
    for kind in ("fold", "edge", "escape"):
        assert found._ended(ONE, piece([1, 2, 3], kind, kind)).x.tolist() == [1, 2, 3]
    known[3.0, 3.0] = 1.5
    turned = found._ended(ONE, line)
    assert turned.x.tolist() == [0.8, 1.5, 2]
    assert turned.states.tolist() == [[1], [3], [2]]


def test_a_state_on_a_piece_is_found_next_to_it(monkeypatch):
    """Newton's method leaves out what hardly changes, at first to 1e-10; at its tips it is kept."""
    asked = []

    def newton(model, guess, still):
        asked.append(still)
        return guess + still

    good = [1e-10]
    monkeypatch.setattr(following, "newton", newton)
    monkeypatch.setattr(
        following, "intact", lambda unit, y, sampled: any(abs(y[0] - 2 - g) < 1e-12 for g in good)
    )
    found = made({ONE: [piece([1, 2, 3])]})
    found.alone = lambda unit, x: x
    assert found._state(ONE, 0, 2.0)[0] == 2 + 1e-10
    assert asked == [1e-10]
    good[0] = 1e-6
    assert found._state(ONE, 0, 2.0)[0] == 2 + 1e-6
    assert asked == [1e-10, 1e-10, 1e-6]
    good[0] = 9
    assert found._state(ONE, 0, 2.0)[0] == 2
    asked.clear()
    assert (found._state(ONE, 0, 1.0)[0], found._state(ONE, 0, 3.0)[0]) == (1, 3)
    assert asked == []


@pytest.mark.parametrize(
    ("name", "low", "high", "text"),
    [
        ("t_max", 1, 2, "name: expected one of beta, eta, rho, lam, lr, got 't_max'"),
        ("beta", 2, 2, "high: must be above low, 2, got 2"),
        ("beta", 2.5, 1, "high: must be above low, 2.5, got 1"),
        ("eta", 1, 2, "beta: must be > 0 for fixed points: D shrinks for ever at beta = 0"),
    ],
)
def test_ranges_that_make_no_sense(name, low, high, text):
    with pytest.raises(ParameterError) as caught:
        in_range(vaedyn.Params(beta=0), name, low, high)
    assert str(caught.value) == text
    assert in_range(vaedyn.Params(beta=0), "beta", 1, 2) == (1.0, 2.0)
    assert in_range(vaedyn.Params(), "lam", 0, 2) == (0.0, 2.0)
    with pytest.raises(ParameterError, match="^low: must be"):
        in_range(vaedyn.Params(), "eta", 0, 2)


def test_more_than_two_hundred_branches_are_refused(monkeypatch):
    params = vaedyn.Params(latent=1)

    class Many:
        def __init__(self, *_):
            self.pieces = {}

        def choices(self, configuration):
            return [configuration] * each

        def branch(self, configuration, chosen):
            return None

    monkeypatch.setattr(following, "Continuation", Many)
    monkeypatch.setattr(following, "Units", lambda model: Made(put=lambda *_: None))
    some = [(ONE,), (ONE._replace(branch=1),)]
    monkeypatch.setattr(following, "configurations", lambda units, groups: some)
    each = 200
    assert following._all(params, "beta", 0.5, 1.0, 2, None)[1] == []
    each = 201
    for groups, fewer in ((2, "lower groups"), (1, "lower latent or signal")):
        with pytest.raises(ParameterError) as caught:
            following._all(params, "beta", 0.5, 1.0, groups, None)
        assert str(caught.value) == f"groups: there are more than 200 branches: {fewer}"


def test_branches_stand_by_how_much_of_them_is_unstable(monkeypatch):
    rows = iter(range(3))
    growth = [[1.0, -1.0], [-1.0, -1.0], [-1.0, -1.0]]
    starts = [0.0, 2.0, 1.0]

    class Three:
        def __init__(self, *_):
            self.pieces = {}

        def choices(self, configuration):
            return [{}] * 4

        def branch(self, configuration, chosen):
            n = next(rows, None)
            return None if n is None else Made(growth=np.array(growth[n]), x=[starts[n]])

    monkeypatch.setattr(following, "Continuation", Three)
    monkeypatch.setattr(following, "Units", lambda model: Made(put=lambda *_: None))
    monkeypatch.setattr(following, "configurations", lambda units, groups: [(ONE,)])
    steps = []
    found = following._all(
        vaedyn.Params(latent=1), "beta", 0.5, 1.0, 2, lambda *at: steps.append(at)
    )
    assert [each.x[0] for each in found[1]] == [1.0, 2.0, 0.0]
    assert steps == [(n, 4) for n in (1, 2, 3, 4)]
