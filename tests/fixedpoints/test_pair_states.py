"""States in which latents live in pairs: their blocks, their modes, and where they change."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import pair_conditions, pair_modes, pair_starts
from vaedyn.fixedpoints.alone_at import COLLAPSED, NOISE, towards_jacobian
from vaedyn.fixedpoints.attractors import cross_jacobian, own_jacobian
from vaedyn.fixedpoints.box import Box
from vaedyn.fixedpoints.pair_conditions import (
    PairFold,
    PairHopf,
    PairLoss,
    folds,
    on_block,
    word_of,
)
from vaedyn.fixedpoints.pair_modes import (
    PairModes,
    State,
    _at_rest,
    _even,
    _left,
    _of,
    _of_vectors,
    _slots,
    kinds_in,
    states_of,
)
from vaedyn.fixedpoints.pairs_at import (
    APART,
    BORN,
    OWN,
    Pair,
    Turned,
    _jacobian,
    _turns,
    apart,
    bend,
    latents_at,
    left,
    left_over,
    living,
    null,
    pairs_of,
    spectrum,
    split,
    together,
)
from vaedyn.fixedpoints.single import Latent, noise_at, signal_at
from vaedyn.fixedpoints.starts import Cell
from vaedyn.kernels.constants import Constants

MIXED, NOISY, SHARED, EMPTY = Pair(0, 1), Pair(1, NOISE), Pair(0, COLLAPSED), Pair(NOISE, COLLAPSED)
PARAMS = vaedyn.Params(latent=3, signal=2, rho=(3, 1.5), eta=0.7, lam=0.1, beta=0.8,
                       lr=(0.5, 0.35, 0.6), batch=2)  # fmt: skip
C = Constants.of(PARAMS).many()
SAMPLED = C._replace(sampled=np.ones(1))
BOX = Box(PARAMS, ("beta", "lr"), (0.5, 0.2), (1.5, 1.2))


def first(pair):
    return Turned(pair, 0), Turned(pair, 1)


def test_pairs_on_signals_and_noise():
    rho = np.array([3.0, 1.5])
    mixed = [MIXED, Pair(0, NOISE), NOISY]
    assert pairs_of(rho, True) == mixed
    assert pairs_of(rho, False) == [*mixed, SHARED, Pair(1, COLLAPSED), EMPTY]
    assert pairs_of(np.array([2.0, 2.0]), True) == [Pair(0, NOISE), NOISY]
    assert pairs_of(np.zeros(0), False) == [EMPTY]
    assert (MIXED.signals, NOISY.signals, EMPTY.signals) == ((0, 1), (1,), ())
    assert (Turned(NOISY, 0).kind, Turned(NOISY, 1).kind) == (1, NOISE)


def test_who_has_a_Q_that_is_to_be_found():  # noqa: N802
    assert living(MIXED, False) == first(MIXED)
    assert living(SHARED, False) == (Turned(SHARED, 0),)
    assert living(1, False) == (1,)
    assert living(COLLAPSED, False) == ()
    assert living(COLLAPSED, True) == (COLLAPSED,)


def test_latents_kinds_and_blocks_of_a_state():
    one = State((SHARED,), (1,), 2, 1)
    a, b = first(SHARED)
    assert one.slots == [a, b, 1, NOISE, NOISE, COLLAPSED]
    assert one.kinds == (SHARED, 1, NOISE, COLLAPSED)
    found = one.blocks(3)
    assert found[:3] == [(OWN, SHARED), (APART, SHARED), (BORN, SHARED)]
    assert found[3:6] == [(1,), (NOISE,), (COLLAPSED,)]
    assert found[6:11] == [(slot, "unlearned", 2) for slot in (a, b, 1, NOISE, COLLAPSED)]
    assert found[11:] == [
        (a, 1), (a, NOISE), (a, COLLAPSED), (b, 1), (b, NOISE), (b, COLLAPSED), (1, NOISE),
        (1, COLLAPSED), (NOISE, NOISE), (NOISE, COLLAPSED),
    ]  # fmt: skip
    two = State((MIXED, EMPTY), (), 0, 0).blocks(2)
    assert two[:5] == [(OWN, MIXED), (APART, MIXED), (OWN, EMPTY), (APART, EMPTY), (BORN, EMPTY)]
    assert two[5:] == [(x, y) for x in first(MIXED) for y in first(EMPTY)]


def test_states_with_pairs_learn_the_strongest_signals():
    assert states_of(3, 2, [NOISY]) == [
        State((NOISY,), (0,), 0, 0),
    ]  # fmt: skip
    assert states_of(3, 2, [Pair(0, NOISE)]) == [
        State((Pair(0, NOISE),), (), 0, 1), State((Pair(0, NOISE),), (), 1, 0),
        State((Pair(0, NOISE),), (1,), 0, 0),
    ]  # fmt: skip
    assert states_of(2, 2, [MIXED, EMPTY]) == [State((MIXED,), (), 0, 0), State((EMPTY,), (), 0, 0)]
    both = states_of(4, 2, [MIXED, EMPTY, SHARED])
    pairs = [state.pairs for state in both if len(state.pairs) == 2]
    assert pairs == [(MIXED, EMPTY), (EMPTY, SHARED)]  # not two on one signal
    assert states_of(1, 2, [MIXED]) == []
    assert states_of(2, 1, []) == []


def test_latents_of_a_block():
    a, b = first(SHARED)
    assert _slots((OWN, SHARED)) == _slots((APART, SHARED)) == [a, b]
    assert _slots((BORN, SHARED)) == [b]
    assert _slots((a, "unlearned", 2)) == [a]
    assert _slots((a, NOISE)) == [a, NOISE]
    assert _slots((NOISE, NOISE)) == _slots((NOISE,)) == [NOISE]
    assert kinds_in((a, NOISE)) == (SHARED, NOISE)
    assert kinds_in((OWN, SHARED)) == kinds_in((a, b)) == (SHARED,)
    assert _of(SHARED, (a, NOISE))
    assert _of(NOISE, (a, NOISE))
    assert not _of(1, (a, NOISE))
    assert not _of(MIXED, (OWN, SHARED))


def test_which_blocks_fold_and_what_pairs_are_called():
    assert folds((OWN, MIXED), BOX)
    assert folds((0,), BOX)
    assert folds((NOISE,), BOX)
    sampled = BOX._replace(params=PARAMS.replace(latents="sampled"))
    assert folds((COLLAPSED,), sampled)
    for block in ((APART, MIXED), (BORN, EMPTY), (COLLAPSED,), (0, NOISE), (0, "unlearned", 1)):
        assert not folds(block, BOX)
    assert word_of(MIXED) == "two on signal 1 and signal 2"
    assert word_of(NOISY) == "two on signal 2 and noise"
    assert word_of(SHARED) == "two on signal 1"
    assert word_of(EMPTY) == "two on noise"
    assert [word_of(kind) for kind in (2, NOISE, COLLAPSED)] == ["signal 3", "noise", "collapsed"]


def test_labels_of_curves_of_states_with_pairs():
    def label(block, cls=PairLoss):
        return on_block(cls, BOX, block, ()).label

    a, b = first(MIXED)
    assert label((OWN, MIXED)) == "two on signal 1 and signal 2"
    assert label((a, NOISE)) == "two on signal 1 and signal 2, noise"
    assert label((b, "unlearned", 1)) == "two on signal 1 and signal 2 to signal 2"
    assert label((BORN, EMPTY)) == "two on noise to noise"
    assert label((COLLAPSED,)) == "collapsed to noise"
    assert label((COLLAPSED,), PairHopf) == "collapsed"
    assert label((BORN, EMPTY), PairHopf) == "two on noise"


def test_what_curves_of_pairs_give_way_to():
    states = (State((MIXED,), (), 0, 0),)
    point = np.array([1.3, 0.6, 0.25, 0.5])
    fold = on_block(PairFold, BOX, (OWN, MIXED), states)
    loss = on_block(PairLoss, BOX, (APART, MIXED), states)
    for one in (fold, loss):
        ((hopf, seed),) = one.others_at("Bogdanov-Takens", point)
        assert hopf == on_block(PairHopf, BOX, one.block, states)
        assert seed.tolist() == [1.3, 0.6, 0, 0.25, 0.5]
        ((back, seed),) = hopf.others_at("Bogdanov-Takens", seed)
        assert back == one
        assert seed.tolist() == point.tolist()
        assert one.others_at("cusp", point) == hopf.others_at("end", point) == []
    assert np.isnan(hopf.lyapunov(np.zeros((3, 5)))).all()
    assert hopf.lyapunov(np.zeros((3, 5))).shape == (3, 2)
    assert (fold.unknown, fold.concerned) == (first(MIXED), (MIXED,))
    assert on_block(PairLoss, BOX, (Turned(SHARED, 1), COLLAPSED), ()).unknown == (
        Turned(SHARED, 0),
    )  # fmt: skip


# ---- equations


def variance(Q):
    return 0.8 / (0.5 * np.sum(Q) + 0.8)


def test_a_pair_is_at_rest_where_both_latents_are():
    Q, column = np.array([[1.3, 0.6]]), C.column()
    D = np.array([[variance(Q)]])
    strong = signal_at(column, np.array([[3.0]]), Q[:, :1], D)[0][0, 0]
    weak = signal_at(column, np.array([[1.5]]), Q[:, 1:], D)[0][0, 0]
    assert [x[0] for x in left(C, MIXED, Q)] == pytest.approx([strong, weak], rel=1e-14)
    noise = noise_at(column, Q[:, 1:], D)[0][0, 0]
    assert left(C, NOISY, Q)[1][0] == pytest.approx(noise, rel=1e-14)
    one = left(C, SHARED, Q[:, :1])
    alone = np.array([[variance(Q[:, :1])]])
    assert [x[0] for x in one] == [
        pytest.approx(signal_at(column, np.array([[3.0]]), Q[:, :1], alone)[0][0, 0], rel=1e-14)
    ]


def test_the_first_latent_gives_D_and_the_second():  # noqa: N802
    """At that D the first one is at rest, and D is that of the mean of both."""
    column, Q = C.column(), np.array([[1.3, 1.7]])
    for pair in (MIXED, NOISY):
        D, other = split(column, pair, Q)
        rho = C.rho[:, [pair.first]]
        np.testing.assert_allclose(signal_at(column, rho, Q, D)[0], 0, atol=1e-12)
        np.testing.assert_allclose(D, 0.8 / (0.5 * (Q + other) + 0.8), rtol=1e-13)
        rest = signal_at(column, C.rho[:, [1]], other, D) if pair == MIXED else noise_at(
            column, other, D)  # fmt: skip
        np.testing.assert_array_equal(left_over(column, pair, Q), rest[0])
    D, other = split(column, SHARED, Q)
    np.testing.assert_allclose(D, 0.8 / (0.5 * Q + 0.8))
    assert (other == 0).all()
    rest = signal_at(column, C.rho[:, [0]], Q, D)[0]
    np.testing.assert_array_equal(left_over(column, SHARED, Q), rest)
    rest = noise_at(column, Q, D)[0]
    np.testing.assert_array_equal(left_over(column, EMPTY, Q), rest)


@pytest.mark.parametrize("pair", [MIXED, NOISY, SHARED, EMPTY])
def test_determinants_and_null_directions_are_those_of_differences(pair):
    n = len(living(pair, False))
    Q, h = np.array([[1.3, 0.6][:n]]), 1e-6
    J = np.array([(np.array(left(C, pair, Q + e)) - left(C, pair, Q - e))[:, 0] / (2 * h)
                  for e in h * np.eye(n)]).T  # fmt: skip
    assert bend(C, pair, Q)[0] == pytest.approx(np.linalg.det(J), rel=1e-7)
    way = null(C, pair, Q)[0]
    expected = np.linalg.svd(J)[2][-1]
    expected = expected * np.sign(expected.sum())
    np.testing.assert_allclose(way, expected, rtol=1e-6, atol=1e-7)
    assert way.sum() > 0


def test_latents_of_a_pair_share_a_variance():
    Q = np.array([[1.3, 0.6]])
    found, sizes = latents_at(C, MIXED, Q)
    a, b = (found[name] for name in first(MIXED))
    D = variance(Q)
    assert a.D == b.D == pytest.approx(D)
    for one, rho, q, at in ((a, 3.0, 1.3, 0), (b, 1.5, 0.6, 3)):
        given = (np.array([[x]]) for x in (rho, q, D))
        _, p, kappa, E, R = (x[0, 0] for x in signal_at(C.column(), *given))
        np.testing.assert_allclose(sizes[0, at : at + 3], [q, E, p])
        assert (one.Q[0], one.E[0], one.R[0], one.rho[0]) == (q, E, R, rho)
        assert one.m[0] ** 2 * rho == pytest.approx(p)
        assert one.d[0] == pytest.approx(kappa * one.m[0])
    found, sizes = latents_at(C, SHARED, Q[:, :1])
    a, b = (found[name] for name in first(SHARED))
    assert b == Latent(*np.zeros((6, 1)), a.D)
    assert sizes.shape == (1, 3)
    found, sizes = latents_at(C, NOISY, Q)
    assert sizes.shape == (1, 5)
    b = found[Turned(NOISY, 1)]
    assert (b.m, b.d, b.rho, b.Q) == (0, 0, 0, 0.6)
    found, sizes = latents_at(C, MIXED, np.array([[1.3, 0.01]]))
    weak = found[Turned(MIXED, 1)]
    assert sizes[0, 5] < 0
    assert weak.m.real == 0
    assert latents_at(C, 1, Q[:, :1])[0][1].Q == 1.3
    assert latents_at(C, COLLAPSED, Q[:, :0])[0][COLLAPSED].D == 1


def three(pair=MIXED, Q=((1.3, 0.6),)):
    Q = np.array(Q)[:, : len(living(pair, False))]
    found = latents_at(C, pair, Q)[0]
    found |= latents_at(C, NOISE, np.array([[0.4]]))[0] | latents_at(C, 0, np.array([[1.1]]))[0]
    found |= latents_at(C, COLLAPSED, np.zeros((1, 0)))[0]
    return found


def test_entries_of_blocks_are_those_of_latents_that_are_there():
    found = three()
    a, b = first(MIXED)

    def of(block, latents=found):
        return _jacobian(C, block, latents)[0]

    whole = together(found[a], found[b], C)[0]
    np.testing.assert_array_equal(of((OWN, MIXED)), whole)
    differ = apart(found[a], found[b], C)[0]
    np.testing.assert_array_equal(of((APART, MIXED)), differ)
    shared = three(SHARED)
    x, y = (shared[slot] for slot in first(SHARED))
    kept = [0, 1, 2, 3, 4, 10]
    np.testing.assert_array_equal(
        of((OWN, SHARED), shared), together(x, y, C)[0][np.ix_(kept, kept)]
    )
    kept = [2, 3, 4, 5, 6, 7, 8]  # the second has an overlap with the signal of the first
    np.testing.assert_array_equal(
        of((APART, SHARED), shared), apart(x, y, C)[0][np.ix_(kept, kept)]
    )
    own = own_jacobian(y, C)[0]
    np.testing.assert_array_equal(of((BORN, SHARED), shared), own[2:5, 2:5])
    noisy = three(NOISY)
    x, y = (noisy[slot] for slot in first(NOISY))
    kept = [0, 1, 2, 3, 4, 7, 8, 9, 10]
    np.testing.assert_array_equal(of((OWN, NOISY), noisy), together(x, y, C)[0][np.ix_(kept, kept)])
    np.testing.assert_array_equal(of((b, "unlearned", 1)), towards_jacobian(found[b], C, 1)[0])
    np.testing.assert_array_equal(of((NOISE,)), own_jacobian(found[NOISE], C)[0][2:, 2:])
    np.testing.assert_array_equal(of((0,)), own_jacobian(found[0], C)[0])
    kept = [2, 3, 4, 5, 6, 7]
    crossed = cross_jacobian(found[a], found[NOISE], C)[0]
    np.testing.assert_array_equal(of((a, NOISE)), crossed[np.ix_(kept, kept)])
    kept = [0, 1, 4, 5, 6, 7]
    crossed = cross_jacobian(found[NOISE], found[a], C)[0]
    np.testing.assert_array_equal(of((NOISE, a)), crossed[np.ix_(kept, kept)])


def test_one_variance_of_a_pair_moves_with_both():
    a, b = (three()[slot] for slot in first(MIXED))
    J, one, other = together(a, b, C)[0], own_jacobian(a, C)[0], own_jacobian(b, C)[0]
    expected = np.zeros((11, 11))
    expected[:5, :5], expected[5:10, 5:10] = one[:5, :5], other[:5, :5]
    expected[:5, 10], expected[5:10, 10] = one[:5, 5], other[:5, 5]
    expected[10, 2] = expected[10, 7] = one[5, 2] / 2
    expected[10, 10] = one[5, 5]
    np.testing.assert_array_equal(J, expected)


def test_equal_signals_turn_without_a_rate():
    a, _ = first(MIXED)
    equal = C._replace(rho=np.array([[2.0, 2.0]]))
    for block in ((0, 1), (a, 1), (0, "unlearned", 1)):
        assert _turns(equal, block)
        assert not _turns(C, block)
    for block in ((OWN, MIXED), (APART, MIXED), (0,), (0, 0), (a, 0), (0, NOISE), (BORN, EMPTY)):
        assert not _turns(equal, block)
    found = three()
    values = spectrum(C, (a, NOISE), found)
    assert values.shape == (1, 6)
    assert spectrum(equal, (0, "unlearned", 1), found).shape == (1, 1)
    kept = spectrum(equal, (0, "unlearned", 1), found)[0]
    both = np.linalg.eigvals(towards_jacobian(found[0], equal, 1)[0])
    assert kept == both[np.abs(both).argmax()]
    gone = {**found, a: found[a]._replace(Q=np.array([np.nan]))}
    assert np.isnan(spectrum(C, (a, NOISE), gone)).all()


# ---- modes


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
