"""The ODE: its right-hand side against the chain, its integrator against order and scipy."""

import itertools
from dataclasses import replace

import numba
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import vaedyn
from tests.shared import reference
from vaedyn.kernels import ode
from vaedyn.kernels.constants import Constants
from vaedyn.kernels.product import multiply
from vaedyn.kernels.stream import open_stream
from vaedyn.learning import engines
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import count, pack

SIZES = [(1, 1), (2, 1), (2, 2), (2, 3), (4, 2), (5, 3), (8, 4)]


def evaluate(y, beta, rho, eta, lam, lr, latent):
    out = np.full_like(y, np.nan)
    c = Constants(beta, rho, eta, lam, lr, latent)
    ode.drift(y, c, np.full(ode.scratch(latent, len(rho)), np.nan), out)
    return out


@numba.njit
def product(out, at, a, left, b, right, rows, inner, columns):
    U = np.uint64
    multiply(out, U(at), a, U(left), b, U(right), U(rows), U(inner), U(columns))


@pytest.mark.parametrize("kind", [float, complex])
def test_products_of_any_shape_are_added_in_place(kind):
    rng = np.random.default_rng(3)
    for rows, inner, columns in itertools.product(
        (1, 3, 4, 5, 8, 9), (1, 2, 5), (1, 2, 3, 4, 7, 8, 13, 20)
    ):
        a, b, out = (rng.standard_normal(600).astype(kind) for _ in range(3))
        at, left, right = rng.integers(0, 9, 3)
        expected = out.copy()
        A = a[left : left + rows * inner].reshape(rows, inner)
        B = b[right : right + inner * columns].reshape(inner, columns)
        expected[at : at + rows * columns] += (A @ B).ravel()
        product(out, at, a, left, b, right, rows, inner, columns)
        np.testing.assert_allclose(out, expected, atol=1e-13)


@pytest.mark.parametrize(("latent", "signal"), SIZES)
def test_drift_is_the_written_equations(latent, signal):
    rng = np.random.default_rng(latent + 10 * signal)
    for _ in range(5):
        y = reference.random_state(rng, latent, signal)
        rho = rng.uniform(0.5, 3, signal)
        args = (*rng.uniform(0.1, 2, 1), rho, *rng.uniform(0.05, 1.5, 3))
        np.testing.assert_allclose(
            evaluate(y, *args, latent), reference.drift(y, *args, latent), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize(("latent", "signal"), SIZES)
def test_jacobian_is_that_of_finite_differences(latent, signal):
    rng = np.random.default_rng(5)
    y = reference.random_state(rng, latent, signal)
    args = (0.8, rng.uniform(0.5, 3, signal), 0.9, 0.1, 0.2)
    matrix = ode.jacobian(y, Constants(*args, latent))
    for j in range(len(y)):
        # the compiled drift returns symmetric dQ and dE for any input, as the twin need not
        h = np.zeros_like(y)
        h[j] = 1e-6
        column = (evaluate(y + h, *args, latent) - evaluate(y - h, *args, latent)) / 2e-6
        np.testing.assert_allclose(matrix[:, j], column, atol=1e-8)


@pytest.mark.parametrize(("latent", "signal"), [(1, 1), (2, 1), (2, 2)])
def test_drift_is_the_mean_change_of_the_exact_chain(latent, signal):
    """N times the mean of one step's change, within its standard error; and no other drift.

    Half of the time it misses what adds 0.015 to dQ/dt and dE/dt or 0.01 to the others, 2 % of
    the larger ones. What such a step is, and its mean, is exact in other files.
    """
    model = {
        "dim": 10**6, "latent": latent, "signal": signal, "lr": 0.5, "lam": 0.1, "eta": 0.7,
        "rho": (2.3, 1.2)[:signal],
    }  # fmt: skip
    init = "m=0.4,d=0.5,Q=0.9,E=0.6,R=0.3,D=0.7"
    params = vaedyn.Params(**model, beta=0.8, init=init, t_max=1, points=2)
    engine = engines.exact_engine(params)
    stream = open_stream(np.random.SeedSequence(1))
    samples = 60_000
    start = pack(**params.overlaps())
    change = np.empty((samples, count(latent, signal)))
    for i in range(samples):
        state = [array.copy() for array in engine.state]
        engine.advance(
            stream, np.array([0.8]), np.array([1]), *state, *engine.constants, change[i : i + 1]
        )
    change = (change - start) * params.dim
    mean, error = change.mean(axis=0), change.std(axis=0) / np.sqrt(samples) + 1e-6
    args = (start, 0.8, params.strengths, 0.7, 0.1, 0.5, latent)
    assert (np.abs(mean - evaluate(*args)) / error).max() < 4
    wrong = reference.drift(*args, noise=False)
    assert (np.abs(mean - wrong) / error).max() > 20


# --- the integrator ---------------------------------------------------------------------


def scipy_solution(params, times, **settings):
    start = pack(**params.overlaps())

    def slope(t, y):
        beta = float(params.schedule(np.array(t), params.beta))
        return reference.drift(
            y, beta, params.strengths, params.eta, params.lam, params.lr, params.latent
        )

    solution = solve_ivp(slope, (0, times[-1]), start, t_eval=times, **settings)
    return solution.y.T


MODELS = {
    "default": {},
    "annealed": {
        "rho": 1.4, "eta": 0.8, "beta": 0.9, "anneal": "tanh:0.02", "lr": 0.1, "t_max": 100,
        "lam": 0.15,
    },
    "M=2": {
        "latent": 2, "signal": 2, "rho": (2.3, 1.2), "eta": 0.7, "beta": 0.9, "lam": 0.03,
        "lr": 0.2, "t_max": 100,
    },
    "M=3,M*=1": {
        "latent": 3, "rho": 1.3, "eta": 0.8, "beta": 0.6, "lam": 0.02, "lr": 0.1, "t_max": 150,
    },
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_theory_is_as_accurate_as_scipy_at_the_same_tolerances(model):
    params = vaedyn.Params(points=101, **model)
    ours = vaedyn.theory(params)
    y = pack(ours.m, ours.d, ours.Q, ours.E, ours.R, ours.D)
    truth = scipy_solution(params, ours.t, method="DOP853", rtol=1e-13, atol=1e-14)
    scipys = scipy_solution(params, ours.t, method="RK45", rtol=1e-8, atol=1e-10)
    error = np.abs(y - truth).max()
    assert error < 2 * np.abs(scipys - truth).max() + 1e-9
    assert error < 1e-6


def test_tighter_tolerances_give_smaller_errors():
    params = vaedyn.Params(lr=0.1, t_max=100, points=31)
    tight = vaedyn.theory(params, rtol=1e-13, atol=1e-14)
    errors = [
        np.abs(vaedyn.theory(params, rtol=rtol, atol=rtol).Q - tight.Q).max()
        for rtol in (1e-4, 1e-6, 1e-8, 1e-10)
    ]
    assert all(b < a / 5 for a, b in itertools.pairwise(errors))


def test_interpolated_states_are_those_that_steps_end_on():
    """A time is met as well by dense output as by a step that ends there."""
    params = vaedyn.Params(lr=0.1, t_max=50, points=2)
    start = pack(**params.overlaps())
    settings = {"rtol": 1e-10, "atol": 1e-12}
    times = np.linspace(0, 50, 41)
    dense, _ = integrate(params, start, times, Constant(), **settings)
    for i in (1, 7, 20, 33):
        direct, _ = integrate(params, start, times[[0, i]], Constant(), **settings)
        np.testing.assert_allclose(dense[i], direct[-1], atol=1e-9)


def test_a_paused_integration_goes_on_as_if_it_had_not_been(monkeypatch):
    params = vaedyn.Params(lr=0.1, t_max=100, points=31)
    whole = vaedyn.theory(params)
    monkeypatch.setattr("vaedyn.learning.theory.steps_at_once", lambda *_: 7)
    seen = []
    pieces = vaedyn.theory(params, progress=lambda *numbers: seen.append(numbers))
    np.testing.assert_array_equal(whole.Q, pieces.Q)
    assert whole.info["solver"]["steps"] == pieces.info["solver"]["steps"]
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)
    assert len(seen) > 5


def test_steps_limited_by_stability_are_counted():
    calm = vaedyn.theory(vaedyn.Params()).info["solver"]
    fast = vaedyn.theory(vaedyn.Params(lr=0.5, t_max=5000)).info["solver"]
    assert calm["stiff"] == 0
    assert fast["stiff"] > 0.5 * fast["steps"]


def test_divergence_is_said_with_its_time():
    with pytest.raises(vaedyn.DivergenceError, match=r"diverges near t = .* rate 3: lower --lr"):
        vaedyn.theory(vaedyn.Params(lr=3))


def test_a_slow_exponential_growth_is_divergence_too():
    with pytest.raises(vaedyn.DivergenceError, match="diverges"):
        vaedyn.theory(vaedyn.Params(latent=2, signal=2, lr=1.5, dim=500))


def test_a_variance_that_reaches_zero_is_said():
    params = vaedyn.Params(beta=0, lr=0.01, init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1")
    with pytest.raises(vaedyn.DivergenceError, match="D reached zero at t = 5.*above zero"):
        vaedyn.theory(params)


def test_too_many_steps_are_said(monkeypatch):
    monkeypatch.setattr("vaedyn.learning.theory.steps_at_once", lambda *_: 5)
    monkeypatch.setattr("vaedyn.learning.theory.MOST_STEPS", 20)
    with pytest.raises(vaedyn.ConvergenceError, match=r"stopped at t = .* after 20 steps.*--rtol"):
        vaedyn.theory(vaedyn.Params())


@pytest.mark.parametrize(
    ("name", "value"), [("rtol", 0), ("rtol", 1e-16), ("atol", -1), ("atol", float("nan"))]
)
def test_bad_tolerances_are_named(name, value):
    with pytest.raises(vaedyn.ParameterError, match=f"^{name}: must be"):
        vaedyn.theory(vaedyn.Params(), **{name: value})


@pytest.mark.parametrize("spec", ["constant", "tanh:0.3"])
def test_compiled_schedules_are_the_plain_ones(spec):
    schedule = vaedyn.Params(anneal=spec).schedule
    t = np.linspace(0, 20, 50)
    numbers = np.array([1.7, *schedule.numbers])
    compiled = [ode.beta_at(time, schedule.code, numbers) for time in t]
    np.testing.assert_allclose(compiled, schedule(t, 1.7), rtol=1e-14)


def test_a_state_that_is_not_finite_ends_the_integration():
    params = vaedyn.Params()
    with pytest.raises(vaedyn.DivergenceError, match="diverges"):
        integrate(params, np.full(6, np.nan), params.times(), Constant(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ({"beta": 1e12}, vaedyn.DivergenceError, "diverges near t = 0 at learning rate 0.01"),
        ({"eta": 1e12}, vaedyn.DivergenceError, "diverges near t = 0 at learning rate 0.01"),
        ({"rho": 1e12}, vaedyn.ConvergenceError, r"^stopped at t = \S+e-07 after .* --rtol"),
        ({"lam": 1e12}, vaedyn.ConvergenceError, r"^stopped at t = \S+e-06 after .* --rtol"),
    ],
)
def test_extreme_parameters_come_to_an_end(model, error, message, monkeypatch):
    monkeypatch.setattr("vaedyn.learning.theory.MOST_STEPS", 20_000)
    with pytest.raises(error, match=message):
        vaedyn.theory(vaedyn.Params(**model))


# --- beta that is zero for an instant ---------------------------------------------------

DIPS = {
    "touches": "points:0=0.37281,121.8=0,126.17=1.5",
    "slow": "points:0=0.05,200=0,400=1.5",
    "steep": "points:0=1.5,20=0,40=1.5",
    "late": "points:0=1,476.541=0,953.082=1.5",
}


@pytest.mark.parametrize("name", DIPS)
def test_a_schedule_that_touches_zero_has_one_answer_at_every_tolerance(name):
    end = 600.0 if name == "late" else 300.0
    params = vaedyn.Params(
        init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1", beta=1.5, lr=0.05, t_max=end, points=4,
        anneal=DIPS[name],
    )  # fmt: skip
    args = (params.strengths, 1.0, 0.0, 0.05, 1)

    def slope(t, y):  # in the logarithm of D, and with a beta that stops just short of zero
        beta = max(float(params.schedule(np.array(t), 1.5)), 1e-7)
        D = np.exp(min(y[-1], 50.0))  # trial steps may go far
        out = reference.drift(np.append(y[:-1], D), beta, *args)
        return np.append(out[:-1], out[-1] / D)

    y, kink = pack(**params.overlaps()), float(params.schedule.kinks(end)[0])
    y[-1] = np.log(y[-1])
    for span in ((0.0, kink), (kink, end)):
        y = solve_ivp(slope, span, y, method="Radau", rtol=1e-7, atol=1e-10).y[:, -1]
    y[-1] = np.exp(y[-1])
    for rtol in (1e-6, 1e-8, 1e-9, 1e-10, 1e-11):
        found = vaedyn.theory(params, rtol=rtol, atol=0.01 * rtol)
        states = found.states[-1]
        np.testing.assert_allclose(states, y, rtol=1e-5, atol=1e-6)
        assert (found.info["solver"]["least_variance"] < 1e-8) == (name != "steep")


def test_it_is_said_that_an_encoder_variance_touches_zero(caplog):
    params = vaedyn.Params(
        init="m=0.03,d=0.03,Q=1,E=1,R=0,D=1", beta=1.5, lr=0.05, t_max=121.8, points=4,
        anneal=DIPS["touches"],
    )  # fmt: skip
    for rtol in (1e-6, 1e-8, 1e-11):
        caplog.clear()
        found = vaedyn.theory(params, rtol=rtol)  # the end is the instant itself
        assert 0 < found.D[-1, 0] < 1e-8
        assert "D touches zero" in caplog.text
    # and where beta stays zero, D is lost
    longer = replace(params, t_max=300.0, anneal="points:0=0.37281,121.8=0,122=0,126.17=1.5")
    for rtol in (1e-6, 1e-8, 1e-11):
        with pytest.raises(vaedyn.DivergenceError, match="reached zero at t = 121.8"):
            vaedyn.theory(longer, rtol=rtol)
