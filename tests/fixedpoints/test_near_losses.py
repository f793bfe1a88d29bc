"""Warnings of signals that noise loses: runs with one are lost, others are not."""

import numpy as np
import pytest

import vaedyn
from vaedyn.model.quantities import NAMES

# with weight decay, between the threshold of collapse (1/12) and the fold (0.119)
BISTABLE = vaedyn.Params(
    rho=1.0, eta=0.5, lam=1.0, lr=0.5, beta=0.112, t_max=900, points=2,
    init="m=0.8,d=0.8,Q=0.7,E=0.8,R=0.65,D=0.3",
)  # fmt: skip
# near a supercritical pitchfork (2.3), where nothing else attracts
SINGLE = BISTABLE.replace(rho=1.7, eta=0.6, lam=0.0, lr=0.4, beta=2.15)
CASES = [(BISTABLE, 100, True), (BISTABLE, 800, False), (SINGLE, 25, False)]


@pytest.mark.parametrize(("params", "dim", "warned"), CASES)
def test_runs_are_lost_where_a_line_says_so(params, dim, warned):
    # of 40 runs over 20 relaxation times: a line a little too early or too late would pass
    found = vaedyn.fixed_points(params.replace(dim=dim), groups=1)
    i = found.reached
    assert i is not None
    assert found.types[i] == "signal 1"
    assert len(found.warnings) == warned
    assert found.relaxation_time[i] * 20 == pytest.approx(
        900 if params is BISTABLE else 520, rel=0.02
    )
    init = ",".join(f"{name}={float(getattr(found, name)[i].ravel()[0])!r}" for name in NAMES)
    sgd = vaedyn.simulate(params.replace(init=init, dim=dim), runs=40, engine="exact")
    lost = np.abs(sgd.m[:, -1]).ravel() < 0.1 * np.abs(found.m[i]).item()
    assert (lost.mean() > 0.5) if warned else not lost.any()


def test_a_line_says_how_large_n_has_to_be():
    found = vaedyn.fixed_points(BISTABLE.replace(dim=100), groups=1)
    (line,) = found.warnings
    assert line.startswith("runs at N = 100 may lose signal 1: m = 0.304 is 2.4 standard dev")
    enough = int(line.split("--dim ")[1].split()[0])
    assert not vaedyn.fixed_points(BISTABLE.replace(dim=enough), groups=1).warnings
    assert vaedyn.fixed_points(BISTABLE.replace(dim=int(0.85 * enough)), groups=1).warnings
    dead = BISTABLE.replace(dim=100, init="m=0.001,d=0.001,Q=0.001,E=0.001,R=0,D=1")
    assert vaedyn.fixed_points(dead, groups=1).warnings == []
