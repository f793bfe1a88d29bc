"""The integrator's steps, one by one, against a plain twin that reads no constant from it."""

import numpy as np
import pytest

import vaedyn
from tests.shared import reference
from vaedyn.kernels import rk45
from vaedyn.learning.theory import integrate
from vaedyn.model.state import pack

NODES = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]
WEIGHTS = [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
]
FOURTH = [5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40]


class Twin:
    """Dormand and Prince's pair with the step control of the compiled one."""

    def __init__(self, params, rtol, atol):
        self.params, self.rtol, self.atol = params, rtol, atol
        self.kinks = params.schedule.kinks(np.nextafter(params.t_max, np.inf)).tolist()
        self.evaluations = self.steps = self.stiff = self.rejected = 0
        self.least, self.end = np.inf, params.t_max

    def slope(self, t, y, start=0.0, stop=np.inf):
        """Return the drift, with beta as it is after `start` and before `stop`."""
        self.evaluations += 1
        p = self.params
        t = min(max(t, start * (1 + 1e-9)), stop * (1 - 1e-9))
        beta = float(p.schedule(np.array(t), p.beta))
        return reference.drift(y, beta, p.strengths, p.eta, p.lam, p.lr, p.latent)

    def norm(self, x, y, z):
        scale = self.atol + self.rtol * np.maximum(np.abs(y), np.abs(z))
        return np.sqrt(np.mean((x / scale) ** 2))

    def first(self, y, slope):
        """Return the first step, as in Hairer, Norsett and Wanner, section II.4."""
        size, rise = self.norm(y, y, y), self.norm(slope, y, y)
        h = 0.01 * size / rise
        bend = self.norm(self.slope(h, y + h * slope) - slope, y, y) / h
        return min(100 * h, (0.01 / max(rise, bend)) ** (1 / 5))

    def stages(self, t, y, h, k, start, stop):
        """Return the drifts of one step, and the states of its last two stages."""
        k, seen = [k], []
        for node, weights in zip(NODES[1:], WEIGHTS[1:], strict=True):
            seen.append(y + h * np.tensordot(weights, k[: len(weights)], 1))
            k.append(self.slope(t + node * h, seen[-1], start, stop))
        return np.array(k), *seen[-2:]

    def error(self, y, after, k, h):
        """Return the error in units of what is tolerated, of which D may lose a thousandth."""
        error = h * (np.append(WEIGHTS[6], 0) - FOURTH) @ k
        D, new = y[-self.params.latent :], after[-self.params.latent :]
        if not (new > 0).all():
            return np.inf
        lost = np.abs(error[-len(D) :]) / (1e-3 * np.minimum(D, new))
        return max(self.norm(error, y, after), lost.max())

    def run(self):
        """Return the states at the end of every step, and its times."""
        t, y, last, refused = 0.0, pack(**self.params.overlaps()), 1e-4, False
        k0 = self.slope(0.0, y, 0.0)
        h = self.first(y, k0)
        times, states = [t], [y]
        while t < self.end:
            passed = [kink for kink in self.kinks if kink <= t]
            ahead = [kink for kink in self.kinks if kink > t]
            target = ahead[0] if ahead else self.end
            usual, ends = h, t + 1.01 * h >= target
            h = target - t if ends else h
            start, stop = passed[-1] if passed else 0.0, ahead[0] if ahead else np.inf
            k, before, after = self.stages(t, y, h, k0, start, stop)
            size = self.error(y, after, k, h)
            if size > 1:
                h *= max(0.2, 0.9 * size**-0.17)
                refused, self.rejected = True, self.rejected + 1
                continue
            speed = np.linalg.norm(k[6] - k[5]) / np.linalg.norm(after - before)
            self.stiff += h * speed > 3.25
            t, y, k0 = target if ends else t + h, after, k[6]
            if ends and t < self.end:
                k0 = self.slope(t * (1 + 1e-9), y)
            size = max(size, 1e-10)
            factor = max(0.2, min(10.0, 0.9 * size**-0.17 * last**0.04))
            factor = min(factor, 1.0) if refused else factor
            h = max(h * factor, usual) if ends else h * factor
            refused, last = False, max(size, 1e-4)
            self.steps += 1
            self.least = min(self.least, y[-self.params.latent :].min())
            times.append(t)
            states.append(y)
        return np.array(times), np.array(states)


START = "m=0.4,d=0.3,Q=0.7,E=0.5,R=0.2,D=0.9"
ONE = {"rho": 1.7, "eta": 0.6, "lam": 0.07, "init": START}
TWO = {"latent": 2, "signal": 2, "rho": (2.3, 1.2), "eta": 0.7, "beta": 0.9, "dim": 300}
CASES = {
    "smooth": ({**ONE, "beta": 0.8, "lr": 0.3, "t_max": 40}, 1e-5, 1e-7),
    "loose": ({**ONE, "beta": 0.8, "lr": 0.3, "t_max": 40}, 1e-2, 1e-3),
    "two": ({**TWO, "lam": 0.03, "lr": 0.2, "t_max": 60}, 1e-4, 1e-5),
    "stability": ({**TWO, "lam": 0.03, "lr": 0.4, "t_max": 150}, 1e-3, 1e-4),
    "kinks": ({**ONE, "beta": 1.4, "lr": 0.3, "t_max": 90, "anneal": "cyclical:25:0.4"},
              1e-4, 1e-6),
    "jump": ({**ONE, "beta": 2.5, "lr": 0.3, "t_max": 60,
              "anneal": "points:0=0.5,20=0.2,20=2.5"}, 1e-6, 1e-7),
    "dip": ({**ONE, "beta": 1.5, "lr": 0.3, "t_max": 60,
             "anneal": "points:0=1.5,20=0,40=1.5"}, 1e-2, 0.9),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_of_the_plain_twin(case):
    constants, rtol, atol = CASES[case]
    params = vaedyn.Params(points=2, **constants)
    twin = Twin(params, rtol, atol)
    times, states = twin.run()
    assert twin.stiff > 0 or case != "stability"
    assert twin.rejected > 0 or case not in ("jump", "dip")
    compare(twin, times, states)


def compare(twin, times, states):
    """Let the compiled integrator save at the ends of the twin's steps."""
    params = twin.params
    got, solver = integrate(
        params, pack(**params.overlaps()), times, params.schedule, rtol=twin.rtol, atol=twin.atol
    )
    assert solver["steps"] == twin.steps
    assert solver["evaluations"] == twin.evaluations
    assert solver["stiff"] == twin.stiff
    assert solver["least_variance"] == pytest.approx(twin.least, rel=1e-9)
    np.testing.assert_allclose(got, states, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("share", "steps"), [(0.995, 6), (1.005, 6), (1.015, 7)])
def test_the_last_step_is_stretched_by_a_hundredth_at_most(share, steps):
    constants, rtol, atol = CASES["smooth"]
    params = vaedyn.Params(points=2, **constants)
    times, _ = Twin(params, rtol, atol).run()
    twin = Twin(params, rtol, atol)
    twin.end = times[5] + share * (times[6] - times[5])
    compare(twin, *twin.run())
    assert twin.steps == steps


def test_the_twin_has_the_tableau():
    for stage, weights in enumerate(WEIGHTS):
        np.testing.assert_allclose(rk45.STAGES[stage, : len(weights)], weights, rtol=1e-15)
    np.testing.assert_allclose(rk45.ERROR, np.append(WEIGHTS[6], 0) - FOURTH, atol=1e-16)
