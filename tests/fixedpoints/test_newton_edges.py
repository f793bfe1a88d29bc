"""When Newton's method stops, where single latents end, and what maps are stored with."""

import numpy as np
import pytest

import vaedyn
from vaedyn.fixedpoints import newton as module
from vaedyn.fixedpoints import phase_diagram as maps
from vaedyn.fixedpoints.newton import newton, residual, root, sort_modes
from vaedyn.fixedpoints.single import noise_at
from vaedyn.kernels.constants import Constants
from vaedyn.model.state import pack
from vaedyn.store import ResultStore

MODEL = Constants(0.8, np.array([1.7]), 0.6, 0.03, 0.2, 1)
START = pack([[0.9]], [[0.4]], [[1.0]], [[0.4]], [[0.5]], [0.5])


def test_newton_stops_below_its_tolerance_and_not_at_it():
    left = residual(MODEL, START)
    assert left > 0.01
    np.testing.assert_array_equal(newton(MODEL, START, np.nextafter(left, 1)), START)
    for tolerance in (left, 0.5 * left):
        assert np.abs(newton(MODEL, START, tolerance) - START).max() > 0.01
    end = newton(MODEL, START)
    assert residual(MODEL, end) < 1e-12
    assert residual(MODEL, newton(MODEL, START, 1e-3)) > 10 * residual(MODEL, end)


def followed(monkeypatch, slope, start=1.0):
    """Return the end and the number of steps along a made-up slope whose Jacobian is one."""
    seen = []

    def velocity(model, y):
        seen.append(y.copy())
        return np.full_like(y, slope(len(seen), y))

    monkeypatch.setattr(module, "velocity", velocity)
    monkeypatch.setattr(module, "jacobian", lambda model, y: np.eye(len(y)))
    return newton(MODEL, start * np.ones(6))[0], len(seen)


def test_newton_stops_when_nothing_changes_or_after_fifty_steps(monkeypatch):
    assert followed(monkeypatch, lambda n, y: 0.25) == (1 - 50 * 0.25, 50)
    assert followed(monkeypatch, lambda n, y: np.nan if n == 3 else 0.25) == (0.5, 3)
    # at a size of 4096 a step of 2^-38 is 0.9 times what 10^-15 of it is not
    assert followed(monkeypatch, lambda n, y: 3.9e-12, 4096.0)[1] == 1
    assert followed(monkeypatch, lambda n, y: 4.7e-12, 4096.0)[1] == 50
    assert followed(monkeypatch, lambda n, y: 2e-13, 0.01)[1] == 50


def test_modes_fall_and_those_that_are_lacking_stand_at_the_end():
    values = np.array([-3 + 1j, np.nan, 2 + 1j, 2 - 1j, -0.5, np.nan])
    found = sort_modes(values)
    np.testing.assert_array_equal(found, [2 - 1j, 2 + 1j, -0.5, -3 + 1j, np.nan, np.nan])


def test_roots_are_found_to_rounding():
    assert root(lambda x: x * x - 2, 1, 2) == pytest.approx(2**0.5, rel=3e-15)
    tiny = root(lambda x: x * x - 2e-20, 1e-10, 2e-10)
    assert tiny == pytest.approx(2**0.5 * 1e-10, rel=1e-13, abs=0)
    assert root(lambda x: -3e-7 - x, -1.0, -1e-9) == pytest.approx(-3e-7, rel=1e-8)


def test_noise_without_a_variance_of_means_has_no_latent():
    """At K h = 3/2 and D + lam = 1/2 it is 0, below that positive, and above it negative."""

    def left(D, lam=0.125):
        c = Constants(2.0, np.zeros((1, 0)), 1.0, lam, 0.5, 1).many().column()
        return noise_at(c, np.array([[1.0]]), np.array([[D]]))

    left_over, E, R = left(0.375)
    assert np.isnan([left_over, E, R]).all()
    assert np.isnan(left(0.385)).all() != np.isnan(left(0.365)).all()


@pytest.mark.parametrize("y_name", ["eta", "rho"])
def test_every_array_of_a_map_is_stored_with_its_name(tmp_path, y_name):
    store = ResultStore(tmp_path)
    params = vaedyn.Params(rho=1.3, lr=0.05)
    y = (y_name, [0.5, 0.75, 1.0])
    found = vaedyn.phase_diagram(params, ("beta", [0.5, 2.5]), y, store=store)
    texts = {
        "phase": "number of the phase: " + ", ".join(maps.PHASES),
        "eps_g": "generalisation error of the attracting fixed point",
        "active": "number of latents that are alive there, -1 without one",
        "growth": "largest real part of its Jacobian's eigenvalues",
        "stable": "number of stable fixed points in which every latent lives alone",
        "y": y_name,
    }
    assert len(found.info["keys"]) == 2
    for key in found.info["keys"]:
        variables = store.find(key).variables
        assert {name: attributes for name, (_, _, attributes) in variables.items()} == {
            name: {"long_name": text, "units": "1"} for name, text in texts.items()
        }


def test_values_of_an_axis_in_even_steps_are_stored_as_such():
    params = vaedyn.Params()
    even = maps._Grid(params, ("beta", np.array([1.0, 2])), ("eta", np.array([0.5, 0.75, 1.0])))
    assert even.spacing == {"y_start": 0.5, "y_step": 0.25}
    for off, is_even in ((0.9e-9, True), (1.1e-9, False)):
        y = np.array([0.5, 0.75 + 0.25 * off, 1.0])
        grid = maps._Grid(params, ("beta", np.array([1.0, 2])), ("eta", y))
        assert ("y_step" in grid.spacing) == is_even
        assert grid.y.tolist() == ([0.5, 0.75, 1.0] if is_even else y.tolist())
    uneven = maps._Grid(params, ("beta", np.array([1.0, 2])), ("eta", np.array([0.5, 0.7, 1.0])))
    assert uneven.spacing == {"y": [0.5, 0.7, 1.0]}
