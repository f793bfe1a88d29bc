"""States in which latents live in pairs: their blocks, their modes, and where they change."""

import numpy as np
import pytest

from tests.shared.pairs import BOX, EMPTY, MIXED, NOISY, PARAMS, SHARED, C, first
from vaedyn.fixedpoints.alone_at import COLLAPSED, NOISE, towards_jacobian
from vaedyn.fixedpoints.attractors import cross_jacobian, own_jacobian
from vaedyn.fixedpoints.pair_conditions import (
    PairFold,
    PairHopf,
    PairLoss,
    folds,
    on_block,
    word_of,
)
from vaedyn.fixedpoints.pair_modes import (
    State,
    _of,
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
