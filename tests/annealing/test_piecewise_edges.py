"""The search for piecewise linear schedules, part by part, on made-up errors."""

import numpy as np
import pytest

import vaedyn
from vaedyn.annealing import piecewise
from vaedyn.annealing.piecewise import _Search, _split, _starts, best_pieces, evaluations
from vaedyn.errors import ConvergenceError, DivergenceError
from vaedyn.model.schedules import Constant, Points

SHAPES = [  # lengths and values that a search starts from, by the number of pieces
    [],
    [([0.05, 0.4], [0.5, 0])],
    [([0.02, 0.3, 0.4], [20, 0, 0]), ([0.1, 0.05, 0.1], [0.4, 0, 1.1])],
    [
        ([0.08, 0.01, 0.02, 0.5], [0, 0, 20, 0]), ([0.02, 0.1, 0.05, 0.1], [0.3, 0, 0.4, 1]),
        ([0.1, 0.1, 0.1, 0.1], [0.5, 0, 0.5, 1]),
    ],
]  # fmt: skip


def search(tol=0.01, scale=50.0, beta=2.0):
    """Return a search, and the list of the schedules that it counts."""
    start = "m=0.2,d=0.2,Q=1,E=1,R=0,D=1"
    ticks = []
    params = vaedyn.Params(beta=beta, lr=0.05, init=start)
    return _Search(params, tol, scale, lambda: ticks.append(1)), ticks


def numbers(lengths, values):
    return np.concatenate([np.log(lengths), np.arcsinh(values)])


def listed(starts):
    return [np.round(x, 12).tolist() for x in starts]


def test_how_many_schedules_are_looked_at():
    # 3 splits and the shapes of each number of pieces; two of the best ones up to four pieces
    assert evaluations(1) == 600 * 3 + 2400 * 2
    assert evaluations(3) == 600 * (3 + 4 + 5) + 2400 * 6
    assert evaluations(6) == 600 * (3 + 4 + 5 + 6 + 3 + 3) + 2400 * (6 + 4)


def test_a_piece_is_cut_in_two_on_its_line():
    before = numbers([0.4, 0.2], [3.0, 0.5])
    first, last = _split(before, 0), _split(before, 1)
    np.testing.assert_allclose(first, numbers([0.2, 0.2, 0.2], [3.0, 1.75, 0.5]), rtol=1e-12)
    np.testing.assert_allclose(last, numbers([0.4, 0.1, 0.1], [3.0, 0.5, 0.75]), rtol=1e-12)


def test_starts_are_the_best_one_cut_in_its_longest_pieces_and_shapes():
    shapes = [[numbers(*shape) for shape in group] for group in SHAPES]
    for pieces in (1, 2, 3, 4):
        assert listed(_starts(np.empty(0), pieces)) == listed(shapes[pieces - 1])
    best = numbers([0.4, 0.2], [3.0, 0.5])
    assert listed(_starts(best, 2)) == listed([best, *shapes[1]])
    assert listed(_starts(best, 1)) == []
    assert listed(_starts(best, 3)) == listed([_split(best, 0), _split(best, 1), *shapes[2]])
    four = numbers([0.1, 0.4, 0.2, 0.3], [1, 2, 3, 4])
    assert listed(_starts(four, 5)) == listed([_split(four, at) for at in (1, 3, 2)])
    # one that has two pieces less is cut twice
    late = numbers([0.2, 0.8], [3.0, 0.5])
    cut = _split(late, 1)
    assert listed(_starts(late, 4)) == listed([*(_split(cut, at) for at in (1, 2, 0)), *shapes[3]])
    cut = _split(best, 0)
    assert listed(_starts(best, 4)) == listed([*(_split(cut, at) for at in (0, 1, 2)), *shapes[3]])


def test_schedules_are_numbers_and_back():
    it, _ = search()
    points = Points((0.0, 5.0, 30.0), (3.0, 0.5, 2.0))
    x = it.numbers(points)
    np.testing.assert_allclose(x, numbers([0.1, 0.5], [1.5, 0.25]), rtol=1e-12)
    back = it.schedule(x)
    np.testing.assert_allclose(back.times, points.times, rtol=1e-12)
    np.testing.assert_allclose(back.betas, points.betas, rtol=1e-12)
    assert it.numbers(Constant()).size == 0
    few = it.schedule(numbers([1 / 7, 1 / 3], [2 / 3, 1e-10]), 4)
    assert few == Points((0.0, 7.143, 23.81), (1.333, 0.0, 2.0))
    extreme = it.schedule(numbers([1, 1, 1], [400, 0.99e-9, 1.01e-9]))
    assert extreme.betas == (600.0, 0.0, pytest.approx(2.02e-9), 2.0)
    np.testing.assert_allclose(
        it.bounds(2), [[*np.log([1e-4, 1e-4]), 0, 0, 0], [0, 0, *np.arcsinh([300, 300]), 2]]
    )


def test_what_cannot_be_integrated_has_no_states(monkeypatch):
    it, ticks = search()
    seen = []

    def integrate(params, start, times, schedule, **options):
        seen.append((schedule, options))
        if isinstance(least := answers.pop(0), Exception):
            raise least
        return "states", {"least_variance": least}

    monkeypatch.setattr(piecewise, "integrate", integrate)
    vanished = piecewise.VANISHED
    answers = [1.01 * vanished, vanished, ConvergenceError("x"), DivergenceError("x")]
    x = numbers([0.1], [0.5])
    assert [it.states(x, np.zeros(2)) for _ in range(4)] == ["states", None, None, None]
    assert len(ticks) == 4
    assert seen[0] == (it.schedule(x), {"rtol": 1e-9, "atol": 1e-11, "most": 20_000})


def judged(monkeypatch, far, tol=2**-7, end=0.25):
    """Return the time and end of made-up errors at 4001 times."""
    it, _ = search(tol)
    asked = []

    def states(x, times):
        asked.append(times)
        return None if far is None else np.asarray(far, float)[:, None]

    monkeypatch.setattr(it, "states", states)
    monkeypatch.setattr(it, "end", lambda y: end)
    monkeypatch.setattr(piecewise, "of_states", lambda params, y, _: end - y[:, 0])
    found = it.judge(np.empty(0))
    np.testing.assert_allclose(asked[0], 50 * np.linspace(0, 2, 4001))
    return found


def test_the_time_is_that_after_which_the_error_stays_within(monkeypatch):
    far = np.full(4001, 2**-7)
    assert judged(monkeypatch, far) == (0, 0.25)
    far[:1001] = 0.5
    far[500] = 0.001
    far[1001] = 2**-8  # 2^-7 is crossed 126/127 of the way
    assert judged(monkeypatch, far) == (pytest.approx((1000 + 126 / 127) / 2000), 0.25)
    assert judged(monkeypatch, -far) == (pytest.approx((1000 + 126 / 127) / 2000), 0.25)
    far[3999] = 0.03
    assert judged(monkeypatch, far)[0] == 2
    far[4000] = 0.03
    assert judged(monkeypatch, far) == (np.inf, 0.25)
    assert judged(monkeypatch, far * np.nan)[0] == np.inf
    assert judged(monkeypatch, None) == (np.inf, pytest.approx(np.nan, nan_ok=True))


def test_ends_are_looked_for_once_up_to_the_signs_of_latents(monkeypatch):
    it, _ = search()
    asked = []

    def destination(params, y, rtol):
        asked.append((params, y, rtol))
        if y[0] < 0.3:
            raise DivergenceError("x")
        if y[0] < 0.4:
            raise ConvergenceError("x")
        return np.round(y)

    monkeypatch.setattr(piecewise, "destination", destination)
    monkeypatch.setattr(piecewise, "of_states", lambda params, y, _: y[:, 1] / 8)
    assert it.end(np.array([0.6, 2.3])) == 0.25
    assert it.end(np.array([-1.0, 2.0099])) == 0.25
    assert len(asked) == 1
    assert it.end(np.array([0.9, 2.0101])) == 0.25
    assert len(asked) == 2
    assert asked[0][0] == it.params
    assert asked[0][2] == 1e-9
    assert np.isnan(it.end(np.array([0.2, 9.0])))
    assert np.isnan(it.end(np.array([0.3, 9.0])))


def improving(monkeypatch, times, budget=1000, used=7, start=1.0):
    """Return what a search makes of one piece, the boxes it looks at, and where it looks."""
    it, _ = search()
    boxes, judged = [], []

    def judge(x):
        judged.append(x)
        time = start if len(judged) == 1 else times[len(judged) - 2]
        return time, 0.1 * len(judged)

    def minimum(at, end, limit, box):
        boxes.append((at, end, box))
        assert limit == 0.9
        return at[:-1] + 0.01, used

    monkeypatch.setattr(it, "judge", judge)
    monkeypatch.setattr(it, "minimum", minimum)
    x, best = it.improve(numbers([0.1], [0.5]), 0.9, budget)
    return x, best, boxes, judged


def radii(boxes):
    return [float((high - at)[1]) for at, _, (_, high) in boxes]


def test_boxes_grow_while_rounds_succeed_and_shrink_when_they_fail(monkeypatch):
    first = numbers([0.1], [0.5])
    x, best, boxes, _ = improving(monkeypatch, [0.9, 1.0, 0.8, 0.7, 0.6, 0.5, 0.4] + [9] * 20)
    assert best == 0.4
    np.testing.assert_allclose(x, first + 0.06)
    grown = np.array([0.3, 0.45, 0.15, 0.225, 0.3375, 0.50625, 0.759375, 1.0])
    shrunk = 1.0 / 3.0 ** np.arange(1, 7)
    np.testing.assert_allclose(radii(boxes), [*grown, *shrunk], rtol=1e-9)
    ends = [round(10 * end) for _, end, _ in boxes]
    assert ends == [1, 2, 2, 4, 5, 6, 7, 8, 8, 8, 8, 8, 8, 8]
    at, _, (low, high) = boxes[0]
    np.testing.assert_allclose(at, [*first, 1.0])
    np.testing.assert_allclose(low, at - 0.3)
    np.testing.assert_allclose(high, [np.log(0.1) + 0.3, np.arcsinh(0.5) + 0.3, 1.3])


def test_boxes_stay_within_the_bounds(monkeypatch):
    it, _ = search()
    monkeypatch.setattr(it, "judge", lambda x: (1.9, 0.1))
    boxes = []
    monkeypatch.setattr(
        it, "minimum", lambda at, end, limit, box: (boxes.append(box), (at[:-1], 999))[1]
    )
    x, _ = it.improve(numbers([0.1], [-0.5]), 0.9, 100)
    np.testing.assert_allclose(x, numbers([0.1], [0]), atol=1e-12)
    boxes.clear()
    x, _ = it.improve(numbers([1e-6, 7.0], [0.1, 900.0]), 0.9, 100)
    np.testing.assert_allclose(x, numbers([1e-4, 1], [0.1, 300]))
    ((low, high),) = boxes
    top = np.arcsinh(300)
    np.testing.assert_allclose(low, [np.log(1e-4), -0.3, 0, top - 0.3, 1.6], atol=1e-12)
    np.testing.assert_allclose(high, [np.log(1e-4) + 0.3, 0, np.arcsinh(0.1) + 0.3, top, 2])


def test_a_search_ends_when_little_is_gained_thrice_or_all_is_spent(monkeypatch):
    small = 1 - 0.9e-6 * np.arange(1, 20)
    assert len(improving(monkeypatch, small)[2]) == 3
    assert len(improving(monkeypatch, 8 * small, start=8.0)[2]) == 3
    assert len(improving(monkeypatch, 0.125 - 0.5e-6 * np.arange(1, 200), start=0.125)[2]) == 125
    large = 1 - 1.1e-6 * np.arange(1, 200)
    assert len(improving(monkeypatch, large)[2]) == 125  # 8 schedules each, of 1000
    assert len(improving(monkeypatch, large, budget=80)[2]) == 10
    assert len(improving(monkeypatch, large, budget=81)[2]) == 11
    assert len(improving(monkeypatch, [0.5, 0.5 - 1e-8, 0.5 - 2e-8, 0.4, *[9] * 20])[2]) > 6
    assert improving(monkeypatch, [], start=np.inf)[1:3] == (np.inf, [])


def test_few_digits_are_taken_if_they_do_no_harm(monkeypatch):
    it, _ = search()
    monkeypatch.setattr(it, "judge", lambda x: (2.0, 0.1))  # 100 in time
    monkeypatch.setattr(it, "schedule", lambda x, digits: digits)
    for times, wanted in (
        ([100.09], (6, 100.09)), ([100.11, 100.0], (8, 100.0)),
        ([100.1001, 101, 99], (10, 99)), ([101, np.inf, 102], (10, 102)),
    ):  # fmt: skip
        left = list(times)
        assert it.rounded(np.empty(0), lambda schedule, left=left: left.pop(0)) == wanted
        assert not left


def test_least_times_are_found_by_differences_of_the_limited_errors(monkeypatch):
    """Errors 0.02 (2 - x) exp(-t + T/2) of a piece: the least T is where the first one is 0.009."""
    it, _ = search(0.01)
    grids = []

    def states(x, times):
        grids.append(times)
        size = 0.02 * (2 - x[1] + (x[0] - np.log(0.1)) ** 2)
        return (size * np.exp(-times / 50))[:, None]

    monkeypatch.setattr(it, "states", states)
    monkeypatch.setattr(piecewise, "of_states", lambda params, y, _: 0.125 + y[:, 0])
    at = np.array([np.log(0.1) + 0.1, 0.5, 1.5])
    box = at - [0.3, 0.3, 1.4], at + 0.3
    x, used = it.minimum(at, 0.125, 0.9, box)
    # beta as large as it may be, and the length that makes the error least
    np.testing.assert_allclose(x, [np.log(0.1), 0.8], atol=2e-3)
    assert used == len(grids)
    assert all(times[0] == 0 and len(times) == 161 for times in grids)
    steps = (grids[0][1:] / 50 - 1.5) ** 0.5
    np.testing.assert_allclose(steps, np.linspace(0, 1, 160), atol=1e-7)
    monkeypatch.setattr(it, "states", lambda x, times: None)
    assert it.minimum(at, 0.125, 0.9, box)[0] == pytest.approx(at[:-1], abs=0.31)


def test_pieces_are_added_one_by_one_to_the_best(monkeypatch):
    log = []

    class Fake:
        def __init__(self, *arguments):
            log.append(arguments)

        def numbers(self, schedule):
            return np.full(2 * schedule, float(schedule))

        def improve(self, x, limit, budget):
            log.append((x.tolist(), limit, budget))
            return x + 1, -x[0]

        def rounded(self, x, accept):
            return len(x) // 2, accept(x)

    monkeypatch.setattr(piecewise, "_Search", Fake)
    starts = {k: [np.full(2 * k, 10.0 * k + i) for i in (0, 2, 1)] for k in (1, 2, 3, 4, 5)}
    asked = []

    def some(start, pieces):
        asked.append((start.tolist(), pieces))
        return starts[pieces]

    monkeypatch.setattr(piecewise, "_starts", some)
    found = best_pieces("params", 5, 0.1, 7.0, (1, 100.0), lambda x: 100 - x[0] + 30, "tick")
    assert log.pop(0) == ("params", 0.1, 7.0, "tick", "eps_g")
    # of one piece nothing is better than what is known: 100 - 14 + 30 at best
    assert asked[0] == ([1.0, 1.0], 1)
    assert asked[1] == ([1.0, 1.0], 2)
    budgets = [(limit, budget) for _, limit, budget in log]
    first = [(0.985, 600)] * 3
    follow = [(0.985, 1200), (0.998, 1200)]
    assert budgets == [*(first + 2 * follow) * 4, *(first + follow)]
    followed = [x[0] for x, _, budget in log if budget == 1200]
    wanted = [10 * k + i for k in (1, 2, 3, 4) for i in (3, 4, 2, 3)]
    assert followed == [*wanted, 53, 54]
    assert found == (5, 100 - 55 + 30)
