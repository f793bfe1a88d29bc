"""Runs of PyTorch's own Adam that are kept, beside the theory: whole, and on its line."""

import json

import numpy as np
import pytest

import vaedyn
from study import draw_adam

PARAMS, RUNS = draw_adam.load()


def test_results_are_whole():
    results = json.loads(draw_adam.RESULTS.read_text())
    assert {"torch", "numpy"} == set(results["model"]["versions"])
    assert set(RUNS) == {"gaussian", "torch"}
    for init, runs in RUNS.items():
        assert runs.eps_g.shape == (5, PARAMS.points)
        assert np.isfinite(runs.states).all()
        start = vaedyn.Params(**{**vars(PARAMS), "init": init}).overlaps()
        np.testing.assert_allclose(runs.Q[:, 0], np.broadcast_to(start["Q"], (5, 2, 2)), rtol=1e-4)


@pytest.mark.parametrize(("change", "near"), [({}, True), ({"batch": 16}, False),
                                              ({"adam_betas": (0.9, 0.9)}, False)])  # fmt: skip
def test_pytorch_is_on_the_line_of_theory(change, near):
    """From standard normal weights: KL within 0.03 nats, and the error within a tenth, on average.

    Both are those of five runs, whose mean is known to 0.01 nats. A theory of smaller batches, or
    of second moments without a memory, is off by several times that.
    """
    runs, theory = RUNS["gaussian"], vaedyn.theory(PARAMS, **change)
    kl = np.abs(runs.kl.mean(axis=0) - theory.kl)
    error = np.abs(np.log(runs.eps_g_rotation.mean(axis=0) / theory.eps_g_rotation))
    assert (kl.mean() < 0.03 and error.mean() < 0.1) == near
