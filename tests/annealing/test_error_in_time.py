"""Times asked for one after another: the numbers are those of integrations from the start."""

import numpy as np
import pytest

from vaedyn.annealing import error_in_time
from vaedyn.annealing.criterion import of_states
from vaedyn.kernels import rk45
from vaedyn.learning import solve
from vaedyn.learning.theory import integrate
from vaedyn.model.params import Params
from vaedyn.model.state import pack

TOLERANCES = {"rtol": 1e-7, "atol": 1e-9}
CASES = {
    "many latents": {"latent": 12, "signal": 5, "dim": 400, "rho": [5.0, 4, 3, 2, 1.5]},
    "kinks": {"latent": 12, "signal": 3, "dim": 300, "beta": 0.8, "anneal": "cyclical:37:0.6"},
    "watched": {"latent": 3, "signal": 2, "dim": 300, "latents": "sampled", "lr": 0.3},
    "adam": {"latent": 2, "signal": 2, "dim": 300, "optimiser": "adam", "lr": 0.02},
}


@pytest.mark.parametrize("criterion", ["eps_g", "elbo"])
@pytest.mark.parametrize("case", CASES)
def test_no_matter_what_was_asked_before(case, criterion, monkeypatch):
    # few steps from mark to mark, and few marks: both happen only where there are many latents
    monkeypatch.setattr(solve, "OFTEN", 10**6)
    monkeypatch.setattr(solve, "MOST_MARKS", 7)
    params = Params(eta=0.7, lam=0.03, **CASES[case])
    found = error_in_time.ErrorInTime(params, params.schedule, criterion, **TOLERANCES)
    first = np.linspace(0, 60, 81)
    asked = [first, 2 * first, 4 * first, np.linspace(100, 103, 9), np.linspace(3, 3.01, 9),
             np.linspace(102, 240, 5), np.array([0.0]), np.array([0.0, 240.0])]  # fmt: skip
    for times in asked:
        whole = np.union1d(0.0, times)
        start, begins = pack(**params.overlaps()), len(whole) - len(times)
        y = integrate(params, start, whole, params.schedule, **TOLERANCES)[0]
        values = of_states(params, y, criterion)[begins:]
        assert np.array_equal(found.at(times), values)
        assert np.array_equal(found.state, y[-1])


def test_no_step_is_made_twice(monkeypatch):
    calls, inner = [], rk45.integrate
    monkeypatch.setattr(rk45, "integrate", lambda *given: calls.append(given) or inner(*given))
    monkeypatch.setattr(solve, "OFTEN", 10**6)
    params = Params(**CASES["many latents"])
    found = error_in_time.ErrorInTime(params, params.schedule, **TOLERANCES)
    times = np.linspace(0, 200, 41)
    found.at(times[::2].copy())  # kernels are compiled for what is contiguous
    first = len(calls)
    found.at(times[-3:])  # the one between is new
    assert first > 10
    assert len(calls) - first <= 3
