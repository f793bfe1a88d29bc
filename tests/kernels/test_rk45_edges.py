"""Why the integrator stops, how it begins, and what it counts: its Python, with plain vectors."""

import numpy as np
import pytest

from vaedyn.kernels import adam, rk45
from vaedyn.kernels.rk45 import DIVERGED, DONE, PAUSED, STEP_TOO_SMALL, VARIANCE_LOST

ADVANCE = rk45.advance.py_func
SLOPES = np.array([[-0.5, 0.25], [0.125, -0.75]])


def drift(beta, y):
    return SLOPES @ y + beta * np.array([0.25, 0.5])


def beta_of(t):
    return 1.0 + 0.1 * t


class Plain:
    """The integrator with functions for addresses and arrays for padded rows."""

    def __init__(self, monkeypatch, flow=drift, norm=0):
        self.flow, self.norm, self.asked = flow, norm, []

        def combine(target, y, scale, weights, rows, count):
            target[:] = y + scale * (np.asarray(weights)[:count] @ rows[:count])

        def interpolate(target, theta, h, y, after, first, last, rest):
            rise = after - y
            start = h * first - rise
            bend = rise - h * last - start
            other = 1 - theta
            target[:] = y + theta * (rise + other * (start + theta * (bend + other * rest)))

        def run(flow, arguments):
            beta, y, _, out = arguments
            self.asked.append(beta)
            out[:] = flow(beta, y)

        for name, fake in {
            "combine": combine, "interpolate": interpolate, "run": run,
            "copy": lambda source, target: target.__setitem__(slice(None), source),
            "distance": lambda x, y: float(((x - y) ** 2).sum()),
            "excess": lambda x, y, z, rtol, atol: float(
                ((x / (atol + rtol * np.maximum(abs(y), abs(z)))) ** 2).sum()
            ),
            "evaluate": lambda norm, rest: norm(*rest),
            "weight": lambda t, kind, schedule, beta_at: beta_of(t),
            "advance": ADVANCE,
        }.items():  # fmt: skip
            monkeypatch.setattr(rk45, name, fake)

    def begin(self, y, times, **entries):
        self.times = np.array(times)
        self.out = np.full((len(times), len(y)), np.nan)
        self.record = np.zeros(rk45.LENGTH)
        self.rows = np.zeros((rk45.ROWS, len(y)))
        self.record[rk45.TIME], self.record[rk45.SAVED] = times[0], 1
        self.record[rk45.LAST_ERROR], self.record[rk45.LEAST] = 1e-4, np.inf
        self.record[rk45.REACH] = times[0]
        for name, value in entries.items():
            self.record[getattr(rk45, name)] = value
        self.rows[rk45.NOW], self.out[0] = y, y
        return self

    def go(self, most=1000, rtol=1e-4, atol=1e-6, bound=1e9, stops=(), latent=1):
        size = len(self.rows[0])
        return rk45.integrate.py_func(
            size, self.times, np.array(stops), self.record, 0, None,
            (self.flow, None, self.norm), "box", size, latent, self.rows, rtol, atol, bound,
            most, self.out,
        )  # fmt: skip

    def __getitem__(self, name):
        return self.record[getattr(rk45, name)]


@pytest.fixture
def plain(monkeypatch):
    return lambda *how: Plain(monkeypatch, *how)


START = [0.5, 0.75]


def test_what_a_record_begins_with():
    out = np.full((3, 2), np.nan)
    record, rows = rk45.begin(np.array(START), np.array([0.25, 1.0, 2.0]), out)
    assert record.tolist() == [0.25, 0, 1e-4, 0, 1, 0, 0, 0, np.inf, 0.25]
    assert rows.shape[0] == 12
    assert rows[7, :2].tolist() == out[0].tolist() == START
    assert (rk45.DONE, PAUSED, STEP_TOO_SMALL, DIVERGED, VARIANCE_LOST) == (0, 1, 2, 3, 4)
    assert (rk45.ASIDE, rk45.SHARE, rk45.NOW, rk45.ZEROS) == (1e-9, 1e-3, 7, 11)


def size_of(x, y, rtol=1e-4, atol=1e-6):
    return np.sqrt((((x / (atol + rtol * np.abs(y))) ** 2).sum()) / len(y))


@pytest.mark.parametrize(
    ("y", "flow"),
    [
        (START, drift),
        ([1e-13, 1e-13], drift),
        (START, lambda beta, y: 1e-12 * y),
        (START, lambda beta, y: np.full(2, 1e-12)),
        (START, lambda beta, y: 400.0 * y),
        ([1e5, 3e5], lambda beta, y: np.array([1e-3, 2e-3])),
    ],
)
def test_the_first_step(plain, y, flow):
    """As in Hairer, Norsett and Wanner, section II.4, for order 5."""
    mine = plain(flow).begin(y, [0.0, 1.0])
    assert mine.go(most=0) == PAUSED
    y = np.array(y)
    k = flow(1.0, y)
    state, slope = size_of(y, y), size_of(k, y)
    h = tried = 1e-6 if state < 1e-5 or slope < 1e-5 else 0.01 * state / slope
    change = size_of(flow(beta_of(h), y + h * k) - k, y) / h
    steepest = max(change, slope)
    h = max(1e-6, 1e-3 * h) if steepest <= 1e-15 else min(100 * h, (0.01 / steepest) ** 0.2)
    assert mine["STEP"] == pytest.approx(h, rel=1e-12)
    assert mine["EVALUATIONS"] == 2
    assert (mine["TIME"], mine["STEPS"]) == (0, 0)
    assert mine.asked == [1.0, pytest.approx(beta_of(tried), rel=1e-12)]


def test_a_drift_of_nothing_has_a_first_step(plain):
    mine = plain(lambda beta, y: 0 * y).begin(START, [0.0, 1.0])
    assert mine.go(most=0) == PAUSED
    assert mine["STEP"] == 1e-6
    assert mine.go() == DONE
    assert mine.out[-1].tolist() == START
    assert mine["LEAST"] == 0.75


def test_steps_are_counted_and_may_be_cut(plain):
    whole = plain().begin(START, [0.0, 0.5, 2.0, 30.0])
    assert whole.go() == DONE
    assert whole["TIME"] == 30.0
    made = int(whole["STEPS"])
    assert whole["EVALUATIONS"] >= 2 + 6 * made
    cut = plain().begin(START, [0.0, 0.5, 2.0, 30.0])
    calls = 0
    while cut.go(most=1) == PAUSED:
        calls += 1
        assert cut["REACH"] >= cut["TIME"]
    assert calls <= made + 5
    np.testing.assert_allclose(cut.out, whole.out, rtol=1e-13)
    assert cut["STEPS"] == made
    exact = plain().begin(START, [0.0, 0.5, 2.0, 30.0])
    assert exact.go(rtol=1e-10, atol=1e-12) == DONE
    np.testing.assert_allclose(whole.out, exact.out, rtol=3e-4)


@pytest.mark.parametrize(
    ("size", "factor"),
    [(2.0, 0.9 * 2**-0.17), (1e9, 0.2), (np.inf, 0.2), (np.nan, 0.2), (1.0001, 0.9)],
)
def test_a_step_that_is_refused_is_made_shorter(plain, size, factor):
    mine = plain(drift, lambda *_: size).begin(START, [0.0, 9.0], STEP=0.5)
    assert mine.go(most=1) == PAUSED
    assert mine["STEP"] == pytest.approx(0.5 * factor, rel=1e-4)
    assert (mine["REJECTED"], mine["STEPS"], mine["TIME"]) == (1, 0, 0)
    assert mine["EVALUATIONS"] == 1 + 6
    assert mine["REACH"] == pytest.approx(0.505)
    assert mine.go() == STEP_TOO_SMALL
    assert mine["STEP"] < 1e-17


@pytest.mark.parametrize(
    ("size", "before", "rejected", "factor"),
    [
        (1.0, 1.0, 0, 0.9), (0.5, 1e-2, 0, 0.9 * 0.5**-0.17 * 1e-2**0.04),
        (1e-12, 1.0, 0, 10.0), (0.0, 1e-4, 0, 10.0), (1e-3, 1.0, 1, 1.0),
        (0.9, 1e-30, 0, 0.2),
    ],
)  # fmt: skip
def test_a_step_that_is_made_sets_the_next(plain, size, before, rejected, factor):
    mine = plain(lambda beta, y: np.array([0.5, 0.25]), lambda *_: size).begin(
        START, [0.0, 99.0], STEP=0.125, LAST_ERROR=before, REJECTED=rejected
    )
    assert mine.go(most=1) == PAUSED
    assert mine["TIME"] == 0.125
    assert mine["STEP"] == pytest.approx(0.125 * factor, rel=1e-9)
    assert (mine["REJECTED"], mine["STEPS"]) == (0, 1)
    assert mine["LAST_ERROR"] == pytest.approx(max(size, 1e-4))


def test_the_last_step_may_be_stretched_by_a_hundredth(plain):
    for end, steps in ((0.126, 1), (0.1263, 2)):
        mine = plain(drift, lambda *_: 1.0).begin(START, [0.0, end], STEP=0.125)
        mine.go(most=1)
        assert (mine["TIME"] == end) == (steps == 1)
    mine = plain(drift, lambda *_: 1.0).begin(START, [0.0, 0.01], STEP=0.125)
    assert mine.go() == DONE
    assert mine["STEP"] == 0.125  # as it would have been


def test_kinks_are_met_and_seen_from_both_sides(plain):
    mine = plain().begin(START, [0.0, 9.0], STEP=0.5)
    assert mine.go(stops=[1.0, 2.0], most=1000) == DONE
    times = [(beta - 1.0) / 0.1 for beta in mine.asked]
    for kink in (1.0, 2.0):
        near = [t for t in times if abs(t - kink) < 1e-6]
        assert min(near) < kink < max(near)
        assert all(0.9e-9 < abs(t - kink) / kink < 1.1e-9 for t in near)


def test_what_leaves_the_bound_has_diverged(plain):
    resting = plain(lambda beta, y: 0 * y)
    for bound, status in ((0.75, DIVERGED), (0.7500001, DONE)):
        assert resting.begin(START, [0.0, 1.0]).go(bound=bound) == status
    growing = plain(lambda beta, y: 2 * y).begin(START, [0.0, 50.0])
    assert growing.go(bound=1e4) == DIVERGED
    assert growing["TIME"] == pytest.approx(np.log(1e4 / 0.75) / 2, rel=0.2)


def test_variances_that_steps_lead_through_zero_are_lost(plain):
    mine = plain(lambda beta, y: np.array([0.0, -1.0])).begin([0.5, 0.75], [0.0, 9.0])
    assert mine.go() == VARIANCE_LOST
    assert mine["TIME"] == pytest.approx(0.75, rel=1e-9)
    assert 0 < mine["LEAST"] < 1e-9
    # not of what is no variance
    other = plain(lambda beta, y: np.array([-1.0, 0.0])).begin([0.5, 0.75], [0.0, 9.0])
    assert other.go() == DONE


def test_errors_of_variances_count_where_they_vanish(plain):
    """A step's error may be a thousandth of the smaller variance at its ends."""
    seen = []
    mine = plain(lambda beta, y: np.array([0.0, 0.5 * y[1] * np.sin(40 * y[0]) - 3 * y[1]]),
                 lambda *_: 0.0).begin([0.5, 0.75], [0.0, 9.0], STEP=0.9)  # fmt: skip
    mine.go(most=1)
    seen.append(mine["REJECTED"])
    error = mine.rows[rk45.ERRORS]
    smaller = min(0.75, mine.rows[rk45.AFTER][1])
    found = abs(error[1]) / (1e-3 * smaller)
    assert found > 1
    assert seen == [1]
    assert mine["STEP"] == pytest.approx(0.9 * max(0.2, 0.9 * found**-0.17))


def test_the_stability_of_steps_is_watched(plain):
    """Of a decay at rate 1, a step is at the edge where h is above 3.25."""
    for h, stiff in ((3.2, 0), (3.3, 1)):
        mine = plain(lambda beta, y: np.array([-y[0], 0.0]), lambda *_: 0.5)
        mine.begin([0.5, 2.0], [0.0, 99.0], STEP=h).go(most=1)
        assert (mine["STEPS"], mine["STIFF"]) == (1, stiff)


# ---- errors and rates under Adam


def test_norms_of_errors_under_adam():
    """Of two latents and a signal, entry by entry."""
    rng = np.random.default_rng(2)
    M, K = 2, 1
    count = 2 * M * K + 3 * M * M + M + 3 * M + 1
    assert adam.count.py_func(M, K) == count
    x, y, z = rng.normal(size=(3, count))
    d, Q, E, R, D, v = 2, 4, 8, 12, 16, 18
    rtol, atol = 0.02, 0.05
    y[[Q, Q + 3, E, E + 3]] = [0.3, -0.2, 0.5, 1e-260]
    z[[Q, Q + 3, E, E + 3]] = [0.2, -0.1, 0.75, 0.0]
    W = np.array([0.3**0.5, 1e-100])
    V = np.array([0.75**0.5, 1e-100])
    scale = np.ones(count)
    for i in range(M):
        scale[i], scale[d + i] = W[i], V[i]
        for j in range(M):
            scale[Q + 2 * i + j] = W[i] * W[j]
            scale[E + 2 * i + j] = V[i] * V[j]
            scale[R + 2 * i + j] = W[i] * V[j]
        scale[v + i] = scale[v + 2 + i] = 1e-100
    assert D == 16
    x *= scale
    exact = x / (atol * scale + rtol * np.maximum(abs(y), abs(z)))
    c = type("C", (), {"latent": M, "rho": np.ones(K)})()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("length", "of_one"):
            patch.setattr(adam, name, getattr(adam, name).py_func)
        found = adam.norm.py_func(x, y, z, rtol, atol, c)
    assert found == pytest.approx(np.sqrt((exact**2).mean()), rel=1e-9)


def test_rates_over_roots():
    over_root = adam.over_root.py_func
    assert over_root(0.5, 0.25, 0.5, 0.125) == pytest.approx(0.5 / (0.125 + 0.5**0.5))
    assert over_root(0.5, 0.0, 0.5, 0.125) == 4.0
    assert over_root(0.5, -1.0, 0.5, 0.125) == 4.0
    assert over_root(0.5, 0.0, 0.5, 0.0) == 0.0
    room, rates, N, kappa, epsilon = adam.workspace(2, 3, 400, 0.75, 1e-3)
    assert (N, kappa, epsilon) == (400.0, pytest.approx(-400 * np.log(0.75)), 1e-3)
    assert room.shape == (10 * 4 + 2 * 6 + 6,)
    assert rates.shape == (5, 2)
