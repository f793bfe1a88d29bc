"""Modes of pairs, and where states change along lines, worked out by hand."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from tests.shared.pairs import BOX, EMPTY, MIXED, NOISY, PARAMS, SHARED, C, first
from vaedyn.fixedpoints import pair_conditions, pair_modes, pair_starts
from vaedyn.fixedpoints.alone_at import COLLAPSED, NOISE
from vaedyn.fixedpoints.pair_conditions import (
    PairFold,
    PairHopf,
    PairLoss,
    on_block,
)
from vaedyn.fixedpoints.pair_modes import (
    PairModes,
    State,
    _at_rest,
    _even,
    _left,
    _of_vectors,
    states_of,
)
from vaedyn.fixedpoints.pairs_at import (
    APART,
    OWN,
    Turned,
    bend,
    left,
    left_over,
    null,
    split,
)
from vaedyn.fixedpoints.single import Latent
from vaedyn.fixedpoints.starts import Cell
from vaedyn.kernels.constants import Constants


def many(rates, n=3):
    """Return modes of n points whose spectra are given by block."""
    c = Constants.of(PARAMS, beta=np.linspace(0.8, 1.0, n)).many()
    return PairModes(c, {slot: Latent(*np.ones((7, n))) for slot in (*first(MIXED), NOISE, 0)})


def test_rates_are_looked_for_where_they_are_not_known(monkeypatch):
    asked = []

    def spectrum(c, block, latents):
        asked.append((block, len(c.eta), sorted(latents, key=str)))
        values = np.stack([-np.arange(1.0, len(c.eta) + 1), np.full(len(c.eta), -9.0)], axis=1) + 2j
        values[c.beta > 0.95] = np.nan
        return values

    monkeypatch.setattr(pair_modes, "spectrum", spectrum)
    modes, block = many({}), (OWN, MIXED)
    assert modes.rate(block, np.array([0])).tolist() == [-1]
    assert modes.rate(block, np.arange(3)).tolist() == [-1, -1, np.inf]
    assert [each[1] for each in asked] == [1, 2]
    assert asked[0][2] == sorted(first(MIXED), key=str)
    given = PairModes(modes.c, {}, {block: np.array([0.5, 0.25, 0.125])})
    assert given.rate(block, np.array([2, 0])).tolist() == [0.125, 0.5]
    modes = many({})
    values = np.array([[-1.0, 0.5 + 2j, 0.5 - 2j, 0.25]])
    monkeypatch.setattr(pair_modes, "spectrum", lambda c, block, latents: values)
    assert modes.leading(block) == 0.5 + 2j
    assert modes.sampled is False
    assert PairModes(C._replace(sampled=np.ones(1))).sampled is True


def test_growth_is_looked_for_until_a_state_is_unstable_everywhere(monkeypatch):
    modes, state = many({}), State((MIXED,), (), 1, 0)
    asked, found = [], []
    rates = {(OWN, MIXED): [1e-8, 1.005e-8, -1], (APART, MIXED): [-2, -2, 0.5]}

    def rate(block, rows):
        asked.append((block, rows.tolist()))
        return np.array(rates.get(block, [-0.25] * 3))[rows]

    monkeypatch.setattr(modes, "rate", rate)
    monkeypatch.setattr(modes, "find", found.append)
    assert modes.growth(state).tolist() == [1e-8, 1.005e-8, 0.5]
    assert asked[:3] == [((OWN, MIXED), [0, 1, 2]), ((APART, MIXED), [0, 2]), ((NOISE,), [0])]
    assert [block for block, _ in asked] == state.blocks(2)
    assert found[:3] == [MIXED, MIXED, NOISE]
    rates[APART, MIXED] = [1, 1, 1]
    asked.clear()
    assert modes.growth(state).tolist() == [1, 1.005e-8, 1]
    assert len(asked) == 2


def test_latents_are_found_once(monkeypatch):
    asked = []
    monkeypatch.setattr(
        pair_modes, "usual", lambda c, pair: asked.append(pair) or np.full((1, 2), 0.5)
    )
    monkeypatch.setattr(pair_modes, "Modes", lambda c: Made(kinds={0: "first", NOISE: "noise"}))
    modes = PairModes(C, {0: "known"})
    modes.find(MIXED)
    modes.find(MIXED)
    assert asked == [MIXED]
    assert modes.latents[Turned(MIXED, 1)].Q == 0.5
    modes.find(NOISE)
    assert (modes.latents[0], modes.latents[NOISE]) == ("known", "noise")


def test_a_pair_is_looked_for_where_it_may_be():
    """D between 0 and 1, and the Q of the second one above -beta/2."""
    column, Q = C.column(), np.linspace(0.01, 6, 4000)[None]
    for pair in (MIXED, NOISY):
        with np.errstate(all="ignore"):
            D, other = split(column, pair, Q)
        found = _left(column, pair, Q)
        there = (D > 0) & (D < 1) & (other > -0.4)
        assert 0 < there.sum() < 4000
        rest = np.where(there, left_over(column, pair, Q), np.nan)
        np.testing.assert_array_equal(found, rest)


def test_weights_are_real_where_their_products_are():
    """sqrt((Q - m^2) (E - d^2)) >= |R - m d|, to 1e-8 of sqrt(Q E)."""

    def of(R, m=1.0, d=0.5, Q=4.0, E=1.0):
        return bool(_of_vectors(Latent(*np.array([[1.0], [m], [d], [Q], [E], [R], [1.0]])))[0])

    edge = np.sqrt(3 * 0.75)
    for sign in (1, -1):
        assert of(0.5 + sign * (edge + 1.9e-8))
        assert not of(0.5 + sign * (edge + 2.1e-8))
    assert not of(2.0, Q=0.5)
    assert not of(2.0, E=0.2)
    assert of(2.0, Q=0.0)


def test_a_pair_at_rest_is_found_between_two_points(monkeypatch):
    """The function is 0 at Q = 1.3, where all that weights have is positive."""
    monkeypatch.setattr(pair_modes, "_left", lambda column, pair, Q: Q - 1.3)
    monkeypatch.setattr(pair_modes, "split", lambda column, pair, Q: (0, Q - 1))
    one = Latent(*(np.full(1, x) for x in (1.0, 0.5, 0.5, 1.0, 1.0, 0.5, 0.5)))
    sizes = np.array([[1.005e-8, 1.0]])
    monkeypatch.setattr(pair_modes, "latents_at", lambda c, pair, Q: ({0: one}, sizes))
    ends = np.array([0.5]), np.array([3.0])
    np.testing.assert_allclose(_at_rest(C, MIXED, *ends), [[1.3, 0.3]], rtol=1e-14)
    np.testing.assert_allclose(_at_rest(C, SHARED, *ends), [[1.3]], rtol=1e-14)
    sizes[0, 0] = 1e-8
    assert np.isnan(_at_rest(C, MIXED, *ends)).all()
    sizes[0, 0] = 1.0
    one = one._replace(R=np.array([3.0]))
    assert np.isnan(_at_rest(C, MIXED, *ends)).all()


def test_the_usual_pair_is_at_the_first_rise_with_weights(monkeypatch):
    tried, gone = [], set()

    def at_rest(c, pair, low, high):
        tried.extend(zip(low, high, strict=True))
        found = np.column_stack([low, high]) if pair != SHARED else low[:, None]
        return np.where(np.isin(np.round(low, 3), list(gone))[:, None], np.nan, found)

    nodes = []

    def left(column, pair, Q):
        nodes.append(Q)
        k = np.arange(96)
        return np.where((k // 10) % 2 == 0, -1.0, 1.0)[None] * np.ones_like(Q)

    monkeypatch.setattr(pair_modes, "_at_rest", at_rest)
    monkeypatch.setattr(pair_modes, "_left", left)
    found = pair_modes.usual(C, SHARED)
    h = 0.5 / 2 * 0.7
    scale = 3.7 + h
    even = np.geomspace(1e-4 * scale, 0.25 * 16 * scale * (1 + scale / 0.8) ** (2 / 3), 96)
    np.testing.assert_allclose(nodes[0][0], even, rtol=1e-12)
    np.testing.assert_allclose(found, [[even[9]]])
    assert len(tried) == 1
    for k in (9, 29, 49):
        gone.add(round(float(nodes[0][0, k]), 3))
    np.testing.assert_allclose(pair_modes.usual(C, SHARED), [[even[69]]])
    gone.add(round(float(nodes[0][0, 69]), 3))
    assert np.isnan(pair_modes.usual(C, SHARED)).all()  # four are tried at most
    gone.clear()
    spread = []
    monkeypatch.setattr(
        pair_modes, "_even", lambda c, pair, nodes, least: spread.append(least) or nodes
    )
    assert pair_modes.usual(C, MIXED).shape == (1, 2)
    assert len(spread) == 3
    np.testing.assert_allclose(spread[0], [[0.8 / (even[-1] + 0.8)]], rtol=1e-12)
    monkeypatch.setattr(pair_modes, "_left", lambda column, pair, Q: np.ones_like(Q))
    assert np.isnan(pair_modes.usual(C, MIXED)).all()


def test_nodes_are_even_in_the_logarithm_of_the_variance(monkeypatch):
    """Where it falls from 1 to its least; not through a pole."""
    nodes = np.linspace(0, 10, 501)[None]
    falls = [lambda Q: 2 * np.exp(-Q / 2)]
    signs = [lambda Q: -np.ones_like(Q)]
    monkeypatch.setattr(pair_modes, "split", lambda c, pair, Q: (falls[0](Q), 0))
    monkeypatch.setattr(pair_modes, "without_variance", lambda c, pair, Q: signs[0](Q))
    least = np.array([[0.05]])
    (found,) = _even(C, MIXED, nodes, least)
    D = np.exp(np.linspace(0, np.log(0.05), 96))
    np.testing.assert_allclose(found[1:-1], -2 * np.log(D / 2)[1:-1], atol=0.021)
    assert np.diff(found).min() > 0
    assert found[0] == pytest.approx(nodes[0, np.argmax(nodes[0] > 2 * np.log(2)) - 1], abs=0.021)
    assert found[-1] == pytest.approx(2 * np.log(40), abs=0.021)
    signs[0] = lambda Q: Q - 4.99  # a pole at which D ends above its least
    (found,) = _even(C, MIXED, nodes, least)
    assert found[-1] == 5.0
    falls[0] = lambda Q: 2 * np.exp(-Q / 8)  # which does not fall so far
    signs[0] = lambda Q: -np.ones_like(Q)
    (found,) = _even(C, MIXED, nodes, least)
    assert found[-1] == 10.0


# ---- where states change along lines


def test_cells_of_pairs_are_looked_for_where_nothing_else_is_stable(monkeypatch):
    lines, along = 2, 60
    best = np.zeros((lines, along), int)
    best[0, 30] = -1
    asked = []

    class Some:
        def __init__(self, c, latents=None):
            self.c = c

        sampled = False

        def growth(self, state):
            asked.append(len(self.c.eta))
            return np.where(np.arange(len(self.c.eta)) < 10, -1.0, 1.0)

    at = np.stack(np.meshgrid(np.linspace(0, 1, lines), np.linspace(0, 1, along), indexing="ij"), 2)
    scan = Made(
        box=BOX, shape=(lines, along), best=lambda: (None, None, best.ravel()),
        at=at, c=Constants.of(PARAMS, beta=np.full(lines * along, 0.8)).many(), latents={},
    )  # fmt: skip
    monkeypatch.setattr(pair_starts, "PairModes", Some)
    monkeypatch.setattr(pair_starts, "_able", lambda modes, pair: pair == MIXED)
    closer = []
    monkeypatch.setattr(
        pair_starts, "_closer", lambda box, state, a, b: closer.append((state, a, b)) or (a, b)
    )
    monkeypatch.setattr(pair_starts, "_cells", lambda *given: iter([given]))
    found = list(pair_starts.pair_cells(scan, ["loss"]))
    assert asked == [25] * 2  # a point, and 12 on both sides
    states = states_of(3, 2, [MIXED])
    assert [each[0] for each in closer] == states
    _, inside, outside = closer[0]
    np.testing.assert_allclose(inside, [at[0, 18 + 9]])
    np.testing.assert_allclose(outside, [at[0, 18 + 10]])
    assert found[0][0] is BOX
    assert found[0][1:3] == (states, states[0])
    assert len(found) == 2
    for names in ([], ["maxwell", "active", "escape"]):
        assert list(pair_starts.pair_cells(scan, names)) == []
    for name in ("fold", "hopf"):
        assert len(list(pair_starts.pair_cells(scan, [name]))) == 2
    scan.box = BOX._replace(params=PARAMS.replace(latent=2))
    assert len(list(pair_starts.pair_cells(scan, ["loss"]))) == 1
    scan.box = BOX
    few = BOX._replace(params=PARAMS.replace(latent=1))
    assert list(pair_starts.pair_cells(Made(box=few), ["loss"])) == []
    asked.clear()
    best[:] = 0
    assert list(pair_starts.pair_cells(scan, ["loss"])) == []
    best[0, 2], best[1, 58] = -1, -1  # lines end, and no cell is across two of them
    closer.clear()
    list(pair_starts.pair_cells(scan, ["loss"]))
    assert asked == [15 + 14] * 2
    np.testing.assert_allclose(closer[0][1], [at[0, 9]])
    monkeypatch.setattr(
        Some, "growth", lambda self, state: np.where(np.arange(len(self.c.eta)) < 15, -1.0, 1.0)
    )
    closer.clear()
    assert list(pair_starts.pair_cells(scan, ["loss"])) == []
    monkeypatch.setattr(
        Some,
        "growth",
        lambda self, state: np.where(np.arange(len(self.c.eta)) < 10, 1.005e-8, 1e-8),
    )
    list(pair_starts.pair_cells(scan, ["loss"]))
    _, inside, outside = closer[0]
    np.testing.assert_allclose((inside, outside), ([at[0, 10]], [at[0, 9]]))


def test_a_pair_is_able_if_it_is_stable_by_itself_anywhere():
    rates = {(OWN, MIXED): [1e-8, -1, 1.005e-8], (APART, MIXED): [1.0, 1e-8, -1]}

    def able(**changes):
        found = []
        modes = Made(
            find=found.append, c=C._replace(eta=np.ones(3)),
            rate=lambda block, rows: np.array((rates | changes)[block])[rows],
        )  # fmt: skip
        answer = pair_starts._able(modes, MIXED)
        assert found == [MIXED]
        return answer

    assert able()
    rates[APART, MIXED][1] = 1.005e-8
    assert not able()


def test_cells_are_divided_twice_into_sixteen_parts(monkeypatch):
    class Some:
        def __init__(self, c):
            self.beta = c.beta

        def growth(self, state):
            return self.beta - 0.737

    monkeypatch.setattr(pair_starts, "PairModes", Some)
    inside = np.array([[0.0, 0.5], [0.2, 0.5], [0.0, 0.5]])
    outside = np.array([[1.0, 0.5], [0.3, 0.5], [0.2371, 0.5]])
    a, b = pair_starts._closer(BOX, None, inside, outside)
    at = 0.237  # beta is 0.5 + u
    for n, length in ((0, 1.0), (1, 0.1), (2, 0.2371)):
        assert a[n, 0] <= at < b[n, 0]
        assert b[n, 0] - a[n, 0] == pytest.approx(length / 256)
    np.testing.assert_array_equal(a[:, 1], [0.5] * 3)


@pytest.mark.parametrize(
    ("block", "rates", "leading", "names", "expected"),
    [
        ((OWN, MIXED), (1e-8, 1.005e-8), 0.5, "all", [PairFold]),
        ((OWN, MIXED), (1.005e-8, 2.0), 0.5, "all", []),
        ((OWN, MIXED), (-1, 1e-8), 0.5, "all", []),
        ((OWN, MIXED), (-1, 2.0), 0.5 + 1.1e-9j, "all", [PairFold, PairHopf]),
        ((OWN, MIXED), (-1, 2.0), 0.5 + 0.9e-9j, "all", [PairFold]),
        ((OWN, MIXED), (-1, np.inf), 0.5, "all", [PairFold]),
        ((APART, MIXED), (-1, 2.0), 0.5, "all", [PairLoss]),
        ((APART, MIXED), (-1, np.inf), 0.5 + 1j, "all", []),
        ((APART, MIXED), (-1, 2.0), 0.5 - 3j, "all", [PairLoss, PairHopf]),
        ((APART, MIXED), (-1, 2.0), 0.5 - 3j, ["hopf"], [PairHopf]),
        ((APART, MIXED), (-1, 2.0), 0.5 - 3j, ["fold"], []),
    ],
)
def test_what_happens_between_two_points(monkeypatch, block, rates, leading, names, expected):
    state = State((MIXED,), (), 0, 1)

    class Some:
        def __init__(self, c):
            self.latents = {slot: Made(Q=np.array([1.5 + i, 2.5 + i]))
                            for i, slot in enumerate(first(MIXED))}  # fmt: skip

        def growth(self, state):
            self.known = [state]

        def find(self, kind):
            self.known.append(kind)

        def rate(self, each, rows):
            assert rows.tolist() == [0, 1]
            assert self.known == [state, MIXED, COLLAPSED]
            return np.array(rates if each == block else (-1, -1))

        def leading(self, each):
            return leading

    monkeypatch.setattr(pair_starts, "PairModes", Some)
    inside, outside = np.array([0.25, 0.5]), np.array([0.3, 0.5])
    other = State((EMPTY,), (), 0, 1)
    names = ["fold", "loss", "hopf"] if names == "all" else names
    found = list(pair_starts._cells(BOX, [state, other], state, inside, outside, names))
    assert [type(cell.condition) for cell in found] == expected
    for cell in found:
        assert cell.condition.states == (state,)
        assert cell.condition.block == block
        square = [leading.imag**2] if isinstance(cell.condition, PairHopf) else []
        assert isinstance(cell, Cell)
        np.testing.assert_allclose(cell.before, [1.5, 2.5, *square, 0.25, 0.5])
        np.testing.assert_allclose(cell.after, [2.5, 3.5, *square, 0.3, 0.5])


def test_the_growth_beside_a_curve_is_that_of_the_most_stable_state(monkeypatch):
    states = (State((MIXED,), (), 0, 1), State((MIXED,), (), 1, 0))
    loss = on_block(PairLoss, BOX, (APART, MIXED), states)
    X = np.array([[1.3, 0.6, 0.25, 0.5], [1.3, -1.1e-9, 0.25, 0.5]])
    made = []

    class Some:
        def __init__(self, c, latents, known):
            made.append((c.beta.tolist(), known))

        def growth(self, state):
            return np.array([-0.5, -0.5]) + states.index(state)

    monkeypatch.setattr(pair_conditions, "PairModes", Some)
    assert loss.rest(X).tolist() == [-0.5, np.inf]
    ((beta, known),) = made
    assert beta == [0.75, 0.75]
    values = loss.own(*loss.latents(X[:1])[:2])[0]
    others = np.delete(values, np.abs(values).argmin())
    assert known[APART, MIXED][0] == pytest.approx(others.real.max())


def test_a_cusp_of_pairs_is_where_the_determinant_has_a_slope_of_zero():
    fold = on_block(PairFold, BOX, (OWN, MIXED), ())
    X = np.array([[1.3, 0.6, 0.25, 0.5]])
    c, Q = BOX.constants(X[:, -2:]), X[:, :2]
    tests = fold.tests(X)
    way = null(c, MIXED, Q)
    slope = (bend(c, MIXED, Q + 1e-6 * way) - bend(c, MIXED, Q - 1e-6 * way)) / 2e-6
    np.testing.assert_allclose(tests["cusp"], 1.3 * slope, rtol=1e-6)
    assert set(tests) == {"cusp", "Bogdanov-Takens", "zero-Hopf"}
    assert fold.left(X, c, None)[0] == bend(c, MIXED, Q)
    values = fold.values(X)
    assert values.shape == (1, 3)
    assert values[0, :2].tolist() == [x[0] for x in left(c, MIXED, Q)]
