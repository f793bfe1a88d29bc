"""The cascade of collapse from Python: what is simulated where, and what has not ended."""

from dataclasses import replace

import numpy as np
import pytest

import vaedyn
from vaedyn.errors import DivergenceError, ParameterError
from vaedyn.fixedpoints.cascade import cascade, unfinished
from vaedyn.model.records import unwatched
from vaedyn.store import ResultStore

PARAMS = vaedyn.Params(dim=500, lr=0.1, t_max=200, points=11)


@pytest.fixture(scope="module")
def along():
    return vaedyn.branches(PARAMS, "beta", 0.25, 2.25)


def test_simulations_stand_evenly_between_the_ends(along, tmp_path):
    store, titles = ResultStore(tmp_path), []

    def watch(title):
        titles.append(title)
        return unwatched(title)

    found = cascade(along, simulations=3, runs=2, seed=4, store=store, watch=watch)
    betas = [0.75, 1.25, 1.75]
    assert [run.params.beta for run in found.simulated] == betas
    assert titles == [f"simulate, beta = {beta:.3g}" for beta in betas]
    for run, beta in zip(found.simulated, betas, strict=True):
        again = vaedyn.simulate(replace(PARAMS, beta=beta), runs=2, seed=4)
        np.testing.assert_array_equal(run.eps_g, again.eps_g)
    assert unfinished(found, store=store) == 1  # learning is slow near the threshold at 2
    kinds = sorted(record.kind for record in store.records())
    assert kinds == ["simulate"] * 3 + ["theory"] * 3
    assert found.thresholds["collapse"] == [pytest.approx(2.0)]
    x = along.varied[found.stable]
    assert (np.diff(x) > 0).all()
    assert along.stable[found.stable].all()


def test_what_has_not_ended_is_counted(along):
    # by t = 200 learning has ended far below the threshold at 2, and hardly begun by t = 1
    assert unfinished(cascade(along, simulations=1, runs=1)) == 0
    short = replace(along, params=replace(PARAMS, t_max=1))
    assert unfinished(cascade(short, simulations=2, runs=1)) == 2


def test_other_branches_are_refused():
    with pytest.raises(ParameterError, match="expected branches along beta, got eta"):
        cascade(vaedyn.branches(PARAMS, "eta", 0.5, 1))
    unstable = vaedyn.branches(replace(PARAMS, rho=(400.0,)), "beta", 100, 400)
    with pytest.raises(DivergenceError, match="stable from beta = 100 to 400 at learning rate 0.1"):
        cascade(unstable)


def test_a_model_cannot_be_changed_by_what_simulations_are_given():
    along = vaedyn.branches(groups=0)
    with pytest.raises(TypeError, match=r"cascade\(\) got an unexpected keyword argument 'lr'$"):
        vaedyn.cascade(along, simulations=1, lr=0.5)
