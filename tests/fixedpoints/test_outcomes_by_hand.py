"""Where courses lead that are made up: at rest, round and round, away, or nobody knows."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import ConvergenceError, DivergenceError
from vaedyn.fixedpoints import outcomes as module
from vaedyn.fixedpoints.attractors import DIVERGING, OSCILLATING, UNDECIDED
from vaedyn.fixedpoints.outcomes import Outcome, _at_rest, _Many, _stable_point, outcome, started
from vaedyn.kernels import courses, rosenbrock, settle
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack

PARAMS = vaedyn.Params(latent=2, signal=1, rho=3.0, beta=0.8, eta=0.7, lr=0.5, anneal="linear:3")
VALUES = 18
SPANS = [100, 400, 1500, 3000, 6000, 12000]


def course(end, height=0.0):
    """Return 33 states that end as given, and go up by a height at half time."""
    states = np.tile(np.full(VALUES, float(end)), (33, 1))
    states[16] += height
    return states


@pytest.fixture
def followed(monkeypatch):
    """Yield a function that returns the outcome of courses, and what was asked for."""

    def call(ends, points, left=0.0):
        """Of each span: a course or an error; of each call of Newton's method a point."""
        asked, given, found = [], iter(ends), iter(points)

        def integrate(params, y, times, schedule, **options):
            asked.append((times * params.rate, options))
            each = next(given)
            if isinstance(each, Exception):
                raise each
            return each, None

        monkeypatch.setattr(module, "integrate", integrate)
        monkeypatch.setattr(module, "residual", lambda model, y: left)
        monkeypatch.setattr(module, "_stable_point", lambda model, y: next(found))
        monkeypatch.setattr(module, "_at_rest", lambda model, point, growth: (point[0], growth))
        return outcome(PARAMS), asked

    return call


def at(value, growth=-0.1):
    return np.full(VALUES, value), growth


def test_a_start_of_the_map_is_gaussian_of_a_thousand_dimensions():
    written = started(PARAMS.replace(init={"m": 0.1, "d": 0.1, "Q": 1, "E": 1, "R": 0.5, "D": 1}))
    assert (written.init, written.init_seed) == ("gaussian", 0)
    found = started(PARAMS.replace(dim=77, t_max=9, points=4, init_seed=5))
    assert (found.dim, found.t_max, found.points) == (1000, 1.0, 2)
    assert (found.init, found.init_seed, found.anneal) == ("gaussian", 0, "constant")
    assert (found.beta, found.lr) == (0.8, 0.5)


def test_a_course_ends_at_a_point_that_is_near(followed):
    """To 5 % of the largest order parameter, or of 1; spans rise."""
    found, asked = followed([course(2.0)], [at(2.0 + 0.09995)])
    assert found == (2.09995, -0.1)
    ((times, options),) = asked
    np.testing.assert_allclose(times, [0, *100 * np.linspace(0.9, 1, 33)[1:]])
    bound = options.pop("bound")
    assert options == {"rtol": 1e-6, "atol": 1e-10, "most": 20_000}
    model = started(PARAMS)
    y = pack(**model.overlaps())
    assert bound == pytest.approx(0.002 * model.bound(y))
    far = [at(2.0 + 0.1005)] * 6
    found, asked = followed([course(2.0)] * 6, far)
    assert found == Outcome(UNDECIDED)
    assert [times[-1] for times, _ in asked] == pytest.approx(SPANS)
    assert followed([course(0.5)], [at(0.5499)])[0] == (0.5499, -0.1)
    assert followed([course(0.5)] * 6, [at(0.5501)] * 6)[0] == Outcome(UNDECIDED)


def test_early_on_newtons_method_is_not_tried_far_from_rest(followed):
    found, asked = followed([course(2.0)] * 2, [at(2.0)], left=1.005e-3)
    assert (found, len(asked)) == ((2.0, -0.1), 2)
    found, asked = followed([course(2.0)], [at(2.0)], left=0.99e-3)
    assert (found, len(asked)) == ((2.0, -0.1), 1)


def test_what_leaves_and_what_takes_too_long(followed):
    assert followed([DivergenceError("far")], [])[0] == Outcome(DIVERGING)
    found, asked = followed([course(2.0), ConvergenceError("long")], [None])
    assert (found, len(asked)) == (Outcome(UNDECIDED), 2)


def test_what_turns_without_a_stable_point_oscillates(followed):
    """By more than 1e-3 of the largest order parameter; from the second span on."""
    high = course(2.0, 2.01e-3)
    found, asked = followed([high, high], [None] * 3)
    assert (found, len(asked)) == (Outcome(OSCILLATING), 2)
    low = course(2.0, 1.99e-3)
    found, asked = followed([low] * 6, [None] * 6)
    assert (found, len(asked)) == (Outcome(UNDECIDED), 6)
    # with a stable point amid its course it is waited for, or with one where it leads
    found, asked = followed([high] * 6, [None] + [None, at(2.0)] * 5)
    assert (found, len(asked)) == (Outcome(OSCILLATING), 6)
    found, asked = followed([high] * 6, [at(9.0)] * 6)
    assert (found, len(asked)) == (Outcome(OSCILLATING), 6)
    found, asked = followed([high, low, high, high], [None] * 7)
    assert (found, len(asked)) == (Outcome(OSCILLATING), 3)


def test_what_amid_a_course_is_tried_is_the_mean_of_its_saved_states(followed, monkeypatch):
    seen = []
    one = course(2.0, 1.6)
    one[0], one[-1] = 99.0, 2 + 1e-6
    monkeypatch.setattr(module, "integrate", lambda *_, **__: (one, None))
    monkeypatch.setattr(module, "residual", lambda model, y: 0.0)
    monkeypatch.setattr(module, "_stable_point", lambda model, y: seen.append(y[0]))
    assert outcome(PARAMS) == Outcome(OSCILLATING)
    assert seen == pytest.approx([2 + 1e-6, 2 + 1e-6, 2.05 + 1e-6 / 32], rel=1e-9)


def test_a_stable_point_is_exact_and_does_not_grow(monkeypatch):
    model = Made(lr=0.5)
    monkeypatch.setattr(module, "newton", lambda model, y: y)
    for size, left, growth, there in (
        (0.5, 0.99e-12, -1.0, True), (0.5, 1e-12, -1.0, False), (4.0, 3.99e-12, -1.0, True),
        (4.0, 4e-12, -1.0, False), (0.5, np.nan, -1.0, False),
        (0.5, 0.0, 0.5e-8, True), (0.5, 0.0, 0.501e-8, False),
    ):  # fmt: skip
        monkeypatch.setattr(module, "residual", lambda model, y, left=left: left)
        rates = np.array([np.nan, growth + 1j, -3])
        monkeypatch.setattr(module, "eigenvalues", lambda model, y, rates=rates: rates)
        y = np.array([-size, 0.1])
        found = _stable_point(model, y)
        assert found == ((pytest.approx(y), growth) if there else None)


def test_what_is_known_of_a_point():
    model = Constants(0.8, np.array([3.0]), 0.7, 0.0, 0.5, 2)
    m, Q = np.array([[1.5], [0.0]]), np.diag([2.25, 0.0])
    y = pack(m, 0 * m, Q, 0 * Q, 0 * Q, np.ones(2))
    error = 3 - 2 * 3**0.5 * 1.5 + 2.25
    assert _at_rest(model, y, -0.25) == Outcome(1, pytest.approx(error), 1, -0.25)
    gone = pack(0 * m, 0 * m, 0 * Q, 0 * Q, 0 * Q, np.ones(2))
    assert _at_rest(model, gone, -0.25) == Outcome(0, 3.0, 0, -0.25)


# ---- of many


def many(n=4, most=100, **constants):
    """Return models that start at 1, followed in steps that are made up."""
    c = Constants.of(PARAMS, **{"beta": np.linspace(0.8, 1.4, n), **constants}).many()
    return _Many(c, np.ones(VALUES), most, lambda i: ("params", i))


def test_models_start_with_bounds_numbers_and_places():
    sampled = PARAMS.replace(lr=(0.5, 0.3, 0.2), batch=4, latents="sampled", lam=0.1)
    c = Constants.of(sampled, eta=np.array([0.7, 0.1])).many()
    one = _Many(c, np.full(VALUES, -2.5), 100, None)
    np.testing.assert_allclose(one.bounds, [20 * 3.7, 20 * 10])
    np.testing.assert_array_equal(one.y, np.full((2, VALUES), -2.5))
    np.testing.assert_allclose(one.numbers[1], [0.8, 0.1, 0.1, 0.5, 0.3, 0.2, 0.1 / 4, 1, 3])
    assert one.steps.tolist() == [-0.8, -0.8]
    assert (one.creeps.tolist(), one.stop.tolist()) == ([False] * 2, [0])
    assert one.found == [Outcome(UNDECIDED)] * 2
    which, count = one.places
    assert (which.dtype, which.max() + 1, count.sum()) == (np.int64, len(count), VALUES)
    assert sorted(set(count.tolist())) == [1, 2]
    large = _Many(c, np.full(VALUES, -40.0), 100, None)
    np.testing.assert_allclose(large.bounds, [800, 800])
    little = Constants.of(vaedyn.Params(rho=0.1, eta=0.8, beta=0.5), eta=np.array([0.8])).many()
    small = _Many(little, np.zeros(6), 100, None)
    np.testing.assert_allclose(small.bounds, [20 * 1.25])


def steps(monkeypatch, short=None, long=None):
    """Note who is followed by which steps; `short` and `long` are the states of what they do."""
    asked = []

    def by(name, given):
        def method(self, rows, span):
            asked.append((name, rows.tolist(), span))
            status = np.array([(given or {}).get(i, courses.DONE) for i in rows.tolist()], int)
            return status, np.zeros((len(rows), 32, VALUES))

        return method

    monkeypatch.setattr(_Many, "_by_short_steps", by("short", short))
    monkeypatch.setattr(_Many, "_by_long_steps", by("long", long))
    monkeypatch.setattr(_Many, "_decide", lambda self, rows, course, span: rows)
    return asked


def test_what_creeps_is_followed_by_longer_steps_if_short_ones_are_too_many(monkeypatch):
    """From a span of 3000 on; nobody follows it where they may or may not be just enough."""
    one, asked = many(), steps(monkeypatch)
    one.creeps[:] = [True, True, True, False]
    one.steps[:] = [42, 43, 57, 58]  # twice as many are expected, of 100
    kept = one.follow(np.arange(4), 3000.0)
    assert asked == [("long", [0], 3000.0), ("short", [1, 2, 3], 3000.0)]
    assert sorted(kept.tolist()) == [0, 1, 2, 3]
    assert one.steps.tolist() == [84, 86, 114, 116]
    asked.clear()
    one.steps[:] = [58, 43, 57, 58]
    kept = one.follow(np.arange(4), 3000.0)
    assert asked == [("long", [], 3000.0), ("short", [1, 2, 3], 3000.0)]
    assert sorted(kept.tolist()) == [1, 2, 3]
    asked.clear()
    one.steps[:] = 58
    assert sorted(one.follow(np.arange(4), 1500.0).tolist()) == [0, 1, 2, 3]
    assert asked == [("long", [], 1500.0), ("short", [0, 1, 2, 3], 1500.0)]
    assert one.steps.tolist() == [58] * 4


def test_long_steps_that_stop_are_made_short(monkeypatch):
    one = many()
    asked = steps(monkeypatch, {1: courses.DIVERGED, 2: courses.STOPPED},
                  {0: courses.STOPPED, 3: courses.DIVERGED})  # fmt: skip
    one.creeps[:] = [True, False, False, True]
    one.steps[:] = 10
    kept = one.follow(np.arange(4), 3000.0)
    assert asked == [("long", [0, 3], 3000.0), ("short", [1, 2, 0], 3000.0)]
    assert kept.tolist() == [0]
    phases = [each.phase for each in one.found]
    assert phases == [UNDECIDED, DIVERGING, UNDECIDED, DIVERGING]


def test_other_models_go_on_by_long_steps_and_then_alone(monkeypatch):
    one = many(batch=np.full(4, 2.0), encoder=np.full(4, 0.7))
    assert not one.c.plain
    asked = steps(monkeypatch, {1: courses.STOPPED, 2: courses.STOPPED, 3: courses.STOPPED},
                  {1: courses.STOPPED, 2: courses.DIVERGED})  # fmt: skip
    alone = []
    monkeypatch.setattr(module, "outcome", lambda params: alone.append(params) or Outcome(4, 0.5))
    one.steps[:] = 58
    kept = one.follow(np.arange(4), 3000.0)
    assert asked == [
        ("long", [], 3000.0), ("short", [0, 1, 2, 3], 3000.0), ("long", [1, 2, 3], 3000.0),
    ]  # fmt: skip
    assert alone == [("params", 1)]
    assert kept.tolist() == [0, 3]
    assert [each.phase for each in one.found] == [UNDECIDED, 4, DIVERGING, UNDECIDED]


@pytest.fixture
def decide(monkeypatch):
    """Yield a function that returns what becomes of one model, and who is kept."""

    def call(states, span, points, left=0.0, growths=None):
        one, tried = many(len(states)), []

        def settled(self, rows, y, most):
            return np.full(len(rows), left), np.zeros(len(rows), int)

        def found(self, rows, y):
            tried.append(y[:, 0].tolist())
            rows = [np.full(VALUES, points.get(float(x), np.nan)) for x in y[:, 0]]
            return np.reshape(rows, y.shape)

        monkeypatch.setattr(_Many, "_settle", settled)
        monkeypatch.setattr(_Many, "_points", found)
        monkeypatch.setattr(
            module, "_growth", lambda model, point: (growths or {}).get(float(point[0]), -0.25)
        )
        monkeypatch.setattr(module, "_at_rest", lambda model, point, growth: Outcome(9, point[0]))
        kept = one._decide(np.arange(len(states)), np.array(states)[:, 1:], span)
        return one, kept.tolist(), tried

    return call


def test_of_many_those_end_that_are_near_a_stable_point(decide):
    one, kept, tried = decide(
        [course(2.0), course(4.0), course(8.0), course(16.0)], 100.0,
        {2.0: 2.099, 4.0: 4.201, 8.0: 8.0}, growths={8.0: 0.501e-8},
    )  # fmt: skip
    assert kept == [1, 2, 3]
    assert one.found[0] == Outcome(9, pytest.approx(2.099))
    assert one.found[1:] == [Outcome(UNDECIDED)] * 3
    np.testing.assert_array_equal(one.y[:, 0], [2, 4, 8, 16])
    assert one.creeps.all()
    assert tried == [[2, 4, 8, 16]]
    assert decide([course(8.0)], 100.0, {8.0: 8.0}, growths={8.0: 0.5e-8})[1] == []
    one, kept, tried = decide([course(2.0)], 100.0, {2.0: 2.0}, left=1.005e-3)
    assert (kept, tried) == ([0], [[]])
    assert decide([course(2.0)], 100.0, {2.0: 2.0}, left=0.99e-3)[1] == []
    assert decide([course(2.0)], 400.0, {2.0: 2.0}, left=1.005e-3)[1] == []


def test_of_many_those_oscillate_that_turn_without_a_stable_point(decide):
    high, low = course(2.0, 2.01e-3), course(2.0, 1.99e-3)
    amid = float(np.mean(high[1:, 0]))
    one, kept, tried = decide([high, low], 400.0, {})
    assert (kept, one.found[0]) == ([1], Outcome(OSCILLATING))
    assert tried == [[2, 2], [pytest.approx(amid)]]
    assert one.creeps.tolist() == [False, True]
    for span, points, growths, oscillates in (
        (100.0, {}, {}, False),
        (400.0, {amid: 3.0}, {}, False),
        (400.0, {amid: 3.0}, {3.0: 1.0}, True),
        (400.0, {2.0: 9.0}, {}, False),
        (400.0, {2.0: 9.0, amid: 9.0}, {9.0: 1.0}, True),
        (12000.0, {2.0: 9.0}, {}, True),
        (12000.0, {amid: 3.0}, {}, True),
    ):
        one, kept, _ = decide([high], span, points, growths=growths)
        assert one.found == [Outcome(OSCILLATING if oscillates else UNDECIDED)], (span, points)
        assert kept == [] if oscillates else kept == [0]


def test_a_point_of_newtons_method_is_exact_and_near_or_found_again(monkeypatch):
    """Where its steps are not known they are made afresh, unless they have led far away."""
    one, fresh = many(5), []
    y = np.tile([2.0, *[0.5] * (VALUES - 1)], (5, 1))
    moved = y.copy()
    moved[:, 0] += [0.0, 0.0, 1.99, 2.01, 0.0]
    left = np.array([1.99e-12, 2.01e-12, 1.0, 1.0, 1.0])
    status = np.array([0, 0, settle.SINGULAR, settle.SINGULAR, 0])

    def settled(self, rows, points, most):
        points[:] = moved
        assert most == 50
        return left.copy(), status

    monkeypatch.setattr(_Many, "_settle", settled)
    monkeypatch.setattr(
        module, "newton", lambda model, y: fresh.append((model.beta, y[0])) or y + 1
    )
    monkeypatch.setattr(module, "residual", lambda model, y: 1e-13 * y[0])
    found = one._points(np.arange(5), y)
    assert fresh == [(pytest.approx(1.1), 2.0)]
    assert np.isnan(found).all(axis=1).tolist() == [False, True, False, True, True]
    np.testing.assert_array_equal(found[0], y[0])
    np.testing.assert_array_equal(found[2], y[2] + 1)


def test_what_compiled_code_is_given(monkeypatch):
    one, seen = many(3), {}

    def short(y, numbers, latent, saves, times, bounds, rtol, atol, most, stop, status, n, course):
        seen["short"] = (y[:, 0].tolist(), latent, saves.tolist(), times.tolist(), rtol, atol, most)
        assert (numbers == one.numbers[[2, 0]]).all()
        assert (bounds == one.bounds[[2, 0]]).all()
        assert course.shape == (2, 32, VALUES)
        status[:], n[:] = [1, 2], [7, 8]

    def long(y, c, which, count, saves, span, bounds, rtol, atol, most, stop, status, course):
        seen["long"] = (c.beta.tolist(), saves.tolist(), span, rtol, atol, most)
        assert course.shape == (2, 32, VALUES)
        status[:] = [3, 4]

    monkeypatch.setattr(courses, "integrate", short)
    monkeypatch.setattr(rosenbrock, "integrate", long)
    rows = np.array([2, 0])
    saves = np.linspace(0.9, 1, 33)[1:].tolist()
    assert one._by_short_steps(rows, 400.0)[0].tolist() == [1, 2]
    assert seen["short"] == ([1, 1], 2, saves, [800, 800], 1e-6, 1e-10, 100)
    assert one.steps.tolist() == [8, -1.1, 7]
    assert one._by_long_steps(rows, 400.0)[0].tolist() == [3, 4]
    assert seen["long"] == (one.c.beta[rows].tolist(), saves, 400.0, 1e-6, 1e-10, 1000)
    seen.clear()
    assert one._by_long_steps(rows[:0], 400.0)[0].size == 0
    assert not seen


def test_pieces_are_shared_among_cores_those_of_most_steps_first(monkeypatch):
    """Each thread takes 4000 models at most, and courses 2e8 bytes in all."""
    asked = []

    def follow(self, rows, span):
        asked.append((span, rows.tolist()))
        self.steps[rows] = -rows
        return rows[rows < 3] if span < 400 else rows[:0]

    monkeypatch.setattr(_Many, "follow", follow)
    monkeypatch.setattr(module, "cores", lambda: 2)
    c = Constants.of(PARAMS, beta=np.linspace(1.4, 0.8, 7)).many()
    found = module.outcomes(c, lambda i: PARAMS)
    assert found["phase"].tolist() == [UNDECIDED] * 7
    assert set(found) == {"phase", "eps_g", "active", "growth"}
    first, second = (sorted(rows for at, rows in asked if at == span) for span in (100.0, 400.0))
    assert first == [[5, 3, 1], [6, 4, 2, 0]]
    assert second == [[0, 2], [1]]
    assert len(asked) == 4
    assert (module.PIECE, module.MEMORY, module.MOST_STEPS, module.FEW_STEPS) == (
        4000, 2e8, 20_000, 8000,
    )  # fmt: skip
    monkeypatch.setattr(module, "PIECE", 2)
    asked.clear()
    module.outcomes(c, lambda i: PARAMS)
    assert sorted(len(rows) for at, rows in asked if at == 100.0) == [1, 2, 2, 2]
    monkeypatch.setattr(module, "PIECE", 4000)
    monkeypatch.setattr(module, "MEMORY", 2 * 33 * VALUES * 8 * 3.5)
    asked.clear()
    module.outcomes(c, lambda i: PARAMS)
    assert sorted(len(rows) for at, rows in asked if at == 100.0) == [2, 2, 3]


def test_how_many_steps_are_made_at_once(monkeypatch):
    made = []
    monkeypatch.setattr(
        _Many, "follow", lambda self, rows, span: made.append(self.most) or rows[:0]
    )
    monkeypatch.setattr(module, "passed", lambda most, at_once: (most, at_once))
    monkeypatch.setattr(module, "steps_at_once", lambda params: params.dim)
    c = Constants.of(PARAMS, beta=np.array([0.8])).many()
    for each in (c, c._replace(encoder=np.array([0.5]))):
        module.outcomes(each, lambda i: PARAMS)
    assert list(dict.fromkeys(made)) == [(20_000, 1000), 8000]


def test_an_error_in_a_thread_stops_the_others(monkeypatch):
    made = []

    def follow(self, rows, span):
        made.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(_Many, "follow", follow)
    with pytest.raises(KeyboardInterrupt):
        module.outcomes(Constants.of(PARAMS, beta=np.array([0.8, 0.9])).many(), lambda i: PARAMS)
    assert made[0].stop.tolist() == [1]
