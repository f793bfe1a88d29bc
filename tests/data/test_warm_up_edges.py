"""The search for a warm-up on made-up times, and when learning has converged, at the limits."""

from types import SimpleNamespace

import numpy as np
import pytest

from vaedyn.data import warm_up as module
from vaedyn.data.warm_up import WarmUp, _arrival, _computed, _rounded, _scanned, _Trial, warm_up
from vaedyn.errors import ConvergenceError, DivergenceError, ParameterError
from vaedyn.model.schedules import Constant, parse_schedule


def test_the_loss_stays_within_a_share_from_a_time_on():
    t = np.array([0.0, 1.0, 3.0, 7.0])
    assert _arrival(t, np.array([0.0, -3.0, -2.0, -2.0]), -2.0, 0.25) == 1 + 2 * 0.5
    assert _arrival(t, np.array([-2.5, -2.5, -1.5, -2.0]), -2.0, 0.25) == 0.0
    assert _arrival(t, np.array([-2.0, -2.0, -2.0, -2.6]), -2.0, 0.25) == np.inf
    assert _arrival(t, np.array([0.0, -2.0, -1.0, -2.0]), -2.0, 0.25) == 3 + 4 * 0.5


def test_numbers_have_four_digits():
    assert _rounded([1.23456, 98765.4, 0.00012344]) == [1.235, 98770.0, 0.0001234]


class Made(_Trial):
    """A trial whose time depends on the duration, or one over the rate, of a schedule."""

    def __init__(self, constant=40.0, time=lambda x: 50.0, unit=5.0):  # not of the other
        self.constant, self._made, self.asked = constant, time, []
        self.progress, self.done, self.end, self.tol = None, 0, -2.5, 0.1
        self.found = SimpleNamespace(
            spectrum=SimpleNamespace(samples=33),
            rows=SimpleNamespace(origin={"file": "x"}, unit=unit),
        )
        self.params = SimpleNamespace(dim=12, latent=2, t_max=100.0, rate=0.05)

    def time(self, schedule, *, whole=False):
        number = float(schedule.spec.partition(":")[2]) if ":" in schedule.spec else 0.0
        self.asked.append((number, whole))
        return self._made(number)

    def from_torch(self, best):
        return np.array([3.0, 2.0])


@pytest.mark.parametrize("family", ["linear", "cosine", "tanh"])
def test_the_best_number_is_searched_for_around_the_best_so_far(family):
    make = module.FAMILIES[family]
    best = 25.0 if family != "tanh" else 0.04
    trial = Made(time=lambda x: 30 + abs(np.log(x / best)))
    told = []
    trial.progress = lambda *at: told.append(at)
    numbers, times = _scanned(trial, make)
    first = np.geomspace(0.01, 3, 24) * 40
    first = first if family != "tanh" else 1 / first[::-1]
    known = [float(f"{x:.4g}") for x in first]
    assert [x for x, _ in trial.asked[:24]] == known
    assert told == [(n, 40) for n in range(1, 41)]
    for start in (24, 32):
        nearest = min(range(len(known)), key=lambda i: abs(np.log(known[i] / best)))
        around = known[max(nearest - 1, 0)], known[min(nearest + 1, len(known) - 1)]
        between = np.geomspace(*around, 10)[1:-1]
        new = [x for x, _ in trial.asked[start : start + 8]]
        assert new == [float(f"{x:.4g}") for x in between]
        known = sorted({*known, *new})
    assert numbers.tolist() == known
    np.testing.assert_allclose(times, 30 + abs(np.log(numbers / best)), rtol=1e-14)


@pytest.mark.parametrize("best", [1e-9, 1e9])
def test_the_best_may_be_the_first_or_the_last(best):
    trial = Made(time=lambda x: 30 + abs(np.log(x / best)))
    numbers, times = _scanned(trial, module.FAMILIES["linear"])
    assert times.argmin() == (0 if best < 1 else len(times) - 1)
    assert (numbers.min(), numbers.max()) == (0.4, 120)


def result(trial):
    variables, about = _computed(trial, "linear")
    return {name: each[1] for name, each in variables.items()}, about, variables


def test_the_best_is_looked_at_to_the_end(monkeypatch):
    numbers = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    times = np.array([39.0, 20.0, 10.0, np.inf, 40.0])
    monkeypatch.setattr(module, "_scanned", lambda trial, make: (numbers, times))

    def late(x):
        return {3.0: 40.0, 2.0: 21.0, 1.8: 50.0, 2.2: 60.0, 0.0: 44.0}.get(x, np.inf)

    trial = Made(time=late)
    found, about, variables = result(trial)
    assert trial.asked == [(3.0, True), (2.0, True), (1.8, False), (2.2, False)]
    assert about == {"file": "x", "spec": "linear:2.0", "samples": 33}
    assert (found["end"], found["constant"], found["time"], found["off"]) == (-2.5, 40, 21, 60)
    assert found["torch"].tolist() == [3, 2]
    assert found["numbers"].tolist() == numbers.tolist()
    np.testing.assert_array_equal(found["times"], [39, 20, 10, np.nan, 40])
    labels = {
        "end": "loss in the end",
        "constant": "time to converge at constant beta",
        "time": "time to converge under the best warm-up",
        "off": "time to converge when the best number is off by a tenth",
        "torch": "times to converge from PyTorch's default start, at constant beta and the best",
        "numbers": "number of the schedule",
        "times": "time to converge",
    }
    assert {name: each[2]["long_name"] for name, each in variables.items()} == labels
    dims = {name: tuple(each[0]) for name, each in variables.items()}
    assert {name: each for name, each in dims.items() if each} == {
        "numbers": ("schedule",), "times": ("schedule",), "torch": ("start",),
    }  # fmt: skip


def test_none_is_better_than_constant_beta(monkeypatch):
    numbers, times = np.array([1.0, 2.0]), np.array([40.0, 41.0])
    monkeypatch.setattr(module, "_scanned", lambda trial, make: (numbers, times))
    trial = Made(time=lambda x: np.inf)
    found, about, _ = result(trial)
    assert about["spec"] == "constant"
    assert (found["time"], trial.asked) == (40, [(0.0, False)] * 2)
    assert np.isnan(found["off"])
    times[0] = 39.0
    found, about, _ = result(trial)
    assert about["spec"] == "constant"  # it was not better after all
    assert trial.asked[2:] == [(1.0, True), (0.0, False), (0.0, False)]


class Course(Made):
    """A trial whose losses are given, by schedule, at the times 0, 1/8, ... of each course."""

    time = _Trial.time
    from_torch = _Trial.from_torch

    def __init__(self, losses):
        super().__init__(constant=20.0)
        self.losses, self.ends = losses, []
        self.start = SimpleNamespace(directions="directions", parts={})

    def course(self, schedule, end, start):
        self.ends.append(end)
        self.starts = start
        loss = self.losses(end)
        return np.linspace(0, end, len(loss)), np.array(loss, float)


def test_learning_must_have_come_to_rest():
    """By half of the tolerance of a tenth, over the last half of the time."""
    trial = Course(lambda end: [0, -1, -1, -1, -1, -1.9, -2.0] if end < 400 else
                   [0, -2, -2, -2, -1.9, -1.91, -2.0])  # fmt: skip
    with pytest.raises(ConvergenceError) as error:
        trial.whole(Constant(), trial.start)
    assert str(error.value) == (
        "the loss has not come to rest by t = 800: raise --tol (0.1)"
    )  # fmt: skip
    assert trial.ends == [100, 200, 400, 800]
    trial = Course(lambda end: [0, -1, -1, -1, -1, -1.9, -2.0] if end < 400 else
                   [0, -2, -2, -2, -1.901, -1.91, -2.0])  # fmt: skip
    time, end = trial.whole(Constant(), trial.start)
    assert end == -2
    assert time == pytest.approx(400 / 6 * 0.9)
    assert trial.ends == [100, 200, 400]
    for loss in ([0.5] * 7, [0.0] * 7):  # which is not below that without latents
        with pytest.raises(ConvergenceError):
            Course(lambda end, loss=loss: loss).whole(Constant(), trial.start)
    # at half of the time it may still have changed
    fine = Course(lambda end: [0, 0, 0, 0, -2, -2, -2])
    assert fine.whole(Constant(), fine.start)[1] == -2
    assert fine.ends == [100]


def test_times_beyond_three_times_that_of_constant_beta_are_none():
    trial = Course(lambda end: [0, 0, -2.5, -2.5, -2.5, -2.5, -2.5])
    time = trial.time(Constant())
    assert trial.ends == [60]
    assert time == pytest.approx(10 + 10 * 0.9)
    trial.time(Constant(), whole=True)
    trial.params.t_max = 50.0
    trial.time(Constant(), whole=True)
    assert trial.ends[1:] == [100, 60]
    for outside, time in ((53.85, 53.89), (53.95, 53.99), (54.05, np.inf), (59.95, np.inf)):
        last = Course(lambda end, x=outside: np.where(np.linspace(0, 60, 601) <= x, 0.0, -2.5))
        assert last.time(Constant()) == pytest.approx(time, abs=1e-6)

    def fails(end):
        raise error("no")

    error = ConvergenceError
    assert Course(fails).time(Constant()) == np.inf
    error = DivergenceError
    assert Course(fails).time(Constant()) == np.inf


def test_a_course_has_800_times_from_a_tenth_of_a_step(monkeypatch):
    asked = []

    def integrated(params, found, start, t, schedule, **settings):
        asked.append((start, t, schedule, settings))

    monkeypatch.setattr(module, "integrated", integrated)
    monkeypatch.setattr(module, "as_curve", lambda *_: SimpleNamespace(loss="loss"))
    trial = Made()
    trial.settings = {"rtol": 1e-3, "atol": 1e-4}
    for end, first in ((1000.0, 0.4), (0.5, 0.005)):
        t, loss = trial.course("schedule", end, "start")
        assert loss == "loss"
        assert len(t) == 801
        np.testing.assert_allclose(t[[0, 1, -1]], [0, first, end], rtol=1e-12)
        np.testing.assert_allclose(np.diff(np.log(t[1:])), np.log(end / first) / 799)
        assert asked[-1][0] == "start"
        assert asked[-1][2:] == ("schedule", {"rtol": 1e-3, "atol": 1e-4})


def test_pytorch_starts_from_its_own_scales():
    """Of Q = N/(3M) and E = 1/3 in units of the data, whose largest variance is 5."""
    trial = Course(lambda end: [0, 0, -2, -2, -2, -2, -2])
    names = "m", "d", "q", "e", "r", "D"
    trial.start.parts = {name: np.array([2.0, 3.0]) for name in names}
    times = trial.from_torch(parse_schedule("linear:5"))
    assert times.tolist() == [pytest.approx(100 / 6 * 1.9)] * 2
    W, V = (12 / 6 / 5) ** 0.5, (5 / 3) ** 0.5
    scales = (W, V, W * W, V * V, W * V, 1)
    for name, scale in zip(names, scales, strict=True):
        np.testing.assert_allclose(trial.starts.parts[name], [2 * scale, 3 * scale], rtol=1e-14)
    assert trial.starts.directions == "directions"
    none = Course(lambda end: [0, 0, 0, 0, 0, 0, -2])
    none.start.parts = trial.start.parts
    assert np.isnan(none.from_torch(Constant())).tolist() == [True, True]


def test_units_of_a_warm_up():
    found = WarmUp(
        params=SimpleNamespace(dim=12, batch=5), samples=40, family="tanh", tol=0.1, end=-1.0,
        constant=30.0, spec="tanh:2", time=12.0, off=20.0, torch=np.zeros(2), numbers=np.zeros(1),
        times=np.zeros(1),
    )  # fmt: skip
    assert (found.gain, found.steps(2.5), found.epochs(2.5)) == (2.5, 30, 3.75)


@pytest.fixture
def table(monkeypatch):
    """A table whose largest eigenvalue is 4, on its rows, and a model that suits it."""
    params = SimpleNamespace(
        beta=1.5, lam=0.0, adam=False, to_dict=lambda: {"points": 1, "anneal": 2, "t_max": 3}
    )
    spectrum = SimpleNamespace(eigenvalues=np.array([5.0]), samples=5, directions=np.eye(3))
    found = SimpleNamespace(spectrum=spectrum, epochs="many", rows=SimpleNamespace(digest="d"))
    monkeypatch.setattr(module, "looked", lambda *given, **settings: found)
    monkeypatch.setattr(module, "suited", lambda found, beta, **settings: params)
    monkeypatch.setattr(module, "kept", lambda *given: given)
    monkeypatch.setattr(WarmUp, "from_kept", lambda *given, **more: (*given, more))
    found.params = params
    return found


def test_it_is_kept_under_all_that_it_depends_on(table):
    params, samples, kept, more = warm_up("data", store="store")
    assert (params, samples) == (table.params, 5)
    assert kept[:2] == ("store", "warmup")
    assert kept[2] == {
        "data": "d", "family": "linear", "tol": 0.01, "rtol": 1e-6, "atol": 1e-8, "known": 3,
        "numerics": module.NUMERICS["warmup"],
    }  # fmt: skip
    assert more == {"family": "linear", "tol": 0.01}
    other = warm_up("data", "tanh", tol=0.999, rtol=1e-3, atol=1e-4)[2][2]
    assert (other["family"], other["tol"], other["rtol"], other["atol"]) == (
        "tanh", 0.999, 1e-3, 1e-4,
    )  # fmt: skip


def test_what_makes_no_sense_is_refused_in_one_line(table):
    def refused(*given, **settings):
        with pytest.raises(ParameterError) as error:
            warm_up("data", *given, **settings)
        return str(error.value)

    assert refused("free") == (
        "family: expected one of tanh, linear, cosine on data, got 'free'"
    )  # fmt: skip
    assert refused(tol=1.0) == "tol: must be below 1, a share of the final loss, got 1"
    for name in ("anneal", "t_max", "points"):
        assert refused(**{name: 3}) == f"{name}: is found for the warm-up: leave it out"
    for beta, text in ((3.9999, None), (4.0, "got 4"), (7.0, "got 7")):
        table.params.beta = beta
        if text:
            assert refused() == f"beta: must be below 4, where all latents collapse, {text}"
        else:
            warm_up("data")
    table.params.beta, table.params.lam = 1.5, 0.1
    assert refused().startswith("lam: is not derived")
