"""Every cell, line and first sentence of listings of trajectories."""

import numpy as np
import pytest

from tests.shared.listed import cycle
from vaedyn import Params
from vaedyn.listings import fixed_points, trajectory


def test_runs_are_listed_by_mean_and_spread():
    values = np.array([[[1.0], [2.0]], [[3.0], [5.0]]])
    mean, std = trajectory.mean_and_std(values)
    assert (mean.tolist(), std.tolist()) == ([3.5], [pytest.approx(np.sqrt(4.5))])
    assert np.isnan(trajectory.mean_and_std(values[:1])[1]).all()
    made = cycle(t=np.array([0, 1, 2, 3.5]), params=Params(latent=2, signal=1))
    for name, size in {"m": (2, 1), "d": (2, 1), "D": (2,), "Q": (2, 2), "E": (2, 2),
                       "R": (2, 2)}.items():  # fmt: skip
        setattr(made, name, np.full((4, *size), 0.5))
    for name in fixed_points.OBSERVABLES:
        setattr(made, name, np.arange(4.0))
    shown = trajectory.listing(made)
    end = "the generalisation error ends at eps_g = 3, the KL at 3 nats"
    assert shown.first == end
    assert shown.tables[0].columns == ["t = 3.5", "theory"]
    for name in (*fixed_points.OBSERVABLES, *fixed_points.NAMES):
        setattr(made, name, np.stack([getattr(made, name), getattr(made, name) + 1]))
    shown = trajectory.listing(made)
    assert shown.first == "the generalisation error ends at eps_g = 3.5, the KL at 3.5 nats, on " \
        "average over 2 runs"  # fmt: skip
    assert shown.tables[0].columns == ["t = 3.5", "mean of 2", "std"]
