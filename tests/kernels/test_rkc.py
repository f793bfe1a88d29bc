"""The method of many stages, step by step, against a plain twin that reads no constant from it.

Its Python runs, not its machine code: calls by address are replaced by plain ones.
"""

from itertools import count

import numpy as np
import pytest
from numpy.polynomial import Chebyshev

from vaedyn.kernels import rk45, rkc

DONE, PAUSED, TOO_SMALL, DIVERGED, LOST = range(5)
SLOPES = np.array([[-30.0, 2.0, 0.5], [1.0, -5.0, 0.75], [0.25, -0.5, -0.4]])


def beta_of(t):
    return 1.5 + 0.25 * np.sin(0.7 * t)


def drift(beta, y):
    return SLOPES @ y + beta * np.array([1.0, -2.0, 0.5]) - 0.05 * y**2


def chebyshev(j, w0):
    """Return T_j(w0) and its first two derivatives."""
    T = Chebyshev.basis(j)
    return T(w0), T.deriv()(w0) if j else 0.0, T.deriv(2)(w0) if j > 1 else 0.0


def step_of(t, h, stages, y, flow):
    """Return the state at t + h, by the formulas of Sommeijer, Shampine and Verwer."""
    w0 = 1 + 2 / 13 / stages**2
    T, d, e = np.array([chebyshev(j, w0) for j in range(stages + 1)]).T
    w1 = d[stages] / e[stages]
    b = np.array([e[max(j, 2)] / d[max(j, 2)] ** 2 for j in range(stages + 1)])
    a = 1 - b * T
    c = [w1 * e[j] / d[j] if j > 1 else 0.0 for j in range(stages + 1)]
    c[1] = c[2] / d[2]
    k = flow(beta_of(t), y)
    g = [y, y + b[1] * w1 * h * k]
    for j in range(2, stages + 1):
        mu, nu, fresh = 2 * b[j] * w0 / b[j - 1], -b[j] / b[j - 2], 2 * b[j] * w1 / b[j - 1]
        slope = flow(beta_of(t + c[j - 1] * h), g[-1])
        g.append(
            (1 - mu - nu) * y + mu * g[-1] + nu * g[-2] + fresh * h * slope
            - a[j - 1] * fresh * h * k
        )  # fmt: skip
    return g[-1]


def fastest_of(y, beta, direction, flow):
    """Return the rate of the fastest mode by the power method, and that mode."""
    k = flow(beta, y)
    step, rate = 1e-7 * max(np.linalg.norm(y), 1e-10), 0.0
    for _ in range(50):
        if not np.linalg.norm(direction) > 0:
            direction = k
        unit = direction / max(np.linalg.norm(direction), 1e-300)
        direction = flow(beta, y + step * unit) - k
        before, rate = rate, np.linalg.norm(direction) / step
        if abs(rate - before) <= 0.02 * rate:
            break
    return rate, direction


class Twin:
    """The control of steps, written out."""

    def __init__(self, y, h, times, flow, rtol=1e-4, atol=1e-6, norm=None):
        self.y, self.h, self.times, self.flow = np.array(y), h, times, flow
        self.rtol, self.atol, self.t, self.direction = rtol, atol, times[0], np.zeros(len(y))
        self.norm = norm or self.usual
        self.saved, self.steps, self.stages, self.least = [self.y], 0, 0, np.inf
        self.refused = self.looked = 0

    def usual(self, x, y, z):
        scale = self.atol + self.rtol * np.maximum(abs(y), abs(z))
        return np.sqrt(np.mean((x / scale) ** 2))

    def run(self, end, most=np.inf, bound=1e9):
        """Go on to a time; return why it ends."""
        made, since, rate, lost = 1, 20, 0.0, False
        while self.t < end:
            if not self.h >= 1e-14 * max(abs(self.t), 1e-3):
                return LOST if lost else TOO_SMALL
            if made >= most:
                return PAUSED
            if since >= 20:
                rate, self.direction = fastest_of(
                    self.y, beta_of(self.t), self.direction, self.flow
                )
                rate, since, made = 1.25 * rate, 0, made + 10
                self.looked += 1
            h = usual = min(self.h, (300**2 - 1) * 0.65 / max(rate, 1e-300))
            last = self.t + 1.01 * h >= end
            h = end - self.t if last else h
            stages = max(2, int(np.ceil(np.sqrt(1 + h * rate / 0.65))))
            y, k = self.y, self.flow(beta_of(self.t), self.y)
            z = step_of(self.t, h, stages, y, self.flow)
            ends = self.flow(beta_of(self.t + h), z)
            made, since, self.stages = made + stages, since + 1, self.stages + stages
            size = self.norm(0.8 * (y - z) + 0.4 * h * (k + ends), y, z)
            lost = z[-1] <= 0 and size < np.inf
            if z[-1] <= 0:
                size = np.inf
            if not size <= 1:
                self.refused += 1
                self.h = h * (max(0.2, 0.8 * size ** (-1 / 3)) if size < np.inf else 0.2)
                since = 20
                continue
            reached = end if last else self.t + h
            while len(self.saved) < len(self.times) and self.times[len(self.saved)] <= reached:
                x = (self.times[len(self.saved)] - self.t) / h
                powers = np.array([1, x, x**2, x**3])
                hermite = np.array([[1, 0, -3, 2], [0, 1, -2, 1], [0, 0, 3, -2], [0, 0, -1, 1]])
                self.saved.append(hermite @ powers @ np.array([y, h * k, z, h * ends]))
            self.t, self.y = reached, z
            self.h = h * min(5.0, 0.8 * max(size, 1e-10) ** (-1 / 3))
            if last:
                self.h = max(self.h, usual)
            self.steps += 1
            if not (abs(z) < bound).all():
                return DIVERGED
            self.least = min(self.least, z[-1])
        return DONE


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """Let the kernels be Python, and addresses be functions."""
    for name in ("copy", "length", "fastest", "step_over"):
        monkeypatch.setattr(rkc, name, getattr(rkc, name).py_func)

    def run(flow, arguments):
        beta, y, box, out = arguments
        assert box == "box"
        out[:] = flow(beta, y)

    def weight(t, kind, schedule, beta_at):
        assert (kind, schedule, beta_at) == (3, "schedule", "beta_at")
        return beta_of(t)

    monkeypatch.setattr(rkc, "run", run)
    monkeypatch.setattr(rkc, "weight", weight)
    monkeypatch.setattr(rkc, "evaluate", lambda norm, rest: norm(*rest))


class Compiled:
    """What the kernel has, and keeps, of the same integration."""

    def __init__(self, twin, norm=rk45.DONE):
        self.twin, self.norm = twin, norm
        self.y, self.direction = twin.y.copy(), np.zeros(len(twin.y))
        self.record = np.zeros(rk45.LENGTH)
        self.record[rk45.STEP], self.record[rk45.SAVED] = twin.h, 1
        self.record[rk45.TIME], self.record[rk45.LEAST] = twin.t, np.inf
        self.out = np.zeros((len(twin.times), len(twin.y)))
        self.out[0] = self.y

    def run(self, end, most=10**9, bound=1e9):
        twin = self.twin
        return rkc.integrate.py_func(
            self.y, twin.times, end, self.record, 3, "schedule",
            (twin.flow, "beta_at", self.norm), "box", 3, 1, twin.rtol, twin.atol, bound, most,
            self.direction, self.out,
        )  # fmt: skip

    def compare(self, found):
        twin, record = self.twin, self.record
        assert found == twin.status
        np.testing.assert_allclose(self.y, twin.y, rtol=1e-9)
        got = record[[rk45.TIME, rk45.STEP, rk45.LEAST]]
        np.testing.assert_allclose(got, [twin.t, twin.h, twin.least], rtol=1e-6)
        assert record[[rk45.STEPS, rk45.EVALUATIONS, rk45.SAVED]].tolist() == [
            twin.steps, twin.stages, len(twin.saved)
        ]  # fmt: skip
        np.testing.assert_allclose(self.out[: len(twin.saved)], twin.saved, rtol=1e-8)
        np.testing.assert_allclose(
            self.direction / np.linalg.norm(self.direction),
            twin.direction / np.linalg.norm(twin.direction), rtol=1e-4, atol=1e-6,
        )  # fmt: skip


START = [0.4, 0.3, 0.9]


@pytest.mark.parametrize(
    ("h", "rtol"), [(0.01, 1e-4), (3.0, 1e-4), (0.02, 1e-2), (20.0, 0.1), (1e-6, 1e-3)]
)
def test_steps_are_those_of_the_plain_twin(h, rtol):
    """Over two stretches, as up to a kink of beta and on from there."""
    twin = Twin(START, h, np.array([0.0, 0.3, 0.31, 2.0, 2.5, 6.0]), drift, rtol, rtol / 100)
    compiled = Compiled(twin)
    for end in (2.5, 6.0):
        twin.status = twin.run(end)
        compiled.compare(compiled.run(end))
    assert twin.t == 6.0
    assert twin.refused > 0


def test_the_fastest_mode_is_looked_for_every_twenty_steps():
    twin = Twin(START, 0.002, np.array([0.0, 8.0]), drift, 1e-6, 1e-9)
    compiled = Compiled(twin)
    twin.status = twin.run(8.0)
    compiled.compare(compiled.run(8.0))
    assert twin.looked == twin.refused + 1 + (twin.steps - 1) // 20 > 3


def test_the_rate_is_that_of_the_largest_eigenvalue():
    y, k = np.array(START), drift(1.25, np.array(START))
    direction = np.zeros(3)
    room = np.empty(3), np.empty(3)
    rate = rkc.fastest(y, k, 1.25, drift, "box", direction, *room)
    exact = np.abs(np.linalg.eigvals(SLOPES - 0.1 * np.diag(y))).max()
    assert rate == pytest.approx(exact, rel=0.02)
    assert rate == pytest.approx(fastest_of(y, 1.25, np.zeros(3), drift)[0], rel=1e-9)


def test_a_state_and_a_drift_of_nothing_have_no_rate():
    direction, room = np.zeros(3), (np.empty(3), np.empty(3))
    none = np.zeros(3)
    assert rkc.fastest(none, none, 1.0, lambda beta, y: 0 * y, "box", direction, *room) == 0.0


def test_a_mode_that_turns_is_given_up_after_fifty_looks():
    asked = count()

    def noisy(beta, y):
        return (2.0 + 1.5 ** next(asked)) * y

    y = np.array(START)
    room = np.empty(3), np.empty(3)
    rkc.fastest(y, 2.5 * y, 1.0, noisy, "box", y.copy(), *room)
    assert next(asked) == 50


@pytest.mark.parametrize("stages", [2, 3, 7, 20])
def test_a_step_of_any_number_of_stages(stages):
    y, h, t = np.array(START), 0.125 * stages**2 / 30, 0.75
    rooms = [np.empty(3) for _ in range(4)]
    rkc.step_over(
        t, h, stages, y, drift(beta_of(t), y), 3, "schedule", (drift, "beta_at", 0), "box", *rooms
    )
    np.testing.assert_allclose(rooms[2], step_of(t, h, stages, y, drift), rtol=1e-10)


def test_other_norms_of_errors_are_asked():
    seen = []

    def norm(x, y, z, *rest):
        seen.append(rest)
        return np.abs(x).max() / 1e-3

    twin = Twin(START, 0.01, np.array([0.0, 3.0]), drift, norm=norm)
    compiled = Compiled(twin, norm)
    twin.status = twin.run(3.0)
    seen.clear()
    compiled.compare(compiled.run(3.0))
    assert set(seen) == {(1e-4, 1e-6, "box")}


def test_it_pauses_where_enough_drifts_are_computed():
    states = {}
    for most in (1, 2, 60, 61, 62, 63, 200):
        twin = Twin(START, 0.01, np.array([0.0, 8.0]), drift)
        compiled = Compiled(twin)
        twin.status = twin.run(8.0, most)
        found = compiled.run(8.0, most)
        if most > 1:  # before the first step there is no direction
            compiled.compare(found)
        assert twin.status == PAUSED
        states[most] = twin.steps
    assert states[1] == states[2] == 0 < states[60] < states[200]


def test_a_solution_beyond_the_bound_has_diverged():
    def growing(beta, y):
        return np.array([3.0, 1.0, 0.5]) * y

    twin = Twin(START, 0.01, np.array([0.0, 5.0]), growing)
    compiled = Compiled(twin)
    assert twin.run(5.0, bound=20.0) == DIVERGED
    found = compiled.run(5.0, bound=20.0)
    assert found == DIVERGED
    assert compiled.record[rk45.TIME] == pytest.approx(twin.t)
    exactly = abs(twin.y).max()
    for bound, status in ((exactly * (1 + 1e-9), False), (exactly * (1 - 1e-9), True)):
        again = Compiled(Twin(START, 0.01, np.array([0.0, 5.0]), growing))
        again.run(5.0, bound=bound)
        assert (again.record[rk45.TIME] <= twin.t * (1 + 1e-9)) == status


def test_a_variance_that_no_step_keeps_is_lost():
    def falling(beta, y):
        return np.array([0.0, 0.0, -1.0 / max(y[2], 1e-9)])

    twin = Twin([1.0, 1.0, 0.5], 0.01, np.array([0.0, 5.0]), falling, 1e-2, 0.5)
    compiled = Compiled(twin)
    assert compiled.run(5.0) == twin.run(5.0) == LOST
    assert compiled.record[rk45.TIME] == pytest.approx(twin.t, rel=1e-6)


def test_steps_that_are_always_too_large_end_it():
    for size, factor in ((2.0, 0.8 * 2 ** (-1 / 3)), (np.inf, 0.2), (np.nan, 0.2), (1e9, 0.2)):
        compiled = Compiled(Twin(START, 0.5, np.array([0.0, 5.0]), drift), lambda *_, s=size: s)
        assert compiled.run(5.0, most=1 + 10) == PAUSED
        rate = compiled.record[rk45.STEP]
        assert rate == pytest.approx(0.5 * factor)
        assert compiled.run(5.0) == TOO_SMALL
        assert 0.1e-17 < compiled.record[rk45.STEP] < 1e-17
        assert compiled.record[rk45.STEPS] == 0


def test_the_tolerated_error_and_the_bound_themselves():
    compiled = Compiled(Twin(START, 0.5, np.array([0.0, 0.25]), drift), lambda *_: 1.0)
    assert compiled.run(0.25) == DONE
    for bound, status in ((0.9, DIVERGED), (0.9000001, DONE)):
        resting = Compiled(Twin(START, 0.5, np.array([0.0, 0.25]), lambda beta, y: 0 * y))
        assert resting.run(0.25, bound=bound) == status
