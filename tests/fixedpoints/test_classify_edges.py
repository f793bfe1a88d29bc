"""What a fixed point is called, and when it counts as stable, just at the limits."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.fixedpoints import fixed_points as module
from vaedyn.fixedpoints.points import ALIVE, MARGINAL, FixedPoints, classify
from vaedyn.model.state import pack


def named(m, Q):
    return classify({"m": np.array(m, float), "Q": np.array(Q, float)})


@pytest.mark.parametrize(
    ("m", "Q", "label"),
    [
        ([[0.5], [0]], [[ALIVE, 0], [0, 0]], "collapsed"),
        ([[0.5], [0]], [[2 * ALIVE, 0], [0, 0]], "learned"),
        ([[0, 0.5], [0.5, 0]], [[1, 0], [0, 4]], "learned"),
        ([[0, 0.5], [0.5, 0]], [[1, 1.9e-6], [1.9e-6, 4]], "learned"),
        ([[0, 0.5], [0.5, 0]], [[1, 2.1e-6], [2.1e-6, 4]], "entangled"),
        ([[0, 0.5], [0.5, 0]], [[1, -2.1e-6], [-2.1e-6, 4]], "entangled"),
        ([[0, 0.5], [0, 0]], [[1, 0], [0, 4]], "noise-fitting"),
        ([[0, 0.5], [0, 0]], [[1, 0], [0, 0]], "partly learned"),
        ([[0, 0.5], [0, 0]], [[1, 7], [7, 0]], "partly learned"),  # one that is dead counts not
        ([[0.5], [0]], [[1, 0], [0, 0]], "learned"), ([[0.3, 0.5]], [[1]], "learned"),
    ],
)  # fmt: skip
def test_labels(m, Q, label):
    assert named(m, Q) == label


def test_a_latent_is_on_signals_by_its_share():
    for factor, label in ((0.99, "noise-fitting"), (1.01, "learned")):
        size = np.sqrt(factor * ALIVE * 3 / 2)
        assert named([[size, size]], [[3]]) == label


def test_rates_next_to_zero_decide_nothing():
    lr = 0.25
    rates = lr * MARGINAL * np.array([-1.01, -1, -0.5, 0, 1, 1.01])
    points = SimpleNamespace(max_eigenvalue=rates, params=SimpleNamespace(rate=lr))
    assert FixedPoints.stable.fget(points).tolist() == [True] + 5 * [False]
    points.marginal = FixedPoints.marginal.fget(points)
    assert points.marginal.tolist() == [False, True, True, True, True, False]
    times = FixedPoints.relaxation_time.fget(points)
    np.testing.assert_allclose(times, [1 / -rates[0], *4 * [np.inf], 1 / rates[-1]])


def test_states_are_alike_up_to_signs_order_and_rotations():
    params = SimpleNamespace(latent=2, signal=2, strengths=np.array([1.7, 1.7]))
    random = np.random.default_rng(0)
    m, d, R = random.normal(size=(3, 2, 2))
    Q, E = (x + x.T for x in random.normal(size=(2, 2, 2)))
    D = np.array([0.3, 0.6])

    def flat(m, d, Q, E, R, D):
        return pack(m, d, Q, E, R, D)

    y = flat(m, d, Q, E, R, D)
    turn, swap = np.array([[0.6, -0.8], [0.8, 0.6]]), np.array([[0, -1.0], [1, 0]])
    other = flat(
        swap @ m @ turn, swap @ d @ turn, swap @ Q @ swap.T, swap @ E @ swap.T, swap @ R @ swap.T,
        D[::-1],
    )  # fmt: skip
    assert module._alike(params, y, other)
    for at in range(len(y)):
        changed = y.copy()
        changed[at] += 1e-3
        assert not module._alike(params, y, changed), at
        changed[at] = y[at] * (1 + 1e-8)
        assert module._alike(params, y, changed), at
    apart = SimpleNamespace(**{**vars(params), "strengths": np.array([1.7, 1.2])})
    assert not module._alike(apart, y, other)
