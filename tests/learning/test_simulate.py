"""What an ensemble of runs promises, whichever engine makes them."""

import numpy as np
import pytest

import vaedyn
from tests.shared.laws import assert_different_law, assert_same_law
from vaedyn import machine
from vaedyn.learning import engines
from vaedyn.learning import simulate as sgd
from vaedyn.model.quantities import NAMES
from vaedyn.model.start import basis


def test_results_do_not_depend_on_jobs_nor_on_the_size_of_chunks(monkeypatch):
    params = vaedyn.Params(dim=50, t_max=20, points=7, anneal="tanh:0.1")
    one = vaedyn.simulate(params, runs=4, jobs=1)
    two = vaedyn.simulate(params, runs=4, jobs=3)
    monkeypatch.setattr(sgd, "SECONDS_AT_ONCE", 1e-6)
    small = vaedyn.simulate(params, runs=4, jobs=2)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        np.testing.assert_array_equal(getattr(one, name), getattr(small, name))


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_first_runs_of_many_are_the_same_as_few(engine):
    params = vaedyn.Params(dim=50, t_max=10, points=3)
    few = vaedyn.simulate(params, runs=2, engine=engine)
    many = vaedyn.simulate(params, runs=5, engine=engine)
    np.testing.assert_array_equal(few.Q, many.Q[:2])
    assert len(np.unique(many.Q[:, -1])) == 5
    other = vaedyn.simulate(params, runs=2, engine=engine, seed=1)
    assert (other.Q[:, -1] != few.Q[:, -1]).all()


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_engines_start_from_the_very_overlaps_that_were_given(engine):
    init = "m=0.3,d=-0.2,Q=0.5,E=0.4,R=0.1,D=0.8"
    params = vaedyn.Params(dim=64, latent=2, signal=2, init=init, t_max=1, points=2)
    start = vaedyn.simulate(params, runs=1, engine=engine)
    for name, value in params.overlaps().items():
        np.testing.assert_allclose(getattr(start, name)[0, 0], value, atol=1e-13)


def test_both_engines_and_theory_start_from_the_same_gaussian_weights():
    params = vaedyn.Params(dim=70_000, latent=2, signal=2, t_max=1e-3, points=2)
    results = [vaedyn.simulate(params, runs=1, engine=name) for name in ("exact", "vector")]
    ode = vaedyn.theory(params)
    for name in NAMES:
        for result in results:
            np.testing.assert_allclose(
                getattr(result, name)[0, 0], getattr(ode, name)[0], atol=1e-12
            )


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_too_large_a_learning_rate_is_said(engine):
    with pytest.raises(vaedyn.DivergenceError, match="diverges.*lower --lr"):
        vaedyn.simulate(vaedyn.Params(lr=20), runs=1, engine=engine)


@pytest.mark.parametrize("engine", ["exact", "vector"])
def test_a_variance_that_reaches_zero_is_said(engine):
    params = vaedyn.Params(dim=10, beta=0, lr=0.1, t_max=500)
    with pytest.raises(vaedyn.DivergenceError, match="variance D reached zero.*above zero"):
        vaedyn.simulate(params, runs=1, engine=engine)


def test_bad_arguments_are_named():
    for arguments in (
        {"runs": 0}, {"runs": 1.5}, {"runs": None}, {"runs": "x"}, {"runs": float("nan")},
        {"seed": -1}, {"seed": None}, {"engine": "exakt"}, {"engine": []}, {"jobs": 0},
    ):  # fmt: skip
        (name,) = arguments
        with pytest.raises(vaedyn.ParameterError, match=f"^{name}: "):
            vaedyn.simulate(vaedyn.Params(), **arguments)


def test_simulation_approaches_theory_as_one_over_root_n():
    """The root mean square distance of a run to the ODE is a quarter when N is 16 times as large.

    Half of the time it misses a power that is off by 0.046.
    """
    logs, variances = [], []
    for dim, many in ((125, 1600), (2000, 300)):
        params = vaedyn.Params(
            dim=dim, lr=0.2, t_max=30, points=21, init="m=0.3,d=0.3,Q=1,E=1,R=0.2,D=1"
        )
        ode, runs = vaedyn.theory(params), vaedyn.simulate(params, runs=many)
        square = ((runs.eps_g - ode.eps_g) ** 2).mean(axis=1)
        logs.append(0.5 * np.log(square.mean()))
        variances.append(0.25 * square.var() / square.mean() ** 2 / many)
    error = np.sqrt(sum(variances)) / np.log(16)
    assert abs(np.diff(logs)[0] / np.log(16) + 0.5) < 4 * error < 0.05


def test_basis_vectors_are_orthogonal_and_of_length_root_n():
    vectors = np.stack([basis(9, k) for k in range(9)])
    np.testing.assert_allclose(vectors @ vectors.T / 9, np.eye(9), atol=1e-14)
    np.testing.assert_array_equal(vectors[0], 1)
    np.testing.assert_allclose(basis(9, 4, slice(3, 7)), vectors[4, 3:7])


def test_whole_numbers_may_come_as_floats():
    params = vaedyn.Params(dim=20, t_max=1, points=2)
    one = vaedyn.simulate(params, runs=2.0, seed=1.0, jobs=1.0)
    np.testing.assert_array_equal(one.Q, vaedyn.simulate(params, runs=2, seed=1).Q)


def test_machines_that_do_not_tell_the_cores_of_a_process_are_served(monkeypatch):
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: None)
    assert machine.cores() == 1


def test_results_can_be_compared_and_hashed_without_surprise():
    params = vaedyn.Params(dim=20, t_max=1, points=2)
    one, two = vaedyn.theory(params), vaedyn.theory(params)
    assert one == one
    assert one != two
    assert len({one, two}) == 2


def test_the_harness_sees_spread_and_shape_alone():
    """Negative controls that leave the mean, or mean and spread, as they are."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1500, 3))
    assert_same_law(x, y)
    assert_different_law(x, 1.2 * (y - y.mean(axis=0)) + x.mean(axis=0))
    flat = rng.uniform(-np.sqrt(3), np.sqrt(3), (6000, 3))
    assert_different_law(rng.standard_normal((6000, 3)), flat)


def test_vectors_that_fill_the_memory_are_told_of(monkeypatch, caplog):
    params = vaedyn.Params(dim=1000, t_max=0.01, points=2)
    vaedyn.simulate(params, runs=1, engine="vector")
    assert not caplog.records
    monkeypatch.setattr(engines, "LARGE", 5e-5)
    vaedyn.simulate(params, runs=1, engine="vector")
    assert "needs about" in caplog.text
    assert "exact engine" in caplog.text
