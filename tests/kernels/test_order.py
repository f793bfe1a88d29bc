"""The integrator is of the order that its tableau promises, and its interpolant, too."""

import numpy as np
import pytest

import vaedyn
from vaedyn.kernels import flows, ode, one, rk45
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.jit import leaf
from vaedyn.kernels.padded import interpolate, length
from vaedyn.model.schedules import Constant, Tanh
from vaedyn.model.state import pack


def rooted_trees():
    """Yield the elementary weights and densities of the rooted trees of up to five nodes."""
    A = np.hstack([rk45.STAGES, np.zeros((7, 1))])
    c, one = A.sum(axis=1), np.ones(7)
    yield from (
        (1, one, 1),
        (2, c, 2),
        (3, c**2, 3),
        (3, A @ c, 6),
        (4, c**3, 4),
        (4, c * (A @ c), 8),
        (4, A @ c**2, 12),
        (4, A @ A @ c, 24),
        (5, c**4, 5),
        (5, c**2 * (A @ c), 10),
        (5, c * (A @ c**2), 15),
        (5, c * (A @ A @ c), 30),
        (5, (A @ c) ** 2, 20),
        (5, A @ c**3, 20),
        (5, A @ (c * (A @ c)), 40),
        (5, A @ A @ c**2, 60),
        (5, A @ A @ A @ c, 120),
    )


def test_tableau_fulfils_all_conditions_of_order_five_and_four():
    np.testing.assert_allclose(rk45.STAGES.sum(axis=1), rk45.NODES, atol=1e-15)
    weights = np.append(rk45.STAGES[6], 0)
    for order, phi, density in rooted_trees():
        assert weights @ phi == pytest.approx(1 / density, abs=1e-14)
        if order <= 4:
            assert (weights - rk45.ERROR) @ phi == pytest.approx(1 / density, abs=1e-14)


@leaf
def between(target, theta, h, y, after, first, last, rest):
    """Interpolate, called by itself."""
    interpolate(target, theta, h, y, after, first, last, rest)


@pytest.mark.parametrize("theta", [0.0, 0.2, 0.5, 0.83, 1.0])
def test_the_interpolant_is_of_order_four_anywhere_in_a_step(theta):
    """Its weights, read off by unit slopes, fulfil the conditions at every fraction."""
    rows = np.zeros((6, length(7)))
    weights, start, after, first, last, rest = rows
    after[:6], first[0], last[6], rest[:7] = rk45.STAGES[6], 1, 1, rk45.DENSE
    between(weights, theta, 1.0, start, after, first, last, rest)
    weights = weights[:7]
    for order, phi, density in rooted_trees():
        if order <= 4:
            assert weights @ phi == pytest.approx(theta**order / density, abs=1e-13)


CASES = {
    "autonomous": (Constant(), 0),
    "time-dependent": (Tanh(0.7), 1),
}


def fixed_steps(schedule, code, steps, nodes=None):
    """Return the state at t = 1 after equal steps of the compiled Runge-Kutta step."""
    c = Constants(1.2, np.array([1.5]), 0.8, 0.05, 0.5, 1)
    y = pack(**vaedyn.Params(init="m=0.4,d=0.3,Q=0.7,E=0.5,R=0.2,D=0.9").overlaps())
    numbers, flow = np.array([1.2, *schedule.numbers]), flows.of_sgd(c)
    calls = flow.drift, flows.beta_address(), flow.norm
    rows = np.zeros((rk45.ROWS, length(y.size)))
    rows[7, : y.size] = y
    h = 1 / steps
    step = rk45.advance if nodes is None else plain_step(nodes, c)
    for i in range(steps):
        t = i * h
        beta = float(schedule(np.array(t), 1.2))
        one.drift(beta, rows[7], flow.box, rows[0])
        step(t, h, 0.0, np.inf, rows, code, numbers, calls, flow.box)
        rows[7] = rows[8]
    return rows[7, : y.size].copy()


def plain_step(nodes, c):
    """Return a plain Runge-Kutta step with the tableau's stages but other time nodes."""

    def step(t, h, _start, _stop, rows, code, numbers, _calls, _box):
        for stage in range(1, 7):
            rows[8] = rows[7] + h * rk45.STAGES[stage, :stage] @ rows[:stage]
            now = c._replace(beta=ode.beta_at(t + nodes[stage] * h, code, numbers))
            ode.drift(rows[8], now, np.empty(ode.scratch(1, 1)), rows[stage])

    return step


def observed_order(schedule, code, nodes=None):
    """Return the slope of log error against log step."""
    truth = fixed_steps(schedule, code, 1000)
    counts = np.array([6, 8, 12, 16, 24])
    errors = [np.abs(fixed_steps(schedule, code, n, nodes) - truth).max() for n in counts]
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


@pytest.mark.parametrize(("schedule", "code"), CASES.values(), ids=CASES.keys())
def test_steps_are_of_order_five(schedule, code):
    # five, and more where the leading error happens to be small
    assert 4.7 < observed_order(schedule, code) < 6


def test_a_wrong_time_node_spoils_the_order_of_the_time_dependent_problem_only():
    nodes = rk45.NODES.copy()
    nodes[3] = 0.79
    assert 4.7 < observed_order(*CASES["autonomous"], nodes) < 6
    assert observed_order(*CASES["time-dependent"], nodes) < 2
