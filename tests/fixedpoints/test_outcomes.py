"""Where no latent can live alone: slow creep is told from oscillation."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints.attractors import DIVERGING, ENTANGLED, OSCILLATING, UNDECIDED
from vaedyn.fixedpoints.destination import peak
from vaedyn.fixedpoints.outcomes import outcome
from vaedyn.learning.theory import integrate
from vaedyn.model.schedules import Constant
from vaedyn.model.state import observables, pack, unpack

CREEPING = {"rho": (0.59, 0.21), "eta": 0.89, "lam": 0.017, "beta": 0.69}


def pair(**constants):
    return vaedyn.Params(latent=2, signal=2, dim=1000, t_max=10.0, points=2, **constants)


def test_a_pair_that_is_approached_slowly_does_not_oscillate():
    """Values from code that was written independently; at rest only after 10000/tau."""
    found = vaedyn.phase_diagram(
        pair(**CREEPING, lr=1.37), ("beta", [0.69, 0.7]), ("lr", [1.37, 1.38])
    )
    assert (found.phase == ENTANGLED).all()
    assert found.eps_g[0, 0] == pytest.approx(1.3584887, abs=1e-7)
    assert found.growth[0, 0] / 1.37 == pytest.approx(-0.0011667, abs=1e-7)


@pytest.mark.parametrize(
    "params",
    [
        pair(rho=(1.99, 1.47), eta=1.2, beta=0.52, lam=0.181, lr=0.98),
        vaedyn.Params(latent=3, rho=1.01, eta=1.64, beta=0.75, lr=0.63, dim=1000),
    ],
    ids=["two", "three"],
)
def test_creep_ends_where_a_long_integration_does(params):
    found = outcome(params)
    assert found.phase == ENTANGLED
    start = pack(**params.overlaps())
    times = np.array([0.0, 60_000 / params.lr])
    end = integrate(params, start, times, Constant(), rtol=1e-7, atol=1e-10)[0][-1]
    parts = unpack(end, params.latent, params.signal)
    assert found.eps_g == pytest.approx(
        float(observables(parts, params.strengths, params.eta)["eps_g"]), abs=2e-3
    )
    assert -1e-3 < found.growth < 0


def test_what_turns_back_and_forth_oscillates():
    assert outcome(pair(rho=(3, 1), beta=1.19, lr=1.07)).phase == OSCILLATING


def test_what_diverges_or_takes_too_many_steps_is_called_so(monkeypatch):
    found = outcome(pair(rho=(3, 1), beta=1.19, lr=3))
    assert (found.phase, found.active) == (DIVERGING, -1)
    assert np.isnan([found.eps_g, found.growth]).all()
    monkeypatch.setattr("vaedyn.fixedpoints.outcomes.MOST_STEPS", 3)
    assert outcome(pair(rho=(3, 1), beta=1.19, lr=0.2)).phase == UNDECIDED


def test_peaks_are_beyond_both_ends():
    t = np.linspace(0, 1, 33)
    assert peak(np.exp(-t)[:, None]) == 0
    assert peak(np.stack([t, np.sin(np.pi * t)], axis=1)) == pytest.approx(1)
    assert peak(np.stack([t, -np.sin(np.pi * t)], axis=1)) == pytest.approx(1)


@pytest.mark.usefixtures("no_thresholds")
def test_no_fixed_point_is_waited_for_where_the_order_parameters_oscillate():
    """It would take some 10^7 steps: peaks that last are noticed after a few thousand / tau."""
    fast = {"latent": 2, "signal": 2, "rho": (3, 1), "t_max": 5, "points": 2, "groups": 1}
    found = vaedyn.fixed_points(beta=0.72, lr=1.4, **fast)
    assert found.reached is None
    assert "the order parameters go on oscillating" in found.lost
    slow = vaedyn.fixed_points(beta=1.5, lr=0.8, **fast)  # a spiral that dies out
    assert slow.labels[slow.reached] == "learned"
