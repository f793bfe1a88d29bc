"""The method of many stages, which takes over where modes that have died limit steps."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tests.shared.reference import drift_in_classes
from vaedyn.errors import DivergenceError
from vaedyn.learning import solve
from vaedyn.learning.follow import NAMES, Directions, follow
from vaedyn.model.schedules import parse_schedule

DIRECTIONS = Directions(
    np.array([1.0, 0.6, 0.3, 0.12]), np.array([0.07, 0.02]), np.array([0.4, 0.5])
)
M, BETA, LR = 2, 0.01, 0.3  # D relaxes at rates of 15, the slowest mode at some 0.001
TIMES = np.linspace(0, 400, 41)


@pytest.fixture
def start():
    rng = np.random.default_rng(8)
    m, d = 0.1 * rng.standard_normal((2, M, 4))
    noise = [0.1 * np.eye(M) + 0.02, 0.2 * np.eye(M), 0.03 * np.ones((M, M))]
    parts = dict(zip("qer", (np.stack([x, 0.5 * x]) for x in noise), strict=True))
    return {"m": m, "d": d, **parts, "D": np.array([1.0, 0.7])}


def followed(start, anneal="constant", times=TIMES, **options):
    options = {"beta": BETA, "lam": 0.02, "lr": LR} | options
    return follow(DIRECTIONS, start, times, schedule=parse_schedule(anneal, BETA), **options)


def flat(course):
    return np.concatenate([getattr(course, name).reshape(len(course.t), -1) for name in NAMES], 1)


@pytest.mark.parametrize("anneal", ["constant", "linear:30", "tanh:0.02"])
def test_it_agrees_with_the_usual_method_in_fewer_drifts(start, anneal, monkeypatch):
    fast = followed(start, anneal, 10 * TIMES)
    monkeypatch.setattr(solve, "MOSTLY", 2.0)  # never
    usual = followed(start, anneal, 10 * TIMES)
    assert np.abs(flat(fast) - flat(usual)).max() < 2e-6
    assert np.abs(flat(usual)[-1] - flat(usual)[0]).max() > 0.5
    assert fast.info["solver"]["evaluations"] < 0.4 * usual.info["solver"]["evaluations"]
    assert usual.info["solver"]["stiff"] > 0.8 * usual.info["solver"]["steps"]


def test_it_agrees_with_an_implicit_method_of_scipy(start):
    shapes = [np.shape(start[name]) for name in NAMES]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1].astype(int)

    def slope(t, y):
        parts = [x.reshape(s) for x, s in zip(np.split(y, ends), shapes, strict=True)]
        state = dict(zip(NAMES, parts, strict=True))
        values = drift_in_classes(state, BETA, *DIRECTIONS, 0.02, LR)
        return np.concatenate([np.ravel(values[name]) for name in NAMES])

    y = np.concatenate([np.ravel(start[name]) for name in NAMES])
    truth = solve_ivp(slope, (0, 400), y, "LSODA", t_eval=TIMES, rtol=1e-9, atol=1e-11).y.T
    assert np.abs(flat(followed(start)) - truth).max() < 2e-6


def test_its_error_falls_with_the_tolerance(start, monkeypatch):
    truth = flat(followed(start, rtol=1e-10, atol=1e-12))
    errors = [
        np.abs(flat(followed(start, rtol=r, atol=0.01 * r)) - truth).max() for r in (1e-4, 1e-7)
    ]
    assert errors[1] < 1e-5
    assert errors[1] < 0.1 * errors[0]


def test_saved_times_do_not_matter(start):
    some = followed(start, times=np.array([0.0, 137.0, 400.0]))
    many = followed(start, times=np.array([0.0, 1.0, 136.99, 137.0, 137.01, 399.0, 400.0]))
    np.testing.assert_allclose(flat(some)[1:], flat(many)[[3, 6]], rtol=0, atol=2e-6)


def test_a_kink_of_beta_is_not_stepped_over(start, monkeypatch):
    jump = "points:0=0.01,200=0.01,200=0.1,300=0.1,300=0.01"
    fast = followed(start, jump)
    monkeypatch.setattr(solve, "MOSTLY", 2.0)
    assert np.abs(flat(fast) - flat(followed(start, jump))).max() < 2e-6


def test_learning_that_diverges_late_is_noticed(start):
    with pytest.raises(DivergenceError):
        followed(start, bound=1.05, times=np.array([0.0, 4000.0]))
