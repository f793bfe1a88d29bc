"""Searches without Newton's method: what is one state, what is counted, and what moves freely."""

from collections import Counter

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ParameterError
from vaedyn.fixedpoints import emerging as beginning
from vaedyn.fixedpoints import search as module
from vaedyn.fixedpoints.emerging import emerging
from vaedyn.fixedpoints.groups import Unit
from vaedyn.fixedpoints.search import Search, Starts, _same, searched, starts_of
from vaedyn.fixedpoints.symmetries import (
    _numbers,
    _symmetries,
    alike_latents,
    apart,
    blocks,
    continuous,
    fingerprint,
    how_many,
    living_on,
    turns,
)
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack, unpack

MODEL = Constants(0.8, np.array([1.5, 3.0]), 0.7, 0.1, 0.4, 2)


def state(m=((0, 0), (0, 0)), Q=((1, 0), (0, 1)), D=(0.5, 0.5), d=None, E=None, R=None):
    m, Q, D = (np.array(x, float) for x in (m, Q, D))
    d, E, R = (x if own is None else np.array(own, float) for x, own in ((m, d), (Q, E), (Q, R)))
    return pack(m, d, Q, E, R, D)


def test_fingerprints_are_one_to_1e_5_and_1e_6():
    mark = np.array([0.0, 4.0])
    for off, same in (
        ([0.99e-6, 0], True), ([1.005e-6, 0], False), ([0, 4.095e-5], True), ([0, 4.105e-5], False),
        ([0, -4.095e-5], True),
    ):  # fmt: skip
        assert (_same([mark + 1, mark + off, mark], mark) == 1) == same
    assert _same([], mark) is None
    assert _same([mark + 1], mark) is None
    assert isinstance(_same([mark], mark), int)


def test_searches_are_checked():
    params = vaedyn.Params(latent=2, signal=1)
    assert starts_of(params, 1_000_000, 3) == Starts(1_000_000, 3)
    for number, seed, text in (
        (1_000_001, 0, "search: must be at most 1000000, got 1000001"),
        (0, 0, "search: must be at least 1, got 0"),
        (1, -1, "search_seed: must be at least 0, got -1"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=f"^{text}$"):
            starts_of(params, number, seed)
    adam = params.replace(optimiser="adam", dim=500)
    with pytest.raises(ParameterError, match=r"^search: is not derived for adam; leave it out$"):
        starts_of(adam, 1, 0)
    # 3 M^2 + M + 2 M M*, at M = 14 and M* = 3 or 4
    assert starts_of(params.replace(latent=14, signal=3, rho=1.0), 5, 0).number == 5
    text = "is for at most 700 order parameters, and these are 714: lower latent"
    with pytest.raises(ParameterError, match=f"^search: {text}$"):
        starts_of(params.replace(latent=14, signal=4, rho=1.0), 5, 0)


def test_how_a_search_went_as_plain_data():
    search = Search([np.zeros(1)], [3, 0, 2], 6, 1)
    assert search.info(Starts(9, 4)) == {
        "starts": 9, "seed": 4, "converged": 6, "unphysical": 1, "found": [3, 0, 2],
        "new": [False, False, True],
    }  # fmt: skip


def test_what_a_search_counts(monkeypatch):
    """States are numbers here, and their own fingerprints; 1 is known, 5 is of no weights."""
    one = MODEL._replace(latent=1, rho=np.zeros(0))

    def y(x):
        return np.array([x, 0.0, 0.0, 1.0])

    pieces = [
        (np.array([y(1), y(2), y(3), y(5), y(1), y(2.5)]), np.array([0, 0, 0, 0, 0, 2.51e-6])),
        (np.array([y(2.000001), y(2.5), y(6), y(7), y(8)]), np.array([0.9e-6, 2.49e-6, 0, 0, 0])),
    ]
    monkeypatch.setattr(module, "_settled", lambda model, starts: iter(pieces))
    monkeypatch.setattr(module, "fingerprint", lambda model, y: y[:1])
    slacks = []

    def of_weights(parts, slack=None):
        slacks.append(slack)
        Q = parts["Q"][0, 0]
        return Q != 5 and (slack is not None or Q != 6)

    monkeypatch.setattr(module, "of_weights", of_weights)
    monkeypatch.setattr(module, "newton", lambda model, y: y * [1, 1, 1, 1] + [y[0] == 8, 0, 0, 0])
    rest = {7: 7.01e-12, 9: 8.99e-12}
    monkeypatch.setattr(module, "residual", lambda model, y: rest.get(y[0], 0.0))
    steps = []
    found = searched(one, [y(1), y(4)], Starts(11, 0), lambda *at: steps.append(at))
    # 7 is not at rest; 6 has no weights when it is looked at closely
    assert [state[0] for state in found.states] == [2, 3, 2.5, 9]
    assert found.found == [2, 0, 2, 1, 1, 1]
    assert (found.converged, found.unphysical) == (9, 2)
    assert steps == [(6, 11), (11, 11)]
    assert set(slacks) == {1e-2, None}
    pieces[1][0][4] = y(7.0)  # again: at rest it counts as often as it was met
    rest.clear()
    found = searched(one, [y(1), y(4)], Starts(11, 0))
    assert found.found == [2, 0, 2, 1, 1, 2]
    assert (found.converged, found.unphysical) == (10, 2)


def test_states_are_settled_in_pieces_and_shaken_where_a_step_is_not_known(monkeypatch):
    """Groups settle at rising noise first, and are taken from there where that is finite."""
    from vaedyn.kernels import settle as kernel

    model = MODEL._replace(latent=1, rho=np.array([1.5]), batch=2.0)
    calls = []

    def settle(y, c, which, counts, most, longest, tolerance, left, status):
        calls.append((c.batch.tolist(), y[:, 2].copy(), most, longest, tolerance))
        early = c.batch[0] != 2.0
        status[:] = kernel.FOUND
        left[:] = 0.0
        if not early:
            status[0], left[0] = kernel.SINGULAR, 0.9 if len(y) > 1 else 0.5
            y[:, 2] += 100
        else:
            y[:, 2] += 1
            y[0, 2] = np.nan

    monkeypatch.setattr(kernel, "settle", settle)
    monkeypatch.setattr(
        module, "trials", lambda model, seed, first, last: np.full((last - first, 6), 8.0)
    )
    monkeypatch.setattr(module, "cores", lambda: 1)
    ((y, left),) = module._settled(model, Starts(4, 3))
    shaken = 1 + 1e-3 * np.random.default_rng([3, 0, 1]).normal(size=(4, 6))
    batches = [each[0] for each in calls]
    assert batches == [[pytest.approx(2 / share)] * 2 for share in (0.1, 0.3, 0.5, 0.7, 0.85)] + [
        [2.0] * 4, [2.0],
    ]  # fmt: skip
    assert all(each[2:] == (200, 0.1, 1e-12) for each in calls)
    first = [each[1].tolist() for each in calls[:5]]
    assert first == [[8, 8 + n] for n in range(5)]
    assert calls[5][1].tolist() == [8, 8, 8, 13]
    np.testing.assert_allclose(calls[6][1], 108 * shaken[0, 2])
    assert left.tolist() == [0.5, 0, 0, 0]
    np.testing.assert_allclose(y[:, 2], [108 * shaken[0, 2] + 100, 108, 108, 113])


def test_pieces_are_of_fifty_starts_and_smaller_where_steps_take_longer(monkeypatch):
    """In proportion to the cube of the independent order parameters, of which there are 70."""
    sizes = []
    monkeypatch.setattr(module, "PIECE", 50)
    monkeypatch.setattr(module, "trials", lambda model, seed, a, b: sizes.append(b - a) or 1 / 0)
    monkeypatch.setattr(module, "cores", lambda: 1)
    for latent, size in ((1, 50), (5, 18), (9, 1)):
        model = MODEL._replace(latent=latent, rho=np.array([1.5]))
        with pytest.raises(ZeroDivisionError):
            list(module._settled(model, Starts(2 * size, 3)))
        assert set(sizes) == {size}
        sizes.clear()


# ---- symmetries


def test_latents_of_one_variance_stand_together():
    D = np.array([0.5, 0.2, 0.5 + 0.49e-6, 0.9, 0.2 * (1 - 1.005e-6)])
    assert [group.tolist() for group in alike_latents(D)] == [[4], [1], [0, 2], [3]]
    near = np.array([0.5, 0.5 / (1 - 0.99e-6)])
    assert len(alike_latents(near)) == 1
    assert len(alike_latents(np.array([0.5, 0.5 / (1 - 1.005e-6)]))) == 2


def test_a_fingerprint_is_of_variances_and_eigenvalues_of_squares():
    Q, E, R = np.diag([2.0, 3.0]), np.diag([0.5, 0.25]), np.array([[0.6, 0.1], [0.2, 0.4]])
    m, d = np.array([[1.0, 0.5], [0.25, 0.75]]), np.array([[0.2, 0.1], [0.3, 0.7]])
    squares = [Q, E, R @ R.T]
    for k in (0, 1):
        squares += [np.outer(m[:, k], m[:, k]), np.outer(d[:, k], d[:, k])]

    def values(rows):
        return np.concatenate([np.linalg.eigvalsh(x[np.ix_(rows, rows)]) for x in squares])

    one = pack(m, d, Q, E, R, np.array([0.5, 0.4]))
    numbers = 2 * (1 + 2 * (3 + 2 * 2))
    assert _numbers(MODEL) == numbers
    expected = [[0.4, 0.5], values([0, 1]), values([1]), values([0])]
    np.testing.assert_allclose(fingerprint(MODEL, one), np.concatenate(expected), atol=1e-15)
    alike = pack(m, d, Q, E, R, np.array([0.5, 0.5]))
    expected = np.concatenate([[0.5, 0.5], values([0, 1])])
    found = fingerprint(MODEL, alike)
    assert len(found) == numbers
    np.testing.assert_allclose(found, [*expected, *[0] * (numbers - len(expected))], atol=1e-15)
    equal = MODEL._replace(rho=np.array([2.0, 2.0]))
    squares[3:] = [m @ m.T, d @ d.T]
    expected = np.concatenate([[0.5, 0.5], values([0, 1])])
    np.testing.assert_allclose(fingerprint(equal, alike)[: len(expected)], expected, atol=1e-15)


def test_latents_that_share_nothing_turn_nothing():
    """Equal ones on noise may turn into each other without a change of Q_ii."""
    y = state()
    assert turns(MODEL, state(D=(0.5, 0.4))).shape == (0, len(y))
    (move,) = turns(MODEL, y)
    np.testing.assert_allclose(move, 0, atol=1e-15)  # of Q, E and R of size 1 nothing moves
    assert not continuous(MODEL, y)
    parts = unpack(turns(MODEL, state(m=[[1, 0], [0, 2]]))[0], 2, 2)
    assert np.abs(parts["m"]).tolist() == [[0, 2], [1, 0]]
    assert parts["m"][0, 1] * parts["m"][1, 0] < 0
    assert continuous(MODEL, state(m=[[1, 0], [0, 2]]))
    # turned, an entry beside the diagonal of Q changes Q_ii, by twice its size, and both do
    assert turns(MODEL, state(Q=[[1, 0.35e-6], [0.35e-6, 1]])).shape[0] == 1
    assert turns(MODEL, state(Q=[[1, 0.36e-6], [0.36e-6, 1]])).shape[0] == 0


def test_a_continuum_moves_by_more_than_1e_6():
    for size, there in ((1.005e-6, True), (0.99e-6, False)):
        y = state(m=[[size, 0], [0, 0]])
        assert continuous(MODEL, y) == there
        equal = MODEL._replace(rho=np.array([2.0, 2.0]))
        assert continuous(equal, state(m=[[size, 0], [0, 0]], D=(0.5, 0.4))) == there


def test_latents_that_share_something_stand_together():
    def of(**parts):
        return blocks(MODEL, unpack(state(D=(0.5, 0.4), **parts), 2, 2))

    assert of() == [[0], [1]]
    assert of(m=[[1, 0], [0, 1]]) == [[0], [1]]
    assert of(m=[[1, 0], [1, 0]]) == [[0, 1]]
    assert of(d=[[0, 1], [0, 1]]) == [[0, 1]]
    for name in "QER":
        for off, together in ((1.99e-6, False), (2.01e-6, True)):
            square = [[4, off], [off, 1]]
            assert of(**{name: square}) == ([[0, 1]] if together else [[0], [1]])
    assert of(R=[[1, 0], [1, 1]]) == of(R=[[1, 1], [0, 1]]) == [[0, 1]]
    # what is next to nothing is compared with 1e-8
    for off, together in ((0.99e-14, False), (1.005e-14, True)):
        assert of(Q=[[0, off], [off, 0]]) == ([[0, 1]] if together else [[0], [1]])
    three = MODEL._replace(latent=4, rho=np.zeros(0))
    Q = np.eye(4)
    Q[0, 3] = Q[3, 0] = Q[1, 3] = Q[3, 1] = 0.3
    none = np.zeros((4, 0))
    parts = unpack(pack(none, none, Q, np.eye(4), np.eye(4), np.ones(4)), 4, 0)
    assert blocks(three, parts) == [[0, 1, 3], [2]]


def test_what_latents_live_on():
    noise = ((0, 0), (0, 0))
    assert living_on(MODEL, state(noise, D=(0.5, 0.4))) == (Unit(1, (), 1),) * 2
    one = state([[0, 1], [0, 0]], [[1, 0], [0, 0.9e-8]], D=(0.5, 0.4))
    assert living_on(MODEL, one) == (Unit(1, (3.0,)), Unit(1))
    both = state([[1, 0], [0, 1]], D=(0.5, 0.4))
    assert living_on(MODEL, both) == (Unit(1, (3.0,)), Unit(1, (1.5,)))
    for size, on in ((1.005e-4, (3.0,)), (0.99e-4, ())):
        y = state([[0, size], [0, 0]], [[1, 0], [0, 0]], D=(0.5, 0.4))
        assert living_on(MODEL, y) == (Unit(1, on, 1 - len(on)), Unit(1))
    mixed = state([[0, 0.5], [0, 0.5]], [[1, 0.5], [0.5, 1]])
    assert living_on(MODEL, mixed) == (Unit(2, (3.0,), 1),)
    shared = state([[0, 1], [0, 1]], [[1, 1], [1, 1]])
    assert living_on(MODEL, shared) == (Unit(2, (3.0,)),)
    on_noise_first = state([[0, 0], [1, 0]], D=(0.5, 0.4))
    assert living_on(MODEL, on_noise_first) == (Unit(1, (1.5,)), Unit(1, (), 1))


def test_states_of_one_name_are_numbered():
    assert apart(["a", "b"], ["c", "a", "c", "a"]) == [
        "c", "a (state 2)", "c (state 2)", "a (state 3)",
    ]  # fmt: skip
    assert Counter(apart([], ["a"])) == {"a": 1}


def test_images_are_as_many_as_signs_and_orders_change_something():
    """Of 2^2 2! images of two latents those are one that leave the state as it is."""
    unequal = (0.5, 0.4)
    assert how_many(MODEL, state([[0, 1], [1, 0]], D=unequal)) == 8
    assert how_many(MODEL, state(D=unequal)) == 2
    assert how_many(MODEL, state()) == 1
    assert how_many(MODEL, state([[0, 1], [0, 0]], D=unequal)) == 4
    shared = state([[0, 1], [0, 1]], [[1, 1], [1, 1]])
    assert how_many(MODEL, shared) == 4
    assert how_many(MODEL, state([[1, 0], [0, 2]])) is None


def test_signed_orders_that_keep_a_block():
    def of(**parts):
        return _symmetries(unpack(state(**parts), 2, 2), [0, 1])

    assert of() == 8
    assert of(D=(0.5, 0.5 + 0.99e-6)) == 8
    assert of(D=(0.5, 0.5 + 1.005e-6)) == 4
    for name in "QER":
        assert of(**{name: [[1, 0.5], [0.5, 1]]}) == 4  # both signs, or both turned round
        assert of(**{name: [[1, 0], [0, 2]]}) == 4
    assert of(R=[[1, 0.5], [0.25, 1]]) == 2
    for name in "md":
        assert of(**{name: [[0, 1], [0, 1]]}) == 2
        assert of(**{name: [[0, 1], [0, -1]]}) == 2
        assert of(**{name: [[0, 1], [0, 0]]}) == 2
    # to 1e-6 of the largest order parameter
    assert of(Q=[[4, 0], [0, 4 + 3.99e-6]]) == 8
    assert of(Q=[[4, 0], [0, 4 + 4.01e-6]]) == 4


# ---- branches that begin


def test_fixed_points_are_looked_for_on_both_sides_of_a_bifurcation(monkeypatch):
    """At 1e-3, 1e-4, 1e-5 and 1e-2 of the range, by steps along the direction, both ways."""
    tried = []
    model = MODEL._replace(latent=1, rho=np.zeros(0))
    y = np.array([4.0, 0.0, 0.0, 0.5])

    def path(at):
        return model._replace(eta=at)

    def newton(model, start):
        tried.append((model.eta, start.tolist()))
        return start

    monkeypatch.setattr(beginning, "newton", newton)
    monkeypatch.setattr(beginning, "residual", lambda model, y: 1.0)
    way = np.array([0.0, 3.0, 0.0, 0.0])
    assert list(emerging(path, 2.0, 10.0, y, way)) == []
    places = [2 + s * away * 10 for away in (1e-3, 1e-4, 1e-5, 1e-2) for s in (-1, 1)]
    assert list(dict.fromkeys(at for at, _ in tried)) == pytest.approx(places)
    steps = [0.0, *(s * w * 4 for w in (0.03, 0.1, 0.3, 0.01, 0.003) for s in (1, -1))]
    assert [start[1] for _, start in tried[:11]] == pytest.approx(steps)
    assert all(start[0] == 4 for _, start in tried)


@pytest.mark.parametrize(
    ("moved", "left", "there"),
    [
        ([0, 0.12, 0, 0], 4e-12, True), ([0, 0.12, 0, 0], 4.01e-12, False),
        ([0, 3.99e-4, 0, 0], 0.0, False), ([0, -4.01e-4, 0, 0], 0.0, True),
        ([0.59, 0.1, 0, 0], 0.0, True), ([5.9, 0.1, 0, 0], 0.0, True),
        ([6.1, 0.1, 0, 0], 0.0, False),
        ([0, 0.1, 0, -0.5], 0.0, False), ([0, np.nan, 0, 0], 0.0, False),
    ],
)  # fmt: skip
def test_a_state_beside_is_another_one_and_not_far(monkeypatch, moved, left, there):
    """By 1e-4 of the largest order parameter, 4, along the direction; by 5 steps at most."""
    model = MODEL._replace(latent=1, rho=np.zeros(0))
    y, found = np.array([4.0, 0.0, 0.0, 0.5]), []

    def newton(model, start):
        return y if start is y else y + moved

    monkeypatch.setattr(beginning, "newton", newton)
    monkeypatch.setattr(beginning, "residual", lambda model, y: left)
    found = emerging(lambda at: model, 2.0, 10.0, y, np.array([0.0, -3.0, 0.0, 0.0]))
    first = next(found, None)
    if not there:
        assert first is None
    else:
        assert first[0] == pytest.approx(1.99)
        np.testing.assert_array_equal(first[1], y + moved)
