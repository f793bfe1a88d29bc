"""Where trajectories end, from courses that are made up: how long is waited, and when it is not."""

import numpy as np
import pytest

from vaedyn import ConvergenceError, Params
from vaedyn.fixedpoints import destination

PARAMS = Params(lr=0.25, t_max=60)
ADAM = Params(lr=0.25, t_max=60, optimiser="adam")


def followed(monkeypatch, states, asked):
    """Let courses return these states (values,), one after the other at all times but the first."""

    def integrate(params, y, times, schedule, **options):
        asked.append((times, options))
        return np.array([y, *(next(states) for _ in times[1:])]), None

    monkeypatch.setattr(destination, "integrate", integrate)
    return asked


def test_under_adam_a_state_rests_that_hardly_moves_in_half_of_a_time(monkeypatch):
    """By 1e-5 of the largest order parameter, or of 1, in times that double."""
    for size, moves in ((0.5, (2e-5, 1.1e-5, 9e-6)), (4.0, (9e-5, 4.1e-5, 3.9e-5))):
        states = iter([np.array([size + x, 0.0]) for move in moves for x in (-move, 0.0)])
        asked = followed(monkeypatch, states, [])
        found = destination._rest(ADAM, np.array([size, 0.0]), 1e-7)
        assert found.tolist() == [size, 0]
        for (times, options), span in zip(asked, (60, 120, 240), strict=True):
            np.testing.assert_allclose(times, [0, span / 2, span])
            assert options == {"rtol": 1e-7, "atol": pytest.approx(1e-12)}
    asked = followed(monkeypatch, iter(np.tile([[1.0], [2.0]], (99, 1))), [])
    with pytest.raises(ConvergenceError, match="has not come to rest: it still moves by 1"):
        destination._rest(ADAM.replace(t_max=3, points=9), np.zeros(1), 1e-7)
    assert len(asked) == 16
    assert asked[0][0][-1] == 40  # 10 / lr at least


def waves(heights):
    """Yield 65 states a span, which start and end at 1 and go up by a height in between."""
    for height in heights:
        for n in range(65):
            yield np.array([1.0 + height * (n == 32)])


def waited(monkeypatch, heights, rests_after=99, t_max=60.0):
    count = iter(range(99))
    monkeypatch.setattr(
        destination, "residual", lambda model, y: 0.0 if next(count) >= rests_after else 1.0
    )
    asked = followed(monkeypatch, waves(heights), [])
    y = destination._settle(PARAMS.replace(t_max=t_max), np.array([1.0]), 1e-6, 1e-3)
    return [float(times[-1]) for times, _ in asked], y


def test_a_course_is_followed_until_it_is_slow(monkeypatch):
    spans, y = waited(monkeypatch, [0.0] * 5, rests_after=3)
    assert spans == [60, 120, 240]
    assert y.tolist() == [1]
    assert len(waited(monkeypatch, [0.0] * 16, rests_after=99)[0]) == 16
    assert waited(monkeypatch, [0.0], 1, t_max=3.0)[0] == [40]


def test_what_goes_on_oscillating_is_given_up(monkeypatch):
    """Where peaks are as high, to a factor of 2, in two long spans after one another."""

    def fails(heights, t_max=60.0):
        asked = followed(monkeypatch, waves(heights), [])
        monkeypatch.setattr(destination, "residual", lambda model, y: 1.0)
        with pytest.raises((ConvergenceError, RuntimeError, StopIteration)) as raised:
            destination._settle(PARAMS.replace(t_max=t_max), np.array([1.0]), 1e-6, 1e-3)
        return raised.type is ConvergenceError, len(asked)

    # spans of 60, 120, ..., of which those from 7680 on are longer than 1000/lr = 4000
    assert fails([0.5] * 16) == (True, 9)
    assert fails([0.5] * 7 + [0.24] + [0.25] * 9) == (True, 10)  # it has become lower
    assert fails([0.5] * 8 + [1.01] * 9) == (True, 11)  # and higher
    assert fails([0.5] * 16, 2010) == (True, 3)
    assert fails([0.5] * 16, 1990) == (True, 4)
    for heights in ([9e-4] * 16, [0.5**n for n in range(16)]):
        assert len(waited(monkeypatch, heights)[0]) == 16
    times = followed(monkeypatch, waves([0.0]), [])
    monkeypatch.setattr(destination, "residual", lambda model, y: 1.0 if len(times) < 1 else 0.0)
    destination._settle(PARAMS, np.array([1.0]), 1e-6, 1e-3)
    np.testing.assert_allclose(times[0][0][1:], 60 * np.linspace(0.5, 1, 65))


def ended(monkeypatch, growths, moves, after=5.0, size=0.5):
    """Return where a course ends that passes points of these growth rates, and the times."""
    y = np.array([size])
    monkeypatch.setattr(destination, "_settle", lambda params, y, rtol, slow: y)
    rates, ways = iter(growths), iter(moves)
    monkeypatch.setattr(destination, "_refine", lambda params, y: y + next(ways))
    monkeypatch.setattr(
        destination, "eigenvalues", lambda model, y: np.array([np.nan, next(rates) + 1j, -9])
    )
    asked = []

    def integrate(params, y, times, schedule, **options):
        asked.append(float(times[-1]))
        return np.array([y, [after]]), None

    monkeypatch.setattr(destination, "integrate", integrate)
    return destination._destination(PARAMS, y, 1e-6), asked


def test_a_trajectory_ends_at_a_stable_point_that_is_near(monkeypatch):
    near = destination.NEAR
    point, asked = ended(monkeypatch, [-0.1], [0.99 * near])
    assert point == pytest.approx(0.5 + 0.99 * near)
    assert asked == []
    point, asked = ended(monkeypatch, [-0.1, -0.1], [1.01 * near, 0.0])
    assert point == 5.0  # it is followed on for 50 times that in which deviations decay
    assert asked == [pytest.approx(500)]
    point, asked = ended(monkeypatch, [-0.1], [3.99 * near], size=4.0)
    assert asked == []
    point, asked = ended(monkeypatch, [0.02, -0.1], [0.0, 0.0])  # from a saddle
    assert (point, asked) == (5.0, [pytest.approx(2500)])
    marginal = destination.MARGINAL * 0.25
    assert ended(monkeypatch, [0.99 * marginal], [0.0])[1] == []


def test_a_saddle_that_a_trajectory_does_not_leave_is_where_it_ends(monkeypatch):
    point, asked = ended(monkeypatch, [0.02], [0.0], after=0.5009)
    assert (point, len(asked)) == (0.5, 1)
    point, _ = ended(monkeypatch, [0.02, -0.1], [0.0, 0.0], after=0.5011)
    assert point == 0.5011
    with pytest.raises(ConvergenceError, match="more than 20 saddles"):
        ended(monkeypatch, [0.9e-4 * 0.25], [0.0])  # so slowly nobody waits
    pace = 1.1e-4 * 0.25
    assert ended(monkeypatch, [pace, -0.1], [0, 0]) == (5.0, [pytest.approx(50 / pace)])
    with pytest.raises(ConvergenceError, match="more than 20 saddles"):
        ended(monkeypatch, [1.1e-4 * 0.25] * 20, [1.0] * 20)


def test_large_models_end_where_they_are_at_rest(monkeypatch):
    monkeypatch.setattr(destination, "LARGE", 0)
    asked = []
    monkeypatch.setattr(
        destination, "_settle", lambda params, y, rtol, slow: asked.append(slow) or y
    )
    for left, there in ((0.9e-7, True), (1.1e-7, False)):
        monkeypatch.setattr(destination, "residual", lambda model, y, left=left: left)
        if there:
            assert destination._destination(PARAMS, np.ones(1), 1e-6) == 1
        else:
            with pytest.raises(ConvergenceError, match="creeps, at a residual of 1.1e-07"):
                destination._destination(PARAMS, np.ones(1), 1e-6)
    assert asked == [1e-7, 1e-7]


def test_tolerances_are_close_and_symmetric_starts_are_refused(monkeypatch):
    asked = []
    monkeypatch.setattr(
        destination, "_destination", lambda params, y, rtol: asked.append(rtol) or y
    )
    monkeypatch.setattr(destination, "alike", lambda params: [])
    for rtol in (1e-4, 1e-9):
        destination.destination(PARAMS, np.ones(1), rtol)
    assert asked == [1e-6, 1e-9]
