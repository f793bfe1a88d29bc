"""Every model draws data of its own, also under the same seed."""

import numpy as np
import pytest

import vaedyn
from vaedyn.learning import simulate as sgd

EXPERIMENTS = {
    "N": {"dim": 200},
    "M": {"latent": 2},
    "M*": {"signal": 2},
    "rho": {"rho": 1.1},
    "eta": {"eta": 0.7},
    "beta": {"beta": 0.7},
    "lam": {"lam": 0.1},
    "lr": {"lr": 0.12},
    "schedule": {"anneal": "linear:5"},
    "start": {"init_seed": 2},
}


def deviations(params, **options):
    """Return how far |m| of each run is from the mean at the last time."""
    runs = vaedyn.simulate(params, runs=400, seed=7, **options)
    m = np.abs(runs.m[:, -1]).sum(axis=(1, 2))
    return m - m.mean()


@pytest.fixture(scope="module")
def plain_deviations():
    return deviations(vaedyn.Params(**EXPERIMENT))


EXPERIMENT = {"dim": 100, "rho": 1.2, "eta": 0.8, "beta": 0.6, "lr": 0.1, "t_max": 8, "points": 2,
              "init_seed": 1}  # fmt: skip


@pytest.mark.parametrize("changes", EXPERIMENTS.values(), ids=EXPERIMENTS.keys())
def test_other_experiments_draw_other_data(changes, plain_deviations):
    """A correlation of 400 independent pairs is beyond 0.22 once in 100,000 times."""
    other = deviations(vaedyn.Params(**{**EXPERIMENT, **changes}))
    assert abs(np.corrcoef(plain_deviations, other)[0, 1]) < 0.22


@pytest.mark.parametrize("options", [{"engine": "vector"}, {"random_start": True}], ids=str)
def test_engines_and_random_starts_draw_other_data(options, plain_deviations):
    other = deviations(vaedyn.Params(**EXPERIMENT), **options)
    assert abs(np.corrcoef(plain_deviations, other)[0, 1]) < 0.22


def test_shared_data_would_be_seen(monkeypatch, plain_deviations):
    monkeypatch.setattr(sgd, "experiment", lambda *_: ())
    pair = [deviations(vaedyn.Params(**{**EXPERIMENT, "dim": dim})) for dim in (100, 200)]
    assert np.corrcoef(*pair)[0, 1] > 0.4
    pair[1] = deviations(vaedyn.Params(**{**EXPERIMENT, "beta": 0.65}))
    assert np.corrcoef(*pair)[0, 1] > 0.9


def test_more_runs_saved_more_often_make_the_same_steps():
    coarse = vaedyn.simulate(vaedyn.Params(**{**EXPERIMENT, "points": 3}), runs=2)
    fine = vaedyn.simulate(vaedyn.Params(**{**EXPERIMENT, "points": 9}), runs=3)
    np.testing.assert_array_equal(coarse.Q, fine.Q[:2, ::4])
